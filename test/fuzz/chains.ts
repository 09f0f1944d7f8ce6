import { writePkcs8 } from '../../src/crypto/keys-der.ts'
import { node } from '../../src/crypto/node/index.ts'
import type { PrivateKey } from '../../src/crypto/provider.ts'
import { type Maybe, runSync, wait } from '../../src/task.ts'
import type { Certificate } from '../../src/x509/certificate.ts'
import {
  constructed,
  der,
  derBits,
  derBoolean,
  derInteger,
  derOctets,
  derOid,
  primitive,
  sequence,
} from '../../src/x509/der.ts'
import { type Extension, keyUsages } from '../../src/x509/extensions.ts'
import { type CertificateRecipe, encodeGeneralName, makeCertificate } from '../../src/x509/make.ts'
import { makeName } from '../../src/x509/name.ts'
import { knownOid } from '../../src/x509/oids.ts'
import type { Random } from './random.ts'
import { elementsOf, mutate, type Node, readTree, writeTree } from './tree.ts'

/** What is verified: the name that is asked for, and when. */
export const HOST = 'host.example.com'
export const TIME = Date.UTC(2026, 0, 15)
const DAY = 86_400_000

const now = <T>(answer: Maybe<T>): T => runSync(wait(answer))
/** Ed25519 signs the same way each time, so that a seed gives the same chains for ever. */
const keyOf = (fill: number): PrivateKey => now(node.privateKey(writePkcs8('ed25519', new Uint8Array(32).fill(fill))))
const [rootKey, interKey, leafKey] = [keyOf(1), keyOf(2), keyOf(3)]

const make = (recipe: CertificateRecipe): Certificate => now(makeCertificate(recipe, node))
const usual = { notBefore: TIME - 10 * DAY, notAfter: TIME + 10 * DAY, serial: Uint8Array.of(0x55, 1, 2, 3) }
export const root = make({ ...usual, subject: { O: 'Fuzz', CN: 'Root' }, key: rootKey, signer: rootKey, ca: true })
const soundInter = make({
  ...usual,
  subject: { O: 'Fuzz', CN: 'Between' },
  key: interKey,
  issuer: root,
  signer: rootKey,
  ca: true,
})

export interface Chain {
  /** DER. */
  readonly leaf: Uint8Array
  readonly inter: Uint8Array
  /** How it came to be. */
  readonly how: string
}

/** A chain whose parts are odd in meaning or in form, each rightly signed all the same. */
export const oddChain = (random: Random, foreign: readonly Node[]): Chain => {
  const how: string[] = []
  const odd = random.below(3)
  const inter = odd === 1 ? oddInter(random) : soundInter
  const leaf = oddLeaf(random, inter, odd === 0)
  if (odd === 0) how.push('odd leaf')
  if (odd === 1) how.push('odd intermediate')
  let interBytes = inter.raw
  let leafBytes = leaf.raw
  if (odd === 2 || random.once(3)) {
    if (random.once(3)) {
      interBytes = changed(inter.raw, rootKey, random, foreign)
      how.push('intermediate changed')
    } else {
      leafBytes = changed(leaf.raw, interKey, random, foreign)
      how.push('leaf changed')
    }
  }
  return { leaf: leafBytes, inter: interBytes, how: how.join(', ') }
}

/** Changes what is signed, and signs it. */
const changed = (raw: Uint8Array, signer: PrivateKey, random: Random, foreign: readonly Node[]): Uint8Array => {
  const tree = readTree(raw)
  const tbs = tree?.parts?.[0]
  if (!tree?.parts || !tbs) throw new Error('a certificate of our own cannot be read as DER')
  mutate(tbs, random, random.once(2) ? foreign : elementsOf(tbs))
  const bytes = writeTree(tbs)
  const signature = now(signer.sign({ kind: 'eddsa' }, bytes))
  return sequence(bytes, writeTree(tree.parts[1] as Node), derBits(signature))
}

const DNS = [
  HOST,
  '*.example.com',
  'example.com',
  'other.example',
  '*.com',
  '*',
  'host.*.com',
  'HOST.EXAMPLE.COM',
  'h*.example.com',
  'host.example.com.',
  '.example.com',
  'xn--a.example.com',
  'under_score.example.com',
]
const others = ['192.0.2.1', '2001:db8::1', 'a@example.com']

const oddLeaf = (random: Random, issuer: Certificate, odd: boolean): Certificate => {
  const recipe: CertificateRecipe = {
    ...usual,
    subject: { CN: HOST },
    san: [HOST],
    key: leafKey,
    issuer,
    signer: interKey,
  }
  if (!odd) return make(recipe)
  return made({
    ...recipe,
    ...oddities(random),
    san: random.once(4) ? [HOST, ...random.some([...DNS, ...others], 4)] : random.some([...DNS, ...others], 3),
    ca: random.once(6),
    extensions: oddExtensions(random),
  })
}

const oddInter = (random: Random): Certificate =>
  made({
    ...usual,
    subject: random.once(10) ? {} : { O: 'Fuzz', CN: 'Between' },
    key: interKey,
    issuer: root,
    signer: rootKey,
    ca: !random.once(8),
    ...oddities(random),
    ...(random.once(4) && { pathLength: random.below(2) }),
    extensions: [...oddExtensions(random), ...(random.once(2) ? [constraints(random)] : [])],
  })

/** Recipes that contradict themselves are made sound. */
const made = (recipe: CertificateRecipe): Certificate => {
  const { pathLength, ...without } = recipe
  const whole = recipe.ca ? recipe : without
  const named = Object.keys(whole.subject).length > 0 || (whole.san?.length ?? 0) > 0
  return make(named ? whole : { ...whole, subject: { CN: 'nobody' } })
}

const oddities = (random: Random): Partial<CertificateRecipe> => ({
  ...(random.once(6) && { notBefore: TIME + (random.below(3) - 1) * 1000 }),
  ...(random.once(6) && { notAfter: TIME + (1 + random.below(3)) * 1000 }),
  ...(random.once(4) && { keyUsage: random.some(keyUsages) }),
  ...(random.once(4) && {
    extKeyUsage: random.some([
      'serverAuth',
      'clientAuth',
      'anyExtendedKeyUsage',
      'ocspSigning',
      '1.2.3.4',
      'codeSigning',
    ]),
  }),
  ...(random.once(6) && { serial: random.bytes(1 + random.below(22)) }),
})

const subtree = (name: Uint8Array): Uint8Array => sequence(name)
const constraints = (random: Random): Extension => {
  const names = () =>
    random
      .some(
        [
          encodeGeneralName('example.com'),
          encodeGeneralName('other.example'),
          encodeGeneralName({ type: 'dns', value: '.example.com' }),
          der(primitive(7), Uint8Array.of(192, 0, 2, 0, 255, 255, 255, random.pick([0, 0, 0x55]))),
          der(primitive(1), new TextEncoder().encode('example.com')),
          der(constructed(4), makeName({ CN: HOST })),
          der(primitive(6), new TextEncoder().encode('.example.com')),
        ],
        4,
      )
      .map(subtree)
  const [permitted, excluded] = [names(), names()]
  const parts = [
    ...(permitted.length > 0 ? [der(constructed(0), ...permitted)] : []),
    ...(excluded.length > 0 ? [der(constructed(1), ...excluded)] : []),
  ]
  return { oid: knownOid('nameConstraints'), critical: !random.once(4), value: sequence(...parts) }
}

const oddExtensions = (random: Random): Extension[] => {
  const extension = (name: string, critical: boolean, value: Uint8Array): Extension => ({
    oid: /^\d/.test(name) ? name : knownOid(name),
    critical,
    value,
  })
  return random.some(
    [
      extension('1.2.3.4.5', random.once(2), derOctets(random.bytes(3))),
      extension('subjectKeyIdentifier', random.once(3), derOctets(random.bytes(random.below(4)))),
      extension('authorityKeyIdentifier', random.once(4), sequence(der(primitive(0), random.bytes(4)))),
      extension(
        'basicConstraints',
        random.once(2),
        sequence(
          ...(random.once(2) ? [derBoolean(true)] : []),
          ...(random.once(2) ? [derInteger(random.below(3))] : []),
        ),
      ),
      extension(
        'certificatePolicies',
        random.once(2),
        sequence(sequence(derOid('1.2.3.4')), ...(random.once(4) ? [sequence(derOid('1.2.3.4'))] : [])),
      ),
      extension('policyConstraints', true, sequence(der(primitive(0), Uint8Array.of(random.below(3))))),
      extension('inhibitAnyPolicy', true, derInteger(random.below(3))),
      extension(
        'policyMappings',
        random.once(2),
        sequence(sequence(derOid('1.2.3.4'), derOid(random.pick(['1.2.3.5', '2.5.29.32.0'])))),
      ),
      extension(
        'cRLDistributionPoints',
        random.once(3),
        sequence(
          sequence(
            der(constructed(0), der(constructed(0), encodeGeneralName({ type: 'uri', value: 'http://c.example/1' }))),
          ),
        ),
      ),
      extension(
        'authorityInfoAccess',
        random.once(3),
        sequence(sequence(derOid(knownOid('ocsp')), encodeGeneralName({ type: 'uri', value: 'http://o.example/' }))),
      ),
      extension('tlsFeature', random.once(3), sequence(derInteger(5))),
      extension('issuerAltName', random.once(3), sequence(encodeGeneralName('issuer.example'))),
      extension('ctPoison', random.once(2), Uint8Array.of(5, 0)),
    ],
    9,
  )
}
