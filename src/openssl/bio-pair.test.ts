import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import * as ssl from './index.ts'

beforeEach(() => ssl.ERR_clear_error())

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (data: Uint8Array): string => new TextDecoder().decode(data)
const read = (bio: ssl.BIO, num: number): [number, string] => {
  const buf = new Uint8Array(num)
  const ret = ssl.BIO_read(bio, buf)
  return [ret, text(buf.subarray(0, Math.max(ret, 0)))]
}
const shown = ({ ret, data }: ssl.Span): [number, string] => [ret, text(data)]
const retry = (bio: ssl.BIO): string =>
  ssl.BIO_should_retry(bio) === 0 ? 'none' : ['?', 'read', 'write'][ssl.BIO_retry_type(bio)]!
const reason = (): number => ssl.ERR_GET_REASON(ssl.ERR_get_error())

test('N1: sizes', () => {
  const [a, b] = ssl.BIO_new_bio_pair(0, 0)!
  assert.deepEqual([ssl.BIO_get_write_buf_size(a), ssl.BIO_get_write_buf_size(b)], [17408, 17408])
  assert.equal(ssl.BIO_ctrl_get_write_guarantee(a), 17408)
})

test('N3 N3b N3c N3d N4 N4b N4c N5 N5b N6 N6d N6e N6f: reading in vain, filling, wrapping, reading in place', () => {
  const [a, b] = ssl.BIO_new_bio_pair(10, 10)!
  assert.equal(read(b, 4)[0], -1, 'N3')
  assert.equal(retry(b), 'read')
  assert.equal(ssl.BIO_ctrl_get_read_request(a), 4)
  assert.equal(read(b, 1000)[0], -1, 'N3b')
  assert.equal(ssl.BIO_ctrl_get_read_request(a), 10)
  assert.equal(ssl.BIO_ctrl_reset_read_request(a), 1, 'N3c')
  assert.equal(ssl.BIO_ctrl_get_read_request(a), 0)
  assert.equal(read(b, 0)[0], 0, 'N3d')
  assert.equal(retry(b), 'none')
  assert.equal(read(b, 3)[0], -1)
  assert.equal(ssl.BIO_write(a, bytes('0123456789abcdef')), 10, 'N4')
  assert.equal(retry(a), 'none')
  assert.equal(ssl.BIO_get_read_request(a), 0, 'answered by the write')
  assert.equal(ssl.BIO_get_write_guarantee(a), 0)
  assert.deepEqual([ssl.BIO_wpending(a), ssl.BIO_pending(b), ssl.BIO_pending(a)], [10, 10, 0])
  assert.equal(ssl.BIO_write(a, bytes('x')), -1, 'N4b')
  assert.equal(retry(a), 'write')
  assert.equal(ssl.BIO_write(a, new Uint8Array(0)), 0, 'N4c')
  assert.deepEqual(read(b, 4), [4, '0123'], 'N5')
  assert.equal(ssl.BIO_get_write_guarantee(a), 4)
  assert.equal(ssl.BIO_write(a, bytes('abcdef')), 4, 'N5b')
  assert.deepEqual(shown(ssl.BIO_nread0(b)), [6, '456789'], 'N6')
  assert.deepEqual(shown(ssl.BIO_nread(b, 2)), [2, '45'])
  assert.deepEqual(shown(ssl.BIO_nread(b, 100)), [4, '6789'])
  assert.deepEqual(shown(ssl.BIO_nread(b, 100)), [4, 'abcd'], 'N6d')
  assert.deepEqual(shown(ssl.BIO_nread(b, 100)), [-1, ''], 'N6e')
  assert.equal(retry(b), 'read')
  assert.equal(ssl.BIO_nread0(b).ret, -1, 'N6f')
  assert.equal(ssl.BIO_get_read_request(a), 1)
})

test('N7 N7d N8: writing in place, dropping what was not read', () => {
  const [a, b] = ssl.BIO_new_bio_pair(10, 10)!
  const space = ssl.BIO_nwrite0(a)
  assert.deepEqual([space.ret, space.data.length], [10, 10], 'N7')
  const first = ssl.BIO_nwrite(a, 4)
  first.data.set(bytes('wxyz'))
  assert.equal(first.ret, 4)
  assert.deepEqual(read(b, 3), [3, 'wxy'])
  assert.equal(ssl.BIO_nwrite(a, 100).ret, 6, 'up to the end of the ring')
  assert.equal(ssl.BIO_nwrite(a, 100).ret, 3, 'then its beginning')
  assert.equal(ssl.BIO_nwrite(a, 100).ret, -1, 'N7d')
  assert.equal(retry(a), 'write')
  assert.equal(ssl.BIO_number_written(a), 13)
  assert.equal(ssl.BIO_reset(a), 0, 'N8')
  assert.deepEqual([ssl.BIO_wpending(a), ssl.BIO_pending(b)], [0, 0])
})

test('N9 N9b N9c N9d: closing one direction', () => {
  const [a, b] = ssl.BIO_new_bio_pair(10, 10)!
  ssl.BIO_write(a, bytes('last'))
  assert.equal(ssl.BIO_shutdown_wr(a), 1)
  assert.deepEqual([ssl.BIO_get_write_guarantee(a), ssl.BIO_eof(b)], [0, 0])
  assert.equal(ssl.BIO_write(a, bytes('x')), -1, 'N9b')
  assert.deepEqual([retry(a), reason()], ['none', 124])
  assert.equal(ssl.BIO_nwrite(a, 1).ret, -1)
  assert.equal(reason(), 124)
  assert.deepEqual(read(b, 9), [4, 'last'], 'N9c')
  assert.equal(read(b, 9)[0], 0, 'N9d')
  assert.equal(retry(b), 'none')
  assert.equal(ssl.BIO_eof(b), 1)
  assert.equal(ssl.BIO_write(b, bytes('back')), 4, 'the other direction goes on')
})

test('N10 N10b N10c N10d N10f N10g: sizes and pairing', () => {
  const [a, b] = ssl.BIO_new_bio_pair(10, 10)!
  assert.equal(ssl.BIO_set_write_buf_size(a, 20), 0)
  assert.equal(reason(), 123)
  const single = ssl.BIO_new(ssl.BIO_s_bio())!
  assert.equal(ssl.BIO_set_write_buf_size(single, 0), 0, 'N10b')
  assert.equal(reason(), 125)
  assert.equal(ssl.BIO_make_bio_pair(single, b), 0, 'N10c')
  assert.equal(reason(), 123)
  assert.equal(ssl.BIO_make_bio_pair(single, single), 0)
  assert.equal(reason(), 123)
  assert.equal(read(single, 1)[0], -2, 'N10d')
  assert.equal(reason(), 120)
  assert.equal(ssl.BIO_eof(single), 1, 'N10f')
  assert.equal(ssl.BIO_nread(single, 1).ret, -2, 'N10g')
  assert.equal(reason(), 120)
  assert.equal(ssl.BIO_get_write_guarantee(single), 0)
})

test('N11: separating and pairing again', () => {
  for (const separate of [ssl.BIO_destroy_bio_pair, ssl.BIO_free]) {
    const [a, b] = ssl.BIO_new_bio_pair(10, 10)!
    ssl.BIO_write(b, bytes('lost'))
    assert.equal(separate(b), 1)
    assert.equal(read(a, 4)[0], -2)
    assert.equal(reason(), 120)
    assert.equal(ssl.BIO_pending(a), 0)
    const c = ssl.BIO_new(ssl.BIO_s_bio())!
    assert.equal(ssl.BIO_make_bio_pair(a, c), 1)
    ssl.BIO_write(a, bytes('again'))
    assert.deepEqual(read(c, 9), [5, 'again'])
    assert.equal(read(a, 9)[0], -1)
  }
})

test('N12 N13: no lines; names', () => {
  const [a] = ssl.BIO_new_bio_pair(10, 10)!
  assert.equal(ssl.BIO_gets(a, new Uint8Array(5)), -2)
  assert.equal(reason(), 121)
  assert.deepEqual([ssl.BIO_method_type(a), ssl.BIO_method_name(a)], [0x413, 'BIO pair'])
  assert.deepEqual([ssl.BIO_set_nbio(a, 1), ssl.BIO_flush(a)], [0, 1])
})

test('lending shows what lies together and takes it', () => {
  const [a, b] = ssl.BIO_new_bio_pair(8, 8)!
  assert.equal(ssl.BIO_lend(b), null)
  ssl.BIO_write(a, bytes('012345'))
  read(b, 5)
  ssl.BIO_write(a, bytes('6789'))
  assert.equal(text(ssl.BIO_lend(b)!), '567')
  ssl.BIO_take(b, 3)
  assert.equal(text(ssl.BIO_lend(b)!), '89')
  ssl.BIO_take(b, 1)
  assert.deepEqual(read(b, 9), [1, '9'])
  assert.equal(ssl.BIO_number_read(b), 10)
})

test('order is kept through rings of every size, whichever calls are mixed', () => {
  let seed = 7
  const random = (below: number): number => (seed = (seed * 48271) % 2147483647) % below
  for (const size of [1, 2, 3, 7, 64]) {
    const [a, b] = ssl.BIO_new_bio_pair(size, size)!
    let written = 0
    let got = 0
    while (got < 3000) {
      if (random(2) === 0) {
        const piece = Uint8Array.from({ length: random(size + 2) }, (_, i) => (written + i) % 251)
        written += Math.max(0, ssl.BIO_write(a, piece))
      } else {
        const { data } = ssl.BIO_nwrite(a, random(size + 1))
        for (const at of data.keys()) data[at] = written++ % 251
      }
      const into = new Uint8Array(random(size + 2))
      const seen =
        random(2) === 0 ? ssl.BIO_nread(b, into.length).data : into.subarray(0, Math.max(0, ssl.BIO_read(b, into)))
      for (const byte of seen) assert.equal(byte, got++ % 251)
      assert.equal(ssl.BIO_pending(b), written - got)
    }
  }
})
