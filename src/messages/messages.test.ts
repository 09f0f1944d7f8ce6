import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { sentMessages } from '../../test/said.ts'
import { concat, equal } from '../bytes/compare.ts'
import { fromHex, hex } from '../bytes/text.ts'
import { TlsError } from '../errors.ts'
import { type Codec, decode, encode } from '../wire/codec.ts'
import { ClientEcdhPskExchange, ClientEcdhPublic, EncryptedPremaster, PskIdentity } from './exchange12.ts'
import { type MessageName, messages } from './table.ts'

const codecOf = (name: MessageName): Codec<unknown> => messages[name].codec as Codec<unknown>

/** What the bytes say, or the error; anything but a TlsError is a fault of ours. */
const read = (codec: Codec<unknown>, bytes: Uint8Array): { value: unknown } | TlsError => {
  try {
    return { value: decode(codec, bytes) }
  } catch (error) {
    if (error instanceof TlsError) return error
    throw new Error(`reading ${hex(bytes)} fails`, { cause: error })
  }
}

/** Whether what was read is written as it came. A hello may lack its block of extensions, which means an empty one. */
const writtenAlike = (codec: Codec<unknown>, bytes: Uint8Array, value: unknown): boolean => {
  const written = encode(codec, value)
  if (equal(written, bytes)) return true
  const none = Object.keys((value as { extensions?: object }).extensions ?? { some: 1 }).length === 0
  return (
    none && (equal(written, concat(bytes, Uint8Array.of(0, 0))) || equal(concat(written, Uint8Array.of(0, 0)), bytes))
  )
}

/** Whose body is whatever is left; the handshake knows how long it must be. */
const open: ReadonlySet<MessageName> = new Set(['finished', 'clientKeyExchange'])

const all = await sentMessages()

describe('messages: of handshakes between our ends', () => {
  for (const [i, { handshake, name, bytes }] of all.entries()) {
    const codec = codecOf(name)
    test(`${i} ${name} (${handshake}) is read and written again byte for byte`, () => {
      const value = decode(codec, bytes)
      assert.equal(hex(encode(codec, value)), hex(bytes))
    })
    if (open.has(name)) continue
    test(`${i} ${name} (${handshake}) cut at every byte`, () => {
      for (let length = 0; length < bytes.length; length++) {
        const cut = bytes.subarray(0, length)
        const result = read(codec, cut)
        if (result instanceof TlsError) assert.equal(result.alert, 'decode_error', `${length} bytes: ${result.message}`)
        else
          assert.ok(
            /Hello$/.test(name) && writtenAlike(codec, cut, result.value),
            `${length} bytes are a whole ${name}`,
          )
      }
    })
    test(`${i} ${name} (${handshake}) with a byte too many`, () => {
      const result = read(codec, concat(bytes, Uint8Array.of(0)))
      assert.ok(result instanceof TlsError)
      assert.equal(result.alert, 'decode_error')
    })
    test(`${i} ${name} (${handshake}) with every byte changed`, () => {
      for (let at = 0; at < bytes.length; at++) {
        for (const change of [0x01, 0x02, 0x10, 0x80, 0xff, ((at * 37) % 255) | 1]) {
          const changed = bytes.slice()
          changed[at] = (changed[at] as number) ^ change
          const result = read(codec, changed)
          if (result instanceof TlsError) continue
          assert.ok(
            writtenAlike(codec, changed, result.value),
            `byte ${at} changed by ${change} is read, but written otherwise`,
          )
        }
      }
    })
    test(`${i} ${name} (${handshake}) with bytes taken out and put in`, () => {
      for (let at = 0; at < bytes.length; at++) {
        for (const spoilt of [
          concat(bytes.subarray(0, at), bytes.subarray(at + 1)),
          concat(bytes.subarray(0, at), Uint8Array.of(at & 255), bytes.subarray(at)),
        ]) {
          const result = read(codec, spoilt)
          if (result instanceof TlsError) continue
          assert.ok(writtenAlike(codec, spoilt, result.value), `at ${at}: ${hex(spoilt)} is written otherwise`)
        }
      }
    })
  }
})

const exchanges = [
  ['RSA', EncryptedPremaster],
  ['ecdhe_psk', ClientEcdhPskExchange],
  ['psk', PskIdentity],
] as const

describe('messages: ClientKeyExchange, which is read when the suite is known', () => {
  for (const [i, { handshake, name, bytes }] of all.entries()) {
    if (name !== 'clientKeyExchange') continue
    const codec = (exchanges.find(([suites]) => handshake.endsWith(suites))?.[1] ?? ClientEcdhPublic) as Codec<unknown>
    test(`${i} (${handshake}), whole and cut at every byte`, () => {
      assert.equal(hex(encode(codec, decode(codec, bytes))), hex(bytes))
      for (let length = 0; length < bytes.length; length++) {
        const result = read(codec, bytes.subarray(0, length))
        assert.ok(result instanceof TlsError, `${length} bytes are whole`)
        assert.equal(result.alert, 'decode_error')
      }
    })
  }
})

const random = '11'.repeat(32)
/** A ClientHello with these extensions, the length in front of them not among them. */
const clientHello = (extensions: string): string => `0303${random}00000213010100${length(extensions)}${extensions}`
const serverHello = (extensions: string): string => `0303${random}00130100${length(extensions)}${extensions}`
const length = (text: string): string => (text.length / 2).toString(16).padStart(4, '0')
const entry = (type: string, body: string): string => `${type}${length(body)}${body}`

const versions13 = entry('002b', '0304')

/** What must be refused, and how. */
const refused: readonly (readonly [string, MessageName, string, string])[] = [
  ['nothing', 'clientHello', '', 'decode_error'],
  ['no suites', 'clientHello', `0303${random}0000000100`, 'decode_error'],
  ['an odd length of suites', 'clientHello', `0303${random}000003130113010000`, 'decode_error'],
  ['no compression methods', 'clientHello', `0303${random}0000021301000000`, 'decode_error'],
  ['a session id of 33 bytes', 'clientHello', `0303${random}21${'22'.repeat(33)}0002130101000000`, 'decode_error'],
  ['bytes behind the extensions', 'clientHello', `${clientHello('')}00`, 'decode_error'],
  ['an extension twice', 'clientHello', clientHello(entry('0017', '') + entry('0017', '')), 'illegal_parameter'],
  [
    'an unknown extension twice',
    'clientHello',
    clientHello(entry('0a0a', '') + entry('0a0a', '')),
    'illegal_parameter',
  ],
  ['bytes in an extension that has none', 'clientHello', clientHello(entry('0017', '00')), 'decode_error'],
  ['an empty list of groups', 'clientHello', clientHello(entry('000a', '0000')), 'decode_error'],
  ['half a group', 'clientHello', clientHello(entry('000a', '0003001d00')), 'decode_error'],
  ['an empty protocol', 'clientHello', clientHello(entry('0010', '000100')), 'decode_error'],
  ['no protocols', 'clientHello', clientHello(entry('0010', '0000')), 'decode_error'],
  ['two names', 'clientHello', clientHello(entry('0000', '00080000016100000162')), 'decode_error'],
  ['a name with a zero byte', 'clientHello', clientHello(entry('0000', '00050000026100')), 'unrecognized_name'],
  ['an empty name', 'clientHello', clientHello(entry('0000', '0003000000')), 'decode_error'],
  [
    'pre_shared_key before another',
    'clientHello',
    clientHello(`${entry('0029', `000700010100000000002120${'33'.repeat(32)}`)}${entry('0017', '')}`),
    'illegal_parameter',
  ],
  ['no binders', 'clientHello', clientHello(entry('0029', '000700010100000000' + '0000')), 'decode_error'],
  ['an empty key share', 'clientHello', clientHello(entry('0033', '0004001d0000')), 'decode_error'],
  ['no modes', 'clientHello', clientHello(entry('002d', '00')), 'decode_error'],
  ['an extension of TLS 1.2 in 1.3', 'serverHello', serverHello(versions13 + entry('0017', '')), 'illegal_parameter'],
  ['an extension of TLS 1.3 in 1.2', 'serverHello', serverHello(entry('0033', '001d000101')), 'illegal_parameter'],
  [
    'a key share in EncryptedExtensions',
    'encryptedExtensions',
    length(entry('0033', '001d000101')) + entry('0033', '001d000101'),
    'illegal_parameter',
  ],
  ['no block in EncryptedExtensions', 'encryptedExtensions', '', 'decode_error'],
  ['an empty certificate', 'certificate', '000000050000000000', 'decode_error'],
  ['an empty ticket', 'newSessionTicket', '00000001000000020000000000', 'decode_error'],
  ['an answer that KeyUpdate does not know', 'keyUpdate', '02', 'illegal_parameter'],
  ['an empty KeyUpdate', 'keyUpdate', '', 'decode_error'],
  ['two bytes of KeyUpdate', 'keyUpdate', '0000', 'decode_error'],
  ['a byte in EndOfEarlyData', 'endOfEarlyData', '00', 'decode_error'],
  ['a byte in ServerHelloDone', 'serverHelloDone', '00', 'decode_error'],
  ['explicit curve parameters', 'serverKeyExchange', '01', 'illegal_parameter'],
  ['a status of another kind', 'certificateStatus', '02000001ff', 'decode_error'],
  ['an empty certificate of TLS 1.2', 'certificate12', '000003000000', 'decode_error'],
]

describe('messages: refused', () => {
  for (const [what, name, text, alert] of refused) {
    test(`${name} with ${what}`, () => {
      const result = read(codecOf(name), fromHex(text) as Uint8Array)
      assert.ok(result instanceof TlsError, 'it was read')
      assert.equal(result.alert, alert, result.message)
    })
  }
})

describe('messages: what a hello may say', () => {
  test('a ClientHello without a block of extensions has none', () => {
    const hello = decode(messages.clientHello.codec, fromHex(`0303${random}00000213010100`) as Uint8Array)
    assert.deepEqual(hello.extensions, {})
  })

  test('unknown extensions are kept, each at its place', () => {
    const text = clientHello(
      entry('0a0a', 'ff') + entry('0017', '') + entry('fafa', '') + entry('0031', '') + entry('1a1a', '00'),
    )
    const bytes = fromHex(text) as Uint8Array
    const hello = decode(messages.clientHello.codec, bytes)
    assert.deepEqual(
      hello.extensions.unknown?.map(({ type, at }) => [type, at]),
      [
        [0x0a0a, 0],
        [0xfafa, 2],
        [0x1a1a, 4],
      ],
    )
    assert.equal(hex(encode(messages.clientHello.codec, hello)), text)
  })

  test('an unknown extension without a place stands where it is named', () => {
    const hello = decode(messages.clientHello.codec, fromHex(clientHello('')) as Uint8Array)
    const extensions = { unknown: [{ type: 0x0a0a, data: new Uint8Array(0) }], postHandshakeAuth: true as const }
    assert.equal(
      hex(encode(messages.clientHello.codec, { ...hello, extensions })),
      clientHello(entry('0a0a', '') + entry('0031', '')),
    )
  })

  const kinds: readonly (readonly [string, string, string])[] = [
    ['TLS 1.3', serverHello(versions13), 'serverHello'],
    ['TLS 1.2', serverHello(entry('0017', '')), 'serverHello12'],
    ['TLS 1.2 without extensions', `0303${random}00130100`, 'serverHello12'],
    [
      'a retry',
      serverHello(versions13).replace(random, 'cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c'),
      'helloRetryRequest',
    ],
  ]
  for (const [what, text, kind] of kinds) {
    test(`a ServerHello of ${what} is a ${kind}`, () => {
      const hello = decode(messages.serverHello.codec, fromHex(text) as Uint8Array)
      assert.equal(hello.kind, kind)
      assert.equal(hex(encode(messages.serverHello.codec, hello)), text)
    })
  }
})
