const encoder = new TextEncoder()
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** UTF-8 bytes of a string. */
export const utf8 = (text: string): Uint8Array => encoder.encode(text)

/** The string that these UTF-8 bytes spell; undefined when they are not UTF-8. */
export const fromUtf8 = (bytes: Uint8Array): string | undefined => {
  try {
    return strict.decode(bytes)
  } catch {
    return undefined
  }
}

/** One character a byte (ISO 8859-1). */
export const latin1 = (bytes: Uint8Array): string => {
  let text = ''
  // spreading the bytes as arguments takes seven times as long
  for (let at = 0; at < bytes.length; at += 8192)
    text += String.fromCharCode.apply(null, bytes.subarray(at, at + 8192) as unknown as number[])
  return text
}

/** The bytes of a string whose characters are all below 256; undefined for any other. */
export const fromLatin1 = (text: string): Uint8Array | undefined => {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 255) return undefined
    bytes[i] = code
  }
  return bytes
}

const hexPairs = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Lower-case hexadecimal, with `between` every two digits. */
export const hex = (bytes: Uint8Array, between = ''): string => {
  let text = ''
  for (let i = 0; i < bytes.length; i++) text += (i === 0 ? '' : between) + hexPairs[bytes[i] as number]
  return text
}

/** Reads hexadecimal of either case; undefined for anything else. */
export const fromHex = (text: string): Uint8Array | undefined => {
  if (!/^(?:[0-9a-fA-F]{2})*$/.test(text)) return undefined
  const bytes = new Uint8Array(text.length / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16)
  return bytes
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const sextets = new Uint8Array(128).fill(255)
for (let i = 0; i < 64; i++) sextets[alphabet.charCodeAt(i)] = i

/** Base64 with padding (RFC 4648 section 4), in one line. */
export const base64 = (bytes: Uint8Array): string => {
  let text = ''
  let at = 0
  for (; at + 3 <= bytes.length; at += 3) {
    const bits = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number)
    text += `${alphabet[bits >>> 18]}${alphabet[(bits >>> 12) & 63]}${alphabet[(bits >>> 6) & 63]}${alphabet[bits & 63]}`
  }
  const left = bytes.length - at
  if (left === 0) return text
  const bits = ((bytes[at] as number) << 16) | ((bytes[at + 1] ?? 0) << 8)
  return `${text}${alphabet[bits >>> 18]}${alphabet[(bits >>> 12) & 63]}${left === 2 ? alphabet[(bits >>> 6) & 63] : '='}=`
}

/**
 * Reads base64 with padding; white space is passed over. Undefined for any other character, padding that is missing
 * or misplaced, and left-over bits that are not zero: two texts never stand for the same bytes.
 */
export const fromBase64 = (text: string): Uint8Array | undefined => {
  let padding = 0
  let sextetCount = 0
  let bits = 0
  let at = 0
  const bytes = new Uint8Array(((text.length * 3) >>> 2) + 3)
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x20 || (code >= 0x09 && code <= 0x0d)) continue
    if (code === 0x3d) {
      padding++
      continue
    }
    const sextet = code < 128 ? (sextets[code] as number) : 255
    if (sextet === 255 || padding > 0) return undefined
    bits = (bits << 6) | sextet
    if ((++sextetCount & 3) === 0) {
      bytes[at++] = bits >>> 16
      bytes[at++] = bits >>> 8
      bytes[at++] = bits
      bits = 0
    }
  }
  const left = sextetCount & 3
  if (padding !== (left === 0 ? 0 : 4 - left) || left === 1) return undefined
  if (left === 2) {
    if (bits & 15) return undefined
    bytes[at++] = bits >>> 4
  } else if (left === 3) {
    if (bits & 3) return undefined
    bytes[at++] = bits >>> 10
    bytes[at++] = bits >>> 2
  }
  return bytes.subarray(0, at)
}

/** Text that somebody else wrote, so that it cannot steer a terminal: control characters become `\xNN` or `\u{N}`. */
export const printable = (text: string): string =>
  text.replace(/[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g, (character) => {
    const code = character.charCodeAt(0).toString(16)
    return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u{${code}}`
  })
