import { NONE } from '../../src/bytes/compare.ts'
import { node } from '../../src/crypto/node/index.ts'
import { hashLength, type Keying, type Protection } from '../../src/crypto/provider.ts'
import { ciphers, type Suite } from '../../src/crypto/suites.ts'
import { keyBlock, type Randoms } from '../../src/handshake/schedule12.ts'
import { updated } from '../../src/handshake/schedule13.ts'
import { runAsync } from '../../src/task.ts'
import type { Trace } from '../../src/trace.ts'

export type Role = 'client' | 'server'

/** The secrets that one end has told: lines of a key log, or events of a trace. */
export class Secrets {
  readonly #found = new Map<string, Uint8Array>()

  /** `LABEL random secret`, as SSL_CTX_set_keylog_callback(3) gives it. */
  line(text: string): void {
    const [label, , secret] = text.split(' ')
    if (label && secret) this.#found.set(label, Uint8Array.from(Buffer.from(secret, 'hex')))
  }

  /** For the `trace` of a config. */
  readonly trace: Trace = (event) => {
    if (event.event === 'secret') this.#found.set(event.label, event.secret.slice())
  }

  of(label: string): Uint8Array | undefined {
    return this.#found.get(label)
  }

  /** TLS 1.2 */
  get master(): Uint8Array | undefined {
    return this.of('CLIENT_RANDOM')
  }

  /** TLS 1.3: what `role` protects its records of that level with. */
  traffic(level: Level13, role: Role): Uint8Array | undefined {
    if (level === 'early') return role === 'client' ? this.of('CLIENT_EARLY_TRAFFIC_SECRET') : undefined
    const name = role.toUpperCase()
    return this.of(level === 'handshake' ? `${name}_HANDSHAKE_TRAFFIC_SECRET` : `${name}_TRAFFIC_SECRET_0`)
  }
}

/** In the order in which they are used. */
export const levels13 = ['early', 'handshake', 'data'] as const
export type Level13 = (typeof levels13)[number]

/** One direction under one key, as one end sees it. */
export interface Epoch {
  readonly protection: Protection
  sequence: number
  /** TLS 1.3: what a KeyUpdate goes on from. */
  readonly secret: Uint8Array
}

const epoch13 = async (suite: Suite, secret: Uint8Array): Promise<Epoch> => {
  const { cipher, hash } = suite
  const key = await node.expandLabel(hash, secret, 'key', NONE, ciphers[cipher].key)
  const iv = await node.expandLabel(hash, secret, 'iv', NONE, 12)
  return { protection: node.protection({ version: 0x0304, cipher, key, iv }), sequence: 0, secret }
}

/** Undefined: that end knows no such secret. */
export const levelOf = async (
  secrets: Secrets,
  suite: Suite,
  level: Level13,
  role: Role,
): Promise<Epoch | undefined> => {
  const secret = secrets.traffic(level, role)
  return secret?.length === hashLength[suite.hash] ? epoch13(suite, secret) : undefined
}

/** After a KeyUpdate. */
export const nextOf = async (suite: Suite, { secret }: Epoch): Promise<Epoch> =>
  epoch13(suite, await runAsync(updated(node, suite, secret)))

export const epoch12 = async (
  suite: Suite,
  master: Uint8Array,
  randoms: Randoms,
  encryptThenMac: boolean,
  role: Role,
): Promise<Epoch> => {
  const block = await runAsync(keyBlock(node, suite, master, randoms, encryptThenMac))
  const keying: Keying = block[role]
  return { protection: node.protection(keying), sequence: 0, secret: NONE }
}
