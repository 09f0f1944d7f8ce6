/**
 * `typetls proxy` beside nginx (`stream`), each with one worker in front of the same backend, in turns: connections a
 * second in full and resumed, MB a second through one connection, memory of an idle connection. And what a shared store
 * costs. What is not on this machine is left out.
 *
 *   npm run bench:proxy              -- --seconds 3
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Redis } from 'ioredis'
import { makeIdentity } from '../src/cli/identity.ts'
import { type IoRedis, redisStore } from '../src/redis/index.ts'
import { memoryStore } from '../src/session/memory-store.ts'
import type { FleetStore } from '../src/session/store.ts'
import { redisServer, startRedis } from '../test/redis.ts'
import type { Load } from './proxy-load.ts'

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '4' } } })
const seconds = Number(values.seconds)
const BUSY = 8
const IDLE = 400

const folder = mkdtempSync(join(tmpdir(), 'typetls-bench-'))
const identity = await makeIdentity()
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const ca = file('ca.pem', identity.caPem)
const cert = file('cert.pem', identity.chainPem)
const key = file('key.pem', identity.keyPem)

// ---- the backend: "?" is answered by one byte, "!" by data without end

const chunk = Buffer.alloc(65_536, 'x')
const backend = createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => {})
  socket.on('data', (data) => {
    if (data[0] === 0x3f) return void socket.write('.')
    const pour = (): void => {
      while (socket.writable && socket.write(chunk));
    }
    socket.on('drain', pour)
    pour()
  })
}).listen(0, '127.0.0.1')
await once(backend, 'listening')
const { port: behind } = backend.address() as AddressInfo

// ---- the two sides

interface Side {
  readonly name: string
  readonly port: number
  /** Bytes of memory of the process that serves. */
  readonly memory: () => number
  readonly stop: () => Promise<unknown>
}

const resident = (pid: number): number =>
  1024 * Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])

const startOurs = async (): Promise<Side> => {
  const args = ['-listen', '127.0.0.1:0', '-backend', `127.0.0.1:${behind}`, '-cert', cert, '-key', key]
  const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))
  const child = spawn(process.execPath, [...process.execArgv, main, 'proxy', ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  for await (const part of child.stderr) {
    said += String(part)
    if (said.includes('"listening"')) break
  }
  const port = Number(/"listening".*"port":(\d+)/.exec(said)?.[1])
  return {
    name: 'typetls proxy',
    port,
    memory: () => resident(child.pid as number),
    stop() {
      child.kill('SIGKILL')
      return once(child, 'exit')
    },
  }
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

const nginxFound = spawnSync('nginx', ['-v']).status === 0
/** Debian's package has `stream` as a module of its own. */
const modules = '/usr/lib/nginx/modules/ngx_stream_module.so'

const startNginx = async (): Promise<Side | undefined> => {
  if (!nginxFound) return undefined
  const port = await freePort()
  const load = spawnSync('test', ['-e', modules]).status === 0 ? `load_module ${modules};` : ''
  const conf = file(
    'nginx.conf',
    `${load} daemon off; master_process off; worker_processes 1; pid ${folder}/pid; error_log stderr crit;
events { worker_connections 4096; }
stream { server { listen 127.0.0.1:${port} ssl; proxy_pass 127.0.0.1:${behind}; ssl_certificate ${cert};
  ssl_certificate_key ${key}; ssl_protocols TLSv1.3; ssl_session_cache shared:s:10m; } }
`,
  )
  const child = spawn('nginx', ['-p', folder, '-c', conf, '-e', 'stderr'], { stdio: ['ignore', 'ignore', 'ignore'] })
  await new Promise((resolve) => setTimeout(resolve, 500))
  if (child.exitCode !== null) return undefined
  return {
    name: 'nginx stream',
    port,
    memory: () => resident(child.pid as number),
    stop() {
      child.kill('SIGKILL')
      return once(child, 'exit')
    },
  }
}

// ---- measuring

const loadFile = fileURLToPath(new URL('./proxy-load.ts', import.meta.url))
const start = (load: Load) =>
  spawn(process.execPath, [...process.execArgv, loadFile, JSON.stringify(load)], { stdio: ['pipe', 'pipe', 'inherit'] })

const measure = async (side: Side, kind: Load['kind'], busy = BUSY): Promise<number> => {
  const child = start({ port: side.port, ca, kind, seconds, busy })
  let said = ''
  for await (const part of child.stdout) said += String(part)
  return Number((JSON.parse(said) as { value: number }).value)
}

/** The first hundred connections make it warm, the others are counted. */
const perConnection = async (side: Side): Promise<number> => {
  const memories: number[] = []
  const children = []
  for (const busy of [100, IDLE]) {
    const child = start({ port: side.port, ca, kind: 'idle', seconds, busy })
    children.push(child)
    await once(child.stdout, 'data')
    await new Promise((resolve) => setTimeout(resolve, 1000))
    memories.push(side.memory())
  }
  for (const child of children) {
    child.stdin.end()
    await once(child, 'exit')
  }
  const [before = 0, after = 0] = memories
  return (after - before) / IDLE / 1024
}

const begin = async (): Promise<Side[]> => [await startOurs(), await startNginx()].filter((side) => side !== undefined)

// in processes that have done nothing else yet
const memory: number[] = []
for (const side of await begin()) {
  memory.push(await perConnection(side))
  await side.stop()
}
const sides = await begin()
const rows: [name: string, unit: string, figures: number[]][] = []
for (const [name, kind, unit] of [
  ['proxy-full', 'full', 'connections/s'],
  ['proxy-resumed', 'resumed', 'connections/s'],
  ['proxy-bulk', 'bulk', 'MB/s'],
] as const) {
  const best = sides.map(() => 0)
  // in turns, the better of two: what else runs here must not decide
  for (let turn = 0; turn < 2; turn++)
    for (const [i, side] of sides.entries()) best[i] = Math.max(best[i] as number, await measure(side, kind))
  rows.push([name, unit, best])
}
rows.push(['proxy-memory-idle', 'KiB/connection', memory])
for (const side of sides) await side.stop()
backend.close()
rmSync(folder, { recursive: true, force: true })

console.log(`| row | ${sides.map(({ name }) => name).join(' | ')} | |`)
console.log(`|---|${sides.map(() => '--:|').join('')}---|`)
const shown = (n: number): string => (n < 100 ? n.toFixed(1) : Math.round(n).toLocaleString('en'))
for (const [name, unit, figures] of rows) console.log(`| ${name} | ${figures.map(shown).join(' | ')} | ${unit} |`)
if (!nginxFound) console.log('nginx is not on this machine')
else if (sides.length < 2) console.log('this nginx has no stream module (Debian: libnginx-mod-stream)')

// ---- what a store costs

const value = new Uint8Array(400)
const stores: [name: string, store: FleetStore][] = [['memory', memoryStore()]]
const redis = redisServer ? await startRedis() : undefined
const client = redis && new Redis(redis.port, '127.0.0.1')
if (client) {
  await once(client, 'ready')
  stores.push([
    'redis',
    redisStore(client as unknown as IoRedis, { name: 'bench', patience: 5000, claimPatience: 5000 }),
  ])
}
console.log('\n| store | put | get | take | claim | µs a call, one after the other |\n|---|--:|--:|--:|--:|---|')
for (const [name, store] of stores) {
  const times: number[] = []
  for (const call of ['put', 'get', 'take', 'claim'] as const) {
    const count = 1000
    const begun = performance.now()
    for (let i = 0; i < count; i++) {
      if (call === 'put') await store.put(`k${i}`, value, 60_000)
      else if (call === 'claim') await store.claim(`r:${i}`, 1)
      else await store[call](`k${i}`)
    }
    times.push(((performance.now() - begun) * 1000) / count)
  }
  console.log(`| ${name} | ${times.map(shown).join(' | ')} | |`)
}
client?.disconnect()
await redis?.remove()
process.exit()
