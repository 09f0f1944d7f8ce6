import type { Config } from '../../../src/config.ts'
import { isPromise, RETRY } from '../../../src/task.ts'
import type { Trace, TraceEvent } from '../../../src/trace.ts'
import { type Carry, type End, makePair, type Pair } from '../../pair.ts'
import { Secrets } from '../keys.ts'
import { Ring } from './keys.ts'
import { Lane, type Out, type Piece, type Surgeon } from './lane.ts'

/** Two ends with somebody between them who knows every key, and may change everything. */
export interface Theatre {
  readonly pair: Pair
  readonly carry: Carry
  /** As if that end had said it. */
  inject?(from: End, out: Out): void
  /** One step of that direction alone. */
  step?(from: End): boolean
}

/** Delivers a piece as it is. */
export const asItIs = ({ type, bytes, sealed, early }: Piece): Out[] => [
  { type, bytes, ...(sealed && { sealed }), ...(early && { early }) },
]

const both =
  (one: Trace | undefined, two: Trace): Trace =>
  (event: TraceEvent) => {
    one?.(event)
    two(event)
  }

/** The config, and what it leads to, with somebody who listens. */
const heard = (config: Config, trace: Trace): Config => {
  const { select } = config
  const also = (answer: Config | undefined) => answer && heard(answer, trace)
  return {
    ...config,
    trace: both(config.trace, trace),
    ...(select && {
      select: (hello) => {
        const answer = select(hello)
        return answer === RETRY ? answer : isPromise(answer) ? answer.then(also) : also(answer)
      },
    }),
  }
}

/** Joins two ends by a surgeon, who sees every message and record of either before it is delivered. */
export const operate = (client: Config, server: Config, surgeon: Surgeon): Theatre => {
  const [ours, theirs] = [new Secrets(), new Secrets()]
  const pair = makePair(heard(client, ours.trace), heard(server, theirs.trace))
  const [one, other] = [new Ring(ours, client.session?.suite), new Ring(theirs)]
  const there = new Lane('client', [pair.client, one], [pair.server, other], surgeon)
  const back = new Lane('server', [pair.server, other], [pair.client, one], surgeon)
  return {
    pair,
    carry: ({ client, server }) => [there.step(server), back.step(client)],
    inject: (from, out) => (from === 'client' ? there : back).inject(out),
    step: (from) => (from === 'client' ? there : back).step(undefined),
  }
}

/** Joins two ends by somebody who knows no key: whole records go by, as they are on the wire. */
export const tamper = (
  client: Config,
  server: Config,
  change: (from: End, record: Uint8Array) => readonly Uint8Array[],
): Theatre => {
  const pair = makePair(client, server)
  const held = { client: Buffer.alloc(0), server: Buffer.alloc(0) }
  const step = (from: End, to: End): boolean => {
    const said = pair[from].output.take()
    held[from] = Buffer.concat([held[from], said])
    let rest = held[from]
    for (let length = lengthOf(rest); length <= rest.length; length = lengthOf(rest)) {
      for (const record of change(from, rest.subarray(0, length))) pair[to].receive(record)
      rest = rest.subarray(length)
    }
    held[from] = rest
    return said.length > 0
  }
  return { pair, carry: () => [step('client', 'server'), step('server', 'client')] }
}

const lengthOf = (bytes: Buffer): number => (bytes.length < 5 ? Number.POSITIVE_INFINITY : 5 + bytes.readUInt16BE(3))
