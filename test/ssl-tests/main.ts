/**
 * Runs OpenSSL's declarative handshake tests (test/ssl-tests of its sources) against the libssl face.
 *
 *   npm run suite:ssl-tests [-- DIR [CERTS]] [--only=TEXT] [--verbose]
 *
 * DIR has the files (*.conf, *.cnf), CERTS the certificates that they name; by default ../shared/data/ssl-tests and its
 * certs. A line for each file, each failure and each kind of skip; the exit code is 1 when a case failed.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Entry, readCases } from './cases.ts'
import { needs } from './needs.ts'
import { runCase } from './run.ts'

const options = process.argv.slice(2).filter((arg) => arg.startsWith('--'))
const [
  folder = fileURLToPath(new URL('../../../shared/data/ssl-tests', import.meta.url)),
  certificates = join(folder, 'certs'),
] = process.argv.slice(2).filter((arg) => !arg.startsWith('--'))
const only = options.find((option) => option.startsWith('--only='))?.slice('--only='.length)
const verbose = options.includes('--verbose')

const total = { passed: 0, failed: 0, skipped: 0 }
const reasons = new Map<string, number>()

const runFile = (file: string): void => {
  const tally = { passed: 0, failed: 0, skipped: 0 }
  const lines: string[] = []
  let entries: Entry[]
  try {
    entries = readCases(readFileSync(join(folder, file), 'utf8'), certificates)
  } catch (error) {
    entries = [{ number: 0, name: 'the file', broken: (error as Error).message }]
  }
  const skips = new Map<string, number>()
  for (const entry of entries) {
    if (only !== undefined && !`${file} ${entry.name}`.includes(only)) continue
    const skip = 'broken' in entry ? undefined : needs(entry)
    if (skip !== undefined) {
      tally.skipped++
      skips.set(skip, (skips.get(skip) ?? 0) + 1)
      if (verbose) lines.push(`  skipped ${entry.name}: ${skip}`)
      continue
    }
    const wrong = 'broken' in entry ? [entry.broken] : runCase(entry)
    if (wrong.length === 0) tally.passed++
    else {
      tally.failed++
      lines.push(`  FAILED ${entry.name} (test-${entry.number}): ${wrong.join('; ')}`)
    }
  }
  const why = [...skips].map(([reason, count]) => `${count} ${reason}`).join(', ')
  console.log(`${file}: ${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped${why && ` (${why})`}`)
  for (const line of lines) console.log(line)
  for (const key of ['passed', 'failed', 'skipped'] as const) total[key] += tally[key]
  for (const [reason, count] of skips) reasons.set(reason, (reasons.get(reason) ?? 0) + count)
}

if (existsSync(folder)) {
  for (const file of readdirSync(folder).sort()) if (/\.c[o]?nf$/.test(file)) runFile(file)
  for (const [reason, count] of reasons) console.log(`skipped for ${reason}: ${count}`)
  console.log(`ssl-tests: ${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
  process.exitCode = total.failed > 0 ? 1 : 0
} else {
  console.log(`ssl-tests: skipped, there is no folder ${folder}`)
}
