/**
 * Whether this library has become slower beside node:tls and beside the floor than bench/results/baseline.json says, which
 * has a part for each major version of Node. Absolute figures are not compared: machines differ.
 *
 *   npm run bench:guard [-- --short] [-- --only PATTERN]     prints what fell by more than 15 %
 *   npm run bench:guard -- --strict                          and fails when something did
 *   npm run bench:guard -- --update                          writes today's ratios into the baseline
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { measure } from './measure.ts'
import { rows } from './rows.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    short: { type: 'boolean', default: false },
    strict: { type: 'boolean', default: false },
    update: { type: 'boolean', default: false },
  },
})

/** Rows by name: times node:tls, and the share of the floor. */
type Ratios = Record<string, { readonly nodeTls: number | null; readonly floor: number | null }>

const file = fileURLToPath(new URL('../../results/baseline.json', import.meta.url))
const baseline: Record<string, Ratios> = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
const major = process.version.replace(/^v(\d+).*/, '$1')
const before = baseline[major] ?? {}
const now: Ratios = {}
const FALL = 0.15
const names = { nodeTls: 'node:tls', floor: 'the floor' } as const

let fallen = 0
let compared = 0
for (const [name, prepare] of Object.entries(rows)) {
  if (!name.includes(values.only)) continue
  const { ratio } = await measure(await prepare(), values.short ? 2 : 11, values.short ? 60 : 200, values.short)
  now[name] = { nodeTls: ratio.nodeTls?.median ?? null, floor: ratio.floor?.median ?? null }
  for (const against of ['nodeTls', 'floor'] as const) {
    const [was, is] = [before[name]?.[against], now[name]?.[against]]
    if (typeof was !== 'number' || typeof is !== 'number') continue
    compared++
    if (is >= was * (1 - FALL)) continue
    fallen++
    console.log(
      `${name} fell by ${Math.round(100 * (1 - is / was))} %: ${is.toFixed(2)} of ${names[against]}, before ${was.toFixed(2)}`,
    )
  }
}
if (values.update) {
  baseline[major] = { ...before, ...now }
  writeFileSync(file, `${JSON.stringify(baseline, null, 2)}\n`)
}
console.log(`guard: ${compared} ratios compared on Node ${major}, ${fallen} fell by more than 15 %`)
process.exit(values.strict && fallen > 0 ? 1 : 0)
