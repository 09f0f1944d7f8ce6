/**
 * A handshake of our client with our server in memory, in both versions and under every provider that loads here: small
 * enough to run on any runtime, and it ends with status 1 if anything is not as it should be.
 */

import { type Config, defineConfig, TLS12, TLS13, type Version } from '../../src/config.ts'
import { Connection } from '../../src/connection.ts'
import { noble } from '../../src/crypto/noble/index.ts'
import { node } from '../../src/crypto/node/index.ts'
import type { Provider } from '../../src/crypto/provider.ts'
import { makeCertificate, verifier } from '../../src/x509/index.ts'

interface End {
  readonly connection: Connection
  readonly received: string[]
}

/** Turns one end until it waits for the peer. */
async function turn({ connection, received }: End): Promise<void> {
  for (;;) {
    const need = connection.advance()
    if (need.kind === 'take') received.push(new TextDecoder().decode(connection.take()))
    else if (need.kind === 'wait') await need.on
    else return
  }
}

/** Carries what one end has for the other; false when there was nothing. */
function carry(from: End, to: End): boolean {
  const bytes = from.connection.output.take()
  if (bytes.length === 0) return false
  to.connection.receive(bytes)
  return true
}

async function converse(client: End, server: End): Promise<void> {
  do {
    await turn(client)
    await turn(server)
  } while ([carry(client, server), carry(server, client)].includes(true))
}

async function handshake(clientConfig: Config, serverConfig: Config): Promise<string> {
  const client: End = { connection: new Connection('client', clientConfig), received: [] }
  const server: End = { connection: new Connection('server', serverConfig), received: [] }
  await converse(client, server)
  client.connection.write(new TextEncoder().encode('ping'))
  await converse(client, server)
  server.connection.write(new TextEncoder().encode('pong'))
  server.connection.close()
  await converse(client, server)
  client.connection.close()
  await converse(client, server)

  const { facts } = client.connection
  const said = `${server.received} ${client.received}`
  if (said !== 'ping pong') throw new Error(`"ping pong" was to be heard, but it was "${said}"`)
  if (facts.verified?.code !== 0) throw new Error('the server was not verified')
  if (!client.connection.closedByPeer || !server.connection.closedByPeer)
    throw new Error('an end did not hear the other close')
  return `${facts.suite?.name} ${facts.group?.name}`
}

async function configs(version: Version, clients: Provider, servers: Provider): Promise<[Config, Config]> {
  const now = Date.now()
  const caKey = await servers.generate('P-256')
  const key = await servers.generate('P-256')
  const ca = await makeCertificate(
    { subject: { CN: 'CA' }, key: caKey, signer: caKey, ca: true, notBefore: now },
    servers,
  )
  const leaf = await makeCertificate(
    { subject: { CN: 'localhost' }, san: ['localhost'], key, issuer: ca, signer: caKey, notBefore: now },
    servers,
  )
  const common = { versions: [version], verifier: verifier({ anchors: [ca] }), now: () => now + 1000 }
  return [
    defineConfig({ ...common, provider: clients, serverName: 'localhost', peerName: 'localhost' }),
    defineConfig({ ...common, provider: servers, identities: [{ chain: [leaf.raw], key }] }),
  ]
}

const done: string[] = []
for (const [clients, servers] of [
  [node, node],
  [noble, noble],
  [noble, node],
] as const) {
  for (const version of [TLS13, TLS12] as const) {
    const [clientConfig, serverConfig] = await configs(version, clients, servers)
    const what = `TLS 1.${version - 0x0301} ${clients.name}-${servers.name}`
    console.log(`${what}: ${await handshake(clientConfig, serverConfig)}`)
    done.push(what)
  }
}
console.log(`${done.length} handshakes: ${done.join(', ')}`)
