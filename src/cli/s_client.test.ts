import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { command, type Files, makeFiles, noOpenssl, portOf, type Running, typetls } from '../../test/cli.ts'

/** Which server the client talks to: ours, or OpenSSL's. Both take these options. */
interface Serving {
  readonly port: string
  readonly stop: () => void
}
type Serve = (files: Files, args: readonly string[]) => Promise<Serving>

const ours: Serve = async (files, args) => {
  const server = typetls(['s_server', '-accept', '127.0.0.1:0', '-cert', files.cert, '-key', files.key, ...args])
  return { port: await portOf(server), stop: () => server.interrupt() }
}
const openssls: Serve = async (files, args) => {
  const server = command('openssl', [
    's_server',
    '-accept',
    '127.0.0.1:0',
    '-cert',
    files.cert,
    '-key',
    files.key,
    ...args,
  ])
  const [, port] = await server.until(/^ACCEPT .*:(\d+)$/m)
  return { port: port as string, stop: () => server.interrupt() }
}

const certificates = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

for (const [name, serve, skip] of [
  ['our s_server', ours, false],
  ['openssl s_server', openssls, noOpenssl],
] as const) {
  describe(`s_client and ${name}`, { skip }, () => {
    let files: Files
    const stops: (() => void)[] = []
    before(async () => {
      files = await makeFiles()
    })
    after(() => {
      for (const stop of stops) stop()
    })

    /** A client of a server with these options, told where the server is. */
    const client = async (
      serverArgs: readonly string[],
      args: readonly string[],
      around?: Parameters<typeof typetls>[1],
    ): Promise<Running> => {
      const { port, stop } = await serve(files, serverArgs)
      stops.push(stop)
      return typetls(['s_client', '-connect', `127.0.0.1:${port}`, ...args], around)
    }

    for (const version of ['tls1_3', 'tls1_2'] as const) {
      const shown = version === 'tls1_3' ? 'TLSv1.3' : 'TLSv1.2'

      it(`${shown}: tells of the handshake, and closes at Q`, async () => {
        const run = await client(
          ['-www', '-alpn', 'h2,http/1.1'],
          [`-${version}`, '-CAfile', files.ca, '-alpn', 'http/1.1', '-servername', 'localhost'],
          { input: 'Q\n' },
        )
        assert.equal(await run.code, 0, run.err)
        const wanted = [
          /^CONNECTED\([0-9A-F]{8}\)$/m,
          /^Certificate chain$/m,
          /^ 0 s:CN = localhost$/m,
          /^ {3}i:O = typetls, CN = typetls throw-away CA$/m,
          /^Server certificate\n-----BEGIN CERTIFICATE-----$/m,
          /^subject=CN = localhost$/m,
          /^No client certificate CA names sent$/m,
          /^Peer signing digest: SHA256\nPeer signature type: ECDSA\nServer Temp Key: X25519, 253 bits$/m,
          /^Verification: OK$/m,
          new RegExp(`^New, ${shown}, Cipher is [A-Z0-9_-]+$`, 'm'),
          /^Server public key is 256 bit$/m,
          /^ALPN protocol: http\/1\.1$/m,
          /^ *Verify return code: 0 \(ok\)$/m,
          /^DONE$/m,
        ]
        for (const line of wanted) assert.match(run.out, line)
        assert.match(
          run.err,
          /^depth=1 O = typetls, CN = typetls throw-away CA\nverify return:1\ndepth=0 CN = localhost\nverify return:1$/m,
        )
        assert.equal(run.out.match(certificates)?.length, 1)
      })

      it(`${shown}: data both ways`, async () => {
        const run = await client(['-rev'], [`-${version}`, '-quiet', '-CAfile', files.ca])
        run.stdin.write('hello\n')
        await run.until(/^olleh\n/)
        run.stdin.write('CLOSE\n')
        assert.equal(await run.code, 0, run.err)
        assert.equal(run.out, 'olleh\n')
      })

      it(`${shown}: a session is written and resumed`, async () => {
        const { port, stop } = await serve(files, ['-rev'])
        stops.push(stop)
        const session = files.file(`${name}-${version}.session`)
        const place = ['s_client', `-${version}`, '-connect', `127.0.0.1:${port}`, '-CAfile', files.ca]
        const first = typetls([...place, '-sess_out', session], { input: '' })
        assert.equal(await first.code, 0, first.err)
        assert.match(first.out, /^New, /m)
        assert.match(readFileSync(session, 'utf8'), /^-----BEGIN SSL SESSION PARAMETERS-----\n/)
        assert.equal(statSync(session).mode & 0o077, 0)
        const second = typetls([...place, '-sess_in', session], { input: '' })
        assert.equal(await second.code, 0, second.err)
        assert.match(second.out, new RegExp(`^Reused, ${shown}, `, 'm'))
        assert.match(second.out, /Verify return code: 0 \(ok\)/)
      })

      it(`${shown}: reconnects with the same session`, async () => {
        const run = await client(['-rev'], [`-${version}`, '-reconnect', '-CAfile', files.ca], { input: '' })
        assert.equal(await run.code, 0, run.err)
        assert.equal(run.out.match(/^drop connection and then reconnect$/gm)?.length, 5)
        assert.equal(run.out.match(/^New, /gm)?.length, 1)
        assert.equal(run.out.match(/^Reused, /gm)?.length, 5)
      })

      it(`${shown}: logs keys`, async () => {
        for (const way of ['-keylogfile', 'SSLKEYLOGFILE']) {
          const log = files.file(`${name}-${version}-${way}.log`)
          const run = await client(['-www'], [`-${version}`, ...(way.startsWith('-') ? [way, log] : [])], {
            input: '',
            env: way.startsWith('-') ? {} : { SSLKEYLOGFILE: log },
          })
          assert.equal(await run.code, 0, run.err)
          const lines = readFileSync(log, 'utf8').trimEnd().split('\n')
          for (const line of lines) assert.match(line, /^[A-Z0-9_]+ [0-9a-f]{64} ([0-9a-f]{2}){32,48}$/)
          assert.match(lines.join('\n'), version === 'tls1_3' ? /^CLIENT_TRAFFIC_SECRET_0 /m : /^CLIENT_RANDOM /m)
          assert.equal(statSync(log).mode & 0o077, 0)
        }
      })
    }

    it('updates keys', async () => {
      const run = await client(['-rev'], ['-CAfile', files.ca])
      run.stdin.write('K\nhello\n')
      await run.until(/^olleh$/m)
      run.stdin.write('k\nagain\n')
      await run.until(/^niaga$/m)
      run.stdin.end()
      assert.equal(await run.code, 0, run.err)
      assert.equal(run.err.match(/^KEYUPDATE$/gm)?.length, 2)
    })

    it('does not update keys in TLS 1.2', async () => {
      const run = await client(['-rev'], ['-tls1_2', '-CAfile', files.ca], { input: 'K\nQ\n' })
      assert.equal(await run.code, 0)
      assert.match(run.err, /^keys cannot be updated: wrong ssl version/m)
    })

    it('shows every certificate, which openssl reads', { skip: noOpenssl }, async () => {
      const run = await client(['-www'], ['-showcerts'], { input: '' })
      assert.equal(await run.code, 0, run.err)
      const found = run.out.match(certificates) ?? []
      assert.equal(found.length, name === 'our s_server' ? 2 : 1)
      for (const [at, pem] of found.entries()) {
        const read = spawnSync('openssl', ['x509', '-noout', '-subject'], { input: pem, encoding: 'utf8' })
        assert.equal(read.status, 0, read.stderr)
        assert.match(read.stdout, at === 0 ? /CN = localhost/ : /throw-away CA/)
      }
      const whole = spawnSync('openssl', ['x509', '-noout', '-subject'], { input: run.out, encoding: 'utf8' })
      assert.match(whole.stdout, /CN = localhost/)
    })

    it('goes on with a server that is not trusted, and says so at the end', async () => {
      const other = await makeFiles()
      const run = await client(['-www'], ['-CAfile', other.ca], { input: '' })
      assert.equal(await run.code, 0, run.err)
      assert.match(run.out, /^Verification error: /m)
      assert.match(run.out, /^Verify return code: (20|21|7|19) \(.+\)$/m)
      assert.match(run.err, /^verify error:num=\d+:/m)
    })

    it('-verify_return_error ends with an error', async () => {
      const other = await makeFiles()
      const run = await client(['-www'], ['-CAfile', other.ca, '-verify_return_error'], { input: '' })
      assert.equal(await run.code, 1)
      assert.match(
        run.err,
        /^typetls: the server's certificate is refused: .*\nerror:[0-9A-F]{8}:SSL routines:.*:certificate verify failed/m,
      )
      assert.doesNotMatch(run.out, /Verify return code/)
    })

    it('-verify_hostname', async () => {
      for (const [host, strict, code] of [
        ['localhost', true, 0],
        ['example.com', false, 0],
        ['example.com', true, 1],
      ] as const) {
        const run = await client(
          ['-www'],
          ['-CAfile', files.ca, '-verify_hostname', host, ...(strict ? ['-verify_return_error'] : [])],
          { input: '' },
        )
        assert.equal(await run.code, code, run.err)
        if (host === 'localhost') assert.match(run.out, /^Verified peername: localhost$/m)
        else assert.match(run.out + run.err, /Hostname mismatch/)
      }
    })

    it('-brief and -quiet', async () => {
      const brief = await client(['-www'], ['-brief', '-CAfile', files.ca], { input: '' })
      assert.equal(await brief.code, 0)
      assert.equal(brief.out, '')
      for (const line of [
        /^CONNECTION ESTABLISHED$/m,
        /^Protocol version: TLSv1\.3$/m,
        /^Ciphersuite: TLS_/m,
        /^Peer certificate: CN = localhost$/m,
        /^Verification: OK$/m,
      ]) {
        assert.match(brief.err, line)
      }
      const quiet = await client(['-www'], ['-quiet', '-CAfile', files.ca], { input: 'GET / HTTP/1.0\r\n\r\n' })
      assert.equal(await quiet.code, 0, quiet.err)
      assert.match(quiet.out, /^HTTP\/1\.0 200 ok\r\n/)
      assert.equal(quiet.err, '')
    })

    it('-msg and -state', async () => {
      const run = await client(['-www'], ['-msg', '-state', '-CAfile', files.ca], { input: '' })
      assert.equal(await run.code, 0)
      assert.match(run.out, /^>>> TLS 1\.\d, RecordHeader \[length 0005\]\n {4}16 03 01 /m)
      assert.match(run.out, /^>>> TLS 1\.3, Handshake \[length [0-9a-f]{4}\], ClientHello\n {4}01 00 /m)
      assert.match(run.out, /^<<< TLS 1\.3, Handshake \[length [0-9a-f]{4}\], ServerHello\n {4}02 00 /m)
      assert.match(run.out, /^<<< TLS 1\.3, Handshake \[length 0034\], Finished$/m)
      assert.match(run.out, /^>>> TLS 1\.3, Alert \[length 0002\], warning close_notify\n {4}01 00$/m)
      assert.match(run.err, /^SSL_connect:SSLv3\/TLS write client hello$/m)
      assert.match(run.err, /^SSL3 alert write:warning:close notify$/m)
      assert.doesNotMatch(run.err, /error/)
    })

    it('-cert and -key, with -pass', { skip: noOpenssl }, async () => {
      const sealed = files.file('sealed.pem')
      spawnSync('openssl', ['pkcs8', '-topk8', '-in', files.key, '-out', sealed, '-passout', 'pass:secret'])
      const word = files.file('word', 'secret\nnot this\n')
      for (const pass of ['pass:secret', `file:${word}`, 'env:WORD']) {
        const args = ['-CAfile', files.ca, '-cert', files.cert, '-key', sealed, '-pass', pass]
        const run = await client(['-Verify', '1', '-CAfile', files.ca, '-rev'], args, { env: { WORD: 'secret' } })
        run.stdin.write('hello\n')
        await run.until(/^olleh$/m)
        run.stdin.end()
        assert.equal(await run.code, 0, run.err)
        assert.match(run.out, /^Acceptable client certificate CA names\nO = typetls, CN = typetls throw-away CA$/m)
      }
      const wrong = await client(['-rev'], ['-cert', files.cert, '-key', sealed, '-pass', 'pass:other'])
      assert.equal(await wrong.code, 1)
      assert.match(wrong.err, /^typetls: no fitting private key could be loaded from /)
    })

    it('names of suites and groups', async () => {
      const run = await client(['-www'], ['-ciphersuites', 'TLS_CHACHA20_POLY1305_SHA256', '-groups', 'P-384'], {
        input: '',
      })
      assert.equal(await run.code, 0, run.err)
      assert.match(run.out, /Cipher is TLS_CHACHA20_POLY1305_SHA256/)
      assert.match(run.out, /Server Temp Key: P-384/)
      const older = await client(
        ['-www'],
        ['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES256-GCM-SHA384', '-sigalgs', 'ECDSA+SHA256'],
        { input: '' },
      )
      assert.equal(await older.code, 0, older.err)
      assert.match(older.out, /Cipher is ECDHE-ECDSA-AES256-GCM-SHA384/)
    })

    it('-status without a response', async () => {
      const run = await client(['-www'], ['-status'], { input: '' })
      assert.equal(await run.code, 0, run.err)
      assert.match(run.out, /^OCSP response: no response sent$/m)
    })

    it('a session that cannot be written', async () => {
      const run = await client(['-www'], ['-sess_out', '/nowhere/session'], { input: '' })
      assert.equal(await run.code, 1)
      assert.match(run.err, /^typetls: -sess_out: the session cannot be written: ENOENT/m)
    })

    it('an alert ends it with 1', async () => {
      const run = await client(['-tls1_2'], ['-tls1_3'], { input: '' })
      assert.equal(await run.code, 1)
      assert.match(run.err, /^typetls: the peer ended the handshake with the alert protocol_version \(70\)/m)
    })
  })
}

describe('s_client', () => {
  const rows: readonly (readonly [args: string, says: RegExp])[] = [
    ['-connect 127.0.0.1:1', /no connection to 127\.0\.0\.1:1: connection refused/],
    ['-ciphersuites TLS_NO', /^typetls: -ciphersuites "TLS_NO" names something that is not known here/],
    ['-cipher NOTHING', /-cipher "NOTHING"/],
    ['-groups secp999', /-groups "secp999"/],
    ['-sigalgs none', /-sigalgs "none"/],
    ['-cert /nowhere.pem', /no certificate could be loaded from \/nowhere\.pem/],
    ['-key /nowhere.pem', /-key goes with -cert/],
    ['-CAfile /nowhere.pem', /no certificates could be loaded from \/nowhere\.pem/],
    ['-sess_in /nowhere', /-sess_in: no session can be read from \/nowhere/],
    ['-pass secret', /-pass takes source: pass:word, file:path or env:variable, and not "secret"/],
    ['-alpn a,,b', /-alpn takes protocols/],
    ['-keylogfile /nowhere/log', /secrets cannot be written to \/nowhere\/log/],
    ['-tls1_1', /has no option -tls1_1; did you mean -tls1_2 or -tls1_3\?/],
  ]
  for (const [args, says] of rows) {
    it(`${args}: ${says.source}`, async () => {
      const run = typetls(['s_client', ...args.split(' ')], { input: '' })
      assert.equal(await run.code, 1)
      assert.match(run.err, says)
    })
  }

  it('speaks STARTTLS first, and nothing of it reaches TLS', async () => {
    const files = await makeFiles()
    const behind = await ours(files, ['-rev'])
    const front = createServer((socket) => {
      socket.on('error', () => {})
      socket.write('220 mail.test ESMTP\r\n')
      socket.once('data', () => {
        socket.write('250-mail.test\r\n250 STARTTLS\r\n')
        socket.once('data', () => {
          const inner = connect(Number(behind.port), '127.0.0.1')
          inner.on('error', () => {})
          socket.write('220 go\r\n')
          socket.pipe(inner).pipe(socket)
        })
      })
    })
    front.listen(0, '127.0.0.1')
    await once(front, 'listening')
    const port = (front.address() as AddressInfo).port
    const run = typetls(['s_client', '-starttls', 'smtp', '-connect', `127.0.0.1:${port}`, '-CAfile', files.ca])
    run.stdin.write('hello\n')
    await run.until(/^olleh$/m)
    run.stdin.end()
    assert.equal(await run.code, 0, run.err)
    front.close()
    behind.stop()
  })

  it('an end without close_notify is an error', async () => {
    const files = await makeFiles()
    const behind = await ours(files, ['-rev'])
    const front = createServer((socket) => {
      const inner = connect(Number(behind.port), '127.0.0.1')
      socket.on('error', () => {})
      inner.on('error', () => {})
      socket.on('data', (data) => inner.write(data))
      let seen = 0
      inner.on('data', (data) => {
        seen += data.length
        // the client's Finished is answered by tickets; with them its handshake is over
        socket.write(data, () => seen > 1200 && socket.end())
      })
    })
    front.listen(0, '127.0.0.1')
    await once(front, 'listening')
    const port = (front.address() as AddressInfo).port
    const run = typetls(['s_client', '-connect', `127.0.0.1:${port}`, '-CAfile', files.ca])
    assert.equal(await run.code, 1)
    assert.match(
      run.err,
      /^typetls: the connection was cut off: the peer ended the connection without a close_notify$/m,
    )
    front.close()
    behind.stop()
  })

  it('-crlf and -ign_eof', async () => {
    const files = await makeFiles()
    const server = typetls([
      's_server',
      '-accept',
      '127.0.0.1:0',
      '-naccept',
      '1',
      '-quiet',
      '-cert',
      files.cert,
      '-key',
      files.key,
    ])
    // -quiet prints no ACCEPT line
    assert.ok(server)
    server.interrupt()
    assert.equal(await server.code, 0)
    const talking = typetls([
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
    const run = typetls(['s_client', '-crlf', '-ign_eof', '-connect', `127.0.0.1:${await portOf(talking)}`], {
      input: 'Q\nhello\n',
    })
    await talking.until(/^Q\r\nhello\r\n/m)
    talking.stdin.write('and you\n')
    await run.until(/^and you$/m)
    talking.stdin.write('Q\n')
    assert.equal(await run.code, 0, run.err)
    assert.match(run.out, /^closed$/m)
    assert.equal(await talking.code, 0, talking.err)
  })
})
