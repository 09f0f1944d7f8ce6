import { latin1, utf8 } from '../bytes/text.ts'
import { Failure } from './failure.ts'
import { printable } from './terminal.ts'

/** The dialogues by which a client asks for TLS on a connection that began without it. */

/** A connection in the clear. */
export interface Plain {
  /** The bytes that come next, at least one; undefined at the end. */
  read(): Promise<Uint8Array | undefined>
  write(bytes: Uint8Array): Promise<void>
}

/** Says what the protocol has to be said, and returns when TLS may begin. `host` is whom we believe to be talking to. */
type Dialogue = (answers: Answers, say: Say, host: string) => Promise<void>
type Say = (what: string | Uint8Array) => Promise<void>

/**
 * Asks the server for TLS. Throws `Failure` when it does not want to, does not speak the protocol, or sends more than
 * its last answer: what came in the clear must not be taken for what TLS protects (as in CVE-2011-0411, CVE-2021-23214).
 */
export const startTls = async (protocol: Protocol, stream: Plain, host: string): Promise<void> => {
  const answers = new Answers(stream, protocol)
  await protocols[protocol](answers, (what) => stream.write(typeof what === 'string' ? utf8(what) : what), host)
  if (answers.left > 0) {
    throw new Failure(
      `${protocol}: the server sent ${answers.left} bytes between its last answer and TLS; somebody may have planted them, so this ends here`,
    )
  }
}

/** SMTP, RFC 3207. */
const smtp: Dialogue = async (answers, say) => {
  await answers.reply(/^220/)
  await say('EHLO localhost\r\n')
  await answers.reply(/^250/)
  await say('STARTTLS\r\n')
  await answers.reply(/^220/)
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

/** XMPP, RFC 6120 section 5. */
const xmpp: Dialogue = async (answers, say, host) => {
  await say(
    `<?xml version='1.0'?><stream:stream to='${xml(host)}' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`,
  )
  const features = await answers.until(/<\/stream:features\s*>|<stream:features\s*\/>|<\/stream:stream\s*>/)
  if (!/<starttls[\s/>]/.test(features)) answers.refused('offers no starttls', features)
  await say("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
  const answer = await answers.until(/<proceed[^<>]*\/>|<\/proceed\s*>|<failure|<\/stream:stream\s*>/)
  if (!/<proceed[\s/>]/.test(answer)) answers.refused('refused starttls', answer)
}

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

const protocols = { smtp, imap, pop3, ftp, xmpp, ldap, postgres, mysql } satisfies Record<string, Dialogue>
export type Protocol = keyof typeof protocols
export const protocolNames = Object.keys(protocols) as readonly Protocol[]

const NOTHING = new Uint8Array(0)
/** No greeting or feature list is longer. */
const MOST = 65536

/** What the server says, byte by exact byte: nothing behind an answer is consumed with it. */
class Answers {
  readonly #stream: Plain
  readonly #protocol: string
  #held: Uint8Array = NOTHING
  #read = 0

  constructor(stream: Plain, protocol: string) {
    this.#stream = stream
    this.#protocol = protocol
  }

  /** Bytes that came and belong to no answer. */
  get left(): number {
    return this.#held.length
  }

  async bytes(length: number): Promise<Uint8Array> {
    while (this.#held.length < length) await this.#more()
    return this.#take(length)
  }

  /** A line without its end. */
  async line(wanted: RegExp): Promise<string> {
    for (let from = 0; ; ) {
      const end = this.#held.indexOf(0x0a, from)
      if (end >= 0) {
        const line = latin1(this.#take(end + 1)).replace(/\r?\n$/, '')
        if (!wanted.test(line)) this.refused('answered', line)
        return line
      }
      from = this.#held.length
      await this.#more()
    }
  }

  /** A reply of SMTP or FTP: lines that begin with the same number, the last one with a space behind it. */
  async reply(wanted: RegExp): Promise<void> {
    const first = await this.line(wanted)
    if (first[3] !== '-') return
    const last = new RegExp(`^${first.slice(0, 3)}( |$)`)
    while (!last.test(await this.line(/^/)));
  }

  /** Everything up to the end of the first match. */
  async until(wanted: RegExp): Promise<string> {
    for (;;) {
      const match = wanted.exec(latin1(this.#held))
      if (match) return latin1(this.#take(match.index + match[0].length))
      await this.#more()
    }
  }

  /** What is inside the BER element that comes next. */
  async element(tag: number): Promise<Uint8Array> {
    const head = await this.bytes(2)
    if (head[0] !== tag) throw this.strange(latin1(head))
    let length = head[1] as number
    if (length > 0x84 || length === 0x80) throw this.strange('an element without a length')
    if (length > 0x80) length = (await this.bytes(length & 0x7f)).reduce((sum, byte) => sum * 256 + byte, 0)
    return this.bytes(length)
  }

  /** What has come so far. */
  async rest(): Promise<Uint8Array> {
    if (this.#held.length === 0) await this.#more()
    return this.#take(this.#held.length)
  }

  refused(how: string, words: string): never {
    const shown = printable(words.trim().slice(0, 200))
    throw new Failure(`${this.#protocol}: the server ${how}${shown === '' ? '' : `: ${shown}`}`)
  }

  strange(what: string): Failure {
    return new Failure(
      `${this.#protocol}: the server does not speak this protocol; it sent ${JSON.stringify(printable(what.slice(0, 40)))}`,
    )
  }

  #take(length: number): Uint8Array {
    const taken = this.#held.subarray(0, length)
    this.#held = this.#held.subarray(length)
    return taken
  }

  async #more(): Promise<void> {
    const got = await this.#stream.read()
    if (got === undefined)
      throw new Failure(`${this.#protocol}: the server closed the connection before TLS could begin`)
    this.#read += got.length
    if (this.#read > MOST) throw new Failure(`${this.#protocol}: the server sent more than ${MOST} bytes before TLS`)
    const joined = new Uint8Array(this.#held.length + got.length)
    joined.set(this.#held)
    joined.set(got, this.#held.length)
    this.#held = joined
  }
}

/** The BER elements within one; what is cut off is left out. LDAP servers write lengths longer than need be, so no DER. */
const elements = (bytes: Uint8Array): { tag: number; value: Uint8Array }[] => {
  const found = []
  for (let at = 0; at + 2 <= bytes.length; ) {
    const tag = bytes[at++] as number
    let length = bytes[at++] as number
    if (length > 0x84 || length === 0x80) break
    if (length > 0x80) {
      const more = length & 0x7f
      length = bytes.subarray(at, at + more).reduce((sum, byte) => sum * 256 + byte, 0)
      at += more
    }
    if (at + length > bytes.length) break
    found.push({ tag, value: bytes.subarray(at, at + length) })
    at += length
  }
  return found
}
