import { hmac as nobleHmac } from '@noble/hashes/hmac.js'
import { sha1 } from '@noble/hashes/legacy.js'
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js'
import type { SyncHmac } from '../kdf.ts'
import type { Hash, HashName } from '../provider.ts'

export const functions = { sha1, sha256, sha384, sha512 } as const

export const hash = (name: HashName): Hash => running(functions[name].create())

/** A running hash of the library: `digest` ends it, so it is asked of a copy. */
interface Live {
  update(data: Uint8Array): unknown
  digest(): Uint8Array
  clone(): Live
}

const running = (live: Live): Hash => ({
  update(data) {
    live.update(data)
  },
  digest: () => live.clone().digest(),
  copy: () => running(live.clone()),
})

export const hmac = (name: HashName, key: Uint8Array): SyncHmac => {
  const keyed: Live = nobleHmac.create(functions[name], key)
  return {
    mac(...parts) {
      const live = keyed.clone()
      for (const part of parts) live.update(part)
      return live.digest()
    },
  }
}
