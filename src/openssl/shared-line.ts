/**
 * The memory that a socket of the thread and its user share. One writes what the other only reads, and whoever changed
 * something counts `TURN` up and notifies: on that word the user's thread stands still (Atomics.wait).
 */

/** Places among the 32-bit words at the beginning. */
export const WORDS = {
  /** Counted up with every change that the thread makes. */
  TURN: 0,
  /** One of STATES. */
  STATE: 1,
  /** Bytes that came, counted by the thread; both counts run over at 2^32. */
  CAME: 2,
  /** Bytes that were read, counted by the user. */
  READ: 3,
  /** 1: the peer has ended its side, and all its bytes are counted in CAME. */
  ENDED: 4,
  /** 1: the thread holds bytes for which there was no room, and must be told when there is some. */
  FULL: 5,
  /** Bytes that the thread has still to send; it puts 0 when the system has taken them. */
  SENDING: 6,
  /** 1: the socket failed, and FAILURE says of what. */
  FAILED: 7,
  /** 1: somebody awaits the next change as a message. */
  WATCHED: 8,
} as const

export const STATES = { PENDING: 0, OPEN: 1, CLOSED: 2 } as const

/** Where things lie, in bytes. `input` is a ring, and its size a power of two; the texts are JSON behind a length. */
export const PLACES = {
  words: { at: 0, size: 64 },
  opened: { at: 64, size: 1024 },
  failure: { at: 1088, size: 1024 },
  input: { at: 2112, size: 1 << 16 },
  output: { at: 2112 + (1 << 16), size: 1 << 16 },
} as const
export const LINE_BYTES = PLACES.output.at + PLACES.output.size

/** What the thread says of a socket once it is open, or bound. */
export interface Opened {
  readonly fd: number
  readonly address: string | null
  readonly port: number | null
  readonly peerAddress: string | null
  readonly peerPort: number | null
}

/** What a socket failed of: as much of the platform's error as crosses over. */
export interface Failure {
  readonly code?: string | undefined
  readonly errno?: number | undefined
  readonly syscall?: string | undefined
  readonly message: string
}

/** What the thread is told. Every socket and listener has a number; all but `look`, `send`, `close` make a new one. */
export type Order =
  | { readonly do: 'connect'; readonly id: number; readonly memory: SharedArrayBuffer; readonly to: Address }
  | { readonly do: 'listen'; readonly id: number; readonly memory: SharedArrayBuffer; readonly to: Address }
  | { readonly do: 'accept'; readonly id: number; readonly memory: SharedArrayBuffer; readonly from: number }
  | { readonly do: 'open'; readonly id: number; readonly memory: SharedArrayBuffer; readonly fd: number }
  /** There is room again. */
  | { readonly do: 'look'; readonly id: number }
  | { readonly do: 'send'; readonly id: number }
  /** `leave`: the descriptor stays open, and nobody reads it here. */
  | { readonly do: 'close'; readonly id: number; readonly leave: boolean }

export interface Address {
  readonly host: string | undefined
  readonly port: number
  readonly family: 0 | 4 | 6
}

/** What the thread says by message; nobody waits for that standing still. */
export type Report = { readonly say: 'changed' | 'closed'; readonly id: number }

/** What the thread is begun with. `started`: a word that it sets to 1. */
export interface Beginning {
  readonly started: SharedArrayBuffer
  readonly WORDS: typeof WORDS
  readonly STATES: typeof STATES
  readonly PLACES: typeof PLACES
}
