import { readFileSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import {
  type BIO,
  BIO_free_all,
  BIO_get_fd,
  d2i_SSL_SESSION,
  ERR_clear_error,
  i2d_SSL_SESSION,
  type SSL,
  type SSL_CTX,
  SSL_CTX_free,
  SSL_CTX_load_verify_locations,
  SSL_CTX_new,
  SSL_CTX_sess_set_new_cb,
  SSL_CTX_set_alpn_protos,
  SSL_CTX_set_session_cache_mode,
  SSL_CTX_set_verify,
  SSL_CTX_set_verify_depth,
  SSL_free,
  SSL_get_peer_cert_chain,
  SSL_get_session,
  SSL_get_tlsext_status_ocsp_resp,
  SSL_get_verify_result,
  SSL_get1_session,
  SSL_KEY_UPDATE_NOT_REQUESTED,
  SSL_KEY_UPDATE_REQUESTED,
  SSL_key_update,
  SSL_new,
  SSL_SESS_CACHE_CLIENT,
  SSL_SESS_CACHE_NO_INTERNAL_STORE,
  type SSL_SESSION,
  SSL_SESSION_free,
  SSL_set_bio,
  SSL_set_connect_state,
  SSL_set_session,
  SSL_set_tlsext_host_name,
  SSL_set_tlsext_status_type,
  SSL_set1_host,
  SSL_VERIFY_NONE,
  SSL_VERIFY_PEER,
  SSL_version,
  TLS_client_method,
  TLS1_3_VERSION,
  TLSEXT_STATUSTYPE_ocsp,
} from '../openssl/index.ts'
import { askForTls, protocolNames, StartTlsError } from '../starttls/index.ts'
import type { Certificate } from '../x509/index.ts'
import { readPem, writePem } from '../x509/index.ts'
import { connectTo, plainOver } from './connect.ts'
import { Failure, sentence } from './failure.ts'
import { Input } from './input.ts'
import { Link } from './link.ts'
import { type Chosen, choice, flag, number, parseOptions, parsePlace, row, text } from './options.ts'
import { briefReport, clientReport, ocspReport, sessionReport, verdictLine, verifyLines } from './report.ts'
import {
  alpnWire,
  applyCertificate,
  applyShared,
  applyTracing,
  lastError,
  parsePassword,
  sharedRows,
  trustSystem,
} from './settings.ts'
import { type Io, put } from './terminal.ts'

const rowsFor = (env: Io['env']) => ({
  connect: row('host:port', 'where to connect (localhost:4433)', (given) => parsePlace(given, 'host', '4433')),
  starttls: choice('protocol', `ask for TLS in this protocol first: ${protocolNames.join(' ')}`, protocolNames),
  servername: text('name', 'the name to ask for (SNI); that of -connect when it is no address'),
  noservername: flag('ask for no name', 'servername'),
  ...sharedRows,
  CApath: text('folder', 'certificates to trust, a file for each, named by hash'),
  pass: row('source', 'password of the key: pass:word, file:path or env:variable', parsePassword(env)),
  sigalgs: text('names', 'signature schemes, colon between them'),
  verify: number('depth', 'verify the server, report what is wrong and go on', 0, 100),
  verify_return_error: flag('end with an error when the server cannot be verified'),
  verify_hostname: text('name', 'the name that the certificate must be for'),
  status: flag('ask for a stapled OCSP response, and show it'),
  showcerts: flag('show every certificate of the chain'),
  brief: flag('only the essence of the handshake'),
  ign_eof: flag('go on when input ends, and know no commands'),
  crlf: flag('send CR LF for a line feed'),
  msg: flag('show every message'),
  state: flag('show every state'),
  sess_out: text('file', 'write the session there, PEM'),
  sess_in: text('file', 'resume the session that is there'),
  reconnect: flag('connect five times more, with the same session'),
})
type Options = Chosen<ReturnType<typeof rowsFor>>

/** A second and a bit: the peer need not answer our close_notify, but most do. */
const PATIENCE = 1500
const RECONNECTS = 5

/** `typetls s_client`: 0 when the connection was closed properly. */
export const sClient = async (io: Io, args: readonly string[]): Promise<number> => {
  const summary = 'Connects to a TLS server; what is typed is sent. A line "Q" closes, "K" and "k" update keys.'
  const given = parseOptions({ name: 's_client', summary, rows: rowsFor(io.env) }, args)
  if (typeof given === 'string') {
    await put(io.stdout, given)
    return 0
  }
  const client = new Client(io, given.options)
  try {
    return await client.run()
  } finally {
    client.free()
  }
}

class Client {
  readonly #io: Io
  readonly #options: Options
  readonly #ctx: SSL_CTX
  readonly #hush: boolean
  #session: SSL_SESSION | null = null
  /** The handshake's own report has been printed, so tickets may be shown. */
  #reported = false
  /** Why a session could not be written. */
  #unwritten: unknown

  constructor(io: Io, options: Options) {
    this.#io = io
    this.#options = options
    this.#hush = options.quiet === true || options.brief === true
    this.#ctx = SSL_CTX_new(TLS_client_method()) as SSL_CTX
    this.#configure()
  }

  free(): void {
    SSL_SESSION_free(this.#session)
    SSL_CTX_free(this.#ctx)
  }

  async run(): Promise<number> {
    const { reconnect, sess_in: file } = this.#options
    if (file !== undefined) this.#session = readSession(file)
    for (let left = reconnect ? RECONNECTS : 0; left > 0; left--) {
      const link = await this.#open()
      await this.#close(
        link,
        this.#receive(link, () => {}),
      )
      await this.#say('drop connection and then reconnect\n')
      this.#keep(SSL_get1_session(link.ssl))
      SSL_free(link.ssl)
    }
    const link = await this.#open()
    try {
      await this.#converse(link)
    } finally {
      SSL_free(link.ssl)
    }
    if (this.#unwritten) throw this.#unwritten
    return 0
  }

  /** Connects, asks for TLS where that is needed, shakes hands and reports. */
  async #open(): Promise<Link> {
    const { connect = { host: 'localhost', port: '4433' }, starttls } = this.#options
    const bio = await connectTo(connect)
    await this.#say(`CONNECTED(${Math.max(0, BIO_get_fd(bio)).toString(16).toUpperCase().padStart(8, '0')})\n`)
    if (starttls) {
      try {
        await askForTls(starttls, plainOver(bio), this.#name ?? connect.host ?? 'localhost')
      } catch (error) {
        BIO_free_all(bio)
        throw error instanceof StartTlsError ? new Failure(error.message) : error
      }
    }
    const ssl = this.#prepare(bio)
    const link = new Link(ssl)
    try {
      await link.handshake()
      await this.#report(ssl)
      return link
    } catch (error) {
      SSL_free(ssl)
      throw error
    }
  }

  #prepare(bio: BIO): SSL {
    const { verify_hostname: name, status } = this.#options
    const ssl = SSL_new(this.#ctx) as SSL
    SSL_set_bio(ssl, bio, bio)
    SSL_set_connect_state(ssl)
    if (this.#name !== undefined && SSL_set_tlsext_host_name(ssl, this.#name) !== 1) {
      throw new Failure(`-servername: ${lastError()}`)
    }
    if (name !== undefined) SSL_set1_host(ssl, name)
    if (status) SSL_set_tlsext_status_type(ssl, TLSEXT_STATUSTYPE_ocsp)
    if (this.#session !== null && SSL_set_session(ssl, this.#session) !== 1) {
      throw new Failure(`the session cannot be resumed with these options: ${lastError()}`)
    }
    this.#reported = false
    return ssl
  }

  /** The name to ask for; addresses are never sent (RFC 6066 section 3). */
  get #name(): string | undefined {
    const { servername, noservername, connect } = this.#options
    if (noservername) return undefined
    const host = servername ?? connect?.host ?? 'localhost'
    return servername === undefined && isIP(host) !== 0 ? undefined : host
  }

  #configure(): void {
    const ctx = this.#ctx
    const options = this.#options
    applyShared(ctx, options, this.#io.env)
    applyCertificate(ctx, options)
    applyTracing(ctx, options, (line) => void put(this.#io.stdout, line), this.#tell)
    if (options.alpn) SSL_CTX_set_alpn_protos(ctx, alpnWire(options.alpn))
    const { CAfile = null, CApath = null } = options
    ERR_clear_error()
    if (CAfile === null && CApath === null) trustSystem(ctx)
    else if (SSL_CTX_load_verify_locations(ctx, CAfile, CApath) !== 1) {
      throw new Failure(`-CAfile: no certificates could be loaded from ${CAfile}: ${lastError()}`)
    }
    const strict = options.verify_return_error === true
    const mode = strict || options.verify !== undefined ? SSL_VERIFY_PEER : SSL_VERIFY_NONE
    SSL_CTX_set_verify(ctx, mode, (ok, store) => {
      if (!this.#hush || ok === 0) this.#tell(verifyLines(store, ok))
      return strict ? ok : 1
    })
    if (options.verify !== undefined) SSL_CTX_set_verify_depth(ctx, options.verify)
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE)
    SSL_CTX_sess_set_new_cb(ctx, (ssl, session) => this.#fresh(ssl, session))
  }

  /** A session came: it is written, shown and kept for `-reconnect`. Returns 0, as the reference is not kept. */
  #fresh(ssl: SSL, session: SSL_SESSION): number {
    const { sess_out: file } = this.#options
    try {
      if (file !== undefined) writeSession(file, session)
    } catch (error) {
      this.#unwritten = error // a callback is no place to throw
    }
    if (SSL_version(ssl) >= TLS1_3_VERSION && this.#reported && !this.#hush) {
      const block = sessionReport(session, SSL_get_verify_result(ssl))
      void this.#say(`---\nPost-Handshake New Session Ticket arrived:\n${block}---\n`)
    }
    return 0
  }

  #keep(session: SSL_SESSION | null): void {
    SSL_SESSION_free(this.#session)
    this.#session = session
  }

  async #report(ssl: SSL): Promise<void> {
    const { brief, quiet, showcerts, status } = this.#options
    const chain = (SSL_get_peer_cert_chain(ssl) ?? []).map(({ certificate }): Certificate => certificate)
    if (brief) this.#tell(`CONNECTION ESTABLISHED\n${briefReport(ssl, chain)}`)
    if (status && !quiet) await put(this.#io.stdout, ocspReport(SSL_get_tlsext_status_ocsp_resp(ssl)))
    await this.#say(clientReport(ssl, chain, showcerts === true))
    const session = SSL_get_session(ssl)
    const result = SSL_get_verify_result(ssl)
    // in TLS 1.3 there is no session yet: tickets come later, and are shown when they do
    const told =
      SSL_version(ssl) < TLS1_3_VERSION && session ? sessionReport(session, result) : `${verdictLine(result)}\n`
    await this.#say(`${told}---\n`)
    this.#reported = true
  }

  /** Both ways at once, until one side has enough. */
  async #converse(link: Link): Promise<void> {
    const { stdout } = this.#io
    const input = new Input(this.#io.stdin)
    const received = this.#receive(link, (data) => put(stdout, data))
    received.catch(() => {}) // told below, or when the connection closes
    try {
      const first = await Promise.race([this.#send(link, input), received.then(() => 'closed' as const)])
      if (first === 'closed') {
        await this.#say('closed\n')
        await link.end()
        return
      }
      await this.#close(link, received)
      await this.#say('DONE\n')
    } finally {
      input.stop()
    }
  }

  /** Everything the server sends, until it closes. */
  async #receive(link: Link, take: (data: Uint8Array) => Promise<void> | void): Promise<void> {
    for (let data = await link.read(); data !== undefined; data = await link.read()) await take(data)
  }

  /** Everything that is typed, until there is no more or it says to stop. */
  async #send(link: Link, input: Input): Promise<'enough'> {
    const { ign_eof, quiet, crlf } = this.#options
    const commands = !ign_eof && !quiet
    for await (const piece of input.pieces(commands ? 'QKk' : '')) {
      if (!('letter' in piece)) await link.write(crlf ? withCrLf(piece) : piece)
      else if (piece.letter === 'Q') return 'enough'
      else await this.#updateKeys(link, piece.letter === 'K')
    }
    return commands ? 'enough' : new Promise(() => {})
  }

  async #updateKeys(link: Link, asks: boolean): Promise<void> {
    ERR_clear_error()
    if (SSL_key_update(link.ssl, asks ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED) !== 1) {
      this.#tell(`keys cannot be updated: ${lastError()}\n`)
      return
    }
    this.#tell('KEYUPDATE\n')
    await link.turn()
  }

  /** close_notify both ways; a peer that does not answer ours has some patience and no more. */
  async #close(link: Link, received: Promise<void>): Promise<void> {
    await link.end()
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, PATIENCE)
    })
    // after our close_notify the peer owes us nothing, not even a proper end
    await Promise.race([received.catch(() => {}), late])
    clearTimeout(timer)
  }

  readonly #tell = (line: string): void => void put(this.#io.stderr, line)

  async #say(line: string): Promise<void> {
    if (!this.#hush) await put(this.#io.stdout, line)
  }
}

const SESSION_LABEL = 'SSL SESSION PARAMETERS'

const writeSession = (file: string, session: SSL_SESSION): void => {
  try {
    writeFileSync(file, writePem(SESSION_LABEL, i2d_SSL_SESSION(session)), { mode: 0o600 })
  } catch (error) {
    throw new Failure(`-sess_out: the session cannot be written: ${sentence(error)}`)
  }
}

const readSession = (file: string): SSL_SESSION => {
  try {
    const block = readPem(readFileSync(file)).find(({ label }) => label === SESSION_LABEL)
    const session = block ? d2i_SSL_SESSION(block.bytes) : null
    if (session !== null) return session
  } catch (error) {
    throw new Failure(`-sess_in: no session can be read from ${file}: ${sentence(error)}`)
  }
  throw new Failure(`-sess_in: ${file} holds no session of typetls; write one with -sess_out`)
}

const withCrLf = (bytes: Uint8Array): Uint8Array => {
  const out = new Uint8Array(2 * bytes.length)
  let at = 0
  for (const byte of bytes) {
    if (byte === 0x0a) out[at++] = 0x0d
    out[at++] = byte
  }
  return out.subarray(0, at)
}
