/** The dialogues by which TLS begins on a connection that was in the clear: what either side says before the handshake. */

export { type Plain, StartTlsError } from './answers.ts'
export { askForTls, type Protocol, protocolNames } from './client.ts'
export { offerTls, type ServedProtocol, servedProtocols } from './server.ts'
