import { held } from './counted.ts'
import type { SSL_CTX } from './ctx.ts'
import { ERR_clear_error } from './err.ts'
import { SSL_accept } from './handshake.ts'
import { flush } from './pump.ts'
import { type SSL, SSL_clear } from './ssl.ts'

/** Servers that keep nothing of a client before it has shown that it can be reached (SSL_stateless(3)). */

/** The program's cookie, 1 to 32 KiB: `{ ret: 1, cookie }`; 0 fails. */
export type CookieGenerateCallback = (ssl: SSL) => { ret: 0 | 1; cookie?: Uint8Array } | 0
/** 1 for a cookie of the program's. */
export type CookieVerifyCallback = (ssl: SSL, cookie: Uint8Array) => number

/** Makes what the client has to bring back; something by which the program knows its address, for example. */
export const SSL_CTX_set_stateless_cookie_generate_cb = (ctx: SSL_CTX, cb: CookieGenerateCallback | null): void => {
  held(ctx).cookieGenerateCallback = cb
}
export const SSL_CTX_set_stateless_cookie_verify_cb = (ctx: SSL_CTX, cb: CookieVerifyCallback | null): void => {
  held(ctx).cookieVerifyCallback = cb
}

/**
 * Looks at a ClientHello. 1: it brought the cookie back, and SSL_accept goes on with it; 0: it had none, and was sent one:
 * call again with the next hello, on this SSL or another; -1: it failed, or there is no hello yet (SSL_get_error says which).
 */
export const SSL_stateless = (ssl: SSL): number => {
  SSL_clear(ssl)
  ERR_clear_error()
  ssl.stateless = true
  const ret = SSL_accept(ssl)
  ssl.stateless = false
  const facts = ssl.connection?.facts
  if (ssl.lost !== null || !facts?.retried) return ret > 0 ? 1 : -1
  if (facts.askedBack !== true) return 1
  return flush(ssl) ? 0 : -1
}
