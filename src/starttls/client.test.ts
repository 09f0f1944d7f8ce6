import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fromLatin1, latin1 } from '../bytes/text.ts'
import { askForTls, type Plain, type Protocol, protocolNames, StartTlsError } from './index.ts'

/** `S` what the server sends, `C` what the client must have sent by then, in full. */
type Script = readonly (readonly ['S' | 'C', string])[]

/** A server that follows a script, its answers cut into pieces of `piece` bytes. */
const scripted = (script: Script, piece: number): Plain & { readonly unsaid: string } => {
  const todo = script.flatMap(([who, what]): (readonly [string, string])[] =>
    who === 'C' ? [[who, what]] : (what.match(new RegExp(`[^]{1,${piece}}`, 'g')) ?? []).map((part) => ['S', part]),
  )
  let said = ''
  return {
    async read() {
      const next = todo[0]
      if (next === undefined) return undefined
      if (next[0] === 'C') throw new Error(`the client reads, but has to say ${JSON.stringify(next[1])} first`)
      todo.shift()
      return fromLatin1(next[1]) as Uint8Array
    },
    async write(bytes) {
      said += latin1(bytes)
      const next = todo[0]
      if (next?.[0] !== 'C' || !next[1].startsWith(said)) throw new Error(`nobody expected ${JSON.stringify(said)}`)
      if (said !== next[1]) return
      said = ''
      todo.shift()
    },
    get unsaid() {
      return todo.map(([, what]) => what).join('')
    },
  }
}

const xmppHello =
  "<?xml version='1.0'?><stream:stream to='mail.test' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
const xmppFeatures =
  "<stream:stream from='mail.test'><stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>"
const xmppStart = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
const ldapRequest = '\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037'
const mysqlGreeting = (capabilities: number): string => {
  const body = `\x0a8.4.0\0\x01\x02\x03\x04abcdefgh\0${String.fromCharCode(capabilities & 255, capabilities >> 8)}\x2d\x02\0`
  return `${String.fromCharCode(body.length)}\0\0\0${body}`
}
const mysqlRequest = `\x20\0\0\x01\x01\x8a\0\0\0\0\0\x01\x2d${'\0'.repeat(23)}`

const good: Record<Protocol, readonly Script[]> = {
  smtp: [
    [
      ['S', '220 mail.test ESMTP\r\n'],
      ['C', 'EHLO localhost\r\n'],
      ['S', '250-mail.test\r\n250-SIZE 1000\r\n250 STARTTLS\r\n'],
      ['C', 'STARTTLS\r\n'],
      ['S', '220 2.0.0 Ready\r\n'],
    ],
    [
      ['S', '220-wait\n220 mail\n'],
      ['C', 'EHLO localhost\r\n'],
      ['S', '250\r\n'],
      ['C', 'STARTTLS\r\n'],
      ['S', '220 go\r\n'],
    ],
  ],
  lmtp: [
    [
      ['S', '220 mail.test LMTP\r\n'],
      ['C', 'LHLO localhost\r\n'],
      ['S', '250-mail.test\r\n250 STARTTLS\r\n'],
      ['C', 'STARTTLS\r\n'],
      ['S', '220 2.0.0 Ready\r\n'],
    ],
  ],
  nntp: [
    [
      ['S', '201 read only\r\n'],
      ['C', 'STARTTLS\r\n'],
      ['S', '382 Continue\r\n'],
    ],
  ],
  sieve: [
    [
      ['S', '"IMPLEMENTATION" "x"\r\n"starttls"\r\nOK "ready"\r\n'],
      ['C', 'STARTTLS\r\n'],
      ['S', 'OK\r\n'],
    ],
  ],
  irc: [
    [
      ['C', 'STARTTLS\r\n'],
      ['S', ':irc.test NOTICE * :*** Looking up\r\nPING :1\r\n'],
      ['C', 'PONG :1\r\n'],
      ['S', ':irc.test 670 * :STARTTLS successful\r\n'],
    ],
  ],
  'xmpp-server': [
    [
      ['C', xmppHello.replace('jabber:client', 'jabber:server')],
      ['S', xmppFeatures],
      ['C', xmppStart],
      ['S', "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"],
    ],
  ],
  imap: [
    [
      ['S', '* OK [CAPABILITY IMAP4rev1] ready\r\n'],
      ['C', 'a1 STARTTLS\r\n'],
      ['S', '* CAPABILITY IMAP4rev1\r\na1 OK Begin\r\n'],
    ],
  ],
  pop3: [
    [
      ['S', '+OK POP3\r\n'],
      ['C', 'STLS\r\n'],
      ['S', '+OK\r\n'],
    ],
  ],
  ftp: [
    [
      ['S', '220-Welcome\r\n 220 not yet\r\n220-nor yet\r\n220 now\r\n'],
      ['C', 'AUTH TLS\r\n'],
      ['S', '234 AUTH TLS OK\r\n'],
    ],
  ],
  xmpp: [
    [
      ['C', xmppHello],
      ['S', xmppFeatures],
      ['C', xmppStart],
      ['S', "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"],
    ],
    [
      ['C', xmppHello],
      ['S', xmppFeatures],
      ['C', xmppStart],
      ['S', '<proceed xmlns="urn:ietf:params:xml:ns:xmpp-tls"></proceed>'],
    ],
  ],
  ldap: [
    [
      ['C', ldapRequest],
      ['S', '\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\0\x04\0\x04\0'],
    ],
    [
      ['C', ldapRequest],
      ['S', '\x30\x84\0\0\0\x10\x02\x01\x01\x78\x84\0\0\0\x07\x0a\x01\0\x04\0\x04\0'],
    ],
  ],
  postgres: [
    [
      ['C', '\0\0\0\x08\x04\xd2\x16\x2f'],
      ['S', 'S'],
    ],
  ],
  mysql: [
    [
      ['S', mysqlGreeting(0xffff)],
      ['C', mysqlRequest],
    ],
  ],
}

const refused: readonly (readonly [Protocol, Script, RegExp])[] = [
  ['smtp', [['S', '554 no\r\n']], /smtp: the server answered: 554 no$/],
  [
    'smtp',
    [
      ['S', '220 hi\r\n'],
      ['C', 'EHLO localhost\r\n'],
      ['S', '250 x\r\n'],
      ['C', 'STARTTLS\r\n'],
      ['S', '454 later\x1b[2J\r\n'],
    ],
    /answered: 454 later\\x1b\[2J$/,
  ],
  ['imap', [['S', '* PREAUTH you are in\r\n']], /imap: the server answered: \* PREAUTH/],
  [
    'imap',
    [
      ['S', '* OK\r\n'],
      ['C', 'a1 STARTTLS\r\n'],
      ['S', 'a1 BAD what\r\n'],
    ],
    /answered: a1 BAD what/,
  ],
  [
    'pop3',
    [
      ['S', '+OK\r\n'],
      ['C', 'STLS\r\n'],
      ['S', '-ERR no\r\n'],
    ],
    /answered: -ERR no/,
  ],
  [
    'ftp',
    [
      ['S', '220 hi\r\n'],
      ['C', 'AUTH TLS\r\n'],
      ['S', '502 no\r\n'],
    ],
    /answered: 502 no/,
  ],
  [
    'xmpp',
    [
      ['C', xmppHello],
      ['S', '<stream:features><bind/></stream:features>'],
    ],
    /offers no starttls/,
  ],
  [
    'xmpp',
    [
      ['C', xmppHello],
      ['S', xmppFeatures],
      ['C', xmppStart],
      ['S', '<failure/></stream:stream>'],
    ],
    /refused starttls/,
  ],
  [
    'ldap',
    [
      ['C', ldapRequest],
      ['S', '\x30\x0e\x02\x01\x01\x78\x09\x0a\x01\x34\x04\0\x04\x02no'],
    ],
    /result code 52: no/,
  ],
  [
    'ldap',
    [
      ['C', ldapRequest],
      ['S', 'HTTP/1.1 400\r\n'],
    ],
    /does not speak this protocol/,
  ],
  [
    'ldap',
    [
      ['C', ldapRequest],
      ['S', '\x30\x80\0\0'],
    ],
    /does not speak/,
  ],
  [
    'ldap',
    [
      ['C', ldapRequest],
      ['S', '\x30\x05\x02\x01\x01\x61\0'],
    ],
    /does not speak/,
  ],
  [
    'postgres',
    [
      ['C', '\0\0\0\x08\x04\xd2\x16\x2f'],
      ['S', 'N'],
    ],
    /is not set up for TLS/,
  ],
  [
    'postgres',
    [
      ['C', '\0\0\0\x08\x04\xd2\x16\x2f'],
      ['S', 'EFATAL: no'],
    ],
    /refused the SSLRequest/,
  ],
  [
    'postgres',
    [
      ['C', '\0\0\0\x08\x04\xd2\x16\x2f'],
      ['S', 'H'],
    ],
    /does not speak/,
  ],
  ['mysql', [['S', mysqlGreeting(0xf7ff)]], /is not set up for TLS/],
  ['mysql', [['S', '\x0a\0\0\0\xff\x10\x04Too man']], /refused the connection: Too man/],
  ['mysql', [['S', '\x03\0\0\0\x0a8.']], /does not speak/],
  ['sieve', [['S', '"SIEVE" "fileinto"\r\nOK\r\n']], /sieve: the server offers no STARTTLS/],
  ['sieve', [['S', 'BYE "too many"\r\n']], /answered: BYE "too many"/],
  [
    'irc',
    [
      ['C', 'STARTTLS\r\n'],
      ['S', ':x 691 * :no\r\n'],
    ],
    /answered: :x 691/,
  ],
  [
    'irc',
    [
      ['C', 'STARTTLS\r\n'],
      ['S', ':x 421 * STARTTLS :Unknown command\r\n'],
    ],
    /answered: :x 421/,
  ],
  ['nntp', [['S', '502 go away\r\n']], /answered: 502/],
  [
    'nntp',
    [
      ['S', '200 hi\r\n'],
      ['C', 'STARTTLS\r\n'],
      ['S', '580 cannot\r\n'],
    ],
    /answered: 580/,
  ],
  [
    'lmtp',
    [
      ['S', '220 hi\r\n'],
      ['C', 'LHLO localhost\r\n'],
      ['S', '500 what\r\n'],
    ],
    /answered: 500/,
  ],
  ['smtp', [['S', `220-${'x'.repeat(70_000)}`]], /more than 65536 bytes before TLS/],
]

describe('STARTTLS', () => {
  for (const protocol of protocolNames) {
    for (const [at, script] of good[protocol].entries()) {
      for (const piece of [1, 7, 65536]) {
        it(`${protocol} ${at + 1}, ${piece} bytes at a time`, async () => {
          const server = scripted(script, piece)
          await askForTls(protocol, server, 'mail.test')
          assert.equal(server.unsaid, '')
        })
      }
    }

    it(`${protocol}: bytes behind the last answer are refused`, async () => {
      const script = good[protocol][0] as Script
      const last = script.findLastIndex(([who]) => who === 'S')
      const planted = script.map(([who, what], at) => [who, at === last ? `${what}\x16\x03` : what] as const)
      await assert.rejects(askForTls(protocol, scripted(planted, 65536), 'mail.test'), (error: Error) => {
        return (
          error instanceof StartTlsError &&
          error.code === 'ERR_TLS_LEFTOVER_BYTES' &&
          /sent 2 bytes between its last answer and TLS/.test(error.message)
        )
      })
    })

    it(`${protocol}: a server that closes at once`, async () => {
      const silent: Plain = { read: async () => undefined, write: async () => {} }
      await assert.rejects(askForTls(protocol, silent, 'mail.test'), /closed the connection before TLS could begin/)
    })
  }

  for (const [protocol, script, says] of refused) {
    it(`${protocol}: ${says.source}`, () =>
      assert.rejects(askForTls(protocol, scripted(script, 65536), 'mail.test'), says))
  }

  it('a host cannot break out of the XMPP header', async () => {
    let said = ''
    const stream: Plain = { read: async () => undefined, write: async (bytes) => void (said += latin1(bytes)) }
    await assert.rejects(askForTls('xmpp', stream, `a' b='<&>"`))
    assert.match(said, /to='a&#39; b=&#39;&#60;&#38;&#62;&#34;' version/)
  })
})
