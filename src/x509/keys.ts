import type { PrivateKey, Provider } from '../crypto/provider.ts'
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
import { knownOid } from './oids.ts'
import { KeyError, opened, openedDek, type Password, readProtection, secretOf } from './pbes.ts'
import { looksLikePem, type PemBlock, PemError, readPem } from './pem.ts'

export { KeyError, type Password }

/**
 * The first private key in PEM or DER, as unencrypted PKCS#8: PKCS#8 (plain, or encrypted as `readProtection` says), SEC1
 * (`EC PRIVATE KEY`) and PKCS#1 (`RSA PRIVATE KEY`), both also encrypted in OpenSSL's old way. Throws `KeyError` when there is none,
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
  for (const block of readPem(data)) {
    const { label } = block
    if (!LABELS.has(label)) continue
    const bytes = block.headers['DEK-Info'] === undefined ? block.bytes : yield* oldEncrypted(block, provider, password)
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

const LABELS = new Set(['PRIVATE KEY', 'ENCRYPTED PRIVATE KEY', 'EC PRIVATE KEY', 'RSA PRIVATE KEY'])

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

/** EncryptedPrivateKeyInfo (RFC 5958 section 3). */
export function* decrypted(bytes: Uint8Array, provider: Provider, password?: Password): Task<Uint8Array> {
  const { protection, sealed } = readDer(bytes, tags.sequence, 'the encrypted private key', (inside) => ({
    protection: readProtection(inside.raw(tags.sequence), 'this private key'),
    sealed: inside.octets(),
  }))
  const secret = secretOf(password, 'this private key')
  const plain = yield* opened(protection, sealed, secret, provider)
  // padding is right by chance once in 256 times; a PrivateKeyInfo never is
  if (!plain || !looksLikePkcs8(plain)) throw wrongPassword()
  return plain
}

/** OpenSSL's own way of old, which tells cipher and salt in the header DEK-Info (PEM_write_PrivateKey(3), "PEM ENCRYPTION FORMAT"). */
function* oldEncrypted({ label, bytes, headers }: PemBlock, provider: Provider, password?: Password): Task<Uint8Array> {
  const plain = yield* openedDek(headers['DEK-Info'] as string, bytes, `this ${label}`, provider, password)
  if (!plain || !looksLikeSequence(plain)) throw wrongPassword()
  return plain
}

const wrongPassword = (): KeyError => new KeyError('this private key did not open: the password is wrong')

const looksLikeSequence = (bytes: Uint8Array): boolean =>
  readable(() => new DerReader(bytes, 'the key').raw(tags.sequence).length === bytes.length)

const looksLikePkcs8 = (bytes: Uint8Array): boolean =>
  readable(() =>
    readDer(bytes, tags.sequence, 'the private key', (inside) => {
      inside.small()
      inside.raw(tags.sequence)
      inside.octets()
      while (inside.more) inside.raw()
      return true
    }),
  )

const readable = (look: () => boolean): boolean => {
  try {
    return look()
  } catch (error) {
    if (error instanceof DerError) return false
    throw error
  }
}
