import type { End } from '../../pair.ts'
import { recordOf } from './lane.ts'
import { type Fates, play, type Stage } from './play.ts'
import { tamper } from './proxy.ts'

/** A whole record on its way. */
export interface Passing {
  readonly from: End
  readonly record: Uint8Array
}

/** What somebody without any key may do to a record. */
export interface Tampering {
  readonly name: string
  readonly on?: (record: Uint8Array, next: Passing | undefined) => boolean
  readonly change: (record: Uint8Array) => readonly Uint8Array[]
  /** The record is kept until the next one has come, and this is delivered for both. */
  readonly with?: (record: Uint8Array, next: Uint8Array) => readonly Uint8Array[]
}

const altered = (record: Uint8Array, at: number, to: (byte: number) => number): Uint8Array =>
  record.map((byte, i) => (i === (at < 0 ? record.length + at : at) ? to(byte) : byte))
const body = (record: Uint8Array): Uint8Array => record.subarray(5)

export const tamperings: readonly Tampering[] = [
  { name: 'left out', change: () => [] },
  { name: 'twice', change: (record) => [record, record] },
  {
    name: 'after the next',
    on: (_, next) => next !== undefined,
    change: () => [],
    with: (record, next) => [next, record],
  },
  { name: 'a bit of the last byte turned', change: (record) => [altered(record, -1, (byte) => byte ^ 1)] },
  { name: 'a bit of the first byte turned', change: (record) => [altered(record, 5, (byte) => byte ^ 1)] },
  {
    name: 'a byte shorter',
    on: (record) => record.length > 6,
    change: (record) => [recordOf(record[0] ?? 0, body(record).slice(0, -1))],
  },
  { name: 'without content', change: (record) => [recordOf(record[0] ?? 0, new Uint8Array(0))] },
  { name: 'saying version 1.1', change: (record) => [altered(record, 2, () => 2)] },
  { name: 'saying version 4.4', change: (record) => [altered(record, 1, () => 4)] },
  { name: 'saying that it is data', on: ([type]) => type !== 23, change: (record) => [altered(record, 0, () => 23)] },
  {
    name: 'saying that it is a message',
    on: ([type]) => type !== 22,
    change: (record) => [altered(record, 0, () => 22)],
  },
  {
    name: 'saying that it is an alert',
    on: ([type]) => type !== 21,
    change: (record) => [altered(record, 0, () => 21)],
  },
  { name: 'saying that it is of type 99', change: (record) => [altered(record, 0, () => 99)] },
  {
    name: 'saying that it is 65535 bytes long',
    change: (record) => [
      altered(
        altered(record, 3, () => 255),
        4,
        () => 255,
      ),
    ],
  },
  {
    name: 'after 16 random bytes in a record of data',
    change: (record) => [recordOf(23, new Uint8Array(16).fill(7)), record],
  },
  { name: 'after a fatal alert in the clear', change: (record) => [recordOf(21, Uint8Array.of(2, 40)), record] },
  { name: 'after a close_notify in the clear', change: (record) => [recordOf(21, Uint8Array.of(1, 0)), record] },
]

/** Every record of the scene, untouched. */
export const records = async (stage: Stage): Promise<Passing[]> => {
  const seen: Passing[] = []
  await play(
    stage,
    tamper(stage.configs.client(stage.session), stage.configs.server, (from, record) => {
      seen.push({ from, record: record.slice() })
      return [record]
    }),
  )
  return seen
}

/** Plays the scene with record number `at` tampered with. */
export const tampered = (stage: Stage, all: readonly Passing[], at: number, how: Tampering): Promise<Fates> => {
  const { from } = all[at] as Passing
  let due = all.slice(0, at).filter((passing) => passing.from === from).length
  let kept: Uint8Array | undefined
  return play(
    stage,
    tamper(stage.configs.client(stage.session), stage.configs.server, (sender, record) => {
      if (sender !== from) return [record]
      if (kept && how.with) {
        const first = kept
        kept = undefined
        return how.with(first, record)
      }
      if (due-- !== 0) return [record]
      if (how.with) kept = record.slice()
      return how.change(record)
    }),
  )
}

/** What can be seen of a record from outside. */
export const seenAs = ([type]: Uint8Array, protects: boolean): string =>
  type === 20 ? 'ChangeCipherSpec' : protects ? 'protected record' : type === 22 ? 'messages in the clear' : 'alert'
