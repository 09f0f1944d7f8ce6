import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { discard } from './discard.ts'

describe('discard', () => {
  it('empties an array that has its memory for itself', () => {
    for (const length of [2048, 16384, 65536]) {
      const bytes = new Uint8Array(length)
      const other = new Uint8Array(length).fill(7)
      discard(bytes)
      assert.equal(bytes.length, 0)
      assert.equal(bytes.buffer.byteLength, 0)
      assert.ok(other.every((byte) => byte === 7))
    }
  })

  it('leaves alone what shares its memory, and what is small', () => {
    const whole = new Uint8Array(8192)
    for (const bytes of [whole.subarray(4096), whole.subarray(0, 4096), new Uint8Array(2047), new Uint8Array(0)]) {
      const { length } = bytes
      discard(bytes)
      assert.equal(bytes.length, length)
    }
    const shared = new Uint8Array(new SharedArrayBuffer(8192))
    discard(shared)
    assert.equal(shared.length, 8192)
    assert.equal(whole.length, 8192)
  })

  it('may be told twice', () => {
    const bytes = new Uint8Array(4096)
    discard(bytes)
    discard(bytes)
    assert.equal(bytes.length, 0)
  })
})
