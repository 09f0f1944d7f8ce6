/** TLS for Node: over TCP in one line, or over any stream. */

export { roots, runtimeRoots } from './roots.ts'
export { SecureStream } from './stream.ts'
export { type ClientOptions, connect, createServer, type EndOptions, type ServerOptions, secure } from './tls.ts'
