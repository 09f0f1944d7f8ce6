import { once } from 'node:events'
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { node } from '../crypto/node/index.ts'
import { Fleet } from '../session/fleet.ts'
import { importKeys, KeyRing } from '../session/ring.ts'
import type { Sessions } from '../session/session.ts'
import type { FleetStore } from '../session/store.ts'
import { storedSessions } from '../session/stored.ts'
import { ringTickets, type SessionEvent, type Tickets } from '../session/tickets.ts'
import { Failure, sentence } from './failure.ts'
import { readWhole } from './files.ts'
import { ProxyConnection } from './proxy-connection.ts'
import { type Contexts, readContexts } from './proxy-contexts.ts'
import type { Log } from './proxy-log.ts'
import type { Metrics } from './proxy-metrics.ts'
import type { ProxySettings } from './proxy-settings.ts'

/** What a proxy has of the world around it. */
export interface World {
  readonly log: Log
  readonly metrics: Metrics
  /** Where ticket keys, sessions and claims are shared, and the key that they are sealed under there. */
  readonly store: FleetStore
  readonly key: Uint8Array
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

/** A proxy that runs in this process. */
export interface RunningProxy {
  readonly port: number
  readonly fleet: Fleet | undefined
  /** From now on new clients meet these settings and what is in the files now. Throws `Failure`, and nothing has changed. */
  reload(settings: ProxySettings): Promise<void>
  /** Takes no new clients, waits for those that are there, and closes what is left after `drainTimeout`. */
  drain(): Promise<void>
}

/** Starts one. Throws `Failure` when a file or the address cannot be used. */
export const serve = async (given: ProxySettings, world: World): Promise<RunningProxy> => {
  const { log, metrics, now = Date.now } = world
  let settings = given
  const { tickets, sessions, fleet } = await sharing(given, world)
  const lasting = { tickets, sessions, now }
  let contexts: Contexts = await readContexts(settings, lasting)
  const open = new Set<ProxyConnection>()

  const accept = (socket: Socket): void => {
    if (open.size >= settings.maxConnections) {
      metrics.refused('full')
      log('warn', 'full', { connections: open.size })
      return void socket.resetAndDestroy()
    }
    const around = { settings, config: contexts.usual, log, metrics }
    const connection: ProxyConnection = new ProxyConnection(socket, around, () => void open.delete(connection))
    open.add(connection)
  }
  const server = createServer({ noDelay: true, allowHalfOpen: true, highWaterMark: 65_536 }, accept)
  const port = await listening(server, settings)
  log('info', 'listening', { port, backend: settings.backend.port, shared: fleet?.shared, epoch: fleet?.epoch })

  return {
    port,
    fleet,
    async reload(fresh) {
      contexts = await readContexts(fresh, lasting)
      settings = fresh
      log('info', 'reloaded', { certificates: fresh.certificates.length })
    },
    async drain() {
      log('info', 'draining', { connections: open.size })
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      const timer = setTimeout(() => {
        log('warn', 'dropped', { connections: open.size })
        for (const connection of open) connection.destroy()
      }, settings.drainTimeout)
      await closed
      clearTimeout(timer)
      fleet?.stop()
      log('info', 'drained')
    },
  }
}

const listening = async (server: Server, { listen }: ProxySettings): Promise<number> => {
  server.listen({ host: listen.host ?? '0.0.0.0', port: Number(listen.port), backlog: 1024 })
  try {
    await once(server, 'listening')
  } catch (error) {
    throw new Failure(`cannot listen: ${sentence(error)}`)
  }
  return (server.address() as AddressInfo).port
}

interface Sharing {
  readonly tickets: Tickets
  readonly sessions: Sessions
  readonly fleet: Fleet | undefined
}

/** Tickets and sessions: by keys of a fleet, or by keys from files. */
const sharing = async (settings: ProxySettings, world: World): Promise<Sharing> => {
  const { store, key, log, metrics, now = Date.now } = world
  const { region, ticketLifetime, earlyDataWindow: window } = settings
  const observe = (event: SessionEvent): void => {
    metrics.session(event)
    if (event.event === 'ring')
      log(event.shared ? 'info' : 'warn', event.shared ? 'ring' : 'ring not shared', {
        epoch: event.epoch,
        sealing: event.sealing.slice(0, 8),
      })
    if (event.event === 'changed') log('error', 'stored value changed', { what: event.what })
  }
  if (settings.ticketKeys.length > 0) {
    const ring = new KeyRing(node, await importKeys(settings.ticketKeys.map(readWhole), node))
    const tickets = ringTickets(node, ring, {
      now,
      lifetime: ticketLifetime,
      guard: store,
      window,
      observe,
      ...(region !== undefined && { region }),
    })
    return { tickets, sessions: storedSessions(node, store, tickets, observe), fleet: undefined }
  }
  const fleet = new Fleet({
    provider: node,
    store,
    key,
    name: settings.fleetName,
    rotation: { interval: settings.ticketInterval, lifetime: ticketLifetime, poll: settings.fleetPoll },
    window,
    now,
    observe,
    ...(region !== undefined && { region }),
  })
  await fleet.start()
  return { tickets: fleet.tickets, sessions: fleet.sessions, fleet }
}

/** Figures under /metrics. */
export const serveMetrics = async (
  settings: ProxySettings,
  text: () => Promise<string>,
  log: Log,
): Promise<HttpServer> => {
  const server = createHttpServer((request, response) => {
    if (request.url !== '/metrics') return void response.writeHead(404).end('there is /metrics here\n')
    text().then(
      (figures) => response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(figures),
      (error: unknown) => response.writeHead(500).end(`${sentence(error)}\n`),
    )
  })
  const { host = '127.0.0.1', port } = settings.metrics ?? { port: '9100' }
  server.listen(Number(port), host)
  try {
    await once(server, 'listening')
  } catch (error) {
    throw new Failure(`cannot serve figures: ${sentence(error)}`)
  }
  log('info', 'figures', { port: (server.address() as AddressInfo).port })
  return server
}
