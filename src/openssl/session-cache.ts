import { hex } from '../bytes/text.ts'
import { held } from './counted.ts'
import type { SSL_CTX } from './ctx.ts'
import type { SSL_SESSION } from './session.ts'
import type { SSL } from './ssl.ts'
import {
  SSL_SESS_CACHE_NO_AUTO_CLEAR,
  SSL_SESS_CACHE_SERVER,
  SSL_SESSION_CACHE_MAX_SIZE_DEFAULT,
} from './ssl-numbers.ts'

/** The session cache of a context (SSL_CTX_set_session_cache_mode(3)), its callbacks and its counters. */

/** What has happened in a context, counted. */
export interface Counters {
  connect: number
  connectGood: number
  accept: number
  acceptGood: number
  hits: number
  callbackHits: number
  misses: number
  timeouts: number
  full: number
}

const DEFAULT_TIMEOUT = 7200

export class SessionCache {
  mode = SSL_SESS_CACHE_SERVER
  /** Sessions at most; 0: any number. */
  size = SSL_SESSION_CACHE_MAX_SIZE_DEFAULT
  /** Seconds that a new session lives. */
  timeout = DEFAULT_TIMEOUT
  onNew: ((ssl: SSL, session: SSL_SESSION) => number) | null = null
  onRemove: ((ctx: SSL_CTX, session: SSL_SESSION) => void) | null = null
  onGet: ((ssl: SSL, id: Uint8Array) => SSL_SESSION | null) | null = null
  readonly counters: Counters = {
    connect: 0,
    connectGood: 0,
    accept: 0,
    acceptGood: 0,
    hits: 0,
    callbackHits: 0,
    misses: 0,
    timeouts: 0,
    full: 0,
  }
  readonly #ctx: SSL_CTX
  /** The least recently added first. */
  readonly #sessions = new Map<string, SSL_SESSION>()
  #sinceFlush = 0

  constructor(ctx: SSL_CTX) {
    this.#ctx = ctx
  }

  get number(): number {
    return this.#sessions.size
  }

  find(id: Uint8Array): SSL_SESSION | undefined {
    return this.#sessions.get(hex(id))
  }

  /** False when it is there already. */
  add(session: SSL_SESSION): boolean {
    const { key } = session
    if (session.id.length === 0 || this.#sessions.get(key) === session) return false
    this.#sessions.set(key, session)
    session.references++
    for (const oldest of this.#sessions.values()) {
      if (this.size === 0 || this.#sessions.size <= this.size) break
      this.remove(oldest)
      this.counters.full++
    }
    // as in C, every 255th session is an occasion to look for old ones
    if ((this.mode & SSL_SESS_CACHE_NO_AUTO_CLEAR) === 0 && ++this.#sinceFlush >= 255) this.flush(Date.now())
    return true
  }

  /** Takes it out and makes it good for nothing; the program is told in any case. False when it was not there. */
  remove(session: SSL_SESSION): boolean {
    const { key, id } = session
    const known = this.#sessions.get(key)
    session.bad = true
    if (known) {
      this.#sessions.delete(key)
      known.bad = true
    }
    if (id.length > 0) this.onRemove?.(this.#ctx, known ?? session)
    if (known) known.references--
    return known !== undefined
  }

  /** Removes what is too old at that time (ms since 1970; 0: everything). */
  flush(time: number): void {
    this.#sinceFlush = 0
    for (const session of [...this.#sessions.values()]) if (time === 0 || session.expires() < time) this.remove(session)
  }
}

/** Returns the mode before. */
export const SSL_CTX_set_session_cache_mode = (ctx: SSL_CTX, mode: number): number => {
  const { cache } = held(ctx)
  const before = cache.mode
  cache.mode = mode
  return before
}
export const SSL_CTX_get_session_cache_mode = (ctx: SSL_CTX): number => held(ctx).cache.mode
/** Returns the size before. */
export const SSL_CTX_sess_set_cache_size = (ctx: SSL_CTX, size: number): number => {
  const { cache } = held(ctx)
  const before = cache.size
  cache.size = size
  return before
}
export const SSL_CTX_sess_get_cache_size = (ctx: SSL_CTX): number => held(ctx).cache.size
/** Seconds; returns those before. */
export const SSL_CTX_set_timeout = (ctx: SSL_CTX, seconds: number): number => {
  const { cache } = held(ctx)
  const before = cache.timeout
  cache.timeout = seconds
  return before
}
export const SSL_CTX_get_timeout = (ctx: SSL_CTX): number => held(ctx).cache.timeout
/** Seconds that sessions live where no context says otherwise. */
export const SSL_get_default_timeout = (ssl: SSL): number => (held(ssl) ? DEFAULT_TIMEOUT : 0)
/** 0 when it is there already. */
export const SSL_CTX_add_session = (ctx: SSL_CTX, session: SSL_SESSION): 0 | 1 =>
  held(ctx).cache.add(held(session)) ? 1 : 0
/** 0 when it is not there. Either way it is not resumable any more. */
export const SSL_CTX_remove_session = (ctx: SSL_CTX, session: SSL_SESSION): 0 | 1 =>
  held(ctx).cache.remove(held(session)) ? 1 : 0
/** Removes what is over at that time (seconds since 1970; 0: everything). */
export const SSL_CTX_flush_sessions = (ctx: SSL_CTX, seconds: number): void => held(ctx).cache.flush(seconds * 1000)

/** `cb` returns 1 to keep the reference that it is given, else 0. */
export const SSL_CTX_sess_set_new_cb = (ctx: SSL_CTX, cb: SessionCache['onNew']): void => {
  held(ctx).cache.onNew = cb
}
export const SSL_CTX_sess_set_remove_cb = (ctx: SSL_CTX, cb: SessionCache['onRemove']): void => {
  held(ctx).cache.onRemove = cb
}
/** `cb` looks a session up by its id where the context has none. */
export const SSL_CTX_sess_set_get_cb = (ctx: SSL_CTX, cb: SessionCache['onGet']): void => {
  held(ctx).cache.onGet = cb
}

const counter =
  (name: keyof Counters) =>
  (ctx: SSL_CTX): number =>
    held(ctx).cache.counters[name]
export const SSL_CTX_sess_number = (ctx: SSL_CTX): number => held(ctx).cache.number
export const SSL_CTX_sess_connect = counter('connect')
export const SSL_CTX_sess_connect_good = counter('connectGood')
export const SSL_CTX_sess_accept = counter('accept')
export const SSL_CTX_sess_accept_good = counter('acceptGood')
export const SSL_CTX_sess_hits = counter('hits')
export const SSL_CTX_sess_cb_hits = counter('callbackHits')
export const SSL_CTX_sess_misses = counter('misses')
export const SSL_CTX_sess_timeouts = counter('timeouts')
export const SSL_CTX_sess_cache_full = counter('full')

export const SSL_CTX_sess_get_new_cb = (ctx: SSL_CTX): SessionCache['onNew'] => held(ctx).cache.onNew
export const SSL_CTX_sess_get_remove_cb = (ctx: SSL_CTX): SessionCache['onRemove'] => held(ctx).cache.onRemove
export const SSL_CTX_sess_get_get_cb = (ctx: SSL_CTX): SessionCache['onGet'] => held(ctx).cache.onGet
