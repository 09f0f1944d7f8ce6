import type { CustomExtensions, CustomPlace, Place } from '../config.ts'
import { TLS13 } from '../config.ts'
import { TlsError } from '../errors.ts'
import { parseCertificate } from '../x509/certificate.ts'
import { alertBy } from './callbacks.ts'
import { held } from './counted.ts'
import type { SSL_CTX } from './ctx.ts'
import type { SSL } from './ssl.ts'
import * as n from './ssl-numbers.ts'
import { X509 } from './x509.ts'

/** Extensions of the program's own (SSL_CTX_add_custom_ext(3), SSL_extension_supported(3)). */

/**
 * What to send: 1 with the contents in `out`, 0 for nothing, negative to end the handshake with the alert `al`. `x` and
 * `chainidx`: the certificate that it stands with, leaf 0.
 */
export type CustomAddCallback = (
  ssl: SSL,
  ext_type: number,
  context: number,
  x: X509 | null,
  chainidx: number,
  add_arg: unknown,
) => number | { ret: number; out?: Uint8Array; al?: number }
/** Told when `out` has been written. */
export type CustomFreeCallback = (
  ssl: SSL,
  ext_type: number,
  context: number,
  out: Uint8Array,
  add_arg: unknown,
) => void
/** What came (a view, good during the call): 1, or 0 and less to end the handshake with the alert `al`. */
export type CustomParseCallback = (
  ssl: SSL,
  ext_type: number,
  context: number,
  data: Uint8Array,
  x: X509 | null,
  chainidx: number,
  parse_arg: unknown,
) => number | { ret: number; al?: number }

/** One extension as it was added to a context. */
export interface CustomMethod {
  readonly type: number
  readonly role: 'client' | 'server' | 'both'
  readonly context: number
  readonly add: CustomAddCallback | null
  readonly free: CustomFreeCallback | null
  readonly addArgument: unknown
  readonly parse: CustomParseCallback | null
  readonly parseArgument: unknown
}

const contexts: Readonly<Record<Place, number>> = {
  clientHello: n.SSL_EXT_CLIENT_HELLO,
  serverHello: n.SSL_EXT_TLS1_3_SERVER_HELLO,
  helloRetryRequest: n.SSL_EXT_TLS1_3_HELLO_RETRY_REQUEST,
  serverHello12: n.SSL_EXT_TLS1_2_SERVER_HELLO,
  encryptedExtensions: n.SSL_EXT_TLS1_3_ENCRYPTED_EXTENSIONS,
  certificate: n.SSL_EXT_TLS1_3_CERTIFICATE,
  certificateRequest: n.SSL_EXT_TLS1_3_CERTIFICATE_REQUEST,
  newSessionTicket: n.SSL_EXT_TLS1_3_NEW_SESSION_TICKET,
}
/** Places whose extensions answer to those of the other side's hello. */
const ANSWERS: ReadonlySet<Place> = new Set([
  'serverHello',
  'helloRetryRequest',
  'serverHello12',
  'encryptedExtensions',
  'certificate',
])

/** Those that the library speaks itself, and that a program may not bring. */
const BUILT_IN = [0, 1, 5, 10, 11, 13, 14, 16, 21, 22, 23, 35, 41, 42, 43, 44, 45, 47, 49, 50, 51, 13172, 0xff01]
/** 1 for a type that the library has a part in. */
export const SSL_extension_supported = (ext_type: number): 0 | 1 => (BUILT_IN.includes(ext_type) ? 1 : 0)

export const addMethod = (ctx: SSL_CTX, method: CustomMethod): 0 | 1 => {
  const { settings } = held(ctx)
  const { type, role } = method
  const doubled = settings.custom.some(
    (one) => one.type === type && (one.role === role || one.role === 'both' || role === 'both'),
  )
  // without somebody who adds there is nothing to free
  if (doubled || SSL_extension_supported(type) === 1 || !(type >= 0 && type <= 0xffff)) return 0
  if (method.add === null && method.free !== null) return 0
  settings.custom = [...settings.custom, method]
  return 1
}

/** One for both roles, in the messages that `context` names with SSL_EXT_ bits. 0 for a type that is taken. */
export const SSL_CTX_add_custom_ext = (
  ctx: SSL_CTX,
  ext_type: number,
  context: number,
  add_cb: CustomAddCallback | null,
  free_cb: CustomFreeCallback | null,
  add_arg: unknown,
  parse_cb: CustomParseCallback | null,
  parse_arg: unknown,
): 0 | 1 =>
  addMethod(ctx, {
    type: ext_type,
    role: 'both',
    context,
    add: add_cb,
    free: free_cb,
    addArgument: add_arg,
    parse: parse_cb,
    parseArgument: parse_arg,
  })

/** The hellos of TLS 1.2, where no session is resumed. */
export const OLD_STYLE =
  n.SSL_EXT_TLS1_2_AND_BELOW_ONLY |
  n.SSL_EXT_CLIENT_HELLO |
  n.SSL_EXT_TLS1_2_SERVER_HELLO |
  n.SSL_EXT_IGNORE_ON_RESUMPTION

type OldAdd = (ssl: SSL, ext_type: number, add_arg: unknown) => number | { ret: number; out?: Uint8Array; al?: number }
type OldFree = (ssl: SSL, ext_type: number, out: Uint8Array, add_arg: unknown) => void
type OldParse = (
  ssl: SSL,
  ext_type: number,
  data: Uint8Array,
  parse_arg: unknown,
) => number | { ret: number; al?: number }

const oldStyle =
  (role: 'client' | 'server') =>
  (
    ctx: SSL_CTX,
    ext_type: number,
    add_cb: OldAdd | null,
    free_cb: OldFree | null,
    add_arg: unknown,
    parse_cb: OldParse | null,
    parse_arg: unknown,
  ): 0 | 1 =>
    addMethod(ctx, {
      type: ext_type,
      role,
      context: OLD_STYLE,
      add: add_cb && ((ssl, type, _context, _x, _index, arg) => add_cb(ssl, type, arg)),
      free: free_cb && ((ssl, type, _context, out, arg) => free_cb(ssl, type, out, arg)),
      addArgument: add_arg,
      parse: parse_cb && ((ssl, type, _context, data, _x, _index, arg) => parse_cb(ssl, type, data, arg)),
      parseArgument: parse_arg,
    })
/** One of a client, in the hellos of TLS 1.2. */
export const SSL_CTX_add_client_custom_ext = oldStyle('client')
/** One of a server, in the hellos of TLS 1.2. */
export const SSL_CTX_add_server_custom_ext = oldStyle('server')
/** 1 when a client of that context brings one of that type. */
export const SSL_CTX_has_client_custom_ext = (ctx: SSL_CTX, ext_type: number): 0 | 1 =>
  held(ctx).settings.custom.some(({ type, role }) => type === ext_type && role !== 'server') ? 1 : 0

// ---- what the engine asks

const mine = (ssl: SSL, { role }: CustomMethod): boolean => role === 'both' || role === ssl.role

/** Whether it has a place there, in that version (SSL_EXT_ bits of its context). */
const relevant = (ssl: SSL, { context }: CustomMethod, { place, version, resumed }: CustomPlace): boolean => {
  if ((context & contexts[place]) === 0) return false
  const tls13 = version === TLS13
  if (place === 'clientHello' && ssl.role === 'client') return tls13 || (context & n.SSL_EXT_TLS1_3_ONLY) === 0
  if (tls13 && (context & n.SSL_EXT_TLS1_2_AND_BELOW_ONLY) !== 0) return false
  if (!tls13 && (context & n.SSL_EXT_TLS1_3_ONLY) !== 0) return false
  return !(resumed && (context & n.SSL_EXT_IGNORE_ON_RESUMPTION) !== 0)
}

/** How the engine asks the program; undefined where the program brings none. */
export const customOf = (ssl: SSL): CustomExtensions | undefined => {
  if (ssl.settings.custom.length === 0) return undefined
  return {
    write(where) {
      const { place, index, certificate } = where
      const context = contexts[place]
      // a new hello starts anew
      if (place === 'clientHello') ssl.customSent.clear()
      const written: { type: number; data: Uint8Array }[] = []
      for (const method of ssl.settings.custom) {
        const { type } = method
        if (!mine(ssl, method) || !relevant(ssl, method, where)) continue
        if (ANSWERS.has(place) && !ssl.customReceived.has(type)) continue
        if (place !== 'clientHello' && method.add === null) continue
        const x = certificate ? new X509(parseCertificate(certificate)) : null
        const answer = method.add ? method.add(ssl, type, context, x, index, method.addArgument) : { ret: 1 }
        const {
          ret,
          out = NOTHING,
          al,
        } = typeof answer === 'number' ? { ret: answer, out: NOTHING, al: undefined } : answer
        if (ret < 0)
          throw new TlsError(alertBy(al), 'CALLBACK_FAILED', `the callback that adds extension ${type} refuses`)
        if (ret === 0) continue
        const data = out.slice()
        if (place === 'clientHello' || place === 'certificateRequest') ssl.customSent.add(type)
        method.free?.(ssl, type, context, out, method.addArgument)
        written.push({ type, data })
      }
      return written
    },
    read(where, { type, data }) {
      const { place, index, certificate } = where
      const method = ssl.settings.custom.find((one) => one.type === type && mine(ssl, one))
      if (!method || !relevant(ssl, method, where)) return false
      if (ANSWERS.has(place) && !ssl.customSent.has(type)) return false
      if (place === 'clientHello' || place === 'certificateRequest') ssl.customReceived.add(type)
      const x = certificate ? new X509(parseCertificate(certificate)) : null
      const answer = method.parse?.(ssl, type, contexts[place], data, x, index, method.parseArgument) ?? 1
      const { ret, al } = typeof answer === 'number' ? { ret: answer, al: undefined } : answer
      if (ret <= 0) throw new TlsError(alertBy(al), 'BAD_EXTENSION', `the callback for extension ${type} refuses`)
      return true
    },
  }
}

const NOTHING = new Uint8Array(0)
