import assert from 'node:assert/strict'
import type { ConfigInput } from '../../src/config.ts'
import { TLS12, TLS13 } from '../../src/config.ts'
import type { Connection } from '../../src/connection.ts'
import { groupByName, groups } from '../../src/crypto/groups.ts'
import type { Provider } from '../../src/crypto/provider.ts'
import { suites } from '../../src/crypto/suites.ts'
import type { Session } from '../../src/session/session.ts'
import { memoryTickets } from '../../src/session/tickets.ts'
import { keyKinds, type MadeKind, type Materials, NOW } from '../materials.ts'
import type { Pair } from '../pair.ts'

type Part = Partial<Omit<ConfigInput, 'provider' | 'verifier'>>

/** One kind of handshake: what both ends are configured with, and what must come of it. */
export interface Shape {
  readonly name: string
  readonly client?: (m: Materials, provider: Provider) => Part
  readonly server?: (m: Materials, provider: Provider) => Part
  readonly certificate?: MadeKind
  /** Connect twice: the second handshake, which resumes the first, is the one that counts. `strip` spoils the session. */
  readonly resume?: (session: Session) => Session
  readonly needs?: (provider: Provider) => boolean
  /** Once it is open. */
  readonly afterwards?: (pair: Pair, run: () => Promise<void>) => void | Promise<void>
  readonly check: (client: Connection['facts'], server: Connection['facts']) => void
}

const version = (v: 0x0303 | 0x0304) => (facts: Connection['facts']) => assert.equal(facts.version, v)
const is13 = version(TLS13)
const is12 = version(TLS12)
const only = (v: 0x0303 | 0x0304): Part => ({ versions: [v] })

/** A key agreed elsewhere. */
const psk = { identity: Uint8Array.of(7), secret: new Uint8Array(20).fill(7), hash: 'sha256' } as const

const bySuite: Shape[] = suites.map((suite) => ({
  name: `${suite.version === TLS13 ? '1.3' : '1.2'} ${suite.name}`,
  certificate: suite.authentication === 'ecdsa' ? 'P-256' : 'rsa-2048',
  needs: (provider) => provider.ciphers.includes(suite.cipher),
  client: () => ({ suites: [suite], ...(suite.authentication === 'psk' && { psk: async () => psk }) }),
  server: () => ({ suites, ...(suite.authentication === 'psk' && { findPsk: () => psk, pskHint: Uint8Array.of(1) }) }),
  check: (client, server) => {
    if (suite.authentication === 'psk') {
      assert.deepEqual([client.psk, server.psk], [psk.identity, psk.identity])
      assert.equal(client.pskHint?.length, 1)
    }
    assert.equal(client.suite, suite)
    assert.equal(server.suite, suite)
    assert.equal(client.encryptThenMac ?? false, suite.mac !== undefined)
  },
}))

const byGroup: Shape[] = groups.flatMap((group) =>
  ([TLS13, TLS12] as const)
    .filter((v) => (v === TLS13 ? group.tls13 : group.tls12))
    .map((v) => ({
      name: `${v === TLS13 ? '1.3' : '1.2'} group ${group.name}`,
      // in TLS 1.2 the groups also say which curves a certificate may have (RFC 8422 section 5.1)
      certificate: 'rsa-2048' as const,
      needs: (provider: Provider) => provider.groups.includes(group.name),
      client: () => ({ ...only(v), groups: [group] }),
      server: () => ({ groups }),
      check: (client: Connection['facts'], server: Connection['facts']) => {
        assert.equal(client.group, group)
        assert.equal(server.group, group)
      },
    })),
)

const byCertificate: Shape[] = keyKinds.flatMap((kind) =>
  ([TLS13, TLS12] as const).map((v) => ({
    name: `${v === TLS13 ? '1.3' : '1.2'} certificate ${kind}, both ends`,
    certificate: kind,
    client: (m: Materials) => ({ ...only(v), identities: [m.identities[kind]] }),
    server: () => ({ clientAuth: 'require' as const }),
    check: (client: Connection['facts'], server: Connection['facts']) => {
      assert.equal(client.verified?.code, 0)
      assert.equal(server.verified?.code, 0)
      assert.equal(server.peerChain?.length, 1)
      assert.equal(client.peerScheme, server.ownScheme)
      assert.equal(server.peerScheme, client.ownScheme)
    },
  })),
)

const cbc = suites.filter((suite) => suite.cipher === 'aes-128-cbc' && suite.agreement === 'ecdhe')
const p384 = groupByName('P-384')
export const retryGroups = groups.filter((group) => group.name === 'secp256r1')
const same = (session: Session): Session => session
const grease = (name: string, body: unknown): unknown => {
  if (name !== 'clientHello') return body
  const hello = body as { cipherSuites: number[]; extensions: Record<string, unknown> }
  const { extensions } = hello
  return {
    ...hello,
    cipherSuites: [0x0a0a, ...hello.cipherSuites],
    extensions: {
      unknown: [{ type: 0x1a1a, data: new Uint8Array(0) }],
      ...extensions,
      supportedGroups: [0x2a2a, ...(extensions.supportedGroups as number[])],
      signatureAlgorithms: [0x3a3a, ...(extensions.signatureAlgorithms as number[])],
      ...(extensions.supportedVersions !== undefined && {
        supportedVersions: [0x4a4a, ...(extensions.supportedVersions as number[])],
      }),
      ...(extensions.keyShare !== undefined && {
        keyShare: [{ group: 0x2a2a, keyExchange: Uint8Array.of(0) }, ...(extensions.keyShare as object[])],
      }),
      ...(extensions.pskKeyExchangeModes !== undefined && { pskKeyExchangeModes: [0x0b, 1] }),
      ...(extensions.preSharedKey !== undefined && { preSharedKey: extensions.preSharedKey }),
    },
  }
}
/** pre_shared_key stays last. */
const greased: typeof grease = (name, body) => {
  const said = grease(name, body) as { extensions?: Record<string, unknown> }
  if (name !== 'clientHello' || !said.extensions?.preSharedKey) return said
  const { preSharedKey, ...rest } = said.extensions
  return { ...said, extensions: { ...rest, preSharedKey } }
}

const special: Shape[] = [
  { name: '1.3 as it comes', check: is13 },
  { name: '1.2 as it comes', client: () => only(TLS12), check: is12 },
  { name: '1.2 server', server: () => only(TLS12), check: is12 },
  {
    name: '1.3 HelloRetryRequest',
    server: () => ({ groups: retryGroups }),
    check: (client, server) => {
      assert.equal(client.retried && server.retried, true)
      assert.equal(client.group?.name, 'secp256r1')
    },
  },
  {
    name: '1.3 HelloRetryRequest with a cookie',
    server: () => ({ groups: retryGroups, cookie: () => Uint8Array.of(1, 2, 3) }),
    check: (client) => assert.equal(client.retried, true),
  },
  {
    name: '1.3 two key shares, the second taken',
    client: () => ({ keyShares: 2 }),
    server: () => ({ groups: retryGroups }),
    check: (client) => assert.equal(client.retried, false),
  },
  {
    name: '1.3 no disguise',
    client: () => ({ middlebox: false }),
    server: () => ({ middlebox: false }),
    check: is13,
  },
  {
    name: '1.3 a record for each message',
    client: () => ({ coalesce: false }),
    server: () => ({ coalesce: false }),
    check: is13,
  },
  {
    name: '1.3 padded records',
    client: () => ({ padding: (_, n) => 64 - (n % 64) }),
    server: () => ({ padding: () => 300 }),
    check: is13,
  },
  { name: '1.3 GREASE', client: () => ({ rewrite: greased }), check: is13 },
  { name: '1.2 GREASE', client: () => ({ ...only(TLS12), rewrite: greased }), check: is12 },
  {
    name: '1.3 GREASE, resumed',
    client: () => ({ rewrite: greased }),
    resume: same,
    check: (client) => assert.equal(client.resumed, true),
  },
  {
    name: '1.3 certificate asked for, none there',
    server: () => ({ clientAuth: 'request' }),
    check: (client, server) => {
      assert.equal(client.certificateRequested, true)
      assert.equal(server.peerChain, undefined)
    },
  },
  {
    name: '1.2 certificate asked for, none there',
    client: () => only(TLS12),
    server: () => ({ clientAuth: 'request' }),
    check: (client, server) => {
      assert.equal(client.certificateRequested, true)
      assert.equal(server.peerChain, undefined)
    },
  },
  {
    name: '1.3 resumed',
    resume: same,
    check: (client, server) => {
      assert.equal(client.resumed && server.resumed, true)
      assert.equal(client.verified?.code, 0)
      assert.equal(client.peerChain?.length, 1)
    },
  },
  {
    name: '1.3 resumed after HelloRetryRequest',
    server: () => ({ groups: retryGroups }),
    resume: same,
    check: (client) => {
      assert.equal(client.resumed, true)
      assert.equal(client.retried, true)
    },
  },
  {
    name: '1.3 resumed with a client certificate',
    client: (m) => ({ identities: [m.identities['P-256']] }),
    server: () => ({ clientAuth: 'require' }),
    resume: same,
    check: (client, server) => {
      assert.equal(client.resumed, true)
      assert.equal(server.verified?.code, 0)
      assert.equal(server.peerChain?.length, 1)
    },
  },
  {
    name: '1.3 resumed with another suite of the same hash',
    resume: same,
    client: () => ({ suites: suites.filter((suite) => suite.hash === 'sha256') }),
    server: () => ({ serverPreference: true }),
    check: (client) => assert.equal(client.resumed, true),
  },
  {
    name: '1.3 ticket too old',
    resume: (s) => ({ ...s, created: s.created - 8000_000 }),
    check: (client) => assert.equal(client.resumed, false),
  },
  {
    name: '1.3 ticket of somebody else',
    resume: (s) => ({ ...s, ticket: s.ticket.map((b) => b ^ 1) }),
    check: (client) => assert.equal(client.resumed, false),
  },
  {
    name: '1.3 session for another name',
    resume: (s) => ({ ...s, serverName: 'other' }),
    check: (client) => assert.equal(client.resumed, false),
  },
  {
    name: '1.3 session whose trust has ended',
    resume: (s) => ({ ...s, trustedUntil: NOW }),
    check: (client) => assert.equal(client.resumed, false),
  },
  {
    name: '1.3 session without a certificate',
    resume: (s) => ({ ...s, chain: [] }),
    check: (client) => assert.equal(client.resumed, false),
  },
  {
    name: '1.3 a store of tickets that fails',
    server: (_, provider) => ({
      tickets: { ...memoryTickets(provider), seal: () => Promise.reject(new Error('lost')) },
    }),
    check: (client) => assert.equal(client.session, undefined),
  },
  {
    name: '1.3 tickets that are too large',
    server: (_, provider) => ({ tickets: { ...memoryTickets(provider), seal: () => new Uint8Array(20_000) } }),
    check: (client) => assert.equal(client.session, undefined),
  },
  {
    name: '1.3 session that was not verified',
    resume: (s) => ({ ...s, verifyCode: 20 }),
    check: (client) => assert.equal(client.resumed, false),
  },
  {
    name: '1.2 resumed by ticket',
    client: () => only(TLS12),
    resume: same,
    check: (client, server) => {
      assert.equal(client.resumed && server.resumed, true)
      assert.equal(client.peerChain?.length, 1)
    },
  },
  {
    name: '1.2 resumed by ticket, client offers 1.3 too',
    server: () => only(TLS12),
    resume: same,
    check: (client) => assert.equal(client.resumed, true),
  },
  {
    name: '1.2 resumed by id',
    client: () => ({ ...only(TLS12), tickets: undefined as never }),
    resume: same,
    check: (client) => assert.equal(client.resumed, true),
  },
  {
    name: '1.2 resumed, CBC with encrypt-then-MAC',
    client: () => ({ ...only(TLS12), suites: cbc }),
    server: () => ({ suites }),
    resume: same,
    check: (client) => {
      assert.equal(client.resumed, true)
      assert.equal(client.encryptThenMac, true)
    },
  },
  {
    name: '1.2 ticket of somebody else',
    client: () => only(TLS12),
    resume: (s) => ({ ...s, ticket: s.ticket.map((b) => b ^ 1) }),
    check: (client) => assert.equal(client.resumed, false),
  },
  {
    name: '1.2 without extended master secret',
    client: () => ({ ...only(TLS12), extendedMasterSecret: 'off' }),
    check: (client) => assert.equal(client.extendedMasterSecret, undefined),
  },
  {
    name: '1.2 CBC, MAC then encrypt',
    client: () => ({ ...only(TLS12), suites: cbc, encryptThenMac: false }),
    server: () => ({ suites }),
    check: (client) => assert.equal(client.encryptThenMac, undefined),
  },
  {
    name: '1.3 ALPN',
    client: () => ({ alpn: ['h2', 'http/1.1'] }),
    server: () => ({ alpn: ['http/1.1'] }),
    check: (client, server) => {
      assert.equal(client.alpn, 'http/1.1')
      assert.equal(server.alpn, 'http/1.1')
    },
  },
  {
    name: '1.2 ALPN by a hook that answers late',
    client: () => ({ ...only(TLS12), alpn: ['h2', 'http/1.1'] }),
    server: () => ({ selectAlpn: (offered) => Promise.resolve(offered[1]) }),
    check: (client) => assert.equal(client.alpn, 'http/1.1'),
  },
  {
    name: '1.3 stapled OCSP response and SCTs',
    client: () => ({ ocsp: true, scts: true }),
    server: (m) => ({
      identities: [{ ...m.identities['P-256'], ocsp: Uint8Array.of(1), scts: Uint8Array.of(0, 3, 0, 1, 2) }],
    }),
    check: (client) => {
      assert.deepEqual(client.ocsp, Uint8Array.of(1))
      assert.deepEqual(client.scts, Uint8Array.of(0, 3, 0, 1, 2))
    },
  },
  {
    name: '1.2 stapled OCSP response and SCTs',
    client: () => ({ ...only(TLS12), ocsp: true, scts: true }),
    server: (m) => ({
      identities: [{ ...m.identities['P-256'], ocsp: Uint8Array.of(1), scts: Uint8Array.of(0, 3, 0, 1, 2) }],
    }),
    check: (client) => {
      assert.deepEqual(client.ocsp, Uint8Array.of(1))
      assert.deepEqual(client.scts, Uint8Array.of(0, 3, 0, 1, 2))
    },
  },
  {
    name: '1.3 record_size_limit',
    client: () => ({ recordSizeLimit: 400 }),
    server: () => ({ recordSizeLimit: 300 }),
    check: (client, server) => {
      assert.equal(client.peerRecordLimit, 299)
      assert.equal(server.peerRecordLimit, 399)
    },
  },
  {
    name: '1.2 record_size_limit',
    client: () => ({ ...only(TLS12), recordSizeLimit: 400 }),
    server: () => ({ recordSizeLimit: 300 }),
    check: (client, server) => {
      assert.equal(client.peerRecordLimit, 300)
      assert.equal(server.peerRecordLimit, 400)
    },
  },
  { name: '1.3 max_fragment_length', client: () => ({ maxFragmentLength: 512 }), check: is13 },
  { name: '1.2 max_fragment_length', client: () => ({ ...only(TLS12), maxFragmentLength: 512 }), check: is12 },
  {
    name: '1.3 certificate of the client later',
    client: (m) => ({ postHandshakeAuth: true, identities: [m.identities['P-384']] }),
    server: () => ({ clientAuth: 'none' }),
    afterwards: async (pair, run) => {
      pair.server.ask({ kind: 'authenticate' })
      await run()
    },
    check: (_client, server) => assert.equal(server.verified?.code, 0),
  },
  {
    name: '1.3 no certificate of the client later',
    client: () => ({ postHandshakeAuth: true }),
    afterwards: async (pair, run) => {
      pair.server.ask({ kind: 'authenticate' })
      await run()
    },
    check: (_client, server) => assert.equal(server.peerChain, undefined),
  },
  {
    name: '1.3 keys updated both ways',
    afterwards: async (pair, run) => {
      pair.client.ask({ kind: 'keyUpdate', requestUpdate: true })
      await run()
      pair.client.write(Buffer.from('x'))
      pair.server.ask({ kind: 'keyUpdate', requestUpdate: true })
      pair.server.ask({ kind: 'keyUpdate', requestUpdate: false })
      await run()
      pair.server.write(Buffer.from('y'))
      await run()
    },
    check: is13,
  },
  {
    name: '1.3 no tickets',
    server: () => ({ ticketCount: 0 }),
    check: (client) => assert.equal(client.session, undefined),
  },
  {
    name: '1.3 another ticket when asked',
    server: () => ({ ticketCount: 0 }),
    afterwards: async (pair, run) => {
      pair.server.ask({ kind: 'ticket' })
      await run()
    },
    check: (client) => assert.equal(client.session?.version, TLS13),
  },
  {
    name: '1.3 another config for this name',
    certificate: 'rsa-2048',
    server: (m, provider) => ({
      select: async (hello) => {
        assert.equal(hello.serverName, 'localhost')
        const { defineConfig } = await import('../../src/config.ts')
        const { verifier } = await import('../../src/x509/path.ts')
        return defineConfig({
          provider,
          verifier: verifier({ anchors: [m.root] }),
          identities: [m.identities.ed25519],
          now: () => NOW,
        })
      },
    }),
    check: (client) => assert.equal(client.peerScheme?.name, 'ed25519'),
  },
  {
    name: '1.3 certificate by a hook that answers late',
    server: (m) => ({ identities: [], certificate: () => Promise.resolve(m.identities['P-384']) }),
    client: () => ({ groups: p384 ? [p384] : [] }),
    check: (client) => assert.equal(client.peerScheme?.name, 'ecdsa_secp384r1_sha384'),
  },
]

export const shapes: readonly Shape[] = [...special, ...bySuite, ...byGroup, ...byCertificate]
