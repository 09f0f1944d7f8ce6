import { setImmediate, setTimeout } from 'node:timers'
import { Misuse } from '../../errors.ts'

/** How many of a kind are kept at most. */
let most = 8
/** Secrets that nobody has used lie about no longer than this: ms. */
const AGE = 10_000

/**
 * How many key shares of a group are made ahead of time at most: 8, unless this says otherwise; 0 switches it off. As many as
 * were used are made anew between turns of the event loop, so a handshake after a pause need not wait for them. Each is used
 * once, and dropped unused after 10 seconds. Whoever makes copies of a running machine switches it off: the copies
 * would use the same shares. Throws `Misuse` for a number below 0 or above 1,000.
 */
export const keepKeyShares = (count: number): void => {
  if (!(Number.isInteger(count) && count >= 0 && count <= 1000))
    throw new Misuse(`key shares are kept in whole numbers from 0 to 1000, not ${count}`)
  most = count
}

/** Things that are dear to make and used once. */
export class Ahead<T> {
  readonly #make: () => T
  #ready: { readonly made: T; readonly at: number }[] = []
  #wanted = 0
  #due = false

  constructor(make: () => T) {
    this.#make = make
  }

  /** How many are ready. */
  get size(): number {
    return this.#ready.length
  }

  take(): T {
    if (most > 0) {
      this.#wanted = Math.min(most, this.#wanted + 1)
      this.#soon()
    }
    const oldest = performance.now() - AGE
    for (let next = this.#ready.shift(); next; next = this.#ready.shift()) if (next.at > oldest) return next.made
    return this.#make()
  }

  #soon(): void {
    if (this.#due) return
    this.#due = true
    setImmediate(() => {
      this.#due = false
      // one in a turn, so that whoever waits for the loop does not wait for all
      if (this.#ready.length >= Math.min(most, this.#wanted)) this.#wanted = 0
      else if (this.#add()) this.#soon()
    }).unref?.()
  }

  /** False when it cannot be made; whoever asks for one is told why. */
  #add(): boolean {
    try {
      if (this.#ready.length === 0) this.#forgetLater()
      this.#ready.push({ made: this.#make(), at: performance.now() })
      return true
    } catch {
      return false
    }
  }

  #forgetLater(): void {
    setTimeout(() => {
      const oldest = performance.now() - AGE
      this.#ready = this.#ready.filter(({ at }) => at > oldest)
      if (this.#ready.length > 0) this.#forgetLater()
    }, AGE + 1).unref?.()
  }
}
