/** From so many bytes on it costs less to give memory back than to leave it to the collector. */
const WORTH = 2048

type Memory = ArrayBuffer & { transfer?(length: number): ArrayBuffer }

let give: ((buffer: Memory) => void) | undefined

/**
 * Gives the memory of an array back at once: for what the runtime has made anew, and what was copied to where it belongs.
 * Collectors see little of memory outside their heap, and sweep all of it when that grows. Nobody may have a view of it any
 * more; it is empty afterwards. Parts of larger memory, and arrays that are not worth it, stay as they are.
 */
export const discard = (bytes: Uint8Array): void => {
  const { buffer } = bytes
  if (bytes.length < WORTH || bytes.length !== buffer.byteLength || !(buffer instanceof ArrayBuffer)) return
  give ??= way()
  give(buffer)
}

/** ES2024 has a method for it. Before that, memory that is posted moves, and behind a closed port there is nobody to keep it. */
const way = (): ((buffer: Memory) => void) => {
  if ('transfer' in ArrayBuffer.prototype) return (buffer) => void buffer.transfer?.(0)
  if (typeof MessageChannel === 'undefined') return () => {}
  const { port1 } = new MessageChannel()
  port1.close()
  return (buffer) => port1.postMessage(undefined, [buffer])
}
