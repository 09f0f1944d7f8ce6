import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as o from '../../src/openssl/index.ts'
import {
  connected,
  contextFor,
  join,
  materials,
  type Pair,
  pairOf,
  read,
  shake,
  trust,
  useIdentity,
} from '../openssl/bench.ts'
import { hello } from '../surgery/hello.ts'
import { SslParty } from '../surgery/parties.ts'
import { on, Surgeon } from '../surgery/surgeon.ts'
import { again, BOTH, close, connect, GOOD, open, sessionOf } from './connect.ts'

/** Caches and their callbacks, tickets, and what a session brings along. */

const title = (version: number, ...more: readonly string[]): string => [`TLS 1.${version - 0x0301}`, ...more].join(', ')

const caches = {
  'internal cache': [true, false],
  'external cache': [false, true],
  'both caches': [true, true],
} as const

describe('caches', () => {
  for (const version of BOTH)
    for (const [name, [internal, external]] of Object.entries(caches)) {
      const tickets = version === 0x0304 ? 2 : 1
      /** Callbacks for one side, where the cache is external too. */
      const watch = (ctx: o.SSL_CTX, mode: number, count: { added: number; removed: number; asked: number }): void => {
        o.SSL_CTX_set_session_cache_mode(ctx, internal ? mode : mode | o.SSL_SESS_CACHE_NO_INTERNAL_STORE)
        if (!external) return
        o.SSL_CTX_sess_set_new_cb(ctx, () => {
          count.added++
          return 0
        })
        o.SSL_CTX_sess_set_remove_cb(ctx, () => void count.removed++)
      }

      test(title(version, name, 'a client'), async () => {
        const count = { added: 0, removed: 0, asked: 0 }
        const told = (added: number, removed: number): void => {
          if (external) assert.deepEqual([count.added, count.removed], [added, removed])
          count.added = count.removed = 0
        }
        const pair = await open({ version, cctx: (ctx) => watch(ctx, o.SSL_SESS_CACHE_CLIENT, count) })
        const { cctx } = pair
        const first = sessionOf(pair.client)
        // what is there already cannot be added
        if (internal) assert.equal(o.SSL_CTX_add_session(cctx, first), 0)
        told(tickets, 0)
        await close(pair)
        const second = await again(pair, first)
        assert.deepEqual(second.ended, GOOD)
        assert.equal(o.SSL_session_reused(second.client), 1)
        // TLS 1.3: a new ticket came, and the old one is used up
        told(version === 0x0304 ? 1 : 0, version === 0x0304 ? 1 : 0)
        const resumed = sessionOf(second.client)
        if (version === 0x0304) {
          // the session of a connection that nobody closed is given up when another one is set
          assert.equal(o.SSL_set_session(second.client, first), 1)
          assert.equal(o.SSL_get_session(second.client), first)
          told(0, internal || external ? 1 : 0)
          // so it can be added, and removed once
          if (internal) {
            assert.equal(o.SSL_CTX_add_session(cctx, resumed), 1)
            assert.equal(o.SSL_CTX_remove_session(cctx, resumed), 1)
          }
          assert.equal(o.SSL_CTX_remove_session(cctx, resumed), 0)
          count.added = count.removed = 0
        } else await close(second)
        // a connection that fails takes its session with it
        const third = join(cctx, pair.sctx)
        const kept = version === 0x0304 ? sessionOf((await open2(pair)).client) : first
        count.added = count.removed = 0
        o.SSL_set_session(third.client, kept)
        o.SSL_set_min_proto_version(third.client, version)
        o.SSL_set_options(third.server, version === 0x0304 ? o.SSL_OP_NO_TLSv1_3 : o.SSL_OP_NO_TLSv1_2)
        assert.notDeepEqual(await connect(third), GOOD)
        if (external) assert.ok(count.removed <= 1)
        if (internal) assert.equal(o.SSL_CTX_remove_session(cctx, kept), 0)
      })

      test(title(version, name, 'a server'), async () => {
        const count = { added: 0, removed: 0, asked: 0 }
        const pair = await open({
          version,
          sctx: (ctx) => {
            o.SSL_CTX_set_options(ctx, o.SSL_OP_NO_TICKET)
            watch(ctx, o.SSL_SESS_CACHE_SERVER, count)
            if (external)
              o.SSL_CTX_sess_set_get_cb(ctx, () => {
                count.asked++
                return null
              })
          },
        })
        if (external) assert.equal(count.added, tickets)
        assert.equal(o.SSL_CTX_sess_number(pair.sctx), internal || version === 0x0304 ? tickets : 0)
        const session = sessionOf(pair.client)
        await close(pair)
        const second = await again(pair, session)
        assert.deepEqual(second.ended, GOOD)
        // an external cache that finds nothing resumes nothing, an internal one does
        assert.equal(o.SSL_session_reused(second.server), internal || version === 0x0304 ? 1 : 0)
        if (external && !internal && version === 0x0303) assert.equal(count.asked, 1)
      })
    }

  test('a TLS 1.3 server keeps nothing for tickets that hold it all', async () => {
    const { sctx } = await open({ version: 0x0304 })
    assert.equal(o.SSL_CTX_sess_number(sctx), 0)
  })
})

const open2 = async ({ cctx, sctx }: Pair) => {
  const ends = join(cctx, sctx)
  assert.deepEqual(await connect(ends), GOOD)
  await close(ends)
  return ends
}

describe('tickets of TLS 1.3', () => {
  for (const kind of ['stateless', 'stateful'])
    for (const tickets of [0, 1, 2])
      test(`${kind}, ${tickets} of them`, async () => {
        let added: o.SSL_SESSION[] = []
        const server = (ctx: o.SSL_CTX): void => {
          assert.equal(o.SSL_CTX_set_num_tickets(ctx, tickets), 1)
          if (kind === 'stateful') o.SSL_CTX_set_options(ctx, o.SSL_OP_NO_TICKET)
          o.SSL_CTX_set_session_id_context(ctx, Uint8Array.of(1))
        }
        const { leaf, root } = await materials()
        const pair = await open({
          version: 0x0304,
          cctx: (ctx) => {
            useIdentity(ctx, leaf)
            o.SSL_CTX_set_post_handshake_auth(ctx, 1)
            o.SSL_CTX_set_session_cache_mode(ctx, o.SSL_SESS_CACHE_CLIENT | o.SSL_SESS_CACHE_NO_INTERNAL_STORE)
            o.SSL_CTX_sess_set_new_cb(ctx, (_ssl, session) => {
              added.push(session)
              o.SSL_SESSION_up_ref(session)
              return 0
            })
          },
          sctx: (ctx) => {
            server(ctx)
            trust(ctx, root)
          },
        })
        assert.equal(added.length, tickets)
        const own = added
        await close(pair)
        // another context cannot open them: a full handshake, and as many again
        added = []
        const foreign = contextFor(false)
        useIdentity(foreign, leaf)
        server(foreign)
        for (const [i, session] of own.slice(0, 1).entries()) {
          const other = await again({ ...pair, sctx: foreign }, o.SSL_SESSION_dup(session))
          assert.deepEqual([other.ended, o.SSL_session_reused(other.client)], [GOOD, 0])
          assert.equal(added.length, tickets * (i + 1))
        }
        // each of them resumes, and yields a new one
        for (const session of own) {
          added = []
          const resumed = await again(pair, session)
          assert.deepEqual([resumed.ended, o.SSL_session_reused(resumed.client)], [GOOD, 1])
          assert.equal(added.length, 1)
          // authentication afterwards yields tickets again
          if (session === own[0]) {
            added = []
            o.SSL_set_verify(resumed.server, o.SSL_VERIFY_PEER, null)
            assert.equal(o.SSL_verify_client_post_handshake(resumed.server), 1)
            assert.equal(o.SSL_do_handshake(resumed.server), 1)
            for (const ssl of [resumed.client, resumed.server, resumed.client])
              assert.equal(await read(ssl, 1), '-1 WANT_READ')
            assert.notEqual(o.SSL_get_peer_certificate(resumed.server), null)
            assert.equal(added.length, tickets)
          }
          await close(resumed)
        }
      })

  test('a key agreed elsewhere yields exactly one; each callback is asked once', async () => {
    const calls = { use: 0, find: 0, added: 0 }
    const made = (): o.SSL_SESSION => {
      const session = o.SSL_SESSION_new()
      o.SSL_SESSION_set1_master_key(session, new Uint8Array(32).fill(5))
      o.SSL_SESSION_set_cipher(session, o.SSL_CIPHER_find(null, Uint8Array.of(0x13, 0x01)) as o.SSL_CIPHER)
      o.SSL_SESSION_set_protocol_version(session, 0x0304)
      return session
    }
    const { client } = await open({
      version: 0x0304,
      cctx: (ctx) => {
        o.SSL_CTX_set_ciphersuites(ctx, 'TLS_AES_128_GCM_SHA256')
        o.SSL_CTX_set_session_cache_mode(ctx, o.SSL_SESS_CACHE_CLIENT)
        o.SSL_CTX_sess_set_new_cb(ctx, () => (calls.added++, 0))
        o.SSL_CTX_set_psk_use_session_callback(ctx, () => (calls.use++, { ret: 1, id: Uint8Array.of(1), sess: made() }))
      },
      sctx: (ctx) => o.SSL_CTX_set_psk_find_session_callback(ctx, () => (calls.find++, { ret: 1, sess: made() })),
    })
    assert.equal(o.SSL_session_reused(client), 1)
    assert.deepEqual(calls, { use: 1, find: 1, added: 1 })
  })
})

describe('suites of resumed sessions', () => {
  test('TLS 1.2: the suite stays, although the client would rather have another; the server has the same session', async () => {
    const list = 'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384'
    const both = (ctx: o.SSL_CTX): void => void o.SSL_CTX_set_cipher_list(ctx, list)
    const pair = await open({
      version: 0x0303,
      cctx: both,
      sctx: (ctx) => {
        both(ctx)
        o.SSL_CTX_set_options(ctx, o.SSL_OP_NO_TICKET)
      },
    })
    assert.equal(o.SSL_get_cipher(pair.client), 'ECDHE-ECDSA-AES128-GCM-SHA256')
    const session = sessionOf(pair.client)
    const kept = o.SSL_get_session(pair.server)
    await close(pair)
    const second = await again(pair, session, ({ client }) =>
      o.SSL_set_cipher_list(client, 'ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256'),
    )
    assert.deepEqual([second.ended, o.SSL_session_reused(second.client)], [GOOD, 1])
    assert.equal(o.SSL_get_cipher(second.client), 'ECDHE-ECDSA-AES128-GCM-SHA256')
    assert.equal(o.SSL_get_session(second.server), kept)
  })

  const rows: readonly [name: string, suites: string, reused: 0 | 1][] = [
    ['another one with the same hash', 'TLS_CHACHA20_POLY1305_SHA256', 1],
    ['one with another hash', 'TLS_AES_256_GCM_SHA384', 0],
    ['one of each', 'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256', 1],
  ]
  for (const [name, suites, reused] of rows)
    test(`TLS 1.3: ${name}`, async () => {
      const pair = await open({
        version: 0x0304,
        cctx: (ctx) => o.SSL_CTX_set_ciphersuites(ctx, 'TLS_AES_128_GCM_SHA256'),
        sctx: (ctx) =>
          o.SSL_CTX_set_ciphersuites(ctx, 'TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384'),
      })
      const session = sessionOf(pair.client)
      await close(pair)
      const second = await again(pair, session, ({ client, server }) => {
        o.SSL_set_ciphersuites(client, suites)
        if (suites.includes(':')) o.SSL_set_ciphersuites(server, 'TLS_CHACHA20_POLY1305_SHA256')
      })
      assert.deepEqual([second.ended, o.SSL_session_reused(second.client)], [GOOD, reused])
    })

  test('TLS 1.3: a server that resumes with the suite of another hash is refused', async () => {
    const pair = await open({
      version: 0x0304,
      cctx: (ctx) => o.SSL_CTX_set_ciphersuites(ctx, 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384'),
    })
    const session = sessionOf(pair.client)
    await close(pair)
    const { client, server } = join(pair.cctx, pair.sctx)
    o.SSL_set_session(client, session)
    const parties = [new SslParty(client), new SslParty(server)] as const
    await new Surgeon(parties[0], parties[1], {
      edit: on(
        'serverHello',
        hello(() => ({ suites: [0x1302] })),
      ),
    }).run()
    assert.deepEqual(parties[0].ended, ['-1 SSL; SSL/218 “ciphersuite digest has changed”'])
  })
})

describe('lifetimes', () => {
  for (const version of BOTH)
    test(title(version, 'two weeks'), async () => {
      const weeks = 2 * 7 * 24 * 3600
      const { client } = await open({
        version,
        sctx: (ctx) => {
          assert.equal(o.SSL_CTX_set_timeout(ctx, weeks), 7200)
          assert.equal(o.SSL_CTX_get_timeout(ctx), weeks)
        },
      })
      const hint = o.SSL_SESSION_get_ticket_lifetime_hint(o.SSL_get_session(client) as o.SSL_SESSION)
      if (version === 0x0303) assert.equal(hint, weeks)
      else assert.ok(hint <= weeks / 2, `${hint}`)
    })
})

describe('SSL_clear and SSL_dup', () => {
  for (const version of BOTH) {
    test(title(version, 'a client that was shut down and cleared connects again, and resumes'), async () => {
      const pair = await open({ version })
      await close(pair)
      assert.equal(o.SSL_clear(pair.client), 1)
      const server = o.SSL_new(pair.sctx) as o.SSL
      o.SSL_set_accept_state(server)
      for (const bio of [pair.toServer, pair.toClient]) o.BIO_up_ref(bio)
      for (const bio of [pair.toServer, pair.toClient]) o.BIO_reset(bio)
      o.SSL_set_bio(server, pair.toServer, pair.toClient)
      assert.deepEqual(await connect({ client: pair.client, server }), GOOD)
      assert.deepEqual([o.SSL_session_reused(pair.client), o.SSL_session_reused(server)], [1, 1])
    })
  }

  test('SSL_dup: before the handshake another object that can connect, after it the same one', async () => {
    const { client, server } = await pairOf()
    o.SSL_set_min_proto_version(client, o.TLS1_2_VERSION)
    o.SSL_set_max_proto_version(client, o.TLS1_2_VERSION)
    const copy = o.SSL_dup(client) as o.SSL
    assert.notEqual(copy, client)
    assert.deepEqual(
      [o.SSL_get_min_proto_version(copy), o.SSL_get_max_proto_version(copy)],
      [o.TLS1_2_VERSION, o.TLS1_2_VERSION],
    )
    const ends = [o.SSL_get_rbio(client), o.SSL_get_wbio(client)] as [o.BIO, o.BIO]
    for (const bio of ends) o.BIO_up_ref(bio)
    o.SSL_set_bio(copy, ...ends)
    assert.deepEqual(await shake({ client: copy, server }), GOOD)
    assert.equal(o.SSL_version(copy), o.TLS1_2_VERSION)
    assert.equal(o.SSL_dup(copy), copy)
  })
})

test('exporters: nothing before the handshake, the same on both sides after it; labels of 249 bytes at most in TLS 1.3', async () => {
  for (const version of BOTH) {
    const before = await pairOf({ version })
    assert.equal(o.SSL_export_keying_material(before.client, 80, 'label', null).ret, -1)
    const { client, server } = await connected({ version })
    const asked = (ssl: o.SSL, label: string, context: Uint8Array | null) =>
      o.SSL_export_keying_material(ssl, 80, label, context)
    const context = new TextEncoder().encode('context')
    const outs = [context, new Uint8Array(0), null].map((one) => {
      const [a, b] = [asked(client, 'test label', one), asked(server, 'test label', one)]
      assert.deepEqual([a.ret, b.ret], [1, 1])
      assert.deepEqual(a.out, b.out)
      return Buffer.from(a.out).toString('hex')
    })
    assert.notEqual(outs[0], outs[1])
    assert.equal(outs[1] === outs[2], version === 0x0304)
    assert.equal(asked(client, 'x'.repeat(249), null).ret, 1)
    assert.equal(asked(client, 'x'.repeat(250), null).ret === 1, version === 0x0303)
    o.ERR_clear_error()
  }
})
