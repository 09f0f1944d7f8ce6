import { Connection } from '../connection.ts'
import { AlertReceived } from '../errors.ts'
import type { Need } from '../task.ts'
import { type BIO, BIO_should_io_special, BIO_should_read, BIO_should_write } from './bio.ts'
import { BIO_RR_ACCEPT, BIO_RR_CONNECT } from './bio-numbers.ts'
import { held } from './counted.ts'
import { ERR_clear_error, ERR_GET_LIB, ERR_LIB_SYS, ERR_peek_error, SSLerr, set_errno } from './err.ts'
import { fetch, flush, turn, waits } from './pump.ts'
import { settle } from './resumption.ts'
import { snapshot } from './snapshot.ts'
import { type SSL, SSL_set_accept_state, SSL_set_connect_state } from './ssl.ts'
import * as n from './ssl-numbers.ts'
import { goOn, stateLong, stateShort, TLS_ST_EARLY_DATA } from './states.ts'

/** The handshake (SSL_do_handshake(3)), why a call stopped (SSL_get_error(3)), and where it stands. */

/**
 * Goes on with the handshake. 1: it is over. Otherwise SSL_get_error says what to wait for, or that it has failed. 0: the
 * peer closed in the middle (SSL_ERROR_ZERO_RETURN), or the method cannot play this role; -1: everything else.
 */
export const SSL_do_handshake = (ssl: SSL): number => {
  const { role } = held(ssl)
  if (role === null) {
    SSLerr('SSL_do_handshake', 'CONNECTION_TYPE_NOT_SET', FILE)
    return -1
  }
  goOn(ssl, 'handshake')
  if (SSL_in_init(ssl) === 0) return 1
  if (!ssl.method.plays(role)) {
    SSLerr('ssl_undefined_function', 'SHOULD_NOT_HAVE_BEEN_CALLED', FILE)
    return 0
  }
  if (ssl.lost !== null) return -1
  ERR_clear_error()
  set_errno(0)
  if (ssl.finished) return afterwards(ssl)
  if (ssl.connection === null) begin(ssl)
  const ret = drive(ssl)
  ssl.states.exit(ret)
  return ret
}
/** As SSL_do_handshake; makes it a client first, if it has no role yet. */
export const SSL_connect = (ssl: SSL): number => {
  if (held(ssl).role === null) SSL_set_connect_state(ssl)
  return SSL_do_handshake(ssl)
}
/** As SSL_do_handshake; makes it a server first, if it has no role yet. */
export const SSL_accept = (ssl: SSL): number => {
  if (held(ssl).role === null) SSL_set_accept_state(ssl)
  return SSL_do_handshake(ssl)
}

const begin = (ssl: SSL): void => {
  const { counters } = ssl.ctx.cache
  if (ssl.role === 'client') counters.connect++
  else counters.accept++
  ssl.verifyResult = 0
  ssl.connection = new Connection(ssl.role as 'client' | 'server', snapshot(ssl))
  ssl.states.start()
}

/** It is the turn of early data. */
const isHeld = ({ early, states }: SSL, { kind }: Need): boolean =>
  early === 'connecting' ? kind === 'read' : early === 'accepting' && states.state === TLS_ST_EARLY_DATA

const drive = (ssl: SSL): number => {
  const connection = ssl.connection as Connection
  for (;;) {
    const need = turn(ssl)
    if (need === null || !flush(ssl)) return -1
    if (need.kind === 'wait') return waits(ssl, need) || -1
    if (connection.established) {
      settle(ssl)
      ssl.finished = true
      ssl.noticed = ssl.heard
      ssl.states.finish()
      return 1
    }
    ssl.states.turnToReading()
    if (isHeld(ssl, need)) {
      ssl.states.hold()
      return 1
    }
    if (need.kind === 'take') {
      // early data was taken in, and SSL_read_early_data is the one to read it
      SSLerr('ssl_undefined_function', 'SHOULD_NOT_HAVE_BEEN_CALLED', FILE)
      return -1
    }
    if (need.kind === 'closed') {
      ssl.shutdown |= n.SSL_RECEIVED_SHUTDOWN
      return 0
    }
    if (need.kind === 'read' && fetch(ssl, need.atLeast) <= 0) return -1
  }
}

/** A key update that was asked for goes out. */
const afterwards = (ssl: SSL): number => {
  const need = turn(ssl)
  if (need === null) return -1
  if (need.kind === 'wait') return waits(ssl, need) || -1
  if (!flush(ssl)) return -1
  ssl.keyUpdate = n.SSL_KEY_UPDATE_NONE
  return 1
}

// ---- why a call stopped

/** Why the last call on this SSL returned `ret`. Looks at the error queue too, so that must be empty before each call. */
export const SSL_get_error = (ssl: SSL, ret: number): number => {
  if (ret > 0) return n.SSL_ERROR_NONE
  const oldest = ERR_peek_error()
  if (oldest !== 0) return ERR_GET_LIB(oldest) === ERR_LIB_SYS ? n.SSL_ERROR_SYSCALL : n.SSL_ERROR_SSL
  switch (held(ssl).want) {
    case n.SSL_READING: {
      const error = byFlags(ssl.rbio, 'read')
      if (error !== 0) return error
      break
    }
    case n.SSL_WRITING: {
      const error = byFlags(ssl.wbio, 'write')
      if (error !== 0) return error
      break
    }
    case n.SSL_X509_LOOKUP:
      return n.SSL_ERROR_WANT_X509_LOOKUP
    case n.SSL_ASYNC_PAUSED:
      return n.SSL_ERROR_WANT_ASYNC
    case n.SSL_ASYNC_NO_JOBS:
      return n.SSL_ERROR_WANT_ASYNC_JOB
    case n.SSL_CLIENT_HELLO_CB:
      return n.SSL_ERROR_WANT_CLIENT_HELLO_CB
  }
  if ((ssl.shutdown & n.SSL_RECEIVED_SHUTDOWN) !== 0) {
    // OpenSSL would say that the peer closed; a fatal alert is nobody's orderly close
    return ssl.lost instanceof AlertReceived ? n.SSL_ERROR_SSL : n.SSL_ERROR_ZERO_RETURN
  }
  return n.SSL_ERROR_SYSCALL
}

/** 0 when the BIO has no flag set. */
const byFlags = (bio: BIO | null, first: 'read' | 'write'): number => {
  if (bio === null) return 0
  const read = BIO_should_read(bio) === 1
  const write = BIO_should_write(bio) === 1
  if (first === 'read' ? read : read && !write) return n.SSL_ERROR_WANT_READ
  if (write) return n.SSL_ERROR_WANT_WRITE
  if (BIO_should_io_special(bio) === 0) return 0
  if (bio.retry_reason === BIO_RR_CONNECT) return n.SSL_ERROR_WANT_CONNECT
  return bio.retry_reason === BIO_RR_ACCEPT ? n.SSL_ERROR_WANT_ACCEPT : n.SSL_ERROR_SYSCALL
}

/** What the last call stopped for: SSL_NOTHING, SSL_READING and so on. The error queue plays no part. */
export const SSL_want = (ssl: SSL): number => held(ssl).want
const wanting =
  (what: number) =>
  (ssl: SSL): 0 | 1 =>
    held(ssl).want === what ? 1 : 0
export const SSL_want_nothing = wanting(n.SSL_NOTHING)
export const SSL_want_read = wanting(n.SSL_READING)
export const SSL_want_write = wanting(n.SSL_WRITING)
export const SSL_want_x509_lookup = wanting(n.SSL_X509_LOOKUP)
export const SSL_want_async = wanting(n.SSL_ASYNC_PAUSED)
export const SSL_want_async_job = wanting(n.SSL_ASYNC_NO_JOBS)
export const SSL_want_client_hello_cb = wanting(n.SSL_CLIENT_HELLO_CB)
/** 1 while an answer is awaited that comes by promise: SSL_wait resolves when it is there. */
export const SSL_waiting_for_async = SSL_want_async

// ---- where it stands

/** 1 while a handshake is due or under way, while a key update or a request for a certificate waits to be sent, and in the error state. */
export const SSL_in_init = (ssl: SSL): 0 | 1 =>
  !(held(ssl).finished || ssl.held) ||
  ssl.lost !== null ||
  ssl.keyUpdate !== n.SSL_KEY_UPDATE_NONE ||
  ssl.connection?.facts.authentication === 'due'
    ? 1
    : 0
/** 1 if no handshake was begun. */
export const SSL_in_before = (ssl: SSL): 0 | 1 => (held(ssl).states.started ? 0 : 1)
export const SSL_is_init_finished = (ssl: SSL): 0 | 1 => (SSL_in_init(ssl) === 1 || !ssl.finished ? 0 : 1)
export const SSL_in_connect_init = (ssl: SSL): 0 | 1 => (SSL_in_init(ssl) === 1 && ssl.role === 'client' ? 1 : 0)
export const SSL_in_accept_init = (ssl: SSL): 0 | 1 => (SSL_in_init(ssl) === 1 && ssl.role === 'server' ? 1 : 0)

/** The number of the state (TLS_ST_), of which the strings below say the same in words. */
export const SSL_get_state = (ssl: SSL): number => held(ssl).states.state
export const SSL_state_string = (ssl: SSL): string =>
  held(ssl).lost === null ? stateShort(ssl.states.state) : 'SSLERR'
export const SSL_state_string_long = (ssl: SSL): string =>
  held(ssl).lost === null ? stateLong(ssl.states.state) : 'error'
/** Where in a record reading stands: `RH` header, `RB` body. */
export const SSL_rstate_string = (ssl: SSL): string => ((held(ssl).connection?.input.waiting ?? 0) >= 5 ? 'RB' : 'RH')
export const SSL_rstate_string_long = (ssl: SSL): string =>
  SSL_rstate_string(ssl) === 'RB' ? 'read body' : 'read header'

/** Ours: the error that ended the connection, with a sentence of detail; null while it lives. */
export const SSL_get_failure = (ssl: SSL): unknown => held(ssl).lost

const FILE = 'openssl/handshake.ts'
