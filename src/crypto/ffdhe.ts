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
