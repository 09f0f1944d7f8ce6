import { familyOf, parseHostService, portOf } from './address.ts'
import {
  type BIO,
  BIO_clear_retry_flags,
  BIO_ctrl,
  BIO_free,
  BIO_METHOD,
  BIO_new,
  BIO_set_retry_special,
  type Box,
} from './bio.ts'
import * as n from './bio-numbers.ts'
import { blocking, ThreadSocket } from './blocking.ts'
import { Descriptor, type End, readStream, writeStream } from './descriptor.ts'
import { BIOerr, ERR_add_error_data, ERR_R_SYS_LIB, SYSerr } from './err.ts'
import { connectTo, type Duplex, descriptorOf, errnoOf, errnos, isLookupFailure } from './platform.ts'

/** Connect BIOs (BIO_s_connect(3)): a socket BIO that makes its connection itself, blocking or not. */

interface Connecting {
  host: string | null
  service: string | null
  family: number
  nonBlocking: boolean
  state: 'before' | 'under way' | 'connected' | 'failed'
  end: End | null
  timeout: number
}

const connectMethod = new BIO_METHOD(n.BIO_TYPE_CONNECT, 'socket connect', {
  create: (bio) => {
    bio.ptr = fresh()
    return 1
  },
  destroy: (bio) => {
    const c = bio.ptr as Connecting
    if (bio.shutdown !== 0 || c.state !== 'connected') c.end?.close()
    else c.end?.detach()
    c.end = null
    return 1
  },
  read: (bio, into) => {
    const ret = advance(bio)
    return ret <= 0 ? ret : readStream(bio, (bio.ptr as Connecting).end, into)
  },
  write: (bio, from) => {
    const ret = advance(bio)
    return ret <= 0 ? ret : writeStream(bio, (bio.ptr as Connecting).end, from, false)
  },
  give: (bio, bytes) => {
    const ret = advance(bio)
    return ret <= 0 ? ret : writeStream(bio, (bio.ptr as Connecting).end, bytes, true)
  },
  puts: (bio, text) => connectMethod.write!(bio, new TextEncoder().encode(text)),
  lend: (bio) => {
    const c = bio.ptr as Connecting
    return c.state === 'connected' ? c.end!.lend() : null
  },
  take: (bio, length) => (bio.ptr as Connecting).end?.take(length),
  ready: (bio, want) => {
    const { state, end } = bio.ptr as Connecting
    if (state === 'connected') return want === 'connect' || end!.ready(want === 'read' ? 'read' : 'write')
    return state !== 'under way' || (end instanceof ThreadSocket ? end.settled : settled(end!))
  },
  idle: (bio) => (bio.ptr as Connecting | null)?.end?.idle(),
  ctrl: (bio, cmd, larg, parg) => {
    const c = bio.ptr as Connecting
    switch (cmd) {
      case n.BIO_CTRL_RESET: {
        c.end?.close()
        const { host, service, family, nonBlocking, timeout } = c
        bio.ptr = { ...fresh(), host, service, family, nonBlocking, timeout }
        bio.flags = 0
        bio.wake()
        return 0
      }
      case n.BIO_C_DO_STATE_MACHINE:
        return advance(bio)
      case n.BIO_C_SET_CONNECT:
        return parg === null ? 1 : configure(bio, c, larg, parg)
      case n.BIO_C_GET_CONNECT:
        return tell(c, larg, parg as Box<string> | null)
      case n.BIO_C_SET_NBIO:
        c.nonBlocking = larg !== 0
        return 1
      case n.BIO_C_SET_TIMEOUT:
        c.timeout = larg
        if (c.end instanceof ThreadSocket) c.end.timeout = larg
        return 1
      case n.BIO_C_GET_FD:
        if (bio.init === 0 || c.end === null) return -1
        if (parg !== null) (parg as Box<Duplex>).value = c.end.stream
        if (c.end instanceof ThreadSocket) return c.end.opened?.fd ?? -1
        return c.end.stream === null ? -1 : descriptorOf(c.end.stream)
      case n.BIO_CTRL_GET_CLOSE:
        return bio.shutdown
      case n.BIO_CTRL_SET_CLOSE:
        bio.shutdown = larg
        return 1
      case n.BIO_CTRL_FLUSH:
        return 1
      case n.BIO_CTRL_DUP: {
        const twin = parg as BIO
        const { host, service, family, nonBlocking, timeout } = c
        twin.ptr = { ...fresh(), host, service, family, nonBlocking, timeout }
        return 1
      }
      case n.BIO_CTRL_EOF:
        return (bio.flags & n.BIO_FLAGS_IN_EOF) === 0 ? 0 : 1
      default:
        return 0
    }
  },
})

export const BIO_s_connect = (): BIO_METHOD => connectMethod

/** A BIO that will connect to `host:port`; the port may be a service's name. null with an error if that is ambiguous. */
export const BIO_new_connect = (hostport: string): BIO | null => {
  const bio = BIO_new(connectMethod)
  if (bio === null || BIO_set_conn_hostname(bio, hostport) > 0) return bio
  BIO_free(bio)
  return null
}

/** Sets the host, and the port if `name` has one behind a colon. 1, or 0 with an error. */
export const BIO_set_conn_hostname = (bio: BIO, name: string): number => BIO_ctrl(bio, n.BIO_C_SET_CONNECT, 0, name)
export const BIO_set_conn_port = (bio: BIO, port: string): number => BIO_ctrl(bio, n.BIO_C_SET_CONNECT, 1, port)
/** Sets both from an address such as `socket.address()` gives. */
export const BIO_set_conn_address = (bio: BIO, address: { readonly address: string; readonly port: number }): number =>
  BIO_ctrl(bio, n.BIO_C_SET_CONNECT, 2, address)
/** BIO_FAMILY_IPV4, BIO_FAMILY_IPV6 or BIO_FAMILY_IPANY. */
export const BIO_set_conn_ip_family = (bio: BIO, family: number): number =>
  BIO_ctrl(bio, n.BIO_C_SET_CONNECT, 3, family)
export const BIO_get_conn_hostname = (bio: BIO): string | null => said(bio, 0)
export const BIO_get_conn_port = (bio: BIO): string | null => said(bio, 1)
export const BIO_get_conn_ip_family = (bio: BIO): number => BIO_ctrl(bio, n.BIO_C_GET_CONNECT, 3)

/**
 * Connects: 1 when the connection stands, 0 with errors in the queue when it failed, -1 when it cannot even begin. It blocks
 * the calling thread until then, and so do reading and writing (BIO_set_timeout ends that), unless BIO_set_nbio(bio, 1) came
 * first: then 0 with the special retry and the reason BIO_RR_CONNECT says that it is under way (BIO_wait).
 */
export const BIO_do_connect = (bio: BIO): number => BIO_ctrl(bio, n.BIO_C_DO_STATE_MACHINE)

const FILE = 'openssl/bio-connect.ts'

const fresh = (): Connecting => ({
  host: null,
  service: null,
  family: n.BIO_FAMILY_IPANY,
  nonBlocking: false,
  state: 'before',
  end: null,
  timeout: 0,
})

/** One step of the connection: > 0 when it stands. */
const advance = (bio: BIO): number => {
  const c = bio.ptr as Connecting
  switch (c.state) {
    case 'connected':
      return 1
    case 'before':
      return begin(bio, c)
    case 'under way':
      if (!(c.end instanceof ThreadSocket ? c.end.settle() : settled(c.end!))) return waiting(bio)
      BIO_clear_retry_flags(bio)
      bio.retry_reason = 0
      if (c.end!.error === null && !c.end!.stream?.destroyed) {
        c.state = 'connected'
        return 1
      }
      c.state = 'failed'
      return explain(c)
    case 'failed':
      BIO_clear_retry_flags(bio)
      if (!(c.end instanceof ThreadSocket) || isLookupFailure(c.end.error)) return explain(c)
      BIOerr('CONNECT_ERROR', FILE)
      return 0
  }
}

const begin = (bio: BIO, c: Connecting): number => {
  const { host, service } = c
  if (host === null && service === null) return refuse(c, 'NO_HOSTNAME_OR_SERVICE_SPECIFIED')
  if (service === null) return refuse(c, 'NO_PORT_DEFINED')
  const port = portOf(service)
  if (port === undefined) {
    BIOerr(ERR_R_SYS_LIB, FILE)
    ERR_add_error_data(`"${service}" is neither a port nor a service that is known here`)
    return -1
  }
  const family = c.family === n.BIO_FAMILY_IPANY ? familyOf(host ?? '') : (c.family as 4 | 6)
  const changed = (): void => bio.wake()
  c.end = c.nonBlocking
    ? new Descriptor(connectTo(host ?? 'localhost', port, family), changed)
    : blocking(() => ThreadSocket.connect({ host: host ?? 'localhost', port, family }), c.timeout, changed, FILE)
  if (c.end === null) return -1
  c.state = 'under way'
  return c.nonBlocking ? waiting(bio) : advance(bio)
}

/** OpenSSL gives 0 here, not -1. */
const waiting = (bio: BIO): 0 => {
  BIO_clear_retry_flags(bio)
  BIO_set_retry_special(bio)
  bio.retry_reason = n.BIO_RR_CONNECT
  return 0
}

const settled = (end: End): boolean => end.error !== null || !end.connecting

/** Says why there is no connection: 0, or -1 when the name was not found. */
const explain = (c: Connecting): number => {
  const error = c.end?.error ?? null
  if (error !== null && isLookupFailure(error)) {
    BIOerr(ERR_R_SYS_LIB, FILE)
    ERR_add_error_data((error as Error).message)
    return -1
  }
  const errno = error === null ? (errnos['ECONNABORTED'] ?? 103) : errnoOf(error)
  const blocked = c.end instanceof ThreadSocket
  if (blocked) {
    // a blocking connect(2) reports its failure twice: where it is called, and where it was wanted
    SYSerr('connect', errno, FILE)
    BIOerr('CONNECT_ERROR', FILE)
  }
  SYSerr('connect', errno, FILE)
  ERR_add_error_data('hostname=', c.host, ' service=', c.service)
  BIOerr(blocked ? 'CONNECT_ERROR' : 'NBIO_CONNECT_ERROR', FILE)
  return 0
}

const refuse = (c: Connecting, reason: Parameters<typeof BIOerr>[0]): -1 => {
  BIOerr(reason, FILE)
  ERR_add_error_data('hostname=', c.host, ' service=', c.service)
  return -1
}

const configure = (bio: BIO, c: Connecting, what: number, value: unknown): number => {
  switch (what) {
    case 0: {
      bio.init = 1
      c.host = null
      const parsed = parseHostService(value as string, 'host')
      if (parsed === null) return 0
      c.host = parsed.host ?? null
      if (parsed.service !== undefined) c.service = parsed.service
      return 1
    }
    case 1:
      bio.init = 1
      c.service = value as string
      return 1
    case 2: {
      const { address, port } = value as { address: string; port: number }
      bio.init = 1
      c.host = address
      c.service = String(port)
      return 1
    }
    case 3:
      if (value !== n.BIO_FAMILY_IPV4 && value !== n.BIO_FAMILY_IPV6 && value !== n.BIO_FAMILY_IPANY) {
        BIOerr('UNSUPPORTED_IP_FAMILY', FILE)
        return 0
      }
      c.family = value
      return 1
    default:
      return 0
  }
}

const tell = (c: Connecting, what: number, box: Box<string> | null): number => {
  if (what === 3) return c.family
  if (box === null || (what !== 0 && what !== 1)) return 0
  box.value = what === 0 ? c.host : c.service
  return 1
}

const said = (bio: BIO, what: number): string | null => {
  const box: Box<string> = { value: null }
  BIO_ctrl(bio, n.BIO_C_GET_CONNECT, what, box)
  return box.value
}
