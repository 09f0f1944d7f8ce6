import { AlertReceived, CertificateError, Misuse, TlsError, Truncated } from '../errors.ts'
import { verdicts } from '../x509/verdicts.ts'

/** Errors under the names that programs know from node:tls: `error.code`. The error itself, with its sentence, stays what it is. */

export type Coded = Error & { code?: string }

/** Gives an error its code, unless it has one. */
export const coded = <E extends Error>(error: E, code: string): E & { code: string } => {
  const known = error as E & { code?: string }
  if (typeof known.code !== 'string') known.code = code
  return known as E & { code: string }
}

/** A caller's mistake with a code of its own. */
export const misuse = (code: string, sentence: string): Misuse & { code: string } => coded(new Misuse(sentence), code)

/** Whatever ended a connection, under its code. `handshaking`: it was not yet open. */
export const named = (error: unknown, handshaking: boolean): Coded => {
  const lost: Coded = error instanceof Error ? error : new Error(String(error))
  if (lost instanceof AlertReceived) return coded(lost, `ERR_SSL_${alertReason(lost.alert)}`)
  if (lost instanceof Truncated) return coded(lost, handshaking ? 'ECONNRESET' : 'ERR_SSL_UNEXPECTED_EOF_WHILE_READING')
  if (!(lost instanceof TlsError)) return lost
  const { cause } = lost
  if (cause instanceof CertificateError) {
    if (cause.explanation) Object.assign(lost, { explanation: cause.explanation })
    return coded(lost, certificateCode(cause))
  }
  // an error of the program's own (a callback threw) is told under its own code
  const own = cause instanceof Error ? (cause as Coded).code : undefined
  return coded(lost, typeof own === 'string' ? own : `ERR_SSL_${lost.reason}`)
}

/** Why a certificate was refused, as node:tls calls it. */
export const certificateCode = (error: CertificateError): string => {
  const own = error.cause instanceof Error ? (error.cause as Coded).code : undefined
  if (typeof own === 'string') return own
  // OpenSSL has another word for the missing issuer when the peer sent nothing but its own certificate
  const alone = error.code === verdicts.noLocalIssuer && (error.explanation?.path.length ?? 1) <= 1
  return verdictCode(alone ? verdicts.leafUnverified : error.code)
}

/** The name of an X509_V_ERR number in node:tls. */
export const verdictCode = (code: number): string => verdictCodes[code] ?? 'UNSPECIFIED'

export const NO_NAME = 'ERR_TLS_NO_NAME_TO_CHECK'

const verdictCodes: Readonly<Record<number, string>> = {
  2: 'UNABLE_TO_GET_ISSUER_CERT',
  3: 'UNABLE_TO_GET_CRL',
  4: 'UNABLE_TO_DECRYPT_CERT_SIGNATURE',
  5: 'UNABLE_TO_DECRYPT_CRL_SIGNATURE',
  6: 'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
  7: 'CERT_SIGNATURE_FAILURE',
  8: 'CRL_SIGNATURE_FAILURE',
  9: 'CERT_NOT_YET_VALID',
  10: 'CERT_HAS_EXPIRED',
  11: 'CRL_NOT_YET_VALID',
  12: 'CRL_HAS_EXPIRED',
  13: 'ERROR_IN_CERT_NOT_BEFORE_FIELD',
  14: 'ERROR_IN_CERT_NOT_AFTER_FIELD',
  15: 'ERROR_IN_CRL_LAST_UPDATE_FIELD',
  16: 'ERROR_IN_CRL_NEXT_UPDATE_FIELD',
  17: 'OUT_OF_MEM',
  18: 'DEPTH_ZERO_SELF_SIGNED_CERT',
  19: 'SELF_SIGNED_CERT_IN_CHAIN',
  20: 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  21: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  22: 'CERT_CHAIN_TOO_LONG',
  23: 'CERT_REVOKED',
  24: 'INVALID_CA',
  25: 'PATH_LENGTH_EXCEEDED',
  26: 'INVALID_PURPOSE',
  27: 'CERT_UNTRUSTED',
  28: 'CERT_REJECTED',
  62: 'ERR_TLS_CERT_ALTNAME_INVALID',
  64: 'ERR_TLS_CERT_ALTNAME_INVALID',
  69: NO_NAME,
}

/** What OpenSSL calls an alert that came from the peer (sslerr.h). */
const alertReason = (alert: number): string => alertReasons[alert] ?? `ALERT_${alert}`

const alertReasons: Readonly<Record<number, string>> = {
  0: 'SSLV3_ALERT_CLOSE_NOTIFY',
  10: 'SSLV3_ALERT_UNEXPECTED_MESSAGE',
  20: 'SSLV3_ALERT_BAD_RECORD_MAC',
  21: 'TLSV1_ALERT_DECRYPTION_FAILED',
  22: 'TLSV1_ALERT_RECORD_OVERFLOW',
  30: 'SSLV3_ALERT_DECOMPRESSION_FAILURE',
  40: 'SSLV3_ALERT_HANDSHAKE_FAILURE',
  41: 'SSLV3_ALERT_NO_CERTIFICATE',
  42: 'SSLV3_ALERT_BAD_CERTIFICATE',
  43: 'SSLV3_ALERT_UNSUPPORTED_CERTIFICATE',
  44: 'SSLV3_ALERT_CERTIFICATE_REVOKED',
  45: 'SSLV3_ALERT_CERTIFICATE_EXPIRED',
  46: 'SSLV3_ALERT_CERTIFICATE_UNKNOWN',
  47: 'SSLV3_ALERT_ILLEGAL_PARAMETER',
  48: 'TLSV1_ALERT_UNKNOWN_CA',
  49: 'TLSV1_ALERT_ACCESS_DENIED',
  50: 'TLSV1_ALERT_DECODE_ERROR',
  51: 'TLSV1_ALERT_DECRYPT_ERROR',
  60: 'TLSV1_ALERT_EXPORT_RESTRICTION',
  70: 'TLSV1_ALERT_PROTOCOL_VERSION',
  71: 'TLSV1_ALERT_INSUFFICIENT_SECURITY',
  80: 'TLSV1_ALERT_INTERNAL_ERROR',
  86: 'TLSV1_ALERT_INAPPROPRIATE_FALLBACK',
  90: 'TLSV1_ALERT_USER_CANCELLED',
  100: 'TLSV1_ALERT_NO_RENEGOTIATION',
  109: 'TLSV13_ALERT_MISSING_EXTENSION',
  110: 'TLSV1_UNSUPPORTED_EXTENSION',
  111: 'TLSV1_CERTIFICATE_UNOBTAINABLE',
  112: 'TLSV1_UNRECOGNIZED_NAME',
  113: 'TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE',
  114: 'TLSV1_BAD_CERTIFICATE_HASH_VALUE',
  115: 'TLSV1_ALERT_UNKNOWN_PSK_IDENTITY',
  116: 'TLSV13_ALERT_CERTIFICATE_REQUIRED',
  120: 'TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
}
