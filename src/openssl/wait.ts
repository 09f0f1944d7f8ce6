import { Misuse } from '../errors.ts'
import type { BIO } from './bio.ts'
import { BIO_wait, BIO_wanted, type WaitOptions } from './bio-wait.ts'
import { held } from './counted.ts'
import type { SSL } from './ssl.ts'
import { SSL_ASYNC_PAUSED, SSL_CLIENT_HELLO_CB, SSL_READING, SSL_WRITING, SSL_X509_LOOKUP } from './ssl-numbers.ts'

/**
 * Resolves when the call that stopped is worth making again: what `select(2)` is to a program in C. What is waited for
 * is what SSL_get_error named: the BIO to read or write, an answer of a key, a certificate store or a crypto provider.
 * A callback that only asked to be called again is called again after a turn of the event loop.
 *
 * Rejected with the signal's reason, with a DOMException named TimeoutError, or as BIO_wait is.
 */
export const SSL_wait = async (ssl: SSL, options: WaitOptions = {}): Promise<void> => {
  switch (held(ssl).want) {
    case SSL_READING:
      return ssl.rbio === null ? undefined : onBio(ssl.rbio, 'read', options)
    case SSL_WRITING:
      return ssl.wbio === null ? undefined : onBio(ssl.wbio, 'write', options)
    case SSL_ASYNC_PAUSED:
    case SSL_X509_LOOKUP:
    case SSL_CLIENT_HELLO_CB:
      return within(ssl.awaited ?? new Promise((resolve) => setTimeout(resolve)), options)
  }
}

/**
 * SSL_wait for several at once. Resolves with those whose call is worth making again, in their order: at least one, or none
 * when `timeoutMs` is over, as select(2) then returns 0. Rejected with the signal's reason, or as SSL_wait is.
 */
export const SSL_select = async (ssls: readonly SSL[], { signal, timeoutMs }: WaitOptions = {}): Promise<SSL[]> => {
  if (ssls.length === 0 && timeoutMs === undefined && signal === undefined) {
    throw new Misuse('SSL_select would wait for ever: it was given nothing to wait for and no limit')
  }
  signal?.throwIfAborted()
  const ready = new Set<SSL>()
  const over = new AbortController()
  const aborted = (): void => over.abort(signal?.reason)
  signal?.addEventListener('abort', aborted)
  let timer: ReturnType<typeof setTimeout> | undefined
  const limit = new Promise<void>((resolve, reject) => {
    if (timeoutMs !== undefined) timer = setTimeout(resolve, timeoutMs)
    over.signal.addEventListener('abort', () => reject(over.signal.reason))
  })
  const waits = ssls.map((ssl) => SSL_wait(ssl, { signal: over.signal }).then(() => void ready.add(ssl)))
  try {
    await Promise.race([limit, ...waits])
    await new Promise((resolve) => setTimeout(resolve)) // whoever is ready in the same turn, is
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', aborted)
    over.abort()
  }
  return ssls.filter((ssl) => ready.has(ssl))
}

const onBio = (bio: BIO, usual: 'read' | 'write', options: WaitOptions): Promise<void> =>
  BIO_wait(bio, BIO_wanted(bio) ?? usual, options)

/** How it ended does not matter here: the next call finds out. */
const within = (answer: Promise<unknown>, { signal, timeoutMs }: WaitOptions): Promise<void> =>
  new Promise((resolve, reject) => {
    const settle = (how: () => void): void => {
      signal?.removeEventListener('abort', aborted)
      clearTimeout(timer)
      how()
    }
    const aborted = (): void => settle(() => reject(signal?.reason))
    const late = (): void =>
      settle(() => reject(new DOMException(`no answer came within ${timeoutMs} ms`, 'TimeoutError')))
    const timer = timeoutMs === undefined ? undefined : setTimeout(late, timeoutMs)
    if (signal?.aborted) return aborted()
    signal?.addEventListener('abort', aborted)
    const done = (): void => settle(resolve)
    answer.then(done, done)
  })
