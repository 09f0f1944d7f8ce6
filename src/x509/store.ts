import { sameBytes } from '../bytes/compare.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import { DerError, DerReader } from './der.ts'
import { loadCertificates } from './load.ts'
import { type Name, readName } from './name.ts'
import { looseHash, looseHashOfKey, outline } from './outline.ts'

/** Certificates to be found by subject and by key identifier: trust anchors, or intermediates that are at hand. */
export class Store implements Iterable<Certificate> {
  readonly #entries: Entry[] = []
  /** By `looseHash`, which is cheap and the same for all names that are equal; the same bucket does not yet mean the same name. */
  readonly #bySubject = new Map<number, Entry[]>()
  readonly #byKeyId = new Map<number, Entry[]>()
  readonly #byEnd = new Map<number, Entry[]>()
  /** Taken in by `addLater` and not looked at yet. */
  #unread: Uint8Array[] = []

  constructor(certificates: Iterable<Certificate> = []) {
    for (const certificate of certificates) this.add(certificate)
  }

  /** Whether nothing was taken in; other than `size` it reads nothing. */
  get empty(): boolean {
    return this.#unread.length === 0 && this.#entries.length === 0
  }

  /** The certificates as they came (DER), each once. */
  raws(): Uint8Array[] {
    this.#index()
    return this.#entries.map(({ raw }) => raw)
  }

  get size(): number {
    this.#index()
    return this.#entries.length
  }

  /** Takes one certificate in; false when it is there already. Of two with and without trust settings, those with them stay. */
  add(certificate: Certificate): boolean {
    this.#index()
    const { raw, subject, known, trust } = certificate
    const before = trust && this.#find(raw)
    if (before && !before.certificate?.trust) before.certificate = certificate
    return this.#put({ raw, subject: subject.raw, keyId: known.subjectKeyIdentifier, key: undefined, certificate })
  }

  /** Takes in what PEM or DER holds, and says how many were new. Throws as `loadCertificates` does. */
  load(data: string | Uint8Array): number {
    return loadCertificates(data).filter((certificate) => this.add(certificate)).length
  }

  /**
   * Takes in many certificates (DER) of which few will be wanted: none is parsed before somebody asks for its subject or
   * key identifier. For collections that came with the system; what is malformed among them is passed over.
   */
  addLater(certificates: Iterable<Uint8Array>): void {
    for (const raw of certificates) this.#unread.push(raw)
  }

  has(certificate: Certificate): boolean {
    this.#index()
    return this.#find(certificate.raw) !== undefined
  }

  /** This certificate as it was taken in, with the trust settings that it had then. */
  kept(certificate: Certificate): Certificate | undefined {
    this.#index()
    const entry = this.#find(certificate.raw)
    return (entry && certificateOf(entry)) ?? undefined
  }

  /**
   * Those of this subject, a name or a name's `key`, in the order in which they came. Throws `SyntaxError` for a text that is
   * no such key.
   */
  bySubject(name: Name | string): readonly Certificate[] {
    this.#index()
    if (typeof name === 'string')
      return parsed(this.#bySubject.get(looseHashOfKey(name)), (entry) => keyOf(entry) === name)
    const entries = this.#bySubject.get(looseHash(name.raw))
    return parsed(entries, (entry) => sameBytes(entry.subject, name.raw) || keyOf(entry) === name.key)
  }

  /** Those with this subjectKeyIdentifier. */
  byKeyId(keyId: Uint8Array): readonly Certificate[] {
    this.#index()
    return parsed(
      this.#byKeyId.get(hashOf(keyId)),
      (entry) => entry.keyId !== undefined && sameBytes(entry.keyId, keyId),
    )
  }

  *[Symbol.iterator](): IterableIterator<Certificate> {
    this.#index()
    yield* parsed(this.#entries, () => true)
  }

  #index(): void {
    if (this.#unread.length === 0) return
    const unread = this.#unread
    this.#unread = []
    for (const raw of unread) {
      const found = outline(raw)
      if (found) this.#put({ raw, subject: found.subject, keyId: found.keyId, key: undefined, certificate: undefined })
    }
  }

  #find(raw: Uint8Array): Entry | undefined {
    const entries = this.#byEnd.get(hashOf(raw, raw.length - END))
    if (entries) for (const entry of entries) if (sameBytes(entry.raw, raw)) return entry
    return undefined
  }

  #put(entry: Entry): boolean {
    if (this.#find(entry.raw)) return false
    this.#entries.push(entry)
    put(this.#byEnd, hashOf(entry.raw, entry.raw.length - END), entry)
    put(this.#bySubject, looseHash(entry.subject), entry)
    if (entry.keyId) put(this.#byKeyId, hashOf(entry.keyId), entry)
    return true
  }
}

interface Entry {
  readonly raw: Uint8Array
  /** DER. */
  readonly subject: Uint8Array
  readonly keyId: Uint8Array | undefined
  /** `subject.key`; undefined before it was asked for, null when the subject is malformed. */
  key: string | undefined | null
  /** Undefined before it was parsed, null when it is malformed. */
  certificate: Certificate | undefined | null
}

/** How many bytes at the end nearly always tell certificates apart: they are of the signature. */
const END = 24

const parsed = (entries: readonly Entry[] | undefined, wanted: (entry: Entry) => boolean): Certificate[] => {
  const certificates: Certificate[] = []
  for (const entry of entries ?? []) {
    if (!wanted(entry)) continue
    const certificate = certificateOf(entry)
    if (certificate) certificates.push(certificate)
  }
  return certificates
}

const certificateOf = (entry: Entry): Certificate | null => {
  if (entry.certificate === undefined) entry.certificate = quietly(() => parseCertificate(entry.raw)) ?? null
  return entry.certificate
}

const keyOf = (entry: Entry): string | null => {
  if (entry.key === undefined) {
    const { certificate, subject } = entry
    entry.key =
      certificate?.subject.key ?? quietly(() => readName(new DerReader(subject, 'a subject'), 'a subject').key) ?? null
  }
  return entry.key
}

/** Undefined for what is malformed. */
const quietly = <T>(parse: () => T): T | undefined => {
  try {
    return parse()
  } catch (error) {
    if (error instanceof DerError) return undefined
    throw error
  }
}

const hashOf = (bytes: Uint8Array, from = 0): number => {
  let hash = bytes.length
  for (let at = Math.max(0, from); at < bytes.length; at++) hash = (Math.imul(hash, 31) + (bytes[at] as number)) | 0
  return hash
}

const put = (map: Map<number, Entry[]>, key: number, entry: Entry): void => {
  const some = map.get(key)
  if (some) some.push(entry)
  else map.set(key, [entry])
}
