import { existsSync, statSync } from 'node:fs'
import { node } from '../crypto/node/index.ts'
import { CertificateError } from '../errors.ts'
import { certificatesInFolder, roots } from '../node/roots.ts'
import { runAsync } from '../task.ts'
import {
  buildPath,
  type Certificate,
  type CertificateReport,
  loadCertificates,
  loadCrls,
  matchIdentity,
  oidOf,
  oneLine,
  parseReference,
  type RevocationList,
  Store,
  type Verified,
  type VerifierOptions,
  verdicts,
  verdictText,
} from '../x509/index.ts'
import { Failure } from './failure.ts'
import { parsedFrom, readAll, readWhole } from './files.ts'
import { BadValue, type Chosen, choice, flag, number, parseOptions, row, texts } from './options.ts'
import { type Io, printable, put } from './terminal.ts'

const name = (value: string, help: string, type: 'dns' | 'ip' | 'email') =>
  row(value, help, (given) => {
    if (parseReference(given)?.type !== type) throw new BadValue(`a ${value}`)
    return given
  })

const rows = {
  CAfile: texts('file', 'certificates to trust, PEM; with this or -CApath the system is not trusted'),
  CApath: texts('folder', 'certificates to trust, a file for each'),
  CAstore: texts('address', 'certificates to trust: a file or a folder, also as file:///path'),
  'no-CAfile': flag('the files of the system are not trusted, which keep them in one'),
  'no-CApath': flag('nor those which keep them in folders'),
  'no-CAstore': flag('nor what else it keeps'),
  trusted: {
    ...texts('file', 'certificates to trust, PEM, and nobody else'),
    against: ['CAfile', 'CApath', 'CAstore'],
  },
  untrusted: texts('file', 'certificates that may lead to a trusted one, PEM'),
  CRLfile: texts('file', 'revocation lists, PEM or DER'),
  profile: choice('rules', 'openssl (when not given), webpki or rfc5280: by whose rules', [
    'openssl',
    'webpki',
    'rfc5280',
  ]),
  purpose: choice('purpose', 'sslserver, sslclient or any', ['sslserver', 'sslclient', 'any']),
  verify_hostname: name('host name', 'the host that it must be for', 'dns'),
  verify_ip: name('IP address', 'the address that it must be for', 'ip'),
  verify_email: name('mail address', 'the mailbox that it must be for', 'email'),
  attime: number('seconds', 'the time to verify for, in seconds since 1970; now when not given', 0, 253_402_300_799),
  verify_depth: number('count', 'how many certificates may stand between', 0, 60),
  auth_level: number('level', 'how strong keys and signatures must be, 0 to 5; 2 when not given', 0, 5),
  crl_check: flag('a revocation list must say that the certificate is good'),
  crl_check_all: flag('the same for all certificates of the path but the trusted one'),
  use_deltas: flag('is there for those who give it to OpenSSL; lists that continue others are always taken in'),
  extended_crl: flag('the same about lists of other issuers'),
  policy: texts('policy', 'a policy that will do, in dotted decimal'),
  policy_check: flag('is there for those who give it to OpenSSL; policies are always processed'),
  explicit_policy: flag('some policy must hold'),
  inhibit_any: flag('a CA that is for any policy is for none'),
  inhibit_map: flag('policies are not mapped to others'),
  partial_chain: flag('a trusted certificate ends the path even when it is not self-signed'),
  trusted_first: flag('is there for those who give it to OpenSSL; all paths are tried'),
  x509_strict: flag('refuse also what CAs must not do and most verifiers let pass'),
  show_chain: flag('the path that was found'),
  explain: flag('why it is refused, by which rule, and what would mend it'),
  json: flag('all answers as JSON, a line for each file', 'show_chain', 'explain'),
  verbose: flag('is there for those who give it to OpenSSL'),
}
type Options = Chosen<typeof rows>

/** `typetls verify`: 0 when all certificates are good, 2 when one is not (openssl-verify(1)). */
export const verify = async (io: Io, args: readonly string[]): Promise<number> => {
  const given = parseOptions(
    {
      name: 'verify',
      summary: 'Verifies the first certificate of each file, or of standard input. Ends with 2 when one is refused.',
      argument: { value: 'file', help: 'a certificate, PEM or DER', many: true },
      rows,
    },
    args,
  )
  if (typeof given === 'string') {
    await put(io.stdout, given)
    return 0
  }
  const { options } = given
  const rules = rulesOf(options)
  let refused = false
  for (const file of given.arguments.length > 0 ? given.arguments : [undefined]) {
    const contents = file === undefined ? await readAll(io.stdin) : readWhole(file)
    const [leaf] = parsedFrom(file ?? 'standard input', contents, loadCertificates)
    const answer = await verdictOn(leaf as Certificate, options, rules)
    if (!answer.verified) refused = true
    await tell(io, file ?? 'stdin', answer, options)
  }
  return refused ? 2 : 0
}

const certificatesOf = (files: readonly string[] = []): Certificate[] =>
  files.flatMap((file) => [...parsedFrom(file, readWhole(file), loadCertificates)])

const listsOf = (files: readonly string[] = []): RevocationList[] =>
  files.flatMap((file) => [...parsedFrom(file, readWhole(file), loadCrls)])

/** Lists are often kept beside the certificates of those who sign them. */
const holdsLists = (file: string): boolean =>
  Buffer.from(readWhole(file)).includes('-----BEGIN X509 CRL-----', 0, 'latin1')

/** A file that is there goes before an address that is written the same. */
const pathOf = (given: string): string => {
  if (existsSync(given)) return given
  const url = URL.canParse(given) ? new URL(given) : undefined
  if (url?.protocol === 'file:' && ['', 'localhost'].includes(url.hostname)) return decodeURIComponent(url.pathname)
  throw new Failure(`verify: -CAstore takes a file, a folder or a file: address of this machine, and not "${given}"`)
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

const rulesOf = (options: Options): VerifierOptions => {
  const { CAfile = [], CApath = [], CAstore = [], trusted = [] } = options
  const places = CAstore.map(pathOf)
  const folders = [...CApath, ...places.filter(isFolder)]
  const files = [...CAfile, ...trusted, ...places.filter((path) => !isFolder(path))]
  const noSystem = options['no-CAfile'] && options['no-CApath'] && options['no-CAstore']
  const anchors = folders.length + files.length > 0 || noSystem ? new Store(certificatesOf(files)) : roots()
  for (const folder of folders) anchors.addLater(certificatesInFolder(folder))
  const names = [options.verify_hostname, options.verify_ip, options.verify_email].filter((one) => one !== undefined)
  const policies = options.policy?.map((policy) => {
    const oid = oidOf(policy)
    if (oid === undefined) throw new Failure(`verify: -policy takes a policy in dotted decimal, and not "${policy}"`)
    return oid
  })
  return {
    anchors,
    intermediates: certificatesOf(options.untrusted),
    // further names are checked one by one, since all must match
    ...(names.length > 0 ? { names: names.slice(0, 1) } : { noName: true }),
    anyPurpose: options.purpose === undefined || options.purpose === 'any',
    profile: options.profile ?? 'openssl',
    strict: options.x509_strict ?? false,
    partialChain: options.partial_chain ?? false,
    ...(options.verify_depth !== undefined && { maxDepth: options.verify_depth }),
    ...(options.auth_level !== undefined && { securityLevel: options.auth_level as 0 }),
    revocation: {
      crl: options.crl_check || options.crl_check_all ? 'require' : 'ignore',
      requireFor: options.crl_check_all ? 'chain' : 'leaf',
      ocsp: 'ignore',
      lists: [...listsOf(options.CRLfile), ...listsOf(CAfile.filter(holdsLists))],
    },
    policies: {
      ...(policies && { initial: policies }),
      requireExplicit: options.explicit_policy ?? false,
      inhibitAny: options.inhibit_any ?? false,
      inhibitMapping: options.inhibit_map ?? false,
    },
  }
}

interface Answer {
  readonly verified: Verified | undefined
  readonly faults: readonly Fault[]
}

interface Fault {
  readonly code: number
  readonly depth: number
  readonly detail: string
  readonly certificate: Certificate | undefined
  readonly explanation: CertificateError['explanation']
}

/** Errors after which OpenSSL's verify looks on, to show more of what is wrong. */
const lookOn: ReadonlySet<number> = new Set([
  verdicts.expired,
  verdicts.selfSignedLeaf,
  verdicts.invalidCa,
  verdicts.pathLengthExceeded,
  verdicts.unhandledCriticalExtension,
])

const verdictOn = async (leaf: Certificate, options: Options, rules: VerifierOptions): Promise<Answer> => {
  const faults: Fault[] = []
  const reports: CertificateReport[] = []
  const about = {
    provider: node,
    purpose: options.purpose === 'sslclient' ? 'client' : 'server',
    time: options.attime === undefined ? Date.now() : options.attime * 1000,
  } as const
  const fault = (
    { code, depth, detail, certificate }: CertificateReport,
    explanation?: Fault['explanation'],
  ): unknown => faults.push({ code, depth, detail, certificate, explanation })
  const onCertificate = (report: CertificateReport): boolean => {
    if (report.ok) return true
    if (lookOn.has(report.code)) {
      fault(report)
      return true
    }
    reports.push(report)
    return false
  }
  try {
    const verified = await runAsync(buildPath([leaf], about, { ...rules, onCertificate }))
    if (faults.length > 0) return { verified: undefined, faults: await explained(leaf, about, rules, faults) }
    for (const [code, asked] of [
      [verdicts.hostMismatch, options.verify_hostname],
      [verdicts.ipMismatch, options.verify_ip],
      [verdicts.emailMismatch, options.verify_email],
    ] as const) {
      const reference = asked === undefined ? undefined : parseReference(asked)
      if (!reference || matchIdentity(leaf, reference) !== undefined) continue
      const detail = `the certificate is not for ${asked}`
      faults.push({ code, depth: 0, detail, certificate: leaf, explanation: undefined })
    }
    return { verified: faults.length > 0 ? undefined : verified, faults }
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error
    const report = reports.at(-1)
    const { code, depth, message: detail, explanation } = error
    faults.push({
      code,
      depth,
      detail,
      certificate: report?.certificate ?? (depth === 0 ? leaf : undefined),
      explanation,
    })
    return { verified: undefined, faults }
  }
}

/** The explanation comes with the error that is thrown when nothing is let pass. */
const explained = async (
  leaf: Certificate,
  about: Parameters<typeof buildPath>[1],
  rules: VerifierOptions,
  faults: readonly Fault[],
): Promise<readonly Fault[]> => {
  try {
    await runAsync(buildPath([leaf], about, rules))
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error
    const { code, explanation } = error
    return faults.map((fault) => (fault.code === code ? { ...fault, explanation } : fault))
  }
  return faults
}

const tell = async (io: Io, file: string, { verified, faults }: Answer, options: Options): Promise<void> => {
  if (options.json) return await put(io.stdout, `${JSON.stringify(answerJson(file, { verified, faults }))}\n`)
  for (const { code, depth, detail, certificate, explanation } of faults) {
    const { rule, remedy, path } = explanation ?? {}
    await put(
      io.stderr,
      [
        ...(certificate ? [oneLine(certificate.subject)] : []),
        `error ${code} at ${depth} depth lookup: ${verdictText(code)}`,
        ...(options.explain ? [`  why: ${printable(detail)}`] : []),
        ...(options.explain && rule ? [`  rule: ${rule}`] : []),
        ...(options.explain && remedy ? [`  mend: ${printable(remedy)}`] : []),
        ...(options.explain && path ? [`  path: ${path.map(printable).join(' <- ')}`] : []),
        '',
      ].join('\n'),
    )
  }
  if (!verified) return await put(io.stderr, `error ${file}: verification failed\n`)
  await put(io.stdout, `${file}: OK\n`)
  if (options.show_chain) await put(io.stdout, chainText(verified.chain, options))
}

const chainText = (chain: readonly Certificate[], { untrusted }: Options): string => {
  const given = new Store(certificatesOf(untrusted))
  const lines = chain.map((certificate, depth) => {
    const last = depth === chain.length - 1
    const note = !last && (depth === 0 || given.has(certificate)) ? ' (untrusted)' : ''
    return `depth=${depth}: ${oneLine(certificate.subject)}${note}\n`
  })
  return `Chain:\n${lines.join('')}`
}

const answerJson = (file: string, { verified, faults }: Answer): object => ({
  file,
  ok: verified !== undefined,
  ...(verified && {
    chain: verified.chain.map(({ subject }) => subject.toString()),
    ...(verified.name !== undefined && { name: verified.name }),
    ...(verified.policies?.length && { policies: verified.policies }),
  }),
  ...(!verified && {
    errors: faults.map(({ code, depth, detail, certificate, explanation }) => ({
      code,
      text: verdictText(code),
      depth,
      ...(certificate && { subject: certificate.subject.toString() }),
      detail,
      ...explanation,
    })),
  }),
})
