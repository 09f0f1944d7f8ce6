import cluster from 'node:cluster'
import { AlertReceived, alertName, TlsError } from '../errors.ts'
import type { Facts } from '../facts.ts'
import type { Fleet } from '../session/fleet.ts'
import type { SessionEvent } from '../session/tickets.ts'
import { Failure } from './failure.ts'

/** What the proxy counts. Without `-metrics` nobody does. */
export interface Metrics {
  /** A handshake that succeeded, and how many seconds it took. */
  handshake(facts: Facts, seconds: number): void
  /** One that did not, or a connection that was lost later. */
  lost(error: unknown): void
  /** A client that was turned away before a byte was read, or a backend that was not there. */
  refused(why: 'full' | 'backend'): void
  opened(): void
  closed(received: number, sent: number): void
  session(event: SessionEvent): void
  /** Everything in the text form of Prometheus. */
  text(): Promise<string>
}

export const noMetrics: Metrics = {
  handshake() {},
  lost() {},
  refused() {},
  opened() {},
  closed() {},
  session() {},
  text: async () => '',
}

type Prom = typeof import('prom-client')

export const loadProm = async (): Promise<Prom> => {
  try {
    const loaded = await import('prom-client')
    return loaded.default ?? loaded
  } catch (cause) {
    throw new Failure('-metrics needs the package prom-client: npm install prom-client', { cause })
  }
}

/** Figures by prom-client. Those of workers are added up by the primary; of epochs and ages the extremes are shown. */
export const promMetrics = (prom: Prom, fleet: () => Fleet | undefined, now: () => number): Metrics => {
  const registers = [new prom.Registry()]
  if (cluster.isWorker) {
    // the primary asks for these figures; without an object of this kind nobody would listen
    new prom.AggregatorRegistry()
    prom.AggregatorRegistry.setRegistries(registers)
  }
  const counter = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new prom.Counter({ name: `typetls_${name}`, help, labelNames, registers })
  const handshakes = counter(
    'handshakes_total',
    'Handshakes that succeeded; resumption is "resumed", "none offered", or why not.',
    ['version', 'suite', 'group', 'resumption'],
  )
  const seconds = new prom.Histogram({
    name: 'typetls_handshake_seconds',
    help: 'From the connection to the end of the handshake.',
    labelNames: ['resumption'],
    buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10],
    registers,
  })
  const failures = counter('failures_total', 'Connections that failed, by reason.', ['reason'])
  const alerts = counter('alerts_total', 'Fatal alerts.', ['way', 'alert'])
  const early = counter('early_data_total', 'Early data that was offered, by verdict.', ['verdict'])
  const refused = counter('refused_total', 'Clients that were turned away.', ['why'])
  const bytes = counter('bytes_total', 'Bytes of application data from and to clients.', ['way'])
  const tickets = counter('tickets_total', 'Tickets, and stored sessions, by what happened and the key.', [
    'event',
    'key',
  ])
  const claims = counter('early_data_claims_total', 'Answers of the guard against replays.', ['verdict'])
  const changed = counter('store_changed_total', 'Stored values that were not as they were written.', ['what'])
  const locked = counter('ring_locked_total', 'Times that somebody else was making keys.', [])
  const store = new prom.Histogram({
    name: 'typetls_store_seconds',
    help: 'What the store took to answer.',
    labelNames: ['call', 'outcome'],
    buckets: [0.0003, 0.001, 0.003, 0.01, 0.02, 0.05, 0.25, 1],
    registers,
  })
  const gauge = (name: string, help: string, aggregator: 'sum' | 'min' | 'max', value?: () => number) =>
    new prom.Gauge({
      name: `typetls_${name}`,
      help,
      registers,
      aggregator,
      ...(value && {
        collect() {
          this.set(value())
        },
      }),
    })
  const open = gauge('connections', 'Connections that are open.', 'sum')
  gauge('ring_epoch', 'Epoch of the ring of ticket keys; 0: one that nobody shares.', 'max', () => fleet()?.epoch ?? 0)
  gauge('ring_epoch_least', 'The same, of the instance that is furthest behind.', 'min', () => fleet()?.epoch ?? 0)
  gauge('ring_shared', '1: the ring is in step with the store.', 'min', () => (fleet()?.shared ? 1 : 0))
  gauge('key_age_seconds', 'Since the key of tickets began to seal.', 'max', () =>
    Math.max(0, (now() - (fleet()?.sealing?.from ?? now())) / 1000),
  )

  return {
    handshake(facts, took) {
      const resumption = facts.resumed ? 'resumed' : (facts.missed ?? 'none offered')
      handshakes.inc({
        version: facts.version === 0x0304 ? '1.3' : '1.2',
        suite: facts.suite?.name ?? '',
        group: facts.group?.name ?? '',
        resumption,
      })
      seconds.observe({ resumption: facts.resumed ? 'resumed' : 'full' }, took)
      if (facts.earlyData) early.inc({ verdict: facts.earlyRefusal ?? facts.earlyData })
    },
    lost(error) {
      if (error instanceof TlsError && !error.silent) alerts.inc({ way: 'out', alert: error.alert })
      if (error instanceof AlertReceived) alerts.inc({ way: 'in', alert: alertName(error.alert) })
      failures.inc({ reason: reasonOf(error) })
    },
    refused: (why) => refused.inc({ why }),
    opened: () => open.inc(),
    closed(received, sent) {
      open.dec()
      bytes.inc({ way: 'in' }, received)
      bytes.inc({ way: 'out' }, sent)
    },
    session(event) {
      switch (event.event) {
        case 'sealed':
        case 'opened':
          // a few bytes tell keys apart
          return tickets.inc({ event: event.event, key: event.key.slice(0, 8) })
        case 'unopened':
          return tickets.inc({ event: event.why, key: '' })
        case 'claim':
          return claims.inc({ verdict: event.verdict })
        case 'changed':
          return changed.inc({ what: event.what })
        case 'locked':
          return locked.inc()
        case 'store':
          return store.observe({ call: event.call, outcome: event.failed ? 'failed' : 'ok' }, event.ms / 1000)
      }
    },
    text: () => (registers[0] as InstanceType<Prom['Registry']>).metrics(),
  }
}

/** Few words, so that peers cannot make up labels. */
export const reasonOf = (error: unknown): string => {
  if (error instanceof TlsError) return error.reason
  if (error instanceof AlertReceived) return 'ALERT_RECEIVED'
  const { code } = error as { code?: unknown }
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,40}$/.test(code) ? code : 'OTHER'
}
