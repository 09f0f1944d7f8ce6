import { hex } from '../bytes/text.ts'
import type { Certificate } from './certificate.ts'
import { constructed, DerError, DerReader, primitive, tags } from './der.ts'
import type { Extension } from './extensions.ts'
import { longName } from './long-names.ts'
import { oneLine } from './name.ts'
import { dateText, hexLines } from './print.ts'
import { extensionLines } from './text-extensions.ts'
import { keyLines, pssLines } from './text-keys.ts'
import type { TrustSettings } from './trust.ts'

/**
 * A certificate as `openssl x509 -text -noout` of OpenSSL 3.0 prints it, the last line feed included. Two things differ:
 * where OpenSSL cannot load a key it adds its error queue, and extensions that are malformed are shown as their bytes.
 */
export const certificateText = (certificate: Certificate): string => {
  const { version, issuer, subject, notBefore, notAfter, spki, extensions, signatureAlgorithm, signature } = certificate
  const lines = [
    'Certificate:',
    '    Data:',
    `        Version: ${version} (0x${version - 1})`,
    ...serialLines(certificate.serial),
    ...algorithmLines('        Signature Algorithm: ', innerAlgorithm(certificate)),
    `        Issuer: ${oneLine(issuer)}`,
    '        Validity',
    `            Not Before: ${dateText(notBefore)}`,
    `            Not After : ${dateText(notAfter)}`,
    `        Subject: ${oneLine(subject)}`,
    '        Subject Public Key Info:',
    ...keyLines(spki),
    ...uniqueIdLines(certificate),
    ...(extensions.length > 0 ? ['        X509v3 extensions:'] : []),
    ...extensions.flatMap((extension) => oneExtension(extension, 12)),
    ...signatureLines(
      outerAlgorithm(certificate),
      signatureAlgorithm.name.startsWith('dsaWith') ? dsaLines(signature) : hexLines(signature, 18, 8),
    ),
    ...trustLines(certificate.trust),
  ]
  return `${lines.join('\n')}\n`
}

const trustLines = (settings: TrustSettings | undefined): string[] => {
  if (!settings) return []
  const { trusted, rejected, alias, keyId } = settings
  const uses = (what: string, oids: readonly string[] | undefined): string[] =>
    oids ? [`${what} Uses:`, `  ${oids.map(longName).join(', ')}`] : [`No ${what} Uses.`]
  return [
    ...uses('Trusted', trusted),
    ...uses('Rejected', rejected),
    ...(alias === undefined ? [] : [`Alias: ${alias}`]),
    ...(keyId ? [`Key Id: ${hex(keyId, ':').toUpperCase()}`] : []),
  ]
}

/** These extensions as `openssl x509 -noout -ext` prints them; empty when there are none. */
export const extensionsText = (extensions: readonly Extension[]): string =>
  extensions
    .flatMap((extension) => oneExtension(extension, 0))
    .map((line) => `${line}\n`)
    .join('')

/** Its name, and its value in lines below. */
export const oneExtension = (extension: Extension, indent: number): string[] => [
  `${' '.repeat(indent)}${longName(extension.oid)}: ${extension.critical ? 'critical' : ''}`,
  ...extensionLines(extension, indent + 4),
]

/** What fits the C type long is printed as a number. */
const serialLines = (serial: Uint8Array): string[] => {
  const negative = (serial[0] as number) >= 0x80
  const raw = serial.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n)
  const magnitude = negative ? 256n ** BigInt(serial.length) - raw : raw
  if (magnitude < 2n ** 63n && !(negative && magnitude === 1n)) {
    const sign = negative ? '-' : ''
    return [`        Serial Number: ${sign}${magnitude} (${sign}0x${magnitude.toString(16)})`]
  }
  const digits = magnitude.toString(16)
  const pairs = (digits.length % 2 ? `0${digits}` : digits).replace(/..(?=.)/g, '$&:')
  return ['        Serial Number:', `            ${negative ? ' (Negative)' : ''}${pairs}`]
}

/** How something is signed, and these lines of the signature itself. */
export const signatureLines = (algorithm: Uint8Array, value: readonly string[]): string[] => {
  const pss = nameOf(algorithm) === 'rsassaPss'
  return [
    `    Signature Algorithm: ${nameOf(algorithm)}`,
    ...(pss ? pssLines('    Signature Value:', algorithm) : ['    Signature Value:']),
    ...value,
  ]
}

const algorithmLines = (before: string, algorithm: Uint8Array): string[] => {
  const name = nameOf(algorithm)
  return name === 'rsassaPss' ? pssLines(before + name, algorithm) : [before + name]
}

const nameOf = (algorithm: Uint8Array): string =>
  longName(new DerReader(algorithm, 'the signature algorithm').open(tags.sequence).oid())

const innerAlgorithm = ({ tbs }: Certificate): Uint8Array => {
  const inside = new DerReader(tbs, 'the certificate').open(tags.sequence)
  inside.openIf(constructed(0))
  inside.integer()
  return inside.raw(tags.sequence)
}

const outerAlgorithm = ({ raw }: Certificate): Uint8Array => {
  const inside = new DerReader(raw, 'the certificate').open(tags.sequence)
  inside.raw(tags.sequence)
  return inside.raw(tags.sequence)
}

const uniqueIdLines = ({ tbs }: Certificate): string[] => {
  const inside = new DerReader(tbs, 'the certificate').open(tags.sequence)
  while (inside.more && inside.tag !== primitive(1) && inside.tag !== primitive(2)) inside.raw()
  const lines: string[] = []
  for (const [tag, whose] of [
    [primitive(1), 'Issuer'],
    [primitive(2), 'Subject'],
  ] as const) {
    if (inside.tag !== tag) continue
    const [first = '            ', ...rest] = hexLines(inside.bits(tag).bytes, 18, 12)
    lines.push(`        ${whose} Unique ID: ${first}`, ...rest)
  }
  return lines
}

/** The two numbers of a DSA signature (RFC 3279 section 2.2.2), or its bytes when it is not that. */
const dsaLines = (signature: Uint8Array): string[] => {
  try {
    const inside = new DerReader(signature, 'the signature').open(tags.sequence)
    return [
      '        r:   ',
      ...hexLines(inside.integer(), 15, 12),
      '        s:   ',
      ...hexLines(inside.integer(), 15, 12),
    ]
  } catch (error) {
    if (error instanceof DerError) return hexLines(signature, 18, 8)
    throw error
  }
}
