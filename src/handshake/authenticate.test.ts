import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { lateProvider } from '../../test/late.ts'
import { materials, NOW } from '../../test/materials.ts'
import { makePair, settle } from '../../test/pair.ts'
import { defineConfig } from '../config.ts'
import { node } from '../crypto/node/index.ts'
import { RETRY } from '../task.ts'
import type { Certificate } from '../x509/certificate.ts'

for (const [way, provider] of [
  ['quick', node],
  ['late', lateProvider(node)],
] as const)
  test(`a verifier that wants to be asked again is told the time anew, ${way}`, async () => {
    const { identities } = await materials()
    let now = NOW
    const times: number[] = []
    const verify = (chain: readonly Certificate[], { time }: { readonly time: number }) => {
      times.push(time)
      return times.length < 3 ? RETRY : { chain, code: 0 }
    }
    const base = { provider, now: () => now, verifier: { verify } }
    const client = defineConfig({ ...base, serverName: 'localhost', peerName: 'localhost' })
    const pair = makePair(client, defineConfig({ ...base, identities: [identities['P-256']] }))
    for (let turn = 0; turn < 3; turn++) {
      await settle(pair)
      now += 1000
    }
    deepEqual(pair.lost, {})
    equal(pair.client.established, true)
    deepEqual(times, [NOW, NOW + 1000, NOW + 2000])
  })
