import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import * as nodeTls from 'node:tls'
import { ca, client, listening, local, pair } from '../../test/streams.ts'
import { connect, type SecureStream } from './index.ts'

describe('what an open stream tells', () => {
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const)
    test(version, async () => {
      const both = { minVersion: version, maxVersion: version }
      const [one, two] = await pair(
        { ...both, ALPNProtocols: ['h2'], requestCert: true, ca },
        { ...both, ALPNProtocols: ['http/1.1', 'h2'], cert: client.cert, key: client.key },
      )
      for (const end of [one, two]) {
        assert.equal(end.encrypted, true)
        assert.equal(end.authorized, true)
        assert.equal(end.authorizationError, null)
        assert.equal(end.alpnProtocol, 'h2')
        assert.equal(end.servername, 'localhost')
        assert.equal(end.getProtocol(), version)
        assert.match(end.getCipher()?.name ?? '', version === 'TLSv1.3' ? /^TLS_AES/ : /^ECDHE-ECDSA/)
        assert.deepEqual(end.getEphemeralKeyInfo(), { type: 'ECDH', name: 'X25519', size: 253 })
        assert.equal(end.isSessionReused(), false)
        assert.equal(end.secureConnecting, false)
        end.setKeepAlive(true).setNoDelay().ref().unref()
        assert.equal(end.remoteAddress, undefined)
      }
      assert.deepEqual(one.exportKeyingMaterial(32, 'label'), two.exportKeyingMaterial(32, 'label'))
      assert.deepEqual(one.getFinished(), two.getPeerFinished())
      assert.deepEqual(two.getFinished(), one.getPeerFinished())
      assert.equal(one.getPeerCertificate()?.subject.CN, 'localhost')
      assert.equal(two.getPeerCertificate()?.subject.CN, 'client')
      assert.equal(two.getCertificate()?.subject.CN, 'localhost')
      assert.ok(one.getPeerCertificate()?.raw.equals(two.getCertificate()?.raw as Buffer))
      const detailed = one.getPeerCertificate(true) as nodeTls.DetailedPeerCertificate
      assert.equal(detailed.issuerCertificate.subject.CN, 'typetls streams')
      assert.equal(detailed.issuerCertificate.issuerCertificate, detailed.issuerCertificate)
      one.destroy()
      two.destroy()
      assert.equal(one.getPeerCertificate(), null)
    })

  test('the same of node:tls, word for word', async () => {
    const server = nodeTls.createServer({ cert: local.cert, key: local.key, ALPNProtocols: ['x'] }, (socket) => {
      socket.on('error', () => {})
      socket.resume()
    })
    const port = await listening(server)
    // newer runtimes would agree on a group that is only there with a provider for it
    const ecdhCurve = 'X25519:P-256'
    const options = { host: '127.0.0.1', port, servername: 'localhost', ca, ecdhCurve, ALPNProtocols: ['x'] }
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const theirs = nodeTls.connect({
        ...options,
        maxVersion,
        ciphers: 'TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256',
      })
      await once(theirs, 'secureConnect')
      const mine = await connect({
        ...options,
        maxVersion,
        ciphers: 'TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256',
      })
      const told = (socket: nodeTls.TLSSocket | SecureStream): unknown[] => [
        socket.getCipher(),
        socket.getProtocol(),
        socket.getEphemeralKeyInfo(),
        socket.getPeerCertificate(),
        (socket.getPeerCertificate(true) as nodeTls.DetailedPeerCertificate).issuerCertificate?.subject,
        socket.alpnProtocol,
        socket.authorized,
        socket.authorizationError,
        socket.encrypted,
        socket.isSessionReused(),
        socket.remotePort,
        socket.remoteAddress,
        socket.remoteFamily,
        socket.readyState,
        socket.connecting,
      ]
      assert.deepEqual(told(mine), told(theirs))
      for (const socket of [mine, theirs]) socket.destroy()
    }
  })
})
