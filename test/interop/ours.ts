import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { constants } from 'node:crypto'
import tls from 'node:tls'
import type { Kind, Materials, Peer, Server, Settings, Style, Transcript } from './contract.ts'
import { connections } from './contract.ts'
import { groupNamed, suiteNamed } from './suites.ts'
import { type Stream, talkAsClient, talkAsServer } from './talk.ts'

/** Stand-in. */
export const ours = (materials: Materials): Peer => ({
  name: 'typetls',
  find: async () => process.version,
  style: () => 'echo',
  cannot(s, part) {
    if (s.keyUpdate === part) return 'standin'
    if (s.resume === 'id' && part === 'client') return undefined
    return undefined
  },
  async serve(s, style) {
    const reports: Promise<Transcript>[] = []
    const waiting: ((t: Promise<Transcript>) => void)[] = []
    const report = (t: Promise<Transcript>): void => {
      t.catch(() => {})
      const next = waiting.shift()
      if (next) next(t)
      else reports.push(t)
    }
    const server = tls.createServer({
      ...common(materials, s, s.certificate, s.serverGroups?.map((g) => groupNamed(g).openssl)),
      ...(s.clientCertificate ? { requestCert: true, rejectUnauthorized: true, ca: readFileSync(materials.ca) } : {}),
      ...(s.alpn ? { ALPNProtocols: [s.alpn] } : {}),
    })
    server.on('secureConnection', (socket) =>
      report(
        (async () => {
          const stream = streamOf(socket)
          const t = { ...hidden(s), ...transcript(socket, s) }
          const bytes = await talkAsServer(stream, s, style)
          return { ...t, bytes, clean: true }
        })(),
      ),
    )
    const sessions = new Map<string, Buffer>()
    server.on('newSession', (key: Buffer, data: Buffer, done: () => void) => {
      sessions.set(key.toString('hex'), data)
      done()
    })
    server.on('resumeSession', (key: Buffer, done: (e: null, d: Buffer | null) => void) =>
      done(null, sessions.get(key.toString('hex')) ?? null),
    )
    server.on('tlsClientError', (error) => report(Promise.reject(error)))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return {
      port: (server.address() as { port: number }).port,
      next: async () => reports.shift() ?? new Promise((resolve) => waiting.push(resolve)),
      close: async () => {
        server.close()
      },
    } satisfies Server
  },
  async connect(s, style, port) {
    let session: Buffer | undefined
    let last: Transcript = {}
    for (let i = 0; i < connections(s); i++) {
      const socket = tls.connect({
        port,
        host: '127.0.0.1',
        servername: 'localhost',
        ca: readFileSync(materials.ca),
        ...common(materials, s, s.clientCertificate, s.clientGroups?.map((g) => groupNamed(g).openssl)),
        ...(s.alpn ? { ALPNProtocols: ['typetls/0', s.alpn] } : {}),
        ...(session ? { session } : {}),
      })
      socket.on('session', (x: Buffer) => (session = x))
      await once(socket, 'secureConnect')
      const t = { ...hidden(s), ...transcript(socket, s) }
      const bytes = await talkAsClient(streamOf(socket), s, style, materials.payload(s.bytes).bytes)
      last = { ...t, bytes, clean: true }
    }
    return last
  },
})

const common = (m: Materials, s: Settings, kind: Kind | undefined, groups: string[] | undefined): tls.SecureContextOptions => ({
  minVersion: `TLSv${s.version}`,
  maxVersion: `TLSv${s.version}`,
  ...(kind ? { cert: readFileSync(m.leaf(kind).certificate), key: readFileSync(m.leaf(kind).key) } : {}),
  ...(s.suite ? { ciphers: suiteNamed(s.suite).openssl } : {}),
  ...(groups ? { ecdhCurve: groups.join(':') } : {}),
  secureOptions: (s.encryptThenMac === false ? 1 << 19 : 0) | (s.resume === 'id' ? constants.SSL_OP_NO_TICKET : 0),
})

const transcript = (socket: tls.TLSSocket, s: Settings): Transcript => ({
  version: socket.getProtocol()!.slice(4) as '1.3',
  suite: suiteNamed(socket.getCipher().name).name,
  resumed: socket.isSessionReused(),
  ...(s.alpn ? { alpn: String(socket.alpnProtocol) } : {}),
  ...(socket.getPeerCertificate().subject ? { peerCertificate: socket.getPeerCertificate().subject.CN as Kind } : {}),
})

const hidden = (s: Settings): Transcript => ({
  ...(s.encryptThenMac === undefined ? {} : { encryptThenMac: s.encryptThenMac }),
  ...(s.serverGroups ? { group: s.serverGroups[0]!, retried: s.serverGroups[0] !== s.clientGroups![0] } : {}),
  keyUpdates: 1,
})

const streamOf = (socket: tls.TLSSocket): Stream => {
  const chunks: Uint8Array[] = []
  let wake = (): void => {}
  let ended = false
  let failed: Error | undefined
  socket.on('data', (d: Buffer) => (chunks.push(d), wake()))
  socket.on('end', () => ((ended = true), wake()))
  socket.on('error', (e) => ((failed = e), wake()))
  return {
    async write(bytes) {
      if (!socket.write(bytes)) await once(socket, 'drain')
    },
    async read() {
      for (;;) {
        const chunk = chunks.shift()
        if (chunk) return chunk
        if (failed) throw failed
        if (ended) return undefined
        await new Promise<void>((resolve) => (wake = resolve))
      }
    },
    updateKeys() {
      throw new Error('no key updates')
    },
    async close() {
      socket.end()
    },
  }
}
