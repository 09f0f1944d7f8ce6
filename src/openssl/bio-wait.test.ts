import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { Misuse } from '../errors.ts'
import * as ssl from './index.ts'

const mem = (): ssl.BIO => ssl.BIO_new(ssl.BIO_s_mem())!

/** Whether a promise has settled once everything that was due has run. */
const settled = async (promise: Promise<unknown>): Promise<boolean> => {
  let done = false
  promise.then(
    () => (done = true),
    () => (done = true),
  )
  await setImmediate()
  return done
}

test('memory: waiting to read ends with a write; writing never waits', async () => {
  const bio = mem()
  await ssl.BIO_wait(bio, 'write')
  const waiting = ssl.BIO_wait(bio, 'read')
  assert.equal(await settled(waiting), false)
  ssl.BIO_write(bio, new Uint8Array(1))
  await waiting
  await ssl.BIO_wait(bio, 'read')
  assert.equal(bio.waiters, null)
})

test('memory: waiting ends when empty no longer means "later"', async () => {
  const bio = mem()
  const waiting = ssl.BIO_wait(bio, 'read')
  ssl.BIO_set_mem_eof_return(bio, 0)
  await waiting
})

test('pair: data, room, the end and separation end a wait', async () => {
  const [a, b] = ssl.BIO_new_bio_pair(4, 4)!
  const toRead = ssl.BIO_wait(b, 'read')
  assert.equal(await settled(toRead), false)
  ssl.BIO_write(a, new Uint8Array(4))
  await toRead
  const toWrite = ssl.BIO_wait(a, 'write')
  assert.equal(await settled(toWrite), false)
  ssl.BIO_read(b, new Uint8Array(1))
  await toWrite
  ssl.BIO_read(b, new Uint8Array(3))

  const first = ssl.BIO_nwrite(a, 4)
  assert.equal(first.ret, 4)
  const room = ssl.BIO_wait(a, 'write')
  ssl.BIO_nread(b, 4)
  await room

  const theEnd = ssl.BIO_wait(b, 'read')
  assert.equal(await settled(theEnd), false)
  ssl.BIO_shutdown_wr(a)
  await theEnd
  const separated = ssl.BIO_wait(a, 'read')
  assert.equal(await settled(separated), false)
  ssl.BIO_free(b)
  await separated
  assert.equal(a.waiters, null)
})

test('many may wait for one BIO, and a filter waits for the one behind it', async () => {
  const [a, b] = ssl.BIO_new_bio_pair(4, 4)!
  const filter = ssl.BIO_push(ssl.BIO_new(ssl.BIO_f_buffer()), b)!
  const waits = [ssl.BIO_wait(b, 'read'), ssl.BIO_wait(filter, 'read'), ssl.BIO_wait(filter, 'read')]
  assert.equal(b.waiters?.size, 3)
  ssl.BIO_puts(a, 'one')
  await Promise.all(waits)
  ssl.BIO_read(filter, new Uint8Array(1))
  await ssl.BIO_wait(filter, 'read') // its own bytes will do
  assert.equal(b.waiters, null)
})

test('a signal and a deadline give up and leave nothing behind', async () => {
  const bio = mem()
  const controller = new AbortController()
  const waiting = ssl.BIO_wait(bio, 'read', { signal: controller.signal })
  controller.abort(new Error('enough'))
  await assert.rejects(waiting, { message: 'enough' })
  await assert.rejects(ssl.BIO_wait(bio, 'read', { signal: controller.signal }), { message: 'enough' })
  await assert.rejects(ssl.BIO_wait(bio, 'read', { timeoutMs: 1 }), { name: 'TimeoutError' })
  assert.equal(bio.waiters, null)
  ssl.BIO_puts(bio, 'x')
  await ssl.BIO_wait(bio, 'read', { timeoutMs: 100_000 }) // a timer left running would hold the test up
})

test('a BIO that is freed while somebody waits for it says so', async () => {
  const bio = mem()
  const waiting = ssl.BIO_wait(bio, 'read')
  ssl.BIO_free(bio)
  await assert.rejects(waiting, Misuse)
  await assert.rejects(ssl.BIO_wait(bio, 'read'), Misuse)
})

test('a method of the program brings its own way of waiting', async () => {
  const asked: [string, AbortSignal][] = []
  let ready = (): void => {}
  const method = ssl.BIO_meth_new(ssl.BIO_get_new_index() | ssl.BIO_TYPE_SOURCE_SINK, 'mine')
  ssl.BIO_meth_set_wait(method, (_bio, want, signal) => {
    asked.push([want, signal])
    return new Promise((resolve) => {
      ready = resolve
    })
  })
  const chain = ssl.BIO_push(ssl.BIO_new(ssl.BIO_f_null()), ssl.BIO_new(method))!
  const waiting = ssl.BIO_wait(chain, 'write')
  assert.equal(await settled(waiting), false)
  ready()
  await waiting
  assert.equal(asked[0]![0], 'write')
  assert.equal(asked[0]![1].aborted, true, 'told that nobody waits any more')
  await assert.rejects(ssl.BIO_wait(chain, 'read', { timeoutMs: 1 }), { name: 'TimeoutError' })
  assert.equal(asked[1]![1].aborted, true)

  ssl.BIO_meth_set_wait(method, () => Promise.reject(new Error('no')))
  await assert.rejects(ssl.BIO_wait(chain, 'read'), { message: 'no' })
  ssl.BIO_meth_set_wait(method, null)
  await assert.rejects(ssl.BIO_wait(chain, 'read'), /BIO_meth_set_wait/)
})

test('a method of the program may instead say when it is ready, and wake', async () => {
  let full = true
  const method = ssl.BIO_meth_new(ssl.BIO_get_new_index() | ssl.BIO_TYPE_SOURCE_SINK, 'mine')
  method.ready = () => !full
  const bio = ssl.BIO_new(method)!
  const waiting = ssl.BIO_wait(bio, 'write')
  bio.wake()
  assert.equal(await settled(waiting), false)
  full = false
  bio.wake()
  await waiting
})

test('what to wait for is read off the flags', () => {
  const bio = mem()
  assert.equal(ssl.BIO_wanted(bio), null)
  ssl.BIO_read(bio, new Uint8Array(1))
  assert.equal(ssl.BIO_wanted(bio), 'read')
  ssl.BIO_clear_retry_flags(bio)
  ssl.BIO_set_retry_special(bio)
  for (const [reason, want] of [
    [ssl.BIO_RR_CONNECT, 'connect'],
    [ssl.BIO_RR_ACCEPT, 'accept'],
    [1, null],
  ] as const) {
    ssl.BIO_set_retry_reason(bio, reason)
    assert.equal(ssl.BIO_wanted(bio), want)
  }
})
