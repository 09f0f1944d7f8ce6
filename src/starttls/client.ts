import { latin1, utf8 } from '../bytes/text.ts'
import { Answers, elements, NOTHING, type Plain } from './answers.ts'

/** The dialogues by which a client asks for TLS on a connection that began without it. */

/** Says what the protocol has to be said, and returns when TLS may begin. `host` is whom we believe to be talking to. */
type Dialogue = (answers: Answers, say: Say, host: string) => Promise<void>
type Say = (what: string | Uint8Array) => Promise<void>

/**
 * Asks the server for TLS, and returns when it may begin. Throws `StartTlsError` when the server does not want to, does not
 * speak the protocol, or sends more than its last answer.
 */
export const askForTls = async (protocol: Protocol, stream: Plain, host: string): Promise<void> => {
  const answers = new Answers(stream, protocol)
  await protocols[protocol](answers, (what) => stream.write(typeof what === 'string' ? utf8(what) : what), host)
  answers.nothingLeft()
}

const mail =
  (hello: string): Dialogue =>
  async (answers, say) => {
    await answers.reply(/^220/)
    await say(`${hello} localhost\r\n`)
    await answers.reply(/^250/)
    await say('STARTTLS\r\n')
    await answers.reply(/^220/)
  }
/** SMTP, RFC 3207; LMTP, RFC 2033, says hello in another way. */
const smtp = mail('EHLO')
const lmtp = mail('LHLO')

/** NNTP, RFC 4642. */
const nntp: Dialogue = async (answers, say) => {
  await answers.line(/^20[01]/)
  await say('STARTTLS\r\n')
  await answers.line(/^382/)
}

/** ManageSieve, RFC 5804 section 2.2: the server begins with what it can, up to a line of OK. */
const sieve: Dialogue = async (answers, say) => {
  let offered = false
  for (let line = ''; !/^OK\b/i.test(line); ) {
    line = await answers.line(/^("|\{|OK\b)/i)
    offered ||= /^"STARTTLS"/i.test(line)
  }
  if (!offered) answers.refused('offers no STARTTLS', '')
  await say('STARTTLS\r\n')
  await answers.line(/^OK\b/i)
}

/** IRC (the IRCv3 extension "tls"): 670 means yes. Notices may come before it. */
const irc: Dialogue = async (answers, say) => {
  await say('STARTTLS\r\n')
  for (;;) {
    const line = await answers.line(/^/)
    if (/^(?::\S+ )?670 /.test(line)) return
    if (/^(?::\S+ )?(?:691|4\d\d|ERROR)\b/.test(line)) answers.refused('answered', line)
    const ping = /^(?::\S+ )?PING (.*)$/.exec(line)
    if (ping) await say(`PONG ${ping[1]}\r\n`)
  }
}

/** FTP, RFC 4217. */
const ftp: Dialogue = async (answers, say) => {
  await answers.reply(/^220/)
  await say('AUTH TLS\r\n')
  await answers.reply(/^234/)
}

/** POP3, RFC 2595. */
const pop3: Dialogue = async (answers, say) => {
  await answers.line(/^\+OK/)
  await say('STLS\r\n')
  await answers.line(/^\+OK/)
}

/** IMAP, RFC 9051 section 6.2.1. A greeting of PREAUTH leaves no place for STARTTLS. */
const imap: Dialogue = async (answers, say) => {
  await answers.line(/^\* OK/i)
  await say('a1 STARTTLS\r\n')
  for (;;) if (!/^\* /.test(await answers.line(/^(\* |a1 OK)/i))) return
}

const jabber =
  (namespace: string): Dialogue =>
  async (answers, say, host) => {
    await say(
      `<?xml version='1.0'?><stream:stream to='${xml(host)}' version='1.0' xmlns='${namespace}' xmlns:stream='http://etherx.jabber.org/streams'>`,
    )
    const features = await answers.until(/<\/stream:features\s*>|<stream:features\s*\/>|<\/stream:stream\s*>/)
    if (!/<starttls[\s/>]/.test(features)) answers.refused('offers no starttls', features)
    await say("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    const answer = await answers.until(/<proceed[^<>]*\/>|<\/proceed\s*>|<failure|<\/stream:stream\s*>/)
    if (!/<proceed[\s/>]/.test(answer)) answers.refused('refused starttls', answer)
  }
/** XMPP, RFC 6120 section 5: as a client, and as one server to another. */
const xmpp = jabber('jabber:client')
const xmppServer = jabber('jabber:server')

const xml = (value: string): string => value.replace(/[&<>'"]/g, (character) => `&#${character.charCodeAt(0)};`)

/** LDAP, RFC 4511 section 4.14: an extended request, and its response with the result code 0. */
const ldap: Dialogue = async (answers, say) => {
  const oid = utf8('1.3.6.1.4.1.1466.20037')
  await say(Uint8Array.of(0x30, oid.length + 7, 2, 1, 1, 0x77, oid.length + 2, 0x80, oid.length, ...oid))
  const message = await answers.element(0x30)
  const [id, response] = elements(message)
  const result = response?.tag === 0x78 ? elements(response.value) : []
  if (id?.tag !== 2 || result[0]?.tag !== 0x0a) throw answers.strange('no answer to an extended request')
  const code = result[0].value[0]
  if (code !== 0) answers.refused(`refused StartTLS with the result code ${code}`, latin1(result[2]?.value ?? NOTHING))
}

/** PostgreSQL: SSLRequest, answered by one letter (its protocol documentation, section "SSL Session Encryption"). */
const postgres: Dialogue = async (answers, say) => {
  await say(Uint8Array.of(0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f))
  const answer = latin1(await answers.bytes(1))
  if (answer === 'N') answers.refused('is not set up for TLS', '')
  if (answer === 'E') answers.refused('refused the SSLRequest', latin1(await answers.rest()))
  if (answer !== 'S') throw answers.strange(answer)
}

/** MySQL: the server's greeting, then SSLRequest (its protocol documentation, section "Connection Phase"). */
const mysql: Dialogue = async (answers, say) => {
  const length = (bytes: Uint8Array): number => bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16)
  const greeting = await answers.bytes(length(await answers.bytes(4)))
  if (greeting[0] === 0xff) answers.refused('refused the connection', latin1(greeting.subarray(3)))
  const end = greeting.indexOf(0, 1)
  // version, its text, 4 bytes of thread id, 8 of challenge, a filler, and then the lower 16 capabilities
  const at = end + 1 + 4 + 8 + 1
  if (greeting[0] !== 10 || end < 0 || greeting.length < at + 2) throw answers.strange(latin1(greeting))
  if (((greeting[at + 1] as number) & (CLIENT_SSL >> 8)) === 0) answers.refused('is not set up for TLS', '')
  const request = new Uint8Array(4 + 32)
  const view = new DataView(request.buffer)
  view.setUint32(0, 32, true)
  request[3] = 1
  view.setUint32(4, CLIENT_LONG_PASSWORD | CLIENT_PROTOCOL_41 | CLIENT_SSL | CLIENT_SECURE_CONNECTION, true)
  view.setUint32(8, 1 << 24, true)
  request[12] = UTF8MB4
  await say(request)
}

const CLIENT_LONG_PASSWORD = 1
const CLIENT_PROTOCOL_41 = 0x200
const CLIENT_SSL = 0x800
const CLIENT_SECURE_CONNECTION = 0x8000
const UTF8MB4 = 45

const protocols = {
  smtp,
  lmtp,
  imap,
  pop3,
  ftp,
  xmpp,
  'xmpp-server': xmppServer,
  ldap,
  postgres,
  mysql,
  nntp,
  sieve,
  irc,
} satisfies Record<string, Dialogue>
export type Protocol = keyof typeof protocols
export const protocolNames = Object.keys(protocols) as readonly Protocol[]
