import assert from 'node:assert/strict'
import { test } from 'node:test'
import { node } from '../crypto/node/index.ts'
import type { PrivateKey } from '../crypto/provider.ts'
import type { Certificate } from './certificate.ts'
import { der, derInteger, derOid, primitive, sequence } from './der.ts'
import type { Extension } from './extensions.ts'
import { makeCertificate } from './make.ts'
import { knownOid } from './oids.ts'
import { type PolicyInputs, processPolicies } from './policy.ts'

const key = node.generate('ed25519') as PrivateKey
const numbers: Readonly<Record<string, string>> = { any: knownOid('anyPolicy') }
const oid = (name: string): string => numbers[name] ?? `2.999.${name.charCodeAt(0)}`
const nameOf = (number: string): string =>
  number === numbers.any ? 'any' : String.fromCharCode(Number(number.slice(6)))

/** What the policy extensions of one certificate say; policies and mappings as letters. */
interface Says {
  /** Empty: no extension. */
  readonly policies?: string
  /** `ab cd`: a becomes b, c becomes d. */
  readonly maps?: string
  readonly explicit?: number
  readonly noMapping?: number
  readonly noAny?: number
  readonly selfIssued?: boolean
}

const letters = (text: string): readonly string[] =>
  text === '' ? [] : text.split(text.includes(' ') || text === 'any' ? ' ' : '')
const extension = (name: string, value: Uint8Array): Extension => ({ oid: knownOid(name), critical: true, value })
const small = (n: number, value: number): Uint8Array => der(primitive(n), derInteger(value).subarray(2))

const certificate = ({ policies = '', maps = '', explicit, noMapping, noAny, selfIssued }: Says): Certificate => {
  const extensions = [
    ...(policies === ''
      ? []
      : [extension('certificatePolicies', sequence(...letters(policies).map((p) => sequence(derOid(oid(p))))))]),
    ...(maps === ''
      ? []
      : [
          extension(
            'policyMappings',
            sequence(
              ...maps.split(' ').map((pair) => {
                const [from, to] = pair.split('>') as [string, string]
                return sequence(derOid(oid(from)), derOid(oid(to)))
              }),
            ),
          ),
        ]),
    ...(explicit === undefined && noMapping === undefined
      ? []
      : [
          extension(
            'policyConstraints',
            sequence(
              ...(explicit === undefined ? [] : [small(0, explicit)]),
              ...(noMapping === undefined ? [] : [small(1, noMapping)]),
            ),
          ),
        ]),
    ...(noAny === undefined ? [] : [extension('inhibitAnyPolicy', derInteger(noAny))]),
  ]
  const name = { CN: selfIssued ? 'self' : 'some' }
  const issuer = makeCertificate(
    { subject: selfIssued ? name : { CN: 'above' }, key, signer: key, notBefore: 0, ca: true },
    node,
  )
  const recipe = { subject: name, key, signer: key, notBefore: 0, ca: true, extensions, issuer: issuer as Certificate }
  return makeCertificate(recipe, node) as Certificate
}

interface Row {
  readonly what: string
  /** From the top, the anchor left out, to the leaf. */
  readonly path: readonly Says[]
  readonly anchor?: Says
  readonly inputs?: Partial<PolicyInputs>
  readonly initial?: string
  /** The policies that hold, as letters; or what is wrong. */
  readonly gives: string
}
const must = { requireExplicit: true }

const rows: readonly Row[] = [
  { what: 'none anywhere, none wanted', path: [{}, {}], gives: '' },
  { what: 'none anywhere, one wanted', path: [{}, {}], inputs: must, gives: 'missing' },
  { what: 'the same throughout', path: [{ policies: 'ab' }, { policies: 'b' }], inputs: must, gives: 'b' },
  { what: 'nothing in common', path: [{ policies: 'a' }, { policies: 'b' }], inputs: must, gives: 'missing' },
  { what: 'nothing in common and none wanted', path: [{ policies: 'a' }, { policies: 'b' }], gives: '' },
  { what: 'a gap', path: [{ policies: 'a' }, {}, { policies: 'a' }], inputs: must, gives: 'missing' },
  { what: 'wanted and there', path: [{ policies: 'ab' }, { policies: 'ab' }], inputs: must, initial: 'a', gives: 'a' },
  {
    what: 'wanted and not there',
    path: [{ policies: 'a' }, { policies: 'a' }],
    inputs: must,
    initial: 'b',
    gives: 'missing',
  },
  { what: 'any above', path: [{ policies: 'any' }, { policies: 'c' }], inputs: must, gives: 'c' },
  { what: 'any below', path: [{ policies: 'c' }, { policies: 'any' }], inputs: must, gives: 'c' },
  { what: 'any throughout', path: [{ policies: 'any' }, { policies: 'any' }], inputs: must, gives: 'any' },
  {
    what: 'any throughout, one wanted',
    path: [{ policies: 'any' }, { policies: 'any' }],
    inputs: must,
    initial: 'a',
    gives: 'a',
  },
  {
    what: 'any in the set of those wanted',
    path: [{ policies: 'a' }, { policies: 'a' }],
    inputs: must,
    initial: 'b any',
    gives: 'a',
  },
  {
    what: 'any inhibited by the user',
    path: [{ policies: 'any' }, { policies: 'a' }],
    inputs: { ...must, inhibitAny: true },
    gives: 'missing',
  },
  {
    what: 'any inhibited at once',
    path: [{ policies: 'a', noAny: 0 }, { policies: 'any' }],
    inputs: must,
    gives: 'missing',
  },
  { what: 'any inhibited later', path: [{ policies: 'a', noAny: 1 }, { policies: 'any' }], inputs: must, gives: 'a' },
  {
    what: 'any inhibited, but self-issued',
    path: [{ policies: 'a', noAny: 0 }, { policies: 'any', selfIssued: true }, { policies: 'a' }],
    inputs: must,
    gives: 'a',
  },
  {
    what: 'any inhibited, self-issued leaf',
    path: [
      { policies: 'a', noAny: 0 },
      { policies: 'any', selfIssued: true },
    ],
    inputs: must,
    gives: 'missing',
  },
  { what: 'demanded by a CA at once', path: [{ explicit: 0 }, {}], gives: 'missing' },
  { what: 'demanded by a CA too late', path: [{ explicit: 3 }, {}, {}], gives: '' },
  { what: 'demanded by a CA in time', path: [{ explicit: 2 }, {}, {}], gives: 'missing' },
  { what: 'self-issued certificates do not count', path: [{ explicit: 2 }, { selfIssued: true }, {}], gives: '' },
  { what: 'demanded by the leaf itself', path: [{}, { explicit: 0 }], gives: 'missing' },
  { what: 'mapped', path: [{ policies: 'a', maps: 'a>b' }, { policies: 'b' }], inputs: must, gives: 'a' },
  {
    what: 'mapped, and the old name used',
    path: [{ policies: 'a', maps: 'a>b' }, { policies: 'a' }],
    inputs: must,
    gives: 'missing',
  },
  {
    what: 'mapped twice over',
    path: [{ policies: 'ac', maps: 'a>b c>b' }, { policies: 'b', maps: 'b>d' }, { policies: 'd' }],
    inputs: must,
    gives: 'ac',
  },
  { what: 'mapped to two', path: [{ policies: 'a', maps: 'a>b a>c' }, { policies: 'c' }], inputs: must, gives: 'a' },
  { what: 'mapped from any', path: [{ policies: 'any', maps: 'a>b' }, { policies: 'b' }], inputs: must, gives: 'a' },
  {
    what: 'mapped from what is not there',
    path: [{ policies: 'c', maps: 'a>b' }, { policies: 'b' }],
    inputs: must,
    gives: 'missing',
  },
  {
    what: 'mapping inhibited by the user',
    path: [{ policies: 'a', maps: 'a>b' }, { policies: 'b' }],
    inputs: { ...must, inhibitMapping: true },
    gives: 'missing',
  },
  {
    what: 'mapping inhibited by a CA',
    path: [{ policies: 'a', noMapping: 0 }, { policies: 'a', maps: 'a>b' }, { policies: 'b' }],
    inputs: must,
    gives: 'missing',
  },
  {
    what: 'mapping inhibited later',
    path: [{ policies: 'a', noMapping: 1 }, { policies: 'a', maps: 'a>b' }, { policies: 'b' }],
    inputs: must,
    gives: 'a',
  },
  { what: 'mapped to any', path: [{ policies: 'a', maps: 'a>any' }, { policies: 'b' }], gives: 'malformed' },
  { what: 'mapped by any', path: [{ policies: 'any', maps: 'any>a' }, { policies: 'b' }], gives: 'malformed' },
  { what: 'the anchor demands', anchor: { explicit: 0 }, path: [{}, {}], gives: 'missing' },
  {
    what: 'the anchor limits',
    anchor: { policies: 'a' },
    path: [{ policies: 'b' }, { policies: 'b' }],
    inputs: must,
    gives: 'missing',
  },
  {
    what: 'the anchor allows',
    anchor: { policies: 'ab' },
    path: [{ policies: 'b' }, { policies: 'b' }],
    inputs: must,
    gives: 'b',
  },
  {
    what: 'the anchor inhibits any',
    anchor: { noAny: 0 },
    path: [{ policies: 'any' }, { policies: 'b' }],
    inputs: must,
    gives: 'missing',
  },
  { what: 'the anchor alone', anchor: {}, path: [], gives: 'any' },
]

const inputs = (row: Pick<Row, 'inputs' | 'initial'>): PolicyInputs => ({
  initial: row.initial === undefined ? undefined : letters(row.initial).map(oid),
  requireExplicit: false,
  inhibitMapping: false,
  inhibitAny: false,
  ...row.inputs,
})

for (const row of rows) {
  test(`policies: ${row.what}`, () => {
    const chain = [row.anchor ?? {}, ...row.path].map(certificate).reverse()
    const { policies, fault } = processPolicies(chain, true, inputs(row))
    assert.equal(
      fault?.kind ??
        policies
          .map(nameOf)
          .sort()
          .join(row.gives === 'any' ? ' ' : ''),
      row.gives,
    )
  })
}

test('policies: mappings that would double a tree at every certificate cost nothing', () => {
  const doubling = certificate({ policies: 'ab', maps: 'a>a a>b b>a b>b' })
  const chain = [certificate({ policies: 'ab' }), ...Array<Certificate>(60).fill(doubling), certificate({})]
  const start = performance.now()
  const { policies } = processPolicies(chain, true, inputs({ inputs: must }))
  assert.deepEqual(policies.map(nameOf).sort(), ['a', 'b'])
  assert.ok(performance.now() - start < 2000)
})
