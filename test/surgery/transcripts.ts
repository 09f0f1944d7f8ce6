import { concat, equal } from '../../src/bytes/compare.ts'
import { node } from '../../src/crypto/node/index.ts'
import { type HashName, hashLength, type PrivateKey } from '../../src/crypto/provider.ts'
import { schemeById } from '../../src/crypto/schemes.ts'
import type { Suite } from '../../src/crypto/suites.ts'
import { verifyData } from '../../src/handshake/schedule12.ts'
import { EarlyStage, finished } from '../../src/handshake/schedule13.ts'
import { runAsync } from '../../src/task.ts'
import { isRetry, message, PRE_SHARED_KEY, readHello, u16 } from './hello.ts'
import type { Role, Secrets } from './keys.ts'

/** What binds the messages of a handshake together is made anew, so that an edit is judged for what it says. */

/** Messages that no transcript counts: HelloRequest, KeyUpdate. */
const UNCOUNTED = [0, 24]
const SERVER_HELLO = 2
const MESSAGE_HASH = 254

/** A key agreed before, whose binders are made anew. */
export interface Bound {
  readonly secret: Uint8Array
  readonly hash: HashName
  /** `res`: of a ticket; `ext`: agreed elsewhere. */
  readonly origin: 'res' | 'ext'
}

const digest = async (hash: HashName, bytes: Uint8Array): Promise<Uint8Array> => {
  const running = node.hash(hash)
  running.update(bytes)
  return running.digest()
}

/** The handshake as one end has seen it. */
export class View {
  readonly messages: Uint8Array[] = []

  add(raw: Uint8Array): void {
    if (!UNCOUNTED.includes(raw[0] as number)) this.messages.push(raw.slice())
  }

  /** Joined; after a HelloRetryRequest the first hello is its hash (RFC 9846 section 4.4.1). */
  async joined(hash: HashName, more: readonly Uint8Array[] = []): Promise<Uint8Array> {
    const [first, second, ...rest] = [...this.messages, ...more]
    if (first && second?.[0] === SERVER_HELLO && isRetry(readHello(second))) {
      const whole = await digest(hash, first)
      return concat(message(MESSAGE_HASH, whole), second, ...rest)
    }
    return concat(...this.messages, ...more)
  }

  async digest(hash: HashName, more?: readonly Uint8Array[]): Promise<Uint8Array> {
    return digest(hash, await this.joined(hash, more))
  }
}

/** The Finished of `from`, as the end expects it whose view and secrets these are. Undefined: it knows no secrets yet. */
export const finishedFor = async (
  view: View,
  secrets: Secrets,
  suite: Suite,
  from: Role,
): Promise<Uint8Array | undefined> => {
  const hashed = await view.digest(suite.hash)
  if (suite.version === 0x0304) {
    const secret = secrets.traffic('handshake', from)
    return secret && message(20, await runAsync(finished(node, suite, secret, hashed)))
  }
  const { master } = secrets
  return master && message(20, await runAsync(verifyData(node, suite, master, from, hashed)))
}

/** A CertificateVerify with the same scheme, over what the other end has seen. */
export const verifyFor = async (
  raw: Uint8Array,
  view: View,
  suite: Suite,
  from: Role,
  key: PrivateKey,
): Promise<Uint8Array> => {
  const id = ((raw[4] as number) << 8) | (raw[5] as number)
  const scheme = schemeById(id)
  if (!scheme) return raw
  const content =
    suite.version === 0x0304
      ? concat(
          new Uint8Array(64).fill(0x20),
          new TextEncoder().encode(`TLS 1.3, ${from} CertificateVerify\0`),
          await view.digest(suite.hash),
        )
      : await view.joined(suite.hash)
  const signature = await key.sign(scheme.algorithm, content)
  return message(15, u16(id), u16(signature.length), signature)
}

/** A ClientHello whose binders fit it and what went before. Those of another length than the hash are left alone. */
export const boundAnew = async (raw: Uint8Array, view: View, psk: Bound): Promise<Uint8Array> => {
  const extensions = readHello(raw).extensions ?? []
  const last = extensions[extensions.length - 1]
  if (last?.type !== PRE_SHARED_KEY) return raw
  const identities = ((last.data[0] as number) << 8) | (last.data[1] as number)
  const binders = last.data.length - 2 - identities
  if (binders <= 2) return raw
  const suite = { hash: psk.hash }
  const stage = await runAsync(EarlyStage.begin(node, suite, psk.secret))
  const key = await runAsync(stage.binderKey(psk.origin))
  const hashed = await view.digest(psk.hash, [raw.subarray(0, raw.length - binders)])
  const binder = await runAsync(finished(node, suite, key, hashed))
  const whole = raw.slice()
  for (let at = raw.length - binders + 2; at < raw.length; at += 1 + (whole[at] as number))
    if (whole[at] === hashLength[psk.hash] && at + 1 + binder.length <= whole.length) whole.set(binder, at + 1)
  return whole
}

export const same = (a: View, b: View): boolean =>
  a.messages.length === b.messages.length && a.messages.every((raw, i) => equal(raw, b.messages[i] as Uint8Array))
