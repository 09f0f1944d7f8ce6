// Runs TypeScript unbuilt: by Node itself where it strips types, through tsx where it does not.
//
//   node tools/run.mjs FILE.ts [ARGUMENT...]      runs a file
//   node tools/run.mjs --test [PATTERN...]        runs the test files whose path contains one of the patterns, or all
//
// After --test, what begins with a dash goes to Node's test runner (--test-name-pattern=alpn, --test-reporter=dot). A test
// file has 300 seconds; the environment's TEST_SECONDS gives it more or less.
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
const TEST_FOLDERS = ['src', 'test', 'tools']

// Node 20's runner knows no globs.
function testFiles(patterns) {
  const files = TEST_FOLDERS.flatMap((folder) => {
    try {
      return readdirSync(root + folder, { recursive: true, withFileTypes: true })
    } catch (error) {
      if (error.code === 'ENOENT') return []
      throw error
    }
  })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts'))
    .map((entry) => relative(root, `${entry.parentPath}${sep}${entry.name}`).replaceAll(sep, '/'))
    .filter((file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern)))
  return files.sort()
}

function runnerArguments(args) {
  const files = testFiles(args.filter((arg) => !arg.startsWith('-')))
  if (files.length === 0) {
    console.error(`No test file in ${TEST_FOLDERS.join(', ')} matches ${args.join(' ') || '*.test.ts'}.`)
    process.exit(1)
  }
  return [
    '--test',
    `--test-concurrency=${Math.min(4, availableParallelism())}`,
    '--import',
    new URL('patience.mjs', import.meta.url).href,
    ...(args.some((arg) => arg.startsWith('--test-reporter')) ? [] : ['--test-reporter=spec']),
    ...args.filter((arg) => arg.startsWith('-')),
    ...files,
  ]
}

const [what, ...rest] = process.argv.slice(2)
if (what === undefined) {
  console.error('Say what to run: node tools/run.mjs FILE.ts [ARGUMENT...], or node tools/run.mjs --test [PATTERN...].')
  process.exit(1)
}

const native = Boolean(process.features.typescript)
const how = native ? ['--disable-warning=ExperimentalWarning'] : ['--import', import.meta.resolve('tsx')]
const args = what === '--test' ? runnerArguments(rest) : [what, ...rest]
const child = spawn(process.execPath, [...how, ...args], {
  stdio: 'inherit',
  cwd: what === '--test' ? root : undefined,
})

// A terminal sends Ctrl-C to the child as well; then we only have to outlive it, to report how it ended.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => (signal === 'SIGINT' && process.stdin.isTTY) || child.kill(signal))
}
child.on('error', (error) => {
  console.error(`Node could not be started again to run ${what}: ${error.message}`)
  process.exit(1)
})
child.on('exit', (status, signal) => {
  if (signal) console.error(`${what} was ended by ${signal}.`)
  process.exit(status ?? 1)
})
