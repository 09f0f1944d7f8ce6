import type { Algorithm, PrivateKey, Provider } from '../crypto/provider.ts'
import { type Maybe, run, type Task, wait } from '../task.ts'
import type { Certificate } from './certificate.ts'
import { parseCrl, type RevocationList, type RevocationReason, reasons } from './crl.ts'
import {
  asciiBytes,
  constructed,
  der,
  derBits,
  derBoolean,
  derInteger,
  derNull,
  derOctets,
  derOid,
  derTime,
  primitive,
  sequence,
  tags,
} from './der.ts'
import type { Extension } from './extensions.ts'
import type { GeneralName } from './general-name.ts'
import { encodeExtensions, encodeGeneralName, keyIdentifier, usualAlgorithm } from './make.ts'
import { certId, type OcspResponse, parseOcsp } from './ocsp.ts'
import { knownOid } from './oids.ts'
import { encodeSignatureAlgorithm } from './signature.ts'

/** What a revocation list is to say. Times in milliseconds since 1970. */
export interface CrlRecipe {
  readonly issuer: Certificate
  readonly signer: PrivateKey
  readonly algorithm?: Algorithm
  readonly thisUpdate: number
  /** 7 days after `thisUpdate` by default. */
  readonly nextUpdate?: number
  /** Lists of one issuer are numbered upwards. */
  readonly number: number
  /** For a delta: the number of the complete list that it continues. */
  readonly base?: number
  readonly revoked?: readonly {
    readonly serial: Uint8Array
    readonly date: number
    readonly reason?: RevocationReason
    /** For indirect lists: who issued the certificate, from this entry on. */
    readonly issuer?: Certificate
  }[]
  /** What the list is about, if not about everything (IssuingDistributionPoint). */
  readonly scope?: {
    readonly names?: readonly (string | GeneralName)[]
    readonly only?: 'users' | 'cas' | 'attributes'
    readonly indirect?: boolean
    readonly reasons?: readonly RevocationReason[]
  }
  /** Further extensions; one of the same kind as ours takes its place. */
  readonly extensions?: readonly Extension[]
}

/** Makes and signs a revocation list (RFC 5280 section 5). */
export const makeCrl = (recipe: CrlRecipe, provider: Provider): Maybe<RevocationList> => run(crlTask(recipe, provider))

const WEEK = 7 * 86_400_000

function* crlTask(recipe: CrlRecipe, provider: Provider): Task<RevocationList> {
  const { issuer, signer, thisUpdate, number, base, revoked = [], scope } = recipe
  const algorithm = recipe.algorithm ?? usualAlgorithm(signer.facts)
  const identifier = encodeSignatureAlgorithm(algorithm, signer.facts.type)
  const keyId = issuer.known.subjectKeyIdentifier ?? (yield* keyIdentifier(issuer.spki, provider))
  const extensions = [
    extension('authorityKeyIdentifier', false, sequence(der(primitive(0), keyId))),
    extension('cRLNumber', false, derInteger(number)),
    ...(base === undefined ? [] : [extension('deltaCRLIndicator', true, derInteger(base))]),
    ...(scope ? [extension('issuingDistributionPoint', true, encodeScope(scope))] : []),
    ...(recipe.extensions ?? []),
  ]
  const entries = revoked.map(({ serial, date, reason, issuer: whose }) => {
    const own = [
      ...(reason ? [extension('cRLReason', false, der(tags.enumerated, Uint8Array.of(reasons.indexOf(reason))))] : []),
      ...(whose ? [extension('certificateIssuer', true, sequence(der(constructed(4), whose.subject.raw)))] : []),
    ]
    return sequence(der(tags.integer, serial), derTime(date), ...(own.length > 0 ? [encodeExtensions(own)] : []))
  })
  const tbs = sequence(
    derInteger(1),
    identifier,
    issuer.subject.raw,
    derTime(thisUpdate),
    derTime(recipe.nextUpdate ?? thisUpdate + WEEK),
    ...(entries.length > 0 ? [sequence(...entries)] : []),
    der(constructed(0), encodeExtensions(extensions)),
  )
  const signature = yield* wait(signer.sign(algorithm, tbs), 'privateKey')
  return parseCrl(sequence(tbs, identifier, derBits(signature)))
}

const extension = (name: string, critical: boolean, value: Uint8Array): Extension => ({
  oid: knownOid(name),
  critical,
  value,
})

const encodeScope = ({ names, only, indirect, reasons: some }: NonNullable<CrlRecipe['scope']>): Uint8Array => {
  const yes = (n: number): Uint8Array => der(primitive(n), derBoolean(true).subarray(2))
  return sequence(
    ...(names ? [der(constructed(0), der(constructed(0), ...names.map(encodeGeneralName)))] : []),
    ...(only === 'users' ? [yes(1)] : []),
    ...(only === 'cas' ? [yes(2)] : []),
    ...(some ? [der(primitive(3), encodeReasons(some))] : []),
    ...(indirect ? [yes(4)] : []),
    ...(only === 'attributes' ? [yes(5)] : []),
  )
}

/** ReasonFlags without tag and length: bits by number, zero bits at the end left out. The last two bits have other names. */
export const encodeReasons = (names: readonly RevocationReason[]): Uint8Array => {
  const bits = names.map((name) =>
    name === 'privilegeWithdrawn' ? 7 : name === 'aACompromise' ? 8 : reasons.indexOf(name),
  )
  const last = Math.max(...bits)
  const bytes = new Uint8Array(1 + (last >>> 3) + 1)
  bytes[0] = 7 - (last & 7)
  for (const bit of bits) bytes[1 + (bit >>> 3)] = (bytes[1 + (bit >>> 3)] as number) | (0x80 >>> (bit & 7))
  return bytes
}

/** What an OCSP response is to say. Times in milliseconds since 1970. */
export interface OcspRecipe {
  /** Who answers: the issuer, or whom it has certified for `ocspSigning`. */
  readonly responder: Certificate
  readonly signer: PrivateKey
  readonly algorithm?: Algorithm
  /** Whether the responder is told by its name or, by default, by the hash of its key. */
  readonly by?: 'name' | 'key'
  readonly producedAt: number
  readonly answers: readonly {
    readonly certificate: Certificate
    readonly issuer: Certificate
    readonly status: 'good' | 'unknown' | { readonly revokedAt: number; readonly reason?: RevocationReason }
    /** `producedAt` by default. */
    readonly thisUpdate?: number
    /** 7 days after `thisUpdate` by default, `null` for none. */
    readonly nextUpdate?: number | null
    /** A SignedCertificateTimestampList to come with it (RFC 6962 section 3.3). */
    readonly scts?: Uint8Array
  }[]
  readonly nonce?: Uint8Array
  /** Sent along: the responder's own certificate, unless the issuer answers itself. */
  readonly certificates?: readonly Certificate[]
}

/** Makes and signs an OCSP response (RFC 6960), to be stapled or served. */
export const makeOcspResponse = (recipe: OcspRecipe, provider: Provider): Maybe<OcspResponse> =>
  run(ocspTask(recipe, provider))

function* ocspTask(recipe: OcspRecipe, provider: Provider): Task<OcspResponse> {
  const { responder, signer, producedAt, answers, nonce, certificates = [] } = recipe
  const algorithm = recipe.algorithm ?? usualAlgorithm(signer.facts)
  const singles: Uint8Array[] = []
  for (const {
    certificate,
    issuer,
    status,
    thisUpdate = producedAt,
    nextUpdate = thisUpdate + WEEK,
    scts,
  } of answers) {
    singles.push(
      sequence(
        yield* certId(certificate, issuer, provider),
        encodeStatus(status),
        generalTime(thisUpdate),
        ...(nextUpdate === null ? [] : [der(constructed(0), generalTime(nextUpdate))]),
        ...(scts ? [der(constructed(1), encodeExtensions([extension('ocspSctList', false, derOctets(scts))]))] : []),
      ),
    )
  }
  const who =
    recipe.by === 'name'
      ? der(constructed(1), responder.subject.raw)
      : der(constructed(2), derOctets(yield* keyIdentifier(responder.spki, provider)))
  const extensions = nonce
    ? [der(constructed(1), encodeExtensions([extension('ocspNonce', false, derOctets(nonce))]))]
    : []
  const tbs = sequence(who, generalTime(producedAt), sequence(...singles), ...extensions)
  const signature = yield* wait(signer.sign(algorithm, tbs), 'privateKey')
  const basic = sequence(
    tbs,
    encodeSignatureAlgorithm(algorithm, signer.facts.type),
    derBits(signature),
    ...(certificates.length > 0 ? [der(constructed(0), sequence(...certificates.map(({ raw }) => raw)))] : []),
  )
  const bytes = sequence(derOid(knownOid('ocspBasic')), derOctets(basic))
  return parseOcsp(sequence(der(tags.enumerated, Uint8Array.of(0)), der(constructed(0), bytes)))
}

const encodeStatus = (status: OcspRecipe['answers'][number]['status']): Uint8Array => {
  if (status === 'good') return der(primitive(0), derNull.subarray(2))
  if (status === 'unknown') return der(primitive(2))
  const { revokedAt, reason } = status
  const why = reason ? [der(constructed(0), der(tags.enumerated, Uint8Array.of(reasons.indexOf(reason))))] : []
  return der(constructed(1), generalTime(revokedAt), ...why)
}

const generalTime = (milliseconds: number): Uint8Array =>
  der(tags.generalizedTime, asciiBytes(new Date(milliseconds).toISOString().replace(/[-:T]|\.\d+/g, '')))
