import { type Config, type ConfigInput, defineConfig, TLS12 } from '../../../src/config.ts'
import { groups } from '../../../src/crypto/groups.ts'
import { writePkcs8 } from '../../../src/crypto/keys-der.ts'
import { node } from '../../../src/crypto/node/index.ts'
import type { Group, PrivateKey, Provider } from '../../../src/crypto/provider.ts'
import { suites } from '../../../src/crypto/suites.ts'
import type { Session } from '../../../src/session/session.ts'
import { memoryTickets } from '../../../src/session/tickets.ts'
import { runSync, wait } from '../../../src/task.ts'
import { makeCertificate } from '../../../src/x509/make.ts'
import { verifier } from '../../../src/x509/path.ts'
import { lateProvider } from '../../late.ts'
import { NOW, seeded } from '../../materials.ts'
import { makePair, settle } from '../../pair.ts'

// ends whose every byte is the same in every run, so that an input does the same again

const key = (fill: number): PrivateKey =>
  runSync(wait(node.privateKey(writePkcs8('ed25519', new Uint8Array(32).fill(fill)))))
const DAY = 86_400_000
const usual = { notBefore: NOW - 10 * DAY, notAfter: NOW + 10 * DAY, serial: Uint8Array.of(0x55, 1) }
const [rootKey, leafKey] = [key(1), key(2)]
const root = runSync(
  wait(makeCertificate({ ...usual, subject: { CN: 'Fuzz' }, key: rootKey, signer: rootKey, ca: true }, node)),
)
const leaf = runSync(
  wait(
    makeCertificate(
      { ...usual, subject: { CN: 'leaf' }, san: ['localhost'], key: leafKey, issuer: root, signer: rootKey },
      node,
    ),
  ),
)
/** Who has issued everything here, and what. */
export const authority = { root, key: rootKey, leaf }
const identity = { chain: [leaf.raw], key: leafKey }

/** A provider that draws the same numbers each time. */
const fixed = (): Provider => {
  const random = seeded('fuzz')
  const group = (made: Group | undefined): Group | undefined =>
    made && {
      start: (secret) => made.start(secret ?? scalar(random(32))),
      answer: (share, secret) => made.answer(share, secret ?? scalar(random(32))),
    }
  return { ...node, random, group: (name) => group(node.group(name)) }
}
/** Below the order of P-256, whatever was drawn. */
const scalar = (bytes: Uint8Array): Uint8Array => {
  bytes[0] = 1
  return bytes
}

type Part = Partial<Omit<ConfigInput, 'provider' | 'verifier'>>

/** One kind of conversation. */
export interface Kind {
  readonly name: string
  readonly client?: Part
  readonly server?: Part
  /** It resumes a session of the same kind. */
  readonly again?: boolean
}

const psk = { identity: Uint8Array.of(7), secret: new Uint8Array(32).fill(7), hash: 'sha256', suite: 0x1301 } as const
const only = (name: string): Part => ({ groups: groups.filter((group) => group.name === name) })
const t12: Part = { versions: [TLS12] }
const mutual: Pick<Kind, 'client' | 'server'> = {
  client: { identities: [identity], postHandshakeAuth: true, alpn: ['h2', 'a'], ocsp: true, scts: true },
  server: { clientAuth: 'require', alpn: ['a'] },
}
const cbc = suites.filter(({ cipher, agreement }) => cipher === 'aes-128-cbc' && agreement === 'ecdhe')
const byKey = suites.filter(({ id }) => id === 0x00a8 || id === 0xd001)

export const kinds: readonly Kind[] = [
  { name: '1.3' },
  { name: '1.3 both certificates', ...mutual },
  { name: '1.3 retried', server: { ...only('secp256r1'), cookie: () => Uint8Array.of(1, 2, 3) } },
  { name: '1.3 resumed', again: true },
  { name: '1.3 early data', client: { earlyData: 1 }, server: { earlyData: 1000 }, again: true },
  { name: '1.3 key agreed elsewhere', client: { psk: () => psk }, server: { findPsk: () => psk } },
  {
    name: '1.3 small records',
    client: { recordSizeLimit: 200, postHandshakeAuth: true, identities: [identity] },
    server: { recordSizeLimit: 100, coalesce: false },
  },
  { name: '1.2', client: t12 },
  {
    name: '1.2 both certificates',
    client: { ...mutual.client, ...t12 },
    ...(mutual.server && { server: mutual.server }),
  },
  { name: '1.2 resumed', client: t12, again: true },
  { name: '1.2 CBC', client: { ...t12, suites: cbc }, server: { suites: cbc } },
  {
    name: '1.2 CBC, MAC first',
    client: { ...t12, suites: cbc, encryptThenMac: false },
    server: { suites: cbc, encryptThenMac: false },
  },
  {
    name: '1.2 key agreed elsewhere',
    client: { ...t12, suites: byKey, psk: () => psk },
    server: { suites: byKey, findPsk: () => psk },
  },
  { name: 'a client of 1.3, a server of 1.2', server: t12 },
]

const sessions = new Map<string, Session>()

/** The configs of both ends. The server is new each time, and gives and takes the same tickets. */
export const configsOf = async (kind: Kind, late = false): Promise<{ client: Config; server: Config }> => {
  const made = configs(kind, late)
  if (!kind.again) return made
  let session = sessions.get(kind.name)
  if (!session) {
    const { client, server } = configs(kind, false)
    const pair = makePair({ ...client, onSession: (fresh) => (session = fresh) }, server)
    await settle(pair)
    if (!session) throw new Error(`${kind.name} gives no session`, { cause: pair.lost })
    sessions.set(kind.name, session)
  }
  return { ...made, client: { ...made.client, session } }
}

const configs = (kind: Kind, late: boolean): { client: Config; server: Config } => {
  const end = (part: Part): Config => {
    const provider = fixed()
    return defineConfig({
      provider: late ? lateProvider(provider) : provider,
      verifier: verifier({ anchors: [root] }),
      now: () => NOW,
      ...part,
    })
  }
  const fresh = seeded('tickets')
  return {
    client: end({ serverName: 'localhost', peerName: 'localhost', tickets: memoryTickets(node), ...kind.client }),
    server: end({
      identities: [identity],
      tickets: { ...memoryTickets({ ...node, random: fresh }, () => NOW), once: () => true },
      ...kind.server,
    }),
  }
}

/** A session of each version. */
export const someSessions = async (): Promise<readonly Session[]> => {
  for (const kind of kinds) if (kind.again) await configsOf(kind)
  return [...sessions.values()]
}
