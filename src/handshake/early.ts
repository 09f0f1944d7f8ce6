import { NONE } from '../bytes/compare.ts'
import type { Config } from '../config.ts'
import { type Suite, suiteById } from '../crypto/suites.ts'
import { TlsError } from '../errors.ts'
import type { EarlyRefusal, Facts } from '../facts.ts'
import type { Keys } from '../record/carrier.ts'
import { type Maybe, type Task, wait } from '../task.ts'
import type { Peer } from './peer.ts'
import { type EarlyTerms, earlyTerms, type SharedKey } from './resume.ts'
import { type EarlyStage, exported } from './schedule13.ts'

// Data before the handshake is over (RFC 9846 section 2.3): under a pre-shared key, and only under the first one offered.

/** What early data is bound to, when the config wants any and the first key allows it. */
export const mayHurry = (config: Config, key: SharedKey): EarlyTerms | undefined => {
  const terms = config.earlyData > 0 ? earlyTerms(key) : undefined
  if (!terms || !config.suites.some((suite) => suite.id === terms.suite)) return undefined
  return terms.alpn === undefined || config.alpn?.includes(terms.alpn) ? terms : undefined
}

/** Opens the way for early data: from here to the end of the server's flight it is what we send. */
export function* hurry(peer: Peer, first: EarlyStage, offered: SharedKey, terms: EarlyTerms): Task<void> {
  const { carrier, provider, config, facts } = peer
  const suite = suiteById(terms.suite)
  if (!suite) return
  const hello = yield* wait(peer.transcript.digestWith(suite.hash, NONE))
  const secret = yield* first.traffic(hello)
  peer.secret('CLIENT_EARLY_TRAFFIC_SECRET', secret)
  const exporter = yield* first.exporter(hello)
  peer.secret('EARLY_EXPORTER_SECRET', exporter)
  facts.earlyExporter = exported.bind(undefined, provider, suite, exporter)
  const writing = yield* carrier.keys('early', suite, secret)
  if (config.middlebox) carrier.changeCipherSpec()
  carrier.writeWith(writing)
  // RFC 8449 4: what the server has said it takes, which it has not yet said again
  const limit = offered.session?.recordLimit
  if (limit) carrier.limitWrite(limit)
  peer.earlyRoom = terms.bytes
}

/** The server has not taken our early data: nobody reads what those keys protect. */
export const refuseEarly = (peer: Peer): void => {
  if (peer.earlyRoom === undefined) return
  peer.earlyRoom = undefined
  peer.facts.earlyData = 'rejected'
  peer.carrier.writeInClear()
}

/** A pre-shared key that the client proved to have, and its place among those offered. */
export interface Found {
  readonly key: SharedKey
  readonly index: number
  /** Milliseconds by which the client's clock and ours disagree on the age of the ticket. */
  readonly skew: number
}

/**
 * Why early data is not taken; undefined if it is. On any doubt it is not, and the handshake goes on without. Taken or not,
 * its ticket is spent: the client will say it again in the open connection, and nobody else should elsewhere.
 */
export function* whyNotEarly(
  { config, facts }: Peer,
  found: Found | undefined,
  suite: Suite,
): Task<EarlyRefusal | undefined> {
  const { tickets, oncePsk } = config
  const refusal = unfit(config, facts, found, suite)
  if (found?.index !== 0) return refusal ?? 'no ticket'
  const { key } = found
  const once = key.session ? (refusal ? tickets?.spend : tickets?.once)?.bind(tickets) : refusal ? undefined : oncePsk
  const first = once !== undefined && (yield* asked(() => once(key.identity)))
  return refusal ?? (first ? undefined : 'replay')
}

const unfit = (config: Config, facts: Facts, found: Found | undefined, suite: Suite): EarlyRefusal | undefined => {
  const { tickets, earlyDataWindow, oncePsk } = config
  if (config.earlyData === 0 || !(tickets?.once || oncePsk)) return 'off'
  if (facts.retried) return 'retried'
  if (found?.index !== 0) return 'no ticket'
  const { key, skew } = found
  // a key agreed elsewhere has no age: nobody but the application could tell when what is under it was first said
  if (!(key.session ? tickets?.once : oncePsk)) return 'no ticket'
  const terms = earlyTerms(key)
  if (!terms || terms.bytes > config.earlyData || terms.suite !== suite.id || terms.alpn !== facts.alpn) return 'terms'
  return key.session && skew > earlyDataWindow ? 'age' : undefined
}

/** A store that fails knows nothing of replays; what ends the connection on purpose says so. */
function* asked(ask: () => Maybe<boolean>): Task<boolean> {
  try {
    return (yield* wait(ask(), 'session')) === true
  } catch (error) {
    if (error instanceof TlsError) throw error
    return false
  }
}

/** What the client protects its early data with. */
export function* earlyKeys(peer: Peer, early: EarlyStage, suite: Suite): Task<Keys> {
  const { facts, provider, carrier } = peer
  const hello = yield* peer.digest()
  const secret = yield* early.traffic(hello)
  peer.secret('CLIENT_EARLY_TRAFFIC_SECRET', secret)
  const exporter = yield* early.exporter(hello)
  peer.secret('EARLY_EXPORTER_SECRET', exporter)
  facts.earlyExporter = exported.bind(undefined, provider, suite, exporter)
  return yield* carrier.keys('early', suite, secret)
}
