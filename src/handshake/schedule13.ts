import { NONE } from '../bytes/compare.ts'
import { digest } from '../crypto/digest.ts'
import { type HashName, hashLength, type Provider } from '../crypto/provider.ts'
import { type Task, wait } from '../task.ts'

export interface Traffic {
  readonly client: Uint8Array
  readonly server: Uint8Array
}

/** What the schedule has to know of a suite. */
export interface Hashed {
  readonly hash: HashName
}

/** A secret of the key schedule (RFC 9846 section 7.1) and what may be drawn from it. The next stage is made from the last. */
abstract class Stage {
  protected readonly provider: Provider
  protected readonly suite: Hashed
  readonly #secret: Uint8Array
  #salt: Uint8Array | undefined

  constructor(provider: Provider, suite: Hashed, secret: Uint8Array) {
    this.provider = provider
    this.suite = suite
    this.#secret = secret
  }

  /** Derive-Secret over a transcript hash. */
  protected derive(label: string, transcript: Uint8Array): Task<Uint8Array> {
    const { provider, suite } = this
    return wait(provider.expandLabel(suite.hash, this.#secret, label, transcript, hashLength[suite.hash]))
  }

  /** The secret of the next stage: extracted from this one and new key material. */
  protected *mix(input: Uint8Array): Task<Uint8Array> {
    const { provider, suite } = this
    this.#salt ??= yield* this.derive('derived', yield* emptyDigest(provider, suite.hash))
    return yield* wait(provider.extract(suite.hash, this.#salt, input))
  }
}

const zeros = (suite: Hashed): Uint8Array => new Uint8Array(hashLength[suite.hash])

/** What depends on nothing but the hash, once it is known. */
class Constants {
  readonly digest: Partial<Record<HashName, Uint8Array>> = {}
  readonly early: Partial<Record<HashName, EarlyStage>> = {}
}
const constants = new WeakMap<Provider, Constants>()
const constantsOf = (provider: Provider): Constants => {
  let found = constants.get(provider)
  if (!found) constants.set(provider, (found = new Constants()))
  return found
}

/** The hash of nothing. */
function* emptyDigest(provider: Provider, name: HashName): Task<Uint8Array> {
  const { digest } = constantsOf(provider)
  return (digest[name] ??= yield* wait(provider.hash(name).digest()))
}

/** From a pre-shared key, or from zeros. */
export class EarlyStage extends Stage {
  static *begin(provider: Provider, suite: Hashed, psk?: Uint8Array): Task<EarlyStage> {
    const { early } = constantsOf(provider)
    const before = psk ? undefined : early[suite.hash]
    if (before) return before
    const secret = yield* wait(provider.extract(suite.hash, zeros(suite), psk ?? zeros(suite)))
    const stage = new EarlyStage(provider, suite, secret)
    if (!psk) early[suite.hash] = stage
    return stage
  }

  /** What a binder is made with: `ext` for keys agreed elsewhere, `imp` for imported ones, `res` for those of a ticket. */
  *binderKey(origin: 'ext' | 'imp' | 'res'): Task<Uint8Array> {
    return yield* this.derive(binderLabels[origin], yield* emptyDigest(this.provider, this.suite.hash))
  }

  /** What early data is protected with: over the ClientHello alone. */
  traffic(hello: Uint8Array): Task<Uint8Array> {
    return this.derive('c e traffic', hello)
  }

  exporter(hello: Uint8Array): Task<Uint8Array> {
    return this.derive('e exp master', hello)
  }

  *handshake(shared: Uint8Array): Task<HandshakeStage> {
    return new HandshakeStage(this.provider, this.suite, yield* this.mix(shared))
  }
}

const binderLabels = { ext: 'ext binder', imp: 'imp binder', res: 'res binder' } as const

export class HandshakeStage extends Stage {
  *traffic(transcript: Uint8Array): Task<Traffic> {
    return {
      client: yield* this.derive('c hs traffic', transcript),
      server: yield* this.derive('s hs traffic', transcript),
    }
  }

  *master(): Task<MasterStage> {
    return new MasterStage(this.provider, this.suite, yield* this.mix(zeros(this.suite)))
  }
}

export class MasterStage extends Stage {
  *traffic(transcript: Uint8Array): Task<Traffic> {
    return {
      client: yield* this.derive('c ap traffic', transcript),
      server: yield* this.derive('s ap traffic', transcript),
    }
  }

  exporter(transcript: Uint8Array): Task<Uint8Array> {
    return this.derive('exp master', transcript)
  }

  resumption(transcript: Uint8Array): Task<Uint8Array> {
    return this.derive('res master', transcript)
  }
}

/** The verify_data of a Finished, or a binder: an HMAC over a transcript hash (RFC 9846 section 4.4.4). */
export function* finished(
  provider: Provider,
  suite: Hashed,
  secret: Uint8Array,
  transcript: Uint8Array,
): Task<Uint8Array> {
  const key = yield* wait(provider.expandLabel(suite.hash, secret, 'finished', NONE, hashLength[suite.hash]))
  return yield* wait(provider.hmac(suite.hash, key).mac(transcript))
}

/** The traffic secret after a KeyUpdate (RFC 9846 section 7.2). */
export const updated = (provider: Provider, suite: Hashed, secret: Uint8Array): Task<Uint8Array> =>
  wait(provider.expandLabel(suite.hash, secret, 'traffic upd', NONE, hashLength[suite.hash]))

/** The pre-shared key that a ticket stands for (RFC 9846 section 4.6.1). */
export const ticketSecret = (
  provider: Provider,
  suite: Hashed,
  resumption: Uint8Array,
  nonce: Uint8Array,
): Task<Uint8Array> => wait(provider.expandLabel(suite.hash, resumption, 'resumption', nonce, hashLength[suite.hash]))

/** Keying material for others (RFC 9846 section 7.5): no context and an empty one are the same. */
export function* exported(
  provider: Provider,
  suite: Hashed,
  exporter: Uint8Array,
  label: string,
  context: Uint8Array | undefined,
  length: number,
): Task<Uint8Array> {
  const empty = yield* emptyDigest(provider, suite.hash)
  const secret = yield* wait(provider.expandLabel(suite.hash, exporter, label, empty, hashLength[suite.hash]))
  const hashed = yield* wait(digest(provider, suite.hash, context ?? NONE))
  return yield* wait(provider.expandLabel(suite.hash, secret, 'exporter', hashed, length))
}
