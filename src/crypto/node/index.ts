import { boxOver } from '../box.ts'
import { protection, type RecordPrimitives } from '../protect.ts'
import type { GroupName, Provider } from '../provider.ts'
import { aead, cbc, ciphers } from './ciphers.ts'
import { group, groups } from './groups.ts'
import { derivations, hash, hmac } from './hashes.ts'
import { generate, privateKey, publicKey } from './keys.ts'
import { decryptCbc, decryptOldCbc, md5, pbkdf2, scrypt } from './password.ts'
import { random } from './random.ts'

export { keepKeyShares } from './ahead.ts'

const primitives: RecordPrimitives = { aead, cbc, hmac, random }
const provider: Omit<Provider, 'groups'> = {
  name: 'node',
  ciphers,
  random,
  hash,
  hmac,
  ...derivations,
  protection: (keying) => protection(primitives, keying),
  box: (key) => boxOver(primitives, key),
  group,
  publicKey,
  privateKey,
  generate,
  pbkdf2,
  scrypt,
  decryptCbc,
  decryptOldCbc,
  md5,
}

let found: readonly GroupName[] | undefined
/** Cryptography by node:crypto, every answer at once. What the runtime lacks is left out of `ciphers` and `groups`. */
export const node: Provider = Object.defineProperty(provider as Provider, 'groups', {
  // tried out when first asked for, since generating for each group takes milliseconds; V8 would make a slow object of a
  // literal with a getter in it
  get: () => (found ??= groups()),
  enumerable: true,
  configurable: true,
})
