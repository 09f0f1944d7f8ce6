import { held } from './counted.ts'
import type { SSL_CTX } from './ctx.ts'
import { ERR_add_error_data, ERR_LIB_X509, ERR_put_error, ERR_R_PASSED_INVALID_ARGUMENT } from './err.ts'
import { Settings } from './settings.ts'
import type { SSL } from './ssl.ts'
import { knownHostFlags } from './verify.ts'
import { KNOWN_FLAGS } from './x509-store.ts'

/** How certificates are verified, in one object (X509_VERIFY_PARAM_set_flags(3), SSL_get0_param(3)). */

type Parameters = Pick<Settings, 'hosts' | 'hostFlags' | 'verifyDepth' | 'verifyFlags' | 'verifyTime'>

/** What X509_VERIFY_PARAM_new made, or what stands in a context or an SSL: then changes count there. */
export class X509_VERIFY_PARAM {
  readonly parameters: Parameters
  constructor(parameters: Parameters = new Settings()) {
    this.parameters = parameters
  }
}

export const X509_VERIFY_PARAM_new = (): X509_VERIFY_PARAM => new X509_VERIFY_PARAM()
export const X509_VERIFY_PARAM_free = (_param: X509_VERIFY_PARAM | null): void => {}

const views = new WeakMap<Settings, X509_VERIFY_PARAM>()
const viewOf = (settings: Settings): X509_VERIFY_PARAM => {
  const known = views.get(settings) ?? new X509_VERIFY_PARAM(settings)
  views.set(settings, known)
  return known
}
export const SSL_CTX_get0_param = (ctx: SSL_CTX): X509_VERIFY_PARAM => viewOf(held(ctx).settings)
export const SSL_get0_param = (ssl: SSL): X509_VERIFY_PARAM => viewOf(held(ssl).settings)

const take = (settings: Settings, { parameters }: X509_VERIFY_PARAM): 0 | 1 => {
  if (parameters.hosts.length > 0) settings.hosts = parameters.hosts
  if (parameters.hostFlags !== 0) settings.hostFlags = parameters.hostFlags
  if (parameters.verifyDepth >= 0) settings.verifyDepth = parameters.verifyDepth
  if (parameters.verifyTime !== null) settings.verifyTime = parameters.verifyTime
  settings.verifyFlags |= parameters.verifyFlags
  return 1
}
/** Takes over what was set in the parameters; the rest stays. */
export const SSL_CTX_set1_param = (ctx: SSL_CTX, param: X509_VERIFY_PARAM): 0 | 1 => take(held(ctx).settings, param)
export const SSL_set1_param = (ssl: SSL, param: X509_VERIFY_PARAM): 0 | 1 => take(held(ssl).settings, param)

/** X509_V_FLAG_TRUSTED_FIRST (always so here) and _PARTIAL_CHAIN. Any other flag is refused: 0 with an error. */
export const X509_VERIFY_PARAM_set_flags = ({ parameters }: X509_VERIFY_PARAM, flags: number): 0 | 1 => {
  if ((flags & ~KNOWN_FLAGS) !== 0) {
    ERR_put_error(ERR_LIB_X509, 0, ERR_R_PASSED_INVALID_ARGUMENT, 'openssl/verify-param.ts', 0)
    ERR_add_error_data(`verification flags 0x${(flags & ~KNOWN_FLAGS).toString(16)} are not supported`)
    return 0
  }
  parameters.verifyFlags |= flags
  return 1
}
export const X509_VERIFY_PARAM_clear_flags = ({ parameters }: X509_VERIFY_PARAM, flags: number): 0 | 1 => {
  parameters.verifyFlags &= ~flags
  return 1
}
export const X509_VERIFY_PARAM_get_flags = ({ parameters }: X509_VERIFY_PARAM): number => parameters.verifyFlags
export const X509_VERIFY_PARAM_set_depth = ({ parameters }: X509_VERIFY_PARAM, depth: number): void => {
  parameters.verifyDepth = depth
}
export const X509_VERIFY_PARAM_get_depth = ({ parameters }: X509_VERIFY_PARAM): number => parameters.verifyDepth
/** Seconds since 1970: certificates are judged as of then. */
export const X509_VERIFY_PARAM_set_time = ({ parameters }: X509_VERIFY_PARAM, seconds: number): void => {
  parameters.verifyTime = seconds * 1000
}
export const X509_VERIFY_PARAM_get_time = ({ parameters }: X509_VERIFY_PARAM): number =>
  Math.floor((parameters.verifyTime ?? Date.now()) / 1000)

const setHosts = (param: X509_VERIFY_PARAM, before: readonly string[], name: string | null): 0 | 1 => {
  if (name?.includes('\0')) return 0
  param.parameters.hosts = name ? [...before, name] : before
  return 1
}
/** As SSL_set1_host. */
export const X509_VERIFY_PARAM_set1_host = (param: X509_VERIFY_PARAM, name: string | null): 0 | 1 =>
  setHosts(param, [], name)
export const X509_VERIFY_PARAM_add1_host = (param: X509_VERIFY_PARAM, name: string | null): 0 | 1 =>
  setHosts(param, param.parameters.hosts, name)
/** The address that the certificate must be for: 4 or 16 bytes. */
export const X509_VERIFY_PARAM_set1_ip = (param: X509_VERIFY_PARAM, ip: Uint8Array | null): 0 | 1 => {
  if (ip === null || ip.length === 0) return setHosts(param, [], null)
  if (ip.length === 4) return setHosts(param, [], ip.join('.'))
  if (ip.length !== 16) return 0
  const words = Array.from({ length: 8 }, (_, i) =>
    (((ip[2 * i] as number) << 8) | (ip[2 * i + 1] as number)).toString(16),
  )
  return setHosts(param, [], words.join(':'))
}
/** The same in text; 0 for what is no address. */
export const X509_VERIFY_PARAM_set1_ip_asc = (param: X509_VERIFY_PARAM, ipasc: string): 0 | 1 =>
  /^[\d.]+$|:/.test(ipasc) ? setHosts(param, [], ipasc) : 0
export const X509_VERIFY_PARAM_set_hostflags = ({ parameters }: X509_VERIFY_PARAM, flags: number): void => {
  parameters.hostFlags = knownHostFlags(flags)
}
export const X509_VERIFY_PARAM_get_hostflags = ({ parameters }: X509_VERIFY_PARAM): number => parameters.hostFlags
