import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mismatch, untold } from './check.ts'
import type { Part, Settings, Transcript } from './contract.ts'

const base: Settings = { version: '1.3', certificate: 'rsa', bytes: 100, closes: 'client' }
const good: Transcript = { version: '1.3', resumed: false, peerCertificate: 'rsa', bytes: 100, clean: true }
const retry: Partial<Settings> = { clientGroups: ['X25519', 'P-384'], serverGroups: ['P-384'] }

test('a cell is ok only when what was seen is what was agreed on', async (t) => {
  const rows: [what: string, more: Partial<Settings>, seen: Transcript, part: Part, says: string | undefined][] = [
    ['all as agreed', {}, good, 'client', undefined],
    ['what an end cannot tell', {}, { bytes: 100 }, 'client', undefined],
    ['another version', {}, { ...good, version: '1.2' }, 'client', 'version is 1.2, not 1.3'],
    ['another suite', { suite: 'A' }, { ...good, suite: 'B' }, 'client', 'suite is B, not A'],
    ['another certificate', {}, { ...good, peerCertificate: 'ecdsa' }, 'client', 'peerCertificate is ecdsa, not rsa'],
    ['a resumption nobody wanted', {}, { ...good, resumed: true }, 'client', 'resumed is true, not false'],
    ['no resumption', { resume: 'id' }, good, 'client', 'resumed is false, not true'],
    ['no retry', retry, { ...good, retried: false }, 'server', 'retried is false, not true'],
    ['the group asked for first', retry, { ...good, group: 'X25519' }, 'client', 'group is X25519, not P-384'],
    ['no key update', { keyUpdate: 'client' }, { ...good, keyUpdates: 0 }, 'client', 'keyUpdates is 0, not 1'],
    ['two key updates', { keyUpdate: 'client' }, { ...good, keyUpdates: 2 }, 'client', undefined],
    ['lost bytes', {}, { ...good, bytes: 99 }, 'client', 'bytes is 99, not 100'],
    ['no close_notify', {}, { ...good, clean: false }, 'client', 'clean is false, not true'],
    ['no close_notify due', { unanswered: true }, { ...good, clean: false }, 'client', undefined],
  ]
  for (const [what, more, seen, part, says] of rows)
    await t.test(what, () => assert.equal(mismatch({ ...base, ...more }, seen, part), says))
})

test('our end has to tell all that a feature is about', () => {
  assert.deepEqual(untold({ ...base, ...retry, alpn: 'h2' }, good, 'client'), ['group', 'retried', 'alpn'])
  assert.deepEqual(untold({ ...base, clientCertificate: 'rsa' }, { ...good, peerCertificate: 'rsa' }, 'server'), [])
})
