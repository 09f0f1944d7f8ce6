import { sameBytes } from '../bytes/compare.ts'
import { fromUtf8, hex, latin1, utf8 } from '../bytes/text.ts'
import { asciiBytes, DerReader, der, derOid, sequence, setOf, tags } from './der.ts'
import { attributeName, oidOf } from './oids.ts'
import { looseHash } from './outline.ts'

/** One `type=value` of a distinguished name. */
export interface Attribute {
  /** Dotted decimal. */
  readonly oid: string
  /** The identifier octet of the value. */
  readonly tag: number
  /** Undefined when the value is not a character string. */
  readonly text: string | undefined
  /** The value's DER. */
  readonly raw: Uint8Array
}

/** A distinguished name (RFC 5280 section 4.1.2.4). */
export class Name {
  /** Its DER. */
  readonly raw: Uint8Array
  #rdns: readonly (readonly Attribute[])[] | undefined
  #keys: readonly string[] | undefined
  #key: string | undefined

  /** `raw`: known to be well-formed. */
  constructor(raw: Uint8Array) {
    this.raw = raw
  }

  get empty(): boolean {
    return this.raw.length === 2
  }

  /** Relative distinguished names, the most general first, as encoded; made when first asked for, as most are compared by their bytes. */
  get rdns(): readonly (readonly Attribute[])[] {
    if (this.#rdns) return this.#rdns
    const rdns: Attribute[][] = []
    forEachAttribute(this.raw, 'the name', (inside, first) => {
      const attribute = readAttribute(inside)
      if (first) rdns.push([attribute])
      else rdns.at(-1)?.push(attribute)
    })
    this.#rdns = rdns
    return rdns
  }

  /** Same for names that are equal by RFC 5280 section 7.1, different otherwise. */
  get key(): string {
    this.#key ??= JSON.stringify(this.keys)
    return this.#key
  }

  /** `key` of each relative name. */
  get keys(): readonly string[] {
    this.#keys ??= this.rdns.map((rdn) => JSON.stringify(rdn.map(comparable).sort()))
    return this.#keys
  }

  /** The last value of this type (`CN`, `commonName` or dotted). */
  get(type: string): string | undefined {
    const oid = oidOf(type)
    return this.rdns.flat().findLast((attribute) => attribute.oid === oid)?.text
  }

  /** As RFC 4514 writes names: `CN=example.com,O=Example,C=US`. */
  toString(): string {
    return this.rdns
      .toReversed()
      .map((rdn) => rdn.map((attribute) => `${typeOf(attribute)}=${escaped(attribute)}`).join('+'))
      .join(',')
  }
}

/** Reads the Name that comes next. */
export const readName = (from: DerReader, what: string): Name => {
  const raw = from.raw(tags.sequence)
  forEachAttribute(raw, what, checkAttribute)
  return new Name(raw)
}

/** Calls `each` with a cursor inside every attribute, and whether it is the first of its relative name. */
const forEachAttribute = (raw: Uint8Array, what: string, each: (inside: DerReader, first: boolean) => void): void => {
  const inside = new DerReader(raw, what).open(tags.sequence)
  while (inside.more) {
    const set = inside.open(tags.set)
    let first = true
    do {
      each(set.open(tags.sequence), first)
      first = false
    } while (set.more)
  }
}

/** Refuses what `readAttribute` would not know how to read. */
const checkAttribute = (inside: DerReader): void => {
  const oid = inside.oid()
  const { tag } = inside
  const content = inside.value(tag)
  inside.close()
  const decode = stringTypes.get(tag)
  if (!decode || (decode !== bmp && decode !== universal && isAscii(content))) return
  if (decode(content) === undefined)
    inside.fail(`has a value of type ${oid} with characters that its string type does not have`)
}

const readAttribute = (inside: DerReader): Attribute => {
  const oid = inside.oid()
  const { tag } = inside
  const raw = inside.raw()
  const text = stringTypes.get(tag)?.(new DerReader(raw, 'an attribute of a name').value(tag))
  return { oid, tag, text, raw }
}

const wide =
  (width: number) =>
  (content: Uint8Array): string | undefined => {
    if (content.length % width !== 0) return undefined
    let text = ''
    for (let at = 0; at < content.length; at += width) {
      let code = 0
      for (let i = 0; i < width; i++) code = code * 256 + (content[at + i] as number)
      if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return undefined
      text += String.fromCodePoint(code)
    }
    return text
  }
const [bmp, universal] = [wide(2), wide(4)]
const isAscii = (content: Uint8Array): boolean => {
  for (let i = 0; i < content.length; i++) if ((content[i] as number) >= 0x80) return false
  return true
}
const ascii = (content: Uint8Array): string | undefined => (isAscii(content) ? latin1(content) : undefined)

const stringTypes = new Map<number, (content: Uint8Array) => string | undefined>([
  [tags.utf8String, fromUtf8],
  [tags.printableString, ascii],
  [tags.numericString, ascii],
  [tags.ia5String, ascii],
  [tags.visibleString, ascii],
  // T.61 was never told from Latin-1 by those who used it
  [tags.teletexString, latin1],
  [tags.bmpString, bmp],
  [tags.universalString, universal],
])

/**
 * Type and value with case and white space folded (RFC 5280 section 7.1); by their octets what is no text, and numeric
 * strings, which are none of the types that the section folds.
 */
const comparable = ({ oid, tag, text, raw }: Attribute): string =>
  text === undefined || tag === tags.numericString
    ? `${oid}#${hex(raw)}`
    : `${oid}=${text
        .replace(/[A-Z]+/g, (capitals) => capitals.toLowerCase())
        .replace(/[ \t\n\v\f\r]+/g, ' ')
        .replace(/^ | $/g, '')}`

/** The keys decide, which are dear: most names are the same bytes, or differ at first sight. */
export const sameName = (a: Name, b: Name): boolean =>
  sameBytes(a.raw, b.raw) || (looseHash(a.raw) === looseHash(b.raw) && a.key === b.key)

const typeOf = ({ oid }: Attribute): string => attributeName(oid) ?? oid

const escaped = ({ oid, text, raw }: Attribute): string =>
  text === undefined || attributeName(oid) === undefined
    ? `#${hex(raw)}`
    : text
        .replace(/[\\",+<>;]/g, '\\$&')
        .replace(/^[ #]/, '\\$&')
        .replace(/(?<=[^\\]) $/, '\\ ')
        .replace(/[\0-\x1f\x7f]/g, control)

const control = (character: string): string =>
  `\\${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`

/**
 * As `openssl x509 -noout -subject` prints names: `C = US, O = "Example, Inc.", CN = example.com`; what is not ASCII
 * as `\C3\A9` (X509_NAME_print_ex(3) with XN_FLAG_ONELINE).
 */
export const oneLine = (name: Name): string =>
  name.rdns.map((rdn) => rdn.map((attribute) => `${typeOf(attribute)} = ${quoted(attribute)}`).join(' + ')).join(', ')

const quoted = ({ text, raw }: Attribute): string => {
  if (text === undefined) return `#${hex(raw).toUpperCase()}`
  const inner = [...utf8(text)]
    .map((byte) => {
      const character = String.fromCharCode(byte)
      if (byte < 0x20 || byte >= 0x7f) return control(character)
      return character === '"' || character === '\\' ? `\\${character}` : character
    })
    .join('')
  return /[,+<>;]|^[ #]| $/.test(text) ? `"${inner}"` : inner
}

/**
 * As X509_NAME_oneline(3) writes names: `/C=US/O=Example/CN=example.com`. The characters of `escapes` get a backslash
 * in values; versions of OpenSSL differ in that.
 */
export const slashed = (name: Name, escapes = ''): string =>
  name.rdns
    .flat()
    .map((attribute) => {
      const bytes = attribute.text === undefined ? attribute.raw : utf8(attribute.text)
      const shown = [...bytes].map((byte) =>
        byte < 0x20 || byte > 0x7e
          ? `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`
          : `${escapes.includes(String.fromCharCode(byte)) ? '\\' : ''}${String.fromCharCode(byte)}`,
      )
      return `/${typeOf(attribute)}=${shown.join('')}`
    })
    .join('')

/** What a name is made of: types (`CN`, `organizationName`, dotted) and values, the most general first. */
export type NameParts = Readonly<Record<string, string>> | readonly (readonly [type: string, value: string])[]

/** The DER of a name with one value in each relative name. Throws `TypeError` for an unknown type. */
export const makeName = (parts: NameParts): Uint8Array => {
  const pairs = Array.isArray(parts) ? (parts as readonly (readonly [string, string])[]) : Object.entries(parts)
  return sequence(
    ...pairs.map(([type, value]) => {
      const oid = oidOf(type)
      if (oid === undefined)
        throw new TypeError(`"${type}" is no attribute type of names that is known here; write it in dotted decimal`)
      return setOf(
        sequence(
          derOid(oid),
          der(stringTag(oid, value), stringTag(oid, value) === tags.utf8String ? utf8(value) : asciiBytes(value)),
        ),
      )
    }),
  )
}

const PRINTABLE_ONLY = new Set(['2.5.4.6', '2.5.4.5', '2.5.4.46'])
const IA5_ONLY = new Set(['1.2.840.113549.1.9.1', '0.9.2342.19200300.100.1.25'])
// RFC 5280 appendix A.1: country, serial number and qualifier are PrintableStrings, mail and domain components IA5Strings
const stringTag = (oid: string, value: string): number => {
  if (PRINTABLE_ONLY.has(oid) && /^[A-Za-z0-9 '()+,./:=?-]*$/.test(value)) return tags.printableString
  if (IA5_ONLY.has(oid) && /^[\x00-\x7f]*$/.test(value)) return tags.ia5String
  return tags.utf8String
}
