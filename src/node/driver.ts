import { Buffer } from 'node:buffer'
import { Socket } from 'node:net'
import { addAbortSignal, Duplex } from 'node:stream'
import { discard } from '../bytes/discard.ts'
import type { Config } from '../config.ts'
import { Connection } from '../connection.ts'
import { Misuse, TlsError } from '../errors.ts'
import type { Facts } from '../facts.ts'
import type { Need } from '../task.ts'
import { coded, misuse, named } from './codes.ts'
import { Gather, type Part } from './gather.ts'
import { paced } from './pace.ts'
import { farewell, join } from './parting.ts'

type Done = (error?: Error | null) => void
// biome-ignore lint/suspicious/noExplicitAny: events have values of every kind
type Hook = (value?: any) => void

/** What any end may be told of its stream. */
export interface StreamOptions {
  /** Bytes from the peer that were read already. */
  readonly first?: Uint8Array | undefined
  /** Takes bytes for TLS that wait on the stream although none can be due. Without it they are refused: somebody may have planted them. */
  readonly allowLeftover?: boolean | undefined
  /** Whether we may go on writing when the peer has ended; by default we end as well. */
  readonly allowHalfOpen?: boolean | undefined
  readonly highWaterMark?: number | undefined
  /** Milliseconds until the handshake (and what comes before it) must be over; 120,000 by default, 0 for no limit. */
  readonly handshakeTimeout?: number | undefined
  /** `false`: records are as large as they may be from the first on, instead of growing from one segment while the connection is busy. */
  readonly dynamicRecordSizing?: boolean | undefined
  /** Destroys the stream, whatever it is doing. */
  readonly signal?: AbortSignal | undefined
}

/** What a stream is to be, besides its transport. */
export interface Plan extends StreamOptions {
  readonly role: 'client' | 'server'
  /** Asked when the handshake begins. What it throws ends the stream. */
  readonly config: () => Config
  /** Client: sent before the server has answered, where the session allows it; again after it, where that was refused. */
  readonly earlyData?: Uint8Array | undefined
  /** The handshake waits for `begin`, or for the first write. */
  readonly later?: boolean | undefined
  /** `secured` tells of a handshake that fails; nobody needs to listen to `error` before that. */
  readonly promised?: boolean | undefined
  /** The connection may be somebody else's once the hello is there, so what came is kept until then. */
  readonly mayHandOver?: boolean | undefined
}

const HANDSHAKE_TIMEOUT = 120_000
/** Bytes of the peer's that are kept while somebody's answer is waited for. */
const HELD = 65536
/** Who writes so many bytes at once goes on in the next turn of the event loop, as with node:tls: others have theirs in between. */
const MUCH = 16384

const quiet = (): void => {}

/**
 * One end of TLS as a Node stream, over any other: a driver of a `Connection`, with nothing of the protocol in it.
 * `end` sends close_notify; a transport that ends without one is an error (`Truncated`), not an end.
 */
export abstract class Driver extends Duplex {
  /** Settles when the handshake is over: fulfilled, or rejected with the reason why not. */
  readonly secured: Promise<this>
  protected readonly transport: Duplex
  protected readonly plan: Plan
  protected readonly gather: Gather
  /** Bytes at the front of what was read that came as early data, which anybody may have sent again. */
  earlyBytes = 0
  #connection: Connection | undefined
  #settle: { resolve: () => void; reject: (error: Error) => void } | undefined
  #timer: NodeJS.Timeout | undefined
  /** A write that came before the handshake was over. */
  #early: { parts: readonly Part[]; done: Done } | undefined
  #unsent: Uint8Array | undefined
  #closing: Done | undefined
  /** The transport is full: whom to tell when it is not. */
  #full: Done[] = []
  /** Everything that came, for as long as it may be handed on. */
  #heard: Uint8Array[] | undefined
  #hooks: [event: string, hook: Hook][] = []
  #wants = false
  #waiting = false
  #running = false
  #again = false
  #opening = false
  #queued = false
  #held = false
  #gathering = false
  /** The transport is a socket of Node's own: it needs nothing of what it has told to be written. */
  readonly #tells: boolean
  readonly #gather = (): void => this.#gathered()
  readonly #seal = (piece: Uint8Array): void => this.#connection?.write(piece)
  /** Bytes that left, and whom to tell in the next turn of the event loop. */
  #left: { length: number; done: Done } | undefined
  readonly #tell = (): void => this.#told()
  #given = false

  constructor(transport: Duplex, plan: Plan) {
    const { highWaterMark } = plan
    super({
      allowHalfOpen: plan.allowHalfOpen ?? false,
      ...(highWaterMark !== undefined && { highWaterMark }),
    })
    this.transport = transport
    this.plan = plan
    this.gather = new Gather(plan.dynamicRecordSizing ?? true)
    this.#tells = transport.constructor === Socket && !('bun' in process.versions) && !('deno' in process.versions)
    if (plan.mayHandOver) this.#heard = []
    this.secured = new Promise<this>((resolve, reject) => {
      this.#settle = { resolve: () => resolve(this), reject }
    })
    this.secured.catch(quiet)
    if (plan.promised) this.on('error', quiet)
    // whoever listened to the transport must not take TLS for its own protocol
    for (const event of ['data', 'readable']) transport.removeAllListeners(event)
    transport.pause()
    // who has the last word is for TLS to say
    transport.allowHalfOpen = true
    this.#hook('error', (error: Error) => void this.destroy(error))
    this.#hook('close', () => this.#lost())
    const { signal } = plan
    if (signal) queueMicrotask(() => void addAbortSignal(signal, this))
    const begin = (): void => this.begin()
    // clients may come by the hundred, each of them in the same moment
    if (!plan.later) queueMicrotask(plan.role === 'server' ? () => paced(begin) : begin)
  }

  /** What the handshake has established. */
  get facts(): Facts {
    return this.#connection?.facts ?? { role: this.plan.role, resumed: false, retried: false }
  }

  /** What is driven. Throws `Misuse` before the handshake has begun. */
  get connection(): Connection {
    if (!this.#connection) throw new Misuse('the handshake has not begun; wait for `secured`')
    return this.#connection
  }

  protected get handshaking(): boolean {
    return this.#settle !== undefined
  }

  /** Begins the handshake, unless it has begun. */
  begin(): void {
    if (this.#connection || this.destroyed) return
    const { transport, plan } = this
    const timeout = plan.handshakeTimeout ?? HANDSHAKE_TIMEOUT
    // it is the transport that keeps a program alive, not the patience with it
    if (timeout > 0) this.#timer = setTimeout(() => this.#late(timeout), timeout).unref()
    try {
      const waiting = this.#leftover()
      this.#connection = new Connection(plan.role, plan.config())
      if (plan.first) this.#receive(plan.first)
      if (waiting) this.#receive(waiting)
    } catch (error) {
      this.destroy(error as Error)
      return
    }
    this.#hook('data', (chunk: Uint8Array) => {
      this.active()
      this.#receive(chunk)
      // what a socket has read for us alone was copied
      if (this.#tells && !this.#heard && transport.listenerCount('data') === 1) discard(chunk)
      this.#run()
    })
    this.#hook('end', () => {
      const connection = this.#connection
      connection?.end()
      // while somebody's answer is waited for nobody sees that there is nobody left to give it to
      if (this.handshaking && this.#waiting && connection?.input.length === 0) this.#lost()
      else this.#run()
    })
    this.#hook('drain', () => {
      for (const done of this.#full.splice(0)) done()
    })
    transport.resume()
    this.#run()
  }

  /** Turns the connection: something was asked of it. */
  turn(): void {
    this.#run()
  }

  /** A server that has read the hello answers it itself: what came need not be kept any longer. */
  decided(): void {
    this.#heard = undefined
  }

  /** Leaves the connection to somebody else, who gets every byte that came; not one was answered. */
  handOver(to: Duplex): void {
    const { transport } = this
    const heard = this.#heard ?? []
    if (this.destroyed || transport.destroyed) return void to.destroy()
    transport.pause()
    this.#given = true
    this.#unhook()
    this.destroy(coded(new Error('the connection was passed through untouched'), 'ERR_TLS_PASSED_THROUGH'))
    for (const bytes of heard) to.write(bytes)
    join(transport, to)
  }

  /** Ends it as if nobody were there: no alert, and a TCP connection is reset. */
  reset(): void {
    const { transport } = this
    const { resetAndDestroy } = transport as { resetAndDestroy?: () => void }
    this.#given = true
    this.destroy(
      coded(new Error('the connection was reset, as the answer to its ClientHello wants it'), 'ERR_TLS_RESET'),
    )
    if (resetAndDestroy) resetAndDestroy.call(transport)
    else transport.destroy()
  }

  // ---- what subclasses are told

  /** The handshake is over. */
  protected abstract opened(): void
  /** Bytes came or went. */
  protected abstract active(): void

  // ---- Duplex

  override write(chunk: unknown, encoding?: unknown, done?: unknown): boolean {
    // all that is written in one turn of the event loop leaves together, in as few records as it fills
    if (!this.#gathering && this.#connection?.established && !this.#early) {
      this.#gathering = true
      this.cork()
      process.nextTick(this.#gather)
    }
    return super.write(chunk, encoding as BufferEncoding, done as Done)
  }

  override destroy(error?: Error | null): this {
    // what was written before it still leaves
    if (!this.destroyed && !error) {
      this.#gathered()
      if (this.writableLength > this.#gone) this.#told()
    }
    return super.destroy(error ?? undefined)
  }

  override _read(): void {
    this.#wants = true
    this.#run()
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: Done): void {
    this.#deliver([{ chunk }], done)
  }

  override _writev(parts: readonly Part[], done: Done): void {
    this.#deliver(parts, done)
  }

  override _final(done: Done): void {
    this.#closing = done
    this.begin()
    this.#close()
  }

  override _destroy(error: Error | null, done: Done): void {
    clearTimeout(this.#timer)
    const connection = this.#connection
    const told = error && named(error, this.handshaking)
    if (this.#settle || this.#early || this.#closing || this.#full.length > 0) {
      const reason =
        told ?? coded(new Error('the stream was destroyed before the handshake was over'), 'ERR_STREAM_DESTROYED')
      this.#settle?.reject(reason)
      for (const waiting of [this.#early?.done, ...this.#full.splice(0), this.#closing]) waiting?.(reason)
    }
    this.#settle = this.#early = this.#closing = this.#heard = undefined
    if (!this.#given) {
      // close_notify says that all was sent, so it is not said where something was thrown away
      if (!error && connection?.established && this.writableLength === this.#gone) connection.close()
      if (connection) this.#flush(connection)
      this.#unhook()
      const alerted = error instanceof TlsError && !error.silent
      const speaks = error ? alerted : connection?.established && !connection.closedByPeer
      farewell(this.transport, speaks ? 'heard' : error ? 'now' : 'sent')
    }
    done(told)
  }

  // ---- the work

  #hook(event: string, hook: Hook): void {
    this.#hooks.push([event, hook])
    this.transport.on(event, hook)
  }

  #unhook(): void {
    for (const [event, hook] of this.#hooks.splice(0)) this.transport.off(event, hook)
  }

  /** Bytes that wait on the transport. None can be due to a client, and a server's begin with a record of TLS. */
  #leftover(): Uint8Array | undefined {
    const { transport, plan } = this
    if (transport.readableObjectMode || transport.writableObjectMode)
      throw new Misuse('TLS runs over streams of bytes; this one is in object mode')
    if (transport.readableEncoding)
      throw new Misuse('TLS runs over streams of bytes; do not call setEncoding on the transport')
    if (transport.destroyed || transport.readableEnded || transport.writableEnded)
      throw coded(new Error('the transport has ended before TLS could begin'), 'ECONNRESET')
    const waiting = transport.readableLength > 0 ? (transport.read() as Uint8Array | null) : null
    if (!waiting) return undefined
    if (!plan.allowLeftover && (plan.role === 'client' || waiting[0] !== HANDSHAKE))
      throw misuse(
        'ERR_TLS_LEFTOVER_BYTES',
        `${waiting.length} bytes came in the clear before TLS could begin; somebody may have planted them, so this ends here (\`allowLeftover\` takes them)`,
      )
    return waiting
  }

  #receive(bytes: Uint8Array): void {
    this.#heard?.push(bytes)
    this.#connection?.receive(bytes)
  }

  #late(timeout: number): void {
    this.destroy(
      coded(
        new Error(`the handshake was not over within ${timeout} ms; the peer stopped answering`),
        'ERR_TLS_HANDSHAKE_TIMEOUT',
      ),
    )
  }

  /** The transport is gone. */
  #lost(): void {
    const connection = this.#connection
    if (this.destroyed) return
    connection?.end()
    if (connection?.closedByPeer) {
      // the peer has said all, and we have nobody left to speak to
      if (this.readableEnded) this.destroy()
      else this.once('end', () => this.destroy())
    } else if (!connection || this.#waiting || this.#full.length > 0) {
      // nobody would turn the connection any more
      const when = this.handshaking ? 'before the handshake was over' : 'while data was on its way'
      this.destroy(coded(new Error(`the transport was closed ${when}`), 'ECONNRESET'))
    } else this.#run()
  }

  #gathered(): void {
    if (!this.#gathering) return
    this.#gathering = false
    this.uncork()
  }

  /** Bytes that left, although whoever wrote them does not know yet. */
  get #gone(): number {
    return this.#left?.length ?? 0
  }

  #told(): void {
    const done = this.#left?.done
    this.#left = undefined
    done?.()
  }

  #deliver(parts: readonly Part[], done: Done): void {
    const connection = this.#connection
    if (!connection?.established) {
      this.#early = { parts, done }
      this.begin()
      return
    }
    this.active()
    const { transport } = this
    if (!transport.writable) return done(coded(new Error('the transport takes no more data'), 'EPIPE'))
    let length: number
    try {
      length = this.gather.send(parts, this.#seal)
    } catch (error) {
      return done(error as Error)
    }
    const sent = (): void => {
      if (!this.#flush(connection)) this.#full.push(done)
      else if (length < MUCH) done()
      else {
        this.#left = { length, done }
        setImmediate(this.#tell)
      }
    }
    const { settling } = connection
    if (settling)
      void settling.then(() => {
        sent()
        this.#run()
      })
    else {
      // keys wear out by writing: who never reads must change them too
      if (connection.asked) this.#run()
      sent()
    }
  }

  /** Records that were sealed late may leave; that one could not be sealed shows at the next turn. */
  #sealed(connection: Connection): void {
    if (this.destroyed) return
    this.#flush(connection)
    this.#run()
  }

  /** Hands what may leave to the transport. False: it is full, and `drain` will come. */
  #flush(connection: Connection): boolean {
    const { output } = connection
    const { transport } = this
    let room = true
    if (!this.#tells) {
      for (let bytes = output.take(); bytes.length > 0; bytes = output.take())
        if (transport.writable) room = transport.write(bytes)
    } else {
      for (let passed = output.pass(); passed; passed = output.pass()) {
        const { bytes, written } = passed
        // one that failed may still be read from
        if (transport.writable) room = transport.write(bytes, (error) => error ?? written())
      }
    }
    return (room && !transport.writableNeedDrain) || !transport.writable
  }

  /** Turns the connection until it stands still for something that has not come. Handshakes take turns with each other. */
  #run(): void {
    const connection = this.#connection
    if (!connection) return
    // streams in memory answer before our write to them returns
    if (this.#running) this.#again = true
    else if (connection.established) this.#drive(connection)
    else if (!this.#queued) {
      this.#queued = true
      paced(() => {
        this.#queued = false
        this.#drive(connection)
      })
    }
    if (this.#queued && connection.input.length > HELD) this.#hold()
  }

  #drive(connection: Connection): void {
    if (this.destroyed) return
    this.#running = true
    try {
      do this.#again = false
      while (this.#turn(connection) || this.#again)
    } finally {
      this.#running = false
    }
  }

  /** One turn. Whether another may lead further. */
  #turn(connection: Connection): boolean {
    if (this.destroyed || this.#opening) return false
    let need: Need
    try {
      need = connection.advance()
    } catch (error) {
      this.#flush(connection)
      this.destroy(error as Error)
      return false
    }
    if (!connection.output.empty) {
      this.#flush(connection)
      const { settling } = connection
      if (settling) void settling.then(() => this.#sealed(connection))
    }
    if (this.#settle) {
      if (!connection.established) this.#sendEarly(connection)
      else {
        this.#open()
        // whoever awaits `secured` listens before anything else happens
        if (this.plan.promised) {
          this.#opening = true
          setImmediate(() => {
            this.#opening = false
            this.#run()
          })
          return false
        }
      }
    }
    if (this.destroyed) return false
    switch (need.kind) {
      case 'read':
        this.#release()
        return false
      case 'take': {
        if (!this.#wants) {
          this.#hold()
          return false
        }
        const { early } = connection
        const data = connection.take()
        if (!data) return true
        if (early) this.earlyBytes += data.length
        this.#wants = this.push(Buffer.from(data.buffer, data.byteOffset, data.length))
        return true
      }
      case 'closed':
        this.#release()
        this.push(null)
        if (this.writableFinished) this.transport.end()
        // the last words of a peer that is gone already: there is nobody to go on speaking to
        if (this.transport.destroyed) this.once('end', () => this.destroy())
        return false
      case 'wait':
        if (connection.input.length > HELD) this.#hold()
        if (this.#waiting) return false
        this.#waiting = true
        void (need.on ?? new Promise(setImmediate)).catch(quiet).then(() => {
          this.#waiting = false
          this.#run()
        })
        return false
    }
  }

  #hold(): void {
    if (this.#held) return
    this.#held = true
    this.transport.pause()
  }

  #release(): void {
    if (!this.#held) return
    this.#held = false
    this.transport.resume()
  }

  #sendEarly(connection: Connection): void {
    const data = this.plan.earlyData
    if (!data || this.#unsent || connection.earlyRoom === undefined) return
    this.#unsent = data
    if (connection.writeEarly(data)) this.#flush(connection)
  }

  #open(): void {
    const { connection } = this
    const settle = this.#settle
    this.#settle = this.#heard = undefined
    clearTimeout(this.#timer)
    this.off('error', quiet)
    const again = this.plan.earlyData
    if (again && this.facts.earlyData !== 'accepted') {
      connection.write(again)
      this.#flush(connection)
    }
    this.opened()
    settle?.resolve()
    const early = this.#early
    this.#early = undefined
    if (early) this.#deliver(early.parts, early.done)
    this.#close()
  }

  /** Says close_notify, once the handshake is over and everything has been written. */
  #close(): void {
    const connection = this.#connection
    const closing = this.#closing
    if (!closing || !connection?.established || this.#early) return
    this.#closing = undefined
    connection.close()
    const sent = (): void => {
      this.#flush(connection)
      // not every transport can still be read once it was ended
      if (connection.closedByPeer) this.transport.end()
      closing()
    }
    const { settling } = connection
    if (settling) void settling.then(sent)
    else sent()
  }
}

const HANDSHAKE = 22
