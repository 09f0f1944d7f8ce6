import { concat } from '../../../src/bytes/compare.ts'
import type { Random } from '../random.ts'

/** Values at which things turn. */
const turning = [0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 22, 23, 24, 31, 32, 47, 48, 63, 64, 127, 128, 129, 254, 255]

/** Another input out of one, and of a second one at times. */
export const mutated = (one: Uint8Array, other: Uint8Array, random: Random, most: number): Uint8Array => {
  let bytes: Uint8Array = one.slice()
  for (let times = 1 + random.below(1 << random.below(4)); times > 0; times--) bytes = step(bytes, other, random)
  return bytes.length > most ? bytes.slice(0, most) : bytes
}

const step = (bytes: Uint8Array, other: Uint8Array, random: Random): Uint8Array => {
  const at = random.below(bytes.length + 1)
  const length = random.below(1 + Math.min(bytes.length - at, 1 << random.below(9)))
  const [before, part, after] = [bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at + length)]
  switch (random.below(11)) {
    case 0:
      return bytes.map((byte, i) => (i === at ? byte ^ (1 << random.below(8)) : byte))
    case 1:
      return bytes.map((byte, i) => (i === at ? random.pick(turning) : byte))
    case 2:
      return bytes.map((byte, i) => (i === at ? byte + random.pick([1, -1, 2, -2, 16]) : byte))
    case 3:
      return concat(before, after)
    case 4:
      return concat(before, random.bytes(1 + random.below(8)), part, after)
    case 5:
      return concat(before, part, part, after)
    case 6: {
      // a piece of the other one, in place of this one's or between
      const from = random.below(other.length + 1)
      const piece = other.subarray(from, from + random.below(1 + Math.min(other.length - from, 1 << random.below(9))))
      return random.once(2) ? concat(before, piece, after) : concat(before, piece, part, after)
    }
    case 7:
      return relengthened(bytes, at, random)
    case 8:
      return concat(
        before,
        Uint8Array.of(...Array.from({ length: 1 + random.below(4) }, () => random.pick(turning))),
        after,
      )
    case 9:
      // much of the same
      return concat(before, ...Array.from({ length: 1 + random.below(64) }, () => part.subarray(0, 32)), after)
    default:
      return concat(before, after, part)
  }
}

/** Lengthens or shortens what stands behind a length, and the length with it. */
const relengthened = (bytes: Uint8Array, at: number, random: Random): Uint8Array => {
  const width = 1 + random.below(3)
  if (at + width > bytes.length) return bytes
  let length = 0
  for (let i = 0; i < width; i++) length = length * 256 + (bytes[at + i] as number)
  const start = at + width
  if (length > bytes.length - start) return bytes
  const more = random.bytes(random.below(9))
  const kept = bytes.subarray(start, start + length - Math.min(length, random.below(3)))
  const now = kept.length + more.length
  const prefix = Uint8Array.from({ length: width }, (_, i) => Math.floor(now / 256 ** (width - 1 - i)))
  return concat(bytes.subarray(0, at), prefix, kept, more, bytes.subarray(start + length))
}
