import {
  IFCPrimes,
  mgf1,
  PKCS1_KEM,
  PKCS1_SHA1,
  PKCS1_SHA256,
  PKCS1_SHA384,
  PKCS1_SHA512,
  PSS,
} from 'micro-rsa-dsa-dh/rsa.js'
import { invert } from 'micro-rsa-dsa-dh/utils.js'
import { Misuse } from '../../errors.ts'
import { leftPadded, size, writeRsaPrivate } from '../keys-der.ts'
import type { Algorithm, HashName } from '../provider.ts'
import { functions } from './hashes.ts'
import { random } from './random.ts'

export type RsaAlgorithm = Extract<Algorithm, { kind: 'rsa_pkcs1' } | { kind: 'rsa_pss' }>

export interface RsaPublic {
  verify(algorithm: RsaAlgorithm, message: Uint8Array, signature: Uint8Array): boolean
  encrypt(message: Uint8Array): Uint8Array
}

export const rsaPublic = (modulus: Uint8Array, exponent: Uint8Array): RsaPublic => {
  const key = { n: number(modulus), e: number(exponent) }
  return {
    verify: (algorithm, message, signature) => scheme(algorithm).verify(key, message, signature),
    encrypt: (message) => PKCS1_KEM.encrypt(key, message),
  }
}

/**
 * Signs with the private exponent blinded: a random multiple of the group's order makes it another one each time, since
 * numbers of JavaScript take a time that depends on their bits.
 */
export const rsaPrivate = (
  numbers: readonly Uint8Array[],
): ((algorithm: RsaAlgorithm, message: Uint8Array) => Uint8Array) => {
  const [n, e, d, p, q] = numbers.map(number) as [bigint, bigint, bigint, bigint, bigint]
  const consistent = p > 1n && q > 1n && p * q === n && (d * e) % (p - 1n) === 1n && (d * e) % (q - 1n) === 1n
  if (!consistent) throw new Misuse('the numbers of this RSA private key do not fit each other')
  const order = (p - 1n) * (q - 1n)
  const length = (numbers[0] as Uint8Array).length
  return (algorithm, message) => {
    const blinded = d + order * number(random(8))
    return leftPadded(scheme(algorithm).sign({ n, d: blinded }, message), length, 'signature')
  }
}

/** An RSAPrivateKey of so many bits. Takes seconds. */
export const generateRsa = (bits: number): Uint8Array => {
  if (!(bits >= 2048 && bits <= 16384 && bits % 8 === 0)) {
    throw new Misuse(`RSA keys of ${bits} bits are not made here; take a multiple of 8 from 2048 to 16384`)
  }
  const e = 65537n
  const { p, q } = IFCPrimes(bits, e, undefined, undefined, (length = 32) => random(length) as Uint8Array<ArrayBuffer>)
  const d = invert(e, (p - 1n) * (q - 1n))
  const numbers = [p * q, e, d, p, q, d % (p - 1n), d % (q - 1n), invert(q, p)]
  return writeRsaPrivate(numbers.map((one) => bytes(one, size(bits))))
}

const pkcs1 = { sha1: PKCS1_SHA1, sha256: PKCS1_SHA256, sha384: PKCS1_SHA384, sha512: PKCS1_SHA512 } as const

const scheme = (algorithm: RsaAlgorithm) =>
  algorithm.kind === 'rsa_pkcs1' ? pkcs1[algorithm.hash] : pss(algorithm.hash, algorithm.saltLength)

const pss = (hash: HashName, saltLength: number) => PSS(functions[hash], mgf1(functions[hash]), saltLength)

const number = (bytes: Uint8Array): bigint => {
  let text = '0x0'
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0')
  return BigInt(text)
}

const bytes = (number: bigint, length: number): Uint8Array => {
  const text = number.toString(16).padStart(2 * length, '0')
  return Uint8Array.from({ length }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16))
}
