/**
 * The runner's flags, as rows: what each is followed by. A flag that is not here is not implemented, and the shim says so
 * (exit code 89). Where a flag is accepted and means nothing to us, the row says why.
 */
import { bytesOf } from './words.ts'

/** What follows a flag: nothing, a number, one of several numbers, text (a character a byte), bytes in base64. */
const mark = (): true => true
const number = (word: string): number => Number(word)
const text = (word: string): string => word
const bytes = (word: string): Uint8Array => bytesOf(word)
/** May stand several times; the values are kept in a row. */
const numbers = { each: number }

/** Flags that belong to a credential: to the last one that was begun, or to the default one. */
const credential = {
  '-cert-file': text,
  '-key-file': text,
  '-signing-prefs': numbers,
  '-ocsp-response': bytes,
  '-signed-cert-timestamps': bytes,
  '-must-match-issuer': mark,
} as const

const connection = {
  '-port': number,
  '-shim-id': text,
  '-ipv6': mark,
  '-server': mark,
  '-trust-cert': text, // the shim judges chains as the reference does: by -verify-fail alone
  '-resume-count': number,
  // how calls are made: all of ours are of one kind, or nothing depends on it
  '-async': mark,
  '-implicit-handshake': mark,
  '-use-early-callback': mark,
  '-use-old-client-cert-callback': mark,
  '-no-op-extra-handshake': mark,
  '-handshake-twice': mark,
  '-partial-write': mark,
  // versions
  '-min-version': number,
  '-max-version': number,
  '-no-tls1': mark,
  '-no-tls11': mark,
  '-no-tls12': mark,
  '-no-tls13': mark,
  '-expect-version': number,
  '-fallback-scsv': mark,
  // keys agreed elsewhere (TLS 1.2)
  '-psk': text,
  '-psk-identity': text,
  // sessions
  '-expect-session-miss': mark,
  '-no-ticket': mark,
  '-expect-session-id': mark,
  '-expect-no-session-id': mark,
  '-expect-no-session': mark,
  '-expect-ticket-renewal': mark,
  '-resumption-delay': number,
  '-use-ticket-callback': mark,
  '-use-ticket-aead-callback': mark,
  '-renew-ticket': mark,
  '-skip-ticket': mark,
  // data
  '-shim-writes-first': mark,
  '-shim-initial-write': text,
  '-repeat-shim-initial-write': number,
  '-shim-shuts-down': mark,
  '-check-close-notify': mark,
  '-read-with-unfinished-write': mark,
  '-peek-then-read': mark,
  '-read-size': number,
  '-max-send-fragment': number,
  '-write-different-record-sizes': mark,
  '-key-update': mark,
  '-key-update-before-read': mark,
  '-handshake-never-done': mark,
  // authentication
  '-verify-peer': mark,
  '-require-any-client-certificate': mark,
  '-expect-no-peer-cert': mark,
  '-expect-peer-cert-file': text,
  '-use-client-ca-list': text,
  '-expect-client-ca-list': text,
  '-expect-certificate-types': bytes,
  '-max-cert-list': number,
  '-use-custom-verify-callback': mark,
  '-verify-fail': mark,
  '-expect-verify-result': mark,
  '-reverify-on-resume': mark,
  '-fail-cert-callback': mark,
  '-expect-selected-credential': number,
  // algorithms
  '-verify-prefs': numbers,
  '-expect-peer-verify-pref': numbers,
  '-expect-peer-signature-algorithm': number,
  '-curves': numbers,
  '-key-shares': numbers,
  '-no-key-shares': mark,
  '-expect-curve-id': number,
  '-expect-hrr': mark,
  '-expect-no-hrr': mark,
  '-cipher': text,
  '-server-preference': mark,
  '-expect-cipher': number,
  '-expect-cipher-aes': number,
  '-expect-cipher-no-aes': number, // the machines that this runs on have AES in hardware
  // names and protocols
  '-host-name': text,
  '-expect-server-name': text,
  '-expect-no-server-name': mark,
  '-no-server-name-ack': mark,
  '-advertise-alpn': text,
  '-expect-alpn': text,
  '-expect-advertised-alpn': text,
  '-select-alpn': text,
  '-decline-alpn': mark,
  '-reject-alpn': mark,
  '-select-empty-alpn': mark,
  // exporters
  '-export-keying-material': number,
  '-export-label': text,
  '-export-context': text,
  '-use-export-context': mark,
  '-use-exporter-between-reads': mark,
  '-export-traffic-secrets': mark,
  '-expect-extended-master-secret': mark,
  '-tls-unique': mark,
  // stapling and timestamps
  '-enable-ocsp-stapling': mark,
  '-expect-ocsp-response': bytes,
  '-use-ocsp-callback': mark,
  '-set-ocsp-in-callback': mark,
  '-decline-ocsp-callback': mark,
  '-fail-ocsp-callback': mark,
  '-enable-signed-cert-timestamps': mark,
  '-expect-signed-cert-timestamps': bytes,
  // early data
  '-enable-early-data': mark,
  '-expect-ticket-supports-early-data': mark,
  '-expect-accept-early-data': mark,
  '-expect-reject-early-data': mark,
  '-expect-no-offer-early-data': mark,
  '-expect-early-data-reason': text,
  // callbacks
  '-expect-msg-callback': text,
  '-install-ddos-callback': mark,
  '-fail-ddos-callback': mark,
  '-fail-early-callback': mark,
  '-false-start': mark,
  '-allow-false-start-without-alpn': mark,
  '-server-supported-groups-hint': numbers,
  '-send-alert': mark,
  '-early-write-after-message': number,
  '-expect-ticket-age-skew': number,
  '-enable-grease': mark,
  '-advertise-npn': text, // ALPN is preferred to it, and we have no NPN
  // renegotiation, which we never do
  '-expect-secure-renegotiation': mark,
  '-expect-no-secure-renegotiation': mark,
  '-no-legacy-server-connect': mark,
} as const

type Reading = ((word: string) => unknown) | { readonly each: (word: string) => unknown }
type Value<R> = R extends { readonly each: (word: string) => infer V }
  ? readonly V[]
  : R extends (word: string) => infer V
    ? V
    : never
type Values<T> = { readonly [K in keyof T]?: Value<T[K]> }

export type Credential = Values<typeof credential>
/** What one connection is to be. */
export type Settings = Values<typeof connection> & {
  /** The credential of the flags that follow no -new-x509-credential. */
  readonly own: Credential
  readonly credentials: readonly Credential[]
}

/** What a run of the shim is to do: its connections may differ. */
export interface Order {
  readonly initial: Settings
  readonly resume: Settings
  /** After early data was refused. */
  readonly retry: Settings
}

/** A flag that we do not know. */
export class Unimplemented extends Error {
  override readonly name: string = 'Unimplemented'
}

type Draft = Record<string, unknown> & { own: Record<string, unknown>; credentials: Record<string, unknown>[] }
const phases = ['initial', 'resume', 'retry'] as const

/** Reads the command line, words of one character a byte. Throws `Unimplemented`. */
export const readFlags = (words: readonly string[]): Order => {
  const drafts = phases.map((): Draft => ({ own: {}, credentials: [] }))
  const rest = words.slice()
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const phase = phases.findIndex((name) => word?.startsWith(`-on-${name}-`))
    const name = word.replace(/^-on-(initial|resume|retry)(?=-)/, '')
    const meant = phase < 0 ? drafts : [drafts[phase] as Draft]
    if (name === '-new-x509-credential') {
      for (const draft of meant) draft.credentials.push({})
      continue
    }
    const rows: Record<string, Reading> = { ...connection, ...credential }
    const reading = rows[name]
    if (reading === undefined) throw new Unimplemented(name)
    const value = read(reading, rest)
    for (const draft of meant) {
      const into = name in credential ? (draft.credentials.at(-1) ?? draft.own) : draft
      into[name] = typeof reading === 'function' ? value : [...((into[name] as unknown[] | undefined) ?? []), value]
    }
  }
  const [initial, resume, retry] = drafts
  return { initial, resume, retry } as unknown as Order
}

const read = (reading: Reading, rest: string[]): unknown => {
  if (reading === mark) return true
  const word = rest.shift()
  if (word === undefined) throw new Error('the last flag has no value')
  return (typeof reading === 'function' ? reading : reading.each)(word)
}

export const flagNames: readonly string[] = [...Object.keys(connection), ...Object.keys(credential)]
