import * as crypto from 'node:crypto'
import type { Provider } from '../provider.ts'

export const pbkdf2: NonNullable<Provider['pbkdf2']> = (name, password, salt, iterations, length) => {
  const key = crypto.pbkdf2Sync(password, salt, iterations, length, name)
  return new Uint8Array(key.buffer, key.byteOffset, key.length)
}

export const decryptCbc: NonNullable<Provider['decryptCbc']> = (key, iv, data) => {
  const cipher = crypto.createDecipheriv(`aes-${8 * key.length}-cbc`, key, iv).setAutoPadding(false)
  const plain = cipher.update(data)
  cipher.final()
  return new Uint8Array(plain.buffer, plain.byteOffset, plain.length)
}
