import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rootCertificates } from 'node:tls'
import { node } from '../crypto/node/index.ts'
import { type Maybe, runSync, wait } from '../task.ts'
import { DerReader, der, derOid, sequence, setOf, tags } from './der.ts'
import { loadCertificates } from './load.ts'
import { makeCertificate } from './make.ts'
import { type Name, readName } from './name.ts'
import { looseHash, looseHashOfKey, outline } from './outline.ts'
import { writePem } from './pem.ts'
import { Store } from './store.ts'

const now = <T>(answer: Maybe<T>): T => runSync(wait(answer))
const roots = rootCertificates.flatMap((pem) => loadCertificates(pem))

test('store: what is taken in late is found like what is taken in at once', () => {
  const [early, late] = [new Store(roots), new Store()]
  late.addLater(roots.map(({ raw }) => raw.slice()))
  assert.equal(late.size, early.size)
  for (const root of roots) {
    const texts = (store: Store) => store.bySubject(root.subject.key).map(({ text }) => text)
    assert.ok(texts(late).includes(root.text))
    assert.deepEqual(texts(late), texts(early))
    assert.ok(late.has(root))
    const keyId = root.known.subjectKeyIdentifier
    if (keyId)
      assert.deepEqual(
        late.byKeyId(keyId).map(({ text }) => text),
        early.byKeyId(keyId).map(({ text }) => text),
      )
  }
  assert.deepEqual(
    [...late].map(({ text }) => text),
    [...early].map(({ text }) => text),
  )
})

for (const size of [1, 2, 8, 9, 10, 60])
  test(`store: of ${size}, few or many, each is found and no other`, () => {
    const [inside, outside] = [roots.slice(0, size), roots.slice(size)]
    const store = new Store(inside)
    assert.equal(store.size, size)
    for (const root of inside) {
      assert.equal(store.add(root), false)
      assert.ok(store.has(root))
      assert.ok(store.bySubject(root.subject).includes(root))
      assert.ok(store.bySubject(root.subject.key).includes(root))
      const { subjectKeyIdentifier } = root.known
      if (subjectKeyIdentifier) assert.ok(store.byKeyId(subjectKeyIdentifier).includes(root))
    }
    const subjects = new Set(inside.map(({ subject }) => subject.key))
    for (const root of outside) {
      assert.ok(!store.has(root))
      if (subjects.has(root.subject.key)) continue
      assert.deepEqual(store.bySubject(root.subject), [])
      assert.deepEqual(store.bySubject(root.subject.key), [])
    }
    assert.throws(() => store.bySubject('no key'), SyntaxError)
  })

test('store: the same certificate counts once, however it comes', () => {
  const [root] = roots
  assert.ok(root)
  const store = new Store([root])
  assert.equal(store.add(root), false)
  assert.equal(store.load(writePem('CERTIFICATE', root.raw)), 0)
  store.addLater([root.raw.slice(), root.raw.slice()])
  assert.equal(store.size, 1)
})

test('store: what is malformed among many is passed over', () => {
  const [root] = roots
  assert.ok(root)
  const store = new Store()
  const broken = root.raw.slice()
  broken[root.raw.length - root.signature.length - 1] = 1 // the signature is a bit string of whole bytes no more
  store.addLater([new Uint8Array(0), Uint8Array.of(0x30, 0x80), broken, root.raw])
  assert.deepEqual(
    [...store].map(({ text }) => text),
    [root.text],
  )
  assert.deepEqual(
    store.bySubject(root.subject.key).map(({ text }) => text),
    [root.text],
  )
})

test('store: an outline says what parsing says', () => {
  const key = now(node.generate('P-256'))
  const recipes = [{ subject: { CN: 'a' } }, { subject: {}, san: ['a.example'] }, { subject: { O: 'x'.repeat(300) } }]
  const made = recipes.map((recipe) => now(makeCertificate({ ...recipe, key, signer: key, notBefore: 0 }, node)))
  for (const certificate of [...roots, ...made]) {
    const found = outline(certificate.raw)
    assert.deepEqual(found?.subject, certificate.subject.raw)
    assert.deepEqual(found?.keyId, certificate.known.subjectKeyIdentifier)
  }
  for (const root of roots.slice(0, 3))
    for (let end = 0; end < root.raw.length; end++) assert.equal(outline(root.raw.subarray(0, end)), undefined)
})

const name = (...values: readonly (readonly [oid: string, tag: number, bytes: Uint8Array])[]): Name => {
  const raw = sequence(...values.map(([oid, tag, bytes]) => setOf(sequence(derOid(oid), der(tag, bytes)))))
  return readName(new DerReader(raw, 'a name'), 'a name')
}
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))
const wide = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'utf16le').swap16())

/** All of one row are equal names. */
const equals: readonly (readonly [what: string, ...names: Name[]])[] = [
  [
    'case and space',
    name(['2.5.4.3', tags.utf8String, bytes(' A  Name ')]),
    name(['2.5.4.3', tags.printableString, bytes('a name')]),
  ],
  [
    'sixteen bits',
    name(['2.5.4.3', tags.bmpString, wide('Ünï 乁4')]),
    name(['2.5.4.3', tags.utf8String, bytes('Ünï 乁4')]),
  ],
  [
    'Latin',
    name(['2.5.4.3', tags.teletexString, Uint8Array.of(0x4d, 0xfc)]),
    name(['2.5.4.3', tags.utf8String, bytes('mü')]),
  ],
  ['no text', name(['1.2.3', tags.integer, Uint8Array.of(0x41)]), name(['1.2.3', tags.integer, Uint8Array.of(0x41)])],
  [
    'marks',
    name(['2.5.4.3', tags.utf8String, bytes('a="b\\"=#')]),
    name(['2.5.4.3', tags.utf8String, bytes('A="B\\"=#')]),
  ],
]
test('store: digits are not folded into text', () => {
  const [numeric, printable] = [tags.numericString, tags.printableString].map((tag) =>
    name(['2.5.4.3', tag, bytes('12')]),
  )
  assert.notEqual(numeric?.key, printable?.key)
  assert.equal(looseHashOfKey(numeric?.key as string), looseHash(numeric?.raw as Uint8Array))
})

for (const [what, ...names] of equals) {
  test(`store: names that are equal have the same hash: ${what}`, () => {
    for (const one of names) {
      assert.equal(one.key, names[0]?.key)
      assert.equal(looseHash(one.raw), looseHash((names[0] as Name).raw))
      assert.equal(looseHashOfKey(one.key), looseHash(one.raw))
    }
  })
}

test('store: every name of every root has one hash by both ways', () => {
  for (const { subject } of roots) assert.equal(looseHashOfKey(subject.key), looseHash(subject.raw))
  assert.ok(new Set(roots.map(({ subject }) => looseHash(subject.raw))).size > roots.length * 0.9)
})
