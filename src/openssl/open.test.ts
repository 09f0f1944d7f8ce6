import {
  bytes,
  call,
  connected,
  handshake,
  materials,
  type Pair,
  pairOf,
  queue,
  read,
  shake,
  told,
  trust,
  useIdentity,
  write,
} from '../../test/openssl/bench.ts'
import { type Row, type Setting, table } from '../../test/openssl/rows.ts'
import * as o from './index.ts'

const said = (ret: number): string => [String(ret), ...queue()].join('; ')

/** A client with a certificate, which offers or does not to show it later; a server that has not asked. */
const open = async ({ version, late }: Setting, offers: boolean): Promise<Pair> => {
  const { root, leaf } = await materials()
  const pair = await connected({
    version,
    late,
    cctx: (ctx) => {
      useIdentity(ctx, leaf, late)
      if (offers) o.SSL_CTX_set_post_handshake_auth(ctx, 1)
    },
    sctx: (ctx) => trust(ctx, root),
  })
  o.SSL_set_verify(pair.server, o.SSL_VERIFY_PEER, null)
  await read(pair.client)
  return pair
}
const ask = (ssl: o.SSL): string => said(o.SSL_verify_client_post_handshake(ssl))

const later: readonly Row[] = [
  {
    id: 'G9 G9c',
    version: 0x0304,
    run: async (setting) => {
      const early = await pairOf(setting)
      const { client, server } = await open(setting, false)
      return [ask(early.server), ask(client), ask(server)]
    },
    says: ['0; SSL/266 “wrong ssl version”', '0; SSL/284 “not server”', '0; SSL/279 “extension not received”'],
  },
  {
    id: 'G10 G10b G10d G10e',
    version: 0x0304,
    run: async (setting) => {
      const { client, server } = await open(setting, true)
      const first = `${ask(server)} in_init=${o.SSL_in_init(server)}`
      const pending = ask(server)
      const sent = told(server, await handshake(server))
      const second = ask(server)
      const asked = [await read(client), await read(server)]
      // a signature that comes late is sent by a later call
      for (let i = 0; i < 50 && !o.SSL_get_peer_certificate(server); i++)
        asked.push(await read(client), await read(server))
      await write(client, 'x')
      const got = `${await read(server)} peer=${o.SSL_get_peer_certificate(server) ? 1 : 0} verify_result=${o.SSL_get_verify_result(server)}`
      return [first, pending, sent, second, [...new Set(asked)].join(), got, ask(server)]
    },
    says: [
      '1 in_init=1',
      '0; SSL/285 “request pending”',
      '1 NONE',
      '0; SSL/286 “request sent”',
      '-1 WANT_READ',
      "1 NONE 'x' peer=1 verify_result=0",
      '1',
    ],
  },
  {
    id: 'G8 TLS 1.2 cannot ask later',
    version: 0x0303,
    run: async (setting) => [ask((await open(setting, false)).server)],
    says: ['0; SSL/266 “wrong ssl version”'],
  },
]
table('G: certificates after the handshake', later)

const again: readonly Row[] = [
  {
    id: 'G4 G4b',
    version: 0x0304,
    run: async (setting) => {
      const { client } = await connected(setting)
      return [
        said(o.SSL_renegotiate(client)),
        said(o.SSL_renegotiate_abbreviated(client)),
        `${o.SSL_renegotiate_pending(client)} ${o.SSL_total_renegotiations(client)}`,
      ]
    },
    says: ['0; SSL/266 “wrong ssl version”', '0; SSL/266 “wrong ssl version”', '0 0'],
  },
  {
    id: 'G7',
    version: 0x0303,
    run: async (setting) => {
      const { client, server } = await connected(setting)
      const refusals = [said(o.SSL_renegotiate(server)), said(o.SSL_renegotiate_abbreviated(client))]
      await write(server, 'on')
      return [...refusals, await read(client), `${o.SSL_num_renegotiations(client)}`]
    },
    says: ['0; SSL/339 “no renegotiation”', '0; SSL/339 “no renegotiation”', "2 NONE 'on'", '0'],
  },
]
table('G: renegotiation', again)

const others: readonly Row[] = [
  {
    id: 'V3',
    run: async (setting) => {
      const { client } = await pairOf(setting)
      return [`rstate '${o.SSL_rstate_string(client)}' '${o.SSL_rstate_string_long(client)}'`]
    },
    says: ["rstate 'RH' 'read header'"],
  },
  {
    id: 'V6',
    run: async (setting) => {
      const { client } = await pairOf({ ...setting, cctx: (ctx) => o.SSL_CTX_set_timeout(ctx, 5) })
      return [`default timeout=${o.SSL_get_default_timeout(client)}`]
    },
    says: ['default timeout=7200'],
  },
  {
    id: 'V7',
    run: async (setting) => {
      const pair = await pairOf({ ...setting, pair: 17_408 })
      await shake(pair)
      await read(pair.client)
      const idle = `alloc=${o.SSL_alloc_buffers(pair.client)} free=${o.SSL_free_buffers(pair.client)}`
      const data = bytes('x'.repeat(40_000))
      const blocked = told(pair.client, await call(pair.client, () => o.SSL_write(pair.client, data)))
      return [idle, blocked, `free=${o.SSL_free_buffers(pair.client)}`]
    },
    says: ['alloc=1 free=1', '-1 WANT_WRITE', 'free=0'],
  },
]
table('V: others', others)
