import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import type { HelloFacts } from '../config.ts'
import { isGrease, ja3Text, ja4Texts } from './fingerprint.ts'

const NONE = new Uint8Array(0)
const u16s = (values: readonly number[]): number[] => values.flatMap((value) => [value >> 8, value & 255])
const list16 = (values: readonly number[]): Uint8Array =>
  Uint8Array.from([...u16s([values.length * 2]), ...u16s(values)])

const hello = (parts: Partial<HelloFacts>): HelloFacts => ({
  raw: NONE,
  legacyVersion: 0x0303,
  random: NONE,
  sessionId: NONE,
  suites: [],
  compressionMethods: NONE,
  extensions: [],
  ...parts,
})
const short = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12)
const ja4 = (facts: HelloFacts): string => {
  const [start, suites, extensions] = ja4Texts(facts)
  return `${start}_${short(suites)}_${short(extensions)}`
}

/** The browser's hello that FoxIO's description of JA4 goes through, with GREASE where a browser puts it. */
const chrome = hello({
  suites: [
    0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x9c, 0x9d, 0x2f,
    0x35,
  ],
  serverName: 'example.org',
  alpn: ['h2', 'http/1.1'],
  extensions: [
    { type: 0x5a5a, data: NONE },
    { type: 0x001b, data: NONE },
    { type: 0x0000, data: NONE },
    { type: 0x0033, data: NONE },
    { type: 0x0010, data: NONE },
    { type: 0x4469, data: NONE },
    { type: 0x0017, data: NONE },
    { type: 0x002d, data: NONE },
    { type: 0x000d, data: list16([0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601]) },
    { type: 0x0005, data: NONE },
    { type: 0x0023, data: NONE },
    { type: 0x0012, data: NONE },
    { type: 0x002b, data: Uint8Array.from([6, 0x3a, 0x3a, 3, 4, 3, 3]) },
    { type: 0xff01, data: NONE },
    { type: 0x000b, data: Uint8Array.of(1, 0) },
    { type: 0x000a, data: list16([0x1a1a, 0x1d, 0x17, 0x18]) },
    { type: 0x0015, data: NONE },
  ],
})

describe('fingerprints of a ClientHello', () => {
  test('JA4 as it is described', () => assert.equal(ja4(chrome), 't13d1516h2_8daaf6152771_e5627efa2ab1'))

  test('JA3 leaves GREASE out and keeps the order', () =>
    assert.equal(
      ja3Text(chrome),
      '771,4865-4866-4867-49195-49199-49196-49200-52393-52392-49171-49172-156-157-47-53,27-0-51-16-17513-23-45-13-5-35-18-43-65281-11-10-21,29-23-24,0',
    ))

  const rows: readonly (readonly [string, Partial<HelloFacts>, string])[] = [
    ['nothing at all', {}, 't12i000000'],
    ['an old version', { legacyVersion: 0x0301 }, 't10i000000'],
    ['one that nobody knows', { legacyVersion: 0x0999 }, 't00i000000'],
    ['a protocol of one letter', { alpn: ['x'] }, 't12i0000xx'],
    ['one of bytes', { alpn: ['\xab\x01'] }, 't12i0000a1'],
    ['a hundred suites', { suites: Array.from({ length: 120 }, (_, i) => i) }, 't12i990000'],
  ]
  for (const [what, parts, start] of rows) test(`JA4 of ${what}`, () => assert.equal(ja4Texts(hello(parts))[0], start))

  test('GREASE is 0x?a?a with both halves alike', () =>
    assert.deepEqual([0x0a0a, 0xfafa, 0x0a1a, 0x1301, 0xaaaa].map(isGrease), [true, true, false, false, true]))
})
