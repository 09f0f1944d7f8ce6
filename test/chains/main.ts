/**
 * Runs certificate chains with known answers against our verifier: NIST's PKITS, Chromium's chain tests, and chains of
 * public hosts, each of those also spoilt in every way that must be noticed.
 *
 *   npm run suite:chains [-- DIR [--verbose]]
 *
 * The exit code is 1 when a chain was accepted that must not be, or a real one refused.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { node } from '../../src/crypto/node/index.ts'
import { CertificateError } from '../../src/errors.ts'
import { runSync } from '../../src/task.ts'
import {
  buildPath,
  type Certificate,
  DerError,
  loadCertificates,
  parseCertificate,
  type VerifierOptions,
} from '../../src/x509/index.ts'

interface Question {
  readonly id: string
  readonly valid: boolean
  /** Parsing is part of the question. */
  readonly sent: () => readonly Certificate[]
  readonly anchors: () => readonly Certificate[]
  readonly time: number
  readonly purpose?: 'server' | 'client'
  readonly name?: string
  readonly options?: Partial<VerifierOptions>
  /** Why it cannot be asked yet. */
  readonly skip?: string | undefined
}

const [dir = fileURLToPath(new URL('../../../shared/data/chains/', import.meta.url)), flag] = process.argv.slice(2)
if (!existsSync(dir)) {
  console.log(`chains: skipped, there is no ${dir}`)
  process.exit(0)
}
const load = (file: string) => JSON.parse(gunzipSync(readFileSync(join(dir, file))).toString())
const certificate = (base64: string): Certificate => parseCertificate(new Uint8Array(Buffer.from(base64, 'base64')))

/** The reason for which it is refused; undefined: it is accepted. */
const refusal = (question: Question): string | undefined => {
  const { time, purpose = 'server', name, options } = question
  try {
    const about = { provider: node, purpose, time, ...(name !== undefined && { name }) }
    runSync(buildPath(question.sent(), about, { anchors: question.anchors(), noName: true, ...options }))
    return undefined
  } catch (error) {
    if (error instanceof CertificateError) return `${error.code}: ${error.message}`
    if (error instanceof DerError) return error.message
    throw error
  }
}

/** Sections of PKITS whose answers hang on what is not processed. */
const pkitsSkip = (id: string): string | undefined => {
  if (/^4\.(4|14|15)\.|^4\.(5\.[57]|7\.[45])$/.test(id)) return 'needs revocation lists'
  if (/^4\.(8|9|10|11|12)\./.test(id)) return 'needs policies'
  return undefined
}

const pkits = (): Question[] => {
  const { tests, certificates, validationTime } = load('pkits.json.gz')
  return tests.map((test: { id: string; title: string; certs: string[]; valid: boolean }) => {
    const all = () => test.certs.map((name) => certificate(certificates[name]))
    return {
      id: `${test.id} ${test.title}`,
      valid: test.valid,
      sent: () => all().slice(1).reverse(),
      anchors: () => all().slice(0, 1),
      time: Date.parse(validationTime),
      // the suite's leaves are for anything, and of their time
      options: { anyPurpose: true, securityLevel: 1 },
      skip: pkitsSkip(test.id),
    }
  })
}

const chromium = (): Question[] => {
  const { tests, certificates } = load('boringssl-pki.json.gz')
  type Test = { id: string; chain: string[]; purpose: string; time: string; valid: boolean; portable: boolean }
  return tests.map((test: Test) => {
    const all = () => test.chain.map((name) => certificate(certificates[name]))
    const client = test.purpose.startsWith('CLIENT')
    return {
      id: test.id,
      valid: test.valid,
      sent: () => all().slice(0, -1),
      anchors: () => all().slice(-1),
      time: Date.parse(test.time),
      purpose: client ? 'client' : 'server',
      options: { partialChain: true, anyPurpose: test.purpose.startsWith('ANY'), securityLevel: 1 },
      skip: test.portable ? undefined : 'its trust settings are of one program',
    }
  })
}

const real = (): Question[] => {
  const { testcases } = load('real-chains.json.gz')
  return testcases.flatMap((test: any): Question[] => {
    const sent = [test.peer_certificate, ...test.untrusted_intermediates].flatMap((pem: string) =>
      loadCertificates(pem),
    )
    const anchors = test.trusted_certs.flatMap((pem: string) => loadCertificates(pem))
    const time = Date.parse(test.validation_time)
    const name: string = test.expected_peer_name.value
    const whole: Question = { id: test.id, valid: true, sent: () => sent, anchors: () => anchors, time, name }
    const [leaf, ...rest] = sent as [Certificate, ...Certificate[]]
    const spoilt = (how: string, change: Partial<Question>): Question => ({
      ...whole,
      id: `${test.id}, ${how}`,
      valid: false,
      ...change,
    })
    return [
      whole,
      spoilt('other name', { name: 'other.invalid' }),
      spoilt('name of a child', { name: `a.b.${name}` }),
      spoilt('after its end', { time: leaf.notAfter + 1000 }),
      spoilt('before its beginning', { time: leaf.notBefore - 1000 }),
      ...sent.map((_: Certificate, at: number) =>
        spoilt(`signature ${at} with one bit changed`, {
          sent: () => sent.map((each: Certificate, i: number) => (i === at ? flipped(each) : each)),
          // an anchor may stand in for the same certificate as sent; only what hangs on this one is asked
          ...(at > 0 &&
            anchors.some((anchor: Certificate) => anchor.subject.key === sent[at]?.subject.key) && {
              skip: 'there is another way',
            }),
        }),
      ),
      spoilt('no intermediates', {
        sent: () => [leaf],
        skip: anchors.some((a: Certificate) => a.subject.key === leaf.issuer.key) ? 'needs none' : undefined,
      }),
      spoilt('no anchor', { anchors: () => [] }),
      spoilt('leaf as issuer', { sent: () => [rest[0] ?? leaf, leaf], anchors: () => [leaf] }),
    ]
  })
}

const flipped = ({ raw }: Certificate): Certificate => {
  const bytes = raw.slice()
  const at = bytes.length - 8
  bytes[at] = (bytes[at] as number) ^ 1
  return parseCertificate(bytes)
}

let failed = false
for (const [name, questions] of [
  ['pkits', pkits()],
  ['chromium', chromium()],
  ['real', real()],
] as const) {
  let agree = 0
  let accepted = 0
  let rejected = 0
  let skipped = 0
  for (const question of questions) {
    if (question.skip !== undefined) {
      skipped++
      continue
    }
    const reason = refusal(question)
    if (flag === '--verbose') console.log(`${question.id}: ${reason ?? 'accepted'}`)
    if ((reason === undefined) === question.valid) agree++
    else if (question.valid) {
      rejected++
      console.log(`valid rejected (${name}): ${question.id}: ${reason}`)
    } else {
      accepted++
      console.log(`invalid accepted (${name}): ${question.id}`)
    }
  }
  failed ||= accepted > 0 || (name === 'real' && rejected > 0)
  console.log(
    `chains ${name}: ${agree} agree, ${accepted} invalid accepted, ${rejected} valid rejected, ${skipped} skipped of ${questions.length}`,
  )
}
process.exit(failed ? 1 : 0)
