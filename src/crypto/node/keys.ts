import { Buffer } from 'node:buffer'
import * as crypto from 'node:crypto'
import { Misuse } from '../../errors.ts'
import { fits } from '../fitting.ts'
import {
  edLength,
  isEcdsa,
  leftPadded,
  type PrivateParts,
  type PublicParts,
  parsePkcs8,
  parseSpki,
  size,
  writePkcs8,
  writeSpki,
} from '../keys-der.ts'
import type { Algorithm, CurveName, KeyFacts, KeyKind, PrivateKey, PublicKey } from '../provider.ts'
import { unpadded } from '../rsa-unpad.ts'
import { hasRaw } from './groups.ts'
import { plain } from './hashes.ts'
import { random } from './random.ts'
import { untraced } from './untraced.ts'

export const publicKey = (spki: Uint8Array): PublicKey => {
  const parts = parseSpki(spki)
  const { facts } = parts
  const key = readable('public key', facts, () => importPublic(parts, spki))
  const as = options(key)
  const signs: PublicKey = {
    facts,
    verify(algorithm, message, signature) {
      if (!fits(algorithm, facts)) return false
      if (!wellFormed(facts, signature)) return false
      try {
        return untraced(() => crypto.verify(hashOf(algorithm), message, as(algorithm), signature))
      } catch {
        return false
      }
    },
  }
  if (facts.type !== 'rsa') return signs
  const padding = crypto.constants.RSA_PKCS1_PADDING
  return { ...signs, encrypt: (message) => plain(crypto.publicEncrypt({ key, padding }, message)) }
}

export const privateKey = (pkcs8: Uint8Array): PrivateKey & { readonly pkcs8: Uint8Array } => {
  const own = pkcs8.slice()
  const parts = parsePkcs8(own)
  const { facts } = parts
  const { key, spki } = readable('private key', facts, () => importPrivate(parts))
  const as = options(key)
  return {
    facts,
    spki,
    pkcs8: own,
    sign(algorithm, message) {
      if (!fits(algorithm, facts))
        throw new Misuse(`a key of type ${facts.type} cannot sign with ${algorithm.kind}; choose a scheme that fits it`)
      return plain(untraced(() => crypto.sign(hashOf(algorithm), message, as(algorithm))))
    },
    ...(facts.type === 'rsa' && {
      decrypt: (ciphertext: Uint8Array, length: number) => decrypt(key, facts.bits, ciphertext, length),
    }),
  }
}

export const generate = (kind: KeyKind): PrivateKey & { readonly pkcs8: Uint8Array } => {
  const [, pss, digits] = /^rsa-(pss-)?(\d+)$/.exec(kind) ?? []
  const der = {
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
  } as const
  try {
    if (digits) {
      const modulusLength = Number(digits)
      if (!(modulusLength >= 1024 && modulusLength <= 16384))
        throw new Misuse(`RSA keys of ${digits} bits are not made here; take 2048 to 16384`)
      const pkcs8 = encoded(crypto.generateKeyPairSync('rsa', { modulusLength, ...der }))
      const parts = parsePkcs8(pkcs8)
      // not every runtime makes keys bound to PSS, but they are RSA keys under another name
      return privateKey(pss && 'pkcs1' in parts ? writePkcs8('rsa-pss', parts.pkcs1) : pkcs8)
    }
    const pair =
      kind === 'ed25519' || kind === 'ed448'
        ? crypto.generateKeyPairSync(kind as 'ed25519', der)
        : crypto.generateKeyPairSync('ec', { namedCurve: kind, ...der })
    return privateKey(encoded(pair))
  } catch (error) {
    if (error instanceof Misuse) throw error
    throw new Misuse(`this runtime cannot make a key of the kind ${kind}`, { cause: error })
  }
}

/** What libraries take beside the one right form differs, so it is asked for here: DER (RFC 3279 section 2.2.3), or as long as the modulus (RFC 8017 section 8). */
const wellFormed = (facts: KeyFacts, signature: Uint8Array): boolean => {
  if (facts.type === 'ec') return isEcdsa(signature, size(facts.bits))
  return facts.type === 'ed25519' || facts.type === 'ed448' || signature.length === size(facts.bits)
}

/** The types do not know that an encoding that is asked for is what comes. */
const encoded = (pair: { privateKey: unknown }): Uint8Array => plain(pair.privateKey as Uint8Array)

const readable = <T>(what: string, facts: KeyFacts, read: () => T): T => {
  try {
    return untraced(read)
  } catch (error) {
    if (error instanceof Misuse) throw error
    throw new Misuse(`this ${facts.type} ${what} is not valid, or of a kind that this runtime does not have`, {
      cause: error,
    })
  }
}

/** RSA goes in as PKCS#1 and, on older runtimes, curves as JWK: the general decoders take up to fifty times as long on Node 20. */
const importPublic = (parts: PublicParts, spki: Uint8Array): crypto.KeyObject => {
  const buffer = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if ('modulus' in parts) return crypto.createPublicKey({ key: buffer(parts.pkcs1), format: 'der', type: 'pkcs1' })
  if (hasRaw || !('curve' in parts.facts) || !parts.facts.curve.startsWith('P-') || parts.point[0] !== 4)
    return crypto.createPublicKey({ key: buffer(spki), format: 'der', type: 'spki' })
  const half = size(parts.facts.bits)
  const coordinate = (at: number) => buffer(parts.point.subarray(at, at + half)).toString('base64url')
  const key = { kty: 'EC', crv: parts.facts.curve, x: coordinate(1), y: coordinate(1 + half) }
  return crypto.createPublicKey({ key, format: 'jwk' })
}

const importPrivate = (parts: PrivateParts): { key: crypto.KeyObject; spki: Uint8Array } => {
  const from = (bytes: Uint8Array, type: 'pkcs1' | 'pkcs8') =>
    crypto.createPrivateKey({ key: Buffer.from(bytes), format: 'der', type })
  if ('numbers' in parts) return { key: from(parts.pkcs1, 'pkcs1'), spki: parts.spki }
  if ('scalar' in parts) {
    // the public half is computed, whatever stands beside the scalar
    const pair = crypto.createECDH(ecdhNames[parts.facts.curve])
    pair.setPrivateKey(parts.scalar)
    const point = plain(pair.getPublicKey())
    return {
      key: from(writePkcs8(parts.facts.curve, parts.scalar, point), 'pkcs8'),
      spki: writeSpki(parts.facts.curve, point),
    }
  }
  const key = from(writePkcs8(parts.facts.type, parts.seed), 'pkcs8')
  const spki = crypto.createPublicKey(key).export({ format: 'der', type: 'spki' })
  return { key, spki: writeSpki(parts.facts.type, plain(spki).slice(-edLength(parts.facts))) }
}
const ecdhNames: Readonly<Record<CurveName, string>> = {
  'P-256': 'prime256v1',
  'P-384': 'secp384r1',
  'P-521': 'secp521r1',
  brainpoolP256r1: 'brainpoolP256r1',
  brainpoolP384r1: 'brainpoolP384r1',
  brainpoolP512r1: 'brainpoolP512r1',
  secp256k1: 'secp256k1',
}

const hashOf = (algorithm: Algorithm): string | null => (algorithm.kind === 'eddsa' ? null : algorithm.hash)

/** The key as `sign` and `verify` want it; options are made once for each length of salt. */
const options = (key: crypto.KeyObject): ((algorithm: Algorithm) => crypto.KeyObject | crypto.SignKeyObjectInput) => {
  const pss = new Map<number, crypto.SignKeyObjectInput>()
  return (algorithm) => {
    if (algorithm.kind !== 'rsa_pss') return key
    const { saltLength } = algorithm
    let made = pss.get(saltLength)
    if (!made) pss.set(saltLength, (made = { key, padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength }))
    return made
  }
}

/** The padding is taken off here, since the runtime's own way would answer bad padding with an error. */
const decrypt = (key: crypto.KeyObject, bits: number, ciphertext: Uint8Array, length: number): Uint8Array => {
  const substitute = random(length)
  // both of these the sender knows already
  if (ciphertext.length !== size(bits) || length > size(bits) - 11) return substitute
  let block: Uint8Array
  try {
    block = crypto.privateDecrypt({ key, padding: crypto.constants.RSA_NO_PADDING }, ciphertext)
  } catch {
    return substitute
  }
  return unpadded(leftPadded(block, ciphertext.length, 'block'), substitute)
}
