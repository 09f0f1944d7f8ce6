import { connect, type Socket } from 'node:net'
import { concat } from '../bytes/compare.ts'
import { utf8 } from '../bytes/text.ts'
import { type Config, TLS13 } from '../config.ts'
import type { Facts } from '../facts.ts'
import { SecureStream } from '../node/stream.ts'
import { sentence } from './failure.ts'
import { safeRequest } from './proxy-early.ts'
import type { Log } from './proxy-log.ts'
import { type Metrics, reasonOf } from './proxy-metrics.ts'
import {
  type Endpoints,
  endpointsOf,
  PP2_SUBTYPE_SSL_CIPHER,
  PP2_SUBTYPE_SSL_CN,
  PP2_SUBTYPE_SSL_VERSION,
  PP2_TYPE_ALPN,
  PP2_TYPE_AUTHORITY,
  PP2_TYPE_SSL,
  type Tlv,
  writeProxyHeader,
  writeTlv,
} from './proxy-protocol.ts'
import type { ProxySettings } from './proxy-settings.ts'

export interface Surroundings {
  readonly settings: ProxySettings
  readonly config: Config
  readonly log: Log
  readonly metrics: Metrics
}

/** Bytes that wait in each direction when the other side is slow. */
const WAITING = 65_536

/** One client, from its first byte to the end of both connections. */
export class ProxyConnection {
  readonly #around: Surroundings
  readonly #stream: SecureStream
  readonly #endpoints: Endpoints | undefined
  readonly #begun = performance.now()
  readonly #over: () => void
  #backend: Socket | undefined
  /** The handshake is over. */
  #secured = false

  constructor(socket: Socket, around: Surroundings, over: () => void) {
    const { settings, config } = around
    this.#around = around
    this.#over = over
    this.#endpoints = endpointsOf(socket)
    this.#stream = new SecureStream(socket, {
      role: 'server',
      config: () => config,
      allowHalfOpen: true,
      handshakeTimeout: settings.handshakeTimeout,
      highWaterMark: WAITING,
    })
    around.metrics.opened()
    this.#stream.once('secure', () => this.#open())
    this.#stream.once('error', (error: Error) => this.#failed(error))
    this.#stream.once('close', () => this.#ended())
    if (config.earlyData > 0) this.#stream.once('readable', () => this.#early())
  }

  /** Ends both connections at once. */
  destroy(): void {
    this.#stream.destroy()
    this.#backend?.destroy()
  }

  /** Something to read: before the end of the handshake it is early data, of which little may go on at once. */
  #early(): void {
    const stream = this.#stream
    if (this.#secured || stream.destroyed) return
    const early: Buffer | null = stream.read()
    if (!early) return void stream.once('readable', () => this.#early())
    const { alpn } = stream.facts
    const request = alpn === 'http/1.1' ? safeRequest(early) : undefined
    if (!request) return stream.unshift(early)
    // whatever comes next waits for the client's Finished: nobody reads before that
    this.#around.log('debug', 'early request', { client: this.#endpoints?.source })
    this.#dial().write(request)
  }

  #open(): void {
    this.#secured = true
    const stream = this.#stream
    const { facts } = stream
    this.#around.metrics.handshake(facts, (performance.now() - this.#begun) / 1000)
    this.#around.log('debug', 'handshake', told(facts, this.#endpoints))
    const backend = this.#backend ?? this.#dial()
    stream.removeAllListeners('readable')
    stream.pipe(backend)
    backend.pipe(stream)
  }

  #dial(): Socket {
    const { settings, log } = this.#around
    const { host = '127.0.0.1', port } = settings.backend
    const backend = connect({ host, port: Number(port), noDelay: true, allowHalfOpen: true })
    this.#backend = backend
    // all that passes goes through this socket, so its silence is that of both
    let connected = false
    backend.setTimeout(settings.connectTimeout)
    backend.on('timeout', () => {
      if (!connected) this.#unreachable(new Error(`it did not answer within ${settings.connectTimeout} ms`))
      else {
        log('debug', 'idle', { client: this.#endpoints?.source })
        this.destroy()
      }
    })
    backend.once('connect', () => {
      connected = true
      backend.setTimeout(settings.idleTimeout)
    })
    backend.on('error', (error: Error) => {
      if (connected) this.destroy()
      else this.#unreachable(error)
    })
    backend.once('close', (broken: boolean) => {
      if (broken) this.destroy()
    })
    const { proxyProtocol: version } = settings
    if (version)
      backend.write(writeProxyHeader(version, this.#endpoints, version === 2 ? fieldsOf(this.#stream.facts) : []))
    return backend
  }

  #unreachable(error: Error): void {
    const { metrics, log } = this.#around
    metrics.refused('backend')
    log('error', 'backend', { why: sentence(error) })
    this.destroy()
  }

  #failed(error: Error): void {
    const { metrics, log } = this.#around
    metrics.lost(error)
    const event = this.#secured ? 'lost' : 'handshake failed'
    const level = this.#secured ? 'debug' : 'info'
    log(level, event, { client: this.#endpoints?.source, reason: reasonOf(error), why: sentence(error) })
    this.#backend?.destroy()
  }

  #ended(): void {
    const backend = this.#backend
    if (backend && !backend.destroyed) {
      // what the client has sent still goes on, and it has heard all that there was
      if (!backend.writableEnded) backend.end()
      backend.resume()
    }
    this.#around.metrics.closed(backend?.bytesWritten ?? 0, backend?.bytesRead ?? 0)
    this.#over()
  }
}

const told = (facts: Facts, endpoints: Endpoints | undefined): Record<string, unknown> => ({
  client: endpoints?.source,
  version: facts.version === TLS13 ? '1.3' : '1.2',
  suite: facts.suite?.name,
  group: facts.group?.name,
  name: facts.serverName,
  alpn: facts.alpn,
  resumption: facts.resumed ? 'resumed' : (facts.missed ?? 'none offered'),
  ...(facts.earlyData && { earlyData: facts.earlyRefusal ?? facts.earlyData }),
})

/** What version 2 of the PROXY protocol tells of TLS (section 2.2.6): who the client is, where its certificate was checked. */
const fieldsOf = (facts: Facts): readonly Tlv[] => {
  const { alpn, serverName, version, suite, peerChain, resumed } = facts
  const leaf = peerChain?.[0]
  const subject = leaf?.subject.get('CN')
  const inside = [
    { type: PP2_SUBTYPE_SSL_VERSION, value: utf8(version === TLS13 ? 'TLSv1.3' : 'TLSv1.2') },
    ...(suite ? [{ type: PP2_SUBTYPE_SSL_CIPHER, value: utf8(suite.openssl) }] : []),
    ...(subject ? [{ type: PP2_SUBTYPE_SSL_CN, value: utf8(subject) }] : []),
  ].map(writeTlv)
  const shown = leaf ? (resumed ? 4 : 6) : 0
  return [
    ...(alpn === undefined ? [] : [{ type: PP2_TYPE_ALPN, value: utf8(alpn) }]),
    ...(serverName === undefined ? [] : [{ type: PP2_TYPE_AUTHORITY, value: utf8(serverName) }]),
    // the client came by TLS; verify is 0 where a certificate was shown and found good
    { type: PP2_TYPE_SSL, value: concat(Uint8Array.of(1 | shown, 0, 0, 0, leaf ? 0 : 1), ...inside) },
  ]
}
