import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { checkRanks } from './ranks.ts'

const SOUND: Record<string, string> = {
  'errors.ts': `export class TlsError extends Error {}`,
  'task.ts': `import { TlsError } from './errors.ts'\nexport const task = TlsError`,
  'bytes/reader.ts': `import { TlsError } from '../errors.ts'\nexport const reader = TlsError`,
  'crypto/provider.ts': `export interface Provider { process: unknown }`,
  'crypto/suites.ts': `import type { Provider } from './provider.ts'\nexport const suites: Provider[] = []`,
  'crypto/node/index.ts': `import { hash } from 'node:crypto'\nimport '../suites.ts'\nexport const node = Buffer.from(hash('sha1', ''))`,
  'crypto/noble/index.ts': `import { sha256 } from '@noble/hashes/sha2.js'\nexport const noble = sha256`,
  'record/carrier.ts': `export interface Carrier { x: 1 }`,
  'record/tls.ts': `import type { Carrier } from './carrier.ts'\nexport const tls: Carrier = { x: 1 }`,
  'handshake/peer.ts': `import type { Carrier } from '../record/carrier.ts'\nexport const peer = (c: Carrier) => c`,
  'handshake/client.ts': `import { peer } from './peer.ts'\nexport const client = peer`,
  'openssl/bio.ts': `export const bio = 1`,
  'openssl/platform.ts': `import { readFileSync } from 'node:fs'\nimport { bio } from './bio.ts'\nexport default [readFileSync, bio]`,
  'openssl/index.ts': `import { node } from '../crypto/node/index.ts'\nexport * from './platform.ts'\nexport { node }`,
  'node/bio-stream.ts': `import { bio } from '../openssl/bio.ts'\nexport const stream = bio`,
  'cli/main.ts': `import { program } from 'commander'\nimport * as ssl from '../openssl/index.ts'\nprocess.exit(program, ssl)`,
  'task.test.ts': `import './cli/main.ts'\nimport 'node:test'\nimport 'anything'`,
}

/** What is planted into a sound tree, and what must be said of it. */
const FAULTS: [what: string, file: string, text: string, said: RegExp][] = [
  ['an import upwards', 'wire/codec.ts', `import '../crypto/suites.ts'`, /^wire\/codec\.ts:1: .*rank 1 .* rank 2$/],
  ['a type from above', 'task.ts', `import type { C } from './record/carrier.ts'`, /^task\.ts:1: imports record/],
  ['an import type node', 'task.ts', `export type C = import('./record/carrier.ts').C`, /^task\.ts:1: imports record/],
  ['an export from above', 'bytes/x.ts', `\nexport * from '../wire/y.ts'`, /^bytes\/x\.ts:2: imports wire\/y\.ts/],
  ['a sibling of the same rank', 'x509/a.ts', `import '../session/b.ts'`, /^x509\/a\.ts:1/],
  ['a config that knows a carrier', 'config.ts', `import './record/carrier.ts'`, /^config\.ts:1: imports record/],
  ['a config that knows facts', 'config.ts', `import './facts.ts'`, /^config\.ts:1: imports facts\.ts/],
  ['extensions to record', 'extensions/a.ts', `import '../record/carrier.ts'`, /extensions\/ may not import it/],
  ['handshake to a carrier', 'handshake/a.ts', `import '../record/tls.ts'`, /handshake\/ may not import it/],
  ['messages to config', 'messages/a.ts', `import '../config.ts'`, /ranks 0, 1, 5/],
  ['one facade to another', 'openssl/a.ts', `import '../node/bio-stream.ts'`, /^openssl\/a\.ts:1/],
  ['node: in the core', 'record/a.ts', `import { connect } from 'node:net'`, /imports node:net/],
  ['node: in openssl', 'openssl/a.ts', `import 'node:fs'`, /imports node:fs/],
  ['node: in noble', 'crypto/noble/a.ts', `import 'node:crypto'`, /imports node:crypto/],
  ['Buffer in the core', 'bytes/a.ts', `export const a = Buffer.alloc(1)`, /^bytes\/a\.ts:1: uses Buffer/],
  ['process in the core', 'config.ts', `export const a = process.env`, /uses process/],
  ['a module by its bare name', 'session/a.ts', `import 'fs'`, /package fs/],
  ['a package in the core', 'crypto/a.ts', `import '@noble/hashes/sha2.js'`, /package @noble/],
  [
    'a dynamic import upwards',
    'x509/a.ts',
    `export const a = () => import('../connection.ts')`,
    /imports connection\.ts/,
  ],
  ['a computed import', 'x509/a.ts', `export const a = (b: string) => import(b)`, /computed/],
  ['a provider in the core', 'handshake/a.ts', `import '../crypto/node/index.ts'`, /a provider is imported by/],
  ['a provider in another', 'crypto/node/a.ts', `import '../noble/index.ts'`, /a provider is imported by/],
  ['a test in a source', 'connection.ts', `import './task.test.ts'`, /a test is imported by nobody/],
  ['a way out of src', 'cli/a.ts', `import '../../tools/ranks.ts'`, /outside src/],
  ['a file without a rank', 'helpers.ts', ``, /^helpers\.ts: has no rank/],
  ['a cycle of two', 'handshake/peer.ts', `import './client.ts'`, /cycle, .*client\.ts -> .*peer\.ts -> .*client\.ts$/],
  ['a cycle through export', 'openssl/bio.ts', `export * from './platform.ts'`, /^openssl\/bio\.ts: stands in a cycle/],
]

function tree(t: { after(clean: () => void): void }, files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'typetls-ranks-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), text)
  }
  return folder
}

test('a sound tree has nothing said of it', (t) => {
  const { violations, files } = checkRanks(tree(t, SOUND))
  assert.deepEqual(violations, [])
  assert.equal(files, Object.keys(SOUND).length - 1)
})

for (const [what, file, text, said] of FAULTS) {
  test(`found: ${what}`, (t) => {
    const { violations } = checkRanks(tree(t, { ...SOUND, [file]: text }))
    assert.equal(violations.length, 1, violations.join('\n'))
    assert.match(violations[0] as string, said)
  })
}

test('a cycle of types is none', (t) => {
  const files = {
    ...SOUND,
    'handshake/peer.ts': `import type { client } from './client.ts'\nexport const peer = (c: typeof client) => c`,
  }
  assert.deepEqual(checkRanks(tree(t, files)).violations, [])
})

test('an empty tree is refused, not passed', (t) => {
  assert.throws(() => checkRanks(tree(t, { 'a.test.ts': '' })), /no source file/)
})
