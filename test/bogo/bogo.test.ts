import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { node } from '../../src/crypto/node/index.ts'
import { type Config, Connection, defineConfig, type Facts, memoryTickets, TLS12, TLS13 } from '../../src/index.ts'
import { trustAnyone, writePem } from '../../src/x509/index.ts'
import { materials } from '../materials.ts'
import { disabled } from './disabled.ts'
import { errorMap } from './errors.ts'
import { flagNames, readFlags, Unimplemented } from './flags.ts'
import { globs } from './globs.ts'
import { type Lanes, startLanes } from './lanes.ts'
import { runnerConfig } from './runner.ts'
import { namedSuites } from './suites.ts'
import { prefixed } from './words.ts'

// Without a runner there are still the shim, its forwarder and its tables; a peer of ours plays the runner.

describe('flags', () => {
  test('each belongs to the connections that it names', () => {
    const order = readFlags(
      '-port 1 -server -on-initial-min-version 771 -on-resume-verify-fail -on-retry-curves 29 -curves 23 -curves 24'.split(
        ' ',
      ),
    )
    assert.equal(order.initial['-min-version'], 771)
    assert.equal(order.resume['-min-version'], undefined)
    assert.deepEqual([order.initial['-verify-fail'], order.resume['-verify-fail']], [undefined, true])
    assert.deepEqual(order.initial['-curves'], [23, 24])
    assert.deepEqual(order.retry['-curves'], [29, 23, 24])
    assert.ok(order.initial['-server'] && order.resume['-server'] && order.retry['-server'])
  })

  test('those of credentials go to the last one that was begun', () => {
    const words = '-cert-file a -new-x509-credential -cert-file b -key-file c -new-x509-credential -must-match-issuer'
    const { initial } = readFlags(words.split(' '))
    assert.deepEqual(initial.own, { '-cert-file': 'a' })
    assert.deepEqual(initial.credentials, [{ '-cert-file': 'b', '-key-file': 'c' }, { '-must-match-issuer': true }])
  })

  test('one that is not known is not implemented; one without its value is an error', () => {
    for (const flag of ['-dtls', '-quic', '-on-resume-dtls', '-no-such-flag'])
      assert.throws(() => readFlags([flag]), Unimplemented)
    assert.throws(() => readFlags(['-port']), /no value/)
    assert.equal(new Set(flagNames).size, flagNames.length)
  })

  test('lists of protocols and of suites', () => {
    assert.deepEqual(prefixed('\x02h2\x08http/1.1'), ['h2', 'http/1.1'])
    assert.ok(namedSuites(undefined).length > 10)
    const named = namedSuites('TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256').filter(({ version }) => version === TLS12)
    assert.deepEqual(
      named.map(({ id }) => id),
      [0xc02f],
    )
    const equal = '[TLS_RSA_WITH_AES_256_GCM_SHA384|TLS_RSA_WITH_AES_256_CBC_SHA]'
    for (const offered of [
      [0x9d, 0x35],
      [0x35, 0x9d],
    ])
      assert.deepEqual(
        namedSuites(equal, offered).flatMap(({ id, version }) => (version === TLS12 ? id : [])),
        offered,
      )
    assert.throws(() => namedSuites('[A|B]'), Unimplemented)
  })
})

describe('tables', () => {
  test('globs are what the runner understands, and have a reason of one line', () => {
    for (const [glob, reason] of Object.entries(disabled)) {
      assert.match(glob, /^[\w*?^[\]-]+$/, glob)
      assert.match(reason, /^\S[^\n]{2,130}$/, glob)
      globs(glob)
    }
  })

  for (const [glob, name, matches] of [
    ['DTLS*', 'DTLS-Replay', true],
    ['DTLS*', 'X-DTLS', false],
    ['*-TLS1', 'Basic-TLS1', true],
    ['*-TLS1', 'Basic-TLS12', false],
    ['*-TLS1-[^T]*', 'A-TLS1-Custom', true],
    ['*-TLS1-[^T]*', 'A-TLS1-TLS12', false],
    ['A?C', 'ABC', true],
    ['A.C', 'ABC', false],
    ['*', 'a/b', false],
  ] as const)
    test(`${glob} ${matches ? 'matches' : 'does not match'} ${name}`, () => assert.equal(globs(glob)(name), matches))

  test('errors have names in colons, and something of ours for each', () => {
    for (const [reference, ours] of Object.entries(errorMap)) {
      assert.ok(/^:[A-Z0-9_]+:$/.test(reference) || reference.includes(' '), reference)
      assert.ok(ours.length > 0 && ours.every((one) => /^:[A-Z0-9_]+:$/.test(one)), reference)
    }
    // what the runner reads is plain data
    assert.deepEqual(Object.keys(JSON.parse(JSON.stringify(runnerConfig()))), [
      'DisabledTests',
      'ErrorMap',
      'HalfRTTTickets',
    ])
  })
})

interface Ended {
  readonly code: number | null
  readonly text: string
}

const hasCompiler = ((): boolean => {
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()

for (const [how, compilers] of [
  ['compiled', hasCompiler ? ['cc'] : []],
  ['as a script', []],
] as const) {
  describe(`shim, forwarder ${how}`, { skip: how === 'compiled' && !hasCompiler && 'there is no C compiler' }, () => {
    let lanes: Lanes
    let port = 0
    let play: (socket: Socket, count: number) => void
    let count = 0
    const ids: bigint[] = []
    const listener = createServer((socket) => {
      socket.once('readable', () => {
        const id: Buffer | null = socket.read(8)
        if (id) ids.push(id.readBigUInt64LE())
        play(socket, count++)
      })
    })
    before(async () => {
      lanes = startLanes(1, compilers)
      listener.listen(0, '127.0.0.1')
      await once(listener, 'listening')
      port = (listener.address() as AddressInfo).port
    })
    after(() => {
      lanes.end()
      listener.close()
    })

    const shim = async (...flags: string[]): Promise<Ended> => {
      count = 0
      const child = spawn(lanes.shim, ['-port', String(port), '-shim-id', '7', ...flags], {
        env: lanes.env,
        timeout: 60_000,
      })
      let text = ''
      child.stderr.on('data', (part) => {
        text += part
      })
      const [code] = (await once(child, 'close')) as [number | null]
      return { code, text }
    }
    /** The peer: says something, and expects it back with every bit turned. */
    const converse = (
      role: 'client' | 'server',
      socket: Socket,
      config: Config,
      told = (_: Facts): void => {},
    ): void => {
      const connection = new Connection(role, config)
      const flush = (): void => void socket.write(connection.output.take())
      let said = false
      const run = (): void => {
        try {
          for (;;) {
            const need = connection.advance()
            if (connection.established && !said) {
              said = true
              told(connection.facts)
              connection.write(Uint8Array.of(1, 2, 255))
            }
            flush()
            if (need.kind === 'take') {
              assert.deepEqual([...(connection.take() ?? [])], [254, 253, 0])
              connection.close()
              flush()
              socket.end()
            }
            const bytes: Uint8Array | null = need.kind === 'read' ? socket.read() : null
            if (!bytes) return
            connection.receive(bytes)
          }
        } catch {
          flush()
          socket.end()
        }
      }
      socket.on('readable', run).on('error', () => {})
      run()
    }
    const server = async (versions: readonly (0x0303 | 0x0304)[]) => {
      const m = await materials()
      const tickets = memoryTickets(node)
      return defineConfig({
        provider: node,
        verifier: trustAnyone,
        versions,
        tickets,
        identities: [m.identities['P-256']],
      })
    }

    test('as a client: a handshake, another that resumes it, and the id first of all', async () => {
      for (const version of [TLS13, TLS12] as const) {
        const config = await server([version])
        const resumed: boolean[] = []
        play = (socket) => {
          converse('server', socket, config, (facts) => resumed.push(facts.resumed))
        }
        const ended = await shim(
          '-resume-count',
          '1',
          '-expect-version',
          String(version),
          '-expect-peer-signature-algorithm',
          '1027',
        )
        assert.deepEqual([ended, resumed], [{ code: 0, text: '' }, [false, true]])
      }
      assert.deepEqual(new Set(ids), new Set([7n]))
    })

    test('as a server, with late answers, byte by byte', async () => {
      const m = await materials()
      const { chain, key } = m.identities['P-256']
      const [certificate, secret] = ['chain.pem', 'key.pem'].map((name) => join(lanes.folder, name))
      writeFileSync(certificate as string, writePem('CERTIFICATE', chain[0] as Uint8Array))
      writeFileSync(secret as string, writePem('PRIVATE KEY', (key as unknown as { pkcs8: Uint8Array }).pkcs8))
      play = (socket) => {
        const config = defineConfig({
          provider: node,
          verifier: trustAnyone,
          alpn: ['foo'],
          serverName: 'localhost',
          peerName: 'localhost',
        })
        converse('client', socket, config)
      }
      const flags = ['-server', '-async', '-cert-file', certificate as string, '-key-file', secret as string]
      assert.deepEqual(await shim(...flags, '-select-alpn', 'foo', '-expect-server-name', 'localhost'), {
        code: 0,
        text: '',
      })
      const wrong = await shim(...flags, '-select-alpn', 'foo', '-expect-server-name', 'elsewhere')
      assert.equal(wrong.code, 1)
      assert.match(wrong.text, /the name is localhost, elsewhere was expected/)
    })

    test('says what is wrong by the reason, and what it cannot by 89', async () => {
      const config = await server([TLS12])
      play = (socket) => converse('server', socket, config)
      const refused = await shim('-min-version', String(TLS13))
      assert.equal(refused.code, 1)
      assert.match(refused.text, /^:ALERT_PROTOCOL_VERSION: /)
      play = (socket) => void socket.end('SSH-2.0-x\r\n')
      assert.match((await shim()).text, /^:WRONG_VERSION_NUMBER: /)
      assert.deepEqual(await shim('-dtls'), { code: 89, text: 'not implemented: -dtls\n' })
      assert.deepEqual(await shim('-max-version', '770'), { code: 89, text: 'not implemented: TLS 1.1 and below\n' })
      assert.equal(execFileSync(lanes.shim, ['-is-handshaker-supported'], { encoding: 'utf8' }), 'No\n')
    })

    test('a lane that ends in the middle of a case fails that case, and no other', async () => {
      const config = await server([TLS13])
      // what a forwarder sends, by hand: the case waits for us, and then we have gone
      let waiting: Socket | undefined
      play = (socket) => {
        waiting = socket
      }
      const way = connect(join(lanes.folder, '0.sock'))
      await once(way, 'connect')
      way.end(['-port', String(port), '-shim-id', '9'].map((word) => `${word}\0`).join(''))
      while (!waiting) await new Promise((resolve) => setTimeout(resolve, 5))
      way.destroy()
      waiting.destroy()
      play = (socket) => converse('server', socket, config)
      assert.deepEqual(await shim(), { code: 0, text: '' })
    })
  })
}

test('the suite without a runner says that it is skipped', () => {
  const said = execFileSync(process.execPath, [...process.execArgv, new URL('main.ts', import.meta.url).pathname], {
    encoding: 'utf8',
  })
  assert.match(said, /^bogo: skipped, no runner was named\n$/)
})

test('its README names its command', () => {
  const text = readFileSync(new URL('README.md', import.meta.url), 'utf8')
  assert.match(text, /npm run suite:bogo -- RUNNER \[PATTERN\]/)
})
