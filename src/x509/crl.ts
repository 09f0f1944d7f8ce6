import { equal } from '../bytes/compare.ts'
import { hex } from '../bytes/text.ts'
import { constructed, DerError, DerReader, primitive, tags } from './der.ts'
import {
  type AuthorityKeyId,
  type DistributionPoint,
  type Extension,
  readAuthorityKeyId,
  readExtensionList,
  readPointName,
} from './extensions.ts'
import { type GeneralName, readGeneralNames } from './general-name.ts'
import { type Name, readName } from './name.ts'
import { knownOid, oidName } from './oids.ts'
import { looksLikePem, PemError, readPem } from './pem.ts'
import { readSignatureAlgorithm, type SignatureAlgorithm } from './signature.ts'

/** Why a certificate was revoked (RFC 5280 section 5.3.1), by number; 7 is not used. */
export const reasons = [
  'unspecified',
  'keyCompromise',
  'cACompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'certificateHold',
  undefined,
  'removeFromCRL',
  'privilegeWithdrawn',
  'aACompromise',
] as const
export type RevocationReason = Exclude<(typeof reasons)[number], undefined>

/** One revoked certificate of a list. */
export interface RevokedEntry {
  readonly serial: Uint8Array
  /** Milliseconds since 1970. */
  readonly date: number
  readonly reason: RevocationReason
  /** Who issued it: the list's issuer, or what an indirect list says (section 5.3.3). */
  readonly issuer: Name
}

/** What a list is about (IssuingDistributionPoint, RFC 5280 section 5.2.5). */
export interface ListScope {
  /** Its octets, to tell scopes apart. */
  readonly raw: Uint8Array
  readonly point: Pick<DistributionPoint, 'fullName' | 'relativeName'> | undefined
  readonly userOnly: boolean
  readonly caOnly: boolean
  readonly attributeOnly: boolean
  readonly indirect: boolean
  /** Bits of ReasonFlags as one number; undefined means all. */
  readonly reasons: number | undefined
}

/** Lists of more bytes are refused; the longest in use have a few million. */
export const MAX_CRL = (1 << 24) - 1

/** A certificate revocation list (RFC 5280 section 5). Every field of bytes is a view of `raw`. Made by `parseCrl`. */
export class RevocationList {
  readonly raw: Uint8Array
  readonly tbs: Uint8Array
  readonly signatureAlgorithm: SignatureAlgorithm
  readonly algorithmsAgree: boolean
  readonly signature: Uint8Array
  readonly issuer: Name
  /** Milliseconds since 1970. */
  readonly thisUpdate: number
  readonly nextUpdate: number | undefined
  readonly extensions: readonly Extension[]
  /** Big-endian, as all CRL numbers are compared. */
  readonly number: Uint8Array
  /** The number of the complete list that this one continues; undefined for a complete list. */
  readonly base: Uint8Array | undefined
  readonly scope: ListScope | undefined
  readonly authorityKeyIdentifier: AuthorityKeyId | undefined
  readonly #entries: Uint8Array | undefined
  #bySerial: Map<string, RevokedEntry[]> | undefined

  constructor(fields: CrlFields, entries: Uint8Array | undefined) {
    this.raw = fields.raw
    this.tbs = fields.tbs
    this.signatureAlgorithm = fields.signatureAlgorithm
    this.algorithmsAgree = fields.algorithmsAgree
    this.signature = fields.signature
    this.issuer = fields.issuer
    this.thisUpdate = fields.thisUpdate
    this.nextUpdate = fields.nextUpdate
    this.extensions = fields.extensions
    this.number = fields.number
    this.base = fields.base
    this.scope = fields.scope
    this.authorityKeyIdentifier = fields.authorityKeyIdentifier
    this.#entries = entries
  }

  /** What the list says of one certificate. Throws `DerError` when its entries are malformed. */
  find(serial: Uint8Array, issuer: Name): RevokedEntry | undefined {
    return this.#index()
      .get(hex(serial))
      ?.find((entry) => entry.issuer.key === issuer.key)
  }

  /** All entries, in their order. Throws as `find` does. */
  *[Symbol.iterator](): IterableIterator<RevokedEntry> {
    for (const some of this.#index().values()) yield* some
  }

  #index(): Map<string, RevokedEntry[]> {
    if (this.#bySerial) return this.#bySerial
    const found = new Map<string, RevokedEntry[]>()
    if (this.#entries) {
      const list = new DerReader(this.#entries, 'the list of revoked certificates', 0, this.#entries.length, 1).open(
        tags.sequence,
      )
      let issuer = this.issuer
      do {
        const entry = readEntry(list, issuer, this.scope?.indirect ?? false)
        issuer = entry.issuer
        const key = hex(entry.serial)
        const some = found.get(key)
        if (some) some.push(entry)
        else found.set(key, [entry])
      } while (list.more)
    }
    this.#bySerial = found
    return found
  }
}

type CrlFields = Pick<
  RevocationList,
  | 'raw'
  | 'tbs'
  | 'signatureAlgorithm'
  | 'algorithmsAgree'
  | 'signature'
  | 'issuer'
  | 'thisUpdate'
  | 'nextUpdate'
  | 'extensions'
  | 'number'
  | 'base'
  | 'scope'
  | 'authorityKeyIdentifier'
>

/**
 * Parses one CRL (DER); the bytes are kept, not copied. Throws `DerError` for what is malformed, for version 1, for a
 * list without a number and for critical extensions that are not known, all of which RFC 5280 section 5 rules out.
 * Entries are read when they are first asked for.
 */
export const parseCrl = (raw: Uint8Array): RevocationList => {
  if (raw.length > MAX_CRL)
    throw new DerError(`the revocation list has ${raw.length} bytes; at most ${MAX_CRL} are read`)
  // depth 1 lifts the bound on bytes that is meant for certificates
  const reader = (bytes: Uint8Array) => new DerReader(bytes, 'the revocation list', 0, bytes.length, 1)
  const outer = reader(raw)
  const whole = outer.open(tags.sequence)
  outer.close()
  const tbs = whole.raw(tags.sequence)
  const algorithm = whole.raw(tags.sequence)
  const signature = whole.bitBytes()
  whole.close()

  const inside = reader(tbs).open(tags.sequence)
  if (inside.tag !== tags.integer) inside.fail('is of version 1, which cannot say what it is about')
  if (inside.small() !== 1) inside.fail('is not of version 2')
  const innerAlgorithm = inside.raw(tags.sequence)
  const issuer = readName(inside, "the list's issuer")
  if (issuer.empty) inside.fail('does not name its issuer')
  const thisUpdate = inside.time()
  const nextUpdate = inside.tag === tags.utcTime || inside.tag === tags.generalizedTime ? inside.time() : undefined
  const entries = inside.tag === tags.sequence ? inside.raw(tags.sequence) : undefined
  const list = inside.openIf(constructed(0))
  inside.close()
  const extensions = list ? readExtensionList(list) : []
  const values = readKnown(extensions, listReaders, 'the revocation list')
  const { cRLNumber, deltaCRLIndicator, issuingDistributionPoint, authorityKeyIdentifier } = values
  if (!cRLNumber) return inside.fail('has no number (cRLNumber), which RFC 5280 section 5.2.3 demands')
  if (extensions.some(({ oid, critical }) => critical && oid === knownOid('cRLNumber')))
    inside.fail('has a number (cRLNumber) that is critical, which RFC 5280 section 5.2.3 forbids')
  return new RevocationList(
    {
      raw,
      tbs,
      signatureAlgorithm: readSignatureAlgorithm(innerAlgorithm),
      algorithmsAgree: equal(algorithm, innerAlgorithm),
      signature,
      issuer,
      thisUpdate,
      nextUpdate,
      extensions,
      number: cRLNumber,
      base: deltaCRLIndicator,
      scope: issuingDistributionPoint,
      authorityKeyIdentifier,
    },
    entries,
  )
}

/** CRLs from PEM (any number; other blocks are passed over) or from one in DER. Throws `PemError` or `DerError`. */
export const loadCrls = (data: string | Uint8Array): readonly RevocationList[] => {
  if (typeof data !== 'string' && !looksLikePem(data)) return [parseCrl(data)]
  const blocks = readPem(data).filter(({ label }) => label === 'X509 CRL')
  if (blocks.length === 0) throw new PemError('there is no "-----BEGIN X509 CRL-----" in this text')
  return blocks.map(({ bytes }) => parseCrl(bytes))
}

/** An unsigned number of at most 20 bytes (RFC 5280 section 5.2.3). */
const crlNumber = (from: DerReader): Uint8Array => {
  const value = from.integer()
  if ((value[0] as number) >= 0x80 || value.length > 20) from.fail('has a number below zero or of more than 20 bytes')
  return value
}

const issuingDistributionPoint = (from: DerReader): ListScope => {
  const raw = from.raw(tags.sequence)
  const inside = new DerReader(raw, 'the extension issuingDistributionPoint').open(tags.sequence)
  const flag = (n: number): boolean => inside.tag === primitive(n) && inside.boolean(primitive(n))
  const point = inside.tag === constructed(0) ? readPointName(inside) : undefined
  const userOnly = flag(1)
  const caOnly = flag(2)
  const some = inside.tag === primitive(3) ? reasonBits(inside.bits(primitive(3)).bytes) : undefined
  const indirect = flag(4)
  const attributeOnly = flag(5)
  inside.close()
  if (Number(userOnly) + Number(caOnly) + Number(attributeOnly) > 1) inside.fail('limits the list to two kinds at once')
  return { raw, point, userOnly, caOnly, attributeOnly, indirect, reasons: some }
}

/** ReasonFlags as a number: bit n of the DER is 2^n. Bit 0 has no meaning. */
export const reasonBits = (bytes: Uint8Array): number => {
  let mask = 0
  for (let bit = 1; bit <= 8; bit++) if ((bytes[bit >>> 3] ?? 0) & (0x80 >>> (bit & 7))) mask |= 1 << bit
  return mask
}
/** Every reason that ReasonFlags can name. */
export const ALL_REASONS = 0b1_1111_1110

const listReaders = {
  cRLNumber: crlNumber,
  deltaCRLIndicator: crlNumber,
  issuingDistributionPoint,
  authorityKeyIdentifier: readAuthorityKeyId,
}

const entryReaders = {
  cRLReason: (from: DerReader): RevocationReason => {
    const reason = reasons[from.small(tags.enumerated)]
    return reason ?? from.fail('gives a reason that does not exist')
  },
  certificateIssuer: (from: DerReader): readonly GeneralName[] => readGeneralNames(from),
}

type Values<R> = { readonly [N in keyof R]?: R[N] extends (from: DerReader) => infer T ? T : never }

/** Reads the extensions that are in the table; another that is critical makes the whole unusable. */
const readKnown = <R extends Readonly<Record<string, (from: DerReader) => unknown>>>(
  extensions: readonly Extension[],
  readers: R,
  what: string,
): Values<R> => {
  const values: Record<string, unknown> = {}
  for (const { oid, critical, value } of extensions) {
    const name = oidName(oid)
    const read = readers[name]
    if (read) {
      const from = new DerReader(value, `in ${what} the extension ${name}`)
      values[name] = read(from)
      from.close()
    } else if (critical) throw new DerError(`${what} has the critical extension ${name}, which is not processed here`)
  }
  return values as Values<R>
}

const readEntry = (list: DerReader, before: Name, indirect: boolean): RevokedEntry => {
  const inside = list.open(tags.sequence)
  const serial = inside.integer()
  const date = inside.time()
  const extensions = inside.more ? readExtensionList(inside, true) : []
  inside.close()
  const { cRLReason, certificateIssuer } = readKnown(extensions, entryReaders, 'an entry of the revocation list')
  const named = certificateIssuer?.find((name) => name.type === 'directory')
  if (certificateIssuer && (!indirect || !named))
    inside.fail('has an entry with another issuer, and is not indirect or does not give its name')
  return {
    serial,
    date,
    reason: cRLReason ?? 'unspecified',
    issuer: named?.type === 'directory' ? named.value : before,
  }
}
