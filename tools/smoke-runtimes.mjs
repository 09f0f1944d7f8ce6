// Runs the unbuilt sources on the other runtimes they are made for: Node 24 (which strips types itself), Deno and Bun, each
// taken from npm into a folder of its own. A runtime that cannot be had is said to be absent and fails only if required.
//
//   npm run smoke:runtimes [-- --require node24,deno,bun]
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SCRIPTS = ['test/runtimes/handshake.ts', 'test/runtimes/blocking.ts']
const RUNTIMES = [
  { name: 'node24', package: 'node@24', bin: 'node', args: ['--disable-warning=ExperimentalWarning'] },
  { name: 'deno', package: 'deno@2', bin: 'deno', args: ['run', '--allow-all', '--no-lock', '--quiet'] },
  { name: 'bun', package: 'bun@1', bin: 'bun', args: ['run'] },
]

const root = fileURLToPath(new URL('../', import.meta.url))
const at = process.argv.indexOf('--require')
const required = at < 0 ? [] : (process.argv[at + 1] ?? '').split(',')
const npm = process.env.npm_execpath?.endsWith('npm-cli.js') ? [process.execPath, process.env.npm_execpath] : ['npm']
const folder = mkdtempSync(join(tmpdir(), 'typetls-runtimes-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
writeFileSync(join(folder, 'package.json'), '{"private":true}')

const run = (command, args, cwd) =>
  spawnSync(command, args, { cwd, encoding: 'utf8', timeout: 120_000, stdio: ['ignore', 'pipe', 'pipe'] })

for (const runtime of RUNTIMES) {
  const say = (text) => console.log(`runtimes: ${runtime.name.padEnd(7)} ${text}`)
  // These packages fetch or link their program in an install script, so here scripts run.
  const install = run(
    npm[0],
    [...npm.slice(1), 'install', '--no-audit', '--no-fund', '--silent', runtime.package],
    folder,
  )
  const bin = join(folder, 'node_modules/.bin', runtime.bin)
  const version = install.status === 0 ? run(bin, ['--version'], folder) : install
  if (version.status !== 0) {
    if (required.includes(runtime.name)) process.exitCode = 1
    say(`absent: npm install ${runtime.package} gave no program that runs here`)
    continue
  }
  const number = /\d+\.\d+\.\d+/.exec(version.stdout)?.[0]
  for (const script of SCRIPTS) {
    const result = run(bin, [...runtime.args, script], root)
    const said = `${result.stdout}${result.stderr}`.trim()
    if (result.status === 0) {
      say(`${number} ok: ${said.split('\n').at(-1)}`)
    } else {
      process.exitCode = 1
      say(`${number} FAILED (${result.error?.message ?? `status ${result.status}`}):\n${said}`)
    }
  }
}
