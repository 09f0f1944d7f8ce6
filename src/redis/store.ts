import { Misuse } from '../errors.ts'
import type { FleetStore } from '../session/store.ts'
import type { Observe } from '../session/tickets.ts'
import { commandsOf, type IoRedis, type NodeRedis } from './client.ts'
import { CLAIM, LOCK, SWAP } from './scripts.ts'

export interface RedisStoreOptions {
  /** Names the fleet: all keys begin with `tls:{name}:`, which keeps them in one slot of a cluster. */
  readonly name: string
  /** Milliseconds after which a call counts as failed; 250. */
  readonly patience?: number
  /** The same for a claim: a client waits for it with every 0-RTT handshake; 20. */
  readonly claimPatience?: number
  readonly observe?: Observe
}

/**
 * What a fleet shares, in Redis (6.2 or later) or Valkey. While the connection is gone every call fails at once: handshakes
 * go on without, and early data is not taken. Everything that is kept is sealed before it comes here; but whoever may write
 * to this Redis can make it forget claims, and so replay early data.
 */
export const redisStore = (client: IoRedis | NodeRedis, options: RedisStoreOptions): FleetStore => {
  const { name, patience = 250, claimPatience = 20, observe } = options
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(name))
    throw new Misuse(`"${name}" cannot name a fleet: 1 to 64 letters, digits, dots, dashes`)
  const commands = commandsOf(client)
  const keyOf = (key: string): string => `tls:{${name}}:${key}`
  const digests = new Map<string, string>()

  /** One call with a deadline. An answer that comes after it is dropped. */
  const timed = async <T>(call: string, limit: number, ask: () => Promise<T>): Promise<T> => {
    const begun = performance.now()
    let failed = true
    try {
      if (!commands.ready) throw new Error('there is no connection to Redis')
      const answer = await within(limit, ask(), call)
      failed = false
      return answer
    } finally {
      observe?.({ event: 'store', call, ms: performance.now() - begun, failed })
    }
  }

  const script = async (text: string, keys: readonly string[], args: readonly (string | number | Uint8Array)[]) => {
    const run = async (): Promise<unknown> => {
      const digest = digests.get(text) ?? String(await commands.send('SCRIPT', 'LOAD', text))
      digests.set(text, digest)
      return commands.send('EVALSHA', digest, keys.length, ...keys, ...args)
    }
    try {
      return await run()
    } catch (error) {
      if (!String((error as Error).message).startsWith('NOSCRIPT')) throw error
      digests.delete(text)
      return await run()
    }
  }

  return {
    get: (key) => timed('get', patience, () => bytes(commands.send('GET', keyOf(key)))),
    take: (key) => timed('take', patience, () => bytes(commands.send('GETDEL', keyOf(key)))),
    put: (key, value, ttl) =>
      timed('put', patience, async () => {
        await commands.send('SET', keyOf(key), value, 'PX', Math.max(1, Math.ceil(ttl)))
      }),
    claim(mark, ttl) {
      const since = `0rtt:${mark.slice(0, mark.lastIndexOf(':') + 1)}since`
      return timed('claim', claimPatience, async () => {
        return (await script(CLAIM, [keyOf(since), keyOf(`0rtt:${mark}`)], [Math.ceil(ttl)])) === 1
      })
    },
    lock: (key, ttl) =>
      timed('lock', patience, async () => {
        const fence = await script(LOCK, [keyOf(key), keyOf(`${key}:fence`)], [ttl])
        return typeof fence === 'number' ? fence : undefined
      }),
    swap: (key, before, value, lock) =>
      timed('swap', patience, async () => {
        return (await script(SWAP, [keyOf(key), keyOf(lock.key)], [before, value, lock.fence])) === 1
      }),
    watch: (key, changed) => commands.subscribe(keyOf(key), changed),
    announce: (key, epoch) =>
      timed('announce', patience, async () => {
        await commands.send('PUBLISH', keyOf(key), epoch)
      }),
  }
}

/** What stands under a key. Something else than bytes counts as bytes that nobody can open. */
const bytes = async (asked: Promise<unknown>): Promise<Uint8Array | undefined> => {
  try {
    const answer = await asked
    return answer instanceof Uint8Array ? answer : undefined
  } catch (error) {
    if (String((error as Error).message).startsWith('WRONGTYPE')) return new Uint8Array(0)
    throw error
  }
}

const within = <T>(limit: number, answer: Promise<T>, call: string): Promise<T> => {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Redis did not answer "${call}" within ${limit} ms`)), limit)
  })
  return Promise.race([answer, late]).finally(() => clearTimeout(timer))
}
