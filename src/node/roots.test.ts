import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { rootCertificates } from 'node:tls'
import { loadCertificates } from '../x509/load.ts'
import { certificatesInFolder, rootPlaces, roots, runtimeRoots, storeOfPlaces } from './roots.ts'

const folder = mkdtempSync(join(tmpdir(), 'typetls-roots-'))
after(() => rmSync(folder, { recursive: true }))
const [one, two, three] = rootCertificates as [string, string, string]
const file = (name: string, contents: string): string => {
  const path = join(folder, name)
  writeFileSync(path, contents)
  return path
}
const texts = (pems: readonly string[]): string[] =>
  pems.flatMap((pem) => loadCertificates(pem)).map(({ text }) => text)
const bundle = file('bundle.pem', `# text\r\n${one.replaceAll('\n', '\r\n')}\r\nbetween\n${two}\n${two}`)

test('roots: a file may hold several, with text around them, and the first file that holds any counts', () => {
  const empty = file('empty.pem', 'nobody')
  const store = storeOfPlaces({ file: [join(folder, 'none.pem'), empty, bundle, file('three.pem', three)], dir: [] })
  assert.deepEqual(
    [...store].map(({ text }) => text),
    texts([one, two]),
  )
})

test('roots: a folder gives what its files hold, and only those named by hash where there are such', () => {
  const [plain, hashed] = [join(folder, 'plain'), join(folder, 'hashed')]
  for (const path of [plain, hashed]) mkdirSync(path)
  file('plain/a.pem', one)
  file('plain/b.crt', two)
  file('plain/readme.txt', three)
  file('hashed/0123abcd.0', one)
  file('hashed/0123abcd.1', 'nobody')
  file('hashed/a.pem', one + two)
  assert.equal(certificatesInFolder(plain).length, 2)
  assert.equal(certificatesInFolder(hashed).length, 1)
  assert.deepEqual(certificatesInFolder(join(folder, 'none')), [])
  assert.equal(storeOfPlaces({ file: [bundle], dir: [plain, hashed] }).size, 2)
})

test('roots: the environment says where to look', () => {
  const { SSL_CERT_FILE: file, SSL_CERT_DIR: dir } = process.env
  const restore = (name: string, value: string | undefined): unknown =>
    value === undefined ? delete process.env[name] : (process.env[name] = value)
  try {
    process.env['SSL_CERT_FILE'] = bundle
    delete process.env['SSL_CERT_DIR']
    assert.deepEqual(rootPlaces(), { file: [bundle], dir: [] })
    process.env['SSL_CERT_DIR'] = folder
    delete process.env['SSL_CERT_FILE']
    assert.deepEqual(rootPlaces(), { file: [], dir: [folder] })
    delete process.env['SSL_CERT_DIR']
    assert.ok(rootPlaces().file.length > 2)
  } finally {
    restore('SSL_CERT_FILE', file)
    restore('SSL_CERT_DIR', dir)
  }
})

test('roots: those of the runtime are all there, and the system has some', () => {
  const bundled = runtimeRoots('bundled')
  assert.equal(bundled.size, new Set(texts(rootCertificates)).size)
  for (const root of rootCertificates.slice(0, 20).flatMap((pem) => loadCertificates(pem))) {
    assert.ok(bundled.has(root))
    assert.ok(bundled.bySubject(root.subject.key).some((other) => other.equals(root)))
  }
  assert.ok(roots().size > 20)
  assert.equal(roots(), roots())
})
