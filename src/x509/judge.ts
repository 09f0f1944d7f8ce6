import type { Task } from '../task.ts'
import { isBare } from './anchor.ts'
import type { Certificate } from './certificate.ts'
import { comparisons, namesOf, violationOf } from './constraints.ts'
import { type AccessDescription, processed } from './extensions.ts'
import { adviceOn, type Fault, shortened, shown } from './fault.ts'
import type { GeneralName } from './general-name.ts'
import { matchIdentity } from './identity.ts'
import { knownOid, oidName } from './oids.ts'
import { policyWork, processPolicies } from './policy.ts'
import type { Revocation } from './revocation.ts'
import { signatureStrength } from './signature.ts'
import { keyStrength, keyText } from './spki.ts'
import { strictFaults } from './strict.ts'
import { secondOf, when } from './time.ts'
import type { Rules, SignatureOutcome, Trial } from './trial.ts'
import { ANY_PURPOSE, purposes, trustFor } from './trust.ts'
import { verdicts } from './verdicts.ts'

/** What is found about one certificate of a path: a fault, or that it is in order (code 0). */
export interface Finding {
  /** X509_V number. */
  readonly code: number
  /** 0 is the leaf. */
  readonly depth: number
  readonly certificate: Certificate
  /** One sentence. */
  readonly detail: string
  /** Where the rule is written that it breaks, and what would mend it; absent when it is in order. */
  readonly rule?: string
  readonly remedy?: string
}

export const finding = (certificate: Certificate, depth: number, fault: Fault): Finding => ({
  code: verdicts[fault.verdict],
  depth,
  certificate,
  detail: shortened(fault.detail),
  ...adviceOn(fault),
})

/** Its sentence is made only when somebody reads it: most paths are good. */
class InOrder implements Finding {
  readonly code = verdicts.ok
  readonly depth: number
  readonly certificate: Certificate

  constructor(certificate: Certificate, depth: number) {
    this.certificate = certificate
    this.depth = depth
  }

  get detail(): string {
    return `${shown(this.certificate)} is in order`
  }
}

/** How a path ends: at an anchor, or why it got no further. */
export type End = 'anchor' | 'distrusted' | 'selfSigned' | 'noIssuer' | 'untrustedStore' | 'tooLong'

/** A path, leaf first. */
export interface Path {
  readonly chain: readonly Certificate[]
  readonly end: End
}

/** What there is to say about a path. */
export interface Judgement {
  readonly findings: readonly Finding[]
  /** The policies under which it holds, as `Verified` has them. */
  readonly policies: readonly string[]
}

/**
 * Everything that is wrong with a path (RFC 5280 section 6.1, and the Web PKI's rules), in the order in which OpenSSL
 * finds it: the leaf's key, the path's end, extensions from the leaf up, strength, names, then from the top down
 * signatures and dates with a finding of code 0 for every certificate, and name constraints last. Only a path without
 * faults may be trusted. Throws `CertificateError` when the budget is spent.
 */
export function* judge(path: Path, trial: Trial, revocation?: Revocation): Task<Judgement> {
  const { chain, end } = path
  const { rules } = trial
  const findings: Finding[] = []
  const report = (depth: number, fault: Fault): void => {
    findings.push(finding(chain[depth] as Certificate, depth, fault))
  }
  const [leaf] = chain as [Certificate]
  const top = chain.length - 1
  const anchored = end === 'anchor'

  if (keyStrength(leaf.key) < rules.strength) report(0, weak('weakLeafKey', leaf))
  if (!anchored) report(top, endFault(path, rules))

  let below = 0
  for (const [depth, certificate] of chain.entries()) {
    const isAnchor = anchored && depth === top
    const faults = depth === 0 ? leafFaults(certificate, isAnchor, trial) : issuerFaults(certificate, isAnchor, trial)
    for (const fault of faults) report(depth, fault)
    if (depth > 0 && exceedsPathLength(certificate, below)) report(depth, pathLengthFault(certificate, below))
    if (depth > 0 && !certificate.selfIssued) below++
    if (depth < top || !anchored) for (const fault of issuedFaults(certificate)) report(depth, fault)
  }
  for (const [depth, certificate] of chain.entries()) {
    if (depth > 0 && keyStrength(certificate.key) < rules.strength) report(depth, weak('weakCaKey', certificate))
    if (depth < top && signatureStrength(certificate.signatureAlgorithm) < rules.strength)
      report(depth, weakSignature(certificate))
  }
  const mismatch = nameFault(leaf, trial)
  if (mismatch) report(0, mismatch)

  const beforeSignatures = findings.length
  // an end that is not self-signed and not trusted has nobody whose key could prove it
  if (!anchored && end !== 'selfSigned' && top === 0) {
    report(0, { verdict: 'leafUnverified', detail: `nothing at hand proves the signature of ${shown(leaf)}` })
    return { findings, policies: processPolicies(chain, anchored, rules.policies).policies }
  }
  const first = anchored || end === 'selfSigned' ? top : top - 1
  for (let depth = first; depth >= 0; depth--) {
    const certificate = chain[depth] as Certificate
    const issuer = chain[depth + 1]
    if (issuer) {
      const outcome = yield* trial.signedBy(certificate, issuer)
      if (outcome !== 'good')
        report(outcome === 'unusableKey' ? depth + 1 : depth, signatureFault(outcome, certificate, issuer))
    }
    const fault = timeFault(certificate, rules.time)
    if (fault) report(depth, fault)
    findings.push(new InOrder(certificate, depth))
  }
  for (let depth = top; depth >= 0; depth--) constrain(chain, depth, trial, report)
  trial.spend('comparisons', policyWork(chain))
  const { policies, fault: policyFault } = processPolicies(chain, anchored, rules.policies)
  if (policyFault) {
    const { depth, kind, problem } = policyFault
    const verdict = kind === 'missing' ? 'noExplicitPolicy' : 'invalidPolicyExtension'
    report(depth, { verdict, detail: `${shown(chain[depth] as Certificate)} ${problem}` })
  }
  if (!anchored || !revocation?.needed(leaf)) return { findings, policies }
  // nobody is asked about a path that is refused anyway, nor about one whose signatures prove nothing
  const hopeless = findings.some(({ code }) => (rules.tolerant ? unproved.has(code) : code !== verdicts.ok))
  if (hopeless) return { findings, policies }
  const found = (yield* revocation.faults(chain)).map(({ depth, fault }) =>
    finding(chain[depth] as Certificate, depth, fault),
  )
  const all = [...findings.slice(0, beforeSignatures), ...found, ...findings.slice(beforeSignatures)]
  return { findings: all, policies }
}

const unproved: ReadonlySet<number> = new Set([verdicts.badSignature, verdicts.undecodableIssuerKey])

const weak = (verdict: 'weakLeafKey' | 'weakCaKey', certificate: Certificate): Fault => ({
  verdict,
  detail: `the key of ${shown(certificate)} is too weak or of an unsupported kind (${keyText(certificate.key)})`,
})

const weakSignature = (certificate: Certificate): Fault => ({
  verdict: 'weakSignature',
  detail: `${shown(certificate)} is signed with ${certificate.signatureAlgorithm.name}, which is too weak or not supported`,
})

const endFault = ({ chain, end }: Path, { maxDepth, trustedFor: purpose }: Rules): Fault => {
  const last = chain[chain.length - 1] as Certificate
  switch (end) {
    case 'selfSigned':
      return chain.length === 1
        ? { verdict: 'selfSignedLeaf', detail: `${shown(last)} is self-signed and not among the trust anchors` }
        : {
            verdict: 'selfSignedInChain',
            detail: `the chain ends in ${shown(last)}, which is self-signed and not among the trust anchors`,
          }
    case 'distrusted':
      return {
        verdict: 'rejected',
        detail: `${shown(last)} is kept with the note that it is not to be trusted${purpose ? ` for TLS ${purpose}s` : ''}`,
        rule: 'its trust settings',
        remedy: 'change the trust settings of this certificate, or use a chain that leads elsewhere',
      }
    case 'tooLong':
      return {
        verdict: 'chainTooLong',
        detail: `more than ${maxDepth} intermediate certificates would be needed to reach a trust anchor`,
      }
    case 'untrustedStore':
      return {
        verdict: 'noIssuer',
        detail: `the chain ends in ${shown(last)}, which is at hand but not self-signed; its issuer is missing, and partial chains are not allowed`,
      }
    default:
      return {
        verdict: 'noLocalIssuer',
        detail: `the issuer of ${shown(last)}, "${last.issuer}", is neither among the trust anchors nor among the certificates that were sent`,
        ...missing(last),
      }
  }
}

/** Where the certificate says that its issuer's is to be had. */
const missing = ({ issuer, known }: Certificate): { readonly remedy?: string } => {
  const url = known.authorityInfoAccess?.map(issuerUrl).find((each) => each !== undefined)
  const who = `the intermediate "${issuer}"`
  return url === undefined
    ? {}
    : { remedy: `the peer did not send ${who}, and must; the certificate says it is at ${url}` }
}

/** The http address of an entry of authorityInfoAccess that is about the issuer's certificate (RFC 5280 section 4.2.2.1). */
export const issuerUrl = ({ method, location }: AccessDescription): string | undefined =>
  method === CA_ISSUERS && location.type === 'uri' && /^http:\/\//i.test(location.value) ? location.value : undefined
const CA_ISSUERS = knownOid('caIssuers')

const DISTRIBUTION_POINTS = knownOid('cRLDistributionPoints')

/** What is wrong with any certificate wherever it stands. */
const commonFaults = (certificate: Certificate, { profile, revocation }: Rules): Fault[] => {
  const faults: Fault[] = certificate.flaws.map((flaw) => ({
    verdict: 'invalidExtension',
    detail: `in ${shown(certificate)} ${flaw}`,
  }))
  for (const { oid, critical } of certificate.extensions) {
    if (!critical || processed.has(oid)) continue
    // OpenSSL takes them for known even where nobody asks for lists
    if (oid === DISTRIBUTION_POINTS && (revocation.crl !== 'ignore' || profile === 'openssl')) continue
    faults.push({
      verdict: 'unhandledCriticalExtension',
      detail: `${shown(certificate)} has the critical extension ${oidName(oid)}, which is not processed here`,
    })
  }
  return faults
}

/**
 * RFC 5280 section 4.2.1.12; in CA certificates it limits what they may issue, as the whole Web PKI reads it. The leaf
 * has to name its purpose there: "any" will not do, for OpenSSL neither.
 */
const purposeFault = (certificate: Certificate, purpose: 'server' | 'client' | undefined, any: boolean): Fault[] => {
  const { extKeyUsage } = certificate.known
  if (!purpose || !extKeyUsage || extKeyUsage.includes(purposes[purpose])) return []
  if (any && extKeyUsage.includes(ANY_PURPOSE)) return []
  return [
    {
      verdict: 'wrongPurpose',
      detail: `${shown(certificate)} is not for TLS ${purpose}s; its purposes are ${extKeyUsage.map(oidName).join(', ')}`,
    },
  ]
}

/** What TLS does with the key of each side: sign, or (before 1.3) agree and be encrypted to. */
const usages = {
  server: ['digitalSignature', 'keyEncipherment', 'keyAgreement'],
  client: ['digitalSignature', 'keyAgreement'],
} as const

const usageFault = (leaf: Certificate, purpose: 'server' | 'client' | undefined): Fault[] => {
  const { keyUsage } = leaf
  if (!purpose || !keyUsage || usages[purpose].some((usage) => keyUsage.has(usage))) return []
  return [
    {
      verdict: 'wrongPurpose',
      detail: `the key usage of ${shown(leaf)} (${[...keyUsage].join(', ')}) has nothing that a TLS ${purpose} needs`,
    },
  ]
}

const leafFaults = (leaf: Certificate, anchor: boolean, { rules }: Trial): Fault[] => [
  ...commonFaults(leaf, rules),
  ...(anchor && trustFor(leaf.trust, rules.trustedFor) === 'trusted' ? [] : leafPurposeFaults(leaf, rules)),
  ...(rules.profile === 'webpki' ? caFault(leaf, anchor, rules.purpose) : []),
  ...strictFaults(leaf, 'leaf', rules),
]

const leafPurposeFaults = (leaf: Certificate, { purpose, profile }: Rules): Fault[] => [
  ...purposeFault(leaf, purpose, profile === 'rfc5280'),
  ...(profile === 'rfc5280' ? [] : usageFault(leaf, purpose)),
]

/** Who is trusted in person may be server and CA in one, as self-signed certificates for development often are. */
const caFault = (leaf: Certificate, anchor: boolean, purpose: 'server' | 'client' | undefined): Fault[] =>
  purpose === 'server' && !anchor && leaf.known.basicConstraints?.ca
    ? [{ verdict: 'invalidNonCa', detail: `${shown(leaf)} is that of a CA, and a server uses it as its own` }]
    : []

/** What keeps a certificate from issuing others, but for its place in the path. */
export const issuerFaults = (certificate: Certificate, anchor: boolean, { rules }: Trial): Fault[] => {
  // nothing but a name and a key was trusted: there is nothing else to judge (RFC 5280 section 6.1.1 (d))
  if (anchor && isBare(certificate)) return []
  const faults = commonFaults(certificate, rules)
  const { basicConstraints, keyUsage } = certificate.known
  // version 1 has no way to say it; only who trusts one by name can have meant it
  const mayBeSilent = anchor && certificate.version === 1 && certificate.selfIssued
  if (!basicConstraints?.ca && !mayBeSilent)
    faults.push({ verdict: 'invalidCa', detail: `${shown(certificate)} is not that of a CA` })
  else if (keyUsage && !keyUsage.has('keyCertSign')) {
    faults.push({
      verdict: 'invalidCa',
      detail: `the key usage of ${shown(certificate)} does not allow signing certificates`,
    })
  }
  return [
    ...faults,
    ...(anchor && trustFor(certificate.trust, rules.trustedFor) === 'trusted'
      ? []
      : purposeFault(certificate, rules.purpose, rules.profile !== 'openssl')),
    ...strictFaults(certificate, anchor ? 'anchor' : 'issuer', rules),
  ]
}

/** `below`: how many CAs that are not self-issued stand between it and the leaf (RFC 5280 section 4.2.1.9). */
export const exceedsPathLength = (certificate: Certificate, below: number): boolean => {
  const { ca, pathLength: limit } = certificate.known.basicConstraints ?? {}
  return ca === true && limit !== undefined && below > limit
}

const pathLengthFault = (certificate: Certificate, below: number): Fault => ({
  verdict: 'pathLengthExceeded',
  detail: `${shown(certificate)} allows ${certificate.known.basicConstraints?.pathLength} CAs below it, but there are ${below}`,
})

/** What a CA must not issue (RFC 5280 sections 4.1.2.2 and 4.1.2.4). */
const issuedFaults = (certificate: Certificate): Fault[] => {
  const faults: Fault[] = []
  if ((certificate.serial[0] as number) >= 0x80)
    faults.push({ verdict: 'rejected', detail: `the serial number of ${shown(certificate)} is negative` })
  if (certificate.issuer.empty)
    faults.push({ verdict: 'rejected', detail: `${shown(certificate)} does not name its issuer` })
  return faults
}

const signatureFault = (outcome: SignatureOutcome, certificate: Certificate, issuer: Certificate): Fault => {
  switch (outcome) {
    case 'unusableKey':
      return { verdict: 'undecodableIssuerKey', detail: `the key of ${shown(issuer)} is malformed or not supported` }
    case 'unsupported':
      return {
        verdict: 'badSignature',
        detail: `${shown(certificate)} is signed with ${certificate.signatureAlgorithm.name}, which is not supported`,
      }
    case 'disagreeing':
      return { verdict: 'badSignature', detail: `${shown(certificate)} names two different signature algorithms` }
    default:
      return {
        verdict: 'badSignature',
        detail: `the signature of ${shown(certificate)} was not made by ${shown(issuer)}`,
      }
  }
}

export const timeFault = (certificate: Certificate, time: number): Fault | undefined => {
  // certificates know whole seconds; the last one is within
  const second = secondOf(time)
  if (second < certificate.notBefore) {
    return {
      verdict: 'notYetValid',
      detail: `${shown(certificate)} is valid from ${when(certificate.notBefore)}, and it is ${when(time)}`,
    }
  }
  if (second > certificate.notAfter) {
    return {
      verdict: 'expired',
      detail: `${shown(certificate)} was valid until ${when(certificate.notAfter)}, and it is ${when(time)}`,
    }
  }
  return undefined
}

const mismatches = { dns: 'hostMismatch', ip: 'ipMismatch', email: 'emailMismatch' } as const

const nameFault = (leaf: Certificate, { rules }: Trial): Fault | undefined => {
  const { references } = rules
  if (
    references.length === 0 ||
    references.some(({ reference }) => reference && matchIdentity(leaf, reference) !== undefined)
  )
    return undefined
  const first = references[0]?.reference
  const wanted = references.map(({ text }) => `"${text}"`).join(' or ')
  if (!first)
    return {
      verdict: 'hostMismatch',
      detail: `${wanted} is no host name (in ASCII), IP address or mail address that a certificate could be for`,
    }
  const names = (leaf.known.subjectAltName ?? []).filter(({ type }) => type === first.type)
  const has =
    names.length === 0 ? 'it has no name of that kind' : `it is for ${listed(names.map(({ value }) => String(value)))}`
  return { verdict: mismatches[first.type], detail: `${shown(leaf)} is not for ${wanted}; ${has}` }
}

const listed = (names: readonly string[]): string =>
  names.length > 5 ? `${names.slice(0, 5).join(', ')} and ${names.length - 5} more` : names.join(', ')

const NAME_CONSTRAINTS = knownOid('nameConstraints')

/** Self-issued certificates below are free, but for the leaf (RFC 5280 section 6.1.3). */
const constrain = (
  chain: readonly Certificate[],
  depth: number,
  trial: Trial,
  report: (depth: number, fault: Fault) => void,
): void => {
  const certificate = chain[depth] as Certificate
  if (depth > 0 && certificate.selfIssued) return
  const openssl = trial.rules.profile === 'openssl'
  let found: readonly GeneralName[] | undefined
  for (const issuer of chain.slice(depth + 1)) {
    const { nameConstraints } = issuer.known
    if (!nameConstraints) continue
    // common names are no names here, but whoever asks for OpenSSL's answer may take them for some
    const names = (found ??= namesOf(certificate, openssl && depth === 0))
    const { permitted, excluded } = nameConstraints
    // OpenSSL gives up where each name with each constraint would be too many, whatever their kinds
    const most = names.length * (permitted.length + excluded.length)
    trial.spend('comparisons', openssl ? most : comparisons(nameConstraints, names))
    const critical = issuer.extension(NAME_CONSTRAINTS)?.critical
    const violation = violationOf(nameConstraints, names, critical, openssl)
    if (violation) {
      report(depth, {
        verdict: violation.verdict,
        detail: `in ${shown(certificate)} ${violation.detail} (the rule is in ${shown(issuer)})`,
      })
    }
  }
}
