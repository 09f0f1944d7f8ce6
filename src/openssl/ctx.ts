import type { Provider } from '../crypto/provider.ts'
import { memoryTickets, type Tickets } from '../session/tickets.ts'
import { type Counted, held, release, upRef } from './counted.ts'
import { SSLerr } from './err.ts'
import type { SSL_METHOD } from './methods.ts'
import { SessionCache } from './session-cache.ts'
import { type CertCallback, Settings } from './settings.ts'
import type { SSL } from './ssl.ts'
import type { CookieGenerateCallback, CookieVerifyCallback } from './stateless.ts'
import type { StatusCallback } from './status.ts'
import type { TicketDecryptCallback, TicketGenerateCallback } from './ticket-data.ts'
import type { TicketKeyCallback } from './ticket-keys.ts'
import type { EVP_PKEY, X509 } from './x509.ts'
import { X509_STORE, type X509_STORE_CTX } from './x509-store.ts'

export type InfoCallback = (ssl: SSL, where: number, ret: number) => void

/** Contexts (SSL_CTX_new(3)): a configuration being written, and what its connections share. */
export class SSL_CTX implements Counted {
  readonly kind = 'SSL_CTX'
  references = 1
  method: SSL_METHOD
  readonly provider: Provider
  readonly settings = new Settings()
  readonly cache = new SessionCache(this)
  /** Who made certificates that we trust. */
  store = new X509_STORE()
  extraChain: readonly X509[] = []
  extra: unknown[] = []

  // looked up while a connection runs, so changes reach connections that stand already
  infoCallback: InfoCallback | null = null
  keylogCallback: ((ssl: SSL, line: string) => void) | null = null
  clientHelloCallback: ((ssl: SSL, arg: unknown) => number | { ret: number; al: number }) | null = null
  clientHelloArgument: unknown = null
  serverNameCallback: ((ssl: SSL, arg: unknown) => number | { ret: number; al: number }) | null = null
  serverNameArgument: unknown = null
  alpnSelectCallback:
    | ((ssl: SSL, client: Uint8Array, arg: unknown) => number | { ret: number; selected: Uint8Array })
    | null = null
  alpnSelectArgument: unknown = null
  clientCertCallback: ((ssl: SSL) => number | { ret: number; x509: X509; pkey: EVP_PKEY }) | null = null
  certVerifyCallback: ((c: X509_STORE_CTX, arg: unknown) => number) | null = null
  certVerifyArgument: unknown = null
  statusCallback: StatusCallback | null = null
  statusArgument: unknown = null
  ticketGenerateCallback: TicketGenerateCallback | null = null
  ticketDecryptCallback: TicketDecryptCallback | null = null
  ticketCallbackArgument: unknown = null
  passwordCallback: ((size: number, rwflag: number, u: unknown) => string | Uint8Array | null) | null = null
  passwordArgument: unknown = null
  cookieGenerateCallback: CookieGenerateCallback | null = null
  cookieVerifyCallback: CookieVerifyCallback | null = null
  #cookieKey: Uint8Array | undefined
  ticketKeys: Uint8Array | null = null
  ticketKeyCallback: TicketKeyCallback | null = null
  #tickets: Tickets | undefined

  constructor(method: SSL_METHOD, provider: Provider) {
    this.method = method
    this.provider = provider
  }

  get cookieKey(): Uint8Array {
    return (this.#cookieKey ??= this.provider.random(32).slice())
  }

  get tickets(): Tickets {
    return (this.#tickets ??= memoryTickets(this.provider))
  }

  set tickets(tickets: Tickets) {
    this.#tickets = tickets
  }
}

/** Ours: SSL_CTX_new with a crypto provider of the program's choice. null for a null method, with an error. */
export const SSL_CTX_new_ex = (provider: Provider, meth: SSL_METHOD | null): SSL_CTX | null => {
  if (meth !== null) return new SSL_CTX(meth, provider)
  SSLerr('SSL_CTX_new', 'NULL_SSL_METHOD_PASSED', FILE)
  return null
}
export const SSL_CTX_up_ref = (ctx: SSL_CTX): 0 | 1 => upRef(ctx)
export const SSL_CTX_free = (ctx: SSL_CTX | null): void => {
  if (release(ctx)) ctx?.cache.flush(0)
}
export const SSL_CTX_get_ssl_method = (ctx: SSL_CTX): SSL_METHOD => held(ctx).method
/** For SSLs that are made from then on. */
export const SSL_CTX_set_ssl_version = (ctx: SSL_CTX, meth: SSL_METHOD): 0 | 1 => {
  held(ctx).method = meth
  return 1
}

export const SSL_CTX_set_ex_data = (ctx: SSL_CTX, idx: number, data: unknown): 0 | 1 => {
  held(ctx).extra[idx] = data
  return 1
}
export const SSL_CTX_get_ex_data = (ctx: SSL_CTX, idx: number): unknown => held(ctx).extra[idx] ?? null
let extraIndex = 1
export const SSL_CTX_get_ex_new_index = (): number => extraIndex++
export const SSL_CTX_set_app_data = (ctx: SSL_CTX, data: unknown): 0 | 1 => SSL_CTX_set_ex_data(ctx, 0, data)
export const SSL_CTX_get_app_data = (ctx: SSL_CTX): unknown => SSL_CTX_get_ex_data(ctx, 0)

/** Called just before a certificate is chosen: 1 goes on, 0 ends the handshake, less than 0 asks again at the next call. */
export const SSL_CTX_set_cert_cb = (ctx: SSL_CTX, cb: CertCallback | null, arg: unknown): void => {
  const { settings } = held(ctx)
  settings.certCallback = cb
  settings.certCallbackArgument = arg
}

const FILE = 'openssl/ctx.ts'
