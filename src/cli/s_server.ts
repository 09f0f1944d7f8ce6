import { setMaxListeners } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type BIO,
  BIO_do_accept,
  BIO_free,
  BIO_get_accept_name,
  BIO_get_accept_port,
  BIO_new_accept,
  BIO_pop,
  BIO_set_nbio_accept,
  BIO_should_retry,
  BIO_wait,
  ERR_clear_error,
  EVP_PKEY,
  OPENSSL_NPN_NEGOTIATED,
  type SSL,
  type SSL_CTX,
  SSL_CTX_free,
  SSL_CTX_load_verify_locations,
  SSL_CTX_new,
  SSL_CTX_set_alpn_select_cb,
  SSL_CTX_set_client_CA_list,
  SSL_CTX_set_num_tickets,
  SSL_CTX_set_session_id_context,
  SSL_CTX_set_verify,
  SSL_CTX_set_verify_depth,
  SSL_CTX_use_certificate,
  SSL_CTX_use_PrivateKey,
  SSL_free,
  SSL_KEY_UPDATE_NOT_REQUESTED,
  SSL_KEY_UPDATE_REQUESTED,
  SSL_key_update,
  SSL_load_client_CA_file,
  SSL_new,
  SSL_select_next_proto,
  SSL_set_accept_state,
  SSL_set_bio,
  SSL_TLSEXT_ERR_ALERT_FATAL,
  SSL_TLSEXT_ERR_OK,
  SSL_VERIFY_CLIENT_ONCE,
  SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
  SSL_VERIFY_PEER,
  TLS_server_method,
  X509_of,
} from '../openssl/index.ts'
import { Failure, sentence } from './failure.ts'
import { LOCAL_NAMES, makeIdentity } from './identity.ts'
import { Input } from './input.ts'
import { Link, TlsFailure } from './link.ts'
import { type Chosen, flag, number, parseOptions, parsePlace, row } from './options.ts'
import { replyReversed, replyWithPage } from './replies.ts'
import { serverReport, verifyLines } from './report.ts'
import { alpnWire, applyCertificate, applyShared, lastError, sharedRows, trustSystem } from './settings.ts'
import { type Io, put } from './terminal.ts'

const rows = {
  accept: row('port', 'port to listen on, or host:port; 0 takes any free one (4433)', (given) =>
    parsePlace(given, 'port', '4433'),
  ),
  naccept: number('count', 'end after so many connections', 1, 1_000_000_000),
  ...sharedRows,
  verify: number('depth', 'ask clients for a certificate, report what is wrong and go on', 0, 100),
  Verify: number('depth', 'require a certificate that verifies', 0, 100),
  num_tickets: number('count', 'tickets after a handshake of TLS 1.3 (2)', 0, 100),
  www: { ...flag('answer GET with a page about the connection', 'rev') },
  rev: { ...flag('send every line back, reversed', 'www') },
}
type Options = Chosen<typeof rows>

/** Milliseconds for a client's handshake, and for its close_notify. */
const HANDSHAKE = 60_000
const PATIENCE = 1500

/** `typetls s_server`: serves until `-naccept` connections are over, input ends or says "Q", or it is interrupted. */
export const sServer = async (io: Io, args: readonly string[]): Promise<number> => {
  const summary =
    'Serves TLS; what is typed is sent. A line "Q" ends it, "q" closes a connection, "K" and "k" update keys.'
  const given = parseOptions({ name: 's_server', summary, rows }, args)
  if (typeof given === 'string') {
    await put(io.stdout, given)
    return 0
  }
  const server = new Server(io, given.options)
  try {
    await server.run()
    return 0
  } finally {
    server.free()
  }
}

class Server {
  readonly #io: Io
  readonly #options: Options
  readonly #ctx: SSL_CTX
  readonly #input: Input
  /** Aborted: no further connection is taken. */
  readonly #listening = new AbortController()
  /** Aborted: the connections that are left are dropped. */
  readonly #over = new AbortController()
  /** Connections whose handshake is over. */
  readonly #links = new Set<Link>()
  /** Those that a typist may speak to, the newest last. */
  readonly #open: Link[] = []
  #opened = (): void => {}
  #typing = false
  #folder: string | undefined

  constructor(io: Io, options: Options) {
    this.#io = io
    this.#options = options
    this.#input = new Input(io.stdin)
    this.#ctx = SSL_CTX_new(TLS_server_method()) as SSL_CTX
    for (const { signal } of [this.#listening, this.#over]) setMaxListeners(0, signal)
    io.interrupted().addEventListener('abort', () => this.#end(), { once: true })
  }

  free(): void {
    this.#input.stop()
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true })
    SSL_CTX_free(this.#ctx)
  }

  async run(): Promise<void> {
    await this.#configure()
    const listener = await this.#listen()
    const connections = new Set<Promise<void>>()
    try {
      for (let left = this.#options.naccept ?? Number.POSITIVE_INFINITY; left > 0; left--) {
        const bio = await this.#next(listener)
        if (bio === null) break
        const connection = this.#serve(bio).finally(() => connections.delete(connection))
        connections.add(connection)
      }
    } finally {
      BIO_free(listener)
    }
    await Promise.all(connections)
  }

  async #listen(): Promise<BIO> {
    const { accept = { host: undefined, port: '4433' } } = this.#options
    const host = accept.host?.includes(':') ? `[${accept.host}]` : (accept.host ?? '*')
    const listener = BIO_new_accept(`${host}:${accept.port}`)
    if (listener === null) throw new Failure(`-accept: ${lastError()}`)
    BIO_set_nbio_accept(listener, 1)
    await this.#next(listener, 'bind')
    const name = BIO_get_accept_name(listener) ?? ''
    await this.#say(`ACCEPT ${name.includes(':') ? `[${name}]` : name}:${BIO_get_accept_port(listener)}\n`)
    return listener
  }

  /** The next connection; null when there shall be none, or when only the port was to be bound. */
  async #next(listener: BIO, what: 'bind' | 'connection' = 'connection'): Promise<BIO | null> {
    const { signal } = this.#listening
    for (;;) {
      ERR_clear_error()
      if (BIO_do_accept(listener) === 1) return what === 'bind' ? null : BIO_pop(listener)
      if (!BIO_should_retry(listener)) throw new Failure(`no connection can be taken: ${lastError()}`)
      try {
        await BIO_wait(listener, 'accept', { signal })
      } catch (error) {
        if (signal.aborted) return null
        throw error
      }
    }
  }

  async #serve(bio: BIO): Promise<void> {
    const ssl = SSL_new(this.#ctx) as SSL
    SSL_set_bio(ssl, bio, bio)
    SSL_set_accept_state(ssl)
    const link = new Link(ssl)
    const { signal } = this.#over
    try {
      await link.handshake(AbortSignal.any([signal, AbortSignal.timeout(HANDSHAKE)]))
      this.#links.add(link)
      await this.#say(serverReport(ssl))
      if (this.#options.www) await replyWithPage(link, signal)
      else if (this.#options.rev) await replyReversed(link, signal)
      else await this.#converse(link, signal)
      await link.end(signal)
      await this.#drain(link)
      await this.#say('DONE\nshutting down SSL\nCONNECTION CLOSED\n')
    } catch (error) {
      if (!signal.aborted)
        this.#tell(`ERROR\n${[sentence(error), ...(error instanceof TlsFailure ? error.codes : [])].join('\n')}\n`)
    } finally {
      this.#links.delete(link)
      SSL_free(ssl)
    }
  }

  /** Prints what comes; what is typed goes out by `#type`. */
  async #converse(link: Link, signal: AbortSignal): Promise<void> {
    this.#open.push(link)
    this.#opened()
    if (!this.#typing) {
      this.#typing = true
      this.#type().catch((error: unknown) => this.#tell(`${sentence(error)}\n`))
    }
    try {
      for (let data = await link.read(signal); data !== undefined; data = await link.read(signal)) {
        await put(this.#io.stdout, data)
      }
    } finally {
      this.#open.splice(this.#open.indexOf(link), 1)
    }
  }

  /** Input is read from the first connection on, for whichever connection is the newest. */
  async #type(): Promise<void> {
    const { quiet } = this.#options
    for await (const piece of this.#input.pieces(quiet ? '' : 'QqKk')) {
      if ('letter' in piece && piece.letter === 'Q') break
      const link = await this.#newest()
      try {
        if (!('letter' in piece)) await link.write(piece)
        else if (piece.letter === 'q') await link.end()
        else await this.#updateKeys(link, piece.letter === 'K')
      } catch {
        // whoever reads from it meets the same end, and tells
      }
    }
    if (!quiet) this.#end()
  }

  async #newest(): Promise<Link> {
    for (;;) {
      const link = this.#open.at(-1)
      if (link) return link
      await new Promise<void>((resolve) => {
        this.#opened = resolve
      })
    }
  }

  async #updateKeys(link: Link, asks: boolean): Promise<void> {
    ERR_clear_error()
    if (SSL_key_update(link.ssl, asks ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED) !== 1) {
      this.#tell(`keys cannot be updated: ${lastError()}\n`)
    } else await link.turn()
  }

  /** Waits for the client's close_notify, which it need not send. */
  async #drain(link: Link): Promise<void> {
    const signal = AbortSignal.any([this.#over.signal, AbortSignal.timeout(PATIENCE)])
    try {
      while ((await link.read(signal)) !== undefined);
    } catch {
      // after our close_notify it owes us nothing
    }
  }

  /** No new connections; those that stand are closed, and dropped if that takes too long. */
  #end(): void {
    this.#listening.abort()
    for (const link of this.#links) link.end().catch(() => {})
    setTimeout(() => this.#over.abort(), PATIENCE).unref()
  }

  async #configure(): Promise<void> {
    const ctx = this.#ctx
    const options = this.#options
    applyShared(ctx, options, this.#io.env)
    if (options.cert !== undefined || options.key !== undefined) applyCertificate(ctx, options)
    else await this.#useOwnCertificate()
    const { alpn, CAfile = null, num_tickets: tickets } = options
    if (alpn) SSL_CTX_set_alpn_select_cb(ctx, (_ssl, offered) => chooseAlpn(alpnWire(alpn), offered), null)
    if (tickets !== undefined) SSL_CTX_set_num_tickets(ctx, tickets)
    SSL_CTX_set_session_id_context(ctx, new TextEncoder().encode('typetls s_server'))
    ERR_clear_error()
    if (CAfile !== null && SSL_CTX_load_verify_locations(ctx, CAfile, null) !== 1) {
      throw new Failure(`-CAfile: no certificates could be loaded from ${CAfile}: ${lastError()}`)
    }
    const depth = options.Verify ?? options.verify
    if (depth === undefined) return
    const strict = options.Verify !== undefined
    if (CAfile === null) trustSystem(ctx)
    else SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(CAfile) ?? [])
    const mode = SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE | (strict ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0)
    SSL_CTX_set_verify(ctx, mode, (ok, store) => {
      if (!options.quiet || ok === 0) this.#tell(verifyLines(store, ok))
      return strict ? ok : 1
    })
    SSL_CTX_set_verify_depth(ctx, depth)
    await this.#say(`verify depth is ${depth}${strict ? ', must return a certificate' : ''}\n`)
  }

  /** Without `-cert`: one of our own making, whose authority is written where clients can be told to trust it. */
  async #useOwnCertificate(): Promise<void> {
    const { ca, leaf, key, caPem } = await makeIdentity()
    this.#folder = mkdtempSync(join(tmpdir(), 'typetls-'))
    const file = join(this.#folder, 'ca.pem')
    writeFileSync(file, caPem)
    SSL_CTX_use_certificate(this.#ctx, X509_of(leaf))
    SSL_CTX_use_PrivateKey(this.#ctx, new EVP_PKEY(key))
    const whom = `-CAfile ${file} (${ca.subject}, gone when this server ends)`
    this.#tell(`no -cert, so a certificate was made for ${LOCAL_NAMES.join(', ')}; clients trust it with ${whom}\n`)
  }

  #tell(line: string): void {
    void put(this.#io.stderr, line)
  }

  async #say(line: string): Promise<void> {
    if (!this.#options.quiet) await put(this.#io.stdout, line)
  }
}

/** Our order decides; with nothing in common the handshake ends with no_application_protocol (RFC 7301 section 3.2). */
const chooseAlpn = (ours: Uint8Array, offered: Uint8Array): number | { ret: number; selected: Uint8Array } => {
  const { ret, out } = SSL_select_next_proto(ours, offered)
  return ret === OPENSSL_NPN_NEGOTIATED ? { ret: SSL_TLSEXT_ERR_OK, selected: out } : SSL_TLSEXT_ERR_ALERT_FATAL
}
