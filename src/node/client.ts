import { Buffer } from 'node:buffer'
import { connect as connectTcp, isIP, type NetConnectOpts } from 'node:net'
import { Duplex } from 'node:stream'
import type { PeerCertificate } from 'node:tls'
import type { CertificateQuestion, Config, ConfigInput, Identity } from '../config.ts'
import { decodeSession, encodeSession } from '../session/session.ts'
import { after, type Maybe } from '../task.ts'
import { type ProtocolOptions, protocolsOf } from './alpn.ts'
import { Choices, pskOf } from './choices.ts'
import { misuse, NO_NAME } from './codes.ts'
import { type ContextOptions, contextOf, type SecureContext } from './context.ts'
import type { StreamOptions } from './driver.ts'
import { type IdentityOptions, identitiesOf } from './keys.ts'
import type { ServerOptions } from './server.ts'
import { keyLogTo, SecureStream, type StreamPlan } from './stream.ts'

/** What a client is told besides. Names are those of node:tls. */
export interface ClientOptions extends ContextOptions, ProtocolOptions, StreamOptions {
  readonly host?: string | undefined
  readonly port?: number | string | undefined
  /** A Unix socket. */
  readonly path?: string | undefined
  /** The stream to use instead of a connection of our own. */
  readonly socket?: Duplex | undefined
  /** The name that the server must prove to be, and is told; `host` by default. */
  readonly servername?: string | undefined
  readonly secureContext?: SecureContext | undefined
  /** `false`: a bad certificate is told by `authorized` and `authorizationError`, and the connection stands. */
  readonly rejectUnauthorized?: boolean | undefined
  /** Compares names instead of us, and answers with an error where they do not fit. */
  readonly checkServerIdentity?: ((name: string, certificate: PeerCertificate) => Error | undefined) | undefined
  /** A session of an earlier connection, from the event `session` or `getSession`. */
  readonly session?: Uint8Array | undefined
  /** Asks for a stapled OCSP response; the event `OCSPResponse` tells it. */
  readonly requestOCSP?: boolean | undefined
  readonly pskCallback?:
    | ((hint: string | null) => { readonly psk: Uint8Array; readonly identity: string } | null | undefined)
    | undefined
  /** Asked for our certificate and key when the server wants one: it may depend on the server's name and on whom it trusts. */
  readonly certificate?: ((question: CertificateQuestion) => Maybe<IdentityOptions | undefined>) | undefined
  /** Bits below which ffdhe groups are refused: there are none below 2048. */
  readonly minDHSize?: number | undefined
  /** Idle milliseconds after which `timeout` is emitted. */
  readonly timeout?: number | undefined
  /**
   * Sent before the server has answered, where `session` allows it, and again after the handshake where the server
   * refused it. Anybody who hears it may send it again, so it must be harmless twice.
   */
  readonly earlyData?: Uint8Array | undefined
}

/** Options of the TCP connection (node:net) that are passed on. */
export type ConnectOptions = ClientOptions & Omit<Partial<NetConnectOpts>, keyof ClientOptions>

/** Whom the certificate must be for. Without a name nothing would be proved, so there must be one, or somebody who decides. */
export const nameOf = (options: ClientOptions): string | undefined => {
  const { servername, host, verify, checkServerIdentity, pskCallback, rejectUnauthorized, config } = options
  const name = servername || host || config?.peerName
  const decided = verify || checkServerIdentity || pskCallback || rejectUnauthorized === false || config?.verifier
  if (!name && !decided)
    throw misuse(
      NO_NAME,
      'there is no name that the certificate should be for; give `servername` (or `host`), or decide yourself with `checkServerIdentity` or `verify`',
    )
  return name?.replace(/\.$/, '')
}

const clientConfig = (options: ClientOptions, context: SecureContext, stream: SecureStream): Config => {
  const { servername, checkServerIdentity, session, pskCallback, certificate } = options
  const name = nameOf(options)
  const alpn = protocolsOf(options)
  const resumed = session && decodeSession(session)
  if (session && !resumed)
    throw misuse('ERR_INVALID_ARG_VALUE', '`session` is none of ours; take it from the event `session` or `getSession`')
  const more: Partial<ConfigInput> = {
    ...(name !== undefined && { peerName: name }),
    // RFC 6066 3: literal addresses are not sent; an empty name asks for none to be sent
    ...(name !== undefined && isIP(name) === 0 && servername !== '' && { serverName: name }),
    ...(alpn && { alpn }),
    ...(resumed && { session: resumed }),
    ...(options.earlyData && { earlyData: options.earlyData.length }),
    ...(options.requestOCSP && { ocsp: true }),
    ...(pskCallback && { psk: (hint) => clientPsk(pskCallback, hint) }),
    ...(certificate && { certificate: (question) => asIdentities(certificate(question)) }),
    ...(stream.listenerCount('keylog') > 0 && { trace: keyLogTo((line) => void stream.emit('keylog', line)) }),
    onSession: (given) => {
      if (stream.listenerCount('session') > 0) stream.emit('session', Buffer.from(encodeSession(given)))
    },
  }
  return context.config({ tolerant: options.rejectUnauthorized === false, checkName: checkServerIdentity }, more)
}

const asIdentities = (answer: Maybe<IdentityOptions | undefined>): Maybe<readonly Identity[]> => {
  const loaded = (given: IdentityOptions | undefined): readonly Identity[] =>
    given ? identitiesOf(given).identities : []
  return after(answer, loaded)
}

const clientPsk = (callback: NonNullable<ClientOptions['pskCallback']>, hint: Uint8Array | undefined) => {
  const answer = callback(hint ? Buffer.from(hint).toString('utf8') : null)
  return answer ? pskOf(answer.psk, Buffer.from(answer.identity)) : undefined
}

const planOf = (options: StreamOptions, promised: boolean) => {
  const { first, allowLeftover, allowHalfOpen, highWaterMark, handshakeTimeout, dynamicRecordSizing, signal } = options
  return { first, allowLeftover, allowHalfOpen, highWaterMark, handshakeTimeout, dynamicRecordSizing, signal, promised }
}

/** What a client's stream is to be. `promised`: nobody needs to listen to errors of the handshake. */
export const clientPlan = (options: ClientOptions, promised: boolean): StreamPlan => {
  const context = options.secureContext ?? contextOf(options)
  return {
    ...planOf(options, promised),
    role: 'client',
    config: (own) => clientConfig(options, context, own),
    earlyData: options.earlyData,
  }
}

/** What a server's stream is to be. */
export const serverPlan = (options: ServerOptions & StreamOptions, promised: boolean): StreamPlan => {
  const choices = new Choices(options)
  return {
    ...planOf(options, promised),
    role: 'server',
    config: (own) => choices.config(own),
    mayHandOver: choices.mayHandOver,
  }
}

/** The transport that options name: a stream that is there, or a connection of our own. */
export const transportOf = (options: ConnectOptions): Duplex => {
  if (options.socket) return options.socket
  const { path, port, host = 'localhost' } = options
  if (path === undefined && port === undefined)
    throw misuse('ERR_MISSING_ARGS', 'there is nothing to connect to; give `port` (with `host`), `path` or `socket`')
  const { timeout, signal, ...rest } = options as NetConnectOpts & ClientOptions
  const to = path === undefined ? { ...rest, host, port: Number(port) } : { ...rest, path }
  return connectTcp({ noDelay: true, ...to, allowHalfOpen: true } as NetConnectOpts)
}

/**
 * Connects by TCP (or over `socket`) and shakes hands. Rejects with a `TlsError`, an `AlertReceived`, or the error of the
 * socket, each with a `code`. The certificate must be good for `servername`, which is `host` by default.
 */
export const connect = async (options: ConnectOptions): Promise<SecureStream> => {
  const { socket, path, host = socket || path ? undefined : 'localhost' } = options
  const named = { ...options, ...(host !== undefined && { host }) }
  // mistakes are told before anything is opened
  nameOf(named)
  const plan = clientPlan(named, true)
  const stream = new SecureStream(transportOf(options), plan)
  if (options.timeout) stream.setTimeout(options.timeout)
  return await stream.secured
}

/** A stream of Node's, or a pair of the web's. */
export type Transport = Duplex | { readonly readable: ReadableStream; readonly writable: WritableStream }

const duplexOf = (transport: Transport): Duplex =>
  'pipe' in transport ? transport : Duplex.fromWeb(transport as Parameters<typeof Duplex.fromWeb>[0])

export type SecureOptions =
  | (ClientOptions & { readonly isServer?: false | undefined })
  | (ServerOptions & StreamOptions & { readonly isServer: true })

/**
 * TLS over any stream that is open already: a socket, a pair in memory, a tunnel, another TLS. A client unless `isServer`.
 * Rejects with why there is no connection, and leaves nothing of it behind then.
 */
export function secure(transport: Transport, options: SecureOptions): Promise<SecureStream>
/** The same, with the role in front. */
export function secure(
  role: 'client' | 'server',
  transport: Transport,
  options: ClientOptions | (ServerOptions & StreamOptions),
): Promise<SecureStream>
export async function secure(...given: unknown[]): Promise<SecureStream> {
  const [role, transport, options = {}] = (
    typeof given[0] === 'string'
      ? given
      : [(given[1] as SecureOptions | undefined)?.isServer ? 'server' : 'client', ...given]
  ) as ['client' | 'server', Transport, (ClientOptions & ServerOptions) | undefined]
  if (role === 'client') nameOf(options)
  const plan = role === 'server' ? serverPlan(options, true) : clientPlan(options, true)
  return await new SecureStream(duplexOf(transport), plan).secured
}
