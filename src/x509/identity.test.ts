import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import { test } from 'node:test'
import { hex } from '../bytes/text.ts'
import { ipText } from './general-name.ts'
import { isDnsName, matchesDns, parseIp, parseReference } from './identity.ts'

const matches: readonly (readonly [pattern: string, host: string, boolean])[] = [
  ['example.com', 'example.com', true],
  ['EXAMPLE.com', 'example.com', true],
  ['example.com', 'www.example.com', false],
  ['www.example.com', 'example.com', false],
  ['*.example.com', 'www.example.com', true],
  ['*.EXAMPLE.com', 'www.example.com', true],
  ['*.example.com', 'example.com', false],
  ['*.example.com', 'a.b.example.com', false],
  ['*.example.com', '.example.com', false],
  ['*.com', 'example.com', false],
  ['*.', 'example', false],
  ['*', 'example', false],
  ['*.*.com', 'a.b.com', false],
  ['w*.example.com', 'www.example.com', false],
  ['*w.example.com', 'www.example.com', false],
  ['www.*.com', 'www.example.com', false],
  ['xn--*.example.com', 'xn--a.example.com', false],
  ['*.example.com', 'xn--bcher-kva.example.com', true],
  ['xn--bcher-kva.example', 'xn--bcher-kva.example', true],
  ['example.com.', 'example.com', false],
  ['', '', false],
  ['exam ple.com', 'exam ple.com', false],
  ['example.com\0.evil.com', 'example.com', false],
  ['*.example.com', '*.example.com', true],
]
for (const [pattern, host, expected] of matches) {
  test(`identity: ${JSON.stringify(pattern)} ${expected ? 'is' : 'is not'} for ${JSON.stringify(host)}`, () => {
    assert.equal(matchesDns(pattern, host), expected)
  })
}

const names: readonly (readonly [string, boolean])[] = [
  ['a', true],
  ['a-b.c_d', true],
  ['_dmarc.example.com', true],
  ['-a.example', false],
  ['a-.example', false],
  ['a..b', false],
  ['.a', false],
  ['a.', false],
  ['', false],
  ['ä.example', false],
  ['a\n', false],
  [`${'a'.repeat(63)}.b`, true],
  [`${'a'.repeat(64)}.b`, false],
  [`${'a.'.repeat(126)}a`, true],
  [`${'a.'.repeat(127)}a`, false],
]
for (const [name, expected] of names) {
  test(`identity: ${JSON.stringify(name).slice(0, 30)} ${expected ? 'is' : 'is not'} a host name`, () =>
    assert.equal(isDnsName(name), expected))
}

test('identity: addresses are read as Node reads them, and printed in short', () => {
  const addresses = [
    '127.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '1::',
    '2001:db8::1',
    '1:2:3:4:5:6:7:8',
    '::ffff:192.0.2.1',
    '1:2:3:4:5:6:192.0.2.1',
    '1::8',
    '1:0:0:2::3',
    'FE80::A',
  ]
  const others = [
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.4.5',
    '1.2.3.4 ',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '::12345',
    '::g',
    'fe80::1%eth0',
    '::1.2.3',
    '1.2.3.4::',
    '',
    '::1.2.3.4:5',
    '[1.2.3.4]',
  ]
  for (const text of addresses) {
    const bytes = parseIp(text)
    assert.ok(bytes && bytes.length === (isIP(text) === 4 ? 4 : 16), text)
    assert.deepEqual(parseIp(ipText(bytes)), bytes)
    if (isIP(text) === 6) assert.deepEqual(parseIp(`[${text}]`), bytes)
  }
  for (const text of others) {
    assert.equal(parseIp(text), undefined, text)
  }
  assert.equal(hex(parseIp('1:2:3:4:5:6:7::') as Uint8Array), '00010002000300040005000600070000')
  const printed: readonly (readonly [string, string])[] = [
    ['0:0:0:0:0:0:0:0', '::'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['2001:DB8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['10:0:0:20:0:0:0:30', '10:0:0:20::30'],
  ]
  for (const [from, to] of printed) assert.equal(ipText(parseIp(from) as Uint8Array), to)
})

const references: readonly (readonly [string, string | undefined])[] = [
  ['Example.COM', 'dns'],
  ['example.com.', 'dns'],
  ['localhost', 'dns'],
  ['192.0.2.1', 'ip'],
  ['[2001:db8::1]', 'ip'],
  ['a@example.com', 'email'],
  ['1.2.3', undefined],
  ['1.2.3.4.5', undefined],
  ['0x7f.1', undefined],
  ['127.0.0.0x1', undefined],
  ['bücher.example', undefined],
  ['a@b@c', undefined],
  ['@example.com', undefined],
  ['', undefined],
  ['*.example.com', undefined],
]
for (const [text, type] of references) {
  test(`identity: "${text}" as a reference is ${type ?? 'nothing'}`, () =>
    assert.equal(parseReference(text)?.type, type))
}
