/**
 * Memory that connections, and hashes of little, take turns with, so that one that is idle keeps none and one that is busy
 * allocates none. What comes from here holds whatever was there before: who takes it writes before it reads.
 */
export const SMALL = 4096
/** Five records: what a socket of Node gives at once (64 KiB) finds room behind the record before. */
export const LARGE = 5 * (16384 + 512)
/** How many of each size wait to be taken again; what is more is left to the collector. */
const MOST = { small: 64, large: 8 } as const
const waiting = { small: [] as Uint8Array[], large: [] as Uint8Array[] }

/** At least `length` bytes. */
export const borrow = (length: number): Uint8Array => {
  if (length > LARGE) return new Uint8Array(length)
  return length <= SMALL
    ? (waiting.small.pop() ?? new Uint8Array(SMALL))
    : (waiting.large.pop() ?? new Uint8Array(LARGE))
}

/** Gives back what `borrow` gave. Nobody may have a view of it any more. */
export const giveBack = (bytes: Uint8Array): void => {
  const size = bytes.length === SMALL ? 'small' : bytes.length === LARGE ? 'large' : undefined
  if (size && waiting[size].length < MOST[size]) waiting[size].push(bytes)
}
