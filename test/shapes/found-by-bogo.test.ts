import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Config, type ConfigInput, defineConfig, TLS12, TLS13 } from '../../src/config.ts'
import { groups } from '../../src/crypto/groups.ts'
import { node } from '../../src/crypto/node/index.ts'
import { schemes } from '../../src/crypto/schemes.ts'
import { suites } from '../../src/crypto/suites.ts'
import { type AlertName, AlertReceived, alerts, CertificateError, TlsError } from '../../src/errors.ts'
import { Peer, WARNING } from '../../src/handshake/peer.ts'
import type { Reason } from '../../src/reasons.ts'
import type { Session } from '../../src/session/session.ts'
import { memoryTickets } from '../../src/session/tickets.ts'
import type { TraceEvent } from '../../src/trace.ts'
import { verifier } from '../../src/x509/path.ts'
import { lateProvider } from '../late.ts'
import { type Materials, materials, NOW } from '../materials.ts'
import { makePair, type Pair, settle } from '../pair.ts'

// What BoringSSL's protocol tests (test/bogo) have found in the engine, each as a row of its own.

type Part = Partial<Omit<ConfigInput, 'provider'>>
type Ends = { readonly client?: Part; readonly server?: Part }

const both = (m: Materials, { client, server }: Ends, provider = node): { client: Config; server: Config } => {
  const base = { provider, verifier: verifier({ anchors: [m.root] }), now: () => NOW }
  const names = { serverName: 'localhost', peerName: 'localhost' }
  return {
    client: defineConfig({ ...base, ...names, ...client }),
    server: defineConfig({ ...base, identities: [m.identities['P-256']], ...server }),
  }
}
const talk = async (ends: Ends, provider = node): Promise<Pair> => {
  const { client, server } = both(await materials(), ends, provider)
  const pair = makePair(client, server)
  await settle(pair)
  return pair
}
/** Says something else in place of a message, once. */
const lie = (name: string, change: (body: any) => unknown): Part => {
  let told = false
  return {
    rewrite: (said, body) => {
      if (said !== name || told) return body
      told = true
      return change(body)
    },
  }
}
const refused = (error: unknown, alert: AlertName, reason: Reason): void => {
  assert.ok(error instanceof TlsError, `${error}`)
  assert.deepEqual([error.alert, error.reason], [alert, reason])
}
const group = (...names: string[]) => groups.filter(({ name }) => names.includes(name))

for (const [way, provider] of [
  ['quick', node],
  ['late', lateProvider(node)],
] as const) {
  describe(`found by BoGo, ${way}`, () => {
    test('an alert about what follows the ServerHello goes under the handshake keys', async () => {
      const unknown = lie('encryptedExtensions', (b) => ({
        extensions: { ...b.extensions, unknown: [{ type: 0x1a1a, data: new Uint8Array(0) }] },
      }))
      const { client, server } = both(await materials(), { server: unknown }, provider)
      const pair = makePair(client, server)
      const types: number[] = []
      pair.client.receive = (
        (receive) => (bytes: Uint8Array) =>
          receive.call(pair.client, bytes)
      )(pair.client.receive)
      const { receive } = pair.server
      pair.server.receive = (bytes) => {
        for (let at = 0; at + 5 <= bytes.length; at += 5 + ((bytes[at + 3] as number) << 8) + (bytes[at + 4] as number))
          types.push(bytes[at] as number)
        receive.call(pair.server, bytes)
      }
      await settle(pair)
      refused(pair.lost.client, 'unsupported_extension', 'UNSOLICITED_EXTENSION')
      assert.ok(
        pair.lost.server instanceof AlertReceived && pair.lost.server.alert === alerts.unsupported_extension,
        `${pair.lost.server}`,
      )
      // ClientHello, ChangeCipherSpec, and the alert as a protected record
      assert.deepEqual(types, [22, 20, 23])
    })

    test('a fallback to a version that we do not speak at all is still a fallback', async () => {
      const pair = await talk(
        {
          client: lie('clientHello', (b) => {
            const { supportedVersions: _, ...extensions } = b.extensions
            return { ...b, legacyVersion: 0x0302, cipherSuites: [...b.cipherSuites, 0x5600], extensions }
          }),
        },
        provider,
      )
      refused(pair.lost.server, 'inappropriate_fallback', 'INAPPROPRIATE_FALLBACK')
    })

    for (const [what, list] of [
      ['no list of timestamps', []],
      ['an empty list of timestamps', [0, 0]],
      ['an empty timestamp', [0, 2, 0, 0]],
    ] as const) {
      test(`1.3: ${what}`, async () => {
        const server = lie('certificate', (b) => ({
          ...b,
          certificateList: b.certificateList.map((entry: object) => ({
            ...entry,
            extensions: { unknown: [{ type: 18, data: Uint8Array.from(list) }] },
          })),
        }))
        const pair = await talk({ client: { scts: true }, server }, provider)
        assert.ok(
          pair.lost.client instanceof TlsError && pair.lost.client.alert === 'decode_error',
          `${pair.lost.client}`,
        )
      })
    }

    test('a list of timestamps of ours that is none is our own fault', async () => {
      const m = await materials()
      for (const versions of [[TLS12], [TLS13]] as const) {
        const identities = [{ ...m.identities['P-256'], scts: Uint8Array.of(0, 6, 0, 4, 5) }]
        const pair = await talk({ client: { versions, scts: true }, server: { identities } }, provider)
        refused(pair.lost.server, 'internal_error', 'NO_VALID_SCTS')
      }
    })

    test('1.2: a certificate of a curve that was not offered', async () => {
      const client = {
        groups: group('x25519'),
        ...lie('clientHello', (b) => ({ ...b, extensions: { ...b.extensions, supportedGroups: [0x1d, 0x17] } })),
      }
      const pair = await talk({ client: { ...client, versions: [TLS12] } }, provider)
      refused(pair.lost.client, 'illegal_parameter', 'WRONG_CURVE')
    })

    test('a binder that is too short proves nothing; where TLS 1.2 is chosen it does not matter', async () => {
      const short = () =>
        lie('clientHello', (b) => ({
          ...b,
          extensions: {
            ...b.extensions,
            preSharedKey: {
              identities: [{ identity: Uint8Array.of(1, 2, 3), obfuscatedTicketAge: 0 }],
              binders: [new Uint8Array(12)],
            },
          },
        }))
      const key = { identity: Uint8Array.of(1, 2, 3), secret: new Uint8Array(32), hash: 'sha256' as const }
      const pair = await talk({ client: short(), server: { findPsk: () => key } }, provider)
      refused(pair.lost.server, 'decrypt_error', 'BINDER_DOES_NOT_VERIFY')
      const older = await talk({ client: short(), server: { versions: [TLS12] } }, provider)
      assert.notEqual((older.lost.server as TlsError | undefined)?.reason, 'LENGTH_MISMATCH')
    })

    test('a session whose ticket may not be shown is not offered', async () => {
      const m = await materials()
      const tickets = memoryTickets(provider, () => NOW)
      let session: Session | undefined
      const first = both(
        m,
        {
          client: { versions: [TLS12], tickets, onSession: (fresh) => (session = fresh) },
          server: { versions: [TLS12], tickets },
        },
        provider,
      )
      await settle(makePair(first.client, first.server))
      assert.ok(session)
      const second = both(m, { client: { versions: [TLS12], session }, server: { tickets } }, provider)
      const pair = makePair(second.client, second.server)
      await settle(pair)
      assert.deepEqual([pair.lost, pair.client.facts.resumed], [{}, false])
    })

    test('a resumed session is judged again, when the config says so', async () => {
      const m = await materials()
      for (const version of [TLS12, TLS13] as const) {
        const tickets = memoryTickets(provider, () => NOW)
        let session: Session | undefined
        let good = true
        const inner = verifier({ anchors: [m.root] })
        const judge = {
          verify: (...about: Parameters<typeof inner.verify>) => {
            if (!good) throw new CertificateError(23, 0, 'revoked meanwhile')
            return inner.verify(...about)
          },
        }
        const ends = (): Ends => ({
          client: {
            versions: [version],
            tickets,
            verifier: judge,
            reverify: true,
            onSession: (fresh) => (session = fresh),
            ...(session && { session }),
          },
          server: { tickets },
        })
        const configs = [both(m, ends(), provider)]
        await settle(makePair(configs[0]?.client as Config, configs[0]?.server as Config))
        for (good of [true, false]) {
          const { client, server } = both(m, ends(), provider)
          const pair = makePair(client, server)
          await settle(pair)
          if (good) assert.deepEqual([pair.lost, pair.client.facts.resumed], [{}, true])
          else refused(pair.lost.client, 'certificate_revoked', 'CERTIFICATE_VERIFY_FAILED')
        }
      }
    })

    test('a client that insists on showing a certificate goes no further without', async () => {
      for (const version of [TLS12, TLS13] as const) {
        const m = await materials()
        const rsa = m.identities['rsa-2048']
        const unfit = {
          identities: [{ ...rsa, schemes: schemes.filter(({ name }) => name === 'rsa_pss_rsae_sha384') }],
        }
        const asks = {
          versions: [version],
          clientAuth: 'request' as const,
          clientSchemes: schemes.filter(({ name }) => name === 'ecdsa_secp256r1_sha256'),
        }
        const silent = await talk({ client: unfit, server: asks }, provider)
        assert.deepEqual([silent.lost, silent.server.facts.peerChain], [{}, undefined])
        const insists = await talk({ client: { ...unfit, insistOnIdentity: true }, server: asks }, provider)
        refused(insists.lost.client, 'handshake_failure', 'NO_SUITABLE_SIGNATURE_ALGORITHM')
        const has = await talk({ client: { insistOnIdentity: true }, server: asks }, provider)
        assert.deepEqual(has.lost, {}, 'who has none at all need not show one')
      }
    })

    test('identities sign with schemes of their own, and their order decides where the config says so', async () => {
      const m = await materials()
      const [ec, rsa] = [m.identities['P-256'], m.identities['rsa-2048']]
      const pss384 = schemes.filter(({ name }) => name === 'rsa_pss_rsae_sha384')
      for (const version of [TLS12, TLS13] as const) {
        const server = { versions: [version], identities: [{ ...rsa, schemes: pss384 }, ec] }
        const usual = await talk({ server }, provider)
        assert.equal(usual.server.facts.ownScheme?.key, 'ec', 'the client prefers ECDSA')
        const ordered = await talk({ server: { ...server, identityPreference: true } }, provider)
        assert.deepEqual([ordered.lost, ordered.client.facts.peerScheme?.name], [{}, 'rsa_pss_rsae_sha384'])
      }
    })

    test('values that mean nothing stand in hellos and tickets, and are passed over', async () => {
      const m = await materials()
      const grease = (id: number): boolean => (id & 0x0f0f) === 0x0a0a && id >> 8 === (id & 255)
      const tickets = memoryTickets(provider, () => NOW)
      for (const retry of [false, true]) {
        let sessions = 0
        const seen: any[] = []
        const ends = {
          client: {
            grease: true,
            tickets,
            onSession: () => void sessions++,
            trace: (event: TraceEvent) => {
              if (event.event === 'message' && /clientHello|newSessionTicket/.test(event.name)) seen.push(event.body)
            },
          },
          server: { grease: true, tickets, ...(retry && { groups: group('secp384r1') }) },
        }
        const { client, server } = both(m, ends, provider)
        const pair = makePair(client, server)
        await settle(pair)
        assert.deepEqual([pair.lost, sessions], [{}, 2])
        const [hello] = seen
        for (const list of [
          hello.cipherSuites,
          hello.extensions.supportedGroups,
          hello.extensions.supportedVersions,
          hello.extensions.signatureAlgorithms,
          hello.extensions.unknown.map(({ type }: { type: number }) => type),
          seen.at(-1).extensions.unknown.map(({ type }: { type: number }) => type),
        ])
          assert.ok(list.some(grease), String(list))
        assert.equal(hello.extensions.unknown.length, 2)
        assert.notEqual(hello.extensions.unknown[0].type, hello.extensions.unknown[1].type)
      }
    })

    test('False Start: data goes before the server has finished, where RFC 7918 allows it', async () => {
      const m = await materials()
      const rows = [
        [{ falseStart: 'off', alpn: ['foo'] }, {}, false],
        [{ falseStart: 'with protocol', alpn: ['foo'] }, {}, true],
        [{ falseStart: 'with protocol' }, {}, false],
        [{ falseStart: 'always' }, {}, true],
        [{ falseStart: 'always', suites: suites.filter(({ id }) => id === 0xc009) }, {}, false],
        [
          { falseStart: 'always', suites: suites.filter(({ id }) => id === 0x9c) },
          { identities: [m.identities['rsa-2048']] },
          false,
        ],
      ] as const
      for (const [client, server, may] of rows) {
        const configs = both(
          m,
          { client: { versions: [TLS12], ...client }, server: { alpn: ['foo'], suites, ...server } },
          provider,
        )
        const pair = makePair(configs.client, configs.server)
        // everything but what the server says after its first flight
        let flights = 0
        const { receive } = pair.client
        const held: Uint8Array[] = []
        pair.client.receive = (bytes) => {
          if (pair.client.facts.ourFinished === undefined || flights > 0) receive.call(pair.client, bytes)
          else held.push(bytes.slice())
        }
        await settle(pair)
        assert.deepEqual([pair.client.established, pair.client.writable], [false, may])
        if (may) {
          pair.client.write(Uint8Array.of(102))
          assert.ok(pair.client.facts.exporter)
        }
        flights++
        for (const bytes of held) pair.client.receive(bytes)
        await settle(pair)
        assert.deepEqual([pair.lost, pair.client.established, pair.received.server], [{}, true, may ? 'f' : ''])
      }
    })

    test('a server learns how far the client and it disagree on the age of a ticket', async () => {
      const m = await materials()
      const tickets = memoryTickets(provider, () => NOW)
      let session: Session | undefined
      const first = both(
        m,
        { client: { tickets, onSession: (fresh) => (session = fresh) }, server: { tickets } },
        provider,
      )
      await settle(makePair(first.client, first.server))
      assert.ok(session)
      const second = both(
        m,
        { client: { session, now: () => NOW + 7000 }, server: { tickets, now: () => NOW + 2000 } },
        provider,
      )
      const pair = makePair(second.client, second.server)
      await settle(pair)
      assert.deepEqual([pair.server.facts.resumed, pair.server.facts.ticketAgeSkew], [true, 5000])
    })

    test('a program may end a connection with an alert of its own', async () => {
      const pair = await talk({}, provider)
      pair.server.abort('access_denied')
      await settle(pair)
      assert.ok(pair.lost.client instanceof AlertReceived && pair.lost.client.alert === alerts.access_denied)
      assert.throws(() => pair.server.advance(), { alert: 'access_denied' })
      pair.server.abort('internal_error')
      assert.equal(pair.server.output.length, 0, 'once')
    })
  })
}

describe('found by BoGo, records', () => {
  const record = (type: number, ...body: number[]): Uint8Array =>
    Uint8Array.from([type, 3, 3, body.length >> 8, body.length & 255, ...body])

  test('handshake bytes behind the end of a flight are refused before we answer it', async () => {
    for (const versions of [[TLS13], [TLS12]] as const) {
      const { client, server } = both(await materials(), { client: { versions }, server: { versions } })
      const pair = makePair(client, server)
      pair.client.advance()
      const hello = pair.client.output.take()
      // the beginning of another message in the same record
      pair.server.receive(record(22, ...hello.subarray(5), 20, 0, 0))
      assert.throws(() => pair.server.advance(), { alert: 'unexpected_message', reason: 'NOT_ON_RECORD_BOUNDARY' })
      assert.equal(pair.server.output.length, 7, 'an alert in the clear, and nothing before it')
    }
  })

  test('warnings with empty records between them are counted together', async () => {
    const { client } = both(await materials(), {})
    const peer = new Peer(client, {} as never, { role: 'client', resumed: false, retried: false }, () => {})
    peer.established = true
    const warn = (): void => {
      peer.data(new Uint8Array(0))
      peer.alert(WARNING, alerts.user_canceled)
    }
    for (let i = 0; i < 4; i++) warn()
    assert.throws(warn, { alert: 'unexpected_message', reason: 'TOO_MANY_WARN_ALERTS' })
    peer.data(Uint8Array.of(1))
    peer.alert(WARNING, alerts.user_canceled)
  })

  test('early data that is skipped has an end, and says which', async () => {
    const { client, server } = both(await materials(), {
      client: lie('clientHello', (b) => ({ ...b, extensions: { ...b.extensions, earlyData: true } })),
      server: { limits: { skippedEarlyData: 1000 } },
    })
    const pair = makePair(client, server)
    pair.client.advance()
    pair.server.receive(pair.client.output.take())
    pair.server.receive(record(23, ...new Uint8Array(600)))
    assert.equal(pair.server.advance().kind, 'read')
    pair.server.receive(record(23, ...new Uint8Array(600)))
    assert.throws(() => pair.server.advance(), { alert: 'unexpected_message', reason: 'TOO_MUCH_EARLY_DATA' })
  })

  test('an alert of a client that has not learned the version yet may say any', async () => {
    const { client, server } = both(await materials(), { server: { groups: group('secp256r1') } })
    const pair = makePair(client, server)
    pair.client.advance()
    pair.server.receive(pair.client.output.take())
    pair.server.advance()
    pair.server.receive(Uint8Array.of(21, 3, 1, 0, 2, 2, 40))
    assert.throws(() => pair.server.advance(), { name: 'AlertReceived', alert: 40 })
  })
})
