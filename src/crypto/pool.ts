/**
 * Random bytes for many small draws: filling a pool costs hardly more than a single draw. What was handed out is wiped,
 * and is no view of the pool.
 */
export const pooled = (fill: (bytes: Uint8Array<ArrayBuffer>) => unknown): ((length: number) => Uint8Array) => {
  const pool = new Uint8Array(4096)
  let at = pool.length
  return (length) => {
    if (length > pool.length / 4) {
      const bytes = new Uint8Array(length)
      // generators of the web platform give 64 KiB at most at a time
      for (let from = 0; from < length; from += 0x1_0000) fill(bytes.subarray(from, from + 0x1_0000))
      return bytes
    }
    if (at + length > pool.length) {
      fill(pool)
      at = 0
    }
    const bytes = pool.slice(at, at + length)
    pool.fill(0, at, at + length)
    at += length
    return bytes
  }
}
