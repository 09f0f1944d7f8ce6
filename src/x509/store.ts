import { sameBytes } from '../bytes/compare.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import { DerError, DerReader } from './der.ts'
import { loadCertificates } from './load.ts'
import { type Name, readName } from './name.ts'
import { looseHash, looseHashOfKey, outline } from './outline.ts'

/** Certificates to be found by subject and by key identifier: trust anchors, or intermediates that are at hand. */
export class Store implements Iterable<Certificate> {
  readonly #entries: Entry[] = []
  /** Undefined for so few that they are looked at one by one. */
  #maps: Maps | undefined
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
    return this.#put(new Entry(raw, subject.raw, known.subjectKeyIdentifier, certificate))
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
    const hash = typeof name === 'string' ? looseHashOfKey(name) : looseHash(name.raw)
    const entries = this.#maps ? this.#maps.bySubject.get(hash) : this.#entries
    if (typeof name === 'string') return parsed(entries, (entry) => entry.hash === hash && keyOf(entry) === name)
    return parsed(
      entries,
      (entry) => entry.hash === hash && (sameBytes(entry.subject, name.raw) || keyOf(entry) === name.key),
    )
  }

  /** Those with this subjectKeyIdentifier. */
  byKeyId(keyId: Uint8Array): readonly Certificate[] {
    this.#index()
    return parsed(
      this.#maps ? this.#maps.byKeyId.get(hashOf(keyId)) : this.#entries,
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
      if (found) this.#put(new Entry(raw, found.subject, found.keyId))
    }
  }

  #find(raw: Uint8Array): Entry | undefined {
    const entries = this.#maps ? this.#maps.byEnd.get(hashOf(raw, raw.length - END)) : this.#entries
    if (entries) for (const entry of entries) if (sameBytes(entry.raw, raw)) return entry
    return undefined
  }

  #put(entry: Entry): boolean {
    if (this.#find(entry.raw)) return false
    this.#entries.push(entry)
    if (this.#maps) this.#maps.add(entry)
    else if (this.#entries.length > FEW) this.#maps = new Maps(this.#entries)
    return true
  }
}

/** So many are looked at one by one: what a peer sends, mostly. Maps cost more than that. */
const FEW = 8

/** One certificate of a store. A class, since V8 keeps literals of one place with the old, once so many of them have stayed. */
class Entry {
  readonly raw: Uint8Array
  /** DER. */
  readonly subject: Uint8Array
  /** `looseHash` of the subject, which is cheap and the same for all names that are equal. */
  readonly hash: number
  readonly keyId: Uint8Array | undefined
  /** `subject.key`; undefined before it was asked for, null when the subject is malformed. */
  key: string | undefined | null
  /** Undefined before it was parsed, null when it is malformed. */
  certificate: Certificate | undefined | null

  constructor(raw: Uint8Array, subject: Uint8Array, keyId: Uint8Array | undefined, certificate?: Certificate) {
    this.raw = raw
    this.subject = subject
    this.hash = looseHash(subject)
    this.keyId = keyId
    this.key = undefined
    this.certificate = certificate
  }
}

/** Where many entries are found. The same bucket does not yet mean the same name, key identifier or certificate. */
class Maps {
  readonly bySubject = new Map<number, Entry[]>()
  readonly byKeyId = new Map<number, Entry[]>()
  readonly byEnd = new Map<number, Entry[]>()

  constructor(entries: readonly Entry[]) {
    for (const entry of entries) this.add(entry)
  }

  add(entry: Entry): void {
    put(this.byEnd, hashOf(entry.raw, entry.raw.length - END), entry)
    put(this.bySubject, entry.hash, entry)
    if (entry.keyId) put(this.byKeyId, hashOf(entry.keyId), entry)
  }
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
