import { concat } from '../../src/bytes/compare.ts'
import { TLS12, TLS13 } from '../../src/config.ts'
import type { Keying, Protection, Provider } from '../../src/crypto/provider.ts'
import { schemeById, schemeFits } from '../../src/crypto/schemes.ts'
import { ciphers } from '../../src/crypto/suites.ts'
import { Misuse } from '../../src/errors.ts'
import { keyBlock, verifyData } from '../../src/handshake/schedule12.ts'
import { finished, updated } from '../../src/handshake/schedule13.ts'
import { Transcript } from '../../src/handshake/transcript.ts'
import { ServerEcdhParams } from '../../src/messages/exchange12.ts'
import { messages } from '../../src/messages/table.ts'
import { runAsync } from '../../src/task.ts'
import { type Codec, decode, encode } from '../../src/wire/codec.ts'
import { parseCertificate } from '../../src/x509/certificate.ts'
import {
  bodyOf,
  type Conversation,
  chainOf,
  DheExchange,
  DheParams,
  HANDSHAKE,
  messagesIn,
  type Role,
  type Said,
  type Step,
} from './conversation.ts'
import { expect, expectBytes, Skip, type Tally } from './tally.ts'

const HEADER = 5
const KEY_UPDATE = messages.keyUpdate.type

/** Keys out of the secrets of a conversation, one direction of one epoch after another. */
export class Keys {
  readonly #conversation: Conversation
  readonly #provider: Provider
  readonly #made = new Map<string, Protection>()
  readonly #data: Record<Role, Uint8Array | undefined>

  constructor(conversation: Conversation, provider: Provider) {
    this.#conversation = conversation
    this.#provider = provider
    this.#data = {
      client: conversation.secrets13?.application.client,
      server: conversation.secrets13?.application.server,
    }
  }

  /** What records of this epoch are protected with; undefined for those in the clear. */
  async of({ from, epoch, sequence }: Step): Promise<Protection | undefined> {
    if (sequence === undefined) return undefined
    const name = `${from} ${epoch}`
    const made = this.#made.get(name) ?? this.#provider.protection(await this.keying(from, epoch))
    this.#made.set(name, made)
    return made
  }

  /** A KeyUpdate came from there: its next record is under the next secret (RFC 9846 section 7.2). */
  async update(from: Role): Promise<void> {
    const secret = this.#data[from]
    if (!secret) return
    this.#data[from] = await runAsync(updated(this.#provider, this.#conversation.suite, secret))
    for (const name of [...this.#made.keys()]) if (name.startsWith(from)) this.#made.delete(name)
  }

  async keying(from: Role, epoch: string): Promise<Keying> {
    const { suite, version, secrets13, secrets12 } = this.#conversation
    if (version === TLS12) {
      if (!secrets12) throw new Skip('the master secret is not told')
      const keys = await runAsync(
        keyBlock(this.#provider, suite, secrets12.master, secrets12, secrets12.encryptThenMac),
      )
      return keys[from]
    }
    const secret =
      epoch === 'early' ? secrets13?.early : epoch === 'handshake' ? secrets13?.handshake[from] : this.#data[from]
    if (!secret) throw new Skip(`the secret of the epoch ${epoch} is not told`)
    const { key } = ciphers[suite.cipher]
    const none = new Uint8Array(0)
    return {
      version: TLS13,
      cipher: suite.cipher,
      key: await this.#provider.expandLabel(suite.hash, secret, 'key', none, key),
      iv: await this.#provider.expandLabel(suite.hash, secret, 'iv', none, 12),
    }
  }
}

/** Every record opened, compared with its plaintext, and sealed again where sealing is deterministic. */
export const checkRecords = async (conversation: Conversation, provider: Provider, tally: Tally): Promise<void> => {
  const { steps, suite, version, id } = conversation
  const keys = new Keys(conversation, provider)
  // an explicit nonce or IV is the sender's free choice
  const deterministic = version === TLS13 || suite.cipher === 'chacha20-poly1305'
  for (const [i, step] of steps.entries()) {
    const { from, record, type, plaintext, sequence } = step
    await tally.check(`${id} record ${i} of the ${from} (${provider.name})`, async () => {
      if (sequence !== undefined && !provider.ciphers.includes(suite.cipher))
        throw new Skip(`${provider.name} has no ${suite.cipher}`)
      const protection = await keys.of(step)
      if (!protection || sequence === undefined) {
        expect(record[0] === type, `content type ${record[0]}, ${type} is right`)
        return expectBytes(record.subarray(HEADER), plaintext)
      }
      const opened = await protection.open(sequence, record.slice())
      if (!opened) throw new Error('the record does not open')
      expect(opened.type === type, `content type ${opened.type}, ${type} is right`)
      expectBytes(opened.data, plaintext)
      if (!deterministic) return
      const padding = record.length - HEADER - protection.sealedLength(plaintext.length, 0)
      const sealed = record.slice()
      sealed.fill(0, HEADER)
      await protection.seal(sequence, type, plaintext, padding, sealed)
      expectBytes(sealed, record)
    })
    if (type === HANDSHAKE && plaintext[0] === KEY_UPDATE && sequence !== undefined) await keys.update(from)
  }
}

/** The records bring these messages, and each of them is read by our codec and written again byte for byte. */
export const checkMessages = async (conversation: Conversation, tally: Tally): Promise<void> => {
  const { said, steps, id } = conversation
  const found = messagesIn(steps)
  await tally.check(`${id} the messages in the records`, () => {
    expect(found.length === said.length, `${found.length} messages, ${said.length} are right`)
    for (const role of ['client', 'server'] as const) {
      const of = (list: readonly { from: Role; raw: Uint8Array }[]): Uint8Array =>
        concat(...list.filter(({ from }) => from === role).map(({ raw }) => raw))
      expectBytes(of(found), of(said))
    }
  })
  for (const [i, message] of said.entries()) {
    const { name, raw } = message
    await tally.check(`${id} message ${i} ${name}`, () => {
      const codec: Codec<unknown> | undefined = name && (messages[name].codec as Codec<unknown>)
      if (!codec) throw new Skip(`the engine has no codec for message type ${raw[0]} of ${conversation.suite.name}`)
      const body = decode(codec, raw.subarray(4))
      expectBytes(encode(codec, body), raw.subarray(4))
    })
  }
}

const SPACES = new Uint8Array(64).fill(0x20)

/** What a CertificateVerify of TLS 1.3 signs (RFC 9846 section 4.4.3), put together apart from the engine. */
export const signed13 = (who: Role, transcript: Uint8Array): Uint8Array =>
  concat(SPACES, new TextEncoder().encode(`TLS 1.3, ${who} CertificateVerify\0`), transcript)

/** Throws unless the signature over the message is good under the leaf of that side. */
export const checkSignature = async (
  conversation: Conversation,
  role: Role,
  provider: Provider,
  algorithm: number,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<void> => {
  const [leaf] = chainOf(conversation, role)
  if (!leaf) throw new Error(`the ${role} signs without a certificate`)
  const scheme = schemeById(algorithm)
  if (!scheme) throw new Skip(`signature scheme 0x${algorithm.toString(16)} is not ours`)
  const key = await keyOf(provider, leaf)
  expect(schemeFits(scheme, key.facts, conversation.version), `${scheme.name} does not fit the key`)
  expect(await key.verify(scheme.algorithm, message, signature), `the signature of the ${role} is not good`)
}

export const keyOf = async (provider: Provider, leaf: Uint8Array) => {
  try {
    return await provider.publicKey(parseCertificate(leaf).spki)
  } catch (error) {
    if (error instanceof Misuse) throw new Skip(`${provider.name}: ${error.message}`)
    throw error
  }
}

/** A time at which this certificate is valid (ms since 1970): soon after it was made. */
export const timeFor = (leaf: Uint8Array): number => {
  const { notBefore, notAfter } = parseCertificate(leaf)
  return notBefore + Math.min(3_600_000, (notAfter - notBefore) / 2)
}

/** Digests at the points that files tell of. */
export interface Digests {
  serverHello?: Uint8Array
  serverFinished?: Uint8Array
  clientFinished?: Uint8Array
  /** TLS 1.2: up to the ClientKeyExchange. */
  session?: Uint8Array
  /** Up to a HelloRetryRequest, if there was one. */
  retry?: Uint8Array
}

const isRetry = (message: Said): boolean =>
  message.name === 'serverHello' && bodyOf(message).kind === 'helloRetryRequest'

/** Walks over the handshake once: signatures and Finished are checked at their places, digests are kept. */
export const checkTranscript = async (
  conversation: Conversation,
  provider: Provider,
  tally: Tally,
): Promise<Digests> => {
  const { said, suite, version, id, secrets12, secrets13 } = conversation
  const transcript = new Transcript(provider)
  const digests: Digests = {}
  const finishedFrom = new Set<Role>()
  const label = (what: string): string => `${id} ${what} (${provider.name})`
  for (const message of said) {
    // what follows the handshake is in no transcript
    if (finishedFrom.size === 2) break
    const { from, raw, type } = message
    if (type === messages.helloRequest.type) continue
    if (type === messages.serverKeyExchange.type) {
      await tally.check(label('ServerKeyExchange'), async () => {
        if (!secrets12) throw new Skip('the randoms are not told')
        const foreign = message.name === undefined
        const { params, algorithm, signature } = foreign ? decode(DheExchange, raw.subarray(4)) : bodyOf(message)
        const told = encode((foreign ? DheParams : ServerEcdhParams) as Codec<unknown>, params)
        await checkSignature(
          conversation,
          from,
          provider,
          algorithm,
          concat(secrets12.client, secrets12.server, told),
          signature,
        )
      })
    }
    if (type === messages.certificateVerify.type) {
      await tally.check(label(`CertificateVerify of the ${from}`), async () => {
        const { algorithm, signature } = bodyOf(message)
        const signed = version === TLS13 ? signed13(from, await transcript.digest()) : transcript.whole()
        await checkSignature(conversation, from, provider, algorithm, signed, signature)
      })
    }
    if (type === messages.finished.type) {
      await tally.equal(label(`Finished of the ${from}`), raw.subarray(4), async () => {
        const digest = await transcript.digest()
        if (version === TLS13) {
          if (!secrets13) throw new Skip('the handshake secrets are not told')
          return await runAsync(finished(provider, suite, secrets13.handshake[from], digest))
        }
        if (!secrets12) throw new Skip('the master secret is not told')
        return await runAsync(verifyData(provider, suite, secrets12.master, from, digest))
      })
      finishedFrom.add(from)
    }
    if (isRetry(message)) await transcript.retry(suite.hash)
    transcript.add(raw)
    if (type === messages.serverHello.type) {
      if (isRetry(message)) {
        digests.retry = await transcript.digestWith(suite.hash, new Uint8Array(0))
      } else {
        transcript.begin(suite.hash, version === TLS12)
        digests.serverHello = await transcript.digest()
      }
    }
    if (type === messages.clientKeyExchange.type) digests.session = await transcript.digest()
    if (type === messages.finished.type) digests[`${from}Finished`] = await transcript.digest()
  }
  return digests
}

/** The bytes of a ClientHello that a binder covers: all up to the list of binders. */
export const coveredByBinders = (
  hello: Said,
): { readonly covered: Uint8Array; readonly binders: readonly Uint8Array[] } => {
  const { binders } = bodyOf(hello).extensions.preSharedKey as { binders: readonly Uint8Array[] }
  const length = 2 + binders.reduce((sum, binder) => sum + 1 + binder.length, 0)
  return { covered: hello.raw.subarray(0, hello.raw.length - length), binders }
}
