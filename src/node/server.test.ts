import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { setTimeout as later } from 'node:timers/promises'
import { authority, ca, dial, echo, listening, local, named } from '../../test/streams.ts'
import { type ClientHello, createSecureContext, createServer, type SecureStream, type ServerOptions } from './index.ts'

const leafName = (stream: SecureStream): string | undefined => stream.getPeerX509Certificate()?.subject

describe('a server that decides once it has heard the hello', () => {
  test('what it is told', async () => {
    let hello: ClientHello | undefined
    const { port } = await echo({ onClientHello: (given) => void (hello = given) })
    const stream = await dial(port, { ALPNProtocols: ['http/1.1'], config: {} })
    stream.destroy()
    assert.ok(hello)
    assert.equal(hello.servername, 'localhost')
    assert.deepEqual(hello.alpnProtocols, ['http/1.1'])
    assert.equal(hello.raw[0], 1)
    assert.deepEqual(hello.versions, [0x0304, 0x0303])
    assert.equal(hello.groups[0], 0x1d)
    assert.match(hello.ja3, /^[0-9a-f]{32}$/)
    assert.match(hello.ja4, /^t13d\d{4}h1_[0-9a-f]{12}_[0-9a-f]{12}$/)
  })

  const answers: readonly (readonly [string, ServerOptions['onClientHello']])[] = [
    ['options, late', async () => later(5, { cert: named.cert, key: named.key })],
    ['a context', () => createSecureContext({ cert: named.cert, key: named.key })],
  ]
  for (const [what, onClientHello] of answers)
    test(`another config: ${what}`, async () => {
      const { port } = await echo({ onClientHello })
      const stream = await dial(port, { servername: 'a.example' })
      assert.equal(leafName(stream), 'CN=a.example')
      stream.destroy()
    })

  test('passed through untouched', async () => {
    const target = createServer(
      { cert: named.cert, key: named.key, requestCert: false },
      (stream) => void stream.pipe(stream),
    )
    const targetPort = await listening(target)
    const { server, port } = await echo({
      onClientHello: async ({ servername }) => {
        if (servername === 'localhost') return undefined
        await later(5)
        return { passThrough: connectTcp(targetPort, '127.0.0.1') }
      },
    })
    const errors: unknown[] = []
    server.on('tlsClientError', (error) => errors.push(error))
    const sent = Buffer.alloc(300_000, 'through')
    const through = await dial(port, { servername: 'a.example' })
    assert.equal(leafName(through), 'CN=a.example')
    through.end(sent)
    assert.ok((await buffer(through)).equals(sent))
    const here = await dial(port)
    assert.equal(leafName(here), 'CN=localhost')
    here.destroy()
    assert.deepEqual(errors, [])
  })

  test('reset', async () => {
    const { port } = await echo({ onClientHello: () => 'reset' })
    await assert.rejects(dial(port), { code: 'ECONNRESET' })
  })

  test('a failure is an internal_error, and told', async () => {
    const { server, port } = await echo({
      onClientHello: () => Promise.reject(Object.assign(new Error('no idea'), { code: 'ERR_IDEA' })),
    })
    const told = once(server, 'tlsClientError')
    await assert.rejects(dial(port), { code: 'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR' })
    assert.equal(((await told)[0] as { code: string }).code, 'ERR_IDEA')
  })
})

describe('contexts', () => {
  test('by name, reloaded without dropping anything', async () => {
    const second = await authority.leaf(['a.example', 'second.example'])
    const { server, port } = await echo()
    server.addContext('*.b.example', { cert: named.cert, key: named.key })
    server.addContext('a.example', { cert: named.cert, key: named.key })
    const names = async (name: string): Promise<string | undefined> => {
      const stream = await dial(port, { servername: name, rejectUnauthorized: false })
      stream.destroy()
      return leafName(stream)
    }
    assert.equal(await names('x.b.example'), 'CN=a.example')
    assert.equal(await names('x.y.b.example'), 'CN=localhost')
    assert.equal(await names('A.EXAMPLE'), 'CN=a.example')
    const lasting = await dial(port, { maxVersion: 'TLSv1.2' })
    const session = lasting.getSession()
    server.addContext('a.example', { cert: second.cert, key: second.key })
    server.setSecureContext({ cert: second.cert, key: second.key })
    assert.equal((await dial(port, { servername: 'second.example' })).destroy().getPeerCertificate(), null)
    assert.equal(await names('nobody.example'), 'CN=a.example')
    // the connection from before goes on, and its session is good
    const resumed = await dial(port, { session, maxVersion: 'TLSv1.2' })
    assert.equal(resumed.isSessionReused(), true)
    resumed.destroy()
    lasting.end('still here')
    assert.equal((await buffer(lasting)).toString(), 'still here')
  })

  const callbacks: readonly (readonly [string, ServerOptions['SNICallback']])[] = [
    [
      'by callback',
      (_name, done) => void setImmediate(done, null, createSecureContext({ cert: named.cert, key: named.key })),
    ],
    ['by promise', async () => createSecureContext({ cert: named.cert, key: named.key })],
  ]
  for (const [what, SNICallback] of callbacks)
    test(`SNICallback ${what}`, async () => {
      const { port } = await echo({ SNICallback })
      const stream = await dial(port, { servername: 'a.example' })
      assert.equal(leafName(stream), 'CN=a.example')
      stream.destroy()
    })

  const protocols: readonly (readonly [string, ServerOptions, string | false | RegExp])[] = [
    ['by list', { ALPNProtocols: ['b', 'a'] }, 'b'],
    ['none in common', { ALPNProtocols: ['c'] }, /NO_APPLICATION_PROTOCOL/],
    [
      'by callback',
      { ALPNCallback: ({ servername, protocols }) => (servername === 'localhost' ? protocols[1] : '') },
      'b',
    ],
    ['by late callback', { ALPNCallback: async ({ protocols }) => protocols[0] }, 'a'],
    ['refused by callback', { ALPNCallback: () => undefined }, /NO_APPLICATION_PROTOCOL/],
    ['not among those offered', { ALPNCallback: () => 'z' }, /INTERNAL_ERROR/],
    ['nobody asked', {}, false],
  ]
  for (const [what, options, expected] of protocols)
    test(`ALPN ${what}`, async () => {
      const { server, port } = await echo(options)
      server.on('tlsClientError', () => {})
      const dialed = dial(port, { ALPNProtocols: Buffer.from('\x01a\x01b') })
      if (expected instanceof RegExp) return assert.rejects(dialed, ({ code }) => expected.test(code))
      const stream = await dialed
      assert.equal(stream.alpnProtocol, expected)
      stream.destroy()
    })

  test('OCSP staples, from whoever provides them', async () => {
    const asked: (readonly [number, boolean])[] = []
    const stapled = Uint8Array.of(0x30, 3, 0x0a, 1, 6)
    const { port } = await echo({
      cert: local.cert + ca,
      ocsp: async (leaf, issuer) => {
        asked.push([leaf.length, issuer !== undefined])
        return stapled
      },
    })
    const stream = await dial(port, { requestOCSP: true, verify: () => true })
    assert.deepEqual(stream.facts.ocsp, stapled)
    assert.deepEqual(asked, [[local.certificate.raw.length, true]])
    stream.destroy()
    ;(await dial(port)).destroy()
    assert.equal(asked.length, 1)
  })
})
