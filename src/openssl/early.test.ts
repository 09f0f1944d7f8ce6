import assert from 'node:assert/strict'
import { it } from 'node:test'
import {
  bytes,
  connected,
  handshake,
  join,
  type Pair,
  pairOf,
  queue,
  read,
  shutdown,
  told,
  write,
} from '../../test/openssl/bench.ts'
import { type Row, type Setting, table } from '../../test/openssl/rows.ts'
import * as o from './index.ts'

/** Contexts with early data, and a session of a first connection. */
const prepared = async (
  setting: Setting,
  wishes: { max?: number; sctx?: (ctx: o.SSL_CTX) => void; cctx?: (ctx: o.SSL_CTX) => void } = {},
): Promise<Pair & { session: o.SSL_SESSION; next: () => Ends }> => {
  const pair = await connected({
    ...setting,
    cctx: (ctx) => wishes.cctx?.(ctx),
    sctx: (ctx) => {
      o.SSL_CTX_set_max_early_data(ctx, wishes.max ?? 100)
      wishes.sctx?.(ctx)
    },
  })
  await read(pair.client)
  await shutdown(pair.client)
  await shutdown(pair.server)
  await read(pair.client)
  const session = o.SSL_get1_session(pair.client) as o.SSL_SESSION
  const next = (): Ends => {
    const ends = join(pair.cctx, pair.sctx)
    o.SSL_set_session(ends.client, o.SSL_SESSION_dup(session))
    return ends
  }
  return { ...pair, session, next }
}
type Ends = ReturnType<typeof join>

const early = async (ssl: o.SSL, text: string | Uint8Array): Promise<string> => {
  const data = typeof text === 'string' ? bytes(text) : text
  for (;;) {
    const { ret, written } = o.SSL_write_early_data(ssl, data)
    if (o.SSL_get_error(ssl, ret) === o.SSL_ERROR_WANT_ASYNC) await o.SSL_wait(ssl)
    else return `${told(ssl, ret)} n=${written}`
  }
}
const readEarly = async (ssl: o.SSL, size = 100): Promise<string> => {
  const into = new Uint8Array(size)
  for (;;) {
    const { ret, readbytes } = o.SSL_read_early_data(ssl, into)
    if (o.SSL_get_error(ssl, ret) === o.SSL_ERROR_WANT_ASYNC) await o.SSL_wait(ssl)
    else
      return `${told(ssl, ret)} n=${readbytes}${readbytes > 0 ? ` '${new TextDecoder().decode(into.subarray(0, readbytes))}'` : ''}`
  }
}
const shaken = async (ssl: o.SSL): Promise<string> => told(ssl, await handshake(ssl))
const about = (ssl: o.SSL): string =>
  `in_init=${o.SSL_in_init(ssl)} finished=${o.SSL_is_init_finished(ssl)} state=${o.SSL_state_string(ssl)} status=${o.SSL_get_early_data_status(ssl)}`
const NOT_NOW = '0 SSL; SSL/66 “called a function you should not call”'

const rows: readonly Row[] = [
  {
    id: 'X4',
    run: async (setting) => {
      const { client } = await pairOf(setting)
      return [await early(client, 'early')]
    },
    says: { 771: [`${NOT_NOW} n=0`], 772: [`${NOT_NOW} n=0`] },
  },
  {
    id: 'X4c X4d X4e X4g X4h',
    version: 0x0304,
    run: async (setting) => {
      const { client, server } = await pairOf(setting)
      const said = [await readEarly(server), await read(server), await write(server, 'x')]
      await handshake(client)
      said.push(await readEarly(server), about(server), await readEarly(server))
      said.push(await shaken(client), await shaken(server), about(server))
      return said
    },
    says: [
      '0 WANT_READ n=0',
      NOT_NOW,
      NOT_NOW,
      '2 NONE n=0',
      'in_init=0 finished=0 state=TED status=0',
      `${NOT_NOW} n=0`,
      '1 NONE',
      '1 NONE',
      'in_init=0 finished=1 state=SSLOK  status=0',
    ],
  },
  {
    id: 'X4g a client of TLS 1.2',
    version: 0x0303,
    run: async (setting) => {
      const { client, server } = await pairOf(setting)
      const said: string[] = []
      await handshake(client)
      said.push(await readEarly(server))
      await handshake(client)
      said.push(await readEarly(server), await shaken(server), await shaken(client), await shaken(client))
      return said
    },
    says: ['0 WANT_READ n=0', '2 NONE n=0', '1 NONE', '1 NONE', '1 NONE'],
  },
  {
    id: 'X5',
    version: 0x0304,
    run: async (setting) => {
      const { session, next } = await prepared(setting)
      const { client } = next()
      return [`max=${o.SSL_SESSION_get_max_early_data(session)}`, await early(client, new Uint8Array(101))]
    },
    says: ['max=100', '0 SSL; SSL/164 “too much early data” n=0'],
  },
  {
    id: 'X6 X6b X6c X6d X6e X6f X6g',
    version: 0x0304,
    run: async (setting) => {
      const { client, server } = (await prepared(setting)).next()
      const said = [await early(client, 'early'), about(client), await readEarly(server), about(server)]
      said.push(await readEarly(server), await read(server), await write(server, 'x'))
      said.push(
        await early(server, 'reply'),
        await early(client, '2nd'),
        await readEarly(server, 2),
        await readEarly(server),
      )
      said.push(await shaken(client), about(client), await readEarly(server), await shaken(server), about(server))
      said.push(
        await early(client, 'late'),
        await read(client),
        `reused=${o.SSL_session_reused(client)}${o.SSL_session_reused(server)}`,
      )
      said.push(await write(client, 'data'), await read(server))
      return said
    },
    says: [
      '1 NONE n=5',
      'in_init=0 finished=0 state=TED status=1',
      "1 NONE n=5 'early'",
      'in_init=0 finished=0 state=TED status=2',
      '0 WANT_READ n=0',
      NOT_NOW,
      NOT_NOW,
      '1 NONE n=5',
      '1 NONE n=3',
      "1 NONE n=2 '2n'",
      "1 NONE n=1 'd'",
      '1 NONE',
      'in_init=0 finished=1 state=SSLOK  status=2',
      '2 NONE n=0',
      '1 NONE',
      'in_init=0 finished=1 state=SSLOK  status=2',
      `${NOT_NOW} n=0`,
      "5 NONE 'reply'",
      'reused=11',
      '4 NONE',
      "4 NONE 'data'",
    ],
  },
  {
    id: 'SSL_write ends it',
    version: 0x0304,
    run: async (setting) => {
      const { client, server } = (await prepared(setting)).next()
      const said = [await early(client, 'early'), await write(client, 'data'), await early(client, 'more')]
      said.push(await readEarly(server), await write(client, 'data'), await readEarly(server), await read(server))
      return said
    },
    says: [
      '1 NONE n=5',
      '-1 WANT_READ',
      `${NOT_NOW} n=0`,
      "1 NONE n=5 'early'",
      '4 NONE',
      '2 NONE n=0',
      "4 NONE 'data'",
    ],
  },
  {
    id: 'a server that does not read it skips it',
    version: 0x0304,
    run: async (setting) => {
      const { client, server } = (await prepared(setting)).next()
      const said = [await early(client, 'early'), await shaken(server), await shaken(client), await shaken(server)]
      said.push(about(client), about(server), await write(client, 'data'), await read(server))
      return said
    },
    says: [
      '1 NONE n=5',
      '-1 WANT_READ',
      '1 NONE',
      '1 NONE',
      'in_init=0 finished=1 state=SSLOK  status=1',
      'in_init=0 finished=1 state=SSLOK  status=1',
      '4 NONE',
      "4 NONE 'data'",
    ],
  },
  {
    id: 'SSL_accept while early data waits to be read',
    version: 0x0304,
    run: async (setting) => {
      const { client, server } = (await prepared(setting)).next()
      await early(client, 'early')
      return [await readEarly(server, 2), await shaken(server), await readEarly(server)]
    },
    says: ["1 NONE n=2 'ea'", `-1${NOT_NOW.slice(1)}`, "1 NONE n=3 'rly'"],
  },
  {
    id: 'a ticket twice',
    version: 0x0304,
    run: async (setting) => {
      const { next } = await prepared(setting)
      const said: string[] = []
      for (const { client, server } of [next(), next()]) {
        said.push(await early(client, 'pay'), await readEarly(server), await shaken(client))
        said.push(
          await readEarly(server),
          await shaken(server),
          about(client).slice(-8),
          `${o.SSL_session_reused(server)}`,
        )
        o.ERR_clear_error()
      }
      return said
    },
    says: [
      '1 NONE n=3',
      "1 NONE n=3 'pay'",
      '1 NONE',
      '2 NONE n=0',
      '1 NONE',
      'status=2',
      '1',
      '1 NONE n=3',
      '2 NONE n=0',
      '1 NONE',
      `${NOT_NOW} n=0`,
      '1 NONE',
      'status=1',
      '0',
    ],
  },
  {
    id: 'SSL_OP_NO_ANTI_REPLAY: the callback decides, or our own guard',
    version: 0x0304,
    run: async (setting) => {
      const said: string[] = []
      for (const answer of [1, 0, undefined]) {
        let asked = 0
        const { next } = await prepared(setting, {
          sctx: (ctx) => {
            o.SSL_CTX_set_options(ctx, o.SSL_OP_NO_ANTI_REPLAY)
            if (answer === undefined) return
            o.SSL_CTX_set_allow_early_data_cb(
              ctx,
              (_ssl, arg) => {
                asked++
                return arg as number
              },
              answer,
            )
          },
        })
        for (const { client, server } of [next(), next()]) {
          await early(client, 'pay')
          await readEarly(server)
          await handshake(client)
          await handshake(server)
          said.push(`${o.SSL_get_early_data_status(client)}${o.SSL_session_reused(client)}`)
        }
        said.push(`asked=${asked}`)
        o.ERR_clear_error()
      }
      return said
    },
    says: ['21', '21', 'asked=2', '11', '11', 'asked=2', '21', '11', 'asked=0'],
  },
  {
    id: 'a transport that takes 50 bytes at a time',
    version: 0x0304,
    run: async (setting) => {
      const pair = await prepared(setting, {
        max: 20_000,
        sctx: (ctx) => o.SSL_CTX_set_recv_max_early_data(ctx, 20_000),
      })
      const { client, server } = join(pair.cctx, pair.sctx)
      // a client that only writes hears nothing meanwhile: the server's flight needs room
      const [near, far] = o.BIO_new_bio_pair(50, 5000) as [o.BIO, o.BIO]
      o.SSL_set_bio(client, near, near)
      o.SSL_set_bio(server, far, far)
      o.SSL_set_session(client, pair.session)
      const data = new Uint8Array(20_000).fill(120)
      const counts = { blocked: 0, read: 0, other: '' }
      let sent = ''
      let got = ''
      for (let round = 0; round < 5000 && (sent !== '1 NONE n=20000' || got !== '2 NONE n=0'); round++) {
        if (sent !== '1 NONE n=20000') sent = await early(client, data)
        else await handshake(client)
        if (sent.startsWith('0 WANT_WRITE')) counts.blocked++
        if (got !== '2 NONE n=0') got = await readEarly(server, 20_000)
        const read = /^1 NONE n=(\d+)/.exec(got)
        if (read) counts.read += Number(read[1])
      }
      for (let round = 0; round < 100; round++) counts.other = `${await handshake(client)}${await handshake(server)}`
      return [sent, got, `${counts.blocked > 100} ${counts.read} ${counts.other}`]
    },
    says: ['1 NONE n=20000', '2 NONE n=0', 'true 20000 11'],
  },
  {
    id: 'recv_max_early_data',
    version: 0x0304,
    run: async (setting) => {
      const { next } = await prepared(setting, { sctx: (ctx) => o.SSL_CTX_set_recv_max_early_data(ctx, 10) })
      const { client, server } = next()
      await early(client, 'x'.repeat(11))
      return [await readEarly(server)]
    },
    says: ['0 SSL; SSL/164 “too much early data” n=0'],
  },
  {
    id: 'a key agreed elsewhere: early data is never taken',
    version: 0x0304,
    run: async (setting) => {
      const made = (ssl: o.SSL): o.SSL_SESSION => {
        const session = o.SSL_SESSION_new()
        o.SSL_SESSION_set1_master_key(session, new Uint8Array(32).fill(9))
        o.SSL_SESSION_set_cipher(session, o.SSL_CIPHER_find(ssl, Uint8Array.of(0x13, 0x01)) as o.SSL_CIPHER)
        o.SSL_SESSION_set_protocol_version(session, 0x0304)
        o.SSL_SESSION_set_max_early_data(session, 50)
        o.SSL_SESSION_set1_hostname(session, name)
        o.SSL_SESSION_set1_alpn_selected(session, alpn)
        return session
      }
      let name: string | null = null
      let alpn = new Uint8Array(0)
      const { cctx, sctx } = await pairOf({
        ...setting,
        cctx: (ctx) => {
          o.SSL_CTX_set_ciphersuites(ctx, 'TLS_AES_128_GCM_SHA256')
          o.SSL_CTX_set_psk_use_session_callback(ctx, (ssl) => ({ ret: 1, id: bytes('key'), sess: made(ssl) }))
        },
        sctx: (ctx) => {
          o.SSL_CTX_set_max_early_data(ctx, 50)
          o.SSL_CTX_set_psk_find_session_callback(ctx, (ssl) => ({ ret: 1, sess: made(ssl) }))
        },
      })
      const { client, server } = join(cctx, sctx)
      const said = [await early(client, 'early'), await readEarly(server), await shaken(client), await shaken(server)]
      said.push(about(client).slice(-8), o.SSL_get_psk_identity(server) ?? '')
      name = 'other.example'
      said.push(await early(join(cctx, sctx).client, 'early'))
      name = null
      alpn = bytes('h2') as Uint8Array<ArrayBuffer>
      said.push(await early(join(cctx, sctx).client, 'early'))
      return said
    },
    says: [
      '1 NONE n=5',
      '2 NONE n=0',
      '1 NONE',
      '1 NONE',
      'status=1',
      'key',
      '0 SSL; SSL/231 “inconsistent early data sni” n=0',
      '0 SSL; SSL/222 “inconsistent early data alpn” n=0',
    ],
  },
  {
    id: 'info callback',
    version: 0x0304,
    quick: true,
    run: async (setting) => {
      const { client, server } = (await prepared(setting)).next()
      const said: string[] = []
      const listen = (ssl: o.SSL): void =>
        o.SSL_set_info_callback(ssl, (_ssl, where, ret) => {
          if ((where & o.SSL_CB_LOOP) !== 0) said.push(o.SSL_state_string(ssl).trim())
          else
            said.push(
              (where & o.SSL_CB_EXIT) !== 0 ? `EXIT ${ret}` : where === o.SSL_CB_HANDSHAKE_START ? 'START' : 'DONE',
            )
        })
      listen(client)
      await early(client, 'early')
      const one = said.splice(0).join(' ')
      listen(server)
      await readEarly(server)
      const two = said.splice(0).join(' ')
      await handshake(client)
      const three = said.splice(0).join(' ')
      await readEarly(server)
      await handshake(server)
      return [one, two, three, said.join(' ')]
    },
    says: [
      'START PINIT TWCH TWCCS DONE EXIT 1',
      'START PINIT PINIT TRCH TWSH TWCCS TWEE TWFIN DONE EXIT 1',
      'START TED TED TRSH TREE TRFIN TPEDE TWEOED TWFIN DONE EXIT 1',
      'START TED TED TWEOED TRFIN DONE TWST EXIT 1',
    ],
  },
]

table('X4 to X6: early data', rows)

it('SSL_export_keying_material_early gives both ends the same', async () => {
  const { client, server } = (await prepared({ version: 0x0304, late: false })).next()
  const before = o.SSL_export_keying_material_early(client, 20, 'test', null)
  assert.deepEqual([before.ret, before.out.length], [0, 0])
  await early(client, 'early')
  await readEarly(server)
  const one = o.SSL_export_keying_material_early(client, 20, 'test', bytes('c'))
  const two = o.SSL_export_keying_material_early(server, 20, 'test', bytes('c'))
  assert.equal(one.ret, 1)
  assert.equal(one.out.length, 20)
  assert.deepEqual(one, two)
  assert.notDeepEqual(one, o.SSL_export_keying_material_early(client, 20, 'test', null))
  assert.equal(o.SSL_export_keying_material_early(client, 20, 'x'.repeat(250), null).ret, 0)
})

it('setters refuse what is no number of 32 bits, and pass to the SSL', async () => {
  const { sctx } = await pairOf()
  assert.equal(o.SSL_CTX_get_recv_max_early_data(sctx), 16384)
  assert.equal(o.SSL_CTX_set_max_early_data(sctx, 7), 1)
  assert.equal(o.SSL_CTX_set_max_early_data(sctx, -1), 0)
  assert.equal(o.SSL_CTX_set_recv_max_early_data(sctx, 2 ** 32), 0)
  const ssl = o.SSL_new(sctx) as o.SSL
  assert.equal(o.SSL_get_max_early_data(ssl), 7)
  assert.equal(o.SSL_set_max_early_data(ssl, 8), 1)
  assert.equal(o.SSL_CTX_get_max_early_data(sctx), 7)
  o.SSL_set_connect_state(ssl)
  assert.equal(o.SSL_read_early_data(ssl, new Uint8Array(1)).ret, 0)
  assert.deepEqual(queue(), ['SSL/66 “called a function you should not call”'])
  assert.throws(() => o.SSL_write_early_data(ssl, new Uint8Array(1), 2), o.Misuse)
})
