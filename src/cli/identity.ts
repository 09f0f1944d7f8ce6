import { node } from '../crypto/node/index.ts'
import type { PrivateKey } from '../crypto/provider.ts'
import { type Certificate, makeCertificate, writePem } from '../x509/index.ts'

/** A certificate authority that lives as long as this process, and a server certificate of its own making. */
export interface OwnIdentity {
  readonly ca: Certificate
  readonly leaf: Certificate
  readonly key: PrivateKey & { readonly pkcs8: Uint8Array }
  /** The same as PEM: the authority alone; leaf and authority; the leaf's private key. */
  readonly caPem: string
  readonly chainPem: string
  readonly keyPem: string
}

/** Names that a server on this machine is called by. */
export const LOCAL_NAMES = ['localhost', '127.0.0.1', '::1'] as const

const DAY = 86_400_000

/** Makes both. The authority's private key is forgotten with the call: nobody can make more of these certificates. */
export const makeIdentity = async (names: readonly string[] = LOCAL_NAMES): Promise<OwnIdentity> => {
  const [caKey, key] = await Promise.all([node.generate('P-256'), node.generate('P-256')])
  // clocks differ, and a certificate that is not yet valid is a poor welcome
  const validity = { notBefore: Date.now() - DAY, days: 8 }
  const ca = await makeCertificate(
    {
      subject: { O: 'typetls', CN: 'typetls throw-away CA' },
      key: caKey,
      signer: caKey,
      ca: true,
      pathLength: 0,
      ...validity,
    },
    node,
  )
  const leaf = await makeCertificate(
    {
      subject: { CN: names[0] as string },
      san: names,
      key,
      issuer: ca,
      signer: caKey,
      ...validity,
    },
    node,
  )
  const caPem = writePem('CERTIFICATE', ca.raw)
  return {
    ca,
    leaf,
    key,
    caPem,
    chainPem: writePem('CERTIFICATE', leaf.raw) + caPem,
    keyPem: writePem('PRIVATE KEY', key.pkcs8),
  }
}
