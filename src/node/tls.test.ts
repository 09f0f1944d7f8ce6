import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectTcp, createServer as createTcp } from 'node:net'
import { PassThrough } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import * as native from 'node:tls'
import { wire } from '../../test/duplex.ts'
import { authority, ca, listening, local } from '../../test/streams.ts'
import * as tls from './tls.ts'

describe('the shape of node:tls', () => {
  test('every name of this runtime is there, and of the same kind', () => {
    for (const [name, value] of Object.entries(native)) {
      if (name === 'default') continue
      assert.ok(name in tls, name)
      assert.equal(typeof Object.entries(tls).find(([ours]) => ours === name)?.[1], typeof value, name)
      assert.ok(name in tls.default, name)
    }
    assert.ok(tls.getCiphers().includes('tls_aes_128_gcm_sha256'))
    assert.ok(tls.rootCertificates.length > 20)
    assert.ok(tls.getCACertificates('bundled').length > 20)
  })

  test('what is not there says so', () => {
    for (const call of [() => tls.createSecurePair(), () => tls.setDefaultCACertificates([])])
      assert.throws(
        call,
        (error: Error & { code: string }) => error.code.startsWith('ERR_') && error.message.length > 20,
      )
    for (const options of [
      { dhparam: 'x' },
      { privateKeyEngine: 'x' },
      { secureProtocol: 'SSLv3_method' },
      { maxVersion: 'TLSv1.1' },
      { ciphers: 'NOBODY' },
      { ecdhCurve: 'P-1' },
      { sigalgs: 'nothing' },
      { minVersion: 'TLSv9' },
    ])
      assert.throws(() => tls.createSecureContext(options as object), /[a-z]{3}/, JSON.stringify(options))
  })

  test('http2-wrapper asks this at its import', () => {
    const socket = new tls.TLSSocket(new PassThrough()) as unknown as {
      _handle: { _parentWrap: { constructor: unknown } }
    }
    assert.equal(typeof socket._handle._parentWrap.constructor, 'function')
  })

  const lists: readonly (readonly [string[] | Buffer, string])[] = [
    [['h2', 'http/1.1'], '\x02h2\x08http/1.1'],
    [Buffer.from('\x02h2'), '\x02h2'],
  ]
  for (const [protocols, expected] of lists)
    test(`convertALPNProtocols ${expected}`, () => {
      const [mine, theirs]: { ALPNProtocols?: Buffer }[] = [{}, {}]
      tls.convertALPNProtocols(protocols, mine as object)
      ;(native as unknown as { convertALPNProtocols: typeof tls.convertALPNProtocols }).convertALPNProtocols(
        protocols,
        theirs as object,
      )
      assert.equal(mine?.ALPNProtocols?.toString(), expected)
      assert.deepEqual(mine, theirs)
    })

  const identities: readonly (readonly [string, string | undefined, boolean])[] = [
    ['a.example', 'DNS:a.example', true],
    ['A.Example.', 'DNS:a.example', true],
    ['b.example', 'DNS:a.example', false],
    ['x.a.example', 'DNS:*.a.example', true],
    ['x.y.a.example', 'DNS:*.a.example', false],
    ['a.example', 'DNS:*.example', false],
    ['127.0.0.1', 'DNS:a.example, IP Address:127.0.0.1', true],
    ['::1', 'IP Address:0:0:0:0:0:0:0:1', true],
    ['127.0.0.1', 'DNS:127.0.0.1', false],
    ['a.example', undefined, false],
    ['evil.example', 'DNS:"a.example, DNS:evil.example"', false],
  ]
  for (const [host, subjectaltname, good] of identities)
    test(`checkServerIdentity ${host} ${subjectaltname}: ${good}`, () => {
      const certificate = { subject: { CN: 'other' }, subjectaltname } as unknown as native.PeerCertificate
      const error = tls.checkServerIdentity(host, certificate) as (Error & { code: string; host: string }) | undefined
      assert.equal(error === undefined, good)
      assert.equal(native.checkServerIdentity(host, certificate) === undefined, good)
      if (!error) return
      assert.equal(error.code, 'ERR_TLS_CERT_ALTNAME_INVALID')
      assert.equal(error.host, host)
    })

  test('connect in all its forms, against createServer', async () => {
    const server = tls.createServer({ cert: local.cert, key: local.key }, (socket) => void socket.pipe(socket))
    const port = await listening(server)
    const options = { ca, servername: 'localhost' }
    const host = '127.0.0.1'
    for (const dial of [
      (done: () => void) => tls.connect({ ...options, host, port }, done),
      (done: () => void) => tls.connect(port, host, options, done),
      (done: () => void) => tls.connect(port, options, done),
      (done: () => void) => tls.connect({ ...options, socket: connectTcp(port, host) }, done),
    ]) {
      const socket = await new Promise<tls.TLSSocket>((resolve) => {
        const made = dial(() => resolve(made))
        assert.equal(made.secureConnecting, true)
        assert.equal(made.authorized, false)
      })
      assert.equal(socket.authorized, true)
      socket.end('hello')
      assert.equal((await buffer(socket)).toString(), 'hello')
    }
  })

  test('written before the handshake is over, and errors by event', async () => {
    const server = tls.createServer({ cert: local.cert, key: local.key }, (socket) => void socket.pipe(socket))
    const port = await listening(server)
    const early = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca })
    early.write('one, ')
    early.end('two')
    assert.equal((await buffer(early)).toString(), 'one, two')
    const stranger = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca: [] })
    const [error] = (await once(stranger, 'error')) as [Error & { code: string }]
    assert.equal(error.code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
    assert.throws(() => tls.connect({ socket: new PassThrough(), ca }), { code: 'ERR_TLS_NO_NAME_TO_CHECK' })
    assert.throws(() => tls.connect({ ca, servername: 'x' }), { code: 'ERR_MISSING_ARGS' })
  })

  test('TLSSocket on the side of a server, and a context of its own', async () => {
    const secureContext = tls.createSecureContext({ cert: local.cert, key: local.key })
    const server = createTcp((raw) => {
      const socket = new tls.TLSSocket(raw, { isServer: true, secureContext })
      socket.on('secure', () => socket.end(`${socket.getProtocol()}`))
    })
    const port = await listening(server)
    const socket = native.connect({ port, host: '127.0.0.1', servername: 'localhost', ca })
    assert.equal((await buffer(socket)).toString(), 'TLSv1.3')
  })

  test('a client’s TLSSocket made by hand begins with its first write, and wants a name', async () => {
    const [left, right] = wire()
    const server = new tls.TLSSocket(right, { isServer: true, cert: local.cert, key: local.key })
    server.pipe(server)
    const client = new tls.TLSSocket(left, { servername: 'localhost', ca })
    await new Promise(setImmediate)
    assert.equal(right.readableLength, 0)
    client.end('by hand')
    assert.equal((await buffer(client)).toString(), 'by hand')
    const nameless = new tls.TLSSocket(wire()[0], { ca })
    nameless.write('x')
    assert.equal(((await once(nameless, 'error')) as [{ code: string }])[0].code, 'ERR_TLS_NO_NAME_TO_CHECK')
  })

  test('a key log, as node:tls tells it', async () => {
    const lines: string[] = []
    const server = tls.createServer({ cert: local.cert, key: local.key }, (socket) => void socket.end())
    server.on('keylog', (line: Buffer) => lines.push(line.toString()))
    const port = await listening(server)
    const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca })
    const mine: string[] = []
    socket.on('keylog', (line: Buffer) => mine.push(line.toString()))
    await buffer(socket)
    assert.match(mine[0] ?? '', /^(?:CLIENT|SERVER)_HANDSHAKE_TRAFFIC_SECRET [0-9a-f]{64} [0-9a-f]{64}\n$/)
    assert.deepEqual(new Set(mine), new Set(lines))
    assert.ok(authority.root)
  })
})
