import { Buffer } from 'node:buffer'
import * as crypto from 'node:crypto'
import { NONE } from '../../bytes/compare.ts'
import { borrow, giveBack, SMALL } from '../../bytes/pool.ts'
import { kdf, labelHead, type SyncHmac, type SyncKdf } from '../kdf.ts'
import { type Hash, type HashName, hashLength } from '../provider.ts'

/** The same bytes without Buffer's ways of its own. */
export const plain = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)

export const hash = (name: HashName): Hash => (oneShot ? new Gathering(name) : running(crypto.createHash(name)))

const running = (live: crypto.Hash): Hash => ({
  update(data) {
    live.update(data)
  },
  digest: () => plain(live.copy().digest()),
  copy: () => running(live.copy()),
})

/**
 * A hash of little, as most handshakes are: it keeps the bytes and hashes them as often as it is asked, which costs less than
 * a native object that is copied for every digest. What grows beyond that goes on in such an object.
 */
class Gathering implements Hash {
  readonly #name: HashName
  #bytes = NONE
  #length = 0
  #live: Hash | undefined

  constructor(name: HashName) {
    this.#name = name
  }

  update(data: Uint8Array): void {
    if (this.#live) return this.#live.update(data)
    const end = this.#length + data.length
    if (end > SMALL) {
      const live = running(crypto.createHash(this.#name))
      live.update(this.#gathered)
      live.update(data)
      this.end()
      this.#live = live
      return
    }
    if (this.#bytes.length === 0) this.#bytes = borrow(SMALL)
    this.#bytes.set(data, this.#length)
    this.#length = end
  }

  digest(): Uint8Array {
    if (this.#live) return this.#live.digest() as Uint8Array
    const size = hashLength[this.#name]
    latin1Write.call(written, digestText(this.#name, this.#gathered), 0, size)
    return written.slice(0, size)
  }

  copy(): Hash {
    if (this.#live) return this.#live.copy()
    const copy = new Gathering(this.#name)
    copy.update(this.#gathered)
    return copy
  }

  end(): void {
    this.#bytes.fill(0, 0, this.#length)
    giveBack(this.#bytes)
    this.#bytes = NONE
    this.#length = 0
  }

  get #gathered(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }
}
/** Lent to one digest after another. */
const written = new Uint8Array(64)

/** Two one-shot hashes over pads in a scratch cost half of a native HMAC object, for everything that fits there. */
export const hmac = (name: HashName, key: Uint8Array): SyncHmac => {
  const pads = padsOf[name]
  const own = key.length <= pads.block ? key.slice() : plain(crypto.createHash(name).update(key).digest())
  if (!oneShot) return native(name, own)
  return {
    mac(...parts) {
      let end = pads.block
      for (const part of parts) end += part.length
      if (end > pads.inner.length) return native(name, own).mac(...parts)
      let at = pads.block
      for (const part of parts) {
        pads.inner.set(part, at)
        at += part.length
      }
      return pads.finish(name, own, end, hashLength[name])
    },
  }
}

const generic = kdf(hmac)
/** The key schedule's own draws, which are made by keys that are used once, leave nothing behind but their result. */
export const derivations: SyncKdf = {
  ...generic,
  extract(name, salt, ikm) {
    const pads = padsOf[name]
    const end = pads.block + ikm.length
    if (!oneShot || salt.length > pads.block || end > pads.inner.length) return generic.extract(name, salt, ikm)
    pads.inner.set(ikm, pads.block)
    return pads.finish(name, salt, end, hashLength[name])
  },
  expandLabel(name, secret, label, context, length) {
    const { block, inner, finish } = padsOf[name]
    // what takes more than one block, or is refused, goes the long way
    if (!oneShot || length > hashLength[name] || secret.length > block || context.length > 255)
      return generic.expandLabel(name, secret, label, context, length)
    const head = labelHead(label)
    const { length: headLength } = head
    for (let i = 0; i < headLength; i++) inner[block + i] = head[i] as number
    inner[block] = length >>> 8
    inner[block + 1] = length
    let at = block + headLength
    inner[at++] = context.length
    for (let i = 0; i < context.length; i++) inner[at++] = context[i] as number
    inner[at++] = 1
    return finish(name, secret, at, length)
  },
}

/** Where the HMACs of hashes with one length of block are made. Between two of them the pads are those of no key. */
interface Pads {
  readonly block: number
  /** The pad, and room for a full record. */
  readonly inner: Uint8Array
  /**
   * The first `length` bytes of the HMAC by `key`, no longer than a block, over what stands in `inner` from the block's end to
   * `end`, which is wiped.
   */
  readonly finish: (name: HashName, key: Uint8Array, end: number, length: number) => Uint8Array
}

const padsFor = (block: number): Pads => {
  const inner = new Uint8Array(block + 13 + (1 << 14) + 2048)
  const outer = new Uint8Array(block + 64)
  inner.fill(IPAD, 0, block)
  outer.fill(OPAD, 0, block)
  // four bytes are put back at once
  const [innerWords, outerWords] = [
    new Uint32Array(inner.buffer, 0, block / 4),
    new Uint32Array(outer.buffer, 0, block / 4),
  ]
  const [ipads, opads] = [innerWords[0] as number, outerWords[0] as number]
  /** Views of what is hashed, made once where it is short. */
  const beginnings: (Uint8Array | undefined)[] = new Array(SHORT).fill(undefined)
  const beginning = (end: number): Uint8Array =>
    end < SHORT ? (beginnings[end] ??= inner.subarray(0, end)) : inner.subarray(0, end)
  const outers: Partial<Record<HashName, Uint8Array>> = {}
  return {
    block,
    inner,
    finish(name, key, end, length) {
      const { length: known } = key
      for (let i = 0; i < known; i++) {
        const byte = key[i] as number
        inner[i] = byte ^ IPAD
        outer[i] = byte ^ OPAD
      }
      const size = hashLength[name]
      try {
        latin1Write.call(outer, digestText(name, beginning(end)), block, size)
        latin1Write.call(outer, digestText(name, (outers[name] ??= outer.subarray(0, block + size))), block, size)
        // copied, since what is written to directly is moved out of V8's heap first
        return outer.slice(block, block + length)
      } finally {
        for (let i = block; i < block + size; i++) outer[i] = 0
        for (let i = (known + 3) >> 2; i-- > 0; ) {
          innerWords[i] = ipads
          outerWords[i] = opads
        }
        // calls of the runtime cost more than so few bytes
        if (end > SHORT) inner.fill(0, block, end)
        else for (let i = block; i < end; i++) inner[i] = 0
      }
    },
  }
}
const IPAD = 0x36
const OPAD = 0x5c
const SHORT = 512
const [short, long] = [padsFor(64), padsFor(128)]
const padsOf: Readonly<Record<HashName, Pads>> = { sha1: short, sha256: short, sha384: long, sha512: long }

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

/** A digest as a string spares the Buffer around it, which costs more than hashing so little. */
const latin1Write = (Buffer.prototype as unknown as { latin1Write(text: string, at: number, length: number): number })
  .latin1Write
const digestText = (name: HashName, data: Uint8Array): string =>
  crypto.hash(name, data, 'latin1' as crypto.BinaryToTextEncoding)

/** Whether the above works on this runtime. */
const oneShot = ((): boolean => {
  try {
    const data = Uint8Array.of(1, 2, 3)
    const out = new Uint8Array(33)
    latin1Write.call(out, digestText('sha256', data), 1, 32)
    return crypto.createHash('sha256').update(data).digest().equals(out.subarray(1))
  } catch {
    return false
  }
})()
