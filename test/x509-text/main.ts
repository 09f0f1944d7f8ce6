/**
 * Prints certificates and holds them against `openssl x509 -text -noout`, byte for byte.
 *
 *   npm run suite:x509-text -- [FILE.der ... | FILE.pem ...] [--every N] [--show]
 *
 * Without files: the roots of Node and of this system, and the certificates of ../shared/data as far as they are there; of
 * all these every Nth, 25 by default, since OpenSSL is started for each. Only OpenSSL 3.0 prints in this form.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { rootCertificates } from 'node:tls'
import { parseArgs } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { certificateText, DerError, looksLikePem, parseCertificate, readPem } from '../../src/x509/index.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { every: { type: 'string' }, show: { type: 'boolean', default: false } },
})
const data = new URL('../../../shared/data/', import.meta.url)

/** Every certificate by its bytes, with where it was found. */
const found = new Map<string, { readonly raw: Uint8Array; readonly where: string }>()
const add = (raw: Uint8Array, where: string): void => {
  const key = Buffer.from(raw).toString('latin1')
  if (!found.has(key)) found.set(key, { raw, where })
}
const addFile = (contents: Uint8Array | string, where: string): void => {
  if (typeof contents !== 'string' && !looksLikePem(contents)) return add(contents, where)
  for (const { label, bytes } of readPem(contents)) if (label === 'CERTIFICATE') add(bytes, where)
}

/** PEM and base64 anywhere in JSON. */
const addJson = (value: unknown, where: string): void => {
  if (typeof value === 'string') {
    if (value.includes('-----BEGIN CERTIFICATE-----')) addFile(value, where)
    else if (/^MI[\w+/=]{200,}$/.test(value)) add(new Uint8Array(Buffer.from(value, 'base64')), where)
  } else if (typeof value === 'object' && value !== null) for (const part of Object.values(value)) addJson(part, where)
}

const quietly = (read: () => void): void => {
  try {
    read()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

for (const file of positionals) addFile(new Uint8Array(readFileSync(file)), file)
if (positionals.length === 0) {
  for (const pem of rootCertificates) addFile(pem, 'Node')
  quietly(() => addFile(new Uint8Array(readFileSync('/etc/ssl/certs/ca-certificates.crt')), 'system'))
  for (const name of ['limbo/cases', 'chains/pkits', 'chains/boringssl-pki', 'chains/real-chains'])
    quietly(() => addJson(JSON.parse(gunzipSync(readFileSync(new URL(`${name}.json.gz`, data))).toString()), name))
  quietly(() => {
    const folder = new URL('ssl-tests/certs/', data)
    for (const name of readdirSync(folder)) addFile(new Uint8Array(readFileSync(new URL(name, folder))), name)
  })
}

const openssl = spawnSync('openssl', ['version'], { encoding: 'utf8' }).stdout ?? ''
if (!openssl.startsWith('OpenSSL 3.0.')) {
  console.error(`suite:x509-text needs OpenSSL 3.0 beside it, and there is ${openssl.trim() || 'none'}`)
  process.exit(1)
}

const every = Number(values.every ?? (positionals.length > 0 ? 1 : 25))
const counts = { same: 0, different: 0, refusedByUs: 0, refusedByOpenssl: 0 }
/** What is told in `certificateText`: an error queue in the midst of the text, and extensions that are malformed. */
const known = { errorQueue: 0, malformed: 0 }
for (const { raw, where } of [...found.values()].filter((_, at) => at % every === 0)) {
  const { stdout, status } = spawnSync('openssl', ['x509', '-inform', 'DER', '-noout', '-text'], { input: raw })
  if (status !== 0) {
    counts.refusedByOpenssl++
    continue
  }
  const theirs = stdout.toString()
  try {
    const certificate = parseCertificate(raw)
    const ours = certificateText(certificate)
    if (ours === theirs) counts.same++
    else if (theirs.includes('Unable to load Public Key')) known.errorQueue++
    else if (certificate.flaws.length > 0) known.malformed++
    else {
      counts.different++
      const [a, b] = [ours.split('\n'), theirs.split('\n')]
      const at = a.findIndex((line, i) => line !== b[i])
      console.log(`${where}: line ${at + 1}: ours ${JSON.stringify(a[at])}, theirs ${JSON.stringify(b[at])}`)
      if (values.show) console.log(Buffer.from(raw).toString('base64'))
    }
  } catch (error) {
    if (!(error instanceof DerError)) throw error
    counts.refusedByUs++
  }
}
console.log(
  `x509-text: ${counts.same} alike, ${counts.different} different, ${known.malformed} with malformed extensions, ${known.errorQueue} with OpenSSL's errors in them, ${counts.refusedByUs} refused by us, ${counts.refusedByOpenssl} by OpenSSL; of ${found.size}, every ${every}`,
)
if (counts.different > 0 || counts.same === 0) process.exitCode = 1
