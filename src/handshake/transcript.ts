import { concat } from '../bytes/compare.ts'
import { lastDigest } from '../crypto/digest.ts'
import type { Hash, HashName, Provider } from '../crypto/provider.ts'
import { after, type Maybe } from '../task.ts'

const MESSAGE_HASH = 254

/** All handshake messages so far: kept until the hash is known, hashed from then on. */
export class Transcript {
  readonly #provider: Provider
  #hash: Hash | undefined
  #messages: Uint8Array[] | undefined = []

  constructor(provider: Provider) {
    this.#provider = provider
  }

  /** Copied. */
  add(raw: Uint8Array): void {
    this.#hash?.update(raw)
    this.#messages?.push(raw.slice())
  }

  /** From here on the hash runs. `keep`: the messages are wanted too, for a signature of TLS 1.2 over all of them. */
  begin(name: HashName, keep = false): void {
    if (this.#hash) return
    this.#hash = this.#provider.hash(name)
    for (const raw of this.#messages ?? []) this.#hash.update(raw)
    if (!keep) this.#messages = undefined
  }

  /** The messages are not wanted any more. */
  forget(): void {
    this.#messages = undefined
  }

  /** No digest is wanted any more. */
  end(): void {
    this.#hash?.end?.()
    this.#hash = undefined
    this.#messages = undefined
  }

  /** Every message, joined. */
  whole(): Uint8Array {
    return concat(...(this.#messages ?? []))
  }

  /** The hash of everything so far. */
  digest(): Maybe<Uint8Array> {
    if (!this.#hash) throw new Error('the hash of the transcript is not known yet')
    return this.#hash.digest()
  }

  /** The hash of everything so far and of these bytes: for the binders of a ClientHello that is not yet whole. */
  digestWith(name: HashName, extra: Uint8Array): Maybe<Uint8Array> {
    const hash = this.#hash?.copy() ?? this.#fresh(name)
    hash.update(extra)
    return lastDigest(hash)
  }

  /** After a HelloRetryRequest its hash stands in place of the first ClientHello (RFC 9846 section 4.4.1). */
  retry(name: HashName): Maybe<void> {
    return after(lastDigest(this.#fresh(name)), (digest) => {
      this.#messages = [concat(Uint8Array.of(MESSAGE_HASH, 0, 0, digest.length), digest)]
      this.#hash = undefined
    })
  }

  /** One that goes on apart from this, for authentication after the handshake. */
  fork(): Transcript {
    const other = new Transcript(this.#provider)
    other.#hash = this.#hash?.copy()
    other.#messages = this.#messages?.slice()
    return other
  }

  #fresh(name: HashName): Hash {
    const hash = this.#provider.hash(name)
    for (const raw of this.#messages ?? []) hash.update(raw)
    return hash
  }
}
