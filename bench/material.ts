import { type Config, type ConfigInput, defineConfig, type TLS12, TLS13 } from '../src/config.ts'
import { node } from '../src/crypto/node/index.ts'
import type { KeyKind, PrivateKey, Provider } from '../src/crypto/provider.ts'
import { type CipherName, suites } from '../src/crypto/suites.ts'
import { memoryTickets } from '../src/session/tickets.ts'
import { runAsync, wait } from '../src/task.ts'
import { type Certificate, makeCertificate, Store, verifier, writePem } from '../src/x509/index.ts'
import { contexts } from './node-tls.ts'

/** Whom a store trusts beside the one that counts. */
const ROOTS = 150
const DAY = 86_400_000

/** A leaf below an intermediate below one root of 150, as a server of the Web has it. */
export interface Material {
  readonly roots: readonly Certificate[]
  readonly root: Certificate
  readonly intermediate: Certificate
  readonly leaf: Certificate
  readonly key: PrivateKey & { readonly pkcs8: Uint8Array }
}

const make = async (kind: KeyKind, count: number): Promise<Material> => {
  const validity = { notBefore: Date.now() - DAY, days: 90 }
  const key = async () => await runAsync(wait(node.generate(kind)))
  // the roots that are of no use here share a key, since making keys takes its time
  const [others, rootKey, interKey, leafKey] = [await key(), await key(), await key(), await key()]
  const roots: Certificate[] = []
  for (let at = 0; at < count; at++) {
    const signer = at === count >> 1 ? rootKey : others
    const subject = { C: 'US', O: `Authority ${at % 40}`, CN: `Root number ${at}` }
    roots.push(await makeCertificate({ subject, key: signer, signer, ca: true, ...validity }, node))
  }
  const root = roots[count >> 1] as Certificate
  const intermediate = await makeCertificate(
    {
      subject: { O: 'Between', CN: 'Issuing CA' },
      key: interKey,
      issuer: root,
      signer: rootKey,
      ca: true,
      ...validity,
    },
    node,
  )
  const leaf = await makeCertificate(
    {
      subject: { CN: 'localhost' },
      san: ['localhost', 'www.example.com'],
      key: leafKey,
      issuer: intermediate,
      signer: interKey,
      ...validity,
    },
    node,
  )
  return { roots, root, intermediate, leaf, key: leafKey }
}

const made = new Map<string, Promise<Material>>()
/** Made once for each kind of key and number of roots. */
export const material = (kind: KeyKind, roots = ROOTS): Promise<Material> => {
  const name = `${kind} ${roots}`
  const found = made.get(name) ?? make(kind, roots)
  made.set(name, found)
  return found
}

export interface Wishes {
  readonly kind?: 'P-256' | 'rsa-2048'
  readonly version?: typeof TLS12 | typeof TLS13
  readonly cipher?: CipherName
  readonly provider?: Provider
  /** Whether the client shows a certificate too. */
  readonly mutual?: boolean
  /** Whether certificates and signatures that were seen before are known again. */
  readonly known?: boolean
}

/** Both ends of ours and both of node:tls, wished alike. */
export const setUp = async ({
  kind = 'P-256',
  version = TLS13,
  cipher = 'aes-128-gcm',
  provider = node,
  mutual = false,
  known = false,
}: Wishes) => {
  const { roots, root, intermediate, leaf, key } = await material(kind)
  const suite = suites.filter((row) => row.version === version && row.cipher === cipher && row.default)
  const chain = [leaf.raw, intermediate.raw]
  const own = await runAsync(wait(provider.privateKey(key.pkcs8)))
  const base: ConfigInput = {
    provider,
    verifier: verifier({ anchors: new Store(roots), rememberSignatures: known }),
    tickets: memoryTickets(provider),
    rememberCertificates: known,
    versions: [version],
    suites: suite,
  }
  const identities = [{ chain, key: own }]
  const client: Config = defineConfig({
    ...base,
    serverName: 'localhost',
    peerName: 'localhost',
    ...(mutual && { identities }),
  })
  const server: Config = defineConfig({ ...base, identities, ...(mutual && { clientAuth: 'require' }) })

  const limits = {
    minVersion: version === TLS13 ? 'TLSv1.3' : 'TLSv1.2',
    maxVersion: version === TLS13 ? 'TLSv1.3' : 'TLSv1.2',
    ciphers: suite.map((row) => row.openssl).join(':'),
    ecdhCurve: 'X25519:P-256',
  } as const
  const pem = (...certificates: readonly Certificate[]): string =>
    certificates.map(({ raw }) => writePem('CERTIFICATE', raw)).join('')
  const shown = { cert: pem(leaf, intermediate), key: writePem('PRIVATE KEY', key.pkcs8) }
  const ca = roots.map((certificate) => pem(certificate))
  return {
    client,
    server,
    root,
    intermediate,
    leaf,
    key,
    nodeTls: contexts({ ca, ...limits, ...(mutual && shown) }, { ...shown, ...limits, ...(mutual && { ca }) }, mutual),
  }
}
export type SetUp = Awaited<ReturnType<typeof setUp>>
