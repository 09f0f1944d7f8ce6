import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seeded } from '../../test/materials.ts'
import { blank } from '../../test/sessions.ts'
import { hex } from '../bytes/text.ts'
import { node } from '../crypto/node/index.ts'
import { Misuse } from '../errors.ts'
import { Fleet, fleetKey } from './fleet.ts'
import { memoryStore } from './memory-store.ts'
import type { FleetStore } from './store.ts'
import type { SessionEvent } from './tickets.ts'

const KEY = seeded('kek')(32)
const START = 1_800_000_000_000
const rotation = { interval: 600_000, lifetime: 3600, poll: 1000, skew: 30_000 }

/** A store that can be switched off, and a clock. */
const world = () => {
  const clock = { now: START }
  let memory = memoryStore({ now: () => clock.now })
  const state = { down: false }
  const through =
    (name: keyof FleetStore) =>
    (...args: never[]): unknown => {
      if (state.down && name !== 'watch') return Promise.reject(new Error('the store is down'))
      return (memory[name] as (...args: never[]) => unknown)(...args)
    }
  const names = ['get', 'take', 'put', 'claim', 'lock', 'swap', 'watch', 'announce'] as const
  const store = Object.fromEntries(names.map((name) => [name, through(name)])) as unknown as FleetStore
  const fleets: Fleet[] = []
  return {
    clock,
    state,
    store,
    forget: () => (memory = memoryStore({ now: () => clock.now })),
    instance: async (skew = 0, key = KEY, name = 'f') => {
      const told: SessionEvent[] = []
      const fleet = new Fleet({
        provider: node,
        store,
        key,
        name,
        rotation,
        now: () => clock.now + skew,
        observe: (event) => told.push(event),
      })
      fleets.push(fleet)
      return { fleet: await fleet.start(), told }
    },
    stop: () => {
      for (const fleet of fleets) fleet.stop()
    },
  }
}

const sealed = (fleet: Fleet, now: number) => fleet.tickets.seal({ ...blank, created: now }) as Uint8Array
const opens = (fleet: Fleet, ticket: Uint8Array) => fleet.tickets.open(ticket) !== undefined
const sealingName = (fleet: Fleet) => hex(fleet.sealing?.name ?? new Uint8Array(0))

describe('a fleet that shares its ticket keys', () => {
  it('instances open each other’s tickets, through rotations, with clocks 30 s apart', async () => {
    const w = world()
    const instances = await Promise.all([w.instance(-15_000), w.instance(), w.instance(15_000)])
    const tickets: [Uint8Array, number][] = []
    const names = new Set<string>()
    for (; w.clock.now < START + 3 * 3600_000; w.clock.now += 20_000) {
      await instances[((w.clock.now - START) / 20_000) % 3]?.fleet.look()
      for (const { fleet } of instances) {
        tickets.push([sealed(fleet, w.clock.now), w.clock.now])
        names.add(sealingName(fleet))
      }
      for (const [ticket, at] of tickets.filter((_, i) => i % 37 === 0).slice(-16))
        if (w.clock.now - at < 3600_000) for (const { fleet } of instances) ok(opens(fleet, ticket))
    }
    ok(names.size >= 15, `${names.size} keys`)
    equal(new Set(instances.map(({ fleet }) => fleet.epoch)).size <= 2, true)
    w.stop()
  })

  it('one makes the keys, the others take them', async () => {
    const w = world()
    const instances = await Promise.all([w.instance(), w.instance(), w.instance()])
    await Promise.all(instances.map(({ fleet }) => fleet.look()))
    equal(new Set(instances.map(({ fleet }) => sealingName(fleet))).size, 1)
    ok(instances.every(({ fleet }) => fleet.shared && fleet.epoch >= 1))
    w.stop()
  })

  it('without the store at the start: keys of its own, told; then the fleet’s, and its own go on opening everywhere', async () => {
    const w = world()
    const first = await w.instance()
    w.state.down = true
    const lone = await w.instance()
    equal(lone.fleet.shared, false)
    equal(lone.fleet.epoch, 0)
    deepEqual(
      lone.told.map((told) => told.event === 'ring' && told.shared),
      [false],
    )
    const ticket = sealed(lone.fleet, w.clock.now)
    ok(opens(lone.fleet, ticket))
    equal(opens(first.fleet, ticket), false)
    w.state.down = false
    await lone.fleet.look()
    await first.fleet.look()
    equal(lone.fleet.shared, true)
    equal(sealingName(lone.fleet), sealingName(first.fleet))
    ok(opens(lone.fleet, ticket) && opens(first.fleet, ticket))
    w.stop()
  })

  it('without the store later: everything goes on but early data', async () => {
    const w = world()
    const { fleet, told } = await w.instance()
    const ticket = sealed(fleet, w.clock.now)
    equal(await fleet.tickets.once?.(ticket), true)
    w.state.down = true
    await fleet.look()
    equal(fleet.shared, false)
    ok(opens(fleet, ticket))
    const late = sealed(fleet, w.clock.now)
    equal(await fleet.tickets.once?.(late), false)
    deepEqual(told.at(-1), { event: 'claim', verdict: 'failed' })
    w.clock.now += 100 * 3600_000
    ok(opens(fleet, sealed(fleet, w.clock.now)), 'the last key goes on')
    w.state.down = false
    await fleet.look()
    equal(fleet.shared, true)
    ok(opens(fleet, sealed(fleet, w.clock.now)))
    w.stop()
  })

  it('a store that has forgotten gets the ring back, whoever comes first', async () => {
    const w = world()
    const [a, b] = await Promise.all([w.instance(), w.instance()])
    const ticket = sealed(a.fleet, w.clock.now)
    const name = sealingName(a.fleet)
    w.forget()
    await b.fleet.look()
    await a.fleet.look()
    const c = await w.instance()
    ok([a, b, c].every(({ fleet }) => opens(fleet, ticket) && sealingName(fleet) === name))
    w.stop()
  })

  it('a ring that was changed is refused, told, and replaced', async () => {
    const w = world()
    const a = await w.instance()
    const ticket = sealed(a.fleet, w.clock.now)
    const value = (await w.store.get('stek:ring')) as Uint8Array
    const lies = [
      value.map((byte, i) => (i === value.length - 1 ? byte ^ 1 : byte)),
      value.map((byte, i) => (i === 0 ? 255 : byte)),
      value.map((byte, i) => (i < 8 ? 255 : byte)),
      new Uint8Array(0),
      new Uint8Array(3),
      value.subarray(0, 20),
      new Uint8Array(100_000),
    ]
    for (const lie of lies) {
      await w.store.put('stek:ring', lie, 1e9)
      a.told.length = 0
      await a.fleet.look()
      ok(
        a.told.some((told) => told.event === 'changed'),
        `${lie.length} bytes`,
      )
      ok(opens(a.fleet, ticket) && a.fleet.shared)
      const b = await w.instance()
      ok(opens(b.fleet, ticket), 'the store has a good ring again')
    }
    w.stop()
  })

  it('an old ring that somebody has put back does no harm', async () => {
    const w = world()
    const a = await w.instance()
    const old = (await w.store.get('stek:ring')) as Uint8Array
    w.clock.now += 700_000
    await a.fleet.look()
    const ticket = sealed(a.fleet, w.clock.now)
    const name = sealingName(a.fleet)
    await w.store.put('stek:ring', old, 1e9)
    await a.fleet.look()
    ok(opens(a.fleet, ticket))
    ok(a.fleet.epoch > 1)
    ok(opens((await w.instance()).fleet, ticket), name)
    w.stop()
  })

  it('a ring under another key, or of another fleet, is none', async () => {
    const w = world()
    const a = await w.instance()
    const ticket = sealed(a.fleet, w.clock.now)
    equal(opens((await w.instance(0, seeded('other')(32))).fleet, ticket), false)
    w.stop()
  })

  it('whoever lost the lock while it slept writes nothing', async () => {
    const w = world()
    const fence = await w.store.lock('stek:lock', 10_000)
    equal(await w.store.lock('stek:lock', 10_000), undefined)
    w.clock.now += 10_001
    const next = await w.store.lock('stek:lock', 10_000)
    ok(fence !== undefined && next !== undefined && next > fence)
    const none = new Uint8Array(0)
    const value = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1, 9)
    equal(await w.store.swap('stek:ring', none, value, { key: 'stek:lock', fence }), false)
    equal(await w.store.swap('stek:ring', value.subarray(0, 8), value, { key: 'stek:lock', fence: next }), false)
    equal(await w.store.swap('stek:ring', none, value, { key: 'stek:lock', fence: next }), true)
  })

  for (const [what, options] of [
    ['a name with a colon', { name: 'a:b' }],
    ['an empty name', { name: '' }],
    ['a region with a brace', { region: '{' }],
    ['a short key', { key: new Uint8Array(16) }],
  ] as const)
    it(`refuses ${what}`, () => {
      throws(() => new Fleet({ provider: node, store: memoryStore(), key: KEY, name: 'f', ...options }), Misuse)
    })

  it('reads its key from 64 hexadecimal digits', () => {
    deepEqual(fleetKey(`${hex(KEY)}\n`), KEY)
    for (const text of ['', 'abc', hex(KEY).slice(1), `${hex(KEY)}00`, 'g'.repeat(64)])
      throws(() => fleetKey(text), Misuse)
  })
})

describe('a store in memory', () => {
  it('takes once, forgets in time, and what was used longest ago first', async () => {
    let now = START
    const store = memoryStore({ most: 2, now: () => now })
    const value = Uint8Array.of(1)
    store.put('a', value, 100)
    store.put('b', value, 100)
    store.get('a')
    store.put('c', value, 100)
    equal(store.get('b'), undefined)
    deepEqual(store.take('a'), value)
    equal(store.take('a'), undefined)
    now += 100
    equal(store.get('c'), undefined)
  })
  it('keeps so many bytes, and what was put last', () => {
    const store = memoryStore({ bytes: 10 })
    for (const key of ['a', 'b', 'c']) store.put(key, new Uint8Array(4), 1e6)
    deepEqual(
      ['a', 'b', 'c'].map((key) => store.get(key) !== undefined),
      [false, true, true],
    )
    store.put('d', new Uint8Array(11), 1e6)
    equal(store.get('d'), undefined)
  })
  it('gives a claim once, none when it is full or has just begun', () => {
    let now = START
    const store = memoryStore({ most: 2, now: () => now, settling: 1000 })
    equal(store.claim('a', 100), false)
    now += 1000
    equal(store.claim('a', 100), true)
    equal(store.claim('a', 100), false)
    equal(store.claim('b', 100), true)
    equal(store.claim('c', 100), false)
    now += 100
    equal(store.claim('c', 100), true)
    equal(store.claim('a', 100), true)
  })
  it('tells those who watch, until they stop', async () => {
    const store = memoryStore()
    let told = 0
    const stop = store.watch('k', () => told++)
    await store.announce('k', 1)
    stop()
    await store.announce('k', 2)
    equal(told, 1)
  })
})
