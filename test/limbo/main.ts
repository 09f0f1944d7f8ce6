/**
 * Runs the cases of x509-limbo against our verifier.
 *
 *   npm run suite:limbo [-- FILE [--verbose]]    FILE: the cases as JSON, also gzipped
 *   npm run suite:limbo -- - < cases.json        answers in the suite's own protocol on stdout
 *
 * With a notes.json beside FILE there is a line for each of its tiers. The exit code is 1 when an invalid certificate
 * of a settled case was accepted, or a case was too slow.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { node } from '../../src/crypto/node/index.ts'
import { CertificateError } from '../../src/errors.ts'
import { runAsync } from '../../src/task.ts'
import { buildPath, DerError, loadCertificates, PemError } from '../../src/x509/index.ts'

interface Case {
  readonly id: string
  readonly features: readonly string[]
  readonly validation_kind: 'CLIENT' | 'SERVER'
  readonly trusted_certs: readonly string[]
  readonly untrusted_intermediates: readonly string[]
  readonly peer_certificate: string
  readonly validation_time: string | null
  readonly expected_result: Result
  readonly expected_peer_name: { readonly value: string } | null
  readonly expected_peer_names: readonly { readonly value: string }[]
  readonly extended_key_usage: readonly string[]
  readonly max_chain_depth: number | null
}
type Result = 'SUCCESS' | 'FAILURE' | 'SKIPPED'
interface Answer {
  readonly id: string
  readonly actual_result: Result
  readonly context: string
}

/** What a case may take, in milliseconds. */
const LIMIT = 1000
const NOT_YET: Readonly<Record<string, string>> = { 'has-crl': 'revocation lists are not processed' }

/** Why we answer otherwise than the suite, where that is meant. */
const EXPLAINED: Readonly<Record<string, string>> = {
  'rfc5280::ski::root-missing-ski': 'a root in wide trust (TWCA Global Root CA) has none',
  'webpki::ee-basicconstraints-ca':
    'as OpenSSL does: the CA flag of a leaf gives it nothing that it would not have as an issuer',
  'rfc5280::aki::cross-signed-root-missing-aki': 'key identifiers are hints; the signature decides',
  'webpki::aki::root-with-aki-all-fields': 'key identifiers are hints; the signature decides',
  'webpki::aki::root-with-aki-ski-mismatch': 'key identifiers are hints; the signature decides',
  'rfc5280::nc::permitted-dns-match-noncritical': 'the Web PKI allows it, and its own case wants it',
  'rfc5280::pc::ica-noncritical-pc': 'what is not critical and not processed is passed over',
  'rfc5280::serial::too-long': 'harmless, and in use',
  'webpki::eku::ee-without-eku': 'without the extension every purpose is allowed (RFC 5280)',
  'webpki::eku::root-has-eku': 'what it says is respected',
  'webpki::forbidden-rsa-key-not-divisible-by-8-in-leaf': 'harmless',
  'webpki::san::public-suffix-multi-label-wildcard-san': 'needs the public suffix list',
}
const COMMON_NAME = 'the common name is never looked at'

const judge = async (test: Case): Promise<Answer> => {
  const { id } = test
  const missing = test.features.map((feature) => NOT_YET[feature]).find((reason) => reason !== undefined)
  if (missing) return { id, actual_result: 'SKIPPED', context: missing }
  try {
    const names = [test.expected_peer_name, ...test.expected_peer_names].flatMap((name) => (name ? [name.value] : []))
    const purpose = test.validation_kind === 'SERVER' ? 'server' : 'client'
    const sent = [test.peer_certificate, ...test.untrusted_intermediates].flatMap((pem) => loadCertificates(pem))
    const options = {
      anchors: test.trusted_certs.flatMap((pem) => loadCertificates(pem)),
      partialChain: true,
      noName: true,
      // path validation alone knows no purpose; what is not about that alone is asked as a TLS end would ask
      anyPurpose: /^(?:rfc5280|pathlen)::/.test(id) && test.extended_key_usage.length === 0,
      ...(test.max_chain_depth !== null && { maxDepth: test.max_chain_depth }),
    }
    const time = test.validation_time === null ? Date.now() : Date.parse(test.validation_time)
    // every expected name must be there, and at least one question asked
    for (const name of names.length > 0 ? names : [undefined]) {
      await runAsync(buildPath(sent, { provider: node, purpose, time, ...(name !== undefined && { name }) }, options))
    }
    return { id, actual_result: 'SUCCESS', context: '' }
  } catch (error) {
    if (error instanceof CertificateError)
      return { id, actual_result: 'FAILURE', context: `${error.code}: ${error.message}` }
    if (error instanceof DerError || error instanceof PemError)
      return { id, actual_result: 'FAILURE', context: error.message }
    throw error
  }
}

const [file = fileURLToPath(new URL('../../../shared/data/limbo/cases.json.gz', import.meta.url)), flag] =
  process.argv.slice(2)
if (file !== '-' && !existsSync(file)) {
  console.log(`limbo: skipped, there is no ${file}`)
  process.exit(0)
}
const bytes = readFileSync(file === '-' ? 0 : file)
const text = bytes[0] === 0x1f ? gunzipSync(bytes) : bytes
const { testcases } = JSON.parse(text.toString()) as { testcases: readonly Case[] }
const notes = file === '-' ? '' : join(dirname(file), 'notes.json')
const tiers = (
  existsSync(notes) && !file.includes('real-chains') ? JSON.parse(readFileSync(notes, 'utf8')).cases : {}
) as Record<string, { tier: string }>

const answers: Answer[] = []
const counts = new Map<
  string,
  { agree: number; accepted: string[]; rejected: string[]; skipped: number; all: number }
>()
const slow: string[] = []
for (const test of testcases) {
  const start = performance.now()
  const answer = await judge(test)
  if (performance.now() - start > LIMIT) slow.push(test.id)
  answers.push(answer)
  for (const tier of [tiers[test.id]?.tier ?? 'unrated', 'all']) {
    const count = counts.get(tier) ?? { agree: 0, accepted: [], rejected: [], skipped: 0, all: 0 }
    counts.set(tier, count)
    count.all++
    if (answer.actual_result === 'SKIPPED') count.skipped++
    else if (answer.actual_result === test.expected_result) count.agree++
    else if (answer.actual_result === 'SUCCESS') count.accepted.push(test.id)
    else count.rejected.push(`${test.id}  ${answer.context}`)
  }
}

if (file === '-') console.log(JSON.stringify({ version: 1, harness: 'typetls', results: answers }))
const say = file === '-' ? console.error : console.log
for (const [tier, { accepted, rejected }] of counts) {
  if (tier === 'all') continue
  for (const id of accepted)
    say(
      `invalid accepted (${tier}): ${id} (${EXPLAINED[id] ?? (id.includes('::cn::') ? COMMON_NAME : 'not explained')})`,
    )
  for (const line of rejected) say(`valid rejected (${tier}): ${line}`)
}
if (flag === '--verbose')
  for (const { id, actual_result, context } of answers) say(`${actual_result}  ${id}  ${context}`)
for (const id of slow) say(`took more than ${LIMIT} ms: ${id}`)
for (const [tier, { agree, accepted, rejected, skipped, all }] of counts) {
  const name = tier === 'all' ? 'limbo' : `limbo ${tier}`
  say(
    `${name}: ${agree} agree, ${accepted.length} invalid accepted, ${rejected.length} valid rejected, ${skipped} skipped of ${all}`,
  )
}
process.exit(slow.length > 0 || counts.get('settled')?.accepted.length ? 1 : 0)
