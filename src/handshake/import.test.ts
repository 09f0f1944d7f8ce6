import { deepEqual, equal, throws } from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { describe, it } from 'node:test'
import { lateProvider } from '../../test/late.ts'
import { materials, NOW } from '../../test/materials.ts'
import { makePair, type Pair, settle } from '../../test/pair.ts'
import { type ConfigInput, defineConfig, TLS12 } from '../config.ts'
import { node } from '../crypto/node/index.ts'
import { suites } from '../crypto/suites.ts'
import { Misuse, TlsError } from '../errors.ts'
import { verifier } from '../x509/path.ts'
import { type ExternalKey, importedKeys, importPsk } from './import.ts'

const key: ExternalKey = {
  identity: Buffer.from('device 7'),
  secret: Buffer.alloc(16, 7),
  context: Buffer.from('door'),
}

/** RFC 9258 section 5.1 by HMAC alone, one block. */
const byHand = (target: number, length: number): Buffer => {
  const vector = (b: Uint8Array): Buffer => Buffer.concat([Buffer.from([b.length >> 8, b.length]), b])
  const name = Buffer.concat([
    vector(key.identity),
    vector(key.context ?? Buffer.alloc(0)),
    Buffer.from([3, 4, 0, target]),
  ])
  const mac = (k: Uint8Array, ...parts: Uint8Array[]): Buffer =>
    parts.reduce((h, part) => h.update(part), createHmac('sha256', k)).digest()
  const extracted = mac(Buffer.alloc(32), key.secret)
  const label = Buffer.from('tls13 derived psk')
  const context = createHash('sha256').update(name).digest()
  const info = Buffer.concat([Buffer.from([0, length, label.length]), label, Buffer.from([32]), context])
  const one = mac(extracted, info, Buffer.from([1]))
  const two = mac(extracted, one, info, Buffer.from([2]))
  return Buffer.concat([one, two]).subarray(0, length)
}

describe('imported keys (RFC 9258)', () => {
  for (const [hash, target, length] of [
    ['sha256', 1, 32],
    ['sha384', 2, 48],
  ] as const)
    it(`for ${hash}: as by hand`, async () => {
      const psk = await importPsk(node, key, hash)
      equal(Buffer.from(psk.secret).toString('hex'), byHand(target, length).toString('hex'))
      equal(
        Buffer.from(psk.identity).toString('hex'),
        `0008${Buffer.from('device 7').toString('hex')}0004${Buffer.from('door').toString('hex')}0304000${target}`,
      )
    })

  it('refuses a key without a name', () => {
    throws(() => importPsk(node, { ...key, identity: new Uint8Array(0) }, 'sha256'), Misuse)
  })

  for (const [way, provider] of [
    ['quick', node],
    ['late', lateProvider(node)],
  ] as const) {
    const connect = async (client: Partial<ConfigInput>, server: Partial<ConfigInput>): Promise<Pair> => {
      const m = await materials()
      const base = { provider, verifier: verifier({ anchors: [m.root] }), now: () => NOW }
      const pair = makePair(
        defineConfig({ ...base, serverName: 'localhost', peerName: 'localhost', ...client }),
        defineConfig({ ...base, identities: [m.identities['P-256']], ...server }),
      )
      await settle(pair)
      return pair
    }
    const { psk } = importedKeys(provider, [key])
    const { findPsk } = importedKeys(provider, [{ ...key, identity: Buffer.from('other') }, key])

    for (const hash of ['sha256', 'sha384'] as const)
      it(`${way}: a handshake with a suite of ${hash}`, async () => {
        const only = suites.filter((suite) => suite.version === 0x0304 && suite.default && suite.hash === hash)
        const { client, server, lost } = await connect({ psk }, { findPsk, suites: only })
        deepEqual(lost, {})
        deepEqual(client.facts.psk, server.facts.psk)
        equal(client.facts.psk?.at(-1), hash === 'sha256' ? 1 : 2)
        equal(client.facts.peerChain, undefined)
      })

    const strangers: [string, Partial<ConfigInput>][] = [
      ['another context', importedKeys(provider, [{ ...key, context: Buffer.from('gate') }])],
      ['another name', importedKeys(provider, [{ ...key, identity: Buffer.from('device 8') }])],
      ['no keys', { findPsk: () => undefined }],
    ]
    for (const [what, server] of strangers)
      it(`${way}: ${what} on the server: it shows its certificate`, async () => {
        const { findPsk: find } = server
        const { client, lost } = await connect({ psk }, find ? { findPsk: find } : {})
        deepEqual(lost, {})
        equal(client.facts.psk, undefined)
        equal(client.facts.peerChain?.length, 1)
      })

    const liars: [string, Partial<ConfigInput>][] = [
      ['another secret', importedKeys(provider, [{ ...key, secret: Buffer.alloc(16, 8) }])],
      ['the same key, not imported', { findPsk: (identity) => ({ identity, secret: key.secret, hash: 'sha256' }) }],
    ]
    for (const [what, server] of liars)
      it(`${way}: ${what} on the server: decrypt_error`, async () => {
        const { findPsk: find } = server
        const { lost } = await connect({ psk }, find ? { findPsk: find } : {})
        equal(lost.server instanceof TlsError && lost.server.alert, 'decrypt_error')
      })

    it(`${way}: never in TLS 1.2`, async () => {
      const only = { versions: [TLS12], suites: suites.filter((suite) => suite.authentication === 'psk') } as const
      const { lost } = await connect({ psk, ...only }, { findPsk, ...only })
      equal(lost.client instanceof TlsError && lost.client.reason, 'PSK_IDENTITY_NOT_FOUND')
    })
  }
})
