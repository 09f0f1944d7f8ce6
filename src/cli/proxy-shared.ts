import type { FleetStore } from '../session/store.ts'
import type { Maybe } from '../task.ts'

// Workers of one machine share a store: it is in the primary's memory, and they ask by messages.

type Call = Exclude<keyof FleetStore, 'watch'>

/** A worker asks; the primary answers, or tells that something has changed. */
export type StoreMessage =
  | { readonly typetls: 'ask'; readonly id: number; readonly call: Call; readonly args: readonly unknown[] }
  | { readonly typetls: 'answer'; readonly id: number; readonly value?: unknown; readonly error?: string }
  | { readonly typetls: 'changed'; readonly key: string }

export const isStoreMessage = (message: unknown): message is StoreMessage =>
  typeof message === 'object' && message !== null && 'typetls' in message

interface Line {
  send(message: StoreMessage): void
  hear(heard: (message: StoreMessage) => void): void
}

/** The primary's store, as a worker sees it. */
export const storeOverLine = (line: Line): FleetStore => {
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>()
  const watchers = new Map<string, Set<() => void>>()
  let last = 0
  line.hear((message) => {
    if (message.typetls === 'changed') for (const changed of watchers.get(message.key) ?? []) changed()
    if (message.typetls !== 'answer') return
    const asked = waiting.get(message.id)
    waiting.delete(message.id)
    if (message.error !== undefined) asked?.reject(new Error(message.error))
    else asked?.resolve(message.value as never)
  })
  const ask =
    <T>(call: Call) =>
    (...args: readonly unknown[]): Promise<T> =>
      new Promise<T>((resolve, reject) => {
        const id = ++last
        waiting.set(id, { resolve: resolve as (value: never) => void, reject })
        line.send({ typetls: 'ask', id, call, args })
      })
  return {
    get: ask('get'),
    take: ask('take'),
    put: ask('put'),
    claim: ask('claim'),
    lock: ask('lock'),
    swap: ask('swap'),
    announce: ask('announce'),
    watch(key, changed) {
      const those = watchers.get(key) ?? new Set()
      watchers.set(key, those)
      those.add(changed)
      return () => void those.delete(changed)
    },
  }
}

/** Answers a worker out of this store. */
export const answerFrom = async (
  store: FleetStore,
  message: StoreMessage & { typetls: 'ask' },
): Promise<StoreMessage> => {
  const { id, call, args } = message
  try {
    const value = await (store[call] as (...args: readonly unknown[]) => Maybe<unknown>)(...args)
    return { typetls: 'answer', id, value }
  } catch (error) {
    return { typetls: 'answer', id, error: String(error) }
  }
}
