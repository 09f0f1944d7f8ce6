import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import type { Duplex } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { wire } from '../../test/duplex.ts'
import { lateProvider } from '../../test/late.ts'
import { ca, dial, echo, local, pair } from '../../test/streams.ts'
import { node } from '../crypto/node/index.ts'
import { type ClientOptions, type SecureStream, type ServerOptions, secure } from './index.ts'

const server: ServerOptions = { cert: local.cert, key: local.key }
const client: ClientOptions = { servername: 'localhost', ca }
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Cuts what goes over a wire once, after so many bytes. */
const cutAt = (at: number) => {
  let left = at
  return (bytes: Buffer): Buffer[] => {
    const here = left
    left -= bytes.length
    return here > 0 && here < bytes.length ? [bytes.subarray(0, here), bytes.subarray(here)] : [bytes]
  }
}

/** Over a wire that cuts in its own way in each direction. */
const over = async (left: Duplex, right: Duplex, options: object = {}): Promise<[SecureStream, SecureStream]> =>
  Promise.all([secure(left, { ...client, ...options }), secure(right, { ...server, ...options, isServer: true })])

describe('every way to cut the bytes', () => {
  for (const version of ['TLSv1.3', 'TLSv1.2'] as const)
    test(`${version}: each split of the first 300 bytes of either side`, async () => {
      for (let at = 1; at <= 300; at++) {
        const [left, right] = wire(cutAt(at))
        const [mine, theirs] = await over(left, right, { minVersion: version, maxVersion: version })
        theirs.pipe(theirs)
        mine.end('x')
        assert.equal((await buffer(mine)).toString(), 'x', `cut after ${at} bytes`)
      }
    })

  test('byte by byte, both ways', async () => {
    const [left, right] = wire((bytes) => [...bytes].map((byte) => Buffer.of(byte)))
    const [mine, theirs] = await over(left, right)
    theirs.pipe(theirs)
    mine.end('drop by drop')
    assert.equal((await buffer(mine)).toString(), 'drop by drop')
  })

  test('crypto that answers late', async () => {
    const [left, right] = wire()
    const [mine, theirs] = await over(left, right, { config: { provider: lateProvider(node) } })
    theirs.pipe(theirs)
    const sent = Buffer.alloc(200_000, 'late ')
    mine.write('first ')
    mine.end(sent)
    assert.equal((await buffer(mine)).length, sent.length + 6)
  })
})

describe('records', () => {
  const made = async (
    send: (stream: SecureStream) => void,
    options = {},
  ): Promise<{ sizes: number[]; bytes: number }> => {
    const sizes: number[] = []
    const [mine, theirs] = await pair(
      {},
      {
        ...options,
        config: {
          trace: (event) => void (event.event === 'record' && event.way === 'out' && sizes.push(event.length)),
        },
      },
    )
    sizes.length = 0
    send(mine)
    const bytes = (await buffer(theirs)).length
    // close_notify is one of them
    return { sizes: sizes.slice(0, -1), bytes }
  }

  const rows: readonly (readonly [string, (stream: SecureStream) => void, number, number])[] = [
    [
      '64 small writes in one turn share one',
      (s) => void (Array.from({ length: 64 }, () => s.write(Buffer.alloc(256))), s.end()),
      1,
      16384,
    ],
    [
      '65 fill one and begin another',
      (s) => void (Array.from({ length: 65 }, () => s.write(Buffer.alloc(256))), s.end()),
      2,
      16640,
    ],
    [
      'a large one stays whole between small ones',
      (s) => void (s.write('a'), s.write(Buffer.alloc(40_000)), s.write('b'), s.end()),
      5,
      40_002,
    ],
    ['one is one', (s) => void s.end('x'), 1, 1],
    ['corked by hand', (s) => void (s.cork(), s.write('a'), s.write('b'), s.uncork(), s.end('c')), 1, 3],
  ]
  for (const [what, send, records, bytes] of rows)
    test(what, async () => {
      const { sizes, ...rest } = await made(send, { dynamicRecordSizing: false })
      assert.deepEqual({ records: sizes.length, ...rest }, { records, bytes })
    })

  test('begin with one segment, and grow', async () => {
    const { sizes, bytes } = await made((s) => void s.end(Buffer.alloc(200_000)))
    assert.equal(bytes, 200_000)
    assert.equal(sizes[0], 1400)
    assert.ok(sizes.slice(0, -1).every((size, at) => at === 0 || size >= (sizes[at - 1] as number)))
    assert.equal(sizes.at(-2), 16384)
  })

  test('are no larger than setMaxSendFragment says', async () => {
    const send = (s: SecureStream): void => {
      assert.deepEqual(
        [511, 16385, Number.NaN].map((size) => s.setMaxSendFragment(size)),
        [false, false, false],
      )
      assert.equal(s.setMaxSendFragment(600), true)
      s.end(Buffer.alloc(1500))
    }
    assert.deepEqual((await made(send, { dynamicRecordSizing: false })).sizes, [600, 600, 300])
  })

  test('those of different turns do not wait for each other', async () => {
    const [mine, theirs] = await pair()
    const seen: string[] = []
    theirs.on('data', (data) => seen.push(String(data)))
    for (const word of ['a', 'b']) {
      mine.write(word)
      await once(theirs, 'data')
    }
    assert.deepEqual(seen, ['a', 'b'])
  })
})

describe('destroyed at any moment', () => {
  /** A wire that stops after so many bytes in all, and a promise for that. */
  const stopping = (bytes: number) => {
    let left = bytes
    let stop: () => void = () => {}
    const stopped = new Promise<void>((resolve) => (stop = resolve))
    const ends = wire((chunk) => {
      const part = chunk.subarray(0, Math.max(0, left))
      left -= chunk.length
      if (left <= 0) stop()
      return part.length > 0 ? [part] : []
    })
    return { ends, stopped }
  }

  for (const end of ['client', 'server'] as const)
    test(`the ${end}, after every 40 bytes of the handshake: nothing is left`, async () => {
      for (let bytes = 1; bytes < 900; bytes += 40) {
        const { ends, stopped } = stopping(bytes)
        const controller = new AbortController()
        const [left, right] = ends
        const mine = secure(left, { ...client, ...(end === 'client' && { signal: controller.signal }) })
        const theirs = secure(right, {
          ...server,
          isServer: true,
          ...(end === 'server' && { signal: controller.signal }),
        })
        await stopped
        controller.abort()
        const [one, two] = await Promise.allSettled([mine, theirs])
        const [own, other] = end === 'client' ? [one, two] : [two, one]
        assert.equal(own.status, 'rejected')
        assert.equal(own.reason.code, 'ABORT_ERR')
        assert.equal(other.status, 'rejected')
        for (const transport of ends) {
          assert.equal(transport.destroyed, true)
          assert.deepEqual(transport.listenerCount('data') + transport.listenerCount('drain'), 0)
        }
      }
    })

  test('before it began, while waiting for a key, and when it is open', async () => {
    const [left] = wire()
    const first = secure(left, client)
    left.destroy()
    await assert.rejects(first, { code: 'ECONNRESET' })
    const never = await echo({ key: () => new Promise(() => {}) })
    const told = once(never.server, 'tlsClientError')
    const socket = connectTcp(never.port, '127.0.0.1')
    const second = secure(socket, client)
    await once(never.server, 'connection')
    setTimeout(() => socket.destroy(), 20)
    await assert.rejects(second, { code: 'ECONNRESET' })
    assert.equal(((await told)[0] as { code: string }).code, 'ECONNRESET')
    const [mine, theirs] = await pair()
    theirs.on('error', () => {}).resume()
    mine.destroy()
    await once(mine, 'close')
    await once(theirs, 'close')
  })

  test('a transport that is closed while the reader is slow: first the data, then the error', async () => {
    const [left, right] = wire()
    const [mine, theirs] = await over(left, right)
    theirs.on('error', () => {})
    theirs.write('the last words')
    await turn()
    await turn()
    right.removeAllListeners('error')
    left.push(null)
    const got: string[] = []
    await assert.rejects(
      async () => {
        for await (const part of mine) got.push(String(part))
      },
      { code: 'ERR_SSL_UNEXPECTED_EOF_WHILE_READING' },
    )
    assert.deepEqual(got, ['the last words'])
  })

  test('half open, and the transport is gone before the last words were read', async () => {
    const [left, right] = wire()
    const [mine, theirs] = await over(left, right, { allowHalfOpen: true })
    theirs.on('error', () => {}).end('the last words')
    await turn()
    left.destroy()
    const closed = new Promise((resolve) => mine.once('close', resolve))
    const got: string[] = []
    mine.on('data', (part) => got.push(String(part)))
    await closed
    assert.deepEqual(got, ['the last words'])
  })

  test('errors of the transport surface here, once', async () => {
    const [left, right] = wire()
    const [mine, theirs] = await over(left, right)
    theirs.on('error', () => {})
    const seen: unknown[] = []
    mine.on('error', (error: { code?: string }) => seen.push(error.code))
    const closed = new Promise((resolve) => mine.once('close', resolve))
    left.destroy(Object.assign(new Error('the cable'), { code: 'ECABLE' }))
    await closed
    assert.deepEqual(seen, ['ECABLE'])
  })
})

describe('big writes', () => {
  const sockets = async (): Promise<[SecureStream, SecureStream]> => {
    const { server, port } = await echo()
    const accepted = once(server, 'secureConnection') as Promise<[SecureStream]>
    return [await dial(port), (await accepted)[0]]
  }

  test('what was written after one, in the same turn, still leaves before destroy', async () => {
    const [mine, theirs] = await pair()
    const got = buffer(theirs)
    const told: unknown[] = []
    mine.write(Buffer.alloc(40_000), (error: unknown) => told.push(error))
    await new Promise((resolve) => process.nextTick(resolve))
    mine.write('and this', (error: unknown) => told.push(error))
    mine.destroy()
    assert.equal((await got).toString('latin1', 40_000), 'and this')
    assert.equal(told.length, 2)
  })

  test('are told in the next turn of the event loop, in order, and let others in between', async () => {
    const [mine, theirs] = await pair()
    theirs.resume()
    const order: string[] = []
    setImmediate(() => order.push('turn'))
    mine.write(Buffer.alloc(65_536), () => order.push('first'))
    mine.write('x', () => order.push('second'))
    const last = new Promise((resolve) => mine.write(Buffer.alloc(65_536), resolve))
    await last
    assert.deepEqual(order, ['turn', 'first', 'second'])
    mine.destroy()
  })

  for (const [over, ends] of Object.entries({ sockets, memory: () => pair() }))
    test(`leave no memory behind in a connection that is idle, over ${over}`, async () => {
      const [mine, theirs] = await ends()
      if (over === 'memory') theirs.pipe(theirs)
      mine.write(Buffer.alloc(1 << 20))
      let left = 1 << 20
      mine.on('data', (data) => (left -= data.length))
      const kept = (): number =>
        [mine, theirs].reduce((sum, { connection }) => sum + connection.input.held + connection.output.held, 0)
      while (left > 0 || kept() > 0) await turn()
      assert.equal(left, 0)
      mine.destroy()
    })
})

describe('the transport', () => {
  test('its own listeners never see TLS', async () => {
    const [left, right] = wire()
    const heard: unknown[] = []
    left.on('data', (data) => heard.push(data))
    const [mine, theirs] = await over(left, right)
    theirs.end('hello')
    assert.equal((await buffer(mine)).toString(), 'hello')
    assert.deepEqual(heard, [])
  })

  const wrong: readonly (readonly [string, (stream: Duplex) => void, RegExp])[] = [
    ['ended', (stream) => void stream.end(), /has ended before TLS could begin/],
    ['destroyed', (stream) => void stream.destroy(), /has ended before TLS could begin|closed before/],
    ['decoding', (stream) => void stream.setEncoding('utf8'), /setEncoding/],
  ]
  for (const [what, spoil, says] of wrong)
    test(`one that cannot carry it: ${what}`, async () => {
      const [left] = wire()
      spoil(left)
      await assert.rejects(secure(left, client), says)
    })

  test('a pair of web streams', async () => {
    const [up, down] = [new TransformStream(), new TransformStream()]
    const [mine, theirs] = await Promise.all([
      secure({ readable: down.readable, writable: up.writable }, client),
      secure({ readable: up.readable, writable: down.writable }, { ...server, isServer: true }),
    ])
    theirs.pipe(theirs)
    mine.end('over the web’s streams')
    assert.equal((await buffer(mine)).toString(), 'over the web’s streams')
  })
})
