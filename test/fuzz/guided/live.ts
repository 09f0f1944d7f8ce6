import assert from 'node:assert/strict'
import { Connection } from '../../../src/connection.ts'
import { AlertReceived, TlsError, Truncated } from '../../../src/errors.ts'
import { runSync } from '../../../src/task.ts'
import { type End, makePair, type Pair, settle } from '../../pair.ts'
import { message } from '../../surgery/every/edits.ts'
import type { Out, Piece } from '../../surgery/every/lane.ts'
import { asItIs, operate } from '../../surgery/every/proxy.ts'
import { configsOf, type Kind, kinds } from './ends.ts'
import { tlsSeeds } from './seeds.ts'
import { Said, type Target } from './target.ts'

/** What became of an end, as far as it may not depend on how its bytes came, or on how fast its crypto is. */
const outcome = (connection: Connection, lost: unknown, received: string): object => {
  const { facts, established, closedByPeer } = connection
  const { version, suite, group, alpn, resumed, retried, serverName, earlyData } = facts
  return {
    ...{ version, suite: suite?.name, group: group?.name, alpn, resumed, retried, serverName, earlyData },
    ...{ established, closedByPeer, received },
    chain: facts.peerChain?.length,
    lost: ending(lost),
  }
}

const ending = (lost: unknown): string => {
  if (lost === undefined) return 'nothing'
  if (lost instanceof AlertReceived) return `told ${lost.alert}`
  if (lost instanceof Truncated) return 'cut off'
  // a peer's bytes are never our fault
  if (lost instanceof TlsError && lost.alert !== 'internal_error') return `${lost.alert} ${lost.reason}`
  throw lost
}

// ---- bytes as they are

const plain: readonly Kind[] = kinds.filter(({ again }) => !again)

/** One end alone with a stranger's bytes. */
const alone = async (role: End, data: Uint8Array, { drip = false, late = false }): Promise<object> => {
  const configs = await configsOf(plain[(data.length * 7) % plain.length] as Kind, late)
  const connection = new Connection(role, configs[role])
  let lost: unknown
  let received = ''
  const turn = async (): Promise<void> => {
    while (lost === undefined) {
      try {
        const need = connection.advance()
        if (need.kind === 'take') received += Buffer.from(connection.take() ?? []).toString('latin1')
        else if (need.kind === 'wait') await Promise.resolve(need.on).catch(() => {})
        else return
      } catch (error) {
        lost = error
      }
    }
  }
  await turn()
  const step = drip ? 1 : Math.max(1, data.length)
  for (let at = 0; at < data.length && lost === undefined; at += step) {
    connection.receive(data.subarray(at, at + step))
    await turn()
  }
  connection.end()
  await turn()
  // what waits to be sent stays small, however much came
  assert.ok(connection.output.length < 200_000, `${connection.output.length} bytes wait to be sent`)
  return outcome(connection, lost, received)
}

/** The same bytes, whole and byte by byte, with quick and with slow crypto, must come to the same end. */
const single = (role: End): Target => ({
  name: role,
  most: 20_000,
  seeds: async () => [...(await recorded(role)), ...tlsSeeds(role)],
  async run(data) {
    const whole = await alone(role, data, {})
    assert.deepEqual(await alone(role, data, { late: true }), whole, 'slow crypto ends otherwise')
    if (data.length < 2000)
      assert.deepEqual(await alone(role, data, { drip: true }), whole, 'dripped bytes end otherwise')
  },
})

/** What an end receives in handshakes of ours. */
const recorded = async (role: End): Promise<Uint8Array[]> => {
  const all: Uint8Array[] = []
  for (const kind of kinds) {
    const { client, server } = await configsOf(kind)
    const pair = makePair(client, server)
    const parts: Uint8Array[] = []
    const from = role === 'client' ? 'server' : 'client'
    const move = (one: End, other: End): boolean => {
      const said = pair[one].output.take()
      if (one === from) parts.push(said)
      pair[other].receive(said)
      return said.length > 0
    }
    await settle(pair, { carry: () => [move('client', 'server'), move('server', 'client')] })
    all.push(Buffer.concat(parts))
  }
  return all
}

// ---- with keys

/**
 * One end is spoken to by somebody who has every key. The input is a program: the first byte says which conversation, and
 * for each piece that the other end says a byte says what becomes of it; what is left then says what else is delivered.
 */
const operated =
  (victim: End, { handshake = true } = {}) =>
  async (data: Uint8Array, late: boolean): Promise<object> => {
    const said = new Said(data)
    const kind = kinds[said.byte() % kinds.length] as Kind
    const { client, server } = await configsOf(kind, late)
    const other: End = victim === 'client' ? 'server' : 'client'
    let open = false
    const surgeon = (piece: Piece): readonly Out[] =>
      piece.from === victim || !(handshake || open) ? asItIs(piece) : becomes(piece, said)
    const theatre = operate(client, server, surgeon)
    const { pair, carry } = theatre
    const run = (): Promise<void> => settle(pair, { carry })
    if (kind.name.includes('early')) {
      for (let need = pair.client.advance(); need.kind === 'wait'; need = pair.client.advance()) await need.on
      pair.client.writeEarly(Buffer.from('early'))
    }
    await run()
    open = true
    talk(pair, said)
    await run()
    for (let i = 0; i < 200 && said.left > 0 && pair.lost[victim] === undefined; i++) {
      for (const out of delivered(said)) theatre.inject?.(other, out)
      await run()
    }
    sameSecrets(pair)
    for (const end of ['client', 'server'] as const) pair[end].close()
    await run()
    for (const end of ['client', 'server'] as const) pair[end].end()
    await run()
    ending(pair.lost[other])
    return outcome(pair[victim], pair.lost[victim], pair.received[victim])
  }

/** Two ends that have both come to the end of their handshake have had the same one. */
const sameSecrets = ({ client, server }: Pair): void => {
  const [ours, theirs] = [client, server].map(({ facts, established }) => (established ? facts.exporter : undefined))
  if (!ours || !theirs || client.facts.suite !== server.facts.suite) return
  try {
    const [one, other] = [ours, theirs].map((exporter) => runSync(exporter('EXPORTER-fuzz', undefined, 16)))
    assert.deepEqual(one, other, 'both are content, and have other secrets')
  } catch (error) {
    // slow crypto does not say at once
    if (error instanceof assert.AssertionError) throw error
  }
}

const talk = (pair: Pair, said: Said): void => {
  for (const end of ['client', 'server'] as const) {
    const connection = pair[end]
    if (!connection.established || pair.lost[end] !== undefined) continue
    const wishes = said.byte()
    connection.write(Buffer.from(`data of the ${end}`))
    if (connection.facts.version !== 0x0304) continue
    if (wishes & 1) connection.ask({ kind: 'keyUpdate', requestUpdate: (wishes & 2) !== 0 })
    if (end === 'server' && wishes & 4 && connection.facts.postHandshakeAuth) connection.ask({ kind: 'authenticate' })
    if (end === 'server' && wishes & 8) connection.ask({ kind: 'ticket' })
  }
}

const types = [20, 21, 22, 23, 24] as const
const same = (piece: Piece, bytes: Uint8Array): Out => ({ type: piece.type, bytes })
const small = (said: Said): number => said.byte() % 32

const becomes = (piece: Piece, said: Said): readonly Out[] => {
  const op = said.byte()
  if (op < 128 || piece.sealed) return asItIs(piece)
  const { bytes } = piece
  const at = (): number => said.number(2) % (bytes.length + 1)
  switch (op % 13) {
    case 0:
      return []
    case 1:
      return [...asItIs(piece), ...asItIs(piece)]
    case 2: {
      const [where, mask] = [at(), said.byte() || 1]
      return [
        same(
          piece,
          bytes.map((byte, i) => (i === where ? byte ^ mask : byte)),
        ),
      ]
    }
    case 3: {
      const [where, length] = [at(), small(said)]
      return [same(piece, Buffer.concat([bytes.subarray(0, where), bytes.subarray(where + length)]))]
    }
    case 4: {
      const where = at()
      return [same(piece, Buffer.concat([bytes.subarray(0, where), said.bytes(small(said)), bytes.subarray(where)]))]
    }
    case 5: {
      // changed inside, with the length of the message right
      const where = Math.max(0, at() - 4)
      const cut = small(said)
      const body = bytes.subarray(4)
      return piece.type === 22
        ? [
            message(
              bytes[0] ?? 0,
              Buffer.concat([body.subarray(0, where), said.bytes(small(said)), body.subarray(where + cut)]),
            ),
          ]
        : asItIs(piece)
    }
    case 6:
      return piece.type === 22 ? [message(bytes[0] ?? 0, said.bytes(said.number(2) % 2048))] : asItIs(piece)
    case 7:
      return [...delivered(said), ...asItIs(piece)]
    case 8: {
      const where = at()
      return [same(piece, bytes.slice(0, where)), ...delivered(said), same(piece, bytes.slice(where))]
    }
    case 9:
      return [...asItIs(piece), ...delivered(said)]
    case 10:
      return Array.from({ length: 2 + said.byte() }, () => asItIs(piece)).flat()
    case 11:
      return asItIs(piece).map((out) => ({ ...out, clear: true }))
    default: {
      const step = 1 + small(said)
      return Array.from({ length: Math.ceil(bytes.length / step) }, (_, i) =>
        same(piece, bytes.slice(i * step, (i + 1) * step)),
      )
    }
  }
}

/** Something that nobody has said. */
const delivered = (said: Said): readonly Out[] => {
  const op = said.byte()
  switch (op % 6) {
    case 0:
      return [{ type: types[said.byte() % types.length] as number, bytes: said.bytes(said.number(2) % 17000) }]
    case 1:
      return [message(said.byte() % 26, said.bytes(said.number(2) % 2048))]
    case 2:
      return [{ type: 0, bytes: said.bytes(said.number(2) % 2048), sealed: true }]
    case 3:
      return [{ type: 21, bytes: Uint8Array.of(1 + (said.byte() & 1), said.byte()) }]
    case 4: {
      const [type, content] = [types[said.byte() % types.length] as number, said.bytes(said.byte() & 7)]
      return Array.from({ length: 1 + said.byte() }, () => ({ type, bytes: content }))
    }
    default:
      return [{ type: types[said.byte() % types.length] as number, bytes: said.bytes(said.byte()), clear: true }]
  }
}

/** Programs that do nothing, and one for each thing that can be done. */
const programs = (): Uint8Array[] =>
  kinds.flatMap((_, kind) => [
    Uint8Array.of(kind),
    Uint8Array.from([kind, ...new Uint8Array(20), 15, 15, 0, 3, 0, 5, 1, 2, 3, 4, 5, 1, 24, 0, 1, 1]),
    ...Array.from({ length: 13 }, (_, op) =>
      Uint8Array.from([kind, ...new Uint8Array(op % 7), 128 + ((op + 2) % 13), 0, 9, 3, 1, 2, 3]),
    ),
  ])

const keyed = (name: string, victim: End, options?: { handshake: boolean }): Target => {
  const play = operated(victim, options)
  return {
    name,
    most: 8192,
    seeds: programs,
    async run(data) {
      const quick = await play(data, false)
      // every fourth: it costs as much again
      if (data.length % 4 === 0) assert.deepEqual(await play(data, true), quick, 'slow crypto ends otherwise')
    },
  }
}

export const liveTargets: readonly Target[] = [
  keyed('record', 'server', { handshake: false }),
  single('client'),
  single('server'),
  keyed('client-keyed', 'client'),
  keyed('server-keyed', 'server'),
]
