import type { Algorithm, CurveName, HashName, KeyFacts } from './provider.ts'

export interface Scheme {
  readonly id: number
  readonly name: string
  readonly algorithm: Algorithm
  /** The kind of key that signs so. */
  readonly key: KeyFacts['type']
  /** TLS 1.3 binds ECDSA to one curve (RFC 9846 section 4.2.3). */
  readonly curve?: CurveName
  /** Whether handshakes of TLS 1.3 may be signed so; certificates may in any case. */
  readonly tls13: boolean
  readonly default: boolean
}

const ecdsa = (id: number, name: string, hash: HashName, curve?: CurveName): Scheme => ({
  id,
  name,
  algorithm: { kind: 'ecdsa', hash },
  key: 'ec',
  ...(curve && { curve }),
  tls13: curve !== undefined,
  default: curve !== undefined,
})
const pss = (id: number, name: string, hash: HashName, saltLength: number, key: 'rsa' | 'rsa-pss'): Scheme => ({
  id,
  name,
  algorithm: { kind: 'rsa_pss', hash, saltLength },
  key,
  tls13: true,
  default: true,
})
const pkcs1 = (id: number, name: string, hash: HashName): Scheme => ({
  id,
  name,
  algorithm: { kind: 'rsa_pkcs1', hash },
  key: 'rsa',
  tls13: false,
  default: hash !== 'sha1',
})

/** Signature schemes in the order in which they are preferred (RFC 9846 section 4.2.3). */
export const schemes: readonly Scheme[] = [
  ecdsa(0x0403, 'ecdsa_secp256r1_sha256', 'sha256', 'P-256'),
  ecdsa(0x0503, 'ecdsa_secp384r1_sha384', 'sha384', 'P-384'),
  ecdsa(0x0603, 'ecdsa_secp521r1_sha512', 'sha512', 'P-521'),
  { id: 0x0807, name: 'ed25519', algorithm: { kind: 'eddsa' }, key: 'ed25519', tls13: true, default: true },
  { id: 0x0808, name: 'ed448', algorithm: { kind: 'eddsa' }, key: 'ed448', tls13: true, default: true },
  pss(0x0809, 'rsa_pss_pss_sha256', 'sha256', 32, 'rsa-pss'),
  pss(0x080a, 'rsa_pss_pss_sha384', 'sha384', 48, 'rsa-pss'),
  pss(0x080b, 'rsa_pss_pss_sha512', 'sha512', 64, 'rsa-pss'),
  pss(0x0804, 'rsa_pss_rsae_sha256', 'sha256', 32, 'rsa'),
  pss(0x0805, 'rsa_pss_rsae_sha384', 'sha384', 48, 'rsa'),
  pss(0x0806, 'rsa_pss_rsae_sha512', 'sha512', 64, 'rsa'),
  pkcs1(0x0401, 'rsa_pkcs1_sha256', 'sha256'),
  pkcs1(0x0501, 'rsa_pkcs1_sha384', 'sha384'),
  pkcs1(0x0601, 'rsa_pkcs1_sha512', 'sha512'),
  pkcs1(0x0201, 'rsa_pkcs1_sha1', 'sha1'),
  ecdsa(0x0203, 'ecdsa_sha1', 'sha1'),
]

const byId = new Map(schemes.map((scheme) => [scheme.id, scheme]))
export const schemeById = (id: number): Scheme | undefined => byId.get(id)
export const schemeByName = (name: string): Scheme | undefined => schemes.find((scheme) => scheme.name === name)

/**
 * Whether a key signs by this scheme in this version. TLS 1.2 reads the ECDSA code points as pairs of ECDSA and a
 * hash, with any curve; TLS 1.3 binds the curve too.
 */
export const schemeFits = (scheme: Scheme, key: KeyFacts, version: 0x0303 | 0x0304): boolean => {
  if (scheme.key !== key.type) return false
  if (version === 0x0304 && (!scheme.tls13 || (key.type === 'ec' && scheme.curve !== key.curve))) return false
  const { algorithm } = scheme
  if (algorithm.kind !== 'rsa_pss') return true
  if (
    key.type === 'rsa-pss' &&
    key.pss &&
    (key.pss.hash !== algorithm.hash || key.pss.saltLength > algorithm.saltLength)
  )
    return false
  // the encoded message needs room for hash, salt and two bytes more (RFC 8017 section 9.1.1)
  return key.type !== 'rsa' && key.type !== 'rsa-pss' ? false : key.bits >= 8 * (2 * algorithm.saltLength + 2)
}
