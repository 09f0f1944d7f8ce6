/**
 * What servers keep of handshakes that have begun and do not go on: memory of 10,000 of them, and whether it is given back.
 *
 *   npm run bench:halfopen -- [COUNT]
 *
 * Ends with 1 when one costs more than 40 KiB, or when more than a tenth of it stays after they are dropped.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type Config, defineConfig, TLS12 } from '../src/config.ts'
import { Connection } from '../src/connection.ts'
import { node } from '../src/crypto/node/index.ts'
import { memoryTickets } from '../src/session/tickets.ts'
import { verifier } from '../src/x509/path.ts'
import { materials, NOW } from '../test/materials.ts'

const LIMIT = 40 * 1024
const count = Number(process.argv[2] ?? 10_000)
setFlagsFromString('--expose_gc')
const gc: () => void = runInNewContext('gc')

/** Bytes in use: JavaScript's objects, and what buffers hold outside. */
const used = async (): Promise<number> => {
  for (let i = 0; i < 3; i++) {
    gc()
    await new Promise((resolve) => setImmediate(resolve))
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const m = await materials()
const common = {
  provider: node,
  verifier: verifier({ anchors: [m.root] }),
  now: () => NOW,
  tickets: memoryTickets(node),
}
const server = defineConfig({ ...common, identities: [m.identities['P-256']] })
const client = defineConfig({ ...common, serverName: 'localhost', peerName: 'localhost' })

/** A hello of a client with that config. */
const hello = (config: Config): Uint8Array => {
  const connection = new Connection('client', config)
  connection.advance()
  return connection.output.take()
}

const states = [
  ['half of a hello has come', () => hello(client).subarray(0, 150)],
  ['TLS 1.3, the server has spoken', () => hello(client)],
  ['TLS 1.2, the server has spoken', () => hello({ ...client, versions: [TLS12] })],
] as const

for (const [state, bytes] of states) {
  // what is made once is not counted
  const begin = (): Connection => {
    const connection = new Connection('server', server)
    connection.receive(bytes())
    connection.advance()
    connection.output.take()
    return connection
  }
  for (let i = 0; i < 200; i++) begin()
  const before = await used()
  const resident = process.memoryUsage().rss
  let open: Connection[] = []
  for (let i = 0; i < count; i++) open.push(begin())
  const each = ((await used()) - before) / count
  // with what the cryptography keeps outside of the heap, and what the allocator wastes
  const whole = Math.max(0, process.memoryUsage().rss - resident) / count
  open = []
  const kept = ((await used()) - before) / count
  const good = Math.max(each, whole) <= LIMIT && kept <= each / 10
  if (!good) process.exitCode = 1
  const KiB = (length: number): string => (length / 1024).toFixed(1)
  console.log(
    `halfopen: ${count} servers, ${state}: ${KiB(each)} KiB each (${KiB(whole)} resident), ${KiB(Math.max(0, kept))} KiB kept when dropped: ${good ? 'passed' : 'FAILED'}`,
  )
  void open
}
