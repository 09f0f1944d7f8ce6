import { hex, latin1 } from '../bytes/text.ts'

/** Bytes that are not the DER that they should be. The message says where, in what, and what was expected. */
export class DerError extends Error {
  override readonly name: string = 'DerError'
}

/** Identifier octets of the universal types in use (X.690 section 8.1.2); SEQUENCE and SET with their constructed bit. */
export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  numericString: 0x12,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  visibleString: 0x1a,
  universalString: 0x1c,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const

/** `[n]` with primitive content. */
export const primitive = (n: number): number => 0x80 | n
/** `[n]` with constructed content. */
export const constructed = (n: number): number => 0xa0 | n

const tagNames = new Map<number, string>(Object.entries(tags).map(([name, tag]) => [tag, name]))
const tagName = (tag: number): string =>
  tagNames.get(tag) ?? ((tag & 0xc0) === 0x80 ? `[${tag & 31}]` : `the tag 0x${tag.toString(16).padStart(2, '0')}`)

/** Nesting beyond this is refused: nothing in use comes near, and it bounds the stack. */
const MAX_DEPTH = 24

/** How many bytes one structure (a certificate, a key) may have. */
export const MAX_DER = 1 << 20

/**
 * A cursor over borrowed DER (X.690 sections 8 and 10). What it hands out are views, good as long as the bytes are.
 * Everything that DER forbids throws `DerError`: indefinite, long-form or overlong lengths, tags of more than one
 * byte, padded integers, booleans other than 00 and ff, set bits among unused ones, bytes after the end.
 */
export class DerReader {
  readonly #bytes: Uint8Array
  readonly #end: number
  readonly #what: string
  readonly #depth: number
  #at: number

  /** `what` names the structure in errors. */
  constructor(bytes: Uint8Array, what: string, start = 0, end = bytes.length, depth = 0) {
    this.#bytes = bytes
    this.#what = what
    this.#at = start
    this.#end = end
    this.#depth = depth
    if (depth > MAX_DEPTH) this.fail(`is nested more than ${MAX_DEPTH} deep`)
    if (depth === 0 && bytes.length > MAX_DER) this.fail(`has ${bytes.length} bytes; at most ${MAX_DER} are read`)
  }

  /** Whether anything is left. */
  get more(): boolean {
    return this.#at < this.#end
  }

  /** The next identifier octet, -1 at the end. */
  get tag(): number {
    return this.#at < this.#end ? (this.#bytes[this.#at] as number) : -1
  }

  fail(problem: string): never {
    throw new DerError(`${this.#what} ${problem}`)
  }

  /** The next element whole, with identifier and length. */
  raw(tag = this.tag): Uint8Array {
    const start = this.#at
    this.#enter(tag)
    return this.#bytes.subarray(start, this.#at)
  }

  /** The content of the next element. */
  value(tag: number): Uint8Array {
    const start = this.#enter(tag)
    return this.#bytes.subarray(start, this.#at)
  }

  /** A cursor inside the next element. */
  open(tag: number, what = this.#what): DerReader {
    const start = this.#enter(tag)
    return new DerReader(this.#bytes, what, start, this.#at, this.#depth + 1)
  }

  /** As `open`, if the next element has this tag. */
  openIf(tag: number, what = this.#what): DerReader | undefined {
    return this.tag === tag ? this.open(tag, what) : undefined
  }

  /** Inside a structure: nothing may be left. */
  close(): void {
    if (this.more) this.fail(`has ${this.#end - this.#at} bytes more than its parts`)
  }

  boolean(tag: number = tags.boolean): boolean {
    const value = this.value(tag)
    if (value.length !== 1 || (value[0] !== 0 && value[0] !== 0xff)) this.fail(`has a boolean spelt ${hex(value)}`)
    return value[0] === 0xff
  }

  /** Two's complement, most significant byte first, at least one byte, not padded. */
  integer(tag: number = tags.integer): Uint8Array {
    const value = this.value(tag)
    if (value.length === 0) this.fail('has an integer without content')
    const [first, second] = value as unknown as [number, number]
    if (value.length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))) {
      this.fail('has an integer with padding')
    }
    return value
  }

  /** An integer from 0 to 2^31-1. */
  small(tag: number = tags.integer): number {
    const value = this.integer(tag)
    if (value.length > 4 || (value[0] as number) >= 0x80) this.fail(`has the integer 0x${hex(value)}, which cannot be`)
    return value.reduce((sum, byte) => sum * 256 + byte, 0)
  }

  /** Bits, first bit in the high end of the first byte; `unused` low bits of the last byte are zero. */
  bits(tag: number = tags.bitString): { readonly bytes: Uint8Array; readonly unused: number } {
    const value = this.value(tag)
    const unused = value[0]
    if (unused === undefined || unused > 7 || (unused > 0 && value.length === 1))
      this.fail('has a malformed bit string')
    if (unused > 0 && (value[value.length - 1] as number) & ((1 << unused) - 1))
      this.fail('has a bit string whose unused bits are set')
    return { bytes: value.subarray(1), unused }
  }

  /** A bit string of whole bytes: keys and signatures. */
  bitBytes(): Uint8Array {
    const { bytes, unused } = this.bits()
    if (unused > 0) this.fail('has a bit string that is not of whole bytes')
    return bytes
  }

  octets(): Uint8Array {
    return this.value(tags.octetString)
  }

  /** Dotted decimal. */
  oid(tag: number = tags.oid): string {
    const start = this.#enter(tag)
    const text = dotted(this.#bytes, start, this.#at)
    if (text === undefined)
      this.fail(`has a malformed object identifier (${hex(this.#bytes.subarray(start, this.#at))})`)
    return text
  }

  null(): void {
    if (this.value(tags.null).length > 0) this.fail('has a NULL with content')
  }

  /** IA5String content under any tag: US-ASCII. */
  ascii(tag: number = tags.ia5String): string {
    const value = this.value(tag)
    for (const byte of value) if (byte > 0x7f) this.fail('has characters beyond ASCII where only those may stand')
    return latin1(value)
  }

  /**
   * UTCTime or GeneralizedTime in the forms of RFC 5280 section 4.1.2.5 (seconds, Z, no fraction): milliseconds since
   * 1970. Two-digit years from 50 on are of the last century.
   */
  time(): number {
    const tag = this.tag
    if (tag !== tags.utcTime && tag !== tags.generalizedTime) this.fail(`has ${tagName(tag)} where a time should be`)
    const value = this.value(tag)
    const short = tag === tags.utcTime
    const end = short ? 12 : 14
    let wellFormed = value.length === end + 1 && value[end] === 0x5a
    for (let i = 0; i < end; i++) wellFormed &&= isDigit(value[i])
    if (!wellFormed) this.fail(`has the time "${printable(latin1(value))}", which is not written as RFC 5280 wants`)
    const two = (at: number): number => (value[at] as number) * 10 + (value[at + 1] as number) - 11 * 0x30
    const year = short ? two(0) + (two(0) < 50 ? 2000 : 1900) : two(0) * 100 + two(2)
    const at = end - 10
    const time = timeOf(year, two(at), two(at + 2), two(at + 4), two(at + 6), two(at + 8))
    if (time === undefined) this.fail(`has the time "${latin1(value)}", which does not exist`)
    return time
  }

  /** Steps over the next element's identifier and length; `#at` is then behind it. Returns where its content starts. */
  #enter(tag: number): number {
    const bytes = this.#bytes
    let at = this.#at
    if (at >= this.#end) this.fail(`ends where ${tagName(tag)} should be`)
    if (bytes[at] !== tag) this.fail(`has ${tagName(bytes[at] as number)} where ${tagName(tag)} should be`)
    if ((tag & 31) === 31) this.fail('has a tag of several bytes')
    at++
    if (at >= this.#end) this.fail('ends within a length')
    let length = bytes[at++] as number
    if (length >= 0x80) {
      const count = length & 0x7f
      if (count === 0) this.fail('has an indefinite length')
      if (count > 3) this.fail('has a length beyond all limits')
      if (at + count > this.#end) this.fail('ends within a length')
      length = 0
      for (let i = 0; i < count; i++) length = length * 256 + (bytes[at++] as number)
      if (length < 0x80 || length >>> (8 * (count - 1)) === 0)
        this.fail('has a length that is not written the shortest way')
    }
    if (length > this.#end - at) this.fail(`ends within ${tagName(tag)}`)
    this.#at = at + length
    return at
  }
}

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39

const daysBefore = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365] as const
/** How many leap years there are before this one. */
const leapsBefore = (year: number): number =>
  Math.floor((year - 1) / 4) - Math.floor((year - 1) / 100) + Math.floor((year - 1) / 400)

/** Milliseconds since 1970 (UTC, the calendar of today for all years); undefined for a moment that does not exist. */
const timeOf = (
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
): number | undefined => {
  if (month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59) return undefined
  const leap = leapsBefore(year + 1) - leapsBefore(year)
  const before = daysBefore[month - 1] as number
  const length = (daysBefore[month] as number) - before + (month === 2 ? leap : 0)
  if (day < 1 || day > length) return undefined
  const leaps = leapsBefore(year) - leapsBefore(1970) + (month > 2 ? leap : 0)
  const days = 365 * (year - 1970) + leaps + before + day - 1
  return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000
}

/** Object identifiers that were met, by a hash of their content. */
const known = new Map<number, { readonly content: Uint8Array; readonly text: string }>()

/**
 * Dotted decimal of an object identifier whose content reaches from `start` to `end`; undefined for one that is malformed or
 * has an arc beyond 2^48.
 */
const dotted = (bytes: Uint8Array, start: number, end: number): string | undefined => {
  const length = end - start
  if (length === 0 || length > 64 || (bytes[end - 1] as number) >= 0x80) return undefined
  let hash = length
  for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + (bytes[at] as number)) | 0
  const before = known.get(hash)
  if (before && stands(before.content, bytes, start, end)) return before.text
  const arcs: number[] = []
  let arc = 0
  let fresh = true
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number
    if (fresh && byte === 0x80) return undefined
    fresh = byte < 0x80
    arc = arc * 128 + (byte & 0x7f)
    if (arc > 2 ** 48) return undefined
    if (!fresh) continue
    if (arcs.length === 0) {
      const top = Math.min(Math.trunc(arc / 40), 2)
      arcs.push(top, arc - 40 * top)
    } else arcs.push(arc)
    arc = 0
  }
  const text = arcs.join('.')
  // what a hostile peer invents must not stay in memory for good
  if (!before && known.size < 1000) known.set(hash, { content: bytes.slice(start, end), text })
  return text
}

/** Whether these are the bytes from `start` to `end`. */
const stands = (content: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean => {
  if (content.length !== end - start) return false
  for (let i = 0; i < content.length; i++) if (content[i] !== bytes[start + i]) return false
  return true
}

const printable = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?')

/** Reads one element that is all there is: `read` gets a cursor inside it. */
export const readDer = <T>(bytes: Uint8Array, tag: number, what: string, read: (inside: DerReader) => T): T => {
  const outer = new DerReader(bytes, what)
  const inside = outer.open(tag)
  const value = read(inside)
  inside.close()
  outer.close()
  return value
}

/** One element: identifier, length, and the parts as its content. */
export const der = (tag: number, ...parts: readonly Uint8Array[]): Uint8Array => {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const size =
    length < 0x80
      ? [length]
      : length < 0x100
        ? [0x81, length]
        : length < 0x10000
          ? [0x82, length >>> 8, length & 255]
          : [0x83, length >>> 16, (length >>> 8) & 255, length & 255]
  const bytes = new Uint8Array(1 + size.length + length)
  bytes[0] = tag
  bytes.set(size, 1)
  let at = 1 + size.length
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

export const sequence = (...parts: readonly Uint8Array[]): Uint8Array => der(tags.sequence, ...parts)

/** A SET OF: the elements in the order that DER wants (X.690 section 11.6). */
export const setOf = (...parts: readonly Uint8Array[]): Uint8Array => der(tags.set, ...parts.toSorted(compareBytes))

/** The shortest integer of a number from 0 up, or of unsigned bytes. */
export const derInteger = (value: number | Uint8Array): Uint8Array => {
  let bytes = typeof value === 'number' ? numberBytes(value) : value
  let zeros = 0
  while (zeros < bytes.length - 1 && bytes[zeros] === 0) zeros++
  bytes = bytes.subarray(zeros)
  if (bytes.length === 0) return der(tags.integer, Uint8Array.of(0))
  return (bytes[0] as number) >= 0x80 ? der(tags.integer, Uint8Array.of(0), bytes) : der(tags.integer, bytes)
}

const numberBytes = (value: number): Uint8Array => {
  const bytes: number[] = []
  for (let rest = value; rest > 0; rest = Math.trunc(rest / 256)) bytes.unshift(rest % 256)
  return Uint8Array.from(bytes)
}

export const derBoolean = (value: boolean): Uint8Array => der(tags.boolean, Uint8Array.of(value ? 0xff : 0))
export const derNull: Uint8Array = der(tags.null)
export const derOctets = (bytes: Uint8Array): Uint8Array => der(tags.octetString, bytes)
/** A bit string of whole bytes. */
export const derBits = (bytes: Uint8Array): Uint8Array => der(tags.bitString, Uint8Array.of(0), bytes)

/** An object identifier from dotted decimal. */
export const derOid = (text: string): Uint8Array => {
  const arcs = text.split('.').map(Number)
  const [first, second, ...rest] = arcs
  if (
    first === undefined ||
    second === undefined ||
    arcs.some((arc) => !Number.isSafeInteger(arc) || arc < 0) ||
    first > 2 ||
    (first < 2 && second > 39)
  ) {
    throw new DerError(`"${text}" is not an object identifier in dotted decimal`)
  }
  const bytes: number[] = []
  for (const arc of [40 * first + second, ...rest]) {
    const septets = [arc % 128]
    for (let left = Math.trunc(arc / 128); left > 0; left = Math.trunc(left / 128)) septets.unshift((left % 128) | 0x80)
    bytes.push(...septets)
  }
  return der(tags.oid, Uint8Array.from(bytes))
}

/** A date in the form of RFC 5280: UTCTime from 1950 through 2049, GeneralizedTime otherwise. Parts of seconds are dropped. */
export const derTime = (milliseconds: number): Uint8Array => {
  const date = new Date(milliseconds)
  const year = date.getUTCFullYear()
  if (!(year >= 0 && year <= 9999)) throw new DerError(`the time ${milliseconds} is not within the years 0 to 9999`)
  const text = date.toISOString().replace(/[-:T]|\.\d+/g, '')
  const short = year >= 1950 && year < 2050
  return der(short ? tags.utcTime : tags.generalizedTime, asciiBytes(short ? text.slice(2) : text))
}

/** The bytes of ASCII text. */
export const asciiBytes = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0))

/** Lexicographic; the shorter first when one begins the other. */
export const compareBytes = (a: Uint8Array, b: Uint8Array): number => {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return (a[i] as number) - (b[i] as number)
  return a.length - b.length
}
