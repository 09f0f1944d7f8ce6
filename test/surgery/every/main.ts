/**
 * Message surgery: both ends in one process, and somebody between them who knows every key (or, for whole records, none)
 * and leaves out, doubles, exchanges, cuts, alters and adds, at every piece of every shape of handshake. What each end
 * makes of it stands in the tables beside this file.
 *
 *   npm run suite:surgery -- [--short] [--update]
 *
 * `--short`: one scene for each way in which messages can follow each other, instead of all. `--update` writes the tables
 * anew. Ends with 1 when a rule is broken or a verdict differs from its table.
 */
import { parseArgs } from 'node:util'
import { node } from '../../../src/crypto/node/index.ts'
import { lateProvider } from '../../late.ts'
import { materials } from '../../materials.ts'
import { read, tables, write } from './tables.ts'
import { chosen, Verdicts } from './verdicts.ts'

const { values } = parseArgs({ options: { short: { type: 'boolean' }, update: { type: 'boolean' } } })
const m = await materials()
let failed = 0
let count = 0
for (const { name, version, run } of tables) {
  const ways = [
    ['quick', node, !values.short],
    ['late', lateProvider(node), false],
  ] as const
  for (const [way, provider, all] of ways) {
    const before = read(name)
    const verdicts = new Verdicts(before, false)
    await run(await chosen(version, m, provider, all), verdicts)
    // late answers change no verdict, so the table is that of the quick ones
    if (values.update && way === 'quick') write(name, verdicts)
    const complaints = values.update
      ? verdicts.complaints.filter((line) => !line.endsWith('not in the table'))
      : verdicts.complaints
    for (const line of complaints) console.log(`FAULT ${line}`)
    const lost = !values.update && `${verdicts}` !== before
    if (lost) console.log(`FAULT ${name} has rows that are gone`)
    console.log(`${name}, ${way}: ${verdicts.count} cuts, ${complaints.length} faults`)
    failed += complaints.length + Number(lost)
    count += verdicts.count
  }
}
console.log(`surgery: ${count - failed} passed, ${failed} failed`)
if (failed > 0) process.exitCode = 1
