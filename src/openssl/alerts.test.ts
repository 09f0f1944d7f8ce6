import {
  connected,
  handshake,
  materials,
  type Pair,
  pairOf,
  read,
  shake,
  shutdown,
  told,
  trust,
  type Wishes,
  write,
} from '../../test/openssl/bench.ts'
import { type Row, type Setting, table } from '../../test/openssl/rows.ts'
import * as o from './index.ts'

const record = (type: number, body: readonly number[], version = 0x0301): Uint8Array =>
  Uint8Array.of(type, version >> 8, version & 255, body.length >> 8, body.length & 255, ...body)
const alert = (level: number, code: number, version?: number): Uint8Array => record(21, [level, code], version)

/** What stands in a memory BIO, if it is an alert in the clear. */
const alertIn = (bio: o.BIO): string => {
  const data = o.BIO_get_mem_data(bio)
  if (data.length === 0) return 'sent nothing'
  if (data[0] !== 21) return `sent record ${data[0]}`
  return `sent alert ver 0${data[1]}0${data[2]} level ${data[5]} desc ${data[6]}`
}

/** The client's first flight is out; these bytes are the answer. */
const answered = async (bytes: Uint8Array, setting: Setting): Promise<Pair> => {
  const pair = await pairOf({ late: setting.late })
  await handshake(pair.client)
  o.BIO_reset(pair.toServer)
  o.BIO_write(pair.toClient, bytes)
  return pair
}

const text = (said: string): Uint8Array => new TextEncoder().encode(said)
const clientGets = (what: string, bytes: Uint8Array, says: readonly string[]): Row => ({
  id: `C6 client gets ${what}`,
  version: 0x0304,
  run: async (setting) => {
    const { client, toServer } = await answered(bytes, setting)
    return [told(client, await handshake(client)), alertIn(toServer)]
  },
  says,
})
const serverGets = (what: string, bytes: Uint8Array, says: readonly string[]): Row => ({
  id: `C7 server gets ${what}`,
  version: 0x0304,
  run: async ({ late }) => {
    const { server, toServer, toClient } = await pairOf({ late })
    o.BIO_write(toServer, bytes)
    return [told(server, await handshake(server)), alertIn(toClient)]
  },
  says,
})

const UNEXPECTED = '-1 SSL; SSL/244 “unexpected message”'

const alerts: readonly Row[] = [
  {
    id: 'C1 C1b C1c C1e',
    version: 0x0304,
    differs: { C1: 'D1, 0 as the page promises' },
    run: async (setting) => {
      const { client } = await answered(alert(1, 0), setting)
      return [
        `${told(client, await handshake(client))} shutdown=${o.SSL_get_shutdown(client)}`,
        told(client, await handshake(client)),
        await read(client),
        await shutdown(client),
      ]
    },
    says: ['0 ZERO_RETURN shutdown=2', '-1 WANT_READ', '0 ZERO_RETURN', '-1 SSL; SSL/407 “shutdown while in init”'],
  },
  {
    id: 'C2',
    version: 0x0304,
    run: async ({ late }) => {
      const { server, toServer } = await pairOf({ late })
      o.BIO_write(toServer, alert(1, 0))
      return [`${told(server, await handshake(server))} shutdown=${o.SSL_get_shutdown(server)}`]
    },
    says: [`${UNEXPECTED} shutdown=0`],
  },
  {
    id: 'C2b',
    version: 0x0303,
    differs: 'D1, 0 as the page promises',
    run: async ({ version, late }) => {
      const { client, server, toServer } = await pairOf({ version, late })
      await handshake(client)
      await handshake(server)
      o.BIO_write(toServer, alert(1, 0, 0x0303))
      return [`${told(server, await handshake(server))} shutdown=${o.SSL_get_shutdown(server)}`]
    },
    says: ['0 ZERO_RETURN shutdown=2'],
  },
  {
    id: 'C3 C3b C3c C3d C3e C3f C3g',
    version: 0x0304,
    differs: { 'C3b C3c C3d': 'D2, a fatal alert stays SSL_ERROR_SSL when the queue was emptied' },
    run: async (setting) => {
      const { client } = await answered(alert(2, 40), setting)
      const first = told(client, await handshake(client))
      return [
        first,
        `shutdown=${o.SSL_get_shutdown(client)} '${o.SSL_state_string(client)}' '${o.SSL_state_string_long(client)}' in_init=${o.SSL_in_init(client)}`,
        told(client, await handshake(client)),
        await read(client),
        await write(client, 'x'),
        await shutdown(client),
        `clear=${o.SSL_clear(client)} '${o.SSL_state_string_long(client)}'`,
        told(client, await handshake(client)),
      ]
    },
    says: [
      '-1 SSL; SSL/1040 “sslv3 alert handshake failure”; SSL alert number 40',
      "shutdown=2 'SSLERR' 'error' in_init=1",
      '-1 SSL',
      '0 SSL',
      '-1 SSL',
      '-1 SSL; SSL/407 “shutdown while in init”',
      "clear=1 'before SSL initialization'",
      '-1 WANT_READ',
    ],
  },
  {
    id: 'Y2',
    version: 0x0304,
    run: async (setting) => {
      const { client } = await answered(alert(2, 40), setting)
      const first = o.SSL_get_error(client, await handshake(client))
      const again = o.SSL_get_error(client, await handshake(client))
      o.ERR_clear_error()
      return [`${first}${again}`]
    },
    says: ['11'],
  },
  ...[90, 112, 41].map(
    (code): Row => ({
      id: `C4 warning ${code}`,
      version: 0x0304,
      run: async (setting) => {
        const { client } = await answered(alert(1, code), setting)
        return [told(client, await handshake(client))]
      },
      says: ['-1 WANT_READ'],
    }),
  ),
  {
    id: 'C4 warning 100',
    version: 0x0304,
    run: async (setting) => {
      const { client } = await answered(alert(1, 100), setting)
      return [told(client, await handshake(client))]
    },
    says: ['-1 SSL; SSL/339 “no renegotiation”'],
  },
  {
    id: 'C5 C5b',
    version: 0x0304,
    run: async (setting) => {
      const { client, toClient, toServer } = await answered(alert(1, 90), setting)
      for (let i = 0; i < 3; i++) o.BIO_write(toClient, alert(1, 90))
      const four = told(client, await handshake(client))
      o.BIO_write(toClient, alert(1, 90))
      return [four, told(client, await handshake(client)), alertIn(toServer)]
    },
    says: ['-1 WANT_READ', '-1 SSL; SSL/409 “too many warn alerts”', 'sent alert ver 0301 level 2 desc 10'],
  },
  clientGets('alert len 1', record(21, [1]), [
    '-1 SSL; SSL/205 “invalid alert”',
    'sent alert ver 0301 level 2 desc 10',
  ]),
  clientGets('alert len 0', record(21, []), ['-1 SSL; SSL/205 “invalid alert”', 'sent alert ver 0301 level 2 desc 10']),
  clientGets('record type 0x19', record(0x19, [1, 2, 3]), [UNEXPECTED, 'sent alert ver 0301 level 2 desc 10']),
  clientGets('ascii HTTP/1.1 400', text('HTTP/1.1 400 Bad Request\r\n\r\n'), [
    '-1 SSL; SSL/267 “wrong version number”',
    'sent nothing',
  ]),
  clientGets('finished early', record(22, [20, 0, 0, 12, ...Array<number>(12).fill(7)], 0x0303), [
    UNEXPECTED,
    'sent alert ver 0301 level 2 desc 10',
  ]),
  clientGets('server hello too large len', record(22, [2, 0xff, 0xff, 0xff, 3, 3], 0x0303), [
    '-1 SSL; SSL/152 “excessive message size”',
    'sent alert ver 0303 level 2 desc 47',
  ]),
  serverGets('GET / HTTP', text('GET / HTTP/1.1\r\n\r\n'), ['-1 SSL; SSL/156 “http request”', 'sent nothing']),
  serverGets('POST', text('POST / HTTP/1.1\r\n\r\n'), ['-1 SSL; SSL/156 “http request”', 'sent nothing']),
  serverGets('HEAD', text('HEAD / HTTP/1.1\r\n\r\n'), ['-1 SSL; SSL/156 “http request”', 'sent nothing']),
  serverGets('CONNECT', text('CONNECT a:1 HTTP/1.1\r\n\r\n'), [
    '-1 SSL; SSL/155 “https proxy request”',
    'sent nothing',
  ]),
  serverGets('SSH', text('SSH-2.0-OpenSSH_9.2\r\n'), ['-1 SSL; SSL/267 “wrong version number”', 'sent nothing']),
  serverGets('app data', record(23, [1, 2, 3], 0x0303), [UNEXPECTED, 'sent alert ver 0303 level 2 desc 10']),
  serverGets('CCS first', record(20, [1], 0x0303), [UNEXPECTED, 'sent alert ver 0303 level 2 desc 10']),
  serverGets('server hello to server', record(22, [2, 0, 0, 2, 3, 3], 0x0303), [
    UNEXPECTED,
    'sent alert ver 0303 level 2 desc 10',
  ]),
  serverGets('record v 0x0305', record(22, [1, 0, 0, 4, 3, 3, 0, 0], 0x0305), [
    '-1 SSL; SSL/160 “length too short”',
    'sent alert ver 0303 level 2 desc 50',
  ]),
  serverGets('fatal alert', alert(2, 40), [UNEXPECTED, 'sent alert ver 0301 level 2 desc 10']),
]
table('C, Y2: alerts', alerts)

/** A handshake between ends that do not agree: how each ended. */
const refused = (
  id: string,
  wishes: (setting: Setting) => Wishes | Promise<Wishes>,
  says: Row['says'],
  more: Partial<Row> = {},
): Row => ({
  id,
  run: async (setting) => {
    const pair = await pairOf({ version: setting.version, late: setting.late, ...(await wishes(setting)) })
    const ended = await shake(pair)
    return [`client ${ended[0]}`, `server ${ended[1]}`, `verify_result=${o.SSL_get_verify_result(pair.client)}`]
  },
  says,
  ...more,
})
const PROTOCOL_VERSION = 'client -1 SSL; SSL/1070 “tlsv1 alert protocol version”; SSL alert number 70'
const HANDSHAKE_FAILURE = 'client -1 SSL; SSL/1040 “sslv3 alert handshake failure”; SSL alert number 40'
const VERIFY_FAILED = 'client -1 SSL; SSL/134 “certificate verify failed”'
const insist = (ctx: o.SSL_CTX): void => o.SSL_CTX_set_verify(ctx, o.SSL_VERIFY_PEER, null)

/** The client insists on a good certificate and trusts the root; the server has this identity. */
const verified =
  (identity: Wishes['identity'], more: (ctx: o.SSL_CTX) => void = () => {}) =>
  async (): Promise<Wishes> => {
    const { root } = await materials()
    return {
      ...(identity !== undefined && { identity }),
      cctx: (ctx) => {
        trust(ctx, root)
        insist(ctx)
        more(ctx)
      },
    }
  }

const disagreements: readonly Row[] = [
  refused(
    'C8',
    () => ({
      cctx: (ctx) => o.SSL_CTX_set_max_proto_version(ctx, o.TLS1_2_VERSION),
      sctx: (ctx) => o.SSL_CTX_set_min_proto_version(ctx, o.TLS1_3_VERSION),
    }),
    [PROTOCOL_VERSION, 'server -1 SSL; SSL/258 “unsupported protocol”', 'verify_result=0'],
    { version: 0x0304 },
  ),
  refused(
    'C9',
    () => ({
      cctx: (ctx) => o.SSL_CTX_set_min_proto_version(ctx, o.TLS1_3_VERSION),
      sctx: (ctx) => o.SSL_CTX_set_max_proto_version(ctx, o.TLS1_2_VERSION),
    }),
    [PROTOCOL_VERSION, 'server -1 SSL; SSL/258 “unsupported protocol”', 'verify_result=0'],
    { version: 0x0304 },
  ),
  refused(
    'C10 C11 no shared suite',
    ({ version }) =>
      version === 0x0304
        ? {
            cctx: (ctx) => o.SSL_CTX_set_ciphersuites(ctx, 'TLS_AES_128_GCM_SHA256'),
            sctx: (ctx) => {
              o.SSL_CTX_set_ciphersuites(ctx, 'TLS_AES_256_GCM_SHA384')
              o.SSL_CTX_set_min_proto_version(ctx, version)
            },
          }
        : {
            cctx: (ctx) => o.SSL_CTX_set_cipher_list(ctx, 'ECDHE-ECDSA-AES128-GCM-SHA256'),
            sctx: (ctx) => o.SSL_CTX_set_cipher_list(ctx, 'ECDHE-ECDSA-AES256-GCM-SHA384'),
          },
    [HANDSHAKE_FAILURE, 'server -1 SSL; SSL/193 “no shared cipher”', 'verify_result=0'],
  ),
  refused('C12 C13 no CA', () => ({ cctx: insist }), [
    VERIFY_FAILED,
    'server -1 SSL; SSL/1048 “tlsv1 alert unknown ca”; SSL alert number 48',
    'verify_result=20',
  ]),
  refused(
    'C15',
    () => ({
      sctx: (ctx) => o.SSL_CTX_set_verify(ctx, o.SSL_VERIFY_PEER | o.SSL_VERIFY_FAIL_IF_NO_PEER_CERT, null),
    }),
    [HANDSHAKE_FAILURE, 'server -1 SSL; SSL/199 “peer did not return a certificate”', 'verify_result=20'],
    { version: 0x0303 },
  ),
  refused(
    'C16',
    () => ({
      cctx: (ctx) => o.SSL_CTX_set1_groups_list(ctx, 'X25519'),
      sctx: (ctx) => o.SSL_CTX_set1_groups_list(ctx, 'P-256'),
    }),
    [HANDSHAKE_FAILURE, 'server -1 SSL; SSL/101 “no suitable key share”', 'verify_result=0'],
    { version: 0x0304 },
  ),
  refused(
    'C18 C19 no shared signature algorithm',
    () => ({
      cctx: (ctx) => o.SSL_CTX_set1_sigalgs_list(ctx, 'rsa_pss_rsae_sha256'),
    }),
    {
      772: [HANDSHAKE_FAILURE, 'server -1 SSL; SSL/118 “no suitable signature algorithm”', 'verify_result=0'],
      771: [HANDSHAKE_FAILURE, 'server -1 SSL; SSL/193 “no shared cipher”', 'verify_result=0'],
    },
  ),
  refused(
    'C18 static RSA signs nothing, but is bound to the client’s schemes',
    () => ({
      identity: 'rsa',
      cctx: (ctx) => {
        o.SSL_CTX_set_cipher_list(ctx, 'AES128-GCM-SHA256')
        o.SSL_CTX_set1_sigalgs_list(ctx, 'ECDSA+SHA256')
      },
      sctx: (ctx) => o.SSL_CTX_set_cipher_list(ctx, 'DEFAULT'),
    }),
    [HANDSHAKE_FAILURE, 'server -1 SSL; SSL/193 “no shared cipher”', 'verify_result=0'],
    { version: 0x0303 },
  ),
  refused(
    'C20',
    () => ({ cctx: (ctx) => o.SSL_CTX_set_options(ctx, o.SSL_OP_NO_SSL_MASK) }),
    [
      'client -1 SSL; SSL/191 “no protocols available”',
      'server -1 SSL; SSL/244 “unexpected message”',
      'verify_result=0',
    ],
    { version: 0x0304 },
  ),
  refused(
    'C21',
    () => ({ sctx: (ctx) => o.SSL_CTX_set_options(ctx, o.SSL_OP_NO_SSL_MASK) }),
    [
      'client -1 SSL; SSL/1080 “tlsv1 alert internal error”; SSL alert number 80',
      'server -1 SSL; SSL/68 “internal error”',
      'verify_result=0',
    ],
    { version: 0x0304 },
  ),
  refused('C23 C23b C24 C24b', () => ({ identity: null }), [
    HANDSHAKE_FAILURE,
    'server -1 SSL; SSL/193 “no shared cipher”',
    'verify_result=0',
  ]),
  refused(
    'H3b inverted range',
    () => ({
      cctx: (ctx) => {
        o.SSL_CTX_set_min_proto_version(ctx, o.TLS1_3_VERSION)
        o.SSL_CTX_set_max_proto_version(ctx, o.TLS1_2_VERSION)
      },
    }),
    [
      'client -1 SSL; SSL/191 “no protocols available”',
      'server -1 SSL; SSL/244 “unexpected message”',
      'verify_result=0',
    ],
    { version: 0x0304 },
  ),
  refused(
    'Y6',
    () => ({ cctx: (ctx) => (o.SSL_CTX_set_cipher_list(ctx, 'BOGUS'), o.ERR_clear_error()) }),
    [
      'client -1 SSL; SSL/181 “no ciphers available”; No ciphers enabled for max supported SSL/TLS version',
      'server -1 SSL; SSL/244 “unexpected message”',
      'verify_result=0',
    ],
    { version: 0x0303 },
  ),
  refused(
    'X12',
    () => ({
      cctx: (ctx) => {
        o.SSL_CTX_set_max_proto_version(ctx, o.TLS1_2_VERSION)
        o.SSL_CTX_set_mode(ctx, o.SSL_MODE_SEND_FALLBACK_SCSV)
      },
    }),
    [
      'client -1 SSL; SSL/1086 “tlsv1 alert inappropriate fallback”; SSL alert number 86',
      'server -1 SSL; SSL/373 “inappropriate fallback”',
      'verify_result=0',
    ],
    { version: 0x0304 },
  ),
  refused(
    'X13',
    () => ({
      cctx: (ctx) => {
        insist(ctx)
        o.SSL_CTX_set_cert_verify_callback(ctx, () => 0, null)
      },
    }),
    [
      VERIFY_FAILED,
      'server -1 SSL; SSL/1046 “sslv3 alert certificate unknown”; SSL alert number 46',
      'verify_result=0',
    ],
  ),
  refused(
    'X14',
    verified('rsa', (ctx) => o.SSL_CTX_set_security_level(ctx, 3)),
    [VERIFY_FAILED, 'server -1 SSL; SSL/1042 “sslv3 alert bad certificate”; SSL alert number 42', 'verify_result=66'],
  ),
  refused('X15', verified('leaf'), ['client 1 NONE', 'server 1 NONE', 'verify_result=0']),
  refused('X16', verified('expired'), [
    VERIFY_FAILED,
    'server -1 SSL; SSL/1045 “sslv3 alert certificate expired”; SSL alert number 45',
    'verify_result=10',
  ]),
  refused(
    'X17',
    verified('leaf', (ctx) => o.SSL_CTX_set_verify_depth(ctx, 0)),
    [VERIFY_FAILED, 'server -1 SSL; SSL/1048 “tlsv1 alert unknown ca”; SSL alert number 48', 'verify_result=22'],
  ),
  refused('X18', verified('clientOnly'), [
    VERIFY_FAILED,
    'server -1 SSL; SSL/1043 “sslv3 alert unsupported certificate”; SSL alert number 43',
    'verify_result=26',
  ]),
  refused('X19', verified('selfSigned'), [
    VERIFY_FAILED,
    'server -1 SSL; SSL/1048 “tlsv1 alert unknown ca”; SSL alert number 48',
    'verify_result=18',
  ]),
  refused('X11', () => ({ cctx: (ctx) => o.SSL_CTX_set_max_cert_list(ctx, 100) }), [
    'client -1 SSL; SSL/152 “excessive message size”',
    'server -1 SSL; SSL/1047 “sslv3 alert illegal parameter”; SSL alert number 47',
    'verify_result=0',
  ]),
  {
    id: 'C14',
    version: 0x0304,
    run: async ({ late }) => {
      const pair = await pairOf({
        late,
        sctx: (ctx) => o.SSL_CTX_set_verify(ctx, o.SSL_VERIFY_PEER | o.SSL_VERIFY_FAIL_IF_NO_PEER_CERT, null),
      })
      const ended = await shake(pair)
      return [...ended, await read(pair.client)]
    },
    says: [
      '1 NONE',
      '-1 SSL; SSL/199 “peer did not return a certificate”',
      '0 SSL; SSL/1116 “tlsv13 alert certificate required”; SSL alert number 116',
    ],
  },
  {
    id: 'C17',
    version: 0x0304,
    run: async ({ late }) => {
      const pair = await pairOf({
        late,
        cctx: (ctx) => o.SSL_CTX_set1_groups_list(ctx, 'X25519:P-256'),
        sctx: (ctx) => o.SSL_CTX_set1_groups_list(ctx, 'P-256'),
      })
      const ended = await shake(pair)
      const { client, server } = pair
      return [
        ...ended,
        `${await read(client)} shutdown=${o.SSL_get_shutdown(client)}`,
        await read(server),
        `${o.SSL_get_group_name(client)}`,
      ]
    },
    says: ['1 NONE', '1 NONE', '-1 WANT_READ shutdown=0', '-1 WANT_READ', 'P-256'],
  },
  {
    id: 'C22',
    version: 0x0304,
    differs: 'D11, there is no version below 1.2, so the hole leaves 1.3',
    run: async ({ late }) => {
      const pair = await pairOf({ late, cctx: (ctx) => o.SSL_CTX_set_options(ctx, o.SSL_OP_NO_TLSv1_2) })
      const ended = await shake(pair)
      return [...ended, o.SSL_get_version(pair.client)]
    },
    says: ['1 NONE', '1 NONE', 'TLSv1.3'],
  },
]
table('C, X: handshakes between ends that do not agree', disagreements)

/** Records that an attacker, or a broken peer, puts into an open connection. */
const put = (bio: o.BIO, bytes: Uint8Array): void => {
  o.BIO_reset(bio)
  o.BIO_write(bio, bytes)
}
const forged = (
  id: string,
  make: (good: Uint8Array) => Uint8Array,
  says: Row['says'],
  more: Partial<Row> = {},
): Row => ({
  id,
  run: async ({ version, late }) => {
    const { client, server, toServer } = await connected({ version, late })
    await write(client, 'hello')
    put(toServer, make(o.BIO_get_mem_data(toServer).slice()))
    return [await read(server)]
  },
  says,
  ...more,
})
const changed = (good: Uint8Array, at: number, to: number): Uint8Array => {
  good[at < 0 ? good.length + at : at] = to
  return good
}
const BAD_MAC = '-1 SSL; SSL/281 “decryption failed or bad record mac”'
const INTERNAL = '-1 SSL; SSL/68 “internal error”'
const records: readonly Row[] = [
  {
    id: 'F1 F1b F1c F1d F1e F1f F1g F1h F1i',
    differs: { 'F1g F1h F1i': 'D2, a fatal alert stays SSL_ERROR_SSL when the queue was emptied' },
    run: async ({ version, late }) => {
      const { client, server, toServer } = await connected({ version, late })
      await read(client)
      await write(client, 'hello')
      const sealed = o.BIO_get_mem_data(toServer).slice()
      put(toServer, changed(sealed, -1, (sealed[sealed.length - 1] as number) ^ 1))
      return [
        `${await read(server)} shutdown=${o.SSL_get_shutdown(server)} '${o.SSL_state_string_long(server)}'`,
        await read(server),
        await write(server, 'x'),
        await shutdown(server),
        told(server, await handshake(server)),
        `${await read(client)} shutdown=${o.SSL_get_shutdown(client)}`,
        await read(client),
        await write(client, 'x'),
        await read(client, 10, o.SSL_peek),
      ]
    },
    says: [
      `${BAD_MAC} shutdown=0 'error'`,
      '-1 SYSCALL errno=0',
      '-1 SYSCALL errno=0',
      '-1 SSL; SSL/407 “shutdown while in init”',
      '-1 SYSCALL errno=0',
      '0 SSL; SSL/1020 “sslv3 alert bad record mac”; SSL alert number 20 shutdown=2',
      '0 SSL',
      '-1 SSL',
      '0 SSL',
    ],
  },
  forged('F2', () => Uint8Array.of(23, 3, 3, 0, 0), {
    772: ['-1 SSL; SSL/129 “block cipher pad is wrong”'],
    771: [INTERNAL],
  }),
  forged('F3', () => record(22, [0, 0, 0, 0], 0x0303), {
    772: ['-1 SSL; SSL/443 “bad record type”'],
    771: [INTERNAL],
  }),
  forged('F4', () => alert(1, 0, 0x0303), ['-1 SSL; SSL/443 “bad record type”'], { version: 0x0304 }),
  forged('F5', () => record(20, [1], 0x0303), {
    772: ['-1 SSL; SSL/443 “bad record type”'],
    771: [INTERNAL],
  }),
  forged('F6', () => Uint8Array.of(23, 3, 3, 0x48, 0x01, 0, 0), ['-1 SSL; SSL/198 “packet length too long”']),
  forged('F7', (good) => changed(good, 2, 1), ['-1 SSL; SSL/267 “wrong version number”']),
]
table('F: broken records', records)
