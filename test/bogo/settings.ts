/** From what the runner wants to what our config says. */
import { readFileSync } from 'node:fs'
import { node } from '../../src/crypto/node/index.ts'
import { postQuantum } from '../../src/crypto/post-quantum/index.ts'
import {
  type AlertName,
  type CertificateQuestion,
  type Config,
  type ConfigInput,
  defineConfig,
  type ExternalPsk,
  type Facts,
  groups,
  type HelloFacts,
  type Identity,
  memoryTickets,
  type Provider,
  type Scheme,
  type Session,
  type Sessions,
  schemes,
  type Tickets,
  TLS12,
  TLS13,
  TlsError,
  type TraceEvent,
  type Version,
} from '../../src/index.ts'
import { CertificateError, type CertificateVerifier, loadCertificates, loadPrivateKey } from '../../src/x509/index.ts'
import { lateProvider } from '../late.ts'
import { type Credential, type Settings, Unimplemented } from './flags.ts'
import { namedSuites } from './suites.ts'
import { bytesOfText, prefixed, sameBytes } from './words.ts'

const provider = postQuantum(node)

/** What the connections of one case share: a server's keys and sessions, a clock, the session to offer. */
export class Memory {
  readonly provider: Provider
  readonly tickets: Tickets
  readonly sessions: Sessions
  /** Our clock, in milliseconds since 1970: it stands still until a flag moves it. */
  time = Date.now()
  offered: Session | undefined
  /** What the hook answers on the connection that is on: one hook for all, as sessions are bound to it. */
  choose: NonNullable<Config['certificate']> = () => undefined
  readonly certificate: NonNullable<Config['certificate']> = (question) => this.choose(question)

  constructor(late: boolean) {
    this.provider = late ? lateProvider(provider) : provider
    this.tickets = memoryTickets(this.provider, this.now)
    const kept = new Map<string, Session>()
    this.sessions = {
      get: (id) => kept.get(id),
      put: (id, session) => void kept.set(id, session),
      remove: (id) => void kept.delete(id),
    }
  }

  readonly now = (): number => this.time
}

/** What happened on a connection beside its facts. */
export interface Notes {
  /** The messages as -expect-msg-callback tells them. */
  said: string
  /** The session that the handshake, or a ticket after it, has made. */
  session: Session | undefined
  /** A server has kept the session by its id. */
  cached: boolean
  /** A ticket of TLS 1.2 came. */
  renewed: boolean
  /** The ClientHello, as a server's early callback sees it. */
  hello: HelloFacts | undefined
  /** What a client was asked for its certificate. */
  question: CertificateQuestion | undefined
  /** Code points of kinds of certificates (TLS 1.2). */
  certificateTypes: readonly number[] | undefined
  /** Traffic secrets by their label. */
  readonly secrets: Map<string, Uint8Array>
  /** The identities, in the order of the credentials; the default one first. */
  identities: readonly Identity[]
  /** The type of the message that came last. */
  last: number | undefined
  /** The connection, once there is one. */
  facts: Facts | undefined
  /** How often the peer's certificate was judged. */
  verified: number
}

/** X509_V_ERR_APPLICATION_VERIFICATION, for which the peer is told handshake_failure. */
const REFUSED = 50
/** The custom callback of the reference leaves it at certificate_unknown, as most codes do: X509_V_ERR_CRL_PATH_VALIDATION_ERROR. */
const UNKNOWN = 54
const codeOf = (settings: Settings): number => (settings['-use-custom-verify-callback'] ? UNKNOWN : REFUSED)

const versionsOf = (settings: Settings): readonly Version[] => {
  const lowest = settings['-min-version'] ?? 0
  const highest = settings['-max-version'] ?? 0xffff
  const left = ([TLS13, TLS12] as const).filter(
    (version) => version >= lowest && version <= highest && !settings[version === TLS13 ? '-no-tls13' : '-no-tls12'],
  )
  const none = (['-no-tls1', '-no-tls11', '-no-tls12', '-no-tls13'] as const).every((flag) => settings[flag])
  if (left.length === 0 && !none) throw new Unimplemented('TLS 1.1 and below')
  return left
}

/** Those rows that the numbers name, in that order; a number that we do not have is not implemented. */
const rowsOf = <T extends { readonly id: number }>(rows: readonly T[], ids: readonly number[]): readonly T[] =>
  ids.map((id) => {
    const row = rows.find((candidate) => candidate.id === id)
    if (!row) throw new Unimplemented(`code point ${id}`)
    return row
  })

/** The schemes that we have. Where none is left, one stands there that goes with no key of the runner's. */
const knownSchemes = (ids: readonly number[]): readonly Scheme[] => {
  const known = ids.flatMap((id) => schemes.find((scheme) => scheme.id === id) ?? [])
  return known.length > 0 ? known : schemes.filter(({ name }) => name === 'ed448')
}

/** A credential with what may be shown of it: nothing without a certificate. */
const identityOf = async (
  provider: Provider,
  credential: Credential,
  declines: boolean,
): Promise<Identity | undefined> => {
  const { '-cert-file': certificates, '-key-file': key, '-ocsp-response': ocsp } = credential
  const { '-signed-cert-timestamps': scts, '-signing-prefs': prefs } = credential
  if (certificates === undefined || key === undefined) return undefined
  return {
    chain: loadCertificates(readFileSync(certificates)).map(({ raw }) => raw),
    key: await loadPrivateKey(readFileSync(key), provider),
    ...(ocsp && !declines && { ocsp }),
    ...(scts && { scts }),
    ...(prefs && { schemes: knownSchemes(prefs) }),
  }
}

/** Whether one of those authorities stands behind it. */
const isIssued = ({ chain }: Identity, authorities: readonly Uint8Array[]): boolean =>
  chain.some((der) => authorities.some((name) => sameBytes(name, loadCertificates(der)[0]?.issuer.raw)))

/** Refuses everybody, or nobody: the runner's chains are not the point of its tests. */
const verifierOf = (settings: Settings, retry: Settings, notes: Notes): CertificateVerifier => {
  const matters = settings['-verify-peer'] || settings['-require-any-client-certificate']
  return {
    // the connections of a case are judged by one policy, whatever their flags
    policy: () => POLICY,
    // without -verify-peer a bad chain is noted and lets the connection pass
    tolerant: !matters,
    verify(chain, about) {
      notes.verified++
      // once early data was refused, the flags for the new attempt hold
      const now = notes.facts?.earlyData === 'rejected' ? retry : settings
      const refuses = now['-verify-fail'] === true
      if (settings['-expect-ocsp-response'] && !about.ocsp)
        throw new Error('the OCSP response was not there when the chain was judged')
      if (settings['-use-ocsp-callback'] && settings['-fail-ocsp-callback'] && about.purpose === 'server')
        throw new TlsError('bad_certificate_status_response', 'INVALID_STATUS_RESPONSE', 'as the test wants it')
      if (refuses && matters) throw new CertificateError(codeOf(settings), 0, 'refused, as the test wants it')
      return { chain, code: refuses ? REFUSED : 0 }
    },
  }
}

const POLICY = Uint8Array.of(1)

const authoritiesOf = (list: string | undefined): readonly Uint8Array[] =>
  list === undefined || list.startsWith('<') ? [] : list.split(',').map((name) => Buffer.from(name, 'hex'))

const refused = (alert: AlertName): TlsError => new TlsError(alert, 'CALLBACK_FAILED', 'as the test wants it')

/** The config of one connection, and what it notes as it goes. */
export const configOf = async (
  settings: Settings,
  retry: Settings,
  memory: Memory,
): Promise<{ config: Config; notes: Notes }> => {
  const { provider } = memory
  const server = settings['-server'] === true
  const credentials = [settings.own, ...settings.credentials]
  const made = await Promise.all(
    credentials.map((credential) => identityOf(provider, credential, settings['-decline-ocsp-callback'] === true)),
  )
  const bound = new Set(credentials.flatMap((credential, i) => (credential['-must-match-issuer'] ? [made[i]] : [])))
  // the default credential comes last
  const offered = [...made.slice(1), made[0]].flatMap((identity) => identity ?? [])
  const notes: Notes = {
    said: '',
    session: undefined,
    cached: false,
    renewed: false,
    hello: undefined,
    question: undefined,
    certificateTypes: undefined,
    secrets: new Map(),
    identities: made.map((identity) => identity ?? { chain: [], key: NO_KEY }),
    last: undefined,
    facts: undefined,
    verified: 0,
  }
  const versions = versionsOf(settings)
  const signing = settings.own['-signing-prefs']
  const verifying = settings['-verify-prefs']
  const signs = knownSchemes(signing ?? SIGNS)
  const checks = knownSchemes(verifying ?? CHECKS)
  const late = <T>(answer: T): T | Promise<T> => (settings['-async'] ? Promise.resolve().then(() => answer) : answer)

  const input: ConfigInput = {
    provider,
    verifier: verifierOf(settings, retry, notes),
    versions,
    suites: namedSuites(settings['-cipher']),
    ...sharesOf(settings),
    groups: settings['-curves'] ? rowsOf(groups, settings['-curves']) : usualGroups,
    schemes: server ? signs : checks,
    clientSchemes: server ? checks : signs,
    serverPreference: settings['-server-preference'] === true || settings['-cipher'] !== undefined,
    identityPreference: true,
    insistOnIdentity: true,
    renegotiation: 'refuse',
    falseStart: !settings['-false-start']
      ? 'off'
      : settings['-allow-false-start-without-alpn']
        ? 'always'
        : 'with protocol',
    // the reference's servers always do
    grease: server || settings['-enable-grease'] === true,
    earlyDataWindow: 60_000,
    reverify: settings['-reverify-on-resume'] === true,
    now: memory.now,
    clientAuth: settings['-require-any-client-certificate'] ? 'require' : settings['-verify-peer'] ? 'request' : 'none',
    authorities: authoritiesOf(settings['-use-client-ca-list']),
    ocsp: settings['-enable-ocsp-stapling'] === true,
    scts: settings['-enable-signed-cert-timestamps'] === true,
    earlyData: settings['-enable-early-data'] ? EARLY : 0,
    fallback: settings['-fallback-scsv'] === true,
    legacyServer: settings['-no-legacy-server-connect'] !== true,
    maxSendFragment: settings['-max-send-fragment'] ?? 16384,
    limits: {
      skippedEarlyData: 16384,
      ...(settings['-max-cert-list'] && { certificate: settings['-max-cert-list'] }),
    },
    onSession: (session) => {
      notes.session = session
    },
    trace: (event) => note(notes, event),
    ...(server && { sessions: noted(memory.sessions, notes) }),
    ...(!settings['-no-ticket'] && { tickets: ticketsOf(settings, memory, server) }),
    ...(settings['-host-name'] !== undefined && { serverName: settings['-host-name'] }),
    ...(settings['-advertise-alpn'] && { alpn: prefixed(settings['-advertise-alpn']) }),
    ...(memory.offered && !server && { session: memory.offered }),
    ...(server && {
      select: (hello: HelloFacts) => {
        notes.hello = { ...hello, raw: hello.raw.slice() }
        if (settings['-fail-early-callback']) throw refused('handshake_failure')
        if (settings['-fail-ddos-callback']) throw refused('internal_error')
        // suites that are equal to us stand in the client's order
        const ordered = settings['-cipher']?.includes('|') && namedSuites(settings['-cipher'], hello.suites)
        return late(ordered ? defineConfig({ ...input, suites: ordered }) : undefined)
      },
    }),
    ...alpnOf(settings),
    ...pskOf(settings, versions),
    ...(settings['-no-server-name-ack'] && { unknownName: 'silent' as const }),
    certificate: memory.certificate,
  }
  memory.choose = (question) => {
    notes.question = question
    if (settings['-fail-cert-callback']) throw new TlsError('internal_error', 'CERT_CB_ERROR', 'as the test wants it')
    if (server && settings['-use-ocsp-callback'] && settings['-fail-ocsp-callback'])
      throw new TlsError('internal_error', 'INVALID_STATUS_RESPONSE', 'as the test wants it')
    const fitting = offered.filter((identity) => !bound.has(identity) || isIssued(identity, question.authorities))
    if (fitting.length === 0 && offered.length > 0)
      throw new TlsError('handshake_failure', 'CERT_CB_ERROR', 'no certificate from an authority that was named')
    return late(fitting)
  }
  return { config: defineConfig(input), notes }
}

const sharesOf = (settings: Settings): Pick<ConfigInput, 'keyShares'> => {
  // the first of our groups that the server is said to have, or what other flags say
  const hint = settings['-server-supported-groups-hint'] ?? []
  const hinted = groups.filter(({ id }) => settings['-curves']?.find((own) => hint.includes(own)) === id)
  if (hinted.length > 0) return { keyShares: hinted }
  if (settings['-no-key-shares']) return { keyShares: 0 }
  if (settings['-key-shares']) return { keyShares: rowsOf(groups, settings['-key-shares']) }
  // of a classical group and one that withstands quantum computers, the first of each
  const [first, ...others] = settings['-curves'] ? rowsOf(groups, settings['-curves']) : usualGroups
  const second = first && others.find((group) => group.name.includes('mlkem') !== first.name.includes('mlkem'))
  return first ? { keyShares: second ? [first, second] : [first] } : {}
}

/** What the reference signs with, and what it accepts, when no flag says otherwise. */
const SIGNS = [0x0807, 0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0603, 0x0806, 0x0601, 0x0203, 0x0201]
const CHECKS = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601, 0x0201]
const usualGroups = groups.filter(({ name }) => ['x25519', 'secp256r1', 'secp384r1'].includes(name))
/** Bytes of early data that a server takes: as many as the runner's tests reckon with. */
const EARLY = 14336

const NO_KEY: Identity['key'] = {
  facts: { type: 'ed25519', bits: 256 },
  spki: new Uint8Array(0),
  sign: () => {
    throw new Error('this credential has no key')
  },
}

const alpnOf = (settings: Settings): Pick<ConfigInput, 'selectAlpn'> => {
  const chosen = settings['-select-alpn']
  if (settings['-select-empty-alpn']) return { selectAlpn: () => '' }
  if (settings['-reject-alpn']) return { selectAlpn: () => false }
  if (settings['-decline-alpn']) return { selectAlpn: () => undefined }
  return chosen === undefined ? {} : { selectAlpn: () => chosen }
}

/** The pre-shared key of TLS 1.2. */
const pskOf = (settings: Settings, versions: readonly Version[]): Pick<ConfigInput, 'psk' | 'findPsk' | 'pskHint'> => {
  const { '-psk': secret, '-psk-identity': name } = settings
  if (secret === undefined) return {}
  const identity = bytesOfText(name ?? '')
  const psk: ExternalPsk = { identity, secret: bytesOfText(secret), hash: 'sha256' }
  // for TLS 1.3, which is asked for before the hello, the runner has keys imported: that is another flag
  let early = versions.includes(TLS13)
  return {
    psk: () => {
      const answer = early ? undefined : psk
      early = false
      return answer
    },
    findPsk: (asked) => (sameBytes(asked, identity) ? psk : undefined),
    ...(name && { pskHint: identity }),
  }
}

/** The tickets of a server; a client only says that it takes some. */
const ticketsOf = (settings: Settings, { tickets }: Memory, server: boolean): Tickets => {
  if (!server) return tickets
  return {
    ...tickets,
    seal: (session) => (settings['-skip-ticket'] ? undefined : tickets.seal(session)),
    async open(ticket) {
      const opened = await tickets.open(ticket)
      return opened && { ...opened, renew: opened.renew || settings['-renew-ticket'] === true }
    },
  }
}

const noted = (sessions: Sessions, notes: Notes): Sessions => ({
  ...sessions,
  put(id, session) {
    notes.cached = true
    return sessions.put(id, session)
  },
})

/** The events that flags ask about. */
const note = (notes: Notes, event: TraceEvent): void => {
  switch (event.event) {
    case 'message':
      notes.said += `${event.way === 'in' ? 'read' : 'write'} hs ${event.raw[0]}\n`
      if (event.way === 'in') notes.last = event.raw[0]
      if (event.name === 'newSessionTicket12' && event.way === 'in') notes.renewed = true
      if (event.name === 'certificateRequest12')
        notes.certificateTypes = (event.body as { certificateTypes: readonly number[] }).certificateTypes
      break
    case 'changeCipherSpec':
      notes.said += `${event.way === 'in' ? 'read' : 'write'} ccs\n`
      break
    case 'alert':
      notes.said += `${event.way === 'in' ? 'read' : 'write'} alert ${event.level} ${event.code}\n`
      break
    case 'secret':
      notes.secrets.set(event.label, event.secret.slice())
      break
  }
}
