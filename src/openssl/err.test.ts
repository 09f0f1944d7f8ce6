import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { reasons } from '../reasons.ts'
import * as ssl from './index.ts'
import { errnos } from './platform.ts'

beforeEach(() => {
  ssl.ERR_clear_error()
  ssl.set_errno(0)
})

const drained = (): number[] => {
  const codes: number[] = []
  for (let code = ssl.ERR_get_error(); code !== 0; code = ssl.ERR_get_error()) codes.push(code)
  return codes
}

test('K0 K1: 15 of 20 entries remain, the oldest first, and an empty queue gives 0', () => {
  for (let reason = 1; reason <= 20; reason++) ssl.ERR_put_error(ssl.ERR_LIB_USER, 0, reason, 'k.c', reason)
  assert.equal(ssl.ERR_GET_REASON(ssl.ERR_peek_error()), 6)
  assert.equal(ssl.ERR_GET_REASON(ssl.ERR_peek_last_error()), 20)
  assert.deepEqual(
    drained().map(ssl.ERR_GET_REASON),
    Array.from({ length: 15 }, (_, i) => i + 6),
  )
  assert.equal(ssl.ERR_get_error(), 0)
  assert.equal(ssl.ERR_peek_error(), 0)
  assert.equal(ssl.ERR_peek_last_error(), 0)
})

const strings: readonly [id: string, code: number, text: string][] = [
  ['K2', 0x140b4090, 'error:140B4090:SSL routines:SSL_do_handshake:connection type not set'],
  ['K4', ssl.ERR_PACK(254, 1, 1), 'error:FE001001:lib(254):func(1):reason(1)'],
  [
    'K5',
    ssl.ERR_PACK(ssl.ERR_LIB_SYS, 1, errnos['ENOENT']!),
    'error:02001002:system library:fopen:No such file or directory',
  ],
  ['D8', ssl.ERR_PACK(ssl.ERR_LIB_BIO, 0, 124), 'error:2000007C:BIO routines:func(0):broken pipe'],
  ['D13', ssl.ERR_PACK(ssl.ERR_LIB_SSL, 0, 1120), 'error:14000460:SSL routines:func(0):reason(1120)'],
  ['common reason', ssl.ERR_PACK(ssl.ERR_LIB_SSL, 0, 68), 'error:14000044:SSL routines:func(0):internal error'],
  ['failed library', ssl.ERR_PACK(ssl.ERR_LIB_SSL, 0, 9), 'error:14000009:SSL routines:func(0):PEM lib'],
  ['other library', ssl.ERR_PACK(ssl.ERR_LIB_PEM, 0, 108), 'error:0900006C:PEM routines:func(0):no start line'],
]
for (const [id, code, text] of strings) {
  test(`${id}: ${text}`, () => assert.equal(ssl.ERR_error_string(code), text))
}

test('K2: the parts of a code', () => {
  const code = 0x140b4090
  assert.deepEqual([ssl.ERR_GET_LIB(code), ssl.ERR_GET_FUNC(code), ssl.ERR_GET_REASON(code)], [20, 180, 144])
  assert.equal(ssl.ERR_PACK(20, 180, 144), code)
  assert.equal(ssl.ERR_lib_error_string(code), 'SSL routines')
  assert.equal(ssl.ERR_func_error_string(code), 'SSL_do_handshake')
  assert.equal(ssl.ERR_reason_error_string(code), 'connection type not set')
})

test('D13: what has no text is null', () => {
  for (const reason of [1115, 1120]) assert.equal(ssl.ERR_reason_error_string(ssl.ERR_PACK(20, 0, reason)), null)
  assert.equal(ssl.ERR_lib_error_string(ssl.ERR_PACK(200, 0, 0)), null)
  assert.equal(ssl.ERR_func_error_string(ssl.ERR_PACK(20, 0, 0)), null)
})

test('K3: a text that does not fit becomes hex numbers, cut to the buffer', () => {
  const code = 0x140b4090
  const whole = ssl.ERR_error_string(code)
  assert.equal(ssl.ERR_error_string_n(code, whole.length + 2), whole)
  assert.equal(ssl.ERR_error_string_n(code, 40), 'err:140b4090:14:b4:90')
  assert.equal(ssl.ERR_error_string_n(code, 10), 'err:140b4')
  assert.equal(ssl.ERR_error_string_n(code, 1), '')
  assert.equal(ssl.ERR_error_string_n(code, 0), '')
})

test('K6 K7: entries behind a mark go, and the mark with them', () => {
  ssl.ERR_put_error(20, 0, 144, 'a.c', 1)
  assert.equal(ssl.ERR_set_mark(), 1)
  ssl.ERR_put_error(20, 0, 68, 'a.c', 2)
  ssl.ERR_put_error(20, 0, 193, 'a.c', 3)
  assert.equal(ssl.ERR_pop_to_mark(), 1)
  assert.deepEqual(drained().map(ssl.ERR_GET_REASON), [144])
  assert.equal(ssl.ERR_peek_error(), 0)
  assert.equal(ssl.ERR_set_mark(), 0, 'nothing to mark')
})

test('without a mark, pop_to_mark empties the queue; clear_last_mark keeps everything', () => {
  ssl.ERR_put_error(20, 0, 1, 'a.c', 1)
  ssl.ERR_set_mark()
  ssl.ERR_put_error(20, 0, 2, 'a.c', 2)
  assert.equal(ssl.ERR_clear_last_mark(), 1)
  assert.equal(ssl.ERR_clear_last_mark(), 0)
  assert.equal(ssl.ERR_peek_last_error(), ssl.ERR_PACK(20, 0, 2))
  assert.equal(ssl.ERR_pop_to_mark(), 0)
  assert.equal(ssl.ERR_get_error(), 0)
})

test('a mark that was pushed out of the queue is gone', () => {
  ssl.ERR_put_error(20, 0, 1, 'a.c', 1)
  ssl.ERR_set_mark()
  for (let i = 0; i < 15; i++) ssl.ERR_put_error(20, 0, 2, 'a.c', 2)
  assert.equal(ssl.ERR_pop_to_mark(), 0)
})

test('K8: print_errors writes a line per entry and empties the queue', () => {
  ssl.ERR_put_error(20, 1, 1040, 'ssl/x.c', 99)
  ssl.ERR_add_error_data('SSL alert number ', '40')
  ssl.ERR_put_error(20, 0, 144, 'ssl/y.c', 7)
  const bio = ssl.BIO_new(ssl.BIO_s_mem())!
  ssl.ERR_print_errors(bio)
  const lines = new TextDecoder().decode(ssl.BIO_get_mem_data(bio)).split('\n')
  const first = 'error:14001410:SSL routines:func(1):sslv3 alert handshake failure:ssl/x.c:99:SSL alert number 40'
  assert.equal(lines[0]!.slice(lines[0]!.indexOf(':') + 1), first)
  assert.match(lines[0]!, /^\d+:/)
  assert.equal(
    lines[1]!.slice(lines[1]!.indexOf(':') + 1),
    'error:14000090:SSL routines:func(0):connection type not set:ssl/y.c:7:',
  )
  assert.deepEqual(lines.slice(2), [''])
  assert.equal(ssl.ERR_peek_error(), 0)
})

test('a print callback that returns 0 ends it there', () => {
  for (const reason of [1, 2, 3]) ssl.ERR_put_error(20, 0, reason, 'a.c', 1)
  const seen: [string, number, unknown][] = []
  ssl.ERR_print_errors_cb((line, len, u) => seen.push([line, len, u]) - 2, 'mine')
  assert.equal(seen.length, 1)
  ssl.ERR_print_errors_cb((line, len, u) => seen.push([line, len, u]), 'mine')
  assert.equal(seen.length, 3)
  assert.deepEqual(seen[0]!.slice(1), [seen[0]![0].length, 'mine'])
})

test('file, line, data and flags come out with the entry; null reads <NULL>', () => {
  assert.deepEqual(ssl.ERR_get_error_line_data(), { code: 0, file: '', line: 0, data: '', flags: 0 })
  ssl.ERR_put_error(32, 0, 144, 'b.c', 12)
  ssl.ERR_add_error_data('hostname=', null, ' service=', null)
  const entry = {
    code: ssl.ERR_PACK(32, 0, 144),
    file: 'b.c',
    line: 12,
    data: 'hostname=<NULL> service=<NULL>',
    flags: 3,
  }
  assert.deepEqual(ssl.ERR_peek_error_all(), entry)
  assert.deepEqual(ssl.ERR_peek_last_error_line_data(), entry)
  assert.deepEqual(ssl.ERR_peek_error_line(), { code: entry.code, file: 'b.c', line: 12 })
  assert.deepEqual(ssl.ERR_get_error_all(), entry)
  assert.equal(ssl.ERR_peek_error(), 0)
})

test('the queue leaves errno alone', () => {
  ssl.set_errno(104)
  ssl.ERR_put_error(20, 0, 1, '', 0)
  ssl.ERR_get_error()
  ssl.ERR_clear_error()
  assert.equal(ssl.get_errno(), 104)
})

test('raisers know libraries, functions and reasons by name', () => {
  ssl.SSLerr('SSL_do_handshake', 'CONNECTION_TYPE_NOT_SET')
  ssl.SSLerr(null, 'NO_SHARED_CIPHER')
  ssl.BIOerr('BROKEN_PIPE')
  ssl.SYSerr('connect', 111)
  assert.deepEqual(drained(), [0x140b4090, 0x140000c1, 0x2000007c, 0x0200206f])
})

test('reasons: numbers are unique, alerts are 1000 + alert, texts follow their names', () => {
  const rows = Object.entries(reasons) as [string, readonly [number, string]][]
  assert.equal(new Set(rows.map(([, [number]]) => number)).size, rows.length)
  const exceptions = { SHOULD_NOT_HAVE_BEEN_CALLED: 66, PASSED_NULL_PARAMETER: 67, DISABLED: 69 }
  for (const [name, [number, text]] of rows) {
    assert.ok(number > 0 && number < 4096, name)
    if (!(name in exceptions)) assert.equal(text.toUpperCase().replaceAll(' ', '_'), name)
    if (/^(SSLV3|TLSV1|TLSV13)_ALERT_/.test(name)) assert.ok(number > 1000 && number < 1256, name)
  }
  const known = {
    NO_SHARED_CIPHER: 193,
    BAD_RECORD_TYPE: 443,
    TLSV13_ALERT_CERTIFICATE_REQUIRED: 1116,
    INTERNAL_ERROR: 68,
  }
  for (const [name, number] of Object.entries(known)) assert.equal(reasons[name as keyof typeof known][0], number)
})
