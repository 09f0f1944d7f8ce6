/**
 * The textbook client of libssl over a BIO pair that holds one byte each way; the program itself carries the bytes between
 * the pair and a socket: node examples/pair-client.ts HOST PORT [CAFILE]
 */
import { connect } from 'node:net'
import {
  BIO_CLOSE,
  BIO_ctrl_pending,
  BIO_free,
  BIO_new_bio_pair,
  BIO_new_socket,
  BIO_read,
  BIO_should_retry,
  BIO_shutdown_wr,
  BIO_wait,
  BIO_write,
  ERR_error_string,
  ERR_get_error,
  SSL_CTX_free,
  SSL_CTX_load_verify_locations,
  SSL_CTX_new,
  SSL_CTX_set_default_verify_paths,
  SSL_CTX_set_verify,
  SSL_connect,
  SSL_ERROR_WANT_READ,
  SSL_ERROR_WANT_WRITE,
  SSL_ERROR_ZERO_RETURN,
  SSL_free,
  SSL_get_error,
  SSL_new,
  SSL_read,
  SSL_set_bio,
  SSL_set_tlsext_host_name,
  SSL_set1_host,
  SSL_shutdown,
  SSL_VERIFY_PEER,
  SSL_write,
  TLS_client_method,
} from '../src/openssl/index.ts'

const [host = 'localhost', port = '4433', caFile] = process.argv.slice(2)
const failure = (): Error => new Error(ERR_error_string(ERR_get_error()))

const ctx = SSL_CTX_new(TLS_client_method())
if (!ctx) throw failure()
SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, null)
if (caFile) SSL_CTX_load_verify_locations(ctx, caFile, null)
else SSL_CTX_set_default_verify_paths(ctx)

const ssl = SSL_new(ctx)
const pair = BIO_new_bio_pair(1, 1)
const socket = BIO_new_socket(connect({ host, port: Number(port) }), BIO_CLOSE)
if (!ssl || !pair || !socket) throw failure()
const [internal, network] = pair
SSL_set_tlsext_host_name(ssl, host)
SSL_set1_host(ssl, host)
SSL_set_bio(ssl, internal, internal)

const byte = new Uint8Array(1)

/** Carries the byte that is to leave, if there is one; else one that comes, when it comes. */
const carry = async (): Promise<void> => {
  if (BIO_read(network, byte) === 1) {
    while (BIO_write(socket, byte) !== 1) {
      if (!BIO_should_retry(socket)) throw new Error('the connection broke')
      await BIO_wait(socket, 'write')
    }
    return
  }
  let n = 0
  while ((n = BIO_read(socket, byte)) < 0) {
    if (!BIO_should_retry(socket)) throw new Error('the connection broke')
    await BIO_wait(socket, 'read')
  }
  if (n === 0) BIO_shutdown_wr(network)
  else BIO_write(network, byte)
}

/** Calls again for as long as SSL_get_error says that the pair was empty or full. */
const retry = async (call: () => number): Promise<number> => {
  for (;;) {
    const ret = call()
    const error = SSL_get_error(ssl, ret)
    if (error !== SSL_ERROR_WANT_READ && error !== SSL_ERROR_WANT_WRITE) return ret
    await carry()
  }
}

if ((await retry(() => SSL_connect(ssl))) !== 1) throw failure()
const request = new TextEncoder().encode(`GET / HTTP/1.0\r\nHost: ${host}\r\n\r\n`)
await retry(() => SSL_write(ssl, request))
const buf = new Uint8Array(16384)
let ret = 0
while ((ret = await retry(() => SSL_read(ssl, buf))) > 0) process.stdout.write(buf.slice(0, ret))
if (SSL_get_error(ssl, ret) !== SSL_ERROR_ZERO_RETURN) console.error('the server ended without a close_notify')
await retry(() => SSL_shutdown(ssl))
while (BIO_ctrl_pending(network) > 0) await carry()
SSL_free(ssl)
BIO_free(network)
BIO_free(socket)
SSL_CTX_free(ctx)
