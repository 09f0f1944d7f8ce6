import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createSecureServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Authority } from './authority.ts'

/** The debugging proxy of examples/, a process of its own, with stock clients; what is not installed is skipped. */

const loader = process.execArgv.filter((arg) => !arg.startsWith('--test'))
const has = (name: string, flag = '--version'): boolean => spawnSync(name, [flag]).error === undefined
const browser = ['chromium', 'chromium-browser', 'google-chrome'].find((name) => has(name))

interface Seen {
  readonly name?: string
  readonly action?: string
  readonly protocol?: string
  readonly client?: string
  readonly code?: string
  readonly ja3?: string
  readonly ja4?: string
  readonly hello?: string
}

const folder = mkdtempSync(join(tmpdir(), 'proxy-'))
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const run = async (
  command: string,
  args: readonly string[],
  stdin = '',
): Promise<{ status: number | null; out: string; err: string }> => {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: 90_000 })
  let [out, err] = ['', '']
  child.stdout.on('data', (data) => (out += data))
  child.stderr.on('data', (data) => (err += data))
  child.stdin.on('error', () => {})
  child.stdin.end(stdin)
  const [status] = (await once(child, 'close')) as [number | null]
  return { status, out, err }
}

describe('the debugging proxy', () => {
  const proxyCa = join(folder, 'proxy-ca.pem')
  let proxy: ChildProcess
  let port = 0
  const seen: Seen[] = []
  let told = (): void => {}
  /** The next line that the proxy says about this name. */
  const about = async (name: string): Promise<Seen> => {
    for (;;) {
      const found = seen.findIndex((line) => line.name === name)
      if (found >= 0) return seen.splice(found, 1)[0] as Seen
      await new Promise<void>((resolve) => (told = resolve))
    }
  }
  const paths: Record<string, string> = {}
  const server = createSecureServer({ allowHTTP1: true, key: '', cert: '' })
  server.on('request', (request, response) => response.end(`<p>hello over ${request.httpVersion}</p>`))

  before(async () => {
    const authority = await Authority.make('the server')
    const leaf = await authority.leaf(['end.test', 'pass.test', 'ask.test'])
    const visitor = await authority.leaf(['visitor'])
    server.setSecureContext({ key: leaf.key, cert: leaf.cert })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    Object.assign(paths, {
      server: file('server-ca.pem', authority.ca),
      cert: file('cert.pem', visitor.cert),
      key: file('key.pem', visitor.key),
    })
    const { port: target } = server.address() as AddressInfo
    const example = fileURLToPath(new URL('../examples/proxy.ts', import.meta.url))
    const flags = {
      port: '0',
      ca: proxyCa,
      pass: 'pass.test',
      ask: 'ask.test',
      'client-ca': paths['server'],
      trust: paths['server'],
      to: `127.0.0.1:${target}`,
    }
    const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value as string])
    proxy = spawn(process.execPath, [...loader, example, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
    const lines = createInterface({ input: proxy.stdout as NodeJS.ReadableStream })
    const [first] = (await once(lines, 'line')) as [string]
    port = JSON.parse(first).listening
    lines.on('line', (line) => {
      seen.push(JSON.parse(line))
      told()
    })
  })
  after(async () => {
    proxy?.kill()
    server.close()
    rmSync(folder, { recursive: true })
  })

  const curl = (url: string, ca: string | undefined, ...more: string[]) =>
    run('curl', [
      '-sS',
      '--proxy',
      `http://127.0.0.1:${port}`,
      '--cacert',
      ca as string,
      '--max-time',
      '60',
      ...more,
      url,
    ])

  describe('curl', { skip: has('curl') ? false : 'there is no curl here' }, () => {
    test('TLS ended here, in the protocol that the server speaks', async () => {
      const { out, err } = await curl('https://end.test/', proxyCa)
      assert.match(out, /hello over [12]/, err)
      const line = await about('end.test')
      assert.equal(line.action, 'end')
      assert.match(line.protocol ?? '', /^(?:h2|http\/1\.1)$/)
      assert.match(line.ja4 ?? '', /^t13d/)
      assert.notEqual((await curl('https://end.test/', paths['server'])).status, 0)
      await about('end.test')
    })

    test('passed through untouched', async () => {
      const { out, err } = await curl('https://pass.test/', paths['server'])
      assert.match(out, /hello over/, err)
      assert.equal((await about('pass.test')).protocol, undefined)
      assert.notEqual((await curl('https://pass.test/', proxyCa)).status, 0)
      await about('pass.test')
    })

    test('a client certificate demanded', async () => {
      assert.notEqual((await curl('https://ask.test/', proxyCa)).status, 0)
      assert.equal((await about('ask.test')).code, 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE')
      const { out, err } = await curl(
        'https://ask.test/',
        proxyCa,
        '--cert',
        paths['cert'] as string,
        '--key',
        paths['key'] as string,
      )
      assert.match(out, /hello over/, err)
      assert.match((await about('ask.test')).client ?? '', /visitor/)
    })
  })

  test('openssl', { skip: has('openssl', 'version') ? false : 'there is no openssl here' }, async () => {
    const args = ['s_client', '-proxy', `127.0.0.1:${port}`, '-connect', 'end.test:443', '-servername', 'end.test']
    const { out, status } = await run('openssl', [
      ...args,
      '-CAfile',
      proxyCa,
      '-verify_return_error',
      '-verify_hostname',
      'end.test',
    ])
    assert.equal(status, 0, out)
    assert.match(out, /issuer=CN = debugging proxy/)
    await about('end.test')
  })

  test('chromium', { skip: browser ? false : 'there is no chromium here', timeout: 120_000 }, async () => {
    const flags = [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--ignore-certificate-errors',
    ]
    const profile = [`--user-data-dir=${join(folder, 'profile')}`, `--proxy-server=http://127.0.0.1:${port}`]
    const { out } = await run(browser as string, [...flags, ...profile, '--dump-dom', 'https://end.test/'])
    assert.match(out, /hello over 2/)
    const line = await about('end.test')
    assert.equal(line.protocol, 'h2')
    judged(line)
  })

  // ---- what another program makes of the same hello

  const fields = has('tshark')
    ? spawnSync('tshark', ['-G', 'fields'], { encoding: 'utf8', maxBuffer: 1 << 28 }).stdout
    : ''
  const known = (['ja3', 'ja4'] as const).filter((name) => fields.includes(`\ttls.handshake.${name}\t`))

  /** A capture of one packet, in the form of pcap: IPv4 and TCP to port 443, and a record with the hello. */
  const capture = (hello: Buffer): Buffer => {
    const record = Buffer.concat([Buffer.of(22, 3, 1, hello.length >> 8, hello.length & 255), hello])
    const tcp = Buffer.alloc(20)
    tcp.writeUInt16BE(40000, 0)
    tcp.writeUInt16BE(443, 2)
    tcp.writeUInt32BE(1, 4)
    tcp.writeUInt16BE(0x5018, 12)
    tcp.writeUInt16BE(65535, 14)
    const ip = Buffer.alloc(20)
    ip[0] = 0x45
    ip.writeUInt16BE(40 + record.length, 2)
    ip[8] = 64
    ip[9] = 6
    ip.set([127, 0, 0, 1, 127, 0, 0, 1], 12)
    const packet = Buffer.concat([ip, tcp, record])
    const head = Buffer.alloc(40)
    head.writeUInt32LE(0xa1b2c3d4, 0)
    head.writeUInt16LE(2, 4)
    head.writeUInt16LE(4, 6)
    head.writeUInt32LE(262_144, 16)
    head.writeUInt32LE(101, 20)
    head.writeUInt32LE(packet.length, 32)
    head.writeUInt32LE(packet.length, 36)
    return Buffer.concat([head, packet])
  }

  const judged = (line: Seen): void => {
    if (known.length === 0) return
    const path = join(folder, 'hello.pcap')
    writeFileSync(path, capture(Buffer.from(line.hello ?? '', 'hex')))
    const args = ['-r', path, '-T', 'fields', ...known.flatMap((name) => ['-e', `tls.handshake.${name}`])]
    const { stdout } = spawnSync('tshark', args, { encoding: 'utf8' })
    assert.deepEqual(
      stdout.trim().split('\t'),
      known.map((name) => line[name]),
    )
  }

  test('JA3 and JA4 are those of tshark', {
    skip: known.length > 0 && has('openssl', 'version') ? false : 'there is no tshark here that tells them',
  }, async () => {
    const to = ['s_client', '-proxy', `127.0.0.1:${port}`, '-connect', 'end.test:443']
    for (const flags of [
      ['-servername', 'end.test'],
      ['-servername', 'end.test', '-alpn', 'h2,http/1.1'],
      ['-servername', 'end.test', '-tls1_2'],
      ['-noservername', '-groups', 'P-256'],
    ]) {
      await run('openssl', [...to, ...flags])
      judged(await about('end.test'))
    }
  })
})
