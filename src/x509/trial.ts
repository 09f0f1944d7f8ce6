import type { Provider, PublicKey } from '../crypto/provider.ts'
import { CertificateError, Misuse } from '../errors.ts'
import { isPromise, type Task, wait } from '../task.ts'
import type { Certificate } from './certificate.ts'
import type { Reference } from './identity.ts'
import { keepGood, knownGood, signatureName } from './known-signatures.ts'
import type { PolicyInputs } from './policy.ts'
import type { SignatureAlgorithm } from './signature.ts'
import { verdicts } from './verdicts.ts'

/** What one verification may cost at most, whatever certificates it is given. */
export interface Budget {
  /** Signatures verified. */
  readonly signatures: number
  /** Certificates looked at as possible issuers. */
  readonly candidates: number
  /** Names compared with name constraints. */
  readonly comparisons: number
  /** Addresses asked by way of `fetch`. */
  readonly fetches: number
}

export const usualBudget: Budget = { signatures: 100, candidates: 10_000, comparisons: 1 << 20, fetches: 16 }

/**
 * By whose rules: `webpki`, what browsers ask of servers' certificates; `rfc5280`, path validation and what that document
 * demands of certificates besides; `openssl`, path validation as OpenSSL does it, which lets pass more of the latter.
 */
export type Profile = 'webpki' | 'rfc5280' | 'openssl'

/** What a path is measured by; nothing here is optional any more. */
export interface Rules {
  /** Undefined: any purpose will do. */
  readonly purpose: 'server' | 'client' | undefined
  /** For what anchors must be trusted where their trust settings say something; undefined: for anything. */
  readonly trustedFor: 'server' | 'client' | undefined
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
  readonly profile: Profile
  /** Whether rules count that bind CAs and that most verifiers let pass. */
  readonly strict: boolean
  /** Whether somebody may let faults pass, so that all of them are wanted. */
  readonly tolerant: boolean
  readonly policies: PolicyInputs
  readonly revocation: RevocationRules
  /** Whether a signature that was found good before is not verified again. */
  readonly rememberSignatures: boolean
}

/** How much each kind of evidence counts; see `RevocationOptions`. */
export interface RevocationRules {
  readonly crl: 'ignore' | 'check' | 'require'
  readonly ocsp: 'ignore' | 'check' | 'require'
  readonly requireFor: 'chain' | 'leaf'
  /** Whether a stapled answer was asked for, so that a certificate may insist on one. */
  readonly asked: boolean
  /** Milliseconds. */
  readonly maxAge: number
  readonly skew: number
  readonly nonce: Uint8Array | undefined
}

/** What all trials of one verification have in common. */
interface Account {
  readonly provider: Provider
  readonly left: Record<keyof Budget, number>
  readonly whole: Budget
  readonly outcomes: Map<Certificate, Map<Certificate, SignatureOutcome>>
}

/** One verification: its rules, what it has spent, and what it has found out so far. */
export class Trial {
  readonly rules: Rules
  readonly #account: Account

  constructor(rules: Rules, provider: Provider, budget: Budget, account?: Account) {
    this.rules = rules
    this.#account = account ?? { provider, whole: budget, left: { ...budget }, outcomes: new Map() }
  }

  /** The same verification by other rules: for those who sign revocation lists. */
  under(rules: Rules): Trial {
    const { provider, whole } = this.#account
    return new Trial(rules, provider, whole, this.#account)
  }

  get provider(): Provider {
    return this.#account.provider
  }

  /** Throws `CertificateError` when more would be spent than there is. */
  spend(what: keyof Budget, amount = 1): void {
    const { left, whole } = this.#account
    left[what] -= amount
    if (left[what] >= 0) return
    const detail = `these certificates need more than ${whole[what]} ${what}, which no honest chain does; verification was given up`
    throw new CertificateError(verdicts.rejected, 0, detail)
  }

  /** As `spend`, for what is not needed: says whether there was enough left. */
  afford(what: keyof Budget): boolean {
    const { left } = this.#account
    if (left[what] <= 0) return false
    left[what]--
    return true
  }

  /** What is known of a signature without working for it. */
  known(certificate: Certificate, issuer: Certificate): SignatureOutcome | undefined {
    return this.#account.outcomes.get(certificate)?.get(issuer)
  }

  /** Whether the issuer's key made the certificate's signature. Each pair is tried once. */
  *signedBy(certificate: Certificate, issuer: Certificate): Task<SignatureOutcome> {
    const before = this.known(certificate, issuer)
    if (before) return before
    const outcome = yield* this.#check(certificate, issuer)
    const outcomes = this.#account.outcomes.get(certificate) ?? new Map<Certificate, SignatureOutcome>()
    outcomes.set(issuer, outcome)
    this.#account.outcomes.set(certificate, outcomes)
    return outcome
  }

  *#check(certificate: Certificate, issuer: Certificate): Task<SignatureOutcome> {
    if (!certificate.algorithmsAgree) return 'disagreeing'
    const { signatureAlgorithm, tbs, signature } = certificate
    const { rememberSignatures } = this.rules
    if (rememberSignatures && signatureAlgorithm.algorithm && certificate.provedBy(this.provider, issuer)) {
      // what is remembered is paid for all the same: no verdict may depend on it
      this.spend('signatures')
      return 'good'
    }
    const outcome = yield* this.verify(issuer, signatureAlgorithm, tbs, signature)
    if (rememberSignatures && outcome === 'good') certificate.keepProved(this.provider, issuer)
    return outcome
  }

  /** Whether this certificate's key signed these bytes. */
  *verify(
    signer: Certificate,
    { algorithm }: SignatureAlgorithm,
    message: Uint8Array,
    signature: Uint8Array,
  ): Task<SignatureOutcome> {
    if (!algorithm) return 'unsupported'
    // what is remembered is paid for all the same: no verdict may depend on it
    this.spend('signatures')
    const { provider } = this
    const name = this.rules.rememberSignatures
      ? yield* signatureName(provider, signer.spki, algorithm, message, signature)
      : undefined
    if (name !== undefined && knownGood(provider, name)) return 'good'
    const key = yield* publicKeyOf(signer, provider)
    if (!key) return 'unusableKey'
    if (!(yield* wait(key.verify(algorithm, message, signature)))) return 'bad'
    if (name !== undefined) keepGood(provider, name)
    return 'good'
  }
}

export type SignatureOutcome = 'good' | 'bad' | 'unsupported' | 'disagreeing' | 'unusableKey'

/**
 * The key of a certificate, imported once for the provider that asked last. Undefined for one that it cannot use.
 */
export function* publicKeyOf(certificate: Certificate, provider: Provider): Task<PublicKey | undefined> {
  const before = certificate.importedBy(provider)
  if (before) return before
  try {
    const answer = provider.publicKey(certificate.spki)
    const key = isPromise(answer) ? yield* wait(answer) : answer
    certificate.keepImported(provider, key)
    return key
  } catch (error) {
    if (error instanceof Misuse) return undefined
    throw error
  }
}
