import { hex } from '../bytes/text.ts'
import { constructed, DerError, DerReader, derInteger, tags } from './der.ts'
import { longName } from './long-names.ts'
import { hexLines } from './print.ts'

const INDENT = ' '.repeat(16)

/** A SubjectPublicKeyInfo as it stands in `openssl x509 -text`. */
export const keyLines = (spki: Uint8Array): string[] => {
  const inside = new DerReader(spki, 'the public key').open(tags.sequence)
  const algorithm = inside.open(tags.sequence)
  const oid = algorithm.oid()
  const head = `            Public Key Algorithm: ${longName(oid)}`
  try {
    const key = inside.bitBytes()
    const lines = printers[longName(oid)]?.(key, algorithm)
    if (lines) return [head, ...lines.map((line) => INDENT + line)]
  } catch (error) {
    if (!(error instanceof DerError)) throw error
  }
  return [head, '            Unable to load Public Key']
}

/**
 * RSASSA-PSS-params (RFC 4055 section 3.1) of a signature, behind and below this line; `algorithm` is its
 * AlgorithmIdentifier.
 */
export const pssLines = (head: string, algorithm: Uint8Array): string[] => {
  const before = ' '.repeat(8)
  try {
    const inside = new DerReader(algorithm, 'the signature algorithm').open(tags.sequence)
    inside.oid()
    const { hash, mask, maskHash, salt, trailer } = readPss(inside)
    const lines = [
      `Hash Algorithm: ${hash ?? 'sha1 (default)'}`,
      `Mask Algorithm: ${mask === undefined ? 'mgf1 with sha1 (default)' : `${mask} with ${maskHash}`}`,
      ` Salt Length: 0x${salt === undefined ? '14 (default)' : hex(salt).toUpperCase()}`,
      `Trailer Field: 0x${trailer === undefined ? '01 (default)' : hex(trailer).toUpperCase()}`,
    ]
    return [head + before, ...lines.map((line) => before + line)]
  } catch (error) {
    if (error instanceof DerError) return [`${head}${before}(INVALID PSS PARAMETERS)`]
    throw error
  }
}

interface Pss {
  readonly hash: string | undefined
  readonly mask: string | undefined
  readonly maskHash: string | undefined
  readonly salt: Uint8Array | undefined
  readonly trailer: Uint8Array | undefined
}

const readPss = (from: DerReader): Pss => {
  const inside = from.open(tags.sequence)
  const hash = inside.openIf(constructed(0))?.open(tags.sequence).oid()
  const generator = inside.openIf(constructed(1))?.open(tags.sequence)
  const mask = generator?.oid()
  const maskHash = generator?.open(tags.sequence).oid()
  const salt = inside.openIf(constructed(2))?.integer()
  const trailer = inside.openIf(constructed(3))?.integer()
  const named = (oid: string | undefined): string | undefined => (oid === undefined ? undefined : longName(oid))
  return { hash: named(hash), mask: named(mask), maskHash: named(maskHash), salt, trailer }
}

type Printer = (key: Uint8Array, algorithm: DerReader) => string[] | undefined

const rsaNumbers = (key: Uint8Array): string[] => {
  const rsa = new DerReader(key, 'the RSA key').open(tags.sequence)
  const modulus = rsa.integer()
  const exponent = rsa.integer()
  return [`Public-Key: (${bitLength(modulus)} bit)`, ...number('Modulus:', modulus), ...number('Exponent:', exponent)]
}

const bitLength = (integer: Uint8Array): number => {
  const start = integer[0] === 0 ? 1 : 0
  const first = integer[start] ?? 0
  return first === 0 ? 0 : 8 * (integer.length - start) - Math.clz32(first) + 24
}

/** A number in decimal and hex as long as it fits 64 bits, and in lines of bytes beyond. */
const number = (label: string, integer: Uint8Array): string[] => {
  const value = integer.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n)
  if (value === 0n) return [`${label} 0`]
  if (value < 2n ** 64n) return [`${label} ${value} (0x${value.toString(16)})`]
  return [label, ...hexLines(integer, 15, 4)]
}

/** How OpenSSL names restricted hashes of keys. */
const keyHash = (name: string | undefined): string => (name ?? 'sha1').toUpperCase().replace(/^SHA(?!1)/, 'SHA2-')

const pssKey: Printer = (key, algorithm) => {
  if (!algorithm.more) return [...rsaNumbers(key), 'No PSS parameter restrictions']
  const { hash, maskHash, salt, trailer } = readPss(algorithm)
  const least = salt === undefined ? 20 : salt.reduce((sum, byte) => sum * 256 + byte, 0)
  const last = trailer === undefined ? 1 : trailer.reduce((sum, byte) => sum * 256 + byte, 0)
  const note = (usual: boolean): string => (usual ? ' (default)' : '')
  const sha1 = keyHash(hash) === 'SHA1'
  return [
    ...rsaNumbers(key),
    'PSS parameter restrictions:',
    `  Hash Algorithm: ${keyHash(hash)}${note(sha1)}`,
    `  Mask Algorithm: MGF1 with ${keyHash(maskHash)}${note(keyHash(maskHash) === 'SHA1')}`,
    `  Minimum Salt Length: ${least}${note(least === 20)}`,
    `  Trailer Field: 0x${last.toString(16)}${note(last === 1)}`,
  ]
}

/** OpenSSL's name of a curve, its bits, and NIST's name. */
const curves: Readonly<Record<string, readonly [name: string, bits: number, nist?: string]>> = {
  '1.2.840.10045.3.1.1': ['prime192v1', 192, 'P-192'],
  '1.3.132.0.33': ['secp224r1', 224, 'P-224'],
  '1.2.840.10045.3.1.7': ['prime256v1', 256, 'P-256'],
  '1.3.132.0.34': ['secp384r1', 384, 'P-384'],
  '1.3.132.0.35': ['secp521r1', 521, 'P-521'],
  '1.3.132.0.10': ['secp256k1', 256],
  '1.3.36.3.3.2.8.1.1.7': ['brainpoolP256r1', 256],
  '1.3.36.3.3.2.8.1.1.11': ['brainpoolP384r1', 384],
  '1.3.36.3.3.2.8.1.1.13': ['brainpoolP512r1', 512],
}

const PRIME_FIELD = '1.2.840.10045.1.1'

/** Curves that are told by their numbers (X9.62 ECParameters) can be shown, though nobody verifies with them. */
const explicitCurve: Printer = (key, algorithm) => {
  const inside = algorithm.open(tags.sequence)
  inside.small()
  const field = inside.open(tags.sequence)
  if (field.oid() !== PRIME_FIELD) return undefined
  const prime = field.integer()
  const curve = inside.open(tags.sequence)
  const [a, b] = [curve.octets(), curve.octets()]
  const seed = curve.more ? curve.bitBytes() : undefined
  const generator = inside.octets()
  const order = inside.integer()
  const cofactor = inside.more ? inside.integer() : undefined
  const form = generator[0] === 4 ? 'uncompressed' : generator[0] === 2 || generator[0] === 3 ? 'compressed' : 'hybrid'
  return [
    `Public-Key: (${bitLength(order)} bit)`,
    'pub:',
    ...hexLines(key, 15, 4),
    'Field Type: prime-field',
    ...number('Prime:', prime),
    ...number('A:   ', unsigned(a)),
    ...number('B:   ', unsigned(b)),
    `Generator (${form}):`,
    ...hexLines(generator, 15, 4),
    ...number('Order: ', order),
    ...(cofactor ? number('Cofactor: ', cofactor) : []),
    ...(seed ? ['Seed:', ...hexLines(seed, 15, 4)] : []),
  ]
}

/** Bytes as the shortest integer that is not negative. */
const unsigned = (bytes: Uint8Array): Uint8Array => new DerReader(derInteger(bytes), 'a number').integer()

const ec: Printer = (key, algorithm) => {
  if (algorithm.tag === tags.sequence) return explicitCurve(key, algorithm)
  const row = algorithm.tag === tags.oid ? curves[algorithm.oid()] : undefined
  if (!row) return undefined
  const [name, bits, nist] = row
  return [
    `Public-Key: (${bits} bit)`,
    'pub:',
    ...hexLines(key, 15, 4),
    `ASN1 OID: ${name}`,
    ...(nist ? [`NIST CURVE: ${nist}`] : []),
  ]
}

const dsa: Printer = (key, algorithm) => {
  const parameters = algorithm.openIf(tags.sequence)
  const value = new DerReader(key, 'the DSA key').integer()
  const labelled = (label: string, integer: Uint8Array): string[] => [label, ...hexLines(integer, 15, 4)]
  if (!parameters) return undefined
  const [p, q, g] = [parameters.integer(), parameters.integer(), parameters.integer()]
  return [
    `Public-Key: (${bitLength(p)} bit)`,
    ...labelled('pub: ', value),
    ...labelled('P:   ', p),
    ...labelled('Q:   ', q),
    ...labelled('G:   ', g),
  ]
}

const edwards =
  (name: string): Printer =>
  (key) => [`${name} Public-Key:`, 'pub:', ...hexLines(key, 15, 4)]

/** By the long name of the algorithm. */
const printers: Readonly<Record<string, Printer>> = {
  rsaEncryption: rsaNumbers,
  rsassaPss: pssKey,
  'id-ecPublicKey': ec,
  dsaEncryption: dsa,
  ED25519: edwards('ED25519'),
  ED448: edwards('ED448'),
  X25519: edwards('X25519'),
  X448: edwards('X448'),
}
