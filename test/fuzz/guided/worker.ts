/**
 * Fuzzes one target in a process of its own, guided by the ways that inputs go through the code: what goes a new way is
 * kept and changed further. Started by `main.ts`:  worker.ts TARGET SECONDS CORPUS-FOLDER
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { Random } from '../random.ts'
import { mutated } from './mutate.ts'
import { targets } from './targets.ts'

const [name = '', seconds = '20', folder = ''] = process.argv.slice(2)
const target = targets.find((one) => one.name === name)
if (!target) throw new Error(`there is no target ${name}`)
const most = target.most ?? 4096
const ways = (globalThis as unknown as { __ways: Uint8Array }).__ways

// ---- who hangs is found by a thread of its own

/** Milliseconds for one input, on a machine that does other things too. */
const PATIENCE = 20_000
const SLOW = 5000
const room = new SharedArrayBuffer(8 + 65_536)
const clock = new Int32Array(room, 0, 2)
const current = new Uint8Array(room, 8)
const watch = new Worker(
  `const { workerData: { room, folder, patience } } = require('node:worker_threads')
   const fs = require('node:fs')
   const clock = new Int32Array(room, 0, 2)
   let [count, since] = [-1, Date.now()]
   setInterval(() => {
     if (clock[0] !== count) { count = clock[0]; since = Date.now() }
     else if (clock[1] >= 0 && Date.now() - since > patience) {
       const file = folder + '/hang-' + Date.now()
       fs.mkdirSync(folder, { recursive: true })
       fs.writeFileSync(file, new Uint8Array(room, 8, clock[1]))
       fs.writeSync(1, 'FAULT ${name}: hangs, with the input in ' + file + '\\n')
       process.kill(process.pid, 'SIGKILL')
     }
   }, 500).unref()`,
  { eval: true, workerData: { room, folder, patience: PATIENCE } },
)
watch.unref()

// ---- one input

let executions = 0
let faults = 0
const kinds = new Set<string>()
const unhandled: unknown[] = []
process.on('unhandledRejection', (reason) => unhandled.push(reason))

const fault = (what: string, error: unknown, data: Uint8Array): void => {
  faults++
  const kind = `${what}: ${error instanceof Error ? `${error}\n${error.stack?.split('\n')[1] ?? ''}` : error}`
  if (kinds.has(kind)) return
  kinds.add(kind)
  const file = join(folder, `fault-${createHash('sha256').update(data).digest('hex').slice(0, 16)}`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(file, data)
  const text = error instanceof Error ? (error.stack ?? `${error}`) : String(error)
  console.log(
    `FAULT ${name}: ${what} ${text}\n  with the input in ${file}:\n  ${Buffer.from(data).toString('base64').slice(0, 4000)}`,
  )
}

/** Ways by how often they were gone: 1, 2, 3, 4 to 7, 8 to 15, … each bit is one of these. */
const seen = new Uint8Array(ways.length)
const bucket = Uint8Array.from({ length: 256 }, (_, n) =>
  n === 0 ? 0 : n < 4 ? 1 << (n - 1) : 1 << Math.min(7, 3 + Math.floor(Math.log2(n / 4))),
)
let features = 0

/** Whether this input has gone a way that none has gone before. */
const novel = (): boolean => {
  let fresh = false
  for (let i = 0; i < ways.length; i++) {
    const count = ways[i] as number
    if (count === 0) continue
    const bit = bucket[count] as number
    if (((seen[i] as number) & bit) === 0) {
      seen[i] = (seen[i] as number) | bit
      features++
      fresh = true
    }
  }
  return fresh
}

const execute = async (data: Uint8Array): Promise<boolean> => {
  current.set(data.subarray(0, current.length))
  clock[1] = Math.min(data.length, current.length)
  clock[0] = ++executions
  ways.fill(0)
  const start = performance.now()
  try {
    const ending = target.run(data)
    if (ending) await ending
  } catch (error) {
    fault('throws', error, data)
  }
  const took = performance.now() - start
  if (took > SLOW) fault(`takes ${Math.round(took / 1000)} s`, '', data)
  for (const reason of unhandled.splice(0)) fault('leaves a rejection unhandled', reason, data)
  return novel()
}

// ---- the run

await target.ready?.()
const random = new Random(Number(process.env.FUZZ_SEED ?? Date.now()))
const corpus: Uint8Array[] = []
const keep = (data: Uint8Array): void => {
  corpus.push(data)
}
const old = folder && existsSync(folder) ? readdirSync(folder).filter((file) => file.startsWith('kept-')) : []
const seeds = [...(await target.seeds()), ...old.map((file) => new Uint8Array(readFileSync(join(folder, file))))].map(
  (seed) => new Uint8Array(seed).subarray(0, most),
)
const before = process.memoryUsage().rss
for (const seed of seeds) if (await execute(seed)) keep(seed)
const replayed = executions
if (corpus.length === 0) corpus.push(new Uint8Array(0))
const end = Date.now() + Number(seconds) * 1000
let kept = 0
let peak = before
while (Date.now() < end) {
  // what was found late is looked at more often
  const from = random.once(2)
    ? corpus.length - 1 - random.below(Math.min(corpus.length, 32))
    : random.below(corpus.length)
  const [one, other] = [corpus[from] as Uint8Array, random.pick(corpus)]
  const special = random.once(2) ? target.change?.(one, other, random) : undefined
  const data = special && special.length <= most ? special : mutated(one, other, random, most)
  if (await execute(data)) {
    keep(data)
    kept++
    if (folder) {
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, `kept-${createHash('sha256').update(data).digest('hex').slice(0, 16)}`), data)
    }
  }
  if (executions % 64 === 0) {
    // timers and rejections have their turn
    await new Promise((resolve) => setImmediate(resolve))
    for (const reason of unhandled.splice(0)) fault('leaves a rejection unhandled', reason, data)
  }
  if (executions % 512 === 0) peak = Math.max(peak, process.memoryUsage().rss)
}
clock[1] = -1
const MiB = (bytes: number): number => Math.round(bytes / 2 ** 20)
if (peak - before > 1 << 30) fault(`grows by ${MiB(peak - before)} MiB`, '', new Uint8Array(0))
console.log(
  `fuzz: ${name}: ${replayed} seeds, ${executions - replayed} executions, ${features} features, ${kept} kept, ${MiB(peak)} MiB, ${faults} faults`,
)
process.exit(faults > 0 ? 1 : 0)
