import assert from 'node:assert/strict'
import { once } from 'node:events'
import { buffer } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import * as nodeTls from 'node:tls'
import { wire } from '../../test/duplex.ts'
import { authority, ca, client, dial, echo, listening, local, named, other } from '../../test/streams.ts'
import { type ClientOptions, connect, createServer, type SecureStream, secure } from './index.ts'

const expired = await authority.expired(['localhost'])
const early = await authority.leaf(['localhost'], { notBefore: Date.now() + 86_400_000 })
const wrong = await authority.leaf(['elsewhere.example'])
const foreign = await other.leaf(['localhost'])

describe('certificates that are not good, by the code of node:tls', () => {
  const rows: readonly (readonly [string, string, { cert: string; key: string }, Partial<ClientOptions>])[] = [
    ['another name', 'ERR_TLS_CERT_ALTNAME_INVALID', wrong, {}],
    ['another address', 'ERR_TLS_CERT_ALTNAME_INVALID', local, { servername: '127.0.0.2' }],
    ['an issuer that is not there', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', foreign, {}],
    [
      'a root that is not trusted',
      'SELF_SIGNED_CERT_IN_CHAIN',
      { cert: foreign.cert + other.ca, key: foreign.key },
      {},
    ],
    ['too old', 'CERT_HAS_EXPIRED', expired, {}],
    ['too young', 'CERT_NOT_YET_VALID', early, {}],
    [
      'what the program says',
      'ERR_MINE',
      local,
      { checkServerIdentity: () => Object.assign(new Error('not this one'), { code: 'ERR_MINE' }) },
    ],
    ['a verifier that says no', 'CERT_REJECTED', local, { verify: () => false }],
    [
      'a verifier that says no later',
      'ERR_PIN',
      local,
      { verify: async () => Promise.reject(Object.assign(new Error('pin'), { code: 'ERR_PIN' })) },
    ],
  ]
  for (const [what, code, { cert, key }, options] of rows)
    test(`${what}: ${code}`, async () => {
      const { server, port } = await echo({ cert, key })
      const told = once(server, 'tlsClientError')
      await assert.rejects(dial(port, options), (error: Error & { code: string }) => {
        assert.equal(error.code, code)
        assert.ok(error.message.length > 20 || code.startsWith('ERR_'), error.message)
        return true
      })
      const [theirs] = await told
      assert.match((theirs as { code: string }).code, /^ERR_SSL_/)
      const loose = await dial(port, { ...options, rejectUnauthorized: false })
      assert.equal(loose.authorized, false)
      assert.equal(loose.authorizationError, code)
      loose.end('x')
      assert.equal((await buffer(loose)).toString(), 'x')
      if (options.verify || options.checkServerIdentity || what === 'too young') return
      // node:tls says the same
      const theirCode = await new Promise((resolve) => {
        const socket = nodeTls.connect({ host: '127.0.0.1', port, servername: 'localhost', ca, ...options } as object)
        socket.on('error', (error: Error & { code: string }) => resolve(error.code))
      })
      assert.equal(theirCode, code)
    })

  test('a name that only the program compares', async () => {
    const { port } = await echo({ cert: wrong.cert, key: wrong.key })
    const seen: string[] = []
    const stream = await dial(port, {
      checkServerIdentity: (name, certificate) => void seen.push(name, certificate.subject.CN as string),
    })
    assert.deepEqual(seen, ['localhost', 'elsewhere.example'])
    assert.equal(stream.authorized, true)
    stream.destroy()
  })

  test('no name to check is refused, before anything is sent', async () => {
    const [left, right] = wire()
    await assert.rejects(secure(left, { ca }), { code: 'ERR_TLS_NO_NAME_TO_CHECK' })
    assert.equal(right.readableLength, 0)
    await assert.rejects(connect({ socket: left, ca }), { code: 'ERR_TLS_NO_NAME_TO_CHECK' })
    const server = secure(right, { isServer: true, cert: local.cert, key: local.key })
    const stream = await secure(left, { ca, rejectUnauthorized: false })
    assert.equal(stream.authorized, false)
    assert.equal(stream.authorizationError, 'ERR_TLS_NO_NAME_TO_CHECK')
    stream.destroy()
    ;(await server).on('error', () => {})
  })
})

const expiredClient = await authority.expired(['client'])
const foreignClient = await other.leaf(['client'])

const shown = (identity?: { cert: string; key: string }): Partial<ClientOptions> =>
  identity ? { cert: identity.cert, key: identity.key } : {}

describe('client certificates', () => {
  const rows: readonly (readonly [string, { cert: string; key: string } | undefined, string, string, string])[] = [
    [
      'none',
      undefined,
      'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE',
      'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
      'UNABLE_TO_GET_ISSUER_CERT',
    ],
    [
      'one of another CA',
      foreignClient,
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    ],
    [
      'an expired one',
      expiredClient,
      'CERT_HAS_EXPIRED',
      'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED',
      'CERT_HAS_EXPIRED',
    ],
  ]
  for (const [what, identity, serverCode, clientCode, loose] of rows)
    test(`${what}: ${serverCode} here, ${clientCode} there`, async () => {
      const { server, port } = await echo({ requestCert: true, ca })
      const told = once(server, 'tlsClientError')
      const stream = await dial(port, shown(identity))
      const [theirs] = await told
      assert.equal((theirs as { code: string }).code, serverCode)
      stream.resume()
      const [mine] = await once(stream, 'error')
      assert.equal((mine as { code: string }).code, clientCode)
      const lenient = createServer({
        cert: local.cert,
        key: local.key,
        requestCert: true,
        rejectUnauthorized: false,
        ca,
      })
      const lenientPort = await listening(lenient)
      const [[accepted], dialed] = await Promise.all([
        once(lenient, 'secureConnection') as Promise<[SecureStream]>,
        dial(lenientPort, shown(identity)),
      ])
      assert.equal(accepted.authorized, false)
      assert.equal(accepted.authorizationError, loose)
      dialed.destroy()
    })

  test('asked for by one name only', async () => {
    const { server, port } = await echo()
    server.addContext('a.example', { cert: named.cert, key: named.key, requestCert: true, ca })
    const stranger = await dial(port)
    stranger.end('hello')
    assert.equal((await buffer(stranger)).toString(), 'hello')
    const told = once(server, 'tlsClientError')
    ;(await dial(port, { servername: 'a.example' })).on('error', () => {})
    assert.equal(((await told)[0] as { code: string }).code, 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE')
    const known = await dial(port, { servername: 'a.example', certificate: async () => client })
    known.end('it is me')
    assert.equal((await buffer(known)).toString(), 'it is me')
  })

  test('a session without a certificate is not resumed where one is wanted', async () => {
    const { server, port } = await echo({ requestCert: true, rejectUnauthorized: false, ca, maxVersion: 'TLSv1.2' })
    const first = await dial(port)
    const session = first.getSession()
    first.destroy()
    server.setSecureContext({
      cert: local.cert,
      key: local.key,
      requestCert: true,
      rejectUnauthorized: true,
      ca,
      maxVersion: 'TLSv1.2',
    })
    await assert.rejects(dial(port, { session }), { code: 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE' })
  })
})
