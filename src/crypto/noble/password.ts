import { cbc } from '@noble/ciphers/aes.js'
import { md5 as nobleMd5 } from '@noble/hashes/legacy.js'
import { pbkdf2 as noblePbkdf2 } from '@noble/hashes/pbkdf2.js'
import { scrypt as nobleScrypt } from '@noble/hashes/scrypt.js'
import type { Provider } from '../provider.ts'
import { functions } from './hashes.ts'

export const pbkdf2: NonNullable<Provider['pbkdf2']> = (name, password, salt, iterations, length) =>
  noblePbkdf2(functions[name], password, salt, { c: iterations, dkLen: length })

export const scrypt: NonNullable<Provider['scrypt']> = (
  password,
  salt,
  { cost: N, blockSize: r, parallel: p },
  length,
) => nobleScrypt(password, salt, { N, r, p, dkLen: length })

export const decryptCbc: NonNullable<Provider['decryptCbc']> = (key, iv, data) =>
  cbc(key, iv, { disablePadding: true }).decrypt(data)

export const md5: NonNullable<Provider['md5']> = (data) => nobleMd5(data)
