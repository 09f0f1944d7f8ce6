import { equal } from '../bytes/compare.ts'
import { Reader } from '../bytes/reader.ts'
import { extensions } from '../extensions/block.ts'
import type { Extensions } from '../extensions/registry.ts'
import { bytes, type Codec, type Infer, list, opaque, struct, u8, u16 } from '../wire/codec.ts'

/** RFC 9846 section 4.1.2, RFC 5246 section 7.4.1.2 */
export const ClientHello = struct('ClientHello', {
  legacyVersion: u16,
  random: bytes(32),
  legacySessionId: opaque(0, 32),
  cipherSuites: list(u16, 2, 2 ** 16 - 2),
  legacyCompressionMethods: opaque(1, 2 ** 8 - 1),
  extensions: extensions('clientHello'),
})
export type ClientHello = Infer<typeof ClientHello>

const head = struct('ServerHello', {
  legacyVersion: u16,
  random: bytes(32),
  legacySessionIdEcho: opaque(0, 32),
  cipherSuite: u16,
  legacyCompressionMethod: u8,
})
type Head = Infer<typeof head>

/** What one message type carries: three different structures, told apart by their random and by supported_versions. */
export type ServerHello = Head &
  (
    | { readonly kind: 'helloRetryRequest'; readonly extensions: Extensions<'helloRetryRequest'> }
    | { readonly kind: 'serverHello'; readonly extensions: Extensions<'serverHello'> }
    | { readonly kind: 'serverHello12'; readonly extensions: Extensions<'serverHello12'> }
  )

/** The SHA-256 of "HelloRetryRequest", which stands in place of a random (RFC 9846 section 4.1.3). */
export const RETRY_RANDOM: Uint8Array = new Uint8Array([
  0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
  0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
])

const SUPPORTED_VERSIONS = 43

const blocks = {
  helloRetryRequest: extensions('helloRetryRequest'),
  serverHello: extensions('serverHello'),
  serverHello12: extensions('serverHello12'),
} as const

/** Whether an extension of that type stands in a block, without reading what is in it. */
const stands = (block: Uint8Array, type: number): boolean => {
  for (let at = 2; at + 4 <= block.length; ) {
    if (((block[at] as number) << 8) + (block[at + 1] as number) === type) return true
    at += 4 + ((block[at + 2] as number) << 8) + (block[at + 3] as number)
  }
  return false
}

/** Which of the three it is; the reader stands before the extension block. */
const kindOf = ({ random }: Head, r: Reader): ServerHello['kind'] =>
  equal(random, RETRY_RANDOM)
    ? 'helloRetryRequest'
    : stands(r.bytes.subarray(r.at, r.end), SUPPORTED_VERSIONS)
      ? 'serverHello'
      : 'serverHello12'

/** RFC 9846 section 4.1.3, RFC 5246 section 7.4.1.3 */
export const ServerHello: Codec<ServerHello> = {
  name: 'ServerHello',
  read(r) {
    const fields = head.read(r)
    const kind = kindOf(fields, r)
    return {
      kind,
      legacyVersion: fields.legacyVersion,
      random: fields.random,
      legacySessionIdEcho: fields.legacySessionIdEcho,
      cipherSuite: fields.cipherSuite,
      legacyCompressionMethod: fields.legacyCompressionMethod,
      extensions: blocks[kind].read(r),
    } as ServerHello
  },
  write(w, value) {
    head.write(w, value)
    // a hello of TLS 1.2 without extensions has no block at all
    if (value.kind === 'serverHello12' && Object.keys(value.extensions).length === 0) return
    ;(blocks[value.kind] as Codec<unknown>).write(w, value.extensions)
  },
  parts(r, visit) {
    const fields = head.read(new Reader(r.bytes, r.at, r.end))
    head.parts?.(r, visit)
    visit('extensions', blocks[kindOf(fields, r)], r)
  },
}
