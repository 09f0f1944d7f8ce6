import { groups, type NamedGroup } from './crypto/groups.ts'
import type { HashName, PrivateKey, Provider } from './crypto/provider.ts'
import { type Scheme, schemes } from './crypto/schemes.ts'
import { type Suite, suites } from './crypto/suites.ts'
import { Misuse } from './errors.ts'
import type { SessionCache } from './session/cache.ts'
import type { Session, Sessions } from './session/session.ts'
import type { Tickets } from './session/tickets.ts'
import type { Hook, Maybe } from './task.ts'
import type { Trace } from './trace.ts'
import type { CertificateVerifier } from './x509/verifier.ts'

export type Version = 0x0303 | 0x0304
export const TLS12 = 0x0303
export const TLS13 = 0x0304

/** A certificate chain (leaf first, DER) with the key of the leaf. */
export interface Identity {
  readonly chain: readonly Uint8Array[]
  readonly key: PrivateKey
  /** An OCSP response (DER) to staple. */
  readonly ocsp?: Uint8Array
  /** A SignedCertificateTimestampList (RFC 6962 section 3.3) to send along. */
  readonly scts?: Uint8Array
  /** What this key signs with, in order of preference, where that differs from the config. */
  readonly schemes?: readonly Scheme[]
}

/** A key that both sides agreed on elsewhere (RFC 9846 section 2.2). */
export interface ExternalPsk {
  /** How it is named on the wire: 1 to 65535 bytes. */
  readonly identity: Uint8Array
  readonly secret: Uint8Array
  /** The hash that it is bound to; SHA-256 where nothing was said. */
  readonly hash: HashName
  /** It was imported (RFC 9258), so it is for TLS 1.3 alone. */
  readonly imported?: boolean
  /** For early data: the suite and the application protocol that go with it, and how many bytes may be sent. */
  readonly suite?: number
  readonly alpn?: string
  readonly earlyData?: number
}

/** What a `certificate` hook is asked. */
export interface CertificateQuestion {
  readonly role: 'client' | 'server'
  readonly version: Version
  /** The name that the client asked for. */
  readonly serverName?: string
  /** What the peer is able to check, by its preference. */
  readonly schemes: readonly Scheme[]
  /** Subjects (DER) of the authorities that the peer trusts, if it said so. */
  readonly authorities: readonly Uint8Array[]
}

/** A ClientHello as hooks see it. Views; good during the call. */
export interface HelloFacts {
  readonly raw: Uint8Array
  readonly legacyVersion: number
  readonly random: Uint8Array
  readonly sessionId: Uint8Array
  readonly suites: readonly number[]
  readonly compressionMethods: Uint8Array
  /** Type and body of every extension, in the order in which they came. */
  readonly extensions: readonly { readonly type: number; readonly data: Uint8Array }[]
  readonly serverName?: string
  readonly alpn?: readonly string[]
}

/** Where an extension may stand. Hellos of TLS 1.2 and 1.3 are different places, though they share a message type. */
export type Place =
  | 'clientHello'
  | 'serverHello'
  | 'helloRetryRequest'
  | 'serverHello12'
  | 'encryptedExtensions'
  | 'certificate'
  | 'certificateRequest'
  | 'newSessionTicket'

/** An extension that the library does not know. */
export interface CustomExtension {
  readonly type: number
  readonly data: Uint8Array
}

/** Where custom extensions stand just now. */
export interface CustomPlace {
  readonly place: Place
  /** Of a ClientHello that is written: the highest offered. */
  readonly version: Version
  /** The handshake resumes a session, or goes by a key agreed elsewhere. */
  readonly resumed: boolean
  /** Certificates alone have blocks of their own: which it is, leaf 0, and its DER. */
  readonly index: number
  readonly certificate?: Uint8Array
}

/** Extensions that a program brings. Servers write in answers what the client's hello had, clients read what they sent. */
export interface CustomExtensions {
  /** What to add there. */
  write(where: CustomPlace): readonly CustomExtension[]
  /** Judges what came; throws `TlsError`. False: nobody knows it, or nobody asked for it. */
  read(where: CustomPlace, found: CustomExtension): boolean
}

/** What a server needs to keep nothing of a client that has not come back with its cookie. */
export interface Stateless {
  /** What cookies are sealed with: 32 bytes, the same for all connections that shall take each other's. */
  readonly key: Uint8Array
  /** The program's part of a cookie. */
  generate(): Uint8Array
  verify(cookie: Uint8Array): boolean
}

/** Bounds on what a peer may cost us, each with its default in `usualLimits`. Tests: `test/attacks/limits.test.ts`. */
export interface Limits {
  /** Bytes of a Certificate message, and of a CertificateRequest. */
  readonly certificate: number
  /** Certificates in a Certificate message. */
  readonly chain: number
  /** Bytes of any other handshake message. */
  readonly message: number
  /** Extensions of a message; of each certificate in a Certificate message. */
  readonly extensions: number
  /** Records without content in a row. */
  readonly emptyRecords: number
  /** Warning alerts in a row. */
  readonly warnings: number
  /** KeyUpdates and other messages after the handshake in a row, with no data between them. */
  readonly updates: number
  /** KeyUpdates and other messages after the handshake in a minute. */
  readonly updatesPerMinute: number
  /** Client: tickets of one connection that are kept; what comes after them is thrown away. */
  readonly tickets: number
  /** Bytes of refused early data that are skipped. */
  readonly skippedEarlyData: number
  /** Bytes from the peer that may wait to be read; while there are more, `receive` throws `Misuse`. */
  readonly input: number
  /** Bytes to the peer that may wait to leave when it makes us answer something. What the program writes does not count. */
  readonly output: number
  /** Milliseconds for the handshake, from the first `advance` on: needs carry the end as `until`. 0: no end. */
  readonly handshake: number
  /**
   * Records sealed under one key of AES-GCM: in TLS 1.3 the key is changed then, and a connection of TLS 1.2 is ended at
   * 1.4 times as many (RFC 9846 section 5.5). A quarter of it for AES-CCM; other ciphers do not wear out.
   */
  readonly recordsPerKey: number
}

export interface Config {
  readonly provider: Provider
  readonly versions: readonly Version[]
  /** In order of preference. */
  readonly suites: readonly Suite[]
  readonly groups: readonly NamedGroup[]
  /** How many of the groups a client makes key shares for at once, or which of them. */
  readonly keyShares: number | readonly NamedGroup[]
  /** What we check and what we sign with, in order of preference. */
  readonly schemes: readonly Scheme[]
  /** What a client's certificate is signed with, where that differs from `schemes`: a server asks so, a client keeps to it. */
  readonly clientSchemes?: readonly Scheme[]
  /** TLS 1.2: schemes of ECDSA are for keys in their own curve only, as they are in TLS 1.3 (Suite B, RFC 6460). */
  readonly curveBound: boolean
  /** Server: our order of suites, groups and schemes decides, not the client's. */
  readonly serverPreference: boolean
  /** Protocols in order of preference; each of 1 to 255 characters of one byte. */
  readonly alpn?: readonly string[]
  /** Server: decides instead of the list. `undefined` goes on without; `false` refuses. */
  readonly selectAlpn?: Hook<readonly string[], string | undefined | false>

  /** Client: the name sent to the server (server_name). */
  readonly serverName?: string
  /** Client: the name or address that the certificate must be for. */
  readonly peerName?: string

  readonly identities: readonly Identity[]
  /** The order of identities decides, before that of schemes and suites: the first that the peer can check is shown. */
  readonly identityPreference: boolean
  /** Asked instead of `identities`: one, several to choose from, or `undefined` for none. */
  readonly certificate?: Hook<CertificateQuestion, Identity | readonly Identity[] | undefined>
  /** Client: a request for a certificate that none of its own fits ends the handshake, instead of an answer without one. */
  readonly insistOnIdentity: boolean
  /** Server: whether the client is asked for a certificate. */
  readonly clientAuth: 'none' | 'request' | 'require'
  /** Server, TLS 1.3: but not in the handshake; `Connection.ask` does it later. */
  readonly authenticateLater: boolean
  /** Subjects (DER) of the authorities that we name to the peer. */
  readonly authorities?: readonly Uint8Array[]
  readonly verifier: CertificateVerifier
  /** Whether a certificate that a peer has shown before is not parsed again. Whether to trust it is judged every time. */
  readonly rememberCertificates: boolean
  /** Server: another config for this hello, or none. */
  readonly select?: Hook<HelloFacts, Config | undefined>
  /** Server: the name that was asked for is none of ours, and we go on: without a word, or with a warning (TLS 1.2). */
  readonly unknownName?: 'silent' | 'warn'
  /** Extensions of the program's own. */
  readonly custom?: CustomExtensions
  /** Client: offers to authenticate on the open connection too. */
  readonly postHandshakeAuth: boolean
  /** Server: the cookie of a HelloRetryRequest, which the client must bring back (RFC 9846 section 4.2.2). */
  readonly cookie?: () => Uint8Array
  /** Server: keeps nothing of a client of TLS 1.3 that has not brought a cookie back. */
  readonly stateless?: Stateless

  /** Client: the session to resume. */
  readonly session?: Session
  /** Client: where sessions are kept for next time and found again, and for whom: the server's "host:port". */
  readonly sessionCache?: SessionCache
  readonly origin?: string
  /** Told of every session that can be resumed later. */
  readonly onSession?: (session: Session) => void
  /** Server: where sessions of TLS 1.2 are kept by id. */
  readonly sessions?: Sessions
  /** Server: makes and opens tickets; none means no tickets. Client: any value, and it offers to take them. */
  readonly tickets?: Tickets
  /** Server, TLS 1.3: how many tickets follow a handshake. */
  readonly ticketCount: number
  /** Seconds for which a session may be resumed; at most 604800 (7 days). */
  readonly sessionLifetime: number
  /** Sessions of one context are not resumed in another. */
  readonly sessionContext: Uint8Array
  /** The client offers to resume with pre-shared keys of TLS 1.3. */
  readonly resumption: boolean
  /** Client: the chain that a resumed session was made with is judged again. */
  readonly reverify: boolean

  /**
   * Client: keys agreed elsewhere, to offer beside the session, in order of preference. In TLS 1.2 it is asked with the
   * server's hint, and the first that was not imported is taken.
   */
  readonly psk?: Hook<Uint8Array | undefined, ExternalPsk | readonly ExternalPsk[] | undefined>
  /** Server: the key of that identity, if it is known. */
  readonly findPsk?: Hook<Uint8Array, ExternalPsk | undefined>
  /**
   * Server: whether early data under the key of that identity, agreed elsewhere, is no replay. Without it none is taken
   * under such keys: they have no age, so nothing here could tell.
   */
  readonly oncePsk?: (identity: Uint8Array) => Maybe<boolean>
  /** Server, TLS 1.2: which key the client may choose. */
  readonly pskHint?: Uint8Array
  /**
   * Bytes of data before the handshake is over (0-RTT). Server: how many it takes; client: whether it may send what the
   * session allows (any number but 0). Such data may be replayed by anybody who heard it (RFC 9846 appendix F.5).
   */
  readonly earlyData: number
  /** Server: by how many milliseconds a client may be wrong about the age of a ticket, for its early data to be taken. */
  readonly earlyDataWindow: number

  readonly encryptThenMac: boolean
  /** TLS 1.2: `require` refuses peers without extended_master_secret. */
  readonly extendedMasterSecret: 'offer' | 'require' | 'off'
  /** Client: asks for a stapled OCSP response, for signed certificate timestamps. */
  readonly ocsp: boolean
  /** What goes with that wish: an OCSPStatusRequest (RFC 6066 section 8); by default no responder is named. */
  readonly ocspRequest?: Uint8Array
  readonly scts: boolean
  /** Client: the largest fragment it wants (RFC 6066 section 4). */
  readonly maxFragmentLength?: 512 | 1024 | 2048 | 4096
  /** The largest plaintext of a record that we take (RFC 8449): 64 to 16385. */
  readonly recordSizeLimit?: number
  /** The largest plaintext of a record that we send: 1 to 16384. */
  readonly maxSendFragment: number
  /** How many zero bytes to add to a record of TLS 1.3. */
  readonly padding?: (type: number, length: number) => number
  /** Dress up TLS 1.3 as a resumption of TLS 1.2, for old middleboxes (RFC 9846 appendix E.4). */
  readonly middlebox: boolean
  /** Put several messages of a flight into one record. */
  readonly coalesce: boolean
  /** Client: says that it knows RFC 5746 by a number among the suites, not by an extension. */
  readonly renegotiationSuite: boolean
  /** Client: says that this is a second attempt with a lower version (RFC 7507). */
  readonly fallback: boolean
  /**
   * Client, TLS 1.2: data may be written once our Finished is out, before the server's has come (RFC 7918): with ECDHE and
   * AEAD, and an application protocol agreed on, or without that too.
   */
  readonly falseStart: 'off' | 'with protocol' | 'always'
  /** What a peer gets that wishes to negotiate again (TLS 1.2): a warning, and the connection goes on; or it ends. */
  readonly renegotiation: 'decline' | 'refuse'
  /** Sends values that mean nothing where peers must pass over what they do not know (RFC 8701). */
  readonly grease: boolean
  /** Client: servers that do not know secure renegotiation (RFC 5746) are refused, unless this is true. */
  readonly legacyServer: boolean

  readonly limits: Limits
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly trace?: Trace
  /** For tests: changes a message before it is written. */
  readonly rewrite?: (name: string, body: unknown) => unknown
}

/** What holds where a config says nothing else. */
export const usualLimits: Limits = Object.freeze({
  certificate: 102400,
  chain: 100,
  message: 20000,
  extensions: 128,
  emptyRecords: 32,
  warnings: 4,
  updates: 32,
  updatesPerMinute: 256,
  tickets: 16,
  skippedEarlyData: 16384 + 256,
  input: 1 << 24,
  output: 1 << 20,
  handshake: 120_000,
  recordsPerKey: 2 ** 24,
})

const isVersion = (v: number): v is Version => v === TLS12 || v === TLS13

type Required = 'provider' | 'verifier'
/** What `defineConfig` is given: the provider and the verifier, and what differs from the defaults. */
export type ConfigInput = Pick<Config, Required> &
  Partial<Omit<Config, Required | 'limits'>> & { readonly limits?: Partial<Limits> }

/** Fills in the defaults, checks the whole once and freezes it. Throws `Misuse` for what contradicts itself. */
export const defineConfig = (input: ConfigInput): Config => {
  const { provider } = input
  const config: Config = {
    versions: [TLS13, TLS12],
    suites: suites.filter((suite) => suite.default),
    groups: groups.filter((group) => group.default),
    keyShares: 1,
    schemes: schemes.filter((scheme) => scheme.default),
    serverPreference: false,
    curveBound: false,
    identities: [],
    identityPreference: false,
    insistOnIdentity: false,
    clientAuth: 'none',
    rememberCertificates: true,
    authenticateLater: false,
    postHandshakeAuth: false,
    ticketCount: 2,
    sessionLifetime: 7200,
    sessionContext: new Uint8Array(0),
    resumption: true,
    reverify: false,
    earlyData: 0,
    earlyDataWindow: 10_000,
    encryptThenMac: true,
    extendedMasterSecret: 'offer',
    ocsp: false,
    scts: false,
    maxSendFragment: 16384,
    middlebox: true,
    coalesce: true,
    fallback: false,
    renegotiationSuite: false,
    legacyServer: false,
    falseStart: 'off',
    renegotiation: 'decline',
    grease: false,
    now: Date.now,
    ...input,
    limits: { ...usualLimits, ...input.limits },
  }
  const filtered = {
    ...config,
    suites: config.suites.filter((suite) => provider.ciphers.includes(suite.cipher)),
    groups: config.groups.filter((group) => provider.groups.includes(group.name)),
  }
  for (const version of config.versions) {
    if (!isVersion(version))
      throw new Misuse(
        `version 0x${(version as number).toString(16)} is not supported; choose 0x0303 (TLS 1.2) or 0x0304 (TLS 1.3)`,
      )
  }
  for (const protocol of config.alpn ?? []) {
    if (protocol.length < 1 || protocol.length > 255)
      throw new Misuse(`an ALPN protocol has 1 to 255 bytes, "${protocol}" has ${protocol.length}`)
  }
  const { recordSizeLimit: limit, maxSendFragment: fragment } = config
  if (limit !== undefined && (limit < 64 || limit > 16385))
    throw new Misuse(`recordSizeLimit is 64 to 16385 bytes, not ${limit}`)
  if (fragment < 1 || fragment > 16384) throw new Misuse(`maxSendFragment is 1 to 16384 bytes, not ${fragment}`)
  for (const [name, value] of Object.entries(config.limits)) {
    if (!(value >= 0)) throw new Misuse(`limits.${name} is a number from 0 on, not ${value}`)
  }
  if (!(config.limits.recordsPerKey >= 1 && config.limits.recordsPerKey <= 2 ** 24))
    throw new Misuse(`limits.recordsPerKey is 1 to ${2 ** 24}, not ${config.limits.recordsPerKey}`)
  if (config.sessionContext.length > 255)
    throw new Misuse(`sessionContext has at most 255 bytes, not ${config.sessionContext.length}`)
  if (config.schemes.length === 0) throw new Misuse('no signature scheme is left; name at least one')
  return Object.freeze(filtered)
}
