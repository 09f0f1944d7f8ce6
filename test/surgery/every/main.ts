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
  // late answers change no verdict of who has keys; who has none may hear alerts in another order
  const verdicts = new Verdicts(read(name), false)
  for (const [way, provider, all] of ways) {
    const [done, known] = [verdicts.count, verdicts.complaints.length]
    await run(await chosen(version, m, provider, all), verdicts)
    if (values.update) write(name, verdicts)
    const complaints = verdicts.complaints
      .slice(known)
      .filter((line) => !values.update || !line.endsWith('not in the table'))
    for (const line of complaints) console.log(`FAULT ${line}`)
    console.log(`${name}, ${way}: ${verdicts.count - done} cuts, ${complaints.length} faults`)
    failed += complaints.length
    count += verdicts.count - done
  }
}
console.log(`surgery: ${count - failed} passed, ${failed} failed`)
if (failed > 0) process.exitCode = 1
