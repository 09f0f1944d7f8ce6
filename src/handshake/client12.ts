import { concat, equal, NONE } from '../bytes/compare.ts'
import { type Identity, TLS12 } from '../config.ts'
import type { PublicKey } from '../crypto/provider.ts'
import type { Scheme } from '../crypto/schemes.ts'
import { ciphers, type Suite } from '../crypto/suites.ts'
import { illegal, TlsError } from '../errors.ts'
import { confirm } from '../extensions/block.ts'
import { ClientEcdhPublic, EncryptedPremaster, ServerEcdhParams } from '../messages/exchange12.ts'
import type { ServerHello } from '../messages/hello.ts'
import type { Body, Message } from '../messages/table.ts'
import { type Task, wait } from '../task.ts'
import { encode } from '../wire/codec.ts'
import { open, ourFinished, theirFinished } from './after12.ts'
import { agree, groupOf } from './agree.ts'
import { identities, judge, reverify, signedWith } from './authenticate.ts'
import { chooseOwn, knownSchemes } from './choose.ts'
import type { Offer } from './client.ts'
import type { Peer } from './peer.ts'
import { clientByKey } from './psk12.ts'
import { keepForNext, putBack, recall, remember } from './resume.ts'
import { exporter12, keyBlock, masterSecret, type Randoms } from './schedule12.ts'

const PREMASTER = 48

/** The client of TLS 1.2, from the ServerHello on (RFC 5246 section 7.3). */
export function* client12(
  peer: Peer,
  offer: Offer,
  answer: ServerHello & { kind: 'serverHello12' },
  suite: Suite,
): Task<Task<void>> {
  const { config, facts, provider, carrier } = peer
  const randoms: Randoms = { client: offer.hello.random, server: answer.random }
  const session = offer.session?.version === TLS12 ? offer.session : undefined
  const echoed = answer.legacySessionIdEcho.length > 0 && equal(answer.legacySessionIdEcho, offer.hello.legacySessionId)
  // the id of a disguise means nothing; a server that repeats it claims a session that there never was
  if (echoed && !session) throw illegal('INVALID_SESSION_ID', 'the server resumes a session that we did not offer')
  facts.resumed = echoed
  // RFC 5746 3.4: the number among the suites asks for it as well as the extension
  const beside = config.renegotiationSuite ? 'renegotiationInfo' : undefined
  confirm(peer.negotiation(TLS12), offer.hello.extensions, answer.extensions, 'serverHello12', beside)
  if (!answer.extensions.renegotiationInfo && !config.legacyServer) {
    // RFC 5746 4.1: without it somebody may have put his own handshake before ours
    throw new TlsError(
      'handshake_failure',
      'UNSAFE_LEGACY_RENEGOTIATION_DISABLED',
      'the server does not know secure renegotiation; legacyServer would allow it',
    )
  }
  if (config.extendedMasterSecret === 'require' && !facts.extendedMasterSecret) {
    throw new TlsError('handshake_failure', 'INCONSISTENT_EXTMS', 'the server does not know extended_master_secret')
  }
  const awaitsTicket = answer.extensions.sessionTicket !== undefined

  if (session && echoed) {
    if (session.suite !== suite.id)
      throw illegal('OLD_SESSION_CIPHER_NOT_RETURNED', 'the suite of a session cannot change')
    // RFC 7627 5.3: MUST abort if only one of the two handshakes had it
    if (session.extendedMasterSecret !== (facts.extendedMasterSecret ?? false))
      throw new TlsError('handshake_failure', 'INCONSISTENT_EXTMS', 'extended_master_secret differs from the session')
    recall(peer, session)
    yield* reverify(peer, session)
    const master = session.secret
    peer.secret('CLIENT_RANDOM', master)
    const keys = yield* keyBlock(provider, suite, master, randoms, facts.encryptThenMac ?? false)
    const ticket = awaitsTicket ? yield* newTicket(peer) : undefined
    yield* carrier.changed(peer)
    carrier.readWith(carrier.keys12(keys.server))
    yield* theirFinished(peer, suite, master)
    carrier.changeCipherSpec()
    carrier.writeWith(carrier.keys12(keys.client))
    yield* ourFinished(peer, suite, master)
    if (ticket) yield* keep(peer, suite, master, session.id, ticket)
    else yield* putBack(peer, session)
    return open(peer, suite, master, randoms)
  }

  const { premaster, choice } =
    suite.authentication === 'psk'
      ? { premaster: yield* clientByKey(peer, suite.agreement === 'ecdhe_psk'), choice: undefined }
      : yield* byCertificate(peer, offer, answer, suite, randoms)
  const bound = facts.extendedMasterSecret ? yield* peer.digest() : undefined
  const master = yield* masterSecret(provider, suite, premaster, randoms, bound)
  peer.secret('CLIENT_RANDOM', master)
  if (choice) {
    const { identity, scheme } = choice
    facts.identity = identity
    facts.ownScheme = scheme
    const signature = yield* wait(identity.key.sign(scheme.algorithm, peer.transcript.whole()), 'privateKey')
    peer.send('certificateVerify', { algorithm: scheme.id, signature })
  }
  peer.transcript.forget()
  const keys = yield* keyBlock(provider, suite, master, randoms, facts.encryptThenMac ?? false)
  carrier.changeCipherSpec()
  carrier.writeWith(carrier.keys12(keys.client))
  yield* ourFinished(peer, suite, master)
  if (startsFalsely(peer, suite)) {
    facts.exporter = exporter12(provider, suite, master, randoms)
    peer.halfOpen = true
  }

  const ticket = awaitsTicket ? yield* newTicket(peer) : undefined
  yield* carrier.changed(peer)
  carrier.readWith(carrier.keys12(keys.server))
  yield* theirFinished(peer, suite, master)
  yield* keep(peer, suite, master, answer.legacySessionIdEcho, ticket)
  return open(peer, suite, master, randoms)
}

/** The messages between hello and ClientKeyExchange where the server shows a certificate. */
function* byCertificate(
  peer: Peer,
  offer: Offer,
  answer: ServerHello & { kind: 'serverHello12' },
  suite: Suite,
  randoms: Randoms,
): Task<{ readonly premaster: Uint8Array; readonly choice: { identity: Identity; scheme: Scheme } | undefined }> {
  const { facts } = peer
  const chain = yield* peer.receive('certificate12')
  peer.accept(chain)
  let next: Message<'certificateStatus' | 'serverKeyExchange' | 'certificateRequest12' | 'serverHelloDone'>
  const exchanging =
    suite.agreement === 'ecdhe'
      ? (['serverKeyExchange'] as const)
      : (['certificateRequest12', 'serverHelloDone'] as const)
  if (answer.extensions.statusRequest) {
    next = yield* peer.receive('certificateStatus', ...exchanging)
    if (next.name === 'certificateStatus') {
      facts.ocsp = next.body.slice()
      peer.accept(next)
      next = yield* peer.receive(...exchanging)
    }
  } else {
    next = yield* peer.receive(...exchanging)
  }
  const key = yield* judge(peer, chain.body, suite.agreement === 'ecdhe' ? 'digitalSignature' : 'keyEncipherment')
  const isRsa = key.facts.type === 'rsa' || key.facts.type === 'rsa-pss'
  if ((suite.authentication === 'rsa') !== isRsa)
    throw illegal('WRONG_CERTIFICATE_TYPE', `a key of type ${key.facts.type} does not go with ${suite.name}`)

  let exchange: Body<'serverKeyExchange'> | undefined
  if (next.name === 'serverKeyExchange') {
    exchange = next.body
    yield* checkExchange(peer, key, randoms, exchange)
    peer.accept(next)
    next = yield* peer.receive('certificateRequest12', 'serverHelloDone')
  }
  let request: Body<'certificateRequest12'> | undefined
  if (next.name === 'certificateRequest12') {
    request = next.body
    facts.certificateRequested = true
    facts.peerSchemes = knownSchemes(request.supportedSignatureAlgorithms)
    facts.peerAuthorities = request.certificateAuthorities
    peer.accept(next)
    next = yield* peer.receive('serverHelloDone')
  }
  peer.accept(next)

  const choice = request && (yield* chooseOurs(peer, request))
  if (request) peer.send('certificate12', choice?.identity.chain ?? [])
  const premaster = exchange ? yield* exchangeKeys(peer, exchange) : yield* encipher(peer, key, offer)
  return { premaster, choice }
}

/** The server's share must be signed by its certificate and for a group that we offered. */
function* checkExchange(
  peer: Peer,
  key: PublicKey,
  randoms: Randoms,
  { params, algorithm, signature }: Body<'serverKeyExchange'>,
): Task<void> {
  const { config, facts } = peer
  const group = config.groups.find((candidate) => candidate.id === params.namedCurve && candidate.tls12)
  if (!group) throw illegal('WRONG_CURVE', `group 0x${params.namedCurve.toString(16)} was not offered`)
  const scheme = signedWith(peer, algorithm, key)
  const signed = concat(randoms.client, randoms.server, encode(ServerEcdhParams, params))
  if (!(yield* wait(key.verify(scheme.algorithm, signed, signature))))
    throw new TlsError('decrypt_error', 'BAD_SIGNATURE', 'ServerKeyExchange')
  facts.group = group
  facts.peerScheme = scheme
}

function* exchangeKeys(peer: Peer, { params }: Body<'serverKeyExchange'>): Task<Uint8Array> {
  const group = groupOf(peer, params.namedCurve)
  if (!group) throw illegal('WRONG_CURVE', `group 0x${params.namedCurve.toString(16)} cannot be used here`)
  const { share, secret } = yield* agree(() => group.answer(params.point))
  peer.send('clientKeyExchange', encode(ClientEcdhPublic, share))
  return secret
}

/** Static RSA: a secret that only the holder of the certificate's key can read. */
function* encipher(peer: Peer, key: PublicKey, { hello }: Offer): Task<Uint8Array> {
  if (!key.encrypt) throw illegal('WRONG_CERTIFICATE_TYPE', 'the key of the certificate cannot encrypt')
  const premaster = peer.provider.random(PREMASTER).slice()
  premaster[0] = hello.legacyVersion >> 8
  premaster[1] = hello.legacyVersion & 255
  const encrypted = yield* wait(key.encrypt(premaster))
  // the key log names this secret by the bytes that it travels in
  peer.config.trace?.({ event: 'secret', label: 'RSA', clientRandom: encrypted.subarray(0, 8), secret: premaster })
  peer.send('clientKeyExchange', encode(EncryptedPremaster, encrypted))
  return premaster
}

/** Which kinds of certificate answer to which code point (RFC 5246 section 7.4.4, RFC 8422 section 5.5). */
const RSA_SIGN = 1
const ECDSA_SIGN = 64

function* chooseOurs(peer: Peer, request: Body<'certificateRequest12'>) {
  const { config } = peer
  const schemes = knownSchemes(request.supportedSignatureAlgorithms)
  const offered = yield* identities(peer, TLS12, schemes, request.certificateAuthorities)
  const fitting = offered.filter(({ key }) =>
    request.certificateTypes.includes(key.facts.type.startsWith('rsa') ? RSA_SIGN : ECDSA_SIGN),
  )
  return chooseOwn(config, offered, fitting, schemes, TLS12, request.certificateAuthorities)
}

function* newTicket(peer: Peer): Task<Body<'newSessionTicket12'>> {
  const message = yield* peer.receive('newSessionTicket12')
  peer.accept(message)
  return message.body
}

/** Whether data may go before the server's Finished: where nobody but the holder of its certificate can read it (RFC 7918). */
const startsFalsely = ({ config, facts }: Peer, { agreement, cipher }: Suite): boolean =>
  config.falseStart !== 'off' &&
  agreement === 'ecdhe' &&
  ciphers[cipher].mode === 'aead' &&
  (facts.alpn !== undefined || config.falseStart === 'always')

/** Keeps the session, if the server gave a ticket or an id to come back with. */
function* keep(
  peer: Peer,
  suite: Suite,
  master: Uint8Array,
  id: Uint8Array,
  ticket: Body<'newSessionTicket12'> | undefined,
): Task<void> {
  const { config, facts } = peer
  const hint = ticket?.ticketLifetimeHint || config.sessionLifetime
  const session = remember(peer, {
    version: TLS12,
    suite,
    secret: master,
    id: id.slice(),
    ticket: ticket?.ticket.slice() ?? NONE,
    lifetime: hint,
  })
  facts.session = session
  if (session.id.length > 0 || session.ticket.length > 0) yield* keepForNext(peer, session)
}
