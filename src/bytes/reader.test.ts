import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { TlsError } from '../errors.ts'
import { Reader } from './reader.ts'
import { hex } from './text.ts'

const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
const short = (error: unknown): boolean =>
  error instanceof TlsError && error.alert === 'decode_error' && error.reason === 'LENGTH_TOO_SHORT'

describe('reader', () => {
  const numbers: readonly (readonly [number, number])[] = [
    [1, 0x01],
    [2, 0x0102],
    [3, 0x010203],
    [4, 0x01020304],
    [6, 0x010203040506],
  ]
  for (const [width, value] of numbers) {
    test(`a number of ${width} bytes`, () => {
      const r = new Reader(bytes)
      assert.equal(r.number(width, 'number'), value)
      assert.equal(r.left, bytes.length - width)
    })
  }

  test('numbers have no sign', () => {
    const r = new Reader(new Uint8Array(10).fill(255))
    assert.equal(r.number(4, 'number'), 2 ** 32 - 1)
    assert.equal(r.number(6, 'number'), 2 ** 48 - 1)
  })

  test('take gives views, one after another', () => {
    const source = bytes.slice()
    const r = new Reader(source)
    const first = r.take(3, 'first')
    assert.equal(hex(r.take(2, 'second')), '0405')
    assert.equal(r.left, 3)
    source[0] = 9
    assert.equal(hex(first), '090203')
    assert.equal(first.buffer, source.buffer)
  })

  test('take of nothing is possible at the end too', () => {
    const r = new Reader(bytes, 8)
    assert.equal(r.take(0, 'nothing').length, 0)
    r.done('bytes')
  })

  test('a part of the bytes', () => {
    const r = new Reader(bytes, 2, 5)
    assert.equal(r.left, 3)
    assert.equal(hex(r.take(3, 'all')), '030405')
    assert.throws(() => r.take(1, 'more'), short)
  })

  test('within: the outer one goes on behind, the inner one ends there', () => {
    const r = new Reader(bytes)
    const inner = r.within(3, 'inner')
    assert.equal(r.number(1, 'next'), 4)
    assert.equal(inner.number(2, 'number'), 0x0102)
    assert.throws(() => inner.number(2, 'number'), short)
    assert.equal(inner.number(1, 'number'), 3)
    inner.done('inner')
  })

  test('within keeps the places of the whole', () => {
    const inner = new Reader(bytes, 1).within(4, 'inner').within(2, 'innermost')
    assert.deepEqual([inner.at, inner.end, inner.bytes], [1, 3, bytes])
  })

  const tooMuch: readonly (readonly [string, (r: Reader) => unknown])[] = [
    ['take', (r) => r.take(9, 'it')],
    ['number', (r) => (r.take(7, 'most'), r.number(2, 'it'))],
    ['within', (r) => r.within(9, 'it')],
    ['take of 2^24', (r) => r.take(2 ** 24, 'it')],
  ]
  for (const [what, read] of tooMuch) {
    test(`${what} beyond the end names what was due`, () => {
      const r = new Reader(bytes)
      assert.throws(() => read(r), short)
      assert.throws(() => read(new Reader(bytes)), /truncated at it/)
    })
  }

  test('what failed has taken nothing', () => {
    const r = new Reader(bytes)
    assert.throws(() => r.take(9, 'it'), short)
    assert.equal(r.left, 8)
    assert.equal(r.number(1, 'number'), 1)
  })

  test('done refuses leftovers', () => {
    const r = new Reader(bytes)
    r.take(7, 'most')
    assert.throws(
      () => r.done('it'),
      (error) =>
        error instanceof TlsError && error.alert === 'decode_error' && /1 bytes too many in it/.test(error.message),
    )
    r.take(1, 'last')
    r.done('it')
  })
})
