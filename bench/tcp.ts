import { once } from 'node:events'
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer } from 'node:net'
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { SecureStream } from '../src/node/index.ts'
import type { SetUp } from './material.ts'
import type { Streams } from './streams.ts'

/** Connections over loopback, of one library: each handshake is a new connection. */
export interface Loopback {
  connect(): Promise<Streams>
  close(): void
}

export const ours = async ({ client, server }: SetUp): Promise<Loopback> => {
  let accepted: (stream: SecureStream) => void = () => {}
  const listener = createTcpServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    void new SecureStream(socket, { role: 'server', config: () => server, promised: true }).secured.then((stream) =>
      accepted(stream),
    )
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  return {
    async connect() {
      const there = new Promise<SecureStream>((resolve) => (accepted = resolve))
      const socket = connectTcp({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true })
      const here = await new SecureStream(socket, { role: 'client', config: () => client, promised: true }).secured
      return { client: here, server: await there }
    },
    close: () => void listener.close(),
  }
}

export const nodeTls = async ({ nodeTls }: SetUp): Promise<Loopback> => {
  let accepted: (stream: TLSSocket) => void = () => {}
  const listener = createTlsServer({ ...nodeTls.listen, noDelay: true }, (stream) => accepted(stream))
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  return {
    async connect() {
      const there = new Promise<TLSSocket>((resolve) => (accepted = resolve))
      const here = connectTls({ ...nodeTls.client, host: '127.0.0.1', port })
      here.setNoDelay(true)
      await once(here, 'secureConnect')
      return { client: here, server: await there }
    },
    close: () => void listener.close(),
  }
}

/** Ends both without ceremony, so that thousands do not wait for their partners. */
export const drop = ({ client, server }: Streams): void => {
  for (const end of [client, server]) {
    end.on('error', () => {})
    end.destroy()
  }
}
