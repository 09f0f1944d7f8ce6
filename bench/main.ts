/**
 * How fast this library is beside node:tls and beside the bare cryptography of the same work: all three in this process and
 * in turns, by CPU time. Rates are medians, ratios the medians of the ratios of all rounds; in brackets the least and the most.
 *
 *   npm run bench [-- --rounds N] [--only PATTERN] [--short] [--json] [--out FILE]
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { measure, type Result, type Spread } from './measure.ts'
import { rows } from './rows.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    only: { type: 'string', default: '' },
    short: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    out: { type: 'string' },
  },
})
const rounds = Number(values.rounds ?? (values.short ? 3 : 11))
const ms = values.short ? 60 : 200
if (!Number.isInteger(rounds) || rounds < 1)
  throw new Error(`--rounds takes a number of 1 and more, not ${values.rounds}`)

/** A row as others read it: null where there is no such figure. */
const plain = ({ name, unit, cpu, ratio }: Result) => ({
  name,
  ours: cpu.ours?.median ?? null,
  nodeTls: cpu.nodeTls?.median ?? null,
  floor: cpu.floor?.median ?? null,
  unit,
  ratioToNodeTls: ratio.nodeTls?.median ?? null,
  ratioToFloor: ratio.floor?.median ?? null,
})

const shown = (rate: Spread | undefined): string =>
  rate ? rate.median.toLocaleString('en', { maximumFractionDigits: rate.median < 100 ? 1 : 0 }) : '-'
const times = (ratio: Spread | undefined): string =>
  ratio ? `${ratio.median.toFixed(2)} (${ratio.low.toFixed(2)}-${ratio.high.toFixed(2)})` : '-'
const line = (cells: readonly string[]): string =>
  cells.map((cell, i) => (i === 0 ? cell.padEnd(31) : cell.padStart([0, 11, 11, 11, 18, 18, 8][i] ?? 0))).join(' ')

if (!values.json) {
  console.log(`Node ${process.version}, ${rounds} rounds; rates per second of CPU time`)
  console.log(line(['row', 'ours', 'node:tls', 'floor', 'x node:tls', 'of the floor', 'by clock']), ' unit')
}
const results: Result[] = []
for (const [name, prepare] of Object.entries(rows)) {
  if (!name.includes(values.only)) continue
  const result = await measure(await prepare(), rounds, ms, values.short)
  results.push(result)
  if (values.json) continue
  const { cpu, ratio, wallRatio, unit } = result
  const byClock = wallRatio.nodeTls ? wallRatio.nodeTls.median.toFixed(2) : '-'
  const cells = [
    shown(cpu.ours),
    shown(cpu.nodeTls),
    shown(cpu.floor),
    times(ratio.nodeTls),
    times(ratio.floor),
    byClock,
  ]
  console.log(line([name, ...cells]), ` ${unit}`)
}
const report = { node: process.version, rows: results.map(plain) }
if (values.json) console.log(JSON.stringify(report, null, 2))
if (values.out) writeFileSync(values.out, `${JSON.stringify({ ...report, details: results }, null, 2)}\n`)
process.exit(0)
