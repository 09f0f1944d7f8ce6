import type { Exchange, Group, Hash, PrivateKey, Protection, Provider, PublicKey } from '../src/crypto/provider.ts'
import type { Maybe } from '../src/task.ts'

/** The answer, some turns of the event loop later. */
const late = async <T>(call: () => Maybe<T>): Promise<T> => {
  await null
  return await call()
}

const lateHash = (hash: Hash): Hash => ({
  update: (data) => hash.update(data),
  // the digest of what was there when it was asked for
  digest: () => {
    const then = hash.copy()
    return late(() => then.digest())
  },
  copy: () => lateHash(hash.copy()),
})

const lateProtection = (protection: Protection): Protection => ({
  sealedLength: (data, padding) => protection.sealedLength(data, padding),
  seal(sequence, type, data, padding, record) {
    const kept = data.slice()
    return late(() => protection.seal(sequence, type, kept, padding, record))
  },
  open: (sequence, record) => late(() => protection.open(sequence, record)),
})

const lateExchange = (exchange: Exchange): Exchange => ({
  share: exchange.share,
  finish: (answer) => late(() => exchange.finish(answer)),
})

const lateGroup = (group: Group): Group => ({
  start: (secret) => late(async () => lateExchange(await group.start(secret))),
  answer: (share, secret) => late(() => group.answer(share, secret)),
})

const latePublicKey = (key: PublicKey): PublicKey => ({
  facts: key.facts,
  verify: (algorithm, message, signature) => late(() => key.verify(algorithm, message, signature)),
  ...(key.encrypt && { encrypt: (message: Uint8Array) => late(() => key.encrypt?.(message) as Maybe<Uint8Array>) }),
})

/** A key that signs late, as one in a vault does. */
export const lateKey = <K extends PrivateKey>(key: K): K => ({
  ...key,
  facts: key.facts,
  spki: key.spki,
  sign: (algorithm, message) => late(() => key.sign(algorithm, message)),
  ...(key.decrypt && {
    decrypt: (ciphertext: Uint8Array, length: number) =>
      late(() => key.decrypt?.(ciphertext, length) as Maybe<Uint8Array>),
  }),
})

/** The same provider, but every answer that may come late does. What works with this one works with any. */
export const lateProvider = (provider: Provider): Provider => ({
  ...provider,
  name: `${provider.name}, late`,
  hash: (name) => lateHash(provider.hash(name)),
  hmac: (name, key) => {
    const hmac = provider.hmac(name, key)
    return { mac: (...parts) => late(() => hmac.mac(...parts)) }
  },
  extract: (name, salt, ikm) => late(() => provider.extract(name, salt, ikm)),
  expand: (name, prk, info, length) => late(() => provider.expand(name, prk, info, length)),
  expandLabel: (name, secret, label, context, length) =>
    late(() => provider.expandLabel(name, secret, label, context, length)),
  prf: (name, secret, label, seed, length) => late(() => provider.prf(name, secret, label, seed, length)),
  protection: (keying) => lateProtection(provider.protection(keying)),
  box: (key) => {
    const box = provider.box(key)
    return {
      seal: (plain, aad) => {
        const kept = plain.slice()
        return late(() => box.seal(kept, aad))
      },
      open: (sealed, aad) => late(() => box.open(sealed, aad)),
    }
  },
  group: (name) => {
    const group = provider.group(name)
    return group && lateGroup(group)
  },
  publicKey: (spki) => late(async () => latePublicKey(await provider.publicKey(spki))),
  privateKey: (pkcs8) => late(async () => lateKey(await provider.privateKey(pkcs8))),
  generate: (kind) => late(async () => lateKey(await provider.generate(kind))),
})
