import {
  connected,
  contextFor,
  handshake,
  join,
  materials,
  type Pair,
  pairOf,
  queue,
  read,
  shake,
  shutdown,
  told,
  trust,
  useIdentity,
} from '../../test/openssl/bench.ts'
import { type Row, type Setting, table } from '../../test/openssl/rows.ts'
import * as o from './index.ts'

const BOTH = o.SSL_SESS_CACHE_BOTH

/** Both ends close as they should. */
const close = async ({ client, server }: Pick<Pair, 'client' | 'server'>): Promise<void> => {
  await shutdown(client)
  await shutdown(server)
  await read(server)
  await read(client)
}

/** The session of a first connection that was closed properly, with the contexts that it was made in. */
const first = async (
  setting: Setting,
  more: Parameters<typeof pairOf>[0] = {},
): Promise<Pair & { session: o.SSL_SESSION }> => {
  const pair = await connected({ ...setting, ...more })
  await read(pair.client)
  await close(pair)
  const session = o.SSL_get1_session(pair.client) as o.SSL_SESSION
  return { ...pair, session }
}

/** A second connection of the same contexts that offers this session. */
const again = async (
  { cctx, sctx }: Pick<Pair, 'cctx' | 'sctx'>,
  session: o.SSL_SESSION | null,
  prepare: (ssl: o.SSL) => void = () => {},
): Promise<string> => {
  const ends = join(cctx, sctx)
  if (session) o.SSL_set_session(ends.client, session)
  prepare(ends.client)
  const before = o.SSL_session_reused(ends.client)
  const [c, s] = await shake(ends)
  const data = await read(ends.client)
  await close(ends)
  o.ERR_clear_error()
  return `${before} c=${c} s=${s} reused=${o.SSL_session_reused(ends.client)}${o.SSL_session_reused(ends.server)} ${data === '-1 WANT_READ' ? '' : data}`.trim()
}
const REUSED = '0 c=1 NONE s=1 NONE reused=11'
const FULL = '0 c=1 NONE s=1 NONE reused=00'

const rows: readonly Row[] = [
  {
    id: 'J1',
    run: async (setting) => {
      const said: string[] = []
      let fresh = 0
      const pair = await connected({
        ...setting,
        cctx: (ctx) => {
          o.SSL_CTX_set_session_cache_mode(ctx, BOTH)
          o.SSL_CTX_sess_set_new_cb(ctx, () => {
            fresh++
            return 0
          })
        },
      })
      const { client, cctx, sctx } = pair
      const about = (): string => {
        const session = o.SSL_get_session(client) as o.SSL_SESSION
        return `new_cb=${fresh} resumable=${o.SSL_SESSION_is_resumable(session)} has_ticket=${o.SSL_SESSION_has_ticket(session)} id_len=${o.SSL_SESSION_get_id(session).length}`
      }
      const before = o.SSL_get_session(client)
      said.push(about())
      await read(client)
      const session = o.SSL_get_session(client) as o.SSL_SESSION
      said.push(
        `${about()} same=${before === session} timeout=${o.SSL_SESSION_get_timeout(session)} hint=${o.SSL_SESSION_get_ticket_lifetime_hint(session)}`,
      )
      said.push(
        `number(c)=${o.SSL_CTX_sess_number(cctx)} (s)=${o.SSL_CTX_sess_number(sctx)} connect=${o.SSL_CTX_sess_connect(cctx)} good=${o.SSL_CTX_sess_connect_good(cctx)} accept=${o.SSL_CTX_sess_accept(sctx)} agood=${o.SSL_CTX_sess_accept_good(sctx)} hits=${o.SSL_CTX_sess_hits(cctx)}`,
      )
      return said
    },
    says: {
      772: [
        'new_cb=0 resumable=0 has_ticket=0 id_len=0',
        'new_cb=2 resumable=1 has_ticket=1 id_len=32 same=false timeout=7200 hint=7200',
        'number(c)=2 (s)=0 connect=1 good=1 accept=1 agood=1 hits=0',
      ],
      771: [
        'new_cb=1 resumable=1 has_ticket=1 id_len=32',
        'new_cb=1 resumable=1 has_ticket=1 id_len=32 same=true timeout=7200 hint=7200',
        'number(c)=1 (s)=0 connect=1 good=1 accept=1 agood=1 hits=0',
      ],
    },
  },
  {
    id: 'J1 resumed, twice, and after SSL_set_session(NULL)',
    run: async (setting) => {
      const pair = await first(setting)
      const ssl = o.SSL_new(pair.cctx) as o.SSL
      return [
        await again(pair, pair.session),
        await again(pair, pair.session),
        `${o.SSL_set_session(ssl, pair.session)}${o.SSL_set_session(ssl, null)} ${o.SSL_get_session(ssl)}`,
        await again(pair, null),
        `hits=${o.SSL_CTX_sess_hits(pair.cctx)} ${o.SSL_CTX_sess_hits(pair.sctx)}`,
      ]
    },
    says: [REUSED, REUSED, '11 null', FULL, 'hits=2 2'],
  },
  {
    id: 'J1 freed without shutdown',
    run: async (setting) => {
      const { client } = await connected({ ...setting, cctx: (ctx) => o.SSL_CTX_set_session_cache_mode(ctx, BOTH) })
      await read(client)
      const session = o.SSL_get1_session(client) as o.SSL_SESSION
      const before = o.SSL_SESSION_is_resumable(session)
      o.SSL_free(client)
      return [`before=${before} after=${o.SSL_SESSION_is_resumable(session)}`]
    },
    says: ['before=1 after=0'],
  },
  {
    id: 'J1 the ticket is used up, and the program is told',
    version: 0x0304,
    run: async (setting) => {
      let removed = 0
      const pair = await first(setting, {
        cctx: (ctx) => {
          o.SSL_CTX_set_session_cache_mode(ctx, BOTH)
          o.SSL_CTX_sess_set_remove_cb(ctx, () => removed++)
        },
      })
      return [await again(pair, pair.session), `removed=${removed} ${o.SSL_SESSION_is_resumable(pair.session)}`]
    },
    says: [REUSED, 'removed=1 0'],
  },
  {
    id: 'J2',
    run: async (setting) => {
      const pair = await first(setting)
      o.SSL_CTX_set_verify(pair.sctx, o.SSL_VERIFY_PEER, null)
      const ends = join(pair.cctx, pair.sctx)
      o.SSL_set_session(ends.client, pair.session)
      await handshake(ends.client)
      const refused = told(ends.server, await handshake(ends.server))
      await new Promise((resolve) => setImmediate(resolve))
      return [refused, told(ends.client, await handshake(ends.client))]
    },
    says: [
      '-1 SSL; SSL/277 “session id context uninitialized”',
      '-1 SSL; SSL/1080 “tlsv1 alert internal error”; SSL alert number 80',
    ],
  },
  {
    id: 'J2 with a context, and a client certificate that is remembered',
    run: async (setting) => {
      const { root, leaf } = await materials()
      const pair = await first(setting, {
        cctx: (ctx) => {
          trust(ctx, root)
          o.SSL_CTX_use_certificate(ctx, o.X509_of(leaf.certificate))
          o.SSL_CTX_use_PrivateKey(ctx, new o.EVP_PKEY(leaf.key))
          for (const one of leaf.above) o.SSL_CTX_add1_chain_cert(ctx, o.X509_of(one))
        },
        sctx: (ctx) => {
          trust(ctx, root)
          o.SSL_CTX_set_verify(ctx, o.SSL_VERIFY_PEER | o.SSL_VERIFY_FAIL_IF_NO_PEER_CERT, null)
          o.SSL_CTX_set_session_id_context(ctx, Uint8Array.of(1))
        },
      })
      const resumed = await again(pair, pair.session)
      o.SSL_CTX_set_session_id_context(pair.sctx, Uint8Array.of(2))
      return [resumed, await again(pair, pair.session)]
    },
    says: [REUSED, FULL],
  },
  {
    id: 'X1',
    version: 0x0304,
    quick: true,
    run: async (setting) => {
      const pair = await first(setting)
      const { cctx, session } = pair
      return [
        `${o.SSL_CTX_add_session(cctx, session)}${o.SSL_CTX_add_session(cctx, session)} number=${o.SSL_CTX_sess_number(cctx)}`,
        `${o.SSL_CTX_remove_session(cctx, session)}${o.SSL_CTX_remove_session(cctx, session)} resumable=${o.SSL_SESSION_is_resumable(session)}`,
      ]
    },
    says: ['10 number=1', '10 resumable=0'],
  },
  {
    id: 'X2',
    run: async (setting) => {
      const pair = await first(setting)
      const kept = o.i2d_SSL_SESSION(pair.session)
      const back = o.d2i_SSL_SESSION(kept) as o.SSL_SESSION
      const damaged = o.d2i_SSL_SESSION(kept.subarray(0, kept.length - 1))
      return [
        `${o.SSL_SESSION_get_protocol_version(back).toString(16)} ${o.SSL_CIPHER_get_name(o.SSL_SESSION_get0_cipher(back))} ${o.i2d_SSL_SESSION(back).join() === kept.join()} ${damaged}`,
        await again(pair, back),
      ]
    },
    says: {
      772: ['304 TLS_AES_256_GCM_SHA384 true null', REUSED],
      771: ['303 ECDHE-ECDSA-AES256-GCM-SHA384 true null', REUSED],
    },
  },
  {
    id: 'X9 X9b',
    run: async (setting) => {
      const pair = await connected(setting)
      await read(pair.client)
      await close(pair)
      const cleared = `SSL_clear=${o.SSL_clear(pair.client)} in_before=${o.SSL_in_before(pair.client)} kept=${o.SSL_get_session(pair.client) ? 1 : 0} is_server=${o.SSL_is_server(pair.client)}`
      o.SSL_clear(pair.server)
      for (const bio of [pair.toClient, pair.toServer]) o.BIO_reset(bio)
      const ended = await shake(pair)
      return [cleared, `${ended} reused=${o.SSL_session_reused(pair.client)}`]
    },
    says: ['SSL_clear=1 in_before=1 kept=1 is_server=0', '1 NONE,1 NONE reused=1'],
  },
  {
    id: 'X9c',
    run: async (setting) => {
      const pair = await connected(setting)
      await read(pair.client)
      const session = o.SSL_get1_session(pair.client) as o.SSL_SESSION
      o.SSL_clear(pair.client)
      return [`kept=${o.SSL_get_session(pair.client) ? 1 : 0} resumable=${o.SSL_SESSION_is_resumable(session)}`]
    },
    says: ['kept=0 resumable=0'],
  },
  {
    id: 'SSL_OP_NO_TICKET: the server keeps sessions, by id or by name',
    run: async (setting) => {
      const pair = await first(setting, { sctx: (ctx) => o.SSL_CTX_set_options(ctx, o.SSL_OP_NO_TICKET) })
      const before = `number=${o.SSL_CTX_sess_number(pair.sctx)}`
      const resumed = await again(pair, pair.session)
      o.SSL_CTX_flush_sessions(pair.sctx, 0)
      return [before, resumed, await again(pair, pair.session), `misses=${o.SSL_CTX_sess_misses(pair.sctx)}`]
    },
    says: {
      772: ['number=2', REUSED, FULL, 'misses=1'],
      771: ['number=1', REUSED, FULL, 'misses=1'],
    },
  },
  {
    id: 'a session that the program keeps',
    version: 0x0303,
    run: async (setting) => {
      const kept = new Map<string, o.SSL_SESSION>()
      const pair = await first(setting, {
        sctx: (ctx) => {
          o.SSL_CTX_set_options(ctx, o.SSL_OP_NO_TICKET)
          o.SSL_CTX_set_session_cache_mode(ctx, o.SSL_SESS_CACHE_SERVER | o.SSL_SESS_CACHE_NO_INTERNAL)
          o.SSL_CTX_sess_set_new_cb(ctx, (_, session) => {
            kept.set(o.SSL_SESSION_get_id(session).join(), session)
            return 1
          })
          o.SSL_CTX_sess_set_get_cb(ctx, (_, id) => kept.get(id.join()) ?? null)
        },
      })
      return [
        `${kept.size} ${o.SSL_CTX_sess_number(pair.sctx)}`,
        await again(pair, pair.session),
        `cb_hits=${o.SSL_CTX_sess_cb_hits(pair.sctx)}`,
      ]
    },
    says: ['1 0', REUSED, 'cb_hits=1'],
  },
  ...([1, 2, 0, -1] as const).map(
    (ret): Row => ({
      id: `X8 ticket key cb on resume ret=${ret}`,
      run: async (setting) => {
        let calls = 0
        let answer = 1
        const keyName = new Uint8Array(16).fill(1)
        const key = new Uint8Array(32).fill(2)
        const pair = await first(setting, {
          sctx: (ctx) =>
            o.SSL_CTX_set_tlsext_ticket_key_cb(ctx, (_, name, enc) => {
              calls++
              if (enc === 1) return { ret: 1, keyName, key }
              return name?.join() === keyName.join() && answer > 0 ? { ret: answer, keyName, key } : answer
            }),
        })
        calls = 0
        answer = ret
        const ends = join(pair.cctx, pair.sctx)
        o.SSL_set_session(ends.client, pair.session)
        const [c, s] = await shake(ends)
        return [`c=${c.slice(0, 2)} s=${s} reused=${o.SSL_session_reused(ends.server)} calls=${calls}`]
      },
      says:
        ret === 1
          ? ['c=1  s=1 NONE reused=1 calls=1']
          : ret === 2
            ? ['c=1  s=1 NONE reused=1 calls=2']
            : ret === -1
              ? ['c=-1 s=-1 SSL; SSL/68 “internal error” reused=0 calls=1']
              : { 772: ['c=1  s=1 NONE reused=0 calls=3'], 771: ['c=1  s=1 NONE reused=0 calls=2'] },
    }),
  ),
  {
    id: 'V8 ticket key cb on encrypt',
    run: async (setting) => {
      const asks = async (answer: number): Promise<string> => {
        const pair = await pairOf({ ...setting, sctx: (ctx) => o.SSL_CTX_set_tlsext_ticket_key_cb(ctx, () => answer) })
        const [c, s] = await shake(pair)
        const data = await read(pair.client)
        const session = o.SSL_get_session(pair.client)
        return `c=${c.slice(0, 2)} s=${s} ${data} has_ticket=${session ? o.SSL_SESSION_has_ticket(session) : 0}`
      }
      return [await asks(0), await asks(-1)]
    },
    says: {
      772: [
        'c=1  s=1 NONE -1 WANT_READ has_ticket=0',
        'c=1  s=-1 SSL; SSL/234 “callback failed” 0 SSL; SSL/1080 “tlsv1 alert internal error”; SSL alert number 80 has_ticket=0',
      ],
      771: ['c=1  s=1 NONE -1 WANT_READ has_ticket=0', 'c=-1 s=-1 SSL; SSL/234 “callback failed” 0 SSL has_ticket=0'],
    },
    differs: 'D14, no ticket is sent where OpenSSL sends a broken one; and D2',
  },
  {
    id: 'tickets of one context open in another that has its keys',
    run: async (setting) => {
      const pair = await first(setting)
      const { leaf } = await materials()
      const other = contextFor(setting.late)
      useIdentity(other, leaf, setting.late)
      const foreign = await again({ cctx: pair.cctx, sctx: other }, pair.session)
      const keys = o.SSL_CTX_get_tlsext_ticket_keys(pair.sctx)
      o.SSL_CTX_set_tlsext_ticket_keys(other, keys)
      const ends = join(pair.cctx, pair.sctx)
      await shake(ends)
      await read(ends.client)
      await close(ends)
      return [
        foreign,
        await again({ cctx: pair.cctx, sctx: other }, o.SSL_get1_session(ends.client)),
        `${o.SSL_CTX_set_tlsext_ticket_keys(other, null)} ${o.SSL_CTX_set_tlsext_ticket_keys(other, new Uint8Array(79))} ${queue()}`,
      ]
    },
    says: [FULL, REUSED, '80 0 SSL/325 “invalid ticket keys length”'],
  },
  {
    id: 'num_tickets',
    version: 0x0304,
    run: async (setting) => {
      const count = async (n: number): Promise<number> => {
        let fresh = 0
        const { client } = await connected({
          ...setting,
          cctx: (ctx) => {
            o.SSL_CTX_set_session_cache_mode(ctx, BOTH)
            o.SSL_CTX_sess_set_new_cb(ctx, () => {
              fresh++
              return 0
            })
          },
          sctx: (ctx) => o.SSL_CTX_set_num_tickets(ctx, n),
        })
        await read(client)
        return fresh
      }
      return [`${await count(0)} ${await count(1)} ${await count(4)}`]
    },
    says: ['0 1 4'],
  },
  {
    id: 'a session is not resumed for another name, nor by one who insists where it was tolerated',
    run: async (setting) => {
      const { root } = await materials()
      const pair = await first(setting, {
        cctx: (ctx) => trust(ctx, root),
        client: (ssl) => void o.SSL_set1_host(ssl, 'server.example'),
      })
      const other = await again(pair, pair.session, (ssl) => void o.SSL_set1_host(ssl, 'a.wild.example'))
      const same = await again(pair, pair.session, (ssl) => void o.SSL_set1_host(ssl, 'server.example'))
      const tolerated = await first(setting)
      const ends = join(tolerated.cctx, tolerated.sctx)
      o.SSL_set_session(ends.client, tolerated.session)
      o.SSL_set_verify(ends.client, o.SSL_VERIFY_PEER, null)
      const [insisting] = await shake(ends)
      return [other, same, insisting, queue().join()]
    },
    says: [FULL, REUSED, '-1 SSL; SSL/134 “certificate verify failed”', ''],
  },
]
table('J, X: sessions', rows)
