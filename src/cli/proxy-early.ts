import { concat } from '../bytes/compare.ts'
import { fromLatin1, latin1 } from '../bytes/text.ts'

/** Bytes of a request head at most; a longer one waits for the end of the handshake. */
const MOST = 16_384
const SAFE = /^(?:GET|HEAD) \S+ HTTP\/1\.1$/
/** Fields that say that a body follows, that the connection becomes something else, or that somebody said it before us. */
const NOT_PLAIN = /^(?:content-length|transfer-encoding|upgrade|expect|early-data)$/i
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):/

/**
 * What may go to the backend before the client has finished its handshake: exactly one request of HTTP/1.1 that is safe to
 * do twice (GET or HEAD, without a body), marked as such (RFC 8470 section 5.1). Undefined for anything else: that waits,
 * and a replay never gets as far as that.
 */
export const safeRequest = (early: Uint8Array): Uint8Array | undefined => {
  if (early.length > MOST) return undefined
  const head = latin1(early)
  if (!head.endsWith('\r\n\r\n') || head.indexOf('\r\n\r\n') !== head.length - 4) return undefined
  const [request = '', ...fields] = head.slice(0, -4).split('\r\n')
  if (!SAFE.test(request) || /[\r\n\0]/.test([request, ...fields].join(''))) return undefined
  for (const field of fields) {
    const name = FIELD.exec(field)?.[1]
    if (name === undefined || NOT_PLAIN.test(name)) return undefined
  }
  const line = request.length + 2
  return concat(early.subarray(0, line), fromLatin1('Early-Data: 1\r\n') as Uint8Array, early.subarray(line))
}
