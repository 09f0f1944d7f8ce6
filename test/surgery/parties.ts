import type { Connection } from '../../src/connection.ts'
import * as o from '../../src/openssl/index.ts'
import { call, told } from '../openssl/bench.ts'
import { type Role, Secrets } from './keys.ts'
import type { Party } from './surgeon.ts'

/** A connection under libssl's names, with its state set. Its BIOs are this party's; its context's key log too. */
export class SslParty implements Party {
  readonly ssl: o.SSL
  readonly role: Role
  readonly secrets = new Secrets()
  /** How the handshake ended, and the reading after it; the text of `told`. */
  readonly ended: string[] = []
  /** Data that came, as text. */
  received = ''
  readonly #in = o.BIO_new(o.BIO_s_mem()) as o.BIO
  readonly #out = o.BIO_new(o.BIO_s_mem()) as o.BIO
  #over = false
  readonly #first: ((ssl: o.SSL) => number) | undefined

  /** `first`: what stands before the handshake, like early data; called until it returns 1. */
  constructor(ssl: o.SSL, first?: (ssl: o.SSL) => number) {
    this.ssl = ssl
    this.#first = first
    this.role = o.SSL_is_server(ssl) ? 'server' : 'client'
    o.SSL_set_bio(ssl, this.#in, this.#out)
    logged.set(ssl, this.secrets)
    o.SSL_CTX_set_keylog_callback(o.SSL_get_SSL_CTX(ssl), (one, line) => logged.get(one)?.line(line))
  }

  feed(bytes: Uint8Array): void {
    o.BIO_write(this.#in, bytes)
  }

  drain(): Uint8Array {
    const written = o.BIO_get_mem_data(this.#out).slice()
    o.BIO_reset(this.#out)
    return written
  }

  async turn(): Promise<void> {
    const { ssl } = this
    if (this.#over) return
    if (o.SSL_is_init_finished(ssl) === 0) {
      const ret = await call(ssl, () => this.#first?.(ssl) ?? o.SSL_do_handshake(ssl))
      if (waits(ssl, ret)) return
      this.#note(ret)
      if (ret !== 1) return
    } else if (this.ended.length === 0) this.#note(await call(ssl, () => o.SSL_do_handshake(ssl)))
    const into = new Uint8Array(16384)
    for (;;) {
      const ret = await call(ssl, () => o.SSL_read(ssl, into))
      if (waits(ssl, ret)) return
      if (ret <= 0) return this.#note(ret)
      this.received += new TextDecoder().decode(into.subarray(0, ret))
    }
  }

  #note(ret: number): void {
    this.ended.push(told(this.ssl, ret))
    if (ret <= 0) this.#over = true
  }
}

const logged = new WeakMap<o.SSL, Secrets>()

const waits = (ssl: o.SSL, ret: number): boolean => {
  const error = o.SSL_get_error(ssl, ret)
  return error === o.SSL_ERROR_WANT_READ || error === o.SSL_ERROR_WANT_WRITE
}

/** An end of the engine itself. Its config must have `trace: secrets.trace`. */
export class ConnectionParty implements Party {
  readonly connection: Connection
  readonly role: Role
  readonly secrets: Secrets
  received = ''
  /** The first error. */
  lost: unknown

  constructor(role: Role, connection: Connection, secrets: Secrets) {
    this.role = role
    this.connection = connection
    this.secrets = secrets
  }

  feed(bytes: Uint8Array): void {
    this.connection.receive(bytes)
  }

  drain(): Uint8Array {
    const { output } = this.connection
    const parts: Buffer[] = []
    for (let view = output.peek(); view.length > 0; view = output.peek()) {
      parts.push(Buffer.from(view))
      output.sent(view.length)
    }
    return new Uint8Array(Buffer.concat(parts))
  }

  async turn(): Promise<void> {
    while (this.lost === undefined) {
      try {
        const need = this.connection.advance()
        if (need.kind === 'take') this.received += Buffer.from(this.connection.take() ?? []).toString('latin1')
        else if (need.kind === 'wait' && need.on) {
          await need.on.catch(() => {})
          await new Promise((resolve) => setImmediate(resolve))
        } else break
      } catch (error) {
        this.lost = error
      }
    }
    await this.connection.settling?.catch(() => {})
  }
}
