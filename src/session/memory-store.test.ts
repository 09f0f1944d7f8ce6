import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seeded } from '../../test/materials.ts'
import { memoryStore } from './memory-store.ts'

const value = (length: number): Uint8Array => new Uint8Array(length)

test('memory store: it does what a list would, in which what was used last stands last', async () => {
  const draw = seeded('memory store')
  const dice = (below: number): number => new DataView(draw(4).buffer).getUint32(0) % below
  let time = 1000
  const store = memoryStore({ most: 8, bytes: 500, now: () => time })
  let list: { key: string; length: number; until: number }[] = []
  const found = (key: string) => {
    const entry = list.find((one) => one.key === key)
    if (entry) list = list.filter((one) => one !== entry)
    return entry && entry.until > time ? entry : undefined
  }
  for (let step = 0; step < 20_000; step++) {
    time += dice(3)
    const key = `key ${dice(14)}`
    const turn = dice(10)
    if (turn < 4) {
      const entry = found(key)
      if (entry) list.push(entry)
      assert.equal((await store.get(key))?.length, entry?.length, `step ${step}`)
    } else if (turn === 4) {
      assert.equal((await store.take(key))?.length, found(key)?.length, `step ${step}`)
    } else {
      const length = 1 + dice(120)
      const ttl = 1 + dice(60)
      await store.put(key, value(length), ttl)
      list = [...list.filter((one) => one.key !== key), { key, length, until: time + ttl }]
      while (list.length > 8 || list.reduce((sum, one) => sum + one.length, 0) > 500) list.shift()
    }
  }
})

test('memory store: a value larger than all room is not kept, and harms nothing', async () => {
  const store = memoryStore({ most: 3, bytes: 10 })
  await store.put('a', value(4), 1000)
  await store.put('b', value(11), 1000)
  assert.equal(await store.get('b'), undefined)
  for (const key of ['c', 'd', 'e', 'f']) await store.put(key, value(2), 1000)
  assert.equal(await store.get('c'), undefined)
  assert.equal((await store.get('f'))?.length, 2)
})

test('memory store: claims end in time and make room, however many came before', async () => {
  let time = 0
  const store = memoryStore({ most: 4, now: () => time })
  for (let round = 0; round < 500; round++) {
    for (let i = 0; i < 4; i++) assert.equal(await store.claim(`${round} ${i}`, 10), true)
    assert.equal(await store.claim(`${round} 0`, 10), false)
    assert.equal(await store.claim('one more', 10), false)
    time += 10
  }
  assert.equal(await store.claim('499 3', 10), true)
})
