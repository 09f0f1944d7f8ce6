import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lateProvider } from '../../../test/late.ts'
import { materials, NOW } from '../../../test/materials.ts'
import { makePair, settle } from '../../../test/pair.ts'
import { defineConfig, TLS12 } from '../../config.ts'
import { verifier } from '../../x509/path.ts'
import { groups } from '../groups.ts'
import { noble } from '../noble/index.ts'
import { node } from '../node/index.ts'
import { BadShare, type GroupName } from '../provider.ts'
import { postQuantum } from './index.ts'

const names = ['x25519mlkem768', 'mlkem1024'] as const
/** Bytes of what the server answers (FIPS 203 table 3, and 32 of X25519). */
const answers = { x25519mlkem768: 1120, mlkem1024: 1568 }

for (const provider of [postQuantum(node), postQuantum(noble), postQuantum(lateProvider(node))]) {
  for (const name of names) {
    const group = provider.group(name)
    assert.ok(group && provider.groups.includes(name))

    test(`${provider.name}: ${name} agrees`, async () => {
      const exchange = await group.start()
      assert.equal(exchange.share.length, groups.find((row) => row.name === name)?.share)
      const answer = await group.answer(exchange.share)
      assert.equal(answer.share.length, answers[name])
      assert.deepEqual(await exchange.finish(answer.share), answer.secret)
      assert.notDeepEqual((await group.answer(exchange.share)).secret, answer.secret)
      assert.equal(answer.secret.length, name === 'mlkem1024' ? 32 : 64)
    })

    test(`${provider.name}: ${name} refuses what is no share`, async () => {
      const exchange = await group.start()
      const answer = await group.answer(exchange.share)
      const bad = async (call: () => unknown): Promise<void> => assert.rejects(async () => call(), BadShare)
      for (const share of [exchange.share.subarray(1), new Uint8Array([...exchange.share, 0]), new Uint8Array(0)])
        await bad(() => group.answer(share))
      // coefficients that are not reduced (FIPS 203 section 7.2)
      await bad(() => group.answer(exchange.share.map((byte, i) => (i < 3 ? 255 : byte))))
      for (const share of [answer.share.subarray(1), new Uint8Array([...answer.share, 0]), new Uint8Array(0)])
        await bad(() => exchange.finish(share))
      if (name === 'x25519mlkem768') {
        const low = (share: Uint8Array) => share.map((byte, i) => (i >= share.length - 32 ? 0 : byte))
        await bad(() => group.answer(low(exchange.share)))
        await bad(() => exchange.finish(low(answer.share)))
      }
      // a ciphertext that was changed leads to another secret, and nobody is told (FIPS 203 section 6.3)
      const other = await exchange.finish(answer.share.map((byte, i) => (i === 0 ? byte ^ 1 : byte)))
      assert.notDeepEqual(other, answer.secret)
    })
  }

  test(`${provider.name}: handshakes, also after a retry; TLS 1.2 hears nothing of such groups`, async () => {
    const m = await materials()
    const named = (...wanted: GroupName[]) => groups.filter(({ name }) => wanted.includes(name))
    const base = { provider, verifier: verifier({ anchors: [m.root] }), now: () => NOW }
    const talk = async (client: object, server: object) => {
      const pair = makePair(
        defineConfig({ ...base, serverName: 'localhost', peerName: 'localhost', ...client }),
        defineConfig({ ...base, identities: [m.identities['P-256']], ...server }),
      )
      await settle(pair)
      assert.deepEqual(pair.lost, {})
      return pair
    }
    for (const name of names) {
      const both = await talk({ groups: named(name) }, { groups: named(name) })
      assert.equal(both.client.facts.group?.name, name)
      const retried = await talk({ groups: named('x25519', name) }, { groups: named(name) })
      assert.deepEqual([retried.client.facts.group?.name, retried.client.facts.retried], [name, true])
      const older = await talk(
        { groups: named('x25519', 'secp256r1', name), versions: [TLS12] },
        { groups: named('x25519', name) },
      )
      assert.deepEqual([older.server.facts.peerGroups, older.client.facts.group?.name], [[0x1d, 0x17], 'x25519'])
    }
  })
}
