import { NONE } from '../../../src/bytes/compare.ts'
import { TLS13 } from '../../../src/config.ts'
import { node } from '../../../src/crypto/node/index.ts'
import type { Protection } from '../../../src/crypto/provider.ts'
import { ciphers, type Suite, suiteById } from '../../../src/crypto/suites.ts'
import type { Facts } from '../../../src/facts.ts'
import { keyBlock } from '../../../src/handshake/schedule12.ts'
import { updated } from '../../../src/handshake/schedule13.ts'
import { runSync, wait } from '../../../src/task.ts'
import type { End } from '../../pair.ts'
import type { Level13, Secrets } from '../keys.ts'

/** The keys of one direction, in the order of their use: none, early data, handshake, data; then one more a KeyUpdate. */
export const CLEAR = 0
export const EARLY = 1
export const HANDSHAKE = 2
export const DATA = 3

const levels: readonly (Level13 | undefined)[] = [undefined, 'early', 'handshake', 'data']

/** What protects the records of either direction, as one end knows it by its secrets. */
export class Ring {
  readonly #secrets: Secrets
  readonly #made = new Map<string, Protection>()
  /** Before the handshake has a suite, early data goes by that of the session. */
  readonly #early: Suite | undefined

  constructor(secrets: Secrets, early?: number) {
    this.#secrets = secrets
    this.#early = early === undefined ? undefined : suiteById(early)
  }

  /** Whether this end has secrets for early data. */
  get hurried(): boolean {
    return this.#secrets.traffic('early', 'client') !== undefined
  }

  /** What protects the records that `writer` sends in that epoch; undefined while this end does not know it. */
  protection(facts: Facts, writer: End, epoch: number): Protection | undefined {
    const name = `${writer} ${epoch}`
    const made = this.#made.get(name) ?? this.#make(facts, writer, epoch)
    if (made) this.#made.set(name, made)
    return made
  }

  #make(facts: Facts, writer: End, epoch: number): Protection | undefined {
    const suite = epoch === EARLY ? (this.#early ?? facts.suite) : facts.suite
    if (!suite) return undefined
    if (suite.version !== TLS13) return this.#make12(facts, writer, suite)
    const secret = this.#secret(suite, writer, epoch)
    if (!secret) return undefined
    const key = runSync(wait(node.expandLabel(suite.hash, secret, 'key', NONE, ciphers[suite.cipher].key)))
    const iv = runSync(wait(node.expandLabel(suite.hash, secret, 'iv', NONE, 12)))
    return node.protection({ version: TLS13, cipher: suite.cipher, key, iv })
  }

  #secret(suite: Suite, writer: End, epoch: number): Uint8Array | undefined {
    const level = levels[Math.min(epoch, DATA)]
    let secret = level && this.#secrets.traffic(level, writer)
    for (let update = DATA; secret && update < epoch; update++) secret = runSync(updated(node, suite, secret))
    return secret
  }

  #make12(facts: Facts, writer: End, suite: Suite): Protection | undefined {
    const { master } = this.#secrets
    const { clientRandom: client, serverRandom: server, encryptThenMac = false } = facts
    if (!master || !client || !server) return undefined
    return node.protection(runSync(keyBlock(node, suite, master, { client, server }, encryptThenMac))[writer])
  }
}
