import { isIPv4, isIPv6 } from 'node:net'
import { concat, equal } from '../bytes/compare.ts'
import { fromLatin1, latin1 } from '../bytes/text.ts'

/**
 * The PROXY protocol (haproxy.org, proxy-protocol.txt): who has connected to a proxy, said in front of what he says.
 * Version 1 is a line of text of at most 107 bytes, version 2 is binary.
 */

/** Who has connected where. */
export interface Endpoints {
  readonly family: 'ipv4' | 'ipv6'
  /** Addresses as text: four numbers, or RFC 4291. */
  readonly source: string
  readonly destination: string
  readonly sourcePort: number
  readonly destinationPort: number
}

/** Fields of version 2 beside the addresses. */
export interface Tlv {
  readonly type: number
  readonly value: Uint8Array
}

export interface ProxyHeader {
  readonly version: 1 | 2
  /** Absent: the proxy speaks for itself (LOCAL), or does not know (UNKNOWN): the addresses of the connection count. */
  readonly endpoints?: Endpoints
  readonly tlvs: readonly Tlv[]
  /** Bytes that the header takes. */
  readonly length: number
}

/** Types of fields (section 2.2). */
export const PP2_TYPE_ALPN = 0x01
export const PP2_TYPE_AUTHORITY = 0x02
export const PP2_TYPE_SSL = 0x20
export const PP2_SUBTYPE_SSL_VERSION = 0x21
export const PP2_SUBTYPE_SSL_CN = 0x22
export const PP2_SUBTYPE_SSL_CIPHER = 0x23

/** What came is no header of this protocol. */
export class ProxyProtocolError extends Error {
  override readonly name = 'ProxyProtocolError'
}
const refuse = (why: string): never => {
  throw new ProxyProtocolError(`the PROXY header is refused: ${why}`)
}

const V1 = Uint8Array.from('PROXY ', (c) => c.charCodeAt(0))
/** The longest line of version 1, with its CRLF (section 2.1). */
const V1_MOST = 107
const V2 = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a)
const V2_HEAD = 16
/** More than any proxy sends; the protocol would allow 65535 bytes after the head. */
const V2_MOST = 4096

const startsAs = (bytes: Uint8Array, mark: Uint8Array): boolean => {
  const length = Math.min(bytes.length, mark.length)
  return equal(bytes.subarray(0, length), mark.subarray(0, length))
}

/**
 * Reads the header at the beginning of what came. Undefined: it is not whole yet. Throws `ProxyProtocolError` for
 * anything else than a header, as soon as that can be told; it never wants more than 4112 bytes.
 */
export const readProxyHeader = (bytes: Uint8Array): ProxyHeader | undefined => {
  if (startsAs(bytes, V2)) return bytes.length < V2_HEAD ? undefined : readBinary(bytes)
  if (startsAs(bytes, V1)) return readLine(bytes)
  return refuse('it begins with neither "PROXY " nor the signature of version 2')
}

const readLine = (bytes: Uint8Array): ProxyHeader | undefined => {
  const end = bytes.subarray(0, V1_MOST).indexOf(0x0a)
  if (end < 0) return bytes.length < V1_MOST ? undefined : refuse(`its line is longer than ${V1_MOST} bytes`)
  if (bytes[end - 1] !== 0x0d) return refuse('its line does not end with CR LF')
  const length = end + 1
  const [, protocol, source = '', destination = '', from = '', to = '', ...more] = latin1(
    bytes.subarray(0, end - 1),
  ).split(' ')
  // section 2.1: whatever follows UNKNOWN is ignored
  if (protocol === 'UNKNOWN') return { version: 1, tlvs: [], length }
  const family = protocol === 'TCP4' ? 'ipv4' : protocol === 'TCP6' ? 'ipv6' : refuse('its protocol is not known')
  if (more.length > 0) return refuse('its line has too many fields')
  const is = family === 'ipv4' ? isIPv4 : isPlainIPv6
  if (!is(source) || !is(destination)) return refuse('an address is none of its family')
  const endpoints = { family, source, destination, sourcePort: port(from), destinationPort: port(to) } as const
  return { version: 1, endpoints, tlvs: [], length }
}

/** Without a zone: that is a thing of one host. */
const isPlainIPv6 = (text: string): boolean => isIPv6(text) && !text.includes('%')

const port = (text: string): number => {
  if (!/^(0|[1-9][0-9]{0,4})$/.test(text) || Number(text) > 65535) return refuse('a port is no number from 0 to 65535')
  return Number(text)
}

const LOCAL = 0
const PROXY = 1
/** Bytes of addresses and ports by address family: unspecified, IPv4, IPv6, UNIX. */
const ADDRESS_BYTES = [0, 12, 36, 216]
const STREAM = 1

const readBinary = (bytes: Uint8Array): ProxyHeader | undefined => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const version = view.getUint8(12) >> 4
  const command = view.getUint8(12) & 15
  const family = view.getUint8(13) >> 4
  const transport = view.getUint8(13) & 15
  const rest = view.getUint16(14)
  if (version !== 2) return refuse(`version ${version} is not known`)
  if (command !== LOCAL && command !== PROXY) return refuse(`command ${command} is not known`)
  if (rest > V2_MOST) return refuse(`it has ${rest} bytes; ${V2_MOST} are allowed`)
  const length = V2_HEAD + rest
  if (bytes.length < length) return undefined
  const addresses = ADDRESS_BYTES[family]
  // section 2.2: LOCAL says nothing of addresses, and what stands there is skipped
  if (command === LOCAL) return { version: 2, tlvs: [], length }
  if (addresses === undefined || transport > 2) return refuse('its address family or transport is not known')
  if (rest < addresses) return refuse(`its addresses need ${addresses} bytes, and there are ${rest}`)
  const tlvs = readTlvs(bytes.subarray(V2_HEAD + addresses, length))
  if (transport !== STREAM || (family !== 1 && family !== 2)) return { version: 2, tlvs, length }
  const size = family === 1 ? 4 : 16
  const text = family === 1 ? ipv4Text : ipv6Text
  const at = V2_HEAD + 2 * size
  return {
    version: 2,
    endpoints: {
      family: family === 1 ? 'ipv4' : 'ipv6',
      source: text(bytes.subarray(V2_HEAD, V2_HEAD + size)),
      destination: text(bytes.subarray(V2_HEAD + size, at)),
      sourcePort: view.getUint16(at),
      destinationPort: view.getUint16(at + 2),
    },
    tlvs,
    length,
  }
}

const readTlvs = (bytes: Uint8Array): Tlv[] => {
  const tlvs: Tlv[] = []
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < 3) return refuse('a field is cut off')
    const length = ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number)
    if (bytes.length - at - 3 < length) return refuse('a field is longer than the header')
    tlvs.push({ type: bytes[at] as number, value: bytes.slice(at + 3, at + 3 + length) })
    at += 3 + length
  }
  return tlvs
}

const ipv4Text = (bytes: Uint8Array): string => bytes.join('.')
const ipv6Text = (bytes: Uint8Array): string => {
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] as number) << 8) | (bytes[2 * i + 1] as number)).toString(16),
  )
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1)
}

/** The header of that version. Without endpoints it says UNKNOWN (1) or LOCAL (2). Fields travel in version 2 only. */
export const writeProxyHeader = (
  version: 1 | 2,
  endpoints: Endpoints | undefined,
  tlvs: readonly Tlv[] = [],
): Uint8Array => (version === 1 ? writeLine(endpoints) : writeBinary(endpoints, tlvs))

const writeLine = (endpoints: Endpoints | undefined): Uint8Array => {
  const line = endpoints
    ? `PROXY ${endpoints.family === 'ipv4' ? 'TCP4' : 'TCP6'} ${endpoints.source} ${endpoints.destination} ` +
      `${endpoints.sourcePort} ${endpoints.destinationPort}\r\n`
    : 'PROXY UNKNOWN\r\n'
  return fromLatin1(line) as Uint8Array
}

const writeBinary = (endpoints: Endpoints | undefined, tlvs: readonly Tlv[]): Uint8Array => {
  const addresses = endpoints
    ? concat(
        addressBytes(endpoints.source),
        addressBytes(endpoints.destination),
        uint16(endpoints.sourcePort),
        uint16(endpoints.destinationPort),
      )
    : new Uint8Array(0)
  const fields = endpoints ? tlvs.map(writeTlv) : []
  const rest = concat(addresses, ...fields)
  if (rest.length > V2_MOST) refuse(`it would have ${rest.length} bytes; ${V2_MOST} are allowed`)
  const kind = endpoints ? (endpoints.family === 'ipv4' ? 0x11 : 0x21) : 0
  return concat(V2, Uint8Array.of(0x20 | (endpoints ? PROXY : LOCAL), kind), uint16(rest.length), rest)
}

/** A field: its type, the length in two bytes, the value. */
export const writeTlv = ({ type, value }: Tlv): Uint8Array => concat(Uint8Array.of(type), uint16(value.length), value)

const uint16 = (n: number): Uint8Array => Uint8Array.of(n >> 8, n & 255)

const addressBytes = (text: string): Uint8Array => {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number)
  if (!isPlainIPv6(text)) return refuse(`"${text}" is no address`)
  // the WHATWG parser turns an embedded IPv4 address into two groups
  const [head = '', tail] = new URL(`http://[${text}]/`).hostname.slice(1, -1).split('::')
  const front = head === '' ? [] : head.split(':')
  const back = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: 8 - front.length - back.length }, () => '0')
  return concat(...[...front, ...zeros, ...back].map((group) => uint16(Number.parseInt(group, 16))))
}

/** The endpoints of a connection, IPv4 in IPv6's clothes undressed; undefined where either address is missing. */
export const endpointsOf = (socket: {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
}): Endpoints | undefined => {
  const plain = (address = ''): string => address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '')
  const source = plain(socket.remoteAddress)
  const destination = plain(socket.localAddress)
  const family = isIPv4(source) && isIPv4(destination) ? 'ipv4' : isIPv6(source) && isIPv6(destination) ? 'ipv6' : ''
  if (family === '') return undefined
  return { family, source, destination, sourcePort: socket.remotePort ?? 0, destinationPort: socket.localPort ?? 0 }
}
