import assert from 'node:assert/strict'
import { test } from 'node:test'
import { base64, fromBase64, fromHex, fromLatin1, fromUtf8, hex, latin1, utf8 } from './text.ts'

test('text: base64 is that of Buffer, both ways, for every length', () => {
  for (let length = 0; length < 70; length++) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 167 + length * 59) & 255)
    const text = Buffer.from(bytes).toString('base64')
    assert.equal(base64(bytes), text)
    assert.deepEqual(fromBase64(text), bytes)
    assert.deepEqual(fromBase64(text.replace(/.{3}/g, '$& \r\n\t')), bytes)
  }
})

const refused = [
  'A',
  'AA',
  'AAA',
  'AA=',
  'AA===',
  'A===',
  '=',
  'AB==',
  'AAB=',
  'AA==A',
  'AA=A',
  'A-A=',
  'Ä===',
  'AAAA=',
  'AA\u{1F600}=',
]
for (const text of refused) {
  test(`text: "${text}" is not base64`, () => assert.equal(fromBase64(text), undefined))
}

test('text: hexadecimal both ways', () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i)
  assert.equal(hex(bytes), Buffer.from(bytes).toString('hex'))
  assert.equal(hex(bytes.subarray(9, 12), ':'), '09:0a:0b')
  assert.deepEqual(fromHex(hex(bytes).toUpperCase()), bytes)
  for (const text of ['0', '0g', '0x00', '00 00', '00\n']) assert.equal(fromHex(text), undefined)
})

test('text: latin1 both ways, also when long', () => {
  const bytes = Uint8Array.from({ length: 20_000 }, (_, i) => i & 255)
  assert.deepEqual(fromLatin1(latin1(bytes)), bytes)
  assert.equal(fromLatin1('Ā'), undefined)
})

test('text: UTF-8 is read strictly and whole', () => {
  assert.equal(fromUtf8(utf8('\ufeffZoë 🙂')), '\ufeffZoë 🙂')
  for (const bad of ['ff', 'c3', 'c080', 'eda080', 'f4908080'])
    assert.equal(fromUtf8(fromHex(bad) as Uint8Array), undefined)
})
