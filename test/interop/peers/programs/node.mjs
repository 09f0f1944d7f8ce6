// The peer "node": takes orders as peers/program.ts tells, and talks through node:tls.
import { constants } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import tls from 'node:tls'

const chunk = 16384
const servers = new Map()
const say = (id, word, text) => process.stdout.write(`${id} ${word} ${text}\n`)

const context = (o) => ({
  minVersion: `TLSv${o.version}`,
  maxVersion: `TLSv${o.version}`,
  ca: readFileSync(o.ca),
  ...(o.cert && { cert: readFileSync(o.cert), key: readFileSync(o.key) }),
  ...(o.opensslsuite && { ciphers: o.opensslsuite }),
  ...(o.groups && { ecdhCurve: o.groups.replaceAll(',', ':').replaceAll('x', 'X').replaceAll('secpX', 'secp') }),
  ...(o.alpn && { ALPNProtocols: [o.alpn] }),
  // SSL_OP_NO_ENCRYPT_THEN_MAC has no name in node:crypto
  secureOptions: (o.etm === '0' ? 1 << 19 : 0) | (o.resume === 'id' ? constants.SSL_OP_NO_TICKET : 0),
})

/** Reads as a promise of bytes, null at the end. */
const reader = (socket) => {
  const chunks = []
  let wake = () => {}
  let over
  const end = (reason) => {
    over ??= reason
    wake()
  }
  socket.on('data', (bytes) => {
    chunks.push(bytes)
    wake()
  })
  socket.on('end', () => end('end'))
  socket.on('error', end)
  socket.on('close', () => end(new Error('closed without an end')))
  return async () => {
    while (!chunks.length && !over) {
      await new Promise((resolve) => {
        wake = resolve
      })
    }
    if (chunks.length) return chunks.shift()
    if (over !== 'end') throw over
    return null
  }
}

const finish = async (socket, read, weClose) => {
  if (weClose) socket.end()
  if (await read()) throw new Error('bytes after the payload')
  if (!weClose) socket.end()
}

/** What can be told of a connection while it is open. */
const facts = (socket, o) => {
  const kind = socket.getPeerCertificate().subject?.CN
  const seen = [`version=${socket.getProtocol().slice(4)}`, `suite=${socket.getCipher().standardName}`]
  seen.push(`resumed=${Number(socket.isSessionReused())}`)
  if (o.alpn) seen.push(`alpn=${socket.alpnProtocol}`)
  if (kind) seen.push(`peerCertificate=${kind}`)
  return seen.join(' ')
}

const serve = (id, o) => {
  const options = { ...context(o), requestCert: !!o.clientauth, rejectUnauthorized: !!o.clientauth }
  const server = tls.createServer(options, async (socket) => {
    try {
      const read = reader(socket)
      const seen = facts(socket, o)
      let received = 0
      while (received < Number(o.bytes)) {
        const bytes = await read()
        if (!bytes) throw new Error(`closed after ${received} bytes`)
        received += bytes.length
        if (!socket.write(bytes)) await new Promise((resolve) => socket.once('drain', resolve))
      }
      await finish(socket, read, o.closes === 'server')
      say(id, 'report', `${seen} bytes=${received}`)
    } catch (error) {
      say(id, 'error', error.message)
    }
  })
  const sessions = new Map()
  server.on('newSession', (key, data, done) => {
    sessions.set(key.toString('hex'), data)
    done()
  })
  server.on('resumeSession', (key, done) => done(null, sessions.get(key.toString('hex'))))
  server.on('tlsClientError', (error) => say(id, 'error', error.message))
  server.listen(0, '127.0.0.1', () => say(id, 'port', server.address().port))
  servers.set(id, server)
}

const connect = async (id, o) => {
  const payload = readFileSync(o.payload)
  let session
  for (let i = 1; i <= Number(o.connections); i++) {
    const socket = tls.connect({ host: '127.0.0.1', port: o.port, servername: 'localhost', ...context(o), session })
    const read = reader(socket)
    socket.on('session', (fresh) => {
      session = fresh
    })
    await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
    const seen = facts(socket, o)
    for (let at = 0; at < payload.length; at += chunk) {
      const part = payload.subarray(at, at + chunk)
      socket.write(part)
      let back = Buffer.alloc(0)
      while (back.length < part.length) {
        const bytes = await read()
        if (!bytes) throw new Error(`closed after ${at + back.length} bytes`)
        back = Buffer.concat([back, bytes])
      }
      if (!back.equals(part)) throw new Error(`bytes from ${at} on came back changed`)
    }
    await finish(socket, read, o.closes === 'client')
    if (i === Number(o.connections)) say(id, 'report', `${seen} bytes=${payload.length}`)
  }
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const [id, order, ...words] = line.split(' ')
  const o = Object.fromEntries(words.map((word) => word.split('=')))
  if (order === 'serve') serve(id, o)
  else if (order === 'connect') connect(id, o).catch((error) => say(id, 'error', error.message))
  else servers.get(id)?.close()
})
