// Compiles the sources and bench/ into bench/.built, as they are when published, and runs one of its programs there:
//
//   node tools/bench.mjs main [ARGUMENT...]        bench/main.ts, on this Node
//
// Runners of TypeScript add work of their own to every function that is made, so figures come from compiled code only.
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
const [program, ...args] = process.argv.slice(2)
if (program === undefined) {
  console.error('Say what to run: node tools/bench.mjs PROGRAM [ARGUMENT...], where PROGRAM.ts stands in bench/.')
  process.exit(1)
}
const run = (argv) => spawnSync(process.execPath, argv, { cwd: root, stdio: 'inherit' }).status ?? 1

rmSync(new URL('../bench/.built', import.meta.url), { recursive: true, force: true })
const compiled = run(['node_modules/typescript/bin/tsc', '-p', 'bench/tsconfig.json'])
if (compiled !== 0) process.exit(compiled)
process.exit(run([`bench/.built/bench/${program}.js`, ...args]))
