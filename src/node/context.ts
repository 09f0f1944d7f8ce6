import { createHash } from 'node:crypto'
import type { PeerCertificate } from 'node:tls'
import { utf8 } from '../bytes/text.ts'
import { type Config, type ConfigInput, defineConfig, TLS12, TLS13, type Version } from '../config.ts'
import { node } from '../crypto/node/index.ts'
import { suites as allSuites, type Suite } from '../crypto/suites.ts'
import { CertificateError, Misuse } from '../errors.ts'
import { markOf } from '../handshake/binding.ts'
import { defaultCipherList, defaultCiphersuites, parseCipherList } from '../openssl/ciphers.ts'
import { parseGroups, parseSchemes } from '../openssl/lists.ts'
import { memoryTickets, type Tickets } from '../session/tickets.ts'
import { isPromise, type Maybe } from '../task.ts'
import type { Certificate } from '../x509/certificate.ts'
import { loadCrls } from '../x509/crl.ts'
import { type VerifierOptions, verifier } from '../x509/path.ts'
import { Store } from '../x509/store.ts'
import { verdicts } from '../x509/verdicts.ts'
import type { About, CertificateVerifier, Verified } from '../x509/verifier.ts'
import { legacyCertificate } from './about.ts'
import { misuse } from './codes.ts'
import { certificatesOf, type IdentityOptions, identitiesOf, listOf, type Pem } from './keys.ts'
import { roots } from './roots.ts'
import { ticketsOfKeys } from './ticket-keys.ts'

/** What connections have in common: whom they trust, who they are, what they speak. Names are those of node:tls. */
export interface ContextOptions extends IdentityOptions {
  /** Certificates (PEM or DER) whom to trust, instead of the roots of the system. */
  readonly ca?: Pem | readonly Pem[] | undefined
  /** Revocation lists (PEM or DER). With any, every certificate of a chain needs a current one. */
  readonly crl?: Pem | readonly Pem[] | undefined
  /** Whether a chain may end at a certificate of `ca` that is no root. */
  readonly allowPartialTrustChain?: boolean | undefined
  /**
   * Judges the peer's chain instead of our checks: a pin, a store of the platform's, a question to somebody. It refuses
   * by throwing, rejecting, or answering `false`. No name, no date, no anchor is looked at besides.
   */
  readonly verify?: Verify | undefined
  readonly minVersion?: VersionName | undefined
  readonly maxVersion?: VersionName | undefined
  /** `TLSv1_2_method` and the like. */
  readonly secureProtocol?: string | undefined
  /** Suites of both versions, best first, by OpenSSL's names (ciphers(1)). */
  readonly ciphers?: string | undefined
  /** Signature algorithms, as `ecdsa_secp256r1_sha256:RSA-PSS+SHA256`. */
  readonly sigalgs?: string | undefined
  /** Groups, best first, as `X25519:P-256`; `auto` for the usual ones. */
  readonly ecdhCurve?: string | undefined
  /** Server: our order of suites decides, not the client's. */
  readonly honorCipherOrder?: boolean | undefined
  /** SSL_OP_ flags of `node:constants`; refused where one means something that is not here. */
  readonly secureOptions?: number | undefined
  /** Server: sessions of one context are not resumed in another. */
  readonly sessionIdContext?: string | undefined
  /** Server: seconds for which a session may be resumed. */
  readonly sessionTimeout?: number | undefined
  /** Server: 48 bytes under which tickets are sealed, for servers that share them. */
  readonly ticketKeys?: Uint8Array | undefined
  /** Server: makes and opens tickets in a way of your own; `false` for none. */
  readonly tickets?: Tickets | false | undefined
  /** Server: whether clients are asked for a certificate; a context that says so is stronger than its server. */
  readonly requestCert?: boolean | undefined
  /** `false`: a bad certificate, or none, is told by `authorized` and `authorizationError`, and the connection stands. */
  readonly rejectUnauthorized?: boolean | undefined
  /** Server: the same in one: nobody is asked, a certificate is optional but must be good, or there must be one. */
  readonly clientAuth?: Config['clientAuth'] | undefined
  /** Everything else that a connection can be told. */
  readonly config?: Partial<ConfigInput> | undefined
}

export type VersionName = 'TLSv1.3' | 'TLSv1.2' | 'TLSv1.1' | 'TLSv1'

export type Verify = (chain: readonly Certificate[], about: About) => Maybe<Verified | boolean | void>

/** How a peer is judged on one connection. */
export interface Judging {
  /** A bad certificate is told, not refused. */
  readonly tolerant: boolean
  /** Answers with an error instead of our comparison of names. */
  readonly checkName?: ((name: string, leaf: PeerCertificate) => Error | undefined) | undefined
}

/** node:tls's SecureContext: made once, used for any number of connections. */
export class SecureContext {
  readonly options: ContextOptions
  /** What a config begins with; who verifies is added for each connection. */
  readonly base: Omit<ConfigInput, 'verifier'>
  /** The certificates whose names a server tells its clients. */
  readonly authorities: readonly Uint8Array[] | undefined
  readonly #judge: Court
  readonly #nameless: Court

  /** Throws `Misuse` for what contradicts itself or is not here; as the loaders do for files that cannot be read. */
  constructor(options: ContextOptions = {}) {
    for (const name of absent)
      if ((options as Record<string, unknown>)[name] !== undefined)
        throw new Misuse(`\`${name}\` is not supported here; ${absentWhy[name]}`)
    this.options = options
    const { identities, more } = identitiesOf(options)
    const given = options.ca === undefined || options.ca === null ? undefined : certificatesOf(options.ca)
    const anchors = given || more.length > 0 ? new Store([...(given ?? []), ...more]) : undefined
    this.authorities = given?.map((certificate) => certificate.subject.raw)
    const lists = listOf(options.crl).flatMap((pem) => loadCrls(pem))
    const { suites, level } = suitesOf(options)
    const rules: VerifierOptions = {
      // looking for the system's roots costs milliseconds, so they are sought by whoever verifies first
      get anchors() {
        return anchors ?? roots()
      },
      ...(options.allowPartialTrustChain && { partialChain: true }),
      ...(level !== undefined && { securityLevel: level as 0 | 1 | 2 | 3 | 4 | 5 }),
      ...(lists.length > 0 && { revocation: { crl: 'require', lists } }),
    }
    const { verify } = options
    this.#judge = verify ? byProgram(verify, options.sessionIdContext !== undefined) : byPath(rules)
    this.#nameless = verify ? this.#judge : byPath(rules, true)
    this.base = {
      provider: node,
      identities,
      ...(suites && { suites }),
      versions: versionsOf(options),
      ...listed('groups', options.ecdhCurve === 'auto' ? undefined : options.ecdhCurve, parseGroups, 'ecdhCurve'),
      ...listed('schemes', options.sigalgs, parseSchemes, 'sigalgs'),
      ...(options.honorCipherOrder && { serverPreference: true }),
      ...(options.sessionTimeout !== undefined && { sessionLifetime: options.sessionTimeout }),
      ...(options.sessionIdContext !== undefined && {
        sessionContext: new Uint8Array(createHash('sha256').update(options.sessionIdContext).digest()),
      }),
      ...(options.tickets !== false && !hasBit(options.secureOptions, NO_TICKET) && { tickets: ticketsOf(options) }),
      ...(hasBit(options.secureOptions, LEGACY_SERVER) && { legacyServer: true }),
    }
  }

  /** How this context judges a peer. */
  verifier({ tolerant, checkName }: Judging): CertificateVerifier {
    const judge = checkName ? nameByProgram(this.#nameless.verify, checkName) : this.#judge.verify
    return {
      ...(tolerant && { tolerant }),
      verify: tolerant ? tolerantly(judge) : judge,
      policy: () => {
        const hash = createHash('sha256').update(`${tolerant} ${checkName !== undefined}`)
        // what a function will say cannot be known, unless the program keeps its sessions apart itself
        if (checkName && this.options.sessionIdContext === undefined) hash.update(markOf(checkName, node))
        return new Uint8Array(hash.update(this.#judge.policy()).digest())
      },
    }
  }

  /** A config of this context, with what one connection adds. */
  config(judging: Judging, more: Partial<ConfigInput>): Config {
    return defineConfig({ ...this.base, verifier: this.verifier(judging), ...more, ...this.options.config })
  }
}

/** As node:tls's: a context of these options. */
export const createSecureContext = (options: ContextOptions = {}): SecureContext => new SecureContext(options)

/** The context that somebody gave: ready, or as its options. */
export const contextOf = (given: SecureContext | ContextOptions): SecureContext =>
  given instanceof SecureContext ? given : new SecureContext(given)

// ---- judges

type Judge = (chain: readonly Certificate[], about: About) => Maybe<Verified>

/** Who judges, and a digest of how: sessions are resumed under the same only. */
interface Court {
  readonly verify: Judge
  readonly policy: () => Uint8Array
}

/** Our checks, made ready when they are first needed. `noName`: whoever called compares names. */
const byPath = (rules: VerifierOptions, noName = false): Court => {
  let made: CertificateVerifier | undefined
  const ready = (): CertificateVerifier =>
    (made ??= verifier(noName ? { ...rules, anchors: rules.anchors, noName } : rules))
  return {
    verify: (chain, about) => ready().verify(chain, about) as Maybe<Verified>,
    policy: () => ready().policy?.(node) as Uint8Array,
  }
}

const byProgram = (verify: Verify, apart: boolean): Court => {
  const settled = (chain: readonly Certificate[], answer: Verified | boolean | void): Verified => {
    if (answer === false) throw refused('the certificate was refused by the application')
    return typeof answer === 'object' ? answer : { chain, code: verdicts.ok }
  }
  const failed = (error: unknown): never => {
    throw error instanceof CertificateError
      ? error
      : refused(error instanceof Error ? error.message : String(error), error)
  }
  return {
    verify: (chain, about) =>
      attempt(
        () => verify(chain, about),
        (answer) => settled(chain, answer),
        failed,
      ),
    policy: () => (apart ? utf8('apart') : markOf(verify, node)),
  }
}

const refused = (detail: string, cause?: unknown): CertificateError =>
  new CertificateError(verdicts.rejected, 0, detail, cause === undefined ? {} : { cause })

/** What a tolerant verifier tells of a chain: it passed, and this is why it should not have. */
export interface Tolerated extends Verified {
  readonly error?: CertificateError
}

const tolerantly =
  (judge: Judge): Judge =>
  (chain, about) =>
    attempt(
      () => judge(chain, about),
      (verified) => verified,
      (error): Tolerated => {
        if (error instanceof CertificateError) return { chain, code: error.code || verdicts.unspecified, error }
        throw error
      },
    )

/** The program compares names, after everything else has been found good. */
const nameByProgram =
  (judge: Judge, checkName: NonNullable<Judging['checkName']>): Judge =>
  (chain, { name, ...about }) =>
    attempt(
      () => judge(chain, about),
      (verified) => {
        const error = checkName(name ?? '', legacyCertificate(chain.slice(0, 1), false))
        if (error) throw new CertificateError(verdicts.hostMismatch, 0, error.message, { cause: error })
        return verified
      },
      (error) => {
        throw error
      },
    )

/** Asks somebody who may answer late, and goes on with the answer, or with the error that came of either. */
const attempt = <A, B>(ask: () => Maybe<A>, then: (answer: A) => B, otherwise: (error: unknown) => B): Maybe<B> => {
  let answer: Maybe<A>
  try {
    answer = ask()
    if (!isPromise(answer)) return then(answer)
  } catch (error) {
    return otherwise(error)
  }
  return answer.then(then).catch(otherwise)
}

// ---- what options say

const ticketsOf = ({ tickets, ticketKeys }: ContextOptions): Tickets =>
  tickets || (ticketKeys ? ticketsOfKeys(ticketKeys) : memoryTickets(node))

const known: Readonly<Record<VersionName, Version>> = {
  'TLSv1.3': TLS13,
  'TLSv1.2': TLS12,
  'TLSv1.1': TLS12,
  TLSv1: TLS12,
}

const NO_TICKET = 0x4000
const LEGACY_SERVER = 0x4
const NO_TLS12 = 0x8000000
const NO_TLS13 = 0x20000000
const hasBit = (options: number | undefined, bit: number): boolean => ((options ?? 0) & bit) !== 0

const versionsOf = (options: ContextOptions): readonly Version[] => {
  const { minVersion = 'TLSv1.2', maxVersion = 'TLSv1.3', secureProtocol, secureOptions } = options
  for (const version of [minVersion, maxVersion])
    if (!Object.hasOwn(known, version))
      throw misuse('ERR_TLS_INVALID_PROTOCOL_VERSION', `"${version}" is no version; take TLSv1.2 or TLSv1.3`)
  if (maxVersion === 'TLSv1' || maxVersion === 'TLSv1.1')
    throw misuse(
      'ERR_TLS_INVALID_PROTOCOL_VERSION',
      `${maxVersion} is too old to be spoken here; take TLSv1.2 or TLSv1.3`,
    )
  if (secureProtocol !== undefined) {
    if (options.minVersion !== undefined || options.maxVersion !== undefined)
      throw misuse(
        'ERR_TLS_PROTOCOL_VERSION_CONFLICT',
        '`secureProtocol` and `minVersion` or `maxVersion` do not go together',
      )
    if (/^TLSv1_2_(?:client_|server_)?method$/.test(secureProtocol)) return [TLS12]
    if (!/^(?:TLS|SSLv23)_(?:client_|server_)?method$/.test(secureProtocol))
      throw misuse(
        'ERR_TLS_INVALID_PROTOCOL_METHOD',
        `"${secureProtocol}" is not spoken here; take TLS_method or TLSv1_2_method`,
      )
  }
  return [TLS13, TLS12].filter(
    (version): version is Version =>
      version >= known[minVersion] &&
      version <= known[maxVersion] &&
      !hasBit(secureOptions, version === TLS13 ? NO_TLS13 : NO_TLS12),
  )
}

/** A list of ciphers names suites of both versions; one that names none of a version rules that version out. */
const suitesOf = ({ ciphers, config }: ContextOptions): { suites?: readonly Suite[]; level?: number | undefined } => {
  if (ciphers === undefined || config?.suites) return {}
  if (ciphers === 'default') return { suites: [...defaultCiphersuites, ...defaultCipherList] }
  const names = ciphers.split(/[:, ]+/).filter((name) => name !== '')
  const wanted13 = names.filter((name) => name.startsWith('TLS_'))
  const wanted12 = names.filter((name) => !name.startsWith('TLS_'))
  const all13 = wanted13.map((name) => allSuites.find((suite) => suite.openssl === name))
  const { suites = [], level } = parseCipherList(wanted12.join(':'))
  const bad = all13.includes(undefined) || (wanted12.length > 0 && suites?.length === 0 && level === undefined)
  if (bad || names.length === 0)
    throw misuse('ERR_SSL_NO_CIPHER_MATCH', `no cipher suite here goes by "${ciphers}"; see ciphers(1) for the names`)
  return { suites: [...(all13 as Suite[]), ...(suites ?? [])], level }
}

const listed = <K extends string, T>(
  field: K,
  list: string | undefined,
  parse: (list: string) => readonly T[] | undefined,
  option: string,
): { readonly [key in K]?: readonly T[] } => {
  if (list === undefined) return {}
  const found = parse(list)
  if (!found)
    throw misuse('ERR_INVALID_ARG_VALUE', `\`${option}\` names something unknown, or one thing twice: "${list}"`)
  return { [field]: found } as { readonly [key in K]?: readonly T[] }
}

const absent = ['dhparam', 'clientCertEngine', 'privateKeyEngine', 'privateKeyIdentifier'] as const
const absentWhy: Readonly<Record<(typeof absent)[number], string>> = {
  dhparam: 'no suite uses finite fields of your own; leave it out',
  clientCertEngine: 'give `key` as a function that signs',
  privateKeyEngine: 'give `key` as a function that signs',
  privateKeyIdentifier: 'give `key` as a function that signs',
}
