import { Misuse } from '../errors.ts'
import {
  type BIO,
  BIO_clear_retry_flags,
  BIO_ctrl,
  BIO_free,
  BIO_METHOD,
  BIO_new,
  BIO_set_retry_read,
  BIO_set_retry_write,
  type Box,
} from './bio.ts'
import * as n from './bio-numbers.ts'
import { BIOerr } from './err.ts'

/** BIO pairs (BIO_s_bio(3)): two ends, each writing into a ring of its own that the other one reads. */

/** One end. The ring holds what this end wrote and the other has not read. */
interface End {
  /** Allocated when first paired, kept until the size changes. */
  ring: Uint8Array | null
  size: number
  from: number
  length: number
  /** What the other end asked for in vain. */
  request: number
  closed: boolean
  peer: BIO | null
}

const pairMethod = new BIO_METHOD(n.BIO_TYPE_BIO, 'BIO pair', {
  create: (bio) => {
    bio.ptr = { ring: null, size: 17 * 1024, from: 0, length: 0, request: 0, closed: false, peer: null } satisfies End
    return 1
  },
  destroy: (bio) => {
    separate(bio)
    return 1
  },
  read: (bio, into) => {
    BIO_clear_retry_flags(bio)
    const other = otherEnd(bio)
    other.request = 0
    if (into.length === 0) return 0
    if (other.length === 0) return nothing(bio, other, into.length)
    const wanted = Math.min(into.length, other.length)
    const first = Math.min(wanted, other.size - other.from)
    into.set(other.ring!.subarray(other.from, other.from + first))
    if (first < wanted) into.set(other.ring!.subarray(0, wanted - first), first)
    consume(bio, other, wanted)
    return wanted
  },
  write: (bio, from) => {
    BIO_clear_retry_flags(bio)
    if (from.length === 0) return 0
    const end = bio.ptr as End
    const refusal = writable(bio, end)
    if (refusal !== 0) return refusal
    const taken = Math.min(from.length, end.size - end.length)
    const at = (end.from + end.length) % end.size
    const first = Math.min(taken, end.size - at)
    end.ring!.set(first === from.length ? from : from.subarray(0, first), at)
    if (first < taken) end.ring!.set(from.subarray(first, taken))
    end.length += taken
    end.peer!.wake()
    return taken
  },
  puts: (bio, text) => pairMethod.write!(bio, new TextEncoder().encode(text)),
  lend: (bio) => {
    const other = otherEnd(bio)
    return other.length === 0 ? null : readable(other)
  },
  take: (bio, length) => {
    const other = otherEnd(bio)
    if (length > other.length) throw new Misuse(`${length} bytes were taken of the ${other.length} that a BIO lent`)
    consume(bio, other, length)
  },
  ready: (bio, want) => {
    const end = bio.ptr as End
    if (end.peer === null) return true
    const other = end.peer.ptr as End
    return want === 'read' ? other.length > 0 || other.closed : end.length < end.size || end.closed
  },
  ctrl: (bio, cmd, larg, parg) => {
    const end = bio.ptr as End
    switch (cmd) {
      case n.BIO_C_SET_WRITE_BUF_SIZE:
        return setSize(end, larg)
      case n.BIO_C_GET_WRITE_BUF_SIZE:
        return end.size
      case n.BIO_C_MAKE_BIO_PAIR:
        return join(bio, parg as BIO)
      case n.BIO_C_DESTROY_BIO_PAIR:
        separate(bio)
        return 1
      case n.BIO_C_GET_WRITE_GUARANTEE:
        return end.peer === null || end.closed ? 0 : end.size - end.length
      case n.BIO_C_GET_READ_REQUEST:
        return end.request
      case n.BIO_C_RESET_READ_REQUEST:
        end.request = 0
        return 1
      case n.BIO_C_SHUTDOWN_WR:
        end.closed = true
        bio.wake()
        if (end.peer !== null) end.peer.wake()
        return 1
      case n.BIO_C_NREAD0:
        return viewToRead(bio, Number.POSITIVE_INFINITY, parg as Box<Uint8Array>, false)
      case n.BIO_C_NREAD:
        return viewToRead(bio, larg, parg as Box<Uint8Array>, true)
      case n.BIO_C_NWRITE0:
        return viewToFill(bio, Number.POSITIVE_INFINITY, parg as Box<Uint8Array>, false)
      case n.BIO_C_NWRITE:
        return viewToFill(bio, larg, parg as Box<Uint8Array>, true)
      case n.BIO_CTRL_RESET:
        end.from = end.length = 0
        bio.wake()
        return 0
      case n.BIO_CTRL_GET_CLOSE:
        return bio.shutdown
      case n.BIO_CTRL_SET_CLOSE:
        bio.shutdown = larg
        return 1
      case n.BIO_CTRL_PENDING:
        return end.peer === null ? 0 : (end.peer.ptr as End).length
      case n.BIO_CTRL_WPENDING:
        return end.length
      case n.BIO_CTRL_DUP: {
        const twin = parg as BIO
        ;(twin.ptr as End).size = end.size
        twin.init = 0 // it has no peer yet, whatever the first one has
        return 1
      }
      case n.BIO_CTRL_FLUSH:
        return 1
      case n.BIO_CTRL_EOF: {
        if (end.peer === null) return 1
        const other = end.peer.ptr as End
        return other.length === 0 && other.closed ? 1 : 0
      }
      default:
        return 0
    }
  },
})

export const BIO_s_bio = (): BIO_METHOD => pairMethod

/** Two joined ends; `writebuf1` and `writebuf2` are the bytes that each may be ahead, 0 for 17408. */
export const BIO_new_bio_pair = (writebuf1: number, writebuf2: number): [BIO, BIO] | null => {
  const a = BIO_new(pairMethod)
  const b = BIO_new(pairMethod)
  if (
    a !== null &&
    b !== null &&
    (writebuf1 === 0 || BIO_set_write_buf_size(a, writebuf1) === 1) &&
    (writebuf2 === 0 || BIO_set_write_buf_size(b, writebuf2) === 1) &&
    BIO_make_bio_pair(a, b) === 1
  ) {
    return [a, b]
  }
  BIO_free(a)
  BIO_free(b)
  return null
}

/** Joins two unpaired ends. 0 with the reason "in use" if one is paired. */
export const BIO_make_bio_pair = (a: BIO, b: BIO): 0 | 1 => bit(BIO_ctrl(a, n.BIO_C_MAKE_BIO_PAIR, 0, b))
/** Separates both ends; what was in them is lost. They can be paired again. */
export const BIO_destroy_bio_pair = (bio: BIO): 0 | 1 => bit(BIO_ctrl(bio, n.BIO_C_DESTROY_BIO_PAIR))
/** This end writes no more: the other one reads what is left and then 0. */
export const BIO_shutdown_wr = (bio: BIO): number => BIO_ctrl(bio, n.BIO_C_SHUTDOWN_WR)
/** Sets the size of this end's ring, before pairing. 0 with a reason otherwise, or for 0 bytes. */
export const BIO_set_write_buf_size = (bio: BIO, size: number): 0 | 1 =>
  bit(BIO_ctrl(bio, n.BIO_C_SET_WRITE_BUF_SIZE, size))
export const BIO_get_write_buf_size = (bio: BIO): number => BIO_ctrl(bio, n.BIO_C_GET_WRITE_BUF_SIZE)
/** Bytes that a write would take now; 0 after shutdown or unpaired. */
export const BIO_ctrl_get_write_guarantee = (bio: BIO): number => BIO_ctrl(bio, n.BIO_C_GET_WRITE_GUARANTEE)
export const BIO_get_write_guarantee = BIO_ctrl_get_write_guarantee
/** Bytes that the other end wanted to read and did not find; at most this end's ring. */
export const BIO_ctrl_get_read_request = (bio: BIO): number => BIO_ctrl(bio, n.BIO_C_GET_READ_REQUEST)
export const BIO_get_read_request = BIO_ctrl_get_read_request
export const BIO_ctrl_reset_read_request = (bio: BIO): 0 | 1 => bit(BIO_ctrl(bio, n.BIO_C_RESET_READ_REQUEST))

/** A view of the ring, for reading without a copy or for filling. Good until the next call on either end. */
export interface Span {
  /** The view's length; or 0, -1 or -2 as of BIO_read and BIO_write. */
  readonly ret: number
  readonly data: Uint8Array
}

/** The bytes that lie together, unconsumed; at the ring's end it takes a second call for the rest. */
export const BIO_nread0 = (bio: BIO): Span => span(bio, n.BIO_C_NREAD0, 0)
/** At most `num` of these, consumed: the view stays good until the other end writes. */
export const BIO_nread = (bio: BIO, num: number): Span => {
  const view = span(bio, n.BIO_C_NREAD, num)
  if (view.ret > 0) bio.bytesRead += view.ret
  return view
}
/** The free space that lies together. */
export const BIO_nwrite0 = (bio: BIO): Span => span(bio, n.BIO_C_NWRITE0, 0)
/** At most `num` bytes of this, counted as written: the caller fills the view before the other end reads. */
export const BIO_nwrite = (bio: BIO, num: number): Span => {
  const view = span(bio, n.BIO_C_NWRITE, num)
  if (view.ret > 0) bio.bytesWritten += view.ret
  return view
}

const FILE = 'openssl/bio-pair.ts'
const NOTHING = new Uint8Array(0)

const bit = (n: number): 0 | 1 => (n > 0 ? 1 : 0)
const otherEnd = (bio: BIO): End => (bio.ptr as End).peer!.ptr as End

const span = (bio: BIO, cmd: number, num: number): Span => {
  if (bio.init === 0) {
    BIOerr('UNINITIALIZED', FILE)
    return { ret: -2, data: NOTHING }
  }
  const box: Box<Uint8Array> = { value: null }
  const ret = BIO_ctrl(bio, cmd, num, box)
  return { ret, data: box.value ?? NOTHING }
}

/** 0, the end, if the writer has closed; else -1, and the writer is told what was asked for. */
const nothing = (bio: BIO, other: End, wanted: number): 0 | -1 => {
  if (other.closed) return 0
  BIO_set_retry_read(bio)
  other.request = Math.min(wanted, other.size)
  return -1
}

/** 0 if this end can be written to, -1 with the reason or the retry flag if not. */
const writable = (bio: BIO, end: End): 0 | -1 => {
  end.request = 0
  if (end.closed) {
    BIOerr('BROKEN_PIPE', FILE)
    return -1
  }
  if (end.length < end.size) return 0
  BIO_set_retry_write(bio)
  return -1
}

const readable = (other: End): Uint8Array =>
  other.ring!.subarray(other.from, Math.min(other.from + other.length, other.size))

const consume = (bio: BIO, other: End, length: number): void => {
  other.length -= length
  other.from = other.length === 0 ? 0 : (other.from + length) % other.size
  ;(bio.ptr as End).peer!.wake()
}

const viewToRead = (bio: BIO, num: number, box: Box<Uint8Array> | null, take: boolean): number => {
  BIO_clear_retry_flags(bio)
  if (bio.init === 0) return 0
  const other = otherEnd(bio)
  other.request = 0
  if (other.length === 0) return nothing(bio, other, 1)
  const all = readable(other)
  const length = Math.min(all.length, num)
  if (length <= 0) return length
  if (box !== null) box.value = all.subarray(0, length)
  if (take) consume(bio, other, length)
  return length
}

const viewToFill = (bio: BIO, num: number, box: Box<Uint8Array> | null, take: boolean): number => {
  BIO_clear_retry_flags(bio)
  if (bio.init === 0) return 0
  const end = bio.ptr as End
  const refusal = writable(bio, end)
  if (refusal !== 0) return refusal
  const at = (end.from + end.length) % end.size
  const length = Math.min(end.size - end.length, end.size - at, num)
  if (length <= 0) return length
  if (box !== null) box.value = end.ring!.subarray(at, at + length)
  if (take) {
    end.length += length
    end.peer!.wake()
  }
  return length
}

const setSize = (end: End, size: number): 0 | 1 => {
  if (end.peer !== null) {
    BIOerr('IN_USE', FILE)
    return 0
  }
  if (size <= 0) {
    BIOerr('INVALID_ARGUMENT', FILE)
    return 0
  }
  if (size !== end.size) end.ring = null
  end.size = size
  return 1
}

const join = (a: BIO, b: BIO): 0 | 1 => {
  if (b.method !== pairMethod) {
    BIOerr('INVALID_ARGUMENT', FILE)
    return 0
  }
  const ends = [a.ptr as End, b.ptr as End] as const
  if (a === b || ends[0].peer !== null || ends[1].peer !== null) {
    BIOerr('IN_USE', FILE)
    return 0
  }
  for (const end of ends) {
    end.ring ??= new Uint8Array(end.size)
    end.from = end.length = end.request = 0
    end.closed = false
  }
  ends[0].peer = b
  ends[1].peer = a
  a.init = b.init = 1
  return 1
}

const separate = (bio: BIO): void => {
  const end = bio.ptr as End
  const { peer } = end
  if (peer === null) return
  const other = peer.ptr as End
  end.peer = other.peer = null
  end.from = end.length = other.from = other.length = 0
  bio.init = peer.init = 0
  bio.wake()
  peer.wake()
}
