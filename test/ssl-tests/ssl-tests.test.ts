import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Case, type Entry, readCases } from './cases.ts'
import { needs } from './needs.ts'
import { runCase } from './run.ts'

const certificates = fileURLToPath(new URL('../../../shared/data/ssl-tests/certs', import.meta.url))
const skip = existsSync(certificates) ? false : 'the certificates are not here'

/** What a case says in each of its sections; the rest is as in most files. */
interface Sketch {
  readonly test?: readonly string[]
  readonly server?: readonly string[]
  readonly client?: readonly string[]
  readonly server2?: readonly string[]
  readonly extra?: Readonly<Record<string, readonly string[]>>
}

const certs = '$'.concat('{ENV::TEST_CERTS_DIR}')
const text = ({ test = [], server = [], client = [], server2, extra = {} }: Sketch): string => {
  const resumes = test.includes('HandshakeMode = Resume')
  const identity = [`Certificate = ${certs}/servercert.pem`, `PrivateKey = ${certs}/serverkey.pem`]
  return [
    ...['num_tests = 1', 'test-0 = 0-case', '[0-case]', 'ssl_conf = 0-case-ssl', '[0-case-ssl]'],
    ...['server = 0-server', 'client = 0-client', ...(server2 ? ['server2 = 0-server2'] : [])],
    ...(resumes ? ['resume-server = 0-server', 'resume-client = 0-client'] : []),
    ...['[0-server]', ...identity, 'CipherString = DEFAULT', ...server],
    ...['[0-client]', 'CipherString = DEFAULT', 'VerifyMode = Peer', ...client],
    ...(client.some((line) => line.startsWith('VerifyCAFile')) ? [] : [`VerifyCAFile = ${certs}/rootcert.pem`]),
    ...(server2 ? ['[0-server2]', ...identity, ...server2] : []),
    ...['[test-0]', ...test, ...Object.keys(extra).map((role) => `${role} = 0-${role}-extra`)],
    ...Object.entries(extra).flatMap(([role, lines]) => [`[0-${role}-extra]`, ...lines]),
  ].join('\n')
}
const read = (sketch: Sketch): Entry => readCases(text(sketch), certificates)[0] as Entry

const TLS13 = ['MinProtocol = TLSv1.3']
const KEY_UPDATE = ['HandshakeMode = KeyUpdateServer', 'KeyUpdateType = KeyUpdateRequested']
const LATER = ['HandshakeMode = PostHandshakeAuth']
const DATA = ['SessionTicketAppData = Hello']

/** What holds, and what a wrong expectation is answered with: nothing passes by itself. */
const rows: readonly (readonly [name: string, sketch: Sketch, differs?: RegExp])[] = [
  ['the usual', { test: ['ExpectedProtocol = TLSv1.3'] }],
  ['another version than expected', { test: ['ExpectedProtocol = TLSv1.2'] }, /^version: TLSv1.3 instead of TLSv1.2$/],
  ['another result', { test: ['ExpectedResult = ClientFail'] }, /^result: Success instead of ClientFail$/],
  ['no resumption', { test: ['ResumptionExpected = Yes'] }, /resumption on the client: false instead of true/],
  ['resumption', { test: ['HandshakeMode = Resume', 'ResumptionExpected = Yes'] }],
  ['another cipher', { test: ['ExpectedCipher = AES128-SHA'] }, /^cipher: TLS_AES_256_GCM_SHA384 instead/],
  ['another group', { test: ['ExpectedTmpKeyType = X448'] }, /^group: X25519 instead of X448$/],
  ['another certificate', { test: ['ExpectedServerCertType = P-256'] }, /^certificate of the server: RSA instead/],
  ['no ALPN', { test: ['ExpectedALPNProtocol = h2'] }, /ALPN: {2}instead of h2/],
  ['another alert', { test: ['ExpectedServerAlert = UnknownCA'] }, /alert of the server: 0 instead of 48/],
  ['key update', { test: KEY_UPDATE, server: TLS13 }],
  [
    'key update in TLS 1.2',
    { test: KEY_UPDATE, client: ['MaxProtocol = TLSv1.2'] },
    /ServerFail instead of Success.*SSL_key_update/,
  ],
  [
    'certificate later',
    { test: LATER, server: ['VerifyMode = RequestPostHandshake'], extra: { client: ['EnablePHA = Yes'] } },
  ],
  [
    'certificate later, not offered',
    { test: [...LATER, 'ExpectedResult = ServerFail'], server: ['VerifyMode = RequestPostHandshake'] },
  ],
  [
    'certificate later, not offered, asked for all the same',
    {
      test: [...LATER, 'ExpectedResult = ClientFail'],
      server: ['VerifyMode = RequestPostHandshake'],
      extra: { server: ['ForcePHA = Yes'] },
    },
  ],
  ['good status', { extra: { server: ['CertStatus = GoodResponse'] } }],
  ['bad status', { test: ['ExpectedResult = ClientFail'], extra: { server: ['CertStatus = BadResponse'] } }],
  [
    'data in a ticket',
    {
      test: ['HandshakeMode = Resume', 'ResumptionExpected = Yes', 'ExpectedSessionTicketAppData = Hello'],
      extra: { server: DATA, 'resume-server': DATA },
    },
  ],
  ['a broken ticket', { test: ['SessionTicketExpected = No'], extra: { server: ['BrokenSessionTicket = Yes'] } }],
  [
    'tickets of the context that a name leads to',
    {
      test: ['ExpectedServerName = server2', 'SessionTicketExpected = No'],
      server: ['Options = SessionTicket'],
      client: ['MaxProtocol = TLSv1.2'],
      server2: ['Options = -SessionTicket'],
      extra: { server: ['ServerNameCallback = IgnoreMismatch'], client: ['ServerName = server2'] },
    },
  ],
  ['padding', { test: ['ApplicationData = 3072'], server: ['RecordPadding = 4096'], client: ['RecordPadding = 1024'] }],
  [
    'fragments of a resumed session',
    {
      test: ['HandshakeMode = Resume', 'ExpectedResult = ServerFail'],
      extra: { client: ['MaxFragmentLenExt = 512'], 'resume-client': ['MaxFragmentLenExt = 1024'] },
    },
  ],
  ['a server command on a client', { client: ['Options = ServerPreference'] }, /Options = ServerPreference is refused/],
  ['an unknown command', { client: ['Bogus = 1'] }, /Bogus = 1 is refused: unknown cmd name/],
  ['an unknown key', { test: ['Bogus = 1'] }, /there is no key Bogus/],
  ['an unknown value', { test: ['ExpectedResult = Perhaps'] }, /"Perhaps" is none of/],
  ['an unknown key of an extra section', { extra: { client: ['Bogus = 1'] } }, /there is no key Bogus/],
]

describe('the driver of declarative handshake tests', { skip }, () => {
  for (const [name, sketch, differs] of rows) {
    it(name, () => {
      const entry = read(sketch)
      const found = 'broken' in entry ? [entry.broken] : runCase(entry)
      if (differs) assert.match(found.join('; '), differs)
      else assert.deepEqual(found, [])
    })
  }
})

const range = (min: string, max: string): string[] => [`MinProtocol = ${min}`, `MaxProtocol = ${max}`]
/** What a case is skipped for. */
const skips: readonly (readonly [name: string, sketch: Sketch, why: string | undefined])[] = [
  ['nothing', {}, undefined],
  ['DTLS', { test: ['Method = DTLS'] }, 'DTLS'],
  ['renegotiation', { test: ['HandshakeMode = RenegotiateClient'] }, 'renegotiation'],
  ['SRP', { extra: { client: ['SRPUser = user'] } }, 'SRP'],
  ['NPN', { extra: { server: ['NPNProtocols = foo'] } }, 'NPN'],
  ['CT', { extra: { client: ['CTValidation = Strict'] } }, 'Certificate Transparency'],
  ['compression wanted', { test: ['CompressionExpected = Yes'] }, 'compression'],
  ['compression allowed', { client: ['Options = Compression'] }, undefined],
  ['a binary curve', { client: ['Curves = sect163k1'] }, 'obsolete curves'],
  ['a curve of today', { client: ['Curves = P-384'] }, undefined],
  ['both in TLS 1.1', { client: range('TLSv1', 'TLSv1.1') }, 'TLS 1.0 and 1.1'],
  ['both in TLS 1.2', { client: range('TLSv1', 'TLSv1.2') }, undefined],
  [
    'an old server answers a client of TLS 1.2',
    { client: range('TLSv1.2', 'TLSv1.2'), server: range('TLSv1', 'TLSv1.1') },
    'TLS 1.0 and 1.1',
  ],
  [
    'an old server and a client that lists newer versions',
    { client: range('TLSv1.2', 'TLSv1.3'), server: range('TLSv1', 'TLSv1.1') },
    undefined,
  ],
  [
    'an old client and a new server',
    { client: range('TLSv1', 'TLSv1.1'), server: range('TLSv1.2', 'TLSv1.3') },
    'TLS 1.0 and 1.1',
  ],
  ['a client of SSL 3.0 alone', { client: range('SSLv3', 'SSLv3') }, undefined],
  ['a client of no version', { client: range('TLSv1.3', 'TLSv1.2') }, undefined],
]

describe('what the driver skips', { skip }, () => {
  for (const [name, sketch, why] of skips) it(name, () => assert.equal(needs(read(sketch) as Case), why))
})
