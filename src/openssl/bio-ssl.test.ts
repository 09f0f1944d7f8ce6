import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { contextFor, materials, queue, told, useIdentity } from '../../test/openssl/bench.ts'
import { type Row, table } from '../../test/openssl/rows.ts'
import * as o from './index.ts'

beforeEach(() => o.ERR_clear_error())

const text = (data: Uint8Array): string => new TextDecoder().decode(data)
const flags = (bio: o.BIO): string =>
  `flags: should_retry=${o.BIO_should_retry(bio)} should_read=${o.BIO_should_read(bio)} should_write=${o.BIO_should_write(bio)} io_special=${o.BIO_should_io_special(bio)} reason=${o.BIO_get_retry_reason(bio)}`

/** Makes the call again, as its SSL says. */
const done = async (bio: o.BIO, call: () => number): Promise<number> => {
  for (;;) {
    const ret = call()
    const ssl = o.BIO_get_ssl(bio) as o.SSL
    if (o.SSL_get_error(ssl, ret) !== o.SSL_ERROR_WANT_ASYNC) return ret
    await o.SSL_wait(ssl)
  }
}
const read = async (bio: o.BIO, num = 100): Promise<[number, string]> => {
  const buf = new Uint8Array(num)
  const ret = await done(bio, () => o.BIO_read(bio, buf))
  return [ret, text(buf.subarray(0, Math.max(ret, 0)))]
}

interface Ends {
  readonly client: o.BIO
  readonly server: o.BIO
}
/** Two filters before a BIO pair with buffers of `size` bytes. */
const ends = async (version: number, late: boolean, size = 0): Promise<Ends> => {
  const [cctx, sctx] = [contextFor(late), contextFor(late)]
  for (const ctx of [cctx, sctx]) o.SSL_CTX_set_max_proto_version(ctx, version)
  useIdentity(sctx, (await materials()).leaf, late)
  const [near, far] = o.BIO_new_bio_pair(size, size) as [o.BIO, o.BIO]
  const client = o.BIO_push(o.BIO_new_ssl(cctx, 1), near) as o.BIO
  return { client, server: o.BIO_push(o.BIO_new_ssl(sctx, 0), far) as o.BIO }
}
const shake = async ({ client, server }: Ends): Promise<[number, number]> => {
  const buf = new Uint8Array(0)
  for (let round = 0; round < 50_000; round++) {
    const c = await done(client, () => o.BIO_do_handshake(client))
    if (c === 1) o.BIO_read(client, buf) // what comes behind the handshake must find room
    const s = await done(server, () => o.BIO_do_handshake(server))
    if (c === 1 && s === 1) return [c, s]
  }
  throw new Error('the handshake does not come to its end')
}

const rows: readonly Row[] = [
  {
    id: 'S1',
    run: async ({ version, late }) => {
      const { client } = await ends(version, late)
      return [`BIO_do_handshake client=${await done(client, () => o.BIO_do_handshake(client))}`, flags(client)]
    },
    says: ['BIO_do_handshake client=-1', 'flags: should_retry=1 should_read=1 should_write=0 io_special=0 reason=0'],
  },
  {
    id: 'S1 with a pipe that is full',
    run: async ({ version, late }) => {
      const { client } = await ends(version, late, 10)
      return [`BIO_do_handshake client=${await done(client, () => o.BIO_do_handshake(client))}`, flags(client)]
    },
    says: ['BIO_do_handshake client=-1', 'flags: should_retry=1 should_read=0 should_write=1 io_special=0 reason=0'],
  },
  {
    id: 'S1c S2b S2c S2d S3 S3b',
    differs: { S2d: 'our tickets are of another length, which nothing promises' },
    run: async ({ version, late }) => {
      const pair = await ends(version, late)
      const { client, server } = pair
      const said = [`finally ${(await shake(pair)).join(' ')}`]
      assert.equal(await done(client, () => o.BIO_puts(client, 'ping')), 4)
      said.push(`read=${(await read(server)).join(' ')}`, `read none=${(await read(server))[0]}`, flags(server))
      // the server's tickets are what the client has not read
      said.push(`pending=${o.BIO_pending(server)} wpending>0=${o.BIO_wpending(server) > 0}`)
      o.BIO_ssl_shutdown(client)
      while (o.SSL_want_async(o.BIO_get_ssl(client) as o.SSL) === 1) {
        await o.SSL_wait(o.BIO_get_ssl(client) as o.SSL)
        o.BIO_ssl_shutdown(client)
      }
      said.push(`read after close_notify=${(await read(server))[0]}`, flags(server))
      const ssl = o.BIO_get_ssl(server) as o.SSL
      said.push(`get_ssl shutdown=${o.SSL_get_shutdown(ssl)} eof(sb)=${o.BIO_eof(server)}`)
      return said
    },
    says: {
      772: [
        'finally 1 1',
        'read=4 ping',
        'read none=-1',
        'flags: should_retry=1 should_read=1 should_write=0 io_special=0 reason=0',
        'pending=0 wpending>0=true',
        'read after close_notify=0',
        'flags: should_retry=0 should_read=0 should_write=0 io_special=0 reason=0',
        'get_ssl shutdown=2 eof(sb)=0',
      ],
      771: [
        'finally 1 1',
        'read=4 ping',
        'read none=-1',
        'flags: should_retry=1 should_read=1 should_write=0 io_special=0 reason=0',
        'pending=0 wpending>0=false',
        'read after close_notify=0',
        'flags: should_retry=0 should_read=0 should_write=0 io_special=0 reason=0',
        'get_ssl shutdown=2 eof(sb)=0',
      ],
    },
  },
  {
    id: 'S5',
    quick: true,
    run: () => {
      const bio = o.BIO_new(o.BIO_f_ssl()) as o.BIO
      const ret = o.BIO_read(bio, new Uint8Array(4))
      const said = [`read=${ret}; ${queue().join('; ')}`, `do_handshake=${o.BIO_do_handshake(bio)}`]
      said.push(`get_ssl=${o.BIO_get_ssl(bio)} type=0x${o.BIO_method_type(bio).toString(16)} ${o.BIO_method_name(bio)}`)
      o.BIO_free(bio)
      return said
    },
    says: ['read=-2; BIO/120 “uninitialized”', 'do_handshake=0', 'get_ssl=null type=0x207 ssl'],
  },
]
table('S: BIO_f_ssl', rows)

/** Plain bytes one way and the other, in big and small pieces. */
const exchange = async ({ client, server }: Ends): Promise<void> => {
  const sent = new Uint8Array(5000).map((_, at) => at % 251)
  for (const [from, to] of [
    [client, server],
    [server, client],
  ] as const) {
    const got: number[] = []
    let at = 0
    const buf = new Uint8Array(777)
    while (got.length < sent.length) {
      // the same call, for as long as it could not finish
      if (at < sent.length) {
        const piece = sent.subarray(at, at + 1000)
        if ((await done(from, () => o.BIO_write(from, piece))) === piece.length) at += piece.length
      }
      const n = await done(to, () => o.BIO_read(to, buf))
      assert.ok(n > 0 || o.BIO_should_retry(to) === 1)
      got.push(...buf.subarray(0, Math.max(n, 0)))
    }
    assert.deepEqual(Uint8Array.from(got), sent)
  }
}

describe('BIO_f_ssl in chains', () => {
  for (const size of [1, 17, 0]) {
    test(`TLS inside TLS over a BIO pair of ${size || 'the usual number of'} bytes`, { timeout: 120_000 }, async () => {
      const { client: outerC, server: outerS } = await ends(0x0303, false, size)
      const { client, server } = await ends(0x0304, false)
      const behindC = o.BIO_pop(client)
      const behindS = o.BIO_pop(server)
      for (const bio of [behindC, behindS]) o.BIO_free(bio)
      const inner = { client: o.BIO_push(client, outerC) as o.BIO, server: o.BIO_push(server, outerS) as o.BIO }
      assert.deepEqual(await shake(inner), [1, 1])
      assert.deepEqual(
        [inner.client, outerC].map((bio) => o.SSL_get_version(o.BIO_get_ssl(bio) as o.SSL)),
        ['TLSv1.3', 'TLSv1.2'],
      )
      await exchange(inner)
      o.BIO_free_all(inner.client)
      o.BIO_free_all(inner.server)
    })
  }

  test('TLS inside TLS, SSL over the filter: WANT_READ comes through, and SSL_wait waits below both', async () => {
    const pair = await ends(0x0304, false)
    await shake(pair)
    const [client, server] = [contextFor(false), contextFor(false)].map((ctx) => o.SSL_new(ctx) as o.SSL) as [
      o.SSL,
      o.SSL,
    ]
    useIdentity(o.SSL_get_SSL_CTX(server), (await materials()).leaf)
    const again = o.SSL_new(o.SSL_get_SSL_CTX(server)) as o.SSL
    o.SSL_set_bio(client, pair.client, pair.client)
    o.SSL_set_bio(again, pair.server, pair.server)
    assert.equal(told(client, o.SSL_connect(client)), '-1 WANT_READ')
    const waiting = o.SSL_wait(client, { timeoutMs: 60_000 })
    assert.equal(told(again, o.SSL_accept(again)), '-1 WANT_READ')
    await waiting
    assert.equal(told(client, o.SSL_connect(client)), '1 NONE')
    assert.equal(told(again, o.SSL_accept(again)), '1 NONE')
    for (const ssl of [client, server, again]) o.SSL_free(ssl)
  })

  test('S4: freed with BIO_CLOSE it says close_notify; a reference to its SSL outlives it', async () => {
    const pair = await ends(0x0304, false)
    await shake(pair)
    const ssl = o.BIO_get_ssl(pair.client) as o.SSL
    o.SSL_up_ref(ssl)
    const behind = o.BIO_next(pair.client) as o.BIO
    o.BIO_up_ref(behind)
    o.BIO_free_all(pair.client)
    assert.equal(ssl.references, 1)
    assert.equal((await read(pair.server))[0], 0)
    assert.equal(o.SSL_get_shutdown(o.BIO_get_ssl(pair.server) as o.SSL), o.SSL_RECEIVED_SHUTDOWN)
    o.SSL_free(ssl)
    assert.equal(behind.references, 1)
    o.BIO_free(behind)
  })

  test('with BIO_NOCLOSE the SSL stays; its BIOs become the chain behind the filter', async () => {
    const ssl = o.SSL_new(contextFor(false)) as o.SSL
    const memory = o.BIO_new(o.BIO_s_mem()) as o.BIO
    o.SSL_set_bio(ssl, memory, memory)
    const bio = o.BIO_new(o.BIO_f_ssl()) as o.BIO
    assert.equal(o.BIO_set_ssl(bio, ssl, o.BIO_NOCLOSE), 1)
    assert.deepEqual([o.BIO_next(bio) === memory, memory.references, o.BIO_get_close(bio)], [true, 3, 0])
    assert.equal(o.BIO_set_ssl_mode(bio, 1), 1)
    assert.equal(o.SSL_is_server(ssl), 0)
    assert.equal(o.BIO_set_ssl_mode(bio, 0), 1)
    assert.equal(o.SSL_is_server(ssl), 1)
    o.BIO_free_all(bio)
    assert.deepEqual([ssl.references, memory.references], [1, 2])
    o.SSL_free(ssl)
    assert.equal(memory.references, 0)
  })

  test('pushing attaches what comes next, popping the filter detaches it', async () => {
    const { client } = await ends(0x0304, false)
    const ssl = o.BIO_get_ssl(client) as o.SSL
    const behind = o.BIO_next(client) as o.BIO
    assert.deepEqual([o.SSL_get_rbio(ssl) === behind, behind.references], [true, 3])
    assert.equal(o.BIO_pop(client), behind)
    assert.deepEqual([o.SSL_get_rbio(ssl), behind.references], [null, 1])
    o.BIO_free(behind)
    o.BIO_free(client)
  })

  test('a buffer in front: lines go in and come out; the flush sends', async () => {
    const pair = await ends(0x0304, false)
    const client = o.BIO_push(o.BIO_new(o.BIO_f_buffer()), pair.client) as o.BIO
    const server = o.BIO_push(o.BIO_new(o.BIO_f_buffer()), pair.server) as o.BIO
    await shake({ client, server })
    assert.equal(o.BIO_puts(client, 'one\ntwo\n'), 8)
    const line = new Uint8Array(20)
    assert.equal(o.BIO_gets(server, line), -1)
    assert.equal(o.BIO_should_read(server), 1)
    assert.equal(o.BIO_flush(client), 1)
    for (const expected of ['one\n', 'two\n']) {
      assert.equal(text(line.subarray(0, o.BIO_gets(server, line))), expected)
    }
    assert.equal(o.BIO_gets(pair.server, line), -2, 'the filter itself has no lines')
    o.ERR_clear_error()
  })

  test('a reset closes the session and begins another on the same transport', async () => {
    const pair = await ends(0x0304, false)
    await shake(pair)
    // a pair drops what was not read, the close_notify with it
    for (const bio of [pair.client, pair.server]) assert.equal(o.BIO_reset(bio), 0)
    for (const bio of [pair.client, pair.server]) assert.equal(o.SSL_is_init_finished(o.BIO_get_ssl(bio) as o.SSL), 0)
    assert.deepEqual(await shake(pair), [1, 1])
    await exchange(pair)
  })

  test('negotiating again is refused with words', async () => {
    const { client } = await ends(0x0304, false)
    assert.equal(o.BIO_set_ssl_renegotiate_bytes(client, 1000), 0)
    assert.match(o.ERR_get_error_all().data, /SSL_key_update/)
    assert.equal(o.BIO_set_ssl_renegotiate_timeout(client, 1), 0)
    assert.equal(o.BIO_get_num_renegotiates(client), 0)
  })
})

describe('BIO_new_ssl_connect and an accept BIO with a chain', () => {
  test('without blocking: connect, handshake and lines, by the retry flags alone', async () => {
    const sctx = contextFor(false)
    useIdentity(sctx, (await materials()).leaf)
    const listener = o.BIO_new_accept('127.0.0.1:0') as o.BIO
    o.BIO_set_nbio_accept(listener, 1)
    o.BIO_set_accept_bios(listener, o.BIO_push(o.BIO_new(o.BIO_f_buffer()), o.BIO_new_ssl(sctx, 0)))
    /** Makes a call again for as long as its BIO asks for that. */
    const again = async (bio: o.BIO, call: () => number): Promise<number> => {
      for (;;) {
        const ret = call()
        const want = o.BIO_wanted(bio)
        if (ret > 0 || o.BIO_should_retry(bio) === 0 || want === null) return ret
        await o.BIO_wait(bio, want, { timeoutMs: 60_000 })
      }
    }
    assert.equal(await again(listener, () => o.BIO_do_accept(listener)), 1)

    const client = o.BIO_new_buffer_ssl_connect(contextFor(false)) as o.BIO
    o.BIO_set_conn_hostname(client, `127.0.0.1:${o.BIO_get_accept_port(listener)}`)
    assert.equal(o.BIO_set_nbio(client, 1), 1)
    assert.ok(o.BIO_do_handshake(client) <= 0)
    assert.deepEqual([o.BIO_should_io_special(client), o.BIO_get_retry_reason(client)], [1, o.BIO_RR_CONNECT])
    const serve = async (): Promise<string> => {
      assert.equal(await again(listener, () => o.BIO_do_accept(listener)), 1)
      const chain = o.BIO_pop(listener) as o.BIO
      const line = new Uint8Array(100)
      const n = await again(chain, () => o.BIO_gets(chain, line))
      o.BIO_puts(chain, 'and back\n')
      assert.equal(await again(chain, () => o.BIO_flush(chain)), 1)
      o.BIO_free_all(chain)
      return text(line.subarray(0, n))
    }
    const ask = async (): Promise<string> => {
      assert.equal(await again(client, () => o.BIO_do_handshake(client)), 1)
      o.BIO_puts(client, 'there\n')
      assert.equal(await again(client, () => o.BIO_flush(client)), 1)
      const line = new Uint8Array(100)
      const n = await again(client, () => o.BIO_gets(client, line))
      o.BIO_free_all(client)
      return text(line.subarray(0, n))
    }
    assert.deepEqual(await Promise.all([serve(), ask()]), ['there\n', 'and back\n'])
    o.BIO_free_all(listener)
  })
})

describe('SSL_select', () => {
  const three = async (): Promise<{ clients: o.SSL[]; far: o.BIO[] }> => {
    const far: o.BIO[] = []
    const clients = [0, 1, 2].map(() => {
      const [a, b] = o.BIO_new_bio_pair(0, 0) as [o.BIO, o.BIO]
      const ssl = o.SSL_new(contextFor(false)) as o.SSL
      o.SSL_set_bio(ssl, a, a)
      far.push(b)
      assert.equal(told(ssl, o.SSL_connect(ssl)), '-1 WANT_READ')
      return ssl
    })
    return { clients, far }
  }

  test('gives those that are ready, in their order', async () => {
    const { clients, far } = await three()
    const waiting = o.SSL_select(clients)
    o.BIO_write(far[2] as o.BIO, new Uint8Array(5))
    o.BIO_write(far[1] as o.BIO, new Uint8Array(5))
    assert.deepEqual(
      (await waiting).map((ssl) => clients.indexOf(ssl)),
      [1, 2],
    )
    assert.deepEqual(
      (await o.SSL_select(clients)).map((ssl) => clients.indexOf(ssl)),
      [1, 2],
    )
    for (const ssl of clients) assert.equal(o.SSL_get_rbio(ssl)?.waiters, null, 'no wait is left behind')
  })

  test('a limit gives none, a signal its reason, a freed BIO Misuse', async () => {
    const { clients } = await three()
    assert.deepEqual(await o.SSL_select(clients, { timeoutMs: 5 }), [])
    assert.deepEqual(await o.SSL_select([], { timeoutMs: 5 }), [])
    await assert.rejects(o.SSL_select([]), o.Misuse)
    const controller = new AbortController()
    const waiting = o.SSL_select(clients, { signal: controller.signal })
    controller.abort(new Error('enough'))
    await assert.rejects(waiting, /enough/)
    await assert.rejects(o.SSL_select(clients, { signal: controller.signal }), /enough/)
    const broken = o.SSL_select(clients)
    o.SSL_free(clients[0] as o.SSL)
    await assert.rejects(broken, o.Misuse)
    for (const ssl of clients.slice(1)) assert.equal(o.SSL_get_rbio(ssl)?.waiters, null)
  })
})
