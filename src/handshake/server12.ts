import { concat, NONE } from '../bytes/compare.ts'
import { hex } from '../bytes/text.ts'
import { type Identity, TLS12 } from '../config.ts'
import type { NamedGroup } from '../crypto/groups.ts'
import type { PublicKey } from '../crypto/provider.ts'
import type { Scheme } from '../crypto/schemes.ts'
import type { Suite } from '../crypto/suites.ts'
import { illegal, TlsError } from '../errors.ts'
import { answers } from '../extensions/block.ts'
import type { Extensions } from '../extensions/registry.ts'
import { ClientEcdhPublic, EncryptedPremaster, ServerEcdhParams, serverEcdhParams } from '../messages/exchange12.ts'
import type { ClientHello } from '../messages/hello.ts'
import type { Message } from '../messages/table.ts'
import type { Session, Sessions } from '../session/session.ts'
import type { Opened, Tickets } from '../session/tickets.ts'
import { type Task, wait } from '../task.ts'
import { decode, encode } from '../wire/codec.ts'
import { open, ourFinished, theirFinished } from './after12.ts'
import { agree, groupOf } from './agree.ts'
import { chooseProtocol, serverRandom } from './answer.ts'
import { identities, judge, signedWith } from './authenticate.ts'
import { type Choice12, chooseSuite12, knownSchemes, sharedSuites } from './choose.ts'
import { heedHello } from './custom.ts'
import type { Peer } from './peer.ts'
import { serverByKey } from './psk12.ts'
import { checkFragments, lifetimeOf, recall, remember, sealed, whyNot } from './resume.ts'
import { keyBlock, masterSecret, type Randoms } from './schedule12.ts'

const PREMASTER = 48
const RSA_SIGN = 1
const ECDSA_SIGN = 64

/** The server of TLS 1.2, from the ClientHello on (RFC 5246 section 7.3). */
export function* server12(peer: Peer, message: Message<'clientHello'>): Task<Task<void>> {
  const { config, facts, provider, carrier } = peer
  const hello = message.body
  const { extensions } = hello
  const random = serverRandom(peer, TLS12)
  facts.serverRandom = random
  const randoms: Randoms = { client: facts.clientRandom ?? hello.random, server: random }
  if (config.extendedMasterSecret === 'require' && !extensions.extendedMasterSecret) {
    throw new TlsError('handshake_failure', 'INCONSISTENT_EXTMS', 'the client does not know extended_master_secret')
  }
  const givesTicket = ticketsOf(peer) !== undefined && extensions.sessionTicket !== undefined

  const found = yield* resumable(peer, hello)
  yield* chooseProtocol(peer, hello)
  if (found) {
    const { session, suite, renew } = found
    recall(peer, session)
    heedHello(config, facts, extensions)
    facts.suite = suite
    const answered = answers(peer.negotiation(TLS12), extensions, 'serverHello12')
    checkFragments(facts)
    const renews = givesTicket && renew
    peer.transcript.begin(suite.hash)
    peer.accept(message)
    peer.send('serverHello', {
      kind: 'serverHello12',
      legacyVersion: TLS12,
      random,
      legacySessionIdEcho: hello.legacySessionId,
      cipherSuite: suite.id,
      legacyCompressionMethod: 0,
      extensions: completed(peer, answered, renews),
    })
    const master = session.secret
    peer.secret('CLIENT_RANDOM', master)
    const keys = yield* keyBlock(provider, suite, master, randoms, facts.encryptThenMac ?? false)
    // a new ticket lives as long as any, and what it says of the client no longer than `trustedUntil`
    if (renews) yield* sendTicket(peer, { ...session, created: config.now(), lifetime: lifetimeOf(config, TLS12) })
    carrier.changeCipherSpec()
    carrier.writeWith(carrier.keys12(keys.server))
    yield* ourFinished(peer, suite, master)
    yield* carrier.changed(peer)
    carrier.readWith(carrier.keys12(keys.client))
    yield* theirFinished(peer, suite, master)
    return open(peer, suite, master, randoms)
  }

  heedHello(config, facts, extensions)
  const { suite, identity, group, scheme } = yield* choose(peer, hello)
  facts.suite = suite
  if (identity) facts.identity = identity
  const answered = answers(peer.negotiation(TLS12), extensions, 'serverHello12')
  // an id only where it leads to something: tickets need none
  const id = !givesTicket && config.sessions ? provider.random(32).slice() : NONE
  peer.transcript.begin(suite.hash, config.clientAuth !== 'none')
  peer.accept(message)
  peer.send('serverHello', {
    kind: 'serverHello12',
    legacyVersion: TLS12,
    random,
    legacySessionIdEcho: id,
    cipherSuite: suite.id,
    legacyCompressionMethod: 0,
    extensions: completed(peer, answered, givesTicket),
  })
  const { premaster, key } = identity
    ? yield* byCertificate(peer, hello, answered.statusRequest === true, { identity, group, scheme }, randoms)
    : { premaster: yield* serverByKey(peer, group), key: undefined }
  const bound = facts.extendedMasterSecret ? yield* peer.digest() : undefined
  const master = yield* masterSecret(provider, suite, premaster, randoms, bound)
  peer.secret('CLIENT_RANDOM', master)
  if (key) yield* checkProof12(peer, key)
  peer.transcript.forget()

  const keys = yield* keyBlock(provider, suite, master, randoms, facts.encryptThenMac ?? false)
  yield* carrier.changed(peer)
  carrier.readWith(carrier.keys12(keys.client))
  yield* theirFinished(peer, suite, master)

  const session = remember(peer, {
    version: TLS12,
    suite,
    secret: master,
    id,
    lifetime: lifetimeOf(config, TLS12),
  })
  facts.session = session
  if (givesTicket) yield* sendTicket(peer, session)
  else if (config.sessions && id.length > 0) yield* store(config.sessions, session)
  if (givesTicket || id.length > 0) config.onSession?.(session)
  carrier.changeCipherSpec()
  carrier.writeWith(carrier.keys12(keys.server))
  yield* ourFinished(peer, suite, master)
  return open(peer, suite, master, randoms)
}

/** The messages from our certificate to the client's key exchange. Gives the key that its CertificateVerify needs. */
function* byCertificate(
  peer: Peer,
  hello: ClientHello,
  staples: boolean,
  { identity, group, scheme }: { identity: Identity; group: NamedGroup | undefined; scheme: Scheme | undefined },
  randoms: Randoms,
): Task<{ readonly premaster: Uint8Array; readonly key: PublicKey | undefined }> {
  const { config, facts } = peer
  peer.send('certificate12', identity.chain)
  if (staples && identity.ocsp) peer.send('certificateStatus', identity.ocsp)

  let agreed: { finish(point: Uint8Array): Uint8Array | Promise<Uint8Array> } | undefined
  if (group && scheme) {
    const exchange = groupOf(peer, group.id)
    if (!exchange) throw new TlsError('internal_error', 'INTERNAL_ERROR', `group ${group.name} has gone`)
    facts.group = group
    facts.ownScheme = scheme
    const started = yield* wait(exchange.start())
    agreed = started
    const params = serverEcdhParams(group.id, started.share)
    const signed = concat(randoms.client, randoms.server, encode(ServerEcdhParams, params))
    const signature = yield* wait(identity.key.sign(scheme.algorithm, signed), 'privateKey')
    peer.send('serverKeyExchange', { params, algorithm: scheme.id, signature })
  }
  const demands = config.clientAuth !== 'none'
  if (demands) {
    peer.send('certificateRequest12', {
      certificateTypes: [RSA_SIGN, ECDSA_SIGN],
      supportedSignatureAlgorithms: (config.clientSchemes ?? config.schemes).map((candidate) => candidate.id),
      certificateAuthorities: config.authorities ?? [],
    })
  }
  peer.send('serverHelloDone', true)

  const key = demands ? yield* clientCertificate(peer) : undefined
  const exchange = yield* peer.receive('clientKeyExchange')
  let premaster: Uint8Array
  if (agreed) {
    const started = agreed
    const point = decode(ClientEcdhPublic, exchange.body)
    premaster = yield* agree(() => started.finish(point))
  } else {
    premaster = yield* decipher(peer, identity, hello, decode(EncryptedPremaster, exchange.body))
  }
  peer.accept(exchange)
  return { premaster, key }
}

type Answered = { -readonly [N in keyof Extensions<'serverHello12'>]: Extensions<'serverHello12'>[N] }
/** What was made for this answer alone, with what no extension of the hello asks for: RFC 5746 may be signalled by a suite. */
const completed = (peer: Peer, answered: Answered, ticket: boolean): Answered => {
  if (peer.facts.secureRenegotiation) answered.renegotiationInfo ??= NONE
  if (ticket) answered.sessionTicket = true
  return answered
}

const ticketsOf = ({ config }: Peer): Tickets | undefined => (config.tickets?.only13 ? undefined : config.tickets)

/** The session that the client names, by ticket or by id, if it goes with this hello. */
function* resumable(
  peer: Peer,
  hello: ClientHello,
): Task<{ readonly session: Session; readonly suite: Suite; readonly renew: boolean } | undefined> {
  const { config, facts } = peer
  const { sessionTicket } = hello.extensions
  const named = sessionTicket && sessionTicket.length > 0 ? sessionTicket : undefined
  let session: Session | undefined
  let renew = false
  const tickets = ticketsOf(peer)
  if (tickets && named) {
    const opened = yield* opening(tickets, named)
    session = opened?.session
    renew = opened?.renew ?? false
  } else if (config.sessions && hello.legacySessionId.length > 0) {
    session = yield* stored(config.sessions, hex(hello.legacySessionId))
  } else if (hello.legacySessionId.length === 0) {
    return undefined
  }
  if (!session) {
    facts.missed = 'unknown'
    return undefined
  }
  const why = whyNot(peer, session, TLS12)
  const suite = sharedSuites(config, hello.cipherSuites, TLS12).find((candidate) => candidate.id === session.suite)
  if (why || !suite) {
    facts.missed = why ?? 'suite'
    return undefined
  }
  const extended = hello.extensions.extendedMasterSecret === true && config.extendedMasterSecret !== 'off'
  // RFC 7627 5.3: a session with it is never resumed without it; the other way round a full handshake follows
  if (session.extendedMasterSecret && !hello.extensions.extendedMasterSecret)
    throw new TlsError('handshake_failure', 'INCONSISTENT_EXTMS', 'the session was made with extended_master_secret')
  if (session.extendedMasterSecret !== extended) {
    facts.missed = 'policy'
    return undefined
  }
  return { session, suite, renew }
}

/** A store that fails costs a resumption, not the connection; what ends it on purpose says so. */
function* stored(sessions: Sessions, id: string): Task<Session | undefined> {
  try {
    return yield* wait(sessions.get(id), 'session')
  } catch (error) {
    if (error instanceof TlsError) throw error
    return undefined
  }
}
function* opening(tickets: Tickets, ticket: Uint8Array): Task<Opened | undefined> {
  try {
    return yield* wait(tickets.open(ticket), 'session')
  } catch (error) {
    if (error instanceof TlsError) throw error
    return undefined
  }
}
function* store(sessions: Sessions, session: Session): Task<void> {
  try {
    yield* wait(sessions.put(hex(session.id), session), 'session')
  } catch (error) {
    if (error instanceof TlsError) throw error
  }
}

function* choose(peer: Peer, hello: ClientHello): Task<Choice12> {
  const { signatureAlgorithms, certificateAuthorities } = hello.extensions
  const offered = yield* identities(peer, TLS12, knownSchemes(signatureAlgorithms), certificateAuthorities)
  return chooseSuite12(peer.config, hello, offered)
}

function* sendTicket(peer: Peer, session: Session): Task<void> {
  const ticket = yield* sealed(peer.config, session)
  // RFC 5077 3.3: having announced a ticket the server must send one; an empty one says that there is none
  peer.send('newSessionTicket12', {
    ticketLifetimeHint: ticket ? lifetimeOf(peer.config, TLS12) : 0,
    ticket: ticket ?? NONE,
  })
}

/** The client's certificate, and the key that its CertificateVerify must be signed with. */
function* clientCertificate(peer: Peer): Task<PublicKey | undefined> {
  const message = yield* peer.receive('certificate12')
  if (message.body.length === 0) {
    // RFC 5246 7.4.6: certificate_required is for TLS 1.3 only
    if (peer.config.clientAuth === 'require')
      throw new TlsError('handshake_failure', 'PEER_DID_NOT_RETURN_A_CERTIFICATE', 'the client has no certificate')
    peer.accept(message)
    return undefined
  }
  const key = yield* judge(peer, message.body, 'digitalSignature')
  peer.accept(message)
  return key
}

function* checkProof12(peer: Peer, key: PublicKey): Task<void> {
  const proof = yield* peer.receive('certificateVerify')
  const scheme = signedWith(peer, proof.body.algorithm, key)
  const good = yield* wait(key.verify(scheme.algorithm, peer.transcript.whole(), proof.body.signature))
  if (!good) throw new TlsError('decrypt_error', 'BAD_SIGNATURE', "the client's CertificateVerify")
  peer.facts.peerScheme = scheme
  peer.accept(proof)
}

/**
 * The premaster secret of static RSA. Whatever is wrong with what came, something of the right length comes back, and the
 * Finished fails later: a client that sends many must not learn which of them had good padding (RFC 5246 section 7.4.7.1).
 */
function* decipher(peer: Peer, identity: Identity, hello: ClientHello, encrypted: Uint8Array): Task<Uint8Array> {
  const { decrypt } = identity.key
  if (!decrypt) throw illegal('WRONG_CERTIFICATE_TYPE', 'the key of our certificate cannot decrypt')
  const premaster = (yield* wait(decrypt.call(identity.key, encrypted, PREMASTER), 'privateKey')).slice()
  const substitute = peer.provider.random(PREMASTER)
  const wrong =
    ((premaster[0] as number) ^ (hello.legacyVersion >> 8)) | ((premaster[1] as number) ^ (hello.legacyVersion & 255))
  // all ones when the version is wrong, else zero, without a branch on it
  const mask = ((wrong | -wrong) >> 31) & 255
  for (let i = 0; i < PREMASTER; i++)
    premaster[i] = ((premaster[i] as number) & ~mask) | ((substitute[i] as number) & mask)
  return premaster
}
