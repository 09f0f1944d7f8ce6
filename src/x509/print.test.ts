import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import tls from 'node:tls'
import { node } from '../crypto/node/index.ts'
import type { PrivateKey } from '../crypto/provider.ts'
import type { Certificate } from './certificate.ts'
import { loadCertificates } from './load.ts'
import { makeCertificate } from './make.ts'
import { dateText, fingerprintText, serialText, summary } from './print.ts'

test('print: dates, serial numbers and fingerprints are written as OpenSSL writes them', () => {
  for (const pem of tls.rootCertificates.slice(0, 40)) {
    const [ours] = loadCertificates(pem) as [Certificate]
    const theirs = new X509Certificate(pem)
    assert.equal(dateText(ours.notBefore), theirs.validFrom)
    assert.equal(dateText(ours.notAfter), theirs.validTo)
    // Node writes a lone zero
    assert.equal(serialText(ours), theirs.serialNumber === '0' ? '00' : theirs.serialNumber)
    const hash = node.hash('sha256')
    hash.update(ours.raw)
    assert.equal(fingerprintText(hash.digest() as Uint8Array), theirs.fingerprint256)
  }
})

const serials: readonly (readonly [number[], string])[] = [
  [[0], '00'],
  [[0x80], '-80'],
  [[0xff], '-01'],
  [[0, 0xff], 'FF'],
  [[1, 0], '0100'],
]
for (const [bytes, text] of serials) {
  test(`print: the serial number ${text}`, () =>
    assert.equal(serialText({ serial: Uint8Array.from(bytes) } as Certificate), text))
}

test('print: a summary', () => {
  const key = node.generate('P-256') as PrivateKey
  const certificate = makeCertificate(
    { subject: { C: 'DE', CN: 'a' }, key, signer: key, notBefore: Date.UTC(2026, 0, 2, 3, 4, 5), days: 1 },
    node,
  ) as Certificate
  assert.deepEqual(summary(certificate), [
    'subject=C = DE, CN = a',
    'issuer=C = DE, CN = a',
    'v:NotBefore: Jan  2 03:04:05 2026 GMT; NotAfter: Jan  3 03:04:05 2026 GMT',
    'key=EC, P-256; signed with ecdsaWithSHA256',
  ])
})
