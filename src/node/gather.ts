import { borrow, giveBack } from '../bytes/pool.ts'

/** The most plaintext that a record holds. */
const RECORD = 16384
/** Fits a segment of TCP together with what a record adds, also over IPv6 and with options. */
const SEGMENT = 1400
/** After so many bytes records may be larger by a segment. */
const STEP = 8192
/** Milliseconds without writing after which a connection counts as new: TCP begins slowly again, too. */
const IDLE = 1000

/** A write, as a stream hands it over. */
export interface Part {
  readonly chunk: Uint8Array
}

/**
 * How writes become records. Those of one turn share records. The first records of a connection fit a segment each, so that
 * the peer can open them as they come instead of waiting for the last of twelve segments; they grow while it is busy.
 */
export class Gather {
  /** The largest record that may be made, in bytes of plaintext. */
  most = RECORD
  readonly #grows: boolean
  readonly #now: () => number
  #sent = 0
  #last = 0

  constructor(grows: boolean, now: () => number = () => performance.now()) {
    this.#grows = grows
    this.#now = now
  }

  /** Gives the pieces for records to `seal`, each lent until it returns. How many bytes they were. */
  send(parts: readonly Part[], seal: (piece: Uint8Array) => void): number {
    if (this.#grows) {
      const now = this.#now()
      if (now - this.#last > IDLE) this.#sent = 0
      this.#last = now
    }
    const before = this.#sent
    let from = 0
    let size = 0
    for (let at = 0; at <= parts.length; at++) {
      const length = parts[at]?.chunk.length ?? RECORD + 1
      if (size + length <= RECORD) {
        size += length
        continue
      }
      if (at - from === 1) this.#cut((parts[from] as Part).chunk, seal)
      else if (at > from) this.#join(parts, from, at, seal)
      from = at
      size = length
    }
    return this.#sent - before
  }

  #join(parts: readonly Part[], from: number, to: number, seal: (piece: Uint8Array) => void): void {
    const joined = borrow(RECORD)
    let length = 0
    for (let at = from; at < to; at++) {
      const { chunk } = parts[at] as Part
      joined.set(chunk, length)
      length += chunk.length
    }
    this.#cut(joined.subarray(0, length), seal)
    giveBack(joined)
  }

  #cut(piece: Uint8Array, seal: (piece: Uint8Array) => void): void {
    let at = 0
    do {
      const length = Math.min(piece.length - at, this.#size)
      seal(length === piece.length ? piece : piece.subarray(at, at + length))
      this.#sent += length
      at += length
    } while (at < piece.length)
  }

  get #size(): number {
    return this.#grows ? Math.min(this.most, SEGMENT * (1 + Math.floor(this.#sent / STEP))) : this.most
  }
}
