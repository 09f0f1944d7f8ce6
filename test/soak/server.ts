/** The server of a soak: sends back what it gets, and reports what it holds. Started by `main.ts` with an IPC channel. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createServer } from '../../src/node/index.ts'
import type { Order, Report } from './report.ts'

const gc = (globalThis as { gc?: () => void }).gc
const send = (message: object): void => void process.send?.(message)

process.on('uncaughtException', (error) => send({ fault: `uncaught: ${error.stack}` }))
process.on('unhandledRejection', (error) => send({ fault: `unhandled rejection: ${(error as Error)?.stack ?? error}` }))

const refused = new Map<string, number>()
let secured = 0
let shaking = 0
const delay = monitorEventLoopDelay({ resolution: 10 })

const start = async (cert: string, key: string): Promise<number> => {
  const server = createServer({ cert, key, handshakeTimeout: 3000 }, (stream) => {
    secured++
    stream.on('error', () => {})
    stream.pipe(stream)
  })
  server.on('connection', (socket) => {
    shaking++
    socket.once('close', () => shaking--)
  })
  server.on('tlsClientError', (error: Error & { code?: string }) => {
    const name = error.code ?? error.name
    refused.set(name, (refused.get(name) ?? 0) + 1)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  delay.enable()
  return (server.address() as AddressInfo).port
}

/** Once everything is quiet. */
const report = async (): Promise<Report> => {
  for (let i = 0; i < 4; i++) {
    gc?.()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const resources: Record<string, number> = {}
  for (const name of process.getActiveResourcesInfo()) resources[name] = (resources[name] ?? 0) + 1
  const { heapUsed, external } = process.memoryUsage()
  return {
    heap: heapUsed + external,
    resources,
    listeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
    sockets: shaking,
    secured,
    refused: Object.fromEntries(refused),
    delay: delay.percentile(99) / 1e6,
  }
}

process.on('message', (order: Order) => {
  if (order.kind === 'start') void start(order.cert, order.key).then((port) => send({ port }))
  else void report().then((made) => send({ report: made }))
})
