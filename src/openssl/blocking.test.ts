import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants, fstatSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, type TestContext, test } from 'node:test'
import { setTimeout as later } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { told } from '../../test/openssl/bench.ts'
import * as ssl from './index.ts'
import { errnos, startThread } from './platform.ts'

beforeEach(() => {
  ssl.ERR_clear_error()
  ssl.set_errno(0)
})

/** BIOs of the test at hand; whatever it leaves is closed, so that the thread ends. */
const made: ssl.BIO[] = []
const keep = (bio: ssl.BIO | null): ssl.BIO => {
  made.push(bio as ssl.BIO)
  return bio as ssl.BIO
}
afterEach(() => {
  for (const bio of made.splice(0)) if (bio.references > 0) ssl.BIO_free_all(bio)
})

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
  ssl.BIO_get_retry_reason(bio),
]
const entries = (): [lib: number, reason: number, data: string][] => {
  const all: [number, number, string][] = []
  for (let entry = ssl.ERR_get_error_all(); entry.code !== 0; entry = ssl.ERR_get_error_all()) {
    all.push([ssl.ERR_GET_LIB(entry.code), ssl.ERR_GET_REASON(entry.code), entry.data])
  }
  return all
}
const listening = (): ssl.BIO => {
  const listener = keep(ssl.BIO_new_accept('127.0.0.1:0'))
  assert.equal(ssl.BIO_do_accept(listener), 1)
  return listener
}
/** Both ends of a connection, made without a turn of the event loop. */
const joined = (listener = listening()): [client: ssl.BIO, accepted: ssl.BIO] => {
  const client = keep(ssl.BIO_new_connect(`127.0.0.1:${ssl.BIO_get_accept_port(listener)}`))
  assert.equal(ssl.BIO_do_connect(client), 1)
  assert.equal(ssl.BIO_do_accept(listener), 1)
  const accepted = keep(ssl.BIO_next(listener))
  ssl.BIO_pop(listener)
  return [client, accepted]
}
/** A port on which nobody listens. */
const closedPort = (): string => {
  const listener = listening()
  const port = ssl.BIO_get_accept_port(listener)!
  ssl.BIO_free(listener)
  return port
}

describe('connecting and accepting that block', () => {
  test('Q2: a refused connection', () => {
    const port = closedPort()
    const bio = keep(ssl.BIO_new_connect(`127.0.0.1:${port}`))
    assert.equal(ssl.BIO_do_connect(bio), 0)
    assert.deepEqual(flags(bio), [0, 0, 0, 0, 0])
    const refused = errnos['ECONNREFUSED']
    assert.deepEqual(entries(), [
      [2, refused, ''],
      [32, 103, ''],
      [2, refused, `hostname=127.0.0.1 service=${port}`],
      [32, 103, ''],
    ])
    assert.equal(ssl.BIO_read(bio, new Uint8Array(1)), 0, 'and it stays so')
    assert.deepEqual(entries(), [[32, 103, '']])
    assert.equal(ssl.BIO_reset(bio), 0)
    assert.equal(ssl.BIO_do_connect(bio), 0, 'a reset begins anew')
    assert.equal(entries().length, 4)
  })

  test('Q2 under SSL: the first entry is the system’s', () => {
    const bio = ssl.BIO_new_connect(`127.0.0.1:${closedPort()}`)
    const client = ssl.SSL_new(ssl.SSL_CTX_new(ssl.TLS_client_method()))!
    ssl.SSL_set_bio(client, bio, bio)
    const ret = ssl.SSL_connect(client)
    assert.deepEqual([ret, ssl.SSL_get_error(client, ret)], [-1, ssl.SSL_ERROR_SYSCALL])
    ssl.SSL_free(client)
  })

  test('a name that cannot be looked up', () => {
    const bio = keep(ssl.BIO_new_connect('a..b:443'))
    assert.equal(ssl.BIO_do_connect(bio), -1)
    assert.deepEqual(
      entries().map(([lib, reason]) => [lib, reason]),
      [[32, 2]],
    )
    assert.deepEqual(flags(bio), [0, 0, 0, 0, 0])
  })

  test('Q6: the first call binds, the second waits; names and ports', () => {
    const listener = listening()
    assert.equal(ssl.BIO_get_accept_name(listener), '127.0.0.1')
    ssl.BIO_set_timeout(listener, 20)
    assert.equal(ssl.BIO_do_accept(listener), -1)
    assert.deepEqual(flags(listener), [1, 0, 0, 1, ssl.BIO_RR_ACCEPT], 'nobody came in time')
    ssl.BIO_set_timeout(listener, 0)
    const [client, accepted] = joined(listener)
    assert.equal(ssl.BIO_method_type(accepted), ssl.BIO_TYPE_SOCKET)
    assert.equal(ssl.BIO_get_peer_name(listener), '127.0.0.1')
    assert.ok(Number(ssl.BIO_get_peer_port(listener)) > 0)
    assert.ok(ssl.BIO_get_fd(client) > 2)
    assert.equal(ssl.BIO_get_socket(client), null, 'no stream of this thread')
  })

  test('a name to listen on is looked up at once', () => {
    const listener = keep(ssl.BIO_new_accept('localhost:0'))
    assert.equal(ssl.BIO_do_accept(listener), 1)
    assert.ok(Number(ssl.BIO_get_accept_port(listener)) > 0)
  })

  test('a port that is taken', () => {
    const port = ssl.BIO_get_accept_port(listening())
    const second = keep(ssl.BIO_new_accept(`127.0.0.1:${port}`))
    assert.equal(ssl.BIO_do_accept(second), -1)
    assert.equal(ssl.BIO_should_retry(second), 0)
    assert.deepEqual(entries(), [
      [2, errnos['EADDRINUSE'], `hostname=127.0.0.1 service=${port}`],
      [32, 117, ''],
    ])
  })

  test('a listener that was freed has left its port', () => {
    const port = closedPort()
    const again = keep(ssl.BIO_new_accept(`127.0.0.1:${port}`))
    assert.equal(ssl.BIO_do_accept(again), 1)
  })

  test('reading through the accept BIO accepts first; a chain goes in front', () => {
    const listener = listening()
    ssl.BIO_set_accept_bios(listener, ssl.BIO_new(ssl.BIO_f_buffer()))
    const client = keep(ssl.BIO_new_connect(`127.0.0.1:${ssl.BIO_get_accept_port(listener)}`))
    assert.equal(ssl.BIO_puts(client, 'one line\nand more'), 17, 'writing connects')
    const line = new Uint8Array(100)
    assert.deepEqual(read(listener, 4), [4, 'one '])
    const chain = keep(ssl.BIO_pop(listener))
    assert.equal(ssl.BIO_method_type(chain), ssl.BIO_TYPE_BUFFER)
    const n = ssl.BIO_gets(chain, line)
    assert.equal(text(line.subarray(0, n)), 'line\n')
  })
})

describe('reading and writing that block', () => {
  test('bytes in pieces of the reader’s size, then the end, and the other direction', () => {
    const [a, b] = joined()
    assert.equal(ssl.BIO_puts(a, '0123456789'), 10)
    assert.deepEqual(read(b, 4), [4, '0123'])
    assert.deepEqual(read(b, 0), [0, ''])
    assert.deepEqual(read(b, 40), [6, '456789'])
    assert.deepEqual([ssl.BIO_pending(b), ssl.BIO_eof(b), ssl.BIO_flush(b)], [0, 0, 1])
    ssl.BIO_free(a)
    assert.deepEqual(read(b), [0, ''])
    assert.deepEqual([ssl.BIO_eof(b), ssl.get_errno()], [1, 0])
    assert.deepEqual(flags(b), [0, 0, 0, 0, 0])
    assert.deepEqual(read(b), [0, ''], 'and again')
  })

  test('a time limit gives up as a non-blocking call does', () => {
    const [a, b] = joined()
    assert.equal(ssl.BIO_set_timeout(a, 20), 1)
    assert.equal(read(a)[0], -1)
    assert.deepEqual([ssl.get_errno(), ...flags(a)], [errnos['EAGAIN'], 1, 1, 0, 0, 0])
    assert.equal(ssl.BIO_puts(b, 'late'), 4)
    ssl.BIO_set_timeout(a, 0)
    assert.deepEqual(read(a), [4, 'late'])
    assert.equal(ssl.BIO_set_timeout(keep(ssl.BIO_new(ssl.BIO_s_mem())), 1), 0)
  })

  test('a peer that does not read is felt, and no byte is lost or overtakes another', () => {
    const [a, b] = joined()
    ssl.BIO_set_timeout(a, 100)
    const piece = new Uint8Array(30_011)
    let sent = 0
    for (;;) {
      for (const at of piece.keys()) piece[at] = (sent + at) % 251
      const n = ssl.BIO_write(a, piece)
      piece.fill(255) // what BIO_write was given is the caller's again
      if (n <= 0) break
      sent += n
      if (sent > 64 << 20) assert.fail('a socket took 64 MiB that nobody read')
    }
    assert.deepEqual([ssl.get_errno(), ...flags(a)], [errnos['EAGAIN'], 1, 0, 1, 0, 0])
    ssl.BIO_free(a)
    const buf = new Uint8Array(10_007)
    let got = 0
    for (let n = ssl.BIO_read(b, buf); n > 0; n = ssl.BIO_read(b, buf)) {
      for (const byte of buf.subarray(0, n)) if (byte !== got++ % 251) assert.fail(`byte ${got - 1} is ${byte}`)
    }
    assert.deepEqual([got, ssl.BIO_eof(b)], [sent, 1])
  })

  test('a connection that ended before anybody took it still has its bytes', () => {
    const listener = listening()
    const client = keep(ssl.BIO_new_connect(`127.0.0.1:${ssl.BIO_get_accept_port(listener)}`))
    assert.equal(ssl.BIO_puts(client, 'early'), 5)
    ssl.BIO_free(client)
    assert.deepEqual(read(listener), [5, 'early'])
    assert.deepEqual(read(listener), [0, ''])
  })

  test('many connections do not hear each other', () => {
    const listener = listening()
    const pairs = Array.from({ length: 12 }, () => joined(listener))
    for (const [at, [client]] of pairs.entries()) ssl.BIO_puts(client, `to ${at}`)
    for (const [at, [, accepted]] of pairs.toReversed().entries()) ssl.BIO_puts(accepted, `from ${11 - at}`)
    for (const [at, [client, accepted]] of pairs.entries()) {
      assert.deepEqual([read(client)[1], read(accepted)[1]], [`from ${at}`, `to ${at}`])
    }
  })

  test('U3, U4, B14: a connection that was reset', async (t) => {
    const peer = new Worker(
      `require('node:net').createServer((socket) => socket.once('data', () => socket.resetAndDestroy()))
        .listen(0, '127.0.0.1', function () { require('node:worker_threads').parentPort.postMessage(this.address().port) })`,
      { eval: true, execArgv: [] },
    )
    t.after(() => peer.terminate())
    const [port] = await once(peer, 'message')
    const bio = keep(ssl.BIO_new_connect(`127.0.0.1:${port}`))
    assert.equal(ssl.BIO_puts(bio, 'go'), 2)
    assert.equal(read(bio)[0], -1)
    assert.equal(ssl.get_errno(), errnos['ECONNRESET'])
    assert.deepEqual([...flags(bio), ssl.BIO_eof(bio)], [0, 0, 0, 0, 0, 0])
    assert.equal(ssl.BIO_puts(bio, 'x'), -1)
    assert.equal(ssl.get_errno(), errnos['EPIPE'])
  })

  test('U1: by the descriptor’s number: another BIO over it, and both manners', async () => {
    const [a, b] = joined()
    const fd = ssl.BIO_get_fd(a)
    assert.equal(ssl.BIO_socket_nbio(fd, 1), 1)
    assert.equal(read(a)[0], -1)
    assert.deepEqual(flags(a), [1, 1, 0, 0, 0])
    const second = keep(ssl.BIO_new_socket(fd, ssl.BIO_NOCLOSE))
    await assert.rejects(ssl.BIO_wait(second, 'read', { timeoutMs: 1 }), { name: 'TimeoutError' })
    const waits = [ssl.BIO_wait(a, 'read'), ssl.BIO_wait(second, 'read')]
    ssl.BIO_puts(b, 'word')
    await Promise.all(waits)
    assert.deepEqual(read(second), [4, 'word'])
    ssl.BIO_free(second)
    assert.equal(ssl.BIO_socket_nbio(fd, 0), 1)
    ssl.BIO_puts(b, 'again')
    assert.deepEqual(read(a), [5, 'again'], 'BIO_NOCLOSE left it open')
    const third = keep(ssl.BIO_new_socket(fd, ssl.BIO_CLOSE))
    ssl.BIO_free(third)
    assert.equal(read(a)[0], -1)
    assert.equal(ssl.get_errno(), errnos['EBADF'])
    assert.equal(read(b)[0], 0)
  })

  test('accepted connections that shall not block, of a listener that does', async () => {
    const listener = listening()
    assert.equal(ssl.BIO_set_nbio(listener, 1), 1)
    const [client, accepted] = joined(listener)
    assert.equal(read(accepted)[0], -1)
    assert.deepEqual(flags(accepted), [1, 1, 0, 0, 0])
    const waiting = ssl.BIO_wait(accepted, 'read')
    ssl.BIO_puts(client, 'hello')
    await waiting
    assert.deepEqual(read(accepted), [5, 'hello'])
    assert.equal(ssl.BIO_puts(accepted, 'world'), 5)
    assert.deepEqual(read(client), [5, 'world'])
  })

  test('a pipe, taken over by its number', (t) => {
    if (process.platform === 'win32') return t.skip('no named pipes in the file system')
    const folder = mkdtempSync(join(tmpdir(), 'bio-'))
    t.after(() => rmSync(folder, { recursive: true }))
    execFileSync('mkfifo', [join(folder, 'pipe')])
    const fd = openSync(join(folder, 'pipe'), constants.O_RDWR)
    assert.equal(ssl.BIO_socket_nbio(fd, 0), 1)
    const bio = keep(ssl.BIO_new_socket(fd, ssl.BIO_CLOSE))
    assert.equal(ssl.BIO_get_fd(bio), fd)
    writeSync(fd, 'abc')
    assert.deepEqual(read(bio), [3, 'abc'])
    assert.equal(ssl.BIO_puts(bio, 'round trip'), 10)
    assert.deepEqual(read(bio), [10, 'round trip'])
    assert.ok(fstatSync(fd).isFIFO())
  })

  test('B11: a number that is none of a descriptor', () => {
    ssl.BIO_socket_nbio(987, 0)
    const bio = keep(ssl.BIO_new_socket(987, ssl.BIO_NOCLOSE))
    assert.equal(ssl.BIO_get_fd(bio), 987)
    for (const call of [() => read(bio)[0], () => ssl.BIO_puts(bio, 'x')]) {
      assert.equal(call(), -1)
      assert.equal(ssl.get_errno(), errnos['EBADF'])
    }
  })
})

/** A program of ours as a process, and its lines. */
const program = (
  t: TestContext,
  file: string,
  ...args: string[]
): { child: ChildProcess; line: () => Promise<string>; ended: Promise<unknown[]> } => {
  const path = fileURLToPath(new URL(`../../${file}`, import.meta.url))
  const native = process.execArgv.filter((arg) => !arg.startsWith('--test'))
  const child = spawn(process.execPath, [...native, path, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  t.after(() => child.kill())
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  return { child, ended, line: async () => String((await lines.next()).value) }
}

describe('TLS over sockets that block', () => {
  for (const version of [0x0304, 0x0303]) {
    test(`B15, B15b, B15c, B15d with TLS 1.${version - 0x0301}: one call shakes hands, and the server ends by itself`, async (t) => {
      const peer = program(t, 'test/openssl/blocking-peer.ts', '2', String(version))
      const port = (await peer.line()).slice('port '.length)
      for (const way of ['set_bio', 'set_fd']) {
        const bio = ssl.BIO_new_connect(`127.0.0.1:${port}`)!
        const client = ssl.SSL_new(ssl.SSL_CTX_new(ssl.TLS_client_method()))!
        if (way === 'set_bio') ssl.SSL_set_bio(client, bio, bio)
        else {
          assert.equal(ssl.BIO_do_connect(bio), 1)
          assert.equal(ssl.SSL_set_fd(client, ssl.BIO_get_fd(bio)), 1)
        }
        ssl.SSL_set_connect_state(client)
        assert.equal(told(client, ssl.SSL_do_handshake(client)), '1 NONE', 'B15')
        const big = new Uint8Array(300_000).map((_, at) => at % 251)
        const buf = new Uint8Array(20_000)
        for (let at = 0; at < big.length; ) {
          const piece = big.subarray(at, at + 20_000)
          assert.equal(ssl.SSL_write(client, piece), piece.length)
          for (let got = 0; got < piece.length; ) {
            const n = ssl.SSL_read(client, buf)
            assert.ok(n > 0)
            assert.deepEqual(buf.subarray(0, n), piece.subarray(got, got + n))
            got += n
          }
          at += piece.length
        }
        assert.equal(ssl.SSL_write(client, new TextEncoder().encode('bye')), 3)
        assert.equal(told(client, ssl.SSL_read(client, buf)), '0 ZERO_RETURN', 'B15c')
        assert.equal(told(client, ssl.SSL_shutdown(client)), '1 NONE', 'B15d')
        ssl.SSL_free(client)
        if (way === 'set_fd') ssl.BIO_free(bio)
        assert.equal(await peer.line(), 'accept 1')
      }
      assert.equal(await peer.line(), 'end')
      assert.deepEqual(await peer.ended, [0, null])
    })
  }

  test('a time limit in the middle of a handshake: WANT_READ, and the next call goes on', () => {
    const [a, b] = joined()
    const client = ssl.SSL_new(ssl.SSL_CTX_new(ssl.TLS_client_method()))!
    ssl.BIO_up_ref(a)
    ssl.SSL_set_bio(client, a, a)
    ssl.BIO_set_timeout(a, 20)
    const first = ssl.SSL_connect(client)
    assert.deepEqual([first, ssl.SSL_get_error(client, first)], [-1, ssl.SSL_ERROR_WANT_READ])
    assert.equal(read(b, 1)[0], 1, 'the ClientHello has left')
    ssl.BIO_free(b)
    const second = ssl.SSL_connect(client)
    assert.deepEqual([second, ssl.SSL_get_error(client, second)], [-1, ssl.SSL_ERROR_SYSCALL])
    ssl.SSL_free(client)
  })
})

const all = (): number => (process.report.getReport() as unknown as { workers: unknown[] }).workers.length
/** What runs before there is a socket: a loader of TypeScript may have a thread of its own. */
const others = all()
const threads = (): number => all() - others

describe('the thread', () => {
  test('begins with the first socket, is there once, and ends with the last one', async () => {
    while (threads() > 0) await later(5) // of the tests before
    const [a, b] = joined()
    assert.equal(threads(), 1)
    const [c, d] = joined()
    assert.equal(threads(), 1)
    for (const bio of made.splice(0)) if (bio.references > 0) ssl.BIO_free(bio)
    while (threads() > 0) await later(5)
    assert.deepEqual(
      [a, b, c, d].map((bio) => bio.references),
      [0, 0, 0, 0],
    )
    joined()
    assert.equal(threads(), 1, 'and begins again')
  })

  test('does not hold a process that leaves its sockets open; threads of the program may block as well', async (t) => {
    const child = program(t, 'test/runtimes/blocking.ts')
    assert.match(await child.line(), /TLSv1.3, 100000 bytes/)
    assert.deepEqual(await child.ended, [0, null])
  })
})

test('a thread whose script is not there is refused with words', () => {
  assert.throws(
    () => startThread(new URL('./nothing.js', import.meta.url), null, () => {}),
    /there is no file .*nothing\.js/,
  )
})
