import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectTcp, createServer as createTcp } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { setTimeout as later } from 'node:timers/promises'
import { wire } from '../../test/duplex.ts'
import { ca, dial, echo, listening, local } from '../../test/streams.ts'
import { secure } from './index.ts'

describe('ends that are not the peer’s', () => {
  test('a client that says nothing', async () => {
    const { server, port } = await echo({ handshakeTimeout: 30 })
    const told = once(server, 'tlsClientError')
    const silent = connectTcp(port, '127.0.0.1')
    silent.on('error', () => {})
    assert.equal(((await told)[0] as { code: string }).code, 'ERR_TLS_HANDSHAKE_TIMEOUT')
    await once(silent, 'close')
  })

  test('a server that says nothing', async () => {
    const sockets: unknown[] = []
    const server = createTcp((socket) => void sockets.push(socket.on('error', () => {}).resume()))
    const port = await listening(server)
    await assert.rejects(dial(port, { handshakeTimeout: 30 }), { code: 'ERR_TLS_HANDSHAKE_TIMEOUT' })
  })

  test('a signal, at every moment', async () => {
    const { port } = await echo({ onClientHello: () => later(20) })
    await assert.rejects(dial(port, { signal: AbortSignal.abort() }), { code: 'ABORT_ERR' })
    const soon = new AbortController()
    const dialed = dial(port, { signal: soon.signal })
    setTimeout(() => soon.abort(), 5)
    await assert.rejects(dialed, { code: 'ABORT_ERR' })
    const then = new AbortController()
    const stream = await dial(port, { signal: then.signal })
    const failed = once(stream, 'error')
    then.abort()
    assert.equal(((await failed)[0] as { code: string }).code, 'ABORT_ERR')
  })

  test('a signal ends a server', async () => {
    const controller = new AbortController()
    const { server, port } = await echo({ signal: controller.signal, handshakeTimeout: 0 })
    const silent = connectTcp(port, '127.0.0.1')
    silent.on('error', () => {})
    await once(server, 'connection')
    const closed = once(server, 'close')
    controller.abort()
    await closed
  })

  const leftovers: readonly (readonly [string, 'client' | 'server', string, boolean, string | RegExp])[] = [
    ['bytes before a client speaks', 'client', '\x16\x03\x03', false, 'ERR_TLS_LEFTOVER_BYTES'],
    ['a command behind STARTTLS', 'server', 'MAIL FROM:<x>\r\n', false, 'ERR_TLS_LEFTOVER_BYTES'],
    ['allowed, and no TLS', 'server', 'MAIL FROM:<x>\r\n', true, 'ERR_SSL_WRONG_VERSION_NUMBER'],
  ]
  for (const [what, role, bytes, allowLeftover, code] of leftovers)
    test(`leftover: ${what}`, async () => {
      const [left, right] = wire()
      right.write(bytes, 'latin1')
      const options = { servername: 'localhost', ca, cert: local.cert, key: local.key, allowLeftover }
      await assert.rejects(secure(role, left, options), { code })
      assert.equal(left.destroyed, true)
    })

  test('bytes that were read already', async () => {
    const [left, right] = wire()
    const dialed = secure(left, { servername: 'localhost', ca })
    const [first] = (await once(right, 'data')) as [Buffer]
    const server = await secure(right, { isServer: true, cert: local.cert, key: local.key, first })
    ;(await dialed).end('read twice')
    assert.equal((await buffer(server)).toString(), 'read twice')
  })
})
