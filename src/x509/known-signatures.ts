import { latin1 } from '../bytes/text.ts'
import { digest } from '../crypto/digest.ts'
import type { Algorithm, Provider } from '../crypto/provider.ts'
import { type Task, wait } from '../task.ts'

/** How many good signatures are remembered for each provider; the one asked for least lately makes room. */
const MOST = 1024

const remembered = new WeakMap<Provider, Set<string>>()

/**
 * What a signature is known by: the SHA-256 of the signer's key (SubjectPublicKeyInfo), the algorithm, the bytes that are
 * signed and the signature, each with its length. Two questions with one name would be a collision of SHA-256. Whether
 * a signature is good depends on nothing else: not on time, name, trust or policy, which are judged anew every time.
 */
export function* signatureName(
  provider: Provider,
  spki: Uint8Array,
  algorithm: Algorithm,
  message: Uint8Array,
  signature: Uint8Array,
): Task<string> {
  const how = Uint8Array.from(JSON.stringify(algorithm), (letter) => letter.charCodeAt(0))
  const lengths = new DataView(new ArrayBuffer(16))
  const parts = [spki, how, message, signature]
  for (const [i, part] of parts.entries()) lengths.setUint32(4 * i, part.length)
  return latin1(yield* wait(digest(provider, 'sha256', new Uint8Array(lengths.buffer), ...parts)))
}

/** Whether this provider has found it good before. */
export const knownGood = (provider: Provider, name: string): boolean => {
  const names = remembered.get(provider)
  if (!names?.delete(name)) return false
  names.add(name)
  return true
}

/** Remembers a signature that was verified and is good. Bad ones are verified again whenever they come. */
export const keepGood = (provider: Provider, name: string): void => {
  let names = remembered.get(provider)
  if (!names) remembered.set(provider, (names = new Set()))
  names.add(name)
  if (names.size <= MOST) return
  for (const oldest of names) {
    names.delete(oldest)
    return
  }
}
