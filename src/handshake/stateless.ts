import { concat, equal } from '../bytes/compare.ts'
import { Reader } from '../bytes/reader.ts'
import { Writer } from '../bytes/writer.ts'
import { type Stateless, TLS12, TLS13 } from '../config.ts'
import { digest } from '../crypto/digest.ts'
import { groupById, type NamedGroup } from '../crypto/groups.ts'
import type { Suite } from '../crypto/suites.ts'
import { illegal, TlsError } from '../errors.ts'
import { type ClientHello, RETRY_RANDOM } from '../messages/hello.ts'
import type { Message } from '../messages/table.ts'
import { type Task, wait } from '../task.ts'
import type { Peer } from './peer.ts'

/**
 * A server that keeps nothing of clients before they have shown that they can be reached (RFC 9846 section 4.2.2): what it
 * would have to keep goes into the cookie of a HelloRetryRequest, sealed with a MAC, and comes back with the second hello.
 */

const FORMAT = 1
const MAC = 32
/** Seconds for which a cookie is good. */
const FRESH = 600

/** What a cookie carries. */
interface Kept {
  readonly suite: number
  /** 0: the first share was good. */
  readonly group: number
  /** Seconds since 1970. */
  readonly made: number
  /** Of the first hello. */
  readonly digest: Uint8Array
  /** Of the program. */
  readonly cookie: Uint8Array
}

function* sealed(peer: Peer, { key }: Stateless, kept: Kept): Task<Uint8Array> {
  const w = new Writer()
  w.number(1, FORMAT)
  w.number(2, kept.suite)
  w.number(2, kept.group)
  w.number(6, kept.made)
  w.prefixed(1, () => w.raw(kept.digest))
  w.prefixed(2, () => w.raw(kept.cookie))
  const body = w.finish()
  return concat(body, yield* wait(peer.provider.hmac('sha256', key).mac(body)))
}

/** Undefined for one that has grown old; throws for one that is not ours. */
function* opened(peer: Peer, { key, verify }: Stateless, cookie: Uint8Array): Task<Kept | undefined> {
  const body = cookie.subarray(0, Math.max(0, cookie.length - MAC))
  const expected = yield* wait(peer.provider.hmac('sha256', key).mac(body))
  const foreign = illegal('COOKIE_MISMATCH', 'the cookie is none of ours')
  if (!equal(cookie.subarray(body.length), expected)) throw foreign
  const r = new Reader(body)
  if (r.number(1, 'format') !== FORMAT) return undefined
  const kept = {
    suite: r.number(2, 'suite'),
    group: r.number(2, 'group'),
    made: r.number(6, 'time'),
    digest: r.take(r.number(1, 'length'), 'digest'),
    cookie: r.take(r.number(2, 'length'), 'cookie'),
  }
  const now = Math.floor(peer.config.now() / 1000)
  if (kept.made > now || now - kept.made > FRESH) return undefined
  if (!verify(kept.cookie)) throw foreign
  return kept
}

const MESSAGE_HASH = 254

/** The HelloRetryRequest for this hello, the same each time. */
const retryFor = (hello: ClientHello, suite: number, group: number, cookie: Uint8Array) => ({
  kind: 'helloRetryRequest' as const,
  legacyVersion: TLS12,
  random: RETRY_RANDOM,
  legacySessionIdEcho: hello.legacySessionId,
  cipherSuite: suite,
  legacyCompressionMethod: 0,
  extensions: { ...(group !== 0 && { keyShare: group }), cookie, supportedVersions: TLS13 },
})

/**
 * Asks the client to come back. The connection goes no further: another one takes the hello with the cookie. `group`: the
 * one to bring a share for, if there was none.
 */
export function* askBack(
  peer: Peer,
  stateless: Stateless,
  { body: hello, raw }: Message<'clientHello'>,
  suite: Suite,
  group: NamedGroup | undefined,
): Task<never> {
  const { config, facts, provider, carrier } = peer
  const cookie = yield* sealed(peer, stateless, {
    suite: suite.id,
    group: group?.id ?? 0,
    made: Math.floor(config.now() / 1000),
    digest: yield* wait(digest(provider, suite.hash, raw)),
    cookie: stateless.generate(),
  })
  facts.retried = true
  facts.askedBack = true
  peer.tell('serverHello', retryFor(hello, suite.id, group?.id ?? 0, cookie))
  if (config.middlebox && hello.legacySessionId.length > 0) carrier.changeCipherSpec()
  yield* peer.receive()
  throw new TlsError('unexpected_message', 'UNEXPECTED_MESSAGE', 'the hello with the cookie is for another connection')
}

/** Takes up a handshake by the cookie of its second hello. False: there is none, or it has grown old. */
export function* takeUp(peer: Peer, stateless: Stateless, hello: ClientHello, suite: Suite): Task<boolean> {
  const { cookie, keyShare } = hello.extensions
  const kept = cookie && (yield* opened(peer, stateless, cookie))
  if (!cookie || !kept) return false
  if (kept.suite !== suite.id) throw illegal('BAD_CIPHER', 'the second ClientHello leads to another suite')
  if (kept.group !== 0 && (keyShare?.length !== 1 || keyShare[0]?.group !== kept.group || !groupById(kept.group)))
    throw illegal('BAD_KEY_SHARE', 'the second ClientHello must bring one share, for the group that was asked for')
  if (hello.extensions.earlyData) throw illegal('BAD_EXTENSION', 'early_data after a HelloRetryRequest')
  peer.facts.retried = true
  peer.transcript.add(concat(Uint8Array.of(MESSAGE_HASH, 0, 0, kept.digest.length), kept.digest))
  peer.transcript.add(peer.draft('serverHello', retryFor(hello, suite.id, kept.group, cookie)))
  return true
}
