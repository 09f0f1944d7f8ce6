import { Buffer } from 'node:buffer'

/** Small writes share records up to this many bytes of plaintext. */
const RECORD = 16384

/** Small parts joined into pieces of at most a record; larger ones as they are. */
export const gathered = (parts: readonly Uint8Array[]): readonly Uint8Array[] => {
  if (parts.length === 1) return parts
  const pieces: Uint8Array[] = []
  let from = 0
  let size = 0
  for (let at = 0; at <= parts.length; at++) {
    const length = parts[at]?.length ?? Number.POSITIVE_INFINITY
    if (size + length <= RECORD) {
      size += length
      continue
    }
    if (at > from)
      pieces.push(at - from === 1 ? (parts[from] as Uint8Array) : Buffer.concat(parts.slice(from, at), size))
    from = at
    size = length
  }
  return pieces
}
