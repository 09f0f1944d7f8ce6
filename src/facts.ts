import type { Identity, Version } from './config.ts'
import type { NamedGroup } from './crypto/groups.ts'
import type { Scheme } from './crypto/schemes.ts'
import type { Suite } from './crypto/suites.ts'
import type { Session } from './session/session.ts'
import type { Task } from './task.ts'
import type { Certificate } from './x509/certificate.ts'
import type { Verified } from './x509/verifier.ts'

/** Keying material for other protocols (RFC 5705, RFC 9846 section 7.5). TLS 1.2 tells no context from an empty one. */
export type Exporter = (label: string, context: Uint8Array | undefined, length: number) => Task<Uint8Array>

export type Role = 'client' | 'server'

/** Why a session is not resumed. `unknown`: nothing of ours, changed, or lost; `policy`: what it was made under differs. */
export type Miss = 'unknown' | 'version' | 'expired' | 'name' | 'policy' | 'suite'

/**
 * Why early data is not taken. `off`: this server takes none; `retried`: after a HelloRetryRequest; `no ticket`: nothing
 * that has an age; `terms`: suite, protocol or amount differ; `age`: its clock or the way here; `replay`: it may be one.
 */
export type EarlyRefusal = 'off' | 'retried' | 'no ticket' | 'terms' | 'age' | 'replay'

/** What a handshake has established: filled by the handshake, read by every face of the library. */
export interface Facts {
  readonly role: Role
  version?: Version
  suite?: Suite
  /** The group of the key exchange; absent with static RSA. */
  group?: NamedGroup
  /** How the peer, and how we, have signed. */
  peerScheme?: Scheme
  ownScheme?: Scheme
  alpn?: string
  /** Server: the name that was asked for. Client: the one we asked for. */
  serverName?: string
  clientRandom?: Uint8Array
  serverRandom?: Uint8Array
  /** What the peer sent, leaf first. */
  peerChain?: readonly Certificate[]
  verified?: Verified
  /** What we sent. */
  identity?: Identity
  /** The peer asked for our certificate. */
  certificateRequested?: boolean
  /** Subjects (DER) of the authorities that the peer named. */
  peerAuthorities?: readonly Uint8Array[]
  peerSchemes?: readonly Scheme[]
  /** Server: the suites of the ClientHello, by number. */
  peerSuites?: readonly number[]
  peerGroups?: readonly number[]
  resumed: boolean
  /** Server: the client named a session, and this is why it was not resumed. */
  missed?: Miss
  /** The key agreed elsewhere that the handshake was made with, by its identity. */
  psk?: Uint8Array
  /** Client, TLS 1.2: what the server said of the key that it wants. */
  pskHint?: Uint8Array
  /** Server: a HelloRetryRequest carries what there is to keep, and this connection goes no further. */
  askedBack?: true
  /** Early data was offered: what became of it. */
  earlyData?: 'accepted' | 'rejected'
  /** Server, TLS 1.3: milliseconds by which the ticket is older to the client than to us. */
  ticketAgeSkew?: number
  /** Server: why it was rejected. */
  earlyRefusal?: EarlyRefusal
  /** The exporter for early data, where that was offered and the key is known. */
  earlyExporter?: Exporter
  /** There was a HelloRetryRequest. */
  retried: boolean
  /** The session as it stands: in TLS 1.3 it changes with every ticket. */
  session?: Session
  /** TLS 1.2. */
  extendedMasterSecret?: boolean
  encryptThenMac?: boolean
  secureRenegotiation?: boolean
  /** Stapled OCSP response and SCT list of the peer. */
  ocsp?: Uint8Array
  scts?: Uint8Array
  /** The verify_data of both Finished messages. */
  ourFinished?: Uint8Array
  peerFinished?: Uint8Array
  exporter?: Exporter
  /** The client offered to authenticate later. */
  postHandshakeAuth?: boolean
  /** Server: a certificate is to be asked for on the open connection, or was and has not come. */
  authentication?: 'due' | 'asked'
  /** Bytes of plaintext in a record, where max_fragment_length was agreed on. */
  maxFragmentLength?: number
  /** Bytes of plaintext in a record that the peer takes, where it said so. */
  peerRecordLimit?: number
}
