import { NONE } from '../../src/bytes/compare.ts'
import { TLS13 } from '../../src/config.ts'
import { groupByName } from '../../src/crypto/groups.ts'
import { hashLength, type Provider } from '../../src/crypto/provider.ts'
import { ciphers, type Suite, suites } from '../../src/crypto/suites.ts'
import { EarlyStage, finished, ticketSecret } from '../../src/handshake/schedule13.ts'
import { Transcript } from '../../src/handshake/transcript.ts'
import { runAsync } from '../../src/task.ts'
import { lateProvider } from '../late.ts'
import { checkMessages, checkRecords, checkTranscript, coveredByBinders, type Digests } from './checks.ts'
import {
  ALERT,
  APPLICATION_DATA,
  CHANGE_CIPHER_SPEC,
  type Conversation,
  HANDSHAKE,
  type Role,
  roles,
  type Said,
  type Share,
  type Step,
  said,
} from './conversation.ts'
import { bytes, type Json, object, objects, required, string } from './json.ts'
import { replay } from './replay.ts'
import { expect, expectBytes, Skip, type Tally } from './tally.ts'
import { tapped } from './tap.ts'

const kinds: Readonly<Record<string, number>> = {
  change_cipher_spec: CHANGE_CIPHER_SPEC,
  alert: ALERT,
  handshake: HANDSHAKE,
  application_data: APPLICATION_DATA,
}

const roleOf = (value: unknown): Role => (value === 'server' ? 'server' : 'client')

const stepOf = (record: Json): Step => ({
  from: roleOf(record.sender),
  record: required(record.record, 'record'),
  type: kinds[string(record.kind) ?? ''] ?? 0,
  plaintext: required(record.plaintext, 'plaintext'),
  epoch: string(record.epoch) ?? '',
  sequence: typeof record.seq === 'number' ? record.seq : undefined,
})

const sharesOf = (list: unknown): readonly Share[] =>
  objects(list).map((entry) => {
    const group = groupByName(string(entry.group) ?? '')
    if (!group) throw new Skip(`group ${entry.group} is not ours`)
    return { group: group.name, share: required(entry.public, 'public'), scalar: required(entry.private, 'private') }
  })

const conversationOf = (trace: Json, suite: Suite): Conversation => {
  const secrets = object(trace.secrets)
  const ephemeral = object(trace.ephemeral)
  const secret = (name: string): Uint8Array => required(secrets[name], name)
  const psk = bytes(trace.psk)
  return {
    id: string(trace.id) ?? 'trace',
    version: TLS13,
    suite,
    ours: true,
    steps: objects(trace.records).map(stepOf),
    said: objects(trace.messages).map((message) =>
      said(roleOf(message.sender), required(message.bytes, 'message'), TLS13, suite),
    ),
    shares: { client: sharesOf(ephemeral.client), server: sharesOf(ephemeral.server) },
    secrets13: {
      early: bytes(secrets.clientEarlyTraffic),
      handshake: { client: secret('clientHandshakeTraffic'), server: secret('serverHandshakeTraffic') },
      application: { client: secret('clientApplicationTraffic'), server: secret('serverApplicationTraffic') },
      exporter: bytes(secrets.exporterMaster),
    },
    psk,
    resumed: psk !== undefined,
  }
}

/** Key agreement: both sides' shares from their scalars, and the secret that either makes of the other's. */
const checkAgreement = async (
  trace: Json,
  conversation: Conversation,
  provider: Provider,
  tally: Tally,
): Promise<void> => {
  const { id, shares } = conversation
  const expected = bytes(trace.sharedSecret)
  const server = shares.server.at(-1)
  for (const role of roles) {
    for (const { group: name, share, scalar } of shares[role]) {
      await tally.check(`${id} ${name} share of the ${role} (${provider.name})`, async () => {
        const group = provider.group(name)
        if (!group) throw new Skip(`${provider.name} has no ${name}`)
        const started = await group.start(scalar)
        expectBytes(started.share, share)
        const peer = role === 'client' ? server : shares.client.find((candidate) => candidate.group === name)
        if (!expected || !peer || peer.group !== name || server?.group !== name) return
        expectBytes(await started.finish(peer.share), expected)
        const answered = await group.answer(peer.share, scalar)
        expectBytes(answered.share, share)
        expectBytes(answered.secret, expected)
      })
    }
  }
}

/** The whole key schedule through our stages; secrets that a stage keeps to itself are caught at the provider. */
const checkSecrets = async (
  trace: Json,
  conversation: Conversation,
  digests: Digests,
  provider: Provider,
  tally: Tally,
): Promise<void> => {
  const { id, suite, psk, said: all } = conversation
  const { serverHello, serverFinished, clientFinished } = digests
  if (!serverHello || !serverFinished || !clientFinished)
    return tally.fail(`${id} secrets`, 'the handshake is not whole')
  const tap = tapped(provider)
  const length = hashLength[suite.hash]
  const early = await runAsync(EarlyStage.begin(tap.provider, suite, psk))
  const binderKey = psk && (await runAsync(early.binderKey('res')))
  const handshake = await runAsync(early.handshake(required(trace.sharedSecret, 'sharedSecret')))
  const traffic = await runAsync(handshake.traffic(serverHello))
  const master = await runAsync(handshake.master())
  const data = await runAsync(master.traffic(serverFinished))
  const resumption = await runAsync(master.resumption(clientFinished))
  const [earlySecret = NONE, handshakeSecret = NONE, masterSecret = NONE] = tap.extracted
  const [derivedEarly = NONE, derivedHandshake = NONE] = tap.expanded.get('derived') ?? []

  const hello = all.find(({ name }) => name === 'clientHello') as Said
  const fromEarly = async (label: string): Promise<Uint8Array> => {
    const hash = provider.hash(suite.hash)
    hash.update(hello.raw)
    return await provider.expandLabel(suite.hash, earlySecret, label, await hash.digest(), length)
  }
  const made: Readonly<Record<string, () => Uint8Array | Promise<Uint8Array>>> = {
    early: () => earlySecret,
    binderKey: () => binderKey ?? NONE,
    clientEarlyTraffic: () => fromEarly('c e traffic'),
    earlyExporterMaster: () => fromEarly('e exp master'),
    derivedEarly: () => derivedEarly,
    handshake: () => handshakeSecret,
    clientHandshakeTraffic: () => traffic.client,
    serverHandshakeTraffic: () => traffic.server,
    derivedHandshake: () => derivedHandshake,
    master: () => masterSecret,
    clientApplicationTraffic: () => data.client,
    serverApplicationTraffic: () => data.server,
    exporterMaster: () => runAsync(master.exporter(serverFinished)),
    resumptionMaster: () => resumption,
  }
  for (const [name, value] of Object.entries(object(trace.secrets))) {
    const make = made[name]
    const expected = bytes(value)
    if (!expected) continue
    if (make) await tally.equal(`${id} secret ${name} (${provider.name})`, expected, make)
    else tally.skip(`a secret "${name}" is not known`)
  }

  const secretOf = { early: fromEarly('c e traffic'), handshake: traffic, application: data }
  for (const [role, epochs] of Object.entries(object(trace.trafficKeys))) {
    for (const [epoch, told] of Object.entries(object(epochs))) {
      await tally.check(`${id} traffic keys ${role} ${epoch} (${provider.name})`, async () => {
        const level = await secretOf[epoch as keyof typeof secretOf]
        if (!level) throw new Skip(`an epoch "${epoch}" is not known`)
        const secret = level instanceof Uint8Array ? level : level[roleOf(role)]
        const { key, iv } = object(told)
        expectBytes(
          await provider.expandLabel(suite.hash, secret, 'key', NONE, ciphers[suite.cipher].key),
          required(key, 'key'),
        )
        expectBytes(await provider.expandLabel(suite.hash, secret, 'iv', NONE, 12), required(iv, 'iv'))
      })
    }
  }

  const ticket = object(trace.resumption)
  const nonce = bytes(ticket.ticketNonce)
  const expectedPsk = bytes(ticket.psk)
  if (nonce && expectedPsk) {
    await tally.equal(`${id} key of the ticket (${provider.name})`, expectedPsk, () =>
      runAsync(ticketSecret(provider, suite, resumption, nonce)),
    )
  }
  const binder = bytes(trace.pskBinder)
  if (binder && binderKey) {
    await tally.check(`${id} binder (${provider.name})`, async () => {
      const { covered, binders } = coveredByBinders(hello)
      const prefix = bytes(trace.clientHelloPrefix)
      if (prefix) expectBytes(covered, prefix)
      const transcript = await new Transcript(provider).digestWith(suite.hash, covered)
      expectBytes(await runAsync(finished(provider, suite, binderKey, transcript)), binder)
      expectBytes(binders[0] ?? NONE, binder)
    })
  }
}

const checkReplays = async (
  trace: Json,
  conversation: Conversation,
  digests: Digests,
  provider: Provider,
  tally: Tally,
): Promise<void> => {
  for (const role of roles) {
    const replayed = await replay(conversation, role, { provider, digests }, tally)
    const psk = bytes(object(trace.resumption).psk)
    if (!replayed?.whole || role === 'server' || !psk) continue
    await tally.check(`${conversation.id} our client keeps the session (${provider.name})`, () => {
      const [session] = replayed.sessions
      expect(session !== undefined, 'there is none')
      expectBytes(session?.secret ?? NONE, psk)
    })
  }
}

/** A file of traces in the form of RFC 8448. */
export const traces8448 = async (file: Json, tally: Tally, providers: readonly Provider[]): Promise<void> => {
  for (const [i, trace] of objects(file.traces).entries()) {
    const name = string(trace.id) ?? `trace ${i}`
    const suite = suites.find((candidate) => candidate.name === trace.cipherSuite && candidate.version === TLS13)
    if (!suite) {
      tally.skip(`suite ${trace.cipherSuite} is not ours`)
      continue
    }
    await tally.attempt(name, async () => {
      const conversation = conversationOf(trace, suite)
      await checkMessages(conversation, tally)
      for (const provider of providers) {
        await checkAgreement(trace, conversation, provider, tally)
        await checkRecords(conversation, provider, tally)
        const digests = await checkTranscript(conversation, provider, tally)
        await checkSecrets(trace, conversation, digests, provider, tally)
        for (const each of [provider, lateProvider(provider)])
          await checkReplays(trace, conversation, digests, each, tally)
      }
    })
  }
}
