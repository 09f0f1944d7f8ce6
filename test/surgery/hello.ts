import { concat } from '../../src/bytes/compare.ts'
import { Reader } from '../../src/bytes/reader.ts'
import { RETRY_RANDOM } from '../../src/messages/hello.ts'

/** Hellos and extension blocks cut up without the library's own codecs, so that they can say what those would not. */

export interface Extension {
  readonly type: number
  readonly data: Uint8Array
}

export interface Hello {
  /** 1 of a client, 2 of a server. */
  readonly type: number
  readonly version: number
  readonly random: Uint8Array
  readonly sessionId: Uint8Array
  /** One of a server. */
  readonly suites: readonly number[]
  /** Of a client a list, of a server one. */
  readonly compression: Uint8Array
  /** Undefined: no block at all. */
  readonly extensions: readonly Extension[] | undefined
}

const CLIENT = 1

export const u8 = (value: number): Uint8Array => Uint8Array.of(value)
export const u16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 255)
export const u24 = (value: number): Uint8Array => Uint8Array.of(value >> 16, (value >> 8) & 255, value & 255)

/** A handshake message: its header and this body. */
export const message = (type: number, ...body: readonly Uint8Array[]): Uint8Array => {
  const whole = concat(...body)
  return concat(u8(type), u24(whole.length), whole)
}

const pairs = (bytes: Uint8Array): number[] =>
  Array.from({ length: bytes.length >> 1 }, (_, i) => ((bytes[2 * i] as number) << 8) | (bytes[2 * i + 1] as number))

export const readExtensions = (block: Uint8Array): Extension[] => {
  const r = new Reader(block)
  const found: Extension[] = []
  while (r.left > 0) {
    const type = r.number(2, 'extension type')
    found.push({ type, data: r.take(r.number(2, 'length of extension'), 'extension') })
  }
  return found
}
/** Without the length in front. */
export const writeExtensions = (extensions: readonly Extension[]): Uint8Array =>
  concat(...extensions.flatMap(({ type, data }) => [u16(type), u16(data.length), data]))

/** A ClientHello, a ServerHello or a HelloRetryRequest with its header. */
export const readHello = (raw: Uint8Array): Hello => {
  const r = new Reader(raw)
  const type = r.number(1, 'message type')
  r.number(3, 'message length')
  const version = r.number(2, 'version')
  const random = r.take(32, 'random')
  const sessionId = r.take(r.number(1, 'length of session id'), 'session id')
  const suites = pairs(r.take(type === CLIENT ? r.number(2, 'length of suites') : 2, 'suites'))
  const compression = r.take(type === CLIENT ? r.number(1, 'length of compression methods') : 1, 'compression')
  const extensions = r.left > 0 ? readExtensions(r.take(r.number(2, 'length of extensions'), 'extensions')) : undefined
  return { type, version, random, sessionId, suites, compression, extensions }
}

export const writeHello = ({
  type,
  version,
  random,
  sessionId,
  suites,
  compression,
  extensions,
}: Hello): Uint8Array => {
  const client = type === CLIENT
  const block = extensions && writeExtensions(extensions)
  return message(
    type,
    u16(version),
    random,
    u8(sessionId.length),
    sessionId,
    ...(client ? [u16(2 * suites.length)] : []),
    ...suites.map(u16),
    ...(client ? [u8(compression.length)] : []),
    compression,
    ...(block ? [u16(block.length), block] : []),
  )
}

export const isRetry = ({ type, random }: Hello): boolean =>
  type !== CLIENT && random.every((byte, i) => byte === RETRY_RANDOM[i])

export const extensionOf = (hello: Hello, type: number): Uint8Array | undefined =>
  hello.extensions?.find((extension) => extension.type === type)?.data

/** The version that a server's hello settles. */
export const versionOf = (hello: Hello): number => {
  const chosen = extensionOf(hello, SUPPORTED_VERSIONS)
  return chosen ? (pairs(chosen)[0] ?? hello.version) : hello.version
}
export const SUPPORTED_VERSIONS = 43

/** An editor of one hello: what `change` leaves out stays. */
export const hello =
  (change: (hello: Hello) => Partial<Hello>) =>
  (raw: Uint8Array): Uint8Array => {
    const before = readHello(raw)
    return writeHello({ ...before, ...change(before) })
  }

/** What becomes of an extension: other contents; undefined: it goes. One that was not there comes last, but before pre_shared_key. */
export const setExtension = (
  extensions: readonly Extension[] = [],
  type: number,
  data: Uint8Array | undefined,
): Extension[] => {
  if (data === undefined) return extensions.filter((one) => one.type !== type)
  if (extensions.some((one) => one.type === type))
    return extensions.map((one) => (one.type === type ? { type, data } : one))
  const rest = extensions.filter((one) => one.type !== PRE_SHARED_KEY)
  return [...rest, { type, data }, ...extensions.filter((one) => one.type === PRE_SHARED_KEY)]
}
export const PRE_SHARED_KEY = 41

/** An editor that gives one extension of a hello other contents, or takes it out. */
export const withExtension = (
  type: number,
  change: Uint8Array | undefined | ((data: Uint8Array | undefined) => Uint8Array | undefined),
): ((raw: Uint8Array) => Uint8Array) =>
  hello((before) => ({
    extensions: setExtension(
      before.extensions,
      type,
      typeof change === 'function' ? change(extensionOf(before, type)) : change,
    ),
  }))

/** The same for EncryptedExtensions. */
export const encryptedExtensions =
  (change: (extensions: readonly Extension[]) => readonly Extension[]) =>
  (raw: Uint8Array): Uint8Array => {
    const block = writeExtensions(change(readExtensions(raw.subarray(6))))
    return message(8, u16(block.length), block)
  }
