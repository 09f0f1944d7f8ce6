import { concat, equal } from '../bytes/compare.ts'
import { digest } from '../crypto/digest.ts'
import type { Algorithm, Provider } from '../crypto/provider.ts'
import { Misuse } from '../errors.ts'
import { type Task, wait } from '../task.ts'
import type { Certificate } from './certificate.ts'
import { constructed, DerError, DerReader, der, sequence, tags } from './der.ts'
import { type Fault, shown } from './fault.ts'
import { parseOcsp } from './ocsp.ts'
import { knownOid } from './oids.ts'
import { when } from './time.ts'
import type { Trial } from './trial.ts'
import type { About } from './verifier.ts'

/** A log of Certificate Transparency that is believed, as lists of logs give it. */
export interface CtLog {
  /** Its SubjectPublicKeyInfo (DER). */
  readonly key: Uint8Array
  /** Who runs it; logs of one operator count as one where different ones are wanted. */
  readonly operator: string
  /** Milliseconds since 1970 from which on its timestamps do not count any more. */
  readonly retired?: number
}

/** How Certificate Transparency (RFC 6962) is judged. It is about the certificates of TLS servers only. */
export interface TransparencyOptions {
  readonly logs: Iterable<CtLog>
  /** `require` refuses a certificate that too few logs have seen; `check`, the default, only says which have. */
  readonly policy?: 'check' | 'require'
  /** How many timestamps are enough; by default 2, and 3 for certificates of more than 180 days, as browsers want. */
  readonly enough?: number
  /** Of how many operators they must be; 2 by default. */
  readonly operators?: number
}

/** A promise of a log that proved genuine. */
export interface Logged {
  /** SHA-256 of the log's key, 32 bytes. */
  readonly log: Uint8Array
  readonly operator: string
  /** Milliseconds since 1970. */
  readonly time: number
}

/** A SignedCertificateTimestamp of version 1 (RFC 6962 section 3.2). Fields of bytes are views. */
export interface Timestamp {
  readonly log: Uint8Array
  /** Milliseconds since 1970. */
  readonly time: number
  readonly extensions: Uint8Array
  /** As in TLS: 0x0403 and so on. */
  readonly scheme: number
  readonly signature: Uint8Array
}

/** Undefined for another version and for what is malformed: neither proves anything. */
export const parseTimestamp = (sct: Uint8Array): Timestamp | undefined => {
  if (sct.length < 47 || sct[0] !== 0) return undefined
  const view = new DataView(sct.buffer, sct.byteOffset, sct.length)
  const end = 43 + view.getUint16(41)
  if (end + 4 > sct.length || end + 4 + view.getUint16(end + 2) !== sct.length) return undefined
  return {
    log: sct.subarray(1, 33),
    time: Number(view.getBigUint64(33)),
    extensions: sct.subarray(43, end),
    scheme: view.getUint16(end),
    signature: sct.subarray(end + 4),
  }
}

/** The items of a SignedCertificateTimestampList (section 3.3); none when it is malformed. */
export const splitTimestamps = (list: Uint8Array): readonly Uint8Array[] => {
  const length = (at: number): number => ((list[at] ?? 0) << 8) | (list[at + 1] ?? 0)
  if (list.length < 2 || length(0) !== list.length - 2) return []
  const items: Uint8Array[] = []
  for (let at = 2; at < list.length; ) {
    const end = at + 2 + length(at)
    if (end > list.length || end === at + 2) return []
    items.push(list.subarray(at + 2, end))
    at = end
  }
  return items
}

/** At most so many timestamps of one certificate are looked at. */
const MOST = 32

/**
 * The lists of timestamps in a stapled OCSP response (section 3.3). They speak for themselves, whoever signed the response;
 * what cannot be read brings none.
 */
const stapledLists = (response: Uint8Array | undefined): readonly Uint8Array[] => {
  if (!response) return []
  try {
    return parseOcsp(response).answers.flatMap(({ scts }) => (scts ? [scts] : []))
  } catch (error) {
    if (error instanceof DerError) return []
    throw error
  }
}

/** Which of the logs have promised to publish the leaf: by its own extension, or by what the server sent. */
export function* loggedBy(
  leaf: Certificate,
  issuer: Certificate,
  { scts, ocsp }: Pick<About, 'scts' | 'ocsp'>,
  logs: Iterable<CtLog>,
  trial: Trial,
): Task<readonly Logged[]> {
  const embedded = leaf.known.sctList ?? []
  const sent = [...(scts ? [scts] : []), ...stapledLists(ocsp)].flatMap(splitTimestamps)
  if (embedded.length + sent.length === 0) return []
  const known = [...logs]
  const seen: Logged[] = []
  const entries = [
    ...embedded.map((sct) => ({ sct, precertificate: true })),
    ...sent.map((sct) => ({ sct, precertificate: false })),
  ]
  for (const { sct, precertificate } of entries.slice(0, MOST)) {
    const timestamp = parseTimestamp(sct)
    const log = timestamp && (yield* find(timestamp.log, known, trial.provider))
    if (!timestamp || !log || seen.some((before) => equal(before.log, timestamp.log))) continue
    if (timestamp.time > trial.rules.time || (log.retired !== undefined && timestamp.time >= log.retired)) continue
    const entry = precertificate ? yield* precertificateEntry(leaf, issuer, trial.provider) : certificateEntry(leaf)
    if (yield* isGenuine(timestamp, entry, log, trial))
      seen.push({ log: timestamp.log, operator: log.operator, time: timestamp.time })
  }
  return seen
}

const DAY = 86_400_000

/** Why these are too few, by the options; undefined when they are enough. */
export const tooFew = (
  leaf: Certificate,
  logged: readonly Logged[],
  { enough, operators = 2 }: Omit<TransparencyOptions, 'logs'>,
): Fault | undefined => {
  const wanted = enough ?? (leaf.notAfter - leaf.notBefore > 180 * DAY ? 3 : 2)
  const different = new Set(logged.map(({ operator }) => operator)).size
  if (logged.length >= wanted && different >= Math.min(operators, wanted)) return undefined
  const those = logged.map(({ operator, time }) => `${operator} on ${when(time)}`).join(', ') || 'none'
  const detail = `${shown(leaf)} must be known to ${wanted} logs of ${operators} operators; known to: ${those}`
  return { verdict: 'noValidScts', detail }
}

const ids = new WeakMap<CtLog, Uint8Array>()

function* find(id: Uint8Array, logs: readonly CtLog[], provider: Provider): Task<CtLog | undefined> {
  for (const log of logs) {
    const own = ids.get(log) ?? (yield* wait(digest(provider, 'sha256', log.key)))
    ids.set(log, own)
    if (equal(id, own)) return log
  }
  return undefined
}

/** What logs sign with (RFC 6962 section 2.1.4). */
const algorithms: Readonly<Record<number, Algorithm>> = {
  1027: { kind: 'ecdsa', hash: 'sha256' },
  1025: { kind: 'rsa_pkcs1', hash: 'sha256' },
}

function* isGenuine(timestamp: Timestamp, entry: Uint8Array, log: CtLog, trial: Trial): Task<boolean> {
  const algorithm = algorithms[timestamp.scheme]
  if (!algorithm) return false
  trial.spend('signatures')
  const { time, extensions, signature } = timestamp
  const head = new Uint8Array(10)
  new DataView(head.buffer).setBigUint64(2, BigInt(time))
  const message = concat(head, entry, sized(extensions, 2))
  try {
    const key = yield* wait(trial.provider.publicKey(log.key))
    return yield* wait(key.verify(algorithm, message, signature))
  } catch (error) {
    if (error instanceof Misuse) return false
    throw error
  }
}

/** LogEntryType x509_entry, and the certificate as it is. */
export const certificateEntry = ({ raw }: Certificate): Uint8Array => concat(Uint8Array.of(0, 0), sized(raw, 3))

/** LogEntryType precert_entry: who issues, and the certificate as it was before it could carry timestamps. */
export function* precertificateEntry(leaf: Certificate, issuer: Certificate, provider: Provider): Task<Uint8Array> {
  const key = yield* wait(digest(provider, 'sha256', issuer.spki))
  return concat(Uint8Array.of(0, 1), key, sized(withoutTimestamps(leaf.tbs), 3))
}

const SCT_LIST = knownOid('sctList')

/** TBSCertificate without the extension that carries timestamps. */
const withoutTimestamps = (tbs: Uint8Array): Uint8Array => {
  const inside = new DerReader(tbs, 'the certificate').open(tags.sequence)
  const parts: Uint8Array[] = []
  while (inside.more && inside.tag !== constructed(3)) parts.push(inside.raw())
  const list = inside.open(constructed(3)).open(tags.sequence)
  const kept: Uint8Array[] = []
  while (list.more) {
    const raw = list.raw(tags.sequence)
    if (new DerReader(raw, 'an extension').open(tags.sequence).oid() !== SCT_LIST) kept.push(raw)
  }
  return sequence(...parts, der(constructed(3), sequence(...kept)))
}

/** Bytes behind their length of `width` bytes. */
const sized = (bytes: Uint8Array, width: number): Uint8Array => {
  const head = new Uint8Array(width)
  for (let i = 0; i < width; i++) head[i] = bytes.length >>> (8 * (width - 1 - i))
  return concat(head, bytes)
}
