import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type ConfigInput, defineConfig, type ExternalPsk } from '../../src/config.ts'
import { groups } from '../../src/crypto/groups.ts'
import { node } from '../../src/crypto/node/index.ts'
import type { Provider } from '../../src/crypto/provider.ts'
import { suites } from '../../src/crypto/suites.ts'
import { AlertReceived, TlsError } from '../../src/errors.ts'
import type { EarlyRefusal } from '../../src/facts.ts'
import { memoryStore } from '../../src/session/memory-store.ts'
import { KeyRing, rotation, turned } from '../../src/session/ring.ts'
import type { Session } from '../../src/session/session.ts'
import type { ReplayGuard } from '../../src/session/store.ts'
import { memoryTickets, ringTickets } from '../../src/session/tickets.ts'
import { runAsync } from '../../src/task.ts'
import { verifier } from '../../src/x509/path.ts'
import { lateProvider } from '../late.ts'
import { materials, NOW } from '../materials.ts'
import { makePair, type Pair, settle } from '../pair.ts'

type Part = Partial<Omit<ConfigInput, 'provider' | 'verifier'>>

const psk: ExternalPsk = { identity: Buffer.from('device 7'), secret: Buffer.alloc(32, 7), hash: 'sha256' }
const hurried: ExternalPsk = { ...psk, suite: 0x1301, earlyData: 100 }
const retry = { groups: groups.filter((group) => group.name === 'secp256r1') }
const sha384 = { suites: suites.filter((suite) => suite.id === 0x1302) }
const findPsk = (identity: Uint8Array) => (Buffer.compare(identity, psk.identity) === 0 ? psk : undefined)

/** Connects once for a session (unless a key was agreed elsewhere), then again with early data. */
interface Row {
  readonly name: string
  readonly client?: Part
  readonly server?: Part
  readonly session?: (session: Session) => Session
  /** The server of the second handshake, where it differs. */
  readonly second?: Part
  readonly external?: boolean
  readonly expect: 'accepted' | 'rejected' | 'not sent'
  /** Why the server does not take it. */
  readonly why?: EarlyRefusal
}

const ring = new KeyRing(node, turned([], rotation(), NOW, node.random))
const guarded = (claim: ReplayGuard['claim'], region = 'east'): Part => ({
  tickets: ringTickets(node, ring, { now: () => NOW, guard: { claim }, region }),
})

const rows: readonly Row[] = [
  { name: 'taken', expect: 'accepted' },
  { name: 'taken, with ALPN', client: { alpn: ['h2'] }, server: { alpn: ['h2'] }, expect: 'accepted' },
  { name: 'taken, no disguise', client: { middlebox: false }, server: { middlebox: false }, expect: 'accepted' },
  { name: 'the server takes none any more', second: { earlyData: 0 }, expect: 'rejected', why: 'off' },
  {
    name: 'the server has lost its tickets',
    second: { tickets: memoryTickets(node, () => NOW) },
    expect: 'rejected',
    why: 'no ticket',
  },
  { name: 'HelloRetryRequest', second: retry, expect: 'rejected', why: 'retried' },
  {
    name: 'another protocol',
    client: { alpn: ['a', 'b'] },
    server: { alpn: ['a'] },
    second: { alpn: ['b'] },
    expect: 'rejected',
    why: 'terms',
  },
  {
    name: 'another suite of the same hash',
    second: { suites: suites.filter((s) => s.id === 0x1303) },
    expect: 'rejected',
  },
  {
    name: 'a ticket that is younger than the client says',
    session: (s) => ({ ...s, created: s.created - 11_000 }),
    expect: 'rejected',
    why: 'age',
  },
  {
    name: 'the same within a wider window',
    session: (s) => ({ ...s, created: s.created - 11_000 }),
    second: { earlyDataWindow: 11_000 },
    expect: 'accepted',
  },
  {
    name: 'a ticket that is older than the client says',
    second: { now: () => NOW + 10_001 },
    expect: 'rejected',
    why: 'age',
  },
  { name: 'a guard that answers late', server: guarded(async () => true), expect: 'accepted' },
  { name: 'a guard that says no', server: guarded(() => false), expect: 'rejected', why: 'replay' },
  { name: 'a guard that says no, late', server: guarded(async () => false), expect: 'rejected', why: 'replay' },
  {
    name: 'a guard that fails',
    server: guarded(() => Promise.reject(new Error('lost'))),
    expect: 'rejected',
    why: 'replay',
  },
  {
    name: 'a guard that throws',
    server: guarded(() => {
      throw new Error('lost')
    }),
    expect: 'rejected',
    why: 'replay',
  },
  { name: 'a guard that says something else', server: guarded(() => 1 as never), expect: 'rejected', why: 'replay' },
  {
    name: 'a memory that has just begun',
    server: guarded(memoryStore({ now: () => NOW, settling: 1 }).claim),
    expect: 'rejected',
    why: 'replay',
  },
  {
    name: 'a ticket of another region',
    server: guarded(() => true),
    second: guarded(() => true, 'west'),
    expect: 'rejected',
    why: 'terms',
  },
  {
    name: 'a server without a guard',
    server: { tickets: { ...ringTickets(node, ring, { now: () => NOW }) } },
    expect: 'rejected',
    why: 'off',
  },
  {
    name: 'a server that takes less than the ticket allows',
    second: { earlyData: 500 },
    expect: 'rejected',
  },
  { name: 'a session that allows none', session: (s) => ({ ...s, earlyData: 0 }), expect: 'not sent' },
  { name: 'a client that wants none', client: { earlyData: 0 }, expect: 'not sent' },
  { name: 'a server that has never taken any', server: { earlyData: 0 }, expect: 'not sent' },
  {
    name: 'a key agreed elsewhere',
    external: true,
    client: { psk: () => psk },
    server: { findPsk },
    expect: 'not sent',
  },
  {
    name: 'a key agreed elsewhere, found late',
    external: true,
    client: { psk: () => psk },
    server: { findPsk: async (id) => findPsk(id) },
    expect: 'not sent',
  },
  {
    name: 'a key agreed elsewhere, after HelloRetryRequest',
    external: true,
    client: { psk: () => psk },
    server: { findPsk, ...retry },
    expect: 'not sent',
  },
  {
    name: 'a key agreed elsewhere, with early data',
    external: true,
    client: { psk: () => hurried },
    server: { findPsk: () => hurried },
    // it has no age, so nobody can tell a replay
    expect: 'rejected',
  },
  {
    name: 'a key agreed elsewhere that the server does not know',
    external: true,
    client: { psk: () => psk },
    server: { findPsk: () => undefined },
    expect: 'not sent',
  },
  {
    name: 'a key agreed elsewhere that does not go with the suite',
    external: true,
    client: { psk: () => psk, ...sha384 },
    server: { findPsk },
    expect: 'not sent',
  },
]

const prepare = async (
  row: Row,
  provider: Provider,
): Promise<{ pair: Pair; again: () => Pair; session: Session | undefined }> => {
  const m = await materials()
  const base = { provider, verifier: verifier({ anchors: [m.root] }), now: () => NOW }
  const server = {
    ...base,
    tickets: memoryTickets(provider, () => NOW),
    identities: [m.identities['P-256']],
    earlyData: 1000,
    ...row.server,
  }
  const client = {
    ...base,
    serverName: 'localhost',
    peerName: 'localhost',
    tickets: memoryTickets(provider),
    earlyData: 1,
    ...row.client,
  }
  let session: Session | undefined
  if (!row.external) {
    const first = makePair(defineConfig({ ...client, onSession: (fresh) => (session = fresh) }), defineConfig(server))
    await settle(first)
    assert.deepEqual(first.lost, {})
    assert.ok(session)
    session = row.session?.(session) ?? session
  }
  const again = (): Pair =>
    makePair(defineConfig({ ...client, ...(session && { session }) }), defineConfig({ ...server, ...row.second }))
  return { pair: again(), again, session }
}

/** Turns the client until its hello is out and early data may follow, if it ever may. */
const begin = async ({ client }: Pair): Promise<void> => {
  for (;;) {
    const need = client.advance()
    if (need.kind !== 'wait') return
    await need.on
  }
}

for (const [way, provider, drip] of [
  ['quick', node, false],
  ['late', lateProvider(node), false],
  ['byte by byte', node, true],
] as const) {
  describe(`early data, ${way}`, () => {
    for (const row of rows) {
      test(row.name, async () => {
        const { pair } = await prepare(row, provider)
        await begin(pair)
        const sent = pair.client.writeEarly(Buffer.from('early '))
        assert.equal(sent, row.expect !== 'not sent')
        await settle(pair, { drip })
        assert.deepEqual(pair.lost, {}, `${pair.lost.client} ${pair.lost.server}`)
        const { client, server } = pair
        assert.equal(client.facts.earlyData, row.expect === 'not sent' ? undefined : row.expect)
        assert.equal(server.facts.earlyData, client.facts.earlyData)
        if (row.expect !== 'rejected') assert.equal(server.facts.earlyRefusal, undefined)
        else if (row.why) assert.equal(server.facts.earlyRefusal, row.why)
        client.write(Buffer.from('late'))
        server.write(Buffer.from('answer'))
        await settle(pair, { drip })
        assert.equal(pair.received.server, row.expect === 'accepted' ? 'early late' : 'late')
        assert.equal(pair.received.client, 'answer')
        assert.equal(client.writeEarly(Buffer.from('x')), false)
        if (row.external && /elsewhere(,|$)/.test(row.name)) {
          assert.deepEqual([client.facts.psk, server.facts.psk], [psk.identity, psk.identity])
          assert.equal(client.facts.peerChain, undefined)
        }
        if (row.expect === 'accepted') {
          const [ours, theirs] = await Promise.all(
            [client, server].map(
              ({ facts }) => facts.earlyExporter && runAsync(facts.earlyExporter('EXPORTER-x', undefined, 16)),
            ),
          )
          assert.equal(ours?.length, 16)
          assert.deepEqual(ours, theirs)
        }
      })
    }
  })
}

describe('early data', () => {
  const [plain] = rows as [Row]

  test('a guard is asked once for each time that a ticket comes, and so is told of what was refused for other reasons', async () => {
    const asked: string[] = []
    const server = guarded((mark) => {
      asked.push(mark)
      return true
    })
    const { pair, again } = await prepare({ ...plain, server }, node)
    for (const one of [pair, again()]) {
      await begin(one)
      one.client.writeEarly(Buffer.from('pay'))
      await settle(one)
    }
    assert.equal(asked.length, 2)
    assert.equal(asked[0], asked[1], 'the same ticket has the same mark')
    assert.match(asked[0] ?? '', /^east:[0-9a-f]{64}$/)
    const refused = rows.filter(({ why, server: own }) => why && why !== 'replay' && !own)
    assert.ok(refused.length >= 4)
    for (const row of refused) {
      const before: number = asked.length
      const { pair: other } = await prepare({ ...row, server }, node)
      await begin(other)
      await settle(other)
      // what comes without a ticket of ours can be no replay of anything
      assert.equal(asked.length, before + (row.why === 'no ticket' ? 0 : 1), row.name)
    }
  })

  test('early data goes in records that the server has said it takes', async () => {
    const { pair } = await prepare(
      { ...plain, client: { recordSizeLimit: 16385 }, server: { recordSizeLimit: 129 } },
      node,
    )
    await begin(pair)
    assert.equal(pair.client.recordLimit, 128)
    pair.client.writeEarly(new Uint8Array(1000))
    await settle(pair)
    assert.deepEqual(pair.lost, {})
    assert.equal(pair.received.server.length, 1000)
  })

  test('the same ticket twice: the second time it is not taken', async () => {
    const { pair, again } = await prepare(plain, node)
    for (const [one, expected] of [
      [pair, 'accepted'],
      [again(), 'rejected'],
    ] as const) {
      await begin(one)
      one.client.writeEarly(Buffer.from('pay'))
      await settle(one)
      assert.deepEqual(one.lost, {})
      assert.equal(one.server.facts.earlyData, expected)
      assert.equal(one.received.server, expected === 'accepted' ? 'pay' : '')
    }
  })

  test('what one server has refused, another does not take', async () => {
    const server = guarded(memoryStore({ now: () => NOW }).claim)
    for (const second of [{ now: () => NOW + 10_001 }, retry, { earlyData: 500 }]) {
      const { pair } = await prepare({ ...plain, server, second }, node)
      const [kind] = Object.keys(second)
      await begin(pair)
      pair.client.writeEarly(Buffer.from('pay'))
      const flight = Buffer.from(pair.client.output.peek())
      await settle(pair)
      assert.equal(pair.server.facts.earlyData, 'rejected', kind)
      assert.equal(pair.received.server, '')
      const other = (await prepare({ ...plain, server }, node)).pair.server
      other.receive(flight)
      assert.equal(other.advance().kind, 'read', kind)
      assert.equal(other.facts.earlyRefusal, 'replay', kind)
    }
  })

  test('a replayed first flight is not taken', async () => {
    const { pair, again } = await prepare(plain, node)
    await begin(pair)
    pair.client.writeEarly(Buffer.from('pay'))
    const flight = Buffer.from(pair.client.output.peek())
    await settle(pair)
    assert.equal(pair.received.server, 'pay')
    const replay = again()
    replay.server.receive(flight)
    assert.equal(replay.server.advance().kind, 'read')
    assert.equal(replay.server.facts.earlyData, 'rejected')
  })

  test('more than the ticket allows: the client does not send it, the server does not take it', async () => {
    const { pair, session } = await prepare(plain, node)
    await begin(pair)
    assert.equal(pair.client.earlyRoom, 1000)
    assert.equal(pair.client.writeEarly(new Uint8Array(1001)), false)
    assert.equal(pair.client.writeEarly(new Uint8Array(1000)), true)
    assert.equal(pair.client.writeEarly(new Uint8Array(1)), false)
    assert.ok(session)
    const greedy = await prepare({ ...plain, session: (s) => ({ ...s, earlyData: 5000 }) }, node)
    await begin(greedy.pair)
    greedy.pair.client.writeEarly(new Uint8Array(3000))
    await settle(greedy.pair)
    assert.ok(greedy.pair.lost.server instanceof TlsError && greedy.pair.lost.server.reason === 'TOO_MUCH_EARLY_DATA')
    assert.ok(greedy.pair.lost.client instanceof AlertReceived)
  })

  test('much early data that is not taken is skipped', async () => {
    const { pair } = await prepare(
      {
        ...plain,
        server: { earlyData: 100_000 },
        second: { tickets: memoryTickets(node, () => NOW), earlyData: 100_000 },
      },
      node,
    )
    await begin(pair)
    for (let i = 0; i < 5; i++) assert.equal(pair.client.writeEarly(new Uint8Array(10_000)), true)
    await settle(pair)
    assert.deepEqual(pair.lost, {})
    assert.equal(pair.server.facts.earlyData, 'rejected')
  })

  test('a server that answers with TLS 1.2 cannot have given the ticket', async () => {
    const { pair } = await prepare({ ...plain, second: { versions: [0x0303] } }, node)
    await begin(pair)
    await settle(pair)
    assert.ok(pair.lost.client instanceof TlsError && pair.lost.client.alert === 'protocol_version')
  })

  test('the server may answer before the client has finished', async () => {
    const { pair } = await prepare(plain, node)
    await begin(pair)
    pair.client.writeEarly(Buffer.from('question'))
    pair.server.receive(pair.client.output.take())
    assert.equal(pair.server.advance().kind, 'take')
    assert.equal(pair.server.early, true)
    assert.equal(Buffer.from(pair.server.take() ?? []).toString(), 'question')
    pair.server.write(Buffer.from('answer'))
    pair.client.receive(pair.server.output.take())
    await settle(pair)
    assert.deepEqual(pair.lost, {})
    assert.equal(pair.received.client, 'answer')
  })

  test('a client that says nothing where EndOfEarlyData is due is refused', async () => {
    const { pair } = await prepare(
      { ...plain, client: { rewrite: (name, body) => (name === 'endOfEarlyData' ? assert.fail() : body) } },
      node,
    )
    await begin(pair)
    await settle(pair)
    assert.ok(pair.lost.client instanceof TlsError)
    assert.equal(pair.server.established, false)
  })

  test('a key agreed elsewhere whose secret is another', async () => {
    const { pair } = await prepare(
      {
        ...plain,
        external: true,
        client: { psk: () => psk },
        server: { findPsk: () => ({ ...psk, secret: Buffer.alloc(32, 8) }) },
      },
      node,
    )
    await settle(pair)
    assert.ok(pair.lost.server instanceof TlsError && pair.lost.server.reason === 'BINDER_DOES_NOT_VERIFY')
  })
})
