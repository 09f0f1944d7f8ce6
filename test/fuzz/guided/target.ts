import type { Random } from '../random.ts'

/** Something that takes bytes from a stranger. It throws what must not be, and swallows what may. */
export interface Target {
  readonly name: string
  /** What it is given to begin with. */
  readonly seeds: () => readonly Uint8Array[] | Promise<readonly Uint8Array[]>
  /** Made once. */
  readonly ready?: () => Promise<void>
  readonly run: (data: Uint8Array) => void | Promise<void>
  /** Another way to change an input, taken as often as the usual one; undefined where it cannot. */
  readonly change?: (one: Uint8Array, other: Uint8Array, random: Random) => Uint8Array | undefined
  /** Bytes of the longest input; 4096 where nothing is said. */
  readonly most?: number
}

/** Runs it, and swallows errors of these classes. */
export const attempt = <T>(
  allowed: readonly (abstract new (...args: never[]) => Error)[],
  work: () => T,
): T | undefined => {
  try {
    return work()
  } catch (error) {
    if (!allowed.some((kind) => error instanceof kind)) throw error
    return undefined
  }
}

/** What an input says, read from its front: numbers first, then the rest. Past the end everything is 0. */
export class Said {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }
  byte(): number {
    return this.#bytes[this.#at++] ?? 0
  }
  number(width: number): number {
    let value = 0
    for (let i = 0; i < width; i++) value = value * 256 + this.byte()
    return value
  }
  bytes(length: number): Uint8Array {
    const taken = this.#bytes.slice(this.#at, this.#at + length)
    this.#at += taken.length
    return taken
  }
  rest(): Uint8Array {
    return this.bytes(this.left)
  }
}
