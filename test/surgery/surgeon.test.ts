import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { concat } from '../../src/bytes/compare.ts'
import { defineConfig } from '../../src/config.ts'
import { Connection } from '../../src/connection.ts'
import { node } from '../../src/crypto/node/index.ts'
import { AlertReceived, TlsError } from '../../src/errors.ts'
import * as o from '../../src/openssl/index.ts'
import { verifier } from '../../src/x509/path.ts'
import { lateProvider } from '../late.ts'
import { materials as engineMaterials, NOW } from '../materials.ts'
import { contextFor, materials, trust, useIdentity } from '../openssl/bench.ts'
import { hello, withExtension } from './hello.ts'
import { Secrets } from './keys.ts'
import { ConnectionParty, SslParty } from './parties.ts'
import { ALERT, on, Surgeon, type Wishes } from './surgeon.ts'

interface Ends {
  readonly version?: number
  readonly late?: boolean
  readonly wishes?: Wishes
  readonly client?: (ctx: o.SSL_CTX) => void
  readonly server?: (ctx: o.SSL_CTX) => void
}

const ended = async ({ version = 0x0304, late = false, wishes = {}, client, server }: Ends) => {
  const m = await materials()
  const [cctx, sctx] = [contextFor(late), contextFor(late)]
  for (const ctx of [cctx, sctx]) {
    o.SSL_CTX_set_max_proto_version(ctx, version)
    trust(ctx, m.root)
    useIdentity(ctx, m.leaf)
  }
  o.SSL_CTX_set_verify(cctx, o.SSL_VERIFY_PEER, null)
  client?.(cctx)
  server?.(sctx)
  const ssl = [o.SSL_new(cctx), o.SSL_new(sctx)] as [o.SSL, o.SSL]
  o.SSL_set_connect_state(ssl[0])
  o.SSL_set_accept_state(ssl[1])
  const parties = [new SslParty(ssl[0]), new SslParty(ssl[1])] as const
  const surgeon = new Surgeon(parties[0], parties[1], { keys: { client: m.leaf.key, server: m.leaf.key }, ...wishes })
  await surgeon.run()
  return { surgeon, client: parties[0], server: parties[1], both: [parties[0].ended, parties[1].ended] }
}
const GOOD = [['1 NONE'], ['1 NONE']]
const unknown = withExtension(0x1a1a, Uint8Array.of(1, 2, 3))
const mutual = (ctx: o.SSL_CTX): void => o.SSL_CTX_set_verify(ctx, o.SSL_VERIFY_PEER, null)

describe('somebody in between', () => {
  for (const late of [false, true]) {
    for (const version of [0x0304, 0x0303]) {
      const title = `TLS 1.${version - 0x0301}${late ? ', late crypto' : ''}`
      test(`changes nothing when nothing is edited: ${title}`, async () => {
        const { both } = await ended({ version, late, wishes: { mend: false } })
        assert.deepEqual(both, GOOD)
      })
      test(`keeps an edit out of both transcripts, certificates of both ends included: ${title}`, async () => {
        const edited = await ended({ version, late, wishes: { edit: on('clientHello', unknown) }, server: mutual })
        assert.deepEqual(edited.both, GOOD)
      })
      test(`does not when it shall not: ${title}`, async () => {
        const { both } = await ended({ version, late, wishes: { edit: on('clientHello', unknown), mend: false } })
        assert.ok(!both.flat().includes('1 NONE'), both.join())
      })
    }
  }

  test('CBC suites, with and without encrypt_then_mac', async () => {
    for (const options of [0, o.SSL_OP_NO_ENCRYPT_THEN_MAC]) {
      const { both } = await ended({
        version: 0x0303,
        wishes: { edit: on('clientHello', unknown) },
        client: (ctx) => {
          o.SSL_CTX_set_cipher_list(ctx, 'ECDHE-ECDSA-AES128-SHA')
          o.SSL_CTX_set_options(ctx, options)
        },
        server: (ctx) => o.SSL_CTX_set_cipher_list(ctx, 'ECDHE-ECDSA-AES128-SHA'),
      })
      assert.deepEqual(both, GOOD)
    }
  })

  test('a second hello', async () => {
    const { both, surgeon } = await ended({
      wishes: { edit: (passing) => (passing.name === 'clientHello' ? unknown(passing.raw) : undefined) },
      server: (ctx) => o.SSL_CTX_set1_groups_list(ctx, 'P-384'),
    })
    assert.deepEqual(both, GOOD)
    assert.match(surgeon.story, /^clientHello <helloRetryRequest .*clientHello <serverHello/)
  })

  test('data, key updates and alerts pass', async () => {
    const { surgeon, client, server } = await ended({})
    for (const [from, to, text] of [
      [client, server, 'one'],
      [server, client, 'two'],
    ] as const) {
      o.SSL_key_update(from.ssl, o.SSL_KEY_UPDATE_REQUESTED)
      o.SSL_write(from.ssl, new TextEncoder().encode(text))
      await surgeon.run()
      assert.equal(to.received, text)
    }
    o.SSL_write(server.ssl, new TextEncoder().encode('three'))
    await surgeon.run()
    assert.equal(client.received, 'twothree')
    o.SSL_shutdown(client.ssl)
    await surgeon.run()
    assert.deepEqual(server.ended, ['1 NONE', '0 ZERO_RETURN'])
    assert.match(surgeon.story, /keyUpdate data .*<keyUpdate .*alert$/)
  })

  test('what is refused is refused for what it says', async () => {
    const { both } = await ended({
      wishes: {
        edit: on(
          'clientHello',
          hello(({ extensions }) => ({ extensions: [...(extensions ?? []), ...(extensions ?? [])] })),
        ),
      },
    })
    assert.deepEqual(both, [
      ['-1 SSL; SSL/1047 “sslv3 alert illegal parameter”; SSL alert number 47'],
      ['-1 SSL; SSL/110 “bad extension”'],
    ])
  })

  test('messages are dropped, doubled and put in, records damaged', async () => {
    const dropped = await ended({ wishes: { edit: on('encryptedExtensions', () => []) } })
    assert.equal(dropped.client.ended.join(), '-1 SSL; SSL/244 “unexpected message”')
    const doubled = await ended({ wishes: { edit: on('certificate', (raw) => [raw, raw]) } })
    assert.equal(doubled.client.ended.join(), '-1 SSL; SSL/244 “unexpected message”')
    const told = await ended({
      wishes: {
        edit: on('certificate', (raw) => [{ type: ALERT, bytes: Uint8Array.of(1, 90) }, raw]),
      },
    })
    assert.deepEqual(told.both, GOOD)
    const damaged = await ended({
      wishes: {
        records: (from, records) =>
          from === 'server'
            ? records.map((one) => (one[0] === 23 ? one.with(-1, (one.at(-1) as number) ^ 1) : one))
            : records,
      },
    })
    assert.equal(damaged.client.ended.join(), '-1 SSL; SSL/281 “decryption failed or bad record mac”')
  })
})

describe('between ends of the engine', () => {
  for (const provider of [node, lateProvider(node)]) {
    test(`an edit, and its verdict: ${provider.name}`, async () => {
      const m = await engineMaterials()
      const ends = (edit?: Wishes['edit']) => {
        const [c, s] = [new Secrets(), new Secrets()]
        const common = { provider, now: () => NOW, verifier: verifier({ anchors: [m.root] }) }
        const client = defineConfig({ ...common, serverName: 'localhost', peerName: 'localhost', trace: c.trace })
        const server = defineConfig({ ...common, identities: [m.identities['P-256']], trace: s.trace })
        const parties = [
          new ConnectionParty('client', new Connection('client', client), c),
          new ConnectionParty('server', new Connection('server', server), s),
        ] as const
        const wishes = { ...(edit && { edit }), keys: { server: m.identities['P-256'].key } }
        return { parties, surgeon: new Surgeon(parties[0], parties[1], wishes) }
      }
      const good = ends(on('clientHello', unknown))
      await good.surgeon.run()
      assert.deepEqual(
        good.parties.map(({ lost, connection }) => lost ?? connection.established),
        [true, true],
      )
      const bad = ends(
        on('finished', (raw) => concat(raw.subarray(0, raw.length - 1), Uint8Array.of((raw.at(-1) as number) ^ 1))),
      )
      await bad.surgeon.run()
      const [client, server] = bad.parties.map(({ lost }) => lost)
      assert.ok(client instanceof TlsError && client.reason === 'DIGEST_CHECK_FAILED', String(client))
      assert.ok(server instanceof AlertReceived && server.alert === 51)
    })
  }
})
