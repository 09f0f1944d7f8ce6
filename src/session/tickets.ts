import { concat } from '../bytes/compare.ts'
import { hex } from '../bytes/text.ts'
import { digest } from '../crypto/digest.ts'
import type { Provider } from '../crypto/provider.ts'
import { after, isPromise, type Maybe } from '../task.ts'
import { memoryStore } from './memory-store.ts'
import { KeyRing, type LiveKey, NAME, rotation, turned } from './ring.ts'
import { CLOCK_SKEW, decodeSession, lendSession, type Session } from './session.ts'
import { claimTime, type ReplayGuard } from './store.ts'

/** What was in a ticket. */
export interface Opened {
  readonly session: Session
  /** TLS 1.2: give the client a new one. */
  readonly renew: boolean
}

/** Makes and opens the tickets of a server. */
export interface Tickets {
  /** TLS 1.2 does without, and goes by session ids. */
  readonly only13?: boolean
  /** Seconds for which its tickets can be opened at most; sessions live no longer. */
  readonly lifetime?: number
  /** Undefined: no ticket for this one. */
  seal(session: Session): Maybe<Uint8Array | undefined>
  /** Undefined: not ours, or not whole; a full handshake follows. */
  open(ticket: Uint8Array): Maybe<Opened | undefined>
  /** For early data: true the first time that it is asked of a ticket, and never again. Absent: no early data. */
  once?(ticket: Uint8Array): Maybe<boolean>
  /** Early data under this ticket was refused here; from now on `once` says false of it, wherever it is asked. */
  spend?(ticket: Uint8Array): Maybe<boolean>
}

/** What happens to tickets and to what a fleet shares, for those who count. */
export type SessionEvent =
  /** `key`: the name of the key, hexadecimal. */
  | { readonly event: 'sealed' | 'opened'; readonly key: string }
  /** `unknown key`: its key is none of ours (any more); `changed`: it is not as it was sealed. */
  | { readonly event: 'unopened'; readonly why: 'unknown key' | 'changed' }
  /** Early data under a ticket: the first time, a replay (or the memory of them has just begun), or nobody could tell. */
  | { readonly event: 'claim'; readonly verdict: 'first' | 'refused' | 'failed' }
  /** A ring holds; `shared`: the one that the fleet shares. */
  | { readonly event: 'ring'; readonly epoch: number; readonly shared: boolean; readonly sealing: string }
  /** A stored value is not as it was written. */
  | { readonly event: 'changed'; readonly what: 'ring' | 'session' }
  /** Somebody else holds the lock under which keys are made. */
  | { readonly event: 'locked' }
  /** The store was asked; `ms` for how long. */
  | { readonly event: 'store'; readonly call: string; readonly ms: number; readonly failed: boolean }

export type Observe = (event: SessionEvent) => void

export interface RingTicketsOptions {
  /** Milliseconds since 1970. */
  readonly now?: () => number
  /** Seconds that tickets live at most. */
  readonly lifetime?: number
  /** Remembers whose early data was taken. Absent: no early data is. */
  readonly guard?: ReplayGuard
  /** Where that guard is: early data of tickets that others issued is not taken. */
  readonly region?: string
  /** How far the ages of tickets and the clocks of instances may be off (ms). */
  readonly window?: number
  readonly skew?: number
  readonly observe?: Observe
}

/**
 * Stateless tickets under the keys of a ring: 16 bytes of key name, then AES-256-GCM (12 bytes of nonce, ciphertext, 16
 * bytes of tag) with the name as additional data.
 */
export const ringTickets = (provider: Provider, ring: KeyRing, options: RingTicketsOptions = {}): Tickets => {
  const { now = Date.now, lifetime, guard, region = '', window = 10_000, skew = CLOCK_SKEW, observe } = options
  const told = (event: SessionEvent): undefined => void observe?.(event)

  const result = (key: LiveKey, plain: Uint8Array | undefined): Opened | undefined => {
    const session = plain && decodeSession(plain)
    if (!session) return told({ event: 'unopened', why: 'changed' })
    observe?.({ event: 'opened', key: hex(key.name) })
    const time = now()
    const worn = time > session.created + session.lifetime * 500
    // elsewhere somebody else remembers what was taken, and we cannot ask
    const here = session.region === region ? session : { ...session, earlyData: 0 }
    return { session: here, renew: worn || key !== ring.current(time) }
  }

  return {
    ...(lifetime !== undefined && { lifetime }),
    seal(session) {
      const key = ring.current(now())
      if (!key) return undefined
      observe?.({ event: 'sealed', key: hex(key.name) })
      const placed = region === '' ? session : { ...session, region }
      const sealing = lendSession(placed, (plain) => key.box.seal(plain, key.name))
      return after(sealing, (sealed) => concat(key.name, sealed))
    },
    open(ticket) {
      const name = ticket.subarray(0, NAME)
      const key = ring.find(name, now())
      if (!key) return told({ event: 'unopened', why: 'unknown key' })
      return after(key.box.open(ticket.subarray(NAME), name), (plain) => result(key, plain))
    },
    ...(guard && spending(claiming(provider, guard, region, claimTime(window, skew), told))),
  }
}

const spending = (once: (ticket: Uint8Array) => Maybe<boolean>): Pick<Tickets, 'once' | 'spend'> => ({
  once,
  spend: once,
})

/** Asks a guard about a ticket, by its digest. */
const claiming =
  (provider: Provider, guard: ReplayGuard, region: string, ttl: number, told: Observe) =>
  (ticket: Uint8Array): Maybe<boolean> => {
    const failed = (): boolean => {
      told({ event: 'claim', verdict: 'failed' })
      return false
    }
    const answered = (first: boolean): boolean => {
      told({ event: 'claim', verdict: first ? 'first' : 'refused' })
      return first
    }
    const ask = (name: Uint8Array): Maybe<boolean> => {
      try {
        const answer = guard.claim(`${region}:${hex(name)}`, ttl)
        return isPromise(answer) ? answer.then(answered, failed) : answered(answer)
      } catch {
        return failed()
      }
    }
    return after(digest(provider, 'sha256', ticket), ask)
  }

/**
 * Stateless tickets under keys that live in this process alone and change every `interval` ms: a key seals for so long,
 * and opens for as long again. Whose early data was taken is remembered here too.
 */
export const memoryTickets = (provider: Provider, now: () => number = Date.now, interval = 12 * 3600_000): Tickets => {
  // nobody has to be told of a key, so it is made when its time comes
  const rules = { ...rotation({ interval, lifetime: Math.min(interval / 1000, 604_800) }), poll: 0, skew: 0 }
  const ring = new KeyRing(provider)
  let next = Number.NEGATIVE_INFINITY
  const inTime = (): number => {
    const time = now()
    if (time < next) return time
    ring.adopt(turned(ring.ring, rules, time, provider.random))
    next = (ring.current(time)?.from ?? time) + interval
    return time
  }
  return ringTickets(provider, ring, { now: inTime, guard: memoryStore({ now }) })
}
