import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as o from '../../src/openssl/index.ts'
import { pairOf, shake } from '../openssl/bench.ts'

/**
 * Every function with what C would crash on: as its first argument a null pointer, nothing, a text, some object, an object
 * of another kind, one that was freed; and a good first argument with such things behind it. It answers as OpenSSL does,
 * or throws Misuse that names it; never anything else.
 */

type Call = (...args: readonly unknown[]) => unknown
const isClass = (value: object): boolean => Object.getOwnPropertyDescriptor(value, 'prototype')?.writable === false
const calls = Object.entries(o).filter(
  (entry): entry is [string, Call & typeof o.SSL_new] =>
    typeof entry[1] === 'function' &&
    !isClass(entry[1]) &&
    /^(?:SSL|BIO|ERR|X509|EVP|PEM|d2i|i2d|CONF)_/.test(entry[0]),
) as unknown as readonly (readonly [string, Call])[]

const context = (): o.SSL_CTX => o.SSL_CTX_new(o.TLS_method()) as o.SSL_CTX
const connection = (): o.SSL => o.SSL_new(context()) as o.SSL
const memory = (): o.BIO => o.BIO_new(o.BIO_s_mem()) as o.BIO

/** What the name says that the function is about. */
const own = (name: string): unknown => {
  if (/^SSL_CTX_/.test(name)) return context()
  if (/^SSL_SESSION_|^i2d_SSL/.test(name)) return o.SSL_SESSION_new()
  if (/^SSL_CONF/.test(name)) return o.SSL_CONF_CTX_new()
  if (/^X509_STORE_/.test(name)) return o.X509_STORE_new()
  return /^BIO_|^PEM_|^ERR_print/.test(name) ? memory() : connection()
}
const other = (name: string): unknown => (/^BIO_/.test(name) ? connection() : memory())
const freed = (): o.SSL => {
  const ssl = connection()
  o.SSL_free(ssl)
  return ssl
}

const answers = async (name: string, call: Call, args: readonly unknown[]): Promise<void> => {
  try {
    const answer = call(...args)
    // what waits for a good object may wait for ever
    await Promise.race([answer, new Promise((resolve) => setImmediate(resolve))])
  } catch (error) {
    assert.ok(error instanceof o.Misuse, `${name} threw ${error}`)
    assert.ok(error.message.startsWith(`${name}: `), error.message)
  }
  o.ERR_clear_error()
}

describe('misuse', () => {
  for (const [name, call] of calls)
    test(name, async () => {
      const rest = [new Uint8Array(1), 1, null, null]
      for (const first of [null, undefined, 'text', 7, {}, other(name)]) await answers(name, call, [first, ...rest])
      if (/^SSL_(?!CTX_|SESSION_|CONF_|free)/.test(name)) await answers(name, call, [freed(), ...rest])
      for (const bad of [null, undefined, {}, 'text', -1])
        await answers(name, call, [own(name), bad, bad, bad, bad, bad])
      await answers(name, call, [])
    })

  test('what is left out is a null pointer', async () => {
    const verify = o.SSL_CTX_set_verify as (ctx: o.SSL_CTX, mode: number) => void
    const pair = await pairOf({ cctx: (ctx) => verify(ctx, o.SSL_VERIFY_PEER) })
    assert.equal(o.SSL_CTX_get_verify_callback(pair.cctx), null)
    assert.equal((await shake(pair))[0], '-1 SSL; SSL/134 “certificate verify failed”')
    const announce = o.SSL_CTX_set_info_callback as (ctx: o.SSL_CTX) => void
    announce(pair.cctx)
    assert.equal(o.SSL_CTX_get_info_callback(pair.cctx), null)
  })

  test('what was wrong is said', () => {
    for (const [act, message] of [
      [() => o.SSL_read(null as never, new Uint8Array(1)), /^SSL_read: the first argument is null, and SSL is due$/],
      [
        () => o.SSL_do_handshake(context() as never),
        /^SSL_do_handshake: the first argument is an SSL_CTX, and SSL is due$/,
      ],
      [
        () => o.SSL_write(connection(), 'text' as never),
        /^SSL_write: the second argument is a string, and a Uint8Array is due$/,
      ],
      [() => o.SSL_in_init(freed()), /^SSL_in_init: this SSL was freed/],
      [
        () => o.BIO_read(connection() as never, new Uint8Array(1)),
        /^BIO_read: the first argument is an SSL, and BIO is due$/,
      ],
    ] as const)
      assert.throws(act, (error) => error instanceof o.Misuse && message.test(error.message))
  })
})
