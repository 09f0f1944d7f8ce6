import { Misuse } from '../errors.ts'
import {
  BIO_C_SET_NBIO,
  BIO_CB_CTRL,
  BIO_CB_FREE,
  BIO_CB_GETS,
  BIO_CB_PUTS,
  BIO_CB_READ,
  BIO_CB_RETURN,
  BIO_CB_WRITE,
  BIO_CTRL_DUP,
  BIO_CTRL_EOF,
  BIO_CTRL_FLUSH,
  BIO_CTRL_GET_CLOSE,
  BIO_CTRL_PENDING,
  BIO_CTRL_POP,
  BIO_CTRL_PUSH,
  BIO_CTRL_RESET,
  BIO_CTRL_SET_CLOSE,
  BIO_CTRL_WPENDING,
  BIO_FLAGS_IO_SPECIAL,
  BIO_FLAGS_READ,
  BIO_FLAGS_RWS,
  BIO_FLAGS_SHOULD_RETRY,
  BIO_FLAGS_WRITE,
} from './bio-numbers.ts'
import { BIOerr, ERR_R_INIT_FAIL, ERR_R_INTERNAL_ERROR } from './err.ts'

/**
 * BIOs, as bio(7) has them: a method (what kind it is), a state, a next one, and why the last call did not get further.
 * Names, arguments and results are OpenSSL 1.1.1's; see BIO_read(3), BIO_ctrl(3), BIO_push(3), BIO_should_retry(3).
 */

/** What a caller of a BIO may have to wait for. */
export type Want = 'read' | 'write' | 'connect' | 'accept'

/** What a BIO is told before (ret 1) and after (ret = result) each call; what it returns becomes the result. */
export type BIO_callback_fn = (bio: BIO, oper: number, argp: unknown, argi: number, argl: number, ret: number) => number

/** Where a ctrl leaves what C writes through a pointer. */
export interface Box<T> {
  value: T | null
}

/** What a kind of BIO can do. Reads and writes return bytes, 0 for the end, -1 with a retry flag for "not now". */
export interface Operations {
  read: ((bio: BIO, into: Uint8Array) => number) | null
  write: ((bio: BIO, from: Uint8Array) => number) | null
  puts: ((bio: BIO, text: string) => number) | null
  /** Reads a line into `into`, newline included, and a zero byte behind it. */
  gets: ((bio: BIO, into: Uint8Array) => number) | null
  ctrl: ((bio: BIO, cmd: number, larg: number, parg: unknown) => number) | null
  create: ((bio: BIO) => number) | null
  destroy: ((bio: BIO) => number) | null
  /** Whether a call that had to wait would get further now; a filter names the BIO to ask instead. See BIO_wait. */
  ready: ((bio: BIO, want: Want) => boolean | BIO) | null
  /** Instead of `ready`, for a method of the program's own: resolves when it is worth calling again. */
  wait: ((bio: BIO, want: Want, signal: AbortSignal) => Promise<void>) | null
  /** Nobody waits for it any more, in the way of `ready`. */
  idle: ((bio: BIO) => void) | null
  /** A view of what can be read at once, null if nothing; `take` then consumes from its beginning. */
  lend: ((bio: BIO) => Uint8Array | null) | null
  take: ((bio: BIO, length: number) => void) | null
  /** Like `write`, of bytes that the caller will not touch again. */
  give: ((bio: BIO, bytes: Uint8Array) => number) | null
}

/** A kind of BIO. */
export class BIO_METHOD implements Operations {
  readonly type: number
  readonly name: string
  read: Operations['read'] = null
  write: Operations['write'] = null
  puts: Operations['puts'] = null
  gets: Operations['gets'] = null
  ctrl: Operations['ctrl'] = null
  create: Operations['create'] = null
  destroy: Operations['destroy'] = null
  ready: Operations['ready'] = null
  wait: Operations['wait'] = null
  idle: Operations['idle'] = null
  lend: Operations['lend'] = null
  take: Operations['take'] = null
  give: Operations['give'] = null

  constructor(type: number, name: string, operations: Partial<Operations> = {}) {
    this.type = type
    this.name = name
    Object.assign(this, operations)
  }
}

/** A BIO. Its fields are for methods; programs use the functions. */
export class BIO {
  readonly method: BIO_METHOD
  /** Whether it can be read and written: 0 or 1. */
  init = 0
  /** Whether freeing it closes what it stands for: BIO_NOCLOSE or BIO_CLOSE. */
  shutdown = 1
  flags = 0
  retry_reason = 0
  /** A number of the method's own. */
  num = 0
  /** The method's state. */
  ptr: unknown = null
  next: BIO | null = null
  previous: BIO | null = null
  references = 1
  bytesRead = 0
  bytesWritten = 0
  callback: BIO_callback_fn | null = null
  callbackArgument: unknown = null
  extra: unknown[] | null = null
  /** Who is called when this BIO may have become ready. */
  waiters: Set<() => void> | null = null

  constructor(method: BIO_METHOD) {
    this.method = method
  }

  /** The BIO itself, while it has a reference. Throws `Misuse` afterwards. */
  held(): this {
    if (this.references > 0) return this
    throw new Misuse(`this BIO (${this.method.name}) was freed; whoever uses it must hold a reference (BIO_up_ref)`)
  }

  /** Tells those who wait for this BIO to look again. Methods call it when data, room or the end has come. */
  wake(): void {
    if (this.waiters !== null) for (const waiter of [...this.waiters]) waiter()
  }
}

/** A new BIO with one reference. null, with an entry in the error queue, if its method cannot create it. */
export const BIO_new = (method: BIO_METHOD): BIO | null => {
  const bio = new BIO(method)
  if (method.create === null) bio.init = 1
  else if (method.create(bio) <= 0) {
    BIOerr(ERR_R_INIT_FAIL, FILE)
    return null
  }
  return bio
}

export const BIO_up_ref = (bio: BIO): 0 | 1 => {
  bio.held().references++
  return 1
}

/** Gives one reference back; with the last one the BIO ends. 1, or 0 for null. Other BIOs of its chain stay. */
export const BIO_free = (bio: BIO | null): 0 | 1 => {
  if (bio === null) return 0
  if (--bio.held().references > 0) return 1
  if (bio.callback !== null && bio.callback(bio, BIO_CB_FREE, null, 0, 0, 1) <= 0) return 0
  bio.method.destroy?.(bio)
  if (bio.previous !== null) bio.previous.next = bio.next
  if (bio.next !== null) bio.next.previous = bio.previous
  bio.next = bio.previous = null
  bio.init = 0
  bio.wake()
  return 1
}
export const BIO_vfree = (bio: BIO | null): void => void BIO_free(bio)

/** Frees a whole chain, up to the first BIO that somebody else still holds. */
export const BIO_free_all = (bio: BIO | null): void => {
  for (let here = bio; here !== null; ) {
    const { next, references } = here
    BIO_free(here)
    if (references > 1) return
    here = next
  }
}

/** Reads at most `num` bytes. > 0 bytes; 0 or -1 no data, see the retry flags; -2 not supported or not initialised. */
export const BIO_read = (bio: BIO | null, buf: Uint8Array, num: number = buf.length): number => {
  if (num < 0) return 0
  if (bio === null || bio.method.read === null) return refused('UNSUPPORTED_METHOD')
  if (bio.held().callback !== null) {
    return watched(bio, BIO_CB_READ, buf, num, 0, () => readFrom(bio, part(buf, num)))
  }
  return readFrom(bio, num === buf.length ? buf : part(buf, num))
}

const readFrom = (bio: BIO, into: Uint8Array): number => {
  if (bio.init === 0) return refused('UNINITIALIZED')
  const ret = bio.method.read!(bio, into)
  if (ret <= 0) return ret
  if (ret > into.length) {
    BIOerr(ERR_R_INTERNAL_ERROR, FILE)
    return -1
  }
  bio.bytesRead += ret
  return ret
}

/** Writes at most `num` bytes. > 0 bytes taken; 0 or -1 none, see the retry flags; -2 not supported or initialised. */
export const BIO_write = (bio: BIO | null, buf: Uint8Array | null, num: number = buf?.length ?? 0): number => {
  if (num < 0 || bio === null) return 0
  if (bio.held().method.write === null) return refused('UNSUPPORTED_METHOD')
  if (buf === null) {
    BIOerr('NULL_PARAMETER', FILE)
    return -1
  }
  if (bio.callback !== null) {
    return watched(bio, BIO_CB_WRITE, buf, num, 0, () => writeTo(bio, part(buf, num)))
  }
  return writeTo(bio, num === buf.length ? buf : part(buf, num))
}

const writeTo = (bio: BIO, from: Uint8Array): number => {
  if (bio.init === 0) return refused('UNINITIALIZED')
  const ret = bio.method.write!(bio, from)
  if (ret > 0) bio.bytesWritten += ret
  return ret
}

/** BIO_read with C's other manners: `ret` 1 if bytes came, else 0. */
export const BIO_read_ex = (bio: BIO | null, buf: Uint8Array, num?: number): { ret: 0 | 1; n: number } =>
  counted(BIO_read(bio, buf, num))
/** BIO_write with C's other manners: `ret` 1 if bytes went, else 0. */
export const BIO_write_ex = (bio: BIO | null, buf: Uint8Array | null, num?: number): { ret: 0 | 1; n: number } =>
  counted(BIO_write(bio, buf, num))

const counted = (n: number): { ret: 0 | 1; n: number } => (n > 0 ? { ret: 1, n } : { ret: 0, n: 0 })

/** Writes a string as UTF-8. Results as of BIO_write. */
export const BIO_puts = (bio: BIO | null, text: string): number => {
  if (bio === null || bio.held().method.puts === null) return refused('UNSUPPORTED_METHOD')
  const put = (): number => {
    if (bio.init === 0) return refused('UNINITIALIZED')
    const ret = bio.method.puts!(bio, text)
    if (ret > 0) bio.bytesWritten += ret
    return ret
  }
  return bio.callback === null ? put() : watched(bio, BIO_CB_PUTS, text, 0, 0, put)
}

/** Reads a line, newline included, of at most `size` - 1 bytes, and puts a zero byte behind it. Returns its length. */
export const BIO_gets = (bio: BIO | null, buf: Uint8Array, size: number = buf.length): number => {
  if (bio === null || bio.held().method.gets === null) return refused('UNSUPPORTED_METHOD')
  if (size < 0) {
    BIOerr('INVALID_ARGUMENT', FILE)
    return 0
  }
  const get = (): number => (bio.init === 0 ? refused('UNINITIALIZED') : bio.method.gets!(bio, part(buf, size)))
  return bio.callback === null ? get() : watched(bio, BIO_CB_GETS, buf, size, 0, get)
}

/** Any other operation, by number. 0 for a null BIO, -2 if the method has none, else what the method says. */
export const BIO_ctrl = (bio: BIO | null, cmd: number, larg = 0, parg: unknown = null): number => {
  if (bio === null) return 0
  const { ctrl } = bio.held().method
  if (ctrl === null) return refused('UNSUPPORTED_METHOD')
  if (bio.callback === null) return ctrl(bio, cmd, larg, parg)
  return watched(bio, BIO_CB_CTRL, parg, cmd, larg, () => ctrl(bio, cmd, larg, parg))
}

/** Bytes that can be read without further input. */
export const BIO_ctrl_pending = (bio: BIO | null): number => BIO_ctrl(bio, BIO_CTRL_PENDING)
/** Bytes written that have not left yet. */
export const BIO_ctrl_wpending = (bio: BIO | null): number => BIO_ctrl(bio, BIO_CTRL_WPENDING)
export const BIO_pending = BIO_ctrl_pending
export const BIO_wpending = BIO_ctrl_wpending
/** 1 when no more data can ever be read; for memory, when it is empty. */
export const BIO_eof = (bio: BIO | null): number => BIO_ctrl(bio, BIO_CTRL_EOF)
/** Sends what is buffered on. 1, or <= 0 with retry flags. */
export const BIO_flush = (bio: BIO | null): number => BIO_ctrl(bio, BIO_CTRL_FLUSH)
/** Back to the first state: 1, for pairs and sockets 0. */
export const BIO_reset = (bio: BIO | null): number => BIO_ctrl(bio, BIO_CTRL_RESET)
export const BIO_get_close = (bio: BIO | null): number => BIO_ctrl(bio, BIO_CTRL_GET_CLOSE)
export const BIO_set_close = (bio: BIO | null, flag: number): number => BIO_ctrl(bio, BIO_CTRL_SET_CLOSE, flag)
/** Asks a connect or accept BIO never to block: 1. 0 where there is nothing to ask. */
export const BIO_set_nbio = (bio: BIO | null, n: number): number => BIO_ctrl(bio, BIO_C_SET_NBIO, n)
export const BIO_number_read = (bio: BIO | null): number => bio?.bytesRead ?? 0
export const BIO_number_written = (bio: BIO | null): number => bio?.bytesWritten ?? 0
export const BIO_method_type = (bio: BIO): number => bio.method.type
export const BIO_method_name = (bio: BIO): string => bio.method.name

const RETRY = BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY

export const BIO_set_flags = (bio: BIO, flags: number): void => {
  bio.flags |= flags
}
export const BIO_clear_flags = (bio: BIO, flags: number): void => {
  bio.flags &= ~flags
}
export const BIO_test_flags = (bio: BIO, flags: number): number => bio.flags & flags
export const BIO_get_flags = (bio: BIO): number => bio.flags
export const BIO_get_retry_flags = (bio: BIO): number => bio.flags & RETRY
export const BIO_clear_retry_flags = (bio: BIO): void => {
  bio.flags &= ~RETRY
}
export const BIO_set_retry_read = (bio: BIO): void => BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
export const BIO_set_retry_write = (bio: BIO): void => BIO_set_flags(bio, BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY)
export const BIO_set_retry_special = (bio: BIO): void =>
  BIO_set_flags(bio, BIO_FLAGS_IO_SPECIAL | BIO_FLAGS_SHOULD_RETRY)

const flag = (bio: BIO, bit: number): 0 | 1 => ((bio.flags & bit) === 0 ? 0 : 1)
/** 1 if the call that failed should be made again later. */
export const BIO_should_retry = (bio: BIO): 0 | 1 => flag(bio, BIO_FLAGS_SHOULD_RETRY)
export const BIO_should_read = (bio: BIO): 0 | 1 => flag(bio, BIO_FLAGS_READ)
export const BIO_should_write = (bio: BIO): 0 | 1 => flag(bio, BIO_FLAGS_WRITE)
export const BIO_should_io_special = (bio: BIO): 0 | 1 => flag(bio, BIO_FLAGS_IO_SPECIAL)
export const BIO_retry_type = (bio: BIO): number => bio.flags & BIO_FLAGS_RWS
/** Why a special retry: 0, or one of BIO_RR_SSL_X509_LOOKUP, BIO_RR_CONNECT, BIO_RR_ACCEPT. */
export const BIO_get_retry_reason = (bio: BIO): number => bio.retry_reason
export const BIO_set_retry_reason = (bio: BIO, reason: number): void => {
  bio.retry_reason = reason
}

/** The BIO of the chain that made the call fail, and its reason. */
export const BIO_get_retry_BIO = (bio: BIO): { bio: BIO; reason: number } => {
  let last = bio
  for (let here: BIO | null = bio; here !== null && BIO_should_retry(here) === 1; here = here.next) last = here
  return { bio: last, reason: last.retry_reason }
}

/** For filters: takes the next BIO's reason to retry over. */
export const BIO_copy_next_retry = (bio: BIO): void => {
  if (bio.next === null) return
  bio.flags |= bio.next.flags & RETRY
  bio.retry_reason = bio.next.retry_reason
}

/** Appends to the end of a chain. Returns the first of the two. */
export const BIO_push = (bio: BIO | null, append: BIO | null): BIO | null => {
  if (bio === null) return append
  let last = bio.held()
  while (last.next !== null) last = last.next
  last.next = append
  if (append !== null) append.held().previous = last
  BIO_ctrl(bio, BIO_CTRL_PUSH, 0, last)
  return bio
}

/** Takes a BIO out of its chain. Returns what came behind it. */
export const BIO_pop = (bio: BIO | null): BIO | null => {
  if (bio === null) return null
  const { next } = bio.held()
  BIO_ctrl(bio, BIO_CTRL_POP, 0, bio)
  if (bio.previous !== null) bio.previous.next = next
  if (next !== null) next.previous = bio.previous
  bio.next = bio.previous = null
  return next
}

export const BIO_next = (bio: BIO | null): BIO | null => bio?.next ?? null
export const BIO_set_next = (bio: BIO, next: BIO | null): void => {
  bio.next = next
}

/** The first BIO of a type; a type whose low byte is 0 means a class (BIO_TYPE_DESCRIPTOR, _FILTER, _SOURCE_SINK). */
export const BIO_find_type = (bio: BIO | null, type: number): BIO | null => {
  for (let here = bio; here !== null; here = here.next) {
    if ((type & 0xff) === 0 ? (here.method.type & type) !== 0 : here.method.type === type) return here
  }
  return null
}

/** A second chain of the same kinds, with the settings but not the contents of the first. null if one cannot be made. */
export const BIO_dup_chain = (bio: BIO | null): BIO | null => {
  let first: BIO | null = null
  for (let here = bio; here !== null; here = here.next) {
    const twin = BIO_new(here.method)
    if (twin !== null) {
      twin.callback = here.callback
      twin.callbackArgument = here.callbackArgument
      twin.init = here.init
      twin.shutdown = here.shutdown
      twin.flags = here.flags
      twin.num = here.num
      twin.extra = here.extra && [...here.extra]
    }
    if (twin === null || BIO_ctrl(here, BIO_CTRL_DUP, 0, twin) <= 0) {
      BIO_free(twin)
      BIO_free_all(first)
      return null
    }
    first = BIO_push(first, twin)
  }
  return first
}

/**
 * For callers that can use bytes where they lie, such as the SSL pump: what can be read at once, as a view that is good
 * until the next call on this BIO, or null if there is nothing or the BIO has nothing to lend. Then BIO_read says why.
 */
export const BIO_lend = (bio: BIO): Uint8Array | null => {
  const { lend } = bio.held().method
  if (lend === null || bio.callback !== null || bio.init === 0) return null
  const view = lend(bio)
  if (view !== null) bio.flags &= ~RETRY
  return view
}

/** Consumes the first `length` bytes of what BIO_lend just showed. */
export const BIO_take = (bio: BIO, length: number): void => {
  bio.method.take!(bio, length)
  bio.bytesRead += length
}

/** BIO_write of bytes that the caller will not touch again: whoever must keep them need not copy. */
export const BIO_give = (bio: BIO | null, bytes: Uint8Array): number => {
  const give = bio === null ? null : bio.held().method.give
  if (bio === null || give === null || bio.callback !== null || bio.init === 0) return BIO_write(bio, bytes)
  const ret = give(bio, bytes)
  if (ret > 0) bio.bytesWritten += ret
  return ret
}

const FILE = 'openssl/bio.ts'

const refused = (reason: 'UNSUPPORTED_METHOD' | 'UNINITIALIZED'): -2 => {
  BIOerr(reason, FILE)
  return -2
}

const part = (buf: Uint8Array, num: number): Uint8Array => {
  if (num > buf.length) throw new Misuse(`a length of ${num} was given with a buffer of ${buf.length} bytes`)
  return buf.subarray(0, num)
}

/** The callback's two calls around an operation. It may forbid the operation and change its result. */
const watched = (bio: BIO, oper: number, argp: unknown, argi: number, argl: number, run: () => number): number => {
  const before = bio.callback!(bio, oper, argp, argi, argl, 1)
  if (before <= 0) return before
  const ret = run()
  return bio.callback === null ? ret : bio.callback(bio, oper | BIO_CB_RETURN, argp, argi, argl, ret)
}
