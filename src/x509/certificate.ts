import { equal } from '../bytes/compare.ts'
import { latin1 } from '../bytes/text.ts'
import type { Provider, PublicKey } from '../crypto/provider.ts'
import { constructed, DerError, DerReader, primitive, tags } from './der.ts'
import {
  type Extension,
  type ExtensionsRead,
  type KeyUsage,
  type KnownExtensions,
  readExtensionList,
  readExtensions,
} from './extensions.ts'
import { type Name, readName, sameName } from './name.ts'
import { oidName } from './oids.ts'
import { mayBeOf, readSignatureAlgorithm, type SignatureAlgorithm } from './signature.ts'
import { describeKey, type KeyDescription } from './spki.ts'
import type { TrustSettings } from './trust.ts'

/** An X.509 certificate (RFC 5280 section 4.1). Every field of bytes is a view of `raw`. Made by `parseCertificate`. */
export class Certificate {
  /** Its DER. */
  readonly raw: Uint8Array
  /** The part that is signed, with tag and length. */
  readonly tbs: Uint8Array
  readonly version: 1 | 2 | 3
  /** Two's complement, most significant byte first. */
  readonly serial: Uint8Array
  readonly signatureAlgorithm: SignatureAlgorithm
  /** Whether both places that name the signature algorithm say the same (RFC 5280 section 4.1.1.2). */
  readonly algorithmsAgree: boolean
  readonly signature: Uint8Array
  readonly issuer: Name
  readonly subject: Name
  /** Milliseconds since 1970; the whole second is within. */
  readonly notBefore: number
  /** Milliseconds since 1970; the whole second is within. */
  readonly notAfter: number
  /** SubjectPublicKeyInfo (DER). */
  readonly spki: Uint8Array
  /** All of them, in their order. */
  readonly extensions: readonly Extension[]
  /** What its holder notes about trusting it; no part of the certificate itself. */
  readonly trust: TrustSettings | undefined
  #read: ExtensionsRead | undefined
  #key: KeyDescription | undefined
  #text: string | undefined
  #imported: Imported | undefined
  #proved: { readonly provider: Provider; readonly issuer: Certificate } | undefined

  constructor(fields: CertificateFields, trust?: TrustSettings) {
    this.raw = fields.raw
    this.tbs = fields.tbs
    this.version = fields.version
    this.serial = fields.serial
    this.signatureAlgorithm = fields.signatureAlgorithm
    this.algorithmsAgree = fields.algorithmsAgree
    this.signature = fields.signature
    this.issuer = fields.issuer
    this.subject = fields.subject
    this.notBefore = fields.notBefore
    this.notAfter = fields.notAfter
    this.spki = fields.spki
    this.extensions = fields.extensions
    this.trust = trust
  }

  /** The extensions that are understood, parsed at the first question. A malformed one is absent here, and a flaw. */
  get known(): KnownExtensions {
    this.#read ??= readExtensions(this.extensions)
    return this.#read.known
  }

  /** One sentence for each extension that is understood but malformed. */
  get flaws(): readonly string[] {
    this.#read ??= readExtensions(this.extensions)
    return this.#read.flaws
  }

  /** What kind of key it is for. */
  get key(): KeyDescription {
    this.#key ??= describe(this.spki)
    return this.#key
  }

  /** Undefined when nothing is said, which allows everything. */
  get keyUsage(): ReadonlySet<KeyUsage> | undefined {
    return this.known.keyUsage
  }

  /** Whether subject and issuer are the same name (RFC 5280 section 3.2). */
  get selfIssued(): boolean {
    return sameName(this.subject, this.issuer)
  }

  /**
   * Whether it names itself as its issuer, by name and, where there are any, by key identifiers, and has a key that makes
   * such signatures. Whether that key made this one is not proved here.
   */
  get selfSigned(): boolean {
    if (!this.selfIssued || !mayBeOf(this.signatureAlgorithm, this.key)) return false
    const { subjectKeyIdentifier: own, authorityKeyIdentifier: signer } = this.known
    return !own || !signer?.keyId || equal(own, signer.keyId)
  }

  /** The extension of this name (`keyUsage`) or object identifier as it stands. */
  extension(name: string): Extension | undefined {
    return this.extensions.find(({ oid }) => oid === name || oidName(oid) === name)
  }

  /** Its key as that provider has imported it; see `publicKeyOf`. */
  importedBy(provider: Provider): PublicKey | undefined {
    return this.#imported?.provider === provider ? this.#imported.key : undefined
  }

  keepImported(provider: Provider, key: PublicKey): void {
    this.#imported = { provider, key }
  }

  /** Whether that provider has found before that this issuer's key made the signature. */
  provedBy(provider: Provider, issuer: Certificate): boolean {
    return this.#proved?.provider === provider && this.#proved.issuer === issuer
  }

  keepProved(provider: Provider, issuer: Certificate): void {
    this.#proved = { provider, issuer }
  }

  /** `raw`, a character a byte: what maps and sets know it by. */
  get text(): string {
    this.#text ??= latin1(this.raw)
    return this.#text
  }

  equals(other: Certificate): boolean {
    return this === other || this.text === other.text
  }
}

interface Imported {
  readonly provider: Provider
  readonly key: PublicKey
}

type CertificateFields = Pick<
  Certificate,
  | 'raw'
  | 'tbs'
  | 'version'
  | 'serial'
  | 'signatureAlgorithm'
  | 'algorithmsAgree'
  | 'signature'
  | 'issuer'
  | 'subject'
  | 'notBefore'
  | 'notAfter'
  | 'spki'
  | 'extensions'
>

/**
 * Parses one certificate (DER); the bytes are kept, not copied, and must not change. Throws `DerError`, whose message
 * says what is malformed. Values of extensions are read when they are asked for; see `Certificate.flaws`.
 */
export const parseCertificate = (raw: Uint8Array): Certificate => {
  const outer = new DerReader(raw, 'the certificate')
  const whole = outer.open(tags.sequence)
  outer.close()
  const tbs = whole.raw(tags.sequence)
  const algorithm = whole.raw(tags.sequence)
  const signature = whole.bitBytes()
  whole.close()

  const inside = new DerReader(tbs, 'the certificate').open(tags.sequence)
  const version = readVersion(inside)
  const serial = inside.integer()
  const innerAlgorithm = inside.raw(tags.sequence)
  const issuer = readName(inside, "the issuer's name")
  const validity = inside.open(tags.sequence, 'the validity')
  const notBefore = validity.time()
  const notAfter = validity.time()
  validity.close()
  const subject = readName(inside, "the subject's name")
  const spki = inside.raw(tags.sequence)
  for (const id of [primitive(1), primitive(2)]) {
    if (inside.tag !== id) continue
    if (version === 1) inside.fail('of version 1 has a unique identifier')
    inside.bits(id)
  }
  const list = inside.openIf(constructed(3))
  if (list && version !== 3) inside.fail(`of version ${version} has extensions`)
  inside.close()
  const extensions = list ? readExtensionList(list) : []
  return new Certificate({
    raw,
    tbs,
    version,
    serial,
    signatureAlgorithm: readSignatureAlgorithm(innerAlgorithm),
    algorithmsAgree: equal(algorithm, innerAlgorithm),
    signature,
    issuer,
    subject,
    notBefore,
    notAfter,
    spki,
    extensions,
  })
}

const readVersion = (inside: DerReader): 1 | 2 | 3 => {
  const tagged = inside.openIf(constructed(0))
  if (!tagged) return 1
  const version = tagged.small()
  tagged.close()
  if (version === 0) inside.fail('spells out version 1, which DER leaves out')
  if (version > 2) inside.fail(`has version ${version + 1}; there are 1, 2 and 3`)
  return version === 1 ? 2 : 3
}

const describe = (spki: Uint8Array): KeyDescription => {
  try {
    return describeKey(spki)
  } catch (error) {
    // a key that cannot be read is a key that cannot be used; whoever needs it says so
    if (error instanceof DerError) return { type: 'other', bits: 0, name: 'malformed key' }
    throw error
  }
}
