import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import tls from 'node:tls'
import { concat, equal } from '../bytes/compare.ts'
import { hex } from '../bytes/text.ts'
import { node } from '../crypto/node/index.ts'
import type { PrivateKey } from '../crypto/provider.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import {
  constructed,
  DerError,
  der,
  derBits,
  derBoolean,
  derInteger,
  derNull,
  derOctets,
  derOid,
  derTime,
  primitive,
  sequence,
  tags,
} from './der.ts'
import { loadCertificates } from './load.ts'
import { makeCertificate } from './make.ts'
import { makeName } from './name.ts'
import { knownOid } from './oids.ts'

const key = node.generate('P-256') as PrivateKey
const good = makeCertificate(
  {
    subject: { C: 'DE', CN: 'Test' },
    key,
    signer: key,
    notBefore: 0,
    days: 1,
    san: ['example.com', '::1', 'a@b.example'],
    serial: Uint8Array.of(1, 2),
  },
  node,
) as Certificate

test('certificates: every field is a view', () => {
  assert.equal(good.version, 3)
  assert.equal(hex(good.serial), '0102')
  assert.equal(good.signatureAlgorithm.name, 'ecdsaWithSHA256')
  assert.deepEqual(good.signatureAlgorithm.algorithm, { kind: 'ecdsa', hash: 'sha256' })
  assert.equal(good.algorithmsAgree, true)
  assert.deepEqual([good.notBefore, good.notAfter], [0, 86_400_000])
  assert.deepEqual(good.key, { type: 'ec', curve: 'P-256', bits: 256 })
  assert.deepEqual([...(good.keyUsage ?? [])], ['digitalSignature'])
  assert.deepEqual(good.known.basicConstraints, { ca: false })
  assert.deepEqual(
    good.known.subjectAltName?.map(({ type }) => type),
    ['dns', 'ip', 'email'],
  )
  assert.equal(good.selfSigned, true)
  assert.deepEqual(good.flaws, [])
  for (const view of [good.tbs, good.signature, good.spki, good.subject.raw, good.serial])
    assert.equal(view.buffer, good.raw.buffer)
  assert.ok(equal(good.spki, key.spki))
})

test('certificates: the roots of Node are read as Node reads them', () => {
  for (const pem of tls.rootCertificates) {
    const theirs = new X509Certificate(pem)
    const [ours] = loadCertificates(pem) as [Certificate]
    assert.deepEqual(ours.raw, new Uint8Array(theirs.raw))
    assert.equal(hex(ours.serial).replace(/^0+/, ''), theirs.serialNumber.toLowerCase().replace(/^0+/, ''))
    assert.equal(ours.notBefore, Date.parse(theirs.validFrom))
    assert.equal(ours.notAfter, Date.parse(theirs.validTo))
    assert.equal(ours.known.basicConstraints?.ca ?? false, theirs.ca)
    assert.deepEqual(ours.flaws, [])
    assert.ok(ours.selfSigned)
    assert.equal(ours.key.bits, theirs.publicKey.asymmetricKeyDetails?.modulusLength ?? ours.key.bits)
  }
})

interface Parts {
  readonly version?: readonly Uint8Array[]
  readonly serial?: Uint8Array
  readonly validity?: readonly Uint8Array[]
  readonly after?: readonly Uint8Array[]
  readonly extensions?: readonly Uint8Array[]
  readonly signature?: Uint8Array
  readonly end?: readonly Uint8Array[]
}
const algorithm = sequence(derOid(knownOid('ecdsaWithSHA256')))
const extension = (name: string, value: Uint8Array, ...critical: Uint8Array[]): Uint8Array =>
  sequence(derOid(knownOid(name)), ...critical, derOctets(value))
const version = (n: number): readonly Uint8Array[] => [der(constructed(0), derInteger(n))]
const built = (parts: Parts): Uint8Array =>
  sequence(
    sequence(
      ...(parts.version ?? version(2)),
      parts.serial ?? derInteger(1),
      algorithm,
      makeName({ CN: 'a' }),
      sequence(...(parts.validity ?? [derTime(0), derTime(1000)])),
      makeName({ CN: 'a' }),
      key.spki,
      ...(parts.after ?? []),
      ...(parts.extensions ? [der(constructed(3), sequence(...parts.extensions))] : []),
    ),
    algorithm,
    parts.signature ?? derBits(Uint8Array.of(0)),
    ...(parts.end ?? []),
  )
const usage = (...bytes: number[]): Uint8Array => extension('keyUsage', der(tags.bitString, Uint8Array.from(bytes)))

/** Malformed as a whole. */
const refused: readonly (readonly [string, Parts, RegExp])[] = [
  ['version 1 spelt out', { version: version(0) }, /spells out version 1/],
  ['version 4', { version: version(3) }, /has version 4/],
  ['version 1 with extensions', { version: [], extensions: [usage(7, 0x80)] }, /of version 1 has extensions/],
  ['version 2 with extensions', { version: version(1), extensions: [usage(7, 0x80)] }, /of version 2 has extensions/],
  ['an empty list of extensions', { extensions: [] }, /ends where sequence should be/],
  ['an extension twice', { extensions: [usage(7, 0x80), usage(7, 0x80)] }, /has keyUsage twice/],
  ['a padded serial number', { serial: der(tags.integer, Uint8Array.of(0, 1)) }, /padding/],
  ['an empty serial number', { serial: der(tags.integer) }, /without content/],
  ['one date', { validity: [derTime(0)] }, /the validity has|ends where|where a time should be/],
  ['three dates', { validity: [derTime(0), derTime(1), derTime(2)] }, /more than its parts/],
  ['something after the extensions', { extensions: [usage(7, 0x80)], after: [derNull] }, /more than its parts/],
  ['something after the signature', { end: [derNull] }, /more than its parts/],
  ['a signature of broken bytes', { signature: der(tags.bitString, Uint8Array.of(1, 0)) }, /not of whole bytes/],
  [
    'a critical flag that is no boolean',
    { extensions: [extension('keyUsage', derNull, der(tags.boolean, Uint8Array.of(1)))] },
    /a boolean spelt 01/,
  ],
  [
    '65 extensions',
    { extensions: Array.from({ length: 65 }, (_, i) => sequence(derOid(`1.2.3.${i}`), derOctets(derNull))) },
    /more than 64/,
  ],
]
for (const [what, parts, says] of refused) {
  test(`certificates: ${what} is refused`, () =>
    assert.throws(() => parseCertificate(built(parts)), { name: 'DerError', message: says }))
}

test('certificates: forms that are unusual but right are read', () => {
  const ids = [der(primitive(1), Uint8Array.of(0, 1)), der(primitive(2), Uint8Array.of(0, 2))]
  assert.equal(parseCertificate(built({ version: [] })).version, 1)
  assert.equal(parseCertificate(built({ version: version(1), after: ids })).version, 2)
  assert.equal(
    parseCertificate(built({ validity: [der(tags.generalizedTime, Buffer.from('20200101000000Z')), derTime(0)] }))
      .notBefore,
    Date.UTC(2020, 0, 1),
  )
  assert.equal(
    parseCertificate(
      built({ extensions: [extension('keyUsage', der(tags.bitString, Uint8Array.of(7, 0x80)), derBoolean(false))] }),
    ).extension('keyUsage')?.critical,
    false,
  )
})

const san = (...names: Uint8Array[]): Uint8Array => extension('subjectAltName', sequence(...names))
const constraints = (...parts: Uint8Array[]): Uint8Array => extension('nameConstraints', sequence(...parts))
const dns = der(primitive(2), Buffer.from('a.example'))

/** Malformed within one extension: it is absent, and a flaw. */
const flawed: readonly (readonly [string, Uint8Array])[] = [
  ['a subjectAltName without names', san()],
  ['a dNSName beyond ASCII', san(der(primitive(2), Uint8Array.of(0xc3, 0xa4)))],
  ['an address of 5 bytes', san(der(primitive(7), new Uint8Array(5)))],
  ['a name of kind 9', san(der(primitive(9), new Uint8Array(5)))],
  ['key usage that is no bit string', extension('keyUsage', derNull)],
  ['key usage with unused bits set', usage(7, 0x81)],
  ['something after the value', extension('basicConstraints', concat(sequence(), derNull))],
  [
    'a negative path length',
    extension('basicConstraints', sequence(derBoolean(true), der(tags.integer, Uint8Array.of(0xff)))),
  ],
  ['no purposes', extension('extKeyUsage', sequence())],
  ['constraints of nothing', constraints()],
  ['constraints that are NULL', constraints(der(primitive(0)), der(primitive(1)))],
  ['permitted names without any', constraints(der(constructed(0)))],
  ['constraints with a minimum', constraints(der(constructed(0), sequence(dns, der(primitive(0), Uint8Array.of(1)))))],
  [
    'a constraint by address without mask',
    constraints(der(constructed(0), sequence(der(primitive(7), new Uint8Array(4))))),
  ],
  ['an issuer without its serial number', extension('authorityKeyIdentifier', sequence(der(constructed(1), dns)))],
  ['a policy twice', extension('certificatePolicies', sequence(sequence(derOid('1.2.3')), sequence(derOid('1.2.3'))))],
  ['policy constraints of nothing', extension('policyConstraints', sequence())],
  ['information access without any', extension('authorityInfoAccess', sequence())],
  ['a distribution point of nothing', extension('cRLDistributionPoints', sequence(sequence()))],
  ['timestamps cut off', extension('sctList', derOctets(Uint8Array.of(0, 4, 0, 9, 1, 1)))],
]
for (const [what, raw] of flawed) {
  test(`certificates: ${what} is a flaw`, () => {
    const certificate = parseCertificate(built({ extensions: [raw] }))
    assert.equal(certificate.flaws.length, 1)
    assert.match(certificate.flaws[0] as string, /^the extension /)
    assert.deepEqual(certificate.known, {})
  })
}

test('certificates: extensions that are understood', () => {
  const uri = der(primitive(6), Buffer.from('http://a.example/'))
  const { known, flaws } = parseCertificate(
    built({
      extensions: [
        usage(7, 0x06, 0x80),
        extension('basicConstraints', sequence(derBoolean(true), derInteger(3))),
        extension('cRLDistributionPoints', sequence(sequence(der(constructed(0), der(constructed(0), uri))))),
        extension('authorityInfoAccess', sequence(sequence(derOid(knownOid('ocsp')), uri))),
        extension('tlsFeature', sequence(derInteger(5))),
        extension('sctList', derOctets(Uint8Array.of(0, 7, 0, 2, 1, 1, 0, 1, 2))),
        extension(
          'policyConstraints',
          sequence(der(primitive(0), Uint8Array.of(0)), der(primitive(1), Uint8Array.of(2))),
        ),
        extension('inhibitAnyPolicy', derInteger(1)),
        extension('policyMappings', sequence(sequence(derOid('1.2.3'), derOid('1.2.4')))),
        extension(
          'certificatePolicies',
          sequence(
            sequence(
              derOid('1.2.3'),
              sequence(sequence(derOid(knownOid('cps')), der(tags.ia5String, Buffer.from('x')))),
            ),
          ),
        ),
        extension(
          'authorityKeyIdentifier',
          sequence(der(primitive(0), Uint8Array.of(9)), der(constructed(1), dns), der(primitive(2), Uint8Array.of(5))),
        ),
        constraints(der(constructed(1), sequence(dns))),
      ],
    }),
  )
  assert.deepEqual(flaws, [])
  assert.deepEqual([...(known.keyUsage ?? [])], ['keyCertSign', 'cRLSign', 'decipherOnly'])
  assert.deepEqual(known.basicConstraints, { ca: true, pathLength: 3 })
  assert.deepEqual(known.cRLDistributionPoints, [{ fullName: [{ type: 'uri', value: 'http://a.example/' }] }])
  assert.deepEqual(known.authorityInfoAccess, [
    { method: knownOid('ocsp'), location: { type: 'uri', value: 'http://a.example/' } },
  ])
  assert.deepEqual(known.tlsFeature, [5])
  assert.deepEqual(
    known.sctList?.map((sct) => hex(sct)),
    ['0101', '02'],
  )
  assert.deepEqual(known.policyConstraints, { requireExplicitPolicy: 0, inhibitPolicyMapping: 2 })
  assert.equal(known.inhibitAnyPolicy, 1)
  assert.deepEqual(known.policyMappings, [{ issuer: '1.2.3', subject: '1.2.4' }])
  assert.equal(known.certificatePolicies?.[0]?.qualifiers[0]?.oid, knownOid('cps'))
  assert.equal(hex(known.authorityKeyIdentifier?.keyId as Uint8Array), '09')
  assert.deepEqual(known.nameConstraints, { permitted: [], excluded: [{ type: 'dns', value: 'a.example' }] })
})

/** All that can be asked of a certificate; throws nothing but `DerError`. */
const ask = (bytes: Uint8Array): boolean => {
  try {
    const certificate = parseCertificate(bytes)
    assert.ok(String(certificate.subject) + certificate.issuer.key + certificate.key.type + certificate.flaws.join())
    assert.equal(typeof certificate.selfSigned, 'boolean')
    return true
  } catch (error) {
    assert.ok(error instanceof DerError, String(error))
    return false
  }
}

test('certificates: cut at every byte, they are refused', () => {
  for (let length = 0; length < good.raw.length; length++) assert.equal(ask(good.raw.subarray(0, length)), false)
  assert.equal(ask(concat(good.raw, Uint8Array.of(0))), false)
})

test('certificates: every byte changed gives a certificate or a DerError, never another error', () => {
  for (let at = 0; at < good.raw.length; at++) {
    for (const change of [1, 0x80, 0xff, 0x20]) {
      const bytes = good.raw.slice()
      bytes[at] = (bytes[at] as number) ^ change
      ask(bytes)
    }
  }
})
