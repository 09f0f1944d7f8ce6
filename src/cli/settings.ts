import { appendFileSync, readFileSync } from 'node:fs'
import { fromLatin1 } from '../bytes/text.ts'
import { roots } from '../node/roots.ts'
import {
  ERR_clear_error,
  ERR_GET_LIB,
  ERR_GET_REASON,
  ERR_get_error_line_data,
  ERR_LIB_SYS,
  ERR_reason_error_string,
  type SSL,
  SSL_alert_desc_string_long,
  SSL_alert_type_string_long,
  SSL_CB_ALERT,
  SSL_CB_EXIT,
  SSL_CB_LOOP,
  SSL_CB_READ,
  type SSL_CTX,
  SSL_CTX_check_private_key,
  SSL_CTX_get_cert_store,
  SSL_CTX_set_cipher_list,
  SSL_CTX_set_ciphersuites,
  SSL_CTX_set_default_passwd_cb,
  SSL_CTX_set_default_verify_paths,
  SSL_CTX_set_info_callback,
  SSL_CTX_set_keylog_callback,
  SSL_CTX_set_max_proto_version,
  SSL_CTX_set_min_proto_version,
  SSL_CTX_set_msg_callback,
  SSL_CTX_set1_groups_list,
  SSL_CTX_set1_sigalgs_list,
  SSL_CTX_use_certificate_chain_file,
  SSL_CTX_use_PrivateKey_file,
  SSL_FILETYPE_PEM,
  SSL_NOTHING,
  SSL_ST_ACCEPT,
  SSL_ST_CONNECT,
  SSL_state_string_long,
  SSL_want,
  TLS1_2_VERSION,
  TLS1_3_VERSION,
  X509_of,
  X509_STORE_add_cert,
} from '../openssl/index.ts'
import { Failure, sentence } from './failure.ts'
import { BadValue, flag, row, text } from './options.ts'
import { messageText } from './show.ts'
import { type Io, printable } from './terminal.ts'

/** The options that s_client and s_server have in common, and what they do to an SSL_CTX. */

/** ALPN protocols in the order of preference. */
const protocols = row('protocols', 'protocols to negotiate by ALPN, comma between them: h2,http/1.1', (given) => {
  const names = given.split(',')
  if (names.some((name) => name.length < 1 || name.length > 255 || fromLatin1(name) === undefined)) {
    throw new BadValue('names of 1 to 255 bytes with commas between them')
  }
  return names
})

export const sharedRows = {
  cert: text('file', 'our certificate and those above it, PEM, our own first'),
  key: text('file', 'the private key of our certificate, PEM; looked for in the file of -cert when not given'),
  CAfile: text('file', 'certificates to trust, PEM'),
  alpn: protocols,
  tls1_2: flag('TLS 1.2 only', 'tls1_3'),
  tls1_3: flag('TLS 1.3 only', 'tls1_2'),
  ciphersuites: text('names', 'cipher suites of TLS 1.3, colon between them'),
  cipher: text('names', 'cipher suites of TLS 1.2, in the language of "openssl ciphers"'),
  groups: text('names', 'groups for the key exchange, colon between them: X25519:P-256'),
  keylogfile: text('file', 'secrets are appended here, for Wireshark; SSLKEYLOGFILE does the same'),
  quiet: flag('nothing but data'),
}

/** What of an options' object matters here; each command has some of them. */
interface Shared {
  readonly tls1_2?: true
  readonly tls1_3?: true
  readonly ciphersuites?: string
  readonly cipher?: string
  readonly groups?: string
  readonly sigalgs?: string
  readonly keylogfile?: string
  readonly cert?: string
  readonly key?: string
  readonly pass?: () => string
}

/** Versions, suites, groups, schemes, key log. Throws `Failure` for what the library does not know. */
export const applyShared = (ctx: SSL_CTX, options: Shared, env: Io['env']): void => {
  const version = options.tls1_2 ? TLS1_2_VERSION : options.tls1_3 ? TLS1_3_VERSION : 0
  if (version !== 0) {
    SSL_CTX_set_min_proto_version(ctx, version)
    SSL_CTX_set_max_proto_version(ctx, version)
  }
  for (const [name, set] of lists) {
    const given = options[name]
    ERR_clear_error()
    if (given !== undefined && set(ctx, given) !== 1) {
      throw new Failure(`-${name} "${given}" names something that is not known here, or nothing at all`)
    }
  }
  const keylog = options.keylogfile ?? env['SSLKEYLOGFILE']
  if (keylog) logKeys(ctx, keylog)
}

const lists = [
  ['ciphersuites', SSL_CTX_set_ciphersuites],
  ['cipher', SSL_CTX_set_cipher_list],
  ['groups', SSL_CTX_set1_groups_list],
  ['sigalgs', SSL_CTX_set1_sigalgs_list],
] as const

/** Only its owner may read what is logged: it opens every connection. */
const logKeys = (ctx: SSL_CTX, file: string): void => {
  const append = (what: string): void => {
    try {
      appendFileSync(file, what, { mode: 0o600 })
    } catch (error) {
      throw new Failure(`secrets cannot be written to ${file}: ${sentence(error)}`)
    }
  }
  append('')
  SSL_CTX_set_keylog_callback(ctx, (_ssl, line) => append(`${line}\n`))
}

/** Our certificate with its key. */
export const applyCertificate = (ctx: SSL_CTX, { cert, key = cert, pass }: Shared): void => {
  if (cert === undefined || key === undefined) {
    if (key !== undefined) throw new Failure('-key goes with -cert, which is missing')
    return
  }
  if (pass) SSL_CTX_set_default_passwd_cb(ctx, () => pass())
  ERR_clear_error()
  if (SSL_CTX_use_certificate_chain_file(ctx, cert) !== 1) {
    throw new Failure(`no certificate could be loaded from ${cert}: ${lastError()}`)
  }
  if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) !== 1 || SSL_CTX_check_private_key(ctx) !== 1) {
    throw new Failure(`no fitting private key could be loaded from ${key}: ${lastError()}`)
  }
}

/** The most telling entry of the error queue, in words, and empties it. */
export const lastError = (): string => {
  let told = ''
  for (;;) {
    const { code, data } = ERR_get_error_line_data()
    if (code === 0) break
    const reason = ERR_reason_error_string(code) ?? `reason ${ERR_GET_REASON(code)}`
    if (told === '' || ERR_GET_LIB(code) === ERR_LIB_SYS) told = data === '' ? reason : `${reason} (${data})`
  }
  return told || 'no reason is given'
}

/** Protocol names as they travel: each with its length in front (RFC 7301 section 3.1). */
export const alpnWire = (names: readonly string[]): Uint8Array =>
  Uint8Array.from(names.flatMap((name) => [name.length, ...(fromLatin1(name) as Uint8Array)]))

/** `pass:word`, `file:path` (its first line) or `env:variable`, read when it is needed. */
export const parsePassword =
  (env: Io['env']) =>
  (given: string): (() => string) => {
    const [, kind, value = ''] = /^(pass|file|env):(.*)$/s.exec(given) ?? []
    switch (kind) {
      case 'pass':
        return () => value
      case 'file':
        return () => {
          try {
            return readFileSync(value, 'utf8').split(/\r?\n/, 1)[0] as string
          } catch (error) {
            throw new Failure(`no password could be read from ${value}: ${sentence(error)}`)
          }
        }
      case 'env':
        return () => {
          const word = env[value]
          if (word === undefined)
            throw new Failure(`the environment variable ${value}, which is to hold a password, is not set`)
          return word
        }
      default:
        throw new BadValue('pass:word, file:path or env:variable')
    }
  }

/** `-msg` and `-state`: they print to where they are told. */
export const applyTracing = (
  ctx: SSL_CTX,
  options: { readonly msg?: true; readonly state?: true },
  messages: (line: string) => void,
  states: (line: string) => void,
): void => {
  if (options.msg) {
    SSL_CTX_set_msg_callback(ctx, (write, version, contentType, bytes) =>
      messages(messageText(write === 1, version, contentType, bytes)),
    )
  }
  if (options.state) SSL_CTX_set_info_callback(ctx, (ssl, where, ret) => states(stateText(ssl, where, ret)))
}

const stateText = (ssl: SSL, where: number, ret: number): string => {
  const who = where & SSL_ST_CONNECT ? 'SSL_connect' : where & SSL_ST_ACCEPT ? 'SSL_accept' : 'undefined'
  const at = SSL_state_string_long(ssl)
  if (where & SSL_CB_ALERT) {
    const way = where & SSL_CB_READ ? 'read' : 'write'
    return `SSL3 alert ${way}:${SSL_alert_type_string_long(ret)}:${SSL_alert_desc_string_long(ret)}\n`
  }
  if (where & SSL_CB_LOOP) return `${who}:${at}\n`
  // that it has to wait for the network is no error
  return where & SSL_CB_EXIT && ret <= 0 && SSL_want(ssl) === SSL_NOTHING ? `${who}:error in ${at}\n` : ''
}

/** Whom the system trusts; where it keeps no files, whom the runtime trusts. */
export const trustSystem = (ctx: SSL_CTX): void => {
  SSL_CTX_set_default_verify_paths(ctx)
  const store = SSL_CTX_get_cert_store(ctx)
  if (!store.anchors.empty) return
  for (const one of roots()) X509_STORE_add_cert(store, X509_of(one))
}

/** Protocols by name, as the peer may have written them. */
export const alpnText = (selected: Uint8Array): string => printable(String.fromCharCode(...selected))
