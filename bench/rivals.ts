/**
 * Clients of TLS 1.3 that are written in JavaScript, ours over noble and over node:crypto among them: each shakes hands with
 * the same node:tls server in a process of its own (P-256, a chain of leaf and intermediate), checks chain and name, and leaves.
 * Measured in turns, by the CPU time of the client's process. node-forge shakes hands with itself, beside both ends of ours.
 * The others come from npm and are kept for the next time.
 *
 *   npm run bench:rivals [-- --rounds N] [-- --json]
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect as connectTcp, type Socket } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls, createServer } from 'node:tls'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import type { Config } from '../src/config.ts'
import { Connection } from '../src/connection.ts'
import { noble } from '../src/crypto/noble/index.ts'
import { node } from '../src/crypto/node/index.ts'
import { writePem } from '../src/x509/index.ts'
import { type SetUp, setUp } from './material.ts'
import { sample, spread } from './measure.ts'
import { shake } from './ours.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    json: { type: 'boolean', default: false },
    serve: { type: 'boolean', default: false },
  },
})
const root = fileURLToPath(new URL('../../../', import.meta.url))
const others = ['subtls', '@reclaimprotocol/tls', 'node-forge']

if (values.serve) {
  const ends = await setUp({})
  const server = createServer({ ...ends.nodeTls.listen, ecdhCurve: 'X25519:P-256' }, (stream) => {
    stream.on('error', () => {})
    stream.on('data', () => {})
    stream.on('end', () => stream.destroy())
  })
  server.on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const pem = (raw: Uint8Array): string => writePem('CERTIFICATE', raw)
  process.send?.({ port: (server.address() as { port: number }).port, roots: [pem(ends.root.raw)] })
} else {
  await compare()
}

/** Brings the others, and gives the way to the module of one of them. */
function fetched(): (name: string, part?: string) => Promise<Record<string, never>> {
  const folder = join(root, 'node_modules/.cache/bench-rivals')
  if (!others.every((name) => existsSync(join(folder, 'node_modules', name)))) {
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
    const install = spawnSync(
      'npm',
      ['install', '--no-save', '--no-audit', '--no-fund', '--ignore-scripts', ...others],
      {
        cwd: folder,
        stdio: 'inherit',
      },
    )
    if (install.status !== 0) throw new Error(`npm did not bring ${others.join(', ')}`)
  }
  return async (name, part) => {
    const home = join(folder, 'node_modules', name)
    const { main, exports } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'))
    const entry = exports?.[part ? `./${part}` : '.']?.default ?? main ?? 'index.js'
    return await import(pathToFileURL(join(home, entry)).href)
  }
}

/** A handshake of node-forge with itself: the client checks the chain, as far as that library does. */
function forgeEnds({ default: forge }: any, { root, intermediate, leaf, key }: SetUp): () => Promise<void> {
  const pem = (...raw: readonly Uint8Array[]): string[] => raw.map((one) => writePem('CERTIFICATE', one))
  const caStore = forge.pki.createCaStore(pem(root.raw))
  const shown = { cert: pem(leaf.raw, intermediate.raw), key: writePem('PRIVATE KEY', key.pkcs8) }
  const failed = (_: unknown, error: { message: string }): void => {
    throw new Error(error.message)
  }
  return async () => {
    let open = 0
    const common = { sessionCache: {}, connected: () => open++, dataReady() {}, closed() {}, error: failed }
    const server = forge.tls.createConnection({
      ...common,
      server: true,
      getCertificate: () => shown.cert,
      getPrivateKey: () => shown.key,
      tlsDataReady: (from: any) => client.process(from.tlsData.getBytes()),
    })
    const client = forge.tls.createConnection({
      ...common,
      server: false,
      caStore,
      virtualHost: 'localhost',
      verify: (_: unknown, verified: unknown) => verified,
      tlsDataReady: (from: any) => server.process(from.tlsData.getBytes()),
    })
    client.handshake()
    if (open !== 2) throw new Error('node-forge was refused')
  }
}

async function compare(): Promise<void> {
  const load = fetched()
  const server = spawn(process.execPath, [fileURLToPath(import.meta.url), '--serve'], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const [{ port, roots }] = (await once(server, 'message')) as [{ port: number; roots: string[] }]
  const pem = roots.join('')
  const dial = async (): Promise<Socket> => {
    const socket = connectTcp({ host: '127.0.0.1', port, noDelay: true })
    socket.on('error', () => {})
    await once(socket, 'connect')
    return socket
  }

  const { loadCertificates, verifier } = await import('../src/x509/index.ts')
  const { defineConfig } = await import('../src/config.ts')
  const configOf = (provider: Config['provider'], known: boolean): Config =>
    defineConfig({
      provider,
      verifier: verifier({ anchors: loadCertificates(pem), rememberSignatures: known }),
      rememberCertificates: known,
      serverName: 'localhost',
      peerName: 'localhost',
    })
  const ours = (config: Config) => async (): Promise<void> => {
    const socket = await dial()
    const connection = new Connection('client', config)
    const turn = (): void => {
      connection.advance()
      for (let bytes = connection.output.take(); bytes.length > 0; bytes = connection.output.take()) socket.write(bytes)
    }
    turn()
    for await (const chunk of socket) {
      connection.receive(chunk)
      turn()
      if (connection.established) break
    }
    if (!connection.established) throw new Error('ours was refused')
    socket.destroy()
  }

  const clients: Record<string, () => Promise<unknown>> = {
    'typetls, node:crypto': ours(configOf(node, false)),
    'typetls, noble': ours(configOf(noble, false)),
    'typetls, noble, known peer': ours(configOf(noble, true)),
    'node:tls': async () => {
      const socket = connectTls({ host: '127.0.0.1', port, servername: 'localhost', ca: roots })
      await once(socket, 'secureConnect')
      socket.destroy()
    },
  }

  // neither has types that fit here: what is called is what their own documentation shows
  const subtls = (await load('subtls')) as any
  const database = await subtls.TrustedCert.databaseFromPEM(pem)
  clients.subtls = async () => {
    const socket = await dial()
    const queue = new subtls.SocketReadQueue(socket)
    await subtls.startTls('localhost', database, queue.read.bind(queue), (data: Uint8Array) => void socket.write(data))
    socket.destroy()
  }

  const reclaim = (await load('@reclaimprotocol/tls')) as any
  for (const [part, named] of [
    ['webcrypto', 'webcryptoCrypto'],
    ['purejs-crypto', 'pureJsCrypto'],
  ] as const) {
    const cryptography = ((await load('@reclaimprotocol/tls', part)) as any)[named]
    const logger = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, child: () => logger }
    clients[`@reclaimprotocol/tls, ${part}`] = async () => {
      reclaim.setCryptoImplementation(cryptography)
      const socket = await dial()
      await new Promise<void>((resolve, reject) => {
        const client = reclaim.makeTLSClient({
          host: 'localhost',
          rootCAs: [reclaim.loadX509FromPem?.(roots[0])].filter(Boolean),
          namedCurves: ['X25519'],
          logger,
          async write({ header, content }: { header: Uint8Array; content: Uint8Array }) {
            socket.write(header)
            socket.write(content)
          },
          onHandshake: () => resolve(),
          onTlsEnd: (error: unknown) => reject(error ?? new Error('it was ended')),
        })
        socket.on('data', (data) => void client.handleReceivedBytes(data))
        client.startHandshake()
      })
      socket.destroy()
    }
  }

  // both ends in memory: node-forge ends at TLS 1.1, which no server here speaks, with RSA certificates and RSA key exchange
  const [ecdsa, known] = [await setUp({ provider: noble }), await setUp({ provider: noble, known: true })]
  clients['typetls, noble, both ends'] = async () => void shake(ecdsa.client, ecdsa.server)
  clients['typetls, noble, known peer, both ends'] = async () => void shake(known.client, known.server)
  clients['node-forge, TLS 1.1, both ends'] = forgeEnds(
    (await load('node-forge')) as any,
    await setUp({ kind: 'rsa-2048' }),
  )

  const rates: Record<string, number[]> = {}
  for (const [name, once] of Object.entries(clients)) {
    try {
      for (let i = 0; i < 40; i++) await once()
      rates[name] = []
    } catch (error) {
      console.error(`${name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  for (let round = 0; round < Number(values.rounds); round++)
    for (const [name, figures] of Object.entries(rates))
      figures.push((await sample(clients[name] ?? (() => {}), 400)).cpu)
  const rows = Object.entries(rates).map(([name, figures]) => ({ name, ...spread(figures), unit: 'handshakes/s' }))
  if (values.json) console.log(JSON.stringify({ node: process.version, rows }, null, 2))
  else {
    console.log(
      `Node ${process.version}; full handshakes, per second of CPU time of the client, or of both ends where it says so`,
    )
    for (const { name, median, low, high } of rows)
      console.log(`${name.padEnd(38)} ${median.toFixed(0).padStart(6)}  (${low.toFixed(0)}-${high.toFixed(0)})`)
  }
  server.kill()
  process.exit(0)
}
