import * as o from '../../src/openssl/index.ts'
import type { Case } from './cases.ts'
import type { Outcome } from './talk.ts'

/** What differs from what the case expects, a sentence each; none when it passes. */
export const differences = (test: Case, talk: Outcome): string[] => {
  const { says } = test
  const found: string[] = []
  const same = (what: string, is: unknown, expected: unknown): void => {
    if (is !== expected) found.push(`${what}: ${is} instead of ${expected}`)
  }
  const whereSaid = (what: string, is: unknown, expected: unknown): void => {
    if (expected !== undefined) same(what, is, expected)
  }
  const { client, server, clientSeen, serverSeen } = talk
  same('result', talk.result, says.ExpectedResult)
  for (const [name, seen] of [
    ['client', clientSeen],
    ['server', serverSeen],
  ] as const) {
    if (seen.endings > 1) found.push(`the ${name} sent ${seen.endings} alerts that end a connection`)
    if (seen.complaint !== undefined) found.push(seen.complaint)
  }
  whereSaid('alert of the client', clientSeen.alertSent & 0xff, says.ExpectedClientAlert)
  whereSaid('alert of the server', serverSeen.alertSent & 0xff, says.ExpectedServerAlert)
  if (talk.result !== 'Success' || says.ExpectedResult !== 'Success') return found

  same('version of the client', o.SSL_get_version(client), o.SSL_get_version(server))
  whereSaid('version', o.SSL_get_version(server), says.ExpectedProtocol)
  same('server name', serverSeen.serverName, says.ExpectedServerName)
  const session = o.SSL_get0_session(client)
  const has = (yes: boolean): 'Yes' | 'No' => (yes ? 'Yes' : 'No')
  if (says.SessionTicketExpected !== 'Ignore')
    same('session ticket', has(session !== null && o.SSL_SESSION_has_ticket(session) === 1), says.SessionTicketExpected)
  if (says.SessionIdExpected !== 'Ignore')
    same('session id', has(session !== null && o.SSL_SESSION_get_id(session).length > 0), says.SessionIdExpected)
  const resumed = [client, server].map((ssl) => o.SSL_session_reused(ssl) === 1)
  same('resumption on the client', resumed[0], says.ResumptionExpected)
  same('resumption on the server', resumed[1], says.ResumptionExpected)
  for (const ssl of [client, server])
    same('ALPN', new TextDecoder().decode(o.SSL_get0_alpn_selected(ssl)), says.ExpectedALPNProtocol ?? '')
  whereSaid('cipher', o.SSL_get_cipher_name(client), says.ExpectedCipher)
  const groupOf = canonical(o.SSL_get_group_name(client) ?? 'none')
  whereSaid('group', groupOf, says.ExpectedTmpKeyType && canonical(says.ExpectedTmpKeyType))
  const kinds = [
    ['Server', client],
    ['Client', server],
  ] as const
  for (const [whose, seer] of kinds) {
    const type = says[`Expected${whose}CertType`]
    whereSaid(`certificate of the ${whose.toLowerCase()}`, keyType(seer), type && canonical(type))
    const sign = signTypes.find(([nid]) => nid === o.SSL_get_peer_signature_type_nid(seer))?.[1] ?? 'none'
    whereSaid(`signature of the ${whose.toLowerCase()}`, sign, says[`Expected${whose}SignType`])
    const hash = hashes.find(([nid]) => nid === o.SSL_get_peer_signature_nid(seer))?.[1] ?? 'none'
    whereSaid(`hash of the ${whose.toLowerCase()}'s signature`, hash, says[`Expected${whose}SignHash`])
  }
  const named = (ssl: o.SSL): string => (o.SSL_get0_peer_CA_list(ssl) ?? []).map(nameOf).join(' ')
  whereSaid('CA names that the client was sent', named(client), expectedNames(says.ExpectedClientCANames))
  whereSaid('CA names that the server was sent', named(server), expectedNames(says.ExpectedServerCANames))
  const kept = o.SSL_get0_session(server)
  const data = kept === null ? new Uint8Array(0) : o.SSL_SESSION_get0_ticket_appdata(kept)
  same('data in the ticket', new TextDecoder().decode(data), says.ExpectedSessionTicketAppData)
  return found
}

const nameOf = (name: o.X509_NAME): string => o.X509_NAME_oneline(name)
const expectedNames = (said: string | undefined): string | undefined => {
  if (said === undefined) return undefined
  if (said === 'empty') return ''
  const names = o.SSL_load_client_CA_file(said)
  if (names === null) throw new Error(`no certificates can be read from ${said}`)
  return names.map(nameOf).join(' ')
}

/** Curves have two names. */
const canonical = (name: string): string =>
  ({ prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' })[name] ?? name

const signTypes: readonly (readonly [nid: number, name: string])[] = [
  [6, 'RSA'],
  [912, 'RSA-PSS'],
  [408, 'EC'],
  [1087, 'Ed25519'],
  [1088, 'Ed448'],
]
const hashes: readonly (readonly [nid: number, name: string])[] = [
  [64, 'SHA1'],
  [675, 'SHA224'],
  [672, 'SHA256'],
  [673, 'SHA384'],
  [674, 'SHA512'],
]
const keyTypes: Readonly<Record<string, string>> = {
  rsa: 'RSA',
  'rsa-pss': 'RSA-PSS',
  ed25519: 'Ed25519',
  ed448: 'Ed448',
}

/** The kind of the peer's key, of an elliptic curve its name. */
const keyType = (ssl: o.SSL): string => {
  const { key } = o.SSL_get_peer_certificate(ssl)?.certificate ?? {}
  if (!key) return 'none'
  return (key.type === 'ec' ? key.curve : keyTypes[key.type]) ?? key.type
}
