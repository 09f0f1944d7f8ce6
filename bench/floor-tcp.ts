import * as crypto from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { discard } from '../src/bytes/discard.ts'

const RECORD = 16384
const TAG = 16
const SEALED = RECORD + 1 + TAG
/** Records of one write. */
const TOGETHER = 4

const FULL_TAG = { authTagLength: TAG }
const key = crypto.createSecretKey(crypto.randomBytes(16))
const nonce = new Uint8Array(12)
const aad = new Uint8Array(5)

/**
 * Records of AES-128-GCM through sockets, with no protocol around them and no stream: sealed four at a time into memory that is there
 * already, written, read, opened, thrown away. Memory is given back as soon as it can be, and a write waits for the one before.
 */
export const overTcp = async () => {
  const fields = Buffer.alloc(TOGETHER * SEALED)
  const text = Buffer.alloc(RECORD + 1)
  const waiting = Buffer.alloc(2 * 65536 + SEALED)
  let filled = 0
  let due = 0
  let done = (): void => {}

  const listener = createServer((socket) => {
    socket.on('data', (chunk) => {
      waiting.set(chunk, filled)
      filled += chunk.length
      discard(chunk)
      let at = 0
      for (; filled - at >= SEALED; at += SEALED) {
        const end = at + SEALED - TAG
        const live = crypto.createDecipheriv('aes-128-gcm', key, nonce, FULL_TAG)
        live.setAAD(aad)
        live.setAuthTag(waiting.subarray(end, end + TAG))
        due -= live.update(waiting.subarray(at, end)).length - 1
        live.final()
      }
      waiting.copyWithin(0, at, filled)
      filled -= at
      if (due <= 0) done()
    })
  }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const socket = connect((listener.address() as AddressInfo).port, '127.0.0.1')
  await once(socket, 'connect')

  const sealAll = (): void => {
    for (let at = 0; at < fields.length; at += SEALED) {
      const live = crypto.createCipheriv('aes-128-gcm', key, nonce, FULL_TAG)
      live.setAAD(aad)
      const sealed = live.update(text)
      fields.set(sealed, at)
      discard(sealed)
      live.final()
      fields.set(live.getAuthTag(), at + RECORD + 1)
    }
  }
  return {
    /** Sends so many bytes of content, whole writes of them, and waits until they have come. */
    async pour(total: number): Promise<void> {
      due = total
      const all = new Promise<void>((resolve) => (done = resolve))
      for (let sent = 0; sent < total; sent += TOGETHER * RECORD) {
        sealAll()
        await new Promise<void>((resolve) => socket.write(fields, () => setImmediate(resolve)))
      }
      await all
    },
    close(): void {
      socket.destroy()
      listener.close()
    },
  }
}
