import { latin1 } from '../bytes/text.ts'
import { PemError, readPem } from '../x509/pem.ts'
import { fileOf } from './certificates.ts'
import { held } from './counted.ts'
import type { SSL_CTX } from './ctx.ts'
import { addMethod, OLD_STYLE } from './custom.ts'
import { ERR_LIB_SSL, ERR_put_error, ERR_R_PASSED_NULL_PARAMETER, SSLerr } from './err.ts'
import type { SSL } from './ssl.ts'

/** Extensions that a server answers with always the same bytes (SSL_CTX_use_serverinfo(3)). */

export const SSL_SERVERINFOV1 = 1
export const SSL_SERVERINFOV2 = 2

interface Entry {
  readonly context: number
  readonly type: number
  readonly data: Uint8Array
}

/** Undefined for what is not laid out as it must be: context (version 2: 4 bytes), type and length (2 each), data. */
const parsed = (version: number, bytes: Uint8Array): Entry[] | undefined => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const head = version === SSL_SERVERINFOV2 ? 8 : 4
  const entries: Entry[] = []
  for (let at = 0; at < bytes.length; ) {
    if (at + head > bytes.length) return undefined
    const context = head === 8 ? view.getUint32(at) : OLD_STYLE
    const data = bytes.slice(at + head, at + head + view.getUint16(at + head - 2))
    if (data.length !== view.getUint16(at + head - 2)) return undefined
    entries.push({ context, type: view.getUint16(at + head - 4), data })
    at += head + data.length
  }
  return entries.length > 0 ? entries : undefined
}

const use = (ctx: SSL_CTX, entries: readonly Entry[]): 0 | 1 => {
  for (const { context, type, data } of entries) {
    const added = addMethod(ctx, {
      type,
      role: 'server',
      context,
      add: (_ssl, _type, _context, _x, index) => (index === 0 ? { ret: 1, out: data } : 0),
      free: null,
      addArgument: null,
      parse: (_ssl: SSL, _type, _context, asked) => (asked.length === 0 ? 1 : { ret: 0, al: DECODE_ERROR }),
      parseArgument: null,
    })
    if (added === 0) {
      SSLerr(null, 'INVALID_SERVERINFO_DATA', FILE)
      return 0
    }
  }
  return 1
}
const DECODE_ERROR = 50

/** `version`: SSL_SERVERINFOV1 or V2, of which the second says for each extension where it belongs (SSL_EXT_ bits). */
export const SSL_CTX_use_serverinfo_ex = (ctx: SSL_CTX, version: number, serverinfo: Uint8Array | null): 0 | 1 => {
  held(ctx)
  if (serverinfo === null || serverinfo.length === 0) {
    ERR_put_error(ERR_LIB_SSL, 0, ERR_R_PASSED_NULL_PARAMETER, FILE, 0)
    return 0
  }
  const known = version === SSL_SERVERINFOV1 || version === SSL_SERVERINFOV2
  const entries = known ? parsed(version, serverinfo) : undefined
  if (entries) return use(ctx, entries)
  SSLerr(null, 'INVALID_SERVERINFO_DATA', FILE)
  return 0
}
/** The same in the first form: extensions of TLS 1.2. */
export const SSL_CTX_use_serverinfo = (ctx: SSL_CTX, serverinfo: Uint8Array | null): 0 | 1 =>
  SSL_CTX_use_serverinfo_ex(ctx, SSL_SERVERINFOV1, serverinfo)
/** The blocks `SERVERINFO FOR …` and `SERVERINFOV2 FOR …` of a PEM file. */
export const SSL_CTX_use_serverinfo_file = (ctx: SSL_CTX, file: string): 0 | 1 => {
  held(ctx)
  const data = fileOf(file)
  if (!data) return 0
  try {
    const entries = readPem(latin1(data)).flatMap(({ label, bytes }) => {
      const form = /^SERVERINFO(V2)? FOR /.exec(label)
      if (!form) throw new PemError('another kind of block')
      return parsed(form[1] ? SSL_SERVERINFOV2 : SSL_SERVERINFOV1, bytes) ?? []
    })
    if (entries.length > 0) return use(ctx, entries)
    SSLerr(null, 'NO_PEM_EXTENSIONS', FILE)
  } catch (error) {
    if (!(error instanceof PemError)) throw error
    SSLerr(null, 'PEM_NAME_BAD_PREFIX', FILE)
  }
  return 0
}

const FILE = 'openssl/serverinfo.ts'
