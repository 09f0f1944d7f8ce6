import assert from 'node:assert/strict'
import { connect, createServer, type Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { lateKey } from '../../test/late.ts'
import { bytes, contextFor, materials, told, trust, useIdentity } from '../../test/openssl/bench.ts'
import * as o from './index.ts'

/** Until it is done, with nothing but SSL_wait between the calls: what a program does with select in C. */
const finish = async (ssl: o.SSL, act: () => number): Promise<number> => {
  for (;;) {
    o.ERR_clear_error()
    const ret = act()
    const error = o.SSL_get_error(ssl, ret)
    if (error !== o.SSL_ERROR_WANT_READ && error !== o.SSL_ERROR_WANT_WRITE && error !== o.SSL_ERROR_WANT_ASYNC)
      return ret
    await o.SSL_wait(ssl, { timeoutMs: 20_000 })
  }
}

/** Reads until the peer closes. */
const readAll = async (ssl: o.SSL): Promise<number> => {
  const into = new Uint8Array(16384)
  let total = 0
  for (;;) {
    const n = await finish(ssl, () => o.SSL_read(ssl, into))
    if (n <= 0) return total
    total += n
  }
}

describe('SSL_wait', () => {
  const listener = createServer({ pauseOnConnect: true, allowHalfOpen: true })
  before(() => new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve)))
  after(() => listener.close())

  /** A client and a server over TCP. */
  const overTcp = async (late: boolean): Promise<{ client: o.SSL; server: o.SSL; end: () => void }> => {
    const { port } = listener.address() as { port: number }
    const accepted = new Promise<Socket>((resolve) => listener.once('connection', resolve))
    const near = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const far = await accepted
    const m = await materials()
    const cctx = contextFor(late)
    const sctx = contextFor(late)
    useIdentity(sctx, m.leaf, late)
    trust(cctx, m.root)
    o.SSL_CTX_set_verify(cctx, o.SSL_VERIFY_PEER, null)
    const client = o.SSL_new(cctx) as o.SSL
    const server = o.SSL_new(sctx) as o.SSL
    o.SSL_set1_host(client, 'server.example')
    o.SSL_set_fd(client, near)
    o.SSL_set_fd(server, far)
    return {
      client,
      server,
      end: () => {
        o.SSL_free(client)
        o.SSL_free(server)
        near.destroy()
        far.destroy()
      },
    }
  }

  for (const late of [false, true]) {
    it(`a megabyte each way over TCP${late ? ', late crypto' : ''}`, { timeout: 60_000 }, async () => {
      const { client, server, end } = await overTcp(late)
      try {
        const megabyte = new Uint8Array(1 << 20)
        const one = async (): Promise<string> => {
          const hand = await finish(client, () => o.SSL_connect(client))
          const sent = await finish(client, () => o.SSL_write(client, megabyte))
          const closed = await finish(client, () => o.SSL_shutdown(client))
          return `${hand} ${sent} ${closed} ${await readAll(client)}`
        }
        const two = async (): Promise<string> => {
          const hand = await finish(server, () => o.SSL_accept(server))
          const got = await readAll(server)
          const sent = await finish(server, () => o.SSL_write(server, megabyte))
          return `${hand} ${got} ${sent} ${await finish(server, () => o.SSL_shutdown(server))}`
        }
        assert.deepEqual(await Promise.all([one(), two()]), [`1 ${1 << 20} 0 ${1 << 20}`, `1 ${1 << 20} ${1 << 20} 1`])
        assert.equal(o.SSL_get_verify_result(client), 0)
        assert.equal(o.SSL_get0_peername(client), 'server.example')
      } finally {
        end()
      }
    })
  }

  it('gives up by signal and by time', async () => {
    const { client, server, end } = await overTcp(false)
    try {
      assert.equal(told(server, o.SSL_accept(server)), '-1 WANT_READ')
      const controller = new AbortController()
      const waiting = o.SSL_wait(server, { signal: controller.signal })
      controller.abort(new Error('enough'))
      await assert.rejects(waiting, /enough/)
      await assert.rejects(o.SSL_wait(server, { timeoutMs: 5 }), { name: 'TimeoutError' })
      assert.equal(o.SSL_want(client), o.SSL_NOTHING)
      await o.SSL_wait(client)
    } finally {
      end()
    }
  })

  it('a key that signs later pauses with WANT_ASYNC, and the socket that breaks ends it', async () => {
    const m = await materials()
    const sctx = contextFor(false)
    useIdentity(sctx, { ...m.leaf, key: lateKey(m.leaf.key) })
    const server = o.SSL_new(sctx) as o.SSL
    const client = o.SSL_new(contextFor(false)) as o.SSL
    const [near, far] = o.BIO_new_bio_pair(0, 0) as [o.BIO, o.BIO]
    o.SSL_set_bio(client, near, near)
    o.SSL_set_bio(server, far, far)
    assert.equal(told(client, o.SSL_connect(client)), '-1 WANT_READ')
    assert.equal(told(server, o.SSL_accept(server)), '-1 WANT_ASYNC')
    assert.equal(o.SSL_waiting_for_async(server), 1)
    await o.SSL_wait(server)
    assert.equal(told(server, o.SSL_accept(server)), '-1 WANT_READ')
    assert.equal(told(client, o.SSL_connect(client)), '1 NONE')
    assert.equal(told(server, o.SSL_accept(server)), '1 NONE')
    const waiting = o.SSL_wait(server)
    await waiting
    const into = new Uint8Array(4)
    assert.equal(told(server, o.SSL_read(server, into)), '-1 WANT_READ')
    const data = o.SSL_wait(server)
    o.SSL_write(client, bytes('data'))
    await data
    assert.equal(o.SSL_read(server, into), 4)
  })
})
