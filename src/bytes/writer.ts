import { Misuse } from '../errors.ts'

/**
 * What `use` makes of what `fill` writes, which is lent to it: a view of one scratch that serves everybody, and is wiped
 * afterwards. Who writes meanwhile gets memory of its own.
 */
export const lend = <T>(fill: (w: Writer) => void, use: (bytes: Uint8Array) => T): T => {
  const w = new Writer(scratch ?? new Uint8Array(1024))
  scratch = undefined
  try {
    fill(w)
    return use(w.finish())
  } finally {
    scratch = w.release()
  }
}
let scratch: Uint8Array | undefined

/** What `fill` writes, in an array of its own. */
export const written = (fill: (w: Writer) => void): Uint8Array => lend(fill, own)

/** An array of one's own of what is lent: for `lend`, to keep all of it. */
export const own = (lent: Uint8Array): Uint8Array => lent.slice()

/** One growable buffer. Lengths are filled in afterwards, so nothing has to be measured beforehand. */
export class Writer {
  #bytes: Uint8Array
  #at = 0

  /** `place`: the memory to begin with, or its size. */
  constructor(place: Uint8Array | number = 512) {
    this.#bytes = typeof place === 'number' ? new Uint8Array(place) : place
  }

  get length(): number {
    return this.#at
  }

  /** A number of `width` bytes. */
  number(width: number, value: number): void {
    this.#room(width)
    this.#put(this.#at, width, value)
    this.#at += width
  }

  #put(at: number, width: number, value: number): void {
    const bytes = this.#bytes
    let low = value
    if (width > 4) {
      const high = Math.floor(value / 2 ** 32)
      for (let i = width - 5, shift = 0; i >= 0; i--, shift += 8) bytes[at + i] = high >>> shift
      low = value % 2 ** 32
    }
    for (let i = width - 1, shift = 0; i >= 0 && shift < 32; i--, shift += 8) bytes[at + i] = low >>> shift
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length)
    this.#bytes.set(bytes, this.#at)
    this.#at += bytes.length
  }

  /** What `fill` writes, with its length in `width` bytes in front. */
  prefixed(width: number, fill: () => void): void {
    const start = this.begin(width)
    fill()
    this.end(width, start)
  }

  /** Leaves room for a length of `width` bytes; gives where. */
  begin(width: number): number {
    this.number(width, 0)
    return this.#at
  }

  /** Fills in the length of all that was written since `begin`, which gave `start`. */
  end(width: number, start: number): void {
    const length = this.#at - start
    if (length >= (TOO_MANY[width] as number))
      throw new Misuse(`${length} bytes do not fit a length of ${width} bytes; send less`)
    this.#put(start - width, width, length)
  }

  /** What was written, as a view; the writer is not to be used after. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#at)
  }

  /** Gives its memory back, wiped; undefined when it has become too large to keep. */
  release(): Uint8Array | undefined {
    const bytes = this.#bytes
    bytes.fill(0, 0, this.#at)
    return bytes.length <= KEPT ? bytes : undefined
  }

  #room(length: number): void {
    if (this.#at + length <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + length))
    larger.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = larger
  }
}

const KEPT = 1 << 16
/** The first number that is too large for so many bytes. */
const TOO_MANY = [0, 1, 2, 3, 4, 5, 6].map((width) => 256 ** width)
