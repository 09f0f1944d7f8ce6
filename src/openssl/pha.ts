import { TLS13 } from '../config.ts'
import { held } from './counted.ts'
import type { SSL_CTX } from './ctx.ts'
import { SSLerr } from './err.ts'
import type { Holder } from './settings.ts'
import type { SSL } from './ssl.ts'
import { SSL_VERIFY_FAIL_IF_NO_PEER_CERT, SSL_VERIFY_PEER } from './ssl-numbers.ts'

/** Clients of TLS 1.3 that authenticate on the open connection (SSL_verify_client_post_handshake(3)). */

type Owner = Holder & { readonly kind: string; references: number }
const offer = (to: Owner, val: number): void => {
  held(to).settings.postHandshakeAuth = val !== 0
}
/** Whether a client says that it can be asked for a certificate later. */
export const SSL_CTX_set_post_handshake_auth: (ctx: SSL_CTX, val: number) => void = offer
export const SSL_set_post_handshake_auth: (ssl: SSL, val: number) => void = offer

/**
 * A server asks for the client's certificate, as its verify mode says; the next SSL_do_handshake, SSL_write or SSL_read
 * sends the request, and the answer comes with later reads. 0 with an error when it cannot be asked.
 */
export const SSL_verify_client_post_handshake = (ssl: SSL): 0 | 1 => {
  const { connection, settings, role } = held(ssl)
  if (!connection || connection.facts.version !== TLS13) return refused('WRONG_SSL_VERSION')
  if (role !== 'server') return refused('NOT_SERVER')
  if (!connection.facts.postHandshakeAuth) return refused('EXTENSION_NOT_RECEIVED')
  if (connection.facts.authentication === 'asked') return refused('REQUEST_SENT')
  if (connection.facts.authentication === 'due') return refused('REQUEST_PENDING')
  // a key update may be pending beside it
  if (ssl.lost !== null || !ssl.finished) return refused('STILL_IN_INIT')
  if ((settings.verifyMode & SSL_VERIFY_PEER) === 0) return refused('INVALID_CONFIG')
  connection.ask({ kind: 'authenticate', require: (settings.verifyMode & SSL_VERIFY_FAIL_IF_NO_PEER_CERT) !== 0 })
  return 1
}

const refused = (
  reason:
    | 'WRONG_SSL_VERSION'
    | 'NOT_SERVER'
    | 'STILL_IN_INIT'
    | 'EXTENSION_NOT_RECEIVED'
    | 'REQUEST_SENT'
    | 'REQUEST_PENDING'
    | 'INVALID_CONFIG',
): 0 => {
  SSLerr('SSL_verify_client_post_handshake', reason, 'openssl/pha.ts')
  return 0
}
