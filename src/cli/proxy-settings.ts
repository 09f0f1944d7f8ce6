import { readFileSync } from 'node:fs'
import { Failure, sentence } from './failure.ts'
import {
  BadValue,
  type Chosen,
  choice,
  flag,
  number,
  type Place,
  parsePlace,
  type Rows,
  row,
  text,
  texts,
} from './options.ts'

// What `typetls proxy` is told: on the command line, or by a file of JSON with the same names. The command line is stronger.

/** A certificate for one name, or for everybody who asks for none of the names. */
export interface CertificateFiles {
  readonly name?: string
  /** Paths of PEM files. */
  readonly cert: string
  readonly key: string
}

const place = (given: string): Place => parsePlace(given, 'port', '443')

const named = (given: string): readonly CertificateFiles[] => {
  const parts = /^(?<name>[^=]+)=(?<cert>[^,]+),(?<key>.+)$/.exec(given)?.groups
  if (!parts) throw new BadValue('name=cert.pem,key.pem')
  return [{ name: (parts['name'] as string).toLowerCase(), cert: parts['cert'] as string, key: parts['key'] as string }]
}

const protocols = (given: string): readonly string[] => {
  const names = given.split(',')
  if (names.some((name) => name === '' || name.length > 255))
    throw new BadValue('names with commas between them: h2,http/1.1')
  return names
}

const WEEK = 604_800
const MOST = 2_147_483

export const proxyRows = {
  config: text('file', 'read these options from a file of JSON; what stands on the command line is stronger'),
  listen: row('host:port', 'where clients come to (0.0.0.0:443)', place),
  backend: row('host:port', 'where their connections go, in the clear', place),
  cert: text('file', 'certificate chain (PEM) for clients that ask for none of the names'),
  key: text('file', 'its private key (PEM)'),
  sni: {
    ...row(
      'name=cert,key',
      'a certificate for clients that ask for this name; *.example.org stands for one label',
      named,
    ),
    many: true as const,
  },
  alpn: row('names', 'application protocols, best first: h2,http/1.1', protocols),
  'client-ca': text('file', 'clients need a certificate of these authorities (PEM)'),
  'client-optional': flag('a client may also have none'),
  workers: number('count', 'processes that share the work (1)', 1, 256),
  'max-connections': number('count', 'connections at once, for each worker (10000)', 1, 1_000_000),
  'handshake-timeout': number('seconds', 'until a handshake must be over (10)', 1, MOST),
  'idle-timeout': number('seconds', 'without a byte in either direction until a connection is closed (300)', 1, MOST),
  'connect-timeout': number('seconds', 'until the backend must have answered (5)', 1, MOST),
  'drain-timeout': number('seconds', 'for open connections to end after SIGTERM (30)', 0, MOST),
  'proxy-protocol': choice('version', 'tell the backend who has connected: v1 or v2', ['v1', 'v2']),
  'early-data': flag(
    'take early data (0-RTT): GET and HEAD requests of http/1.1 go to the backend at once with "Early-Data: 1", the rest waits',
  ),
  'early-data-size': number('bytes', 'of early data at most (16384)', 1, 1_048_576),
  'early-data-window': number('ms', 'by which a client may be wrong about the age of its ticket (10000)', 1, 60_000),
  'early-data-patience': number('ms', 'that a shared store may take to answer for early data (20)', 1, 10_000),
  tickets: number('count', 'tickets after a handshake of TLS 1.3 (2)', 0, 16),
  'ticket-lifetime': number('seconds', 'for which a client may come back with a ticket (7200)', 1, WEEK),
  'ticket-interval': number('seconds', 'after which tickets are sealed under a new key (43200)', 1, MOST),
  'ticket-keys': texts(
    'file',
    'keys of 48 or 80 bytes as nginx and HAProxy have them, the first seals; they do not change',
  ),
  fleet: text(
    'url',
    'share ticket keys and what was taken early through Redis: redis://host:port; its key is in TYPETLS_FLEET_KEY',
  ),
  'fleet-name': text('name', 'who shares with whom (typetls)'),
  'fleet-poll': number('ms', 'after which each instance looks for new keys (30000)', 10, 3_600_000),
  region: text('name', 'early data is taken only in the region where its ticket was issued'),
  metrics: row('host:port', 'figures for Prometheus at /metrics', place),
  'log-level': choice<LogLevel>('level', 'error, warn, info or debug: what is logged (info)', [
    'error',
    'warn',
    'info',
    'debug',
  ]),
} satisfies Rows

export type ProxyOptions = Chosen<typeof proxyRows>

/** Everything that the proxy goes by. */
export interface ProxySettings {
  readonly listen: Place
  readonly backend: Place
  readonly certificates: readonly CertificateFiles[]
  readonly alpn: readonly string[] | undefined
  readonly clientCa: string | undefined
  readonly clientOptional: boolean
  readonly workers: number
  readonly maxConnections: number
  /** Milliseconds. */
  readonly handshakeTimeout: number
  readonly idleTimeout: number
  readonly connectTimeout: number
  readonly drainTimeout: number
  readonly proxyProtocol: 1 | 2 | undefined
  /** Bytes; 0: none is taken. */
  readonly earlyData: number
  readonly earlyDataWindow: number
  readonly earlyDataPatience: number
  readonly tickets: number
  /** Seconds. */
  readonly ticketLifetime: number
  /** Milliseconds. */
  readonly ticketInterval: number
  readonly ticketKeys: readonly string[]
  readonly fleet: string | undefined
  readonly fleetName: string
  readonly fleetPoll: number
  readonly region: string | undefined
  readonly metrics: Place | undefined
  readonly logLevel: LogLevel
}

export type LogLevel = 'error' | 'warn' | 'info' | 'debug'

/** Reads the file that the options name, and fills in the defaults. Throws `Failure` for what is missing or contradicts. */
export const proxySettings = (given: ProxyOptions): ProxySettings => {
  const options: ProxyOptions = { ...(given.config !== undefined && fromFile(given.config)), ...given }
  const { backend, cert, key, sni = [] } = options
  if (!backend) throw new Failure('the proxy needs to know where connections go; name it with -backend host:port')
  if ((cert === undefined) !== (key === undefined))
    throw new Failure('a certificate needs its key, and a key its certificate; give both -cert and -key')
  const certificates = [...(cert !== undefined && key !== undefined ? [{ cert, key }] : []), ...sni]
  if (certificates.length === 0) throw new Failure('the proxy has no certificate; give -cert and -key, or -sni')
  if (options['client-optional'] && options['client-ca'] === undefined)
    throw new Failure('-client-optional says how -client-ca is meant; give that too')
  if (options.fleet !== undefined && options['ticket-keys'] !== undefined)
    throw new Failure('keys come from the fleet or from files: -fleet and -ticket-keys contradict each other')
  return {
    listen: options.listen ?? { host: undefined, port: '443' },
    backend,
    certificates,
    alpn: options.alpn,
    clientCa: options['client-ca'],
    clientOptional: options['client-optional'] ?? false,
    workers: options.workers ?? 1,
    maxConnections: options['max-connections'] ?? 10_000,
    handshakeTimeout: (options['handshake-timeout'] ?? 10) * 1000,
    idleTimeout: (options['idle-timeout'] ?? 300) * 1000,
    connectTimeout: (options['connect-timeout'] ?? 5) * 1000,
    drainTimeout: (options['drain-timeout'] ?? 30) * 1000,
    proxyProtocol: options['proxy-protocol'] === 'v1' ? 1 : options['proxy-protocol'] === 'v2' ? 2 : undefined,
    earlyData: options['early-data'] ? (options['early-data-size'] ?? 16_384) : 0,
    earlyDataWindow: options['early-data-window'] ?? 10_000,
    earlyDataPatience: options['early-data-patience'] ?? 20,
    tickets: options.tickets ?? 2,
    ticketLifetime: options['ticket-lifetime'] ?? 7200,
    ticketInterval: (options['ticket-interval'] ?? 43_200) * 1000,
    ticketKeys: options['ticket-keys'] ?? [],
    fleet: options.fleet,
    fleetName: options['fleet-name'] ?? 'typetls',
    fleetPoll: options['fleet-poll'] ?? 30_000,
    region: options.region,
    metrics: options.metrics,
    logLevel: options['log-level'] ?? 'info',
  }
}

/**
 * Options by a file: an object with the names of the options. Switches are true, what may be given several times is a list,
 * `sni` may also be an object of `name: [cert, key]`.
 */
const fromFile = (path: string): ProxyOptions => {
  const wrong = (why: string): never => {
    throw new Failure(`${path}: ${why}`)
  }
  let told: unknown
  try {
    told = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    return wrong(sentence(error))
  }
  if (typeof told !== 'object' || told === null || Array.isArray(told)) return wrong('a JSON object is wanted')
  const options: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(told)) {
    const known = Object.hasOwn(proxyRows, name) && name !== 'config'
    if (!known) return wrong(`there is no option "${name}"`)
    const { value: takes, parse, many } = (proxyRows as Rows)[name] as Rows[string]
    if (takes === undefined) {
      if (typeof value !== 'boolean') return wrong(`"${name}" is true or false`)
      if (value) options[name] = true
      continue
    }
    const given =
      name === 'sni' && isMap(value) ? Object.entries(value).map(([who, files]) => `${who}=${files}`) : value
    const list = [given].flat()
    if (list.length === 0 || (!many && name !== 'alpn' && list.length > 1) || !list.every(isPlain))
      return wrong(`"${name}" is not what it should be: ${takes}`)
    const parsed = (name === 'alpn' ? [list.join()] : list.map(String)).map((one) => {
      try {
        return parse ? parse(one) : one
      } catch (error) {
        return wrong(`"${name}" is ${JSON.stringify(one)}; it should be ${sentence(error)}`)
      }
    })
    options[name] = many ? parsed.flat() : parsed[0]
  }
  return options as ProxyOptions
}

const isPlain = (value: unknown): boolean => typeof value === 'string' || typeof value === 'number'
const isMap = (value: unknown): value is Record<string, readonly string[]> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
