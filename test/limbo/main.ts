/**
 * Runs the cases of x509-limbo against our verifier.
 *
 *   npm run suite:limbo [-- FILE] [--strict] [--verbose]    FILE: the cases as JSON, also gzipped, or their folder
 *   test/suites/limbo < cases.json                          answers in the suite's own protocol on stdout, lines on stderr
 *
 * The cases under `rfc5280::` and `pathlen::` are about path validation alone, the others about the Web PKI; each is
 * judged by the profile of that name. The notes.json beside FILE (for stdin: beside our own copy of the cases) tells
 * the tiers, each of which gets a line. What it or the suite itself calls pedantic is asked of a strict verifier, and
 * with --strict everything is. The exit code is 1 when an invalid
 * certificate was accepted or a valid one rejected in a tier where that must not be, or a case was too slow.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { node } from '../../src/crypto/node/index.ts'
import { CertificateError } from '../../src/errors.ts'
import { runAsync } from '../../src/task.ts'
import {
  buildPath,
  DerError,
  loadCertificates,
  loadCrls,
  PemError,
  type VerifierOptions,
} from '../../src/x509/index.ts'

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
  readonly max_chain_depth: number | null
  readonly crls?: readonly string[]
}
type Result = 'SUCCESS' | 'FAILURE' | 'SKIPPED'
interface Answer {
  readonly id: string
  readonly actual_result: Result
  readonly context: string
}

/** What a case may take, in milliseconds. */
const LIMIT = 1000
/** Tiers in which no answer may differ from the suite's. */
const BINDING = ['settled', 'contested', 'pedantic']

const faults: string[] = []

const judge = async (test: Case, strict: boolean): Promise<Answer> => {
  const { id } = test
  try {
    const names = [test.expected_peer_name, ...test.expected_peer_names].flatMap((name) => (name ? [name.value] : []))
    const purpose = test.validation_kind === 'SERVER' ? 'server' : 'client'
    const sent = [test.peer_certificate, ...test.untrusted_intermediates].flatMap((pem) => loadCertificates(pem))
    const lists = (test.crls ?? []).flatMap((pem) => loadCrls(pem))
    const options: VerifierOptions = {
      anchors: test.trusted_certs.flatMap((pem) => loadCertificates(pem)),
      partialChain: true,
      noName: true,
      strict,
      profile: /^(?:rfc5280|pathlen)::/.test(id) ? 'rfc5280' : 'webpki',
      ...(test.max_chain_depth !== null && { maxDepth: test.max_chain_depth }),
      // who gives lists wants the leaf to be on record; above it they are taken as far as they go
      ...(lists.length > 0 && { revocation: { crl: 'require', requireFor: 'leaf', lists } }),
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
    // a fault of ours is no answer; the rest of the suite is still asked
    faults.push(`${id}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
    return { id, actual_result: 'SKIPPED', context: `fault: ${error}` }
  }
}

const ours = fileURLToPath(new URL('../../../shared/data/limbo/cases.json.gz', import.meta.url))
const flags = process.argv.slice(2).filter((word) => word.startsWith('--'))
const [given = ours] = process.argv.slice(2).filter((word) => !word.startsWith('--'))
const inFolder = ['cases.json.gz', 'cases.json', 'limbo.json'].map((name) => join(given, name)).find(existsSync)
const file = inFolder ?? given
if (file !== '-' && !existsSync(file)) {
  console.log(`limbo: skipped, there is no ${file}`)
  process.exit(0)
}
const bytes = readFileSync(file === '-' ? 0 : file)
const text = bytes[0] === 0x1f ? gunzipSync(bytes) : bytes
const { testcases } = JSON.parse(text.toString()) as { testcases: readonly Case[] }
const notes = join(dirname(file === '-' ? ours : file), 'notes.json')
const tiers = (existsSync(notes) ? JSON.parse(readFileSync(notes, 'utf8')).cases : {}) as Record<
  string,
  { tier: string } | undefined
>
const isPedantic = ({ id, features }: Case): boolean => {
  const tier = tiers[id]?.tier
  return tier === undefined ? features.some((feature) => feature.startsWith('pedantic')) : tier === 'pedantic'
}

interface Count {
  agree: number
  accepted: string[]
  rejected: string[]
  skipped: number
  all: number
}
const answers: Answer[] = []
const counts = new Map<string, Count>()
const slow: string[] = []
for (const test of testcases) {
  const tier = tiers[test.id]?.tier ?? 'unrated'
  const start = performance.now()
  const answer = await judge(test, isPedantic(test) || flags.includes('--strict'))
  const spent = performance.now() - start
  if (spent > LIMIT) slow.push(`${test.id}: ${Math.round(spent)} ms, more than ${LIMIT}`)
  answers.push(answer)
  for (const name of [tier, 'all']) {
    const count = counts.get(name) ?? { agree: 0, accepted: [], rejected: [], skipped: 0, all: 0 }
    counts.set(name, count)
    count.all++
    if (answer.actual_result === 'SKIPPED') count.skipped++
    else if (answer.actual_result === test.expected_result) count.agree++
    else if (answer.actual_result === 'SUCCESS') count.accepted.push(test.id)
    else count.rejected.push(`${test.id}: ${answer.context}`)
  }
}

if (file === '-') console.log(JSON.stringify({ version: 1, harness: 'typetls', results: answers }))
const say = file === '-' ? console.error : console.log
if (flags.includes('--verbose'))
  for (const { id, actual_result, context } of answers) say(`${actual_result}  ${id}  ${context}`)
for (const [tier, { accepted, rejected }] of counts) {
  if (tier === 'all') continue
  for (const id of accepted) say(`invalid accepted (${tier}): ${id}`)
  for (const line of rejected) say(`valid rejected (${tier}): ${line}`)
}
for (const line of [...faults, ...slow]) say(line)
const summary = (name: string, { agree, accepted, rejected, skipped, all }: Count): void =>
  say(
    `${name}: ${agree} agree, ${accepted.length} invalid accepted, ${rejected.length} valid rejected, ${skipped} skipped of ${all}`,
  )
for (const tier of [...BINDING, 'unimplemented', 'unrated']) {
  const count = counts.get(tier)
  if (count) summary(`limbo ${tier}`, count)
}
summary('limbo', counts.get('all') ?? { agree: 0, accepted: [], rejected: [], skipped: 0, all: 0 })
const wrong = BINDING.some((tier) => counts.get(tier)?.accepted.length || counts.get(tier)?.rejected.length)
process.exit(wrong || faults.length + slow.length > 0 ? 1 : 0)
