import { concat } from '../bytes/compare.ts'
import { Misuse } from '../errors.ts'

export const INTEGER = 0x02
export const OCTETS = 0x04
export const OID = 0x06
export const NULL = 0x05
export const SEQUENCE = 0x30

/** A cursor over DER (X.690 section 10): definite lengths in their shortest form, nothing left over. */
export class Der {
  readonly #bytes: Uint8Array
  readonly #what: string
  #at = 0

  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes
    this.#what = what
  }

  /** The next element's tag; undefined at the end. */
  get tag(): number | undefined {
    return this.#bytes[this.#at]
  }

  next(tag: number): Uint8Array {
    const bytes = this.#bytes
    if (bytes[this.#at] !== tag) throw this.#malformed()
    let at = this.#at + 1
    let length = bytes[at++] ?? 0x80
    if (length >= 0x80) {
      const count = length - 0x80
      // more than three bytes of length is more than any key
      if (count === 0 || count > 3 || bytes.length - at < count || bytes[at] === 0) throw this.#malformed()
      length = 0
      for (let i = 0; i < count; i++) length = length * 256 + (bytes[at++] as number)
      if (length < 0x80) throw this.#malformed()
    }
    if (bytes.length - at < length) throw this.#malformed()
    this.#at = at + length
    return bytes.subarray(at, this.#at)
  }

  inside(tag: number): Der {
    return new Der(this.next(tag), this.#what)
  }

  /** A number in two's complement and its shortest form. */
  integer(): Uint8Array {
    const number = this.next(INTEGER)
    const first = number[0]
    const second = number[1]
    if (first === undefined) throw this.#malformed()
    if (second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)))
      throw this.#malformed()
    return number
  }

  /** A number that is not negative, without its leading zero. */
  positive(): Uint8Array {
    const number = this.integer()
    const first = number[0] as number
    if (first >= 0x80) throw this.#malformed()
    return first === 0 ? number.subarray(1) : number
  }

  /** Whole bytes only. */
  bitString(): Uint8Array {
    const bits = this.next(0x03)
    if (bits[0] !== 0) throw this.#malformed()
    return bits.subarray(1)
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw this.#malformed()
  }

  #malformed(): Misuse {
    return new Misuse(`this ${this.#what} is not the DER it should be (at byte ${this.#at}); check its encoding`)
  }
}

/** An element of DER with the parts as its content. */
export const der = (tag: number, ...parts: readonly Uint8Array[]): Uint8Array => {
  const content = concat(...parts)
  const n = content.length
  const length =
    n < 0x80
      ? [n]
      : n < 0x100
        ? [0x81, n]
        : n < 0x1_0000
          ? [0x82, n >> 8, n & 255]
          : [0x83, n >> 16, (n >> 8) & 255, n & 255]
  return concat(Uint8Array.of(tag, ...length), content)
}

/** The INTEGER of a big-endian number that is not negative. */
export const writeInteger = (number: Uint8Array): Uint8Array => {
  let from = 0
  while (from < number.length - 1 && number[from] === 0) from++
  const shortest = number.subarray(from)
  return der(INTEGER, (shortest[0] as number) >= 0x80 ? concat(Uint8Array.of(0), shortest) : shortest)
}
