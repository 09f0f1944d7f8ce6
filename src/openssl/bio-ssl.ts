import {
  type BIO,
  BIO_clear_retry_flags,
  BIO_copy_next_retry,
  BIO_ctrl,
  BIO_ctrl_pending,
  BIO_find_type,
  BIO_free,
  BIO_free_all,
  BIO_METHOD,
  BIO_new,
  BIO_push,
  BIO_set_next,
  BIO_set_retry_read,
  BIO_set_retry_special,
  BIO_set_retry_write,
  BIO_up_ref,
  type Box,
} from './bio.ts'
import { BIO_s_connect } from './bio-connect.ts'
import { BIO_f_buffer } from './bio-filters.ts'
import * as n from './bio-numbers.ts'
import type { SSL_CTX } from './ctx.ts'
import { SSL_pending, SSL_read, SSL_shutdown, SSL_write } from './data.ts'
import { BIOerr, ERR_add_error_data } from './err.ts'
import { SSL_do_handshake, SSL_get_error } from './handshake.ts'
import {
  type SSL,
  SSL_clear,
  SSL_copy_session_id,
  SSL_dup,
  SSL_free,
  SSL_new,
  SSL_set_accept_state,
  SSL_set_bio,
  SSL_set_connect_state,
} from './ssl.ts'
import {
  SSL_ERROR_WANT_ACCEPT,
  SSL_ERROR_WANT_CONNECT,
  SSL_ERROR_WANT_READ,
  SSL_ERROR_WANT_WRITE,
  SSL_ERROR_WANT_X509_LOOKUP,
} from './ssl-numbers.ts'

/** SSL as a filter (BIO_f_ssl(3)): what is written to it leaves as TLS by the BIO behind it. */

const sslMethod = new BIO_METHOD(n.BIO_TYPE_SSL, 'ssl', {
  create: () => 1,
  destroy: (bio) => {
    drop(bio)
    return 1
  },
  read: (bio, into) => called(bio, (ssl) => SSL_read(ssl, into)),
  write: (bio, from) => called(bio, (ssl) => SSL_write(ssl, from)),
  puts: (bio, text) => called(bio, (ssl) => SSL_write(ssl, encoded(ssl, text))),
  ready: (bio, want) => {
    const ssl = bio.ptr as SSL | null
    if (ssl === null || (want === 'read' && SSL_pending(ssl) > 0)) return true
    return (want === 'write' ? ssl.wbio : ssl.rbio) ?? true
  },
  ctrl: (bio, cmd, larg, parg) => {
    if (cmd === n.BIO_C_SET_SSL) return set(bio, parg as SSL, larg)
    const ssl = bio.ptr as SSL | null
    if (ssl === null) return 0
    switch (cmd) {
      case n.BIO_CTRL_RESET: {
        SSL_shutdown(ssl)
        if (ssl.role === 'client') SSL_set_connect_state(ssl)
        else if (ssl.role === 'server') SSL_set_accept_state(ssl)
        if (SSL_clear(ssl) === 0) return 0
        const behind = bio.next ?? ssl.rbio
        return behind === null ? 1 : BIO_ctrl(behind, cmd, larg, parg)
      }
      case n.BIO_CTRL_INFO:
        return 0
      case n.BIO_C_SSL_MODE:
        if (larg !== 0) SSL_set_connect_state(ssl)
        else SSL_set_accept_state(ssl)
        return 1
      case n.BIO_C_SET_SSL_RENEGOTIATE_BYTES:
      case n.BIO_C_SET_SSL_RENEGOTIATE_TIMEOUT:
        BIOerr('UNSUPPORTED_METHOD', FILE)
        ERR_add_error_data('a connection is never negotiated again here; SSL_key_update renews the keys of TLS 1.3')
        return 0
      case n.BIO_C_GET_SSL_NUM_RENEGOTIATES:
        return 0
      case n.BIO_C_GET_SSL:
        if (parg === null) return 0
        ;(parg as Box<SSL>).value = ssl
        return 1
      case n.BIO_CTRL_GET_CLOSE:
        return bio.shutdown
      case n.BIO_CTRL_SET_CLOSE:
        bio.shutdown = larg
        return 1
      case n.BIO_CTRL_WPENDING:
        return BIO_ctrl(ssl.wbio, cmd, larg, parg)
      case n.BIO_CTRL_PENDING:
        return SSL_pending(ssl) || BIO_ctrl_pending(ssl.rbio)
      case n.BIO_CTRL_FLUSH: {
        BIO_clear_retry_flags(bio)
        const ret = BIO_ctrl(ssl.wbio, cmd, larg, parg)
        BIO_copy_next_retry(bio)
        return ret
      }
      case n.BIO_CTRL_PUSH:
        if (bio.next !== null && bio.next !== ssl.rbio) {
          BIO_up_ref(bio.next)
          SSL_set_bio(ssl, bio.next, bio.next)
        }
        return 1
      case n.BIO_CTRL_POP:
        if (bio === parg) SSL_set_bio(ssl, null, null)
        return 1
      case n.BIO_C_DO_STATE_MACHINE:
        return called(bio, SSL_do_handshake)
      case n.BIO_CTRL_DUP: {
        const twin = parg as BIO
        twin.ptr = SSL_dup(ssl)
        return 1
      }
      default:
        return BIO_ctrl(ssl.rbio, cmd, larg, parg)
    }
  },
})

export const BIO_f_ssl = (): BIO_METHOD => sslMethod

/** A filter with an SSL of its own: a client for a `client` other than 0, else a server. null with an error. */
export const BIO_new_ssl = (ctx: SSL_CTX, client: number): BIO | null => {
  const bio = BIO_new(sslMethod)
  const ssl = SSL_new(ctx)
  if (bio === null || ssl === null) {
    BIO_free(bio)
    return null
  }
  if (client !== 0) SSL_set_connect_state(ssl)
  else SSL_set_accept_state(ssl)
  BIO_set_ssl(bio, ssl, n.BIO_CLOSE)
  return bio
}

/** A client's filter before a connect BIO, which still has to be told its host (BIO_set_conn_hostname). */
export const BIO_new_ssl_connect = (ctx: SSL_CTX): BIO | null => before(BIO_new_ssl(ctx, 1), BIO_new(BIO_s_connect()))
/** The same behind a buffer, of which lines can be read. */
export const BIO_new_buffer_ssl_connect = (ctx: SSL_CTX): BIO | null =>
  before(BIO_new(BIO_f_buffer()), BIO_new_ssl_connect(ctx))

const before = (filter: BIO | null, behind: BIO | null): BIO | null => {
  if (filter !== null && behind !== null) return BIO_push(filter, behind)
  BIO_free(filter)
  BIO_free_all(behind)
  return null
}

/** Gives the filter its SSL, instead of the one it had; with BIO_CLOSE it will be freed with the filter. 1. */
export const BIO_set_ssl = (bio: BIO, ssl: SSL, close: number): number => BIO_ctrl(bio, n.BIO_C_SET_SSL, close, ssl)

/** The SSL of the first such filter in the chain, null if there is none. No reference goes with it. */
export const BIO_get_ssl = (bio: BIO): SSL | null => {
  const box: Box<SSL> = { value: null }
  const filter = BIO_find_type(bio, n.BIO_TYPE_SSL)
  if (filter !== null) BIO_ctrl(filter, n.BIO_C_GET_SSL, 0, box)
  return box.value
}

/** Makes the filter a client, or for 0 a server. 1, or 0 without an SSL. */
export const BIO_set_ssl_mode = (bio: BIO, client: number): number => BIO_ctrl(bio, n.BIO_C_SSL_MODE, client)

/**
 * The handshake, and what the chain needs before it: 1 when it is over; <= 0 otherwise, see the retry flags. What only
 * SSL_get_error knows (a promised answer is awaited: SSL_ERROR_WANT_ASYNC) sets no flag; ask it of BIO_get_ssl.
 */
export const BIO_do_handshake = (bio: BIO): number => BIO_ctrl(bio, n.BIO_C_DO_STATE_MACHINE)

/** SSL_shutdown for every SSL of the chain. */
export const BIO_ssl_shutdown = (bio: BIO | null): void => {
  for (let here = bio; here !== null; here = here.next) {
    if (here.method === sslMethod && here.ptr !== null) SSL_shutdown(here.ptr as SSL)
  }
}

/** Refused, with an error and 0: no connection is negotiated again here. */
export const BIO_set_ssl_renegotiate_bytes = (bio: BIO, bytes: number): number =>
  BIO_ctrl(bio, n.BIO_C_SET_SSL_RENEGOTIATE_BYTES, bytes)
/** Refused, with an error and 0: no connection is negotiated again here. */
export const BIO_set_ssl_renegotiate_timeout = (bio: BIO, seconds: number): number =>
  BIO_ctrl(bio, n.BIO_C_SET_SSL_RENEGOTIATE_TIMEOUT, seconds)
export const BIO_get_num_renegotiates = (bio: BIO): number => BIO_ctrl(bio, n.BIO_C_GET_SSL_NUM_RENEGOTIATES)

/** Makes the SSL in `to` offer the session that the one in `from` has; 0 if either chain has none. */
export const BIO_ssl_copy_session_id = (to: BIO, from: BIO): 0 | 1 => {
  const [target, source] = [to, from].map((bio) => {
    const found = BIO_find_type(bio, n.BIO_TYPE_SSL)
    return found && BIO_get_ssl(found)
  })
  return target && source ? SSL_copy_session_id(target, source) : 0
}

const FILE = 'openssl/bio-ssl.ts'

/** A call on the SSL, and why it stopped as flags. */
const called = (bio: BIO, call: (ssl: SSL) => number): number => {
  const ssl = bio.ptr as SSL
  BIO_clear_retry_flags(bio)
  bio.retry_reason = 0
  const ret = call(ssl)
  switch (SSL_get_error(ssl, ret)) {
    case SSL_ERROR_WANT_READ:
      BIO_set_retry_read(bio)
      break
    case SSL_ERROR_WANT_WRITE:
      BIO_set_retry_write(bio)
      break
    case SSL_ERROR_WANT_X509_LOOKUP:
      special(bio, n.BIO_RR_SSL_X509_LOOKUP)
      break
    case SSL_ERROR_WANT_CONNECT:
      special(bio, n.BIO_RR_CONNECT)
      break
    case SSL_ERROR_WANT_ACCEPT:
      special(bio, n.BIO_RR_ACCEPT)
  }
  return ret
}

/** A write that could not finish wants the same bytes again, and a string has none. */
const encoded = (ssl: SSL, text: string): Uint8Array => {
  const last = unfinished.get(ssl)
  if (last?.text === text && ssl.unwritten?.buffer === last.bytes.buffer) return last.bytes
  const bytes = new TextEncoder().encode(text)
  unfinished.set(ssl, { text, bytes })
  return bytes
}
const unfinished = new WeakMap<SSL, { readonly text: string; readonly bytes: Uint8Array }>()

const special = (bio: BIO, reason: number): void => {
  BIO_set_retry_special(bio)
  bio.retry_reason = reason
}

const set = (bio: BIO, ssl: SSL, close: number): number => {
  drop(bio)
  bio.shutdown = close
  bio.ptr = ssl
  const { rbio } = ssl
  if (rbio !== null) {
    if (bio.next !== null) BIO_push(rbio, bio.next)
    BIO_set_next(bio, rbio)
    BIO_up_ref(rbio)
  }
  bio.init = 1
  return 1
}

/** The peer is told, once, that this is the end; nobody waits for its answer. */
const drop = (bio: BIO): void => {
  const ssl = bio.ptr as SSL | null
  if (ssl === null) return
  SSL_shutdown(ssl)
  bio.ptr = null
  if (bio.shutdown === 0) return
  if (bio.init !== 0) SSL_free(ssl)
  bio.init = 0
  bio.flags = 0
}
