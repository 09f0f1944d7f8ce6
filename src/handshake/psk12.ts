import { concat, NONE } from '../bytes/compare.ts'
import type { ExternalPsk } from '../config.ts'
import type { NamedGroup } from '../crypto/groups.ts'
import { illegal, TlsError } from '../errors.ts'
import {
  ClientEcdhPskExchange,
  PskIdentity,
  type ServerEcdhPskExchange,
  serverEcdhParams,
} from '../messages/exchange12.ts'
import { asked, type Task, wait } from '../task.ts'
import { decode, encode, type Infer } from '../wire/codec.ts'
import { agree, groupOf } from './agree.ts'
import type { Peer } from './peer.ts'

// TLS 1.2 by a key agreed elsewhere, instead of certificates (RFC 4279, RFC 5489).

/** The premaster secret: what was exchanged, or as many zeros as the key has bytes, and the key. */
const premaster = ({ secret }: ExternalPsk, shared: Uint8Array = new Uint8Array(secret.length)): Uint8Array =>
  concat(length16(shared), shared, length16(secret), secret)

const length16 = ({ length }: Uint8Array): Uint8Array => Uint8Array.of(length >> 8, length & 255)

/** The client, from after the ServerHello to its ClientKeyExchange; gives the premaster secret. */
export function* clientByKey(peer: Peer, exchanging: boolean): Task<Uint8Array> {
  const { config, facts } = peer
  let offer: Infer<typeof ServerEcdhPskExchange> | undefined
  if (exchanging) {
    const message = yield* peer.receive('serverKeyExchangeEcdhPsk')
    offer = message.body
    facts.pskHint = offer.hint
    peer.accept(message)
  }
  // RFC 4279 2: a server without a hint sends no ServerKeyExchange
  let next = yield* peer.receive(
    ...(exchanging ? (['serverHelloDone'] as const) : (['serverKeyExchangePsk', 'serverHelloDone'] as const)),
  )
  if (next.name === 'serverKeyExchangePsk') {
    facts.pskHint = next.body
    peer.accept(next)
    next = yield* peer.receive('serverHelloDone')
  }
  peer.accept(next)

  const { psk: hook } = config
  const hint = facts.pskHint
  const keys = hook && (yield* asked(() => hook(hint), 'session'))
  const psk = keys && [keys].flat().find(({ imported }) => !imported)
  if (!psk) throw new TlsError('handshake_failure', 'PSK_IDENTITY_NOT_FOUND', 'there is no key for this server')
  facts.psk = psk.identity
  if (!offer) {
    peer.send('clientKeyExchange', encode(PskIdentity, psk.identity))
    return premaster(psk)
  }
  const { namedCurve, point } = offer.params
  const group = config.groups.find((candidate) => candidate.id === namedCurve && candidate.tls12)
  const exchange = group && groupOf(peer, group.id)
  if (!exchange) throw illegal('WRONG_CURVE', `group 0x${namedCurve.toString(16)} was not offered`)
  facts.group = group
  const { share, secret } = yield* agree(() => exchange.answer(point))
  peer.send('clientKeyExchange', encode(ClientEcdhPskExchange, { identity: psk.identity, point: share }))
  return premaster(psk, secret)
}

/** The server, from after its ServerHello to the ClientKeyExchange; gives the premaster secret. */
export function* serverByKey(peer: Peer, group: NamedGroup | undefined): Task<Uint8Array> {
  const { config, facts } = peer
  const hint = config.pskHint ?? NONE
  const exchange = group && groupOf(peer, group.id)
  const started = exchange && (yield* wait(exchange.start()))
  if (group && started) {
    facts.group = group
    peer.send('serverKeyExchangeEcdhPsk', { hint, params: serverEcdhParams(group.id, started.share) })
  } else if (hint.length > 0) {
    peer.send('serverKeyExchangePsk', hint)
  }
  peer.send('serverHelloDone', true)

  const message = yield* peer.receive('clientKeyExchange')
  const { identity, point } = started
    ? decode(ClientEcdhPskExchange, message.body)
    : { identity: decode(PskIdentity, message.body), point: NONE }
  const { findPsk } = config
  const found = findPsk && (yield* asked(() => findPsk(identity), 'session'))
  const psk = found?.imported ? undefined : found
  // RFC 4279 2: unknown_psk_identity MAY be told apart from a wrong key, which shows at the Finished
  if (!psk)
    throw new TlsError(
      'unknown_psk_identity',
      'PSK_IDENTITY_NOT_FOUND',
      'the client names a key that is not known here',
    )
  facts.psk = identity.slice()
  const shared = started && (yield* agree(() => started.finish(point)))
  peer.accept(message)
  return premaster(psk, shared)
}
