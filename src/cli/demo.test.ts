import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { PassThrough } from 'node:stream'
import { after, describe, it } from 'node:test'
import { makeFiles, portOf, typetls } from '../../test/cli.ts'
import { demo } from './demo.ts'

/** A server of something else than TLS. */
const plain = async (answer?: string): Promise<{ server: Server; place: string }> => {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    if (answer !== undefined) socket.end(answer)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, place: `127.0.0.1:${(server.address() as AddressInfo).port}` }
}

describe('the demonstration', () => {
  it('shows a whole handshake and its facts, and ends well', async () => {
    const run = typetls([])
    assert.equal(await run.code, 0, run.err)
    const wanted = [
      /client → server +ClientHello +\d+ bytes +TLS 1\.3, TLS 1\.2; \d+ suites; key share X25519; for localhost; ALPN typetls-demo/,
      /client ← server +ServerHello +\d+ bytes +TLS 1\.3; TLS_\w+; key share X25519/,
      /client ← server +EncryptedExtensions +\d+ bytes +ALPN typetls-demo/,
      /client ← server +Certificate +\d+ bytes +CN=localhost/,
      /client ← server +CertificateVerify +\d+ bytes +signed with ecdsa_secp256r1_sha256/,
      /client ← server +Finished +\d+ bytes/,
      /client → server +Finished +\d+ bytes/,
      /version +TLS 1\.3/,
      /cipher suite +TLS_\w+/,
      /group +X25519/,
      /signature scheme +ecdsa_secp256r1_sha256/,
      /ALPN +typetls-demo/,
      /peer chain +0 {2}CN=localhost \(EC, P-256; until \d{4}-/,
      /verification +ok: trusted through ".*throw-away CA.*", and good for "localhost"/,
      /client → server +data +"Hello from the client"/,
      /client ← server +NewSessionTicket +\d+ bytes/,
      /client ← server +data +"Hello from the server"/,
      /client → server +Alert +2 bytes +warning close_notify/,
      /client ← server +Alert +2 bytes +warning close_notify/,
      /closed by both sides/,
    ]
    for (const line of wanted) assert.match(run.out, line)
    assert.doesNotMatch(run.out, /\x1b/)
    assert.equal(run.err, '')
  })

  it('has colours on a terminal', async () => {
    const run = typetls(['demo'], { colors: true })
    assert.equal(await run.code, 0)
    assert.match(run.out, /\x1b\[36mclient → server\x1b\[39m/)
  })

  it('shows somebody else’s server, trusted by -CAfile', async () => {
    const files = await makeFiles()
    const server = typetls([
      's_server',
      '-accept',
      '127.0.0.1:0',
      '-www',
      '-naccept',
      '1',
      '-cert',
      files.cert,
      '-key',
      files.key,
    ])
    const run = typetls([`127.0.0.1:${await portOf(server)}`, '-CAfile', files.ca])
    assert.equal(await run.code, 0, run.err)
    assert.match(run.out, /verification +ok: .* good for "127\.0\.0\.1"/)
    assert.match(run.out, /data +"HTTP\/1\.0 200 ok"/)
    assert.match(run.out, /closed by both sides/)
    assert.equal(await server.code, 0)
  })

  describe('says in one sentence what went wrong', () => {
    const closing: Server[] = []
    after(() => {
      for (const server of closing) server.close()
    })

    const failing = async (args: readonly string[], says: RegExp): Promise<void> => {
      const run = typetls(args)
      assert.equal(await run.code, 1, run.out)
      assert.match(run.err, says)
      assert.equal(run.err.split('\n').filter((line) => !/^error:/.test(line)).length, 2, run.err)
    }

    it('refused', async () => {
      const { server, place } = await plain()
      server.close()
      await once(server, 'close')
      await failing([place], /^typetls: no connection to 127\.0\.0\.1:\d+: connection refused$/m)
    })

    it('no such name', () =>
      failing(
        ['nobody.invalid:443'],
        /^typetls: no connection to nobody\.invalid:443: no address is known for the name "nobody\.invalid"$/m,
      ))

    it('not TLS', async () => {
      const { server, place } = await plain('220 mail.test ESMTP\r\n')
      closing.push(server)
      await failing([place], /^typetls: 127\.0\.0\.1:\d+: the peer does not speak TLS here/m)
    })

    it('cut off', async () => {
      const { server, place } = await plain('')
      closing.push(server)
      await failing([place], /^typetls: 127\.0\.0\.1:\d+: the handshake was cut off: /m)
    })

    it('no answer', async () => {
      const { server, place } = await plain()
      closing.push(server)
      const io = {
        stdin: new PassThrough(),
        stdout: new PassThrough().resume(),
        stderr: new PassThrough(),
        env: {},
        colors: false,
      }
      const waiting = demo({ ...io, interrupted: () => new AbortController().signal }, [place], {
        handshake: 1000,
        answer: 1000,
      })
      await assert.rejects(waiting, /127\.0\.0\.1:\d+: the handshake was not over within the time allowed$/)
    })

    it('not trusted', async () => {
      const [files, others] = [await makeFiles(), await makeFiles()]
      const server = typetls([
        's_server',
        '-accept',
        '127.0.0.1:0',
        '-naccept',
        '1',
        '-cert',
        files.cert,
        '-key',
        files.key,
      ])
      await failing(
        [`127.0.0.1:${await portOf(server)}`, '-CAfile', others.ca],
        /^typetls: 127\.0\.0\.1:\d+: the server's certificate is refused: .*\(\d+\)$/m,
      )
      assert.equal(await server.code, 0)
      assert.match(server.err, /ERROR\nthe peer ended the handshake with the alert unknown_ca \(48\)/)
    })

    it('wrong name', async () => {
      const files = await makeFiles(['other.test', '*.other.test'])
      const server = typetls([
        's_server',
        '-accept',
        '127.0.0.1:0',
        '-naccept',
        '1',
        '-cert',
        files.cert,
        '-key',
        files.key,
      ])
      await failing(
        [`127.0.0.1:${await portOf(server)}`, '-CAfile', files.ca],
        /certificate is refused: (IP address|Hostname) mismatch \(6[24]\); it is not for 127\.0\.0\.1 but for (DNS:)?other\.test, (DNS:)?\*\.other\.test$/m,
      )
    })

    it('an alert', async () => {
      const files = await makeFiles()
      const server = typetls([
        's_server',
        '-accept',
        '127.0.0.1:0',
        '-naccept',
        '1',
        '-Verify',
        '1',
        '-cert',
        files.cert,
        '-key',
        files.key,
        '-CAfile',
        files.ca,
      ])
      await failing(
        [`127.0.0.1:${await portOf(server)}`, '-CAfile', files.ca],
        /the alert certificate_required \(116\): it wants a certificate/,
      )
    })

    it('a place that is none', () => failing(['a:b:c'], /^typetls: demo: "a:b:c" is no place to connect to/))
    it('a file that is not there', () =>
      failing(
        ['127.0.0.1:1', '-CAfile', '/nowhere.pem'],
        /^typetls: no certificates could be loaded from \/nowhere\.pem: .*no such file/i,
      ))
    it('-CAfile alone', () => failing(['-CAfile', 'x'], /host:port must say where/))
    it('an unknown command', () => failing(['s_clint'], /^typetls: there is no command "s_clint"/))
    it('an unknown option', () => failing(['s_client', '-conect', 'x:1'], /did you mean -connect\?/))
  })
})
