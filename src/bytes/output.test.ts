import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { seeded } from '../../test/materials.ts'
import { concat } from './compare.ts'
import { Output } from './output.ts'
import { hex } from './text.ts'

const dice = (seed: string): ((below: number) => number) => {
  const draw = seeded(seed)
  return (below) => new DataView(draw(4).buffer).getUint32(0) % below
}

const put = (output: Output, ...values: number[]): Uint8Array => {
  const place = output.reserve(values.length)
  place.set(values)
  return place
}

/** All that may leave, as it left. */
const drain = (output: Output): Uint8Array => {
  let all: Uint8Array = new Uint8Array(0)
  for (let view = output.peek(); view.length > 0; view = output.peek()) {
    all = concat(all, view)
    output.sent(view.length)
  }
  return all
}

describe('output', () => {
  test('nothing waits at first', () => {
    const output = new Output()
    assert.deepEqual(
      [output.empty, output.stalled, output.length, output.peek().length, output.take().length],
      [true, false, 0, 0, 0],
    )
    output.sent(0)
  })

  test('places follow each other, and leave in that order', () => {
    const output = new Output()
    put(output, 1, 2)
    put(output, 3)
    assert.equal(output.length, 3)
    assert.equal(hex(output.peek()), '010203')
    output.sent(1)
    assert.equal(hex(output.peek()), '0203')
    put(output, 4)
    assert.equal(hex(drain(output)), '020304')
    assert.equal(output.empty, true)
  })

  test('a place may be filled after it was reserved', () => {
    const output = new Output()
    const place = output.reserve(2)
    put(output, 3)
    place.set([1, 2])
    assert.equal(hex(drain(output)), '010203')
  })

  test('a large place gets memory of its own', () => {
    const output = new Output()
    put(output, 1)
    output.reserve(100_000).fill(2)
    put(output, 3)
    assert.equal(output.length, 100_002)
    const all = drain(output)
    assert.deepEqual([all[0], all[1], all[100_000], all[100_001]], [1, 2, 2, 3])
  })

  test('a late place holds back itself and all behind it', () => {
    const output = new Output()
    put(output, 1)
    const late = output.reserve(2)
    const finish = output.hold(2)
    put(output, 4)
    assert.equal(hex(drain(output)), '01')
    assert.equal(output.stalled, true)
    assert.equal(output.empty, false)
    assert.equal(output.length, 3)
    late.set([2, 3])
    finish()
    assert.equal(output.stalled, false)
    assert.equal(hex(drain(output)), '020304')
  })

  test('late places may be done in any order', () => {
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 0, 2],
      [1, 2, 0],
      [2, 0, 1],
      [0, 2, 1],
    ]) {
      const output = new Output()
      const late = [0, 1, 2].map((value) => {
        const place = output.reserve(1)
        const finish = output.hold(1)
        return () => {
          place[0] = value
          finish()
        }
      })
      const done = new Set<number>()
      let left = 0
      for (const next of order) {
        late[next]?.()
        done.add(next)
        while (done.has(left)) left++
        assert.equal(output.length - (3 - left), drainedBefore(output, left))
      }
      assert.equal(hex(output.peek()), '000102', `order ${order}`)
    }
  })

  test('a late place in the next piece of memory', () => {
    const output = new Output()
    output.reserve(4000).fill(1)
    const late = output.reserve(5000)
    const finish = output.hold(5000)
    assert.equal(drain(output).length, 4000)
    assert.equal(output.stalled, true)
    put(output, 9)
    late.fill(2)
    finish()
    const all = drain(output)
    assert.deepEqual([all.length, all[0], all[4999], all[5000]], [5001, 2, 2, 9])
  })

  test('what was taken is never written to again', () => {
    const output = new Output()
    put(output, 1, 2, 3)
    const taken = output.take()
    assert.equal(hex(taken), '010203')
    assert.equal(output.empty, true)
    put(output, 9, 9, 9)
    assert.equal(hex(drain(output)), '090909')
    assert.equal(hex(taken), '010203')
  })

  test('what was taken before a late place is never written to again', () => {
    const output = new Output()
    put(output, 1, 2, 3)
    const late = output.reserve(1)
    const finish = output.hold(1)
    const taken = output.take()
    assert.equal(hex(taken), '010203')
    late[0] = 4
    finish()
    output.sent(output.peek().length)
    put(output, 9, 9, 9, 9)
    assert.equal(hex(taken), '010203')
    assert.equal(hex(drain(output)), '09090909')
  })

  test('what has left serves the next one, and what was given away does not', () => {
    const [one, other, third] = [new Output(), new Output(), new Output()]
    const place = put(one, 1, 2, 3)
    drain(one)
    assert.equal(put(other, 4).buffer, place.buffer)
    const taken = other.take()
    assert.notEqual(put(third, 5, 6, 7).buffer, taken.buffer)
    assert.equal(hex(taken), '04')
  })

  test('memory with a place that is late serves nobody else', () => {
    const [one, other] = [new Output(), new Output()]
    put(one, 1)
    const late = one.reserve(2)
    const finish = one.hold(2)
    one.sent(1)
    const place = put(other, 9, 9, 9)
    assert.notEqual(place.buffer, late.buffer)
    late.set([2, 3])
    finish()
    assert.equal(hex(drain(one)), '0203')
    assert.equal(hex(place), '090909')
  })

  for (let seed = 0; seed < 12; seed++) {
    test(`it does what a plain queue does (${seed})`, () => {
      const roll = dice(`output ${seed}`)
      const output = new Output()
      /** Every place in order: its bytes, and how to finish it while it is late. */
      const model: { bytes: Uint8Array; finish: (() => void) | undefined }[] = []
      const left: Uint8Array[] = []
      const taken: { view: Uint8Array; said: string }[] = []
      const written: Uint8Array[] = []
      let count = 0
      for (let step = 0; step < 250; step++) {
        switch (roll(6)) {
          case 0:
          case 1: {
            const bytes = Uint8Array.from({ length: 1 + roll(roll(20) === 0 ? 20_000 : 600) }, () => count++ & 255)
            output.reserve(bytes.length).set(bytes)
            model.push({ bytes, finish: undefined })
            written.push(bytes)
            break
          }
          case 2: {
            const bytes = Uint8Array.from({ length: 1 + roll(600) }, () => count++ & 255)
            const place = output.reserve(bytes.length)
            const release = output.hold(bytes.length)
            model.push({
              bytes,
              finish: () => {
                place.set(bytes)
                release()
              },
            })
            written.push(bytes)
            break
          }
          case 3: {
            const late = model.filter(({ finish }) => finish)
            const one = late[roll(late.length + 1)]
            one?.finish?.()
            if (one) one.finish = undefined
            break
          }
          case 4: {
            const view = output.peek()
            const length = roll(view.length + 1)
            left.push(view.slice(0, length))
            output.sent(length)
            break
          }
          default: {
            const view = output.take()
            left.push(view.slice())
            taken.push({ view, said: hex(view) })
            if (taken.length > 4) taken.shift()
          }
        }
        for (const { view, said } of taken) assert.equal(hex(view), said, 'a view that was taken has changed')
      }
      for (const { finish } of model) finish?.()
      left.push(drain(output))
      assert.equal(hex(concat(...left)), hex(concat(...written)))
      assert.equal(output.empty, true)
      assert.equal(output.length, 0)
    })
  }

  /** 10,000 bytes that may leave, and 5,000 behind them in the same memory that are still being made. */
  const halfMade = (output: Output): { memory: ArrayBufferLike; made: () => void } => {
    const memory = output.reserve(10_000).buffer
    output.reserve(5_000)
    return { memory, made: output.hold(5_000) }
  }
  /** Whether that memory is what the next large place is made in. */
  const servesAgain = (memory: ArrayBufferLike): boolean => new Output().reserve(16384).buffer === memory

  test('memory that was passed on serves again when all of it is written, and not before', () => {
    const output = new Output()
    const { memory, made } = halfMade(output)
    const first = output.pass()
    assert.deepEqual([first?.bytes.length, output.length], [10_000, 5_000])
    first?.written()
    assert.equal(servesAgain(memory), false, 'more of it waits')
    made()
    const second = output.pass()
    assert.equal(output.pass(), undefined)
    assert.equal(servesAgain(memory), false, 'it is being written')
    second?.written()
    assert.equal(servesAgain(memory), true)
  })

  test('memory that was passed on, and whose rest was sent, waits for what is being written', () => {
    const output = new Output()
    const { memory, made } = halfMade(output)
    const passed = output.pass()
    made()
    output.sent(5_000)
    assert.equal(servesAgain(memory), false)
    passed?.written()
    assert.equal(servesAgain(memory), true)
  })

  test('memory of which anything was given away for good never serves again', () => {
    const output = new Output()
    const { memory, made } = halfMade(output)
    const passed = output.pass()
    made()
    assert.equal(output.take().length, 5_000)
    passed?.written()
    assert.equal(servesAgain(memory), false)
  })

  test('what is being made is not passed on', () => {
    const output = new Output()
    output.reserve(10)
    const done = output.hold(10)
    assert.equal(output.pass(), undefined)
    done()
    assert.equal(output.pass()?.bytes.length, 10)
  })
})

/** How many bytes may leave when the first `left` of three late places are done. */
const drainedBefore = (output: Output, left: number): number => {
  assert.equal(output.peek().length, left)
  return left
}
