import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ocspReport } from './report.ts'
import { dump, messageText } from './show.ts'
import { tell } from './story.ts'
import { painter, printable } from './terminal.ts'

const bytes = (...parts: number[]): Uint8Array => Uint8Array.from(parts)

describe('what is printed', () => {
  const messages: readonly (readonly [
    write: boolean,
    version: number,
    type: number,
    what: Uint8Array,
    text: string,
  ])[] = [
    [true, 0, 256, bytes(22, 3, 1, 0, 4), '>>> TLS 1.0, RecordHeader [length 0005]\n    16 03 01 00 04\n'],
    [false, 0x0304, 257, bytes(22), '<<< TLS 1.3, InnerContent [length 0001]\n    16\n'],
    [true, 0x0303, 20, bytes(1), '>>> TLS 1.2, ChangeCipherSpec [length 0001]\n    01\n'],
    [false, 0x0303, 21, bytes(2, 40), '<<< TLS 1.2, Alert [length 0002], fatal handshake_failure\n    02 28\n'],
    [false, 0x0304, 21, bytes(1, 0), '<<< TLS 1.3, Alert [length 0002], warning close_notify\n    01 00\n'],
    [true, 0x0304, 22, bytes(24, 0, 0, 1, 0), '>>> TLS 1.3, Handshake [length 0005], KeyUpdate\n    18 00 00 01 00\n'],
    [false, 0x0303, 22, bytes(11, 0, 0, 0), '<<< TLS 1.2, Handshake [length 0004], Certificate\n    0b 00 00 00\n'],
    [false, 0x0303, 22, bytes(99, 0, 0, 0), '<<< TLS 1.2, Handshake [length 0004], ???\n    63 00 00 00\n'],
    [
      false,
      0x0303,
      22,
      bytes(20, 0, 0, 13, ...new Array<number>(13).fill(7)),
      `<<< TLS 1.2, Handshake [length 0011], Finished\n    14 00 00 0d${' 07'.repeat(12)}\n    07\n`,
    ],
  ]
  for (const [write, version, type, what, text] of messages) {
    it(text.split('\n')[0] as string, () => assert.equal(messageText(write, version, type, what), text))
  }

  const told: readonly (readonly [
    version: number,
    type: number,
    what: Uint8Array,
    name: string | undefined,
    facts?: string,
  ])[] = [
    [0x0304, 22, bytes(24, 0, 0, 1, 1), 'KeyUpdate', 'asks for one in return'],
    [0x0304, 22, bytes(24, 0, 0, 1, 7), 'KeyUpdate', 'malformed'],
    [0x0304, 22, bytes(11, 0, 0, 4, 0, 0, 0, 0), 'Certificate', 'none'],
    [0x0303, 22, bytes(11, 0, 0, 3, 0, 0, 0), 'Certificate', 'none'],
    [0x0303, 22, bytes(4, 0, 0, 7, 0, 0, 0, 9, 0, 1, 5), 'NewSessionTicket', '1 bytes, good for 9 s'],
    [0x0304, 22, bytes(15, 0, 0, 4, 4, 3, 0, 0), 'CertificateVerify', 'signed with ecdsa_secp256r1_sha256'],
    [0x0304, 22, bytes(15, 0, 0, 4, 0x1a, 0x1a, 0, 0), 'CertificateVerify', 'signed with 0x1a1a'],
    [0x0304, 22, bytes(99, 0, 0, 0), 'message type 99', ''],
    [0x0304, 21, bytes(2, 70), 'Alert', 'fatal protocol_version'],
    [0x0303, 20, bytes(1), 'ChangeCipherSpec', ''],
    [0x0304, 256, bytes(22, 3, 3, 0, 1), undefined],
  ]
  for (const [version, type, what, name, facts] of told) {
    it(`a person reads: ${name} ${facts ?? ''}`, () => {
      const found = tell(version, type, what)
      assert.deepEqual(
        found && [found.name, found.facts, found.length],
        name === undefined ? undefined : [name, facts, what.length],
      )
    })
  }

  it('dumps', () =>
    assert.equal(
      dump(
        Uint8Array.from({ length: 18 }, (_, i) => 0x38 + i),
        '  ',
      ),
      '  0000 - 38 39 3a 3b 3c 3d 3e 3f-40 41 42 43 44 45 46 47   89:;<=>?@ABCDEFG\n  0010 - 48 49                                             HI\n',
    ))

  const responses: readonly (readonly [response: Uint8Array | null, says: RegExp])[] = [
    [null, /^OCSP response: no response sent\n$/],
    [
      bytes(0x30, 3, 0x0a, 1, 6),
      /^OCSP response:\n {4}OCSP Response Status: unauthorized \(0x6\)\n-----BEGIN OCSP RESPONSE-----\nMAMKAQY=\n/,
    ],
    [bytes(0x30, 5, 0x0a, 1, 0, 0xa0, 0), /Status: successful \(0x0\)/],
    [bytes(0x30, 3, 0x0a, 1, 9), /Status: unknown \(0x9\)/],
    [bytes(0x30, 3, 0x0a, 1), /Status: malformed\n/],
    [bytes(), /Status: malformed\n/],
  ]
  for (const [response, says] of responses) {
    it(`an OCSP response: ${says.source}`, () => assert.match(ocspReport(response), says))
  }

  it('no control character of somebody else reaches a terminal', () =>
    assert.equal(printable('a\x1b[2Jb\r\n\x9b\x7f\u202e\u00e9'), 'a\\x1b[2Jb\\x0d\\x0a\\x9b\\x7f\\u{202e}\u00e9'))

  it('paints only where it may', () => {
    assert.equal(painter(false)('red', 'x'), 'x')
    assert.equal(painter(true)('red', 'x'), '\x1b[31mx\x1b[39m')
  })
})
