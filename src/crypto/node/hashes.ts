import { Buffer } from 'node:buffer'
import * as crypto from 'node:crypto'
import type { SyncHmac } from '../kdf.ts'
import { type Hash, type HashName, hashLength } from '../provider.ts'

/** The same bytes without Buffer's ways of its own. */
export const plain = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)

export const hash = (name: HashName): Hash => running(crypto.createHash(name))

const running = (live: crypto.Hash): Hash => ({
  update(data) {
    live.update(data)
  },
  digest: () => plain(live.copy().digest()),
  copy: () => running(live.copy()),
})

/** Two one-shot hashes over prepared pads cost half of a native HMAC object, for everything that fits the scratch. */
export const hmac = (name: HashName, key: Uint8Array): SyncHmac => {
  const block = blockLength[name]
  const short = key.length <= block ? key : plain(crypto.createHash(name).update(key).digest())
  if (!oneShot) return native(name, short)

  const inner = new Uint8Array(block)
  const outer = new Uint8Array(block + hashLength[name])
  inner.set(short)
  outer.set(short)
  for (let i = 0; i < block; i++) {
    inner[i] = (inner[i] as number) ^ 0x36
    outer[i] = (outer[i] as number) ^ 0x5c
  }
  return {
    mac(...parts) {
      let end = block
      for (const part of parts) end += part.length
      // the caller may have wiped the key meanwhile; the pad still has it
      if (end > scratch.length)
        return native(
          name,
          inner.map((byte) => byte ^ 0x36),
        ).mac(...parts)
      scratch.set(inner)
      let at = block
      for (const part of parts) {
        scratch.set(part, at)
        at += part.length
      }
      const out = new Uint8Array(hashLength[name])
      digestInto(name, scratch.subarray(0, end), outer, block)
      digestInto(name, outer, out, 0)
      scratch.fill(0, 0, end)
      return out
    },
  }
}

const native = (name: HashName, key: Uint8Array): SyncHmac => {
  const prepared = crypto.createSecretKey(key)
  return {
    mac(...parts) {
      const live = crypto.createHmac(name, prepared)
      for (const part of parts) live.update(part)
      return plain(live.digest())
    },
  }
}

const blockLength: Readonly<Record<HashName, number>> = { sha1: 64, sha256: 64, sha384: 128, sha512: 128 }

/** Room for the pad and a full record. */
const scratch = new Uint8Array(128 + 13 + (1 << 14) + 2048)

/** A digest as a string spares the Buffer around it, which costs more than hashing so little. */
const latin1Write = (Buffer.prototype as unknown as { latin1Write(text: string, at: number, length: number): number })
  .latin1Write
const digestInto = (name: HashName, data: Uint8Array, into: Uint8Array, at: number): void => {
  latin1Write.call(into, crypto.hash(name, data, 'latin1' as crypto.BinaryToTextEncoding), at, hashLength[name])
}

/** Whether the above works on this runtime. */
const oneShot = ((): boolean => {
  try {
    const data = Uint8Array.of(1, 2, 3)
    const out = new Uint8Array(33)
    digestInto('sha256', data, out, 1)
    return crypto.createHash('sha256').update(data).digest().equals(out.subarray(1))
  } catch {
    return false
  }
})()
