import { fromHex } from '../bytes/text.ts'
import { TLS13 } from '../config.ts'
import { TlsError } from '../errors.ts'
import type { Session, Sessions } from '../session/session.ts'
import type { Tickets } from '../session/tickets.ts'
import { after } from '../task.ts'
import { held, release, upRef } from './counted.ts'
import { blankSession, SSL_SESSION, tail } from './session.ts'
import type { SSL } from './ssl.ts'
import {
  SSL_OP_NO_ANTI_REPLAY,
  SSL_OP_NO_TICKET,
  SSL_SESS_CACHE_CLIENT,
  SSL_SESS_CACHE_NO_INTERNAL_LOOKUP,
  SSL_SESS_CACHE_NO_INTERNAL_STORE,
  SSL_SESS_CACHE_SERVER,
  SSL_VERIFY_PEER,
} from './ssl-numbers.ts'
import { decrypted, generated } from './ticket-data.ts'
import { askedTickets } from './ticket-keys.ts'

/** Sessions of a connection: how the engine finds, keeps and seals them (SSL_set_session(3), SSL_get_session(3)). */

const ID = 32
/** A client only has to say that it takes tickets. */
const taken: Tickets = { seal: () => undefined, open: () => undefined }

export const ticketsOf = (ssl: SSL): Tickets | undefined => {
  const { settings, sessionCtx: ctx, role } = ssl
  const stateless = (settings.options & SSL_OP_NO_TICKET) === 0 && settings.securityLevel < 3
  if (role === 'client') return stateless ? taken : undefined
  if (!stateless) return guarded(ssl, storedTickets(ssl))
  const tickets = ctx.ticketKeyCallback ? askedTickets(ssl, ctx.ticketKeyCallback) : ctx.tickets
  const sealed: Tickets = {
    ...tickets,
    only13: ssl.ticketless12,
    seal(session) {
      if (!ctx.ticketGenerateCallback) return tickets.seal(session)
      const made = stand(ssl, session)
      generated(ssl)
      return tickets.seal(made.data)
    },
    open(ticket) {
      checkContext(ssl)
      return decrypted(ssl, ticket, tickets.open(ticket))
    },
  }
  const { maxEarlyData, options } = settings
  if (maxEarlyData === 0) return sealed
  return guarded(ssl, (options & SSL_OP_NO_ANTI_REPLAY) === 0 ? singleUse(ssl, sealed) : sealed)
}

/** Early data is taken once for a ticket, and only where the program reads it. */
const guarded = (ssl: SSL, tickets: Tickets): Tickets => ({
  ...tickets,
  open: (ticket) => after(tickets.open(ticket), (found) => found && { ...found, session: limited(ssl, found.session) }),
  once(ticket) {
    const { allowEarlyData, allowEarlyDataArgument, options } = ssl.settings
    if (ssl.early !== 'accepting') return false
    if (allowEarlyData) {
      if (allowEarlyData(ssl, allowEarlyDataArgument) === 0) return false
      // the program has said that it keeps replays away itself
      if ((options & SSL_OP_NO_ANTI_REPLAY) !== 0) return true
    }
    return tickets.once?.(ticket) ?? false
  },
})

const limited = ({ settings }: SSL, session: Session): Session =>
  session.earlyData <= settings.recvMaxEarlyData ? session : { ...session, earlyData: settings.recvMaxEarlyData }

/** Tickets of TLS 1.3 that are good for one connection, since the server keeps what is behind them. */
const singleUse = (ssl: SSL, sealed: Tickets): Tickets => {
  const { once, ...stored } = storedTickets(ssl)
  return {
    ...(once && { once }),
    seal: (session) => (session.version === TLS13 ? stored : sealed).seal(session),
    open(ticket) {
      if (ticket.length === ID) return stored.open(ticket)
      return after(sealed.open(ticket), (found) => (found?.session.version === TLS13 ? undefined : found))
    },
  }
}

/** Without a context, a client's certificate that was checked for one purpose could serve for another. */
const checkContext = ({ settings }: SSL): void => {
  if ((settings.verifyMode & SSL_VERIFY_PEER) === 0 || settings.sessionContext.length > 0) return
  throw new TlsError(
    'internal_error',
    'SESSION_ID_CONTEXT_UNINITIALIZED',
    'a server that asks for certificates needs SSL_CTX_set_session_id_context to resume sessions',
  )
}

/** SSL_OP_NO_TICKET in TLS 1.3: a ticket is only the name of a session that the server has, and good for one use. */
const storedTickets = (ssl: SSL): Tickets => {
  let gone = false
  return {
    only13: true,
    once: () => gone,
    seal(session) {
      const id = ssl.ctx.provider.random(ID).slice()
      const kept = new SSL_SESSION(session, session, id)
      kept.kept = true
      adopt(ssl, kept)
      generated(ssl)
      ssl.sessionCtx.cache.add(kept)
      return id
    },
    open(ticket) {
      checkContext(ssl)
      const found = lookUp(ssl, ticket)
      if (!found) return undefined
      const { data } = found
      // whoever shows it again, finds nothing
      gone = ssl.sessionCtx.cache.remove(found)
      return { session: data, renew: true }
    },
  }
}

/** Where the engine finds sessions of TLS 1.2 by their ids. */
export const storeOf = (ssl: SSL): Sessions | undefined => {
  const { cache } = ssl.sessionCtx
  if ((cache.mode & SSL_SESS_CACHE_SERVER) === 0) return undefined
  return {
    get(id) {
      const found = lookUp(ssl, fromHex(id) as Uint8Array)
      if (!found) return undefined
      checkContext(ssl)
      adopt(ssl, found)
      return found.data
    },
    put(_id, session) {
      const made = new SSL_SESSION(session, session, session.id)
      adopt(ssl, made)
      if ((cache.mode & SSL_SESS_CACHE_NO_INTERNAL_STORE) === 0) cache.add(made)
    },
    remove(id) {
      const found = cache.find(fromHex(id) as Uint8Array)
      if (found) cache.remove(found)
    },
  }
}

const lookUp = (ssl: SSL, id: Uint8Array): SSL_SESSION | undefined => {
  const { cache } = ssl.sessionCtx
  const known = (cache.mode & SSL_SESS_CACHE_NO_INTERNAL_LOOKUP) === 0 ? cache.find(id) : undefined
  if (known && known.expires() < Date.now()) {
    cache.counters.timeouts++
    cache.remove(known)
  }
  if (known && !known.bad) return known
  const given = cache.onGet?.(ssl, id) ?? undefined
  if (given) {
    cache.counters.callbackHits++
    if ((cache.mode & SSL_SESS_CACHE_NO_INTERNAL_STORE) === 0) cache.add(given)
    return given
  }
  cache.counters.misses++
  return undefined
}

/** The engine has a session that can be resumed later. */
export const keep = (ssl: SSL, session: Session): void => {
  const { cache } = ssl.sessionCtx
  if (ssl.role === 'client') {
    const id = session.id.length > 0 ? session.id : tail(session.ticket)
    adopt(ssl, new SSL_SESSION(session, session, id))
    if ((cache.mode & SSL_SESS_CACHE_CLIENT) === 0) return
    if ((cache.mode & SSL_SESS_CACHE_NO_INTERNAL_STORE) === 0) cache.add(ssl.session as SSL_SESSION)
    return announce(ssl)
  }
  const made = stand(ssl, session)
  // sessions in tickets of TLS 1.2 are nobody's here, and have no name
  if (made.id.length === 0) return
  if (
    session.version === TLS13 &&
    (cache.mode & SSL_SESS_CACHE_SERVER) !== 0 &&
    cache.onRemove &&
    (cache.mode & SSL_SESS_CACHE_NO_INTERNAL_STORE) === 0
  )
    cache.add(made)
  if ((cache.mode & SSL_SESS_CACHE_SERVER) !== 0) announce(ssl)
}

/** A server's session that the client will hold: what SSL_get_session gives from now on. */
const stand = (ssl: SSL, session: Session): SSL_SESSION => {
  if (ssl.session?.source === session) return ssl.session
  const id = session.version === TLS13 ? ssl.ctx.provider.random(ID).slice() : session.id
  const made = new SSL_SESSION(session, session, id)
  made.kept = true
  adopt(ssl, made)
  return made
}

const announce = (ssl: SSL): void => {
  const { session, sessionCtx: ctx } = ssl
  if (!session || !ctx.cache.onNew) return
  upRef(session)
  if (ctx.cache.onNew(ssl, session) === 0) release(session)
}

const adopt = (ssl: SSL, session: SSL_SESSION): void => {
  if (ssl.session === session) return
  release(ssl.session)
  ssl.session = session
  if (session.source === null || session.references === 0) upRef(session)
}

/** The handshake is over: what is resumed, and what stands for the connection until a ticket comes. */
export const settle = (ssl: SSL): void => {
  const facts = ssl.connection?.facts
  if (!facts) return
  const { cache } = ssl.sessionCtx
  const { counters } = cache
  if (ssl.role === 'client') counters.connectGood++
  else counters.acceptGood++
  if (facts.resumed) {
    counters.hits++
    ssl.verifyResult = facts.session?.verifyCode ?? 0
    // a ticket of TLS 1.3 is for one use; as in C, the cache sees to that where there is one
    const caches = ssl.role === 'client' && (cache.mode & SSL_SESS_CACHE_CLIENT) !== 0
    if (caches && facts.version === TLS13 && ssl.session) cache.remove(ssl.session)
  }
  const { session } = facts
  if (session && (ssl.session?.source === session || ssl.session?.data === session)) return
  const { version = 0, suite } = facts
  const stands = session ?? {
    ...blankSession(version, suite?.id ?? 0, Date.now(), cache.timeout),
    chain: (facts.peerChain ?? []).map((certificate) => certificate.raw),
    serverName: facts.serverName,
    alpn: facts.alpn,
    verifyCode: ssl.verifyResult,
  }
  const made = new SSL_SESSION(stands, session ?? null, session?.id ?? new Uint8Array(0))
  made.kept = ssl.role === 'server' && session !== undefined
  release(ssl.session)
  ssl.session = made
}

/** The connection failed: nobody should resume what led to it. */
export const spoil = (ssl: SSL): void => {
  if (ssl.session) ssl.sessionCtx.cache.remove(ssl.session)
}

/** The session as it stands, borrowed; null before there is one. */
export const SSL_get_session = (ssl: SSL): SSL_SESSION | null => held(ssl).session
export const SSL_get0_session = SSL_get_session
/** A new reference. */
export const SSL_get1_session = (ssl: SSL): SSL_SESSION | null => {
  const { session } = held(ssl)
  if (session) upRef(session)
  return session
}
/** The session that a client is to resume; null: none. Takes a reference of its own. */
export const SSL_set_session = (ssl: SSL, session: SSL_SESSION | null): 0 | 1 => {
  if (session === held(ssl).session) return 1
  if (session) upRef(session)
  if (ssl.session && ssl.finished && ssl.shutdown === 0) ssl.sessionCtx.cache.remove(ssl.session)
  release(ssl.session)
  ssl.session = session
  return 1
}
/** Whether a session was resumed; a key agreed elsewhere counts as one in TLS 1.3. */
export const SSL_session_reused = (ssl: SSL): 0 | 1 => {
  const facts = held(ssl).connection?.facts
  if (!facts || !ssl.finished) return 0
  return facts.resumed || (facts.psk !== undefined && facts.version === TLS13) ? 1 : 0
}
