import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { hex } from '../bytes/text.ts'
import { node } from '../crypto/node/index.ts'
import type { KeyKind, PrivateKey, Provider } from '../crypto/provider.ts'
import type { Certificate } from './certificate.ts'
import { DerReader, tags } from './der.ts'
import { type CertificateRecipe, makeCertificate, makeRequest } from './make.ts'
import { readName } from './name.ts'
import { Store } from './store.ts'

const NOW = Date.UTC(2026, 0, 1)
const key = node.generate('P-256') as PrivateKey
const recipe: CertificateRecipe = { subject: { CN: 'CA' }, key, signer: key, notBefore: NOW, ca: true }
const make = (change: Partial<CertificateRecipe> = {}, provider: Provider = node): Certificate =>
  makeCertificate({ ...recipe, ...change }, provider) as Certificate

for (const kind of [
  'P-256',
  'P-384',
  'P-521',
  'ed25519',
  'ed448',
  'rsa-2048',
  'rsa-pss-2048',
] as const satisfies readonly KeyKind[]) {
  test(`make: a CA of ${kind} and what it issues hold before Node`, () => {
    const own = node.generate(kind) as PrivateKey
    const ca = make({ key: own, signer: own, subject: { CN: kind } })
    const leaf = make({
      issuer: ca,
      signer: own,
      subject: { CN: 'leaf' },
      ca: false,
      san: ['example.com', '192.0.2.1'],
    })
    const [theirCa, theirLeaf] = [new X509Certificate(ca.raw), new X509Certificate(leaf.raw)]
    assert.ok(theirCa.verify(theirCa.publicKey))
    assert.ok(theirLeaf.verify(theirCa.publicKey))
    assert.ok(theirLeaf.checkIssued(theirCa))
    assert.equal(theirLeaf.subjectAltName, 'DNS:example.com, IP Address:192.0.2.1')
    assert.deepEqual([theirCa.ca, theirLeaf.ca], [true, false])
  })
}

test('make: identifiers, serial numbers and dates', () => {
  const ca = make()
  const leaf = make({ issuer: ca, ca: false, subject: { CN: 'leaf' }, days: 3 })
  assert.equal(ca.known.subjectKeyIdentifier?.length, 20)
  assert.deepEqual(leaf.known.authorityKeyIdentifier?.keyId, ca.known.subjectKeyIdentifier)
  assert.equal(leaf.issuer.key, ca.subject.key)
  assert.equal(leaf.notAfter - leaf.notBefore, 3 * 86_400_000)
  const serials = new Set(Array.from({ length: 50 }, () => hex(make().serial)))
  assert.equal(serials.size, 50)
  for (const bytes of [0, 0xff]) {
    const { serial } = make({}, { ...node, random: (length) => new Uint8Array(length).fill(bytes) })
    assert.equal(serial.length, 16)
    assert.ok((serial[0] as number) > 0 && (serial[0] as number) < 0x80)
  }
})

test('make: extensions by role, and how to change them', () => {
  const ca = make({ pathLength: 0 })
  assert.deepEqual(ca.known.basicConstraints, { ca: true, pathLength: 0 })
  assert.deepEqual([...(ca.keyUsage ?? [])], ['keyCertSign', 'cRLSign'])
  assert.equal(ca.known.extKeyUsage, undefined)
  assert.equal(ca.extension('basicConstraints')?.critical, true)
  const rsa = node.generate('rsa-2048') as PrivateKey
  const leaf = make({ issuer: ca, ca: false, key: rsa.spki, subject: {}, san: ['example.com'] })
  assert.deepEqual([...(leaf.keyUsage ?? [])], ['digitalSignature', 'keyEncipherment'])
  assert.equal(leaf.known.extKeyUsage?.length, 2)
  // RFC 5280 section 4.2.1.6: critical when there is no subject
  assert.equal(leaf.extension('subjectAltName')?.critical, true)
  const bare = make({
    keyUsage: ['decipherOnly'],
    extKeyUsage: ['1.2.3'],
    extensions: [{ oid: '2.5.29.14', critical: false, value: Uint8Array.of(tags.octetString, 1, 7) }],
  })
  assert.deepEqual([...(bare.keyUsage ?? [])], ['decipherOnly'])
  assert.deepEqual(bare.known.extKeyUsage, ['1.2.3'])
  assert.equal(hex(bare.known.subjectKeyIdentifier as Uint8Array), '07')
})

const wrong: readonly (readonly [string, Partial<CertificateRecipe>, RegExp])[] = [
  ['that ends before it begins', { notAfter: NOW - 1 }, /cannot end before it begins/],
  ['with a path length but no CA', { ca: false, pathLength: 1 }, /only a CA/],
  ['without any name', { subject: {} }, /needs a subject/],
  ['for an international name', { san: ['bücher.example'] }, /ASCII form/],
  ['for an unknown purpose', { extKeyUsage: ['serverauthh'] }, /is no purpose/],
]
for (const [what, change, message] of wrong) {
  test(`make: a certificate ${what} is refused`, () =>
    assert.throws(() => make(change), { name: 'TypeError', message }))
}

test('make: a signer that answers late', async () => {
  const late: PrivateKey = { ...key, sign: async (...args) => key.sign(...args) }
  const made = makeCertificate({ ...recipe, signer: late }, node)
  assert.ok(made instanceof Promise)
  const certificate = new X509Certificate((await made).raw)
  assert.ok(certificate.verify(certificate.publicKey))
})

test('make: a request', () => {
  const request = makeRequest({ subject: { CN: 'wanted' }, san: ['example.com'], key }) as Uint8Array
  const whole = new DerReader(request, 'the request').open(tags.sequence)
  const info = whole.raw()
  const inside = new DerReader(info, 'the request').open(tags.sequence)
  assert.equal(inside.small(), 0)
  assert.equal(String(readName(inside, 'the name')), 'CN=wanted')
  assert.deepEqual(inside.raw(), new Uint8Array(key.spki))
  whole.raw(tags.sequence)
  const signature = whole.bitBytes()
  const publicKey = node.publicKey(key.spki) as Exclude<ReturnType<Provider['publicKey']>, Promise<unknown>>
  assert.equal(publicKey.verify({ kind: 'ecdsa', hash: 'sha256' }, info, signature), true)
})

test('store: found by subject and by key identifier, each once', () => {
  const a = make()
  const b = make({ subject: { CN: 'b' } })
  const store = new Store([a, b, a])
  assert.equal(store.size, 2)
  assert.equal(store.add(b), false)
  assert.deepEqual(store.bySubject(b.subject.key), [b])
  assert.deepEqual(store.byKeyId(a.known.subjectKeyIdentifier as Uint8Array), [a, b])
  assert.deepEqual([...store], [a, b])
  assert.equal(store.has(make()), false)
  assert.equal(store.load(make({ subject: { CN: 'c' } }).raw), 1)
})
