import * as o from '../../src/openssl/index.ts'
import { materials, useIdentity } from './bench.ts'

/**
 * A server that blocks, for one connection after another: says `port N`, then gives back what it reads, and on `bye` closes
 * the TLS session. Ends by itself after so many connections: blocking-peer.ts CONNECTIONS [VERSION]
 */
const [connections = '1', version = '772'] = process.argv.slice(2)
const ctx = o.SSL_CTX_new(o.TLS_server_method()) as o.SSL_CTX
o.SSL_CTX_set_max_proto_version(ctx, Number(version))
useIdentity(ctx, (await materials()).leaf)
const listener = o.BIO_new_accept('127.0.0.1:0') as o.BIO
if (o.BIO_do_accept(listener) !== 1) throw new Error(o.ERR_error_string(o.ERR_get_error()))
console.log(`port ${o.BIO_get_accept_port(listener)}`)
for (let left = Number(connections); left > 0; left--) {
  if (o.BIO_do_accept(listener) !== 1) throw new Error(o.ERR_error_string(o.ERR_get_error()))
  const ssl = o.SSL_new(ctx) as o.SSL
  const bio = o.BIO_pop(listener)
  o.SSL_set_bio(ssl, bio, bio)
  const shaken = o.SSL_accept(ssl)
  console.log(`accept ${shaken}`)
  const buf = new Uint8Array(20_000)
  for (let n = o.SSL_read(ssl, buf); n > 0; n = o.SSL_read(ssl, buf)) {
    if (new TextDecoder().decode(buf.subarray(0, n)) === 'bye') o.SSL_shutdown(ssl)
    else o.SSL_write(ssl, buf, n)
  }
  o.SSL_free(ssl)
}
o.BIO_free(listener)
o.SSL_CTX_free(ctx)
console.log('end')
