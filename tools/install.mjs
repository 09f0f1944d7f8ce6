// Installs the dependencies when they are missing or older than the lock file, so that `npm start` and `npm test` each
// work alone on a fresh clone. Plain JavaScript of the oldest kind we can, because nothing is installed when it runs.
import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = new URL('../', import.meta.url)
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`typetls needs Node 20.19 or newer, and this is Node ${process.versions.node}: install a newer Node.`)
  process.exit(1)
}

const modified = (path) => statSync(new URL(path, root), { throwIfNoEntry: false })?.mtimeMs ?? 0

// npm writes this file last, so an installation that was broken off counts as missing.
if (modified('node_modules/.package-lock.json') < modified('package-lock.json')) {
  // Without scripts: nothing we depend on needs one, and `npm start` should run no code but ours.
  const args = ['ci', '--ignore-scripts', '--include=dev', '--no-audit', '--no-fund']
  const npm = process.env.npm_execpath
  const options = { cwd: fileURLToPath(root), stdio: ['ignore', 2, 2] }
  const result = npm?.endsWith('npm-cli.js')
    ? spawnSync(process.execPath, [npm, ...args], options)
    : spawnSync('npm', args, { ...options, shell: process.platform === 'win32' })
  if (result.status !== 0) {
    console.error(`npm ${args.join(' ')} did not succeed: see its message above, and try again.`)
    process.exit(1)
  }
}
