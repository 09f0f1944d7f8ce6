import { concat, equal, sameBytes, wipe } from '../bytes/compare.ts'
import { fromBase64, fromUtf8, hex } from '../bytes/text.ts'
import type { Box, Provider } from '../crypto/provider.ts'
import { Misuse } from '../errors.ts'
import { after, type Maybe, run, type Task, wait } from '../task.ts'
import { bytes, decode, encode, list, struct, u8, u48 } from '../wire/codec.ts'
import { CLOCK_SKEW, WEEK } from './session.ts'

// Keys of tickets as data, and what time does to them. A key opens from when it is known; the newest whose time has come
// seals; it opens for as long as tickets of it may live. So the three steps of a rotation (known, sealing, retired) are
// three times, which every instance finds in the key, and nobody has to tell anybody when a step is due.

/** Bytes of the name that a ticket begins with. */
export const NAME = 16
const SECRET = 32
/** Keys that a ring holds at most; with more, the oldest go. */
const MOST = 64
const FORMAT = 1

const keyLayout = struct('RingKey', {
  name: bytes(NAME),
  secret: bytes(SECRET),
  /** It seals from this time on, until that of another has come: ms since 1970. */
  from: u48,
  /** It opens until then. Where that is no later than `from`, it never seals. */
  until: u48,
})
const layout = struct('Ring', { format: u8, keys: list(keyLayout, 0, 2 ** 16 - 1) })

export interface RingKey {
  readonly name: Uint8Array
  readonly secret: Uint8Array
  readonly from: number
  readonly until: number
}

/** Keys in the order of `from`. */
export type Ring = readonly RingKey[]

export const encodeRing = (ring: Ring): Uint8Array => encode(layout, { format: FORMAT, keys: ring })

/** Undefined for bytes that are no ring, or one of another format. */
export const decodeRing = (data: Uint8Array): Ring | undefined => {
  try {
    const { format, keys } = decode(layout, new Uint8Array(data))
    return format === FORMAT && keys.length <= MOST ? keys.map(owned) : undefined
  } catch {
    return undefined
  }
}
const owned = (key: RingKey): RingKey => ({ ...key, name: key.name.slice(), secret: key.secret.slice() })

/** When keys change. All in milliseconds but `lifetime`. */
export interface Rotation {
  /** A new key seals after so long; 12 hours. */
  readonly interval: number
  /** Seconds that a ticket lives; 2 hours, and 7 days at most. */
  readonly lifetime: number
  /** By how much clocks of instances may differ; 30 s. */
  readonly skew: number
  /** After how long every instance has looked for new keys; 30 s. */
  readonly poll: number
}

/** Fills in the defaults. Throws `Misuse` for what cannot work. */
export const rotation = (given: Partial<Rotation> = {}): Rotation => {
  const rules = { interval: 12 * 3600_000, lifetime: 7200, skew: CLOCK_SKEW, poll: 30_000, ...given }
  for (const name of ['interval', 'lifetime', 'poll'] as const)
    if (!(rules[name] > 0)) throw new Misuse(`the ${name} of ticket keys must be more than 0, not ${rules[name]}`)
  if (!(rules.skew >= 0)) throw new Misuse(`the skew of clocks cannot be ${rules.skew}`)
  if (rules.lifetime > WEEK) throw new Misuse(`tickets live ${WEEK} seconds at most, not ${rules.lifetime}`)
  if ((MOST - 2) * rules.interval < ahead(rules) + rules.lifetime * 1000)
    throw new Misuse(
      `a ring holds ${MOST} keys: tickets of ${rules.lifetime} s need an interval of more than ${rules.interval} ms`,
    )
  return rules
}

/** How long before it seals a key must be known: everybody looks in time, the fastest clock and the slowest included. */
const ahead = ({ poll, skew }: Rotation): number => 2 * poll + 2 * skew

/** How long a key that has stopped to seal must still open. */
const outlasts = ({ lifetime, skew }: Rotation): number => lifetime * 1000 + 2 * skew

/** The key that seals at this time. Where none has come to it yet, the first that ever will. */
export const sealing = (ring: Ring, now: number): RingKey | undefined => {
  const seals = ring.filter((key) => key.from < key.until)
  return seals.findLast((key) => key.from <= now) ?? seals[0]
}

/** The ring as it should be at this time: new keys in good time, none that opens nothing any more. */
export const turned = (ring: Ring, rules: Rotation, now: number, random: (length: number) => Uint8Array): Ring => {
  const keys = [...ring]
  let newest = keys.findLast((key) => key.from < key.until)
  while (!newest || newest.from + rules.interval <= now + ahead(rules)) {
    const from: number = newest ? Math.max(newest.from + rules.interval, now + ahead(rules)) : now
    // it sealed longer than was meant, if nobody could make another in time
    if (newest) keys[keys.indexOf(newest)] = { ...newest, until: Math.max(newest.until, from + outlasts(rules)) }
    const name = random(NAME).slice()
    const until: number = from + rules.interval + outlasts(rules)
    newest = { name, secret: random(SECRET).slice(), from, until }
    keys.push(newest)
  }
  return kept(keys, now)
}

/** Without keys that are over, and without the oldest where there are too many. */
const kept = (ring: Ring, now: number): Ring => {
  const current = sealing(ring, now)
  return ring.filter((key) => key.until > now || key === current).slice(-MOST)
}

/** The keys of both, as one ring. Those that only `ours` has may be used to open: nobody else knows them yet. */
export const joined = (theirs: Ring, ours: Ring, now: number): Ring => {
  const extra = ours.filter((key) => !theirs.some(({ name }) => equal(name, key.name)))
  const keys = [...theirs, ...extra.map((key) => ({ ...key, from: Math.max(key.from, key.until) }))]
  return kept(
    keys.sort((a, b) => a.from - b.from),
    now,
  )
}

export const sameRing = (a: Ring, b: Ring): boolean => equal(encodeRing(a), encodeRing(b))

/** A key that is ready for use. */
export interface LiveKey extends RingKey {
  readonly box: Box
}

/** The keys of tickets as an instance uses them: prepared once, wiped when they leave. */
export class KeyRing {
  readonly #provider: Provider
  #ring: readonly LiveKey[] = []

  constructor(provider: Provider, ring: Ring = []) {
    this.#provider = provider
    this.adopt(ring)
  }

  get ring(): Ring {
    return this.#ring
  }

  /** Another ring holds from here on. Keys that are not in it are wiped. */
  adopt(ring: Ring): void {
    const before = this.#ring
    this.#ring = ring.map((key) => {
      const known = this.#named(key.name)
      return { ...key, secret: known?.secret ?? key.secret, box: known?.box ?? this.#provider.box(key.secret) }
    })
    for (const { name, secret } of before) if (!this.#named(name)) wipe(secret)
  }

  /** The key that seals. */
  current(now: number): LiveKey | undefined {
    return sealing(this.#ring, now) as LiveKey | undefined
  }

  /** The key of that name, if it still opens. */
  find(name: Uint8Array, now: number): LiveKey | undefined {
    const key = this.#named(name)
    return key && (now < key.until || key === this.current(now)) ? key : undefined
  }

  #named(name: Uint8Array): LiveKey | undefined {
    return this.#ring.find((key) => sameBytes(key.name, name))
  }
}

// ---- files of keys that other servers use

const FOREVER = 2 ** 48 - 1

/**
 * Keys from the files of nginx (ssl_session_ticket_key: 48 or 80 bytes each, the first file first) or of HAProxy
 * (tls-ticket-keys: a line of base64 each). The first file seals and the rest open; of a file of lines it is the last
 * but one that seals, as HAProxy has it. Tickets themselves are of our own form: only typetls opens them.
 */
export const importKeys = (files: readonly Uint8Array[], provider: Provider): Maybe<Ring> =>
  run(imported(files, provider))

function* imported(files: readonly Uint8Array[], provider: Provider): Task<Ring> {
  const ring: RingKey[] = []
  for (const [index, file] of files.entries()) {
    const blobs = blobsOf(file)
    const first = Math.max(0, blobs.length - 2)
    for (const [at, blob] of blobs.entries()) {
      const secret = yield* wait(provider.extract('sha256', label, blob.subarray(NAME)))
      const seals = index === 0 && at === first
      ring.push({ name: blob.slice(0, NAME), secret: secret.slice(), from: seals ? 0 : FOREVER, until: FOREVER })
    }
  }
  for (const [index, { name }] of ring.entries())
    if (ring.findIndex((key) => equal(key.name, name)) !== index)
      throw new Misuse(`two ticket keys have the name ${hex(name)}; each needs its own`)
  return ring
}

const label = Uint8Array.from('typetls ticket key', (c) => c.charCodeAt(0))

const isKey = ({ length }: Uint8Array): boolean => length === 48 || length === 80

const blobsOf = (file: Uint8Array): readonly Uint8Array[] => {
  if (isKey(file)) return [file]
  const lines = (fromUtf8(file) ?? '').split(/\r?\n/).filter((line) => line.trim() !== '')
  const blobs = lines.map((line) => fromBase64(line.trim()) ?? new Uint8Array(0))
  if (blobs.length === 0 || !blobs.every(isKey))
    throw new Misuse(
      `a file of ticket keys has 48 or 80 bytes, or lines of base64 of so many; this one has ${file.length} bytes`,
    )
  return blobs
}

/** A ring sealed for storage: 8 bytes of epoch, then the box, to which the epoch and the fleet's name are bound. */
export const sealRing = (box: Box, fleet: Uint8Array, epoch: number, ring: Ring): Maybe<Uint8Array> => {
  const head = epochBytes(epoch)
  return after(box.seal(encodeRing(ring), concat(head, fleet)), (sealed) => concat(head, sealed))
}

/** Undefined: it was changed, or is of another fleet, or sealed under another key. */
export const openRing = (box: Box, fleet: Uint8Array, value: Uint8Array): Maybe<Ring | undefined> =>
  run(
    (function* (): Task<Ring | undefined> {
      const plain = yield* wait(box.open(value.subarray(8), concat(value.subarray(0, 8), fleet)))
      return plain && decodeRing(plain)
    })(),
  )

const epochBytes = (epoch: number): Uint8Array => {
  const head = new Uint8Array(8)
  const view = new DataView(head.buffer)
  view.setUint32(0, Math.floor(epoch / 2 ** 32))
  view.setUint32(4, epoch % 2 ** 32)
  return head
}
