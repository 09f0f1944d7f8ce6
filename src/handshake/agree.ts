import { groupById } from '../crypto/groups.ts'
import { BadShare, type Exchange, type Group } from '../crypto/provider.ts'
import { TlsError } from '../errors.ts'
import { type Maybe, type Task, wait } from '../task.ts'
import type { Peer } from './peer.ts'

/** The group by its number, where the provider has it. */
export const groupOf = (peer: Peer, id: number): Group | undefined => {
  const row = groupById(id)
  return row && peer.provider.group(row.name)
}

/** Begins a key exchange in that group, and keeps it beside the others. */
export function* start(peer: Peer, id: number, exchanges: Map<number, Exchange>): Task<void> {
  const group = groupOf(peer, id)
  if (group) exchanges.set(id, yield* wait(group.start()))
}

/** What a key exchange comes to, or what is wrong with the peer's share. */
export function* agree<T>(exchange: () => Maybe<T>): Task<T> {
  try {
    return yield* wait(exchange())
  } catch (cause) {
    if (cause instanceof BadShare) throw new TlsError('illegal_parameter', 'BAD_KEY_SHARE', cause.message, { cause })
    throw cause
  }
}
