import { node } from '../../src/crypto/node/index.ts'
import type { KeyKind, PrivateKey } from '../../src/crypto/provider.ts'
import * as o from '../../src/openssl/index.ts'
import { type Certificate, type CertificateRecipe, makeCertificate } from '../../src/x509/index.ts'
import { lateKey, lateProvider } from '../late.ts'

/**
 * A client and a server under libssl's names in one process, as the C programs had them whose observations the rows of
 * these tests are: joined by memory BIOs that say "retry" when empty, default contexts, test certificates.
 */

export interface Pair {
  readonly cctx: o.SSL_CTX
  readonly sctx: o.SSL_CTX
  readonly client: o.SSL
  readonly server: o.SSL
  /** What the client reads and the server writes. */
  readonly toClient: o.BIO
  readonly toServer: o.BIO
}

export interface Wishes {
  readonly version?: number
  readonly late?: boolean
  /** Which certificate the server has: `leaf` by default. */
  readonly identity?: keyof Materials | null
  readonly cctx?: (ctx: o.SSL_CTX) => void
  readonly sctx?: (ctx: o.SSL_CTX) => void
  readonly client?: (ssl: o.SSL) => void
  readonly server?: (ssl: o.SSL) => void
  /** Methods instead of TLS_method. */
  readonly methods?: readonly [client: o.SSL_METHOD, server: o.SSL_METHOD]
  /** A BIO pair with buffers of that size (0: the usual) instead of memory BIOs. */
  readonly pair?: number
}

/** A certificate with its key and those above it. */
export interface Issued {
  readonly certificate: Certificate
  readonly key: PrivateKey
  readonly above: readonly Certificate[]
}

export type Materials = Awaited<ReturnType<typeof make>>

const DAY = 86_400_000

const make = async () => {
  const now = Date.now()
  const issue = async (
    name: string,
    kind: KeyKind,
    issuer: Issued | undefined,
    more: Partial<CertificateRecipe> = {},
  ): Promise<Issued> => {
    const key = await node.generate(kind)
    const certificate = await makeCertificate(
      {
        subject: { CN: name },
        key,
        signer: issuer?.key ?? key,
        notBefore: now - DAY,
        ...(issuer && { issuer: issuer.certificate }),
        ...more,
      },
      node,
    )
    return {
      certificate,
      key,
      above:
        issuer && issuer.above.length > 0 ? [issuer.certificate, ...issuer.above] : issuer ? [issuer.certificate] : [],
    }
  }
  const root = await issue('Root', 'P-256', undefined, { ca: true })
  const middle = await issue('Middle', 'P-256', root, { ca: true })
  const names = { san: ['server.example', '*.wild.example'] }
  return {
    root,
    middle,
    leaf: await issue('Leaf', 'P-256', middle, names),
    rsa: await issue('RSA', 'rsa-2048', middle, names),
    expired: await issue('Expired', 'P-256', middle, { ...names, notBefore: now - 3 * DAY, notAfter: now - DAY }),
    clientOnly: await issue('Client', 'P-256', middle, { ...names, extKeyUsage: ['clientAuth'] }),
    selfSigned: await issue('Self', 'P-256', undefined, names),
  }
}

let made: Promise<Materials> | undefined
/** Made once. */
export const materials = (): Promise<Materials> => (made ??= make())

/** What is sent: without the root. */
export const chainOf = ({ certificate, above }: Issued): Certificate[] => [certificate, ...above.slice(0, -1)]

export const useIdentity = (ctx: o.SSL_CTX, { certificate, key, above }: Issued, late = false): void => {
  o.SSL_CTX_use_certificate(ctx, o.X509_of(certificate))
  o.SSL_CTX_use_PrivateKey(ctx, new o.EVP_PKEY(late ? lateKey(key) : key))
  for (const one of above.slice(0, -1)) o.SSL_CTX_add1_chain_cert(ctx, o.X509_of(one))
}

export const trust = (ctx: o.SSL_CTX, { certificate }: Issued): void => {
  o.X509_STORE_add_cert(o.SSL_CTX_get_cert_store(ctx), o.X509_of(certificate))
}

export const contextFor = (late: boolean, method = o.TLS_method()): o.SSL_CTX =>
  (late ? o.SSL_CTX_new_ex(lateProvider(node), method) : o.SSL_CTX_new(method)) as o.SSL_CTX

/** Both ends, ready to shake hands. */
export const pairOf = async (wishes: Wishes = {}): Promise<Pair> => {
  const { late = false, identity = 'leaf', version } = wishes
  const m = await materials()
  o.ERR_clear_error()
  const cctx = contextFor(late, wishes.methods?.[0])
  const sctx = contextFor(late, wishes.methods?.[1])
  if (version !== undefined) for (const ctx of [cctx, sctx]) o.SSL_CTX_set_max_proto_version(ctx, version)
  if (identity !== null) useIdentity(sctx, m[identity], late)
  wishes.cctx?.(cctx)
  wishes.sctx?.(sctx)
  const pair = { cctx, sctx, ...join(cctx, sctx, wishes.pair) }
  wishes.client?.(pair.client)
  wishes.server?.(pair.server)
  return pair
}

/** Two connections of these contexts, joined. */
export const join = (cctx: o.SSL_CTX, sctx: o.SSL_CTX, size?: number): Omit<Pair, 'cctx' | 'sctx'> => {
  const client = o.SSL_new(cctx) as o.SSL
  const server = o.SSL_new(sctx) as o.SSL
  o.SSL_set_connect_state(client)
  o.SSL_set_accept_state(server)
  if (size !== undefined) {
    const [toClient, toServer] = o.BIO_new_bio_pair(size, size) as [o.BIO, o.BIO]
    o.SSL_set_bio(client, toClient, toClient)
    o.SSL_set_bio(server, toServer, toServer)
    return { client, server, toClient, toServer }
  }
  const toClient = o.BIO_new(o.BIO_s_mem()) as o.BIO
  const toServer = o.BIO_new(o.BIO_s_mem()) as o.BIO
  o.BIO_up_ref(toClient)
  o.BIO_up_ref(toServer)
  o.SSL_set_bio(client, toClient, toServer)
  o.SSL_set_bio(server, toServer, toClient)
  return { client, server, toClient, toServer }
}

/** Calls until no late answer is in the way. What else stops the call is given back. */
export const call = async (ssl: o.SSL, act: () => number): Promise<number> => {
  for (;;) {
    const ret = act()
    if (o.SSL_get_error(ssl, ret) !== o.SSL_ERROR_WANT_ASYNC) return ret
    await o.SSL_wait(ssl)
  }
}

export const handshake = (ssl: o.SSL): Promise<number> => call(ssl, () => o.SSL_do_handshake(ssl))

/** Both ends in turns, client first, until both are done or one has failed. Says how each ended. */
export const shake = async (
  { client, server }: Pick<Pair, 'client' | 'server'>,
  rounds = 10,
): Promise<[string, string]> => {
  let ended: [string, string] = ['', '']
  for (let round = 0; round < rounds; round++) {
    const c = await handshake(client)
    const one = told(client, c)
    const s = await handshake(server)
    const before = ended
    ended = [failed(before[0]) ? before[0] : one, failed(before[1]) ? before[1] : told(server, s)]
    if (ended[0] === '1 NONE' && ended[1] === '1 NONE') break
    if (failed(ended[0]) && failed(ended[1])) break
  }
  return ended
}
const failed = (outcome: string): boolean => outcome !== '' && !/WANT|1 NONE/.test(outcome)

/** A handshake that must succeed. */
export const connected = async (wishes: Wishes = {}): Promise<Pair> => {
  const pair = await pairOf(wishes)
  const ended = await shake(pair)
  if (ended.some((one) => one !== '1 NONE')) throw new Error(`the handshake ended with ${ended.join(' and ')}`)
  return pair
}

const names: Readonly<Record<number, string>> = {
  0: 'NONE',
  1: 'SSL',
  2: 'WANT_READ',
  3: 'WANT_WRITE',
  4: 'WANT_X509_LOOKUP',
  5: 'SYSCALL',
  6: 'ZERO_RETURN',
  7: 'WANT_CONNECT',
  8: 'WANT_ACCEPT',
  9: 'WANT_ASYNC',
  11: 'WANT_CLIENT_HELLO_CB',
}
const libraries: Readonly<Record<number, string>> = {
  2: 'SYS',
  9: 'PEM',
  11: 'X509',
  13: 'ASN1',
  20: 'SSL',
  32: 'BIO',
  128: 'USER',
}

/** What a call came to, as the tables of observations write it; the error queue is empty afterwards. */
export const told = (ssl: o.SSL, ret: number): string => {
  const error = o.SSL_get_error(ssl, ret)
  const bare = o.ERR_peek_error() === 0 && error === o.SSL_ERROR_SYSCALL
  return [`${ret} ${names[error] ?? error}${bare ? ` errno=${o.get_errno()}` : ''}`, ...queue()].join('; ')
}

/** Empties the error queue: `LIBRARY/reason “text”`, and the additional text. */
export const queue = (): string[] => {
  const said: string[] = []
  for (let entry = o.ERR_get_error_line_data(); entry.code !== 0; entry = o.ERR_get_error_line_data()) {
    const library = libraries[o.ERR_GET_LIB(entry.code)] ?? `lib ${o.ERR_GET_LIB(entry.code)}`
    said.push(`${library}/${o.ERR_GET_REASON(entry.code)} “${o.ERR_reason_error_string(entry.code) ?? '?'}”`)
    if (entry.data !== '') said.push(entry.data)
  }
  return said
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Reads what is there of at most `num` bytes: the outcome, and the text if there was one. */
export const read = async (ssl: o.SSL, num = 16384, how: typeof o.SSL_read = o.SSL_read): Promise<string> => {
  // an alert that is sealed late is on its way
  await new Promise((resolve) => setImmediate(resolve))
  const into = new Uint8Array(num)
  const ret = await call(ssl, () => how(ssl, into, num))
  return ret > 0 ? `${told(ssl, ret)} '${new TextDecoder().decode(into.subarray(0, ret))}'` : told(ssl, ret)
}
export const write = async (ssl: o.SSL, text: string): Promise<string> => {
  const data = bytes(text)
  return told(ssl, await call(ssl, () => o.SSL_write(ssl, data)))
}
export const shutdown = async (ssl: o.SSL): Promise<string> => told(ssl, await call(ssl, () => o.SSL_shutdown(ssl)))
