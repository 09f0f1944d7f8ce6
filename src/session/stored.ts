import { NONE } from '../bytes/compare.ts'
import { fromHex, hex } from '../bytes/text.ts'
import { digest } from '../crypto/digest.ts'
import type { Provider } from '../crypto/provider.ts'
import { run, type Task, wait } from '../task.ts'
import type { Session, Sessions } from './session.ts'
import type { SessionStore } from './store.ts'
import type { Observe, Opened, Tickets } from './tickets.ts'

/** Bytes of the name of a stored session. */
const ID = 32
/** Bytes of a stored session at most: who shows a longer chain, shows it again. */
const MOST = 32_768

/**
 * Sessions that the server keeps, under ids of TLS 1.2. They are sealed as tickets are, so that who reads the store learns
 * nothing and who writes to it is found out.
 */
export const storedSessions = (
  provider: Provider,
  store: SessionStore,
  sealing: Tickets,
  observe?: Observe,
): Sessions => ({
  get: (id) =>
    run(
      (function* (): Task<Session | undefined> {
        return (yield* find(provider, store, sealing, id, false, observe))?.session
      })(),
    ),
  put: (id, session) =>
    run(
      (function* (): Task<void> {
        yield* keep(provider, store, sealing, id, session)
      })(),
    ),
  remove: (id) =>
    run(
      (function* (): Task<void> {
        yield* wait(store.take(yield* keyOf(provider, id)), 'session')
      })(),
    ),
})

/**
 * Tickets of TLS 1.3 that are only the name of a session which the server keeps: each is good for one connection, on
 * whichever machine, and so is its early data. TLS 1.2 goes by ids.
 */
export const storedTickets = (
  provider: Provider,
  store: SessionStore,
  sealing: Tickets,
  observe?: Observe,
): Tickets => {
  const { lifetime, once, spend } = sealing
  return {
    only13: true,
    ...(lifetime !== undefined && { lifetime }),
    seal: (session) =>
      run(
        (function* (): Task<Uint8Array | undefined> {
          const name = provider.random(ID).slice()
          return (yield* keep(provider, store, sealing, hex(name), session)) ? name : undefined
        })(),
      ),
    open: (ticket) =>
      ticket.length === ID ? run(find(provider, store, sealing, hex(ticket), true, observe)) : undefined,
    // taking it says that nobody was there before, and the guard that the store has not forgotten
    ...(once && { once }),
    ...(spend && { spend }),
  }
}

/** Where a session stands: under a digest, so that a list of keys is no list of ids. */
function* keyOf(provider: Provider, id: string): Task<string> {
  const bytes = Uint8Array.from(id, (c) => c.charCodeAt(0))
  return `sess:${hex(yield* wait(digest(provider, 'sha256', bytes)))}`
}

/** The session of that id; `once`: nobody finds it after us. The id inside must be the one that was asked for. */
function* find(
  provider: Provider,
  store: SessionStore,
  sealing: Tickets,
  id: string,
  once: boolean,
  observe?: Observe,
): Task<Opened | undefined> {
  const key = yield* keyOf(provider, id)
  const value = yield* wait(once ? store.take(key) : store.get(key), 'session')
  if (!value) return undefined
  const opened = yield* wait(sealing.open(value), 'session')
  if (!opened || hex(opened.session.ticket) !== id) {
    observe?.({ event: 'changed', what: 'session' })
    return undefined
  }
  return { ...opened, session: { ...opened.session, ticket: NONE } }
}

/** False: it could not be sealed. */
function* keep(provider: Provider, store: SessionStore, sealing: Tickets, id: string, session: Session): Task<boolean> {
  // the name travels inside: a value that was put under another name is found out
  const named = { ...session, ticket: fromHex(id) ?? NONE }
  const value: Uint8Array | undefined = yield* wait(sealing.seal(named), 'session')
  if (!value || value.length > MOST) return false
  yield* wait(store.put(yield* keyOf(provider, id), value, session.lifetime * 1000), 'session')
  return true
}
