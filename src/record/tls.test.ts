import assert from 'node:assert/strict'
import { test } from 'node:test'
import { materials, NOW } from '../../test/materials.ts'
import { makePair, type Pair, settle } from '../../test/pair.ts'
import { type Config, defineConfig, TLS12, TLS13, type Version } from '../config.ts'
import { node } from '../crypto/node/index.ts'
import type { Provider } from '../crypto/provider.ts'
import { Misuse, TlsError, Truncated } from '../errors.ts'
import type { TraceEvent } from '../trace.ts'
import { verifier } from '../x509/path.ts'

// The data of an open connection, which moves without a turn of the task as long as nothing else comes between.

interface Wishes {
  readonly version?: Version
  readonly provider?: Provider
  readonly trace?: (event: TraceEvent) => void
}

const open = async ({ version = TLS13, provider = node, trace }: Wishes = {}): Promise<Pair> => {
  const m = await materials()
  const base = { provider, verifier: verifier({ anchors: [m.root] }), now: () => NOW, versions: [version] }
  const client: Config = defineConfig({ ...base, serverName: 'localhost', peerName: 'localhost' })
  const server: Config = defineConfig({
    ...base,
    identities: [m.identities['P-256']],
    ...(trace && { trace }),
  })
  const pair = makePair(client, server)
  await settle(pair)
  assert.ok(pair.client.established && pair.server.established)
  return pair
}

/** Opens some records at once and some later, by whether their number is in the list. */
const sometimesLate = (numbers: readonly number[]): Provider => ({
  ...node,
  protection(keying) {
    const quick = node.protection(keying)
    return {
      sealedLength: (data, padding) => quick.sealedLength(data, padding),
      seal: (sequence, type, data, padding, record) => quick.seal(sequence, type, data, padding, record),
      open: (sequence, record) =>
        numbers.includes(sequence % 5)
          ? Promise.resolve().then(() => quick.open(sequence, record))
          : quick.open(sequence, record),
    }
  },
})

const text = (words: string): Uint8Array => new TextEncoder().encode(words)

for (const version of [TLS12, TLS13] as const)
  for (const numbers of [[], [0], [1, 3], [0, 1, 2, 3, 4]])
    for (const drip of [false, true])
      test(`records: ${version === TLS13 ? '1.3' : '1.2'}, late ${numbers.join() || 'never'}${drip ? ', byte by byte' : ''}: all comes, in order`, async () => {
        const pair = await open({ version, provider: sometimesLate(numbers) })
        let said = ''
        for (let i = 0; i < 13; i++) {
          const words = `${i} ${'x'.repeat(i * 7)};`
          said += words
          pair.client.write(text(words))
          if (i % 4 === 1) pair.client.write(new Uint8Array(0))
          if (i % 4 === 3 && version === TLS13) pair.client.ask({ kind: 'keyUpdate', requestUpdate: i % 8 === 3 })
          if (i % 3 === 0) await settle(pair, { drip })
          pair.server.write(text(words))
        }
        pair.client.close()
        await settle(pair, { drip })
        assert.equal(pair.received.server, said)
        assert.equal(pair.received.client, said)
        assert.ok(pair.server.closedByPeer)
        assert.deepEqual(pair.lost, {})
      })

test('records: data that is not taken keeps what follows from being opened', async () => {
  let opened = 0
  const pair = await open({ trace: (event) => void (event.event === 'record' && event.way === 'in' && opened++) })
  opened = 0
  for (const words of ['one', 'two', 'three']) pair.client.write(text(words))
  pair.server.receive(pair.client.output.take())
  for (let i = 0; i < 3; i++) assert.deepEqual(pair.server.advance(), { kind: 'take' })
  assert.equal(opened, 1)
  assert.equal(Buffer.from(pair.server.take() ?? []).toString(), 'one')
  assert.deepEqual(pair.server.advance(), { kind: 'take' })
  assert.equal(opened, 2)
})

test('records: what was taken stays as it is while more comes', async () => {
  const pair = await open()
  const kept: Uint8Array[] = []
  for (let i = 0; i < 50; i++) {
    pair.client.write(new Uint8Array(1 + i * 40).fill(i))
    pair.server.receive(pair.client.output.take())
    assert.equal(pair.server.advance().kind, 'take')
    kept.push(pair.server.take() as Uint8Array)
  }
  for (const [i, bytes] of kept.entries()) assert.ok(bytes.length === 1 + i * 40 && bytes.every((byte) => byte === i))
})

test('records: a callback may not turn the connection that calls it', async () => {
  let pair: Pair | undefined
  let seen: unknown
  pair = await open({
    trace(event) {
      if (event.event !== 'record' || event.way !== 'in' || !pair) return
      try {
        pair.server.advance()
      } catch (error) {
        seen = error
      }
    },
  })
  pair.client.write(text('x'))
  await settle(pair)
  assert.ok(seen instanceof Misuse)
  assert.equal(pair.received.server, 'x')
})

test('records: a record that was changed, or comes again, ends the connection, and so does an early end', async () => {
  for (const change of ['flip', 'again', 'cut'] as const) {
    const pair = await open()
    pair.client.write(text('good'))
    const record = pair.client.output.take().slice()
    if (change === 'flip') record[record.length - 1] = (record.at(-1) as number) ^ 1
    pair.server.receive(change === 'cut' ? record.subarray(0, 10) : record)
    if (change === 'again') {
      assert.equal(pair.server.advance().kind, 'take')
      pair.server.take()
      pair.server.receive(record)
    }
    if (change === 'cut') pair.server.end()
    for (let i = 0; i < 2; i++)
      assert.throws(
        () => pair.server.advance(),
        (error) =>
          change === 'cut' ? error instanceof Truncated : error instanceof TlsError && error.alert === 'bad_record_mac',
      )
  }
})
