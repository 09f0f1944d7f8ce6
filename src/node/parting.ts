import type { Duplex } from 'node:stream'

/** How a transport is left: to somebody else, or for good. */

/** Milliseconds until a peer that does not take our last bytes is left without them. */
const PATIENCE = 2000

const quiet = (): void => {}

/**
 * Ends a transport that nobody uses any more, and leaves nothing of it behind: `now`; or once what is on its way was `sent`;
 * or once it was `heard`: a socket that is closed with bytes unread is reset, and takes with it what the peer has not read
 * yet, an alert or the last data. So what still comes is read and thrown away until the peer ends, for a short while.
 */
export const farewell = (transport: Duplex, when: 'now' | 'sent' | 'heard'): void => {
  transport.on('error', quiet)
  const { connecting } = transport as { connecting?: boolean }
  const done = transport.destroyed || connecting || transport.writableLength === 0
  if (when === 'now' || (done && (when === 'sent' || connecting || transport.readableEnded))) {
    transport.destroy()
    return
  }
  const over = (): void => {
    clearTimeout(timer)
    transport.destroy()
  }
  const timer = setTimeout(over, PATIENCE)
  timer.unref()
  ;(transport as { unref?: () => void }).unref?.()
  transport.once('close', over)
  transport.once(when === 'heard' && !transport.readableEnded ? 'end' : 'finish', over)
  if (when === 'heard') transport.resume()
  transport.end()
}

/** Joins two streams: what comes of one goes into the other, an end is an end and a failure a failure. */
export const join = (a: Duplex, b: Duplex): void => {
  const way = (from: Duplex, to: Duplex): void => {
    from.on('error', () => to.destroy())
    from.on('close', () => {
      if (!from.readableEnded || !from.writableFinished) to.destroy()
    })
    from.pipe(to)
  }
  way(a, b)
  way(b, a)
}
