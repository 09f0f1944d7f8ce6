import { equal } from '../bytes/compare.ts'
import type { Certificate } from './certificate.ts'
import { type Fault, shown } from './fault.ts'
import { ipText } from './general-name.ts'
import { isDnsName } from './identity.ts'
import { knownOid, oidName } from './oids.ts'
import type { Rules } from './trial.ts'
import { ANY_PURPOSE, purposes } from './trust.ts'
import type { Verdict } from './verdicts.ts'

/** Where in a path a certificate stands. */
export type Place = 'leaf' | 'issuer' | 'anchor'

interface StrictRule {
  readonly at: readonly Place[]
  /** By the Web PKI's rules only, or only by RFC 5280 alone. */
  readonly of?: 'webpki' | 'rfc5280'
  /** Holds in the profile `rfc5280` even without `strict`. */
  readonly always?: true
  /** Only for TLS servers. */
  readonly server?: true
  readonly verdict?: Verdict
  readonly rule: string
  /** How the certificate breaks it, as the end of a sentence that begins with the certificate. */
  readonly breach: (certificate: Certificate, rules: Rules) => string | false | undefined
}

const everywhere: readonly Place[] = ['leaf', 'issuer', 'anchor']
const issued: readonly Place[] = ['leaf', 'issuer']
const issuing: readonly Place[] = ['issuer', 'anchor']

const uncritical =
  (name: string) =>
  (certificate: Certificate): string | false => {
    const extension = certificate.extension(knownOid(name))
    return extension !== undefined && !extension.critical && `has ${name} that is not critical`
  }

const isCa = ({ known }: Certificate): boolean => known.basicConstraints?.ca === true

/**
 * What RFC 5280 and the Baseline Requirements oblige CAs to and most verifiers let pass: none of it lets anybody
 * pretend to be somebody else. A verifier with `strict` refuses certificates that break it.
 */
const rules: readonly StrictRule[] = [
  {
    at: everywhere,
    verdict: 'rejected',
    rule: 'RFC 5280 section 4.1.2.2',
    breach: ({ serial }) =>
      serial.length > 20 && `has a serial number of ${serial.length} bytes; at most 20 are allowed`,
  },
  {
    at: issued,
    verdict: 'rejected',
    rule: 'RFC 5280 section 4.1.2.2',
    breach: ({ serial }) => serial.every((byte) => byte === 0) && 'has the serial number zero, which is not positive',
  },
  {
    at: issued,
    verdict: 'rejected',
    rule: 'RFC 5280 section 4.1.2.1',
    breach: ({ version }) => version !== 3 && `is of version ${version}, which cannot carry extensions`,
  },
  {
    at: everywhere,
    rule: 'RFC 5280 section 4.2.1.1',
    always: true,
    breach: ({ selfIssued, known }) =>
      !selfIssued &&
      !known.authorityKeyIdentifier?.keyId &&
      'does not say which key of its issuer signed it (authorityKeyIdentifier)',
  },
  {
    at: issuing,
    rule: 'RFC 5280 section 4.2.1.2',
    always: true,
    breach: (ca) => isCa(ca) && !ca.known.subjectKeyIdentifier && 'is that of a CA and has no subjectKeyIdentifier',
  },
  {
    at: ['issuer'],
    rule: 'RFC 5280 section 4.2.1.3',
    breach: ({ keyUsage }) => !keyUsage && 'is that of a CA and has no keyUsage',
  },
  {
    at: ['leaf'],
    rule: 'RFC 5280 section 4.2.1.9',
    of: 'rfc5280',
    always: true,
    breach: (leaf) =>
      !isCa(leaf) &&
      leaf.keyUsage?.has('keyCertSign') &&
      'may sign certificates (keyUsage) though it is not that of a CA',
  },
  {
    at: ['leaf'],
    rule: 'CA/Browser Forum Baseline Requirements 7.1.2.7.11',
    of: 'webpki',
    server: true,
    breach: ({ keyUsage }) =>
      (keyUsage?.has('keyCertSign') || keyUsage?.has('cRLSign')) &&
      'is that of a server and may sign certificates or CRLs (keyUsage)',
  },
  { at: ['leaf'], rule: 'RFC 5280 section 4.2.1.10', always: true, breach: strayConstraints },
  {
    at: everywhere,
    rule: 'RFC 5280 section 4.2.1.9',
    always: true,
    breach: (certificate) => isCa(certificate) && uncritical('basicConstraints')(certificate),
  },
  {
    at: issued,
    rule: 'RFC 5280 section 4.2.1.9',
    breach: (certificate) =>
      certificate.known.basicConstraints?.pathLength !== undefined &&
      (!isCa(certificate) || certificate.keyUsage?.has('keyCertSign') === false) &&
      'has a path length (basicConstraints) and may not sign certificates',
  },
  { at: everywhere, rule: 'RFC 5280 section 4.2.1.10', of: 'rfc5280', breach: uncritical('nameConstraints') },
  { at: everywhere, rule: 'RFC 5280 section 4.2.1.11', breach: uncritical('policyConstraints') },
  { at: everywhere, rule: 'RFC 5280 section 4.2.1.14', breach: uncritical('inhibitAnyPolicy') },
  {
    at: ['leaf'],
    rule: 'RFC 5280 section 4.2.1.6',
    always: true,
    breach: (leaf) =>
      leaf.subject.empty &&
      uncritical('subjectAltName')(leaf) &&
      'has no subject, and yet a subjectAltName that is not critical',
  },
  {
    at: ['leaf'],
    rule: 'RFC 5280 section 4.2.1.6',
    breach: ({ known }, { profile }) => {
      // names with underscores are in wide use, and OpenSSL's strictness is not about names
      if (profile === 'openssl') return false
      const odd = known.subjectAltName?.find((name) => name.type === 'dns' && !isPreferredSyntax(name.value))
      return odd && `is for "${odd.value}", which is not written as host names are (RFC 1034 section 3.5)`
    },
  },
  {
    at: issuing,
    verdict: 'wrongPurpose',
    rule: 'RFC 5280 section 4.2.1.12',
    breach: ({ known: { extKeyUsage } }, { purpose }) =>
      purpose &&
      extKeyUsage?.includes(ANY_PURPOSE) &&
      !extKeyUsage.includes(purposes[purpose]) &&
      `is for any purpose (extKeyUsage) without naming that of TLS ${purpose}s`,
  },
  {
    at: ['leaf'],
    rule: 'CA/Browser Forum Baseline Requirements 7.1.2.7.12',
    of: 'webpki',
    server: true,
    breach: (leaf) =>
      !leaf.subject.empty &&
      leaf.extension(knownOid('subjectAltName'))?.critical &&
      'has a subject, and yet a critical subjectAltName',
  },
  {
    at: ['leaf'],
    rule: 'CA/Browser Forum Baseline Requirements 7.1.2.7.6',
    of: 'webpki',
    server: true,
    breach: ({ known }) => !known.extKeyUsage && 'does not say what it is for (extKeyUsage)',
  },
  {
    at: ['leaf'],
    rule: 'CA/Browser Forum Baseline Requirements 7.1.2.7.6',
    of: 'webpki',
    server: true,
    breach: (leaf) => leaf.extension(knownOid('extKeyUsage'))?.critical && 'has a critical extKeyUsage',
  },
  {
    at: ['leaf'],
    rule: 'CA/Browser Forum Baseline Requirements 7.1.2.7.10',
    of: 'webpki',
    server: true,
    breach: ({ known }) =>
      known.extKeyUsage?.includes(ANY_PURPOSE) && 'is that of a server and for any purpose besides',
  },
  {
    at: ['leaf'],
    rule: 'CA/Browser Forum Baseline Requirements 7.1.4.3',
    of: 'webpki',
    server: true,
    breach: strayCommonName,
  },
  {
    at: ['leaf'],
    rule: 'CA/Browser Forum Baseline Requirements 3.2.2.6',
    of: 'webpki',
    server: true,
    breach: ({ known }) => {
      const wide = known.subjectAltName?.find((name) => name.type === 'dns' && overSuffix(name.value))
      return wide && `is for "${wide.value}", all names below what looks like a public suffix`
    },
  },
  {
    at: everywhere,
    rule: 'CA/Browser Forum Baseline Requirements 6.1.5',
    of: 'webpki',
    verdict: 'rejected',
    breach: ({ key }) =>
      key.type === 'rsa' && key.bits % 8 !== 0 && `has an RSA key of ${key.bits} bits, which is not a multiple of 8`,
  },
  {
    at: ['anchor'],
    rule: 'CA/Browser Forum Baseline Requirements 7.1.2.1.2',
    of: 'webpki',
    breach: ({ selfIssued, known }) =>
      selfIssued && known.extKeyUsage && `is a root and has extKeyUsage (${known.extKeyUsage.map(oidName).join(', ')})`,
  },
  {
    at: ['anchor'],
    rule: 'CA/Browser Forum Baseline Requirements 7.1.2.1.3',
    of: 'webpki',
    breach: ({ selfIssued, known }) => {
      const { authorityKeyIdentifier: authority, subjectKeyIdentifier: own } = known
      if (!selfIssued || !authority) return false
      if (authority.issuer || authority.serial)
        return 'is a root whose authorityKeyIdentifier names an issuer or a serial number'
      if (!authority.keyId) return 'is a root whose authorityKeyIdentifier names no key'
      return (
        own &&
        !equal(own, authority.keyId) &&
        'is a root whose authorityKeyIdentifier is not its own subjectKeyIdentifier'
      )
    },
  },
]

/** Only who issues can limit what is issued. */
function strayConstraints(leaf: Certificate): string | false {
  return (
    !isCa(leaf) &&
    leaf.extension(knownOid('nameConstraints')) !== undefined &&
    'has nameConstraints, and is not that of a CA'
  )
}

/** The common name must be one of the names of subjectAltName, character for character. */
function strayCommonName({ subject, known }: Certificate): string | undefined {
  const names = (known.subjectAltName ?? []).map(({ type, value }) =>
    type === 'dns' ? value : type === 'ip' ? ipText(value) : '',
  )
  const common = subject.rdns.flat().filter(({ oid }) => oid === COMMON_NAME)
  const stray = common.find(({ text }) => text === undefined || !names.includes(text))
  return stray && `has the common name "${stray.text ?? '?'}", which is not among its names in the same letters`
}
const COMMON_NAME = knownOid('commonName')

/** Letters, digits and hyphens; a wildcard in front. */
const isPreferredSyntax = (name: string): boolean => isDnsName(name.replace(/^\*\./, '')) && !name.includes('_')

/** Second-level labels under which the registries of countries sell names. */
const GENERIC = 'ac|co|com|edu|gob|gov|go|gr|id|info|ltd|me|mil|muni|name|ne|net|nom|or|org|plc|sch|web'
const SUFFIX = new RegExp(`^\\*\\.(?:${GENERIC})\\.[a-z]{2}$`, 'i')
const overSuffix = (name: string): boolean => /^\*\.[^.]*$/.test(name) || SUFFIX.test(name)

/** What the profile and the level of strictness find wrong with one certificate beyond what everybody refuses. */
export const strictFaults = (certificate: Certificate, place: Place, wanted: Rules): readonly Fault[] => {
  const { strict, profile, purpose } = wanted
  const faults: Fault[] = []
  if (!strict && profile !== 'rfc5280') return faults
  for (const row of rules) {
    if (!row.at.includes(place)) continue
    if (!strict && !row.always) continue
    if (row.of && (row.of === 'webpki') !== (profile === 'webpki')) continue
    if (row.server && purpose !== 'server') continue
    const breach = row.breach(certificate, wanted)
    if (!breach) continue
    faults.push({
      verdict: row.verdict ?? 'invalidExtension',
      rule: row.rule,
      detail: `${shown(certificate)} ${breach}`,
    })
  }
  return faults
}
