import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

/** The example clients, each a process of its own, against OpenSSL's server. */

const openssl = spawnSync('openssl', ['version'], { encoding: 'utf8' })
const absent = openssl.status === 0 ? false : 'there is no openssl command here'
const loader = process.execArgv.filter((arg) => !arg.startsWith('--test'))

const run = async (command: string, args: readonly string[]): Promise<{ status: number; out: string; err: string }> => {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let [out, err] = ['', '']
  child.stdout.on('data', (data) => (out += data))
  child.stderr.on('data', (data) => (err += data))
  const [status] = await once(child, 'close')
  return { status, out, err }
}

describe('examples against openssl s_server', { skip: absent }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'examples-'))
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
  const servers: ChildProcess[] = []

  /** Answers a GET with a page about the connection. Its port. */
  const serve = async (...options: string[]): Promise<string> => {
    const server = spawn(
      'openssl',
      ['s_server', '-accept', '127.0.0.1:0', '-key', key, '-cert', certificate, '-www', ...options],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    )
    servers.push(server)
    let said = ''
    return new Promise((resolve, reject) => {
      server.stdout.on('data', (data) => {
        said += data
        const port = /ACCEPT \S*:(\d+)/.exec(said)?.[1]
        if (port !== undefined) resolve(port)
      })
      server.on('close', () => reject(new Error(`openssl s_server did not listen: ${said}`)))
    })
  }

  before(async () => {
    const made = await run('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', certificate],
    ])
    assert.equal(made.status, 0, made.err)
  })
  after(() => {
    for (const server of servers) server.kill()
    rmSync(folder, { recursive: true })
  })

  for (const example of ['client', 'blocking-client', 'pair-client']) {
    const path = fileURLToPath(new URL(`../examples/${example}.ts`, import.meta.url))
    for (const [option, version] of [
      ['-tls1_3', 'TLSv1.3'],
      ['-tls1_2', 'TLSv1.2'],
    ] as const) {
      test(`${example} with ${version}`, { timeout: 120_000 }, async () => {
        const port = await serve(option)
        const { status, out, err } = await run(process.execPath, [...loader, path, 'localhost', port, certificate])
        assert.deepEqual([status, err.replace(/^.*ExperimentalWarning.*\n.*\n/m, '')], [0, ''])
        assert.match(out, /^HTTP\/1\.0 200 ok/)
        assert.ok(out.includes(`Protocol  : ${version}`), out)
        assert.ok(out.trimEnd().endsWith('</HTML>') || out.includes('</pre></BODY></HTML>'), 'the whole page')
      })
    }
    test(`${example} does not trust a certificate that nobody vouches for`, { timeout: 120_000 }, async () => {
      const port = await serve()
      const { status, err } = await run(process.execPath, [...loader, path, 'localhost', port])
      assert.notEqual(status, 0)
      assert.match(err, /certificate verify failed/)
    })
  }
})
