import { hex } from '../../src/bytes/text.ts'
import { logTo } from '../../src/cli/proxy-log.ts'
import { type Metrics, noMetrics } from '../../src/cli/proxy-metrics.ts'
import { serve } from '../../src/cli/proxy-serve.ts'
import { type ProxyOptions, proxySettings } from '../../src/cli/proxy-settings.ts'
import { connectRedis, keyFrom } from '../../src/cli/proxy-store.ts'

/** What an instance is told by the demo: its options, and by how many milliseconds its clock is wrong. */
export interface Order {
  readonly options: ProxyOptions
  readonly skew: number
}

/** What it tells: its port once, then how things stand. */
export interface State {
  readonly port: number
  readonly epoch: number
  readonly shared: boolean
  /** The name of the key that seals. */
  readonly sealing: string
  /** What became of early data and tickets, counted. */
  readonly verdicts: Readonly<Record<string, number>>
}

// `typetls proxy` in a process of the demo, with a clock of its own.
const { options, skew } = JSON.parse(process.argv[2] as string) as Order
const settings = proxySettings(options)
const now = (): number => Date.now() + skew
const log = logTo(process.stderr, settings.logLevel, now)
const { store } = await connectRedis(settings, log, () => {})
const verdicts: Record<string, number> = {}
const count = (what: string): void => {
  verdicts[what] = (verdicts[what] ?? 0) + 1
}
const metrics: Metrics = {
  ...noMetrics,
  handshake(facts) {
    if (facts.earlyData) count(facts.earlyRefusal ?? facts.earlyData)
    if (!facts.resumed && facts.missed) count(`not resumed: ${facts.missed}`)
  },
  session(event) {
    if (event.event === 'claim') count(`claim ${event.verdict}`)
  },
}
const { port, fleet } = await serve(settings, { log, metrics, store, key: keyFrom(process.env), now })

const tell = (): void => {
  const state: State = {
    port,
    epoch: fleet?.epoch ?? 0,
    shared: fleet?.shared ?? false,
    sealing: hex(fleet?.sealing?.name ?? new Uint8Array(0)),
    verdicts,
  }
  process.send?.(state)
}
tell()
setInterval(tell, 250)
process.on('disconnect', () => process.exit())
