import { digest } from '../crypto/digest.ts'
import type { Algorithm, KeyFacts, PrivateKey, Provider } from '../crypto/provider.ts'
import { type Maybe, run, type Task, wait } from '../task.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import {
  asciiBytes,
  constructed,
  der,
  derBits,
  derBoolean,
  derInteger,
  derOctets,
  derOid,
  derTime,
  primitive,
  sequence,
  setOf,
  tags,
} from './der.ts'
import { type Extension, type KeyUsage, keyUsages } from './extensions.ts'
import type { GeneralName } from './general-name.ts'
import { parseIp } from './identity.ts'
import { makeName, Name, type NameParts } from './name.ts'
import { knownOid, oidOf } from './oids.ts'
import { encodeSignatureAlgorithm } from './signature.ts'
import { describeKey, keyBytes } from './spki.ts'

/** What a certificate is to say. */
export interface CertificateRecipe {
  /** Its parts, or a name as it stands in a request. */
  readonly subject: NameParts | Name
  /** The key that it is for: SubjectPublicKeyInfo (DER), or anything that has one. */
  readonly key: Uint8Array | { readonly spki: Uint8Array }
  /** Who signs. Its name and key identifier are taken from the certificate; without one, the subject signs itself. */
  readonly issuer?: Certificate
  /** The issuer's private key, or the subject's own. */
  readonly signer: PrivateKey
  /** How to sign; a good choice for the key by default. */
  readonly algorithm?: Algorithm
  /** Host names, IP addresses and mail addresses, each told by its look, or names in their full form. */
  readonly san?: readonly (string | GeneralName)[]
  /** Milliseconds since 1970. */
  readonly notBefore: number
  /** Milliseconds since 1970; or `days` after `notBefore`. */
  readonly notAfter?: number
  /** 90 by default. */
  readonly days?: number
  readonly ca?: boolean
  /** How many CAs may follow; CAs only. */
  readonly pathLength?: number
  /** By default what CAs and TLS ends need; `[]` leaves the extension out. */
  readonly keyUsage?: readonly KeyUsage[]
  /** Names (`serverAuth`) or dotted decimal. None by default for CAs, serverAuth and clientAuth otherwise. */
  readonly extKeyUsage?: readonly string[]
  /** Unsigned bytes, most significant first; 16 random ones by default. */
  readonly serial?: Uint8Array
  /** Further extensions, as they are to stand. One of the same kind as ours takes its place. */
  readonly extensions?: readonly Extension[]
}

/** Makes and signs a certificate (RFC 5280). Throws `TypeError` for a recipe that contradicts itself. */
export const makeCertificate = (recipe: CertificateRecipe, provider: Provider): Maybe<Certificate> =>
  run(certificateTask(recipe, provider))

function* certificateTask(recipe: CertificateRecipe, provider: Provider): Task<Certificate> {
  const { issuer, signer, notBefore } = recipe
  const spki = recipe.key instanceof Uint8Array ? recipe.key : recipe.key.spki
  const notAfter = recipe.notAfter ?? notBefore + (recipe.days ?? 90) * 86_400_000
  if (notAfter < notBefore) throw new TypeError('a certificate cannot end before it begins')
  if (!recipe.ca && recipe.pathLength !== undefined) throw new TypeError('only a CA certificate has a path length')
  const algorithm = recipe.algorithm ?? usualAlgorithm(signer.facts)
  const identifier = encodeSignatureAlgorithm(algorithm, signer.facts.type)
  const subject = recipe.subject instanceof Name ? recipe.subject.raw : makeName(recipe.subject)
  const own = yield* keyIdentifier(spki, provider)
  const theirs = issuer ? issuer.known.subjectKeyIdentifier : own
  const tbs = sequence(
    der(constructed(0), derInteger(2)),
    derInteger(recipe.serial ?? freshSerial(provider)),
    identifier,
    issuer ? issuer.subject.raw : subject,
    sequence(derTime(notBefore), derTime(notAfter)),
    subject,
    spki,
    der(
      constructed(3),
      encodeExtensions([...usualExtensions(recipe, spki, subject, own, theirs), ...(recipe.extensions ?? [])]),
    ),
  )
  const signature = yield* wait(signer.sign(algorithm, tbs), 'privateKey')
  return parseCertificate(sequence(tbs, identifier, derBits(signature)))
}

export interface RequestRecipe {
  readonly subject: NameParts
  readonly san?: readonly (string | GeneralName)[]
  /** The key that the certificate is for; it signs the request. */
  readonly key: PrivateKey
  readonly algorithm?: Algorithm
  /** Further extensions to ask for, as they are to stand; a `subjectAltName` takes the place of `san`. */
  readonly extensions?: readonly Extension[]
}

/** Makes a certification request (DER, RFC 2986). */
export const makeRequest = (recipe: RequestRecipe): Maybe<Uint8Array> => run(requestTask(recipe))

function* requestTask(recipe: RequestRecipe): Task<Uint8Array> {
  const { subject, san, key, algorithm = usualAlgorithm(key.facts) } = recipe
  const wanted = [...(san?.length ? [sanExtension(san, false)] : []), ...(recipe.extensions ?? [])]
  const attributes =
    wanted.length > 0 ? [sequence(derOid(knownOid('extensionRequest')), setOf(encodeExtensions(wanted)))] : []
  const info = sequence(derInteger(0), makeName(subject), key.spki, der(constructed(0), ...attributes))
  const signature = yield* wait(key.sign(algorithm, info), 'privateKey')
  return sequence(info, encodeSignatureAlgorithm(algorithm, key.facts.type), derBits(signature))
}

/** Method 1 of RFC 5280 section 4.2.1.2: SHA-1 of the key itself, 20 bytes. */
export function* keyIdentifier(spki: Uint8Array, provider: Provider): Task<Uint8Array> {
  return yield* wait(digest(provider, 'sha1', keyBytes(spki)))
}

/** The algorithm that is as strong as the key. */
export const usualAlgorithm = (key: KeyFacts): Algorithm => {
  switch (key.type) {
    case 'rsa':
      return { kind: 'rsa_pkcs1', hash: 'sha256' }
    case 'rsa-pss':
      return { kind: 'rsa_pss', hash: key.pss?.hash ?? 'sha256', saltLength: key.pss?.saltLength ?? 32 }
    case 'ec':
      return { kind: 'ecdsa', hash: key.curve === 'P-256' ? 'sha256' : key.curve === 'P-384' ? 'sha384' : 'sha512' }
    default:
      return { kind: 'eddsa' }
  }
}

/** 127 random bits: positive, and never zero to start with, so always 16 bytes. */
const freshSerial = (provider: Provider): Uint8Array => {
  const serial = provider.random(16).slice()
  serial[0] = ((serial[0] as number) & 0x3f) | 0x40
  return serial
}

const usualExtensions = (
  recipe: CertificateRecipe,
  spki: Uint8Array,
  subject: Uint8Array,
  own: Uint8Array,
  theirs: Uint8Array | undefined,
): Extension[] => {
  const { ca = false, pathLength, san = [] } = recipe
  const usage = recipe.keyUsage ?? (ca ? ['keyCertSign', 'cRLSign'] : endUsage(spki))
  const purposes = recipe.extKeyUsage ?? (ca ? [] : ['serverAuth', 'clientAuth'])
  const emptySubject = subject.length === 2
  const named = san.length > 0 || recipe.extensions?.some(({ oid }) => oid === knownOid('subjectAltName'))
  if (emptySubject && !named) throw new TypeError('a certificate needs a subject or a subjectAltName')
  return [
    constraintsExtension(ca, pathLength, ca),
    ...(usage.length > 0 ? [usageExtension(usage, true)] : []),
    ...(purposes.length > 0 ? [purposesExtension(purposes, false)] : []),
    ...(san.length > 0 ? [sanExtension(san, emptySubject)] : []),
    extension('subjectKeyIdentifier', false, derOctets(own)),
    ...(theirs ? [extension('authorityKeyIdentifier', false, sequence(der(primitive(0), theirs)))] : []),
  ]
}

/** RSA keys also serve the static RSA key exchange, which encrypts. */
const endUsage = (spki: Uint8Array): KeyUsage[] =>
  describeKey(spki).type === 'rsa' ? ['digitalSignature', 'keyEncipherment'] : ['digitalSignature']

const extension = (name: string, critical: boolean, value: Uint8Array): Extension => ({
  oid: knownOid(name),
  critical,
  value,
})

export const constraintsExtension = (ca: boolean, pathLength: number | undefined, critical: boolean): Extension =>
  extension(
    'basicConstraints',
    critical,
    sequence(...(ca ? [derBoolean(true)] : []), ...(pathLength === undefined ? [] : [derInteger(pathLength)])),
  )

export const usageExtension = (usage: readonly KeyUsage[], critical: boolean): Extension =>
  extension('keyUsage', critical, usageBits(usage))

export const purposesExtension = (purposes: readonly string[], critical: boolean): Extension =>
  extension('extKeyUsage', critical, sequence(...purposes.map(purposeOid)))

const purposeOid = (name: string): Uint8Array => {
  const oid = oidOf(name)
  if (oid === undefined) throw new TypeError(`"${name}" is no purpose that is known here; write it in dotted decimal`)
  return derOid(oid)
}

const usageBits = (usage: readonly KeyUsage[]): Uint8Array => {
  const bytes = new Uint8Array(2)
  for (const name of usage) {
    const bit = keyUsages.indexOf(name)
    bytes[bit >>> 3] = (bytes[bit >>> 3] as number) | (0x80 >>> (bit & 7))
  }
  // DER leaves out the zero bits at the end of a named bit list (X.690 section 11.2.2)
  const length = bytes[1] ? 2 : 1
  const unused = Math.clz32((bytes[length - 1] as number) & -(bytes[length - 1] as number))
  return der(tags.bitString, Uint8Array.of(31 - unused), bytes.subarray(0, length))
}

export const sanExtension = (names: readonly (string | GeneralName)[], critical: boolean): Extension =>
  extension('subjectAltName', critical, sequence(...names.map(encodeGeneralName)))

/** A GeneralName's DER. A string is an IP address, a mail address or a host name, whichever it looks like. */
export const encodeGeneralName = (name: string | GeneralName): Uint8Array => {
  if (typeof name === 'string') {
    const ip = parseIp(name)
    if (ip) return der(primitive(7), ip)
    return der(primitive(name.includes('@') ? 1 : 2), asciiName(name))
  }
  switch (name.type) {
    case 'email':
      return der(primitive(1), asciiName(name.value))
    case 'dns':
      return der(primitive(2), asciiName(name.value))
    case 'uri':
      return der(primitive(6), asciiName(name.value))
    case 'ip':
      return der(primitive(7), name.value)
    case 'directory':
      return der(constructed(4), name.value.raw)
    case 'id':
      return der(primitive(8), derOid(name.value).subarray(2))
    case 'other':
      return der(constructed(0), derOid(name.oid), der(constructed(0), name.value))
    case 'x400':
      return der(constructed(3), name.value)
    case 'ediParty':
      return der(constructed(5), name.value)
  }
}

const asciiName = (name: string): Uint8Array => {
  if (!/^[\x21-\x7e]+$/.test(name))
    throw new TypeError(`"${name}" cannot stand in a certificate; write international names in their ASCII form`)
  return asciiBytes(name)
}

/** The Extensions list; later ones take the place of earlier ones of their kind. */
export const encodeExtensions = (extensions: readonly Extension[]): Uint8Array => {
  const last = new Map(extensions.map((entry) => [entry.oid, entry]))
  return sequence(
    ...[...last.values()].map(({ oid, critical, value }) =>
      sequence(derOid(oid), ...(critical ? [derBoolean(true)] : []), derOctets(value)),
    ),
  )
}
