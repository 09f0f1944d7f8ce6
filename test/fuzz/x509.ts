/**
 * Differential fuzzing of certificates: parsing against `crypto.X509Certificate`, verification against `openssl verify
 * -x509_strict`. The same seed gives the same cases.
 *
 *   npm run fuzz:x509 -- [--seconds 30 | --cases N] [--seed N] [--show]
 *
 * Ends with 1 when we throw what is no error of ours, take long, read something differently, or accept what OpenSSL's
 * strict verification refuses without a reason in `explained.ts`.
 */
import { X509Certificate } from 'node:crypto'
import { parseArgs } from 'node:util'
import { node } from '../../src/crypto/node/index.ts'
import { CertificateError, Misuse } from '../../src/errors.ts'
import { runSync } from '../../src/task.ts'
import {
  buildPath,
  type Certificate,
  certificateJson,
  certificateText,
  DerError,
  describeKey,
  KeyError,
  loadCertificates,
  loadCrls,
  PemError,
  parseCertificate,
  parseOcsp,
  readPfx,
  readPrivateKey,
  serialText,
} from '../../src/x509/index.ts'
import { type Chain, HOST, oddChain, root, TIME } from './chains.ts'
import { explanationOf, harmless, hasOpaque } from './explained.ts'
import { Judge, type Verdict, version } from './openssl.ts'
import { Random } from './random.ts'
import { allSeeds, isCertificate } from './seeds.ts'
import { elementsOf, mutate, readTree, writeTree } from './tree.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    cases: { type: 'string' },
    seed: { type: 'string', default: '1' },
    show: { type: 'boolean', default: false },
  },
})
const end = values.cases === undefined ? Date.now() + Number(values.seconds) * 1000 : Number.POSITIVE_INFINITY
const most = Number(values.cases ?? Number.POSITIVE_INFINITY)
const random = new Random(Number(values.seed))

/** Findings by what they have in common, with one example each. */
class Tally {
  readonly #counts = new Map<string, { count: number; example: string }>()
  add(kind: string, example: () => string): void {
    const before = this.#counts.get(kind)
    if (before) before.count++
    else this.#counts.set(kind, { count: 1, example: example() })
  }
  get total(): number {
    return [...this.#counts.values()].reduce((sum, { count }) => sum + count, 0)
  }
  print(head: string): void {
    for (const [kind, { count, example }] of [...this.#counts].sort((a, b) => b[1].count - a[1].count))
      console.log(`${head}: ${count} x ${kind}${values.show ? `\n  ${example}` : ''}`)
  }
}
const faults = new Tally()
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

/** One case may take so long, on a machine that does other things too. */
const PATIENCE = 2000
const timed = <T>(what: string, example: () => string, work: () => T): T => {
  const start = performance.now()
  try {
    return work()
  } finally {
    const took = performance.now() - start
    if (took > PATIENCE) faults.add(`${what} took ${Math.round(took)} ms`, example)
  }
}

// ---- parsing

const parsing = { both: 0, ours: 0, theirs: 0, neither: 0 }
const oursAlone = new Tally()
const unexplained = new Tally()

const parse = (raw: Uint8Array): void => {
  const example = () => base64(raw)
  const ours = timed('parsing', example, () => attempt(() => readAll(raw), [DerError], example))
  const theirs = byNode(raw)
  if (ours && typeof theirs !== 'string') {
    parsing.both++
    compare(ours, theirs, example)
  } else if (ours) {
    parsing.ours++
    const why = harmless(ours)
    if (why) oursAlone.add(why, example)
    else unexplained.add(`read by us, and not by Node: ${theirs}`, example)
  } else parsing[typeof theirs === 'string' ? 'neither' : 'theirs']++
}

/** What Node makes of it, or why it makes nothing of it. */
const byNode = (raw: Uint8Array): X509Certificate | string => {
  try {
    return new X509Certificate(raw)
  } catch (error) {
    const { message, opensslErrorStack = [] } = error as { message: string; opensslErrorStack?: readonly string[] }
    return [message, ...opensslErrorStack]
      .map((text) => text.replace(/^error:\w+:/, '').replace(/^asn1 encoding routines::/, ''))
      .join(', ')
  }
}

/** Parses, and looks at everything that is parsed only when it is asked for. */
const readAll = (raw: Uint8Array): Certificate => {
  const certificate = parseCertificate(raw)
  certificateText(certificate)
  JSON.stringify(certificateJson(certificate))
  return certificate
}

const attempt = <T>(
  work: () => T,
  allowed: readonly (new (message: string) => Error)[],
  example: () => string,
): T | undefined => {
  try {
    return work()
  } catch (error) {
    if (!allowed.some((kind) => error instanceof kind)) faults.add(`thrown: ${error}`, example)
    return undefined
  }
}

const compare = (ours: Certificate, theirs: X509Certificate, example: () => string): void => {
  const differ = (what: string, a: unknown, b: unknown): void => {
    if (a !== b) faults.add(`${what} differs`, () => `${a} / ${b} ${example()}`)
  }
  differ(
    'the serial number',
    serialText(ours).replace(/^(-?)0+(?=.)/, '$1'),
    theirs.serialNumber.replace(/^(-?)0+(?=.)/, '$1'),
  )
  for (const [what, time, text] of [
    ['notBefore', ours.notBefore, theirs.validFrom],
    ['notAfter', ours.notAfter, theirs.validTo],
  ] as const) {
    // Node writes years as OpenSSL does and JavaScript cannot read those before 1000 back
    if (new Date(time).getUTCFullYear() >= 1000) differ(what, time, Date.parse(text))
  }
  // Node means a CA that may sign certificates
  const { basicConstraints, keyUsage } = ours.known
  const ca = basicConstraints?.ca === true && keyUsage?.has('keyCertSign') !== false
  if (ours.flaws.length === 0 && !hasOpaque(ours)) differ('whether it is a CA', ca, theirs.ca)
}

// ---- verification

const verifying = { chains: 0, both: 0, oursOnly: 0, theirsUnasked: 0 }
const reasons = new Tally()

const accepts = ({ leaf, inter }: Chain, strict: boolean): boolean => {
  const example = () => `${base64(leaf)} ${base64(inter)}`
  return timed('verification', example, () => {
    try {
      const [first, second] = [parseCertificate(leaf), parseCertificate(inter)]
      const about = { provider: node, purpose: 'server', name: HOST, time: TIME } as const
      runSync(buildPath([first, second], about, { anchors: [root], strict }))
      return true
    } catch (error) {
      if (!(error instanceof CertificateError || error instanceof DerError)) faults.add(`thrown: ${error}`, example)
      return false
    }
  })
}

/** Chains that we accept, by their intermediate: those of one are asked about together. */
const waiting = new Map<string, Chain[]>()
const judge = new Judge(root.raw)

const ask = (chains: readonly Chain[]): void => {
  const [first] = chains
  if (!first) return
  const verdicts = judge.verdicts(
    first.inter,
    chains.map(({ leaf }) => leaf),
  )
  for (const [at, verdict] of verdicts.entries()) weigh(chains[at] as Chain, verdict)
}

const weigh = (chain: Chain, verdict: Verdict): void => {
  const { ok, code, depth, text } = verdict
  if (ok) {
    verifying.both++
    return
  }
  verifying.oursOnly++
  const what = `error ${code} at depth ${depth}, ${text}`
  const example = () => `${chain.how}; leaf ${base64(chain.leaf)}; intermediate ${base64(chain.inter)}`
  if (!accepts(chain, true)) reasons.add(`${what}: so do we under "strict"`, example)
  else {
    const why = explanationOf(verdict, parseCertificate(chain.leaf), parseCertificate(chain.inter))
    if (why) reasons.add(`${what}: ${why}`, example)
    else unexplained.add(what, example)
  }
}

const verify = (chain: Chain): void => {
  verifying.chains++
  if (!accepts(chain, false)) {
    verifying.theirsUnasked++
    return
  }
  const key = base64(chain.inter)
  const some = waiting.get(key) ?? []
  waiting.set(key, [...some, chain])
  if (some.length < 40) return
  ask(waiting.get(key) as Chain[])
  waiting.delete(key)
}

// ---- the cases

const everything = allSeeds()
const seeds = everything.filter(isCertificate).map(({ data }) => data)
const trees = [root.raw, ...seeds].map(readTree).filter((tree) => tree !== undefined)
const allTrees = everything.map(({ data }) => readTree(data)).filter((tree) => tree !== undefined)
if (allTrees.length === 0) allTrees.push(...trees)
const foreign = trees.flatMap(elementsOf)
console.log(
  `fuzz:x509: seed ${values.seed}, ${seeds.length} seeds, ${trees.length} of them elements; Node ${process.versions.node}, ${version || 'no openssl'}`,
)

/** Whatever they are given, these throw nothing but errors of their own. */
const readers: readonly ((raw: Uint8Array) => unknown)[] = [
  loadCertificates,
  loadCrls,
  parseOcsp,
  describeKey,
  (raw) => readPrivateKey(raw, node, 'password'),
  (raw) => readPfx(raw, node, 'password'),
]
let reads = 0
const readEverywhere = (raw: Uint8Array): void => {
  const example = () => base64(raw)
  for (const read of readers) {
    reads++
    timed('reading', example, () => attempt(() => read(raw), [DerError, PemError, KeyError, Misuse], example))
  }
}

for (const { data } of everything) readEverywhere(data)
for (const raw of seeds) {
  parse(raw)
  attempt(
    () => loadCertificates(raw),
    [DerError, PemError],
    () => base64(raw),
  )
}
for (let done = 0; done < most && Date.now() < end; done++) {
  const tree = structuredClone(random.pick(trees))
  mutate(tree, random, foreign)
  parse(writeTree(tree))
  const other = structuredClone(random.pick(allTrees))
  mutate(other, random, foreign)
  readEverywhere(writeTree(other))
  const chain = oddChain(random, foreign)
  parse(chain.leaf)
  parse(chain.inter)
  verify(chain)
}
for (const chains of waiting.values()) ask(chains)
judge.close()

oursAlone.print('read by us, and not by Node')
reasons.print('we accept, OpenSSL refuses')
unexplained.print('UNEXPLAINED')
faults.print('FAULT')
const all = parsing.both + parsing.ours + parsing.theirs + parsing.neither
console.log(
  `fuzz:x509: ${all} certificates: ${parsing.both} read by both, ${parsing.neither} by neither, ${parsing.theirs} by Node alone, ${parsing.ours} by us alone; ${reads} other readings`,
)
console.log(
  `fuzz:x509: ${verifying.chains} chains: ${verifying.theirsUnasked} refused by us, ${verifying.both} accepted by both, ${verifying.oursOnly} by us alone (${reasons.total} explained); ${unexplained.total} unexplained, ${faults.total} faults`,
)
if (unexplained.total + faults.total > 0) process.exitCode = 1
