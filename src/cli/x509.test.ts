import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { typetls } from '../../test/cli.ts'
import { concat } from '../bytes/compare.ts'
import { node } from '../crypto/node/index.ts'
import { type Maybe, runSync, wait } from '../task.ts'
import type { Certificate } from '../x509/certificate.ts'
import { constructed, der, derOid, sequence } from '../x509/der.ts'
import { type CertificateRecipe, makeCertificate } from '../x509/make.ts'
import { makeCrl } from '../x509/make-revocation.ts'
import { knownOid } from '../x509/oids.ts'
import { writePem } from '../x509/pem.ts'

const now = <T>(answer: Maybe<T>): T => runSync(wait(answer))
const folder = mkdtempSync(join(tmpdir(), 'typetls-x509-'))
after(() => rmSync(folder, { recursive: true }))
const path = (name: string): string => join(folder, name)
const file = (name: string, contents: string | Uint8Array): string => {
  writeFileSync(path(name), contents)
  return path(name)
}

const DAY = 86_400_000
const [caKey, interKey, key] = [now(node.generate('P-256')), now(node.generate('P-256')), now(node.generate('P-256'))]
const made = (recipe: Omit<CertificateRecipe, 'notBefore'> & { notBefore?: number }): Certificate =>
  now(makeCertificate({ notBefore: Date.now() - DAY, ...recipe }, node))
const ca = made({ subject: { O: 'Rows', CN: 'Root' }, key: caKey, signer: caKey, ca: true })
const inter = made({ subject: { O: 'Rows', CN: 'Between' }, key: interKey, issuer: ca, signer: caKey, ca: true })
const below = { key, issuer: inter, signer: interKey }
const leaf = made({
  ...below,
  subject: { C: 'US', CN: 'leaf' },
  san: ['example.com', '*.example.org', '192.0.2.1', 'a@example.com'],
})
const old = made({ ...below, subject: { CN: 'old' }, san: ['example.com'], notBefore: Date.now() - 30 * DAY, days: 2 })
const client = made({ ...below, subject: { CN: 'client' }, san: ['example.com'], extKeyUsage: ['clientAuth'] })
const self = made({ subject: { CN: 'self' }, key, signer: key, san: ['example.com'] })
for (const [name, certificate] of Object.entries({ ca, inter, leaf, old, client, self }))
  file(`${name}.pem`, `some text before\n${writePem('CERTIFICATE', certificate.raw)}`)
file('leaf.der', leaf.raw)
// as "openssl x509 -trustout" writes them
const SERVER = derOid(knownOid('serverAuth'))
for (const [name, certificate, settings] of [
  ['ca+server', ca, sequence(SERVER)],
  ['ca-server', ca, der(constructed(0), SERVER)],
  ['inter+server', inter, sequence(SERVER)],
] as const)
  file(`${name}.pem`, writePem('TRUSTED CERTIFICATE', concat(certificate.raw, sequence(settings))))

const lists = [
  { issuer: ca, signer: caKey },
  { issuer: inter, signer: interKey, revoked: [{ serial: client.serial, date: Date.now() - DAY }] },
].map((recipe) => now(makeCrl({ thisUpdate: Date.now() - DAY, number: 1, ...recipe }, node)))
file('lists.pem', lists.map(({ raw }) => writePem('X509 CRL', raw)).join(''))
file('ca+lists.pem', `${writePem('CERTIFICATE', ca.raw)}${readFileSync(path('lists.pem'), 'latin1')}`)

const openssl = spawnSync('openssl', ['version'], { encoding: 'utf8' }).stdout ?? ''
const skip = openssl.startsWith('OpenSSL 3.0.') ? false : 'there is no OpenSSL 3.0 to compare with'

interface Ended {
  readonly out: string
  readonly err: string
  readonly code: number | null
}
const theirs = (args: readonly string[], input = ''): Ended => {
  const { stdout, stderr, status } = spawnSync('openssl', args, { input, encoding: 'utf8', cwd: folder })
  return { out: stdout, err: stderr, code: status }
}
const ours = async (args: readonly string[], input = ''): Promise<Ended> => {
  const running = typetls(args, { input })
  const code = await running.code
  return { out: running.out, err: running.err, code }
}
/** Files are named alike for both. */
const inFolder = (args: readonly string[]): string[] =>
  args.map((arg) => (/\.(?:pem|der)$/.test(arg) ? path(arg) : arg))

const shown: readonly (readonly string[])[] = [
  ['-in', 'leaf.pem', '-noout', '-subject'],
  ['-in', 'leaf.pem', '-noout', '-issuer', '-subject', '-serial', '-dates'],
  ['-in', 'leaf.pem', '-noout', '-enddate', '-startdate'],
  ['-in', 'leaf.pem', '-noout', '-fingerprint'],
  ['-in', 'leaf.pem', '-noout', '-fingerprint', '-sha256'],
  ['-in', 'leaf.pem', '-noout', '-sha512', '-fingerprint', '-serial'],
  ['-in', 'leaf.pem', '-noout', '-text'],
  ['-in', 'leaf.pem', '-noout', '-pubkey'],
  ['-in', 'ca+server.pem', '-noout', '-text'],
  ['-in', 'ca-server.pem', '-text'],
  ['-in', 'leaf.pem', '-noout', '-email'],
  ['-in', 'leaf.pem', '-noout', '-ext', 'subjectAltName,keyUsage'],
  ['-in', 'leaf.pem', '-noout', '-ext', 'extendedKeyUsage'],
  ['-in', 'leaf.pem', '-noout', '-checkend', '0'],
  ['-in', 'leaf.pem', '-noout', '-checkend', '100000000'],
  ['-in', 'old.pem', '-noout', '-checkend', '0'],
  ['-in', 'leaf.pem', '-noout', '-checkhost', 'example.com'],
  ['-in', 'leaf.pem', '-noout', '-checkhost', 'a.example.org'],
  ['-in', 'leaf.pem', '-noout', '-checkhost', 'a.b.example.org'],
  ['-in', 'leaf.pem', '-noout', '-checkip', '192.0.2.1'],
  ['-in', 'leaf.pem', '-noout', '-checkip', '192.0.2.2'],
  ['-in', 'leaf.pem', '-noout', '-checkemail', 'a@example.com'],
  ['-in', 'leaf.pem'],
  ['-in', 'leaf.pem', '-outform', 'DER'],
  ['-in', 'leaf.der', '-inform', 'DER', '-subject'],
  ['-in', 'leaf.der', '-text'],
]
for (const args of shown) {
  test(`x509 ${args.join(' ')}`, { skip }, async () => {
    const [a, b] = [await ours(['x509', ...inFolder(args)]), theirs(['x509', ...args])]
    assert.equal(a.out, b.out)
    assert.equal(a.code, b.code)
  })
}

test('x509 reads standard input and writes files', async () => {
  const pem = writePem('CERTIFICATE', leaf.raw)
  assert.deepEqual(await ours(['x509', '-outform', 'PEM'], pem), { out: pem, err: '', code: 0 })
  assert.equal((await ours(['x509', '-outform', 'DER', '-out', path('out.der')], pem)).out, '')
  assert.deepEqual(new Uint8Array(readFileSync(path('out.der'))), leaf.raw)
})

test('x509 -json says the same as data', async () => {
  const { out } = await ours(['x509', '-noout', '-json', '-in', path('leaf.pem')])
  assert.equal(JSON.parse(out).subject.text, 'CN=leaf,C=US')
})

const failures: readonly (readonly [args: readonly string[], said: RegExp])[] = [
  [['x509', '-in', 'none.pem'], /cannot read .*none\.pem/],
  [['x509', '-in', 'leaf.pem', '-ext', 'nonsense'], /-ext knows no extension "nonsense"/],
  [['x509', '-in', 'leaf.pem', '-checkend', 'soon'], /-checkend takes seconds: a whole number/],
  [['x509', '-in', 'leaf.pem', '-sha1', '-sha256'], /contradict each other/],
  [['verify', '-CAfile', 'none.pem', 'leaf.pem'], /cannot read .*none\.pem/],
  [['verify', '-purpose', 'foo', 'leaf.pem'], /-purpose takes purpose: one of/],
  [['verify', '-policy', 'foo', 'leaf.pem'], /dotted decimal/],
  [['verify', '-CAfile', 'ca.pem', '-trusted', 'ca.pem', 'leaf.pem'], /contradict each other/],
  [['verify', '-bogus'], /has no option -bogus/],
]
for (const [args, said] of failures) {
  test(`${args.join(' ')} ends with 1`, async () => {
    const { err, code } = await ours(inFolder(args))
    assert.match(err, said)
    assert.equal(code, 1)
  })
}

const CA = ['-CAfile', 'ca.pem', '-untrusted', 'inter.pem']
/** Compared with OpenSSL, but for the words of errors, which differ between versions. */
const verified: readonly (readonly string[])[] = [
  [...CA, 'leaf.pem'],
  [...CA, '-show_chain', 'leaf.pem'],
  [...CA, 'leaf.pem', 'old.pem', 'client.pem'],
  ['-CAfile', 'ca.pem', 'leaf.pem'],
  ['-CAfile', 'ca.pem', 'self.pem'],
  ['-CAfile', 'self.pem', 'self.pem'],
  ['-CAfile', 'inter.pem', 'leaf.pem'],
  ['-CAfile', 'inter.pem', '-partial_chain', 'leaf.pem'],
  ['-trusted', 'ca.pem', '-untrusted', 'inter.pem', 'leaf.pem'],
  [...CA, '-verify_hostname', 'example.com', 'leaf.pem'],
  [...CA, '-verify_hostname', 'x.example.com', 'leaf.pem'],
  [...CA, '-verify_ip', '192.0.2.1', 'leaf.pem'],
  [...CA, '-verify_ip', '192.0.2.2', 'leaf.pem'],
  [...CA, '-verify_email', 'a@example.com', 'leaf.pem'],
  [...CA, '-verify_email', 'b@example.com', 'leaf.pem'],
  [...CA, '-verify_hostname', 'example.com', '-verify_ip', '192.0.2.2', 'leaf.pem'],
  [...CA, '-purpose', 'sslserver', 'leaf.pem'],
  [...CA, '-purpose', 'sslserver', 'client.pem'],
  [...CA, '-purpose', 'sslclient', 'client.pem'],
  [...CA, '-attime', '1000000000', 'leaf.pem'],
  [...CA, '-crl_check', 'leaf.pem'],
  [...CA, '-crl_check', '-CRLfile', 'lists.pem', 'leaf.pem'],
  [...CA, '-crl_check', '-CRLfile', 'lists.pem', 'client.pem'],
  ['-CAfile', 'ca+lists.pem', '-untrusted', 'inter.pem', '-crl_check', '-crl_check_all', 'leaf.pem'],
  ['-CAfile', 'ca+lists.pem', '-untrusted', 'inter.pem', '-crl_check', 'client.pem'],
  [...CA, '-x509_strict', 'leaf.pem'],
  [...CA, '-verify_depth', '1', 'leaf.pem'],
  [...CA, '-verify_depth', '0', 'leaf.pem'],
  [...CA, '-explicit_policy', '-policy', '1.2.3', 'leaf.pem'],
  [...CA, '-policy_check', '-use_deltas', '-extended_crl', '-trusted_first', 'leaf.pem'],
  ['-trusted', 'ca+server.pem', '-untrusted', 'inter.pem', '-purpose', 'sslserver', 'leaf.pem'],
  ['-trusted', 'ca+server.pem', '-untrusted', 'inter.pem', '-purpose', 'sslclient', 'client.pem'],
  ['-trusted', 'ca-server.pem', '-untrusted', 'inter.pem', '-purpose', 'sslserver', 'leaf.pem'],
  ['-trusted', 'ca-server.pem', '-untrusted', 'inter.pem', '-purpose', 'sslclient', 'client.pem'],
  ['-trusted', 'inter+server.pem', '-show_chain', '-purpose', 'sslserver', 'leaf.pem'],
  ['-CAstore', 'ca.pem', '-untrusted', 'inter.pem', 'leaf.pem'],
  ['-no-CAfile', '-no-CAstore', '-untrusted', 'inter.pem', 'leaf.pem'],
]
for (const args of verified) {
  test(`verify ${args.join(' ')}`, { skip }, async () => {
    // a folder of its own that holds nobody: OpenSSL would look into the system's
    const a = await ours(['verify', '-no-CApath', ...inFolder(args)])
    const b = theirs(['verify', '-no-CApath', ...args])
    const errors = ({ err }: Ended) =>
      [...err.matchAll(/^error (\d+) at (\d+) depth/gm)].map(([, code, at]) => `${code} at ${at}`)
    assert.equal(a.out.replaceAll(`${folder}/`, ''), b.out)
    assert.deepEqual(errors(a), errors(b), a.err)
    assert.equal(a.code, b.code)
  })
}

test('verify reads standard input', async () => {
  const args = ['verify', ...inFolder(CA)]
  assert.deepEqual(await ours(args, writePem('CERTIFICATE', leaf.raw)), { out: 'stdin: OK\n', err: '', code: 0 })
})

test('verify -explain says why, by which rule, and what would mend it', async () => {
  const { err, code } = await ours(['verify', '--explain', '-CAfile', path('ca.pem'), path('leaf.pem')])
  assert.equal(code, 2)
  assert.match(err, /^ {2}why: .*\n {2}rule: RFC 5280.*\n {2}mend: .*\n {2}path: .*leaf/m)
})

test('verify -json gives a line of JSON for each file', async () => {
  const { out, code } = await ours(['verify', '--json', ...inFolder([...CA, 'leaf.pem', 'old.pem'])])
  const [first, second] = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.equal(code, 2)
  assert.deepEqual(first, {
    file: path('leaf.pem'),
    ok: true,
    chain: ['CN=leaf,C=US', 'CN=Between,O=Rows', 'CN=Root,O=Rows'],
  })
  assert.equal(second.ok, false)
  assert.deepEqual([second.errors[0].code, second.errors[0].depth, second.errors[0].subject], [10, 0, 'CN=old'])
})
