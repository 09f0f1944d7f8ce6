import assert from 'node:assert/strict'
import { test } from 'node:test'
import { node } from '../../../src/crypto/node/index.ts'
import { materials } from '../../materials.ts'
import { shortened } from './edits.ts'
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

test('surgery: what is cut off does not come back with the next message', () => {
  const signature = Uint8Array.of(15, 0, 0, 3, 1, 2, 20)
  assert.equal(shortened(signature, undefined).length, 6)
  assert.equal(shortened(signature, Uint8Array.of(11, 0)).length, 6)
  assert.equal(shortened(signature, Uint8Array.of(20, 0)).length, 5)
})
