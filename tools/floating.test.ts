import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { checkFloating } from './floating.ts'

const COMMON = `
export type Need = { kind: string }
export type Maybe<T> = T | Promise<T>
export type Task<T> = Generator<Need, T, any>
export function* wait<T>(answer: Maybe<T>): Task<T> { return yield { kind: 'wait', on: answer } as Need }
export function* task(): Task<void> { yield* wait(1) }
export function* check(): Task<boolean> { return yield* wait(true) }
export declare const late: () => Promise<void>
export declare const seal: () => Maybe<void>
export declare const verify: () => Maybe<boolean>
export declare const promise: Promise<void> | undefined
export declare const pending: Task<void> | undefined
`
const IMPORTS = `import { check, late, pending, promise, seal, type Task, task, verify, wait } from '../task.ts'\n`
const inTask = (statement: string): string => `${IMPORTS}export function* here(): Task<void> { ${statement} }`
const inAsync = (statement: string): string => `${IMPORTS}export async function here() { ${statement} }`

/** What may be written, and of which nothing may be said. */
const SOUND: [what: string, file: string, text: string][] = [
  ['yield* as a statement', 'src/handshake/a.ts', inTask('yield* task()')],
  ['yield* in parts', 'src/handshake/a.ts', inTask('promise && (yield* task()), yield* task()')],
  ['a task kept', 'src/handshake/a.ts', inTask('const later = task(); yield* later')],
  ['a task assigned', 'src/handshake/a.ts', inTask('let x = pending; x = task(); x ??= task(); yield* x')],
  ['a task handed on', 'src/handshake/a.ts', `${IMPORTS}export const again = () => task()`],
  ['a task that may be missing', 'src/handshake/a.ts', inTask('if (pending) yield* pending; if (!pending) return')],
  ['an answer waited for', 'src/record/a.ts', inTask('yield* wait(seal()); if (yield* wait(verify())) return')],
  ['a promise awaited', 'src/node/a.ts', inAsync('await late(); await (promise ?? late())')],
  ['a promise given up by name', 'src/node/a.ts', inAsync('void late()')],
  ['a promise taken care of', 'src/node/a.ts', inAsync('late().then(() => {}, () => {}); late().catch(() => {})')],
  ['a promise that may be missing', 'src/node/a.ts', inAsync('if (promise) await promise')],
  ['a floating promise in a test', 'src/node/a.test.ts', inAsync('late()')],
  ['a floating promise in the command line', 'src/cli/a.ts', inAsync('late()')],
  ['a bare yield in a carrier', 'src/record/tls.ts', inTask(`yield { kind: 'read' }`)],
  ['a bare yield in the peer', 'src/handshake/peer.ts', inTask(`yield { kind: 'take' }`)],
  ['a bare yield that is no need', 'src/cli/a.ts', 'export async function* lines() { yield 1 }'],
  ['a bare yield in a test', 'src/handshake/a.test.ts', inTask(`yield { kind: 'read' }`)],
]

/** What is planted, and what must be said of it. */
const FAULTS: [what: string, file: string, text: string, said: RegExp][] = [
  [
    'a forgotten yield*',
    'src/handshake/a.ts',
    inTask('task()'),
    /^src\/handshake\/a\.ts:2:\d+: forgotten yield\*: nobody runs task\(\)$/,
  ],
  ['one in a test', 'src/handshake/a.test.ts', inTask('task()'), /nobody runs/],
  ['one in a tool', 'tools/x/a.ts', `import { task } from '../../src/task.ts'\ntask()`, /nobody runs/],
  ['one behind &&', 'src/handshake/a.ts', inTask('promise && task()'), /nobody runs task\(\)/],
  ['one behind a question', 'src/handshake/a.ts', inTask('promise ? task() : undefined'), /nobody runs/],
  ['one before a comma', 'src/handshake/a.ts', inTask('const x = (task(), 1)'), /nobody runs/],
  ['one in a loop head', 'src/handshake/a.ts', inTask('for (;; task()) return'), /nobody runs/],
  ['one made void', 'src/handshake/a.ts', inTask('void task()'), /nobody runs/],
  ['one awaited instead', 'src/handshake/a.ts', inAsync('await task()'), /nobody runs await task\(\)/],
  ['one in forEach', 'src/handshake/a.ts', inTask('[1].forEach(() => task())'), /throws its task away/],
  ['one in a condition', 'src/handshake/a.ts', inTask('if (!check()) return'), /a task is always true/],
  ['an answer not waited for', 'src/record/a.ts', inTask('seal()'), /nobody waits for seal\(\)/],
  ['an answer of a task', 'src/record/a.ts', inTask('yield* wait([seal()] as const), seal()'), /nobody waits for/],
  ['a signature believed too early', 'src/handshake/a.ts', inTask('if (!verify()) return'), /before deciding/],
  ['one believed in a ternary', 'src/handshake/a.ts', inTask('const x = verify() ? 1 : 2'), /before deciding/],
  ['a floating promise', 'src/node/a.ts', inAsync('late()'), /nobody waits for late\(\)/],
  ['one with half a then', 'src/node/a.ts', inAsync('late().then(() => {})'), /nobody waits for/],
  ['a bare yield', 'src/handshake/client13.ts', inTask(`yield { kind: 'read' }`), /a bare yield/],
  ['a bare yield beside the carriers', 'src/record/protect13.ts', inTask(`yield { kind: 'read' }`), /a bare yield/],
]

function project(t: { after(clean: () => void): void }, files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'typetls-floating-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const compilerOptions = {
    ...{ target: 'es2023', lib: ['es2023'], module: 'esnext', moduleResolution: 'bundler', types: [], strict: true },
    ...{ allowImportingTsExtensions: true, noEmit: true },
  }
  const tsconfig = JSON.stringify({ compilerOptions, include: ['src', 'tools'] })
  for (const [file, text] of Object.entries({ 'tsconfig.json': tsconfig, ...files })) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), text)
  }
  return folder
}

test('what is sound has nothing said of it', (t) => {
  // One project for all rows: reading the standard library takes the time.
  const files = SOUND.map(([, file, text], row) => [file.replace('a.', `a${row}.`), text])
  const { faults } = checkFloating(project(t, { 'src/task.ts': COMMON, ...Object.fromEntries(files) }))
  assert.deepEqual(faults, [])
})

test('every planted fault is found', async (t) => {
  const named = FAULTS.map(([what, file, text, said], row) => {
    return { what, text, said, file: file.replace(/(\w+)(\.test)?\.ts$/, `$1${row}$2.ts`) }
  })
  const files = Object.fromEntries(named.map(({ file, text }) => [file, text]))
  const { faults } = checkFloating(project(t, { 'src/task.ts': COMMON, ...files }))
  for (const { what, file, said } of named) {
    await t.test(what, () => {
      const found = faults.filter((fault) => fault.startsWith(`${file}:`))
      assert.equal(found.length, 1, found.join('\n') || 'nothing was said')
      assert.match((found[0] as string).replace(file, file.replace(/\d+(\.test)?\.ts$/, '$1.ts')), said)
    })
  }
  assert.equal(faults.length, FAULTS.length, 'and nothing else is said')
})

test('a project without files is refused, not passed', (t) => {
  assert.throws(() => checkFloating(project(t, {})), /names no file|No inputs/)
})

test('a broken configuration is refused, not passed', (t) => {
  assert.throws(() => checkFloating(project(t, { 'src/task.ts': COMMON, 'tsconfig.json': '{"extends":"./no.json"}' })))
})
