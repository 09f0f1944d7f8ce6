import { Buffer } from 'node:buffer'
import type { X509Certificate } from 'node:crypto'
import type { Duplex } from 'node:stream'
import type { PeerCertificate } from 'node:tls'
import type { Config } from '../config.ts'
import { Misuse } from '../errors.ts'
import { encodeSession } from '../session/session.ts'
import { runSync } from '../task.ts'
import type { TraceEvent } from '../trace.ts'
import {
  authorization,
  type CipherFacts,
  cipherFacts,
  type KeyExchangeFacts,
  keyExchangeFacts,
  keyLogLine,
  knownChain,
  legacyCertificate,
  protocolName,
  sharedSchemes,
  x509Of,
} from './about.ts'
import { misuse } from './codes.ts'
import { Driver, type Plan } from './driver.ts'

/** The members of a net.Socket that a transport may have. */
interface SocketLike {
  readonly connecting?: boolean
  readonly remoteAddress?: string
  readonly remoteFamily?: string
  readonly remotePort?: number
  readonly localAddress?: string
  readonly localFamily?: string
  readonly localPort?: number
  readonly bytesRead?: number
  readonly bytesWritten?: number
  address?(): object
  ref?(): unknown
  unref?(): unknown
  setNoDelay?(on?: boolean): unknown
  setKeepAlive?(on?: boolean, delay?: number): unknown
}

/** What a stream needs to know of itself to speak. */
export interface StreamPlan extends Omit<Plan, 'config'> {
  readonly config: (stream: SecureStream) => Config
}

/**
 * TLS over any Node stream, with everything that programs ask a TLSSocket. Events: `secure`, and at a client
 * `secureConnect`, when the handshake is over; `session`, `keylog`, `OCSPResponse`, `timeout`, and those of a Duplex.
 */
export class SecureStream extends Driver {
  readonly encrypted: true = true
  /** Whether the peer's certificate is good, and for whom it should be. */
  authorized = false
  /** Why it is not, as node:tls names it. */
  authorizationError: string | null = null
  /** The protocol agreed on; `false` for none, `null` until that is known. */
  alpnProtocol: string | false | null = null
  /** Server: the name that was asked for; `false` for none. Client: the one we asked for. */
  servername: string | false | null = null
  /** Milliseconds of `setTimeout`; 0 for none. */
  timeout = 0
  #config: Config | undefined
  #idle: NodeJS.Timeout | undefined

  constructor(transport: Duplex, plan: StreamPlan) {
    super(transport, {
      ...plan,
      config: () => {
        this.#config = plan.config(this)
        return this.#config
      },
    })
    for (const event of ['connect', 'ready', 'lookup'])
      if (this.#socket.connecting) transport.once(event, (...values: unknown[]) => void this.emit(event, ...values))
  }

  /** Another config than that of the beginning holds: the hello has led to it. */
  adopt(config: Config): void {
    this.#config = config
  }

  /** The handshake is not over. */
  get secureConnecting(): boolean {
    return this.handshaking && !this.destroyed
  }

  // ---- what was established

  getProtocol(): string | null {
    return protocolName(this.facts)
  }

  getCipher(): CipherFacts | undefined {
    return cipherFacts(this.facts)
  }

  /** Type, name and bits of the key exchange, on either end; empty where no group was agreed on. */
  getEphemeralKeyInfo(): KeyExchangeFacts {
    return keyExchangeFacts(this.facts)
  }

  getSharedSigalgs(): string[] {
    return sharedSchemes(this.facts)
  }

  /** The peer's certificate, with its issuers where `detailed`; empty when it showed none, `null` once destroyed. */
  getPeerCertificate(detailed = false): PeerCertificate | null {
    if (this.destroyed) return null
    const chain = detailed ? knownChain(this.facts) : (this.facts.peerChain ?? []).slice(0, 1)
    return legacyCertificate(chain, detailed)
  }

  getPeerX509Certificate(): X509Certificate | undefined {
    const leaf = this.facts.peerChain?.[0]
    return leaf && x509Of(leaf.raw)
  }

  /** Our own certificate. */
  getCertificate(): PeerCertificate | null {
    return (this.getX509Certificate()?.toLegacyObject() ?? {}) as PeerCertificate
  }

  getX509Certificate(): X509Certificate | undefined {
    const own = this.facts.identity?.chain[0]
    return own && x509Of(own)
  }

  /** The session as bytes, for the option `session` of a later connection. In TLS 1.3 there is none before a ticket came. */
  getSession(): Buffer | undefined {
    const { session } = this.facts
    return session && Buffer.from(encodeSession(session))
  }

  getTLSTicket(): Buffer | undefined {
    const ticket = this.facts.session?.ticket
    return ticket?.length ? Buffer.from(ticket) : undefined
  }

  isSessionReused(): boolean {
    return this.facts.resumed
  }

  /** Keying material for another protocol (RFC 5705, RFC 9846 section 7.5). */
  exportKeyingMaterial(length: number, label: string, context?: Uint8Array): Buffer {
    const { exporter } = this.facts
    if (!exporter || this.handshaking)
      throw misuse('ERR_TLS_INVALID_STATE', 'keying material can be exported once the handshake is over')
    return Buffer.from(runSync(exporter(label, context, length)))
  }

  /** The verify_data of our Finished message: `tls-unique` of TLS 1.2 (RFC 5929) is that of whoever spoke first. */
  getFinished(): Buffer | undefined {
    const { ourFinished } = this.facts
    return ourFinished && Buffer.from(ourFinished)
  }

  getPeerFinished(): Buffer | undefined {
    const { peerFinished } = this.facts
    return peerFinished && Buffer.from(peerFinished)
  }

  // ---- what can be asked of it

  /** Draws new keys for what we send, and perhaps asks the peer for the same (TLS 1.3). */
  updateKeys(requestUpdate = false): void {
    this.connection.ask({ kind: 'keyUpdate', requestUpdate })
    this.turn()
  }

  /** TLS 1.3 has none, and we answer none in TLS 1.2. */
  renegotiate(_options: unknown, callback?: (error: Error | null) => void): boolean {
    const error = misuse('ERR_TLS_RENEGOTIATION_DISABLED', 'renegotiation is not supported; connect anew')
    if (callback) process.nextTick(callback, error)
    return false
  }

  disableRenegotiation(): void {}

  /** The largest plaintext of a record that is sent from now on, 512 to 16384 bytes; `false`, and nothing changes, for any other. */
  setMaxSendFragment(size = 16384): boolean {
    if (!(size >= 512 && size <= 16384)) return false
    this.gather.most = Math.trunc(size)
    return true
  }

  enableTrace(): void {
    throw new Misuse('enableTrace is not here; give `config: { trace }`, which is told every record and message')
  }

  // ---- what a socket can be asked

  get #socket(): SocketLike {
    return this.transport as SocketLike
  }

  get connecting(): boolean {
    return this.#socket.connecting ?? false
  }
  get pending(): boolean {
    return this.connecting
  }
  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress
  }
  get remoteFamily(): string | undefined {
    return this.#socket.remoteFamily
  }
  get remotePort(): number | undefined {
    return this.#socket.remotePort
  }
  get localAddress(): string | undefined {
    return this.#socket.localAddress
  }
  get localFamily(): string | undefined {
    return this.#socket.localFamily
  }
  get localPort(): number | undefined {
    return this.#socket.localPort
  }
  /** On the wire. */
  get bytesRead(): number {
    return this.#socket.bytesRead ?? 0
  }
  get bytesWritten(): number {
    return this.#socket.bytesWritten ?? 0
  }
  address(): object {
    return this.#socket.address?.() ?? {}
  }
  get readyState(): 'opening' | 'open' | 'readOnly' | 'writeOnly' | 'closed' {
    if (this.connecting) return 'opening'
    if (this.readable) return this.writable ? 'open' : 'readOnly'
    return this.writable ? 'writeOnly' : 'closed'
  }
  get bufferSize(): number {
    return this.writableLength
  }

  /** It is connected already, and says so: for drivers that connect the socket that they were given. */
  connect(): this {
    setImmediate(() => {
      if (!this.destroyed) this.emit('connect')
    })
    return this
  }
  setNoDelay(on?: boolean): this {
    this.#socket.setNoDelay?.(on)
    return this
  }
  setKeepAlive(on?: boolean, delay?: number): this {
    this.#socket.setKeepAlive?.(on, delay)
    return this
  }
  ref(): this {
    this.#socket.ref?.()
    return this
  }
  unref(): this {
    this.#socket.unref?.()
    return this
  }

  /** Emits `timeout` when nothing has come or gone for so many milliseconds; 0 for never. Closing is the listener's business. */
  setTimeout(milliseconds: number, listener?: () => void): this {
    if (!(milliseconds >= 0) || !Number.isFinite(milliseconds))
      throw misuse('ERR_OUT_OF_RANGE', `a timeout is a number of milliseconds from 0 on, not ${milliseconds}`)
    clearTimeout(this.#idle)
    this.#idle = undefined
    this.timeout = milliseconds
    if (milliseconds === 0) {
      if (listener) this.off('timeout', listener)
      return this
    }
    if (listener) this.once('timeout', listener)
    if (!this.destroyed) {
      this.#idle = setTimeout(() => void this.emit('timeout'), milliseconds)
      this.#idle.unref()
    }
    return this
  }

  destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', () => this.destroy())
  }

  resetAndDestroy(): this {
    this.reset()
    return this
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#idle)
    super._destroy(error, done)
  }

  // ---- what the driver tells

  protected override active(): void {
    this.#idle?.refresh()
  }

  protected override opened(): void {
    const { facts } = this
    const { authorized, error } = authorization(facts, this.#config?.clientAuth !== 'none')
    this.authorized = authorized
    this.authorizationError = error
    this.alpnProtocol = facts.alpn ?? false
    this.servername = facts.serverName ?? false
    if (facts.role === 'client' && this.#config?.ocsp)
      this.emit('OCSPResponse', facts.ocsp ? Buffer.from(facts.ocsp) : null)
    this.emit('secure')
    if (facts.role === 'client') this.emit('secureConnect')
  }
}

/** Tells the secrets of a connection as lines of a key log. */
export const keyLogTo =
  (tell: (line: Buffer) => void) =>
  (event: TraceEvent): void => {
    if (event.event === 'secret') tell(keyLogLine(event.label, event.clientRandom, event.secret))
  }
