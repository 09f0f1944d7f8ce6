import { equal, NONE } from '../bytes/compare.ts'
import { type Config, TLS12, TLS13, type Version } from '../config.ts'
import { groupById, type NamedGroup } from '../crypto/groups.ts'
import type { Exchange } from '../crypto/provider.ts'
import { hashLength } from '../crypto/provider.ts'
import { FALLBACK_SCSV, RENEGOTIATION_SCSV, type Suite, suiteById } from '../crypto/suites.ts'
import { illegal, TlsError } from '../errors.ts'
import { offers, solicited } from '../extensions/block.ts'
import type { Extensions } from '../extensions/registry.ts'
import { PSK_DHE_KE } from '../extensions/tls13.ts'
import type { ClientHello, ServerHello } from '../messages/hello.ts'
import type { Session } from '../session/session.ts'
import { asked, type Task, wait } from '../task.ts'
import { start } from './agree.ts'
import { reverify } from './authenticate.ts'
import { bindingOf } from './binding.ts'
import { DOWNGRADE_TO_11, DOWNGRADE_TO_12, usable } from './choose.ts'
import { client12 } from './client12.ts'
import { client13 } from './client13.ts'
import { offered } from './custom.ts'
import { hurry, mayHurry, refuseEarly } from './early.ts'
import { greased } from './grease.ts'
import type { Peer } from './peer.ts'
import { bindersLength, keptFrom, keyAgreed, keyOf, mayOffer, type SharedKey } from './resume.ts'
import { EarlyStage, finished } from './schedule13.ts'

/** What the client has offered: what the answer is held against. */
export interface Offer {
  readonly hello: ClientHello
  readonly exchanges: Map<number, Exchange>
  /** The session of TLS 1.2 that may be resumed. */
  readonly session?: Session
  /** The pre-shared keys of TLS 1.3, in order, each with the early stage that it began. */
  readonly keys: readonly { readonly key: SharedKey; readonly early: EarlyStage }[]
}

/** The client up to the fork between versions (RFC 9846 section 4.1). */
export function* client(peer: Peer): Task<Task<void>> {
  const { config, facts, provider } = peer
  if (config.versions.length === 0)
    throw new TlsError('protocol_version', 'NO_PROTOCOLS_AVAILABLE', 'no version is enabled')
  const { versions, suites } = usable(config, 'client')
  if (suites.length === 0)
    throw new TlsError(
      'handshake_failure',
      'NO_CIPHERS_AVAILABLE',
      'no cipher suite is enabled for the versions that are',
    )
  const tls13 = versions.includes(TLS13)

  if (config.session || config.sessionCache || config.onSession) peer.binding = yield* bindingOf(peer)
  const kept = config.session ?? (yield* keptFrom(peer))
  const session = kept && mayOffer(config, kept, peer.binding) ? kept : undefined
  const random = provider.random(32)
  facts.clientRandom = random
  if (config.serverName !== undefined) facts.serverName = config.serverName
  // RFC 5077 3.4: a ticket of TLS 1.2 goes with an id of our making, by which the server says that it took it
  const disguise = (tls13 && config.middlebox) || (session?.version === TLS12 && session.ticket.length > 0)
  const legacySessionId =
    session?.version === TLS12 && session.id.length > 0 ? session.id : disguise ? provider.random(32) : NONE

  const exchanges = new Map<number, Exchange>()
  for (const group of tls13 ? sharesFor(config) : []) yield* start(peer, group.id, exchanges)

  const cipherSuites = suites.map((suite) => suite.id)
  if (config.renegotiationSuite && versions.includes(TLS12)) cipherSuites.push(RENEGOTIATION_SCSV)
  if (config.fallback) cipherSuites.push(FALLBACK_SCSV)
  const groups = config.groups.filter((group) => (tls13 && group.tls13) || (versions.includes(TLS12) && group.tls12))
  const named: Named = { signatureAlgorithms: config.schemes.map((scheme) => scheme.id) }
  if (groups.length > 0) named.supportedGroups = groups.map((group) => group.id)
  if (config.tickets && versions.includes(TLS12))
    named.sessionTicket = session?.version === TLS12 ? session.ticket : NONE
  if (tls13) {
    named.supportedVersions = versions
    named.keyShare = shares(exchanges)
    named.pskKeyExchangeModes = [PSK_DHE_KE]
    if (config.authorities?.length) named.certificateAuthorities = config.authorities
    if (config.postHandshakeAuth) named.postHandshakeAuth = true
  }
  const extensions: Named = offers(peer.negotiation(versions[0] as Version), named)
  const more = offered(config, versions[0] as Version)
  if (more.length > 0) extensions.unknown = more
  const keys = tls13 ? yield* sharedKeys(peer, session) : []
  const terms = keys[0] && mayHurry(config, keys[0])
  if (terms) yield* reverify(peer, session)
  if (terms) extensions.earlyData = true
  const plain: ClientHello = {
    legacyVersion: TLS12,
    random,
    legacySessionId,
    cipherSuites,
    legacyCompressionMethods: Uint8Array.of(0),
    extensions,
  }
  let offer = yield* sendHello(peer, config.grease ? greased(provider, plain) : plain, exchanges, keys)
  if (session?.version === TLS12) offer = { ...offer, session }
  const [first] = offer.keys
  if (terms && first) yield* hurry(peer, first.early, first.key, terms)

  let message = yield* peer.receive('serverHello')
  let answer = message.body
  let suite = checkAnswer(peer, offer, answer)
  if (answer.kind === 'helloRetryRequest') {
    facts.retried = true
    refuseEarly(peer)
    const again = yield* retry(peer, offer, answer)
    yield* wait(peer.transcript.retry(suite.hash))
    peer.accept(message)
    if (config.middlebox && !terms) peer.carrier.changeCipherSpec()
    // RFC 9846 4.1.4: keys that do not go with the suite are not offered again
    offer = yield* sendHello(
      peer,
      again,
      exchanges,
      keys.filter((key) => key.hash === suite.hash),
    )
    message = yield* peer.receive('serverHello')
    answer = message.body
    const before = suite
    if (answer.kind === 'helloRetryRequest')
      throw new TlsError('unexpected_message', 'UNEXPECTED_MESSAGE', 'a second HelloRetryRequest')
    suite = checkAnswer(peer, offer, answer)
    if (suite !== before || answer.kind !== 'serverHello')
      throw illegal('WRONG_CIPHER_RETURNED', 'the ServerHello does not keep to the HelloRetryRequest')
  }
  facts.suite = suite
  facts.serverRandom = answer.random
  peer.transcript.begin(suite.hash, answer.kind === 'serverHello12')
  peer.accept(message)
  if (answer.kind === 'serverHello') return yield* client13(peer, offer, answer, suite)
  // RFC 9846 appendix E.3: a server that never heard of early data cannot have given a ticket for it
  if (terms && answer.kind === 'serverHello12')
    throw new TlsError('protocol_version', 'UNSUPPORTED_PROTOCOL', 'early data was sent, and the server speaks TLS 1.2')
  return yield* client12(peer, offer, answer, suite)
}

// as they grow: copies of objects with other fields have shapes of their own, which outlive every young collection
type Named = { -readonly [N in keyof Extensions<'clientHello'>]: Extensions<'clientHello'>[N] }

/** The groups to make shares for: so many of the first, or those that are named. */
const sharesFor = ({ groups, keyShares }: Config): readonly NamedGroup[] => {
  const able = groups.filter((row) => row.tls13)
  return typeof keyShares === 'number' ? able.slice(0, keyShares) : able.filter((row) => keyShares.includes(row))
}

const shares = (exchanges: ReadonlyMap<number, Exchange>) =>
  [...exchanges].map(([group, { share }]) => ({ group, keyExchange: share }))

/** The pre-shared keys to offer: of the session, and the one agreed elsewhere. */
function* sharedKeys(peer: Peer, session: Session | undefined): Task<SharedKey[]> {
  const { config } = peer
  const { psk: hook } = config
  const known = session?.version === TLS13 ? keyOf(session) : undefined
  const keys = known ? [known] : []
  const psk = hook && (yield* asked(() => hook(undefined), 'session'))
  if (psk) keys.push(...[psk].flat().map(keyAgreed))
  return keys.filter(({ hash }) => config.suites.some((suite) => suite.version === TLS13 && suite.hash === hash))
}

/** Sends the hello; with pre-shared keys it ends with their names and the proof that we have them. */
function* sendHello(
  peer: Peer,
  hello: ClientHello,
  exchanges: Map<number, Exchange>,
  keys: readonly SharedKey[],
): Task<Offer> {
  const { config, provider } = peer
  if (keys.length === 0) {
    peer.send('clientHello', hello)
    return { hello, exchanges, keys: [] }
  }
  const identities = keys.map(({ identity, session }) => {
    const age = session ? Math.max(0, config.now() - session.created) + session.ticketAgeAdd : 0
    return { identity, obfuscatedTicketAge: age % 2 ** 32 }
  })
  const withBinders = (binders: readonly Uint8Array[]): ClientHello => {
    const extensions: Named = {}
    const before = hello.extensions as Readonly<Record<string, unknown>>
    for (const name in before) (extensions as Record<string, unknown>)[name] = before[name]
    extensions.preSharedKey = { identities, binders }
    const { legacyVersion, random, legacySessionId, cipherSuites, legacyCompressionMethods } = hello
    return { legacyVersion, random, legacySessionId, cipherSuites, legacyCompressionMethods, extensions }
  }
  // RFC 9846 4.2.11.2: the binders cover the hello up to their list
  const blank = keys.map((key) => new Uint8Array(hashLength[key.hash]))
  const draft = peer.draft('clientHello', withBinders(blank))
  const covered = draft.subarray(0, draft.length - bindersLength(blank))
  const stages: { readonly key: SharedKey; readonly early: EarlyStage }[] = []
  const binders: Uint8Array[] = []
  for (const key of keys) {
    const early = yield* EarlyStage.begin(provider, key, key.secret)
    const transcript = yield* wait(peer.transcript.digestWith(key.hash, covered))
    binders.push(yield* finished(provider, key, yield* early.binderKey(key.origin), transcript))
    stages.push({ key, early })
  }
  const whole = withBinders(binders)
  peer.send('clientHello', whole)
  return { hello: whole, exchanges, keys: stages }
}

/** What holds for every ServerHello and HelloRetryRequest, whatever the version. Gives the suite. */
const checkAnswer = (peer: Peer, { hello }: Offer, answer: ServerHello): Suite => {
  const { config, facts, carrier } = peer
  const version = answer.kind === 'serverHello12' ? answer.legacyVersion : answer.extensions.supportedVersions
  if (version === undefined) throw new TlsError('missing_extension', 'BAD_EXTENSION', 'supported_versions is missing')
  if (answer.kind !== 'serverHello12') {
    if (!hello.extensions.supportedVersions)
      throw new TlsError('unsupported_extension', 'UNSOLICITED_EXTENSION', 'supported_versions was not offered')
    if (version !== TLS13)
      throw illegal('BAD_EXTENSION', `the server chose version 0x${version.toString(16)} by supported_versions`)
    if (answer.legacyVersion !== TLS12)
      throw new TlsError(
        'protocol_version',
        'WRONG_SSL_VERSION',
        `legacy_version is 0x${answer.legacyVersion.toString(16)}`,
      )
    // RFC 9846 4.1.3: MUST echo
    if (!equal(answer.legacySessionIdEcho, hello.legacySessionId))
      throw illegal('INVALID_SESSION_ID', 'the session id is not the one we sent')
    // a cookie is the one thing that may come unasked (RFC 9846 section 4.2.2)
    const beside = answer.kind === 'helloRetryRequest' ? 'cookie' : undefined
    solicited(hello.extensions, answer.extensions, answer.kind, beside)
  }
  if (!config.versions.includes(version as Version))
    throw new TlsError('protocol_version', 'UNSUPPORTED_PROTOCOL', `the server chose version 0x${version.toString(16)}`)
  if (answer.legacyCompressionMethod !== 0)
    throw illegal('UNSUPPORTED_COMPRESSION_ALGORITHM', `compression method ${answer.legacyCompressionMethod}`)
  const suite = suiteById(answer.cipherSuite)
  if (!suite || !hello.cipherSuites.includes(suite.id) || suite.version !== version) {
    throw illegal(
      'WRONG_CIPHER_RETURNED',
      `suite 0x${answer.cipherSuite.toString(16)} was not offered for this version`,
    )
  }
  if (answer.kind === 'serverHello12' && hello.extensions.supportedVersions?.includes(TLS13)) {
    const end = answer.random.subarray(24)
    if (equal(end, DOWNGRADE_TO_12) || equal(end, DOWNGRADE_TO_11))
      throw illegal('INAPPROPRIATE_FALLBACK', 'the server says that somebody made us speak a lower version')
  }
  facts.version = version as Version
  carrier.agreed(facts.version)
  return suite
}

/** The second hello: what the HelloRetryRequest asks for, and nothing else, differs (RFC 9846 section 4.1.2). */
function* retry(
  peer: Peer,
  { hello, exchanges }: Offer,
  answer: ServerHello & { kind: 'helloRetryRequest' },
): Task<ClientHello> {
  const { keyShare: wanted, cookie } = answer.extensions
  const { preSharedKey: _, earlyData: __, ...kept } = hello.extensions
  if (wanted === undefined && cookie === undefined)
    throw illegal('NO_CHANGE_FOLLOWING_HRR', 'the HelloRetryRequest asks for nothing new')
  if (wanted !== undefined) {
    if (!hello.extensions.supportedGroups?.includes(wanted) || exchanges.has(wanted) || !groupById(wanted)?.tls13)
      throw illegal('BAD_KEY_SHARE', `group 0x${wanted.toString(16)} was not offered, or its share was sent already`)
    exchanges.clear()
    yield* start(peer, wanted, exchanges)
    if (!exchanges.has(wanted)) throw illegal('BAD_KEY_SHARE', `group 0x${wanted.toString(16)} cannot be used here`)
  }
  const extensions = { ...kept, ...(wanted !== undefined && { keyShare: shares(exchanges) }) }
  return { ...hello, extensions: cookie === undefined ? extensions : placed(extensions, cookie) }
}

/** With the cookie in its place. */
const placed = (extensions: Extensions<'clientHello'>, cookie: Uint8Array): Extensions<'clientHello'> => {
  const { keyShare, pskKeyExchangeModes, ...before } = extensions
  return { ...before, cookie, ...(pskKeyExchangeModes && { pskKeyExchangeModes }), ...(keyShare && { keyShare }) }
}
