import { equal } from '../bytes/compare.ts'
import { type Config, type Identity, TLS12, TLS13, type Version } from '../config.ts'
import { groupById, groups, type NamedGroup } from '../crypto/groups.ts'
import type { KeyFacts } from '../crypto/provider.ts'
import { type Scheme, schemeById, schemeFits } from '../crypto/schemes.ts'
import { FALLBACK_SCSV, type Suite } from '../crypto/suites.ts'
import { illegal, TlsError } from '../errors.ts'
import type { Role } from '../facts.ts'
import type { ClientHello } from '../messages/hello.ts'
import { knownCertificate } from '../x509/known-certificates.ts'

// Every decision as a pure function of what was offered and what is configured. Values that we do not know, GREASE
// among them (RFC 8701), fall through.

/** The last 8 bytes of a server's random when it could have done better (RFC 9846 section 4.1.3). */
export const DOWNGRADE_TO_12: Uint8Array = new Uint8Array([0x44, 0x4f, 0x57, 0x4e, 0x47, 0x52, 0x44, 0x01])
export const DOWNGRADE_TO_11: Uint8Array = new Uint8Array([0x44, 0x4f, 0x57, 0x4e, 0x47, 0x52, 0x44, 0x00])

/** What can be used of a config. */
interface Usable {
  /** Those that there is a suite for, and for TLS 1.3 a group; highest first. */
  readonly versions: readonly Version[]
  /** Those of these versions; those by a key agreed elsewhere need somebody who knows it. */
  readonly suites: readonly Suite[]
}

/** What can be used of a config, found out once. */
export const usable = (config: Config, role: Role): Usable => {
  let found = known[role].get(config)
  if (!found) known[role].set(config, (found = usableOf(config, role)))
  return found
}
const known: Readonly<Record<Role, WeakMap<Config, Usable>>> = { client: new WeakMap(), server: new WeakMap() }

const usableOf = ({ versions, groups, suites, psk, findPsk }: Config, role: Role): Usable => {
  const keyed = (role === 'client' ? psk : findPsk) !== undefined
  const able = suites.filter(({ authentication }) => authentication !== 'psk' || keyed)
  const both = [TLS13, TLS12].filter(
    (version): version is Version =>
      versions.includes(version as Version) &&
      able.some((suite) => suite.version === version) &&
      (version === TLS12 || groups.some(({ tls13 }) => tls13 || role === 'client')),
  )
  return { versions: both, suites: able.filter(({ version }) => both.includes(version)) }
}

/** The highest version that both sides speak. */
export const chooseVersion = (config: Config, hello: ClientHello): Version => {
  const { supportedVersions } = hello.extensions
  const offered = supportedVersions ?? (hello.legacyVersion >= TLS12 ? [TLS12] : [])
  const { versions } = usable(config, 'server')
  const chosen = versions.find((version) => offered.includes(version))
  if (hello.cipherSuites.includes(FALLBACK_SCSV) && versions[0] !== undefined && chosen !== versions[0]) {
    throw new TlsError(
      'inappropriate_fallback',
      'INAPPROPRIATE_FALLBACK',
      'the client fell back to a lower version than both can speak',
    )
  }
  if (chosen === undefined) {
    const shown =
      offered.map((version) => `0x${version.toString(16)}`).join(', ') || `0x${hello.legacyVersion.toString(16)}`
    throw new TlsError('protocol_version', 'UNSUPPORTED_PROTOCOL', `the client offers ${shown}`)
  }
  return chosen
}

/** In the order of whoever decides: those that both have. */
const shared = <T>(
  ours: readonly T[],
  theirs: readonly number[],
  id: (item: T) => number,
  preferOurs: boolean,
): readonly T[] =>
  preferOurs
    ? ours.filter((item) => theirs.includes(id(item)))
    : found(theirs, (number) => ours.find((item) => id(item) === number))

/** What these numbers stand for, each once, without those that stand for nothing. */
const found = <T>(numbers: readonly number[], find: (number: number) => T | undefined): readonly T[] => {
  const all = new Set<T>()
  for (const number of numbers) {
    const one = find(number)
    if (one !== undefined) all.add(one)
  }
  return [...all]
}

/** Suites that both sides know in that version, best first. */
export const sharedSuites = (config: Config, offered: readonly number[], version: Version): readonly Suite[] =>
  shared(
    usable(config, 'server').suites.filter((suite) => suite.version === version),
    offered,
    (suite) => suite.id,
    config.serverPreference,
  )

const noSharedCipher = (offered: readonly number[]): TlsError =>
  new TlsError(
    'handshake_failure',
    'NO_SHARED_CIPHER',
    `none of the ${offered.length} suites of the client can be used`,
  )

/** The suite of a TLS 1.3 handshake. */
export const chooseSuite13 = (config: Config, hello: ClientHello): Suite => {
  const [suite] = sharedSuites(config, hello.cipherSuites, TLS13)
  if (!suite) throw noSharedCipher(hello.cipherSuites)
  return suite
}

/** The group of a TLS 1.3 handshake, and the client's share for it if there is one. */
export const chooseGroup13 = (
  config: Config,
  hello: ClientHello,
): { readonly group: NamedGroup; readonly share: Uint8Array | undefined } => {
  const { supportedGroups, keyShare } = hello.extensions
  if (!supportedGroups || !keyShare)
    throw new TlsError('missing_extension', 'NO_SUITABLE_KEY_SHARE', 'supported_groups and key_share are due together')
  // RFC 9846 4.2.8: shares must be for groups in supported_groups, each once
  const named = new Set(supportedGroups)
  const seen = new Set<number>()
  for (const { group } of keyShare) {
    if (seen.has(group) || !named.has(group))
      throw illegal(
        'BAD_KEY_SHARE',
        `a share for group 0x${group.toString(16)} that is doubled or not in supported_groups`,
      )
    seen.add(group)
  }
  const ours = config.groups.filter(({ tls13 }) => tls13)
  const both = shared(ours, supportedGroups, (group) => group.id, config.serverPreference)
  // a share that is there saves a round trip, unless our own order is to decide
  const group = (config.serverPreference ? undefined : both.find(({ id }) => seen.has(id))) ?? both[0]
  if (!group) throw new TlsError('handshake_failure', 'NO_SUITABLE_KEY_SHARE', 'no group in common')
  return { group, share: keyShare.find((entry) => entry.group === group.id)?.keyExchange }
}

/** Schemes by number, those that we know. */
export const knownSchemes = (ids: readonly number[] | undefined): readonly Scheme[] => found(ids ?? [], schemeById)

interface Signing {
  readonly identity: Identity
  readonly scheme: Scheme
}

/**
 * Every way to sign that the peer takes: in the order of schemes of whoever decides, then in that of the identities; or,
 * where the config says so, the other way round.
 */
const signings = (
  config: Config,
  identities: readonly Identity[],
  peer: readonly Scheme[],
  version: Version,
): readonly Signing[] => {
  if (!config.identityPreference) return schemesFirst(config, identities, peer, version)
  return identities.flatMap((identity) => schemesFirst(config, [identity], peer, version))
}

const schemesFirst = (
  config: Config,
  identities: readonly Identity[],
  peer: readonly Scheme[],
  version: Version,
): readonly Signing[] => {
  // an identity's own order counts where it is alone
  const ours = (identities.length === 1 && identities[0]?.schemes) || joined(config, identities)
  const [first, second] = config.serverPreference ? [ours, peer] : [peer, ours]
  const ways: Signing[] = []
  for (const scheme of first) {
    if (!second.includes(scheme)) continue
    for (const identity of identities) {
      const { key, schemes = config.schemes } = identity
      if (
        schemes.includes(scheme) &&
        schemeFits(scheme, key.facts, version) &&
        inItsCurve(config, scheme, key.facts) &&
        (key.signs?.(scheme.algorithm) ?? true)
      )
        ways.push({ identity, scheme })
    }
  }
  return ways
}

const joined = (config: Config, identities: readonly Identity[]): readonly Scheme[] => {
  const own = identities.some(({ schemes }) => schemes) ? identities.flatMap(({ schemes = [] }) => schemes) : []
  return own.length === 0 ? config.schemes : [...new Set([...config.schemes, ...own])]
}

const inItsCurve = ({ curveBound }: Config, { curve }: Scheme, key: KeyFacts): boolean =>
  !curveBound || curve === undefined || (key.type === 'ec' && key.curve === curve)

/** The identity that the peer can check, with the scheme to sign by; one from an authority it named goes first. */
export const chooseIdentity = (
  config: Config,
  identities: readonly Identity[],
  peer: readonly Scheme[],
  version: Version,
  authorities: readonly Uint8Array[] = [],
): Signing | undefined => {
  const fitting = signings(config, identities, peer, version)
  return fitting.find(({ identity }) => issuedBy(identity, authorities)) ?? fitting[0]
}

/** What a client shows that is asked for a certificate: one that fits; none, unless its config insists. */
export const chooseOwn = (
  config: Config,
  identities: readonly Identity[],
  fitting: readonly Identity[],
  peer: readonly Scheme[],
  version: Version,
  authorities: readonly Uint8Array[] = [],
): Signing | undefined => {
  const schemes = config.clientSchemes ?? config.schemes
  const choice = chooseIdentity({ ...config, schemes }, fitting, peer, version, authorities)
  if (!choice && config.insistOnIdentity && identities.length > 0)
    throw new TlsError(
      'handshake_failure',
      'NO_SUITABLE_SIGNATURE_ALGORITHM',
      'none of our certificates is one that the server can check',
    )
  return choice
}

const issuedBy = ({ chain }: Identity, authorities: readonly Uint8Array[]): boolean =>
  authorities.length > 0 &&
  chain.some((der) => {
    const issuer = knownCertificate(der).issuer.raw
    return authorities.some((authority) => equal(authority, issuer))
  })

export interface Choice12 {
  readonly suite: Suite
  /** None where a key agreed elsewhere stands in its place. */
  readonly identity?: Identity
  /** ECDHE only. */
  readonly group?: NamedGroup
  readonly scheme?: Scheme
}

/** rsa_pkcs1_sha1 and ecdsa_sha1: what a client takes that says nothing (RFC 5246 section 7.4.1.4.1). */
const IMPLIED = [0x0201, 0x0203]
const CURVES = groups.filter((group) => group.curve).map((group) => group.id)

/** The suite of a TLS 1.2 handshake with the certificate, group and scheme that go with it. */
export const chooseSuite12 = (config: Config, hello: ClientHello, identities: readonly Identity[]): Choice12 => {
  const turns =
    config.identityPreference && identities.length > 0 ? identities.map((identity) => [identity]) : [identities]
  for (const turn of turns) {
    const choice = suite12(config, hello, turn)
    if (choice) return choice
  }
  throw noSharedCipher(hello.cipherSuites)
}

const suite12 = (config: Config, hello: ClientHello, identities: readonly Identity[]): Choice12 | undefined => {
  // RFC 8422 4: a client that names no curves takes any
  const named = hello.extensions.supportedGroups ?? CURVES
  const group = shared(config.groups, named, ({ id }) => id, config.serverPreference).find(({ tls12 }) => tls12)
  const curves = new Set(named.map((id) => groupById(id)?.curve))
  const { signatureAlgorithms } = hello.extensions
  const peer = knownSchemes(signatureAlgorithms ?? IMPLIED)
  const signs = signings(config, identities, peer, TLS12).filter(
    ({ identity: { key } }) => key.facts.type !== 'ec' || curves.has(key.facts.curve),
  )
  for (const suite of sharedSuites(config, hello.cipherSuites, TLS12)) {
    if (suite.agreement.startsWith('ecdhe') && !group) continue
    if (suite.agreement === 'psk') return { suite }
    if (suite.agreement === 'ecdhe_psk' && group) return { suite, group }
    if (suite.agreement === 'rsa') {
      // nothing is signed here, but RFC 5246 7.4.2 binds the certificate to the schemes that the client takes
      const identity = identities.find(
        (one) =>
          one.key.facts.type === 'rsa' &&
          one.key.decrypt &&
          (!signatureAlgorithms || signs.some(({ identity }) => identity === one)),
      )
      if (identity) return { suite, identity }
      continue
    }
    const chosen = signs.find(({ scheme }) => (suite.authentication === 'rsa') === scheme.key.startsWith('rsa'))
    if (chosen && group) return { suite, group, ...chosen }
  }
  return undefined
}

/** The first of our protocols that the client offers; undefined: go on without. */
export const chooseAlpn = (config: Config, offered: readonly string[]): string | undefined => {
  if (!config.alpn?.length) return undefined
  const chosen = config.alpn.find((protocol) => offered.includes(protocol))
  if (chosen === undefined)
    throw new TlsError('no_application_protocol', 'NO_APPLICATION_PROTOCOL', `none of [${offered}] is served here`)
  return chosen
}
