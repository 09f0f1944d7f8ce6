import assert from 'node:assert/strict'
import { test } from 'node:test'
import { node } from '../crypto/node/index.ts'
import type { PrivateKey } from '../crypto/provider.ts'
import type { Certificate } from './certificate.ts'
import { comparisons, namesOf, violationOf } from './constraints.ts'
import { DerReader, tags } from './der.ts'
import type { GeneralName } from './general-name.ts'
import { parseIp } from './identity.ts'
import { makeCertificate } from './make.ts'
import { makeName, type NameParts, readName } from './name.ts'

const dns = (value: string): GeneralName => ({ type: 'dns', value })
const email = (value: string): GeneralName => ({ type: 'email', value })
const uri = (value: string): GeneralName => ({ type: 'uri', value })
const ip = (...texts: string[]): GeneralName => ({
  type: 'ip',
  value: Uint8Array.from(texts.flatMap((text) => [...(parseIp(text) as Uint8Array)])),
})
const directory = (parts: NameParts): GeneralName => ({
  type: 'directory',
  value: readName(new DerReader(makeName(parts), 'a name'), 'a name'),
})
const other: GeneralName = { type: 'other', oid: '1.2.3', value: Uint8Array.of(tags.null, 0) }

/** A constraint, a name, and what becomes of the name when the constraint is permitted, and when it is excluded. */
const rows: readonly (readonly [
  GeneralName,
  GeneralName,
  permitted: string | undefined,
  excluded: string | undefined,
])[] = [
  [dns('example.com'), dns('example.com'), undefined, 'excluded'],
  [dns('example.com'), dns('a.b.EXAMPLE.com'), undefined, 'excluded'],
  [dns('EXAMPLE.com'), dns('a.example.com'), undefined, 'excluded'],
  [dns('example.com'), dns('notexample.com'), 'notPermitted', undefined],
  [dns('a.example.com'), dns('example.com'), 'notPermitted', undefined],
  [dns(''), dns('example.com'), undefined, 'excluded'],
  [dns('example.com'), dns('*.example.com'), undefined, 'excluded'],
  [dns('a.example.com'), dns('*.example.com'), 'notPermitted', 'excluded'],
  [dns('a.b.example.com'), dns('*.example.com'), 'notPermitted', undefined],
  [dns('example.com'), dns('*.com'), 'notPermitted', 'excluded'],
  [dns('com'), dns('*.com'), undefined, 'excluded'],
  [dns('.example.com'), dns('a.example.com'), 'malformedConstraint', 'malformedConstraint'],
  [dns('*.example.com'), dns('a.example.com'), 'malformedConstraint', 'malformedConstraint'],
  [dns('example.com'), dns('.example.com'), 'malformedName', 'malformedName'],
  [dns('example.com'), dns('a b.example.com'), 'malformedName', 'malformedName'],
  [dns('example.com'), email('a@example.com'), undefined, undefined],
  [email('example.com'), email('a@EXAMPLE.com'), undefined, 'excluded'],
  [email('example.com'), email('a@b.example.com'), 'notPermitted', undefined],
  [email('.example.com'), email('a@b.example.com'), undefined, 'excluded'],
  [email('.example.com'), email('a@example.com'), 'notPermitted', undefined],
  [email('a@example.com'), email('a@example.COM'), undefined, 'excluded'],
  [email('a@example.com'), email('A@example.com'), 'notPermitted', undefined],
  [email('*@example.com'), email('a@example.com'), 'notPermitted', undefined],
  [email('a@b@example.com'), email('a@example.com'), 'malformedConstraint', 'malformedConstraint'],
  [email('example.com'), email('example.com'), 'malformedName', 'malformedName'],
  [uri('example.com'), uri('https://example.com/x'), undefined, 'excluded'],
  [uri('example.com'), uri('https://a@EXAMPLE.com:443?x'), undefined, 'excluded'],
  [uri('example.com'), uri('https://www.example.com/'), 'notPermitted', undefined],
  [uri('.example.com'), uri('https://www.example.com/'), undefined, 'excluded'],
  [uri('example.com'), uri('https://192.0.2.1/'), 'malformedName', 'malformedName'],
  [uri('example.com'), uri('https://[::1]/'), 'malformedName', 'malformedName'],
  [uri('example.com'), uri('urn:example.com'), 'malformedName', 'malformedName'],
  [uri('example.com'), uri('https://example.com@evil.example'), 'notPermitted', undefined],
  [ip('192.0.2.0', '255.255.255.0'), ip('192.0.2.77'), undefined, 'excluded'],
  [ip('192.0.2.0', '255.255.255.0'), ip('192.0.3.77'), 'notPermitted', undefined],
  [ip('0.0.0.0', '0.0.0.0'), ip('1.2.3.4'), undefined, 'excluded'],
  [ip('0.0.0.0', '0.0.0.0'), ip('::1'), 'notPermitted', undefined],
  [ip('2001:db8::', 'ffff:ffff::'), ip('2001:db8:1::1'), undefined, 'excluded'],
  [ip('192.0.2.0', '255.0.255.0'), ip('192.0.2.77'), 'malformedConstraint', 'malformedConstraint'],
  [directory({ C: 'DE', O: 'Example' }), directory({ C: 'DE', O: 'EXAMPLE ', CN: 'x' }), undefined, 'excluded'],
  [directory({ C: 'DE', O: 'Example' }), directory({ C: 'DE', CN: 'x' }), 'notPermitted', undefined],
  [directory({ C: 'DE', O: 'Example' }), directory({ C: 'DE' }), 'notPermitted', undefined],
  [directory({}), directory({ C: 'DE' }), undefined, 'excluded'],
  [other, other, 'unsupportedConstraint', 'unsupportedConstraint'],
  [other, dns('example.com'), undefined, undefined],
]

const text = (name: GeneralName): string => `${name.type} ${String(name.value)}`
for (const [base, name, permitted, excluded] of rows) {
  test(`constraints: ${text(base)} and ${text(name)}`, () => {
    assert.equal(violationOf({ permitted: [base], excluded: [] }, [name])?.verdict, permitted)
    assert.equal(violationOf({ permitted: [], excluded: [base] }, [name])?.verdict, excluded)
  })
}

test('constraints: exclusion goes before permission, and all names count', () => {
  const both = { permitted: [dns('example.com')], excluded: [dns('a.example.com')] }
  assert.equal(violationOf(both, [dns('b.example.com')]), undefined)
  assert.equal(violationOf(both, [dns('b.example.com'), dns('x.a.example.com')])?.verdict, 'excluded')
  assert.equal(violationOf(both, [dns('b.example.com'), dns('example.org')])?.verdict, 'notPermitted')
  const several = { permitted: [dns('example.com'), dns('example.org')], excluded: [] }
  assert.equal(violationOf(several, [dns('example.org'), dns('example.com')]), undefined)
})

test('constraints: a leading dot is malformed, unless it may mean all names below', () => {
  const below = { permitted: [dns('.example.com')], excluded: [] }
  assert.equal(violationOf(below, [dns('a.example.com')])?.verdict, 'malformedConstraint')
  for (const [name, verdict] of [
    ['a.example.com', undefined],
    ['*.example.com', undefined],
    ['example.com', 'notPermitted'],
    ['aexample.com', 'notPermitted'],
  ] as const)
    assert.equal(violationOf(below, [dns(name)], true, true)?.verdict, verdict, name)
})

test('constraints: of the subject, mail addresses are names, and common names where they are taken for hosts', () => {
  const key = node.generate('P-256') as PrivateKey
  const names = (subject: NameParts, san: readonly string[], commonNames: boolean): string[] => {
    const recipe = { subject, san, key, signer: key, notBefore: 0 }
    const all = namesOf(makeCertificate(recipe, node) as Certificate, commonNames)
    return all.flatMap((name) => (name.type === 'directory' ? [] : [text(name)]))
  }
  const mail = [['emailAddress', 'a@example.com']] as const
  assert.deepEqual(names(mail, ['b@example.com'], false), ['email b@example.com', 'email a@example.com'])
  const hosts = ['a.example', 'localhost', '192.0.2.1', 'a..example', 'a b.example', 'b.example.'].map(
    (name) => ['CN', name] as const,
  )
  assert.deepEqual(names(hosts, [], true), ['dns a.example'])
  assert.deepEqual(names(hosts, [], false), [])
  assert.deepEqual(names(hosts, ['c.example'], true), ['dns c.example'])
})

test('constraints: what they cost grows with names of the same kind only', () => {
  const constraints = {
    permitted: Array.from({ length: 10 }, () => dns('example.com')),
    excluded: [email('example.com')],
  }
  assert.equal(comparisons(constraints, []), 11)
  assert.equal(comparisons(constraints, [dns('a'), dns('b'), email('a@b')]), 3 + 10 * 3 + 2)
})
