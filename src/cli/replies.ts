import type { Link } from './link.ts'
import { briefReport } from './report.ts'

/** What s_server answers by itself. */

/** No request head and no line is longer. */
const MOST = 16384
const LF = 0x0a
const CR = 0x0d

/** `-www`: answers one HTTP request, GET or HEAD, with a page about the connection. */
export const replyWithPage = async (link: Link, signal: AbortSignal): Promise<void> => {
  let head = ''
  while (!/\r?\n\r?\n/.test(head)) {
    const data = await link.read(signal)
    if (data === undefined) return
    head += String.fromCharCode(...data)
    if (head.length > MOST)
      return send(link, '431 Request Header Fields Too Large', 'The request is too long.\n', true, signal)
  }
  const [, method] = /^([A-Z]+) \S+ HTTP\/1\.[01]\r?\n/.exec(head) ?? []
  if (method === undefined) return send(link, '400 Bad Request', 'This is no HTTP/1 request.\n', true, signal)
  if (method !== 'GET' && method !== 'HEAD')
    return send(link, '405 Method Not Allowed', 'GET and HEAD only.\n', true, signal)
  await send(link, '200 ok', page(link), method === 'GET', signal)
}

const page = ({ ssl }: Link): string => {
  const told = briefReport(ssl, ssl.connection?.facts.peerChain ?? [])
  return `<!DOCTYPE html>\n<title>typetls s_server</title>\n<pre>\n${told.replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`)}</pre>\n`
}

const send = (link: Link, status: string, body: string, withBody: boolean, signal: AbortSignal): Promise<void> => {
  const type = body.startsWith('<') ? 'text/html' : 'text/plain'
  const head = `HTTP/1.0 ${status}\r\nContent-Type: ${type}; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n`
  return link.write(new TextEncoder().encode(head + (withBody ? body : '')), signal)
}

/** `-rev`: sends back every line with its bytes in reverse, until the client closes or says "CLOSE". */
export const replyReversed = async (link: Link, signal: AbortSignal): Promise<void> => {
  let line: number[] = []
  for (let data = await link.read(signal); data !== undefined; data = await link.read(signal)) {
    // `data` is the link's buffer, and writing does not read into it
    for (const byte of data) {
      line.push(byte)
      if (byte !== LF && line.length < MOST) continue
      if (String.fromCharCode(...line.slice(0, 7)).trimEnd() === 'CLOSE') return
      await link.write(reversed(line), signal)
      line = []
    }
  }
}

/** The line's end stays where it is. */
const reversed = (line: readonly number[]): Uint8Array => {
  let end = line.length
  if (line[end - 1] === LF) end -= line[end - 2] === CR ? 2 : 1
  return Uint8Array.from([...line.slice(0, end).reverse(), ...line.slice(end)])
}
