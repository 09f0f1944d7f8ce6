/** The textbook client of libssl, blocking, as it is written in C: node examples/blocking-client.ts HOST PORT [CAFILE] */
import {
  BIO_do_connect,
  BIO_new_connect,
  ERR_error_string,
  ERR_get_error,
  SSL_CTX_free,
  SSL_CTX_load_verify_locations,
  SSL_CTX_new,
  SSL_CTX_set_default_verify_paths,
  SSL_CTX_set_verify,
  SSL_do_handshake,
  SSL_ERROR_ZERO_RETURN,
  SSL_free,
  SSL_get_error,
  SSL_new,
  SSL_read,
  SSL_set_bio,
  SSL_set_connect_state,
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

const bio = BIO_new_connect(`${host}:${port}`)
if (!bio || BIO_do_connect(bio) !== 1) throw failure()

const ssl = SSL_new(ctx)
if (!ssl) throw failure()
SSL_set_tlsext_host_name(ssl, host)
SSL_set1_host(ssl, host)
SSL_set_bio(ssl, bio, bio)
SSL_set_connect_state(ssl)

if (SSL_do_handshake(ssl) !== 1) throw failure()
SSL_write(ssl, new TextEncoder().encode(`GET / HTTP/1.0\r\nHost: ${host}\r\n\r\n`))
const buf = new Uint8Array(16384)
let ret = 0
while ((ret = SSL_read(ssl, buf)) > 0) process.stdout.write(buf.slice(0, ret))
if (SSL_get_error(ssl, ret) !== SSL_ERROR_ZERO_RETURN) console.error('the server ended without a close_notify')
SSL_shutdown(ssl)
SSL_free(ssl)
SSL_CTX_free(ctx)
