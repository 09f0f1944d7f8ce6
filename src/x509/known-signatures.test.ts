import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NOW } from '../../test/materials.ts'
import { node } from '../crypto/node/index.ts'
import type { Algorithm, Provider } from '../crypto/provider.ts'
import { CertificateError } from '../errors.ts'
import { runSync } from '../task.ts'
import { parseCertificate } from './certificate.ts'
import { keepGood, knownGood, signatureName } from './known-signatures.ts'
import { makeCertificate } from './make.ts'
import { verifier } from './path.ts'
import { verdicts } from './verdicts.ts'

const HOST = 'www.example.com'
const DAY = 86_400_000

/** A provider that counts what it verifies. */
const counting = (): { provider: Provider; count: () => number } => {
  let verified = 0
  const provider: Provider = {
    ...node,
    publicKey: async (spki) => {
      const key = await node.publicKey(spki)
      return {
        ...key,
        verify(algorithm, message, signature) {
          verified++
          return key.verify(algorithm, message, signature)
        },
      }
    },
  }
  return { provider, count: () => verified }
}

const material = async () => {
  const rootKey = await node.generate('P-256')
  const leafKey = await node.generate('P-256')
  const root = await makeCertificate(
    { subject: { CN: 'root' }, key: rootKey, signer: rootKey, ca: true, notBefore: NOW, days: 90 },
    node,
  )
  const leaf = await makeCertificate(
    { subject: { CN: HOST }, san: [HOST], key: leafKey, issuer: root, signer: rootKey, notBefore: NOW, days: 30 },
    node,
  )
  return { root, leaf }
}
const about = (provider: Provider) => ({ provider, purpose: 'server', name: HOST, time: NOW + DAY }) as const
const refusal = (code: number) => (error: unknown) => error instanceof CertificateError && error.code === code

test('known signatures: a good one is verified once, by whichever verifier', async () => {
  const { root, leaf } = await material()
  const { provider, count } = counting()
  for (let i = 0; i < 3; i++) {
    const anew = parseCertificate(leaf.raw.slice())
    const { code } = (await verifier({ anchors: [root] }).verify([anew], about(provider))) as { code: number }
    assert.equal(code, verdicts.ok)
  }
  assert.equal(count(), 1)
})

test('known signatures: the switch', async () => {
  const { root, leaf } = await material()
  const { provider, count } = counting()
  const check = verifier({ anchors: [root], rememberSignatures: false })
  for (let i = 0; i < 3; i++) await check.verify([leaf], about(provider))
  assert.equal(count(), 3)
})

test('known signatures: time, name, trust and purpose are judged all the same', async () => {
  const { root, leaf } = await material()
  const { provider } = counting()
  const check = verifier({ anchors: [root] })
  const good = about(provider)
  await check.verify([leaf], good)
  const rows = [
    [check, { ...good, time: NOW + 31 * DAY }, verdicts.expired],
    [check, { ...good, time: NOW - DAY }, verdicts.notYetValid],
    [check, { ...good, name: 'other.example.com' }, verdicts.hostMismatch],
    [verifier({ anchors: [(await material()).root] }), good, verdicts.noLocalIssuer],
  ] as const
  for (const [judge, asked, code] of rows)
    await assert.rejects(async () => await judge.verify([leaf], asked), refusal(code))
})

test('known signatures: one that is bad is refused however often it comes, before and after the good one', async () => {
  const { root, leaf } = await material()
  const { provider, count } = counting()
  const check = verifier({ anchors: [root] })
  const forged = leaf.raw.slice()
  forged[forged.length - 1] = (forged[forged.length - 1] as number) ^ 1
  const bad = () => check.verify([parseCertificate(forged)], about(provider))
  await assert.rejects(async () => await bad(), refusal(verdicts.badSignature))
  await check.verify([leaf], about(provider))
  await assert.rejects(async () => await bad(), refusal(verdicts.badSignature))
  assert.ok(count() >= 3)
})

test('known signatures: the budget is spent alike', async () => {
  const { root, leaf } = await material()
  const check = verifier({ anchors: [root], budget: { signatures: 0 } })
  await verifier({ anchors: [root] }).verify([leaf], about(node))
  await assert.rejects(async () => await check.verify([leaf], about(node)), refusal(verdicts.rejected))
})

const name = (parts: readonly [string, Algorithm, string, string]): string => {
  const bytes = (text: string) => new TextEncoder().encode(text)
  const [spki, algorithm, message, signature] = parts
  return runSync(signatureName(node, bytes(spki), algorithm, bytes(message), bytes(signature)))
}

test('known signatures: every part has its share in the name, and its place', () => {
  const ecdsa: Algorithm = { kind: 'ecdsa', hash: 'sha256' }
  const names = [
    name(['key', ecdsa, 'message', 'signature']),
    name(['kez', ecdsa, 'message', 'signature']),
    name(['key', { ...ecdsa, hash: 'sha384' }, 'message', 'signature']),
    name(['key', { kind: 'rsa_pss', hash: 'sha256', saltLength: 32 }, 'message', 'signature']),
    name(['key', { kind: 'rsa_pss', hash: 'sha256', saltLength: 20 }, 'message', 'signature']),
    name(['key', ecdsa, 'messages', 'ignature']),
    name(['key', ecdsa, 'messag', 'esignature']),
    name(['', ecdsa, 'keymessage', 'signature']),
  ]
  assert.equal(new Set(names).size, names.length)
  assert.equal(name(['key', ecdsa, 'message', 'signature']), names[0])
})

test('known signatures: each provider has its own, and only so many', () => {
  const mine: Provider = { ...node }
  keepGood(mine, 'first')
  assert.equal(knownGood(node, 'first'), false)
  for (let i = 0; i < 1023; i++) keepGood(mine, `${i}`)
  assert.equal(knownGood(mine, 'first'), true)
  keepGood(mine, 'one more')
  assert.equal(knownGood(mine, '0'), false)
  assert.equal(knownGood(mine, 'first'), true)
})
