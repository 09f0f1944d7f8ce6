import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { root } from './chains.ts'
import { version } from './openssl.ts'
import { Random } from './random.ts'
import { elementsOf, mutate, readTree, writeTree } from './tree.ts'

const skip = version.startsWith('OpenSSL 3.') ? false : 'there is no openssl to compare with'

test('fuzz: what is read as a tree is written alike, and a seed gives the same changes', () => {
  const changed = (): Uint8Array => {
    const tree = readTree(root.raw)
    assert.ok(tree)
    assert.deepEqual(writeTree(tree), root.raw)
    mutate(tree, new Random(5), elementsOf(tree))
    return writeTree(tree)
  }
  assert.deepEqual(changed(), changed())
  assert.notDeepEqual(changed(), root.raw)
})

test('fuzz: a short run finds no fault', { skip }, () => {
  const path = fileURLToPath(new URL('x509.ts', import.meta.url))
  // its keys are fresh in every run, so what it compares differs a little: `npm run fuzz:x509` judges the differences
  const { stdout } = spawnSync(process.execPath, [...process.execArgv, path, '--cases', '100', '--seed', '3'], {
    encoding: 'utf8',
  })
  assert.match(
    stdout,
    /^fuzz:x509: 100 chains: \d+ refused by us, [1-9]\d* accepted by both, .* unexplained, 0 faults$/m,
  )
})
