import { TLS12, TLS13 } from '../config.ts'
import { groupById } from '../crypto/groups.ts'
import { schemeById } from '../crypto/schemes.ts'
import { FALLBACK_SCSV, RENEGOTIATION_SCSV, suiteById } from '../crypto/suites.ts'
import { alertName } from '../errors.ts'
import { type Body, type MessageName, messages } from '../messages/table.ts'
import { type Codec, decode } from '../wire/codec.ts'
import { parseCertificate } from '../x509/index.ts'
import { printable } from './terminal.ts'

/** Content types of records (RFC 9846 section 5.1). */
export const CHANGE_CIPHER_SPEC = 20
export const ALERT = 21
export const HANDSHAKE = 22
export const APPLICATION_DATA = 23

/** What went by, for people. */
export interface Told {
  readonly name: string
  /** Bytes, a handshake message's header included. */
  readonly length: number
  /** The few facts that matter, possibly none. */
  readonly facts: string
}

/** Says what one message, alert or ChangeCipherSpec says; `version` is the connection's, as far as it is known. */
export const tell = (version: number, contentType: number, bytes: Uint8Array): Told | undefined => {
  const { length } = bytes
  switch (contentType) {
    case HANDSHAKE:
      return { length, ...tellMessage(version, bytes) }
    case ALERT:
      return { length, name: 'Alert', facts: `${bytes[0] === 1 ? 'warning' : 'fatal'} ${alertName(bytes[1] ?? 0)}` }
    case CHANGE_CIPHER_SPEC:
      return { length, name: 'ChangeCipherSpec', facts: version === TLS13 ? 'means nothing, pleases middleboxes' : '' }
    default:
      return undefined
  }
}

const tellMessage = (version: number, bytes: Uint8Array): { name: string; facts: string } => {
  const named = nameOf(bytes[0] as number, version)
  if (named === undefined) return { name: `message type ${bytes[0]}`, facts: '' }
  const name = properName(named)
  try {
    const body = decode(messages[named].codec as Codec<never>, bytes.subarray(4))
    const retries = named === 'serverHello' && (body as Body<'serverHello'>).kind === 'helloRetryRequest'
    const facts = (tellers[named] as Teller<MessageName> | undefined)?.(body) ?? ''
    return { name: retries ? 'HelloRetryRequest' : name, facts }
  } catch {
    return { name, facts: 'malformed' } // who received it says why
  }
}

/** The message of this type in this version. */
export const nameOf = (type: number, version: number): MessageName | undefined => {
  const names = (Object.keys(messages) as MessageName[]).filter((name) => messages[name].type === type)
  return names.find((name) => name.endsWith('12') === (version === TLS12)) ?? names[0]
}

/** As the RFC writes it. */
export const properName = (name: MessageName): string => name[0]?.toUpperCase() + name.slice(1).replace(/12$/, '')

type Teller<N extends MessageName> = (body: Body<N>) => string

const tellers: { readonly [N in MessageName]?: Teller<N> } = {
  clientHello({ legacyVersion, cipherSuites, extensions }) {
    const versions = extensions.supportedVersions ?? [legacyVersion]
    const suites = cipherSuites.filter((id) => id !== RENEGOTIATION_SCSV && id !== FALLBACK_SCSV)
    return phrases(
      versions.map(versionText).join(', '),
      suites.length === 1 ? suiteText(suites[0] as number) : `${suites.length} suites`,
      extensions.keyShare &&
        `key share ${extensions.keyShare.map(({ group }) => groupText(group)).join(', ') || 'none'}`,
      extensions.serverName !== undefined && `for ${printable(extensions.serverName)}`,
      extensions.alpn && `ALPN ${extensions.alpn.map(printable).join(', ')}`,
      (extensions.preSharedKey || (extensions.sessionTicket?.length ?? 0) > 0) && 'would resume a session',
      extensions.cookie && 'brings the cookie back',
    )
  },
  serverHello(hello) {
    const { cipherSuite } = hello
    switch (hello.kind) {
      case 'helloRetryRequest': {
        const { keyShare, cookie } = hello.extensions
        return phrases(keyShare !== undefined && `wants a key share ${groupText(keyShare)}`, cookie && 'gives a cookie')
      }
      case 'serverHello': {
        const { supportedVersions, keyShare, preSharedKey } = hello.extensions
        return phrases(
          versionText(supportedVersions ?? 0),
          suiteText(cipherSuite),
          keyShare && `key share ${groupText(keyShare.group)}`,
          preSharedKey !== undefined && 'resumes the session',
        )
      }
      case 'serverHello12':
        return phrases(versionText(hello.legacyVersion), suiteText(cipherSuite), alpnText(hello.extensions.alpn))
    }
  },
  encryptedExtensions: ({ extensions }) => phrases(alpnText(extensions.alpn)),
  certificate: ({ certificateList }) => chainText(certificateList.map(({ certData }) => certData)),
  certificate12: chainText,
  serverKeyExchange: ({ params, algorithm }) =>
    phrases(`key share ${groupText(params.namedCurve)}`, `signed with ${schemeText(algorithm)}`),
  certificateRequest: ({ extensions }) =>
    phrases(`${extensions.signatureAlgorithms?.length ?? 0} schemes`, authorityText(extensions.certificateAuthorities)),
  certificateRequest12: ({ supportedSignatureAlgorithms, certificateAuthorities }) =>
    phrases(`${supportedSignatureAlgorithms.length} schemes`, authorityText(certificateAuthorities)),
  certificateVerify: ({ algorithm }) => `signed with ${schemeText(algorithm)}`,
  newSessionTicket: ({ ticketLifetime, ticket }) => `${ticket.length} bytes, good for ${ticketLifetime} s`,
  newSessionTicket12: ({ ticketLifetimeHint, ticket }) => `${ticket.length} bytes, good for ${ticketLifetimeHint} s`,
  keyUpdate: (asks) => (asks ? 'asks for one in return' : ''),
}

const phrases = (...parts: readonly (string | false | undefined)[]): string => parts.filter(Boolean).join('; ')

const numberText = (id: number): string => `0x${id.toString(16).padStart(4, '0')}`
const versionText = (version: number): string =>
  version >= 0x0301 && version <= 0x0304 ? `TLS 1.${version - 0x0301}` : numberText(version)
const suiteText = (id: number): string => suiteById(id)?.name ?? numberText(id)
const groupText = (id: number): string => groupById(id)?.openssl ?? numberText(id)
const schemeText = (id: number): string => schemeById(id)?.name ?? numberText(id)
const alpnText = (protocols: readonly string[] | undefined): string | undefined =>
  protocols && `ALPN ${protocols.map(printable).join(', ')}`
const authorityText = (names: readonly Uint8Array[] | undefined): string | undefined =>
  names?.length ? `${names.length} authorities` : undefined

/** The subjects, leaf first. */
function chainText(chain: readonly Uint8Array[]): string {
  if (chain.length === 0) return 'none'
  return chain.map((der) => printable(parseCertificate(der).subject.toString()) || 'without a subject').join(' < ')
}
