import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import * as o from '../../src/openssl/index.ts'

/** Uses blocking BIOs in the main thread and in one of its own, and leaves them open. */
const use = (): string => {
  const listener = o.BIO_new_accept('127.0.0.1:0') as o.BIO
  o.BIO_do_accept(listener)
  const client = o.BIO_new_connect(`127.0.0.1:${o.BIO_get_accept_port(listener)}`) as o.BIO
  o.BIO_puts(client, 'hello')
  const buf = new Uint8Array(10)
  return new TextDecoder().decode(buf.subarray(0, o.BIO_read(listener, buf)))
}

if (isMainThread) {
  console.log(`main ${use()}`)
  // A thread of Node 20 knows TypeScript only through tsx's programming interface.
  const ours = JSON.stringify(import.meta.url)
  const worker = (process.features as { typescript?: unknown }).typescript
    ? new Worker(new URL(import.meta.url))
    : new Worker(
        `import(${JSON.stringify(import.meta.resolve('tsx/esm/api'))}).then(({ tsImport }) => tsImport(${ours}, ${ours}))`,
        { eval: true },
      )
  worker.once('message', (text) => console.log(`thread ${text}`))
} else {
  parentPort?.postMessage(use())
}
