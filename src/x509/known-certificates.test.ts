import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NOW } from '../../test/materials.ts'
import { node } from '../crypto/node/index.ts'
import { DerError } from './der.ts'
import { knownCertificate } from './known-certificates.ts'
import { makeCertificate } from './make.ts'

const made = async (name: string): Promise<Uint8Array> => {
  const key = await node.generate('ed25519')
  const subject = { CN: name }
  return (await makeCertificate({ subject, key, signer: key, notBefore: NOW }, node)).raw
}

test('known certificates: the same bytes give the same certificate, from whatever memory', async () => {
  const raw = await made('one')
  const first = knownCertificate(raw.slice())
  const padded = new Uint8Array(raw.length + 7)
  padded.set(raw, 7)
  assert.equal(knownCertificate(padded.subarray(7)), first)
  assert.deepEqual(first.raw, raw)
})

test('known certificates: bytes that change afterwards change nothing', async () => {
  const raw = await made('two')
  const came = raw.slice()
  const certificate = knownCertificate(came)
  came.fill(0)
  assert.deepEqual(certificate.raw, raw)
  assert.equal(knownCertificate(raw), certificate)
})

test('known certificates: every byte counts', async () => {
  const raw = await made('three')
  const original = knownCertificate(raw)
  for (let at = 0; at < raw.length; at++) {
    const other = raw.slice()
    other[at] = (other[at] as number) ^ 1
    try {
      assert.notEqual(knownCertificate(other), original)
    } catch (error) {
      if (!(error instanceof DerError)) throw error
    }
  }
  assert.deepEqual(knownCertificate(raw).raw, raw)
})

test('known certificates: only so many are kept, the latest among them', async () => {
  const first = await made('first')
  const before = knownCertificate(first)
  // with one end, all of them belong into one row
  const others = Array.from({ length: 4 }, (_, i) => {
    const other = first.slice()
    other[other.indexOf(0x66)] = 0x61 + i // the f of its name
    return other
  })
  const known = others.map((other) => knownCertificate(other))
  assert.equal(knownCertificate(others[3] as Uint8Array), known[3])
  const again = knownCertificate(first)
  assert.notEqual(again, before)
  assert.deepEqual(again.raw, first)
})

test('known certificates: what is malformed is refused every time', () => {
  for (let i = 0; i < 2; i++) assert.throws(() => knownCertificate(Uint8Array.of(0x30, 3, 1, 1, 0)), DerError)
})
