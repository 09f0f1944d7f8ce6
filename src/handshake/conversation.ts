import type { Task } from '../task.ts'
import { client } from './client.ts'
import type { Peer } from './peer.ts'
import { server } from './server.ts'

/** The handshake, and the open connection that it gives back: what only the handshake needed is let go of in between. */
export function* conversation(peer: Peer): Task<void> {
  const open = yield* (peer.facts.role === 'client' ? client : server)(peer)
  yield* open
}
