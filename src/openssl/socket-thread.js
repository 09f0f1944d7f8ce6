// @ts-check
// The thread that owns the sockets of blocking BIOs. JavaScript, and importing nothing of ours, so that a thread of every
// runtime can load it as it stands, from the sources and from dist/ alike; src/openssl/shared-line.ts says what it is told.
import { Buffer } from 'node:buffer'
import { connect, createServer, Socket } from 'node:net'
import process from 'node:process'
import { parentPort, workerData } from 'node:worker_threads'

/**
 * @import { Server } from 'node:net'
 * @import { MessagePort } from 'node:worker_threads'
 * @import { Beginning, Failure, Opened, Order, Report } from './shared-line.ts'
 */

const { started, WORDS, STATES, PLACES } = /** @type {Beginning} */ (workerData)
const port = /** @type {MessagePort} */ (parentPort)
const { input: INPUT, output: OUTPUT } = PLACES
const BACKLOG = 511

/** @param {Report} report */
const report = (report) => port.postMessage(report)

/** The side of the thread of one shared memory. */
class Line {
  /** @type {Socket | null} */
  socket = null
  /** @type {Server | null} */
  server = null
  /** Connections that nobody has taken, and those who want one. Of a listener. @type {Socket[]} */
  connections = []
  /** @type {Line[]} */
  takers = []
  /** Bytes for which there was no room. @type {Uint8Array | null} */
  kept = null
  ended = false
  /** Its user is gone. */
  closing = false

  /**
   * @param {number} id
   * @param {SharedArrayBuffer} memory
   */
  constructor(id, memory) {
    this.id = id
    this.memory = memory
    this.words = new Int32Array(memory, PLACES.words.at, PLACES.words.size / 4)
    this.input = new Uint8Array(memory, INPUT.at, INPUT.size)
    this.output = new Uint8Array(memory, OUTPUT.at, OUTPUT.size)
  }

  /** @param {keyof typeof WORDS} word */
  get(word) {
    return Atomics.load(this.words, WORDS[word])
  }

  /**
   * @param {keyof typeof WORDS} word
   * @param {number} value
   */
  set(word, value) {
    Atomics.store(this.words, WORDS[word], value)
  }

  changed() {
    Atomics.add(this.words, WORDS.TURN, 1)
    Atomics.notify(this.words, WORDS.TURN)
    if (Atomics.exchange(this.words, WORDS.WATCHED, 0) === 1) report({ say: 'changed', id: this.id })
  }

  /**
   * @param {{ at: number, size: number }} place
   * @param {Opened | Failure} what
   */
  tell({ at, size }, what) {
    const text = Buffer.from(JSON.stringify(what)).subarray(0, size - 4)
    new Uint8Array(this.memory, at + 4, text.length).set(text)
    new DataView(this.memory).setUint32(at, text.length)
  }

  /** @param {any} error */
  fail(error) {
    if (this.closing || this.get('FAILED') === 1) return
    const { code, errno, syscall, message } = error.errors?.[0] ?? error
    this.tell(PLACES.failure, { code, errno, syscall, message: String(message).slice(0, 300) })
    this.set('FAILED', 1)
    this.changed()
  }

  /** @param {Socket} socket */
  adopt(socket) {
    this.socket = socket
    socket.on('error', (error) => this.fail(error))
    socket.on('connect', () => this.open())
    socket.on('data', (bytes) => {
      const came = /** @type {Buffer} */ (bytes)
      // not every runtime's stream is silent at once when it is paused
      this.kept = this.kept === null ? came : Buffer.concat([this.kept, came])
      this.pour()
    })
    socket.on('end', () => {
      this.ended = true
      this.pour()
    })
    socket.on('close', () => {
      if (this.closing) return this.gone()
      if (this.get('FAILED') === 0 && !this.ended) this.fail({ code: 'EBADF', message: 'the socket was closed' })
      else this.changed()
    })
    if (!socket.connecting) this.open()
    if (socket.destroyed) this.fail({ code: 'ECONNRESET', message: 'the connection was gone before anybody took it' })
  }

  open() {
    const socket = /** @type {any} */ (this.socket)
    this.tell(PLACES.opened, {
      fd: socket._handle?.fd ?? -1,
      address: socket.localAddress ?? null,
      port: socket.localPort ?? null,
      peerAddress: socket.remoteAddress ?? null,
      peerPort: socket.remotePort ?? null,
    })
    this.set('STATE', STATES.OPEN)
    this.changed()
    socket.resume()
  }

  /** Puts what came where the user finds it, as far as there is room. */
  pour() {
    const { socket } = this
    if (socket === null || this.closing) return
    while (this.kept !== null) {
      const came = this.get('CAME')
      const room = INPUT.size - ((came - this.get('READ')) | 0)
      if (room === 0) {
        socket.pause()
        this.set('FULL', 1)
        // whoever made room before this word was set did not see it
        if (((came - this.get('READ')) | 0) === INPUT.size) return
        if (Atomics.exchange(this.words, WORDS.FULL, 0) === 0) return
        continue
      }
      const length = Math.min(room, this.kept.length)
      const at = came & (INPUT.size - 1)
      const first = Math.min(length, INPUT.size - at)
      this.input.set(this.kept.subarray(0, first), at)
      this.input.set(this.kept.subarray(first, length), 0)
      this.kept = length === this.kept.length ? null : this.kept.subarray(length)
      this.set('CAME', (came + length) | 0)
      this.changed()
    }
    if (socket.isPaused()) socket.resume()
    if (this.ended && this.get('ENDED') === 0) {
      this.set('ENDED', 1)
      this.changed()
    }
  }

  send() {
    // a stream keeps what it writes, and this memory is its user's again
    const bytes = Buffer.from(this.output.subarray(0, this.get('SENDING')))
    this.socket?.write(bytes, (error) => {
      if (error) return this.fail(error)
      this.set('SENDING', 0)
      this.changed()
    })
  }

  /** @param {boolean} leave */
  close(leave) {
    const { socket, server } = this
    this.closing = true
    this.set('STATE', STATES.CLOSED)
    this.changed()
    if (server !== null) {
      for (const connection of this.connections.splice(0)) connection.destroy()
      server.close(() => this.gone()) // called also if it never listened
      return
    }
    if (socket === null) {
      for (const { takers } of lines.values()) if (takers.includes(this)) takers.splice(takers.indexOf(this), 1)
      return this.gone()
    }
    if (leave) {
      socket.pause()
      socket.unref()
      lines.delete(this.id)
      return
    }
    if (socket.destroyed) return this.gone()
    if (socket.connecting) return void socket.destroy()
    socket.resume() // nobody reads what still comes, and it must not hold the end back
    if (socket.writable) socket.end(() => socket.destroy())
    else if (socket.writableFinished) socket.destroy()
    else socket.once('finish', () => socket.destroy())
  }

  gone() {
    lines.delete(this.id)
    report({ say: 'closed', id: this.id })
  }

  match() {
    while (this.connections.length > 0 && this.takers.length > 0) {
      const taker = /** @type {Line} */ (this.takers.shift())
      taker.adopt(/** @type {Socket} */ (this.connections.shift()))
    }
  }
}

/** @type {Map<number, Line>} */
const lines = new Map()

/** @param {Order} order */
const obey = (order) => {
  if (!('memory' in order)) {
    const line = lines.get(order.id)
    if (order.do === 'close') line?.close(order.leave)
    else if (order.do === 'send') line?.send()
    else line?.pour()
    return
  }
  const line = new Line(order.id, order.memory)
  lines.set(order.id, line)
  try {
    begin(line, order)
  } catch (error) {
    // a descriptor that is none of a socket or pipe is only told from its number
    line.fail(order.do === 'open' ? { code: 'EBADF', message: String(error) } : error)
  }
}

/**
 * @param {Line} line
 * @param {Extract<Order, { memory: SharedArrayBuffer }>} order
 */
const begin = (line, order) => {
  switch (order.do) {
    case 'connect': {
      const { host, port, family } = order.to
      return line.adopt(
        connect({ host: host ?? 'localhost', port, family, allowHalfOpen: true, noDelay: true, keepAlive: true }),
      )
    }
    case 'open':
      return line.adopt(new Socket({ fd: order.fd, allowHalfOpen: true, readable: true, writable: true }))
    case 'listen': {
      const server = createServer(
        { allowHalfOpen: true, pauseOnConnect: true, noDelay: true, keepAlive: true },
        (socket) => {
          if (line.connections.length >= BACKLOG) return void socket.destroy()
          socket.on('error', () => {}) // until somebody takes it, nobody is there to be told
          line.connections.push(socket)
          line.match()
        },
      )
      line.server = server
      server.on('error', (error) => line.fail(error))
      server.on('listening', () => {
        const address = server.address()
        const own = typeof address === 'object' ? address : null
        const { address: name = null, port = null } = own ?? {}
        line.tell(PLACES.opened, { fd: -1, address: name, port, peerAddress: null, peerPort: null })
        line.set('STATE', STATES.OPEN)
        line.changed()
      })
      const { host, port } = order.to
      server.listen(host === undefined ? { port, backlog: BACKLOG } : { host, port, backlog: BACKLOG })
      return
    }
    case 'accept': {
      const listener = lines.get(order.from)
      listener?.takers.push(line)
      listener?.match()
    }
  }
}

// What nobody foresaw must not leave a user standing: every socket ends with it.
process.on('uncaughtException', (error) => {
  for (const line of lines.values()) line.fail(error)
})
port.on('message', obey)
const word = new Int32Array(started)
Atomics.store(word, 0, 1)
Atomics.notify(word, 0)
