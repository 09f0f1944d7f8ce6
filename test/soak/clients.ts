import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import type { Duplex } from 'node:stream'
import nodeTls from 'node:tls'
import { connect } from '../../src/node/index.ts'
import type { Random } from '../fuzz/random.ts'

/** Where the server is, and whom it is certified by. */
export interface Place {
  readonly port: number
  readonly ca: string
  readonly caFile: string
  /** Sessions that clients of node:tls may resume. */
  readonly sessions: Buffer[]
}

/** One client from beginning to end. Gives the bytes that came back as they were sent; throws when any did not. */
export type Client = (place: Place, random: Random) => Promise<number>

const host = '127.0.0.1'
const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Sends, ends, and holds what comes back against it. */
const echoed = async (
  stream: Duplex,
  data: Buffer,
  write: (stream: Duplex, data: Buffer) => void | Promise<void>,
): Promise<number> => {
  const parts: Buffer[] = []
  const over = new Promise<void>((resolve, reject) => {
    stream.on('data', (part: Buffer) => parts.push(part))
    stream.once('end', resolve)
    stream.once('error', reject)
  })
  over.catch(() => {})
  await write(stream, data)
  stream.end()
  await over
  const back = Buffer.concat(parts)
  assert.equal(back.length, data.length, 'data was lost')
  assert.equal(digest(back), digest(data), 'data was altered')
  return data.length
}

const whole = (stream: Duplex, data: Buffer): void => void stream.write(data)
const size = (random: Random): number => 1 + random.below(1 << (6 + random.below(14)))

const ours: Client = async ({ port, ca }, random) => {
  const config = random.once(3) ? { versions: [0x0303] as const } : {}
  const stream = await connect({ host, port, servername: 'localhost', ca, config })
  return await echoed(stream, randomBytes(size(random)), whole)
}

/** A client of node:tls, once its handshake is over. */
const theirs = async (
  { port, ca, sessions }: Place,
  session?: Buffer,
  maxVersion?: 'TLSv1.2',
): Promise<nodeTls.TLSSocket> => {
  const socket = nodeTls.connect({
    ...{ host, port, servername: 'localhost', ca },
    ...(session && { session }),
    ...(maxVersion && { maxVersion }),
  })
  socket.on('session', (fresh) => {
    sessions.push(fresh)
    if (sessions.length > 20) sessions.shift()
  })
  await once(socket, 'secureConnect')
  return socket
}

const foreign: Client = async (place, random) => {
  const socket = await theirs(place, undefined, random.once(3) ? 'TLSv1.2' : undefined)
  return await echoed(socket, randomBytes(size(random)), whole)
}

const resumed: Client = async (place, random) =>
  await echoed(
    await theirs(place, place.sessions[random.below(place.sessions.length)]),
    randomBytes(size(random)),
    whole,
  )

/** Little by little, and reading late. */
const slow: Client = async (place, random) => {
  const socket = await theirs(place)
  const data = randomBytes(2000 + random.below(60_000))
  const step = 1 + Math.floor(data.length / (5 + random.below(20)))
  return await echoed(socket, data, async () => {
    socket.pause()
    for (let at = 0; at < data.length; at += step) {
      socket.write(data.subarray(at, at + step))
      await pause(random.below(15))
    }
    socket.resume()
  })
}

/** A client that says what is no TLS, or stops in the middle; the server must end it, and mind nothing. */
const broken: Client = async ({ port }, random) => {
  const socket = connectTcp(port, host)
  socket.on('error', () => {})
  await once(socket, 'connect')
  const hello = Buffer.concat([Buffer.from([22, 3, 1, 1, 0, 1, 0, 0, 252, 3, 3]), randomBytes(250)])
  const said = random.pick([
    () => randomBytes(1 + random.below(2000)),
    () => Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    () => hello.subarray(0, 1 + random.below(hello.length)),
    () => Buffer.concat([hello, randomBytes(random.below(500))]),
    () => Buffer.from([22, 3, 3, 0xff, 0xff]),
    () => Buffer.from([21, 3, 3, 0, 2, 1, 0]),
  ])()
  socket.write(said)
  socket.resume()
  await Promise.race([once(socket, 'close'), pause(random.below(300))])
  socket.destroy()
  return 0
}

/** A good client that is gone at some time: before, in, or after the handshake, between two pieces of data. */
const killed: Client = async ({ port, ca }, random) => {
  const tcp = connectTcp(port, host)
  tcp.on('error', () => {})
  const socket = nodeTls.connect({ socket: tcp, servername: 'localhost', ca })
  socket.on('error', () => {})
  socket.on('secureConnect', () => void socket.write(randomBytes(1 + random.below(300_000))))
  await pause(random.below(random.once(2) ? 8 : 60))
  if (random.once(2)) tcp.resetAndDestroy()
  else tcp.destroy()
  socket.destroy()
  return 0
}

/** OpenSSL's own client. */
const openssl: Client = async ({ port, caFile }, random) => {
  // lines that begin with Q, R or K are orders to it
  const data = Buffer.from(`${randomBytes(1 + random.below(20_000)).toString('hex')}\n`)
  const rules = ['-connect', `${host}:${port}`, '-servername', 'localhost', '-CAfile', caFile, '-verify_return_error']
  const child = spawn(
    'openssl',
    ['s_client', '-quiet', '-no_ign_eof', ...rules, ...(random.once(2) ? ['-tls1_2'] : [])],
    {
      stdio: ['pipe', 'pipe', 'ignore'],
    },
  )
  child.stdin.on('error', () => {})
  const parts: Buffer[] = []
  let length = 0
  const ended = once(child, 'close')
  child.stdin.write(data)
  const timer = setTimeout(() => child.kill(), 20_000)
  child.stdout.on('data', (part: Buffer) => {
    parts.push(part)
    length += part.length
    if (length >= data.length) child.stdin.end()
  })
  await ended
  clearTimeout(timer)
  assert.equal(digest(Buffer.concat(parts)), digest(data), 'data was lost or altered on its way to OpenSSL')
  return data.length
}

export const clients = { ours, foreign, resumed, slow, broken, killed, openssl } satisfies Record<string, Client>
export type Kind = keyof typeof clients

/** How often each comes, of 100. */
export const mix: Readonly<Record<Exclude<Kind, 'openssl'>, number>> = {
  ours: 20,
  foreign: 20,
  resumed: 20,
  slow: 10,
  broken: 15,
  killed: 15,
}
