import * as crypto from 'node:crypto'
import { Misuse } from '../../errors.ts'
import type { Aead } from '../protect.ts'
import type { Cbc } from '../protect-cbc.ts'
import { type CipherName, ciphers as table } from '../suites.ts'
import { plain } from './hashes.ts'

/** An AEAD under one key. The key goes in as a KeyObject once, since bytes cost more at every record. */
export const aead = (cipher: CipherName, key: Uint8Array): Aead => {
  const { tag, mode } = table[cipher]
  if (mode !== 'aead') throw new Misuse(`${cipher} is no AEAD`)
  const prepared = crypto.createSecretKey(key)
  return cipher.includes('ccm') ? ccm(prepared, tag) : streaming(cipher as 'aes-128-gcm', prepared)
}

/** GCM and ChaCha20-Poly1305. */
const streaming = (cipher: 'aes-128-gcm', key: crypto.KeyObject): Aead => ({
  seal(nonce, aad, head, tail, into) {
    const live = crypto.createCipheriv(cipher, key, nonce, FULL_TAG)
    live.setAAD(aad)
    into.set(live.update(head))
    if (tail.length > 0) into.set(live.update(tail), head.length)
    live.final()
    into.set(live.getAuthTag(), head.length + tail.length)
  },
  open(nonce, aad, sealed) {
    const end = sealed.length - 16
    const live = crypto.createDecipheriv(cipher, key, nonce, FULL_TAG)
    live.setAAD(aad)
    live.setAuthTag(sealed.subarray(end))
    const text = live.update(sealed.subarray(0, end))
    try {
      live.final()
    } catch {
      return undefined
    }
    return plain(text)
  },
})
const FULL_TAG = { authTagLength: 16 }

/** CCM wants to know the length beforehand and takes the text in one piece. */
const ccm = (key: crypto.KeyObject, tag: number): Aead => {
  const options = { authTagLength: tag }
  return {
    seal(nonce, aad, head, tail, into) {
      const end = head.length + tail.length
      into.set(head)
      into.set(tail, head.length)
      const live = crypto.createCipheriv('aes-128-ccm', key, nonce, options)
      live.setAAD(aad, { plaintextLength: end })
      // never from an empty array of the caller's: one without memory behind it counts as no call at all
      into.set(live.update(into.subarray(0, end)))
      live.final()
      into.set(live.getAuthTag(), end)
    },
    open(nonce, aad, sealed) {
      const end = sealed.length - tag
      const live = crypto.createDecipheriv('aes-128-ccm', key, nonce, options)
      live.setAuthTag(sealed.subarray(end))
      live.setAAD(aad, { plaintextLength: end })
      try {
        const text = live.update(sealed.subarray(0, end))
        live.final()
        return plain(text)
      } catch {
        return undefined
      }
    },
  }
}

export const cbc = (key: Uint8Array): Cbc => {
  const cipher = key.length === 16 ? 'aes-128-cbc' : 'aes-256-cbc'
  const prepared = crypto.createSecretKey(key)
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
    const done = trial.seal(nonce, nonce, new Uint8Array(1), new Uint8Array(0), sealed)
    return done === undefined && trial.open(nonce, nonce, sealed) !== undefined
  } catch {
    return false
  }
})
