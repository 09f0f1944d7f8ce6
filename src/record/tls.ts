import { NONE } from '../bytes/compare.ts'
import { Input } from '../bytes/input.ts'
import { Output } from '../bytes/output.ts'
import { type Config, TLS12, TLS13 } from '../config.ts'
import { HEADER } from '../crypto/protect-header.ts'
import type { Keying, Opened } from '../crypto/provider.ts'
import { type CipherName, ciphers, type Suite } from '../crypto/suites.ts'
import { TlsError, Truncated } from '../errors.ts'
import type { Reason } from '../reasons.ts'
import { isPromise, type Maybe, type Need, type Task, wait } from '../task.ts'
import { Assembler } from './assemble.ts'
import type { Beside, Carrier, Keys, Level } from './carrier.ts'

export const CHANGE_CIPHER_SPEC = 20
export const ALERT = 21
export const HANDSHAKE = 22
export const APPLICATION_DATA = 23

const MAX_PLAINTEXT = 16384
/**
 * What protection may add to a plaintext: RFC 9846 section 5.2. RFC 5246 section 6.2.3 has room for what compression adds;
 * without it no cipher of ours needs more than OpenSSL allows: 64 for the MAC and 256 for the padding.
 */
const EXPANSION = { [TLS12]: 320, [TLS13]: 256 } as const
/** OpenSSL's buffer for a record: what would not fit has a reason of its own. */
const BUFFER = MAX_PLAINTEXT + 327

/** How many records a key seals for each that `limits.recordsPerKey` allows; for what is not named there is no end but the last number. */
const wear = (cipher: CipherName): number => (cipher.includes('gcm') ? 1 : cipher.includes('ccm') ? 1 / 4 : LAST)
/** RFC 9846 section 5.5: AES-GCM is good for 2^24.5 full records; keys are changed at 2^24, for what is under way when we notice. */
const SPENT = Math.SQRT2
/** No record has this number. There could be 2^64, but nobody lives to count so far. */
const LAST = 2 ** 48 - 1

/** No type of record. */
const NO_TYPE = 0

const TAKE: Need = { kind: 'take' }
const READ_HEADER: Need = { kind: 'read', atLeast: HEADER }
const CLOSED: Need = { kind: 'closed' }

/** TLS records as a carrier of messages (RFC 9846 section 5, RFC 5246 section 6). */
export class TlsCarrier implements Carrier {
  readonly input = new Input()
  readonly output = new Output()
  /** Why a record that was sealed late could not be sealed. */
  fault: unknown
  /** The transport has ended: what is in `input` is all there will be. */
  ended = false

  #config: Config
  readonly #server: boolean
  readonly #assembler = new Assembler()
  #reading: Keys | undefined
  #readSequence = 0
  /** Bytes of the record at the front, with its header, once it is whole; 0 before. */
  #length = 0
  /** It was opened with keys, and not taken as it stands. */
  #protected = false
  /** It is being opened. */
  #answer: Promise<Opened | undefined> | undefined
  /** What is inside it, once that was found good; `NO_TYPE` before. */
  #type: number = NO_TYPE
  #content = NONE
  /** The task waits for records and may stay asleep while data comes: whom the data is for. */
  #resting: Beside | undefined
  #writing: Keys | undefined
  #writeSequence = 0
  /** How many records the keys for writing seal until new ones are due, and at most. */
  #wornAt = LAST
  #spentAt = LAST
  #version: Keying['version'] | undefined
  #handshaking = true
  #plainAlerts = false
  #empty = 0
  #changes = 0
  /** Bytes of refused early data that may still come; undefined when none may. */
  #skip: number | undefined
  #readLimit = MAX_PLAINTEXT
  #writeLimit: number
  #late: Promise<unknown>[] | undefined
  /** Handshake messages that are not in records yet. */
  #flight: Input | undefined
  /** What a server's peer began with instead of a hello: the version in that record. */
  #foreignVersion: number | undefined
  /** We have begun a flight, and not waited for a message since. */
  #speaking = false
  /** A ChangeCipherSpec goes before the next record. */
  #disguise = false
  /** close_notify came before the handshake was over: nothing may follow it. */
  #cut = false

  constructor(config: Config, role: 'client' | 'server') {
    this.#config = config
    this.#server = role === 'server'
    this.#writeLimit = config.maxSendFragment
  }

  // ---- reading

  *message(beside: Beside): Task<Uint8Array> {
    this.flush()
    this.#speaking = false
    for (;;) {
      const raw = this.#assembler.next(beside)
      if (raw) return raw
      yield* this.#record(beside, HANDSHAKE)
    }
  }

  *changed(beside: Beside): Task<void> {
    this.flush()
    this.#speaking = false
    if (this.#assembler.length > 0)
      throw new TlsError(
        'unexpected_message',
        'UNEXPECTED_MESSAGE',
        'a handshake message came where ChangeCipherSpec was due',
      )
    this.#changes = 0
    while (this.#changes === 0) yield* this.#record(beside, CHANGE_CIPHER_SPEC)
  }

  /** Reads records until one brings what is due: a handshake fragment, or ChangeCipherSpec. */
  *#record(beside: Beside, due: number): Task<void> {
    for (;;) {
      const need = this.#front(beside)
      if (need) {
        this.#resting = beside
        yield need
        this.#resting = undefined
        const work = beside.turned()
        if (work) yield* work
        continue
      }
      if (this.#type === NO_TYPE) {
        const answer = this.#answer ?? this.#opened()
        if (this.#judge(isPromise(answer) ? yield* wait(answer) : answer) === NO_TYPE) continue
      }
      const type = this.#type
      const data = this.#content
      this.#type = NO_TYPE
      this.#content = NONE
      switch (type) {
        case HANDSHAKE:
          if (due !== HANDSHAKE)
            throw new TlsError(
              'unexpected_message',
              'UNEXPECTED_MESSAGE',
              'a handshake message came where ChangeCipherSpec was due',
            )
          this.#assembler.push(data, this.#protected)
          this.#drop()
          return
        case APPLICATION_DATA:
          beside.data(data)
          this.#drop()
          break
        case ALERT: {
          const closing = beside.alert(data[0] as number, data[1] as number)
          this.#drop()
          // in mid-handshake the reader may try again; an open connection reads nothing after close_notify
          if (closing) {
            this.#cut = !beside.over
            do {
              yield CLOSED
              const work = beside.turned()
              if (work) yield* work
            } while (beside.over)
          }
          break
        }
        default:
          this.#changeCipherSpec(due)
          this.#drop()
          if (due === CHANGE_CIPHER_SPEC) return
      }
    }
  }

  /** Data of an open connection, without a turn of the task. Undefined: it has to be turned. */
  ready(): Need | undefined {
    const beside = this.#resting
    if (!beside || this.#handshaking || beside.asked) return undefined
    for (;;) {
      const need = this.#front(beside)
      if (need) return need
      if (this.#type !== NO_TYPE || this.#answer || this.#skip !== undefined || this.input.at(0) !== APPLICATION_DATA)
        return undefined
      const answer = this.#opened()
      if (isPromise(answer)) {
        this.#answer = answer
        return undefined
      }
      // whatever else was inside is for the task
      if (this.#judge(answer) !== APPLICATION_DATA) return undefined
      const data = this.#content
      this.#type = NO_TYPE
      this.#content = NONE
      beside.data(data)
      this.#drop()
    }
  }

  /** What there is to wait for until a whole record stands at the front; nothing is read as long as data is not taken. */
  #front(beside: Beside): Need | undefined {
    if (beside.untaken) return TAKE
    const { input } = this
    if (input.length < HEADER) return this.#more(HEADER - input.length)
    if (this.#length > 0) return undefined
    if (this.#cut) throw new TlsError('unexpected_message', 'UNEXPECTED_MESSAGE', 'a record after close_notify')
    const type = input.at(0)
    const version = (input.at(1) << 8) | input.at(2)
    const length = (input.at(3) << 8) | input.at(4)
    this.#checkHeader(type, version, length)
    if (type !== HANDSHAKE && this.#server && !this.#assembler.begun) this.#foreignVersion = version
    if (input.length < HEADER + length) return this.#more(HEADER + length - input.length)
    this.#length = HEADER + length
    return undefined
  }

  /** The record at the front, opened if it is protected; undefined when it cannot be. */
  #opened(): Maybe<Opened | undefined> {
    const record = this.input.lend(this.#length)
    const type = record[0] as number
    const keys = this.#reading
    if (keys && !this.#inClear(type, record)) {
      // RFC 9846 5.3: numbers MUST NOT wrap
      if (this.#readSequence >= LAST)
        throw new TlsError('internal_error', 'INTERNAL_ERROR', 'the numbers of records are used up; connect anew')
      this.#protected = true
      return keys.protection.open(this.#readSequence, record)
    }
    this.#protected = false
    // early data that follows a hello which we answered with a HelloRetryRequest
    if (this.#skip !== undefined && type === APPLICATION_DATA && this.#assembler.length === 0) return undefined
    return { type, data: record.subarray(HEADER) }
  }

  /** Keeps what is inside in `#type` and `#content`, if it may be there. Gives its type; `NO_TYPE`: it was passed over. */
  #judge(opened: Opened | undefined): number {
    this.#answer = undefined
    const keys = this.#reading
    const length = this.#length - HEADER
    if (!opened) {
      if (this.#skip === undefined)
        throw new TlsError(
          'bad_record_mac',
          unopened(keys as Keys, length),
          `record ${this.#readSequence} of this key, ${length} bytes`,
        )
      this.#passOver(length)
      return NO_TYPE
    }
    const { type, data } = opened
    const tls13 = keys?.version === TLS13
    if (this.#protected) {
      this.#readSequence++
      this.#plainAlerts = false
      this.#skip = undefined
      if (tls13 && (type < ALERT || type > APPLICATION_DATA))
        throw new TlsError('unexpected_message', 'BAD_RECORD_TYPE', `content type ${type} inside a protected record`)
    }
    // RFC 9846 5.4: the limit counts the padding too
    if (keys && tls13 && this.#protected && length - this.#tag(keys) > this.#readLimit + 1)
      throw new TlsError('record_overflow', 'DATA_LENGTH_TOO_LONG', `${length} bytes of a padded record`)
    if (data.length > this.#readLimit)
      throw new TlsError(
        'record_overflow',
        'DATA_LENGTH_TOO_LONG',
        `${data.length} bytes of plaintext, ${this.#readLimit} are allowed`,
      )
    this.#config.trace?.({
      event: 'record',
      way: 'in',
      header: this.input.lend(this.#length).subarray(0, HEADER),
      length: data.length,
      ...(tls13 && { inner: type }),
    })
    this.#checkContent(type, data)
    this.#type = type
    this.#content = data
    return type
  }

  /** The record at the front is dealt with. */
  #drop(): void {
    this.input.drop(this.#length)
    this.#length = 0
  }

  /** A record of early data that we have refused. */
  #passOver(length: number): void {
    this.#skip = (this.#skip ?? 0) - Math.max(1, length)
    if (this.#skip < 0)
      throw new TlsError('unexpected_message', 'TOO_MUCH_EARLY_DATA', 'more early data than may be skipped')
    this.#drop()
  }

  #more(atLeast: number): Need {
    if (this.ended) throw new Truncated()
    return atLeast === HEADER ? READ_HEADER : { kind: 'read', atLeast }
  }

  #checkHeader(type: number, version: number, length: number): void {
    if (!this.#assembler.begun && version >> 8 !== 3) throw foreign(this.input.lend(HEADER))
    // a client that gives up on our hello may not have learned yet which version this is
    const early = this.#version === undefined || (type === ALERT && (this.#plainAlerts || !this.#reading))
    if (early ? version >> 8 !== 3 : version !== 0x0303) {
      throw new TlsError('protocol_version', 'WRONG_VERSION_NUMBER', `a record says version 0x${version.toString(16)}`)
    }
    if (type < CHANGE_CIPHER_SPEC || type > APPLICATION_DATA)
      throw new TlsError('unexpected_message', 'UNEXPECTED_MESSAGE', `record type ${type}`)
    const keys = this.#reading
    const max = MAX_PLAINTEXT + (keys ? EXPANSION[keys.version] : this.#skip !== undefined ? 256 : 0)
    if (length > max) {
      // RFC 9846 5.1: the length MUST NOT exceed 2^14 bytes; 5.2 and RFC 5246 6.2.3 add what protection may
      const reason = keys ? 'ENCRYPTED_LENGTH_TOO_LONG' : 'DATA_LENGTH_TOO_LONG'
      throw new TlsError(
        'record_overflow',
        length > BUFFER ? 'PACKET_LENGTH_TOO_LONG' : reason,
        `a record of ${length} bytes, ${max} are allowed`,
      )
    }
  }

  /** Records of TLS 1.3 that may stand in the clear although keys are in use. */
  #inClear(type: number, record: Uint8Array): boolean {
    if (this.#reading?.version !== 0x0304 || type === APPLICATION_DATA) return false
    if (type === CHANGE_CIPHER_SPEC && this.#handshaking && record.length === HEADER + 1) return true
    if (type === ALERT && this.#plainAlerts && record.length === HEADER + 2) return true
    throw new TlsError(
      'unexpected_message',
      'BAD_RECORD_TYPE',
      `record type ${type} in the clear, after keys were agreed`,
    )
  }

  #checkContent(type: number, data: Uint8Array): void {
    if (type !== HANDSHAKE && this.#assembler.length > 0) {
      throw new TlsError(
        'unexpected_message',
        'MIXED_HANDSHAKE_AND_NON_HANDSHAKE_DATA',
        'another record inside a handshake message',
      )
    }
    if (type === ALERT && data.length !== 2) {
      // RFC 9846 5.1: alerts are neither split nor joined
      throw new TlsError('unexpected_message', 'INVALID_ALERT', `an alert record of ${data.length} bytes, 2 are due`)
    }
    if (type === CHANGE_CIPHER_SPEC && (data.length !== 1 || data[0] !== 1)) {
      // RFC 9846 5: any other value is unexpected_message; RFC 5246 has no word on it
      throw new TlsError(
        this.#version === TLS12 ? 'illegal_parameter' : 'unexpected_message',
        'BAD_CHANGE_CIPHER_SPEC',
        'ChangeCipherSpec is one byte, 1',
      )
    }
    if (data.length > 0) {
      if (type === APPLICATION_DATA || type === HANDSHAKE) this.#empty = 0
      return
    }
    // RFC 9846 5.1: zero-length fragments of handshake messages MUST NOT be sent
    if (type === HANDSHAKE && (this.#version === 0x0304 || !this.#reading))
      throw new TlsError('unexpected_message', 'LENGTH_TOO_SHORT', 'a handshake record without content')
    if (++this.#empty > this.#config.limits.emptyRecords)
      throw new TlsError('unexpected_message', 'RECORD_TOO_SMALL', 'too many records without content')
  }

  #changeCipherSpec(due: number): void {
    this.#config.trace?.({ event: 'changeCipherSpec', way: 'in' })
    this.#changes++
    if (due === CHANGE_CIPHER_SPEC) return
    // RFC 9846 appendix E.4: before a hello with a cookie, which a server that kept nothing sees first
    const early = this.#config.stateless !== undefined && !this.#assembler.begun && this.#changes === 1
    if (early) return
    if (this.#version !== 0x0304 || !this.#handshaking) {
      throw new TlsError(
        'unexpected_message',
        this.#version === 0x0303 ? 'CCS_RECEIVED_EARLY' : 'UNEXPECTED_MESSAGE',
        'ChangeCipherSpec where none was due',
      )
    }
    if (this.#changes > this.#config.limits.emptyRecords)
      throw new TlsError('unexpected_message', 'UNEXPECTED_CCS_MESSAGE', 'too many ChangeCipherSpecs')
  }

  // ---- writing

  write(raw: Uint8Array): void {
    // what the peer has sent beyond its flight cannot be an answer to ours
    if (!this.#speaking && this.#handshaking && this.#assembler.length > 0)
      throw new TlsError('unexpected_message', 'NOT_ON_RECORD_BOUNDARY', 'handshake bytes behind the end of a flight')
    this.#speaking = true
    this.#flight ??= new Input()
    this.#flight.push(raw)
    if (!this.#config.coalesce) this.flush()
  }

  /** Puts the messages of the flight into records. */
  flush(): void {
    const flight = this.#flight
    if (!flight) return
    // a listener that turns the connection meanwhile begins another
    this.#flight = undefined
    const { length } = flight
    try {
      this.#fragments(HANDSHAKE, flight.lend(length))
    } finally {
      flight.drop(length)
    }
  }

  /** Seals application data at once, in as many records as it takes. */
  data(bytes: Uint8Array): void {
    this.flush()
    this.#fragments(APPLICATION_DATA, bytes)
  }

  alert(level: number, code: number): void {
    this.flush()
    this.#seal(ALERT, Uint8Array.of(level, code))
  }

  /** The keys for writing have sealed so many records that new ones are due (RFC 9846 section 5.5). */
  get worn(): boolean {
    return this.#writing !== undefined && this.#writeSequence >= this.#wornAt
  }

  #wears(): void {
    const most = this.#config.limits.recordsPerKey * (this.#writing ? wear(this.#writing.cipher) : LAST)
    this.#wornAt = most
    this.#spentAt = Math.min(LAST, SPENT * most)
  }

  reconfigure(config: Config): void {
    this.#config = config
    this.#wears()
    this.#writeLimit = Math.min(config.maxSendFragment, this.#writeLimit)
  }

  get queued(): number {
    return this.output.queued
  }

  get left(): number {
    return this.output.left
  }

  #tag({ protection }: Keys): number {
    return protection.sealedLength(0, 0) - 1
  }

  changeCipherSpec(): void {
    this.flush()
    // a client's disguise opens its next flight (RFC 9846 appendix E.4): it need not leave while the server still writes
    if (this.#version === 0x0304 && !this.#server) this.#disguise = true
    else this.#sendChange()
  }

  #sendChange(): void {
    this.#disguise = false
    const place = this.output.reserve(HEADER + 1)
    header(place, CHANGE_CIPHER_SPEC, 0x0303, 1)
    place[HEADER] = 1
    this.#config.trace?.({ event: 'record', way: 'out', header: place.subarray(0, HEADER), length: 1 })
    this.#config.trace?.({ event: 'changeCipherSpec', way: 'out' })
  }

  /** The largest plaintext of a record that is sent. */
  get writeLimit(): number {
    return this.#writeLimit
  }

  /** Resolves when the seals that are under way are done. */
  get settling(): Promise<unknown> | undefined {
    return this.#late && this.#late.length > 0 ? Promise.all(this.#late) : undefined
  }

  #fragments(type: number, bytes: Uint8Array): void {
    const limit = this.#writeLimit
    if (bytes.length <= limit) return this.#seal(type, bytes)
    for (let at = 0; at < bytes.length; at += limit) this.#seal(type, bytes.subarray(at, at + limit))
  }

  #seal(type: number, bytes: Uint8Array): void {
    if (this.#disguise) this.#sendChange()
    const keys = this.#writing
    const { trace } = this.#config
    if (!keys) {
      const place = this.output.reserve(HEADER + bytes.length)
      header(place, type, this.#clearVersion(), bytes.length)
      place.set(bytes, HEADER)
      trace?.({ event: 'record', way: 'out', header: place.subarray(0, HEADER), length: bytes.length })
      return
    }
    if (this.#writeSequence >= this.#spentAt) {
      this.fault ??= new TlsError(
        'internal_error',
        'INTERNAL_ERROR',
        `${this.#writeSequence} records were sealed under one key, and it is good for no more; connect anew`,
      )
      throw this.fault
    }
    const { protection } = keys
    const tls13 = keys.version === 0x0304
    const wanted = tls13 && this.#config.padding ? Math.trunc(this.#config.padding(type, bytes.length)) || 0 : 0
    const padding = Math.max(0, Math.min(wanted, this.#writeLimit - bytes.length))
    const length = protection.sealedLength(bytes.length, padding)
    const place = this.output.reserve(HEADER + length)
    header(place, tls13 ? APPLICATION_DATA : type, 0x0303, length)
    try {
      const answer = protection.seal(this.#writeSequence++, type, bytes, padding, place)
      if (isPromise(answer)) this.#seals(answer, HEADER + length)
    } catch (error) {
      // the place may hold plaintext, and must not leave
      place.fill(0)
      this.output.cancel(HEADER + length)
      this.fault ??= error ?? new Error('a record could not be sealed')
      throw error
    }
    trace?.({
      event: 'record',
      way: 'out',
      header: place.subarray(0, HEADER),
      length: bytes.length,
      ...(tls13 && { inner: type }),
    })
  }

  /** The version that a record in the clear names. */
  #clearVersion(): number {
    // RFC 9846 5.1: until the version is known a client may say 0x0301, for servers that look no further
    if (!this.#server) return this.#version === undefined && !this.#assembler.begun ? 0x0301 : 0x0303
    // whoever begins with anything but a hello is answered in the version of the record it came in
    return this.#foreignVersion ?? 0x0303
  }

  #seals(answer: Promise<void>, length: number): void {
    const finish = this.output.hold(length)
    const done = answer.then(finish, (error: unknown) => {
      this.fault ??= error ?? new Error('a record could not be sealed')
    })
    const all = (this.#late ??= [])
    all.push(done)
    void done.then(() => all.splice(all.indexOf(done), 1))
  }

  // ---- keys

  *keys(level: Level, suite: Suite, secret: Uint8Array): Task<Keys> {
    const { provider } = this.#config
    const key = yield* wait(provider.expandLabel(suite.hash, secret, 'key', NONE, ciphers[suite.cipher].key))
    const iv = yield* wait(provider.expandLabel(suite.hash, secret, 'iv', NONE, 12))
    return {
      level,
      version: 0x0304,
      cipher: suite.cipher,
      protection: provider.protection({ version: 0x0304, cipher: suite.cipher, key, iv }),
    }
  }

  keys12(keying: Keying): Keys {
    const { cipher } = keying
    return { level: 'data', version: 0x0303, cipher, protection: this.#config.provider.protection(keying) }
  }

  readWith(keys: Keys): void {
    // RFC 9846 5.1: messages MUST NOT span key changes
    if (this.#assembler.length > 0)
      throw new TlsError('unexpected_message', 'NOT_ON_RECORD_BOUNDARY', 'handshake bytes before a change of keys')
    this.#reading = keys
    this.#readSequence = keys.first ?? 0
  }

  writeWith(keys: Keys): void {
    this.flush()
    this.#writing = keys
    this.#writeSequence = keys.first ?? 0
    this.#wears()
  }

  writeInClear(): void {
    this.flush()
    this.#writing = undefined
  }

  agreed(version: Keying['version']): void {
    this.#version = version
  }

  settled(): void {
    this.#handshaking = false
    this.#plainAlerts = false
  }

  skipEarlyData(bytes: number): void {
    this.#skip = bytes
  }

  allowPlainAlerts(): void {
    this.#plainAlerts = true
  }

  limitWrite(bytes: number): void {
    this.#writeLimit = Math.min(this.#config.maxSendFragment, bytes)
  }

  limitRead(bytes: number): void {
    this.#readLimit = Math.min(MAX_PLAINTEXT, bytes)
  }
}

/** Why a record does not open. Whether it is too short for any key is for everybody to see; the reasons are OpenSSL's. */
const unopened = ({ version, protection }: Keys, length: number): Reason => {
  if (length >= protection.sealedLength(0, 0)) return 'DECRYPTION_FAILED_OR_BAD_RECORD_MAC'
  return version === TLS13 ? 'BLOCK_CIPHER_PAD_IS_WRONG' : 'INTERNAL_ERROR'
}

const header = (place: Uint8Array, type: number, version: number, length: number): void => {
  place[0] = type
  place[1] = version >> 8
  place[2] = version & 255
  place[3] = length >> 8
  place[4] = length & 255
}

const HTTP = ['GET ', 'POST', 'HEAD', 'PUT ']

/** What does not begin like TLS is told nothing: it would not understand. */
const foreign = (bytes: Uint8Array): TlsError => {
  const start = String.fromCharCode(...bytes)
  const silent = { silent: true }
  if (HTTP.some((verb) => start.startsWith(verb)))
    return new TlsError('unexpected_message', 'HTTP_REQUEST', 'an HTTP request came instead of TLS', silent)
  if (start === 'CONNE')
    return new TlsError('unexpected_message', 'HTTPS_PROXY_REQUEST', 'an HTTP CONNECT came instead of TLS', silent)
  return new TlsError('protocol_version', 'WRONG_VERSION_NUMBER', 'the first bytes are no TLS record', silent)
}
