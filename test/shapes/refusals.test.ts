import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type ConfigInput, defineConfig, TLS12, TLS13 } from '../../src/config.ts'
import { groups } from '../../src/crypto/groups.ts'
import { node } from '../../src/crypto/node/index.ts'
import { suites } from '../../src/crypto/suites.ts'
import { type AlertName, AlertReceived, alerts, TlsError } from '../../src/errors.ts'
import type { Reason } from '../../src/reasons.ts'
import type { Session } from '../../src/session/session.ts'
import { memoryTickets } from '../../src/session/tickets.ts'
import { verifier } from '../../src/x509/path.ts'
import { lateProvider } from '../late.ts'
import { type Materials, materials, NOW } from '../materials.ts'
import { makePair, type Pair, settle } from '../pair.ts'

type Lie = (body: any) => unknown
type Part = Partial<Omit<ConfigInput, 'provider'>>

/** What one end does or says, and the verdict of the other: alert and reason. */
interface Refusal {
  readonly name: string
  /** Who finds it. */
  readonly by: 'client' | 'server'
  readonly alert: AlertName
  readonly reason: Reason
  /** Set for both ends. */
  readonly versions?: readonly (0x0303 | 0x0304)[]
  readonly client?: (m: Materials) => Part
  readonly server?: (m: Materials) => Part
  /** By message name: what is said instead, by the end that is not `by`. `at` counts messages of that name. */
  readonly lie?: Readonly<Record<string, Lie>>
  readonly resume?: boolean
}

const t12 = [TLS12] as const
const psk = { identity: Uint8Array.of(7), secret: new Uint8Array(20).fill(7), hash: 'sha256' } as const
const flip = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte))
const without = (object: Record<string, unknown>, key: string): Record<string, unknown> =>
  Object.fromEntries(Object.entries(object).filter(([name]) => name !== key))
const extended = (body: { extensions: object }, extensions: object): object => ({
  ...body,
  extensions: { ...body.extensions, ...extensions },
})
const raw = (type: number, ...data: number[]) => ({ unknown: [{ type, data: Uint8Array.from(data) }] })
const retry = { groups: groups.filter((group) => group.name === 'secp256r1') }
const suite = (id: number) => suites.filter((row) => row.id === id)
const serverLies: Refusal[] = (
  [
    [
      'session id not echoed',
      'illegal_parameter',
      'INVALID_SESSION_ID',
      { serverHello: (b) => ({ ...b, legacySessionIdEcho: flip(b.legacySessionIdEcho) }) },
    ],
    [
      'suite that is no suite',
      'illegal_parameter',
      'WRONG_CIPHER_RETURNED',
      { serverHello: (b) => ({ ...b, cipherSuite: 0x1a1a }) },
    ],
    [
      'suite of TLS 1.2',
      'illegal_parameter',
      'WRONG_CIPHER_RETURNED',
      { serverHello: (b) => ({ ...b, cipherSuite: 0xc02f }) },
    ],
    [
      'suite not offered',
      'illegal_parameter',
      'WRONG_CIPHER_RETURNED',
      { serverHello: (b) => ({ ...b, cipherSuite: 0x1304 }) },
    ],
    [
      'compression',
      'illegal_parameter',
      'UNSUPPORTED_COMPRESSION_ALGORITHM',
      { serverHello: (b) => ({ ...b, legacyCompressionMethod: 1 }) },
    ],
    [
      'legacy version 1.1',
      'protocol_version',
      'WRONG_SSL_VERSION',
      { serverHello: (b) => ({ ...b, legacyVersion: 0x0302 }) },
    ],
    [
      'supported_versions 1.2',
      'illegal_parameter',
      'BAD_EXTENSION',
      { serverHello: (b) => extended(b, { supportedVersions: 0x0303 }) },
    ],
    [
      'no key share',
      'missing_extension',
      'NO_SUITABLE_KEY_SHARE',
      { serverHello: (b) => ({ ...b, extensions: without(b.extensions, 'keyShare') }) },
    ],
    [
      'key share of another group',
      'illegal_parameter',
      'BAD_KEY_SHARE',
      { serverHello: (b) => extended(b, { keyShare: { group: 0x17, keyExchange: new Uint8Array(65) } }) },
    ],
    [
      'key share of low order',
      'illegal_parameter',
      'BAD_KEY_SHARE',
      { serverHello: (b) => extended(b, { keyShare: { group: 0x1d, keyExchange: new Uint8Array(32) } }) },
    ],
    [
      'key share of another length',
      'illegal_parameter',
      'BAD_KEY_SHARE',
      { serverHello: (b) => extended(b, { keyShare: { group: 0x1d, keyExchange: new Uint8Array(31).fill(9) } }) },
    ],
    [
      'key that was not offered',
      'unsupported_extension',
      'UNSOLICITED_EXTENSION',
      { serverHello: (b) => extended(b, { preSharedKey: 0 }) },
    ],
    [
      'unknown extension in ServerHello',
      'unsupported_extension',
      'UNSOLICITED_EXTENSION',
      { serverHello: (b) => extended(b, raw(0x1a1a)) },
    ],
    [
      'ALPN in ServerHello',
      'illegal_parameter',
      'BAD_EXTENSION',
      { serverHello: (b) => extended(b, raw(16, 0, 3, 2, 104, 50)) },
    ],
    [
      'unknown extension in EncryptedExtensions',
      'unsupported_extension',
      'UNSOLICITED_EXTENSION',
      { encryptedExtensions: (b) => extended(b, raw(0x1a1a)) },
    ],
    [
      'ALPN not asked for',
      'unsupported_extension',
      'UNSOLICITED_EXTENSION',
      { encryptedExtensions: (b) => extended(b, { alpn: ['h2'] }) },
    ],
    [
      'key share in EncryptedExtensions',
      'illegal_parameter',
      'BAD_EXTENSION',
      { encryptedExtensions: (b) => extended(b, raw(51, 0, 29)) },
    ],
    [
      'the same extension twice',
      'illegal_parameter',
      'BAD_EXTENSION',
      {
        encryptedExtensions: (b) =>
          extended(b, {
            unknown: [
              { type: 0, data: new Uint8Array(0) },
              { type: 0, data: new Uint8Array(0) },
            ],
          }),
      },
    ],
    [
      'early data not offered',
      'unsupported_extension',
      'UNSOLICITED_EXTENSION',
      { encryptedExtensions: (b) => extended(b, { earlyData: true }) },
    ],
    [
      'empty certificate',
      'decode_error',
      'PEER_DID_NOT_RETURN_A_CERTIFICATE',
      { certificate: (b) => ({ ...b, certificateList: [] }) },
    ],
    [
      'context in a server certificate',
      'illegal_parameter',
      'INVALID_CONTEXT',
      { certificate: (b) => ({ ...b, certificateRequestContext: Uint8Array.of(1) }) },
    ],
    [
      'certificate that is no certificate',
      'bad_certificate',
      'CERT_LENGTH_MISMATCH',
      { certificate: (b) => ({ ...b, certificateList: [{ certData: Uint8Array.of(1, 2, 3), extensions: {} }] }) },
    ],
    [
      'stapled response not asked for',
      'unsupported_extension',
      'UNSOLICITED_EXTENSION',
      {
        certificate: (b) => ({
          ...b,
          certificateList: [{ ...b.certificateList[0], extensions: { statusRequest: Uint8Array.of(1) } }],
        }),
      },
    ],
    [
      'signature flipped',
      'decrypt_error',
      'BAD_SIGNATURE',
      { certificateVerify: (b) => ({ ...b, signature: flip(b.signature) }) },
    ],
    [
      'signature empty',
      'decrypt_error',
      'BAD_SIGNATURE',
      { certificateVerify: (b) => ({ ...b, signature: new Uint8Array(0) }) },
    ],
    [
      'signature scheme of another key',
      'illegal_parameter',
      'WRONG_SIGNATURE_TYPE',
      { certificateVerify: (b) => ({ ...b, algorithm: 0x0804 }) },
    ],
    [
      'signature scheme of TLS 1.2',
      'illegal_parameter',
      'WRONG_SIGNATURE_TYPE',
      { certificateVerify: (b) => ({ ...b, algorithm: 0x0401 }) },
    ],
    ['Finished flipped', 'decrypt_error', 'DIGEST_CHECK_FAILED', { finished: flip }],
    ['Finished short', 'decode_error', 'BAD_DIGEST_LENGTH', { finished: (b: Uint8Array) => b.subarray(1) }],
    ['Finished empty', 'decode_error', 'BAD_DIGEST_LENGTH', { finished: () => new Uint8Array(0) }],
  ] as const satisfies readonly (readonly [string, AlertName, Reason, Readonly<Record<string, Lie>>])[]
).map(([name, alert, reason, lie]) => ({ name: `1.3 server: ${name}`, by: 'client', alert, reason, lie }))

const retries: Refusal[] = (
  [
    ['for a group we did not offer', 'illegal_parameter', 'BAD_KEY_SHARE', (b) => extended(b, { keyShare: 0x0101 })],
    ['for a group whose share we sent', 'illegal_parameter', 'BAD_KEY_SHARE', (b) => extended(b, { keyShare: 0x001d })],
    [
      'for nothing',
      'illegal_parameter',
      'NO_CHANGE_FOLLOWING_HRR',
      (b) => ({ ...b, extensions: without(b.extensions, 'keyShare') }),
    ],
    ['with an unknown extension', 'unsupported_extension', 'UNSOLICITED_EXTENSION', (b) => extended(b, raw(0x1a1a))],
  ] as const satisfies readonly (readonly [string, AlertName, Reason, Lie])[]
).map(([name, alert, reason, lie]) => ({
  name: `1.3 server: HelloRetryRequest ${name}`,
  by: 'client',
  alert,
  reason,
  server: () => retry,
  lie: { serverHello: (b: { kind: string }) => (b.kind === 'helloRetryRequest' ? lie(b as never) : b) },
}))

const server12Lies: Refusal[] = (
  [
    ['id of the disguise repeated', 'illegal_parameter', 'INVALID_SESSION_ID', undefined],
    [
      'no renegotiation_info',
      'handshake_failure',
      'UNSAFE_LEGACY_RENEGOTIATION_DISABLED',
      { serverHello: (b) => ({ ...b, extensions: without(b.extensions, 'renegotiationInfo') }) },
    ],
    [
      'renegotiation_info not empty',
      'handshake_failure',
      'RENEGOTIATION_MISMATCH',
      { serverHello: (b) => extended(b, { renegotiationInfo: Uint8Array.of(1) }) },
    ],
    [
      'version 1.1',
      'protocol_version',
      'UNSUPPORTED_PROTOCOL',
      { serverHello: (b) => ({ ...b, legacyVersion: 0x0302 }) },
    ],
    [
      'suite of TLS 1.3',
      'illegal_parameter',
      'WRONG_CIPHER_RETURNED',
      { serverHello: (b) => ({ ...b, cipherSuite: 0x1301 }) },
    ],
    [
      'suite of another kind of key',
      'illegal_parameter',
      'WRONG_CERTIFICATE_TYPE',
      { serverHello: (b) => ({ ...b, cipherSuite: 0xc02f }) },
    ],
    ['certificate list empty', 'decode_error', 'PEER_DID_NOT_RETURN_A_CERTIFICATE', { certificate12: () => [] }],
    [
      'curve not offered',
      'illegal_parameter',
      'WRONG_CURVE',
      { serverKeyExchange: (b) => ({ ...b, params: { ...b.params, namedCurve: 0x1a } }) },
    ],
    [
      'curve that is no named curve',
      'illegal_parameter',
      'WRONG_CURVE',
      { serverKeyExchange: (b) => ({ ...b, params: { ...b.params, curveType: 1 } }) },
    ],
    [
      'point exchanged',
      'decrypt_error',
      'BAD_SIGNATURE',
      { serverKeyExchange: (b) => ({ ...b, params: { ...b.params, point: flip(b.params.point) } }) },
    ],
    [
      'signature flipped',
      'decrypt_error',
      'BAD_SIGNATURE',
      { serverKeyExchange: (b) => ({ ...b, signature: flip(b.signature) }) },
    ],
    [
      'signature scheme of another key',
      'illegal_parameter',
      'WRONG_SIGNATURE_TYPE',
      { serverKeyExchange: (b) => ({ ...b, algorithm: 0x0401 }) },
    ],
    ['Finished flipped', 'decrypt_error', 'DIGEST_CHECK_FAILED', { finished: flip }],
  ] as const satisfies readonly (readonly [string, AlertName, Reason, Readonly<Record<string, Lie>> | undefined])[]
).map(([name, alert, reason, lie]) => ({
  name: `1.2 server: ${name}`,
  by: 'client',
  alert,
  reason,
  // the disguise needs a client that offers TLS 1.3 too
  ...(lie
    ? { versions: t12, lie }
    : { server: () => ({ versions: t12 }), lie: { serverHello: (b) => ({ ...b, legacySessionIdEcho: sent.id }) } }),
}))
/** The session id of the hello under way. */
const sent: { id: Uint8Array } = { id: new Uint8Array(0) }

const clientLies: Refusal[] = (
  [
    [
      'no null compression',
      'illegal_parameter',
      'NO_COMPRESSION_SPECIFIED',
      { clientHello: (b) => ({ ...b, legacyCompressionMethods: Uint8Array.of(1) }) },
    ],
    [
      'two compressions',
      'illegal_parameter',
      'INVALID_COMPRESSION_ALGORITHM',
      { clientHello: (b) => ({ ...b, legacyCompressionMethods: Uint8Array.of(0, 1) }) },
    ],
    [
      'no key_share',
      'missing_extension',
      'NO_SUITABLE_KEY_SHARE',
      { clientHello: (b) => ({ ...b, extensions: without(b.extensions, 'keyShare') }) },
    ],
    [
      'no supported_groups',
      'missing_extension',
      'NO_SUITABLE_KEY_SHARE',
      { clientHello: (b) => ({ ...b, extensions: without(b.extensions, 'supportedGroups') }) },
    ],
    [
      'no signature_algorithms',
      'missing_extension',
      'MISSING_SIGALGS_EXTENSION',
      { clientHello: (b) => ({ ...b, extensions: without(b.extensions, 'signatureAlgorithms') }) },
    ],
    [
      'share for a group that is not named',
      'illegal_parameter',
      'BAD_KEY_SHARE',
      { clientHello: (b) => extended(b, { supportedGroups: [0x17] }) },
    ],
    [
      'two shares for one group',
      'illegal_parameter',
      'BAD_KEY_SHARE',
      { clientHello: (b) => extended(b, { keyShare: [b.extensions.keyShare[0], b.extensions.keyShare[0]] }) },
    ],
    [
      'share of low order',
      'illegal_parameter',
      'BAD_KEY_SHARE',
      { clientHello: (b) => extended(b, { keyShare: [{ group: 0x1d, keyExchange: new Uint8Array(32) }] }) },
    ],
    [
      'renegotiation_info not empty',
      'handshake_failure',
      'RENEGOTIATION_MISMATCH',
      { clientHello: (b) => extended(b, { renegotiationInfo: Uint8Array.of(1) }) },
    ],
    [
      'only unknown versions',
      'protocol_version',
      'UNSUPPORTED_PROTOCOL',
      { clientHello: (b) => extended(b, { supportedVersions: [0x0305, 0x7f1c] }) },
    ],
    [
      'suites without one of ours',
      'handshake_failure',
      'NO_SHARED_CIPHER',
      { clientHello: (b) => ({ ...b, cipherSuites: [0x0a0a, 0x1399] }) },
    ],
    [
      'fallback',
      'inappropriate_fallback',
      'INAPPROPRIATE_FALLBACK',
      {
        clientHello: (b) => ({
          ...b,
          cipherSuites: [...b.cipherSuites, 0x5600],
          extensions: without(b.extensions, 'supportedVersions'),
        }),
      },
    ],
    [
      'a cookie that nobody gave',
      'illegal_parameter',
      'BAD_EXTENSION',
      { clientHello: (b) => extended(b, { cookie: Uint8Array.of(1) }) },
    ],
    ['Finished flipped', 'decrypt_error', 'DIGEST_CHECK_FAILED', { finished: flip }],
  ] as const satisfies readonly (readonly [string, AlertName, Reason, Readonly<Record<string, Lie>>])[]
).map(([name, alert, reason, lie]) => ({
  name: `1.3 client: ${name}`,
  by: 'server',
  alert,
  reason,
  lie,
  ...(name.startsWith('a cookie') && { server: () => retry }),
}))

const others: Refusal[] = [
  {
    name: 'binder flipped',
    by: 'server',
    alert: 'decrypt_error',
    reason: 'BINDER_DOES_NOT_VERIFY',
    resume: true,
    lie: {
      clientHello: (b) =>
        b.extensions.preSharedKey
          ? extended(b, {
              preSharedKey: { ...b.extensions.preSharedKey, binders: b.extensions.preSharedKey.binders.map(flip) },
            })
          : b,
    },
  },
  {
    name: 'pre-shared key without modes',
    by: 'server',
    alert: 'missing_extension',
    reason: 'MISSING_PSK_KEX_MODES_EXTENSION',
    resume: true,
    lie: {
      clientHello: (b) =>
        b.extensions.preSharedKey ? { ...b, extensions: without(b.extensions, 'pskKeyExchangeModes') } : b,
    },
  },
  {
    name: 'pre-shared key not last',
    by: 'server',
    alert: 'illegal_parameter',
    reason: 'BAD_EXTENSION',
    resume: true,
    lie: { clientHello: (b) => (b.extensions.preSharedKey ? extended(b, raw(0x1a1a)) : b) },
  },
  {
    name: 'server chooses a second pre-shared key',
    by: 'client',
    alert: 'illegal_parameter',
    reason: 'BAD_PSK_IDENTITY',
    resume: true,
    lie: { serverHello: (b) => (b.extensions.preSharedKey === undefined ? b : extended(b, { preSharedKey: 1 })) },
  },
  {
    name: 'second hello with another random',
    by: 'server',
    alert: 'illegal_parameter',
    reason: 'BAD_EXTENSION',
    server: () => retry,
    lie: { clientHello: (b) => (b.extensions.keyShare[0].group === 0x17 ? { ...b, random: flip(b.random) } : b) },
  },
  {
    name: 'second hello with the first share',
    by: 'server',
    alert: 'illegal_parameter',
    reason: 'BAD_KEY_SHARE',
    server: () => retry,
    lie: { clientHello: (b) => extended(b, { keyShare: [{ group: 0x1d, keyExchange: new Uint8Array(32).fill(9) }] }) },
  },
  {
    name: '1.2: Finished of the client flipped',
    by: 'server',
    alert: 'decrypt_error',
    reason: 'DIGEST_CHECK_FAILED',
    versions: t12,
    lie: { finished: flip },
  },
  {
    name: '1.2: point of the client is none',
    by: 'server',
    alert: 'illegal_parameter',
    reason: 'BAD_KEY_SHARE',
    versions: t12,
    lie: { clientKeyExchange: () => Uint8Array.of(32, ...new Uint8Array(32)) },
  },
  {
    name: '1.2: premaster secret of static RSA that does not decrypt',
    by: 'server',
    // not told apart from a good one until the record that it protects
    alert: 'bad_record_mac',
    reason: 'DECRYPTION_FAILED_OR_BAD_RECORD_MAC',
    versions: t12,
    client: () => ({ suites: suite(0x009c) }),
    server: (m) => ({ suites: suite(0x009c), identities: [m.identities['rsa-2048']] }),
    lie: { clientKeyExchange: (b: Uint8Array) => flip(b) },
  },
  ...(
    [
      ['client knows no key', 'client', 'handshake_failure', { psk: () => undefined }, { findPsk: () => psk }],
      [
        'server does not know the key',
        'server',
        'unknown_psk_identity',
        { psk: () => psk },
        { findPsk: () => undefined },
      ],
    ] as const
  ).map(
    ([name, by, alert, client, server]): Refusal => ({
      name: `1.2: ${name}`,
      by,
      alert,
      reason: 'PSK_IDENTITY_NOT_FOUND',
      versions: t12,
      client: () => ({ suites: suite(0x00a8), ...client }),
      server: () => ({ suites: suite(0x00a8), ...server }),
    }),
  ),
  {
    name: '1.2: another secret under the same name',
    by: 'server',
    alert: 'bad_record_mac',
    reason: 'DECRYPTION_FAILED_OR_BAD_RECORD_MAC',
    versions: t12,
    client: () => ({ suites: suite(0xd001), psk: () => psk }),
    server: () => ({ suites: suite(0xd001), findPsk: () => ({ ...psk, secret: new Uint8Array(20) }) }),
  },
  {
    name: '1.2: suites by key only, and no key',
    by: 'client',
    alert: 'handshake_failure',
    reason: 'NO_CIPHERS_AVAILABLE',
    versions: t12,
    client: () => ({ suites: suite(0x00a8) }),
  },
  {
    name: 'second hello with two compressions',
    by: 'server',
    alert: 'illegal_parameter',
    reason: 'INVALID_COMPRESSION_ALGORITHM',
    server: () => retry,
    lie: {
      clientHello: (b) =>
        b.extensions.keyShare[0].group === 0x17 ? { ...b, legacyCompressionMethods: Uint8Array.of(0, 1) } : b,
    },
  },
  {
    name: 'second hello with other signature algorithms',
    by: 'server',
    alert: 'illegal_parameter',
    reason: 'BAD_EXTENSION',
    server: () => retry,
    lie: {
      clientHello: (b) =>
        b.extensions.keyShare[0].group === 0x17 ? extended(b, { signatureAlgorithms: [0x0403] }) : b,
    },
  },
  {
    name: 'second hello with another extension',
    by: 'server',
    alert: 'illegal_parameter',
    reason: 'BAD_EXTENSION',
    server: () => retry,
    lie: {
      clientHello: (b) => (b.extensions.keyShare[0].group === 0x17 ? extended(b, { recordSizeLimit: 1000 }) : b),
    },
  },
  {
    name: 'both limits of records',
    by: 'client',
    alert: 'illegal_parameter',
    reason: 'BAD_EXTENSION',
    client: () => ({ recordSizeLimit: 1000, maxFragmentLength: 512 }),
    server: () => ({ recordSizeLimit: 1000 }),
    lie: { encryptedExtensions: (b) => extended(b, { maxFragmentLength: 1 }) },
  },
  {
    name: 'versions apart',
    by: 'server',
    alert: 'protocol_version',
    reason: 'UNSUPPORTED_PROTOCOL',
    client: () => ({ versions: t12 }),
    server: () => ({ versions: [TLS13] }),
  },
  {
    name: '1.2: no suite for our key',
    by: 'server',
    alert: 'handshake_failure',
    reason: 'NO_SHARED_CIPHER',
    versions: t12,
    client: () => ({ suites: suite(0xc02f) }),
  },
  {
    name: 'no group in common',
    by: 'server',
    alert: 'handshake_failure',
    reason: 'NO_SUITABLE_KEY_SHARE',
    client: () => ({ groups: groups.slice(0, 1) }),
    server: () => retry,
  },
  {
    name: 'no scheme in common',
    by: 'server',
    alert: 'handshake_failure',
    reason: 'NO_SUITABLE_SIGNATURE_ALGORITHM',
    lie: { clientHello: (b) => extended(b, { signatureAlgorithms: [0x0804] }) },
  },
  {
    name: 'no certificate',
    by: 'server',
    alert: 'handshake_failure',
    reason: 'NO_SHARED_CIPHER',
    server: () => ({ identities: [] }),
  },
  {
    name: 'no protocol in common',
    by: 'server',
    alert: 'no_application_protocol',
    reason: 'NO_APPLICATION_PROTOCOL',
    client: () => ({ alpn: ['a'] }),
    server: () => ({ alpn: ['b'] }),
  },
  {
    name: '1.3: certificate demanded',
    by: 'server',
    alert: 'certificate_required',
    reason: 'PEER_DID_NOT_RETURN_A_CERTIFICATE',
    server: () => ({ clientAuth: 'require' }),
  },
  {
    name: '1.2: certificate demanded',
    by: 'server',
    alert: 'handshake_failure',
    reason: 'PEER_DID_NOT_RETURN_A_CERTIFICATE',
    versions: t12,
    server: () => ({ clientAuth: 'require' }),
  },
  {
    name: '1.3: signature of the client flipped',
    by: 'server',
    alert: 'decrypt_error',
    reason: 'BAD_SIGNATURE',
    client: (m) => ({ identities: [m.identities['P-256']] }),
    server: () => ({ clientAuth: 'require' }),
    lie: { certificateVerify: (b) => ({ ...b, signature: flip(b.signature) }) },
  },
  {
    name: '1.2: signature of the client flipped',
    by: 'server',
    alert: 'decrypt_error',
    reason: 'BAD_SIGNATURE',
    versions: t12,
    client: (m) => ({ identities: [m.identities['P-256']] }),
    server: () => ({ clientAuth: 'require' }),
    lie: { certificateVerify: (b) => ({ ...b, signature: flip(b.signature) }) },
  },
  {
    name: 'certificate for another name',
    by: 'client',
    alert: 'bad_certificate',
    reason: 'CERTIFICATE_VERIFY_FAILED',
    client: () => ({ peerName: 'example.org' }),
  },
  // our own mistake, not the peer's
  {
    name: 'no name to check',
    by: 'client',
    alert: 'internal_error',
    reason: 'CERTIFICATE_VERIFY_FAILED',
    client: () => ({ peerName: undefined as never }),
  },
  {
    name: 'no anchor',
    by: 'client',
    alert: 'unknown_ca',
    reason: 'CERTIFICATE_VERIFY_FAILED',
    client: () => ({ verifier: verifier({ anchors: [] }) }),
  },
  {
    name: 'certificate expired',
    by: 'client',
    alert: 'certificate_expired',
    reason: 'CERTIFICATE_VERIFY_FAILED',
    client: () => ({ now: () => NOW + 25 * 86_400_000 }),
  },
  {
    name: '1.2: extended master secret required by the server',
    by: 'server',
    alert: 'handshake_failure',
    reason: 'INCONSISTENT_EXTMS',
    versions: t12,
    client: () => ({ extendedMasterSecret: 'off' }),
    server: () => ({ extendedMasterSecret: 'require' }),
  },
  {
    name: '1.2: extended master secret required by the client',
    by: 'client',
    alert: 'handshake_failure',
    reason: 'INCONSISTENT_EXTMS',
    versions: t12,
    client: () => ({ extendedMasterSecret: 'require' }),
    server: () => ({ extendedMasterSecret: 'off' }),
  },
  {
    name: 'a key in a vault that fails',
    by: 'server',
    alert: 'internal_error',
    reason: 'INTERNAL_ERROR',
    server: (m) => ({
      identities: [
        {
          ...m.identities['P-256'],
          key: {
            ...m.identities['P-256'].key,
            facts: m.identities['P-256'].key.facts,
            sign: () => Promise.reject(new Error('vault is closed')),
          },
        },
      ],
    }),
  },
]

const prepare = async (row: Refusal, provider: typeof node): Promise<Pair> => {
  const m = await materials()
  const base = {
    provider,
    verifier: verifier({ anchors: [m.root] }),
    now: () => NOW,
    ...(row.versions && { versions: row.versions }),
  }
  const liar = row.by === 'client' ? 'server' : 'client'
  const tickets = memoryTickets(provider, () => NOW)
  const configs = (truthful: boolean, session?: Session, onSession?: (session: Session) => void) => {
    const rewrite = (end: string) => (name: string, body: unknown) => {
      if (name === 'clientHello') sent.id = (body as { legacySessionId: Uint8Array }).legacySessionId
      const lie = !truthful && end === liar ? row.lie?.[name] : undefined
      return lie ? lie(body) : body
    }
    return {
      server: defineConfig({
        ...base,
        tickets,
        identities: [m.identities['P-256']],
        rewrite: rewrite('server'),
        ...row.server?.(m),
      }),
      client: defineConfig({
        ...base,
        serverName: 'localhost',
        peerName: 'localhost',
        tickets,
        rewrite: rewrite('client'),
        ...row.client?.(m),
        ...(session && { session }),
        ...(onSession && { onSession }),
      }),
    }
  }
  let session: Session | undefined
  if (row.resume) {
    const first = configs(true, undefined, (fresh) => (session = fresh))
    await settle(makePair(first.client, first.server))
    assert.ok(session)
  }
  const { client, server } = configs(false, session)
  return makePair(client, server)
}

for (const [way, provider] of [
  ['quick', node],
  ['late', lateProvider(node)],
] as const) {
  describe(`refusals, ${way}`, () => {
    for (const row of [...serverLies, ...retries, ...server12Lies, ...clientLies, ...others]) {
      test(row.name, async () => {
        const pair = await prepare(row, provider)
        await settle(pair)
        const error = pair.lost[row.by]
        assert.ok(error instanceof TlsError, `${row.by} refuses; it says: ${error}`)
        assert.deepEqual([error.alert, error.reason], [row.alert, row.reason])
        const told = pair.lost[row.by === 'client' ? 'server' : 'client']
        // a Finished that is wrong for us may be wrong for them too, who say so first
        assert.ok(
          told instanceof AlertReceived
            ? told.alert === alerts[row.alert]
            : told === undefined || told instanceof TlsError,
          `${told}`,
        )
        assert.throws(() => pair[row.by].advance(), error, 'the same error every time')
      })
    }
  })
}

describe('records', () => {
  const opened = async (versions?: readonly (0x0303 | 0x0304)[]): Promise<Pair> => {
    const pair = await prepare(
      { name: '', by: 'client', alert: 'internal_error', reason: 'INTERNAL_ERROR', ...(versions && { versions }) },
      node,
    )
    await settle(pair)
    assert.deepEqual(pair.lost, {})
    return pair
  }
  /** Bytes that come to a server first, and what it says of them. */
  const first: readonly (readonly [string, string | readonly number[], AlertName, Reason, boolean])[] = [
    ['HTTP', 'GET / HTTP/1.1\r\n', 'unexpected_message', 'HTTP_REQUEST', true],
    ['HTTP proxy', 'CONNECT host:1', 'unexpected_message', 'HTTPS_PROXY_REQUEST', true],
    ['SSH', 'SSH-2.0-x\r\n', 'protocol_version', 'WRONG_VERSION_NUMBER', true],
    ['application data', [23, 3, 3, 0, 1, 0], 'unexpected_message', 'UNEXPECTED_MESSAGE', false],
    ['ChangeCipherSpec', [20, 3, 3, 0, 1, 1], 'unexpected_message', 'UNEXPECTED_MESSAGE', false],
    ['close_notify', [21, 3, 1, 0, 2, 1, 0], 'unexpected_message', 'UNEXPECTED_MESSAGE', false],
    ['fatal alert', [21, 3, 1, 0, 2, 2, 40], 'unexpected_message', 'UNEXPECTED_MESSAGE', false],
    ['alert of one byte', [21, 3, 1, 0, 1, 1], 'unexpected_message', 'INVALID_ALERT', false],
    ['alert of no byte', [21, 3, 1, 0, 0], 'unexpected_message', 'INVALID_ALERT', false],
    ['record type 25', [25, 3, 1, 0, 1, 1], 'unexpected_message', 'UNEXPECTED_MESSAGE', false],
    ['ServerHello', [22, 3, 3, 0, 4, 2, 0, 0, 0], 'unexpected_message', 'UNEXPECTED_MESSAGE', false],
    ['no content', [22, 3, 3, 0, 0], 'unexpected_message', 'LENGTH_TOO_SHORT', false],
    ['record too long', [22, 3, 3, 0x48, 1], 'record_overflow', 'PACKET_LENGTH_TOO_LONG', false],
    ['message too long', [22, 3, 3, 0, 4, 1, 1, 0, 0], 'illegal_parameter', 'EXCESSIVE_MESSAGE_SIZE', false],
    ['hello of no length', [22, 3, 3, 0, 4, 1, 0, 0, 0], 'decode_error', 'LENGTH_TOO_SHORT', false],
  ]
  for (const [name, bytes, alert, reason, silent] of first) {
    test(`first to a server: ${name}`, async () => {
      const pair = await prepare({ name: '', by: 'client', alert, reason }, node)
      pair.server.receive(Buffer.from(bytes as string))
      assert.throws(
        () => pair.server.advance(),
        (error) => error instanceof TlsError && error.alert === alert && error.reason === reason,
      )
      assert.equal(pair.server.output.empty, silent)
    })
  }

  /** What comes to an open connection in the clear. */
  const later: readonly (readonly [string, readonly number[], AlertName, Reason])[] = [
    ['alert in the clear', [21, 3, 3, 0, 2, 1, 0], 'unexpected_message', 'BAD_RECORD_TYPE'],
    ['ChangeCipherSpec', [20, 3, 3, 0, 1, 1], 'unexpected_message', 'BAD_RECORD_TYPE'],
    ['handshake in the clear', [22, 3, 3, 0, 4, 24, 0, 0, 0], 'unexpected_message', 'BAD_RECORD_TYPE'],
    ['version 1.0', [23, 3, 1, 0, 17, ...new Uint8Array(17)], 'protocol_version', 'WRONG_VERSION_NUMBER'],
    ['too long', [23, 3, 3, 0x41, 1], 'record_overflow', 'ENCRYPTED_LENGTH_TOO_LONG'],
    ['empty', [23, 3, 3, 0, 0], 'bad_record_mac', 'BLOCK_CIPHER_PAD_IS_WRONG'],
    ['forged', [23, 3, 3, 0, 40, ...new Uint8Array(40)], 'bad_record_mac', 'DECRYPTION_FAILED_OR_BAD_RECORD_MAC'],
  ]
  for (const [name, bytes, alert, reason] of later) {
    test(`to an open connection of TLS 1.3: ${name}`, async () => {
      const pair = await opened()
      pair.client.receive(Uint8Array.from(bytes))
      assert.throws(
        () => pair.client.advance(),
        (error) => error instanceof TlsError && error.alert === alert && error.reason === reason,
      )
      await settle(pair)
      assert.ok(pair.lost.server instanceof AlertReceived)
    })
  }

  test('records that are exchanged, repeated or cut are refused', async () => {
    for (const versions of [[TLS13], [TLS12]] as const) {
      for (const spoil of [
        (r: Buffer[]) => r.reverse(),
        ([a, b]: Buffer[]) => [a, a, b],
        ([, b]: Buffer[]) => [b],
        ([a]: Buffer[]) => [flip(a as Buffer)],
      ]) {
        const pair = await opened(versions)
        const records: Buffer[] = []
        for (const text of ['one', 'two']) {
          pair.client.write(Buffer.from(text))
          records.push(Buffer.from(pair.client.output.take()))
        }
        for (const record of spoil(records)) pair.server.receive(record as Uint8Array)
        await settle(pair)
        assert.ok(pair.lost.server instanceof TlsError && pair.lost.server.alert === 'bad_record_mac')
      }
    }
  })

  test('close_notify in mid-handshake is the end: a handshake that goes on after it is refused', async () => {
    for (const versions of [[TLS13], [TLS12]] as const) {
      for (const end of ['client', 'server'] as const) {
        const pair = await prepare(
          { name: '', by: 'client', alert: 'internal_error', reason: 'INTERNAL_ERROR', versions },
          node,
        )
        pair.client.advance()
        pair.server.receive(pair.client.output.take())
        pair.server.advance()
        pair[end].receive(Uint8Array.of(21, 3, 3, 0, 2, 1, 0))
        assert.equal(pair[end].advance().kind, 'closed')
        assert.equal(pair[end].advance().kind, 'read')
        await settle(pair)
        const lost = pair.lost[end]
        assert.ok(lost instanceof TlsError && lost.alert === 'unexpected_message', `${end}: ${lost}`)
        assert.equal(pair[end].established, false)
      }
    }
  })

  test('key updates without end are refused', async () => {
    const pair = await opened()
    for (let i = 0; i < 40; i++) pair.client.ask({ kind: 'keyUpdate', requestUpdate: false })
    await settle(pair)
    assert.ok(pair.lost.server instanceof TlsError && pair.lost.server.reason === 'TOO_MANY_KEY_UPDATES')
  })

  test('an update that we asked for does not count, and is not asked for twice', async () => {
    const pair = await opened()
    let updates = 0
    for (let i = 0; i < 80; i++) {
      pair.client.ask({ kind: 'keyUpdate', requestUpdate: true })
      pair.client.write(Buffer.from('x'))
      await settle(pair)
      updates++
    }
    assert.deepEqual(pair.lost, {})
    assert.equal(updates, 80)
  })

  test('one answer serves for many wishes while it cannot leave', async () => {
    const pair = await opened()
    for (let i = 0; i < 30; i++) {
      pair.client.ask({ kind: 'keyUpdate', requestUpdate: i % 2 === 0 })
      pair.client.advance()
      pair.client.write(Buffer.from('x'))
    }
    pair.server.receive(pair.client.output.take())
    while (pair.server.advance().kind === 'take') pair.server.take()
    // a KeyUpdate is 5 + 5 + 1 + 16 bytes
    assert.ok(pair.server.output.length <= 27, `${pair.server.output.length} bytes wait to be sent`)
    pair.server.write(Buffer.from('answer'))
    await settle(pair)
    assert.deepEqual(pair.lost, {})
    assert.equal(pair.received.client, 'answer')
  })

  test('plaintext does not leave when a record cannot be sealed', async () => {
    let broken = false
    const provider: typeof node = {
      ...node,
      protection: (keying) => {
        const good = node.protection(keying)
        return {
          sealedLength: (data, padding) => good.sealedLength(data, padding),
          open: (sequence, record) => good.open(sequence, record),
          seal(sequence, type, data, padding, record) {
            if (!broken) return good.seal(sequence, type, data, padding, record)
            record.set(data, 5)
            throw new Error('the vault has gone')
          },
        }
      },
    }
    const pair = await prepare({ name: '', by: 'client', alert: 'internal_error', reason: 'INTERNAL_ERROR' }, provider)
    await settle(pair)
    broken = true
    assert.throws(() => pair.client.write(Buffer.from('secret')), /vault/)
    assert.equal(pair.client.output.length, 0)
    assert.throws(() => pair.client.advance(), /vault/)
  })

  test('a long chain in many small records costs little', async () => {
    const { Assembler } = await import('../../src/record/assemble.ts')
    const beside = { expects() {}, begins() {} } as never
    const whole = new Uint8Array(4 + 400_000)
    whole.set([11, 400_000 >> 16, (400_000 >> 8) & 255, 400_000 & 255])
    for (const own of [false, true]) {
      const assembler = new Assembler()
      const start = performance.now()
      for (let i = 0; i < whole.length; i++) {
        assembler.push(whole.subarray(i, i + 1), own)
        assert.equal(assembler.next(beside) !== undefined, i === whole.length - 1)
      }
      // quadratic growth took half a minute
      assert.ok(performance.now() - start < 10_000)
    }
  })

  test('empty records without end are refused', async () => {
    const pair = await opened()
    for (let i = 0; i < 40; i++) pair.client.write(new Uint8Array(0))
    await settle(pair)
    assert.ok(pair.lost.server instanceof TlsError && pair.lost.server.reason === 'RECORD_TOO_SMALL')
  })

  test('a transport that ends without close_notify is told apart', async () => {
    const pair = await opened()
    pair.client.end()
    assert.throws(() => pair.client.advance(), { name: 'Truncated' })
  })

  test('early data that we do not take is skipped, and the handshake goes on', async () => {
    const extra = (name: string, body: unknown): unknown =>
      name === 'clientHello' ? extended(body as never, { earlyData: true }) : body
    const m = await materials()
    for (const server of [{}, retry]) {
      const base = { provider: node, verifier: verifier({ anchors: [m.root] }), now: () => NOW }
      let second = false
      const client = defineConfig({
        ...base,
        serverName: 'localhost',
        peerName: 'localhost',
        rewrite: (name, body) => {
          const said = second ? body : extra(name, body)
          if (name === 'clientHello') second = true
          return said
        },
      })
      const pair = makePair(client, defineConfig({ ...base, identities: [m.identities['P-256']], ...server }))
      pair.client.advance()
      pair.server.receive(pair.client.output.take())
      for (let i = 0; i < 3; i++) pair.server.receive(Uint8Array.from([23, 3, 3, 0, 100, ...new Uint8Array(100)]))
      await settle(pair)
      assert.deepEqual(pair.lost, {})
      assert.equal(pair.server.established, true)
    }
  })
})
