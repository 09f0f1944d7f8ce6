import { type Maybe, type Task, wait } from '../task.ts'
import type { Certificate } from './certificate.ts'
import { parseCrl, type RevocationList } from './crl.ts'
import { type Listed, ListStatus } from './crl-status.ts'
import { DerError } from './der.ts'
import { type Fault, shown } from './fault.ts'
import { ocspRequest, ocspUrl } from './ocsp.ts'
import { type Answered, judgeResponse } from './ocsp-status.ts'
import { knownOid } from './oids.ts'
import type { Trial } from './trial.ts'

/** Gets what is at an address, for instance by HTTP; undefined when it is not to be had. It has to bound size and time. */
export type Fetch = (url: string) => Maybe<Uint8Array | undefined>

/**
 * How revocation is judged. For each kind of evidence: `ignore` it; `check` what is at hand and proves to be genuine
 * and current, and count anything else as absent; or `require` a proof that the certificate is not revoked.
 */
export interface RevocationOptions {
  /** Revocation lists; `ignore` by default. */
  readonly crl?: 'ignore' | 'check' | 'require'
  /** OCSP, stapled, given or fetched; `check` by default, which without `fetch` or `responses` is about stapled ones. */
  readonly ocsp?: 'ignore' | 'check' | 'require'
  /** Whether `require` is about every certificate below the anchor, as by default, or about the leaf alone. */
  readonly requireFor?: 'chain' | 'leaf'
  readonly lists?: Iterable<RevocationList>
  /** OCSP responses (DER). */
  readonly responses?: Iterable<Uint8Array>
  /** The nonce that was sent with the request for `responses`; they must bring it back. */
  readonly nonce?: Uint8Array
  /** For how many milliseconds an OCSP answer counts that does not say so itself; 10 days by default. */
  readonly maxAge?: number
  /** By how many milliseconds responders' clocks may be off; 5 minutes by default. */
  readonly skew?: number
}

/** What a verifier keeps of what it fetched: only what has proved genuine, and not much of it. */
export class Cache {
  readonly #lists = new Map<string, RevocationList>()
  readonly #issuers = new Map<string, readonly Certificate[]>()

  list(url: string, time: number): RevocationList | undefined {
    const list = this.#lists.get(url)
    return list?.nextUpdate !== undefined && list.nextUpdate > time ? list : undefined
  }

  keep(url: string, list: RevocationList): void {
    put(this.#lists, url, list)
  }

  issuers(url: string): readonly Certificate[] | undefined {
    return this.#issuers.get(url)
  }

  keepIssuers(url: string, issuers: readonly Certificate[]): void {
    put(this.#issuers, url, issuers)
  }
}

const MOST_KEPT = 64
const put = <T>(map: Map<string, T>, key: string, value: T): void => {
  // the oldest goes first
  if (map.size >= MOST_KEPT) for (const oldest of [...map.keys()].slice(0, 1)) map.delete(oldest)
  map.set(key, value)
}

/** Where evidence comes from, and how a signer's own path is found. */
export interface Sources {
  readonly lists: Iterable<RevocationList>
  readonly responses: Iterable<Uint8Array>
  readonly stapled: Uint8Array | undefined
  readonly fetch: Fetch | undefined
  readonly cache: Cache
  /** Certificates of this subject (`Name.key`) that may have signed a list. */
  readonly holders: (subject: string) => Iterable<Certificate>
  /** A path from there to an anchor, good for signing lists. */
  readonly prove: (certificate: Certificate) => Task<readonly Certificate[] | undefined>
}

/** RFC 7633: the extension status_request (RFC 6066 section 8). */
const STATUS_REQUEST = 5

/** The revocation of the certificates of paths. One for a whole verification: what was found out once stays. */
export class Revocation {
  readonly #trial: Trial
  readonly #sources: Sources
  /** Once a list is wanted. */
  #listStatus: ListStatus | undefined
  readonly #fetched = new Set<string>()
  readonly #answers = new Map<string, Uint8Array | undefined>()

  constructor(trial: Trial, sources: Sources) {
    this.#trial = trial
    this.#sources = sources
  }

  get #lists(): ListStatus {
    return (this.#listStatus ??= new ListStatus(this.#trial, this.#sources))
  }

  /** Whether there is anything to do. */
  needed(leaf: Certificate): boolean {
    const { crl, ocsp } = this.#trial.rules.revocation
    const { stapled, fetch, responses } = this.#sources
    if (crl !== 'ignore' || ocsp === 'require' || this.#mustStaple(leaf)) return true
    return ocsp === 'check' && (stapled !== undefined || fetch !== undefined || [...responses].length > 0)
  }

  /** Everything that is wrong, for each certificate below the anchor (the last of the chain), from the top down. */
  *faults(chain: readonly Certificate[]): Task<readonly { readonly depth: number; readonly fault: Fault }[]> {
    const found: { depth: number; fault: Fault }[] = []
    const { crl, ocsp, requireFor } = this.#trial.rules.revocation
    for (let depth = chain.length - 2; depth >= 0; depth--) {
      const demanded = depth === 0 || requireFor === 'chain'
      if (crl !== 'ignore') {
        const listed = yield* this.#listed(chain, depth)
        if (listed.kind === 'revoked' || (listed.kind === 'unknown' && crl === 'require' && demanded))
          found.push({ depth, fault: listed.fault })
      }
      const must = depth === 0 && this.#mustStaple(chain[0] as Certificate)
      if (ocsp === 'ignore' && !must) continue
      const answered = yield* this.#answered(chain, depth, ocsp === 'ignore' || must)
      if (answered.kind === 'revoked' || (answered.kind === 'unknown' && (must || (ocsp === 'require' && demanded))))
        found.push({
          depth,
          fault: must && answered.kind === 'unknown' ? insisting(chain, answered.fault) : answered.fault,
        })
    }
    return found
  }

  #mustStaple(leaf: Certificate): boolean {
    const { purpose, revocation } = this.#trial.rules
    return purpose === 'server' && revocation.asked && leaf.known.tlsFeature?.includes(STATUS_REQUEST) === true
  }

  *#listed(chain: readonly Certificate[], depth: number): Task<Listed> {
    const first = yield* this.#lists.of(chain, depth)
    if (first.kind !== 'unknown' || !this.#sources.fetch) return first
    let more = false
    for (const url of listUrls(chain[depth] as Certificate)) more = (yield* this.#fetchList(url)) || more
    return more ? yield* this.#lists.of(chain, depth) : first
  }

  *#fetchList(url: string): Task<boolean> {
    const { fetch, cache } = this.#sources
    if (!fetch || this.#fetched.has(url)) return false
    this.#fetched.add(url)
    const kept = cache.list(url, this.#trial.rules.time)
    const bytes = kept ? undefined : yield* this.#get(fetch, url)
    const list = kept ?? (bytes && readable(() => parseCrl(bytes)))
    if (!list) return false
    this.#lists.add(list, url)
    return true
  }

  *#answered(chain: readonly Certificate[], depth: number, stapledOnly: boolean): Task<Answered> {
    const { stapled, responses, fetch } = this.#sources
    const certificate = chain[depth] as Certificate
    const issuer = chain[depth + 1] as Certificate
    let best: Answered = {
      kind: 'unknown',
      fault: { verdict: 'ocspNeeded', detail: `there is no OCSP response about ${shown(certificate)}` },
    }
    const given = depth === 0 && stapled ? [{ raw: stapled, nonce: undefined }] : []
    const { nonce } = this.#trial.rules.revocation
    const at = stapledOnly ? [] : [...responses].map((raw) => ({ raw, nonce }))
    const lists = (responder: Certificate) => this.#lists.of([responder, ...chain.slice(depth + 1)], 0)
    for (const response of [...given, ...at]) {
      const answered = yield* judgeResponse(response, certificate, issuer, this.#trial, lists)
      if (answered.kind === 'revoked') return answered
      // an answer that is wrong tells more than that there is none
      if (best.kind !== 'good') best = answered
    }
    if (best.kind === 'good' || stapledOnly || !fetch) return best
    for (const responder of responderUrls(certificate)) {
      const url = ocspUrl(responder, yield* ocspRequest(certificate, issuer, this.#trial.provider))
      // a path may be judged again, and must then be judged the same
      if (!this.#answers.has(url)) this.#answers.set(url, yield* this.#get(fetch, url))
      const raw = this.#answers.get(url)
      if (!raw) continue
      const answered = yield* judgeResponse({ raw, nonce: undefined }, certificate, issuer, this.#trial, lists)
      if (answered.kind !== 'unknown') return answered
      best = answered
    }
    return best
  }

  *#get(fetch: Fetch, url: string): Task<Uint8Array | undefined> {
    if (!this.#trial.afford('fetches')) return undefined
    return yield* wait(fetch(url))
  }
}

const insisting = ([leaf]: readonly Certificate[], fault: Fault): Fault => ({
  ...fault,
  rule: 'RFC 7633 section 4.2.3.1',
  detail: `${shown(leaf as Certificate)} demands that an OCSP response be stapled, and: ${fault.detail}`,
})

const readable = <T>(read: () => T): T | undefined => {
  try {
    return read()
  } catch (error) {
    if (error instanceof DerError) return undefined
    throw error
  }
}

const isHttp = (url: string): boolean => /^http:\/\//i.test(url)

const listUrls = ({ known }: Certificate): readonly string[] =>
  [...(known.cRLDistributionPoints ?? []), ...(known.freshestCRL ?? [])]
    .flatMap(({ fullName }) => fullName ?? [])
    .flatMap((name) => (name.type === 'uri' && isHttp(name.value) ? [name.value] : []))

const OCSP = knownOid('ocsp')
const responderUrls = ({ known }: Certificate): readonly string[] =>
  (known.authorityInfoAccess ?? []).flatMap(({ method, location }) =>
    method === OCSP && location.type === 'uri' && isHttp(location.value) ? [location.value] : [],
  )
