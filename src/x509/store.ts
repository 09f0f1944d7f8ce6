import { hex } from '../bytes/text.ts'
import type { Certificate } from './certificate.ts'
import { loadCertificates } from './load.ts'

/** Certificates to be found by subject and by key identifier: trust anchors, or intermediates that are at hand. */
export class Store implements Iterable<Certificate> {
  readonly #bySubject = new Map<string, Certificate[]>()
  readonly #byKeyId = new Map<string, Certificate[]>()
  readonly #texts = new Set<string>()

  constructor(certificates: Iterable<Certificate> = []) {
    for (const certificate of certificates) this.add(certificate)
  }

  get size(): number {
    return this.#texts.size
  }

  /** Takes one certificate in; false when it is there already. */
  add(certificate: Certificate): boolean {
    if (this.#texts.has(certificate.text)) return false
    this.#texts.add(certificate.text)
    put(this.#bySubject, certificate.subject.key, certificate)
    const keyId = certificate.known.subjectKeyIdentifier
    if (keyId) put(this.#byKeyId, hex(keyId), certificate)
    return true
  }

  /** Takes in what PEM or DER holds, and says how many were new. Throws as `loadCertificates` does. */
  load(data: string | Uint8Array): number {
    return loadCertificates(data).filter((certificate) => this.add(certificate)).length
  }

  has(certificate: Certificate): boolean {
    // the subject is at hand and tells nearly all apart
    return this.#bySubject.has(certificate.subject.key) && this.#texts.has(certificate.text)
  }

  /** Those whose `subject.key` this is, in the order in which they came. */
  bySubject(key: string): readonly Certificate[] {
    return this.#bySubject.get(key) ?? []
  }

  /** Those with this subjectKeyIdentifier. */
  byKeyId(keyId: Uint8Array): readonly Certificate[] {
    return this.#byKeyId.get(hex(keyId)) ?? []
  }

  *[Symbol.iterator](): IterableIterator<Certificate> {
    for (const some of this.#bySubject.values()) yield* some
  }
}

const put = (map: Map<string, Certificate[]>, key: string, certificate: Certificate): void => {
  const some = map.get(key)
  if (some) some.push(certificate)
  else map.set(key, [certificate])
}
