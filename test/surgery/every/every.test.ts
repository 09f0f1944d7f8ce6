import assert from 'node:assert/strict'
import { test } from 'node:test'
import { node } from '../../../src/crypto/node/index.ts'
import { materials } from '../../materials.ts'
import { read, tables } from './tables.ts'
import { chosen, Verdicts } from './verdicts.ts'

// each cut on each kind of piece, once; `npm run suite:surgery` makes every cut in every scene, and `-- --short --update`
// writes the tables anew: look at what git says of them
for (const { name, version, run } of tables) {
  test(`surgery: ${name}`, async () => {
    const verdicts = new Verdicts(read(name), true)
    await run(await chosen(version, await materials(), node), verdicts)
    assert.deepEqual(verdicts.complaints, [])
    assert.ok(verdicts.count > 50)
  })
}
