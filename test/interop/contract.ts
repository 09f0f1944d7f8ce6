/** Who plays which part. `Part` is always the part of the one who is asked. */
export type Part = 'client' | 'server'
export type Version = '1.3' | '1.2'
export type Kind = 'ecdsa' | 'rsa' | 'ed25519' | 'rsa-pss'
export type Group = 'X25519' | 'P-256' | 'P-384' | 'P-521' | 'X448' | 'ffdhe2048' | 'ffdhe3072'

/**
 * What is said once the handshake stands.
 * `echo`: the client sends the payload and gets every byte back.
 * `put`: the client stores the payload by HTTP PUT and fetches it by GET, on one connection.
 * `get PATH`: the client fetches the payload by one HTTP GET.
 */
export type Style = 'echo' | 'put' | `get ${string}`

/** One conversation, described for both ends. */
export interface Settings {
  version: Version
  /** The server's certificate. */
  certificate: Kind
  /** The only cipher suite that both ends allow, by its IANA name. */
  suite?: string
  /** In order of preference; the client's first share is in its first group. */
  clientGroups?: Group[]
  serverGroups?: Group[]
  /** The server requires a certificate and the client has this one. */
  clientCertificate?: Kind
  encryptThenMac?: boolean
  /** The protocol both ends have to agree on. */
  alpn?: string
  /** Two connections, the second resumed: from a ticket, or (1.2) from the server's memory by session id. */
  resume?: 'ticket' | 'id'
  /** By a key agreed elsewhere, `preShared`, instead of certificates. */
  psk?: true
  /** What the client says first on its second connection goes as early data. */
  earlyData?: true
  /** Who updates its keys, and asks for an update in return, in the middle of the payload. */
  keyUpdate?: Part
  /** Payload length in bytes, each way. */
  bytes: number
  /** Who sends the first close_notify. */
  closes: Part
  /** The other one does not answer it. */
  unanswered?: boolean
}

/** What one end saw of a connection that went well. A field that the end cannot tell is left out. */
export interface Transcript {
  version?: Version
  /** IANA name. */
  suite?: string
  group?: Group
  alpn?: string
  resumed?: boolean
  encryptThenMac?: boolean
  /** The handshake went through a HelloRetryRequest. */
  retried?: boolean
  /** KeyUpdate messages received. */
  keyUpdates?: number
  /** The kind of certificate the other end proved to own. */
  peerCertificate?: Kind
  /** The other end's close_notify came. */
  clean?: boolean
  /** The handshake was made with the key agreed elsewhere. */
  psk?: boolean
  /** Early data was taken. */
  earlyData?: boolean
  /** Payload bytes received; the client has compared every one of them. */
  bytes?: number
}

export interface Server {
  port: number
  /** What it saw of the next connection, asked when the client is through. Rejects when the connection failed. */
  next(): Promise<Transcript>
  close(): Promise<void>
}

/** One implementation of TLS; ours is one as well. */
export interface Peer {
  readonly name: string
  /** Its version; undefined when this machine does not have it. */
  find(): Promise<string | undefined>
  /** In a word, why it cannot play this part; undefined when it can. */
  cannot(settings: Settings, part: Part): string | undefined
  /** The parts in which it can do what not everybody can. */
  readonly can?: { readonly psk?: readonly Part[]; readonly earlyData?: readonly Part[] }
  /** How it can be talked to, in this part. */
  style(settings: Settings, part: Part): Style
  /** The parts in which it does not answer a close_notify with its own, as RFC 9846 6.1 allows. */
  readonly closesSilently?: readonly Part[]
  /** The only end that can close first in a conversation with it. */
  readonly closer?: Part
  serve?(settings: Settings, style: Style): Promise<Server>
  /** Talks to 127.0.0.1 as `localhost`; with `resume` connects twice and tells about the second connection. */
  connect?(settings: Settings, style: Style, port: number): Promise<Transcript>
  /** Ends what it keeps running between conversations. */
  stop?(): void
}

/** Files and bytes that every end uses, made once per run. */
export interface Materials {
  /** A directory that is removed after the run. */
  dir: string
  ca: string
  /** A leaf for `localhost` and 127.0.0.1, fit for servers and clients alike. */
  leaf(kind: Kind): { certificate: string; key: string }
  /** A file with the first `bytes` bytes of the payload: digits in lines of 64, so that no tool takes them for a command. */
  payload(bytes: number): { file: string; bytes: Uint8Array }
}

/** A key agreed elsewhere: its name, and its bytes in hexadecimal. */
export const preShared = { identity: 'interop', key: 'a1b2c3d4e5f60718293a4b5c6d7e8f90' }

/** How many connections a conversation takes. */
export const connections = (settings: Settings): number => (settings.resume ? 2 : 1)

/** Where a key update goes: after this many bytes of payload. */
export const firstChunk = 16384
