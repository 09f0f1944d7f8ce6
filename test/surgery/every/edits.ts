import { concat, NONE } from '../../../src/bytes/compare.ts'
import { alerts } from '../../../src/errors.ts'
import { messages } from '../../../src/messages/table.ts'
import { ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE } from '../../../src/record/tls.ts'
import type { Out, Piece } from './lane.ts'
import { asItIs } from './proxy.ts'

/** One kind of cut: what is delivered instead of a piece. */
export interface Edit {
  readonly name: string
  /** Which pieces it can be made on; all when absent. `next`: what the same end said directly after it. */
  readonly on?: (piece: Piece, next: Piece | undefined) => boolean
  readonly cut: (piece: Piece, next: Piece | undefined) => readonly Out[]
  /** The piece is kept until the next one has come, and this is delivered for both. */
  readonly with?: (piece: Piece, next: Piece) => readonly Out[]
  /** The other end cannot tell, or need not: the connection goes on as if nothing were. */
  readonly harmless?: boolean
}

const handshake = ({ type }: Piece): boolean => type === HANDSHAKE
const change = ({ type }: Piece): boolean => type === CHANGE_CIPHER_SPEC
const alert = ({ type }: Piece): boolean => type === ALERT
const withBody = (piece: Piece): boolean => handshake(piece) && piece.bytes.length > 4

/** A message with that body, and the length of its header right. */
export const message = (type: number, body: Uint8Array): Out => ({
  type: HANDSHAKE,
  bytes: concat(Uint8Array.of(type, body.length >> 16, (body.length >> 8) & 255, body.length & 255), body),
})
const same = ({ type }: Piece, bytes: Uint8Array): Out => ({ type, bytes })
const rebuilt = (piece: Piece, change: (body: Uint8Array) => Uint8Array): Out[] => [
  message(piece.bytes[0] ?? 0, change(piece.bytes.slice(4))),
]
const flipped = (bytes: Uint8Array, at: number): Uint8Array => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte))
const alertOf = (level: number, code: number): Out => ({ type: ALERT, bytes: Uint8Array.of(level, code) })
const CHANGE: Out = { type: CHANGE_CIPHER_SPEC, bytes: Uint8Array.of(1) }
const DATA: Out = { type: APPLICATION_DATA, bytes: Uint8Array.of(0x78) }

/** Something that is not due, before what is. */
const injected: readonly (readonly [string, Out])[] = [
  ['a close_notify', alertOf(1, alerts.close_notify)],
  ['a fatal alert', alertOf(2, alerts.handshake_failure)],
  ['a warning', alertOf(1, alerts.user_canceled)],
  ['a warning that TLS 1.3 does not have', alertOf(1, alerts.no_renegotiation)],
  ['a ChangeCipherSpec', CHANGE],
  ['a ChangeCipherSpec in the clear', { ...CHANGE, clear: true }],
  ['data', DATA],
  ['data in the clear', { ...DATA, clear: true }],
  ['a record without data', { type: APPLICATION_DATA, bytes: NONE }],
  ['a handshake record without content', { type: HANDSHAKE, bytes: NONE }],
  ['an alert record without content', { type: ALERT, bytes: NONE }],
  ['a record of type 24 (heartbeat)', { type: 24, bytes: Uint8Array.of(1, 0x40, 0) }],
  ['a record of type 99', { type: 99, bytes: Uint8Array.of(0) }],
  ['HelloRequest', message(messages.helloRequest.type, NONE)],
  ['KeyUpdate', message(messages.keyUpdate.type, Uint8Array.of(0))],
  ['EndOfEarlyData', message(messages.endOfEarlyData.type, NONE)],
  ['Finished', message(messages.finished.type, new Uint8Array(12))],
  ['CertificateVerify', message(messages.certificateVerify.type, Uint8Array.of(4, 3, 0, 1, 0))],
  ['ClientKeyExchange', message(messages.clientKeyExchange.type, Uint8Array.of(1, 0))],
  ['message type 99', message(99, NONE)],
  ['a message of 16 MiB', { type: HANDSHAKE, bytes: Uint8Array.of(11, 255, 255, 255) }],
]

/** A byte shorter; two, where the next message happens to begin with the missing one and would make it whole again. */
export const shortened = (bytes: Uint8Array, next: Uint8Array | undefined): Uint8Array =>
  bytes.slice(0, bytes.at(-1) === next?.[0] ? -2 : -1)

const split = (piece: Piece, between: readonly Out[]): Out[] => {
  const middle = Math.max(1, piece.bytes.length >> 1)
  return [same(piece, piece.bytes.slice(0, middle)), ...between, same(piece, piece.bytes.slice(middle))]
}

export const edits: readonly Edit[] = [
  { name: 'as it is', cut: asItIs, harmless: true },
  { name: 'left out', cut: () => [] },
  { name: 'twice', cut: (piece) => [...asItIs(piece), ...asItIs(piece)] },
  {
    name: 'after the next',
    on: (_, next) => next !== undefined,
    cut: () => [],
    with: (piece, next) => [...asItIs(next), ...asItIs(piece)],
  },
  { name: 'in the clear', cut: (piece) => asItIs(piece).map((out) => ({ ...out, clear: true })) },
  ...injected.map(([what, out]): Edit => ({ name: `after ${what}`, cut: (piece) => [out, ...asItIs(piece)] })),

  { name: 'with another type', on: handshake, cut: (piece) => [message(99, piece.bytes.slice(4))] },
  { name: 'a bit of the first byte turned', on: withBody, cut: (piece) => [same(piece, flipped(piece.bytes, 4))] },
  {
    name: 'a bit of the last byte turned',
    on: withBody,
    cut: (piece) => [same(piece, flipped(piece.bytes, piece.bytes.length - 1))],
  },
  { name: 'a byte shorter', on: withBody, cut: (piece) => rebuilt(piece, (body) => body.slice(0, -1)) },
  { name: 'a byte longer', on: handshake, cut: (piece) => rebuilt(piece, (body) => concat(body, Uint8Array.of(0))) },
  { name: 'without content', on: withBody, cut: (piece) => rebuilt(piece, () => NONE) },
  {
    name: 'cut off in the middle',
    on: withBody,
    cut: (piece, next) => [same(piece, shortened(piece.bytes, next?.bytes))],
  },
  {
    name: 'saying that it is a byte longer',
    on: handshake,
    cut: (piece) => [
      same(
        piece,
        piece.bytes.map((byte, i) => (i === 3 ? byte + 1 : byte)),
      ),
    ],
  },
  {
    name: 'byte by byte',
    on: (piece) => handshake(piece) && piece.bytes.length < 600,
    cut: (piece) => Array.from(piece.bytes, (byte) => same(piece, Uint8Array.of(byte))),
    harmless: true,
  },
  { name: 'in two records', on: handshake, cut: (piece) => split(piece, []), harmless: true },
  { name: 'in two, an alert between', on: handshake, cut: (piece) => split(piece, [alertOf(1, alerts.user_canceled)]) },
  { name: 'in two, ChangeCipherSpec between', on: handshake, cut: (piece) => split(piece, [CHANGE]) },
  { name: 'in two, data between', on: handshake, cut: (piece) => split(piece, [DATA]) },
  {
    name: 'in two, nothing between',
    on: handshake,
    cut: (piece) => split(piece, [{ type: HANDSHAKE, bytes: NONE }]),
  },
  {
    name: 'in one record with the next',
    on: (piece, next) => handshake(piece) && next !== undefined && handshake(next),
    cut: () => [],
    with: (piece, next) => [same(piece, concat(piece.bytes, next.bytes))],
  },
  {
    name: 'in one record with the beginning of the next',
    on: (piece, next) => handshake(piece) && next !== undefined && handshake(next),
    cut: () => [],
    with: (piece, next) => [same(piece, concat(piece.bytes, next.bytes.slice(0, 1))), same(next, next.bytes.slice(1))],
  },
  {
    name: 'in one record with a beginning of KeyUpdate',
    on: handshake,
    cut: (piece) => [same(piece, concat(piece.bytes, Uint8Array.of(messages.keyUpdate.type, 0)))],
  },

  { name: 'saying 2', on: change, cut: (piece) => [same(piece, Uint8Array.of(2))] },
  { name: 'of two bytes', on: change, cut: (piece) => [same(piece, Uint8Array.of(1, 1))] },
  { name: 'without content', on: change, cut: (piece) => [same(piece, NONE)] },

  { name: 'of one byte', on: alert, cut: (piece) => [same(piece, piece.bytes.slice(0, 1))] },
  { name: 'of four bytes', on: alert, cut: (piece) => [same(piece, concat(piece.bytes, piece.bytes))] },
  { name: 'of level 3', on: alert, cut: (piece) => [same(piece, Uint8Array.of(3, piece.bytes[1] ?? 0))] },
  { name: 'fatal', on: alert, cut: (piece) => [same(piece, Uint8Array.of(2, piece.bytes[1] ?? 0))] },
]
