import type { Connection } from '../connection.ts'
import { AlertReceived, Misuse, TlsError } from '../errors.ts'
import type { Reason } from '../reasons.ts'
import type { Errand, Need } from '../task.ts'
import { BIO_flush, BIO_read, BIO_write } from './bio.ts'
import { ERR_add_error_data, ERR_LIB_SSL, ERR_put_error, SSLerr, set_errno, type sslFunctionName } from './err.ts'
import { spoil } from './resumption.ts'
import type { SSL } from './ssl.ts'
import {
  SSL_ASYNC_PAUSED,
  SSL_CLIENT_HELLO_CB,
  SSL_NOTHING,
  SSL_READING,
  SSL_RECEIVED_SHUTDOWN,
  SSL_WRITING,
  SSL_X509_LOOKUP,
} from './ssl-numbers.ts'

/**
 * The one pump between an SSL's BIOs and its connection: turn, send, fetch. Handshake, reading, writing and shutdown are
 * goals of it.
 */

/** Read ahead asks for as much as one record can have, with the room that OpenSSL's buffer has. */
const READ_AHEAD = 16709

/** Turns the connection. Null when it is lost: the queue says why, and the peer was told. */
export const turn = (ssl: SSL): Need | null => {
  try {
    return (ssl.connection as Connection).advance()
  } catch (error) {
    // a callback called back into its own connection: its mistake, and nothing is lost
    if (error instanceof Misuse) throw error
    lose(ssl, error)
    return null
  }
}

/** Sends what there is. False: blocked, `want` says by what. */
export const flush = (ssl: SSL): boolean => {
  const { output } = ssl.connection as Connection
  if (output.empty && !ssl.unflushed) {
    ssl.want = SSL_NOTHING
    return true
  }
  const { wbio } = ssl
  if (wbio === null) {
    fail(ssl, null, 'INTERNAL_ERROR')
    return false
  }
  for (let view = output.peek(); view.length > 0; view = output.peek()) {
    ssl.want = SSL_WRITING
    set_errno(0)
    const n = BIO_write(wbio, view)
    if (n <= 0) return false
    output.sent(n)
    if (!ssl.finished) ssl.unflushed = true
  }
  if (!output.empty) return pause(ssl, SSL_ASYNC_PAUSED, (ssl.connection as Connection).settling)
  if (ssl.unflushed) {
    ssl.want = SSL_WRITING
    if (BIO_flush(wbio) <= 0) return false
    ssl.unflushed = false
  }
  ssl.want = SSL_NOTHING
  return true
}

/** Fetches what the connection needs next: without read-ahead not one byte more. > 0 bytes, else as BIO_read says. */
export const fetch = (ssl: SSL, atLeast: number): number => {
  const { rbio } = ssl
  if (rbio === null) {
    fail(ssl, 'ssl3_read_n', 'READ_BIO_NOT_SET')
    return -1
  }
  const { input } = ssl.connection as Connection
  const wanted = ssl.settings.readAhead !== 0 && atLeast < READ_AHEAD ? READ_AHEAD : atLeast
  ssl.want = SSL_READING
  set_errno(0)
  const n = BIO_read(rbio, input.room(wanted), wanted)
  if (n <= 0) return n
  input.filled(n)
  ssl.want = SSL_NOTHING
  return n
}

const wants: Readonly<Record<Errand, number>> = {
  clientHello: SSL_CLIENT_HELLO_CB,
  certificate: SSL_X509_LOOKUP,
  privateKey: SSL_ASYNC_PAUSED,
  verify: SSL_ASYNC_PAUSED,
  session: SSL_ASYNC_PAUSED,
  crypto: SSL_ASYNC_PAUSED,
}

/** Somebody has to answer first. Always false. */
export const waits = (ssl: SSL, need: Need & { kind: 'wait' }): false => pause(ssl, wants[need.errand], need.on)

const pause = (ssl: SSL, want: number, on: Promise<unknown> | undefined): false => {
  ssl.want = want
  ssl.awaited = on ?? null
  return false
}

/** A mistake of the caller that leaves the connection in the error state. */
export const fail = (ssl: SSL, func: sslFunctionName | null, reason: Reason): void => {
  SSLerr(func, reason, FILE)
  ssl.lost = new TlsError('internal_error', reason, 'the connection cannot go on after this mistake of its caller', {
    silent: true,
  })
  ssl.want = SSL_NOTHING
}

/** Where OpenSSL raises a reason, for those functions that have a number here. */
const raisedIn = (ssl: SSL, reason: Reason): sslFunctionName | null => {
  const server = ssl.role === 'server'
  switch (reason) {
    case 'CERTIFICATE_VERIFY_FAILED':
      return server ? 'tls_process_client_certificate' : 'tls_process_server_certificate'
    case 'PEER_DID_NOT_RETURN_A_CERTIFICATE':
      return 'tls_process_client_certificate'
    case 'NO_SHARED_CIPHER':
    case 'CERT_CB_ERROR':
      return 'tls_post_process_client_hello'
    case 'UNSUPPORTED_PROTOCOL':
    case 'CALLBACK_FAILED':
      return server ? 'tls_early_post_process_client_hello' : null
    case 'NO_APPLICATION_PROTOCOL':
      return 'tls_handle_alpn'
    case 'NO_SUITABLE_SIGNATURE_ALGORITHM':
      return 'tls_choose_sigalg'
    case 'NO_PROTOCOLS_AVAILABLE':
      return 'tls_setup_handshake'
    case 'DIGEST_CHECK_FAILED':
      return 'tls_process_finished'
    case 'BAD_SIGNATURE':
      return 'tls_process_cert_verify'
    case 'DECRYPTION_FAILED_OR_BAD_RECORD_MAC':
    case 'WRONG_VERSION_NUMBER':
    case 'HTTP_REQUEST':
    case 'HTTPS_PROXY_REQUEST':
    case 'PACKET_LENGTH_TOO_LONG':
    case 'ENCRYPTED_LENGTH_TOO_LONG':
    case 'DATA_LENGTH_TOO_LONG':
    case 'BAD_RECORD_TYPE':
      return 'ssl3_get_record'
    case 'UNEXPECTED_MESSAGE':
      return server ? 'ossl_statem_server_read_transition' : 'ossl_statem_client_read_transition'
    default:
      return null
  }
}

/** The connection has ended: into the queue with the reason, out with the alert, and what led here is not resumed. */
const lose = (ssl: SSL, error: unknown): void => {
  if (ssl.lost !== null) return
  ssl.want = SSL_NOTHING
  if (error instanceof AlertReceived) {
    ERR_put_error(ERR_LIB_SSL, ALERT_FUNCTION, 1000 + error.alert, FILE, 0)
    ERR_add_error_data(`SSL alert number ${error.alert}`)
    ssl.shutdown |= SSL_RECEIVED_SHUTDOWN
  } else if (error instanceof TlsError) {
    SSLerr(raisedIn(ssl, error.reason), error.reason, FILE)
    const data = extraText[error.reason]
    if (data !== undefined) ERR_add_error_data(data)
  } else {
    SSLerr(null, 'INTERNAL_ERROR', FILE)
  }
  spoil(ssl)
  ssl.lost = error
  sendAlert(ssl)
  // an alert that is sealed late leaves when it is ready: no further call would send it
  const { settling } = ssl.connection as Connection
  void settling?.then(
    () => sendAlert(ssl),
    () => {},
  )
  ssl.want = SSL_NOTHING
}

/** What cannot leave at once is not waited for: the connection is over. */
const sendAlert = (ssl: SSL): void => {
  const { output } = ssl.connection as Connection
  if (ssl.wbio === null || output.empty) return
  for (let view = output.peek(); view.length > 0; view = output.peek()) {
    const n = BIO_write(ssl.wbio, view)
    if (n <= 0) return
    output.sent(n)
  }
  if (output.empty) BIO_flush(ssl.wbio)
}

const ALERT_FUNCTION = 148 // ssl3_read_bytes
const extraText: { readonly [R in Reason]?: string } = {
  NO_CIPHERS_AVAILABLE: 'No ciphers enabled for max supported SSL/TLS version',
}
const FILE = 'openssl/pump.ts'
