import { NONE } from './compare.ts'
import { borrow, giveBack, LARGE, SMALL } from './pool.ts'

/** A piece of memory that never moves, because a slow seal may still be writing into it. */
interface Chunk {
  readonly bytes: Uint8Array
  from: number
  to: number
  /** Views of it were given away for good, so it is not written to from the front again. */
  given: boolean
  /** Views of it that a transport still writes from. */
  passed: number
}

/** A reserved place whose bytes are still being made. */
interface Unfinished {
  readonly chunk: Chunk
  readonly at: number
}

/**
 * Bytes for the peer, in order. A record reserves its place and is sealed into it; what lies behind an unfinished place
 * stays until that one is done.
 */
export class Output {
  #chunks: Chunk[] = []
  #unfinished: Unfinished[] = []
  /** Bytes that were ever reserved, and that have ever left. */
  queued = 0
  left = 0

  /** A place of `length` bytes behind all others. */
  reserve(length: number): Uint8Array {
    let chunk = this.#chunks[this.#chunks.length - 1]
    if (!chunk || chunk.bytes.length - chunk.to < length) {
      chunk = {
        bytes: borrow(length <= SMALL ? length : Math.max(LARGE, length)),
        from: 0,
        to: 0,
        given: false,
        passed: 0,
      }
      const last = this.#chunks[this.#chunks.length - 1]
      if (last && last.from === last.to) this.#chunks.pop()
      this.#chunks.push(chunk)
    }
    const place = chunk.bytes.subarray(chunk.to, chunk.to + length)
    chunk.to += length
    this.queued += length
    return place
  }

  /** The place reserved last is not wanted after all. */
  cancel(length: number): void {
    const chunk = this.#chunks[this.#chunks.length - 1] as Chunk
    chunk.to -= length
    this.queued -= length
  }

  /** The place reserved last is still being made: nothing from it on may leave until what comes back is called. */
  hold(length: number): () => void {
    const chunk = this.#chunks[this.#chunks.length - 1] as Chunk
    const waiting: Unfinished = { chunk, at: chunk.to - length }
    this.#unfinished.push(waiting)
    return () => void this.#unfinished.splice(this.#unfinished.indexOf(waiting), 1)
  }

  /** Whether nothing waits to be sent, finished or not. */
  get empty(): boolean {
    const first = this.#chunks[0]
    return first === undefined || (this.#chunks.length === 1 && first.from === first.to)
  }

  /** Whether the next byte is still being made. */
  get stalled(): boolean {
    return !this.empty && this.peek().length === 0
  }

  /** Bytes waiting, finished or not. */
  get length(): number {
    let sum = 0
    for (const chunk of this.#chunks) sum += chunk.to - chunk.from
    return sum
  }

  /** Bytes of memory that are kept: none when nothing waits. What a transport still writes from is not counted. */
  get held(): number {
    let sum = 0
    for (const chunk of this.#chunks) sum += chunk.bytes.length
    return sum
  }

  /** A view of the next bytes that may leave; empty when there are none. Good until `sent`. */
  peek(): Uint8Array {
    const chunk = this.#chunks[0]
    if (!chunk) return NONE
    const late = this.#unfinished[0]
    return chunk.bytes.subarray(chunk.from, late && late.chunk === chunk ? late.at : chunk.to)
  }

  /** The first `length` bytes of what `peek` gave are on their way. */
  sent(length: number): void {
    const chunk = this.#chunks[0]
    if (!chunk) return
    chunk.from += length
    this.left += length
    if (chunk.from < chunk.to) return
    this.#chunks.shift()
    if (!chunk.given && chunk.passed === 0) giveBack(chunk.bytes)
  }

  /** Gives a view away for good: for a transport that keeps what it is given. The next record begins in fresh memory. */
  take(): Uint8Array {
    const view = this.peek()
    const chunk = this.#chunks[0]
    if (!chunk || view.length === 0) return NONE
    chunk.from += view.length
    this.left += view.length
    chunk.given = true
    if (chunk.from === chunk.to) this.#chunks.shift()
    return view
  }
  /**
   * As `take`, for a transport that tells when it has written what it was given: call `written` then, once, and the memory
   * serves again. Undefined when nothing may leave.
   */
  pass(): { readonly bytes: Uint8Array; readonly written: () => void } | undefined {
    const bytes = this.peek()
    const chunk = this.#chunks[0]
    if (!chunk || bytes.length === 0) return undefined
    chunk.from += bytes.length
    this.left += bytes.length
    chunk.passed++
    if (chunk.from === chunk.to) this.#chunks.shift()
    const written = (): void => {
      chunk.passed--
      if (chunk.passed === 0 && !chunk.given && chunk !== this.#chunks[0]) giveBack(chunk.bytes)
    }
    return { bytes, written }
  }
}
