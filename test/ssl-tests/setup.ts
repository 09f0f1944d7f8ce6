import * as o from '../../src/openssl/index.ts'
import type { Case, ClientExtra, Commands, ServerExtra } from './cases.ts'

/** The contexts of a connection: configured by the sections of the case, then as its extra keys say. */

export interface Contexts {
  readonly client: o.SSL_CTX
  readonly server: o.SSL_CTX
}

/** What callbacks have seen on one side of a connection. */
export interface Seen {
  /** The last alert that was sent: its level in the upper byte. */
  alertSent: number
  /** Fatal alerts and close_notify that were sent. */
  endings: number
  serverName: 'None' | 'server1' | 'server2'
  /** What a callback has to complain of. */
  complaint: string | undefined
}
export const seenBy = (ssl: o.SSL): Seen => o.SSL_get_app_data(ssl) as Seen
export const nothingSeen = (): Seen => ({ alertSent: 0, endings: 0, serverName: 'None', complaint: undefined })

/** Throws for what cannot be configured. */
export const contextsOf = (test: Case, which: 'first' | 'resumption'): Contexts => {
  const { extra, says } = test
  const first = which === 'first'
  const clientExtra = first ? extra.client : extra.resumeClient
  const serverExtra = first ? extra.server : extra.resumeServer
  const client = configured(o.TLS_client_method(), first ? test.client : test.resumeClient)
  const server = configured(o.TLS_server_method(), first ? test.server : test.resumeServer)
  // names do not switch contexts of a resumption
  const second =
    first && extra.server.ServerNameCallback !== 'None' ? configured(o.TLS_server_method(), test.server2) : null
  for (const ctx of [client, server, second]) {
    if (ctx !== null && o.SSL_CTX_set_max_send_fragment(ctx, says.MaxFragmentSize) !== 1)
      throw new Error(`MaxFragmentSize ${says.MaxFragmentSize} is refused`)
  }
  tellClient(client, clientExtra)
  tellServer(server, serverExtra)
  switchByName(server, serverExtra, second)
  if (second !== null) {
    tellServer(second, extra.server2)
    o.SSL_CTX_set_tlsext_ticket_key_cb(second, (ssl) => {
      seenBy(ssl).complaint = 'the second context was asked for ticket keys'
      return 0
    })
  }
  // with fixed keys, tickets of one context open in another
  const keys = new Uint8Array(o.SSL_CTX_set_tlsext_ticket_keys(server, null))
  if (o.SSL_CTX_set_tlsext_ticket_keys(server, keys) !== 1) throw new Error('the ticket keys are refused')
  if (serverExtra.BrokenSessionTicket) o.SSL_CTX_set_tlsext_ticket_key_cb(server, () => 0)
  if (serverExtra.CertStatus !== 'None') {
    o.SSL_CTX_set_tlsext_status_type(client, o.TLSEXT_STATUSTYPE_ocsp)
    o.SSL_CTX_set_tlsext_status_cb(client, (ssl) => {
      const response = o.SSL_get_tlsext_status_ocsp_resp(ssl)
      return response?.length === 1 && response[0] === GOOD ? 1 : 0
    })
    const response = Uint8Array.of(serverExtra.CertStatus === 'GoodResponse' ? GOOD : BAD)
    o.SSL_CTX_set_tlsext_status_cb(server, (ssl) => {
      o.SSL_set_tlsext_status_ocsp_resp(ssl, response)
      return o.SSL_TLSEXT_ERR_OK
    })
  }
  return { client, server }
}

const GOOD = 0xff
const BAD = 0xfe

/** A context of that method, and the commands of a section: what stands before a dot only tells them apart. */
const configured = (method: o.SSL_METHOD, commands: Commands): o.SSL_CTX => {
  const ctx = o.SSL_CTX_new(method) as o.SSL_CTX
  o.SSL_CTX_set_max_proto_version(ctx, o.TLS1_3_VERSION)
  const conf = o.SSL_CONF_CTX_new()
  o.SSL_CONF_CTX_set_flags(
    conf,
    o.SSL_CONF_FLAG_FILE |
      o.SSL_CONF_FLAG_CERTIFICATE |
      o.SSL_CONF_FLAG_REQUIRE_PRIVATE |
      o.SSL_CONF_FLAG_SHOW_ERRORS |
      (method === o.TLS_client_method() ? o.SSL_CONF_FLAG_CLIENT : o.SSL_CONF_FLAG_SERVER),
  )
  o.SSL_CONF_CTX_set_ssl_ctx(conf, ctx)
  for (const [command, value] of commands) {
    o.ERR_clear_error()
    if (o.SSL_CONF_cmd(conf, command.slice(command.indexOf('.') + 1), value) <= 0)
      throw new Error(`${command} = ${value} is refused: ${queue()}`)
  }
  if (o.SSL_CONF_CTX_finish(conf) !== 1) throw new Error(`a private key is missing: ${queue()}`)
  o.SSL_CONF_CTX_free(conf)
  return ctx
}

/** What stands in the error queue, which is empty afterwards. */
export const queue = (): string => {
  const lines: string[] = []
  for (let entry = o.ERR_get_error_line_data(); entry.code !== 0; entry = o.ERR_get_error_line_data())
    lines.push(
      [o.ERR_reason_error_string(entry.code) ?? o.ERR_error_string(entry.code), entry.data].filter(Boolean).join(' '),
    )
  return lines.join('; ')
}

const FRAGMENTS = ['None', '512', '1024', '2048', '4096'] as const

const tellClient = (ctx: o.SSL_CTX, extra: ClientExtra): void => {
  if (extra.VerifyCallback === 'AcceptAll') o.SSL_CTX_set_cert_verify_callback(ctx, () => 1, null)
  if (extra.VerifyCallback === 'RejectAll') {
    const reject = (c: o.X509_STORE_CTX): number => {
      o.X509_STORE_CTX_set_error(c, APPLICATION_VERIFICATION)
      return 0
    }
    o.SSL_CTX_set_cert_verify_callback(ctx, reject, null)
  }
  const mode = FRAGMENTS.indexOf(extra.MaxFragmentLenExt)
  if (mode > 0) o.SSL_CTX_set_tlsext_max_fragment_length(ctx, mode as 1 | 2 | 3 | 4)
  if (extra.ALPNProtocols !== undefined) o.SSL_CTX_set_alpn_protos(ctx, wireOf(extra.ALPNProtocols))
}
const APPLICATION_VERIFICATION = 50

const tellServer = (ctx: o.SSL_CTX, extra: ServerExtra): void => {
  const { ALPNProtocols, SessionTicketAppData } = extra
  if (ALPNProtocols !== undefined) {
    const ours = wireOf(ALPNProtocols)
    const select = (_ssl: o.SSL, client: Uint8Array) => {
      const { ret, out } = o.SSL_select_next_proto(ours, client)
      return ret === o.OPENSSL_NPN_NEGOTIATED
        ? { ret: o.SSL_TLSEXT_ERR_OK, selected: out }
        : o.SSL_TLSEXT_ERR_ALERT_FATAL
    }
    o.SSL_CTX_set_alpn_select_cb(ctx, select, null)
  }
  if (SessionTicketAppData !== undefined) {
    const generate = (ssl: o.SSL): 0 | 1 =>
      o.SSL_SESSION_set1_ticket_appdata(
        o.SSL_get_session(ssl) as o.SSL_SESSION,
        new TextEncoder().encode(SessionTicketAppData),
      )
    const opened = (_ssl: o.SSL, _session: o.SSL_SESSION | null, _name: Uint8Array, status: number): number => {
      if (status === o.SSL_TICKET_SUCCESS) return o.SSL_TICKET_RETURN_USE
      return status === o.SSL_TICKET_SUCCESS_RENEW ? o.SSL_TICKET_RETURN_USE_RENEW : o.SSL_TICKET_RETURN_IGNORE_RENEW
    }
    o.SSL_CTX_set_session_ticket_cb(ctx, generate, opened, null)
  }
}

/** Names with commas between them, each behind its length. */
const wireOf = (names: string): Uint8Array =>
  Uint8Array.from(names.split(',').flatMap((name) => [name.length, ...new TextEncoder().encode(name)]))

// ---- contexts by name

const switchByName = (ctx: o.SSL_CTX, { ServerNameCallback: kind }: ServerExtra, second: o.SSL_CTX | null): void => {
  if (second === null) return
  const ignores = kind !== 'RejectMismatch' && kind !== 'ClientHelloRejectMismatch'
  if (kind === 'IgnoreMismatch' || kind === 'RejectMismatch') {
    o.SSL_CTX_set_tlsext_servername_callback(ctx, (ssl) => {
      const name = o.SSL_get_servername(ssl, o.TLSEXT_NAMETYPE_host_name)
      if (name !== null && choose(ssl, name, second)) return o.SSL_TLSEXT_ERR_OK
      if (name !== null && !ignores) return o.SSL_TLSEXT_ERR_ALERT_FATAL
      seenBy(ssl).serverName = 'server1'
      return o.SSL_TLSEXT_ERR_NOACK
    })
    return
  }
  const early = (ssl: o.SSL): number | { ret: number; al: number } => {
    const name = nameIn(o.SSL_client_hello_get0_ext(ssl, SERVER_NAME))
    if (kind === 'ClientHelloNoV12') o.SSL_set_max_proto_version(ssl, o.TLS1_1_VERSION)
    if (name !== undefined && choose(ssl, name, second)) return o.SSL_CLIENT_HELLO_SUCCESS
    if (name === undefined || !ignores) return { ret: o.SSL_CLIENT_HELLO_ERROR, al: UNRECOGNIZED_NAME }
    seenBy(ssl).serverName = 'server1'
    return o.SSL_CLIENT_HELLO_SUCCESS
  }
  o.SSL_CTX_set_client_hello_cb(ctx, early, null)
}
const SERVER_NAME = 0
const UNRECOGNIZED_NAME = 112

const choose = (ssl: o.SSL, name: string, second: o.SSL_CTX): boolean => {
  if (name !== 'server1' && name !== 'server2') return false
  seenBy(ssl).serverName = name
  if (name === 'server1') return true
  o.SSL_set_SSL_CTX(ssl, second)
  o.SSL_clear_options(ssl, 0xffffffff)
  o.SSL_set_options(ssl, o.SSL_CTX_get_options(second))
  return true
}

/** The host name in the body of a server_name extension: list length, type, name length, name. */
const nameIn = (body: Uint8Array | null): string | undefined => {
  if (body === null || body.length <= 5 || body[2] !== 0) return undefined
  const length = ((body[3] as number) << 8) | (body[4] as number)
  return body.length < 5 + length ? undefined : new TextDecoder().decode(body.subarray(5, 5 + length))
}
