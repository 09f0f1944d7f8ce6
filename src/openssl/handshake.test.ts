import { call, connected, handshake, pairOf, queue, read, shake, told, write } from '../../test/openssl/bench.ts'
import { type Row, table } from '../../test/openssl/rows.ts'
import * as o from './index.ts'

const fresh = (method = o.TLS_method()): o.SSL => o.SSL_new(o.SSL_CTX_new(method) as o.SSL_CTX) as o.SSL
const memory = (): o.BIO => o.BIO_new(o.BIO_s_mem()) as o.BIO
const look = (ssl: o.SSL): string =>
  `in_init=${o.SSL_in_init(ssl)} in_before=${o.SSL_in_before(ssl)} finished=${o.SSL_is_init_finished(ssl)} state=${o.SSL_get_state(ssl)} '${o.SSL_state_string_long(ssl)}'`

const calls: readonly Row[] = [
  {
    id: 'A0',
    quick: true,
    run: () => {
      const ssl = fresh()
      return [
        look(ssl),
        `str='${o.SSL_state_string(ssl)}' want=${o.SSL_want(ssl)} is_server=${o.SSL_is_server(ssl)} shutdown=${o.SSL_get_shutdown(ssl)} version=${o.SSL_get_version(ssl)}`,
        told(ssl, -1),
        told(ssl, 0),
      ]
    },
    says: [
      "in_init=1 in_before=1 finished=0 state=0 'before SSL initialization'",
      "str='PINIT ' want=1 is_server=1 shutdown=0 version=TLSv1.3",
      '-1 SYSCALL errno=0',
      '0 SYSCALL errno=0',
    ],
  },
  {
    id: 'A1 A2 A5 A6',
    quick: true,
    run: () => {
      const ssl = fresh()
      const into = new Uint8Array(10)
      return [
        told(ssl, o.SSL_do_handshake(ssl)),
        told(ssl, o.SSL_read(ssl, into)),
        told(ssl, o.SSL_peek(ssl, into)),
        told(ssl, o.SSL_write(ssl, into)),
        told(ssl, o.SSL_shutdown(ssl)),
        told(ssl, o.SSL_read_ex(ssl, into).ret),
      ]
    },
    says: [
      '-1 SSL; SSL/144 “connection type not set”',
      '-1 SSL; SSL/276 “uninitialized”',
      '-1 SSL; SSL/276 “uninitialized”',
      '-1 SSL; SSL/276 “uninitialized”',
      '-1 SSL; SSL/276 “uninitialized”',
      '0 SSL; SSL/276 “uninitialized”',
    ],
  },
  {
    id: 'A7 A7b A8 A9',
    run: async ({ late }) => {
      const { client, server } = await pairOf({ late })
      o.SSL_set_bio(client, null, null)
      o.SSL_set_bio(server, null, null)
      const first = told(client, await handshake(client))
      const again = `${told(client, await handshake(client))} state=${o.SSL_state_string_long(client)}`
      const other = fresh()
      o.SSL_set0_wbio(other, memory())
      return [first, again, told(server, await handshake(server)), told(other, o.SSL_connect(other))]
    },
    says: [
      '-1 SSL; SSL/68 “internal error”',
      '-1 SYSCALL errno=0 state=error',
      '-1 SSL; SSL/211 “read bio not set”',
      '-1 SSL; SSL/211 “read bio not set”',
    ],
  },
  {
    id: 'A10 A10b A10c A11 A11c',
    quick: true,
    run: () => {
      const server = fresh(o.TLS_server_method())
      const client = fresh(o.TLS_client_method())
      const roles = `${o.SSL_is_server(server)}${o.SSL_is_server(client)}`
      return [
        roles,
        told(server, o.SSL_connect(server)),
        told(server, o.SSL_connect(server)),
        told(client, o.SSL_accept(client)),
      ]
    },
    says: [
      '10',
      '0 SSL; SSL/66 “called a function you should not call”',
      '0 SSL; SSL/66 “called a function you should not call”',
      '0 SSL; SSL/66 “called a function you should not call”',
    ],
  },
  {
    id: 'A12 A13',
    quick: true,
    run: () => [String(o.SSL_new(null)), ...queue(), String(o.SSL_CTX_new(null)), ...queue()],
    says: ['null', 'SSL/195 “null ssl ctx”', 'null', 'SSL/196 “null ssl method passed”'],
  },
  {
    id: 'A14',
    quick: true,
    run: () => {
      const ssl = fresh()
      o.SSL_set_bio(ssl, memory(), memory())
      o.SSL_set_accept_state(ssl)
      const ret = o.SSL_connect(ssl)
      return [`is_server=${o.SSL_is_server(ssl)}`, told(ssl, ret)]
    },
    says: ['is_server=1', '-1 WANT_READ'],
  },
  {
    id: 'A15 A15b A16',
    differs: { A15b: 'D15, the hello is of another length: the defaults are safer' },
    run: async ({ late }) => {
      const { client, server, toServer } = await pairOf({ late })
      const waits = told(server, await handshake(server))
      const before = look(server)
      const ret = told(client, await handshake(client))
      const first = o.BIO_get_mem_data(toServer)
      return [
        `${ret} want=${o.SSL_want(client)} want_read=${o.SSL_want_read(client)}`,
        look(client),
        `record ${first[0]} ${first[1]}.${first[2]}`,
        `${waits} want=${o.SSL_want(server)}`,
        before,
      ]
    },
    says: [
      '-1 WANT_READ want=3 want_read=1',
      "in_init=1 in_before=0 finished=0 state=12 'SSLv3/TLS write client hello'",
      'record 22 3.1',
      '-1 WANT_READ want=3',
      "in_init=1 in_before=0 finished=0 state=0 'before SSL initialization'",
    ],
  },
  {
    id: 'A17',
    run: async ({ version, late }) => {
      const { client, server } = await pairOf({ version, late })
      const said: string[] = []
      for (let step = 1; step <= 2; step++) {
        for (const ssl of [client, server]) said.push(`${told(ssl, await handshake(ssl))} '${o.SSL_state_string(ssl)}'`)
      }
      if (version === 0x0303) said.push(`${told(client, await handshake(client))} '${o.SSL_state_string(client)}'`)
      return [
        ...said,
        `${o.SSL_do_handshake(client)}${o.SSL_connect(client)}${o.SSL_accept(server)} version=${o.SSL_get_version(client)}`,
        `${look(client)} want=${o.SSL_want(client)}`,
        told(client, 0),
        told(client, -1),
        await read(client),
      ]
    },
    says: {
      772: [
        "-1 WANT_READ 'TWCH'",
        "-1 WANT_READ 'TED'",
        "1 NONE 'SSLOK '",
        "1 NONE 'SSLOK '",
        '111 version=TLSv1.3',
        "in_init=0 in_before=0 finished=1 state=1 'SSL negotiation finished successfully' want=1",
        '0 SYSCALL errno=0',
        '-1 SYSCALL errno=0',
        '-1 WANT_READ',
      ],
      771: [
        "-1 WANT_READ 'TWCH'",
        "-1 WANT_READ 'TWSD'",
        "-1 WANT_READ 'TWFIN'",
        "1 NONE 'SSLOK '",
        "1 NONE 'SSLOK '",
        '111 version=TLSv1.2',
        "in_init=0 in_before=0 finished=1 state=1 'SSL negotiation finished successfully' want=1",
        '0 SYSCALL errno=0',
        '-1 SYSCALL errno=0',
        '-1 WANT_READ',
      ],
    },
  },
  {
    id: 'A17 set_connect_state afterwards',
    run: async ({ version, late }) => {
      const { client } = await connected({ version, late })
      await read(client)
      o.SSL_set_connect_state(client)
      return [`${o.SSL_in_before(client)}${o.SSL_in_init(client)}`, told(client, await handshake(client))]
    },
    says: ['11', '-1 WANT_READ'],
  },
  {
    id: 'A18 A18b A18c A18e',
    run: async ({ version, late }) => {
      const { client } = await pairOf({ version, late })
      const dirty = (lib: number): void => o.ERR_put_error(lib, 0, 2, 'test', 1)
      dirty(o.ERR_LIB_USER)
      const good = o.SSL_get_error(client, 1)
      const bad = o.SSL_get_error(client, -1)
      const cleared = told(client, await handshake(client))
      dirty(o.ERR_LIB_SYS)
      dirty(o.ERR_LIB_USER)
      const system = o.SSL_get_error(client, -1)
      o.ERR_clear_error()
      return [`${good} ${bad}`, cleared, `${system}`]
    },
    says: ['0 1', '-1 WANT_READ', '5'],
  },
]
table('A: calling before, during and after a handshake', calls)

/** How often each waited, until both are done or for so many rounds. */
const drive = async (
  size: number,
  { version, late }: { version: number; late: boolean },
  rounds = 99,
): Promise<string> => {
  const { client, server } = await pairOf({ version, late, pair: size, identity: 'leaf' })
  const done = [false, false]
  for (let round = 0; round < 4000 && (!done[0] || !done[1]); round++) {
    for (const [i, ssl] of [client, server].entries()) done[i] = (await handshake(ssl)) === 1 || (done[i] as boolean)
    if (round >= rounds && done[0]) break
  }
  return `c=${done[0] ? 1 : -1} s=${done[1] ? 1 : -1}`
}

const transport: readonly Row[] = [
  ...[1, 2, 5, 16, 100].map(
    (size): Row => ({
      id: `B1 pair size ${size}`,
      differs: 'D15, how often each waits follows from the length of the hello and is not compared',
      run: async (setting) => [await drive(size, setting, 3000)],
      // the server of TLS 1.3 has its tickets to write, and nobody reads them
      says: { 772: ['c=1 s=-1'], 771: ['c=1 s=1'] },
    }),
  ),
  ...[1000, 0].map(
    (size): Row => ({
      id: `B1 pair size ${size}`,
      differs: 'D15, how often each waits follows from the length of the hello and is not compared',
      run: async (setting) => [await drive(size, setting)],
      says: ['c=1 s=1'],
    }),
  ),
  {
    id: 'B1.1.3 small pair, and the client reads',
    version: 0x0304,
    run: async ({ version, late }) => {
      const { client, server } = await pairOf({ version, late, pair: 100 })
      let s = 0
      for (let round = 0; round < 200 && s !== 1; round++) {
        if ((await handshake(client)) === 1) await read(client)
        s = await handshake(server)
      }
      o.ERR_clear_error()
      return [`${s}`]
    },
    says: ['1'],
  },
  {
    id: 'B2 B2b B2c B2e',
    run: async ({ version, late }) => {
      const { client, toClient, toServer } = await pairOf({ version, late, pair: 100 })
      const first = told(client, await handshake(client))
      const flags = `${o.BIO_should_retry(toClient)}${o.BIO_should_write(toClient)}${o.BIO_should_read(toClient)}`
      const seen = `${first} want=${o.SSL_want(client)} wpending=${o.BIO_ctrl_wpending(toClient)} '${o.SSL_state_string(client)}'`
      const again = told(client, await handshake(client))
      const into = new Uint8Array(100)
      let got = ''
      while (got !== '-1 WANT_READ') {
        o.BIO_read(toServer, into)
        got = told(client, await handshake(client))
      }
      return [seen, flags, again, got, `request=${o.BIO_ctrl_get_read_request(toServer)}`]
    },
    says: ["-1 WANT_WRITE want=2 wpending=100 'TWCH'", '110', '-1 WANT_WRITE', '-1 WANT_READ', 'request=5'],
  },
  {
    id: 'B3 B3b B3c',
    run: async ({ version, late }) => {
      const { client, toServer } = await pairOf({ version, late, pair: 0 })
      await handshake(client)
      o.BIO_shutdown_wr(toServer)
      return [
        `${told(client, await handshake(client))} eof=${o.BIO_eof(o.SSL_get_rbio(client))}`,
        `${told(client, await handshake(client))} '${o.SSL_state_string_long(client)}' in_init=${o.SSL_in_init(client)}`,
        told(client, o.SSL_shutdown(client)),
      ]
    },
    says: [
      '-1 SYSCALL errno=0 eof=1',
      "-1 SYSCALL errno=0 'SSLv3/TLS write client hello' in_init=1",
      '-1 SSL; SSL/407 “shutdown while in init”',
    ],
  },
  {
    id: 'B4 B4b',
    run: async ({ version, late }) => {
      const { client, toServer } = await pairOf({ version, late, pair: 0 })
      await handshake(client)
      o.BIO_destroy_bio_pair(toServer)
      return [told(client, await handshake(client)), told(client, await handshake(client))]
    },
    says: ['-1 SSL; BIO/120 “uninitialized”', '-1 SSL; BIO/120 “uninitialized”'],
  },
  {
    id: 'B5 B5b',
    run: async ({ version, late }) => {
      const { client, toClient } = await pairOf({ version, late, pair: 0 })
      o.BIO_shutdown_wr(toClient)
      return [told(client, await handshake(client)), told(client, await handshake(client))]
    },
    says: ['-1 SSL; BIO/124 “broken pipe”', '-1 SSL; BIO/124 “broken pipe”'],
  },
  {
    id: 'B6 B6b',
    run: async ({ version, late }) => {
      const { client, toClient } = await pairOf({ version, late })
      o.BIO_set_mem_eof_return(toClient, 0)
      return [
        `${told(client, await handshake(client))} shutdown=${o.SSL_get_shutdown(client)} '${o.SSL_state_string_long(client)}'`,
        told(client, await handshake(client)),
      ]
    },
    says: ["-1 SYSCALL errno=0 shutdown=0 'SSLv3/TLS write client hello'", '-1 SYSCALL errno=0'],
  },
  {
    id: 'B7 B7b B7c',
    run: async ({ version, late }) => {
      const { client, server, toServer } = await pairOf({ version, late })
      await handshake(client)
      const hello = o.BIO_get_mem_data(toServer).slice()
      o.BIO_reset(toServer)
      o.BIO_write(toServer, hello.subarray(0, 3))
      const header = `${told(server, await handshake(server))} has_pending=${o.SSL_has_pending(server)} ${o.SSL_pending(server)}`
      o.BIO_write(toServer, hello.subarray(3, 50))
      o.BIO_set_mem_eof_return(toServer, 0)
      return [header, told(server, await handshake(server))]
    },
    says: ['-1 WANT_READ has_pending=1 0', '-1 SYSCALL errno=0'],
  },
  {
    id: 'B10',
    run: async ({ late }) => {
      const { client } = await pairOf({ late })
      const nothing = o.BIO_new(o.BIO_s_null()) as o.BIO
      o.SSL_set_bio(client, nothing, nothing)
      return [told(client, await handshake(client))]
    },
    says: ['-1 SYSCALL errno=0'],
  },
  {
    id: 'B11',
    run: async ({ late }) => {
      const { client } = await pairOf({ late })
      o.SSL_set_fd(client, 987)
      return [`${told(client, await handshake(client))} get_fd=${o.SSL_get_fd(client)}`]
    },
    says: ['-1 SYSCALL errno=9 get_fd=987'],
  },
  {
    id: 'Y1 Y1b',
    quick: true,
    run: async ({ version }) => {
      const { client, server, toClient, toServer } = await pairOf({ version })
      const method = o.BIO_meth_new(o.BIO_get_new_index() | o.BIO_TYPE_SOURCE_SINK, 'blocks until the peer has spoken')
      o.BIO_meth_set_read(method, (_, into) => {
        while (o.BIO_ctrl_pending(toClient) === 0)
          if (o.SSL_do_handshake(server) === 1 && o.BIO_ctrl_pending(toClient) === 0) return 0
        return o.BIO_read(toClient, into)
      })
      o.BIO_meth_set_write(method, (_, from) => o.BIO_write(toServer, from))
      o.BIO_meth_set_ctrl(method, (_, cmd) => (cmd === o.BIO_CTRL_FLUSH ? 1 : 0))
      const bio = o.BIO_new(method) as o.BIO
      o.BIO_set_init(bio, 1)
      o.BIO_up_ref(toClient)
      o.BIO_up_ref(toServer)
      o.SSL_set_bio(client, bio, bio)
      return [told(client, o.SSL_do_handshake(client)), told(server, o.SSL_do_handshake(server))]
    },
    says: ['1 NONE', '1 NONE'],
  },
  {
    id: 'Y4 Y4b',
    differs: { Y4: 'D15, other suites and certificates: the bodies are of other lengths' },
    version: 0x0303,
    run: async ({ version, late }) => {
      const sizes = async (readAhead: number): Promise<string> => {
        const { client, server, toClient, toServer } = await pairOf({ version, late })
        o.SSL_set_read_ahead(client, readAhead)
        const said: number[] = []
        const method = o.BIO_meth_new(o.BIO_TYPE_SOURCE_SINK | 0x70, 'tells what it is asked')
        o.BIO_meth_set_read(method, (bio, into) => {
          const n = o.BIO_read(toClient, into)
          if (n > 0) said.push(into.length)
          else o.BIO_set_retry_read(bio)
          return n
        })
        o.BIO_meth_set_write(method, (_, from) => o.BIO_write(toServer, from))
        o.BIO_meth_set_ctrl(method, (_, cmd) => (cmd === o.BIO_CTRL_FLUSH ? 1 : 0))
        const bio = o.BIO_new(method) as o.BIO
        o.BIO_set_init(bio, 1)
        o.BIO_up_ref(toClient)
        o.BIO_up_ref(toServer)
        o.SSL_set_bio(client, bio, bio)
        await shake({ client, server })
        return readAhead ? said.slice(0, 1).join() : said.filter((_, i) => i % 2 === 0).join()
      }
      return [await sizes(0), await sizes(1)]
    },
    // server hello, certificate, key exchange, done, ticket, ccs, finished: five bytes, then the record
    says: ['5,5,5,5,5,5,5', '16709'],
  },
  {
    id: 'X20 X20b X20c',
    run: async ({ version, late }) => {
      const { client, toClient, toServer } = await pairOf({ version, late })
      await handshake(client)
      const same = o.SSL_get_wbio(client) === toServer
      const other = memory()
      o.SSL_set0_rbio(client, other)
      return [
        `${same}`,
        `${o.SSL_get_rbio(client) === other} ${o.SSL_get_wbio(client) === toServer}`,
        `${o.SSL_get_fd(client)} ${o.BIO_free(toClient)}`,
      ]
    },
    says: ['true', 'true true', '-1 1'],
  },
]
table('B, Y: transport conditions', transport)

/** The reading functions shake hands too. */
const implied: readonly Row[] = [
  {
    id: 'F8 F8c F8d F8e F8g',
    run: async ({ version, late }) => {
      const { client, server } = await pairOf({ version, late })
      const into = new Uint8Array(10)
      const first = told(client, await call(client, () => o.SSL_read(client, into)))
      const second = told(server, await call(server, () => o.SSL_read(server, into)))
      const third = (await write(client, 'x')).slice(0, 6)
      const fourth = await write(server, 'hello')
      const last = await write(client, 'x')
      return [first, second, third, fourth, last, await read(client), await read(server)]
    },
    says: {
      772: ['-1 WANT_READ', '-1 WANT_READ', '1 NONE', '5 NONE', '1 NONE', "5 NONE 'hello'", "1 NONE 'x'"],
      771: ['-1 WANT_READ', '-1 WANT_READ', '-1 WAN', '5 NONE', '1 NONE', "5 NONE 'hello'", "1 NONE 'x'"],
    },
  },
]
table('F8: data before the handshake', implied)
