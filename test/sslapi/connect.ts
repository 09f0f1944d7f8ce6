import assert from 'node:assert/strict'
import * as o from '../../src/openssl/index.ts'
import { join, materials, type Pair, pairOf, read, shake, shutdown, type Wishes } from '../openssl/bench.ts'

/** What OpenSSL's own API tests (test/sslapitest.c) do before they look: a connection, and its tickets collected. */

export const GOOD = ['1 NONE', '1 NONE']
export const BOTH: readonly number[] = [0x0304, 0x0303]

/** Shakes hands; then the client reads twice and finds nothing, which brings it the tickets of TLS 1.3. */
export const connect = async (pair: Pick<Pair, 'client' | 'server'>): Promise<[string, string]> => {
  const ended = await shake(pair)
  if (ended.join() === GOOD.join()) for (const _ of [1, 2]) assert.equal(await read(pair.client, 1), '-1 WANT_READ')
  return ended
}

/** A connection that must come about. */
export const open = async (wishes: Wishes = {}): Promise<Pair> => {
  const pair = await pairOf(wishes)
  assert.deepEqual(await connect(pair), GOOD)
  return pair
}

export const close = async ({ client, server }: Pick<Pair, 'client' | 'server'>): Promise<void> => {
  await shutdown(client)
  await shutdown(server)
  await shutdown(client)
}

/** Another connection of the same contexts, whose client offers this session. */
export const again = async (
  { cctx, sctx }: Pair,
  session: o.SSL_SESSION | null,
  more: (ends: { client: o.SSL; server: o.SSL }) => void = () => {},
): Promise<Pair & { ended: [string, string] }> => {
  const ends = join(cctx, sctx)
  if (session) o.SSL_set_session(ends.client, session)
  more(ends)
  return { cctx, sctx, ...ends, ended: await connect(ends) }
}

export const sessionOf = (ssl: o.SSL): o.SSL_SESSION => o.SSL_get1_session(ssl) as o.SSL_SESSION
export { materials }
