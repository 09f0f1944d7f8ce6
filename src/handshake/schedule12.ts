import { concat, NONE } from '../bytes/compare.ts'
import type { Keying, Provider } from '../crypto/provider.ts'
import { hashLength } from '../crypto/provider.ts'
import { ciphers, type Suite } from '../crypto/suites.ts'
import { Misuse } from '../errors.ts'
import type { Exporter } from '../facts.ts'
import { type Task, wait } from '../task.ts'

const VERIFY_DATA = 12
const MASTER_SECRET = 48

export interface Randoms {
  readonly client: Uint8Array
  readonly server: Uint8Array
}

/** The master secret: bound to the whole handshake so far when `session` is given (RFC 7627 section 4). */
export const masterSecret = (
  provider: Provider,
  suite: Suite,
  premaster: Uint8Array,
  randoms: Randoms,
  session: Uint8Array | undefined,
): Task<Uint8Array> =>
  wait(
    session
      ? provider.prf(suite.hash, premaster, 'extended master secret', session, MASTER_SECRET)
      : provider.prf(suite.hash, premaster, 'master secret', concat(randoms.client, randoms.server), MASTER_SECRET),
  )

/** What both directions are protected with (RFC 5246 section 6.3). */
export function* keyBlock(
  provider: Provider,
  suite: Suite,
  master: Uint8Array,
  randoms: Randoms,
  encryptThenMac: boolean,
): Task<{ readonly client: Keying; readonly server: Keying }> {
  const { key, iv12 } = ciphers[suite.cipher]
  const mac = suite.mac ? hashLength[suite.mac] : 0
  const block = yield* wait(
    provider.prf(suite.hash, master, 'key expansion', concat(randoms.server, randoms.client), 2 * (mac + key + iv12)),
  )
  let at = 0
  const next = (length: number): Uint8Array => block.subarray(at, (at += length))
  const [clientMac, serverMac, clientKey, serverKey, clientIv, serverIv] = [
    next(mac),
    next(mac),
    next(key),
    next(key),
    next(iv12),
    next(iv12),
  ]
  const keying = (key: Uint8Array, iv: Uint8Array, macKey: Uint8Array): Keying => ({
    version: 0x0303,
    cipher: suite.cipher,
    key,
    iv,
    ...(suite.mac && { mac: { hash: suite.mac, key: macKey, encryptThenMac } }),
  })
  return { client: keying(clientKey, clientIv, clientMac), server: keying(serverKey, serverIv, serverMac) }
}

/** RFC 5246 section 7.4.9 */
export const verifyData = (
  provider: Provider,
  suite: Suite,
  master: Uint8Array,
  who: 'client' | 'server',
  transcript: Uint8Array,
): Task<Uint8Array> => wait(provider.prf(suite.hash, master, `${who} finished`, transcript, VERIFY_DATA))

/** Labels that the protocol itself uses with the master secret. */
const RESERVED = ['client finished', 'server finished', 'master secret', 'extended master secret', 'key expansion']

/** RFC 5705: a context, even an empty one, is told apart from none. */
export const exporter12 = (provider: Provider, suite: Suite, master: Uint8Array, randoms: Randoms): Exporter =>
  function* (label, context, length) {
    if (RESERVED.includes(label)) throw new Misuse(`the label "${label}" is used by TLS itself; choose another`)
    if (context && context.length > 0xffff)
      throw new Misuse(`an exporter context has at most 65535 bytes, not ${context.length}`)
    const tail = context ? concat(Uint8Array.of(context.length >> 8, context.length & 255), context) : NONE
    return yield* wait(provider.prf(suite.hash, master, label, concat(randoms.client, randoms.server, tail), length))
  }
