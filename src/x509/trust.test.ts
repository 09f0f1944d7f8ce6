import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat } from '../bytes/compare.ts'
import { node } from '../crypto/node/index.ts'
import { CertificateError } from '../errors.ts'
import { type Maybe, runSync, wait } from '../task.ts'
import type { Certificate } from './certificate.ts'
import type { RevocationList } from './crl.ts'
import { constructed, DerError, der, derOctets, derOid, sequence, tags } from './der.ts'
import { loadCertificates } from './load.ts'
import { type CertificateRecipe, makeCertificate } from './make.ts'
import { makeCrl } from './make-revocation.ts'
import { knownOid } from './oids.ts'
import { buildPath } from './path.ts'
import { writePem } from './pem.ts'
import { Store } from './store.ts'
import { certificateText } from './text.ts'

const now = <T>(answer: Maybe<T>): T => runSync(wait(answer))
const NOW = Date.UTC(2026, 5, 1)
const [rootKey, middleKey, key] = [
  now(node.generate('P-256')),
  now(node.generate('P-256')),
  now(node.generate('P-256')),
]
const made = (recipe: Omit<CertificateRecipe, 'notBefore'> & { readonly notBefore?: number }): Certificate =>
  now(makeCertificate({ notBefore: NOW - 86_400_000, ...recipe }, node))
const root = made({ subject: { CN: 'Root' }, key: rootKey, signer: rootKey, ca: true })
const rootForClients = made({
  subject: { CN: 'Root' },
  key: rootKey,
  signer: rootKey,
  ca: true,
  extKeyUsage: ['clientAuth'],
})
const middle = made({ subject: { CN: 'Middle' }, key: middleKey, issuer: root, signer: rootKey, ca: true })
const leaf = made({ subject: {}, key, issuer: middle, signer: middleKey, san: ['example.com'] })

/** Another certificate of Middle's, the likelier one, which leads to somebody who must not issue, and above to another root. */
const otherKey = now(node.generate('P-256'))
const otherRoot = made({ subject: { CN: 'Other root' }, key: otherKey, signer: otherKey, ca: true })
const lapsed = made({
  subject: { CN: 'Lapsed' },
  key: otherKey,
  issuer: otherRoot,
  signer: otherKey,
  ca: true,
  notBefore: NOW - 100 * 86_400_000,
  days: 10,
})
const detour = made({
  subject: { CN: 'Middle' },
  key: middleKey,
  issuer: lapsed,
  signer: otherKey,
  ca: true,
  days: 4000,
})

/** As `openssl x509 -trustout` writes it: "+" before purposes it is trusted for, "-" before those it is not. */
const noted = (certificate: Certificate, ...notes: readonly string[]): Certificate => {
  const list = (sign: string): Uint8Array[] =>
    notes.filter((note) => note.startsWith(sign)).map((note) => derOid(knownOid(note.slice(1))))
  const parts = [
    ...(list('+').length > 0 ? [sequence(...list('+'))] : []),
    ...(list('-').length > 0 ? [der(constructed(0), ...list('-'))] : []),
  ]
  return trusted(certificate, sequence(...parts))
}
const trusted = ({ raw }: Certificate, settings: Uint8Array): Certificate =>
  loadCertificates(writePem('TRUSTED CERTIFICATE', concat(raw, settings)))[0] as Certificate

const SERVER = 'serverAuth'
const CLIENT = 'clientAuth'
const ANY = 'anyExtendedKeyUsage'

interface Row {
  readonly what: string
  readonly anchors: readonly Certificate[]
  readonly sent?: readonly Certificate[]
  readonly partialChain?: true
  readonly anyPurpose?: true
  /** The X509_V number; undefined: accepted. */
  readonly code?: number
  /** How many certificates the path has. */
  readonly length?: number
}
const rows: readonly Row[] = [
  { what: 'a root without notes', anchors: [root], length: 3 },
  { what: 'a root with empty notes', anchors: [trusted(root, sequence())], length: 3 },
  { what: 'trusted for servers', anchors: [noted(root, `+${SERVER}`)] },
  { what: 'trusted for anything', anchors: [noted(root, `+${ANY}`)] },
  { what: 'trusted for clients only', anchors: [noted(root, `+${CLIENT}`)], code: 28 },
  { what: 'not for servers', anchors: [noted(root, `-${SERVER}`)], code: 28 },
  { what: 'not for servers and for servers', anchors: [noted(root, `+${SERVER}`, `-${SERVER}`)], code: 28 },
  { what: 'not for anything', anchors: [noted(root, `-${ANY}`)], code: 28 },
  { what: 'not for clients', anchors: [noted(root, `-${CLIENT}`)] },
  { what: 'for clients by its own words', anchors: [rootForClients], code: 26 },
  { what: 'for clients by its own words, for servers by notes', anchors: [noted(rootForClients, `+${SERVER}`)] },
  { what: 'not for servers, whatever the purpose', anchors: [noted(root, `-${SERVER}`)], anyPurpose: true },
  { what: 'an intermediate without notes is no anchor', anchors: [middle], code: 2 },
  { what: 'an intermediate trusted for servers is', anchors: [noted(middle, `+${SERVER}`)], length: 2 },
  { what: 'it ends the path', anchors: [root, noted(middle, `+${SERVER}`)], length: 2 },
  { what: 'with notes about others it does not', anchors: [root, noted(middle, `-${CLIENT}`)], length: 3 },
  { what: 'a good root does not help a bad one', anchors: [root, noted(middle, `-${SERVER}`)], code: 28 },
  { what: 'nor one that is for others', anchors: [root, noted(middle, `+${CLIENT}`)], code: 28 },
  {
    what: 'a bad root behind one who may not issue does not spoil a good one',
    anchors: [root, noted(otherRoot, `-${SERVER}`)],
    sent: [leaf, detour, lapsed, middle],
    length: 3,
  },
  { what: 'notes in what the peer sends do not count', anchors: [root], sent: [leaf, noted(middle, `-${SERVER}`)] },
  { what: 'nor do they lend trust', anchors: [], sent: [leaf, noted(middle, `+${SERVER}`)], code: 20 },
  { what: 'a leaf with notes is no anchor', anchors: [noted(leaf, `+${SERVER}`)], sent: [leaf], code: 2 },
  { what: 'where paths may be partial it is', anchors: [noted(leaf, `+${SERVER}`)], partialChain: true, length: 1 },
  { what: 'and may be refused', anchors: [noted(leaf, `-${SERVER}`)], partialChain: true, code: 28 },
]
for (const { what, anchors, sent = [leaf, middle], code, length, ...options } of rows) {
  test(`trust settings: ${what}`, () => {
    const about = { provider: node, purpose: 'server', name: 'example.com', time: NOW } as const
    const verify = () => runSync(buildPath(sent, about, { anchors: new Store(anchors), ...options }))
    if (code !== undefined) assert.throws(verify, (error) => error instanceof CertificateError && error.code === code)
    else if (length !== undefined) assert.equal(verify().chain.length, length)
    else assert.ok(verify())
  })
}

test('trust settings: who signs lists below an anchor for servers needs no more than that', () => {
  const signer = now(node.generate('P-256'))
  const lister = made({
    subject: { CN: 'Middle' },
    key: signer,
    issuer: root,
    signer: rootKey,
    keyUsage: ['cRLSign'],
    extKeyUsage: [],
  })
  const lists = [
    { issuer: lister, signer },
    { issuer: root, signer: rootKey },
  ].map((by) => makeCrl({ ...by, thisUpdate: NOW - 1000, number: 1 }, node) as RevocationList)
  const about = { provider: node, purpose: 'server', name: 'example.com', time: NOW } as const
  const revocation = { crl: 'require', requireFor: 'leaf', lists } as const
  const anchors = [noted(root, `+${SERVER}`)]
  assert.ok(runSync(buildPath([leaf, middle, lister], about, { anchors, revocation })))
})

test('trust settings: they stay with the certificate, whichever copy comes first', () => {
  const note = noted(root, `-${SERVER}`)
  for (const both of [
    [root, note],
    [note, root],
  ])
    assert.equal(new Store(both).kept(root)?.trust?.rejected?.length, 1)
})

test('trust settings: they are shown, and malformed ones refused', () => {
  const settings = sequence(
    sequence(derOid(knownOid(SERVER)), derOid(knownOid(CLIENT))),
    der(tags.utf8String, new TextEncoder().encode('mine')),
    derOctets(Uint8Array.of(0xab, 1)),
  )
  assert.ok(
    certificateText(trusted(root, settings)).endsWith(
      [
        'Trusted Uses:',
        '  TLS Web Server Authentication, TLS Web Client Authentication',
        'No Rejected Uses.',
        'Alias: mine',
        'Key Id: AB:01',
        '',
      ].join('\n'),
    ),
  )
  assert.throws(() => trusted(root, sequence(derOctets(Uint8Array.of(1)), sequence())), DerError)
  assert.throws(() => trusted(root, concat(sequence(), sequence())), DerError)
})
