import { latin1 } from '../bytes/text.ts'
import { groupByName, groups, type NamedGroup } from '../crypto/groups.ts'
import { type Scheme, schemes } from '../crypto/schemes.ts'
import type { Suite } from '../crypto/suites.ts'

/** What lists of groups and signature algorithms may say (SSL_CTX_set1_groups_list(3), SSL_CTX_set1_sigalgs_list(3)). */

export const defaultGroups: readonly NamedGroup[] = groups.filter((group) => group.default)
export const defaultSchemes: readonly Scheme[] = schemes.filter((scheme) => scheme.default)
/**
 * A server that was told nothing serves clients that offer nothing else: it exchanges keys in X448, and signs with SHA-1 in
 * TLS 1.2 at security levels below 2. Nobody is asked for either.
 */
export const servedGroups: readonly NamedGroup[] = [...defaultGroups, ...groups.filter(({ name }) => name === 'x448')]
export const servedSchemes: readonly Scheme[] = [
  ...defaultSchemes,
  ...schemes.filter(({ algorithm }) => 'hash' in algorithm && algorithm.hash === 'sha1'),
]
/** What Suite B is about (RFC 6460): the one curve, the other, or both. */
export const suiteB = (
  level: SuiteB,
): { readonly groups: readonly NamedGroup[]; readonly schemes: readonly Scheme[] } => {
  const curves = level === '128' ? ['P-256', 'P-384'] : level === '128only' ? ['P-256'] : ['P-384']
  const has = ({ curve }: { readonly curve?: string }): boolean => curve !== undefined && curves.includes(curve)
  return { groups: groups.filter(has), schemes: schemes.filter(has) }
}
export type SuiteB = '128' | '128only' | '192'

/** Undefined when the list is empty, or an item is unknown or stands twice. */
export const parseGroups = (list: string): readonly NamedGroup[] | undefined => distinct(list, groupByName)

/** NIDs of obj_mac.h. */
const groupNids: readonly (readonly [number, string])[] = [
  [1034, 'X25519'],
  [415, 'P-256'],
  [1035, 'X448'],
  [716, 'P-521'],
  [927, 'brainpoolP256r1'],
  [931, 'brainpoolP384r1'],
  [933, 'brainpoolP512r1'],
  [714, 'secp256k1'],
  [715, 'P-384'],
  [1126, 'ffdhe2048'],
  [1127, 'ffdhe3072'],
]
export const groupByNid = (nid: number): NamedGroup | undefined => {
  const name = groupNids.find(([number]) => number === nid)?.[1]
  return name === undefined ? undefined : groupByName(name)
}
export const groupNid = (group: NamedGroup): number => groupNids.find(([, name]) => name === group.openssl)?.[0] ?? 0

/**
 * `RSA+SHA256` or `SHA256+RSA`, `rsa_pss_rsae_sha256`, `ed25519`. What OpenSSL knows and we rule out (DSA, SHA-224) is
 * passed over, so that one list serves both. Undefined when nothing is left, or an item is unknown or twice there.
 */
export const parseSchemes = (list: string): readonly Scheme[] | undefined => {
  const rest = list.split(':').filter((item) => !ruledOut(item))
  return rest.length === 0 ? undefined : distinct(rest.join(':'), schemeOf)
}

const kinds: Readonly<Record<string, (hash: string) => string | undefined>> = {
  RSA: (hash) => `rsa_pkcs1_${hash}`,
  'RSA-PSS': (hash) => `rsa_pss_rsae_${hash}`,
  PSS: (hash) => `rsa_pss_rsae_${hash}`,
  ECDSA: (hash) => ecdsaBy[hash],
}
const ecdsaBy: Readonly<Record<string, string>> = {
  sha1: 'ecdsa_sha1',
  sha256: 'ecdsa_secp256r1_sha256',
  sha384: 'ecdsa_secp384r1_sha384',
  sha512: 'ecdsa_secp521r1_sha512',
}

/** Kind and hash of a pair, which may stand in either order. */
const pairOf = (item: string): readonly [kind: string, hash: string] | undefined => {
  const parts = item.split('+')
  if (parts.length !== 2) return undefined
  const [kind, hash] = /^SHA\d+$/.test(parts[0] as string) ? parts.reverse() : parts
  return [kind as string, hash as string]
}

const schemeOf = (item: string): Scheme | undefined => {
  const pair = pairOf(item)
  const name = pair ? Object.hasOwn(kinds, pair[0]) && kinds[pair[0]]?.(pair[1].toLowerCase()) : item
  return schemes.find((scheme) => scheme.name === name)
}

const ruledOut = (item: string): boolean => {
  const [kind, hash] = pairOf(item) ?? []
  if (kind === undefined || hash === undefined) return /^(?:ecdsa|dsa|rsa_pkcs1)_sha224$|^dsa_sha\d+$/.test(item)
  const known = kind === 'DSA' || kind === 'RSA' || kind === 'ECDSA'
  return known && ((kind === 'DSA' && /^SHA(?:1|224|256|384|512)$/.test(hash)) || hash === 'SHA224')
}

/** Signature and hash NIDs, in pairs: EVP_PKEY_RSA 6, EVP_PKEY_RSA_PSS 912, EVP_PKEY_EC 408 with NID_sha1 64 and so on. */
export const schemesByNids = (pairs: readonly number[]): readonly Scheme[] | undefined => {
  const names: Readonly<Record<number, string>> = { 6: 'RSA', 912: 'PSS', 408: 'ECDSA' }
  const hashes: Readonly<Record<number, string>> = { 64: 'SHA1', 672: 'SHA256', 673: 'SHA384', 674: 'SHA512' }
  const single: Readonly<Record<number, string>> = { 1087: 'ed25519', 1088: 'ed448' }
  if (pairs.length === 0 || pairs.length % 2 !== 0) return undefined
  const items: string[] = []
  for (let at = 0; at < pairs.length; at += 2) {
    const hash = pairs[at] as number
    const kind = pairs[at + 1] as number
    items.push(single[kind] ?? `${names[kind]}+${hashes[hash]}`)
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
  brainpoolP256r1: 128,
  brainpoolP384r1: 192,
  brainpoolP512r1: 256,
  secp256k1: 128,
  X448: 224,
  ffdhe2048: 112,
  ffdhe3072: 128,
}
const hashBits: Readonly<Record<string, number>> = { sha1: 80, sha256: 128, sha384: 192, sha512: 256 }

export const groupStrength = (group: NamedGroup): number => groupBits[group.openssl] ?? 0
export const schemeStrength = ({ algorithm, key }: Scheme): number =>
  algorithm.kind === 'eddsa' ? (key === 'ed448' ? 224 : 128) : (hashBits[algorithm.hash] ?? 0)
export const suiteStrength = (suite: Suite): number => (suite.cipher.includes('128') ? 128 : 256)

/** A list of protocols out of its wire form. */
export const protocols = (wire: Uint8Array): string[] => {
  const names: string[] = []
  for (let at = 0; at < wire.length; at += 1 + (wire[at] as number))
    names.push(latin1(wire.subarray(at + 1, at + 1 + (wire[at] as number))))
  return names
}
