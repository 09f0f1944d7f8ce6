/**
 * `npm run bench` on Node 20, 22, 24 and 26, which come from the `node` package of npm and are kept for the next time.
 *
 *   npm run bench:all [-- --short] [-- --rounds N] [-- --only PATTERN]       writes bench/results/node-N.json
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const program = fileURLToPath(new URL('main.js', import.meta.url))

/** The Node of that version, fetched when it is not there. */
const runtime = (version: string): string => {
  const folder = join(root, 'node_modules/.cache/bench-nodes', version)
  const binary = join(folder, 'node_modules/node/bin/node')
  if (existsSync(binary)) return binary
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  const options = ['--no-save', '--no-audit', '--no-fund', '--ignore-scripts=false']
  const install = spawnSync('npm', ['install', ...options, `node@${version}`], { cwd: folder, stdio: 'inherit' })
  if (install.status !== 0 || !existsSync(binary)) throw new Error(`npm did not bring node@${version}`)
  return binary
}

const failed: string[] = []
for (const version of ['20', '22', '24', '26']) {
  const out = join(root, `bench/results/node-${version}.json`)
  const run = spawnSync(runtime(version), [program, ...process.argv.slice(2), '--out', out], {
    cwd: root,
    stdio: 'inherit',
  })
  if (run.status !== 0) failed.push(version)
}
console.log(
  failed.length > 0 ? `bench:all failed on Node ${failed.join(', ')}` : 'bench:all: Node 20, 22, 24 and 26 measured',
)
process.exit(failed.length > 0 ? 1 : 0)
