import { equal, NONE } from '../bytes/compare.ts'
import { type Config, TLS12, TLS13 } from '../config.ts'
import type { Suite } from '../crypto/suites.ts'
import { illegal, TlsError } from '../errors.ts'
import { answers } from '../extensions/block.ts'
import { PSK_DHE_KE } from '../extensions/tls13.ts'
import { type ClientHello, RETRY_RANDOM } from '../messages/hello.ts'
import type { Message } from '../messages/table.ts'
import type { Opened, Tickets } from '../session/tickets.ts'
import { asked, type Task, wait } from '../task.ts'
import { afterwards, requestExtensions } from './after13.ts'
import { agree, groupOf } from './agree.ts'
import { checkCompression, chooseProtocol, serverRandom } from './answer.ts'
import { checkFinished, checkProof, identities, judge, prove, unadorned } from './authenticate.ts'
import { chooseGroup13, chooseIdentity, chooseSuite13 } from './choose.ts'
import { heedHello } from './custom.ts'
import { earlyKeys, type Found, whyNotEarly } from './early.ts'
import type { Peer } from './peer.ts'
import { adopt, bindersLength, checkFragments, earlyTerms, keyAgreed, keyOf, type SharedKey, whyNot } from './resume.ts'
import { EarlyStage, exported, finished } from './schedule13.ts'
import { askBack, takeUp } from './stateless.ts'

/** The server of TLS 1.3, from the ClientHello on (RFC 9846 section 2). */
export function* server13(peer: Peer, first: Message<'clientHello'>): Task<Task<void>> {
  const { config, facts, provider, carrier } = peer
  let message = first
  let hello = message.body
  const suite = chooseSuite13(config, hello)
  let { group, share } = chooseGroup13(config, hello)
  facts.suite = suite
  const offersEarlyData = hello.extensions.earlyData !== undefined

  if (config.stateless) {
    if (!(yield* takeUp(peer, config.stateless, hello, suite)))
      return yield* askBack(peer, config.stateless, message, suite, share ? undefined : group)
    if (!share) throw illegal('BAD_KEY_SHARE', 'the share that was asked for is missing')
  } else if (!share) {
    facts.retried = true
    const cookie = config.cookie?.()
    peer.accept(message)
    yield* wait(peer.transcript.retry(suite.hash))
    const extensions = { keyShare: group.id, ...(cookie && { cookie }), supportedVersions: TLS13 }
    peer.send('serverHello', {
      kind: 'helloRetryRequest',
      legacyVersion: TLS12,
      random: RETRY_RANDOM,
      legacySessionIdEcho: hello.legacySessionId,
      cipherSuite: suite.id,
      legacyCompressionMethod: 0,
      extensions,
    })
    if (config.middlebox && hello.legacySessionId.length > 0) carrier.changeCipherSpec()
    if (offersEarlyData) carrier.skipEarlyData(skipped(config))
    const again = yield* peer.receive('clientHello')
    checkSecondHello(hello, again.body, group.id, cookie)
    checkCompression(again.body, TLS13)
    message = again
    hello = again.body
    if (chooseSuite13(config, hello) !== suite)
      throw illegal('BAD_CIPHER', 'the second ClientHello leads to another suite')
    ;({ group, share } = chooseGroup13(config, hello))
    if (!share) throw illegal('BAD_KEY_SHARE', 'the share that was asked for is missing')
  }
  facts.group = group
  const clientShare = share

  const found = yield* resumable(peer, message, suite)
  if (found) {
    delete facts.missed
    adopt(peer, found.key)
  }
  heedHello(config, facts, hello.extensions)
  yield* chooseProtocol(peer, hello)
  const proof = found ? undefined : yield* chooseProof(peer, hello)
  const refusal = offersEarlyData ? yield* whyNotEarly(peer, found, suite) : undefined
  const hurried = offersEarlyData && !refusal
  if (offersEarlyData) facts.earlyData = hurried ? 'accepted' : 'rejected'
  if (refusal) facts.earlyRefusal = refusal
  facts.postHandshakeAuth = hello.extensions.postHandshakeAuth === true
  peer.transcript.begin(suite.hash)
  peer.accept(message)

  const exchange = groupOf(peer, group.id)
  if (!exchange) throw new TlsError('internal_error', 'INTERNAL_ERROR', `group ${group.name} has gone`)
  const agreed = yield* agree(() => exchange.answer(clientShare))
  const early = yield* EarlyStage.begin(provider, suite, found?.key.secret)
  const earlyReading = hurried ? yield* earlyKeys(peer, early, suite) : undefined
  const stage = yield* early.handshake(agreed.secret)
  const random = serverRandom(peer, TLS13)
  facts.serverRandom = random
  const keyShare = { group: group.id, keyExchange: agreed.share }
  peer.send('serverHello', {
    kind: 'serverHello',
    legacyVersion: TLS12,
    random,
    legacySessionIdEcho: hello.legacySessionId,
    cipherSuite: suite.id,
    legacyCompressionMethod: 0,
    extensions: found
      ? { preSharedKey: found.index, keyShare, supportedVersions: TLS13 }
      : { keyShare, supportedVersions: TLS13 },
  })
  if (config.middlebox && !facts.retried && hello.legacySessionId.length > 0) carrier.changeCipherSpec()
  const traffic = yield* stage.traffic(yield* peer.digest())
  peer.secret('CLIENT_HANDSHAKE_TRAFFIC_SECRET', traffic.client)
  peer.secret('SERVER_HANDSHAKE_TRAFFIC_SECRET', traffic.server)
  const reading = yield* carrier.keys('handshake', suite, traffic.client)
  carrier.writeWith(yield* carrier.keys('handshake', suite, traffic.server))
  carrier.readWith(earlyReading ?? reading)
  carrier.allowPlainAlerts()
  if (offersEarlyData && !facts.retried && !hurried) carrier.skipEarlyData(skipped(config))

  const answered = answers(peer.negotiation(TLS13), hello.extensions, 'encryptedExtensions')
  checkFragments(facts)
  peer.send('encryptedExtensions', { extensions: hurried ? { ...answered, earlyData: true as const } : answered })
  const demands = !found && config.clientAuth !== 'none' && !config.authenticateLater
  if (demands) peer.send('certificateRequest', { certificateRequestContext: NONE, extensions: requestExtensions(peer) })
  if (proof) {
    yield* prove(peer, proof.identity, proof.scheme, NONE, {
      ocsp: hello.extensions.statusRequest?.statusType === 1,
      scts: hello.extensions.signedCertificateTimestamp === true,
    })
  }
  const ours = yield* finished(provider, suite, traffic.server, yield* peer.digest())
  facts.ourFinished = ours
  peer.send('finished', ours)

  const master = yield* stage.master()
  const transcript = yield* peer.digest()
  const data = yield* master.traffic(transcript)
  const exporter = yield* master.exporter(transcript)
  peer.secret('CLIENT_TRAFFIC_SECRET_0', data.client)
  peer.secret('SERVER_TRAFFIC_SECRET_0', data.server)
  peer.secret('EXPORTER_SECRET', exporter)
  facts.exporter = exported.bind(undefined, provider, suite, exporter)
  const ourData = yield* carrier.keys('data', suite, data.server)
  const theirData = yield* carrier.keys('data', suite, data.client)
  carrier.writeWith(ourData)
  peer.halfOpen = !demands

  if (hurried) {
    peer.earlyAllowance = (found && earlyTerms(found.key)?.bytes) ?? 0
    const end = yield* peer.receive('endOfEarlyData')
    peer.earlyAllowance = undefined
    peer.accept(end)
    carrier.readWith(reading)
  }
  if (demands) yield* clientCertificate(peer)
  const done = yield* peer.receive('finished')
  const expected = yield* finished(provider, suite, traffic.client, yield* peer.digest())
  checkFinished(peer, done.body, expected)
  peer.accept(done)
  carrier.readWith(theirData)
  carrier.settled()
  const resumption = yield* master.resumption(yield* peer.digest())
  peer.established = true
  return afterwards(peer, suite, {
    reading: data.client,
    writing: data.server,
    resumption,
    postHandshakeAuth: false,
    tickets: hello.extensions.pskKeyExchangeModes?.includes(PSK_DHE_KE) ?? false,
  })
}

/** Bytes of early data to skip: what any ticket of ours may have allowed, and what its records add. */
const skipped = ({ limits, earlyData }: Config): number =>
  Math.max(limits.skippedEarlyData, earlyData === 0 ? 0 : 2 * earlyData + 16640)

/** The extensions that a HelloRetryRequest leaves alone (RFC 9846 section 4.1.2); unknown ones may be padding. */
const kept = ({ extensions }: ClientHello): string =>
  Object.keys(extensions)
    .filter((name) => !['keyShare', 'cookie', 'preSharedKey', 'earlyData', 'unknown'].includes(name))
    .join()

/** The second hello may differ from the first in what the retry asked for only (RFC 9846 section 4.1.2). */
const checkSecondHello = (one: ClientHello, two: ClientHello, group: number, cookie: Uint8Array | undefined): void => {
  const same =
    equal(one.random, two.random) &&
    equal(one.legacySessionId, two.legacySessionId) &&
    one.legacyVersion === two.legacyVersion &&
    one.cipherSuites.join() === two.cipherSuites.join() &&
    one.extensions.serverName === two.extensions.serverName &&
    one.extensions.supportedGroups?.join() === two.extensions.supportedGroups?.join() &&
    one.extensions.alpn?.join() === two.extensions.alpn?.join() &&
    one.extensions.signatureAlgorithms?.join() === two.extensions.signatureAlgorithms?.join() &&
    kept(one) === kept(two) &&
    two.extensions.supportedVersions?.includes(TLS13)
  if (!same) throw illegal('BAD_EXTENSION', 'the second ClientHello differs from the first in more than was asked for')
  if (two.extensions.earlyData) throw illegal('BAD_EXTENSION', 'early_data after a HelloRetryRequest')
  const shares = two.extensions.keyShare ?? []
  if (shares.length !== 1 || shares[0]?.group !== group)
    throw illegal('BAD_KEY_SHARE', 'the second ClientHello must bring one share, for the group that was asked for')
  const returned = two.extensions.cookie
  if (cookie ? !returned || !equal(cookie, returned) : returned)
    throw illegal('BAD_EXTENSION', 'the cookie is not the one that was sent')
}

/** How we show who we are: the certificate, and the scheme to sign with, that this client can check. */
function* chooseProof(peer: Peer, hello: ClientHello) {
  const { config, facts } = peer
  const { signatureAlgorithms, certificateAuthorities } = hello.extensions
  // RFC 9846 4.2.3: signature_algorithms MUST be there when the server is to show a certificate
  if (!signatureAlgorithms)
    throw new TlsError('missing_extension', 'MISSING_SIGALGS_EXTENSION', 'signature_algorithms is missing')
  const { peerSchemes: schemes = [] } = facts
  if (certificateAuthorities) facts.peerAuthorities = certificateAuthorities
  const offered = yield* identities(peer, TLS13, schemes, certificateAuthorities)
  const choice = chooseIdentity(config, offered, schemes, TLS13, certificateAuthorities)
  if (choice) {
    facts.identity = choice.identity
    return choice
  }
  if (offered.length === 0)
    throw new TlsError('handshake_failure', 'NO_SHARED_CIPHER', 'this server has no certificate')
  throw new TlsError(
    'handshake_failure',
    'NO_SUITABLE_SIGNATURE_ALGORITHM',
    'no signature scheme in common for our certificates',
  )
}

/** Identities that are looked up in one hello: each may cost a decryption. */
const TRIED = 4

/**
 * The first pre-shared key that we know and that goes with everything else. A key whose binder is wrong ends the
 * handshake: somebody speaks for a client without having its key.
 */
function* resumable(peer: Peer, message: Message<'clientHello'>, suite: Suite): Task<Found | undefined> {
  const { config, facts, provider } = peer
  const { preSharedKey, pskKeyExchangeModes } = message.body.extensions
  if (!preSharedKey) return undefined
  // RFC 9846 4.2.9: MUST abort if pre_shared_key comes without psk_key_exchange_modes
  if (!pskKeyExchangeModes)
    throw new TlsError('missing_extension', 'MISSING_PSK_KEX_MODES_EXTENSION', 'psk_key_exchange_modes is missing')
  const { identities: offered, binders } = preSharedKey
  if (offered.length !== binders.length) throw illegal('BAD_EXTENSION', 'as many binders as identities are due')
  if (!pskKeyExchangeModes.includes(PSK_DHE_KE)) return undefined
  for (const [index, { identity, obfuscatedTicketAge }] of offered.slice(0, TRIED).entries()) {
    const key = yield* lookUp(peer, identity)
    if (key && key.hash !== suite.hash) facts.missed ??= 'suite'
    if (!key || key.hash !== suite.hash) continue
    const early = yield* EarlyStage.begin(provider, suite, key.secret)
    const covered = message.raw.subarray(0, message.raw.length - bindersLength(binders))
    const transcript = yield* wait(peer.transcript.digestWith(suite.hash, covered))
    const expected = yield* finished(provider, suite, yield* early.binderKey(key.origin), transcript)
    if (!equal(binders[index] ?? NONE, expected))
      throw new TlsError('decrypt_error', 'BINDER_DOES_NOT_VERIFY', `the binder of pre-shared key ${index}`)
    const { session } = key
    const age = session ? (obfuscatedTicketAge - session.ticketAgeAdd + 2 ** 32) % 2 ** 32 : 0
    const skew = session ? age - (config.now() - session.created) : 0
    if (session) facts.ticketAgeSkew = skew
    return { key, index, skew: Math.abs(skew) }
  }
  return undefined
}

/** The key of that name: one agreed elsewhere, or the session in a ticket of ours. */
function* lookUp(peer: Peer, identity: Uint8Array): Task<SharedKey | undefined> {
  const { config, facts } = peer
  const { findPsk, tickets } = config
  const psk = findPsk && (yield* asked(() => findPsk(identity), 'session'))
  if (psk) return keyAgreed(psk)
  const opened = tickets && (yield* opening(tickets, identity))
  const why = opened ? whyNot(peer, opened.session, TLS13) : 'unknown'
  if (why) facts.missed ??= why
  return opened && !why ? keyOf(opened.session, identity) : undefined
}

/** A store that fails costs a resumption, not the connection; what ends it on purpose says so. */
function* opening(tickets: Tickets, identity: Uint8Array): Task<Opened | undefined> {
  try {
    return yield* wait(tickets.open(identity), 'session')
  } catch (error) {
    if (error instanceof TlsError) throw error
    return undefined
  }
}

/** The client's Certificate and CertificateVerify, or that it has none. */
function* clientCertificate(peer: Peer): Task<void> {
  const message = yield* peer.receive('certificate')
  const { certificateRequestContext, certificateList } = message.body
  if (certificateRequestContext.length > 0)
    throw illegal('BAD_EXTENSION', 'the context of a certificate in the handshake must be empty')
  const chain = unadorned(certificateList)
  if (certificateList.length === 0) {
    if (peer.config.clientAuth === 'require')
      throw new TlsError('certificate_required', 'PEER_DID_NOT_RETURN_A_CERTIFICATE', 'the client has no certificate')
    peer.accept(message)
    return
  }
  const key = yield* judge(peer, chain, 'digitalSignature')
  peer.accept(message)
  const proof = yield* peer.receive('certificateVerify')
  yield* checkProof(peer, key, proof.body)
  peer.accept(proof)
}
