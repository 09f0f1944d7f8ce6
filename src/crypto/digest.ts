import type { Maybe } from '../task.ts'
import type { Hash, HashName, Provider } from './provider.ts'

/** The hash of the parts, as if they were joined. */
export const digest = (
  provider: Pick<Provider, 'hash'>,
  name: HashName,
  ...parts: readonly Uint8Array[]
): Maybe<Uint8Array> => {
  const hash = provider.hash(name)
  for (const part of parts) hash.update(part)
  return lastDigest(hash)
}

/** The digest of a hash of which nothing more is asked. */
export const lastDigest = (hash: Hash): Maybe<Uint8Array> => {
  const answer = hash.digest()
  hash.end?.()
  return answer
}
