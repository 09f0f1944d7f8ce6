import { concat } from '../bytes/compare.ts'
import { hex } from '../bytes/text.ts'
import { TLS13 } from '../config.ts'
import type { Provider } from '../crypto/provider.ts'
import { TlsError } from '../errors.ts'
import { decodeSession, lendSession, type Session } from '../session/session.ts'
import type { Tickets } from '../session/tickets.ts'
import { after, type Maybe } from '../task.ts'
import { held } from './counted.ts'
import type { SSL_CTX } from './ctx.ts'
import { SSLerr } from './err.ts'
import type { SSL } from './ssl.ts'

/**
 * The keys of session tickets (SSL_CTX_set_tlsext_ticket_key_cb(3)), for servers that open each other's. A ticket is the
 * 16 bytes of its key's name, then AES-256-GCM with the name as additional data: not OpenSSL's own form.
 */

/** What a key callback hands out: the name that the ticket begins with, and 32 bytes of key. */
export interface TicketKey {
  readonly ret: number
  readonly keyName: Uint8Array
  readonly key: Uint8Array
}

/**
 * Asked for the key of a ticket. `enc` 1: of a new one (`keyName` null); 0 instead of a key means no ticket. `enc` 0: of
 * this name; `ret` 1 to use it, 2 to use it and give the client a new ticket, 0 not to know it (a full handshake). Less
 * than 0 fails the handshake.
 */
export type TicketKeyCallback = (ssl: SSL, keyName: Uint8Array | null, enc: 0 | 1) => number | TicketKey

const NAME = 16
const HALF = 32
const KEYS = NAME + HALF + HALF
const KEY = 32

/** 1 when `keys` (name 16, two secrets of 32 bytes) are taken; 0 with an error for another length; null asks for it: 80. */
export const SSL_CTX_set_tlsext_ticket_keys = (ctx: SSL_CTX, keys: Uint8Array | null): number => {
  if (keys === null) return KEYS
  if (keys.length !== KEYS) {
    SSLerr(null, 'INVALID_TICKET_KEYS_LENGTH', 'openssl/ticket-keys.ts')
    return 0
  }
  held(ctx).ticketKeys = keys.slice()
  ctx.tickets = fixedTickets(ctx.provider, ctx.ticketKeys as Uint8Array)
  return 1
}
/** The keys that are set; fresh ones, which from then on are used, if there were none. */
export const SSL_CTX_get_tlsext_ticket_keys = (ctx: SSL_CTX): Uint8Array => {
  if (held(ctx).ticketKeys === null) SSL_CTX_set_tlsext_ticket_keys(ctx, ctx.provider.random(KEYS))
  return (ctx.ticketKeys as Uint8Array).slice()
}
/** The program chooses the key of every ticket; null ends that. */
export const SSL_CTX_set_tlsext_ticket_key_cb = (ctx: SSL_CTX, cb: TicketKeyCallback | null): 0 | 1 => {
  held(ctx).ticketKeyCallback = cb
  return 1
}

/** One key for good, drawn from both secrets. */
const fixedTickets = (provider: Provider, keys: Uint8Array): Tickets => {
  const name = keys.subarray(0, NAME)
  const drawn = provider.extract('sha256', keys.subarray(NAME, NAME + HALF), keys.subarray(NAME + HALF))
  return {
    seal: (session) => after(drawn, (key) => seal(provider, name, key, session)),
    open: (ticket) => {
      if (hex(ticket.subarray(0, NAME)) !== hex(name)) return undefined
      return after(drawn, (key) => after(open(provider, key, ticket), (session) => session && { session, renew: true }))
    },
  }
}

/** Keys of the callback's choice, for one connection. */
export const askedTickets = (ssl: SSL, ask: TicketKeyCallback): Tickets => {
  const { provider } = ssl.ctx
  let enough = false
  return {
    seal(session) {
      // the callback did not want a ticket of TLS 1.3 renewed
      if (enough && session.version === TLS13) return undefined
      const answer = ask(ssl, null, 1)
      const ret = typeof answer === 'number' ? answer : answer.ret
      if (ret < 0)
        throw new TlsError('internal_error', 'CALLBACK_FAILED', 'the ticket key callback of the program failed')
      if (ret === 0 || typeof answer === 'number') return undefined
      return seal(provider, checked(answer).keyName, answer.key, session)
    },
    open(ticket) {
      const answer = ask(ssl, ticket.slice(0, NAME), 0)
      const ret = typeof answer === 'number' ? answer : answer.ret
      if (ret < 0)
        throw new TlsError('internal_error', 'INTERNAL_ERROR', 'the ticket key callback of the program failed')
      if (ret === 0 || typeof answer === 'number') return undefined
      return after(open(provider, checked(answer).key, ticket), (session) => {
        enough = session !== undefined && ret === 1
        return session && { session, renew: ret === 2 }
      })
    },
  }
}

const checked = (answer: TicketKey): TicketKey => {
  if (answer.keyName.length === NAME && answer.key.length === KEY) return answer
  throw new TlsError(
    'internal_error',
    'INVALID_TICKET_KEYS_LENGTH',
    `a ticket key has a name of ${NAME} bytes and ${KEY} bytes of key`,
  )
}

const seal = (provider: Provider, name: Uint8Array, key: Uint8Array, session: Session): Maybe<Uint8Array> =>
  after(
    lendSession(session, (plain) => provider.box(key).seal(plain, name)),
    (sealed) => concat(name, sealed),
  )

const open = (provider: Provider, key: Uint8Array, ticket: Uint8Array): Maybe<Session | undefined> =>
  after(
    provider.box(key).open(ticket.subarray(NAME), ticket.subarray(0, NAME)),
    (plain) => plain && decodeSession(plain),
  )
