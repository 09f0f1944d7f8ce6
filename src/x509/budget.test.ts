import assert from 'node:assert/strict'
import { test } from 'node:test'
import { utf8 } from '../bytes/text.ts'
import { node } from '../crypto/node/index.ts'
import type { PrivateKey, Provider, PublicKey } from '../crypto/provider.ts'
import { CertificateError } from '../errors.ts'
import { runSync } from '../task.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import { constructed, DerReader, der, derBits, derInteger, derNull, derOid, primitive, sequence, tags } from './der.ts'
import type { Extension } from './extensions.ts'
import { type CertificateRecipe, makeCertificate } from './make.ts'
import { knownOid } from './oids.ts'
import { buildPath, type VerifierOptions } from './path.ts'
import { usualBudget } from './trial.ts'

/** Sets of certificates made to cost as much as they can: what is spent on them is counted, not timed. */

const NOW = Date.UTC(2026, 5, 1)
const DAY = 86_400_000
const newKey = (): PrivateKey => node.generate('P-256') as PrivateKey
const made = (recipe: Omit<CertificateRecipe, 'notBefore'> & { readonly notBefore?: number }): Certificate =>
  makeCertificate({ notBefore: NOW - DAY, ...recipe }, node) as Certificate
const rootKey = newKey()
const root = made({ subject: { CN: 'Root' }, key: rootKey, signer: rootKey, ca: true })
const leafKey = newKey()
const extension = (name: string, ...items: readonly Uint8Array[]): Extension => ({
  oid: knownOid(name),
  critical: true,
  value: sequence(...items),
})
const many = <T>(count: number, make: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at))

interface Spent {
  readonly error: CertificateError | undefined
  readonly signatures: number
}
const verify = (sent: readonly Certificate[], options: Partial<VerifierOptions> = {}): Spent => {
  let signatures = 0
  const counting: Provider = {
    ...node,
    publicKey: (spki) => {
      const key = node.publicKey(spki) as PublicKey
      return { ...key, verify: (...args) => (signatures++, key.verify(...args)) }
    },
  }
  const about = { provider: counting, purpose: 'server', name: 'a.example', time: NOW } as const
  try {
    runSync(buildPath(sent, about, { anchors: [root], ...options }))
    return { error: undefined, signatures }
  } catch (error) {
    assert.ok(error instanceof CertificateError, String(error))
    assert.ok(error.message.length <= 1000, `a message of ${error.message.length} characters`)
    return { error, signatures }
  }
}

/** Every CA has been certified by every other; one of them, by a certificate that is no good, by the root. */
const mesh = (size: number, edge: Partial<CertificateRecipe>): readonly Certificate[] => {
  const keys = many(size, newKey)
  const ca = (at: number, issuer: Certificate | undefined, signer: PrivateKey, more: Partial<CertificateRecipe> = {}) =>
    made({
      subject: { CN: `CA ${at}` },
      key: keys[at] as PrivateKey,
      signer,
      ca: true,
      ...(issuer && { issuer }),
      ...more,
    })
  const own = keys.map((key, at) => ca(at, undefined, key))
  const crossed = own.flatMap((_, at) =>
    own.flatMap((issuer, other) => (at === other ? [] : [ca(at, issuer, keys[other] as PrivateKey)])),
  )
  const leaf = made({
    subject: {},
    san: ['a.example'],
    key: leafKey,
    issuer: own[0] as Certificate,
    signer: keys[0] as PrivateKey,
  })
  return [leaf, ...crossed, ca(size - 1, root, rootKey, edge)]
}

test('budget: CAs that all certify each other', () => {
  const excluding = extension('nameConstraints', der(constructed(1), sequence(der(primitive(2), utf8('a.example')))))
  for (const edge of [{ notBefore: NOW - 90 * DAY, days: 2 }, { signer: newKey() }, { extensions: [excluding] }]) {
    const { error, signatures } = verify(mesh(12, edge))
    assert.equal(error?.code, 28, error?.message)
    assert.ok(signatures <= usualBudget.signatures, `${signatures} signatures`)
  }
  assert.equal(verify(mesh(12, {})).error, undefined)
  const unanchored = verify(mesh(12, {}), { anchors: [] })
  assert.equal(unanchored.error?.code, 20)
  assert.ok(unanchored.signatures <= 12, 'what leads nowhere is only shown')
})

test('budget: many keys of one name', () => {
  const issuer = made({ subject: { CN: 'One' }, key: leafKey, signer: leafKey, ca: true })
  const others = many(150, () =>
    made({ subject: { CN: 'One' }, key: newKey(), issuer: root, signer: rootKey, ca: true }),
  )
  const leaf = made({ subject: {}, san: ['a.example'], key: leafKey, issuer, signer: leafKey })
  const { error, signatures } = verify([leaf, ...others])
  assert.equal(error?.code, 28)
  assert.equal(signatures, usualBudget.signatures)
})

test('budget: names and constraints by the thousand', () => {
  const hosts = many(2000, (at) => sequence(der(primitive(2), utf8(`x${at}.example`))))
  const constraints = extension('nameConstraints', der(constructed(0), ...hosts))
  const key = newKey()
  const ca = made({ subject: { CN: 'Names' }, key, issuer: root, signer: rootKey, ca: true, extensions: [constraints] })
  const san = many(1000, (at) => `a${at}.x1999.example`)
  const leaf = made({ subject: {}, san, key: leafKey, issuer: ca, signer: key })
  assert.match(verify([leaf, ca]).error?.message ?? '', /more than 1048576 comparisons/)
  assert.equal(verify([leaf, ca], { names: ['a7.x1999.example'], budget: { comparisons: 1 << 22 } }).error, undefined)
})

test('budget: policies that are all mapped to all', () => {
  const policy = (at: number): Uint8Array => derOid(`1.2.3.${at}`)
  const own = extension('certificatePolicies', ...many(12, (at) => sequence(policy(at))))
  const mappings = many(12, (from) => many(12, (to) => sequence(policy(from), policy(to)))).flat()
  let [issuer, signer] = [root, rootKey]
  const chain: Certificate[] = []
  for (let depth = 0; depth < 9; depth++) {
    const key = newKey()
    const extensions = [own, extension('policyMappings', ...mappings)]
    issuer = made({ subject: { CN: `Policies ${depth}` }, key, issuer, signer, ca: true, extensions })
    signer = key
    chain.unshift(issuer)
  }
  const leaf = made({ subject: {}, san: ['a.example'], key: leafKey, issuer, signer, extensions: [own] })
  const options = { policies: { requireExplicit: true } }
  assert.equal(verify([leaf, ...chain], options).error, undefined)
  assert.equal(verify([leaf, ...chain], { ...options, budget: { comparisons: 1000 } }).error?.code, 28)
})

test('budget: RSA keys beyond reason are not used at all', () => {
  for (const [bits, exponent] of [
    [2048, derInteger(new Uint8Array(256).fill(0xff))],
    [16384, derInteger(new Uint8Array(2048).fill(0xff))],
    [32768, derInteger(65537)],
    [2048, derInteger(2)],
    [2048, derInteger(1)],
  ] as const) {
    const modulus = derInteger(new Uint8Array(bits / 8).fill(0xa7))
    const key = sequence(sequence(derOid(knownOid('rsaEncryption')), derNull), derBits(sequence(modulus, exponent)))
    const ca = made({ subject: { CN: 'RSA' }, key, issuer: root, signer: rootKey, ca: true })
    const algorithm = sequence(derOid(knownOid('sha256WithRSAEncryption')), derNull)
    const like = made({ subject: {}, san: ['a.example'], key: leafKey, issuer: ca, signer: newKey() })
    const inside = new DerReader(like.tbs, 'the certificate').open(tags.sequence)
    const parts: Uint8Array[] = []
    while (inside.more) parts.push(inside.raw())
    const tbs = sequence(...parts.map((part, at) => (at === 2 ? algorithm : part)))
    const leaf = parseCertificate(sequence(tbs, algorithm, derBits(new Uint8Array(bits / 8).fill(0x55))))
    // the one signature is that of the CA itself
    const { error, signatures } = verify([leaf, ca])
    assert.ok(error?.code === 6 || error?.code === 7, `${bits}: ${error?.message}`)
    assert.ok(signatures <= 2)
  }
})

test('budget: nesting, long names and long lists end in a sentence', () => {
  let deep = derNull
  for (let depth = 0; depth < 3000; depth++) deep = sequence(deep)
  const base = { key: leafKey, issuer: root, signer: rootKey, subject: {}, san: ['a.example'] }
  const nested = { oid: knownOid('basicConstraints'), critical: true, value: deep }
  assert.equal(verify([made({ ...base, extensions: [nested] })]).error?.code, 41)
  const purposes = many(20_000, (at) => `1.2.3.${at}`)
  assert.equal(verify([made({ ...base, extKeyUsage: purposes })]).error?.code, 26)
  const long = many(2000, (at) => ['CN', `${'x'.repeat(150)}${at}`] as const)
  assert.equal(verify([made({ ...base, subject: long })]).error, undefined)
  const lost = made({ subject: long, key: rootKey, signer: rootKey, ca: true })
  assert.equal(verify([made({ ...base, issuer: lost })]).error?.code, 20)
  const names = many(20_000, (at) => `h${at}.example`)
  assert.equal(verify([made({ ...base, san: names })]).error?.code, 62)
})
