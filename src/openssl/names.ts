import { latin1 } from '../bytes/text.ts'
import { TLS12 } from '../config.ts'
import { held } from './counted.ts'
import type { SSL_CTX } from './ctx.ts'
import { SSLerr } from './err.ts'
import type { Holder } from './settings.ts'
import type { SSL } from './ssl.ts'
import { OPENSSL_NPN_NEGOTIATED, OPENSSL_NPN_NO_OVERLAP, TLSEXT_NAMETYPE_host_name } from './ssl-numbers.ts'

/** The name that a client asks for, and the protocol that both agree on (SSL_CTX_set_alpn_select_cb(3)). */

/** The name to ask for: 1 to 255 bytes; null for none. It is not verified: SSL_set1_host is for that. */
export const SSL_set_tlsext_host_name = (ssl: SSL, name: string | null): 0 | 1 => {
  if (name !== null && (name.length === 0 || name.length > 255 || /[^\x01-\xff]/.test(name))) {
    SSLerr(null, 'SSL3_EXT_INVALID_SERVERNAME', FILE)
    return 0
  }
  held(ssl).settings.serverName = name
  return 1
}
/** A client: the name that it asks for. A server: the one that it was asked for. null if there is none. */
export const SSL_get_servername = (ssl: SSL, type: number): string | null => {
  if (type !== TLSEXT_NAMETYPE_host_name) return null
  const { connection, settings, hello, session } = held(ssl)
  if (ssl.role === 'server') return hello?.serverName ?? connection?.facts.serverName ?? null
  // before a handshake of TLS 1.2 a session says where it leads
  const kept = session?.data.version === TLS12 ? session.data.serverName : undefined
  return connection?.facts.serverName ?? settings.serverName ?? kept ?? null
}
/** TLSEXT_NAMETYPE_host_name, or -1 without a name. */
export const SSL_get_servername_type = (ssl: SSL): number =>
  SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) === null ? -1 : TLSEXT_NAMETYPE_host_name

/** Asked on a server once the client has spoken, with or without a name: SSL_TLSEXT_ERR_, perhaps with an alert. */
export const SSL_CTX_set_tlsext_servername_callback = (ctx: SSL_CTX, cb: SSL_CTX['serverNameCallback']): 0 | 1 => {
  held(ctx).serverNameCallback = cb
  return 1
}
export const SSL_CTX_set_tlsext_servername_arg = (ctx: SSL_CTX, arg: unknown): 0 | 1 => {
  held(ctx).serverNameArgument = arg
  return 1
}

/** Asked on a server as soon as the ClientHello is there: SSL_CLIENT_HELLO_SUCCESS, _RETRY, or _ERROR with an alert. */
export const SSL_CTX_set_client_hello_cb = (ctx: SSL_CTX, cb: SSL_CTX['clientHelloCallback'], arg: unknown): void => {
  held(ctx).clientHelloCallback = cb
  ctx.clientHelloArgument = arg
}
/** What follows is for within that callback. Views; good during the call. */
export const SSL_client_hello_isv2 = (_ssl: SSL): 0 | 1 => 0
export const SSL_client_hello_get0_legacy_version = (ssl: SSL): number => held(ssl).hello?.legacyVersion ?? 0
export const SSL_client_hello_get0_random = (ssl: SSL): Uint8Array => held(ssl).hello?.random ?? NOTHING
export const SSL_client_hello_get0_session_id = (ssl: SSL): Uint8Array => held(ssl).hello?.sessionId ?? NOTHING
/** Two bytes for each suite. */
export const SSL_client_hello_get0_ciphers = (ssl: SSL): Uint8Array =>
  Uint8Array.from((held(ssl).hello?.suites ?? []).flatMap((id) => [id >> 8, id & 255]))
export const SSL_client_hello_get0_compression_methods = (ssl: SSL): Uint8Array =>
  held(ssl).hello?.compressionMethods ?? NOTHING
/** The types of all extensions, in their order; null outside of the callback. */
export const SSL_client_hello_get1_extensions_present = (ssl: SSL): number[] | null =>
  held(ssl).hello?.extensions.map(({ type }) => type) ?? null
/** The body of an extension; null if it is not there. */
export const SSL_client_hello_get0_ext = (ssl: SSL, type: number): Uint8Array | null =>
  held(ssl).hello?.extensions.find((one) => one.type === type)?.data ?? null

// ---- ALPN

/** 0 for success, as in OpenSSL: here alone. */
const setAlpn = ({ settings }: Holder, protos: Uint8Array): number => {
  let at = 0
  while (at < protos.length) {
    const length = protos[at] as number
    if (length === 0) return 1
    at += 1 + length
  }
  if (at !== protos.length) return 1
  settings.alpn = protos.slice()
  return 0
}
/** A client's protocols, best first, each behind its length; empty for none. **0 is success**, 1 a malformed list. */
export const SSL_CTX_set_alpn_protos: (ctx: SSL_CTX, protos: Uint8Array) => number = setAlpn
export const SSL_set_alpn_protos: (ssl: SSL, protos: Uint8Array) => number = setAlpn

/** A server's choice: `cb(ssl, client, arg)` gives `{ ret: SSL_TLSEXT_ERR_OK, selected }`, or SSL_TLSEXT_ERR_NOACK. */
export const SSL_CTX_set_alpn_select_cb = (ctx: SSL_CTX, cb: SSL_CTX['alpnSelectCallback'], arg: unknown): void => {
  held(ctx).alpnSelectCallback = cb
  ctx.alpnSelectArgument = arg
}
/** The protocol agreed on; empty if none. */
export const SSL_get0_alpn_selected = (ssl: SSL): Uint8Array =>
  Uint8Array.from(held(ssl).connection?.facts.alpn ?? '', (c) => c.charCodeAt(0))

/** The first of the server's protocols that the client has: OPENSSL_NPN_NEGOTIATED; else the client's first, NO_OVERLAP. */
export const SSL_select_next_proto = (server: Uint8Array, client: Uint8Array): { ret: number; out: Uint8Array } => {
  const theirs = pieces(client)
  const known = new Set(theirs.map(latin1))
  const common = pieces(server).find((one) => known.has(latin1(one)))
  if (common) return { ret: OPENSSL_NPN_NEGOTIATED, out: common }
  return { ret: OPENSSL_NPN_NO_OVERLAP, out: theirs[0] ?? NOTHING }
}

const pieces = (wire: Uint8Array): Uint8Array[] => {
  const found: Uint8Array[] = []
  for (let at = 0; at < wire.length; at += 1 + (wire[at] as number))
    found.push(wire.subarray(at + 1, at + 1 + (wire[at] as number)))
  return found
}

const FILE = 'openssl/names.ts'
const NOTHING = new Uint8Array(0)
