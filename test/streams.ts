import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'
import { after } from 'node:test'
import {
  type ClientOptions,
  connect,
  createServer,
  type SecureServer,
  type SecureStream,
  type ServerOptions,
  secure,
} from '../src/node/index.ts'
import { Authority } from './authority.ts'
import { wire } from './duplex.ts'

/** What tests of streams have in common: an authority, some certificates of it, servers that end with the test. */
export const authority: Authority = await Authority.make('typetls streams')
export const other: Authority = await Authority.make('somebody else')
export const local = await authority.leaf(['localhost', '127.0.0.1'])
export const named = await authority.leaf(['a.example', '*.b.example'])
export const client = await authority.leaf(['client'])
export const { ca } = authority

const open: Server[] = []
after(() => {
  for (const server of open) server.close()
})

export const listening = async (server: Server): Promise<number> => {
  open.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** A server that sends everything back. */
export const echo = async (options: ServerOptions = {}): Promise<{ server: SecureServer; port: number }> => {
  const server = createServer({ cert: local.cert, key: local.key, ...options }, (stream) => {
    stream.pipe(stream)
  })
  return { server, port: await listening(server) }
}

export const dial = (port: number, options: Partial<ClientOptions> = {}): Promise<SecureStream> =>
  connect({ host: '127.0.0.1', port, servername: 'localhost', ca, ...options })

/** Both ends in memory. */
export const pair = async (
  server: ServerOptions = {},
  options: Partial<ClientOptions> = {},
): Promise<[SecureStream, SecureStream]> => {
  const [left, right] = wire()
  return Promise.all([
    secure(left, { servername: 'localhost', ca, ...options }),
    secure(right, { isServer: true, cert: local.cert, key: local.key, ...server }),
  ])
}
