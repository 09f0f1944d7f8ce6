import { isIP } from 'node:net'
import { setTimeout as after } from 'node:timers/promises'
import type { Facts } from '../facts.ts'
import {
  type BIO,
  BIO_do_accept,
  BIO_free,
  BIO_get_accept_port,
  BIO_new_accept,
  BIO_pop,
  BIO_set_nbio_accept,
  BIO_should_retry,
  BIO_wait,
  EVP_PKEY,
  type SSL,
  type SSL_CTX,
  SSL_CTX_free,
  SSL_CTX_get_cert_store,
  SSL_CTX_load_verify_locations,
  SSL_CTX_new,
  SSL_CTX_set_alpn_protos,
  SSL_CTX_set_alpn_select_cb,
  SSL_CTX_set_msg_callback,
  SSL_CTX_set_verify,
  SSL_CTX_use_certificate,
  SSL_CTX_use_PrivateKey,
  SSL_free,
  SSL_get_shutdown,
  SSL_new,
  SSL_RECEIVED_SHUTDOWN,
  SSL_SENT_SHUTDOWN,
  SSL_set_accept_state,
  SSL_set_bio,
  SSL_set_connect_state,
  SSL_set_tlsext_host_name,
  SSL_set1_host,
  SSL_TLSEXT_ERR_OK,
  SSL_VERIFY_PEER,
  TLS_client_method,
  TLS_server_method,
  X509_of,
  X509_STORE_add_cert,
} from '../openssl/index.ts'
import { type Certificate, generalNameText, keyText } from '../x509/index.ts'
import { connectTo, placeText } from './connect.ts'
import { Failure } from './failure.ts'
import { makeIdentity, type OwnIdentity } from './identity.ts'
import { Link, TlsFailure } from './link.ts'
import { BadValue, type Place, parseOptions, parsePlace, text } from './options.ts'
import { alpnWire, lastError, trustSystem } from './settings.ts'
import { tell } from './story.ts'
import { type Io, type Paint, painter, printable, put } from './terminal.ts'

const ALPN = 'typetls-demo'

/** Milliseconds for everything up to the end of the handshake, and for the first line of somebody else's server. */
export interface Patience {
  readonly handshake: number
  readonly answer: number
}
const usual: Patience = { handshake: 15_000, answer: 3_000 }

/**
 * `npm start`: a TLS connection that tells what happens. Without a place, between our client and our server, which is made
 * on the spot; with one, to the server that is there, trusted by the system's authorities or those of `-CAfile`. 0 if all
 * went well; throws `Failure` otherwise.
 */
export const demo = async (io: Io, args: readonly string[], patience: Patience = usual): Promise<number> => {
  const given = parseOptions(
    {
      name: 'demo',
      summary:
        'Shows a handshake message by message: of our client with our own server, or with the server at host:port.',
      argument: { value: 'host:port', help: 'a TLS server, trusted by the authorities of this system' },
      rows: { CAfile: text('file', 'certificates to trust instead, PEM') },
    },
    args,
  )
  if (typeof given === 'string') {
    await put(io.stdout, given)
    return 0
  }
  const teller = new Teller(io)
  if (given.argument !== undefined) await visit(teller, target(given.argument), given.options.CAfile, patience)
  else if (given.options.CAfile !== undefined)
    throw new Failure('demo: -CAfile says whom to trust, so host:port must say where to connect')
  else await atHome(teller, patience)
  return 0
}

const target = (given: string): Place => {
  try {
    const place = parsePlace(given, 'host', '443')
    if (place.host !== undefined) return place
  } catch (error) {
    if (!(error instanceof BadValue)) throw error
  }
  throw new Failure(`demo: "${given}" is no place to connect to; write host:port, with an IPv6 address in brackets`)
}

// ---- our client and our server

const atHome = async (teller: Teller, patience: Patience): Promise<void> => {
  const identity = await makeIdentity()
  const server = await serve(identity)
  const place = { host: '127.0.0.1', port: server.port }
  await teller.line(`Our client and our server, over TCP on ${placeText(place)}`)
  const ctx = clientContext(teller)
  X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), X509_of(identity.ca))
  SSL_CTX_set_alpn_protos(ctx, alpnWire([ALPN]))
  try {
    const link = await greet(teller, ctx, place, 'localhost', patience)
    try {
      await say(link, teller, 'Hello from the client')
      await teller.data('in', await lineFrom(link))
      await link.end()
      await drained(link)
      await farewell(teller, link.ssl)
    } finally {
      SSL_free(link.ssl)
    }
    const heard = await server.done
    if (heard !== 'Hello from the client')
      throw new Failure(`the server heard "${heard}", which the client did not say`)
  } finally {
    server.close()
    SSL_CTX_free(ctx)
  }
}

interface Home {
  readonly port: string
  /** What the client said, once the connection is closed. */
  readonly done: Promise<string>
  close(): void
}

/** A server for one connection: it hears a line, says one, and closes when it is closed. */
const serve = async (identity: OwnIdentity): Promise<Home> => {
  const ctx = SSL_CTX_new(TLS_server_method()) as SSL_CTX
  SSL_CTX_use_certificate(ctx, X509_of(identity.leaf))
  SSL_CTX_use_PrivateKey(ctx, new EVP_PKEY(identity.key))
  SSL_CTX_set_alpn_select_cb(ctx, () => ({ ret: SSL_TLSEXT_ERR_OK, selected: alpnWire([ALPN]).subarray(1) }), null)
  const listener = BIO_new_accept('127.0.0.1:0') as BIO
  BIO_set_nbio_accept(listener, 1)
  await accepted(listener)
  const done = (async () => {
    await accepted(listener)
    const bio = BIO_pop(listener)
    const ssl = SSL_new(ctx) as SSL
    SSL_set_bio(ssl, bio, bio)
    SSL_set_accept_state(ssl)
    const link = new Link(ssl)
    try {
      await link.handshake()
      const heard = await lineFrom(link)
      await link.write(new TextEncoder().encode('Hello from the server\n'))
      await drained(link)
      await link.end()
      return heard
    } finally {
      SSL_free(ssl)
      SSL_CTX_free(ctx)
    }
  })()
  done.catch(() => {}) // the client meets the same end and tells of it
  return { port: BIO_get_accept_port(listener) as string, done, close: () => void BIO_free(listener) }
}

/** The next step of an accept BIO: the first binds, each later one has a connection. */
const accepted = async (listener: BIO): Promise<void> => {
  while (BIO_do_accept(listener) !== 1) {
    if (!BIO_should_retry(listener)) throw new Failure(`no server could be started: ${lastError()}`)
    await BIO_wait(listener, 'accept')
  }
}

// ---- our client and somebody's server

const visit = async (teller: Teller, place: Place, file: string | undefined, patience: Patience): Promise<void> => {
  const ctx = clientContext(teller)
  const host = place.host as string
  try {
    if (file === undefined) trustSystem(ctx)
    else if (SSL_CTX_load_verify_locations(ctx, file, null) !== 1) {
      throw new Failure(`no certificates could be loaded from ${file}: ${lastError()}`)
    }
    await teller.line(`Our client and the server at ${placeText(place)}`)
    const link = await greet(teller, ctx, place, host, patience)
    try {
      await say(link, teller, `GET / HTTP/1.0\r\nHost: ${host}\r\n\r\n`)
      const answer = await Promise.race([lineFrom(link), after(patience.answer, 'late' as const, { ref: false })])
      if (answer === 'late')
        await teller.line(`no answer within ${patience.answer / 1000} s; it may speak another protocol than HTTP`)
      else await teller.data('in', answer)
      await link.end()
      await Promise.race([drained(link).catch(() => {}), after(patience.answer, undefined, { ref: false })])
      await farewell(teller, link.ssl)
    } finally {
      SSL_free(link.ssl)
    }
  } finally {
    SSL_CTX_free(ctx)
  }
}

// ---- what both have in common

const clientContext = (teller: Teller): SSL_CTX => {
  const ctx = SSL_CTX_new(TLS_client_method()) as SSL_CTX
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, null)
  SSL_CTX_set_msg_callback(ctx, (write, version, type, bytes) => teller.message(write === 1, version, type, bytes))
  return ctx
}

/** Connects, shakes hands, and tells what came of it. */
const greet = async (teller: Teller, ctx: SSL_CTX, place: Place, name: string, patience: Patience): Promise<Link> => {
  const signal = AbortSignal.timeout(patience.handshake)
  const bio = await connectTo(place, signal)
  const ssl = SSL_new(ctx) as SSL
  SSL_set_bio(ssl, bio, bio)
  SSL_set_connect_state(ssl)
  if (isIP(name) === 0) SSL_set_tlsext_host_name(ssl, name)
  SSL_set1_host(ssl, name)
  const link = new Link(ssl)
  const start = performance.now()
  try {
    await teller.line('')
    await link.handshake(signal)
    await teller.line('')
    await teller.facts(ssl.connection?.facts as Facts, performance.now() - start)
    return link
  } catch (error) {
    const chain = ssl.connection?.facts.peerChain
    SSL_free(ssl)
    throw new Failure(
      `${placeText(place)}: ${error instanceof TlsFailure ? withNames(error, chain, name) : (error as Error).message}`,
    )
  }
}

const HOST_MISMATCH = 62
const IP_MISMATCH = 64

/** A wrong name is best explained by the right ones. */
const withNames = (error: TlsFailure, chain: readonly Certificate[] | undefined, name: string): string => {
  if (error.verdict !== HOST_MISMATCH && error.verdict !== IP_MISMATCH) return error.message
  const names = chain?.[0]?.known.subjectAltName?.map((one) => printable(generalNameText(one))) ?? []
  const shown = names.length > 8 ? [...names.slice(0, 8), `${names.length - 8} more`] : names
  return `${error.message}; it is not for ${name} but for ${shown.join(', ') || 'nobody by name'}`
}

const say = async (link: Link, teller: Teller, what: string): Promise<void> => {
  await link.write(new TextEncoder().encode(what.endsWith('\n') ? what : `${what}\n`))
  await teller.data('out', what.split(/\r?\n/)[0] as string)
}

/** The first line of what comes, without its end. */
const lineFrom = async (link: Link): Promise<string> => {
  let line = ''
  for (let data = await link.read(); data !== undefined; data = await link.read()) {
    line += String.fromCharCode(...data.subarray(0, 512))
    if (line.includes('\n') || line.length >= 512) break
  }
  return line.split(/\r?\n/)[0] as string
}

/** Reads until the peer has closed. */
const drained = async (link: Link): Promise<void> => {
  while ((await link.read()) !== undefined);
}

const farewell = async (teller: Teller, ssl: SSL): Promise<void> => {
  const both = SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN
  const ways = SSL_get_shutdown(ssl) === both ? 'by both sides' : 'by us; the server did not answer our close_notify'
  await teller.line('')
  await teller.line(`closed ${ways}`)
}

/** Tells it line by line. */
class Teller {
  readonly #io: Io
  readonly #paint: Paint

  constructor(io: Io) {
    this.#io = io
    this.#paint = painter(io.colors)
  }

  line(text: string): Promise<void> {
    return put(this.#io.stdout, `${text}\n`)
  }

  /** What a message callback is told. */
  message(out: boolean, version: number, contentType: number, bytes: Uint8Array): void {
    const told = tell(version, contentType, bytes)
    if (told) void this.#row(out, told.name, told.length, told.facts)
  }

  data(way: 'in' | 'out', line: string): Promise<void> {
    return this.#row(way === 'out', 'data', undefined, `"${printable(line)}"`)
  }

  #row(out: boolean, name: string, length: number | undefined, facts: string): Promise<void> {
    const paint = this.#paint
    const who = out ? paint('cyan', 'client → server') : paint('magenta', 'client ← server')
    const size = length === undefined ? '' : `${length} ${length === 1 ? 'byte ' : 'bytes'}`
    return this.line(
      `  ${who}  ${paint('bold', name.padEnd(19))} ${size.padStart(11)}  ${facts && paint('dim', facts)}`.trimEnd(),
    )
  }

  async facts(facts: Facts, milliseconds: number): Promise<void> {
    const { version, suite, group, peerScheme, alpn, peerChain = [], verified, resumed } = facts
    const rows: [name: string, value: string][] = [
      ['version', `TLS 1.${(version ?? 0) - 0x0301}${resumed ? ', resumed' : ''}`],
      ['cipher suite', suite?.name ?? 'none'],
      ['group', group?.openssl ?? 'none'],
      ['signature scheme', peerScheme?.name ?? 'none'],
      ['ALPN', alpn === undefined ? 'none' : printable(alpn)],
      ...peerChain.map((one, depth): [string, string] => [
        depth === 0 ? 'peer chain' : '',
        certificateText(one, depth),
      ]),
      ['verification', verificationText(verified)],
      ['time', `${milliseconds.toFixed(1)} ms`],
    ]
    for (const [name, value] of rows) await this.line(`  ${this.#paint('bold', name.padEnd(17))} ${value}`)
    await this.line('')
  }
}

const certificateText = (one: Certificate, depth: number): string => {
  const until = new Date(one.notAfter).toISOString().slice(0, 10)
  return `${depth}  ${printable(one.subject.toString()) || 'no subject'} (${keyText(one.key)}; until ${until}; by ${printable(one.issuer.toString())})`
}

const verificationText = (verified: Facts['verified']): string => {
  if (verified?.code !== 0) return 'not verified'
  const anchor = printable(verified.chain.at(-1)?.subject.toString() ?? '')
  return `ok: trusted through "${anchor}", and good for "${printable(verified.name ?? '')}"`
}
