import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat, equal, wipe } from './compare.ts'

const rows: readonly (readonly [readonly number[], readonly number[], boolean])[] = [
  [[], [], true],
  [[1], [1], true],
  [[1], [], false],
  [[], [1], false],
  [[1, 2, 3], [1, 2, 3], true],
  [[0, 2, 3], [1, 2, 3], false],
  [[1, 2, 3], [1, 2, 0x83], false],
  [[1, 2], [1, 2, 0], false],
]
for (const [a, b, same] of rows) {
  test(`compare: [${a}] and [${b}] are ${same ? '' : 'not '}the same`, () =>
    assert.equal(equal(Uint8Array.from(a), Uint8Array.from(b)), same))
}

test('compare: every single bit counts', () => {
  const bytes = Uint8Array.from({ length: 33 }, (_, i) => i * 5)
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const other = bytes.slice()
    other[bit >> 3] = (other[bit >> 3] as number) ^ (1 << (bit & 7))
    assert.equal(equal(bytes, other), false)
  }
})

test('compare: concat joins copies', () => {
  const a = Uint8Array.of(1, 2)
  const whole = concat(a, new Uint8Array(0), Uint8Array.of(3))
  a[0] = 9
  assert.deepEqual([...whole], [1, 2, 3])
  assert.equal(concat().length, 0)
})

test('compare: wipe leaves zeros', () => {
  const secret = Uint8Array.of(1, 2, 3)
  wipe(secret.subarray(1))
  assert.deepEqual([...secret], [1, 0, 0])
})
