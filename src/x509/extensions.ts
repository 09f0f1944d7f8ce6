import { constructed, DerError, DerReader, primitive, tags } from './der.ts'
import { type GeneralName, readGeneralName, readGeneralNames } from './general-name.ts'
import { knownOid, oidName } from './oids.ts'

/** One extension as it stands in the certificate. */
export interface Extension {
  /** Dotted decimal. */
  readonly oid: string
  readonly critical: boolean
  /** The content of its OCTET STRING. */
  readonly value: Uint8Array
}

/** Certificates, lists and answers have at most this many extensions here; real ones have a dozen. */
const MAX_EXTENSIONS = 64

/** Reads Extensions (RFC 5280 section 4.1): all of what `from` holds, or with `embedded` the next element of it. */
export const readExtensionList = (from: DerReader, embedded = false): readonly Extension[] => {
  const list = from.open(tags.sequence)
  if (!embedded) from.close()
  const extensions: Extension[] = []
  do {
    const inside = list.open(tags.sequence)
    const oid = inside.oid()
    const critical = inside.tag === tags.boolean ? inside.boolean() : false
    const value = inside.octets()
    inside.close()
    for (const { oid: before } of extensions) if (before === oid) list.fail(`has ${oidName(oid)} twice`)
    extensions.push({ oid, critical, value })
    if (extensions.length > MAX_EXTENSIONS) list.fail(`has more than ${MAX_EXTENSIONS} entries`)
  } while (list.more)
  return extensions
}

/** Bits of keyUsage in the order in which they are numbered (RFC 5280 section 4.2.1.3). */
export const keyUsages = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const
export type KeyUsage = (typeof keyUsages)[number]

export interface BasicConstraints {
  readonly ca: boolean
  /** How many CAs that are not self-issued may follow; without meaning when `ca` is false. */
  readonly pathLength?: number
}

export interface NameConstraints {
  readonly permitted: readonly GeneralName[]
  readonly excluded: readonly GeneralName[]
}

export interface AuthorityKeyId {
  readonly keyId?: Uint8Array
  readonly issuer?: readonly GeneralName[]
  readonly serial?: Uint8Array
}

export interface Policy {
  readonly oid: string
  readonly qualifiers: readonly { readonly oid: string; readonly value: Uint8Array }[]
}

export interface PolicyConstraints {
  readonly requireExplicitPolicy?: number
  readonly inhibitPolicyMapping?: number
}

export interface DistributionPoint {
  readonly fullName?: readonly GeneralName[]
  /** The DER of the RelativeDistinguishedName's content. */
  readonly relativeName?: Uint8Array
  /** Bits of ReasonFlags, the first in the high end; undefined means all. */
  readonly reasons?: Uint8Array
  readonly crlIssuer?: readonly GeneralName[]
}

export interface AccessDescription {
  readonly method: string
  readonly location: GeneralName
}

/** The extensions that are understood, each absent or parsed. */
export interface KnownExtensions {
  readonly basicConstraints?: BasicConstraints
  readonly keyUsage?: ReadonlySet<KeyUsage>
  /** Purposes in dotted decimal. */
  readonly extKeyUsage?: readonly string[]
  readonly subjectAltName?: readonly GeneralName[]
  readonly issuerAltName?: readonly GeneralName[]
  readonly nameConstraints?: NameConstraints
  readonly subjectKeyIdentifier?: Uint8Array
  readonly authorityKeyIdentifier?: AuthorityKeyId
  readonly certificatePolicies?: readonly Policy[]
  readonly policyMappings?: readonly { readonly issuer: string; readonly subject: string }[]
  readonly policyConstraints?: PolicyConstraints
  readonly inhibitAnyPolicy?: number
  readonly cRLDistributionPoints?: readonly DistributionPoint[]
  readonly freshestCRL?: readonly DistributionPoint[]
  readonly authorityInfoAccess?: readonly AccessDescription[]
  readonly subjectInfoAccess?: readonly AccessDescription[]
  /** TLS extension numbers that the server promises to answer (RFC 7633); 5 is must-staple. */
  readonly tlsFeature?: readonly number[]
  /** SerializedSCTs (RFC 6962 section 3.3). */
  readonly sctList?: readonly Uint8Array[]
}

/** What became of all extensions of one certificate. */
export interface ExtensionsRead {
  readonly known: KnownExtensions
  /** One sentence for each that is understood but malformed. */
  readonly flaws: readonly string[]
}

/** Reads the values of those extensions that are understood. A malformed one becomes a flaw, which verifiers refuse. */
export const readExtensions = (extensions: readonly Extension[]): ExtensionsRead => {
  const known: Record<string, unknown> = {}
  const flaws: string[] = []
  for (const { oid, value } of extensions) {
    const reader = byOid.get(oid)
    if (!reader) continue
    const outer = new DerReader(value, `the extension ${reader.name}`)
    try {
      known[reader.name] = reader.read(outer)
      outer.close()
    } catch (error) {
      if (!(error instanceof DerError)) throw error
      delete known[reader.name]
      flaws.push(error.message)
    }
  }
  return { known: known as KnownExtensions, flaws }
}

/** A SEQUENCE OF with at least one element. */
const listOf =
  <T>(read: (from: DerReader) => T) =>
  (from: DerReader, tag: number = tags.sequence): T[] => {
    const inside = from.open(tag)
    const items: T[] = []
    do items.push(read(inside))
    while (inside.more)
    return items
  }

const basicConstraints = (from: DerReader): BasicConstraints => {
  const inside = from.open(tags.sequence)
  const ca = inside.tag === tags.boolean ? inside.boolean() : false
  const pathLength = inside.more ? inside.small() : undefined
  inside.close()
  return pathLength === undefined ? { ca } : { ca, pathLength }
}

const keyUsage = (from: DerReader): ReadonlySet<KeyUsage> => {
  const { bytes } = from.bits()
  return new Set(keyUsages.filter((_, bit) => (bytes[bit >>> 3] ?? 0) & (0x80 >>> (bit & 7))))
}

const subtrees = (from: DerReader): GeneralName[] =>
  listOf((list) => {
    const inside = list.open(tags.sequence)
    const base = readGeneralName(inside, 2)
    // RFC 5280 section 4.2.1.10: the minimum is zero (which DER leaves out) and there is no maximum
    if (inside.more) inside.fail('limits how far below a name it reaches, which RFC 5280 forbids')
    return base
  })(from, from.tag)

const nameConstraints = (from: DerReader): NameConstraints => {
  const inside = from.open(tags.sequence)
  const permitted = inside.tag === constructed(0) ? subtrees(inside) : []
  const excluded = inside.tag === constructed(1) ? subtrees(inside) : []
  inside.close()
  if (permitted.length + excluded.length === 0) inside.fail('constrains nothing')
  return { permitted, excluded }
}

export const readAuthorityKeyId = (from: DerReader): AuthorityKeyId => {
  const inside = from.open(tags.sequence)
  const keyId = inside.tag === primitive(0) ? inside.value(primitive(0)) : undefined
  const issuer = inside.tag === constructed(1) ? readGeneralNames(inside, constructed(1)) : undefined
  const serial = inside.tag === primitive(2) ? inside.integer(primitive(2)) : undefined
  inside.close()
  if ((issuer === undefined) !== (serial === undefined))
    inside.fail('has an issuer without a serial number, or the reverse')
  const read: { -readonly [F in keyof AuthorityKeyId]: AuthorityKeyId[F] } = {}
  if (keyId) read.keyId = keyId
  if (issuer) read.issuer = issuer
  if (serial) read.serial = serial
  return read
}

const policies = (from: DerReader): Policy[] => {
  const list = listOf((outer): Policy => {
    const inside = outer.open(tags.sequence)
    const oid = inside.oid()
    const qualifiers = inside.more
      ? listOf((each) => {
          const qualifier = each.open(tags.sequence)
          const id = qualifier.oid()
          const value = qualifier.raw()
          qualifier.close()
          return { oid: id, value }
        })(inside)
      : []
    inside.close()
    return { oid, qualifiers }
  })(from)
  if (new Set(list.map((policy) => policy.oid)).size !== list.length) from.fail('names a policy twice')
  return list
}

const policyMappings = listOf((from) => {
  const inside = from.open(tags.sequence)
  const mapping = { issuer: inside.oid(), subject: inside.oid() }
  inside.close()
  return mapping
})

const policyConstraints = (from: DerReader): PolicyConstraints => {
  const inside = from.open(tags.sequence)
  const requireExplicitPolicy = inside.tag === primitive(0) ? inside.small(primitive(0)) : undefined
  const inhibitPolicyMapping = inside.tag === primitive(1) ? inside.small(primitive(1)) : undefined
  inside.close()
  if (requireExplicitPolicy === undefined && inhibitPolicyMapping === undefined) inside.fail('constrains nothing')
  return {
    ...(requireExplicitPolicy !== undefined && { requireExplicitPolicy }),
    ...(inhibitPolicyMapping !== undefined && { inhibitPolicyMapping }),
  }
}

/** DistributionPointName under `[0]`. */
export const readPointName = (from: DerReader): Pick<DistributionPoint, 'fullName' | 'relativeName'> => {
  const point = from.open(constructed(0))
  const name =
    point.tag === constructed(0)
      ? { fullName: readGeneralNames(point, constructed(0)) }
      : { relativeName: point.value(constructed(1)) }
  point.close()
  return name
}

const distributionPoints = listOf((from): DistributionPoint => {
  const inside = from.open(tags.sequence)
  const point = inside.tag === constructed(0) ? readPointName(inside) : undefined
  const reasons = inside.tag === primitive(1) ? inside.bits(primitive(1)).bytes : undefined
  const crlIssuer = inside.tag === constructed(2) ? readGeneralNames(inside, constructed(2)) : undefined
  inside.close()
  if (!point && !crlIssuer) inside.fail('has a point that says neither where nor by whom')
  return { ...point, ...(reasons && { reasons }), ...(crlIssuer && { crlIssuer }) }
})

const accessDescriptions = listOf((from): AccessDescription => {
  const inside = from.open(tags.sequence)
  const description = { method: inside.oid(), location: readGeneralName(inside) }
  inside.close()
  return description
})

/** The list is in TLS's own encoding inside an OCTET STRING: a length of two bytes, then items with such lengths. */
const sctList = (from: DerReader): Uint8Array[] => {
  const bytes = from.octets()
  const length = (at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
  if (bytes.length < 2 || length(0) !== bytes.length - 2) from.fail('has a list whose length is wrong')
  const items: Uint8Array[] = []
  for (let at = 2; at < bytes.length; ) {
    const end = at + 2 + length(at)
    if (end > bytes.length || end === at + 2) from.fail('has a timestamp whose length is wrong')
    items.push(bytes.subarray(at + 2, end))
    at = end
  }
  return items
}

type Readers = { readonly [N in keyof KnownExtensions]-?: (from: DerReader) => NonNullable<KnownExtensions[N]> }

const readers: Readers = {
  basicConstraints,
  keyUsage,
  extKeyUsage: (from) => listOf((list) => list.oid())(from),
  subjectAltName: (from) => readGeneralNames(from),
  issuerAltName: (from) => readGeneralNames(from),
  nameConstraints,
  subjectKeyIdentifier: (from) => from.octets(),
  authorityKeyIdentifier: readAuthorityKeyId,
  certificatePolicies: policies,
  policyMappings: (from) => policyMappings(from),
  policyConstraints,
  inhibitAnyPolicy: (from) => from.small(),
  cRLDistributionPoints: (from) => distributionPoints(from),
  freshestCRL: (from) => distributionPoints(from),
  authorityInfoAccess: (from) => accessDescriptions(from),
  subjectInfoAccess: (from) => accessDescriptions(from),
  tlsFeature: (from) => listOf((list) => list.small())(from),
  sctList,
}

const byOid = new Map(Object.entries(readers).map(([name, read]) => [knownOid(name), { name, read }]))

/** Extensions whose meaning the verifier carries out, so that they may be critical (RFC 5280 section 4.2). */
export const processed: ReadonlySet<string> = new Set(
  [
    'basicConstraints',
    'keyUsage',
    'extKeyUsage',
    'subjectAltName',
    'nameConstraints',
    'certificatePolicies',
    'policyMappings',
    'policyConstraints',
    'inhibitAnyPolicy',
    'tlsFeature',
    // about responders of OCSP, and no obstacle to anything else
    'ocspNoCheck',
  ].map(knownOid),
)
