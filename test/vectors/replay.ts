import { concat, NONE } from '../../src/bytes/compare.ts'
import { type Config, defineConfig, type Identity, TLS12, TLS13, type Version } from '../../src/config.ts'
import { Connection } from '../../src/connection.ts'
import { groups as allGroups, groupById } from '../../src/crypto/groups.ts'
import type { PrivateKey, Provider } from '../../src/crypto/provider.ts'
import { type Scheme, schemeById, schemes } from '../../src/crypto/schemes.ts'
import { type Suite, suiteById } from '../../src/crypto/suites.ts'
import { EncryptedPremaster } from '../../src/messages/exchange12.ts'
import { type MessageName, messages } from '../../src/messages/table.ts'
import type { Session } from '../../src/session/session.ts'
import { runAsync } from '../../src/task.ts'
import { decode } from '../../src/wire/codec.ts'
import { parseCertificate } from '../../src/x509/certificate.ts'
import { trustAnyone } from '../../src/x509/path.ts'
import type { CertificateVerifier } from '../../src/x509/verifier.ts'
import { checkSignature, type Digests, Keys, keyOf, timeFor } from './checks.ts'
import {
  ALERT,
  APPLICATION_DATA,
  bodyOf,
  CHANGE_CIPHER_SPEC,
  type Conversation,
  chainOf,
  HANDSHAKE,
  type Role,
  type Said,
  type Step,
} from './conversation.ts'
import { injected, type Known } from './inject.ts'
import { dressed } from './merge.ts'
import { expect, expectBytes, Skip, type Tally } from './tally.ts'

/** What a replay needs beside the conversation itself. */
export interface Around {
  readonly provider: Provider
  readonly digests: Digests
  readonly verifier?: CertificateVerifier
  /** The name that the certificate is checked for. */
  readonly peerName?: string
  /** Our own private key, where signing is not all that it has to do. */
  readonly key?: PrivateKey
}

const RSA_PREMASTER = 48
const WEEK = 604800

/** Everything random that this end drew, and what follows from scalars that are not known. */
const injection = (conversation: Conversation, role: Role, { digests }: Around) => {
  const { said, shares, secrets12, secrets13, version } = conversation
  const own = said.filter(({ from }) => from === role)
  const randoms: Uint8Array[] = []
  const [hello] = own
    .filter(({ name }) => name === (role === 'client' ? 'clientHello' : 'serverHello'))
    .slice(-1)
    .map(bodyOf)
  const id = role === 'client' ? hello.legacySessionId : hello.legacySessionIdEcho
  randoms.push(hello.random, id)
  for (const ticket of own) if (ticket.name === 'newSessionTicket') randoms.push(ticket.raw.subarray(8, 12))
  if (secrets12?.premaster?.length === RSA_PREMASTER) randoms.push(secrets12.premaster)

  const derived: Known[] = []
  const prf: Known[] = []
  const complete = shares[role].every(({ scalar }) => scalar !== undefined)
  if (!complete && version === TLS13 && secrets13 && digests.serverHello && digests.serverFinished) {
    const { handshake, application, exporter } = secrets13
    derived.push({ label: 'c hs traffic', about: digests.serverHello, answer: handshake.client })
    derived.push({ label: 's hs traffic', about: digests.serverHello, answer: handshake.server })
    derived.push({ label: 'c ap traffic', about: digests.serverFinished, answer: application.client })
    derived.push({ label: 's ap traffic', about: digests.serverFinished, answer: application.server })
    if (exporter) derived.push({ label: 'exp master', about: digests.serverFinished, answer: exporter })
  }
  if (!complete && secrets12 && !secrets12.premaster) {
    const { master, client, server, extended } = secrets12
    if (!extended) prf.push({ label: 'master secret', about: concat(client, server), answer: master })
    else if (digests.session) prf.push({ label: 'extended master secret', about: digests.session, answer: master })
  }
  const exchange = said.find(({ name }) => name === 'clientKeyExchange')
  const enciphered =
    role === 'client' && secrets12?.premaster && exchange && conversation.suite.agreement === 'rsa'
      ? { premaster: secrets12.premaster, ciphertext: decode(EncryptedPremaster, exchange.raw.subarray(4)) }
      : undefined
  return { randoms, shares: shares[role], derived, prf, ...(enciphered && { enciphered }) }
}

/** The session that a resumption goes back to. */
const sessionOf = (
  conversation: Conversation,
  hello: Said,
  now: number,
  peerName: string | undefined,
): Session | undefined => {
  const { version, suite, psk, secrets12, resumed } = conversation
  const { extensions, legacySessionId } = bodyOf(hello)
  const secret = version === TLS13 ? psk : secrets12?.master
  if (!resumed || !secret) return undefined
  const identity = extensions.preSharedKey?.identities[0]
  const ticket: Uint8Array = version === TLS13 ? (identity?.identity ?? NONE) : (extensions.sessionTicket ?? NONE)
  return {
    version,
    suite: suite.id,
    secret,
    id: version === TLS12 && ticket.length === 0 ? legacySessionId : NONE,
    ticket,
    // as old as it says, made just now
    ticketAgeAdd: identity?.obfuscatedTicketAge ?? 0,
    lifetime: WEEK,
    created: now,
    serverName: extensions.serverName,
    peerName,
    alpn: undefined,
    extendedMasterSecret: secrets12?.extended ?? false,
    encryptThenMac: secrets12?.encryptThenMac ?? false,
    chain: [],
    verifyCode: 0,
    context: NONE,
    binding: NONE,
    region: '',
    earlyData: 0,
    maxFragmentLength: 0,
    recordLimit: 0,
    trustedUntil: 2 ** 48 - 1,
    group: 0,
    peerScheme: 0,
    ocsp: NONE,
    scts: NONE,
    appData: NONE,
  }
}

/** Our identity in this conversation: its key signs what the other signed, after a look whether that is the same. */
const identityOf = async (
  conversation: Conversation,
  role: Role,
  { provider, key }: Around,
): Promise<{ identity?: Identity; scheme?: Scheme }> => {
  const chain = chainOf(conversation, role)
  const [leaf] = chain
  if (!leaf) return {}
  const proof = conversation.said.find(
    ({ from, name }) => from === role && (name === 'certificateVerify' || name === 'serverKeyExchange'),
  )
  const said = proof && bodyOf(proof)
  const status = conversation.said.find(({ from, name }) => from === role && name === 'certificateStatus')
  const shown = conversation.said.find(({ from, name }) => from === role && name === 'certificate')
  const beside = shown && bodyOf(shown).certificateList[0]?.extensions
  const ocsp = status ? bodyOf(status) : beside?.statusRequest
  const { facts } = await keyOf(provider, leaf)
  const signing: PrivateKey = {
    facts,
    spki: parseCertificate(leaf).spki,
    async sign(_, message) {
      if (!said) throw new Error('our end signs where the other did not')
      await checkSignature(conversation, role, provider, said.algorithm, message, said.signature)
      return said.signature
    },
  }
  const identity: Identity = {
    chain,
    key: said || !key ? signing : key,
    ...(ocsp && { ocsp }),
    ...(beside?.signedCertificateTimestamp && { scts: beside.signedCertificateTimestamp }),
  }
  const scheme = said && schemeById(said.algorithm)
  return { identity, ...(scheme && { scheme }) }
}

const lengths = [512, 1024, 2048, 4096] as const
const known = <T>(values: readonly number[] | undefined, find: (id: number) => T | undefined): readonly T[] =>
  (values ?? []).flatMap((id) => find(id) ?? [])

/** A config under which our end has to act as the other did. */
const configOf = async (conversation: Conversation, role: Role, around: Around, kept: Kept): Promise<Config> => {
  const { said, steps, version, suite } = conversation
  const client = role === 'client'
  const own = said.filter(({ from }) => from === role)
  const hellos = said.filter(({ name }) => name === 'clientHello')
  const [firstHello] = hellos
  const answers = said.filter(({ name }) => name === 'serverHello').map(bodyOf)
  const answer = answers.at(-1)
  if (!firstHello || !answer) throw new Skip('there is no ClientHello or no ServerHello')
  const hello = bodyOf(firstHello)
  const offered = hello.extensions
  const encrypted = said.find(({ name }) => name === 'encryptedExtensions')
  const answered = { ...answer.extensions, ...(encrypted && bodyOf(encrypted).extensions) }
  const mine = client ? offered : answered

  const { identity, scheme } = await identityOf(conversation, role, around)
  const [leaf] = chainOf(conversation, client ? 'server' : 'client')
  const now = leaf ? timeFor(leaf) : Date.UTC(2026, 0)
  const session = sessionOf(conversation, firstHello, now, client ? around.peerName : undefined)
  if (client && offered.preSharedKey && !session)
    throw new Skip('the pre-shared key that the client offers is not told')
  const shared: readonly number[] = (offered.keyShare ?? []).map((entry: { group: number }) => entry.group)
  const chosen = allGroups.find(({ name }) => name === conversation.shares.server.at(-1)?.group)
  const wished = known(
    [...shared, ...(offered.supportedGroups ?? []).filter((id: number) => !shared.includes(id))],
    groupById,
  )

  const tickets = own.filter(({ name }) => name === 'newSessionTicket' || name === 'newSessionTicket12').map(bodyOf)
  const sealed = tickets.map(({ ticket }) => ticket as Uint8Array)
  const byTicket = (offered.sessionTicket?.length ?? 0) > 0 || offered.preSharedKey !== undefined
  const demand = said.some(({ from, type }) => from === 'server' && type === messages.certificateRequest.type)
  const queues = new Map<string, Said[]>()
  for (const message of own) if (message.name) queues.set(message.name, [...(queues.get(message.name) ?? []), message])

  const ownSteps = steps.filter(
    ({ from, type, sequence }) => from === role && sequence !== undefined && type !== CHANGE_CIPHER_SPEC,
  )
  const overhead =
    version === TLS13 ? Math.min(...ownSteps.map((step) => step.record.length - step.plaintext.length)) : 0
  const paddings = ownSteps.map((step) => step.record.length - step.plaintext.length - overhead)

  return defineConfig({
    provider: injected(around.provider, injection(conversation, role, around)),
    // the recording says nothing of by what its session was verified
    verifier: { ...(around.verifier ?? trustAnyone), policy: () => NONE },
    versions: client
      ? known(offered.supportedVersions ?? [TLS12], (id) => ([TLS13, TLS12] as Version[]).find((known) => known === id))
      : [version],
    suites: client ? known<Suite>(hello.cipherSuites, suiteById) : [suite],
    groups: client ? (wished.length > 0 ? wished : allGroups) : chosen ? [chosen] : allGroups,
    keyShares: known(shared, groupById).length,
    schemes: [...(scheme ? [scheme] : []), ...schemes.filter((each) => each !== scheme)],
    identities: identity ? [identity] : [],
    clientAuth: demand ? (chainOf(conversation, 'client').length > 0 ? 'require' : 'request') : 'none',
    ...(client && offered.serverName !== undefined && { serverName: offered.serverName }),
    ...(client && around.peerName !== undefined && { peerName: around.peerName }),
    ...(mine.alpn && { alpn: mine.alpn }),
    ...(mine.recordSizeLimit !== undefined && { recordSizeLimit: mine.recordSizeLimit }),
    ...(client &&
      lengths[offered.maxFragmentLength - 1] && { maxFragmentLength: lengths[offered.maxFragmentLength - 1] as 512 }),
    ...(client && session && { session }),
    ...((tickets.length > 0 || byTicket || (client && offered.sessionTicket)) && {
      tickets: {
        seal: () => sealed.shift(),
        open: () => session && { session, renew: tickets.length > 0 },
      },
    }),
    ...(!client &&
      answer.legacySessionIdEcho.length > 0 &&
      version === TLS12 && { sessions: { get: () => session, put: () => {}, remove: () => {} } }),
    ticketCount: tickets.length,
    sessionLifetime: tickets[0]?.ticketLifetime ?? tickets[0]?.ticketLifetimeHint ?? WEEK,
    ...(answers[0]?.kind === 'helloRetryRequest' &&
      answers[0].extensions.cookie && { cookie: () => answers[0].extensions.cookie }),
    encryptThenMac: mine.encryptThenMac !== undefined,
    extendedMasterSecret: mine.extendedMasterSecret ? 'offer' : 'off',
    ocsp: client && offered.statusRequest !== undefined,
    scts: client && offered.signedCertificateTimestamp !== undefined,
    postHandshakeAuth: client && offered.postHandshakeAuth !== undefined,
    legacyServer: answered.renegotiationInfo === undefined,
    middlebox: client
      ? hello.legacySessionId.length > 0
      : steps.some(({ from, type }) => from === 'server' && type === CHANGE_CIPHER_SPEC),
    coalesce: steps.some((step) => step.from === role && step.type === HANDSHAKE && holdsSeveral(step)),
    ...(paddings.some((padding) => padding > 0) && version === TLS13 && { padding: () => paddings.shift() ?? 0 }),
    now: () => now,
    onSession: (made) => kept.sessions.push(made),
    rewrite(name, body) {
      const model = queues.get(name)?.[0]
      return model ? dressed(name as MessageName, body, bodyOf(model)) : body
    },
    trace(event) {
      if (event.event === 'message' && event.way === 'out') queues.get(event.name)?.shift()
      if (event.event === 'secret') kept.secrets.set(event.label, event.secret.slice())
    },
  })
}

/** The extensions of the last message of that name; none when there was no such message. */
const extensionsOf = ({ said }: Conversation, name: MessageName): Readonly<Record<string, unknown>> => {
  const message = said.filter((candidate) => candidate.name === name).at(-1)
  return message ? bodyOf(message).extensions : {}
}

/** Skips what is good TLS, but not what our engine does or can be brought to do. */
const checkFeasible = (conversation: Conversation, role: Role): void => {
  const { said, steps, version, shares } = conversation
  if (role === 'client' && extensionsOf(conversation, 'clientHello').earlyData !== undefined)
    throw new Skip('replay: a client that sends early data is not built yet')
  if (version === TLS13 && shares.server.length === 0) throw new Skip('replay: the group is not ours, or there is none')
  const last = said.findLastIndex(({ name }) => name === 'finished')
  if (version === TLS13 && said.slice(last).some(({ name }) => name === 'certificateRequest' || name === 'certificate'))
    throw new Skip('replay: authentication after the handshake')
  const own = steps.filter(({ from, type }) => from === role && type === HANDSHAKE)
  const several = own.some(holdsSeveral)
  // our engine puts either all messages of a flight into one record or each into its own
  const packed = steps.some(
    (step, i) =>
      own.includes(step) && i > 0 && own.includes(steps[i - 1] as Step) && steps[i - 1]?.epoch === step.epoch,
  )
  const split = own.some(({ plaintext }) => plaintext.length < 4 + messageLength(plaintext))
  if (split || (several && packed)) throw new Skip('replay: messages are put into records in a way that is not ours')
}

const holdsSeveral = ({ plaintext }: Step): boolean => plaintext.length > 4 + messageLength(plaintext)

const messageLength = (bytes: Uint8Array): number => ((bytes[1] ?? 0) << 16) | ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0)

/** What an end made on its way. */
export interface Kept {
  /** By NSS label. */
  readonly secrets: Map<string, Uint8Array>
  readonly sessions: Session[]
}

export interface Replayed extends Kept {
  readonly connection: Connection
  /** Whether our end went the whole way. */
  readonly whole: boolean
}

/** The record at the front, once it is whole. */
const firstRecord = (bytes: Uint8Array): Uint8Array | undefined => {
  const length = 5 + (((bytes[3] ?? 0) << 8) | (bytes[4] ?? 0))
  return bytes.length >= 5 && bytes.length >= length ? bytes.subarray(0, length) : undefined
}

/**
 * Puts our end in the place of one side: it is fed the other side's records, and every record it sends is compared with
 * the one that stands there. Where the nonce is the sender's free choice the record is opened, and its content compared.
 */
export const replay = async (
  conversation: Conversation,
  role: Role,
  around: Around,
  tally: Tally,
): Promise<Replayed | undefined> => {
  const { id, steps, suite, version } = conversation
  const name = `${id} our ${role} (${around.provider.name})`
  const kept: Kept = { secrets: new Map(), sessions: [] }
  let connection: Connection | undefined
  const ready = await tally.attempt(name, async () => {
    if (!conversation.ours) throw new Skip(`replay: ${suite.name} is not negotiated by the engine`)
    checkFeasible(conversation, role)
    connection = new Connection(role, await configOf(conversation, role, around, kept))
  })
  if (!ready || !connection) return undefined
  const end = connection
  const keys = new Keys(conversation, around.provider)
  const freeNonce = version === TLS12 && suite.cipher !== 'chacha20-poly1305'
  const takesEarlyData = extensionsOf(conversation, 'encryptedExtensions').earlyData !== undefined
  let out: Uint8Array = NONE
  let taken: Uint8Array = NONE

  const turn = async (): Promise<void> => {
    for (;;) {
      const need = end.advance()
      if (need.kind === 'take') taken = concat(taken, end.take() ?? NONE)
      else if (need.kind === 'wait' && need.on) await need.on.catch(() => {})
      else if (end.settling) await end.settling
      else break
      // what has settled reaches the machine before the event loop turns again
      await new Promise((resolve) => setImmediate(resolve))
    }
    for (let view = end.output.peek(); view.length > 0; view = end.output.peek()) {
      out = concat(out, view)
      end.output.sent(view.length)
    }
  }

  const ours = async (step: Step): Promise<void> => {
    if (step.type === APPLICATION_DATA) end.write(step.plaintext)
    if (step.type === ALERT && !firstRecord(out)) {
      if (step.plaintext[1] !== 0) throw new Skip('replay: an alert other than close_notify is not provoked')
      end.close()
    }
    await turn()
    if (step.type === HANDSHAKE && step.plaintext[0] === messages.keyUpdate.type && !firstRecord(out)) {
      end.ask({ kind: 'keyUpdate', requestUpdate: step.plaintext[4] === 1 })
      await turn()
    }
    const record = firstRecord(out)
    if (!record)
      throw new Error(`nothing is sent where a record of type ${step.type} with ${step.record.length} bytes is due`)
    out = out.subarray(record.length)
    if (!freeNonce || step.sequence === undefined) return expectBytes(record, step.record)
    expectBytes(record.subarray(0, 3), step.record.subarray(0, 3))
    const opened = await (await keys.of(step))?.open(step.sequence, record.slice())
    if (!opened) throw new Error('our record does not open')
    expect(opened.type === step.type, `content type ${opened.type}, ${step.type} is right`)
    expectBytes(opened.data, step.plaintext)
  }

  const theirs = async (step: Step): Promise<void> => {
    end.receive(step.record)
    taken = NONE
    await turn()
    // refused early data is passed over
    if (step.type === APPLICATION_DATA) expectBytes(taken, step.epoch === 'early' ? NONE : step.plaintext)
  }

  let whole = true
  await tally.attempt(name, turn)
  for (const [i, step] of steps.entries()) {
    if (takesEarlyData && step.from === 'server' && step.sequence !== undefined) {
      tally.skip('replay: a server that takes early data is not built yet', steps.length - i)
      return undefined
    }
    const what = step.from === role ? `${name} sends record ${i}` : `${name} takes record ${i}`
    whole = await tally.check(what, () => (step.from === role ? ours(step) : theirs(step)))
    if (!whole) break
  }
  if (whole)
    await tally.check(`${name} sends nothing more`, () =>
      expect(out.length === 0, `${out.length} bytes more than the trace has`),
    )
  return { connection: end, whole, ...kept }
}

/** Keying material that an open connection gives. */
export const exportedBy = async (
  { connection }: Replayed,
  label: string,
  context: Uint8Array | undefined,
  length: number,
): Promise<Uint8Array> => {
  const { exporter } = connection.facts
  if (!exporter) throw new Error('the connection has no exporter')
  return await runAsync(exporter(label, context, length))
}
