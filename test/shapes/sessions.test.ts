import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Config, type ConfigInput, defineConfig, TLS12, TLS13 } from '../../src/config.ts'
import { node } from '../../src/crypto/node/index.ts'
import type { Provider } from '../../src/crypto/provider.ts'
import { suites } from '../../src/crypto/suites.ts'
import type { Miss } from '../../src/facts.ts'
import { memoryCache } from '../../src/session/cache.ts'
import { memoryStore } from '../../src/session/memory-store.ts'
import { KeyRing, rotation, turned } from '../../src/session/ring.ts'
import { decodeSession, encodeSession, type Session } from '../../src/session/session.ts'
import { storedSessions, storedTickets } from '../../src/session/stored.ts'
import { memoryTickets, ringTickets, type SessionEvent, type Tickets } from '../../src/session/tickets.ts'
import { makeCertificate } from '../../src/x509/make.ts'
import { trustAnyone, verifier } from '../../src/x509/path.ts'
import type { CertificateVerifier } from '../../src/x509/verifier.ts'
import { lateProvider } from '../late.ts'
import { type Materials, materials, NOW } from '../materials.ts'
import { makePair, type Pair, settle } from '../pair.ts'

type Part = Partial<ConfigInput>

/** A first connection that gives a session, and a second under other circumstances. */
interface Row {
  readonly name: string
  readonly versions?: readonly (typeof TLS12 | typeof TLS13)[]
  /** Both times, and what differs the second time. */
  readonly client?: (m: Materials) => Part
  readonly server?: (m: Materials, provider: Provider) => Part
  readonly secondClient?: (m: Materials) => Part
  readonly secondServer?: (m: Materials, provider: Provider) => Part
  /** What becomes of the session between them. */
  readonly spoil?: (session: Session) => Session
  /** `resumed`; `not offered` by the client; or why the server does not take it. */
  readonly expect: 'resumed' | 'not offered' | Miss
}

const other = async (): Promise<Materials['root']> => {
  const key = await node.generate('P-256')
  return makeCertificate({ subject: { CN: 'other' }, key, signer: key, notBefore: NOW - 1000, days: 9, ca: true }, node)
}
const otherRoot = await other()
const roots = (m: Materials, more: object = {}): CertificateVerifier => verifier({ anchors: [m.root], ...more })
const bothRoots = (m: Materials): CertificateVerifier => verifier({ anchors: [m.root, otherRoot] })
const lawless = (m: Materials): CertificateVerifier => ({ verify: (chain, about) => roots(m).verify(chain, about) })
const bothVersions = [TLS13, TLS12] as const
const only12 = [TLS12] as const
const demands = (): Part => ({ clientAuth: 'require' })
const flip = (bytes: Uint8Array, at: number): Uint8Array => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte))
const inTicket =
  (change: (ticket: Uint8Array) => Uint8Array) =>
  (session: Session): Session => ({
    ...session,
    ticket: change(session.ticket),
  })

const rows: readonly Row[] = [
  { name: 'nothing differs', expect: 'resumed' },
  { name: 'another verifier, made alike', secondClient: (m) => ({ verifier: roots(m) }), expect: 'resumed' },
  // ---- the client does not offer it
  { name: 'another name is asked for', secondClient: () => ({ serverName: 'elsewhere' }), expect: 'not offered' },
  { name: 'another name must be proved', secondClient: () => ({ peerName: '127.0.0.1' }), expect: 'not offered' },
  { name: 'one anchor more', secondClient: (m) => ({ verifier: bothRoots(m) }), expect: 'not offered' },
  {
    name: 'another anchor',
    secondClient: () => ({ verifier: verifier({ anchors: [otherRoot] }) }),
    expect: 'not offered',
  },
  {
    name: 'stricter rules',
    secondClient: (m) => ({ verifier: roots(m, { securityLevel: 3 }) }),
    expect: 'not offered',
  },
  {
    name: 'revocation is checked now',
    secondClient: (m) => ({ verifier: roots(m, { revocation: { need: 'hard' } }) }),
    expect: 'not offered',
  },
  {
    name: 'a session that nobody was verified for',
    client: () => ({ verifier: trustAnyone }),
    secondClient: (m) => ({ verifier: roots(m) }),
    expect: 'not offered',
  },
  {
    name: 'a verifier of the program, and another of the same kind',
    client: (m) => ({ verifier: lawless(m) }),
    secondClient: (m) => ({ verifier: lawless(m) }),
    expect: 'not offered',
  },
  {
    name: 'a certificate of ours that was not there',
    secondClient: (m) => ({ identities: [m.identities['P-256']] }),
    expect: 'not offered',
  },
  {
    name: 'another certificate of ours',
    client: (m) => ({ identities: [m.identities['P-256']] }),
    server: demands,
    secondClient: (m) => ({ identities: [m.identities['P-384']] }),
    expect: 'not offered',
  },
  {
    name: 'no certificate of ours any more',
    server: () => ({ clientAuth: 'request' }),
    client: (m) => ({ identities: [m.identities['P-256']] }),
    secondClient: () => ({ identities: [] }),
    expect: 'not offered',
  },
  { name: 'another context', secondClient: () => ({ sessionContext: Uint8Array.of(1) }), expect: 'not offered' },
  { name: 'resumption is off', secondClient: () => ({ resumption: false }), expect: 'not offered' },
  {
    name: 'after seven days',
    client: () => ({ sessionLifetime: 604_800 }),
    spoil: (s) => ({ ...s, created: NOW - 604_800_000, lifetime: 0xffff_ffff }),
    expect: 'not offered',
  },
  {
    name: 'from a future beyond what clocks may differ',
    spoil: (s) => ({ ...s, created: NOW + 30_001 }),
    expect: 'not offered',
  },
  {
    name: 'the version is off',
    versions: only12,
    secondClient: () => ({ versions: [TLS13] }),
    secondServer: () => ({ versions: [TLS13, TLS12] }),
    expect: 'not offered',
  },
  // ---- the server does not take it
  {
    name: 'another name on the wire',
    secondClient: () => ({}),
    spoil: (s) => ({ ...s, serverName: 'localhost' }),
    secondServer: () => ({}),
    expect: 'resumed',
  },
  {
    name: 'a server that asks for certificates now',
    secondServer: () => ({ clientAuth: 'request' }),
    expect: 'policy',
  },
  {
    name: 'a server that demands certificates now',
    client: (m) => ({ identities: [m.identities['P-256']] }),
    secondServer: demands,
    expect: 'policy',
  },
  {
    name: 'a server that asks for none any more',
    client: (m) => ({ identities: [m.identities['P-256']] }),
    server: demands,
    secondServer: () => ({ clientAuth: 'none' }),
    expect: 'policy',
  },
  {
    name: 'a server that trusts others',
    client: (m) => ({ identities: [m.identities['P-256']] }),
    server: demands,
    secondServer: (m) => ({ verifier: bothRoots(m) }),
    expect: 'policy',
  },
  {
    name: 'another context of the server',
    secondServer: () => ({ sessionContext: Uint8Array.of(1) }),
    expect: 'policy',
  },
  {
    name: 'the server has other keys',
    secondServer: (_, provider) => ({ tickets: memoryTickets(provider, () => NOW) }),
    expect: 'unknown',
  },
  {
    name: 'too old for the server',
    secondServer: (m) => ({ now: () => NOW + 7_200_001, verifier: roots(m) }),
    expect: 'expired',
  },
  { name: 'a server whose clock is 30 s behind', secondServer: () => ({ now: () => NOW - 30_000 }), expect: 'resumed' },
  {
    name: 'a server whose clock is more than 30 s behind',
    secondServer: () => ({ now: () => NOW - 30_001 }),
    expect: 'expired',
  },
  {
    name: 'a ticket store that fails',
    secondServer: () => ({ tickets: { seal: () => undefined, open: () => Promise.reject(new Error('lost')) } }),
    expect: 'unknown',
  },
  {
    name: 'a ticket store that throws',
    secondServer: () => ({
      tickets: {
        seal: () => undefined,
        open: () => {
          throw new Error('lost')
        },
      },
    }),
    expect: 'unknown',
  },
  {
    name: 'another suite only',
    secondServer: () => ({
      suites: suites.filter(({ hash, default: usual, agreement }) => usual && hash === 'sha384' && agreement !== 'rsa'),
    }),
    versions: [TLS13],
    secondClient: () => ({ suites: suites.filter((suite) => suite.default) }),
    expect: 'suite',
  },
  // ---- what was done to the ticket
  { name: 'its key name changed', spoil: inTicket((t) => flip(t, 0)), expect: 'unknown' },
  { name: 'its nonce changed', spoil: inTicket((t) => flip(t, 16)), expect: 'unknown' },
  { name: 'its text changed', spoil: inTicket((t) => flip(t, 40)), expect: 'unknown' },
  { name: 'its tag changed', spoil: inTicket((t) => flip(t, t.length - 1)), expect: 'unknown' },
  ...[1, 15, 16, 27, 28, 43, 44, 100].map((n) => ({
    name: `cut to ${n} bytes`,
    spoil: inTicket((t) => t.slice(0, n)),
    expect: 'unknown' as const,
  })),
  { name: 'one byte longer', spoil: inTicket((t) => Uint8Array.from([...t, 0])), expect: 'unknown' },
  { name: 'of somebody else', spoil: inTicket((t) => t.map((_, i) => i)), expect: 'unknown' },
  { name: 'of 10000 zeros', spoil: inTicket(() => new Uint8Array(10_000)), expect: 'unknown' },
]

const play = async (row: Row, provider: Provider, version: typeof TLS12 | typeof TLS13): Promise<Pair> => {
  const m = await materials()
  const base = { provider, verifier: roots(m), now: () => NOW, versions: [version] }
  const server: ConfigInput = {
    ...base,
    tickets: memoryTickets(provider, () => NOW),
    identities: [m.identities['P-256']],
    ...row.server?.(m, provider),
  }
  const client: ConfigInput = {
    ...base,
    serverName: 'localhost',
    peerName: 'localhost',
    tickets: memoryTickets(provider),
    ...row.client?.(m),
  }
  let session: Session | undefined
  const first = makePair(defineConfig({ ...client, onSession: (fresh) => (session = fresh) }), defineConfig(server))
  await settle(first)
  assert.deepEqual(first.lost, {})
  assert.ok(session)
  // a session survives being written down
  const revived = decodeSession(encodeSession(row.spoil?.(session) ?? session))
  assert.ok(revived)
  const pair = makePair(
    defineConfig({ ...client, ...row.secondClient?.(m), session: revived, onSession: () => {} }),
    defineConfig({ ...server, ...row.secondServer?.(m, provider) }),
  )
  await settle(pair)
  return pair
}

for (const [way, provider] of [
  ['quick', node],
  ['late', lateProvider(node)],
] as const) {
  describe(`a session crosses nothing, ${way}`, () => {
    for (const row of rows)
      for (const version of row.versions ?? bothVersions)
        test(`${version === TLS13 ? '1.3' : '1.2'}: ${row.name}`, async () => {
          const { client, server, lost } = await play(row, provider, version)
          // whether the full handshake succeeds is another question: a new rule may refuse the peer
          if (row.expect === 'resumed') assert.deepEqual(lost, {})
          assert.equal(server.facts.resumed, row.expect === 'resumed')
          assert.equal(client.facts.resumed, row.expect === 'resumed')
          const missed = row.expect === 'resumed' || row.expect === 'not offered' ? undefined : row.expect
          assert.equal(server.facts.missed, missed)
        })
  })

  describe(`kept sessions, ${way}`, () => {
    const ends = async (tickets: Tickets, more: Part = {}, version: typeof TLS12 | typeof TLS13 = TLS13) => {
      const m = await materials()
      const base = { provider, verifier: roots(m), now: () => NOW, versions: [version] }
      const server = defineConfig({ ...base, tickets, identities: [m.identities['P-256']], ...more })
      const cache = memoryCache()
      const client = (part: Part = {}): Config =>
        defineConfig({
          ...base,
          serverName: 'localhost',
          peerName: 'localhost',
          tickets: memoryTickets(provider),
          sessionCache: cache,
          origin: 'localhost:443',
          ...part,
        })
      const connect = async (part: Part = {}): Promise<Pair> => {
        const pair = makePair(client(part), server)
        await settle(pair)
        assert.deepEqual(pair.lost, {})
        return pair
      }
      return { connect }
    }

    test('a cache gives a session for the same place only, and each once', async () => {
      const { connect } = await ends(
        memoryTickets(provider, () => NOW),
        { ticketCount: 2, alpn: ['h2', 'x'] },
      )
      const places: readonly (readonly [Part, boolean])[] = [
        [{}, false],
        [{}, true],
        [{ origin: 'localhost:444' }, false],
        [{ alpn: ['h2'] }, false],
        [{ alpn: ['h2', 'x'] }, false],
        [{ alpn: ['h2'] }, true],
        [{}, true],
        [{}, true],
      ]
      for (const [part, resumed] of places) assert.equal((await connect(part)).client.facts.resumed, resumed)
    })

    test('a cache that fails costs a resumption, not a connection', async () => {
      const { connect } = await ends(memoryTickets(provider, () => NOW))
      const broken = { put: () => Promise.reject(new Error('no')), take: () => Promise.reject(new Error('no')) }
      for (let i = 0; i < 2; i++) assert.equal((await connect({ sessionCache: broken })).client.facts.resumed, false)
    })

    const stored = () => {
      const store = memoryStore({ now: () => NOW })
      const told: SessionEvent[] = []
      const ring = new KeyRing(provider, turned([], rotation(), NOW, provider.random))
      const sealing = ringTickets(provider, ring, { now: () => NOW, guard: store })
      return {
        store,
        told,
        tickets: storedTickets(provider, store, sealing, (event) => told.push(event)),
        sessions: storedSessions(provider, store, sealing, (event) => told.push(event)),
      }
    }

    test('1.3: a stored session is good once', async () => {
      const { tickets, told } = stored()
      const { connect } = await ends(tickets, { ticketCount: 1 })
      let session: Session | undefined
      await connect({ sessionCache: memoryCache(), onSession: (fresh) => (session = fresh) })
      assert.equal(session?.ticket.length, 32)
      const part = { ...(session && { session }), sessionCache: memoryCache() }
      assert.equal((await connect(part)).server.facts.resumed, true)
      const again = await connect(part)
      assert.equal(again.server.facts.resumed, false)
      assert.equal(again.server.facts.missed, 'unknown')
      assert.deepEqual(told, [])
    })

    test('1.2: a stored session is found by its id', async () => {
      const { sessions } = stored()
      const { connect } = await ends(
        { only13: true, seal: () => undefined, open: () => undefined },
        { sessions },
        TLS12,
      )
      for (const resumed of [false, true, true]) assert.equal((await connect()).server.facts.resumed, resumed)
    })

    test('a stored value that was changed, or put under another name, is refused and told', async () => {
      const { store, sessions, told } = stored()
      const { connect } = await ends(
        { only13: true, seal: () => undefined, open: () => undefined },
        { sessions },
        TLS12,
      )
      const values: [string, Uint8Array][] = []
      const put = store.put
      Object.assign(store, {
        put: (key: string, value: Uint8Array, ttl: number) => {
          values.push([key, value])
          return put(key, value, ttl)
        },
      })
      await connect()
      const [key, value] = values[0] ?? ['', new Uint8Array(0)]
      store.put(key, flip(value, value.length - 1), 1000)
      assert.equal((await connect()).server.facts.resumed, false)
      assert.deepEqual(told, [{ event: 'changed', what: 'session' }])
      const swapped = values.at(-1)?.[0] ?? ''
      store.put(swapped, value, 1000)
      assert.equal((await connect()).server.facts.resumed, false)
      assert.equal(told.length, 2)
    })

    test('a store that fails costs a resumption, not a connection', async () => {
      const no = (): Promise<never> => Promise.reject(new Error('no'))
      const { connect } = await ends(
        memoryTickets(provider),
        { sessions: { get: no, put: no, remove: no }, tickets: { only13: true, seal: no, open: no } },
        TLS12,
      )
      for (let i = 0; i < 2; i++) assert.equal((await connect()).server.facts.resumed, false)
    })
  })
}
