import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { contextFor, materials, read, shutdown, told, useIdentity } from '../../test/openssl/bench.ts'
import * as o from './index.ts'
import { errnos } from './platform.ts'

/** Waits for the socket that the last call named, and makes the call again. */
const next = async (ssl: o.SSL, act: () => number): Promise<string> => {
  for (;;) {
    const ret = act()
    if (o.SSL_get_error(ssl, ret) !== o.SSL_ERROR_WANT_READ && o.SSL_get_error(ssl, ret) !== o.SSL_ERROR_WANT_WRITE)
      return told(ssl, ret)
    await o.SSL_wait(ssl, { timeoutMs: 20_000 })
  }
}

describe('B: sockets', () => {
  const listener = createServer({ pauseOnConnect: true, allowHalfOpen: true })
  before(() => new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve)))
  after(() => listener.close())

  /** An SSL over one end of a TCP connection, and the other end. */
  const ends = async (): Promise<{ client: o.SSL; near: Socket; far: Socket }> => {
    const accepted = once(listener, 'connection')
    const near = connect({
      port: (listener.address() as { port: number }).port,
      host: '127.0.0.1',
      allowHalfOpen: true,
    })
    const [far] = (await accepted) as [Socket]
    if (near.connecting) await once(near, 'connect')
    const client = o.SSL_new(contextFor(false)) as o.SSL
    o.SSL_set_fd(client, near)
    o.SSL_set_connect_state(client)
    return { client, near, far }
  }
  const finish = (client: o.SSL, ...sockets: Socket[]): void => {
    o.SSL_free(client)
    for (const socket of sockets) socket.destroy()
  }

  it('B12 B12b the socket is closed already', async () => {
    const { client, near, far } = await ends()
    near.end()
    await once(near, 'finish')
    assert.equal(told(client, o.SSL_do_handshake(client)), `-1 SYSCALL errno=${errnos['EPIPE']}`)
    assert.equal(told(client, o.SSL_do_handshake(client)), `-1 SYSCALL errno=${errnos['EPIPE']}`)
    finish(client, near, far)
  })

  it('B13 B13b the peer closes cleanly in the middle', async () => {
    const { client, near, far } = await ends()
    assert.equal(told(client, o.SSL_do_handshake(client)), '-1 WANT_READ')
    far.end()
    assert.equal(await next(client, () => o.SSL_do_handshake(client)), '-1 SYSCALL errno=0')
    finish(client, near, far)
  })

  it('B14 the peer resets', async () => {
    const { client, near, far } = await ends()
    assert.equal(told(client, o.SSL_do_handshake(client)), '-1 WANT_READ')
    far.resetAndDestroy()
    assert.equal(await next(client, () => o.SSL_do_handshake(client)), `-1 SYSCALL errno=${errnos['ECONNRESET']}`)
    finish(client, near, far)
  })

  it('B15 B15c B15d a connection of its own, closed both ways', async () => {
    const { client, near, far } = await ends()
    const sctx = contextFor(false)
    useIdentity(sctx, (await materials()).leaf)
    const server = o.SSL_new(sctx) as o.SSL
    o.SSL_set_fd(server, far)
    o.SSL_set_accept_state(server)
    const both = [next(client, () => o.SSL_do_handshake(client)), next(server, () => o.SSL_do_handshake(server))]
    assert.deepEqual(await Promise.all(both), ['1 NONE', '1 NONE'])
    assert.equal(await shutdown(server), '0 SYSCALL errno=0')
    const into = new Uint8Array(10)
    assert.equal(await next(client, () => o.SSL_read(client, into)), '0 ZERO_RETURN')
    assert.equal(await shutdown(client), '1 NONE')
    assert.equal(await next(server, () => o.SSL_shutdown(server)), '1 NONE')
    assert.equal(await read(server), '0 ZERO_RETURN')
    o.SSL_free(server)
    finish(client, near, far)
  })
})
