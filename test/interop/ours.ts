import { once } from 'node:events'
import { createServer, connect as dial, type Socket } from 'node:net'
import * as ssl from '../../src/openssl/index.ts'
import type { Kind, Materials, Part, Peer, Settings, Transcript } from './contract.ts'
import { connections, preShared } from './contract.ts'
import { groupNamed, groups, suiteNamed } from './suites.ts'
import { type Stream, talkAsClient, talkAsServer } from './talk.ts'

/** Our own end: the libssl face over sockets of Node's, as a program written for OpenSSL would use it. */
export const ours = (materials: Materials): Peer => ({
  name: 'typetls',
  find: async () => 'this tree',
  can: { psk: ['client', 'server'], earlyData: ['client', 'server'] },
  cannot: () => undefined,
  style: () => 'echo',

  async serve(s, style) {
    const seen: Promise<Transcript>[] = []
    let arrived = (): void => {}
    const ctx = context(s, 'server', materials)
    const listener = createServer((socket) => {
      const outcome = converse(socket, ctx, 'server', async (link) => ({
        bytes: await talkAsServer(link, s, style),
        ...link.facts(),
      }))
      outcome.catch(() => {}) // told by `next`
      seen.push(outcome)
      arrived()
    })
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    return {
      port: (listener.address() as { port: number }).port,
      async next() {
        while (seen.length === 0)
          await new Promise<void>((resolve) => {
            arrived = resolve
          })
        return seen.shift()!
      },
      async close() {
        listener.close()
        ssl.SSL_CTX_free(ctx)
      },
    }
  },

  async connect(s, style, port) {
    const ctx = context(s, 'client', materials)
    let session: ssl.SSL_SESSION | null = null
    let seen: Transcript = {}
    for (let i = 0; i < connections(s); i++) {
      seen = await converse(
        dial(port, '127.0.0.1'),
        ctx,
        'client',
        async (link) => {
          const bytes = await talkAsClient(link, s, style, materials.payload(s.bytes).bytes)
          session = ssl.SSL_get1_session(link.ssl)
          return { bytes, ...link.facts() }
        },
        session,
      )
    }
    ssl.SSL_SESSION_free(session)
    ssl.SSL_CTX_free(ctx)
    return seen
  },
})

const context = (s: Settings, part: Part, materials: Materials): ssl.SSL_CTX => {
  const ctx = good(ssl.SSL_CTX_new(part === 'client' ? ssl.TLS_client_method() : ssl.TLS_server_method()))
  const version = s.version === '1.3' ? ssl.TLS1_3_VERSION : ssl.TLS1_2_VERSION
  good(ssl.SSL_CTX_set_min_proto_version(ctx, version))
  good(ssl.SSL_CTX_set_max_proto_version(ctx, version))
  if (s.suite) {
    const name = suiteNamed(s.suite).openssl
    good(s.version === '1.3' ? ssl.SSL_CTX_set_ciphersuites(ctx, name) : ssl.SSL_CTX_set_cipher_list(ctx, name))
  }
  const named = part === 'server' ? s.serverGroups : s.clientGroups
  if (named) good(ssl.SSL_CTX_set1_groups_list(ctx, named.map((g) => groupNamed(g).openssl).join(':')))

  const kind = part === 'server' ? s.certificate : s.clientCertificate
  if (kind) {
    const { certificate, key } = materials.leaf(kind)
    good(ssl.SSL_CTX_use_certificate_chain_file(ctx, certificate))
    good(ssl.SSL_CTX_use_PrivateKey_file(ctx, key, ssl.SSL_FILETYPE_PEM))
  }
  if (part === 'client' || s.clientCertificate) {
    good(ssl.SSL_CTX_load_verify_locations(ctx, materials.ca, null))
    ssl.SSL_CTX_set_verify(ctx, ssl.SSL_VERIFY_PEER | ssl.SSL_VERIFY_FAIL_IF_NO_PEER_CERT, null)
  }
  if (s.psk) {
    const { identity } = preShared
    const psk = Buffer.from(preShared.key, 'hex')
    ssl.SSL_CTX_set_psk_client_callback(ctx, () => ({ identity, psk }))
    ssl.SSL_CTX_set_psk_server_callback(ctx, (_, name) => (name === identity ? psk : null))
  }
  if (s.earlyData && part === 'server') good(ssl.SSL_CTX_set_max_early_data(ctx, EARLY))
  if (s.encryptThenMac === false) ssl.SSL_CTX_set_options(ctx, ssl.SSL_OP_NO_ENCRYPT_THEN_MAC)
  if (s.resume === 'id') ssl.SSL_CTX_set_options(ctx, ssl.SSL_OP_NO_TICKET)
  if (s.alpn && part === 'client') ssl.SSL_CTX_set_alpn_protos(ctx, protocols('typetls/0', s.alpn))
  if (s.alpn && part === 'server') {
    const known = protocols(s.alpn)
    ssl.SSL_CTX_set_alpn_select_cb(
      ctx,
      (_, offered) => {
        const { ret, out } = ssl.SSL_select_next_proto(known, offered)
        if (ret !== ssl.OPENSSL_NPN_NEGOTIATED) return ssl.SSL_TLSEXT_ERR_ALERT_FATAL
        return { ret: ssl.SSL_TLSEXT_ERR_OK, selected: out }
      },
      null,
    )
  }
  return ctx
}

/** A list of protocols as libssl takes it: each behind its length. */
const protocols = (...names: string[]): Uint8Array =>
  Buffer.concat(names.flatMap((name) => [Uint8Array.of(name.length), Buffer.from(name)]))

/** A handshake over this socket, then the talk; the socket is gone afterwards, whatever came of it. */
const converse = async (
  socket: Socket,
  ctx: ssl.SSL_CTX,
  part: Part,
  talk: (link: Link) => Promise<Transcript>,
  session: ssl.SSL_SESSION | null = null,
): Promise<Transcript> => {
  const link = new Link(socket, ctx, part, session)
  try {
    await link.handshake()
    return await talk(link)
  } finally {
    link.end()
  }
}

const KEY_UPDATE = 24
/** Bytes of early data that our tickets allow. */
const EARLY = 16384

/** One connection. */
class Link implements Stream {
  readonly ssl: ssl.SSL
  readonly #socket: Socket
  readonly #buffer = new Uint8Array(16384)
  #keyUpdates = 0
  /** Server: what came as early data. */
  readonly #early: Uint8Array[] = []
  /** Client: the first thing said goes as early data, and the handshake follows. */
  #hurries = false
  #hurrying: Promise<boolean> | undefined

  constructor(socket: Socket, ctx: ssl.SSL_CTX, part: Part, session: ssl.SSL_SESSION | null) {
    this.#socket = socket
    this.ssl = good(ssl.SSL_new(ctx))
    good(ssl.SSL_set_fd(this.ssl, socket))
    ssl.SSL_set_msg_callback(this.ssl, (sent, _version, type, bytes) => {
      if (!sent && type === ssl.SSL3_RT_HANDSHAKE && bytes[0] === KEY_UPDATE) this.#keyUpdates++
    })
    if (part === 'server') ssl.SSL_set_accept_state(this.ssl)
    else {
      ssl.SSL_set_connect_state(this.ssl)
      good(ssl.SSL_set_tlsext_host_name(this.ssl, 'localhost'))
      good(ssl.SSL_set1_host(this.ssl, 'localhost'))
      if (session) good(ssl.SSL_set_session(this.ssl, session))
      this.#hurries = session !== null && ssl.SSL_SESSION_get_max_early_data(session) > 0
    }
  }

  async handshake(): Promise<void> {
    if (this.#hurries) return
    if (ssl.SSL_is_server(this.ssl) === 1 && ssl.SSL_get_max_early_data(this.ssl) > 0) await this.#readEarly()
    await this.#attempt(() => ssl.SSL_do_handshake(this.ssl))
  }

  async #readEarly(): Promise<void> {
    for (let ret = 0; ret !== ssl.SSL_READ_EARLY_DATA_FINISH; ) {
      let length = 0
      await this.#attempt(() => {
        const read = ssl.SSL_read_early_data(this.ssl, this.#buffer)
        length = read.readbytes
        ret = read.ret
        return ret === ssl.SSL_READ_EARLY_DATA_ERROR ? 0 : 1
      })
      if (length > 0) this.#early.push(this.#buffer.slice(0, length))
    }
  }

  async #writeEarly(bytes: Uint8Array): Promise<boolean> {
    this.#hurries = false
    await this.#attempt(() => ssl.SSL_write_early_data(this.ssl, bytes).ret)
    await this.handshake()
    return ssl.SSL_get_early_data_status(this.ssl) === ssl.SSL_EARLY_DATA_ACCEPTED
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#hurries) {
      this.#hurrying = this.#writeEarly(bytes)
      if (await this.#hurrying) return
    }
    await this.#attempt(() => ssl.SSL_write(this.ssl, bytes))
  }

  async read(): Promise<Uint8Array | undefined> {
    await this.#hurrying
    const early = this.#early.shift()
    if (early) return early
    const length = await this.#attempt(() => ssl.SSL_read(this.ssl, this.#buffer))
    return length > 0 ? this.#buffer.slice(0, length) : undefined
  }

  async updateKeys(): Promise<void> {
    good(ssl.SSL_key_update(this.ssl, ssl.SSL_KEY_UPDATE_REQUESTED))
    await this.handshake()
  }

  async close(): Promise<void> {
    // 0: ours is sent, the peer's has not come
    await this.#attempt(() => ssl.SSL_shutdown(this.ssl) + 1)
  }

  /** Lets go of the socket, once all has left. */
  end(): void {
    ssl.SSL_free(this.ssl)
    this.#socket.on('error', () => {}) // the peer may have gone before us
    this.#socket.end()
    this.#socket.resume()
  }

  facts(): Transcript {
    const group = groups.find((g) => g.openssl === ssl.SSL_get_group_name(this.ssl))?.name
    const alpn = Buffer.from(ssl.SSL_get0_alpn_selected(this.ssl)).toString('latin1')
    const peer = ssl.SSL_get_peer_certificate(this.ssl)
    // libssl has no function that tells these
    const { retried, encryptThenMac } = this.ssl.connection!.facts
    return {
      version: ssl.SSL_get_version(this.ssl).slice('TLSv'.length) as '1.3' | '1.2',
      suite: suiteNamed(ssl.SSL_get_cipher(this.ssl)).name,
      resumed: ssl.SSL_session_reused(this.ssl) === 1,
      retried,
      encryptThenMac: encryptThenMac ?? false,
      psk: ssl.SSL_get_psk_identity(this.ssl) === preShared.identity,
      earlyData: ssl.SSL_get_early_data_status(this.ssl) === ssl.SSL_EARLY_DATA_ACCEPTED,
      keyUpdates: this.#keyUpdates,
      clean: (ssl.SSL_get_shutdown(this.ssl) & ssl.SSL_RECEIVED_SHUTDOWN) !== 0,
      ...(group ? { group } : {}),
      ...(alpn ? { alpn } : {}),
      ...(peer ? { peerCertificate: kindOf(peer) } : {}),
    }
  }

  /** The textbook loop: calls until it is done, and waits for what SSL_get_error asks for. 0 at the peer's close_notify. */
  async #attempt(call: () => number): Promise<number> {
    for (;;) {
      ssl.ERR_clear_error()
      const ret = call()
      if (ret > 0) return ret
      switch (ssl.SSL_get_error(this.ssl, ret)) {
        case ssl.SSL_ERROR_ZERO_RETURN:
          return 0
        case ssl.SSL_ERROR_SSL:
          throw new Error(ssl.ERR_error_string(ssl.ERR_peek_error()), { cause: ssl.SSL_get_failure(this.ssl) })
        case ssl.SSL_ERROR_SYSCALL:
          throw new Error('the transport ended without a close_notify')
        default:
          await ssl.SSL_wait(this.ssl)
      }
    }
  }
}

const kindOf = (peer: ssl.X509): Kind =>
  ssl.X509_NAME_oneline(ssl.X509_get_subject_name(peer)).slice('/CN='.length) as Kind

/** What a function gave that says 0 or null when it fails. */
const good = <T>(result: T | 0 | null): T => {
  if (result === 0 || result === null) throw new Error(ssl.ERR_error_string(ssl.ERR_get_error()))
  return result
}
