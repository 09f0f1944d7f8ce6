import {
  bytes,
  call,
  connected,
  handshake,
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

/** An open connection without tickets under way. */
const open = async ({ version, late }: Setting, more: Parameters<typeof pairOf>[0] = {}): Promise<Pair> => {
  const pair = await connected({ version, late, ...more })
  await read(pair.client)
  return pair
}
const big = new Uint8Array(100_000).map((_, i) => i)
const put = async (ssl: o.SSL, data: Uint8Array, num = data.length): Promise<string> =>
  told(ssl, await call(ssl, () => o.SSL_write(ssl, data, num)))

/** A pair whose buffers hold one record; the write of 50000 bytes is blocked. */
const blocked = async (setting: Setting, mode = 0): Promise<Pair & { data: Uint8Array; first: string }> => {
  const pair = await connected({ version: setting.version, late: setting.late, pair: 17408 })
  await read(pair.client)
  if (mode) o.SSL_set_mode(pair.client, mode)
  const data = big.slice(0, 50_000)
  return { ...pair, data, first: await put(pair.client, data) }
}

const rows: readonly Row[] = [
  {
    id: 'D1 D1b D1c D1d',
    run: async (setting) => {
      const { client } = await open(setting)
      const into = new Uint8Array(10)
      const none = `${await read(client)} want=${o.SSL_want(client)}`
      const zero = await read(client, 0)
      const negative = told(client, o.SSL_read(client, into, -1))
      const { ret, readbytes } = o.SSL_read_ex(client, into)
      return [none, zero, negative, `${told(client, ret)} n=${readbytes}`]
    },
    says: ['-1 WANT_READ want=3', '-1 WANT_READ', '-1 SSL; SSL/271 “bad length”', '0 WANT_READ n=0'],
  },
  {
    id: 'D2 D2b D2c D2d',
    run: async (setting) => {
      const { client, toServer } = await open(setting)
      const before = o.BIO_ctrl_pending(toServer)
      const negative = told(client, o.SSL_write(client, bytes('abc'), -1))
      const zero = await put(client, new Uint8Array(0))
      const ex = o.SSL_write_ex(client, new Uint8Array(0))
      return [negative, zero, `${ex.ret} n=${ex.written} sent=${o.BIO_ctrl_pending(toServer) - before}`]
    },
    says: ['-1 SSL; SSL/271 “bad length”', '0 SYSCALL errno=0', '1 n=0 sent=0'],
  },
  {
    id: 'D3 D3a D3b D3c D3d D3e D3f D3g',
    run: async (setting) => {
      const { client, server } = await open(setting)
      await write(client, 'hello')
      await write(client, 'world!')
      const pending = (): string => `pending=${o.SSL_pending(server)}`
      return [
        pending(),
        `${await read(server, 0)} ${pending()}`,
        `${await read(server, 3, o.SSL_peek)} ${pending()} has_pending=${o.SSL_has_pending(server)}`,
        `${await read(server, 2)} ${pending()}`,
        await read(server, 100),
        await read(server, 100, o.SSL_peek),
        `${await read(server, 100, o.SSL_peek)} ${pending()}`,
        await read(server, 100),
        `${pending()} has_pending=${o.SSL_has_pending(server)}`,
      ]
    },
    says: [
      'pending=0',
      '0 SYSCALL errno=0 pending=5',
      "3 NONE 'hel' pending=5 has_pending=1",
      "2 NONE 'he' pending=3",
      "3 NONE 'llo'",
      "6 NONE 'world!'",
      "6 NONE 'world!' pending=6",
      "6 NONE 'world!'",
      'pending=0 has_pending=0',
    ],
  },
  {
    id: 'D4',
    run: async (setting) => {
      const { client, server } = await open(setting)
      o.SSL_set_read_ahead(server, 1)
      await write(client, 'hello')
      await write(client, 'world!')
      return [
        await read(server),
        `pending=${o.SSL_pending(server)} has_pending=${o.SSL_has_pending(server)}`,
        await read(server),
      ]
    },
    says: ["5 NONE 'hello'", 'pending=0 has_pending=1', "6 NONE 'world!'"],
  },
  {
    id: 'D5 D5b',
    run: async (setting) => {
      const { client, server, toServer } = await open(setting)
      const sent = `${await put(client, big)} pending=${o.BIO_ctrl_pending(toServer)}`
      const into = new Uint8Array(1 << 17)
      let total = 0
      let calls = 0
      let max = 0
      for (;;) {
        const n = await call(server, () => o.SSL_read(server, into))
        if (n <= 0) return [sent, `total=${total} calls=${calls} max=${max} ${told(server, n)}`]
        total += n
        calls++
        max = Math.max(max, n)
      }
    },
    says: {
      772: ['100000 NONE pending=100154', 'total=100000 calls=7 max=16384 -1 WANT_READ'],
      771: ['100000 NONE pending=100203', 'total=100000 calls=7 max=16384 -1 WANT_READ'],
    },
  },
  {
    id: 'D6 D6b D6c D6d D6e',
    run: async (setting) => {
      const { client, server, data, first } = await blocked(setting)
      const again = await put(client, data)
      const into = new Uint8Array(16384)
      let read1 = await call(server, () => o.SSL_read(server, into))
      const one = String(read1)
      const got: number[] = [...into.subarray(0, read1)]
      let last = await put(client, data)
      const retried = last
      while (last !== '50000 NONE') {
        read1 = await call(server, () => o.SSL_read(server, into))
        if (read1 > 0) got.push(...into.subarray(0, read1))
        o.ERR_clear_error()
        last = await put(client, data)
      }
      for (;;) {
        read1 = await call(server, () => o.SSL_read(server, into))
        if (read1 <= 0) break
        got.push(...into.subarray(0, read1))
      }
      return [`${first} want=2`, again, one, retried, last, `${got.length} ${got.every((byte, i) => byte === data[i])}`]
    },
    says: ['-1 WANT_WRITE want=2', '-1 WANT_WRITE', '16384', '-1 WANT_WRITE', '50000 NONE', '50000 true'],
  },
  {
    id: 'D7 D7b',
    run: async (setting) => {
      const { client, data } = await blocked(setting)
      return [`${await put(client, data.slice())} '${o.SSL_state_string_long(client)}'`, await put(client, data)]
    },
    says: ["-1 SSL; SSL/127 “bad write retry” 'error'", '-1 SYSCALL errno=0'],
  },
  {
    id: 'D8 D8b',
    run: async (setting) => {
      const longer = await blocked(setting)
      const whole = new Uint8Array(longer.data.buffer, longer.data.byteOffset, longer.data.length)
      const more = await put(longer.client, whole)
      const shorter = await blocked(setting)
      return [more, await put(shorter.client, shorter.data, 10)]
    },
    says: ['-1 WANT_WRITE', '-1 SSL; SSL/271 “bad length”'],
  },
  {
    id: 'D9',
    run: async (setting) => {
      const { client, data } = await blocked(setting, o.SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER)
      return [await put(client, data.slice())]
    },
    says: ['-1 WANT_WRITE'],
  },
  {
    id: 'D10',
    run: async (setting) => {
      const { client } = await open(setting)
      o.SSL_set_mode(client, o.SSL_MODE_ENABLE_PARTIAL_WRITE)
      return [await put(client, big)]
    },
    says: ['16384 NONE'],
  },
  {
    id: 'D11 D11b',
    version: 0x0304,
    run: async (setting) => {
      const { client } = await blocked(setting)
      return [`${o.SSL_key_update(client, o.SSL_KEY_UPDATE_REQUESTED)} ${queue()}`, await read(client)]
    },
    says: ['0 SSL/127 “bad write retry”', '-1 WANT_READ'],
  },
  {
    id: 'D12 D12b D12c D12e',
    run: async (setting) => {
      const { client, toClient } = await open(setting)
      o.BIO_set_mem_eof_return(toClient, 0)
      return [
        `${await read(client)} shutdown=${o.SSL_get_shutdown(client)}`,
        await read(client),
        await write(client, 'x'),
        await shutdown(client),
      ]
    },
    says: ['0 SYSCALL errno=0 shutdown=0', '0 SYSCALL errno=0', '1 NONE', '0 SYSCALL errno=0'],
  },
  {
    id: 'X21',
    run: async (setting) => {
      const { client, toServer } = await open(setting, { identity: 'rsa' })
      const before = o.BIO_ctrl_pending(toServer)
      await write(client, 'hello')
      return [`${o.BIO_ctrl_pending(toServer) - before} ${o.SSL_get_cipher(client)}`]
    },
    says: { 772: ['27 TLS_AES_256_GCM_SHA384'], 771: ['34 ECDHE-RSA-AES256-GCM-SHA384'] },
  },
  {
    id: 'H11',
    quick: true,
    run: async (setting) => {
      const { client, server } = await open(setting)
      const set = [511, 512, 16384, 16385].map((n) => o.SSL_CTX_set_max_send_fragment(o.SSL_get_SSL_CTX(client), n))
      const other = await pairOf({ ...setting, client: (ssl) => o.SSL_set_max_send_fragment(ssl, 600) })
      for (let i = 0; i < 3; i++) {
        await handshake(other.client)
        await handshake(other.server)
      }
      await put(other.client, big.slice(0, 1500))
      const into = new Uint8Array(2000)
      const sizes = [1, 2, 3].map(() => o.SSL_read(other.server, into))
      o.ERR_clear_error()
      return [set.join(), sizes.join(), String(o.SSL_pending(server))]
    },
    says: ['0,1,1,0', '600,600,300', '0'],
  },
]
table('D: reading and writing', rows)

const ends: readonly Row[] = [
  {
    id: 'E1 E1b E1c E1d E1e E1f E1g',
    run: async (setting) => {
      const { client, server } = await open(setting)
      const into = new Uint8Array(10)
      return [
        `${await shutdown(client)} shutdown=${o.SSL_get_shutdown(client)}`,
        `${await shutdown(client)} want=${o.SSL_want(client)}`,
        `${await read(server)} shutdown=${o.SSL_get_shutdown(server)}`,
        await read(server),
        await read(server, 10, o.SSL_peek),
        told(server, o.SSL_read_ex(server, into).ret),
        await write(server, 'late'),
      ]
    },
    says: [
      '0 SYSCALL errno=0 shutdown=1',
      '-1 WANT_READ want=3',
      '0 ZERO_RETURN shutdown=2',
      '0 ZERO_RETURN',
      '0 ZERO_RETURN',
      '0 ZERO_RETURN',
      '4 NONE',
    ],
  },
  {
    id: 'E1h E1i E1j E1k E1m E1n',
    run: async (setting) => {
      const { client, server } = await open(setting)
      await shutdown(client)
      await read(server)
      await write(server, 'late')
      return [
        await write(client, 'x'),
        told(client, o.SSL_write_ex(client, bytes('x')).ret),
        await read(client),
        `${await shutdown(server)} shutdown=${o.SSL_get_shutdown(server)}`,
        await shutdown(client),
        await shutdown(client),
        told(client, await handshake(client)),
      ]
    },
    says: [
      '-1 SSL; SSL/207 “protocol is shutdown”',
      '0 SSL; SSL/207 “protocol is shutdown”',
      "4 NONE 'late'",
      '1 NONE shutdown=3',
      '1 NONE',
      '1 NONE',
      '1 NONE',
    ],
  },
  {
    id: 'E2 E2b E2c Y8',
    run: async (setting) => {
      const { client, server } = await open(setting)
      await write(server, 'unread')
      await shutdown(client)
      return [
        `${await shutdown(client)} '${o.SSL_state_string_long(client)}'`,
        await read(client),
        await shutdown(client),
      ]
    },
    says: [
      "-1 SSL; SSL/291 “application data after close notify” 'error'",
      '-1 SYSCALL errno=0',
      '-1 SSL; SSL/407 “shutdown while in init”',
    ],
  },
  {
    id: 'E3 E4',
    run: async (setting) => {
      const quiet = await open(setting)
      o.SSL_set_quiet_shutdown(quiet.client, 1)
      const before = o.BIO_ctrl_pending(quiet.toServer)
      const one = `${await shutdown(quiet.client)} shutdown=${o.SSL_get_shutdown(quiet.client)} sent=${o.BIO_ctrl_pending(quiet.toServer) - before}`
      const set = await open(setting)
      o.SSL_set_shutdown(set.client, 3)
      return [one, `${await shutdown(set.client)} sent=${o.BIO_ctrl_pending(set.toServer)}`]
    },
    says: ['1 NONE shutdown=3 sent=0', '1 NONE sent=0'],
  },
  {
    id: 'E5',
    run: async (setting) => {
      const { client, toServer } = await open(setting)
      o.SSL_set_shutdown(client, o.SSL_RECEIVED_SHUTDOWN)
      return [`${await shutdown(client)} shutdown=${o.SSL_get_shutdown(client)} sent=${o.BIO_ctrl_pending(toServer)}`]
    },
    says: { 772: ['1 NONE shutdown=3 sent=24'], 771: ['1 NONE shutdown=3 sent=31'] },
  },
  {
    id: 'E6 E6b E6c',
    run: async (setting) => {
      const { client } = await open(setting)
      o.SSL_set_shutdown(client, o.SSL_SENT_SHUTDOWN)
      const waits = await shutdown(client)
      const refused = await write(client, 'x')
      o.SSL_set_shutdown(client, 0)
      return [waits, refused, await write(client, 'x')]
    },
    says: ['-1 WANT_READ', '-1 SSL; SSL/207 “protocol is shutdown”', '1 NONE'],
  },
  {
    id: 'E7 E7b E7c E7d',
    run: async (setting) => {
      const { client, toClient, toServer } = await connected({ ...setting, pair: 4096 })
      await read(client)
      const into = new Uint8Array(4096)
      while (o.BIO_ctrl_pending(toServer) > 0) o.BIO_read(toServer, into)
      const filler = new Uint8Array(o.BIO_ctrl_get_write_guarantee(toClient) - 3)
      o.BIO_write(toClient, filler)
      const full = `${await shutdown(client)} shutdown=${o.SSL_get_shutdown(client)} want=${o.SSL_want(client)}`
      const still = await shutdown(client)
      o.BIO_read(toServer, into)
      return [full, still, await shutdown(client), await shutdown(client)]
    },
    says: ['-1 WANT_WRITE shutdown=1 want=2', '-1 WANT_WRITE', '0 SYSCALL errno=0', '-1 WANT_READ'],
  },
  {
    id: 'E8',
    run: async (setting) => {
      const { client, toClient } = await open(setting)
      await shutdown(client)
      o.BIO_set_mem_eof_return(toClient, 0)
      return [`${await shutdown(client)} shutdown=${o.SSL_get_shutdown(client)}`]
    },
    says: ['-1 SYSCALL errno=0 shutdown=1'],
  },
  {
    id: 'E9 E9b E9c',
    run: async ({ version, late }) => {
      const { client } = await pairOf({ version, late })
      const before = `${await shutdown(client)} shutdown=${o.SSL_get_shutdown(client)}`
      o.SSL_set_quiet_shutdown(client, 1)
      const quiet = await shutdown(client)
      await handshake(client)
      return [before, quiet, await shutdown(client)]
    },
    says: [
      '-1 SSL; SSL/407 “shutdown while in init” shutdown=0',
      '-1 SSL; SSL/407 “shutdown while in init”',
      '-1 SSL; SSL/407 “shutdown while in init”',
    ],
  },
  {
    id: 'Y5',
    run: async (setting) => {
      const { client, server } = await open(setting)
      await shutdown(server)
      const first = `${(await shutdown(client)).slice(0, 1)} flags=${o.SSL_get_shutdown(client)}`
      return [first, `${(await shutdown(client)).slice(0, 1)} flags=${o.SSL_get_shutdown(client)}`]
    },
    says: ['0 flags=1', '1 flags=3'],
  },
  {
    id: 'Y7',
    run: async (setting) => {
      const { client, server } = await open(setting)
      await write(server, 'data')
      await shutdown(server)
      return [
        `${await read(client)} shutdown=${o.SSL_get_shutdown(client)}`,
        `${await read(client)} shutdown=${o.SSL_get_shutdown(client)}`,
      ]
    },
    says: ["4 NONE 'data' shutdown=0", '0 ZERO_RETURN shutdown=2'],
  },
  {
    id: 'B15d A19',
    run: async (setting) => {
      const { client, server } = await open(setting)
      await shutdown(server)
      await read(client)
      const closed = await shutdown(client)
      const other = await open(setting)
      o.ERR_put_error(o.ERR_LIB_USER, 0, 1, 'test', 1)
      const into = new Uint8Array(1)
      const dirty = o.SSL_get_error(other.client, o.SSL_read(other.client, into))
      o.ERR_clear_error()
      return [closed, String(dirty)]
    },
    says: ['1 NONE', '1'],
  },
]
table('E: shutdown', ends)

const open13: readonly Row[] = [
  {
    id: 'G1 G1b G1c',
    version: 0x0304,
    run: async ({ late }) => {
      const { client, server } = await connected({ late })
      o.SSL_clear_mode(client, o.SSL_MODE_AUTO_RETRY)
      await write(server, 'data')
      return [await read(client), await read(client), await read(client)]
    },
    says: ['-1 WANT_READ', '-1 WANT_READ', "4 NONE 'data'"],
  },
  {
    id: 'G2 G2b',
    version: 0x0304,
    run: async ({ late }) => {
      const { client, server } = await connected({ late })
      await write(server, 'data')
      return [await read(client), `get_mode=${o.SSL_get_mode(client)}`]
    },
    says: ["4 NONE 'data'", 'get_mode=4'],
  },
  {
    id: 'G3 G3b G3c G3d G3e G3f G3i',
    version: 0x0304,
    run: async ({ late }) => {
      const pair = await pairOf({ late })
      const { client, server } = pair
      const update = (type = 1): string => `${o.SSL_key_update(client, type)} ${queue()}`
      const before = update()
      await handshake(client)
      const during = update()
      for (let i = 0; i < 2; i++) {
        await handshake(server)
        await handshake(client)
      }
      await read(client)
      const bad = update(7)
      const idle = `${o.SSL_get_key_update_type(client)}`
      const good = `${update()}type=${o.SSL_get_key_update_type(client)} in_init=${o.SSL_in_init(client)}`
      const sent = `${told(client, await handshake(client))} type=${o.SSL_get_key_update_type(client)} finished=${o.SSL_is_init_finished(client)}`
      await write(client, 'ping')
      const got = await read(server)
      await write(server, 'pong')
      return [before, during, bad, idle, good, sent, got, await read(client)]
    },
    says: [
      '0 SSL/266 “wrong ssl version”',
      '0 SSL/266 “wrong ssl version”',
      '0 SSL/120 “invalid key update type”',
      '-1',
      '1 type=1 in_init=1',
      '1 NONE type=-1 finished=1',
      "4 NONE 'ping'",
      "4 NONE 'pong'",
    ],
  },
  {
    id: 'G3 while data is half read, and by SSL_write',
    version: 0x0304,
    run: async ({ late }) => {
      const { client, server } = await connected({ late })
      await write(server, 'hello')
      const part = await read(client, 2)
      o.SSL_key_update(client, o.SSL_KEY_UPDATE_NOT_REQUESTED)
      const sent = await write(client, 'ping')
      return [part, sent, await read(server), await read(client)]
    },
    says: ["2 NONE 'he'", '4 NONE', "4 NONE 'ping'", "3 NONE 'llo'"],
  },
  {
    // one answer that has not left serves for all wishes, so nothing grows and nothing blocks
    id: 'G3 a peer that asks for updates and reads no answer is not answered for ever',
    version: 0x0304,
    quick: true,
    run: async () => {
      const { client, server } = await connected({ pair: 0 })
      const into = new Uint8Array(10)
      const data = bytes('x')
      for (let i = 0; i < 20_000; i++) {
        o.SSL_key_update(client, o.SSL_KEY_UPDATE_REQUESTED)
        o.SSL_write(client, data)
        const ret = o.SSL_read(server, into)
        if (ret !== 1) return [told(server, ret)]
      }
      return ['went on']
    },
    says: ['went on'],
  },
  {
    id: 'G5',
    version: 0x0303,
    run: async ({ version, late }) => {
      const { client } = await connected({ version, late })
      return [`${o.SSL_key_update(client, 1)} ${queue()}`]
    },
    says: ['0 SSL/266 “wrong ssl version”'],
  },
  {
    id: 'G12 G12b G12c G12d',
    quick: true,
    run: async ({ version }) => {
      const { client, server } = await pairOf({ version })
      const early = o.SSL_export_keying_material(client, 20, 'test', null)
      for (let i = 0; i < 3; i++) {
        await handshake(client)
        await handshake(server)
      }
      const one = o.SSL_export_keying_material(client, 20, 'test', bytes('context'))
      const two = o.SSL_export_keying_material(server, 20, 'test', bytes('context'))
      const reserved = o.SSL_export_keying_material(client, 20, 'master secret', null)
      return [
        `${early.ret}`,
        `${one.ret} ${one.out.length} ${one.out.join() === two.out.join()}`,
        `${reserved.ret} ${queue()}`,
        `${o.SSL_get_finished(client).length} ${o.SSL_get_finished(client).join() === o.SSL_get_peer_finished(server).join()}`,
      ]
    },
    says: {
      772: ['-1', '1 20 true', '1 ', '48 true'],
      771: ['-1', '1 20 true', '0 SSL/367 “tls illegal exporter label”', '12 true'],
    },
  },
]
table('G: the open connection', open13)
