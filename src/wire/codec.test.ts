import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { concat } from '../bytes/compare.ts'
import { fromHex, hex } from '../bytes/text.ts'
import { Misuse, TlsError } from '../errors.ts'
import {
  bytes,
  type Codec,
  constant,
  decode,
  encode,
  list,
  mapped,
  mark,
  opaque,
  rest,
  struct,
  text,
  u8,
  u16,
  u24,
  u32,
  u48,
} from './codec.ts'

const of = (digits: string): Uint8Array => fromHex(digits) as Uint8Array
type AnyCodec = Codec<any>

const pair = struct('Pair', { first: u8, second: u16 })
const even = mapped(
  u8,
  (n) => n % 2 === 0,
  (b) => (b ? 0 : 1),
  'even',
)

/** Codec, value, bytes: each is made of the other. */
const both: readonly (readonly [string, AnyCodec, unknown, string])[] = [
  ['u8', u8, 0xab, 'ab'],
  ['u16', u16, 0xabcd, 'abcd'],
  ['u24', u24, 0xabcdef, 'abcdef'],
  ['u32 above 2^31', u32, 0xffffffff, 'ffffffff'],
  ['u48', u48, 0xfedcba987654, 'fedcba987654'],
  ['bytes', bytes(3), of('010203'), '010203'],
  ['rest', rest, of('0102'), '0102'],
  ['rest that is nothing', rest, of(''), ''],
  ['opaque, one byte of length', opaque(0, 255), of('0102'), '020102'],
  ['opaque, two bytes of length', opaque(0, 256), of('0102'), '00020102'],
  ['opaque, three bytes of length', opaque(0, 65536), of('01'), '00000101'],
  ['opaque that is empty', opaque(0, 32), of(''), '00'],
  ['text', text(1, 255), 'h\xff2', '0368ff32'],
  ['list', list(u16, 2, 254), [1, 2], '0400010002'],
  ['list that is empty', list(u16, 0, 254), [], '00'],
  ['list of structures', list(pair, 0, 65535), [{ first: 1, second: 2 }], '0003010002'],
  ['list of lists', list(opaque(1, 255), 1, 65535), [of('0a'), of('0b0c')], '0005010a020b0c'],
  ['struct', pair, { first: 1, second: 0x0203 }, '010203'],
  [
    'struct in a struct',
    struct('Outer', { pair, tail: rest }),
    { pair: { first: 1, second: 2 }, tail: of('ff') },
    '010002ff',
  ],
  ['mark', mark, true, ''],
  ['constant', constant('nothing', of('')), true, ''],
  ['constant with bytes', constant('magic', of('cafe')), true, 'cafe'],
  ['mapped', even, false, '01'],
]

/** What is not a whole value and nothing else. */
const refused: readonly (readonly [string, AnyCodec, string])[] = [
  ['u16 of one byte', u16, '01'],
  ['u16 of three bytes', u16, '010203'],
  ['bytes that are too few', bytes(3), '0102'],
  ['opaque shorter than its length', opaque(0, 255), '0301'],
  ['opaque longer than its length', opaque(0, 255), '010101'],
  ['opaque below the minimum', opaque(2, 255), '0101'],
  ['opaque above the maximum', opaque(0, 2), '03010203'],
  ['opaque without a length', opaque(0, 255), ''],
  ['opaque with half a length', opaque(0, 65535), '00'],
  ['text that is empty', text(1, 255), '00'],
  ['list below the minimum', list(u16, 2, 254), '00'],
  ['list above the maximum', list(u8, 0, 2), '03010203'],
  ['list whose last item is cut', list(u16, 2, 254), '03000100'],
  ['list whose item reaches over its end', list(opaque(0, 255), 0, 255), '0203010000'],
  ['struct whose last field is missing', pair, '01'],
  ['mark with a byte', mark, '00'],
  ['constant of another value', constant('magic', of('cafe')), 'caff'],
]

describe('codec', () => {
  for (const [what, codec, value, digits] of both) {
    test(`${what} is written and read`, () => {
      assert.equal(hex(encode(codec, value)), digits)
      assert.deepEqual(decode(codec, of(digits)), value)
    })
    test(`${what} is read from the middle of other bytes`, () => {
      const whole = concat(of('eeee'), of(digits), of('eeee'))
      assert.deepEqual(decode(codec, whole.subarray(2, whole.length - 2)), value)
    })
  }
  for (const [what, codec, digits] of refused) {
    test(`${what} is refused`, () => {
      assert.throws(
        () => decode(codec, of(digits)),
        (error) => error instanceof TlsError && error.alert === 'decode_error',
      )
    })
  }

  test('what was read is a view', () => {
    const source = of('020102')
    const value = decode(opaque(0, 255), source)
    source[1] = 0xff
    assert.equal(hex(value), 'ff02')
  })

  test('a value that is too long for its length is refused on writing', () => {
    assert.throws(() => encode(opaque(0, 255), new Uint8Array(256)), Misuse)
  })

  test('the error names what is wrong', () => {
    assert.throws(() => decode(pair, of('01')), /uint16/)
    assert.throws(() => decode(pair, of('01020304')), /Pair/)
  })
})
