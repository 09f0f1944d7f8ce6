import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as o from '../../src/openssl/index.ts'
import { materials, pairOf, shake, trust, useIdentity, type Wishes } from '../openssl/bench.ts'
import { again, close, GOOD, open, sessionOf } from './connect.ts'

/** Extensions of the program's own: how often each callback is asked, on which side. */

const TYPE = 0xff00

interface Count {
  add: number
  free: number
  parse: number
}
const counted = () => ({ client: { add: 0, free: 0, parse: 0 }, server: { add: 0, free: 0, parse: 0 } })
type Counts = ReturnType<typeof counted>
const each = (n: number): Count => ({ add: n, free: n, parse: n })

const oldStyle = (counts: Counts, role: 'client' | 'server', ctx: o.SSL_CTX): number => {
  const count = counts[role]
  const add = role === 'client' ? o.SSL_CTX_add_client_custom_ext : o.SSL_CTX_add_server_custom_ext
  return add(
    ctx,
    TYPE,
    (_ssl, type, arg) => {
      count.add++
      assert.deepEqual([type, arg], [TYPE, role])
      return { ret: 1, out: Uint8Array.of(count.add) }
    },
    () => void count.free++,
    role,
    (_ssl, type, data, arg) => {
      count.parse++
      assert.deepEqual([type, arg, [...data]], [TYPE, role, [count.parse]])
      return 1
    },
    role,
  )
}
const newStyle = (counts: Counts, context: number, ctx: o.SSL_CTX): number => {
  const of = (ssl: o.SSL): Count => counts[o.SSL_is_server(ssl) ? 'server' : 'client']
  return o.SSL_CTX_add_custom_ext(
    ctx,
    TYPE,
    context,
    (ssl, type, where, x, index, arg) => {
      of(ssl).add++
      assert.deepEqual([type, arg, (context & where) !== 0], [TYPE, 'add', true])
      assert.equal(x !== null, where === o.SSL_EXT_TLS1_3_CERTIFICATE)
      // one certificate is enough
      if (index > 0) {
        of(ssl).add--
        return 0
      }
      return { ret: 1, out: Uint8Array.of(7) }
    },
    (ssl) => void of(ssl).free++,
    'add',
    (ssl, type, _where, data, _x, index, arg) => {
      assert.deepEqual([type, [...data], index, arg], [TYPE, [7], 0, 'parse'])
      of(ssl).parse++
      return 1
    },
    'parse',
  )
}

const CH = o.SSL_EXT_CLIENT_HELLO
const rows: readonly {
  readonly name: string
  readonly version: number
  /** SSL_EXT_ bits; old style without. */
  readonly context?: number
  readonly sni?: boolean
  readonly first: { readonly client: Count; readonly server: Count }
  readonly resumed: { readonly client: Count; readonly server: Count }
}[] = [
  {
    name: 'old style',
    version: 0x0303,
    first: { client: each(1), server: each(1) },
    resumed: { client: { add: 2, free: 2, parse: 1 }, server: each(1) },
  },
  {
    name: 'old style, and the name leads to another context',
    version: 0x0303,
    sni: true,
    first: { client: each(1), server: each(1) },
    resumed: { client: { add: 2, free: 2, parse: 1 }, server: each(1) },
  },
  {
    name: 'new style',
    version: 0x0303,
    context: CH | o.SSL_EXT_TLS1_2_SERVER_HELLO,
    first: { client: each(1), server: each(1) },
    resumed: { client: each(2), server: each(2) },
  },
  {
    name: 'in ClientHello and EncryptedExtensions',
    version: 0x0304,
    context: CH | o.SSL_EXT_TLS1_3_ENCRYPTED_EXTENSIONS,
    first: { client: each(1), server: each(1) },
    resumed: { client: each(2), server: each(2) },
  },
  {
    name: 'in every message of a server',
    version: 0x0304,
    context:
      CH |
      o.SSL_EXT_TLS1_3_SERVER_HELLO |
      o.SSL_EXT_TLS1_3_ENCRYPTED_EXTENSIONS |
      o.SSL_EXT_TLS1_3_CERTIFICATE |
      o.SSL_EXT_TLS1_3_NEW_SESSION_TICKET,
    // hello, EncryptedExtensions, Certificate and two tickets; resumed: hello, EncryptedExtensions and one
    first: { client: { add: 1, free: 1, parse: 5 }, server: { add: 5, free: 5, parse: 1 } },
    resumed: { client: { add: 2, free: 2, parse: 8 }, server: { add: 8, free: 8, parse: 2 } },
  },
]

describe('custom extensions', () => {
  for (const { name, version, context, sni, first, resumed } of rows) {
    for (const late of [false, true]) {
      test(`${name}, TLS 1.${version - 0x0301}${late ? ', late crypto' : ''}`, async () => {
        const counts = counted()
        const second = o.SSL_CTX_new(o.TLS_server_method()) as o.SSL_CTX
        const { leaf } = await materials()
        useIdentity(second, leaf)
        const add = (role: 'client' | 'server') => (ctx: o.SSL_CTX) => {
          const done = context === undefined ? oldStyle(counts, role, ctx) : newStyle(counts, context, ctx)
          assert.equal(done, 1)
          // not twice
          assert.equal(context === undefined ? oldStyle(counts, role, ctx) : newStyle(counts, context, ctx), 0)
        }
        if (sni) add('server')(second)
        const pair = await open({
          version,
          late,
          cctx: add('client'),
          sctx: (ctx) => {
            add('server')(ctx)
            if (sni)
              o.SSL_CTX_set_tlsext_servername_callback(
                ctx,
                (ssl) => (o.SSL_set_SSL_CTX(ssl, second), o.SSL_TLSEXT_ERR_OK),
              )
          },
        })
        assert.deepEqual(counts, first)
        const session = sessionOf(pair.client)
        await close(pair)
        const later = await again(pair, session)
        assert.deepEqual(later.ended, GOOD)
        assert.equal(o.SSL_session_reused(later.client), 1)
        assert.deepEqual(counts, resumed)
      })
    }
  }

  test('in CertificateRequest and the client’s Certificate', async () => {
    const counts = counted()
    const { leaf, root } = await materials()
    const context = o.SSL_EXT_TLS1_3_CERTIFICATE | o.SSL_EXT_TLS1_3_CERTIFICATE_REQUEST | CH
    await open({
      version: 0x0304,
      cctx: (ctx) => {
        useIdentity(ctx, leaf)
        assert.equal(newStyle(counts, context, ctx), 1)
      },
      sctx: (ctx) => {
        trust(ctx, root)
        o.SSL_CTX_set_verify(ctx, o.SSL_VERIFY_PEER | o.SSL_VERIFY_FAIL_IF_NO_PEER_CERT, null)
        assert.equal(newStyle(counts, context, ctx), 1)
      },
    })
    // the client: hello and certificate out, request and the server's certificate in
    assert.deepEqual(counts, { client: each(2), server: each(2) })
  })

  const refusals: readonly [
    name: string,
    wishes: (ctx: o.SSL_CTX, role: string) => void,
    client: string,
    server: string,
  ][] = [
    [
      'the client’s adding',
      (ctx, role) =>
        void (
          role === 'client' &&
          o.SSL_CTX_add_client_custom_ext(ctx, TYPE, () => ({ ret: -1, al: 50 }), null, null, null, null)
        ),
      '-1 SSL; SSL/234 “callback failed”',
      // its first record is an alert, where a hello was due
      '-1 SSL; SSL/244 “unexpected message”',
    ],
    [
      'the server’s parsing',
      (ctx, role) =>
        void (role === 'client'
          ? o.SSL_CTX_add_client_custom_ext(ctx, TYPE, null, null, null, null, null)
          : o.SSL_CTX_add_server_custom_ext(ctx, TYPE, null, null, null, () => ({ ret: 0, al: 109 }), null)),
      '-1 SSL; SSL/1109 “tlsv13 alert missing extension”; SSL alert number 109',
      '-1 SSL; SSL/110 “bad extension”',
    ],
  ]
  for (const [name, wish, client, server] of refusals)
    test(`refused: ${name}`, async () => {
      const wishes: Wishes = { version: 0x0303, cctx: (ctx) => wish(ctx, 'client'), sctx: (ctx) => wish(ctx, 'server') }
      const ended = await shake(await pairOf(wishes))
      assert.deepEqual(ended, [client, server])
    })

  test('an answer that nobody asked for', async () => {
    const add = (ctx: o.SSL_CTX): void =>
      void o.SSL_CTX_add_custom_ext(
        ctx,
        TYPE,
        CH | o.SSL_EXT_TLS1_3_NEW_SESSION_TICKET | o.SSL_EXT_TLS1_3_ENCRYPTED_EXTENSIONS,
        () => 1,
        null,
        null,
        null,
        null,
      )
    // a server that was offered nothing answers nothing; its tickets may say what they like
    const pair = await pairOf({ version: 0x0304, sctx: add })
    assert.deepEqual(await shake(pair), GOOD)
  })

  test('types that the library speaks itself cannot be brought', async () => {
    const ctx = o.SSL_CTX_new(o.TLS_method()) as o.SSL_CTX
    for (const [type, known] of [
      [0, 1],
      [16, 1],
      [41, 1],
      [51, 1],
      [0xff01, 1],
      [18, 0],
      [0xff00, 0],
    ] as const) {
      assert.equal(o.SSL_extension_supported(type), known, `${type}`)
      assert.equal(o.SSL_CTX_add_client_custom_ext(ctx, type, null, null, null, null, null), 1 - known)
      assert.equal(o.SSL_CTX_has_client_custom_ext(ctx, type), 1 - known)
    }
    assert.equal(o.SSL_CTX_add_custom_ext(ctx, 0x10000, CH, null, null, null, null, null), 0)
    assert.equal(
      o.SSL_CTX_add_custom_ext(ctx, 99, CH, null, () => {}, null, null, null),
      0,
    )
  })
})
