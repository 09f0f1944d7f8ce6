import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { before, describe, it } from 'node:test'
import { command, type Files, makeFiles, noOpenssl, portOf, type Running, typetls } from '../../test/cli.ts'

const serve = (files: Files, ...args: string[]): Running =>
  typetls(['s_server', '-accept', '127.0.0.1:0', '-cert', files.cert, '-key', files.key, ...args])

describe('s_server', () => {
  let files: Files
  before(async () => {
    files = await makeFiles()
  })

  it('makes a certificate when it has none, and says where its CA is', async () => {
    const server = typetls(['s_server', '-accept', '127.0.0.1:0', '-www', '-naccept', '1'])
    const port = await portOf(server)
    const [, ca] = await server.until(/clients trust it with -CAfile (\S+) /, 'err')
    assert.match(readFileSync(ca as string, 'utf8'), /^-----BEGIN CERTIFICATE-----/)
    const run = typetls(
      [
        's_client',
        '-connect',
        `127.0.0.1:${port}`,
        '-CAfile',
        ca as string,
        '-verify_hostname',
        'localhost',
        '-verify_return_error',
      ],
      { input: '' },
    )
    assert.equal(await run.code, 0, run.err)
    assert.equal(await server.code, 0)
    assert.equal(existsSync(ca as string), false)
  })

  it('listens on every kind of place', async () => {
    for (const [accept, shown] of [
      ['0', /^ACCEPT (\[::\]|0\.0\.0\.0):\d+$/m],
      ['127.0.0.1:0', /^ACCEPT 127\.0\.0\.1:\d+$/m],
      ['localhost:0', /^ACCEPT (127\.0\.0\.1|\[::1\]):\d+$/m],
    ] as const) {
      const server = typetls(['s_server', '-accept', accept, '-cert', files.cert, '-key', files.key])
      await server.until(shown)
      server.interrupt()
      assert.equal(await server.code, 0, server.err)
    }
  })

  it('says that a port is taken', async () => {
    const first = serve(files)
    const port = await portOf(first)
    const second = typetls(['s_server', '-accept', `127.0.0.1:${port}`, '-cert', files.cert, '-key', files.key])
    assert.equal(await second.code, 1)
    assert.match(second.err, /^typetls: no connection can be taken: .*in use/im)
    first.interrupt()
    await first.code
  })

  it('connections do not hold each other up', async () => {
    const server = serve(files, '-rev', '-naccept', '5')
    const port = await portOf(server)
    const silent = connect(Number(port), '127.0.0.1')
    await new Promise((resolve) => silent.once('connect', resolve))
    const clients = [1, 2, 3].map(() => typetls(['s_client', '-quiet', '-connect', `127.0.0.1:${port}`]))
    for (const [at, client] of clients.entries()) client.stdin.write(`line ${at}\n`)
    for (const [at, client] of clients.entries()) await client.until(new RegExp(`^${at} enil$`, 'm'))
    const last = typetls(['s_client', '-connect', `127.0.0.1:${port}`], { input: '' })
    assert.equal(await last.code, 0, last.err)
    for (const client of clients) {
      client.stdin.write('CLOSE\n')
      assert.equal(await client.code, 0, client.err)
    }
    silent.destroy()
    assert.equal(await server.code, 0)
    assert.match(server.err, /^ERROR\nthe handshake was cut off/m)
  })

  it('-rev keeps line ends and takes any bytes', async () => {
    const server = serve(files, '-rev', '-naccept', '1')
    const client = typetls(['s_client', '-quiet', '-connect', `127.0.0.1:${await portOf(server)}`])
    client.stdin.write('abc\r\n\r\n\nxyz\nhalf')
    await client.until(/zyx\n/)
    assert.equal(client.out, 'cba\r\n\r\n\nzyx\n')
    client.stdin.write(' done\n')
    await client.until(/enod flah\n/)
    client.stdin.write('CLOSE\n')
    assert.equal(await client.code, 0)
    await server.code
  })

  describe('-www', () => {
    const rows: readonly (readonly [request: string, answer: RegExp])[] = [
      [
        'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
        /^HTTP\/1\.0 200 ok\r\nContent-Type: text\/html[^]*Protocol version: TLSv1\.3[^]*Ciphersuite: TLS_/,
      ],
      ['GET / HTTP/1.0\n\n', /^HTTP\/1\.0 200 ok/],
      ['HEAD / HTTP/1.1\r\n\r\n', /^HTTP\/1\.0 200 ok[^]*\r\n\r\n$/],
      ['POST / HTTP/1.1\r\n\r\n', /^HTTP\/1\.0 405 /],
      ['hello\r\n\r\n', /^HTTP\/1\.0 400 /],
      [`GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, /^HTTP\/1\.0 431 /],
    ]
    for (const [request, answer] of rows) {
      it(JSON.stringify(request.slice(0, 30)), async () => {
        const server = serve(files, '-www', '-naccept', '1')
        const client = typetls(['s_client', '-quiet', '-connect', `127.0.0.1:${await portOf(server)}`], {
          input: request,
        })
        assert.equal(await client.code, 0, client.err)
        assert.match(client.out, answer)
        assert.equal(await server.code, 0)
      })
    }

    it('shows what a client said as text', async () => {
      const server = serve(files, '-www', '-naccept', '1', '-alpn', '<b>')
      const args = ['-alpn', '<b>', '-connect', `127.0.0.1:${await portOf(server)}`, '-quiet']
      const client = typetls(['s_client', ...args], { input: 'GET / HTTP/1.0\r\n\r\n' })
      assert.equal(await client.code, 0, client.err)
      assert.match(client.out, /ALPN protocol: &#60;b&#62;/)
      await server.code
    })
  })

  it('typed lines go to the client, Q ends the server', async () => {
    const server = serve(files)
    const client = typetls(['s_client', '-connect', `127.0.0.1:${await portOf(server)}`])
    await client.until(/Verify return code/)
    server.stdin.write('K\nhello\n')
    await client.until(/^hello$/m)
    client.stdin.write('and hello\n')
    await server.until(/^and hello$/m)
    server.stdin.write('Q\n')
    assert.equal(await client.code, 0, client.err)
    assert.match(client.out, /^closed$/m)
    assert.equal(await server.code, 0, server.err)
    assert.match(server.out, /^CIPHER is TLS_[A-Z0-9_]+$/m)
    assert.match(server.out, /^DONE\nshutting down SSL\nCONNECTION CLOSED$/m)
  })

  it('q closes one connection only, and the end of input all', async () => {
    const server = serve(files)
    const place = ['s_client', '-connect', `127.0.0.1:${await portOf(server)}`]
    const first = typetls(place)
    await first.until(/Verify return code/)
    server.stdin.write('q\n')
    assert.equal(await first.code, 0, first.err)
    const second = typetls(place)
    await second.until(/Verify return code/)
    server.stdin.write('still there')
    await second.until(/still there/)
    server.stdin.end()
    assert.equal(await second.code, 0, second.err)
    assert.equal(await server.code, 0)
  })

  it('interrupted, it closes what is open', async () => {
    for (const args of [[], ['-rev'], ['-www']]) {
      const server = serve(files, ...args)
      const client = typetls(['s_client', '-connect', `127.0.0.1:${await portOf(server)}`])
      await client.until(/Verify return code/)
      await server.until(/CIPHER is/)
      server.interrupt()
      assert.equal(await client.code, 0, client.err)
      assert.match(client.out, /^closed$/m)
      assert.equal(await server.code, 0, server.err)
    }
  })

  it('-verify asks and goes on, -Verify insists', async () => {
    const other = await makeFiles()
    for (const [flag, certificate, accepted] of [
      ['-verify', undefined, true],
      ['-verify', other, true],
      ['-verify', files, true],
      ['-Verify', undefined, false],
      ['-Verify', other, false],
    ] as const) {
      const server = serve(files, flag, '2', '-CAfile', files.ca, '-rev', '-naccept', '1')
      const own = certificate ? ['-cert', certificate.cert, '-key', certificate.key] : []
      const client = typetls(['s_client', ...own, '-connect', `127.0.0.1:${await portOf(server)}`, '-CAfile', files.ca])
      if (accepted) {
        client.stdin.write('hello\n')
        await client.until(/^olleh$/m)
        client.stdin.end()
      }
      assert.equal(await client.code, accepted ? 0 : 1, `${flag} ${client.err}`)
      assert.equal(await server.code, 0)
      if (certificate && accepted) assert.match(server.out, /^Client certificate\n-----BEGIN CERTIFICATE-----/m)
      if (certificate === other) assert.match(server.err, /^verify error:num=\d+:/m)
    }
  })

  it('-alpn: our order, or no connection', async () => {
    const server = serve(files, '-alpn', 'h2,http/1.1', '-rev', '-naccept', '2')
    const place = ['-connect', `127.0.0.1:${await portOf(server)}`]
    const good = typetls(['s_client', ...place, '-alpn', 'http/1.1,h2'], { input: '' })
    assert.equal(await good.code, 0, good.err)
    assert.match(good.out, /^ALPN protocol: h2$/m)
    const bad = typetls(['s_client', ...place, '-alpn', 'imap'], { input: '' })
    assert.equal(await bad.code, 1)
    assert.match(bad.err, /the alert no_application_protocol \(120\)/)
    await server.code
  })

  it('-num_tickets', async () => {
    for (const count of [0, 1, 4]) {
      const server = serve(files, '-num_tickets', String(count), '-rev', '-naccept', '1')
      const client = typetls(['s_client', '-connect', `127.0.0.1:${await portOf(server)}`])
      client.stdin.write('x\n')
      await client.until(/^x$/m)
      client.stdin.end()
      assert.equal(await client.code, 0)
      assert.equal(client.out.match(/^Post-Handshake New Session Ticket arrived:$/gm)?.length ?? 0, count)
      await server.code
    }
  })

  // what the server sent may stand in the middle of a line: openssl keeps some of its own output back
  describe('and openssl s_client', { skip: noOpenssl }, () => {
    for (const version of ['tls1_3', 'tls1_2'] as const) {
      it(`${version}: everything a client asks of it`, async () => {
        const log = files.file(`${version}.keys`)
        const server = serve(files, `-${version}`, '-rev', '-naccept', '2', '-alpn', 'h2', '-keylogfile', log)
        const place = ['-connect', `127.0.0.1:${await portOf(server)}`, '-CAfile', files.ca, '-servername', 'localhost']
        const session = files.file(`${version}.session`)
        const first = command('openssl', [
          's_client',
          ...place,
          '-verify_return_error',
          '-alpn',
          'h2',
          '-sess_out',
          session,
        ])
        first.stdin.write('hello\n')
        await first.until(/olleh\n/)
        first.stdin.write('Q\n')
        assert.equal(await first.code, 0, first.err)
        assert.match(first.out, /^ALPN protocol: h2$/m)
        assert.match(first.out, /Verify return code: 0 \(ok\)/)
        const second = command('openssl', ['s_client', ...place, '-sess_in', session])
        second.stdin.write('again\n')
        await second.until(/niaga\n/)
        second.stdin.write('Q\n')
        assert.equal(await second.code, 0, second.err)
        assert.match(second.out, /^Reused, TLSv1\.\d, /m)
        assert.equal(await server.code, 0, server.err)
        assert.match(server.out, /^Server name: localhost$/m)
        assert.match(server.out, /^Reused session-id$/m)
        assert.match(
          readFileSync(log, 'latin1'),
          version === 'tls1_3' ? /^SERVER_TRAFFIC_SECRET_0 /m : /^CLIENT_RANDOM /m,
        )
      })
    }

    it('a client certificate', async () => {
      const server = serve(files, '-Verify', '1', '-CAfile', files.ca, '-rev', '-naccept', '1')
      const client = command('openssl', [
        ...['s_client', '-connect', `127.0.0.1:${await portOf(server)}`, '-CAfile', files.ca],
        ...['-cert', files.cert, '-key', files.key],
      ])
      client.stdin.write('hello\n')
      await client.until(/olleh\n/)
      client.stdin.write('Q\n')
      assert.equal(await client.code, 0)
      assert.equal(await server.code, 0)
      assert.match(server.out, /^subject=CN = localhost$/m)
    })

    it('both directions by hand', async () => {
      const server = serve(files, '-naccept', '1')
      const client = command('openssl', [
        's_client',
        '-connect',
        `127.0.0.1:${await portOf(server)}`,
        '-CAfile',
        files.ca,
      ])
      client.stdin.write('from the client\n')
      await server.until(/^from the client$/m)
      server.stdin.write('from the server\n')
      await client.until(/from the server\n/)
      client.stdin.write('Q\n')
      assert.equal(await client.code, 0)
      assert.equal(await server.code, 0)
    })
  })
})
