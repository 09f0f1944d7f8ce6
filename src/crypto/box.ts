import { NONE } from '../bytes/compare.ts'
import { isPromise } from '../task.ts'
import type { Aead } from './protect.ts'
import type { Box, Provider } from './provider.ts'

/** Sealed storage over AES-256-GCM. Random nonces of 96 bits bear 2^32 boxes under one key (NIST SP 800-38D section 8.3). */
export const boxOver = (aead: Aead, random: Provider['random']): Box => ({
  seal(plain, aad) {
    const sealed = new Uint8Array(NONCE + plain.length + TAG)
    const nonce = random(NONCE)
    sealed.set(nonce)
    const done = aead.seal(nonce, aad, plain, NONE, sealed.subarray(NONCE))
    return isPromise(done) ? done.then(() => sealed) : sealed
  },
  open: (sealed, aad) =>
    sealed.length < NONCE + TAG ? undefined : aead.open(sealed.subarray(0, NONCE), aad, sealed.subarray(NONCE)),
})

const NONCE = 12
const TAG = 16
