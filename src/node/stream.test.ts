import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer as createTcp, type Server } from 'node:net'
import { Duplex } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import * as nodeTls from 'node:tls'
import { materials, NOW } from '../../test/materials.ts'
import { AlertReceived, TlsError, Truncated } from '../errors.ts'
import { writePem } from '../x509/pem.ts'
import { connect, createServer, secure } from './index.ts'
import type { SecureStream } from './stream.ts'

const m = await materials()
const identity = m.identities['P-256']
const pem = (label: string, der: Uint8Array): string => writePem(label, der)
const ca = pem('CERTIFICATE', m.root.raw)
const cert = pem('CERTIFICATE', identity.chain[0] as Uint8Array)
const key = pem('PRIVATE KEY', (identity.key as unknown as { pkcs8: Uint8Array }).pkcs8)
const config = { now: () => NOW }

const portOf = (server: Server): number => (server.address() as AddressInfo).port
const listening = async (server: Server): Promise<number> => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return portOf(server)
}

/** A server that sends everything back. */
const echo = async (use: (port: number, server: Server) => Promise<void>, options = {}): Promise<void> => {
  const server = await createServer(
    { cert, key, config, ...options },
    (stream) => void stream.on('error', () => {}).pipe(stream),
  )
  try {
    await use(await listening(server), server)
  } finally {
    server.close()
  }
}

/** Two ends of a wire in memory. */
const wire = (): [Duplex, Duplex] => {
  const ends: Duplex[] = []
  const make = (at: number): Duplex =>
    new Duplex({
      allowHalfOpen: true,
      read() {},
      write(chunk: Buffer, _encoding, done) {
        ends[1 - at]?.push(Buffer.from(chunk))
        done()
      },
      final(done) {
        ends[1 - at]?.push(null)
        done()
      },
    })
  ends.push(make(0), make(1))
  return ends as [Duplex, Duplex]
}

/** All that comes until the end; other than an async iterator it leaves the stream open for writing. */
const received = async (stream: Duplex): Promise<string> => {
  let text = ''
  stream.on('data', (chunk: Buffer) => (text += chunk))
  await once(stream, 'end')
  return text
}

describe('streams', () => {
  test('a megabyte each way over TCP, then a clean end', async () => {
    await echo(async (port) => {
      const stream = await connect({ host: '127.0.0.1', port, servername: 'localhost', ca, config })
      const sent = Buffer.alloc(1 << 20, 'typetls ')
      stream.end(sent)
      const back = await buffer(stream)
      assert.equal(createHash('sha256').update(back).digest('hex'), createHash('sha256').update(sent).digest('hex'))
    })
  })

  test('an address as the name to check', async () => {
    await echo(async (port) => {
      const stream = await connect({ host: '127.0.0.1', port, ca, config })
      assert.equal(stream.facts.serverName, undefined)
      stream.destroy()
    })
  })

  const refusals: readonly (readonly [string, object, (error: unknown) => boolean])[] = [
    [
      'another name',
      { servername: 'example.org', ca },
      (error) => error instanceof TlsError && error.reason === 'CERTIFICATE_VERIFY_FAILED',
    ],
    [
      'no anchor',
      { servername: 'localhost', ca: [] },
      (error) => error instanceof TlsError && error.alert === 'unknown_ca',
    ],
    [
      'no version in common',
      { servername: 'localhost', ca, config: { ...config, versions: [0x0303] } },
      (error) => error instanceof AlertReceived && error.alert === 70,
    ],
  ]
  for (const [name, options, expected] of refusals) {
    test(`refused: ${name}`, async () => {
      await echo(
        async (port, server) => {
          const failed = once(server, 'tlsClientError')
          await assert.rejects(connect({ host: '127.0.0.1', port, config, ...options }), expected)
          const [error] = await failed
          assert.ok(error instanceof TlsError || error instanceof AlertReceived)
        },
        { config: { ...config, versions: [0x0304] } },
      )
    })
  }

  test('nobody listens', async () => {
    const server = createTcp()
    const port = await listening(server)
    server.close()
    await once(server, 'close')
    await assert.rejects(connect({ host: '127.0.0.1', port, ca }), { code: 'ECONNREFUSED' })
  })

  test('a transport that ends without close_notify is an error', async () => {
    const [left, right] = wire()
    const [client, server] = await Promise.all([
      secure('client', left, { servername: 'localhost', ca, config }),
      secure('server', right, { cert, key, config }),
    ])
    server.on('error', () => {})
    client.resume()
    right.push(null)
    left.push(null)
    const [error] = await once(client, 'error')
    assert.ok(error instanceof Truncated)
  })

  test('TLS in TLS', async () => {
    const [left, right] = wire()
    const outer = await Promise.all([
      secure('client', left, { servername: 'localhost', ca, config }),
      secure('server', right, { cert, key, config }),
    ])
    const [client, server] = await Promise.all([
      secure('client', outer[0], { servername: 'localhost', ca, config }),
      secure('server', outer[1], { cert, key, config }),
    ])
    server.pipe(server)
    client.end('within')
    assert.equal((await buffer(client)).toString(), 'within')
  })

  test('half closed: the other side may go on', async () => {
    const [left, right] = wire()
    const [client, server] = await Promise.all([
      secure('client', left, { servername: 'localhost', ca, config }),
      secure('server', right, { cert, key, config, allowHalfOpen: true }),
    ])
    client.end('question')
    assert.equal(await received(server), 'question')
    server.end('answer')
    assert.equal(await received(client), 'answer')
  })

  test('a slow reader holds the writer back', async () => {
    const [left, right] = wire()
    const [client, server] = await Promise.all([
      secure('client', left, { servername: 'localhost', ca, config }),
      secure('server', right, { cert, key, config }),
    ])
    const total = 4 << 20
    let taken = 0
    server.write(Buffer.alloc(total))
    for await (const chunk of client as SecureStream & AsyncIterable<Buffer>) {
      assert.ok(client.readableLength <= 2 * 65536, `${client.readableLength} bytes wait to be read`)
      taken += chunk.length
      if (taken === total) break
    }
    server.destroy()
  })
})

describe('streams against node:tls', () => {
  test('our client', async () => {
    const server = nodeTls.createServer({ cert, key }, (socket) => void socket.pipe(socket))
    const port = await listening(server)
    const stream = await connect({ host: '127.0.0.1', port, servername: 'localhost', ca, config })
    stream.end('hello')
    assert.equal((await buffer(stream)).toString(), 'hello')
    server.close()
  })

  test('our server', async () => {
    await echo(async (port) => {
      const socket = nodeTls.connect({ host: '127.0.0.1', port, servername: 'localhost', ca })
      socket.end('hello')
      assert.equal((await buffer(socket)).toString(), 'hello')
      assert.equal(socket.authorized, true)
    })
  })

  test('our client is refused by a server that speaks no TLS', async () => {
    const server = createTcp((socket) => void socket.end('220 hello\r\n'))
    const port = await listening(server)
    await assert.rejects(connect({ host: '127.0.0.1', port, ca }), { reason: 'WRONG_VERSION_NUMBER' })
    server.close()
  })
})
