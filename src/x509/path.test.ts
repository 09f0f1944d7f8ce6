import assert from 'node:assert/strict'
import { test } from 'node:test'
import { node } from '../crypto/node/index.ts'
import type { Algorithm, KeyKind, PrivateKey, Provider } from '../crypto/provider.ts'
import { CertificateError } from '../errors.ts'
import { runAsync, runSync } from '../task.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import { constructed, der, derInteger, derOid, primitive, sequence } from './der.ts'
import { type CertificateRecipe, encodeGeneralName, makeCertificate } from './make.ts'
import { knownOid } from './oids.ts'
import { buildPath, type CertificateReport, trustAnyone, type VerifierOptions, verifier } from './path.ts'
import type { About, Verified } from './verifier.ts'

const NOW = Date.UTC(2026, 5, 1)
const DAY = 86_400_000

interface Holder {
  readonly key: PrivateKey
  readonly certificate: Certificate
}

const keys = new Map<string, PrivateKey>()
const keyOf = (who: string, kind: KeyKind = 'P-256'): PrivateKey => {
  const known = keys.get(`${who} ${kind}`)
  if (known) return known
  const key = node.generate(kind) as PrivateKey
  keys.set(`${who} ${kind}`, key)
  return key
}

type Change = Partial<Omit<CertificateRecipe, 'issuer' | 'signer' | 'key'>> & {
  readonly kind?: KeyKind
  readonly sign?: Algorithm
}

const make = (who: string, issuer: Holder | undefined, { kind, sign, ...change }: Change): Holder => {
  const key = keyOf(who, kind)
  const recipe: CertificateRecipe = {
    subject: { CN: who },
    key,
    signer: issuer?.key ?? key,
    notBefore: NOW - 30 * DAY,
    days: 60,
    ...(issuer && { issuer: issuer.certificate }),
    ...(sign && { algorithm: sign }),
    ...change,
  }
  return { key, certificate: makeCertificate(recipe, node) as Certificate }
}
const ca = (who: string, issuer?: Holder, change: Change = {}): Holder => make(who, issuer, { ca: true, ...change })
const leaf = (issuer?: Holder, change: Change = {}): Certificate =>
  make('leaf', issuer, { san: ['example.com', '192.0.2.1', 'a@example.com'], ...change }).certificate

const root = ca('Root')
const middle = ca('Middle', root)
const lower = ca('Lower', middle)
const critical = (oid: string) => ({ oid, critical: true, value: Uint8Array.of(0x05, 0x00) })
const constraint = (tag: 0 | 1, ...names: string[]) => ({
  oid: knownOid('nameConstraints'),
  critical: true,
  value: sequence(der(constructed(tag), ...names.map((name) => sequence(encodeGeneralName(name))))),
})
const spoilt = ({ raw }: Certificate): Certificate => {
  const bytes = raw.slice()
  bytes[bytes.length - 3] = (bytes[bytes.length - 3] as number) ^ 1
  return parseCertificate(bytes)
}

interface Row {
  readonly what: string
  readonly sent: readonly Certificate[]
  readonly anchors?: readonly Certificate[]
  readonly about?: Partial<About>
  readonly options?: Partial<VerifierOptions>
  /** X509_V number, depth and a part of the sentence; nothing when it is good. */
  readonly fault?: readonly [code: number, depth: number, says: RegExp]
  /** Length of the path that is found. */
  readonly length?: number
}

const under = (issuer: Holder, change: Change = {}, ...above: Holder[]): readonly Certificate[] => [
  leaf(issuer, change),
  ...[issuer, ...above].map(({ certificate }) => certificate),
]
const r = root.certificate
const m = middle.certificate
const l = lower.certificate
const other = ca('Other')
const constrained = (tag: 0 | 1, ...names: string[]): readonly Certificate[] =>
  under(ca('Constrained', root, { extensions: [constraint(tag, ...names)] }))

const rows: readonly Row[] = [
  { what: 'a leaf right below the anchor', sent: [leaf(root)], length: 2 },
  { what: 'two intermediates', sent: [leaf(lower), l, m], length: 4 },
  {
    what: 'in the wrong order, with others between and the anchor too',
    sent: [leaf(lower), m, other.certificate, r, l],
    length: 4,
  },
  { what: 'intermediates at hand instead of sent', sent: [leaf(lower)], options: { intermediates: [l, m] }, length: 4 },
  {
    what: 'several anchors',
    sent: [leaf(root)],
    anchors: [other.certificate, ca('Root', undefined, { days: 90, kind: 'P-384' }).certificate, r],
  },
  { what: 'a RSA leaf', sent: [leaf(root, { kind: 'rsa-2048' })] },
  {
    what: 'an RSA-PSS signature',
    sent: [leaf(ca('Pss', undefined, { kind: 'rsa-pss-2048' }))],
    anchors: [ca('Pss', undefined, { kind: 'rsa-pss-2048' }).certificate],
  },
  {
    what: 'Ed25519',
    sent: [leaf(ca('Ed', undefined, { kind: 'ed25519' }))],
    anchors: [ca('Ed', undefined, { kind: 'ed25519' }).certificate],
  },

  {
    what: 'no anchor at all',
    sent: [leaf(root)],
    anchors: [],
    fault: [20, 0, /"CN=Root", is neither among the trust anchors nor/],
  },
  { what: 'the intermediate not sent', sent: [leaf(middle)], fault: [20, 0, /"CN=Middle"/] },
  { what: 'the upper intermediate not sent', sent: [leaf(lower), l], fault: [20, 1, /"CN=Middle"/] },
  { what: 'self-signed and unknown', sent: [leaf()], fault: [18, 0, /self-signed/] },
  { what: 'an unknown root sent', sent: under(other), fault: [19, 1, /"CN=Other"/] },
  {
    what: 'an intermediate trusted, its root unknown',
    sent: [leaf(middle)],
    anchors: [m],
    fault: [2, 1, /partial chains are not allowed/],
  },
  {
    what: 'the same with partial chains',
    sent: [leaf(middle)],
    anchors: [m],
    options: { partialChain: true },
    length: 2,
  },
  {
    what: 'two that sign each other',
    sent: [leaf(ca('A', ca('B'))), ca('A', ca('B')).certificate, ca('B', ca('A')).certificate],
    fault: [20, 2, /"CN=A"/],
  },

  {
    what: 'expired',
    sent: [leaf(root)],
    about: { time: NOW + 31 * DAY },
    fault: [10, 1, /Root" was valid until 2026-07-01T00:00:00Z, and it is/],
  },
  { what: 'expired leaf', sent: [leaf(root, { days: 29 })], fault: [10, 0, /leaf/] },
  { what: 'not yet valid', sent: [leaf(root, { notBefore: NOW + 1000 })], fault: [9, 0, /valid from/] },
  { what: 'valid in this second', sent: [leaf(root, { notBefore: NOW })], about: { time: NOW + 999 } },
  { what: 'in its last second', sent: [leaf(root, { days: 30 })], about: { time: NOW + 999 } },
  {
    what: 'a renewed anchor beside an expired one',
    sent: [leaf(root)],
    anchors: [ca('Root', undefined, { days: 1 }).certificate, r],
  },

  {
    what: 'another host',
    sent: [leaf(root)],
    about: { name: 'www.example.com' },
    fault: [62, 0, /is not for "www.example.com"; it is for example.com/],
  },
  { what: 'the host in capitals with a dot', sent: [leaf(root)], about: { name: 'EXAMPLE.com.' } },
  {
    what: 'no name in the certificate',
    sent: [leaf(root, { san: [], subject: { CN: 'example.com' } })],
    fault: [62, 0, /has no name of that kind/],
  },
  {
    what: 'what is no name',
    sent: [leaf(root)],
    about: { name: 'bücher.example' },
    fault: [62, 0, /no host name \(in ASCII\)/],
  },
  { what: 'an address', sent: [leaf(root)], about: { name: '192.0.2.1' } },
  { what: 'another address', sent: [leaf(root)], about: { name: '192.0.2.2' }, fault: [64, 0, /it is for/] },
  { what: 'a mail address', sent: [leaf(root)], about: { name: 'a@EXAMPLE.com', purpose: 'client' } },
  {
    what: 'another mail address',
    sent: [leaf(root)],
    about: { name: 'A@example.com', purpose: 'client' },
    fault: [63, 0, /mail|is for/],
  },
  { what: 'one of several names', sent: [leaf(root)], options: { names: ['nowhere.example', 'example.com'] } },

  {
    what: 'for clients only',
    sent: [leaf(root, { extKeyUsage: ['clientAuth'] })],
    fault: [26, 0, /not for TLS servers; its purposes are clientAuth/],
  },
  {
    what: 'for servers, from a client',
    sent: [leaf(root, { extKeyUsage: ['serverAuth'] })],
    about: { purpose: 'client' },
    fault: [26, 0, /TLS clients/],
  },
  {
    what: 'a leaf for anything',
    sent: [leaf(root, { extKeyUsage: ['anyExtendedKeyUsage'] })],
    fault: [26, 0, /anyExtendedKeyUsage/],
  },
  {
    what: 'a leaf for anything, by RFC 5280 alone',
    sent: [leaf(root, { extKeyUsage: ['anyExtendedKeyUsage'] })],
    options: { profile: 'rfc5280' },
  },
  { what: 'a CA for anything', sent: under(ca('All', root, { extKeyUsage: ['anyExtendedKeyUsage'] })) },
  {
    what: 'a CA as server',
    sent: [ca('example.com', root, { san: ['example.com'] }).certificate],
    fault: [26, 0, /./],
  },
  {
    what: 'a CA as server whose key may sign',
    sent: [
      ca('example.com', root, { san: ['example.com'], keyUsage: ['digitalSignature', 'keyCertSign'] }).certificate,
    ],
    fault: [37, 0, /is that of a CA, and a server uses it/],
  },
  {
    what: 'the same by RFC 5280 alone',
    sent: [ca('example.com', root, { san: ['example.com'] }).certificate],
    options: { profile: 'rfc5280' },
  },
  {
    what: 'a leaf that may sign certificates only',
    sent: [leaf(root, { keyUsage: ['keyCertSign'] })],
    fault: [26, 0, /\(keyCertSign\) has nothing that a TLS server needs/],
  },
  { what: 'a server that may only be encrypted to', sent: [leaf(root, { keyUsage: ['keyEncipherment'] })] },
  {
    what: 'a client that may only be encrypted to',
    sent: [leaf(root, { keyUsage: ['keyEncipherment'] })],
    about: { purpose: 'client' },
    fault: [26, 0, /TLS client/],
  },
  {
    what: 'any purpose',
    sent: [leaf(root, { keyUsage: ['keyCertSign'], extKeyUsage: ['codeSigning'] })],
    options: { anyPurpose: true },
  },
  { what: 'no purpose given', sent: [leaf(root, { extKeyUsage: [] })] },
  {
    what: 'a CA for mail',
    sent: under(ca('Mail', root, { extKeyUsage: ['emailProtection'] })),
    fault: [26, 1, /Mail/],
  },
  {
    what: 'an anchor for mail',
    sent: under(ca('Mail', undefined, { extKeyUsage: ['emailProtection'] })),
    anchors: [ca('Mail', undefined, { extKeyUsage: ['emailProtection'] }).certificate],
    fault: [26, 1, /Mail/],
  },

  {
    what: 'issued by a leaf',
    sent: under(make('End', root, { san: ['a.example'] })),
    fault: [24, 1, /is not that of a CA/],
  },
  {
    what: 'issued by a CA that may not sign',
    sent: under(ca('Mute', root, { keyUsage: ['cRLSign'] })),
    fault: [24, 1, /does not allow signing/],
  },
  {
    what: 'deeper than the path length',
    sent: [
      leaf(ca('Deep', ca('Flat', root, { pathLength: 0 }))),
      ca('Deep', ca('Flat', root, { pathLength: 0 })).certificate,
      ca('Flat', root, { pathLength: 0 }).certificate,
    ],
    fault: [25, 2, /allows 0 CAs below it, but there are 1/],
  },
  { what: 'as deep as the path length', sent: under(ca('Flat', root, { pathLength: 0 })) },
  {
    what: 'self-issued ones do not count',
    sent: [
      leaf(ca('Flat', ca('Flat', root, { pathLength: 0, kind: 'P-384' }))),
      ca('Flat', ca('Flat', root, { pathLength: 0, kind: 'P-384' })).certificate,
      ca('Flat', root, { pathLength: 0, kind: 'P-384' }).certificate,
    ],
    length: 4,
  },
  {
    what: 'more intermediates than allowed',
    sent: [leaf(lower), l, m],
    options: { maxDepth: 1 },
    fault: [22, 2, /more than 1 intermediate/],
  },
  { what: 'none allowed', sent: [leaf(middle), m], options: { maxDepth: 0 }, fault: [22, 1, /more than 0/] },

  { what: 'a spoilt signature', sent: [spoilt(leaf(root))], fault: [7, 0, /was not made by/] },
  { what: 'a spoilt intermediate', sent: [leaf(middle), spoilt(m)], fault: [7, 1, /Middle" was not made by/] },
  {
    what: "another's key under the same name",
    sent: [leaf(ca('Root', undefined, { kind: 'P-384' }))],
    fault: [20, 0, /neither among/],
  },
  {
    what: 'a leaf with an unknown critical extension',
    sent: [leaf(root, { extensions: [critical('1.2.3.4')] })],
    fault: [34, 0, /1\.2\.3\.4/],
  },
  {
    what: 'a CA with one',
    sent: under(ca('Odd', root, { extensions: [critical('1.2.3.4')] })),
    fault: [34, 1, /1\.2\.3\.4/],
  },
  {
    what: 'a way around it',
    sent: [leaf(middle), ca('Middle', root, { extensions: [critical('1.2.3.4')] }).certificate, m],
  },
  {
    what: 'a policy that a CA demands and that is not there',
    sent: under(
      ca('Policy', root, {
        extensions: [
          { oid: knownOid('policyConstraints'), critical: true, value: sequence(der(primitive(0), Uint8Array.of(0))) },
        ],
      }),
    ),
    fault: [43, 0, /under a policy that holds from the anchor down/],
  },
  {
    what: 'a malformed extension that is known',
    sent: [leaf(root, { extensions: [{ oid: knownOid('authorityInfoAccess'), critical: false, value: sequence() }] })],
    fault: [41, 0, /authorityInfoAccess/],
  },

  { what: 'within permitted names', sent: constrained(0, 'example.com', 'example.org') },
  {
    what: 'constraints that are malformed',
    sent: constrained(1, 'org', '.example.net'),
    fault: [52, 0, /"DNS:.example.net", which is malformed/],
  },
  {
    what: 'outside permitted names',
    sent: constrained(0, 'example.org'),
    fault: [47, 0, /"DNS:example.com" is not among/],
  },
  {
    what: 'within excluded names',
    sent: constrained(1, 'com'),
    fault: [48, 0, /"DNS:example.com" is excluded by "DNS:com"/],
  },
  { what: 'only other kinds excluded', sent: constrained(1, 'nobody@example.org') },

  { what: 'a weak key', sent: [leaf(root, { kind: 'rsa-1024' })], fault: [66, 0, /RSA, 1024 bits/] },
  { what: 'a weak key allowed', sent: [leaf(root, { kind: 'rsa-1024' })], options: { securityLevel: 1 } },
  { what: 'a weak CA', sent: under(ca('Weak', root, { kind: 'rsa-1024' })), fault: [67, 1, /RSA, 1024/] },
  { what: 'SHA-1', sent: [leaf(root, { sign: { kind: 'ecdsa', hash: 'sha1' } })], fault: [68, 0, /ecdsaWithSHA1/] },
  {
    what: 'SHA-1 allowed',
    sent: [leaf(root, { sign: { kind: 'ecdsa', hash: 'sha1' } })],
    options: { securityLevel: 1 },
  },
  {
    what: 'SHA-1 in the anchor',
    sent: [leaf(ca('Old', undefined, { sign: { kind: 'ecdsa', hash: 'sha1' } }))],
    anchors: [ca('Old', undefined, { sign: { kind: 'ecdsa', hash: 'sha1' } }).certificate],
  },
  { what: 'a high level', sent: [leaf(root)], options: { securityLevel: 4 }, fault: [66, 0, /EC, P-256/] },

  { what: 'no certificate', sent: [], fault: [69, 0, /no certificate/] },
]

/** The same provider, whose every answer comes late. */
const late: Provider = {
  ...node,
  publicKey: async (spki) => {
    const key = await node.publicKey(spki)
    return { ...key, verify: async (...args) => key.verify(...args) }
  },
}

const check = async (row: Row, provider: Provider): Promise<void> => {
  const about: About = { provider, purpose: 'server', name: 'example.com', time: NOW, ...row.about }
  const task = buildPath(row.sent, about, { anchors: row.anchors ?? [r], ...row.options })
  const answer = async () => (provider === node ? runSync(task) : runAsync(task))
  if (!row.fault) {
    const verified = await answer()
    assert.equal(verified.code, 0)
    assert.equal(verified.chain[0], row.sent[0])
    if (row.length !== undefined) assert.equal(verified.chain.length, row.length)
    return
  }
  const [code, depth, says] = row.fault
  await assert.rejects(answer, (error: unknown) => {
    assert.ok(error instanceof CertificateError, String(error))
    assert.deepEqual([error.code, error.depth], [code, depth], error.message)
    assert.match(error.message, says)
    return true
  })
}

for (const row of rows) {
  test(`paths: ${row.what}`, async () => {
    await check(row, node)
    await check(row, late)
  })
}

test('paths: the leaf itself may be the anchor, self-signed or with partial chains', () => {
  const own = leaf()
  const issued = leaf(middle)
  const about: About = { provider: node, purpose: 'server', name: 'example.com', time: NOW }
  const { chain, name } = runSync(buildPath([own], about, { anchors: [own] }))
  assert.deepEqual(chain, [own])
  assert.equal(name, 'example.com')
  assert.equal(runSync(buildPath([issued], about, { anchors: [issued], partialChain: true })).chain.length, 1)
  assert.throws(() => runSync(buildPath([issued], about, { anchors: [issued] })), { code: 2 })
})

test('paths: two places that name the signature algorithm must agree', () => {
  const good = leaf(root)
  // ecdsa-with-SHA256 and -SHA384 differ in their last octet; the outer one is the last in the bytes
  const bytes = good.raw.slice()
  const at = Buffer.from(bytes).lastIndexOf(derOid(knownOid('ecdsaWithSHA256')))
  bytes[at + 9] = 3
  const about: About = { provider: node, purpose: 'server', name: 'example.com', time: NOW }
  assert.throws(() => runSync(buildPath([parseCertificate(bytes)], about, { anchors: [r] })), {
    code: 7,
    message: /two different signature algorithms/,
  })
})

test('paths: a server without a name to check is refused, unless that is allowed', () => {
  const about: About = { provider: node, purpose: 'server', time: NOW }
  assert.throws(() => verifier({ anchors: [r] }).verify([leaf(root)], about), {
    code: 69,
    message: /no name was given/,
  })
  const verified = verifier({ anchors: [r], noName: true }).verify([leaf(root)], about) as Verified
  assert.deepEqual([verified.code, verified.name], [0, undefined])
})

test('paths: settings that would switch checks off by mistake are refused', () => {
  const about: About = { provider: node, purpose: 'server', name: 'example.com', time: NOW }
  const verify = (change: Partial<About>, options: Partial<VerifierOptions>) =>
    runSync(buildPath([leaf(root)], { ...about, ...change }, { anchors: [r], ...options }))
  assert.throws(() => verify({ time: Number.NaN }, {}), { name: 'Misuse', message: /no time/ })
  assert.throws(() => verify({}, { securityLevel: 9 as 5 }), { name: 'Misuse', message: /no security level 9/ })
})

test('paths: trustAnyone takes what nobody else would', () => {
  const chain = [spoilt(leaf(other))]
  const verified = trustAnyone.verify(chain, { provider: node, purpose: 'server', time: 0 }) as Verified
  assert.equal(verified.chain, chain)
  // never the code of what was verified
  assert.equal(verified.code, 1)
})

/** The calls of the callback, as `ok depth code`. */
const heard = (
  sent: readonly Certificate[],
  anchors: readonly Certificate[],
  answer: (report: CertificateReport) => boolean,
  options: Partial<VerifierOptions> = {},
) => {
  const calls: string[] = []
  const onCertificate = (report: CertificateReport): boolean => {
    calls.push(`${report.ok ? 1 : 0} ${report.depth} ${report.code}`)
    return answer(report)
  }
  const about: About = { provider: node, purpose: 'server', name: 'example.com', time: NOW }
  try {
    const { code } = runSync(buildPath(sent, about, { anchors, onCertificate, ...options }))
    return { calls, code }
  } catch (error) {
    return { calls, failed: (error as CertificateError).code }
  }
}

test('paths: the callback hears of every certificate from the top down', () => {
  assert.deepEqual(
    heard([leaf(middle), m], [r], () => true),
    { calls: ['1 2 0', '1 1 0', '1 0 0'], code: 0 },
  )
})
test('paths: a callback that refuses a good certificate leaves the unspecified error', () => {
  assert.deepEqual(
    heard([leaf(middle), m], [r], () => false),
    { calls: ['1 2 0'], failed: 1 },
  )
})
test('paths: a callback that tolerates everything leaves the last error', () => {
  assert.deepEqual(
    heard([leaf(middle), m], [], () => true),
    { calls: ['0 1 20', '1 0 20'], code: 20 },
  )
  assert.deepEqual(
    heard([leaf(middle)], [], () => true),
    { calls: ['0 0 20', '0 0 21'], code: 21 },
  )
  assert.deepEqual(
    heard([leaf()], [], () => true),
    { calls: ['0 0 18', '1 0 18'], code: 18 },
  )
})
test('paths: a callback that does not tolerate an error ends with it', () => {
  assert.deepEqual(
    heard([leaf(middle), m], [], ({ ok }) => ok),
    { calls: ['0 1 20'], failed: 20 },
  )
  const wrong = { names: ['example.org'] }
  assert.deepEqual(
    heard([leaf(root)], [r], ({ ok }) => ok, wrong),
    { calls: ['0 0 62'], failed: 62 },
  )
  assert.deepEqual(
    heard([leaf(root)], [r], () => true, wrong),
    { calls: ['0 0 62', '1 1 62', '1 0 62'], code: 62 },
  )
})

/** Counts the signatures that are verified. */
const counting = (): { provider: Provider; count: () => number } => {
  let count = 0
  const publicKey: Provider['publicKey'] = (spki) => {
    const key = node.publicKey(spki) as Exclude<ReturnType<Provider['publicKey']>, Promise<unknown>>
    return {
      ...key,
      verify: (...args) => {
        count++
        return key.verify(...args)
      },
    }
  }
  return { provider: { ...node, publicKey }, count: () => count }
}

test('paths: many issuers of one name cost a bounded number of signatures', () => {
  const impostors = Array.from({ length: 150 }, (_, i) => {
    const key = node.generate('P-256') as PrivateKey
    const recipe: CertificateRecipe = {
      subject: { CN: 'Middle' },
      key,
      signer: root.key,
      issuer: r,
      notBefore: NOW - DAY,
      days: 30,
      ca: true,
      serial: Uint8Array.of(1, i),
    }
    return makeCertificate(recipe, node) as Certificate
  })
  const { provider, count } = counting()
  const about: About = { provider, purpose: 'server', name: 'example.com', time: NOW }
  // the leaf's own issuer is not among them
  const sent = [leaf(ca('Middle', root, { kind: 'P-384' })), ...impostors]
  assert.throws(() => runSync(buildPath(sent, about, { anchors: [r] })), {
    code: 28,
    message: /more than 100 signatures/,
  })
  assert.equal(count(), 100)
})

test('paths: a maze of cross-signs without an exit costs little', () => {
  // every level is signed by both of the next; the last constrains names so that no way is good
  const last = ['Top 0', 'Top 1'].map((who) => ca(who, root, { extensions: [constraint(0, 'example.org')] }))
  let above = last
  const all = [...last]
  for (let level = 0; level < 8; level++) {
    const names = [`Level ${level} a`, `Level ${level} b`]
    const crossed = names.flatMap((who) => above.map((issuer) => ca(who, issuer)))
    all.push(...crossed)
    above = names.map((who) => ({
      key: keyOf(who),
      certificate: crossed.find(({ certificate }) => certificate.subject.get('CN') === who)?.certificate as Certificate,
    }))
  }
  const { provider, count } = counting()
  const about: About = { provider, purpose: 'server', name: 'example.com', time: NOW }
  const sent = [leaf(above[0] as Holder), ...all.map(({ certificate }) => certificate)]
  assert.throws(() => runSync(buildPath(sent, about, { anchors: [r], maxDepth: 20 })), CertificateError)
  assert.ok(count() <= 100, `${count()} signatures`)
})

test('paths: a serial number below zero is refused', () => {
  const good = leaf(root, { serial: Uint8Array.of(0x7f, 1) })
  const bytes = good.raw.slice()
  const at = Buffer.from(bytes).indexOf(derInteger(Uint8Array.of(0x7f, 1)))
  bytes[at + 2] = 0x80
  const about: About = { provider: node, purpose: 'server', name: 'example.com', time: NOW }
  assert.throws(() => runSync(buildPath([parseCertificate(bytes)], about, { anchors: [r] })), {
    code: 28,
    message: /negative/,
  })
})

test('paths: a refusal says the path, the certificate, the rule and what would mend it', () => {
  const url = 'http://ca.example/middle.cer'
  const access = {
    oid: knownOid('authorityInfoAccess'),
    critical: false,
    value: sequence(sequence(derOid(knownOid('caIssuers')), encodeGeneralName({ type: 'uri', value: url }))),
  }
  const explained = (sent: readonly Certificate[], change: Partial<About> = {}) => {
    const about: About = { provider: node, purpose: 'server', name: 'example.com', time: NOW, ...change }
    try {
      runSync(buildPath(sent, about, { anchors: [r] }))
    } catch (error) {
      return (error as CertificateError).explanation
    }
    return undefined
  }
  assert.deepEqual(explained([leaf(middle, { extensions: [access] })]), {
    path: ['CN=leaf'],
    certificate: 'CN=leaf',
    rule: 'RFC 5280 section 6.1',
    remedy: `the peer did not send the intermediate "CN=Middle", and must; the certificate says it is at ${url}`,
  })
  const late = explained([leaf(middle), m], { time: NOW + 31 * DAY })
  assert.deepEqual(late?.path, ['CN=leaf', 'CN=Middle', 'CN=Root'])
  assert.equal(late?.rule, 'RFC 5280 section 6.1.3 (a)(2)')
  assert.match(late?.remedy ?? '', /clock/)
  assert.match(explained([leaf(root)], { name: 'a.example' })?.rule ?? '', /RFC 9525/)
  assert.equal(explained([leaf(root)]), undefined)
})
