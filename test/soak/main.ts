/**
 * A server process under a mix of good, slow, broken, resumed and killed clients of ours, of node:tls and of OpenSSL, over
 * loopback.
 *
 *   npm run soak -- [SECONDS]        60 by default
 *
 * Ends with 1 when data was lost or altered, when the server is left with a socket, a timer, a thread or a listener more
 * than before, or when its heap does not come back within a tenth.
 */
import { type ChildProcess, fork, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { node } from '../../src/crypto/node/index.ts'
import { makeCertificate, writePem } from '../../src/x509/index.ts'
import { Random } from '../fuzz/random.ts'
import { clients, type Kind, mix, type Place } from './clients.ts'
import type { Report } from './report.ts'

const seconds = Number(process.argv[2] ?? 60)
const AT_ONCE = 8
const day = 86_400_000
const faults: string[] = []

// ---- the server

const rootKey = await node.generate('P-256')
const key = await node.generate('P-256')
const usual = { notBefore: Date.now() - day, days: 2 }
const root = await makeCertificate(
  { ...usual, subject: { CN: 'soak root' }, key: rootKey, signer: rootKey, ca: true },
  node,
)
const leaf = await makeCertificate(
  { ...usual, subject: { CN: 'soak' }, san: ['localhost'], key, issuer: root, signer: rootKey },
  node,
)
const folder = mkdtempSync(join(tmpdir(), 'typetls-soak-'))
const caFile = join(folder, 'ca.pem')
const ca = writePem('CERTIFICATE', root.raw)
writeFileSync(caFile, ca)

const server: ChildProcess = fork(fileURLToPath(new URL('server.ts', import.meta.url)), {
  execArgv: [...process.execArgv, '--expose-gc'],
})
/** The next message that has this in it. */
const told = <T>(what: string): Promise<T> =>
  new Promise((resolve, reject) => {
    const listen = (message: Record<string, T>): void => {
      if (!(what in message)) return
      server.off('message', listen)
      resolve(message[what] as T)
    }
    server.on('message', listen)
    server.once('exit', (code) => reject(new Error(`the server has ended with ${code}`)))
  })
server.on('message', (message: { fault?: string }) => message.fault && faults.push(`the server: ${message.fault}`))
server.setMaxListeners(0)
server.send({ kind: 'start', cert: writePem('CERTIFICATE', leaf.raw), key: writePem('PRIVATE KEY', key.pkcs8) })
const place: Place = { port: await told<number>('port'), ca, caFile, sessions: [] }

/** What it holds, once nobody is there any more. */
const report = async (): Promise<Report> => {
  let last: Report | undefined
  for (let i = 0; i < 40; i++) {
    const answer = told<Report>('report')
    server.send({ kind: 'report' })
    last = await answer
    if (last.sockets === 0) break
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  return last as Report
}

// ---- the clients

const counts = new Map<Kind, number>()
let bytes = 0
const random = new Random(Number(process.env.SOAK_SEED ?? Date.now()))
const kinds = Object.entries(mix).flatMap(([kind, share]) => new Array<Kind>(share).fill(kind as Kind))
const hasOpenssl = spawnSync('openssl', ['version']).status === 0

const run = async (kind: Kind): Promise<void> => {
  const timeout = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error('not done in 30 s')), 30_000).unref()
  })
  try {
    bytes += await Promise.race([clients[kind](place, random), timeout])
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  } catch (error) {
    faults.push(`${kind}: ${(error as Error)?.stack ?? error}`)
  }
}

const load = async (until: number): Promise<void> => {
  const lane = async (next: () => Kind): Promise<void> => {
    while (Date.now() < until && faults.length < 20) await run(next())
  }
  await Promise.all([
    ...Array.from({ length: AT_ONCE }, () => lane(() => random.pick(kinds))),
    ...(hasOpenssl ? [lane(() => 'openssl')] : []),
  ])
}

const start = Date.now()
// what is made once, compiled or cached is made before it is measured
await load(start + Math.max(3000, seconds * 200))
const before = await report()
await load(Math.max(Date.now() + 2000, start + seconds * 1000))
const after = await report()

// ---- the verdict

const MiB = (length: number): string => (length / 2 ** 20).toFixed(1)
if (after.sockets > 0) faults.push(`${after.sockets} sockets are left`)
if (after.heap > before.heap * 1.1) faults.push(`the heap went from ${MiB(before.heap)} to ${MiB(after.heap)} MiB`)
if (after.listeners > before.listeners) faults.push(`${after.listeners - before.listeners} listeners are left`)
for (const [name, count] of Object.entries(after.resources)) {
  if (count > (before.resources[name] ?? 0))
    faults.push(`${name}: ${count} are left, ${before.resources[name] ?? 0} were there`)
}
server.disconnect()
server.kill()
rmSync(folder, { recursive: true })
for (const fault of faults) console.log(`FAULT ${fault}`)
const all = [...counts.values()].reduce((sum, count) => sum + count, 0)
console.log(
  `soak: ${[...counts].map(([kind, count]) => `${count} ${kind}`).join(', ')}; refused: ${JSON.stringify(after.refused)}`,
)
console.log(
  `soak: ${seconds} s, ${all} connections, ${MiB(bytes)} MiB echoed, heap ${MiB(before.heap)} -> ${MiB(after.heap)} MiB, event-loop delay p99 ${after.delay.toFixed(1)} ms, ${faults.length} faults`,
)
process.exit(faults.length > 0 ? 1 : 0)
