/** TLS for Node: over TCP in one line, or over any stream. */

export { type Protocol, type ServedProtocol, StartTlsError } from '../starttls/index.ts'
export {
  type ClientOptions,
  type ConnectOptions,
  connect,
  type SecureOptions,
  secure,
  type Transport,
} from './client.ts'
export { type ContextOptions, createSecureContext, SecureContext, type Verify } from './context.ts'
export type { StreamOptions } from './driver.ts'
export { ClientHello, type HelloAnswer } from './hello.ts'
export type { KeyInput, Pem, Signer } from './keys.ts'
export { roots, runtimeRoots } from './roots.ts'
export { createServer, SecureServer, type ServerOptions } from './server.ts'
export { acceptStartTls, startTls } from './starttls.ts'
export { SecureStream } from './stream.ts'
