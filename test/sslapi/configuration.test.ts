import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as path } from 'node:path'
import { describe, test } from 'node:test'
import * as o from '../../src/openssl/index.ts'
import { connected, contextFor, materials, pairOf, queue, shake, trust } from '../openssl/bench.ts'
import { GOOD } from './connect.ts'

/** What can be set, on contexts and on connections, and in which order. */

describe('suites of TLS 1.3 and the list of TLS 1.2', () => {
  const orders = [
    'context',
    'context, list first',
    'connection',
    'connection, list first',
    'list on the connection',
  ] as const
  for (const version of [0x0304, 0x0303])
    for (const order of orders)
      test(`TLS 1.${version - 0x0301}: ${order}`, async () => {
        const suites13 = 'TLS_AES_128_GCM_SHA256'
        const list12 = 'ECDHE-ECDSA-AES256-GCM-SHA384'
        const { client } = await connected({
          version,
          cctx: (ctx) => {
            if (order === 'context, list first' || order === 'connection')
              assert.equal(o.SSL_CTX_set_cipher_list(ctx, list12), 1)
            if (!order.startsWith('connection')) assert.equal(o.SSL_CTX_set_ciphersuites(ctx, suites13), 1)
            if (order === 'context') assert.equal(o.SSL_CTX_set_cipher_list(ctx, list12), 1)
          },
          client: (ssl) => {
            if (order === 'connection, list first' || order === 'list on the connection')
              assert.equal(o.SSL_set_cipher_list(ssl, list12), 1)
            if (order.startsWith('connection')) assert.equal(o.SSL_set_ciphersuites(ssl, suites13), 1)
          },
        })
        assert.equal(o.SSL_get_cipher(client), version === 0x0304 ? suites13 : list12)
      })

  const shared: readonly [
    version: number,
    clientList: string,
    clientSuites: string,
    serverList: string,
    serverSuites: string,
    both: RegExp,
  ][] = [
    [
      0x0303,
      'AES128-SHA:AES256-SHA',
      '',
      'AES256-SHA:DHE-RSA-AES128-SHA:AES128-SHA',
      '',
      /^AES128-SHA:AES256-SHA$|^AES256-SHA:AES128-SHA$/,
    ],
    [
      0x0304,
      'AES128-SHA',
      'TLS_AES_256_GCM_SHA384',
      'AES128-SHA',
      'TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256',
      /^TLS_AES_256_GCM_SHA384(:AES128-SHA)?$/,
    ],
    [
      0x0304,
      'AES128-SHA',
      'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384',
      'AES128-SHA',
      'TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256',
      /^TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384(:AES128-SHA)?$/,
    ],
  ]
  for (const [version, clientList, clientSuites, serverList, serverSuites, both] of shared)
    test(`shared: ${clientSuites || clientList} with ${serverSuites || serverList}`, async () => {
      const set = (list: string, suites: string) => (ctx: o.SSL_CTX) => {
        o.SSL_CTX_set_cipher_list(ctx, list)
        if (suites !== '') o.SSL_CTX_set_ciphersuites(ctx, suites)
      }
      const { server } = await connected({
        version,
        identity: 'rsa',
        cctx: set(clientList, clientSuites),
        sctx: set(serverList, serverSuites),
      })
      assert.match(o.SSL_get_shared_ciphers(server) ?? '', both)
    })
})

describe('signature algorithms', () => {
  const SHA256 = 672
  const SHA1 = 64
  const RSA = 6
  const EC = 408
  const lists: readonly [list: string, ret: 0 | 1, connects: boolean][] = [
    ['ECDSA+SHA256', 1, true],
    ['RSA+SHA256', 1, false],
    ['RSA+SHA256:ECDSA+SHA256', 1, true],
    ['ecdsa_secp256r1_sha256', 1, true],
    ['ECDSA+SHA256:ECDSA+SHA256', 0, true],
    ['BOGUS+SHA256', 0, true],
    ['ECDSA+BOGUS', 0, true],
    ['ECDSA', 0, true],
    ['', 0, true],
    ['ECDSA+SHA256:', 0, true],
  ]
  const nids: readonly [nids: readonly number[], ret: 0 | 1, connects: boolean][] = [
    [[SHA256, EC], 1, true],
    [[SHA256, RSA], 1, false],
    [[SHA256, RSA, SHA256, EC], 1, true],
    [[SHA1, RSA], 1, false],
    [[SHA256], 0, true],
    [[0, 0], 0, true],
    [[RSA, SHA256], 0, true],
    [[], 0, true],
  ]
  for (const [name, cases] of [
    ['strings', lists.map(([list, ret, connects]) => [list, ret, connects] as const)],
    ['NIDs', nids],
  ] as const)
    for (const on of ['context', 'connection'])
      for (const [value, ret, connects] of cases)
        test(`${name} on the ${on}: ${value} gives ${ret}`, async () => {
          const set = (target: o.SSL_CTX | o.SSL): number => {
            if (typeof value === 'string')
              return target.kind === 'SSL'
                ? o.SSL_set1_sigalgs_list(target, value)
                : o.SSL_CTX_set1_sigalgs_list(target, value)
            return target.kind === 'SSL' ? o.SSL_set1_sigalgs(target, value) : o.SSL_CTX_set1_sigalgs(target, value)
          }
          const pair = await pairOf({
            version: 0x0303,
            cctx: (ctx) => {
              if (on === 'context') assert.equal(set(ctx), ret)
            },
            client: (ssl) => {
              if (on === 'connection') assert.equal(set(ssl), ret)
            },
          })
          assert.equal((await shake(pair)).join() === GOOD.join(), connects)
        })
})

test('what a peer takes and what both take (SSL_get_sigalgs, SSL_get_shared_sigalgs)', async () => {
  const { server } = await connected({
    version: 0x0304,
    cctx: (ctx) => o.SSL_CTX_set1_sigalgs_list(ctx, 'ECDSA+SHA256:rsa_pss_rsae_sha384'),
  })
  assert.equal(o.SSL_get_sigalgs(server, -1).ret, 2)
  assert.deepEqual(o.SSL_get_sigalgs(server, 0), { ret: 2, sign: 408, hash: 672, signandhash: 794, rsig: 3, rhash: 4 })
  assert.equal(o.SSL_get_shared_sigalgs(server, 1).rhash, 8)
  assert.equal(o.SSL_get_sigalgs(server, 2).ret, 0)
})

describe('stores and parameters', () => {
  test('stores for verifying and for chains, on contexts and connections', () => {
    const ctx = contextFor(false)
    const [a, b] = [o.X509_STORE_new(), o.X509_STORE_new()]
    assert.deepEqual([o.SSL_CTX_get0_verify_cert_store(ctx), o.SSL_CTX_get0_chain_cert_store(ctx)], [null, null])
    assert.equal(o.SSL_CTX_set1_verify_cert_store(ctx, a), 1)
    assert.equal(o.SSL_CTX_set1_chain_cert_store(ctx, b), 1)
    assert.deepEqual([o.SSL_CTX_get0_verify_cert_store(ctx), o.SSL_CTX_get0_chain_cert_store(ctx)], [a, b])
    const ssl = o.SSL_new(ctx) as o.SSL
    assert.deepEqual([o.SSL_get0_verify_cert_store(ssl), o.SSL_get0_chain_cert_store(ssl)], [a, b])
    assert.equal(o.SSL_set1_verify_cert_store(ssl, b), 1)
    assert.equal(o.SSL_get0_verify_cert_store(ssl), b)
    assert.equal(o.SSL_CTX_get0_verify_cert_store(ctx), a)
  })

  test('parameters of a context pass to its connections', async () => {
    const { root } = await materials()
    const outcome = async (name: string) => {
      const pair = await pairOf({
        cctx: (ctx) => {
          trust(ctx, root)
          o.SSL_CTX_set_verify(ctx, o.SSL_VERIFY_PEER, null)
          const param = o.SSL_CTX_get0_param(ctx)
          assert.equal(o.X509_VERIFY_PARAM_set1_host(param, name), 1)
          o.X509_VERIFY_PARAM_set_hostflags(param, o.X509_CHECK_FLAG_NEVER_CHECK_SUBJECT)
        },
      })
      assert.equal(
        o.X509_VERIFY_PARAM_get_hostflags(o.SSL_get0_param(pair.client)),
        o.X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
      )
      return (await shake(pair))[0]
    }
    assert.equal(await outcome('server.example'), '1 NONE')
    assert.equal(await outcome('other.example'), '-1 SSL; SSL/134 “certificate verify failed”')
  })

  test('addresses, times, depths and flags', () => {
    const param = o.X509_VERIFY_PARAM_new()
    assert.equal(o.X509_VERIFY_PARAM_set1_ip(param, Uint8Array.of(127, 0, 0, 1)), 1)
    assert.equal(o.X509_VERIFY_PARAM_set1_ip(param, new Uint8Array(16)), 1)
    assert.equal(o.X509_VERIFY_PARAM_set1_ip(param, new Uint8Array(5)), 0)
    assert.equal(o.X509_VERIFY_PARAM_set1_ip_asc(param, '::1'), 1)
    assert.equal(o.X509_VERIFY_PARAM_set1_ip_asc(param, 'example.org'), 0)
    o.X509_VERIFY_PARAM_set_time(param, 1_000_000)
    assert.equal(o.X509_VERIFY_PARAM_get_time(param), 1_000_000)
    o.X509_VERIFY_PARAM_set_depth(param, 3)
    assert.equal(o.X509_VERIFY_PARAM_get_depth(param), 3)
    assert.equal(o.X509_VERIFY_PARAM_set_flags(param, o.X509_V_FLAG_PARTIAL_CHAIN), 1)
    assert.equal(o.X509_VERIFY_PARAM_set_flags(param, 4), 0)
    assert.match(queue().join(), /0x4/)
    const ctx = contextFor(false)
    assert.equal(o.SSL_CTX_set1_param(ctx, param), 1)
    assert.equal(o.SSL_CTX_get_verify_depth(ctx), 3)
  })
})

test('SSL_CTX_config: what a file has under a name', () => {
  const folder = mkdtempSync(path(tmpdir(), 'typetls-'))
  try {
    const file = path(folder, 'openssl.cnf')
    writeFileSync(
      file,
      [
        'openssl_conf = start # comment',
        'min_version = TLSv1.3',
        '[start]',
        'ssl_conf = those',
        '[those]',
        'good = good_section',
        'bad = bad_section',
        '[good_section]',
        'MinProtocol = $min_version',
        'A.Options = \\',
        '  -SessionTicket',
        '[bad_section]',
        'MinProtocol = TLSv9',
      ].join('\n'),
    )
    const ctx = contextFor(false)
    assert.equal(o.SSL_CTX_config(ctx, 'good'), 0)
    assert.deepEqual(queue(), ['SSL/113 “invalid configuration name”', 'name=good'])
    assert.equal(o.CONF_modules_load_file(path(folder, 'none'), null, 0), 0)
    assert.equal(queue()[0], 'SYS/2 “No such file or directory”')
    assert.equal(o.CONF_modules_load_file(path(folder, 'none'), null, o.CONF_MFLAGS_IGNORE_MISSING_FILE), 1)
    assert.equal(o.CONF_modules_load_file(file, null, 0), 1)
    assert.equal(o.SSL_CTX_config(ctx, 'good'), 1)
    assert.equal(o.SSL_CTX_get_min_proto_version(ctx), o.TLS1_3_VERSION)
    assert.notEqual(o.SSL_CTX_get_options(ctx) & o.SSL_OP_NO_TICKET, 0)
    assert.equal(o.SSL_config(o.SSL_new(ctx) as o.SSL, 'bad'), 0)
    assert.match(queue().join(), /SSL\/384 “bad value”,section=bad_section|section=bad, cmd=MinProtocol, arg=TLSv9/)
  } finally {
    o.CONF_modules_unload(1)
    rmSync(folder, { recursive: true })
  }
})

test('SSL_trace and sessions as text', async () => {
  const out = o.BIO_new(o.BIO_s_mem()) as o.BIO
  const { client } = await connected({
    version: 0x0303,
    cctx: (ctx) => {
      o.SSL_CTX_set_msg_callback(ctx, o.SSL_trace)
      o.SSL_CTX_set_msg_callback_arg(ctx, out)
    },
  })
  const text = new TextDecoder().decode(o.BIO_get_mem_data(out))
  for (const line of [
    'Sent Record',
    'Received Record',
    'Version = TLS 1.0 (0x301)',
    'ClientHello, Length=',
    'ServerHelloDone',
    'change_cipher_spec (1)',
    'extensions.supportedGroups',
  ])
    assert.ok(text.includes(line), line)
  o.BIO_reset(out)
  const session = o.SSL_get_session(client) as o.SSL_SESSION
  assert.equal(o.SSL_SESSION_print(out, session), 1)
  assert.match(new TextDecoder().decode(o.BIO_get_mem_data(out)), /Protocol {2}: TLSv1\.2\n.*Cipher {4}: ECDHE-ECDSA/)
  o.BIO_reset(out)
  assert.equal(o.PEM_write_bio_SSL_SESSION(out, session), 1)
  const again = o.PEM_read_bio_SSL_SESSION(out) as o.SSL_SESSION
  assert.deepEqual(o.SSL_SESSION_get_master_key(again), o.SSL_SESSION_get_master_key(session))
  assert.equal(o.PEM_read_bio_SSL_SESSION(out), null)
  assert.deepEqual(queue(), ['PEM/108 “no start line”'])
})
