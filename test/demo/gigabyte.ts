/**
 * A gibibyte each way through TLS over TCP, to a reader that is slower than the writer: how far memory grows beyond where it
 * began, and whether every byte arrives.
 *
 *   npm run demo:gigabyte [-- MEBIBYTES]
 */

import { fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { connect, createServer, type SecureStream } from '../../src/node/index.ts'
import { Authority } from '../authority.ts'

const MIB = 1 << 20
const total = Number(process.argv[2] ?? 1024) * MIB
/** By how much resident memory may grow. */
const MOST = 64 * MIB

/** Bytes that are all different, piece by piece, and a hash of them. */
const source = (seed: number) => {
  const hash = createHash('sha256')
  const pattern = Buffer.alloc(61_441 + seed)
  for (let i = 0; i < pattern.length; i++) pattern[i] = (i * 31 + seed) & 255
  let left = total
  let count = 0
  const stream = new Readable({
    highWaterMark: 65536,
    read() {
      if (left === 0) return void this.push(null)
      const piece = Buffer.from(pattern.subarray(0, Math.min(pattern.length, left)))
      piece.writeUInt32BE(count++ % 2 ** 32, 0)
      left -= piece.length
      hash.update(piece)
      this.push(piece)
    },
  })
  return { stream, hash }
}

/** Reads in bursts, and rests in between for as long as a writer needs to run ahead. */
const slowReader = () => {
  const hash = createHash('sha256')
  let count = 0
  let burst = 0
  const stream = new Writable({
    highWaterMark: 65536,
    write(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      count += chunk.length
      burst += chunk.length
      if (burst < 8 * MIB) return done()
      burst = 0
      setTimeout(done, 10)
    },
  })
  return { stream, hash, received: () => count }
}

interface Report {
  readonly sent: string
  readonly heard: string
  readonly received: number
  /** Bytes of resident memory when the connection stood, and at most. */
  readonly before: number
  readonly most: number
}

const run = async (stream: SecureStream, seed: number): Promise<Report> => {
  const [out, into] = [source(seed), slowReader()]
  const before = process.memoryUsage.rss()
  let most = before
  const watch = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 20)
  await Promise.all([pipeline(out.stream, stream, { end: true }), pipeline(stream, into.stream)])
  clearInterval(watch)
  return { sent: out.hash.digest('hex'), heard: into.hash.digest('hex'), received: into.received(), before, most }
}

/** The server's end is a process of its own, so that each end's memory is seen by itself. */
const serve = async (): Promise<void> => {
  const [{ cert, key }] = (await once(process, 'message')) as [{ cert: string; key: string }]
  const server = createServer({ cert, key, allowHalfOpen: true }, (stream) => {
    server.close()
    run(stream, 2).then((report) => process.send?.(report, () => process.disconnect()))
  })
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
}

const drive = async (): Promise<void> => {
  const authority = await Authority.make('gigabyte')
  const { cert, key } = await authority.leaf(['localhost'])
  const child = fork(fileURLToPath(import.meta.url), [String(total / MIB), 'server'])
  child.send({ cert, key })
  const [port] = (await once(child, 'message')) as [number]
  const stream = await connect({
    host: '127.0.0.1',
    port,
    servername: 'localhost',
    ca: authority.ca,
    allowHalfOpen: true,
  })
  const from = performance.now()
  const [mine, [theirs]] = await Promise.all([run(stream, 1), once(child, 'message') as Promise<[Report]>])
  const seconds = (performance.now() - from) / 1000
  const whole =
    mine.sent === theirs.heard && theirs.sent === mine.heard && mine.received === total && theirs.received === total
  console.log(
    `${total / MIB} MiB each way in ${seconds.toFixed(1)} s, ${((2 * total) / 1e6 / seconds).toFixed(0)} MB/s`,
  )
  console.log(`SHA-256: ${whole ? 'equal both ways' : 'DIFFERENT'}`)
  for (const [name, { before, most }] of [
    ['client', mine],
    ['server', theirs],
  ] as const)
    console.log(
      `memory of the ${name}: from ${(before / MIB).toFixed(0)} MiB, at most ${((most - before) / MIB).toFixed(0)} MiB more`,
    )
  const good = whole && [mine, theirs].every(({ before, most }) => most - before <= MOST)
  console.log(`gigabyte: ${good ? 'whole, within' : 'NOT whole within'} ${MOST / MIB} MiB`)
  process.exit(good ? 0 : 1)
}

await (process.argv[3] === 'server' ? serve() : drive())
