import { concat } from '../../src/bytes/compare.ts'
import { TLS12, TLS13 } from '../../src/config.ts'
import { groupById, groupByName } from '../../src/crypto/groups.ts'
import type { PrivateKey, Provider } from '../../src/crypto/provider.ts'
import { Misuse } from '../../src/errors.ts'
import { exporter12, keyBlock, masterSecret } from '../../src/handshake/schedule12.ts'
import { EarlyStage, exported, finished } from '../../src/handshake/schedule13.ts'
import { Transcript } from '../../src/handshake/transcript.ts'
import { ClientEcdhPublic, EncryptedPremaster } from '../../src/messages/exchange12.ts'
import { runAsync } from '../../src/task.ts'
import { decode } from '../../src/wire/codec.ts'
import { parseCertificate } from '../../src/x509/certificate.ts'
import { loadPrivateKey } from '../../src/x509/keys.ts'
import { loadCertificates } from '../../src/x509/load.ts'
import { verifier } from '../../src/x509/path.ts'
import type { CertificateVerifier } from '../../src/x509/verifier.ts'
import { lateProvider } from '../late.ts'
import {
  checkMessages,
  checkRecords,
  checkTranscript,
  coveredByBinders,
  type Digests,
  keyOf,
  timeFor,
} from './checks.ts'
import {
  bodyOf,
  type Conversation,
  chainOf,
  messagesIn,
  type Role,
  roles,
  type Share,
  type Step,
  said,
  suiteNamed,
} from './conversation.ts'
import { bytes, type Json, object, objects, required, string } from './json.ts'
import { exportedBy, type Replayed, replay } from './replay.ts'
import { expect, expectBytes, Skip, type Tally } from './tally.ts'

const roleOf = (value: unknown): Role => (value === 'server' ? 'server' : 'client')
const numberOf = (value: unknown): number =>
  typeof value === 'number' ? value : Number.parseInt(string(value) ?? '', 16)

const stepOf = (record: Json): Step => ({
  from: roleOf(record.from),
  record: required(record.record, 'record'),
  type: numberOf(record.type),
  plaintext: required(record.plaintext, 'plaintext'),
  epoch: string(record.epoch) ?? '',
  sequence: typeof record.seq === 'number' ? record.seq : undefined,
})

/** The lines of the key log by label. */
const keylog = (recording: Json): ReadonlyMap<string, Uint8Array> => {
  const lines = Array.isArray(recording.keylog) ? recording.keylog : []
  return new Map(
    lines.map((line) => [String(line).split(' ')[0] ?? '', bytes(String(line).split(' ')[2]) ?? new Uint8Array(0)]),
  )
}

const conversationOf = (recording: Json): Conversation => {
  const id = string(recording.id) ?? 'recording'
  const version = recording.protocol === 'TLSv1.3' ? TLS13 : recording.protocol === 'TLSv1.2' ? TLS12 : undefined
  if (!version) throw new Skip(`${recording.protocol} is not ours`)
  const name = string(recording.suite) ?? ''
  const known = suiteNamed(numberOf(recording.suiteId), name)
  if (!known) throw new Skip(`nothing of ${name} is known`)
  const { suite } = known
  const log = keylog(recording)
  const logged = (label: string): Uint8Array => {
    const secret = log.get(label)
    if (!secret) throw new Skip(`the key log has no ${label}`)
    return secret
  }
  const steps = objects(recording.records).map(stepOf)
  const messages = objects(recording.messages).map((message) =>
    said(roleOf(message.from), required(message.bytes, 'message'), version, suite),
  )
  const negotiated = object(recording.negotiated)
  const conversation: Conversation = {
    id,
    version,
    ...known,
    steps,
    said: messages.length > 0 ? messages : messagesIn(steps).map(({ from, raw }) => said(from, raw, version, suite)),
    shares: { client: [], server: [] },
    ...(version === TLS13 && {
      secrets13: {
        early: log.get('CLIENT_EARLY_TRAFFIC_SECRET'),
        handshake: {
          client: logged('CLIENT_HANDSHAKE_TRAFFIC_SECRET'),
          server: logged('SERVER_HANDSHAKE_TRAFFIC_SECRET'),
        },
        application: { client: logged('CLIENT_TRAFFIC_SECRET_0'), server: logged('SERVER_TRAFFIC_SECRET_0') },
        exporter: log.get('EXPORTER_SECRET'),
      },
    }),
    ...(version === TLS12 && {
      secrets12: {
        master: logged('CLIENT_RANDOM'),
        client: required(recording.clientRandom, 'clientRandom'),
        server: required(recording.serverRandom, 'serverRandom'),
        extended: negotiated.extendedMasterSecret === true,
        encryptThenMac: negotiated.encryptThenMac === true,
        premaster: bytes(recording.preMasterSecret),
      },
    }),
    psk: bytes(recording.psk),
    resumed: recording.resumed === true,
  }
  return {
    ...conversation,
    shares: {
      client: sharesOf(conversation, 'client', recording),
      server: sharesOf(conversation, 'server', recording),
    },
  }
}

/** What each side sent for the key agreement; the scalars are nobody's to know. */
const sharesOf = ({ said: all, suite, version }: Conversation, role: Role, recording: Json): readonly Share[] => {
  const own = all.filter(({ from }) => from === role)
  const one = (id: number, share: Uint8Array): readonly Share[] => {
    const group = groupById(id)
    return group ? [{ group: group.name, share }] : []
  }
  if (version === TLS13 && role === 'client') {
    return own
      .filter(({ name }) => name === 'clientHello')
      .flatMap((hello) => bodyOf(hello).extensions.keyShare ?? [])
      .flatMap(({ group, keyExchange }) => one(group, keyExchange))
  }
  if (version === TLS13) {
    const hello = own.filter(({ name }) => name === 'serverHello').at(-1)
    const share = hello && bodyOf(hello).extensions.keyShare
    return share?.keyExchange ? one(share.group, share.keyExchange) : []
  }
  if (suite.agreement !== 'ecdhe') return []
  const exchange = own.find(({ name }) => name === (role === 'client' ? 'clientKeyExchange' : 'serverKeyExchange'))
  if (!exchange) return []
  if (role === 'client') return one(numberOf(recording.groupId), decode(ClientEcdhPublic, exchange.raw.subarray(4)))
  const { params } = bodyOf(exchange)
  return one(params.namedCurve, params.point)
}

/** The hashes and derived values that the file tells beside the records. */
const checkTold = async (
  recording: Json,
  conversation: Conversation,
  digests: Digests,
  provider: Provider,
  tally: Tally,
): Promise<void> => {
  const { id, suite, secrets12, secrets13, psk, said: all } = conversation
  const hashes = object(recording.transcriptHashes)
  const told: readonly (readonly [string, unknown, () => Uint8Array | Promise<Uint8Array>])[] = [
    ['transcript through the server Finished', hashes.throughServerFinished, () => must(digests.serverFinished)],
    ['transcript through the client Finished', hashes.throughClientFinished, () => must(digests.clientFinished)],
    ['session hash', recording.sessionHash, () => must(digests.session)],
    ['master secret', secrets12?.premaster && recording.masterSecret, () => masterOf(conversation, digests, provider)],
    ['key block', secrets12 && recording.keyBlock, () => blockOf(conversation, provider)],
    [
      'binder',
      psk && recording.pskBinder,
      async () => {
        const hello = must(all.find(({ name }) => name === 'clientHello'))
        const { covered, binders } = coveredByBinders(hello)
        const early = await runAsync(EarlyStage.begin(provider, suite, psk))
        const transcript = await new Transcript(provider).digestWith(suite.hash, covered)
        const binder = await runAsync(finished(provider, suite, await runAsync(early.binderKey('res')), transcript))
        expectBytes(binders[0] ?? new Uint8Array(0), binder)
        return binder
      },
    ],
  ]
  for (const [what, value, make] of told) {
    const expected = bytes(value)
    if (expected) await tally.equal(`${id} ${what} (${provider.name})`, expected, make)
  }
  for (const [i, { label, context, length, value }] of objects(recording.exports).entries()) {
    await tally.check(`${id} exported value ${i} (${provider.name})`, async () => {
      const expected = required(value, 'value')
      const size = typeof length === 'number' ? length : expected.length
      const given = bytes(context)
      if (secrets13 && !secrets13.exporter) throw new Skip('the key log has no EXPORTER_SECRET')
      const task = secrets13?.exporter
        ? exported(provider, suite, secrets13.exporter, string(label) ?? '', given ?? new Uint8Array(0), size)
        : exporter12(provider, suite, must(secrets12).master, must(secrets12))(string(label) ?? '', given, size)
      expectBytes(await runAsync(task), expected)
    })
  }
}

const must = <T>(value: T | undefined): T => {
  if (value === undefined) throw new Error('the recording is not whole')
  return value
}

const masterOf = ({ suite, secrets12 }: Conversation, digests: Digests, provider: Provider): Promise<Uint8Array> => {
  const { premaster, extended, ...randoms } = must(secrets12)
  return runAsync(masterSecret(provider, suite, must(premaster), randoms, extended ? must(digests.session) : undefined))
}

const blockOf = async ({ suite, secrets12 }: Conversation, provider: Provider): Promise<Uint8Array> => {
  const { master, encryptThenMac, ...randoms } = must(secrets12)
  const { client, server } = await runAsync(keyBlock(provider, suite, master, randoms, encryptThenMac))
  const macs = client.mac && server.mac ? [client.mac.key, server.mac.key] : []
  return concat(...macs, client.key, server.key, client.iv, server.iv)
}

/** Certificates lead to the root for the name and purpose; private keys are theirs. */
const checkCertificates = async (
  recording: Json,
  conversation: Conversation,
  provider: Provider,
  tally: Tally,
): Promise<void> => {
  const { id } = conversation
  for (const role of roles) {
    const chain = chainOf(conversation, role)
    const [leaf] = chain
    if (!leaf) continue
    await tally.check(`${id} certificate of the ${role} (${provider.name})`, async () => {
      await keyOf(provider, leaf)
      const name = role === 'server' ? string(recording.serverName) : undefined
      const time = timeFor(leaf)
      await verifierOf(recording).verify(
        chain.map((der) => parseCertificate(der)),
        { provider, purpose: role, time, ...(name !== undefined && { name }) },
      )
    })
    const pem = string(object(recording[role]).key)
    if (!pem) continue
    await tally.check(`${id} private key of the ${role} (${provider.name})`, async () => {
      const key = await privateKeyOf(pem, provider)
      expectBytes(key.spki, parseCertificate(leaf).spki)
    })
  }
}

const verifierOf = (recording: Json): CertificateVerifier =>
  verifier({
    anchors: loadCertificates(string(recording.root) ?? ''),
    // what others recorded may be weaker than we would take today
    securityLevel: 0,
    noName: string(recording.serverName) === undefined,
  })

const privateKeyOf = async (pem: string, provider: Provider): Promise<PrivateKey> => {
  try {
    return await loadPrivateKey(pem, provider)
  } catch (error) {
    if (error instanceof Misuse) throw new Skip(`${provider.name}: ${error.message}`)
    throw error
  }
}

/** The premaster secret of static RSA comes out of the ClientKeyExchange with the server's key. */
const checkPremaster = async (
  recording: Json,
  { id, said: all, secrets12, suite }: Conversation,
  provider: Provider,
  tally: Tally,
): Promise<void> => {
  const exchange = all.find(({ name }) => name === 'clientKeyExchange')
  const premaster = secrets12?.premaster
  const pem = string(object(recording.server).key)
  if (suite.agreement !== 'rsa' || !exchange || !premaster || !pem) return
  await tally.equal(`${id} premaster secret (${provider.name})`, premaster, async () => {
    const key = await privateKeyOf(pem, provider)
    if (!key.decrypt) throw new Skip(`${provider.name} does not decrypt with RSA`)
    return await key.decrypt(decode(EncryptedPremaster, exchange.raw.subarray(4)), premaster.length)
  })
}

const checkReplays = async (
  recording: Json,
  conversation: Conversation,
  digests: Digests,
  provider: Provider,
  tally: Tally,
): Promise<void> => {
  const { id, shares } = conversation
  const log = keylog(recording)
  for (const role of roles) {
    const missing =
      !provider.ciphers.includes(conversation.suite.cipher) ||
      shares[role].some(({ group }) => !provider.groups.includes(group))
    if (missing) {
      tally.skip(`replay: ${provider.name} lacks the cipher or the group`)
      continue
    }
    let replayed: Replayed | undefined
    await tally.attempt(`${id} our ${role} (${provider.name})`, async () => {
      const pem = string(object(recording[role]).key)
      const root = string(recording.root)
      const name = role === 'client' ? string(recording.serverName) : undefined
      const key =
        pem && conversation.suite.agreement === 'rsa' && role === 'server'
          ? await privateKeyOf(pem, provider)
          : undefined
      if (key && !key.decrypt) throw new Skip(`replay: ${provider.name} does not decrypt with RSA`)
      replayed = await replay(
        conversation,
        role,
        {
          provider,
          digests,
          // a resumption shows no certificate, and the recording does not say which one the session had
          ...(root && !conversation.resumed && { verifier: verifierOf(recording) }),
          ...(name !== undefined && { peerName: name }),
          ...(key && { key }),
        },
        tally,
      )
    })
    if (!replayed?.whole) continue
    const done = replayed
    await tally.check(`${id} facts of our ${role} (${provider.name})`, () => {
      const { facts } = done.connection
      expect(facts.version === conversation.version, 'another version')
      expect(facts.suite?.id === conversation.suite.id, 'another suite')
      expect(facts.resumed === conversation.resumed, 'resumption is told wrongly')
      expect((facts.alpn ?? null) === (recording.alpn ?? null), `protocol ${facts.alpn}, ${recording.alpn} is right`)
      const group = groupByName((string(recording.group) ?? '').split(':')[0] ?? '')
      if (facts.group && typeof recording.groupId === 'string')
        expect(facts.group.id === numberOf(recording.groupId), `group ${facts.group.name}, ${group?.name} is right`)
      for (const [label, secret] of done.secrets) {
        const logged = log.get(label)
        if (logged) expectBytes(secret, logged)
      }
    })
    for (const [i, { label, context, length, value }] of objects(recording.exports).entries()) {
      const size = typeof length === 'number' ? length : 0
      await tally.equal(`${id} our ${role} exports value ${i} (${provider.name})`, required(value, 'value'), () =>
        exportedBy(done, string(label) ?? '', bytes(context), size),
      )
    }
  }
}

/** A file of recorded handshakes with their key logs. */
export const recordedHandshakes = async (file: Json, tally: Tally, providers: readonly Provider[]): Promise<void> => {
  for (const [i, recording] of objects(file.traces).entries()) {
    await tally.attempt(string(recording.id) ?? `recording ${i}`, async () => {
      const conversation = conversationOf(recording)
      await checkMessages(conversation, tally)
      for (const provider of providers) {
        await checkRecords(conversation, provider, tally)
        const digests = await checkTranscript(conversation, provider, tally)
        await checkTold(recording, conversation, digests, provider, tally)
        await checkCertificates(recording, conversation, provider, tally)
        await checkPremaster(recording, conversation, provider, tally)
        for (const each of [provider, lateProvider(provider)])
          await checkReplays(recording, conversation, digests, each, tally)
      }
    })
  }
}
