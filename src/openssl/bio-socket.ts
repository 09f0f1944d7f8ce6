import { Misuse } from '../errors.ts'
import { type BIO, BIO_ctrl, BIO_find_type, BIO_METHOD, BIO_new, type Box } from './bio.ts'
import * as n from './bio-numbers.ts'
import { blocking, ThreadSocket, threadSocketOf } from './blocking.ts'
import { Descriptor, type End, isRetry, readStream, writeStream } from './descriptor.ts'
import { BIOerr, ERR_add_error_data, get_errno } from './err.ts'
import { type Duplex, descriptorOf, streamOf } from './platform.ts'

/**
 * Socket BIOs (BIO_s_socket(3)) over a `net.Socket`, any other Node Duplex of bytes, or a descriptor's number. They do not
 * block: reading and writing give -1 with a retry flag, and BIO_wait or SSL_wait is their select(2). A descriptor's number
 * may be made to block (BIO_socket_nbio), and one that a blocking BIO gave (BIO_get_fd) does.
 */

/** What a socket BIO stands for. */
export type Fd = number | Duplex

interface Socket {
  fd: number
  /** null for a number that is no socket: every call then fails with EBADF. */
  end: End | null
}

const socketMethod = new BIO_METHOD(n.BIO_TYPE_SOCKET, 'socket', {
  create: () => 1,
  destroy: (bio) => {
    release(bio)
    return 1
  },
  read: (bio, into) => readStream(bio, (bio.ptr as Socket).end, into),
  write: (bio, from) => writeStream(bio, (bio.ptr as Socket).end, from, false),
  give: (bio, bytes) => writeStream(bio, (bio.ptr as Socket).end, bytes, true),
  puts: (bio, text) => socketMethod.write!(bio, new TextEncoder().encode(text)),
  lend: (bio) => (bio.ptr as Socket).end?.lend() ?? null,
  take: (bio, length) => (bio.ptr as Socket).end?.take(length),
  ready: (bio, want) => {
    const end = (bio.ptr as Socket | null)?.end
    return !end || end.ready(want === 'read' ? 'read' : 'write')
  },
  idle: (bio) => (bio.ptr as Socket | null)?.end?.idle(),
  ctrl: (bio, cmd, larg, parg) => {
    switch (cmd) {
      case n.BIO_C_SET_FD: {
        const opened = open(bio, parg as Fd | ThreadSocket)
        release(bio)
        bio.ptr = opened
        bio.shutdown = larg
        bio.init = 1
        bio.flags &= ~n.BIO_FLAGS_IN_EOF
        bio.wake()
        return 1
      }
      case n.BIO_C_GET_FD: {
        if (bio.init === 0) return -1
        const { fd, end } = bio.ptr as Socket
        const stream = end?.stream ?? null
        if (parg !== null) (parg as Box<Duplex>).value = stream
        return fd >= 0 || stream === null ? fd : descriptorOf(stream)
      }
      case n.BIO_C_SET_TIMEOUT: {
        const end = bio.init === 0 ? null : (bio.ptr as Socket).end
        if (!(end instanceof ThreadSocket)) return 0
        end.timeout = larg
        return 1
      }
      case n.BIO_CTRL_GET_CLOSE:
        return bio.shutdown
      case n.BIO_CTRL_SET_CLOSE:
        bio.shutdown = larg
        return 1
      case n.BIO_CTRL_DUP:
      case n.BIO_CTRL_FLUSH:
        return 1
      case n.BIO_CTRL_EOF:
        return (bio.flags & n.BIO_FLAGS_IN_EOF) === 0 ? 0 : 1
      default:
        return 0
    }
  },
})

export const BIO_s_socket = (): BIO_METHOD => socketMethod

/**
 * A BIO over a socket. With BIO_CLOSE, freeing it closes the stream after what was written has left; with BIO_NOCLOSE the
 * stream goes back to its owner, with the bytes that were not read. Throws `Misuse` for a stream that is not one of bytes.
 */
export const BIO_new_socket = (fd: Fd, close: number): BIO | null => {
  const bio = BIO_new(socketMethod)
  if (bio !== null) BIO_set_fd(bio, fd, close)
  return bio
}

/** Gives a socket BIO its socket, instead of the one it had. 1. */
export const BIO_set_fd = (bio: BIO, fd: Fd, close: number): number => BIO_ctrl(bio, n.BIO_C_SET_FD, close, fd)

/** The descriptor's number; -1 if there is none, or the runtime does not show the one below a stream. */
export const BIO_get_fd = (bio: BIO): number => BIO_ctrl(bio, n.BIO_C_GET_FD)

/** Ours: the stream of the first socket in the chain, null if there is none. */
export const BIO_get_socket = (bio: BIO): Duplex | null => {
  const socket = BIO_find_type(bio, n.BIO_TYPE_DESCRIPTOR)
  const box: Box<Duplex> = { value: null }
  if (socket !== null) BIO_ctrl(socket, n.BIO_C_GET_FD, 0, box)
  return box.value
}

/**
 * Whether a socket does not block: 1 for yes. 0 is for descriptors' numbers: a socket BIO that gets the number afterwards
 * takes it over and blocks. A stream belongs to the event loop and cannot block: an error and 0.
 */
export const BIO_socket_nbio = (fd: Fd, mode: number): 0 | 1 => {
  if (typeof fd === 'number') {
    const socket = threadSocketOf(fd)
    if (socket !== undefined) socket.nonBlocking = mode !== 0
    if (mode === 0) toBlock.add(fd)
    else toBlock.delete(fd)
    return 1
  }
  if (mode !== 0) return 1
  BIOerr('UNSUPPORTED_METHOD', FILE)
  ERR_add_error_data('a stream cannot block the thread; wait for it with BIO_wait or SSL_wait, or use BIO_new_connect')
  return 0
}

/** Descriptors' numbers that the next BIO is to take over and block on. */
const toBlock = new Set<number>()

/**
 * Ours: how long a call on a blocking connect, accept or socket BIO may block, in milliseconds; 0 is for ever, and what is
 * so at first. Then it gives up like a non-blocking one, with its retry flags and EAGAIN. 1, or 0 if `bio` does not block.
 */
export const BIO_set_timeout = (bio: BIO, milliseconds: number): number => {
  const socket = BIO_find_type(bio, n.BIO_TYPE_DESCRIPTOR)
  return socket === null ? 0 : BIO_ctrl(socket, n.BIO_C_SET_TIMEOUT, milliseconds)
}

/** 1 if the errno of a failed socket call only means "call again". */
export const BIO_sock_non_fatal_error = (errno: number): 0 | 1 => (isRetry(errno) ? 1 : 0)
/** 1 if a socket call that returned `ret` should be made again. */
export const BIO_sock_should_retry = (ret: number): 0 | 1 => ((ret === 0 || ret === -1) && isRetry(get_errno()) ? 1 : 0)

const FILE = 'openssl/bio-socket.ts'

const open = (bio: BIO, fd: Fd | ThreadSocket): Socket => {
  const changed = (): void => bio.wake()
  if (fd instanceof ThreadSocket) {
    fd.hold(changed)
    return { fd: fd.opened?.fd ?? -1, end: fd }
  }
  if (typeof fd !== 'number') return { fd: -1, end: new Descriptor(fd, changed) }
  if (!Number.isInteger(fd)) throw new Misuse(`a socket BIO needs a stream or a descriptor's number, not ${fd}`)
  const known = threadSocketOf(fd)
  known?.hold(changed)
  if (known !== undefined) return { fd, end: known }
  if (toBlock.delete(fd)) return { fd, end: blocking(() => ThreadSocket.open(fd), 0, changed, FILE) }
  try {
    return { fd, end: new Descriptor(streamOf(fd), changed) }
  } catch {
    return { fd, end: null } // as in C, a bad descriptor is found out by using it
  }
}

const release = (bio: BIO): void => {
  if (bio.init === 0) return
  const { fd, end } = bio.ptr as Socket
  bio.ptr = null
  if (bio.shutdown !== 0) end?.close()
  else if (fd >= 0) end?.abandon()
  else end?.detach()
}
