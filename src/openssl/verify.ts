import { NONE } from '../bytes/compare.ts'
import { CertificateError, Misuse } from '../errors.ts'
import { isPromise, type Maybe } from '../task.ts'
import type { Certificate } from '../x509/certificate.ts'
import { matchesDns } from '../x509/identity.ts'
import { type CertificateReport, verifier } from '../x509/path.ts'
import { verdicts } from '../x509/verdicts.ts'
import type { About, CertificateVerifier, Verified } from '../x509/verifier.ts'
import { held, upRef } from './counted.ts'
import type { SSL_CTX } from './ctx.ts'
import type { Holder, VerifyCallback } from './settings.ts'
import type { SSL } from './ssl.ts'
import * as numbers from './ssl-numbers.ts'
import { SSL_VERIFY_PEER, X509_CHECK_FLAG_NO_WILDCARDS, X509_V_FLAG_PARTIAL_CHAIN } from './ssl-numbers.ts'
import { judgeStaple } from './status.ts'
import { X509 } from './x509.ts'
import {
  type X509_STORE,
  X509_STORE_CTX,
  X509_STORE_load_locations,
  X509_STORE_set_default_paths,
} from './x509-store.ts'

/** Whom to believe (SSL_CTX_set_verify(3), SSL_CTX_load_verify_locations(3), SSL_set1_host(3)). */

/** Intermediates at most when the program says nothing (SSL_CTX_set_verify_depth(3)). */
const USUAL_DEPTH = 100

/**
 * How the engine has certificates judged for this SSL. A client that does not insist (SSL_VERIFY_NONE) verifies all the
 * same, keeps the result for SSL_get_verify_result, and goes on.
 */
export const verifierOf = (ssl: SSL): CertificateVerifier => {
  const insists = ssl.role === 'server' || (ssl.settings.verifyMode & SSL_VERIFY_PEER) !== 0
  const { verifyCallback } = ssl.settings
  return {
    // as in C, the program keeps sessions apart by their contexts (SSL_CTX_set_session_id_context(3))
    policy: () => NONE,
    tolerant: !insists || verifyCallback !== null || ssl.ctx.certVerifyCallback !== null,
    verify(chain, about) {
      const context = new X509_STORE_CTX(ssl, chain)
      const answered = (verified: Verified): Verified => {
        if (ssl.role === 'client') judgeStaple(ssl, about.ocsp)
        return verified
      }
      const keep = (verified: Verified): Verified => {
        ssl.verifyResult = verified.code
        ssl.verifiedChain = verified.chain
        ssl.peerName = verified.name ?? null
        return answered(verified)
      }
      const refuse = (error: unknown): Verified => {
        if (!(error instanceof CertificateError)) throw error
        ssl.verifyResult = error.code
        ssl.verifiedChain = context.chain
        if (insists) throw error
        return answered({ chain: context.chain, code: error.code })
      }
      try {
        const outcome = ssl.ctx.certVerifyCallback ? replaced(context, about) : judged(context, about)
        return isPromise(outcome) ? outcome.then(keep).catch(refuse) : keep(outcome)
      } catch (error) {
        return refuse(error)
      }
    },
  }
}

/** The program verifies instead of us (SSL_CTX_set_cert_verify_callback(3)). */
const replaced = (context: X509_STORE_CTX, about: About): Verified => {
  const { certVerifyCallback, certVerifyArgument } = context.ssl.ctx
  context.verify = () => {
    try {
      const outcome = judged(context, about)
      if (isPromise(outcome)) throw new Misuse('X509_verify_cert needs a crypto provider that answers at once')
      context.error = outcome.code
      context.chain = outcome.chain
      return 1
    } catch (error) {
      if (!(error instanceof CertificateError)) throw error
      context.error = error.code
      context.depth = error.depth
      return 0
    }
  }
  const ok = certVerifyCallback?.(context, certVerifyArgument) ?? 0
  if (ok <= 0) throw new CertificateError(context.error, context.depth, 'the application refuses the certificate')
  return { chain: context.chain, code: context.error }
}

const judged = (context: X509_STORE_CTX, about: About): Maybe<Verified> => {
  const { ssl } = context
  const { verifyCallback, verifyDepth, verifyFlags, verifyTime, hosts, hostFlags, securityLevel } = ssl.settings
  const store = ssl.settings.verifyStore ?? ssl.ctx.store
  let refused = false
  const ask = (report: CertificateReport): boolean => {
    context.chain = report.chain
    context.depth = report.depth
    context.current = report.certificate
    if (!report.ok) context.error = report.code
    if (verifyCallback === null) return report.ok
    refused = verifyCallback(report.ok ? 1 : 0, context) <= 0
    return !refused
  }
  const path = verifier({
    anchors: store.anchors,
    securityLevel: securityLevel as 0 | 1 | 2 | 3 | 4 | 5,
    maxDepth: verifyDepth < 0 ? USUAL_DEPTH : verifyDepth,
    partialChain: ((store.flags | verifyFlags) & X509_V_FLAG_PARTIAL_CHAIN) !== 0,
    names: about.purpose === 'server' || hosts.length > 0 ? hosts : [],
    noName: hosts.length === 0,
    onCertificate: ask,
  })
  const { name: _, ...usual } = about
  const rest = verifyTime === null ? usual : { ...usual, time: verifyTime }
  const settle = (verified: Verified): Verified => {
    const [leaf] = verified.chain
    if (leaf && verified.name !== undefined && (hostFlags & X509_CHECK_FLAG_NO_WILDCARDS) !== 0)
      exactly(leaf, hosts, ask)
    // the callback may have cleared the error, or set one
    return { ...verified, code: context.error }
  }
  const explain = (error: unknown): never => {
    if (!(error instanceof CertificateError) || !refused) throw error
    throw new CertificateError(context.error || verdicts.unspecified, context.depth, error.message)
  }
  try {
    const outcome = path.verify(context.sent, rest)
    if (typeof outcome === 'symbol') throw new Misuse('the path verifier does not ask again')
    return isPromise(outcome) ? outcome.then(settle).catch(explain) : settle(outcome)
  } catch (error) {
    return explain(error)
  }
}

/** X509_CHECK_FLAG_NO_WILDCARDS: a name of the certificate must be the name itself. */
const exactly = (leaf: Certificate, hosts: readonly string[], ask: (report: CertificateReport) => boolean): void => {
  const names = leaf.known.subjectAltName ?? []
  const found = hosts.some((host) =>
    names.some(
      (name) => name.type !== 'dns' || (!name.value.startsWith('*') && matchesDns(name.value, host.toLowerCase())),
    ),
  )
  const detail = `the certificate is for ${hosts.join(' or ')} by a wildcard only, and wildcards are not allowed`
  const report = { ok: false, code: verdicts.hostMismatch, depth: 0, certificate: leaf, detail, chain: [leaf] }
  if (!found && !ask(report)) throw new CertificateError(verdicts.hostMismatch, 0, detail)
}

// ---- settings

/** `mode`: SSL_VERIFY_ bits. `cb(preverify_ok, ctx)` is told of every certificate and error; what it returns decides. */
export const SSL_CTX_set_verify = (ctx: SSL_CTX, mode: number, cb: VerifyCallback | null): void => {
  const { settings } = held(ctx)
  settings.verifyMode = mode
  settings.verifyCallback = cb
}
/** The same for one SSL; a null callback leaves the one that is there. */
export const SSL_set_verify = (ssl: SSL, mode: number, cb: VerifyCallback | null): void => {
  const { settings } = held(ssl)
  settings.verifyMode = mode
  if (cb !== null) settings.verifyCallback = cb
}
const getMode = ({ settings }: Holder): number => settings.verifyMode
const getDepth = ({ settings }: Holder): number => settings.verifyDepth
const getCallback = ({ settings }: Holder): VerifyCallback | null => settings.verifyCallback
const setDepth = ({ settings }: Holder, depth: number): void => {
  settings.verifyDepth = depth
}
export const SSL_CTX_get_verify_mode: (ctx: SSL_CTX) => number = getMode
export const SSL_get_verify_mode: (ssl: SSL) => number = getMode
export const SSL_CTX_get_verify_callback: (ctx: SSL_CTX) => VerifyCallback | null = getCallback
export const SSL_get_verify_callback: (ssl: SSL) => VerifyCallback | null = getCallback
/** Intermediates at most; -1, the default, allows 100. */
export const SSL_CTX_set_verify_depth: (ctx: SSL_CTX, depth: number) => void = setDepth
export const SSL_set_verify_depth: (ssl: SSL, depth: number) => void = setDepth
export const SSL_CTX_get_verify_depth: (ctx: SSL_CTX) => number = getDepth
export const SSL_get_verify_depth: (ssl: SSL) => number = getDepth

/** `cb` verifies instead of the library: > 0 accepts. X509_verify_cert does within it what the library would have done. */
export const SSL_CTX_set_cert_verify_callback = (
  ctx: SSL_CTX,
  cb: ((c: X509_STORE_CTX, arg: unknown) => number) | null,
  arg: unknown,
): void => {
  held(ctx).certVerifyCallback = cb
  ctx.certVerifyArgument = arg
}

/** As X509_STORE_load_locations, for the context's own store. */
export const SSL_CTX_load_verify_locations = (ctx: SSL_CTX, file: string | null, dir: string | null): 0 | 1 =>
  X509_STORE_load_locations(held(ctx).store, file, dir)
/** Trusts whom the system trusts. */
export const SSL_CTX_set_default_verify_paths = (ctx: SSL_CTX): 0 | 1 => X509_STORE_set_default_paths(held(ctx).store)
/** Takes the reference. */
export const SSL_CTX_set_cert_store = (ctx: SSL_CTX, store: X509_STORE): void => {
  held(ctx).store.references--
  ctx.store = held(store)
}
export const SSL_CTX_get_cert_store = (ctx: SSL_CTX): X509_STORE => held(ctx).store

const HOST_FLAGS =
  X509_CHECK_FLAG_NO_WILDCARDS |
  numbers.X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
  numbers.X509_CHECK_FLAG_SINGLE_LABEL_SUBDOMAINS |
  numbers.X509_CHECK_FLAG_NEVER_CHECK_SUBJECT

/**
 * The host name, or IP address, that the peer's certificate must be for; null or an empty string: none. Without one no
 * name is checked, as in OpenSSL.
 */
export const SSL_set1_host = (ssl: SSL, name: string | null): 0 | 1 => setHosts(ssl, [], name)
/** A further name; one of them must match. */
export const SSL_add1_host = (ssl: SSL, name: string | null): 0 | 1 => setHosts(ssl, held(ssl).settings.hosts, name)
const setHosts = (ssl: SSL, before: readonly string[], name: string | null): 0 | 1 => {
  if (name?.includes('\0')) return 0
  held(ssl).settings.hosts = name ? [...before, name] : before
  return 1
}
/**
 * X509_CHECK_FLAG_NO_WILDCARDS. Partial wildcards and the subject's common name never count here, so the flags that
 * forbid them are always in force; those that would allow more throw `Misuse`.
 */
export const SSL_set_hostflags = (ssl: SSL, flags: number): void => {
  held(ssl).settings.hostFlags = knownHostFlags(flags)
}
/** The flags, if all of them are supported. */
export const knownHostFlags = (flags: number): number => {
  if ((flags & ~HOST_FLAGS) === 0) return flags
  throw new Misuse(`host flags 0x${(flags & ~HOST_FLAGS).toString(16)} are not supported`)
}
/** The name in the certificate that matched; null before, or if none was asked for. */
export const SSL_get0_peername = (ssl: SSL): string | null => held(ssl).peerName

// ---- results

/** An X509_V number. 0 also when the peer showed no certificate: ask SSL_get_peer_certificate too. */
export const SSL_get_verify_result = (ssl: SSL): number => held(ssl).verifyResult
export const SSL_set_verify_result = (ssl: SSL, r: number): void => {
  held(ssl).verifyResult = r
}
/** The peer's certificate, a new reference; null if it showed none. */
export const SSL_get_peer_certificate = (ssl: SSL): X509 | null => {
  const leaf = held(ssl).connection?.facts.peerChain?.[0]
  return leaf ? new X509(leaf) : null
}
/** What the peer sent. A server gets it without the client's own certificate. */
export const SSL_get_peer_cert_chain = (ssl: SSL): X509[] | null => {
  const chain = held(ssl).connection?.facts.peerChain
  return chain ? chain.slice(ssl.role === 'server' ? 1 : 0).map((one) => new X509(one)) : null
}
/** The chain that was verified, leaf first, anchor last. */
export const SSL_get0_verified_chain = (ssl: SSL): X509[] | null =>
  held(ssl).verifiedChain?.map((one) => new X509(one)) ?? null

/** Takes a reference of its own. */
export const SSL_CTX_set1_cert_store = (ctx: SSL_CTX, store: X509_STORE): void => {
  upRef(store)
  SSL_CTX_set_cert_store(ctx, store)
}
/** Trusts the certificates of the file, or the folder, that the system trusts. */
export const SSL_CTX_set_default_verify_file = (ctx: SSL_CTX): 0 | 1 => X509_STORE_set_default_paths(held(ctx).store)
export const SSL_CTX_set_default_verify_dir = (ctx: SSL_CTX): 0 | 1 => X509_STORE_set_default_paths(held(ctx).store)
