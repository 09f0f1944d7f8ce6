import { boxOver } from '../box.ts'
import { kdf } from '../kdf.ts'
import { protection, type RecordPrimitives } from '../protect.ts'
import type { Provider } from '../provider.ts'
import { aead, cbc, ciphers } from './ciphers.ts'
import { group, groups } from './groups.ts'
import { hash, hmac } from './hashes.ts'
import { generate, privateKey, publicKey } from './keys.ts'
import { decryptCbc, md5, pbkdf2, scrypt } from './password.ts'
import { random } from './random.ts'

const primitives: RecordPrimitives = { aead, cbc, hmac, random }

/**
 * Cryptography in plain JavaScript, every answer at once, for any runtime that has `crypto.getRandomValues`. It is slower
 * than native cryptography by a factor of twenty and more, and cannot promise to take the same time for every secret:
 * AES works by tables, RSA with numbers of JavaScript. RSA decryption is left out for that reason.
 */
export const noble: Provider = {
  name: 'noble',
  ciphers,
  groups,
  random,
  hash,
  hmac,
  ...kdf(hmac),
  protection: (keying) => protection(primitives, keying),
  box: (key) => boxOver(primitives, key),
  group,
  publicKey,
  privateKey,
  generate,
  pbkdf2,
  scrypt,
  decryptCbc,
  md5,
}
