import { lend, own } from '../bytes/writer.ts'
import type { Maybe } from '../task.ts'
import { type Codec, decode, type Infer, list, mapped, opaque, struct, text, u8, u16, u32, u48 } from '../wire/codec.ts'

const FORMAT = 4
/** Bytes of an encoded session at most: room for the longest chain that a peer may send, twice. */
const MOST = 2 ** 18
/** RFC 9846 section 4.6.1: no ticket is used for longer than seven days. */
export const WEEK = 604_800

const optional = <T>(codec: Codec<T>): Codec<T | undefined> => {
  const inner = list(codec, 0, 2 ** 16 - 1)
  return mapped(
    inner,
    (values) => values[0],
    (value) => (value === undefined ? [] : [value]),
    `optional ${codec.name}`,
  )
}
const flag = mapped(
  u8,
  (n) => n === 1,
  (b) => (b ? 1 : 0),
  'flag',
)

/** A session as data: all that a resumption must agree on. Stored or sealed by this codec. */
const layout = struct('Session', {
  version: u16,
  suite: u16,
  /** TLS 1.3: the pre-shared key; TLS 1.2: the master secret. */
  secret: opaque(1, 255),
  /** TLS 1.2 session id, 0 to 32 bytes. */
  id: opaque(0, 32),
  /** Client: what the server gave for next time. Empty: none. */
  ticket: opaque(0, 2 ** 16 - 1),
  ticketAgeAdd: u32,
  /** Seconds from `created`. */
  lifetime: u32,
  /** Milliseconds since 1970. */
  created: u48,
  serverName: optional(text(0, 255)),
  /** The name that the certificate was checked against. */
  peerName: optional(text(0, 255)),
  alpn: optional(text(1, 255)),
  extendedMasterSecret: flag,
  encryptThenMac: flag,
  /** The peer's certificates (DER), leaf first. */
  chain: list(opaque(1, 2 ** 24 - 1), 0, 2 ** 24 - 1),
  /** What the verifier said of them: X509_V_OK (0) or what it tolerated. */
  verifyCode: u32,
  /** The context that it must be resumed in. */
  context: opaque(0, 255),
  /** A digest of what the peer was verified by, and of who we said we were; empty where the program looks after that. */
  binding: opaque(0, 32),
  /** Server: the region that issued it, where its early data may be taken. */
  region: text(0, 64),
  /** Bytes of early data that the ticket allows. */
  earlyData: u32,
  /** Bytes of plaintext in a record, where max_fragment_length was agreed on; else 0. */
  maxFragmentLength: u16,
  /** Bytes of plaintext in a record that the peer takes (record_size_limit); 0: it said nothing. */
  recordLimit: u16,
  /** When the peer must show its certificate again, however often the session was renewed: ms since 1970. */
  trustedUntil: u48,
  /** How the key exchange was made, by the group's number; 0 without one. */
  group: u16,
  /** How the peer signed, by the scheme's number; 0 if it did not. */
  peerScheme: u16,
  /** What the peer stapled: an OCSP response, a list of timestamps. Empty: none. */
  ocsp: opaque(0, 2 ** 24 - 1),
  scts: opaque(0, 2 ** 16 - 1),
  /** What the program has put into the ticket. */
  appData: opaque(0, 2 ** 16 - 1),
})

export type Session = Infer<typeof layout>

/** A byte for the format, and the session. */
export const encodeSession = (session: Session): Uint8Array => lendSession(session, own)

/** The same, lent to `use` and wiped afterwards. */
export const lendSession = <T>(session: Session, use: (bytes: Uint8Array) => T): T =>
  lend((w) => {
    w.number(1, FORMAT)
    layout.write(w, session)
  }, use)

/** Undefined for bytes that are no session, or one of another format. */
export const decodeSession = (data: Uint8Array): Session | undefined => {
  if (data[0] !== FORMAT || data.length > MOST) return undefined
  try {
    return decode(layout, data.slice(1))
  } catch {
    return undefined
  }
}

/** Whether it may still be resumed at this time (ms since 1970). */
export const isFresh = (session: Session, now: number): boolean =>
  now >= session.created - CLOCK_SKEW && now < session.created + Math.min(session.lifetime, WEEK) * 1000

/** Clocks of two machines may differ by so many milliseconds. */
export const CLOCK_SKEW = 30_000

/** Where a server keeps sessions of TLS 1.2 by id (hexadecimal). */
export interface Sessions {
  get(id: string): Maybe<Session | undefined>
  put(id: string, session: Session): Maybe<void>
  remove(id: string): Maybe<void>
}
