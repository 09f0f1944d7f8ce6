/**
 * Handshakes are the costly part of a connection, and hundreds may want to go on at the same moment: because they came at
 * once, or because a signer far away answers all of them at once. They take turns, a slice of the event loop at a time, so
 * that timers and other connections are served in between.
 */

/** Milliseconds of handshakes in one turn of the event loop. */
const SLICE = 6

let queue: (() => void)[] = []
let spent = 0
let scheduled = false

/** Does some work now when this turn of the event loop has time left, and in one of the next turns otherwise. */
export const paced = (work: () => void): void => {
  if (queue.length > 0 || spent >= SLICE) queue.push(work)
  else timed(work)
  next()
}

const timed = (work: () => void): void => {
  const from = performance.now()
  try {
    work()
  } finally {
    spent += performance.now() - from
  }
}

const next = (): void => {
  if (scheduled) return
  scheduled = true
  setImmediate(slice)
}

const slice = (): void => {
  scheduled = false
  spent = 0
  let at = 0
  try {
    while (at < queue.length && spent < SLICE) timed(queue[at++] as () => void)
  } finally {
    // work that throws (a listener's fault) does not hold up the rest
    queue = queue.slice(at)
    if (queue.length > 0) next()
  }
}
