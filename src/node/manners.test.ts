import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect as connectTcp, type Server, type Socket } from 'node:net'
import { type Duplex, pipeline, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { after, describe, test } from 'node:test'
import * as native from 'node:tls'
import { ca, local } from '../../test/streams.ts'
import * as ours from './tls.ts'

/**
 * How streams behave, told once and asked of two libraries: node:tls's sockets and ours. What a row observes must be the
 * same, unless it says what differs and why.
 */

type Library = Pick<typeof native, 'connect' | 'createServer'>
const libraries: readonly (readonly ['node:tls' | 'ours', Library])[] = [
  ['node:tls', native],
  ['ours', ours as unknown as Library],
]

interface Ends {
  readonly client: native.TLSSocket
  readonly server: native.TLSSocket
  /** Under the client. */
  readonly raw: Socket
}

const open: Server[] = []
after(() => {
  for (const server of open) server.close()
})

const connected = async ({ connect, createServer }: Library, options: object = {}): Promise<Ends> => {
  const listener = createServer({ cert: local.cert, key: local.key, ...options })
  open.push(listener)
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  const accepted = once(listener, 'secureConnection') as Promise<[native.TLSSocket]>
  const raw = connectTcp({ port, host: '127.0.0.1', allowHalfOpen: true })
  const client = connect({ socket: raw, servername: 'localhost', ca, ...options })
  await once(client, 'secureConnect')
  const [server] = await accepted
  return { client, server, raw }
}

/** Names of events in the order in which they come, with the codes of errors. */
const watched = (stream: Duplex, ...events: readonly string[]): string[] => {
  const seen: string[] = []
  for (const event of ['end', 'finish', 'close', 'error', ...events])
    stream.on(event, (value?: Error & { code?: string }) =>
      seen.push(event === 'error' ? `error ${value?.code}` : event),
    )
  return seen
}
const closed = async (...streams: readonly Duplex[]): Promise<void> => {
  await Promise.all(streams.map((stream) => stream.closed || new Promise((resolve) => stream.once('close', resolve))))
}
const codeOf = (call: () => unknown): string | undefined => {
  try {
    call()
    return undefined
  } catch (error) {
    return (error as { code?: string }).code
  }
}

interface Row {
  readonly name: string
  readonly options?: object
  readonly observe: (ends: Ends) => Promise<unknown>
  /** What each library shows where they differ, and why that is meant. */
  readonly differs?: { readonly 'node:tls': unknown; readonly ours: unknown; readonly why: string }
}

const rows: readonly Row[] = [
  {
    name: 'data, then the end, then close, on both sides',
    async observe({ client, server }) {
      const [mine, theirs] = [watched(client), watched(server)]
      client.end('question')
      let heard = ''
      server.on('data', (data) => (heard += data))
      client.resume()
      await closed(client, server)
      return [heard, mine.sort(), theirs.sort()]
    },
  },
  {
    name: 'half open where that was asked for',
    options: { allowHalfOpen: true },
    async observe({ client, server }) {
      client.end('question')
      let text = ''
      server.on('data', (data) => (text += data))
      await once(server, 'end')
      const writable = server.writable
      server.end(`answer to ${text}`)
      const answer = await buffer(client)
      await closed(client, server)
      return [writable, answer.toString()]
    },
  },
  {
    name: 'the other side ends as well where it was not',
    async observe({ client, server }) {
      client.end()
      server.resume()
      client.resume()
      await closed(client, server)
      return [server.writableEnded, server.readableEnded, client.readableEnded, server.destroyed]
    },
  },
  {
    name: 'destroy is an end for the other side, and closes once',
    async observe({ client, server }) {
      const [mine, theirs] = [watched(client), watched(server)]
      server.resume()
      client.destroy()
      client.destroy()
      await closed(client, server)
      return [mine, theirs.filter((event) => event !== 'finish')]
    },
  },
  {
    name: 'a transport that is cut',
    async observe({ client, server, raw }) {
      const theirs = watched(server)
      client.on('error', () => {})
      server.resume()
      raw.end()
      await closed(server)
      return theirs.filter((event) => event !== 'finish')
    },
    differs: {
      'node:tls': ['end', 'close'],
      ours: ['error ERR_SSL_UNEXPECTED_EOF_WHILE_READING', 'close'],
      why: 'what was cut off by somebody must not look like what was said to the end',
    },
  },
  {
    name: 'destroy with an error tells it once',
    async observe({ client, server }) {
      server.on('error', () => {}).resume()
      const mine = watched(client)
      client.destroy(Object.assign(new Error('mine'), { code: 'ERR_MINE' }))
      await closed(client, server)
      return mine
    },
  },
  {
    name: 'a write after the end',
    async observe({ client, server }) {
      server.resume()
      client.end('x')
      const failed = once(client, 'error')
      const called = new Promise((resolve) => client.write('y', (error) => resolve((error as { code?: string }).code)))
      return [await called, ((await failed)[0] as { code: string }).code]
    },
  },
  {
    name: 'a write after destroy',
    async observe({ client, server }) {
      server.on('error', () => {}).resume()
      client.destroy()
      const called = new Promise((resolve) => client.write('y', (error) => resolve((error as { code?: string }).code)))
      return [await called, client.writable, client.destroyed]
    },
  },
  {
    name: 'callbacks of writes, in order, and finish after them',
    async observe({ client, server }) {
      const seen: string[] = []
      for (const name of ['a', 'b', 'c']) client.write(name, () => void seen.push(name))
      client.end('d', () => void seen.push('end'))
      const heard = await buffer(server)
      await closed(client.resume())
      return [heard.toString(), seen, client.writableFinished, client.writableLength]
    },
  },
  {
    name: 'no data is lost when destroySoon follows write at once',
    async observe({ client, server }) {
      client.write(Buffer.alloc(100_000, 'x'))
      client.write('y')
      client.destroySoon()
      return (await buffer(server)).length
    },
  },
  {
    name: 'no data is lost when destroy follows a small write at once',
    async observe({ client, server }) {
      client.write('all of it')
      client.destroy()
      return (await buffer(server)).toString()
    },
  },
  {
    name: 'a full buffer says so, and drains',
    async observe({ client, server }) {
      const roomy = client.write('x')
      const full = client.write(Buffer.alloc(1 << 20))
      const needs = client.writableNeedDrain
      server.resume()
      await once(client, 'drain')
      return [roomy, full, needs, client.writableNeedDrain, client.writableLength]
    },
  },
  {
    name: 'corked writes arrive whole',
    async observe({ client, server }) {
      client.cork()
      for (let i = 0; i < 100; i++) client.write(`${i},`)
      const kept = client.writableLength
      client.uncork()
      client.end()
      return [kept, (await buffer(server)).toString()]
    },
  },
  {
    name: 'characters that are cut between records',
    async observe({ client, server }) {
      server.setEncoding('utf8')
      const bytes = Buffer.from('€'.repeat(50))
      let text = ''
      server.on('data', (part: string) => (text += part))
      for (const byte of bytes) await new Promise<void>((resolve) => client.write(Buffer.of(byte), () => resolve()))
      client.end()
      await once(server, 'end')
      return text
    },
  },
  {
    name: 'nothing comes while paused',
    async observe({ client, server }) {
      let heard = 0
      server.on('data', (data: Buffer) => (heard += data.length))
      server.pause()
      await new Promise<void>((resolve) => client.write('wait', () => resolve()))
      await new Promise((resolve) => setTimeout(resolve, 20))
      const before = heard
      server.resume()
      client.end()
      await once(server, 'end')
      return [before, heard]
    },
  },
  {
    name: 'read(n), unshift, and what is left',
    async observe({ client, server }) {
      client.end('abcdef')
      const parts: string[] = []
      await once(server, 'readable')
      const first = server.read(2) as Buffer
      server.unshift(first)
      for (;;) {
        const part = server.read() as Buffer | null
        if (part) parts.push(part.toString())
        else if (server.readableEnded) break
        else await Promise.race([once(server, 'readable'), once(server, 'end')])
      }
      return [first.toString(), parts.join('')]
    },
  },
  {
    name: 'async iteration, and what breaking out of it does',
    async observe({ client, server }) {
      client.write('one')
      const got: string[] = []
      for await (const part of server) {
        got.push(String(part))
        break
      }
      client.on('error', () => {})
      return [got, server.destroyed]
    },
  },
  {
    name: 'pipeline through both',
    async observe({ client, server }) {
      pipeline(server, server, () => {})
      const source = Readable.from([Buffer.alloc(70_000, 'a'), Buffer.alloc(5, 'b')])
      const outcome = new Promise((resolve) => pipeline(source, client, (error) => resolve(error ?? 'whole')))
      const back = await buffer(client)
      return [await outcome, back.length]
    },
  },
  {
    name: 'pipeline with a source that fails',
    async observe({ client, server }) {
      server.on('error', () => {}).resume()
      const source = new Readable({
        read() {
          this.destroy(Object.assign(new Error('source'), { code: 'ERR_SOURCE' }))
        },
      })
      client.on('error', () => {})
      const code = await new Promise((resolve) => pipeline(source, client, (error) => resolve(error?.code)))
      await closed(client)
      return [code, client.destroyed]
    },
  },
  {
    name: 'encodings of strings, and writes of nothing',
    async observe({ client, server }) {
      client.write('616263', 'hex')
      client.write('ü', 'latin1')
      await new Promise<void>((resolve) => client.write('', () => resolve()))
      client.write(new Uint8Array([1, 2]))
      client.end('ZGVm', 'base64')
      return (await buffer(server)).toString('hex')
    },
  },
  {
    name: 'what cannot be written',
    async observe({ client, server }) {
      server.resume()
      return [null, {}, 5].map((value) => codeOf(() => client.write(value as any)))
    },
  },
  {
    name: 'setTimeout tells of silence, and is asked again',
    async observe({ client, server }) {
      server.resume()
      const same = client.setTimeout(30) === client
      const { timeout } = client
      await once(client, 'timeout')
      client.write('x')
      await once(client, 'timeout')
      client.setTimeout(0)
      return [same, timeout, client.destroyed, client.timeout]
    },
  },
  {
    name: 'state along the way',
    async observe({ client, server }) {
      const states = [client.readyState, client.connecting, client.encrypted]
      server.resume()
      client.end()
      await once(client, 'finish')
      states.push(client.readyState)
      client.resume()
      await closed(client)
      return [...states, client.readyState, client.destroyed, client.writable, client.readable]
    },
  },
]

describe('manners of streams', () => {
  for (const { name, options, observe, differs } of rows)
    test(differs ? `${name} (differs: ${differs.why})` : name, async () => {
      const seen = new Map<string, unknown>()
      for (const [library, functions] of libraries) {
        const ends = await connected(functions, options)
        try {
          seen.set(library, await observe(ends))
        } finally {
          for (const end of [ends.client, ends.server, ends.raw]) end.on('error', () => {}).destroy()
        }
      }
      if (!differs) return assert.deepEqual(seen.get('ours'), seen.get('node:tls'))
      for (const [library] of libraries) assert.deepEqual(seen.get(library), differs[library], library)
    })
})
