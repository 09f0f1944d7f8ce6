import type { HelloFacts } from '../config.ts'
import type { Connection } from '../connection.ts'
import type { Certificate } from '../x509/certificate.ts'
import { type BIO, BIO_find_type, BIO_free_all, BIO_up_ref } from './bio.ts'
import { BIO_NOCLOSE, BIO_TYPE_DESCRIPTOR } from './bio-numbers.ts'
import { BIO_get_fd, BIO_get_socket, BIO_new_socket, type Fd } from './bio-socket.ts'
import { type Counted, held, release, upRef } from './counted.ts'
import type { InfoCallback, SSL_CTX } from './ctx.ts'
import { SSLerr } from './err.ts'
import type { SSL_METHOD } from './methods.ts'
import type { SSL_SESSION } from './session.ts'
import type { Settings } from './settings.ts'
import { SSL_NOTHING, SSL_RECEIVED_SHUTDOWN, SSL_SENT_SHUTDOWN } from './ssl-numbers.ts'
import { States } from './states.ts'
import { highestVersion } from './versions.ts'

export type Role = 'client' | 'server'

/** A write that could not all leave: the same call must finish it. */
export interface Unwritten {
  readonly buffer: ArrayBufferLike
  readonly offset: number
  readonly length: number
  /** Bytes of it that are in records. */
  readonly sealed: number
}

/**
 * How far early data has come. Client: `connectRetry`, `connecting` (the same, inside SSL_write_early_data), `writing`,
 * `written`. Server: `acceptRetry`, `accepting` (inside SSL_read_early_data), `reading`, `read`.
 */
export type EarlyState =
  | 'none'
  | 'connectRetry'
  | 'connecting'
  | 'writing'
  | 'written'
  | 'acceptRetry'
  | 'accepting'
  | 'reading'
  | 'read'

/** One end of a connection (SSL_new(3)). */
export class SSL implements Counted {
  readonly kind = 'SSL'
  references = 1
  method: SSL_METHOD
  ctx: SSL_CTX
  /** The one it was made with: sessions and tickets stay with it, whatever SSL_set_SSL_CTX does. */
  readonly sessionCtx: SSL_CTX
  readonly settings: Settings
  role: Role | null = null
  /** From the first step of the handshake on. */
  connection: Connection | null = null
  rbio: BIO | null = null
  wbio: BIO | null = null

  /** Why the last call stopped: SSL_NOTHING, SSL_READING and so on. */
  want = SSL_NOTHING
  /** What `want` waits for, where that is a promise. */
  awaited: Promise<unknown> | null = null
  /** SSL_SENT_SHUTDOWN, SSL_RECEIVED_SHUTDOWN. */
  shutdown = 0
  /** The handshake is over and all of it has left. */
  finished = false
  /** What ended the connection; it is in the error state then. */
  lost: unknown = null
  /** Plaintext of one record, and how much of it was read. */
  plain: Uint8Array | null = null
  at = 0
  unwritten: Unwritten | null = null
  /** Something was written that the BIO has not been told to flush. */
  unflushed = false
  early: EarlyState = 'none'
  /** Inside of SSL_stateless. */
  stateless = false
  /** The handshake stands still for early data, and says that it is not under way. */
  held = false
  /** Client: the hello said that early data follows. */
  earlyOffered = false
  keyUpdate = -1
  /** Handshake messages that came, and how many of them a caller has had the occasion to notice. */
  heard = 0
  noticed = 0
  states = new States(this)

  infoCallback: InfoCallback | null = null
  /** What the client said, while callbacks ask for it. */
  hello: HelloFacts | null = null
  /** What the server name callback said of a name that it does not know. */
  unknownName: 'silent' | 'warn' | undefined
  /** SSL_OP_NO_TICKET held when the server name callback was asked: in TLS 1.2 no ticket is sent, whatever it changed. */
  ticketless12 = false
  /** Types of the program's own extensions: what was asked of the other side, and what it asked for. */
  readonly customSent = new Set<number>()
  readonly customReceived = new Set<number>()
  session: SSL_SESSION | null = null
  verifyResult = 0
  verifiedChain: readonly Certificate[] | null = null
  peerName: string | null = null
  statusResponse: Uint8Array | null = null
  /** Client: what goes with the wish for a stapled response. */
  statusRequest: Uint8Array | null = null
  extra: unknown[] = []

  constructor(ctx: SSL_CTX, settings: Settings) {
    this.method = ctx.method
    this.ctx = ctx
    this.sessionCtx = ctx
    this.settings = settings
    upRef(ctx)
    upRef(ctx)
  }

  /** The highest version that it might speak. */
  get highest(): number {
    return highestVersion(this.method, this.settings)
  }
}

/** An SSL with the settings that the context has now. null for a null context, with an error. */
export const SSL_new = (ctx: SSL_CTX | null): SSL | null => {
  if (ctx !== null) return new SSL(held(ctx), ctx.settings.copy())
  SSLerr('SSL_new', 'NULL_SSL_CTX', FILE)
  return null
}
export const SSL_up_ref = (ssl: SSL): 0 | 1 => upRef(ssl)

/** Gives a reference back; with the last one both BIOs are freed. A session that was never shut down is given up. */
export const SSL_free = (ssl: SSL | null): void => {
  if (ssl === null || !release(ssl)) return
  dropUnclean(ssl)
  const { rbio, wbio } = ssl
  ssl.rbio = ssl.wbio = null
  BIO_free_all(wbio)
  BIO_free_all(rbio)
  if (release(ssl.session)) ssl.session = null
  for (const ctx of [ssl.ctx, ssl.sessionCtx]) if (release(ctx)) ctx.cache.flush(0)
}

/** Before the handshake: a copy of the settings. Later: the same object with one reference more. */
export const SSL_dup = (ssl: SSL): SSL => {
  if (held(ssl).connection !== null) {
    upRef(ssl)
    return ssl
  }
  const copy = new SSL(ssl.sessionCtx, ssl.settings.copy())
  SSL_set_SSL_CTX(copy, ssl.ctx)
  copy.role = ssl.role
  copy.infoCallback = ssl.infoCallback
  copy.shutdown = ssl.shutdown
  copy.extra = [...ssl.extra]
  if (ssl.session) {
    upRef(ssl.session)
    copy.session = ssl.session
  }
  return copy
}

/**
 * Makes it ready for another connection with the same settings in the same role. The session is kept, and offered by a
 * client, if the connection was shut down properly.
 */
export const SSL_clear = (ssl: SSL): 0 | 1 => {
  if (dropUnclean(held(ssl))) ssl.session = null
  ssl.shutdown = 0
  reset(ssl)
  return 1
}

/** An established connection that nobody closed may have been cut short by anybody: its session is not used again. */
const dropUnclean = (ssl: SSL): boolean => {
  if (ssl.session === null || !ssl.finished || ssl.lost !== null || ssl.shutdown !== 0) return false
  ssl.sessionCtx.cache.remove(ssl.session)
  return true
}

/** Back to before the handshake. */
const reset = (ssl: SSL): void => {
  ssl.connection = null
  ssl.want = SSL_NOTHING
  ssl.awaited = null
  ssl.finished = false
  ssl.lost = null
  ssl.plain = null
  ssl.at = 0
  ssl.unwritten = null
  ssl.unflushed = false
  ssl.early = 'none'
  ssl.held = ssl.earlyOffered = false
  ssl.keyUpdate = -1
  ssl.hello = null
  ssl.customSent.clear()
  ssl.customReceived.clear()
  ssl.unknownName = undefined
  ssl.ticketless12 = false
  ssl.states = new States(ssl)
}

const become = (ssl: SSL, role: Role): void => {
  held(ssl).role = role
  ssl.shutdown = 0
  reset(ssl)
}
/** Makes it a client, ready to begin a handshake. BIOs and session stay. */
export const SSL_set_connect_state = (ssl: SSL): void => become(ssl, 'client')
/** Makes it a server, ready to begin a handshake. BIOs and session stay. */
export const SSL_set_accept_state = (ssl: SSL): void => become(ssl, 'server')
/** 1 for a server; without a role, also if its method could be one. */
export const SSL_is_server = (ssl: SSL): 0 | 1 =>
  (held(ssl).role === null ? ssl.method.roles !== 'client' : ssl.role === 'server') ? 1 : 0

export const SSL_get_ssl_method = (ssl: SSL): SSL_METHOD => held(ssl).method
/** Before a handshake: the role is kept. */
export const SSL_set_ssl_method = (ssl: SSL, method: SSL_METHOD): 0 | 1 => {
  held(ssl).method = method
  return 1
}
/** Makes `to` offer what `from` has, within the same context of sessions. */
export const SSL_copy_session_id = (to: SSL, from: SSL): 0 | 1 => {
  held(to).session = release(to.session) ? null : to.session
  if (held(from).session) upRef(from.session as SSL_SESSION)
  to.session = from.session
  to.settings.sessionContext = from.settings.sessionContext
  return 1
}
export const SSL_is_dtls = (ssl: SSL): 0 => (held(ssl), 0)

export const SSL_get_SSL_CTX = (ssl: SSL): SSL_CTX => held(ssl).ctx
/**
 * Takes certificates with what belongs to them, and what is looked up while it runs, from another context; null: from the
 * one it was made with.
 */
export const SSL_set_SSL_CTX = (ssl: SSL, ctx: SSL_CTX | null): SSL_CTX | null => {
  const next = ctx ?? held(ssl).sessionCtx
  if (next === ssl.ctx) return next
  upRef(next)
  const { settings } = next
  const copy = settings.copy()
  ssl.settings.slots = copy.slots
  ssl.settings.current = copy.current
  ssl.settings.certCallback = copy.certCallback
  ssl.settings.custom = copy.custom
  ssl.settings.certCallbackArgument = copy.certCallbackArgument
  ssl.settings.schemes = copy.schemes
  ssl.settings.clientSchemes = copy.clientSchemes
  ssl.settings.securityLevel = copy.securityLevel
  ssl.settings.verifyStore = copy.verifyStore
  ssl.settings.chainStore = copy.chainStore
  // as in C: the session-id context follows, unless the program has set another one
  if (ssl.settings.sessionContext === ssl.ctx.settings.sessionContext)
    ssl.settings.sessionContext = settings.sessionContext
  release(ssl.ctx)
  ssl.ctx = next
  return next
}

export const SSL_set_ex_data = (ssl: SSL, idx: number, data: unknown): 0 | 1 => {
  held(ssl).extra[idx] = data
  return 1
}
export const SSL_get_ex_data = (ssl: SSL, idx: number): unknown => held(ssl).extra[idx] ?? null
let extraIndex = 1
/** A place for SSL_set_ex_data; 0 is that of SSL_set_app_data. */
export const SSL_get_ex_new_index = (): number => extraIndex++
export const SSL_set_app_data = (ssl: SSL, data: unknown): 0 | 1 => SSL_set_ex_data(ssl, 0, data)
export const SSL_get_app_data = (ssl: SSL): unknown => SSL_get_ex_data(ssl, 0)

// ---- BIOs

/** Takes one reference to each BIO; one in all if they are the same; fewer where nothing changes (SSL_set_bio(3)). */
export const SSL_set_bio = (ssl: SSL, rbio: BIO | null, wbio: BIO | null): void => {
  const { rbio: oldR, wbio: oldW } = held(ssl)
  if (rbio === oldR && wbio === oldW) return
  if (rbio !== null && rbio === wbio) BIO_up_ref(rbio)
  if (rbio === oldR) return SSL_set0_wbio(ssl, wbio)
  if (wbio === oldW && oldR !== oldW) return SSL_set0_rbio(ssl, rbio)
  SSL_set0_rbio(ssl, rbio)
  SSL_set0_wbio(ssl, wbio)
}
/** Takes one reference, and frees the chain that was there. */
export const SSL_set0_rbio = (ssl: SSL, rbio: BIO | null): void => {
  BIO_free_all(held(ssl).rbio)
  ssl.rbio = rbio
}
/** Takes one reference, and frees the chain that was there. */
export const SSL_set0_wbio = (ssl: SSL, wbio: BIO | null): void => {
  BIO_free_all(held(ssl).wbio)
  ssl.wbio = wbio
}
export const SSL_get_rbio = (ssl: SSL): BIO | null => held(ssl).rbio
export const SSL_get_wbio = (ssl: SSL): BIO | null => held(ssl).wbio

/** A socket BIO over a stream or a descriptor's number, for both directions; freeing the SSL does not close it. */
export const SSL_set_fd = (ssl: SSL, fd: Fd): 0 | 1 => {
  const bio = BIO_new_socket(fd, BIO_NOCLOSE)
  if (bio === null) return 0
  SSL_set_bio(ssl, bio, bio)
  return 1
}
/** For reading only; the BIO for writing is shared if it stands for the same. */
export const SSL_set_rfd = (ssl: SSL, fd: Fd): 0 | 1 => {
  const shared = sameFd(held(ssl).wbio, fd)
  if (shared !== null) BIO_up_ref(shared)
  const bio = shared ?? BIO_new_socket(fd, BIO_NOCLOSE)
  if (bio === null) return 0
  SSL_set0_rbio(ssl, bio)
  return 1
}
/** For writing only; the BIO for reading is shared if it stands for the same. */
export const SSL_set_wfd = (ssl: SSL, fd: Fd): 0 | 1 => {
  const shared = sameFd(held(ssl).rbio, fd)
  if (shared !== null) BIO_up_ref(shared)
  const bio = shared ?? BIO_new_socket(fd, BIO_NOCLOSE)
  if (bio === null) return 0
  SSL_set0_wbio(ssl, bio)
  return 1
}
const sameFd = (bio: BIO | null, fd: Fd): BIO | null =>
  bio !== null && (typeof fd === 'number' ? fdOf(bio) === fd : BIO_get_socket(bio) === fd) ? bio : null

/** The number of the first descriptor in the chain, -1 if there is none. */
export const SSL_get_rfd = (ssl: SSL): number => fdOf(held(ssl).rbio)
/** The number of the first descriptor in the chain, -1 if there is none. */
export const SSL_get_wfd = (ssl: SSL): number => fdOf(held(ssl).wbio)
export const SSL_get_fd = SSL_get_rfd
const fdOf = (bio: BIO | null): number => {
  const descriptor = BIO_find_type(bio, BIO_TYPE_DESCRIPTOR)
  return descriptor === null ? -1 : BIO_get_fd(descriptor)
}

/** Bits SSL_SENT_SHUTDOWN 1 and SSL_RECEIVED_SHUTDOWN 2. */
export const SSL_get_shutdown = (ssl: SSL): number => held(ssl).shutdown
/** Sets the bits and sends nothing. */
export const SSL_set_shutdown = (ssl: SSL, mode: number): void => {
  held(ssl).shutdown = mode & (SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN)
}

const FILE = 'openssl/ssl.ts'
