import { equal } from '../bytes/compare.ts'
import type { Task } from '../task.ts'
import type { Certificate } from './certificate.ts'
import { ALL_REASONS, type RevocationList, type RevokedEntry, reasonBits } from './crl.ts'
import { compareBytes, DerError, DerReader, der, sequence, tags } from './der.ts'
import type { DistributionPoint } from './extensions.ts'
import { type Fault, shown } from './fault.ts'
import { type GeneralName, generalNameText } from './general-name.ts'
import { type Name, readName } from './name.ts'
import type { Sources } from './revocation.ts'
import { signatureStrength } from './signature.ts'
import { secondOf, when } from './time.ts'
import type { Trial } from './trial.ts'

/** What revocation lists say of a certificate. `unknown`: not all reasons are covered; the fault says why. */
export type Listed = { readonly kind: 'good' } | { readonly kind: 'revoked' | 'unknown'; readonly fault: Fault }

/** How often a signer's own revocation may hang on another signer's. */
const DEEPEST = 4

/** Judges certificates by revocation lists (RFC 5280 section 6.3). What was found out about one certificate stays. */
export class ListStatus {
  readonly #trial: Trial
  readonly #sources: Sources
  readonly #byIssuer = new Map<string, RevocationList[]>()
  /** Where fetched lists came from, to keep them once they have proved genuine. */
  readonly #urls = new Map<RevocationList, string>()
  /** Lists whose signature and signer are known to be good for paths that end at this anchor, or why they are not. */
  readonly #signers = new Map<RevocationList, Map<string, Fault | undefined>>()
  /** Certificates whose status is being found out: a list that they sign may speak of themselves. */
  readonly #open = new Set<Certificate>()

  constructor(trial: Trial, sources: Sources) {
    this.#trial = trial
    this.#sources = sources
    for (const list of sources.lists) this.add(list)
  }

  add(list: RevocationList, url?: string): void {
    const some = this.#byIssuer.get(list.issuer.key)
    if (some) some.push(list)
    else this.#byIssuer.set(list.issuer.key, [list])
    if (url !== undefined) this.#urls.set(list, url)
  }

  /** The status of the certificate at this depth of a path, whose last certificate is the anchor. */
  *of(chain: readonly Certificate[], depth: number): Task<Listed> {
    const certificate = chain[depth] as Certificate
    const state: Search = { certificate, chain, depth, covered: 0, worst: undefined }
    const points = certificate.known.cRLDistributionPoints ?? []
    for (const point of [...points, undefined]) {
      for (const list of this.#candidates(certificate, point)) {
        this.#trial.spend('candidates')
        const revoked = yield* this.#consult(list, point, state)
        if (revoked) return { kind: 'revoked', fault: revoked }
        if (state.covered === ALL_REASONS) return { kind: 'good' }
      }
    }
    const none = `there is no revocation list for ${shown(certificate)}`
    const some = `the revocation lists for ${shown(certificate)} do not cover all reasons`
    const fault = state.worst ?? { verdict: 'noCrl', detail: state.covered ? some : none }
    return { kind: 'unknown', fault }
  }

  #candidates(certificate: Certificate, point: DistributionPoint | undefined): readonly RevocationList[] {
    const issuers = point?.crlIssuer ? directories(point.crlIssuer) : [certificate.issuer]
    return issuers.flatMap(({ key }) => this.#byIssuer.get(key) ?? []).filter(({ base }) => base === undefined)
  }

  /** Takes one complete list and its deltas into account. A fault: the certificate is revoked. */
  *#consult(list: RevocationList, point: DistributionPoint | undefined, state: Search): Task<Fault | undefined> {
    const { certificate, chain, depth } = state
    const mask = (point?.reasons ? reasonBits(point.reasons) : ALL_REASONS) & (list.scope?.reasons ?? ALL_REASONS)
    if ((mask & ~state.covered) === 0) return undefined
    const problem =
      scopeProblem(list, point, certificate) ??
      this.#timeProblem(list) ??
      (yield* this.#signerProblem(list, chain, depth))
    if (problem) {
      state.worst = telling(state.worst, problem)
      return undefined
    }
    let entry: RevokedEntry | undefined
    try {
      entry = list.find(certificate.serial, certificate.issuer)
      const delta = yield* this.#deltaOf(list, chain, depth)
      entry = delta?.find(certificate.serial, certificate.issuer) ?? entry
    } catch (error) {
      if (!(error instanceof DerError)) throw error
      state.worst = { verdict: 'noCrl', detail: error.message }
      return undefined
    }
    if (entry && entry.reason !== 'removeFromCRL') {
      const detail = `${shown(certificate)} was revoked on ${when(entry.date)} (${entry.reason}), says the list of "${list.issuer}"`
      return { verdict: 'revoked', detail }
    }
    state.covered |= mask
    return undefined
  }

  /** The newest delta that continues this list and is good itself (RFC 5280 section 6.3.3 (c) and (h)). */
  *#deltaOf(list: RevocationList, chain: readonly Certificate[], depth: number): Task<RevocationList | undefined> {
    let newest: RevocationList | undefined
    for (const delta of this.#byIssuer.get(list.issuer.key) ?? []) {
      if (delta.base === undefined || !continues(delta, list)) continue
      this.#trial.spend('candidates')
      if (newest && compareNumbers(newest.number, delta.number) >= 0) continue
      if (this.#timeProblem(delta) || (yield* this.#signerProblem(delta, chain, depth))) continue
      newest = delta
    }
    return newest
  }

  #timeProblem(list: RevocationList): Fault | undefined {
    const { time } = this.#trial.rules
    const of = `the revocation list of "${list.issuer}"`
    const { thisUpdate, nextUpdate } = list
    if (secondOf(time) < thisUpdate)
      return { verdict: 'crlNotYetValid', detail: `${of} is of ${when(thisUpdate)}, and it is ${when(time)}` }
    if (nextUpdate === undefined)
      return { verdict: 'crlExpired', detail: `${of} does not say until when it is good, which RFC 5280 demands` }
    if (secondOf(time) > nextUpdate)
      return { verdict: 'crlExpired', detail: `${of} was good until ${when(nextUpdate)}, and it is ${when(time)}` }
    return undefined
  }

  *#signerProblem(list: RevocationList, chain: readonly Certificate[], depth: number): Task<Fault | undefined> {
    const anchor = chain[chain.length - 1] as Certificate
    const known = this.#signers.get(list) ?? new Map<string, Fault | undefined>()
    this.#signers.set(list, known)
    // a signer may be of this very path, which is not proved for others
    const where = `${anchor.text} ${chain[depth + 1]?.text ?? ''}`
    if (known.has(where)) return known.get(where)
    const problem = yield* this.#findSigner(list, chain, depth)
    // while some signer is being looked into, answers rest on the assumption that it is good
    if (this.#open.size > 0) return problem
    known.set(where, problem)
    const url = this.#urls.get(list)
    if (!problem && url !== undefined) this.#sources.cache.keep(url, list)
    return problem
  }

  *#findSigner(list: RevocationList, chain: readonly Certificate[], depth: number): Task<Fault | undefined> {
    const of = `the revocation list of "${list.issuer}"`
    if (!list.algorithmsAgree)
      return { verdict: 'badCrlSignature', detail: `${of} names two different signature algorithms` }
    if (signatureStrength(list.signatureAlgorithm) < this.#trial.rules.strength) {
      const detail = `${of} is signed with ${list.signatureAlgorithm.name}, which is too weak or not supported`
      return { verdict: 'badCrlSignature', detail }
    }
    let worst: Fault = { verdict: 'noCrlIssuer', detail: `nobody is at hand who could have signed ${of}` }
    const above = chain.slice(depth + 1)
    const seen = new Set<string>()
    for (const signer of [...above, ...this.#sources.holders(list.issuer.key)]) {
      if (signer.subject.key !== list.issuer.key || seen.has(signer.text)) continue
      seen.add(signer.text)
      this.#trial.spend('candidates')
      const { keyUsage } = signer
      if (keyUsage && !keyUsage.has('cRLSign')) {
        const detail = `the key usage of ${shown(signer)} does not allow signing revocation lists`
        worst = telling(worst, { verdict: 'noCrlSign', detail })
        continue
      }
      const { signatureAlgorithm, tbs, signature } = list
      if ((yield* this.#trial.verify(signer, signatureAlgorithm, tbs, signature)) !== 'good') {
        worst = telling(worst, { verdict: 'badCrlSignature', detail: `${shown(signer)} did not sign ${of}` })
        continue
      }
      if (above.includes(signer) || (yield* this.#sameTrust(signer, chain))) return undefined
      const detail = `${shown(signer)} signed ${of}, and has no good path to the trust anchor of the certificate`
      worst = { verdict: 'crlPath', detail }
    }
    return worst
  }

  /** Whether a signer outside the path has one of its own to the same anchor, with nothing revoked on it. */
  *#sameTrust(signer: Certificate, chain: readonly Certificate[]): Task<boolean> {
    if (this.#open.has(signer)) return true
    if (this.#open.size >= DEEPEST) return false
    const path = yield* this.#sources.prove(signer)
    const anchor = chain[chain.length - 1] as Certificate
    const end = path?.[path.length - 1]
    if (!path || !end || end.subject.key !== anchor.subject.key || !equal(end.spki, anchor.spki)) return false
    this.#open.add(signer)
    try {
      for (let depth = path.length - 2; depth >= 0; depth--) {
        // what stands in the path that is judged is judged there
        if (chain.includes(path[depth] as Certificate)) continue
        const status = yield* this.of(path, depth)
        if (status.kind === 'revoked') return false
        if (status.kind === 'unknown' && this.#trial.rules.revocation.crl === 'require') return false
      }
    } finally {
      this.#open.delete(signer)
    }
    return true
  }
}

interface Search {
  readonly certificate: Certificate
  readonly chain: readonly Certificate[]
  readonly depth: number
  /** Reasons for which it is known not to be revoked. */
  covered: number
  worst: Fault | undefined
}

/** How much a fault tells of why there is no status; the later the check, the more. */
const ranks: Readonly<Partial<Record<Fault['verdict'], number>>> = {
  noCrl: 0,
  differentCrlScope: 1,
  noCrlIssuer: 2,
  badCrlSignature: 3,
  crlNotYetValid: 4,
  crlExpired: 4,
  noCrlSign: 5,
  crlPath: 6,
}
const telling = (a: Fault | undefined, b: Fault): Fault =>
  a && (ranks[a.verdict] ?? 0) >= (ranks[b.verdict] ?? 0) ? a : b

/** Whether the list may speak of the certificate (RFC 5280 section 6.3.3 (b)). */
const scopeProblem = (
  { issuer, scope }: RevocationList,
  point: DistributionPoint | undefined,
  certificate: Certificate,
): Fault | undefined => {
  const different = (why: string): Fault => ({
    verdict: 'differentCrlScope',
    detail: `the revocation list of "${issuer}" is not about ${shown(certificate)}: ${why}`,
  })
  if (point?.crlIssuer && !scope?.indirect)
    return different('it is not indirect, and another issuer made the certificate')
  if (!scope) return undefined
  if (scope.attributeOnly) return different('it is about attribute certificates only')
  const ca = certificate.known.basicConstraints?.ca === true
  if (scope.userOnly && ca) return different('it is about certificates of users only')
  if (scope.caOnly && !ca) return different('it is about certificates of CAs only')
  if (!scope.point) return undefined
  const listed = pointNames(scope.point, issuer)
  const wanted = point
    ? point.fullName || point.relativeName
      ? pointNames(
          point,
          point.crlIssuer ? (directories(point.crlIssuer)[0] ?? certificate.issuer) : certificate.issuer,
        )
      : (point.crlIssuer ?? []).map(nameKey)
    : [nameKey({ type: 'directory', value: certificate.issuer })]
  return wanted.some((name) => listed.includes(name)) ? undefined : different('it is for another distribution point')
}

/** The names of a distribution point, to be compared; a relative one stands below its issuer's name. */
const pointNames = (
  { fullName, relativeName }: Pick<DistributionPoint, 'fullName' | 'relativeName'>,
  issuer: Name,
): readonly string[] => {
  if (!relativeName) return (fullName ?? []).map(nameKey)
  const above = new DerReader(issuer.raw, 'the name of an issuer').value(tags.sequence)
  const whole = sequence(above, der(tags.set, relativeName))
  try {
    const value = readName(new DerReader(whole, 'the name of a distribution point'), 'the name of a distribution point')
    return [nameKey({ type: 'directory', value })]
  } catch (error) {
    if (error instanceof DerError) return []
    throw error
  }
}

const nameKey = (name: GeneralName): string =>
  name.type === 'directory' ? `directory ${name.value.key}` : `${name.type} ${generalNameText(name)}`

const directories = (names: readonly GeneralName[]): readonly Name[] =>
  names.flatMap((name) => (name.type === 'directory' ? [name.value] : []))

/** RFC 5280 sections 5.2.4 and 6.3.3 (c): the same issuer, scope and key, based on this list or one before it, and newer. */
const continues = (delta: RevocationList, list: RevocationList): boolean => {
  if (!delta.base || compareNumbers(delta.base, list.number) > 0 || compareNumbers(delta.number, list.number) < 0)
    return false
  const one = delta.scope?.raw
  const other = list.scope?.raw
  if (one && other ? !equal(one, other) : one !== other) return false
  const oneKey = delta.authorityKeyIdentifier?.keyId
  const otherKey = list.authorityKeyIdentifier?.keyId
  return oneKey && otherKey ? equal(oneKey, otherKey) : oneKey === otherKey
}

/** Both are positive and without padding beyond the sign. */
const compareNumbers = (a: Uint8Array, b: Uint8Array): number => a.length - b.length || compareBytes(a, b)
