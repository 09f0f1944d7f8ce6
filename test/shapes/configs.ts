import { type Config, type ConfigInput, defineConfig } from '../../src/config.ts'
import type { Provider } from '../../src/crypto/provider.ts'
import type { Session, Sessions } from '../../src/session/session.ts'
import { memoryTickets } from '../../src/session/tickets.ts'
import { verifier } from '../../src/x509/path.ts'
import { lateKey } from '../late.ts'
import { type Materials, NOW } from '../materials.ts'
import type { Shape } from './shapes.ts'

export const memorySessions = (): Sessions => {
  const held = new Map<string, Session>()
  return {
    get: (id) => held.get(id),
    put: (id, session) => void held.set(id, session),
    remove: (id) => void held.delete(id),
  }
}

/** What both ends of a shape are configured with; each call of `client` makes a config anew. */
export interface Configs {
  readonly server: Config
  client(session?: Session, onSession?: (session: Session) => void): Config
}

export const configsOf = (
  shape: Shape,
  provider: Provider,
  m: Materials,
  { late = false, trace }: { late?: boolean; trace?: (role: 'client' | 'server') => NonNullable<Config['trace']> } = {},
): Configs => {
  const keys = (input: Partial<ConfigInput>): Partial<ConfigInput> =>
    late && input.identities
      ? { ...input, identities: input.identities.map((identity) => ({ ...identity, key: lateKey(identity.key) })) }
      : input
  const base = { provider, verifier: verifier({ anchors: [m.root] }), now: () => NOW }
  const server = defineConfig({
    ...base,
    tickets: memoryTickets(provider, () => NOW),
    sessions: memorySessions(),
    ...(trace && { trace: trace('server') }),
    ...keys({ identities: [m.identities[shape.certificate ?? 'P-256']], ...shape.server?.(m, provider) }),
  })
  return {
    server,
    client: (session, onSession) =>
      defineConfig({
        ...base,
        serverName: 'localhost',
        peerName: 'localhost',
        tickets: memoryTickets(provider, () => NOW),
        ...(trace && { trace: trace('client') }),
        ...keys({ ...shape.client?.(m, provider) }),
        ...(session && { session }),
        ...(onSession && { onSession }),
      }),
  }
}
