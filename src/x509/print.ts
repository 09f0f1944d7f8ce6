import { hex } from '../bytes/text.ts'
import type { Certificate } from './certificate.ts'
import { oneLine } from './name.ts'
import { keyText } from './spki.ts'

/** What one glance at a certificate should show, a line each: whose, by whom, for when, with what key. */
export const summary = (certificate: Certificate): readonly string[] => [
  `subject=${oneLine(certificate.subject)}`,
  `issuer=${oneLine(certificate.issuer)}`,
  validityText(certificate),
  `key=${keyText(certificate.key)}; signed with ${certificate.signatureAlgorithm.name}`,
]

/** `v:NotBefore: Jan  2 03:04:05 2026 GMT; NotAfter: …`, as `openssl s_client -showcerts` prints it. */
export const validityText = ({ notBefore, notAfter }: Certificate): string =>
  `v:NotBefore: ${dateText(notBefore)}; NotAfter: ${dateText(notAfter)}`

/** `Jan  2 03:04:05 2026 GMT`, as ASN1_TIME_print(3) writes it. */
export const dateText = (time: number): string => {
  const date = new Date(time)
  const month = months[date.getUTCMonth()]
  const day = String(date.getUTCDate()).padStart(2)
  return `${month} ${day} ${date.toISOString().slice(11, 19)} ${date.getUTCFullYear()} GMT`
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const

/** As `openssl x509 -serial` prints it: capitals, a minus for a negative number. */
export const serialText = ({ serial }: Certificate): string => {
  const negative = (serial[0] as number) >= 0x80
  const value = serial.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n)
  const magnitude = negative ? 256n ** BigInt(serial.length) - value : value
  const digits = magnitude.toString(16).toUpperCase()
  return `${negative ? '-' : ''}${digits.length % 2 ? '0' : ''}${digits}`
}

/** A digest as `openssl x509 -fingerprint` prints it: `AB:CD:…`. */
export const fingerprintText = (digest: Uint8Array): string => hex(digest, ':').toUpperCase()

/** Bytes in lines of so many, a colon between them. */
export const hexLines = (bytes: Uint8Array, width: number, indent: number): string[] => {
  const lines: string[] = []
  for (let at = 0; at < bytes.length; at += width) {
    const more = at + width < bytes.length ? ':' : ''
    lines.push(`${' '.repeat(indent)}${hex(bytes.subarray(at, at + width), ':')}${more}`)
  }
  return lines
}
