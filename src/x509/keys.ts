import type { HashName, PrivateKey, Provider } from '../crypto/provider.ts'
import { Misuse } from '../errors.ts'
import { type Maybe, run, type Task, wait } from '../task.ts'
import {
  constructed,
  DerError,
  DerReader,
  derInteger,
  derNull,
  derOctets,
  derOid,
  readDer,
  sequence,
  tags,
} from './der.ts'
import { knownOid, oidName } from './oids.ts'
import { looksLikePem, PemError, readPem } from './pem.ts'

/** The password of an encrypted key; asked for only when there is one to open. */
export type Password = string | Uint8Array | (() => string | Uint8Array | undefined)

/** A private key cannot be had from this: the sentence says why. */
export class KeyError extends Error {
  override readonly name: string = 'KeyError'
}

/**
 * The first private key in PEM or DER, as unencrypted PKCS#8: PKCS#8 (plain, or encrypted by PBES2 with PBKDF2 and
 * AES-CBC, RFC 8018), SEC1 (`EC PRIVATE KEY`) and PKCS#1 (`RSA PRIVATE KEY`). Throws `KeyError` when there is none,
 * it cannot be decrypted, or its form is not supported; `PemError` and `DerError` for what is malformed.
 */
export const readPrivateKey = (data: string | Uint8Array, provider: Provider, password?: Password): Maybe<Uint8Array> =>
  run(privateKeyOf(data, provider, password))

/** As `readPrivateKey`, ready to sign with. */
export const loadPrivateKey = (
  data: string | Uint8Array,
  provider: Provider,
  password?: Password,
): Maybe<PrivateKey & { readonly pkcs8: Uint8Array }> => run(loaded(data, provider, password))

function* loaded(data: string | Uint8Array, provider: Provider, password?: Password) {
  const pkcs8 = yield* privateKeyOf(data, provider, password)
  return yield* wait(provider.privateKey(pkcs8))
}

function* privateKeyOf(data: string | Uint8Array, provider: Provider, password?: Password): Task<Uint8Array> {
  if (typeof data !== 'string' && !looksLikePem(data)) return yield* fromDer(data, provider, password)
  for (const { label, bytes, headers } of readPem(data)) {
    if (headers['DEK-Info'] !== undefined) {
      throw new KeyError(
        `this ${label} is encrypted in OpenSSL's old way (DEK-Info); rewrite it with "openssl pkcs8 -topk8"`,
      )
    }
    switch (label) {
      case 'PRIVATE KEY':
        return bytes
      case 'ENCRYPTED PRIVATE KEY':
        return yield* decrypted(bytes, provider, password)
      case 'EC PRIVATE KEY':
        return pkcs8OfSec1(bytes)
      case 'RSA PRIVATE KEY':
        return pkcs8OfPkcs1(bytes)
    }
  }
  throw new PemError('there is no private key in this text: no "-----BEGIN PRIVATE KEY-----" or the like')
}

/** Which of the four forms DER is in shows in its first elements. */
function* fromDer(bytes: Uint8Array, provider: Provider, password?: Password): Task<Uint8Array> {
  const inside = new DerReader(bytes, 'the private key').open(tags.sequence)
  if (inside.tag === tags.sequence) return yield* decrypted(bytes, provider, password)
  const version = inside.small()
  if (inside.tag === tags.sequence) return bytes
  if (inside.tag === tags.octetString && version === 1) return pkcs8OfSec1(bytes)
  if (inside.tag === tags.integer) return pkcs8OfPkcs1(bytes)
  throw new KeyError('these bytes are no private key in PKCS#8, SEC1 or PKCS#1 form')
}

/** ECPrivateKey (RFC 5915 section 3) names its curve itself. */
const pkcs8OfSec1 = (bytes: Uint8Array): Uint8Array => {
  const curve = readDer(bytes, tags.sequence, 'the EC private key', (inside) => {
    if (inside.small() !== 1) inside.fail('has an unknown version')
    inside.octets()
    const parameters = inside.openIf(constructed(0))
    const oid = parameters?.oid()
    parameters?.close()
    if (inside.more) inside.raw(constructed(1))
    return oid
  })
  if (curve === undefined) throw new KeyError('this EC private key does not name its curve')
  return pkcs8(sequence(derOid(knownOid('ecPublicKey')), derOid(curve)), bytes)
}

const pkcs8OfPkcs1 = (bytes: Uint8Array): Uint8Array =>
  pkcs8(sequence(derOid(knownOid('rsaEncryption')), derNull), bytes)

const pkcs8 = (algorithm: Uint8Array, key: Uint8Array): Uint8Array => sequence(derInteger(0), algorithm, derOctets(key))

/** Beyond this a file would only burn time. */
const MAX_ITERATIONS = 10_000_000

interface Protection {
  readonly hash: HashName
  readonly salt: Uint8Array
  readonly iterations: number
  readonly keyLength: number
  readonly iv: Uint8Array
  readonly sealed: Uint8Array
}

/** EncryptedPrivateKeyInfo (RFC 5958 section 3). */
function* decrypted(bytes: Uint8Array, provider: Provider, password?: Password): Task<Uint8Array> {
  const { hash, salt, iterations, keyLength, iv, sealed } = readProtection(bytes)
  const { pbkdf2, decryptCbc } = provider
  if (!pbkdf2 || !decryptCbc) throw new Misuse(`the crypto provider "${provider.name}" cannot open encrypted keys`)
  const given = typeof password === 'function' ? password() : password
  if (given === undefined) throw new KeyError('this private key is encrypted and no password was given')
  const secret = typeof given === 'string' ? new TextEncoder().encode(given) : given
  const key = yield* wait(pbkdf2(hash, secret, salt, iterations, keyLength))
  const padded = yield* wait(decryptCbc(key, iv, sealed))
  const plain = unpadded(padded)
  // padding is right by chance once in 256 times; a PrivateKeyInfo never is
  if (!plain || !looksLikePkcs8(plain)) throw new KeyError('this private key did not open: the password is wrong')
  return plain
}

const looksLikePkcs8 = (bytes: Uint8Array): boolean => {
  try {
    return readDer(bytes, tags.sequence, 'the private key', (inside) => {
      inside.small()
      inside.raw(tags.sequence)
      inside.octets()
      while (inside.more) inside.raw()
      return true
    })
  } catch (error) {
    if (error instanceof DerError) return false
    throw error
  }
}

const readProtection = (bytes: Uint8Array): Protection =>
  readDer(bytes, tags.sequence, 'the encrypted private key', (inside) => {
    const algorithm = inside.open(tags.sequence)
    const name = oidName(algorithm.oid())
    if (name !== 'pbes2') {
      throw new KeyError(`this private key is encrypted with ${name}, which is not supported; PBES2 is`)
    }
    const parameters = algorithm.open(tags.sequence)
    algorithm.close()
    const derivation = parameters.open(tags.sequence)
    const kdf = oidName(derivation.oid())
    if (kdf !== 'pbkdf2')
      throw new KeyError(`this private key's password goes through ${kdf}, which is not supported; PBKDF2 is`)
    const inner = derivation.open(tags.sequence)
    derivation.close()
    const salt = inner.octets()
    const iterations = inner.small()
    const written = inner.tag === tags.integer ? inner.small() : undefined
    const hash = inner.more ? prf(inner.open(tags.sequence)) : 'sha1'
    inner.close()
    if (iterations < 1 || iterations > MAX_ITERATIONS) {
      throw new KeyError(`this private key asks for ${iterations} rounds of PBKDF2; 1 to ${MAX_ITERATIONS} are done`)
    }
    const encryption = parameters.open(tags.sequence)
    parameters.close()
    const cipher = oidName(encryption.oid())
    const keyLength = keyLengths[cipher]
    if (keyLength === undefined)
      throw new KeyError(`this private key is encrypted with ${cipher}, which is not supported; AES-CBC is`)
    const iv = encryption.octets()
    encryption.close()
    if (iv.length !== 16 || (written !== undefined && written !== keyLength))
      inside.fail('has parameters that do not fit its cipher')
    const sealed = inside.octets()
    if (sealed.length === 0 || sealed.length % 16 !== 0) inside.fail('has content that is not of whole blocks')
    return { hash, salt, iterations, keyLength, iv, sealed }
  })

const keyLengths: Readonly<Record<string, number>> = { aes128Cbc: 16, aes192Cbc: 24, aes256Cbc: 32 }

const prf = (identifier: DerReader): HashName => {
  const name = oidName(identifier.oid())
  if (identifier.more) identifier.null()
  identifier.close()
  const hash = prfs[name]
  if (!hash)
    throw new KeyError(
      `this private key's password goes through ${name}, which is not supported; HMAC with SHA-1 or SHA-2 is`,
    )
  return hash
}

const prfs: Readonly<Record<string, HashName>> = {
  hmacWithSHA1: 'sha1',
  hmacWithSHA256: 'sha256',
  hmacWithSHA384: 'sha384',
  hmacWithSHA512: 'sha512',
}

/** Without the padding of RFC 5652 section 6.3; undefined when it is none. */
const unpadded = (padded: Uint8Array): Uint8Array | undefined => {
  const count = padded[padded.length - 1] as number
  if (count < 1 || count > 16 || padded.subarray(-count).some((byte) => byte !== count)) return undefined
  return padded.subarray(0, padded.length - count)
}
