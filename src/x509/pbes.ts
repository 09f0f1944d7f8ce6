import { concat } from '../bytes/compare.ts'
import { fromHex, fromUtf8, latin1 } from '../bytes/text.ts'
import { digest } from '../crypto/digest.ts'
import { type HashName, hashLength, type Provider, type ScryptCost } from '../crypto/provider.ts'
import { Misuse } from '../errors.ts'
import { type Task, wait } from '../task.ts'
import { type DerReader, readDer, tags } from './der.ts'
import { oidName } from './oids.ts'

/** The password of an encrypted key or file; asked for only when there is something to open. */
export type Password = string | Uint8Array | (() => string | Uint8Array | undefined)

/** A private key, or a file that holds keys, cannot be had from this: the sentence says why. */
export class KeyError extends Error {
  override readonly name: string = 'KeyError'
}

/** How something is encrypted by a password. */
export interface Protection {
  /** What is protected, as the beginning of a sentence. */
  readonly what: string
  readonly derivation: Derivation
  readonly cipher: Cipher
  /** Undefined: it comes from the password too. */
  readonly iv: Uint8Array | undefined
}

type Derivation = Rounds | (ScryptCost & { readonly kind: 'scrypt'; readonly salt: Uint8Array })

interface Rounds {
  readonly kind: 'pbkdf2' | 'pkcs12'
  readonly hash: HashName
  readonly salt: Uint8Array
  readonly iterations: number
}

interface Cipher {
  readonly name: 'aes' | 'des-ede3' | 'rc2'
  /** Bytes. */
  readonly key: number
  readonly block: 8 | 16
  /** How much of the key the password makes, where the rest repeats it. */
  readonly own?: number
}

const ciphers: Readonly<Record<string, Cipher>> = {
  aes128Cbc: { name: 'aes', key: 16, block: 16 },
  aes192Cbc: { name: 'aes', key: 24, block: 16 },
  aes256Cbc: { name: 'aes', key: 32, block: 16 },
  desEde3Cbc: { name: 'des-ede3', key: 24, block: 8 },
}

/** Those of PKCS#12, which go with SHA-1 and its own derivation (RFC 7292 appendix C). */
const oldCiphers: Readonly<Record<string, Cipher>> = {
  pbeWithSHA1And3KeyTripleDES: { name: 'des-ede3', key: 24, block: 8 },
  pbeWithSHA1And2KeyTripleDES: { name: 'des-ede3', key: 24, block: 8, own: 16 },
  pbeWithSHA1And128BitRC2: { name: 'rc2', key: 16, block: 8 },
  pbeWithSHA1And40BitRC2: { name: 'rc2', key: 5, block: 8 },
}

/** Beyond these a file would only burn time. */
const MAX_ITERATIONS = { pbkdf2: 10_000_000, pkcs12: 1_000_000 } as const
/** Bytes that scrypt may take, and how often. */
const MAX_MEMORY = 1 << 27
const MAX_PARALLEL = 16

/**
 * Reads an AlgorithmIdentifier of encryption by password: PBES2 (PBKDF2 or scrypt with AES-CBC or triple DES, RFC 8018 section 6.2),
 * and the ciphers of PKCS#12 but RC4 (RFC 7292 appendix C). Throws `KeyError` for others and for too many rounds.
 */
export const readProtection = (algorithm: Uint8Array, what: string): Protection =>
  readDer(algorithm, tags.sequence, 'the encryption algorithm', (inside) => {
    const name = oidName(inside.oid())
    const old = oldCiphers[name]
    if (old) {
      const parameters = inside.open(tags.sequence)
      const derivation = derivationOf('pkcs12', 'sha1', parameters.octets(), parameters.small(), what)
      parameters.close()
      return { what, derivation, cipher: old, iv: undefined }
    }
    if (name !== 'pbes2') {
      throw new KeyError(
        `${what} is encrypted with ${name}, which is not supported; PBES2 and triple DES of PKCS#12 are`,
      )
    }
    const parameters = inside.open(tags.sequence)
    const { derivation, keyLength } = readDerivation(parameters.raw(tags.sequence), what)
    const encryption = parameters.open(tags.sequence)
    parameters.close()
    const cipherName = oidName(encryption.oid())
    const cipher = ciphers[cipherName]
    if (!cipher)
      throw new KeyError(`${what} is encrypted with ${cipherName}, which is not supported; AES-CBC and triple DES are`)
    const iv = encryption.octets()
    encryption.close()
    if (iv.length !== cipher.block || (keyLength !== undefined && keyLength !== cipher.key))
      inside.fail('has parameters that do not fit its cipher')
    return { what, derivation, cipher, iv }
  })

/** The AlgorithmIdentifier of PBKDF2 (RFC 8018 appendix A.2) or scrypt (RFC 7914 section 7). */
export const readDerivation = (
  algorithm: Uint8Array,
  what: string,
): { readonly derivation: Derivation; readonly keyLength: number | undefined } =>
  readDer(algorithm, tags.sequence, 'the key derivation', (inside) => {
    const name = oidName(inside.oid())
    if (name !== 'pbkdf2' && name !== 'scrypt')
      throw new KeyError(`the password of ${what} goes through ${name}, which is not supported; PBKDF2 and scrypt are`)
    const parameters = inside.open(tags.sequence)
    if (name === 'scrypt') return readScrypt(parameters, what)
    const salt = parameters.octets()
    const iterations = parameters.small()
    const keyLength = parameters.tag === tags.integer ? parameters.small() : undefined
    const hash = parameters.more ? readPrf(parameters.open(tags.sequence), what) : 'sha1'
    parameters.close()
    return { derivation: derivationOf('pbkdf2', hash, salt, iterations, what), keyLength }
  })

const readScrypt = (parameters: DerReader, what: string) => {
  const salt = parameters.octets()
  const [cost, blockSize, parallel] = [parameters.small(), parameters.small(), parameters.small()]
  const keyLength = parameters.more ? parameters.small() : undefined
  parameters.close()
  if (cost < 2 || (cost & (cost - 1)) !== 0 || blockSize < 1 || parallel < 1)
    parameters.fail('has parameters that scrypt does not know')
  const memory = 128 * cost * blockSize
  if (memory > MAX_MEMORY || parallel > MAX_PARALLEL)
    throw new KeyError(
      `${what} asks for ${memory} bytes of scrypt, ${parallel} times; up to ${MAX_MEMORY}, ${MAX_PARALLEL} times, are done`,
    )
  return { derivation: { kind: 'scrypt', salt, cost, blockSize, parallel } as const, keyLength }
}

export const derivationOf = (
  kind: Rounds['kind'],
  hash: HashName,
  salt: Uint8Array,
  iterations: number,
  what: string,
): Rounds => {
  const most = MAX_ITERATIONS[kind]
  if (iterations < 1 || iterations > most)
    throw new KeyError(
      `${what} asks for ${iterations} rounds of ${kind === 'pbkdf2' ? 'PBKDF2' : 'hashing'}; 1 to ${most} are done`,
    )
  return { kind, hash, salt, iterations }
}

/** The hash of an AlgorithmIdentifier of HMAC. */
export const readPrf = (identifier: DerReader, what: string): HashName => {
  const name = oidName(identifier.oid())
  if (identifier.more) identifier.null()
  identifier.close()
  const hash = prfs[name]
  if (!hash) {
    const needs = 'which is not supported; HMAC with SHA-1, SHA-256, SHA-384 and SHA-512 are'
    throw new KeyError(`the password of ${what} goes through ${name}, ${needs}`)
  }
  return hash
}

const prfs: Readonly<Record<string, HashName>> = {
  hmacWithSHA1: 'sha1',
  hmacWithSHA256: 'sha256',
  hmacWithSHA384: 'sha384',
  hmacWithSHA512: 'sha512',
}

/** The bytes of a password. Throws `KeyError` when there is none. */
export const secretOf = (password: Password | undefined, what: string): Uint8Array => {
  const given = typeof password === 'function' ? password() : password
  if (given === undefined) throw new KeyError(`${what} is encrypted and no password was given`)
  return typeof given === 'string' ? new TextEncoder().encode(given) : given
}

/** Decrypts; undefined when the padding shows that the password is wrong. */
export function* opened(
  { what, derivation, cipher, iv }: Protection,
  sealed: Uint8Array,
  secret: Uint8Array,
  provider: Provider,
): Task<Uint8Array | undefined> {
  const { key: length, own = length, block } = cipher
  if (sealed.length === 0 || sealed.length % block !== 0)
    throw new KeyError(`${what} is damaged: it is not of whole blocks`)
  const made = yield* derived(derivation, secret, own, KEY, provider, what)
  const key = own < length ? concat(made, made.subarray(0, length - own)) : made
  const vector = iv ?? (yield* derived(derivation, secret, block, IV, provider, what))
  return unpadded(yield* decrypted(cipher, key, vector, sealed, provider, what), block)
}

/** Purposes of derived bytes (RFC 7292 appendix B.3). */
const KEY = 1
const IV = 2
export const MAC = 3

/** `length` bytes of a password for a purpose; PBKDF2 knows none. */
export function* derived(
  derivation: Derivation,
  secret: Uint8Array,
  length: number,
  purpose: number,
  provider: Provider,
  what: string,
): Task<Uint8Array> {
  if (derivation.kind === 'scrypt') {
    if (!provider.scrypt) throw cannot(provider, what)
    return yield* wait(provider.scrypt(secret, derivation.salt, derivation, length))
  }
  const { kind, hash, salt, iterations } = derivation
  if (kind === 'pkcs12')
    return yield* pkcs12Derived(hash, bmpPassword(secret), salt, iterations, length, purpose, provider)
  if (!provider.pbkdf2) throw cannot(provider, what)
  return yield* wait(provider.pbkdf2(hash, secret, salt, iterations, length))
}

const cannot = ({ name }: Provider, what: string): Misuse =>
  new Misuse(`the crypto provider "${name}" cannot open encrypted keys like this one: ${what} needs another`)

function* decrypted(
  { name }: Cipher,
  key: Uint8Array,
  iv: Uint8Array,
  sealed: Uint8Array,
  provider: Provider,
  what: string,
): Task<Uint8Array> {
  const { decryptCbc, decryptOldCbc } = provider
  if (name === 'aes' && decryptCbc) return yield* wait(decryptCbc(key, iv, sealed))
  if (name !== 'aes' && decryptOldCbc) return yield* wait(decryptOldCbc(name, key, iv, sealed))
  throw cannot(provider, what)
}

/** The key derivation of PKCS#12 (RFC 7292 appendix B.2). */
function* pkcs12Derived(
  name: HashName,
  password: Uint8Array,
  salt: Uint8Array,
  iterations: number,
  length: number,
  purpose: number,
  provider: Provider,
): Task<Uint8Array> {
  const block = name === 'sha1' || name === 'sha256' ? 64 : 128
  const input = concat(stretched(salt, block), stretched(password, block))
  const diversifier = new Uint8Array(block).fill(purpose)
  const out = new Uint8Array(length)
  for (let at = 0; ; at += hashLength[name]) {
    let drawn = concat(diversifier, input)
    for (let round = 0; round < iterations; round++) drawn = yield* wait(digest(provider, name, drawn))
    out.set(drawn.subarray(0, length - at), at)
    if (at + drawn.length >= length) return out
    const addend = stretched(drawn, block).subarray(0, block)
    for (let start = 0; start < input.length; start += block) addOnceMore(input.subarray(start, start + block), addend)
  }
}

/** Repeated until it fills whole blocks; nothing stays nothing. */
const stretched = (bytes: Uint8Array, block: number): Uint8Array =>
  Uint8Array.from({ length: Math.ceil(bytes.length / block) * block }, (_, at) => bytes[at % bytes.length] as number)

/** number = number + addend + 1, both big-endian and as long as each other; what overflows is dropped. */
const addOnceMore = (number: Uint8Array, addend: Uint8Array): void => {
  let carry = 1
  for (let at = number.length - 1; at >= 0; at--) {
    carry += (number[at] as number) + (addend[at] as number)
    number[at] = carry & 255
    carry >>>= 8
  }
}

/** PKCS#12 takes passwords in UTF-16, with a zero at the end (RFC 7292 appendix B.1). */
const bmpPassword = (secret: Uint8Array): Uint8Array => {
  if (secret === noPassword) return new Uint8Array(0)
  const text = fromUtf8(secret) ?? latin1(secret)
  const bytes = new Uint8Array(2 * text.length + 2)
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    bytes[2 * at] = unit >>> 8
    bytes[2 * at + 1] = unit
  }
  return bytes
}

/** Some writers take "no password" for no bytes at all, not even the zero at the end. */
export const noPassword: Uint8Array = new Uint8Array(0)

/**
 * What stands in a PEM block whose header DEK-Info is this: AES or triple DES in CBC, the key made by MD5 in one round.
 * Undefined when the password is wrong. Throws `KeyError` for other ciphers.
 */
export function* openedDek(
  header: string,
  sealed: Uint8Array,
  what: string,
  provider: Provider,
  password: Password | undefined,
): Task<Uint8Array | undefined> {
  const [, name = header, digits = ''] = /^([A-Z0-9-]+),([0-9A-Fa-f]+)$/.exec(header) ?? []
  const cipher = dekCiphers[name]
  if (!cipher)
    throw new KeyError(`${what} is encrypted with ${name}, which is not supported; AES-CBC and DES-EDE3-CBC are`)
  const iv = fromHex(digits)
  if (iv?.length !== cipher.block || sealed.length % cipher.block !== 0)
    throw new KeyError(`${what} is damaged: its DEK-Info or its content has the wrong length`)
  if (!provider.md5) throw cannot(provider, what)
  const secret = secretOf(password, what)
  let key = new Uint8Array(0)
  let last = new Uint8Array(0)
  while (key.length < cipher.key) {
    last = (yield* wait(provider.md5(concat(last, secret, iv.subarray(0, 8))))) as Uint8Array<ArrayBuffer>
    key = concat(key, last) as Uint8Array<ArrayBuffer>
  }
  return unpadded(yield* decrypted(cipher, key.subarray(0, cipher.key), iv, sealed, provider, what), cipher.block)
}

const dekCiphers: Readonly<Record<string, Cipher>> = {
  'AES-128-CBC': { name: 'aes', key: 16, block: 16 },
  'AES-192-CBC': { name: 'aes', key: 24, block: 16 },
  'AES-256-CBC': { name: 'aes', key: 32, block: 16 },
  'DES-EDE3-CBC': { name: 'des-ede3', key: 24, block: 8 },
}

/** Without the padding of RFC 5652 section 6.3; undefined when it is none. */
const unpadded = (padded: Uint8Array, block: number): Uint8Array | undefined => {
  const count = padded[padded.length - 1] as number
  if (count < 1 || count > block || padded.subarray(-count).some((byte) => byte !== count)) return undefined
  return padded.subarray(0, padded.length - count)
}
