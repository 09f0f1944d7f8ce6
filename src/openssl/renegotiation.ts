import { TLS13 } from '../config.ts'
import { held } from './counted.ts'
import { SSLerr } from './err.ts'
import type { SSL } from './ssl.ts'

/** Handshakes again on an open connection of TLS 1.2 (SSL_renegotiate(3)): refused, as with SSL_OP_NO_RENEGOTIATION. */

const refused = (ssl: SSL, func: 'SSL_renegotiate' | 'SSL_renegotiate_abbreviated'): 0 => {
  const never = held(ssl).connection?.facts.version === TLS13
  SSLerr(func, never ? 'WRONG_SSL_VERSION' : 'NO_RENEGOTIATION', 'openssl/renegotiation.ts')
  return 0
}

/** 0 with an error: TLS 1.3 has none, and with TLS 1.2 it is not there. New keys come from SSL_key_update. */
export const SSL_renegotiate = (ssl: SSL): 0 | 1 => refused(ssl, 'SSL_renegotiate')
export const SSL_renegotiate_abbreviated = (ssl: SSL): 0 | 1 => refused(ssl, 'SSL_renegotiate_abbreviated')
/** Whether one is asked for and not over: never. */
export const SSL_renegotiate_pending = (ssl: SSL): 0 | 1 => {
  held(ssl)
  return 0
}
/** How many there were: none. */
export const SSL_num_renegotiations = (ssl: SSL): number => SSL_renegotiate_pending(ssl)
export const SSL_total_renegotiations = (ssl: SSL): number => SSL_renegotiate_pending(ssl)
export const SSL_clear_num_renegotiations = (ssl: SSL): number => SSL_renegotiate_pending(ssl)
