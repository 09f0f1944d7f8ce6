/** Alerts in words (SSL_alert_type_string(3)). The argument is `level << 8 | description`, as an info callback gets it. */

const texts: Readonly<Record<number, readonly [short: string, long: string]>> = {
  0: ['CN', 'close notify'],
  10: ['UM', 'unexpected_message'],
  20: ['BM', 'bad record mac'],
  21: ['DC', 'decryption failed'],
  22: ['RO', 'record overflow'],
  30: ['DF', 'decompression failure'],
  40: ['HF', 'handshake failure'],
  41: ['NC', 'no certificate'],
  42: ['BC', 'bad certificate'],
  43: ['UC', 'unsupported certificate'],
  44: ['CR', 'certificate revoked'],
  45: ['CE', 'certificate expired'],
  46: ['CU', 'certificate unknown'],
  47: ['IP', 'illegal parameter'],
  48: ['CA', 'unknown CA'],
  49: ['AD', 'access denied'],
  50: ['DE', 'decode error'],
  51: ['CY', 'decrypt error'],
  60: ['ER', 'export restriction'],
  70: ['PV', 'protocol version'],
  71: ['IS', 'insufficient security'],
  80: ['IE', 'internal error'],
  90: ['US', 'user canceled'],
  100: ['NR', 'no renegotiation'],
  110: ['UE', 'unsupported extension'],
  111: ['CO', 'certificate unobtainable'],
  112: ['UN', 'unrecognized name'],
  113: ['BR', 'bad certificate status response'],
  114: ['BH', 'bad certificate hash value'],
  115: ['UP', 'unknown PSK identity'],
}
/** Those that OpenSSL 1.1.1 has a long text for only. */
const longOnly: Readonly<Record<number, string>> = { 120: 'no application protocol' }

/** `W`, `F` or `U`. */
export const SSL_alert_type_string = (v: number): string => ({ 1: 'W', 2: 'F' })[v >> 8] ?? 'U'
/** `warning`, `fatal` or `unknown`. */
export const SSL_alert_type_string_long = (v: number): string => ({ 1: 'warning', 2: 'fatal' })[v >> 8] ?? 'unknown'
/** Two letters, `UK` for unknown ones. */
export const SSL_alert_desc_string = (v: number): string => texts[v & 255]?.[0] ?? 'UK'
export const SSL_alert_desc_string_long = (v: number): string => texts[v & 255]?.[1] ?? longOnly[v & 255] ?? 'unknown'
