import { Reader } from '../bytes/reader.ts'
import { TLS13 } from '../config.ts'
import type { Suite } from '../crypto/suites.ts'
import { illegal, TlsError } from '../errors.ts'
import type { Unknown } from '../extensions/registry.ts'
import type { Facts } from '../facts.ts'
import type { Body, Message } from '../messages/table.ts'
import { WEEK } from '../session/session.ts'
import type { Task } from '../task.ts'
import { answerRequest, checkFinished, checkProof, judge, unadorned } from './authenticate.ts'
import { greaseExtension } from './grease.ts'
import type { Peer, Request, Servant } from './peer.ts'
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

/**
 * The open connection of TLS 1.3: tickets, key updates, authentication on demand (RFC 9846 section 4.6). A class, since
 * generators made anew for each connection outlive it until the heap is swept as a whole.
 */
class Open13 implements Servant {
  readonly #peer: Peer
  readonly #suite: Suite
  readonly #resumption: Uint8Array
  /** Client: it offered to authenticate later. Server: the client did. */
  readonly #authenticates: boolean
  /** Server: the client can make something of tickets. */
  readonly #wantsTickets: boolean
  /** Of the handshake, for what is signed later. */
  readonly #transcript: Transcript
  #reading: Uint8Array
  #writing: Uint8Array
  #tickets = 0
  #contexts: Map<string, Demand> | undefined
  /** Client: how many tickets came. */
  #kept = 0
  /** We asked for an update and have not seen it. */
  #awaiting = false
  /** Where our last answer to such a wish stands in the output. */
  #answered = -1

  constructor(peer: Peer, suite: Suite, after: After) {
    const { facts } = peer
    this.#peer = peer
    this.#suite = suite
    this.#resumption = after.resumption
    this.#authenticates = facts.role === 'client' ? after.postHandshakeAuth : facts.postHandshakeAuth === true
    this.#wantsTickets = after.tickets
    this.#transcript = peer.transcript
    if (!this.#authenticates) peer.transcript.end()
    this.#reading = after.reading
    this.#writing = after.writing
    peer.servant = this
  }

  *run(): Task<void> {
    const { facts, config } = this.#peer
    if (facts.role === 'server') {
      const count = facts.resumed || facts.psk ? Math.min(1, config.ticketCount) : config.ticketCount
      for (let i = 0; i < count; i++) yield* this.#sendTicket()
    }
    const due: readonly Due[] = dues[facts.role][this.#authenticates ? 'authenticates' : 'does not']
    for (;;) yield* this.#take(yield* this.#peer.receive(...due))
  }

  *#take(message: Message<Due>): Task<void> {
    const peer = this.#peer
    const { carrier, provider } = peer
    switch (message.name) {
      case 'newSessionTicket':
        if (this.#kept++ < peer.config.limits.tickets)
          yield* keepTicket(peer, this.#suite, this.#resumption, message.body)
        return
      case 'keyUpdate':
        this.#reading = yield* updated(provider, this.#suite, this.#reading)
        carrier.readWith(yield* carrier.keys('data', this.#suite, this.#reading))
        if (this.#awaiting) peer.expected()
        this.#awaiting = false
        // one answer serves for all wishes that came before it left
        if (message.body && this.#answered <= carrier.left) {
          peer.answers()
          yield* this.#updateWriting(false)
          this.#answered = carrier.queued
        }
        return
      case 'certificateRequest':
        return yield* authenticateLater(peer, this.#suite, this.#writing, this.#transcript, message)
      case 'certificate':
        yield* acceptLater(peer, this.#suite, this.#reading, this.#transcript, this.#contexts ?? new Map(), message)
        // tickets from here on say who the client is
        for (let i = 0; i < peer.config.ticketCount; i++) yield* this.#sendTicket()
        return
    }
  }

  *serve(request: Request): Task<void> {
    if (request.kind === 'keyUpdate') yield* this.#updateWriting(request.requestUpdate)
    else if (request.kind === 'ticket') yield* this.#sendTicket()
    else this.#demandCertificate(request.require ?? this.#peer.config.clientAuth === 'require')
  }

  *#updateWriting(asks: boolean): Task<void> {
    const peer = this.#peer
    if (peer.closing) return
    // RFC 9846 4.6.3: not again before it was answered
    const requestUpdate = asks && !this.#awaiting
    this.#awaiting ||= asks
    const secret = yield* updated(peer.provider, this.#suite, this.#writing)
    const keys = yield* peer.carrier.keys('data', this.#suite, secret)
    peer.tell('keyUpdate', requestUpdate) // from here to the next line nothing waits
    peer.carrier.writeWith(keys)
    this.#writing = secret
  }

  *#sendTicket(): Task<void> {
    const peer = this.#peer
    const { config, facts, provider } = peer
    if (!config.tickets || !this.#wantsTickets || peer.closing) return
    const count = this.#tickets++
    const ticketNonce = Uint8Array.of(0, 0, 0, 0, count >>> 24, count >>> 16, count >>> 8, count)
    const ticketAgeAdd = new Reader(provider.random(4)).number(4, 'ticket_age_add')
    const lifetime = lifetimeOf(config, TLS13)
    const secret = yield* ticketSecret(provider, this.#suite, this.#resumption, ticketNonce)
    const session = remember(peer, {
      version: TLS13,
      suite: this.#suite,
      secret,
      ticketAgeAdd,
      lifetime,
      earlyData: config.earlyData,
    })
    const ticket = yield* sealed(config, session)
    if (!ticket) return
    const extensions: { earlyData?: number; unknown?: readonly Unknown[] } = {}
    if (config.earlyData > 0) extensions.earlyData = config.earlyData
    if (config.grease) extensions.unknown = greaseExtension(provider).unknown
    peer.tell('newSessionTicket', { ticketLifetime: lifetime, ticketAgeAdd, ticketNonce, ticket, extensions })
    facts.session = session
    config.onSession?.(session)
  }

  #demandCertificate(require: boolean): void {
    const peer = this.#peer
    const context = peer.provider.random(16).slice()
    const raw = peer.build('certificateRequest', {
      certificateRequestContext: context,
      extensions: requestExtensions(peer),
    })
    this.#contexts ??= new Map()
    this.#contexts.set(context.join(), { request: raw, require })
    peer.carrier.write(raw)
    peer.facts.authentication = 'asked'
  }
}

type Due = 'newSessionTicket' | 'keyUpdate' | 'certificateRequest' | 'certificate'
const dues = {
  client: {
    authenticates: ['newSessionTicket', 'keyUpdate', 'certificateRequest'],
    'does not': ['newSessionTicket', 'keyUpdate'],
  },
  server: { authenticates: ['keyUpdate', 'certificate'], 'does not': ['keyUpdate'] },
} as const satisfies Readonly<Record<'client' | 'server', Readonly<Record<string, readonly Due[]>>>>

export const afterwards = (peer: Peer, suite: Suite, after: After): Task<void> => new Open13(peer, suite, after).run()

function* keepTicket(peer: Peer, suite: Suite, resumption: Uint8Array, ticket: Body<'newSessionTicket'>): Task<void> {
  const { provider } = peer
  const { ticketLifetime, ticketAgeAdd, ticketNonce } = ticket
  // RFC 9846 4.6.1: a lifetime of zero means: throw it away at once
  if (ticketLifetime === 0) return
  const secret = yield* ticketSecret(provider, suite, resumption, ticketNonce)
  const session = remember(peer, {
    version: TLS13,
    suite,
    secret,
    ticket: ticket.ticket.slice(),
    ticketAgeAdd,
    lifetime: Math.min(ticketLifetime, WEEK),
    earlyData: ticket.extensions.earlyData ?? 0,
  })
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
