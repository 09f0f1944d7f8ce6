import { deepEqual, equal, throws } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { concat } from '../bytes/compare.ts'
import { fromHex, fromLatin1, hex } from '../bytes/text.ts'
import { type Endpoints, endpointsOf, ProxyProtocolError, readProxyHeader, writeProxyHeader } from './proxy-protocol.ts'

const bytes = (text: string): Uint8Array => fromLatin1(text) as Uint8Array
const four: Endpoints = {
  family: 'ipv4',
  source: '192.0.2.1',
  destination: '198.51.100.7',
  sourcePort: 56324,
  destinationPort: 443,
}
const six: Endpoints = { ...four, family: 'ipv6', source: '2001:db8::1', destination: '::1' }
const mapped: Endpoints = { ...six, source: '1:2:3:4:5:6:7:8', destination: '::' }

describe('PROXY protocol', () => {
  const lines: [string, string][] = [
    ['IPv4', 'PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n'],
    ['IPv6', 'PROXY TCP6 2001:db8::1 ::1 56324 443\r\n'],
    ['unknown', 'PROXY UNKNOWN\r\n'],
  ]
  for (const [name, line] of lines)
    it(`version 1, ${name}: written and read`, () => {
      const endpoints = name === 'IPv4' ? four : name === 'IPv6' ? six : undefined
      equal(String.fromCharCode(...writeProxyHeader(1, endpoints)), line)
      const read = readProxyHeader(bytes(`${line}GET`))
      deepEqual(read, { version: 1, ...(endpoints && { endpoints }), tlvs: [], length: line.length })
    })

  it('version 1: what follows UNKNOWN does not matter', () => {
    equal(readProxyHeader(bytes('PROXY UNKNOWN ffff::1 nonsense\r\n'))?.endpoints, undefined)
  })

  for (const [name, endpoints] of [
    ['IPv4', four],
    ['IPv6', six],
    ['IPv6 in full', mapped],
    ['local', undefined],
  ] as const)
    it(`version 2, ${name}: written and read, whole and byte by byte`, () => {
      const tlvs = endpoints ? [{ type: 1, value: bytes('h2') }] : []
      const header = writeProxyHeader(2, endpoints, tlvs)
      const read = readProxyHeader(concat(header, bytes('GET')))
      deepEqual(read, { version: 2, ...(endpoints && { endpoints }), tlvs, length: header.length })
      for (let n = 0; n < header.length; n++) equal(readProxyHeader(header.subarray(0, n)), undefined)
    })

  it('version 2 is byte for byte what the specification says', () => {
    equal(hex(writeProxyHeader(2, four)), '0d0a0d0a000d0a515549540a2111000cc0000201c6336407dc0401bb')
  })

  const refused: [string, Uint8Array][] = [
    ['no header', bytes('GET / HTTP/1.1\r\n')],
    ['another first byte', Uint8Array.of(22)],
    ['a protocol that is not known', bytes('PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n')],
    ['IPv6 as IPv4', bytes('PROXY TCP4 ::1 ::1 1 2\r\n')],
    ['IPv4 as IPv6', bytes('PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n')],
    ['a zone', bytes('PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n')],
    ['a port too large', bytes('PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n')],
    ['a port with a zero before', bytes('PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n')],
    ['a missing port', bytes('PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n')],
    ['one field more', bytes('PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n')],
    ['two blanks', bytes('PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n')],
    ['LF alone', bytes('PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n')],
    ['a line without an end', bytes(`PROXY TCP4 ${'1'.repeat(120)}`)],
    ['version 3', fromHex('0d0a0d0a000d0a515549540a3111000cc0000201c6336407dc0401bb') as Uint8Array],
    ['command 2', fromHex('0d0a0d0a000d0a515549540a2211000cc0000201c6336407dc0401bb') as Uint8Array],
    ['family 4', fromHex('0d0a0d0a000d0a515549540a2141000cc0000201c6336407dc0401bb') as Uint8Array],
    ['addresses cut off', fromHex('0d0a0d0a000d0a515549540a2111000bc0000201c6336407dc0401') as Uint8Array],
    ['a field cut off', fromHex('0d0a0d0a000d0a515549540a2111000ec0000201c6336407dc0401bb0100') as Uint8Array],
    ['a field too long', fromHex('0d0a0d0a000d0a515549540a2111000fc0000201c6336407dc0401bb010005') as Uint8Array],
    ['a header of 64 KiB', fromHex('0d0a0d0a000d0a515549540a2111ffff') as Uint8Array],
  ]
  for (const [name, header] of refused)
    it(`refuses ${name}`, () => {
      throws(() => readProxyHeader(header), ProxyProtocolError)
    })

  it('takes IPv4 out of IPv6, and says nothing of sockets that are gone', () => {
    const socket = {
      remoteAddress: '::ffff:192.0.2.1',
      remotePort: 56324,
      localAddress: '198.51.100.7',
      localPort: 443,
    }
    deepEqual(endpointsOf(socket), four)
    equal(endpointsOf({}), undefined)
  })
})
