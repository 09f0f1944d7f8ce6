/** The textbook client of libssl over a non-blocking socket: node examples/client.ts HOST PORT [CAFILE] */
import { connect } from 'node:net'
import {
  BIO_CLOSE,
  BIO_new_socket,
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
  SSL_wait,
  SSL_write,
  TLS_client_method,
} from '../src/openssl/index.ts'

const [host = 'localhost', port = '4433', caFile] = process.argv.slice(2)

const ctx = SSL_CTX_new(TLS_client_method())
if (!ctx) throw new Error(ERR_error_string(ERR_get_error()))
SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, null)
if (caFile) SSL_CTX_load_verify_locations(ctx, caFile, null)
else SSL_CTX_set_default_verify_paths(ctx)

const ssl = SSL_new(ctx)
if (!ssl) throw new Error(ERR_error_string(ERR_get_error()))
SSL_set_tlsext_host_name(ssl, host)
SSL_set1_host(ssl, host)
const bio = BIO_new_socket(connect({ host, port: Number(port) }), BIO_CLOSE)
SSL_set_bio(ssl, bio, bio)

/** Calls again for as long as SSL_get_error says that the socket was not ready. */
const retry = async (call: () => number): Promise<number> => {
  for (;;) {
    const ret = call()
    const error = SSL_get_error(ssl, ret)
    if (error !== SSL_ERROR_WANT_READ && error !== SSL_ERROR_WANT_WRITE) return ret
    await SSL_wait(ssl)
  }
}

if ((await retry(() => SSL_connect(ssl))) !== 1) throw new Error(ERR_error_string(ERR_get_error()))
await retry(() => SSL_write(ssl, new TextEncoder().encode(`GET / HTTP/1.0\r\nHost: ${host}\r\n\r\n`)))
const buf = new Uint8Array(16384)
let ret = 0
while ((ret = await retry(() => SSL_read(ssl, buf))) > 0) process.stdout.write(buf.slice(0, ret))
if (SSL_get_error(ssl, ret) !== SSL_ERROR_ZERO_RETURN) console.error('the server ended without a close_notify')
await retry(() => SSL_shutdown(ssl))
SSL_free(ssl)
SSL_CTX_free(ctx)
