import { equal } from '../bytes/compare.ts'
import { epochBytes, type FleetStore } from './store.ts'

export interface MemoryStoreOptions {
  /** Values, and claims, that are kept at most. */
  readonly most?: number
  /** Bytes of values that are kept at most; 64 MiB. */
  readonly bytes?: number
  /** Milliseconds since 1970. */
  readonly now?: () => number
  /**
   * Claims are refused for so many milliseconds: tickets that were sealed before this memory began may have been used.
   * 0 is right only where the keys of tickets begin with it.
   */
  readonly settling?: number
}

/**
 * Gives the keys of a map from the front, one with each call; whoever takes one deletes it. One walk serves for all calls: a walk that
 * begins anew passes by the places of all that were deleted, which are as many as the entries until the map is laid out anew.
 */
const walk = (map: ReadonlyMap<string, unknown>): (() => string | undefined) => {
  let keys = map.keys()
  return () => {
    const step = keys.next()
    if (!step.done) return step.value
    keys = map.keys()
    return keys.next().value
  }
}

/** A store in the memory of one process. What was used longest ago gives way; claims never do, new ones are refused then. */
export const memoryStore = ({
  most = 100_000,
  bytes = 2 ** 26,
  now = Date.now,
  settling = 0,
}: MemoryStoreOptions = {}): FleetStore => {
  const values = new Map<string, { readonly value: Uint8Array; readonly until: number }>()
  const claims = new Map<string, number>()
  const locks = new Map<string, { readonly fence: number; readonly until: number }>()
  const watchers = new Map<string, Set<() => void>>()
  const oldestValue = walk(values)
  const oldestClaim = walk(claims)
  /** The claim that stands in front, once it was looked at. */
  let front: string | undefined
  const begun = now()
  let fences = 0
  let held = 0

  const forget = (key: string): void => {
    held -= values.get(key)?.value.length ?? 0
    values.delete(key)
  }
  const live = (key: string): Uint8Array | undefined => {
    const found = values.get(key)
    if (!found) return undefined
    if (found.until <= now()) {
      forget(key)
      return undefined
    }
    // what was used last stands last
    values.delete(key)
    values.set(key, found)
    return found.value
  }
  const keep = (key: string, value: Uint8Array, until: number): void => {
    forget(key)
    values.set(key, { value: value.slice(), until })
    held += value.length
    while (values.size > most || held > bytes) forget(oldestValue() as string)
  }

  return {
    get: live,
    take(key) {
      const value = live(key)
      forget(key)
      return value
    },
    put: (key, value, ttl) => keep(key, value, now() + ttl),
    claim(mark, ttl) {
      const time = now()
      if (time < begun + settling) return false
      // in the order in which they came, which is nearly that in which they end
      while ((front ??= oldestClaim()) !== undefined && (claims.get(front) as number) <= time) {
        claims.delete(front)
        front = undefined
      }
      if ((claims.get(mark) ?? 0) > time || claims.size >= most) return false
      claims.delete(mark)
      claims.set(mark, time + ttl)
      return true
    },
    lock(key, ttl) {
      const held = locks.get(key)
      if (held && held.until > now()) return undefined
      const fence = ++fences
      locks.set(key, { fence, until: now() + ttl })
      return fence
    },
    swap(key, before, value, lock) {
      const held = locks.get(lock.key)
      if (held?.fence !== lock.fence || held.until <= now() || !equal(epochBytes(live(key)), before)) return false
      keep(key, value, Number.POSITIVE_INFINITY)
      locks.delete(lock.key)
      return true
    },
    watch(key, changed) {
      const those = watchers.get(key) ?? new Set()
      watchers.set(key, those)
      const one = (): void => changed()
      those.add(one)
      return () => void those.delete(one)
    },
    announce(key) {
      for (const changed of watchers.get(key) ?? []) changed()
    },
  }
}
