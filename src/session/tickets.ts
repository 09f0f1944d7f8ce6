import { equal } from '../bytes/compare.ts'
import type { Box, Provider } from '../crypto/provider.ts'
import type { Maybe } from '../task.ts'
import { isPromise } from '../task.ts'
import { decodeSession, encodeSession, type Session } from './session.ts'

/** Makes and opens the tickets of a server. */
export interface Tickets {
  /** TLS 1.2 does without, and goes by session ids. */
  readonly only13?: boolean
  /** Undefined: no ticket for this one. */
  seal(session: Session): Maybe<Uint8Array | undefined>
  /** Undefined: not ours, or not whole; a full handshake follows. `renew`: give the client a new one. */
  open(ticket: Uint8Array): Maybe<{ readonly session: Session; readonly renew: boolean } | undefined>
  /** For early data: true the first time that it is asked of a ticket, and never again. Absent: no early data. */
  once?(ticket: Uint8Array): Maybe<boolean>
}

/** How many tickets `once` remembers; with more than that in flight, early data is refused. */
const REMEMBERED = 100_000

interface TicketKey {
  readonly name: Uint8Array
  readonly box: Box
  readonly from: number
}

const NAME = 16

/**
 * Stateless tickets under keys that live in memory and rotate: 16 bytes of key name, then AES-256-GCM (12 bytes of nonce,
 * ciphertext, 16 bytes of tag) with the name as additional data. A key seals for `rotation` ms and opens for twice that.
 */
export const memoryTickets = (provider: Provider, now: () => number = Date.now, rotation = 12 * 3600_000): Tickets => {
  let keys: TicketKey[] = []
  const current = (): TicketKey => {
    const time = now()
    keys = keys.filter((key) => time < key.from + 2 * rotation)
    const first = keys[0]
    if (first && time < first.from + rotation) return first
    const fresh = { name: provider.random(NAME), box: provider.box(provider.random(32)), from: time }
    keys.unshift(fresh)
    return fresh
  }
  const join = (name: Uint8Array, sealed: Uint8Array): Uint8Array => {
    const ticket = new Uint8Array(NAME + sealed.length)
    ticket.set(name)
    ticket.set(sealed, NAME)
    return ticket
  }
  const seen = new Map<string, number>()
  return {
    once(ticket) {
      const time = now()
      // the map is in order of time: what no key opens any more stands first
      for (const [mark, until] of seen) {
        if (until > time) break
        seen.delete(mark)
      }
      // the tag tells tickets apart
      const mark = ticket.subarray(-16).join()
      if (seen.has(mark) || seen.size >= REMEMBERED) return false
      seen.set(mark, time + 2 * rotation)
      return true
    },
    seal(session) {
      const key = current()
      const sealed = key.box.seal(encodeSession(session), key.name)
      return isPromise(sealed) ? sealed.then((bytes) => join(key.name, bytes)) : join(key.name, sealed)
    },
    open(ticket) {
      const newest = current()
      const name = ticket.subarray(0, NAME)
      const key = keys.find((candidate) => equal(candidate.name, name))
      if (!key) return undefined
      const result = (plain: Uint8Array | undefined) => {
        const session = plain && decodeSession(plain)
        return session && { session, renew: key !== newest }
      }
      const plain = key.box.open(ticket.subarray(NAME), name)
      return isPromise(plain) ? plain.then(result) : result(plain)
    },
  }
}
