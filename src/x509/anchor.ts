import { type Certificate, parseCertificate } from './certificate.ts'
import { derBits, derInteger, derOid, derTime, sequence } from './der.ts'

/** A trust anchor as RFC 5280 section 6.1.1 (d) knows it: whose name issues, and with which key. */
export interface AnchorParts {
  /** The issuer's Name (DER). */
  readonly subject: Uint8Array
  /** SubjectPublicKeyInfo (DER). */
  readonly spki: Uint8Array
}

/** RFC 9925: nobody signed it. */
const UNSIGNED = sequence(derOid('1.3.6.1.5.5.7.6.36'))
const ALWAYS = sequence(derTime(Date.UTC(0, 0, 1)), derTime(Date.UTC(9999, 11, 31, 23, 59, 59)))

/**
 * A certificate for `VerifierOptions.anchors` that says nothing but name and key: no dates, no extensions, and a
 * signature of no bytes, which nobody judges. Give it a root certificate to trust its key and nothing else that it says.
 */
export const bareAnchor = ({ subject, spki }: AnchorParts | Certificate): Certificate => {
  const name = subject instanceof Uint8Array ? subject : subject.raw
  const tbs = sequence(derInteger(1), UNSIGNED, name, ALWAYS, name, spki)
  return parseCertificate(sequence(tbs, UNSIGNED, derBits(new Uint8Array(0))))
}

/** Whether an anchor was made by `bareAnchor`. Only to be asked of anchors: others can have no signature too. */
export const isBare = (anchor: Certificate): boolean => anchor.signature.length === 0
