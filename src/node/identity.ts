import type { PeerCertificate } from 'node:tls'
import { equal } from '../bytes/compare.ts'
import { matchesDns, parseIp } from '../x509/identity.ts'

/** node:tls's comparison of names, over a certificate in its legacy form. The common name never counts. */

export interface IdentityError extends Error {
  readonly code: 'ERR_TLS_CERT_ALTNAME_INVALID'
  readonly reason: string
  readonly host: string
  readonly cert: PeerCertificate
}

/** Undefined when the certificate is for this host name or address (RFC 9525 section 6). */
export const identityError = (hostname: string, cert: PeerCertificate): IdentityError | undefined => {
  const names = namesOf(cert.subjectaltname ?? '')
  const host = hostname.replace(/\.$/, '').toLowerCase()
  const address = parseIp(host)
  const fits = address
    ? names.some(({ type, value }) => {
        const theirs = type === 'IP Address' ? parseIp(value) : undefined
        return theirs !== undefined && equal(theirs, address)
      })
    : names.some(({ type, value }) => type === 'DNS' && matchesDns(value, host))
  if (fits) return undefined
  const what = address ? 'IP' : 'Host'
  const reason =
    names.length === 0
      ? 'Cert does not contain a DNS name'
      : address
        ? `IP: ${host} is not in the cert's list: ${names
            .filter(({ type }) => type === 'IP Address')
            .map(({ value }) => value)
            .join(', ')}`
        : `${what}: ${host}. is not in the cert's altnames: ${cert.subjectaltname}`
  return Object.assign(new Error(`Hostname/IP does not match certificate's altnames: ${reason}`), {
    code: 'ERR_TLS_CERT_ALTNAME_INVALID' as const,
    reason,
    host: hostname,
    cert,
  })
}

/** `DNS:a.example, IP Address:127.0.0.1`; a value with commas or quotes in it stands in JSON, so that it cannot pose as two. */
const namesOf = (text: string): readonly { readonly type: string; readonly value: string }[] =>
  [...text.matchAll(/(DNS|IP Address|URI|email|[A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g)].map(
    ([, type, value]) => ({
      type: type as string,
      value: value?.startsWith('"') ? (JSON.parse(value) as string) : (value ?? ''),
    }),
  )
