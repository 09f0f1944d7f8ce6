import { node } from '../src/crypto/node/index.ts'
import type { KeyKind } from '../src/crypto/provider.ts'
import type { Certificate } from '../src/x509/certificate.ts'
import { type CertificateRecipe, makeCertificate } from '../src/x509/make.ts'
import { writePem } from '../src/x509/pem.ts'

const DAY = 86_400_000

/** A certificate with its key, as PEM. */
export interface Made {
  readonly certificate: Certificate
  readonly cert: string
  readonly key: string
}

/** An authority whose certificates are good now, and which makes others: for tests that meet programs with clocks of their own. */
export class Authority {
  readonly root: Certificate
  readonly ca: string
  readonly #key: Awaited<ReturnType<typeof node.generate>>

  private constructor(root: Certificate, key: Awaited<ReturnType<typeof node.generate>>) {
    this.root = root
    this.ca = writePem('CERTIFICATE', root.raw)
    this.#key = key
  }

  static async make(name: string, kind: KeyKind = 'P-256'): Promise<Authority> {
    const key = await node.generate(kind)
    const notBefore = Date.now() - DAY
    const root = await makeCertificate({ subject: { CN: name }, key, signer: key, notBefore, days: 30, ca: true }, node)
    return new Authority(root, key)
  }

  /** A leaf for these names; `recipe` says what differs from a good one. */
  async leaf(san: readonly string[], recipe: Partial<CertificateRecipe> = {}, kind: KeyKind = 'P-256'): Promise<Made> {
    const key = await node.generate(kind)
    const certificate = await makeCertificate(
      {
        subject: { CN: san[0] ?? 'leaf' },
        key,
        issuer: this.root,
        signer: this.#key,
        notBefore: Date.now() - DAY,
        days: 20,
        san,
        ...recipe,
      },
      node,
    )
    return { certificate, cert: writePem('CERTIFICATE', certificate.raw), key: writePem('PRIVATE KEY', key.pkcs8) }
  }

  /** One that was good, and ended a day ago. */
  expired(san: readonly string[]): Promise<Made> {
    return this.leaf(san, { notBefore: Date.now() - 20 * DAY, days: 19 })
  }
}
