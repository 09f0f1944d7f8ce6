import { TLS12, TLS13, type Version } from '../config.ts'
import { schemeFits, schemes } from '../crypto/schemes.ts'
import { held } from './counted.ts'
import type { SSL_CTX } from './ctx.ts'
import type { SSL_METHOD } from './methods.ts'
import type { Holder, Settings } from './settings.ts'
import type { SSL } from './ssl.ts'
import { SSL_OP_NO_TLSv1_2, SSL_OP_NO_TLSv1_3, SSL3_VERSION, TLS1_3_VERSION } from './ssl-numbers.ts'

/** Versions: bounds (SSL_CTX_set_min_proto_version(3)), what is enabled, and how they are called. */

const off: readonly (readonly [Version, number])[] = [
  [TLS13, SSL_OP_NO_TLSv1_3],
  [TLS12, SSL_OP_NO_TLSv1_2],
]

/** The versions that these settings leave, highest first, with suites for them or without. */
export const allowedVersions = (method: SSL_METHOD, settings: Settings): Version[] => {
  if (method.fixed !== undefined) return [method.fixed]
  const { minVersion, maxVersion, options } = settings
  return off
    .filter(
      ([version, bit]) => version >= minVersion && (maxVersion === 0 || version <= maxVersion) && (options & bit) === 0,
    )
    .map(([version]) => version)
}

/**
 * What a server can serve of them: without a key that signs in TLS 1.3, it does not speak it. A callback may bring one, or
 * do without.
 */
export const servedVersions = ({ settings, ctx }: SSL, allowed: readonly Version[]): readonly Version[] => {
  const keys = [...settings.slots.values()].flatMap(({ certificate, key }) =>
    certificate && key ? [key.key.facts] : [],
  )
  const brought = settings.certCallback !== null || ctx.serverNameCallback !== null || ctx.clientHelloCallback !== null
  const signs = keys.some((key) => schemes.some((scheme) => schemeFits(scheme, key, TLS13)))
  return keys.length === 0 || brought || signs ? allowed : allowed.filter((version) => version !== TLS13)
}

/** The same where there are suites: TLS 1.3 has a list of its own. */
export const enabledVersions = (method: SSL_METHOD, settings: Settings): Version[] =>
  allowedVersions(method, settings).filter((version) => version !== TLS13 || settings.ciphersuites.length > 0)

/** What is said of a connection that has not agreed on a version: the highest it might. */
export const highestVersion = (method: SSL_METHOD, settings: Settings): number =>
  method.fixed ?? (settings.maxVersion || TLS1_3_VERSION)

const isKnown = (v: number): boolean => v === 0 || (v >= SSL3_VERSION && v <= TLS1_3_VERSION)

type Versioned = Holder & { readonly method: SSL_METHOD; readonly kind: string; references: number }
const setMin = (to: Versioned, v: number): 0 | 1 => {
  if (!isKnown(v)) return 0
  if (held(to).method.fixed === undefined) to.settings.minVersion = v
  return 1
}
const setMax = (to: Versioned, v: number): 0 | 1 => {
  if (!isKnown(v)) return 0
  if (held(to).method.fixed === undefined) to.settings.maxVersion = v
  return 1
}
/** 0 for the lowest there is. A version that is unknown: 0, and nothing changes. Which bounds fit shows at the handshake. */
export const SSL_CTX_set_min_proto_version: (ctx: SSL_CTX, v: number) => 0 | 1 = setMin
export const SSL_set_min_proto_version: (ssl: SSL, v: number) => 0 | 1 = setMin
/** 0 for the highest there is. */
export const SSL_CTX_set_max_proto_version: (ctx: SSL_CTX, v: number) => 0 | 1 = setMax
export const SSL_set_max_proto_version: (ssl: SSL, v: number) => 0 | 1 = setMax
export const SSL_CTX_get_min_proto_version = (ctx: SSL_CTX): number => held(ctx).settings.minVersion
export const SSL_get_min_proto_version = (ssl: SSL): number => held(ssl).settings.minVersion
export const SSL_CTX_get_max_proto_version = (ctx: SSL_CTX): number => held(ctx).settings.maxVersion
export const SSL_get_max_proto_version = (ssl: SSL): number => held(ssl).settings.maxVersion

const names: Readonly<Record<number, string>> = {
  768: 'SSLv3',
  769: 'TLSv1',
  770: 'TLSv1.1',
  771: 'TLSv1.2',
  772: 'TLSv1.3',
}
export const versionName = (version: number): string => names[version] ?? 'unknown'

/** The version that was agreed on; before that the highest that might be. */
export const SSL_version = (ssl: SSL): number => held(ssl).connection?.facts.version ?? ssl.highest
/** The same as a word: `TLSv1.3`. */
export const SSL_get_version = (ssl: SSL): string => versionName(SSL_version(ssl))
