/**
 * Runs every test of src/openssl that carries ids of observations of OpenSSL 1.1.1w, and says which of those hold.
 *
 *   npm run suite:contract [-- FILE...]      FILE: test files instead of all of src/openssl; only their ids count
 *
 * A test carries the ids that its title begins with. An observation holds when a test carries it and all that do pass
 * without a note that ours differs. Those notes are named deviations, and never count as holding. The exit code is 1 when
 * an observation in scope neither holds nor is a named deviation.
 */
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename } from 'node:path'
import { run } from 'node:test'
import { fileURLToPath } from 'node:url'
import { idsOf, notesOf, type Outcome, verdict } from './judge.ts'
import { OBSERVED, OUT_OF_SCOPE } from './observed.ts'

const folder = fileURLToPath(new URL('../../src/openssl/', import.meta.url))
const chosen = process.argv.slice(2)
const files =
  chosen.length > 0
    ? chosen
    : readdirSync(folder)
        .filter((name) => name.endsWith('.test.ts'))
        .map((name) => folder + name)

const outcomes: Outcome[] = []
const note = (title: string, file: string | undefined, gave: string | undefined): void => {
  if (idsOf(title).length > 0) outcomes.push({ title, file: basename(file ?? ''), ...(gave !== undefined && { gave }) })
}
/** One line: what was given and what was wanted, where an assertion says both. */
const told = (error: Error): string => {
  const { actual, expected, message } = (error.cause ?? error) as Error & { actual?: unknown; expected?: unknown }
  if (actual === undefined && expected === undefined) return message.split('\n', 1)[0] ?? ''
  return `gave ${JSON.stringify(actual)} for ${JSON.stringify(expected)}`
}

let over = false
// the runner takes signals for itself, and ends without a word
process.on('exit', () => {
  if (over) return
  console.error('contract: interrupted before all tests had run; run it again.')
  process.exitCode = 1
})
const stream = run({ files, concurrency: Math.min(2, availableParallelism()) })
stream.on('test:pass', ({ name, file, skip, todo, details }) => {
  if (details.type === 'suite') return
  note(name, file, skip === undefined && todo === undefined ? undefined : 'skipped')
})
stream.on('test:fail', ({ name, file, details }) => {
  if (details.type !== 'suite') note(name, file, told(details.error))
})
for await (const _ of stream) {
  // the listeners above take what they need
}
over = true

let held = 0
const missing: string[] = []
const wrong: string[] = []
const deviations: string[] = []
const scope = OBSERVED.filter((id) => !(id in OUT_OF_SCOPE))
for (const id of scope) {
  const found = verdict(id, outcomes)
  if (found.state === 'holds') held++
  else if (found.state === 'differs') deviations.push(`${id}: ${found.why}`)
  else if (found.state === 'fails') wrong.push(`${id} (${found.file}): ${found.why}`)
  else missing.push(id)
}
const list = (title: string, lines: readonly string[]): void => {
  if (lines.length > 0) console.log(`\n${title} (${lines.length}):\n${lines.map((line) => `  ${line}`).join('\n')}`)
}

if (chosen.length > 0) {
  console.log(`contract: ${held} rows hold in ${files.map((file) => basename(file)).join(', ')}`)
} else {
  console.log(`contract: ${held} of ${scope.length} rows hold`)
  list('no test carries', missing)
  list(
    'out of scope',
    Object.entries(OUT_OF_SCOPE).map(([id, why]) => `${id}: ${why}`),
  )
}
list('named deviations', deviations)
list('do not hold', wrong)
const strange = outcomes.filter(({ title }) =>
  notesOf(title).some(({ ids }) => ids.some((id) => !idsOf(title).includes(id))),
)
list(
  'notes about ids that their test does not carry',
  strange.map(({ title }) => title),
)
process.exitCode = wrong.length + strange.length + (chosen.length > 0 ? 0 : missing.length) > 0 ? 1 : 0
