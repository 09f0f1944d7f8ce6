import { NONE } from '../bytes/compare.ts'
import { TLS13 } from '../config.ts'
import type { Suite } from '../crypto/suites.ts'
import { illegal, TlsError } from '../errors.ts'
import type { Facts } from '../facts.ts'
import type { Body, Message } from '../messages/table.ts'
import { type Session, WEEK } from '../session/session.ts'
import type { Task } from '../task.ts'
import { answerRequest, checkFinished, checkProof, judge, unadorned } from './authenticate.ts'
import type { Peer, Request } from './peer.ts'
import { keepForNext, lifetimeOf, remember, sealed } from './resume.ts'
import { finished, ticketSecret, updated } from './schedule13.ts'
import type { Transcript } from './transcript.ts'

/** What outlives the handshake. */
export interface After {
  /** The traffic secrets of both directions. */
  readonly reading: Uint8Array
  readonly writing: Uint8Array
  readonly resumption: Uint8Array
  /** Client: whether it offered to authenticate later. */
  readonly postHandshakeAuth: boolean
  /** Server: whether the client can make anything of tickets. */
  readonly tickets: boolean
}

/** A CertificateRequest that has not been answered, and whether an empty answer will do. */
interface Demand {
  readonly request: Uint8Array
  readonly require: boolean
}

const NONCE = 8

/** The open connection of TLS 1.3: tickets, key updates, authentication on demand (RFC 9846 section 4.6). */
export function* afterwards(peer: Peer, suite: Suite, after: After): Task<void> {
  const { carrier, provider, facts, config } = peer
  const client = facts.role === 'client'
  const handshake = peer.transcript
  let { reading, writing } = after
  let tickets = 0
  const contexts = new Map<string, Demand>()
  /** We asked for an update and have not seen it. */
  let awaiting = false
  /** Where our last answer to such a wish stands in the output. */
  let answered = -1

  function* updateWriting(asks: boolean): Task<void> {
    if (peer.closing) return
    // RFC 9846 4.6.3: not again before it was answered
    const requestUpdate = asks && !awaiting
    awaiting ||= asks
    const secret = yield* updated(provider, suite, writing)
    const keys = yield* carrier.keys('data', suite, secret)
    peer.tell('keyUpdate', requestUpdate) // from here to the next line nothing waits
    carrier.writeWith(keys)
    writing = secret
  }

  function* sendTicket(): Task<void> {
    if (!config.tickets || !after.tickets || peer.closing) return
    const ticketNonce = new Uint8Array(NONCE)
    new DataView(ticketNonce.buffer).setUint32(NONCE - 4, tickets++)
    const ticketAgeAdd = new DataView(provider.random(4).slice().buffer).getUint32(0)
    const lifetime = lifetimeOf(config)
    const secret = yield* ticketSecret(provider, suite, after.resumption, ticketNonce)
    const session: Session = {
      ...remember(peer),
      version: TLS13,
      suite: suite.id,
      secret,
      id: NONE,
      ticket: NONE,
      ticketAgeAdd,
      lifetime,
      earlyData: config.earlyData,
    }
    const ticket = yield* sealed(config, session)
    if (!ticket) return
    peer.tell('newSessionTicket', {
      ticketLifetime: lifetime,
      ticketAgeAdd,
      ticketNonce,
      ticket,
      extensions: config.earlyData > 0 ? { earlyData: config.earlyData } : {},
    })
    facts.session = session
    config.onSession?.(session)
  }

  function* demandCertificate(require: boolean): Task<void> {
    const context = provider.random(16).slice()
    const raw = peer.build('certificateRequest', {
      certificateRequestContext: context,
      extensions: requestExtensions(peer),
    })
    contexts.set(context.join(), { request: raw, require })
    carrier.write(raw)
    facts.authentication = 'asked'
  }

  peer.serve = function* (request: Request): Task<void> {
    if (request.kind === 'keyUpdate') yield* updateWriting(request.requestUpdate)
    else if (request.kind === 'ticket') yield* sendTicket()
    else yield* demandCertificate(request.require ?? config.clientAuth === 'require')
  }
  if (!client) {
    const count = facts.resumed || facts.psk ? Math.min(1, config.ticketCount) : config.ticketCount
    for (let i = 0; i < count; i++) yield* sendTicket()
  }

  for (;;) {
    const due = client
      ? after.postHandshakeAuth
        ? (['newSessionTicket', 'keyUpdate', 'certificateRequest'] as const)
        : (['newSessionTicket', 'keyUpdate'] as const)
      : facts.postHandshakeAuth
        ? (['keyUpdate', 'certificate'] as const)
        : (['keyUpdate'] as const)
    const message: Message<'newSessionTicket' | 'keyUpdate' | 'certificateRequest' | 'certificate'> =
      yield* peer.receive(...due)
    switch (message.name) {
      case 'newSessionTicket':
        yield* keepTicket(peer, suite, after.resumption, message.body)
        break
      case 'keyUpdate':
        reading = yield* updated(provider, suite, reading)
        carrier.readWith(yield* carrier.keys('data', suite, reading))
        if (awaiting) peer.expected()
        awaiting = false
        // one answer serves for all wishes that came before it left
        if (message.body && answered <= carrier.left) {
          yield* updateWriting(false)
          answered = carrier.queued
        }
        break
      case 'certificateRequest':
        yield* authenticateLater(peer, suite, writing, handshake, message)
        break
      case 'certificate':
        yield* acceptLater(peer, suite, reading, handshake, contexts, message)
        break
    }
  }
}

function* keepTicket(peer: Peer, suite: Suite, resumption: Uint8Array, ticket: Body<'newSessionTicket'>): Task<void> {
  const { provider } = peer
  const { ticketLifetime, ticketAgeAdd, ticketNonce } = ticket
  // RFC 9846 4.6.1: a lifetime of zero means: throw it away at once
  if (ticketLifetime === 0) return
  const secret = yield* ticketSecret(provider, suite, resumption, ticketNonce)
  const session: Session = {
    ...remember(peer),
    version: TLS13,
    suite: suite.id,
    secret,
    id: NONE,
    ticket: ticket.ticket.slice(),
    ticketAgeAdd,
    lifetime: Math.min(ticketLifetime, WEEK),
    earlyData: ticket.extensions.earlyData ?? 0,
  }
  yield* keepForNext(peer, session)
}

/** What a CertificateRequest asks for. */
export const requestExtensions = ({ config }: Peer): Body<'certificateRequest'>['extensions'] => {
  const schemes = config.clientSchemes ?? config.schemes
  if (!schemes.some(({ tls13 }) => tls13))
    throw new TlsError(
      'internal_error',
      'NO_SUITABLE_SIGNATURE_ALGORITHM',
      'clients are to be asked for certificates, and none of the schemes for them is one of TLS 1.3',
    )
  return {
    signatureAlgorithms: schemes.map((scheme) => scheme.id),
    ...(config.authorities?.length && { certificateAuthorities: config.authorities }),
  }
}

/** Client: answers a CertificateRequest on the open connection (RFC 9846 section 4.6.2). */
function* authenticateLater(
  peer: Peer,
  suite: Suite,
  writing: Uint8Array,
  handshake: Transcript,
  request: Message<'certificateRequest'>,
): Task<void> {
  if (!request.body.extensions.signatureAlgorithms)
    throw new TlsError(
      'missing_extension',
      'MISSING_SIGALGS_EXTENSION',
      'signature_algorithms is missing in CertificateRequest',
    )
  if (request.body.certificateRequestContext.length === 0)
    throw illegal('BAD_EXTENSION', 'a CertificateRequest after the handshake needs a context')
  peer.transcript = handshake.fork()
  peer.accept(request)
  // RFC 9846 4.6.2: the messages follow each other; data must not come between while a key far away signs
  const held: Uint8Array[] = []
  peer.held = held
  yield* answerRequest(peer, request.body)
  const ours = yield* finished(peer.provider, suite, writing, yield* peer.digest())
  peer.facts.ourFinished = ours
  peer.send('finished', ours)
  peer.held = undefined
  for (const raw of held) peer.carrier.write(raw)
  peer.transcript = handshake
}

/** Whom the peer has shown itself to be. */
type Who = { readonly [F in 'peerChain' | 'verified']: Facts[F] | undefined }
const whoIs = ({ peerChain, verified }: Facts): Who => ({ peerChain, verified })
const isNow = (facts: Facts, { peerChain, verified }: Who): void => {
  delete facts.peerChain
  delete facts.verified
  Object.assign(facts, peerChain && { peerChain }, verified && { verified })
}

/** Server: takes the certificate that it asked for on the open connection. */
function* acceptLater(
  peer: Peer,
  suite: Suite,
  reading: Uint8Array,
  handshake: Transcript,
  contexts: Map<string, Demand>,
  message: Message<'certificate'>,
): Task<void> {
  const { facts, provider } = peer
  const context = message.body.certificateRequestContext.join()
  const demand = contexts.get(context)
  if (!demand) throw illegal('BAD_EXTENSION', 'a certificate with a context that we did not ask with')
  contexts.delete(context)
  peer.transcript = handshake.fork()
  peer.transcript.add(demand.request)
  const chain = unadorned(message.body.certificateList)
  peer.undivided = true
  let claimed: Who | undefined
  if (chain.length === 0) {
    if (demand.require)
      throw new TlsError('certificate_required', 'PEER_DID_NOT_RETURN_A_CERTIFICATE', 'the client has no certificate')
    peer.accept(message)
  } else {
    const before = whoIs(facts)
    const key = yield* judge(peer, chain, 'digitalSignature')
    // before it is proven nobody may take the client for whom it says it is, nor give it a ticket as that
    claimed = whoIs(facts)
    isNow(facts, before)
    peer.accept(message)
    const proof = yield* peer.receive('certificateVerify')
    yield* checkProof(peer, key, proof.body)
    peer.accept(proof)
  }
  const done = yield* peer.receive('finished')
  peer.undivided = false
  const expected = yield* finished(provider, suite, reading, yield* peer.digest())
  checkFinished(peer, done.body, expected)
  if (claimed) isNow(facts, claimed)
  peer.transcript = handshake
  if (contexts.size === 0 && facts.authentication === 'asked') delete facts.authentication
}
