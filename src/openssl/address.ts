import { BIOerr } from './err.ts'

/** `host:service` as BIO_parse_hostserv(3) reads it. */

/** What was said; undefined where nothing was, null where `*` or an empty part said "any". */
export interface HostService {
  readonly host: string | null | undefined
  readonly service: string | null | undefined
}

/**
 * Splits `host:service`, `[address]:service`, or either part alone, which then is a `host` or a `service` as `prefer`
 * says. null with an error in the queue for what cannot be told apart.
 */
export const parseHostService = (text: string, prefer: 'host' | 'service'): HostService | null => {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text)
  if (bracketed !== null) return { host: said(bracketed[1]), service: said(bracketed[2]) }
  if (text.startsWith('[')) return fault('MALFORMED_HOST_OR_SERVICE')
  const colon = text.indexOf(':')
  if (colon !== text.lastIndexOf(':')) return fault('AMBIGUOUS_HOST_OR_SERVICE')
  if (colon >= 0) return { host: said(text.slice(0, colon)), service: said(text.slice(colon + 1)) }
  return prefer === 'host' ? { host: said(text), service: undefined } : { host: undefined, service: said(text) }
}

/** A service's port, by number or well-known name. undefined if it is neither. */
export const portOf = (service: string): number | undefined => {
  if (Object.hasOwn(services, service)) return services[service]
  const port = /^\d{1,5}$/.test(service) ? Number(service) : 65536
  return port < 65536 ? port : undefined
}

/** The family of a literal address: 4 or 6; 0 for a name. */
export const familyOf = (host: string): 0 | 4 | 6 => {
  if (host.includes(':')) return 6
  return /^\d+\.\d+\.\d+\.\d+$/.test(host) ? 4 : 0
}

/** Services that a TLS program is likely to name, with IANA's ports. */
const services: Readonly<Record<string, number>> = {
  ftp: 21,
  ftps: 990,
  http: 80,
  https: 443,
  imap: 143,
  imap2: 143,
  imaps: 993,
  ldap: 389,
  ldaps: 636,
  nntps: 563,
  pop3: 110,
  pop3s: 995,
  postgresql: 5432,
  mysql: 3306,
  sip: 5060,
  'sip-tls': 5061,
  smtp: 25,
  smtps: 465,
  submission: 587,
  submissions: 465,
  telnets: 992,
  'xmpp-client': 5222,
  'xmpp-server': 5269,
}

const said = (part: string | undefined): string | null | undefined => (part === '' || part === '*' ? null : part)

const fault = (reason: 'MALFORMED_HOST_OR_SERVICE' | 'AMBIGUOUS_HOST_OR_SERVICE'): null => {
  BIOerr(reason, 'openssl/address.ts')
  return null
}
