import { connect, type Socket } from 'node:net'
import { type Config, Connection, type Need, type Request } from '../../src/index.ts'

/** A connection over a socket to the runner, turned by hand. */
export class Link {
  readonly connection: Connection
  readonly #socket: Socket
  /** A byte at a time goes in. */
  readonly #drip: boolean
  #queue: Uint8Array = new Uint8Array(0)
  #ended = false
  /** What was taken from a record and not read yet. */
  #data: Uint8Array = new Uint8Array(0)

  private constructor(socket: Socket, role: 'client' | 'server', config: Config, drip: boolean) {
    this.#socket = socket
    this.#drip = drip
    this.connection = new Connection(role, config)
  }

  /** Connects to the runner and says which case this is. `gone`: the runner has given up. */
  static async open(
    to: { readonly port: number; readonly host: string; readonly id: string; readonly gone: AbortSignal },
    role: 'client' | 'server',
    config: Config,
    drip: boolean,
  ): Promise<Link> {
    const socket = connect({ port: to.port, host: to.host, noDelay: true })
    to.gone.addEventListener('abort', () => socket.destroy())
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    // the runner may end first; what that means is seen when we read
    socket.on('error', () => {})
    const id = Buffer.alloc(8)
    id.writeBigUInt64LE(BigInt(to.id))
    socket.write(id)
    return new Link(socket, role, config, drip)
  }

  /** Hands what may leave to the socket. */
  async flush(): Promise<void> {
    const { connection } = this
    for (;;) {
      for (let bytes = connection.output.take(); bytes.length > 0; bytes = connection.output.take())
        if (this.#socket.writable) this.#socket.write(bytes)
      const { settling } = connection
      if (!settling || !connection.output.stalled) return
      await settling.catch(() => {})
    }
  }

  /**
   * Turns the connection until `enough`, or until it wants the application to take data, or nothing more can come. Throws
   * what `advance` throws, after the alert has left.
   */
  async turn(enough: () => boolean): Promise<Need['kind'] | 'enough'> {
    for (;;) {
      let need: Need
      try {
        need = this.connection.advance()
      } finally {
        await this.flush()
      }
      if (enough()) return 'enough'
      switch (need.kind) {
        case 'wait':
          await (need.on ?? Promise.resolve()).catch(() => {})
          // the answer reaches the connection in the same turn of the event loop
          await null
          break
        case 'read':
          await this.#receive(need.atLeast)
          break
        default:
          return need.kind
      }
    }
  }

  /** Asks for something, and sees it done. */
  async ask(request: Request): Promise<void> {
    this.connection.ask(request)
    for (;;) {
      const need = this.connection.advance()
      if (need.kind !== 'wait') break
      await need.on?.catch(() => {})
      await null
    }
    await this.flush()
  }

  async #receive(atLeast: number): Promise<void> {
    if (this.#queue.length === 0) this.#queue = await this.#more()
    if (this.#queue.length === 0) return this.connection.end()
    const length = this.#drip ? Math.min(1, atLeast) : this.#queue.length
    this.connection.receive(this.#queue.subarray(0, length))
    this.#queue = this.#queue.subarray(length)
  }

  /** What the socket has got; empty at its end. */
  async #more(): Promise<Uint8Array> {
    for (;;) {
      const bytes: Uint8Array | null = this.#ended ? new Uint8Array(0) : this.#socket.read()
      if (bytes) return bytes
      if (this.#socket.readableEnded || this.#socket.destroyed) {
        this.#ended = true
        continue
      }
      await new Promise<void>((resolve) => {
        const go = (): void => {
          for (const event of EVENTS) this.#socket.off(event, go)
          resolve()
        }
        for (const event of EVENTS) this.#socket.on(event, go)
      })
    }
  }

  /** Up to `length` bytes of data; undefined when the peer has ended. `peek` first: they must be the same. */
  async read(length: number, peek: boolean): Promise<Uint8Array | undefined> {
    while (this.#data.length === 0) {
      if ((await this.turn(() => false)) !== 'take') return undefined
      const seen = peek ? this.connection.peek()?.slice() : undefined
      this.#data = this.connection.take()?.slice() ?? new Uint8Array(0)
      if (seen && Buffer.compare(seen, this.#data) !== 0) throw new Error('peek has shown other data than take')
    }
    const part = this.#data.subarray(0, length)
    this.#data = this.#data.subarray(length)
    return part
  }

  async write(data: Uint8Array): Promise<void> {
    this.connection.write(data)
    await this.flush()
  }

  /** Ends our direction and waits until the runner has read everything. */
  async close(): Promise<void> {
    await this.flush()
    if (this.#socket.destroyed) return
    await new Promise<void>((resolve) => {
      this.#socket.once('close', () => resolve())
      this.#socket.end()
      this.#socket.resume()
    })
  }
}

const EVENTS = ['readable', 'end', 'close', 'error'] as const
