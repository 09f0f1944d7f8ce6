import { constructed, type DerReader, readDer, tags } from './der.ts'
import { knownOid } from './oids.ts'

/**
 * What OpenSSL writes behind a certificate in a PEM block TRUSTED CERTIFICATE (openssl-x509(1), "Trust Settings"): for
 * what its holder wants it to be trusted, and for what not. It counts where the certificate is one of the anchors.
 */
export interface TrustSettings {
  /** Purposes in dotted decimal. Undefined: nothing is said, so that it is trusted as other certificates are. */
  readonly trusted: readonly string[] | undefined
  readonly rejected: readonly string[] | undefined
  readonly alias: string | undefined
  readonly keyId: Uint8Array | undefined
}

/** Reads X509_CERT_AUX. Throws `DerError` when it is malformed. */
export const readTrustSettings = (raw: Uint8Array): TrustSettings =>
  readDer(raw, tags.sequence, 'the trust settings', (inside) => {
    const trusted = oidsIf(inside, tags.sequence)
    const rejected = oidsIf(inside, constructed(0))
    const alias = inside.tag === tags.utf8String ? utf8Of(inside) : undefined
    const keyId = inside.tag === tags.octetString ? inside.octets() : undefined
    if (inside.tag === constructed(1)) inside.raw()
    return { trusted, rejected, alias, keyId }
  })

const oidsIf = (from: DerReader, tag: number): string[] | undefined => {
  const list = from.openIf(tag)
  if (!list) return undefined
  const oids: string[] = []
  while (list.more) oids.push(list.oid())
  return oids
}

const utf8Of = (from: DerReader): string => new TextDecoder().decode(from.value(tags.utf8String))

/** What TLS is called in extKeyUsage and in trust settings. */
export const purposes = { server: knownOid('serverAuth'), client: knownOid('clientAuth') } as const
export const ANY_PURPOSE = knownOid('anyExtendedKeyUsage')

/** What settings say about a purpose; rejecting goes before trusting, and a list of what is trusted rejects all else. */
export const trustFor = (
  settings: TrustSettings | undefined,
  purpose: 'server' | 'client' | undefined,
): 'trusted' | 'rejected' | undefined => {
  if (!settings) return undefined
  const counts = (oid: string): boolean => oid === ANY_PURPOSE || (purpose !== undefined && oid === purposes[purpose])
  if (settings.rejected?.some(counts)) return 'rejected'
  return settings.trusted && (settings.trusted.some(counts) ? 'trusted' : 'rejected')
}
