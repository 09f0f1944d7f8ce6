import { groupByName, groups, type NamedGroup } from '../crypto/groups.ts'
import { type Scheme, schemes } from '../crypto/schemes.ts'
import type { Suite } from '../crypto/suites.ts'

/** What lists of groups and signature algorithms may say (SSL_CTX_set1_groups_list(3), SSL_CTX_set1_sigalgs_list(3)). */

export const defaultGroups: readonly NamedGroup[] = groups.filter((group) => group.default)
export const defaultSchemes: readonly Scheme[] = schemes.filter((scheme) => scheme.default)

/** Undefined when the list is empty, or an item is unknown or stands twice. */
export const parseGroups = (list: string): readonly NamedGroup[] | undefined => distinct(list, groupByName)

/** NIDs of obj_mac.h. */
const groupNids: readonly (readonly [number, string])[] = [
  [1034, 'X25519'],
  [415, 'P-256'],
  [1035, 'X448'],
  [716, 'P-521'],
  [715, 'P-384'],
  [1126, 'ffdhe2048'],
  [1127, 'ffdhe3072'],
]
export const groupByNid = (nid: number): NamedGroup | undefined => {
  const name = groupNids.find(([number]) => number === nid)?.[1]
  return name === undefined ? undefined : groupByName(name)
}
export const groupNid = (group: NamedGroup): number => groupNids.find(([, name]) => name === group.openssl)?.[0] ?? 0

/** `RSA+SHA256`, `rsa_pss_rsae_sha256`, `ed25519`; undefined when the list is empty, or an item is unknown or twice there. */
export const parseSchemes = (list: string): readonly Scheme[] | undefined => distinct(list, schemeOf)

const pairKinds: Readonly<Record<string, readonly string[]>> = {
  RSA: ['rsa_pkcs1_'],
  'RSA-PSS': ['rsa_pss_rsae_', 'rsa_pss_pss_'],
  PSS: ['rsa_pss_rsae_', 'rsa_pss_pss_'],
}
const curveHashes: Readonly<Record<string, string>> = {
  SHA1: 'ecdsa_sha1',
  SHA256: 'ecdsa_secp256r1_sha256',
  SHA384: 'ecdsa_secp384r1_sha384',
  SHA512: 'ecdsa_secp521r1_sha512',
}

const schemeOf = (item: string): Scheme | undefined => {
  const plus = item.indexOf('+')
  if (plus < 0) return schemes.find(({ name }) => name === item)
  const kind = item.slice(0, plus)
  const hash = item.slice(plus + 1)
  const wanted =
    kind === 'ECDSA' ? [curveHashes[hash]] : (pairKinds[kind] ?? []).map((start) => start + hash.toLowerCase())
  return schemes.find(({ name }) => wanted.includes(name))
}

/** Signature and hash NIDs, in pairs: EVP_PKEY_RSA 6, EVP_PKEY_RSA_PSS 912, EVP_PKEY_EC 408 with NID_sha1 64 and so on. */
export const schemesByNids = (pairs: readonly number[]): readonly Scheme[] | undefined => {
  const kinds: Readonly<Record<number, string>> = { 6: 'RSA', 912: 'PSS', 408: 'ECDSA' }
  const hashes: Readonly<Record<number, string>> = { 64: 'SHA1', 672: 'SHA256', 673: 'SHA384', 674: 'SHA512' }
  const single: Readonly<Record<number, string>> = { 1087: 'ed25519', 1088: 'ed448' }
  if (pairs.length === 0 || pairs.length % 2 !== 0) return undefined
  const items: string[] = []
  for (let at = 0; at < pairs.length; at += 2) {
    const hash = pairs[at] as number
    const kind = pairs[at + 1] as number
    items.push(single[kind] ?? `${kinds[kind]}+${hashes[hash]}`)
  }
  return parseSchemes(items.join(':'))
}

const distinct = <T>(list: string, find: (item: string) => T | undefined): readonly T[] | undefined => {
  const found: T[] = []
  for (const item of list.split(':')) {
    const one = find(item)
    if (one === undefined || found.includes(one)) return undefined
    found.push(one)
  }
  return found
}

/** Bits that each security level asks for (SSL_CTX_set_security_level(3)). */
export const levelBits = [0, 80, 112, 128, 192, 256] as const

const groupBits: Readonly<Record<string, number>> = {
  X25519: 128,
  'P-256': 128,
  'P-384': 192,
  'P-521': 256,
  X448: 224,
  ffdhe2048: 112,
  ffdhe3072: 128,
}
const hashBits: Readonly<Record<string, number>> = { sha1: 80, sha256: 128, sha384: 192, sha512: 256 }

export const groupStrength = (group: NamedGroup): number => groupBits[group.openssl] ?? 0
export const schemeStrength = ({ algorithm, key }: Scheme): number =>
  algorithm.kind === 'eddsa' ? (key === 'ed448' ? 224 : 128) : (hashBits[algorithm.hash] ?? 0)
export const suiteStrength = (suite: Suite): number => (suite.cipher.includes('128') ? 128 : 256)
