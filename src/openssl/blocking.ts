import type { End } from './descriptor.ts'
import { BIOerr, ERR_add_error_data, set_errno } from './err.ts'
import { errnoOf, errnos, startThread, type Thread } from './platform.ts'
import {
  type Address,
  type Beginning,
  type Failure,
  LINE_BYTES,
  type Opened,
  type Order,
  PLACES,
  type Report,
  STATES,
  WORDS,
} from './shared-line.ts'

/**
 * Sockets that block. A thread of this realm owns them all; the realm itself stands still (Atomics.wait) until the thread
 * has changed the memory that the two share. The thread begins with the first socket and ends with the last one, and an
 * open socket does not hold the process.
 */

/** A socket or a listener of the thread, with the manners of recv(2), send(2), accept(2) and close(2). */
export class ThreadSocket implements End {
  readonly stream = null
  /** As O_NONBLOCK: nothing waits, and what would have to gives EAGAIN. */
  nonBlocking = false
  /** As SO_RCVTIMEO and SO_SNDTIMEO: after so many milliseconds a call gives EAGAIN; 0 waits for ever. */
  timeout = 0
  readonly #id: number
  readonly #memory = new SharedArrayBuffer(LINE_BYTES)
  readonly #words = new Int32Array(this.#memory, PLACES.words.at, PLACES.words.size / 4)
  readonly #input = new Uint8Array(this.#memory, PLACES.input.at, PLACES.input.size)
  readonly #output = new Uint8Array(this.#memory, PLACES.output.at, PLACES.output.size)
  readonly #watchers = new Set<() => void>()
  #opened: Opened | null = null
  #holders = 0
  #closed = false

  private constructor(order: (id: number, memory: SharedArrayBuffer) => Order) {
    this.#id = ++numbers
    const running = theThread()
    sockets.set(this.#id, this)
    open.add(this.#id)
    running.send(order(this.#id, this.#memory))
  }

  /** Begins to connect. All of these throw, with a sentence, where the thread cannot be had. */
  static connect(to: Address): ThreadSocket {
    return new ThreadSocket((id, memory) => ({ do: 'connect', id, memory, to }))
  }
  static listen(to: Address): ThreadSocket {
    return new ThreadSocket((id, memory) => ({ do: 'listen', id, memory, to }))
  }
  /** Takes a descriptor over, that of a socket or a pipe. */
  static open(fd: number): ThreadSocket {
    return new ThreadSocket((id, memory) => ({ do: 'open', id, memory, fd }))
  }
  /** The next connection of this listener: open once it is there. */
  accept(): ThreadSocket {
    return new ThreadSocket((id, memory) => ({ do: 'accept', id, memory, from: this.#id }))
  }

  /** Waits until it is open or has failed. False: not yet. */
  settle(): boolean {
    return this.#until(() => this.#get('STATE') !== STATES.PENDING || this.#get('FAILED') === 1)
  }
  get connecting(): boolean {
    return this.#get('STATE') === STATES.PENDING && this.#get('FAILED') === 0
  }
  /** What it is, once it is open. */
  get opened(): Opened | null {
    if (this.#get('STATE') !== STATES.OPEN) return null
    return (this.#opened ??= this.#told('opened') as Opened)
  }
  get error(): Failure | null {
    return this.#get('FAILED') === 1 ? (this.#told('failure') as Failure) : null
  }

  read(into: Uint8Array): number {
    set_errno(0)
    if (this.#closed) return failed('EBADF')
    if (!this.#until(() => this.#readable)) return failed('EAGAIN')
    const read = this.#get('READ')
    const length = Math.min((this.#get('CAME') - read) | 0, into.length)
    if (length === 0) {
      const { error } = this
      if (error === null) return 0
      const errno = errnoOf(error)
      return failed(errno === errnos['EPIPE'] ? 'ECONNRESET' : errno)
    }
    const at = read & (PLACES.input.size - 1)
    const first = Math.min(length, PLACES.input.size - at)
    into.set(this.#input.subarray(at, at + first))
    into.set(this.#input.subarray(0, length - first), first)
    Atomics.store(this.#words, WORDS.READ, (read + length) | 0)
    if (Atomics.exchange(this.#words, WORDS.FULL, 0) === 1) this.#order('look')
    return length
  }

  /** Bytes that the system has taken; without blocking, bytes that the thread has. */
  write(from: Uint8Array): number {
    set_errno(0)
    if (this.#closed) return failed('EBADF')
    if (!this.#until(() => this.#writable)) return failed('EAGAIN')
    const before = this.error
    if (before !== null) return failed(errnoOf(before) === errnos['ECONNRESET'] ? 'EPIPE' : errnoOf(before))
    const length = Math.min(from.length, this.#output.length)
    if (length === 0) return 0
    this.#output.set(length === from.length ? from : from.subarray(0, length))
    Atomics.store(this.#words, WORDS.SENDING, length)
    this.#order('send')
    this.#until(() => this.#get('SENDING') === 0 || this.#get('FAILED') === 1)
    const after = this.error
    return after === null || this.#get('SENDING') === 0 ? length : failed(errnoOf(after))
  }

  ready(want: 'read' | 'write'): boolean {
    const isReady = (): boolean => this.#closed || (want === 'read' ? this.#readable : this.#writable)
    return this.#watched(isReady)
  }
  /** Whether `settle` would not wait. */
  get settled(): boolean {
    return this.#watched(() => this.#closed || !this.connecting)
  }

  /** Has `changed` called when something that was not ready may have become so. One more holds it. */
  hold(changed: () => void): void {
    this.#holders++
    this.#watchers.add(changed)
  }
  release(changed: () => void): void {
    this.#holders--
    this.#watchers.delete(changed)
  }
  changed(): void {
    for (const watcher of [...this.#watchers]) watcher()
  }
  /** Nobody awaits it any more. */
  idle(): void {
    Atomics.store(this.#words, WORDS.WATCHED, 0)
    watched.delete(this.#id)
    holdOrNot()
  }

  lend(): null {
    return null
  }
  take(): void {}

  /** Leaves the descriptor open, once nobody holds it. */
  detach(): void {
    if (--this.#holders <= 0) this.#end(true)
  }
  abandon(): void {
    this.detach()
  }
  /** Closes it for all who hold it. */
  close(): void {
    this.#end(false)
  }

  get #readable(): boolean {
    if (this.#get('STATE') === STATES.PENDING && this.#get('FAILED') === 0) return false
    return this.#get('CAME') !== this.#get('READ') || this.#get('ENDED') === 1 || this.#get('FAILED') === 1
  }
  get #writable(): boolean {
    return this.#get('FAILED') === 1 || (this.#get('STATE') !== STATES.PENDING && this.#get('SENDING') === 0)
  }

  #until(true_: () => boolean): boolean {
    const end = this.timeout > 0 ? performance.now() + this.timeout : Number.POSITIVE_INFINITY
    for (;;) {
      const turn = this.#get('TURN')
      if (true_()) return true
      const left = end - performance.now()
      if (this.nonBlocking || left <= 0) return false
      Atomics.wait(this.#words, WORDS.TURN, turn, left)
    }
  }

  #watched(isReady: () => boolean): boolean {
    if (isReady()) return true
    Atomics.store(this.#words, WORDS.WATCHED, 1)
    watched.add(this.#id)
    holdOrNot()
    return isReady()
  }

  #end(leave: boolean): void {
    if (this.#closed) return
    this.#closed = true
    const pending = this.#get('STATE') === STATES.PENDING && this.#get('FAILED') === 0
    thread?.send({ do: 'close', id: this.#id, leave: leave && !pending } satisfies Order)
    sockets.delete(this.#id)
    watched.delete(this.#id)
    if (!leave || pending) closing.add(this.#id)
    holdOrNot()
    this.changed()
  }

  #get(word: keyof typeof WORDS): number {
    return Atomics.load(this.#words, WORDS[word])
  }
  #order(what: 'look' | 'send'): void {
    thread?.send({ do: what, id: this.#id } satisfies Order)
  }
  #told(place: 'opened' | 'failure'): unknown {
    const { at } = PLACES[place]
    const length = new DataView(this.#memory).getUint32(at)
    return JSON.parse(new TextDecoder().decode(new Uint8Array(this.#memory, at + 4, length).slice()))
  }
}

/** A socket that `make` begins, held by whoever `changed` tells. null with an error where the thread cannot be had. */
export const blocking = (
  make: () => ThreadSocket,
  timeout: number,
  changed: () => void,
  file: string,
): ThreadSocket | null => {
  try {
    const socket = make()
    socket.timeout = timeout
    socket.hold(changed)
    return socket
  } catch (error) {
    BIOerr('UNSUPPORTED_METHOD', file)
    ERR_add_error_data('this BIO cannot block: ', (error as Error).message)
    return null
  }
}

/** The socket of the thread that has this descriptor, undefined if none has. One that failed has it no more. */
export const threadSocketOf = (fd: number): ThreadSocket | undefined => {
  for (const socket of sockets.values()) if (fd >= 0 && socket.opened?.fd === fd && socket.error === null) return socket
  return undefined
}

let thread: Thread | null = null
let numbers = 0
/** Those that the realm can still use. */
const sockets = new Map<number, ThreadSocket>()
/** Those that the thread still has, those among them that nobody uses any more, and those that somebody awaits. */
const open = new Set<number>()
const closing = new Set<number>()
const watched = new Set<number>()

/** How long a thread may take to begin, in milliseconds. */
const PATIENCE = 30_000

const theThread = (): Thread => {
  if (thread !== null) return thread
  const started = new SharedArrayBuffer(4)
  const beginning: Beginning = { started, WORDS, STATES, PLACES }
  const begun = startThread(new URL('./socket-thread.js', import.meta.url), beginning, (report) =>
    heard(report as Report),
  )
  if (Atomics.wait(new Int32Array(started), 0, 0, PATIENCE) === 'timed-out') {
    begun.end()
    throw new Error(`the thread for blocking sockets did not begin within ${PATIENCE / 1000} seconds`)
  }
  thread = begun
  return thread
}

const heard = ({ say, id }: Report): void => {
  if (say === 'changed') return sockets.get(id)?.changed()
  open.delete(id)
  closing.delete(id)
  holdOrNot()
  if (open.size > 0) return
  thread?.end()
  thread = null
}

/** The process stays while what was closed still leaves, and while somebody awaits a socket. */
const holdOrNot = (): void => thread?.hold(closing.size > 0 || watched.size > 0)

const failed = (errno: string | number): -1 => {
  set_errno(typeof errno === 'number' ? errno : (errnos[errno] ?? 5))
  return -1
}
