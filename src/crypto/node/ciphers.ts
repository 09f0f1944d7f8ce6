import * as crypto from 'node:crypto'
import { discard } from '../../bytes/discard.ts'
import { Misuse } from '../../errors.ts'
import type { Aead } from '../protect.ts'
import type { Cbc } from '../protect-cbc.ts'
import { type CipherName, ciphers as table } from '../suites.ts'
import { plain } from './hashes.ts'

/** The runtime moves short arrays out of V8's heap when it reads them, so they go to a place outside it first. */
export const secretKey = (key: Uint8Array): crypto.KeyObject => {
  const { length } = key
  if (length > outside.length) return crypto.createSecretKey(key)
  const place = (places[length] ??= outside.subarray(0, length))
  place.set(key)
  const made = crypto.createSecretKey(place)
  place.fill(0)
  return made
}
const outside = new Uint8Array(new ArrayBuffer(64))
const places: Uint8Array[] = []

/** An AEAD under one key. The key goes in as a KeyObject once, since bytes cost more at every record. */
export const aead = (cipher: CipherName, key: Uint8Array): Aead => {
  const { tag, mode } = table[cipher]
  if (mode !== 'aead') throw new Misuse(`${cipher} is no AEAD`)
  const prepared = secretKey(key)
  return cipher.includes('ccm') ? ccm(prepared, tag) : new Streaming(cipher as 'aes-128-gcm', prepared)
}

/** GCM and ChaCha20-Poly1305. */
class Streaming implements Aead {
  readonly #cipher: 'aes-128-gcm'
  readonly #key: crypto.KeyObject

  constructor(cipher: 'aes-128-gcm', key: crypto.KeyObject) {
    this.#cipher = cipher
    this.#key = key
  }

  seal(nonce: Uint8Array, aad: Uint8Array, place: Uint8Array, from: number, length: number): void {
    const live = crypto.createCipheriv(this.#cipher, this.#key, nonce, FULL_TAG)
    live.setAAD(aad)
    const text = live.update(place.subarray(from, from + length))
    place.set(text, from)
    discard(text)
    live.final()
    place.set(live.getAuthTag(), from + length)
  }

  open(nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array, from: number): Uint8Array | undefined {
    const end = sealed.length - tag.length
    for (let i = 0; i < tag.length; i++) tag[i] = sealed[end + i] as number
    const live = crypto.createDecipheriv(this.#cipher, this.#key, nonce, FULL_TAG)
    live.setAAD(aad)
    live.setAuthTag(tag)
    const text = live.update(sealed.subarray(from, end))
    try {
      live.final()
    } catch {
      return undefined
    }
    return text
  }
}
const FULL_TAG = { authTagLength: 16 }
/** Lent to one call after another: cheaper than a view. */
const tag = new Uint8Array(16)

/** CCM wants to know the length beforehand and takes the text in one piece. */
const ccm = (key: crypto.KeyObject, tag: number): Aead => {
  const options = { authTagLength: tag }
  return {
    seal(nonce, aad, place, from, length) {
      const live = crypto.createCipheriv('aes-128-ccm', key, nonce, options)
      live.setAAD(aad, { plaintextLength: length })
      place.set(live.update(place.subarray(from, from + length)), from)
      live.final()
      place.set(live.getAuthTag(), from + length)
    },
    open(nonce, aad, sealed, from) {
      const end = sealed.length - tag
      const live = crypto.createDecipheriv('aes-128-ccm', key, nonce, options)
      live.setAuthTag(sealed.subarray(end))
      live.setAAD(aad, { plaintextLength: end - from })
      try {
        const text = live.update(sealed.subarray(from, end))
        live.final()
        return text
      } catch {
        return undefined
      }
    },
  }
}

export const cbc = (key: Uint8Array): Cbc => {
  const cipher = key.length === 16 ? 'aes-128-cbc' : 'aes-256-cbc'
  const prepared = secretKey(key)
  return {
    encrypt(iv, text, into) {
      const live = crypto.createCipheriv(cipher, prepared, iv)
      live.setAutoPadding(false)
      into.set(live.update(text))
      live.final()
    },
    decrypt(iv, text) {
      const live = crypto.createDecipheriv(cipher, prepared, iv)
      live.setAutoPadding(false)
      const out = live.update(text)
      live.final()
      return plain(out)
    },
  }
}

/** The ciphers that this runtime has. */
export const ciphers: readonly CipherName[] = (Object.keys(table) as CipherName[]).filter((name) => {
  try {
    const row = table[name]
    const key = new Uint8Array(row.key)
    if (row.mode === 'cbc') {
      return cbc(key).encrypt(new Uint8Array(16), new Uint8Array(16), new Uint8Array(16)) === undefined
    }
    const sealed = new Uint8Array(1 + row.tag)
    const nonce = new Uint8Array(12)
    const trial = aead(name, key)
    const done = trial.seal(nonce, nonce, sealed, 0, 1)
    return done === undefined && trial.open(nonce, nonce, sealed, 0) !== undefined
  } catch {
    return false
  }
})
