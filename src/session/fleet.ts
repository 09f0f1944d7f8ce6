import { fromHex, hex, utf8 } from '../bytes/text.ts'
import type { Box, Provider } from '../crypto/provider.ts'
import { Misuse } from '../errors.ts'
import {
  joined,
  KeyRing,
  openRing,
  type Ring,
  type RingKey,
  type Rotation,
  rotation,
  sameRing,
  sealRing,
  turned,
} from './ring.ts'
import type { Sessions } from './session.ts'
import { epochBytes, type FleetStore } from './store.ts'
import { storedSessions } from './stored.ts'
import { type Observe, ringTickets, type SessionEvent, type Tickets } from './tickets.ts'

export interface FleetOptions {
  readonly provider: Provider
  readonly store: FleetStore
  /** The key that the ring is sealed under in the store: 32 bytes, the same on every machine, and never in the store. */
  readonly key: Uint8Array
  /** Names the fleet: rings of one are not opened in another. */
  readonly name: string
  /** The store's guard is asked for early data of tickets from the same region only. */
  readonly region?: string
  readonly rotation?: Partial<Rotation>
  /** How far the ages of tickets may be off for early data (ms). */
  readonly window?: number
  /** Milliseconds since 1970. */
  readonly now?: () => number
  readonly observe?: Observe
}

const RING = 'stek:ring'
const LOCK = 'stek:lock'
const LOCK_TIME = 10_000
/** A name with its region is part of keys and tickets. */
const NAMES = /^[A-Za-z0-9._-]{1,64}$/

interface Found {
  readonly ring: Ring | undefined
  /** The bytes of its epoch, also where the rest was changed. */
  readonly head: Uint8Array
  readonly epoch: number
}
const numberOf = (value: Uint8Array): number => {
  const view = new DataView(value.buffer, value.byteOffset)
  return view.getUint32(0) * 2 ** 32 + view.getUint32(4)
}

/**
 * One instance of a fleet that shares the keys of its tickets through a store. It reads the ring from time to time, and
 * when somebody says that it has changed; whoever first finds that a key is due makes it, under a lock. Without the
 * store it goes on with the keys that it has, or at the beginning with some of its own, and joins the others later.
 */
export class Fleet {
  readonly tickets: Tickets
  /** Sessions of TLS 1.2 by id. */
  readonly sessions: Sessions
  readonly #options: FleetOptions
  readonly #rules: Rotation
  readonly #now: () => number
  readonly #box: Box
  readonly #name: Uint8Array
  readonly #keys: KeyRing
  readonly #store: FleetStore
  #epoch = 0
  #shared = false
  #timer: ReturnType<typeof setTimeout> | undefined
  #unwatch: (() => void) | undefined
  #looking: Promise<void> | undefined
  #next: Promise<void> | undefined
  #stopped = false

  constructor(options: FleetOptions) {
    const { provider, store, key, name, region, window, now = Date.now, observe } = options
    for (const text of region === undefined ? [name] : [name, region])
      if (!NAMES.test(text))
        throw new Misuse(`"${text}" cannot name a fleet or a region: 1 to 64 letters, digits, dots, dashes`)
    this.#options = options
    this.#rules = rotation(options.rotation)
    this.#now = now
    this.#box = provider.box(key)
    this.#name = utf8(name)
    this.#keys = new KeyRing(provider)
    this.#store = store
    const { lifetime, skew } = this.#rules
    this.tickets = ringTickets(provider, this.#keys, {
      now,
      lifetime,
      skew,
      guard: store,
      ...(region !== undefined && { region }),
      ...(window !== undefined && { window }),
      ...(observe && { observe }),
    })
    this.sessions = storedSessions(provider, store, this.tickets, observe)
  }

  /** Looks for the ring, and goes on looking. Resolves when there are keys, the fleet's or its own. */
  async start(): Promise<this> {
    this.#unwatch = this.#store.watch('stek', () => void this.look())
    await this.look()
    // a ring of its own: better tickets that one instance can open than none
    if (this.#keys.ring.length === 0) this.#adopt(this.#turned([]), 0, false)
    this.#wait()
    return this
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.#unwatch?.()
  }

  /** The epoch of the ring that holds here; 0: one of our own. */
  get epoch(): number {
    return this.#epoch
  }

  /** Whether the ring that holds here is the fleet's. */
  get shared(): boolean {
    return this.#shared
  }

  /** The key that seals now. */
  get sealing(): RingKey | undefined {
    return this.#keys.current(this.#now())
  }

  /** Brings our ring and the store's in step. What it finds was so after the call, not before. Never rejects. */
  look(): Promise<void> {
    if (this.#looking) {
      this.#next ??= this.#looking.then(() => {
        this.#next = undefined
        return this.#stopped ? undefined : this.look()
      })
      return this.#next
    }
    this.#looking = this.#step().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  #wait(): void {
    if (this.#stopped) return
    this.#timer = setTimeout(() => void this.look().then(() => this.#wait()), this.#rules.poll)
    // nobody stays alive for a look
    ;(this.#timer as { unref?: () => void }).unref?.()
  }

  async #step(): Promise<void> {
    try {
      const found = await this.#read()
      if (!this.#due(found.ring)) return this.#adopt(found.ring ?? [], found.epoch, true)
      const fence = await this.#store.lock(LOCK, LOCK_TIME)
      if (fence === undefined) {
        // somebody is at it, and will announce it
        this.#told({ event: 'locked' })
        if (found.ring) this.#adopt(joined(found.ring, this.#keys.ring, this.#now()), found.epoch, true)
        return
      }
      await this.#publish(fence)
    } catch {
      // the store does not answer
      this.#alone()
    }
  }

  /** What the store has. A value that was changed counts as none, but its epoch is the one to replace. */
  async #read(): Promise<Found> {
    const value = await this.#store.get(RING)
    const ring = value && (await openRing(this.#box, this.#name, value))
    if (value && !ring) this.#told({ event: 'changed', what: 'ring' })
    return { ring, head: epochBytes(value), epoch: ring && value ? numberOf(value) : 0 }
  }

  /** The ring that should be in the store, if it is not this one. */
  #due(stored: Ring | undefined): Ring | undefined {
    const wanted = this.#turned(stored ? joined(stored, this.#keys.ring, this.#now()) : this.#keys.ring)
    return stored && sameRing(stored, wanted) ? undefined : wanted
  }

  #turned(ring: Ring): Ring {
    return turned(ring, this.#rules, this.#now(), this.#options.provider.random)
  }

  async #publish(fence: number): Promise<void> {
    // what was read before the lock may be old
    const { ring, head, epoch } = await this.#read()
    const wanted = this.#due(ring)
    if (!wanted) return this.#adopt(ring ?? [], epoch, true)
    const next = Math.max(epoch, this.#epoch) + 1
    const value = await sealRing(this.#box, this.#name, next, wanted)
    if (!(await this.#store.swap(RING, head, value, { key: LOCK, fence }))) return
    this.#adopt(wanted, next, true)
    await this.#store.announce('stek', next)
  }

  /** Keys that nobody shares change here; those of the fleet stay until it can be asked again. */
  #alone(): void {
    const { ring } = this.#keys
    if (ring.length > 0) this.#adopt(this.#epoch === 0 ? this.#turned(ring) : ring, this.#epoch, false)
  }

  #adopt(ring: Ring, epoch: number, shared: boolean): void {
    const same = epoch === this.#epoch && shared === this.#shared && sameRing(ring, this.#keys.ring)
    this.#keys.adopt(ring)
    this.#epoch = epoch
    this.#shared = shared
    if (same) return
    const sealing = hex(this.#keys.current(this.#now())?.name ?? new Uint8Array(0))
    this.#told({ event: 'ring', epoch, shared, sealing })
  }

  #told(event: SessionEvent): void {
    this.#options.observe?.(event)
  }
}

/** The key of a fleet as it stands in the environment: 64 hexadecimal digits. Throws `Misuse` for anything else. */
export const fleetKey = (text: string): Uint8Array => {
  const bytes = fromHex(text.trim())
  if (bytes?.length !== 32)
    throw new Misuse('the key of a fleet has 64 hexadecimal digits; "openssl rand -hex 32" makes one')
  return bytes
}
