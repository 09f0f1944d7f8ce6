import type { Config } from '../config.ts'
import type { Keying, Protection } from '../crypto/provider.ts'
import type { CipherName, Suite } from '../crypto/suites.ts'
import type { Task } from '../task.ts'

/** Whose keys: the levels of the key schedule. */
export type Level = 'early' | 'handshake' | 'data'

/** How one direction is protected from some record on. */
export interface Keys {
  readonly level: Level
  readonly version: Keying['version']
  readonly protection: Protection
  readonly cipher: CipherName
  /** For tests: the number of the first record, where it is not 0. */
  readonly first?: number
}

/** What a carrier tells while it looks for a handshake message. */
export interface Beside {
  /** A message of this type begins. Throws when it is not due. */
  expects(type: number): void
  /** It is that long. Throws when it is too long, before its body is kept. */
  begins(type: number, length: number): void
  /** Application data came. Throws when none may come now. */
  data(view: Uint8Array): void
  /** Whether data waits for the application to take it. */
  readonly untaken: boolean
  /** An alert came. Throws when it ends the connection. True: close_notify. */
  alert(level: number, code: number): boolean
  /** An open connection has had its close_notify. */
  readonly over: boolean
  /** The application has asked for something that can be done when we are turned. */
  readonly asked: boolean
  /** We stood still: what the application asked for meanwhile may be done. */
  turned(): Task<void> | undefined
}

/** What brings handshake messages and knows nothing of what they say. */
export interface Carrier {
  /** The next whole message, as the transcript counts it. To ask for one is to say that our own flight is over. */
  message(beside: Beside): Task<Uint8Array>
  /** Queues a message (with its header), as the transcript counts it; copied. */
  write(raw: Uint8Array): void
  /** Draws keys from a secret, each carrier in its own way. It may take its time. */
  keys(level: Level, suite: Suite, secret: Uint8Array): Task<Keys>
  /** TLS 1.2: keys out of the key block. */
  keys12(keying: Keying): Keys
  /** From here on that direction is protected with them. It takes no time, so nothing comes between. */
  readWith(keys: Keys): void
  writeWith(keys: Keys): void
  /** Client: early data was refused, and the next hello goes in the clear. */
  writeInClear(): void
  /** Sends ChangeCipherSpec: part of TLS 1.2, a disguise in TLS 1.3. */
  changeCipherSpec(): void
  /** TLS 1.2: waits for the peer's ChangeCipherSpec, the only thing that may come. */
  changed(beside: Beside): Task<void>
  /** From here on records say this version; with 1.3 a ChangeCipherSpec in between means nothing until `settled`. */
  agreed(version: Keying['version']): void
  /** The handshake is over. */
  settled(): void
  /** Server: that many bytes of records that do not open are early data we refused. */
  skipEarlyData(bytes: number): void
  /** Server: the client may still answer our flight with an alert in the clear. */
  allowPlainAlerts(): void
  /** Another config holds from here on: a hello has led to it. */
  reconfigure(config: Config): void
  /** Bytes that were ever queued, and that have ever left: what was queued before `left` is on its way. */
  readonly queued: number
  readonly left: number
  limitWrite(bytes: number): void
  limitRead(bytes: number): void
}
