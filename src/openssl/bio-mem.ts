import { Misuse } from '../errors.ts'
import { type BIO, BIO_clear_retry_flags, BIO_ctrl, BIO_METHOD, BIO_new, BIO_set_retry_read, type Box } from './bio.ts'
import * as n from './bio-numbers.ts'
import { BIOerr } from './err.ts'

/** Memory BIOs (BIO_s_mem(3)): what is written to one can be read from it. */

/** Memory as C hands it over: `length` bytes of content at the beginning of `data`. */
export interface BUF_MEM {
  data: Uint8Array
  length: number
}

interface Memory {
  bytes: Uint8Array
  /** Where a reset of a read-only or non-clearing BIO goes back to. */
  start: number
  from: number
  to: number
}

const memoryMethod = new BIO_METHOD(n.BIO_TYPE_MEM, 'memory buffer', {
  create: (bio) => {
    bio.init = 1
    bio.num = -1 // what reading returns when empty; 0 means the end
    bio.ptr = { bytes: NOTHING, start: 0, from: 0, to: 0 } satisfies Memory
    return 1
  },
  read: (bio, into) => {
    BIO_clear_retry_flags(bio)
    const m = bio.ptr as Memory
    const length = Math.min(into.length, m.to - m.from)
    if (length === 0) return m.from === m.to ? empty(bio) : 0
    copy(into, m.bytes, m.from, length)
    consume(bio, m, length)
    return length
  },
  write: (bio, from) => {
    if ((bio.flags & n.BIO_FLAGS_MEM_RDONLY) !== 0) {
      BIOerr('WRITE_TO_READ_ONLY_BIO', FILE)
      return -1
    }
    BIO_clear_retry_flags(bio)
    if (from.length === 0) return 0
    const m = bio.ptr as Memory
    const at = room(m, from.length)
    m.bytes.set(from, at)
    if (bio.waiters !== null) bio.wake()
    return from.length
  },
  puts: (bio, text) => memoryMethod.write!(bio, encoder.encode(text)),
  gets: (bio, into) => {
    BIO_clear_retry_flags(bio)
    const m = bio.ptr as Memory
    const most = Math.min(into.length - 1, m.to - m.from)
    if (most <= 0) {
      if (into.length > 0) into[0] = 0
      return 0
    }
    const newline = m.bytes.subarray(m.from, m.from + most).indexOf(10)
    const length = newline < 0 ? most : newline + 1
    into.set(m.bytes.subarray(m.from, m.from + length))
    into[length] = 0
    consume(bio, m, length)
    return length
  },
  lend: (bio) => {
    const m = bio.ptr as Memory
    return m.from === m.to ? null : m.bytes.subarray(m.from, m.to)
  },
  take: (bio, length) => {
    const m = bio.ptr as Memory
    if (length > m.to - m.from) throw new Misuse(`${length} bytes were taken of the ${m.to - m.from} that a BIO lent`)
    consume(bio, m, length)
  },
  ready: (bio, want) => {
    const m = bio.ptr as Memory
    return want !== 'read' || m.from < m.to || bio.num === 0
  },
  ctrl: (bio, cmd, larg, parg) => {
    const m = bio.ptr as Memory
    switch (cmd) {
      case n.BIO_CTRL_RESET:
        if ((bio.flags & (n.BIO_FLAGS_MEM_RDONLY | n.BIO_FLAGS_NONCLEAR_RST)) !== 0) m.from = m.start
        else {
          m.bytes.fill(0, 0, m.to)
          m.start = m.from = m.to = 0
        }
        return 1
      case n.BIO_CTRL_EOF:
        return m.from === m.to ? 1 : 0
      case n.BIO_C_SET_BUF_MEM_EOF_RETURN:
        bio.num = larg
        bio.wake()
        return 1
      case n.BIO_CTRL_INFO:
        if (parg !== null) (parg as Box<Uint8Array>).value = m.bytes.subarray(m.from, m.to)
        return m.to - m.from
      case n.BIO_C_SET_BUF_MEM: {
        const { data, length } = parg as BUF_MEM
        bio.shutdown = larg
        bio.ptr = { bytes: data, start: 0, from: 0, to: length } satisfies Memory
        bio.wake()
        return 1
      }
      case n.BIO_C_GET_BUF_MEM_PTR:
        ;(parg as Box<BUF_MEM>).value = { data: m.bytes.subarray(m.from), length: m.to - m.from }
        return 1
      case n.BIO_CTRL_GET_CLOSE:
        return bio.shutdown
      case n.BIO_CTRL_SET_CLOSE:
        bio.shutdown = larg
        return 1
      case n.BIO_CTRL_PENDING:
        return m.to - m.from
      case n.BIO_CTRL_DUP:
      case n.BIO_CTRL_FLUSH:
        return 1
      default:
        return 0
    }
  },
})

/** Memory that grows with what is written and shrinks as it is read. Reading it empty gives -1 and retry-read. */
export const BIO_s_mem = (): BIO_METHOD => memoryMethod

/**
 * A read-only BIO over `len` bytes (all, if `len` is left out or negative), which are not copied; a string is read as
 * UTF-8. Reading it empty gives 0. null with an error for null.
 */
export const BIO_new_mem_buf = (data: Uint8Array | string | null, len = -1): BIO | null => {
  if (data === null) {
    BIOerr('NULL_PARAMETER', FILE)
    return null
  }
  const bytes = typeof data === 'string' ? encoder.encode(data) : data
  if (len > bytes.length) throw new Misuse(`a length of ${len} was given with a buffer of ${bytes.length} bytes`)
  const bio = BIO_new(memoryMethod)
  if (bio === null) return null
  bio.ptr = { bytes, start: 0, from: 0, to: len < 0 ? bytes.length : len } satisfies Memory
  bio.flags |= n.BIO_FLAGS_MEM_RDONLY
  bio.num = 0
  return bio
}

/** What reading an empty one returns: 0 for a plain end, anything else for that value with the retry-read flag. */
export const BIO_set_mem_eof_return = (bio: BIO, v: number): number => BIO_ctrl(bio, n.BIO_C_SET_BUF_MEM_EOF_RETURN, v)

/** The unread bytes, not copied: good until the BIO is read or written again. */
export const BIO_get_mem_data = (bio: BIO): Uint8Array => {
  const box: Box<Uint8Array> = { value: null }
  BIO_ctrl(bio, n.BIO_CTRL_INFO, 0, box)
  return box.value ?? NOTHING
}

/** The memory behind the unread bytes; null if the BIO is none of memory. */
export const BIO_get_mem_ptr = (bio: BIO): BUF_MEM | null => {
  const box: Box<BUF_MEM> = { value: null }
  BIO_ctrl(bio, n.BIO_C_GET_BUF_MEM_PTR, 0, box)
  return box.value
}

/** Gives the BIO other memory, which is its own from now on. `close` is BIO_CLOSE or BIO_NOCLOSE. */
export const BIO_set_mem_buf = (bio: BIO, memory: BUF_MEM, close: number): number =>
  BIO_ctrl(bio, n.BIO_C_SET_BUF_MEM, close, memory)

const FILE = 'openssl/bio-mem.ts'
const NOTHING = new Uint8Array(0)
const SMALLEST = 4096
/** An emptied BIO keeps more memory than this only while most of it is used. */
const LARGEST_IDLE = 1 << 16
/** Up to here a loop is faster than making a view. */
const FEW = 48
const REWINDS = n.BIO_FLAGS_MEM_RDONLY | n.BIO_FLAGS_NONCLEAR_RST
const encoder = new TextEncoder()

const empty = (bio: BIO): number => {
  if (bio.num !== 0) BIO_set_retry_read(bio)
  return bio.num
}

const consume = (bio: BIO, m: Memory, length: number): void => {
  m.from += length
  if (m.from < m.to || (bio.flags & REWINDS) !== 0) return
  if (m.bytes.length > LARGEST_IDLE && m.to < m.bytes.length / 4) m.bytes = NOTHING
  m.start = m.from = m.to = 0
}

const copy = (into: Uint8Array, from: Uint8Array, at: number, length: number): void => {
  if (length > FEW) into.set(from.subarray(at, at + length))
  else for (let i = 0; i < length; i++) into[i] = from[at + i] as number
}

/** Makes a place of `length` bytes behind the unread ones and says where. What was read before is given up. */
const room = (m: Memory, length: number): number => {
  const unread = m.to - m.from
  if (m.to + length > m.bytes.length) {
    if (unread + length <= m.bytes.length) m.bytes.copyWithin(0, m.from, m.to)
    else {
      const larger = new Uint8Array(Math.max(SMALLEST, unread + length, m.bytes.length * 2))
      larger.set(m.bytes.subarray(m.from, m.to))
      m.bytes = larger
    }
    m.from = 0
    m.to = unread
  }
  m.start = m.from
  const at = m.to
  m.to += length
  return at
}
