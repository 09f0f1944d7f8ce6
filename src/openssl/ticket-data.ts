import { TlsError } from '../errors.ts'
import type { Session } from '../session/session.ts'
import { after, type Maybe } from '../task.ts'
import { held } from './counted.ts'
import type { SSL_CTX } from './ctx.ts'
import { SSL_SESSION } from './session.ts'
import type { SSL } from './ssl.ts'
import {
  SSL_TICKET_NO_DECRYPT,
  SSL_TICKET_RETURN_IGNORE,
  SSL_TICKET_RETURN_IGNORE_RENEW,
  SSL_TICKET_RETURN_USE,
  SSL_TICKET_RETURN_USE_RENEW,
  SSL_TICKET_SUCCESS,
  SSL_TICKET_SUCCESS_RENEW,
} from './ssl-numbers.ts'

/** What a program keeps in the tickets of its server (SSL_CTX_set_session_ticket_cb(3)). */

/** Before a ticket is sealed: SSL_get_session(ssl) is what goes into it. 0 ends the connection. */
export type TicketGenerateCallback = (ssl: SSL, arg: unknown) => number
/**
 * A client has shown a ticket: the session in it, or null if there is none, with the name of its key (16 bytes), and
 * SSL_TICKET_NO_DECRYPT, _SUCCESS or _SUCCESS_RENEW. Answers SSL_TICKET_RETURN_.
 */
export type TicketDecryptCallback = (
  ssl: SSL,
  session: SSL_SESSION | null,
  keyName: Uint8Array,
  status: number,
  arg: unknown,
) => number

/** Sets both; null for either asks nobody. */
export const SSL_CTX_set_session_ticket_cb = (
  ctx: SSL_CTX,
  generate: TicketGenerateCallback | null,
  decrypt: TicketDecryptCallback | null,
  arg: unknown,
): 0 | 1 => {
  held(ctx).ticketGenerateCallback = generate
  ctx.ticketDecryptCallback = decrypt
  ctx.ticketCallbackArgument = arg
  return 1
}

const MOST = 65535
/** Data of the program's own, at most 65535 bytes; copied. */
export const SSL_SESSION_set1_ticket_appdata = (s: SSL_SESSION, data: Uint8Array): 0 | 1 => {
  if (data.length > MOST) return 0
  held(s).data = { ...s.data, appData: data.slice() }
  return 1
}
/** The same; empty if there is none. A view. */
export const SSL_SESSION_get0_ticket_appdata = (s: SSL_SESSION): Uint8Array => held(s).data.appData

/** Lets the program fill the session that is about to be sealed. */
export const generated = (ssl: SSL): void => {
  const { ticketGenerateCallback, ticketCallbackArgument } = ssl.sessionCtx
  if (ticketGenerateCallback && ticketGenerateCallback(ssl, ticketCallbackArgument) === 0)
    throw new TlsError('internal_error', 'INTERNAL_ERROR', 'the ticket callback of the program failed')
}

interface Opened {
  readonly session: Session
  readonly renew: boolean
}

/** Lets the program judge what was in a ticket. */
export const decrypted = (
  ssl: SSL,
  ticket: Uint8Array,
  found: Maybe<Opened | undefined>,
): Maybe<Opened | undefined> => {
  const { ticketDecryptCallback: ask, ticketCallbackArgument } = ssl.sessionCtx
  if (!ask) return found
  const judge = (opened: Opened | undefined): Opened | undefined => {
    const status = !opened ? SSL_TICKET_NO_DECRYPT : opened.renew ? SSL_TICKET_SUCCESS_RENEW : SSL_TICKET_SUCCESS
    const session = opened ? new SSL_SESSION(opened.session, opened.session, opened.session.id) : null
    const answer = ask(ssl, session, ticket.slice(0, NAME), status, ticketCallbackArgument)
    if (answer === SSL_TICKET_RETURN_IGNORE || answer === SSL_TICKET_RETURN_IGNORE_RENEW) return undefined
    if (!session || (answer !== SSL_TICKET_RETURN_USE && answer !== SSL_TICKET_RETURN_USE_RENEW))
      throw new TlsError('internal_error', 'INTERNAL_ERROR', 'the ticket callback of the program refuses the ticket')
    return { session: session.data, renew: answer === SSL_TICKET_RETURN_USE_RENEW }
  }
  return after(found, judge)
}

const NAME = 16
