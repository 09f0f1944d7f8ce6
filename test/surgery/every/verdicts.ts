import type { Provider } from '../../../src/crypto/provider.ts'
import type { Materials } from '../../materials.ts'
import { edits } from './edits.ts'
import { cut, following, pieces } from './operations.ts'
import { type Fate, type Fates, prepare, type Scene, type Stage, scenes, told } from './play.ts'
import { complaint } from './rules.ts'
import { records, seenAs, tampered, tamperings } from './tampering.ts'

/** Every verdict that there is: what was done to what, and what both ends made of it. */
export class Verdicts {
  /** By what was done, then by verdict: the pieces to which it was done. */
  readonly #rows = new Map<string, Map<string, Set<string>>>()
  readonly complaints: string[] = []
  count = 0
  /** The table that was looked at and found right. */
  readonly #known: ReadonlySet<string>
  readonly #once: boolean

  /** `once`: each thing is done to each kind of piece in the first scene that has it, and no more; reasons may differ. */
  constructor(table: string, once: boolean) {
    this.#once = once
    this.#known = new Set(rowsOf(table).map((row) => this.#telling(row)))
  }

  /** What is compared: who refuses and with which alert, in a whole run the reason too. */
  #telling(row: string): string {
    return this.#once ? row.replace(/(refuses: \w+) [A-Z0-9_]+/g, '$1') : row
  }

  wants(done: string, to: string): boolean {
    return !(this.#once && [...(this.#rows.get(done)?.values() ?? [])].some((all) => all.has(to)))
  }

  add(done: string, to: string, fates: Fates, complained: string | undefined, scene: string): void {
    this.count++
    const verdict = inWords(fates)
    const complain = (what: string): void => void this.complaints.push(`${scene}: ${to}, ${done}: ${verdict}: ${what}`)
    if (complained !== undefined) complain(complained)
    else if (!this.#known.has(this.#telling(`${done}: ${to}: ${verdict}`))) complain('that is not in the table')
    const rows = this.#rows.get(done) ?? new Map<string, Set<string>>()
    this.#rows.set(done, rows)
    rows.set(verdict, (rows.get(verdict) ?? new Set()).add(to))
  }

  toString(): string {
    const sections = [...this.#rows].map(([done, rows]) => {
      const lines = [...rows].map(([verdict, all]) => `  ${[...all].sort().join(', ')}: ${verdict}`)
      return `${done}\n${lines.sort().join('\n')}\n`
    })
    return sections.join('\n')
  }
}

/** A table as its single verdicts. */
const rowsOf = (table: string): string[] => {
  let done = ''
  return table.split('\n').flatMap((line) => {
    if (!line.startsWith('  ')) done = line || done
    const [, all = '', verdict] = /^ {2}(.*?): ((?:client|server|both) .*)$/.exec(line) ?? []
    return all.split(', ').map((to) => `${done}: ${to}: ${verdict}`)
  })
}

/** Both fates in a few words. */
const inWords = ({ client, server }: Fates): string => {
  const [one, other]: readonly [readonly [string, Fate], readonly [string, Fate]] =
    server.kind === 'refuses' && client.kind !== 'refuses'
      ? [
          ['server', server],
          ['client', client],
        ]
      : [
          ['client', client],
          ['server', server],
        ]
  const [, first] = one
  const [, second] = other
  if (first.kind === 'fine' && second.kind === 'fine') return 'both go on'
  if (first.kind === 'refuses' && second.kind === 'told' && second.alert === first.alert)
    return `${one[0]} ${told(first)}`
  return `${one[0]} ${told(first)}; ${other[0]} ${told(second)}`
}

/** A scene for each way in which messages can follow each other; or all. */
export const chosen = async (version: string, m: Materials, provider: Provider, all = false): Promise<Stage[]> => {
  const stages: Stage[] = []
  const seen = new Set<string>()
  for (const scene of scenes.filter(({ name }) => name.startsWith(version))) {
    if (scene.needs && !scene.needs(provider)) continue
    const stage = await prepare(scene, m, provider)
    const order = (await pieces(stage)).map(({ from, name }) => `${from} ${name}`).join()
    if (all || !seen.has(order)) stages.push(stage)
    seen.add(order)
  }
  return stages
}

/** Makes every cut on every piece. */
export const operateOn = async (stages: readonly Stage[], verdicts: Verdicts): Promise<void> => {
  for (const stage of stages) {
    const all = await pieces(stage)
    for (const [at, piece] of all.entries()) {
      const next = following(all, at)
      for (const edit of edits) {
        const to = `${piece.from} ${piece.name}`
        if ((edit.on && !edit.on(piece, next)) || !verdicts.wants(edit.name, to)) continue
        const fates = await cut(stage, all, at, edit)
        const complained = complaint(stage.scene, all, at, edit, fates)
        verdicts.add(edit.name, to, fates, complained, stage.scene.name)
      }
    }
  }
}

/** Tampers with every record in every way. */
export const tamperWith = async (stages: readonly Stage[], verdicts: Verdicts): Promise<void> => {
  for (const stage of stages) {
    const all = await records(stage)
    const changed = { client: false, server: false }
    for (const [at, { from, record }] of all.entries()) {
      const protects = record[0] === 23 || (version12(stage.scene) && changed[from])
      if (record[0] === 20) changed[from] = true
      const next = all[at + 1]?.from === from ? all[at + 1] : undefined
      for (const how of tamperings) {
        const to = `${from}'s ${seenAs(record, protects)}`
        if ((how.on && !how.on(record, next)) || !verdicts.wants(how.name, to)) continue
        const fates = await tampered(stage, all, at, how)
        const complained = [fates.client, fates.server].some(
          (fate) =>
            fate.kind === 'broken' ||
            fate.kind === 'deceived' ||
            (fate.kind === 'refuses' && fate.alert === 'internal_error'),
        )
          ? 'nobody without keys can bring that about'
          : undefined
        verdicts.add(how.name, to, fates, complained, stage.scene.name)
      }
    }
  }
}

const version12 = ({ name }: Scene): boolean => name.startsWith('1.2')
