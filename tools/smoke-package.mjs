// Packs what `npm run build` left in dist/, installs the package into an empty project and uses it there on the Node that
// runs this: every entry point is imported, its types are checked by a consumer, and the command is run.
//
//   npm run build && npm run smoke:package
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
const entries = Object.keys(manifest.exports).filter((entry) => entry !== './package.json')
const names = entries.map((entry) => `typetls${entry.slice(1)}`)
const folder = mkdtempSync(join(tmpdir(), 'typetls-package-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

function fail(sentence) {
  console.error(`package: ${sentence}`)
  process.exit(1)
}

function run(what, command, args, cwd = folder) {
  const result = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    timeout: 120_000,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (result.status !== 0) {
    fail(`${what} failed (${result.error?.message ?? `status ${result.status}`}):\n${result.stdout}${result.stderr}`)
  }
  console.log(`package: ${what}: ok`)
  return result.stdout
}

const npm = process.env.npm_execpath?.endsWith('npm-cli.js') ? [process.execPath, process.env.npm_execpath] : ['npm']
const runNpm = (what, args, cwd) => run(what, npm[0], [...npm.slice(1), ...args], cwd)

// Without scripts, since the build is a step of its own and must be the one that is packed.
const packed = JSON.parse(
  runNpm('packed', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder, '--silent'], root),
)
const { filename, files } = (Array.isArray(packed) ? packed : Object.values(packed))[0]
const paths = files.map((file) => file.path)
const unwanted = paths.filter((path) => /\.test\.|^(test|tools|bench|\.ci)\//.test(path))
if (unwanted.length > 0) fail(`these do not belong into it: ${unwanted.join(', ')}`)
for (const { types, default: code } of entries.map((entry) => manifest.exports[entry])) {
  for (const path of [types, code]) if (!paths.includes(path.slice(2))) fail(`${path} is exported but not in it`)
}
for (const path of ['LICENSE', 'package.json', ...Object.values(manifest.bin)]) {
  if (!paths.includes(path)) fail(`${path} is not in it`)
}

writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
const peers = Object.entries(manifest.peerDependencies).map(([name, range]) => `${name}@${range}`)
const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--silent']
runNpm('installed by itself', ['install', ...quiet, join(folder, filename)])
const installed = readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.'))
if (installed.sort().join() !== 'commander,typetls')
  fail(`it brought along more than commander: ${installed.join(', ')}`)

const importing = (list) => list.map((name) => `if (Object.keys(await import('${name}')).length === 0) throw '${name}'`)
const withPeers = ['typetls/crypto/noble', 'typetls/crypto/post-quantum', 'typetls/crypto/sodium']
const alone = names.filter((name) => !withPeers.includes(name))
run(`imported without peers: ${alone.join(', ')}`, process.execPath, [
  '--input-type=module',
  '-e',
  importing(alone).join('\n'),
])
runNpm('installed with its peers', ['install', ...quiet, ...peers])
run(`imported ${withPeers.join(', ')}`, process.execPath, [
  '--input-type=module',
  '-e',
  importing(withPeers).join('\n'),
])

writeFileSync(
  join(folder, 'consumer.ts'),
  names.map((name, index) => `export type Keys${index} = keyof typeof import('${name}')`).join('\n'),
)
const strictly = ['--strict', '--exactOptionalPropertyTypes', '--skipLibCheck', 'false', '--noEmit']
const modern = ['--module', 'nodenext', '--target', 'es2023', '--types', 'node', '--typeRoots']
const tsc = join(root, 'node_modules/typescript/bin/tsc')
run('types read by a consumer', process.execPath, [
  tsc,
  ...strictly,
  ...modern,
  join(root, 'node_modules/@types'),
  'consumer.ts',
])

const bin = join(folder, 'node_modules/.bin', process.platform === 'win32' ? 'typetls.cmd' : 'typetls')
run('typetls --help', bin, ['--help'])
run('typetls demo', bin, ['demo'])
console.log(`package: ${filename}, ${paths.length} files, good on Node ${process.versions.node}`)
