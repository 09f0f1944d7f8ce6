import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { rootCertificates } from 'node:tls'
import { node } from '../crypto/node/index.ts'
import { type Maybe, runSync, wait } from '../task.ts'
import type { Certificate } from './certificate.ts'
import {
  asciiBytes,
  constructed,
  der,
  derBits,
  derInteger,
  derOctets,
  derOid,
  primitive,
  sequence,
  tags,
} from './der.ts'
import type { Extension } from './extensions.ts'
import { certificateJson } from './json.ts'
import { loadCertificates } from './load.ts'
import { type CertificateRecipe, encodeGeneralName, makeCertificate } from './make.ts'
import { makeName, type NameParts } from './name.ts'
import { knownOid } from './oids.ts'
import { keyBytes } from './spki.ts'
import { certificateText, extensionsText } from './text.ts'

const openssl = spawnSync('openssl', ['version'], { encoding: 'utf8' }).stdout ?? ''
/** Other versions print other spaces and names. */
const skip = openssl.startsWith('OpenSSL 3.0.') ? false : 'there is no OpenSSL 3.0 to compare with'

const answers = (certificate: Certificate, ...args: string[]): string => {
  const { stdout } = spawnSync('openssl', ['x509', '-inform', 'DER', '-noout', ...args], { input: certificate.raw })
  return stdout.toString()
}

const now = <T>(answer: Maybe<T>): T => runSync(wait(answer))
const key = now(node.generate('P-256'))
const made = (recipe: Partial<CertificateRecipe>): Certificate =>
  now(makeCertificate({ subject: { CN: 'text' }, key, signer: key, notBefore: Date.UTC(2026, 0, 2), ...recipe }, node))

const extension = (name: string, ...parts: readonly Uint8Array[]): Extension => ({
  oid: /^\d/.test(name) ? name : knownOid(name),
  critical: false,
  value: sequence(...parts),
})
const uri = (text: string): Uint8Array => encodeGeneralName({ type: 'uri', value: text })
const ia5 = (text: string): Uint8Array => der(tags.ia5String, asciiBytes(text))
const directory = (parts: NameParts): Uint8Array => der(constructed(4), makeName(parts))
const withExtension = (...extensions: readonly Extension[]): Certificate => made({ extensions })
const value = (bytes: Uint8Array): Extension => ({ oid: knownOid('keyUsage'), critical: true, value: bytes })

const rsa = now(node.generate('rsa-2048'))
const whole = (digits: string): Uint8Array => Uint8Array.from(Buffer.from(digits, 'hex'))
/** P-256 told by its numbers (SEC 2 section 2.4.2). */
const explicit = (...seed: readonly Uint8Array[]): Uint8Array => {
  const prime = whole('ffffffff00000001000000000000000000000000ffffffffffffffffffffffff')
  const a = whole('ffffffff00000001000000000000000000000000fffffffffffffffffffffffc')
  const b = whole('5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b')
  const generator = whole(
    '046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5',
  )
  const order = whole('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551')
  const parameters = sequence(
    derInteger(1),
    sequence(derOid('1.2.840.10045.1.1'), derInteger(prime)),
    sequence(derOctets(a), derOctets(b), ...seed),
    derOctets(generator),
    derInteger(order),
    derInteger(1),
  )
  return sequence(sequence(derOid(knownOid('ecPublicKey')), parameters), derBits(keyBytes(key.spki)))
}

const rows: readonly (readonly [what: string, certificate: Certificate])[] = [
  ['a curve told by its numbers', made({ key: explicit() })],
  ['a curve with its seed', made({ key: explicit(derBits(whole('c49d360886e704936a6678e1139d26b7819f7e90'))) })],
  ['RSASSA-PSS', made({ key: rsa, signer: rsa, algorithm: { kind: 'rsa_pss', hash: 'sha256', saltLength: 32 } })],
  ['a leaf', made({ san: ['example.com', '*.example.com', '192.0.2.1', '2001:db8::1', 'a@example.com'] })],
  ['a CA with a path length', made({ ca: true, pathLength: 3 })],
  ['a short serial', made({ serial: Uint8Array.of(1) })],
  ['a serial of 63 bits', made({ serial: Uint8Array.of(0x7f, 255, 255, 255, 255, 255, 255, 255) })],
  ['a serial of 64 bits', made({ serial: Uint8Array.of(0x80, 0, 0, 0, 0, 0, 0, 0) })],
  ['a serial of nothing', made({ serial: Uint8Array.of(0) })],
  ['years beyond 2049', made({ notAfter: Date.UTC(2999, 11, 31, 23, 59, 59) })],
  ['characters that are escaped', made({ subject: { CN: 'Müller, "Söhne" + <Co>; #1\\', O: ' edge ' } })],
  ['attribute types without a short name', made({ subject: { '2.5.4.5': '12', '1.2.3.4': 'x', '2.5.4.72': 'role' } })],
  ['mail and domain components', made({ subject: { DC: 'example', emailAddress: 'a@example.com' } })],
  ['an RSA key', made({ key: now(node.generate('rsa-2048')) })],
  ['a P-384 key', made({ key: now(node.generate('P-384')) })],
  ['a P-521 key', made({ key: now(node.generate('P-521')) })],
  ['an Ed25519 key', made({ key: now(node.generate('ed25519')) })],
  ['an Ed448 key', made({ key: now(node.generate('ed448')) })],
  ['no extended key usage', made({ extKeyUsage: [] })],
  ['purposes with and without a name', made({ extKeyUsage: ['serverAuth', 'codeSigning', 'timeStamping', '1.2.3.4'] })],
  [
    'all key usages',
    made({
      keyUsage: [
        'digitalSignature',
        'nonRepudiation',
        'dataEncipherment',
        'keyAgreement',
        'encipherOnly',
        'decipherOnly',
      ],
    }),
  ],
  ['a key usage without any', withExtension(value(Uint8Array.of(3, 1, 0)))],
  ['an unknown extension', withExtension({ oid: '1.2.3.4.5', critical: true, value: asciiBytes('a\nb\0c\x7f') })],
  [
    'names of every kind',
    withExtension(
      extension(
        'subjectAltName',
        uri('https://example.com/?a=b'),
        directory({ C: 'US', O: 'A/B+C\\\\D,=', CN: 'x' }),
        encodeGeneralName({ type: 'id', value: '1.2.3.4' }),
        encodeGeneralName({ type: 'id', value: knownOid('serverAuth') }),
        encodeGeneralName({ type: 'other', oid: '1.2.3.4', value: derInteger(1) }),
        encodeGeneralName({
          type: 'other',
          oid: '1.3.6.1.4.1.311.20.2.3',
          value: der(tags.utf8String, asciiBytes('u@x')),
        }),
        encodeGeneralName({ type: 'x400', value: derInteger(1) }),
      ),
    ),
  ],
  [
    'name constraints',
    withExtension(
      extension(
        'nameConstraints',
        der(
          constructed(0),
          sequence(der(primitive(2), asciiBytes('.example.com'))),
          sequence(der(primitive(7), Uint8Array.of(10, 0, 0, 0, 255, 0, 0, 0))),
        ),
        der(
          constructed(1),
          sequence(der(primitive(7), new Uint8Array(32).fill(0xff, 16, 20))),
          sequence(directory({ O: 'No' })),
        ),
      ),
    ),
  ],
  [
    'distribution points',
    withExtension(
      extension(
        'cRLDistributionPoints',
        sequence(der(constructed(0), der(constructed(0), uri('http://a.example/1'), uri('http://a.example/2')))),
        sequence(
          der(constructed(0), der(constructed(0), uri('http://a.example/3'))),
          der(primitive(1), Uint8Array.of(1, 0x60)),
        ),
        sequence(
          der(constructed(0), der(constructed(1), sequence(derOid('2.5.4.3'), der(tags.utf8String, asciiBytes('r'))))),
          der(constructed(2), directory({ O: 'I' })),
        ),
        sequence(der(constructed(2), directory({ O: 'alone' }))),
      ),
    ),
  ],
  [
    'policies',
    withExtension(
      extension(
        'certificatePolicies',
        sequence(derOid('2.5.29.32.0')),
        sequence(
          derOid('1.2.3.4'),
          sequence(
            sequence(derOid(knownOid('cps')), ia5('http://a.example/cps')),
            sequence(derOid('1.2.3.5'), derInteger(1)),
          ),
        ),
        sequence(
          derOid('1.2.3.6'),
          sequence(
            sequence(
              derOid(knownOid('userNotice')),
              sequence(sequence(ia5('Org'), sequence(derInteger(1), derInteger(2))), ia5('Text')),
            ),
            sequence(derOid(knownOid('userNotice')), sequence(der(tags.utf8String, new TextEncoder().encode('Süß')))),
          ),
        ),
      ),
      extension(
        'policyMappings',
        sequence(derOid('1.2.3'), derOid('1.2.4')),
        sequence(derOid('1.2.5'), derOid('1.2.6')),
      ),
      extension('policyConstraints', der(primitive(0), Uint8Array.of(0)), der(primitive(1), Uint8Array.of(5))),
      { oid: knownOid('inhibitAnyPolicy'), critical: false, value: derInteger(7) },
    ),
  ],
  [
    'where to find more',
    withExtension(
      extension(
        'authorityInfoAccess',
        sequence(derOid(knownOid('ocsp')), uri('http://o.example')),
        sequence(derOid('1.2.3'), directory({ O: 'x' })),
      ),
      extension('tlsFeature', derInteger(5), derInteger(17), derInteger(99)),
      { oid: '1.3.6.1.5.5.7.48.1.5', critical: false, value: Uint8Array.of(5, 0) },
      { oid: knownOid('ctPoison'), critical: true, value: Uint8Array.of(5, 0) },
    ),
  ],
  [
    "what was Netscape's",
    withExtension(
      { oid: '2.16.840.1.113730.1.1', critical: false, value: der(tags.bitString, Uint8Array.of(0, 0xc7)) },
      { oid: '2.16.840.1.113730.1.13', critical: false, value: ia5('made for a test') },
      extension(
        '2.5.29.16',
        der(primitive(0), asciiBytes('20260102030405Z')),
        der(primitive(1), asciiBytes('20270102030405Z')),
      ),
    ),
  ],
  [
    'an authority key identifier with all its parts',
    withExtension(
      extension(
        'authorityKeyIdentifier',
        der(primitive(0), Uint8Array.of(1, 2)),
        der(constructed(1), directory({ C: 'US', O: 'I' })),
        der(primitive(2), Uint8Array.of(0, 0x80)),
      ),
    ),
  ],
  [
    'timestamps that are not of version 1',
    withExtension({ oid: knownOid('sctList'), critical: false, value: derOctets(Uint8Array.of(0, 5, 0, 3, 9, 8, 7)) }),
  ],
]

test('certificates are printed as openssl x509 -text prints them', { skip }, async (t) => {
  for (const [what, certificate] of rows)
    await t.test(what, () => assert.equal(certificateText(certificate), answers(certificate, '-text')))
})

test('every tenth root of Node is printed as openssl prints it', { skip }, () => {
  const roots = rootCertificates.flatMap((pem) => loadCertificates(pem)).filter((_, at) => at % 10 === 0)
  assert.ok(roots.length > 10)
  for (const root of roots) assert.equal(certificateText(root), answers(root, '-text'))
})

test('chosen extensions are printed as openssl x509 -ext prints them', { skip }, () => {
  const certificate = made({ ca: true, san: ['example.com'] })
  const chosen = certificate.extensions.filter(
    ({ oid }) => oid === knownOid('subjectAltName') || oid === knownOid('basicConstraints'),
  )
  assert.equal(extensionsText(chosen), answers(certificate, '-ext', 'subjectAltName,basicConstraints'))
  assert.equal(extensionsText([]), '')
})

test('a key that cannot be read is said to be so, and what is malformed is shown as its bytes', () => {
  const broken = made({ key: sequence(sequence(derOid('1.2.3.4')), derBits(Uint8Array.of(1))) })
  assert.match(certificateText(broken), /Public Key Algorithm: 1\.2\.3\.4\n {12}Unable to load Public Key\n/)
  const odd = withExtension({ oid: knownOid('basicConstraints'), critical: false, value: asciiBytes('~nonsense') })
  assert.match(certificateText(odd), /Basic Constraints: \n {16}~nonsense\n/)
})

test('the JSON form survives JSON and says what the certificate says', () => {
  const certificate = made({
    subject: { C: 'US', CN: 'json' },
    san: ['example.com', '192.0.2.1'],
    extensions: [{ oid: '1.2.3.4', critical: true, value: Uint8Array.of(1, 2) }],
    serial: Uint8Array.of(0x12, 0x34),
  })
  const json = JSON.parse(JSON.stringify(certificateJson(certificate)))
  assert.equal(json.serialNumber, '1234')
  assert.equal(json.subject.text, 'CN=json,C=US')
  assert.equal(json.notBefore, '2026-01-02T00:00:00.000Z')
  assert.equal(json.publicKey.curve, 'P-256')
  const of = (name: string) => json.extensions.find((one: { name: string }) => one.name === name)
  assert.deepEqual(of('subjectAltName').value, [
    { type: 'dns', value: 'example.com' },
    { type: 'ip', value: '192.0.2.1' },
  ])
  assert.deepEqual(of('extKeyUsage').value, ['serverAuth', 'clientAuth'])
  assert.deepEqual(of('1.2.3.4'), { oid: '1.2.3.4', name: '1.2.3.4', critical: true, raw: '0102' })
  assert.equal(json.flaws, undefined)
})
