import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { concat } from '../../src/bytes/compare.ts'
import * as o from '../../src/openssl/index.ts'
import { materials, useIdentity } from '../openssl/bench.ts'
import { encryptedExtensions, extensionOf, hello, message, readHello, u8, u16, withExtension } from './hello.ts'
import { ALERT, type Editor, HANDSHAKE, on } from './surgeon.ts'
import { type Talk, talk } from './talk.ts'

/**
 * What becomes of messages that somebody has changed on their way: the behaviours that OpenSSL's TLSProxy recipes
 * (test/recipes/70-test_*.t) look at, by recipe. Transcripts and signatures are mended, so what is refused is what is said.
 */

interface Row extends Omit<Talk, 'wishes'> {
  readonly name: string
  readonly version: number
  readonly edit?: Editor
  readonly wishes?: Talk['wishes']
  /** How the client and the server ended. */
  readonly says: readonly [client: string | RegExp, server: string | RegExp]
  readonly check?: (t: Awaited<ReturnType<typeof talk>>) => void
}

const GOOD = ['1 NONE', '1 NONE'] as const
const alerted = (code: number): RegExp =>
  new RegExp(`SSL/1${String(code).padStart(3, '0')} .*SSL alert number ${code}$`)
/** The server refuses with that alert and reason, or the client does. */
const server = (alert: number, reason: number): Row['says'] => [alerted(alert), new RegExp(`^-1 SSL; SSL/${reason} `)]
const client = (alert: number, reason: number): Row['says'] => [
  new RegExp(`^(?:-1|0) SSL; SSL/${reason} `),
  alerted(alert),
]

const flip = (raw: Uint8Array, at = -1): Uint8Array =>
  raw.with(at < 0 ? raw.length + at : at, (raw.at(at) as number) ^ 1)
const list = (...values: readonly number[]): Uint8Array => concat(u16(2 * values.length), ...values.map(u16))
const versions = (...values: readonly number[]): Uint8Array => concat(u8(2 * values.length), ...values.map(u16))
const doubled = hello(({ extensions = [] }) => ({ extensions: [...extensions, extensions[0] as never] }))

const GROUPS = 10
const SIGALGS = 13
const EMS = 23
const TICKET = 35
const PSK = 41
const VERSIONS = 43
const COOKIE = 44
const KEX_MODES = 45
const SIGALGS_CERT = 50
const RENEGOTIATION = 0xff01
const UNKNOWN = 0x1a1a

const { leaf } = await materials()
const withCertificate = (ctx: o.SSL_CTX): void => useIdentity(ctx, leaf)
const kRSA: Pick<Row, 'rsa' | 'client' | 'server'> = {
  rsa: true,
  client: (ctx) => o.SSL_CTX_set_cipher_list(ctx, 'AES128-GCM-SHA256'),
  server: (ctx) => o.SSL_CTX_set_cipher_list(ctx, 'DEFAULT'),
}
const retried = (ctx: o.SSL_CTX): void => void o.SSL_CTX_set1_groups_list(ctx, 'P-384')
const insist = (ctx: o.SSL_CTX): void => o.SSL_CTX_set_verify(ctx, o.SSL_VERIFY_PEER, null)
/** The binders of the session that is offered are made anew. */
const bound =
  (edit: Editor): NonNullable<Talk['wishes']> =>
  (session) => ({
    edit,
    psk: { secret: o.SSL_SESSION_get_master_key(session as o.SSL_SESSION), hash: 'sha384', origin: 'res' },
  })
const reused =
  (wanted: 0 | 1): NonNullable<Row['check']> =>
  ({ client, server }) =>
    assert.deepEqual([o.SSL_session_reused(client), o.SSL_session_reused(server)], [wanted, wanted])
const speaks =
  (version: number): NonNullable<Row['check']> =>
  ({ client, server }) =>
    assert.deepEqual([o.SSL_version(client), o.SSL_version(server)], [version, version])

const recipes: Readonly<Record<string, readonly Row[]>> = {
  sslextension: [
    {
      name: 'a double extension of the client',
      version: 0x0304,
      edit: on('clientHello', doubled),
      says: server(47, 110),
    },
    {
      name: 'a double extension of the server, TLS 1.3',
      version: 0x0304,
      edit: on('serverHello', doubled),
      says: client(47, 110),
    },
    {
      name: 'a double extension of the server, TLS 1.2',
      version: 0x0303,
      edit: on('serverHello', doubled),
      says: client(47, 110),
    },
    {
      name: 'an empty block',
      version: 0x0303,
      ...kRSA,
      edit: on(
        'clientHello',
        hello(() => ({ extensions: [] })),
      ),
      says: GOOD,
    },
    {
      name: 'no block at all',
      version: 0x0303,
      ...kRSA,
      edit: on(
        'clientHello',
        hello(() => ({ extensions: undefined })),
      ),
      says: GOOD,
    },
    {
      name: 'an answer nobody asked for, TLS 1.2',
      version: 0x0303,
      edit: on('serverHello', withExtension(UNKNOWN, u8(1))),
      says: client(110, 217),
    },
    {
      name: 'an answer nobody asked for, in ServerHello',
      version: 0x0304,
      edit: on('serverHello', withExtension(UNKNOWN, u8(1))),
      says: client(110, 217),
    },
    {
      name: 'an answer nobody asked for, in EncryptedExtensions',
      version: 0x0304,
      edit: on(
        'encryptedExtensions',
        encryptedExtensions((all) => [...all, { type: UNKNOWN, data: u8(1) }]),
      ),
      says: client(110, 217),
    },
    {
      name: 'supported_groups of a TLS 1.2 server are tolerated',
      version: 0x0303,
      edit: on('serverHello', withExtension(GROUPS, list(0x17))),
      says: GOOD,
    },
  ],
  sslversions: [
    {
      name: 'an empty list',
      version: 0x0304,
      edit: on('clientHello', withExtension(VERSIONS, u8(0))),
      says: server(50, 159),
    },
    {
      name: 'nothing that is known',
      version: 0x0304,
      edit: on('clientHello', withExtension(VERSIONS, versions(0x0305))),
      says: server(70, 258),
    },
    {
      name: 'none, from a client that offered TLS 1.3: it sees that somebody took it out',
      version: 0x0304,
      edit: on('clientHello', withExtension(VERSIONS, undefined)),
      says: client(47, 373),
    },
    {
      name: 'none, from a client of TLS 1.2',
      version: 0x0304,
      clientSsl: (ssl) => o.SSL_set_max_proto_version(ssl, 0x0303),
      edit: on('clientHello', withExtension(VERSIONS, undefined)),
      says: GOOD,
      check: speaks(0x0303),
    },
    {
      name: 'one from the future, and TLS 1.3',
      version: 0x0304,
      edit: on('clientHello', withExtension(VERSIONS, versions(0x0305, 0x0304))),
      says: GOOD,
      check: speaks(0x0304),
    },
    {
      name: 'the best one last',
      version: 0x0304,
      edit: on('clientHello', withExtension(VERSIONS, versions(0x0301, 0x0303, 0x0304))),
      says: GOOD,
      check: speaks(0x0304),
    },
    {
      name: 'SSL 3 in the old field means nothing beside the list',
      version: 0x0304,
      edit: on(
        'clientHello',
        hello(() => ({ version: 0x0300 })),
      ),
      says: GOOD,
      check: speaks(0x0304),
    },
    {
      name: 'versions of an odd length',
      version: 0x0304,
      edit: on('clientHello', withExtension(VERSIONS, Uint8Array.of(3, 3, 4, 3))),
      says: server(50, 160),
    },
  ],
  sslvertol: [
    {
      name: 'a version above ours',
      version: 0x0303,
      edit: on(
        'clientHello',
        hello(() => ({ version: 0x0304 })),
      ),
      says: GOOD,
      check: speaks(0x0303),
    },
    {
      name: 'a version below ours',
      version: 0x0303,
      edit: on(
        'clientHello',
        hello(() => ({ version: 0x0300 })),
      ),
      says: server(70, 258),
    },
  ],
  tls13downgrade: [
    {
      name: 'to TLS 1.2',
      version: 0x0304,
      edit: on('clientHello', withExtension(VERSIONS, versions(0x0303))),
      says: client(47, 373),
    },
    {
      name: 'a client of TLS 1.2 does not look',
      version: 0x0304,
      clientSsl: (ssl) => o.SSL_set_max_proto_version(ssl, 0x0303),
      says: GOOD,
      check: speaks(0x0303),
    },
    {
      name: 'a server of TLS 1.2 says nothing',
      version: 0x0304,
      serverSsl: (ssl) => o.SSL_set_max_proto_version(ssl, 0x0303),
      says: GOOD,
      check: speaks(0x0303),
    },
    {
      name: 'and a fallback signal',
      version: 0x0304,
      edit: on('clientHello', (raw) =>
        hello(({ suites }) => ({ suites: [...suites, 0x5600] }))(withExtension(VERSIONS, versions(0x0303))(raw)),
      ),
      says: server(86, 373),
    },
  ],
  tls13hrr: [
    {
      name: 'another suite than before',
      version: 0x0304,
      server: retried,
      edit: on(
        'serverHello',
        hello(() => ({ suites: [0x1301] })),
      ),
      says: client(47, 261),
    },
    {
      name: 'a second one',
      version: 0x0304,
      server: retried,
      edit: (() => {
        let first: Uint8Array | undefined
        return ({ name, raw }) => {
          if (name === 'helloRetryRequest') first = raw
          return name === 'serverHello' ? first : undefined
        }
      })(),
      says: client(10, 244),
    },
    {
      name: 'one that asks for nothing',
      version: 0x0304,
      server: retried,
      edit: on('helloRetryRequest', withExtension(51, undefined)),
      says: client(47, 214),
    },
    {
      name: 'a second hello with fewer suites',
      version: 0x0304,
      server: retried,
      edit: on(
        'clientHello',
        hello(({ suites }) => ({ suites: suites.slice(1) })),
        { nth: 1 },
      ),
      says: server(47, 110),
    },
  ],
  tls13cookie: [
    {
      name: 'the client gives it back',
      version: 0x0304,
      server: retried,
      edit: ({ name, nth, raw }) => {
        if (name === 'helloRetryRequest') return withExtension(COOKIE, concat(u16(3), Uint8Array.of(7, 8, 9)))(raw)
        if (name === 'clientHello' && nth === 1) {
          assert.deepEqual(extensionOf(readHello(raw), COOKIE), Uint8Array.of(0, 3, 7, 8, 9))
          return withExtension(COOKIE, undefined)(raw)
        }
        return undefined
      },
      says: GOOD,
    },
    {
      name: 'one that was never sent',
      version: 0x0304,
      server: retried,
      edit: on('clientHello', withExtension(COOKIE, Uint8Array.of(0, 1, 7)), { nth: 1 }),
      says: server(47, 110),
    },
  ],
  tls13kexmodes: [
    {
      name: 'missing',
      version: 0x0304,
      resume: true,
      wishes: bound(on('clientHello', withExtension(KEX_MODES, undefined))),
      says: server(109, 310),
    },
    {
      name: 'empty',
      version: 0x0304,
      resume: true,
      wishes: bound(on('clientHello', withExtension(KEX_MODES, u8(0)))),
      says: server(50, 159),
    },
    {
      name: 'unknown ones: a full handshake',
      version: 0x0304,
      resume: true,
      wishes: bound(on('clientHello', withExtension(KEX_MODES, Uint8Array.of(2, 7, 8)))),
      says: GOOD,
      check: reused(0),
    },
    {
      name: 'psk_ke alone: a full handshake',
      version: 0x0304,
      resume: true,
      wishes: bound(on('clientHello', withExtension(KEX_MODES, Uint8Array.of(1, 0)))),
      says: GOOD,
      check: reused(0),
    },
    {
      name: 'both: with a key exchange',
      version: 0x0304,
      resume: true,
      wishes: bound(on('clientHello', withExtension(KEX_MODES, Uint8Array.of(2, 0, 1)))),
      says: GOOD,
      check: reused(1),
    },
    {
      name: 'missing in a second hello',
      version: 0x0304,
      resume: true,
      server: retried,
      wishes: bound(on('clientHello', withExtension(KEX_MODES, undefined), { nth: 1 })),
      says: server(47, 110),
    },
    {
      name: 'missing where no key is offered',
      version: 0x0304,
      edit: on('clientHello', withExtension(KEX_MODES, undefined)),
      says: GOOD,
    },
  ],
  tls13psk: [
    {
      name: 'not the last extension',
      version: 0x0304,
      resume: true,
      wishes: {
        edit: on(
          'clientHello',
          hello(({ extensions = [] }) => ({ extensions: [...extensions, { type: UNKNOWN, data: u8(1) }] })),
        ),
      },
      says: server(47, 110),
    },
    {
      name: 'not the last extension of a second hello',
      version: 0x0304,
      resume: true,
      server: retried,
      wishes: {
        edit: on(
          'clientHello',
          hello(({ extensions = [] }) => ({ extensions: [...extensions, { type: UNKNOWN, data: u8(1) }] })),
          { nth: 1 },
        ),
      },
      says: server(47, 110),
    },
    {
      name: 'after a retry the suite of another hash leaves it out',
      version: 0x0304,
      resume: true,
      server: retried,
      serverSsl: (ssl) => o.SSL_set_ciphersuites(ssl, 'TLS_AES_128_GCM_SHA256'),
      says: GOOD,
      check: ({ surgeon, client }) => {
        const hellos = surgeon.passed
          .filter(({ name }) => name === 'clientHello')
          .map(({ raw }) => extensionOf(readHello(raw), PSK))
        assert.deepEqual(
          hellos.map((one) => one !== undefined),
          [true, false],
        )
        assert.equal(o.SSL_session_reused(client), 0)
      },
    },
    {
      name: 'a binder that is wrong',
      version: 0x0304,
      resume: true,
      wishes: { edit: on('clientHello', (raw) => flip(raw)) },
      says: server(51, 253),
    },
    {
      name: 'fewer binders than names',
      version: 0x0304,
      resume: true,
      wishes: {
        edit: on(
          'clientHello',
          withExtension(PSK, (data = new Uint8Array(0)) => {
            const names = ((data[0] as number) << 8) | (data[1] as number)
            const one = data.subarray(2, 2 + names)
            return concat(u16(2 * names), one, one, data.subarray(2 + names))
          }),
        ),
      },
      says: server(47, 110),
    },
  ],
  sslsigalgs: [
    {
      name: 'none in TLS 1.3',
      version: 0x0304,
      edit: on('clientHello', withExtension(SIGALGS, undefined)),
      says: server(109, 112),
    },
    {
      name: 'an empty list in TLS 1.3',
      version: 0x0304,
      edit: on('clientHello', withExtension(SIGALGS, u16(0))),
      says: server(50, 159),
    },
    {
      name: 'unknown ones alone in TLS 1.3',
      version: 0x0304,
      edit: on('clientHello', withExtension(SIGALGS, list(0x0a0a, 0xfe01))),
      says: server(40, 118),
    },
    {
      name: 'an unknown one before a known one',
      version: 0x0304,
      edit: on('clientHello', withExtension(SIGALGS, list(0x0a0a, 0x0403))),
      says: GOOD,
    },
    {
      name: 'RSA without PSS in TLS 1.3',
      version: 0x0304,
      rsa: true,
      edit: on('clientHello', withExtension(SIGALGS, list(0x0401, 0x0501))),
      says: server(40, 118),
    },
    {
      name: 'SHA-1 in TLS 1.3',
      version: 0x0304,
      rsa: true,
      edit: on('clientHello', withExtension(SIGALGS, list(0x0201, 0x0203))),
      says: server(40, 118),
    },
    {
      name: 'DSA in TLS 1.3',
      version: 0x0304,
      edit: on('clientHello', withExtension(SIGALGS, list(0x0202, 0x0402))),
      says: server(40, 118),
    },
    {
      name: 'PSS alone in TLS 1.3',
      version: 0x0304,
      rsa: true,
      edit: on('clientHello', withExtension(SIGALGS, list(0x0804))),
      says: GOOD,
    },
    {
      name: 'CertificateVerify of TLS 1.3 with PKCS #1',
      version: 0x0304,
      rsa: true,
      edit: on('certificateVerify', (raw) => concat(raw.subarray(0, 4), u16(0x0401), raw.subarray(6))),
      says: client(47, 370),
    },
    {
      name: 'CertificateVerify with a scheme that was not offered',
      version: 0x0304,
      clientSsl: (ssl) => o.SSL_set1_sigalgs_list(ssl, 'ecdsa_secp256r1_sha256'),
      edit: on('certificateVerify', (raw) => concat(raw.subarray(0, 4), u16(0x0503), raw.subarray(6))),
      says: client(47, 370),
    },
    {
      name: 'none in TLS 1.2: the client takes SHA-1 then, which our client does not',
      version: 0x0303,
      edit: on('clientHello', withExtension(SIGALGS, undefined)),
      says: client(47, 370),
    },
    {
      name: 'none in TLS 1.2, from a client that takes SHA-1',
      version: 0x0303,
      clientSsl: (ssl) => o.SSL_set1_sigalgs_list(ssl, 'ECDSA+SHA1:ECDSA+SHA256'),
      edit: on('clientHello', withExtension(SIGALGS, undefined)),
      says: GOOD,
    },
    {
      name: 'none in TLS 1.2 at security level 2',
      version: 0x0303,
      serverSsl: (ssl) => o.SSL_set_security_level(ssl, 2),
      edit: on('clientHello', withExtension(SIGALGS, undefined)),
      says: server(40, 193),
    },
    {
      name: 'an empty list in TLS 1.2',
      version: 0x0303,
      edit: on('clientHello', withExtension(SIGALGS, u16(0))),
      says: server(50, 159),
    },
    {
      name: 'unknown ones alone in TLS 1.2',
      version: 0x0303,
      edit: on('clientHello', withExtension(SIGALGS, list(0x0a0a))),
      says: server(40, 193),
    },
    {
      name: 'PSS in TLS 1.2',
      version: 0x0303,
      rsa: true,
      edit: on('clientHello', withExtension(SIGALGS, list(0x0804))),
      says: GOOD,
    },
    {
      name: 'ServerKeyExchange with a scheme that was not offered',
      version: 0x0303,
      clientSsl: (ssl) => o.SSL_set1_sigalgs_list(ssl, 'ECDSA+SHA384:ECDSA+SHA256'),
      edit: on('serverKeyExchange', (raw) => {
        const at = 4 + 4 + (raw[7] as number)
        return concat(raw.subarray(0, at), u16(0x0603), raw.subarray(at + 2))
      }),
      says: client(47, 370),
    },
    {
      name: 'none in CertificateRequest',
      version: 0x0304,
      server: insist,
      edit: on('certificateRequest', () => message(13, u8(0), u16(0))),
      says: client(109, 112),
    },
    {
      name: 'signature_algorithms_cert that says the same',
      version: 0x0304,
      edit: on('clientHello', withExtension(SIGALGS_CERT, list(0x0403, 0x0804))),
      says: GOOD,
    },
    {
      name: 'an empty signature_algorithms_cert',
      version: 0x0304,
      edit: on('clientHello', withExtension(SIGALGS_CERT, u16(0))),
      says: server(50, 159),
    },
  ],
  sslsignature: [
    {
      name: 'CertificateVerify of a TLS 1.3 server',
      version: 0x0304,
      edit: on('certificateVerify', (raw) => flip(raw)),
      says: client(51, 123),
    },
    {
      name: 'CertificateVerify of a TLS 1.3 client',
      version: 0x0304,
      server: insist,
      client: withCertificate,
      edit: on('certificateVerify', (raw) => flip(raw), { from: 'client' }),
      says: ['1 NONE', /^-1 SSL; SSL\/123 /],
    },
    {
      name: 'ServerKeyExchange',
      version: 0x0303,
      edit: on('serverKeyExchange', (raw) => flip(raw)),
      says: client(51, 123),
    },
    {
      name: 'CertificateVerify of a TLS 1.2 client',
      version: 0x0303,
      server: insist,
      client: withCertificate,
      edit: on('certificateVerify', (raw) => flip(raw), { from: 'client' }),
      says: server(51, 123),
    },
  ],
  sslsessiontick: [
    {
      name: 'no extension of the client: no ticket',
      version: 0x0303,
      edit: on('clientHello', withExtension(TICKET, undefined)),
      says: GOOD,
      check: ({ surgeon }) => assert.ok(!surgeon.story.includes('newSessionTicket')),
    },
    {
      name: 'a ticket that nobody can open: a full handshake, and a new one',
      version: 0x0303,
      resume: true,
      wishes: { edit: on('clientHello', withExtension(TICKET, new Uint8Array(200))) },
      says: GOOD,
      check: ({ surgeon }) => assert.match(surgeon.story, /certificate.*newSessionTicket/),
    },
    {
      name: 'an empty one: a full handshake, and a new one',
      version: 0x0303,
      resume: true,
      wishes: { edit: on('clientHello', withExtension(TICKET, new Uint8Array(0))) },
      says: GOOD,
      check: ({ surgeon }) => assert.match(surgeon.story, /certificate.*newSessionTicket/),
    },
    {
      name: 'announced, and not sent',
      version: 0x0303,
      edit: on('newSessionTicket', () => []),
      says: [/^-1 SSL; SSL\/133 /, alerted(10)],
    },
    {
      name: 'sent, and not announced',
      version: 0x0303,
      edit: on('serverHello', withExtension(TICKET, undefined)),
      says: [/^-1 SSL; SSL\/244 /, alerted(10)],
    },
    {
      name: 'an empty ticket message',
      version: 0x0303,
      edit: on('newSessionTicket', () => message(4, new Uint8Array(6))),
      says: GOOD,
      check: ({ client }) => assert.equal(o.SSL_SESSION_has_ticket(o.SSL_get_session(client) as o.SSL_SESSION), 0),
    },
  ],
  tlsextms: [
    {
      name: 'without it in the hello',
      version: 0x0303,
      edit: on('clientHello', withExtension(EMS, undefined)),
      says: GOOD,
      check: ({ client }) => assert.equal(o.SSL_get_extms_support(client), 0),
    },
    {
      name: 'with it',
      version: 0x0303,
      says: GOOD,
      check: ({ client }) => assert.equal(o.SSL_get_extms_support(client), 1),
    },
    {
      name: 'in the session, not in the hello: fatal',
      version: 0x0303,
      resume: true,
      wishes: { edit: on('clientHello', withExtension(EMS, undefined)) },
      says: server(40, 104),
    },
    {
      name: 'in the session, not in the answer: fatal',
      version: 0x0303,
      resume: true,
      wishes: { edit: on('serverHello', withExtension(EMS, undefined)) },
      says: client(40, 104),
    },
  ],
  renegotiation: [
    {
      name: 'a server that does not know RFC 5746 is refused by who wants it',
      version: 0x0303,
      client: (ctx) => o.SSL_CTX_clear_options(ctx, o.SSL_OP_LEGACY_SERVER_CONNECT),
      edit: on('serverHello', withExtension(RENEGOTIATION, undefined)),
      says: client(40, 338),
    },
    {
      name: 'and served otherwise',
      version: 0x0303,
      edit: on('serverHello', withExtension(RENEGOTIATION, undefined)),
      says: GOOD,
      check: ({ client }) => assert.equal(o.SSL_get_secure_renegotiation_support(client), 0),
    },
    {
      name: 'no signal of the client: no answer',
      version: 0x0303,
      edit: on(
        'clientHello',
        hello(({ suites }) => ({ suites: suites.filter((id) => id !== 0xff) })),
      ),
      says: GOOD,
      check: ({ server }) => assert.equal(o.SSL_get_secure_renegotiation_support(server), 0),
    },
    {
      name: 'a first handshake that claims to be another',
      version: 0x0303,
      edit: on('clientHello', withExtension(RENEGOTIATION, Uint8Array.of(1, 7))),
      says: server(40, 337),
    },
  ],
  comp: [
    {
      name: 'TLS 1.2: compression beside none',
      version: 0x0303,
      edit: on(
        'clientHello',
        hello(() => ({ compression: Uint8Array.of(1, 0) })),
      ),
      says: GOOD,
    },
    {
      name: 'TLS 1.2: not without none',
      version: 0x0303,
      edit: on(
        'clientHello',
        hello(() => ({ compression: Uint8Array.of(1) })),
      ),
      says: server(47, 187),
    },
    {
      name: 'TLS 1.3: compression beside none',
      version: 0x0304,
      edit: on(
        'clientHello',
        hello(() => ({ compression: Uint8Array.of(1, 0) })),
      ),
      says: server(47, 341),
    },
    {
      name: 'TLS 1.3: a server that compresses',
      version: 0x0304,
      edit: on(
        'serverHello',
        hello(() => ({ compression: Uint8Array.of(1) })),
      ),
      says: client(47, 257),
    },
  ],
  sslcertstatus: [
    {
      name: 'promised, and not sent, is allowed',
      version: 0x0303,
      client: (ctx) => o.SSL_CTX_set_tlsext_status_type(ctx, o.TLSEXT_STATUSTYPE_ocsp),
      server: (ctx) =>
        o.SSL_CTX_set_tlsext_status_cb(ctx, (ssl) => {
          o.SSL_set_tlsext_status_ocsp_resp(ssl, Uint8Array.of(1))
          return o.SSL_TLSEXT_ERR_OK
        }),
      edit: on('certificateStatus', () => []),
      says: GOOD,
    },
  ],
  tls13alerts: [
    {
      name: 'a client may answer the server’s flight with an alert in the clear',
      version: 0x0304,
      edit: on('finished', () => [{ type: ALERT, bytes: Uint8Array.of(2, 40), clear: true }], { from: 'client' }),
      says: ['1 NONE', /^-1 SSL; SSL\/1040 /],
    },
  ],
  sslrecords: [
    {
      name: 'handshake messages of one byte a record',
      version: 0x0303,
      wishes: { records: (_, records) => records.flatMap(bytewise) },
      says: GOOD,
    },
    {
      name: 'an unknown message',
      version: 0x0304,
      edit: on('finished', (raw) => [{ type: HANDSHAKE, bytes: message(99, u8(1)) }, raw], { from: 'client' }),
      says: ['1 NONE', /^-1 SSL; SSL\/244 /],
    },
  ],
}

/** Records in the clear, cut into records of one byte. */
function bytewise(record: Uint8Array): Uint8Array[] {
  if (record[0] !== HANDSHAKE || record.length > 5 + 400) return [record]
  const sealed = record[5] === undefined || ![1, 2, 11, 12, 14, 16, 4].includes(record[5])
  if (sealed) return [record]
  return [...record.subarray(5)].map((byte) => Uint8Array.of(HANDSHAKE, 3, 3, 0, 1, byte))
}

for (const [recipe, rows] of Object.entries(recipes))
  describe(recipe, () => {
    for (const { name, says, check, edit, wishes, ...row } of rows)
      test(`TLS 1.${row.version - 0x0301}: ${name}`, async () => {
        const outcome = await talk(row.version, { ...row, ...(wishes ? { wishes } : edit ? { wishes: { edit } } : {}) })
        for (const [i, wanted] of says.entries()) {
          const found = outcome.ended[i]?.join(' | ') ?? ''
          if (typeof wanted === 'string') assert.equal(found.split(' | ')[0], wanted, found)
          else
            assert.ok(
              outcome.ended[i]?.some((one) => wanted.test(one)),
              `${i === 0 ? 'client' : 'server'}: ${found}`,
            )
        }
        check?.(outcome)
      })
  })
