import { Misuse } from '../errors.ts'

/** One growable buffer. Lengths are filled in afterwards, so nothing has to be measured beforehand. */
export class Writer {
  #bytes: Uint8Array
  #at = 0

  constructor(size = 512) {
    this.#bytes = new Uint8Array(size)
  }

  get length(): number {
    return this.#at
  }

  /** A number of `width` bytes. */
  number(width: number, value: number): void {
    this.#room(width)
    const to = this.#at + width
    let rest = value
    for (let i = to - 1; i >= this.#at; i--) {
      this.#bytes[i] = rest % 256
      rest = Math.floor(rest / 256)
    }
    this.#at = to
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length)
    this.#bytes.set(bytes, this.#at)
    this.#at += bytes.length
  }

  /** What `fill` writes, with its length in `width` bytes in front. */
  prefixed(width: number, fill: () => void): void {
    const start = this.#at
    this.number(width, 0)
    fill()
    const length = this.#at - start - width
    if (length >= 256 ** width) throw new Misuse(`${length} bytes do not fit a length of ${width} bytes; send less`)
    const end = this.#at
    this.#at = start
    this.number(width, length)
    this.#at = end
  }

  /** What was written, as a view; the writer is not to be used after. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#at)
  }

  #room(length: number): void {
    if (this.#at + length <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + length))
    larger.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = larger
  }
}
