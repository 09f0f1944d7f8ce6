import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { borrow, giveBack, SMALL } from '../bytes/pool.ts'
import { Assembler } from './assemble.ts'
import type { Beside } from './carrier.ts'

const beside = { expects() {}, begins() {} } as unknown as Beside
const message = (type: number, length: number): Uint8Array =>
  Uint8Array.from([type, 0, length >> 8, length & 255, ...new Uint8Array(length).map((_, i) => i)])
const three = [message(11, 9), message(15, 0), message(20, 300)] as const
const whole = Uint8Array.from(three.flatMap((bytes) => [...bytes]))

describe('messages out of fragments', () => {
  // where the row is cut, and which of the fragments are ours to keep
  for (const cuts of [[], [1], [13], [4, 12], [13, 17], [2, 15, 100]])
    for (const own of ['none', 'all', 'the first', 'the last'])
      test(`cut at ${cuts.join() || 'nothing'}, ours: ${own}`, () => {
        const assembler = new Assembler()
        const came: Uint8Array[] = []
        const ends = [...cuts, whole.length]
        for (const [i, end] of ends.entries()) {
          const fragment = whole.slice(ends[i - 1] ?? 0, end)
          const ours = { none: false, all: true, 'the first': i === 0, 'the last': i === ends.length - 1 }[
            own
          ] as boolean
          assembler.push(fragment, ours)
          for (let raw = assembler.next(beside); raw; raw = assembler.next(beside)) came.push(raw)
          // what is not ours belongs to the next record
          if (!ours) fragment.fill(255)
        }
        assert.deepEqual(came, three)
        assert.equal(assembler.length, 0)
      })

  test('a fragment that is ours is not taken for memory to lend', () => {
    const fragment = new Uint8Array(SMALL)
    fragment.set([11, 0, (SMALL - 4) >> 8, (SMALL - 4) & 255])
    const assembler = new Assembler()
    assembler.push(fragment, true)
    const raw = assembler.next(beside)
    assert.equal(raw?.length, SMALL)
    const lent = borrow(SMALL)
    assert.notEqual(lent.buffer, fragment.buffer)
    giveBack(lent)
  })
})
