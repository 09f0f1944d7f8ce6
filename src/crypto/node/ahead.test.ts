import assert from 'node:assert/strict'
import { afterEach, beforeEach, mock, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { Exchange } from '../provider.ts'
import { Ahead, keepKeyShares } from './ahead.ts'
import { node } from './index.ts'

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await setImmediate()
}
const counting = (): (() => number) => {
  let made = 0
  return () => ++made
}

let time = 0
beforeEach(() => {
  time = 1000
  mock.method(performance, 'now', () => time)
})
afterEach(() => {
  mock.restoreAll()
  keepKeyShares(8)
})

test('ahead: as many as were used are ready after some turns, and no more', async () => {
  const ahead = new Ahead(counting())
  assert.equal(ahead.size, 0)
  assert.deepEqual([ahead.take(), ahead.take(), ahead.take()], [1, 2, 3])
  await turns(10)
  assert.equal(ahead.size, 3)
  assert.deepEqual([ahead.take(), ahead.take()], [4, 5])
})

test('ahead: there are bounds', async () => {
  const ahead = new Ahead(counting())
  keepKeyShares(2)
  for (let i = 0; i < 20; i++) ahead.take()
  await turns(10)
  assert.equal(ahead.size, 2)
})

test('ahead: switched off, nothing is made before it is asked for', async () => {
  keepKeyShares(0)
  const ahead = new Ahead(counting())
  ahead.take()
  await turns(3)
  assert.equal(ahead.size, 0)
})

test('ahead: what has lain too long is not used', async () => {
  const ahead = new Ahead(counting())
  ahead.take()
  await turns(3)
  assert.equal(ahead.size, 1)
  time += 10_001
  assert.equal(ahead.take(), 3)
})

test('ahead: what cannot be made fails for who asks, and for nobody else', async () => {
  let able = true
  const ahead = new Ahead(() => {
    if (!able) throw new Error('out of order')
    return 1
  })
  ahead.take()
  able = false
  await turns(3)
  assert.equal(ahead.size, 0)
  assert.throws(() => ahead.take(), /out of order/)
})

for (const count of [-1, 0.5, 1001, Number.NaN])
  test(`ahead: ${count} is no number of shares`, () =>
    assert.throws(() => keepKeyShares(count), {
      message: `key shares are kept in whole numbers from 0 to 1000, not ${count}`,
    }))

for (const name of ['x25519', 'secp256r1'] as const)
  test(`ahead: no share of ${name} is used twice, and those made ahead agree`, async () => {
    const group = node.group(name)
    assert.ok(group)
    const shares = new Set<string>()
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 3; i++) {
        const ours = group.start() as Exchange
        const theirs = group.answer(ours.share) as { readonly share: Uint8Array; readonly secret: Uint8Array }
        assert.deepEqual(ours.finish(theirs.share), theirs.secret)
        for (const { share } of [ours, theirs]) shares.add(share.join())
      }
      await turns(10)
    }
    assert.equal(shares.size, 24)
  })
