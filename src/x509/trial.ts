import type { Provider, PublicKey } from '../crypto/provider.ts'
import { CertificateError, Misuse } from '../errors.ts'
import { isPromise, type Task, wait } from '../task.ts'
import type { Certificate } from './certificate.ts'
import type { Reference } from './identity.ts'
import { verdicts } from './verdicts.ts'

/** What one verification may cost at most, whatever certificates it is given. */
export interface Budget {
  /** Signatures verified. */
  readonly signatures: number
  /** Certificates looked at as possible issuers. */
  readonly candidates: number
  /** Names compared with name constraints. */
  readonly comparisons: number
}

export const usualBudget: Budget = { signatures: 100, candidates: 10_000, comparisons: 1 << 20 }

/** What a path is measured by; nothing here is optional any more. */
export interface Rules {
  /** Undefined: any purpose will do. */
  readonly purpose: 'server' | 'client' | undefined
  /** One of these must be in the leaf; none: the name is not checked. */
  readonly references: readonly { readonly text: string; readonly reference: Reference | undefined }[]
  /** Milliseconds since 1970. */
  readonly time: number
  /** Bits of security that keys and signatures must have. */
  readonly strength: number
  /** Intermediates at most; self-issued ones are not counted. */
  readonly maxDepth: number
  /** Whether any certificate of the store ends a path, not only self-signed ones. */
  readonly partialChain: boolean
}

/** One verification: its rules, what it has spent, and what it has found out so far. */
export class Trial {
  readonly rules: Rules
  readonly #provider: Provider
  readonly #left: Record<keyof Budget, number>
  readonly #whole: Budget
  readonly #outcomes = new Map<Certificate, Map<Certificate, SignatureOutcome>>()

  constructor(rules: Rules, provider: Provider, budget: Budget) {
    this.rules = rules
    this.#provider = provider
    this.#whole = budget
    this.#left = { ...budget }
  }

  /** Throws `CertificateError` when more would be spent than there is. */
  spend(what: keyof Budget, amount = 1): void {
    this.#left[what] -= amount
    if (this.#left[what] >= 0) return
    const detail = `these certificates need more than ${this.#whole[what]} ${what}, which no honest chain does; verification was given up`
    throw new CertificateError(verdicts.rejected, 0, detail)
  }

  /** What is known of a signature without working for it. */
  known(certificate: Certificate, issuer: Certificate): SignatureOutcome | undefined {
    return this.#outcomes.get(certificate)?.get(issuer)
  }

  /** Whether the issuer's key made the certificate's signature. Each pair is tried once. */
  *signedBy(certificate: Certificate, issuer: Certificate): Task<SignatureOutcome> {
    const before = this.known(certificate, issuer)
    if (before) return before
    const outcome = yield* this.#check(certificate, issuer)
    const outcomes = this.#outcomes.get(certificate) ?? new Map<Certificate, SignatureOutcome>()
    outcomes.set(issuer, outcome)
    this.#outcomes.set(certificate, outcomes)
    return outcome
  }

  *#check(certificate: Certificate, issuer: Certificate): Task<SignatureOutcome> {
    const { algorithm } = certificate.signatureAlgorithm
    if (!certificate.algorithmsAgree) return 'disagreeing'
    if (!algorithm) return 'unsupported'
    this.spend('signatures')
    const key = yield* publicKeyOf(issuer, this.#provider)
    if (!key) return 'unusableKey'
    return (yield* wait(key.verify(algorithm, certificate.tbs, certificate.signature))) ? 'good' : 'bad'
  }
}

export type SignatureOutcome = 'good' | 'bad' | 'unsupported' | 'disagreeing' | 'unusableKey'

/** Keys of certificates that stay, such as trust anchors, are imported once. */
const imported = new WeakMap<Provider, WeakMap<Certificate, PublicKey>>()

/** Undefined for a key that the provider cannot use. */
export function* publicKeyOf(certificate: Certificate, provider: Provider): Task<PublicKey | undefined> {
  const keys = imported.get(provider) ?? new WeakMap<Certificate, PublicKey>()
  imported.set(provider, keys)
  const before = keys.get(certificate)
  if (before) return before
  try {
    const answer = provider.publicKey(certificate.spki)
    const key = isPromise(answer) ? yield* wait(answer) : answer
    keys.set(certificate, key)
    return key
  } catch (error) {
    if (error instanceof Misuse) return undefined
    throw error
  }
}
