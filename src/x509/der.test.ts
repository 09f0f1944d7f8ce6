import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromHex, hex } from '../bytes/text.ts'
import {
  DerError,
  DerReader,
  der,
  derBits,
  derInteger,
  derOid,
  derTime,
  readDer,
  sequence,
  setOf,
  tags,
} from './der.ts'

const bytesOf = (text: string): Uint8Array => fromHex(text.replaceAll(' ', '')) as Uint8Array
const reader = (text: string): DerReader => new DerReader(bytesOf(text), 'the test')

type Read = (from: DerReader) => unknown
const integer: Read = (from) => hex(from.integer())
const small: Read = (from) => from.small()
const boolean: Read = (from) => from.boolean()
const oid: Read = (from) => from.oid()
const time: Read = (from) => new Date(from.time()).toISOString()
const bits: Read = (from) => {
  const { bytes, unused } = from.bits()
  return `${hex(bytes)}/${unused}`
}
const octets: Read = (from) => hex(from.octets())
const utc = (text: string): string => hex(der(tags.utcTime, Buffer.from(text)))
const general = (text: string): string => hex(der(tags.generalizedTime, Buffer.from(text)))

/** What is read, how, and what it is; a pattern for what is refused. */
const rows: readonly (readonly [string, Read, unknown])[] = [
  ['02 01 00', integer, '00'],
  ['02 02 00 80', integer, '0080'],
  ['02 01 ff', integer, 'ff'],
  ['02 00', integer, /without content/],
  ['02 02 00 7f', integer, /padding/],
  ['02 02 ff 80', integer, /padding/],
  ['02 04 7f ff ff ff', small, 2 ** 31 - 1],
  ['02 01 80', small, /cannot be/],
  ['02 05 00 80 00 00 00', small, /cannot be/],
  ['01 01 ff', boolean, true],
  ['01 01 00', boolean, false],
  ['01 01 01', boolean, /a boolean spelt 01/],
  ['01 02 ff ff', boolean, /a boolean spelt/],
  ['06 03 55 04 03', oid, '2.5.4.3'],
  ['06 01 27', oid, '0.39'],
  ['06 01 4f', oid, '1.39'],
  ['06 02 88 37', oid, '2.999'],
  ['06 00', oid, /malformed object identifier/],
  ['06 02 55 80', oid, /malformed object identifier/],
  ['06 03 55 80 01', oid, /malformed object identifier/],
  ['06 0a 55 ff ff ff ff ff ff ff ff 7f', oid, /malformed object identifier/],
  ['03 02 07 80', bits, '80/7'],
  ['03 01 00', bits, '/0'],
  ['03 00', bits, /malformed bit string/],
  ['03 01 01', bits, /malformed bit string/],
  ['03 02 08 00', bits, /malformed bit string/],
  ['03 02 01 01', bits, /unused bits are set/],
  ['04 02 01 02', octets, '0102'],
  ['04 81 02 01 02', octets, /not written the shortest way/],
  ['04 82 00 80 00', octets, /not written the shortest way/],
  ['04 80 00 00', octets, /indefinite/],
  ['04 84 00 00 00 01 00', octets, /beyond all limits/],
  ['04 03 01 02', octets, /ends within octetString/],
  ['04 82 01', octets, /ends within a length/],
  ['04', octets, /ends within a length/],
  ['', octets, /ends where octetString should be/],
  ['24 02 04 00', octets, /the tag 0x24 where octetString/],
  ['a0 00', octets, /\[0\] where octetString/],
  ['1f 81 01 00', (from) => from.raw(), /tag of several bytes/],
  [utc('491231235959Z'), time, '2049-12-31T23:59:59.000Z'],
  [utc('500101000000Z'), time, '1950-01-01T00:00:00.000Z'],
  [general('20500101000000Z'), time, '2050-01-01T00:00:00.000Z'],
  [general('00010101000000Z'), time, '0001-01-01T00:00:00.000Z'],
  [general('99991231235959Z'), time, '9999-12-31T23:59:59.000Z'],
  [utc('240229000000Z'), time, '2024-02-29T00:00:00.000Z'],
  [utc('230229000000Z'), time, /does not exist/],
  [utc('231301000000Z'), time, /does not exist/],
  [utc('230100000000Z'), time, /does not exist/],
  [utc('230101240000Z'), time, /does not exist/],
  [utc('230101006000Z'), time, /does not exist/],
  [utc('230101000060Z'), time, /does not exist/],
  [utc('2301010000Z'), time, /not written as RFC 5280 wants/],
  [utc('230101000000+0000'), time, /not written as RFC 5280 wants/],
  [general('20230101000000.5Z'), time, /not written as RFC 5280 wants/],
  [general('230101000000Z'), time, /not written as RFC 5280 wants/],
  [utc('2301010000٣Z'), time, /not written as RFC 5280 wants/],
]

for (const [text, read, expected] of rows) {
  test(`der: ${text.slice(0, 40) || 'nothing'} ${expected instanceof RegExp ? 'is refused' : `is ${expected}`}`, () => {
    if (expected instanceof RegExp) assert.throws(() => read(reader(text)), { name: 'DerError', message: expected })
    else assert.equal(read(reader(text)), expected)
  })
}

test('der: bytes after the end are refused, within and without', () => {
  const read = (text: string) => readDer(bytesOf(text), tags.sequence, 'the test', (inside) => inside.small())
  assert.equal(read('30 03 02 01 05'), 5)
  assert.throws(() => read('30 03 02 01 05 00'), { message: 'the test has 1 bytes more than its parts' })
  assert.throws(() => read('30 04 02 01 05 00'), { message: 'the test has 1 bytes more than its parts' })
})

test('der: nesting and size have limits', () => {
  let bytes: Uint8Array = new Uint8Array(0)
  for (let i = 0; i < 100; i++) bytes = sequence(bytes)
  let cursor = new DerReader(bytes, 'the test')
  assert.throws(() => {
    while (cursor.more) cursor = cursor.open(tags.sequence)
  }, /nested more than/)
  assert.throws(() => new DerReader(new Uint8Array((1 << 20) + 1), 'the test'), DerError)
})

test('der: what is written is read again', () => {
  for (const length of [0, 1, 127, 128, 255, 256, 65535, 65536]) {
    const content = new Uint8Array(length).fill(7)
    assert.deepEqual(new DerReader(der(tags.octetString, content), 'the test').octets(), content)
  }
  for (const value of [0, 1, 127, 128, 255, 256, 65537, 2 ** 31 - 1]) {
    assert.equal(new DerReader(derInteger(value), 'the test').small(), value)
  }
  assert.equal(hex(derInteger(Uint8Array.of(0, 0, 0x80, 1))), '0203008001')
  assert.equal(hex(derInteger(Uint8Array.of(0, 0))), '020100')
  for (const name of [
    '2.5.4.3',
    '1.2.840.113549.1.1.11',
    '2.999.3',
    '0.9.2342.19200300.100.1.25',
    '1.3.6.1.4.1.11129.2.4.2',
  ]) {
    assert.equal(new DerReader(derOid(name), 'the test').oid(), name)
  }
  for (const name of ['1', '3.1', '1.40', '1.-1', '1.x', '']) assert.throws(() => derOid(name), DerError)
  for (const date of ['1950-01-01', '2049-12-31', '1949-12-31', '2050-01-01', '9999-12-31']) {
    assert.equal(new DerReader(derTime(Date.parse(date)), 'the test').time(), Date.parse(date))
  }
  assert.throws(() => derTime(Number.NaN))
  assert.deepEqual(new DerReader(derBits(Uint8Array.of(1, 2)), 'the test').bitBytes(), Uint8Array.of(1, 2))
  // a SET OF is in the order of its encodings
  assert.equal(hex(setOf(derInteger(2), derInteger(1), derInteger(300))), '310a0201010201020202012c')
})

test('der: every day of the years in which calendars go wrong is the day that Date knows', () => {
  const two = (number: number): string => String(number).padStart(2, '0')
  for (const year of [0, 1, 4, 99, 100, 399, 400, 1582, 1899, 1900, 1969, 1970, 1972, 2000, 2023, 2024, 2100, 9999]) {
    for (let month = 0; month <= 13; month++)
      for (let day = 0; day <= 32; day++) {
        const written = reader(general(`${String(year).padStart(4, '0')}${two(month)}${two(day)}134559Z`))
        const expected = new Date(0)
        expected.setUTCFullYear(year, month - 1, day)
        expected.setUTCHours(13, 45, 59)
        const exists = expected.getUTCMonth() === month - 1 && expected.getUTCDate() === day
        if (exists) assert.equal(written.time(), expected.getTime(), `${year}-${month}-${day}`)
        else assert.throws(() => written.time(), /does not exist/, `${year}-${month}-${day}`)
      }
  }
})

test('der: identifiers that share the hash by which they are remembered are told apart', () => {
  // the hash multiplies by 31, so that (1, 0) and (0, 31) come to the same
  const [one, other] = ['06 03 55 01 00', '06 03 55 00 1f']
  for (let i = 0; i < 2; i++) {
    assert.equal(reader(one).oid(), '2.5.1.0')
    assert.equal(reader(other).oid(), '2.5.0.31')
  }
})
