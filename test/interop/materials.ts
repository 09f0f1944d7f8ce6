import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Kind, Materials } from './contract.ts'
import { run } from './process.ts'

const keys: Record<Kind | 'ca', string[]> = {
  ca: ['EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  ecdsa: ['EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  rsa: ['RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
  ed25519: ['ED25519'],
  'rsa-pss': ['RSA-PSS', '-pkeyopt', 'rsa_keygen_bits:2048'],
}

const extensions = `[leaf]
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature,keyEncipherment
extendedKeyUsage=serverAuth,clientAuth
subjectAltName=DNS:localhost,IP:127.0.0.1
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
[ca]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
`

/** Makes a CA and one leaf of each kind with the openssl command, in a new directory. */
export const makeMaterials = async (): Promise<Materials & { remove(): void }> => {
  const dir = mkdtempSync(join(tmpdir(), 'typetls-interop-'))
  const at = (name: string): string => join(dir, name)
  const openssl = (...args: string[]): Promise<string> => run('openssl', args, { cwd: dir })
  writeFileSync(at('extensions'), extensions)

  const issue = async (name: Kind | 'ca', subject: string, by: string[]): Promise<void> => {
    await openssl('genpkey', '-algorithm', ...keys[name], '-out', `${name}.key`)
    await openssl('req', '-new', '-subj', subject, '-key', `${name}.key`, '-out', `${name}.csr`)
    await openssl(
      ...['x509', '-req', '-in', `${name}.csr`, '-out', `${name}.pem`, '-days', '30', '-sha256'],
      ...['-extfile', 'extensions', '-extensions', name === 'ca' ? 'ca' : 'leaf', ...by],
    )
  }
  await issue('ca', '/CN=typetls interop CA', ['-signkey', 'ca.key'])
  for (const kind of Object.keys(keys).filter((k): k is Kind => k !== 'ca'))
    await issue(kind, `/CN=${kind}`, ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'])

  const files = new Map<number, { file: string; bytes: Uint8Array }>()
  return {
    dir,
    ca: at('ca.pem'),
    leaf: (kind) => ({ certificate: at(`${kind}.pem`), key: at(`${kind}.key`) }),
    payload(bytes) {
      let found = files.get(bytes)
      if (!found) {
        const file = at(`payload-${bytes}`)
        writeFileSync(file, digits(bytes))
        found = { file, bytes: new Uint8Array(readFileSync(file)) }
        files.set(bytes, found)
      }
      return found
    },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  }
}

/** No two places of the payload look alike for long, so that a byte lost or doubled is noticed. */
const digits = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) =>
    i % 64 === 63 || i === length - 1 ? 0x0a : 0x30 + ((i ^ (i >> 5) ^ (i >> 11)) % 10),
  )
