import init from 'libsodium'
import { Misuse } from '../../errors.ts'
import type { Maybe } from '../../task.ts'
import { type Aead, protection } from '../protect.ts'
import type { Keying, Opened, Protection, Provider } from '../provider.ts'
import { type CipherName, ciphers } from '../suites.ts'

const CHACHA = 'chacha20-poly1305'
const { key: KEY, tag: TAG } = ciphers[CHACHA]

/** The largest text: 2^14 bytes, and more than protection may add to it (RFC 9846 section 5.2, RFC 5246 section 6.2.3). */
const MOST = 16384 + 512
/** Where things lie in a piece of the library's memory that is taken once: the key, then these. */
const NONCE_AT = KEY
const AAD_AT = NONCE_AT + 16
const AAD_MOST = 1024
const TEXT_AT = AAD_AT + AAD_MOST

export interface SodiumOptions {
  /**
   * The longest record that goes to libsodium, in bytes with its header; 2048, where `node:crypto` begins to be ahead.
   * `Infinity` for a provider that is slower at every length.
   */
  readonly upTo?: number
}

/**
 * The provider with ChaCha20-Poly1305 by libsodium, in WebAssembly, for records that are short: there one call of the
 * runtime's ciphers costs more than the work. All else stays the provider's own. A provider without this cipher has it then,
 * at every length. It is used where a config prefers the suites of ChaCha20-Poly1305.
 *
 * Keys are kept in memory of JavaScript as long as their connection uses them, and in that of WebAssembly for one call.
 */
export const sodium = async (provider: Provider, { upTo = 2048 }: SodiumOptions = {}): Promise<Provider> => {
  if (!(upTo >= 0)) throw new Misuse(`upTo takes a number of bytes, not ${upTo}`)
  const aead = await chacha()
  const own = provider.ciphers.includes(CHACHA)
  const short = (keying: Keying): Protection =>
    protection({ hmac: provider.hmac, random: provider.random, aead, cbc: noCbc }, keying)
  return {
    ...provider,
    name: `${provider.name}, sodium`,
    ciphers: own ? provider.ciphers : [...provider.ciphers, CHACHA],
    protection(keying) {
      if (keying.cipher !== CHACHA) return provider.protection(keying)
      return own && upTo < Number.POSITIVE_INFINITY
        ? new ByLength(short(keying), provider, keying, upTo)
        : short(keying)
    },
  }
}

const noCbc = (): never => {
  throw new Misuse('libsodium has no CBC; take the provider itself')
}

/** Short records one way, long ones the other, under the same key. */
class ByLength implements Protection {
  readonly #short: Protection
  readonly #provider: Provider
  readonly #keying: Keying
  readonly #upTo: number
  /** Made when the first long record comes. */
  #long: Protection | undefined

  constructor(short: Protection, provider: Provider, keying: Keying, upTo: number) {
    this.#short = short
    this.#provider = provider
    this.#keying = { ...keying, key: keying.key.slice(), iv: keying.iv.slice() }
    this.#upTo = upTo
  }

  sealedLength(data: number, padding: number): number {
    return this.#short.sealedLength(data, padding)
  }

  seal(sequence: number, type: number, data: Uint8Array, padding: number, record: Uint8Array): Maybe<void> {
    return this.#for(record).seal(sequence, type, data, padding, record)
  }

  open(sequence: number, record: Uint8Array): Maybe<Opened | undefined> {
    return this.#for(record).open(sequence, record)
  }

  #for(record: Uint8Array): Protection {
    if (record.length <= this.#upTo) return this.#short
    return (this.#long ??= this.#provider.protection(this.#keying))
  }
}

/**
 * A copy for good. Little ones share a buffer, as Node's own do, and no byte of it is used twice: a buffer of its own costs as
 * much as opening the record.
 */
const copied = (text: Uint8Array): Uint8Array => {
  if (text.length > SHARED >> 3) return text.slice()
  if (used + text.length > shared.length) {
    shared = new Uint8Array(SHARED)
    used = 0
  }
  const copy = shared.subarray(used, used + text.length)
  copy.set(text)
  used += text.length
  return copy
}
const SHARED = 8192
let shared = new Uint8Array(0)
let used = 0

type Make = (cipher: CipherName, key: Uint8Array) => Aead
let made: Promise<Make> | undefined
/** libsodium is set up once in a thread, when it is first asked for. */
export const chacha = (): Promise<Make> => (made ??= setUp())

const setUp = async (): Promise<Make> => {
  // it looks for this itself only where pages of the Web have it
  const library = await init({ getRandomValue: () => crypto.getRandomValues(new Uint32Array(1))[0] as number })
  if (library._sodium_init() < 0) throw new Error('libsodium could not be set up; is its package whole?')
  const at = library._malloc(TEXT_AT + MOST + TAG)
  if (at === 0) throw new Error('libsodium has no memory for records')
  // nothing else uses this memory, so it neither grows nor moves
  const heap = library.HEAPU8.subarray(at, at + TEXT_AT + MOST + TAG)
  const [nonceAt, aadAt, textAt] = [at + NONCE_AT, at + AAD_AT, at + TEXT_AT]
  const encrypt = library._crypto_aead_chacha20poly1305_ietf_encrypt
  const decrypt = library._crypto_aead_chacha20poly1305_ietf_decrypt

  /** RFC 8439 section 2.8, by calls that take 64-bit lengths in two halves. */
  class Chacha implements Aead {
    readonly #key: Uint8Array

    constructor(key: Uint8Array) {
      this.#key = key.slice()
    }

    seal(nonce: Uint8Array, aad: Uint8Array, place: Uint8Array, from: number, length: number): void {
      this.#lend(nonce, aad, length)
      heap.set(place.subarray(from, from + length), TEXT_AT)
      encrypt(textAt, 0, textAt, length, 0, aadAt, aad.length, 0, 0, nonceAt, at)
      place.set(heap.subarray(TEXT_AT, TEXT_AT + length + TAG), from)
      heap.fill(0, 0, KEY)
    }

    open(nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array, from: number): Uint8Array | undefined {
      const length = sealed.length - from - TAG
      this.#lend(nonce, aad, length)
      heap.set(from > 0 ? sealed.subarray(from) : sealed, TEXT_AT)
      const failed = decrypt(textAt, 0, 0, textAt, length + TAG, 0, aadAt, aad.length, 0, nonceAt, at)
      const text = failed === 0 ? copied(heap.subarray(TEXT_AT, TEXT_AT + length)) : undefined
      heap.fill(0, 0, KEY)
      heap.fill(0, TEXT_AT, TEXT_AT + length)
      return text
    }

    #lend(nonce: Uint8Array, aad: Uint8Array, length: number): void {
      if (length > MOST || aad.length > AAD_MOST)
        throw new Misuse(
          `${length} bytes of text and ${aad.length} beside it are more than records have; send less at once`,
        )
      heap.set(this.#key)
      heap.set(nonce, NONCE_AT)
      heap.set(aad, AAD_AT)
    }
  }

  return (cipher, key) => {
    if (cipher !== CHACHA) throw new Misuse(`libsodium is asked for ${CHACHA} only, not for ${cipher}`)
    if (key.length !== KEY) throw new Misuse(`${CHACHA} takes a key of ${KEY} bytes, not ${key.length}`)
    return new Chacha(key)
  }
}
