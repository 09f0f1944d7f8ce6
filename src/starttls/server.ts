import { fromLatin1, latin1, utf8 } from '../bytes/text.ts'
import { Answers, type Plain, StartTlsError } from './answers.ts'

/** The dialogues by which a server offers TLS on a connection that began without it, and takes nothing but the request for it. */

/** Serves commands until the client asks for TLS; the answer that lets TLS begin comes back, and is not yet said. */
type Dialogue = (asked: Answers, say: Say, name: string) => Promise<string>
type Say = (what: string | Uint8Array) => Promise<void>

/** Commands before TLS; whoever has more to say is not about to ask. */
const MOST_COMMANDS = 32

/**
 * Greets a client and waits until it asks for TLS; returns when the handshake may begin. Every other command is told that TLS
 * comes first. Throws `StartTlsError` when the client leaves, speaks something else, or has sent more than its request:
 * commands that somebody planted in the clear must not be taken for the client's own (CVE-2011-0411, CVE-2021-23214).
 * `name` is what the server calls itself.
 */
export const offerTls = async (protocol: ServedProtocol, stream: Plain, name = 'localhost'): Promise<void> => {
  const asked = new Answers(stream, protocol, 'client')
  const say: Say = (what) => stream.write(typeof what === 'string' ? utf8(what) : what)
  const go = await protocols[protocol](asked, say, name)
  asked.nothingLeft()
  await say(go)
}

/** Lines of a client, one by one. `serve` answers, and gives what lets TLS begin once that was asked for. */
const conversation = async (asked: Answers, serve: (line: string) => Promise<string | undefined>): Promise<string> => {
  for (let count = 0; count < MOST_COMMANDS; count++) {
    const go = await serve(await asked.line(/^/))
    if (go !== undefined) return go
  }
  throw new StartTlsError('ERR_STARTTLS_TOO_LONG', `the client sent ${MOST_COMMANDS} commands, and none asked for TLS`)
}

const leaves = (): StartTlsError =>
  new StartTlsError('ERR_STARTTLS_CLOSED', 'the client took its leave before TLS could begin')

/** SMTP, RFC 3207. */
const smtp: Dialogue = async (asked, say, name) => {
  await say(`220 ${name} ESMTP\r\n`)
  return conversation(asked, async (line) => {
    switch (/^[A-Z]*/i.exec(line)?.[0].toUpperCase()) {
      case 'STARTTLS':
        // RFC 3207 4: the command has no parameters
        if (/^STARTTLS *$/i.test(line)) return '220 2.0.0 Ready to start TLS\r\n'
        await say('501 5.5.4 STARTTLS takes no parameters\r\n')
        return
      case 'EHLO':
        await say(`250-${name}\r\n250-ENHANCEDSTATUSCODES\r\n250 STARTTLS\r\n`)
        return
      case 'HELO':
        await say(`250 ${name}\r\n`)
        return
      case 'NOOP':
      case 'RSET':
        await say('250 2.0.0 OK\r\n')
        return
      case 'QUIT':
        await say('221 2.0.0 Bye\r\n')
        throw leaves()
      default:
        await say('530 5.7.0 Must issue a STARTTLS command first\r\n')
        return
    }
  })
}

/** IMAP, RFC 9051 section 6.2.1. */
const imap: Dialogue = async (asked, say) => {
  const capabilities = 'CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED'
  await say(`* OK [${capabilities}] ready\r\n`)
  return conversation(asked, async (line) => {
    const [, tag, command] = /^([^\s(){%*"\\+]+) ([A-Z]+)/i.exec(line) ?? []
    if (tag === undefined || command === undefined) {
      await say('* BAD a tag and a command are due\r\n')
      return
    }
    switch (command.toUpperCase()) {
      case 'STARTTLS':
        return `${tag} OK Begin TLS negotiation now\r\n`
      case 'CAPABILITY':
        await say(`* ${capabilities}\r\n${tag} OK\r\n`)
        return
      case 'NOOP':
        await say(`${tag} OK\r\n`)
        return
      case 'LOGOUT':
        await say(`* BYE\r\n${tag} OK\r\n`)
        throw leaves()
      default:
        await say(`${tag} NO [PRIVACYREQUIRED] STARTTLS comes first\r\n`)
        return
    }
  })
}

/** POP3, RFC 2595 section 4. */
const pop3: Dialogue = async (asked, say) => {
  await say('+OK ready\r\n')
  return conversation(asked, async (line) => {
    switch (line.split(' ')[0]?.toUpperCase()) {
      case 'STLS':
        return '+OK Begin TLS negotiation\r\n'
      case 'CAPA':
        await say('+OK\r\nSTLS\r\n.\r\n')
        return
      case 'QUIT':
        await say('+OK bye\r\n')
        throw leaves()
      default:
        await say('-ERR STLS comes first\r\n')
        return
    }
  })
}

const SSL_REQUEST = 80877103
const GSS_REQUEST = 80877104

/** PostgreSQL: SSLRequest, answered by one letter (its protocol documentation, section "SSL Session Encryption"). */
const postgres: Dialogue = async (asked, say) => {
  for (let times = 0; ; times++) {
    const head = await asked.bytes(8)
    const view = new DataView(head.buffer, head.byteOffset, 8)
    const code = view.getUint32(4)
    if (view.getUint32(0) === 8 && code === SSL_REQUEST) return 'S'
    // clients may ask for Kerberos first, once
    if (view.getUint32(0) !== 8 || code !== GSS_REQUEST || times > 0) {
      if (code >> 16 !== 3) throw asked.strange(latin1(head))
      await say(refusal('SFATAL', 'VFATAL', 'C28000', 'MTLS is required; ask for it with SSLRequest (sslmode=require)'))
      throw new StartTlsError('ERR_STARTTLS_REFUSED', 'postgres: the client began without asking for TLS')
    }
    await say('N')
  }
}

/** An ErrorResponse of PostgreSQL. */
const refusal = (...fields: readonly string[]): Uint8Array => {
  const body = `${fields.map((field) => `${field}\0`).join('')}\0`
  const length = body.length + 4
  return fromLatin1(`E\0\0${String.fromCharCode(length >> 8, length & 255)}${body}`) as Uint8Array
}

const protocols = { smtp, imap, pop3, postgres } satisfies Record<string, Dialogue>
export type ServedProtocol = keyof typeof protocols
export const servedProtocols = Object.keys(protocols) as readonly ServedProtocol[]
