import { Misuse } from '../errors.ts'
import { after } from '../task.ts'
import type { RecordPrimitives } from './protect.ts'
import type { Box } from './provider.ts'

/** Sealed storage over AES-256-GCM. Random nonces of 96 bits bear 2^32 boxes under one key (NIST SP 800-38D section 8.3). */
export const boxOver = ({ aead: make, random }: Pick<RecordPrimitives, 'aead' | 'random'>, key: Uint8Array): Box => {
  if (key.length !== 32) throw new Misuse(`a key for sealed storage has 32 bytes, not ${key.length}`)
  const aead = make('aes-256-gcm', key)
  return {
    seal(plain, aad) {
      const sealed = new Uint8Array(NONCE + plain.length + TAG)
      const nonce = random(NONCE)
      sealed.set(nonce)
      sealed.set(plain, NONCE)
      const done = aead.seal(nonce, aad, sealed, NONCE, plain.length)
      return after(done, () => sealed)
    },
    open(sealed, aad) {
      if (sealed.length < NONCE + TAG) return undefined
      const text = aead.open(sealed.subarray(0, NONCE), aad, sealed, NONCE)
      return after(text, asArray)
    },
  }
}

/** Without the ways that a provider's kind of array may have. */
const asArray = (text: Uint8Array | undefined): Uint8Array | undefined =>
  text && new Uint8Array(text.buffer, text.byteOffset, text.length)

const NONCE = 12
const TAG = 16
