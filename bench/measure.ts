import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Who is measured: this library, the runtime's TLS, and the bare cryptography of the same work. */
export const sides = ['ours', 'nodeTls', 'floor'] as const
export type Side = (typeof sides)[number]

/** How much was done in a second of CPU time (of all threads of this process) and in a second on the clock. */
export interface Figure {
  readonly cpu: number
  readonly wall: number
}

/** What is compared. Each side does `amount` of `unit` at a call. */
export interface Row {
  readonly name: string
  readonly unit: string
  readonly amount?: number
  /** How often each side is called before it counts, where some samples are not enough to have it compiled. */
  readonly warmUp?: number
  readonly rounds?: number
  readonly sides: Partial<Readonly<Record<Side, () => unknown>>>
  /** Instead of calls: what was measured elsewhere, in another process. */
  readonly figures?: Partial<Readonly<Record<Side, () => number>>>
  readonly close?: () => unknown
}

/** One side of a row over all rounds. */
export interface Spread {
  readonly median: number
  readonly low: number
  readonly high: number
}

/** A row as it was measured: rates by CPU time, and ratios, each the median of the ratios of its rounds. */
export interface Result {
  readonly name: string
  readonly unit: string
  readonly rounds: number
  readonly cpu: Partial<Record<Side, Spread>>
  readonly wall: Partial<Record<Side, Spread>>
  readonly ratio: { readonly nodeTls?: Spread; readonly floor?: Spread }
  readonly wallRatio: { readonly nodeTls?: Spread; readonly floor?: Spread }
}

setFlagsFromString('--expose-gc')
/** Collects garbage, all of it; newer runtimes give memory back too when asked (`flavor`). */
export const collect = runInNewContext('gc') as (options?: object) => void

export const spread = (figures: readonly number[]): Spread => {
  const sorted = [...figures].sort((a, b) => a - b)
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN
  return { median: at(0.5), low: at(0), high: at(1) }
}

/**
 * Calls `once` over and over for about `ms`. What is young is collected before; a full collection that is asked for would
 * also forget the shapes of objects of which none lives just then, and all code that was compiled for them, as no
 * collection does that comes by itself.
 */
export const sample = async (once: () => unknown, ms: number, amount = 1): Promise<Figure> => {
  collect({ type: 'minor' })
  const before = process.cpuUsage()
  const start = performance.now()
  let count = 0
  let elapsed = 0
  do {
    const answer = once()
    if (answer instanceof Promise) await answer
    count++
    elapsed = performance.now() - start
  } while (elapsed < ms)
  const { user, system } = process.cpuUsage(before)
  return { cpu: (count * amount * 1e6) / (user + system), wall: (count * amount * 1000) / elapsed }
}

/** Measures all sides of a row in turns, so that whatever else the machine does hits all of them alike. */
export const measure = async (row: Row, rounds: number, ms: number, short = false): Promise<Result> => {
  const { warmUp = 0 } = row
  const here = sides.filter((side) => row.sides[side] ?? row.figures?.[side])
  const figures = { ours: [] as Figure[], nodeTls: [] as Figure[], floor: [] as Figure[] }
  // what is compiled as it runs needs some time until it stands
  for (const side of here) {
    const once = row.sides[side]
    for (let i = 0; once && i < warmUp; i++) {
      const answer = once()
      if (answer instanceof Promise) await answer
    }
    for (let i = 0; once && i < 3; i++) await sample(once, ms)
  }
  const wanted = short ? Math.min(rounds, row.rounds ?? rounds) : (row.rounds ?? rounds)
  for (let round = 0; round < wanted; round++) {
    for (const side of here) {
      const once = row.sides[side]
      const elsewhere = row.figures?.[side]
      if (once) figures[side].push(await sample(once, ms, row.amount))
      else if (elsewhere) {
        const figure = elsewhere()
        figures[side].push({ cpu: figure, wall: figure })
      }
    }
  }
  await row.close?.()
  const of = (by: keyof Figure) =>
    Object.fromEntries(here.map((side) => [side, spread(figures[side].map((figure) => figure[by]))]))
  const against = (by: keyof Figure) =>
    Object.fromEntries(
      here
        .filter((side) => side !== 'ours' && figures.ours.length > 0)
        .map((side) => [side, spread(figures[side].map((other, i) => (figures.ours[i] as Figure)[by] / other[by]))]),
    )
  const { name, unit } = row
  return {
    name,
    unit,
    rounds: wanted,
    cpu: of('cpu'),
    wall: of('wall'),
    ratio: against('cpu'),
    wallRatio: against('wall'),
  }
}
