/** What a flag expects of a connection whose handshake is over. */
import { readFileSync } from 'node:fs'
import { type Connection, TLS13 } from '../../src/index.ts'
import { loadCertificates } from '../../src/x509/index.ts'
import type { Settings } from './flags.ts'
import type { Notes } from './settings.ts'
import { prefixed, sameBytes } from './words.ts'

export interface Seen {
  readonly connection: Connection
  readonly settings: Settings
  readonly notes: Notes
  /** Not the first connection of its case. */
  readonly resumes: boolean
}

/** Throws an error that says what is not as it should be. */
const expect = (what: string, got: unknown, wanted: unknown): void => {
  if (got !== wanted) throw new Error(`${what} is ${String(got)}, ${String(wanted)} was expected`)
}

/** Before our own certificate is chosen: what the peer has asked for. */
export const checkQuestion = ({ connection, settings, notes }: Seen): void => {
  const { question, certificateTypes } = notes
  const list = settings['-expect-client-ca-list']
  if (list !== undefined) {
    const names = (question?.authorities ?? []).map((name) => Buffer.from(name).toString('hex')).join(',')
    expect('the list of authorities', names, list === '<EMPTY>' || list === '<NULL>' ? '' : list)
  }
  const types = settings['-expect-certificate-types']
  if (types) expect('the list of kinds of certificates', String(certificateTypes), String([...types]))
  const prefs = settings['-expect-peer-verify-pref']
  if (prefs)
    expect("the peer's schemes", String((connection.facts.peerSchemes ?? []).map(({ id }) => id)), String(prefs))
}

/** As soon as the handshake is over. */
export const checkHandshake = (seen: Seen): void => {
  const { connection, settings, notes, resumes } = seen
  const { facts } = connection
  const before = facts.resumed ? facts.session : undefined
  const server = settings['-server'] === true
  checkQuestion(seen)
  checkPeer(seen)
  const { '-expect-version': version } = settings
  if (version !== undefined) expect('the version', facts.version, version)
  expect('resumption', facts.resumed, resumes && !settings['-expect-session-miss'])
  if (!server && connection.established && facts.version !== TLS13 && !settings['-implicit-handshake']) {
    const due = !settings['-expect-no-session'] && (!facts.resumed || settings['-expect-ticket-renewal'] === true)
    // a session that was resumed is told of again; whether its ticket is a new one makes the difference
    const fresh = notes.session !== undefined && (!facts.resumed || notes.renewed)
    expect('a new session', fresh, due)
  }
  if (!resumes && settings['-expect-session-id']) expect('a session in the cache', notes.cached, true)
  if (!resumes && settings['-expect-no-session-id']) expect('a session in the cache', notes.cached, false)

  const name = settings['-expect-server-name']
  if (name !== undefined) expect('the name', facts.serverName, name)
  if (settings['-expect-no-server-name']) expect('the name', notes.hello?.serverName, undefined)
  const protocol = server ? settings['-select-alpn'] : settings['-expect-alpn']
  expect('the protocol', facts.alpn ?? '', protocol ?? '')
  if (settings['-expect-advertised-alpn'])
    expect('the protocols', String(notes.hello?.alpn), String(prefixed(settings['-expect-advertised-alpn'])))
  if (settings['-expect-extended-master-secret'])
    expect('extended_master_secret', facts.extendedMasterSecret === true || facts.version === TLS13, true)
  if (settings['-expect-secure-renegotiation'])
    expect('renegotiation_info', facts.secureRenegotiation === true || facts.version === TLS13, true)
  if (settings['-expect-no-secure-renegotiation'])
    expect('renegotiation_info', facts.secureRenegotiation === true, false)
  const scheme = settings['-expect-peer-signature-algorithm']
  if (scheme !== undefined) expect("the peer's scheme", facts.peerScheme?.id ?? before?.peerScheme, scheme)
  const group = settings['-expect-curve-id']
  if (group !== undefined) expect('the group', facts.group?.id ?? before?.group, group)
  const suite = settings['-expect-cipher'] ?? settings['-expect-cipher-aes']
  if (suite !== undefined) expect('the suite', facts.suite?.id, suite)
  const skew = settings['-expect-ticket-age-skew']
  if (resumes && skew !== undefined) expect('the skew of ages', Math.round((facts.ticketAgeSkew ?? 0) / 1000), skew)
  if (settings['-expect-hrr']) expect('a HelloRetryRequest', facts.retried, true)
  if (settings['-expect-no-hrr']) expect('a HelloRetryRequest', facts.retried, false)
  checkEarly(seen)
  const number = settings['-expect-selected-credential']
  if (number !== undefined) {
    const index = facts.identity ? notes.identities.indexOf(facts.identity) - 1 : -1
    expect('the credential', index, number)
  }
}

const checkEarly = ({ connection, settings }: Seen): void => {
  const accepted = connection.facts.earlyData === 'accepted'
  if (settings['-expect-accept-early-data']) expect('early data taken', accepted, true)
  if (settings['-expect-reject-early-data']) expect('early data taken', accepted, false)
  // the reference has a word for each reason; ours is whether it was taken
  const reason = settings['-expect-early-data-reason']
  if (reason !== undefined) expect(`early data taken (${reason})`, accepted, reason === 'accept')
}

/** Who the peer is, also after a resumption. */
const checkPeer = ({ connection, settings, notes, resumes }: Seen): void => {
  const { facts } = connection
  const before = facts.resumed ? facts.session : undefined
  const { '-expect-ocsp-response': ocsp, '-expect-signed-cert-timestamps': scts } = settings
  if (ocsp && !sameBytes(facts.ocsp ?? before?.ocsp, ocsp)) throw new Error('the OCSP response is another one')
  if (scts && !sameBytes(before?.scts ?? facts.scts, scts)) throw new Error('the list of timestamps is another one')
  if (settings['-expect-verify-result'])
    expect('the verdict', facts.verified?.code ?? 0, settings['-verify-fail'] ? 50 : 0)
  const file = settings['-expect-peer-cert-file']
  if (file !== undefined) {
    const chain = loadCertificates(readFileSync(file)).map(({ raw }) => Buffer.from(raw).toString('hex'))
    const came = (facts.peerChain ?? []).map(({ raw }) => Buffer.from(raw).toString('hex'))
    expect('the chain', came.join(), chain.join())
  }
  const has = (facts.peerChain ?? []).length > 0
  if (settings['-expect-no-peer-cert'] || settings['-psk'] !== undefined)
    expect('a certificate of the peer', has, false)
  else if (!settings['-server'] || settings['-require-any-client-certificate'])
    expect('a certificate of the peer', has, true)
  // for early data the chain of the session was judged before; then the server has refused it, and shows a chain anew
  const often = settings['-reverify-on-resume'] && facts.earlyData === 'rejected' ? 2 : 1
  if (notes.verified > often) throw new Error('the certificate was judged twice')
  if (resumes && facts.resumed && notes.verified > 0 && !settings['-reverify-on-resume'])
    throw new Error('a certificate was judged although the session was resumed')
}
