import { node } from '../../../src/crypto/node/index.ts'
import type { Provider } from '../../../src/crypto/provider.ts'
import { AlertReceived, alertName, TlsError, Truncated } from '../../../src/errors.ts'
import type { Session } from '../../../src/session/session.ts'
import { memoryTickets } from '../../../src/session/tickets.ts'
import { type Materials, NOW } from '../../materials.ts'
import { type End, makePair, settle } from '../../pair.ts'
import { type Configs, configsOf } from '../../shapes/configs.ts'
import { retryGroups, type Shape, shapes } from '../../shapes/shapes.ts'
import type { Theatre } from './proxy.ts'

const PING = 'ping from the client'
const PONG = 'pong from the server'
const HASTE = 'before its time'

/** A shape, and whether its client sends data before the handshake is over. */
export interface Scene extends Shape {
  readonly early?: boolean
}

const same = (session: Session): Session => session
const early: readonly Scene[] = [
  {
    name: '1.3 early data',
    early: true,
    resume: same,
    client: () => ({ earlyData: 1 }),
    // the same ticket comes again and again here
    server: (_, provider) => ({
      earlyData: 1000,
      tickets: { ...memoryTickets(provider, () => NOW), once: () => true },
    }),
    check: () => {},
  },
  {
    name: '1.3 early data that is not taken',
    early: true,
    resume: same,
    client: () => ({ earlyData: 1 }),
    server: (_, provider) => ({
      earlyData: 1000,
      tickets: { ...memoryTickets(provider, () => NOW), once: () => false },
    }),
    check: () => {},
  },
  {
    name: '1.3 early data and a HelloRetryRequest',
    early: true,
    resume: same,
    client: () => ({ earlyData: 1 }),
    server: () => ({ earlyData: 1000, groups: retryGroups }),
    check: () => {},
  },
]

export const scenes: readonly Scene[] = [...shapes, ...early]

/** A scene that can be played again and again: what it needs is made once. */
export interface Stage {
  readonly scene: Scene
  readonly configs: Configs
  readonly session: Session | undefined
}

export const prepare = async (scene: Scene, m: Materials, provider: Provider = node, late = false): Promise<Stage> => {
  const configs = configsOf(scene, provider, m, { late })
  if (!scene.resume) return { scene, configs, session: undefined }
  let session: Session | undefined
  const pair = makePair(
    configs.client(undefined, (fresh) => (session = fresh)),
    configs.server,
  )
  await settle(pair)
  if (!session) throw new Error(`${scene.name}: the first handshake gives no session`, { cause: pair.lost })
  return { scene, configs, session: scene.resume(session) }
}

/** What became of one end. */
export type Fate =
  /** Everything came, nothing else did, and both said that it was over. */
  | { readonly kind: 'fine' }
  /** It refused what it was given. */
  | { readonly kind: 'refuses'; readonly alert: string; readonly reason: string }
  /** The other end told it that it refused. */
  | { readonly kind: 'told'; readonly alert: string }
  /** It waited for what never came. */
  | { readonly kind: 'cut off' }
  /** Everything was well, and data is missing, or other than it was sent. */
  | { readonly kind: 'deceived'; readonly received: string }
  /** What must never be. */
  | { readonly kind: 'broken'; readonly error: unknown }

export interface Fates {
  readonly client: Fate
  readonly server: Fate
}

/** Plays a whole connection: handshake, early data, data both ways, what the shape does then, and a clean end. */
export const play = async ({ scene }: Stage, { pair, carry }: Theatre): Promise<Fates> => {
  const run = (): Promise<void> => settle(pair, { carry })
  const { client, server } = pair
  if (scene.early) {
    for (let need = client.advance(); need.kind === 'wait'; need = client.advance()) await need.on
    client.writeEarly(Buffer.from(HASTE))
  }
  await run()
  const open = (): boolean => client.established && server.established && !pair.lost.client && !pair.lost.server
  const asked = open()
  if (asked) {
    client.write(Buffer.from(PING))
    server.write(Buffer.from(PONG))
    await run()
  }
  try {
    if (open()) await scene.afterwards?.(pair, run)
  } catch (error) {
    // an end that is lost says so whatever it is asked
    if (error !== pair.lost.client && error !== pair.lost.server) throw error
  }
  client.close()
  await run()
  server.close()
  await run()
  // nothing more comes: who still waits has been cut off
  const closed = { client: client.closedByPeer, server: server.closedByPeer }
  for (const end of ['client', 'server'] as const) if (!closed[end]) pair[end].end()
  await run()
  const haste = server.facts.earlyData === 'accepted' ? HASTE : ''
  const expected = { client: asked ? PONG : '', server: haste + (asked ? PING : '') }
  const fate = (end: End): Fate => {
    const lost = pair.lost[end]
    if (lost instanceof TlsError) return { kind: 'refuses', alert: lost.alert, reason: lost.reason }
    if (lost instanceof AlertReceived) return { kind: 'told', alert: alertName(lost.alert) }
    if (lost instanceof Truncated) return { kind: 'cut off' }
    if (lost !== undefined || !closed[end]) return { kind: 'broken', error: lost ?? 'it neither ends nor fails' }
    if (!pair[end].established) return { kind: 'cut off' }
    // what the shape says afterwards is its own affair
    return pair.received[end].startsWith(expected[end])
      ? { kind: 'fine' }
      : { kind: 'deceived', received: pair.received[end] }
  }
  return { client: fate('client'), server: fate('server') }
}

/** A fate in words. */
export const told = (fate: Fate): string => {
  switch (fate.kind) {
    case 'refuses':
      return `refuses: ${fate.alert} ${fate.reason}`
    case 'told':
      return `told: ${fate.alert}`
    case 'deceived':
      return `deceived: ${JSON.stringify(fate.received)}`
    case 'broken':
      return `broken: ${fate.error}`
    default:
      return fate.kind
  }
}
