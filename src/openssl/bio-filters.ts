import {
  type BIO,
  BIO_clear_retry_flags,
  BIO_copy_next_retry,
  BIO_ctrl,
  BIO_gets,
  BIO_METHOD,
  BIO_puts,
  BIO_read,
  BIO_write,
} from './bio.ts'
import * as n from './bio-numbers.ts'
import { driveNext, nextReady, passOn } from './filter.ts'

/** Filters that change nothing or only when it is sent: BIO_f_buffer(3), BIO_f_null(3); and BIO_s_null(3). */

const encoder = new TextEncoder()
const DEFAULT_SIZE = 4096

interface Buffered {
  input: Uint8Array
  inputFrom: number
  inputLength: number
  output: Uint8Array
  outputFrom: number
  outputLength: number
}

const bufferMethod = new BIO_METHOD(n.BIO_TYPE_BUFFER, 'buffer', {
  create: (bio) => {
    bio.init = 1
    bio.ptr = {
      input: new Uint8Array(DEFAULT_SIZE),
      inputFrom: 0,
      inputLength: 0,
      output: new Uint8Array(DEFAULT_SIZE),
      outputFrom: 0,
      outputLength: 0,
    } satisfies Buffered
    return 1
  },
  read: (bio, into) => {
    if (bio.next === null) return 0
    BIO_clear_retry_flags(bio)
    const b = bio.ptr as Buffered
    let done = 0
    for (;;) {
      const held = Math.min(b.inputLength, into.length - done)
      if (held > 0) {
        into.set(b.input.subarray(b.inputFrom, b.inputFrom + held), done)
        b.inputFrom += held
        b.inputLength -= held
        done += held
      }
      if (done === into.length && (done > 0 || b.inputLength > 0)) return done
      if (into.length - done > b.input.length) {
        const got = BIO_read(bio.next, into.subarray(done))
        if (got <= 0) return stopped(bio, done, got)
        done += got
        if (done === into.length) return done
      } else {
        const got = refill(bio, b)
        if (got <= 0) return stopped(bio, done, got)
        if (into.length === 0) return 0
      }
    }
  },
  write: (bio, from) => {
    if (from.length === 0 || bio.next === null) return 0
    BIO_clear_retry_flags(bio)
    const b = bio.ptr as Buffered
    let done = 0
    for (;;) {
      const at = b.outputFrom + b.outputLength
      const kept = Math.min(b.output.length - at, from.length - done)
      if (b.outputLength > 0 || from.length - done <= kept) {
        b.output.set(from.subarray(done, done + kept), at)
        b.outputLength += kept
        done += kept
        if (done === from.length) return done
        const sent = drain(bio, b)
        if (sent <= 0) return stopped(bio, done, sent)
      }
      b.outputFrom = 0
      while (from.length - done >= b.output.length) {
        const sent = BIO_write(bio.next, from.subarray(done))
        if (sent <= 0) return stopped(bio, done, sent)
        done += sent
        if (done === from.length) return done
      }
    }
  },
  puts: (bio, text) => bufferMethod.write!(bio, encoder.encode(text)),
  gets: (bio, into) => {
    BIO_clear_retry_flags(bio)
    const b = bio.ptr as Buffered
    const most = into.length - 1
    let done = 0
    while (done < most) {
      if (b.inputLength === 0) {
        const got = refill(bio, b)
        if (got <= 0) {
          into[done] = 0
          return stopped(bio, done, got)
        }
      }
      const held = b.input.subarray(b.inputFrom, b.inputFrom + Math.min(b.inputLength, most - done))
      const newline = held.indexOf(10)
      const length = newline < 0 ? held.length : newline + 1
      into.set(held.subarray(0, length), done)
      b.inputFrom += length
      b.inputLength -= length
      done += length
      if (newline >= 0) break
    }
    if (into.length > 0) into[done] = 0
    return done
  },
  ready: (bio, want) => (want === 'read' && (bio.ptr as Buffered).inputLength > 0 ? true : nextReady(bio, want)),
  ctrl: (bio, cmd, larg, parg) => {
    const b = bio.ptr as Buffered
    switch (cmd) {
      case n.BIO_CTRL_RESET:
        b.inputFrom = b.inputLength = b.outputFrom = b.outputLength = 0
        return passOn(bio, cmd, larg, parg)
      case n.BIO_CTRL_EOF:
        return b.inputLength > 0 ? 0 : passOn(bio, cmd, larg, parg)
      case n.BIO_CTRL_INFO:
        return b.outputLength
      case n.BIO_C_GET_BUFF_NUM_LINES:
        return b.input.subarray(b.inputFrom, b.inputFrom + b.inputLength).filter((byte) => byte === 10).length
      case n.BIO_CTRL_WPENDING:
        return b.outputLength || passOn(bio, cmd, larg, parg)
      case n.BIO_CTRL_PENDING:
        return b.inputLength || passOn(bio, cmd, larg, parg)
      case n.BIO_C_SET_BUFF_READ_DATA: {
        const data = (parg as Uint8Array).subarray(0, larg)
        if (data.length > b.input.length) b.input = new Uint8Array(data.length)
        b.input.set(data)
        b.inputFrom = 0
        b.inputLength = data.length
        return 1
      }
      case n.BIO_C_SET_BUFF_SIZE:
        return resize(b, larg, parg as 'read' | 'write' | null)
      case n.BIO_C_DO_STATE_MACHINE:
        return driveNext(bio, cmd, larg, parg)
      case n.BIO_CTRL_FLUSH: {
        if (bio.next === null) return 0
        BIO_clear_retry_flags(bio)
        const sent = drain(bio, b)
        return sent <= 0 ? stopped(bio, 0, sent) : flushNext(bio)
      }
      case n.BIO_CTRL_DUP: {
        const twin = (parg as BIO).ptr as Buffered
        resize(twin, b.input.length, 'read')
        resize(twin, b.output.length, 'write')
        return 1
      }
      case n.BIO_CTRL_PEEK: {
        if (b.inputLength === 0 && bio.next !== null) refill(bio, b)
        const length = Math.min(larg, b.inputLength)
        ;(parg as Uint8Array).set(b.input.subarray(b.inputFrom, b.inputFrom + length))
        return length
      }
      default:
        return passOn(bio, cmd, larg, parg)
    }
  },
})

/** A filter that collects small writes until its buffer is full or flushed, and reads ahead; lines can be read of it. */
export const BIO_f_buffer = (): BIO_METHOD => bufferMethod

/** Both buffers' size in bytes; below 4096 a buffer keeps its size. Returns 1. */
export const BIO_set_buffer_size = (bio: BIO, size: number): number => BIO_ctrl(bio, n.BIO_C_SET_BUFF_SIZE, size)
export const BIO_set_read_buffer_size = (bio: BIO, size: number): number =>
  BIO_ctrl(bio, n.BIO_C_SET_BUFF_SIZE, size, 'read')
export const BIO_set_write_buffer_size = (bio: BIO, size: number): number =>
  BIO_ctrl(bio, n.BIO_C_SET_BUFF_SIZE, size, 'write')
/** Puts bytes where the next read finds them first. */
export const BIO_set_buffer_read_data = (bio: BIO, data: Uint8Array, num: number = data.length): number =>
  BIO_ctrl(bio, n.BIO_C_SET_BUFF_READ_DATA, num, data)
/** The newlines among the bytes read ahead. */
export const BIO_get_buffer_num_lines = (bio: BIO): number => BIO_ctrl(bio, n.BIO_C_GET_BUFF_NUM_LINES)
/** Copies at most `num` bytes read ahead into `into`, unconsumed. Returns how many. */
export const BIO_buffer_peek = (bio: BIO, into: Uint8Array, num: number = into.length): number =>
  BIO_ctrl(bio, n.BIO_CTRL_PEEK, num, into)

const nullFilter = new BIO_METHOD(n.BIO_TYPE_NULL_FILTER, 'NULL filter', {
  read: (bio, into) => through(bio, (next) => BIO_read(next, into)),
  write: (bio, from) => (from.length === 0 ? 0 : through(bio, (next) => BIO_write(next, from))),
  puts: (bio, text) => through(bio, (next) => BIO_puts(next, text)),
  gets: (bio, into) => through(bio, (next) => BIO_gets(next, into)),
  ready: nextReady,
  ctrl: (bio, cmd, larg, parg) => {
    if (cmd === n.BIO_C_DO_STATE_MACHINE) return driveNext(bio, cmd, larg, parg)
    return cmd === n.BIO_CTRL_DUP ? 1 : passOn(bio, cmd, larg, parg)
  },
})

/** A filter that hands everything on. */
export const BIO_f_null = (): BIO_METHOD => nullFilter

const nullSink = new BIO_METHOD(n.BIO_TYPE_NULL, 'NULL', {
  read: () => 0,
  write: (_bio, from) => from.length,
  puts: (_bio, text) => encoder.encode(text).length,
  gets: () => 0,
  ready: () => true,
  ctrl: (_bio, cmd) => (NULL_SAYS_YES.has(cmd) ? 1 : 0),
})
const NULL_SAYS_YES = new Set([
  n.BIO_CTRL_RESET,
  n.BIO_CTRL_EOF,
  n.BIO_CTRL_SET,
  n.BIO_CTRL_SET_CLOSE,
  n.BIO_CTRL_FLUSH,
  n.BIO_CTRL_DUP,
])

/** Takes everything and gives nothing. */
export const BIO_s_null = (): BIO_METHOD => nullSink

const through = (bio: BIO, call: (next: BIO) => number): number => {
  if (bio.next === null) return 0
  BIO_clear_retry_flags(bio)
  const ret = call(bio.next)
  BIO_copy_next_retry(bio)
  return ret
}

/** The next BIO did not get further: what was done counts, else its answer. */
const stopped = (bio: BIO, done: number, ret: number): number => {
  BIO_copy_next_retry(bio)
  return done > 0 ? done : ret
}

const refill = (bio: BIO, b: Buffered): number => {
  const got = BIO_read(bio.next, b.input)
  b.inputFrom = 0
  b.inputLength = Math.max(got, 0)
  return got
}

/** Sends what is collected. 1 when all is gone, else what the next BIO said. */
const drain = (bio: BIO, b: Buffered): number => {
  while (b.outputLength > 0) {
    const sent = BIO_write(bio.next, b.output.subarray(b.outputFrom, b.outputFrom + b.outputLength))
    if (sent <= 0) return sent
    b.outputFrom += sent
    b.outputLength -= sent
  }
  b.outputFrom = 0
  return 1
}

const flushNext = (bio: BIO): number => {
  const ret = BIO_ctrl(bio.next, n.BIO_CTRL_FLUSH)
  BIO_copy_next_retry(bio)
  return ret
}

const resize = (b: Buffered, size: number, which: 'read' | 'write' | null): number => {
  if (size > DEFAULT_SIZE && which !== 'write' && size !== b.input.length) {
    b.input = new Uint8Array(size)
    b.inputFrom = b.inputLength = 0
  }
  if (size > DEFAULT_SIZE && which !== 'read' && size !== b.output.length) {
    b.output = new Uint8Array(size)
    b.outputFrom = b.outputLength = 0
  }
  return 1
}
