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
  readonly server: SecureContextOptions
}

/** Contexts are made once, as one would. */
export const contexts = (
  client: SecureContextOptions,
  server: SecureContextOptions,
): { client: ConnectionOptions; server: ReturnType<typeof createSecureContext> } => ({
  client: { secureContext: createSecureContext(client), servername: 'localhost' },
  server: createSecureContext(server),
})

export const shake = async (
  { client: options, server: secureContext }: ReturnType<typeof contexts>,
  session?: Buffer,
): Promise<Ends> => {
  const [left, right]: [Duplex, Duplex] = duplexPair()
  const server = new TLSSocket(right, { isServer: true, secureContext })
  const client = connect({ ...options, socket: left, ...(session && { session }) })
  await Promise.all([once(server, 'secure'), once(client, 'secureConnect')])
  if (!client.authorized) throw client.authorizationError
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

export const pour = async ({ client, server }: Ends, total: number): Promise<void> => {
  const chunk = Buffer.alloc(16384)
  let taken = 0
  const done = new Promise<void>((resolve) => {
    const onData = (data: Buffer): void => {
      taken += data.length
      if (taken < total) return
      server.off('data', onData)
      resolve()
    }
    server.on('data', onData)
  })
  for (let sent = 0; sent < total; sent += chunk.length) {
    if (!client.write(chunk)) await once(client, 'drain')
  }
  await done
}

export const pingPong = async ({ client, server }: Ends, count: number, size: number): Promise<void> => {
  const message = Buffer.alloc(size)
  const answer = (): void => void server.write(message)
  server.on('data', answer)
  for (let i = 0; i < count; i++) {
    client.write(message)
    await once(client, 'data')
  }
  server.off('data', answer)
}
