import { TLS13 } from '../config.ts'
import { Misuse } from '../errors.ts'
import { isPromise, run } from '../task.ts'
import { held } from './counted.ts'
import { SSLerr } from './err.ts'
import type { SSL } from './ssl.ts'
import { SSL_KEY_UPDATE_NONE, SSL_KEY_UPDATE_NOT_REQUESTED, SSL_KEY_UPDATE_REQUESTED } from './ssl-numbers.ts'

/** What an open connection can do beside data (SSL_key_update(3), SSL_export_keying_material(3)). */

/**
 * Schedules new keys for what we write, and with SSL_KEY_UPDATE_REQUESTED for what the peer writes. The next
 * SSL_do_handshake, SSL_write or SSL_read sends it. 0 with an error when it cannot be.
 */
export const SSL_key_update = (ssl: SSL, type: number): 0 | 1 => {
  const connection = held(ssl).connection
  if (connection?.facts.version !== TLS13 || !ssl.finished) return refused('WRONG_SSL_VERSION')
  if (type !== SSL_KEY_UPDATE_NOT_REQUESTED && type !== SSL_KEY_UPDATE_REQUESTED)
    return refused('INVALID_KEY_UPDATE_TYPE')
  // a request for a certificate may be pending beside it
  if (ssl.lost !== null || ssl.keyUpdate !== SSL_KEY_UPDATE_NONE) return refused('STILL_IN_INIT')
  if (ssl.unwritten !== null) return refused('BAD_WRITE_RETRY')
  ssl.keyUpdate = type
  connection.ask({ kind: 'keyUpdate', requestUpdate: type === SSL_KEY_UPDATE_REQUESTED })
  return 1
}
const refused = (reason: 'WRONG_SSL_VERSION' | 'INVALID_KEY_UPDATE_TYPE' | 'STILL_IN_INIT' | 'BAD_WRITE_RETRY'): 0 => {
  SSLerr('SSL_key_update', reason, FILE)
  return 0
}
/** What is scheduled: SSL_KEY_UPDATE_NONE (-1) when nothing is. */
export const SSL_get_key_update_type = (ssl: SSL): number => held(ssl).keyUpdate

/** Labels that TLS 1.2 itself uses (RFC 5705 section 4). */
const RESERVED = ['client finished', 'server finished', 'master secret', 'extended master secret', 'key expansion']

/**
 * `olen` bytes for another protocol (RFC 5705, RFC 9846 section 7.5). `ret` 1; 0 with an error; -1 too early. Throws
 * `Misuse` with a crypto provider that answers later.
 */
export const SSL_export_keying_material = (
  ssl: SSL,
  olen: number,
  label: string,
  context: Uint8Array | null,
): { ret: number; out: Uint8Array } => {
  const facts = held(ssl).connection?.facts
  const nothing = new Uint8Array(0)
  if (!facts?.exporter) return { ret: -1, out: nothing }
  if (facts.version !== TLS13 && RESERVED.includes(label)) {
    SSLerr(null, 'TLS_ILLEGAL_EXPORTER_LABEL', FILE)
    return { ret: 0, out: nothing }
  }
  if (label.length > MAX_LABEL && facts.version === TLS13) return { ret: 0, out: nothing }
  const out = run(facts.exporter(label, context ?? undefined, olen))
  if (isPromise(out)) throw new Misuse('SSL_export_keying_material needs a crypto provider that answers at once')
  return { ret: 1, out }
}

/** What a HkdfLabel has room for, behind "tls13 ". */
const MAX_LABEL = 249
const FILE = 'openssl/open.ts'
