import { hex } from '../bytes/text.ts'
import type { Certificate } from './certificate.ts'
import { loadCertificates } from './load.ts'

/** Certificates to be found by subject and by key identifier: trust anchors, or intermediates that are at hand. */
export class Store implements Iterable<Certificate> {
  readonly #bySubject = new Map<string, Certificate[]>()
  readonly #byKeyId = new Map<string, Certificate[]>()
  #size = 0

  constructor(certificates: Iterable<Certificate> = []) {
    for (const certificate of certificates) this.add(certificate)
  }

  get size(): number {
    return this.#size
  }

  /** Takes one certificate in; false when it is there already. */
  add(certificate: Certificate): boolean {
    if (this.has(certificate)) return false
    put(this.#bySubject, certificate.subject.key, certificate)
    const keyId = certificate.known.subjectKeyIdentifier
    if (keyId) put(this.#byKeyId, hex(keyId), certificate)
    this.#size++
    return true
  }

  /** Takes in what PEM or DER holds, and says how many were new. Throws as `loadCertificates` does. */
  load(data: string | Uint8Array): number {
    return loadCertificates(data).filter((certificate) => this.add(certificate)).length
  }

  has(certificate: Certificate): boolean {
    return this.bySubject(certificate.subject.key).some((known) => known.equals(certificate))
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
