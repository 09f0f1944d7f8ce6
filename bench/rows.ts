import { spawnSync } from 'node:child_process'
import { duplexPair } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { TLS12 } from '../src/config.ts'
import { noble } from '../src/crypto/noble/index.ts'
import { node } from '../src/crypto/node/index.ts'
import { sodium } from '../src/crypto/sodium/index.ts'
import { messages } from '../src/messages/table.ts'
import { SecureStream } from '../src/node/index.ts'
import type { Session } from '../src/session/session.ts'
import { decode } from '../src/wire/codec.ts'
import { parseCertificate } from '../src/x509/index.ts'
import * as floor from './floor.ts'
import { overTcp } from './floor-tcp.ts'
import { type SetUp, setUp, type Wishes } from './material.ts'
import type { Row } from './measure.ts'
import * as nodeTls from './node-tls.ts'
import * as ours from './ours.ts'
import { pingPong as pingPongStreams, pour as pourStreams, type Streams } from './streams.ts'
import * as tcp from './tcp.ts'

const MIB = 1 << 20
/** Handshakes until what is compiled as it runs stands: the last of it is compiled, and compiled anew, after some thousands. */
const WARM = 6000

const handshake = async (name: string, wishes: Wishes, work: floor.Work): Promise<Row> => {
  const ends = await setUp(wishes)
  return {
    name,
    unit: 'handshakes/s',
    warmUp: WARM,
    sides: {
      ours: () => ours.shake(ends.client, ends.server),
      nodeTls: async () => nodeTls.close(await nodeTls.shake(ends.nodeTls)),
      floor: floor.handshake(ends, work, wishes.kind === 'rsa-2048'),
    },
  }
}

/** Both ends of ours over the provider in plain JavaScript. */
const overNoble = async (name: string, wishes: Wishes): Promise<Row> => {
  const ends = await setUp({ ...wishes, provider: noble })
  return {
    name,
    unit: 'handshakes/s',
    warmUp: 100,
    sides: {
      ours: () => ours.shake(ends.client, ends.server),
      nodeTls: async () => nodeTls.close(await nodeTls.shake(ends.nodeTls)),
    },
  }
}

const resumption = async (): Promise<Row> => {
  const ends = await setUp({ known: true })
  const { client, server } = ends
  let session: Session | undefined
  ours.settle(ours.shake({ ...client, onSession: (fresh) => (session = fresh) }, server))
  if (!session) throw new Error('no ticket has come')
  const again = { ...client, session }
  const first = await nodeTls.shake(ends.nodeTls)
  const ticket = await nodeTls.ticket(first)
  nodeTls.close(first)
  return {
    name: 'handshake-1.3-psk',
    unit: 'handshakes/s',
    warmUp: WARM,
    sides: {
      ours: () => {
        if (!ours.shake(again, server).client.facts.resumed) throw new Error('ours did not resume')
      },
      nodeTls: async () => {
        const open = await nodeTls.shake(ends.nodeTls, ticket)
        if (!open.client.isSessionReused()) throw new Error('node:tls did not resume')
        nodeTls.close(open)
      },
      floor: floor.handshake(ends, 'psk'),
    },
  }
}

const loopback = async (): Promise<Row> => {
  const ends = await setUp({})
  const [mine, theirs] = [await tcp.ours(ends), await tcp.nodeTls(ends)]
  return {
    name: 'handshake-1.3-ecdsa-tcp',
    unit: 'handshakes/s',
    warmUp: WARM,
    sides: {
      ours: async () => tcp.drop(await mine.connect()),
      nodeTls: async () => tcp.drop(await theirs.connect()),
    },
    close() {
      mine.close()
      theirs.close()
    },
  }
}

const bulk = async (name: string, cipher: 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305'): Promise<Row> => {
  const ends = await setUp({ cipher })
  const mine = ours.shake(ends.client, ends.server)
  ours.settle(mine)
  const theirs = await nodeTls.shake(ends.nodeTls)
  const total = 8 * MIB
  return {
    name,
    unit: 'MB/s',
    amount: total / 1e6,
    sides: {
      ours: () => ours.pour(mine, total),
      nodeTls: () => pourStreams(theirs, total),
      floor: floor.records(cipher, 16384, total / 16384),
    },
    close: () => nodeTls.close(theirs),
  }
}

/** With ten rounds and more, over a GiB goes each way. */
const bulkTcp = async (): Promise<Row> => {
  const ends = await setUp({})
  const [mine, theirs] = [await tcp.ours(ends), await tcp.nodeTls(ends)]
  const [open, other, bare] = [await mine.connect(), await theirs.connect(), await overTcp()]
  const total = 104 * MIB
  return {
    name: 'bulk-tcp-aes128gcm',
    unit: 'MB/s',
    amount: total / 1e6,
    warmUp: 1,
    sides: {
      ours: () => pourStreams(open, total, 65536),
      nodeTls: () => pourStreams(other, total, 65536),
      floor: () => bare.pour(total),
    },
    close() {
      bare.close()
      for (const ends of [open, other]) tcp.drop(ends)
      mine.close()
      theirs.close()
    },
  }
}

/** A pair of our streams in memory. */
const streams = async ({ client, server }: SetUp): Promise<Streams> => {
  const [left, right] = duplexPair()
  const ends = {
    client: new SecureStream(left, { role: 'client', config: () => client, promised: true }),
    server: new SecureStream(right, { role: 'server', config: () => server, promised: true }),
  }
  await Promise.all([ends.client.secured, ends.server.secured])
  return ends
}

const small = async (): Promise<Row> => {
  const ends = await setUp({})
  const mine = await streams(ends)
  const theirs = await nodeTls.shake(ends.nodeTls)
  const total = MIB
  return {
    name: 'stream-small-256',
    unit: 'messages/s',
    amount: total / 256,
    sides: {
      ours: () => pourStreams(mine, total, 256),
      nodeTls: () => pourStreams(theirs, total, 256),
    },
    close: () => nodeTls.close(theirs),
  }
}

const roundTrip = async (name: string, size: number, wishes: Wishes = {}): Promise<Row> => {
  const ends = await setUp(wishes)
  const mine = ours.shake(ends.client, ends.server)
  ours.settle(mine)
  const theirs = await nodeTls.shake(ends.nodeTls)
  return {
    name,
    unit: 'round trips/s',
    amount: 500,
    // the first that is measured would be compiled while it is
    warmUp: 100,
    sides: {
      ours: () => ours.pingPong(mine, 500, size),
      nodeTls: () => pingPongStreams(theirs, 500, size),
      floor: floor.records(wishes.cipher === 'chacha20-poly1305' ? wishes.cipher : 'aes-128-gcm', size, 2 * 500),
    },
    close: () => nodeTls.close(theirs),
  }
}

const CHACHA: Wishes = { cipher: 'chacha20-poly1305' }
/** Short records by libsodium. The others stay as they are. */
const overSodium = async (): Promise<Wishes> => ({ ...CHACHA, provider: await sodium(node) })

/** How many idle connections fit a MiB of resident memory: each side in a process of its own, where nothing else has grown. */
const memory = (): Row => {
  const inProcess = (side: string) => (): number => {
    const program = fileURLToPath(new URL('idle.js', import.meta.url))
    const run = spawnSync(process.execPath, [program, side], { encoding: 'utf8' })
    if (run.status !== 0) throw new Error(run.stderr)
    return Number(run.stdout)
  }
  return {
    name: 'memory-idle',
    unit: 'connections/MiB',
    rounds: 3,
    sides: {},
    figures: { ours: inProcess('ours'), nodeTls: inProcess('nodeTls') },
  }
}

const parse = async (): Promise<Row> => {
  const { client, server } = await setUp({})
  let hello: Uint8Array | undefined
  const trace = (event: { readonly event: string; readonly name?: string; readonly raw?: Uint8Array }): void => {
    if (event.event === 'message' && event.name === 'clientHello') hello ??= event.raw?.slice(4)
  }
  ours.shake({ ...client, alpn: ['h2', 'http/1.1'], trace }, server)
  const raw = hello
  if (!raw) throw new Error('no hello was seen')
  return {
    name: 'clienthello-parse',
    unit: 'hellos/s',
    amount: 1000,
    sides: {
      ours: () => {
        for (let i = 0; i < 1000; i++) decode(messages.clientHello.codec, raw)
      },
    },
  }
}

const verify = async (): Promise<Row> => {
  const ends = await setUp({})
  const { verifier } = ends.client
  return {
    name: 'x509-verify',
    unit: 'paths/s',
    warmUp: 2 * WARM,
    sides: {
      ours: () =>
        verifier.verify([ends.leaf.raw, ends.intermediate.raw].map(parseCertificate), {
          provider: node,
          purpose: 'server',
          name: 'localhost',
          time: Date.now(),
        }),
      floor: floor.path(ends),
    },
  }
}

/** Every row, made when its turn comes. */
export const rows: Readonly<Record<string, () => Row | Promise<Row>>> = {
  'handshake-1.3-ecdsa': () => handshake('handshake-1.3-ecdsa', {}, 'full'),
  'handshake-1.3-ecdsa-known-peer': () => handshake('handshake-1.3-ecdsa-known-peer', { known: true }, 'known'),
  'handshake-1.3-rsa2048': () => handshake('handshake-1.3-rsa2048', { kind: 'rsa-2048' }, 'full'),
  'handshake-1.3-psk': resumption,
  'handshake-1.3-mtls': () => handshake('handshake-1.3-mtls', { mutual: true }, 'mutual'),
  'handshake-1.2-ecdsa': () => handshake('handshake-1.2-ecdsa', { version: TLS12 }, 'tls12'),
  'handshake-1.3-ecdsa-tcp': loopback,
  'bulk-16k-aes128gcm': () => bulk('bulk-16k-aes128gcm', 'aes-128-gcm'),
  'bulk-16k-aes256gcm': () => bulk('bulk-16k-aes256gcm', 'aes-256-gcm'),
  'bulk-16k-chacha': () => bulk('bulk-16k-chacha', 'chacha20-poly1305'),
  'bulk-tcp-aes128gcm': bulkTcp,
  'stream-small-256': small,
  'roundtrip-64': () => roundTrip('roundtrip-64', 64),
  'roundtrip-1400': () => roundTrip('roundtrip-1400', 1400),
  'roundtrip-64-chacha': () => roundTrip('roundtrip-64-chacha', 64, CHACHA),
  'roundtrip-1400-chacha': () => roundTrip('roundtrip-1400-chacha', 1400, CHACHA),
  'roundtrip-64-chacha-sodium': async () => roundTrip('roundtrip-64-chacha-sodium', 64, await overSodium()),
  'roundtrip-1400-chacha-sodium': async () => roundTrip('roundtrip-1400-chacha-sodium', 1400, await overSodium()),
  'memory-idle': memory,
  'noble-handshake-1.3-ecdsa': () => overNoble('noble-handshake-1.3-ecdsa', {}),
  'noble-handshake-1.3-ecdsa-known-peer': () => overNoble('noble-handshake-1.3-ecdsa-known-peer', { known: true }),
  'noble-handshake-1.2-ecdsa': () => overNoble('noble-handshake-1.2-ecdsa', { version: TLS12 }),
  'clienthello-parse': parse,
  'x509-verify': verify,
}
