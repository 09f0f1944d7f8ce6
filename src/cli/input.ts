import type { Readable } from 'node:stream'

/** A line of one letter. */
export interface Command {
  readonly letter: string
}

/** What is typed or piped in: data, and lines of one letter that are commands. */
export class Input {
  readonly #stream: Readable
  #stopped = false
  #wake = (): void => {}

  constructor(stream: Readable) {
    this.#stream = stream
  }

  /** Ends `pieces`, wherever it stands. */
  stop(): void {
    this.#stopped = true
    this.#wake()
  }

  /** Pieces as they come, in order, until the end of input; and lines that are one of these letters alone. */
  async *pieces(letters: string): AsyncGenerator<Uint8Array | Command> {
    /** A whole command, or what of one has come so far. */
    const command = letters === '' ? /(?!)/ : new RegExp(`^([${letters}])(?:(\\r?\\n)|\\r?$)`)
    let lineStart = true
    /** The beginning of a line that may still become a command. */
    let held: Uint8Array = new Uint8Array(0)
    for await (const chunk of this.#chunks()) {
      const bytes = held.length > 0 ? Buffer.concat([held, chunk]) : chunk
      let from = 0
      let at = 0
      while (at < bytes.length) {
        const found = lineStart ? command.exec(text(bytes.subarray(at, at + 3))) : null
        if (found && !found[2]) break
        if (found) {
          if (at > from) yield bytes.subarray(from, at)
          yield { letter: found[1] as string }
          at += found[0].length
          from = at
          continue
        }
        const end = bytes.indexOf(LF, at)
        lineStart = end >= 0
        at = end < 0 ? bytes.length : end + 1
      }
      if (at > from) yield bytes.subarray(from, at)
      held = bytes.slice(at)
    }
    if (held.length > 0 && !this.#stopped) yield { letter: text(held)[0] as string }
  }

  async *#chunks(): AsyncGenerator<Uint8Array> {
    const stream = this.#stream
    while (!this.#stopped) {
      const chunk: Uint8Array | null = stream.read()
      if (chunk !== null) yield chunk
      else if (stream.readableEnded || stream.destroyed) return
      else await this.#changed()
    }
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        for (const event of EVENTS) this.#stream.off(event, done)
        resolve()
      }
      for (const event of EVENTS) this.#stream.on(event, done)
      this.#wake = done
    })
  }
}

const LF = 0x0a
const EVENTS = ['readable', 'end', 'close', 'error'] as const
const text = (bytes: Uint8Array): string => String.fromCharCode(...bytes)
