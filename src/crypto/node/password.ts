import * as crypto from 'node:crypto'
import { Misuse } from '../../errors.ts'
import type { Provider } from '../provider.ts'
import { plain } from './hashes.ts'

export const pbkdf2: NonNullable<Provider['pbkdf2']> = (name, password, salt, iterations, length) =>
  plain(crypto.pbkdf2Sync(password, salt, iterations, length, name))

export const scrypt: NonNullable<Provider['scrypt']> = (
  password,
  salt,
  { cost: N, blockSize: r, parallel: p },
  length,
) => plain(crypto.scryptSync(password, salt, length, { N, r, p, maxmem: 256 * N * r }))

export const decryptCbc: NonNullable<Provider['decryptCbc']> = (key, iv, data) =>
  decrypt(`aes-${8 * key.length}-cbc`, key, iv, data)

export const decryptOldCbc: NonNullable<Provider['decryptOldCbc']> = (cipher, key, iv, data) => {
  const name = cipher === 'des-ede3' ? 'des-ede3-cbc' : key.length === 5 ? 'rc2-40-cbc' : 'rc2-cbc'
  try {
    return decrypt(name, key, iv, data)
  } catch (error) {
    throw new Misuse(`this runtime does not have the cipher ${name}; Node has it with --openssl-legacy-provider`, {
      cause: error,
    })
  }
}

export const md5: NonNullable<Provider['md5']> = (data) => plain(crypto.createHash('md5').update(data).digest())

const decrypt = (name: string, key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array => {
  const cipher = crypto.createDecipheriv(name, key, iv).setAutoPadding(false)
  const text = cipher.update(data)
  cipher.final()
  return plain(text)
}
