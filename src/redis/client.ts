import { Misuse } from '../errors.ts'

/** What is asked of a client of Redis or Valkey, whichever library it is of. */
export interface Commands {
  /** Whether a command would leave now. */
  readonly ready: boolean
  /** Sends one command. Strings come back as bytes. */
  send(...args: readonly (string | number | Uint8Array)[]): Promise<unknown>
  /** Calls for every message of a channel, and whenever the connection is there again, until the answer is called. */
  subscribe(channel: string, heard: () => void): () => void
}

/** A client of `ioredis`, as far as it is used here. */
export interface IoRedis {
  readonly status: string
  callBuffer(command: string, ...args: (string | number | Buffer)[]): Promise<unknown>
  duplicate(): IoRedis
  connect(): Promise<unknown>
  subscribe(...channels: string[]): Promise<unknown>
  // biome-ignore lint/suspicious/noExplicitAny: events of every kind
  on(event: string, listener: (...args: any[]) => void): unknown
  // biome-ignore lint/suspicious/noExplicitAny: events of every kind
  off(event: string, listener: (...args: any[]) => void): unknown
  disconnect(reconnect?: boolean): void
}

/** A client of node-redis (`redis`), as far as it is used here. */
export interface NodeRedis {
  readonly isReady: boolean
  withTypeMapping(mapping: object): { sendCommand(args: (string | Buffer)[]): Promise<unknown> }
  duplicate(): NodeRedis
  connect(): Promise<unknown>
  subscribe(channel: string, listener: () => void): Promise<unknown>
  // biome-ignore lint/suspicious/noExplicitAny: events of every kind
  on(event: string, listener: (...args: any[]) => void): unknown
  // biome-ignore lint/suspicious/noExplicitAny: events of every kind
  off(event: string, listener: (...args: any[]) => void): unknown
  destroy(): void
}

/** The commands of a client. Who made the client has connected it, and closes it. */
export const commandsOf = (client: IoRedis | NodeRedis): Commands => {
  if ('callBuffer' in client) return overIoRedis(client)
  if ('withTypeMapping' in client) return overNodeRedis(client)
  throw new Misuse('a fleet needs a client of ioredis (5 or later) or of redis (node-redis 5 or later)')
}

const quiet = (): void => {}
const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const overIoRedis = (client: IoRedis): Commands => ({
  get ready() {
    return client.status === 'ready'
  },
  send: (command, ...args) =>
    client.callBuffer(String(command), ...args.map((arg) => (arg instanceof Uint8Array ? asBuffer(arg) : arg))),
  subscribe(channel, heard) {
    // a connection that listens can do nothing else
    const ear = client.duplicate()
    ear.on('error', quiet)
    ear.on('message', heard)
    client.on('ready', heard)
    ear.on('ready', () => void ear.subscribe(channel).catch(quiet))
    if (ear.status === 'wait') void ear.connect().catch(quiet)
    return () => {
      client.off('ready', heard)
      ear.disconnect()
    }
  },
})

/** RESP's mark of a bulk string: its code in a type mapping. */
const BULK = '$'.charCodeAt(0)

const overNodeRedis = (client: NodeRedis): Commands => {
  const raw = client.withTypeMapping({ [BULK]: Buffer })
  return {
    get ready() {
      return client.isReady
    },
    send: (...args) => raw.sendCommand(args.map((arg) => (arg instanceof Uint8Array ? asBuffer(arg) : String(arg)))),
    subscribe(channel, heard) {
      const ear = client.duplicate()
      ear.on('error', quiet)
      client.on('ready', heard)
      // it subscribes again by itself whenever it has reconnected
      void ear
        .connect()
        .then(() => ear.subscribe(channel, heard))
        .catch(quiet)
      return () => {
        client.off('ready', heard)
        ear.destroy()
      }
    },
  }
}
