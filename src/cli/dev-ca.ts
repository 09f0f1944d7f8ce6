import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { equal } from '../bytes/compare.ts'
import { node } from '../crypto/node/index.ts'
import type { PrivateKey } from '../crypto/provider.ts'
import {
  type Certificate,
  dateText,
  loadCertificates,
  loadPrivateKey,
  makeCertificate,
  parseReference,
  sameName,
  writePem,
} from '../x509/index.ts'
import { Failure, sentence } from './failure.ts'
import { parsedFrom, readWhole, writeWhole } from './files.ts'
import { number, parseOptions } from './options.ts'
import { type Io, put } from './terminal.ts'

const DAY = 86_400_000
/** Long enough to trust it once per machine. */
const CA_DAYS = 3650

const rows = {
  days: number('count', 'how long the server certificate is good; 90 when not given', 1, 825),
}

interface Authority {
  readonly certificate: Certificate
  readonly key: PrivateKey
}

/** `typetls dev-ca`: a CA for this machine, made once, and a server certificate of it for these names. */
export const devCa = async (io: Io, args: readonly string[]): Promise<number> => {
  const given = parseOptions(
    {
      name: 'dev-ca',
      summary:
        'Makes folder/ca.pem and ca.key, or uses those that are there, and a certificate and key for the names, in files called after the first.',
      argument: {
        value: 'folder name',
        help: 'where to write, then host names (also *.name) and IP addresses',
        many: true,
      },
      rows,
    },
    args,
  )
  if (typeof given === 'string') {
    await put(io.stdout, given)
    return 0
  }
  const [folder, ...names] = given.arguments
  if (folder === undefined || names.length === 0)
    throw new Failure('dev-ca needs a folder and the names of the server: typetls dev-ca certs localhost 127.0.0.1')
  for (const name of names) refuseOddName(name)
  try {
    mkdirSync(folder, { recursive: true })
  } catch (error) {
    throw new Failure(`dev-ca: cannot make the folder ${folder}: ${sentence(error)}`)
  }
  const files = (name: string) => ({ pem: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) })
  const [caFiles, ownFiles] = [files('ca'), files(fileName(names[0] as string))]
  const present = existsSync(caFiles.pem) || existsSync(caFiles.key)
  const authority = present ? await authorityIn(caFiles) : await makeAuthority()
  refuseForeign(ownFiles, authority)
  if (!present) {
    writeWhole(caFiles.key, writePem('PRIVATE KEY', authority.key.pkcs8), true)
    writeWhole(caFiles.pem, writePem('CERTIFICATE', authority.certificate.raw))
  }
  const leaf = await issue(authority, names, given.options.days ?? 90)
  writeWhole(ownFiles.key, writePem('PRIVATE KEY', leaf.key.pkcs8), true)
  writeWhole(ownFiles.pem, writePem('CERTIFICATE', leaf.certificate.raw))
  await put(io.stdout, report(caFiles, ownFiles, present, names, leaf.certificate))
  return 0
}

const refuseOddName = (name: string): void => {
  const type = parseReference(name.replace(/^\*\./, ''))?.type
  if (type !== 'dns' && (type !== 'ip' || /[*[]/.test(name)))
    throw new Failure(`dev-ca: "${name}" is no host name (international ones in their xn-- form) and no IP address`)
  if (name.endsWith('.')) throw new Failure(`dev-ca: "${name}" ends with a dot, which certificates leave out`)
  if (name.toLowerCase() === 'ca')
    throw new Failure('dev-ca: a server called "ca" would take the files of the CA; name another one first')
}

/** Neither stars nor colons may stand in the names of files everywhere. */
const fileName = (name: string): string => name.toLowerCase().replace('*', '_wildcard').replaceAll(':', '_')

interface Files {
  readonly pem: string
  readonly key: string
}
type NewAuthority = Authority & { readonly key: PrivateKey & { readonly pkcs8: Uint8Array } }

const makeAuthority = async (): Promise<NewAuthority> => {
  const key = await node.generate('P-256')
  const certificate = await makeCertificate(
    {
      subject: { O: 'typetls', CN: `development CA ${new Date().toISOString().slice(0, 10)}` },
      key,
      signer: key,
      ca: true,
      // it issues for servers only: a CA below it would be somebody else's
      pathLength: 0,
      notBefore: Date.now() - DAY,
      days: CA_DAYS,
    },
    node,
  )
  return { certificate, key }
}

const authorityIn = async ({ pem, key: keyPath }: Files): Promise<NewAuthority> => {
  const [certificate] = parsedFrom(pem, readWhole(pem), loadCertificates) as readonly [Certificate]
  const contents = readWhole(keyPath)
  const key = await Promise.resolve()
    .then(() => loadPrivateKey(contents, node))
    .catch((error) => {
      throw new Failure(`${keyPath}: ${sentence(error)}`)
    })
  const again = 'remove both, and a new CA is made'
  if (!equal(key.spki, certificate.spki)) throw new Failure(`dev-ca: ${keyPath} is not the key of ${pem}; ${again}`)
  if (!certificate.known.basicConstraints?.ca)
    throw new Failure(`dev-ca: ${pem} is not the certificate of a CA; ${again}`)
  if (certificate.notAfter <= Date.now())
    throw new Failure(`dev-ca: ${pem} has expired, on ${dateText(certificate.notAfter)}; ${again}`)
  return { certificate, key }
}

/** A key that somebody needs must not be lost: only what this CA issued is written over. */
const refuseForeign = ({ pem, key }: Files, { certificate: ca }: Authority): void => {
  if (!existsSync(pem) && !existsSync(key)) return
  const [before] = existsSync(pem) ? parsedFrom(pem, readWhole(pem), loadCertificates) : []
  const id = before?.known.authorityKeyIdentifier?.keyId
  const own = ca.known.subjectKeyIdentifier
  if (before && sameName(before.issuer, ca.subject) && id && own && equal(id, own)) return
  throw new Failure(`dev-ca: ${before ? pem : key} is there already and not of this CA; move it away first`)
}

const issue = async ({ certificate: issuer, key: signer }: Authority, names: readonly string[], days: number) => {
  const key = await node.generate('P-256')
  const notBefore = Math.max(Date.now() - DAY, issuer.notBefore)
  const certificate = await makeCertificate(
    {
      // a common name has at most 64 characters (RFC 5280 appendix A.1), and the names are in the subjectAltName
      subject: { CN: (names[0] as string).slice(0, 64) },
      san: names,
      key,
      issuer,
      signer,
      extKeyUsage: ['serverAuth'],
      notBefore,
      notAfter: Math.min(Date.now() + days * DAY, issuer.notAfter),
    },
    node,
  )
  return { certificate, key }
}

const report = (ca: Files, own: Files, reused: boolean, names: readonly string[], leaf: Certificate): string => `\
${reused ? 'used ' : 'wrote'} ${ca.pem} and ${ca.key}${reused ? '' : ': a new CA'}
wrote ${own.pem} and ${own.key}: for ${names.join(', ')} until ${dateText(leaf.notAfter)}

To serve with it:
  typetls s_server -cert ${own.pem} -key ${own.key}
To trust it, give ${ca.pem} to
  typetls, openssl   s_client -CAfile ${ca.pem}
  curl               --cacert ${ca.pem}
  Node               NODE_EXTRA_CA_CERTS=${ca.pem}
  Debian, Ubuntu     sudo cp ${ca.pem} /usr/local/share/ca-certificates/typetls-dev.crt && sudo update-ca-certificates
  macOS              security add-trusted-cert -r trustRoot -k ~/Library/Keychains/login.keychain-db ${ca.pem}
  Windows            certutil -user -addstore Root ${ca.pem}
Whoever has ${ca.key} can pose as any server to those who trust it: keep it on this machine.
`
