/**
 * A fleet at work: three terminators behind which is one backend, Redis, and clients that hop from one to another while keys
 * rotate, one instance is killed, Redis is killed, one clock is 30 s off, and every first flight with early data is sent
 * again to all instances at once. It prints what came of it, and ends with 1 if that is not what it should be.
 *
 *   npm run demo:fleet                 300 clients
 *   npm run demo:fleet -- --clients 50
 */
import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, connect as connectTcp, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { makeIdentity } from '../../src/cli/identity.ts'
import { connect } from '../../src/node/client.ts'
import { memoryCache, type SessionCache } from '../../src/session/cache.ts'
import { redisServer, startRedis } from '../redis.ts'
import type { Order, State } from './fleet-instance.ts'

const { values } = parseArgs({ options: { clients: { type: 'string', default: '300' } } })
const CLIENTS = Number(values.clients)
/** Clients that are busy at the same time. */
const BUSY = 6
/** Milliseconds that a replay is left alone. */
const REPLAY = 500
const INTERVAL = 20
const SKEWS = [0, 0, 30_000]

/** When what happens (s). Claims are granted from 64 s after the first on: as long as early data could be old news. */
const TIMES = { kill: 22, restart: 28, early: 74, redisDown: 94, redisUp: 102, end: 112 }

if (!redisServer) {
  console.log('fleet demo: there is no redis-server on this machine, so nothing was shown')
  process.exit(process.env['CI'] ? 1 : 0)
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
let begun = Date.now()
const seconds = (): number => (Date.now() - begun) / 1000
const say = (text: string): void => console.log(`${seconds().toFixed(1).padStart(6)} s  ${text}`)

// ---- the backend: how often it has heard of each request

const delivered = new Map<string, number>()
const backend = createServer((request, response) => {
  const token = request.url as string
  delivered.set(token, (delivered.get(token) ?? 0) + 1)
  response.writeHead(200, { 'content-length': '2', connection: 'close' }).end('ok')
}).listen(0, '127.0.0.1')
await once(backend, 'listening')

// ---- the instances

const redis = await startRedis()
const folder = mkdtempSync(join(tmpdir(), 'typetls-fleet-'))
const identity = await makeIdentity()
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const files = { cert: file('cert.pem', identity.chainPem), key: file('key.pem', identity.keyPem) }
const fleetKey = randomBytes(32).toString('hex')

interface Instance {
  child: ChildProcess
  state: State | undefined
  /** From when it was killed until it is back, as ms since 1970. */
  gone: [number, number] | undefined
}
const sealingKeys = new Set<string>()

const launch = async (instance: Instance, skew: number): Promise<void> => {
  const order: Order = {
    skew,
    options: {
      listen: { host: '127.0.0.1', port: String(instance.state?.port ?? 0) },
      backend: { host: '127.0.0.1', port: String((backend.address() as AddressInfo).port) },
      ...files,
      alpn: ['http/1.1'],
      'early-data': true,
      'early-data-window': 2000,
      // this machine may have fewer cores than processes
      'early-data-patience': 250,
      'ticket-interval': INTERVAL,
      'ticket-lifetime': 300,
      fleet: redis.url,
      'fleet-name': 'demo',
      'fleet-poll': 1000,
      'log-level': 'error',
    },
  }
  const child = fork(fileURLToPath(new URL('./fleet-instance.ts', import.meta.url)), [JSON.stringify(order)], {
    env: { ...process.env, TYPETLS_FLEET_KEY: fleetKey },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  instance.child = child
  await new Promise<void>((resolve, reject) => {
    child.on('message', (state: State) => {
      instance.state = state
      if (state.shared) sealingKeys.add(state.sealing)
      resolve()
    })
    child.once('exit', (code) => reject(new Error(`an instance ended with ${code}`)))
  })
}
const instances: Instance[] = SKEWS.map(() => ({ child: undefined as never, state: undefined, gone: undefined }))
// one after the other, as a deployment does: the first makes the ring
for (const [i, instance] of instances.entries()) await launch(instance, SKEWS[i] as number)

// ---- the clients

const counts = {
  connections: 0,
  returning: 0,
  resumed: 0,
  failed: 0,
  cut: 0,
  early: 0,
  accepted: 0,
  replays: 0,
  whileDown: 0,
  acceptedWhileDown: 0,
}
const missed = new Map<string, number>()
let redisGone = false
const captured: Buffer[] = []

/** What a client says before the server has answered. */
const listening = (socket: Socket): (() => Buffer) => {
  const chunks: Buffer[] = []
  let answered = false
  const write = socket.write
  socket.write = ((...args: [Uint8Array]) => {
    if (!answered) chunks.push(Buffer.from(args[0]))
    return write.apply(socket, args)
  }) as Socket['write']
  socket.on('data', () => {
    answered = true
  })
  return () => Buffer.concat(chunks)
}

/** The first flight again, at all instances at once. */
const replay = async (flight: Buffer): Promise<void> => {
  await Promise.all(
    instances.map(async ({ state }) => {
      if (!state) return
      counts.replays++
      const socket = connectTcp(state.port, '127.0.0.1')
      socket.on('error', () => {})
      socket.resume()
      socket.write(flight)
      // the server waits for a Finished that does not come: long enough to have taken what there was to take
      await Promise.race([once(socket, 'close'), sleep(REPLAY)])
      socket.destroy()
    }),
  )
}

let tokens = 0
/** The first makes Redis begin to remember; the others wait until it may grant something. */
const hurries = (): boolean => counts.early === 0 || seconds() > TIMES.early

const visit = async (cache: SessionCache): Promise<void> => {
  const again: Buffer[] = []
  await converse(cache, again)
  await Promise.all(again.map(replay))
}

const converse = async (cache: SessionCache, again: Buffer[]): Promise<void> => {
  const instance = instances[Math.floor(Math.random() * instances.length)] as Instance
  const port = instance.state?.port as number
  const request = `GET /${++tokens} HTTP/1.1\r\nHost: localhost\r\n\r\n`
  const early = hurries()
  const socket = connectTcp({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
  const flight = listening(socket)
  const started = Date.now()
  const goneBefore = redisGone
  let session = false
  const watched: SessionCache = {
    put: (key, value) => cache.put(key, value),
    take(key, now) {
      const found = cache.take(key, now)
      session = found !== undefined
      return found
    },
  }
  try {
    const stream = await connect({
      socket,
      servername: 'localhost',
      ca: identity.caPem,
      alpn: ['http/1.1'],
      ...(early && { earlyData: Buffer.from(request) }),
      config: { sessionCache: watched, origin: 'fleet', earlyData: early ? 1 : 0 },
      handshakeTimeout: 30_000,
    } as Parameters<typeof connect>[0])
    const { facts } = stream
    const said = flight()
    if (!early) stream.write(request)
    let body = ''
    for await (const chunk of stream) body += String(chunk)
    if (!body.endsWith('ok')) throw new Error(`the answer was "${body.slice(0, 40)}"`)
    counts.connections++
    if (session) counts.returning++
    if (session && facts.resumed) counts.resumed++
    if (facts.earlyData) {
      counts.early++
      captured.push(said)
      // worth a replay whether it was taken or not
      again.push(said)
    }
    if (facts.earlyData === 'accepted') counts.accepted++
    if (goneBefore && redisGone) {
      counts.whileDown++
      if (facts.earlyData === 'accepted') counts.acceptedWhileDown++
    }
  } catch (error) {
    socket.destroy()
    const { gone } = instance
    // the machine that was killed cuts what it was doing, and is not there for a while; nothing of that is TLS
    if (gone && started < gone[1] && Date.now() > gone[0]) counts.cut++
    else {
      counts.failed++
      const why = String(error)
      missed.set(why, (missed.get(why) ?? 0) + 1)
    }
  }
}

let over = false
const caches = Array.from({ length: CLIENTS }, () => memoryCache({ keys: 1, each: 4 }))
const idle = [...caches]
const worker = async (): Promise<void> => {
  while (!over) {
    const cache = idle.shift()
    if (cache) {
      await visit(cache)
      idle.push(cache)
    }
    await sleep(10)
  }
}
say(
  `3 terminators and Redis; ${CLIENTS} clients hop between them; the clock of one is ${(SKEWS[2] as number) / 1000} s ahead`,
)
// Redis begins to remember with the first claim: somebody who comes back makes it
const scout = memoryCache()
for (let i = 0; i < 2; i++) await visit(scout)
// from here on times count, however long a busy machine took to come this far
begun = Date.now()
const workers = Array.from({ length: BUSY }, worker)

// ---- what happens to them

const at = async (time: number): Promise<void> => sleep(Math.max(0, time * 1000 - (Date.now() - begun)))
const second = instances[1] as Instance

await at(TIMES.kill)
say('an instance is killed')
second.gone = [Date.now(), Number.POSITIVE_INFINITY]
second.child.removeAllListeners('exit')
second.child.kill('SIGKILL')
await at(TIMES.restart)
await launch(second, SKEWS[1] as number)
second.gone = [second.gone[0], Date.now()]
say('it is back, with the ring of the fleet')

await at(TIMES.early)
say('claims are granted: clients send early data, and every first flight is sent again to all instances at once')
await at(TIMES.redisDown)
say('Redis is killed')
redisGone = true
await redis.kill()
await at(TIMES.redisUp)
const lost = instances.filter(({ state }) => state?.shared === false).length
redisGone = false
await redis.start()
say('Redis is back, and empty')
await at(TIMES.end)
over = true
await Promise.all(workers)
say(`all ${captured.length} first flights once more`)
for (let i = 0; i < captured.length; i += 50) await Promise.all(captured.slice(i, i + 50).map(replay))
await sleep(1500)
const healed = instances.filter(({ state }) => state?.shared).length
const epochs = instances.map(({ state }) => state?.epoch ?? 0)

for (const { child } of instances) {
  child.removeAllListeners('exit')
  child.kill('SIGKILL')
}
backend.close()
backend.closeAllConnections()
await redis.remove()
rmSync(folder, { recursive: true, force: true })

// ---- what came of it

const rate = (100 * counts.resumed) / Math.max(1, counts.returning)
const again = [...delivered.values()].reduce((sum, n) => sum + n - 1, 0)
const rotations = sealingKeys.size - 1
const results: readonly (readonly [name: string, value: string, good: boolean, wanted: string])[] = [
  ['connections', `${counts.connections}`, counts.connections > CLIENTS * 2, `more than ${CLIENTS * 2}`],
  ['key rotations', `${rotations}`, rotations >= 2, 'at least 2'],
  ['resumption rate', `${rate.toFixed(2)} % (${counts.resumed} of ${counts.returning})`, rate > 99, 'more than 99 %'],
  ['early data accepted', `${counts.accepted} of ${counts.early}`, counts.accepted >= 10, 'at least 10'],
  ['replays sent', `${counts.replays}`, counts.replays > counts.accepted, 'more than were accepted'],
  ['replays taken', `${again}`, again === 0, '0'],
  ['failed handshakes', `${counts.failed}`, counts.failed === 0, '0'],
  [
    'connections while Redis was gone',
    `${counts.whileDown}`,
    counts.whileDown > 0 && lost === 3,
    'some, and all noticed',
  ],
  ['early data accepted meanwhile', `${counts.acceptedWhileDown}`, counts.acceptedWhileDown === 0, '0'],
  ['instances that share again', `${healed}`, healed === 3, '3'],
  [
    'spread of epochs',
    `${Math.max(...epochs) - Math.min(...epochs)}`,
    Math.max(...epochs) - Math.min(...epochs) <= 1,
    'at most 1',
  ],
]
console.log()
for (const [name, value, good, wanted] of results)
  console.log(`${good ? ' ' : '!'} ${`${name}:`.padEnd(36)} ${value.padEnd(28)} wanted ${wanted}`)
for (const [i, { state }] of instances.entries())
  console.log(`  instance ${i + 1}: ${JSON.stringify(state?.verdicts ?? {}).replace(/[{}"]/g, '')}`)
if (counts.cut > 0) console.log(`  (${counts.cut} connections met the instance that was killed)`)
for (const [why, times] of missed) console.log(`  ${times} times: ${why}`)
const bad = results.filter(([, , good]) => !good).length
console.log(bad === 0 ? '\nfleet demo: all as wanted' : `\nfleet demo: ${bad} not as wanted`)
process.exit(bad === 0 ? 0 : 1)
