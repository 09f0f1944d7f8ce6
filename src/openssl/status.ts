import { TlsError } from '../errors.ts'
import { held } from './counted.ts'
import type { SSL_CTX } from './ctx.ts'
import type { SSL } from './ssl.ts'
import { SSL_TLSEXT_ERR_ALERT_FATAL, SSL_TLSEXT_ERR_OK } from './ssl-numbers.ts'

/** Stapled OCSP responses (SSL_CTX_set_tlsext_status_cb(3)). */

/**
 * Client: judges SSL_get_tlsext_status_ocsp_resp(ssl), null if the server sent none; > 0 accepts, 0 refuses, < 0 fails.
 * Server: gives a response with SSL_set_tlsext_status_ocsp_resp and returns SSL_TLSEXT_ERR_OK; _NOACK staples nothing,
 * _ALERT_FATAL fails.
 */
export type StatusCallback = (ssl: SSL, arg: unknown) => number

/** Called when the client has asked for a status. */
export const SSL_CTX_set_tlsext_status_cb = (ctx: SSL_CTX, cb: StatusCallback | null): 0 | 1 => {
  held(ctx).statusCallback = cb
  return 1
}
export const SSL_CTX_get_tlsext_status_cb = (ctx: SSL_CTX): StatusCallback | null => held(ctx).statusCallback
export const SSL_CTX_set_tlsext_status_arg = (ctx: SSL_CTX, arg: unknown): 0 | 1 => {
  held(ctx).statusArgument = arg
  return 1
}
export const SSL_CTX_get_tlsext_status_arg = (ctx: SSL_CTX): unknown => held(ctx).statusArgument
/** Clients of this context ask for a stapled response: TLSEXT_STATUSTYPE_ocsp (1), or -1 not. */
export const SSL_CTX_set_tlsext_status_type = (ctx: SSL_CTX, type: number): 0 | 1 => {
  held(ctx).settings.statusType = type
  return 1
}
export const SSL_CTX_get_tlsext_status_type = (ctx: SSL_CTX): number => held(ctx).settings.statusType
export const SSL_get_tlsext_status_type = (ssl: SSL): number => held(ssl).settings.statusType
/** A server's response (DER, copied) for this connection; null for none. */
export const SSL_set_tlsext_status_ocsp_resp = (ssl: SSL, response: Uint8Array | null): 0 | 1 => {
  held(ssl).statusResponse = response?.slice() ?? null
  return 1
}

const STATUS_REQUEST = 5

/** Server: what to staple, if the client has asked for it. */
export const stapled = (ssl: SSL): Uint8Array | undefined => {
  const { statusCallback, statusArgument } = ssl.ctx
  if (!statusCallback || !ssl.hello?.extensions.some(({ type }) => type === STATUS_REQUEST)) return undefined
  const ret = statusCallback(ssl, statusArgument)
  if (ret === SSL_TLSEXT_ERR_ALERT_FATAL)
    throw new TlsError('internal_error', 'CLIENTHELLO_TLSEXT', 'the status callback of the program fails')
  return ret === SSL_TLSEXT_ERR_OK ? (ssl.statusResponse ?? undefined) : undefined
}

/** Client: the program judges what the server has stapled, or that it has not. */
export const judgeStaple = (ssl: SSL, response: Uint8Array | undefined): void => {
  const { statusCallback, statusArgument } = ssl.ctx
  if (ssl.settings.statusType !== 1 || !statusCallback) return
  ssl.statusResponse = response ?? null
  const ret = statusCallback(ssl, statusArgument)
  if (ret > 0) return
  if (ret < 0) throw new TlsError('internal_error', 'INTERNAL_ERROR', 'the status callback of the program fails')
  throw new TlsError(
    'bad_certificate_status_response',
    'INVALID_STATUS_RESPONSE',
    'the program refuses the stapled OCSP response',
  )
}
