import { NONE } from './compare.ts'
import { borrow, giveBack } from './pool.ts'

/**
 * Bytes that wait: those from the peer that are not yet read, and messages of a flight that are not yet in records. A view
 * that was lent stays true until `drop`: growing makes a new buffer, and nothing moves while a view is out.
 */
export class Input {
  #bytes = NONE
  #from = 0
  #to = 0
  #lent = 0

  get length(): number {
    return this.#to - this.#from
  }

  /** Bytes that nobody has begun to use: all but those that are lent. */
  get waiting(): number {
    return this.length - this.#lent
  }

  /** Bytes of memory that are kept: none when nothing waits. */
  get held(): number {
    return this.#bytes.length
  }

  /** A place for at least `length` more bytes; say with `filled` how many came, before anything else happens here. */
  room(length: number): Uint8Array {
    if (this.#to + length > this.#bytes.length) this.#make(length)
    return this.#bytes.subarray(this.#to)
  }

  filled(length: number): void {
    this.#to += length
  }

  push(bytes: Uint8Array): void {
    if (this.#to + bytes.length > this.#bytes.length) this.#make(bytes.length)
    this.#bytes.set(bytes, this.#to)
    this.#to += bytes.length
  }

  /** The byte at that distance from the front. */
  at(offset: number): number {
    return this.#bytes[this.#from + offset] as number
  }

  /** A view of the first `length` bytes, good until `drop`. */
  lend(length: number): Uint8Array {
    this.#lent = length
    return this.#bytes.subarray(this.#from, this.#from + length)
  }

  /** The first `length` bytes are done with, and so is every view of them. */
  drop(length: number): void {
    this.#lent = 0
    this.#from += length
    if (this.#from < this.#to) return
    this.#from = this.#to = 0
    // a quiet connection keeps nothing
    giveBack(this.#bytes)
    this.#bytes = NONE
  }

  #make(length: number): void {
    const held = this.#to - this.#from
    const fits = held + length <= this.#bytes.length
    if (fits && this.#lent === 0) {
      this.#bytes.copyWithin(0, this.#from, this.#to)
    } else {
      const larger = borrow(Math.max(held + length, fits ? 0 : Math.min(held * 2, GROWTH)))
      larger.set(this.#bytes.subarray(this.#from, this.#to))
      if (this.#lent === 0) giveBack(this.#bytes)
      this.#bytes = larger
    }
    this.#from = 0
    this.#to = held
  }
}

const GROWTH = 1 << 20
