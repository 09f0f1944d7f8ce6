/** TLS for Node: over TCP in one line, or over any stream. */

export { SecureStream } from './stream.ts'
export { type ClientOptions, connect, createServer, type EndOptions, roots, type ServerOptions, secure } from './tls.ts'
