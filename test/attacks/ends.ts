import assert from 'node:assert/strict'
import { type ConfigInput, defineConfig, type Limits } from '../../src/config.ts'
import { node } from '../../src/crypto/node/index.ts'
import { TlsError } from '../../src/errors.ts'
import { memoryTickets } from '../../src/session/tickets.ts'
import { verifier } from '../../src/x509/path.ts'
import { materials, NOW } from '../materials.ts'
import { makePair, type Pair, settle } from '../pair.ts'
import type { Surgeon } from '../surgery/every/lane.ts'
import { asItIs, operate, type Theatre } from '../surgery/every/proxy.ts'

type Part = Partial<Omit<ConfigInput, 'limits'>> & { readonly limits?: Partial<Limits> }
export interface Ends {
  readonly client?: Part
  readonly server?: Part
}

/** Configs of two ends that trust each other, and what differs. */
export const configs = async ({ client, server }: Ends = {}) => {
  const m = await materials()
  const common = {
    provider: node,
    verifier: verifier({ anchors: [m.root] }),
    now: () => NOW,
    tickets: memoryTickets(node, () => NOW),
  }
  return {
    client: defineConfig({ ...common, serverName: 'localhost', peerName: 'localhost', ...client }),
    server: defineConfig({ ...common, identities: [m.identities['P-256']], ...server }),
  }
}

/** Both, after their handshake. */
export const opened = async (ends?: Ends): Promise<Pair> => {
  const { client, server } = await configs(ends)
  const pair = makePair(client, server)
  await settle(pair)
  assert.deepEqual(pair.lost, {}, `${pair.lost.client} ${pair.lost.server}`)
  return pair
}

/** Both, with somebody between them who knows every key; run as far as they come. */
export const between = async (
  surgeon: Surgeon = asItIs,
  ends?: Ends,
): Promise<Theatre & { run: () => Promise<void> }> => {
  const { client, server } = await configs(ends)
  const theatre = operate(client, server, surgeon)
  const run = (): Promise<void> => settle(theatre.pair, theatre)
  await run()
  return { ...theatre, run }
}

/** Asserts that an end has refused with that alert and reason. */
export const refuses = (pair: Pair, end: 'client' | 'server', alert: string, reason: string): void => {
  const lost = pair.lost[end]
  assert.ok(lost instanceof TlsError, `the ${end} refuses; it says: ${lost}`)
  assert.deepEqual([lost.alert, lost.reason], [alert, reason])
}
