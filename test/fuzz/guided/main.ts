/**
 * Coverage-guided fuzzing of everything that reads a stranger's bytes.
 *
 *   npm run fuzz -- TARGET SECONDS      one target; what goes new ways is kept in .fuzz/TARGET and taken up by the next run
 *   npm run fuzz -- all SECONDS         each of them, two at a time
 *   npm run fuzz -- replay              every seed of every target once, and nothing more
 *
 * A fault is what throws anything but the errors that are promised, hangs, grows without bound, leaves a rejection
 * unhandled, or ends differently with slow crypto or byte by byte. Its input is left in the same folder: it belongs into
 * `found.ts`, as a row.
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { targets } from './targets.ts'

const [what = '', seconds = '20'] = process.argv.slice(2)
const names = targets.map(({ name }) => name)
const chosen = what === 'all' || what === 'replay' ? names : names.filter((name) => name === what)
if (chosen.length === 0) {
  console.error(`Say what to fuzz, and for how many seconds: all, replay, ${names.join(', ')}.`)
  process.exit(2)
}
const path = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
const root = path('../../../')

const fuzz = (name: string): Promise<number> =>
  new Promise((resolve) => {
    const args = ['--max-old-space-size=1024', '--import', new URL('instrument.mjs', import.meta.url).href]
    const child = spawn(
      process.execPath,
      [...args, path('worker.ts'), name, what === 'replay' ? '0' : seconds, `${root}.fuzz/${name}`],
      { stdio: ['ignore', 'inherit', 'inherit'] },
    )
    child.on('exit', (code) => resolve(code ?? 1))
  })

const waiting = [...chosen]
const failed: string[] = []
const lane = async (): Promise<void> => {
  for (let name = waiting.shift(); name; name = waiting.shift()) if ((await fuzz(name)) !== 0) failed.push(name)
}
await Promise.all([lane(), lane()])
console.log(
  `fuzz: ${chosen.length - failed.length} targets passed, ${failed.length} failed${failed.length > 0 ? `: ${failed.join(', ')}` : ''}`,
)
if (failed.length > 0) process.exitCode = 1
