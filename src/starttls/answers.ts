import { latin1, printable } from '../bytes/text.ts'

/** A connection in the clear. */
export interface Plain {
  /** The bytes that come next, at least one; undefined at the end. */
  read(): Promise<Uint8Array | undefined>
  write(bytes: Uint8Array): Promise<void>
}

/** TLS cannot begin: the other side does not want to, does not speak the protocol, or said more than it may. One sentence. */
export class StartTlsError extends Error {
  override readonly name: string = 'StartTlsError'
  /** `LEFTOVER`: bytes came in the clear that nobody may have sent. */
  readonly code: `ERR_STARTTLS_${'REFUSED' | 'PROTOCOL' | 'CLOSED' | 'TOO_LONG'}` | 'ERR_TLS_LEFTOVER_BYTES'

  constructor(code: StartTlsError['code'], sentence: string) {
    super(sentence)
    this.code = code
  }
}

export const NOTHING: Uint8Array = new Uint8Array(0)
/** No greeting, feature list or row of commands is longer. */
const MOST = 65536

/** What the other side says, byte by exact byte: nothing behind an answer is consumed with it. */
export class Answers {
  readonly #stream: Plain
  readonly #protocol: string
  readonly #who: 'server' | 'client'
  #held: Uint8Array = NOTHING
  #read = 0

  constructor(stream: Plain, protocol: string, who: 'server' | 'client' = 'server') {
    this.#stream = stream
    this.#protocol = protocol
    this.#who = who
  }

  /**
   * Nothing may have come behind the last answer: what came in the clear must not be taken for what TLS protects (as in
   * CVE-2011-0411, CVE-2021-23214).
   */
  nothingLeft(): void {
    if (this.left === 0) return
    const before = this.#who === 'server' ? 'its last answer' : 'its request'
    throw new StartTlsError(
      'ERR_TLS_LEFTOVER_BYTES',
      `${this.#protocol}: the ${this.#who} sent ${this.left} bytes between ${before} and TLS; somebody may have planted them, so this ends here`,
    )
  }

  /** Bytes that came and belong to no answer. */
  get left(): number {
    return this.#held.length
  }

  async bytes(length: number): Promise<Uint8Array> {
    while (this.#held.length < length) await this.#more()
    return this.#take(length)
  }

  /** A line without its end. */
  async line(wanted: RegExp): Promise<string> {
    for (let from = 0; ; ) {
      const end = this.#held.indexOf(0x0a, from)
      if (end >= 0) {
        const line = latin1(this.#take(end + 1)).replace(/\r?\n$/, '')
        if (!wanted.test(line)) this.refused('answered', line)
        return line
      }
      from = this.#held.length
      await this.#more()
    }
  }

  /** A reply of SMTP or FTP: lines that begin with the same number, the last one with a space behind it. */
  async reply(wanted: RegExp): Promise<void> {
    const first = await this.line(wanted)
    if (first[3] !== '-') return
    const last = new RegExp(`^${first.slice(0, 3)}( |$)`)
    while (!last.test(await this.line(/^/)));
  }

  /** Everything up to the end of the first match. */
  async until(wanted: RegExp): Promise<string> {
    for (;;) {
      const match = wanted.exec(latin1(this.#held))
      if (match) return latin1(this.#take(match.index + match[0].length))
      await this.#more()
    }
  }

  /** What is inside the BER element that comes next. */
  async element(tag: number): Promise<Uint8Array> {
    const head = await this.bytes(2)
    if (head[0] !== tag) throw this.strange(latin1(head))
    let length = head[1] as number
    if (length > 0x84 || length === 0x80) throw this.strange('an element without a length')
    if (length > 0x80) length = (await this.bytes(length & 0x7f)).reduce((sum, byte) => sum * 256 + byte, 0)
    return this.bytes(length)
  }

  /** What has come so far. */
  async rest(): Promise<Uint8Array> {
    if (this.#held.length === 0) await this.#more()
    return this.#take(this.#held.length)
  }

  refused(how: string, words: string): never {
    const shown = printable(words.trim().slice(0, 200))
    throw new StartTlsError(
      'ERR_STARTTLS_REFUSED',
      `${this.#protocol}: the ${this.#who} ${how}${shown === '' ? '' : `: ${shown}`}`,
    )
  }

  strange(what: string): StartTlsError {
    return new StartTlsError(
      'ERR_STARTTLS_PROTOCOL',
      `${this.#protocol}: the ${this.#who} does not speak this protocol; it sent ${JSON.stringify(printable(what.slice(0, 40)))}`,
    )
  }

  #take(length: number): Uint8Array {
    const taken = this.#held.subarray(0, length)
    this.#held = this.#held.subarray(length)
    return taken
  }

  async #more(): Promise<void> {
    const got = await this.#stream.read()
    if (got === undefined)
      throw new StartTlsError(
        'ERR_STARTTLS_CLOSED',
        `${this.#protocol}: the ${this.#who} closed the connection before TLS could begin`,
      )
    this.#read += got.length
    if (this.#read > MOST)
      throw new StartTlsError(
        'ERR_STARTTLS_TOO_LONG',
        `${this.#protocol}: the ${this.#who} sent more than ${MOST} bytes before TLS`,
      )
    const joined = new Uint8Array(this.#held.length + got.length)
    joined.set(this.#held)
    joined.set(got, this.#held.length)
    this.#held = joined
  }
}

/** The BER elements within one; what is cut off is left out. LDAP servers write lengths longer than need be, so no DER. */
export const elements = (bytes: Uint8Array): { tag: number; value: Uint8Array }[] => {
  const found = []
  for (let at = 0; at + 2 <= bytes.length; ) {
    const tag = bytes[at++] as number
    let length = bytes[at++] as number
    if (length > 0x84 || length === 0x80) break
    if (length > 0x80) {
      const more = length & 0x7f
      length = bytes.subarray(at, at + more).reduce((sum, byte) => sum * 256 + byte, 0)
      at += more
    }
    if (at + length > bytes.length) break
    found.push({ tag, value: bytes.subarray(at, at + length) })
    at += length
  }
  return found
}
