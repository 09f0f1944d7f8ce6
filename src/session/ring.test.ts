import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seeded } from '../../test/materials.ts'
import { hex } from '../bytes/text.ts'
import { node } from '../crypto/node/index.ts'
import { Misuse } from '../errors.ts'
import {
  decodeRing,
  encodeRing,
  importKeys,
  joined,
  KeyRing,
  openRing,
  type Ring,
  rotation,
  sealing,
  sealRing,
  turned,
} from './ring.ts'

const HOUR = 3600_000
const NOW = 1_800_000_000_000
const rules = rotation({ interval: HOUR, lifetime: 7200, poll: 30_000, skew: 30_000 })
const AHEAD = 120_000
const random = seeded('ring')
const names = (ring: Ring): string[] => ring.map(({ name }) => hex(name).slice(0, 4))
const at = (ring: Ring, i: number) => ring[i] ?? ring[0]!

describe('ring of ticket keys', () => {
  it('begins with one key, which seals at once', () => {
    const ring = turned([], rules, NOW, random)
    equal(ring.length, 1)
    equal(sealing(ring, NOW), ring[0])
    equal(sealing(ring, NOW - 30_000), ring[0], 'also where a clock is behind')
  })

  it('turns in three steps: known, sealing, retired', () => {
    const first = turned([], rules, NOW, random)
    equal(turned(first, rules, NOW + HOUR - AHEAD - 1, random).length, 1, 'not yet')
    const two = turned(first, rules, NOW + HOUR - AHEAD, random)
    equal(two.length, 2)
    const [old, fresh] = [at(two, 0), at(two, 1)]
    equal(fresh.from, NOW + HOUR)
    equal(sealing(two, NOW + HOUR - 1), old)
    equal(sealing(two, NOW + HOUR), fresh)
    // a ticket that was sealed at the last moment, by the slowest clock, and comes back at the last moment
    ok(old.until >= NOW + HOUR + 30_000 + 7200_000)
    const later = turned(two, rules, old.until, random)
    ok(!names(later).includes(names(two)[0] as string))
  })

  it('no instance sees a ticket that it cannot open, whatever its clock says within 30 s, however it polls', () => {
    // three instances with clocks apart look at the ring every 30 s, each at its own moment
    const skews = [-15_000, 0, 15_000]
    const views: Ring[] = [[], [], []]
    let shared: Ring = turned([], rules, NOW - 15_000, random)
    const tickets: { name: string; sealed: number }[] = []
    for (let t = 0; t < 6 * HOUR; t += 5_000) {
      for (const [i, skew] of skews.entries()) {
        if (views[i]?.length !== 0 && (t / 5_000 + i * 2) % 6 !== 0) continue
        shared = turned(joined(shared, views[i] as Ring, NOW + t + skew), rules, NOW + t + skew, random)
        views[i] = shared
      }
      for (const [i, skew] of skews.entries()) {
        const key = sealing(views[i] as Ring, NOW + t + skew)
        ok(key)
        tickets.push({ name: hex(key.name), sealed: t })
      }
      for (const { name, sealed } of tickets.slice(-50)) {
        if (t - sealed >= 7200_000) continue
        for (const [i, skew] of skews.entries()) {
          const known = views[i]?.some((key) => hex(key.name) === name && NOW + t + skew < key.until)
          ok(known, `instance ${i} knows the key at ${t} ms`)
        }
      }
    }
    ok(new Set(tickets.map(({ name }) => name)).size >= 6)
  })

  it('a key whose successor is late goes on, and opens for longer', () => {
    const first = turned([], rules, NOW, random)
    const late = NOW + 40 * HOUR
    equal(sealing(first, late), first[0])
    ok(new KeyRing(node, first).find(at(first, 0).name, late), 'it opens what it seals')
    const two = turned(first, rules, late, random)
    equal(two.length, 2)
    equal(sealing(two, late), two[0], 'the new one has to become known first')
    ok(at(two, 0).until > at(two, 1).from + 7200_000)
  })

  it('keys of an instance that was alone open in the fleet, and never seal there', () => {
    const fleet = turned([], rules, NOW, random)
    const own = turned([], rules, NOW + 1000, random)
    const both = joined(fleet, own, NOW + 2000)
    equal(both.length, 2)
    equal(hex(sealing(both, NOW + 2000)?.name ?? NONE), hex(at(fleet, 0).name))
    ok(new KeyRing(node, both).find(at(own, 0).name, NOW + 7200_000))
    equal(turned(both, rules, NOW + 2000, random).length, 2)
  })

  it('stays bounded', () => {
    let ring: Ring = []
    for (let i = 0; i < 200; i++) ring = joined(ring, turned([], rules, NOW, random), NOW)
    ok(ring.length <= 64)
  })

  it('wipes keys that leave', () => {
    const ring = turned([], rules, NOW, random)
    const live = new KeyRing(node, ring)
    const { secret } = at(live.ring, 0)
    live.adopt([])
    equal(hex(secret), '00'.repeat(32))
    equal(live.current(NOW), undefined)
  })

  it('as bytes: a round trip; cut or changed it is no ring or another one, never an exception', () => {
    const ring = turned([], rules, NOW, random)
    const data = encodeRing(ring)
    deepEqual(decodeRing(data), ring)
    for (let n = 0; n < data.length; n++) equal(decodeRing(data.subarray(0, n)), undefined)
    for (let n = 0; n < data.length; n++) decodeRing(data.map((b, i) => (i === n ? b ^ 1 : b)))
  })

  it('sealed: any change is found, and so are another epoch, fleet and key', async () => {
    const box = node.box(random(32))
    const ring = turned([], rules, NOW, random)
    const fleet = Buffer.from('a')
    const value = await sealRing(box, fleet, 2 ** 33 + 7, ring)
    equal(hex(value.subarray(0, 8)), '0000000200000007')
    deepEqual(await openRing(box, fleet, value), ring)
    equal(await openRing(box, Buffer.from('b'), value), undefined)
    equal(await openRing(node.box(random(32)), fleet, value), undefined)
    for (let n = 0; n < value.length; n++) {
      const changed = value.map((b, i) => (i === n ? b ^ 1 : b))
      equal(await openRing(box, fleet, changed), undefined, `byte ${n}`)
      equal(await openRing(box, fleet, value.subarray(0, n)), undefined, `cut at ${n}`)
    }
  })

  const NONE = new Uint8Array(0)
  const wrong: [string, Parameters<typeof rotation>[0]][] = [
    ['tickets of more than seven days', { lifetime: 604_801 }],
    ['no interval', { interval: 0 }],
    ['a lifetime that is no number', { lifetime: Number.NaN }],
    ['more keys than a ring holds', { interval: 60_000, lifetime: 7200 }],
    ['a negative skew', { skew: -1 }],
  ]
  for (const [name, given] of wrong)
    it(`refuses ${name}`, () => {
      throws(() => rotation(given), Misuse)
    })
})

describe('files of ticket keys', () => {
  const file = (length: number, seed: string) => seeded(seed)(length)
  it('of nginx, 48 and 80 bytes: the first seals, the rest open', async () => {
    const ring = await importKeys([file(80, 'a'), file(48, 'b')], node)
    const keys = new KeyRing(node, ring)
    equal(hex(keys.current(NOW)?.name ?? new Uint8Array(0)), hex(file(80, 'a').subarray(0, 16)))
    ok(keys.find(file(48, 'b').subarray(0, 16), NOW))
    equal(keys.find(file(48, 'c').subarray(0, 16), NOW), undefined)
  })
  it('of HAProxy, lines of base64: the last but one seals', async () => {
    const lines = ['a', 'b', 'c'].map((seed) => Buffer.from(file(80, seed)).toString('base64'))
    const ring = await importKeys([Buffer.from(`${lines.join('\n')}\n`)], node)
    equal(ring.length, 3)
    equal(hex(sealing(ring, NOW)?.name ?? new Uint8Array(0)), hex(file(80, 'b').subarray(0, 16)))
  })
  it('the same file gives the same key everywhere', async () => {
    deepEqual(await importKeys([file(80, 'a')], node), await importKeys([file(80, 'a')], node))
  })
  for (const [name, data] of [
    ['of 47 bytes', file(47, 'a')],
    ['empty', new Uint8Array(0)],
    ['of lines that are no keys', Buffer.from('aGVsbG8=\n')],
  ] as const)
    it(`refuses a file ${name}`, () => throws(() => importKeys([data], node), Misuse))
  it('refuses the same name twice', () => {
    throws(() => importKeys([file(80, 'a'), file(80, 'a')], node), Misuse)
  })
})
