import { concat } from '../../src/bytes/compare.ts'
import { TLS12, type Version } from '../../src/config.ts'
import type { GroupName, HashName } from '../../src/crypto/provider.ts'
import { type CipherName, type Suite, suiteById } from '../../src/crypto/suites.ts'
import { type MessageName, messages } from '../../src/messages/table.ts'
import { type Codec, decode, opaque, struct, u16 } from '../../src/wire/codec.ts'

export type Role = 'client' | 'server'
export const roles = ['client', 'server'] as const
export const other = (role: Role): Role => (role === 'client' ? 'server' : 'client')

export const CHANGE_CIPHER_SPEC = 20
export const ALERT = 21
export const HANDSHAKE = 22
export const APPLICATION_DATA = 23

/** A record as it went over the wire, and what is in it. */
export interface Step {
  readonly from: Role
  readonly record: Uint8Array
  /** The content type inside. */
  readonly type: number
  readonly plaintext: Uint8Array
  readonly epoch: string
  /** Within the epoch; undefined for records in the clear. */
  readonly sequence: number | undefined
}

/** A handshake message. `name` is undefined for what no codec of ours reads. */
export interface Said {
  readonly from: Role
  readonly raw: Uint8Array
  readonly type: number
  readonly name: MessageName | undefined
}

/** One side's part of a key agreement: what it sent, and the scalar behind it where the file tells. */
export interface Share {
  readonly group: GroupName
  readonly share: Uint8Array
  readonly scalar?: Uint8Array
}

/** A recorded or written-down connection, whatever file it comes from. */
export interface Conversation {
  readonly id: string
  readonly version: Version
  readonly suite: Suite
  /** Whether the suite is one that the engine negotiates. */
  readonly ours: boolean
  readonly steps: readonly Step[]
  readonly said: readonly Said[]
  /** In the order in which they were made. */
  readonly shares: Readonly<Record<Role, readonly Share[]>>
  /** TLS 1.3: the traffic secrets, as far as they are told. */
  readonly secrets13?: {
    readonly early?: Uint8Array | undefined
    readonly handshake: Readonly<Record<Role, Uint8Array>>
    readonly application: Readonly<Record<Role, Uint8Array>>
    readonly exporter?: Uint8Array | undefined
  }
  readonly secrets12?: {
    readonly master: Uint8Array
    readonly client: Uint8Array
    readonly server: Uint8Array
    readonly extended: boolean
    readonly encryptThenMac: boolean
    readonly premaster?: Uint8Array | undefined
  }
  /** The pre-shared key of a resumption of TLS 1.3. */
  readonly psk?: Uint8Array | undefined
  readonly resumed: boolean
}

const cipherNames: Readonly<Record<string, CipherName>> = {
  AES_128_GCM: 'aes-128-gcm',
  AES_256_GCM: 'aes-256-gcm',
  CHACHA20_POLY1305: 'chacha20-poly1305',
  AES_128_CCM: 'aes-128-ccm',
  AES_128_CCM_8: 'aes-128-ccm-8',
  AES_128_CBC: 'aes-128-cbc',
  AES_256_CBC: 'aes-256-cbc',
}
const macs: Readonly<Record<string, HashName>> = { SHA: 'sha1', SHA256: 'sha256', SHA384: 'sha384' }

/** A suite of TLS 1.2 by its IANA name although we do not negotiate it: its records can be opened all the same. */
const foreignSuite = (id: number, name: string): Suite | undefined => {
  const [, exchange = '', rest = ''] = /^TLS_(.+?)_WITH_(.+)$/.exec(name) ?? []
  const [, named, hash] = /^(.+)_(SHA|SHA256|SHA384)$/.exec(rest) ?? [undefined, rest, 'SHA256']
  const cipher = cipherNames[named ?? '']
  const mac = cipher?.endsWith('cbc') ? macs[hash ?? ''] : undefined
  if (!cipher) return undefined
  return {
    id,
    name,
    openssl: name,
    version: TLS12,
    agreement: exchange.startsWith('ECDHE') ? 'ecdhe' : exchange === 'RSA' ? 'rsa' : 'any',
    authentication: exchange.endsWith('RSA') ? 'rsa' : exchange.endsWith('ECDSA') ? 'ecdsa' : 'any',
    cipher,
    hash: hash === 'SHA384' ? 'sha384' : 'sha256',
    ...(mac && { mac }),
    default: false,
  }
}

export const suiteNamed = (id: number, name: string): { readonly suite: Suite; readonly ours: boolean } | undefined => {
  const known = suiteById(id)
  const suite = known ?? foreignSuite(id, name)
  return suite && { suite, ours: known !== undefined }
}

const named = Object.entries(messages) as [MessageName, { readonly type: number }][]

export const said = (from: Role, raw: Uint8Array, version: Version, suite: Suite): Said => {
  const [type = -1] = raw
  const fitting = named.filter(([, row]) => row.type === type).map(([name]) => name)
  const name = fitting.find((candidate) => candidate.endsWith('12') === (version === TLS12)) ?? fitting[0]
  const foreign = type === messages.serverKeyExchange.type && suite.agreement !== 'ecdhe'
  return { from, raw, type, name: foreign ? undefined : name }
}

/** What a message says. Views of `raw`. */
export const bodyOf = ({ name, raw }: Said): any => {
  if (!name) throw new Error(`there is no codec for message type ${raw[0]}`)
  return decode(messages[name].codec as Codec<unknown>, raw.subarray(4))
}

/** The messages in the handshake records of each side, in the order in which they were whole. */
export const messagesIn = (steps: readonly Step[]): readonly { readonly from: Role; readonly raw: Uint8Array }[] => {
  const found: { from: Role; raw: Uint8Array }[] = []
  const left: Record<Role, Uint8Array> = { client: new Uint8Array(0), server: new Uint8Array(0) }
  for (const { from, type, plaintext } of steps) {
    if (type !== HANDSHAKE) continue
    let held = concat(left[from], plaintext)
    for (;;) {
      const length =
        held.length < 4
          ? Number.POSITIVE_INFINITY
          : 4 + (((held[1] as number) << 16) | ((held[2] as number) << 8) | (held[3] as number))
      if (held.length < length) break
      found.push({ from, raw: held.subarray(0, length) })
      held = held.subarray(length)
    }
    left[from] = held
  }
  return found
}

const longNumber = opaque(1, 2 ** 16 - 1)
/** ServerKeyExchange of the DHE suites (RFC 5246 section 7.4.3), which the engine does not speak. */
export const DheParams = struct('ServerDHParams', { p: longNumber, g: longNumber, ys: longNumber })
export const DheExchange = struct('ServerKeyExchange', {
  params: DheParams,
  algorithm: u16,
  signature: opaque(0, 2 ** 16 - 1),
})

/** The certificates that one side showed, leaf first; none when it showed none. */
export const chainOf = ({ said: all }: Conversation, role: Role): readonly Uint8Array[] => {
  const message = all.find(({ from, type }) => from === role && type === messages.certificate.type)
  if (!message) return []
  const body = bodyOf(message)
  return message.name === 'certificate'
    ? body.certificateList.map((entry: { certData: Uint8Array }) => entry.certData)
    : body
}
