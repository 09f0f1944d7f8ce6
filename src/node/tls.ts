import { connect as connectTcp, createServer as createTcpServer, isIP, type Server } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Config, type ConfigInput, defineConfig, type Identity } from '../config.ts'
import { node } from '../crypto/node/index.ts'
import { Misuse } from '../errors.ts'
import { memoryTickets } from '../session/tickets.ts'
import { runAsync, wait } from '../task.ts'
import { loadPrivateKey } from '../x509/keys.ts'
import { loadCertificates } from '../x509/load.ts'
import { verifier } from '../x509/path.ts'
import { roots } from './roots.ts'
import { SecureStream } from './stream.ts'

type Pem = string | Uint8Array

/** What both ends may say. `config` reaches everything else that a connection can be told. */
export interface EndOptions {
  /** Certificates (PEM or DER) whom to trust, instead of the roots of the system. */
  readonly ca?: Pem | readonly Pem[]
  /** Our certificate chain (leaf first) and its private key. */
  readonly cert?: Pem
  readonly key?: Pem
  readonly passphrase?: string
  /** Application protocols in order of preference. */
  readonly alpn?: readonly string[]
  readonly config?: Partial<ConfigInput>
}

export interface ClientOptions extends EndOptions {
  readonly host?: string
  readonly port: number
  /** The name that the server must prove to be; `host` by default. */
  readonly servername?: string
}

export interface ServerOptions extends EndOptions {
  /** Whether clients are asked for a certificate, and refused without. */
  readonly clientAuth?: Config['clientAuth']
}

const identity = async ({ cert, key, passphrase }: EndOptions): Promise<readonly Identity[]> => {
  if (cert === undefined && key === undefined) return []
  if (cert === undefined || key === undefined)
    throw new Misuse('a certificate needs its key, and a key its certificate; give both `cert` and `key`')
  const chain = loadCertificates(cert).map((certificate) => certificate.raw)
  return [{ chain, key: await runAsync(wait(loadPrivateKey(key, node, passphrase))) }]
}

const common = async (options: EndOptions): Promise<ConfigInput> => {
  const { ca, alpn } = options
  const given = ca === undefined ? undefined : typeof ca === 'string' || ca instanceof Uint8Array ? [ca] : ca
  return {
    provider: node,
    verifier: verifier({ anchors: given ? given.flatMap((pem) => loadCertificates(pem)) : roots() }),
    identities: await identity(options),
    tickets: memoryTickets(node),
    ...(alpn && { alpn }),
  }
}

/** The config of a client that wants to reach `name`, a host name or an IP address. */
const clientConfig = async (name: string | undefined, options: EndOptions): Promise<Config> =>
  defineConfig({
    ...(await common(options)),
    ...(name !== undefined && { peerName: name }),
    // RFC 6066 3: literal addresses are not sent
    ...(name !== undefined && isIP(name) === 0 && { serverName: name.replace(/\.$/, '') }),
    ...options.config,
  })

const serverConfig = async (options: ServerOptions): Promise<Config> =>
  defineConfig({
    ...(await common(options)),
    ...(options.clientAuth && { clientAuth: options.clientAuth }),
    ...options.config,
  })

/**
 * Connects by TCP and shakes hands. Rejects with a `TlsError`, an `AlertReceived`, or the error of the socket; the
 * certificate must be good for `servername`.
 */
export const connect = async (options: ClientOptions): Promise<SecureStream> => {
  const { host = 'localhost', port } = options
  const config = await clientConfig(options.servername ?? host, options)
  return await new SecureStream('client', connectTcp({ host, port, noDelay: true, allowHalfOpen: true }), config)
    .secured
}

/**
 * A TCP server whose connections shake hands first; `listener` gets those that succeed. What fails is told by the event
 * `tlsClientError` (error, socket), as node:tls does.
 */
export const createServer = async (
  options: ServerOptions,
  listener: (stream: SecureStream) => void,
): Promise<Server> => {
  const config = await serverConfig(options)
  const server = createTcpServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    const stream = new SecureStream('server', socket, config)
    stream.secured.then(listener, (error: unknown) => server.emit('tlsClientError', error, socket))
  })
  return server
}

/** TLS over any stream that is open already: a pair in memory, a tunnel, another TLS. */
export const secure = async (
  role: 'client' | 'server',
  transport: Duplex,
  options: ServerOptions & { readonly servername?: string },
): Promise<SecureStream> => {
  const config = role === 'client' ? await clientConfig(options.servername, options) : await serverConfig(options)
  return await new SecureStream(role, transport, config).secured
}
