import { TLS13 } from '../config.ts'
import { groupById } from '../crypto/groups.ts'
import type { PublicKey } from '../crypto/provider.ts'
import type { Suite } from '../crypto/suites.ts'
import { illegal, TlsError } from '../errors.ts'
import { confirm, solicited } from '../extensions/block.ts'
import type { CertificateRequest } from '../messages/authentication.ts'
import type { ServerHello } from '../messages/hello.ts'
import type { Message } from '../messages/table.ts'
import type { Task } from '../task.ts'
import { afterwards } from './after13.ts'
import { agree } from './agree.ts'
import { answerRequest, checkFinished, checkProof, judge, reverify } from './authenticate.ts'
import { knownSchemes } from './choose.ts'
import type { Offer } from './client.ts'
import { refuseEarly } from './early.ts'
import type { Peer } from './peer.ts'
import { adopt, earlyTerms } from './resume.ts'
import { EarlyStage, exported, finished } from './schedule13.ts'

/** The client of TLS 1.3, from the ServerHello on (RFC 9846 section 2). */
export function* client13(
  peer: Peer,
  offer: Offer,
  answer: ServerHello & { kind: 'serverHello' },
  suite: Suite,
): Task<Task<void>> {
  const { config, facts, provider, carrier } = peer
  const { keyShare, preSharedKey: chosen } = answer.extensions
  if (!keyShare) throw new TlsError('missing_extension', 'NO_SUITABLE_KEY_SHARE', 'key_share is missing in ServerHello')
  const exchange = offer.exchanges.get(keyShare.group)
  const group = groupById(keyShare.group)
  if (!exchange || !group) throw illegal('BAD_KEY_SHARE', `group 0x${keyShare.group.toString(16)} was not offered`)
  facts.group = group

  let early: EarlyStage
  if (chosen === undefined) {
    early = yield* EarlyStage.begin(provider, suite)
  } else {
    const taken = offer.keys[chosen]
    if (!taken) throw illegal('BAD_PSK_IDENTITY', `pre-shared key ${chosen} was not offered`)
    // RFC 9846 4.2.11: the suite must go with the hash of the key
    if (taken.key.hash !== suite.hash)
      throw illegal('CIPHERSUITE_DIGEST_HAS_CHANGED', 'the suite does not fit the pre-shared key')
    early = taken.early
    adopt(peer, taken.key)
  }
  const byKey = chosen !== undefined
  const first = offer.keys[0]?.key
  const terms = first && earlyTerms(first)
  if (chosen !== 0) refuseEarly(peer)
  const stage = yield* early.handshake(yield* agree(() => exchange.finish(keyShare.keyExchange)))
  const traffic = yield* stage.traffic(yield* peer.digest())
  peer.secret('SERVER_HANDSHAKE_TRAFFIC_SECRET', traffic.server)
  peer.secret('CLIENT_HANDSHAKE_TRAFFIC_SECRET', traffic.client)
  carrier.readWith(yield* carrier.keys('handshake', suite, traffic.server))
  const writing = yield* carrier.keys('handshake', suite, traffic.client)
  if (config.middlebox && !facts.retried && !offer.hello.extensions.earlyData) carrier.changeCipherSpec()
  // RFC 9846 appendix A.1: alerts are to go under these keys already; while early data may flow its own are kept
  if (peer.earlyRoom === undefined) carrier.writeWith(writing)

  const params = yield* peer.receive('encryptedExtensions')
  const hurried = params.body.extensions.earlyData === true
  if (!hurried && peer.earlyRoom !== undefined) {
    refuseEarly(peer)
    carrier.writeWith(writing)
  }
  confirm(peer.negotiation(TLS13), offer.hello.extensions, params.body.extensions, 'encryptedExtensions')
  if (hurried) {
    // RFC 9846 4.2.10: taken only under the first key, its suite and its protocol
    if (peer.earlyRoom === undefined || suite.id !== terms?.suite || facts.alpn !== terms.alpn)
      throw illegal('BAD_EARLY_DATA', 'the server takes early data under other terms than it was sent with')
    facts.earlyData = 'accepted'
  }
  peer.accept(params)

  let request: CertificateRequest | undefined
  let key: PublicKey | undefined
  if (byKey) {
    // where early data was taken, that was done before it was sent
    if (!hurried) yield* reverify(peer, facts.session)
  } else {
    let next = yield* peer.receive('certificateRequest', 'certificate')
    if (next.name === 'certificateRequest') {
      request = next.body
      if (request.certificateRequestContext.length > 0)
        throw illegal('INVALID_CONTEXT', 'the context of a CertificateRequest in the handshake must be empty')
      checkRequest(peer, request)
      peer.accept(next)
      next = yield* peer.receive('certificate')
    }
    key = yield* serverCertificate(peer, offer, next as Message<'certificate'>)
    const proof = yield* peer.receive('certificateVerify')
    yield* checkProof(peer, key, proof.body)
    peer.accept(proof)
  }

  const done = yield* peer.receive('finished')
  const expected = yield* finished(provider, suite, traffic.server, yield* peer.digest())
  checkFinished(peer, done.body, expected)
  peer.accept(done)

  const master = yield* stage.master()
  const transcript = yield* peer.digest()
  const data = yield* master.traffic(transcript)
  const exporter = yield* master.exporter(transcript)
  peer.secret('EXPORTER_SECRET', exporter)
  peer.secret('SERVER_TRAFFIC_SECRET_0', data.server)
  peer.secret('CLIENT_TRAFFIC_SECRET_0', data.client)
  facts.exporter = exported.bind(undefined, provider, suite, exporter)

  if (hurried) {
    peer.earlyRoom = undefined
    peer.send('endOfEarlyData', true)
    carrier.writeWith(writing)
  }
  if (request) yield* answerRequest(peer, request)
  const ours = yield* finished(provider, suite, traffic.client, yield* peer.digest())
  facts.ourFinished = ours
  peer.send('finished', ours)
  const reading = yield* carrier.keys('data', suite, data.server)
  carrier.writeWith(yield* carrier.keys('data', suite, data.client))
  carrier.readWith(reading)
  carrier.settled()
  const resumption = yield* master.resumption(yield* peer.digest())
  peer.established = true
  return afterwards(peer, suite, {
    reading: data.server,
    writing: data.client,
    resumption,
    postHandshakeAuth: config.postHandshakeAuth,
    tickets: false,
  })
}

function* serverCertificate(peer: Peer, offer: Offer, message: Message<'certificate'>): Task<PublicKey> {
  const { certificateRequestContext, certificateList } = message.body
  if (certificateRequestContext.length > 0)
    throw illegal('INVALID_CONTEXT', 'the context of a server certificate must be empty')
  for (const { extensions } of certificateList) solicited(offer.hello.extensions, extensions, 'certificate')
  const { statusRequest, signedCertificateTimestamp } = certificateList[0]?.extensions ?? {}
  if (statusRequest) peer.facts.ocsp = statusRequest
  if (signedCertificateTimestamp) peer.facts.scts = signedCertificateTimestamp
  const key = yield* judge(
    peer,
    certificateList.map((entry) => entry.certData),
    'digitalSignature',
  )
  peer.accept(message)
  return key
}

const checkRequest = (peer: Peer, { extensions }: CertificateRequest): void => {
  const { facts } = peer
  // RFC 9846 4.3.2: signature_algorithms MUST be there
  if (!extensions.signatureAlgorithms)
    throw new TlsError(
      'missing_extension',
      'MISSING_SIGALGS_EXTENSION',
      'signature_algorithms is missing in CertificateRequest',
    )
  facts.certificateRequested = true
  facts.peerSchemes = knownSchemes(extensions.signatureAlgorithms)
  facts.peerAuthorities = extensions.certificateAuthorities ?? []
}
