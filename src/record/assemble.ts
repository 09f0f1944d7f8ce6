import { NONE } from '../bytes/compare.ts'
import { borrow, giveBack } from '../bytes/pool.ts'
import type { Beside } from './carrier.ts'

const HEADER = 4

/** Handshake messages out of the fragments that records bring. */
export class Assembler {
  #bytes = NONE
  /** They are borrowed, and not a fragment that is ours to keep. */
  #borrowed = false
  #from = 0
  #to = 0
  #announced = false
  /** A message that was due has begun, once at least. */
  begun = false

  /** Bytes of a message that is not whole yet, or of further messages. */
  get length(): number {
    return this.#to - this.#from
  }

  /** `own`: nobody else has the fragment, and messages may be views of it. */
  push(fragment: Uint8Array, own: boolean): void {
    const { length: held } = this
    if (own && held === 0) {
      this.#bytes = fragment
      this.#to = fragment.length
      return
    }
    if (!this.#borrowed || this.#to + fragment.length > this.#bytes.length) {
      const larger = borrow(held + Math.max(fragment.length, Math.min(held, GROWTH)))
      larger.set(this.#bytes.subarray(this.#from, this.#to))
      this.#release()
      this.#bytes = larger
      this.#borrowed = true
      this.#to = held
    }
    this.#bytes.set(fragment, this.#to)
    this.#to += fragment.length
  }

  /** The next message with its header, in memory that nobody else writes to; undefined while it is not whole. */
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
    const end = at + HEADER + length
    const raw = this.#borrowed ? this.#bytes.slice(at, end) : this.#bytes.subarray(at, end)
    this.#announced = false
    this.#from = end
    if (this.length === 0) this.#release()
    return raw
  }

  #release(): void {
    if (this.#borrowed) giveBack(this.#bytes)
    this.#borrowed = false
    this.#bytes = NONE
    this.#from = this.#to = 0
  }

  #byte(at: number): number {
    return this.#bytes[at] as number
  }
}

const GROWTH = 1 << 16
