import assert from 'node:assert/strict'
import { test } from 'node:test'
import { utf8 } from '../bytes/text.ts'
import { DerError, DerReader, der, derOid, sequence, setOf, tags } from './der.ts'
import { makeName, type Name, type NameParts, oneLine, readName, sameName, slashed } from './name.ts'
import { oidOf } from './oids.ts'

const read = (der: Uint8Array): Name => readName(new DerReader(der, 'the name'), 'the name')
const name = (parts: NameParts): Name => read(makeName(parts))
const attribute = (type: string, tag: number, value: Uint8Array): Uint8Array =>
  sequence(derOid(oidOf(type) as string), der(tag, value))
const single = (tag: number, value: Uint8Array): Name => read(sequence(setOf(attribute('CN', tag, value))))
const wide = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'utf16le').swap16())

/** The value of CN, and how it is written by each printer; the first as OpenSSL prints it. */
const printed: readonly (readonly [string, oneLine: string, rfc4514: string])[] = [
  ['example.com', 'CN = example.com', 'CN=example.com'],
  ['Example, Inc.', 'CN = "Example, Inc."', 'CN=Example\\, Inc.'],
  ['a"b\\c', 'CN = a\\"b\\\\c', 'CN=a\\"b\\\\c'],
  ['a, "b"', 'CN = "a, \\"b\\""', 'CN=a\\, \\"b\\"'],
  [' a ', 'CN = " a "', 'CN=\\ a\\ '],
  ['#a', 'CN = "#a"', 'CN=\\#a'],
  ['a=b+c;d<e>', 'CN = "a=b+c;d<e>"', 'CN=a=b\\+c\\;d\\<e\\>'],
  ['Zoë', 'CN = Zo\\C3\\AB', 'CN=Zoë'],
  ['a\nb\0', 'CN = a\\0Ab\\00', 'CN=a\\0Ab\\00'],
  ['', 'CN = ', 'CN='],
]
for (const [value, line, rfc4514] of printed) {
  test(`names: ${JSON.stringify(value)} is printed`, () => {
    assert.equal(oneLine(name({ CN: value })), line)
    assert.equal(String(name({ CN: value })), rfc4514)
  })
}

test('names: order, types and several attributes in one', () => {
  const several = read(
    sequence(
      setOf(attribute('C', tags.printableString, utf8('DE'))),
      setOf(attribute('CN', tags.utf8String, utf8('a')), attribute('emailAddress', tags.ia5String, utf8('a@b'))),
    ),
  )
  assert.equal(oneLine(several), 'C = DE, CN = a + emailAddress = a@b')
  assert.equal(String(several), 'CN=a+emailAddress=a@b,C=DE')
  assert.equal(slashed(several), '/C=DE/CN=a/emailAddress=a@b')
  assert.equal(several.get('commonName'), 'a')
  assert.equal(several.get('O'), undefined)
  const unknown = name([['1.2.3.4', 'x']])
  assert.equal(oneLine(unknown), '1.2.3.4 = x')
  assert.equal(String(unknown), '1.2.3.4=#0c0178')
  assert.equal(slashed(name({ CN: 'ä\n' })), '/CN=\\xC3\\xA4\\x0A')
  assert.equal(name({}).empty, true)
})

/** Whether two names are equal (RFC 5280 section 7.1). */
const pairs: readonly (readonly [what: string, Name, Name, boolean])[] = [
  ['case', name({ CN: 'Example' }), name({ CN: 'eXAMPLE' }), true],
  ['white space', name({ CN: ' a  b\t' }), name({ CN: 'a b' }), true],
  ['string types', single(tags.printableString, utf8('Abc')), single(tags.utf8String, utf8('abc')), true],
  ['wide strings', single(tags.bmpString, wide('Zoë')), single(tags.utf8String, utf8('zoë')), true],
  ['letters', name({ CN: 'a' }), name({ CN: 'b' }), false],
  ['types', name({ CN: 'a' }), name({ O: 'a' }), false],
  [
    'order',
    name([
      ['CN', 'a'],
      ['O', 'b'],
    ]),
    name([
      ['O', 'b'],
      ['CN', 'a'],
    ]),
    false,
  ],
  [
    'length',
    name([['CN', 'a']]),
    name([
      ['CN', 'a'],
      ['CN', 'a'],
    ]),
    false,
  ],
  [
    'one more within',
    read(sequence(setOf(attribute('CN', tags.utf8String, utf8('a')), attribute('O', tags.utf8String, utf8('b'))))),
    name([
      ['CN', 'a'],
      ['O', 'b'],
    ]),
    false,
  ],
  [
    'a value that spells another name',
    name({ CN: 'a,2.5.4.10=b' }),
    name([
      ['CN', 'a'],
      ['O', 'b'],
    ]),
    false,
  ],
]
for (const [what, a, b, expected] of pairs) {
  test(`names: ${what} ${expected ? 'does not matter' : 'matters'}`, () => assert.equal(sameName(a, b), expected))
}

const malformed: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ['an empty relative name', sequence(setOf()), /ends where sequence should be/],
  [
    'UTF-8 that is none',
    sequence(setOf(attribute('CN', tags.utf8String, Uint8Array.of(0xff)))),
    /characters that its string type does not have/,
  ],
  [
    'a PrintableString beyond ASCII',
    sequence(setOf(attribute('CN', tags.printableString, Uint8Array.of(0xe4)))),
    /characters that its string type/,
  ],
  [
    'half a wide character',
    sequence(setOf(attribute('CN', tags.bmpString, Uint8Array.of(1)))),
    /characters that its string type/,
  ],
  ['a type without value', sequence(setOf(sequence(derOid('2.5.4.3')))), /./],
]
for (const [what, bytes, says] of malformed) {
  test(`names: ${what} is refused`, () =>
    assert.throws(
      () => read(bytes),
      (error: Error) => error instanceof DerError && says.test(error.message),
    ))
}

test('names: what is made has the string types of RFC 5280, and unknown types are refused', () => {
  const tagsOf = (parts: NameParts) =>
    name(parts)
      .rdns.flat()
      .map(({ tag }) => tag)
  assert.deepEqual(tagsOf({ C: 'DE', serialNumber: '1', emailAddress: 'a@b', DC: 'x', CN: 'y' }), [
    tags.printableString,
    tags.printableString,
    tags.ia5String,
    tags.ia5String,
    tags.utf8String,
  ])
  assert.throws(() => makeName({ nonsense: 'x' }), TypeError)
})
