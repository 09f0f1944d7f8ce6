import assert from 'node:assert/strict'
import { it } from 'node:test'
import {
  bytes,
  connected,
  join,
  type Pair,
  pairOf,
  queue,
  read,
  shake,
  type Wishes,
  write,
} from '../../test/openssl/bench.ts'
import { type Row, type Setting, table } from '../../test/openssl/rows.ts'
import * as o from './index.ts'

const KEY = new Uint8Array(32).fill(7)

interface Keys {
  /** What the client's callback gives; absent: there is no callback. */
  readonly client?: { readonly identity: string; readonly psk: Uint8Array } | null
  /** Whom the server knows; absent: there is no callback. */
  readonly server?: Readonly<Record<string, Uint8Array>>
  readonly later?: boolean
}

const id1: Keys = { client: { identity: 'id1', psk: KEY }, server: { id1: KEY } }

/** Both ends by old callbacks; `asked` gets what they were asked. */
const withKeys = (
  { client, server, later }: Keys,
  setting: Setting,
  asked: unknown[] = [],
  more: Wishes = {},
): Promise<Pair> => {
  const answer = <T>(value: T): T | Promise<T> => (later ? Promise.resolve(value) : value)
  return pairOf({
    ...setting,
    identity: null,
    ...more,
    cctx: (ctx) => {
      if (setting.version === 0x0303) o.SSL_CTX_set_cipher_list(ctx, 'PSK')
      if (client !== undefined)
        o.SSL_CTX_set_psk_client_callback(ctx, (_ssl, hint) => {
          asked.push(hint)
          return answer(client)
        })
      more.cctx?.(ctx)
    },
    sctx: (ctx) => {
      if (setting.version === 0x0303) o.SSL_CTX_set_cipher_list(ctx, 'PSK')
      if (server)
        o.SSL_CTX_set_psk_server_callback(ctx, (_ssl, identity) => {
          asked.push(identity)
          return answer(server[identity] ?? null)
        })
      o.SSL_CTX_use_psk_identity_hint(ctx, 'hint!')
      more.sctx?.(ctx)
    },
  })
}

const x7 = async (keys: Keys, setting: Setting): Promise<string[]> => {
  const asked: unknown[] = []
  const { client, server } = await withKeys(keys, setting, asked)
  const [c, s] = await shake({ client, server })
  return [
    `client ${c}`,
    `server ${s}`,
    `hint=${o.SSL_get_psk_identity_hint(client)} identity=${o.SSL_get_psk_identity(server)}`,
    asked.join(),
  ]
}
const DONE = ['client 1 NONE', 'server 1 NONE']

const rows: readonly Row[] = [
  {
    id: 'X7 case 0',
    run: (setting) => x7(id1, setting),
    says: {
      771: [...DONE, 'hint=hint! identity=id1', 'hint!,id1'],
      772: [...DONE, 'hint=null identity=id1', ',id1'],
    },
  },
  {
    id: 'X7 case 0, answers that come later',
    run: (setting) => x7({ ...id1, later: true }, setting),
    says: {
      771: [...DONE, 'hint=hint! identity=id1', 'hint!,id1'],
      772: [...DONE, 'hint=null identity=id1', ',id1'],
    },
  },
  {
    id: 'X7 case 1 (section 13: the server does not know it)',
    version: 0x0303,
    run: (setting) => x7({ ...id1, server: {} }, setting),
    says: [
      'client -1 SSL; SSL/1115 “?”; SSL alert number 115',
      'server -1 SSL; SSL/223 “psk identity not found”',
      'hint=hint! identity=null',
      'hint!,id1',
    ],
  },
  {
    id: 'X7 case 2',
    version: 0x0303,
    run: (setting) => x7({ ...id1, client: null }, setting),
    says: [
      'client -1 SSL; SSL/223 “psk identity not found”',
      'server -1 SSL; SSL/1040 “sslv3 alert handshake failure”; SSL alert number 40',
      'hint=hint! identity=null',
      'hint!',
    ],
  },
  {
    id: 'X7 case 3',
    version: 0x0303,
    run: (setting) => x7({ server: { id1: KEY } }, setting),
    says: [
      'client -1 SSL; SSL/181 “no ciphers available”; No ciphers enabled for max supported SSL/TLS version',
      'server -1 SSL; SSL/244 “unexpected message”',
      'hint=null identity=null',
      '',
    ],
  },
  {
    id: 'another key for the same name',
    run: async (setting) => (await x7({ ...id1, server: { id1: KEY.map((b) => b + 1) } }, setting)).slice(1, 2),
    says: {
      771: ['server -1 SSL; SSL/281 “decryption failed or bad record mac”'],
      772: ['server -1 SSL; SSL/253 “binder does not verify”'],
    },
  },
  {
    id: 'an unknown name leads to certificates in TLS 1.3',
    version: 0x0304,
    run: async (setting) => {
      const { client, server } = await withKeys({ ...id1, server: {} }, setting, [], { identity: 'leaf' })
      return [...(await shake({ client, server })), `${o.SSL_session_reused(client)}${o.SSL_session_reused(server)}`]
    },
    says: ['1 NONE', '1 NONE', '00'],
  },
  {
    id: 'reused, one ticket, and the ticket is good',
    version: 0x0304,
    run: async (setting) => {
      let fresh = 0
      const pair = await withKeys(id1, setting, [], {
        cctx: (ctx) => {
          o.SSL_CTX_set_session_cache_mode(ctx, o.SSL_SESS_CACHE_BOTH)
          o.SSL_CTX_sess_set_new_cb(ctx, () => {
            fresh++
            return 0
          })
        },
      })
      const said = [...(await shake(pair))]
      await read(pair.client)
      said.push(`${o.SSL_session_reused(pair.client)}${o.SSL_session_reused(pair.server)} new_cb=${fresh}`)
      const next = join(pair.cctx, pair.sctx)
      o.SSL_set_session(next.client, o.SSL_get1_session(pair.client))
      said.push(...(await shake(next)), `identity=${o.SSL_get_psk_identity(next.server)}`)
      said.push(`${o.SSL_session_reused(next.client)}${o.SSL_session_reused(next.server)}`)
      return said
    },
    says: ['1 NONE', '1 NONE', '11 new_cb=1', '1 NONE', '1 NONE', 'identity=null', '11'],
  },
  {
    id: 'session callbacks',
    version: 0x0304,
    run: async (setting) => {
      const said: string[] = []
      const pair = await pairOf({
        ...setting,
        identity: null,
        cctx: (ctx) => {
          o.SSL_CTX_set_psk_use_session_callback(ctx, (ssl, md) => {
            said.push(`use ${md}`)
            return { ret: 1, id: bytes('device'), sess: sessionFor(ssl) }
          })
          o.SSL_CTX_set_psk_client_callback(ctx, () => assert.fail('the other callback had a key'))
        },
        sctx: (ctx) =>
          o.SSL_CTX_set_psk_find_session_callback(ctx, (ssl, identity) => {
            said.push(`find ${new TextDecoder().decode(identity)}`)
            return { ret: 1, sess: sessionFor(ssl) }
          }),
      })
      said.push(...(await shake(pair)), o.SSL_CIPHER_get_name(o.SSL_get_current_cipher(pair.client)))
      said.push(`${o.SSL_get_psk_identity(pair.client)} ${o.SSL_get_psk_identity(pair.server)}`)
      await write(pair.client, 'hello')
      said.push(await read(pair.server))
      return said
    },
    says: ['use null', 'find device', '1 NONE', '1 NONE', 'TLS_AES_256_GCM_SHA384', 'device device', "5 NONE 'hello'"],
  },
  {
    id: 'session callbacks that fail',
    version: 0x0304,
    run: async (setting) => {
      const said: string[] = []
      for (const answer of ['ret 0', 'TLS 1.2', 'find 0'] as const) {
        const pair = await pairOf({
          ...setting,
          cctx: (ctx) =>
            o.SSL_CTX_set_psk_use_session_callback(ctx, (ssl) => {
              const sess = sessionFor(ssl)
              if (answer === 'TLS 1.2') o.SSL_SESSION_set_protocol_version(sess, 0x0303)
              return { ret: answer === 'ret 0' ? 0 : 1, id: bytes('device'), sess }
            }),
          sctx: (ctx) => o.SSL_CTX_set_psk_find_session_callback(ctx, () => ({ ret: 0, sess: null })),
        })
        const [c, s] = await shake(pair)
        said.push(answer === 'find 0' ? s : c)
      }
      return said
    },
    says: ['-1 SSL; SSL/219 “bad psk”', '-1 SSL; SSL/219 “bad psk”', '-1 SSL; SSL/110 “bad extension”'],
  },
  {
    id: 'keys and names that are too long',
    version: 0x0303,
    run: async (setting) => {
      const said: string[] = []
      for (const client of [
        { identity: 'x'.repeat(129), psk: KEY },
        { identity: '', psk: KEY },
        { identity: 'id1', psk: new Uint8Array(257) },
      ])
        said.push((await x7({ ...id1, client }, setting))[0] as string)
      const { sctx } = await withKeys(id1, setting)
      said.push(`${o.SSL_CTX_use_psk_identity_hint(sctx, 'x'.repeat(128))}`)
      said.push([o.SSL_CTX_use_psk_identity_hint(sctx, 'x'.repeat(129)), ...queue()].join('; '))
      return said
    },
    says: [
      ...Array.from({ length: 3 }, () => 'client -1 SSL; SSL/68 “internal error”'),
      '1',
      '0; SSL/146 “data length too long”',
    ],
  },
  {
    id: 'lists of the defaults',
    version: 0x0303,
    run: async (setting) => {
      const pair = await withKeys(id1, setting, [], {
        cctx: (ctx) => o.SSL_CTX_set_cipher_list(ctx, 'DEFAULT'),
        sctx: (ctx) => o.SSL_CTX_set_cipher_list(ctx, 'DEFAULT'),
      })
      return [...(await shake(pair)), o.SSL_CIPHER_get_name(o.SSL_get_current_cipher(pair.client))]
    },
    says: ['1 NONE', '1 NONE', 'ECDHE-PSK-AES256-GCM-SHA384'],
  },
]

const sessionFor = (ssl: o.SSL): o.SSL_SESSION => {
  const session = o.SSL_SESSION_new()
  o.SSL_SESSION_set1_master_key(session, new Uint8Array(48).fill(9))
  o.SSL_SESSION_set_cipher(session, o.SSL_CIPHER_find(ssl, Uint8Array.of(0x13, 0x02)) as o.SSL_CIPHER)
  o.SSL_SESSION_set_protocol_version(session, 0x0304)
  return session
}

table('X7 and beyond: pre-shared keys', rows)

it('suites with PSK are offered only where there is a callback', async () => {
  const offered: number[] = []
  const { client } = await connected({
    version: 0x0303,
    cctx: (ctx) => o.SSL_CTX_set_cipher_list(ctx, 'ALL'),
    sctx: (ctx) =>
      o.SSL_CTX_set_client_hello_cb(
        ctx,
        (ssl) => {
          const wire = o.SSL_client_hello_get0_ciphers(ssl)
          for (let at = 0; at < wire.length; at += 2)
            offered.push(((wire[at] as number) << 8) | (wire[at + 1] as number))
          return 1
        },
        null,
      ),
  })
  assert.ok(o.SSL_get_ciphers(client).some((cipher) => o.SSL_CIPHER_get_name(cipher).includes('PSK')))
  assert.ok(offered.length > 10)
  assert.ok(!offered.includes(0x00a9) && !offered.includes(0xccac))
  assert.ok(!o.SSL_get1_supported_ciphers(client)?.some((c) => o.SSL_CIPHER_get_name(c).includes('PSK')))
})
