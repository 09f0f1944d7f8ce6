import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { constants, fstatSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex, PassThrough } from 'node:stream'
import { beforeEach, type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { Misuse } from '../errors.ts'
import * as ssl from './index.ts'
import { errnos } from './platform.ts'

beforeEach(() => {
  ssl.ERR_clear_error()
  ssl.set_errno(0)
})

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (data: Uint8Array): string => new TextDecoder().decode(data)
const read = (bio: ssl.BIO, num = 100): [number, string] => {
  const buf = new Uint8Array(num)
  const ret = ssl.BIO_read(bio, buf)
  return [ret, text(buf.subarray(0, Math.max(ret, 0)))]
}
const flags = (bio: ssl.BIO): number[] => [
  ssl.BIO_should_retry(bio),
  ssl.BIO_should_read(bio),
  ssl.BIO_should_write(bio),
  ssl.BIO_should_io_special(bio),
]
const RETRY_READ = [1, 1, 0, 0]
const RETRY_WRITE = [1, 0, 1, 0]
const NO_RETRY = [0, 0, 0, 0]
const EVENTS = ['readable', 'end', 'error', 'close', 'finish', 'drain', 'connect']
const listeners = (stream: Duplex): number[] => EVENTS.map((event) => stream.listenerCount(event))

/** Both ends of a TCP connection, closed when the test ends. */
const joined = async (t: TestContext): Promise<[Socket, Socket]> => {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const [[accepted]] = await Promise.all([once(server, 'connection') as Promise<[Socket]>, once(client, 'connect')])
  t.after(() => {
    server.close()
    for (const socket of [client, accepted]) {
      socket.on('error', () => {})
      socket.destroy()
    }
  })
  return [client, accepted]
}

/** Reads until something other than "later" comes. */
const awaited = async (bio: ssl.BIO, num = 100): Promise<[number, string]> => {
  for (;;) {
    const got = read(bio, num)
    if (got[0] !== -1 || ssl.BIO_should_retry(bio) === 0) return got
    await ssl.BIO_wait(bio, 'read')
  }
}

test('U1: nothing to read', async (t) => {
  const [socket] = await joined(t)
  const bio = ssl.BIO_new_socket(socket, ssl.BIO_NOCLOSE)!
  assert.equal(read(bio)[0], -1)
  assert.deepEqual(flags(bio), RETRY_READ)
  assert.equal(ssl.BIO_eof(bio), 0)
  assert.equal(ssl.BIO_pending(bio), 0)
  assert.deepEqual([ssl.BIO_method_type(bio), ssl.BIO_method_name(bio)], [0x505, 'socket'])
  assert.equal(ssl.BIO_flush(bio), 1)
  assert.equal(ssl.BIO_gets(bio, new Uint8Array(3)), -2)
  ssl.BIO_free(bio)
})

test('bytes arrive in pieces of the reader’s size, then the end', async (t) => {
  const [socket, peer] = await joined(t)
  const bio = ssl.BIO_new_socket(socket, ssl.BIO_NOCLOSE)!
  peer.write('0123456789')
  assert.deepEqual(await awaited(bio, 4), [4, '0123'])
  assert.deepEqual(read(bio, 4), [4, '4567'])
  assert.deepEqual(flags(bio), NO_RETRY)
  assert.deepEqual(read(bio, 4), [2, '89'])
  assert.equal(read(bio, 4)[0], -1)
  peer.end('last')
  assert.deepEqual(await awaited(bio), [4, 'last'])
  assert.deepEqual(await awaited(bio), [0, ''], 'U2')
  assert.equal(ssl.get_errno(), 0)
  assert.deepEqual(flags(bio), NO_RETRY)
  assert.equal(ssl.BIO_eof(bio), 1)
  assert.deepEqual(read(bio), [0, ''], 'and again')
  assert.equal(ssl.BIO_puts(bio, 'still open this way'), 19)
  assert.deepEqual(text((await once(peer, 'data'))[0]), 'still open this way')
  ssl.BIO_free(bio)
})

test('U3 U4: a connection that was reset', async (t) => {
  const [socket, peer] = await joined(t)
  const bio = ssl.BIO_new_socket(socket, ssl.BIO_NOCLOSE)!
  read(bio)
  peer.resetAndDestroy()
  assert.equal((await awaited(bio))[0], -1)
  assert.equal(ssl.get_errno(), errnos['ECONNRESET'])
  assert.deepEqual(flags(bio), NO_RETRY)
  assert.equal(ssl.BIO_eof(bio), 0)
  assert.equal(ssl.BIO_puts(bio, 'x'), -1, 'U4')
  assert.equal(ssl.get_errno(), errnos['EPIPE'])
  assert.deepEqual(flags(bio), NO_RETRY)
  await ssl.BIO_wait(bio, 'read')
  await ssl.BIO_wait(bio, 'write')
  ssl.BIO_free(bio)
})

test('U6: a socket BIO without a socket, and one with a descriptor that is none', () => {
  const bio = ssl.BIO_new(ssl.BIO_s_socket())!
  assert.equal(read(bio)[0], -2)
  assert.equal(ssl.ERR_GET_REASON(ssl.ERR_get_error()), 120)
  assert.equal(ssl.BIO_get_fd(bio), -1)
  assert.equal(ssl.BIO_set_fd(bio, 987, ssl.BIO_NOCLOSE), 1, 'B11')
  assert.equal(ssl.BIO_get_fd(bio), 987)
  for (const call of [() => read(bio)[0], () => ssl.BIO_puts(bio, 'x')]) {
    ssl.set_errno(0)
    assert.equal(call(), -1)
    assert.equal(ssl.get_errno(), errnos['EBADF'])
    assert.deepEqual(flags(bio), NO_RETRY)
  }
  assert.throws(() => ssl.BIO_set_fd(bio, 1.5, 0), Misuse)
})

test('U6b: a stream shows its descriptor and itself', async (t) => {
  const [socket] = await joined(t)
  const chain = ssl.BIO_push(ssl.BIO_new(ssl.BIO_f_buffer()), ssl.BIO_new_socket(socket, ssl.BIO_NOCLOSE))!
  assert.equal(ssl.BIO_get_socket(chain), socket)
  assert.ok(ssl.BIO_get_fd(chain) > 2)
  ssl.BIO_free_all(chain)
  assert.equal(ssl.BIO_get_socket(ssl.BIO_new(ssl.BIO_s_mem())!), null)
  assert.equal(ssl.BIO_get_fd(ssl.BIO_new_socket(new PassThrough(), ssl.BIO_NOCLOSE)!), -1)
})

test('a descriptor given by its number: read, and still open after BIO_NOCLOSE', async (t) => {
  if (process.platform === 'win32') return t.skip('no named pipes in the file system')
  const folder = mkdtempSync(join(tmpdir(), 'bio-'))
  execFileSync('mkfifo', [join(folder, 'pipe')])
  const fd = openSync(join(folder, 'pipe'), constants.O_RDWR | constants.O_NONBLOCK)
  t.after(() => rmSync(folder, { recursive: true }))
  const bio = ssl.BIO_new_socket(fd, ssl.BIO_NOCLOSE)!
  assert.equal(ssl.BIO_get_fd(bio), fd)
  assert.equal(read(bio)[0], -1)
  assert.deepEqual(flags(bio), RETRY_READ)
  writeSync(fd, 'abc')
  assert.deepEqual(await awaited(bio), [3, 'abc'])
  ssl.BIO_free(bio)
  assert.ok(fstatSync(fd).isFIFO())
})

test('no byte is lost and none overtakes: a slow reader, a fast writer, both with the same waits', async (t) => {
  const [socket, peer] = await joined(t)
  const [out, into] = [ssl.BIO_new_socket(socket, ssl.BIO_CLOSE)!, ssl.BIO_new_socket(peer, ssl.BIO_CLOSE)!]
  const total = 5_000_000
  let most = 0
  let refused = 0
  const write = async (): Promise<void> => {
    const piece = new Uint8Array(30_011)
    for (let sent = 0; sent < total; ) {
      for (const at of piece.keys()) piece[at] = (sent + at) % 251
      const n = ssl.BIO_write(out, piece, Math.min(piece.length, total - sent))
      most = Math.max(most, socket.writableLength)
      if (n > 0) sent += n
      else {
        assert.deepEqual([n, flags(out)], [-1, RETRY_WRITE])
        refused++
        await ssl.BIO_wait(out, 'write')
      }
      piece.fill(255) // what BIO_write was given is the caller's again
    }
    ssl.BIO_free(out)
  }
  const drain = async (): Promise<number> => {
    const buf = new Uint8Array(10_007)
    let got = 0
    for (;;) {
      const n = ssl.BIO_read(into, buf)
      if (n === 0) return got
      if (n < 0) await ssl.BIO_wait(into, 'read')
      for (const byte of buf.subarray(0, Math.max(n, 0))) {
        if (byte !== got++ % 251) assert.fail(`byte ${got - 1} is ${byte}`)
      }
    }
  }
  const [got] = await Promise.all([drain(), write()])
  assert.equal(got, total)
  assert.ok(refused > 0, 'there was backpressure')
  assert.ok(most < 200_000, `at most ${most} bytes waited`)
  ssl.BIO_free(into)
})

test('a peer that does not read is felt, and freeing with BIO_CLOSE still delivers', async (t) => {
  const [socket, peer] = await joined(t)
  peer.pause()
  const bio = ssl.BIO_new_socket(socket, ssl.BIO_CLOSE)!
  let sent = 0
  for (;;) {
    const n = ssl.BIO_write(bio, new Uint8Array(65536).fill(7))
    if (n > 0) sent += n
    else {
      await setImmediate()
      if (socket.writableNeedDrain) break
    }
    if (sent > 64 << 20) assert.fail('a socket took 64 MiB that nobody read')
  }
  assert.equal(ssl.BIO_puts(bio, 'x'), -1)
  assert.deepEqual(flags(bio), RETRY_WRITE)
  const closed = once(socket, 'close')
  ssl.BIO_free(bio)
  let got = 0
  peer.on('data', (data: Buffer) => (got += data.length)).resume()
  await once(peer, 'end')
  assert.equal(got, sent)
  await closed
})

test('given back with BIO_NOCLOSE, a socket has its listeners and its unread bytes', async (t) => {
  const [socket, peer] = await joined(t)
  const before = listeners(socket)
  const bio = ssl.BIO_new_socket(socket, ssl.BIO_NOCLOSE)!
  const waiting = ssl.BIO_wait(bio, 'read')
  peer.write('for the BIO, for the next')
  await waiting
  assert.deepEqual(read(bio, 13), [13, 'for the BIO, '])
  ssl.BIO_free(bio)
  assert.deepEqual(listeners(socket), before)
  const second = ssl.BIO_new_socket(socket, ssl.BIO_NOCLOSE)!
  assert.deepEqual(await awaited(second, 4), [4, 'for '])
  ssl.BIO_free(second)
  await setImmediate()
  const [rest] = await once(socket, 'data')
  assert.equal(text(rest), 'the next')
})

test('many waits leave no listener behind', async (t) => {
  const [socket] = await joined(t)
  const bio = ssl.BIO_new_socket(socket, ssl.BIO_NOCLOSE)!
  const held = listeners(socket)
  const controller = new AbortController()
  const waits = Array.from({ length: 50 }, () => ssl.BIO_wait(bio, 'read', { signal: controller.signal }))
  assert.deepEqual(listeners(socket), held)
  controller.abort()
  await Promise.allSettled(waits)
  assert.equal(bio.waiters, null)
  ssl.BIO_free(bio)
})

test('lending and giving: neither side copies', async (t) => {
  const [socket, peer] = await joined(t)
  const [out, into] = [ssl.BIO_new_socket(socket, ssl.BIO_NOCLOSE)!, ssl.BIO_new_socket(peer, ssl.BIO_NOCLOSE)!]
  assert.equal(ssl.BIO_lend(into), null)
  assert.equal(ssl.BIO_give(out, bytes('0123456789')), 10)
  await ssl.BIO_wait(into, 'read')
  assert.equal(text(ssl.BIO_lend(into)!), '0123456789')
  ssl.BIO_take(into, 3)
  assert.deepEqual(read(into, 2), [2, '34'])
  assert.equal(text(ssl.BIO_lend(into)!), '56789')
  ssl.BIO_take(into, 5)
  assert.equal(ssl.BIO_lend(into), null)
  assert.deepEqual([ssl.BIO_number_written(out), ssl.BIO_number_read(into)], [10, 10])
  ssl.BIO_free(out)
  ssl.BIO_free(into)
})

test('a socket that still connects says "later" both ways; one that failed says why', async (t) => {
  const server = createServer((socket) => socket.resume()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const socket = connect(port, '127.0.0.1')
  const bio = ssl.BIO_new_socket(socket, ssl.BIO_CLOSE)!
  assert.equal(ssl.BIO_puts(bio, 'early'), -1)
  assert.deepEqual(flags(bio), RETRY_WRITE)
  assert.equal(read(bio)[0], -1)
  assert.deepEqual(flags(bio), RETRY_READ)
  await ssl.BIO_wait(bio, 'write')
  assert.equal(ssl.BIO_puts(bio, 'now'), 3)
  ssl.BIO_free(bio)
  await new Promise((resolve) => server.close(resolve))

  const late = ssl.BIO_new_socket(connect(port, '127.0.0.1'), ssl.BIO_CLOSE)!
  await ssl.BIO_wait(late, 'write')
  assert.equal(ssl.BIO_puts(late, 'x'), -1)
  assert.equal(ssl.get_errno(), errnos['ECONNREFUSED'])
  assert.deepEqual(flags(late), NO_RETRY)
  t.after(() => ssl.BIO_free(late))
})

test('any Duplex of bytes will do, and one of anything else is refused', async () => {
  const through = new PassThrough()
  const bio = ssl.BIO_new_socket(through, ssl.BIO_CLOSE)!
  assert.equal(ssl.BIO_puts(bio, 'round trip'), 10)
  assert.deepEqual(await awaited(bio), [10, 'round trip'])
  through.end()
  assert.deepEqual(await awaited(bio), [0, ''])
  assert.equal(ssl.BIO_puts(bio, 'x'), -1)
  assert.equal(ssl.get_errno(), errnos['EPIPE'])
  ssl.BIO_free(bio)
  assert.throws(() => ssl.BIO_new_socket(new PassThrough({ objectMode: true }), 0), Misuse)
  const decoding = new PassThrough()
  decoding.setEncoding('utf8')
  assert.throws(() => ssl.BIO_new_socket(decoding, 0), Misuse)
})

test('a stream whose failure names no errno fails with EIO, after the bytes it brought', async () => {
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
  const bio = ssl.BIO_new_socket(stream, ssl.BIO_CLOSE)!
  stream.push('before')
  await ssl.BIO_wait(bio, 'read')
  stream.destroy(new Error('something else'))
  await setImmediate()
  assert.deepEqual(read(bio), [6, 'before'])
  assert.equal(read(bio)[0], -1)
  assert.equal(ssl.get_errno(), errnos['EIO'])
  ssl.BIO_free(bio)
})

test('a stream that its owner destroyed is a bad descriptor', async () => {
  const stream = new PassThrough()
  const bio = ssl.BIO_new_socket(stream, ssl.BIO_NOCLOSE)!
  const waiting = ssl.BIO_wait(bio, 'read')
  stream.destroy()
  await waiting
  assert.equal(read(bio)[0], -1)
  assert.equal(ssl.get_errno(), errnos['EBADF'])
  ssl.BIO_free(bio)
})

test('a stream cannot block, and that is refused with words', () => {
  const stream = new PassThrough()
  assert.equal(ssl.BIO_socket_nbio(stream, 1), 1)
  assert.equal(ssl.BIO_socket_nbio(stream, 0), 0)
  assert.match(ssl.ERR_get_error_all().data, /BIO_wait/)
  const again = [errnos['EAGAIN']!, errnos['EINTR']!, errnos['ENOTCONN']!]
  for (const errno of again) assert.equal(ssl.BIO_sock_non_fatal_error(errno), 1)
  assert.equal(ssl.BIO_sock_non_fatal_error(errnos['ECONNRESET']!), 0)
})
