import { equal } from '../bytes/compare.ts'
import type { Scheme } from '../crypto/schemes.ts'
import { schemeById, schemeFits } from '../crypto/schemes.ts'
import { held } from './counted.ts'
import type { SSL } from './ssl.ts'
import * as n from './ssl-numbers.ts'
import { type EVP_PKEY, fits, type X509 } from './x509.ts'

/** Signature algorithms of the peer, and chains that it can check (SSL_get_sigalgs(3), SSL_check_chain(3)). */

/** One of them: the NIDs of key, hash and both together, and the two bytes on the wire. `count`: how many there are. */
export interface SignatureAlgorithm {
  /** 0 when there is none of that index; else the number of all. */
  readonly ret: number
  readonly sign: number
  readonly hash: number
  readonly signandhash: number
  readonly rsig: number
  readonly rhash: number
}

const keys: Readonly<Record<string, number>> = { ecdsa: 408, rsa_pkcs1: 6, rsa_pss: 912 }
const hashes: Readonly<Record<string, number>> = { sha1: 64, sha256: 672, sha384: 673, sha512: 674 }
const both: Readonly<Record<string, number>> = {
  'ecdsa sha1': 416,
  'ecdsa sha256': 794,
  'ecdsa sha384': 795,
  'ecdsa sha512': 796,
  'rsa_pkcs1 sha1': 65,
  'rsa_pkcs1 sha256': 668,
  'rsa_pkcs1 sha384': 669,
  'rsa_pkcs1 sha512': 670,
}
const NID_ED25519 = 1087
const NID_ED448 = 1088

const described = (id: number, count: number): SignatureAlgorithm => {
  const scheme = schemeById(id)
  const wire = { ret: count, rsig: id & 255, rhash: id >> 8 }
  if (!scheme) return { ...wire, sign: 0, hash: 0, signandhash: 0 }
  const { algorithm, key } = scheme
  if (algorithm.kind === 'eddsa') {
    const nid = key === 'ed448' ? NID_ED448 : NID_ED25519
    return { ...wire, sign: nid, hash: 0, signandhash: nid }
  }
  const { kind, hash } = algorithm
  return { ...wire, sign: keys[kind] ?? 0, hash: hashes[hash] ?? 0, signandhash: both[`${kind} ${hash}`] ?? 0 }
}
const NONE: SignatureAlgorithm = { ret: 0, sign: 0, hash: 0, signandhash: 0, rsig: 0, rhash: 0 }

const peerIds = (ssl: SSL): readonly number[] => (held(ssl).connection?.facts.peerSchemes ?? []).map(({ id }) => id)

/** What the peer takes, by its preference; those that are known here. A negative index only counts. */
export const SSL_get_sigalgs = (ssl: SSL, idx: number): SignatureAlgorithm => {
  const ids = peerIds(ssl)
  const id = ids[idx]
  if (idx < 0) return { ...NONE, ret: ids.length }
  return id === undefined ? NONE : described(id, ids.length)
}
const sharedSchemes = (ssl: SSL): readonly Scheme[] => {
  const { settings, role } = held(ssl)
  const ours = (role === 'client' ? settings.clientSchemes : null) ?? settings.schemes
  const theirs = peerIds(ssl)
  const first = (settings.options & n.SSL_OP_CIPHER_SERVER_PREFERENCE) !== 0
  if (first) return ours.filter(({ id }) => theirs.includes(id))
  return theirs.flatMap((id) => ours.find((scheme) => scheme.id === id) ?? [])
}
/** The same for what both sides take. */
export const SSL_get_shared_sigalgs = (ssl: SSL, idx: number): SignatureAlgorithm => {
  const shared = sharedSchemes(ssl)
  const scheme = shared[idx]
  if (idx < 0) return { ...NONE, ret: shared.length }
  return scheme ? described(scheme.id, shared.length) : NONE
}

/**
 * Whether the peer of a handshake that is under way can check this chain and signature: CERT_PKEY_ bits, with
 * CERT_PKEY_VALID when it can. Without arguments: for what is loaded.
 */
export const SSL_check_chain = (
  ssl: SSL,
  x: X509 | null,
  pkey: EVP_PKEY | null,
  chain: readonly X509[] | null,
): number => {
  const { settings, connection } = held(ssl)
  const slot = settings.current === null ? undefined : settings.slots.get(settings.current)
  const leaf = x ?? slot?.certificate
  const key = pkey ?? slot?.key
  if (!leaf || !key || !fits(held(leaf).certificate, held(key).key)) return 0
  const version = connection?.facts.version ?? 0x0304
  const signs = sharedSchemes(ssl).some((scheme) => schemeFits(scheme, key.key.facts, version))
  const curves = connection?.facts.peerGroups
  const { facts } = key.key
  const curveFits =
    facts.type !== 'ec' ||
    version === 0x0304 ||
    curves === undefined ||
    settings.groups.some(({ curve, id }) => curve === facts.curve && curves.includes(id))
  const authorities = connection?.facts.peerAuthorities ?? []
  const all = [leaf, ...(chain ?? slot?.chain ?? [])].map(({ certificate }) => certificate)
  const named =
    authorities.length === 0 || all.some(({ issuer }) => authorities.some((name) => equal(name, issuer.raw)))
  let bits = n.CERT_PKEY_CERT_TYPE
  if (signs) bits |= n.CERT_PKEY_SIGN | n.CERT_PKEY_EXPLICIT_SIGN | n.CERT_PKEY_EE_SIGNATURE | n.CERT_PKEY_CA_SIGNATURE
  if (curveFits) bits |= n.CERT_PKEY_EE_PARAM | n.CERT_PKEY_CA_PARAM
  if (named) bits |= n.CERT_PKEY_ISSUER_NAME
  return signs && curveFits && named ? bits | n.CERT_PKEY_VALID : bits
}
