import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { sentMessages } from '../../test/said.ts'
import { concat } from '../bytes/compare.ts'
import { fromHex, hex } from '../bytes/text.ts'
import { messages } from '../messages/table.ts'
import { annotate, type Part } from './annotate.ts'
import { type Codec, list, opaque, struct, text, u8, u16 } from './codec.ts'

const of = (digits: string): Uint8Array => fromHex(digits) as Uint8Array
const shown = ({ bytes, name, value }: Part): string =>
  `${hex(bytes)} ${name} ${value instanceof Uint8Array ? hex(value) : value}`

/** Every byte is in exactly one part, in order. */
const tiles = (parts: readonly Part[], bytes: Uint8Array): void => {
  let at = 0
  for (const part of parts) {
    assert.equal(part.at, at, `${part.name} begins at ${part.at}`)
    assert.ok(part.bytes.length > 0 || part.problem !== undefined, `${part.name} is empty`)
    at += part.bytes.length
  }
  assert.equal(at, bytes.length)
  assert.equal(hex(concat(...parts.map((part) => part.bytes))), hex(bytes))
}

const inner = struct('Inner', { kind: u8, name: text(0, 255) })
const outer = struct('Outer', { id: u16, items: list(inner, 0, 65535), none: list(u8, 0, 255), blob: opaque(0, 255) })

describe('annotate', () => {
  test('numbers, lengths, items and bytes by their names', () => {
    const bytes = of('01020007010268690201610002aabb')
    const parts = annotate(outer, bytes)
    tiles(parts, bytes)
    assert.deepEqual(parts.map(shown), [
      '0102 id 258',
      '0007 items.length 7',
      '01 items.0.kind 1',
      '02 items.0.name.length 2',
      '6869 items.0.name hi',
      '02 items.1.kind 2',
      '01 items.1.name.length 1',
      '61 items.1.name a',
      '00 none.length 0',
      '02 blob.length 2',
      'aabb blob aabb',
    ])
  })

  test('what cannot be read is in a last part that says why', () => {
    const bytes = of('010200070102686902')
    const parts = annotate(outer, bytes)
    tiles(parts, bytes)
    assert.deepEqual(
      parts.map(({ name }) => name),
      ['id', 'items'],
    )
    assert.match(parts.at(-1)?.problem ?? '', /truncated/)
  })

  test('bytes that are too many are in a last part that says so', () => {
    const bytes = of('0105')
    const parts = annotate(u8, bytes)
    tiles(parts, bytes)
    assert.match(parts.at(-1)?.problem ?? '', /too many/)
  })

  test('a ClientHello', () => {
    const hello = of(`0303${'11'.repeat(32)}00000213010100000e00170000000a0006000400170a0a`)
    const parts = annotate(messages.clientHello.codec, hello)
    tiles(parts, hello)
    assert.deepEqual(parts.slice(2).map(shown), [
      '00 legacySessionId.length 0',
      '0002 cipherSuites.length 2',
      '1301 cipherSuites.0 4865',
      '01 legacyCompressionMethods.length 1',
      '00 legacyCompressionMethods 00',
      '000e extensions.length 14',
      '0017 extensions.extendedMasterSecret.extensionType 23',
      '0000 extensions.extendedMasterSecret.extensionData.length 0',
      '000a extensions.supportedGroups.extensionType 10',
      '0006 extensions.supportedGroups.extensionData.length 6',
      '0004 extensions.supportedGroups.length 4',
      '0017 extensions.supportedGroups.0 23',
      '0a0a extensions.supportedGroups.1 2570',
    ])
  })

  test('an unknown extension', () => {
    const hello = of(`0303${'11'.repeat(32)}0000021301010000060a0a0002beef`)
    assert.deepEqual(annotate(messages.clientHello.codec, hello).slice(-3).map(shown), [
      '0a0a extensions.unknown.extensionType 2570',
      '0002 extensions.unknown.extensionData.length 2',
      'beef extensions.unknown beef',
    ])
  })
})

const all = await sentMessages()
describe('annotate: messages of handshakes between our ends', () => {
  for (const [i, { handshake, name, bytes }] of all.entries()) {
    const codec = messages[name].codec as Codec<unknown>
    test(`${i} ${name} (${handshake}), whole and cut`, () => {
      const parts = annotate(codec, bytes)
      tiles(parts, bytes)
      assert.deepEqual(
        parts.filter((part) => part.problem !== undefined),
        [],
      )
      for (let length = 0; length < bytes.length; length++) {
        const cut = bytes.subarray(0, length)
        tiles(annotate(codec, cut), cut)
      }
    })
    test(`${i} ${name} (${handshake}), spoilt`, () => {
      for (let at = 0; at < bytes.length; at++) {
        const spoilt = bytes.slice()
        spoilt[at] = (spoilt[at] as number) ^ 0x81
        tiles(annotate(codec, spoilt), spoilt)
      }
    })
  }
})
