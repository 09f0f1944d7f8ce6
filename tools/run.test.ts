import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const PASSES = `import { test } from 'node:test'\ntest('fine', (t: { name: string }) => {})`
const FAILS = `import { test } from 'node:test'\ntest('not fine', () => { throw new Error('as planned') })`
const LEAVES_OPEN = `${PASSES}\nsetInterval(() => {}, 1000)`
const HANGS = `import { test } from 'node:test'\ntest('waits', () => new Promise(() => setInterval(() => {}, 1000)))`
const SAYS = `const [first]: string[] = process.argv.slice(2)\nconsole.log('said', first)\nprocess.exitCode = 7`

/** A small project with our tools in it. */
function project(t: { after(clean: () => void): void }, files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'typetls-run-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const [file, text] of Object.entries({ 'package.json': '{"type":"module"}', ...files })) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), text)
  }
  mkdirSync(join(folder, 'tools'), { recursive: true })
  for (const tool of ['tools/run.mjs', 'tools/patience.mjs', 'tools/install.mjs'])
    copyFileSync(join(root, tool), join(folder, tool))
  return folder
}

function run(folder: string, args: string[], env: NodeJS.ProcessEnv = {}): { status: number | null; output: string } {
  // A test runner inside a test runner would speak to the outer one.
  const { NODE_TEST_CONTEXT: _, ...outer } = process.env
  const options = { cwd: folder, encoding: 'utf8', env: { ...outer, ...env } } as const
  const { status, stdout, stderr } = spawnSync(process.execPath, args, options)
  return { status, output: stdout + stderr }
}

const STILL = /a\.test\.ts is still running.*Timeout/
const RUNS: [what: string, files: Record<string, string>, args: string[], status: number, said: RegExp][] = [
  ['tests that pass', { 'src/a.test.ts': PASSES }, ['--test'], 0, /pass 1/],
  ['one that fails', { 'src/a.test.ts': PASSES, 'test/b.test.ts': FAILS }, ['--test'], 1, /as planned/],
  ['a failing one deep down', { 'src/a/b/c.test.ts': FAILS }, ['--test'], 1, /as planned/],
  ['a file that cannot be read', { 'src/a.test.ts': 'const' }, ['--test'], 1, /fail 1/],
  ['a file that leaves something open', { 'src/a.test.ts': LEAVES_OPEN }, ['--test'], 1, STILL],
  ['a test that hangs', { 'src/a.test.ts': HANGS }, ['--test'], 1, STILL],
  ['only what matches', { 'src/a.test.ts': PASSES, 'test/b.test.ts': FAILS }, ['--test', 'src/a'], 0, /pass 1/],
  ['nothing that matches', { 'src/a.test.ts': PASSES }, ['--test', 'zzz'], 1, /No test file in .* matches zzz/],
  ['no tests at all', { 'src/a.ts': PASSES }, ['--test'], 1, /No test file/],
  ['an option for the runner', { 'src/a.test.ts': FAILS }, ['--test', '--test-name-pattern=other'], 0, /fail 0/],
  ['a file, with its arguments and its status', { 'src/a.ts': SAYS }, ['src/a.ts', '-brief'], 7, /said -brief/],
  ['a file that is not there', {}, ['src/a.ts'], 1, /a\.ts/],
  ['nothing named', {}, [], 1, /Say what to run/],
]

for (const [what, files, args, status, said] of RUNS) {
  test(`run: ${what}`, (t) => {
    const folder = project(t, files)
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
    const result = run(folder, ['tools/run.mjs', ...args], { TEST_SECONDS: said === STILL ? '2' : '300' })
    assert.match(result.output, said)
    assert.equal(result.status, status)
  })
}

const NPM = (status: number): string =>
  `console.log('npm was called with', process.argv.slice(2).join(' '))\nprocess.exit(${status})`
const INSTALLED = 'node_modules/.package-lock.json'
const at = (folder: string, file: string, seconds: number): void => utimesSync(join(folder, file), seconds, seconds)

const INSTALLS: [what: string, installed: number | undefined, npm: number, status: number, said: RegExp][] = [
  ['missing', undefined, 0, 0, /^npm was called with ci --ignore-scripts/],
  ['older than the lock file', 1000, 0, 0, /^npm was called with ci/],
  ['newer than the lock file', 3000, 0, 0, /^$/],
  ['missing, and npm fails', undefined, 5, 1, /did not succeed/],
]

for (const [what, installed, npm, status, said] of INSTALLS) {
  test(`install: ${what}`, (t) => {
    const folder = project(t, { 'package-lock.json': '{}', 'npm-cli.js': NPM(npm) })
    writeFileSync(join(folder, 'package.json'), '{}')
    at(folder, 'package-lock.json', 2000)
    if (installed !== undefined) {
      mkdirSync(join(folder, 'node_modules'))
      writeFileSync(join(folder, INSTALLED), '{}')
      at(folder, INSTALLED, installed)
    }
    const result = run(folder, ['tools/install.mjs'], { npm_execpath: join(folder, 'npm-cli.js') })
    assert.match(result.output, said)
    assert.equal(result.status, status)
  })
}
