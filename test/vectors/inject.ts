import { equal } from '../../src/bytes/compare.ts'
import type { Group, GroupName, Provider } from '../../src/crypto/provider.ts'
import type { Share } from './conversation.ts'

/** An answer that is known beforehand, given when exactly this is asked. */
export interface Known {
  readonly label: string
  /** The transcript hash, or the seed. */
  readonly about: Uint8Array
  readonly answer: Uint8Array
}

/** What one end of a conversation drew from its provider. */
export interface Injection {
  /** Given out by length, in order. */
  readonly randoms: readonly Uint8Array[]
  readonly shares: readonly Share[]
  /** Secrets of the key schedule that only the owner of an unknown scalar could compute. */
  readonly derived: readonly Known[]
  /** The same for the PRF of TLS 1.2. */
  readonly prf: readonly Known[]
  /** Static RSA: what the premaster secret was enciphered as. */
  readonly enciphered?: { readonly premaster: Uint8Array; readonly ciphertext: Uint8Array }
}

/** The length of what stands in for a premaster secret that does not decrypt; it may be anything. */
const SUBSTITUTE = 48
/** Stands for a shared secret that nobody knows; what would be computed from it is among the known answers. */
const UNKNOWN = new Uint8Array(32).fill(1)

/** The provider, with everything random replaced by what the conversation had in its place. */
export const injected = (provider: Provider, injection: Injection): Provider => {
  const randoms = [...injection.randoms]
  const shares = [...injection.shares]
  const share = (name: GroupName): Share => {
    const at = shares.findIndex(({ group }) => group === name)
    const [found] = at < 0 ? [] : shares.splice(at, 1)
    if (!found) throw new Error(`our end starts a key exchange in ${name} which the other had no share for`)
    return found
  }
  const group = (name: GroupName): Group | undefined => {
    const real = provider.group(name)
    if (!real) return undefined
    return {
      start() {
        const given = share(name)
        return given.scalar ? real.start(given.scalar) : { share: given.share, finish: () => UNKNOWN }
      },
      answer(peer) {
        const given = share(name)
        return given.scalar ? real.answer(peer, given.scalar) : { share: given.share, secret: UNKNOWN }
      },
    }
  }
  const known = (list: readonly Known[], label: string, about: Uint8Array): Uint8Array | undefined =>
    list.find((candidate) => candidate.label === label && equal(candidate.about, about))?.answer.slice()
  const { enciphered } = injection
  return {
    ...provider,
    group,
    random(length) {
      const at = randoms.findIndex((bytes) => bytes.length === length)
      const [found] = at < 0 ? [] : randoms.splice(at, 1)
      if (found) return found.slice()
      if (length === SUBSTITUTE) return new Uint8Array(length)
      throw new Error(`our end asks for ${length} random bytes more than the other did`)
    },
    expandLabel: (name, secret, label, context, length) =>
      known(injection.derived, label, context) ?? provider.expandLabel(name, secret, label, context, length),
    prf: (name, secret, label, seed, length) =>
      known(injection.prf, label, seed) ?? provider.prf(name, secret, label, seed, length),
    async publicKey(spki) {
      const key = await provider.publicKey(spki)
      if (!enciphered) return key
      return {
        ...key,
        encrypt(message) {
          if (!equal(message, enciphered.premaster))
            throw new Error('our premaster secret is not the one of the recording')
          return enciphered.ciphertext
        },
      }
    },
  }
}
