import { equal, sameBytes } from '../bytes/compare.ts'
import { utf8 } from '../bytes/text.ts'
import { lastDigest } from '../crypto/digest.ts'
import type { Provider } from '../crypto/provider.ts'
import { CertificateError, Misuse } from '../errors.ts'
import { type Maybe, run, type Task } from '../task.ts'
import { isBare } from './anchor.ts'
import type { Certificate } from './certificate.ts'
import { adviceOn, shown, subjectText } from './fault.ts'
import { Fetching } from './fetching.ts'
import { matchIdentity, parseReference } from './identity.ts'
import {
  type End,
  exceedsPathLength,
  type Finding,
  finding,
  issuerFaults,
  type Judgement,
  judge,
  type Path,
  timeFault,
} from './judge.ts'
import { sameName } from './name.ts'
import type { PolicyInputs } from './policy.ts'
import { Cache, type Fetch, Revocation, type RevocationOptions } from './revocation.ts'
import { Store } from './store.ts'
import { loggedBy, type TransparencyOptions, tooFew } from './transparency.ts'
import { type Budget, type Profile, type RevocationRules, type Rules, Trial, usualBudget } from './trial.ts'
import { trustFor } from './trust.ts'
import { verdicts } from './verdicts.ts'
import type { About, CertificateVerifier, Verified } from './verifier.ts'

export interface VerifierOptions {
  /** Whom to trust. */
  readonly anchors: Store | Iterable<Certificate>
  /** Certificates that may help to reach an anchor beside those that the peer sends. */
  readonly intermediates?: Store | Iterable<Certificate>
  /**
   * As OpenSSL counts (SSL_CTX_set_security_level(3)). 2, the default, wants 112 bits: RSA of 2048 bits, no SHA-1; 1
   * wants 80 bits; 0 takes all that the crypto provider can verify.
   */
  readonly securityLevel?: 0 | 1 | 2 | 3 | 4 | 5
  /** How many intermediates there may be, not counting self-issued ones; 10 by default. */
  readonly maxDepth?: number
  /** Whether a path may end at a certificate of `anchors` that is not self-signed. */
  readonly partialChain?: boolean
  /** Names of which one must match, instead of the one that was asked for. */
  readonly names?: readonly string[]
  /** Whether a server may be verified without any name. Anybody with any certificate then is as good as the right one. */
  readonly noName?: boolean
  /** Whether the purpose (extended key usage, and the key usage of the leaf) is left unchecked. */
  readonly anyPurpose?: boolean
  /**
   * `webpki`, the default, asks of a TLS server what browsers do (CA/Browser Forum Baseline Requirements). `rfc5280` is
   * path validation (section 6.1) with what certificates must have besides (section 4.2), and leaves to the application
   * what the leaf's key is used for. `openssl` is path validation as OpenSSL does it, which asks less of certificates.
   */
  readonly profile?: Profile
  /** Whether to refuse also what CAs must not do and most verifiers let pass, such as serial numbers that are too long. */
  readonly strict?: boolean
  /** What is asked of certificate policies; nothing by default, unless a CA in the path demands it. */
  readonly policies?: Partial<PolicyInputs>
  /** Whether certificates that were revoked are refused, and what proof is demanded. */
  readonly revocation?: RevocationOptions
  /** Whether a server's certificate must be known to logs of Certificate Transparency. */
  readonly transparency?: TransparencyOptions
  /**
   * Gets what certificates name by http addresses: issuers that the peer did not send, revocation lists, OCSP
   * responses. Without it nothing is fetched. What comes is believed only when its signature proves it.
   */
  readonly fetch?: Fetch
  /**
   * Whether signatures that were found good before are not verified again; true by default. Nothing else is remembered of
   * a verification: time, names, trust, policies and revocation are judged every time.
   */
  readonly rememberSignatures?: boolean
  /** What one verification may cost. */
  readonly budget?: Partial<Budget>
  /**
   * Called for every certificate from the top of the path to the leaf, and for every error besides, as the callback of
   * SSL_CTX_set_verify(3) is: return true to go on (and, for an error, to tolerate it), false to refuse.
   */
  readonly onCertificate?: (report: CertificateReport) => boolean
}

/** What an `onCertificate` is told. */
export interface CertificateReport {
  /** Whether the certificate is in order; false for an error. */
  readonly ok: boolean
  /** X509_V number of the error; when `ok`, of the last error that was tolerated, or 0. */
  readonly code: number
  readonly depth: number
  readonly certificate: Certificate
  readonly detail: string
  /** The whole path, leaf first, as far as there is one. */
  readonly chain: readonly Certificate[]
}

/** A verifier by these anchors and rules, for any number of connections. */
export const verifier = (options: VerifierOptions): CertificateVerifier => {
  const { revocation } = options
  const prepared: VerifierOptions = {
    ...options,
    anchors: storeOf(options.anchors),
    intermediates: storeOf(options.intermediates ?? []),
    ...(revocation && {
      revocation: { ...revocation, lists: [...(revocation.lists ?? [])], responses: [...(revocation.responses ?? [])] },
    }),
  }
  const cache = new Cache()
  let known: { readonly size: number; readonly digest: Maybe<Uint8Array> } | undefined
  return {
    ...(options.onCertificate && { tolerant: true }),
    ...(!options.onCertificate && {
      policy(provider: Provider) {
        const { size } = prepared.anchors as Store
        if (known?.size !== size) known = { size, digest: policyOf(prepared, provider) }
        return known.digest
      },
    }),
    verify: (chain, about) => run(buildPath(chain, about, prepared, cache)),
  }
}

/**
 * Takes every chain, whoever made it: no anchor, no date, no name is looked at. The connection is then private towards
 * those who only listen, and open to anybody who stands between.
 */
export const trustAnyone: CertificateVerifier = {
  tolerant: true,
  policy: () => utf8('anyone'),
  verify: (chain) => ({ chain, code: verdicts.unspecified }),
}

/** What anchors and rules come to: the same for verifiers that were made alike. */
const policyOf = (options: VerifierOptions, provider: Provider): Maybe<Uint8Array> => {
  const hash = provider.hash('sha256')
  const add = (bytes: Uint8Array): void => {
    hash.update(Uint8Array.of(...[24, 16, 8, 0].map((shift) => (bytes.length >> shift) & 255)))
    hash.update(bytes)
  }
  const { anchors, intermediates: _, revocation, transparency, fetch, ...rules } = options
  const plain = (value: object = {}): object => Object.entries(value).filter(([, part]) => typeof part !== 'object')
  const told = [rules, plain(revocation), plain(transparency), fetch !== undefined]
  add(utf8(JSON.stringify(told, (_key, value: unknown) => (typeof value === 'function' ? 'function' : value))))
  for (const raw of storeOf(anchors).raws()) add(raw)
  return lastDigest(hash)
}

const storeOf = (certificates: Store | Iterable<Certificate>): Store =>
  certificates instanceof Store ? certificates : new Store(certificates)

/** Bits that each of OpenSSL's security levels asks for. */
const strengths: readonly number[] = [0, 80, 112, 128, 192, 256]

/**
 * Finds a path from the first of these certificates to an anchor and checks all of it. Throws `CertificateError` for
 * the most telling of the faults when there is no good one. `cache` keeps what was fetched from one time to the next.
 */
export function* buildPath(
  sent: readonly Certificate[],
  about: About,
  options: VerifierOptions,
  cache: Cache = new Cache(),
): Task<Verified> {
  const leaf = sent[0]
  if (!leaf) throw new CertificateError(verdicts.nothingToCheck, 0, 'there is no certificate to verify')
  const rules = rulesOf(about, options)
  const trial = new Trial(rules, about.provider, options.budget ? { ...usualBudget, ...options.budget } : usualBudget)
  const anchors = storeOf(options.anchors)
  const pools = [anchors, storeOf(options.intermediates ?? []), new Store(sent.slice(1))]
  const revocation = new Revocation(trial, {
    lists: options.revocation?.lists ?? [],
    responses: options.revocation?.responses ?? [],
    stapled: about.ocsp,
    fetch: options.fetch,
    cache,
    holders: (subject) => pools.flatMap((pool) => pool.bySubject(subject)),
    *prove(signer) {
      const found = yield* new Search(signer, pools, trial.under(signerRules(rules))).find()
      return found?.path.chain
    },
  })
  let search = new Search(leaf, pools, trial, revocation)
  let found = yield* search.find()
  if (!found && options.fetch) {
    const fetching = new Fetching(options.fetch, cache, trial)
    // each round may bring the issuer of what the round before brought; a path that is whole lacks nothing
    for (;;) {
      const { chain, end } = search.explain()
      if (end === 'anchor' || !(yield* fetching.more(chain, pools))) break
      search = new Search(leaf, pools, trial, revocation)
      found = yield* search.find()
      if (found) break
    }
    if (found) fetching.keep()
  }
  const path = found?.path ?? search.explain()
  const { findings, policies } = found ?? search.judged(path) ?? (yield* judge(path, trial, revocation))
  // only what the search found good is good: a path is shown here to say why it is not
  if (!found && findings.every((finding) => finding.code === verdicts.ok))
    throw new CertificateError(verdicts.unspecified, 0, `no path from ${shown(leaf)} to a trust anchor could be proved`)
  const { transparency } = options
  const logged =
    transparency && path.end === 'anchor' && path.chain.length > 1
      ? yield* loggedBy(leaf, path.chain[1] as Certificate, about, transparency.logs, trial)
      : []
  const unlogged =
    transparency?.policy === 'require' && about.purpose === 'server' ? tooFew(leaf, logged, transparency) : undefined
  const code = settle(path, unlogged ? [...findings, finding(leaf, 0, unlogged)] : findings, options.onCertificate)
  const name = rules.references
    .map(({ reference }) => reference && matchIdentity(leaf, reference))
    .find((match) => match !== undefined)
  const verified: { -readonly [F in keyof Verified]: Verified[F] } = { chain: path.chain, code, policies }
  if (transparency) verified.logged = logged
  if (name !== undefined) verified.name = name
  return verified
}

/** Who signs lists needs a path, but neither a name nor a purpose of TLS nor policies. */
const signerRules = (rules: Rules): Rules => ({
  ...rules,
  purpose: undefined,
  references: [],
  policies: noPolicies,
})

const noPolicies: PolicyInputs = {
  initial: undefined,
  requireExplicit: false,
  inhibitMapping: false,
  inhibitAny: false,
}

const rulesOf = (about: About, options: VerifierOptions): Rules => {
  const names = options.names ?? (about.name === undefined ? [] : [about.name])
  if (names.length === 0 && about.purpose === 'server' && !options.noName) {
    const detail = 'no name was given that the certificate should be for; give one, or allow its absence with "noName"'
    throw new CertificateError(verdicts.nothingToCheck, 0, detail)
  }
  const strength = strengths[options.securityLevel ?? 2]
  if (strength === undefined) throw new Misuse(`there is no security level ${options.securityLevel}; there are 0 to 5`)
  // as far as a Date reaches
  if (!(Math.abs(about.time) <= 8.64e15)) throw new Misuse(`${about.time} is no time in milliseconds since 1970`)
  return {
    purpose: options.anyPurpose ? undefined : about.purpose,
    trustedFor: options.anyPurpose ? undefined : about.purpose,
    references: names.length === 1 ? referenceTo(names[0] as string) : names.flatMap(referenceTo),
    time: about.time,
    strength,
    maxDepth: options.maxDepth ?? 10,
    partialChain: options.partialChain ?? false,
    profile: options.profile ?? 'webpki',
    strict: options.strict ?? false,
    tolerant: options.onCertificate !== undefined,
    policies: options.policies ? { ...noPolicies, ...options.policies } : noPolicies,
    revocation: revocationRules(about, options.revocation ?? {}),
    rememberSignatures: options.rememberSignatures ?? true,
  }
}

/** The one that was asked for last: a client connects to the same host again and again. */
let lastReferences: Rules['references'] = []
const referenceTo = (text: string): Rules['references'] =>
  lastReferences[0]?.text === text ? lastReferences : (lastReferences = [{ text, reference: parseReference(text) }])

const DAY = 86_400_000
const revocationRules = (about: About, options: RevocationOptions): RevocationRules => ({
  crl: options.crl ?? 'ignore',
  ocsp: options.ocsp ?? 'check',
  requireFor: options.requireFor ?? 'chain',
  asked: about.ocspAsked ?? false,
  maxAge: options.maxAge ?? 10 * DAY,
  skew: options.skew ?? 300_000,
  nonce: options.nonce,
})

/** Throws for the first fault, unless there is somebody who may let it pass. Returns the last one that was let pass. */
const settle = ({ chain }: Path, findings: readonly Finding[], ask: VerifierOptions['onCertificate']): number => {
  let tolerated: Finding | undefined
  for (const finding of findings) {
    const { depth, certificate } = finding
    const ok = finding.code === verdicts.ok
    if (!ok) tolerated = finding
    const code = tolerated?.code ?? verdicts.ok
    if (ask ? ask({ ok, code, depth, certificate, detail: finding.detail, chain }) : ok) continue
    const refused = { verdict: 'unspecified', detail: `${shown(certificate)} was refused by the application` } as const
    const { rule, remedy } = { ...adviceOn(refused), ...(tolerated ?? finding) }
    const explanation = { path: chain.map(subjectText), certificate: subjectText(certificate), rule, remedy }
    if (ok && !tolerated) throw new CertificateError(verdicts.unspecified, depth, refused.detail, { explanation })
    throw new CertificateError(code, depth, finding.detail, { explanation })
  }
  return tolerated?.code ?? verdicts.ok
}

interface Judged extends Judgement {
  readonly path: Path
}

/** How the anchors' store has a certificate. */
type Standing = 'anchor' | 'distrusted' | 'neither'

/** Paths never have more certificates, whatever `maxDepth` says: self-issued ones do not count there. */
const LONGEST = 64

/** The search for a path, by depth, the likeliest issuers first. It only proposes: `judge` decides. */
class Search {
  readonly #leaf: Certificate
  readonly #anchors: Store
  readonly #pools: readonly Store[]
  readonly #trial: Trial
  readonly #revocation: Revocation | undefined
  /** Subjects from which some chain of names leads to an anchor, once there is a choice. */
  #reached: ReadonlySet<string> | undefined
  /** Whether identifiers of the issuer must fit, as OpenSSL wants it, instead of being hints (RFC 5280 section 4.2.1.1). */
  readonly #exact: boolean
  readonly #standings = new Map<Certificate, Standing>()
  /** Whether a certificate may issue others at all; asked where there is a choice. */
  readonly #fit = new Map<Certificate, boolean>()
  /** A path to a certificate that is not to be trusted: there is no looking for another. */
  #distrusted: Path | undefined
  /** Whole paths that were not good. */
  readonly #failed: Judged[] = []

  /** `pools`: the anchors first. */
  constructor(leaf: Certificate, pools: readonly Store[], trial: Trial, revocation?: Revocation) {
    this.#anchors = pools[0] as Store
    this.#leaf = this.#anchors.kept(leaf) ?? leaf
    this.#pools = pools
    this.#trial = trial
    this.#revocation = revocation
    this.#exact = trial.rules.strict || trial.rules.profile === 'openssl'
  }

  get #hopeful(): ReadonlySet<string> {
    return (this.#reached ??= this.#reachable())
  }

  /** A path without faults, if there is one. Throws `CertificateError` when the budget is spent. */
  *find(): Task<Judged | undefined> {
    return yield* this.#extend([this.#leaf], 0, true)
  }

  /** `only`: there was no choice on the way, so that whoever judges the path says what is wrong with it. */
  *#extend(chain: readonly Certificate[], counted: number, only: boolean): Task<Judged | undefined> {
    const last = chain[chain.length - 1] as Certificate
    if (this.#isAnchor(last)) {
      const path: Path = { chain, end: 'anchor' }
      const { findings, policies } = yield* judge(path, this.#trial, this.#revocation)
      const judged = { path, findings, policies }
      if (findings.every(({ code }) => code === verdicts.ok)) return judged
      this.#failed.push(judged)
      return undefined
    }
    if (this.#isDistrusted(last)) this.#distrusted = { chain, end: 'distrusted' }
    if (chain.length >= LONGEST) return undefined
    const issuers = this.#candidates(chain)
    const still = only && issuers.length === 1
    for (const issuer of issuers) {
      if (this.#distrusted) return undefined
      const anchor = this.#isAnchor(issuer)
      const distrusted = this.#isDistrusted(issuer)
      if (!anchor && !distrusted && issuers.length > 1 && !this.#hopeful.has(issuer.issuer.key)) continue
      const now = counted + (anchor || issuer.selfIssued ? 0 : 1)
      if (now > this.#trial.rules.maxDepth || exceedsPathLength(issuer, counted)) continue
      if (!still && !distrusted && !this.#mayIssue(issuer, anchor)) continue
      if ((yield* this.#trial.signedBy(last, issuer)) !== 'good') continue
      const found = yield* this.#extend([...chain, issuer], now, still)
      if (found) return found
    }
    return undefined
  }

  /** What was found about this path, if it was judged on the way. */
  judged({ chain, end }: Path): Judgement | undefined {
    const same = (path: Path): boolean =>
      path.end === end && path.chain.length === chain.length && path.chain.every((one, i) => one === chain[i])
    return this.#failed.find(({ path }) => same(path))
  }

  /** The path that looks best although it is not good: its faults explain the failure. */
  explain(): Path {
    if (this.#distrusted) return this.#distrusted
    const chain = [this.#leaf]
    let counted = 0
    for (;;) {
      const last = chain[chain.length - 1] as Certificate
      if (this.#isAnchor(last)) return { chain, end: 'anchor' }
      if (this.#isDistrusted(last)) return { chain, end: 'distrusted' }
      const next = last.selfSigned
        ? undefined
        : this.#candidates(chain).find((issuer) => this.#mayBeMeant(last, issuer))
      if (!next) return { chain, end: this.#endAt(last) }
      chain.push(next)
      if (!this.#isAnchor(next) && !next.selfIssued) counted++
      if (counted > this.#trial.rules.maxDepth || chain.length > LONGEST) return { chain, end: 'tooLong' }
    }
  }

  /** A bearer of the issuer's name with another key is somebody else, if the key identifiers say so too. */
  #mayBeMeant(last: Certificate, issuer: Certificate): boolean {
    return keyIdsAgree(last, issuer) !== false || this.#trial.known(last, issuer) === 'good'
  }

  #endAt(last: Certificate): End {
    if (last.selfSigned) return 'selfSigned'
    return this.#anchors.has(last) ? 'untrustedStore' : 'noIssuer'
  }

  #isAnchor(certificate: Certificate): boolean {
    return this.#standing(certificate) === 'anchor'
  }

  #isDistrusted(certificate: Certificate): boolean {
    return this.#standing(certificate) === 'distrusted'
  }

  #standing(certificate: Certificate): Standing {
    let standing = this.#standings.get(certificate)
    if (!standing) this.#standings.set(certificate, (standing = this.#stands(certificate)))
    return standing
  }

  #stands(certificate: Certificate): Standing {
    const kept = this.#anchors.kept(certificate)
    if (!kept) return 'neither'
    const { partialChain, trustedFor } = this.#trial.rules
    const trust = trustFor(kept.trust, trustedFor)
    if (trust === 'rejected') return 'distrusted'
    const ends = partialChain || kept.selfSigned || (trust === 'trusted' && certificate !== this.#leaf)
    return ends ? 'anchor' : 'neither'
  }

  #mayIssue(certificate: Certificate, anchor: boolean): boolean {
    const before = this.#fit.get(certificate)
    if (before !== undefined) return before
    const trial = this.#trial
    const fit = issuerFaults(certificate, anchor, trial).length === 0 && !timeFault(certificate, trial.rules.time)
    this.#fit.set(certificate, fit)
    return fit
  }

  /** Those whose subject is the last one's issuer and that are not in the path yet, the likeliest first. */
  #candidates(chain: readonly Certificate[]): readonly Certificate[] {
    const last = chain[chain.length - 1] as Certificate
    const wanted: Certificate[] = []
    for (const [at, pool] of this.#pools.entries()) {
      for (const certificate of pool.bySubject(last.issuer)) {
        this.#trial.spend('candidates')
        if (this.#pools.some((other, before) => before < at && other.has(certificate))) continue
        if (chain.some((before) => sameEntity(before, certificate))) continue
        if (this.#exact && !mayBeIssuer(last, certificate)) continue
        wanted.push(certificate)
      }
    }
    if (wanted.length < 2) return wanted
    const ranks = new Map(wanted.map((certificate) => [certificate, this.#rank(last, certificate)]))
    return wanted.sort((a, b) => (ranks.get(b) as number) - (ranks.get(a) as number) || b.notAfter - a.notAfter)
  }

  #rank(last: Certificate, issuer: Certificate): number {
    const anchor = this.#isAnchor(issuer)
    const signature = this.#trial.known(last, issuer)
    const ids = keyIdsAgree(last, issuer)
    let rank = 0
    if (signature) rank += signature === 'good' ? 64 : -64
    if (anchor || this.#hopeful.has(issuer.issuer.key) || this.#isDistrusted(issuer)) rank += 32
    if (ids !== undefined) rank += ids ? 16 : -16
    if (!timeFault(issuer, this.#trial.rules.time)) rank += 8
    if (issuer.known.basicConstraints?.ca) rank += 4
    if (anchor) rank += 2
    if (this.#anchors.has(issuer)) rank += 1
    return rank
  }

  /** Follows issuers' names up from the leaf, then marks backwards from the anchors what leads to one. */
  #reachable(): ReadonlySet<string> {
    const hopeful = new Set<string>()
    const edges = new Map<string, Set<string>>()
    const seen = new Set<string>([this.#leaf.issuer.key])
    for (const name of seen) {
      for (const certificate of this.#pools.flatMap((pool) => pool.bySubject(name))) {
        this.#trial.spend('candidates')
        if (this.#isAnchor(certificate) || this.#isDistrusted(certificate)) hopeful.add(name)
        const above = certificate.issuer.key
        seen.add(above)
        const below = edges.get(above) ?? new Set()
        edges.set(above, below.add(name))
      }
    }
    for (const name of hopeful) for (const below of edges.get(name) ?? []) hopeful.add(below)
    return hopeful
  }
}

/** Undefined when one of them has no key identifier. */
const keyIdsAgree = (certificate: Certificate, issuer: Certificate): boolean | undefined => {
  const wanted = certificate.known.authorityKeyIdentifier?.keyId
  const has = issuer.known.subjectKeyIdentifier
  return wanted && has && equal(wanted, has)
}

/** Whether all that the authorityKeyIdentifier says is true of this issuer. */
const mayBeIssuer = (certificate: Certificate, issuer: Certificate): boolean => {
  // a name with a key has no serial number
  if (isBare(issuer)) return true
  const { serial, issuer: names } = certificate.known.authorityKeyIdentifier ?? {}
  if (keyIdsAgree(certificate, issuer) === false) return false
  if (serial && !equal(serial, issuer.serial)) return false
  const name = names?.find(({ type }) => type === 'directory')
  return name?.type !== 'directory' || name.value.key === issuer.issuer.key
}

/** Whether two certificates are of the same holder and key: a path that met both would go in circles. */
const sameEntity = (a: Certificate, b: Certificate): boolean =>
  sameBytes(a.spki, b.spki) && sameName(a.subject, b.subject)
