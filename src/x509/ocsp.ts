import { equal } from '../bytes/compare.ts'
import { base64 } from '../bytes/text.ts'
import { digest } from '../crypto/digest.ts'
import type { HashName, Provider } from '../crypto/provider.ts'
import { type Task, wait } from '../task.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import { type RevocationReason, reasons } from './crl.ts'
import { constructed, DerError, DerReader, der, derNull, derOctets, derOid, primitive, sequence, tags } from './der.ts'
import { type Extension, readExtensionList } from './extensions.ts'
import { type Name, readName } from './name.ts'
import { knownOid, oidName } from './oids.ts'
import { readSignatureAlgorithm, type SignatureAlgorithm } from './signature.ts'
import { keyBytes } from './spki.ts'

/** Which certificate an answer is about (RFC 6960 section 4.1.1). */
export interface CertId {
  /** Undefined for a hash that is not ours: nothing can be compared with it then. */
  readonly hash: HashName | undefined
  readonly issuerName: Uint8Array
  readonly issuerKey: Uint8Array
  readonly serial: Uint8Array
}

/** What is said of one certificate. Times in milliseconds since 1970. */
export interface SingleAnswer {
  readonly id: CertId
  readonly status: 'good' | 'revoked' | 'unknown'
  readonly revokedAt?: number
  readonly reason?: RevocationReason
  readonly thisUpdate: number
  readonly nextUpdate?: number
  /** Timestamps of logs about the certificate: a SignedCertificateTimestampList (RFC 6962 section 3.3). */
  readonly scts?: Uint8Array
}

/** An OCSP response that says something (RFC 6960 section 4.2.1). Fields of bytes are views. Made by `parseOcsp`. */
export interface OcspResponse {
  readonly raw: Uint8Array
  /** The part that is signed. */
  readonly tbs: Uint8Array
  /** Who answers: a name, or the SHA-1 of a key (20 bytes). */
  readonly responder: Name | Uint8Array
  readonly producedAt: number
  readonly answers: readonly SingleAnswer[]
  readonly nonce: Uint8Array | undefined
  readonly signatureAlgorithm: SignatureAlgorithm
  readonly signature: Uint8Array
  /** What may help to check the signature. */
  readonly certificates: readonly Certificate[]
}

/** How a responder that cannot answer says so (section 4.2.1). */
const failures = ['', 'malformedRequest', 'internalError', 'tryLater', '', 'sigRequired', 'unauthorized'] as const

/** Answers and certificates of one response at most. */
const MAX_ANSWERS = 1000
const MAX_CERTIFICATES = 16

/**
 * Parses an OCSPResponse (DER); the bytes are kept, not copied. Throws `DerError` for what is malformed, for critical
 * extensions that are not known, and for a response by which the responder only says that it cannot answer.
 */
export const parseOcsp = (raw: Uint8Array): OcspResponse => {
  const outer = new DerReader(raw, 'the OCSP response')
  const whole = outer.open(tags.sequence)
  outer.close()
  const status = whole.small(tags.enumerated)
  if (status !== 0) whole.fail(`is no answer: the responder says "${failures[status] || status}"`)
  const explicit = whole.open(constructed(0))
  whole.close()
  const bytes = explicit.open(tags.sequence)
  explicit.close()
  const type = bytes.oid()
  if (type !== knownOid('ocspBasic')) bytes.fail(`is of the type ${type}, which is not supported`)
  const octets = bytes.octets()
  bytes.close()
  const envelope = new DerReader(octets, 'the OCSP response')
  const basic = envelope.open(tags.sequence)
  envelope.close()
  const tbs = basic.raw(tags.sequence)
  const algorithm = basic.raw(tags.sequence)
  const signature = basic.bitBytes()
  const certificates = basic.tag === constructed(0) ? readCertificates(basic) : []
  basic.close()
  return {
    raw,
    tbs,
    ...readData(new DerReader(tbs, 'the OCSP response').open(tags.sequence)),
    signatureAlgorithm: readSignatureAlgorithm(algorithm),
    signature,
    certificates,
  }
}

const readCertificates = (from: DerReader): readonly Certificate[] => {
  const tagged = from.open(constructed(0))
  const list = tagged.open(tags.sequence)
  tagged.close()
  const certificates: Certificate[] = []
  while (list.more) {
    certificates.push(parseCertificate(list.raw(tags.sequence)))
    if (certificates.length > MAX_CERTIFICATES) list.fail(`brings more than ${MAX_CERTIFICATES} certificates`)
  }
  return certificates
}

const readData = (inside: DerReader): Pick<OcspResponse, 'responder' | 'producedAt' | 'answers' | 'nonce'> => {
  const version = inside.openIf(constructed(0))
  if (version) inside.fail(version.small() === 0 ? 'spells out version 1, which DER leaves out' : 'is not of version 1')
  const responder = readResponder(inside)
  const producedAt = generalTime(inside)
  const list = inside.open(tags.sequence)
  const answers: SingleAnswer[] = []
  while (list.more) {
    answers.push(readAnswer(list.open(tags.sequence)))
    if (answers.length > MAX_ANSWERS) list.fail(`has more than ${MAX_ANSWERS} answers`)
  }
  const tagged = inside.openIf(constructed(1))
  inside.close()
  const extensions = tagged ? readExtensionList(tagged) : []
  refuseCritical(extensions, ['ocspNonce'])
  const nonce = extensions.find(({ oid }) => oid === knownOid('ocspNonce'))
  return { responder, producedAt, answers, nonce: nonce && nonceOf(nonce.value) }
}

const readResponder = (inside: DerReader): Name | Uint8Array => {
  if (inside.tag === constructed(1)) {
    const tagged = inside.open(constructed(1))
    const name = readName(tagged, "the responder's name")
    tagged.close()
    return name
  }
  const tagged = inside.open(constructed(2))
  const key = tagged.octets()
  tagged.close()
  if (key.length !== 20) inside.fail('names its responder by a key hash that is not of 20 bytes')
  return key
}

const readAnswer = (inside: DerReader): SingleAnswer => {
  const id = readCertId(inside)
  let status: SingleAnswer['status'] = 'good'
  let revokedAt: number | undefined
  let reason: RevocationReason | undefined
  if (inside.tag === constructed(1)) {
    status = 'revoked'
    const revoked = inside.open(constructed(1))
    revokedAt = generalTime(revoked)
    const tagged = revoked.openIf(constructed(0))
    reason = tagged ? reasons[tagged.small(tags.enumerated)] : 'unspecified'
    if (!reason) inside.fail('gives a reason that does not exist')
    tagged?.close()
    revoked.close()
  } else {
    if (inside.tag === primitive(2)) status = 'unknown'
    if (inside.value(primitive(status === 'good' ? 0 : 2)).length > 0) inside.fail('has a status with content')
  }
  const thisUpdate = generalTime(inside)
  const until = inside.openIf(constructed(0))
  const nextUpdate = until && generalTime(until)
  until?.close()
  const tagged = inside.openIf(constructed(1))
  inside.close()
  const extensions = tagged ? readExtensionList(tagged) : []
  refuseCritical(extensions, ['ocspSctList'])
  const list = extensions.find(({ oid }) => oid === knownOid('ocspSctList'))
  return {
    id,
    status,
    ...(revokedAt !== undefined && { revokedAt }),
    ...(reason && { reason }),
    thisUpdate,
    ...(nextUpdate !== undefined && { nextUpdate }),
    ...(list && { scts: new DerReader(list.value, 'the list of timestamps').octets() }),
  }
}

/** OCSP has no UTCTime. */
const generalTime = (from: DerReader): number => {
  if (from.tag !== tags.generalizedTime) from.fail('has something else where a GeneralizedTime should be')
  return from.time()
}

const hashes: readonly HashName[] = ['sha1', 'sha256', 'sha384', 'sha512']

const readCertId = (from: DerReader): CertId => {
  const inside = from.open(tags.sequence)
  const algorithm = inside.open(tags.sequence)
  const name = oidName(algorithm.oid())
  if (algorithm.more) algorithm.null()
  algorithm.close()
  const id = { issuerName: inside.octets(), issuerKey: inside.octets(), serial: inside.integer() }
  inside.close()
  return { hash: hashes.find((hash) => hash === name), ...id }
}

/** RFC 9654 section 2.1: an OCTET STRING of 1 to 128 bytes; some responders leave its tag out. */
const nonceOf = (value: Uint8Array): Uint8Array =>
  value[0] === tags.octetString && value[1] === value.length - 2 ? value.subarray(2) : value

const refuseCritical = (extensions: readonly Extension[], known: readonly string[]): void => {
  for (const { oid, critical } of extensions) {
    if (critical && !known.includes(oidName(oid)))
      throw new DerError(`the OCSP response has the critical extension ${oidName(oid)}, which is not processed here`)
  }
}

/** Whether an answer is about this certificate of this issuer. */
export function* isAbout(
  { hash, issuerName, issuerKey, serial }: CertId,
  certificate: Certificate,
  issuer: Certificate,
  provider: Provider,
): Task<boolean> {
  if (!hash || !equal(serial, certificate.serial)) return false
  return (
    equal(issuerName, yield* wait(digest(provider, hash, certificate.issuer.raw))) &&
    equal(issuerKey, yield* wait(digest(provider, hash, keyBytes(issuer.spki))))
  )
}

/** Whether the responder that signed says to be this certificate's holder. */
export function* isResponder(
  responder: OcspResponse['responder'],
  holder: Certificate,
  provider: Provider,
): Task<boolean> {
  if (!(responder instanceof Uint8Array)) return responder.key === holder.subject.key
  return equal(responder, yield* wait(digest(provider, 'sha1', keyBytes(holder.spki))))
}

/** Asks about one certificate (OCSPRequest in DER, RFC 6960 section 4.1), without a signature. `nonce`: 1 to 128 bytes. */
export function* ocspRequest(
  certificate: Certificate,
  issuer: Certificate,
  provider: Provider,
  nonce?: Uint8Array,
): Task<Uint8Array> {
  const id = yield* certId(certificate, issuer, provider)
  const extensions = nonce
    ? [der(constructed(2), sequence(sequence(derOid(knownOid('ocspNonce')), derOctets(derOctets(nonce)))))]
    : []
  return sequence(sequence(sequence(sequence(id)), ...extensions))
}

/** CertID with SHA-1, the one hash that every responder knows; nothing hangs on its strength. */
export function* certId(certificate: Certificate, issuer: Certificate, provider: Provider): Task<Uint8Array> {
  return sequence(
    sequence(derOid(knownOid('sha1')), derNull),
    derOctets(yield* wait(digest(provider, 'sha1', certificate.issuer.raw))),
    derOctets(yield* wait(digest(provider, 'sha1', keyBytes(issuer.spki)))),
    der(tags.integer, certificate.serial),
  )
}

/** Where a request is to be fetched by GET (RFC 6960 appendix A.1). */
export const ocspUrl = (responder: string, request: Uint8Array): string =>
  `${responder.replace(/\/$/, '')}/${encodeURIComponent(base64(request))}`
