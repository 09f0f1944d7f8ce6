import { Reader } from '../bytes/reader.ts'
import { Writer } from '../bytes/writer.ts'
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

/** Two lists, each behind its length: names of responders, each behind its own, and extensions. */
const requestOf = (ids: readonly Uint8Array[], exts: Uint8Array): Uint8Array => {
  const w = new Writer()
  w.prefixed(2, () => {
    for (const id of ids) w.prefixed(2, () => w.raw(id))
  })
  w.prefixed(2, () => w.raw(exts))
  return w.finish()
}
const partsOf = (request: Uint8Array | null): { ids: Uint8Array[]; exts: Uint8Array } => {
  if (request === null) return { ids: [], exts: new Uint8Array(0) }
  const r = new Reader(request)
  const list = r.within(r.number(2, 'length of names'), 'names')
  const ids: Uint8Array[] = []
  while (list.left > 0) ids.push(list.take(list.number(2, 'length of a name'), 'name').slice())
  return { ids, exts: r.take(r.number(2, 'length of extensions'), 'extensions').slice() }
}
/** A server: what the client said; malformed requests say nothing. A client: what it is going to say. */
const saidOf = (ssl: SSL): ReturnType<typeof partsOf> => {
  const body = held(ssl).hello?.extensions.find(({ type }) => type === STATUS_REQUEST)?.data
  try {
    return partsOf(ssl.role === 'server' ? (body?.subarray(1) ?? null) : ssl.statusRequest)
  } catch {
    return partsOf(null)
  }
}
/** OCSP responders that the client knows: OCSP_RESPID in DER, in the order of its trust. */
export const SSL_set_tlsext_status_ids = (ssl: SSL, ids: readonly Uint8Array[] | null): 0 | 1 => {
  held(ssl).statusRequest = requestOf(ids ?? [], partsOf(ssl.statusRequest).exts)
  return 1
}
export const SSL_get_tlsext_status_ids = (ssl: SSL): Uint8Array[] => saidOf(ssl).ids
/** Extensions of the OCSP request (Extensions in DER); null for none. */
export const SSL_set_tlsext_status_exts = (ssl: SSL, exts: Uint8Array | null): 0 | 1 => {
  held(ssl).statusRequest = requestOf(partsOf(ssl.statusRequest).ids, exts ?? new Uint8Array(0))
  return 1
}
export const SSL_get_tlsext_status_exts = (ssl: SSL): Uint8Array => saidOf(ssl).exts

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
