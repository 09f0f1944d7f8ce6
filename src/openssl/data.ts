import type { Connection } from '../connection.ts'
import { AlertReceived, Misuse } from '../errors.ts'
import { BIO_clear_retry_flags, BIO_set_retry_read } from './bio.ts'
import { held } from './counted.ts'
import { SSLerr, type sslFunctionName } from './err.ts'
import { SSL_do_handshake, SSL_in_init, SSL_is_init_finished } from './handshake.ts'
import { fail, fetch, flush, turn, waits } from './pump.ts'
import { handOut, send } from './records.ts'
import type { SSL } from './ssl.ts'
import {
  SSL_MODE_AUTO_RETRY,
  SSL_MODE_ENABLE_PARTIAL_WRITE,
  SSL_NOTHING,
  SSL_READING,
  SSL_RECEIVED_SHUTDOWN,
  SSL_SENT_SHUTDOWN,
} from './ssl-numbers.ts'
import { goOn } from './states.ts'

/** Data and its end (SSL_read(3), SSL_write(3), SSL_shutdown(3)). */

/**
 * Reads at most `num` bytes, of one record only. > 0 bytes; 0 the peer closed, or the transport ended (SSL_get_error
 * tells); -1 nothing now, or failed. Does the handshake if that is not over.
 */
export const SSL_read = (ssl: SSL, buf: Uint8Array, num: number = buf.length): number =>
  num < 0 ? tooShort() : take(ssl, buf, num, true, 'ssl_read_internal')
/** SSL_read that leaves the data for the next call. */
export const SSL_peek = (ssl: SSL, buf: Uint8Array, num: number = buf.length): number =>
  num < 0 ? tooShort() : take(ssl, buf, num, false, 'ssl_peek_internal')
/** SSL_read with C's other manners: `ret` 1 when there are `readbytes`, else 0. */
export const SSL_read_ex = (ssl: SSL, buf: Uint8Array, num?: number): { ret: 0 | 1; readbytes: number } =>
  counted(SSL_read(ssl, buf, num))
export const SSL_peek_ex = (ssl: SSL, buf: Uint8Array, num?: number): { ret: 0 | 1; readbytes: number } =>
  counted(SSL_peek(ssl, buf, num))

const counted = (n: number): { ret: 0 | 1; readbytes: number } =>
  n > 0 ? { ret: 1, readbytes: n } : { ret: 0, readbytes: 0 }

const tooShort = (): -1 => {
  SSLerr(null, 'BAD_LENGTH', FILE)
  return -1
}

const take = (ssl: SSL, buf: Uint8Array, num: number, consume: boolean, func: sslFunctionName): number => {
  if (num > buf.length) throw new Misuse(`a length of ${num} was given with a buffer of ${buf.length} bytes`)
  if (held(ssl).role === null) {
    SSLerr(func, 'UNINITIALIZED', FILE)
    return -1
  }
  if ((ssl.shutdown & SSL_RECEIVED_SHUTDOWN) !== 0) {
    ssl.want = SSL_NOTHING
    return 0
  }
  if (isEarly(ssl)) {
    SSLerr(func, 'SHOULD_NOT_HAVE_BEEN_CALLED', FILE)
    return 0
  }
  goOn(ssl, 'read')
  if (SSL_in_init(ssl) === 1) {
    const ret = SSL_do_handshake(ssl)
    if (ret <= 0) return ret
  }
  if (ssl.plain === null) {
    const ret = open(ssl)
    if (ret <= 0) return ret
  }
  return handOut(ssl, buf, num, consume)
}

/** Early data is due, which has calls of its own. */
const isEarly = ({ early }: SSL): boolean => early === 'connectRetry' || early === 'acceptRetry' || early === 'reading'

/** A peer that asks for key updates and reads no answer gets no further than this many bytes; a blocked write has less. */
const MOST_UNSENT = 1 << 17

/** Opens records until one has data: 1 then. 0 at the end, -1 with `want` or errors in the queue. */
const open = (ssl: SSL): number => {
  const connection = ssl.connection as Connection
  for (;;) {
    const need = turn(ssl)
    if (need === null) return ssl.lost instanceof AlertReceived ? 0 : -1
    // answers to what the peer sent leave when they can; reading waits for them only when many have come together
    const { output } = connection
    if (!output.empty) {
      const many = output.length > MOST_UNSENT
      if ((many || ssl.unwritten === null) && !flush(ssl) && many) return -1
    }
    switch (need.kind) {
      case 'take':
        ssl.plain = connection.peek() ?? null
        ssl.at = 0
        ssl.noticed = ssl.heard
        return 1
      case 'closed':
        ssl.shutdown |= SSL_RECEIVED_SHUTDOWN
        ssl.want = SSL_NOTHING
        return 0
      case 'wait':
        return waits(ssl, need) || -1
      case 'read': {
        if (ssl.heard !== ssl.noticed && (ssl.settings.mode & SSL_MODE_AUTO_RETRY) === 0 && ssl.rbio !== null) {
          ssl.noticed = ssl.heard
          ssl.want = SSL_READING
          BIO_clear_retry_flags(ssl.rbio)
          BIO_set_retry_read(ssl.rbio)
          return -1
        }
        const n = fetch(ssl, need.atLeast)
        if (n <= 0) return n < 0 ? -1 : 0
      }
    }
  }
}

/** Bytes of the record at hand that can be read at once. */
export const SSL_pending = (ssl: SSL): number => {
  const { plain, at } = held(ssl)
  return plain === null ? 0 : plain.length - at
}
/** Whether anything is buffered here, opened or not. */
export const SSL_has_pending = (ssl: SSL): 0 | 1 =>
  held(ssl).plain !== null || (ssl.connection?.input.waiting ?? 0) > 0 ? 1 : 0

/** Buffers come and go by themselves: always 1. */
export const SSL_alloc_buffers = (ssl: SSL): 0 | 1 => (held(ssl) ? 1 : 0)
/** Whether the buffers could go: 0 while a write is pending, or bytes wait that were not opened. */
export const SSL_free_buffers = (ssl: SSL): 0 | 1 =>
  held(ssl).unwritten !== null || (ssl.connection?.input.waiting ?? 0) > 0 ? 0 : 1

// ---- writing

/**
 * Writes all of `num` bytes, and returns `num` when all have left. -1: blocked or failed; a blocked write must be repeated
 * with the same bytes (SSL_MODE_ENABLE_PARTIAL_WRITE and SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER loosen that). 0 for no bytes.
 */
export const SSL_write = (ssl: SSL, buf: Uint8Array, num: number = buf.length): number =>
  num < 0 ? tooShort() : put(ssl, buf, num)
/** SSL_write with C's other manners: `ret` 1 when `written` bytes have left, also for none; else 0. */
export const SSL_write_ex = (ssl: SSL, buf: Uint8Array, num: number = buf.length): { ret: 0 | 1; written: number } => {
  const n = num < 0 ? tooShort() : put(ssl, buf, num)
  if (n > 0) return { ret: 1, written: n }
  return { ret: n === 0 && num === 0 && ssl.lost === null ? 1 : 0, written: 0 }
}

const put = (ssl: SSL, buf: Uint8Array, num: number): number => {
  if (num > buf.length) throw new Misuse(`a length of ${num} was given with a buffer of ${buf.length} bytes`)
  if (held(ssl).role === null) {
    SSLerr('ssl_write_internal', 'UNINITIALIZED', FILE)
    return -1
  }
  if ((ssl.shutdown & SSL_SENT_SHUTDOWN) !== 0) {
    ssl.want = SSL_NOTHING
    SSLerr('ssl_write_internal', 'PROTOCOL_IS_SHUTDOWN', FILE)
    return -1
  }
  if (isEarly(ssl)) {
    SSLerr('ssl_write_internal', 'SHOULD_NOT_HAVE_BEEN_CALLED', FILE)
    return 0
  }
  goOn(ssl, 'write')
  if (SSL_in_init(ssl) === 1) {
    const ret = SSL_do_handshake(ssl)
    if (ret <= 0) return ret
  }
  return send(ssl, buf, num, (ssl.settings.mode & SSL_MODE_ENABLE_PARTIAL_WRITE) !== 0, (part) => {
    const { writable } = ssl.connection as Connection
    if (writable) ssl.connection?.write(part)
    else SSLerr('ssl_write_internal', 'PROTOCOL_IS_SHUTDOWN', FILE)
    return writable
  })
}

// ---- shutdown

/**
 * Closes: the first call sends close_notify and returns 0 (1 if the peer's has come), the next waits for the peer's and
 * returns 1. -1: blocked or failed. After the 0, SSL_get_error has nothing to say.
 */
export const SSL_shutdown = (ssl: SSL): number => {
  if (held(ssl).role === null) {
    SSLerr('SSL_shutdown', 'UNINITIALIZED', FILE)
    return -1
  }
  if (SSL_is_init_finished(ssl) === 0) {
    SSLerr('SSL_shutdown', 'SHUTDOWN_WHILE_IN_INIT', FILE)
    return -1
  }
  if (ssl.settings.quietShutdown !== 0) {
    ssl.shutdown = SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN
    return 1
  }
  const connection = ssl.connection as Connection
  if ((ssl.shutdown & SSL_SENT_SHUTDOWN) === 0) {
    ssl.shutdown |= SSL_SENT_SHUTDOWN
    connection.close()
    ssl.unflushed = true
    if (!flush(ssl)) return -1
  } else if (!connection.output.empty || ssl.unflushed) {
    if (!flush(ssl)) return -1
  } else if ((ssl.shutdown & SSL_RECEIVED_SHUTDOWN) === 0) {
    if (ssl.plain === null && open(ssl) < 1 && (ssl.shutdown & SSL_RECEIVED_SHUTDOWN) === 0) return -1
    if (ssl.lost !== null) return -1
    if (ssl.plain !== null) {
      ssl.plain = null
      fail(ssl, 'ssl3_read_bytes', 'APPLICATION_DATA_AFTER_CLOSE_NOTIFY')
      return -1
    }
  }
  ssl.want = SSL_NOTHING
  return (ssl.shutdown & SSL_RECEIVED_SHUTDOWN) === 0 ? 0 : 1
}

const FILE = 'openssl/data.ts'
