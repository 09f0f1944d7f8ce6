import cluster, { type Worker } from 'node:cluster'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Fleet } from '../session/fleet.ts'
import { memoryStore } from '../session/memory-store.ts'
import { CLOCK_SKEW } from '../session/session.ts'
import { claimTime, type FleetStore } from '../session/store.ts'
import { sentence } from './failure.ts'
import { parseOptions } from './options.ts'
import { type Log, logTo } from './proxy-log.ts'
import { loadProm, type Metrics, noMetrics, promMetrics } from './proxy-metrics.ts'
import { type RunningProxy, serve, serveMetrics } from './proxy-serve.ts'
import { type ProxySettings, proxyRows, proxySettings } from './proxy-settings.ts'
import { answerFrom, isStoreMessage, storeOverLine } from './proxy-shared.ts'
import { connectRedis, keyFrom } from './proxy-store.ts'
import { type Io, put } from './terminal.ts'

const summary =
  'Ends TLS and passes what is inside on, in the clear, to a backend. SIGHUP reads certificates and the config file again, SIGTERM ends it once its connections are over.'

/** `typetls proxy`: runs until it is interrupted, and 0 is its exit code when every connection could end by itself. */
export const proxy = async (io: Io, args: readonly string[]): Promise<number> => {
  const read = () => parseOptions({ name: 'proxy', summary, rows: proxyRows }, args)
  const given = read()
  if (typeof given === 'string') {
    await put(io.stdout, given)
    return 0
  }
  const settings = proxySettings(given.options)
  const log = logTo(io.stderr, settings.logLevel)
  const again = (): ProxySettings => {
    const fresh = proxySettings(given.options)
    for (const name of ['listen', 'backend', 'workers', 'fleet', 'fleetName', 'metrics', 'ticketKeys'] as const)
      if (JSON.stringify(fresh[name]) !== JSON.stringify(settings[name]))
        log('warn', 'needs a restart', { option: name })
    return fresh
  }
  if (settings.workers > 1 && cluster.isPrimary) return await primary(io, settings, log)
  return await worker(io, settings, log, again)
}

// ---- a process that serves: the only one, or one of several

const worker = async (io: Io, settings: ProxySettings, log: Log, again: () => ProxySettings): Promise<number> => {
  const stop = io.interrupted()
  const observing: { fleet?: Fleet | undefined } = {}
  const metrics: Metrics = settings.metrics ? promMetrics(await loadProm(), () => observing.fleet, Date.now) : noMetrics
  const shared = await storeFor(io, settings, log, metrics)
  const running = await serve(settings, { log, metrics, store: shared.store, key: shared.key })
  observing.fleet = running.fleet
  const figures =
    settings.metrics && !cluster.isWorker ? await serveMetrics(settings, () => metrics.text(), log) : undefined

  const reload = (): void => void reloaded(running, again, log)
  const message = (told: unknown): void => {
    if (told === RELOAD) reload()
  }
  process.on('SIGHUP', reload)
  process.on('message', message)
  if (cluster.isWorker) process.send?.(READY)
  if (!stop.aborted) await once(stop, 'abort')
  await running.drain()
  process.off('SIGHUP', reload)
  process.off('message', message)
  figures?.close()
  figures?.closeAllConnections()
  shared.close()
  if (cluster.isWorker) process.disconnect?.()
  return 0
}

const RELOAD = 'typetls reload'
const READY = 'typetls ready'

const reloaded = async (running: RunningProxy, again: () => ProxySettings, log: Log): Promise<void> => {
  try {
    await running.reload(again())
  } catch (error) {
    log('error', 'reload failed', { why: sentence(error) })
  }
}

interface Shared {
  readonly store: FleetStore
  readonly key: Uint8Array
  readonly close: () => void
}

/** The store of the fleet; of the other workers; or of this process alone. */
const storeFor = async (io: Io, settings: ProxySettings, log: Log, metrics: Metrics): Promise<Shared> => {
  if (settings.fleet !== undefined) {
    const key = keyFrom(io.env)
    const { store, close } = await connectRedis(settings, log, (event) => metrics.session(event))
    return { store, key, close }
  }
  if (!cluster.isWorker) return { store: ownStore(settings), key: randomBytes(32), close() {} }
  const store = storeOverLine({
    send: (message) => void process.send?.(message),
    hear: (heard) => void process.on('message', (message) => isStoreMessage(message) && heard(message)),
  })
  // the primary keeps the key for us, in memory
  const key = (await store.get(KEY)) ?? randomBytes(32)
  return { store, key, close() {} }
}

const KEY = 'key'

/** Keys from files are older than this memory, so what came early under them may be known elsewhere, or have been here. */
const ownStore = ({ ticketKeys, earlyDataWindow }: ProxySettings): FleetStore =>
  memoryStore({ settling: ticketKeys.length > 0 ? claimTime(earlyDataWindow, CLOCK_SKEW) : 0 })

// ---- the process above the workers

const AGAIN = 1000

const primary = async (io: Io, settings: ProxySettings, log: Log): Promise<number> => {
  const stop = io.interrupted()
  const memory = ownStore(settings)
  const shared = randomBytes(32)
  // the key makes way for nothing
  const store: FleetStore = { ...memory, get: (name) => (name === KEY ? shared : memory.get(name)) }
  const workers = new Set<Worker>()
  cluster.setupPrimary({ serialization: 'advanced' })

  const fork = (): Promise<boolean> => {
    const one = cluster.fork()
    workers.add(one)
    one.on('message', (message: unknown) => {
      if (!isStoreMessage(message) || message.typetls !== 'ask') return
      void answerFrom(store, message).then((answer) => one.isConnected() && one.send(answer))
    })
    return new Promise((resolve) => {
      one.on('message', (message: unknown) => message === READY && resolve(true))
      one.once('exit', (code, signal) => {
        workers.delete(one)
        resolve(false)
        if (stop.aborted) return
        log('error', 'worker lost', { worker: one.process.pid, code, signal })
        setTimeout(() => !stop.aborted && void fork(), AGAIN).unref()
      })
    })
  }
  store.watch('stek', () => {
    for (const one of workers) if (one.isConnected()) one.send({ typetls: 'changed', key: 'stek' })
  })

  const begun = await Promise.all(Array.from({ length: settings.workers }, fork))
  if (!begun.includes(true)) {
    for (const one of workers) one.kill()
    return 1
  }
  const registry = settings.metrics && new (await loadProm()).AggregatorRegistry()
  const figures = registry && (await serveMetrics(settings, () => registry.clusterMetrics(), log))
  const reload = (): void => {
    for (const one of workers) one.send(RELOAD)
  }
  process.on('SIGHUP', reload)
  log('info', 'started', { workers: workers.size })
  if (!stop.aborted) await once(stop, 'abort')
  const over = [...workers].map((one) => once(one, 'exit'))
  // a terminal tells the whole group; "kill" tells us alone
  for (const one of workers) one.process.kill('SIGTERM')
  await Promise.all(over)
  process.off('SIGHUP', reload)
  figures?.close()
  figures?.closeAllConnections()
  return 0
}
