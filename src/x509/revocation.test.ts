import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hex } from '../bytes/text.ts'
import { node } from '../crypto/node/index.ts'
import type { PrivateKey, Provider } from '../crypto/provider.ts'
import { CertificateError } from '../errors.ts'
import { runAsync, runSync } from '../task.ts'
import type { Certificate } from './certificate.ts'
import { parseCrl, type RevocationList, type RevocationReason } from './crl.ts'
import { constructed, der, derOctets, derOid, primitive, sequence } from './der.ts'
import type { Extension } from './extensions.ts'
import { type CertificateRecipe, encodeGeneralName, makeCertificate } from './make.ts'
import { type CrlRecipe, encodeReasons, makeCrl, makeOcspResponse, type OcspRecipe } from './make-revocation.ts'
import { ocspRequest, ocspUrl, parseOcsp } from './ocsp.ts'
import { knownOid } from './oids.ts'
import { buildPath, type VerifierOptions, verifier } from './path.ts'
import type { RevocationOptions } from './revocation.ts'
import type { About } from './verifier.ts'

const NOW = Date.UTC(2026, 5, 1)
const DAY = 86_400_000

interface Holder {
  readonly key: PrivateKey
  readonly certificate: Certificate
}
type Change = Partial<Omit<CertificateRecipe, 'issuer' | 'signer' | 'key'>>

const make = (who: string, issuer: Holder | undefined, change: Change): Holder => {
  const key = node.generate('P-256') as PrivateKey
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
const leafOf = (issuer: Holder, change: Change = {}): Certificate =>
  make('leaf', issuer, { san: ['example.com'], ...change }).certificate

const uri = (value: string) => ({ type: 'uri', value }) as const
const point = (names: readonly string[], reasons?: readonly RevocationReason[], issuer?: Holder): Uint8Array =>
  sequence(
    ...(names.length > 0
      ? [der(constructed(0), der(constructed(0), ...names.map((name) => encodeGeneralName(uri(name)))))]
      : []),
    ...(reasons ? [der(primitive(1), encodeReasons(reasons))] : []),
    ...(issuer ? [der(constructed(2), der(constructed(4), issuer.certificate.subject.raw))] : []),
  )
const points = (...all: readonly Uint8Array[]): Extension => ({
  oid: knownOid('cRLDistributionPoints'),
  critical: false,
  value: sequence(...all),
})
const access = (method: 'ocsp' | 'caIssuers', url: string): Extension => ({
  oid: knownOid('authorityInfoAccess'),
  critical: false,
  value: sequence(sequence(derOid(knownOid(method)), encodeGeneralName(uri(url)))),
})

const root = ca('Root')
const middle = ca('Middle', root)
const leaf = leafOf(middle)
const serial = leaf.serial
const revokedAt = NOW - DAY
const list = (issuer: Holder, change: Partial<CrlRecipe> = {}): RevocationList =>
  makeCrl(
    { issuer: issuer.certificate, signer: issuer.key, thisUpdate: NOW - DAY, number: 1, ...change },
    node,
  ) as RevocationList
const revoking = (issuer: Holder, change: Partial<CrlRecipe> = {}, reason: RevocationReason = 'keyCompromise') =>
  list(issuer, { revoked: [{ serial, date: revokedAt, reason }], ...change })
const aboveIsFine = list(root)

interface Row {
  readonly what: string
  readonly crl?: RevocationOptions['crl']
  readonly lists?: readonly RevocationList[]
  readonly options?: Partial<RevocationOptions>
  readonly sent?: readonly Certificate[]
  readonly verifier?: Partial<VerifierOptions>
  readonly about?: Partial<About>
  /** X509_V number and a part of the sentence; nothing when it is good. */
  readonly fault?: readonly [code: number, says: RegExp]
}

const indirect = ca('Lister', root)
const signer = make('Middle', root, { keyUsage: ['cRLSign'], extKeyUsage: [] })
const stranger = ca('Middle')
const mute = ca('Mute', root, { keyUsage: ['keyCertSign'] })
const byMute = leafOf(mute)
const atPoint = leafOf(middle, { extensions: [points(point(['http://a.example/1', 'http://a.example/2']))] })
const byReason = leafOf(middle, {
  extensions: [points(point(['http://a.example/k'], ['keyCompromise']), point(['http://a.example/r']))],
})
const byLister = leafOf(middle, { extensions: [points(point(['http://a.example/i'], undefined, indirect))] })
const critical = (oid: string): Extension => ({ oid, critical: true, value: Uint8Array.of(5, 0) })
const spoiltList = ({ raw }: RevocationList): RevocationList => {
  const bytes = raw.slice()
  bytes[bytes.length - 3] = (bytes[bytes.length - 3] as number) ^ 1
  return parseCrl(bytes)
}
const names = (...urls: readonly string[]) => ({ names: urls.map(uri) })

const lists: readonly Row[] = [
  { what: 'nothing is asked', crl: 'ignore', lists: [revoking(middle)] },
  { what: 'nothing is known and nothing demanded', crl: 'check' },
  {
    what: 'nothing is known',
    crl: 'require',
    fault: [3, /there is no revocation list for the certificate "CN=(Middle|leaf)"/],
  },
  { what: 'all is fine', crl: 'require', lists: [list(middle), aboveIsFine] },
  { what: 'the leaf alone is asked about', crl: 'require', lists: [list(middle)], options: { requireFor: 'leaf' } },
  { what: 'the intermediate is not on record', crl: 'require', lists: [list(middle)], fault: [3, /"CN=Middle"/] },
  {
    what: 'the leaf is revoked',
    crl: 'check',
    lists: [revoking(middle)],
    fault: [23, /"CN=leaf" was revoked on 2026-05-31T00:00:00Z \(keyCompromise\), says the list of "CN=Middle"/],
  },
  {
    what: 'the intermediate is revoked',
    crl: 'check',
    lists: [list(root, { revoked: [{ serial: middle.certificate.serial, date: revokedAt }] })],
    fault: [23, /"CN=Middle" was revoked.*unspecified/],
  },
  {
    what: 'another is revoked',
    crl: 'require',
    lists: [revoking(middle, { revoked: [{ serial: Uint8Array.of(1), date: revokedAt }] }), aboveIsFine],
  },
  {
    what: 'the list is over',
    crl: 'require',
    lists: [list(middle, { thisUpdate: NOW - 8 * DAY }), aboveIsFine],
    fault: [12, /was good until/],
  },
  {
    what: 'the list is over, and nothing demanded',
    crl: 'check',
    lists: [revoking(middle, { thisUpdate: NOW - 8 * DAY })],
  },
  {
    what: 'the list is of tomorrow',
    crl: 'require',
    lists: [list(middle, { thisUpdate: NOW + DAY }), aboveIsFine],
    fault: [11, /it is 2026/],
  },
  {
    what: 'the list is spoilt',
    crl: 'require',
    lists: [spoiltList(list(middle)), aboveIsFine],
    fault: [8, /did not sign/],
  },
  { what: 'a spoilt list that revokes proves nothing', crl: 'check', lists: [spoiltList(revoking(middle))] },
  {
    what: 'a stranger of the same name signed',
    crl: 'require',
    lists: [list(stranger), aboveIsFine],
    fault: [8, /did not sign/],
  },
  {
    what: 'a stranger that was sent along signed',
    crl: 'require',
    lists: [list(stranger), aboveIsFine],
    sent: [leaf, middle.certificate, stranger.certificate],
    fault: [54, /no good path to the trust anchor/],
  },
  {
    what: 'the issuer may not sign lists',
    crl: 'require',
    sent: [byMute, mute.certificate],
    lists: [list(mute), aboveIsFine],
    fault: [35, /does not allow signing revocation lists/],
  },
  {
    what: 'the issuer has another key for lists',
    crl: 'require',
    sent: [leaf, middle.certificate, signer.certificate],
    lists: [revoking(signer), aboveIsFine],
    fault: [23, /revoked/],
  },
  {
    what: 'that other key is revoked itself',
    crl: 'require',
    sent: [leaf, middle.certificate, signer.certificate],
    lists: [list(signer), list(root, { revoked: [{ serial: signer.certificate.serial, date: revokedAt }] })],
    fault: [54, /no good path/],
  },
  { what: 'for users only', crl: 'require', lists: [list(middle, { scope: { only: 'users' } }), aboveIsFine] },
  {
    what: 'for CAs only',
    crl: 'require',
    lists: [list(middle, { scope: { only: 'cas' } }), aboveIsFine],
    fault: [44, /about certificates of CAs only/],
  },
  {
    what: 'for attributes only',
    crl: 'require',
    lists: [list(middle, { scope: { only: 'attributes' } }), aboveIsFine],
    fault: [44, /attribute/],
  },
  { what: 'for CAs, asked of a CA', crl: 'require', lists: [list(middle), list(root, { scope: { only: 'cas' } })] },
  {
    what: 'for users, asked of a CA',
    crl: 'require',
    lists: [list(middle), list(root, { scope: { only: 'users' } })],
    fault: [44, /users only/],
  },
  {
    what: 'at its point',
    crl: 'require',
    sent: [atPoint, middle.certificate],
    lists: [list(middle, { scope: names('http://a.example/2') }), aboveIsFine],
  },
  {
    what: 'at another point',
    crl: 'require',
    sent: [atPoint, middle.certificate],
    lists: [list(middle, { scope: names('http://a.example/3') }), aboveIsFine],
    fault: [44, /for another distribution point/],
  },
  {
    what: 'some reasons only',
    crl: 'require',
    sent: [byReason, middle.certificate],
    lists: [list(middle, { scope: { ...names('http://a.example/k'), reasons: ['keyCompromise'] } }), aboveIsFine],
    fault: [3, /do not cover all reasons/],
  },
  {
    what: 'all reasons from two lists',
    crl: 'require',
    sent: [byReason, middle.certificate],
    lists: [
      list(middle, { scope: { ...names('http://a.example/k'), reasons: ['keyCompromise'] } }),
      list(middle, { scope: names('http://a.example/r') }),
      aboveIsFine,
    ],
  },
  {
    what: 'an indirect list',
    crl: 'require',
    sent: [byLister, middle.certificate, indirect.certificate],
    lists: [list(indirect, { scope: { indirect: true } }), aboveIsFine],
  },
  {
    what: 'revoked by an indirect list',
    crl: 'check',
    sent: [byLister, middle.certificate, indirect.certificate],
    lists: [
      list(indirect, {
        scope: { indirect: true },
        revoked: [{ serial: byLister.serial, date: revokedAt, issuer: middle.certificate }],
      }),
    ],
    fault: [23, /says the list of "CN=Lister"/],
  },
  {
    what: 'the same number of another issuer on an indirect list',
    crl: 'require',
    sent: [byLister, middle.certificate, indirect.certificate],
    lists: [
      list(indirect, { scope: { indirect: true }, revoked: [{ serial: byLister.serial, date: revokedAt }] }),
      aboveIsFine,
    ],
  },
  {
    what: "another issuer's list that is not indirect",
    crl: 'require',
    sent: [byLister, middle.certificate, indirect.certificate],
    lists: [list(indirect), aboveIsFine],
    fault: [44, /not indirect/],
  },
  {
    what: 'revoked by a delta',
    crl: 'check',
    lists: [list(middle, { number: 5 }), revoking(middle, { number: 6, base: 5 })],
    fault: [23, /leaf/],
  },
  {
    what: 'released by a delta',
    crl: 'require',
    lists: [
      revoking(middle, { number: 5 }, 'certificateHold'),
      revoking(middle, { number: 6, base: 4 }, 'removeFromCRL'),
      aboveIsFine,
    ],
  },
  {
    what: 'a delta of a later list does not count',
    crl: 'require',
    lists: [list(middle, { number: 5 }), revoking(middle, { number: 8, base: 7 }), aboveIsFine],
  },
  {
    what: 'a delta alone is no proof',
    crl: 'require',
    lists: [list(middle, { number: 6, base: 5 }), aboveIsFine],
    fault: [3, /no revocation list/],
  },
  {
    what: 'a critical distribution point that is heeded',
    crl: 'require',
    sent: [
      leafOf(middle, { extensions: [{ ...points(point(['http://a.example/1'])), critical: true }] }),
      middle.certificate,
    ],
    lists: [list(middle), aboveIsFine],
  },
  {
    what: 'a critical distribution point that nobody heeds',
    crl: 'ignore',
    sent: [
      leafOf(middle, { extensions: [{ ...points(point(['http://a.example/1'])), critical: true }] }),
      middle.certificate,
    ],
    fault: [34, /cRLDistributionPoints/],
  },
]

const responder = make('Responder', middle, {
  extKeyUsage: ['ocspSigning'],
  extensions: [{ oid: knownOid('ocspNoCheck'), critical: false, value: Uint8Array.of(5, 0) }],
})
const checkable = make('Responder', middle, { extKeyUsage: ['ocspSigning'] })
const unfit = make('Responder', middle, { extKeyUsage: ['serverAuth'] })
const over = make('Responder', middle, { extKeyUsage: ['ocspSigning'], days: 20 })
const foreign = make('Responder', root, { extKeyUsage: ['ocspSigning'] })

const answer = (
  who: Holder,
  status: OcspRecipe['answers'][number]['status'] = 'good',
  change: Partial<OcspRecipe> = {},
  single: Partial<OcspRecipe['answers'][number]> = {},
): Uint8Array => {
  const recipe: OcspRecipe = {
    responder: who.certificate,
    signer: who.key,
    producedAt: NOW - DAY,
    answers: [{ certificate: leaf, issuer: middle.certificate, status, ...single }],
    ...(who !== middle && { certificates: [who.certificate] }),
    ...change,
  }
  return (makeOcspResponse(recipe, node) as { raw: Uint8Array }).raw
}
const bad = { revokedAt, reason: 'superseded' } as const
const require = { ocsp: 'require', requireFor: 'leaf' } as const
const stapled = (ocsp: Uint8Array): Partial<About> => ({ ocsp })
const spoilt = (bytes: Uint8Array, at: number): Uint8Array => {
  const copy = bytes.slice()
  copy[copy.length + at] = (copy[copy.length + at] as number) ^ 1
  return copy
}
const tryLater = Uint8Array.of(0x30, 3, 0x0a, 1, 3)
const mustStaple = leafOf(middle, {
  extensions: [{ oid: knownOid('tlsFeature'), critical: false, value: Uint8Array.of(0x30, 3, 2, 1, 5) }],
})

const responses: readonly Row[] = [
  { what: 'the issuer says good', options: require, about: stapled(answer(middle)) },
  { what: 'the issuer, by its name', options: require, about: stapled(answer(middle, 'good', { by: 'name' })) },
  { what: 'given instead of stapled', options: { ...require, responses: [answer(middle)] } },
  {
    what: 'the issuer says revoked, without any setting',
    about: stapled(answer(middle, bad)),
    fault: [23, /2026-05-31T00:00:00Z \(superseded\), says OCSP/],
  },
  { what: 'revoked, and ignored', options: { ocsp: 'ignore' }, about: stapled(answer(middle, bad)) },
  {
    what: 'given good, and given revoked',
    options: { responses: [answer(middle), answer(middle, bad)] },
    fault: [23, /superseded/],
  },
  { what: 'nothing', options: require, fault: [73, /no OCSP response/] },
  {
    what: 'nothing for the intermediate',
    options: { ocsp: 'require' },
    about: stapled(answer(middle)),
    fault: [73, /"CN=Middle"/],
  },
  { what: 'unknown', options: require, about: stapled(answer(middle, 'unknown')), fault: [75, /does not know/] },
  { what: 'unknown, and nothing demanded', about: stapled(answer(middle, 'unknown')) },
  { what: 'a delegate says good', options: require, about: stapled(answer(responder)) },
  { what: 'a delegate, by its name', options: require, about: stapled(answer(responder, 'good', { by: 'name' })) },
  { what: 'a delegate says revoked', about: stapled(answer(responder, bad)), fault: [23, /superseded/] },
  {
    what: 'a delegate that was not sent',
    options: require,
    about: stapled(answer(responder, 'good', { certificates: [] })),
    fault: [74, /not authorised/],
  },
  {
    what: 'a delegate for another purpose',
    options: require,
    about: stapled(answer(unfit)),
    fault: [74, /not for signing OCSP responses/],
  },
  {
    what: 'a delegate that is over',
    options: require,
    about: stapled(answer(over)),
    fault: [74, /not valid at this time/],
  },
  {
    what: 'a delegate of another CA',
    options: require,
    about: stapled(answer(foreign)),
    fault: [74, /not authorised/],
  },
  { what: 'a stranger says revoked', about: stapled(answer(stranger, bad)) },
  {
    what: 'a delegate that a list knows to be good',
    options: { ...require, crl: 'require' },
    lists: [list(middle)],
    about: stapled(answer(checkable)),
  },
  {
    what: 'a delegate that a list revokes',
    options: { ...require, crl: 'check' },
    lists: [list(middle, { revoked: [{ serial: checkable.certificate.serial, date: revokedAt }] })],
    about: stapled(answer(checkable)),
    fault: [74, /own certificate is revoked/],
  },
  {
    what: 'another certificate',
    options: require,
    about: stapled(answer(middle, 'good', {}, { certificate: mustStaple })),
    fault: [74, /not about the certificate "CN=leaf"/],
  },
  {
    what: 'the same number of another issuer',
    options: require,
    about: stapled(answer(middle, 'good', {}, { issuer: root.certificate })),
    fault: [74, /not about/],
  },
  {
    what: 'an answer that is over',
    options: require,
    about: stapled(answer(middle, 'good', {}, { thisUpdate: NOW - 8 * DAY })),
    fault: [74, /was good until/],
  },
  {
    what: 'an answer that is over does not revoke',
    about: stapled(answer(middle, bad, {}, { thisUpdate: NOW - 8 * DAY })),
  },
  {
    what: 'within the clocks',
    options: require,
    about: stapled(answer(middle, 'good', { producedAt: NOW + 200_000 })),
  },
  {
    what: 'of the future',
    options: require,
    about: stapled(answer(middle, 'good', { producedAt: NOW + 400_000 })),
    fault: [74, /from the future/],
  },
  { what: 'without an end, fresh', options: require, about: stapled(answer(middle, 'good', {}, { nextUpdate: null })) },
  {
    what: 'without an end, old',
    options: require,
    about: stapled(answer(middle, 'good', {}, { nextUpdate: null, thisUpdate: NOW - 11 * DAY })),
    fault: [74, /was good until/],
  },
  {
    what: 'without an end, older than allowed',
    options: { ...require, maxAge: 1000 },
    about: stapled(answer(middle, 'good', {}, { nextUpdate: null })),
    fault: [74, /was good until/],
  },
  {
    what: 'a spoilt signature',
    options: require,
    about: stapled(spoilt(answer(middle), -1)),
    fault: [74, /did not make/],
  },
  { what: 'no DER', options: require, about: stapled(Uint8Array.of(1)), fault: [74, /OCSP response/] },
  { what: 'no DER, and nothing demanded', about: stapled(Uint8Array.of(1)) },
  { what: 'a responder that cannot answer', options: require, about: stapled(tryLater), fault: [74, /"tryLater"/] },
  {
    what: 'the nonce comes back',
    options: {
      ...require,
      nonce: Uint8Array.of(1, 2),
      responses: [answer(middle, 'good', { nonce: Uint8Array.of(1, 2) })],
    },
  },
  {
    what: 'another nonce',
    options: {
      ...require,
      nonce: Uint8Array.of(1, 2),
      responses: [answer(middle, 'good', { nonce: Uint8Array.of(1, 3) })],
    },
    fault: [74, /nonce/],
  },
  {
    what: 'no nonce',
    options: { ...require, nonce: Uint8Array.of(1, 2), responses: [answer(middle)] },
    fault: [74, /nonce/],
  },

  { what: 'must staple, and was not asked', sent: [mustStaple, middle.certificate] },
  {
    what: 'must staple and does not',
    sent: [mustStaple, middle.certificate],
    about: { ocspAsked: true },
    fault: [73, /demands that an OCSP response be stapled/],
  },
  {
    what: 'must staple and does not, though all else is ignored',
    sent: [mustStaple, middle.certificate],
    options: { ocsp: 'ignore' },
    about: { ocspAsked: true },
    fault: [73, /demands/],
  },
  {
    what: 'must staple and staples nonsense',
    sent: [mustStaple, middle.certificate],
    about: { ocspAsked: true, ocsp: tryLater },
    fault: [74, /demands.*tryLater/],
  },
  {
    what: 'must staple and does',
    sent: [mustStaple, middle.certificate],
    about: { ocspAsked: true, ...stapled(answer(middle, 'good', {}, { certificate: mustStaple })) },
  },
  { what: 'need not staple', about: { ocspAsked: true } },
]

/** The same provider, whose every answer comes late. */
const late: Provider = {
  ...node,
  hash: (name) => {
    const hash = node.hash(name)
    return { ...hash, update: (data) => hash.update(data), digest: async () => hash.digest() }
  },
  publicKey: async (spki) => {
    const key = await node.publicKey(spki)
    return { ...key, verify: async (...args) => key.verify(...args) }
  },
}

const check = async (row: Row, provider: Provider): Promise<void> => {
  const about: About = { provider, purpose: 'server', name: 'example.com', time: NOW, ...row.about }
  const revocation: RevocationOptions = { ...(row.crl && { crl: row.crl }), lists: row.lists ?? [], ...row.options }
  const options = { anchors: [root.certificate], revocation, ...row.verifier }
  const task = buildPath(row.sent ?? [leaf, middle.certificate], about, options)
  const verify = async () => (provider === node ? runSync(task) : runAsync(task))
  if (!row.fault) {
    assert.equal((await verify()).code, 0)
    return
  }
  const [code, says] = row.fault
  await assert.rejects(verify, (error: unknown) => {
    assert.ok(error instanceof CertificateError, String(error))
    assert.equal(error.code, code, error.message)
    assert.match(error.message, says)
    return true
  })
}

for (const [kind, rows] of [
  ['lists', lists],
  ['OCSP', responses],
] as const) {
  for (const row of rows) {
    test(`revocation, ${kind}: ${row.what}`, async () => {
      await check(row, node)
      await check(row, late)
    })
  }
}

/** A web of these addresses that counts what is asked. */
const web = (pages: Readonly<Record<string, Uint8Array>>) => {
  const asked: string[] = []
  const fetch = (url: string): Uint8Array | undefined => {
    asked.push(url)
    return pages[url]
  }
  return { asked, fetch }
}
const about: About = { provider: node, purpose: 'server', name: 'example.com', time: NOW }

test('revocation: a list is fetched from its point, and kept when it has proved genuine', () => {
  const { asked, fetch } = web({ 'http://a.example/1': list(middle).raw })
  const options = {
    anchors: [root.certificate],
    fetch,
    revocation: { crl: 'require', ocsp: 'ignore', requireFor: 'leaf' },
  } as const
  const judge = verifier(options)
  for (let i = 0; i < 2; i++) judge.verify([atPoint, middle.certificate], about)
  // the second address is asked each time: nothing came from it
  assert.deepEqual(asked.filter((url) => url === 'http://a.example/1').length, 1)
})

test('revocation: what is fetched and not genuine is not believed and not kept', () => {
  const { asked, fetch } = web({ 'http://a.example/1': list(stranger).raw, 'http://a.example/2': Uint8Array.of(1, 2) })
  const judge = verifier({
    anchors: [root.certificate],
    fetch,
    revocation: { crl: 'require', ocsp: 'ignore', requireFor: 'leaf' },
  })
  for (let i = 0; i < 2; i++) assert.throws(() => judge.verify([atPoint, middle.certificate], about), { code: 8 })
  assert.equal(asked.filter((url) => url === 'http://a.example/1').length, 2)
})

test('revocation: OCSP is fetched by GET, with callbacks that answer late too', async () => {
  const own = leafOf(middle, { extensions: [access('ocsp', 'http://o.example/')] })
  const url = ocspUrl('http://o.example/', runSync(ocspRequest(own, middle.certificate, node)))
  assert.match(url, /^http:\/\/o\.example\/M[A-Za-z0-9%]+$/)
  const page = answer(middle, bad, {}, { certificate: own })
  const { asked, fetch } = web({ [url]: page })
  const judge = verifier({ anchors: [root.certificate], fetch: async (each) => fetch(each) })
  await assert.rejects(async () => judge.verify([own, middle.certificate], about), { code: 23 })
  assert.deepEqual(asked, [url])
})

test('fetching: an intermediate that was not sent is fetched, proved and kept', () => {
  const own = leafOf(middle, { extensions: [access('caIssuers', 'http://i.example/middle')] })
  for (const page of [middle.certificate.raw, bundle(middle.certificate)]) {
    const { asked, fetch } = web({ 'http://i.example/middle': page })
    const judge = verifier({ anchors: [root.certificate], fetch })
    for (let i = 0; i < 2; i++) judge.verify([own], about)
    assert.deepEqual(asked, ['http://i.example/middle'])
  }
})

test('fetching: nothing is fetched for a path that is whole, however bad', () => {
  const own = leafOf(middle, { days: 10, extensions: [access('caIssuers', 'http://i.example/middle')] })
  const { asked, fetch } = web({})
  const judge = verifier({ anchors: [root.certificate], fetch })
  assert.throws(() => judge.verify([own, middle.certificate], about), { code: 10 })
  assert.deepEqual(asked, [])
})

test('fetching: what does not prove itself is no issuer', () => {
  const own = leafOf(middle, { extensions: [access('caIssuers', 'http://i.example/middle')] })
  for (const page of [stranger.certificate.raw, Uint8Array.of(0x30, 0), new Uint8Array(0)]) {
    const { fetch } = web({ 'http://i.example/middle': page })
    assert.throws(() => verifier({ anchors: [root.certificate], fetch }).verify([own], about), { code: 20 })
  }
})

test('fetching: a ladder without end costs a bounded number of questions', () => {
  let above = ca('Step 0', undefined, { extensions: [access('caIssuers', 'http://i.example/1')] })
  const steps: Holder[] = []
  for (let i = 29; i >= 0; i--) {
    above = ca(`Step ${i}`, above, { extensions: [access('caIssuers', `http://i.example/${i + 1}`)] })
    steps[i] = above
  }
  const pages = Object.fromEntries(steps.map(({ certificate }, i) => [`http://i.example/${i}`, certificate.raw]))
  const { asked, fetch } = web(pages)
  const own = leafOf(above, { extensions: [access('caIssuers', 'http://i.example/0')] })
  const judge = verifier({ anchors: [root.certificate], fetch, maxDepth: 60 })
  assert.throws(() => judge.verify([own], about), CertificateError)
  assert.equal(asked.length, 16)
})

/** SignedData of PKCS #7 that only carries certificates. */
const bundle = (...certificates: readonly Certificate[]): Uint8Array => {
  const data = derOid('1.2.840.113549.1.7.1')
  const signed = sequence(
    Uint8Array.of(2, 1, 1),
    Uint8Array.of(0x31, 0),
    sequence(data),
    der(constructed(0), ...certificates.map(({ raw }) => raw)),
    Uint8Array.of(0x31, 0),
  )
  return sequence(derOid('1.2.840.113549.1.7.2'), der(constructed(0), signed))
}

const malformedLists: readonly (readonly [what: string, make: () => unknown, says: RegExp])[] = [
  [
    'no number',
    () => {
      const { raw } = list(middle)
      const bytes = raw.slice()
      // 2.5.29.20 becomes 2.5.29.99
      bytes[Buffer.from(bytes).indexOf(Buffer.from(derOid(knownOid('cRLNumber')))) + 4] = 99
      return parseCrl(bytes)
    },
    /has no number/,
  ],
  [
    'an unknown critical extension',
    () => list(middle, { extensions: [critical('1.2.3.4')] }),
    /critical extension 1\.2\.3\.4/,
  ],
  [
    'a critical number',
    () => list(middle, { extensions: [{ oid: knownOid('cRLNumber'), critical: true, value: Uint8Array.of(2, 1, 1) }] }),
    /number \(cRLNumber\) that is critical/,
  ],
  [
    'a negative number',
    () =>
      list(middle, { extensions: [{ oid: knownOid('cRLNumber'), critical: false, value: Uint8Array.of(2, 1, 0x81) }] }),
    /below zero/,
  ],
  [
    'another issuer on a list that is not indirect',
    () =>
      list(middle, { revoked: [{ serial, date: NOW, issuer: root.certificate }] }).find(
        serial,
        root.certificate.subject,
      ),
    /not indirect/,
  ],
  ['two kinds at once', () => parseCrl(twoKinds()), /two kinds at once/],
  ['bytes at the end', () => parseCrl(Uint8Array.of(...list(middle).raw, 0)), /more than its parts/],
]
const twoKinds = (): Uint8Array => {
  const value = sequence(der(primitive(1), Uint8Array.of(255)), der(primitive(2), Uint8Array.of(255)))
  return list(middle, { extensions: [{ oid: knownOid('issuingDistributionPoint'), critical: true, value }] }).raw
}
for (const [what, make, says] of malformedLists) {
  test(`revocation lists: ${what} is malformed`, () => {
    assert.throws(make, (error: Error) => error.name === 'DerError' && says.test(error.message))
  })
}

test('revocation lists and OCSP responses: every byte cut off or changed is malformed or not genuine', () => {
  const whole = revoking(middle).raw
  const response = answer(responder)
  const parses = (parse: (bytes: Uint8Array) => unknown, bytes: Uint8Array): boolean => {
    try {
      parse(bytes)
      return true
    } catch (error) {
      assert.equal((error as Error).name, 'DerError')
      return false
    }
  }
  for (const [parse, bytes] of [
    [(raw: Uint8Array) => [...parseCrl(raw)], whole],
    [parseOcsp, response],
  ] as const) {
    assert.ok(parses(parse, bytes))
    for (let at = 0; at < bytes.length; at++) {
      assert.equal(parses(parse, bytes.subarray(0, at)), false)
      parses(parse, spoilt(bytes, at - bytes.length))
    }
  }
})

test('OCSP requests carry the nonce', () => {
  const request = runSync(ocspRequest(leaf, middle.certificate, node, Uint8Array.of(7, 8, 9)))
  assert.ok(hex(request).endsWith(hex(derOctets(derOctets(Uint8Array.of(7, 8, 9))))))
})
