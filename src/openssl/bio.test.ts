import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { Misuse } from '../errors.ts'
import * as ssl from './index.ts'

beforeEach(() => ssl.ERR_clear_error())

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (data: Uint8Array): string => new TextDecoder().decode(data)
const read = (bio: ssl.BIO, num: number): [number, string] => {
  const buf = new Uint8Array(num)
  const ret = ssl.BIO_read(bio, buf, num)
  return [ret, text(buf.subarray(0, Math.max(ret, 0)))]
}
const mem = (content = ''): ssl.BIO => {
  const bio = ssl.BIO_new(ssl.BIO_s_mem())!
  if (content !== '') ssl.BIO_puts(bio, content)
  return bio
}
/** should_retry, should_read, should_write, io_special, reason. */
const flags = (bio: ssl.BIO): number[] => [
  ssl.BIO_should_retry(bio),
  ssl.BIO_should_read(bio),
  ssl.BIO_should_write(bio),
  ssl.BIO_should_io_special(bio),
  ssl.BIO_get_retry_reason(bio),
]
const RETRY_READ = [1, 1, 0, 0, 0]
const RETRY_WRITE = [1, 0, 1, 0, 0]
const NO_RETRY = [0, 0, 0, 0, 0]
/** The queue's only entry. */
const queued = (): [lib: number, reason: number] => {
  const code = ssl.ERR_get_error()
  assert.equal(ssl.ERR_get_error(), 0, 'one entry')
  return [ssl.ERR_GET_LIB(code), ssl.ERR_GET_REASON(code)]
}

test('M1 M1b: reading empty memory', () => {
  const bio = mem()
  assert.equal(read(bio, 10)[0], -1)
  assert.deepEqual(flags(bio), RETRY_READ)
  assert.equal(ssl.BIO_eof(bio), 1)
  assert.equal(ssl.BIO_pending(bio), 0)
  assert.equal(ssl.BIO_wpending(bio), 0)
  assert.equal(read(bio, 0)[0], -1, 'M1b')
  assert.deepEqual(flags(bio), RETRY_READ, 'M1b')
})

test('M2 M2c M2d M3 M3b M3c M3d: writing, lines', () => {
  const bio = mem()
  read(bio, 1)
  assert.equal(ssl.BIO_write(bio, bytes('hello\nworld'), 11), 11)
  assert.deepEqual(flags(bio), NO_RETRY)
  assert.equal(ssl.BIO_pending(bio), 11)
  assert.equal(ssl.BIO_eof(bio), 0)
  assert.equal(ssl.BIO_write(bio, bytes('x'), -1), 0, 'M2c')
  assert.equal(ssl.BIO_read(bio, new Uint8Array(1), -1), 0, 'M2d')
  const line = new Uint8Array(20).fill(1)
  assert.equal(ssl.BIO_gets(bio, line, 20), 6)
  assert.equal(text(line.subarray(0, 7)), 'hello\n\0')
  assert.equal(ssl.BIO_gets(bio, line, 4), 3, 'M3b')
  assert.equal(text(line.subarray(0, 4)), 'wor\0')
  assert.equal(ssl.BIO_gets(bio, line, 20), 2, 'M3c')
  assert.equal(text(line.subarray(0, 2)), 'ld')
  assert.equal(ssl.BIO_gets(bio, line, 20), 0, 'M3d')
  assert.equal(ssl.BIO_gets(bio, line, -1), 0)
  assert.deepEqual(queued(), [32, 125])
})

test('M4 M4c: another return value at the end', () => {
  const bio = mem()
  ssl.BIO_set_mem_eof_return(bio, 0)
  assert.equal(read(bio, 4)[0], 0)
  assert.deepEqual(flags(bio), NO_RETRY)
  ssl.BIO_set_mem_eof_return(bio, -7)
  assert.equal(read(bio, 4)[0], -7)
  assert.deepEqual(flags(bio), RETRY_READ)
  assert.deepEqual(ssl.BIO_read_ex(bio, new Uint8Array(4)), { ret: 0, n: 0 }, 'M4c')
  assert.deepEqual(ssl.BIO_write_ex(bio, bytes('ab')), { ret: 1, n: 2 })
  assert.deepEqual(ssl.BIO_read_ex(bio, new Uint8Array(4)), { ret: 1, n: 2 })
})

test('M5 M5b M5c M5d M5e: puts, reset, counters, names', () => {
  const bio = mem()
  ssl.BIO_write(bio, bytes('hello world'))
  assert.equal(ssl.BIO_puts(bio, 'abc'), 3)
  assert.equal(ssl.BIO_reset(bio), 1, 'M5b')
  assert.equal(ssl.BIO_pending(bio), 0)
  assert.equal(ssl.BIO_write(bio, null), -1, 'M5c')
  assert.deepEqual(queued(), [32, 115])
  assert.equal(ssl.BIO_number_read(bio), 0, 'M5d')
  assert.equal(ssl.BIO_number_written(bio), 14)
  assert.equal(ssl.BIO_method_type(bio), 1025)
  assert.equal(ssl.BIO_method_name(bio), 'memory buffer')
  assert.equal(ssl.BIO_flush(bio), 1)
  assert.equal(ssl.BIO_get_close(bio), 1)
  assert.equal(ssl.BIO_set_nbio(bio, 1), 0, 'M5e')
  assert.equal(ssl.BIO_write(bio, new Uint8Array(0)), 0)
})

test('M6 M6b M6c M6d: read-only memory', () => {
  const bio = ssl.BIO_new_mem_buf(bytes('xyzabc'), 3)!
  assert.equal(ssl.BIO_write(bio, bytes('q')), -1, 'M6b')
  assert.deepEqual(queued(), [32, 126])
  assert.deepEqual(read(bio, 2), [2, 'xy'])
  assert.deepEqual(read(bio, 4), [1, 'z'], 'M6c')
  assert.equal(read(bio, 4)[0], 0, 'M6c')
  assert.deepEqual(flags(bio), NO_RETRY)
  assert.equal(ssl.BIO_reset(bio), 1, 'M6d')
  assert.equal(ssl.BIO_pending(bio), 3)
  assert.equal(ssl.BIO_new_mem_buf(null), null)
  assert.deepEqual(queued(), [32, 115])
  assert.deepEqual(read(ssl.BIO_new_mem_buf('grün', -1)!, 9), [5, 'grün'])
  assert.throws(() => ssl.BIO_new_mem_buf(bytes('abc'), 4), Misuse)
})

test('memory: read-only can be switched on and off, and a reset can rewind', () => {
  const bio = mem('Hello World\n')
  ssl.BIO_set_flags(bio, ssl.BIO_FLAGS_MEM_RDONLY)
  assert.equal(read(bio, 16)[1], 'Hello World\n')
  assert.equal(ssl.BIO_write(bio, bytes('Hi')), -1)
  assert.equal(ssl.BIO_reset(bio), 1)
  assert.equal(read(bio, 16)[0], 12)
  ssl.BIO_reset(bio)
  ssl.BIO_clear_flags(bio, ssl.BIO_FLAGS_MEM_RDONLY)
  assert.equal(ssl.BIO_puts(bio, 'Hi!\n'), 4)
  assert.equal(read(bio, 20)[1], 'Hello World\nHi!\n')

  const other = mem('Hello')
  ssl.BIO_set_flags(other, ssl.BIO_FLAGS_NONCLEAR_RST)
  assert.equal(read(other, 9)[0], 5)
  assert.equal(read(other, 9)[0], -1)
  ssl.BIO_reset(other)
  assert.equal(read(other, 9)[1], 'Hello')
  ssl.BIO_clear_flags(other, ssl.BIO_FLAGS_NONCLEAR_RST)
  ssl.BIO_reset(other)
  assert.equal(read(other, 9)[0], -1)
})

test('memory: its contents can be seen and replaced', () => {
  const bio = mem('abcdef')
  read(bio, 2)
  assert.equal(text(ssl.BIO_get_mem_data(bio)), 'cdef')
  const kept = ssl.BIO_get_mem_ptr(bio)!
  ssl.BIO_set_close(bio, ssl.BIO_NOCLOSE)
  ssl.BIO_free(bio)
  assert.equal(text(kept.data.subarray(0, kept.length)), 'cdef')
  const next = mem()
  assert.equal(ssl.BIO_set_mem_buf(next, kept, ssl.BIO_NOCLOSE), 1)
  ssl.BIO_puts(next, 'gh')
  assert.deepEqual(read(next, 9), [6, 'cdefgh'])
})

test('memory keeps order while it grows, wraps and shrinks', () => {
  const bio = mem()
  let seed = 1
  const random = (below: number): number => (seed = (seed * 48271) % 2147483647) % below
  let written = 0
  let got = 0
  for (let round = 0; round < 400; round++) {
    const piece = Uint8Array.from({ length: random(9000) }, () => written++ % 251)
    assert.equal(ssl.BIO_write(bio, piece), piece.length)
    const into = new Uint8Array(random(10000))
    for (const byte of into.subarray(0, Math.max(0, ssl.BIO_read(bio, into)))) assert.equal(byte, got++ % 251)
    assert.equal(ssl.BIO_pending(bio), written - got)
  }
})

test('lending: a view without a copy, and what was taken is gone', () => {
  const bio = mem()
  assert.equal(ssl.BIO_lend(bio), null)
  ssl.BIO_read(bio, new Uint8Array(1))
  ssl.BIO_puts(bio, 'abcdef')
  assert.equal(text(ssl.BIO_lend(bio)!), 'abcdef')
  ssl.BIO_take(bio, 2)
  assert.equal(text(ssl.BIO_lend(bio)!), 'cdef')
  assert.deepEqual(flags(bio), NO_RETRY)
  assert.equal(ssl.BIO_number_read(bio), 2)
  assert.throws(() => ssl.BIO_take(bio, 5), Misuse)
  ssl.BIO_take(bio, 4)
  assert.equal(ssl.BIO_lend(bio), null)
  assert.equal(ssl.BIO_give(bio, bytes('xyz')), 3)
  assert.deepEqual(read(bio, 9), [3, 'xyz'])
  ssl.BIO_set_callback(bio, () => 1)
  ssl.BIO_write(bio, bytes('q'))
  assert.equal(ssl.BIO_lend(bio), null, 'a callback must see every read')
})

test('O1 O6 O6b: chains', () => {
  const [filter, sink] = [ssl.BIO_new(ssl.BIO_f_buffer())!, mem()]
  assert.equal(ssl.BIO_push(filter, sink), filter, 'O1')
  assert.equal(ssl.BIO_next(filter), sink)
  assert.equal(ssl.BIO_find_type(filter, ssl.BIO_TYPE_MEM), sink)
  assert.equal(ssl.BIO_find_type(filter, ssl.BIO_TYPE_BUFFER), filter)
  assert.equal(ssl.BIO_find_type(filter, ssl.BIO_TYPE_SSL), null)
  assert.equal(ssl.BIO_find_type(filter, ssl.BIO_TYPE_FILTER), filter)
  assert.equal(ssl.BIO_find_type(filter, ssl.BIO_TYPE_SOURCE_SINK), sink)
  assert.equal(ssl.BIO_find_type(filter, ssl.BIO_TYPE_DESCRIPTOR), null)
  assert.equal(ssl.BIO_pop(filter), sink, 'O6')
  assert.equal(ssl.BIO_next(filter), null)
  assert.equal(ssl.BIO_push(null, sink), sink)
  assert.equal(ssl.BIO_pop(null), null)
  assert.equal(ssl.BIO_write(filter, bytes('x')), 0, 'O6b')
  assert.equal(ssl.BIO_flush(filter), 0, 'O6b')
})

test('O2 O3 O5: the buffer filter collects and reads ahead', () => {
  const [filter, sink] = [ssl.BIO_new(ssl.BIO_f_buffer())!, mem()]
  ssl.BIO_push(filter, sink)
  assert.equal(ssl.BIO_write(filter, bytes('hello')), 5)
  assert.equal(ssl.BIO_pending(sink), 0)
  assert.equal(ssl.BIO_wpending(filter), 5)
  assert.equal(ssl.BIO_flush(filter), 1, 'O3')
  assert.equal(ssl.BIO_pending(sink), 5)
  ssl.BIO_write(sink, new Uint8Array(5000).fill(120))
  assert.deepEqual(read(filter, 3), [3, 'hel'], 'O5')
  assert.equal(ssl.BIO_pending(filter), 4093)
  assert.equal(ssl.BIO_pending(sink), 909)
  const big = new Uint8Array(9000)
  assert.equal(ssl.BIO_read(filter, big), 5002, 'own bytes first, then the rest')
  assert.equal(text(big.subarray(0, 3)), 'lox')
  assert.equal(ssl.BIO_read(filter, big), -1)
  assert.deepEqual(flags(filter), RETRY_READ)
})

test('the buffer filter: big writes go straight through, in order', () => {
  const [filter, sink] = [ssl.BIO_new(ssl.BIO_f_buffer())!, mem()]
  ssl.BIO_push(filter, sink)
  ssl.BIO_write(filter, bytes('ab'))
  const big = new Uint8Array(9000).fill(99)
  assert.equal(ssl.BIO_write(filter, big), 9000)
  assert.equal(ssl.BIO_pending(sink) + ssl.BIO_wpending(filter), 9002)
  ssl.BIO_flush(filter)
  const all = new Uint8Array(9002)
  assert.equal(ssl.BIO_read(sink, all), 9002)
  assert.equal(text(all.subarray(0, 3)), 'abc')
  assert.ok(all.subarray(2).every((byte) => byte === 99))
})

test('O7 O7b O7c: the buffer filter over a pair that fills up', () => {
  const filter = ssl.BIO_new(ssl.BIO_f_buffer())!
  const [near, far] = ssl.BIO_new_bio_pair(8, 8)!
  ssl.BIO_push(filter, near)
  assert.equal(ssl.BIO_write(filter, bytes('0123456789abc')), 13)
  assert.equal(ssl.BIO_flush(filter), -1, 'O7b')
  assert.equal(ssl.BIO_wpending(filter), 5)
  assert.deepEqual(flags(filter), RETRY_WRITE)
  assert.deepEqual(ssl.BIO_get_retry_BIO(filter), { bio: near, reason: 0 })
  assert.deepEqual(read(far, 20), [8, '01234567'])
  assert.equal(ssl.BIO_flush(filter), 1, 'O7c')
  assert.deepEqual(flags(filter), NO_RETRY)
  assert.deepEqual(read(far, 20), [5, '89abc'])
})

test('the buffer filter gives lines to BIOs that have none, peeks and counts', () => {
  const filter = ssl.BIO_new(ssl.BIO_f_buffer())!
  const [near, far] = ssl.BIO_new_bio_pair(0, 0)!
  ssl.BIO_push(filter, near)
  ssl.BIO_puts(far, 'one\ntwo\nthr')
  const line = new Uint8Array(32)
  assert.equal(ssl.BIO_gets(filter, line), 4)
  assert.equal(text(line.subarray(0, 5)), 'one\n\0')
  assert.equal(ssl.BIO_get_buffer_num_lines(filter), 1)
  assert.equal(ssl.BIO_buffer_peek(filter, line, 3), 3)
  assert.equal(text(line.subarray(0, 3)), 'two')
  assert.equal(ssl.BIO_gets(filter, line), 4)
  assert.equal(ssl.BIO_gets(filter, line), 3, 'half a line, then nothing more')
  assert.deepEqual(flags(filter), RETRY_READ)
  ssl.BIO_set_buffer_read_data(filter, bytes('first\n'))
  assert.equal(ssl.BIO_gets(filter, line), 6)
})

test('buffer sizes', () => {
  const [filter, sink] = [ssl.BIO_new(ssl.BIO_f_buffer())!, mem()]
  ssl.BIO_push(filter, sink)
  assert.equal(ssl.BIO_set_write_buffer_size(filter, 8192), 1)
  ssl.BIO_write(filter, new Uint8Array(8000))
  assert.equal(ssl.BIO_pending(sink), 0)
  assert.equal(ssl.BIO_set_read_buffer_size(filter, 16384), 1)
  assert.equal(ssl.BIO_flush(filter), 1)
  read(filter, 1)
  assert.equal(ssl.BIO_pending(filter), 7999)
})

test('O8: the null sink; the null filter', () => {
  const sink = ssl.BIO_new(ssl.BIO_s_null())!
  assert.equal(ssl.BIO_write(sink, bytes('abc')), 3)
  assert.equal(read(sink, 3)[0], 0)
  assert.equal(ssl.BIO_eof(sink), 1)
  assert.equal(ssl.BIO_gets(sink, new Uint8Array(3)), 0)
  assert.equal(ssl.BIO_pending(sink), 0)
  const filter = ssl.BIO_push(ssl.BIO_new(ssl.BIO_f_null()), mem('line\nmore'))!
  assert.equal(ssl.BIO_gets(filter, new Uint8Array(20)), 5)
  assert.deepEqual(read(filter, 9), [4, 'more'])
  assert.equal(read(filter, 9)[0], -1)
  assert.deepEqual(flags(filter), RETRY_READ)
  assert.equal(ssl.BIO_puts(filter, 'x'), 1)
  assert.equal(ssl.BIO_pending(filter), 1)
})

const encodings: readonly [string, string][] = [
  ['', ''],
  ['f', 'Zg==\n'],
  ['fo', 'Zm8=\n'],
  ['foo', 'Zm9v\n'],
  ['x'.repeat(48), `${'eHh4'.repeat(16)}\n`],
  ['x'.repeat(50), `${'eHh4'.repeat(16)}\neHg=\n`],
]
for (const [plain, encoded] of encodings) {
  test(`base64: ${plain.length} bytes there and back, in one piece and byte by byte`, () => {
    for (const step of [1, 7, 1000]) {
      const [filter, sink] = [ssl.BIO_new(ssl.BIO_f_base64())!, mem()]
      ssl.BIO_push(filter, sink)
      for (let at = 0; at < plain.length; at += step) ssl.BIO_puts(filter, plain.slice(at, at + step))
      assert.equal(ssl.BIO_flush(filter), 1)
      assert.equal(text(ssl.BIO_get_mem_data(sink)), encoded)
      ssl.BIO_set_mem_eof_return(sink, 0)
      assert.deepEqual(read(filter, 100), [plain.length, plain])
      assert.equal(read(filter, 100)[0], 0)
    }
  })
}

test('base64: lines before the data are skipped, a dash ends it, one line has no newlines', () => {
  const armoured = `-----BEGIN THING-----\nName: no base64, since it has signs\n${'Zm9v'.repeat(16)}\nYmFy\n-----END THING-----\nZm9v\n`
  const filter = ssl.BIO_push(ssl.BIO_new(ssl.BIO_f_base64()), ssl.BIO_new_mem_buf(armoured))!
  assert.deepEqual(read(filter, 100), [51, `${'foo'.repeat(16)}bar`])
  assert.equal(read(filter, 100)[0], 0)

  const oneLine = ssl.BIO_new(ssl.BIO_f_base64())!
  ssl.BIO_set_flags(oneLine, ssl.BIO_FLAGS_BASE64_NO_NL)
  const sink = mem()
  ssl.BIO_push(oneLine, sink)
  ssl.BIO_puts(oneLine, 'x'.repeat(50))
  ssl.BIO_flush(oneLine)
  assert.equal(text(ssl.BIO_get_mem_data(sink)), `${'eHh4'.repeat(16)}eHg=`)
  assert.deepEqual(read(oneLine, 100), [50, 'x'.repeat(50)])
})

test('base64 over a full pair goes on where it stopped, and reading waits for more', () => {
  const [near, far] = ssl.BIO_new_bio_pair(10, 10)!
  const [writer, reader] = [ssl.BIO_new(ssl.BIO_f_base64())!, ssl.BIO_new(ssl.BIO_f_base64())!]
  ssl.BIO_push(writer, near)
  ssl.BIO_push(reader, far)
  assert.equal(ssl.BIO_puts(writer, 'y'.repeat(60)), 60)
  let back = ''
  let done = 0
  for (let turn = 0; turn < 40; turn++) {
    done = ssl.BIO_flush(writer)
    if (done === 1) ssl.BIO_shutdown_wr(near)
    else assert.deepEqual(flags(writer), RETRY_WRITE)
    const [ret, got] = read(reader, 100)
    back += got
    if (ret === 0) break
    if (ret < 0) assert.deepEqual(flags(reader), RETRY_READ)
  }
  assert.equal(done, 1)
  assert.equal(back, 'y'.repeat(60))
})

test('what a BIO cannot do is -2; what it is not ready for, too', () => {
  const bare = ssl.BIO_new(ssl.BIO_meth_new(ssl.BIO_get_new_index() | ssl.BIO_TYPE_SOURCE_SINK, 'bare'))!
  const calls: [string, () => number, number][] = [
    ['read', () => ssl.BIO_read(bare, new Uint8Array(1)), 121],
    ['write', () => ssl.BIO_write(bare, bytes('x')), 121],
    ['puts', () => ssl.BIO_puts(bare, 'x'), 121],
    ['gets', () => ssl.BIO_gets(bare, new Uint8Array(1)), 121],
    ['ctrl', () => ssl.BIO_ctrl(bare, 1), 121],
    ['read null', () => ssl.BIO_read(null, new Uint8Array(1)), 121],
    ['uninitialised', () => ssl.BIO_read(ssl.BIO_new(ssl.BIO_s_socket()), new Uint8Array(1)), 120],
  ]
  for (const [what, call, reason] of calls) {
    assert.equal(call(), -2, what)
    assert.deepEqual(queued(), [32, reason], what)
  }
  assert.equal(ssl.BIO_write(null, bytes('x')), 0)
  assert.equal(ssl.BIO_ctrl(null, 1), 0)
  assert.equal(ssl.BIO_free(null), 0)
})

test('a method of the program: its own reads, writes and retries', () => {
  const method = ssl.BIO_meth_new(ssl.BIO_get_new_index() | ssl.BIO_TYPE_SOURCE_SINK, 'echo')
  const log: string[] = []
  ssl.BIO_meth_set_create(method, (bio) => {
    ssl.BIO_set_init(bio, 1)
    ssl.BIO_set_data(bio, [] as Uint8Array[])
    return 1
  })
  ssl.BIO_meth_set_destroy(method, () => log.push('destroyed'))
  ssl.BIO_meth_set_write(
    method,
    (bio, from) => (ssl.BIO_get_data(bio) as Uint8Array[]).push(from.slice()) && from.length,
  )
  ssl.BIO_meth_set_read(method, (bio, into) => {
    ssl.BIO_clear_retry_flags(bio)
    const piece = (ssl.BIO_get_data(bio) as Uint8Array[]).shift()
    if (piece === undefined) {
      ssl.BIO_set_retry_read(bio)
      return -1
    }
    into.set(piece)
    return piece.length
  })
  ssl.BIO_meth_set_ctrl(method, (_bio, cmd) => (cmd === ssl.BIO_CTRL_FLUSH ? 1 : 0))
  const bio = ssl.BIO_new(method)!
  assert.equal(ssl.BIO_write(bio, bytes('abcdef'), 3), 3)
  assert.deepEqual(read(bio, 9), [3, 'abc'])
  assert.equal(read(bio, 9)[0], -1)
  assert.deepEqual(flags(bio), RETRY_READ)
  assert.equal(ssl.BIO_flush(bio), 1)
  assert.equal(ssl.BIO_number_written(bio), 3)
  assert.equal(ssl.BIO_free(bio), 1)
  assert.deepEqual(log, ['destroyed'])

  ssl.BIO_meth_set_read(method, () => 99)
  assert.equal(ssl.BIO_read(ssl.BIO_new(method), new Uint8Array(5)), -1, 'more than there was room for')
  assert.deepEqual(queued(), [32, 68])
  ssl.BIO_meth_set_create(method, () => 0)
  assert.equal(ssl.BIO_new(method), null)
  assert.deepEqual(queued(), [32, 70])
})

test('the callback sees every operation twice, its freeing once, and can change results', () => {
  const bio = mem()
  const calls: unknown[][] = []
  ssl.BIO_set_callback(bio, (_bio, oper, argp, argi, argl, ret) => {
    calls.push([oper, typeof argp === 'string' ? argp : (argp as Uint8Array | null)?.length, argi, argl, ret])
    return ret
  })
  ssl.BIO_write(bio, bytes('abc'))
  ssl.BIO_read(bio, new Uint8Array(12))
  ssl.BIO_read(bio, new Uint8Array(12))
  ssl.BIO_puts(bio, 'de')
  ssl.BIO_ctrl(bio, ssl.BIO_CTRL_PENDING, 5)
  ssl.BIO_free(bio)
  assert.deepEqual(calls, [
    [3, 3, 3, 0, 1],
    [0x83, 3, 3, 0, 3],
    [2, 12, 12, 0, 1],
    [0x82, 12, 12, 0, 3],
    [2, 12, 12, 0, 1],
    [0x82, 12, 12, 0, -1],
    [4, 'de', 0, 0, 1],
    [0x84, 'de', 0, 0, 2],
    [6, undefined, 10, 5, 1],
    [0x86, undefined, 10, 5, 2],
    [1, undefined, 0, 0, 1],
  ])
  const other = mem('abc')
  ssl.BIO_set_callback(other, (_bio, oper, _p, _i, _l, ret) => (oper === ssl.BIO_CB_READ ? -5 : ret))
  assert.equal(read(other, 3)[0], -5)
  assert.equal(ssl.BIO_pending(other), 3)
})

test('references: the last one ends the BIO, and using it afterwards is said to be a mistake', () => {
  const bio = mem('abc')
  assert.equal(ssl.BIO_up_ref(bio), 1)
  assert.equal(ssl.BIO_free(bio), 1)
  assert.deepEqual(read(bio, 3), [3, 'abc'])
  assert.equal(ssl.BIO_free(bio), 1)
  for (const use of [
    () => ssl.BIO_read(bio, new Uint8Array(1)),
    () => ssl.BIO_write(bio, bytes('x')),
    () => ssl.BIO_pending(bio),
    () => ssl.BIO_free(bio),
    () => ssl.BIO_up_ref(bio),
    () => ssl.BIO_push(mem(), bio),
  ]) {
    assert.throws(use, Misuse)
  }
  assert.throws(() => ssl.BIO_read(mem(), new Uint8Array(2), 3), Misuse)
})

test('free_all ends a chain up to the first BIO that is shared', () => {
  const [a, b, c] = [ssl.BIO_new(ssl.BIO_f_buffer())!, ssl.BIO_new(ssl.BIO_f_null())!, mem('x')]
  ssl.BIO_push(ssl.BIO_push(a, b), c)
  ssl.BIO_up_ref(b)
  ssl.BIO_free_all(a)
  assert.throws(() => ssl.BIO_pending(a), Misuse)
  assert.equal(ssl.BIO_pending(b), 1)
  ssl.BIO_free_all(b)
  assert.throws(() => ssl.BIO_pending(c), Misuse)
})

test('freeing one BIO takes it out of its chain', () => {
  const [a, b] = [ssl.BIO_new(ssl.BIO_f_buffer())!, mem()]
  ssl.BIO_push(a, b)
  ssl.BIO_free(b)
  assert.equal(ssl.BIO_next(a), null)
})

test('dup_chain copies kinds and settings, not contents', () => {
  const filter = ssl.BIO_new(ssl.BIO_f_buffer())!
  ssl.BIO_set_write_buffer_size(filter, 10000)
  const sink = mem('old')
  ssl.BIO_set_mem_eof_return(sink, 0)
  ssl.BIO_push(ssl.BIO_push(filter, ssl.BIO_new(ssl.BIO_f_base64())), sink)
  const twin = ssl.BIO_dup_chain(filter)!
  assert.equal(read(twin, 9)[0], 0)
  assert.equal(ssl.BIO_write(twin, new Uint8Array(9000)), 9000)
  assert.equal(ssl.BIO_wpending(twin), 9000)
  assert.equal(ssl.BIO_pending(sink), 3)
})

test('what a program hangs on a BIO', () => {
  const bio = mem()
  const index = ssl.BIO_get_ex_new_index()
  assert.equal(ssl.BIO_get_ex_data(bio, index), null)
  ssl.BIO_set_ex_data(bio, index, 'mine')
  ssl.BIO_set_app_data(bio, 'app')
  assert.deepEqual([ssl.BIO_get_ex_data(bio, index), ssl.BIO_get_app_data(bio)], ['mine', 'app'])
})

test('files: read whole, or refused with the reason', (t) => {
  const file = new URL('../../package.json', import.meta.url).pathname
  const bio = ssl.BIO_new_file(file, 'r')!
  assert.equal(ssl.BIO_method_type(bio), ssl.BIO_TYPE_FILE)
  assert.match(read(bio, 1 << 16)[1], /"name": "typetls"/)
  assert.equal(read(bio, 1)[0], 0)
  assert.equal(ssl.BIO_new_file('/nowhere/at/all.pem', 'r'), null)
  const first = ssl.ERR_get_error_all()
  assert.equal(ssl.ERR_error_string(first.code), 'error:02001002:system library:fopen:No such file or directory')
  assert.equal(first.data, "fopen('/nowhere/at/all.pem','r')")
  assert.deepEqual(queued(), [32, 128])
  assert.equal(ssl.BIO_new_file(file, 'w'), null)
  assert.deepEqual(queued(), [32, 101])
})
