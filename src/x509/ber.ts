import { concat } from '../bytes/compare.ts'
import { DerError, der, MAX_DER, tags } from './der.ts'

/**
 * The same elements with the lengths that DER wants and every octet string in one piece (X.690 sections 8.1.3 and 8.7): for
 * files that standards allow to be BER, which PKCS#12 does. Everything else stays as it is, to be judged by whoever reads
 * it. Throws `DerError` for what is no BER either.
 */
export const derOfBer = (bytes: Uint8Array, what: string): Uint8Array => {
  if (bytes.length > MAX_DER) throw new DerError(`${what} has ${bytes.length} bytes; at most ${MAX_DER} are read`)
  const { element, end } = readElement(bytes, 0, what, 0)
  if (end !== bytes.length) throw new DerError(`${what} has ${bytes.length - end} bytes more than its parts`)
  return element
}

const MAX_DEPTH = 24
const CONSTRUCTED = 0x20

interface Element {
  readonly tag: number
  readonly content: Uint8Array
  readonly element: Uint8Array
  /** Where the next one begins. */
  readonly end: number
}

const readElement = (bytes: Uint8Array, start: number, what: string, depth: number): Element => {
  const fail = (problem: string): never => {
    throw new DerError(`${what} ${problem}`)
  }
  if (depth > MAX_DEPTH) fail(`is nested more than ${MAX_DEPTH} deep`)
  const tag = bytes[start] as number
  if (start + 2 > bytes.length) fail('ends within an element')
  if ((tag & 31) === 31) fail('has a tag of several bytes')
  let at = start + 1
  let length = bytes[at++] as number
  const indefinite = length === 0x80
  if (length > 0x80) {
    const count = length & 0x7f
    if (at + count > bytes.length) fail('ends within a length')
    length = 0
    for (let i = 0; i < count; i++) length = Math.min(length * 256 + (bytes[at++] as number), MAX_DER + 1)
  }
  if (indefinite && !(tag & CONSTRUCTED)) fail('has a length left open in an element that has no parts')
  const limit = indefinite ? bytes.length : at + length
  if (limit > bytes.length) fail('ends within an element')
  if (!(tag & CONSTRUCTED)) {
    const content = bytes.subarray(at, limit)
    return { tag, content, element: der(tag, content), end: limit }
  }
  const parts: Element[] = []
  const over = (): boolean => (indefinite ? bytes[at] === 0 && bytes[at + 1] === 0 : at >= limit)
  while (!over()) {
    const part = readElement(indefinite ? bytes : bytes.subarray(0, limit), at, what, depth + 1)
    parts.push(part)
    at = part.end
  }
  const end = indefinite ? at + 2 : limit
  if (tag === (tags.octetString | CONSTRUCTED)) {
    if (parts.some((part) => part.tag !== tags.octetString)) fail('has an octet string of parts that are none')
    const content = concat(...parts.map((part) => part.content))
    return { tag: tags.octetString, content, element: der(tags.octetString, content), end }
  }
  const content = concat(...parts.map((part) => part.element))
  return { tag, content, element: der(tag, content), end }
}
