import { createHash } from 'node:crypto'
import type { Duplex } from 'node:stream'
import type { HelloFacts } from '../config.ts'
import { ja3Text, ja4Texts, offeredGroups, offeredSchemes, offeredVersions } from '../handshake/fingerprint.ts'
import type { SecureContext } from './context.ts'
import type { ServerOptions } from './server.ts'

/**
 * What to do with a client, once it has said what it wants: go on with the server's own config (nothing), with another one,
 * hand the connection on without having answered a byte (it is joined with `passThrough`, which is given every byte that
 * came), or end it as if nobody were there.
 */
export type HelloAnswer = void | undefined | SecureContext | ServerOptions | { readonly passThrough: Duplex } | 'reset'

/** A whole ClientHello, before anything was chosen. It is the caller's to keep. GREASE (RFC 8701) stands where it stood. */
export class ClientHello implements HelloFacts {
  /** The handshake message with its header of 4 bytes. */
  readonly raw: Uint8Array
  readonly legacyVersion: number
  readonly random: Uint8Array
  readonly sessionId: Uint8Array
  readonly suites: readonly number[]
  readonly compressionMethods: Uint8Array
  readonly extensions: readonly { readonly type: number; readonly data: Uint8Array }[]
  readonly serverName?: string
  readonly alpn?: readonly string[]
  #ja4: string | undefined

  constructor(facts: HelloFacts) {
    const raw = facts.raw.slice()
    const copied = (view: Uint8Array): Uint8Array => view.slice()
    this.raw = raw
    this.legacyVersion = facts.legacyVersion
    this.random = copied(facts.random)
    this.sessionId = copied(facts.sessionId)
    this.suites = [...facts.suites]
    this.compressionMethods = copied(facts.compressionMethods)
    this.extensions = facts.extensions.map(({ type, data }) => ({ type, data: copied(data) }))
    if (facts.serverName !== undefined) this.serverName = facts.serverName
    if (facts.alpn) this.alpn = [...facts.alpn]
  }

  /** The name that was asked for, as node:tls spells it. */
  get servername(): string | undefined {
    return this.serverName
  }

  get alpnProtocols(): readonly string[] {
    return this.alpn ?? []
  }

  /** By number, best first. */
  get versions(): readonly number[] {
    return offeredVersions(this)
  }

  get groups(): readonly number[] {
    return offeredGroups(this)
  }

  get signatureAlgorithms(): readonly number[] {
    return offeredSchemes(this)
  }

  /** The text that JA3 is a hash of. */
  get ja3Text(): string {
    return ja3Text(this)
  }

  /** 32 hexadecimal digits. */
  get ja3(): string {
    return createHash('md5').update(this.ja3Text).digest('hex')
  }

  /** JA4 of FoxIO: `t13d1516h2_8daaf6152771_e5627efa2ab1`. */
  get ja4(): string {
    const [start, suites, extensions] = ja4Texts(this)
    return (this.#ja4 ??= `${start}_${short(suites)}_${short(extensions)}`)
  }
}

const short = (text: string): string =>
  text === '' ? '000000000000' : createHash('sha256').update(text).digest('hex').slice(0, 12)
