import type { Config } from '../src/config.ts'
import { Connection } from '../src/connection.ts'

/** Both ends in one process, joined by nothing but calls. */
export interface Ends {
  readonly client: Connection
  readonly server: Connection
}

const move = (from: Connection, to: Connection): boolean => {
  let moved = false
  for (let bytes = from.output.peek(); bytes.length > 0; bytes = from.output.peek()) {
    to.receive(bytes)
    from.output.sent(bytes.length)
    moved = true
  }
  return moved
}

/** Turns both ends until nothing moves. `take` gets what comes. */
export const settle = ({ client, server }: Ends, take?: (data: Uint8Array, at: Connection) => void): void => {
  for (let moved = true; moved; ) {
    moved = false
    for (const end of [client, server]) {
      while (end.advance().kind === 'take') {
        const data = end.take()
        if (data) take?.(data, end)
      }
    }
    moved = move(client, server)
    moved = move(server, client) || moved
  }
}

export const shake = (client: Config, server: Config): Ends => {
  const ends = { client: new Connection('client', client), server: new Connection('server', server) }
  settle(ends)
  if (!ends.client.established || !ends.server.established) throw new Error('the handshake did not end')
  return ends
}

/** Sends `total` bytes in writes of 16 KiB from client to server. */
export const pour = (ends: Ends, total: number): void => {
  const chunk = new Uint8Array(16384)
  let taken = 0
  for (let sent = 0; sent < total; sent += chunk.length) {
    ends.client.write(chunk)
    move(ends.client, ends.server)
    while (ends.server.advance().kind === 'take') taken += ends.server.take()?.length ?? 0
  }
  if (taken !== total) throw new Error(`${taken} of ${total} bytes came`)
}

/** `count` questions of `size` bytes, each answered with as many. */
export const pingPong = (ends: Ends, count: number, size: number): void => {
  const message = new Uint8Array(size)
  const { client, server } = ends
  for (let i = 0; i < count; i++) {
    client.write(message)
    move(client, server)
    while (server.advance().kind === 'take') server.take()
    server.write(message)
    move(server, client)
    while (client.advance().kind === 'take') client.take()
  }
}
