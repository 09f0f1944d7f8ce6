import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { setTimeout as later } from 'node:timers/promises'
import * as nodeTls from 'node:tls'
import { authority, ca, client, dial, echo, local } from '../../test/streams.ts'
import { node } from '../crypto/node/index.ts'
import type { Algorithm } from '../crypto/provider.ts'
import { createServer, type ServerOptions } from './index.ts'

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const spkiOf = (key: typeof ec.publicKey) => new Uint8Array(key.export({ format: 'der', type: 'spki' }))
type WebPair = Extract<Awaited<ReturnType<typeof crypto.subtle.generateKey>>, { publicKey: unknown }>
const web = async (how: object, usages: string[]) =>
  (await crypto.subtle.generateKey(
    how as Parameters<typeof crypto.subtle.generateKey>[0],
    false,
    usages as 'sign'[],
  )) as WebPair
const spkiOfWeb = async (key: WebPair['publicKey']) => new Uint8Array(await crypto.subtle.exportKey('spki', key))
const rsaWeb = (name: string, hash: string) =>
  web({ name, hash, modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) }, ['sign', 'verify'])
const ecWeb = await web({ name: 'ECDSA', namedCurve: 'P-256' }, ['sign', 'verify'])
const pss384 = await rsaWeb('RSA-PSS', 'SHA-384')
const pkcs1 = await rsaWeb('RSASSA-PKCS1-v1_5', 'SHA-256')
const near = node.privateKey(new Uint8Array(ec.privateKey.export({ format: 'der', type: 'pkcs8' })))
const algorithms: Algorithm[] = []
const rows: readonly (readonly [string, Uint8Array, ServerOptions['key'], string?])[] = [
  ['a KeyObject', spkiOf(rsa.publicKey), rsa.privateKey],
  [
    'a function',
    spkiOf(ec.publicKey),
    async (algorithm, data) => {
      algorithms.push(algorithm)
      await later(5)
      return (await near).sign(algorithm, data)
    },
  ],
  ['a CryptoKey', await spkiOfWeb(ecWeb.publicKey), ecWeb.privateKey],
  ['a CryptoKey bound to PSS with SHA-384', await spkiOfWeb(pss384.publicKey), pss384.privateKey],
  ['a CryptoKey bound to PKCS#1', await spkiOfWeb(pkcs1.publicKey), pkcs1.privateKey, 'TLSv1.2'],
]
for (const [what, spki, key, maxVersion] of rows)
  test(what, async () => {
    const { cert } = await authority.leaf(['localhost'], { key: spki })
    const { port } = await echo({ cert, key })
    for (const version of [maxVersion ?? 'TLSv1.3', 'TLSv1.2'] as const) {
      const socket = nodeTls.connect({
        host: '127.0.0.1',
        port,
        servername: 'localhost',
        ca,
        maxVersion: version as 'TLSv1.2',
      })
      socket.end('hello')
      assert.equal((await buffer(socket)).toString(), 'hello')
    }
  })
test('a function is told how to sign', () => assert.deepEqual(algorithms[0], { kind: 'ecdsa', hash: 'sha256' }))

test('several, by what the client can check', async () => {
  const rsaLeaf = await authority.leaf(['localhost'], {}, 'rsa-2048')
  const { port } = await echo({ cert: [local.cert, rsaLeaf.cert], key: [rsaLeaf.key, local.key] })
  const stream = await dial(port, { sigalgs: 'rsa_pss_rsae_sha256:ecdsa_secp256r1_sha256' })
  assert.equal(stream.getPeerX509Certificate()?.publicKey.asymmetricKeyType, 'rsa')
  stream.destroy()
})

test('one that belongs to another certificate is told at once', () => {
  assert.throws(() => createServer({ cert: local.cert, key: client.key }), {
    code: 'ERR_OSSL_X509_KEY_VALUES_MISMATCH',
  })
})

test('one that refuses ends the handshake', async () => {
  const { server, port } = await echo({ key: () => Promise.reject(new Error('the vault is locked')) })
  const told = once(server, 'tlsClientError')
  await assert.rejects(dial(port), { code: 'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR' })
  assert.match(String((await told)[0]), /the vault is locked/)
})
