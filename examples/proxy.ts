/**
 * A debugging proxy: an HTTP proxy that looks into CONNECT. For each ClientHello it decides by the name that is asked for:
 * it ends TLS itself with a certificate made on the spot and speaks TLS on to the server, it demands a client certificate
 * besides, or it passes every byte through untouched. What it saw is printed, a line of JSON for each connection.
 *
 *   node examples/proxy.ts --port 8080 --ca ca.pem --pass bank.example --ask admin.example
 *   curl --proxy http://127.0.0.1:8080 --cacert ca.pem https://example.org/
 */
import { writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect as connectTcp } from 'node:net'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { node } from '../src/crypto/node/index.ts'
import { type ClientHello, connect, type SecureStream, secure } from '../src/node/index.ts'
import { makeCertificate, writePem } from '../src/x509/index.ts'

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '8080' },
    /** Where to write the certificate of the authority that clients must trust. */
    ca: { type: 'string', default: 'proxy-ca.pem' },
    pass: { type: 'string', multiple: true, default: [] },
    ask: { type: 'string', multiple: true, default: [] },
    /** Whose client certificates are good (PEM); by default our own authority's. */
    'client-ca': { type: 'string' },
    /** Whom to trust towards servers (PEM), instead of the system's roots. */
    trust: { type: 'string' },
    /** Where to connect to, whatever was asked for: HOST:PORT. */
    to: { type: 'string' },
  },
})

// ---- the authority, and leaves in its name

const DAY = 86_400_000
const authorityKey = await node.generate('P-256')
const authority = await makeCertificate(
  {
    subject: { CN: 'debugging proxy' },
    key: authorityKey,
    signer: authorityKey,
    notBefore: Date.now() - DAY,
    days: 30,
    ca: true,
  },
  node,
)
const authorityPem = writePem('CERTIFICATE', authority.raw)
writeFileSync(values.ca, authorityPem)

/** All leaves share one key, so that a leaf costs one signature. */
const leafKey = await node.generate('P-256')
const leaves = new Map<string, Promise<string>>()
const leafFor = (name: string): Promise<string> => {
  let leaf = leaves.get(name)
  if (!leaf) {
    leaf = (async () => {
      const recipe = {
        subject: { CN: name.slice(0, 64) },
        key: leafKey,
        issuer: authority,
        signer: authorityKey,
        san: [name],
      }
      const made = await makeCertificate({ ...recipe, notBefore: Date.now() - DAY, days: 7 }, node)
      return writePem('CERTIFICATE', made.raw)
    })()
    // names come from clients, and a map must not grow for as long as they think of new ones
    if (leaves.size >= 1000) leaves.clear()
    leaves.set(name, leaf)
  }
  return leaf
}
const leafKeyPem = writePem('PRIVATE KEY', leafKey.pkcs8)

// ---- one connection

const trust = values.trust === undefined ? undefined : await readFile(values.trust)
const clientCa = values['client-ca'] === undefined ? authorityPem : await readFile(values['client-ca'])

const placeOf = (text: string): { host: string; port: number } => {
  const at = text.lastIndexOf(':')
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) }
}

const actionFor = (name: string): 'pass' | 'ask' | 'end' =>
  values.pass.includes(name) ? 'pass' : values.ask.includes(name) ? 'ask' : 'end'

const tunnel = async (target: string, socket: Duplex, first: Uint8Array): Promise<void> => {
  const asked = placeOf(target)
  const to = values.to === undefined ? asked : placeOf(values.to)
  const seen: Record<string, unknown> = { target }
  let server: SecureStream | undefined
  const decide = async (hello: ClientHello) => {
    const name = hello.servername ?? asked.host
    const action = actionFor(name)
    const raw = Buffer.from(hello.raw).toString('hex')
    Object.assign(seen, { name, action, offers: hello.alpnProtocols, ja3: hello.ja3, ja4: hello.ja4, hello: raw })
    if (action === 'pass') return { passThrough: connectTcp(to) }
    server = await connect({
      ...to,
      servername: name,
      ALPNProtocols: hello.alpnProtocols,
      ...(trust && { ca: trust }),
    })
    const { alpnProtocol } = server
    return {
      cert: await leafFor(name),
      key: leafKeyPem,
      // what both ends speak must be one protocol, since what is said is passed on as it is
      ...(alpnProtocol && { ALPNProtocols: [alpnProtocol] }),
      ...(action === 'ask' && { requestCert: true, ca: clientCa }),
    }
  }
  try {
    const client = await secure(socket, { isServer: true, first, onClientHello: decide })
    Object.assign(seen, {
      version: client.getProtocol(),
      protocol: client.alpnProtocol,
      client: client.getPeerX509Certificate()?.subject,
    })
    report(seen)
    if (server) await Promise.all([pipeline(client, server), pipeline(server, client)])
  } catch (error) {
    const { code, message } = error as Error & { code?: string }
    if (code !== 'ERR_TLS_PASSED_THROUGH') Object.assign(seen, { code, error: message })
    if (seen['version'] === undefined) report(seen)
    server?.destroy()
  }
}

const report = (seen: object): void => console.log(JSON.stringify(seen))

// ---- the proxy

const proxy = createServer((_request, response) => response.writeHead(405).end('this proxy takes CONNECT only\n'))
proxy.on('connect', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
  socket.on('error', () => socket.destroy())
  socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
  void tunnel(request.url ?? '', socket, head)
})
proxy.listen(Number(values.port), '127.0.0.1', () => {
  report({ listening: (proxy.address() as AddressInfo).port, ca: values.ca })
})
