import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { Stage } from './play.ts'
import { operateOn, tamperWith, type Verdicts } from './verdicts.ts'

/** A table of verdicts, and what fills it. */
export interface Table {
  readonly name: string
  readonly version: '1.2' | '1.3'
  readonly run: (stages: readonly Stage[], verdicts: Verdicts) => Promise<void>
}

export const tables: readonly Table[] = (['1.2', '1.3'] as const).flatMap((version) => [
  { name: `messages-${version}.txt`, version, run: operateOn },
  { name: `records-${version}.txt`, version, run: tamperWith },
])

const place = (name: string): URL => new URL(name, import.meta.url)
export const read = (name: string): string => (existsSync(place(name)) ? readFileSync(place(name), 'utf8') : '')
export const write = (name: string, verdicts: Verdicts): void => writeFileSync(place(name), `${verdicts}`)
