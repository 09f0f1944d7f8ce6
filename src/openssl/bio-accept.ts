import { familyOf, parseHostService, portOf } from './address.ts'
import {
  type BIO,
  BIO_clear_retry_flags,
  BIO_copy_next_retry,
  BIO_ctrl,
  BIO_dup_chain,
  BIO_free,
  BIO_free_all,
  BIO_METHOD,
  BIO_new,
  BIO_push,
  BIO_read,
  BIO_set_retry_special,
  BIO_write,
  type Box,
} from './bio.ts'
import * as n from './bio-numbers.ts'
import { BIO_new_socket, BIO_s_socket } from './bio-socket.ts'
import { blocking, ThreadSocket } from './blocking.ts'
import { BIOerr, ERR_add_error_data, ERR_R_SYS_LIB, SYSerr } from './err.ts'
import { passOn } from './filter.ts'
import { errnoOf, isLookupFailure, listenOn, newListener, type Server } from './platform.ts'

/** Accept BIOs (BIO_s_accept(3)): they listen, and push each accepted connection behind themselves. */

interface Accepted {
  readonly bio: BIO
  readonly name: string | null
  readonly port: string | null
}

interface Accepting {
  host: string | null
  service: string | null
  family: number
  /** Of waiting for connections (BIO_set_nbio_accept), and of the connections (BIO_set_nbio). */
  nonBlocking: boolean
  acceptedNonBlocking: boolean
  timeout: number
  bindMode: number
  /** What every connection gets in front of its socket. */
  chain: BIO | null
  server: Server | ThreadSocket | null
  /** The connection that is awaited, of a listener that blocks. */
  awaited: ThreadSocket | null
  bound: boolean
  error: unknown
  /** Connections that nobody has taken; they stand still until then. */
  queue: Accepted[]
  peer: Accepted | null
}

const acceptMethod = new BIO_METHOD(n.BIO_TYPE_ACCEPT, 'socket accept', {
  create: (bio) => {
    bio.ptr = fresh()
    return 1
  },
  destroy: (bio) => {
    const a = bio.ptr as Accepting
    close(a) // whatever BIO_set_close says: nobody else could reach the listener any more
    BIO_free_all(a.chain)
    a.chain = null
    return 1
  },
  read: (bio, into) => behind(bio, (next) => BIO_read(next, into)),
  write: (bio, from) => behind(bio, (next) => BIO_write(next, from)),
  puts: (bio, text) => acceptMethod.write!(bio, new TextEncoder().encode(text)),
  ready: (bio, want) => {
    if (bio.next !== null) return want === 'accept' ? true : bio.next
    const a = bio.ptr as Accepting
    if (a.server instanceof ThreadSocket) return (a.awaited ?? a.server).settled
    return a.server === null || a.error !== null || a.queue.length > 0 || (!a.bound && a.server.address() !== null)
  },
  idle: (bio) => {
    const a = bio.ptr as Accepting | null
    if (a?.server instanceof ThreadSocket) (a.awaited ?? a.server).idle()
  },
  ctrl: (bio, cmd, larg, parg) => {
    const a = bio.ptr as Accepting
    switch (cmd) {
      case n.BIO_CTRL_RESET: {
        close(a)
        bio.ptr = { ...fresh(), ...wishes(a), chain: a.chain }
        bio.flags = 0
        bio.wake()
        return 0
      }
      case n.BIO_C_DO_STATE_MACHINE:
        return advance(bio)
      case n.BIO_C_SET_ACCEPT:
        return configure(bio, a, larg, parg)
      case n.BIO_C_GET_ACCEPT:
        return bio.init === 0 ? -1 : tell(a, larg, parg as Box<string> | null)
      case n.BIO_C_SET_NBIO:
        a.acceptedNonBlocking = larg !== 0
        return 1
      case n.BIO_C_SET_TIMEOUT:
        a.timeout = larg
        if (a.server instanceof ThreadSocket) a.server.timeout = larg
        if (a.awaited !== null) a.awaited.timeout = larg
        return 1
      case n.BIO_C_SET_BIND_MODE:
        a.bindMode = larg
        return 1
      case n.BIO_C_GET_BIND_MODE:
        return a.bindMode
      case n.BIO_C_GET_FD:
        return -1
      case n.BIO_CTRL_GET_CLOSE:
        return bio.shutdown
      case n.BIO_CTRL_SET_CLOSE:
        bio.shutdown = larg
        return 1
      case n.BIO_CTRL_FLUSH:
        return 1
      case n.BIO_CTRL_DUP: {
        ;(parg as BIO).ptr = { ...fresh(), ...wishes(a) }
        return 1
      }
      case n.BIO_CTRL_EOF:
        return passOn(bio, cmd, larg, parg)
      default:
        return 0
    }
  },
})

export const BIO_s_accept = (): BIO_METHOD => acceptMethod

/** A BIO that will listen on `host:port`, `*:port` or `port`; port 0 takes any free one. null with an error. */
export const BIO_new_accept = (hostport: string): BIO | null => {
  const bio = BIO_new(acceptMethod)
  if (bio === null || BIO_set_accept_name(bio, hostport) > 0) return bio
  BIO_free(bio)
  return null
}

export const BIO_set_accept_name = (bio: BIO, name: string): number => BIO_ctrl(bio, n.BIO_C_SET_ACCEPT, 0, name)
export const BIO_set_accept_port = (bio: BIO, port: string): number => BIO_ctrl(bio, n.BIO_C_SET_ACCEPT, 1, port)
/**
 * Whether waiting for a connection may not block. It is to be said before the first BIO_do_accept. The connections of a
 * listener that does not block never block themselves; those of one that does, unless BIO_set_nbio says otherwise.
 */
export const BIO_set_nbio_accept = (bio: BIO, mode: number): number =>
  BIO_ctrl(bio, n.BIO_C_SET_ACCEPT, 2, mode !== 0 ? true : null)
/** A chain of filters that every accepted connection gets a copy of. It belongs to the accept BIO from now on. */
export const BIO_set_accept_bios = (bio: BIO, chain: BIO | null): number => BIO_ctrl(bio, n.BIO_C_SET_ACCEPT, 3, chain)
export const BIO_set_accept_ip_family = (bio: BIO, family: number): number =>
  BIO_ctrl(bio, n.BIO_C_SET_ACCEPT, 4, family)
/** Kept and given back; the runtime always binds as BIO_BIND_REUSEADDR does. */
export const BIO_set_bind_mode = (bio: BIO, mode: number): number => BIO_ctrl(bio, n.BIO_C_SET_BIND_MODE, mode)
export const BIO_get_bind_mode = (bio: BIO): number => BIO_ctrl(bio, n.BIO_C_GET_BIND_MODE)
/** The address listened on; null before it is bound. */
export const BIO_get_accept_name = (bio: BIO): string | null => said(bio, 0)
/** The port listened on; null before it is bound. */
export const BIO_get_accept_port = (bio: BIO): string | null => said(bio, 1)
export const BIO_get_peer_name = (bio: BIO): string | null => said(bio, 2)
export const BIO_get_peer_port = (bio: BIO): string | null => said(bio, 3)
export const BIO_get_accept_ip_family = (bio: BIO): number => BIO_ctrl(bio, n.BIO_C_GET_ACCEPT, 4)

/**
 * The first call binds and returns 1. Each later one accepts: 1 with the connection as next BIO (take it with BIO_pop),
 * and blocks the calling thread until there is one. -1 is a failure.
 *
 * With BIO_set_nbio_accept(bio, 1) it gives -1 with the special retry and the reason BIO_RR_ACCEPT instead of blocking. A
 * host *name* must be looked up first, and a runtime may bind a moment later: then the first call, too, gives that retry.
 */
export const BIO_do_accept = (bio: BIO): number => BIO_ctrl(bio, n.BIO_C_DO_STATE_MACHINE)

const FILE = 'openssl/bio-accept.ts'

const fresh = (): Accepting => ({
  host: null,
  service: null,
  family: n.BIO_FAMILY_IPANY,
  nonBlocking: false,
  acceptedNonBlocking: false,
  timeout: 0,
  bindMode: n.BIO_BIND_NORMAL,
  chain: null,
  server: null,
  awaited: null,
  bound: false,
  error: null,
  queue: [],
  peer: null,
})

/** What was set, of a BIO that begins anew and of its copy. */
const wishes = (a: Accepting): Partial<Accepting> => {
  const { host, service, family, nonBlocking, acceptedNonBlocking, timeout, bindMode } = a
  return { host, service, family, nonBlocking, acceptedNonBlocking, timeout, bindMode }
}

const behind = (bio: BIO, call: (next: BIO) => number): number => {
  BIO_clear_retry_flags(bio)
  while (bio.next === null) {
    const ret = advance(bio)
    if (ret <= 0) return ret
  }
  const ret = call(bio.next)
  BIO_copy_next_retry(bio)
  return ret
}

const advance = (bio: BIO): number => {
  const a = bio.ptr as Accepting
  if (a.server === null) {
    const ret = listen(bio, a)
    if (ret <= 0) return ret
  }
  BIO_clear_retry_flags(bio)
  bio.retry_reason = 0
  if (a.server instanceof ThreadSocket) return advanceBlocking(bio, a, a.server)
  if (a.error !== null) return explain(a)
  if (!a.bound) {
    a.bound = a.server!.address() !== null
    return a.bound ? 1 : waiting(bio)
  }
  if (bio.next !== null) return 1
  a.peer = a.queue.shift() ?? null
  if (a.peer !== null) return hand(bio, a, a.peer.bio)
  if (a.nonBlocking) return waiting(bio)
  BIOerr('UNSUPPORTED_METHOD', FILE)
  ERR_add_error_data('this BIO began to listen without blocking and cannot block now; BIO_reset lets it begin anew')
  return -1
}

/** The same with a listener of the thread. */
const advanceBlocking = (bio: BIO, a: Accepting, listener: ThreadSocket): number => {
  listener.nonBlocking = a.nonBlocking
  if (!listener.settle()) return waiting(bio)
  a.error = listener.error
  if (a.error !== null) return explain(a)
  if (!a.bound) {
    a.bound = true
    return 1
  }
  if (bio.next !== null) return 1
  const changed = (): void => bio.wake()
  a.awaited ??= blocking(() => listener.accept(), a.timeout, changed, FILE)
  const { awaited } = a
  if (awaited === null) return -1
  awaited.nonBlocking = a.nonBlocking
  if (!awaited.settle()) return waiting(bio)
  a.awaited = null
  const { peerAddress, peerPort } = awaited.opened ?? { peerAddress: null, peerPort: null }
  awaited.nonBlocking = a.acceptedNonBlocking
  const accepted = BIO_new(BIO_s_socket()) as BIO
  BIO_ctrl(accepted, n.BIO_C_SET_FD, n.BIO_CLOSE, awaited)
  awaited.release(changed)
  a.peer = { bio: accepted, name: peerAddress, port: peerPort === null ? null : String(peerPort) }
  return hand(bio, a, accepted)
}

const waiting = (bio: BIO): -1 => {
  BIO_set_retry_special(bio)
  bio.retry_reason = n.BIO_RR_ACCEPT
  return -1
}

const hand = (bio: BIO, a: Accepting, socket: BIO): number => {
  socket.callback = bio.callback
  socket.callbackArgument = bio.callbackArgument
  if (a.chain === null) {
    BIO_push(bio, socket)
    return 1
  }
  const filters = BIO_dup_chain(a.chain)
  if (filters === null) {
    BIO_free(socket)
    return -1
  }
  BIO_push(bio, BIO_push(filters, socket))
  return 1
}

const listen = (bio: BIO, a: Accepting): number => {
  const { host, service } = a
  if (host === null && service === null) {
    BIOerr('NO_ACCEPT_ADDR_OR_SERVICE_SPECIFIED', FILE)
    ERR_add_error_data('hostname=', host, ' service=', service)
    return -1
  }
  const port = portOf(service ?? '0')
  if (port === undefined) {
    BIOerr(ERR_R_SYS_LIB, FILE)
    ERR_add_error_data(`"${service}" is neither a port nor a service that is known here`)
    return -1
  }
  if (!a.nonBlocking) {
    const to = { host: host ?? ANY[a.family], port, family: host === null ? family(a) : familyOf(host) }
    a.server = blocking(
      () => ThreadSocket.listen(to),
      a.timeout,
      () => bio.wake(),
      FILE,
    )
    return a.server === null ? -1 : 1
  }
  const server = newListener((socket) => {
    const accepted = BIO_new_socket(socket, n.BIO_CLOSE)
    if (accepted === null) return
    a.queue.push({ bio: accepted, name: socket.remoteAddress ?? null, port: String(socket.remotePort ?? '') || null })
    bio.wake()
  })
  server.on('error', (error) => {
    a.error = error
    bio.wake()
  })
  server.on('listening', () => bio.wake())
  a.server = server
  listenOn(server, host ?? ANY[a.family], port, host === null ? family(a) : familyOf(host))
  return 1
}

/** Where to listen when no host was said but a family was. */
const ANY: Readonly<Record<number, string>> = { [n.BIO_FAMILY_IPV4]: '0.0.0.0', [n.BIO_FAMILY_IPV6]: '::' }
const family = (a: Accepting): 0 | 4 | 6 => (a.family === 4 || a.family === 6 ? a.family : 0)

const explain = (a: Accepting): -1 => {
  if (isLookupFailure(a.error)) {
    BIOerr(ERR_R_SYS_LIB, FILE)
    ERR_add_error_data((a.error as Error).message)
    return -1
  }
  SYSerr('bind', errnoOf(a.error), FILE)
  ERR_add_error_data('hostname=', a.host, ' service=', a.service)
  BIOerr('UNABLE_TO_BIND_SOCKET', FILE)
  return -1
}

const close = (a: Accepting): void => {
  a.awaited?.close()
  a.awaited = null
  if (a.server instanceof ThreadSocket) a.server.close()
  else a.server?.close(() => {}) // a server that never listened says so, and that is no news
  for (const { bio } of a.queue.splice(0)) BIO_free(bio)
}

const configure = (bio: BIO, a: Accepting, what: number, value: unknown): number => {
  switch (what) {
    case 0: {
      const parsed = parseHostService(value as string, 'service')
      bio.init = 1
      a.host = parsed?.host ?? null
      if (parsed === null) return 0
      if (parsed.service !== undefined) a.service = parsed.service
      return 1
    }
    case 1:
      bio.init = 1
      a.service = value as string
      return 1
    case 2:
      a.nonBlocking = value !== null
      return 1
    case 3:
      BIO_free_all(a.chain)
      a.chain = value as BIO | null
      return 1
    case 4:
      if (value !== n.BIO_FAMILY_IPV4 && value !== n.BIO_FAMILY_IPV6 && value !== n.BIO_FAMILY_IPANY) {
        BIOerr('UNSUPPORTED_IP_FAMILY', FILE)
        return 0
      }
      a.family = value
      return 1
    default:
      return 0
  }
}

const tell = (a: Accepting, what: number, box: Box<string> | null): number => {
  if (what === 4) return a.family
  if (box === null) return -1
  const own = a.bound ? boundTo(a.server) : null
  const values = [own?.address, own && String(own.port), a.peer?.name, a.peer?.port]
  box.value = values[what] ?? null
  return what < values.length ? 1 : -1
}

const boundTo = (server: Accepting['server']): { readonly address: string; readonly port: number } | null => {
  if (!(server instanceof ThreadSocket)) {
    const address = server?.address()
    return typeof address === 'object' ? address : null
  }
  const { address, port } = server.opened ?? { address: null, port: null }
  return address === null || port === null ? null : { address, port }
}

const said = (bio: BIO, what: number): string | null => {
  const box: Box<string> = { value: null }
  BIO_ctrl(bio, n.BIO_C_GET_ACCEPT, what, box)
  return box.value
}
