import { hex } from '../bytes/text.ts'
import { dateText } from './print.ts'

/** A SignedCertificateTimestamp (RFC 6962 section 3.2) in lines. */
export const sctLines = (sct: Uint8Array): string[] => {
  const view = new DataView(sct.buffer, sct.byteOffset, sct.length)
  const extensionsEnd = sct.length >= 43 ? 43 + view.getUint16(41) : Number.POSITIVE_INFINITY
  if (sct[0] !== 0 || extensionsEnd + 4 > sct.length) {
    return ['Signed Certificate Timestamp:', ...labelled('Version   : unknown', sct, true)]
  }
  const time = Number(view.getBigUint64(33))
  const extensions = sct.subarray(43, extensionsEnd)
  const algorithm = view.getUint16(extensionsEnd)
  return [
    'Signed Certificate Timestamp:',
    '    Version   : v1 (0x0)',
    ...labelled('Log ID    : ', sct.subarray(1, 33)),
    `    Timestamp : ${timestamp(time)}`,
    ...(extensions.length > 0 ? labelled('Extensions: ', extensions) : ['    Extensions: none']),
    ...labelled(`Signature : ${algorithms[algorithm] ?? unknown(algorithm)}`, sct.subarray(extensionsEnd + 4), true),
  ]
}

const algorithms: Readonly<Record<number, string>> = { 1027: 'ecdsa-with-SHA256', 1025: 'sha256WithRSAEncryption' }
const unknown = (algorithm: number): string => algorithm.toString(16).toUpperCase().padStart(4, '0')

const timestamp = (time: number): string => {
  const milliseconds = String(time % 1000).padStart(3, '0')
  return dateText(time).replace(/(\d\d:\d\d:\d\d) /, `$1.${milliseconds} `)
}

/** Bytes beside their label, or under it; sixteen a line. */
const labelled = (label: string, bytes: Uint8Array, under = false): string[] => {
  const rows: string[] = []
  for (let at = 0; at < bytes.length; at += 16) {
    const more = at + 16 < bytes.length ? ':' : ''
    rows.push(`${hex(bytes.subarray(at, at + 16), ':').toUpperCase()}${more}`)
  }
  const indented = (row: string): string => `                ${row}`
  if (under) return [`    ${label}`, ...rows.map(indented)]
  const [first = '', ...rest] = rows
  return [`    ${label}${first}`, ...rest.map(indented)]
}
