import type { Input } from './bytes/input.ts'
import type { Output } from './bytes/output.ts'
import { type Config, TLS13 } from './config.ts'
import { type AlertName, AlertReceived, alertName, alerts, Misuse, TlsError, Truncated } from './errors.ts'
import type { Facts } from './facts.ts'
import { conversation } from './handshake/conversation.ts'
import { FATAL, Peer, type Request, WARNING } from './handshake/peer.ts'
import { TlsCarrier } from './record/tls.ts'
import { Machine, type Need } from './task.ts'

export type { Request } from './handshake/peer.ts'

/**
 * One end of a TLS connection, without any transport: bytes go in by `receive`, bytes for the peer come out of `output`,
 * and `advance` turns the handshake until it stands still and says for what. The faces of the library are built on it.
 */
export class Connection {
  readonly facts: Facts
  readonly #carrier: TlsCarrier
  readonly #peer: Peer
  readonly #machine: Machine
  #lost: unknown
  #closing = false
  /** When the first turn was: ms since 1970. */
  #began: number | undefined
  #announced = false

  constructor(role: 'client' | 'server', config: Config) {
    this.facts = { role, resumed: false, retried: false }
    this.#carrier = new TlsCarrier(config, role)
    this.#peer = new Peer(config, this.#carrier, this.facts, (level, code) => this.#alert(level, code))
    this.#machine = new Machine(conversation(this.#peer))
  }

  // ---- towards the wire

  /** Bytes from the peer; copied. Throws `Misuse` when more than `limits.input` wait already: advance first. */
  receive(bytes: Uint8Array): void {
    const { length } = this.#carrier.input
    if (length > this.#config.limits.input && !this.#lost)
      throw new Misuse(
        `${length} bytes from the peer wait, and no more than ${this.#config.limits.input} may (limits.input); advance until it wants to read`,
      )
    this.#carrier.input.push(bytes)
  }

  /** Where bytes from the peer wait; a driver may read into `input.room(n)` and tell `input.filled(n)` instead of copying. */
  get input(): Input {
    return this.#carrier.input
  }

  /** The transport has ended. If no close_notify came before, the next `advance` throws `Truncated`. */
  end(): void {
    this.#carrier.ended = true
  }

  /** Bytes for the peer: `peek` and `sent`, or `take` to keep them. */
  get output(): Output {
    return this.#carrier.output
  }

  /** Resolves when records that are being sealed late are done; undefined when there are none. */
  get settling(): Promise<unknown> | undefined {
    return this.#carrier.settling
  }

  // ---- the turn

  /**
   * Runs until it stands still, and says for what. When the connection is lost it throws, and always the same:
   * `TlsError` (we ended it; the alert is in `output`), `AlertReceived` (the peer did), `Truncated`.
   */
  advance(): Need {
    if (this.#machine.turning) throw new Misuse('a callback may not turn its own connection; return from it first')
    if (this.#lost) throw this.#lost
    try {
      if (this.#carrier.fault) throw this.#carrier.fault
      const until = this.#until()
      const need = this.#machine.turn(this.#carrier)
      // an answer that comes late does not cut a flight into more records
      if (need.kind !== 'wait') this.#carrier.flush()
      if (this.#peer.established && !this.#announced) {
        this.#announced = true
        this.#config.trace?.({ event: 'established' })
      }
      if (until === undefined || this.#peer.established || need.kind === 'take' || need.kind === 'closed') return need
      return need.kind === 'read' ? { kind: 'read', atLeast: need.atLeast, until } : { ...need, until }
    } catch (error) {
      throw this.#lose(error)
    }
  }

  /** When the handshake must be over; undefined where it is, or need not be. */
  #until(): number | undefined {
    const { limits, now } = this.#config
    if (this.#peer.established || limits.handshake === 0) return undefined
    const time = now()
    this.#began ??= time
    const until = this.#began + limits.handshake
    if (time >= until)
      throw new TlsError(
        'handshake_failure',
        'READ_TIMEOUT_EXPIRED',
        `the handshake is not over after ${limits.handshake} ms (limits.handshake)`,
      )
    return until
  }

  // ---- towards the application

  /** The plaintext of one record, once `advance` says `take`. It is the caller's to keep. */
  take(): Uint8Array | undefined {
    const data = this.#peer.inbox
    this.#peer.inbox = undefined
    return data
  }

  /** The same plaintext, not taken: `advance` goes on saying `take`, and serves meanwhile what was asked for. */
  peek(): Uint8Array | undefined {
    return this.#peer.inbox
  }

  /** Seals data at once and queues it. Throws `Misuse` before `writable` and after `close`. */
  write(data: Uint8Array): void {
    if (this.#lost) throw this.#lost
    if (!this.writable)
      throw new Misuse(
        this.#closing ? 'nothing can be written after close' : 'the handshake is not over; advance it first',
      )
    this.#carrier.data(data)
    // RFC 9846 5.5: new keys before these have been used too often
    if (this.#carrier.worn && this.established && this.facts.version === TLS13) this.#renew()
  }

  /**
   * Client: sends data before the server has answered, once the first `advance` has sent the hello. Whoever hears it may
   * send it again, so it must be harmless twice. Gives false, and sends nothing, when it may not be sent (any more);
   * `facts.earlyData` tells in the end whether it was taken.
   */
  writeEarly(data: Uint8Array): boolean {
    const { earlyRoom } = this.#peer
    if (this.#lost || earlyRoom === undefined || data.length > earlyRoom) return false
    this.#peer.earlyRoom = earlyRoom - data.length
    this.#carrier.data(data)
    return true
  }

  /** How many bytes `writeEarly` takes; undefined when it takes none. */
  get earlyRoom(): number | undefined {
    return this.#lost ? undefined : this.#peer.earlyRoom
  }

  /** Sends close_notify: nothing more will come from this side. */
  close(): void {
    if (this.#closing || this.#lost) return
    this.#closing = true
    this.#peer.closing = true
    this.#alert(WARNING, alerts.close_notify)
  }

  /** Ends the connection at once with a fatal alert: what the peer has done is wrong for the program, not for TLS. */
  abort(alert: AlertName): void {
    if (this.#lost) return
    this.#lose(new TlsError(alert, 'OPERATION_FAIL', 'the program has ended the connection'))
  }

  /** Asks for something that an open connection can do; it is done when the connection is next turned. */
  ask(request: Request): void {
    const { kind } = request
    const { role, version, postHandshakeAuth } = this.facts
    if (!this.established) throw new Misuse(`${kind} has to wait until the handshake is over`)
    if (this.#closing) throw new Misuse(`${kind} cannot follow close`)
    if (version !== TLS13) throw new Misuse(`${kind} is not part of TLS 1.2`)
    if (kind !== 'keyUpdate' && role === 'client') throw new Misuse(`${kind} is for servers to ask for`)
    if (kind === 'authenticate' && !postHandshakeAuth)
      throw new Misuse('the client did not offer to authenticate after the handshake')
    if (kind === 'ticket' && !this.#config.tickets) throw new Misuse('this server has no tickets; configure some')
    if (kind === 'authenticate') this.facts.authentication = 'due'
    this.#peer.requests.push(request)
  }

  /** Something was asked for, or keys are to be changed: the next `advance` does it, and need not wait for the peer. */
  get asked(): boolean {
    return this.#peer.requests.length > 0
  }

  /** The handshake is over: data may flow both ways. */
  get established(): boolean {
    return this.#peer.established
  }

  /** Server: what `take` gives now came before the handshake was over, and may be a replay. */
  get early(): boolean {
    return this.#peer.earlyAllowance !== undefined
  }

  /** Data may be written; on a server that asks for no certificate already after its own flight. */
  get writable(): boolean {
    return (this.#peer.established || this.#peer.halfOpen) && !this.#closing && !this.#lost
  }

  /** The peer has sent close_notify. */
  get closedByPeer(): boolean {
    return this.#peer.closed
  }

  /** The largest plaintext of a record that is sent, in bytes. */
  get recordLimit(): number {
    return this.#carrier.writeLimit
  }

  get #config(): Config {
    return this.#peer.config
  }

  #renew(): void {
    const { requests } = this.#peer
    if (requests.length === 0) requests.push({ kind: 'keyUpdate', requestUpdate: false })
  }

  #lose(error: unknown): unknown {
    const lost =
      error instanceof TlsError || error instanceof AlertReceived || error instanceof Truncated
        ? error
        : new TlsError('internal_error', 'INTERNAL_ERROR', error instanceof Error ? error.message : String(error), {
            cause: error,
          })
    this.#lost = lost
    if (lost instanceof TlsError && !lost.silent && !this.#carrier.fault) this.#tellLast(alerts[lost.alert])
    this.#config.trace?.({ event: 'lost', error: lost })
    return lost
  }

  /** The last thing we say; where even that fails there is nobody left to tell. */
  #tellLast(code: number): void {
    try {
      this.#alert(FATAL, code)
    } catch {
      this.#carrier.fault ??= this.#lost
    }
  }

  #alert(level: number, code: number): void {
    this.#carrier.alert(level, code)
    this.#config.trace?.({ event: 'alert', way: 'out', level, code, alert: alertName(code) })
  }
}
