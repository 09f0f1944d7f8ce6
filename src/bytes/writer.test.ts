import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Misuse } from '../errors.ts'
import { hex } from './text.ts'
import { Writer, written } from './writer.ts'

describe('writer', () => {
  const numbers: readonly (readonly [number, number, string])[] = [
    [1, 0, '00'],
    [1, 255, 'ff'],
    [2, 0x0102, '0102'],
    [3, 0xfffefd, 'fffefd'],
    [4, 0xfffefdfc, 'fffefdfc'],
    [6, 0xfffefdfcfbfa, 'fffefdfcfbfa'],
    [6, 1, '000000000001'],
  ]
  for (const [width, value, digits] of numbers) {
    test(`${value} in ${width} bytes`, () => {
      const w = new Writer()
      w.number(width, value)
      assert.equal(hex(w.finish()), digits)
    })
  }

  test('bytes are copied', () => {
    const source = Uint8Array.of(1, 2)
    const w = new Writer()
    w.raw(source)
    source[0] = 9
    assert.equal(hex(w.finish()), '0102')
  })

  test('lengths are filled in afterwards, one in another', () => {
    const w = new Writer()
    w.number(1, 7)
    w.prefixed(3, () => {
      w.prefixed(1, () => w.raw(Uint8Array.of(1, 2, 3)))
      w.prefixed(2, () => {})
    })
    w.number(1, 8)
    assert.equal(hex(w.finish()), '0700000603010203000008')
    assert.equal(w.length, 11)
  })

  for (const size of [0, 1, 2, 3, 16, 512]) {
    test(`it grows from ${size} bytes, and keeps what was written`, () => {
      const w = new Writer(size)
      const due: number[] = []
      w.prefixed(3, () => {
        for (let i = 0; i < 3000; i++) {
          w.number(1, i & 255)
          due.push(i & 255)
          if (i % 100 === 0) {
            w.raw(new Uint8Array(i).fill(i & 255))
            due.push(...new Array<number>(i).fill(i & 255))
          }
        }
      })
      const bytes = w.finish()
      assert.equal(bytes.length, 3 + due.length)
      assert.deepEqual([...bytes.subarray(3)], due)
      assert.equal(((bytes[0] as number) << 16) | ((bytes[1] as number) << 8) | (bytes[2] as number), due.length)
    })
  }

  test('a length that holds just so much', () => {
    const w = new Writer()
    w.prefixed(1, () => w.raw(new Uint8Array(255)))
    assert.equal(w.finish()[0], 255)
  })

  for (const [width, length] of [
    [1, 256],
    [2, 65536],
  ] as const) {
    test(`${length} bytes do not fit a length of ${width}`, () => {
      const w = new Writer()
      assert.throws(() => w.prefixed(width, () => w.raw(new Uint8Array(length))), Misuse)
    })
  }
})

describe('written', () => {
  test('every result is an array of its own', () => {
    const one = written((w) => w.number(2, 0x0102))
    const two = written((w) => w.number(2, 0x0304))
    assert.deepEqual([hex(one), hex(two)], ['0102', '0304'])
    assert.notEqual(one.buffer, two.buffer)
  })

  test('one inside another', () => {
    const whole = written((w) => {
      w.number(1, 1)
      w.raw(written((inner) => inner.number(1, 2)))
      w.raw(written((inner) => inner.number(1, 3)))
      w.number(1, 4)
    })
    assert.equal(hex(whole), '01020304')
  })

  test('after a failure and after something large it goes on as before', () => {
    assert.throws(() =>
      written((w) => {
        w.number(1, 1)
        throw new Error('no')
      }),
    )
    assert.equal(written((w) => w.raw(new Uint8Array(100_000).fill(7))).length, 100_000)
    assert.equal(hex(written((w) => w.number(1, 5))), '05')
  })
})
