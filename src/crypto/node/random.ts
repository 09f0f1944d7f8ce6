import { randomFillSync } from 'node:crypto'

/** Small draws come from a pool: filling one costs hardly more than a single draw. What was handed out is wiped. */
export const random = (length: number): Uint8Array => {
  if (length > pool.length / 4) return randomFillSync(new Uint8Array(length))
  if (at + length > pool.length) {
    randomFillSync(pool)
    at = 0
  }
  const bytes = pool.slice(at, at + length)
  pool.fill(0, at, at + length)
  at += length
  return bytes
}

const pool = new Uint8Array(4096)
let at = pool.length
