import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as o from '../../src/openssl/index.ts'
import { bytes, chainOf, materials, pairOf, read, shake, told, trust, useIdentity, write } from '../openssl/bench.ts'
import { BOTH, connect, GOOD, open } from './connect.ts'

/** Big messages, much data, and what happens on the open connection. */

const title = (version: number, ...more: readonly string[]): string => [`TLS 1.${version - 0x0301}`, ...more].join(', ')

describe('big messages', () => {
  for (const version of BOTH)
    for (const readAhead of [0, 1])
      test(title(version, `a chain of 40 more certificates, read_ahead ${readAhead}`), async () => {
        const { leaf } = await materials()
        const extra = o.X509_of(chainOf(leaf)[1] as never)
        const pair = await open({
          version,
          cctx: (ctx) => o.SSL_CTX_set_read_ahead(ctx, readAhead),
          sctx: (ctx) => {
            o.SSL_CTX_clear_chain_certs(ctx)
            for (let i = 0; i < 40; i++) assert.equal(o.SSL_CTX_add_extra_chain_cert(ctx, extra), 1)
          },
        })
        assert.equal(o.SSL_get_peer_cert_chain(pair.client)?.length, 41)
        // a finished server can be cleared, though read_ahead may have left records
        assert.equal(o.SSL_clear(pair.server), 1)
      })
})

describe('a whole record of data', () => {
  for (const version of BOTH)
    for (const options of [0, o.SSL_OP_NO_ENCRYPT_THEN_MAC])
      for (const fragments of [0, o.SSL_OP_DONT_INSERT_EMPTY_FRAGMENTS])
        for (const cbc of version === 0x0303 ? [false, true] : [false])
          test(title(version, `options 0x${(options | fragments).toString(16)}${cbc ? ', CBC' : ''}`), async () => {
            const list = (ctx: o.SSL_CTX): void => {
              o.SSL_CTX_set_options(ctx, options | fragments)
              if (cbc) o.SSL_CTX_set_cipher_list(ctx, 'ECDHE-ECDSA-AES128-SHA')
            }
            const { client, server } = await open({ version, cctx: list, sctx: list })
            const message = new Uint8Array(16384).map((_, i) => i)
            assert.deepEqual(o.SSL_write_ex(client, message), { ret: 1, written: message.length })
            const into = new Uint8Array(message.length + 1)
            assert.deepEqual(o.SSL_read_ex(server, into), { ret: 1, readbytes: message.length })
            assert.deepEqual(into.subarray(0, message.length), message)
          })
})

for (const version of BOTH)
  test(title(version, 'pending'), async () => {
    const { client, server } = await open({ version })
    assert.deepEqual([o.SSL_pending(server), o.SSL_has_pending(server)], [0, 0])
    await write(client, 'A test message.')
    assert.equal(await read(server, 5), "5 NONE 'A tes'")
    assert.deepEqual([o.SSL_pending(server), o.SSL_has_pending(server)], [10, 1])
  })

describe('key updates', () => {
  for (const type of [o.SSL_KEY_UPDATE_NOT_REQUESTED, o.SSL_KEY_UPDATE_REQUESTED])
    test(`40 of them, type ${type}`, async () => {
      const { client, server } = await open({ version: 0x0304 })
      for (let i = 0; i < 40; i++) {
        assert.equal(o.SSL_key_update(client, type), 1)
        assert.equal(o.SSL_do_handshake(client), 1)
        for (const [from, to] of [
          [client, server],
          [server, client],
        ] as const) {
          assert.equal(await write(from, 'A test message.'), '15 NONE')
          assert.equal(await read(to), "15 NONE 'A test message.'")
        }
      }
    })

  for (const blocked of ['server', 'client'] as const)
    test(`one is asked for while a write of the ${blocked} stands still`, async () => {
      const pair = await open({ version: 0x0304 })
      const { client, server } = pair
      const [writer, updater] = blocked === 'server' ? [server, client] : [client, server]
      assert.equal(o.SSL_key_update(updater, o.SSL_KEY_UPDATE_REQUESTED), 1)
      // the key update goes out with data
      const message = bytes('A test message.')
      assert.equal(o.SSL_do_handshake(updater), 1)
      const usual = o.SSL_get_wbio(writer) as o.BIO
      o.BIO_up_ref(usual)
      o.SSL_set0_wbio(writer, never())
      assert.equal(told(writer, o.SSL_write(writer, message)), '-1 WANT_WRITE')
      o.SSL_set0_wbio(writer, usual)
      // the wish is heard, and cannot be answered while a record is half out
      assert.equal(await read(writer), '-1 WANT_READ')
      assert.equal(told(writer, o.SSL_write(writer, message)), '15 NONE')
      assert.equal(await read(updater), "15 NONE 'A test message.'")
      assert.equal(o.SSL_get_key_update_type(updater), o.SSL_KEY_UPDATE_NONE)
      for (const [from, to] of [
        [writer, updater],
        [updater, writer],
      ] as const) {
        assert.equal(await write(from, 'more'), '4 NONE')
        assert.equal(await read(to), "4 NONE 'more'")
      }
    })

  test('and authentication after the handshake, both pending at once', async () => {
    const { leaf, root } = await materials()
    const { client, server } = await open({
      version: 0x0304,
      cctx: (ctx) => {
        useIdentity(ctx, leaf)
        o.SSL_CTX_set_post_handshake_auth(ctx, 1)
      },
      sctx: (ctx) => trust(ctx, root),
    })
    o.SSL_set_verify(server, o.SSL_VERIFY_PEER, null)
    assert.equal(o.SSL_verify_client_post_handshake(server), 1)
    assert.equal(o.SSL_key_update(server, o.SSL_KEY_UPDATE_NOT_REQUESTED), 1)
    // both leave, and the connection is open again
    assert.equal(o.SSL_do_handshake(server), 1)
    assert.equal(o.SSL_is_init_finished(server), 1)
    assert.equal(await read(client), '-1 WANT_READ')
    assert.equal(await read(server), '-1 WANT_READ')
    assert.notEqual(o.SSL_get_peer_certificate(server), null)
    assert.equal(await write(server, 'x'), '1 NONE')
    assert.equal(await read(client), "1 NONE 'x'")
  })
})

/** A BIO that always says: try again. */
const never = (): o.BIO => {
  const method = o.BIO_meth_new(o.BIO_TYPE_SOURCE_SINK | 0x71, 'never')
  o.BIO_meth_set_write(method, (bio) => {
    o.BIO_clear_retry_flags(bio)
    o.BIO_set_retry_write(bio)
    return -1
  })
  o.BIO_meth_set_ctrl(method, () => 1)
  const bio = o.BIO_new(method) as o.BIO
  o.BIO_set_init(bio, 1)
  return bio
}

/**
 * A filter that lets one byte through at a time and says "again" before each; written records may be split into records
 * of one byte (TLS 1.2).
 */
const slowly = (next: o.BIO): o.BIO => {
  let pausedRead = false
  let pausedWrite = false
  const method = o.BIO_meth_new(o.BIO_TYPE_FILTER | 0x72, 'slowly')
  o.BIO_meth_set_read(method, (bio, into) => {
    o.BIO_clear_retry_flags(bio)
    pausedRead = !pausedRead
    if (pausedRead) {
      o.BIO_set_retry_read(bio)
      return -1
    }
    const n = o.BIO_read(o.BIO_next(bio), into, Math.min(1, into.length))
    if (n <= 0) o.BIO_copy_next_retry(bio)
    return n
  })
  o.BIO_meth_set_write(method, (bio, from) => {
    o.BIO_clear_retry_flags(bio)
    pausedWrite = !pausedWrite
    if (pausedWrite) {
      o.BIO_set_retry_write(bio)
      return -1
    }
    return o.BIO_write(o.BIO_next(bio), from, Math.min(1, from.length))
  })
  o.BIO_meth_set_ctrl(method, (bio, cmd, larg, parg) => {
    const below = o.BIO_next(bio)
    return below === null ? 0 : (o.BIO_ctrl(below, cmd, larg, parg) as number)
  })
  const bio = o.BIO_new(method) as o.BIO
  o.BIO_set_init(bio, 1)
  return o.BIO_push(bio, next) as o.BIO
}

describe('a BIO that wants every byte twice', () => {
  for (const version of BOTH)
    for (const buffers of ['kept', 'freed', 'freed and made'])
      test(title(version, `buffers ${buffers}`), async () => {
        const pair = await pairOf({ version })
        const { client, server, toClient, toServer } = pair
        for (const bio of [toClient, toServer, toClient, toServer]) o.BIO_up_ref(bio)
        o.SSL_set_bio(client, slowly(toClient), slowly(toServer))
        o.SSL_set_bio(server, slowly(toServer), slowly(toClient))
        const between = (ssl: o.SSL): void => {
          if (buffers === 'kept') return
          o.SSL_free_buffers(ssl)
          if (buffers === 'freed and made') assert.equal(o.SSL_alloc_buffers(ssl), 1)
        }
        let done = 0
        for (let round = 0; round < 20_000 && done < 2; round++) {
          done = 0
          for (const ssl of [client, server]) {
            between(ssl)
            const ret = o.SSL_do_handshake(ssl)
            if (ret === 1) done++
            else assert.ok([2, 3].includes(o.SSL_get_error(ssl, ret)), told(ssl, ret))
          }
          if (done === 1 && version === 0x0304) o.SSL_read(client, new Uint8Array(1))
        }
        assert.equal(done, 2)
        for (const [from, to] of [
          [client, server],
          [server, client],
        ] as const) {
          const message = bytes('test')
          let ret = -1
          for (let i = 0; i < 5000 && ret <= 0; i++) {
            between(from)
            ret = o.SSL_write(from, message)
          }
          assert.equal(ret, 4)
          const into = new Uint8Array(10)
          ret = -1
          for (let i = 0; i < 5000 && ret <= 0; i++) {
            between(to)
            ret = o.SSL_read(to, into)
          }
          assert.equal(new TextDecoder().decode(into.subarray(0, ret)), 'test')
        }
      })
})

test('after a failed handshake injected data is never returned, and writes fail', async () => {
  const pair = await pairOf({ version: 0x0303, cctx: (ctx) => o.SSL_CTX_set_verify(ctx, o.SSL_VERIFY_PEER, null) })
  const [client] = await shake(pair)
  assert.match(client, /certificate verify failed/)
  o.BIO_write(pair.toServer, Uint8Array.of(23, 3, 3, 0, 4, 1, 2, 3, 4))
  assert.match(await read(pair.server), /^(0|-1) /)
  assert.match(await write(pair.server, 'no'), /^-1 /)
  assert.notDeepEqual(await connect(pair), GOOD)
})

describe('a byte of application data that was changed', () => {
  const all = o.SSL_CTX_new(o.TLS_method()) as o.SSL_CTX satisfies o.SSL_CTX
  o.SSL_CTX_set_cipher_list(all, 'ALL:!PSK')
  o.SSL_CTX_set_ciphersuites(
    all,
    'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256',
  )
  for (const suite of o.SSL_CTX_get_ciphers(all).map(o.SSL_CIPHER_get_name))
    test(suite, async () => {
      const version = suite.startsWith('TLS_') ? 0x0304 : 0x0303
      const only = (ctx: o.SSL_CTX): void => {
        if (version === 0x0304) o.SSL_CTX_set_ciphersuites(ctx, suite)
        else o.SSL_CTX_set_cipher_list(ctx, suite)
      }
      const identity = suite.includes('ECDSA') || version === 0x0304 ? 'leaf' : 'rsa'
      const { client, server, toServer } = await open({ version, identity, cctx: only, sctx: only })
      assert.equal(o.SSL_get_cipher(client), suite)
      await write(client, 'to be changed')
      const record = o.BIO_get_mem_data(toServer).slice()
      record[record.length - 3] = (record[record.length - 3] as number) ^ 0x10
      o.BIO_reset(toServer)
      o.BIO_write(toServer, record)
      assert.equal(await read(server), '-1 SSL; SSL/281 “decryption failed or bad record mac”')
    })
})
