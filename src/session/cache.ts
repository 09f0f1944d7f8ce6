import type { Maybe } from '../task.ts'
import { isFresh, type Session } from './session.ts'

/** Where a client keeps sessions, by a key that tells servers, protocols and configurations apart. */
export interface SessionCache {
  put(key: string, session: Session): Maybe<void>
  /** A session that is still good at this time (ms since 1970), which nobody else gets. */
  take(key: string, now: number): Maybe<Session | undefined>
}

/**
 * Sessions in memory: several a key, each for one use, since a ticket that is used twice shows that it was the same
 * client (RFC 9846 appendix C.4). What was used longest ago gives way.
 */
export const memoryCache = ({ keys = 256, each = 4 } = {}): SessionCache => {
  const kept = new Map<string, Session[]>()
  return {
    put(key, session) {
      const sessions = kept.get(key) ?? []
      kept.delete(key)
      kept.set(key, [...sessions, session].slice(-each))
      for (const oldest of kept.keys()) {
        if (kept.size <= keys) break
        kept.delete(oldest)
      }
    },
    take(key, now) {
      const sessions = (kept.get(key) ?? []).filter((session) => isFresh(session, now))
      // the newest lives longest, and what it allows is what the server allows now
      const session = sessions.pop()
      kept.delete(key)
      if (sessions.length > 0) kept.set(key, sessions)
      return session
    },
  }
}
