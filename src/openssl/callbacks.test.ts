import {
  bytes,
  chainOf,
  connected,
  handshake,
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
  write,
} from '../../test/openssl/bench.ts'
import { type Row, type Setting, table } from '../../test/openssl/rows.ts'
import * as o from './index.ts'

// ---- info and message callbacks

const words: Readonly<Record<number, string>> = {
  16: 'START',
  32: 'DONE',
  4097: 'C_LOOP',
  4098: 'C_EXIT',
  8193: 'A_LOOP',
  8194: 'A_EXIT',
  16388: 'R_ALERT',
  16392: 'W_ALERT',
}
/** Notes what the info callback is told, and hands the notes out. */
const listen = (ctx: o.SSL_CTX): (() => string) => {
  let notes: string[] = []
  o.SSL_CTX_set_info_callback(ctx, (ssl, where, ret) => {
    const loop = (where & o.SSL_CB_LOOP) !== 0
    notes.push(`${words[where] ?? where}${loop ? ` ${o.SSL_state_string(ssl).trim()}` : ret === 1 ? '' : ` ${ret}`}`)
  })
  return () => {
    const said = notes.join(', ')
    notes = []
    return said
  }
}

/** The states that LOOP events leave, between the other events. */
const path = (...parts: string[]): string => parts.join(', ')
const loops = (who: 'C' | 'A', states: string): string =>
  states
    .split(' ')
    .map((state) => `${who}_LOOP ${state}`)
    .join(', ')

/** With late crypto a call ends in the middle more often: the same but for those ends. */
const whole = (said: string): string => said.replaceAll(', C_EXIT -1', '').replaceAll(', A_EXIT -1', '')

const told2 = async ({ version, late }: Setting): Promise<string[]> => {
  let client = (): string => ''
  let server = (): string => ''
  const pair = await connected({
    version,
    late,
    cctx: (ctx) => {
      client = listen(ctx)
    },
    sctx: (ctx) => {
      server = listen(ctx)
    },
  })
  const first = [client(), server()]
  await read(pair.client)
  await shutdown(pair.client)
  await shutdown(pair.server)
  await read(pair.server)
  await read(pair.client)
  const all = [...first, client(), server()]
  return late ? all.map(whole) : all
}
const infoSays = (late: boolean): Row['says'] => {
  const rows = {
    772: [
      path(
        'START',
        loops('C', 'PINIT TWCH'),
        'C_EXIT -1',
        loops('C', 'TWCH TRSH TREE TRSC TRSCV TRFIN TWCCS TWFIN'),
        'DONE',
        'C_EXIT',
      ),
      path(
        'START',
        loops('A', 'PINIT PINIT TRCH TWSH TWCCS TWEE TWSC TRSCV TWFIN TED'),
        'A_EXIT -1',
        loops('A', 'TED TRFIN'),
        'DONE',
        loops('A', 'TWST TWST'),
        'A_EXIT',
      ),
      path(
        loops('C', 'SSLOK SSLOK TRST'),
        'C_EXIT',
        loops('C', 'SSLOK SSLOK TRST'),
        'C_EXIT',
        'W_ALERT 256, R_ALERT 256',
      ),
      'W_ALERT 256, R_ALERT 256',
    ],
    771: [
      path(
        'START',
        loops('C', 'PINIT TWCH'),
        'C_EXIT -1',
        loops('C', 'TWCH TRSH TRSC TRSKE TRSD TWCKE TWCCS TWFIN'),
        'C_EXIT -1',
        loops('C', 'TWFIN TRST TRCCS TRFIN'),
        'DONE',
        'C_EXIT',
      ),
      path(
        'START',
        loops('A', 'PINIT PINIT TRCH TWSH TWSC TWSKE TWSD'),
        'A_EXIT -1',
        loops('A', 'TWSD TRCKE TRCCS TRFIN TWST TWCCS TWFIN'),
        'DONE',
        'A_EXIT',
      ),
      'W_ALERT 256, R_ALERT 256',
      'W_ALERT 256, R_ALERT 256',
    ],
  }
  if (!late) return rows
  return { 772: rows[0x0304].map(whole), 771: rows[0x0303].map(whole) }
}

const events: readonly Row[] = [
  { id: 'I1', quick: true, run: told2, says: infoSays(false) },
  {
    id: 'I1 with late answers',
    run: (setting) => told2({ ...setting, late: true }),
    says: infoSays(true),
    quick: true,
  },
  {
    id: 'I2',
    version: 0x0304,
    run: async ({ late }) => {
      let client = (): string => ''
      const pair = await pairOf({
        late,
        cctx: (ctx) => {
          client = listen(ctx)
        },
      })
      await handshake(pair.client)
      client()
      o.BIO_write(pair.toClient, Uint8Array.of(21, 3, 1, 0, 2, 2, 40))
      await handshake(pair.client)
      const first = client()
      await handshake(pair.client)
      o.ERR_clear_error()
      return [first, client()]
    },
    says: ['R_ALERT 552, C_EXIT -1', ''],
  },
  {
    id: 'I3',
    differs: 'D15, other suites and certificates: messages are of other lengths',
    quick: true,
    run: async ({ version }) => {
      let notes: string[] = []
      const pair = await connected({
        version,
        cctx: (ctx) => {
          o.SSL_CTX_set_msg_callback_arg(ctx, 'arg')
          o.SSL_CTX_set_msg_callback(ctx, (out, v, type, buf, _ssl, arg) => {
            const what = type === o.SSL3_RT_HANDSHAKE ? `${type}:${buf[0]}` : `${type}:${buf.length}:${buf[0]}`
            notes.push(`${out ? '>' : '<'}${v.toString(16)}:${what}${arg === 'arg' ? '' : ' no arg'}`)
          })
        },
      })
      const first = notes.join(' ')
      notes = []
      await read(pair.client)
      await write(pair.client, 'x')
      await write(pair.server, 'y')
      await read(pair.client)
      await shutdown(pair.client)
      return [first, notes.join(' ')]
    },
    says: {
      772: [
        '>0:256:5:22 >304:22:1 <0:256:5:22 <304:22:2 <0:256:5:20 <0:256:5:23 <304:257:1:22 <304:22:8 <0:256:5:23 <304:257:1:22 <304:22:11 <0:256:5:23 <304:257:1:22 <304:22:15 <0:256:5:23 <304:257:1:22 <304:22:20 >0:256:5:20 >304:20:1:1 >0:256:5:23 >304:257:1:22 >304:22:20',
        '<0:256:5:23 <304:257:1:22 <304:22:4 <0:256:5:23 <304:257:1:22 <304:22:4 >0:256:5:23 >304:257:1:23 <0:256:5:23 <304:257:1:23 >0:256:5:23 >304:257:1:21 >304:21:2:1',
      ],
      771: [
        '>0:256:5:22 >303:22:1 <0:256:5:22 <303:22:2 <0:256:5:22 <303:22:11 <0:256:5:22 <303:22:12 <0:256:5:22 <303:22:14 >0:256:5:22 >303:22:16 >0:256:5:20 >303:20:1:1 >0:256:5:22 >303:22:20 <0:256:5:22 <303:22:4 <0:256:5:20 <0:256:5:22 <303:22:20',
        '>0:256:5:23 <0:256:5:23 >0:256:5:21 >303:21:2:1',
      ],
    },
  },
  {
    id: 'I4',
    run: async (setting) => {
      const lines: string[] = []
      await connected({ ...setting, cctx: (ctx) => o.SSL_CTX_set_keylog_callback(ctx, (_, line) => lines.push(line)) })
      return lines.map((line) => line.replace(/[0-9a-f]{64,}/g, (hex) => `<${hex.length}>`)).sort()
    },
    says: {
      772: [
        'CLIENT_HANDSHAKE_TRAFFIC_SECRET <64> <96>',
        'CLIENT_TRAFFIC_SECRET_0 <64> <96>',
        'EXPORTER_SECRET <64> <96>',
        'SERVER_HANDSHAKE_TRAFFIC_SECRET <64> <96>',
        'SERVER_TRAFFIC_SECRET_0 <64> <96>',
      ],
      771: ['CLIENT_RANDOM <64> <96>'],
    },
  },
]
table('I: what goes by', events)

// ---- verification

/** A client that insists; what its callback was told, and what it answered. */
const verifying = async (
  { version, late }: Setting,
  answer: (ok: 0 | 1, c: o.X509_STORE_CTX) => number,
  trusts: boolean,
  more: (ssl: o.SSL) => void = () => {},
): Promise<string[]> => {
  const { root } = await materials()
  const notes: string[] = []
  const pair = await pairOf({
    version,
    late,
    cctx: (ctx) => {
      if (trusts) trust(ctx, root)
      o.SSL_CTX_set_verify(ctx, o.SSL_VERIFY_PEER, (ok, c) => {
        notes.push(`(ok=${ok} depth=${o.X509_STORE_CTX_get_error_depth(c)} err=${o.X509_STORE_CTX_get_error(c)})`)
        return answer(ok, c)
      })
    },
    client: more,
  })
  const [client, server] = await shake(pair)
  return [notes.join(' '), `${client} verify_result=${o.SSL_get_verify_result(pair.client)}`, server]
}
const GOOD = '(ok=1 depth=2 err=0) (ok=1 depth=1 err=0) (ok=1 depth=0 err=0)'
const FAILED = '-1 SSL; SSL/134 “certificate verify failed”'
const verification: readonly Row[] = [
  {
    id: 'I5 I5b mode 0',
    run: (setting) => verifying(setting, (ok) => ok, true),
    says: [GOOD, '1 NONE verify_result=0', '1 NONE'],
  },
  {
    id: 'I5 I5b mode 1',
    run: (setting) => verifying(setting, () => 0, true),
    says: [
      '(ok=1 depth=2 err=0)',
      `${FAILED} verify_result=1`,
      '-1 SSL; SSL/1080 “tlsv1 alert internal error”; SSL alert number 80',
    ],
  },
  {
    id: 'I5 I5b mode 2',
    run: (setting) => verifying(setting, () => 1, false),
    says: ['(ok=0 depth=1 err=20) (ok=1 depth=0 err=20)', '1 NONE verify_result=20', '1 NONE'],
  },
  {
    id: 'I5 mode 3',
    run: (setting) =>
      verifying(
        setting,
        (ok) => ok,
        true,
        (ssl) => void o.SSL_set1_host(ssl, 'other.example'),
      ),
    says: [
      '(ok=0 depth=0 err=62)',
      `${FAILED} verify_result=62`,
      '-1 SSL; SSL/1042 “sslv3 alert bad certificate”; SSL alert number 42',
    ],
  },
  {
    id: 'the callback clears an error',
    run: (setting) =>
      verifying(
        setting,
        (ok, c) => {
          if (ok === 0) o.X509_STORE_CTX_set_error(c, 0)
          return 1
        },
        false,
      ),
    says: ['(ok=0 depth=1 err=20) (ok=1 depth=0 err=0)', '1 NONE verify_result=0', '1 NONE'],
  },
  {
    id: 'I6',
    run: async (setting) => {
      const { client } = await connected(setting)
      return [`${o.SSL_get_verify_result(client)} ${o.X509_verify_cert_error_string(o.SSL_get_verify_result(client))}`]
    },
    says: ['20 unable to get local issuer certificate'],
  },
  {
    id: 'names: exact, wildcard, and wildcards forbidden',
    run: async (setting) => {
      const { root } = await materials()
      const asks = async (name: string, flags = 0): Promise<string> => {
        const pair = await pairOf({
          ...setting,
          cctx: (ctx) => {
            trust(ctx, root)
            o.SSL_CTX_set_verify(ctx, o.SSL_VERIFY_PEER, null)
          },
          client: (ssl) => {
            o.SSL_set1_host(ssl, name)
            o.SSL_set_hostflags(ssl, flags)
          },
        })
        await shake(pair)
        o.ERR_clear_error()
        return `${o.SSL_get_verify_result(pair.client)} ${o.SSL_get0_peername(pair.client)}`
      }
      return [
        await asks('server.example'),
        await asks('a.wild.example'),
        await asks('a.wild.example', o.X509_CHECK_FLAG_NO_WILDCARDS),
        await asks('127.0.0.1'),
      ]
    },
    says: ['0 server.example', '0 *.wild.example', '62 null', '64 null'],
  },
  {
    id: 'X10',
    run: async (setting) => {
      const { root, leaf } = await materials()
      const { client, server } = await connected({
        ...setting,
        cctx: (ctx) => {
          trust(ctx, root)
          useIdentity(ctx, leaf, setting.late)
          o.SSL_CTX_set_verify(ctx, o.SSL_VERIFY_PEER, null)
        },
        sctx: (ctx) => {
          trust(ctx, root)
          o.SSL_CTX_set_verify(ctx, o.SSL_VERIFY_PEER | o.SSL_VERIFY_FAIL_IF_NO_PEER_CERT, null)
        },
      })
      const about = (ssl: o.SSL): string =>
        `peer=${o.SSL_get_peer_certificate(ssl) ? 1 : 0} chain n=${o.SSL_get_peer_cert_chain(ssl)?.length} verified n=${o.SSL_get0_verified_chain(ssl)?.length} verify_result=${o.SSL_get_verify_result(ssl)}`
      return [about(client), about(server), String(chainOf(leaf).length)]
    },
    says: ['peer=1 chain n=2 verified n=3 verify_result=0', 'peer=1 chain n=1 verified n=3 verify_result=0', '2'],
  },
  {
    id: 'X509_verify_cert within a callback that replaces verification',
    quick: true,
    run: async (setting) => {
      const { root } = await materials()
      const pair = await pairOf({
        ...setting,
        cctx: (ctx) => {
          trust(ctx, root)
          o.SSL_CTX_set_verify(ctx, o.SSL_VERIFY_PEER, null)
          o.SSL_CTX_set_cert_verify_callback(ctx, (c, arg) => (arg === 'arg' ? o.X509_verify_cert(c) : 0), 'arg')
        },
      })
      return [...(await shake(pair)), String(o.SSL_get_verify_result(pair.client))]
    },
    says: ['1 NONE', '1 NONE', '0'],
  },
]
table('I, X: verification', verification)

// ---- callbacks that pause, and those that choose

const certificateCallbacks: readonly Row[] = [
  {
    id: 'I7',
    run: async (setting) => {
      let answer = -1
      let n = 0
      const pair = await pairOf({
        ...setting,
        sctx: (ctx) =>
          o.SSL_CTX_set_cert_cb(
            ctx,
            (_, arg) => {
              n += arg as number
              return answer
            },
            1,
          ),
      })
      await handshake(pair.client)
      const first = `${told(pair.server, await handshake(pair.server))} want=${o.SSL_want(pair.server)} n=${n}`
      const again = `${told(pair.server, await handshake(pair.server))} n=${n}`
      await o.SSL_wait(pair.server)
      answer = 0
      const refused = told(pair.server, await handshake(pair.server))
      await new Promise((resolve) => setImmediate(resolve))
      return [first, again, refused, told(pair.client, await handshake(pair.client))]
    },
    says: [
      '-1 WANT_X509_LOOKUP want=4 n=1',
      '-1 WANT_X509_LOOKUP n=2',
      '-1 SSL; SSL/377 “cert cb error”',
      '-1 SSL; SSL/1080 “tlsv1 alert internal error”; SSL alert number 80',
    ],
  },
  {
    id: 'I7 then 1, with a certificate of its own',
    run: async (setting) => {
      const { leaf } = await materials()
      const pair = await pairOf({
        ...setting,
        identity: null,
        server: (server) =>
          o.SSL_set_cert_cb(
            server,
            (ssl) => {
              o.SSL_use_certificate(ssl, o.X509_of(leaf.certificate))
              return o.SSL_use_PrivateKey(ssl, new o.EVP_PKEY(leaf.key))
            },
            null,
          ),
      })
      return await shake(pair)
    },
    says: ['1 NONE', '1 NONE'],
  },
  {
    id: 'I8 I8b I8c I8d',
    run: async (setting) => {
      let answer: number | { ret: number; al: number } = o.SSL_CLIENT_HELLO_RETRY
      let n = 0
      let seen = ''
      const pair = await pairOf({
        ...setting,
        client: (ssl) => void o.SSL_set_tlsext_host_name(ssl, 'www.example'),
        sctx: (ctx) =>
          o.SSL_CTX_set_client_hello_cb(
            ctx,
            (ssl) => {
              n++
              seen = `${o.SSL_client_hello_get0_legacy_version(ssl).toString(16)} ${o.SSL_client_hello_get0_random(ssl).length} ${o.SSL_client_hello_get1_extensions_present(ssl)?.includes(0)} ${o.SSL_client_hello_get0_ext(ssl, 0)?.length} ${o.SSL_client_hello_get0_ext(ssl, 999)} ${o.SSL_get_servername(ssl, 0)}`
              return answer
            },
            null,
          ),
      })
      await handshake(pair.client)
      const first = `${told(pair.server, await handshake(pair.server))} want=${o.SSL_want(pair.server)} n=${n} state=${o.SSL_state_string_long(pair.server)}`
      const again = `${told(pair.server, await handshake(pair.server))} n=${n}`
      answer = o.SSL_CLIENT_HELLO_ERROR
      const refused = told(pair.server, await handshake(pair.server))
      await new Promise((resolve) => setImmediate(resolve))
      return [first, again, refused, told(pair.client, await handshake(pair.client)), seen]
    },
    says: [
      '-1 WANT_CLIENT_HELLO_CB want=7 n=1 state=SSLv3/TLS read client hello',
      '-1 WANT_CLIENT_HELLO_CB n=2',
      '-1 SSL; SSL/234 “callback failed”',
      '-1 SSL; SSL/1080 “tlsv1 alert internal error”; SSL alert number 80',
      '303 32 true 16 null www.example',
    ],
  },
  {
    id: 'I9',
    run: async (setting) => {
      let answer = -1
      const pair = await pairOf({
        ...setting,
        cctx: (ctx) => o.SSL_CTX_set_client_cert_cb(ctx, () => answer),
        sctx: (ctx) => o.SSL_CTX_set_verify(ctx, o.SSL_VERIFY_PEER, null),
      })
      await handshake(pair.client)
      await handshake(pair.server)
      const first = told(pair.client, await handshake(pair.client))
      answer = 0
      return [first, told(pair.client, await handshake(pair.client))]
    },
    says: { 772: ['-1 WANT_X509_LOOKUP', '1 NONE'], 771: ['-1 WANT_X509_LOOKUP', '-1 WANT_READ'] },
  },
  {
    id: 'I9 then a certificate',
    run: async (setting) => {
      const { root, leaf } = await materials()
      const { server } = await connected({
        ...setting,
        cctx: (ctx) =>
          o.SSL_CTX_set_client_cert_cb(ctx, () => ({
            ret: 1,
            x509: o.X509_of(leaf.certificate),
            pkey: new o.EVP_PKEY(leaf.key),
          })),
        sctx: (ctx) => {
          trust(ctx, root)
          o.X509_STORE_add_cert(o.SSL_CTX_get_cert_store(ctx), o.X509_of(leaf.above[0] as typeof leaf.certificate))
          o.SSL_CTX_set_verify(ctx, o.SSL_VERIFY_PEER, null)
        },
      })
      const peer = o.SSL_get_peer_certificate(server)
      return [peer ? o.X509_NAME_oneline(o.X509_get_subject_name(peer)) : 'none', `${o.SSL_get_verify_result(server)}`]
    },
    says: ['/CN=Leaf', '0'],
  },
  {
    id: 'client_sigalgs: what a server asks a client to sign with, and what a client signs with',
    run: async (setting) => {
      const { root, rsa } = await materials()
      const signedWith = async (side: 'cctx' | 'sctx', list: string): Promise<string> => {
        const pair = await pairOf({
          ...setting,
          cctx: (ctx) => {
            useIdentity(ctx, rsa, setting.late)
            if (side === 'cctx') o.SSL_CTX_set1_client_sigalgs_list(ctx, list)
          },
          sctx: (ctx) => {
            trust(ctx, root)
            o.SSL_CTX_set_verify(ctx, o.SSL_VERIFY_PEER, null)
            if (side === 'sctx') o.SSL_CTX_set1_client_sigalgs_list(ctx, list)
          },
        })
        return `${await shake(pair)} ${o.SSL_get_peer_signature_name(pair.server)}`
      }
      return [
        await signedWith('sctx', 'rsa_pss_rsae_sha512:ECDSA+SHA256'),
        await signedWith('cctx', 'rsa_pss_rsae_sha384:ECDSA+SHA256'),
        await signedWith('sctx', 'ed25519'),
      ]
    },
    says: ['1 NONE,1 NONE rsa_pss_rsae_sha512', '1 NONE,1 NONE rsa_pss_rsae_sha384', '1 NONE,1 NONE null'],
  },
  {
    id: 'names of authorities',
    run: async (setting) => {
      const { root } = await materials()
      const name = o.X509_get_subject_name(o.X509_of(root.certificate))
      const { client } = await connected({
        ...setting,
        sctx: (ctx) => {
          o.SSL_CTX_set_verify(ctx, o.SSL_VERIFY_PEER, null)
          o.SSL_CTX_set_client_CA_list(ctx, [name])
        },
      })
      return [(o.SSL_get0_peer_CA_list(client) ?? []).map((one) => o.X509_NAME_oneline(one)).join()]
    },
    says: ['/CN=Root'],
  },
]
table('I: certificates and the ClientHello', certificateCallbacks)

const protos = Uint8Array.of(2, 104, 50, 8, ...bytes('http/1.1'))
const alpn = (ret: number, says: Row['says']): Row => ({
  id: `I10 ALPN cb ret ${ret}`,
  run: async (setting) => {
    const pair = await pairOf({
      ...setting,
      cctx: (ctx) => o.SSL_CTX_set_alpn_protos(ctx, protos),
      sctx: (ctx) => o.SSL_CTX_set_alpn_select_cb(ctx, (_, client) => ({ ret, selected: client.subarray(4) }), null),
    })
    await handshake(pair.client)
    const server = told(pair.server, await handshake(pair.server))
    await new Promise((resolve) => setImmediate(resolve))
    const client = told(pair.client, await handshake(pair.client))
    const selected = (ssl: o.SSL): string => new TextDecoder().decode(o.SSL_get0_alpn_selected(ssl))
    return [server, `${client} sel='${selected(pair.client)}'`]
  },
  says,
})
const NO_PROTOCOL = [
  '-1 SSL; SSL/235 “no application protocol”',
  "-1 SSL; SSL/1120 “?”; SSL alert number 120 sel=''",
] as const
const sni = (answer: number | { ret: number; al: number }, says: Row['says'], more: Partial<Row> = {}): Row => ({
  id: `I11 SNI cb ret ${typeof answer === 'number' ? answer : `${answer.ret} with alert ${answer.al}`}`,
  run: async (setting) => {
    const heard: string[] = []
    const pair = await pairOf({
      ...setting,
      client: (ssl) => {
        o.SSL_set_tlsext_host_name(ssl, 'www.example')
        o.SSL_set_info_callback(ssl, (_, where, ret) => {
          if (where === o.SSL_CB_READ_ALERT) heard.push(String(ret))
        })
      },
      sctx: (ctx) => void o.SSL_CTX_set_tlsext_servername_callback(ctx, () => answer),
    })
    await handshake(pair.client)
    const server = `${told(pair.server, await handshake(pair.server))} name=${o.SSL_get_servername(pair.server, 0)}`
    await new Promise((resolve) => setImmediate(resolve))
    const client = told(pair.client, await handshake(pair.client))
    return [server, client, `alert=${heard.join() || 'none'}`]
  },
  says,
  ...more,
})
const choices: readonly Row[] = [
  alpn(0, {
    772: ['-1 WANT_READ', "1 NONE sel='http/1.1'"],
    771: ['-1 WANT_READ', "-1 WANT_READ sel='http/1.1'"],
  }),
  alpn(1, NO_PROTOCOL),
  alpn(2, NO_PROTOCOL),
  alpn(3, { 772: ['-1 WANT_READ', "1 NONE sel=''"], 771: ['-1 WANT_READ', "-1 WANT_READ sel=''"] }),
  sni(0, {
    772: ['-1 WANT_READ name=www.example', '1 NONE', 'alert=none'],
    771: ['-1 WANT_READ name=www.example', '-1 WANT_READ', 'alert=none'],
  }),
  sni(1, {
    772: ['-1 WANT_READ name=www.example', '1 NONE', 'alert=none'],
    771: ['-1 WANT_READ name=www.example', '-1 WANT_READ', 'alert=368'],
  }),
  sni(2, [
    '-1 SSL; SSL/234 “callback failed” name=www.example',
    '-1 SSL; SSL/1112 “tlsv1 unrecognized name”; SSL alert number 112',
    'alert=624',
  ]),
  sni({ ret: 2, al: 49 }, [
    '-1 SSL; SSL/234 “callback failed” name=www.example',
    '-1 SSL; SSL/1049 “tlsv1 alert access denied”; SSL alert number 49',
    'alert=561',
  ]),
  sni(3, {
    772: ['-1 WANT_READ name=www.example', '1 NONE', 'alert=none'],
    771: ['-1 WANT_READ name=www.example', '-1 WANT_READ', 'alert=none'],
  }),
  {
    id: 'V2, and another context for the name',
    run: async (setting) => {
      const { rsa } = await materials()
      let calls = 0
      const other = o.SSL_CTX_new(o.TLS_method()) as o.SSL_CTX
      useIdentity(other, rsa, setting.late)
      const pair: Pair = await connected({
        ...setting,
        sctx: (ctx) =>
          void o.SSL_CTX_set_tlsext_servername_callback(ctx, (ssl) => {
            calls++
            o.SSL_set_SSL_CTX(ssl, other)
            return o.SSL_TLSEXT_ERR_OK
          }),
      })
      const peer = o.SSL_get_peer_certificate(pair.client)
      return [`calls=${calls} ${peer ? o.X509_NAME_oneline(o.X509_get_subject_name(peer)) : ''} ${queue()}`]
    },
    says: ['calls=1 /CN=RSA '],
  },
  {
    id: 'V2 on a client, which may refuse',
    run: async (setting) => {
      const said: string[] = []
      for (const answer of [o.SSL_TLSEXT_ERR_OK, o.SSL_TLSEXT_ERR_ALERT_FATAL]) {
        let calls = 0
        const pair = await pairOf({
          ...setting,
          cctx: (ctx) => void o.SSL_CTX_set_tlsext_servername_callback(ctx, () => (calls++, answer)),
        })
        said.push(`calls=${calls} ${(await shake(pair))[0]} calls=${calls}`)
      }
      return said
    },
    says: ['calls=0 1 NONE calls=1', 'calls=0 -1 SSL; SSL/234 “callback failed” calls=1'],
  },
]
table('I: ALPN and server names', choices)
