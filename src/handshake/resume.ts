import { equal, NONE } from '../bytes/compare.ts'
import { hex } from '../bytes/text.ts'
import { type Config, type ExternalPsk, TLS13, type Version } from '../config.ts'
import type { HashName } from '../crypto/provider.ts'
import { type Suite, suiteById } from '../crypto/suites.ts'
import { illegal, TlsError } from '../errors.ts'
import type { Facts, Miss } from '../facts.ts'
import { isFresh, type Session, WEEK } from '../session/session.ts'
import { type Task, wait } from '../task.ts'
import { type Certificate, parseCertificate } from '../x509/certificate.ts'
import { knownCertificate } from '../x509/known-certificates.ts'
import type { Peer } from './peer.ts'

/** A pre-shared key of TLS 1.3: of a session, or agreed elsewhere. */
export interface SharedKey {
  readonly identity: Uint8Array
  readonly secret: Uint8Array
  readonly hash: HashName
  /** What its binder is made for. */
  readonly origin: 'res' | 'ext' | 'imp'
  readonly session?: Session
  readonly psk?: ExternalPsk
}

/** The key of a session; undefined for one whose suite is not known here. */
export const keyOf = (session: Session, identity: Uint8Array = session.ticket): SharedKey | undefined => {
  const hash = suiteById(session.suite)?.hash
  return hash && { identity, secret: session.secret, hash, origin: 'res', session }
}
export const keyAgreed = (psk: ExternalPsk): SharedKey => ({
  identity: psk.identity,
  secret: psk.secret,
  hash: psk.hash,
  origin: psk.imported ? 'imp' : 'ext',
  psk,
})

/** Bytes of a list of binders on the wire. */
export const bindersLength = (binders: readonly Uint8Array[]): number =>
  binders.reduce((sum, binder) => sum + 1 + binder.length, 2)

/** What early data is bound to. */
export interface EarlyTerms {
  readonly suite: number
  readonly alpn: string | undefined
  readonly bytes: number
}

/** The terms of early data under this key; undefined when it allows none. */
export const earlyTerms = ({ session, psk }: SharedKey): EarlyTerms | undefined => {
  if (session)
    return session.earlyData > 0 ? { suite: session.suite, alpn: session.alpn, bytes: session.earlyData } : undefined
  return psk?.suite !== undefined && psk.earlyData
    ? { suite: psk.suite, alpn: psk.alpn, bytes: psk.earlyData }
    : undefined
}

/** Whether a client may offer this session under this config: nothing that the handshake would check again may differ. */
export const mayOffer = (config: Config, session: Session, binding: Uint8Array): boolean =>
  config.resumption &&
  isFresh(session, config.now()) &&
  config.now() < session.trustedUntil &&
  equal(session.binding, binding) &&
  // a client that wants no tickets does not show any
  (session.version === TLS13 || session.id.length > 0 || config.tickets !== undefined) &&
  // RFC 7627 5.3: a session with it cannot be resumed without
  !(session.extendedMasterSecret && config.extendedMasterSecret === 'off') &&
  // a session of a key agreed elsewhere says nothing of certificates
  (session.chain.length > 0 || config.psk !== undefined || config.verifier.tolerant === true) &&
  config.versions.some((version) => version === session.version) &&
  config.suites.some(
    (suite) =>
      suite.id === session.suite || (session.version === 0x0304 && suite.hash === suiteById(session.suite)?.hash),
  ) &&
  session.serverName === config.serverName &&
  session.peerName === config.peerName &&
  equal(session.context, config.sessionContext) &&
  (session.verifyCode === 0 || config.verifier.tolerant === true)

/**
 * Why a server may not resume it; undefined if it may: the name and the context are its own, the same was asked of
 * clients, and a certificate that is demanded was given then.
 */
export const whyNot = (peer: Peer, session: Session, version: Version): Miss | undefined => {
  const { config, facts, binding } = peer
  if (session.version !== version) return 'version'
  if (!isFresh(session, config.now()) || config.now() >= session.trustedUntil) return 'expired'
  if (session.serverName !== facts.serverName) return 'name'
  if (!equal(session.context, config.sessionContext) || !equal(session.binding, binding)) return 'policy'
  const later = config.authenticateLater && session.version === TLS13
  if (config.clientAuth === 'require' && session.chain.length === 0 && !later) return 'policy'
  return session.verifyCode === 0 || config.verifier.tolerant === true ? undefined : 'policy'
}

/** The handshake is made with this key: what it says of the peer. */
export const adopt = (peer: Peer, { session, psk }: SharedKey): void => {
  const { facts } = peer
  if (session) recall(peer, session)
  if (psk) facts.psk = psk.identity
}

/** What a resumed session says of the peer. */
export const recall = ({ facts, config }: Peer, session: Session): void => {
  facts.resumed = true
  facts.session = session
  const chain: readonly Certificate[] = session.chain.map(
    config.rememberCertificates ? knownCertificate : parseCertificate,
  )
  if (chain.length === 0) return
  facts.peerChain = chain
  facts.verified = {
    chain,
    code: session.verifyCode,
    ...(session.peerName !== undefined && { name: session.peerName }),
  }
}

/** A week, or less where a certificate ends sooner; a resumption does not prolong it (RFC 9846 section 4.6.1). */
const trustedUntil = ({ now }: Config, { resumed, session, peerChain = [] }: Facts): number =>
  resumed && session
    ? session.trustedUntil
    : Math.min(now() + WEEK * 1000, ...peerChain.map(({ notAfter }) => notAfter + 1))

const TICKET = 16_000

/** A ticket for this session; undefined where there is none, or none that a client would take. */
export function* sealed({ tickets }: Config, session: Session): Task<Uint8Array | undefined> {
  try {
    const ticket = tickets && (yield* wait(tickets.seal(session), 'session'))
    return ticket && ticket.length <= TICKET ? ticket : undefined
  } catch (error) {
    // a store that fails costs a resumption, not the connection; what ends it on purpose says so
    if (error instanceof TlsError) throw error
    return undefined
  }
}

/** A session is resumed with fragments as long as they were (RFC 6066 section 4). */
export const checkFragments = ({ resumed, session, maxFragmentLength = 0 }: Facts): void => {
  const before = session?.maxFragmentLength ?? 0
  if (!resumed || before === maxFragmentLength) return
  const detail = `the session has max_fragment_length ${before || 'unset'}, the client asks for ${maxFragmentLength || 'none'}`
  if (maxFragmentLength === 0) throw new TlsError('missing_extension', 'BAD_EXTENSION', detail)
  throw illegal('SSL3_EXT_INVALID_MAX_FRAGMENT_LENGTH', detail)
}

/** How the peer has shown who it is: in this handshake, or in the one that it resumes. */
const proof = ({ resumed, session, group, peerScheme, ocsp, scts }: Facts) => {
  const before = resumed ? session : undefined
  return {
    group: group?.id ?? before?.group ?? 0,
    peerScheme: peerScheme?.id ?? before?.peerScheme ?? 0,
    ocsp: ocsp ?? before?.ocsp ?? NONE,
    scts: before?.scts ?? scts ?? NONE,
  }
}

/** What a session of either version keeps of a handshake. */
export const remember = ({ config, facts, binding }: Peer, given: Given): Session => {
  const shown = proof(facts)
  return {
    version: given.version,
    suite: given.suite.id,
    secret: given.secret,
    id: given.id ?? NONE,
    ticket: given.ticket ?? NONE,
    ticketAgeAdd: given.ticketAgeAdd ?? 0,
    lifetime: given.lifetime,
    created: config.now(),
    serverName: facts.serverName,
    peerName: facts.role === 'client' ? config.peerName : undefined,
    alpn: facts.alpn,
    extendedMasterSecret: facts.extendedMasterSecret ?? false,
    encryptThenMac: facts.encryptThenMac ?? false,
    chain: (facts.peerChain ?? []).map((certificate) => certificate.raw),
    verifyCode: facts.verified?.code ?? 0,
    context: config.sessionContext,
    binding,
    region: '',
    earlyData: given.earlyData ?? 0,
    maxFragmentLength: facts.maxFragmentLength ?? 0,
    recordLimit: facts.peerRecordLimit ?? 0,
    trustedUntil: trustedUntil(config, facts),
    group: shown.group,
    peerScheme: shown.peerScheme,
    ocsp: shown.ocsp,
    scts: shown.scts,
    appData: NONE,
  }
}

/** What is a session's own: the rest is of the handshake that it comes from. */
interface Given extends Partial<Pick<Session, 'id' | 'ticket' | 'ticketAgeAdd' | 'earlyData'>> {
  readonly version: Version
  readonly suite: Suite
  readonly secret: Uint8Array
  readonly lifetime: number
}

/** What a server says of its sessions, in seconds; for TLS 1.3 a week at most (RFC 9846 section 4.6.1). None is resumed later than that. */
export const lifetimeOf = ({ sessionLifetime, tickets }: Config, version: Version): number => {
  const most = version === TLS13 ? WEEK : 2 ** 32 - 1
  return Math.min(sessionLifetime, tickets?.lifetime ?? most, most)
}

/** A client's session is there for next time: the program is told, and the cache keeps it. */
export function* keepForNext(peer: Peer, session: Session): Task<void> {
  peer.facts.session = session
  peer.config.onSession?.(session)
  yield* putBack(peer, session)
}

/** The cache has a session again that was good for more than one use. */
export function* putBack(peer: Peer, session: Session): Task<void> {
  const { config } = peer
  try {
    if (config.sessionCache) yield* wait(config.sessionCache.put(originOf(peer), session), 'session')
  } catch {
    // a cache that fails costs a resumption, not the connection
  }
}

/** A session of the cache to come back with; undefined where there is none. */
export function* keptFrom(peer: Peer): Task<Session | undefined> {
  const { config } = peer
  try {
    return config.sessionCache && (yield* wait(config.sessionCache.take(originOf(peer), config.now()), 'session'))
  } catch {
    return undefined
  }
}

/** Which sessions are of use here: those of this server, these protocols, this way to verify and this certificate of ours. */
const originOf = ({ config, binding }: Peer): string =>
  [config.origin ?? config.peerName ?? '', config.serverName ?? '', config.alpn?.join() ?? '', hex(binding)].join('|')
