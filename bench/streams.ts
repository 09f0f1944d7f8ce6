import { once } from 'node:events'
import type { Duplex } from 'node:stream'

/** Two ends of an open connection as streams, of whichever library. */
export interface Streams {
  readonly client: Duplex
  readonly server: Duplex
}

/** Resolves when so many bytes have come out of the stream. */
const arrived = (stream: Duplex, total: number): Promise<void> =>
  new Promise((resolve) => {
    let taken = 0
    const onData = (data: Uint8Array): void => {
      taken += data.length
      if (taken < total) return
      stream.off('data', onData)
      resolve()
    }
    stream.on('data', onData)
  })

/** Sends `total` bytes in writes of `size` from client to server, and waits until all have come. */
export const pour = async ({ client, server }: Streams, total: number, size = 16384): Promise<void> => {
  const chunk = Buffer.alloc(size)
  const done = arrived(server, total)
  for (let sent = 0; sent < total; sent += size) {
    if (!client.write(chunk)) await once(client, 'drain')
  }
  await done
}

/** `count` questions of `size` bytes, each answered with as many. */
export const pingPong = ({ client, server }: Streams, count: number, size: number): Promise<void> =>
  new Promise((resolve) => {
    const message = Buffer.alloc(size)
    let asked = 0
    const answer = (): void => void server.write(message)
    const next = (): void => {
      if (asked++ < count) return void client.write(message)
      server.off('data', answer)
      client.off('data', next)
      resolve()
    }
    server.on('data', answer)
    client.on('data', next)
    next()
  })
