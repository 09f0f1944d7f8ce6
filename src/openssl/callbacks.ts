import { hex } from '../bytes/text.ts'
import { TLS13 } from '../config.ts'
import { type AlertName, alerts, TlsError } from '../errors.ts'
import type { TraceEvent } from '../trace.ts'
import { held } from './counted.ts'
import type { InfoCallback, SSL_CTX } from './ctx.ts'
import type { Holder, MsgCallback } from './settings.ts'
import type { SSL } from './ssl.ts'
import {
  SSL_CB_READ_ALERT,
  SSL_CB_WRITE_ALERT,
  SSL_TLSEXT_ERR_ALERT_FATAL,
  SSL3_RT_ALERT,
  SSL3_RT_APPLICATION_DATA,
  SSL3_RT_CHANGE_CIPHER_SPEC,
  SSL3_RT_HANDSHAKE,
  SSL3_RT_HEADER,
  SSL3_RT_INNER_CONTENT_TYPE,
} from './ssl-numbers.ts'

/** What goes by, told to the program's callbacks (SSL_CTX_set_info_callback(3), SSL_CTX_set_msg_callback(3)). */

/** The alert that a callback named by its number. */
export const alertBy = (code: number | undefined): AlertName =>
  (Object.keys(alerts) as AlertName[]).find((name) => alerts[name] === code) ?? 'internal_error'

/** The info callback: the SSL's own, else its context's. */
export const tell = (ssl: SSL, where: number, ret: number): void =>
  (ssl.infoCallback ?? ssl.ctx.infoCallback)?.(ssl, where, ret)

/**
 * Turns the engine's events into OpenSSL's. A message that is sent is a state when its first record is written, and is
 * told after its last one.
 */
export class Listener {
  readonly #ssl: SSL
  /** Messages that are not in records yet, and how much of the first is. */
  readonly #unsent: { readonly name: string; readonly raw: Uint8Array }[] = []
  #sent = 0

  constructor(ssl: SSL) {
    this.#ssl = ssl
  }

  /**
   * As OpenSSL's client has it, its own handshake secret comes when the client begins its last flight. An alert may be
   * written with it before.
   */
  #secret(label: string, line: string): void {
    if (label === 'CLIENT_HANDSHAKE_TRAFFIC_SECRET' && this.#ssl.role === 'client') {
      this.#kept = line
      return
    }
    if (label === 'CLIENT_TRAFFIC_SECRET_0') this.#letOut()
    this.#ssl.ctx.keylogCallback?.(this.#ssl, line)
  }
  #kept: string | undefined

  #letOut(): void {
    if (this.#kept !== undefined) this.#ssl.ctx.keylogCallback?.(this.#ssl, this.#kept)
    this.#kept = undefined
  }

  hear(event: TraceEvent): void {
    const ssl = this.#ssl
    switch (event.event) {
      case 'record':
        if (event.way === 'out') return this.#written(event.header, event.inner, event.length)
        return ssl.settings.msgCallback === null ? undefined : this.#header(0, event.header, event.inner)
      case 'message':
        if (event.way === 'out') return void this.#unsent.push(event)
        ssl.heard++
        ssl.states.came(event.name)
        this.#content(0, SSL3_RT_HANDSHAKE, event.raw)
        return askClient(ssl, event.name, event.body)
      case 'changeCipherSpec':
        if (event.way === 'in') {
          if (ssl.connection?.facts.version !== TLS13) ssl.states.came('changeCipherSpec')
          return
        }
        this.#content(1, SSL3_RT_CHANGE_CIPHER_SPEC, ONE)
        return ssl.states.went('changeCipherSpec')
      case 'alert': {
        const out = event.way === 'out'
        if (out) this.#letOut()
        this.#content(out ? 1 : 0, SSL3_RT_ALERT, Uint8Array.of(event.level, event.code))
        return tell(ssl, out ? SSL_CB_WRITE_ALERT : SSL_CB_READ_ALERT, (event.level << 8) | event.code)
      }
      case 'due':
        return ssl.states.turnToReading()
      case 'secret':
        return this.#secret(event.label, `${event.label} ${hex(event.clientRandom)} ${hex(event.secret)}`)
    }
  }

  #written(header: Uint8Array, inner: number | undefined, length: number): void {
    const handshake = (inner ?? header[0]) === SSL3_RT_HANDSHAKE
    if (handshake && this.#sent === 0 && this.#unsent[0]) this.#ssl.states.went(this.#unsent[0].name)
    if (this.#ssl.settings.msgCallback !== null) this.#header(1, header, inner)
    if (!handshake) return
    this.#sent += length
    for (let first = this.#unsent[0]; first && this.#sent >= first.raw.length; first = this.#unsent[0]) {
      this.#sent -= first.raw.length
      this.#unsent.shift()
      this.#content(1, SSL3_RT_HANDSHAKE, first.raw)
    }
  }

  #header(out: 0 | 1, header: Uint8Array, inner: number | undefined): void {
    this.#say(out, 0, SSL3_RT_HEADER, header)
    if (inner !== undefined && header[0] === SSL3_RT_APPLICATION_DATA)
      this.#content(out, SSL3_RT_INNER_CONTENT_TYPE, Uint8Array.of(inner))
  }

  #content(out: 0 | 1, type: number, bytes: Uint8Array): void {
    const { connection } = this.#ssl
    this.#say(out, connection?.facts.version ?? this.#ssl.highest, type, bytes)
  }

  #say(out: 0 | 1, version: number, type: number, bytes: Uint8Array): void {
    const { msgCallback, msgCallbackArgument } = this.#ssl.settings
    msgCallback?.(out, version, type, bytes, this.#ssl, msgCallbackArgument)
  }
}

/** A client whose context has a server name callback: it is called once too, when the server has answered the hello. */
const askClient = (ssl: SSL, name: string, body: unknown): void => {
  const { serverNameCallback, serverNameArgument } = ssl.ctx
  if (ssl.role !== 'client' || !serverNameCallback) return
  const answers = name === 'encryptedExtensions' || (body as { kind?: string }).kind === 'serverHello12'
  if (!answers) return
  const answer = serverNameCallback(ssl, serverNameArgument)
  const { ret, al } = typeof answer === 'number' ? { ret: answer, al: undefined } : answer
  if (ret === SSL_TLSEXT_ERR_ALERT_FATAL)
    throw new TlsError(
      al === undefined ? 'unrecognized_name' : alertBy(al),
      'CALLBACK_FAILED',
      'the server name callback of the program refuses',
    )
}

const ONE = Uint8Array.of(1)

/** `cb(ssl, where, ret)` at every step of a handshake and every alert; `where` has SSL_CB_ bits. null ends it. */
export const SSL_CTX_set_info_callback = (ctx: SSL_CTX, cb: InfoCallback | null): void => {
  held(ctx).infoCallback = cb
}
export const SSL_CTX_get_info_callback = (ctx: SSL_CTX): InfoCallback | null => held(ctx).infoCallback
export const SSL_set_info_callback = (ssl: SSL, cb: InfoCallback | null): void => {
  held(ssl).infoCallback = cb
}
export const SSL_get_info_callback = (ssl: SSL): InfoCallback | null => held(ssl).infoCallback

const setMsgCallback = ({ settings }: Holder, cb: MsgCallback | null): void => {
  settings.msgCallback = cb
}
const setMsgArgument = ({ settings }: Holder, arg: unknown): void => {
  settings.msgCallbackArgument = arg
}
/** `cb(write_p, version, content_type, buf, ssl, arg)` for every record header and everything in records. */
export const SSL_CTX_set_msg_callback: (ctx: SSL_CTX, cb: MsgCallback | null) => void = setMsgCallback
export const SSL_set_msg_callback: (ssl: SSL, cb: MsgCallback | null) => void = setMsgCallback
export const SSL_CTX_set_msg_callback_arg: (ctx: SSL_CTX, arg: unknown) => void = setMsgArgument
export const SSL_set_msg_callback_arg: (ssl: SSL, arg: unknown) => void = setMsgArgument

/** `cb(ssl, line)` for every secret, a line of the NSS key log without its newline. */
export const SSL_CTX_set_keylog_callback = (ctx: SSL_CTX, cb: ((ssl: SSL, line: string) => void) | null): void => {
  held(ctx).keylogCallback = cb
}
export const SSL_CTX_get_keylog_callback = (ctx: SSL_CTX): ((ssl: SSL, line: string) => void) | null =>
  held(ctx).keylogCallback
