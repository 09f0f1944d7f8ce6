import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { wire } from '../../test/duplex.ts'
import { ca, local } from '../../test/streams.ts'
import { servedProtocols } from '../starttls/index.ts'
import { acceptStartTls, type ServedProtocol, startTls } from './index.ts'

const server = { cert: local.cert, key: local.key }
const client = { servername: 'localhost', ca }
const bytewise = (bytes: Buffer): Buffer[] => [...bytes].map((byte) => Buffer.of(byte))

const request: Record<ServedProtocol, string> = {
  smtp: 'STARTTLS\r\n',
  imap: 'x STARTTLS\r\n',
  pop3: 'STLS\r\n',
  postgres: '\0\0\0\x08\x04\xd2\x16\x2f',
}

for (const protocol of servedProtocols)
  describe(`STARTTLS over streams: ${protocol}`, () => {
    for (const [how, cut] of [
      ['whole', undefined],
      ['byte by byte', bytewise],
    ] as const)
      test(`both ends ours, ${how}`, async () => {
        const [left, right] = wire(cut)
        const [mine, theirs] = await Promise.all([
          startTls(protocol, left, client),
          acceptStartTls(protocol, right, server),
        ])
        theirs.pipe(theirs)
        mine.end('under TLS')
        assert.equal((await buffer(mine)).toString(), 'under TLS')
      })

    test('a client that has said more than it may', async () => {
      const [left, right] = wire()
      left.write(`${request[protocol]}planted\r\n`, 'latin1')
      await assert.rejects(acceptStartTls(protocol, right, server), { code: 'ERR_TLS_LEFTOVER_BYTES' })
      assert.equal(right.destroyed, true)
    })

    test('a server that answers for TLS and goes on', async () => {
      const [left, right] = wire()
      const says = {
        smtp: ['220 x\r\n', '250 x\r\n', '220 x\r\n250 planted\r\n'],
        imap: ['* OK\r\n', 'a1 OK\r\na1 OK\r\n'],
      }
      const lines =
        protocol === 'smtp' || protocol === 'imap'
          ? [...says[protocol]]
          : protocol === 'pop3'
            ? ['+OK\r\n', '+OK\r\n+OK\r\n']
            : ['SS']
      if (protocol !== 'postgres') right.write(lines.shift())
      right.on('data', () => void right.write(lines.shift() ?? ''))
      await assert.rejects(startTls(protocol, left, client), { code: 'ERR_TLS_LEFTOVER_BYTES' })
      assert.equal(left.destroyed, true)
    })
  })

describe('STARTTLS over streams: what may go wrong', () => {
  test('no name, before anything is said', async () => {
    const [left, right] = wire()
    await assert.rejects(startTls('postgres', left, { ca }), { code: 'ERR_TLS_NO_NAME_TO_CHECK' })
    assert.equal(right.readableLength, 0)
  })

  test('a wrong certificate rejects the upgrade', async () => {
    const [left, right] = wire()
    acceptStartTls('smtp', right, server).catch(() => {})
    await assert.rejects(startTls('smtp', left, { ...client, servername: 'mail.example' }), {
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    })
  })

  const silences: readonly (readonly [string, object, string])[] = [
    ['time', { handshakeTimeout: 20 }, 'ERR_TLS_HANDSHAKE_TIMEOUT'],
    ['a signal', { signal: AbortSignal.timeout(20) }, 'ABORT_ERR'],
    ['a signal from before', { signal: AbortSignal.abort() }, 'ABORT_ERR'],
  ]
  for (const [what, options, code] of silences)
    test(`silence is ended by ${what}`, async () => {
      const [left] = wire()
      await assert.rejects(startTls('imap', left, { ...client, ...options }), { code })
      assert.equal(left.destroyed, true)
    })

  test('the end', async () => {
    const [left, right] = wire()
    right.end()
    await assert.rejects(startTls('imap', left, client), { code: 'ERR_STARTTLS_CLOSED' })
  })
})

const openssl = spawnSync('openssl', ['version']).status === 0 ? false : 'there is no openssl command here'
describe('openssl s_client -starttls', { skip: openssl }, () => {
  for (const protocol of servedProtocols)
    test(protocol, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'starttls-'))
      const listener = createServer((socket) => {
        acceptStartTls(protocol, socket, server).then(
          (stream) => void stream.on('error', () => {}).end('good morning\n'),
          () => {},
        )
      })
      listener.listen(0, '127.0.0.1')
      await once(listener, 'listening')
      const { port } = listener.address() as AddressInfo
      writeFileSync(join(folder, 'ca.pem'), ca)
      const args = ['s_client', '-starttls', protocol, '-connect', `127.0.0.1:${port}`, '-servername', 'localhost']
      const child = spawn('openssl', [...args, '-CAfile', join(folder, 'ca.pem'), '-verify_return_error', '-quiet'], {
        stdio: ['pipe', 'pipe', 'ignore'],
      })
      assert.equal((await buffer(child.stdout)).toString().includes('good morning'), true)
      child.stdin.end()
      listener.close()
      rmSync(folder, { recursive: true })
    })
})
