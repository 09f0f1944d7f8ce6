import { Buffer } from 'node:buffer'
import { Socket } from 'node:net'
import { Duplex, PassThrough } from 'node:stream'
import type { PeerCertificate } from 'node:tls'
import * as native from 'node:tls'
import { suites } from '../crypto/suites.ts'
import { defaultCipherList, defaultCiphersuites } from '../openssl/ciphers.ts'
import { type ConnectOptions, clientPlan, nameOf, serverPlan, transportOf } from './client.ts'
import { misuse } from './codes.ts'
import { SecureContext as Context, type ContextOptions } from './context.ts'
import type { StreamOptions } from './driver.ts'
import { identityError } from './identity.ts'
import { SecureServer, type ServerOptions } from './server.ts'
import { SecureStream, type StreamPlan } from './stream.ts'

/**
 * The shape of `node:tls`, so that a bundler's alias or a loader can put this in its place: its names, arguments, events and
 * error codes, over our TLS. What is not here throws, and says so.
 */

export const CLIENT_RENEG_LIMIT = 3
export const CLIENT_RENEG_WINDOW = 600
export const DEFAULT_CIPHERS: string = [...defaultCiphersuites, ...defaultCipherList]
  .map(({ openssl }) => openssl)
  .join(':')
export const DEFAULT_ECDH_CURVE = 'auto'
export const DEFAULT_MIN_VERSION = 'TLSv1.2'
export const DEFAULT_MAX_VERSION = 'TLSv1.3'

/** Those of the runtime, as PEM. */
export const { rootCertificates } = native

/** Names of the suites there are, in lower case. */
export const getCiphers = (): string[] => suites.map(({ openssl }) => openssl.toLowerCase()).sort()

/** Certificates of the runtime, or of its system, as PEM: `default`, `bundled`, `system` or `extra`. */
export const getCACertificates = (kind = 'default'): string[] => {
  const { getCACertificates: given } = native as { getCACertificates?: (kind: string) => string[] }
  if (given) return given(kind)
  if (kind === 'default' || kind === 'bundled') return [...rootCertificates]
  throw misuse(
    'ERR_INVALID_ARG_VALUE',
    `this runtime does not tell certificates of the kind "${kind}"; it has "bundled"`,
  )
}

/** Certificates are neither sent nor taken compressed (RFC 8879). */
export const getCertificateCompressionAlgorithms = (): string[] => []

export const setDefaultCACertificates = (_certificates: readonly string[]): void => {
  throw misuse(
    'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM',
    'there are no default certificates to set; give `ca` to each connection',
  )
}

/** node:tls's wire form, put on the options that are given. */
export const convertALPNProtocols = (
  protocols: readonly (string | Uint8Array)[] | Uint8Array,
  out: { ALPNProtocols?: Uint8Array },
): void => {
  if (protocols instanceof Uint8Array) {
    out.ALPNProtocols = Buffer.from(protocols)
    return
  }
  const pieces = protocols.map((name) => Buffer.from(name as string))
  for (const piece of pieces)
    if (piece.length > 255) throw misuse('ERR_OUT_OF_RANGE', 'a protocol in `ALPNProtocols` has more than 255 bytes')
  out.ALPNProtocols = Buffer.concat(pieces.flatMap((piece) => [Buffer.of(piece.length), piece]))
}

/** An error with the code ERR_TLS_CERT_ALTNAME_INVALID when the certificate is not for this host. */
export const checkServerIdentity = (hostname: string, certificate: PeerCertificate): Error | undefined =>
  identityError(hostname, certificate)

// ---- contexts

/** As node:tls has it: callable with and without `new`, and with a property `context`. */
export class SecureContext extends Context {
  get context(): this {
    return this
  }
}
export const createSecureContext = (options: ContextOptions = {}): SecureContext => new SecureContext(options)

export const createSecurePair = (): never => {
  throw misuse('ERR_METHOD_NOT_IMPLEMENTED', 'createSecurePair is not here; use a TLSSocket over a stream')
}

// ---- sockets

export interface TLSSocketOptions extends ConnectOptions, Omit<ServerOptions, keyof ConnectOptions> {
  readonly isServer?: boolean | undefined
  readonly server?: unknown
}

/** TLS over a stream, at once and without a promise: errors are told by the event `error`. */
export class TLSSocket extends SecureStream {
  readonly isServer: boolean
  /** What some programs look for behind a TLSSocket. */
  get _handle(): object | null {
    return this.destroyed ? null : { _parentWrap: parentWrap() }
  }
  get ssl(): object | null {
    return this._handle
  }
  get _tlsOptions(): object {
    return {}
  }

  constructor(socket?: Duplex, options: TLSSocketOptions | StreamPlan = {}) {
    const over = socket ?? new Socket({ allowHalfOpen: true })
    if (socket !== undefined && !(socket instanceof Duplex) && typeof (socket as Duplex).on !== 'function')
      throw misuse('ERR_INVALID_ARG_TYPE', 'a TLSSocket is made over a stream')
    super(over, isPlan(options) ? options : planFor(options))
    this.isServer = isPlan(options) ? options.role === 'server' : options.isServer === true
  }

  /** Begins the handshake of a client, which otherwise its first write does. */
  _start(): void {
    this.begin()
  }
}

const isPlan = (options: TLSSocketOptions | StreamPlan): options is StreamPlan => 'role' in options

/** For a socket that somebody makes by hand. A client's waits for its first write, and wants to know whom to verify by then. */
const planFor = (options: TLSSocketOptions): StreamPlan =>
  options.isServer
    ? serverPlan(options as ServerOptions & StreamOptions, false)
    : { ...clientPlan(options, false), later: true }

let wrapped: object | undefined
/** http2-wrapper looks up the class by which the runtime wraps streams, at the moment it is imported. */
const parentWrap = (): object => {
  if (!wrapped) {
    try {
      const socket = new native.TLSSocket(new PassThrough() as never) as unknown as { _handle: { _parentWrap: object } }
      wrapped = socket._handle._parentWrap
    } catch {
      // a runtime that has no such class
      wrapped = {}
    }
  }
  return wrapped
}

type Listener = () => void

/** `connect(options)`, `connect(port, host, options)`, `connect(path, options)`, each with a listener for `secureConnect` behind. */
export const connect = (...args: unknown[]): TLSSocket => {
  const listener = typeof args.at(-1) === 'function' ? (args.pop() as Listener) : undefined
  const options: Record<string, unknown> = {}
  const [first, second] = args
  if (typeof first === 'number' || (typeof first === 'string' && /^\d+$/.test(first))) {
    options['port'] = Number(first)
    if (typeof second === 'string') options['host'] = second
  } else if (typeof first === 'string') options['path'] = first
  for (const given of args) if (typeof given === 'object' && given !== null) Object.assign(options, given)
  return socketFor(options as TLSSocketOptions, listener)
}

const socketFor = (options: TLSSocketOptions, listener: Listener | undefined): TLSSocket => {
  const { socket, path, host = socket || path ? undefined : 'localhost' } = options
  const named = { ...options, ...(host !== undefined && { host }) }
  nameOf(named)
  const plan = clientPlan(named, false)
  const stream = new TLSSocket(transportOf(options), plan)
  if (options.timeout) stream.setTimeout(options.timeout)
  if (listener) stream.once('secureConnect', listener)
  return stream
}

// ---- servers

/** node:tls's Server: its connections are TLSSockets in all but name. */
export class Server extends SecureServer {
  constructor(
    options: ServerOptions | ((socket: SecureStream) => void) = {},
    listener?: (socket: SecureStream) => void,
  ) {
    if (typeof options === 'function') super({}, options)
    else super(options, listener)
  }
}

export const createServer = (
  options: ServerOptions | ((socket: SecureStream) => void) = {},
  listener?: (socket: SecureStream) => void,
): Server => new Server(options, listener)

const names = {
  CLIENT_RENEG_LIMIT,
  CLIENT_RENEG_WINDOW,
  DEFAULT_CIPHERS,
  DEFAULT_ECDH_CURVE,
  DEFAULT_MAX_VERSION,
  DEFAULT_MIN_VERSION,
  SecureContext,
  Server,
  TLSSocket,
  checkServerIdentity,
  connect,
  convertALPNProtocols,
  createSecureContext,
  createSecurePair,
  createServer,
  getCACertificates,
  getCertificateCompressionAlgorithms,
  getCiphers,
  rootCertificates,
  setDefaultCACertificates,
}
export default names
