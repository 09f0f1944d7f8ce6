import { equal } from '../bytes/compare.ts'
import { Reader } from '../bytes/reader.ts'
import { latin1 } from '../bytes/text.ts'
import { type Writer, written } from '../bytes/writer.ts'
import { TlsError } from '../errors.ts'

/** One description of a structure on the wire: it reads, writes and names its parts. */
export interface Codec<T> {
  readonly name: string
  read(r: Reader): T
  write(w: Writer, value: T): void
  /** For `annotate`: visits the parts in order, each of which then reads itself. */
  parts?(r: Reader, visit: Visit): void
}
// biome-ignore lint/suspicious/noExplicitAny: a printer takes parts of every type
export type Visit = (name: string, codec: Codec<any>, r: Reader) => void
export type Infer<C> = C extends Codec<infer T> ? T : never

/** Reads exactly one value out of the bytes; leftovers are a `decode_error`. Views of the bytes may be in the value. */
export const decode = <T>(codec: Codec<T>, bytes: Uint8Array): T => {
  const r = new Reader(bytes)
  const value = codec.read(r)
  r.done(codec.name)
  return value
}

export const encode = <T>(codec: Codec<T>, value: T): Uint8Array => written((w) => codec.write(w, value))

const unsigned = (width: number): Codec<number> => {
  const name = `uint${8 * width}`
  return { name, read: (r) => r.number(width, name), write: (w, value) => w.number(width, value) }
}
export const u8 = unsigned(1)
export const u16 = unsigned(2)
export const u24 = unsigned(3)
export const u32 = unsigned(4)
/** Up to 2^48, for times in milliseconds. */
export const u48 = unsigned(6)

/** `opaque name[length]` */
export const bytes = (length: number): Codec<Uint8Array> => {
  const name = `opaque[${length}]`
  return { name, read: (r) => r.take(length, name), write: (w, value) => w.raw(value) }
}

/** Everything to the end of the enclosing structure. */
export const rest: Codec<Uint8Array> = {
  name: 'rest',
  read: (r) => r.take(r.left, 'rest'),
  write: (w, value) => w.raw(value),
}

/** The RFC's rule: the ceiling of a vector gives the width of its length. */
const width = (max: number): number => (max < 256 ? 1 : max < 65536 ? 2 : 3)

/** Reads the length of `what<min..max>`. */
const lengthOf = (what: string, min: number, max: number): ((r: Reader) => number) => {
  const size = width(max)
  const name = `length of ${what}`
  return (r) => {
    const length = r.number(size, name)
    if (length < min || length > max)
      throw new TlsError('decode_error', 'LENGTH_MISMATCH', `${what} has ${length} bytes, ${min} to ${max} are allowed`)
    return length
  }
}

/** `opaque name<min..max>` */
export const opaque = (min: number, max: number): Codec<Uint8Array> => {
  const name = `opaque<${min}..${max}>`
  const size = width(max)
  const length = lengthOf(name, min, max)
  return {
    name,
    read: (r) => r.take(length(r), name),
    write(w, value) {
      const start = w.begin(size)
      w.raw(value)
      w.end(size, start)
    },
  }
}

/** `opaque name<min..max>` that is text; each byte a character (Latin-1), so that nothing is lost. */
export const text = (min: number, max: number): Codec<string> => {
  const inner = opaque(min, max)
  return {
    name: `text<${min}..${max}>`,
    read: (r) => latin1(inner.read(r)),
    write(w, value) {
      const size = width(max)
      const start = w.begin(size)
      for (let i = 0; i < value.length; i++) w.number(1, value.charCodeAt(i))
      w.end(size, start)
    },
  }
}

/** `T name<min..max>`, bounds in bytes as in the RFC. */
export const list = <T>(item: Codec<T>, min: number, max: number): Codec<readonly T[]> => {
  const name = `${item.name}<${min}..${max}>`
  const size = width(max)
  const length = lengthOf(name, min, max)
  return {
    name,
    read(r) {
      const inner = r.within(length(r), name)
      const values: T[] = []
      while (inner.left > 0) values.push(item.read(inner))
      return values
    },
    write(w, values) {
      const start = w.begin(size)
      for (const value of values) item.write(w, value)
      w.end(size, start)
    },
    parts(r, visit) {
      const inner = r.within(length(r), name)
      for (let i = 0; inner.left > 0; i++) visit(String(i), item, inner)
    },
  }
}

// biome-ignore lint/suspicious/noExplicitAny: the fields of a structure may be of any type; `Infer` gives them back exactly
type Fields = Record<string, Codec<any>>

const MANY = 12

/** A structure: its fields in order. */
export const struct = <F extends Fields>(name: string, fields: F): Codec<{ readonly [K in keyof F]: Infer<F[K]> }> => {
  const entries = Object.entries(fields)
  // V8 makes a dictionary of what gets many fields one by one; a copy of one that was parsed stays an object
  const blank: Record<string, unknown> | undefined =
    entries.length > MANY
      ? JSON.parse(JSON.stringify(Object.fromEntries(entries.map(([key]) => [key, null]))))
      : undefined
  return {
    name,
    read(r) {
      const value: Record<string, unknown> = blank ? { ...blank } : {}
      for (const [key, codec] of entries) value[key] = codec.read(r)
      return value as { [K in keyof F]: Infer<F[K]> }
    },
    write(w, value) {
      for (const [key, codec] of entries) codec.write(w, value[key])
    },
    parts(r, visit) {
      for (const [key, codec] of entries) visit(key, codec, r)
    },
  }
}

/** Nothing at all: an extension whose presence is all it says. */
export const mark: Codec<true> = { name: 'mark', read: () => true, write: () => {} }

/** A structure that always has the same bytes. */
export const constant = (name: string, value: Uint8Array): Codec<true> => ({
  name,
  read(r) {
    if (!equal(r.take(value.length, name), value))
      throw new TlsError('decode_error', 'LENGTH_MISMATCH', `${name} is not what it must be`)
    return true
  },
  write: (w) => w.raw(value),
})

/** The same bytes, another value: `to` on reading, `from` on writing. */
export const mapped = <A, B>(
  codec: Codec<A>,
  to: (a: A) => B,
  from: (b: B) => A,
  name: string = codec.name,
): Codec<B> => ({
  name,
  read: (r) => to(codec.read(r)),
  write: (w, value) => codec.write(w, from(value)),
  ...(codec.parts && { parts: codec.parts }),
})
