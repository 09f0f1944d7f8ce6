/**
 * Our streams under what Node programs use already: each seam is tried against a stock server and, where it applies, against
 * ours; those on the server's side with stock clients.
 *
 *   npm run demo:seams
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import * as http from 'node:http'
import * as http2 from 'node:http2'
import * as https from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import type { Duplex } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import * as undici from 'undici'
import { WebSocket, WebSocketServer } from 'ws'
import { connect, createServer, type SecureStream } from '../../src/node/index.ts'
import { Authority } from '../authority.ts'

const { ca, ...authority } = await (async () => {
  const made = await Authority.make('seams')
  return { ca: made.ca, leaf: await made.leaf(['localhost']) }
})()
const { cert, key } = authority.leaf

/** More than a few records, and more than any high-water mark. */
const BODY = Buffer.alloc(300_000, 'what goes there comes back. ')

// ---- what answers: the same listeners on stock servers and on ours

const answer = (request: http.IncomingMessage, response: http.ServerResponse): void => {
  const { encrypted } = request.socket as unknown as SecureStream
  response.setHeader('x-encrypted', String(encrypted))
  request.pipe(response)
}
const answer2 = (request: http2.Http2ServerRequest, response: http2.Http2ServerResponse): void => {
  request.pipe(response)
}

interface Target {
  readonly name: string
  readonly port: number
}

const closing: (() => void)[] = []
const listening = async (name: string, server: Server): Promise<Target> => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => server.close())
  return { name, port: (server.address() as AddressInfo).port }
}
const socketsOn = (server: http.Server): http.Server => {
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })))
  return server
}
/** `http.Server#emit('connection')`: an HTTP server that never listened is given streams of ours. */
const ourHttp = (server: http.Server): Server =>
  createServer({ cert, key, ALPNProtocols: ['http/1.1'] }, (stream) => void server.emit('connection', stream))
/** The same for HTTP/2. */
const ourHttp2 = (): Server => {
  const server = http2.createServer(answer2)
  return createServer({ cert, key, ALPNProtocols: ['h2'] }, (stream) => void server.emit('connection', stream))
}

const stock = await listening('stock server', socketsOn(https.createServer({ cert, key }, answer)))
const ours = await listening('our server', ourHttp(socketsOn(http.createServer(answer))))
const stock2 = await listening('stock server', http2.createSecureServer({ cert, key }, answer2))
const ours2 = await listening('our server', ourHttp2())

// ---- our streams, as each seam wants them

const dial = (port: number, protocols = ['http/1.1']): Promise<SecureStream> =>
  connect({ host: '127.0.0.1', port, servername: 'localhost', ca, ALPNProtocols: protocols })

type Created = (error: Error | null, stream?: Duplex) => void
const createConnection = (port: number) => (_options: unknown, created: Created) => {
  dial(port).then(
    (stream) => created(null, stream),
    (error: Error) => created(error),
  )
  return undefined
}
const connector =
  (port: number): undici.buildConnector.connector =>
  (_options, created) => {
    dial(port).then(
      (stream) => created(null, stream as never),
      (error: Error) => created(error, null),
    )
  }

/** Sends the body and checks that it came back, over TLS. */
const exchange = async (request: http.ClientRequest): Promise<http.IncomingMessage> => {
  request.end(BODY)
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  assert.equal(response.statusCode, 200)
  assert.equal(response.headers['x-encrypted'], 'true')
  assert.ok((await buffer(response)).equals(BODY), 'the body is not what was sent')
  return response
}

class OurAgent extends https.Agent {
  made = 0
  readonly #port: number
  constructor(port: number) {
    super({ keepAlive: true, maxSockets: 1 })
    this.#port = port
  }
  override createConnection(options: unknown, created?: (error: Error | null, stream: Duplex) => void): undefined {
    this.made++
    return createConnection(this.#port)(options, created as Created)
  }
}

const fetched = async (response: { status: number; bytes(): Promise<Uint8Array> } | Response): Promise<void> => {
  assert.equal(response.status, 200)
  assert.ok(Buffer.from(await (response as Response).arrayBuffer()).equals(BODY))
}

const url = (port: number): string => `https://localhost:${port}/`
const post = { method: 'POST', path: '/' }

const overHttp2 = async (session: http2.ClientHttp2Session): Promise<void> => {
  for (let times = 0; times < 2; times++) {
    const stream = session.request({ ':method': 'POST', ':path': '/' })
    stream.end(BODY)
    const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders]
    assert.equal(headers[':status'], 200)
    assert.ok((await buffer(stream)).equals(BODY))
  }
  session.close()
}

interface Seam {
  readonly name: string
  readonly targets: readonly Target[]
  readonly run: (port: number) => Promise<unknown>
}

const seams: readonly Seam[] = [
  {
    name: 'https.request({ createConnection })',
    targets: [stock, ours],
    run: (port) => exchange(https.request({ ...post, port, createConnection: createConnection(port) as never })),
  },
  {
    name: 'https.Agent with keep-alive',
    targets: [stock, ours],
    async run(port) {
      const agent = new OurAgent(port)
      for (let times = 0; times < 3; times++) await exchange(https.request({ ...post, port, agent }))
      assert.equal(agent.made, 1, `${agent.made} connections for 3 requests`)
      agent.destroy()
    },
  },
  {
    name: 'http.request({ createConnection })',
    targets: [stock, ours],
    run: (port) => exchange(http.request({ ...post, port, createConnection: createConnection(port) as never })),
  },
  {
    name: 'http2.connect({ createConnection })',
    targets: [stock2, ours2],
    async run(port) {
      const stream = await dial(port, ['h2'])
      assert.equal(stream.alpnProtocol, 'h2')
      await overHttp2(http2.connect(url(port), { createConnection: () => stream }))
    },
  },
  {
    name: 'undici Client',
    targets: [stock, ours],
    async run(port) {
      const client = new undici.Client(url(port), { connect: connector(port) })
      for (let times = 0; times < 2; times++) {
        const { statusCode, body } = await client.request({ ...post, method: 'POST', body: BODY })
        assert.equal(statusCode, 200)
        assert.ok(Buffer.from(await body.arrayBuffer()).equals(BODY))
      }
      await client.close()
    },
  },
  {
    name: 'undici Agent',
    targets: [stock, ours],
    async run(port) {
      const agent = new undici.Agent({ connect: connector(port) })
      const { statusCode, body } = await undici.request(url(port), { dispatcher: agent, method: 'POST', body: BODY })
      assert.equal(statusCode, 200)
      assert.ok(Buffer.from(await body.arrayBuffer()).equals(BODY))
      await agent.close()
    },
  },
  {
    name: 'undici.fetch',
    targets: [stock, ours],
    async run(port) {
      const dispatcher = new undici.Agent({ connect: connector(port) })
      await fetched((await undici.fetch(url(port), { dispatcher, method: 'POST', body: BODY })) as never)
      await dispatcher.close()
    },
  },
  {
    name: 'global fetch with a dispatcher',
    targets: [stock, ours],
    async run(port) {
      const dispatcher = new undici.Agent({ connect: connector(port) })
      await fetched(await fetch(url(port), { dispatcher, method: 'POST', body: BODY } as never))
      await dispatcher.close()
    },
  },
  {
    name: 'ws',
    targets: [stock, ours],
    async run(port) {
      const socket = new WebSocket(`wss://localhost:${port}/`, { createConnection: createConnection(port) as never })
      await once(socket, 'open')
      socket.send(BODY)
      const [data] = (await once(socket, 'message')) as [Buffer]
      assert.ok(data.equals(BODY))
      socket.close()
      await once(socket, 'close')
    },
  },
  {
    name: "http.Server#emit('connection')",
    targets: [{ ...ours, name: 'stock clients' }],
    async run(port) {
      await exchange(https.request({ ...post, port, host: '127.0.0.1', servername: 'localhost', ca, agent: false }))
      const dispatcher = new undici.Agent({ connect: { ca, servername: 'localhost' } })
      await fetched(
        (await undici.fetch(`https://127.0.0.1:${port}/`, { dispatcher, method: 'POST', body: BODY })) as never,
      )
      await dispatcher.close()
      const socket = new WebSocket(`wss://127.0.0.1:${port}/`, { ca, servername: 'localhost' } as object)
      await once(socket, 'open')
      socket.send('{"over":"ours"}')
      const [data] = (await once(socket, 'message')) as [Buffer]
      assert.equal(String(data), '{"over":"ours"}')
      socket.close()
    },
  },
  {
    name: 'HTTP/2 server',
    targets: [{ ...ours2, name: 'stock clients' }],
    async run(port) {
      await overHttp2(http2.connect(`https://127.0.0.1:${port}`, { ca, servername: 'localhost' }))
      const dispatcher = new undici.Agent({ allowH2: true, connect: { ca, servername: 'localhost' } })
      await fetched(
        (await undici.fetch(`https://127.0.0.1:${port}/`, { dispatcher, method: 'POST', body: BODY })) as never,
      )
      await dispatcher.close()
    },
  },
]

const PATIENCE = 20_000
/** What was wrong, or nothing. */
const trial = async ({ run }: Seam, { port }: Target): Promise<string | undefined> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not done in ${PATIENCE / 1000} s`)), PATIENCE)
  })
  try {
    await Promise.race([run(port), late])
    return undefined
  } catch (error) {
    return error instanceof Error ? `${error.message}${error.cause ? ` (${error.cause})` : ''}` : String(error)
  } finally {
    clearTimeout(timer)
  }
}

let whole = 0
for (const seam of seams) {
  const results: string[] = []
  let good = true
  for (const target of seam.targets) {
    const fault = await trial(seam, target)
    good &&= fault === undefined
    results.push(`${target.name}: ${fault ?? 'ok'}`)
  }
  if (good) whole++
  console.log(`${good ? 'ok  ' : 'FAIL'} ${seam.name.padEnd(38)} ${results.join(', ')}`)
}
for (const close of closing) close()
console.log(`seams: ${whole} of ${seams.length}`)
process.exit(whole === seams.length ? 0 : 1)
