import type { Config } from '../config.ts'
import { suiteById } from '../crypto/suites.ts'
import type { Facts } from '../facts.ts'
import { isFresh, type Session } from '../session/session.ts'
import { type Certificate, parseCertificate } from '../x509/certificate.ts'

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
})
