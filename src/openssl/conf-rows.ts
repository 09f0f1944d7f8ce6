import {
  SSL_CTX_use_certificate_chain_file,
  SSL_CTX_use_PrivateKey_file,
  SSL_load_client_CA_file,
  SSL_use_certificate_chain_file,
  SSL_use_PrivateKey_file,
} from './certificates.ts'
import type { Command, Outcome, SSL_CONF_CTX, Target } from './conf.ts'
import type { SSL_CTX } from './ctx.ts'
import { ERR_add_error_data, ERR_LIB_SSL, ERR_put_error, ERR_R_DISABLED } from './err.ts'
import * as set from './options.ts'
import { SSL_CTX_set_block_padding, SSL_set_block_padding } from './padding.ts'
import { filesIn } from './platform.ts'
import { Settings } from './settings.ts'
import type { SSL } from './ssl.ts'
import * as n from './ssl-numbers.ts'
import { loadInto } from './stores.ts'
import * as versions from './versions.ts'
import type { X509_NAME } from './x509.ts'

/** Every command of SSL_CONF_cmd(3), as rows. */

const { SSL_CONF_FLAG_CLIENT: CLIENT, SSL_CONF_FLAG_SERVER: SERVER, SSL_CONF_FLAG_CERTIFICATE: CERTIFICATE } = n
const { SSL_CONF_TYPE_STRING: STRING, SSL_CONF_TYPE_FILE: FILE, SSL_CONF_TYPE_DIR: DIR, SSL_CONF_TYPE_NONE: NONE } = n

// ---- switches and flags: bits that are set, or cleared

/** Bits that a word stands for, whether it means their absence, and for whom it is. */
interface Flag {
  readonly bits: number
  readonly inverse?: 'inverse'
  /** SSL_CONF_FLAG_CLIENT or _SERVER; undefined: either. */
  readonly role?: number
}

const turn = (
  { target }: SSL_CONF_CTX,
  field: 'options' | 'verifyMode',
  { bits, inverse }: Flag,
  on: boolean,
): void => {
  if (!target) return
  const { settings } = target
  settings[field] = (on === (inverse === undefined) ? settings[field] | bits : settings[field] & ~bits) >>> 0
}

const line = (name: string, bits: number, needs = 0, inverse?: 'inverse'): Command => ({
  line: name,
  type: NONE,
  needs,
  run(c) {
    turn(c, 'options', { bits, ...(inverse && { inverse }) }, true)
    return 1
  },
})

/** For command lines only. */
export const switches: readonly Command[] = [
  line('no_ssl3', n.SSL_OP_NO_SSLv3),
  line('no_tls1', n.SSL_OP_NO_TLSv1),
  line('no_tls1_1', n.SSL_OP_NO_TLSv1_1),
  line('no_tls1_2', n.SSL_OP_NO_TLSv1_2),
  line('no_tls1_3', n.SSL_OP_NO_TLSv1_3),
  line('bugs', n.SSL_OP_ALL),
  line('no_comp', n.SSL_OP_NO_COMPRESSION),
  line('comp', n.SSL_OP_NO_COMPRESSION, 0, 'inverse'),
  line('ecdh_single', n.SSL_OP_SINGLE_ECDH_USE, SERVER),
  line('no_ticket', n.SSL_OP_NO_TICKET),
  line('serverpref', n.SSL_OP_CIPHER_SERVER_PREFERENCE, SERVER),
  line('legacy_renegotiation', n.SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION, SERVER),
  line('legacy_server_connect', n.SSL_OP_LEGACY_SERVER_CONNECT, CLIENT),
  line('no_renegotiation', n.SSL_OP_NO_RENEGOTIATION),
  line('no_resumption_on_reneg', n.SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION, SERVER),
  line('no_legacy_server_connect', n.SSL_OP_LEGACY_SERVER_CONNECT, CLIENT, 'inverse'),
  line('allow_no_dhe_kex', n.SSL_OP_ALLOW_NO_DHE_KEX),
  line('prioritize_chacha', n.SSL_OP_PRIORITIZE_CHACHA, SERVER),
  line('no_middlebox', n.SSL_OP_ENABLE_MIDDLEBOX_COMPAT, 0, 'inverse'),
  line('anti_replay', n.SSL_OP_NO_ANTI_REPLAY, SERVER, 'inverse'),
  line('no_anti_replay', n.SSL_OP_NO_ANTI_REPLAY, SERVER),
]

/** What a list may say behind `Options`. */
const options: Readonly<Record<string, Flag>> = {
  SessionTicket: { bits: n.SSL_OP_NO_TICKET, inverse: 'inverse' },
  EmptyFragments: { bits: n.SSL_OP_DONT_INSERT_EMPTY_FRAGMENTS, inverse: 'inverse' },
  Bugs: { bits: n.SSL_OP_ALL },
  Compression: { bits: n.SSL_OP_NO_COMPRESSION, inverse: 'inverse' },
  ServerPreference: { bits: n.SSL_OP_CIPHER_SERVER_PREFERENCE, role: SERVER },
  NoResumptionOnRenegotiation: { bits: n.SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION, role: SERVER },
  DHSingle: { bits: n.SSL_OP_SINGLE_DH_USE, role: SERVER },
  ECDHSingle: { bits: n.SSL_OP_SINGLE_ECDH_USE, role: SERVER },
  UnsafeLegacyRenegotiation: { bits: n.SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION },
  UnsafeLegacyServerConnect: { bits: n.SSL_OP_LEGACY_SERVER_CONNECT, role: CLIENT },
  EncryptThenMac: { bits: n.SSL_OP_NO_ENCRYPT_THEN_MAC, inverse: 'inverse' },
  NoRenegotiation: { bits: n.SSL_OP_NO_RENEGOTIATION },
  AllowNoDHEKEX: { bits: n.SSL_OP_ALLOW_NO_DHE_KEX },
  PrioritizeChaCha: { bits: n.SSL_OP_PRIORITIZE_CHACHA },
  MiddleboxCompat: { bits: n.SSL_OP_ENABLE_MIDDLEBOX_COMPAT },
  AntiReplay: { bits: n.SSL_OP_NO_ANTI_REPLAY, inverse: 'inverse' },
}

/** What a list may say behind `Protocol`: the versions that are enabled. */
const protocols: Readonly<Record<string, Flag>> = {
  ALL: { bits: n.SSL_OP_NO_SSL_MASK, inverse: 'inverse' },
  SSLv2: { bits: n.SSL_OP_NO_SSLv2, inverse: 'inverse' },
  SSLv3: { bits: n.SSL_OP_NO_SSLv3, inverse: 'inverse' },
  TLSv1: { bits: n.SSL_OP_NO_TLSv1, inverse: 'inverse' },
  'TLSv1.1': { bits: n.SSL_OP_NO_TLSv1_1, inverse: 'inverse' },
  'TLSv1.2': { bits: n.SSL_OP_NO_TLSv1_2, inverse: 'inverse' },
  'TLSv1.3': { bits: n.SSL_OP_NO_TLSv1_3, inverse: 'inverse' },
  // of DTLS: the same bits as the versions of TLS that they go back to
  DTLSv1: { bits: n.SSL_OP_NO_TLSv1, inverse: 'inverse' },
  'DTLSv1.2': { bits: n.SSL_OP_NO_TLSv1_2, inverse: 'inverse' },
}

const POST_HANDSHAKE = n.SSL_VERIFY_PEER | n.SSL_VERIFY_POST_HANDSHAKE
/** What a list may say behind `VerifyMode`. */
const verifyModes: Readonly<Record<string, Flag>> = {
  Peer: { bits: n.SSL_VERIFY_PEER, role: CLIENT },
  Request: { bits: n.SSL_VERIFY_PEER, role: SERVER },
  Require: { bits: n.SSL_VERIFY_PEER | n.SSL_VERIFY_FAIL_IF_NO_PEER_CERT, role: SERVER },
  Once: { bits: n.SSL_VERIFY_PEER | n.SSL_VERIFY_CLIENT_ONCE, role: SERVER },
  RequestPostHandshake: { bits: POST_HANDSHAKE, role: SERVER },
  RequirePostHandshake: { bits: POST_HANDSHAKE | n.SSL_VERIFY_FAIL_IF_NO_PEER_CERT, role: SERVER },
}

/** `A,-B,+C`: blanks around an item do not count, nor does its case. Ends at the first that is none. */
const flags = (file: string, table: Readonly<Record<string, Flag>>, field: 'options' | 'verifyMode'): Command => ({
  file,
  type: STRING,
  needs: 0,
  run(c, list) {
    const known = new Map(Object.entries(table).map(([name, flag]) => [name.toLowerCase(), flag]))
    for (const part of list.split(',')) {
      const item = part.trim()
      const flag = known.get(item.replace(/^[+-]/, '').toLowerCase())
      if (!flag || ((flag.role ?? CLIENT | SERVER) & c.flags) === 0) return 0
      turn(c, field, flag, !item.startsWith('-'))
    }
    return 1
  },
})

export const optionCommands: readonly Command[] = [
  flags('Protocol', protocols, 'options'),
  flags('Options', options, 'options'),
  flags('VerifyMode', verifyModes, 'verifyMode'),
]

// ---- commands with a value

type Setter<T> = (to: T, value: string) => number
type Run = Command['run']

const tell = (target: Target, value: string, ofCtx: Setter<SSL_CTX>, ofSsl: Setter<SSL>): Outcome =>
  target.kind === 'SSL' ? ofSsl(target, value) : ofCtx(target, value)

/** Of values that can be judged without a context: they are told to one that nobody has. */
const judged =
  (ofCtx: Setter<SSL_CTX>, ofSsl: Setter<SSL>): Run =>
  ({ target }, value) =>
    tell(target ?? nobody(), value, ofCtx, ofSsl)
/** Only settings are touched by what is told to it. */
const nobody = (): SSL_CTX => ({ kind: 'SSL_CTX', references: 1, settings: new Settings() }) as unknown as SSL_CTX

/** Of values that mean nothing without a context: then any will do. */
const told =
  (ofCtx: Setter<SSL_CTX>, ofSsl: Setter<SSL>): Run =>
  ({ target }, value) =>
    target ? tell(target, value, ofCtx, ofSsl) : 1

const versionNames: Readonly<Record<string, number>> = {
  None: 0,
  SSLv3: n.SSL3_VERSION,
  TLSv1: n.TLS1_VERSION,
  'TLSv1.1': n.TLS1_1_VERSION,
  'TLSv1.2': n.TLS1_2_VERSION,
  'TLSv1.3': n.TLS1_3_VERSION,
}
/** Versions of DTLS are no bounds of any method here. */
const bound =
  (ofCtx: (to: SSL_CTX, v: number) => number, ofSsl: (to: SSL, v: number) => number): Run =>
  ({ target }, value) => {
    const version = Object.hasOwn(versionNames, value) ? versionNames[value] : undefined
    if (!target || version === undefined) return 0
    return target.kind === 'SSL' ? ofSsl(target, version) : ofCtx(target, version)
  }

/** Leading digits, as atoi(3) reads them. */
const count = (value: string): number => Number.parseInt(value, 10) || 0

const useCertificate: Run = (c, file) => {
  const { target } = c
  if (!target) return 1
  const ok = tell(target, file, SSL_CTX_use_certificate_chain_file, SSL_use_certificate_chain_file)
  if (ok > 0 && (c.flags & n.SSL_CONF_FLAG_REQUIRE_PRIVATE) !== 0 && target.settings.current !== null)
    c.files.set(target.settings.current, file)
  return ok
}

const useStore =
  (purpose: 'verifyStore' | 'chainStore', form: 'file' | 'folder'): Run =>
  ({ target }, path) => {
    if (!target) return 1
    return form === 'file' ? loadInto(target, purpose, path, null) : loadInto(target, purpose, null, path)
  }

/** Every subject once, in the order of the files. */
const addNames = (c: SSL_CONF_CTX, found: readonly X509_NAME[] | null): Outcome => {
  if (!found) return 0
  const known = new Set(c.names.map(({ name }) => name.key))
  c.names.push(...found.filter(({ name }) => !known.has(name.key)))
  return 1
}
const nameFile: Run = (c, file) => addNames(c, SSL_load_client_CA_file(file))
const nameFolder: Run = (c, folder) =>
  filesIn(folder).every((name) => addNames(c, SSL_load_client_CA_file(`${folder}/${name}`)) === 1) ? 1 : 0

/** One curve, or `automatic`, which is what happens anyway. */
const ecdhParameters: Run = (c, value) => {
  const line = (c.flags & n.SSL_CONF_FLAG_CMDLINE) !== 0
  if (line ? value === 'auto' : /^\+?automatic$/i.test(value)) return 1
  return value.includes(':') ? 0 : judged(set.SSL_CTX_set1_groups_list, set.SSL_set1_groups_list)(c, value)
}

const refusedParameters: Run = () => {
  ERR_put_error(ERR_LIB_SSL, 0, ERR_R_DISABLED, WHERE, 0)
  ERR_add_error_data('there are no DHE suites here that parameters could be for; leave DHParameters out')
  return 0
}

const value = (file: string, line: string | null, type: number, needs: number, run: Run): Command => ({
  file,
  ...(line !== null && { line }),
  type,
  needs,
  run,
})
const SERVER_CERTIFICATE = SERVER | CERTIFICATE
const groups = judged(set.SSL_CTX_set1_groups_list, set.SSL_set1_groups_list)

/** By their names in files and on command lines. */
export const valueCommands: readonly Command[] = [
  value('SignatureAlgorithms', 'sigalgs', STRING, 0, judged(set.SSL_CTX_set1_sigalgs_list, set.SSL_set1_sigalgs_list)),
  value(
    'ClientSignatureAlgorithms',
    'client_sigalgs',
    STRING,
    0,
    judged(set.SSL_CTX_set1_client_sigalgs_list, set.SSL_set1_client_sigalgs_list),
  ),
  value('Curves', 'curves', STRING, 0, groups),
  value('Groups', 'groups', STRING, 0, groups),
  value('ECDHParameters', 'named_curve', STRING, SERVER, ecdhParameters),
  value('CipherString', 'cipher', STRING, 0, judged(set.SSL_CTX_set_cipher_list, set.SSL_set_cipher_list)),
  value('Ciphersuites', 'ciphersuites', STRING, 0, judged(set.SSL_CTX_set_ciphersuites, set.SSL_set_ciphersuites)),
  value(
    'MinProtocol',
    'min_protocol',
    STRING,
    0,
    bound(versions.SSL_CTX_set_min_proto_version, versions.SSL_set_min_proto_version),
  ),
  value(
    'MaxProtocol',
    'max_protocol',
    STRING,
    0,
    bound(versions.SSL_CTX_set_max_proto_version, versions.SSL_set_max_proto_version),
  ),
  value('Certificate', 'cert', FILE, CERTIFICATE, useCertificate),
  value(
    'PrivateKey',
    'key',
    FILE,
    CERTIFICATE,
    told(
      (ctx, file) => SSL_CTX_use_PrivateKey_file(ctx, file, n.SSL_FILETYPE_PEM),
      (ssl, file) => SSL_use_PrivateKey_file(ssl, file, n.SSL_FILETYPE_PEM),
    ),
  ),
  value('ChainCAPath', 'chainCApath', DIR, CERTIFICATE, useStore('chainStore', 'folder')),
  value('ChainCAFile', 'chainCAfile', FILE, CERTIFICATE, useStore('chainStore', 'file')),
  value('VerifyCAPath', 'verifyCApath', DIR, CERTIFICATE, useStore('verifyStore', 'folder')),
  value('VerifyCAFile', 'verifyCAfile', FILE, CERTIFICATE, useStore('verifyStore', 'file')),
  value('RequestCAFile', 'requestCAFile', FILE, CERTIFICATE, nameFile),
  value('ClientCAFile', null, FILE, SERVER_CERTIFICATE, nameFile),
  value('RequestCAPath', null, DIR, CERTIFICATE, nameFolder),
  value('ClientCAPath', null, DIR, SERVER_CERTIFICATE, nameFolder),
  value('DHParameters', 'dhparam', FILE, SERVER_CERTIFICATE, refusedParameters),
  value(
    'RecordPadding',
    'record_padding',
    STRING,
    0,
    told(
      (ctx, size) => SSL_CTX_set_block_padding(ctx, count(size)),
      (ssl, size) => SSL_set_block_padding(ssl, count(size)),
    ),
  ),
  value(
    'NumTickets',
    'num_tickets',
    STRING,
    SERVER,
    told(
      (ctx, number) => (count(number) < 0 ? 0 : set.SSL_CTX_set_num_tickets(ctx, count(number))),
      (ssl, number) => (count(number) < 0 ? 0 : set.SSL_set_num_tickets(ssl, count(number))),
    ),
  ),
]

const WHERE = 'openssl/conf-rows.ts'
