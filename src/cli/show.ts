import { hex } from '../bytes/text.ts'
import { alertName } from '../errors.ts'
import { ALERT, CHANGE_CIPHER_SPEC, HANDSHAKE, nameOf, properName } from './story.ts'

/** What `-msg` and `-state` print, and hex dumps, in OpenSSL's forms. */

const RECORD_HEADER = 256
const INNER_CONTENT_TYPE = 257

const contents: Readonly<Record<number, string>> = {
  [CHANGE_CIPHER_SPEC]: 'ChangeCipherSpec',
  [ALERT]: 'Alert',
  [HANDSHAKE]: 'Handshake',
  [RECORD_HEADER]: 'RecordHeader',
  [INNER_CONTENT_TYPE]: 'InnerContent',
}

/** `-msg`: what a message callback was told (SSL_CTX_set_msg_callback(3)). */
export const messageText = (write: boolean, version: number, contentType: number, bytes: Uint8Array): string => {
  // a header says its version itself, and OpenSSL 1.1.1 gives none with it
  const said = contentType === RECORD_HEADER ? ((bytes[1] ?? 0) << 8) | (bytes[2] ?? 0) : version
  const minor = said - 0x0301
  const where = minor >= 0 && minor <= 3 ? `TLS 1.${minor}` : '???'
  const what = contents[contentType] ?? `content type ${contentType}`
  const length = bytes.length.toString(16).padStart(4, '0')
  const lines = [`${write ? '>>>' : '<<<'} ${where}, ${what} [length ${length}]${detail(contentType, version, bytes)}`]
  for (let at = 0; at < bytes.length; at += 16) lines.push(`    ${hex(bytes.subarray(at, at + 16), ' ')}`)
  return `${lines.join('\n')}\n`
}

const detail = (contentType: number, version: number, bytes: Uint8Array): string => {
  if (contentType === ALERT) return `, ${bytes[0] === 1 ? 'warning' : 'fatal'} ${alertName(bytes[1] ?? 0)}`
  if (contentType !== HANDSHAKE) return ''
  const name = nameOf(bytes[0] ?? 0, version)
  return name === undefined ? ', ???' : `, ${properName(name)}`
}

/** Bytes as OpenSSL dumps them: offset, 16 bytes, and what of them is text. */
export const dump = (bytes: Uint8Array, indent = ''): string => {
  let out = ''
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.subarray(at, at + 16)
    const digits = `${hex(row.subarray(0, 8), ' ')}${row.length > 8 ? `-${hex(row.subarray(8), ' ')}` : ''}`
    const shown = Array.from(row, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('')
    out += `${indent}${at.toString(16).padStart(4, '0')} - ${digits.padEnd(48)}  ${shown}\n`
  }
  return out
}
