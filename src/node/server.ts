import { Buffer } from 'node:buffer'
import { Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Config } from '../config.ts'
import type { Sessions } from '../session/session.ts'
import type { Maybe } from '../task.ts'
import type { ProtocolOptions } from './alpn.ts'
import { Choices } from './choices.ts'
import { type Coded, misuse } from './codes.ts'
import type { ContextOptions, SecureContext } from './context.ts'
import type { StreamOptions } from './driver.ts'
import type { ClientHello, HelloAnswer } from './hello.ts'
import { paced } from './pace.ts'
import { SecureStream } from './stream.ts'
import { TICKET_KEYS, ticketsOfKeys } from './ticket-keys.ts'

/** What a server is told: everything that its contexts have in common, and whom it asks. Names are those of node:tls. */
export interface ServerOptions
  extends ContextOptions,
    ProtocolOptions,
    Omit<StreamOptions, 'first' | 'allowLeftover' | 'signal'> {
  readonly secureContext?: SecureContext | undefined
  /**
   * Decides once the whole ClientHello is there and before anything was chosen or said; the answer may come late. See
   * `HelloAnswer`. What it throws ends the handshake with internal_error.
   */
  readonly onClientHello?: ((hello: ClientHello, stream: SecureStream) => Maybe<HelloAnswer>) | undefined
  /** The context for a name, by callback or as the promise that is returned; none goes on with the usual one. */
  readonly SNICallback?:
    | ((name: string, done: (error: Error | null, context?: SecureContext | ContextOptions) => void) => unknown)
    | undefined
  /** The protocol for these offers; `undefined` ends the handshake with no_application_protocol. */
  readonly ALPNCallback?:
    | ((question: { servername: string; protocols: string[] }) => Maybe<string | undefined>)
    | undefined
  /** An OCSP response (DER) to staple, for clients that want one; leaf and issuer are DER. Nothing staples none. */
  readonly ocsp?:
    | ((leaf: Uint8Array, issuer: Uint8Array | undefined) => Maybe<Uint8Array | null | undefined>)
    | undefined
  readonly pskCallback?:
    | ((stream: SecureStream, identity: string) => Uint8Array | { psk: Uint8Array } | null | undefined)
    | undefined
  readonly pskIdentityHint?: string | undefined
  /** Where sessions of TLS 1.2 are kept by id, for clients that take no tickets. */
  readonly sessions?: Sessions | undefined
  readonly noDelay?: boolean | undefined
  readonly keepAlive?: boolean | undefined
  readonly keepAliveInitialDelay?: number | undefined
  /** Ends the server, and handshakes that are under way. */
  readonly signal?: AbortSignal | undefined
}

/** `Config.clientAuth` under another name: node:tls has two booleans for it. */
export type ClientAuth = Config['clientAuth']

const quiet = (): void => {}

/**
 * A TCP server whose connections shake hands first. Events: `secureConnection` (stream) for those that succeed,
 * `tlsClientError` (error, stream) for those that fail, `keylog`, `newSession`, `resumeSession`, `OCSPRequest`.
 */
export class SecureServer extends Server {
  readonly #choices: Choices
  readonly #options: ServerOptions
  readonly #shaking = new Set<SecureStream>()
  #ticketKeys: Buffer | undefined

  constructor(options: ServerOptions = {}, listener?: (stream: SecureStream) => void) {
    const { noDelay = true, keepAlive, keepAliveInitialDelay, signal } = options
    super({
      allowHalfOpen: true,
      noDelay,
      ...(keepAlive !== undefined && { keepAlive }),
      ...(keepAliveInitialDelay !== undefined && { keepAliveInitialDelay }),
    })
    this.#options = options
    this.#choices = new Choices(options, this)
    if (listener) this.on('secureConnection', listener)
    this.on('connection', (transport: Socket) => {
      // the system hands over all that wait at once
      transport.on('error', quiet)
      paced(() => void (signal?.aborted ? transport.destroy() : this.#accept(transport)))
    })
    const abort = (): void => {
      this.close()
      for (const stream of this.#shaking) stream.destroy(signal?.reason)
    }
    if (signal?.aborted) queueMicrotask(abort)
    else signal?.addEventListener('abort', abort, { once: true })
    this.once('close', () => signal?.removeEventListener('abort', abort))
  }

  /** The context of clients that ask for no name of `addContext`. */
  get secureContext(): SecureContext {
    return this.#choices.context
  }

  /** From now on new clients meet this context. Connections that are open keep theirs, and tickets stay good. */
  setSecureContext(given: SecureContext | ContextOptions): void {
    this.#choices.replace(given)
    const { ticketKeys } = this.#choices.context.options
    if (ticketKeys) this.setTicketKeys(ticketKeys)
  }

  /** Clients that ask for this name meet this context; the last one for a name counts. `*.example.org` stands for one label. */
  addContext(name: string, given: SecureContext | ContextOptions): void {
    if (typeof name !== 'string' || name === '')
      throw misuse('ERR_TLS_REQUIRED_SERVER_NAME', 'a context is added for a name; give it first')
    this.#choices.add(name, given)
  }

  /** 48 bytes: the first 16 name the keys. Tickets under earlier ones are not taken any more. */
  setTicketKeys(keys: Uint8Array): void {
    this.#choices.tickets = ticketsOfKeys(keys)
    this.#ticketKeys = Buffer.from(keys)
  }

  getTicketKeys(): Buffer {
    if (!this.#ticketKeys) {
      // so far tickets were sealed by keys that change; from now on by one that can be told
      this.setTicketKeys(crypto.getRandomValues(new Uint8Array(TICKET_KEYS)))
    }
    return Buffer.from(this.#ticketKeys as Buffer)
  }

  #accept(transport: Duplex): SecureStream {
    const { allowHalfOpen, highWaterMark, handshakeTimeout, dynamicRecordSizing } = this.#options
    const stream = new SecureStream(transport, {
      role: 'server',
      config: (own) => this.#choices.config(own),
      mayHandOver: this.#choices.mayHandOver,
      // nothing was said in the clear before, so what waits is the hello, or no TLS
      allowLeftover: true,
      allowHalfOpen,
      highWaterMark,
      handshakeTimeout,
      dynamicRecordSizing,
    })
    this.#shaking.add(stream)
    let open = false
    stream.once('secure', () => {
      open = true
      this.#shaking.delete(stream)
      this.emit('secureConnection', stream)
    })
    // a client must not be able to end the program: afterwards errors are for those who listen
    stream.on('error', (error: Coded) => {
      if (open || error.code === 'ERR_TLS_PASSED_THROUGH' || error.code === 'ERR_TLS_RESET') return
      this.emit('tlsClientError', error, stream)
    })
    stream.once('close', () => this.#shaking.delete(stream))
    return stream
  }
}

/** A server for TLS over TCP; `listener` gets the connections whose handshake has succeeded. */
export const createServer = (options: ServerOptions = {}, listener?: (stream: SecureStream) => void): SecureServer =>
  new SecureServer(options, listener)
