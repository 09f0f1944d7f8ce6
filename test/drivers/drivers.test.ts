import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect as connectTcp, createServer } from 'node:net'
import { after, describe, test } from 'node:test'
import type { Redis } from 'ioredis'
import type * as mqtt from 'mqtt'
import type { createConnection } from 'mysql2/promise'
import type * as nodemailer from 'nodemailer'
import * as stockNodemailer from 'nodemailer'
import type * as pg from 'pg'
import { SMTPServer } from 'smtp-server'
import { acceptStartTls, type SecureStream, startTls } from '../../src/node/index.ts'
import { dialledByAlias, withOurTls } from './alias.ts'
import {
  absent,
  certificates,
  type Running,
  startMariadb,
  startMosquitto,
  startPostgres,
  startRedis,
} from './servers.ts'

/**
 * Drivers that programs use, with our TLS in the place of `node:tls` and nothing else changed, against real servers that
 * want client certificates. Servers that are not installed are skipped.
 */

const made = await certificates()
const { ca, client, expired, otherCa } = made

/** What a driver is told of TLS, in the names of node:tls. */
interface Tls {
  readonly ca: string
  readonly servername: string
  readonly cert?: string
  readonly key?: string
  readonly rejectUnauthorized: boolean
}
// made anew each time: drivers hide the key in what they are given
const anonymous = (): Tls => ({ ca, servername: 'localhost', rejectUnauthorized: true })
const good = (): Tls => ({ ...anonymous(), cert: client.cert, key: client.key })

/** What must come of each mistake; the last two are the server's to tell, each in its own way. */
const mistakes = (expiredCode: RegExp, missingCode: RegExp): readonly (readonly [string, () => Tls, RegExp])[] => [
  ['another CA', () => ({ ...good(), ca: otherCa }), /^(?:UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN)$/],
  ['another name', () => ({ ...good(), servername: 'db.example' }), /^ERR_TLS_CERT_ALTNAME_INVALID$/],
  ['an expired client certificate', () => ({ ...good(), cert: expired.cert, key: expired.key }), expiredCode],
  ['no client certificate', anonymous, missingCode],
]
const EXPIRED = /^ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED$/
const MISSING = /^ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED$/

const codeOf = async (attempt: Promise<unknown>): Promise<string> => {
  try {
    await attempt
  } catch (error) {
    return String((error as { code?: string }).code)
  }
  return 'it went well'
}

/** Starts a server for the tests of a suite, once, and ends it with them. */
const lazily = (start: typeof startRedis): (() => Promise<Running>) => {
  let running: Promise<Running> | undefined
  after(async () => {
    await (await running?.catch(() => undefined))?.stop()
  })
  return () => (running ??= start(made))
}

const PATIENCE = 120_000

/** What is done must go through our TLS. */
const byOurs = async <T>(attempt: () => Promise<T>): Promise<T> => {
  const before = dialledByAlias()
  const result = await attempt()
  assert.ok(dialledByAlias() > before, 'the driver did not use our TLS')
  return result
}

describe('pg, PostgreSQL', { skip: absent.postgres }, () => {
  const server = lazily(startPostgres)
  const { Client } = withOurTls<typeof pg>('pg')

  const query = async (config: pg.ClientConfig): Promise<string> => {
    const database = new Client({ host: '127.0.0.1', user: 'me', password: 'secret', database: 'postgres', ...config })
    // what comes after the first error is of no account
    database.on('error', () => {})
    await database.connect()
    try {
      const { rows } = await database.query(
        "select $1 || ' ' || version || ' ' || cipher as it from pg_stat_ssl where pid = pg_backend_pid()",
        ['over'],
      )
      return rows[0].it as string
    } finally {
      await database.end()
    }
  }

  test('its own CA, a client certificate, verify-full', { timeout: PATIENCE }, async () => {
    const { port } = await server()
    assert.match(await byOurs(() => query({ port, ssl: good() })), /^over TLSv1\.3 TLS_AES/)
    assert.match(await query({ port, ssl: { ...good(), maxVersion: 'TLSv1.2' } }), /^over TLSv1\.2 ECDHE/)
  })

  test('SCRAM bound to the channel', { timeout: PATIENCE }, async () => {
    const { port } = await server()
    assert.match(await query({ port, ssl: good(), enableChannelBinding: true } as pg.ClientConfig), /^over/)
  })

  test('through its option `stream`, TLS asked for by us', { timeout: PATIENCE }, async () => {
    const { port } = await server()
    const stream = await startTls('postgres', connectTcp(port, '127.0.0.1'), good())
    const said: string[] = []
    const write = stream.write.bind(stream) as (...args: unknown[]) => boolean
    Object.assign(stream, {
      write: (...args: unknown[]) => {
        said.push(Buffer.from(args[0] as Buffer).toString('latin1'))
        return write(...args)
      },
    })
    const config = { port, ssl: false, stream: () => stream, enableChannelBinding: true }
    assert.match(await query(config as unknown as pg.ClientConfig), /^over/)
    assert.ok(
      said.some((text) => text.includes('SCRAM-SHA-256-PLUS')),
      'the channel was not bound',
    )
  })

  // the server asks for a certificate, and misses it only when it lets somebody in
  for (const [what, ssl, code] of mistakes(EXPIRED, /^28000$/))
    test(`${what}: ${code.source}`, { timeout: PATIENCE }, async () => {
      const { port } = await server()
      assert.match(await codeOf(query({ port, ssl: ssl() })), code)
    })
})

describe('mysql2, MariaDB', { skip: absent.mariadb }, () => {
  const server = lazily(startMariadb)
  const mysql = withOurTls<{ createConnection: typeof createConnection }>('mysql2/promise')

  const query = async (port: number, { servername, ...ssl }: Tls): Promise<string> => {
    const database = await mysql.createConnection({
      // the driver takes the name to check from here, and the address from the stream
      host: servername,
      stream: () => connectTcp(port, '127.0.0.1'),
      user: 'me',
      password: 'secret',
      ssl: { ...ssl, verifyIdentity: true },
    } as Parameters<typeof createConnection>[0])
    try {
      const [rows] = await database.query("show status like 'Ssl_version'")
      return (rows as { Value: string }[])[0]?.Value ?? ''
    } finally {
      database.destroy()
    }
  }

  test('its own CA, a client certificate, the name checked', { timeout: PATIENCE }, async () => {
    const { port } = await server()
    assert.equal(await byOurs(() => query(port, good())), 'TLSv1.3')
  })

  for (const [what, ssl, code] of mistakes(
    /CERTIFICATE_EXPIRED|^HANDSHAKE_SSL_ERROR$|^ECONNRESET$|^PROTOCOL_CONNECTION_LOST$/,
    /^ER_ACCESS_DENIED_ERROR$/,
  ))
    test(`${what}: ${code.source}`, { timeout: PATIENCE }, async () => {
      const { port } = await server()
      const told = await codeOf(query(port, ssl()))
      // the driver has one code for whatever ends a handshake, and keeps the sentence
      assert.ok(code.test(told) || told === 'HANDSHAKE_SSL_ERROR', told)
    })
})

describe('ioredis, Redis', { skip: absent.redis }, () => {
  const server = lazily(startRedis)
  const { Redis: Client } = withOurTls<{ Redis: typeof Redis }>('ioredis')

  const set = async (port: number, tls: Tls): Promise<string | null> => {
    const options = { host: '127.0.0.1', port, tls, lazyConnect: true, retryStrategy: () => null }
    const database = new Client({ ...options, maxRetriesPerRequest: 0 } as never)
    let first: unknown
    database.on('error', (error) => (first ??= error))
    try {
      await database.connect()
      await database.set('key', 'value')
      return await database.get('key')
    } catch (error) {
      throw first ?? error
    } finally {
      database.disconnect()
    }
  }

  test('its own CA and a client certificate', { timeout: PATIENCE }, async () => {
    const { port } = await server()
    assert.equal(await byOurs(() => set(port, good())), 'value')
  })

  for (const [what, tls, code] of mistakes(EXPIRED, MISSING))
    test(`${what}: ${code.source}`, { timeout: PATIENCE }, async () => {
      const { port } = await server()
      assert.match(await codeOf(set(port, tls())), code)
    })
})

describe('mqtt, Mosquitto', { skip: absent.mosquitto }, () => {
  const server = lazily(startMosquitto)
  const { connect } = withOurTls<typeof mqtt>('mqtt')

  const heard = async (port: number, { servername, ...tls }: Tls): Promise<string> => {
    const link = connect({
      protocol: 'mqtts',
      host: '127.0.0.1',
      port,
      reconnectPeriod: 0,
      servername,
      ...tls,
    } as mqtt.IClientOptions)
    try {
      return await new Promise((resolve, reject) => {
        link.on('error', reject)
        link.on('close', () => reject(new Error('closed')))
        link.on('message', (_topic, message) => resolve(message.toString()))
        link.on('connect', () => link.subscribe('topic', () => link.publish('topic', 'said')))
      })
    } finally {
      link.removeAllListeners('close')
      link.end(true)
    }
  }

  test('its own CA and a client certificate', { timeout: PATIENCE }, async () => {
    const { port } = await server()
    assert.equal(await byOurs(() => heard(port, good())), 'said')
  })

  for (const [what, tls, code] of mistakes(EXPIRED, MISSING))
    test(`${what}: ${code.source}`, { timeout: PATIENCE }, async () => {
      const { port } = await server()
      assert.match(await codeOf(heard(port, tls())), code)
    })
})

describe('nodemailer, SMTP with STARTTLS', () => {
  const mail = { from: 'a@example.org', to: 'b@example.org', subject: 'hello', text: 'by STARTTLS' }
  const send = (mailer: typeof nodemailer, port: number, tls: Tls): Promise<unknown> => {
    const transport = mailer.createTransport({ host: '127.0.0.1', port, requireTLS: true, tls })
    return transport.sendMail(mail)
  }

  test('over our TLS to a stock server, and what goes wrong', { timeout: PATIENCE }, async () => {
    const received: string[] = []
    const server = new SMTPServer({
      key: made.server.key,
      cert: made.server.cert,
      ca,
      requestCert: true,
      rejectUnauthorized: true,
      authOptional: true,
      logger: false,
      onData(stream, _session, done) {
        stream.on('data', (data: Buffer) => received.push(data.toString()))
        stream.on('end', done)
      },
    })
    server.on('error', () => {})
    after(() => server.close())
    server.listen(0, '127.0.0.1')
    await once(server.server, 'listening')
    const { port } = server.server.address() as AddressInfo
    const mailer = withOurTls<typeof nodemailer>('nodemailer')
    await byOurs(() => send(mailer, port, good()))
    assert.match(received.join(''), /by STARTTLS/)
    for (const [what, tls, code] of mistakes(EXPIRED, MISSING)) {
      const told = await send(mailer, port, tls()).then(
        () => 'it went well',
        (error: Error & { code?: string; cause?: { code?: string } }) =>
          `${error.code} ${error.cause?.code ?? ''} ${error.message}`,
      )
      // nodemailer has codes of its own (ESOCKET, ETLS) and keeps the sentence
      const sentence = {
        UNABLE: 'no path|issuer|trust',
        ERR_TLS: 'db.example',
        EXPIRED: 'expired',
        MISSING: 'certificate_required',
      }
      void sentence
      assert.doesNotMatch(told, /it went well/, what)
      assert.match(told, new RegExp(`${code.source.replace(/[\^$]/g, '')}|ESOCKET|ETLS`), what)
    }
  })

  test('a stock client to a server of ours', { timeout: PATIENCE }, async () => {
    const received: string[] = []
    const server = createServer((socket) => {
      acceptStartTls('smtp', socket, { cert: made.server.cert, key: made.server.key, ca, requestCert: true }).then(
        (stream) =>
          speak(
            stream.on('error', () => {}),
            received,
          ),
        () => {},
      )
    })
    after(() => server.close())
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await send(stockNodemailer, port, good())
    assert.match(received.join(''), /by STARTTLS/)
    for (const [what, tls] of mistakes(EXPIRED, MISSING)) await assert.rejects(send(stockNodemailer, port, tls()), what)
  })
})

/** As much of SMTP as one message needs, after TLS has begun. */
const speak = (stream: SecureStream, received: string[]): void => {
  let body = false
  let rest = ''
  stream.on('data', (data) => {
    rest += data
    for (let end = rest.indexOf('\r\n'); end >= 0; end = rest.indexOf('\r\n')) {
      const line = rest.slice(0, end)
      rest = rest.slice(end + 2)
      if (body && line !== '.') {
        received.push(`${line}\n`)
        continue
      }
      const wasBody = body
      body = !wasBody && /^DATA/i.test(line)
      stream.write(body ? '354 go on\r\n' : /^QUIT/i.test(line) && !wasBody ? '221 bye\r\n' : '250 ok\r\n')
      if (/^QUIT/i.test(line) && !wasBody) stream.end()
    }
  })
}
