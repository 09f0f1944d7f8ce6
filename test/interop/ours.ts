import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, connect as dial, type Socket } from 'node:net'
import { node } from '../../src/crypto/node/index.ts'
import {
  type Config,
  Connection,
  defineConfig,
  groups,
  type Identity,
  memoryTickets,
  type NamedGroup,
  type Need,
  type Session,
  type SessionStore,
  suites,
  TLS12,
  TLS13,
} from '../../src/index.ts'
import { loadCertificates, loadPrivateKey, slashed, verifier } from '../../src/x509/index.ts'
import type { Group, Kind, Materials, Part, Peer, Settings, Transcript } from './contract.ts'
import { connections } from './contract.ts'
import { groupNamed, groupOf } from './suites.ts'
import { type Stream, talkAsClient, talkAsServer } from './talk.ts'

/** Our own end: the engine over a socket of Node's. */
export const ours = (materials: Materials): Peer => ({
  name: 'typetls',
  find: async () => 'this tree',
  cannot: () => undefined,
  style: () => 'echo',

  async serve(s, style) {
    const seen: Promise<Transcript>[] = []
    let arrived = (): void => {}
    const config = await settingsToConfig(s, 'server', materials)
    const listener = createServer((socket) => {
      const answer = async (link: Link): Promise<Transcript> => {
        const bytes = await talkAsServer(link, s, style)
        return { ...facts(link), bytes, clean: link.connection.closedByPeer }
      }
      const outcome = converse(socket, 'server', config, answer)
      outcome.catch(() => {}) // told by `next`
      seen.push(outcome)
      arrived()
    })
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    return {
      port: (listener.address() as { port: number }).port,
      async next() {
        while (seen.length === 0)
          await new Promise<void>((resolve) => {
            arrived = resolve
          })
        return seen.shift()!
      },
      async close() {
        listener.close()
      },
    }
  },

  async connect(s, style, port) {
    let session: Session | undefined
    let seen: Transcript = {}
    const talk = async (link: Link): Promise<Transcript> => {
      const bytes = await talkAsClient(link, s, style, materials.payload(s.bytes).bytes)
      return { ...facts(link), bytes, clean: link.connection.closedByPeer }
    }
    for (let i = 0; i < connections(s); i++) {
      const keep = (made: Session): void => {
        session = made
      }
      const config = await settingsToConfig(s, 'client', materials, {
        onSession: keep,
        ...(session ? { session } : {}),
      })
      seen = await converse(dial(port, '127.0.0.1'), 'client', config, talk)
    }
    return seen
  },
})

const settingsToConfig = async (
  s: Settings,
  part: Part,
  materials: Materials,
  more: Partial<Config> = {},
): Promise<Config> => {
  const kind = part === 'server' ? s.certificate : s.clientCertificate
  const named = part === 'server' ? s.serverGroups : s.clientGroups
  return defineConfig({
    provider: node,
    verifier: verifier({ anchors: loadCertificates(readFileSync(materials.ca)) }),
    versions: [s.version === '1.3' ? TLS13 : TLS12],
    identities: kind ? [await identity(materials, kind)] : [],
    ...(s.suite ? { suites: suites.filter((suite) => suite.name === s.suite) } : {}),
    ...(named ? { groups: named.map(ourGroup) } : {}),
    ...(s.alpn ? { alpn: part === 'server' ? [s.alpn] : ['typetls/0', s.alpn] } : {}),
    ...(s.encryptThenMac === undefined ? {} : { encryptThenMac: s.encryptThenMac }),
    ...(s.resume === 'ticket' ? { tickets: memoryTickets(node) } : {}),
    ...(s.resume === 'id' && part === 'server' ? { sessions: memory() } : {}),
    ...(part === 'client' ? { serverName: 'localhost', peerName: 'localhost' } : {}),
    ...(part === 'server' && s.clientCertificate ? { clientAuth: 'require' } : {}),
    ...more,
  })
}

const identity = async (materials: Materials, kind: Kind): Promise<Identity> => {
  const { certificate, key } = materials.leaf(kind)
  const chain = loadCertificates(readFileSync(certificate)).map((c) => c.raw)
  return { chain, key: await loadPrivateKey(readFileSync(key), node) }
}

const ourGroup = (name: Group): NamedGroup => groups.find((group) => group.id === groupNamed(name).code)!

const memory = (): SessionStore => {
  const kept = new Map<string, Session>()
  return {
    get: (id) => kept.get(id),
    put: (id, session) => void kept.set(id, session),
    remove: (id) => void kept.delete(id),
  }
}

const facts = ({ connection, keyUpdates }: Link): Transcript => {
  const { version, suite, group, alpn, resumed, retried, encryptThenMac, peerChain } = connection.facts
  return {
    version: version === TLS13 ? '1.3' : '1.2',
    suite: suite!.name,
    resumed,
    retried,
    keyUpdates,
    encryptThenMac: encryptThenMac ?? false,
    ...(group ? { group: groupOf(group.id)! } : {}),
    ...(alpn ? { alpn } : {}),
    ...(peerChain?.[0] ? { peerCertificate: slashed(peerChain[0].subject).slice('/CN='.length) as Kind } : {}),
  }
}

/** A handshake over this socket, then the talk; the socket is gone afterwards, whatever came of it. */
const converse = async (
  socket: Socket,
  part: Part,
  config: Config,
  talk: (link: Link) => Promise<Transcript>,
): Promise<Transcript> => {
  const link = new Link(socket, part, config)
  try {
    await link.handshake()
    const seen = await talk(link)
    socket.end()
    return seen
  } catch (error) {
    socket.destroySoon()
    throw error
  }
}

/** A connection and its socket. */
class Link implements Stream {
  readonly connection: Connection
  keyUpdates = 0
  readonly #socket: Socket
  #wake = (): void => {}

  constructor(socket: Socket, part: Part, config: Config) {
    this.connection = new Connection(part, {
      ...config,
      trace: (e) => {
        if (e.event === 'message' && e.way === 'in' && e.name === 'keyUpdate') this.keyUpdates++
      },
    })
    this.#socket = socket
    const ended = (): void => {
      this.connection.end()
      this.#wake()
    }
    socket.setNoDelay(true)
    socket.on('data', (bytes) => {
      this.connection.receive(bytes)
      this.#wake()
    })
    socket.on('end', ended).on('error', ended).on('close', ended)
  }

  async handshake(): Promise<void> {
    await this.#until((need) => this.connection.established || need.kind === 'closed')
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.connection.write(bytes)
    await this.#flush()
  }

  async read(): Promise<Uint8Array | undefined> {
    const need = await this.#until(({ kind }) => kind === 'take' || kind === 'closed')
    return need.kind === 'take' ? this.connection.take()!.slice() : undefined
  }

  updateKeys(): void {
    this.connection.ask({ kind: 'keyUpdate', requestUpdate: true })
    this.connection.advance()
    void this.#flush()
  }

  async close(): Promise<void> {
    this.connection.close()
    await this.#flush()
  }

  /** Advances, sends what there is to send and waits for what is missing, until the test is passed. */
  async #until(reached: (need: Need) => boolean): Promise<Need> {
    for (;;) {
      const more = new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      try {
        const need = this.connection.advance()
        if (reached(need)) return need
        void this.#flush()
        await (need.kind === 'wait' ? need.on : more)
      } finally {
        void this.#flush()
      }
    }
  }

  async #flush(): Promise<void> {
    await this.connection.settling
    let room = true
    for (let bytes = this.connection.output.take(); bytes.length > 0; bytes = this.connection.output.take())
      room = this.#socket.write(bytes)
    if (!room && !this.#socket.destroyed) await Promise.race([once(this.#socket, 'drain'), once(this.#socket, 'close')])
  }
}
