import { Certificate, parseCertificate } from './certificate.ts'
import { DerError, DerReader } from './der.ts'
import { looksLikePem, type PemBlock, PemError, readPem } from './pem.ts'
import { readTrustSettings } from './trust.ts'

const LABELS = new Set(['CERTIFICATE', 'X509 CERTIFICATE', 'TRUSTED CERTIFICATE'])

/**
 * Certificates from PEM (any number, in order; other blocks and text are passed over) or from one DER certificate.
 * Throws `PemError` when there is none in the text, `DerError` when one is malformed.
 */
export const loadCertificates = (data: string | Uint8Array): readonly Certificate[] => {
  if (typeof data !== 'string' && !looksLikePem(data)) return [parseCertificate(data)]
  const blocks = readPem(data).filter(({ label }) => LABELS.has(label))
  if (blocks.length === 0) throw new PemError('there is no "-----BEGIN CERTIFICATE-----" in this text')
  return blocks.map((block, at) => {
    try {
      return certificateOf(block)
    } catch (error) {
      if (!(error instanceof DerError) || blocks.length === 1) throw error
      throw new DerError(
        `of the ${blocks.length} certificates in this text, number ${at + 1} is malformed: ${error.message}`,
      )
    }
  })
}

const certificateOf = ({ label, bytes }: PemBlock): Certificate => {
  if (label !== 'TRUSTED CERTIFICATE') return parseCertificate(bytes)
  const reader = new DerReader(bytes, 'the trusted certificate')
  const raw = reader.raw()
  const settings = reader.more ? readTrustSettings(reader.raw()) : undefined
  reader.close()
  return new Certificate(parseCertificate(raw), settings)
}
