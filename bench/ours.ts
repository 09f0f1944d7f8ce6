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

/** Turns both ends until nothing moves. */
export const settle = ({ client, server }: Ends): void => {
  for (let moved = true; moved; ) {
    client.advance()
    moved = move(client, server)
    server.advance()
    moved = move(server, client) || moved
  }
}

/** A handshake until both ends are done with it; tickets may be under way then, as with node:tls. */
export const shake = (client: Config, server: Config): Ends => {
  const ends = { client: new Connection('client', client), server: new Connection('server', server) }
  for (let turn = 0; !(ends.client.established && ends.server.established); turn++) {
    if (turn > 4) throw new Error('the handshake did not end')
    ends.client.advance()
    move(ends.client, ends.server)
    ends.server.advance()
    if (!ends.client.established) move(ends.server, ends.client)
  }
  return ends
}

const taken = (end: Connection): number => {
  let length = 0
  while (end.advance().kind === 'take') length += end.take()?.length ?? 0
  return length
}

/** Sends `total` bytes in writes of 16 KiB from client to server. */
export const pour = ({ client, server }: Ends, total: number): void => {
  const chunk = new Uint8Array(16384)
  let came = 0
  for (let sent = 0; sent < total; sent += chunk.length) {
    client.write(chunk)
    move(client, server)
    came += taken(server)
  }
  if (came !== total) throw new Error(`${came} of ${total} bytes came`)
}

/** `count` questions of `size` bytes, each answered with as many. */
export const pingPong = ({ client, server }: Ends, count: number, size: number): void => {
  const message = new Uint8Array(size)
  for (let i = 0; i < count; i++) {
    client.write(message)
    move(client, server)
    const asked = taken(server)
    server.write(message)
    move(server, client)
    if (asked !== size || taken(client) !== size) throw new Error('a message is not whole')
  }
}
