import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import type { Config } from '../../src/config.ts'
import { noble } from '../../src/crypto/noble/index.ts'
import { node } from '../../src/crypto/node/index.ts'
import type { Provider } from '../../src/crypto/provider.ts'
import type { Session } from '../../src/session/session.ts'
import { runAsync, wait } from '../../src/task.ts'
import type { TraceEvent } from '../../src/trace.ts'
import { lateProvider } from '../late.ts'
import { type Materials, materials } from '../materials.ts'
import { makePair, type Pair, settle } from '../pair.ts'
import { configsOf } from './configs.ts'
import { type Shape, shapes } from './shapes.ts'

const PING = 'ping from the client'
const PONG = 'x'.repeat(40_000)

/** Which message came where which were due: the graph of states, collected over every shape. */
const graph = new Set<string>()
const watch = (role: string): ((event: TraceEvent) => void) => {
  let due = ''
  return (event) => {
    if (event.event === 'due') due = event.names.join(' or ')
    if (event.event === 'message' && event.way === 'in') graph.add(`${role}: ${event.name} where ${due} is due`)
  }
}

const play = async (
  shape: Shape,
  provider: Provider,
  m: Materials,
  how: { drip: boolean; late: boolean },
): Promise<Pair> => {
  const told: Record<string, Record<'in' | 'out', Uint8Array[]>> = {
    client: { in: [], out: [] },
    server: { in: [], out: [] },
  }
  const trace = (role: string): ((event: TraceEvent) => void) => {
    const seen = watch(role)
    return (event) => {
      seen(event)
      if (event.event === 'message') told[role]?.[event.way].push(event.raw)
    }
  }
  const configs = configsOf(shape, provider, m, { late: how.late, trace })
  const connect = async (client: Config): Promise<Pair> => {
    const pair = makePair(client, configs.server)
    const run = (): Promise<void> => settle(pair, how)
    await run()
    assert.deepEqual(pair.lost, {}, `${pair.lost.client ?? ''} ${pair.lost.server ?? ''}`)
    assert.equal(pair.client.established && pair.server.established, true)
    pair.client.write(Buffer.from(PING))
    pair.server.write(Buffer.from(PONG))
    await run()
    return pair
  }

  let session: Session | undefined
  if (shape.resume) {
    const first = await connect(configs.client(undefined, (fresh) => (session = fresh)))
    assert.equal(first.client.facts.resumed, false)
    assert.ok(session, 'the first handshake gives a session')
    session = shape.resume(session)
  }
  const pair = await connect(configs.client(session))
  assert.equal(pair.received.server, PING)
  assert.equal(pair.received.client, PONG)
  await shape.afterwards?.(pair, () => settle(pair, how))

  const { client, server } = pair
  shape.check(client.facts, server.facts)
  for (const context of [undefined, new Uint8Array(0), Uint8Array.of(1, 2)]) {
    const [ours, theirs] = await Promise.all(
      [client, server].map(({ facts }) =>
        runAsync(facts.exporter?.('EXPORTER-test', context, 40) ?? wait(new Uint8Array(0))),
      ),
    )
    assert.equal(ours?.length, 40)
    assert.deepEqual(ours, theirs)
  }
  assert.deepEqual(client.facts.ourFinished, server.facts.peerFinished)
  client.close()
  await settle(pair, how)
  assert.equal(server.closedByPeer, true)
  assert.equal(client.closedByPeer, false)
  server.write(Buffer.from('half closed'))
  server.close()
  await settle(pair, how)
  assert.equal(client.closedByPeer, true)
  assert.ok(pair.received.client.endsWith('half closed'))
  assert.deepEqual(pair.lost, {})
  // what was told of is the listener's to keep, and what one end said is what the other heard
  for (const [speaker, listener] of [
    ['client', 'server'],
    ['server', 'client'],
  ] as const) {
    const heard = told[listener]?.in ?? []
    const said = told[speaker]?.out ?? []
    // a config that a hook has put in place has no listener
    if (configs.server.select && speaker === 'server') assert.equal(said.length, 0)
    else assert.deepEqual(heard, said.slice(0, heard.length))
    assert.ok(heard.length > 0)
  }
  return pair
}

const ways = [
  { name: 'quick', provider: node, drip: false, late: false },
  { name: 'late', provider: lateProvider(node), drip: false, late: true },
  { name: 'quick, byte by byte', provider: node, drip: true, late: false },
] as const

for (const way of ways) {
  describe(`handshakes, ${way.name}`, () => {
    for (const shape of shapes) {
      test(shape.name, {
        skip: shape.needs && !shape.needs(way.provider) ? 'not with this provider' : false,
      }, async () => {
        await play(shape, way.provider, await materials(), way)
      })
    }
  })
}

describe('handshakes, noble', () => {
  const few = shapes.filter(({ name }) =>
    /as it comes|GCM_SHA384|CHACHA|CBC_SHA384|x25519|P-256, both|ed25519, both|rsa-2048, both|resumed$/.test(name),
  )
  for (const shape of few) {
    test(shape.name, { skip: shape.needs && !shape.needs(noble) ? 'not with this provider' : false }, async () => {
      await play(shape, noble, await materials(), { drip: false, late: false })
    })
  }
})

const GOLDEN = new URL('graph.txt', import.meta.url)
after(() => {
  const now = `${[...graph].sort().join('\n')}\n`
  if (process.env.UPDATE_GRAPH) writeFileSync(GOLDEN, now)
  assert.equal(
    now,
    readFileSync(GOLDEN, 'utf8'),
    'the graph of states has changed; look at it, then UPDATE_GRAPH=1 npm test',
  )
})
