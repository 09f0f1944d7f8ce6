import type { Task } from '../task.ts'
import type { Certificate } from './certificate.ts'
import { comparisons, namesOf, violationOf } from './constraints.ts'
import { processed } from './extensions.ts'
import { matchIdentity } from './identity.ts'
import { knownOid, oidName } from './oids.ts'
import { signatureStrength } from './signature.ts'
import { keyStrength, keyText } from './spki.ts'
import type { SignatureOutcome, Trial } from './trial.ts'
import { type Verdict, verdicts } from './verdicts.ts'

/** What is found about one certificate of a path: a fault, or that it is in order (code 0). */
export interface Finding {
  /** X509_V number. */
  readonly code: number
  /** 0 is the leaf. */
  readonly depth: number
  readonly certificate: Certificate
  /** One sentence. */
  readonly detail: string
}

/** How a path ends: at an anchor, or why it got no further. */
export type End = 'anchor' | 'selfSigned' | 'noIssuer' | 'untrustedStore' | 'tooLong'

/** A path, leaf first. */
export interface Path {
  readonly chain: readonly Certificate[]
  readonly end: End
}

/**
 * Everything that is wrong with a path (RFC 5280 section 6.1, and the Web PKI's rules), in the order in which OpenSSL
 * finds it: the leaf's key, the path's end, extensions from the leaf up, strength, names, then from the top down
 * signatures and dates with a finding of code 0 for every certificate, and name constraints last. Only a path without
 * faults may be trusted. Throws `CertificateError` when the budget is spent.
 */
export function* judge(path: Path, trial: Trial): Task<readonly Finding[]> {
  const { chain, end } = path
  const { rules } = trial
  const findings: Finding[] = []
  const report = (depth: number, { verdict, detail }: Fault): void => {
    findings.push({ code: verdicts[verdict], depth, certificate: chain[depth] as Certificate, detail })
  }
  const [leaf] = chain as [Certificate]
  const top = chain.length - 1
  const anchored = end === 'anchor'

  if (keyStrength(leaf.key) < rules.strength) report(0, weak('weakLeafKey', leaf))
  if (!anchored) report(top, endFault(path, rules.maxDepth))

  let below = 0
  for (const [depth, certificate] of chain.entries()) {
    const faults =
      depth === 0 ? leafFaults(certificate, trial) : issuerFaults(certificate, anchored && depth === top, trial)
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

  // an end that is not self-signed and not trusted has nobody whose key could prove it
  if (!anchored && end !== 'selfSigned' && top === 0) {
    report(0, { verdict: 'leafUnverified', detail: `nothing at hand proves the signature of ${shown(leaf)}` })
    return findings
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
    findings.push({ code: verdicts.ok, depth, certificate, detail: `${shown(certificate)} is in order` })
  }
  for (let depth = top; depth >= 0; depth--) constrain(chain, depth, trial, report)
  return findings
}

export interface Fault {
  readonly verdict: Verdict
  readonly detail: string
}

/** For sentences: the subject in quotes, never longer than is readable. */
export const shown = (certificate: Certificate): string => {
  const text = certificate.subject.empty ? 'without a subject' : String(certificate.subject)
  return `the certificate "${text.length > 120 ? `${text.slice(0, 117)}...` : text}"`
}

const weak = (verdict: 'weakLeafKey' | 'weakCaKey', certificate: Certificate): Fault => ({
  verdict,
  detail: `the key of ${shown(certificate)} is too weak or of an unsupported kind (${keyText(certificate.key)})`,
})

const weakSignature = (certificate: Certificate): Fault => ({
  verdict: 'weakSignature',
  detail: `${shown(certificate)} is signed with ${certificate.signatureAlgorithm.name}, which is too weak or not supported`,
})

const endFault = ({ chain, end }: Path, maxDepth: number): Fault => {
  const last = chain[chain.length - 1] as Certificate
  switch (end) {
    case 'selfSigned':
      return chain.length === 1
        ? { verdict: 'selfSignedLeaf', detail: `${shown(last)} is self-signed and not among the trust anchors` }
        : {
            verdict: 'selfSignedInChain',
            detail: `the chain ends in ${shown(last)}, which is self-signed and not among the trust anchors`,
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
      }
  }
}

/** What is wrong with any certificate wherever it stands. */
const commonFaults = (certificate: Certificate): Fault[] => {
  const faults: Fault[] = certificate.flaws.map((flaw) => ({
    verdict: 'invalidExtension',
    detail: `in ${shown(certificate)} ${flaw}`,
  }))
  for (const { oid, critical } of certificate.extensions) {
    if (!critical || processed.has(oid)) continue
    faults.push({
      verdict: 'unhandledCriticalExtension',
      detail: `${shown(certificate)} has the critical extension ${oidName(oid)}, which is not processed here`,
    })
  }
  return faults
}

const purposes = { server: knownOid('serverAuth'), client: knownOid('clientAuth') } as const
const ANY_PURPOSE = knownOid('anyExtendedKeyUsage')

/** RFC 5280 section 4.2.1.12; in CA certificates it limits what they may issue, as the whole Web PKI reads it. */
const purposeFault = (certificate: Certificate, purpose: 'server' | 'client' | undefined): Fault[] => {
  const { extKeyUsage } = certificate.known
  if (!purpose || !extKeyUsage || extKeyUsage.includes(purposes[purpose]) || extKeyUsage.includes(ANY_PURPOSE))
    return []
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

const leafFaults = (leaf: Certificate, { rules }: Trial): Fault[] => [
  ...commonFaults(leaf),
  ...purposeFault(leaf, rules.purpose),
  ...usageFault(leaf, rules.purpose),
]

/** What keeps a certificate from issuing others, but for its place in the path. */
export const issuerFaults = (certificate: Certificate, anchor: boolean, { rules }: Trial): Fault[] => {
  const faults = commonFaults(certificate)
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
  return [...faults, ...purposeFault(certificate, rules.purpose)]
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
  const second = Math.floor(time / 1000) * 1000
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

const when = (time: number): string => new Date(time).toISOString().replace(/\.\d+Z$/, 'Z')

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

/** Self-issued certificates below are free, but for the leaf (RFC 5280 section 6.1.3). */
const constrain = (
  chain: readonly Certificate[],
  depth: number,
  trial: Trial,
  report: (depth: number, fault: Fault) => void,
): void => {
  const certificate = chain[depth] as Certificate
  if (depth > 0 && certificate.selfIssued) return
  const names = namesOf(certificate)
  for (const issuer of chain.slice(depth + 1)) {
    const { nameConstraints } = issuer.known
    if (!nameConstraints) continue
    trial.spend('comparisons', comparisons(nameConstraints, names))
    const violation = violationOf(nameConstraints, names)
    if (violation) {
      report(depth, {
        verdict: violation.verdict,
        detail: `in ${shown(certificate)} ${violation.detail} (the rule is in ${shown(issuer)})`,
      })
    }
  }
}
