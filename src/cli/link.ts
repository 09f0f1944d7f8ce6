import { alertName, TlsError } from '../errors.ts'
import {
  ERR_clear_error,
  ERR_error_string,
  ERR_GET_LIB,
  ERR_GET_REASON,
  ERR_get_error_line_data,
  ERR_LIB_SSL,
  ERR_reason_error_string,
  get_errno,
  type SSL,
  SSL_do_handshake,
  SSL_ERROR_SSL,
  SSL_ERROR_SYSCALL,
  SSL_ERROR_ZERO_RETURN,
  SSL_get_error,
  SSL_get_shutdown,
  SSL_get_verify_result,
  SSL_in_init,
  SSL_is_server,
  SSL_read,
  SSL_SENT_SHUTDOWN,
  SSL_shutdown,
  SSL_wait,
  SSL_write,
} from '../openssl/index.ts'
import { reasons } from '../reasons.ts'
import { verdictText } from '../x509/index.ts'
import { errnoText, timedOut } from './connect.ts'
import { Failure } from './failure.ts'
import { printable } from './terminal.ts'

/** TLS failed. `codes` are the error queue's lines, for those who know OpenSSL by them. */
export class TlsFailure extends Failure {
  readonly codes: readonly string[]
  /** The X509_V number when a certificate was the reason. */
  readonly verdict: number

  constructor(message: string, codes: readonly string[] = [], verdict = 0) {
    super(message)
    this.codes = codes
    this.verdict = verdict
  }
}

/**
 * An SSL on a non-blocking BIO, as promises: call, ask SSL_get_error what for it stands still, wait for that, call again.
 * All throw `TlsFailure` when the connection is lost.
 */
export class Link {
  readonly ssl: SSL
  readonly #buffer = new Uint8Array(16384)

  constructor(ssl: SSL) {
    this.ssl = ssl
  }

  async handshake(signal?: AbortSignal): Promise<void> {
    await this.#until(() => SSL_do_handshake(this.ssl), signal)
  }

  /** The next data, good until the next call; undefined when the peer has closed. */
  async read(signal?: AbortSignal): Promise<Uint8Array | undefined> {
    const n = await this.#until(() => SSL_read(this.ssl, this.#buffer), signal)
    return n === CLOSED ? undefined : this.#buffer.subarray(0, n)
  }

  async write(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    if (bytes.length > 0) await this.#until(() => SSL_write(this.ssl, bytes), signal)
  }

  /** Sends close_notify; the peer may still send. */
  async end(signal?: AbortSignal): Promise<void> {
    // before the handshake is over there is nothing to close, and a second close_notify would be a wait for the peer's
    if (SSL_in_init(this.ssl) === 1 || (SSL_get_shutdown(this.ssl) & SSL_SENT_SHUTDOWN) !== 0) return
    await this.#until(() => {
      const ret = SSL_shutdown(this.ssl)
      return ret === 0 ? 1 : ret
    }, signal)
  }

  /** Turns whatever is pending, a key update for one. */
  async turn(signal?: AbortSignal): Promise<void> {
    await this.#until(() => SSL_do_handshake(this.ssl), signal)
  }

  async #until(call: () => number, signal: AbortSignal | undefined): Promise<number> {
    for (;;) {
      ERR_clear_error()
      const ret = call()
      if (ret > 0) return ret
      switch (SSL_get_error(this.ssl, ret)) {
        case SSL_ERROR_ZERO_RETURN:
          if (SSL_in_init(this.ssl) === 1) throw new TlsFailure('the peer closed the connection during the handshake')
          return CLOSED
        case SSL_ERROR_SSL:
        case SSL_ERROR_SYSCALL:
          throw explain(this.ssl)
      }
      try {
        await SSL_wait(this.ssl, { signal })
      } catch (error) {
        throw timedOut(error, SSL_in_init(this.ssl) === 1 ? 'the handshake was not over' : 'the peer did not answer')
      }
    }
  }
}

const CLOSED = 0

/** Reads the error queue empty and says what happened in one sentence. */
const explain = (ssl: SSL): TlsFailure => {
  const errno = get_errno()
  const codes: string[] = []
  let first = 0
  for (;;) {
    const { code, data } = ERR_get_error_line_data()
    if (code === 0) break
    first ||= code
    codes.push(`${ERR_error_string(code)}${data === '' ? '' : `:${data}`}`)
  }
  const when = SSL_in_init(ssl) === 1 ? 'the handshake' : 'the connection'
  if (first === 0) {
    const how = errno === 0 ? 'the peer ended the connection without a close_notify' : errnoText(errno)
    return new TlsFailure(`${when} was cut off: ${how}`, codes)
  }
  const reason = ERR_GET_REASON(first)
  const said = ERR_reason_error_string(first) ?? `reason ${reason}`
  if (ERR_GET_LIB(first) !== ERR_LIB_SSL) return new TlsFailure(`${when} failed: ${said}`, codes)
  if (reason > 1000) {
    const alert = reason - 1000
    const hint = alertHints[alertName(alert)]
    const name = `${alertName(alert)} (${alert})`
    return new TlsFailure(
      `the peer ended ${when} with the alert ${name}${hint === undefined ? '' : `: ${hint}`}`,
      codes,
    )
  }
  if (reason === reasons.CERTIFICATE_VERIFY_FAILED[0]) {
    const verdict = SSL_get_verify_result(ssl)
    const whose = SSL_is_server(ssl) === 1 ? "the client's" : "the server's"
    return new TlsFailure(`${whose} certificate is refused: ${verdictText(verdict)} (${verdict})`, codes, verdict)
  }
  const detail = ssl.lost instanceof TlsError ? ssl.lost.message.slice(ssl.lost.reason.length + 2) : ''
  if (NOT_TLS.has(reason)) return new TlsFailure(`the peer does not speak TLS here (${said})`, codes)
  return new TlsFailure(`${when} failed: ${said}${detail === '' ? '' : ` (${printable(detail)})`}`, codes)
}

/** What is found when somebody speaks another protocol. */
const NOT_TLS: ReadonlySet<number> = new Set(
  [
    reasons.WRONG_VERSION_NUMBER,
    reasons.HTTP_REQUEST,
    reasons.HTTPS_PROXY_REQUEST,
    reasons.PACKET_LENGTH_TOO_LONG,
    reasons.UNKNOWN_PROTOCOL,
  ].map(([number]) => number),
)

/** What an alert most often means to the person who gets it. */
const alertHints: Readonly<Record<string, string>> = {
  handshake_failure: 'it found nothing in common with us, or wants a certificate',
  protocol_version: 'it does not speak the versions that were offered',
  insufficient_security: 'it wants stronger ciphers than were offered',
  unrecognized_name: 'it knows no server of the name that was asked for',
  certificate_required: 'it wants a certificate from us (-cert)',
  bad_certificate: 'it does not accept our certificate',
  unknown_ca: 'it does not trust whom our certificate is from',
  certificate_expired: 'our certificate is out of date',
  certificate_unknown: 'it does not accept our certificate',
  no_application_protocol: 'it speaks none of the protocols that were offered (-alpn)',
}
