import { Misuse } from '../errors.ts'
import { type BIO, BIO_clear_retry_flags, BIO_set_retry_read, BIO_set_retry_write } from './bio.ts'
import { BIO_FLAGS_IN_EOF } from './bio-numbers.ts'
import { get_errno, set_errno } from './err.ts'
import { type Duplex, errnoOf, errnos, type Socket } from './platform.ts'

/** What a socket BIO reads and writes: a stream, or a socket of the thread that may block its caller. */
export interface End {
  /** null where it is none of this thread's. */
  readonly stream: Duplex | null
  /** What it failed with, null while it lives. */
  readonly error: unknown
  readonly connecting: boolean
  read(into: Uint8Array): number
  write(from: Uint8Array, keep?: boolean): number
  lend(): Uint8Array | null
  take(length: number): void
  ready(want: 'read' | 'write'): boolean
  /** Nobody waits for it any more. */
  idle(): void
  detach(): void
  abandon(): void
  close(): void
}

/**
 * A Node stream as a non-blocking descriptor: what recv(2), send(2) and poll(2) say of a socket, said of a stream in
 * paused mode. While one is attached it is the stream's only reader.
 *
 * Bytes that were taken from the stream and not read yet go back to it when the descriptor is detached, so nothing is
 * lost. At most one read's worth is held here beside the stream's own buffer, and nothing is written while the stream
 * asks to wait for `drain`: a slow peer slows the program down, not its memory up.
 */
export class Descriptor implements End {
  readonly stream: Duplex
  readonly #changed: () => void
  #held: Uint8Array = NOTHING
  #from = 0
  #ended = false
  #error: unknown = null

  /** `changed` is called whenever the stream may have become ready for anything. */
  constructor(stream: Duplex, changed: () => void) {
    if (stream.readableObjectMode || stream.writableObjectMode) {
      throw new Misuse('a BIO needs a stream of bytes, and this one is in object mode')
    }
    if (stream.readableEncoding !== null && stream.readableEncoding !== undefined) {
      throw new Misuse(`a BIO needs a stream of bytes, and this one decodes ${stream.readableEncoding} (setEncoding)`)
    }
    this.stream = stream
    this.#changed = changed
    this.#ended = stream.readableEnded
    for (const [event, listener] of this.#listeners) stream.on(event, listener)
  }

  /** Bytes read into `into`; 0 at the end; -1 with errno EAGAIN for "not now", or another errno for a failure. */
  read(into: Uint8Array): number {
    const view = this.lend()
    if (view === null) return this.#nothing()
    const length = Math.min(view.length, into.length)
    into.set(length === view.length ? view : view.subarray(0, length))
    this.take(length)
    return length
  }

  /** A view of the bytes that are here, null if none. */
  lend(): Uint8Array | null {
    set_errno(0)
    if (this.#from === this.#held.length) this.#fetch()
    return this.#from === this.#held.length ? null : this.#held.subarray(this.#from)
  }

  /** Consumes what `lend` showed. */
  take(length: number): void {
    if (length > this.#held.length - this.#from) {
      throw new Misuse(`${length} bytes were taken of the ${this.#held.length - this.#from} that a socket lent`)
    }
    this.#from += length
    if (this.#from === this.#held.length) {
      this.#held = NOTHING
      this.#from = 0
    }
  }

  /** Bytes accepted, or -1 with an errno as of `read`. Unless `keep` says that `from` is ours now, it is copied. */
  write(from: Uint8Array, keep = false): number {
    set_errno(0)
    const { stream } = this
    const { failure } = this
    if (failure !== 0) return failed(failure === errnos['ECONNRESET'] ? 'EPIPE' : failure)
    if (!stream.writable) return failed('EPIPE')
    if (!this.#writable()) return failed('EAGAIN')
    if (from.length === 0) return 0
    const length = Math.min(from.length, MOST)
    const bytes = length === from.length ? from : from.subarray(0, length)
    stream.write(keep ? bytes : bytes.slice())
    return length
  }

  /** Whether `read` or `write` would do something other than wait. */
  ready(want: 'read' | 'write'): boolean {
    const errno = get_errno()
    const here = this.lend() !== null
    set_errno(errno)
    if (this.error !== null || this.stream.destroyed) return true
    return want === 'read' ? here || this.#ended : !this.stream.writable || this.#writable()
  }

  /** What the stream failed with, null while it lives. */
  get error(): unknown {
    return this.#error ?? this.stream.errored ?? null
  }

  /** Whether it is a socket whose connection does not stand yet. */
  get connecting(): boolean {
    return (this.stream as { connecting?: boolean }).connecting === true
  }

  /** The same as an errno, 0 while it lives. */
  get failure(): number {
    return this.error === null ? 0 : errnoOf(this.error)
  }

  idle(): void {}

  /** Leaves the stream to its owner: no listener stays, and what was not read goes back. */
  detach(): void {
    for (const [event, listener] of this.#listeners) this.stream.off(event, listener)
    const rest = this.#held.subarray(this.#from)
    this.#held = NOTHING
    this.#from = 0
    if (rest.length > 0 && !this.stream.destroyed && !this.stream.readableEnded) this.stream.unshift(rest)
  }

  /** Like `detach`, of a stream that nobody else knows: it keeps its descriptor open, and nothing else. */
  abandon(): void {
    this.detach()
    this.stream.on('error', ignore)
    this.stream.pause()
    ;(this.stream as Socket).unref()
  }

  /** Closes as close(2) does: what was written still leaves, nobody is told of failures any more. */
  close(): void {
    const { stream } = this
    for (const [event, listener] of this.#listeners) stream.off(event, listener)
    stream.on('error', ignore)
    if (stream.destroyed) return
    stream.resume() // nobody reads what still comes, and it must not hold the end back
    if (stream.writable) stream.end(() => stream.destroy())
    else if (stream.writableFinished) stream.destroy()
    else stream.once('finish', () => stream.destroy())
  }

  #fetch(): void {
    const got: Uint8Array | null = this.stream.read()
    if (got === null) return
    this.#held = new Uint8Array(got.buffer, got.byteOffset, got.length)
    this.#from = 0
  }

  #nothing(): 0 | -1 {
    const { failure } = this
    if (failure !== 0) return failed(failure === errnos['EPIPE'] ? 'ECONNRESET' : failure)
    if (this.#ended) return 0
    return failed(this.stream.destroyed ? 'EBADF' : 'EAGAIN')
  }

  #writable(): boolean {
    return !this.stream.writableNeedDrain && !this.connecting
  }

  readonly #listeners = [
    [
      'readable',
      () => {
        // The end is announced only to somebody who reads.
        if (this.#from === this.#held.length) this.#fetch()
        this.#changed()
      },
    ],
    [
      'end',
      () => {
        this.#ended = true
        this.#changed()
      },
    ],
    [
      'error',
      (error: unknown) => {
        this.#error ??= error
        this.#changed()
      },
    ],
    ['close', () => this.#changed()],
    ['finish', () => this.#changed()],
    ['drain', () => this.#changed()],
    ['connect', () => this.#changed()],
  ] as const satisfies readonly (readonly [string, (error: unknown) => void])[]
}

/** Whether an errno means "call again" (BIO_sock_non_fatal_error). */
export const isRetry = (errno: number): boolean => RETRY.has(errno)

/** BIO_read over a stream. */
export const readStream = (bio: BIO, end: End | null, into: Uint8Array): number => {
  if (into.length === 0) return 0
  const ret = end === null ? badDescriptor() : end.read(into)
  BIO_clear_retry_flags(bio)
  if (ret > 0) return ret
  if (isRetry(get_errno())) BIO_set_retry_read(bio)
  else if (ret === 0) bio.flags |= BIO_FLAGS_IN_EOF
  return ret
}

/** BIO_write over a stream. */
export const writeStream = (bio: BIO, end: End | null, from: Uint8Array, keep: boolean): number => {
  const ret = end === null ? badDescriptor() : end.write(from, keep)
  BIO_clear_retry_flags(bio)
  if (ret <= 0 && isRetry(get_errno())) BIO_set_retry_write(bio)
  return ret
}

const badDescriptor = (): -1 => {
  set_errno(errnos['EBADF'] ?? 9)
  return -1
}

const NOTHING = new Uint8Array(0)
/** The most that one write hands to the stream. */
const MOST = 1 << 16
const RETRY: ReadonlySet<number | undefined> = new Set(
  ['EAGAIN', 'EWOULDBLOCK', 'EINTR', 'ENOTCONN', 'EPROTO', 'EINPROGRESS', 'EALREADY'].map((name) => errnos[name]),
)

const failed = (errno: string | number): -1 => {
  set_errno(typeof errno === 'number' ? errno : (errnos[errno] ?? 5))
  return -1
}
const ignore = (): void => {}
