import { fromUtf8, hex, latin1 } from '../bytes/text.ts'
import { DerError, DerReader, primitive, readDer, tags } from './der.ts'
import {
  type DistributionPoint,
  type Extension,
  type KeyUsage,
  type KnownExtensions,
  keyUsages,
  type Policy,
  readExtensions,
} from './extensions.ts'
import type { GeneralName } from './general-name.ts'
import { longName } from './long-names.ts'
import { oneLine, readName, slashed } from './name.ts'
import { knownOid, oidName } from './oids.ts'
import { dateText } from './print.ts'
import { sctLines } from './text-scts.ts'

/** The value of an extension in lines; one that is unknown or malformed by its bytes, what is no ASCII as dots. */
export const extensionLines = (extension: Extension, indent: number): string[] => {
  const before = ' '.repeat(indent)
  try {
    const lines = known(extension, before) ?? others[extension.oid]?.(extension.value)
    if (lines) return lines.map((line) => (line === '' ? '' : before + line))
  } catch (error) {
    if (!(error instanceof DerError)) throw error
  }
  const shown = latin1(extension.value).replace(/[^\n\r -~]/g, '.')
  return (before + shown).split('\n')
}

type Printers = {
  readonly [N in keyof KnownExtensions]-?: (value: NonNullable<KnownExtensions[N]>, before: string) => string[]
}

const known = (extension: Extension, before: string): string[] | undefined => {
  const name = oidName(extension.oid)
  if (!Object.hasOwn(printers, name)) return undefined
  const value = readExtensions([extension]).known[name as keyof KnownExtensions]
  if (value === undefined) throw new DerError(`the extension ${name} is malformed`)
  return (printers[name as keyof KnownExtensions] as (value: unknown, before: string) => string[])(value, before)
}

/** A list without anything in it is shown like one that is malformed. */
const listed = (items: readonly string[]): string[] => {
  if (items.length === 0) throw new DerError('a list has nothing in it')
  return [items.join(', ')]
}

const usageTexts: Readonly<Record<KeyUsage, string>> = {
  digitalSignature: 'Digital Signature',
  nonRepudiation: 'Non Repudiation',
  keyEncipherment: 'Key Encipherment',
  dataEncipherment: 'Data Encipherment',
  keyAgreement: 'Key Agreement',
  keyCertSign: 'Certificate Sign',
  cRLSign: 'CRL Sign',
  encipherOnly: 'Encipher Only',
  decipherOnly: 'Decipher Only',
}

const reasonTexts = [
  'Unused',
  'Key Compromise',
  'CA Compromise',
  'Affiliation Changed',
  'Superseded',
  'Cessation Of Operation',
  'Certificate Hold',
  'Privilege Withdrawn',
  'AA Compromise',
]

const bitNames = (bits: Uint8Array, names: readonly string[]): string[] =>
  names.filter((_, bit) => (bits[bit >>> 3] ?? 0) & (0x80 >>> (bit & 7)))

const upperHex = (bytes: Uint8Array): string => hex(bytes, ':').toUpperCase()

/** Every group of an IPv6 address, none left out. */
const addressText = (bytes: Uint8Array): string => {
  if (bytes.length === 4) return bytes.join('.')
  const groups: string[] = []
  for (let at = 0; at < bytes.length; at += 2)
    groups.push((((bytes[at] as number) << 8) | (bytes[at + 1] as number)).toString(16).toUpperCase())
  return groups.join(':')
}

/** OpenSSL shows the bytes as they are, which terminals take for UTF-8. */
const rawText = (bytes: Uint8Array): string => fromUtf8(bytes) ?? latin1(bytes)

const otherNames: Readonly<Record<string, string>> = {
  '1.3.6.1.5.5.7.8.9': 'SmtpUTF8Mailbox',
  '1.3.6.1.5.5.7.8.5': 'XmppAddr',
  '1.3.6.1.5.5.7.8.7': 'SRVName',
  '1.3.6.1.4.1.311.20.2.3': 'UPN',
  '1.3.6.1.5.5.7.8.8': 'NAIRealm',
}

const otherText = (oid: string, value: Uint8Array): string => {
  const { tag } = new DerReader(value, 'a name')
  const text =
    tag === tags.utf8String || tag === tags.ia5String ? rawText(new DerReader(value, 'a name').value(tag)) : ''
  return `othername: ${otherNames[oid] ?? longName(oid)}::${text || '<unsupported>'}`
}

/** As lists of names show them. */
const nameText = (name: GeneralName): string => {
  switch (name.type) {
    case 'dns':
      return `DNS:${name.value}`
    case 'email':
      return `email:${name.value}`
    case 'uri':
      return `URI:${name.value}`
    case 'ip':
      return `IP Address:${addressText(name.value)}`
    case 'directory':
      return `DirName:${slashed(name.value, '/+')}`
    case 'id':
      return `Registered ID:${longName(name.value)}`
    case 'other':
      return otherText(name.oid, name.value)
    case 'x400':
      return 'X400Name:<unsupported>'
    case 'ediParty':
      return 'EdiPartyName:<unsupported>'
  }
}

/** As names that stand in a line of their own are shown: those of distribution points and constraints. */
const loneNameText = (name: GeneralName): string => {
  if (name.type === 'directory') return `DirName:${oneLine(name.value)}`
  return name.type === 'other' ? 'othername:<unsupported>' : nameText(name)
}

const constraintText = (name: GeneralName): string => {
  if (name.type !== 'ip') return loneNameText(name)
  const half = name.value.length / 2
  return `IP:${addressText(name.value.subarray(0, half))}/${addressText(name.value.subarray(half))}`
}

const pointLines = (points: readonly DistributionPoint[], before: string): string[] =>
  points.flatMap(({ fullName, relativeName, reasons, crlIssuer }) => {
    const reasonLines = reasons ? ['Reasons:', `  ${bitNames(reasons, reasonTexts).join(', ') || '<EMPTY>'}`] : []
    const issuerLines = crlIssuer ? ['CRL Issuer:', ...crlIssuer.map((name) => `  ${loneNameText(name)}`)] : []
    const rest = [...reasonLines, ...issuerLines]
    const lines = [
      ...(fullName ? ['Full Name:', ...fullName.map((name) => `  ${loneNameText(name)}`)] : []),
      ...(relativeName ? ['Relative Name:', `  ${relativeText(relativeName)}`] : []),
    ]
    // OpenSSL does not end the line of a full name, but that of a relative one and of reasons
    if (fullName && rest.length > 0) lines.push(`${lines.pop()}${before}${rest.shift()}`)
    const ended = !crlIssuer && (reasons !== undefined || relativeName !== undefined)
    return [...lines, ...rest, ...(ended ? [''] : [])]
  })

/** A relative name lacks the SET and SEQUENCE around it that make it a name. */
const relativeText = (content: Uint8Array): string => {
  const set = wrap(tags.set, content)
  return oneLine(readName(new DerReader(wrap(tags.sequence, set), 'a relative name'), 'a relative name'))
}

const wrap = (tag: number, content: Uint8Array): Uint8Array => {
  const n = content.length
  const length = n < 0x80 ? [n] : n < 0x100 ? [0x81, n] : [0x82, n >>> 8, n & 255]
  return Uint8Array.from([tag, ...length, ...content])
}

const policyLines = (policies: readonly Policy[]): string[] =>
  policies.flatMap(({ oid, qualifiers }) => [
    `Policy: ${longName(oid)}`,
    ...qualifiers.flatMap((qualifier) => {
      if (qualifier.oid === knownOid('cps'))
        return [`  CPS: ${new DerReader(qualifier.value, 'a CPS pointer').ascii()}`]
      if (qualifier.oid === knownOid('userNotice')) return ['  User Notice:', ...noticeLines(qualifier.value)]
      return [`    Unknown Qualifier: ${longName(qualifier.oid)}`]
    }),
  ])

/** Bytes up to the first zero, as C prints them. */
const cString = (bytes: Uint8Array): string =>
  rawText(bytes.subarray(0, bytes.includes(0) ? bytes.indexOf(0) : bytes.length))

/** UserNotice (RFC 5280 section 4.2.1.4). Its text is shown byte for byte, whatever string type it has. */
const noticeLines = (raw: Uint8Array): string[] =>
  readDer(raw, tags.sequence, 'a user notice', (inside) => {
    const lines: string[] = []
    const reference = inside.openIf(tags.sequence)
    if (reference) {
      lines.push(`    Organization: ${cString(reference.value(reference.tag))}`)
      const numbers: string[] = []
      const list = reference.open(tags.sequence)
      while (list.more) numbers.push(String(list.small()))
      lines.push(`    Number${numbers.length > 1 ? 's' : ''}: ${numbers.join(', ')}`)
      if (!inside.more) lines.push('')
    }
    if (inside.more) lines.push(`    Explicit Text: ${cString(inside.value(inside.tag))}`)
    return lines
  })

const printers: Printers = {
  basicConstraints: ({ ca, pathLength }) => [
    `CA:${ca ? 'TRUE' : 'FALSE'}${pathLength === undefined ? '' : `, pathlen:${pathLength}`}`,
  ],
  keyUsage: (usage) => listed(keyUsages.filter((name) => usage.has(name)).map((name) => usageTexts[name])),
  extKeyUsage: (purposes) => listed(purposes.map(longName)),
  subjectAltName: (names) => listed(names.map(nameText)),
  issuerAltName: (names) => listed(names.map(nameText)),
  nameConstraints: ({ permitted, excluded }) => [
    ...(permitted.length > 0 ? ['Permitted:', ...permitted.map((name) => `  ${constraintText(name)}`)] : []),
    ...(excluded.length > 0 ? ['Excluded:', ...excluded.map((name) => `  ${constraintText(name)}`)] : []),
  ],
  subjectKeyIdentifier: (id) => [upperHex(id)],
  authorityKeyIdentifier: ({ keyId, issuer, serial }) => [
    ...(keyId ? [`${issuer || serial ? 'keyid:' : ''}${upperHex(keyId)}`] : []),
    ...(issuer ?? []).map(nameText),
    ...(serial ? [`serial:${upperHex(unsigned(serial))}`] : []),
  ],
  certificatePolicies: policyLines,
  policyMappings: (mappings) =>
    listed(mappings.map(({ issuer, subject }) => `${longName(issuer)}:${longName(subject)}`)),
  policyConstraints: ({ requireExplicitPolicy, inhibitPolicyMapping }) =>
    listed([
      ...(requireExplicitPolicy === undefined ? [] : [`Require Explicit Policy:${requireExplicitPolicy}`]),
      ...(inhibitPolicyMapping === undefined ? [] : [`Inhibit Policy Mapping:${inhibitPolicyMapping}`]),
    ]),
  inhibitAnyPolicy: (skip) => [String(skip)],
  cRLDistributionPoints: pointLines,
  freshestCRL: pointLines,
  authorityInfoAccess: (descriptions) =>
    descriptions.map(({ method, location }) => `${longName(method)} - ${nameText(location)}`),
  subjectInfoAccess: (descriptions) =>
    descriptions.map(({ method, location }) => `${longName(method)} - ${nameText(location)}`),
  tlsFeature: (features) =>
    listed(features.map((feature) => ({ 5: 'status_request', 17: 'status_request_v2' })[feature] ?? String(feature))),
  sctList: (items) => items.flatMap(sctLines),
}

const unsigned = (integer: Uint8Array): Uint8Array =>
  integer.length > 1 && integer[0] === 0 ? integer.subarray(1) : integer

const netscapeTypes = [
  'SSL Client',
  'SSL Server',
  'S/MIME',
  'Object Signing',
  'Unused',
  'SSL CA',
  'S/MIME CA',
  'Object Signing CA',
]

const ascii = (value: Uint8Array): string[] => [rawText(new DerReader(value, 'the extension').value(tags.ia5String))]

/** Extensions whose meaning nobody here carries out. */
const others: Readonly<Record<string, (value: Uint8Array) => string[]>> = {
  '2.16.840.1.113730.1.1': (value) =>
    listed(bitNames(new DerReader(value, 'the extension').bits().bytes, netscapeTypes)),
  '2.16.840.1.113730.1.2': ascii,
  '2.16.840.1.113730.1.3': ascii,
  '2.16.840.1.113730.1.4': ascii,
  '2.16.840.1.113730.1.7': ascii,
  '2.16.840.1.113730.1.8': ascii,
  '2.16.840.1.113730.1.12': ascii,
  '2.16.840.1.113730.1.13': ascii,
  // PrivateKeyUsagePeriod (RFC 3280 section 4.2.1.4)
  '2.5.29.16': (value) =>
    readDer(value, tags.sequence, 'the extension', (inside) => {
      const parts: string[] = []
      for (const [tag, label] of [
        [primitive(0), 'Not Before'],
        [primitive(1), 'Not After'],
      ] as const) {
        if (inside.tag !== tag) continue
        const time = inside.value(tag)
        parts.push(`${label}: ${dateText(new DerReader(wrap(tags.generalizedTime, time), 'the extension').time())}`)
      }
      return [parts.join(', ')]
    }),
  [knownOid('ctPoison')]: () => ['NULL'],
  // OCSP No Check (RFC 6960 section 4.2.2.2.1) says all by being there
  '1.3.6.1.5.5.7.48.1.5': () => [''],
}
