import { concat, NONE } from '../bytes/compare.ts'
import { Misuse } from '../errors.ts'
import { type HashName, hashLength } from './provider.ts'

/** A keyed HMAC that answers at once. */
export interface SyncHmac {
  mac(...parts: readonly Uint8Array[]): Uint8Array
}

/** What the key schedules of both versions draw keys with, as the contract names it, answering at once. */
export interface SyncKdf {
  extract(name: HashName, salt: Uint8Array, ikm: Uint8Array): Uint8Array
  expand(name: HashName, prk: Uint8Array, info: Uint8Array, length: number): Uint8Array
  expandLabel(name: HashName, secret: Uint8Array, label: string, context: Uint8Array, length: number): Uint8Array
  prf(name: HashName, secret: Uint8Array, label: string, seed: Uint8Array, length: number): Uint8Array
}

/** HKDF (RFC 5869), HKDF-Expand-Label (RFC 9846 section 7.1) and the PRF of TLS 1.2 over a provider's HMAC. */
export const kdf = (hmac: (name: HashName, key: Uint8Array) => SyncHmac): SyncKdf => ({
  extract: (name, salt, ikm) => hmac(name, salt).mac(ikm),

  expand: (name, prk, info, length) => expand(hmac(name, prk), hashLength[name], length, info, NONE),

  expandLabel(name, secret, label, context, length) {
    if (context.length > 255) {
      throw new Misuse(`the context of "${label}" has ${context.length} bytes; HkdfLabel has room for 255`)
    }
    const head = labelHead(label)
    head[0] = length >>> 8
    head[1] = length
    const tail = context.length === 0 ? NO_CONTEXT : concat(Uint8Array.of(context.length), context)
    return expand(hmac(name, secret), hashLength[name], length, head, tail)
  },

  prf(name, secret, label, seed, length) {
    // RFC 5246 section 5: A(0) = label + seed, A(i) = HMAC(A(i-1)), output = HMAC(A(1) + A(0)) + HMAC(A(2) + A(0)) + ...
    const start = concat(text.encode(label), seed)
    const keyed = hmac(name, secret)
    const out = new Uint8Array(length)
    let a = start
    for (let at = 0; at < length; at += hashLength[name]) {
      a = keyed.mac(a)
      const block = keyed.mac(a, start)
      out.set(at + block.length <= length ? block : block.subarray(0, length - at), at)
    }
    return out
  },
})

const text = new TextEncoder()
const NO_CONTEXT = Uint8Array.of(0)
const COUNTERS = Array.from({ length: 256 }, (_, i) => Uint8Array.of(i))

const expand = (keyed: SyncHmac, size: number, length: number, head: Uint8Array, tail: Uint8Array): Uint8Array => {
  if (!(length >= 0 && length <= 255 * size)) {
    throw new Misuse(`HKDF-Expand cannot make ${length} bytes; with this hash it makes at most ${255 * size}`)
  }
  let block = keyed.mac(head, tail, COUNTERS[1] as Uint8Array)
  if (length === size) return block
  if (length < size) return block.slice(0, length)
  const out = new Uint8Array(length)
  out.set(block)
  for (let at = size, i = 2; at < length; at += size, i++) {
    block = keyed.mac(block, head, tail, COUNTERS[i] as Uint8Array)
    out.set(at + size <= length ? block : block.subarray(0, length - at), at)
  }
  return out
}

/** The first fields of HkdfLabel, by label: two bytes for the length, then the label with its own length. */
const heads = new Map<string, Uint8Array>()

export const labelHead = (label: string): Uint8Array => {
  const known = heads.get(label)
  if (known) return known
  const full = text.encode(`tls13 ${label}`)
  if (full.length > 255)
    throw new Misuse(`the label "${label}" has ${full.length - 6} bytes; HkdfLabel has room for 249`)
  const head = concat(Uint8Array.of(0, 0, full.length), full)
  // exporter labels come from the application: only as many are kept as the protocol itself has, and some more
  if (heads.size < 64) heads.set(label, head)
  return head
}
