import { type Task, wait } from '../task.ts'
import type { Certificate } from './certificate.ts'
import { parseCertificate } from './certificate.ts'
import { constructed, DerError, DerReader, tags } from './der.ts'
import { issuerUrl } from './judge.ts'
import { loadCertificates } from './load.ts'
import { PemError } from './pem.ts'
import type { Cache, Fetch } from './revocation.ts'
import type { Store } from './store.ts'
import type { Trial } from './trial.ts'

/** What one address may bring at most; more is not looked at. */
const MAX_BROUGHT = 16

/** Gets issuers that the peer did not send from where certificates say that they are (RFC 5280 section 4.2.2.1). */
export class Fetching {
  readonly #fetch: Fetch
  readonly #cache: Cache
  readonly #trial: Trial
  readonly #asked = new Set<string>()
  readonly #brought = new Map<string, readonly Certificate[]>()

  constructor(fetch: Fetch, cache: Cache, trial: Trial) {
    this.#fetch = fetch
    this.#cache = cache
    this.#trial = trial
  }

  /** Whether an issuer of one of these certificates came in that was not in the pools; it is in the last one now. */
  *more(chain: readonly Certificate[], pools: readonly Store[]): Task<boolean> {
    const pool = pools[pools.length - 1] as Store
    // the top is where the path broke off; below it another way may begin
    for (const certificate of chain.toReversed()) {
      for (const description of certificate.known.authorityInfoAccess ?? []) {
        const url = issuerUrl(description)
        if (url === undefined || this.#asked.has(url)) continue
        this.#asked.add(url)
        let fresh = false
        for (const issuer of yield* this.#issuers(url, certificate)) {
          if (!pools.some((each) => each.has(issuer))) fresh = pool.add(issuer) || fresh
        }
        if (fresh) return true
      }
    }
    return false
  }

  /** To be called when a good path was found: what was fetched for it is worth keeping. */
  keep(): void {
    for (const [url, issuers] of this.#brought) this.#cache.keepIssuers(url, issuers)
  }

  *#issuers(url: string, certificate: Certificate): Task<readonly Certificate[]> {
    const kept = yield* this.#proved(this.#cache.issuers(url) ?? [], certificate)
    if (kept.length > 0) return kept
    const issuers = yield* this.#proved(yield* this.#get(url), certificate)
    if (issuers.length > 0) this.#brought.set(url, issuers)
    return issuers
  }

  /** Those whose key made the certificate's signature: others prove nothing. */
  *#proved(brought: readonly Certificate[], certificate: Certificate): Task<readonly Certificate[]> {
    const issuers: Certificate[] = []
    for (const issuer of brought.slice(0, MAX_BROUGHT)) {
      this.#trial.spend('candidates')
      if (issuer.subject.key !== certificate.issuer.key) continue
      if ((yield* this.#trial.signedBy(certificate, issuer)) === 'good') issuers.push(issuer)
    }
    return issuers
  }

  *#get(url: string): Task<readonly Certificate[]> {
    if (!this.#trial.afford('fetches')) return []
    const bytes = yield* wait(this.#fetch(url))
    return bytes ? readBrought(bytes) : []
  }
}

/** A certificate in DER, as RFC 5280 wants it, a bundle of PKCS #7, or PEM; what is none of these brings nothing. */
const readBrought = (bytes: Uint8Array): readonly Certificate[] => {
  for (const read of [loadCertificates, readBundle]) {
    try {
      return read(bytes)
    } catch (error) {
      if (!(error instanceof DerError || error instanceof PemError)) throw error
    }
  }
  return []
}

/** The certificates of a SignedData without signatures (RFC 2315 section 9.1). */
const readBundle = (bytes: Uint8Array): readonly Certificate[] => {
  const content = new DerReader(bytes, 'the bundle').open(tags.sequence)
  content.oid()
  const data = content.open(constructed(0)).open(tags.sequence)
  data.integer()
  data.raw(tags.set)
  data.raw(tags.sequence)
  const list = data.open(constructed(0))
  const certificates: Certificate[] = []
  while (list.more && certificates.length < MAX_BROUGHT) certificates.push(parseCertificate(list.raw(tags.sequence)))
  return certificates
}
