import type { Config } from '../src/config.ts'
import { Connection } from '../src/connection.ts'
import type { Need } from '../src/task.ts'

/** Both ends of a connection in one process, joined by memory. */
export interface Pair {
  readonly client: Connection
  readonly server: Connection
  /** What each end has received, as one string of bytes (Latin-1). */
  readonly received: { client: string; server: string }
  /** The first error of each end. */
  readonly lost: { client?: unknown; server?: unknown }
}

export const makePair = (client: Config, server: Config): Pair => ({
  client: new Connection('client', client),
  server: new Connection('server', server),
  received: { client: '', server: '' },
  lost: {},
})

export type End = 'client' | 'server'

/** Turns one end until it stands still for bytes or an answer. */
const turn = (pair: Pair, end: End): Need | undefined => {
  if (pair.lost[end]) return undefined
  try {
    for (;;) {
      const need = pair[end].advance()
      if (need.kind !== 'take') return need
      pair.received[end] += Buffer.from(pair[end].take() ?? []).toString('latin1')
    }
  } catch (error) {
    pair.lost[end] = error
    return undefined
  }
}

/** Moves what may leave: all of it, or one byte. Says whether anything moved. */
const move = (from: Connection, to: Connection, drip: boolean): boolean => {
  const view = from.output.peek()
  if (view.length === 0) return false
  const part = drip ? view.subarray(0, 1) : view
  to.receive(part)
  from.output.sent(part.length)
  return true
}

/** Carries what the ends have said a step further, each way, and says whether anything moved. `needs`: what they wait for. */
export type Carry = (needs: Readonly<Record<End, Need | undefined>>) => readonly boolean[]

/** Runs both ends until neither can go on: every byte delivered, every answer waited for. */
export const settle = async (
  pair: Pair,
  { drip = false, carry }: { readonly drip?: boolean; readonly carry?: Carry } = {},
): Promise<void> => {
  for (;;) {
    const [client, server] = [turn(pair, 'client'), turn(pair, 'server')]
    const needs = [client, server]
    const moved = carry?.({ client, server }) ?? [
      move(pair.client, pair.server, drip),
      move(pair.server, pair.client, drip),
    ]
    if (moved.includes(true)) continue
    const waits = needs.flatMap((need) => (need?.kind === 'wait' && need.on ? [need.on] : []))
    const seals = [pair.client.settling, pair.server.settling].flatMap((settling) => settling ?? [])
    if (waits.length + seals.length === 0) return
    await Promise.race([...waits, ...seals].map((answer) => answer.catch(() => {})))
    // what settled reaches the machines in the same turn of the event loop
    await new Promise((resolve) => setImmediate(resolve))
  }
}
