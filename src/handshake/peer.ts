import { NONE } from '../bytes/compare.ts'
import { lend, own } from '../bytes/writer.ts'
import { type Config, TLS13, type Version } from '../config.ts'
import type { Provider } from '../crypto/provider.ts'
import { AlertReceived, alertName, alerts, illegal, TlsError } from '../errors.ts'
import type { Negotiation } from '../extensions/extension.ts'
import type { Facts } from '../facts.ts'
import { type Body, type Message, type MessageName, messages } from '../messages/table.ts'
import type { Beside, Carrier } from '../record/carrier.ts'
import { type Task, wait } from '../task.ts'
import { type Codec, decode } from '../wire/codec.ts'
import { dressed, heed } from './custom.ts'
import { Transcript } from './transcript.ts'

export const WARNING = 1
export const FATAL = 2

/** What the application may ask for once the connection is open. */
export type Request =
  | { readonly kind: 'keyUpdate'; readonly requestUpdate: boolean }
  | { readonly kind: 'ticket' }
  /** `require`: whether a client without a certificate is refused; by default as the config says. */
  | { readonly kind: 'authenticate'; readonly require?: boolean }

/** Does what the application asks for. */
export interface Servant {
  serve(request: Request): Task<void>
}

/** The other side, as the handshake sees it: messages come and go, and what was found good enters the transcript. */
export class Peer implements Beside {
  config: Config
  readonly carrier: Carrier
  readonly facts: Facts
  transcript: Transcript
  established = false
  /** The peer sent close_notify. */
  closed = false
  /** Server: bytes of early data that may still come, while they may. */
  earlyAllowance: number | undefined
  /** Client: bytes of early data that may still be sent, while they may. */
  earlyRoom: number | undefined
  /** What sessions of this connection are bound to. */
  binding: Uint8Array = NONE
  /** Our flight is out, and data may follow it before the peer has answered. */
  halfOpen = false
  /** Data that the application has not taken. */
  inbox: Uint8Array | undefined
  readonly requests: Request[] = []
  /** Does what was asked for; set by the open connection. */
  servant: Servant | undefined
  /** Sends an alert; set by the connection. */
  readonly sendAlert: (level: number, code: number) => void

  /** We have sent close_notify. */
  closing = false
  /** Nothing but handshake messages may come just now. */
  undivided = false
  /** Messages that are kept back, to leave in one row. */
  held: Uint8Array[] | undefined

  #due: readonly MessageName[] = []
  #warnings = 0
  #sinceData = 0
  /** When the minute began in which messages after the handshake are counted, and how many there were. */
  #minute = 0
  #inMinute = 0

  constructor(config: Config, carrier: Carrier, facts: Facts, sendAlert: (level: number, code: number) => void) {
    this.config = config
    this.carrier = carrier
    this.facts = facts
    this.transcript = new Transcript(config.provider)
    this.sendAlert = sendAlert
  }

  get provider(): Provider {
    return this.config.provider
  }

  /** What extensions are told. */
  negotiation(version: Version): Negotiation {
    const { config, facts, carrier } = this
    const { suite } = facts
    const records = carrier
    return suite ? { config, facts, version, suite, records } : { config, facts, version, records }
  }

  // ---- messages

  /** The next message, which must be one of these. It is not in the transcript until it is accepted. */
  *receive<N extends MessageName>(...due: readonly N[]): Task<Message<N>> {
    this.#due = due
    this.config.trace?.({ event: 'due', names: due })
    for (;;) {
      const raw = yield* this.carrier.message(this)
      const type = raw[0]
      const name = due.find((candidate) => messages[candidate].type === type)
      // RFC 5246 7.4.1.1: a client that is negotiating ignores HelloRequest
      if (name === undefined) {
        decode(messages.helloRequest.codec, raw.subarray(4))
        this.#note('helloRequest', true, raw)
        continue
      }
      const body = decode(messages[name].codec as Codec<Body<N>>, raw.subarray(4))
      this.#count(name, body)
      heed(this.config, this.facts, name, body)
      this.#note(name, body, raw)
      return { name, body, raw } as Message<N>
    }
  }

  /** Refuses more extensions, or certificates, than there may be. */
  #count(name: MessageName, body: unknown): void {
    const { limits } = this.config
    const { extensions, certificateList } = body as Partial<Record<'extensions' | 'certificateList', object>>
    const list = (name === 'certificate12' ? body : certificateList) as readonly { extensions?: object }[] | undefined
    if (extensions) this.#countBlock(name, extensions)
    if (list && list.length > limits.chain)
      throw new TlsError(
        'bad_certificate',
        'EXCESSIVE_MESSAGE_SIZE',
        `${list.length} certificates, ${limits.chain} are allowed (limits.chain)`,
      )
    if (list) for (const entry of list) if (entry.extensions) this.#countBlock(name, entry.extensions)
  }

  #countBlock(name: MessageName, block: { readonly unknown?: readonly object[] }): void {
    const { limits } = this.config
    let count = block.unknown?.length ?? 0
    for (const _ in block) count++
    if (count > limits.extensions)
      throw illegal(
        'BAD_EXTENSION',
        `${count} extensions in ${name}, ${limits.extensions} are allowed (limits.extensions)`,
      )
  }

  /** The peer makes us say something: not, when it does not take what we have said before. */
  answers(): void {
    const { carrier, config } = this
    const waiting = carrier.queued - carrier.left
    if (waiting > config.limits.output)
      throw new TlsError(
        'unexpected_message',
        'TOO_MANY_KEY_UPDATES',
        `the peer wants an answer, and takes none: ${waiting} bytes wait to leave, ${config.limits.output} may (limits.output)`,
      )
  }

  /** What came is good: it counts from here on. */
  accept(message: { readonly raw: Uint8Array }): void {
    this.transcript.add(message.raw)
  }

  /** Sends a message that the transcript counts. */
  send<N extends MessageName>(name: N, body: Body<N>): void {
    this.#say(name, body, (raw) => {
      this.transcript.add(raw)
      if (this.held) this.held.push(raw.slice())
      else this.carrier.write(raw)
    })
  }

  /** Another config holds from here on. */
  reconfigure(config: Config): void {
    this.config = config
    this.transcript = new Transcript(config.provider)
    this.carrier.reconfigure(config)
  }

  /** What came was asked for: it is not one of the messages that are counted. */
  expected(): void {
    this.#sinceData--
    this.#inMinute--
  }

  /** Sends a message that no transcript counts. */
  tell<N extends MessageName>(name: N, body: Body<N>): void {
    this.#say(name, body, (raw) => this.carrier.write(raw))
  }

  /** A message with its header, not sent. */
  build<N extends MessageName>(name: N, body: Body<N>): Uint8Array {
    return this.#say(name, body, own)
  }

  /** A message with its header that nobody hears of yet. */
  draft<N extends MessageName>(name: N, body: Body<N>): Uint8Array {
    return this.#drafted(name, body, own)
  }

  /** Lends a message to `use`, when whoever listens has heard of it. */
  #say<N extends MessageName, T>(name: N, body: Body<N>, use: (raw: Uint8Array) => T): T {
    return this.#drafted(name, body, (raw) => {
      this.config.trace?.({ event: 'message', way: 'out', name, body, raw: raw.slice() })
      return use(raw)
    })
  }

  #drafted<N extends MessageName, T>(name: N, body: Body<N>, use: (raw: Uint8Array) => T): T {
    const { type, codec } = messages[name]
    const whole = dressed(this.config, this.facts, name, body) as Body<N>
    const said = this.config.rewrite ? (this.config.rewrite(name, whole) as Body<N>) : whole
    return lend((w) => {
      w.number(1, type)
      const start = w.begin(3)
      ;(codec as Codec<Body<N>>).write(w, said)
      w.end(3, start)
    }, use)
  }

  digest(): Task<Uint8Array> {
    return wait(this.transcript.digest())
  }

  secret(label: string, secret: Uint8Array): void {
    const { clientRandom } = this.facts
    if (clientRandom) this.config.trace?.({ event: 'secret', label, clientRandom, secret })
  }

  #note(name: MessageName, body: unknown, raw: Uint8Array): void {
    this.config.trace?.({ event: 'message', way: 'in', name, body, raw })
  }

  // ---- what the carrier tells

  expects(type: number): void {
    for (const name of this.#due) if (messages[name].type === type) return
    if (this.#ignores(type)) return
    const came = Object.entries(messages).find(([, row]) => row.type === type)?.[0] ?? `message type ${type}`
    throw new TlsError(
      'unexpected_message',
      'UNEXPECTED_MESSAGE',
      `${came} came where ${this.#due.join(' or ') || 'nothing'} was due`,
    )
  }

  begins(type: number, length: number): void {
    const { limits } = this.config
    const names = type === messages.certificate.type || type === messages.certificateRequest.type
    const limit = names ? limits.certificate : limits.message
    if (length > limit)
      throw new TlsError(
        'illegal_parameter',
        'EXCESSIVE_MESSAGE_SIZE',
        `message type ${type} of ${length} bytes, ${limit} are allowed`,
      )
    if ((this.established || this.#ignores(type)) && ++this.#sinceData > limits.updates) {
      throw new TlsError(
        'unexpected_message',
        'TOO_MANY_KEY_UPDATES',
        `more than ${limits.updates} messages without data between them (limits.updates)`,
      )
    }
    if (this.established) this.#pace()
  }

  /** Messages after the handshake, by the minute. */
  #pace(): void {
    const { limits, now } = this.config
    const time = now()
    if (time - this.#minute >= 60_000) {
      this.#minute = time
      this.#inMinute = 0
    }
    if (++this.#inMinute > limits.updatesPerMinute)
      throw new TlsError(
        'unexpected_message',
        'TOO_MANY_KEY_UPDATES',
        `more than ${limits.updatesPerMinute} messages after the handshake in a minute (limits.updatesPerMinute)`,
      )
  }

  /** HelloRequest, to a client that is negotiating as TLS 1.2 or does not know yet. */
  #ignores(type: number): boolean {
    const { role, version } = this.facts
    return type === messages.helloRequest.type && role === 'client' && version !== TLS13 && !this.established
  }

  data(view: Uint8Array): void {
    if (this.earlyAllowance !== undefined) {
      this.earlyAllowance -= view.length
      if (this.earlyAllowance < 0)
        throw new TlsError('unexpected_message', 'TOO_MUCH_EARLY_DATA', 'more early data than the ticket allows')
    } else if (!this.established || this.undivided) {
      throw new TlsError(
        'unexpected_message',
        this.facts.version === undefined ? 'UNEXPECTED_MESSAGE' : 'APP_DATA_IN_HANDSHAKE',
        'application data before the handshake is over',
      )
    }
    if (view.length === 0) return
    this.#warnings = 0
    this.#sinceData = 0
    this.inbox = view
  }

  get untaken(): boolean {
    return this.inbox !== undefined
  }

  get over(): boolean {
    return this.established && this.closed
  }

  alert(level: number, code: number): boolean {
    const { trace, limits } = this.config
    trace?.({ event: 'alert', way: 'in', level, code, alert: alertName(code) })
    if (level !== WARNING && level !== FATAL)
      throw new TlsError('illegal_parameter', 'UNKNOWN_ALERT_TYPE', `alert level ${level}`)
    if (this.facts.role === 'server' && this.facts.clientRandom === undefined) {
      throw new TlsError('unexpected_message', 'UNEXPECTED_MESSAGE', 'an alert came where ClientHello was due')
    }
    if (code === alerts.close_notify && level === WARNING) {
      this.closed = true
      trace?.({ event: 'closed' })
      return true
    }
    const tls13 = this.facts.version === TLS13
    // RFC 9846 6: in TLS 1.3 every alert ends the connection, whatever its level, but these two
    if (level === FATAL || (tls13 && code !== alerts.user_canceled)) throw new AlertReceived(code)
    if (code === alerts.no_renegotiation && !this.established)
      throw new TlsError('handshake_failure', 'NO_RENEGOTIATION', 'the peer refuses to negotiate')
    if (++this.#warnings > limits.warnings)
      throw new TlsError('unexpected_message', 'TOO_MANY_WARN_ALERTS', `more than ${limits.warnings} warnings in a row`)
    return false
  }

  get asked(): boolean {
    return this.requests.length > 0 && this.servant !== undefined
  }

  turned(): Task<void> | undefined {
    return this.servant && this.requests.length > 0 ? this.#serve(this.servant) : undefined
  }

  *#serve(servant: Servant): Task<void> {
    for (let request = this.requests.shift(); request; request = this.requests.shift()) yield* servant.serve(request)
  }
}
