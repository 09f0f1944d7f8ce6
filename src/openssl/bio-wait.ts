import { Misuse } from '../errors.ts'
import type { BIO, Want } from './bio.ts'
import { BIO_FLAGS_READ, BIO_FLAGS_WRITE, BIO_RR_ACCEPT, BIO_RR_CONNECT } from './bio-numbers.ts'

/** What `select(2)` is to descriptors: waiting for a BIO. Nothing polls; whoever changes a BIO wakes those who wait. */

export interface WaitOptions {
  /** Gives up: the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Gives up after so many milliseconds, with a DOMException named TimeoutError. */
  readonly timeoutMs?: number | undefined
}

/** What the last call on a BIO has to wait for, by its retry flags; null if there is nothing to wait for. */
export const BIO_wanted = (bio: BIO): Want | null => {
  if ((bio.flags & BIO_FLAGS_READ) !== 0) return 'read'
  if ((bio.flags & BIO_FLAGS_WRITE) !== 0) return 'write'
  if (bio.retry_reason === BIO_RR_CONNECT) return 'connect'
  return bio.retry_reason === BIO_RR_ACCEPT ? 'accept' : null
}

/**
 * Resolves when a call on `bio` that could not get further is worth making again: data or the end has come, there is
 * room, a connection stands or has failed. Of a chain, the BIO that stands in the way is waited for.
 *
 * Rejected with the signal's reason, with TimeoutError, or with `Misuse` if the BIO is freed meanwhile or its method
 * cannot be waited for (BIO_meth_set_wait).
 */
export const BIO_wait = (bio: BIO, want: Want, { signal, timeoutMs }: WaitOptions = {}): Promise<void> =>
  new Promise((resolve, reject) => {
    let done = false
    let watching: BIO | null = null
    const given = new AbortController()
    const settle = (how: () => void): void => {
      if (done) return
      done = true
      signal?.removeEventListener('abort', aborted)
      clearTimeout(timer)
      watch(null)
      given.abort()
      how()
    }
    const aborted = (): void => settle(() => reject(signal?.reason))
    const late = (): void =>
      settle(() => reject(new DOMException(`the BIO was not ready to ${want} within ${timeoutMs} ms`, 'TimeoutError')))
    const watch = (next: BIO | null): void => {
      if (watching === next) return
      if (watching?.waiters?.delete(look) && watching.waiters.size === 0) {
        watching.waiters = null
        watching.method.idle?.(watching)
      }
      watching = next
      if (next !== null) (next.waiters ??= new Set()).add(look)
    }
    const look = (): void => {
      if (done) return
      try {
        const target = deciding(bio, want)
        if (target === null) return settle(resolve)
        if (target.method.wait === null) return watch(target)
        watch(null)
        target.method.wait(target, want, given.signal).then(
          () => settle(resolve),
          (error: unknown) => settle(() => reject(error)),
        )
      } catch (error) {
        settle(() => reject(error))
      }
    }

    const timer = timeoutMs === undefined ? undefined : setTimeout(late, timeoutMs)
    if (signal?.aborted) return aborted()
    signal?.addEventListener('abort', aborted)
    look()
  })

/** The BIO that is not ready, or null if all is. */
const deciding = (bio: BIO, want: Want): BIO | null => {
  for (let here = bio; ; ) {
    const { ready, wait, name } = here.held().method
    if (ready === null) {
      if (wait !== null) return here
      throw new Misuse(`a BIO of type ${name} cannot be waited for; give its method BIO_meth_set_wait`)
    }
    const answer = ready(here, want)
    if (answer === true) return null
    if (answer === false) return here
    here = answer
  }
}
