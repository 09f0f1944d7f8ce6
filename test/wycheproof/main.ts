/**
 * Each provider against the Wycheproof vectors (C2SP): every file of a folder, by the schema of its groups.
 *
 *   npm run suite:wycheproof -- [DIR]
 *
 * DIR holds files of the suite, plain or gzipped. What has to do with nothing in TLS is counted as skipped, with the reason.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import * as nobleCiphers from '../../src/crypto/noble/ciphers.ts'
import { noble } from '../../src/crypto/noble/index.ts'
import * as nodeCiphers from '../../src/crypto/node/ciphers.ts'
import { node } from '../../src/crypto/node/index.ts'
import { chacha, sodium } from '../../src/crypto/sodium/index.ts'
import { judges, Skip, type Subject } from './judges.ts'

const subjects: readonly Subject[] = [
  { provider: node, aead: nodeCiphers.aead, cbc: nodeCiphers.cbc },
  { provider: noble, aead: nobleCiphers.aead, cbc: nobleCiphers.cbc },
  // all but this cipher is the other provider's, which has been tried
  { provider: await sodium(node), aead: await chacha(), cbc: nodeCiphers.cbc, only: 'CHACHA20-POLY1305' },
]

interface Count {
  passed: number
  failed: number
  readonly skipped: Map<string, number>
}

const root = fileURLToPath(new URL('../../', import.meta.url))
const [given] = process.argv.slice(2)
const folder = given === undefined ? resolve(root, '../shared/data/wycheproof') : resolve(given)
const sum = { passed: 0, failed: 0, skipped: 0 }

if (existsSync(folder)) {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /\.json(\.gz)?$/.test(name))
  for (const name of files.sort()) await file(name)
} else {
  console.log(`There is no ${relative(process.cwd(), folder) || folder}; nothing was run.`)
  if (given !== undefined) process.exitCode = 1
}
console.log(`wycheproof: ${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`)
if (sum.failed > 0) process.exitCode = 1

async function file(name: string): Promise<void> {
  let suite: { algorithm?: unknown; testGroups?: unknown }
  try {
    const bytes = readFileSync(resolve(folder, name))
    suite = JSON.parse((name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8'))
  } catch (error) {
    console.log(`${name}: cannot be read (${error instanceof Error ? error.message : error})`)
    sum.failed++
    return
  }
  const groups = Array.isArray(suite?.testGroups) ? suite.testGroups : []
  if (groups.length === 0) console.log(`${name}: no test groups, so no file of the suite`)
  const able = subjects.filter(({ only }) => only === undefined || only === suite.algorithm)
  for (const subject of groups.length > 0 ? able : []) {
    const count: Count = { passed: 0, failed: 0, skipped: new Map() }
    const failure = (test: { tcId?: unknown }, why: string) => {
      count.failed++
      console.log(`  FAILED ${name} tcId ${test?.tcId} (${subject.provider.name}): ${why}`)
    }
    for (const group of groups) await run(subject, { ...group, algorithm: suite.algorithm }, count, failure)
    report(name, subject, count)
  }
}

async function run(
  subject: Subject,
  group: Record<string, unknown>,
  count: Count,
  failure: (test: { tcId?: unknown }, why: string) => void,
): Promise<void> {
  const tests: Record<string, unknown>[] = Array.isArray(group['tests']) ? group['tests'] : []
  const settle = (test: Record<string, unknown>, error: unknown) => {
    if (error instanceof Skip) count.skipped.set(error.message, (count.skipped.get(error.message) ?? 0) + 1)
    else failure(test, error instanceof Error ? `${error.name}: ${error.message}` : `${error}`)
  }
  let judge: (test: Record<string, unknown>) => Promise<void>
  try {
    const type = `${group['type']}`
    const made = Object.hasOwn(judges, type) ? judges[type] : undefined
    if (!made) throw new Skip(`groups of the type ${type} test nothing that TLS uses here`)
    judge = await made(subject, group)
  } catch (error) {
    for (const test of tests) settle(test, error)
    return
  }
  for (const test of tests) {
    try {
      if (!['valid', 'invalid', 'acceptable'].includes(`${test?.['result']}`))
        throw new Skip(`the result "${test?.['result']}" is unknown`)
      await judge(test)
      count.passed++
    } catch (error) {
      settle(test, error)
    }
  }
}

function report(name: string, { provider }: Subject, { passed, failed, skipped }: Count): void {
  const left = [...skipped.values()].reduce((a, b) => a + b, 0)
  const why = [...skipped].map(([reason, times]) => `${reason}: ${times}`).join('; ')
  console.log(`${name} ${provider.name}: ${passed} passed, ${failed} failed, ${left} skipped${why && ` (${why})`}`)
  sum.passed += passed
  sum.failed += failed
  sum.skipped += left
}
