import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { bytes, materials, useIdentity } from '../../test/openssl/bench.ts'
import * as o from './index.ts'

/** Pre-shared keys and early data with the `openssl` program of this machine. */

const skip = spawnSync('openssl', ['version']).status === 0 ? false : 'there is no openssl program here'
const KEY = 'a1b2c3d4e5f60718293a4b5c6d7e8f90'
const key = Uint8Array.from(Buffer.from(KEY, 'hex'))

/** Calls again until it is done. */
const until = async (ssl: o.SSL, act: () => number): Promise<number> => {
  for (;;) {
    const ret = act()
    const error = o.SSL_get_error(ssl, ret)
    if (error !== o.SSL_ERROR_WANT_READ && error !== o.SSL_ERROR_WANT_WRITE && error !== o.SSL_ERROR_WANT_ASYNC)
      return ret
    await o.SSL_wait(ssl, { timeoutMs: 20_000 })
  }
}

/** What the program has said, once it has said this, or has ended. */
const says = (child: ChildProcess, wanted: RegExp): Promise<string> =>
  new Promise((resolve) => {
    let said = ''
    const hear = (part: Buffer): void => {
      said += part.toString()
      if (wanted.test(said)) resolve(said)
    }
    child.stdout?.on('data', hear)
    child.stderr?.on('data', hear)
    child.on('close', () => resolve(said))
  })

/** One connection of `openssl s_client` to a server of ours: early data, then what both say. */
const served = async (ctx: o.SSL_CTX, args: readonly string[], wanted: RegExp) => {
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  const child = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, ...args])
  try {
    const said = says(child, wanted)
    const [socket] = await once(listener, 'connection')
    const ssl = o.SSL_new(ctx) as o.SSL
    o.SSL_set_accept_state(ssl)
    o.SSL_set_fd(ssl, socket)
    const into = new Uint8Array(100)
    let early = ''
    for (;;) {
      let n = 0
      const ret = await until(ssl, () => {
        const done = o.SSL_read_early_data(ssl, into)
        n = done.readbytes
        return done.ret
      })
      if (ret !== o.SSL_READ_EARLY_DATA_SUCCESS) break
      early += new TextDecoder().decode(into.subarray(0, n))
    }
    const accepted = await until(ssl, () => o.SSL_accept(ssl))
    await until(ssl, () => o.SSL_write(ssl, bytes('welcome\n')))
    const heard = await said
    const identity = o.SSL_get_psk_identity(ssl)
    await until(ssl, () => o.SSL_shutdown(ssl))
    socket.destroy()
    return { accepted, early, identity, heard }
  } finally {
    child.kill()
    listener.close()
  }
}

describe('PSK and early data with another implementation', { skip }, () => {
  for (const version of ['-tls1_2', '-tls1_3']) {
    it(`openssl s_client -psk ${version}`, async () => {
      const ctx = o.SSL_CTX_new(o.TLS_method()) as o.SSL_CTX
      o.SSL_CTX_set_psk_server_callback(ctx, (_ssl, identity) => (identity === 'id1' ? key : null))
      const args = ['-psk', KEY, '-psk_identity', 'id1', version, '-quiet']
      const { accepted, identity, heard } = await served(ctx, args, /welcome/)
      assert.deepEqual([accepted, identity], [1, 'id1'], heard)
      assert.match(heard, /welcome/)
    })

    it(`openssl s_server -psk ${version}`, async () => {
      const child = spawn('openssl', [
        's_server',
        '-accept',
        '127.0.0.1:0',
        '-psk',
        KEY,
        '-psk_identity',
        'id1',
        '-nocert',
        '-rev',
        version,
      ])
      try {
        const port = Number(/ACCEPT \S*:(\d+)/.exec(await says(child, /ACCEPT \S*:\d+\s/))?.[1])
        const ctx = o.SSL_CTX_new(o.TLS_method()) as o.SSL_CTX
        o.SSL_CTX_set_psk_client_callback(ctx, () => ({ identity: 'id1', psk: key }))
        const ssl = o.SSL_new(ctx) as o.SSL
        const socket = connect(port, '127.0.0.1')
        await once(socket, 'connect')
        o.SSL_set_fd(ssl, socket)
        assert.equal(await until(ssl, () => o.SSL_connect(ssl)), 1)
        await until(ssl, () => o.SSL_write(ssl, bytes('abc\n')))
        const into = new Uint8Array(10)
        assert.equal(await until(ssl, () => o.SSL_read(ssl, into)), 4)
        assert.equal(new TextDecoder().decode(into.subarray(0, 4)), 'cba\n')
        socket.destroy()
      } finally {
        child.kill()
      }
    })
  }

  it('openssl s_server -early_data', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'typetls-'))
    const { leaf } = await materials()
    const pem = (label: string, der: Uint8Array): string =>
      `-----BEGIN ${label}-----\n${Buffer.from(der).toString('base64')}\n-----END ${label}-----\n`
    const { pkcs8 } = leaf.key as { readonly pkcs8?: Uint8Array }
    assert.ok(pkcs8)
    writeFileSync(join(folder, 'leaf.pem'), pem('CERTIFICATE', leaf.certificate.raw) + pem('PRIVATE KEY', pkcs8))
    const child = spawn('openssl', [
      ...['s_server', '-accept', '127.0.0.1:0', '-cert', join(folder, 'leaf.pem'), '-key', join(folder, 'leaf.pem')],
      ...['-tls1_3', '-early_data', '-max_early_data', '1000'],
    ])
    try {
      const port = Number(/ACCEPT \S*:(\d+)/.exec(await says(child, /ACCEPT \S*:\d+\s/))?.[1])
      const ctx = o.SSL_CTX_new(o.TLS_method()) as o.SSL_CTX
      const talk = async (session: o.SSL_SESSION | null) => {
        const ssl = o.SSL_new(ctx) as o.SSL
        o.SSL_set_connect_state(ssl)
        if (session) o.SSL_set_session(ssl, session)
        const socket = connect(port, '127.0.0.1')
        await once(socket, 'connect')
        o.SSL_set_fd(ssl, socket)
        let heard: Promise<string> | undefined
        if (session) {
          heard = says(child, /sent early/)
          assert.equal(await until(ssl, () => o.SSL_write_early_data(ssl, bytes('sent early\n')).ret), 1)
        }
        assert.equal(await until(ssl, () => o.SSL_connect(ssl)), 1)
        assert.equal(o.SSL_get_early_data_status(ssl), session ? o.SSL_EARLY_DATA_ACCEPTED : o.SSL_EARLY_DATA_NOT_SENT)
        if (heard) assert.match(await heard, /sent early/)
        // what the server says brings its tickets along
        child.stdin?.write('hello\n')
        const into = new Uint8Array(10)
        assert.equal(await until(ssl, () => o.SSL_read(ssl, into)), 6)
        const kept = o.SSL_get1_session(ssl)
        await until(ssl, () => o.SSL_shutdown(ssl))
        socket.destroy()
        return kept
      }
      const session = await talk(null)
      assert.equal(o.SSL_SESSION_get_max_early_data(session as o.SSL_SESSION), 1000)
      await talk(session)
    } finally {
      child.kill()
      rmSync(folder, { recursive: true })
    }
  })

  it('openssl s_client -early_data', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'typetls-'))
    try {
      const ctx = o.SSL_CTX_new(o.TLS_method()) as o.SSL_CTX
      useIdentity(ctx, (await materials()).leaf)
      o.SSL_CTX_set_max_early_data(ctx, 1000)
      const session = join(folder, 'session')
      const data = join(folder, 'data')
      writeFileSync(data, 'sent early')
      const first = await served(ctx, ['-tls1_3', '-sess_out', session], /---\s+welcome|welcome/)
      assert.deepEqual([first.accepted, first.early], [1, ''], first.heard)
      const args = ['-tls1_3', '-sess_in', session, '-early_data', data]
      const second = await served(ctx, args, /Early data was \w+/)
      assert.deepEqual([second.accepted, second.early], [1, 'sent early'], second.heard)
      assert.match(second.heard, /Early data was accepted/)
      const third = await served(ctx, args, /Early data was \w+/)
      assert.deepEqual([third.accepted, third.early], [1, ''], third.heard)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
