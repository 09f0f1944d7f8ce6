/**
 * Holds the engine against known answers: key schedules, PRF, the traces of RFC 8448 and recorded handshakes.
 *
 *   npm run suite:vectors [-- DIR [--verbose]]
 *
 * DIR holds JSON files, also gzipped. What a file is, is seen by its shape, not by its name; files of unknown shape are
 * skipped. Exit code 1 when anything failed; all is skipped when DIR is not there.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { runFile } from './files.ts'
import { Tally } from './tally.ts'

const SHOWN = 40

const args = process.argv.slice(2).filter((arg) => !arg.startsWith('-'))
const verbose = process.argv.includes('--verbose')
const folder = args[0] ?? fileURLToPath(new URL('../../../shared/data/vectors', import.meta.url))

/** What the file says; undefined when it is no JSON. */
const read = (path: string): unknown => {
  try {
    const content = readFileSync(path)
    return JSON.parse((content[0] === 0x1f ? gunzipSync(content) : content).toString('utf8'))
  } catch {
    return undefined
  }
}

const all = new Tally()
const names = existsSync(folder) ? readdirSync(folder).sort() : []
if (names.length === 0) {
  console.log(`There is nothing in ${folder}: everything is skipped.`)
  all.skip('no files')
}
for (const name of names) {
  const tally = new Tally()
  const content = read(join(folder, name))
  if (content === undefined) tally.skip('not JSON')
  else await tally.attempt(name, async () => await runFile(content, tally))
  console.log(`${name}: ${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped`)
  for (const failure of verbose ? tally.failures : tally.failures.slice(0, SHOWN)) console.log(`  failed: ${failure}`)
  if (!verbose && tally.failures.length > SHOWN)
    console.log(`  and ${tally.failures.length - SHOWN} more; --verbose names all`)
  for (const [reason, count] of tally.reasons) console.log(`  skipped ${count}: ${reason}`)
  all.add(tally)
}
console.log(`vectors: ${all.passed} passed, ${all.failed} failed, ${all.skipped} skipped`)
process.exit(all.failed > 0 ? 1 : 0)
