import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { dial, echo } from '../../test/streams.ts'
import { connect } from './index.ts'

describe('sessions', () => {
  test('by ticket, from the event, in TLS 1.3', async () => {
    const { port } = await echo()
    const first = await dial(port)
    const tickets = once(first, 'session')
    first.resume()
    const [session] = (await tickets) as [Buffer]
    first.destroy()
    const second = await dial(port, { session })
    assert.equal(second.isSessionReused(), true)
    assert.equal(second.authorized, true)
    second.destroy()
    const elsewhere = await dial(port, { session, servername: '127.0.0.1' })
    assert.equal(elsewhere.isSessionReused(), false)
    elsewhere.destroy()
  })

  test('shared by ticket keys', async () => {
    const one = await echo()
    const keys = one.server.getTicketKeys()
    assert.equal(keys.length, 48)
    const two = await echo({ ticketKeys: keys })
    assert.deepEqual(one.server.getTicketKeys(), keys)
    const first = await dial(one.port, { maxVersion: 'TLSv1.2' })
    const session = first.getSession()
    first.destroy()
    const second = await dial(two.port, { session, maxVersion: 'TLSv1.2' })
    assert.equal(second.isSessionReused(), true)
    second.destroy()
    assert.throws(() => one.server.setTicketKeys(keys.subarray(1)), { code: 'ERR_INVALID_ARG_VALUE' })
  })

  test('by id, kept by whoever listens (TLS 1.2)', async () => {
    const { server, port } = await echo({ tickets: false, maxVersion: 'TLSv1.2' })
    const kept = new Map<string, Buffer>()
    server.on('newSession', (id: Buffer, data: Buffer, done: () => void) => {
      kept.set(id.toString('hex'), data)
      setImmediate(done)
    })
    server.on('resumeSession', (id: Buffer, done: (error: null, data?: Buffer) => void) =>
      setImmediate(done, null, kept.get(id.toString('hex'))),
    )
    const first = await dial(port)
    const session = first.getSession()
    first.destroy()
    assert.equal(kept.size, 1)
    const second = await dial(port, { session })
    assert.equal(second.isSessionReused(), true)
    second.destroy()
  })

  test('pre-shared keys', async () => {
    const psk = Buffer.from('a secret that was agreed on elsewhere')
    const { port } = await echo({
      cert: undefined,
      key: undefined,
      pskCallback: (_stream, identity) => (identity === 'me' ? psk : null),
      pskIdentityHint: 'hint',
      ciphers: 'TLS_AES_128_GCM_SHA256:PSK',
    })
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const stream = await connect({
        host: '127.0.0.1',
        port,
        maxVersion,
        ciphers: 'TLS_AES_128_GCM_SHA256:PSK',
        pskCallback: () => ({ psk, identity: 'me' }),
      })
      assert.equal(stream.authorized, true)
      stream.destroy()
    }
  })
})
