import { TlsError } from '../errors.ts'

/** A cursor over borrowed bytes. Hands out views, never copies; whatever is too short or too long is a `decode_error`. */
export class Reader {
  readonly bytes: Uint8Array
  at: number
  readonly end: number

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes
    this.at = at
    this.end = end
  }

  get left(): number {
    return this.end - this.at
  }

  /** A view of the next `length` bytes. */
  take(length: number, what: string): Uint8Array {
    const from = this.#forward(length, what)
    return this.bytes.subarray(from, from + length)
  }

  /** A cursor over the next `length` bytes alone. */
  within(length: number, what: string): Reader {
    const from = this.#forward(length, what)
    return new Reader(this.bytes, from, from + length)
  }

  /** An unsigned number of 1 to 6 bytes. */
  number(width: number, what: string): number {
    let at = this.#forward(width, what)
    const { bytes } = this
    let value = bytes[at++] as number
    for (let i = 1; i < width; i++) value = value * 256 + (bytes[at++] as number)
    return value
  }

  /** Refuses leftovers. */
  done(what: string): void {
    if (this.at !== this.end)
      throw new TlsError('decode_error', 'LENGTH_MISMATCH', `${this.left} bytes too many in ${what}`)
  }

  #forward(length: number, what: string): number {
    const from = this.at
    if (length > this.end - from)
      throw new TlsError(
        'decode_error',
        'LENGTH_TOO_SHORT',
        `truncated at ${what}: ${length} bytes due, ${this.left} there`,
      )
    this.at = from + length
    return from
  }
}
