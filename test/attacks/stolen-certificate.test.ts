import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineConfig } from '../../src/config.ts'
import { node } from '../../src/crypto/node/index.ts'
import { memoryTickets } from '../../src/session/tickets.ts'
import { verifier } from '../../src/x509/path.ts'
import { materials, NOW } from '../materials.ts'
import { settle } from '../pair.ts'
import { asItIs, operate } from '../surgery/every/proxy.ts'

test('a certificate shown on the open connection counts for nothing before it is proven', async () => {
  const m = await materials()
  const common = { provider: node, verifier: verifier({ anchors: [m.root] }), now: () => NOW }
  const chains: number[] = []
  const server = defineConfig({
    ...common,
    identities: [m.identities['P-256']],
    tickets: memoryTickets(node, () => NOW),
    onSession: (session) => chains.push(session.chain.length),
  })
  const client = defineConfig({
    ...common,
    serverName: 'localhost',
    peerName: 'localhost',
    tickets: memoryTickets(node, () => NOW),
    postHandshakeAuth: true,
    identities: [m.identities['P-384']],
  })
  // the client shows somebody's certificate, and then is silent
  let proving = false
  const { pair, carry } = operate(client, server, (piece) =>
    piece.from === 'client' && (piece.name === 'certificateVerify' || (piece.name === 'finished' && proving))
      ? []
      : asItIs(piece),
  )
  await settle(pair, { carry })
  proving = true
  pair.server.ask({ kind: 'authenticate' })
  await settle(pair, { carry })
  assert.deepEqual(pair.lost, {})
  assert.equal(pair.server.facts.peerChain, undefined)
  assert.equal(pair.server.facts.verified, undefined)
  pair.server.ask({ kind: 'ticket' })
  await settle(pair, { carry })
  assert.deepEqual(pair.lost, {})
  assert.ok(chains.length > 0)
  assert.ok(chains.every((length) => length === 0))
})
