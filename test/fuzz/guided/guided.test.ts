import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Random } from '../random.ts'
import { found } from './found.ts'
import { mutated } from './mutate.ts'
import { targets } from './targets.ts'

/** Seeds that are run here; `npm run fuzz -- replay` runs all. */
const SOME = 40

describe('guided fuzzing', () => {
  for (const target of targets) {
    test(`seeds of ${target.name}`, async () => {
      await target.ready?.()
      const seeds = await target.seeds()
      const step = Math.max(1, Math.floor(seeds.length / SOME))
      const chosen = seeds.filter((_, i) => i % step === 0)
      const rows = found.filter((row) => row.target === target.name).map(({ input }) => Buffer.from(input, 'base64'))
      for (const seed of [new Uint8Array(0), ...chosen, ...rows])
        await target.run(new Uint8Array(seed).subarray(0, target.most ?? 4096))
    })
  }

  test('a seed of the random numbers gives the same changes', () => {
    const [one, other] = [Uint8Array.from({ length: 300 }, (_, i) => i), new Uint8Array(40).fill(7)]
    const changed = (): Uint8Array[] => {
      const random = new Random(5)
      return Array.from({ length: 200 }, () => mutated(one, other, random, 500))
    }
    assert.deepEqual(changed(), changed())
    assert.ok(changed().every(({ length }) => length <= 500))
  })

  test('a short run is guided by the ways it goes, and ends as it says', () => {
    const path = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      ['--import', new URL('instrument.mjs', import.meta.url).href, path('worker.ts'), 'proxy', '1'],
      { encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '', FUZZ_SEED: '1' } },
    )
    const [, features] =
      /^fuzz: proxy: 6 seeds, \d+ executions, (\d+) features, \d+ kept, \d+ MiB, 0 faults$/m.exec(stdout) ?? []
    assert.ok(Number(features) > 50, stdout + stderr)
    assert.equal(status, 0)
  })
})
