import type { Duplex } from 'node:stream'
import { askForTls, offerTls, type Plain, type Protocol, type ServedProtocol } from '../starttls/index.ts'
import { type ClientOptions, nameOf, secure } from './client.ts'
import { coded } from './codes.ts'
import { contextOf } from './context.ts'
import type { StreamOptions } from './driver.ts'
import type { ServerOptions } from './server.ts'
import type { SecureStream } from './stream.ts'

/**
 * Asks for TLS in the protocol that is spoken on a stream, and shakes hands. Rejects with a `StartTlsError` when the server
 * does not want to, or planted something; with whatever `secure` rejects with after that. Either way the stream is destroyed.
 * `handshakeTimeout` and `signal` are about both.
 */
export const startTls = async (
  protocol: Protocol,
  transport: Duplex,
  options: ClientOptions,
): Promise<SecureStream> => {
  // mistakes are told before anything is said
  const name = nameOf(options)
  const secureContext = options.secureContext ?? contextOf(options)
  await inTheClear(transport, options, (plain) => askForTls(protocol, plain, name ?? 'localhost'))
  return await secure(transport, { ...options, secureContext })
}

/**
 * Greets a client in its protocol, waits until it asks for TLS, and shakes hands; every other command is told to come
 * back after that. `name` is what the server calls itself. The greeting after TLS, where there is one, is the caller's.
 */
export const acceptStartTls = async (
  protocol: ServedProtocol,
  transport: Duplex,
  options: ServerOptions & StreamOptions & { readonly name?: string },
): Promise<SecureStream> => {
  await inTheClear(transport, options, (plain) => offerTls(protocol, plain, options.name))
  return await secure(transport, { ...options, isServer: true })
}

const TIMEOUT = 120_000

/** A dialogue over a stream that is bounded in time, and that leaves nothing behind when it fails. */
const inTheClear = async (
  transport: Duplex,
  { handshakeTimeout = TIMEOUT, signal }: StreamOptions,
  speak: (plain: Plain) => Promise<void>,
): Promise<void> => {
  let fail: (error: Error) => void = () => {}
  const failed = new Promise<never>((_resolve, reject) => (fail = reject))
  failed.catch(() => {})
  const late = (): void =>
    fail(
      coded(
        new Error(`the dialogue before TLS was not over within ${handshakeTimeout} ms`),
        'ERR_TLS_HANDSHAKE_TIMEOUT',
      ),
    )
  const timer = handshakeTimeout > 0 ? setTimeout(late, handshakeTimeout) : undefined
  const aborted = (): void => fail(abortError(signal?.reason))
  const lost = (error: Error): void => fail(error)
  if (signal?.aborted) aborted()
  signal?.addEventListener('abort', aborted)
  transport.on('error', lost)
  try {
    await Promise.race([failed, speak(plainOver(transport, failed))])
  } catch (error) {
    transport.on('error', () => {})
    transport.destroy()
    throw error
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', aborted)
    transport.off('error', lost)
  }
}

const abortError = (cause: unknown): Error =>
  Object.assign(new Error('The operation was aborted', { cause }), { name: 'AbortError', code: 'ABORT_ERR' })

/** A stream in the clear, read in whatever pieces it brings. `failed` ends a read that waits. */
const plainOver = (transport: Duplex, failed: Promise<never>): Plain => ({
  async read() {
    for (;;) {
      const bytes: Uint8Array | null = transport.read()
      if (bytes) return bytes
      if (transport.readableEnded || transport.destroyed) return undefined
      await Promise.race([failed, more(transport)])
    }
  },
  write: (bytes) =>
    new Promise((resolve, reject) => transport.write(bytes, (error) => (error ? reject(error) : resolve()))),
})

const more = (transport: Duplex): Promise<void> =>
  new Promise((resolve) => {
    const events = ['readable', 'end', 'close']
    const done = (): void => {
      for (const event of events) transport.off(event, done)
      resolve()
    }
    for (const event of events) transport.on(event, done)
  })
