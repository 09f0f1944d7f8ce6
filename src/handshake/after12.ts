import type { Suite } from '../crypto/suites.ts'
import { alerts, TlsError } from '../errors.ts'
import type { Task } from '../task.ts'
import { checkFinished } from './authenticate.ts'
import { type Peer, WARNING } from './peer.ts'
import { exporter12, type Randoms, verifyData } from './schedule12.ts'

/** Sends the proof that we have seen the same handshake (RFC 5246 section 7.4.9). */
export function* ourFinished(peer: Peer, suite: Suite, master: Uint8Array): Task<void> {
  const { facts, provider } = peer
  facts.ourFinished = yield* verifyData(provider, suite, master, facts.role, yield* peer.digest())
  peer.send('finished', facts.ourFinished)
}

/** Takes the peer's. */
export function* theirFinished(peer: Peer, suite: Suite, master: Uint8Array): Task<void> {
  const { facts, provider } = peer
  const them = facts.role === 'client' ? 'server' : 'client'
  const expected = yield* verifyData(provider, suite, master, them, yield* peer.digest())
  const done = yield* peer.receive('finished')
  checkFinished(peer, done.body, expected)
  peer.accept(done)
}

/** The open connection of TLS 1.2: no wish to negotiate again is granted (RFC 5246 section 7.2.2). */
export function* open(peer: Peer, suite: Suite, master: Uint8Array, randoms: Randoms): Task<void> {
  const { facts, carrier, provider } = peer
  facts.exporter = exporter12(provider, suite, master, randoms)
  carrier.settled()
  peer.transcript.end()
  peer.established = true
  for (;;) {
    yield* peer.receive(facts.role === 'client' ? 'helloRequest' : 'clientHello')
    if (peer.config.renegotiation === 'refuse')
      throw new TlsError('no_renegotiation', 'NO_RENEGOTIATION', 'the peer wishes to negotiate again')
    peer.answers()
    peer.sendAlert(WARNING, alerts.no_renegotiation)
  }
}
