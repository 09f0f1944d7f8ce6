import assert from 'node:assert/strict'
import * as crypto from 'node:crypto'
import { test } from 'node:test'
import { noble } from '../crypto/noble/index.ts'
import { node } from '../crypto/node/index.ts'
import type { PrivateKey } from '../crypto/provider.ts'
import type { Certificate } from './certificate.ts'
import { DerError, der, derInteger, derOctets, derOid, sequence } from './der.ts'
import { loadPrivateKey, type Password, readPrivateKey } from './keys.ts'
import { loadCertificates } from './load.ts'
import { makeCertificate } from './make.ts'
import { knownOid } from './oids.ts'
import { looksLikePem, PemError, readPem, writePem } from './pem.ts'

const rsa = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const ec = crypto.generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey
const ed = crypto.generateKeyPairSync('ed25519').privateKey
const bytesOf = (key: crypto.KeyObject): Uint8Array => new Uint8Array(key.export({ format: 'der', type: 'pkcs8' }))
const sealed = (cipher: string, format: 'pem' | 'der' = 'pem') =>
  rsa.export({ format: format as 'pem', type: 'pkcs8', cipher, passphrase: 'sesame' }) as string | Buffer

const old = (key: crypto.KeyObject, type: 'pkcs1' | 'sec1', cipher: string) =>
  key.export({ format: 'pem', type, cipher, passphrase: 'sesame' } as crypto.KeyExportOptions<'pem'>) as string

const sealedEc = ec.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'sesame' })
const noise = `nonsense before\r\n${writePem('CERTIFICATE', Uint8Array.of(1, 2, 3))}\nBag Attributes: x\n`

/** What `openssl pkcs8 -topk8 -scrypt` writes, with these costs. */
const byScrypt = (key: crypto.KeyObject, cost: number, blockSize = 8, parallel = 1): Uint8Array => {
  const [salt, iv] = [new Uint8Array(16).fill(7), new Uint8Array(16).fill(9)]
  const derived = crypto.scryptSync('sesame', salt, 32, { N: 1024, r: 8, p: 1 })
  const cipher = crypto.createCipheriv('aes-256-cbc', derived, iv)
  const content = Buffer.concat([cipher.update(bytesOf(key)), cipher.final()])
  const numbers = [cost, blockSize, parallel].map(derInteger)
  const parameters = sequence(
    sequence(derOid(knownOid('scrypt')), sequence(derOctets(salt), ...numbers)),
    sequence(derOid(knownOid('aes256Cbc')), derOctets(iv)),
  )
  return sequence(sequence(derOid(knownOid('pbes2')), parameters), derOctets(content))
}

const forms: readonly (readonly [string, string | Uint8Array, crypto.KeyObject, Password?])[] = [
  ['PKCS#8 RSA', rsa.export({ format: 'pem', type: 'pkcs8' }), rsa],
  ['PKCS#8 in DER', bytesOf(ec), ec],
  ['PKCS#8 Ed25519', ed.export({ format: 'pem', type: 'pkcs8' }), ed],
  ['PKCS#1', rsa.export({ format: 'pem', type: 'pkcs1' }), rsa],
  ['PKCS#1 in DER', rsa.export({ format: 'der', type: 'pkcs1' }), rsa],
  ['SEC1', ec.export({ format: 'pem', type: 'sec1' }), ec],
  ['SEC1 in DER', ec.export({ format: 'der', type: 'sec1' }), ec],
  [
    'SEC1 after its parameters',
    `-----BEGIN EC PARAMETERS-----\nBgUrgQQAIg==\n-----END EC PARAMETERS-----\n${ec.export({ format: 'pem', type: 'sec1' })}`,
    ec,
  ],
  [
    'with CR LF and other blocks before',
    noise + (rsa.export({ format: 'pem', type: 'pkcs8' }) as string).replaceAll('\n', '\r\n'),
    rsa,
  ],
  ['as bytes of a file', Buffer.from(noise + rsa.export({ format: 'pem', type: 'pkcs8' })), rsa],
  ['encrypted by AES-128', sealed('aes-128-cbc'), rsa, 'sesame'],
  ['encrypted by AES-192', sealed('aes-192-cbc'), rsa, Buffer.from('sesame')],
  ['encrypted by AES-256', sealed('aes-256-cbc'), rsa, () => 'sesame'],
  ['encrypted by triple DES', sealed('des-ede3-cbc'), rsa, 'sesame'],
  ["PKCS#1, encrypted in OpenSSL's old way", old(rsa, 'pkcs1', 'aes-128-cbc'), rsa, 'sesame'],
  ["SEC1, encrypted in OpenSSL's old way", old(ec, 'sec1', 'aes-256-cbc'), ec, 'sesame'],
  ['PKCS#1, encrypted by triple DES in the old way', old(rsa, 'pkcs1', 'des-ede3-cbc'), rsa, Buffer.from('sesame')],
  ['encrypted by way of scrypt', byScrypt(ec, 1024), ec, 'sesame'],
  ['encrypted in DER', sealed('aes-256-cbc', 'der'), rsa, 'sesame'],
]
for (const [what, data, key, password] of forms) {
  test(`keys: ${what}`, async () => {
    const ours = await loadPrivateKey(data, node, password)
    assert.deepEqual(
      new Uint8Array(crypto.createPublicKey(key).export({ format: 'der', type: 'spki' })),
      new Uint8Array(ours.spki),
    )
  })
}

const pbes2 = (iterations: number): Uint8Array =>
  sequence(
    sequence(
      derOid(knownOid('pbes2')),
      sequence(
        sequence(derOid(knownOid('pbkdf2')), sequence(derOctets(new Uint8Array(8)), derInteger(iterations))),
        sequence(derOid(knownOid('aes128Cbc')), derOctets(new Uint8Array(16))),
      ),
    ),
    derOctets(new Uint8Array(32)),
  )
const refused: readonly (readonly [string, string | Uint8Array, string, RegExp, Password?])[] = [
  ['no password', sealed('aes-256-cbc'), 'KeyError', /no password was given/],
  ['the wrong password', sealed('aes-256-cbc'), 'KeyError', /the password is wrong/, 'Sesame'],
  ['an unknown cipher', sealed('camellia-128-cbc'), 'KeyError', /which is not supported; AES-CBC and/, 'sesame'],
  [
    'the wrong password for an old key',
    old(rsa, 'pkcs1', 'aes-128-cbc'),
    'KeyError',
    /the password is wrong/,
    'Sesame',
  ],
  ['no password for an old key', old(ec, 'sec1', 'aes-128-cbc'), 'KeyError', /no password was given/],
  [
    'an old key with an unknown cipher',
    '-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: DES-CBC,0011223344556677\n\nAAAA\n-----END RSA PRIVATE KEY-----',
    'KeyError',
    /DES-CBC, which is not supported/,
    'sesame',
  ],
  ['scrypt that takes a gigabyte', byScrypt(ec, 1 << 20), 'KeyError', /1073741824 bytes of scrypt/, 'sesame'],
  ['scrypt a hundred times', byScrypt(ec, 1024, 8, 100), 'KeyError', /scrypt, 100 times/, 'sesame'],
  ['scrypt by a number that is no power of two', byScrypt(ec, 1000), 'DerError', /scrypt does not know/, 'sesame'],
  ['scrypt without blocks', byScrypt(ec, 1024, 0), 'DerError', /scrypt does not know/, 'sesame'],
  ['a hundred million rounds', pbes2(100_000_000), 'KeyError', /rounds of PBKDF2/, 'sesame'],
  [
    'an old key whose DEK-Info is damaged',
    '-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----',
    'KeyError',
    /DEK-Info/,
  ],
  ['no key', noise, 'PemError', /no private key in this text/],
  ['nothing', '', 'PemError', /no private key in this text/],
  ['garbage', Uint8Array.of(1, 2, 3), 'DerError', /./],
  ['a certificate for a key', sequence(sequence()), 'DerError', /./],
]
for (const [what, data, name, message, password] of refused) {
  test(`keys: ${what} is refused`, async () =>
    assert.rejects(async () => loadPrivateKey(data, node, password), { name, message }))
}

test('keys: a provider that cannot open encrypted keys says so', () => {
  const { pbkdf2, decryptCbc, ...without } = node
  assert.ok(pbkdf2 && decryptCbc)
  assert.throws(() => readPrivateKey(sealed('aes-256-cbc'), without, 'sesame'), {
    name: 'Misuse',
    message: /cannot open encrypted keys/,
  })
})

test('keys: encrypted keys open with the other provider too', () => {
  assert.deepEqual(readPrivateKey(sealedEc, noble, 'sesame'), bytesOf(ec))
  assert.deepEqual(readPrivateKey(byScrypt(ec, 1024), noble, 'sesame'), bytesOf(ec))
})

test('keys: what the other provider lacks is refused by name, and the rest of the old ways opens', () => {
  assert.throws(() => readPrivateKey(sealed('des-ede3-cbc'), noble, 'sesame'), {
    name: 'Misuse',
    message: /"noble" cannot open encrypted keys/,
  })
  const spki = (loadPrivateKey(old(ec, 'sec1', 'aes-256-cbc'), noble, 'sesame') as PrivateKey).spki
  assert.deepEqual(spki, (loadPrivateKey(bytesOf(ec), noble) as PrivateKey).spki)
})

test('keys: an answer that comes late is waited for', async () => {
  const late = {
    ...node,
    pbkdf2: async (...args: Parameters<NonNullable<typeof node.pbkdf2>>) => node.pbkdf2?.(...args) as Uint8Array,
  }
  const pkcs8 = readPrivateKey(sealed('aes-256-cbc'), late, 'sesame')
  assert.ok(pkcs8 instanceof Promise)
  assert.deepEqual(await pkcs8, bytesOf(rsa))
})

test('pem: what is written is read again, by Node as well', () => {
  for (const length of [1, 47, 48, 49, 96, 1000]) {
    const bytes = Uint8Array.from({ length }, (_, i) => i & 255)
    const [block] = readPem(writePem('SOMETHING', bytes))
    assert.deepEqual(block, { label: 'SOMETHING', bytes, headers: {} })
  }
  assert.equal(writePem('PRIVATE KEY', bytesOf(rsa)), rsa.export({ format: 'pem', type: 'pkcs8' }))
})

test('pem: several blocks, any line end, text around them', () => {
  const text = `# comment\r\n${writePem('A', Uint8Array.of(1)).replaceAll('\n', '\r\n')}between -----BEGIN\n${writePem('B', Uint8Array.of(2)).replaceAll('\n', '\r')}\r${writePem('C', Uint8Array.of(3)).trimEnd()}`
  assert.deepEqual(
    readPem(text).map(({ label, bytes }) => [label, ...bytes]),
    [
      ['A', 1],
      ['B', 2],
      ['C', 3],
    ],
  )
  assert.deepEqual(readPem(''), [])
  assert.equal(looksLikePem(Buffer.from(`\0${text}`)), true)
  assert.equal(looksLikePem(Uint8Array.of(0x2d, 0x2d, 0x2d)), false)
})

const broken: readonly (readonly [string, string, RegExp])[] = [
  ['without an end', '\n-----BEGIN A-----\nAAAA\n', /"A" that begins in line 2 has no end/],
  ['with the end of another', '-----BEGIN A-----\nAAAA\n-----END B-----', /not ended by its own END line/],
  ['begun twice', '-----BEGIN A-----\n-----BEGIN A-----\nAAAA\n-----END A-----', /not ended by its own END line/],
  ['that is not base64', '-----BEGIN A-----\nAAA!\n-----END A-----', /does not hold base64/],
  ['that is cut', '-----BEGIN A-----\nAAAAA\n-----END A-----', /does not hold base64/],
  ['that is empty', '-----BEGIN A-----\n-----END A-----', /does not hold base64/],
]
for (const [what, text, message] of broken) {
  test(`pem: a block ${what} is refused`, () => assert.throws(() => readPem(text), { name: 'PemError', message }))
}

test('pem: certificates are found in PEM, in DER, and as trusted certificates', () => {
  const key = node.generate('P-256') as PrivateKey
  const { raw } = makeCertificate({ subject: { CN: 'a' }, key, signer: key, notBefore: 0 }, node) as Certificate
  const pem = writePem('CERTIFICATE', raw)
  for (const data of [pem, Buffer.from(pem), raw, `${noise.replace(/-----BEGIN[^]*END CERT.*\n/, '')}${pem}`]) {
    assert.deepEqual(
      loadCertificates(data).map((certificate) => certificate.raw),
      [raw],
    )
  }
  assert.equal(loadCertificates(pem + pem).length, 2)
  const trusted = Buffer.concat([raw, der(0x30)])
  assert.deepEqual(loadCertificates(writePem('TRUSTED CERTIFICATE', trusted))[0]?.raw, raw)
  assert.throws(() => loadCertificates(writePem('CERTIFICATE', trusted)), DerError)
  assert.throws(() => loadCertificates('hello'), PemError)
})
