import { sameBytes } from '../bytes/compare.ts'
import { type Certificate, parseCertificate } from './certificate.ts'

/**
 * Certificates that peers have shown lately, found by all of their bytes. What is kept is what parsing alone says, which is
 * the same for everybody and at any time; whether to trust one is judged anew for each connection. An entry takes a place
 * in the row of its hash, so whoever shows many or makes hashes collide displaces others and costs no more than that.
 */
const ROWS = 64
const PLACES = 4
/** Bytes: what is larger is not kept. */
const LARGEST = 8192
/** How many bytes at the end make the hash: they are of the signature. */
const END = 24

const kept: (Certificate | undefined)[] = new Array(ROWS * PLACES).fill(undefined)

/** The certificate of these bytes (DER), parsed now or before. Throws `DerError` as `parseCertificate` does. */
export const knownCertificate = (der: Uint8Array): Certificate => {
  if (der.length > LARGEST) return parseCertificate(der)
  const first = (hashOf(der) % ROWS) * PLACES
  let at = first
  for (; at < first + PLACES - 1; at++) {
    const certificate = kept[at]
    if (!certificate || sameBytes(certificate.raw, der)) break
  }
  let certificate = kept[at]
  // a copy: the bytes that came are part of a whole message
  if (!certificate || !sameBytes(certificate.raw, der)) certificate = parseCertificate(der.slice())
  for (; at > first; at--) kept[at] = kept[at - 1]
  return (kept[first] = certificate)
}

const hashOf = (der: Uint8Array): number => {
  let hash = der.length
  for (let at = Math.max(0, der.length - END); at < der.length; at++)
    hash = (Math.imul(hash, 31) + (der[at] as number)) | 0
  return hash >>> 0
}
