/**
 * TLS without a transport: a `Connection` takes bytes in and gives bytes out, and `advance` turns it. Beside it stand
 * `typetls/node` (Node streams), `typetls/openssl` (the names of libssl) and `typetls/x509` (certificates).
 */
export {
  type CertificateQuestion,
  type Config,
  type ConfigInput,
  defineConfig,
  type ExternalPsk,
  type HelloFacts,
  type Identity,
  type Limits,
  TLS12,
  TLS13,
  usualLimits,
  type Version,
} from './config.ts'
export { Connection, type Request } from './connection.ts'
export { groupByName, groups, type NamedGroup } from './crypto/groups.ts'
export type { PrivateKey, Provider, PublicKey } from './crypto/provider.ts'
export { type Scheme, schemeByName, schemes } from './crypto/schemes.ts'
export { type Suite, suiteById, suites } from './crypto/suites.ts'
export {
  type AlertName,
  AlertReceived,
  alertName,
  alerts,
  CertificateError,
  Misuse,
  TlsError,
  Truncated,
} from './errors.ts'
export type { EarlyRefusal, Exporter, Facts, Miss } from './facts.ts'
export { type ExternalKey, importedKeys, importPsk } from './handshake/import.ts'
export type { Reason } from './reasons.ts'
export { memoryCache, type SessionCache } from './session/cache.ts'
export { Fleet, type FleetOptions, fleetKey } from './session/fleet.ts'
export { type MemoryStoreOptions, memoryStore } from './session/memory-store.ts'
export { importKeys, KeyRing, type Ring, type RingKey, type Rotation, rotation } from './session/ring.ts'
export { decodeSession, encodeSession, type Session, type Sessions } from './session/session.ts'
export type { FleetStore, ReplayGuard, SessionStore } from './session/store.ts'
export { storedSessions, storedTickets } from './session/stored.ts'
export {
  memoryTickets,
  type Observe,
  type Opened,
  type RingTicketsOptions,
  ringTickets,
  type SessionEvent,
  type Tickets,
} from './session/tickets.ts'
export { type Errand, type Hook, type Maybe, type Need, RETRY, runAsync, runSync } from './task.ts'
export type { TraceEvent } from './trace.ts'
