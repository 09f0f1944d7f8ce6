import { ed448 } from '@noble/curves/ed448.js'
import { ed25519 } from '@noble/curves/ed25519.js'
import { brainpoolP256r1, brainpoolP384r1, brainpoolP512r1 } from '@noble/curves/misc.js'
import { p256, p384, p521 } from '@noble/curves/nist.js'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { Misuse } from '../../errors.ts'
import { fits } from '../fitting.ts'
import {
  type PrivateParts,
  type PublicParts,
  parseEcdsa,
  parsePkcs8,
  parseSpki,
  size,
  writeEcdsa,
  writePkcs8,
  writeSpki,
} from '../keys-der.ts'
import type { Algorithm, KeyKind, PrivateKey, PublicKey } from '../provider.ts'
import { functions } from './hashes.ts'
import { generateRsa, type RsaAlgorithm, rsaPrivate, rsaPublic } from './rsa.ts'

const curves = {
  'P-256': p256,
  'P-384': p384,
  'P-521': p521,
  brainpoolP256r1,
  brainpoolP384r1,
  brainpoolP512r1,
  secp256k1,
} as const
const edwards = { ed25519, ed448 } as const

export const publicKey = (spki: Uint8Array): PublicKey => {
  const parts = parseSpki(spki.slice())
  const { facts } = parts
  const { check, encrypt } = checker(parts)
  return {
    facts,
    verify(algorithm, message, signature) {
      if (!fits(algorithm, facts)) return false
      try {
        return check(algorithm, message, signature)
      } catch {
        return false
      }
    },
    ...(facts.type === 'rsa' && encrypt && { encrypt }),
  }
}

/** `decrypt` is not here: without native numbers its time would tell what it must not (RFC 5246 section 7.4.7.1). */
export const privateKey = (pkcs8: Uint8Array): PrivateKey & { readonly pkcs8: Uint8Array } => {
  const own = pkcs8.slice()
  const parts = parsePkcs8(own)
  const { facts } = parts
  const { sign, spki } = signer(parts)
  return {
    facts,
    spki,
    pkcs8: own,
    sign(algorithm, message) {
      if (!fits(algorithm, facts)) {
        throw new Misuse(`a key of type ${facts.type} cannot sign with ${algorithm.kind}; choose a scheme that fits it`)
      }
      return sign(algorithm, message)
    },
  }
}

export const generate = (kind: KeyKind): PrivateKey & { readonly pkcs8: Uint8Array } => {
  const [, pss, digits] = /^rsa-(pss-)?(\d+)$/.exec(kind) ?? []
  if (digits) return privateKey(writePkcs8(pss ? 'rsa-pss' : 'rsa', generateRsa(Number(digits))))
  if (kind === 'ed25519' || kind === 'ed448') {
    return privateKey(writePkcs8(kind, edwards[kind].utils.randomSecretKey()))
  }
  if (!Object.hasOwn(curves, kind)) throw new Misuse(`keys of the kind ${kind} are not made here`)
  const curve = kind as keyof typeof curves
  const scalar = curves[curve].utils.randomSecretKey()
  return privateKey(writePkcs8(curve, scalar, curves[curve].getPublicKey(scalar, false)))
}

interface Checker {
  check(algorithm: Algorithm, message: Uint8Array, signature: Uint8Array): boolean
  encrypt?(message: Uint8Array): Uint8Array
}

const checker = (parts: PublicParts): Checker => {
  if ('modulus' in parts) {
    const key = rsaPublic(parts.modulus, parts.exponent)
    const { encrypt } = key
    return {
      check: (algorithm, message, signature) => key.verify(algorithm as RsaAlgorithm, message, signature),
      encrypt,
    }
  }
  const { point } = parts
  if ('curve' in parts.facts) {
    const { curve, bits } = parts.facts
    const library = curves[curve]
    if (!library.utils.isValidPublicKey(point, point[0] !== 4))
      throw new Misuse(`this ${curve} public key is no point of its curve`)
    return {
      check(algorithm, message, signature) {
        const pair = parseEcdsa(signature, size(bits))
        return pair !== undefined && library.verify(pair, digest(algorithm, message), point, AS_IS)
      },
    }
  }
  const library = edwards[parts.facts.type]
  if (!library.utils.isValidPublicKey(point, false))
    throw new Misuse(`this ${parts.facts.type} public key is no point of its curve`)
  // RFC 8032 as it is written, not the looser rules of ZIP 215
  return { check: (_, message, signature) => library.verify(signature, message, point, { zip215: false }) }
}

interface Signer {
  readonly spki: Uint8Array
  sign(algorithm: Algorithm, message: Uint8Array): Uint8Array
}

const signer = (parts: PrivateParts): Signer => {
  if ('numbers' in parts) {
    const sign = rsaPrivate(parts.numbers)
    return { spki: parts.spki, sign: (algorithm, message) => sign(algorithm as RsaAlgorithm, message) }
  }
  if ('scalar' in parts) {
    const { scalar, facts } = parts
    const library = curves[facts.curve]
    if (!library.utils.isValidSecretKey(scalar))
      throw new Misuse(`this ${facts.curve} private key is zero or too large`)
    return {
      spki: writeSpki(facts.curve, library.getPublicKey(scalar, false)),
      sign: (algorithm, message) =>
        writeEcdsa(library.sign(digest(algorithm, message), scalar, { ...AS_IS, extraEntropy: true })),
    }
  }
  const { seed, facts } = parts
  const library = edwards[facts.type]
  return {
    spki: writeSpki(facts.type, library.getPublicKey(seed)),
    sign: (_, message) => library.sign(message, seed),
  }
}

/** The digest goes in, and a high s counts like a low one (FIPS 186-5 knows no difference). */
const AS_IS = { prehash: false, lowS: false, format: 'compact' } as const

const digest = (algorithm: Algorithm, message: Uint8Array): Uint8Array => {
  if (algorithm.kind === 'eddsa') throw new Misuse('EdDSA signs messages, not digests')
  return functions[algorithm.hash](message)
}
