import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { connect, createServer, type Server, Socket } from 'node:net'
import { constants } from 'node:os'
import type { Duplex } from 'node:stream'
import { threadId, Worker } from 'node:worker_threads'

/**
 * What the OpenSSL face needs of the platform: files, TCP, error numbers. The only file of this folder that knows Node;
 * Deno and Bun offer the same modules.
 */

export type { Duplex, Server }
export { Socket }

/** The platform's error numbers by name. */
export const errnos: Readonly<Record<string, number>> = constants.errno

/** The number of this realm: 0 for the main thread. */
export const threadNumber = (): number => threadId

/** The errno of what a call of the platform threw or a stream emitted; EIO when it names none. */
export const errnoOf = (error: unknown): number => {
  const { code, errno, errors } = error as { code?: unknown; errno?: unknown; errors?: readonly unknown[] }
  if (typeof code === 'string' && errnos[code] !== undefined) return errnos[code]
  if (errors?.[0] !== undefined) return errnoOf(errors[0]) // several addresses were tried: the first one's failure
  return typeof errno === 'number' && errno < 0 ? -errno : (errnos['EIO'] ?? 5)
}

/** Whether looking a name up failed, which is no errno of a socket. */
export const isLookupFailure = (error: unknown): boolean => (error as { syscall?: unknown }).syscall === 'getaddrinfo'

/** The whole of a file. Throws what the platform throws; `errnoOf` says what it was. */
export const readFile = (path: string): Uint8Array => readFileSync(path)

/** A stream over an open descriptor that nothing else in this process reads. Throws if it is none of a socket or pipe. */
export const streamOf = (fd: number): Socket => new Socket({ fd, allowHalfOpen: true, readable: true, writable: true })

/** The descriptor below a stream, -1 where there is none or the runtime does not show it. */
export const descriptorOf = (stream: Duplex): number => {
  const { _handle } = stream as { _handle?: { fd?: unknown } | null }
  return typeof _handle?.fd === 'number' ? _handle.fd : -1
}

/** Begins to connect. `family` is 4, 6 or 0 for either. */
export const connectTo = (host: string, port: number, family: 0 | 4 | 6): Socket =>
  connect({ host, port, family, allowHalfOpen: true, noDelay: true, keepAlive: true })

/**
 * Begins to listen; `host` is an address, a name, or undefined for all addresses. Node's own `listen` looks even an
 * address up first and so binds a tick later. OpenSSL's caller asks for the port at once, therefore an address is bound
 * here and now where the runtime lets us.
 */
export const listenOn = (server: Server, host: string | undefined, port: number, family: 0 | 4 | 6): void => {
  const bind = (server as { _listen2?: unknown })._listen2
  if (host !== undefined && family !== 0 && typeof bind === 'function') bind.call(server, host, port, family, BACKLOG)
  else if (host !== undefined) server.listen({ host, port, backlog: BACKLOG })
  else server.listen({ port, backlog: BACKLOG })
}

/** A listener whose connections stand still until somebody reads them. */
export const newListener = (onConnection: (socket: Socket) => void): Server =>
  createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true, keepAlive: true }, onConnection)

const BACKLOG = 511

/** A thread that does something for this one, which need not turn its event loop for it. */
export interface Thread {
  send(message: unknown): void
  /** Whether the process stays for it, once nothing else holds it. */
  hold(on: boolean): void
  end(): void
}

/**
 * Starts the thread that runs the script `url`, and does not hold the process for it. Throws where there are no threads, or
 * no such file.
 */
export const startThread = (url: URL, beginning: unknown, onMessage: (message: unknown) => void): Thread => {
  if (url.protocol === 'file:' && !existsSync(url)) throw new Error(`there is no file ${url.pathname}`)
  // nothing that was preloaded into this thread is of use there
  const worker = new Worker(url, { workerData: beginning, execArgv: [] })
  worker.on('message', onMessage)
  worker.on('error', () => {})
  worker.unref()
  return {
    send: (message) => worker.postMessage(message),
    hold: (on) => (on ? worker.ref() : worker.unref()),
    end: () => void worker.terminate(),
  }
}

/** The names in a folder; none when it cannot be read. */
export const filesIn = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder).sort()
  } catch {
    return []
  }
}

/** Where the system keeps the certificates it trusts. */
export { rootPlaces as defaultCertificates } from '../node/roots.ts'

/** A variable of the environment. */
export const environment = (name: string): string | undefined => process.env[name]
