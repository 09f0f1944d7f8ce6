import { concat, NONE } from '../../../src/bytes/compare.ts'
import { TLS13 } from '../../../src/config.ts'
import type { Connection } from '../../../src/connection.ts'
import type { Opened } from '../../../src/crypto/provider.ts'
import { RETRY_RANDOM } from '../../../src/messages/hello.ts'
import { type MessageName, messages } from '../../../src/messages/table.ts'
import { ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE } from '../../../src/record/tls.ts'
import { type Need, runSync, wait } from '../../../src/task.ts'
import type { End } from '../../pair.ts'
import { CLEAR, DATA, EARLY, HANDSHAKE as HANDSHAKE_KEYS, type Ring } from './keys.ts'

/** What an end has said: a whole handshake message, or what else one record held. */
export interface Piece {
  readonly from: End
  /** Its content type, 20 to 23. */
  readonly type: number
  /** `alert`, `data`, `changeCipherSpec`, or the name of the message. */
  readonly name: string
  /** The content; of a message with its header of 4 bytes. */
  readonly bytes: Uint8Array
  /** It could not be opened: a record as it came. */
  readonly sealed?: boolean
  /** Early data: the record that it came in, for an end that does not take it. */
  readonly early?: Uint8Array
}

/** A record to be delivered. It is sealed with the keys that the other end opens with at that time. */
export interface Out {
  readonly type: number
  readonly bytes: Uint8Array
  /** It goes in the clear, whatever the keys. */
  readonly clear?: boolean
  /** `bytes` is a whole record, and is delivered as it is. */
  readonly sealed?: boolean
  readonly early?: Uint8Array
}

/** Says for each piece what is delivered instead: itself, nothing, several. */
export type Surgeon = (piece: Piece) => readonly Out[]

const HEADER = 5
const SERVER_HELLO = messages.serverHello.type
const END_OF_EARLY_DATA = messages.endOfEarlyData.type
const FINISHED = messages.finished.type
const KEY_UPDATE = messages.keyUpdate.type

/** Handshake messages out of a stream of their bytes. */
class Messages {
  #bytes: Uint8Array = NONE

  push(bytes: Uint8Array): Uint8Array[] {
    this.#bytes = concat(this.#bytes, bytes)
    const whole: Uint8Array[] = []
    while (this.#bytes.length >= 4) {
      const length = 4 + (((this.#bytes[1] ?? 0) << 16) | ((this.#bytes[2] ?? 0) << 8) | (this.#bytes[3] ?? 0))
      if (this.#bytes.length < length) break
      whole.push(this.#bytes.slice(0, length))
      this.#bytes = this.#bytes.slice(length)
    }
    return whole
  }
}

/**
 * One way between two ends, by somebody who knows every key: what one end says is opened with the secrets that it told,
 * and sealed again with those of the other. So the two need not agree on their keys, and what is refused is refused for
 * what it says, not because it could not be opened.
 */
export class Lane {
  readonly #from: End
  readonly #sender: Connection
  readonly #receiver: Connection
  readonly #said: Ring
  readonly #heard: Ring
  readonly #surgeon: Surgeon
  #bytes: Uint8Array = NONE
  readonly #sent = new Messages()
  readonly #delivered = new Messages()
  #opening = { epoch: CLEAR, sequence: 0 }
  #sealing = { epoch: CLEAR, sequence: 0 }
  /** Each with how long the records of the sender were when it was said. */
  #waiting: (Out & { readonly limit: number })[] = []

  constructor(
    from: End,
    [sender, said]: readonly [Connection, Ring],
    [receiver, heard]: readonly [Connection, Ring],
    surgeon: Surgeon,
  ) {
    this.#from = from
    this.#sender = sender
    this.#receiver = receiver
    this.#said = said
    this.#heard = heard
    this.#surgeon = surgeon
  }

  /** Takes what the sender has said, and delivers a record to one that reads. Whether there was anything to do. */
  step(need: Need | undefined): boolean {
    const said = this.#sender.output.take()
    if (said.length > 0) this.#take(said)
    // while somebody's answer is awaited it is not known with which keys the next record will be opened
    const out = need?.kind === 'wait' ? undefined : this.#waiting.shift()
    if (out) this.#deliver(out)
    return said.length > 0 || out !== undefined
  }

  /** Delivers something that nobody has said. */
  inject(out: Out): void {
    this.#waiting.push({ ...out, limit: this.#sender.recordLimit })
  }

  // ---- what the sender has said

  #take(said: Uint8Array): void {
    this.#bytes = concat(this.#bytes, said)
    while (this.#bytes.length >= HEADER) {
      const length = HEADER + (((this.#bytes[3] ?? 0) << 8) | (this.#bytes[4] ?? 0))
      if (this.#bytes.length < length) return
      const record = this.#bytes.slice(0, length)
      this.#bytes = this.#bytes.slice(length)
      for (const piece of this.#read(record)) for (const out of this.#surgeon(piece)) this.inject(out)
    }
  }

  /** Whether the sender speaks TLS 1.3, as one that sends early data does before it is agreed. */
  get #says13(): boolean {
    const { version } = this.#sender.facts
    return version === TLS13 || (version === undefined && this.#said.hurried)
  }

  #read(record: Uint8Array): Piece[] {
    const opened = this.#open(record)
    if (!opened) return [{ from: this.#from, type: APPLICATION_DATA, name: 'data', bytes: record, sealed: true }]
    const { type, data } = opened
    if (type === CHANGE_CIPHER_SPEC && !this.#says13) this.#opening = { epoch: DATA, sequence: 0 }
    const early = this.#opening.epoch === EARLY && { early: record }
    if (type !== HANDSHAKE) return [{ from: this.#from, type, name: nameOf(type), bytes: data.slice(), ...early }]
    return this.#sent.push(data).map((bytes) => {
      if (this.#sender.facts.version === TLS13 && bytes[0] === KEY_UPDATE)
        this.#opening = { epoch: this.#opening.epoch + 1, sequence: 0 }
      return { from: this.#from, type, name: messageName(bytes[0] ?? 0, this.#sender.facts.version), bytes }
    })
  }

  /** Opens it with the keys in use, or with later ones: the first that fit are those in use from here on. */
  #open(record: Uint8Array): Opened | undefined {
    const type = record[0] ?? 0
    const { facts } = this.#sender
    if (this.#says13 ? type !== APPLICATION_DATA : this.#opening.epoch === CLEAR)
      return { type, data: record.slice(HEADER) }
    const { epoch, sequence } = this.#opening
    for (let later = Math.max(epoch, EARLY); later <= Math.max(epoch, DATA); later++) {
      const number = later === epoch ? sequence : 0
      const protection = this.#said.protection(facts, this.#from, later)
      const opened = protection && runSync(wait(protection.open(number, record.slice())))
      if (!opened) continue
      this.#opening = { epoch: later, sequence: number + 1 }
      return opened
    }
    return undefined
  }

  // ---- what the receiver is given

  #deliver({ type, bytes, limit, clear = false, sealed = false, early }: Out & { readonly limit: number }): void {
    if (sealed) return this.#receiver.receive(bytes)
    if (early && !this.#heard.hurried) return this.#receiver.receive(early)
    if (bytes.length > limit && type === HANDSHAKE) {
      this.#deliver({ type, bytes: bytes.subarray(0, limit), limit, clear })
      return this.#deliver({ type, bytes: bytes.subarray(limit), limit, clear })
    }
    const tls13 = this.#receiver.facts.version === TLS13
    const epoch = this.#epoch(tls13)
    if (epoch !== this.#sealing.epoch) this.#sealing = { epoch, sequence: 0 }
    // ChangeCipherSpec means nothing in TLS 1.3, and is never protected
    const plain = clear || epoch === CLEAR || (tls13 && type === CHANGE_CIPHER_SPEC)
    const protection = plain ? undefined : this.#heard.protection(this.#receiver.facts, this.#from, epoch)
    if (protection) {
      const length = protection.sealedLength(bytes.length, 0)
      const record = recordOf(tls13 ? APPLICATION_DATA : type, new Uint8Array(length))
      runSync(wait(protection.seal(this.#sealing.sequence++, type, bytes, 0, record)))
      this.#receiver.receive(record)
    } else this.#receiver.receive(recordOf(type, bytes))
    if (type === CHANGE_CIPHER_SPEC && !tls13 && this.#receiver.facts.version !== undefined)
      this.#sealing = { epoch: DATA, sequence: 0 }
    if (type === HANDSHAKE) for (const message of this.#delivered.push(bytes)) this.#follow(message)
  }

  /** What the receiver opens the next record with. */
  #epoch(tls13: boolean): number {
    const { epoch } = this.#sealing
    if (!tls13 || this.#from === 'server' || epoch !== CLEAR) return epoch
    if (this.#heard.hurried) return EARLY
    return this.#heard.protection(this.#receiver.facts, 'client', HANDSHAKE_KEYS) ? HANDSHAKE_KEYS : CLEAR
  }

  /** After that message the receiver opens with other keys. */
  #follow(message: Uint8Array): void {
    const { epoch } = this.#sealing
    const type = message[0]
    const next =
      type === SERVER_HELLO && this.#from === 'server' && epoch === CLEAR && !isRetry(message) && is13(message)
        ? HANDSHAKE_KEYS
        : type === END_OF_EARLY_DATA && epoch === EARLY
          ? HANDSHAKE_KEYS
          : type === FINISHED && epoch === HANDSHAKE_KEYS
            ? DATA
            : type === KEY_UPDATE && epoch >= DATA && this.#receiver.facts.version === TLS13
              ? epoch + 1
              : epoch
    if (next !== epoch) this.#sealing = { epoch: next, sequence: 0 }
  }
}

export const recordOf = (type: number, bytes: Uint8Array, version = 0x0303): Uint8Array =>
  concat(Uint8Array.of(type, version >> 8, version & 255, bytes.length >> 8, bytes.length & 255), bytes)

const isRetry = (message: Uint8Array): boolean => RETRY_RANDOM.every((byte, i) => message[6 + i] === byte)

/** Whether a ServerHello says TLS 1.3, by the extension that says it. */
const is13 = (message: Uint8Array): boolean => Buffer.from(message).includes(Buffer.of(0, 43, 0, 2, 3, 4))

const nameOf = (type: number): string =>
  type === ALERT ? 'alert' : type === CHANGE_CIPHER_SPEC ? 'changeCipherSpec' : 'data'

const names = Object.keys(messages) as MessageName[]
/** The name of that type in the version; a number where there is none. */
export const messageName = (type: number, version: number | undefined): string => {
  const fitting = names.filter((name) => messages[name].type === type)
  return fitting.find((name) => name.endsWith('12') === (version !== TLS13)) ?? fitting[0] ?? `message type ${type}`
}
