import type { Reason } from './reasons.ts'

/** Alert descriptions by name (RFC 9846 section 6, with those that only TLS 1.2 sends). */
export const alerts = {
  close_notify: 0,
  unexpected_message: 10,
  bad_record_mac: 20,
  decryption_failed: 21,
  record_overflow: 22,
  decompression_failure: 30,
  handshake_failure: 40,
  no_certificate: 41,
  bad_certificate: 42,
  unsupported_certificate: 43,
  certificate_revoked: 44,
  certificate_expired: 45,
  certificate_unknown: 46,
  illegal_parameter: 47,
  unknown_ca: 48,
  access_denied: 49,
  decode_error: 50,
  decrypt_error: 51,
  export_restriction: 60,
  protocol_version: 70,
  insufficient_security: 71,
  internal_error: 80,
  inappropriate_fallback: 86,
  user_canceled: 90,
  no_renegotiation: 100,
  missing_extension: 109,
  unsupported_extension: 110,
  certificate_unobtainable: 111,
  unrecognized_name: 112,
  bad_certificate_status_response: 113,
  bad_certificate_hash_value: 114,
  unknown_psk_identity: 115,
  certificate_required: 116,
  general_error: 117,
  no_application_protocol: 120,
} as const

export type AlertName = keyof typeof alerts

const alertNames = new Map<number, AlertName>(Object.entries(alerts).map(([name, code]) => [code, name as AlertName]))

/** The alert's name, or `alert N` for a number that no RFC of ours names. */
export const alertName = (code: number): AlertName | `alert ${number}` => alertNames.get(code) ?? `alert ${code}`

/** We end the connection: what the peer is told, and the reason that a program may test for. */
export class TlsError extends Error {
  override readonly name: string = 'TlsError'
  readonly alert: AlertName
  readonly reason: Reason
  /** Whether the peer is told. Nothing is said to one that does not speak TLS. */
  readonly silent: boolean

  constructor(alert: AlertName, reason: Reason, detail: string, options: ErrorOptions & { silent?: boolean } = {}) {
    super(`${reason}: ${detail}`, options)
    this.alert = alert
    this.reason = reason
    this.silent = options.silent ?? false
  }
}

/** `illegal_parameter`, the commonest alert. */
export const illegal = (reason: Reason, detail: string): TlsError => new TlsError('illegal_parameter', reason, detail)

/** The peer ended the connection with a fatal alert. */
export class AlertReceived extends Error {
  override readonly name: string = 'AlertReceived'
  /** The alert's number on the wire. */
  readonly alert: number

  constructor(alert: number) {
    super(`the peer ended the connection with the alert ${alertName(alert)} (${alert})`)
    this.alert = alert
  }
}

/** The transport ended without a close_notify: what came before may be incomplete. */
export class Truncated extends Error {
  override readonly name: string = 'Truncated'
  constructor() {
    super('the transport ended without a close_notify; what was received may be incomplete')
  }
}

/** A refusal in words, for people and for `--json`. */
export interface Explanation {
  /** Subjects of the path that was tried, leaf first. */
  readonly path: readonly string[]
  /** The subject of the certificate at fault. */
  readonly certificate: string
  /** Where the rule is written that it breaks: `RFC 5280 section 6.1.4 (k)`. */
  readonly rule: string
  /** What would mend it. */
  readonly remedy: string
}

/**
 * Why a certificate is not good. Thrown by verifiers; becomes a `TlsError` with the fitting alert.
 * `code` is the X509_V_ERR number (X509_verify_cert_error_string(3)), `depth` 0 the peer's own certificate.
 */
export class CertificateError extends Error {
  override readonly name: string = 'CertificateError'
  readonly code: number
  readonly depth: number
  /** Undefined when no certificate is to blame. */
  readonly explanation: Explanation | undefined

  constructor(
    code: number,
    depth: number,
    detail: string,
    options: ErrorOptions & { readonly explanation?: Explanation } = {},
  ) {
    super(detail, options)
    this.code = code
    this.depth = depth
    this.explanation = options.explanation
  }
}

/** The caller's own mistake. The connection is none the worse for it. */
export class Misuse extends Error {
  override readonly name: string = 'Misuse'
}
