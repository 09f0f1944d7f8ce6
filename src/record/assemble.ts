import { NONE } from '../bytes/compare.ts'
import { borrow, giveBack } from '../bytes/pool.ts'
import type { Beside } from './carrier.ts'

const HEADER = 4

/** Handshake messages out of the fragments that records bring. */
export class Assembler {
  #bytes = NONE
  #from = 0
  #to = 0
  #announced = false
  /** A message that was due has begun, once at least. */
  begun = false

  /** Bytes of a message that is not whole yet, or of further messages. */
  get length(): number {
    return this.#to - this.#from
  }

  push(fragment: Uint8Array): void {
    if (this.#to + fragment.length > this.#bytes.length) {
      const held = this.#to - this.#from
      const larger = borrow(held + Math.max(fragment.length, Math.min(held, GROWTH)))
      larger.set(this.#bytes.subarray(this.#from, this.#to))
      giveBack(this.#bytes)
      this.#bytes = larger
      this.#from = 0
      this.#to = held
    }
    this.#bytes.set(fragment, this.#to)
    this.#to += fragment.length
  }

  /** The next message with its header, a copy of its own; undefined while it is not whole. */
  next(beside: Beside): Uint8Array | undefined {
    if (this.length < HEADER) return undefined
    const at = this.#from
    const length = (this.#byte(at + 1) << 16) | (this.#byte(at + 2) << 8) | this.#byte(at + 3)
    if (!this.#announced) {
      beside.expects(this.#byte(at))
      this.begun = true
      beside.begins(this.#byte(at), length)
      this.#announced = true
    }
    if (this.length < HEADER + length) return undefined
    const raw = this.#bytes.slice(at, at + HEADER + length)
    this.#announced = false
    this.#from += HEADER + length
    if (this.#from === this.#to) {
      giveBack(this.#bytes)
      this.#bytes = NONE
      this.#from = this.#to = 0
    }
    return raw
  }

  #byte(at: number): number {
    return this.#bytes[at] as number
  }
}

const GROWTH = 1 << 16
