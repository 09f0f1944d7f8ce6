import { equal } from '../../src/bytes/compare.ts'
import type { Certificate, GeneralName, Name } from '../../src/x509/index.ts'
import { oidOf } from '../../src/x509/index.ts'
import type { Attribute } from '../../src/x509/name.ts'
import { root } from './chains.ts'
import type { Verdict } from './openssl.ts'

/** Where we accept, even under `strict`, what OpenSSL refuses, and why that is right. */
interface Row {
  readonly why: string
  readonly when: (verdict: Verdict, leaf: Certificate, inter: Certificate) => boolean
}

const NO_ISSUER = 20
const PURPOSE = 26
const UNKNOWN_CRITICAL = 34

const rows: readonly Row[] = [
  {
    why: 'key identifiers help to choose among issuers (RFC 5280 section 4.2.1.1); whose signature it is, the signature says',
    when: ({ code, depth }, leaf, inter) =>
      code === NO_ISSUER && (depth === 0 ? misses(leaf, inter) : depth === 1 && misses(inter, root)),
  },
  {
    why: 'anyExtendedKeyUsage of a CA allows every purpose (RFC 5280 section 4.2.1.12)',
    when: ({ code, depth }, _leaf, inter) =>
      code === PURPOSE &&
      depth === 1 &&
      (inter.known.extKeyUsage ?? []).includes(oidOf('anyExtendedKeyUsage') as string),
  },
  {
    why: 'the TLS feature extension (RFC 7633) is carried out here, so that it may be critical',
    when: ({ code, depth }, leaf, inter) =>
      code === UNKNOWN_CRITICAL && (depth === 0 ? leaf : inter).extension('tlsFeature')?.critical === true,
  },
  {
    why: 'values of names that are no text may stand in them (X.501), and are compared byte by byte',
    when: ({ code }, leaf, inter) => code === 0 && (hasOpaque(leaf) || hasOpaque(inter)),
  },
]

const misses = (issued: Certificate, issuer: Certificate): boolean => {
  const { keyId, issuer: names, serial } = issued.known.authorityKeyIdentifier ?? {}
  const own = issuer.known.subjectKeyIdentifier
  return (keyId !== undefined && own !== undefined && !equal(keyId, own)) || names !== undefined || serial !== undefined
}

/** Whether some name in it has a value that is no character string. */
export const hasOpaque = (certificate: Certificate): boolean =>
  valuesOf(certificate).some(({ text }) => text === undefined)

/** UTF8String, NumericString, PrintableString, TeletexString, IA5String, UniversalString, BMPString. */
const USUAL: readonly number[] = [0x0c, 0x12, 0x13, 0x14, 0x16, 0x1c, 0x1e]

const valuesOf = ({ issuer, subject, known }: Certificate): readonly Attribute[] => {
  const { subjectAltName, issuerAltName, nameConstraints, authorityKeyIdentifier, cRLDistributionPoints } = known
  const general: readonly GeneralName[] = [
    ...(subjectAltName ?? []),
    ...(issuerAltName ?? []),
    ...(nameConstraints?.permitted ?? []),
    ...(nameConstraints?.excluded ?? []),
    ...(authorityKeyIdentifier?.issuer ?? []),
    ...(cRLDistributionPoints ?? []).flatMap(({ fullName = [], crlIssuer = [] }) => [...fullName, ...crlIssuer]),
  ]
  const names: readonly Name[] = [
    issuer,
    subject,
    ...general.flatMap((one) => (one.type === 'directory' ? [one.value] : [])),
  ]
  return names.flatMap(({ rdns }) => rdns.flat())
}

export const explanationOf = (verdict: Verdict, leaf: Certificate, inter: Certificate): string | undefined =>
  rows.find(({ when }) => when(verdict, leaf, inter))?.why

/** Why it does no harm that we read a certificate which Node's decoder refuses. */
export const harmless = (certificate: Certificate): string | undefined => {
  if (hasOpaque(certificate)) return 'a value in a name that is no text, which is kept as its bytes'
  if (valuesOf(certificate).some(({ tag }) => !USUAL.includes(tag)))
    return 'a string of a type that names do not have elsewhere, read as the text that it is'
  if (certificate.key.type === 'other') return 'a key that nobody here can use, so that nothing below it verifies'
  if (!certificate.signatureAlgorithm.algorithm || !certificate.algorithmsAgree)
    return 'a signature that nobody here can check, so that it verifies nowhere'
  return undefined
}
