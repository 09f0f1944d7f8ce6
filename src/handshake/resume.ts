import { NONE } from '../bytes/compare.ts'
import type { Config, ExternalPsk } from '../config.ts'
import type { HashName } from '../crypto/provider.ts'
import { suiteById } from '../crypto/suites.ts'
import type { Facts } from '../facts.ts'
import { isFresh, type Session } from '../session/session.ts'
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
  sameContext(config, session) &&
  (config.clientAuth !== 'require' || session.chain.length > 0) &&
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
  appData: NONE,
})
