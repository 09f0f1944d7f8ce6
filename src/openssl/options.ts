import type { NamedGroup } from '../crypto/groups.ts'
import type { Scheme } from '../crypto/schemes.ts'
import type { Suite } from '../crypto/suites.ts'
import { cipherOf, defaultCipherList, parseCipherList, parseCiphersuites, type SSL_CIPHER } from './ciphers.ts'
import { held } from './counted.ts'
import type { SSL_CTX } from './ctx.ts'
import { SSLerr } from './err.ts'
import { groupByNid, levelBits, parseGroups, parseSchemes, schemesByNids, suiteStrength } from './lists.ts'
import { usesPskSuites } from './psk.ts'
import type { Holder, Settings } from './settings.ts'
import type { SSL } from './ssl.ts'
import { SSL3_RT_MAX_PLAIN_LENGTH } from './ssl-numbers.ts'
import { enabledVersions } from './versions.ts'

/** What a context and an SSL can both be told: every function here exists with SSL_CTX_ and with SSL_. */

type Owner = Holder & { readonly kind: string; references: number }
const settingsOf = (owner: Owner): Settings => held(owner).settings

// ---- options and modes: bits, always answered with the new mask

const setOptions = (to: Owner, bits: number): number => (settingsOf(to).options = (to.settings.options | bits) >>> 0)
const clearOptions = (to: Owner, bits: number): number => (settingsOf(to).options = (to.settings.options & ~bits) >>> 0)
const getOptions = (to: Owner): number => settingsOf(to).options
const setMode = (to: Owner, bits: number): number => (settingsOf(to).mode |= bits)
const clearMode = (to: Owner, bits: number): number => (settingsOf(to).mode &= ~bits)
const getMode = (to: Owner): number => settingsOf(to).mode

/** SSL_OP_ bits (SSL_CTX_set_options(3)). Returns the new mask. */
export const SSL_CTX_set_options: (ctx: SSL_CTX, bits: number) => number = setOptions
export const SSL_set_options: (ssl: SSL, bits: number) => number = setOptions
export const SSL_CTX_clear_options: (ctx: SSL_CTX, bits: number) => number = clearOptions
export const SSL_clear_options: (ssl: SSL, bits: number) => number = clearOptions
export const SSL_CTX_get_options: (ctx: SSL_CTX) => number = getOptions
export const SSL_get_options: (ssl: SSL) => number = getOptions
/** SSL_MODE_ bits (SSL_CTX_set_mode(3)). Returns the new mask. */
export const SSL_CTX_set_mode: (ctx: SSL_CTX, bits: number) => number = setMode
export const SSL_set_mode: (ssl: SSL, bits: number) => number = setMode
export const SSL_CTX_clear_mode: (ctx: SSL_CTX, bits: number) => number = clearMode
export const SSL_clear_mode: (ssl: SSL, bits: number) => number = clearMode
export const SSL_CTX_get_mode: (ctx: SSL_CTX) => number = getMode
export const SSL_get_mode: (ssl: SSL) => number = getMode

// ---- suites, groups, signature algorithms

const setCipherList = (to: Owner, text: string): 0 | 1 => {
  const settings = settingsOf(to)
  const func = to.kind === 'SSL' ? 'SSL_set_cipher_list' : 'SSL_CTX_set_cipher_list'
  const { suites, level, suiteB } = parseCipherList(text)
  if (suites === undefined) {
    SSLerr(null, 'INVALID_COMMAND', FILE)
    return 0
  }
  if (level !== undefined) settings.securityLevel = level
  settings.cipherList = suites
  settings.suiteB = suiteB ?? null
  if (suites.length > 0) return 1
  SSLerr(func, 'NO_CIPHER_MATCH', FILE)
  return 0
}
const setCiphersuites = (to: Owner, text: string): 0 | 1 => {
  const suites = parseCiphersuites(text)
  if (suites === undefined) {
    SSLerr('ciphersuite_cb', 'NO_CIPHER_MATCH', FILE)
    return 0
  }
  settingsOf(to).ciphersuites = suites
  return 1
}
const setGroups = (to: Owner, groups: readonly NamedGroup[] | undefined): 0 | 1 => {
  if (!groups) return 0
  settingsOf(to).groups = groups
  return 1
}
const setGroupsList = (to: Owner, list: string): 0 | 1 => setGroups(to, parseGroups(list))
const setGroupsByNid = (to: Owner, nids: readonly number[]): 0 | 1 => {
  const groups = nids.map(groupByNid)
  const whole = nids.length > 0 && new Set(nids).size === nids.length && groups.every((group) => group !== undefined)
  return setGroups(to, whole ? (groups as NamedGroup[]) : undefined)
}
const setSchemes = (to: Owner, schemes: readonly Scheme[] | undefined): 0 | 1 => {
  if (!schemes) return 0
  settingsOf(to).schemes = schemes
  return 1
}
const setSigalgsList = (to: Owner, list: string): 0 | 1 => setSchemes(to, parseSchemes(list))
const setSigalgsByNid = (to: Owner, pairs: readonly number[]): 0 | 1 => setSchemes(to, schemesByNids(pairs))
const setClientSigalgsList = (to: Owner, list: string): 0 | 1 => {
  const schemes = parseSchemes(list)
  if (!schemes) return 0
  settingsOf(to).clientSchemes = schemes
  return 1
}

/** The suites of TLS 1.2, as ciphers(1) writes them. 0 with an error when nothing is left; unknown names are passed over. */
export const SSL_CTX_set_cipher_list: (ctx: SSL_CTX, str: string) => 0 | 1 = setCipherList
export const SSL_set_cipher_list: (ssl: SSL, str: string) => 0 | 1 = setCipherList
/** The suites of TLS 1.3: names with colons; empty for none. 0 with an error, and no change, for an unknown name. */
export const SSL_CTX_set_ciphersuites: (ctx: SSL_CTX, str: string) => 0 | 1 = setCiphersuites
export const SSL_set_ciphersuites: (ssl: SSL, str: string) => 0 | 1 = setCiphersuites
/** Groups by name, with colons. 0 for an empty list, an unknown name, and one that stands twice. */
export const SSL_CTX_set1_groups_list: (ctx: SSL_CTX, list: string) => 0 | 1 = setGroupsList
export const SSL_set1_groups_list: (ssl: SSL, list: string) => 0 | 1 = setGroupsList
export const SSL_CTX_set1_curves_list = SSL_CTX_set1_groups_list
export const SSL_set1_curves_list = SSL_set1_groups_list
export const SSL_CTX_set1_groups: (ctx: SSL_CTX, nids: readonly number[]) => 0 | 1 = setGroupsByNid
export const SSL_set1_groups: (ssl: SSL, nids: readonly number[]) => 0 | 1 = setGroupsByNid
/** Signature algorithms, `RSA+SHA256` or by their TLS 1.3 names, with colons. 0 as for groups. */
export const SSL_CTX_set1_sigalgs_list: (ctx: SSL_CTX, list: string) => 0 | 1 = setSigalgsList
export const SSL_set1_sigalgs_list: (ssl: SSL, list: string) => 0 | 1 = setSigalgsList
/** Pairs of hash and key NIDs. */
export const SSL_CTX_set1_sigalgs: (ctx: SSL_CTX, pairs: readonly number[]) => 0 | 1 = setSigalgsByNid
export const SSL_set1_sigalgs: (ssl: SSL, pairs: readonly number[]) => 0 | 1 = setSigalgsByNid
/** What a client's certificate may be signed with. */
export const SSL_CTX_set1_client_sigalgs_list: (ctx: SSL_CTX, list: string) => 0 | 1 = setClientSigalgsList
export const SSL_set1_client_sigalgs_list: (ssl: SSL, list: string) => 0 | 1 = setClientSigalgsList

export const SSL_CTX_get_ciphers = (ctx: SSL_CTX): SSL_CIPHER[] =>
  [...held(ctx).settings.ciphersuites, ...(ctx.settings.cipherList ?? defaultCipherList)].map(cipherOf)
/** What is configured, TLS 1.3 first. */
export const SSL_get_ciphers = (ssl: SSL): SSL_CIPHER[] => configured(ssl).map(cipherOf)
const configured = ({ settings, ctx }: SSL): readonly Suite[] => [
  ...settings.ciphersuites,
  ...(settings.cipherList ?? ctx.settings.cipherList ?? defaultCipherList),
]
/** What can be used with the versions and the security level as they are; null for nothing. */
export const SSL_get1_supported_ciphers = (ssl: SSL): SSL_CIPHER[] | null => {
  const versions = enabledVersions(ssl.method, held(ssl).settings)
  const strength = levelBits[ssl.settings.securityLevel] ?? 256
  const usable = configured(ssl).filter(
    (suite) =>
      versions.includes(suite.version) &&
      (suite.authentication !== 'psk' || usesPskSuites(ssl)) &&
      suiteStrength(suite) >= strength &&
      ssl.ctx.provider.ciphers.includes(suite.cipher),
  )
  return usable.length > 0 ? usable.map(cipherOf) : null
}
/** The name of the one at that place, null behind the last. */
export const SSL_get_cipher_list = (ssl: SSL, priority: number): string | null =>
  configured(held(ssl))[priority]?.openssl ?? null

// ---- security level

const setLevel = (to: Owner, level: number): void => {
  settingsOf(to).securityLevel = Math.max(0, Math.min(5, level))
}
const getLevel = (to: Owner): number => settingsOf(to).securityLevel
/** 0 to 5: how strong keys, signatures and suites must be (SSL_CTX_set_security_level(3)). */
export const SSL_CTX_set_security_level: (ctx: SSL_CTX, level: number) => void = setLevel
export const SSL_set_security_level: (ssl: SSL, level: number) => void = setLevel
export const SSL_CTX_get_security_level: (ctx: SSL_CTX) => number = getLevel
export const SSL_get_security_level: (ssl: SSL) => number = getLevel

// ---- records

const setReadAhead = (to: Owner, yes: number): void => {
  settingsOf(to).readAhead = yes
}
const getReadAhead = (to: Owner): number => settingsOf(to).readAhead
/** Whether more than one record may be fetched at once. */
export const SSL_CTX_set_read_ahead: (ctx: SSL_CTX, yes: number) => void = setReadAhead
export const SSL_set_read_ahead: (ssl: SSL, yes: number) => void = setReadAhead
export const SSL_CTX_get_read_ahead: (ctx: SSL_CTX) => number = getReadAhead
export const SSL_get_read_ahead: (ssl: SSL) => number = getReadAhead

const setQuiet = (to: Owner, mode: number): void => {
  settingsOf(to).quietShutdown = mode
}
const getQuiet = (to: Owner): number => settingsOf(to).quietShutdown
/** Whether SSL_shutdown only says that all is over, and sends nothing. */
export const SSL_CTX_set_quiet_shutdown: (ctx: SSL_CTX, mode: number) => void = setQuiet
export const SSL_set_quiet_shutdown: (ssl: SSL, mode: number) => void = setQuiet
export const SSL_CTX_get_quiet_shutdown: (ctx: SSL_CTX) => number = getQuiet
export const SSL_get_quiet_shutdown: (ssl: SSL) => number = getQuiet

const SMALLEST_FRAGMENT = 512
const setMaxFragment = (to: Owner, n: number): 0 | 1 => {
  if (n < SMALLEST_FRAGMENT || n > SSL3_RT_MAX_PLAIN_LENGTH) return 0
  const settings = settingsOf(to)
  settings.maxSendFragment = n
  settings.splitSendFragment = Math.min(settings.splitSendFragment, n)
  return 1
}
const setSplitFragment = (to: Owner, n: number): 0 | 1 => {
  const settings = settingsOf(to)
  if (n < 1 || n > settings.maxSendFragment) return 0
  settings.splitSendFragment = n
  return 1
}
/** Plaintext of a record that is sent at most: 512 to 16384 bytes. */
export const SSL_CTX_set_max_send_fragment: (ctx: SSL_CTX, n: number) => 0 | 1 = setMaxFragment
export const SSL_set_max_send_fragment: (ssl: SSL, n: number) => 0 | 1 = setMaxFragment
/** For pipelines, which there are none of here: kept, and checked against the maximum. */
export const SSL_CTX_set_split_send_fragment: (ctx: SSL_CTX, n: number) => 0 | 1 = setSplitFragment
export const SSL_set_split_send_fragment: (ssl: SSL, n: number) => 0 | 1 = setSplitFragment

const setMaxFragmentLength = (to: Owner, mode: number): 0 | 1 => {
  if (mode < 0 || mode > 4) return 0
  settingsOf(to).maxFragmentLength = mode
  return 1
}
/** A client's wish for small fragments: TLSEXT_max_fragment_length_512 (1) to _4096 (4); 0 for none. */
export const SSL_CTX_set_tlsext_max_fragment_length: (ctx: SSL_CTX, mode: 0 | 1 | 2 | 3 | 4) => 0 | 1 =
  setMaxFragmentLength
export const SSL_set_tlsext_max_fragment_length: (ssl: SSL, mode: 0 | 1 | 2 | 3 | 4) => 0 | 1 = setMaxFragmentLength

// ---- the rest

const setMaxCertList = (to: Owner, n: number): number => {
  const before = settingsOf(to).maxCertList
  to.settings.maxCertList = n
  return before
}
const getMaxCertList = (to: Owner): number => settingsOf(to).maxCertList
/** Bytes that a peer's Certificate message may have. Returns the number before. */
export const SSL_CTX_set_max_cert_list: (ctx: SSL_CTX, n: number) => number = setMaxCertList
export const SSL_set_max_cert_list: (ssl: SSL, n: number) => number = setMaxCertList
export const SSL_CTX_get_max_cert_list: (ctx: SSL_CTX) => number = getMaxCertList
export const SSL_get_max_cert_list: (ssl: SSL) => number = getMaxCertList

const setNumTickets = (to: Owner, n: number): 0 | 1 => {
  settingsOf(to).ticketCount = n
  return 1
}
const getNumTickets = (to: Owner): number => settingsOf(to).ticketCount
/** How many tickets a server sends after a full handshake of TLS 1.3. */
export const SSL_CTX_set_num_tickets: (ctx: SSL_CTX, n: number) => 0 | 1 = setNumTickets
export const SSL_set_num_tickets: (ssl: SSL, n: number) => 0 | 1 = setNumTickets
export const SSL_CTX_get_num_tickets: (ctx: SSL_CTX) => number = getNumTickets
export const SSL_get_num_tickets: (ssl: SSL) => number = getNumTickets

const MAX_CONTEXT = 32
const setSessionContext = (to: Owner, id: Uint8Array): 0 | 1 => {
  if (id.length > MAX_CONTEXT) {
    SSLerr(null, 'SSL_SESSION_ID_CONTEXT_TOO_LONG', FILE)
    return 0
  }
  settingsOf(to).sessionContext = id.slice()
  return 1
}
/** Sessions are resumed within one context only: at most 32 bytes that name it. */
export const SSL_CTX_set_session_id_context: (ctx: SSL_CTX, id: Uint8Array) => 0 | 1 = setSessionContext
export const SSL_set_session_id_context: (ssl: SSL, id: Uint8Array) => 0 | 1 = setSessionContext

const setPipelines = (to: Owner, n: number): 0 | 1 => (settingsOf(to), n >= 1 && n <= 32 ? 1 : 0)
/** Pipelines need ciphers that take several records at once, which there are none of: 1 to 32 is accepted, and changes nothing. */
export const SSL_CTX_set_max_pipelines: (ctx: SSL_CTX, n: number) => 0 | 1 = setPipelines
export const SSL_set_max_pipelines: (ssl: SSL, n: number) => 0 | 1 = setPipelines
/** Buffers are as large as they have to be: the number is looked at, and changes nothing. */
export const SSL_CTX_set_default_read_buffer_len = (ctx: SSL_CTX, _len: number): void => void held(ctx)
export const SSL_set_default_read_buffer_len = (ssl: SSL, _len: number): void => void held(ssl)

const FILE = 'openssl/options.ts'
