import { parseSpki, size } from '../../src/crypto/keys-der.ts'
import type { Aead } from '../../src/crypto/protect.ts'
import type { Cbc } from '../../src/crypto/protect-cbc.ts'
import {
  type Algorithm,
  BadShare,
  type GroupName,
  type HashName,
  type PrivateKey,
  type Provider,
  type PublicKey,
} from '../../src/crypto/provider.ts'
import type { CipherName } from '../../src/crypto/suites.ts'
import { Misuse } from '../../src/errors.ts'

/** A provider and what it builds its records on, since the vectors fix nonces and additional data. */
export interface Subject {
  readonly provider: Provider
  aead(cipher: CipherName, key: Uint8Array): Aead
  cbc(key: Uint8Array): Cbc
  /** The one algorithm of the suite that is of interest. */
  readonly only?: string
}

type Fields = Readonly<Record<string, unknown>>
/** Throws `Skip` when a test does not apply, another error when it fails, and returns when it passes. */
type Judge = (subject: Subject, group: Fields) => Promise<(test: Fields) => Promise<void>>

/** This is nothing that TLS, or this provider, does. */
export class Skip extends Error {}

/** How a group of tests is judged, by its type. Types that are not here have to do with nothing that TLS needs. */
export const judges: Readonly<Record<string, Judge>> = {
  XdhComp: async (subject, group) => {
    const name = await groupOf(subject, group)
    return (test) => agreement(subject, name, test, hex(test, 'public'), hex(test, 'private'), 'computed')
  },

  XdhAsnComp: async (subject, group) => {
    const name = await groupOf(subject, group)
    // RFC 8410: these have one encoding each, but for the numbers
    const { length, publicHead, privateHead } = xdh[name as keyof typeof xdh]
    const inside = (field: string, head: string) => (test: Fields) => {
      const der = text(test, field)
      return der.startsWith(head) && der.length === head.length + 2 * length ? bytes(der.slice(head.length)) : undefined
    }
    const point = inside('public', publicHead)
    const scalar = inside('private', privateHead)
    return async (test) => {
      const own = scalar(test)
      if (!own) throw new Skip('the private key has another encoding')
      await agreement(subject, name, test, point(test) ?? NONE, own, 'computed')
    }
  },

  EcdhEcpointTest: async (subject, group) => {
    const name = await groupOf(subject, group)
    return (test) => agreement(subject, name, test, hex(test, 'public'), scalarOf(test, name), 'refused')
  },

  EcdhTest: async (subject, group) => {
    if (text(group, 'encoding') !== 'asn') throw new Skip(`ECDH keys as ${text(group, 'encoding')}`)
    const name = await groupOf(subject, group)
    return (test) => agreement(subject, name, test, pointOf(hex(test, 'public'), name), scalarOf(test, name), 'refused')
  },

  EcdsaVerify: async (subject, group) => {
    if (!Object.hasOwn(curves, text(fields(group, 'publicKey'), 'curve'))) throw new Skip('a curve that is not ours')
    const algorithm: Algorithm = { kind: 'ecdsa', hash: hashOf(group) }
    return verification(subject, hex(group, 'publicKeyDer'), algorithm)
  },

  EcdsaP1363Verify: async () => {
    throw new Skip('TLS and X.509 carry ECDSA signatures as DER')
  },

  EddsaVerify: async (subject, group) => {
    const der = hex(group, 'publicKeyDer')
    // a provider that has not the curve refuses a good key of it
    const curve = text(fields(group, 'publicKey'), 'curve')
    if (curve === 'edwards448' && !(await makes(subject, 'ed448'))) throw new Skip('the provider has no Ed448')
    return verification(subject, der, { kind: 'eddsa' })
  },

  RsassaPkcs1Verify: async (subject, group) =>
    verification(subject, hex(group, 'publicKeyDer'), { kind: 'rsa_pkcs1', hash: hashOf(group) }),

  RsassaPkcs1Generate: async (subject, group) => {
    const algorithm: Algorithm = { kind: 'rsa_pkcs1', hash: hashOf(group) }
    const key = await privateKeyOf(subject, group)
    return async (test) => {
      if (text(test, 'result') === 'invalid') throw new Skip('nothing can be invalid about signing')
      same(await key.sign(algorithm, hex(test, 'msg')), hex(test, 'sig'))
    }
  },

  RsassaPssVerify: pss,
  RsassaPssWithParametersVerify: pss,

  RsaesPkcs1Decrypt: async (subject, group) => {
    const key = await privateKeyOf(subject, group)
    const decrypt = key.decrypt?.bind(key)
    if (!decrypt) throw new Skip('the provider does not decrypt with RSA')
    return async (test) => {
      const [message, ciphertext] = [hex(test, 'msg'), hex(test, 'ct')]
      if (text(test, 'result') !== 'invalid') {
        same(await decrypt(ciphertext, message.length), message)
        return
      }
      // bad padding must look like any other secret: the right length, different each time
      for (const length of [32, 48, size(key.facts.bits) - 11]) {
        const [one, other] = [await decrypt(ciphertext, length), await decrypt(ciphertext, length)]
        if (one.length !== length || other.length !== length)
          throw new Error(`${one.length} bytes came back, not ${length}`)
        if (equal(one, other)) throw new Error('the same bytes came back twice, so they were in it')
      }
    }
  },

  AeadTest: async (subject, group) => {
    const { algorithm } = group
    const tagLength = whole(group, 'tagSize') / 8
    const cipher = aeads[`${algorithm} ${whole(group, 'keySize')} ${tagLength}`]
    if (!cipher) throw new Skip(`${algorithm} with keys or tags of a length that TLS does not use`)
    if (whole(group, 'ivSize') !== 96) throw new Skip('nonces in TLS have 96 bits')
    if (!subject.provider.ciphers.includes(cipher)) throw new Skip(`the provider has no ${cipher}`)
    return async (test) => {
      const [nonce, aad, message] = [hex(test, 'iv'), hex(test, 'aad'), hex(test, 'msg')]
      const sealed = Uint8Array.of(...hex(test, 'ct'), ...hex(test, 'tag'))
      const aead = subject.aead(cipher, hex(test, 'key'))
      const opened = await aead.open(nonce, aad, sealed, 0)
      if (text(test, 'result') === 'invalid') {
        if (opened) throw new Error('a forgery was opened')
        return
      }
      same(opened, message)
      // in the middle of other bytes, of which none may change
      for (const from of [0, 5, 13]) {
        const place = new Uint8Array(from + sealed.length).fill(0xa5)
        place.set(message, from)
        await aead.seal(nonce, aad, place, from, message.length)
        same(place.subarray(from), sealed)
        if (!place.subarray(0, from).every((byte) => byte === 0xa5))
          throw new Error('bytes before the text have changed')
        same(await aead.open(nonce, aad, place, from), message)
      }
    }
  },

  MacWithIvTest: async (subject, group) => {
    const { algorithm } = group
    const cipher = aeads[`AES-GCM ${whole(group, 'keySize')} 16`]
    if (algorithm !== 'AES-GMAC' || !cipher || whole(group, 'ivSize') !== 96 || whole(group, 'tagSize') !== 128) {
      throw new Skip(`${algorithm} in a form that AES-GCM in TLS does not have`)
    }
    if (!subject.provider.ciphers.includes(cipher)) throw new Skip(`the provider has no ${cipher}`)
    return async (test) => {
      const aead = subject.aead(cipher, hex(test, 'key'))
      const opened = await aead.open(hex(test, 'iv'), hex(test, 'msg'), hex(test, 'tag'), 0)
      if ((opened !== undefined) === (text(test, 'result') === 'invalid'))
        throw new Error(opened ? 'a forgery was accepted' : 'a good tag was refused')
    }
  },

  IndCpaTest: async (subject, group) => {
    if (group['algorithm'] !== 'AES-CBC-PKCS5') throw new Skip(`${group['algorithm']} is not used in TLS`)
    const cipher = `aes-${whole(group, 'keySize')}-cbc` as CipherName
    if (!subject.provider.ciphers.includes(cipher)) throw new Skip(`the provider has no ${cipher}`)
    return async (test) => {
      if (text(test, 'result') === 'invalid') throw new Skip('wrong PKCS#5 padding; TLS pads in another way')
      const message = hex(test, 'msg')
      const more = 16 - (message.length % 16)
      const padded = Uint8Array.of(...message, ...new Uint8Array(more).fill(more))
      const cbc = subject.cbc(hex(test, 'key'))
      same(await cbc.decrypt(hex(test, 'iv'), hex(test, 'ct')), padded)
      const into = padded.slice()
      await cbc.encrypt(hex(test, 'iv'), into, into)
      same(into, hex(test, 'ct'))
    }
  },

  HkdfTest: async ({ provider }, group) => {
    const hash = hashNamed(`${group['algorithm']}`.replace(/^HKDF-/, ''))
    return async (test) => {
      const prk = await provider.extract(hash, hex(test, 'salt'), hex(test, 'ikm'))
      const expand = async () => provider.expand(hash, prk, hex(test, 'info'), whole(test, 'size'))
      if (text(test, 'result') === 'invalid') await refusal(expand)
      else same(await expand(), hex(test, 'okm'))
    }
  },

  MacTest: async ({ provider }, group) => {
    const [, digits] = /^HMACSHA(\d+)$/.exec(`${group['algorithm']}`) ?? []
    if (!digits) throw new Skip(`${group['algorithm']} is not used in TLS`)
    const hash = hashNamed(`SHA-${digits}`)
    return async (test) => {
      const mac = await provider.hmac(hash, hex(test, 'key')).mac(hex(test, 'msg'))
      const right = equal(mac.subarray(0, whole(group, 'tagSize') / 8), hex(test, 'tag'))
      if (right === (text(test, 'result') === 'invalid'))
        throw new Error(right ? 'a forgery was accepted' : 'the MAC is another')
    }
  },
}

async function pss(subject: Subject, group: Fields): Promise<(test: Fields) => Promise<void>> {
  const hash = hashOf(group)
  if (text(group, 'mgf') !== 'MGF1' || hashNamed(text(group, 'mgfSha')) !== hash)
    throw new Skip('TLS masks with MGF1 and the hash of the signature only')
  return verification(subject, hex(group, 'publicKeyDer'), { kind: 'rsa_pss', hash, saltLength: whole(group, 'sLen') })
}

/**
 * README of the data: what is `acceptable` must be refused (signatures without the NULL of their DigestInfo, and so on),
 * as must all signatures of a key that is refused.
 */
const verification = async (subject: Subject, spki: Uint8Array, algorithm: Algorithm) => {
  let key: PublicKey | undefined
  try {
    key = await subject.provider.publicKey(spki)
  } catch (error) {
    if (!(error instanceof Misuse)) throw error
  }
  return async (test: Fields): Promise<void> => {
    const good = (await key?.verify(algorithm, hex(test, 'msg'), hex(test, 'sig'))) ?? false
    if (good !== (text(test, 'result') === 'valid')) {
      throw new Error(
        good ? 'a bad signature was accepted' : key ? 'a good signature was refused' : 'the key was refused',
      )
    }
  }
}

/** `acceptable` stands for twists and points in another form with X25519 and X448, for other encodings on the NIST curves. */
const agreement = async (
  subject: Subject,
  name: GroupName,
  test: Fields,
  peer: Uint8Array,
  secret: Uint8Array,
  acceptable: 'computed' | 'refused',
): Promise<void> => {
  const group = subject.provider.group(name)
  if (!group) throw new Skip(`the provider has no ${name}`)
  const finish = async () => (await group.start(secret)).finish(peer)
  const result = text(test, 'result')
  const shared = hex(test, 'shared')
  const zero = shared.every((byte) => byte === 0)
  if (result === 'invalid' || (result === 'acceptable' && (acceptable === 'refused' || zero))) {
    await refusal(finish)
    await refusal(async () => group.answer(peer, secret))
  } else {
    // the two ways there, in turns: plain JavaScript takes milliseconds for each
    const first = Number(test['tcId']) % 2 === 1
    same(first ? await finish() : (await group.answer(peer, secret)).secret, shared)
  }
}

const refusal = async (attempt: () => Promise<unknown>): Promise<void> => {
  try {
    await attempt()
  } catch (error) {
    if (error instanceof BadShare || error instanceof Misuse) return
    throw error
  }
  throw new Error('it was accepted')
}

const privateKeyOf = async ({ provider }: Subject, group: Fields): Promise<PrivateKey> => {
  try {
    return await provider.privateKey(hex(group, 'privateKeyPkcs8'))
  } catch (error) {
    throw error instanceof Misuse ? new Skip(`the private key is refused: ${error.message}`) : error
  }
}

const makes = async ({ provider }: Subject, kind: 'ed448'): Promise<boolean> => {
  try {
    return (await provider.generate(kind)).facts.type === kind
  } catch {
    return false
  }
}

const xdh = {
  x25519: { length: 32, publicHead: '302a300506032b656e032100', privateHead: '302e020100300506032b656e04220420' },
  x448: { length: 56, publicHead: '3042300506032b656f033900', privateHead: '3046020100300506032b656f043a0438' },
}

const curves: Readonly<Record<string, GroupName>> = {
  curve25519: 'x25519',
  curve448: 'x448',
  secp256r1: 'secp256r1',
  secp384r1: 'secp384r1',
  secp521r1: 'secp521r1',
}

const groupOf = async ({ provider }: Subject, group: Fields): Promise<GroupName> => {
  const curve = text(group, 'curve')
  const name = curves[curve]
  if (!name) throw new Skip(`${curve} is not one of our groups`)
  if (!provider.groups.includes(name)) throw new Skip(`the provider has no ${name}`)
  return name
}

/** The private key as a number of the curve's length. */
const scalarOf = (test: Fields, name: GroupName): Uint8Array => {
  const length = name === 'secp521r1' ? 66 : name === 'secp384r1' ? 48 : 32
  return bytes(
    BigInt(`0x${text(test, 'private')}`)
      .toString(16)
      .padStart(2 * length, '0'),
  )
}

/** The point of a SubjectPublicKeyInfo; none at all when that is refused or of another curve. */
const pointOf = (spki: Uint8Array, name: GroupName): Uint8Array => {
  try {
    const parts = parseSpki(spki)
    if ('point' in parts && parts.facts.type === 'ec' && curves[name] && parts.facts.curve === curveNames[name])
      return parts.point
  } catch (error) {
    if (!(error instanceof Misuse)) throw error
  }
  return NONE
}
const curveNames: Readonly<Record<string, string>> = { secp256r1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' }

const aeads: Readonly<Record<string, CipherName>> = {
  'AES-GCM 128 16': 'aes-128-gcm',
  'AES-GCM 256 16': 'aes-256-gcm',
  'AES-CCM 128 16': 'aes-128-ccm',
  'AES-CCM 128 8': 'aes-128-ccm-8',
  'CHACHA20-POLY1305 256 16': 'chacha20-poly1305',
}

const hashOf = (group: Fields): HashName => hashNamed(text(group, 'sha'))
const hashNamed = (name: string): HashName => {
  const known = { 'SHA-1': 'sha1', 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' } as const
  if (!Object.hasOwn(known, name)) throw new Skip(`${name} is not used in TLS`)
  return known[name as keyof typeof known]
}

const NONE = new Uint8Array(0)
const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0
const same = (ours: Uint8Array | undefined, theirs: Uint8Array): void => {
  if (!ours) throw new Error('it was refused')
  if (!equal(ours, theirs)) throw new Error('the bytes are others')
}

// a field that is not there, or of another type, means another schema
const text = (fields: Fields, name: string): string => {
  const value = fields[name]
  if (typeof value !== 'string') throw new Skip(`no field "${name}" of the type that this schema has`)
  return value
}
const whole = (fields: Fields, name: string): number => {
  const value = fields[name]
  if (typeof value !== 'number') throw new Skip(`no field "${name}" of the type that this schema has`)
  return value
}
const fields = (from: Fields, name: string): Fields => {
  const value = from[name]
  if (typeof value !== 'object' || value === null) throw new Skip(`no field "${name}" of the type that this schema has`)
  return value as Fields
}
const hex = (fields: Fields, name: string): Uint8Array => bytes(text(fields, name))
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))
