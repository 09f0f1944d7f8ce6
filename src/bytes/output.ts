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
  next: Chunk | undefined
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
  /** A chain of chunks: mostly of one, and of none when all is sent. */
  #first: Chunk | undefined
  #last: Chunk | undefined
  #unfinished: Unfinished[] | undefined
  /** Bytes that were ever reserved, and that have ever left. */
  queued = 0
  left = 0

  /** A place of `length` bytes behind all others. */
  reserve(length: number): Uint8Array {
    const last = this.#last
    const chunk = last && last.bytes.length - last.to >= length ? last : this.#grow(length)
    const place = chunk.bytes.subarray(chunk.to, chunk.to + length)
    chunk.to += length
    this.queued += length
    return place
  }

  #grow(length: number): Chunk {
    const bytes = borrow(length <= SMALL ? length : Math.max(LARGE, length))
    const chunk: Chunk = { bytes, from: 0, to: 0, given: false, passed: 0, next: undefined }
    let before = this.#last
    if (before && before.from === before.to) {
      // it is empty since a place was cancelled, and goes
      const empty = before
      before = undefined
      for (let one = this.#first; one && one !== empty; one = one.next) before = one
    }
    if (before) before.next = chunk
    else this.#first = chunk
    this.#last = chunk
    return chunk
  }

  /** The place reserved last is not wanted after all. */
  cancel(length: number): void {
    const chunk = this.#last as Chunk
    chunk.to -= length
    this.queued -= length
  }

  /** The place reserved last is still being made: nothing from it on may leave until what comes back is called. */
  hold(length: number): () => void {
    const chunk = this.#last as Chunk
    const waiting: Unfinished = { chunk, at: chunk.to - length }
    const all = (this.#unfinished ??= [])
    all.push(waiting)
    return () => void all.splice(all.indexOf(waiting), 1)
  }

  /** Whether nothing waits to be sent, finished or not. */
  get empty(): boolean {
    const first = this.#first
    return first === undefined || (first === this.#last && first.from === first.to)
  }

  /** Whether the next byte is still being made. */
  get stalled(): boolean {
    return !this.empty && this.peek().length === 0
  }

  /** Bytes waiting, finished or not. */
  get length(): number {
    let sum = 0
    for (let chunk = this.#first; chunk; chunk = chunk.next) sum += chunk.to - chunk.from
    return sum
  }

  /** Bytes of memory that are kept: none when nothing waits. What a transport still writes from is not counted. */
  get held(): number {
    let sum = 0
    for (let chunk = this.#first; chunk; chunk = chunk.next) sum += chunk.bytes.length
    return sum
  }

  /** A view of the next bytes that may leave; empty when there are none. Good until `sent`. */
  peek(): Uint8Array {
    const chunk = this.#first
    if (!chunk) return NONE
    const late = this.#unfinished?.[0]
    return chunk.bytes.subarray(chunk.from, late && late.chunk === chunk ? late.at : chunk.to)
  }

  /** The first `length` bytes of what `peek` gave are on their way. */
  sent(length: number): void {
    const chunk = this.#first
    if (!chunk) return
    chunk.from += length
    this.left += length
    if (chunk.from < chunk.to) return
    this.#leave(chunk)
    if (!chunk.given && chunk.passed === 0) giveBack(chunk.bytes)
  }

  /** Gives a view away for good: for a transport that keeps what it is given. The next record begins in fresh memory. */
  take(): Uint8Array {
    const view = this.peek()
    const chunk = this.#first
    if (!chunk || view.length === 0) return NONE
    chunk.from += view.length
    this.left += view.length
    chunk.given = true
    if (chunk.from === chunk.to) this.#leave(chunk)
    return view
  }

  /**
   * As `take`, for a transport that tells when it has written what it was given: call `written` then, once, and the memory
   * serves again. Undefined when nothing may leave.
   */
  pass(): { readonly bytes: Uint8Array; readonly written: () => void } | undefined {
    const bytes = this.peek()
    const chunk = this.#first
    if (!chunk || bytes.length === 0) return undefined
    chunk.from += bytes.length
    this.left += bytes.length
    chunk.passed++
    if (chunk.from === chunk.to) this.#leave(chunk)
    const written = (): void => {
      chunk.passed--
      if (chunk.passed === 0 && !chunk.given && chunk !== this.#first) giveBack(chunk.bytes)
    }
    return { bytes, written }
  }

  /** The first chunk is done with. */
  #leave(chunk: Chunk): void {
    this.#first = chunk.next
    if (!chunk.next) this.#last = undefined
    chunk.next = undefined
  }
}
