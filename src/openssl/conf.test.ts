import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { materials } from '../../test/openssl/bench.ts'
import { writePem } from '../x509/pem.ts'
import * as o from './index.ts'

const FILE = o.SSL_CONF_FLAG_FILE
const LINE = o.SSL_CONF_FLAG_CMDLINE
const CLIENT = o.SSL_CONF_FLAG_CLIENT
const SERVER = o.SSL_CONF_FLAG_SERVER
const CERTIFICATE = o.SSL_CONF_FLAG_CERTIFICATE
const SHOW = o.SSL_CONF_FLAG_SHOW_ERRORS

const context = (): o.SSL_CTX => o.SSL_CTX_new(o.TLS_method()) as o.SSL_CTX
const confOf = (flags: number, ctx: o.SSL_CTX | null, prefix: string | null = null): o.SSL_CONF_CTX => {
  const c = o.SSL_CONF_CTX_new()
  o.SSL_CONF_CTX_set_flags(c, flags)
  o.SSL_CONF_CTX_set1_prefix(c, prefix)
  o.SSL_CONF_CTX_set_ssl_ctx(c, ctx)
  return c
}

type Look = (ctx: o.SSL_CTX) => unknown
const options: Look = (ctx) => o.SSL_CTX_get_options(ctx)
const USUAL = o.SSL_OP_LEGACY_SERVER_CONNECT | o.SSL_OP_NO_COMPRESSION | o.SSL_OP_ENABLE_MIDDLEBOX_COMPAT
const verify: Look = (ctx) => o.SSL_CTX_get_verify_mode(ctx)
const bounds: Look = (ctx) => [o.SSL_CTX_get_min_proto_version(ctx), o.SSL_CTX_get_max_proto_version(ctx)]
const ciphers: Look = (ctx) => o.SSL_CTX_get_ciphers(ctx).map(o.SSL_CIPHER_get_name).join(' ')

/** Flags, command, value; what is returned, and what can be seen in the context afterwards. */
const rows: readonly (readonly [number, string | null, string | null, number, Look?, unknown?])[] = [
  [FILE, 'MinProtocol', 'TLSv1.2', 2, bounds, [0x303, 0]],
  [FILE, 'maxprotocol', 'TLSv1.2', 2, bounds, [0, 0x303]],
  [FILE, 'MinProtocol', 'SSLv3', 2, bounds, [0x300, 0]],
  [FILE, 'MaxProtocol', 'None', 2, bounds, [0, 0]],
  [FILE, 'MinProtocol', 'tlsv1.2', 0],
  [FILE, 'MinProtocol', 'DTLSv1.2', 0],
  [FILE, 'MinProtocol', 'toString', 0],
  [LINE, '-min_protocol', 'TLSv1.3', 2, bounds, [0x304, 0]],
  [LINE, 'min_protocol', 'TLSv1.3', -2],
  [LINE, '-MinProtocol', 'TLSv1.3', -2],
  [LINE, '-', 'TLSv1.3', -2],
  [FILE, 'min_protocol', 'TLSv1.3', -2],
  [
    FILE,
    'CipherString',
    'AES128-SHA',
    2,
    ciphers,
    'TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256 TLS_AES_128_GCM_SHA256 AES128-SHA',
  ],
  [FILE, 'CipherString', 'BOGUS', 0],
  [FILE, 'CipherString', null, -3],
  [LINE, '-ciphersuites', 'TLS_AES_128_CCM_SHA256', 2],
  [LINE, '-ciphersuites', 'BOGUS', 0],
  [FILE, 'Groups', 'P-256:X25519', 2],
  [FILE, 'Curves', 'P-256:BOGUS', 0],
  [LINE, '-curves', 'P-384', 2],
  [FILE, 'SignatureAlgorithms', 'RSA+SHA256:ed25519', 2],
  [FILE, 'SignatureAlgorithms', 'RSA', 0],
  [FILE, 'ClientSignatureAlgorithms', 'ECDSA+SHA384', 2],
  [FILE | SERVER, 'ECDHParameters', 'P-256', 2],
  [FILE | SERVER, 'ECDHParameters', '+Automatic', 2],
  [FILE | SERVER, 'ECDHParameters', 'P-256:P-384', 0],
  [LINE | SERVER, '-named_curve', 'auto', 2],
  [FILE | CLIENT, 'ECDHParameters', 'P-256', -2],
  [FILE | CLIENT, 'Options', '-SessionTicket', 2, options, USUAL | o.SSL_OP_NO_TICKET],
  [
    FILE | CLIENT,
    'Options',
    ' -sessionticket , Compression ',
    2,
    options,
    (USUAL | o.SSL_OP_NO_TICKET) & ~o.SSL_OP_NO_COMPRESSION,
  ],
  [
    FILE | CLIENT,
    'Options',
    '+NoRenegotiation,-MiddleboxCompat',
    2,
    options,
    (USUAL | o.SSL_OP_NO_RENEGOTIATION) & ~o.SSL_OP_ENABLE_MIDDLEBOX_COMPAT,
  ],
  [FILE | CLIENT, 'Options', 'Bugs', 2, options, (USUAL | o.SSL_OP_ALL) >>> 0],
  [FILE | CLIENT, 'Options', 'ServerPreference', 0],
  [
    FILE | SERVER,
    'Options',
    'ServerPreference,PrioritizeChaCha',
    2,
    options,
    USUAL | o.SSL_OP_CIPHER_SERVER_PREFERENCE | o.SSL_OP_PRIORITIZE_CHACHA,
  ],
  [FILE | SERVER, 'Options', '-EncryptThenMac', 2, options, USUAL | o.SSL_OP_NO_ENCRYPT_THEN_MAC],
  [FILE | SERVER, 'Options', '-AntiReplay', 2, options, USUAL | o.SSL_OP_NO_ANTI_REPLAY],
  [FILE | SERVER, 'Options', 'Bogus', 0],
  [FILE | SERVER, 'Options', '', 0],
  [FILE, 'Options', 'Bugs', 0],
  [FILE | CLIENT, 'Protocol', '-ALL,TLSv1.2', 2, options, USUAL | (o.SSL_OP_NO_SSL_MASK & ~o.SSL_OP_NO_TLSv1_2)],
  [FILE | CLIENT, 'VerifyMode', 'Peer', 2, verify, 1],
  [FILE | SERVER, 'VerifyMode', 'Peer', 0],
  [FILE | SERVER, 'VerifyMode', 'Request', 2, verify, 1],
  [FILE | SERVER, 'VerifyMode', 'Require,Once', 2, verify, 7],
  [FILE | SERVER, 'VerifyMode', 'RequestPostHandshake', 2, verify, 9],
  [FILE | SERVER, 'VerifyMode', 'RequirePostHandshake', 2, verify, 11],
  [FILE | SERVER, 'NumTickets', '4', 2, (ctx) => o.SSL_CTX_get_num_tickets(ctx), 4],
  [FILE | SERVER, 'NumTickets', '-1', 0],
  [FILE | CLIENT, 'NumTickets', '4', -2],
  [FILE, 'RecordPadding', '64', 2],
  [FILE, 'RecordPadding', '16385', 0],
  [LINE, '-no_tls1_3', null, 1, options, USUAL | o.SSL_OP_NO_TLSv1_3],
  [LINE, '-no_middlebox', 'taken by nobody', 1, options, USUAL & ~o.SSL_OP_ENABLE_MIDDLEBOX_COMPAT],
  [LINE, '-comp', null, 1, options, USUAL & ~o.SSL_OP_NO_COMPRESSION],
  [LINE | SERVER, '-serverpref', null, 1, options, USUAL | o.SSL_OP_CIPHER_SERVER_PREFERENCE],
  [LINE, '-serverpref', null, -2],
  [LINE | CLIENT, '-no_legacy_server_connect', null, 1, options, USUAL & ~o.SSL_OP_LEGACY_SERVER_CONNECT],
  [FILE, 'no_tls1_3', null, -2],
  [FILE, 'VerifyCAFile', 'anything', -2],
  [FILE | CERTIFICATE, 'VerifyCAFile', '/nowhere', 0],
  [FILE | CERTIFICATE, 'PrivateKey', '/nowhere', 0],
  [FILE | CERTIFICATE | CLIENT, 'ClientCAFile', '/nowhere', -2],
  [FILE | CERTIFICATE | SERVER, 'DHParameters', '/nowhere', 0],
  [FILE, 'Bogus', 'x', -2],
  [FILE, '', 'x', -2],
  [FILE, null, 'x', 0],
]

describe('SSL_CONF_cmd', () => {
  for (const [flags, cmd, value, ret, look, seen] of rows) {
    it(`${(flags & LINE) !== 0 ? 'on a command line' : 'in a file'}: ${cmd} ${value} (flags ${flags})`, () => {
      o.ERR_clear_error()
      const ctx = context()
      assert.equal(o.SSL_CONF_cmd(confOf(flags, ctx), cmd, value), ret)
      if (look) assert.deepEqual(look(ctx), seen)
    })
  }

  it('needs its prefix, in files whatever the case', () => {
    const file = confOf(FILE, context(), 'SSL_')
    assert.deepEqual(
      ['SSL_MinProtocol', 'ssl_minprotocol', 'MinProtocol', 'SSL_'].map((cmd) => o.SSL_CONF_cmd(file, cmd, 'TLSv1.2')),
      [2, 2, -2, -2],
    )
    const line = confOf(LINE, context(), '--')
    assert.deepEqual(
      ['--min_protocol', '-min_protocol'].map((cmd) => o.SSL_CONF_cmd(line, cmd, 'TLSv1.2')),
      [2, -2],
    )
  })

  it('checks what can be checked without a context', () => {
    const c = confOf(FILE | SERVER | CERTIFICATE, null)
    const said = [
      ['CipherString', 'AES128-SHA'],
      ['CipherString', 'BOGUS'],
      ['Groups', 'P-256'],
      ['Groups', 'BOGUS'],
      ['Options', 'SessionTicket'],
      ['Options', 'Bogus'],
      ['Certificate', '/nowhere'],
      ['VerifyCAFile', '/nowhere'],
      ['MinProtocol', 'TLSv1.2'],
    ].map(([cmd, value]) => o.SSL_CONF_cmd(c, cmd as string, value as string))
    assert.deepEqual(said, [2, 0, 2, 0, 2, 0, 2, 2, 0])
    assert.equal(o.SSL_CONF_CTX_finish(c), 1)
  })

  it('configures an SSL as it does a context', () => {
    const ssl = o.SSL_new(context()) as o.SSL
    const c = o.SSL_CONF_CTX_new()
    o.SSL_CONF_CTX_set_flags(c, FILE | CLIENT)
    o.SSL_CONF_CTX_set_ssl(c, ssl)
    assert.equal(o.SSL_CONF_cmd(c, 'MaxProtocol', 'TLSv1.2'), 2)
    assert.equal(o.SSL_CONF_cmd(c, 'Options', '-SessionTicket'), 2)
    assert.equal(o.SSL_get_max_proto_version(ssl), 0x303)
    assert.equal(o.SSL_get_options(ssl) & o.SSL_OP_NO_TICKET, o.SSL_OP_NO_TICKET)
  })

  it('says what is wrong if that is wished for', () => {
    const said = (cmd: string, value: string): string => {
      o.ERR_clear_error()
      o.SSL_CONF_cmd(confOf(FILE | SHOW, context()), cmd, value)
      const { code, data } = o.ERR_peek_last_error_line_data()
      return `${o.ERR_GET_REASON(code)} ${data}`
    }
    assert.equal(said('Bogus', 'x'), '386 cmd=Bogus')
    assert.equal(said('MinProtocol', 'x'), '384 cmd=MinProtocol, value=x')
  })

  it('takes commands out of an argument list', () => {
    const c = confOf(CLIENT, context())
    const argv = ['-no_tls1_3', '-cipher', 'AES128-SHA', '-connect', 'host:443']
    assert.deepEqual(
      [o.SSL_CONF_cmd_argv(c, argv), o.SSL_CONF_cmd_argv(c, argv), o.SSL_CONF_cmd_argv(c, argv)],
      [1, 2, 0],
    )
    assert.deepEqual(argv, ['-connect', 'host:443'])
    assert.equal(o.SSL_CONF_cmd_argv(c, ['-cipher', 'BOGUS']), -1)
    assert.equal(o.SSL_CONF_cmd_argv(c, ['-cipher']), -3)
    assert.equal(o.SSL_CONF_cmd_argv(c, []), 0)
  })

  it('knows what kind of value a command takes', () => {
    const c = confOf(FILE | CERTIFICATE | SERVER, null)
    const types = ['MinProtocol', 'Certificate', 'VerifyCAPath', 'bogus'].map((cmd) =>
      o.SSL_CONF_cmd_value_type(c, cmd),
    )
    assert.deepEqual(types, [1, 2, 3, 0])
    assert.equal(o.SSL_CONF_cmd_value_type(confOf(LINE, null), '-bugs'), 4)
  })
})

describe('SSL_CONF files', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'typetls-conf-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  const { leaf, middle, root } = await materials()
  const pem = (name: string, ...blocks: string[]): string => {
    writeFileSync(join(folder, name), blocks.join(''))
    return join(folder, name)
  }
  const certificate = writePem('CERTIFICATE', leaf.certificate.raw)
  const key = writePem('PRIVATE KEY', (leaf.key as unknown as { pkcs8: Uint8Array }).pkcs8)
  const alone = pem('alone.pem', certificate)
  const both = pem('both.pem', certificate, key)
  const roots = pem('roots.pem', ...[root, middle, root].map((one) => writePem('CERTIFICATE', one.certificate.raw)))
  const flags = FILE | CERTIFICATE | SERVER | o.SSL_CONF_FLAG_REQUIRE_PRIVATE

  it('takes a missing key out of the certificate file', () => {
    const ctx = context()
    const c = confOf(flags, ctx)
    assert.equal(o.SSL_CONF_cmd(c, 'Certificate', both), 2)
    assert.equal(o.SSL_CTX_get0_privatekey(ctx), null)
    assert.equal(o.SSL_CONF_CTX_finish(c), 1)
    assert.equal(o.SSL_CTX_check_private_key(ctx), 1)
  })
  it('refuses a certificate for which there is no key', () => {
    const c = confOf(flags, context())
    assert.equal(o.SSL_CONF_cmd(c, 'Certificate', alone), 2)
    assert.equal(o.SSL_CONF_CTX_finish(c), 0)
  })
  it('asks for no key where none is required', () => {
    const c = confOf(FILE | CERTIFICATE, context())
    assert.equal(o.SSL_CONF_cmd(c, 'Certificate', alone), 2)
    assert.equal(o.SSL_CONF_CTX_finish(c), 1)
  })
  it('collects names, and sets them at the end', () => {
    const ctx = context()
    const c = confOf(flags, ctx)
    assert.equal(o.SSL_CONF_cmd(c, 'ClientCAFile', roots), 2)
    assert.equal(o.SSL_CONF_cmd(c, 'RequestCAFile', alone), 2)
    assert.equal(ctx.settings.caList.length, 0)
    assert.equal(o.SSL_CONF_CTX_finish(c), 1)
    assert.deepEqual(
      ctx.settings.caList.map((name) => o.X509_NAME_oneline(name)),
      ['/CN=Root', '/CN=Middle', '/CN=Leaf'],
    )
  })
  it('loads stores of one purpose', () => {
    const ctx = context()
    const c = confOf(flags, ctx)
    assert.equal(o.SSL_CONF_cmd(c, 'VerifyCAFile', roots), 2)
    assert.equal(o.SSL_CONF_cmd(c, 'ChainCAFile', roots), 2)
    assert.notEqual(o.SSL_CTX_get0_verify_cert_store(ctx), null)
    assert.notEqual(o.SSL_CTX_get0_chain_cert_store(ctx), null)
    assert.equal(o.SSL_CTX_set1_chain_cert_store(ctx, null), 1)
    assert.equal(o.SSL_CTX_get0_chain_cert_store(ctx), null)
  })
})
