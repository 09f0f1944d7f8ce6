import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { concat } from '../bytes/compare.ts'
import { hex } from '../bytes/text.ts'
import { digest } from '../crypto/digest.ts'
import { node } from '../crypto/node/index.ts'
import type { KeyKind, PrivateKey, Provider } from '../crypto/provider.ts'
import { CertificateError } from '../errors.ts'
import { runAsync, runSync } from '../task.ts'
import type { Certificate } from './certificate.ts'
import { der, derOctets, derOid, sequence, tags } from './der.ts'
import { loadCertificates } from './load.ts'
import { type CertificateRecipe, makeCertificate } from './make.ts'
import { makeOcspResponse } from './make-revocation.ts'
import type { OcspResponse } from './ocsp.ts'
import { knownOid } from './oids.ts'
import { buildPath } from './path.ts'
import {
  type CtLog,
  certificateEntry,
  parseTimestamp,
  precertificateEntry,
  type TransparencyOptions,
} from './transparency.ts'

const NOW = Date.UTC(2026, 5, 1)
const DAY = 86_400_000

const rootKey = node.generate('P-256') as PrivateKey
const leafKey = node.generate('P-256') as PrivateKey
const root = makeCertificate(
  { subject: { CN: 'Root' }, key: rootKey, signer: rootKey, notBefore: NOW - 400 * DAY, days: 800, ca: true },
  node,
) as Certificate

interface Log extends CtLog {
  readonly signer: PrivateKey
}
const log = (operator: string, kind: KeyKind = 'P-256', retired?: number): Log => {
  const signer = node.generate(kind) as PrivateKey
  return { key: signer.spki, operator, signer, ...(retired !== undefined && { retired }) }
}
const [a, b, c, again] = [log('A'), log('B', 'rsa-2048'), log('C'), log('A')] as [Log, Log, Log, Log]
const old = log('D', 'P-256', NOW - 50 * DAY)
const unknown = log('nobody')

const number = (value: number | bigint, width: number): Uint8Array =>
  Uint8Array.from({ length: width }, (_, i) => Number((BigInt(value) >> BigInt(8 * (width - 1 - i))) & 255n))

const stamp = (by: Log, entry: Uint8Array, time: number, extensions = new Uint8Array(0)): Uint8Array => {
  const signed = concat(Uint8Array.of(0, 0), number(time, 8), entry, number(extensions.length, 2), extensions)
  const rsa = by.signer.facts.type === 'rsa'
  const signature = by.signer.sign(
    rsa ? { kind: 'rsa_pkcs1', hash: 'sha256' } : { kind: 'ecdsa', hash: 'sha256' },
    signed,
  ) as Uint8Array
  const id = digest(node, 'sha256', by.key) as Uint8Array
  const tail = [number(rsa ? 0x0401 : 0x0403, 2), number(signature.length, 2), signature]
  return concat(Uint8Array.of(0), id, number(time, 8), number(extensions.length, 2), extensions, ...tail)
}
const list = (...scts: readonly Uint8Array[]): Uint8Array => {
  const items = concat(...scts.map((sct) => concat(number(sct.length, 2), sct)))
  return concat(number(items.length, 2), items)
}

type Stamping = (entry: Uint8Array) => readonly Uint8Array[]
/** A leaf that carries what the logs make of it as it was before. */
const leafWith = (stamps: Stamping, change: Partial<CertificateRecipe> = {}): Certificate => {
  const recipe: CertificateRecipe = {
    subject: { CN: 'example.com' },
    san: ['example.com'],
    key: leafKey,
    signer: rootKey,
    issuer: root,
    notBefore: NOW - 30 * DAY,
    days: 60,
    serial: Uint8Array.of(1, 2, 3),
    ...change,
  }
  const before = makeCertificate(recipe, node) as Certificate
  const scts = stamps(runSync(precertificateEntry(before, root, node)))
  if (scts.length === 0) return before
  const extension = { oid: knownOid('sctList'), critical: false, value: derOctets(list(...scts)) }
  return makeCertificate({ ...recipe, extensions: [extension] }, node) as Certificate
}
const by =
  (...logs: readonly Log[]): Stamping =>
  (entry) =>
    logs.map((each) => stamp(each, entry, NOW - 20 * DAY))
const plain = leafWith(() => [])
const stapled = (scts: Uint8Array): Uint8Array => {
  const answers = [{ certificate: plain, issuer: root, status: 'good', scts } as const]
  return (makeOcspResponse({ responder: root, signer: rootKey, producedAt: NOW, answers }, node) as OcspResponse).raw
}

interface Row {
  readonly what: string
  readonly leaf: Certificate
  readonly scts?: Uint8Array
  /** A stapled OCSP response. */
  readonly ocsp?: Uint8Array
  readonly options?: Partial<TransparencyOptions>
  /** Operators of the logs that count, and whether they are enough. */
  readonly logged: string
  readonly enough: boolean
}

const rows: readonly Row[] = [
  { what: 'two logs', leaf: leafWith(by(a, b)), logged: 'A B', enough: true },
  { what: 'none', leaf: plain, logged: '', enough: false },
  { what: 'one', leaf: leafWith(by(a)), logged: 'A', enough: false },
  { what: 'one, and one is enough', leaf: leafWith(by(a)), options: { enough: 1 }, logged: 'A', enough: true },
  { what: 'two of one operator', leaf: leafWith(by(a, again)), logged: 'A A', enough: false },
  {
    what: 'two of one operator, who is enough',
    leaf: leafWith(by(a, again)),
    options: { operators: 1 },
    logged: 'A A',
    enough: true,
  },
  { what: 'one log twice', leaf: leafWith(by(a, a)), logged: 'A', enough: false },
  { what: 'a log that nobody knows', leaf: leafWith(by(a, unknown)), logged: 'A', enough: false },
  {
    what: 'a retired log, before it was',
    leaf: leafWith((entry) => [stamp(old, entry, NOW - 60 * DAY), stamp(a, entry, NOW)]),
    logged: 'D A',
    enough: true,
  },
  { what: 'a retired log, afterwards', leaf: leafWith(by(a, old)), logged: 'A', enough: false },
  {
    what: 'a promise of tomorrow',
    leaf: leafWith((entry) => [stamp(a, entry, NOW), stamp(b, entry, NOW + DAY)]),
    logged: 'A',
    enough: false,
  },
  {
    what: 'about another certificate',
    leaf: leafWith(() => by(a, b)(runSync(precertificateEntry(root, root, node)))),
    logged: '',
    enough: false,
  },
  {
    what: 'with extensions',
    leaf: leafWith((entry) => [stamp(a, entry, NOW, Uint8Array.of(1, 2)), stamp(b, entry, NOW)]),
    logged: 'A B',
    enough: true,
  },
  { what: 'two for a long life', leaf: leafWith(by(a, b), { days: 300 }), logged: 'A B', enough: false },
  { what: 'three for a long life', leaf: leafWith(by(a, b, c), { days: 300 }), logged: 'A B C', enough: true },
  {
    what: 'sent in the handshake',
    leaf: plain,
    scts: list(...by(a, b)(certificateEntry(plain))),
    logged: 'A B',
    enough: true,
  },
  {
    what: 'carried and sent',
    leaf: leafWith(by(a)),
    scts: list(...by(b)(certificateEntry(leafWith(by(a))))),
    logged: 'A',
    enough: false,
  },
  {
    what: 'sent, about what it was before',
    leaf: plain,
    scts: list(...by(a, b)(runSync(precertificateEntry(plain, root, node)))),
    logged: '',
    enough: false,
  },
  {
    what: 'stapled',
    leaf: plain,
    ocsp: stapled(list(...by(a, b)(certificateEntry(plain)))),
    logged: 'A B',
    enough: true,
  },
  {
    what: 'stapled and sent',
    leaf: plain,
    ocsp: stapled(list(...by(a)(certificateEntry(plain)))),
    scts: list(...by(a, b)(certificateEntry(plain))),
    logged: 'A B',
    enough: true,
  },
  {
    what: 'a list cut off that was stapled',
    leaf: plain,
    ocsp: stapled(list().subarray(1)),
    logged: '',
    enough: false,
  },
  { what: 'no response at all', leaf: plain, ocsp: Uint8Array.of(1), logged: '', enough: false },
  {
    what: 'a list cut off',
    leaf: plain,
    scts: list(...by(a, b)(certificateEntry(plain))).subarray(0, -1),
    logged: '',
    enough: false,
  },
]

const late: Provider = {
  ...node,
  publicKey: async (spki) => {
    const key = await node.publicKey(spki)
    return { ...key, verify: async (...args) => key.verify(...args) }
  },
}

for (const row of rows) {
  test(`transparency: ${row.what}`, async () => {
    const logs = [a, b, c, again, old]
    for (const provider of [node, late]) {
      const verify = (policy: 'check' | 'require', purpose: 'server' | 'client' = 'server') => {
        const about = {
          provider,
          purpose,
          name: 'example.com',
          time: NOW,
          ...(row.scts && { scts: row.scts }),
          ...(row.ocsp && { ocsp: row.ocsp }),
        }
        const transparency = { logs, policy, ...row.options }
        return runAsync(buildPath([row.leaf], about, { anchors: [root], transparency }))
      }
      const { logged = [] } = await verify('check')
      assert.equal(logged.map(({ operator }) => operator).join(' '), row.logged)
      await verify('require', 'client')
      if (row.enough) await verify('require')
      else
        await assert.rejects(
          () => verify('require'),
          (error) => error instanceof CertificateError && error.code === 71 && /must be known to/.test(error.message),
        )
    }
  })
}

test('transparency: every byte of a timestamp cut off or changed is no timestamp or not genuine', () => {
  const entry = certificateEntry(plain)
  const good = stamp(a, entry, NOW - DAY)
  const logged = (sct: Uint8Array): number => {
    const about = { provider: node, purpose: 'server', name: 'example.com', time: NOW, scts: list(sct) } as const
    return runSync(buildPath([plain], about, { anchors: [root], transparency: { logs: [a] } })).logged?.length ?? 0
  }
  assert.equal(logged(good), 1)
  for (let at = 0; at < good.length; at++) {
    assert.equal(parseTimestamp(good.subarray(0, at)), undefined)
    const bytes = good.slice()
    bytes[at] = (bytes[at] as number) ^ 1
    assert.equal(logged(bytes), 0, `byte ${at}`)
  }
})

/** Keys of public logs. */
const publicLogs: readonly CtLog[] = (
  [
    ['Google', 'HblsqctplMVc5ramA7vSuNxUQxcomQwGAVAdnWTAWUYr3MgDHQW0LagJ95lB7QT75Ve6JgT2EVLOFGU7L3YrwA=='],
    ['Google', 'r+TzlCzfpie1/rJhgxnIITojqKk9VK+8MZoc08HjtsLzD8e5yjsdeWVhIiWCVk6Y6KomKTYeKGBv6xVu93zQug=='],
    ['Google', 'B/we6GOO/xwxivy4HhkrYFAAPo6e2nc346Wo2o2U+GvoPWSPJz91s/xrEvA3Bk9kWHUUXVZS5morFEzsgdHqPg=='],
    ['DigiCert', 'V7jBbzCkfy7k8NDZYGITleN6405Tw7O4c4XBGA0jDliE0njvm7MeLBrewY+BGxlEWLcAd2AgGnLYgt6unrHGSw=='],
    ['Cloudflare', 'GoAaFRkZI3m0+qB5jo3VwdzCtZaSfpTgw34UfAoNLUaonRuxQWUMX5jEWhd5gVtKFEHsr6ldDqsSGXHNQ++7lw=='],
  ] as const
).map(([operator, point]) => {
  const bits = concat(Uint8Array.of(0, 4), Buffer.from(point, 'base64'))
  const algorithm = sequence(derOid(knownOid('ecPublicKey')), derOid(knownOid('P-256')))
  return { operator, key: sequence(algorithm, der(tags.bitString, bits)) }
})

const chains = new URL('../../../shared/data/chains/real-chains.json.gz', import.meta.url)
test('transparency: what public logs promised of public hosts is genuine', {
  skip: !existsSync(chains) && 'its data is not here',
}, () => {
  const { testcases } = JSON.parse(gunzipSync(readFileSync(chains)).toString())
  const known = publicLogs.map(({ key }) => hex(digest(node, 'sha256', key) as Uint8Array))
  let all = 0
  for (const host of testcases) {
    const load = (pems: readonly string[]) => pems.flatMap((pem) => loadCertificates(pem))
    const sent = load([host.peer_certificate, ...host.untrusted_intermediates])
    const name: string = host.expected_peer_name.value
    // some are dated from before they were logged
    const about = { provider: node, purpose: 'server', name, time: Date.parse(host.validation_time) + DAY } as const
    const options = { anchors: load(host.trusted_certs), transparency: { logs: publicLogs } }
    const { logged } = runSync(buildPath(sent, about, options))
    const promised = (sent[0]?.known.sctList ?? []).map((sct) => hex(parseTimestamp(sct)?.log ?? new Uint8Array(0)))
    const expected = promised.filter((id) => known.includes(id))
    assert.deepEqual(
      logged?.map((each) => hex(each.log)),
      expected,
      host.id,
    )
    all += expected.length
  }
  assert.ok(all > 50, `${all} timestamps`)
})
