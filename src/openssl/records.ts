import type { Connection } from '../connection.ts'
import type { sslFunctionName } from './err.ts'
import { fail, flush } from './pump.ts'
import type { SSL } from './ssl.ts'
import { SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER, SSL_NOTHING } from './ssl-numbers.ts'

/** Data between a program's buffers and records, whatever the handshake says to it. */

/** At most `num` bytes of the record at hand. */
export const handOut = (ssl: SSL, buf: Uint8Array, num: number, consume: boolean): number => {
  ssl.want = SSL_NOTHING
  const plain = ssl.plain as unknown as Uint8Array
  const left = plain.length - ssl.at
  const length = num < left ? num : left
  if (length === 0) return 0
  buf.set(length === plain.length ? plain : plain.subarray(ssl.at, ssl.at + length))
  if (!consume) return length
  ssl.at += length
  if (ssl.at === plain.length) {
    ssl.plain = null
    ;(ssl.connection as Connection).take()
  }
  return length
}

/** So many records are sealed before they are sent on. */
const BATCH = 3

/** Seals all of it and sends it on; -1 when that stops, or when `seal` refuses a part. */
export const send = (
  ssl: SSL,
  buf: Uint8Array,
  num: number,
  partial: boolean,
  seal: (part: Uint8Array) => boolean,
): number => {
  const connection = ssl.connection as Connection
  const { unwritten } = ssl
  const { mode } = ssl.settings
  let sealed = 0
  if (unwritten !== null) {
    if (num < unwritten.length) return refuse(ssl, 'ssl3_write_bytes', 'BAD_LENGTH')
    const moved = buf.buffer !== unwritten.buffer || buf.byteOffset !== unwritten.offset
    if (moved && (mode & SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER) === 0) {
      return refuse(ssl, 'ssl3_write_pending', 'BAD_WRITE_RETRY')
    }
    sealed = unwritten.sealed
  }
  for (;;) {
    if (!flush(ssl)) {
      ssl.unwritten = sealed === 0 ? null : { buffer: buf.buffer, offset: buf.byteOffset, length: num, sealed }
      return -1
    }
    if (sealed === num || (partial && sealed > 0)) break
    const end = Math.min(num, sealed + connection.recordLimit * (partial ? 1 : BATCH))
    if (!seal(sealed === 0 && end === buf.length ? buf : buf.subarray(sealed, end))) return -1
    sealed = end
  }
  ssl.unwritten = null
  return sealed
}

const refuse = (ssl: SSL, func: sslFunctionName, reason: 'BAD_LENGTH' | 'BAD_WRITE_RETRY'): -1 => {
  fail(ssl, func, reason)
  return -1
}
