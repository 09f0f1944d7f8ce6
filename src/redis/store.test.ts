import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { Redis as IoRedisClient } from 'ioredis'
import { createClient } from 'redis'
import { seeded } from '../../test/materials.ts'
import { type Redis, redisServer, startRedis } from '../../test/redis.ts'
import { blank } from '../../test/sessions.ts'
import { hex } from '../bytes/text.ts'
import { node } from '../crypto/node/index.ts'
import { Misuse } from '../errors.ts'
import { Fleet } from '../session/fleet.ts'
import type { FleetStore } from '../session/store.ts'
import { storedTickets } from '../session/stored.ts'
import type { SessionEvent } from '../session/tickets.ts'
import { type IoRedis, type NodeRedis, redisStore } from './index.ts'

interface Client {
  readonly client: IoRedis | NodeRedis
  readonly connected: () => Promise<void>
  readonly command: (...args: string[]) => Promise<unknown>
  readonly close: () => void
}

const until = async (what: string, holds: () => boolean | Promise<boolean>): Promise<void> => {
  for (let tries = 0; !(await holds()); tries++) {
    if (tries > 400) throw new Error(`it did not come to this: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

const libraries: readonly (readonly [string, (port: number) => Client])[] = [
  [
    'ioredis',
    (port) => {
      const client = new IoRedisClient({ port, host: '127.0.0.1', retryStrategy: () => 50, connectTimeout: 1000 })
      client.on('error', () => {})
      return {
        client: client as unknown as IoRedis,
        connected: () => until('connected', () => client.status === 'ready'),
        command: (name, ...args) => client.call(name as string, ...args),
        close: () => client.disconnect(),
      }
    },
  ],
  [
    'node-redis',
    (port) => {
      const client = createClient({ url: `redis://127.0.0.1:${port}`, socket: { reconnectStrategy: () => 50 } })
      client.on('error', () => {})
      void client.connect().catch(() => {})
      return {
        client: client as unknown as NodeRedis,
        connected: () => until('connected', () => client.isReady),
        command: (...args) => client.sendCommand(args),
        close: () => client.destroy(),
      }
    },
  ],
]

const KEY = seeded('kek')(32)
const value = seeded('value')(300)
const TTL = 300

for (const [library, make] of libraries) {
  describe(`a fleet in Redis, by ${library}`, { skip: redisServer ? false : 'no redis-server here' }, () => {
    let redis: Redis
    let client: Client
    let store: FleetStore
    const told: SessionEvent[] = []
    const clients: Client[] = []
    const fleets: Fleet[] = []
    const another = (): Client => {
      const one = make(redis.port)
      clients.push(one)
      return one
    }
    const storeOf = (one: Client): FleetStore =>
      redisStore(one.client, {
        name: 'f',
        patience: 2000,
        claimPatience: 2000,
        observe: (event) => told.push(event),
      })
    const instance = async (one: Client = client, key = KEY) => {
      const events: SessionEvent[] = []
      const fleet = new Fleet({
        provider: node,
        store: storeOf(one),
        key,
        name: 'f',
        rotation: { interval: 3600_000, lifetime: 3600, poll: 50, skew: 30_000 },
        observe: (event) => events.push(event),
      })
      fleets.push(fleet)
      return { fleet: await fleet.start(), events }
    }
    const sealed = (fleet: Fleet) => fleet.tickets.seal({ ...blank, created: Date.now() }) as Uint8Array
    const opens = (fleet: Fleet, ticket: Uint8Array): boolean => fleet.tickets.open(ticket) !== undefined

    before(async () => {
      redis = await startRedis()
      client = another()
      await client.connected()
      store = storeOf(client)
    })
    beforeEach(async () => {
      for (const fleet of fleets.splice(0)) fleet.stop()
      await client.command('FLUSHALL')
      told.length = 0
    })
    after(async () => {
      for (const fleet of fleets) fleet.stop()
      for (const one of clients) one.close()
      await redis?.remove()
    })

    it('keeps bytes, for a time, and gives them once', async () => {
      await store.put('sess:a', value, 60_000)
      deepEqual(Uint8Array.from((await store.get('sess:a')) ?? []), value)
      ok(Number(await client.command('PTTL', 'tls:{f}:sess:a')) > 50_000)
      const taken = await Promise.all([store.take('sess:a'), store.take('sess:a'), store.take('sess:a')])
      equal(taken.filter((one) => one !== undefined).length, 1)
      equal(await store.get('sess:a'), undefined)
      equal(await store.get('sess:b'), undefined)
    })

    it('something else under a key counts as bytes that nobody can open', async () => {
      await client.command('LPUSH', 'tls:{f}:sess:l', 'x')
      equal((await store.get('sess:l'))?.length, 0)
      equal((await store.take('sess:l'))?.length, 0)
    })

    it('a claim is granted once, by whichever connection, and nothing at the beginning', async () => {
      const other = another()
      await other.connected()
      const stores = [store, storeOf(other), storeOf(other)]
      equal(await store.claim('r:a', TTL), false, 'it has just begun')
      await new Promise((resolve) => setTimeout(resolve, TTL + 50))
      const claims = await Promise.all(stores.flatMap((one) => [one.claim('r:a', TTL), one.claim('r:a', TTL)]))
      equal(claims.filter(Boolean).length, 1)
      equal(await store.claim('r:b', TTL), true)
      equal(await store.claim('elsewhere:b', TTL), false, 'another region has its own memory, which begins now')
      await new Promise((resolve) => setTimeout(resolve, TTL + 50))
      equal(await store.claim('r:a', TTL), true, 'over')
    })

    const forgets: readonly (readonly [string, () => Promise<unknown>])[] = [
      ['emptied', () => client.command('FLUSHALL')],
      ['its memory of the beginning was changed', () => client.command('SET', 'tls:{f}:0rtt:r:since', 'x')],
      [
        'the beginning is of another kind',
        () =>
          client.command(
            'EVAL',
            "redis.call('DEL', KEYS[1]) return redis.call('LPUSH', KEYS[1], 'x')",
            '1',
            'tls:{f}:0rtt:r:since',
          ),
      ],
      [
        'restarted, with what it had saved',
        async () => {
          await client.command('SAVE')
          await redis.kill()
          await redis.start()
          await client.connected()
          await until('it answers', () =>
            Promise.resolve(store.get('x')).then(
              () => true,
              () => false,
            ),
          )
        },
      ],
      [
        'it has thrown keys away',
        async () => {
          const used = Number(/used_memory:(\d+)/.exec(String(await client.command('INFO', 'memory')))?.[1])
          await client.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-random')
          await client.command('CONFIG', 'SET', 'maxmemory', String(used + 200_000))
          for (let i = 0; i < 40; i++) await client.command('SET', `filler${i}`, 'x'.repeat(20_000))
          await client.command('CONFIG', 'SET', 'maxmemory', '0')
        },
      ],
    ]
    for (const [what, forget] of forgets)
      it(`no claim is granted for a while after the server was ${what}`, async () => {
        await store.claim('r:x', TTL)
        await new Promise((resolve) => setTimeout(resolve, TTL + 50))
        equal(await store.claim('r:x', TTL), true)
        await forget()
        equal(await store.claim('r:x', TTL), false)
        equal(await store.claim('r:y', TTL), false)
        await new Promise((resolve) => setTimeout(resolve, TTL + 50))
        equal(await store.claim('r:y', TTL), true)
      })

    it('a lock has one holder; who lost it writes nothing; what is replaced must be what was read', async () => {
      const none = new Uint8Array(0)
      const one = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1, 200, 0, 13, 10)
      const fence = await store.lock('stek:lock', 100)
      equal(await store.lock('stek:lock', 100), undefined)
      await new Promise((resolve) => setTimeout(resolve, 150))
      const next = await store.lock('stek:lock', 5000)
      ok(fence !== undefined && next !== undefined && next > fence)
      const lock = { key: 'stek:lock', fence: next }
      equal(await store.swap('stek:ring', none, one, { ...lock, fence }), false)
      equal(await store.swap('stek:ring', one.subarray(0, 8), one, lock), false)
      equal(await store.swap('stek:ring', none, one, lock), true)
      deepEqual(Uint8Array.from((await store.get('stek:ring')) ?? []), one)
      equal(await store.swap('stek:ring', one.subarray(0, 8), one, lock), false, 'the lock is spent')
    })

    it('instances share a ring, learn of another at once, and Redis never sees a key', async () => {
      const far = another()
      await far.connected()
      const [a, b] = [await instance(), await instance(far)]
      await until('both have it', () => a.fleet.shared && b.fleet.shared)
      ok(opens(b.fleet, sealed(a.fleet)))
      const stored = hex((await store.get('stek:ring')) ?? new Uint8Array(0))
      for (const fleet of [a.fleet, b.fleet]) ok(!stored.includes(hex(fleet.sealing?.secret ?? KEY)))
      ok(String(await client.command('KEYS', '*')).includes('tls:{f}:stek:ring'))
    })

    it('stored sessions are sealed, and found by their digests', async () => {
      const { fleet } = await instance()
      const events: SessionEvent[] = []
      const tickets = storedTickets(node, store, fleet.tickets, (event) => events.push(event))
      const secret = hex(blank.secret)
      const id = (await tickets.seal({ ...blank, created: Date.now() })) as Uint8Array
      const [key = ''] = ((await client.command('KEYS', 'tls:{f}:sess:*')) as string[]) ?? []
      ok(!String(key).includes(hex(id)))
      const plain = hex((await store.get(String(key).slice(8))) ?? new Uint8Array(0))
      ok(plain.length > 100 && !plain.includes(secret))
      equal(hex((await tickets.open(id))?.session.secret ?? new Uint8Array(0)), secret)
      equal(await tickets.open(id), undefined)
      const changed = (await tickets.seal({ ...blank, created: Date.now() })) as Uint8Array
      const [where = ''] = ((await client.command('KEYS', 'tls:{f}:sess:*')) as string[]) ?? []
      await client.command('SETRANGE', String(where), '60', 'x')
      equal(await tickets.open(changed), undefined)
      deepEqual(events, [{ event: 'changed', what: 'session' }])
    })

    it('a ring that was changed is refused, told and replaced', async () => {
      const { fleet, events } = await instance()
      const ticket = sealed(fleet)
      for (const lie of [
        ['SETRANGE', 'tls:{f}:stek:ring', '40', 'xxxx'],
        ['SETRANGE', 'tls:{f}:stek:ring', '0', 'xxxxxxxx'],
        ['SET', 'tls:{f}:stek:ring', 'x'],
        ['SET', 'tls:{f}:stek:lock', 'for ever'],
        ['SET', 'tls:{f}:stek:lock:fence', 'x'],
      ]) {
        events.length = 0
        await client.command(...lie)
        if (lie[1]?.includes('lock')) await client.command('SET', 'tls:{f}:stek:ring', 'y')
        await fleet.look()
        ok(
          events.some((event) => event.event === 'changed'),
          lie.join(' '),
        )
        const fresh = await instance()
        ok(opens(fresh.fleet, ticket), lie.join(' '))
        fresh.fleet.stop()
      }
      await client.command('DEL', 'tls:{f}:stek:ring')
      await client.command('LPUSH', 'tls:{f}:stek:ring', 'x')
      await fleet.look()
      ok(opens((await instance()).fleet, ticket))
    })

    it('Redis lost: handshakes go on, early data stops, and it heals by itself', async () => {
      const { fleet } = await instance()
      const ticket = sealed(fleet)
      await redis.kill()
      await until('it is noticed', () => !fleet.shared)
      ok(opens(fleet, ticket) && opens(fleet, sealed(fleet)))
      equal(await fleet.tickets.once?.(ticket), false)
      equal(await Promise.resolve(store.take('sess:a')).catch(() => 'failed'), 'failed')
      await redis.start()
      await until('it is back', () => fleet.shared)
      equal(await fleet.tickets.once?.(ticket), false, 'it may have forgotten')
      await client.connected()
      ok(opens((await instance()).fleet, ticket), 'the ring is back too')
    })

    it('Redis down at the start: a ring of its own, then the one that all share', async () => {
      await redis.kill()
      const late = another()
      const { fleet, events } = await instance(late)
      equal(fleet.shared, false)
      deepEqual(
        events.map((event) => event.event === 'ring' && event.shared),
        [false],
      )
      const ticket = sealed(fleet)
      ok(opens(fleet, ticket))
      await redis.start()
      await until('it joins', () => fleet.shared)
      await client.connected()
      ok(opens((await instance()).fleet, ticket))
    })

    it('a server that does not answer costs the patience of a call, no more', async () => {
      const { fleet } = await instance()
      const ticket = sealed(fleet)
      const hasty = redisStore(client.client, { name: 'f', patience: 50, claimPatience: 20 })
      const busy = client.command(
        'EVAL',
        "local t = redis.call('TIME')[1] while redis.call('TIME')[1] - t < 2 do end",
        '0',
      )
      await rejects(async () => hasty.get('x'), /within 50 ms/)
      await rejects(async () => hasty.claim('r:x', 100), /within 20 ms/)
      ok(opens(fleet, ticket))
      await busy.catch(() => {})
      ok(told.every((event) => event.event !== 'store' || event.ms >= 0))
    })
  })
}

describe('a fleet in Redis', () => {
  for (const name of ['', 'a}b', 'a:b', 'x'.repeat(65)])
    it(`refuses the name "${name.slice(0, 8)}"`, () => {
      throws(() => redisStore({} as IoRedis, { name }), Misuse)
    })
  it('refuses what is no client', () => {
    throws(() => redisStore({} as IoRedis, { name: 'f' }), Misuse)
  })
})
