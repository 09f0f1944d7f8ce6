import { hex } from '../bytes/text.ts'
import { suiteById } from '../crypto/suites.ts'
import { decodeSession, encodeSession, type Session } from '../session/session.ts'
import { parseCertificate } from '../x509/certificate.ts'
import { cipherOf, type SSL_CIPHER } from './ciphers.ts'
import { type Counted, held, release, upRef } from './counted.ts'
import { X509 } from './x509.ts'

/** Sessions (SSL_SESSION_get0_peer(3) and others, d2i_SSL_SESSION(3)). */

/** What can be resumed later; or, right after a handshake of TLS 1.3, what stands for the connection until a ticket comes. */
export class SSL_SESSION implements Counted {
  readonly kind = 'SSL_SESSION'
  references = 1
  data: Session
  /** What the engine gave, to know it again. */
  readonly source: Session | null
  /** Under which a cache keeps it; made up where the protocol has none. */
  id: Uint8Array
  /** A fatal alert, or an end without close_notify, has spoilt it; or a cache gave it up. */
  bad = false
  extra: unknown[] = []

  constructor(data: Session, source: Session | null, id: Uint8Array) {
    this.data = data
    this.source = source
    this.id = id
  }

  get key(): string {
    return hex(this.id)
  }

  get resumable(): boolean {
    const { ticket, id, secret } = this.data
    return !this.bad && secret.length > 0 && (ticket.length > 0 || id.length > 0 || this.kept)
  }

  /** Server: the client holds the ticket, and we can open it. */
  kept = false

  expires(): number {
    return this.data.created + this.data.lifetime * 1000
  }
}

/** What a session is before anything is known of it. */
export const blankSession = (version: number, suite: number, created: number, lifetime: number): Session => ({
  version,
  suite,
  secret: new Uint8Array(0),
  id: new Uint8Array(0),
  ticket: new Uint8Array(0),
  ticketAgeAdd: 0,
  lifetime,
  created,
  serverName: undefined,
  peerName: undefined,
  alpn: undefined,
  extendedMasterSecret: false,
  encryptThenMac: false,
  chain: [],
  verifyCode: 0,
  context: new Uint8Array(0),
  binding: new Uint8Array(0),
  region: '',
  earlyData: 0,
  maxFragmentLength: 0,
  recordLimit: 0,
  trustedUntil: 2 ** 48 - 1,
  group: 0,
  peerScheme: 0,
  ocsp: new Uint8Array(0),
  scts: new Uint8Array(0),
  appData: new Uint8Array(0),
})

export const SSL_SESSION_new = (): SSL_SESSION =>
  new SSL_SESSION(blankSession(0, 0, Date.now(), 304), null, new Uint8Array(0))
export const SSL_SESSION_up_ref = (s: SSL_SESSION): 0 | 1 => upRef(s)
export const SSL_SESSION_free = (s: SSL_SESSION | null): void => void release(s)
export const SSL_SESSION_dup = (s: SSL_SESSION): SSL_SESSION => {
  const copy = new SSL_SESSION({ ...held(s).data }, s.source, s.id.slice())
  copy.bad = s.bad
  copy.kept = s.kept
  copy.extra = [...s.extra]
  return copy
}

/**
 * A session as bytes, to be kept and given to `d2i_SSL_SESSION` later. They hold the secret: keep them as you keep keys.
 * The form is our own, not OpenSSL's ASN.1. Empty for a session that cannot be resumed.
 */
export const i2d_SSL_SESSION = (s: SSL_SESSION): Uint8Array => {
  const { data } = held(s)
  return data.secret.length === 0 ? new Uint8Array(0) : encodeSession(data)
}

/** null for bytes that are no session of ours. */
export const d2i_SSL_SESSION = (bytes: Uint8Array): SSL_SESSION | null => {
  const data = decodeSession(bytes)
  if (!data) return null
  return new SSL_SESSION(data, null, data.id.length > 0 ? data.id : tail(data.ticket))
}

/** The end of a ticket is its authentication tag: as good as random, and the same for the same ticket. */
export const tail = (ticket: Uint8Array): Uint8Array => ticket.slice(-32)

export const SSL_SESSION_is_resumable = (s: SSL_SESSION): 0 | 1 => (held(s).resumable ? 1 : 0)
export const SSL_SESSION_has_ticket = (s: SSL_SESSION): 0 | 1 => (held(s).data.ticket.length > 0 ? 1 : 0)
export const SSL_SESSION_get0_ticket = (s: SSL_SESSION): Uint8Array => held(s).data.ticket
/** 0 to 32 bytes. */
export const SSL_SESSION_get_id = (s: SSL_SESSION): Uint8Array => held(s).id
export const SSL_SESSION_set1_id = (s: SSL_SESSION, id: Uint8Array): 0 | 1 => {
  if (id.length > 32) return 0
  held(s).id = id.slice()
  s.data = { ...s.data, id: s.id }
  return 1
}
export const SSL_SESSION_get0_id_context = (s: SSL_SESSION): Uint8Array => held(s).data.context
export const SSL_SESSION_set1_id_context = (s: SSL_SESSION, context: Uint8Array): 0 | 1 => {
  if (context.length > 32) return 0
  held(s).data = { ...s.data, context: context.slice() }
  return 1
}
/** Seconds for which the server says that the ticket is good. */
export const SSL_SESSION_get_ticket_lifetime_hint = (s: SSL_SESSION): number =>
  held(s).data.ticket.length > 0 || s.kept ? s.data.lifetime : 0
/** Seconds since 1970. */
export const SSL_SESSION_get_time = (s: SSL_SESSION): number => Math.floor(held(s).data.created / 1000)
export const SSL_SESSION_set_time = (s: SSL_SESSION, seconds: number): number => {
  held(s).data = { ...s.data, created: seconds * 1000 }
  return seconds
}
/** Seconds. */
export const SSL_SESSION_get_timeout = (s: SSL_SESSION): number => held(s).data.lifetime
export const SSL_SESSION_set_timeout = (s: SSL_SESSION, seconds: number): 0 | 1 => {
  if (seconds < 0) return 0
  held(s).data = { ...s.data, lifetime: seconds }
  return 1
}
export const SSL_SESSION_get_protocol_version = (s: SSL_SESSION): number => held(s).data.version
export const SSL_SESSION_set_protocol_version = (s: SSL_SESSION, version: number): 0 | 1 => {
  held(s).data = { ...s.data, version }
  return 1
}
export const SSL_SESSION_get0_cipher = (s: SSL_SESSION): SSL_CIPHER | null => {
  const suite = suiteById(held(s).data.suite)
  return suite ? cipherOf(suite) : null
}
export const SSL_SESSION_set_cipher = (s: SSL_SESSION, cipher: SSL_CIPHER): 0 | 1 => {
  held(s).data = { ...s.data, suite: cipher.suite.id }
  return 1
}
export const SSL_SESSION_get0_hostname = (s: SSL_SESSION): string | null => held(s).data.serverName ?? null
export const SSL_SESSION_set1_hostname = (s: SSL_SESSION, name: string | null): 0 | 1 => {
  held(s).data = { ...s.data, serverName: name ?? undefined }
  return 1
}
export const SSL_SESSION_get0_alpn_selected = (s: SSL_SESSION): Uint8Array => bytesOf(held(s).data.alpn ?? '')
export const SSL_SESSION_set1_alpn_selected = (s: SSL_SESSION, alpn: Uint8Array): 0 | 1 => {
  held(s).data = { ...s.data, alpn: alpn.length === 0 ? undefined : String.fromCharCode(...alpn) }
  return 1
}
/** The pre-shared key of TLS 1.3, the master secret of TLS 1.2. */
export const SSL_SESSION_get_master_key = (s: SSL_SESSION): Uint8Array => held(s).data.secret.slice()
export const SSL_SESSION_set1_master_key = (s: SSL_SESSION, key: Uint8Array): 0 | 1 => {
  if (key.length > 255) return 0
  held(s).data = { ...s.data, secret: key.slice() }
  return 1
}
/** Bytes of early data that may go before a handshake with it. */
export const SSL_SESSION_get_max_early_data = (s: SSL_SESSION): number => held(s).data.earlyData
/** For sessions that stand for a key agreed elsewhere. 0 for what is no number of 32 bits. */
export const SSL_SESSION_set_max_early_data = (s: SSL_SESSION, n: number): 0 | 1 => {
  if (!Number.isInteger(n) || n < 0 || n > 0xffffffff) return 0
  held(s).data = { ...s.data, earlyData: n }
  return 1
}
/** The peer's own certificate, null if it showed none. */
export const SSL_SESSION_get0_peer = (s: SSL_SESSION): X509 | null => {
  const leaf = held(s).data.chain[0]
  return leaf ? new X509(parseCertificate(leaf)) : null
}
export const SSL_SESSION_set_ex_data = (s: SSL_SESSION, idx: number, data: unknown): 0 | 1 => {
  held(s).extra[idx] = data
  return 1
}
export const SSL_SESSION_get_ex_data = (s: SSL_SESSION, idx: number): unknown => held(s).extra[idx] ?? null
let extraIndex = 1
export const SSL_SESSION_get_ex_new_index = (): number => extraIndex++

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0))

/** The code of max_fragment_length that goes with it: 0 none, 1 to 4. */
export const SSL_SESSION_get_max_fragment_length = (s: SSL_SESSION): number =>
  Math.max(0, [0, 512, 1024, 2048, 4096].indexOf(held(s).data.maxFragmentLength))
/** There is no compression. */
export const SSL_SESSION_get_compress_id = (s: SSL_SESSION): 0 => (held(s), 0)
