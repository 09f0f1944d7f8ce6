import { concat } from '../src/bytes/compare.ts'
import type { ConfigInput } from '../src/config.ts'
import { defineConfig, TLS12, TLS13 } from '../src/config.ts'
import { groups } from '../src/crypto/groups.ts'
import { node } from '../src/crypto/node/index.ts'
import { suites } from '../src/crypto/suites.ts'
import { type MessageName, messages } from '../src/messages/table.ts'
import type { Session } from '../src/session/session.ts'
import { memoryTickets } from '../src/session/tickets.ts'
import { verifier } from '../src/x509/path.ts'
import { type Materials, materials, NOW } from './materials.ts'
import { makePair, settle } from './pair.ts'

/** A message as an end sent it: its body, without the header. */
export interface Sent {
  readonly handshake: string
  readonly name: MessageName
  readonly bytes: Uint8Array
}

type Part = Partial<Omit<ConfigInput, 'provider' | 'verifier'>>
interface Kind {
  readonly name: string
  readonly client: (m: Materials) => Part
  readonly server?: (m: Materials) => Part
  /** The first handshake's session is taken along into a second one. */
  readonly again?: boolean
}

const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 7) & 255)
const stapled = (m: Materials): Part => {
  const { chain, key } = m.identities['P-256']
  return {
    identities: [
      { chain: [...chain, m.root.raw], key, ocsp: bytes(90), scts: concat(Uint8Array.of(0, 62, 0, 60), bytes(60)) },
    ],
  }
}
const asking: Part = { ocsp: true, scts: true, alpn: ['h2', 'http/1.1'], recordSizeLimit: 4096, keyShares: 2 }
const only = (group: string): Part => ({ groups: groups.filter(({ name }) => name === group) })

const psk = { identity: bytes(9), secret: bytes(16), hash: 'sha256' } as const

const kinds: readonly Kind[] = [
  {
    name: '1.3 with everything',
    client: (m) => ({
      ...asking,
      identities: [m.identities.ed25519],
      authorities: [m.root.raw.subarray(0, 40)],
      postHandshakeAuth: true,
    }),
    server: (m) => ({
      ...stapled(m),
      alpn: ['http/1.1'],
      clientAuth: 'require',
      authorities: [m.root.raw.subarray(0, 30)],
      recordSizeLimit: 8000,
    }),
    again: true,
  },
  {
    name: '1.3 retried',
    client: () => ({ postHandshakeAuth: true }),
    server: () => ({ ...only('secp384r1'), cookie: () => bytes(50), clientAuth: 'request' }),
  },
  {
    name: '1.2 with everything',
    client: (m) => ({
      ...asking,
      maxFragmentLength: 1024,
      versions: [TLS12],
      suites,
      identities: [m.identities['P-384']],
      fallback: false,
    }),
    server: (m) => ({ ...stapled(m), alpn: ['h2'], clientAuth: 'require', authorities: [m.root.raw.subarray(0, 30)] }),
    again: true,
  },
  {
    name: '1.2 static RSA',
    client: () => ({
      versions: [TLS12],
      suites: suites.filter(({ agreement, mac }) => agreement === 'rsa' && mac === 'sha1'),
    }),
    server: (m) => ({ suites, identities: [m.identities['rsa-2048']] }),
  },
  ...(['psk', 'ecdhe_psk'] as const).map((agreement) => ({
    name: `1.2 ${agreement}`,
    client: () => ({
      versions: [TLS12] as const,
      suites: suites.filter((suite) => suite.agreement === agreement),
      psk: () => psk,
    }),
    server: () => ({ suites, findPsk: () => psk, pskHint: bytes(20) }),
  })),
]

const run = async (kind: Kind): Promise<readonly Sent[]> => {
  const m = await materials()
  const sent: Sent[] = []
  let session: Session | undefined
  const common: Part = {
    now: () => NOW,
    trace: (event) => {
      if (event.event === 'message' && event.way === 'out')
        sent.push({ handshake: kind.name, name: event.name as MessageName, bytes: event.raw.slice(4) })
    },
  }
  const end = { provider: node, verifier: verifier({ anchors: [m.root] }) }
  const tickets = memoryTickets(node, () => NOW)
  for (const offered of kind.again ? [false, true] : [false]) {
    const client = defineConfig({
      ...end,
      ...common,
      serverName: 'localhost',
      peerName: 'localhost',
      tickets,
      ...kind.client(m),
      onSession: (made) => (session = made),
      ...(offered && session && { session }),
    })
    const server = defineConfig({
      ...end,
      ...common,
      identities: [m.identities['P-256']],
      tickets,
      ...kind.server?.(m),
    })
    const pair = makePair(client, server)
    await settle(pair)
    if (pair.client.facts.version === TLS13) {
      pair.client.ask({ kind: 'keyUpdate', requestUpdate: true })
      if (pair.server.facts.postHandshakeAuth) pair.server.ask({ kind: 'authenticate' })
      await settle(pair)
    }
    const { lost } = pair
    if (lost.client || lost.server || !pair.client.established)
      throw new Error(`${kind.name} fails`, { cause: lost.client ?? lost.server })
    if (offered !== pair.client.facts.resumed) throw new Error(`${kind.name}: resumed is ${pair.client.facts.resumed}`)
  }
  return sent
}

/** Every message of some handshakes that have as much in them as there can be; and those that no end of ours sends. */
export const sentMessages = async (): Promise<readonly Sent[]> => {
  const sent: Sent[] = [
    { handshake: 'none', name: 'helloRequest', bytes: new Uint8Array(0) },
    { handshake: 'none', name: 'endOfEarlyData', bytes: new Uint8Array(0) },
  ]
  for (const kind of kinds) sent.push(...(await run(kind)))
  const missing = Object.keys(messages).filter((name) => !sent.some((message) => message.name === name))
  if (missing.length > 0) throw new Error(`none of the handshakes sends ${missing}`)
  return sent
}
