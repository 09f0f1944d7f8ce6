import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHmac, pbkdf2Sync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { concat } from '../bytes/compare.ts'
import { noble } from '../crypto/noble/index.ts'
import { node } from '../crypto/node/index.ts'
import { type Maybe, runSync, wait } from '../task.ts'
import { derOfBer } from './ber.ts'
import { DerError, der, derInteger, derNull, derOctets, derOid, sequence } from './der.ts'
import { makeCertificate } from './make.ts'
import { knownOid } from './oids.ts'
import { writePem } from './pem.ts'
import { type Pfx, readPfx } from './pfx.ts'

const now = <T>(answer: Maybe<T>): T => runSync(wait(answer))
const key = now(node.generate('P-256'))
const caKey = now(node.generate('P-256'))
const notBefore = Date.UTC(2026, 0, 1)
const ca = now(makeCertificate({ subject: { CN: 'pfx CA' }, key: caKey, signer: caKey, ca: true, notBefore }, node))
const leaf = now(makeCertificate({ subject: { CN: 'pfx' }, key, issuer: ca, signer: caKey, notBefore }, node))

const folder = mkdtempSync(join(tmpdir(), 'pfx-'))
after(() => rmSync(folder, { recursive: true }))
const file = (name: string): string => join(folder, name)
writeFileSync(file('key.pem'), writePem('PRIVATE KEY', key.pkcs8))
writeFileSync(file('leaf.pem'), writePem('CERTIFICATE', leaf.raw))
writeFileSync(file('ca.pem'), writePem('CERTIFICATE', ca.raw))

const skip = spawnSync('openssl', ['version']).status === 0 ? false : 'there is no openssl that could write PKCS#12'

/** Undefined when this openssl cannot write one so. */
const written = (password: string, ...args: readonly string[]): Uint8Array | undefined => {
  const out = file('out.p12')
  const from = ['-inkey', file('key.pem'), '-in', file('leaf.pem'), '-certfile', file('ca.pem'), '-name', 'Süß']
  const ended = spawnSync('openssl', [
    'pkcs12',
    '-export',
    ...from,
    '-passout',
    `pass:${password}`,
    '-out',
    out,
    ...args,
  ])
  return ended.status === 0 ? new Uint8Array(readFileSync(out)) : undefined
}

const rows: readonly (readonly [what: string, password: string, args: readonly string[], noble: boolean])[] = [
  ['as OpenSSL 3 writes it', 'sesame', [], true],
  [
    'by AES-128 with a MAC of SHA-384',
    'sesame',
    ['-keypbe', 'aes-128-cbc', '-certpbe', 'aes-128-cbc', '-macalg', 'sha384'],
    true,
  ],
  ['with a MAC of SHA-512 and one round', 'sesame', ['-macalg', 'sha512', '-iter', '1', '-nomaciter'], true],
  ['by triple DES', 'sesame', ['-keypbe', 'PBE-SHA1-3DES', '-certpbe', 'PBE-SHA1-3DES', '-macalg', 'sha1'], false],
  ['by triple DES with two keys', 'sesame', ['-keypbe', 'PBE-SHA1-2DES', '-certpbe', 'PBE-SHA1-2DES'], false],
  ['by triple DES under PBES2', 'sesame', ['-keypbe', 'des-ede3-cbc', '-certpbe', 'des-ede3-cbc'], false],
  ['with its contents in the open', 'sesame', ['-keypbe', 'NONE', '-certpbe', 'NONE'], true],
  ['without a MAC', 'sesame', ['-nomac'], true],
  ['with an empty password', '', [], true],
  ['with a password that is not ASCII', 'Käse€', [], true],
]
for (const [what, password, args, inPlainJavaScript] of rows) {
  test(`pfx: ${what}`, { skip }, (t) => {
    const bytes = written(password, ...args)
    if (!bytes) return t.skip('this openssl cannot write it')
    for (const provider of inPlainJavaScript ? [node, noble] : [node]) {
      const { keys, certificates }: Pfx = now(readPfx(bytes, provider, password))
      assert.equal(keys.length, 1)
      assert.deepEqual(now(node.privateKey(keys[0]?.pkcs8 as Uint8Array)).spki, key.spki)
      assert.equal(keys[0]?.name, 'Süß')
      assert.ok(keys[0]?.certificate?.equals(leaf))
      assert.deepEqual(certificates.map((certificate) => certificate.text).sort(), [ca.text, leaf.text].sort())
    }
  })
}

test('pfx: the wrong password, or none, is told', { skip }, () => {
  const bytes = written('sesame') as Uint8Array
  assert.throws(() => readPfx(bytes, node, 'Sesame'), { name: 'KeyError', message: /the password is wrong/ })
  assert.throws(() => readPfx(bytes, node), { name: 'KeyError', message: /no password was given/ })
  assert.equal(now(readPfx(bytes, node, () => 'sesame')).keys.length, 1)
})

test('pfx: a file that was changed does not open', { skip }, () => {
  const bytes = written('sesame', '-keypbe', 'NONE', '-certpbe', 'NONE') as Uint8Array
  const changed = bytes.slice()
  const at = Buffer.from(changed).indexOf('pfx CA')
  changed[at] = 0x71
  assert.throws(() => readPfx(changed, node, 'sesame'), { name: 'KeyError', message: /or the file was changed/ })
})

test('pfx: RC2 opens where the runtime has it and is refused by name elsewhere', { skip }, (t) => {
  const bytes = written('sesame', '-legacy')
  if (!bytes) return t.skip('this openssl cannot write it')
  try {
    assert.equal(now(readPfx(bytes, node, 'sesame')).certificates.length, 2)
  } catch (error) {
    assert.match(String(error), /Misuse: this runtime does not have the cipher rc2-40-cbc/)
  }
  assert.throws(() => readPfx(bytes, noble, 'sesame'), {
    name: 'Misuse',
    message: /"noble" cannot open encrypted keys/,
  })
})

const data = (content: Uint8Array): Uint8Array =>
  sequence(derOid('1.2.840.113549.1.7.1'), der(0xa0, derOctets(content)))
const pfx = (safe: Uint8Array, ...mac: readonly Uint8Array[]): Uint8Array => sequence(derInteger(3), safe, ...mac)
const certificateBag = sequence(
  derOid('1.2.840.113549.1.12.10.1.3'),
  der(0xa0, sequence(derOid('1.2.840.113549.1.9.22.1'), der(0xa0, derOctets(ca.raw)))),
)
const mac = (name: string, rounds: number): Uint8Array =>
  sequence(
    sequence(sequence(derOid(name), derNull), derOctets(new Uint8Array(20))),
    derOctets(new Uint8Array(8)),
    derInteger(rounds),
  )

const refused: readonly (readonly [what: string, bytes: Uint8Array, name: string, message: RegExp])[] = [
  ['version 1', sequence(derInteger(1), data(sequence())), 'KeyError', /has version 1/],
  ['signed data', pfx(sequence(derOid('1.2.840.113549.1.7.2'), der(0xa0, sequence()))), 'KeyError', /signed or sealed/],
  ['an MD5 MAC', pfx(data(sequence()), mac('1.2.840.113549.2.5', 1)), 'KeyError', /MAC with 1\.2\.840\.113549\.2\.5/],
  ['a billion rounds', pfx(data(sequence()), mac('1.3.14.3.2.26', 1e9)), 'KeyError', /asks for 1000000000 rounds/],
  ['nothing inside', pfx(data(sequence())), 'DerError', /neither a key nor a certificate/],
  ['no PKCS#12', ca.raw, 'DerError', /./],
  ['bytes at the end', concat(pfx(data(sequence())), Uint8Array.of(0)), 'DerError', /more than its parts/],
  ['a length beyond the end', Uint8Array.of(0x30, 0x84, 255, 255, 255, 255), 'DerError', /ends within/],
  ['a length left open without an end', Uint8Array.of(0x30, 0x80, 2, 1, 3), 'DerError', /ends within/],
  [
    'endless nesting',
    new Uint8Array(1000).fill(0x30).map((byte, at) => (at % 2 ? 0x80 : byte)),
    'DerError',
    /nested more than/,
  ],
]
for (const [what, bytes, name, message] of refused)
  test(`pfx: ${what} is refused`, () => assert.throws(() => readPfx(bytes, node, 'x'), { name, message }))

test('pfx: integrity by PBMAC1', () => {
  const content = sequence(data(sequence(certificateBag)))
  const salt = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
  const sha256 = sequence(derOid(knownOid('hmacWithSHA256')), derNull)
  const pbkdf2 = sequence(
    derOid(knownOid('pbkdf2')),
    sequence(derOctets(salt), derInteger(1000), derInteger(32), sha256),
  )
  const digest = createHmac('sha256', pbkdf2Sync('sesame', salt, 1000, 32, 'sha256'))
    .update(content)
    .digest()
  const algorithm = sequence(derOid(knownOid('pbmac1')), sequence(pbkdf2, sha256))
  const whole = pfx(data(content), sequence(sequence(algorithm, derOctets(digest)), derOctets(salt)))
  assert.equal(now(readPfx(whole, node, 'sesame')).certificates.length, 1)
  assert.throws(() => readPfx(whole, node, 'Sesame'), { name: 'KeyError', message: /the password is wrong/ })
})

test('pfx: cut at every byte it throws errors of its own', () => {
  const whole = pfx(data(sequence(data(sequence(certificateBag)))))
  assert.equal(now(readPfx(whole, node)).certificates[0]?.text, ca.text)
  for (let end = 0; end < whole.length; end++) assert.throws(() => readPfx(whole.subarray(0, end), node), DerError)
})

test('ber: open lengths and strings in pieces become DER', () => {
  const pieces = concat(
    Uint8Array.of(0x24, 0x80),
    derOctets(Uint8Array.of(1)),
    derOctets(Uint8Array.of(2, 3)),
    Uint8Array.of(0, 0),
  )
  const open = concat(
    Uint8Array.of(0x30, 0x80),
    derInteger(3),
    pieces,
    Uint8Array.of(0x02, 0x81, 1, 7),
    Uint8Array.of(0, 0),
  )
  assert.deepEqual(derOfBer(open, 'it'), sequence(derInteger(3), derOctets(Uint8Array.of(1, 2, 3)), derInteger(7)))
  const safe = sequence(data(sequence(certificateBag)))
  const half = safe.length >>> 1
  const cut = concat(
    Uint8Array.of(0x24, 0x80),
    derOctets(safe.subarray(0, half)),
    derOctets(safe.subarray(half)),
    Uint8Array.of(0, 0),
  )
  const info = concat(
    Uint8Array.of(0x30, 0x80, 2, 1, 3, 0x30, 0x80),
    derOid('1.2.840.113549.1.7.1'),
    Uint8Array.of(0xa0, 0x80),
    cut,
    new Uint8Array(6),
  )
  assert.equal(now(readPfx(info, node)).certificates[0]?.text, ca.text)
})
