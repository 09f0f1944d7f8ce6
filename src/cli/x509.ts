import { writeFileSync } from 'node:fs'
import { digest } from '../crypto/digest.ts'
import { node } from '../crypto/node/index.ts'
import {
  type Certificate,
  certificateJson,
  certificateText,
  dateText,
  extensionsText,
  fingerprintText,
  loadCertificates,
  matchIdentity,
  oidName,
  oidOf,
  oneLine,
  parseReference,
  serialText,
  writePem,
} from '../x509/index.ts'
import { Failure, sentence } from './failure.ts'
import { parsedFrom, readAll, readWhole } from './files.ts'
import { BadValue, type Chosen, choice, flag, parseOptions, row, text } from './options.ts'
import { type Io, printable, put } from './terminal.ts'

const rows = {
  in: text('file', 'the certificate, PEM or DER; standard input when not given'),
  inform: choice('form', 'PEM or DER; found out when not given', ['PEM', 'DER']),
  out: text('file', 'where to write; standard output when not given'),
  outform: choice('form', 'PEM or DER', ['PEM', 'DER']),
  noout: flag('do not write the certificate itself'),
  text: flag('everything that the certificate says'),
  json: flag('the same as JSON'),
  subject: flag('whose it is'),
  issuer: flag('who issued it'),
  serial: flag('its serial number'),
  dates: flag('from when until when it is valid'),
  startdate: flag('from when it is valid'),
  enddate: flag('until when it is valid'),
  fingerprint: flag('its digest, SHA-1 unless another is named'),
  sha1: flag('the digest for -fingerprint', 'sha256', 'sha384', 'sha512'),
  sha256: flag('the digest for -fingerprint', 'sha384', 'sha512'),
  sha384: flag('the digest for -fingerprint', 'sha512'),
  sha512: flag('the digest for -fingerprint'),
  ext: text('names', 'these extensions, comma between them: subjectAltName,keyUsage'),
  email: flag('the mail addresses in it, a line each'),
  ocsp_uri: flag('where to ask by OCSP whether it was revoked'),
  pubkey: flag('its public key, PEM'),
  checkend: row('seconds', 'ends with 1 when it has expired so many seconds from now', (given) => {
    if (!/^-?\d{1,15}$/.test(given)) throw new BadValue('a whole number')
    return Number(given)
  }),
  checkhost: text('name', 'says whether it is for this host'),
  checkemail: text('address', 'says whether it is for this mail address'),
  checkip: text('address', 'says whether it is for this IP address'),
}
type Options = Chosen<typeof rows>

/** `typetls x509`: 0, or 1 when -checkend says so or something is wrong (openssl-x509(1)). */
export const x509 = async (io: Io, args: readonly string[]): Promise<number> => {
  const summary =
    'Shows, checks and converts a certificate. What is asked for is shown in the order in which it was asked.'
  const given = parseOptions({ name: 'x509', summary, rows }, args)
  if (typeof given === 'string') {
    await put(io.stdout, given)
    return 0
  }
  const { options, order } = given
  const source = options.in ?? 'standard input'
  const contents = options.in === undefined ? await readAll(io.stdin) : readWhole(options.in)
  const certificate = parsedFrom(source, contents, (bytes) => read(bytes, options.inform))

  let shown = ''
  for (const name of new Set(order)) {
    if (Object.hasOwn(printers, name)) shown += await printers[name]?.(certificate, options, io)
  }
  const { checkend } = options
  const expires = checkend !== undefined && certificate.notAfter < Date.now() + checkend * 1000
  if (checkend !== undefined) shown += `Certificate will ${expires ? '' : 'not '}expire\n`
  await write(io, options, shown, certificate)
  return expires ? 1 : 0
}

const read = (bytes: Uint8Array, form: 'PEM' | 'DER' | undefined): Certificate => {
  const [certificate] = loadCertificates(form === 'PEM' ? Buffer.from(bytes).toString('latin1') : bytes)
  return certificate as Certificate
}

const write = async (io: Io, options: Options, shown: string, certificate: Certificate): Promise<void> => {
  const form = options.outform ?? 'PEM'
  const body = options.noout
    ? new Uint8Array(0)
    : form === 'DER'
      ? certificate.raw
      : Buffer.from(writePem('CERTIFICATE', certificate.raw))
  // what a certificate says must not steer a terminal; into files and pipes it goes as OpenSSL writes it
  const terminal = options.out === undefined && (io.stdout as { isTTY?: boolean }).isTTY === true
  const said = terminal ? shown.split('\n').map(printable).join('\n') : shown
  const all = Buffer.concat([Buffer.from(said, 'utf8'), body])
  if (options.out === undefined) return await put(io.stdout, all)
  try {
    writeFileSync(options.out, all)
  } catch (error) {
    throw new Failure(`cannot write ${options.out}: ${sentence(error)}`)
  }
}

type Printer = (certificate: Certificate, options: Options, io: Io) => string | Promise<string>

const start = ({ notBefore }: Certificate): string => `notBefore=${dateText(notBefore)}\n`
const end = ({ notAfter }: Certificate): string => `notAfter=${dateText(notAfter)}\n`

const fingerprint: Printer = async ({ raw }, options) => {
  const named = (['sha1', 'sha256', 'sha384', 'sha512'] as const).find((name) => options[name])
  const print = await digest(node, named ?? 'sha1', raw)
  return `${named ?? 'SHA1'} Fingerprint=${fingerprintText(print)}\n`
}

/** OpenSSL's names of extensions where ours are RFC 5280's. */
const aliases: Readonly<Record<string, string>> = {
  extendedKeyUsage: 'extKeyUsage',
  crlDistributionPoints: 'cRLDistributionPoints',
  tlsfeature: 'tlsFeature',
  ct_precert_scts: 'sctList',
  ct_precert_poison: 'ctPoison',
}

const ext: Printer = async ({ extensions }, options, io) => {
  const wanted = new Set(
    (options.ext as string).split(',').map((name) => {
      const oid = oidOf(aliases[name.trim()] ?? name.trim())
      if (oid === undefined)
        throw new Failure(`x509: -ext knows no extension "${name.trim()}"; write it in dotted decimal`)
      return oidName(oid)
    }),
  )
  const chosen = extensions.filter(({ oid }) => wanted.has(oidName(oid)))
  if (chosen.length === 0) await put(io.stderr, 'No extensions matching the names in the certificate\n')
  return extensionsText(chosen)
}

/** What stands for itself in OpenSSL's words, since scripts look for them. */
const check =
  (option: 'checkhost' | 'checkemail' | 'checkip', type: 'dns' | 'email' | 'ip', what: string): Printer =>
  (certificate, options) => {
    const asked = options[option] as string
    const reference = parseReference(asked)
    const matches = reference?.type === type && matchIdentity(certificate, reference) !== undefined
    return `${what} ${asked} does ${matches ? '' : 'NOT '}match certificate\n`
  }

/** In OpenSSL's order, which sorts what it has whenever it looks whether another is new. */
const emails = (certificate: Certificate): readonly string[] => {
  const all = [
    ...certificate.subject.rdns
      .flat()
      .flatMap(({ oid, text: value }) => (oidName(oid) === 'emailAddress' && value !== undefined ? [value] : [])),
    ...(certificate.known.subjectAltName ?? []).flatMap((name) => (name.type === 'email' ? [name.value] : [])),
  ]
  const found: string[] = []
  for (const address of all) {
    found.sort()
    if (!found.includes(address)) found.push(address)
  }
  return found
}

const lines = (items: Iterable<string>): string => [...items].map((item) => `${item}\n`).join('')

const printers: Readonly<Record<string, Printer>> = {
  text: certificateText,
  json: (certificate) => `${JSON.stringify(certificateJson(certificate), null, 2)}\n`,
  subject: ({ subject }) => `subject=${oneLine(subject)}\n`,
  issuer: ({ issuer }) => `issuer=${oneLine(issuer)}\n`,
  serial: (certificate) => `serial=${serialText(certificate)}\n`,
  dates: (certificate) => start(certificate) + end(certificate),
  startdate: start,
  enddate: end,
  fingerprint,
  ext,
  email: (certificate) => lines(emails(certificate)),
  ocsp_uri: ({ known }) =>
    lines(
      (known.authorityInfoAccess ?? []).flatMap(({ method, location }) =>
        oidName(method) === 'ocsp' && location.type === 'uri' ? [location.value] : [],
      ),
    ),
  pubkey: ({ spki }) => writePem('PUBLIC KEY', spki),
  checkhost: check('checkhost', 'dns', 'Hostname'),
  checkemail: check('checkemail', 'email', 'Email'),
  checkip: check('checkip', 'ip', 'IP'),
}
