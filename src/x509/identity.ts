import { equal } from '../bytes/compare.ts'
import type { Certificate } from './certificate.ts'
import { generalNameText } from './general-name.ts'

/** The name that somebody asked for (RFC 9525 section 6.1). */
export type Reference =
  /** Lower case, without a trailing dot. */
  | { readonly type: 'dns'; readonly name: string }
  /** 4 or 16 bytes. */
  | { readonly type: 'ip'; readonly address: Uint8Array }
  | { readonly type: 'email'; readonly local: string; readonly domain: string }

/**
 * What kind of name a text is: an IP address, a mail address or a host name. International names are to be given in
 * ASCII (`xn--…`). Undefined when it is none of these.
 */
export const parseReference = (text: string): Reference | undefined => {
  const address = parseIp(text)
  if (address) return { type: 'ip', address }
  if (text.includes('@')) {
    const mailbox = parseMailbox(text)
    return mailbox && { type: 'email', ...mailbox }
  }
  const name = (text.endsWith('.') ? text.slice(0, -1) : text).toLowerCase()
  // a last label of digits alone is a misspelt IP address (RFC 1123 section 2.1)
  return isDnsName(name) && !/(?:^|\.)(?:\d+|0x[\da-f]*)$/.test(name) ? { type: 'dns', name } : undefined
}

/**
 * Labels of letters, digits, hyphens and underscores, up to 253 characters in all; no empty label, no hyphen at a
 * label's edge. (RFC 1034 section 3.5; underscores are in wide use.)
 */
export const isDnsName = (name: string): boolean =>
  name.length <= 253 && /^(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*$/i.test(name)

/** 4 or 16 bytes of an address as people write it (IPv6 also in brackets); undefined for anything else. */
export const parseIp = (text: string): Uint8Array | undefined => {
  const inner = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text
  return inner.includes(':') ? parseIpv6(inner) : inner === text ? parseIpv4(text) : undefined
}

const parseIpv4 = (text: string): Uint8Array | undefined => {
  if (!/^(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}$/.test(text)) return undefined
  const parts = text.split('.').map(Number)
  return parts.every((part) => part < 256) ? Uint8Array.from(parts) : undefined
}

/** RFC 4291 section 2.2: eight groups, one "::", perhaps IPv4 at the end; no zone. */
const parseIpv6 = (text: string): Uint8Array | undefined => {
  let rest = text
  const tail = /(?<=:)\d[\d.]*\.\d+$/.exec(text)
  if (tail) {
    const last = parseIpv4(tail[0])
    if (!last) return undefined
    const [a, b, c, d] = last as unknown as [number, number, number, number]
    rest = `${text.slice(0, tail.index)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
  }
  const halves = rest.split('::')
  if (halves.length > 2) return undefined
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')))
  const given = groups.flat()
  if (given.some((group) => !/^[0-9a-f]{1,4}$/i.test(group))) return undefined
  if (halves.length === 1 ? given.length !== 8 : given.length > 7) return undefined
  const bytes = new Uint8Array(16)
  const [head = [], end = []] = groups
  const all = halves.length === 1 ? head : [...head, ...Array<string>(8 - given.length).fill('0'), ...end]
  for (const [at, group] of all.entries()) {
    const value = Number.parseInt(group, 16)
    bytes[2 * at] = value >>> 8
    bytes[2 * at + 1] = value
  }
  return bytes
}

/** `local@domain`; the domain in lower case, the local part as it is (RFC 5280 section 7.5). */
export const parseMailbox = (text: string): { readonly local: string; readonly domain: string } | undefined => {
  const at = text.indexOf('@')
  const local = text.slice(0, at)
  const domain = text.slice(at + 1).toLowerCase()
  return at > 0 && /^[!-?A-~]+$/.test(local) && isDnsName(domain) ? { local, domain } : undefined
}

/**
 * Whether a dNSName of a certificate stands for this host (RFC 9525 section 6.3). A wildcard must be the whole
 * left-most label, with at least two labels after it, and stands for exactly one label.
 */
export const matchesDns = (pattern: string, host: string): boolean => {
  const presented = pattern.toLowerCase()
  if (!presented.startsWith('*.')) return presented === host && isDnsName(presented)
  const parent = presented.slice(2)
  const dot = host.indexOf('.')
  return isDnsName(parent) && parent.includes('.') && dot > 0 && host.slice(dot + 1) === parent
}

/** The name in the certificate's subjectAltName that matches; undefined when none does. The common name never counts. */
export const matchIdentity = (certificate: Certificate, reference: Reference): string | undefined => {
  for (const name of certificate.known.subjectAltName ?? []) {
    switch (name.type) {
      case 'dns':
        if (reference.type === 'dns' && matchesDns(name.value, reference.name)) return name.value
        break
      case 'ip':
        if (reference.type === 'ip' && equal(name.value, reference.address))
          return generalNameText(name).slice('IP:'.length)
        break
      case 'email': {
        if (reference.type !== 'email') break
        const mailbox = parseMailbox(name.value)
        if (mailbox && mailbox.local === reference.local && mailbox.domain === reference.domain) return name.value
      }
    }
  }
  return undefined
}
