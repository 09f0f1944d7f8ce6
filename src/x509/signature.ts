import type { Algorithm, HashName } from '../crypto/provider.ts'
import { constructed, DerReader, der, derInteger, derNull, derOid, sequence, tags } from './der.ts'
import { knownOid, oidName } from './oids.ts'
import type { KeyDescription } from './spki.ts'

/** How a certificate is signed. */
export interface SignatureAlgorithm {
  /** Dotted decimal. */
  readonly oid: string
  /** Its name, or the dotted decimal again. */
  readonly name: string
  /** What a provider is asked for; undefined for what is not supported. */
  readonly algorithm: Algorithm | undefined
}

interface Row {
  readonly name: string
  readonly algorithm: Algorithm
  readonly parameters: 'null' | 'absent'
}

const hashes = ['sha1', 'sha256', 'sha384', 'sha512'] as const
const rows: readonly Row[] = [
  ...hashes.flatMap((hash): Row[] => [
    { name: `${hash}WithRSAEncryption`, algorithm: { kind: 'rsa_pkcs1', hash }, parameters: 'null' },
    { name: `ecdsaWith${hash.toUpperCase()}`, algorithm: { kind: 'ecdsa', hash }, parameters: 'absent' },
  ]),
  { name: 'ed25519', algorithm: { kind: 'eddsa' }, parameters: 'absent' },
  { name: 'ed448', algorithm: { kind: 'eddsa' }, parameters: 'absent' },
]
const byOid = new Map(rows.map((row) => [knownOid(row.name), row]))

/** Reads an AlgorithmIdentifier (RFC 5280 section 4.1.1.2). Parameters that do not fit make it an unsupported one. */
export const readSignatureAlgorithm = (raw: Uint8Array): SignatureAlgorithm => {
  const outer = new DerReader(raw, 'the signature algorithm')
  const inside = outer.open(tags.sequence)
  const oid = inside.oid()
  const name = oidName(oid)
  const parameters = inside.more ? inside.raw() : undefined
  inside.close()
  outer.close()
  if (name === 'rsassaPss') return { oid, name, algorithm: parameters && readPss(parameters) }
  const row = byOid.get(oid)
  // RFC 4055 section 5: NULL is what RSA signers write, and absence what readers must bear
  const isNull = parameters?.length === 2 && parameters[0] === tags.null
  const fits = row && (parameters === undefined || (isNull && row.parameters === 'null'))
  return { oid, name, algorithm: fits ? row.algorithm : undefined }
}

/** RSASSA-PSS-params (RFC 4055 section 3.1): one hash throughout, with the trailer that everybody uses. */
const readPss = (raw: Uint8Array): Algorithm | undefined => {
  const outer = new DerReader(raw, 'the parameters of RSASSA-PSS')
  if (outer.tag !== tags.sequence) return undefined
  const inside = outer.open(tags.sequence)
  const hash = readHash(inside.openIf(constructed(0)))
  let mask: string | undefined = 'sha1'
  const generator = inside.openIf(constructed(1))
  if (generator) {
    const identifier = generator.open(tags.sequence)
    if (oidName(identifier.oid()) !== 'mgf1') return undefined
    mask = readHash(identifier)
    identifier.close()
    generator.close()
  }
  const salt = inside.openIf(constructed(2))
  const saltLength = salt ? salt.small() : 20
  salt?.close()
  const trailer = inside.openIf(constructed(3))
  if (trailer && trailer.small() !== 1) return undefined
  trailer?.close()
  inside.close()
  outer.close()
  return hash !== undefined && hash === mask ? { kind: 'rsa_pss', hash, saltLength } : undefined
}

/** The hash of an AlgorithmIdentifier that stands alone in there; SHA-1 by default. */
const readHash = (from: DerReader | undefined): HashName | undefined => {
  if (!from) return 'sha1'
  const identifier = from.open(tags.sequence)
  const name = oidName(identifier.oid())
  if (identifier.more) identifier.null()
  identifier.close()
  from.close()
  return hashes.find((hash) => hash === name)
}

/** The AlgorithmIdentifier of an algorithm; for `eddsa` the kind of key decides. */
export const encodeSignatureAlgorithm = (algorithm: Algorithm, key: string): Uint8Array => {
  switch (algorithm.kind) {
    case 'rsa_pkcs1':
      return sequence(derOid(knownOid(`${algorithm.hash}WithRSAEncryption`)), derNull)
    case 'ecdsa':
      return sequence(derOid(knownOid(`ecdsaWith${algorithm.hash}`)))
    case 'eddsa':
      return sequence(derOid(knownOid(key)))
    case 'rsa_pss': {
      const hash = sequence(derOid(knownOid(algorithm.hash)), derNull)
      return sequence(
        derOid(knownOid('rsassaPss')),
        sequence(
          der(constructed(0), hash),
          der(constructed(1), sequence(derOid(knownOid('mgf1')), hash)),
          der(constructed(2), derInteger(algorithm.saltLength)),
        ),
      )
    }
  }
}

/** Whether a key of this kind can have made such signatures; of algorithms that are not supported nothing is known. */
export const mayBeOf = ({ algorithm, name }: SignatureAlgorithm, { type }: KeyDescription): boolean => {
  switch (algorithm?.kind) {
    case 'rsa_pkcs1':
      return type === 'rsa'
    case 'rsa_pss':
      return type === 'rsa' || type === 'rsa-pss'
    case 'ecdsa':
      return type === 'ec'
    case 'eddsa':
      return type === name
    case undefined:
      return true
  }
}

// SHA-1 as OpenSSL 1.1.1 counts it: half its length, though collisions cost less
const strengths: Readonly<Record<HashName, number>> = { sha1: 80, sha256: 128, sha384: 192, sha512: 256 }

/** How hard it is to find two messages with one signature, in bits, as OpenSSL's security levels count; 0 when unsupported. */
export const signatureStrength = ({ algorithm, name }: SignatureAlgorithm): number => {
  if (!algorithm) return 0
  return algorithm.kind === 'eddsa' ? (name === 'ed448' ? 224 : 128) : strengths[algorithm.hash]
}
