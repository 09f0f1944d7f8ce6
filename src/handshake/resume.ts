import { NONE } from '../bytes/compare.ts'
import { type Config, type ExternalPsk, TLS13 } from '../config.ts'
import type { HashName } from '../crypto/provider.ts'
import { suiteById } from '../crypto/suites.ts'
import { illegal, TlsError } from '../errors.ts'
import type { Facts } from '../facts.ts'

import { isFresh, type Session } from '../session/session.ts'
import { type Task, wait } from '../task.ts'
import { type Certificate, parseCertificate } from '../x509/certificate.ts'

/** A pre-shared key of TLS 1.3: of a session, or agreed elsewhere. */
export interface SharedKey {
  readonly identity: Uint8Array
  readonly secret: Uint8Array
  readonly hash: HashName
  /** What its binder is made for. */
  readonly origin: 'res' | 'ext'
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
  origin: 'ext',
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
export const mayOffer = (config: Config, session: Session): boolean =>
  config.resumption &&
  isFresh(session, config.now()) &&
  config.now() < session.trustedUntil &&
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
  sameContext(config, session) &&
  (session.verifyCode === 0 || config.verifier.tolerant === true)

/** Whether a server may resume it: the context is its own, and a certificate that is demanded was given then. */
export const mayResume = (config: Config, session: Session): boolean =>
  isFresh(session, config.now()) &&
  config.now() < session.trustedUntil &&
  sameContext(config, session) &&
  (config.clientAuth !== 'require' ||
    session.chain.length > 0 ||
    (config.authenticateLater && session.version === TLS13)) &&
  (session.verifyCode === 0 || config.verifier.tolerant === true)

const sameContext = (config: Config, session: Session): boolean =>
  session.context.length === config.sessionContext.length &&
  session.context.every((byte, i) => byte === config.sessionContext[i])

/** The handshake is made with this key: what it says of the peer. */
export const adopt = (facts: Facts, { session, psk }: SharedKey): void => {
  if (session) recall(facts, session)
  if (psk) facts.psk = psk.identity
}

/** What a resumed session says of the peer. */
export const recall = (facts: Facts, session: Session): void => {
  facts.resumed = true
  facts.session = session
  const chain: readonly Certificate[] = session.chain.map((der) => parseCertificate(der))
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
  resumed && session ? session.trustedUntil : Math.min(now() + WEEK, ...peerChain.map(({ notAfter }) => notAfter + 1))

const WEEK = 7 * 86_400_000
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

/** What a session of either version keeps of a handshake. */
export const remember = (
  config: Config,
  facts: Facts,
): Omit<Session, 'version' | 'suite' | 'secret' | 'id' | 'ticket' | 'ticketAgeAdd' | 'lifetime'> => ({
  created: config.now(),
  serverName: facts.serverName,
  peerName: facts.role === 'client' ? config.peerName : undefined,
  alpn: facts.alpn,
  extendedMasterSecret: facts.extendedMasterSecret ?? false,
  encryptThenMac: facts.encryptThenMac ?? false,
  chain: (facts.peerChain ?? []).map((certificate) => certificate.raw),
  verifyCode: facts.verified?.code ?? 0,
  context: config.sessionContext,
  earlyData: 0,
  maxFragmentLength: facts.maxFragmentLength ?? 0,
  trustedUntil: trustedUntil(config, facts),
  appData: NONE,
})
