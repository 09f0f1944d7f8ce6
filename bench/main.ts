/**
 * How fast we are beside node:tls: both in this process, in turns, each figure the median of its rounds.
 *
 *   npm run bench [-- --rounds N --short --only PATTERN --json]
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type Config, type ConfigInput, defineConfig, TLS12, TLS13 } from '../src/config.ts'
import { node } from '../src/crypto/node/index.ts'
import { suites } from '../src/crypto/suites.ts'
import type { Session } from '../src/session/session.ts'
import { memoryTickets } from '../src/session/tickets.ts'
import { makeCertificate, verifier, writePem } from '../src/x509/index.ts'
import * as nodeTls from './node-tls.ts'
import * as ours from './ours.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '' },
    only: { type: 'string' },
    json: { type: 'boolean' },
    short: { type: 'boolean' },
    idle: { type: 'string' },
  },
})
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
/** Rounds that do not count: what is compiled as it runs needs some seconds until it stands. */
const warmUps = values.short ? 2 : 8
const rounds = Number(values.rounds || (values.short ? 2 : 10))

/** One figure: how much of `unit` each side does in a second (or a MiB). Higher is better. */
interface Row {
  readonly name: string
  readonly unit: string
  readonly ours: () => number | Promise<number>
  readonly nodeTls: () => number | Promise<number>
}

const DAY = 86_400_000
const made = async (kind: 'P-256' | 'rsa-2048') => {
  const rootKey = await node.generate(kind)
  const notBefore = Date.now() - DAY
  const root = await makeCertificate(
    { subject: { CN: 'root' }, key: rootKey, signer: rootKey, notBefore, ca: true },
    node,
  )
  const key = await node.generate(kind)
  const leaf = await makeCertificate(
    { subject: { CN: 'leaf' }, key, issuer: root, signer: rootKey, notBefore, san: ['localhost'] },
    node,
  )
  return {
    root,
    key,
    leaf,
    pem: {
      ca: writePem('CERTIFICATE', root.raw),
      cert: writePem('CERTIFICATE', leaf.raw),
      key: writePem('PRIVATE KEY', key.pkcs8),
    },
  }
}
const identities = { ecdsa: await made('P-256'), rsa: await made('rsa-2048') }

const setUp = (kind: keyof typeof identities, version: typeof TLS12 | typeof TLS13, cipher = 'aes-128-gcm') => {
  const { root, key, leaf, pem } = identities[kind]
  const suite = suites.filter((row) => row.version === version && row.cipher === cipher && row.default)
  const shared: Partial<ConfigInput> = { versions: [version], suites: suite }
  const base = { provider: node, verifier: verifier({ anchors: [root] }), tickets: memoryTickets(node), ...shared }
  const client: Config = defineConfig({ ...base, serverName: 'localhost', peerName: 'localhost' })
  const server: Config = defineConfig({ ...base, identities: [{ chain: [leaf.raw], key }] })
  const limits = {
    minVersion: version === TLS13 ? 'TLSv1.3' : 'TLSv1.2',
    maxVersion: version === TLS13 ? 'TLSv1.3' : 'TLSv1.2',
    ciphers: suite.map((row) => row.openssl).join(':'),
    ecdhCurve: 'X25519:P-256',
  } as const
  return {
    client,
    server,
    contexts: nodeTls.contexts({ ca: pem.ca, ...limits }, { cert: pem.cert, key: pem.key, ...limits }),
  }
}

/** How often a second, measured over about `ms`. */
const rate = async (once: () => unknown, ms = 300): Promise<number> => {
  const start = performance.now()
  let count = 0
  let elapsed = 0
  do {
    const answer = once()
    if (answer instanceof Promise) await answer
    count++
    elapsed = performance.now() - start
  } while (elapsed < ms)
  return (count / elapsed) * 1000
}

const handshake = (name: string, kind: keyof typeof identities, version: typeof TLS12 | typeof TLS13): Row => {
  const { client, server, contexts } = setUp(kind, version)
  return {
    name,
    unit: 'handshakes/s',
    ours: () => rate(() => ours.shake(client, server)),
    nodeTls: () => rate(async () => nodeTls.close(await nodeTls.shake(contexts))),
  }
}

const resumption = async (): Promise<Row> => {
  const { client, server, contexts } = setUp('ecdsa', TLS13)
  let session: Session | undefined
  ours.shake({ ...client, onSession: (fresh) => (session = fresh) }, server)
  const again = session && { ...client, session }
  const first = await nodeTls.shake(contexts)
  const ticket = await nodeTls.ticket(first)
  nodeTls.close(first)
  return {
    name: 'handshake-1.3-psk',
    unit: 'handshakes/s',
    ours: () => rate(() => again && ours.shake(again, server)),
    nodeTls: () =>
      rate(async () => {
        const ends = await nodeTls.shake(contexts, ticket)
        if (!ends.client.isSessionReused()) throw new Error('node:tls did not resume')
        nodeTls.close(ends)
      }),
  }
}

const MIB = 1 << 20
const bulk = async (name: string, cipher: string): Promise<Row> => {
  const { client, server, contexts } = setUp('ecdsa', TLS13, cipher)
  const mine = ours.shake(client, server)
  const theirs = await nodeTls.shake(contexts)
  return {
    name,
    unit: 'MB/s',
    ours: async () => ((await rate(() => ours.pour(mine, 32 * MIB))) * 32 * MIB) / 1e6,
    nodeTls: async () => ((await rate(() => nodeTls.pour(theirs, 32 * MIB))) * 32 * MIB) / 1e6,
  }
}

const roundTrip = async (name: string, size: number): Promise<Row> => {
  const { client, server, contexts } = setUp('ecdsa', TLS13)
  const mine = ours.shake(client, server)
  const theirs = await nodeTls.shake(contexts)
  return {
    name,
    unit: 'round trips/s',
    ours: async () => (await rate(() => ours.pingPong(mine, 1000, size))) * 1000,
    nodeTls: async () => (await rate(() => nodeTls.pingPong(theirs, 1000, size))) * 1000,
  }
}

/** How many idle pairs fit a MiB of resident memory: each side in a process of its own, where nothing else has grown. */
const memory = (): Row => {
  const inProcess = (side: string): number => {
    const run = spawnSync(process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), '--idle', side], {
      encoding: 'utf8',
    })
    if (run.status !== 0) throw new Error(run.stderr)
    return Number(run.stdout)
  }
  return { name: 'memory-idle', unit: 'pairs/MiB', ours: () => inProcess('ours'), nodeTls: () => inProcess('nodeTls') }
}

const idle = async (side: string): Promise<void> => {
  const COUNT = 1000
  const { client, server, contexts } = setUp('ecdsa', TLS13)
  const open = side === 'ours' ? () => ours.shake(client, server) : () => nodeTls.shake(contexts)
  const held: unknown[] = []
  for (let i = 0; i < 300; i++) held.push(await open())
  collect()
  const before = process.memoryUsage.rss()
  for (let i = 0; i < COUNT; i++) held.push(await open())
  collect()
  console.log((COUNT * MIB) / (process.memoryUsage.rss() - before))
  process.exit(held.length > 0 ? 0 : 1)
}

const all: readonly (() => Row | Promise<Row>)[] = [
  () => handshake('handshake-1.3-ecdsa', 'ecdsa', TLS13),
  () => handshake('handshake-1.3-rsa2048', 'rsa', TLS13),
  resumption,
  () => handshake('handshake-1.2-ecdsa', 'ecdsa', TLS12),
  () => bulk('bulk-16k-aes128gcm', 'aes-128-gcm'),
  () => bulk('bulk-16k-aes256gcm', 'aes-256-gcm'),
  () => bulk('bulk-16k-chacha', 'chacha20-poly1305'),
  () => roundTrip('roundtrip-64', 64),
  () => roundTrip('roundtrip-1400', 1400),
  memory,
]

if (values.idle) await idle(values.idle)

const median = (figures: readonly number[]): number =>
  [...figures].sort((a, b) => a - b)[figures.length >> 1] ?? Number.NaN

const results: {
  name: string
  ours: number
  nodeTls: number
  floor: null
  unit: string
  ratioToNodeTls: number
  ratioToFloor: null
}[] = []
if (!values.json)
  console.log(
    `Node ${process.version}, ${rounds} rounds\n${'row'.padEnd(24)}${'ours'.padStart(12)}${'node:tls'.padStart(12)}${'ratio'.padStart(8)}  unit`,
  )
for (const prepare of all) {
  const row = await prepare()
  if (values.only && !row.name.includes(values.only)) continue
  const figures = { ours: [] as number[], nodeTls: [] as number[], ratio: [] as number[] }
  for (let round = 0; round <= (row.name === 'memory-idle' ? Math.min(rounds, 3) : rounds); round++) {
    if (round === 0) for (let i = 0; i < (row.name === 'memory-idle' ? 0 : warmUps); i++) await row.ours()
    collect()
    const mine = await row.ours()
    collect()
    const theirs = await row.nodeTls()
    if (round === 0) continue
    figures.ours.push(mine)
    figures.nodeTls.push(theirs)
    figures.ratio.push(mine / theirs)
  }
  const result = {
    name: row.name,
    ours: median(figures.ours),
    nodeTls: median(figures.nodeTls),
    floor: null,
    unit: row.unit,
    ratioToNodeTls: median(figures.ratio),
    ratioToFloor: null,
  }
  results.push(result)
  if (!values.json) {
    console.log(
      `${row.name.padEnd(24)}${result.ours.toFixed(1).padStart(12)}${result.nodeTls.toFixed(1).padStart(12)}${`${result.ratioToNodeTls.toFixed(2)}x`.padStart(8)}  ${row.unit}`,
    )
  }
}
if (values.json) console.log(JSON.stringify({ node: process.version, rows: results }, null, 2))
process.exit(0)
