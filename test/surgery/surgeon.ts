import { concat, NONE } from '../../src/bytes/compare.ts'
import type { PrivateKey } from '../../src/crypto/provider.ts'
import { type Suite, suiteById, suites } from '../../src/crypto/suites.ts'
import type { Randoms } from '../../src/handshake/schedule12.ts'
import { extensionOf, type Hello, isRetry, readHello, versionOf } from './hello.ts'
import { type Epoch, epoch12, type Level13, levelOf, levels13, nextOf, type Role, type Secrets } from './keys.ts'
import { type Bound, boundAnew, finishedFor, same, View, verifyFor } from './transcripts.ts'

/**
 * Somebody between two ends who knows the secrets of both (from their key logs). What one end writes is opened, cut into
 * messages, offered for an edit, sealed for the other end, and delivered. The edit need not care for transcripts: each end
 * sees one that is whole. Finished is always made anew, signatures where the signer's key is given, binders where the
 * pre-shared key is. So an end that refuses an edited message refuses what it says, and one that goes on was content.
 */
export class Surgeon {
  /** Every message that was offered for an edit, in order, as its sender sent it. */
  readonly passed: Passing[] = []
  readonly #wishes: Wishes
  readonly #lanes: readonly [Lane, Lane]

  constructor(client: Party, server: Party, wishes: Wishes = {}) {
    this.#wishes = wishes
    const both: Shared = { views: { client: new View(), server: new View() }, agreed: {}, finished: new Set() }
    this.#lanes = [new Lane(client, server, both, this), new Lane(server, client, both, this)]
  }

  /** Lets both ends talk, client first, until neither has more to say. May be called again after either has acted. */
  async run(): Promise<void> {
    for (const { from } of this.#lanes) await from.turn()
    for (let moved = true; moved; ) {
      moved = false
      for (const lane of this.#lanes) if (await lane.carry()) moved = true
    }
  }

  get wishes(): Wishes {
    return this.#wishes
  }

  /** The names of what passed, those of the server with `<` in front: `clientHello <serverHello`. */
  get story(): string {
    return this.passed.map(({ from, name }) => `${from === 'server' ? '<' : ''}${name}`).join(' ')
  }
}

/** An end, however it is driven. */
export interface Party {
  readonly role: Role
  readonly secrets: Secrets
  /** Bytes from the other end. */
  feed(bytes: Uint8Array): void
  /** Runs until it stands still. */
  turn(): Promise<void>
  /** What it has written since it was last asked. */
  drain(): Uint8Array
}

export interface Wishes {
  readonly edit?: Editor
  /** The records of one piece as they would be delivered: to split, join, double, damage or drop. */
  readonly records?: (from: Role, records: readonly Uint8Array[]) => readonly Uint8Array[]
  /** `false`: transcripts are left alone, so that any edit is found out by Finished at the latest. */
  readonly mend?: boolean
  /** Private keys of the certificates, to sign anew. */
  readonly keys?: { readonly client?: PrivateKey; readonly server?: PrivateKey }
  /** The key whose binders stand in ClientHello. */
  readonly psk?: Bound
}

/** A message on its way. */
export interface Passing {
  readonly from: Role
  /** The content type. */
  readonly type: number
  readonly name: PassingName
  /** How many of that name passed in this direction before it. */
  readonly nth: number
  /** Handshake messages with their header. */
  readonly raw: Uint8Array
  readonly level: Level
}
export type Level = 'clear' | Level13 | 'protected'

/** Another content type than that of the message, or without protection. */
export interface Piece {
  readonly type: number
  readonly bytes: Uint8Array
  readonly clear?: boolean
}

/** What goes on instead: undefined as it was, nothing, one message, or several. */
export type Editor = (passing: Passing) => Uint8Array | readonly (Uint8Array | Piece)[] | undefined | void

export const CCS = 20
export const ALERT = 21
export const HANDSHAKE = 22
export const DATA = 23

const names = {
  0: 'helloRequest',
  1: 'clientHello',
  2: 'serverHello',
  4: 'newSessionTicket',
  5: 'endOfEarlyData',
  8: 'encryptedExtensions',
  11: 'certificate',
  12: 'serverKeyExchange',
  13: 'certificateRequest',
  14: 'serverHelloDone',
  15: 'certificateVerify',
  16: 'clientKeyExchange',
  20: 'finished',
  22: 'certificateStatus',
  24: 'keyUpdate',
} as const
export type PassingName =
  | (typeof names)[keyof typeof names]
  | 'helloRetryRequest'
  | 'changeCipherSpec'
  | 'alert'
  | 'data'
  | `handshake ${number}`

const nameOf = (type: number, raw: Uint8Array): PassingName => {
  if (type !== HANDSHAKE) return type === CCS ? 'changeCipherSpec' : type === ALERT ? 'alert' : 'data'
  const name = names[raw[0] as keyof typeof names] ?? (`handshake ${raw[0]}` as const)
  return name === 'serverHello' && isRetry(readHello(raw)) ? 'helloRetryRequest' : name
}

/** An editor for one message: the first of that name in any direction, or the nth. */
export const on =
  (
    name: PassingName,
    change: (raw: Uint8Array) => ReturnType<Editor>,
    { nth = 0, from }: Partial<Passing> = {},
  ): Editor =>
  (passing) =>
    passing.name === name && passing.nth === nth && (from ?? passing.from) === passing.from
      ? change(passing.raw)
      : undefined

/** What the hellos settled, as one end has seen them. */
interface Agreed {
  readonly suite: Suite
  readonly randoms: Randoms
  readonly encryptThenMac: boolean
}

interface Shared {
  readonly views: { readonly client: View; readonly server: View }
  readonly agreed: { client?: Agreed; server?: Agreed }
  /** Whose Finished has passed. */
  readonly finished: Set<Role>
}

const HEADER = 5
const MAX_FRAGMENT = 16384
const ENCRYPT_THEN_MAC = 22
const TICKET = 4
const KEY_UPDATE = 24

/** One direction. */
class Lane {
  readonly from: Party
  readonly #to: Party
  readonly #shared: Shared
  readonly #surgeon: Surgeon
  #input = NONE
  #handshake = NONE
  /** Of the record that is being passed on. */
  #version = 0x0303
  #level: Level = 'clear'
  readonly #opening = new Map<Level, Epoch>()
  readonly #sealing = new Map<Level, Epoch>()
  readonly #counts = new Map<PassingName, number>()
  #early: Suite | undefined

  constructor(from: Party, to: Party, shared: Shared, surgeon: Surgeon) {
    this.from = from
    this.#to = to
    this.#shared = shared
    this.#surgeon = surgeon
  }

  /** Takes what was written, and delivers what becomes of it. False: there was nothing. */
  async carry(): Promise<boolean> {
    const written = this.from.drain()
    if (written.length === 0) return false
    this.#input = concat(this.#input, written)
    while (this.#input.length >= HEADER) {
      const length = ((this.#input[3] as number) << 8) | (this.#input[4] as number)
      if (this.#input.length < HEADER + length) break
      const record = this.#input.slice(0, HEADER + length)
      this.#input = this.#input.slice(HEADER + length)
      await this.#record(record)
    }
    return true
  }

  async #record(record: Uint8Array): Promise<void> {
    this.#version = ((record[1] as number) << 8) | (record[2] as number)
    const { type, data } = await this.#open(record)
    if (type !== HANDSHAKE) return this.#pass(type, data)
    this.#handshake = concat(this.#handshake, data)
    while (this.#handshake.length >= 4) {
      const [, a, b, c] = this.#handshake as unknown as [number, number, number, number]
      const length = 4 + ((a << 16) | (b << 8) | c)
      if (this.#handshake.length < length) return
      const raw = this.#handshake.slice(0, length)
      this.#handshake = this.#handshake.slice(length)
      await this.#pass(HANDSHAKE, raw)
    }
  }

  // ---- opening

  get #agreedThere(): Agreed | undefined {
    return this.#shared.agreed[this.#to.role]
  }
  get #agreedHere(): Agreed | undefined {
    return this.#shared.agreed[this.from.role]
  }

  async #open(record: Uint8Array): Promise<{ type: number; data: Uint8Array }> {
    const type = record[0] as number
    const clear = { type, data: record.subarray(HEADER) }
    const protected12 = this.#opening.get('protected')
    if (protected12) return openWith(protected12, record) ?? unopened(type)
    if (type !== DATA) {
      this.#level = 'clear'
      return clear
    }
    // TLS 1.3: the level that was read last, or one that follows
    const from = levels13.indexOf(this.#level as Level13)
    for (const level of levels13.slice(Math.max(0, from))) {
      const opened = await this.#openAt(level, record)
      if (!opened) continue
      this.#level = level
      return opened
    }
    return unopened(type)
  }

  async #openAt(level: Level13, record: Uint8Array): Promise<{ type: number; data: Uint8Array } | undefined> {
    const known = this.#opening.get(level)
    if (known) return openWith(known, record)
    // which suite early data is protected with was settled in another connection
    const candidates =
      level === 'early' ? suites.filter(({ version }) => version === 0x0304) : [this.#agreedHere?.suite]
    for (const suite of candidates) {
      const epoch = suite && (await levelOf(this.from.secrets, suite, level, this.from.role))
      const opened = epoch && openWith(epoch, record)
      if (!opened) continue
      if (level === 'early') this.#early = suite
      this.#opening.set(level, epoch)
      return opened
    }
    return undefined
  }

  // ---- passing on

  async #pass(type: number, raw: Uint8Array): Promise<void> {
    const { wishes, passed } = this.#surgeon
    const { role } = this.from
    const name = nameOf(type, raw)
    const nth = this.#counts.get(name) ?? 0
    this.#counts.set(name, nth + 1)
    const passing: Passing = { from: role, type, name, nth, raw: raw.slice(), level: this.#level }
    passed.push(passing)
    const edited = wishes.edit?.({ ...passing, raw: raw.slice() }) ?? passing.raw
    const over = this.#shared.finished.size === 2
    if (type === HANDSHAKE && !over && this.#counted(raw)) this.#shared.views[role].add(raw)
    if (name === 'serverHello') this.#agree(raw, 'server')
    if (type === CCS) await this.#protect12(this.#opening, this.from, this.#agreedHere)
    for (const one of edited instanceof Uint8Array ? [edited] : edited) {
      const piece = one instanceof Uint8Array ? { type, bytes: one } : one
      await this.#deliver(piece, { touched: edited !== passing.raw, over })
    }
    if (name === 'keyUpdate') await this.#update(this.#opening, this.#agreedHere)
    if (name === 'finished') this.#shared.finished.add(role)
  }

  /** A ticket of TLS 1.3 is in no transcript. */
  #counted(raw: Uint8Array): boolean {
    return raw[0] !== TICKET || this.#agreedHere?.suite.version === 0x0303
  }

  async #deliver(piece: Piece, { touched, over }: { touched: boolean; over: boolean }): Promise<void> {
    let { bytes } = piece
    if (piece.type === HANDSHAKE) {
      if (!over) {
        bytes = await this.#mended(bytes, touched)
        if (this.#counted(bytes)) this.#shared.views[this.#to.role].add(bytes)
      }
      if (bytes[0] === 2 && bytes.length > 38 && !isRetry(readHello(bytes))) this.#agree(bytes, 'client')
    }
    await this.#send(piece.type, bytes, piece.clear ?? false)
    if (piece.type === CCS) await this.#protect12(this.#sealing, this.#to, this.#agreedThere)
    if (piece.type === HANDSHAKE && bytes[0] === KEY_UPDATE) await this.#update(this.#sealing, this.#agreedThere)
  }

  async #mended(raw: Uint8Array, touched: boolean): Promise<Uint8Array> {
    const { mend = true, keys, psk } = this.#surgeon.wishes
    const { views } = this.#shared
    const { role } = this.from
    const view = views[this.#to.role]
    const suite = this.#agreedThere?.suite
    if (!mend) return raw
    const name = nameOf(HANDSHAKE, raw)
    if (name === 'clientHello' && psk && touched) return boundAnew(raw, view, psk)
    // the sender's view has this message already
    const before = new View()
    before.messages.push(...views[role].messages.slice(0, -1))
    if (touched || !suite || same(before, view)) return raw
    if (name === 'finished') return (await finishedFor(view, this.#to.secrets, suite, role)) ?? raw
    const key = keys?.[role]
    if (name === 'certificateVerify' && key) return verifyFor(raw, view, suite, role, key)
    return raw
  }

  async #send(type: number, bytes: Uint8Array, clear: boolean): Promise<void> {
    const epoch = clear ? undefined : await this.#sealingEpoch()
    const records: Uint8Array[] = []
    let at = 0
    do {
      const fragment = bytes.subarray(at, at + MAX_FRAGMENT)
      at += MAX_FRAGMENT
      const outer = epoch && this.#level !== 'protected' && !this.#sealing.get('protected') ? DATA : type
      const length = epoch ? epoch.protection.sealedLength(fragment.length, 0) : fragment.length
      const record = new Uint8Array(HEADER + length)
      const version = epoch ? 0x0303 : this.#version
      record.set([outer, version >> 8, version & 255, length >> 8, length & 255])
      if (epoch) await epoch.protection.seal(epoch.sequence++, type, fragment, 0, record)
      else record.set(fragment, HEADER)
      records.push(record)
    } while (at < bytes.length)
    for (const record of this.#surgeon.wishes.records?.(this.from.role, records) ?? records) this.#to.feed(record)
    await this.#to.turn()
  }

  async #sealingEpoch(): Promise<Epoch | undefined> {
    const protected12 = this.#sealing.get('protected')
    if (protected12) return protected12
    const level = this.#level
    if (level === 'clear' || level === 'protected') return undefined
    const known = this.#sealing.get(level)
    if (known) return known
    const suite = level === 'early' ? this.#early : (this.#agreedThere ?? this.#agreedHere)?.suite
    // an end that refuses early data has no key for it, and skips what it cannot open
    const epoch =
      suite &&
      ((await levelOf(this.#to.secrets, suite, level, this.from.role)) ??
        (await levelOf(this.from.secrets, suite, level, this.from.role)))
    if (epoch) this.#sealing.set(level, epoch)
    return epoch
  }

  // ---- keys

  /** A server's hello, as this end has seen it, settles the suite. */
  #agree(raw: Uint8Array, end: Role): void {
    const answer: Hello = readHello(raw)
    const hellos = this.#shared.views[end].messages.filter((one) => one[0] === 1)
    const asked = hellos[hellos.length - 1]
    const suite = suiteById(answer.suites[0] as number)
    if (!asked || !suite || suite.version !== versionOf(answer)) return
    this.#shared.agreed[end] = {
      suite,
      randoms: { client: readHello(asked).random, server: answer.random },
      encryptThenMac: extensionOf(answer, ENCRYPT_THEN_MAC) !== undefined,
    }
  }

  /** TLS 1.2: from its ChangeCipherSpec on a direction is protected. */
  async #protect12(epochs: Map<Level, Epoch>, end: Party, agreed: Agreed | undefined): Promise<void> {
    const { master } = end.secrets
    if (agreed?.suite.version !== 0x0303 || !master) return
    const { suite, randoms, encryptThenMac } = agreed
    epochs.set('protected', await epoch12(suite, master, randoms, encryptThenMac, this.from.role))
    if (epochs === this.#opening) this.#level = 'protected'
  }

  async #update(epochs: Map<Level, Epoch>, agreed: Agreed | undefined): Promise<void> {
    const epoch = epochs.get('data')
    if (epoch && agreed) epochs.set('data', await nextOf(agreed.suite, epoch))
  }
}

const openWith = (epoch: Epoch, record: Uint8Array): { type: number; data: Uint8Array } | undefined => {
  const opened = epoch.protection.open(epoch.sequence, record)
  if (opened instanceof Promise) throw new Error('the surgeon takes a quick provider')
  if (!opened) return undefined
  epoch.sequence++
  return { type: opened.type, data: opened.data.slice() }
}

const unopened = (type: number): never => {
  throw new Error(`the surgeon has no key for a record of type ${type}; does the key log of its sender reach it?`)
}
