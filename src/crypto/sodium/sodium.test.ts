import assert from 'node:assert/strict'
import { test } from 'node:test'
import { materials, NOW } from '../../../test/materials.ts'
import { makePair, settle } from '../../../test/pair.ts'
import { defineConfig, TLS12, TLS13 } from '../../config.ts'
import { Misuse } from '../../errors.ts'
import { verifier } from '../../x509/path.ts'
import { node } from '../node/index.ts'
import type { Keying, Protection, Provider } from '../provider.ts'
import { suites } from '../suites.ts'
import { chacha, sodium } from './index.ts'

// That both ways of protecting make the same records is in ../protect.test.ts, the vectors in `npm run suite:wycheproof`.

const keying: Keying = {
  version: TLS13,
  cipher: 'chacha20-poly1305',
  key: Uint8Array.from({ length: 32 }, (_, i) => i),
  iv: new Uint8Array(12).fill(7),
}
const sealed = (side: Protection, length: number): Uint8Array => {
  const record = new Uint8Array(5 + side.sealedLength(length, 0))
  record.set([23, 3, 3, (record.length - 5) >> 8, (record.length - 5) & 255])
  side.seal(3, 23, new Uint8Array(length).fill(9), 0, record)
  return record
}
/** Says which lengths of records it was asked to seal or open. */
const watched = (): { provider: Provider; lengths: number[] } => {
  const lengths: number[] = []
  const provider: Provider = {
    ...node,
    protection(keying) {
      const own = node.protection(keying)
      return {
        sealedLength: (data, padding) => own.sealedLength(data, padding),
        seal(sequence, type, data, padding, record) {
          lengths.push(record.length)
          return own.seal(sequence, type, data, padding, record)
        },
        open(sequence, record) {
          lengths.push(record.length)
          return own.open(sequence, record)
        },
      }
    },
  }
  return { provider, lengths }
}

test('sodium: short records do not reach the provider, long ones do', async () => {
  const { provider, lengths } = watched()
  const side = (await sodium(provider, { upTo: 100 })).protection(keying)
  for (const length of [1, 77, 78, 79, 16384]) {
    const opened = await side.open(3, sealed(side, length))
    assert.equal(opened?.data.length, length)
    assert.ok(opened?.data.every((byte) => byte === 9))
  }
  assert.deepEqual(lengths, [101, 101, 16406, 16406])
})

test('sodium: other ciphers are the provider’s, and so is all else', async () => {
  const { provider, lengths } = watched()
  const both = await sodium(provider)
  const side = both.protection({ ...keying, cipher: 'aes-128-gcm', key: new Uint8Array(16) })
  sealed(side, 5)
  assert.equal(lengths.length, 1)
  assert.equal(both.group, provider.group)
  assert.deepEqual(both.ciphers, provider.ciphers)
})

test('sodium: a provider without ChaCha20-Poly1305 has it then, at every length', async () => {
  const lacking: Provider = {
    ...node,
    ciphers: ['aes-128-gcm'],
    protection: () => assert.fail('it has no such cipher'),
  }
  const both = await sodium(lacking)
  assert.deepEqual(both.ciphers, ['aes-128-gcm', 'chacha20-poly1305'])
  for (const length of [0, 64, 2048, 16384]) {
    const record = sealed(both.protection(keying), length)
    assert.equal((await node.protection(keying).open(3, record))?.data.length, length)
  }
})

test('sodium: what was opened stays as it is', async () => {
  const side = (await sodium(node)).protection(keying)
  const kept = []
  for (let i = 0; i < 400; i++) {
    const record = sealed(side, i)
    kept.push(await side.open(3, record))
    record.fill(0)
  }
  for (const [i, opened] of kept.entries()) assert.deepEqual(opened?.data, new Uint8Array(i).fill(9))
})

test('sodium: keys are copied, and a wrong one is refused', async () => {
  const make = await chacha()
  assert.throws(() => make('chacha20-poly1305', new Uint8Array(31)), Misuse)
  assert.throws(() => make('aes-128-gcm', new Uint8Array(16)), Misuse)
  await assert.rejects(sodium(node, { upTo: Number.NaN }), Misuse)
  await assert.rejects(sodium(node, { upTo: -1 }), Misuse)
  const own = { ...keying, key: keying.key.slice(), iv: keying.iv.slice() }
  const side = (await sodium(node)).protection(own)
  own.key.fill(0)
  own.iv.fill(0)
  for (const length of [10, 5000]) assert.ok(await node.protection(keying).open(3, sealed(side, length)))
})

for (const version of [TLS12, TLS13] as const)
  test(`sodium: a connection of TLS ${version === TLS13 ? '1.3' : '1.2'}, also with new keys`, async () => {
    const m = await materials()
    const provider = await sodium(node)
    const base = {
      verifier: verifier({ anchors: [m.root] }),
      now: () => NOW,
      versions: [version],
      suites: suites.filter((suite) => suite.cipher === 'chacha20-poly1305' && suite.default),
    }
    const client = { ...base, serverName: 'localhost', peerName: 'localhost' }
    const server = { ...base, identities: [m.identities['P-256']] }
    for (const [one, other] of [
      [provider, node],
      [node, provider],
      [provider, provider],
    ] as const) {
      const pair = makePair(defineConfig({ ...client, provider: one }), defineConfig({ ...server, provider: other }))
      await settle(pair)
      let said = ''
      for (let i = 0; i < 6; i++) {
        const words = 'x'.repeat(i * 700)
        said += words
        pair.client.write(new TextEncoder().encode(words))
        pair.server.write(new TextEncoder().encode(words))
        if (version === TLS13) pair.client.ask({ kind: 'keyUpdate', requestUpdate: i % 2 === 0 })
        await settle(pair)
      }
      assert.deepEqual(pair.lost, {})
      assert.equal(pair.received.client, said)
      assert.equal(pair.received.server, said)
    }
  })
