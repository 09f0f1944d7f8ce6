import { createPrivateKey } from 'node:crypto'
import { resolve } from 'node:path'
import { equal } from '../bytes/compare.ts'
import { node } from '../crypto/node/index.ts'
import type { PrivateKey } from '../crypto/provider.ts'
import {
  type Certificate,
  type CertificateRequest,
  certificateText,
  checkRequest,
  loadCertificates,
  loadPrivateKey,
  loadRequest,
  makeCertificate,
  makeRequest,
  oneLine,
  type Password,
  parseRequest,
  requestText,
  writePem,
} from '../x509/index.ts'
import { Failure, sentence } from './failure.ts'
import { parsedFrom, readAll, readWhole, writeWhole } from './files.ts'
import { BadValue, type Chosen, choice, flag, number, parseOptions, row, text, texts } from './options.ts'
import { type Added, keyKind, parseAdded, parseSubject } from './req-values.ts'
import { parsePassword } from './settings.ts'
import { type Io, printable, put } from './terminal.ts'

const rowsFor = (env: Io['env']) => ({
  new: flag('makes a request', 'in'),
  x509: flag('makes a certificate instead, signed by its own key unless there is -CA'),
  newkey: row('kind', 'makes a key: rsa:2048, ec (with -pkeyopt), ed25519 or ed448', (given) => {
    if (!/^(?:rsa(?::\d{1,5})?|ec|ed25519|ed448)$/.test(given)) throw new BadValue('rsa:2048, ec, ed25519 or ed448')
    return given
  }),
  pkeyopt: texts('option', 'ec_paramgen_curve:P-256 or rsa_keygen_bits:3072'),
  key: text('file', 'the private key, when there is one already'),
  keyout: text('file', 'where to write the new key, for its owner alone to read'),
  passout: row('source', 'password to encrypt it with: pass:word, file:path or env:variable', parsePassword(env)),
  noenc: flag('writes the key unencrypted', 'passout'),
  nodes: flag('the same', 'passout'),
  passin: row('source', 'password of the keys that are read', parsePassword(env)),
  subj: row('name', 'whose it is to be: /C=US/O=Example/CN=example.com', parseSubject),
  addext: {
    value: 'extension',
    help: 'subjectAltName=DNS:a.example,IP:192.0.2.1 and the like',
    parse: (given: string): readonly Added[] => [parseAdded(given)],
    many: true as const,
  },
  days: number('count', 'how long the certificate is good; 30 when not given', 1, 36_500),
  CA: text('file', 'the certificate of the CA that issues; a certificate is made then'),
  CAkey: text('file', "the CA's private key; in the file of -CA when not given"),
  in: text('file', 'a request to show, or to make a certificate for'),
  inform: choice('form', 'PEM or DER; found out when not given', ['PEM', 'DER']),
  verify: flag('checks that the request is signed by its own key'),
  out: text('file', 'where to write; standard output when not given'),
  outform: choice('form', 'PEM or DER', ['PEM', 'DER']),
  noout: flag('do not write the request or certificate itself'),
  text: flag('everything that it says'),
  subject: flag('whose it is'),
  pubkey: flag('its public key, PEM'),
  batch: flag('is there for those who give it to OpenSSL; nothing is ever asked'),
  sha256: flag('is there for those who give it to OpenSSL; the hash is as strong as the key'),
})
type Options = Chosen<ReturnType<typeof rowsFor>>
type Key = PrivateKey & { readonly pkcs8: Uint8Array }

/** `typetls req`: 0, or 1 when something is wrong (openssl-req(1)). */
export const req = async (io: Io, args: readonly string[]): Promise<number> => {
  const summary = 'Makes keys, certification requests and certificates, and shows requests.'
  const given = parseOptions({ name: 'req', summary, rows: rowsFor(io.env) }, args)
  if (typeof given === 'string') {
    await put(io.stdout, given)
    return 0
  }
  const { options } = given
  const issue = options.x509 === true || options.CA !== undefined
  const make = options.new === true || options.newkey !== undefined || (issue && options.in === undefined)
  refuseContradictions(options, issue, make)
  try {
    const key = await keyOf(options)
    const request = make ? (issue ? undefined : await ask(options, key as Key)) : await readRequest(io, options)
    if (request && (options.verify || issue)) await prove(io, request)
    const made = request && !issue ? request : await certify(options, key, request)
    await write(io, options, made, options.newkey === undefined ? undefined : key)
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure(`req: ${sentence(error)}`)
  }
  return 0
}

/** What cannot be meant is refused, and nothing that was given is passed over. */
const refuseContradictions = (options: Options, issue: boolean, make: boolean): void => {
  const { newkey, key, days, addext = [], CA } = options
  const given = (name: keyof Options): boolean => options[name] !== undefined
  const twice = addext.find(({ name }, at) => addext.findIndex((other) => other.name === name) !== at)
  const problems: readonly (readonly [boolean, string])[] = [
    [given('newkey') && given('key'), '-newkey makes a key and -key names one; choose one of them'],
    [given('newkey') && given('in'), '-in brings a request with a key of its own, so -newkey cannot make another'],
    [given('newkey') && !given('keyout'), '-newkey needs -keyout, which says where the key is to be written'],
    [
      given('newkey') && !given('noenc') && !given('nodes') && !given('passout'),
      '-passout must say with which password to encrypt the key; -noenc writes it as it is',
    ],
    [
      !given('newkey') && (given('keyout') || given('pkeyopt') || given('passout')),
      '-keyout, -passout and -pkeyopt are for the key that -newkey makes',
    ],
    [make && newkey === undefined && key === undefined, 'a key is needed: -newkey makes one, -key names one'],
    [make && !given('subj'), '-subj must say whose it is to be, as /CN=example.com'],
    [!make && given('subj'), '-subj does not change a request that is read'],
    [
      !make && !issue && (given('key') || given('addext')),
      '-key and -addext are for what is made; -new makes a request',
    ],
    [!issue && days !== undefined, '-days is for certificates; -x509 or -CA makes one'],
    [given('CAkey') && CA === undefined, '-CAkey needs -CA, the certificate of that key'],
    [!make && issue && CA === undefined && key === undefined, '-x509 needs -key or -CA to sign for this request'],
    [!make && CA !== undefined && key !== undefined, '-CA signs for the key of the request, so -key has no use'],
    [make && issue && given('verify'), '-verify is for requests, and a certificate is made here'],
    [twice !== undefined, `-addext gives ${twice?.name} twice; put all its values into one`],
  ]
  const problem = problems.find(([wrong]) => wrong)
  if (problem) throw new Failure(`req: ${problem[1]}`)
}

const readRequest = async (io: Io, { in: path, inform }: Options): Promise<CertificateRequest> => {
  const contents = path === undefined ? await readAll(io.stdin) : readWhole(path)
  return parsedFrom(path ?? 'standard input', contents, (bytes) =>
    loadRequest(inform === 'PEM' ? Buffer.from(bytes).toString('latin1') : bytes),
  )
}

const prove = async (io: Io, request: CertificateRequest): Promise<void> => {
  if (!(await checkRequest(request, node)))
    throw new Failure('req: the request is not signed by the key that is in it, or in a way that is not supported')
  await put(io.stderr, 'Certificate request self-signature verify OK\n')
}

const keyOf = async ({ newkey, pkeyopt, key, passin }: Options): Promise<Key | undefined> => {
  if (newkey !== undefined) return await node.generate(keyKind(newkey, pkeyopt))
  return key === undefined ? undefined : await keyFrom(key, passin)
}

const keyFrom = async (path: string, password: Password | undefined): Promise<Key> => {
  const contents = readWhole(path)
  try {
    return await loadPrivateKey(contents, node, password)
  } catch (error) {
    throw new Failure(`${path}: ${sentence(error)}`)
  }
}

const ask = async ({ subj = [], addext = [] }: Options, key: Key): Promise<CertificateRequest> =>
  parseRequest(await makeRequest({ subject: subj, key, extensions: addext.map(({ extension }) => extension) }))

/** OpenSSL makes whoever signs himself a CA, and so do we; whom a CA certifies only when -addext says so. */
const certify = async (options: Options, key: Key | undefined, request?: CertificateRequest): Promise<Certificate> => {
  const { addext = [], days = 30 } = options
  const { CA, CAkey = CA, passin } = options
  const issuer = CA === undefined ? undefined : await issuerOf(CA, CAkey as string, passin)
  const signer = issuer?.key ?? (key as Key)
  const spki = (request ?? (key as Key)).spki
  if (!issuer && !equal(spki, signer.spki))
    throw new Failure('req: -key is not the key of this request, so the certificate could not sign itself')
  const constraints = addext.find(({ name }) => name === 'basicConstraints')
  const ca = constraints ? constraints.ca : issuer === undefined
  return await makeCertificate(
    {
      subject: request?.subject ?? options.subj ?? [],
      key: spki,
      signer,
      ...(issuer && { issuer: issuer.certificate }),
      ca,
      // who signs himself is believed as he stands, and may serve as a CA and as a server at once
      ...(!issuer && { keyUsage: [], extKeyUsage: [] }),
      notBefore: Date.now(),
      days,
      extensions: addext.map(({ extension }) => extension),
    },
    node,
  )
}

const issuerOf = async (
  path: string,
  keyPath: string,
  password: Password | undefined,
): Promise<{ certificate: Certificate; key: Key }> => {
  const [certificate] = parsedFrom(path, readWhole(path), loadCertificates) as readonly [Certificate]
  const key = await keyFrom(keyPath, password)
  if (!equal(certificate.spki, key.spki)) throw new Failure(`req: ${keyPath} is not the key of the CA in ${path}`)
  const { keyUsage, known } = certificate
  if (!known.basicConstraints?.ca || (keyUsage && !keyUsage.has('keyCertSign')))
    throw new Failure(`req: ${path} is not the certificate of a CA, so nobody would believe what it issues`)
  return { certificate, key }
}

const write = async (
  io: Io,
  options: Options,
  made: Certificate | CertificateRequest,
  key: Key | undefined,
): Promise<void> => {
  const issued = 'serial' in made
  const shown = [
    ...(options.pubkey ? [writePem('PUBLIC KEY', made.spki)] : []),
    ...(options.text ? [issued ? certificateText(made) : requestText(made)] : []),
    ...(options.subject ? [`subject=${oneLine(made.subject)}\n`] : []),
  ].join('')
  const body = options.noout
    ? ''
    : options.outform === 'DER'
      ? made.raw
      : writePem(issued ? 'CERTIFICATE' : 'CERTIFICATE REQUEST', made.raw)
  // what a request says must not steer a terminal
  const terminal = options.out === undefined && (io.stdout as { isTTY?: boolean }).isTTY === true
  const all = Buffer.concat([
    Buffer.from(terminal ? shown.split('\n').map(printable).join('\n') : shown),
    Buffer.from(body as string),
  ])
  const { keyout, out } = options
  const keyPem = key === undefined ? '' : keyText(key, options.passout?.())
  // OpenSSL, too, lets both share a file
  const together = keyout !== undefined && out !== undefined && resolve(keyout) === resolve(out)
  if (keyout !== undefined) writeWhole(keyout, together ? Buffer.concat([Buffer.from(keyPem), all]) : keyPem, true)
  if (out === undefined) await put(io.stdout, all)
  else if (!together) writeWhole(out, all)
}

/** With a password, PKCS#8 encrypted as OpenSSL does it: PBES2 with PBKDF2 and AES-256-CBC. */
const keyText = ({ pkcs8 }: Key, passphrase: string | undefined): string => {
  if (passphrase === undefined) return writePem('PRIVATE KEY', pkcs8)
  if (passphrase === '') throw new Failure('req: the password of -passout is empty, which would protect nothing')
  const key = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' })
  return String(key.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase }))
}
