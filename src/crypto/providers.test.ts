import assert from 'node:assert/strict'
import { createHash, createHmac, createPublicKey, generateKeyPairSync, hkdfSync, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import { Misuse } from '../errors.ts'
import { ffdhePrime } from './ffdhe.ts'
import { groups } from './groups.ts'
import { noble } from './noble/index.ts'
import { node } from './node/index.ts'
import {
  type Algorithm,
  BadShare,
  type GroupName,
  type HashName,
  hashLength,
  type KeyKind,
  type PrivateKey,
  type Provider,
} from './provider.ts'
import { ciphers } from './suites.ts'

const isNode = !('Bun' in globalThis || 'Deno' in globalThis)
const providers: readonly Provider[] = [node, noble]
const pairs = providers.flatMap((one) => providers.map((other) => [one, other] as const))

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'))
const plain = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes)
const bytes = (length: number, seed = 1): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 29 + seed * 13 + (i >> 8)) & 255)
const hashes = Object.keys(hashLength) as HashName[]
const NONE = new Uint8Array(0)

for (const provider of providers) {
  test(`${provider.name}: answers are plain Uint8Arrays of their own`, async () => {
    const answers = [
      provider.random(5),
      await provider.hash('sha256').digest(),
      await provider.hmac('sha1', NONE).mac(),
      await provider.expandLabel('sha256', bytes(32), 'key', NONE, 16),
      await provider.prf('sha384', bytes(48), 'x', NONE, 40),
    ]
    for (const answer of answers) {
      assert.equal(Object.getPrototypeOf(answer), Uint8Array.prototype)
      assert.equal(answer.buffer.byteLength, answer.length)
    }
  })

  test(`${provider.name}: random bytes have the length asked for and never come twice`, () => {
    const seen = new Set<string>()
    for (let i = 0; i < 2000; i++) {
      const drawn = provider.random([12, 16, 32, 48][i % 4] as number)
      assert.equal(drawn.length, [12, 16, 32, 48][i % 4])
      seen.add(Buffer.from(drawn.subarray(0, 12)).toString('hex'))
    }
    assert.equal(seen.size, 2000)
    for (const length of [0, 1, 1024, 1025, 4096, 4097, 70_000]) assert.equal(provider.random(length).length, length)
    assert.ok(
      provider
        .random(70_000)
        .subarray(-64)
        .some((byte) => byte !== 0),
    )
  })

  test(`${provider.name}: running hashes`, async () => {
    for (const name of hashes) {
      const hash = provider.hash(name)
      const whole = createHash(name)
      for (const length of [0, 1, 63, 64, 65, 127, 128, 129, 5000]) {
        hash.update(bytes(length, length))
        whole.update(bytes(length, length))
        const apart = hash.copy()
        assert.deepEqual(await hash.digest(), plain(whole.copy().digest()))
        apart.update(bytes(3))
        hash.update(bytes(2, 5))
        assert.deepEqual(await apart.digest(), plain(whole.copy().update(bytes(3)).digest()))
        whole.update(bytes(2, 5))
        assert.deepEqual(await hash.digest(), plain(whole.copy().digest()))
      }
    }
  })

  test(`${provider.name}: memory that a hash gives back is nobody else's yet`, async () => {
    const expected = plain(createHash('sha256').update(bytes(100)).digest())
    const over = provider.hash('sha256')
    over.update(bytes(3000, 2))
    over.end?.()
    over.end?.()
    const [one, two] = [provider.hash('sha256'), provider.hash('sha256')]
    for (const hash of [one, two]) hash.update(bytes(50))
    two.update(bytes(50, 3))
    one.update(bytes(100).subarray(50))
    assert.deepEqual(await one.digest(), expected)
  })

  test(`${provider.name}: HMAC over keys and messages of every kind of length`, async () => {
    for (const name of hashes) {
      for (const keyLength of [0, 1, 20, 63, 64, 65, 127, 128, 129, 300]) {
        const key = bytes(keyLength, 4)
        const hmac = provider.hmac(name, key)
        key.fill(0)
        const expected = (length: number) => plain(createHmac(name, bytes(keyLength, 4)).update(bytes(length)).digest())
        for (const length of [0, 1, 55, 56, 64, 111, 112, 128, 1000, 18_500, 70_000]) {
          assert.deepEqual(
            await hmac.mac(bytes(length)),
            expected(length),
            `${name}: key ${keyLength}, message ${length}`,
          )
        }
        assert.deepEqual(await hmac.mac(bytes(100).subarray(0, 13), NONE, bytes(100).subarray(13)), expected(100))
      }
    }
  })

  test(`${provider.name}: HKDF`, async () => {
    for (const name of hashes) {
      for (const length of [0, 1, 16, 20, 32, 33, 64, 65, 255 * hashLength[name]]) {
        const prk = await provider.extract(name, bytes(13), bytes(22))
        const okm = await provider.expand(name, prk, bytes(10), length)
        // not every runtime's own makes nothing
        if (length === 0) assert.deepEqual(okm, NONE)
        else assert.deepEqual(okm, new Uint8Array(hkdfSync(name, bytes(22), bytes(13), bytes(10), length)))
      }
      assert.throws(() => provider.expand(name, bytes(32), NONE, 255 * hashLength[name] + 1), Misuse)
    }
    // RFC 8448 section 3: the early secret and what is derived from it
    const early = await provider.extract('sha256', NONE, new Uint8Array(32))
    assert.deepEqual(early, hex('33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a'))
    const empty = await provider.hash('sha256').digest()
    const derived = hex('6f2615a108c702c5678f54fc9dbab69716c076189c48250cebeac3576c3611ba')
    assert.deepEqual(await provider.expandLabel('sha256', early, 'derived', empty, 32), derived)
  })

  test(`${provider.name}: HKDF-Expand-Label writes the label as RFC 9846 section 7.1 says`, async () => {
    const rows: [label: string, context: number, length: number][] = [
      ['key', 0, 16],
      ['iv', 0, 12],
      ['exporter', 255, 300],
      ['', 0, 1],
    ]
    for (const name of hashes) {
      for (const [label, context, length] of [...rows, ...rows]) {
        const full = `tls13 ${label}`
        const info = Uint8Array.of(
          length >> 8,
          length & 255,
          full.length,
          ...Buffer.from(full),
          context,
          ...bytes(context),
        )
        const expected = await provider.expand(name, bytes(hashLength[name]), info, length)
        assert.deepEqual(
          await provider.expandLabel(name, bytes(hashLength[name]), label, bytes(context), length),
          expected,
        )
      }
    }
    assert.throws(() => provider.expandLabel('sha256', bytes(32), 'x'.repeat(250), NONE, 8), Misuse)
    assert.throws(() => provider.expandLabel('sha256', bytes(32), 'x', bytes(256), 8), Misuse)
    for (let i = 0; i < 200; i++) {
      const info = Uint8Array.of(0, 32, 6 + `${i}`.length, ...Buffer.from(`tls13 ${i}`), 0)
      const expected = await provider.expand('sha256', bytes(32), info, 32)
      assert.deepEqual(await provider.expandLabel('sha256', bytes(32), `${i}`, NONE, 32), expected)
    }
  })

  test(`${provider.name}: the PRF of TLS 1.2`, async () => {
    const secret = bytes(48, 6)
    const seed = bytes(64, 7)
    for (const name of hashes) {
      for (const length of [0, 1, 12, 48, 104, 200]) {
        // RFC 5246 section 5, word for word
        const p = (data: Uint8Array) => createHmac(name, secret).update(data).digest()
        const start = Buffer.concat([Buffer.from('key expansion'), seed])
        let a: Uint8Array = start
        let expected = Buffer.alloc(0)
        while (expected.length < length) {
          a = p(a)
          expected = Buffer.concat([expected, p(Buffer.concat([a, start]))])
        }
        assert.deepEqual(
          await provider.prf(name, secret, 'key expansion', seed, length),
          plain(expected.subarray(0, length)),
        )
      }
    }
  })
}

test('every group that one provider has agrees with the same group of every other', async () => {
  for (const [one, other] of pairs) {
    for (const name of one.groups.filter((name) => other.groups.includes(name))) {
      const row = groups.find((group) => group.name === name)
      for (let i = 0; i < 3; i++) {
        const exchange = await one.group(name)?.start()
        assert.ok(exchange && row)
        assert.equal(exchange.share.length, row.share, name)
        const answer = await other.group(name)?.answer(exchange.share)
        assert.ok(answer)
        assert.equal(answer.share.length, row.share, name)
        assert.deepEqual(await exchange.finish(answer.share), answer.secret)
        assert.notDeepEqual((await one.group(name)?.start())?.share, exchange.share)
      }
    }
  }
})

test('Node has every group and cipher, but those that withstand quantum computers', { skip: !isNode }, () => {
  assert.deepEqual([...node.groups].sort(), groups.flatMap(({ name }) => (name.includes('mlkem') ? [] : name)).sort())
  assert.deepEqual([...node.ciphers], Object.keys(ciphers))
})

test('a group that a provider does not list is not there', () => {
  for (const provider of providers) {
    for (const { name } of groups) assert.equal(provider.group(name) !== undefined, provider.groups.includes(name))
  }
})

// RFC 7748 section 5.2, RFC 5903 section 8.1
const agreements: [GroupName, secret: string, peer: string, shared: string][] = [
  [
    'x25519',
    'a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4',
    'e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c',
    'c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552',
  ],
  [
    'x448',
    '3d262fddf9ec8e88495266fea19a34d28882acef045104d0d1aae121700a779c984c24f8cdd78fbff44943eba368f54b29259a4f1c600ad3',
    '06fce640fa3487bfda5f6cf2d5263f8aad88334cbd07437f020f08f9814dc031ddbdc38c19c6da2583fa5429db94ada18aa7a7fb4ef8a086',
    'ce3e4ff95a60dc6697da1db1d85e6afbdf79b50a2412d7546d5f239fe14fbaadeb445fc66a01b0779d98223961111e21766282f73dd96b6f',
  ],
  [
    'secp256r1',
    'c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433',
    '04d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf6356fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab',
    'd6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de',
  ],
]

test('known agreements, with the secret given', async () => {
  for (const provider of providers) {
    for (const [name, secret, peer, shared] of agreements.filter(([name]) => provider.groups.includes(name))) {
      const group = provider.group(name)
      assert.ok(group)
      const exchange = await group.start(hex(secret))
      assert.deepEqual(await exchange.finish(hex(peer)), hex(shared), `${provider.name}: ${name}`)
      const answer = await group.answer(hex(peer), hex(secret))
      assert.deepEqual(answer, { share: exchange.share, secret: hex(shared) })
    }
    for (const name of ['ffdhe2048', 'ffdhe3072'] as const) {
      const group = provider.group(name)
      if (!group) continue
      // 2^5 = 32: short numbers keep the length of the prime
      const length = ffdhePrime(name === 'ffdhe2048' ? 2048 : 3072).length
      const padded = (last: number) => Uint8Array.from({ length }, (_, i) => (i === length - 1 ? last : 0))
      const exchange = await group.start(Uint8Array.of(5))
      assert.deepEqual(exchange.share, padded(32))
      assert.deepEqual(await exchange.finish(padded(2)), padded(32))
    }
  }
})

test('secrets that are given lead to the same shares in every provider', async () => {
  for (const { name, bits } of groups) {
    const secret = bytes(name === 'x25519' ? 32 : (bits + 7) >> 3, 3)
    if (name === 'secp521r1') secret[0] = 0
    const shares = await Promise.all(
      providers
        .filter((provider) => provider.groups.includes(name))
        .map(async (provider) => (await provider.group(name)?.start(secret))?.share),
    )
    for (const share of shares) assert.deepEqual(share, shares[0], name)
  }
})

/** A number as so many bytes, the lowest first. */
const little = (number: bigint, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => Number((number >> BigInt(8 * i)) & 255n))
const p25519 = (1n << 255n) - 19n
const p448 = (1n << 448n) - (1n << 224n) - 1n
const lowOrder25519 = [
  ...[0n, 1n, p25519 - 1n, p25519, p25519 + 1n].flatMap((u) => [little(u, 32), little(u | (1n << 255n), 32)]),
  hex('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800'),
  hex('5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157'),
]
const lowOrder448 = [0n, 1n, p448 - 1n, p448, p448 + 1n].map((u) => little(u, 56))

const badShares = async (provider: Provider, name: GroupName): Promise<Uint8Array[]> => {
  const group = provider.group(name)
  assert.ok(group)
  const good = (await group.start()).share
  const lengths = [
    NONE,
    good.subarray(1),
    good.subarray(0, -1),
    Uint8Array.of(...good, 0),
    Uint8Array.of(0, ...good),
    bytes(1),
  ]
  if (name === 'x25519') return [...lengths, ...lowOrder25519]
  if (name === 'x448') return [...lengths, ...lowOrder448]
  if (name.startsWith('ffdhe')) {
    const p = ffdhePrime(name === 'ffdhe2048' ? 2048 : 3072)
    const number = (change: number) => p.map((byte, i) => (i === p.length - 1 ? byte + change : byte))
    const small = (n: number) => p.map((_, i) => (i === p.length - 1 ? n : 0))
    return [...lengths, small(0), small(1), number(-1), p, p.map(() => 255)]
  }
  const half = (good.length - 1) / 2
  const compressed = Uint8Array.of(2 + ((good[good.length - 1] as number) & 1), ...good.subarray(1, 1 + half))
  const hybrid = Uint8Array.of(6 + ((good[good.length - 1] as number) & 1), ...good.subarray(1))
  const off = good.map((byte, i) => (i === good.length - 1 ? byte ^ 1 : byte))
  const zero = good.map((_, i) => (i === 0 ? 4 : 0))
  const large = good.map((byte, i) => (i === 0 ? 4 : i <= half ? 255 : byte))
  return [...lengths, compressed, hybrid, off, zero, large, good.map(() => 0), Uint8Array.of(0)]
}

test('shares that are no points, of low order, or of another form or length are BadShare', async () => {
  for (const provider of providers) {
    for (const name of provider.groups) {
      const group = provider.group(name)
      const exchange = await group?.start()
      assert.ok(group && exchange)
      for (const [index, share] of (await badShares(provider, name)).entries()) {
        const row = `${provider.name}: ${name}, row ${index}`
        await assert.rejects(async () => group.answer(share), BadShare, row)
        await assert.rejects(async () => exchange.finish(share), BadShare, row)
      }
    }
  }
})

const kinds: KeyKind[] = ['P-256', 'P-384', 'P-521', 'ed25519', 'ed448', 'rsa-2048', 'rsa-pss-2048']
const algorithms: Algorithm[] = [
  { kind: 'eddsa' },
  ...(['sha1', 'sha256', 'sha384', 'sha512'] as const).flatMap((hash): Algorithm[] => [
    { kind: 'ecdsa', hash },
    { kind: 'rsa_pkcs1', hash },
    { kind: 'rsa_pss', hash, saltLength: hashLength[hash] },
  ]),
]
const fitting: Record<string, (algorithm: Algorithm) => boolean> = {
  ec: ({ kind }) => kind === 'ecdsa',
  ed25519: ({ kind }) => kind === 'eddsa',
  ed448: ({ kind }) => kind === 'eddsa',
  rsa: ({ kind }) => kind.startsWith('rsa'),
  'rsa-pss': ({ kind }) => kind === 'rsa_pss',
}

type Made = Awaited<ReturnType<typeof node.generate>>
/** RSA keys are made by Node, since pure JavaScript takes seconds for one. */
const keys = new Map<KeyKind, Made>()
for (const kind of kinds) {
  try {
    keys.set(kind, node.generate(kind) as Made)
  } catch (error) {
    // Bun has no Ed448, Deno not all of P-521
    if (isNode) throw error
  }
}

for (const [kind, made] of keys) {
  test(`${kind}: what one provider signs another verifies, and nothing else`, async () => {
    for (const [one, other] of pairs) {
      const key = await one.privateKey(made.pkcs8)
      assert.deepEqual(key.facts, made.facts)
      assert.deepEqual(plain(key.spki), plain(made.spki))
      const peer = await other.publicKey(key.spki)
      assert.deepEqual(peer.facts, made.facts)
      for (const algorithm of algorithms) {
        const row = `${one.name} to ${other.name}: ${JSON.stringify(algorithm)}`
        if (!fitting[key.facts.type]?.(algorithm)) {
          assert.throws(() => key.sign(algorithm, bytes(9)), Misuse, row)
          assert.equal(await peer.verify(algorithm, bytes(9), bytes(64)), false, row)
          continue
        }
        for (const length of [0, 100]) {
          const signature = await key.sign(algorithm, bytes(length))
          assert.equal(await peer.verify(algorithm, bytes(length), signature), true, row)
          assert.equal(
            await peer.verify(algorithm, bytes(length, 2).subarray(0, length - 1), signature),
            length === 0,
            row,
          )
          for (const no of [
            NONE,
            signature.subarray(1),
            Uint8Array.of(...signature, 0),
            Uint8Array.of(0, ...signature),
          ]) {
            assert.equal(await peer.verify(algorithm, bytes(length), no), false, row)
          }
          for (const wrong of algorithms) {
            if (wrong === algorithm || !('hash' in wrong)) continue
            assert.equal(
              await peer.verify(wrong, bytes(length), signature),
              false,
              `${row} as ${JSON.stringify(wrong)}`,
            )
          }
        }
      }
    }
  })

  test(`${kind}: a signature with any byte changed is none`, async () => {
    const algorithm = algorithms.find(
      (one) => fitting[made.facts.type]?.(one) && (!('hash' in one) || one.hash === 'sha256'),
    )
    assert.ok(algorithm)
    const signature = await made.sign(algorithm, bytes(40))
    for (const provider of providers) {
      const peer = await provider.publicKey(made.spki)
      for (let i = 0; i < signature.length; i += provider === node ? 1 : 13) {
        const changed = signature.slice()
        changed[i] = (changed[i] as number) ^ 4
        assert.equal(await peer.verify(algorithm, bytes(40), changed), false, `${provider.name}: byte ${i}`)
      }
    }
  })

  test(`${kind}: key files with any byte changed or cut are refused or another key, never a crash`, async () => {
    for (const provider of providers) {
      const step = made.pkcs8.length > 500 ? 37 : 1
      for (let i = 0; i < made.spki.length; i += step) {
        const changed = made.spki.slice()
        changed[i] = (changed[i] as number) ^ 0x15
        await refusedOrOther(() => provider.publicKey(changed))
        await assert.rejects(async () => provider.publicKey(made.spki.subarray(0, i)), Misuse)
      }
      for (let i = 0; i < made.pkcs8.length; i += step) {
        const changed = made.pkcs8.slice()
        changed[i] = (changed[i] as number) ^ 0x15
        await refusedOrOther(() => provider.privateKey(changed))
        await assert.rejects(async () => provider.privateKey(made.pkcs8.subarray(0, i)), Misuse)
      }
      await assert.rejects(async () => provider.publicKey(Uint8Array.of(...made.spki, 0)), Misuse)
      await assert.rejects(async () => provider.privateKey(Uint8Array.of(...made.pkcs8, 0)), Misuse)
    }
  })
}

const refusedOrOther = async (read: () => unknown): Promise<void> => {
  try {
    assert.ok(await read())
  } catch (error) {
    assert.ok(error instanceof Misuse, `${error}`)
  }
}

test('every provider makes keys of its own', async () => {
  for (const provider of providers) {
    for (const kind of [...keys.keys()].filter((kind) => provider === node || !kind.startsWith('rsa'))) {
      const key = await provider.generate(kind)
      const algorithm = algorithms.find((one) => fitting[key.facts.type]?.(one))
      assert.ok(algorithm)
      assert.notDeepEqual((await provider.generate(kind)).spki, key.spki)
      const again: PrivateKey = await node.privateKey(key.pkcs8)
      assert.deepEqual(plain(again.spki), plain(key.spki))
      const peer = await node.publicKey(key.spki)
      assert.equal(await peer.verify(algorithm, bytes(5), await key.sign(algorithm, bytes(5))), true)
      if (isNode)
        assert.equal(createPublicKey({ key: Buffer.from(key.spki), format: 'der', type: 'spki' }).type, 'public')
    }
    assert.throws(() => provider.generate('rsa-100'), Misuse)
    assert.throws(() => provider.generate('rsa-99999'), Misuse)
    assert.throws(() => provider.generate('P-224' as KeyKind), Misuse)
  }
})

const spki = (type: string, options?: object): Uint8Array => {
  const { publicKey } = (
    generateKeyPairSync as unknown as (type: string, options?: object) => { publicKey: KeyObject }
  )(type, options)
  return plain(publicKey.export({ format: 'der', type: 'spki' }))
}

const der = (tag: number, ...parts: Uint8Array[]): Uint8Array => {
  const content = Buffer.concat(parts)
  const n = content.length
  return Uint8Array.of(tag, ...(n < 128 ? [n] : n < 256 ? [0x81, n] : [0x82, n >> 8, n & 255]), ...content)
}
const rsaSpki = (n: bigint, e: bigint, identifier = '300d06092a864886f70d0101010500'): Uint8Array => {
  const integer = (number: bigint) => {
    const text = number.toString(16)
    return der(
      2,
      hex(text.length % 2 === 1 ? `0${text}` : Number.parseInt(text.slice(0, 2), 16) >= 128 ? `00${text}` : text),
    )
  }
  return der(0x30, hex(identifier), der(3, Uint8Array.of(0), der(0x30, integer(n), integer(e))))
}
const odd = (bits: number): bigint => (1n << BigInt(bits - 1)) + 12345n

const refused = (): [string, Uint8Array][] => [
  ['P-224', spki('ec', { namedCurve: 'P-224' })],
  ['secp224k1', spki('ec', { namedCurve: 'secp224k1' })],
  ['explicit curve parameters', spki('ec', { namedCurve: 'P-256', paramEncoding: 'explicit' })],
  ['X25519', spki('x25519')],
  ['DSA', spki('dsa', { modulusLength: 1024, divisorLength: 160 })],
  ['RSA of 511 bits', rsaSpki(odd(511), 65537n)],
  ['RSA of 16385 bits', rsaSpki(odd(16385), 65537n)],
  ['an even modulus', rsaSpki(odd(1024) + 1n, 65537n)],
  ['the exponent 1', rsaSpki(odd(1024), 1n)],
  ['an even exponent', rsaSpki(odd(1024), 65536n)],
  ['an exponent of 257 bits', rsaSpki(odd(1024), odd(257))],
  ['RSA without the NULL', rsaSpki(odd(1024), 65537n, '300b06092a864886f70d010101')],
  ['RSA with other parameters', rsaSpki(odd(1024), 65537n, '300e06092a864886f70d010101020100')],
  [
    'PSS with SHA-256 but MGF1 with SHA-1',
    spki('rsa-pss', { modulusLength: 1024, hashAlgorithm: 'sha256', mgf1HashAlgorithm: 'sha1', saltLength: 32 }),
  ],
  [
    'PSS with SHA-224',
    spki('rsa-pss', { modulusLength: 1024, hashAlgorithm: 'sha224', mgf1HashAlgorithm: 'sha224', saltLength: 28 }),
  ],
  ['nothing', NONE],
  ['an indefinite length', hex('3080060100000000')],
]

test('plain JavaScript makes RSA keys that Node takes', async () => {
  const key = await noble.generate('rsa-pss-2048')
  const algorithm: Algorithm = { kind: 'rsa_pss', hash: 'sha384', saltLength: 48 }
  const again = await node.privateKey(key.pkcs8)
  assert.deepEqual(plain(again.spki), plain(key.spki))
  assert.deepEqual(again.facts, { type: 'rsa-pss', bits: 2048 })
  const peer = await node.publicKey(key.spki)
  assert.equal(await peer.verify(algorithm, bytes(5), await key.sign(algorithm, bytes(5))), true)
  assert.equal(await peer.verify(algorithm, bytes(5), await again.sign(algorithm, bytes(5))), true)
})

// the wrong keys come from Node, which makes more kinds than the others
test('public keys that are not supported or not sound are Misuse', { skip: !isNode }, async () => {
  for (const provider of providers) {
    for (const [row, key] of refused())
      await assert.rejects(async () => provider.publicKey(key), Misuse, `${provider.name}: ${row}`)
    const p256 = keys.get('P-256')?.spki as Uint8Array
    const point = p256.subarray(-65)
    const compressed = Uint8Array.of(2 + ((point[64] as number) & 1), ...point.subarray(1, 33))
    const identifier = p256.subarray(2, 2 + 21)
    const short = await provider.publicKey(der(0x30, identifier, der(3, Uint8Array.of(0), compressed)))
    assert.deepEqual(short.facts, { type: 'ec', bits: 256, curve: 'P-256' })
    const ecdsa: Algorithm = { kind: 'ecdsa', hash: 'sha256' }
    const signature = (await keys.get('P-256')?.sign(ecdsa, bytes(10))) as Uint8Array
    assert.equal(await short.verify(ecdsa, bytes(10), signature), true)
    assert.equal(await short.verify(ecdsa, bytes(11), signature), false)
    const mixed = Uint8Array.of(6 + ((point[64] as number) & 1), ...point.subarray(1))
    await assert.rejects(async () => provider.publicKey(der(0x30, identifier, der(3, Uint8Array.of(0), mixed))), Misuse)
    const off = p256.slice()
    off[off.length - 1] = (off[off.length - 1] as number) ^ 1
    await assert.rejects(async () => provider.publicKey(off), Misuse, 'a point beside the curve')
    assert.deepEqual((await provider.publicKey(rsaSpki(odd(512), 3n))).facts, { type: 'rsa', bits: 512 })
  }
})

test('PSS keys with parameters sign and verify within them only', { skip: !isNode }, async () => {
  const pair = generateKeyPairSync('rsa-pss', {
    modulusLength: 2048,
    hashAlgorithm: 'sha256',
    mgf1HashAlgorithm: 'sha256',
    saltLength: 32,
    publicKeyEncoding: { format: 'der', type: 'spki' },
    privateKeyEncoding: { format: 'der', type: 'pkcs8' },
  } as never) as unknown as { publicKey: Buffer; privateKey: Buffer }
  for (const provider of providers) {
    const key = await provider.privateKey(plain(pair.privateKey))
    assert.deepEqual(key.facts, { type: 'rsa-pss', bits: 2048, pss: { hash: 'sha256', saltLength: 32 } })
    assert.deepEqual(plain(key.spki), plain(pair.publicKey))
    const peer = await provider.publicKey(key.spki)
    assert.deepEqual(peer.facts, key.facts)
    const good: Algorithm = { kind: 'rsa_pss', hash: 'sha256', saltLength: 32 }
    const signature = await key.sign(good, bytes(10))
    assert.equal(await peer.verify(good, bytes(10), signature), true)
    for (const bad of [
      { kind: 'rsa_pss', hash: 'sha384', saltLength: 48 },
      { kind: 'rsa_pss', hash: 'sha256', saltLength: 20 },
      { kind: 'rsa_pkcs1', hash: 'sha256' },
    ] as const) {
      assert.throws(() => key.sign(bad, bytes(10)), Misuse)
      assert.equal(await peer.verify(bad, bytes(10), signature), false)
    }
  }
})

test('an RSA signature is as long as the modulus, even if its first byte is zero', async () => {
  for (const kind of ['rsa-2048', 'rsa-pss-2048'] as const) {
    const made = keys.get(kind)
    assert.ok(made)
    const algorithm: Algorithm = { kind: 'rsa_pss', hash: 'sha256', saltLength: 32 }
    let signature: Uint8Array
    do signature = await made.sign(algorithm, bytes(3))
    while (signature[0] !== 0)
    for (const provider of providers) {
      const peer = await provider.publicKey(made.spki)
      assert.equal(await peer.verify(algorithm, bytes(3), signature), true)
      assert.equal(await peer.verify(algorithm, bytes(3), signature.subarray(1)), false)
    }
  }
})

test('RSA decryption tells nobody whether the padding was right', async () => {
  const made = keys.get('rsa-2048')
  assert.ok(made)
  for (const [one, other] of pairs) {
    const key = await one.privateKey(made.pkcs8)
    const peer = await other.publicKey(made.spki)
    assert.ok(peer.encrypt)
    if (!key.decrypt) continue
    for (const length of [0, 1, 48, 245]) {
      assert.deepEqual(await key.decrypt(await peer.encrypt(bytes(length)), length), bytes(length))
    }
    const secret = await peer.encrypt(bytes(48))
    const cases: [string, Uint8Array, number][] = [
      ['another length', secret, 47],
      ['another length', secret, 49],
      ['a changed ciphertext', secret.map((byte, i) => (i === 100 ? byte ^ 1 : byte)), 48],
      ['a short ciphertext', secret.subarray(1), 48],
      ['a long ciphertext', Uint8Array.of(0, ...secret), 48],
      ['no ciphertext', NONE, 48],
      ['zero', new Uint8Array(256), 48],
      ['a number beyond the modulus', new Uint8Array(256).fill(255), 48],
      ['a length for which there is no room', secret, 246],
    ]
    for (const [row, ciphertext, length] of cases) {
      const answer: Uint8Array = await key.decrypt(ciphertext, length)
      assert.equal(answer.length, length, row)
      assert.notDeepEqual(answer.subarray(0, 47), bytes(48).subarray(0, Math.min(47, length)), row)
      assert.notDeepEqual(await key.decrypt(ciphertext, length), answer, `${row}: random each time`)
    }
  }
  assert.equal(keys.get('rsa-pss-2048')?.decrypt, undefined)
})
