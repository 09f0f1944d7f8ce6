import type { CurveName } from '../crypto/provider.ts'
import { DerReader, tags } from './der.ts'
import { oidName } from './oids.ts'

/** What a SubjectPublicKeyInfo says of its key, read without any cryptography. */
export type KeyDescription =
  | { readonly type: 'rsa' | 'rsa-pss'; readonly bits: number }
  /** `curve` is undefined for curves that are not ours, `bits` then 0. */
  | { readonly type: 'ec'; readonly bits: number; readonly curve: CurveName | undefined }
  | { readonly type: 'ed25519' | 'ed448' | 'x25519' | 'x448'; readonly bits: number }
  /** Any other kind; `name` is its algorithm. */
  | { readonly type: 'other'; readonly bits: number; readonly name: string }

const curveBits: Readonly<Record<CurveName, number>> = {
  'P-256': 256,
  'P-384': 384,
  'P-521': 521,
  brainpoolP256r1: 256,
  brainpoolP384r1: 384,
  brainpoolP512r1: 512,
  secp256k1: 256,
}

/** Bytes of keys of RFC 8410. */
const lengths = { ed25519: 32, ed448: 57, x25519: 32, x448: 56 } as const

/** The key itself without its algorithm: what method 1 of RFC 5280 section 4.2.1.2 hashes. */
export const keyBytes = (spki: Uint8Array): Uint8Array => {
  const inside = new DerReader(spki, 'the public key').open(tags.sequence)
  inside.raw(tags.sequence)
  return inside.bitBytes()
}

/** Reads a SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7). Throws `DerError` when it is malformed. */
export const describeKey = (spki: Uint8Array): KeyDescription => {
  const outer = new DerReader(spki, 'the public key')
  const inside = outer.open(tags.sequence)
  const algorithm = inside.open(tags.sequence)
  const name = oidName(algorithm.oid())
  const parameters = algorithm.more ? algorithm.raw() : undefined
  algorithm.close()
  const key = inside.bitBytes()
  inside.close()
  outer.close()
  if (name === 'rsaEncryption' || name === 'rsassaPss') {
    // RFC 4055 section 1.2: NULL for one, their own or none for the other
    if (name === 'rsaEncryption' && parameters?.length !== 2) outer.fail('of RSA lacks the NULL behind its algorithm')
    const rsa = new DerReader(key, 'the RSA key').open(tags.sequence)
    const modulus = rsa.integer()
    const exponent = rsa.integer()
    rsa.close()
    if (((modulus[0] as number) | (exponent[0] as number)) >= 0x80) rsa.fail('has a negative part')
    return { type: name === 'rsassaPss' ? 'rsa-pss' : 'rsa', bits: bitLength(modulus) }
  }
  if (name === 'ecPublicKey') {
    const curve = parameters?.[0] === tags.oid ? oidName(new DerReader(parameters, 'the curve').oid()) : ''
    if (!(curve in curveBits)) return { type: 'ec', curve: undefined, bits: 0 }
    const bits = curveBits[curve as CurveName]
    const half = (bits + 7) >>> 3
    // SEC 1 section 2.3.3: uncompressed, or compressed
    const fits = key[0] === 4 ? key.length === 1 + 2 * half : (key[0] === 2 || key[0] === 3) && key.length === 1 + half
    if (!fits) outer.fail(`of ${curve} is no point of ${bits} bits`)
    return { type: 'ec', curve: curve as CurveName, bits }
  }
  const length = lengths[name as keyof typeof lengths] as number | undefined
  if (length !== undefined) {
    // RFC 8410 section 3: nothing stands behind these
    if (parameters) outer.fail(`of ${name} has parameters`)
    if (key.length !== length) outer.fail(`of ${name} has ${key.length} bytes, not ${length}`)
    return { type: name as keyof typeof lengths, bits: 8 * length }
  }
  return { type: 'other', name, bits: 0 }
}

const bitLength = (integer: Uint8Array): number => {
  const start = integer[0] === 0 ? 1 : 0
  const first = integer[start] ?? 0
  return first === 0 ? 0 : 8 * (integer.length - start) - Math.clz32(first) + 24
}

/** How hard a key is to break, in bits (NIST SP 800-57 part 1 table 2, as OpenSSL's security levels count); 0: unknown. */
export const keyStrength = (key: KeyDescription): number => {
  switch (key.type) {
    case 'rsa':
    case 'rsa-pss':
      return rsaStrengths.find(([bits]) => key.bits >= bits)?.[1] ?? 0
    case 'ec':
      return key.bits >>> 1
    case 'ed25519':
    case 'x25519':
      return 128
    case 'ed448':
    case 'x448':
      return 224
    case 'other':
      return 0
  }
}

const rsaStrengths: readonly (readonly [bits: number, strength: number])[] = [
  [15360, 256],
  [7680, 192],
  [3072, 128],
  [2048, 112],
  [1024, 80],
]

/** For people: `RSA, 2048 bits`, `EC, P-256`, `Ed25519`. */
export const keyText = (key: KeyDescription): string => {
  switch (key.type) {
    case 'rsa':
      return `RSA, ${key.bits} bits`
    case 'rsa-pss':
      return `RSA-PSS, ${key.bits} bits`
    case 'ec':
      return `EC, ${key.curve ?? 'unsupported curve'}`
    case 'ed25519':
      return 'Ed25519'
    case 'ed448':
      return 'Ed448'
    case 'x25519':
      return 'X25519'
    case 'x448':
      return 'X448'
    case 'other':
      return key.name
  }
}
