import { once } from 'node:events'
import { type Duplex, duplexPair } from 'node:stream'
import { type ConnectionOptions, connect, createSecureContext, type SecureContextOptions, TLSSocket } from 'node:tls'

/** Two TLSSockets over a pair of streams in memory: the fastest that node:tls can be had without sockets. */
export interface Ends {
  readonly client: TLSSocket
  readonly server: TLSSocket
}

export interface Contexts {
  readonly client: ConnectionOptions
  readonly server: ReturnType<typeof createSecureContext>
  /** What a server that listens is given. */
  readonly listen: SecureContextOptions
  readonly mutual: boolean
}

/** Contexts are made once, as one would. */
export const contexts = (client: SecureContextOptions, server: SecureContextOptions, mutual = false): Contexts => ({
  client: { secureContext: createSecureContext(client), servername: 'localhost' },
  server: createSecureContext(server),
  listen: server,
  mutual,
})

export const shake = async (
  { client: options, server: secureContext, mutual }: Contexts,
  session?: Buffer,
): Promise<Ends> => {
  const [left, right]: [Duplex, Duplex] = duplexPair()
  const server = new TLSSocket(right, {
    isServer: true,
    secureContext,
    requestCert: mutual,
    rejectUnauthorized: mutual,
  })
  const client = connect({ ...options, socket: left, ...(session && { session }) })
  await Promise.all([once(server, 'secure'), once(client, 'secureConnect')])
  if (!client.authorized) throw client.authorizationError
  if (mutual && !server.getPeerCertificate().raw) throw new Error('the client has shown no certificate')
  return { client, server }
}

export const close = ({ client, server }: Ends): void => {
  client.destroy()
  server.destroy()
}

/** The first ticket that comes. */
export const ticket = async (ends: Ends): Promise<Buffer> => {
  const [session] = (await once(ends.client, 'session')) as [Buffer]
  return session
}
