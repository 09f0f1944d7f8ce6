import type { Settings, Style } from './contract.ts'
import { firstChunk } from './contract.ts'

/** An open connection, as our ends use it. */
export interface Stream {
  /** Resolves when more may be written. */
  write(bytes: Uint8Array): Promise<void>
  /** The next bytes; undefined at the peer's close_notify. Rejects when the connection ends in any other way. */
  read(): Promise<Uint8Array | undefined>
  /** Sends a KeyUpdate that asks for one in return. */
  updateKeys(): Promise<void>
  /** Sends close_notify; reading stays possible. */
  close(): Promise<void>
}

/** The client's half of the conversation. Returns how many payload bytes came back as they were sent. */
export const talkAsClient = async (stream: Stream, s: Settings, style: Style, payload: Uint8Array): Promise<number> => {
  const from = new Incoming(stream)
  const exchange = async (part: Uint8Array): Promise<void> => {
    const [, back] = await Promise.all([stream.write(part), from.take(part.length)])
    compare(back, part)
  }
  const request = async (method: string, last: boolean, body?: Uint8Array): Promise<Uint8Array> => {
    const close = last && s.closes === 'server' ? 'Connection: close\r\n' : ''
    const length = body ? `Content-Length: ${body.length}\r\n` : ''
    await stream.write(ascii(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${close}${length}\r\n`))
    const [, response] = await Promise.all([body ? stream.write(body) : undefined, from.response(payload.length)])
    return response
  }
  const path = style.startsWith('get ') ? style.slice('get '.length) : '/payload'
  if (style === 'echo') {
    await exchange(payload.subarray(0, firstChunk))
    if (s.keyUpdate === 'client') await stream.updateKeys()
    if (payload.length > firstChunk) await exchange(payload.subarray(firstChunk))
  } else {
    if (style === 'put') await request('PUT', false, payload)
    if (s.keyUpdate === 'client') await stream.updateKeys()
    compare(await request('GET', true), payload)
  }
  if (s.closes === 'client') await stream.close()
  if (!s.unanswered) await from.end()
  if (s.closes === 'server') await stream.close()
  return payload.length
}

/** The server's half. Returns how many payload bytes came. */
export const talkAsServer = async (stream: Stream, s: Settings, style: Style): Promise<number> => {
  const from = new Incoming(stream)
  let received = 0
  if (style === 'echo') {
    for (let updated = false; received < s.bytes; ) {
      const bytes = await stream.read()
      // some clients make their first connection only for the ticket
      if (!bytes && s.resume && received === 0) break
      if (!bytes) throw new Error(`the peer closed after ${received} of ${s.bytes} bytes`)
      if (s.keyUpdate === 'server' && !updated) await stream.updateKeys()
      updated = true
      received += bytes.length
      await stream.write(bytes)
    }
  } else {
    if (s.keyUpdate === 'server') await stream.updateKeys()
    const { method, length, last } = await from.request()
    if (method !== 'PUT') throw new Error(`the peer asked for ${method} where PUT was due`)
    const body = await from.take(length)
    received = body.length
    const close = last ? 'Connection: close\r\n' : ''
    await stream.write(ascii(`HTTP/1.1 200 OK\r\n${close}Content-Length: ${body.length}\r\n\r\n`))
    await stream.write(body)
  }
  if (s.closes === 'server') await stream.close()
  if (received > 0 && !s.unanswered) await from.end()
  if (s.closes === 'client') await stream.close()
  return received
}

/** What comes from the peer, taken in amounts of our choice. */
class Incoming {
  readonly #stream: Stream
  #chunks: Uint8Array[] = []
  #length = 0

  constructor(stream: Stream) {
    this.#stream = stream
  }

  async take(length: number): Promise<Uint8Array> {
    while (this.#length < length) {
      const bytes = await this.#stream.read()
      if (!bytes) throw new Error(`the peer closed after ${this.#length} of ${length} bytes`)
      this.#chunks.push(bytes)
      this.#length += bytes.length
    }
    const all = Buffer.concat(this.#chunks)
    this.#chunks = [all.subarray(length)]
    this.#length = all.length - length
    return all.subarray(0, length)
  }

  /** The body of a response; `expected` bytes where no header tells its length. */
  async response(expected: number): Promise<Uint8Array> {
    const [status, header] = await this.#head()
    if (!/^HTTP\/1\.[01] 20\d/.test(status)) throw new Error(`the peer answered ${JSON.stringify(status)}`)
    return this.take(status.includes(' 204 ') ? 0 : (lengthIn(header) ?? expected))
  }

  async request(): Promise<{ method: string; length: number; last: boolean }> {
    const [line, header] = await this.#head()
    if (/^expect: *100-continue/im.test(header)) await this.#stream.write(ascii('HTTP/1.1 100 Continue\r\n\r\n'))
    return { method: line.split(' ', 1)[0]!, length: lengthIn(header) ?? 0, last: /^connection: *close/im.test(header) }
  }

  /** Nothing but close_notify may follow. */
  async end(): Promise<void> {
    for (let bytes: Uint8Array | undefined; this.#length === 0 && (bytes = await this.#stream.read()); )
      this.#length += bytes.length
    if (this.#length > 0) throw new Error(`${this.#length} bytes came after the payload`)
  }

  async #head(): Promise<[first: string, rest: string]> {
    let head = ''
    while (!head.endsWith('\r\n\r\n')) head += String.fromCharCode((await this.take(1))[0]!)
    return [head.slice(0, head.indexOf('\r\n')), head]
  }
}

const lengthIn = (header: string): number | undefined => {
  const found = header.match(/^content-length: *(\d+)/im)
  return found ? Number(found[1]) : undefined
}

const compare = (received: Uint8Array, sent: Uint8Array): void => {
  if (received.length !== sent.length) throw new Error(`${sent.length} bytes sent, ${received.length} came back`)
  const at = received.findIndex((byte, i) => byte !== sent[i])
  if (at >= 0) throw new Error(`byte ${at} of ${sent.length} came back changed`)
}

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)
