/**
 * Runs BoringSSL's protocol tests (BoGo) against our engine.
 *
 *   npm run suite:bogo -- RUNNER [PATTERN] [--workers=N] [--verbose]
 *
 * RUNNER is the runner that somebody has built (README.md says how); PATTERN are globs of names, with semicolons between.
 * A line for each failure and each kind of what is not implemented; the exit code is 1 when a case failed.
 */
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { disabled } from './disabled.ts'
import { globs } from './globs.ts'
import { startLanes } from './lanes.ts'
import { run, type Verdict } from './runner.ts'

const options = process.argv.slice(2).filter((arg) => arg.startsWith('--'))
const [runner, pattern] = process.argv.slice(2).filter((arg) => !arg.startsWith('--'))
const workers = Number(
  options.find((option) => option.startsWith('--workers='))?.slice('--workers='.length) ?? availableParallelism(),
)
const verbose = options.includes('--verbose')

if (runner === undefined || !existsSync(runner)) {
  console.log(`bogo: skipped, ${runner === undefined ? 'no runner was named' : `there is no runner ${runner}`}`)
  process.exitCode = runner === undefined ? 0 : 1
} else {
  const lanes = startLanes(workers)
  process.on('exit', lanes.end)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))
  const common = { workers, ...(pattern !== undefined && { pattern }) }
  const names: string[] = []
  await run(resolve(runner), lanes, { ...common, list: true }, ({ name }) => names.push(name))
  const count: Record<Verdict, number> = { PASSED: 0, FAILED: 0, UNIMPLEMENTED: 0 }
  await run(resolve(runner), lanes, common, ({ name, verdict, why }) => {
    count[verdict]++
    if (verdict === 'FAILED') console.log(`FAILED ${name}\n${why.replace(/^/gm, '  ')}`)
    else if (verbose) console.log(`${verdict} ${name}`)
  })
  if (pattern === undefined)
    for (const glob of Object.keys(disabled))
      if (!names.some(globs(glob))) console.log(`a row of disabled.ts matches nothing: ${glob}`)
  const ran = count.PASSED + count.FAILED + count.UNIMPLEMENTED
  console.log(
    `bogo: ${count.PASSED} passed, ${count.FAILED} failed, ${count.UNIMPLEMENTED} unimplemented, ${names.length - ran} disabled of ${names.length}`,
  )
  process.exitCode = count.FAILED > 0 ? 1 : 0
  lanes.end()
}
