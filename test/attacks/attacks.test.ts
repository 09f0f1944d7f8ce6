import assert from 'node:assert/strict'
import { constants, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { type ConfigInput, TLS12, TLS13 } from '../../src/config.ts'
import { Connection } from '../../src/connection.ts'
import { groups } from '../../src/crypto/groups.ts'
import { node } from '../../src/crypto/node/index.ts'
import { suites } from '../../src/crypto/suites.ts'
import { AlertReceived, TlsError, Truncated } from '../../src/errors.ts'
import { importedKeys } from '../../src/handshake/import.ts'
import { messages } from '../../src/messages/table.ts'
import type { Session } from '../../src/session/session.ts'
import { memoryTickets } from '../../src/session/tickets.ts'
import { decode } from '../../src/wire/codec.ts'
import { lateProvider } from '../late.ts'
import { materials, NOW } from '../materials.ts'
import { makePair, settle } from '../pair.ts'
import { sentMessages } from '../said.ts'
import { message } from '../surgery/every/edits.ts'
import type { Surgeon } from '../surgery/every/lane.ts'
import { asItIs } from '../surgery/every/proxy.ts'
import { hello, withExtension } from '../surgery/hello.ts'
import { between, configs, type Ends, opened, refuses } from './ends.ts'

// each attack by the name that docs/security.md gives it

const t12 = { versions: [TLS12] } as const
type Verdict = readonly ['client' | 'server', string, string]

/** An attack on the way between two ends, and who refuses it how. */
interface Row {
  readonly name: string
  readonly ends?: Ends
  readonly surgeon: Surgeon
  readonly verdict: Verdict
}

/** Changes every message of that name. */
const changes =
  (name: string, change: (raw: Uint8Array) => Uint8Array): Surgeon =>
  (piece) =>
    piece.name === name ? [{ type: piece.type, bytes: change(piece.bytes) }] : asItIs(piece)
const before =
  (name: string, from: 'client' | 'server', bytes: Uint8Array, type = 22): Surgeon =>
  (piece) =>
    piece.name === name && piece.from === from ? [{ type, bytes }, ...asItIs(piece)] : asItIs(piece)
const without =
  (name: string, from: 'client' | 'server'): Surgeon =>
  (piece) =>
    piece.name === name && piece.from === from ? [] : asItIs(piece)
/** Bytes 4 and 5 of a CertificateVerify say the scheme. */
const signed = (id: number) => (raw: Uint8Array) =>
  raw.map((byte, i) => (i === 4 ? id >> 8 : i === 5 ? id & 255 : byte))
const only = (id: number): Pick<ConfigInput, 'suites'> => ({ suites: suites.filter((suite) => suite.id === id) })
const RSA = 0x009c
const CCS = Uint8Array.of(1)

const kept: Uint8Array[] = []
const rows: readonly Row[] = [
  {
    name: 'downgrade: the offer of TLS 1.3 is taken out of the hello',
    surgeon: changes('clientHello', withExtension(43, undefined)),
    verdict: ['client', 'illegal_parameter', 'INAPPROPRIATE_FALLBACK'],
  },
  {
    name: 'downgrade: all suites but the weakest are taken out of the hello',
    surgeon: changes(
      'clientHello',
      hello(() => ({ suites: [0x1303] })),
    ),
    verdict: ['client', 'decrypt_error', 'BAD_SIGNATURE'],
  },
  {
    name: 'downgrade: groups are taken out of the hello of TLS 1.2',
    ends: { client: t12 },
    surgeon: changes('clientHello', withExtension(10, Uint8Array.of(0, 2, 0, 0x17))),
    verdict: ['server', 'decrypt_error', 'DIGEST_CHECK_FAILED'],
  },
  {
    name: 'cross-protocol: a client of mail at a server of the web',
    ends: { client: { alpn: ['smtp'] }, server: { alpn: ['http/1.1'] } },
    surgeon: asItIs,
    verdict: ['server', 'no_application_protocol', 'NO_APPLICATION_PROTOCOL'],
  },
  {
    name: 'version confusion: a server answers with SSL 3',
    surgeon: changes(
      'serverHello',
      hello(() => ({ version: 0x0300, extensions: [] })),
    ),
    verdict: ['client', 'protocol_version', 'UNSUPPORTED_PROTOCOL'],
  },
  {
    name: 'triple handshake: extended_master_secret is taken out of the hello',
    ends: { client: t12 },
    surgeon: changes('clientHello', withExtension(23, undefined)),
    verdict: ['server', 'decrypt_error', 'DIGEST_CHECK_FAILED'],
  },
  {
    name: 'triple handshake: a client that insists on extended_master_secret',
    ends: { client: { ...t12, extendedMasterSecret: 'require' } },
    surgeon: changes('clientHello', withExtension(23, undefined)),
    verdict: ['client', 'handshake_failure', 'INCONSISTENT_EXTMS'],
  },
  ...([0x0101, 0x0201, 0x0203] as const).map(
    (id): Row => ({
      name: `SLOTH: a CertificateVerify by a broken hash, scheme 0x0${id.toString(16)}`,
      surgeon: changes('certificateVerify', signed(id)),
      verdict: ['client', 'illegal_parameter', 'WRONG_SIGNATURE_TYPE'],
    }),
  ),
  {
    name: 'early CCS: to a server before there are keys',
    ends: { client: t12 },
    surgeon: before('clientKeyExchange', 'client', CCS, 20),
    verdict: ['server', 'unexpected_message', 'CCS_RECEIVED_EARLY'],
  },
  {
    name: 'early CCS: to a client before there are keys',
    ends: { client: t12 },
    surgeon: before('serverKeyExchange', 'server', CCS, 20),
    verdict: ['client', 'unexpected_message', 'CCS_RECEIVED_EARLY'],
  },
  {
    name: 'state-machine skip (SKIP): no ServerKeyExchange',
    ends: { client: t12 },
    surgeon: without('serverKeyExchange', 'server'),
    verdict: ['client', 'unexpected_message', 'UNEXPECTED_MESSAGE'],
  },
  {
    name: 'state-machine skip (SKIP): no CertificateVerify, TLS 1.3',
    surgeon: without('certificateVerify', 'server'),
    verdict: ['client', 'unexpected_message', 'UNEXPECTED_MESSAGE'],
  },
  {
    name: 'state-machine skip (SKIP): no Certificate and no CertificateVerify, TLS 1.3',
    surgeon: (piece) => (piece.from === 'server' && /^certificate/.test(piece.name) ? [] : asItIs(piece)),
    verdict: ['client', 'unexpected_message', 'UNEXPECTED_MESSAGE'],
  },
  {
    name: 'state-machine skip (FREAK): a short key in ServerKeyExchange where static RSA was agreed',
    ends: { client: { ...t12, ...only(RSA) }, server: only(RSA) },
    surgeon: before('serverHelloDone', 'server', message(12, new Uint8Array(140)).bytes),
    verdict: ['client', 'unexpected_message', 'UNEXPECTED_MESSAGE'],
  },
  {
    name: 'state-machine skip (FREAK): a suite of export that nobody offered',
    ends: { client: t12 },
    surgeon: changes(
      'serverHello',
      hello(() => ({ suites: [0x0003] })),
    ),
    verdict: ['client', 'illegal_parameter', 'WRONG_CIPHER_RETURNED'],
  },
  {
    name: 'renegotiation: a first hello that claims to be a second one',
    surgeon: changes('clientHello', withExtension(0xff01, Uint8Array.of(12, ...new Uint8Array(12)))),
    verdict: ['server', 'handshake_failure', 'RENEGOTIATION_MISMATCH'],
  },
  {
    name: 'renegotiation: a server that does not know RFC 5746',
    ends: { client: t12 },
    surgeon: changes('serverHello', withExtension(0xff01, undefined)),
    verdict: ['client', 'handshake_failure', 'UNSAFE_LEGACY_RENEGOTIATION_DISABLED'],
  },
  {
    name: 'HRR loop: a second HelloRetryRequest',
    ends: { server: { groups: groups.filter(({ name }) => name === 'secp256r1') } },
    surgeon: (piece) => {
      if (piece.name !== 'serverHello') return asItIs(piece)
      kept.push(piece.bytes)
      return [{ type: 22, bytes: kept[0] as Uint8Array, clear: true }]
    },
    verdict: ['client', 'unexpected_message', 'UNEXPECTED_MESSAGE'],
  },
]

describe('attacks on the way', () => {
  for (const { name, ends, surgeon, verdict } of rows) {
    test(name, async () => {
      const m = await materials()
      const rsa = ends?.server?.suites ? { identities: [m.identities['rsa-2048']] } : {}
      kept.length = 0
      const { pair } = await between(surgeon, { ...ends, server: { ...ends?.server, ...rsa } })
      refuses(pair, ...verdict)
      assert.equal(pair[verdict[0]].established, false)
    })
  }
})

describe('attacks', () => {
  test('cross-protocol: what begins like another protocol is told nothing', async () => {
    const { client, server } = await configs()
    for (const [role, config, said] of [
      ['server', server, 'GET / HTTP/1.1\r\n'],
      ['server', server, 'EHLO mail.example\r\n'],
      ['client', client, 'HTTP/1.1 400 Bad Request\r\n'],
      ['client', client, '220 mail.example\r\n'],
    ] as const) {
      const connection = new Connection(role, config)
      connection.advance()
      connection.output.take()
      connection.receive(Buffer.from(said))
      assert.throws(() => connection.advance(), TlsError)
      assert.equal(connection.output.empty, true)
    }
  })

  for (const encryptThenMac of [false, true]) {
    test(`padding oracle (Lucky 13, POODLE): one answer to every spoiled record, ${encryptThenMac ? 'encrypt then MAC' : 'MAC then encrypt'}`, async () => {
      const cbc = suites.filter(({ cipher, agreement }) => cipher === 'aes-128-cbc' && agreement === 'ecdhe')
      const said = new Set<string>()
      const spoils: readonly ((record: Uint8Array) => Uint8Array)[] = [
        (r) => r.map((byte, i) => (i === r.length - 1 ? byte ^ 1 : byte)),
        (r) => r.map((byte, i) => (i === r.length - 17 ? byte ^ 1 : byte)),
        (r) => r.map((byte, i) => (i === 6 ? byte ^ 1 : byte)),
        (r) => r.map((byte, i) => (i > 20 ? 0 : byte)),
        (r) => Uint8Array.from([...r.subarray(0, 5), ...r.subarray(5).toReversed()]),
      ]
      for (const spoil of spoils) {
        for (let length = 0; length < 20; length++) {
          const part = { suites: cbc, encryptThenMac }
          const pair = await opened({ client: { ...t12, ...part }, server: part })
          assert.equal(pair.client.facts.encryptThenMac ?? false, encryptThenMac)
          pair.client.write(new Uint8Array(40 + length))
          pair.server.receive(spoil(pair.client.output.take()))
          await settle(pair)
          const { server } = pair.lost
          assert.ok(server instanceof TlsError)
          // how long it was everybody has seen
          said.add(`${server.alert} ${server.message.replace(/\d+ bytes$/, '')}`)
          assert.ok(pair.lost.client instanceof AlertReceived && pair.lost.client.alert === 20)
        }
      }
      assert.equal(said.size, 1, [...said].join('; '))
    })
  }

  test('Bleichenbacher (ROBOT): one answer to every premaster secret that is none', async () => {
    const m = await materials()
    const identity = m.identities['rsa-2048']
    const key = createPublicKey({ key: Buffer.from(identity.key.spki), format: 'der', type: 'spki' })
    const raw = (block: Uint8Array): Uint8Array => publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, block)
    const block = (change: (bytes: Buffer) => void): Uint8Array => {
      const bytes = randomBytes(256).map((byte) => byte || 1) as Buffer
      bytes.set([0, 2])
      bytes.set([0, 3, 3], 256 - 49)
      change(bytes)
      return raw(bytes)
    }
    const said = new Set<string>()
    const forged = [
      block(() => {}),
      block((b) => b.set([0, 1])),
      block((b) => b.set([1, 2])),
      block((b) => b.set([7], 256 - 49)),
      block((b) => b.set([0], 5)),
      block((b) => b.set([0], 200)),
      block((b) => b.set([3, 2], 256 - 48)),
      block((b) => b.set([0], 256 - 1)),
      raw(Buffer.concat([Buffer.alloc(1), randomBytes(255)])),
    ]
    for (const encrypted of forged) {
      const { pair } = await between(
        changes('clientKeyExchange', () => message(16, Buffer.concat([Buffer.from([1, 0]), encrypted])).bytes),
        { client: { ...t12, ...only(RSA) }, server: { ...only(RSA), identities: [identity] } },
      )
      const { server } = pair.lost
      assert.ok(server instanceof TlsError)
      said.add(`${server.alert} ${server.message}`)
    }
    assert.deepEqual(
      [...said].map((line) => line.split(' ')[0]),
      ['decrypt_error'],
    )
  })

  test('raccoon: no finite-field Diffie-Hellman in TLS 1.2, and fresh shares each time', async () => {
    assert.deepEqual(
      groups.filter(({ name, tls12 }) => name.startsWith('ffdhe') && tls12),
      [],
    )
    const shares = new Set<string>()
    for (let i = 0; i < 3; i++)
      await between(
        (piece) => {
          if (piece.name === 'serverKeyExchange') shares.add(Buffer.from(piece.bytes.subarray(4, 40)).toString('hex'))
          return asItIs(piece)
        },
        { client: t12 },
      )
    assert.equal(shares.size, 3)
  })

  test('triple handshake: a session with extended_master_secret is not resumed without', async () => {
    let session: Session | undefined
    const tickets = memoryTickets(node, () => NOW)
    const server = { tickets }
    await opened({ client: { ...t12, onSession: (fresh) => (session = fresh) }, server })
    assert.equal(session?.extendedMasterSecret, true)
    const again = { ...t12, ...(session && { session }) }
    const { pair } = await between(changes('clientHello', withExtension(23, undefined)), { client: again, server })
    refuses(pair, 'server', 'handshake_failure', 'INCONSISTENT_EXTMS')
  })

  test('Selfie: a client does not take its own hello, and imported keys are bound to who speaks', async () => {
    const psk = { identity: Uint8Array.of(7), secret: new Uint8Array(32).fill(7), hash: 'sha256' } as const
    const { client } = await configs({ client: { psk: () => psk } })
    const one = new Connection('client', client)
    one.advance()
    one.receive(one.output.take())
    assert.throws(() => one.advance(), { alert: 'unexpected_message' })

    // a party that is both: what it says as client comes back to it as server
    const external = (said: string) => [{ identity: Uint8Array.of(7), secret: psk.secret, context: Buffer.from(said) }]
    const mirrored = await configs({
      client: { psk: importedKeys(node, external('a to b')).psk },
      server: { findPsk: importedKeys(node, external('b to a')).findPsk, identities: [] },
    })
    const pair = makePair(mirrored.client, mirrored.server)
    await settle(pair)
    assert.ok(pair.lost.server instanceof TlsError)
    assert.equal(pair.server.facts.psk, undefined)
  })

  test('key-compromise impersonation: no certificate of ours for fixed Diffie-Hellman', async () => {
    const m = await materials()
    let shown: number | undefined
    const rewrite = (name: string, body: unknown): unknown =>
      name === 'certificateRequest12' ? { ...(body as object), certificateTypes: [65, 66, 3, 4] } : body
    const { pair } = await between(
      (piece) => {
        if (piece.from === 'client' && piece.name === 'certificate12') shown = piece.bytes.length
        return asItIs(piece)
      },
      { client: { ...t12, identities: [m.identities['P-256']] }, server: { clientAuth: 'request', rewrite } },
    )
    assert.equal(shown, 7, 'the list of certificates is empty')
    assert.deepEqual(pair.lost, {})
    assert.deepEqual(
      suites.filter(({ agreement }) => !['any', 'ecdhe', 'rsa', 'psk', 'ecdhe_psk'].includes(agreement)),
      [],
    )
  })

  test('truncation: an end without close_notify is no end', async () => {
    for (const versions of [[TLS13], [TLS12]] as const) {
      const pair = await opened({ client: { versions } })
      pair.server.write(Buffer.from('half of'))
      pair.client.receive(pair.server.output.take())
      await settle(pair)
      pair.client.end()
      assert.throws(() => pair.client.advance(), Truncated)
      assert.equal(pair.client.closedByPeer, false)
    }
  })

  test('renegotiation: an open connection declines, and goes on', async () => {
    const { pair, inject, run } = await between(asItIs, { client: t12 })
    inject?.('server', message(0, new Uint8Array(0)))
    await run()
    assert.deepEqual(pair.lost, {})
    pair.client.write(Buffer.from('goes on'))
    await run()
    assert.equal(pair.received.server, 'goes on')
    const tls13 = await between()
    tls13.inject?.('client', message(1, new Uint8Array(60)))
    await tls13.run()
    refuses(tls13.pair, 'server', 'unexpected_message', 'UNEXPECTED_MESSAGE')
  })

  test('over-read (heartbeat): no length leads outside of its message', async () => {
    const secret = 0x5e
    /** Every view in a value lies within these bytes. */
    const inside = (value: unknown, whole: Uint8Array): void => {
      if (value instanceof Uint8Array) {
        if (value.buffer !== whole.buffer) return
        assert.ok(value.byteOffset >= whole.byteOffset)
        assert.ok(value.byteOffset + value.length <= whole.byteOffset + whole.length)
      } else if (typeof value === 'object' && value !== null)
        for (const part of Object.values(value)) inside(part, whole)
    }
    let read = 0
    for (const { name, bytes } of await sentMessages()) {
      const memory = new Uint8Array(bytes.length + 70_000).fill(secret)
      memory.set(bytes, 1000)
      const body = memory.subarray(1000, 1000 + bytes.length)
      for (let at = 0; at < Math.min(body.length, 400); at++) {
        for (const add of [1, 127, 255]) {
          const old = body[at] as number
          body[at] = old + add
          try {
            inside(decode(messages[name].codec as never, body), body)
            read++
          } catch (error) {
            assert.ok(error instanceof TlsError, `${name}: ${error}`)
          }
          body[at] = old
        }
      }
    }
    assert.ok(read > 1000)
  })

  test('ticket swap: the ticket of one session with the secret of another', async () => {
    const tickets = memoryTickets(node, () => NOW)
    const sessions: Session[] = []
    for (let i = 0; i < 2; i++)
      await opened({ client: { onSession: (fresh) => void sessions.push(fresh) }, server: { tickets } })
    const [one, other] = [sessions[0], sessions[sessions.length - 1]] as [Session, Session]
    const swapped = { ...one, ticket: other.ticket, ticketAgeAdd: other.ticketAgeAdd }
    const { client, server } = await configs({ client: { session: swapped }, server: { tickets } })
    const pair = makePair(client, server)
    await settle(pair)
    refuses(pair, 'server', 'decrypt_error', 'BINDER_DOES_NOT_VERIFY')
  })

  test('ticket swap: a ticket for another name is not resumed', async () => {
    const tickets = memoryTickets(node, () => NOW)
    let session: Session | undefined
    await opened({ client: { onSession: (fresh) => (session = fresh) }, server: { tickets } })
    const { pair } = await between(
      changes('clientHello', withExtension(0, Buffer.from('\0\x0c\0\0\x09elsewhere', 'latin1'))),
      {
        client: { ...(session && { session }) },
        server: { tickets },
      },
    )
    assert.equal(pair.server.facts.resumed, false)
    assert.equal(pair.client.established, false)
  })

  test('prototype pollution: names of objects are names like others', async () => {
    const names = ['__proto__', 'constructor', 'toString']
    const psk = { identity: Buffer.from('__proto__'), secret: new Uint8Array(32), hash: 'sha256' } as const
    const pair = await opened({ client: { alpn: names }, server: { alpn: ['__proto__'] } })
    assert.equal(pair.client.facts.alpn, '__proto__')
    const keyed = await opened({
      client: { psk: () => psk },
      server: { findPsk: (id) => (Buffer.from(id).toString() === '__proto__' ? psk : undefined) },
    })
    assert.equal(Buffer.from(keyed.server.facts.psk ?? []).toString(), '__proto__')
    assert.equal(({} as { polluted?: unknown }).polluted, undefined)
    assert.deepEqual(Object.keys(Object.prototype), [])
  })

  test('secrets in errors: no error tells one', async () => {
    const secrets: string[] = []
    const trace: NonNullable<ConfigInput['trace']> = (event) => {
      if (event.event !== 'secret') return
      secrets.push(Buffer.from(event.secret).toString('hex'), Buffer.from(event.secret).toString('base64'))
      secrets.push(event.secret.slice(0, 8).join(', '))
    }
    const flipLast = (raw: Uint8Array) => raw.map((byte, i) => (i === raw.length - 1 ? byte ^ 1 : byte))
    for (const versions of [[TLS13], [TLS12]] as const) {
      for (const name of ['finished', 'certificateVerify', 'serverKeyExchange', 'clientKeyExchange', 'data']) {
        const { pair, run } = await between(changes(name, flipLast), { client: { versions, trace }, server: { trace } })
        pair.client.end()
        await run()
        const said = inspect(pair.lost, { depth: 12, maxArrayLength: null })
        assert.equal(
          secrets.find((secret) => said.includes(secret)),
          undefined,
        )
        assert.ok(!said.includes('Uint8Array('), said)
      }
    }
    assert.ok(secrets.length > 20)
  })

  test('late answers: what was given up leaves no rejection behind', async () => {
    const unhandled: unknown[] = []
    const listen = (reason: unknown): void => void unhandled.push(reason)
    process.on('unhandledRejection', listen)
    const m = await materials()
    const identity = m.identities['P-256']
    const fails = async (): Promise<never> => {
      await new Promise((resolve) => setTimeout(resolve, 5))
      throw new Error('the vault is closed')
    }
    for (const versions of [[TLS13], [TLS12]] as const) {
      const provider = lateProvider(node)
      const { client, server } = await configs({
        client: { versions, provider },
        server: {
          provider,
          identities: [{ ...identity, key: { ...identity.key, facts: identity.key.facts, sign: fails } }],
        },
      })
      for (let turns = 0; turns < 12; turns++) {
        const pair = makePair(client, server)
        for (let i = 0; i < turns; i++) {
          for (const [end, other] of [
            ['client', 'server'],
            ['server', 'client'],
          ] as const) {
            try {
              pair[end].advance()
              pair[other].receive(pair[end].output.take())
            } catch {}
          }
          await new Promise((resolve) => setImmediate(resolve))
        }
        // and nobody turns it any more
        pair.client.end()
        pair.server.end()
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 60))
    process.off('unhandledRejection', listen)
    assert.deepEqual(unhandled, [])
  })
})
