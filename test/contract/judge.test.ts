import assert from 'node:assert/strict'
import { test } from 'node:test'
import { idsOf, notesOf, verdict } from './judge.ts'
import { OBSERVED, OUT_OF_SCOPE } from './observed.ts'

const titles: readonly [title: string, ids: readonly string[]][] = [
  ['A17 TLS 1.3, late crypto', ['A17']],
  ['C3 C3b C3c TLS 1.2 (ours at C3b: a reason)', ['C3', 'C3b', 'C3c']],
  ['B15, B15b with TLS 1.3: one call', ['B15', 'B15b']],
  ['M2 M2c: writing, A17 lines', ['M2', 'M2c']],
  ['B1.1.3 small pair TLS 1.3', ['B1.1.3']],
  ["H4 'AES128-SHA AES256-SHA' TLS 1.3", ["H4 'AES128-SHA AES256-SHA'"]],
  ['X509_verify_cert within a callback', []],
  ['the callback of A17', []],
]
for (const [title, ids] of titles)
  test(`carries ${ids.join(' ') || 'nothing'}: ${title}`, () => assert.deepEqual(idsOf(title), ids))

test('notes are about all ids, or those they name', () => {
  assert.deepEqual(notesOf('C1 C2 TLS 1.3 (ours: safer; and simpler)'), [
    { ids: ['C1', 'C2'], why: 'safer; and simpler' },
  ])
  assert.deepEqual(notesOf('C1 C2 C3 TLS 1.3 (ours at C1 C3: safer; ours at C2: simpler)'), [
    { ids: ['C1', 'C3'], why: 'safer' },
    { ids: ['C2'], why: 'simpler' },
  ])
})

const file = 'some.test.ts'
const verdicts: readonly [
  what: string,
  id: string,
  outcomes: readonly [title: string, gave?: string][],
  state: string,
][] = [
  ['no test', 'A1', [['A2 TLS 1.3']], 'missing'],
  ['both versions pass', 'A1', [['A1 TLS 1.3'], ['A1 TLS 1.2']], 'holds'],
  ['one version does not', 'A1', [['A1 TLS 1.3'], ['A1 TLS 1.2', 'gave 1 for 0']], 'fails'],
  ['the other version does not', 'A1.1.3', [['A1 TLS 1.3'], ['A1 TLS 1.2', 'gave 1 for 0']], 'holds'],
  ['a test of that version alone', 'A1.1.2', [['A1.1.3 pair TLS 1.3']], 'missing'],
  ['a deviation', 'A1', [['A1 A2 TLS 1.3 (ours at A1: safer)']], 'differs'],
  ['a deviation of a neighbour', 'A2', [['A1 A2 TLS 1.3 (ours at A1: safer)']], 'holds'],
  ['a deviation that fails', 'A1', [['A1 TLS 1.3 (ours: safer)', 'skipped']], 'fails'],
]
for (const [what, id, outcomes, state] of verdicts)
  test(`${what}: ${id} ${state}`, () => {
    const told = outcomes.map(([title, gave]) => ({ title, file, ...(gave !== undefined && { gave }) }))
    assert.equal(verdict(id, told).state, state)
  })

test('ids are there once, and out of scope is only what was observed', () => {
  assert.equal(new Set(OBSERVED).size, OBSERVED.length)
  for (const id of Object.keys(OUT_OF_SCOPE)) assert.ok(OBSERVED.includes(id), id)
})
