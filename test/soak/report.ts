export type Order =
  | { readonly kind: 'start'; readonly cert: string; readonly key: string }
  | { readonly kind: 'report' }

/** What a server holds when nobody is there. */
export interface Report {
  /** Bytes, after collecting. */
  readonly heap: number
  /** What keeps the event loop alive, by kind. */
  readonly resources: Readonly<Record<string, number>>
  readonly listeners: number
  readonly sockets: number
  /** Handshakes that succeeded; those that failed, by error. */
  readonly secured: number
  readonly refused: Readonly<Record<string, number>>
  /** Of the event loop, the 99th percentile in milliseconds. */
  readonly delay: number
}
