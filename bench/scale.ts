/**
 * How cost grows: with open connections, chains, hellos, intermediates, roots, remembered sessions, and over two cores.
 *
 *   npm run bench:scale [-- --short] [-- --only PATTERN]     writes bench/results/scale.json and an SVG for each part
 */
import cluster from 'node:cluster'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { node } from '../src/crypto/node/index.ts'
import { messages } from '../src/messages/table.ts'
import { memoryStore } from '../src/session/memory-store.ts'
import { runAsync, wait } from '../src/task.ts'
import { decode, encode } from '../src/wire/codec.ts'
import { type Certificate, makeCertificate, parseCertificate, Store, verifier } from '../src/x509/index.ts'
import { material, setUp } from './material.ts'
import { collect } from './measure.ts'
import * as ours from './ours.ts'
import { plot } from './plot.ts'

const { values } = parseArgs({
  options: { short: { type: 'boolean', default: false }, only: { type: 'string', default: '' } },
})
const file = (name: string): string => fileURLToPath(new URL(`../../results/${name}`, import.meta.url))

/** Microseconds of CPU time for one call: the median of some rounds. */
const cost = async (once: () => unknown, calls: number, rounds = values.short ? 3 : 9): Promise<number> => {
  const figures: number[] = []
  for (let round = -1; round < rounds; round++) {
    const before = process.cpuUsage()
    for (let i = 0; i < calls; i++) {
      const answer = once()
      if (answer instanceof Promise) await answer
    }
    const { user, system } = process.cpuUsage(before)
    if (round >= 0) figures.push((user + system) / calls)
  }
  return figures.sort((a, b) => a - b)[rounds >> 1] as number
}

type Point = Readonly<Record<string, number>>
interface Part {
  readonly title: string
  readonly x: string
  readonly measure: () => Promise<readonly Point[]>
}

/** A row of numbers, shorter when time is. */
const upTo = (most: number, all: readonly number[]): readonly number[] =>
  values.short ? all.filter((n) => n <= most) : all

const connections = async (): Promise<readonly Point[]> => {
  const ends = await setUp({ known: true })
  const shake = () => {
    const open = ours.shake(ends.client, ends.server)
    ours.settle(open)
    return open
  }
  for (let i = 0; i < 1500; i++) shake()
  const points: Point[] = []
  for (const count of upTo(1000, [1, 10, 100, 1000, 10_000])) {
    const used = (): number => {
      for (let i = 0; i < 3; i++) collect()
      const { heapUsed, arrayBuffers } = process.memoryUsage()
      return heapUsed + arrayBuffers
    }
    const before = used()
    const held = Array.from({ length: count }, shake)
    const bytes = (used() - before) / count
    let at = 0
    const roundTrip = await cost(() => ours.pingPong(held[at++ % count] as ours.Ends, 1, 64), 4000)
    const handshake = await cost(shake, 150)
    points.push({
      connections: count,
      'µs a handshake': handshake,
      'µs a round trip': roundTrip,
      // what the collector leaves by chance is more than a few connections hold
      ...(count >= 100 && { 'bytes a pair': bytes }),
    })
  }
  return points
}

const validity = { notBefore: Date.now() - 86_400_000, days: 30 }
const key = () => runAsync(wait(node.generate('P-256')))
const about = { provider: node, purpose: 'server', name: 'localhost', time: Date.now() } as const

const chains = async (): Promise<readonly Point[]> => {
  const points: Point[] = []
  for (let length = 1; length <= 10; length++) {
    const rootKey = await key()
    let signer = {
      key: rootKey,
      certificate: await makeCertificate(
        { subject: { CN: 'root' }, key: rootKey, signer: rootKey, ca: true, ...validity },
        node,
      ),
    }
    const root = signer.certificate
    const between: Certificate[] = []
    for (let i = 1; i < length; i++) {
      const own = await key()
      const certificate = await makeCertificate(
        {
          subject: { CN: `level ${i}` },
          key: own,
          issuer: signer.certificate,
          signer: signer.key,
          ca: true,
          ...validity,
        },
        node,
      )
      signer = { key: own, certificate }
      between.unshift(certificate)
    }
    const leaf = await makeCertificate(
      {
        subject: { CN: 'leaf' },
        san: ['localhost'],
        key: await key(),
        issuer: signer.certificate,
        signer: signer.key,
        ...validity,
      },
      node,
    )
    const raw = [leaf, ...between].map((certificate) => certificate.raw)
    const point: Record<string, number> = { 'certificates sent': length }
    for (const [name, rememberSignatures] of [
      ['µs, unknown', false],
      ['µs, signatures known', true],
    ] as const) {
      const check = verifier({ anchors: [root], rememberSignatures })
      point[name] = await cost(() => check.verify(raw.map(parseCertificate), about), 60)
    }
    points.push(point)
  }
  return points
}

const hellos = async (): Promise<readonly Point[]> => {
  const { client, server } = await setUp({})
  let hello: Uint8Array | undefined
  ours.shake(
    {
      ...client,
      trace: (event) =>
        void (event.event === 'message' && event.name === 'clientHello' && (hello ??= event.raw.slice(4))),
    },
    server,
  )
  if (!hello) throw new Error('no hello was seen')
  const body = decode(messages.clientHello.codec, hello)
  const points: Point[] = []
  for (const kib of upTo(16, [1, 2, 4, 8, 16, 32, 60])) {
    const padding = Array.from({ length: kib }, (_, i) => ({ type: 0xfe00 + i, data: new Uint8Array(1020) }))
    const raw = encode(messages.clientHello.codec, { ...body, extensions: { ...body.extensions, unknown: padding } })
    points.push({ KiB: kib, 'µs to read it': await cost(() => decode(messages.clientHello.codec, raw), 2000) })
  }
  return points
}

/** Candidates that all bear the issuer's name, of which the last made is the right one. */
const candidates = async (): Promise<readonly Point[]> => {
  const rootKey = await key()
  const root = await makeCertificate(
    { subject: { CN: 'root' }, key: rootKey, signer: rootKey, ca: true, ...validity },
    node,
  )
  const points: Point[] = []
  for (const count of upTo(100, [10, 100, 1000])) {
    const all: Certificate[] = []
    const other = await key()
    const right = await key()
    for (let i = 0; i < count; i++) {
      const own = i === count - 1 ? right : other
      const serial = Uint8Array.of(1, i >> 8, i & 255)
      all.push(
        await makeCertificate(
          { subject: { CN: 'many' }, serial, key: own, issuer: root, signer: rootKey, ca: true, ...validity },
          node,
        ),
      )
    }
    const leaf = await makeCertificate(
      {
        subject: { CN: 'leaf' },
        san: ['localhost'],
        key: await key(),
        issuer: all[count - 1] as Certificate,
        signer: right,
        ...validity,
      },
      node,
    )
    const check = verifier({ anchors: [root], intermediates: all, rememberSignatures: false })
    const measured = await cost(() => check.verify([parseCertificate(leaf.raw)], about), 20)
    points.push({ candidates: count, 'µs to find the path': measured })
  }
  return points
}

const roots = async (): Promise<readonly Point[]> => {
  const points: Point[] = []
  for (const count of upTo(500, [150, 500, 1500, 5000])) {
    const made = await material('P-256', count)
    const raw = made.roots.map((root) => root.raw)
    const load = await cost(() => {
      const store = new Store()
      store.addLater(raw)
      return store.size
    }, 3)
    const check = verifier({ anchors: new Store(made.roots), rememberSignatures: false })
    const sent = [made.leaf.raw, made.intermediate.raw]
    points.push({
      roots: count,
      'µs to verify': await cost(() => check.verify(sent.map(parseCertificate), about), 60),
      'µs to load one': load / count,
    })
  }
  return points
}

const sessions = async (): Promise<readonly Point[]> => {
  const points: Point[] = []
  for (const count of upTo(10_000, [1e3, 1e4, 1e5, 1e6])) {
    const store = memoryStore({ most: count })
    const value = new Uint8Array(200)
    const name = (i: number): string => `session ${i}`
    for (let i = 0; i < count; i++) await store.put(name(i), value, 3_600_000)
    let at = 0
    const get = await cost(() => store.get(name((at += 7919) % count)), 5000)
    const put = await cost(() => store.put(name(at++), value, 3_600_000), 5000)
    points.push({ sessions: count, 'µs to find': get, 'µs to keep': put })
  }
  return points
}

const SECONDS = values.short ? 1 : 3
/** Handshakes of one process or thread, told when the time is over. */
const shakeFor = async (seconds: number): Promise<number> => {
  const { client, server } = await setUp({ known: true })
  // until compiling is over: it runs on the other core
  for (let i = 0; i < (values.short ? 500 : 4000); i++) ours.shake(client, server)
  const until = performance.now() + 1000 * seconds
  let count = 0
  for (; performance.now() < until; count++) ours.shake(client, server)
  return count / seconds
}

const program = fileURLToPath(import.meta.url)
const inWorkers = async (count: number): Promise<number> => {
  const answers = Array.from(
    { length: count },
    () => new Promise<number>((resolve, reject) => new Worker(program).once('message', resolve).once('error', reject)),
  )
  return (await Promise.all(answers)).reduce((sum, rate) => sum + rate, 0)
}
const inCluster = async (count: number): Promise<number> => {
  cluster.setupPrimary({ exec: program, args: [] })
  const answers = Array.from({ length: count }, () => {
    const worker = cluster.fork()
    return new Promise<number>((resolve, reject) => worker.once('message', resolve).once('error', reject))
  })
  return (await Promise.all(answers)).reduce((sum, rate) => sum + rate, 0)
}
/** In turns, and the best of each: a neighbour on the machine takes more from two cores than from one. */
const cores = async (): Promise<readonly Point[]> => {
  const best = { workers: [0, 0], cluster: [0, 0] }
  for (let round = 0; round < (values.short ? 1 : 4); round++)
    for (const at of [0, 1]) {
      best.workers[at] = Math.max(best.workers[at] as number, await inWorkers(at + 1))
      best.cluster[at] = Math.max(best.cluster[at] as number, await inCluster(at + 1))
    }
  return [0, 1].map((at) => ({
    cores: at + 1,
    'handshakes/s, worker_threads': best.workers[at] as number,
    'handshakes/s, node:cluster': best.cluster[at] as number,
  }))
}

const parts: Readonly<Record<string, Part>> = {
  connections: { title: 'Open connections in one process', x: 'connections', measure: connections },
  chains: { title: 'Certificate chains', x: 'certificates sent', measure: chains },
  hellos: { title: 'Size of the ClientHello', x: 'KiB', measure: hellos },
  candidates: { title: 'Intermediates of one name', x: 'candidates', measure: candidates },
  roots: { title: 'Trust anchors', x: 'roots', measure: roots },
  sessions: { title: 'Sessions in a store in memory', x: 'sessions', measure: sessions },
  cores: { title: 'Two cores', x: 'cores', measure: cores },
}

if (!isMainThread) parentPort?.postMessage(await shakeFor(SECONDS))
else if (cluster.isWorker) {
  const rate = await shakeFor(SECONDS)
  process.send?.(rate, () => process.exit(0))
} else {
  const report: Record<string, readonly Point[]> = {}
  const kept = values.only && existsSync(file('scale.json')) ? JSON.parse(readFileSync(file('scale.json'), 'utf8')) : {}
  for (const [name, { title, x, measure }] of Object.entries(parts)) {
    if (!name.includes(values.only)) continue
    const points = await measure()
    report[name] = points
    console.log(title)
    console.table(
      points.map((point) => Object.fromEntries(Object.entries(point).map(([k, v]) => [k, Number(v.toPrecision(4))]))),
    )
    // each curve by its own measure, as times what it is at the first point: what matters is whether it is flat
    const names = [...new Set(points.flatMap((point) => Object.keys(point)))].filter((of) => of !== x)
    const curves = names.map((of) => {
      const there = points.filter((point) => point[of] !== undefined)
      const first = there[0]?.[of] as number
      return { name: of, points: there.map((p) => [p[x] as number, (p[of] as number) / first] as const) }
    })
    writeFileSync(file(`${name}.svg`), plot(title, x, 'times the first', curves))
  }
  writeFileSync(file('scale.json'), `${JSON.stringify({ ...kept, node: process.version, ...report }, null, 2)}\n`)
  console.log(`scale: ${Object.keys(report).length} parts measured on Node ${process.version}`)
  process.exit(0)
}
