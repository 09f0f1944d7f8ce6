/** Text of one character a byte, as the runner's words are: to and from bytes. */
export const bytesOfText = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'))
export const textOfBytes = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

/** Bytes of base64. */
export const bytesOf = (word: string): Uint8Array => Uint8Array.from(Buffer.from(word, 'base64'))

/** The strings of a list whose every item begins with its length, one byte. */
export const prefixed = (list: string): string[] => {
  const items: string[] = []
  for (let at = 0; at < list.length; at += 1 + list.charCodeAt(at))
    items.push(list.slice(at + 1, at + 1 + list.charCodeAt(at)))
  return items
}

export const sameBytes = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  Buffer.compare(a ?? new Uint8Array(0), b ?? new Uint8Array(0)) === 0
