import { type IoRedis, type NodeRedis, redisStore } from '../redis/index.ts'
import { fleetKey } from '../session/fleet.ts'
import type { FleetStore } from '../session/store.ts'
import type { Observe } from '../session/tickets.ts'
import { Failure, sentence } from './failure.ts'
import type { Log } from './proxy-log.ts'
import type { ProxySettings } from './proxy-settings.ts'

/** Where the key of a fleet stands in the environment. */
const KEY = 'TYPETLS_FLEET_KEY'

/** The key of the fleet. Throws `Failure` where there is none. */
export const keyFrom = (env: Readonly<Record<string, string | undefined>>): Uint8Array => {
  const text = env[KEY]
  if (!text) throw new Failure(`a fleet needs its key in ${KEY}; "openssl rand -hex 32" makes one, the same for all`)
  try {
    return fleetKey(text)
  } catch (error) {
    throw new Failure(`${KEY}: ${sentence(error)}`)
  }
}

export interface Connected {
  readonly store: FleetStore
  readonly close: () => void
}

/** A store in Redis, over whichever client is installed. It need not be there yet: the client goes on trying. */
export const connectRedis = async (
  { fleet: url = '', fleetName: name, earlyDataPatience }: ProxySettings,
  log: Log,
  observe: Observe,
): Promise<Connected> => {
  if (!URL.canParse(url) || !/^rediss?:$/.test(new URL(url).protocol))
    throw new Failure(
      `"${url.replace(/\/\/.*@/, '//')}" is no address of Redis; give redis://host:port or rediss://host:port`,
    )
  let told = false
  const failed = (error: Error): void => {
    if (!told) log('warn', 'redis', { why: sentence(error) })
    told = true
  }
  const ready = (): void => {
    told = false
    log('info', 'redis', { ready: true })
  }
  const { client, close, connected } = (await byIoRedis(url)) ?? (await byNodeRedis(url)) ?? noClient()
  client.on('error', failed)
  client.on('ready', ready)
  await Promise.race([connected(), new Promise((resolve) => setTimeout(resolve, PATIENCE))]).catch(failed)
  return { store: redisStore(client, { name, observe, claimPatience: earlyDataPatience }), close }
}

/** For the first connection: a ring of one's own is the worse beginning. */
const PATIENCE = 2000
const RETRY = 500

interface Opened {
  readonly client: IoRedis | NodeRedis
  readonly close: () => void
  readonly connected: () => Promise<unknown>
}

const byIoRedis = async (url: string): Promise<Opened | undefined> => {
  const module = await import('ioredis').catch(() => undefined)
  if (!module) return undefined
  const client = new module.Redis(url, { lazyConnect: true, retryStrategy: () => RETRY, maxRetriesPerRequest: 1 })
  return {
    client: client as unknown as IoRedis,
    close: () => client.disconnect(),
    connected: () => client.connect(),
  }
}

const byNodeRedis = async (url: string): Promise<Opened | undefined> => {
  const module = await import('redis').catch(() => undefined)
  if (!module) return undefined
  const client = module.createClient({ url, socket: { reconnectStrategy: () => RETRY } })
  return {
    client: client as unknown as NodeRedis,
    close: () => client.destroy(),
    connected: () => client.connect(),
  }
}

const noClient = (): never => {
  throw new Failure('-fleet needs a client of Redis: npm install ioredis, or npm install redis')
}
