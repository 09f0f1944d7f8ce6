import { Der, der, INTEGER, OCTETS, SEQUENCE, writeInteger } from './der.ts'

/**
 * The safe primes of RFC 7919 appendix A, big-endian, from the rule they were chosen by:
 * 2^b - 2^(b-64) + (floor(2^(b-130) * e) + x) * 2^64 - 1. The generator is 2.
 */
export const ffdhePrime = (bits: 2048 | 3072): Uint8Array => {
  const b = BigInt(bits)
  const p = (1n << b) - (1n << (b - 64n)) + ((e(b - 130n) + offsets[bits]) << 64n) - 1n
  return Uint8Array.from(p.toString(16).match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}

const offsets = { 2048: 560316n, 3072: 2625351n }

/** floor(2^shift * e), with the series of 1/n! summed 64 bits finer than is asked for. */
const e = (shift: bigint): bigint => {
  let sum = 0n
  for (let n = 1n, term = 1n << (shift + 64n); term > 0n; term /= n++) sum += term
  return sum >> 64n
}

/** A SubjectPublicKeyInfo of a share (PKCS #3: the prime, the generator and then the number). */
export const writeShare = (prime: Uint8Array, share: Uint8Array): Uint8Array =>
  der(SEQUENCE, identifier(prime), der(0x03, Uint8Array.of(0), writeInteger(share)))

/** A PrivateKeyInfo of a secret exponent. */
export const writeSecret = (prime: Uint8Array, secret: Uint8Array): Uint8Array =>
  der(SEQUENCE, der(INTEGER, Uint8Array.of(0)), identifier(prime), der(OCTETS, writeInteger(secret)))

/** The number of such a SubjectPublicKeyInfo that a runtime wrote; not all of them keep to the shortest form. */
export const parseShare = (spki: Uint8Array): Uint8Array => {
  const info = new Der(spki, 'Diffie-Hellman key').inside(SEQUENCE)
  info.next(SEQUENCE)
  return new Der(info.bitString(), 'Diffie-Hellman key').next(INTEGER)
}

/** dhKeyAgreement, 1.2.840.113549.1.3.1 */
const OID_DER = Uint8Array.of(6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 3, 1)

const identifier = (prime: Uint8Array): Uint8Array =>
  der(SEQUENCE, OID_DER, der(SEQUENCE, writeInteger(prime), writeInteger(Uint8Array.of(2))))
