import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as o from '../../src/openssl/index.ts'
import { materials, useIdentity } from '../openssl/bench.ts'
import { type Extension, isRetry, readExtensions, readHello } from './hello.ts'
import type { Passing } from './surgeon.ts'
import { type Talk, talk } from './talk.ts'

/**
 * Which messages pass in which order, and which extensions are in them, for every kind of handshake: what OpenSSL's
 * test_sslmessages and test_tls13messages look at.
 */

/** Messages as one line: the server's with `<`; ChangeCipherSpec left out in TLS 1.3, where it means nothing. */
const story = (passed: readonly Passing[], version: number): string =>
  passed
    .filter(({ name }) => name !== 'data' && !(version === 0x0304 && name === 'changeCipherSpec'))
    .map(({ from, name }) => `${from === 'server' ? '<' : ''}${name}`)
    .join(' ')

const named = (passed: readonly Passing[], name: string, nth = 0): Passing =>
  passed.filter((one) => one.name === name)[nth] as Passing
const extensionsOf = ({ name, raw }: Passing): number[] => {
  const block: readonly Extension[] =
    name === 'encryptedExtensions' ? readExtensions(raw.subarray(6)) : (readHello(raw).extensions ?? [])
  return block.map(({ type }) => type)
}

const SNI = 0
const STATUS = 5
const GROUPS = 10
const POINTS = 11
const SIGALGS = 13
const ALPN = 16
const SCT = 18
const ETM = 22
const EMS = 23
const TICKET = 35
const PSK = 41
const VERSIONS = 43
const COOKIE = 44
const KEX_MODES = 45
const SHARE = 51
const RENEGOTIATION = 0xff01

const full12 =
  'clientHello <serverHello <certificate <serverKeyExchange <serverHelloDone clientKeyExchange changeCipherSpec finished <newSessionTicket <changeCipherSpec <finished'
const resumed12 = 'clientHello <serverHello <changeCipherSpec <finished changeCipherSpec finished'
const full13 =
  'clientHello <serverHello <encryptedExtensions <certificate <certificateVerify <finished finished <newSessionTicket <newSessionTicket'
const resumed13 = 'clientHello <serverHello <encryptedExtensions <finished finished <newSessionTicket'
const insist = (ctx: o.SSL_CTX): void => o.SSL_CTX_set_verify(ctx, o.SSL_VERIFY_PEER, null)
const stapling: Pick<Talk, 'client' | 'server'> = {
  client: (ctx) => o.SSL_CTX_set_tlsext_status_type(ctx, o.TLSEXT_STATUSTYPE_ocsp),
  server: (ctx) =>
    o.SSL_CTX_set_tlsext_status_cb(ctx, (ssl) => {
      o.SSL_set_tlsext_status_ocsp_resp(ssl, Uint8Array.of(1, 2, 3))
      return o.SSL_TLSEXT_ERR_OK
    }),
}
const asking = stapling.client && { client: stapling.client }
const giving = stapling.server && { server: stapling.server }
const alpn = Uint8Array.of(4, ...new TextEncoder().encode('test'))
const withAlpn = (server: boolean): Pick<Talk, 'client' | 'server'> => ({
  client: (ctx) => o.SSL_CTX_set_alpn_protos(ctx, alpn),
  ...(server && {
    server: (ctx: o.SSL_CTX) =>
      o.SSL_CTX_set_alpn_select_cb(ctx, () => ({ ret: o.SSL_TLSEXT_ERR_OK, selected: alpn.subarray(1) }), null),
  }),
})

interface Row extends Talk {
  readonly name: string
  readonly story: string
  /** Extensions that must be in a message, and those that must not: negative. */
  readonly has: Readonly<Record<string, readonly number[]>>
}
const not = (...types: readonly number[]): number[] => types.map((type) => -type - 1)

const rows: { readonly [version: number]: readonly Row[] } = {
  771: [
    {
      name: 'default',
      story: full12,
      has: {
        clientHello: [GROUPS, POINTS, SIGALGS, TICKET, EMS, ...not(SNI, STATUS, ALPN, SCT, VERSIONS, SHARE, PSK)],
        serverHello: [RENEGOTIATION, TICKET, EMS, POINTS, ...not(SNI, STATUS, ALPN, ETM)],
      },
    },
    {
      name: 'resumed',
      resume: true,
      story: resumed12,
      has: { clientHello: [TICKET], serverHello: [RENEGOTIATION, EMS, ...not(TICKET)] },
    },
    {
      name: 'status asked for, and not given',
      ...asking,
      story: full12,
      has: { clientHello: [STATUS], serverHello: not(STATUS) },
    },
    {
      name: 'status given, and not asked for',
      ...giving,
      story: full12,
      has: { clientHello: not(STATUS), serverHello: not(STATUS) },
    },
    {
      name: 'status asked for and given',
      ...stapling,
      story: full12.replace('<serverKeyExchange', '<certificateStatus <serverKeyExchange'),
      has: { clientHello: [STATUS], serverHello: [STATUS] },
    },
    {
      name: 'client asked for a certificate, without one',
      server: insist,
      story: full12.replace('<serverHelloDone ', '<certificateRequest <serverHelloDone certificate '),
      has: {},
    },
    {
      name: 'client authentication',
      server: insist,
      story: full12
        .replace('<serverHelloDone ', '<certificateRequest <serverHelloDone certificate ')
        .replace('clientKeyExchange ', 'clientKeyExchange certificateVerify '),
      has: {},
    },
    {
      name: 'server name',
      clientSsl: (ssl) => o.SSL_set_tlsext_host_name(ssl, 'localhost'),
      story: full12,
      has: { clientHello: [SNI], serverHello: not(SNI) },
    },
    {
      name: 'server name, and a callback that knows it',
      clientSsl: (ssl) => o.SSL_set_tlsext_host_name(ssl, 'localhost'),
      server: (ctx) => o.SSL_CTX_set_tlsext_servername_callback(ctx, () => o.SSL_TLSEXT_ERR_OK),
      story: full12,
      has: { clientHello: [SNI], serverHello: [SNI] },
    },
    {
      name: 'ALPN of the client alone',
      ...withAlpn(false),
      story: full12,
      has: { clientHello: [ALPN], serverHello: not(ALPN) },
    },
    { name: 'ALPN', ...withAlpn(true), story: full12, has: { clientHello: [ALPN], serverHello: [ALPN] } },
    {
      name: 'CBC, which is encrypted before it is authenticated',
      client: (ctx) => o.SSL_CTX_set_cipher_list(ctx, 'ECDHE-ECDSA-AES128-SHA'),
      server: (ctx) => o.SSL_CTX_set_cipher_list(ctx, 'DEFAULT'),
      story: full12,
      has: { clientHello: [ETM], serverHello: [ETM] },
    },
    {
      name: 'static RSA: nothing of curves',
      rsa: true,
      client: (ctx) => o.SSL_CTX_set_cipher_list(ctx, 'AES128-GCM-SHA256'),
      server: (ctx) => o.SSL_CTX_set_cipher_list(ctx, 'DEFAULT'),
      story: full12.replace('<serverKeyExchange ', ''),
      has: { clientHello: not(POINTS), serverHello: not(POINTS) },
    },
    {
      name: 'no tickets',
      server: (ctx) => o.SSL_CTX_set_options(ctx, o.SSL_OP_NO_TICKET),
      story: full12.replace('<newSessionTicket ', ''),
      has: { clientHello: [TICKET], serverHello: not(TICKET) },
    },
  ],
  772: [
    {
      name: 'default',
      story: full13,
      has: {
        clientHello: [GROUPS, SIGALGS, VERSIONS, KEX_MODES, SHARE, ...not(SNI, STATUS, ALPN, SCT, PSK, COOKIE)],
        serverHello: [VERSIONS, SHARE, ...not(PSK, SNI, EMS, RENEGOTIATION, TICKET)],
        encryptedExtensions: not(SNI, ALPN, VERSIONS, SHARE, EMS, RENEGOTIATION),
      },
    },
    {
      name: 'resumed',
      resume: true,
      story: resumed13,
      has: { clientHello: [PSK, KEX_MODES, SHARE], serverHello: [PSK, SHARE] },
    },
    {
      name: 'status asked for, and not given',
      ...asking,
      story: full13,
      has: { clientHello: [STATUS], encryptedExtensions: not(STATUS) },
    },
    { name: 'status given, and not asked for', ...giving, story: full13, has: { clientHello: not(STATUS) } },
    {
      name: 'status asked for and given',
      ...stapling,
      story: full13,
      has: { clientHello: [STATUS], encryptedExtensions: not(STATUS) },
    },
    {
      name: 'client asked for a certificate, without one',
      server: insist,
      story: full13
        .replace('<encryptedExtensions', '<encryptedExtensions <certificateRequest')
        .replace('<finished finished', '<finished certificate finished'),
      has: {},
    },
    {
      name: 'client authentication',
      server: insist,
      story: full13
        .replace('<encryptedExtensions', '<encryptedExtensions <certificateRequest')
        .replace('<finished finished', '<finished certificate certificateVerify finished'),
      has: {},
    },
    {
      name: 'server name',
      clientSsl: (ssl) => o.SSL_set_tlsext_host_name(ssl, 'localhost'),
      story: full13,
      has: { clientHello: [SNI], encryptedExtensions: not(SNI) },
    },
    {
      name: 'server name, and a callback that knows it',
      clientSsl: (ssl) => o.SSL_set_tlsext_host_name(ssl, 'localhost'),
      server: (ctx) => o.SSL_CTX_set_tlsext_servername_callback(ctx, () => o.SSL_TLSEXT_ERR_OK),
      story: full13,
      has: { clientHello: [SNI], encryptedExtensions: [SNI], serverHello: not(SNI) },
    },
    {
      name: 'ALPN of the client alone',
      ...withAlpn(false),
      story: full13,
      has: { clientHello: [ALPN], encryptedExtensions: not(ALPN) },
    },
    {
      name: 'ALPN',
      ...withAlpn(true),
      story: full13,
      has: { clientHello: [ALPN], encryptedExtensions: [ALPN], serverHello: not(ALPN) },
    },
    {
      name: 'HelloRetryRequest',
      server: (ctx) => o.SSL_CTX_set1_groups_list(ctx, 'P-384'),
      story: full13.replace('clientHello', 'clientHello <helloRetryRequest clientHello'),
      has: { helloRetryRequest: [VERSIONS, SHARE, ...not(COOKIE, PSK)], serverHello: [VERSIONS, SHARE] },
    },
    {
      name: 'HelloRetryRequest, resumed',
      resume: true,
      server: (ctx) => o.SSL_CTX_set1_groups_list(ctx, 'P-384'),
      story: resumed13.replace('clientHello', 'clientHello <helloRetryRequest clientHello'),
      has: { helloRetryRequest: [VERSIONS, SHARE, ...not(PSK)], serverHello: [PSK, SHARE] },
    },
  ],
}

for (const version of [0x0303, 0x0304])
  describe(`messages of TLS 1.${version - 0x0301}`, () => {
    for (const row of rows[version] as readonly Row[])
      test(row.name, async () => {
        const { leaf } = await materials()
        const client = row.name === 'client authentication' ? (ctx: o.SSL_CTX) => useIdentity(ctx, leaf) : row.client
        const { surgeon, ended } = await talk(version, { ...row, ...(client && { client }) })
        assert.deepEqual(
          ended.map(([first]) => first),
          ['1 NONE', '1 NONE'],
        )
        assert.equal(story(surgeon.passed, version), row.story)
        for (const [name, wanted] of Object.entries(row.has)) {
          const found = extensionsOf(named(surgeon.passed, name))
          for (const type of wanted)
            assert.equal(found.includes(type < 0 ? -type - 1 : type), type >= 0, `${type} in ${name}: ${found}`)
        }
      })
  })

describe('ChangeCipherSpec of TLS 1.3 (middlebox compatibility)', () => {
  const off = (ctx: o.SSL_CTX): void => void o.SSL_CTX_clear_options(ctx, o.SSL_OP_ENABLE_MIDDLEBOX_COMPAT)
  const retry = (ctx: o.SSL_CTX): void => void o.SSL_CTX_set1_groups_list(ctx, 'P-384')
  for (const hrr of [false, true])
    for (const disabled of ['neither', 'client', 'server'])
      test(`${hrr ? 'HelloRetryRequest' : 'full'}, switched off at ${disabled}`, async () => {
        const { surgeon } = await talk(0x0304, {
          client: (ctx) => {
            if (disabled === 'client') off(ctx)
          },
          server: (ctx) => {
            if (disabled === 'server') off(ctx)
            if (hrr) retry(ctx)
          },
        })
        const of = (from: string): number =>
          surgeon.passed.filter((one) => one.name === 'changeCipherSpec' && one.from === from).length
        // each side sends one at most; a server only to a client that asked for it by a session id (RFC 9846 appendix E.4)
        assert.deepEqual([of('client'), of('server')], [disabled === 'client' ? 0 : 1, disabled === 'neither' ? 1 : 0])
        const hellos = surgeon.passed.filter(({ name }) => name === 'clientHello').map(({ raw }) => readHello(raw))
        assert.equal(hellos[0]?.sessionId.length, disabled === 'client' ? 0 : 32)
        for (const one of hellos) assert.deepEqual(one.sessionId, hellos[0]?.sessionId)
        for (const { raw } of surgeon.passed.filter(({ name }) => name === 'serverHello'))
          assert.deepEqual(readHello(raw).sessionId, hellos[0]?.sessionId)
        const order = surgeon.passed.map(({ from, name }) => `${from} ${name}`)
        const first = order.indexOf('client changeCipherSpec')
        if (first !== -1) assert.ok(first > order.indexOf(hrr ? 'server helloRetryRequest' : 'server serverHello'))
        assert.equal(
          surgeon.passed.some(({ name, raw }) => name === 'helloRetryRequest' && isRetry(readHello(raw))),
          hrr,
        )
      })
})
