import { fromUtf8, utf8 } from '../bytes/text.ts'
import { type Config, type ExternalPsk, TLS13 } from '../config.ts'
import { type Suite, suiteById } from '../crypto/suites.ts'
import { TlsError } from '../errors.ts'
import { after, type Maybe } from '../task.ts'
import { held } from './counted.ts'
import type { SSL_CTX } from './ctx.ts'
import { SSLerr } from './err.ts'
import { protocols } from './lists.ts'
import type { SSL_SESSION } from './session.ts'
import type { Holder } from './settings.ts'
import type { SSL } from './ssl.ts'
import { SSL_OP_NO_ANTI_REPLAY } from './ssl-numbers.ts'

/**
 * Keys that both sides agreed on elsewhere (SSL_CTX_set_psk_client_callback(3), SSL_CTX_set_psk_use_session_callback(3)).
 * Every callback may also answer by a promise; the call stops with SSL_ERROR_WANT_ASYNC meanwhile.
 */

/** The key for a server with that hint (null: none was given; always in TLS 1.3), or null. Identity: 1 to 128 bytes of UTF-8; key: 1 to 256. */
export type PskClientCallback = (
  ssl: SSL,
  hint: string | null,
) => Maybe<{ readonly identity: string; readonly psk: Uint8Array } | null>
/** The key of that identity, 1 to 256 bytes; null if it is not known. */
export type PskServerCallback = (ssl: SSL, identity: string) => Maybe<Uint8Array | null>
/** TLS 1.3: a session whose secret is the key, and how it is named; `sess` null for none, `ret` 0 to fail. `md` is null. */
export type PskUseSessionCallback = (
  ssl: SSL,
  md: string | null,
) => Maybe<{ readonly ret: 0 | 1; readonly id: Uint8Array; readonly sess: SSL_SESSION | null }>
/** TLS 1.3: the session of that name; `sess` null if it is not known, `ret` 0 to fail. */
export type PskFindSessionCallback = (
  ssl: SSL,
  identity: Uint8Array,
) => Maybe<{ readonly ret: 0 | 1; readonly sess: SSL_SESSION | null }>

const MAX_IDENTITY = 128
const MAX_KEY = 256

type Owner = Holder & { readonly kind: string; references: number }
const setClient = (to: Owner, cb: PskClientCallback | null): void => {
  held(to).settings.pskClient = cb
}
const setServer = (to: Owner, cb: PskServerCallback | null): void => {
  held(to).settings.pskServer = cb
}
const setUse = (to: Owner, cb: PskUseSessionCallback | null): void => {
  held(to).settings.pskUse = cb
}
const setFind = (to: Owner, cb: PskFindSessionCallback | null): void => {
  held(to).settings.pskFind = cb
}
const setHint = (to: Owner, hint: string | null): 0 | 1 => {
  const bytes = hint === null || hint === '' ? null : utf8(hint)
  if (bytes !== null && bytes.length > MAX_IDENTITY) {
    SSLerr(null, 'DATA_LENGTH_TOO_LONG', FILE)
    return 0
  }
  held(to).settings.pskHint = bytes
  return 1
}

/** A client's key, for TLS 1.2 and, bound to SHA-256, for TLS 1.3. Suites with PSK are offered only where this is set. */
export const SSL_CTX_set_psk_client_callback: (ctx: SSL_CTX, cb: PskClientCallback | null) => void = setClient
export const SSL_set_psk_client_callback: (ssl: SSL, cb: PskClientCallback | null) => void = setClient
/** A server's keys, for TLS 1.2 and, bound to SHA-256, for TLS 1.3. Suites with PSK are taken only where this is set. */
export const SSL_CTX_set_psk_server_callback: (ctx: SSL_CTX, cb: PskServerCallback | null) => void = setServer
export const SSL_set_psk_server_callback: (ssl: SSL, cb: PskServerCallback | null) => void = setServer
/** A client's key for TLS 1.3, with its hash and what early data under it is bound to. Asked before the old callback. */
export const SSL_CTX_set_psk_use_session_callback: (ctx: SSL_CTX, cb: PskUseSessionCallback | null) => void = setUse
export const SSL_set_psk_use_session_callback: (ssl: SSL, cb: PskUseSessionCallback | null) => void = setUse
/**
 * A server's keys for TLS 1.3. Asked before the old callback. Such a key has no age, so we could not tell a replay: early
 * data under it is rejected, unless the program guards itself (SSL_OP_NO_ANTI_REPLAY and SSL_CTX_set_allow_early_data_cb).
 */
export const SSL_CTX_set_psk_find_session_callback: (ctx: SSL_CTX, cb: PskFindSessionCallback | null) => void = setFind
export const SSL_set_psk_find_session_callback: (ssl: SSL, cb: PskFindSessionCallback | null) => void = setFind
/** TLS 1.2: what a server says of the key that it wants; null or empty: nothing. 0 with an error beyond 128 bytes. */
export const SSL_CTX_use_psk_identity_hint: (ctx: SSL_CTX, hint: string | null) => 0 | 1 = setHint
export const SSL_use_psk_identity_hint: (ssl: SSL, hint: string | null) => 0 | 1 = setHint

/** The identity of the key that the handshake is made with; null if there is none. */
export const SSL_get_psk_identity = (ssl: SSL): string | null => textOf(held(ssl).connection?.facts.psk)
/** Client, TLS 1.2: the hint that the server gave; null if it gave none. */
export const SSL_get_psk_identity_hint = (ssl: SSL): string | null => textOf(held(ssl).connection?.facts.pskHint)

const textOf = (bytes: Uint8Array | undefined): string | null => (bytes && fromUtf8(bytes)) ?? null

// ---- the engine's side

/** Whether suites of TLS 1.2 with PSK can be used. */
export const usesPskSuites = ({ settings, role }: SSL): boolean =>
  (role === 'client' ? settings.pskClient : settings.pskServer) !== null

/** The suites of TLS 1.3. The keys of the old callback go with SHA-256, so a server prefers that when a client has keys. */
export const suitesForKeys = ({ settings, hello, role }: SSL): readonly Suite[] => {
  const keys = hello?.extensions.some(({ type }) => type === PRE_SHARED_KEY)
  if (role !== 'server' || settings.pskServer === null || !keys) return settings.ciphersuites
  const fitting = settings.ciphersuites.filter(({ id, hash }) => hash === 'sha256' && hello?.suites.includes(id))
  return fitting.length > 0 ? fitting : settings.ciphersuites
}
/** Number of the extension pre_shared_key (RFC 9846 section 4.2.11). */
const PRE_SHARED_KEY = 41

/** The program's callbacks in the engine's form. */
export const pskPart = (ssl: SSL): Partial<Pick<Config, 'psk' | 'findPsk' | 'oncePsk' | 'pskHint'>> => {
  const { pskClient, pskServer, pskUse, pskFind, pskHint, allowEarlyData, allowEarlyDataArgument, options } =
    ssl.settings
  if (ssl.role === 'client') return pskClient || pskUse ? { psk: (hint) => offered(ssl, hint) } : {}
  return {
    ...((pskServer || pskFind) && { findPsk: (identity: Uint8Array) => found(ssl, identity) }),
    ...(pskHint && { pskHint }),
    ...(allowEarlyData &&
      (options & SSL_OP_NO_ANTI_REPLAY) !== 0 && {
        oncePsk: () => ssl.early === 'accepting' && allowEarlyData(ssl, allowEarlyDataArgument) !== 0,
      }),
  }
}

const offered = (ssl: SSL, hint: Uint8Array | undefined): Maybe<ExternalPsk | undefined> => {
  const { pskUse } = ssl.settings
  // before the server has chosen a version, what is asked for is a key of TLS 1.3
  if (!pskUse || ssl.connection?.facts.version !== undefined) return offeredOld(ssl, hint)
  return after(pskUse(ssl, null), ({ ret, id, sess }) => {
    if (ret === 0 || (sess && sess.data.version !== TLS13))
      throw new TlsError('internal_error', 'BAD_PSK', 'the PSK callback of the program gave no session of TLS 1.3')
    if (!sess) return offeredOld(ssl, hint)
    checkEarly(ssl, sess)
    return ofSession(sess, id)
  })
}

const offeredOld = (ssl: SSL, hint: Uint8Array | undefined): Maybe<ExternalPsk | undefined> => {
  const { pskClient } = ssl.settings
  return after(pskClient ? pskClient(ssl, textOf(hint)) : null, (answer) => {
    if (answer === null || answer.psk.length === 0) return undefined
    const identity = utf8(answer.identity)
    if (identity.length === 0 || identity.length > MAX_IDENTITY)
      throw invalid(
        `a PSK identity has 1 to ${MAX_IDENTITY} bytes, the callback of the program gave ${identity.length}`,
      )
    return agreed(identity, answer.psk)
  })
}

const found = (ssl: SSL, identity: Uint8Array): Maybe<ExternalPsk | undefined> => {
  const { pskFind } = ssl.settings
  if (!pskFind || ssl.connection?.facts.version !== TLS13) return foundOld(ssl, identity)
  return after(pskFind(ssl, identity.slice()), ({ ret, sess }) => {
    if (ret === 0) throw new TlsError('internal_error', 'BAD_EXTENSION', 'the PSK callback of the program failed')
    return sess ? ofSession(sess, identity) : foundOld(ssl, identity)
  })
}

const foundOld = (ssl: SSL, identity: Uint8Array): Maybe<ExternalPsk | undefined> => {
  const { pskServer } = ssl.settings
  // what is no text, as a ticket is not, is nobody's name (RFC 4279 section 5.1)
  const name = identity.length <= MAX_IDENTITY ? fromUtf8(identity) : undefined
  if (!pskServer || name === undefined) return undefined
  return after(pskServer(ssl, name), (psk) => (psk && psk.length > 0 ? agreed(identity.slice(), psk) : undefined))
}

const agreed = (identity: Uint8Array, psk: Uint8Array): ExternalPsk => {
  if (psk.length > MAX_KEY) throw invalid(`a PSK has at most ${MAX_KEY} bytes, the callback gave ${psk.length}`)
  return { identity, secret: psk.slice(), hash: 'sha256' }
}

const ofSession = ({ data }: SSL_SESSION, identity: Uint8Array): ExternalPsk => {
  const suite = suiteById(data.suite)
  if (!suite || suite.version !== TLS13 || data.secret.length === 0 || identity.length === 0)
    throw new TlsError('internal_error', 'BAD_PSK', 'a session for a PSK needs a name, a secret and a suite of TLS 1.3')
  return {
    identity: identity.slice(),
    secret: data.secret,
    hash: suite.hash,
    suite: suite.id,
    earlyData: data.earlyData,
    ...(data.alpn !== undefined && { alpn: data.alpn }),
  }
}

/** Early data goes to the server, and in the protocol, that the session is for. */
const checkEarly = (ssl: SSL, { data }: SSL_SESSION): void => {
  if (ssl.early !== 'connecting' || data.earlyData === 0) return
  const { serverName, alpn } = ssl.settings
  if (data.serverName !== undefined && data.serverName !== serverName)
    throw new TlsError(
      'internal_error',
      'INCONSISTENT_EARLY_DATA_SNI',
      `early data is for ${data.serverName}, the connection is not`,
    )
  if (data.alpn !== undefined && !protocols(alpn).includes(data.alpn))
    throw new TlsError(
      'internal_error',
      'INCONSISTENT_EARLY_DATA_ALPN',
      `early data is for the protocol ${data.alpn}, which is not offered`,
    )
}

const invalid = (detail: string): TlsError => new TlsError('handshake_failure', 'INTERNAL_ERROR', detail)

const FILE = 'openssl/psk.ts'
