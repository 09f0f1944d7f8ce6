import { NONE } from '../bytes/compare.ts'
import { Misuse } from '../errors.ts'
import { isPromise, type Maybe } from '../task.ts'
import { type Cbc, cbcProtection } from './protect-cbc.ts'
import { checkPlace, HEADER, putPseudoHeader, xorSequence } from './protect-header.ts'
import type { Keying, Opened, Protection, Provider } from './provider.ts'
import { type CipherName, ciphers } from './suites.ts'

/**
 * An AEAD under one key, as a provider brings it: nonces of 12 bytes, the tag length of the cipher. Arguments are lent
 * until the call returns, all but `place`: who answers later takes a copy first.
 */
export interface Aead {
  /** Encrypts where they stand the `length` bytes of `place` that begin at `from`, and puts the tag behind them. */
  seal(nonce: Uint8Array, aad: Uint8Array, place: Uint8Array, from: number, length: number): Maybe<void>
  /**
   * Opens text and tag, which reach from `from` to the end of `sealed` and are at least as long as the tag. The answer is
   * memory of its own, be it a Buffer. Undefined: not authentic.
   */
  open(nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array, from: number): Maybe<Uint8Array | undefined>
}

/** What a provider brings for records. */
export interface RecordPrimitives extends Pick<Provider, 'hmac' | 'random'> {
  aead(cipher: CipherName, key: Uint8Array): Aead
  cbc(key: Uint8Array): Cbc
}

/** One direction of one epoch, built from a provider's primitives. */
export const protection = (primitives: RecordPrimitives, keying: Keying): Protection => {
  const { key, iv12, tag, mode } = ciphers[keying.cipher]
  const ivLength = keying.version === 0x0304 ? 12 : iv12
  if (keying.key.length !== key || keying.iv.length !== ivLength) {
    throw new Misuse(
      `${keying.cipher} takes a key of ${key} and an IV of ${ivLength} bytes here, not ${keying.key.length} and ${keying.iv.length}`,
    )
  }
  if (mode === 'cbc') return cbcProtection(primitives, keying)
  const aead = primitives.aead(keying.cipher, keying.key)
  return keying.version === 0x0304 ? new Aead13(aead, tag, keying.iv) : new Aead12(aead, tag, keying.iv)
}

// lent to one call of an `Aead` after another
const nonce = new Uint8Array(12)
const header = new Uint8Array(5)

/** RFC 9846 sections 5.2 and 5.3. */
class Aead13 implements Protection {
  readonly #aead: Aead
  readonly #tag: number
  readonly #iv: Uint8Array

  constructor(aead: Aead, tag: number, iv: Uint8Array) {
    this.#aead = aead
    this.#tag = tag
    this.#iv = iv.slice()
  }

  sealedLength(data: number, padding: number): number {
    return data + 1 + padding + this.#tag
  }

  seal(sequence: number, type: number, data: Uint8Array, padding: number, record: Uint8Array): Maybe<void> {
    const inner = data.length + 1 + padding
    checkPlace(record, inner + this.#tag)
    putNonce(nonce, this.#iv, sequence)
    copyHeader(header, record)
    record.set(data, HEADER)
    record[HEADER + data.length] = type
    if (padding > 0) record.fill(0, HEADER + data.length + 1, HEADER + inner)
    return this.#aead.seal(nonce, header, record, HEADER, inner)
  }

  open(sequence: number, record: Uint8Array): Maybe<Opened | undefined> {
    if (record.length < HEADER + this.#tag) return undefined
    putNonce(nonce, this.#iv, sequence)
    copyHeader(header, record)
    const inner = this.#aead.open(nonce, header, record, HEADER)
    return isPromise(inner) ? inner.then(withoutPadding) : withoutPadding(inner)
  }
}

const withoutPadding = (inner: Uint8Array | undefined): Opened | undefined => {
  if (!inner) return undefined
  let last = inner.length - 1
  while (last >= 0 && inner[last] === 0) last--
  // RFC 9846 5.4: one without any type is authentic all the same, and no type is 0
  return last < 0 ? { type: 0, data: NONE } : { type: inner[last] as number, data: plain(inner, last) }
}

/** The first `length` bytes, whatever a provider's kind of array is. */
const plain = (bytes: Uint8Array, length: number): Uint8Array => new Uint8Array(bytes.buffer, bytes.byteOffset, length)

/** Sections 5.3 of RFC 9846 and 2 of RFC 7905. */
const putNonce = (nonce: Uint8Array, iv: Uint8Array, sequence: number): void => {
  nonce.set(iv)
  xorSequence(nonce, 4, sequence)
}

const copyHeader = (aad: Uint8Array, record: Uint8Array): void => {
  for (let i = 0; i < HEADER; i++) aad[i] = record[i] as number
}

/** GCM and CCM with an explicit nonce (RFC 5288, RFC 6655), ChaCha20-Poly1305 without (RFC 7905). */
class Aead12 implements Protection {
  readonly #aead: Aead
  readonly #tag: number
  readonly #iv: Uint8Array
  /** Bytes of nonce that each record carries. */
  readonly #explicit: 8 | 0
  readonly #nonce = new Uint8Array(12)
  readonly #aad = new Uint8Array(13)

  constructor(aead: Aead, tag: number, iv: Uint8Array) {
    this.#aead = aead
    this.#tag = tag
    this.#iv = iv.slice()
    this.#explicit = iv.length === 4 ? 8 : 0
    this.#nonce.set(iv)
  }

  sealedLength(data: number, _padding: number): number {
    return this.#explicit + data + this.#tag
  }

  seal(sequence: number, _type: number, data: Uint8Array, _padding: number, record: Uint8Array): Maybe<void> {
    checkPlace(record, this.#explicit + data.length + this.#tag)
    putPseudoHeader(this.#aad, sequence, record, data.length)
    if (this.#explicit) {
      // the sequence number as nonce: RFC 5288 section 3 asks for distinct ones, and these are
      for (let i = 0; i < 8; i++) record[HEADER + i] = this.#nonce[4 + i] = this.#aad[i] as number
    } else {
      putNonce(this.#nonce, this.#iv, sequence)
    }
    const from = HEADER + this.#explicit
    record.set(data, from)
    return this.#aead.seal(this.#nonce, this.#aad, record, from, data.length)
  }

  open(sequence: number, record: Uint8Array): Maybe<Opened | undefined> {
    const from = HEADER + this.#explicit
    if (record.length < from + this.#tag) return undefined
    putPseudoHeader(this.#aad, sequence, record, record.length - from - this.#tag)
    if (this.#explicit) for (let i = 0; i < 8; i++) this.#nonce[4 + i] = record[HEADER + i] as number
    else putNonce(this.#nonce, this.#iv, sequence)
    const type = record[0] as number
    const data = this.#aead.open(this.#nonce, this.#aad, record, from)
    if (isPromise(data)) return data.then((late) => late && { type, data: plain(late, late.length) })
    return data && { type, data: plain(data, data.length) }
  }
}
