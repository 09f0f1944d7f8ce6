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
import type { PrivateKey } from '../../src/crypto/provider.ts'
import { CertificateError } from '../../src/errors.ts'
import { runSync } from '../../src/task.ts'
import {
  bareAnchor,
  buildPath,
  type Certificate,
  DerError,
  loadCertificates,
  loadCrls,
  makeCertificate,
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
  /** Reading lists is part of the question too. */
  readonly options?: () => Partial<VerifierOptions>
  /** The policies that hold for the leaf. */
  readonly policies?: readonly string[]
  /** A path without this one is as good as a refusal. */
  readonly avoid?: Certificate
  /** Why it is not asked. */
  readonly skip?: string | undefined
}

const [dir = fileURLToPath(new URL('../../../shared/data/chains/', import.meta.url)), flag] = process.argv.slice(2)
if (!existsSync(dir)) {
  console.log(`chains: skipped, there is no ${dir}`)
  process.exit(0)
}
const load = (file: string): any => JSON.parse(gunzipSync(readFileSync(join(dir, file))).toString())
const bytes = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'))
const certificate = (base64: string): Certificate => parseCertificate(bytes(base64))

/** Why we answer otherwise than the suite, where that is meant. */
const EXPLAINED: Readonly<Record<string, string>> = {
  'many-names/ok-all-types':
    'its leaf is also for t171.test and more, while its CA is permitted t0.test to t170.test only (RFC 5280 section 4.2.1.10)',
}

/** The reason for which it is refused; undefined: it is accepted. */
const refusal = (question: Question): string | undefined => {
  const { time, purpose = 'server', name, options } = question
  try {
    const about = { provider: node, purpose, time, ...(name !== undefined && { name }) }
    const { chain, policies } = runSync(
      buildPath(question.sent(), about, { anchors: question.anchors(), noName: true, ...options?.() }),
    )
    const { avoid, policies: wanted } = question
    if (avoid && !chain.some((each) => each.equals(avoid))) return 'there is another way'
    if (wanted && [...wanted].sort().join() !== [...(policies ?? [])].sort().join())
      return `its policies are ${policies?.join(', ')}, not ${wanted.join(', ')}`
    return undefined
  } catch (error) {
    if (error instanceof CertificateError) return `${error.code}: ${error.message}`
    if (error instanceof DerError) return error.message
    throw error
  }
}

interface PkitsTest {
  readonly id: string
  readonly variant: string
  readonly title: string
  readonly certs: readonly string[]
  readonly crls: readonly string[]
  readonly initialPolicySet: readonly string[]
  readonly initialExplicitPolicy: boolean
  readonly initialPolicyMappingInhibit: boolean
  readonly initialInhibitAnyPolicy: boolean
  readonly expectedPolicies: readonly string[]
  readonly valid: boolean
}

const pkits = (suite: ReturnType<typeof load>): Question[] => {
  const { tests, certificates, crls, validationTime } = suite
  return tests.map((test: PkitsTest): Question => {
    const all = () => test.certs.map((name) => certificate(certificates[name]))
    return {
      id: `${test.id} ${test.variant}`,
      valid: test.valid,
      sent: () => all().slice(1).reverse(),
      anchors: () => all().slice(0, 1),
      time: Date.parse(validationTime),
      options: () => ({
        profile: 'rfc5280',
        anyPurpose: true,
        // the suite is of the time of SHA-1
        securityLevel: 1,
        policies: {
          initial: test.initialPolicySet,
          requireExplicit: test.initialExplicitPolicy,
          inhibitMapping: test.initialPolicyMappingInhibit,
          inhibitAny: test.initialInhibitAnyPolicy,
        },
        revocation: {
          crl: 'require',
          lists: test.crls.flatMap((name) => readable(() => loadCrls(bytes(crls[name])))),
        },
      }),
      ...(test.valid && { policies: test.expectedPolicies }),
      // RFC 5280 and every profile of TLS have long given up DSA
      skip: /^4\.1\.[456]$/.test(test.id) ? 'DSA' : undefined,
    }
  })
}

/** What cannot be read is as good as not there: a list that is malformed proves nothing. */
const readable = <T>(read: () => readonly T[]): readonly T[] => {
  try {
    return read()
  } catch (error) {
    if (error instanceof DerError) return []
    throw error
  }
}

const chromium = (suite: ReturnType<typeof load>): Question[] => {
  const { tests, certificates } = suite
  type Test = { id: string; chain: string[]; purpose: string; time: string; valid: boolean; portable: boolean }
  return tests.map((test: Test): Question => {
    const all = () => test.chain.map((name) => certificate(certificates[name]))
    const client = test.purpose.startsWith('CLIENT')
    return {
      id: test.id,
      valid: test.valid,
      sent: () => all().slice(0, -1),
      // its plain anchors are names with keys: nothing that their certificates say counts
      anchors: () => all().slice(-1).map(bareAnchor),
      time: Date.parse(test.time),
      purpose: client ? 'client' : 'server',
      options: () => ({ profile: 'rfc5280', anyPurpose: test.purpose.startsWith('ANY'), securityLevel: 1 }),
      skip: test.portable ? undefined : 'its trust settings are of one program',
    }
  })
}

const real = (suite: ReturnType<typeof load>): Question[] => {
  const { testcases } = suite
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
      ...sent.map((each: Certificate, at: number) => {
        const bad = flipped(each)
        return spoilt(`signature ${at} with one bit changed`, {
          sent: () => sent.map((other: Certificate, i: number) => (i === at ? bad : other)),
          avoid: bad,
        })
      }),
      spoilt('no intermediates', {
        sent: () => [leaf],
        skip: anchors.some((a: Certificate) => a.subject.key === leaf.issuer.key) ? 'needs none' : undefined,
      }),
      spoilt('no anchor', { anchors: () => [] }),
      spoilt('leaf as issuer', { sent: () => [issuedBy(leaf, name), ...sent] }),
      spoilt('leaf as issuer and anchor', {
        sent: () => [rest[0] ?? issuedBy(leaf, name), leaf],
        anchors: () => [leaf],
      }),
    ]
  })
}

/** A certificate for the same name that claims to be issued by somebody's own. */
const issuedBy = (issuer: Certificate, name: string): Certificate =>
  makeCertificate(
    {
      subject: { CN: name },
      san: [name],
      key: forger,
      signer: forger,
      issuer,
      notBefore: issuer.notBefore,
      notAfter: issuer.notAfter,
    },
    node,
  ) as Certificate
const forger = node.generate('P-256') as PrivateKey

const flipped = ({ raw }: Certificate): Certificate => {
  const bytes = raw.slice()
  const at = bytes.length - 8
  bytes[at] = (bytes[at] as number) ^ 1
  return parseCertificate(bytes)
}

let failed = false
for (const [name, file, read] of [
  ['pkits', 'pkits.json.gz', pkits],
  ['chromium', 'boringssl-pki.json.gz', chromium],
  ['real', 'real-chains.json.gz', real],
] as const) {
  if (!existsSync(join(dir, file))) {
    console.log(`chains ${name}: skipped, there is no ${join(dir, file)}`)
    continue
  }
  const questions = read(load(file))
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
      console.log(`valid rejected (${name}): ${question.id}: ${EXPLAINED[question.id] ?? reason}`)
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
