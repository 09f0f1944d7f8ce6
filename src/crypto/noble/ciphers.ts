import { gcm, cbc as nobleCbc } from '@noble/ciphers/aes.js'
import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { Misuse } from '../../errors.ts'
import type { Aead } from '../protect.ts'
import type { Cbc } from '../protect-cbc.ts'
import type { CipherName } from '../suites.ts'

/** All but CCM, which the library does not have. */
export const ciphers: readonly CipherName[] = [
  'aes-128-gcm',
  'aes-256-gcm',
  'chacha20-poly1305',
  'aes-128-cbc',
  'aes-256-cbc',
]

export const aead = (cipher: CipherName, key: Uint8Array): Aead => {
  const own = key.slice()
  switch (cipher) {
    case 'aes-128-gcm':
    case 'aes-256-gcm':
      return over((nonce, aad) => gcm(own, nonce, aad))
    case 'chacha20-poly1305':
      return over((nonce, aad) => chacha20poly1305(own, nonce, aad))
    default:
      throw new Misuse(`${cipher} is no AEAD of this provider`)
  }
}

interface Sealer {
  encrypt(plain: Uint8Array): Uint8Array
  decrypt(sealed: Uint8Array): Uint8Array
}

const over = (make: (nonce: Uint8Array, aad: Uint8Array) => Sealer): Aead => ({
  seal(nonce, aad, place, from, length) {
    place.set(make(nonce, aad).encrypt(place.subarray(from, from + length)), from)
  },
  open(nonce, aad, sealed, from) {
    try {
      return make(nonce, aad).decrypt(sealed.subarray(from))
    } catch {
      return undefined
    }
  },
})

export const cbc = (key: Uint8Array): Cbc => {
  const own = key.slice()
  const blocks = { disablePadding: true }
  return {
    encrypt(iv, text, into) {
      into.set(nobleCbc(own, iv, blocks).encrypt(text))
    },
    decrypt: (iv, text) => nobleCbc(own, iv, blocks).decrypt(text),
  }
}
