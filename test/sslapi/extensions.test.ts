import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { hex } from '../../src/bytes/text.ts'
import * as o from '../../src/openssl/index.ts'
import {
  bytes,
  call,
  connected,
  contextFor,
  handshake,
  join,
  materials,
  pairOf,
  read,
  shake,
  told,
  trust,
  useIdentity,
} from '../openssl/bench.ts'
import { extensionOf, readHello } from '../surgery/hello.ts'
import { BOTH, close, connect, GOOD, open, sessionOf } from './connect.ts'

/** Extensions, names and callbacks. */

const title = (version: number, ...more: readonly string[]): string => [`TLS 1.${version - 0x0301}`, ...more].join(', ')

/** The ClientHello that an SSL writes first, without its record header. */
const helloOf = async (pair: { client: o.SSL; toServer: o.BIO }) => {
  await handshake(pair.client)
  return readHello(o.BIO_get_mem_data(pair.toServer).slice(5))
}

describe('OCSP stapling', () => {
  const response = Uint8Array.of(1, 2, 3)
  const ids = [Uint8Array.of(0x82, 1, 7), Uint8Array.of(0x82, 2, 8, 9)]

  test('the type is -1 until it is set, and an SSL has that of its context', () => {
    const ctx = contextFor(false)
    const before = o.SSL_new(ctx) as o.SSL
    assert.deepEqual([o.SSL_CTX_get_tlsext_status_type(ctx), o.SSL_get_tlsext_status_type(before)], [-1, -1])
    assert.equal(o.SSL_set_tlsext_status_type(before, o.TLSEXT_STATUSTYPE_ocsp), 1)
    assert.equal(o.SSL_get_tlsext_status_type(before), 1)
    assert.equal(o.SSL_CTX_set_tlsext_status_type(ctx, o.TLSEXT_STATUSTYPE_ocsp), 1)
    assert.equal(o.SSL_get_tlsext_status_type(o.SSL_new(ctx) as o.SSL), 1)
  })

  for (const version of BOTH) {
    for (const good of [true, false])
      test(title(version, good ? 'both callbacks are asked' : 'a server callback that fails'), async () => {
        const called = { client: 0, server: 0 }
        const pair = await pairOf({
          version,
          cctx: (ctx) => {
            o.SSL_CTX_set_tlsext_status_type(ctx, o.TLSEXT_STATUSTYPE_ocsp)
            o.SSL_CTX_set_tlsext_status_cb(ctx, (ssl, arg) => {
              called.client++
              assert.equal(arg, 'client')
              assert.deepEqual(o.SSL_get_tlsext_status_ocsp_resp(ssl), response)
              return 1
            })
            o.SSL_CTX_set_tlsext_status_arg(ctx, 'client')
          },
          sctx: (ctx) =>
            o.SSL_CTX_set_tlsext_status_cb(ctx, (ssl) => {
              if (!good) return o.SSL_TLSEXT_ERR_ALERT_FATAL
              called.server++
              o.SSL_set_tlsext_status_ocsp_resp(ssl, response)
              return o.SSL_TLSEXT_ERR_OK
            }),
        })
        assert.deepEqual((await connect(pair)).join() === GOOD.join(), good)
        assert.deepEqual(called, good ? { client: 1, server: 1 } : { client: 0, server: 0 })
      })

    test(title(version, 'names of responders, and extensions, reach the server'), async () => {
      let asked: unknown[] = []
      await connected({
        version,
        cctx: (ctx) => o.SSL_CTX_set_tlsext_status_type(ctx, o.TLSEXT_STATUSTYPE_ocsp),
        client: (ssl) => {
          assert.equal(o.SSL_set_tlsext_status_ids(ssl, ids), 1)
          assert.equal(o.SSL_set_tlsext_status_exts(ssl, Uint8Array.of(0x30, 0)), 1)
          assert.deepEqual(o.SSL_get_tlsext_status_ids(ssl), ids)
        },
        sctx: (ctx) =>
          o.SSL_CTX_set_tlsext_status_cb(ctx, (ssl) => {
            asked = [o.SSL_get_tlsext_status_ids(ssl), o.SSL_get_tlsext_status_exts(ssl)]
            return o.SSL_TLSEXT_ERR_NOACK
          }),
      })
      assert.deepEqual(asked, [ids, Uint8Array.of(0x30, 0)])
    })
  }
})

describe('key log', () => {
  test('TLS 1.2 with static RSA: the client has a line more', async () => {
    const lines = { client: [] as string[], server: [] as string[] }
    const note = (role: 'client' | 'server') => (_: o.SSL, line: string) => void lines[role].push(line)
    const notes = { client: note('client'), server: note('server') }
    const pair = await connected({
      version: 0x0303,
      identity: 'rsa',
      cctx: (ctx) => {
        o.SSL_CTX_set_cipher_list(ctx, 'AES128-GCM-SHA256')
        o.SSL_CTX_set_keylog_callback(ctx, notes.client)
        assert.equal(o.SSL_CTX_get_keylog_callback(ctx), notes.client)
      },
      sctx: (ctx) => {
        o.SSL_CTX_set_cipher_list(ctx, 'AES128-GCM-SHA256')
        assert.equal(o.SSL_CTX_get_keylog_callback(ctx), null)
        o.SSL_CTX_set_keylog_callback(ctx, notes.server)
      },
    })
    const master = o.SSL_SESSION_get_master_key(o.SSL_get_session(pair.client) as o.SSL_SESSION)
    const line = `CLIENT_RANDOM ${hex(o.SSL_get_client_random(pair.client))} ${hex(master)}`
    assert.deepEqual(lines.server, [line])
    assert.equal(lines.client.length, 2)
    assert.ok(lines.client.includes(line))
    assert.match(lines.client.find((one) => one !== line) ?? '', /^RSA [0-9a-f]{16} 0303[0-9a-f]{92}$/)
  })

  const handshakeLines = [
    'SERVER_HANDSHAKE_TRAFFIC_SECRET',
    'EXPORTER_SECRET',
    'SERVER_TRAFFIC_SECRET_0',
    'CLIENT_HANDSHAKE_TRAFFIC_SECRET',
    'CLIENT_TRAFFIC_SECRET_0',
  ]
  for (const early of [undefined, '', 'hello'])
    test(`TLS 1.3: one line for each secret, in OpenSSL’s order${early === undefined ? '' : `, ${early.length} bytes of early data`}`, async () => {
      let lines: string[] = []
      const labels = (): string[] => lines.map((line) => line.split(' ')[0] as string)
      const pair = await open({
        version: 0x0304,
        cctx: (ctx) => o.SSL_CTX_set_keylog_callback(ctx, (_, line) => lines.push(line)),
        sctx: (ctx) => o.SSL_CTX_set_max_early_data(ctx, 100),
      })
      assert.deepEqual(labels(), handshakeLines)
      if (early === undefined) return
      const session = sessionOf(pair.client)
      await close(pair)
      lines = []
      const { client, server } = join(pair.cctx, pair.sctx)
      o.SSL_set_session(client, session)
      assert.equal(o.SSL_write_early_data(client, bytes(early)).ret, 1)
      const into = new Uint8Array(100)
      assert.equal(o.SSL_read_early_data(server, into).ret, early === '' ? 0 : 1)
      for (let i = 0; i < 4; i++) {
        o.SSL_connect(client)
        o.SSL_read_early_data(server, into)
        o.ERR_clear_error()
      }
      assert.deepEqual(labels(), ['CLIENT_EARLY_TRAFFIC_SECRET', 'EARLY_EXPORTER_SECRET', ...handshakeLines])
    })
})

test('client hello callback: asked again, and shown the hello as it came', async () => {
  let calls = 0
  const pair = await pairOf({
    identity: 'rsa',
    cctx: (ctx) => {
      o.SSL_CTX_set_max_proto_version(ctx, o.TLS1_2_VERSION)
      o.SSL_CTX_set_cipher_list(ctx, 'AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384')
    },
    sctx: (ctx) => {
      o.SSL_CTX_set_cipher_list(ctx, 'DEFAULT')
      const look = (ssl: o.SSL, arg: unknown): number => {
        assert.equal(arg, 'arg')
        if (calls++ === 0) return o.SSL_CLIENT_HELLO_RETRY
        assert.equal(hex(o.SSL_client_hello_get0_ciphers(ssl)), '009dc02c00ff')
        assert.deepEqual(o.SSL_client_hello_get0_compression_methods(ssl), Uint8Array.of(0))
        // not offered are encrypt_then_mac's companions: these, and in this order
        assert.deepEqual(o.SSL_client_hello_get1_extensions_present(ssl), [11, 10, 35, 23, 13])
        assert.equal(o.SSL_client_hello_isv2(ssl), 0)
        return o.SSL_CLIENT_HELLO_SUCCESS
      }
      o.SSL_CTX_set_client_hello_cb(ctx, look, 'arg')
    },
  })
  await handshake(pair.client)
  const ret = await handshake(pair.server)
  assert.equal(told(pair.server, ret), '-1 WANT_CLIENT_HELLO_CB')
  assert.equal(o.SSL_get_error(pair.server, -1), o.SSL_ERROR_WANT_CLIENT_HELLO_CB)
  assert.deepEqual(await connect(pair), GOOD)
  assert.equal(calls, 2)
})

describe('server info', () => {
  const TYPE = 0x0b1e
  const v1 = Uint8Array.of(TYPE >> 8, TYPE & 255, 0, 2, 0x55, 0xaa)
  const v2 = (context: number): Uint8Array => Uint8Array.of(0, 0, context >> 8, context & 255, ...v1)
  const contexts = {
    771: o.SSL_EXT_CLIENT_HELLO | o.SSL_EXT_TLS1_2_SERVER_HELLO,
    772: o.SSL_EXT_CLIENT_HELLO | o.SSL_EXT_TLS1_3_CERTIFICATE,
  }
  const rows: readonly [
    name: string,
    form: number,
    data: (version: 0x0303 | 0x0304) => Uint8Array,
    versions: readonly (0x0303 | 0x0304)[],
  ][] = [
    ['first form', o.SSL_SERVERINFOV1, () => v1, [0x0303]],
    ['second form', o.SSL_SERVERINFOV2, (version) => v2(contexts[version]), [0x0303, 0x0304]],
  ]
  for (const [name, form, data, versions] of rows)
    for (const version of versions)
      test(title(version, name), async () => {
        const came: string[] = []
        await open({
          version,
          sctx: (ctx) => assert.equal(o.SSL_CTX_use_serverinfo_ex(ctx, form, data(version)), 1),
          cctx: (ctx) =>
            o.SSL_CTX_add_custom_ext(
              ctx,
              TYPE,
              contexts[version],
              null,
              null,
              null,
              (_ssl, type, _context, said) => {
                came.push(`${type} ${hex(said)}`)
                return 1
              },
              null,
            ),
        })
        assert.deepEqual(came, [`${TYPE} 55aa`])
      })

  test('what cannot be used', () => {
    const ctx = contextFor(false)
    for (const [form, data] of [
      [o.SSL_SERVERINFOV1, new Uint8Array(0)],
      [o.SSL_SERVERINFOV1, v1.subarray(0, 5)],
      [o.SSL_SERVERINFOV2, v1],
      [3, v1],
    ] as const) {
      assert.equal(o.SSL_CTX_use_serverinfo_ex(ctx, form, data), 0)
      assert.notEqual(o.ERR_get_error(), 0)
      o.ERR_clear_error()
    }
  })
})

describe('SSL_stateless', () => {
  const cookie = bytes('a cookie')
  const ctxOf = async (): Promise<o.SSL_CTX> => {
    const ctx = contextFor(false)
    useIdentity(ctx, (await materials()).leaf)
    return ctx
  }
  const withCookies = (ctx: o.SSL_CTX): o.SSL_CTX => {
    o.SSL_CTX_set_stateless_cookie_generate_cb(ctx, () => ({ ret: 1, cookie }))
    o.SSL_CTX_set_stateless_cookie_verify_cb(ctx, (_, came) => (hex(came) === hex(cookie) ? 1 : 0))
    return ctx
  }

  for (const groups of ['P-256', 'X448:P-256'])
    test(`-1 without callbacks, 0 for a hello without a cookie, 1 for the second; client offers ${groups}`, async () => {
      const [cctx, sctx] = [contextFor(false), await ctxOf()]
      o.SSL_CTX_set1_groups_list(cctx, groups)
      o.SSL_CTX_set1_groups_list(sctx, 'P-256')
      const bare = join(cctx, sctx)
      await handshake(bare.client)
      assert.equal(o.SSL_stateless(bare.server), -1)
      o.ERR_clear_error()

      withCookies(sctx)
      const { client, server, toServer, toClient } = join(cctx, sctx)
      assert.equal(await handshake(client), -1)
      assert.equal(o.SSL_stateless(server), 0)
      assert.equal(await handshake(client), -1)
      // another object takes the hello with the cookie: nothing was kept
      const other = o.SSL_new(sctx) as o.SSL
      o.SSL_set_accept_state(other)
      for (const bio of [toServer, toClient]) o.BIO_up_ref(bio)
      o.SSL_set_bio(other, toServer, toClient)
      assert.equal(o.SSL_stateless(other), 1)
      assert.deepEqual(await connect({ client, server: other }), GOOD)
      assert.equal(o.SSL_write(other, bytes('hi')), 2)
      assert.equal(await read(client), "2 NONE 'hi'")
    })

  test('a cookie that is not ours, or that the program does not know, ends it', async () => {
    for (const spoilt of ['mac', 'program']) {
      const sctx = withCookies(await ctxOf())
      const { client, server, toServer } = join(contextFor(false), sctx)
      await handshake(client)
      assert.equal(o.SSL_stateless(server), 0)
      await handshake(client)
      if (spoilt === 'program') o.SSL_CTX_set_stateless_cookie_verify_cb(sctx, () => 0)
      else {
        const whole = o.BIO_get_mem_data(toServer).slice()
        const at = Buffer.from(whole).indexOf(Buffer.from(cookie))
        whole[at] = (whole[at] as number) ^ 1
        o.BIO_reset(toServer)
        o.BIO_write(toServer, whole)
      }
      assert.equal(o.SSL_stateless(server), -1)
      assert.equal(told(server, -1), '-1 SSL; SSL/308 “cookie mismatch”')
    }
  })
})

describe('max_fragment_length', () => {
  for (const mode of [1, 2, 3, 4] as const)
    test(`code ${mode} stands in the hello`, async () => {
      const pair = await pairOf({ cctx: (ctx) => o.SSL_CTX_set_tlsext_max_fragment_length(ctx, mode) })
      assert.deepEqual(extensionOf(await helloOf(pair), 1), Uint8Array.of(mode))
    })
})

test('ALPN lists: 0 is success', () => {
  const ctx = contextFor(false)
  const ssl = o.SSL_new(ctx) as o.SSL
  for (const [list, ret] of [
    [[1, 97, 2, 97, 98], 0],
    [[], 0],
    [[0], 1],
    [[1, 97, 0], 1],
    [[1], 1],
    [[1, 97, 3, 98], 1],
    [[1, 97, 98], 1],
  ] as const) {
    assert.equal(o.SSL_CTX_set_alpn_protos(ctx, Uint8Array.from(list)), ret, `context: ${list}`)
    assert.equal(o.SSL_set_alpn_protos(ssl, Uint8Array.from(list)), ret, `${list}`)
  }
})

test('SNI in TLS 1.3: the first context has no certificate, the one that the name leads to has', async () => {
  let calls = 0
  const second = contextFor(false)
  useIdentity(second, (await materials()).leaf)
  const { client } = await open({
    version: 0x0304,
    identity: null,
    client: (ssl) => o.SSL_set_tlsext_host_name(ssl, 'goodhost'),
    sctx: (ctx) =>
      o.SSL_CTX_set_tlsext_servername_callback(ctx, (ssl) => {
        calls++
        assert.equal(o.SSL_get_servername(ssl, o.TLSEXT_NAMETYPE_host_name), 'goodhost')
        o.SSL_set_SSL_CTX(ssl, second)
        return o.SSL_TLSEXT_ERR_OK
      }),
  })
  assert.equal(calls, 1)
  assert.notEqual(o.SSL_get_peer_certificate(client), null)
})

describe('names of authorities', () => {
  const kinds = ['set0_CA_list', 'set_client_CA_list', 'both'] as const
  for (const version of BOTH)
    for (const kind of kinds)
      test(title(version, kind), async () => {
        const { root, middle, leaf } = await materials()
        const [one, two] = [root, middle].map(({ certificate }) => o.X509_get_subject_name(o.X509_of(certificate))) as [
          o.X509_NAME,
          o.X509_NAME,
        ]
        let seen: readonly o.X509_NAME[] | null = null
        const names = (ctx: o.SSL_CTX): void => {
          if (kind !== 'set_client_CA_list') o.SSL_CTX_set0_CA_list(ctx, [one])
          if (kind !== 'set0_CA_list') o.SSL_CTX_set_client_CA_list(ctx, [two])
        }
        await open({
          version,
          cctx: (ctx) => {
            names(ctx)
            o.SSL_CTX_set_cert_cb(
              ctx,
              (ssl) => {
                seen = o.SSL_get0_peer_CA_list(ssl)
                return 1
              },
              null,
            )
            useIdentity(ctx, leaf)
          },
          sctx: (ctx) => {
            trust(ctx, root)
            names(ctx)
            o.SSL_CTX_set_verify(ctx, o.SSL_VERIFY_PEER, null)
            o.SSL_CTX_set_cert_cb(
              ctx,
              (ssl) => {
                const told = o.SSL_get0_peer_CA_list(ssl)
                // a client names authorities in TLS 1.3 only, and its client-CA list is not for servers
                const named = version === 0x0304 && kind !== 'set_client_CA_list'
                assert.deepEqual(told?.length ?? 0, named ? 1 : 0)
                if (named) assert.equal(o.X509_NAME_cmp(told?.[0] as o.X509_NAME, one), 0)
                return 1
              },
              null,
            )
          },
        })
        const names2 = seen as unknown as o.X509_NAME[]
        assert.equal(names2.length, 1)
        assert.equal(o.X509_NAME_cmp(names2[0] as o.X509_NAME, kind === 'set0_CA_list' ? one : two), 0)
      })
})

describe('certificates by callbacks', () => {
  for (const version of BOTH)
    test(
      title(version, 'client_cert_cb satisfies a server that insists, and sees the server’s certificate'),
      async () => {
        const { leaf, root } = await materials()
        let seen = false
        await open({
          version,
          cctx: (ctx) =>
            o.SSL_CTX_set_client_cert_cb(ctx, (ssl) => {
              seen = o.SSL_get_peer_certificate(ssl) !== null
              return { ret: 1, x509: o.X509_of(leaf.certificate), pkey: new o.EVP_PKEY(leaf.key) }
            }),
          sctx: (ctx) => {
            trust(ctx, root)
            trust(ctx, { ...root, certificate: leaf.above[0] as never })
            o.SSL_CTX_set_verify(ctx, o.SSL_VERIFY_PEER | o.SSL_VERIFY_FAIL_IF_NO_PEER_CERT, null)
          },
        })
        assert.equal(seen, true)
      },
    )

  const kinds = ['fails', 'pauses', 'pauses and switches contexts', 'chain is checked', 'chain does not go'] as const
  for (const version of BOTH)
    for (const kind of kinds)
      for (const late of [false, true])
        test(title(version, `cert_cb ${kind}`, ...(late ? ['late crypto'] : [])), async () => {
          const { leaf, rsa } = await materials()
          const mine = kind === 'chain does not go' ? rsa : leaf
          const second = contextFor(late)
          useIdentity(second, mine, late)
          let calls = 0
          const pair = await pairOf({
            version,
            late,
            identity: null,
            cctx: (ctx) => {
              if (kind.startsWith('chain')) o.SSL_CTX_set1_sigalgs_list(ctx, 'ECDSA+SHA256')
            },
            sctx: (ctx) =>
              o.SSL_CTX_set_cert_cb(
                ctx,
                (ssl) => {
                  calls++
                  if (kind === 'fails') return 0
                  if (kind.startsWith('pauses')) {
                    if (calls === 1) return -1
                    if (kind.endsWith('contexts')) o.SSL_set_SSL_CTX(ssl, second)
                    else {
                      o.SSL_use_certificate(ssl, o.X509_of(leaf.certificate))
                      o.SSL_use_PrivateKey(ssl, new o.EVP_PKEY(leaf.key))
                    }
                    return 1
                  }
                  const x = o.X509_of(mine.certificate)
                  const key = new o.EVP_PKEY(mine.key)
                  const valid = (o.SSL_check_chain(ssl, x, key, []) & o.CERT_PKEY_VALID) !== 0
                  if (!valid) return 0
                  o.SSL_use_cert_and_key(ssl, x, key, [], 1)
                  return 1
                },
                null,
              ),
          })
          await handshake(pair.client)
          const first = told(pair.server, await handshake(pair.server))
          const good = kind !== 'fails' && kind !== 'chain does not go'
          if (kind.startsWith('pauses')) {
            assert.equal(first, '-1 WANT_X509_LOOKUP')
            o.ERR_clear_error()
          } else if (!good) assert.equal(first, '-1 SSL; SSL/377 “cert cb error”')
          const ended = await shake(pair)
          assert.equal(ended.join() === GOOD.join(), good, ended.join())
          if (kind.startsWith('pauses')) assert.equal(calls, 2)
        })
})

describe('hellos', () => {
  test('a name is sent, set before the role or after it; a server forgets it', async () => {
    for (const before of [true, false]) {
      const ssl = o.SSL_new(contextFor(false)) as o.SSL
      const out = o.BIO_new(o.BIO_s_mem()) as o.BIO
      if (before) o.SSL_set_tlsext_host_name(ssl, 'dummy.example')
      o.SSL_set_connect_state(ssl)
      if (!before) o.SSL_set_tlsext_host_name(ssl, 'dummy.example')
      o.SSL_set_bio(ssl, o.BIO_new(o.BIO_s_mem()), out)
      await call(ssl, () => o.SSL_do_handshake(ssl))
      const sent = extensionOf(readHello(o.BIO_get_mem_data(out).slice(5)), 0) as Uint8Array
      assert.equal(new TextDecoder().decode(sent.slice(5)), 'dummy.example')
    }
  })

  test('the default lists, and an unknown name alone', async () => {
    const ctx = contextFor(false)
    for (const list of [ctx, o.SSL_new(ctx) as o.SSL]) {
      const set = (text: string): number =>
        list.kind === 'SSL' ? o.SSL_set_cipher_list(list, text) : o.SSL_CTX_set_cipher_list(list, text)
      assert.equal(set('BOGUS'), 0)
      assert.equal(o.ERR_GET_REASON(o.ERR_get_error()), 185)
    }
  })
})
