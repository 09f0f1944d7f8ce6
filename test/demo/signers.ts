/**
 * Many handshakes at once, with keys that are far away: each signature takes 200 ms to come, and all come in the same
 * moment. Meanwhile the event loop must not stand still.
 *
 *   npm run demo:signers [-- HANDSHAKES]
 */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as later } from 'node:timers/promises'
import { node } from '../../src/crypto/node/index.ts'
import { createServer } from '../../src/node/index.ts'
import { loadPrivateKey } from '../../src/x509/index.ts'
import { Authority } from '../authority.ts'

const HANDSHAKES = Number(process.argv[2] ?? 500)
/** Milliseconds until a signature comes. */
const DISTANCE = 200
/** Milliseconds for which nothing else may be served. */
const STALL = 50

const authority = await Authority.make('signers')
const { cert, key } = await authority.leaf(['localhost'])
const vault = await loadPrivateKey(key, node)

let signing = 0
let mostAtOnce = 0
const server = createServer({
  cert,
  async key(algorithm, data) {
    mostAtOnce = Math.max(mostAtOnce, ++signing)
    await later(DISTANCE)
    signing--
    return vault.sign(algorithm, data)
  },
})
let accepted = 0
let failed = 0
server.on('secureConnection', (stream) => {
  accepted++
  stream.resume()
})
server.on('tlsClientError', () => failed++)
server.listen(0, '127.0.0.1', 4096)
await once(server, 'listening')
const { port } = server.address() as AddressInfo

/** The clients are a process of their own, so that only the server's event loop is measured. */
const clients = fork(new URL('./signers-clients.mjs', import.meta.url), [
  String(port),
  authority.ca,
  String(HANDSHAKES),
])
await once(clients, 'message')

/** The longest stall, and the most that was this process's own work in one: a busy machine makes the rest of it. */
const stall = { whole: 0, own: 0 }
const PULSE = 5
let last = performance.now()
let worked = process.cpuUsage()
const pulse = setInterval(() => {
  const now = performance.now()
  const { user, system } = process.cpuUsage(worked)
  const gap = now - last - PULSE
  stall.whole = Math.max(stall.whole, gap)
  stall.own = Math.max(stall.own, Math.min(gap, (user + system) / 1000))
  last = now
  worked = process.cpuUsage()
}, PULSE)
const from = performance.now()
clients.send('go')
const [done] = (await once(clients, 'message')) as [{ open: number; failed: number }]
const took = performance.now() - from
clearInterval(pulse)
// a client is done when its Finished is on its way; the server has yet to read the last of them
const patience = performance.now() + 5000
while (accepted + failed < HANDSHAKES && performance.now() < patience) await later(5)
server.close()
clients.kill()

console.log(`${done.open} handshakes in ${Math.round(took)} ms, ${mostAtOnce} signatures waited for at once`)
console.log(`failed: ${done.failed + failed}`)
console.log(
  `longest stall of the event loop: ${stall.whole.toFixed(1)} ms; of our own making: ${stall.own.toFixed(1)} ms`,
)
const smooth = stall.own <= STALL
console.log(`signers: ${done.open} of ${HANDSHAKES}, ${smooth ? 'no stall' : 'A STALL'} above ${STALL} ms`)
process.exit(smooth && accepted === HANDSHAKES && done.open === HANDSHAKES && done.failed + failed === 0 ? 0 : 1)
