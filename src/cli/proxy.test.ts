import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { type AddressInfo, connect as connectTcp, createServer, type Server, type Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { type Files, makeFiles, type Running, typetls } from '../../test/cli.ts'
import { connect } from '../node/client.ts'
import { memoryCache, type SessionCache } from '../session/cache.ts'
import { makeIdentity } from './identity.ts'
import { safeRequest } from './proxy-early.ts'
import { readProxyHeader } from './proxy-protocol.ts'
import { type ProxyOptions, proxySettings } from './proxy-settings.ts'

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** A backend that tells what it heard, and answers as it is told. */
interface Backend {
  readonly place: string
  readonly heard: string[]
  readonly server: Server
}
const backend = async (answer: (socket: Socket) => void): Promise<Backend> => {
  const heard: string[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const at = heard.push('') - 1
    socket.on('data', (data) => {
      heard[at] += data.toString('latin1')
    })
    socket.on('error', () => {})
    answer(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { place: `127.0.0.1:${(server.address() as AddressInfo).port}`, heard, server }
}
const echo = (socket: Socket): void => void socket.pipe(socket)
const page = (socket: Socket): void => {
  socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok'))
}

const figuresOf = async (log: string): Promise<string> => {
  const port = /"figures".*"port":(\d+)/.exec(log)?.[1]
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`)
  equal(answer.status, 200)
  return await answer.text()
}

const all = async (stream: AsyncIterable<Buffer>): Promise<string> => {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks).toString('latin1')
}

describe('typetls proxy', () => {
  let files: Files
  let other: Files
  const running: Running[] = []
  const backends: Backend[] = []
  before(async () => {
    // each of the proxies in this process listens to its signals
    process.setMaxListeners(60)
    files = await makeFiles()
    other = await makeFiles(['other.test', '*.wild.test'])
  })
  after(async () => {
    for (const one of running) one.interrupt()
    await Promise.all(running.map((one) => one.code))
    for (const { server } of backends) server.close()
  })

  const start = async (answer: (socket: Socket) => void, ...args: string[]) => {
    const behind = await backend(answer)
    backends.push(behind)
    const usual = ['-cert', files.cert, '-key', files.key, '-drain-timeout', '1', '-log-level', 'debug']
    const server = typetls(['proxy', '-listen', '127.0.0.1:0', '-backend', behind.place, ...usual, ...args])
    running.push(server)
    const [, port] = await server.until(/"listening".*"port":(\d+)/, 'err')
    return { server, behind, port: Number(port) }
  }
  const tls = async (port: number, more: object = {}): Promise<TLSSocket> => {
    const socket = connectTls({ port, host: '127.0.0.1', servername: 'localhost', ca: files.identity.caPem, ...more })
    await once(socket, 'secureConnect')
    return socket
  }

  it('passes bytes on both ways, and the ends of both', async () => {
    const { port, behind } = await start(echo)
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3']) {
      const socket = await tls(port, { maxVersion })
      const big = 'x'.repeat(1_000_000)
      socket.end(big)
      equal(await all(socket), big)
      equal(behind.heard.at(-1), big)
    }
  })

  it('shows the certificate of the name that was asked for', async () => {
    const { port } = await start(
      echo,
      '-sni',
      `other.test=${other.cert},${other.key}`,
      '-sni',
      `*.wild.test=${other.cert},${other.key}`,
    )
    for (const [servername, subject] of [
      ['other.test', 'other.test'],
      ['OTHER.test', 'other.test'],
      ['a.wild.test', 'other.test'],
      ['a.b.wild.test', 'localhost'],
      ['nobody.test', 'localhost'],
      ['localhost', 'localhost'],
    ] as const) {
      const socket = await tls(port, { servername, rejectUnauthorized: false })
      equal(socket.getPeerCertificate().subject.CN, subject, servername)
      socket.destroy()
    }
  })

  it('agrees on a protocol, and on none that is not there', async () => {
    const { port } = await start(echo, '-alpn', 'h2,http/1.1')
    const socket = await tls(port, { ALPNProtocols: ['http/1.1', 'h2'] })
    equal(socket.alpnProtocol, 'h2')
    socket.destroy()
    await rejects(tls(port, { ALPNProtocols: ['x'] }))
  })

  it('tells the backend who has come: version 1', async () => {
    const { port, behind } = await start(echo, '-proxy-protocol', 'v1')
    const socket = await tls(port)
    const { localPort } = socket
    socket.end('hello')
    await all(socket)
    equal(behind.heard[0], `PROXY TCP4 127.0.0.1 127.0.0.1 ${localPort} ${port}\r\nhello`)
  })

  it('tells the backend who has come: version 2, with what TLS says', async () => {
    const ca = await makeIdentity(['client'])
    const { port, behind } = await start(
      echo,
      '-proxy-protocol',
      'v2',
      '-alpn',
      'h2',
      '-client-ca',
      files.file('client-ca.pem', ca.caPem),
      '-client-optional',
    )
    // of an authority that is none of these
    await rejects(async () => {
      const bad = await tls(port, { cert: files.identity.chainPem, key: files.identity.keyPem })
      bad.end('x')
      await all(bad)
    })
    const socket = await tls(port, { ALPNProtocols: ['h2'] })
    socket.end('hello')
    await all(socket)
    const said = Buffer.from(behind.heard.at(-1) ?? '', 'latin1')
    const header = readProxyHeader(said)
    equal(header?.endpoints?.destinationPort, port)
    const field = (type: number) =>
      Buffer.from(header?.tlvs.find((one) => one.type === type)?.value ?? []).toString('latin1')
    deepEqual([field(1), field(2)], ['h2', 'localhost'])
    match(field(0x20), /^\x01\0\0\0\x01\x21\0\x07TLSv1\.3\x23\0.TLS_AES/s)
    equal(said.subarray(header?.length).toString(), 'hello')
  })

  it('demands certificates of clients', async () => {
    const { port } = await start(echo, '-client-ca', files.ca)
    await rejects(async () => {
      const socket = await tls(port)
      socket.end('x')
      await all(socket)
    }, /certificate required|ECONNRESET/i)
  })

  it('a client that comes back resumes, and figures say so', async () => {
    const { port, server } = await start(echo, '-metrics', '127.0.0.1:0')
    const cache = memoryCache()
    const options = (): Parameters<typeof connect>[0] => ({
      port,
      host: '127.0.0.1',
      servername: 'localhost',
      ca: files.identity.caPem,
      config: { sessionCache: cache, origin: 'x' },
    })
    for (const resumed of [false, true, true]) {
      const stream = await connect(options())
      equal(stream.isSessionReused(), resumed)
      stream.end('hi')
      equal(await all(stream), 'hi')
    }
    ok(server.err.includes('"resumption":"resumed"'))
    const mute = connectTcp(port, '127.0.0.1')
    mute.end('GET / HTTP/1.1\r\n\r\n')
    await once(mute.resume(), 'close')
    const figures = await figuresOf(server.err)
    match(figures, /typetls_handshakes_total\{version="1.3",suite="\w+",group="x25519",resumption="resumed"\} 2\n/)
    match(figures, /typetls_handshakes_total\{.*resumption="none offered"\} 1\n/)
    match(figures, /typetls_failures_total\{reason="HTTP_REQUEST"\} 1\n/)
    match(figures, /typetls_bytes_total\{way="in"\} 6\n/)
    match(figures, /typetls_connections 0\n/)
    match(figures, /typetls_ring_epoch 1\n/)
  })

  const early = async (port: number, cache: SessionCache, data: string) => {
    const stream = await connect({
      port,
      host: '127.0.0.1',
      servername: 'localhost',
      ca: files.identity.caPem,
      alpn: ['http/1.1'],
      earlyData: Buffer.from(data),
      config: { sessionCache: cache, origin: 'x', earlyData: 1 },
    } as Parameters<typeof connect>[0])
    return { answer: await all(stream), verdict: stream.facts.earlyData }
  }

  it('takes early data: a GET goes on at once, marked; anything else as it is', async () => {
    const { port, behind } = await start(page, '-early-data', '-alpn', 'http/1.1')
    const cache = memoryCache()
    const get = 'GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n'
    const post = 'POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx'
    equal((await early(port, cache, get)).verdict, undefined)
    equal(behind.heard.at(-1), get)
    const first = await early(port, cache, get)
    equal(first.verdict, 'accepted')
    match(first.answer, /ok$/)
    equal(behind.heard.at(-1), get.replace('Host', 'Early-Data: 1\r\nHost'))
    const second = await early(port, cache, post)
    equal(second.verdict, 'accepted')
    match(second.answer, /ok$/)
    equal(behind.heard.at(-1), post)
  })

  it('takes no early data unless told to', async () => {
    const { port, behind } = await start(page, '-alpn', 'http/1.1')
    const cache = memoryCache()
    const get = 'GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n'
    for (let i = 0; i < 2; i++) equal((await early(port, cache, get)).verdict, undefined)
    equal(behind.heard.at(-1), get)
  })

  it('turns clients away when it is full, and takes others later', async () => {
    const { port, server } = await start(echo, '-max-connections', '1')
    const first = await tls(port)
    await rejects(tls(port))
    first.destroy()
    await server.until(/"full"/, 'err')
    for (let tries = 0; ; tries++) {
      const again = await tls(port).catch(() => undefined)
      if (again) return void again.destroy()
      ok(tries < 100)
      await wait(20)
    }
  })

  it('ends what says nothing: in the handshake, and afterwards', async () => {
    const { port, server } = await start(echo, '-handshake-timeout', '1', '-idle-timeout', '1')
    const mute = connectTcp(port, '127.0.0.1')
    mute.on('error', () => {})
    const idle = await tls(port)
    await Promise.all([once(mute, 'close'), all(idle).catch(() => '')])
    await server.until(/ERR_TLS_HANDSHAKE_TIMEOUT/, 'err')
    await server.until(/"idle"/, 'err')
  })

  it('a backend that is not there ends the connection', async () => {
    const gone = await backend(echo)
    gone.server.close()
    const { port, server } = await start(echo, '-backend', gone.place)
    const socket = await tls(port)
    equal(await all(socket).catch(() => ''), '')
    await server.until(/"backend".*ECONNREFUSED/, 'err')
  })

  it('what is no TLS is logged and ends', async () => {
    const { port, server } = await start(echo)
    const socket = connectTcp(port, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\n\r\n')
    await once(socket, 'close')
    await server.until(/"handshake failed".*HTTP_REQUEST/, 'err')
  })

  it('SIGHUP: new certificates for new connections, the old ones go on; a bad file changes nothing', async () => {
    const mine = await makeFiles()
    const { port, server } = await start(echo, '-cert', mine.cert, '-key', mine.key)
    const old = await tls(port, { ca: mine.identity.caPem })
    writeFileSync(mine.cert, 'nonsense')
    process.kill(process.pid, 'SIGHUP')
    await server.until(/"reload failed"/, 'err')
    ;(await tls(port, { ca: mine.identity.caPem })).destroy()
    writeFileSync(mine.cert, files.identity.chainPem)
    writeFileSync(mine.key, files.identity.keyPem)
    process.kill(process.pid, 'SIGHUP')
    await server.until(/"reloaded"/, 'err')
    ;(await tls(port)).destroy()
    old.end('still here')
    equal(await all(old), 'still here')
  })

  it('ends once its connections are over', async () => {
    const { port, server } = await start(echo)
    const socket = await tls(port)
    server.interrupt()
    await server.until(/"draining"/, 'err')
    await rejects(tls(port))
    socket.end('last')
    equal(await all(socket), 'last')
    equal(await server.code, 0)
    ok(!server.err.includes('"dropped"'))
  })

  it('several workers resume each other’s sessions, take early data once, and count together', async () => {
    const behind = await backend(page)
    backends.push(behind)
    const args = ['tools/run.mjs', 'src/cli/main.ts', 'proxy', '-listen', '127.0.0.1:0', '-backend', behind.place]
    const more = [
      '-cert',
      files.cert,
      '-key',
      files.key,
      '-workers',
      '2',
      '-alpn',
      'http/1.1',
      '-early-data',
      '-metrics',
      '127.0.0.1:0',
    ]
    const child = spawn(process.execPath, [...args, ...more], { stdio: ['ignore', 'ignore', 'pipe'] })
    let err = ''
    child.stderr.on('data', (data: Buffer) => {
      err += data.toString()
    })
    try {
      for (let tries = 0; !err.includes('"started"'); tries++) {
        ok(tries < 1000 && child.exitCode === null, err)
        await wait(20)
      }
      const port = Number(/"listening".*"port":(\d+)/.exec(err)?.[1])
      const cache = memoryCache()
      const verdicts: unknown[] = []
      for (let i = 0; i < 6; i++)
        verdicts.push((await early(port, cache, `GET /${i} HTTP/1.1\r\nHost: x\r\n\r\n`)).verdict)
      deepEqual(verdicts, [undefined, ...Array(5).fill('accepted')])
      equal(new Set(behind.heard.map((head) => head.split(' ')[1])).size, 6)
      equal(behind.heard.length, 6)
      match(await figuresOf(err), /typetls_early_data_total\{verdict="accepted"\} 5\n/)
      child.kill('SIGTERM')
      const [code] = (await once(child, 'exit')) as [number]
      equal(code, 0, err)
    } finally {
      // what it has started ends with it
      if (child.exitCode === null && child.kill('SIGTERM')) await once(child, 'exit')
    }
  })
})

describe('settings of the proxy', () => {
  const good: ProxyOptions = { backend: { host: undefined, port: '1' }, cert: 'c', key: 'k' }
  it('a file says the same as the command line, which is stronger', async () => {
    const { file } = await makeFiles()
    const config = file(
      'proxy.json',
      JSON.stringify({
        backend: '127.0.0.1:8080',
        alpn: ['h2', 'http/1.1'],
        sni: { 'a.test': ['a.pem', 'a.key'] },
        workers: 3,
        'early-data': true,
        'ticket-keys': ['1', '2'],
      }),
    )
    const settings = proxySettings({ config, workers: 2 })
    deepEqual(settings.alpn, ['h2', 'http/1.1'])
    deepEqual(settings.certificates, [{ name: 'a.test', cert: 'a.pem', key: 'a.key' }])
    deepEqual([settings.workers, settings.earlyData, settings.ticketKeys], [2, 16_384, ['1', '2']])
  })
  const refused: [string, string | ProxyOptions, RegExp][] = [
    ['no backend', { cert: 'c', key: 'k' }, /-backend/],
    ['no certificate', { backend: good.backend as never }, /no certificate/],
    ['a certificate without its key', { backend: good.backend as never, cert: 'c' }, /needs its key/],
    ['fleet and key files', { ...good, fleet: 'redis://x', 'ticket-keys': ['k'] }, /contradict/],
    ['optional clients without a CA', { ...good, 'client-optional': true }, /-client-ca/],
    ['a file that is no JSON', '{', /JSON/],
    ['a file with a list', '[]', /object/],
    ['an option that is not there', '{"liste":"x"}', /no option "liste"/],
    ['a config in a config', '{"config":"x"}', /no option/],
    ['a number that is none', '{"workers":"many"}', /workers/],
    ['a switch that is none', '{"early-data":1}', /true or false/],
    ['two places', '{"backend":["a:1","b:2"]}', /backend/],
    ['an object where text is due', '{"backend":{}}', /backend/],
  ]
  for (const [name, given, wanted] of refused)
    it(`refuses ${name}`, async () => {
      const { file } = await makeFiles()
      await rejects(async () => {
        proxySettings(typeof given === 'string' ? { ...good, config: file('c.json', given) } : given)
      }, wanted)
    })
  it('a fleet without its key is refused', async () => {
    const files = await makeFiles()
    const server = typetls([
      'proxy',
      '-backend',
      '127.0.0.1:1',
      '-cert',
      files.cert,
      '-key',
      files.key,
      '-fleet',
      'redis://127.0.0.1:1',
    ])
    equal(await server.code, 1)
    match(server.err, /TYPETLS_FLEET_KEY/)
  })
  it('a key that is of another certificate is refused', async () => {
    const [a, b] = await Promise.all([makeFiles(), makeFiles()])
    const server = typetls([
      'proxy',
      '-listen',
      '127.0.0.1:0',
      '-backend',
      '127.0.0.1:1',
      '-cert',
      a.cert,
      '-key',
      b.key,
    ])
    equal(await server.code, 1)
    match(server.err, /not the key of the certificate/)
  })
})

describe('requests that may go on early', () => {
  const rows: [string, string, boolean][] = [
    ['GET', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', true],
    ['HEAD', 'HEAD /x?y HTTP/1.1\r\nHost: a\r\nCookie: b=c\r\n\r\n', true],
    ['POST', 'POST / HTTP/1.1\r\nHost: a\r\n\r\n', false],
    ['another version', 'GET / HTTP/1.0\r\nHost: a\r\n\r\n', false],
    ['a body', 'GET / HTTP/1.1\r\nContent-Length: 1\r\n\r\n', false],
    ['a body in chunks', 'GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n', false],
    ['an upgrade', 'GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n', false],
    ['marked already', 'GET / HTTP/1.1\r\nEarly-Data: 1\r\n\r\n', false],
    ['not whole', 'GET / HTTP/1.1\r\nHost: a\r\n', false],
    ['two requests', 'GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n\r\n', false],
    ['a folded field', 'GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n', false],
    ['a bare line feed', 'GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n', false],
    ['a field without a name', 'GET / HTTP/1.1\r\n: a\r\n\r\n', false],
    ['a name with a blank', 'GET / HTTP/1.1\r\nContent-Length : 1\r\n\r\n', false],
    ['nothing', '', false],
    ['the start of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', false],
  ]
  for (const [name, head, safe] of rows)
    it(`${name}: ${safe ? 'yes' : 'no'}`, () => {
      const request = safeRequest(Buffer.from(head))
      equal(
        request && Buffer.from(request).toString(),
        safe ? head.replace('\r\n', '\r\nEarly-Data: 1\r\n') : undefined,
      )
    })
})
