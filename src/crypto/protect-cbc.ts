import { equal } from '../bytes/compare.ts'
import { Misuse } from '../errors.ts'
import { after, type Maybe } from '../task.ts'
import { checkPlace, putPseudoHeader } from './protect-header.ts'
import {
  type HashName,
  type Hmac,
  hashLength,
  type Keying,
  type Opened,
  type Protection,
  type Provider,
} from './provider.ts'

/** AES in CBC mode under one key: whole blocks, no padding. Arguments are lent as in `Aead`. */
export interface Cbc {
  /** `text` may be `into`. */
  encrypt(iv: Uint8Array, text: Uint8Array, into: Uint8Array): Maybe<void>
  decrypt(iv: Uint8Array, text: Uint8Array): Maybe<Uint8Array>
}

/** The GenericBlockCipher of TLS 1.2 (RFC 5246 section 6.2.3.2), with encrypt-then-MAC (RFC 7366) or without. */
export const cbcProtection = (
  primitives: Pick<Provider, 'hmac' | 'random'> & { cbc(key: Uint8Array): Cbc },
  keying: Keying,
): Protection => {
  const { mac } = keying
  if (!mac || keying.version !== 0x0303) throw new Misuse(`${keying.cipher} is for TLS 1.2 and needs a MAC key`)
  const hmac = primitives.hmac(mac.hash, mac.key)
  const cbc = primitives.cbc(keying.key)
  return mac.encryptThenMac
    ? new EncryptThenMac(cbc, hmac, hashLength[mac.hash], primitives.random)
    : new MacThenEncrypt(cbc, hmac, mac.hash, primitives.random)
}

const BLOCK = 16
const wholeBlocks = (length: number): number => length + BLOCK - (length % BLOCK)

class MacThenEncrypt implements Protection {
  readonly #cbc: Cbc
  readonly #hmac: Hmac
  readonly #hash: HashName
  readonly #size: number
  readonly #random: Provider['random']
  readonly #header = new Uint8Array(13)

  constructor(cbc: Cbc, hmac: Hmac, hash: HashName, random: Provider['random']) {
    this.#cbc = cbc
    this.#hmac = hmac
    this.#hash = hash
    this.#size = hashLength[hash]
    this.#random = random
  }

  sealedLength(data: number, _padding: number): number {
    return BLOCK + wholeBlocks(data + this.#size)
  }

  seal(sequence: number, _type: number, data: Uint8Array, _padding: number, record: Uint8Array): Maybe<void> {
    const body = this.sealedLength(data.length, 0)
    checkPlace(record, body)
    const iv = this.#random(BLOCK)
    const text = record.subarray(5 + BLOCK)
    putPseudoHeader(this.#header, sequence, record, data.length)
    // the caller's bytes may be others by the time that a late answer comes
    text.set(data)
    return after(this.#hmac.mac(this.#header, text.subarray(0, data.length)), (mac) => {
      record.set(iv, 5)
      text.set(mac, data.length)
      const end = data.length + mac.length
      text.fill(text.length - end - 1, end)
      return this.#cbc.encrypt(iv, text, text)
    })
  }

  open(sequence: number, record: Uint8Array): Maybe<Opened | undefined> {
    const length = record.length - 5 - BLOCK
    if (length < wholeBlocks(this.#size) || length % BLOCK !== 0) return undefined
    return after(this.#cbc.decrypt(record.subarray(5, 5 + BLOCK), record.subarray(5 + BLOCK)), (text) =>
      this.#judge(sequence, record, text),
    )
  }

  /**
   * Padding and MAC, always both, with one answer. Which bytes are content is a secret until the MAC is good ("Lucky
   * Thirteen"): every step touches as many bytes whatever the padding says, and a second MAC takes up the blocks that
   * the first did not need. What the runtime makes of it in machine code is beyond us.
   */
  #judge(sequence: number, record: Uint8Array, text: Uint8Array): Maybe<Opened | undefined> {
    const size = this.#size
    const last = text.length - 1
    const most = last - size
    const claimed = text[last] as number
    let bad = (most - claimed) >> 31
    for (let i = 0, n = Math.min(256, text.length); i < n; i++) {
      const inside = ~((claimed - i) >> 31)
      bad |= inside & ((text[last - i] as number) ^ claimed)
    }
    // RFC 5246 section 6.2.3.2: with bad padding, go on as if it were empty
    const good = (bad - 1) & ~bad
    const padding = claimed & (good >> 31)
    const length = most - padding

    const { block, counter } = compression[this.#hash]
    const blocks = (content: number): number => Math.ceil((13 + content + 1 + counter) / block)
    const filler = FILLER.subarray(0, (blocks(most) - blocks(length)) * block)
    putPseudoHeader(this.#header, sequence, record, length)
    const type = record[0] as number
    return after(this.#hmac.mac(this.#header, text.subarray(0, length)), (mac) =>
      after(this.#hmac.mac(filler), () => {
        let difference = bad
        const from = Math.max(0, most - 255)
        for (let k = 0; k < size; k++) {
          let byte = 0
          for (let i = from + k; i <= most + k; i++) {
            const here = i ^ (length + k)
            byte |= (text[i] as number) & ((here - 1) >> 31)
          }
          difference |= byte ^ (mac[k] as number)
        }
        return difference === 0 ? { type, data: text.subarray(0, length) } : undefined
      }),
    )
  }
}

class EncryptThenMac implements Protection {
  readonly #cbc: Cbc
  readonly #hmac: Hmac
  readonly #size: number
  readonly #random: Provider['random']
  readonly #header = new Uint8Array(13)

  constructor(cbc: Cbc, hmac: Hmac, size: number, random: Provider['random']) {
    this.#cbc = cbc
    this.#hmac = hmac
    this.#size = size
    this.#random = random
  }

  sealedLength(data: number, _padding: number): number {
    return BLOCK + wholeBlocks(data) + this.#size
  }

  seal(sequence: number, _type: number, data: Uint8Array, _padding: number, record: Uint8Array): Maybe<void> {
    const length = this.sealedLength(data.length, 0)
    checkPlace(record, length)
    const iv = this.#random(BLOCK)
    const sealed = record.subarray(5, record.length - this.#size)
    const text = sealed.subarray(BLOCK)
    sealed.set(iv)
    text.set(data)
    text.fill(text.length - data.length - 1, data.length)
    return after(this.#cbc.encrypt(iv, text, text), () => {
      putPseudoHeader(this.#header, sequence, record, sealed.length)
      return after(this.#hmac.mac(this.#header, sealed), (mac) => record.set(mac, record.length - this.#size))
    })
  }

  open(sequence: number, record: Uint8Array): Maybe<Opened | undefined> {
    const end = record.length - this.#size
    const length = end - 5
    if (length < 2 * BLOCK || length % BLOCK !== 0) return undefined
    const type = record[0] as number
    putPseudoHeader(this.#header, sequence, record, length)
    return after(this.#hmac.mac(this.#header, record.subarray(5, end)), (mac) => {
      if (!equal(mac, record.subarray(end))) return undefined
      return after(this.#cbc.decrypt(record.subarray(5, 5 + BLOCK), record.subarray(5 + BLOCK, end)), (text) => {
        const data = withoutPadding(text)
        return data && { type, data }
      })
    })
  }
}

/** The padding of a record that is authentic already: wrong only if the peer made it so. */
const withoutPadding = (text: Uint8Array): Uint8Array | undefined => {
  const padding = text[text.length - 1] as number
  if (padding >= text.length) return undefined
  const end = text.length - 1 - padding
  return text.subarray(end).every((byte) => byte === padding) ? text.subarray(0, end) : undefined
}

/** Bytes that a hash takes at a time, and those of the length that it puts behind the message. */
const compression: Readonly<Record<HashName, { block: number; counter: number }>> = {
  sha1: { block: 64, counter: 8 },
  sha256: { block: 64, counter: 8 },
  sha384: { block: 128, counter: 16 },
  sha512: { block: 128, counter: 16 },
}

/** As much as 255 bytes of padding can take away from the blocks of the MAC. */
const FILLER = new Uint8Array(5 * 128)
