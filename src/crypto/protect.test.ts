import assert from 'node:assert/strict'
import { createCipheriv, createHmac, randomFillSync } from 'node:crypto'
import { test } from 'node:test'
import { Misuse } from '../errors.ts'
import type { Maybe } from '../task.ts'
import { noble } from './noble/index.ts'
import { aead, cbc } from './node/ciphers.ts'
import { node } from './node/index.ts'
import { protection } from './protect.ts'
import { type HashName, hashLength, type Keying, type Opened, type Protection, type Provider } from './provider.ts'
import { sodium } from './sodium/index.ts'
import { type CipherName, ciphers } from './suites.ts'

const providers: readonly Provider[] = [node, noble, await sodium(node), await sodium(noble, { upTo: Infinity })]

/** The same primitives, each with its answer at a later turn. */
const late = async <T>(make: () => Maybe<T>): Promise<T> => {
  await null
  return make()
}
const lateNode: Provider = {
  ...node,
  name: 'node, late',
  protection: (keying) =>
    protection(
      {
        random: node.random,
        hmac: (name, key) => {
          const { mac } = node.hmac(name, key)
          return {
            mac: (...parts: readonly Uint8Array[]) => {
              const copies = parts.map((part) => part.slice())
              return late(() => mac(...copies))
            },
          }
        },
        aead: (cipher, key) => {
          const quick = aead(cipher, key)
          return {
            seal(nonce, aad, place, from, length) {
              const copies = [nonce.slice(), aad.slice()] as const
              return late(() => quick.seal(...copies, place, from, length))
            },
            open(nonce, aad, sealed, from) {
              const copies = [nonce.slice(), aad.slice(), sealed.slice()] as const
              return late(() => quick.open(...copies, from))
            },
          }
        },
        cbc: (key) => {
          const quick = cbc(key)
          return {
            encrypt(iv, text, into) {
              const copy = text.slice()
              return late(() => quick.encrypt(iv, copy, into))
            },
            decrypt(iv, text) {
              const copies = [iv.slice(), text.slice()] as const
              return late(() => quick.decrypt(...copies))
            },
          }
        },
      },
      keying,
    ),
}

/** Of no length, an array has no memory behind it either. */
const bytes = (length: number, seed = 1): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 17 + (i >> 8)) & 255)

const keyings: Keying[] = (Object.keys(ciphers) as CipherName[]).flatMap((cipher): Keying[] => {
  const { key, iv12, mode } = ciphers[cipher]
  if (mode === 'aead') {
    return [
      { version: 0x0304, cipher, key: bytes(key), iv: bytes(12, 2) },
      { version: 0x0303, cipher, key: bytes(key), iv: bytes(iv12, 2) },
    ]
  }
  return (['sha1', 'sha256', 'sha384'] as const).flatMap((hash) =>
    [false, true].map((encryptThenMac): Keying => {
      const mac = { hash, key: bytes(hashLength[hash], 3), encryptThenMac }
      return { version: 0x0303, cipher, key: bytes(key), iv: new Uint8Array(0), mac }
    }),
  )
})
const title = ({ cipher, version, mac }: Keying): string =>
  `${cipher} ${version === 0x0304 ? '1.3' : '1.2'}${mac ? ` ${mac.hash}${mac.encryptThenMac ? ' encrypt-then-MAC' : ''}` : ''}`

const place = (side: Protection, length: number, padding: number): Uint8Array => {
  const body = side.sealedLength(length, padding)
  const record = new Uint8Array(5 + body)
  record.set([23, 3, 3, body >> 8, body & 255])
  return record
}
const sealed = async (
  side: Protection,
  sequence: number,
  type: number,
  data: Uint8Array,
  padding = 0,
): Promise<Uint8Array> => {
  const record = place(side, data.length, padding)
  await side.seal(sequence, type, data, padding, record)
  return record
}

const isNode = !('Bun' in globalThis || 'Deno' in globalThis)
const sides = [...providers, lateNode]
for (const keying of keyings) {
  const able = sides.filter((provider) => provider.ciphers.includes(keying.cipher))
  const padded = keying.version === 0x0304
  test(`${title(keying)}: what one seals another opens`, async () => {
    assert.ok(able.length > 0 || !isNode, 'Node has every cipher; Bun and Deno have none of CCM')
    for (const sealer of able) {
      for (const opener of able) {
        const out = sealer.protection(keying)
        const into = opener.protection(keying)
        const rows = [0, 1, 15, 16, 17, 47, 300, 4095, 4096, 16384].flatMap((length) =>
          (padded ? [0, 1, 100] : [0]).map((padding) => [length, padding] as const),
        )
        for (const [index, [length, padding]] of rows.entries()) {
          const sequence = [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 48 - 1][index % 5] as number
          const data = bytes(length, index)
          const record = await sealed(out, sequence, 23, data, padding)
          const opened = (await into.open(sequence, record)) as Opened
          assert.ok(opened, `${sealer.name} to ${opener.name}: ${length} bytes, padding ${padding}`)
          assert.equal(opened.type, 23)
          assert.deepEqual(new Uint8Array(opened.data), data)
          assert.equal(await into.open(sequence === 0 ? 1 : sequence - 1, record), undefined)
        }
      }
    }
  })

  test(`${title(keying)}: no byte can be changed, no length, and nothing throws`, async () => {
    for (const provider of able) {
      const side = provider.protection(keying)
      const record = await sealed(side, 7, 22, bytes(21), padded ? 3 : 0)
      // the length of the header is what the record layer cut by; TLS 1.2 authenticates the one that follows from the body
      const judged = record.length - (padded ? 0 : 2)
      for (let i = 0; i < judged; i++) {
        const at = padded || i < 3 ? i : i + 2
        for (const bit of [1, 0x80]) {
          const changed = record.slice()
          changed[at] = (changed[at] as number) ^ bit
          assert.equal(await side.open(7, changed), undefined, `${provider.name}: byte ${at}`)
        }
      }
      for (let length = 5; length < record.length; length++) {
        assert.equal(await side.open(7, record.slice(0, length)), undefined, `${provider.name}: cut to ${length}`)
      }
      for (const more of [1, 16]) {
        assert.equal(await side.open(7, Uint8Array.of(...record, ...bytes(more))), undefined)
      }
      const opened = await side.open(7, record)
      assert.deepEqual(opened && new Uint8Array(opened.data), bytes(21))
    }
  })

  test(`${title(keying)}: refuses sequence numbers from 2^48 and places of the wrong length`, async () => {
    for (const provider of able) {
      const side = provider.protection(keying)
      const record = await sealed(side, 0, 23, bytes(5))
      for (const sequence of [2 ** 48, -1, Number.NaN, 2 ** 53]) {
        await assert.rejects(async () => side.seal(sequence, 23, bytes(5), 0, place(side, 5, 0)), Misuse)
        await assert.rejects(async () => side.open(sequence, record), Misuse)
      }
      await assert.rejects(async () => side.seal(0, 23, bytes(5), 0, new Uint8Array(record.length + 1)), Misuse)
    }
  })
}

test('TLS 1.3: a record of zeros only has no type', async () => {
  for (const provider of sides) {
    for (const keying of keyings.filter(
      ({ version, cipher }) => version === 0x0304 && provider.ciphers.includes(cipher),
    )) {
      const side = provider.protection(keying)
      // authentic, but of no type: the record layer refuses it by another alert than a forged one (RFC 9846 section 5.4)
      for (const [data, padding] of [
        [0, 0],
        [9, 5000],
      ] as const) {
        const nothing = await side.open(0, await sealed(side, 0, 0, new Uint8Array(data), padding))
        assert.deepEqual(nothing && [nothing.type, nothing.data.length], [0, 0])
      }
      const opened = await side.open(0, await sealed(side, 0, 21, new Uint8Array(9), 5000))
      assert.deepEqual(opened && [opened.type, opened.data.length], [21, 9])
    }
  }
})

test('keys and IVs of the wrong length, and CBC in TLS 1.3, are refused', () => {
  for (const provider of providers) {
    for (const keying of keyings) {
      assert.throws(() => provider.protection({ ...keying, key: bytes(17) }), Misuse)
      assert.throws(() => provider.protection({ ...keying, iv: bytes(7) }), Misuse)
      if (keying.mac) {
        assert.throws(() => provider.protection({ ...keying, version: 0x0304, iv: bytes(12) }), Misuse)
        const { mac: _, ...without } = keying
        assert.throws(() => provider.protection(without), Misuse)
      }
    }
  }
})

// records made here from the RFCs' own words, independent of what is tested
const cbcRecord = (
  hash: HashName,
  sequence: number,
  content: Uint8Array,
  padding: Uint8Array,
  mac?: Uint8Array,
): Uint8Array => {
  const header = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, sequence, 23, 3, 3, content.length >> 8, content.length & 255)
  const tag = mac ?? createHmac(hash, bytes(hashLength[hash], 3)).update(header).update(content).digest()
  const iv = bytes(16, 9)
  const cipher = createCipheriv('aes-128-cbc', bytes(16), iv).setAutoPadding(false)
  const body = Buffer.concat([iv, cipher.update(Buffer.concat([content, tag, padding])), cipher.final()])
  return Uint8Array.of(23, 3, 3, body.length >> 8, body.length & 255, ...body)
}

for (const hash of ['sha1', 'sha256', 'sha384'] as const) {
  const keying = keyings.find(
    ({ cipher, mac }) => cipher === 'aes-128-cbc' && mac?.hash === hash && !mac.encryptThenMac,
  )
  assert.ok(keying)
  const fill = (padding: number, byte = padding): Uint8Array => new Uint8Array(padding + 1).fill(byte)
  test(`MAC-then-encrypt with ${hash}: every padding of the right length, and no other`, async () => {
    for (const provider of sides) {
      const side = provider.protection(keying)
      for (const length of [0, 1, 30, 64, 200]) {
        const content = bytes(length, 5)
        const least = 15 - ((length + hashLength[hash]) % 16)
        for (let padding = least; padding < 256; padding += 16) {
          const opened = await side.open(3, cbcRecord(hash, 3, content, fill(padding)))
          assert.deepEqual(
            opened && new Uint8Array(opened.data),
            content,
            `${provider.name}: ${length} bytes, padding ${padding}`,
          )
          const places =
            length === 30 ? Array(padding).keys() : [0, padding >> 1, padding - 1].filter((i) => i >= 0 && i < padding)
          for (const i of places) {
            const wrong = fill(padding)
            wrong[i] = (wrong[i] as number) ^ 1
            assert.equal(
              await side.open(3, cbcRecord(hash, 3, content, wrong)),
              undefined,
              `padding ${padding}, byte ${i}`,
            )
          }
          const tag = bytes(hashLength[hash], 8)
          assert.equal(await side.open(3, cbcRecord(hash, 3, content, fill(padding), tag)), undefined)
          if (padding < 255)
            assert.equal(await side.open(3, cbcRecord(hash, 3, content, fill(padding, 255))), undefined)
        }
      }
      // a length of padding that leaves no room for the MAC
      const short = 15 - (hashLength[hash] % 16)
      for (let claimed = short + 1; claimed < 256; claimed++) {
        assert.equal(await side.open(3, cbcRecord(hash, 3, new Uint8Array(0), fill(short, claimed))), undefined)
      }
    }
  })
}

test('MAC-then-encrypt: as much is hashed whatever the padding says', async () => {
  for (const hash of ['sha1', 'sha256', 'sha384'] as const) {
    const keying = keyings.find(
      ({ cipher, mac }) => cipher === 'aes-128-cbc' && mac?.hash === hash && !mac.encryptThenMac,
    )
    assert.ok(keying)
    const [block, counter] = hash === 'sha384' ? [128, 17] : [64, 9]
    let blocks = 0
    const side = protection(
      {
        random: node.random,
        aead,
        cbc,
        hmac: (name, key) => {
          const { mac } = node.hmac(name, key)
          return {
            mac(...parts) {
              const length = parts.reduce((sum, part) => sum + part.length, block)
              blocks += Math.ceil((length + counter) / block)
              return mac(...parts)
            },
          }
        },
      },
      keying,
    )
    for (const total of [256, 320, 1024]) {
      const counts = new Set<number>()
      const most = total - hashLength[hash] - 1
      for (let padding = 0; padding < 256 && padding <= most; padding++) {
        for (const byte of [padding, padding ^ 1]) {
          blocks = 0
          await side.open(
            0,
            cbcRecord(hash, 0, bytes(most - padding), Uint8Array.of(...new Uint8Array(padding).fill(byte), padding)),
          )
          counts.add(blocks)
        }
      }
      assert.equal(counts.size, 1, `${hash}, ${total} bytes: ${[...counts]} blocks`)
    }
  }
})

test('sealed storage opens with its key, its label and whole, or not at all', async () => {
  for (const sealer of providers) {
    for (const opener of providers) {
      for (const length of [0, 16, 31, 33]) assert.throws(() => sealer.box(bytes(length)), Misuse)
      const box = sealer.box(bytes(32))
      const other = opener.box(bytes(32))
      const text = randomFillSync(new Uint8Array(100))
      const kept = await box.seal(text, bytes(3))
      assert.equal(kept.length, 12 + 100 + 16)
      const lent = text.slice()
      const sealing = box.seal(lent, bytes(3))
      lent.fill(0)
      assert.deepEqual(await other.open(await sealing, bytes(3)), text)
      assert.deepEqual(await other.open(kept, bytes(3)), text)
      assert.notDeepEqual(await box.seal(text, bytes(3)), kept)
      assert.equal(await other.open(kept, bytes(4)), undefined)
      assert.equal(await opener.box(bytes(32, 2)).open(kept, bytes(3)), undefined)
      for (let i = 0; i < kept.length; i++) {
        assert.equal(await other.open(kept.slice(0, i), bytes(3)), undefined)
        const changed = kept.slice()
        changed[i] = (changed[i] as number) ^ 1
        assert.equal(await other.open(changed, bytes(3)), undefined)
      }
    }
  }
})
