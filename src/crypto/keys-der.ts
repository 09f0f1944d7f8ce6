import { concat } from '../bytes/compare.ts'
import { fromHex, hex } from '../bytes/text.ts'
import { Misuse } from '../errors.ts'
import { Der, der, INTEGER, NULL, OCTETS, OID, SEQUENCE, writeInteger } from './der.ts'
import type { CurveName, HashName, KeyFacts } from './provider.ts'

/** What a SubjectPublicKeyInfo holds: the facts and the numbers, as views of it. */
export type PublicParts =
  | {
      readonly facts: RsaFacts
      readonly modulus: Uint8Array
      readonly exponent: Uint8Array
      readonly pkcs1: Uint8Array
    }
  /** The point: 0x04 and both coordinates, or 0x02 or 0x03 and the first. */
  | { readonly facts: EcFacts; readonly point: Uint8Array }
  | { readonly facts: EdFacts; readonly point: Uint8Array }

/** What a PKCS#8 PrivateKeyInfo holds. */
export type PrivateParts =
  /** `pkcs1` is an RSAPrivateKey; the numbers are n, e, d, p, q, d mod p-1, d mod q-1, 1/q mod p; `spki` its public half. */
  | {
      readonly facts: RsaFacts
      readonly numbers: readonly Uint8Array[]
      readonly pkcs1: Uint8Array
      readonly spki: Uint8Array
    }
  /** Exactly as many bytes as the curve's numbers have. */
  | { readonly facts: EcFacts; readonly scalar: Uint8Array }
  | { readonly facts: EdFacts; readonly seed: Uint8Array }

export type RsaFacts = Extract<KeyFacts, { type: 'rsa' } | { type: 'rsa-pss' }>
export type EcFacts = Extract<KeyFacts, { type: 'ec' }>
export type EdFacts = Extract<KeyFacts, { type: 'ed25519' | 'ed448' }>

/** RFC 5280 section 4.1.2.7. Throws `Misuse` for what is malformed, unsupported or unsound. */
export const parseSpki = (spki: Uint8Array): PublicParts => {
  const outer = new Der(spki, 'public key')
  const info = outer.inside(SEQUENCE)
  outer.end()
  const facts = algorithm(info.inside(SEQUENCE))
  const bits = info.bitString()
  info.end()
  switch (facts.type) {
    case 'rsa':
    case 'rsa-pss': {
      const whole = new Der(bits, 'RSA public key')
      const key = whole.inside(SEQUENCE)
      whole.end()
      const modulus = key.positive()
      const exponent = key.positive()
      key.end()
      return { facts: { ...facts, bits: soundRsa(modulus, exponent) }, modulus, exponent, pkcs1: bits }
    }
    case 'ec': {
      // RFC 5480 section 2.2: the short form may be taken, the mixed one never
      const whole = bits.length === 1 + 2 * size(facts.bits) && bits[0] === 4
      const short = bits.length === 1 + size(facts.bits) && (bits[0] === 2 || bits[0] === 3)
      if (!whole && !short) throw new Misuse(`the point of this ${facts.curve} public key has no form that there is`)
      return { facts, point: bits }
    }
    default:
      if (bits.length !== edLength(facts))
        throw new Misuse(`this ${facts.type} public key has ${bits.length} bytes, not ${edLength(facts)}`)
      return { facts, point: bits }
  }
}

/** RFC 5208 and RFC 5958 without encryption. Throws `Misuse` as `parseSpki` does. */
export const parsePkcs8 = (pkcs8: Uint8Array): PrivateParts => {
  const outer = new Der(pkcs8, 'private key')
  const info = outer.inside(SEQUENCE)
  outer.end()
  const version = info.integer()
  if (version.length !== 1 || (version[0] as number) > 1)
    throw new Misuse('this private key is no PKCS#8 of version 1 or 2')
  const identifier = info.next(SEQUENCE)
  const facts = algorithm(new Der(identifier, 'private key'))
  const octets = info.next(OCTETS)
  // attributes and a public half may follow (RFC 5958); the public half is computed instead
  if (info.tag === 0xa0) info.next(0xa0)
  if (info.tag === 0x81) info.next(0x81)
  info.end()
  const whole = new Der(octets, `${facts.type} private key`)
  switch (facts.type) {
    case 'rsa':
    case 'rsa-pss': {
      const key = whole.inside(SEQUENCE)
      whole.end()
      const form = key.integer()
      if (form.length !== 1 || form[0] !== 0)
        throw new Misuse('RSA private keys with more than two primes are not supported')
      const numbers = Array.from({ length: 8 }, () => key.positive())
      key.end()
      const [modulus, exponent] = numbers as [Uint8Array, Uint8Array]
      const bits = soundRsa(modulus, exponent)
      const half = der(SEQUENCE, writeInteger(modulus), writeInteger(exponent))
      const spki = der(SEQUENCE, der(SEQUENCE, identifier), der(0x03, Uint8Array.of(0), half))
      return { facts: { ...facts, bits }, numbers, pkcs1: octets, spki }
    }
    case 'ec': {
      // RFC 5915 section 3
      const key = whole.inside(SEQUENCE)
      whole.end()
      const form = key.integer()
      if (form.length !== 1 || form[0] !== 1) throw new Misuse('this EC private key has an unknown version')
      const scalar = key.next(OCTETS)
      if (key.tag === 0xa0) {
        const curve = key.inside(0xa0)
        if (namedCurve(curve) !== facts.curve) throw new Misuse('this EC private key names two different curves')
        curve.end()
      }
      if (key.tag === 0xa1) key.next(0xa1)
      key.end()
      return { facts, scalar: leftPadded(scalar, size(facts.bits), `${facts.curve} private key`) }
    }
    default: {
      const seed = whole.next(OCTETS)
      whole.end()
      if (seed.length !== edLength(facts))
        throw new Misuse(`this ${facts.type} private key has ${seed.length} bytes, not ${edLength(facts)}`)
      return { facts, seed }
    }
  }
}

/** A SubjectPublicKeyInfo of a point. */
export const writeSpki = (type: EdFacts['type'] | CurveName, key: Uint8Array): Uint8Array =>
  der(SEQUENCE, identifiers[type], der(0x03, Uint8Array.of(0), key))

/** A PrivateKeyInfo. `key` is the scalar, the seed, or an RSAPrivateKey; with a scalar, `point` is put beside it. */
export const writePkcs8 = (
  type: Exclude<KeyFacts['type'], 'ec'> | CurveName,
  key: Uint8Array,
  point?: Uint8Array,
): Uint8Array => {
  const octets =
    type === 'rsa' || type === 'rsa-pss'
      ? key
      : type === 'ed25519' || type === 'ed448'
        ? der(OCTETS, key)
        : der(
            SEQUENCE,
            der(INTEGER, Uint8Array.of(1)),
            der(OCTETS, key),
            ...(point ? [der(0xa1, der(0x03, Uint8Array.of(0), point))] : []),
          )
  return der(SEQUENCE, der(INTEGER, Uint8Array.of(0)), identifiers[type], der(OCTETS, octets))
}

/** An RSAPrivateKey (RFC 8017 appendix A.1.2) of the eight numbers in `PrivateParts`. */
export const writeRsaPrivate = (numbers: readonly Uint8Array[]): Uint8Array =>
  der(SEQUENCE, der(INTEGER, Uint8Array.of(0)), ...numbers.map(writeInteger))

/** A number of exactly `length` bytes from one with or without leading zeros. Throws `Misuse` when it is too big. */
export const leftPadded = (number: Uint8Array, length: number, what: string): Uint8Array => {
  let from = 0
  while (number.length - from > length && number[from] === 0) from++
  if (number.length - from > length) throw new Misuse(`this ${what} has more than ${length} bytes`)
  const out = new Uint8Array(length)
  out.set(number.subarray(from), length - (number.length - from))
  return out
}

/**
 * The two numbers of an ECDSA signature (RFC 3279 section 2.2.3), each of `length` bytes. Undefined when it is not DER
 * to the last bit, or a number is negative or too long.
 */
export const parseEcdsa = (signature: Uint8Array, length: number): Uint8Array | undefined => {
  const pair = numbersOf(signature, length)
  return pair && concat(leftPadded(pair[0], length, 'r'), leftPadded(pair[1], length, 's'))
}

/** Whether `parseEcdsa` takes it. */
export const isEcdsa = (signature: Uint8Array, length: number): boolean => numbersOf(signature, length) !== undefined

const numbersOf = (signature: Uint8Array, length: number): readonly [Uint8Array, Uint8Array] | undefined => {
  try {
    const whole = new Der(signature, 'signature')
    const pair = whole.inside(SEQUENCE)
    whole.end()
    const [r, s] = [pair.positive(), pair.positive()]
    pair.end()
    return r.length > length || s.length > length ? undefined : [r, s]
  } catch {
    return undefined
  }
}

/** The DER SEQUENCE of two numbers that stand one after the other. */
export const writeEcdsa = (pair: Uint8Array): Uint8Array =>
  der(SEQUENCE, writeInteger(pair.subarray(0, pair.length / 2)), writeInteger(pair.subarray(pair.length / 2)))

/** Bytes that a number of so many bits takes. */
export const size = (bits: number): number => (bits + 7) >>> 3

export const edLength = (facts: EdFacts): number => (facts.type === 'ed25519' ? 32 : 57)

const unhex = (text: string): Uint8Array => fromHex(text) as Uint8Array

/** Object identifiers by their DER contents (RFC 8017 appendix C, RFC 5480, RFC 8410, RFC 4055). */
const RSA = '2a864886f70d010101'
const MGF1 = '2a864886f70d010108'
const RSA_PSS = '2a864886f70d01010a'
const EC = '2a8648ce3d0201'
const ED25519 = '2b6570'
const ED448 = '2b6571'
const curves: Readonly<Record<string, CurveName>> = {
  '2a8648ce3d030107': 'P-256',
  '2b81040022': 'P-384',
  '2b81040023': 'P-521',
  '2b2403030208010107': 'brainpoolP256r1',
  '2b240303020801010b': 'brainpoolP384r1',
  '2b240303020801010d': 'brainpoolP512r1',
  '2b8104000a': 'secp256k1',
}
const hashes: Readonly<Record<string, HashName>> = {
  '2b0e03021a': 'sha1',
  '608648016503040201': 'sha256',
  '608648016503040202': 'sha384',
  '608648016503040203': 'sha512',
}
const curveBits: Readonly<Record<CurveName, number>> = {
  'P-256': 256,
  'P-384': 384,
  'P-521': 521,
  brainpoolP256r1: 256,
  brainpoolP384r1: 384,
  brainpoolP512r1: 512,
  secp256k1: 256,
}

/** The AlgorithmIdentifiers of the keys that we write. */
const identifiers: Readonly<Record<Exclude<KeyFacts['type'], 'ec'> | CurveName, Uint8Array>> = (() => {
  const row = (...parts: readonly string[]) => der(SEQUENCE, ...parts.map((oid) => der(OID, unhex(oid))))
  const curve = (name: CurveName) => row(EC, Object.entries(curves).find(([, known]) => known === name)?.[0] ?? '')
  return {
    rsa: der(SEQUENCE, der(OID, unhex(RSA)), der(NULL)),
    'rsa-pss': row(RSA_PSS),
    ed25519: row(ED25519),
    ed448: row(ED448),
    'P-256': curve('P-256'),
    'P-384': curve('P-384'),
    'P-521': curve('P-521'),
    brainpoolP256r1: curve('brainpoolP256r1'),
    brainpoolP384r1: curve('brainpoolP384r1'),
    brainpoolP512r1: curve('brainpoolP512r1'),
    secp256k1: curve('secp256k1'),
  }
})()

const known = [EC, ...Object.keys(curves), RSA, RSA_PSS, ED25519, ED448]
/** The next object identifier in hexadecimal. Those that are known are not written out anew, which would cost more than the rest. */
const nextOid = (der: Der): string => {
  const content = der.next(OID)
  for (const oid of known) if (spells(content, oid)) return oid
  return hex(content)
}

/** Whether that is how these bytes are written in hexadecimal. */
const spells = (bytes: Uint8Array, digits: string): boolean => {
  if (digits.length !== 2 * bytes.length) return false
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number
    if (digits.charCodeAt(2 * i) !== DIGITS.charCodeAt(byte >>> 4)) return false
    if (digits.charCodeAt(2 * i + 1) !== DIGITS.charCodeAt(byte & 15)) return false
  }
  return true
}
const DIGITS = '0123456789abcdef'

/** What an AlgorithmIdentifier says of a key; the size of an RSA key is not yet known. */
const algorithm = (der: Der): KeyFacts => {
  const oid = nextOid(der)
  const facts = ((): KeyFacts => {
    switch (oid) {
      case RSA:
        der.next(NULL)
        return { type: 'rsa', bits: 0 }
      case RSA_PSS: {
        if (der.tag === undefined) return { type: 'rsa-pss', bits: 0 }
        return { type: 'rsa-pss', bits: 0, pss: pssParameters(der.inside(SEQUENCE)) }
      }
      case EC: {
        const curve = namedCurve(der)
        return { type: 'ec', bits: curveBits[curve], curve }
      }
      case ED25519:
        return { type: 'ed25519', bits: 253 }
      case ED448:
        return { type: 'ed448', bits: 456 }
      default:
        throw new Misuse(`keys of the algorithm with the object identifier ${oid} (hex) are not supported`)
    }
  })()
  der.end()
  return facts
}

const namedCurve = (der: Der): CurveName => {
  if (der.tag !== OID) throw new Misuse('EC keys must name their curve; explicit curve parameters are not supported')
  const oid = nextOid(der)
  const curve = curves[oid]
  if (!curve)
    throw new Misuse(
      `the curve with the object identifier ${oid} (hex) is not supported; P-256, P-384, P-521, secp256k1 and Brainpool's of 256 bits and more are`,
    )
  return curve
}

/** RFC 4055 section 3.1; each field has a default. */
const pssParameters = (der: Der): { hash: HashName; saltLength: number } => {
  const hashOf = (identifier: Der): HashName => {
    const oid = hex(identifier.next(OID))
    if (identifier.tag === NULL) identifier.next(NULL)
    identifier.end()
    const hash = hashes[oid]
    if (!hash) throw new Misuse(`RSA-PSS keys for the hash with the object identifier ${oid} (hex) are not supported`)
    return hash
  }
  let hash: HashName = 'sha1'
  let mask: HashName = 'sha1'
  let saltLength = 20
  if (der.tag === 0xa0) {
    const field = der.inside(0xa0)
    hash = hashOf(field.inside(SEQUENCE))
    field.end()
  }
  if (der.tag === 0xa1) {
    const field = der.inside(0xa1)
    const generator = field.inside(SEQUENCE)
    if (hex(generator.next(OID)) !== MGF1)
      throw new Misuse('RSA-PSS keys with another mask generation than MGF1 are not supported')
    mask = hashOf(generator.inside(SEQUENCE))
    generator.end()
    field.end()
  }
  if (der.tag === 0xa2) {
    const field = der.inside(0xa2)
    const number = field.positive()
    field.end()
    if (number.length > 2) throw new Misuse('this RSA-PSS key asks for a salt that no RSA key has room for')
    saltLength = number.reduce((sum, byte) => sum * 256 + byte, 0)
  }
  if (der.tag === 0xa3) {
    const field = der.inside(0xa3)
    const trailer = field.positive()
    field.end()
    if (trailer.length !== 1 || trailer[0] !== 1) throw new Misuse('this RSA-PSS key has an unknown trailer field')
  }
  der.end()
  if (mask !== hash) throw new Misuse(`RSA-PSS keys that hash with ${hash} but mask with ${mask} are not supported`)
  return { hash, saltLength }
}

/** Whether the numbers can be those of an RSA key at all; how strong it must be is policy, and elsewhere. Gives its bits. */
const soundRsa = (modulus: Uint8Array, exponent: Uint8Array): number => {
  const bits = bitLength(modulus)
  if (bits < 512 || bits > 16384) throw new Misuse(`RSA keys have 512 to 16384 bits here; this one has ${bits}`)
  if (((modulus[modulus.length - 1] as number) & 1) === 0) throw new Misuse('the modulus of this RSA key is even')
  const low = exponent[exponent.length - 1] ?? 0
  if ((low & 1) === 0 || bitLength(exponent) < 2) throw new Misuse('the exponent of this RSA key is even or 1')
  // CA/Browser Forum Baseline Requirements 6.1.6: below 2^256; a longer one would only cost time
  if (bitLength(exponent) > 256)
    throw new Misuse(`the exponent of this RSA key has ${bitLength(exponent)} bits; at most 256 are taken`)
  return bits
}

/** Of a number without leading zero bytes. */
const bitLength = (number: Uint8Array): number =>
  number.length === 0 ? 0 : number.length * 8 - Math.clz32(number[0] as number) + 24
