import { NONE } from '../bytes/compare.ts'
import { utf8 } from '../bytes/text.ts'
import { digest } from '../crypto/digest.ts'
import type { Provider } from '../crypto/provider.ts'
import { type Task, wait } from '../task.ts'
import type { Peer } from './peer.ts'

/**
 * What a session is bound to beside its name: by what the peer was verified, and who we said we were. A server that asks
 * for no certificate verifies nobody, and binds nothing.
 */
export function* bindingOf({ config, facts: { role }, provider }: Peer): Task<Uint8Array> {
  const { verifier, clientAuth } = config
  if (role === 'server' && clientAuth === 'none') return NONE
  const policy = verifier.policy ? yield* wait(verifier.policy(provider), 'verify') : markOf(verifier, provider)
  if (policy.length === 0) return NONE
  const parts = [roles[role], policy]
  if (role === 'client') {
    for (const { chain } of config.identities) parts.push(chain[0] ?? NONE)
    if (config.certificate) parts.push(markOf(config.certificate, provider))
  }
  return yield* wait(digest(provider, 'sha256', ...parts))
}

const roles = { client: utf8('client'), server: utf8('server') }

/** What tells a verifier or a hook of the program from every other, also from those of other processes. */
export const markOf = (thing: object, provider: Provider): Uint8Array => {
  const known = marks.get(thing)
  if (known) return known
  const fresh = provider.random(32).slice()
  marks.set(thing, fresh)
  return fresh
}
const marks = new WeakMap<object, Uint8Array>()
