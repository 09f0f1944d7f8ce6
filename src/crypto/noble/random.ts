import { pooled } from '../pool.ts'

/** Of the Web Crypto API: all that these libraries need of their platform. */
interface Generator {
  getRandomValues(bytes: Uint8Array<ArrayBuffer>): unknown
}

export const random = pooled((bytes) => (globalThis as unknown as { crypto: Generator }).crypto.getRandomValues(bytes))
