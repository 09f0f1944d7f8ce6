import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { noOpenssl as skip, typetls } from '../../test/cli.ts'

const folder = mkdtempSync(join(tmpdir(), 'typetls-req-'))
after(() => rmSync(folder, { recursive: true }))
const path = (name: string): string => join(folder, name)

interface Ended {
  readonly out: string
  readonly err: string
  readonly code: number | null
}
const ours = async (...args: readonly string[]): Promise<Ended> => {
  const running = typetls(args.map((arg) => (/^[\w.-]+\.(?:pem|key|der)$/.test(arg) ? path(arg) : arg)))
  const code = await running.code
  return { out: running.out, err: running.err, code }
}
const theirs = (...args: readonly string[]): Ended => {
  const { stdout, stderr, status } = spawnSync('openssl', args, { input: '', encoding: 'utf8', cwd: folder })
  return { out: stdout, err: stderr, code: status }
}
const good = async (...args: readonly string[]): Promise<string> => {
  const { out, err, code } = await ours(...args)
  assert.equal(code, 0, err)
  return out
}

const SAN =
  'subjectAltName=DNS:a.example,DNS:*.b.example,IP:192.0.2.1,IP:2001:db8::1,email:me@a.example,URI:https://a.example/'
const ALL = [SAN, 'basicConstraints=critical,CA:FALSE', 'keyUsage=critical,digitalSignature,keyAgreement']
const adding = (extensions: readonly string[]): string[] => extensions.flatMap((extension) => ['-addext', extension])
const SUBJECT = '/C=US/O=Rows, Inc./CN=a.example'

const kinds: readonly (readonly [name: string, ...args: readonly string[]])[] = [
  ['ec', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  ['p384', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:secp384r1'],
  ['rsa', '-newkey', 'rsa:2048'],
  ['ed25519', '-newkey', 'ed25519'],
]
for (const [name, ...kind] of kinds) {
  const files = ['-keyout', `${name}.key`, '-out', `${name}.pem`]
  test(`req -new ${kind.join(' ')}: as OpenSSL reads it`, { skip }, async () => {
    const purposes = 'extendedKeyUsage=serverAuth,clientAuth,1.2.3.4'
    await good('req', '-new', ...kind, '-noenc', ...files, '-subj', SUBJECT, ...adding([...ALL, purposes]))
    if (process.platform !== 'win32') assert.equal(statSync(path(`${name}.key`)).mode & 0o777, 0o600)
    assert.equal(theirs('req', '-in', `${name}.pem`, '-noout', '-verify').code, 0)
    const shown = ['req', '-in', `${name}.pem`, '-noout', '-text', '-subject', '-pubkey']
    assert.equal(await good(...shown), theirs(...shown).out)
    assert.equal(
      theirs('pkey', '-in', `${name}.key`, '-pubout').out,
      await good('req', '-in', `${name}.pem`, '-noout', '-pubkey'),
    )
  })
}

test('req -passout encrypts keys, and -passin opens them', { skip }, async () => {
  const [made, signed] = [
    ['-keyout', 'locked.key', '-out', 'locked.pem'],
    ['-keyout', 'below.key', '-out', 'below.pem'],
  ]
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
  await good('req', '-x509', ...ec, '-passout', 'pass:open sesame', ...made, '-subj', '/CN=locked')
  assert.match(readFileSync(path('locked.key'), 'utf8'), /^-----BEGIN ENCRYPTED PRIVATE KEY-----/)
  assert.equal(theirs('pkey', '-in', 'locked.key', '-passin', 'pass:open sesame', '-noout').code, 0)
  const under = ['req', ...ec, '-noenc', ...signed, '-subj', '/CN=below', '-CA', 'locked.pem', '-CAkey', 'locked.key']
  assert.match((await ours(...under)).err, /no password was given/)
  assert.match((await ours(...under, '-passin', 'pass:wrong')).err, /the password is wrong/)
  await good(...under, '-passin', 'pass:open sesame')
  assert.equal(theirs('verify', '-CAfile', 'locked.pem', 'below.pem').code, 0)
})

test('req reads what OpenSSL wrote, PEM and DER', { skip }, async () => {
  const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'theirs.key']
  assert.equal(theirs('req', '-new', ...made, '-subj', SUBJECT, ...adding(ALL), '-out', 'theirs.pem').code, 0)
  theirs('req', '-in', 'theirs.pem', '-outform', 'DER', '-out', 'theirs.der')
  for (const file of ['theirs.pem', 'theirs.der']) {
    const { out, err, code } = await ours('req', '-in', file, '-text', '-subject', '-verify')
    assert.deepEqual([code, err], [0, 'Certificate request self-signature verify OK\n'])
    assert.equal(out, theirs('req', '-in', 'theirs.pem', '-text', '-subject').out)
  }
})

test('req -verify refuses a request that was changed', async () => {
  await good(
    'req',
    '-newkey',
    'ed25519',
    '-noenc',
    '-keyout',
    'x.key',
    '-subj',
    '/CN=good',
    '-outform',
    'DER',
    '-out',
    'x.der',
  )
  const bytes = readFileSync(path('x.der'))
  bytes.write('evil', bytes.indexOf('good'))
  writeFileSync(path('evil.der'), bytes)
  const { err, code } = await ours('req', '-in', 'evil.der', '-noout', '-verify')
  assert.equal(code, 1)
  assert.match(err, /^typetls: req: the request is not signed by the key that is in it.*\n$/)
})

test('req -x509 makes a certificate that signs itself', { skip }, async () => {
  const files = ['-keyout', 'self.key', '-out', 'self.pem']
  await good('req', '-x509', '-newkey', 'ec', '-nodes', ...files, '-subj', '/CN=self', '-days', '7', '-addext', SAN)
  assert.equal(
    theirs('verify', '-CAfile', 'self.pem', '-verify_hostname', 'x.b.example', 'self.pem').out,
    'self.pem: OK\n',
  )
  const shown = theirs('x509', '-in', 'self.pem', '-noout', '-text').out
  assert.match(shown, /Basic Constraints: critical\n +CA:TRUE\n/)
  assert.doesNotMatch(shown, /Key Usage/)
  assert.equal(theirs('x509', '-in', 'self.pem', '-noout', '-checkend', `${6 * 86_400}`).code, 0)
  assert.equal(theirs('x509', '-in', 'self.pem', '-noout', '-checkend', `${8 * 86_400}`).code, 1)
})

const CA = ['-CA', 'ca.pem', '-CAkey', 'ca.key']
const makeCa = (): Promise<string> => {
  const wanted = adding(['basicConstraints=critical,CA:TRUE,pathlen:0', 'keyUsage=critical,keyCertSign,cRLSign'])
  const files = ['-keyout', 'ca.key', '-out', 'ca.pem']
  return good('req', '-x509', '-newkey', 'ec', '-noenc', ...files, '-subj', '/CN=Rows CA', ...wanted)
}

test('req -CA issues: for a new key, and for a request', { skip }, async () => {
  await makeCa()
  const san = ['-addext', 'subjectAltName=DNS:leaf.example']
  await good(
    'req',
    ...CA,
    '-newkey',
    'ed25519',
    '-noenc',
    '-keyout',
    'l.key',
    '-out',
    'l.pem',
    '-subj',
    '/CN=leaf.example',
    ...san,
  )
  await good(
    'req',
    '-newkey',
    'rsa:2048',
    '-noenc',
    '-keyout',
    'r.key',
    '-out',
    'r.pem',
    '-subj',
    '/O=Rows/CN=leaf.example',
  )
  await good('req', '-in', 'r.pem', ...CA, '-out', 'rl.pem', ...san)
  for (const leaf of ['l.pem', 'rl.pem']) {
    const strict = ['-x509_strict', '-purpose', 'sslserver', '-verify_hostname', 'leaf.example']
    assert.equal(theirs('verify', '-CAfile', 'ca.pem', ...strict, leaf).out, `${leaf}: OK\n`)
    assert.equal((await ours('verify', '-CAfile', 'ca.pem', ...strict, leaf)).code, 0)
    assert.match(theirs('x509', '-in', leaf, '-noout', '-text').out, /CA:FALSE/)
  }
  assert.equal(
    theirs('x509', '-in', 'rl.pem', '-noout', '-subject').out,
    theirs('req', '-in', 'r.pem', '-noout', '-subject').out,
  )
})

test('req puts key and certificate into one file for their owner alone', async () => {
  writeFileSync(path('both.pem'), 'old', { mode: 0o644 })
  await good(
    'req',
    '-x509',
    '-newkey',
    'ed25519',
    '-noenc',
    '-keyout',
    'both.pem',
    '-out',
    'both.pem',
    '-subj',
    '/CN=both',
  )
  assert.match(readFileSync(path('both.pem'), 'utf8'), /^-----BEGIN PRIVATE KEY[^]*-----BEGIN CERTIFICATE-----[^]*\n$/)
  if (process.platform !== 'win32') assert.equal(statSync(path('both.pem')).mode & 0o777, 0o600)
})

const subjects: readonly (readonly [subject: string, shown: string])[] = [
  ['/CN=a\\/b', 'CN = a/b'],
  ['/CN=a\\+b\\\\', 'CN = "a+b\\\\"'],
  ['/', ''],
  ['/emailAddress=a@example.com/2.5.4.3=x=y', 'emailAddress = a@example.com, CN = x=y'],
]
for (const [subject, shown] of subjects) {
  test(`req -subj ${subject}`, async () => {
    const out = await good(
      'req',
      '-newkey',
      'ed25519',
      '-noenc',
      '-keyout',
      's.key',
      '-subj',
      subject,
      '-noout',
      '-subject',
    )
    assert.equal(out, `subject=${shown}\n`)
  })
}

const NEW = ['-newkey', 'ed25519', '-noenc', '-keyout', 'f.key']
const NAMED = [...NEW, '-subj', '/CN=x']
const refused: readonly (readonly [args: readonly string[], said: RegExp])[] = [
  [['-new'], /a key is needed/],
  [NEW, /-subj must say/],
  [['-newkey', 'ed25519', '-noenc', '-subj', '/CN=x'], /-newkey needs -keyout/],
  [['-newkey', 'ed25519', '-keyout', 'f.key', '-subj', '/CN=x'], /-passout must say with which password/],
  [[...NAMED, '-passout', 'pass:x'], /contradict each other/],
  [['-newkey', 'ed25519', '-keyout', 'f.key', '-subj', '/CN=x', '-passout', 'x'], /pass:word, file:path or env:/],
  [['-newkey', 'ed25519', '-keyout', 'f.key', '-subj', '/CN=x', '-passout', 'pass:'], /would protect nothing/],
  [['-newkey', 'dsa:2048'], /-newkey takes kind/],
  [['-newkey', 'rsa:1024', '-noenc', '-keyout', 'f.key', '-subj', '/CN=x'], /2048 to 16384 bits here, and not 1024/],
  [[...NAMED, '-pkeyopt', 'ec_paramgen_curve:P-256'], /is not for keys of the kind ed25519/],
  [[...NAMED, '-key', 'f.key'], /choose one of them/],
  [[...NAMED, '-days', '3'], /-days is for certificates/],
  [[...NAMED, '-addext', 'nsComment=x'], /-addext takes extension: subjectAltName/],
  [[...NAMED, '-addext', 'subjectAltName=a.example'], /before each name/],
  [[...NAMED, '-addext', 'subjectAltName=IP:a.example'], /an IP address after IP:/],
  [[...NAMED, '-addext', 'keyUsage=signing'], /for keyUsage some of/],
  [[...NAMED, '-addext', 'extendedKeyUsage=CN'], /serverAuth, clientAuth and the like/],
  [[...NAMED, '-addext', 'basicConstraints=CA:maybe'], /basicConstraints as CA:TRUE/],
  [[...NAMED, '-addext', 'basicConstraints=CA:FALSE,pathlen:0'], /a pathlen only with CA:TRUE/],
  [[...NAMED, ...adding(['keyUsage=cRLSign', 'keyUsage=keyCertSign'])], /gives keyUsage twice/],
  [[...NEW, '-subj', 'CN=x'], /begins with a slash/],
  [[...NEW, '-subj', '/CN=x+O=y'], /one value after each slash/],
  [[...NEW, '-subj', '/serverAuth=x'], /types such as C, O and CN/],
  [[...NEW, '-subj', '/C=USA'], /C of two letters/],
  [['-in', 'none.pem', '-noout', '-text'], /cannot read .*none\.pem/],
  [['-in', 'both.pem', '-noout'], /no "-----BEGIN CERTIFICATE REQUEST-----"/],
  [[...NAMED, '-CAkey', 'f.key'], /-CAkey needs -CA/],
  [[...NAMED, '-x509', '-CA', 'leaf.pem', '-CAkey', 'leaf.key'], /is not the certificate of a CA/],
  [[...NAMED, '-x509', '-CA', 'leaf.pem', '-CAkey', 'both.pem'], /is not the key of the CA/],
]
for (const [args, said] of refused) {
  test(`req ${args.join(' ')} ends with 1`, async () => {
    if (args.includes('leaf.pem')) {
      const files = ['-keyout', 'leaf.key', '-out', 'leaf.pem', '-addext', 'basicConstraints=CA:FALSE']
      await good('req', '-x509', '-newkey', 'ed25519', '-noenc', ...files, '-subj', '/CN=leaf')
    }
    const { out, err, code } = await ours('req', ...args)
    assert.match(err, said)
    assert.match(err, /^typetls: [^\n]*\n$/)
    assert.deepEqual([out, code, existsSync(path('f.key'))], ['', 1, false])
  })
}

const DEV = path('dev')
const dev = (...args: readonly string[]): Promise<Ended> => ours('dev-ca', DEV, ...args)
const inDev = (name: string): string => join(DEV, name)

test('dev-ca makes a CA once, and certificates that verify', async () => {
  const first = await dev('Localhost', '127.0.0.1', '::1', '*.dev.example')
  assert.equal(first.code, 0, first.err)
  assert.match(first.out, /^wrote .*ca\.pem.*: a new CA\nwrote .*localhost\.pem/)
  const ca = readFileSync(inDev('ca.pem'), 'utf8')
  const second = await dev('other.example', '-days', '5')
  assert.match(second.out, /^used .*ca\.pem/)
  assert.equal(readFileSync(inDev('ca.pem'), 'utf8'), ca)
  for (const [file, check, name] of [
    ['localhost', '-verify_hostname', 'localhost'],
    ['localhost', '-verify_hostname', 'a.dev.example'],
    ['localhost', '-verify_ip', '::1'],
    ['other.example', '-verify_hostname', 'other.example'],
  ] as const) {
    const rules = ['-CAfile', inDev('ca.pem'), '-purpose', 'sslserver', '-x509_strict', check, name]
    assert.equal((await ours('verify', ...rules, inDev(`${file}.pem`))).code, 0, name)
    if (!skip) assert.equal(theirs('verify', ...rules, inDev(`${file}.pem`)).code, 0, name)
  }
  if (process.platform === 'win32') return
  for (const key of ['ca.key', 'localhost.key']) assert.equal(statSync(inDev(key)).mode & 0o777, 0o600)
})

test('dev-ca renews its own certificates, and writes over nobody else’s', async () => {
  await dev('again.example')
  const before = readFileSync(inDev('again.example.pem'), 'utf8')
  assert.equal((await dev('again.example')).code, 0)
  assert.notEqual(readFileSync(inDev('again.example.pem'), 'utf8'), before)
  writeFileSync(inDev('mine.example.key'), 'a key that is needed')
  const { err, code } = await dev('mine.example')
  assert.match(err, /mine\.example\.key is there already and not of this CA; move it away first\n$/)
  assert.equal(code, 1)
  assert.equal(readFileSync(inDev('mine.example.key'), 'utf8'), 'a key that is needed')
})

const misnamed: readonly (readonly [args: readonly string[], said: RegExp])[] = [
  [[], /needs a folder and the names/],
  [['../up'], /is no host name/],
  [['CA'], /take the files of the CA/],
  [['*.127.0.0.1'], /is no host name/],
  [['a@example.com'], /is no host name/],
  [['münchen.example'], /xn-- form/],
]
for (const [args, said] of misnamed) {
  test(`dev-ca ${args.join(' ')} ends with 1`, async () => {
    const { err, code } = await dev(...args)
    assert.match(err, said)
    assert.equal(code, 1)
  })
}

test('dev-ca refuses half a CA', async () => {
  const half = path('half')
  mkdirSync(half)
  writeFileSync(join(half, 'ca.pem'), readFileSync(inDev('ca.pem')))
  const { err, code } = await ours('dev-ca', half, 'localhost')
  assert.match(err, /cannot read .*ca\.key/)
  assert.equal(code, 1)
})
