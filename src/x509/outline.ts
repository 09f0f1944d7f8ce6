import { tags } from './der.ts'

/** Where in a certificate the two things stand by which stores find it. */
export interface Outline {
  /** The subject's name (DER). */
  readonly subject: Uint8Array
  /** Its subjectKeyIdentifier. */
  readonly keyId: Uint8Array | undefined
}

/**
 * Finds them by stepping over everything else, at a fraction of what parsing costs. Undefined where the steps lead nowhere.
 * Nothing is judged: a certificate found so is parsed strictly before anybody relies on it.
 */
export const outline = (raw: Uint8Array): Outline | undefined => {
  const whole = step(raw, 0, raw.length)
  if (whole?.tag !== tags.sequence) return undefined
  const tbs = step(raw, whole.start, whole.end)
  if (tbs?.tag !== tags.sequence) return undefined
  let at = tbs.start
  const next = (): Step | undefined => {
    const found = step(raw, at, tbs.end)
    if (found) at = found.end
    return found
  }
  const first = next()
  if (first?.tag === VERSION) next()
  // signature algorithm, issuer, validity
  for (let i = 0; i < 3; i++) if (next()?.tag !== tags.sequence) return undefined
  const before = at
  if (next()?.tag !== tags.sequence) return undefined
  const subject = raw.subarray(before, at)
  next() // the key
  let extensions = next()
  while (extensions && extensions.tag !== EXTENSIONS) extensions = next()
  return { subject, keyId: extensions && keyIdIn(raw, extensions) }
}

const VERSION = 0xa0
const EXTENSIONS = 0xa3
/** 2.5.29.14 with its tag and length. */
const KEY_ID = [0x06, 0x03, 0x55, 0x1d, 0x0e] as const

const keyIdIn = (raw: Uint8Array, extensions: Step): Uint8Array | undefined => {
  const list = step(raw, extensions.start, extensions.end)
  if (!list) return undefined
  for (let at = list.start; ; ) {
    const entry = step(raw, at, list.end)
    if (!entry) return undefined
    at = entry.end
    if (KEY_ID.some((byte, i) => raw[entry.start + i] !== byte)) continue
    let value = step(raw, entry.start + KEY_ID.length, entry.end)
    if (value?.tag === tags.boolean) value = step(raw, value.end, entry.end)
    const inner = value && step(raw, value.start, value.end)
    return inner?.tag === tags.octetString ? raw.subarray(inner.start, inner.end) : undefined
  }
}

interface Step {
  readonly tag: number
  /** Where its content starts and ends. */
  readonly start: number
  readonly end: number
}

const step = (bytes: Uint8Array, at: number, limit: number): Step | undefined => {
  if (at + 2 > limit) return undefined
  let length = bytes[at + 1] as number
  let start = at + 2
  if (length >= 0x80) {
    const count = length - 0x80
    if (count < 1 || count > 3 || start + count > limit) return undefined
    length = 0
    for (let i = 0; i < count; i++) length = length * 256 + (bytes[start++] as number)
  }
  const end = start + length
  return end > limit ? undefined : { tag: bytes[at] as number, start, end }
}

/**
 * A number that is the same for names that are equal by RFC 5280 section 7.1 (`Name.key`), made from their DER without
 * parsing them: of the last relative name, which tells most, only letters and digits of US-ASCII count, without regard to
 * case, each value by itself.
 */
export const looseHash = (name: Uint8Array): number => {
  const whole = step(name, 0, name.length)
  let last: Step | undefined
  for (let at = whole?.start ?? 0, end = whole?.end ?? 0; at < end; ) {
    const rdn = step(name, at, end)
    if (!rdn) return 0
    at = rdn.end
    last = rdn
  }
  let hash = 0
  for (let at = last?.start ?? 0, end = last?.end ?? 0; at < end; ) {
    const attribute = step(name, at, end)
    if (!attribute) return 0
    at = attribute.end
    const type = step(name, attribute.start, attribute.end)
    const value = type && step(name, type.end, attribute.end)
    if (value) hash = (hash + looseHashOfValue(name, value)) | 0
  }
  return hash
}

/** Bytes of a character, by the tag of its string type; values of other types do not count. */
const widths = new Map<number, number>([
  [tags.utf8String, 1],
  [tags.printableString, 1],
  [tags.ia5String, 1],
  [tags.visibleString, 1],
  [tags.teletexString, 1],
  [tags.bmpString, 2],
  [tags.universalString, 4],
])

const looseHashOfValue = (bytes: Uint8Array, { tag, start, end }: Step): number => {
  const width = widths.get(tag)
  if (width === undefined) return 0
  let hash = 0
  for (let at = start; at + width <= end; at += width) {
    let code = 0
    for (let i = 0; i < width; i++) code = code * 256 + (bytes[at + i] as number)
    hash = mixed(hash, code)
  }
  return hash
}

/** The same number from a `Name.key`; any other text is a `SyntaxError`. */
export const looseHashOfKey = (key: string): number => {
  const before = recent.get(key)
  if (before !== undefined) return before
  // one verification asks for the same few names many times
  if (recent.size >= 64) recent.clear()
  const hash = hashOfKey(key)
  recent.set(key, hash)
  return hash
}

const recent = new Map<string, number>()

const hashOfKey = (key: string): number => {
  let sum = 0
  const last = (JSON.parse(key) as readonly string[]).at(-1)
  for (const attribute of last === undefined ? [] : (JSON.parse(last) as readonly string[])) {
    const at = attribute.indexOf('=')
    // what is no text stands behind a "#", before which there is no "="
    if (at < 0 || !/^[\d.]+$/.test(attribute.slice(0, at))) continue
    let hash = 0
    for (let i = at + 1; i < attribute.length; i++) hash = mixed(hash, attribute.charCodeAt(i))
    sum = (sum + hash) | 0
  }
  return sum
}

const mixed = (hash: number, code: number): number => {
  const folded = code >= 0x41 && code <= 0x5a ? code + 0x20 : code
  const counts = (folded >= 0x61 && folded <= 0x7a) || (folded >= 0x30 && folded <= 0x39)
  return counts ? (Math.imul(hash, 31) + folded) | 0 : hash
}
