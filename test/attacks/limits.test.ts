import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defineConfig, TLS12, TLS13, usualLimits } from '../../src/config.ts'
import { Connection } from '../../src/connection.ts'
import { node } from '../../src/crypto/node/index.ts'
import { type CipherName, suites } from '../../src/crypto/suites.ts'
import { Misuse, TlsError } from '../../src/errors.ts'
import { TlsCarrier } from '../../src/record/tls.ts'
import { usualBudget } from '../../src/x509/index.ts'
import { verifier } from '../../src/x509/path.ts'
import { materials, NOW } from '../materials.ts'
import { makePair, settle } from '../pair.ts'
import { message } from '../surgery/every/edits.ts'
import { asItIs } from '../surgery/every/proxy.ts'
import { between, configs, opened, refuses } from './ends.ts'

const handshakeMessage = (type: number, length: number): Uint8Array =>
  Uint8Array.of(22, 3, 3, 0, 4, type, length >> 16, (length >> 8) & 255, length & 255)
const nothing = { unknown: [] as { type: number; data: Uint8Array }[] }
const many = (count: number) => Array.from({ length: count }, (_, i) => ({ type: 0x2000 + i, data: new Uint8Array(0) }))
const t12 = { versions: [TLS12] } as const

describe('limits', () => {
  test('the defaults', () => {
    assert.deepEqual(usualLimits, {
      certificate: 102400,
      chain: 100,
      message: 20000,
      extensions: 128,
      emptyRecords: 32,
      warnings: 4,
      updates: 32,
      updatesPerMinute: 256,
      tickets: 16,
      skippedEarlyData: 16640,
      input: 16777216,
      output: 1048576,
      handshake: 120_000,
      recordsPerKey: 16777216,
    })
    assert.deepEqual(usualBudget, { signatures: 100, candidates: 10_000, comparisons: 1 << 20, fetches: 16 })
  })

  test('what is no limit is refused', async () => {
    for (const limits of [{ updates: -1 }, { message: Number.NaN }, { recordsPerKey: 0 }, { recordsPerKey: 2 ** 25 }])
      await assert.rejects(configs({ client: { limits } }), Misuse)
  })

  test('message: told by its header alone', async () => {
    for (const [limit, length, good] of [
      [1000, 1000, true],
      [1000, 1001, false],
    ] as const) {
      const { server } = await configs({ server: { limits: { message: limit } } })
      const connection = new Connection('server', server)
      connection.receive(handshakeMessage(1, length))
      if (good) assert.equal(connection.advance().kind, 'read')
      else assert.throws(() => connection.advance(), { alert: 'illegal_parameter', reason: 'EXCESSIVE_MESSAGE_SIZE' })
    }
  })

  for (const versions of [[TLS13], [TLS12]] as const) {
    test(`certificate and chain, ${versions[0] === TLS13 ? 'TLS 1.3' : 'TLS 1.2'}`, async () => {
      const m = await materials()
      const leaf = m.identities['P-256']
      const long = { ...leaf, chain: [...leaf.chain, ...new Array(5).fill(m.root.raw)] }
      for (const [limits, alert] of [
        [{ certificate: 1500 }, 'illegal_parameter'],
        [{ chain: 5 }, 'bad_certificate'],
        [{ chain: 6 }, undefined],
      ] as const) {
        const { client, server } = await configs({ client: { versions, limits }, server: { identities: [long] } })
        const pair = makePair(client, server)
        await settle(pair)
        if (alert) refuses(pair, 'client', alert, 'EXCESSIVE_MESSAGE_SIZE')
        else assert.deepEqual(pair.lost, {})
      }
    })
  }

  test('extensions of a hello', async () => {
    for (const [count, good] of [
      [100, true],
      [200, false],
    ] as const) {
      const rewrite = (name: string, body: unknown): unknown => {
        if (name !== 'clientHello') return body
        const hello = body as { extensions: object }
        return { ...hello, extensions: { ...nothing, unknown: many(count), ...hello.extensions } }
      }
      const { client, server } = await configs({ client: { rewrite } })
      const pair = makePair(client, server)
      await settle(pair)
      if (good) assert.deepEqual(pair.lost, {})
      else refuses(pair, 'server', 'illegal_parameter', 'BAD_EXTENSION')
    }
  })

  test('records without content', async () => {
    const { pair, inject, run } = await between(asItIs, { server: { limits: { emptyRecords: 3 } } })
    for (let i = 0; i < 3; i++) inject?.('client', { type: 23, bytes: new Uint8Array(0) })
    await run()
    assert.deepEqual(pair.lost, {})
    inject?.('client', { type: 23, bytes: new Uint8Array(0) })
    await run()
    refuses(pair, 'server', 'unexpected_message', 'RECORD_TOO_SMALL')
  })

  test('warnings', async () => {
    const { pair, inject, run } = await between(asItIs, { client: t12, server: { limits: { warnings: 2 } } })
    for (let i = 0; i < 3; i++) inject?.('client', { type: 21, bytes: Uint8Array.of(1, 90) })
    await run()
    refuses(pair, 'server', 'unexpected_message', 'TOO_MANY_WARN_ALERTS')
  })

  test('messages after the handshake: in a row', async () => {
    const { pair, inject, run } = await between(asItIs, { server: { limits: { updates: 5 } } })
    for (let i = 0; i < 6; i++) inject?.('client', message(24, Uint8Array.of(0)))
    await run()
    refuses(pair, 'server', 'unexpected_message', 'TOO_MANY_KEY_UPDATES')
  })

  for (const [what, part, type, body] of [
    ['KeyUpdate', {}, 24, 1],
    ['another hello, TLS 1.2', t12, 1, 0],
  ] as const) {
    test(`messages after the handshake: in a minute, with data between them: ${what}`, async () => {
      let now = NOW
      const hello: Uint8Array[] = []
      const { pair, inject, run } = await between(
        (piece) => {
          if (piece.name === 'clientHello') hello.push(piece.bytes)
          return asItIs(piece)
        },
        {
          client: { ...part, limits: { updates: 1000, warnings: 1000 } },
          server: { now: () => now, limits: { updatesPerMinute: 10 } },
        },
      )
      const once = async (): Promise<void> => {
        inject?.(
          'client',
          type === 1 ? { type: 22, bytes: hello[0] as Uint8Array } : message(type, Uint8Array.of(body)),
        )
        inject?.('client', { type: 23, bytes: Uint8Array.of(120) })
        await run()
      }
      for (let minute = 0; minute < 3; minute++) {
        for (let i = 0; i < 10; i++) await once()
        assert.equal(pair.lost.server, undefined, `minute ${minute}: ${pair.lost.server}`)
        now += 60_000
      }
      for (let i = 0; i < 11; i++) await once()
      refuses(pair, 'server', 'unexpected_message', 'TOO_MANY_KEY_UPDATES')
    })
  }

  test('every wish for new keys is answered, one that cannot leave with those before it', async () => {
    let updates = 0
    const { client, server } = await configs({
      client: {
        trace: (event) =>
          void (event.event === 'message' && event.way === 'in' && event.name === 'keyUpdate' && updates++),
      },
    })
    const traced = makePair(client, server)
    await settle(traced)
    for (let i = 1; i <= 5; i++) {
      traced.client.ask({ kind: 'keyUpdate', requestUpdate: true })
      traced.client.write(Buffer.from('x'))
      await settle(traced)
      traced.server.write(Buffer.from('y'))
      await settle(traced)
      assert.equal(updates, i)
    }
  })

  for (const [what, part, said] of [
    ['key updates', {}, message(24, Uint8Array.of(1))],
    ['other hellos, TLS 1.2', t12, message(1, Uint8Array.of(3, 3, ...new Uint8Array(32), 0, 0, 2, 0xc0, 0x2b, 1, 0))],
  ] as const) {
    test(`output: answers to one who takes none: ${what}`, async () => {
      for (const [limit, good] of [
        [1000, true],
        [100, false],
      ] as const) {
        const { pair, inject, step } = await between(asItIs, { client: part, server: { limits: { output: limit } } })
        // what the program writes is its own affair, but nothing is answered behind so much
        pair.server.write(new Uint8Array(200))
        inject?.('client', said)
        while (step?.('client')) if (good) pair.server.advance()
        if (good) assert.ok(pair.server.output.length > 200)
        else assert.throws(() => pair.server.advance(), { reason: 'TOO_MANY_KEY_UPDATES' })
      }
    })
  }

  test('tickets of one connection', async () => {
    let kept = 0
    const pair = await opened({
      client: { limits: { tickets: 3 }, onSession: () => void kept++ },
      server: { ticketCount: 2 },
    })
    for (let i = 0; i < 4; i++) pair.server.ask({ kind: 'ticket' })
    await settle(pair)
    assert.deepEqual(pair.lost, {})
    assert.equal(kept, 3)
  })

  test('a listener that turns its connection while a flight leaves sends nothing twice', async () => {
    let more = 0
    let kept = 0
    const pair = await opened({
      client: { onSession: () => void kept++ },
      server: {
        ticketCount: 0,
        trace(event) {
          if (event.event !== 'record' || event.way !== 'out' || more === 0) return
          more--
          pair.server.ask({ kind: 'ticket' })
          pair.server.advance()
        },
      },
    })
    more = 2
    pair.server.ask({ kind: 'ticket' })
    await settle(pair)
    assert.deepEqual(pair.lost, {})
    assert.equal(kept, 3)
  })

  test('input', async () => {
    const { server } = await configs({ server: { limits: { input: 1000 } } })
    const connection = new Connection('server', server)
    connection.receive(new Uint8Array(1000))
    connection.receive(new Uint8Array(1))
    assert.throws(() => connection.receive(new Uint8Array(1)), Misuse)
    assert.throws(() => connection.advance(), TlsError)
  })

  test('time of a handshake: who drives is told when, and it ends then', async () => {
    let now = NOW
    const { client, server } = await configs({
      client: { now: () => now, limits: { handshake: 5000 } },
      server: { now: () => now, limits: { handshake: 0 } },
    })
    const pair = makePair(client, server)
    const need = pair.client.advance()
    assert.deepEqual([need.kind, 'until' in need && need.until], ['read', NOW + 5000])
    assert.equal('until' in pair.server.advance(), false)
    now += 4999
    assert.equal(pair.client.advance().kind, 'read')
    now += 1
    assert.throws(() => pair.client.advance(), { alert: 'handshake_failure', reason: 'READ_TIMEOUT_EXPIRED' })
    const open = await opened({ client: { now: () => now } })
    now += 10_000_000
    assert.equal(open.client.advance().kind, 'read')
  })

  test('signatures of one verification', async () => {
    const m = await materials()
    const { client, server } = await configs({
      client: { verifier: verifier({ anchors: [m.root], budget: { signatures: 0 } }) },
    })
    const pair = makePair(client, server)
    await settle(pair)
    assert.ok(pair.lost.client instanceof TlsError && pair.lost.client.reason === 'CERTIFICATE_VERIFY_FAILED')
  })
})

/** No record has this number. */
const LAST = 2 ** 48 - 1

describe('keys wear out', () => {
  const gcm = suites.filter(({ cipher, version }) => cipher.includes('gcm') && version === TLS13)
  const limits = { recordsPerKey: 10 }

  for (const way of ['client', 'server'] as const) {
    test(`TLS 1.3: the ${way} changes its keys by itself, and nobody has to say anything`, async () => {
      let updates = 0
      const count = {
        trace: (event: { event: string; way?: string; name?: string }) =>
          void (event.name === 'keyUpdate' && event.way === 'out' && updates++),
      }
      const pair = await opened({
        client: { suites: gcm, limits, ...(way === 'client' && count) },
        server: { suites: gcm, ticketCount: 0, limits, ...(way === 'server' && count) },
      })
      const other = way === 'client' ? 'server' : 'client'
      for (let i = 0; i < 100; i++) {
        pair[way].write(Buffer.from('x'))
        // who writes only is turned all the same, where something is to be done
        if (pair[way].asked) pair[way].advance()
      }
      await settle(pair)
      assert.deepEqual(pair.lost, {})
      assert.equal(pair.received[other], 'x'.repeat(100))
      assert.ok(updates >= 9 && updates <= 12, `${updates} updates`)
    })
  }

  test('TLS 1.3: who is never turned ends before the key is worn out', async () => {
    const pair = await opened({ client: { suites: gcm, limits } })
    assert.throws(() => {
      for (let i = 0; i < 20; i++) pair.client.write(Buffer.from('x'))
    }, /15 records were sealed under one key/)
    assert.throws(() => pair.client.advance(), TlsError)
  })

  test('TLS 1.2: a connection of AES-GCM ends', async () => {
    const pair = await opened({ client: { ...t12, limits } })
    assert.match(pair.client.facts.suite?.name ?? '', /GCM/)
    assert.throws(() => {
      for (let i = 0; i < 20; i++) pair.client.write(Buffer.from('x'))
    }, /records were sealed under one key, and it is good for no more; connect anew/)
    await settle(pair)
    assert.ok(pair.lost.client instanceof TlsError)
  })

  test('the numbers: 2^24 of AES-GCM, 2^24.5 the end, a quarter of AES-CCM, no end of others', async () => {
    const carrierOf = (cipher: CipherName, first: number): TlsCarrier => {
      const carrier = new TlsCarrier(defineConfig({ provider: node, verifier: verifier({ anchors: [] }) }), 'client')
      carrier.agreed(TLS12)
      const [length, iv] = cipher === CHACHA ? [32, 12] : [16, 4]
      const keys = carrier.keys12({ version: TLS12, cipher, key: new Uint8Array(length), iv: new Uint8Array(iv) })
      carrier.writeWith({ ...keys, first })
      return carrier
    }
    const [GCM, CCM, CHACHA] = ['aes-128-gcm', 'aes-128-ccm', 'chacha20-poly1305'] as const
    const worn = (name: CipherName, first: number): boolean => carrierOf(name, first).worn
    assert.deepEqual([worn(GCM, 2 ** 24 - 1), worn(GCM, 2 ** 24)], [false, true])
    assert.deepEqual([worn(CCM, 2 ** 22 - 1), worn(CCM, 2 ** 22)], [false, true])
    assert.equal(worn(CHACHA, 2 ** 40), false)
    const sends = (name: CipherName, first: number): void => carrierOf(name, first).data(Uint8Array.of(1))
    const spent = Math.ceil(2 ** 24.5)
    sends(GCM, spent - 1)
    assert.throws(() => sends(GCM, spent), /good for no more/)
    sends(CHACHA, 2 ** 40)
    sends(CHACHA, LAST - 1)
    // record numbers do not wrap (RFC 9846 section 5.3)
    assert.throws(() => sends(CHACHA, LAST), /good for no more/)
  })

  test('a record whose number would wrap is not read', async () => {
    const { client, server } = await configs({ client: t12 })
    const pair = makePair(client, server)
    await settle(pair)
    assert.deepEqual(pair.lost, {})
    const reader = new TlsCarrier(server, 'server')
    reader.agreed(TLS12)
    const keying = { version: TLS12, cipher: 'aes-128-gcm', key: new Uint8Array(16), iv: new Uint8Array(4) } as const
    const writer = new TlsCarrier(client, 'client')
    writer.agreed(TLS12)
    writer.writeWith({ ...writer.keys12(keying), first: 5 })
    writer.data(Uint8Array.of(1))
    reader.readWith({ ...reader.keys12(keying), first: LAST })
    reader.input.push(writer.output.take())
    const task = reader.message({ untaken: false } as never)
    assert.throws(() => task.next(), { reason: 'INTERNAL_ERROR' })
  })
})
