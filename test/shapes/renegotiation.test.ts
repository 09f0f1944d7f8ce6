import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Config, defineConfig, TLS12 } from '../../src/config.ts'
import { Connection } from '../../src/connection.ts'
import { node } from '../../src/crypto/node/index.ts'
import { alerts } from '../../src/errors.ts'
import { conversation } from '../../src/handshake/conversation.ts'
import { Peer } from '../../src/handshake/peer.ts'
import { TlsCarrier } from '../../src/record/tls.ts'
import { Machine } from '../../src/task.ts'
import type { TraceEvent } from '../../src/trace.ts'
import { verifier } from '../../src/x509/path.ts'
import { materials, NOW } from '../materials.ts'

/** An end whose record layer is open to the test, so that it can say what ours never would. */
const bareEnd = (role: 'client' | 'server', config: Config) => {
  const carrier = new TlsCarrier(config, role)
  const facts = { role, resumed: false, retried: false }
  const peer = new Peer(config, carrier, facts, (level, code) => carrier.alert(level, code))
  return { carrier, peer, machine: new Machine(conversation(peer)) }
}

for (const wishes of ['server', 'client'] as const) {
  for (const renegotiation of ['decline', 'refuse'] as const)
    test(`TLS 1.2: a ${wishes} that wants to negotiate again hears no_renegotiation: ${renegotiation}`, async () => {
      const m = await materials()
      const heard: TraceEvent[] = []
      const base = {
        provider: node,
        verifier: verifier({ anchors: [m.root] }),
        now: () => NOW,
        versions: [TLS12] as const,
      }
      const configs = {
        server: defineConfig({ ...base, identities: [m.identities['P-256']] }),
        client: defineConfig({ ...base, serverName: 'localhost', peerName: 'localhost' }),
      }
      let hello: Uint8Array = new Uint8Array(0)
      const trace = (event: TraceEvent): void => {
        heard.push(event)
        if (event.event === 'message' && event.name === 'clientHello') hello = event.raw.slice()
      }
      const theirs = bareEnd(wishes, { ...configs[wishes], trace })
      const other = wishes === 'client' ? 'server' : 'client'
      const ours = new Connection(other, { ...configs[other], renegotiation })
      const run = (): void => {
        for (let moved = true; moved; ) {
          theirs.machine.turn()
          ours.advance()
          const [left, right] = [theirs.carrier.output.take(), ours.output.take()]
          ours.receive(left)
          theirs.carrier.input.push(right)
          moved = left.length + right.length > 0
        }
      }
      run()
      assert.equal(ours.established, true)
      heard.length = 0
      theirs.carrier.write(wishes === 'server' ? Uint8Array.of(0, 0, 0, 0) : hello)
      theirs.carrier.flush()
      if (renegotiation === 'refuse') {
        ours.receive(theirs.carrier.output.take())
        assert.throws(() => ours.advance(), { alert: 'no_renegotiation', reason: 'NO_RENEGOTIATION' })
        theirs.carrier.input.push(ours.output.take())
        assert.throws(() => theirs.machine.turn(), { name: 'AlertReceived', alert: alerts.no_renegotiation })
        return
      }
      run()
      const alert = heard.find((event) => event.event === 'alert')
      assert.deepEqual(alert, {
        event: 'alert',
        way: 'in',
        level: 1,
        code: alerts.no_renegotiation,
        alert: 'no_renegotiation',
      })
      theirs.carrier.data(Uint8Array.of(1, 2, 3))
      ours.receive(theirs.carrier.output.take())
      assert.equal(ours.advance().kind, 'take')
      assert.deepEqual(ours.take()?.slice(), Uint8Array.of(1, 2, 3))
    })
}
