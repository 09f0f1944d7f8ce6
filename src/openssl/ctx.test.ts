import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { materials, queue } from '../../test/openssl/bench.ts'
import { type Row, table } from '../../test/openssl/rows.ts'
import { node } from '../crypto/node/index.ts'
import { writePem } from '../x509/index.ts'
import * as o from './index.ts'

const context = (): o.SSL_CTX => o.SSL_CTX_new(o.TLS_method()) as o.SSL_CTX
/** Nothing of this draws on a handshake. */
const row = (
  id: string,
  run: () => readonly string[] | Promise<readonly string[]>,
  says: readonly string[],
  differs?: string,
): Row => ({
  id,
  version: 0x0304,
  quick: true,
  run,
  says,
  ...(differs !== undefined && { differs }),
})
/** A call's result and what it left in the queue. */
const said = (ret: number | string | null): string => [String(ret), ...queue()].join('; ')

let folder = ''
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'typetls-ctx-'))
  const m = await materials()
  const keys = await Promise.all([node.generate('P-256'), node.generate('rsa-2048')])
  const pem = (certificate: { raw: Uint8Array }): string => writePem('CERTIFICATE', certificate.raw)
  const keyOf = (key: object): string => writePem('PRIVATE KEY', (key as { pkcs8: Uint8Array }).pkcs8)
  for (const [name, data] of Object.entries({
    'leaf.pem': pem(m.leaf.certificate),
    'leaf.der': m.leaf.certificate.raw,
    'leaf.key': keyOf(m.leaf.key),
    'chain.pem': pem(m.leaf.certificate) + pem(m.middle.certificate),
    'rsa.pem': pem(m.rsa.certificate),
    'rsa.key': keyOf(m.rsa.key),
    'other-ec.key': keyOf(keys[0]),
    'other-rsa.key': keyOf(keys[1]),
    'root.pem': pem(m.root.certificate),
    'nothing.pem': 'nothing here\n',
  }))
    writeFileSync(join(folder, name), data)
})
after(() => rmSync(folder, { recursive: true }))
const file = (name: string): string => join(folder, name)

const PEM = o.SSL_FILETYPE_PEM

const defaults: readonly Row[] = [
  row('H1', () => {
    const ctx = context()
    const hex = (n: number): string => `0x${n.toString(16)}`
    return [
      `options=${hex(o.SSL_CTX_get_options(ctx))} mode=${hex(o.SSL_CTX_get_mode(ctx))} sess_cache_mode=${hex(o.SSL_CTX_get_session_cache_mode(ctx))} cache_size=${o.SSL_CTX_sess_get_cache_size(ctx)} timeout=${o.SSL_CTX_get_timeout(ctx)}`,
      `verify_mode=${o.SSL_CTX_get_verify_mode(ctx)} verify_depth=${o.SSL_CTX_get_verify_depth(ctx)} max_cert_list=${o.SSL_CTX_get_max_cert_list(ctx)} read_ahead=${o.SSL_CTX_get_read_ahead(ctx)} quiet=${o.SSL_CTX_get_quiet_shutdown(ctx)} num_tickets=${o.SSL_CTX_get_num_tickets(ctx)}`,
      `min=${o.SSL_CTX_get_min_proto_version(ctx)} max=${o.SSL_CTX_get_max_proto_version(ctx)} seclevel=${o.SSL_CTX_get_security_level(ctx)}`,
    ]
  }, [
    'options=0x120004 mode=0x4 sess_cache_mode=0x2 cache_size=20480 timeout=7200',
    'verify_mode=0 verify_depth=-1 max_cert_list=102400 read_ahead=0 quiet=0 num_tickets=2',
    'min=0 max=0 seclevel=1',
  ]),
  row('H2b H13 X3 X3c', () => {
    const ctx = context()
    const ssl = o.SSL_new(ctx) as o.SSL
    return [
      `${o.SSL_get1_session(ssl)} ${o.SSL_get_peer_certificate(ssl)} ${o.SSL_get_current_cipher(ssl)} ${o.SSL_get_cipher(ssl)} ${o.SSL_get_verify_result(ssl)} ${o.SSL_session_reused(ssl)}`,
      `num_tickets(0)=${o.SSL_CTX_set_num_tickets(ctx, 0)} get=${o.SSL_CTX_get_num_tickets(ctx)}`,
      `set_timeout returns ${o.SSL_CTX_set_timeout(ctx, 55)} now ${o.SSL_CTX_get_timeout(ctx)}`,
      `set_cache_size returns ${o.SSL_CTX_sess_set_cache_size(ctx, 5)}`,
      `set_session_cache_mode returns ${o.SSL_CTX_set_session_cache_mode(ctx, 1)} ${o.SSL_CTX_set_session_cache_mode(ctx, 3)}`,
    ]
  }, [
    'null null null (NONE) 0 0',
    'num_tickets(0)=1 get=0',
    'set_timeout returns 7200 now 55',
    'set_cache_size returns 20480',
    'set_session_cache_mode returns 2 1',
  ]),
  row('H3 H3b H3c H3d H3e H3f H3g H3h', () => {
    const ctx = context()
    const bounds = (): string =>
      `${o.SSL_CTX_get_min_proto_version(ctx).toString(16)} ${o.SSL_CTX_get_max_proto_version(ctx).toString(16)}`
    const min = (v: number): string => `min(${v.toString(16)})=${o.SSL_CTX_set_min_proto_version(ctx, v)} ${bounds()}`
    const max = (v: number): string => `max(${v.toString(16)})=${o.SSL_CTX_set_max_proto_version(ctx, v)} ${bounds()}`
    const fixed = o.SSL_CTX_new(o.TLSv1_2_method()) as o.SSL_CTX
    const set = o.SSL_CTX_set_min_proto_version(fixed, o.TLS1_3_VERSION)
    return [
      min(0x304),
      max(0x303),
      min(0),
      min(0x300),
      min(2),
      max(0x305),
      min(0xfeff),
      ...queue(),
      `${set} ${o.SSL_CTX_get_min_proto_version(fixed)} ${o.SSL_get_version(o.SSL_new(fixed) as o.SSL)}`,
    ]
  }, [
    'min(304)=1 304 0',
    'max(303)=1 304 303',
    'min(0)=1 0 303',
    'min(300)=1 300 303',
    'min(2)=0 300 303',
    'max(305)=0 300 303',
    'min(feff)=0 300 303',
    '1 0 TLSv1.2',
  ]),
  row('H6', () => {
    const ctx = context()
    return ['X25519:P-256', '', 'X25519:P-521:X448', 'P-256:BOGUS', 'P-256:P-256', 'prime256v1', 'BOGUS'].map(
      (list) => `"${list}" -> ${said(o.SSL_CTX_set1_groups_list(ctx, list))}`,
    )
  }, [
    '"X25519:P-256" -> 1',
    '"" -> 0',
    '"X25519:P-521:X448" -> 1',
    '"P-256:BOGUS" -> 0',
    '"P-256:P-256" -> 0',
    '"prime256v1" -> 1',
    '"BOGUS" -> 0',
  ]),
  row(
    'H7',
    () => {
      const ctx = context()
      return [
        'ECDSA+SHA256:RSA+SHA256',
        'PSS+SHA256',
        'rsa_pss_rsae_sha256',
        'BOGUS',
        'RSA',
        'SHA256',
        '',
        'RSA+MD5',
        'ed25519:ed25519',
        'DSA+SHA1',
      ].map((list) => `"${list}" -> ${said(o.SSL_CTX_set1_sigalgs_list(ctx, list))}`)
    },
    [
      '"ECDSA+SHA256:RSA+SHA256" -> 1',
      '"PSS+SHA256" -> 1',
      '"rsa_pss_rsae_sha256" -> 1',
      '"BOGUS" -> 0',
      '"RSA" -> 0',
      '"SHA256" -> 0',
      '"" -> 0',
      '"RSA+MD5" -> 0',
      '"ed25519:ed25519" -> 0',
      '"DSA+SHA1" -> 0',
    ],
    'D11, DSA is refused rather than ignored',
  ),
  row('H8 H8b H8c H8d H8g H8h H8i', () => {
    const ctx = context()
    const use = o.SSL_CTX_use_certificate_file
    return [
      said(use(ctx, '/nonexistent.pem', PEM)),
      said(use(ctx, file('nothing.pem'), PEM)),
      said(o.SSL_CTX_use_PrivateKey_file(ctx, file('leaf.pem'), PEM)),
      said(o.SSL_CTX_check_private_key(ctx)),
      said(use(ctx, file('leaf.pem'), PEM)),
      said(o.SSL_CTX_check_private_key(ctx)),
      said(use(ctx, file('leaf.pem'), 7)),
      said(o.SSL_CTX_load_verify_locations(ctx, null, null)),
      said(o.SSL_CTX_load_verify_locations(ctx, '/nonexistent', null)),
      said(o.SSL_CTX_load_verify_locations(ctx, file('root.pem'), null)),
    ]
  }, [
    "0; SYS/2 “No such file or directory”; fopen('/nonexistent.pem','r'); BIO/2 “system lib”; SSL/2 “system lib”",
    '0; PEM/108 “no start line”; Expecting: CERTIFICATE; SSL/9 “PEM lib”',
    '0; PEM/108 “no start line”; Expecting: ANY PRIVATE KEY; SSL/9 “PEM lib”',
    '0; SSL/177 “no certificate assigned”',
    '1',
    '0; SSL/190 “no private key assigned”',
    '0; SSL/124 “bad ssl filetype”',
    '0',
    "0; SYS/2 “No such file or directory”; fopen('/nonexistent','r'); BIO/128 “no such file”; X509/2 “system lib”",
    '1',
  ]),
  row('H8e H8f and side by side', () => {
    const ctx = context()
    const certificate = (name: string): string => said(o.SSL_CTX_use_certificate_file(ctx, file(name), PEM))
    const key = (name: string): string => said(o.SSL_CTX_use_PrivateKey_file(ctx, file(name), PEM))
    const check = (): string => said(o.SSL_CTX_check_private_key(ctx))
    return [
      // a key that does not fit the certificate takes it away
      certificate('leaf.pem'),
      key('other-ec.key'),
      check(),
      // a certificate that does not fit the key takes it away
      key('other-ec.key'),
      certificate('leaf.pem'),
      check(),
      key('leaf.key'),
      check(),
      certificate('rsa.pem'),
      check(),
      key('rsa.key'),
      check(),
      said(o.SSL_CTX_use_certificate_chain_file(ctx, file('chain.pem'))),
      check(),
      said(o.SSL_CTX_use_certificate_file(ctx, file('leaf.der'), o.SSL_FILETYPE_ASN1)),
    ]
  }, [
    '1',
    '0; X509/116 “key values mismatch”',
    '0; SSL/177 “no certificate assigned”',
    '1',
    '1',
    '0; SSL/190 “no private key assigned”',
    '1',
    '1',
    '1',
    '0; SSL/190 “no private key assigned”',
    '1',
    '1',
    '1',
    '1',
    '1',
  ]),
  row('H9 H9b', () => {
    const ssl = o.SSL_new(context()) as o.SSL
    return [
      said(o.SSL_set_tlsext_host_name(ssl, 'x'.repeat(256))),
      said(o.SSL_set_tlsext_host_name(ssl, '')),
      `${said(o.SSL_set_tlsext_host_name(ssl, 'x'.repeat(255)))} len=${o.SSL_get_servername(ssl, 0)?.length}`,
      `${said(o.SSL_set_tlsext_host_name(ssl, null))} get=${o.SSL_get_servername(ssl, 0)} ${o.SSL_get_servername_type(ssl)}`,
      `${o.SSL_set1_host(ssl, null)}${o.SSL_set1_host(ssl, '')}${o.SSL_set1_host(ssl, 'a.example')}${o.SSL_add1_host(ssl, 'b.example')}`,
    ]
  }, [
    '0; SSL/319 “ssl3 ext invalid servername”',
    '0; SSL/319 “ssl3 ext invalid servername”',
    '1 len=255',
    '1 get=null -1',
    '1111',
  ]),
  row('H10 H12', () => {
    const ctx = context()
    const hex = (n: number): string => n.toString(16)
    return [
      `${o.SSL_CTX_set_mode(ctx, 1)} ${o.SSL_CTX_clear_mode(ctx, 4)}`,
      `${hex(o.SSL_CTX_set_options(ctx, o.SSL_OP_NO_TICKET))} ${hex(o.SSL_CTX_clear_options(ctx, o.SSL_OP_NO_TICKET))}`,
      hex(o.SSL_CTX_set_options(ctx, o.SSL_OP_ALL)),
      said(o.SSL_CTX_set_session_id_context(ctx, new Uint8Array(33))),
      said(o.SSL_CTX_set_session_id_context(ctx, new Uint8Array(32))),
    ]
  }, ['5 1', '124004 120004', '80120854', '0; SSL/273 “ssl session id context too long”', '1']),
  row('J3 J4 J4b', () => {
    const ctx = context()
    const wire = (...names: string[]): Uint8Array =>
      Uint8Array.from(names.flatMap((name) => [name.length, ...new TextEncoder().encode(name)]))
    const next = (server: Uint8Array, client: Uint8Array): string => {
      const { ret, out } = o.SSL_select_next_proto(server, client)
      return `${ret} '${new TextDecoder().decode(out)}'`
    }
    return [
      [wire('h2'), Uint8Array.of(3, 1, 2), Uint8Array.of(0), Uint8Array.of(1, 65, 9), new Uint8Array(0)]
        .map((protos) => o.SSL_CTX_set_alpn_protos(ctx, protos))
        .join(),
      next(wire('b', 'a'), wire('a', 'b')),
      next(wire('c'), wire('a', 'b')),
    ]
  }, ['0,1,1,1,0', "1 'b'", "2 'a'"]),
  row('references', () => {
    const ctx = context()
    o.SSL_CTX_up_ref(ctx)
    o.SSL_CTX_free(ctx)
    const ssl = o.SSL_new(ctx) as o.SSL
    o.SSL_CTX_free(ctx)
    const alive = o.SSL_get_SSL_CTX(ssl) === ctx
    o.SSL_free(ssl)
    const used = (act: () => unknown): string => {
      try {
        act()
        return 'was allowed'
      } catch (error) {
        return (error as Error).name
      }
    }
    return [`${alive}`, used(() => o.SSL_in_init(ssl)), used(() => o.SSL_CTX_get_options(ctx))]
  }, ['true', 'Misuse', 'Misuse']),
]
table('H, J, X3: defaults and setters', defaults)

/** The suites afterwards: how many, those of TLS 1.3 included; the first few where the list is short. */
const after12 = (ctx: o.SSL_CTX): string => {
  const names = o.SSL_CTX_get_ciphers(ctx).map(o.SSL_CIPHER_get_name)
  const rest = names.filter((name) => !name.startsWith('TLS_'))
  return `n=${names.length}${rest.length > 0 && rest.length < 3 ? ` ${rest.join(' ')}` : ''}`
}
const NO_MATCH = 'SSL/185 “no cipher match”'
const COMMAND = 'SSL/280 “invalid command”'
const listed = (text: string, says: string, differs?: string): Row =>
  row(
    `H4 '${text}'`,
    () => {
      const ctx = context()
      return [
        `${said(o.SSL_CTX_set_cipher_list(ctx, text))} ${after12(ctx)} level=${o.SSL_CTX_get_security_level(ctx)}`,
      ]
    },
    [says],
    differs,
  )
const FEWER = 'D11 and D15, we have fewer suites'
table('H4: cipher lists', [
  listed('AES128-SHA', '1 n=4 AES128-SHA level=1'),
  listed('BOGUS', `0; ${NO_MATCH} n=3 level=1`),
  listed('AES128-SHA:BOGUS', '1 n=4 AES128-SHA level=1'),
  listed('', `0; ${NO_MATCH} n=3 level=1`),
  listed('ALL', '1 n=37 level=1', FEWER),
  listed('DEFAULT', '1 n=37 level=1', FEWER),
  listed('!ALL', `0; ${NO_MATCH} n=3 level=1`),
  listed('TLS_AES_128_GCM_SHA256', `0; ${NO_MATCH} n=3 level=1`),
  listed('HIGH:!aNULL:@STRENGTH', '1 n=37 level=1', FEWER),
  listed('DEFAULT:@SECLEVEL=9', `0; ${COMMAND} n=9 level=1`, FEWER),
  listed('@SECLEVEL=2', `0; ${NO_MATCH} n=3 level=2`),
  listed('DEFAULT:@SECLEVEL=2', '1 n=37 level=2', FEWER),
  listed('AES128-SHA@SECLEVEL=2', '1 n=4 AES128-SHA level=2'),
  listed('AES128-SHA AES256-SHA', '1 n=5 AES128-SHA AES256-SHA level=1'),
  listed('AES128-SHA,AES256-SHA', '1 n=5 AES128-SHA AES256-SHA level=1'),
  listed('ECDHE+AESGCM', '1 n=7 level=1'),
  listed('-ALL:AES128-SHA', '1 n=4 AES128-SHA level=1'),
  listed('kRSA+AES128+SHA256', '1 n=4 AES128-SHA256 level=1'),
  listed('NULL', `0; ${NO_MATCH} n=3 level=1`, 'no suite without encryption is among those that D15 names'),
  listed('eNULL', `0; ${NO_MATCH} n=3 level=1`, 'no suite without encryption is among those that D15 names'),
  listed('COMPLEMENTOFDEFAULT', `0; ${NO_MATCH} n=3 level=1`, FEWER),
  listed('PSK', '1 n=17 level=1', FEWER),
  listed('SUITEB128', '1 n=5 ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES256-GCM-SHA384 level=1'),
  listed('DEFAULT:!AES128', '1 n=22 level=1', FEWER),
  listed('DEFAULT:+RSA', '1 n=37 level=1', FEWER),
  listed('@BOGUS', `0; ${COMMAND} n=9 level=1`, FEWER),
])

const THREE = 'TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256 TLS_AES_128_GCM_SHA256'
const suites13 = (text: string, says: string): Row =>
  row(`H5 '${text}'`, () => {
    const ctx = context()
    const ret = said(o.SSL_CTX_set_ciphersuites(ctx, text))
    const names = o.SSL_CTX_get_ciphers(ctx).map(o.SSL_CIPHER_get_name)
    return [`${ret} ${names.filter((name) => name.startsWith('TLS_')).join(' ')}`.trim()]
  }, [says])
table('H5: suites of TLS 1.3', [
  suites13('TLS_AES_128_GCM_SHA256', '1 TLS_AES_128_GCM_SHA256'),
  suites13('', '1'),
  suites13('BOGUS', `0; ${NO_MATCH} ${THREE}`),
  suites13('TLS_AES_128_GCM_SHA256:BOGUS', `0; ${NO_MATCH} ${THREE}`),
  suites13('AES128-SHA', `0; ${NO_MATCH} ${THREE}`),
  suites13(
    'TLS_AES_128_CCM_8_SHA256:TLS_CHACHA20_POLY1305_SHA256',
    '1 TLS_AES_128_CCM_8_SHA256 TLS_CHACHA20_POLY1305_SHA256',
  ),
  suites13('TLS_AES_128_GCM_SHA256:TLS_AES_128_GCM_SHA256', '1 TLS_AES_128_GCM_SHA256 TLS_AES_128_GCM_SHA256'),
])
