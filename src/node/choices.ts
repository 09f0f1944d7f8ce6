import { Buffer } from 'node:buffer'
import type { EventEmitter } from 'node:events'
import type { Config, ConfigInput, ExternalPsk, HelloFacts, Identity } from '../config.ts'
import { node } from '../crypto/node/index.ts'
import { decodeSession, encodeSession, type Session, type Sessions } from '../session/session.ts'
import { memoryTickets, type Tickets } from '../session/tickets.ts'
import { after, isPromise, type Maybe } from '../task.ts'
import { protocolsOf } from './alpn.ts'
import { coded, misuse } from './codes.ts'
import { type ContextOptions, contextOf, SecureContext } from './context.ts'
import { ClientHello, type HelloAnswer } from './hello.ts'
import type { ServerOptions } from './server.ts'
import { keyLogTo, type SecureStream } from './stream.ts'

const STATUS_REQUEST = 5

/** What a server decides for each client: by which config it goes on, once it has heard the ClientHello. */
export class Choices {
  readonly options: ServerOptions
  /** Who is asked by event: `newSession`, `resumeSession`, `OCSPRequest`, `keylog`. */
  readonly #asked: EventEmitter | undefined
  context: SecureContext
  tickets: Tickets | undefined
  #names: (readonly [pattern: RegExp, context: SecureContext])[] = []
  /** For the clients that nobody is asked about. */
  #usual: Config | undefined

  constructor(options: ServerOptions, asked?: EventEmitter) {
    const { ALPNCallback, ALPNProtocols, alpn, SNICallback, handshakeTimeout } = options
    if (ALPNCallback && (ALPNProtocols || alpn))
      throw misuse('ERR_TLS_ALPN_CALLBACK_WITH_PROTOCOLS', '`ALPNCallback` and `ALPNProtocols` cannot both be given')
    for (const [name, value] of Object.entries({ ALPNCallback, SNICallback, onClientHello: options.onClientHello }))
      if (value !== undefined && typeof value !== 'function')
        throw misuse('ERR_INVALID_ARG_TYPE', `\`${name}\` must be a function`)
    if (handshakeTimeout !== undefined && !(handshakeTimeout >= 0))
      throw misuse('ERR_INVALID_ARG_TYPE', '`handshakeTimeout` must be a number of milliseconds')
    this.options = options
    this.#asked = asked
    this.context = contextOf(options.secureContext ?? options)
    const { tickets, ticketKeys } = this.context.options
    // tickets outlive a change of certificates, so they are the server's and not the context's
    if (tickets === undefined && !ticketKeys) this.tickets = memoryTickets(node)
  }

  /** From now on new clients meet this context; connections that are open keep theirs. */
  replace(given: SecureContext | ContextOptions): void {
    this.context = contextOf(given)
    this.#usual = undefined
  }

  /** Clients that ask for this name meet this context. `*` stands for part of one label. */
  add(name: string, given: SecureContext | ContextOptions): void {
    const pattern = name.replace(/[.+?^$()[\]{}|\\]/g, '\\$&').replace(/\*/g, '[^.]*')
    // what was added last counts
    this.#names.unshift([new RegExp(`^${pattern}$`, 'i'), contextOf(given)])
    this.#usual = undefined
  }

  /** Whether the connection may still be somebody else's when its hello is there. */
  get mayHandOver(): boolean {
    return this.options.onClientHello !== undefined
  }

  /** What a stream begins with. */
  config(stream: SecureStream): Config {
    const { options } = this
    const asks =
      options.onClientHello ||
      options.SNICallback ||
      options.ALPNCallback ||
      options.ocsp ||
      options.pskCallback ||
      this.#names.length > 0 ||
      this.#listened('OCSPRequest', 'keylog', 'newSession', 'resumeSession') ||
      stream.listenerCount('keylog') > 0
    if (!asks) return (this.#usual ??= this.#build(this.context, options, stream))
    return this.#build(this.context, options, stream, undefined, (facts) => this.#decide(facts, stream))
  }

  // ---- once the hello is there

  #decide(facts: HelloFacts, stream: SecureStream): Maybe<Config> {
    const { onClientHello } = this.options
    const heard = heardOf(facts)
    if (!onClientHello) return this.#byName(heard, stream)
    const answer = onClientHello(new ClientHello(facts), stream)
    return isPromise(answer)
      ? answer.then((late) => this.#take(late, heard, stream))
      : this.#take(answer, heard, stream)
  }

  #take(answer: HelloAnswer, heard: Heard, stream: SecureStream): Maybe<Config> {
    if (answer === 'reset') {
      stream.reset()
      return NEVER
    }
    if (answer !== null && typeof answer === 'object' && 'passThrough' in answer) {
      stream.handOver(answer.passThrough)
      return NEVER
    }
    stream.decided()
    if (answer === undefined || answer === null) return this.#byName(heard, stream)
    if (answer instanceof SecureContext) return this.#settle(answer, this.options, stream, heard)
    if (typeof answer !== 'object')
      throw misuse(
        'ERR_INVALID_RETURN_VALUE',
        '`onClientHello` answers with options, a context, { passThrough } or "reset"',
      )
    const options = { ...this.options, ...answer }
    const context = answer.secureContext ?? new SecureContext({ ...this.context.options, ...answer })
    return this.#settle(context, options, stream, heard)
  }

  #byName(heard: Heard, stream: SecureStream): Maybe<Config> {
    const { options } = this
    const { serverName } = heard
    if (serverName === undefined) return this.#settle(this.context, options, stream, heard)
    const { SNICallback } = options
    if (!SNICallback) {
      const named = this.#names.find(([pattern]) => pattern.test(serverName))
      return this.#settle(named?.[1] ?? this.context, options, stream, heard)
    }
    return new Promise<SecureContext | ContextOptions | null | undefined>((resolve, reject) => {
      const answer = SNICallback(serverName, (error, context) => (error ? reject(error) : resolve(context)))
      if (isPromise(answer)) (answer as Promise<SecureContext | undefined>).then(resolve, reject)
    }).then((given) => {
      if (given === undefined || given === null) return this.#settle(this.context, options, stream, heard)
      if (typeof given !== 'object') throw misuse('ERR_TLS_INVALID_CONTEXT', '`SNICallback` answered with no context')
      return this.#settle(contextOf(given), options, stream, heard)
    })
  }

  #settle(context: SecureContext, options: ServerOptions, stream: SecureStream, heard: Heard): Maybe<Config> {
    const done = (staple?: readonly Identity[]): Config => {
      const config = this.#build(context, options, stream, heard, undefined, staple)
      stream.adopt(config)
      return config
    }
    if (!heard.wantsStatus || !(options.ocsp || this.#listened('OCSPRequest'))) return done()
    return Promise.all(context.base.identities?.map((one) => this.#stapled(one, options)) ?? []).then(done)
  }

  async #stapled(identity: Identity, { ocsp }: ServerOptions): Promise<Identity> {
    const [leaf, issuer] = identity.chain
    if (!leaf) return identity
    const response = ocsp
      ? await ocsp(leaf, issuer)
      : await new Promise<Uint8Array | null | undefined>((resolve, reject) => {
          const answered = (error: Error | null, given?: Uint8Array | null): void =>
            error ? reject(error) : resolve(given)
          this.#asked?.emit('OCSPRequest', Buffer.from(leaf), issuer && Buffer.from(issuer), answered)
        })
    return response?.length ? { ...identity, ocsp: new Uint8Array(response) } : identity
  }

  // ---- configs

  #build(
    context: SecureContext,
    options: ServerOptions,
    stream: SecureStream,
    heard?: Heard,
    select?: NonNullable<Config['select']>,
    identities?: readonly Identity[],
  ): Config {
    const own = context.options
    const rejects = (own.rejectUnauthorized ?? options.rejectUnauthorized) !== false
    const requests = own.requestCert ?? options.requestCert
    const clientAuth = own.clientAuth ?? options.clientAuth ?? (requests ? (rejects ? 'require' : 'request') : 'none')
    const { ALPNCallback, pskCallback, pskIdentityHint } = options
    const alpn = protocolsOf(options)
    const sessions = options.sessions ?? this.#sessionsByEvent()
    const more: Partial<ConfigInput> = {
      clientAuth,
      ...(this.tickets &&
        context.base.tickets &&
        own.tickets === undefined &&
        !own.ticketKeys && { tickets: this.tickets }),
      ...(clientAuth !== 'none' && context.authorities && { authorities: context.authorities }),
      ...(alpn && { alpn }),
      ...(ALPNCallback && { selectAlpn: (offered) => chosen(ALPNCallback, stream, heard, offered) }),
      ...(sessions && { sessions }),
      ...(pskCallback && { findPsk: (identity) => pskOf(pskCallback(stream, text(identity)), identity) }),
      ...(pskIdentityHint !== undefined && { pskHint: Buffer.from(pskIdentityHint) }),
      ...(select && { select }),
      ...(identities && { identities }),
      ...this.#keyLog(stream),
    }
    return context.config({ tolerant: !rejects && clientAuth !== 'none' }, more)
  }

  #keyLog(stream: SecureStream): Partial<ConfigInput> {
    if (!this.#listened('keylog') && stream.listenerCount('keylog') === 0) return {}
    const trace = keyLogTo((line) => {
      stream.emit('keylog', line)
      this.#asked?.emit('keylog', line, stream)
    })
    return { trace }
  }

  /** Sessions of TLS 1.2 by id, kept by whoever listens. */
  #sessionsByEvent(): Sessions | undefined {
    if (!this.#listened('newSession', 'resumeSession')) return undefined
    const asked = this.#asked
    const tell = <T>(event: string, ...values: unknown[]): Promise<T | undefined> =>
      new Promise((resolve, reject) => {
        const heard = asked?.emit(event, ...values, (error?: Error | null, answer?: T) =>
          error ? reject(error) : resolve(answer),
        )
        if (!heard) resolve(undefined)
      })
    return {
      async get(id) {
        const data = await tell<Uint8Array | null>('resumeSession', Buffer.from(id, 'hex'))
        return data ? decodeSession(data) : undefined
      },
      async put(id: string, session: Session) {
        await tell('newSession', Buffer.from(id, 'hex'), Buffer.from(encodeSession(session)))
      },
      remove() {},
    }
  }

  #listened(...events: readonly string[]): boolean {
    return events.some((event) => (this.#asked?.listenerCount(event) ?? 0) > 0)
  }
}

/** What is kept of a hello until somebody has answered. */
interface Heard {
  readonly serverName: string | undefined
  readonly wantsStatus: boolean
}
const heardOf = ({ serverName, extensions }: HelloFacts): Heard => ({
  serverName,
  wantsStatus: extensions.some(({ type }) => type === STATUS_REQUEST),
})

/** The connection is no longer ours, and nobody waits for an answer. */
const NEVER = new Promise<never>(() => {})

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')

/** A protocol by the program's choice. None ends the handshake, as does one that the client did not offer. */
const chosen = (
  callback: NonNullable<ServerOptions['ALPNCallback']>,
  stream: SecureStream,
  heard: Heard | undefined,
  offered: readonly string[],
): Maybe<string | false> => {
  const check = (protocol: string | undefined): string | false => {
    if (protocol === undefined) return false
    if (offered.includes(protocol)) return protocol
    throw coded(
      new TypeError(`ALPNCallback chose "${protocol}", which the client did not offer (${offered.join(', ')})`),
      'ERR_TLS_ALPN_CALLBACK_INVALID_RESULT',
    )
  }
  const answer = callback.call(stream, { servername: heard?.serverName ?? '', protocols: [...offered] })
  return after(answer, check)
}

/** A key as node:tls's callbacks give it. */
export const pskOf = (
  answer: Uint8Array | { readonly psk: Uint8Array } | null | undefined,
  identity: Uint8Array,
): ExternalPsk | undefined => {
  if (!answer) return undefined
  const secret = answer instanceof Uint8Array ? answer : answer.psk
  if (!(secret instanceof Uint8Array) || secret.length === 0)
    throw misuse('ERR_INVALID_ARG_TYPE', '`pskCallback` must answer with the key as bytes, or with null')
  return { identity: new Uint8Array(identity), secret: new Uint8Array(secret), hash: 'sha256' }
}
