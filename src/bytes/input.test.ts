import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { seeded } from '../../test/materials.ts'
import { Input } from './input.ts'
import { hex } from './text.ts'

/** Numbers that look random and are the same in every run. */
const dice = (seed: string): ((below: number) => number) => {
  const draw = seeded(seed)
  return (below) => new DataView(draw(4).buffer).getUint32(0) % below
}

describe('input', () => {
  test('bytes come out in the order in which they came', () => {
    const input = new Input()
    input.push(Uint8Array.of(1, 2, 3))
    input.push(Uint8Array.of(4))
    assert.equal(input.length, 4)
    assert.deepEqual(
      [0, 1, 2, 3].map((at) => input.at(at)),
      [1, 2, 3, 4],
    )
    assert.equal(hex(input.lend(2)), '0102')
    input.drop(2)
    assert.equal(input.length, 2)
    assert.equal(input.at(0), 3)
    assert.equal(hex(input.lend(2)), '0304')
    input.drop(2)
    assert.equal(input.length, 0)
  })

  test('bytes are copied', () => {
    const input = new Input()
    const source = Uint8Array.of(1, 2, 3)
    input.push(source)
    source.fill(9)
    assert.equal(hex(input.lend(3)), '010203')
  })

  test('a reader may write into the place itself', () => {
    const input = new Input()
    input.push(Uint8Array.of(1))
    const room = input.room(100)
    assert.ok(room.length >= 100)
    room.set(Uint8Array.of(2, 3))
    assert.equal(input.length, 1)
    input.filled(2)
    assert.equal(hex(input.lend(3)), '010203')
  })

  test('a view that is lent stays true while more comes', () => {
    const input = new Input()
    input.push(new Uint8Array(1000).fill(1))
    input.drop(990)
    input.push(new Uint8Array(20).fill(2))
    const lent = input.lend(30)
    const said = hex(lent)
    for (let i = 0; i < 200; i++) input.push(new Uint8Array(977).fill(i))
    assert.equal(hex(lent), said)
    input.drop(30)
    assert.equal(input.length, 200 * 977)
    assert.equal(input.at(0), 0)
    assert.equal(input.at(977), 1)
  })

  test('what a quiet connection has read serves the next one', () => {
    const [one, other] = [new Input(), new Input()]
    one.push(Uint8Array.of(1, 2))
    const { buffer } = one.lend(2)
    one.drop(2)
    assert.equal(other.room(1).buffer, buffer)
    one.push(Uint8Array.of(3))
    assert.notEqual(one.lend(1).buffer, buffer)
  })

  test('memory of which a view is lent serves nobody else, though it was outgrown', () => {
    const [one, other] = [new Input(), new Input()]
    one.push(new Uint8Array(4000).fill(1))
    const lent = one.lend(4000)
    one.push(new Uint8Array(4000).fill(2))
    other.push(new Uint8Array(4000).fill(3))
    assert.ok(lent.every((byte) => byte === 1))
    assert.notEqual(other.lend(1).buffer, lent.buffer)
  })

  for (let seed = 0; seed < 10; seed++) {
    test(`it does what a plain list does (${seed})`, () => {
      const roll = dice(`input ${seed}`)
      const input = new Input()
      const model: number[] = []
      let count = 0
      let lent: { view: Uint8Array; said: string } | undefined
      for (let step = 0; step < 400; step++) {
        switch (roll(4)) {
          case 0: {
            const bytes = Uint8Array.from({ length: roll(3000) }, () => count++ & 255)
            input.push(bytes)
            model.push(...bytes)
            break
          }
          case 1: {
            const room = input.room(roll(500))
            const length = Math.min(roll(500), room.length)
            for (let i = 0; i < length; i++) model.push((room[i] = count++ & 255))
            input.filled(length)
            break
          }
          case 2: {
            const view = input.lend(roll(model.length + 1))
            lent = { view, said: hex(view) }
            break
          }
          default: {
            const length = roll(model.length + 1)
            input.drop(length)
            model.splice(0, length)
            lent = undefined
          }
        }
        if (lent) assert.equal(hex(lent.view), lent.said)
        assert.equal(input.length, model.length)
        assert.equal(hex(input.lend(Math.min(16, model.length))), hex(Uint8Array.from(model.slice(0, 16))))
      }
      assert.equal(hex(input.lend(model.length)), hex(Uint8Array.from(model)))
    })
  }
})
