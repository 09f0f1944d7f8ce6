import { equal } from '../../src/bytes/compare.ts'
import { hex } from '../../src/bytes/text.ts'

/** Thrown inside a check: it cannot be made, and this is why. */
export class Skip extends Error {}

const sentence = (error: unknown): string =>
  error instanceof Error ? `${error.name}: ${error.message}` : String(error)

/** Counts checks. What failed is kept by name with what was wrong, what was skipped by reason. */
export class Tally {
  passed = 0
  failed = 0
  skipped = 0
  readonly failures: string[] = []
  readonly reasons = new Map<string, number>()

  pass(): void {
    this.passed++
  }

  fail(name: string, detail: string): void {
    this.failed++
    this.failures.push(`${name}: ${detail}`)
  }

  skip(reason: string, count = 1): void {
    this.skipped += count
    this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + count)
  }

  /** Passes when `run` comes to its end. Says whether it did. */
  async check(name: string, run: () => unknown): Promise<boolean> {
    const good = await this.attempt(name, run)
    if (good) this.pass()
    return good
  }

  /** Runs what has checks of its own inside: only that it comes to its end is not counted. */
  async attempt(name: string, run: () => unknown): Promise<boolean> {
    try {
      await run()
      return true
    } catch (error) {
      if (error instanceof Skip) this.skip(error.message)
      else this.fail(name, sentence(error))
      return false
    }
  }

  /** Passes when what `make` gives are these bytes. */
  async equal(name: string, expected: Uint8Array, make: () => Uint8Array | Promise<Uint8Array>): Promise<boolean> {
    return await this.check(name, async () => expectBytes(await make(), expected))
  }

  add(other: Tally): void {
    this.passed += other.passed
    this.failed += other.failed
    this.failures.push(...other.failures)
    for (const [reason, count] of other.reasons) this.skip(reason, count)
  }
}

const SHOWN = 24

/** Throws, with the first difference, when the two are not the same. */
export const expectBytes = (actual: Uint8Array, expected: Uint8Array): void => {
  if (equal(actual, expected)) return
  let at = 0
  while (at < actual.length && at < expected.length && actual[at] === expected[at]) at++
  const from = (bytes: Uint8Array): string => hex(bytes.subarray(at, at + SHOWN)) || 'the end'
  throw new Error(
    `${actual.length} bytes, ${expected.length} are right; they differ from byte ${at}: ${from(actual)}, right is ${from(expected)}`,
  )
}

export const expect = (condition: boolean, otherwise: string): void => {
  if (!condition) throw new Error(otherwise)
}
