import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as o from '../../src/openssl/index.ts'
import {
  bytes,
  handshake,
  join,
  type Pair,
  pairOf,
  queue,
  read,
  shake,
  told,
  type Wishes,
  write,
} from '../openssl/bench.ts'
import { close, connect, GOOD, open, sessionOf } from './connect.ts'

/** Keys agreed elsewhere, and data before the handshake is over (TLS 1.3). */

const SUITES = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_CCM_SHA256',
  'TLS_AES_128_CCM_8_SHA256',
]
const cipher = (name: string): o.SSL_CIPHER => {
  const at = SUITES.indexOf(name) + 1
  return o.SSL_CIPHER_find(null, Uint8Array.of(0x13, at)) as o.SSL_CIPHER
}
/** A session that stands for a key agreed elsewhere. */
const agreed = (more: (session: o.SSL_SESSION) => void = () => {}, suite = 'TLS_AES_128_GCM_SHA256'): o.SSL_SESSION => {
  const session = o.SSL_SESSION_new()
  o.SSL_SESSION_set1_master_key(session, new Uint8Array(32).fill(9))
  o.SSL_SESSION_set_cipher(session, cipher(suite))
  o.SSL_SESSION_set_protocol_version(session, 0x0304)
  more(session)
  return session
}
const identity = bytes('Client_identity')

describe('keys agreed elsewhere', () => {
  const calls = { use: 0, find: 0 }
  const newKind = {
    client: (ctx: o.SSL_CTX) =>
      o.SSL_CTX_set_psk_use_session_callback(ctx, () => (calls.use++, { ret: 1, id: identity, sess: agreed() })),
    server: (ctx: o.SSL_CTX, known = true) =>
      o.SSL_CTX_set_psk_find_session_callback(ctx, () => (calls.find++, { ret: 1, sess: known ? agreed() : null })),
  }
  const oldKind = {
    client: (ctx: o.SSL_CTX) =>
      o.SSL_CTX_set_psk_client_callback(
        ctx,
        () => (calls.use++, { identity: 'Client_identity', psk: new Uint8Array(32).fill(9) }),
      ),
    server: (ctx: o.SSL_CTX, known = true) =>
      o.SSL_CTX_set_psk_server_callback(ctx, () => (calls.find++, known ? new Uint8Array(32).fill(9) : null)),
  }
  const kinds = { 'new callbacks': [newKind], 'both kinds': [newKind, oldKind], 'old callbacks': [oldKind] } as const
  const row = async (wishes: Wishes): Promise<Pair & { ended: [string, string] }> => {
    calls.use = calls.find = 0
    const pair = await pairOf({ version: 0x0304, ...wishes })
    return { ...pair, ended: await connect(pair) }
  }
  const suite = (ctx: o.SSL_CTX): void => void o.SSL_CTX_set_ciphersuites(ctx, 'TLS_AES_128_GCM_SHA256')
  for (const [name, those] of Object.entries(kinds)) {
    const client = (ctx: o.SSL_CTX): void => {
      suite(ctx)
      for (const one of those) one.client(ctx)
    }
    const server = (ctx: o.SSL_CTX): void => {
      suite(ctx)
      for (const one of those) one.server(ctx)
    }

    test(`${name}: used, also by a server without a certificate`, async () => {
      for (const bare of [false, true]) {
        const pair = await row({ cctx: client, sctx: server, ...(bare && { identity: null }) })
        assert.deepEqual(pair.ended, GOOD)
        assert.deepEqual([o.SSL_session_reused(pair.client), o.SSL_session_reused(pair.server)], [1, 1])
        assert.deepEqual(calls, { use: 1, find: 1 })
      }
    })
    test(`${name}: a server that has none makes a plain connection`, async () => {
      const pair = await row({ cctx: client, sctx: suite })
      assert.deepEqual([pair.ended, calls], [GOOD, { use: 1, find: 0 }])
      assert.equal(o.SSL_session_reused(pair.client), 0)
    })
    test(`${name}: an unknown identity leads to a full handshake`, async () => {
      const unknown = (ctx: o.SSL_CTX): void => {
        suite(ctx)
        for (const one of those) one.server(ctx, false)
      }
      const pair = await row({ cctx: client, sctx: unknown })
      assert.deepEqual([pair.ended, o.SSL_session_reused(pair.client)], [GOOD, 0])
    })
    test(`${name}: a retry asks again`, async () => {
      const retry = (ctx: o.SSL_CTX): void => {
        server(ctx)
        o.SSL_CTX_set1_groups_list(ctx, 'P-384')
      }
      const pair = await row({ cctx: client, sctx: retry })
      assert.deepEqual([pair.ended, o.SSL_session_reused(pair.client)], [GOOD, 1])
      // ours asks for a client's key once: it is the same in both hellos
      assert.equal(calls.use, 1)
    })
  }
})

/** Writes early data; `again` calls as C programs do. */
const early = (ssl: o.SSL, text: string): string => {
  const { ret, written } = o.SSL_write_early_data(ssl, bytes(text))
  return ret === 1 ? `1 n=${written}` : told(ssl, 0)
}
const readEarly = (ssl: o.SSL): string => {
  const into = new Uint8Array(1000)
  const { ret, readbytes } = o.SSL_read_early_data(ssl, into)
  const text = new TextDecoder().decode(into.subarray(0, readbytes))
  if (ret === o.SSL_READ_EARLY_DATA_FINISH) return `FINISH${text && ` '${text}'`}`
  return ret === o.SSL_READ_EARLY_DATA_SUCCESS ? `SUCCESS '${text}'` : told(ssl, 0)
}

const guards = (ctx: o.SSL_CTX): void => {
  o.SSL_CTX_set_options(ctx, o.SSL_OP_NO_ANTI_REPLAY)
  o.SSL_CTX_set_allow_early_data_cb(ctx, () => 1, null)
}

describe('early data', () => {
  for (const kind of ['plain', 'read_ahead', 'a key agreed elsewhere'] as const)
    for (const late of [false])
      test(`${kind}: early writes and early answers, mixed${late ? ', late' : ''}`, async () => {
        const psk = kind === 'a key agreed elsewhere'
        const make = (): o.SSL_SESSION => agreed((session) => void o.SSL_SESSION_set_max_early_data(session, 100))
        const wishes: Wishes = {
          version: 0x0304,
          cctx: (ctx) => {
            o.SSL_CTX_set_ciphersuites(ctx, 'TLS_AES_128_GCM_SHA256')
            if (kind === 'read_ahead') o.SSL_CTX_set_read_ahead(ctx, 1)
            if (psk) o.SSL_CTX_set_psk_use_session_callback(ctx, () => ({ ret: 1, id: identity, sess: make() }))
          },
          sctx: (ctx) => {
            if (kind === 'read_ahead') o.SSL_CTX_set_read_ahead(ctx, 1)
            o.SSL_CTX_set_max_early_data(ctx, 100)
            if (!psk) return
            guards(ctx)
            o.SSL_CTX_set_psk_find_session_callback(ctx, () => ({ ret: 1, sess: make() }))
          },
        }
        const first = psk ? await pairOf(wishes) : await open(wishes)
        const session = psk ? null : sessionOf(first.client)
        if (!psk) await close(first)
        const { client, server } = join(first.cctx, first.sctx)
        if (session) o.SSL_set_session(client, session)
        assert.equal(early(client, 'Hello'), '1 n=5')
        assert.equal(readEarly(server), "SUCCESS 'Hello'")
        assert.equal(o.SSL_get_early_data_status(server), o.SSL_EARLY_DATA_ACCEPTED)
        // the server answers while the client is not done, and the client reads it before it is
        assert.equal(early(server, 'World'), '1 n=5')
        assert.equal(early(client, 'again'), '1 n=5')
        assert.equal(readEarly(server), "SUCCESS 'again'")
        // nothing else may be called on the server now
        assert.equal(
          told(server, o.SSL_read(server, new Uint8Array(9))),
          '0 SSL; SSL/66 “called a function you should not call”',
        )
        // a client that writes normally ends it
        assert.equal(await write(client, 'normal'), '6 NONE')
        assert.equal(early(client, 'too late'), '0 SSL; SSL/66 “called a function you should not call”')
        assert.equal(o.SSL_get_early_data_status(client), o.SSL_EARLY_DATA_ACCEPTED)
        assert.equal(readEarly(server), 'FINISH')
        assert.equal(await handshake(server), 1)
        assert.equal(await read(server), "6 NONE 'normal'")
        assert.equal(await read(client), "5 NONE 'World'")
        assert.deepEqual([o.SSL_session_reused(client), o.SSL_session_reused(server)], [1, 1])
      })

  const replays: readonly [
    name: string,
    options: boolean,
    allow: number | undefined,
    resumed: 0 | 1,
    status: number,
  ][] = [
    ['our guard', false, undefined, 0, 1],
    ['the program forbids it', true, 0, 1, 1],
    ['the program allows it', true, 1, 1, 2],
  ]
  for (const [name, options, allow, resumed, status] of replays)
    for (const by of ['option', 'SSL_CONF'] as const)
      test(`a ticket twice: ${name}, set by ${by}`, async () => {
        let calls = 0
        const first = await open({
          version: 0x0304,
          sctx: (ctx) => {
            o.SSL_CTX_set_max_early_data(ctx, 100)
            if (allow !== undefined) o.SSL_CTX_set_allow_early_data_cb(ctx, () => (calls++, allow), null)
            if (!options) return
            if (by === 'option') o.SSL_CTX_set_options(ctx, o.SSL_OP_NO_ANTI_REPLAY)
            else {
              const conf = o.SSL_CONF_CTX_new()
              o.SSL_CONF_CTX_set_flags(conf, o.SSL_CONF_FLAG_FILE | o.SSL_CONF_FLAG_SERVER)
              o.SSL_CONF_CTX_set_ssl_ctx(conf, ctx)
              assert.equal(o.SSL_CONF_cmd(conf, 'Options', '-AntiReplay'), 2)
              assert.equal(o.SSL_CONF_CTX_finish(conf), 1)
            }
          },
        })
        const session = sessionOf(first.client)
        await close(first)
        // the ticket was used once
        const used = join(first.cctx, first.sctx)
        o.SSL_set_session(used.client, o.SSL_SESSION_dup(session))
        await connectReading(used)
        await close(used)
        calls = 0
        const ends = join(first.cctx, first.sctx)
        o.SSL_set_session(ends.client, o.SSL_SESSION_dup(session))
        assert.equal(early(ends.client, 'replayed'), '1 n=8')
        const came = readEarly(ends.server)
        assert.equal(came.startsWith('SUCCESS'), status === 2, came)
        for (let i = 0; i < 4; i++) {
          await handshake(ends.client)
          if (readEarly(ends.server) === 'FINISH') await handshake(ends.server)
          queue()
        }
        assert.equal(o.SSL_session_reused(ends.client), resumed)
        assert.equal(o.SSL_get_early_data_status(ends.client), status)
        if (allow !== undefined) assert.equal(calls, 1)
      })

  describe('with a key agreed elsewhere', () => {
    const alpn = (name: string): Uint8Array => Uint8Array.of(name.length, ...bytes(name))
    interface Psk {
      readonly name: string
      readonly client?: (ssl: o.SSL) => void
      readonly server?: (ssl: o.SSL) => void
      readonly session?: (session: o.SSL_SESSION) => void
      readonly serverSession?: (session: o.SSL_SESSION) => void
      readonly selects?: string
      /** What the writing gives, the reading, and how the client ends. */
      readonly says: readonly [string, string?, string?]
    }
    const host = (name: string) => (session: o.SSL_SESSION) => void o.SSL_SESSION_set1_hostname(session, name)
    const proto = (name: string) => (session: o.SSL_SESSION) =>
      void o.SSL_SESSION_set1_alpn_selected(session, bytes(name))
    const rows: readonly Psk[] = [
      {
        name: 'another name than that of the session',
        session: host('goodhost'),
        client: (ssl) => o.SSL_set_tlsext_host_name(ssl, 'badhost'),
        says: ['0 SSL; SSL/231 “inconsistent early data sni”'],
      },
      {
        name: 'no name, and the session has one',
        session: host('goodhost'),
        says: ['0 SSL; SSL/231 “inconsistent early data sni”'],
      },
      {
        name: 'the name of the session',
        session: host('goodhost'),
        client: (ssl) => o.SSL_set_tlsext_host_name(ssl, 'goodhost'),
        says: ['1 n=5', "SUCCESS 'early'", '1 NONE'],
      },
      {
        name: 'the server’s session has another name, which it passes over',
        session: host('goodhost'),
        serverSession: host('other'),
        client: (ssl) => o.SSL_set_tlsext_host_name(ssl, 'goodhost'),
        says: ['1 n=5', "SUCCESS 'early'", '1 NONE'],
      },
      {
        name: 'no protocol, and the session has one',
        session: proto('GOODALPN'),
        says: ['0 SSL; SSL/222 “inconsistent early data alpn”'],
      },
      {
        name: 'another protocol than that of the session',
        session: proto('GOODALPN'),
        client: (ssl) => o.SSL_set_alpn_protos(ssl, alpn('BADALPN')),
        says: ['0 SSL; SSL/222 “inconsistent early data alpn”'],
      },
      {
        name: 'the protocol of the session',
        session: proto('GOODALPN'),
        serverSession: proto('GOODALPN'),
        selects: 'GOODALPN',
        client: (ssl) => o.SSL_set_alpn_protos(ssl, alpn('GOODALPN')),
        says: ['1 n=5', "SUCCESS 'early'", '1 NONE'],
      },
      {
        name: 'the server’s session has another protocol: its early data alone is rejected',
        session: proto('GOODALPN'),
        serverSession: proto('OTHER'),
        selects: 'GOODALPN',
        client: (ssl) => o.SSL_set_alpn_protos(ssl, alpn('GOODALPN')),
        says: ['1 n=5', 'FINISH', '1 NONE'],
      },
      {
        name: 'a session of TLS 1.2',
        session: (session) => void o.SSL_SESSION_set_protocol_version(session, 0x0303),
        says: ['0 SSL; SSL/219 “bad psk”'],
      },
    ]
    for (const { name, session, serverSession, selects, says, ...ends } of rows)
      test(name, async () => {
        const make = (more?: (session: o.SSL_SESSION) => void): o.SSL_SESSION =>
          agreed((one) => {
            o.SSL_SESSION_set_max_early_data(one, 100)
            more?.(one)
          })
        const pair = await pairOf({
          version: 0x0304,
          ...ends,
          cctx: (ctx) => {
            o.SSL_CTX_set_ciphersuites(ctx, 'TLS_AES_128_GCM_SHA256')
            o.SSL_CTX_set_psk_use_session_callback(ctx, () => ({ ret: 1, id: identity, sess: make(session) }))
          },
          sctx: (ctx) => {
            o.SSL_CTX_set_max_early_data(ctx, 100)
            guards(ctx)
            o.SSL_CTX_set_psk_find_session_callback(ctx, () => ({ ret: 1, sess: make(serverSession) }))
            if (selects) o.SSL_CTX_set_alpn_select_cb(ctx, () => ({ ret: 0, selected: bytes(selects) }), null)
          },
        })
        assert.equal(early(pair.client, 'early'), says[0])
        if (says[1] === undefined) return
        assert.equal(readEarly(pair.server), says[1])
        assert.equal(told(pair.client, await handshake(pair.client)), says[2])
      })
  })

  for (const suite of SUITES)
    test(`with ${suite}`, async () => {
      const only = (ctx: o.SSL_CTX): void => void o.SSL_CTX_set_ciphersuites(ctx, suite)
      const first = await open({
        version: 0x0304,
        cctx: only,
        sctx: (ctx) => {
          only(ctx)
          o.SSL_CTX_set_max_early_data(ctx, 100)
        },
      })
      const session = sessionOf(first.client)
      await close(first)
      const { client, server } = join(first.cctx, first.sctx)
      o.SSL_set_session(client, session)
      assert.equal(early(client, 'Hello'), '1 n=5')
      assert.equal(readEarly(server), "SUCCESS 'Hello'")
      // the early exporter gives both the same, with a context or without
      for (const context of [bytes('context'), new Uint8Array(0)]) {
        const outs = [client, server].map((ssl) => o.SSL_export_keying_material_early(ssl, 80, 'test label', context))
        assert.deepEqual(
          outs.map(({ ret }) => ret),
          [1, 1],
        )
        assert.deepEqual(outs[0]?.out, outs[1]?.out)
      }
      assert.equal(await handshake(client), 1)
      assert.equal(readEarly(server), 'FINISH')
      assert.equal(await handshake(server), 1)
      assert.equal(o.SSL_get_cipher(client), suite)
    })
})

/** A connection whose server looks for early data first. */
const connectReading = async ({ client, server }: Pick<Pair, 'client' | 'server'>): Promise<void> => {
  await handshake(client)
  readEarly(server)
  for (let i = 0; i < 3; i++) {
    await handshake(client)
    if (o.SSL_is_init_finished(server) === 0) readEarly(server)
    await handshake(server)
    queue()
  }
  assert.deepEqual(await shake({ client, server }), GOOD)
  await read(client)
}
