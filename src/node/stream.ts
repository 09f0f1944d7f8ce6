import { Duplex } from 'node:stream'
import type { Config } from '../config.ts'
import { Connection } from '../connection.ts'
import type { Facts } from '../facts.ts'
import type { Need } from '../task.ts'

const quiet = (): void => {}

type Done = (error?: Error | null) => void

/**
 * One end of TLS as a Node stream, over any other: a driver of a `Connection`, with nothing of the protocol in it.
 * `end` sends close_notify; a transport that ends without one is an error (`Truncated`), not an end.
 */
export class SecureStream extends Duplex {
  readonly connection: Connection
  /** Settles when the handshake is over: fulfilled, or rejected with the reason why not. */
  readonly secured: Promise<this>
  readonly #transport: Duplex
  #settle: { resolve: () => void; reject: (error: Error) => void } | undefined
  /** A write that came before the handshake was over. */
  #early: { chunk: Uint8Array; done: Done } | undefined
  #closing: Done | undefined
  /** The transport is full: whom to tell when it is not. */
  #full: Done[] = []
  #wants = false
  #waiting = false
  #running = false

  constructor(role: 'client' | 'server', transport: Duplex, config: Config) {
    super({ allowHalfOpen: true, decodeStrings: true })
    this.connection = new Connection(role, config)
    this.#transport = transport
    this.secured = new Promise<this>((resolve, reject) => {
      this.#settle = { resolve: () => resolve(this), reject }
    })
    this.secured.catch(() => {})
    // until the handshake is over `secured` tells of errors, and the event would end a process that does not expect it
    this.on('error', quiet)
    transport.on('readable', () => this.#run())
    transport.on('end', () => {
      this.connection.end()
      this.#run()
    })
    transport.on('drain', () => {
      for (const done of this.#full.splice(0)) done()
    })
    transport.on('error', (error) => this.destroy(error))
    transport.on('close', () => {
      if (this.#over) return
      this.connection.end()
      this.#run()
    })
    queueMicrotask(() => this.#run())
  }

  /** What the handshake has established. */
  get facts(): Facts {
    return this.connection.facts
  }

  get #over(): boolean {
    return this.destroyed || this.connection.closedByPeer
  }

  override _read(): void {
    this.#wants = true
    this.#run()
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: Done): void {
    if (!this.connection.established) this.#early = { chunk, done }
    else this.#send(chunk, done)
  }

  /** Small writes that have queued up share records. */
  override _writev(chunks: readonly { readonly chunk: Uint8Array }[], done: Done): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), 'binary' as BufferEncoding, done)
  }

  override _final(done: Done): void {
    this.#closing = done
    this.#run()
  }

  override _destroy(error: Error | null, done: Done): void {
    const reason = error ?? new Error('the stream was destroyed before the handshake was over')
    this.#settle?.reject(reason)
    this.#settle = undefined
    this.#early?.done(reason)
    this.#early = undefined
    this.#closing?.(error)
    this.#closing = undefined
    for (const waiting of this.#full.splice(0)) waiting(error)
    // what is queued (an alert, say) still leaves
    if (!this.#transport.destroyed) this.#transport.end()
    if (error && !this.#transport.destroyed) this.#transport.once('finish', () => this.#transport.destroy())
    done(error)
  }

  #send(chunk: Uint8Array, done: Done): void {
    try {
      this.connection.write(chunk)
    } catch (error) {
      return done(error as Error)
    }
    if (this.#flush()) done()
    else this.#full.push(done)
  }

  /** Hands what may leave to the transport. False: it is full, and `drain` will come. */
  #flush(): boolean {
    const { output } = this.connection
    let room = !this.#transport.writableNeedDrain
    for (let bytes = output.take(); bytes.length > 0; bytes = output.take()) {
      if (this.#transport.writable) room = this.#transport.write(bytes)
    }
    return room || !this.#transport.writable
  }

  /** Turns the connection until it stands still for something that has not come. */
  #run(): void {
    if (this.#running || this.destroyed) return
    this.#running = true
    try {
      while (this.#turn());
    } finally {
      this.#running = false
    }
  }

  /** One turn. Whether another may lead further. */
  #turn(): boolean {
    const { connection } = this
    let need: Need
    try {
      need = connection.advance()
    } catch (error) {
      this.#flush()
      this.destroy(error as Error)
      return false
    }
    this.#flush()
    if (connection.settling && connection.output.stalled) void connection.settling.then(() => this.#flush())
    if (connection.established) this.#opened()
    if (this.destroyed) return false
    switch (need.kind) {
      case 'read': {
        const bytes: Uint8Array | null = this.#transport.read()
        if (!bytes) return false
        connection.receive(bytes)
        return true
      }
      case 'take': {
        if (!this.#wants) return false
        const data = connection.take()
        // the view is good until the next turn only
        if (data) this.#wants = this.push(data.slice())
        return true
      }
      case 'closed':
        this.push(null)
        if (this.writableFinished || this.writableEnded) this.#transport.end()
        return false
      case 'wait':
        if (this.#waiting) return false
        this.#waiting = true
        void (need.on ?? new Promise(setImmediate))
          .catch(() => {})
          .then(() => {
            this.#waiting = false
            this.#run()
          })
        return false
    }
  }

  #opened(): void {
    const settle = this.#settle
    if (settle) {
      this.#settle = undefined
      this.off('error', quiet)
      settle.resolve()
      this.emit('secure')
    }
    const early = this.#early
    if (early) {
      this.#early = undefined
      this.#send(early.chunk, early.done)
    }
    const closing = this.#closing
    if (closing) {
      this.#closing = undefined
      this.connection.close()
      this.#flush()
      if (this.connection.closedByPeer) this.#transport.end()
      closing()
    }
  }
}
