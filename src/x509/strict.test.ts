import assert from 'node:assert/strict'
import { test } from 'node:test'
import { node } from '../crypto/node/index.ts'
import type { KeyKind, PrivateKey } from '../crypto/provider.ts'
import { CertificateError } from '../errors.ts'
import { runSync } from '../task.ts'
import { bareAnchor } from './anchor.ts'
import type { Certificate } from './certificate.ts'
import { constructed, der, derInteger, derOid, primitive, sequence } from './der.ts'
import type { Extension } from './extensions.ts'
import { type CertificateRecipe, encodeGeneralName, makeCertificate } from './make.ts'
import { knownOid } from './oids.ts'
import { buildPath, type VerifierOptions } from './path.ts'
import type { Profile } from './trial.ts'

const NOW = Date.UTC(2026, 5, 1)
const DAY = 86_400_000

interface Holder {
  readonly key: PrivateKey
  readonly certificate: Certificate
}
type Change = Partial<Omit<CertificateRecipe, 'issuer' | 'signer' | 'key'>> & { readonly kind?: KeyKind }
const make = (who: string, issuer: Holder | undefined, { kind = 'P-256', ...change }: Change): Holder => {
  const key = node.generate(kind) as PrivateKey
  const recipe: CertificateRecipe = {
    subject: { CN: who },
    key,
    signer: issuer?.key ?? key,
    notBefore: NOW - 30 * DAY,
    days: 60,
    ...(issuer && { issuer: issuer.certificate }),
    ...change,
  }
  return { key, certificate: makeCertificate(recipe, node) as Certificate }
}
const ca = (who: string, issuer?: Holder, change: Change = {}): Holder => make(who, issuer, { ca: true, ...change })
const leaf = (issuer: Holder, change: Change = {}): Certificate =>
  make('example.com', issuer, { san: ['example.com'], ...change }).certificate
const extension = (name: string, critical: boolean, value: Uint8Array): Extension => ({
  oid: knownOid(name),
  critical,
  value,
})
const constraints = (critical: boolean): Extension =>
  extension('nameConstraints', critical, sequence(der(constructed(0), sequence(encodeGeneralName('example.com')))))
const keyIdentifier = (...parts: readonly Uint8Array[]): Extension =>
  extension('authorityKeyIdentifier', false, sequence(...parts))

const root = ca('Root')
const middle = ca('Middle', root)
const crossed = ca('Crossed', root, { extensions: [keyIdentifier()] })
const under = (issuer: Holder): readonly Certificate[] => [leaf(issuer), issuer.certificate]
const serial = (length: number): Uint8Array => new Uint8Array(length).fill(1)
const policyConstraints = extension('policyConstraints', false, sequence(der(primitive(1), Uint8Array.of(0))))

interface Row {
  readonly what: string
  readonly sent: readonly Certificate[]
  readonly anchors?: readonly Certificate[]
  /** The strict verifiers that refuse it, and what they say; all others accept. */
  readonly refuse: readonly ('webpki' | 'rfc5280')[]
  /** The profile rfc5280 refuses it even when it is not strict. */
  readonly always?: true
  readonly says?: RegExp
  readonly options?: Partial<VerifierOptions>
  /** The rule that is named. */
  readonly rule?: RegExp
}
const both = ['webpki', 'rfc5280'] as const

const rows: readonly Row[] = [
  { what: 'what a good CA issues', sent: [leaf(middle), middle.certificate], refuse: [] },
  { what: 'a serial number of 20 bytes', sent: [leaf(root, { serial: serial(20) })], refuse: [] },
  {
    what: 'a serial number of 21 bytes',
    sent: [leaf(root, { serial: serial(21) })],
    refuse: both,
    says: /21 bytes/,
    rule: /4\.1\.2\.2/,
  },
  { what: 'the serial number zero', sent: [leaf(root, { serial: Uint8Array.of(0) })], refuse: both, says: /zero/ },
  {
    what: 'no authorityKeyIdentifier',
    sent: [leaf(root, { extensions: [keyIdentifier()] })],
    refuse: both,
    always: true,
    says: /which key of its issuer/,
    rule: /4\.2\.1\.1/,
  },
  {
    what: 'an anchor that another signed, without one',
    sent: [leaf(crossed)],
    anchors: [crossed.certificate],
    options: { partialChain: true },
    refuse: both,
    always: true,
    says: /which key/,
  },
  { what: 'a CA without keyUsage', sent: under(ca('Bare', root, { keyUsage: [] })), refuse: both, says: /no keyUsage/ },
  {
    what: 'basicConstraints that are not critical',
    sent: under(
      ca('Soft', root, { extensions: [extension('basicConstraints', false, sequence(Uint8Array.of(1, 1, 255)))] }),
    ),
    refuse: both,
    always: true,
    says: /basicConstraints that is not critical/,
  },
  {
    what: 'a path length where there is no CA',
    sent: [leaf(root, { extensions: [extension('basicConstraints', true, sequence(derInteger(1)))] })],
    refuse: both,
    says: /path length/,
    rule: /4\.2\.1\.9/,
  },
  {
    what: 'nameConstraints that are not critical',
    sent: under(ca('Soft', root, { extensions: [constraints(false)] })),
    refuse: ['rfc5280'],
    says: /nameConstraints that is not critical/,
  },
  { what: 'nameConstraints that are', sent: under(ca('Hard', root, { extensions: [constraints(true)] })), refuse: [] },
  {
    what: 'policyConstraints that are not critical',
    sent: under(ca('Soft', root, { extensions: [policyConstraints] })),
    refuse: both,
    says: /policyConstraints/,
  },
  {
    what: 'inhibitAnyPolicy that is not critical',
    sent: under(ca('Soft', root, { extensions: [extension('inhibitAnyPolicy', false, derInteger(0))] })),
    refuse: both,
    says: /inhibitAnyPolicy/,
  },
  {
    what: 'no purpose',
    sent: [leaf(root, { extKeyUsage: [] })],
    refuse: ['webpki'],
    says: /does not say what it is for/,
  },
  {
    what: 'a critical purpose',
    sent: [
      leaf(root, {
        extKeyUsage: [],
        extensions: [extension('extKeyUsage', true, sequence(derOid(knownOid('serverAuth'))))],
      }),
    ],
    refuse: ['webpki'],
    says: /critical extKeyUsage/,
  },
  {
    what: 'any purpose besides its own',
    sent: [leaf(root, { extKeyUsage: ['serverAuth', 'anyExtendedKeyUsage'] })],
    refuse: ['webpki'],
    says: /any purpose besides/,
    rule: /7\.1\.2\.7\.10/,
  },
  {
    what: 'a CA for any purpose',
    sent: under(ca('Any', root, { extKeyUsage: ['anyExtendedKeyUsage'] })),
    refuse: both,
    says: /without naming that of TLS servers/,
  },
  {
    what: 'a CA for any purpose and for this one',
    sent: under(ca('Any', root, { extKeyUsage: ['anyExtendedKeyUsage', 'serverAuth'] })),
    refuse: [],
  },
  {
    what: 'the key identifier of another issuer',
    sent: [leaf(root, { extensions: [keyIdentifier(der(primitive(0), serial(20)))] })],
    refuse: both,
    says: /is neither among the trust anchors/,
  },
  {
    what: 'the serial number of another issuer',
    sent: [
      leaf(root, {
        extensions: [
          keyIdentifier(
            der(primitive(0), root.certificate.known.subjectKeyIdentifier as Uint8Array),
            der(constructed(1), encodeGeneralName('a.example')),
            der(primitive(2), Uint8Array.of(1)),
          ),
        ],
      }),
    ],
    refuse: both,
    says: /is neither among the trust anchors/,
  },
  {
    what: 'a name with an underscore',
    sent: [leaf(root, { san: ['example.com', 'a_b.example.com'] })],
    refuse: both,
    says: /"a_b\.example\.com", which is not written/,
  },
  {
    what: 'a common name that is no name of it',
    sent: [leaf(root, { subject: { CN: 'www.example.com' } })],
    refuse: ['webpki'],
    says: /common name "www\.example\.com"/,
    rule: /7\.1\.4\.3/,
  },
  {
    what: 'a common name in other letters',
    sent: [leaf(root, { subject: { CN: 'Example.com' } })],
    refuse: ['webpki'],
    says: /Example\.com/,
  },
  { what: 'no common name', sent: [leaf(root, { subject: { O: 'Example' } })], refuse: [] },
  {
    what: 'a common name that is an address',
    sent: [leaf(root, { subject: { CN: '2001:db8::1' }, san: ['example.com', '2001:db8::1'] })],
    refuse: [],
  },
  {
    what: 'the same address written otherwise',
    sent: [leaf(root, { subject: { CN: '2001:db8:0::1' }, san: ['example.com', '2001:db8::1'] })],
    refuse: ['webpki'],
    says: /2001:db8:0::1/,
  },
  {
    what: 'a critical subjectAltName beside a subject',
    sent: [
      leaf(root, {
        san: [],
        extensions: [extension('subjectAltName', true, sequence(encodeGeneralName('example.com')))],
      }),
    ],
    refuse: ['webpki'],
    says: /critical subjectAltName/,
  },
  {
    what: 'an uncritical one without a subject',
    sent: [
      leaf(root, {
        subject: {},
        extensions: [extension('subjectAltName', false, sequence(encodeGeneralName('example.com')))],
      }),
    ],
    refuse: both,
    always: true,
    says: /no subject/,
  },
  {
    what: 'all names below a public suffix',
    sent: [leaf(root, { subject: { O: 'x' }, san: ['example.com', '*.co.uk'] })],
    refuse: ['webpki'],
    says: /"\*\.co\.uk"/,
  },
  {
    what: 'all names below a domain',
    sent: [leaf(root, { subject: { O: 'x' }, san: ['example.com', '*.example.uk', '*.a.co.uk'] })],
    refuse: [],
  },
  {
    what: 'an RSA key of an odd size',
    sent: [leaf(root, { kind: 'rsa-2052' })],
    refuse: ['webpki'],
    says: /2052 bits/,
  },
  ...(
    [
      ['a root with a purpose', { extKeyUsage: ['serverAuth'] }, /is a root and has extKeyUsage/],
      [
        'a root that names another key as its own',
        { extensions: [keyIdentifier(der(primitive(0), serial(20)))] },
        /.*/,
      ],
      [
        'a root that names its issuer',
        {
          extensions: [
            keyIdentifier(der(constructed(1), encodeGeneralName('a.example')), der(primitive(2), Uint8Array.of(1))),
          ],
        },
        /names an issuer/,
      ],
      ['a root that names no key', { extensions: [keyIdentifier()] }, /names no key/],
    ] as const
  ).map(([what, change, says]): Row => {
    const odd = ca('Odd', undefined, change)
    return {
      what,
      sent: [leaf(odd)],
      anchors: [odd.certificate],
      options: { partialChain: true },
      refuse: ['webpki'],
      says,
    }
  }),
]

const outcome = (row: Row, profile: Profile, strict: boolean): CertificateError | undefined => {
  const about = { provider: node, purpose: 'server', name: 'example.com', time: NOW } as const
  try {
    runSync(buildPath(row.sent, about, { anchors: row.anchors ?? [root.certificate], profile, strict, ...row.options }))
    return undefined
  } catch (error) {
    assert.ok(error instanceof CertificateError, String(error))
    return error
  }
}

for (const row of rows) {
  test(`strict: ${row.what}`, () => {
    for (const profile of both) {
      const loose = row.always && profile === 'rfc5280' ? (row.says ?? /^/) : /^accepted$/
      assert.match(outcome(row, profile, false)?.message ?? 'accepted', loose, `${profile}, not strict`)
      const error = outcome(row, profile, true)
      if (!row.refuse.includes(profile)) {
        assert.equal(error?.message, undefined, `${profile}, strict`)
        continue
      }
      assert.match(error?.message ?? 'accepted', row.says ?? /^/)
      assert.match(error?.explanation?.rule ?? '', row.rule ?? /RFC 5280|Baseline Requirements/)
    }
  })
}

test('openssl: purposes and key identifiers bind, and what certificates ought to have besides does not', () => {
  const unnamed = (sent: readonly Certificate[]): Row => ({ what: '', sent, refuse: [] })
  assert.equal(outcome(unnamed([leaf(root, { extensions: [keyIdentifier()] })]), 'openssl', false), undefined)
  assert.match(outcome(unnamed([leaf(root, { extensions: [keyIdentifier()] })]), 'openssl', true)?.message ?? '', /key/)
  const any = ca('Any', root, { extKeyUsage: ['anyExtendedKeyUsage'] })
  assert.equal(outcome(unnamed(under(any)), 'openssl', false)?.code, 26)
  const stray = leaf(root, { extensions: [keyIdentifier(der(primitive(0), serial(20)))] })
  assert.equal(outcome(unnamed([stray]), 'openssl', false)?.code, 20)
  const signing = leaf(root, { keyUsage: ['keyCertSign'] })
  assert.equal(outcome(unnamed([signing]), 'openssl', false)?.code, 26)
  const lists = sequence(
    der(constructed(0), der(constructed(0), encodeGeneralName({ type: 'uri', value: 'http://a/' }))),
  )
  const pointing = [leaf(root, { extensions: [extension('cRLDistributionPoints', true, sequence(lists))] })]
  assert.equal(outcome(unnamed(pointing), 'openssl', false)?.message, undefined)
  assert.equal(outcome(unnamed(pointing), 'webpki', false)?.code, 34)
})

test('rfc5280: who is no CA signs no certificates and constrains no names', () => {
  const constraining: Row = { what: '', sent: [leaf(root, { extensions: [constraints(true)] })], refuse: [] }
  assert.match(outcome(constraining, 'rfc5280', false)?.message ?? '', /has nameConstraints, and is not/)
  assert.match(outcome(constraining, 'webpki', true)?.message ?? '', /has nameConstraints, and is not/)
  assert.equal(outcome(constraining, 'webpki', false), undefined)

  const signing = leaf(root, { keyUsage: ['digitalSignature', 'keyCertSign'] })
  const row: Row = { what: '', sent: [signing], refuse: [] }
  assert.match(outcome(row, 'rfc5280', false)?.message ?? '', /may sign certificates/)
  assert.equal(outcome(row, 'webpki', false), undefined)
  assert.match(outcome(row, 'webpki', true)?.message ?? '', /may sign certificates/)
})

test('anchors: a bare one is a name and a key, and nothing that a certificate says of them counts', () => {
  const odd = ca('Odd', undefined, { days: 1, extKeyUsage: ['emailProtection'], extensions: [constraints(true)] })
  const about = { provider: node, purpose: 'server', name: 'example.org', time: NOW } as const
  const sent = [leaf(odd, { san: ['example.org'], notBefore: NOW - DAY })]
  assert.throws(() => runSync(buildPath(sent, about, { anchors: [odd.certificate] })), CertificateError)
  const anchors = [bareAnchor(odd.certificate)]
  assert.equal(runSync(buildPath(sent, about, { anchors })).chain.length, 2)
  assert.equal(runSync(buildPath([...sent, odd.certificate], about, { anchors })).chain.length, 2)
  const named = leaf(odd, {
    san: ['example.org'],
    notBefore: NOW - DAY,
    extensions: [
      keyIdentifier(
        der(primitive(0), odd.certificate.known.subjectKeyIdentifier as Uint8Array),
        der(constructed(1), encodeGeneralName({ type: 'directory', value: odd.certificate.issuer })),
        der(primitive(2), odd.certificate.serial),
      ),
    ],
  })
  const openssl = { anchors, profile: 'openssl' } as const
  assert.equal(runSync(buildPath([named], about, openssl)).chain.length, 2)
  const parts = { subject: odd.certificate.subject.raw, spki: root.certificate.spki }
  assert.throws(() => runSync(buildPath(sent, about, { anchors: [bareAnchor(parts)] })), { code: 7 })
})
