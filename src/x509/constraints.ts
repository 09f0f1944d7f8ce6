import type { Certificate } from './certificate.ts'
import type { NameConstraints } from './extensions.ts'
import { type GeneralName, generalNameText } from './general-name.ts'
import { isDnsName, parseIp, parseMailbox, parseReference } from './identity.ts'
import { Name } from './name.ts'
import { knownOid } from './oids.ts'
import type { Verdict } from './verdicts.ts'

export interface Violation {
  readonly verdict: Verdict
  /** What is wrong with which name, for the end of a sentence. */
  readonly detail: string
}

/**
 * Every name that a certificate carries and that constraints may speak of (RFC 5280 section 4.2.1.10); mail addresses of
 * the subject count too. With `commonNames`, and where there is no dNSName, those that look like host names do as well.
 */
export const namesOf = ({ known, subject }: Certificate, commonNames = false): readonly GeneralName[] => {
  const names = [...(known.subjectAltName ?? [])]
  const hosts = commonNames && !names.some(({ type }) => type === 'dns')
  if (!subject.empty) names.push({ type: 'directory', value: subject })
  for (const { oid, text } of subject.rdns.flat()) {
    if (text === undefined) continue
    if (oid === EMAIL_ADDRESS) names.push({ type: 'email', value: text })
    if (oid === COMMON_NAME && hosts && looksLikeHost(text)) names.push({ type: 'dns', value: text })
  }
  return names
}

const looksLikeHost = (text: string): boolean =>
  text.includes('.') && isDnsName(text) && parseReference(text)?.type === 'dns'

const EMAIL_ADDRESS = knownOid('emailAddress')
const COMMON_NAME = knownOid('commonName')

/**
 * How many comparisons `violationOf` may take: each constraint is looked at once, and once for each name of its kind;
 * but URIs are looked up by their host.
 */
export const comparisons = ({ permitted, excluded }: NameConstraints, names: readonly GeneralName[]): number => {
  const counts = new Map<string, number>()
  for (const { type } of names) if (type !== 'uri') counts.set(type, (counts.get(type) ?? 0) + 1)
  return [...permitted, ...excluded].reduce((sum, { type }) => sum + 1 + (counts.get(type) ?? 0), names.length)
}

/**
 * The first name that one CA's constraints forbid; undefined when all are allowed. Excluded goes before permitted; a
 * kind of name that is not constrained is free; what cannot be judged is refused, critical or not. Only constraints on
 * URIs that are not `critical` and name no host are passed over (RFC 5280 section 4.2): no end of TLS is known by a URI.
 * With `dotted`, host names may be constrained as ".example.com", which RFC 5280 does not know: all names below.
 */
export const violationOf = (
  constraints: NameConstraints,
  names: readonly GeneralName[],
  critical = true,
  dotted = false,
): Violation | undefined => {
  const counts = (base: GeneralName): boolean => critical || base.type !== 'uri' || wellFormed(base)
  const permitted = constraints.permitted.filter(counts)
  const excluded = constraints.excluded.filter(counts)
  for (const base of [...permitted, ...excluded]) {
    if (!wellFormed(base, dotted)) {
      return {
        verdict: 'malformedConstraint',
        detail: `names are constrained by "${generalNameText(base)}", which is malformed`,
      }
    }
  }
  const excludedOf = byType(excluded)
  const permittedOf = byType(permitted)
  const hosts = new Map<readonly GeneralName[], ReadonlyMap<string, GeneralName>>()
  for (const name of names) {
    const forbidden = excludedOf.get(name.type) ?? []
    const allowed = permittedOf.get(name.type) ?? []
    if (forbidden.length + allowed.length === 0) continue
    const shown = generalNameText(name)
    const relation = relations[name.type]
    if (!relation)
      return {
        verdict: 'unsupportedConstraint',
        detail: `"${shown}" is constrained, which cannot be judged for names of this kind`,
      }
    const subject = relation(name)
    if (!subject) return { verdict: 'malformedName', detail: `"${shown}" is constrained but malformed` }
    const near = (bases: readonly GeneralName[]): readonly GeneralName[] => {
      if (!subject.hosts) return bases
      const index = hosts.get(bases) ?? byHost(bases)
      hosts.set(bases, index)
      return subject.hosts.flatMap((host) => index.get(host) ?? [])
    }
    for (const base of near(forbidden)) {
      if (subject.touches(base))
        return { verdict: 'excluded', detail: `"${shown}" is excluded by "${generalNameText(base)}"` }
    }
    if (allowed.length > 0 && !near(allowed).some((base) => subject.within(base))) {
      return { verdict: 'notPermitted', detail: `"${shown}" is not among the names that are permitted` }
    }
  }
  return undefined
}

const byType = (names: readonly GeneralName[]): ReadonlyMap<GeneralName['type'], readonly GeneralName[]> => {
  const groups = new Map<GeneralName['type'], GeneralName[]>()
  for (const name of names) {
    const group = groups.get(name.type)
    if (group) group.push(name)
    else groups.set(name.type, [name])
  }
  return groups
}

/** A name's place in its tree: `within` says that all of it lies below a base, `touches` that any of it may. */
interface Placed {
  within(base: GeneralName): boolean
  touches(base: GeneralName): boolean
  /** The only bases that can matter, where they can be told beforehand. */
  readonly hosts?: readonly string[]
}

const byHost = (bases: readonly GeneralName[]): ReadonlyMap<string, GeneralName> =>
  new Map(bases.map((base) => [base.type === 'uri' ? base.value.toLowerCase() : '', base]))

/** Undefined from a relation: the name is malformed. */
type Relation = (name: GeneralName) => Placed | undefined

const plain = (within: (base: GeneralName) => boolean): Placed => ({ within, touches: within })

const dns: Relation = (name) => {
  if (name.type !== 'dns') return undefined
  const presented = name.value.toLowerCase()
  const wildcard = presented.startsWith('*.')
  const host = wildcard ? presented.slice(2) : presented
  if (!isDnsName(host)) return undefined
  // a wildcard is all names one label below `host`; below a base it lies when `host` itself does
  const within = (base: GeneralName): boolean =>
    base.type === 'dns' && below(wildcard ? `.${host}` : host, base.value.toLowerCase())
  if (!wildcard) return plain(within)
  const touches = (base: GeneralName): boolean => {
    if (within(base)) return true
    return base.type === 'dns' && base.value.slice(base.value.indexOf('.') + 1).toLowerCase() === host
  }
  return { within, touches }
}

/** Whether a host is the base or has it as its last labels; the empty base is the whole tree, a dotted one what lies below. */
const below = (host: string, base: string): boolean =>
  base === '' || (base.startsWith('.') ? host.endsWith(base) : `.${host}`.endsWith(`.${base}`))

/** The constraints of mail and URIs: a host stands for itself alone, `.domain` for all hosts below. */
const hostOrDomain = (host: string, base: string): boolean =>
  base === '' || (base.startsWith('.') ? host.endsWith(base) : host === base)

const email: Relation = (name) => {
  const mailbox = name.type === 'email' ? parseMailbox(name.value) : undefined
  if (!mailbox) return undefined
  return plain((base) => {
    if (base.type !== 'email') return false
    if (!base.value.includes('@')) return hostOrDomain(mailbox.domain, base.value.toLowerCase())
    const wanted = parseMailbox(base.value)
    return wanted?.local === mailbox.local && wanted.domain === mailbox.domain
  })
}

const uri: Relation = (name) => {
  if (name.type !== 'uri') return undefined
  // RFC 5280 section 4.2.1.10: a URI whose authority is no host name cannot be judged
  const host = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#@]*@)?([^/?#:@[\]]+)(?::\d*)?(?:[/?#]|$)/i
    .exec(name.value)?.[1]
    ?.toLowerCase()
  if (host === undefined || !isDnsName(host) || parseIp(host)) return undefined
  const labels = host.split('.')
  const hosts = ['', host, ...labels.slice(1).map((_, i) => `.${labels.slice(i + 1).join('.')}`)]
  return { ...plain((base) => base.type === 'uri' && hostOrDomain(host, base.value.toLowerCase())), hosts }
}

const ip: Relation = (name) => {
  if (name.type !== 'ip') return undefined
  const address = name.value
  return plain((base) => {
    if (base.type !== 'ip' || base.value.length !== 2 * address.length) return false
    const mask = base.value.subarray(address.length)
    return address.every((byte, i) => ((byte ^ (base.value[i] as number)) & (mask[i] as number)) === 0)
  })
}

const directory: Relation = (name) => {
  if (name.type !== 'directory') return undefined
  const { keys } = name.value
  return plain((base) => base.type === 'directory' && base.value.keys.every((key, i) => key === keys[i]))
}

const relations: Readonly<Partial<Record<GeneralName['type'], Relation>>> = { dns, email, uri, ip, directory }

const wellFormed = (base: GeneralName, dotted = false): boolean => {
  switch (base.type) {
    case 'dns':
      return dotted ? isHostOrDomain(base.value) : base.value === '' || isDnsName(base.value)
    case 'email':
      return base.value.includes('@') ? parseMailbox(base.value) !== undefined : isHostOrDomain(base.value)
    case 'uri':
      return isHostOrDomain(base.value)
    case 'ip':
      return isMask(base.value.subarray(base.value.length / 2))
    case 'directory':
      return base.value instanceof Name
    default:
      return true
  }
}

const isHostOrDomain = (base: string): boolean => base === '' || isDnsName(base.startsWith('.') ? base.slice(1) : base)

/** Ones, then zeros. */
const isMask = (mask: Uint8Array): boolean =>
  /^1*0*$/.test([...mask].map((byte) => byte.toString(2).padStart(8, '0')).join(''))
