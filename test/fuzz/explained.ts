import type { Certificate, GeneralName, Name } from '../../src/x509/index.ts'
import type { Attribute } from '../../src/x509/name.ts'
import type { Verdict } from './openssl.ts'

/** Where we accept, even under `strict`, what OpenSSL refuses, and why that is right. */
interface Row {
  readonly why: string
  readonly when: (verdict: Verdict, leaf: Certificate, inter: Certificate) => boolean
}

const UNKNOWN_CRITICAL = 34

const rows: readonly Row[] = [
  {
    why: 'the TLS feature extension (RFC 7633) is carried out here, so that it may be critical',
    when: ({ code, depth }, leaf, inter) =>
      code === UNKNOWN_CRITICAL && (depth === 0 ? leaf : inter).extension('tlsFeature')?.critical === true,
  },
  {
    why: 'values of names that are no text may stand in them (X.501), and are compared byte by byte',
    when: ({ code }, leaf, inter) => code === 0 && (hasOpaque(leaf) || hasOpaque(inter)),
  },
  {
    why: 'strings of types that names do not have elsewhere are read as the text that they are, and compared as such',
    when: ({ code }, leaf, inter) => code === 0 && (hasUnusual(leaf) || hasUnusual(inter)),
  },
]

/** Whether some name in it has a value that is no character string. */
export const hasOpaque = (certificate: Certificate): boolean =>
  valuesOf(certificate).some(({ text }) => text === undefined)

/** UTF8String, NumericString, PrintableString, TeletexString, IA5String, UniversalString, BMPString. */
const USUAL: readonly number[] = [0x0c, 0x12, 0x13, 0x14, 0x16, 0x1c, 0x1e]

/** Whether some name in it has a string of another type. */
const hasUnusual = (certificate: Certificate): boolean => valuesOf(certificate).some(({ tag }) => !USUAL.includes(tag))

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
  if (hasUnusual(certificate)) return 'a string of a type that names do not have elsewhere, read as the text that it is'
  if (certificate.key.type === 'other') return 'a key that nobody here can use, so that nothing below it verifies'
  if (!certificate.signatureAlgorithm.algorithm || !certificate.algorithmsAgree)
    return 'a signature that nobody here can check, so that it verifies nowhere'
  return undefined
}
