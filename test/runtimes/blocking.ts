/**
 * TLS over sockets that block: a client in the main thread, a server in a thread of the program, neither of which turns its
 * event loop. Both leave their listeners and sockets open, and the process has to end all the same.
 */
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { node } from '../../src/crypto/node/index.ts'
import * as o from '../../src/openssl/index.ts'
import { makeCertificate } from '../../src/x509/index.ts'

const failure = (): Error => new Error(o.ERR_error_string(o.ERR_get_error()))

const serve = (ctx: o.SSL_CTX, port: Int32Array): void => {
  const listener = o.BIO_new_accept('127.0.0.1:0')
  if (listener === null || o.BIO_do_accept(listener) !== 1) throw failure()
  Atomics.store(port, 0, Number(o.BIO_get_accept_port(listener)))
  Atomics.notify(port, 0)
  if (o.BIO_do_accept(listener) !== 1) throw failure()
  const ssl = o.SSL_new(ctx) as o.SSL
  const bio = o.BIO_pop(listener)
  o.SSL_set_bio(ssl, bio, bio)
  if (o.SSL_accept(ssl) !== 1) throw failure()
  const buf = new Uint8Array(16384)
  for (let n = o.SSL_read(ssl, buf); n > 0; n = o.SSL_read(ssl, buf)) o.SSL_write(ssl, buf, n)
  o.SSL_shutdown(ssl)
}

const ask = (port: number): string => {
  const bio = o.BIO_new_connect(`127.0.0.1:${port}`)
  const ssl = o.SSL_new(o.SSL_CTX_new(o.TLS_client_method()))
  if (bio === null || ssl === null) throw failure()
  o.SSL_set_bio(ssl, bio, bio)
  if (o.SSL_connect(ssl) !== 1) throw failure()
  const sent = new Uint8Array(100_000).map((_, at) => at % 251)
  const got = new Uint8Array(sent.length)
  for (let at = 0; at < sent.length; ) {
    if (o.SSL_write(ssl, sent.subarray(at, at + 10_000)) !== 10_000) throw failure()
    for (const end = at + 10_000; at < end; ) {
      const n = o.SSL_read(ssl, got.subarray(at))
      if (n <= 0) throw failure()
      at += n
    }
  }
  if (got.some((byte, at) => byte !== sent[at])) throw new Error('what came back is not what was sent')
  o.SSL_shutdown(ssl)
  if (o.SSL_read(ssl, got) !== 0 || o.SSL_shutdown(ssl) !== 1) throw new Error('the server did not close')
  return `${o.SSL_get_version(ssl)}, ${got.length} bytes there and back`
}

if (isMainThread) {
  const port = new Int32Array(new SharedArrayBuffer(4))
  const ours = import.meta.url
  const tsx = process.execArgv.find((arg) => arg.includes('tsx'))
  // a thread of Node 20 knows TypeScript only through tsx's programming interface
  const start = `import(${JSON.stringify(tsx && import.meta.resolve('tsx/esm/api'))}).then(({ tsImport }) => tsImport('${ours}', '${ours}'))`
  new Worker(tsx ? start : new URL(ours), { eval: tsx !== undefined, workerData: port })
  if (Atomics.wait(port, 0, 0, 60_000) === 'timed-out') throw new Error('the server did not begin within a minute')
  console.log(`blocking: ${ask(Atomics.load(port, 0))}`)
} else {
  const key = await node.generate('P-256')
  const recipe = { subject: { CN: 'localhost' }, key, signer: key, notBefore: Date.now() - 1000 }
  const ctx = o.SSL_CTX_new(o.TLS_server_method()) as o.SSL_CTX
  o.SSL_CTX_use_certificate(ctx, o.X509_of(await makeCertificate(recipe, node)))
  o.SSL_CTX_use_PrivateKey(ctx, new o.EVP_PKEY(key))
  serve(ctx, workerData as Int32Array)
}
