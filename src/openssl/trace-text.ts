import { hex } from '../bytes/text.ts'
import { TLS12 } from '../config.ts'
import { type MessageName, messages } from '../messages/table.ts'
import { annotate } from '../wire/annotate.ts'
import { SSL_alert_desc_string_long, SSL_alert_type_string_long } from './alert-texts.ts'
import { type BIO, BIO_puts } from './bio.ts'
import type { SSL } from './ssl.ts'
import {
  SSL3_RT_ALERT,
  SSL3_RT_APPLICATION_DATA,
  SSL3_RT_CHANGE_CIPHER_SPEC,
  SSL3_RT_HANDSHAKE,
  SSL3_RT_HEADER,
  SSL3_RT_INNER_CONTENT_TYPE,
} from './ssl-numbers.ts'

/** What goes by, as text (SSL_trace of SSL_set_msg_callback(3)). */

const versions: Readonly<Record<number, string>> = {
  768: 'SSL 3.0',
  769: 'TLS 1.0',
  770: 'TLS 1.1',
  771: 'TLS 1.2',
  772: 'TLS 1.3',
}
const types: Readonly<Record<number, string>> = {
  [SSL3_RT_CHANGE_CIPHER_SPEC]: 'ChangeCipherSpec',
  [SSL3_RT_ALERT]: 'Alert',
  [SSL3_RT_HANDSHAKE]: 'Handshake',
  [SSL3_RT_APPLICATION_DATA]: 'ApplicationData',
}
const typed = (type: number): string => `${types[type] ?? 'UNKNOWN'} (${type})`

/**
 * A message callback that writes to the BIO in `arg`: SSL_set_msg_callback(ssl, SSL_trace) and
 * SSL_set_msg_callback_arg(ssl, bio). Every field has a line; the wording is ours, not OpenSSL's.
 */
export const SSL_trace = (
  write_p: 0 | 1,
  version: number,
  content_type: number,
  buf: Uint8Array,
  _ssl: SSL,
  arg: unknown,
): void => {
  for (const line of lines(write_p, version, content_type, buf)) BIO_puts(arg as BIO, `${line}\n`)
}

const lines = (sent: 0 | 1, version: number, type: number, buf: Uint8Array): string[] => {
  const at = (i: number): number => buf[i] ?? 0
  switch (type) {
    case SSL3_RT_HEADER: {
      const said = (at(1) << 8) | at(2)
      return [
        `${sent ? 'Sent' : 'Received'} Record`,
        'Header:',
        `  Version = ${versions[said] ?? 'UNKNOWN'} (0x${said.toString(16)})`,
        `  Content Type = ${typed(at(0))}`,
        `  Length = ${(at(3) << 8) | at(4)}`,
      ]
    }
    case SSL3_RT_INNER_CONTENT_TYPE:
      return [`  Inner Content Type = ${typed(at(0))}`]
    case SSL3_RT_CHANGE_CIPHER_SPEC:
      return [`    change_cipher_spec (${at(0)})`]
    case SSL3_RT_ALERT: {
      const both = (at(0) << 8) | at(1)
      const level = `${SSL_alert_type_string_long(both)}(${at(0)})`
      return [`    Level=${level}, description=${SSL_alert_desc_string_long(both)}(${at(1)})`, '']
    }
    case SSL3_RT_HANDSHAKE:
      return [...handshake(version, buf), '']
    default:
      return []
  }
}

/** The message of that type in that version. */
const named = (type: number, version: number): MessageName | undefined => {
  const names = (Object.keys(messages) as MessageName[]).filter((name) => messages[name].type === type)
  return names.find((name) => name.endsWith('12') === (version === TLS12)) ?? names[0]
}

const handshake = (version: number, raw: Uint8Array): string[] => {
  const name = named(raw[0] ?? -1, version)
  const length = raw.length - 4
  if (name === undefined) return [`    UNKNOWN (${raw[0]}), Length=${length}`, `      ${hex(raw.subarray(4))}`]
  const proper = `${name.charAt(0).toUpperCase()}${name.slice(1).replace(/12$/, '')}`
  return [
    `    ${proper}, Length=${length}`,
    ...annotate(messages[name].codec, raw.subarray(4)).map(
      ({ name: path, bytes, value, problem }) =>
        `      ${path || 'data'}${typeof value === 'number' ? ` = ${value} (0x${hex(bytes)})` : ` (len=${bytes.length}): ${hex(bytes)}`}${problem === undefined ? '' : ` [${problem}]`}`,
    ),
  ]
}
