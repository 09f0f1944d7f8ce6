import type { AlertName } from './errors.ts'
import type { Errand } from './task.ts'

/** `in` from the peer, `out` to the peer. */
export type Way = 'in' | 'out'

/** What happens on a connection, told to `config.trace` as it happens. Views in events are good during the call only. */
export type TraceEvent =
  /** A record: its 5 header bytes, the content type outside and, when it was protected in TLS 1.3, the one inside. */
  | {
      readonly event: 'record'
      readonly way: Way
      readonly header: Uint8Array
      readonly inner?: number
      readonly length: number
    }
  /** A handshake message: its header of 4 bytes and body in `raw`, what it says in `body`. */
  | {
      readonly event: 'message'
      readonly way: Way
      readonly name: string
      readonly body: unknown
      readonly raw: Uint8Array
    }
  | { readonly event: 'changeCipherSpec'; readonly way: Way }
  | {
      readonly event: 'alert'
      readonly way: Way
      readonly level: number
      readonly code: number
      readonly alert: AlertName | `alert ${number}`
    }
  /** The messages that may come next: the state that the connection is in. */
  | { readonly event: 'due'; readonly names: readonly string[] }
  /** A secret by its NSS key log label; `RSA` ones by the first 8 bytes that they travel in, all others by the random. */
  | { readonly event: 'secret'; readonly label: string; readonly clientRandom: Uint8Array; readonly secret: Uint8Array }
  /** Somebody was asked and has not answered yet; the answer came. */
  | { readonly event: 'wait' | 'answered'; readonly errand: Errand }
  | { readonly event: 'established' }
  /** The peer sent close_notify. */
  | { readonly event: 'closed' }
  | { readonly event: 'lost'; readonly error: unknown }

export type Trace = (event: TraceEvent) => void
