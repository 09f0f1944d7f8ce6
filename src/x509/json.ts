import { hex } from '../bytes/text.ts'
import type { Certificate } from './certificate.ts'
import { ipText } from './general-name.ts'
import { Name } from './name.ts'
import { oidName } from './oids.ts'
import { serialText } from './print.ts'

/** What JSON can hold. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/**
 * A certificate as plain data: bytes in hex, dates as `2026-01-02T03:04:05.000Z`, names as lists of relative names and
 * once more as text (RFC 4514), object identifiers by name where they have one here. An extension that is not understood,
 * or malformed, has its bytes as `raw`; what is malformed is told in `flaws`.
 */
export const certificateJson = (certificate: Certificate): { readonly [key: string]: Json } => {
  const { known } = certificate
  return {
    version: certificate.version,
    serialNumber: serialText(certificate),
    signatureAlgorithm: certificate.signatureAlgorithm.name,
    issuer: nameJson(certificate.issuer),
    notBefore: new Date(certificate.notBefore).toISOString(),
    notAfter: new Date(certificate.notAfter).toISOString(),
    subject: nameJson(certificate.subject),
    publicKey: { ...(plain(certificate.key) as { [key: string]: Json }), spki: hex(certificate.spki) },
    extensions: certificate.extensions.map(({ oid, critical, value }) => {
      const name = oidName(oid)
      const read = Object.hasOwn(known, name) ? known[name as keyof typeof known] : undefined
      return { oid, name, critical, ...(read === undefined ? { raw: hex(value) } : { value: plain(read) }) }
    }),
    ...(certificate.flaws.length > 0 && { flaws: certificate.flaws }),
    signature: hex(certificate.signature),
  }
}

const nameJson = (name: Name): Json => ({
  text: name.toString(),
  rdns: name.rdns.map((rdn) =>
    rdn.map(({ oid, text, raw }) => ({ type: oidName(oid), value: text ?? `#${hex(raw)}` })),
  ),
})

/** Parsed values have bytes, sets and names in them; object identifiers get their names. */
const plain = (value: unknown): Json => {
  if (value === undefined) return null
  if (value instanceof Uint8Array) return hex(value)
  if (value instanceof Name) return nameJson(value)
  if (value instanceof Set) return [...value].map(plain)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'string') return oidName(value)
  if (typeof value !== 'object' || value === null) return value as number | boolean | null
  const { type, value: inner } = value as { type?: unknown; value?: unknown }
  if (type === 'ip' && inner instanceof Uint8Array) return { type, value: ipText(inner) }
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]))
}
