import { hex, latin1 } from '../bytes/text.ts'
import { PemError, readPem, writePem } from '../x509/pem.ts'
import { verdictText } from '../x509/verdicts.ts'
import { type BIO, BIO_puts } from './bio.ts'
import { SSL_CIPHER_get_name } from './ciphers.ts'
import { held } from './counted.ts'
import { ERR_LIB_PEM, ERR_put_error } from './err.ts'
import { d2i_SSL_SESSION, i2d_SSL_SESSION, type SSL_SESSION, SSL_SESSION_get0_cipher } from './session.ts'
import { nextBlock } from './x509.ts'

/** Sessions as text (PEM_read_bio_SSL_SESSION(3), SSL_SESSION_print(3)). */

const LABEL = 'SSL SESSION PARAMETERS'

/** Armours what i2d_SSL_SESSION gives; it holds the secret. 0 for a session that cannot be resumed. */
export const PEM_write_bio_SSL_SESSION = (bio: BIO, s: SSL_SESSION): 0 | 1 => {
  const bytes = i2d_SSL_SESSION(s)
  return bytes.length > 0 && BIO_puts(bio, writePem(LABEL, bytes)) > 0 ? 1 : 0
}
/** The next session in PEM text; null with an error in the queue. */
export const PEM_read_bio_SSL_SESSION = (bio: BIO): SSL_SESSION | null => {
  try {
    const block = readPem(latin1(nextBlock(bio, LABEL))).find(({ label }) => label === LABEL)
    const found = block && d2i_SSL_SESSION(block.bytes)
    if (found) return found
  } catch (error) {
    if (!(error instanceof PemError)) throw error
  }
  ERR_put_error(ERR_LIB_PEM, 0, NO_START_LINE, 'openssl/session-text.ts', 0)
  return null
}
const NO_START_LINE = 108

const versions: Readonly<Record<number, string>> = { 771: 'TLSv1.2', 772: 'TLSv1.3' }

/** What there is to know of a session, its secret too, a line for each. */
export const SSL_SESSION_print = (bio: BIO, s: SSL_SESSION): 0 | 1 => {
  const { data, id } = held(s)
  const upper = (bytes: Uint8Array): string => hex(bytes).toUpperCase()
  const lines = [
    'SSL-Session:',
    `    Protocol  : ${versions[data.version] ?? 'unknown'}`,
    `    Cipher    : ${SSL_CIPHER_get_name(SSL_SESSION_get0_cipher(s))}`,
    `    Session-ID: ${upper(id)}`,
    `    Session-ID-ctx: ${upper(data.context)}`,
    `    ${data.version === 0x0304 ? 'Resumption PSK' : 'Master-Key'}: ${upper(data.secret)}`,
    ...(data.ticket.length > 0
      ? [
          `    TLS session ticket lifetime hint: ${data.lifetime} (seconds)`,
          `    TLS session ticket: ${upper(data.ticket)}`,
        ]
      : []),
    `    Start Time: ${Math.floor(data.created / 1000)}`,
    `    Timeout   : ${data.lifetime} (sec)`,
    `    Verify return code: ${data.verifyCode} (${verdictText(data.verifyCode)})`,
    `    Extended master secret: ${data.extendedMasterSecret ? 'yes' : 'no'}`,
    ...(data.version === 0x0304 ? [`    Max Early Data: ${data.earlyData}`] : []),
  ]
  return BIO_puts(bio, `${lines.join('\n')}\n`) > 0 ? 1 : 0
}
/** `RSA Session-ID:… Master-Key:…`, for programs that read captured traffic. 0 without either. */
export const SSL_SESSION_print_keylog = (bio: BIO, s: SSL_SESSION): 0 | 1 => {
  const { data, id } = held(s)
  if (id.length === 0 || data.secret.length === 0) return 0
  const line = `RSA Session-ID:${hex(id).toUpperCase()} Master-Key:${hex(data.secret).toUpperCase()}\n`
  return BIO_puts(bio, line) > 0 ? 1 : 0
}
