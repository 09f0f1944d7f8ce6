import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fromLatin1, latin1 } from '../bytes/text.ts'
import { askForTls, offerTls, type Plain, type ServedProtocol, type StartTlsError, servedProtocols } from './index.ts'

/** A client that says these, and what it was told by then. */
const saying = (words: readonly string[], piece = 65536): Plain & { said: string } => {
  const todo = words.flatMap((word) => word.match(new RegExp(`[^]{1,${piece}}`, 'g')) ?? [])
  const plain = {
    said: '',
    read: async () => {
      const next = todo.shift()
      return next === undefined ? undefined : (fromLatin1(next) as Uint8Array)
    },
    write: async (bytes: Uint8Array) => void (plain.said += latin1(bytes)),
  }
  return plain
}

/** Two ends that hear each other. */
const joined = (): [Plain, Plain] => {
  const make = () => {
    const queue: Uint8Array[] = []
    let wake = (): void => {}
    return {
      put: (bytes: Uint8Array) => {
        queue.push(bytes)
        wake()
      },
      take: async () => {
        while (queue.length === 0) await new Promise<void>((resolve) => (wake = resolve))
        return queue.shift()
      },
    }
  }
  const [there, back] = [make(), make()]
  return [
    { read: back.take, write: async (bytes) => there.put(bytes) },
    { read: there.take, write: async (bytes) => back.put(bytes) },
  ]
}

const SSL_REQUEST = '\0\0\0\x08\x04\xd2\x16\x2f'
const GSS_REQUEST = '\0\0\0\x08\x04\xd2\x16\x30'
const requests: Record<ServedProtocol, string> = {
  smtp: 'STARTTLS\r\n',
  imap: 'x STARTTLS\r\n',
  pop3: 'STLS\r\n',
  postgres: SSL_REQUEST,
}

const good: readonly (readonly [ServedProtocol, readonly string[], string])[] = [
  [
    'smtp',
    ['ehlo me\r\n', 'NOOP\r\n', 'MAIL FROM:<a@b>\r\n', 'STARTTLS now\r\n', 'starttls\r\n'],
    '220 mail.test ESMTP\r\n250-mail.test\r\n250-ENHANCEDSTATUSCODES\r\n250 STARTTLS\r\n250 2.0.0 OK\r\n530 5.7.0 Must issue a STARTTLS command first\r\n501 5.5.4 STARTTLS takes no parameters\r\n220 2.0.0 Ready to start TLS\r\n',
  ],
  [
    'imap',
    ['a CAPABILITY\r\n', 'b LOGIN me secret\r\n', '* LIST\r\n', 'c starttls\r\n'],
    '* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready\r\n* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\na OK\r\nb NO [PRIVACYREQUIRED] STARTTLS comes first\r\n* BAD a tag and a command are due\r\nc OK Begin TLS negotiation now\r\n',
  ],
  [
    'pop3',
    ['CAPA\r\n', 'USER me\r\n', 'STLS\r\n'],
    '+OK ready\r\n+OK\r\nSTLS\r\n.\r\n-ERR STLS comes first\r\n+OK Begin TLS negotiation\r\n',
  ],
  ['postgres', [GSS_REQUEST, SSL_REQUEST], 'NS'],
]

const bad: readonly (readonly [ServedProtocol, readonly string[], StartTlsError['code'], RegExp])[] = [
  ['smtp', ['QUIT\r\n'], 'ERR_STARTTLS_CLOSED', /221/],
  ['smtp', Array<string>(40).fill('NOOP\r\n'), 'ERR_STARTTLS_TOO_LONG', /250/],
  ['smtp', ['x'.repeat(70_000)], 'ERR_STARTTLS_TOO_LONG', /^220/],
  ['imap', ['a LOGOUT\r\n'], 'ERR_STARTTLS_CLOSED', /BYE/],
  ['pop3', ['QUIT\r\n'], 'ERR_STARTTLS_CLOSED', /bye/],
  ['postgres', ['\0\0\0\x12\0\x03\0\0user\0me\0\0'], 'ERR_STARTTLS_REFUSED', /^E\0\0\0.SFATAL\0.*TLS is required/s],
  ['postgres', ['GET / HTTP/1.1\r\n'], 'ERR_STARTTLS_PROTOCOL', /^$/],
  ['postgres', [GSS_REQUEST, GSS_REQUEST], 'ERR_STARTTLS_PROTOCOL', /^N$/],
]

describe('STARTTLS, served', () => {
  for (const [protocol, words, answers] of good)
    for (const piece of [1, 65536])
      it(`${protocol}, ${piece} bytes at a time`, async () => {
        const client = saying(words, piece)
        await offerTls(protocol, client, 'mail.test')
        assert.equal(client.said, answers)
      })

  for (const [protocol, words, code, said] of bad)
    it(`${protocol}: ${code} for ${JSON.stringify(words[0]?.slice(0, 20))}`, async () => {
      const client = saying(words)
      await assert.rejects(offerTls(protocol, client), (error: StartTlsError) => error.code === code)
      assert.match(client.said, said)
    })

  for (const protocol of servedProtocols) {
    it(`${protocol}: what was planted behind the request is refused, and not answered`, async () => {
      const client = saying([`${requests[protocol]}QUIT\r\n`])
      await assert.rejects(offerTls(protocol, client), { code: 'ERR_TLS_LEFTOVER_BYTES' })
      assert.doesNotMatch(client.said, /Ready to start|Begin|^S$/)
    })

    it(`${protocol}: our client and our server`, async () => {
      const [client, server] = joined()
      await Promise.all([askForTls(protocol, client, 'mail.test'), offerTls(protocol, server, 'mail.test')])
    })
  }
})
