import * as o from '../../src/openssl/index.ts'
import { contextFor, materials, trust, useIdentity } from '../openssl/bench.ts'
import { SslParty } from './parties.ts'
import { Surgeon, type Wishes } from './surgeon.ts'

/** Who talks, and what is done to what they say. */
export interface Talk {
  readonly client?: (ctx: o.SSL_CTX) => void
  readonly server?: (ctx: o.SSL_CTX) => void
  readonly clientSsl?: (ssl: o.SSL) => void
  readonly rsa?: boolean
  readonly resume?: boolean
  readonly serverSsl?: (ssl: o.SSL) => void
  /** Of the connection that counts; with the session that is offered. */
  readonly wishes?: Wishes | ((session: o.SSL_SESSION | null) => Wishes)
}

/** One connection, or a second one that offers the session of the first. */
export const talk = async (
  version: number,
  { client, server, clientSsl, serverSsl, rsa = false, resume = false, wishes = {} }: Talk,
) => {
  const m = await materials()
  const [cctx, sctx] = [contextFor(false), contextFor(false)]
  for (const ctx of [cctx, sctx]) {
    o.SSL_CTX_set_max_proto_version(ctx, version)
    trust(ctx, m.root)
  }
  useIdentity(sctx, rsa ? m.rsa : m.leaf)
  client?.(cctx)
  server?.(sctx)
  let session: o.SSL_SESSION | null = null
  for (const again of resume ? [false, true] : [false]) {
    const [c, s] = [o.SSL_new(cctx), o.SSL_new(sctx)] as [o.SSL, o.SSL]
    o.SSL_set_connect_state(c)
    o.SSL_set_accept_state(s)
    if (!resume || again) {
      clientSsl?.(c)
      serverSsl?.(s)
    }
    if (session) o.SSL_set_session(c, session)
    const parties = [new SslParty(c), new SslParty(s)] as const
    const keys = { client: m.leaf.key, server: rsa ? m.rsa.key : m.leaf.key }
    const edits = resume && !again ? {} : typeof wishes === 'function' ? wishes(session) : wishes
    const surgeon = new Surgeon(parties[0], parties[1], { keys, ...edits })
    await surgeon.run()
    if (resume && !again) {
      session = o.SSL_get1_session(c)
      o.SSL_shutdown(c)
      o.SSL_shutdown(s)
      continue
    }
    return { surgeon, client: c, server: s, ended: [parties[0].ended, parties[1].ended] as const }
  }
  throw new Error('unreachable')
}
