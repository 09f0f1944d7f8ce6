import { Reader } from '../bytes/reader.ts'
import { TlsError } from '../errors.ts'
import type { Codec, Visit } from './codec.ts'

/** What a run of bytes is. */
export interface Part {
  /** Where it begins, in bytes from the front. */
  readonly at: number
  /** A view of the bytes; never empty. */
  readonly bytes: Uint8Array
  /** The way to it through the structure: `extensions.keyShare.0.group`. A length in front ends in `length`. */
  readonly name: string
  /** A number, a string, or for opaque bytes a view of them. */
  readonly value: unknown
  /** Why these bytes and what follows could not be read; then this is the last part. */
  readonly problem?: string
}

/**
 * Says what every byte is: the parts follow each other without a gap from the first byte to the last. Never throws for
 * what the bytes are; those that are malformed end in a part with a `problem`.
 */
export const annotate = (codec: Codec<unknown>, bytes: Uint8Array): readonly Part[] => {
  const parts: Part[] = []
  let done = 0
  const add = (to: number, name: string, value: unknown): void => {
    if (to > done) parts.push({ at: done, bytes: bytes.subarray(done, to), name, value })
    done = Math.max(done, to)
  }
  /** Bytes between two parts are the length of what follows. */
  const length = (to: number, path: string): void => add(to, joined(path, 'length'), number(bytes.subarray(done, to)))

  let here = ''
  const visit = (path: string, inner: Codec<unknown>, r: Reader): void => {
    here = path
    length(r.at, outer(path))
    if (inner.parts) {
      inner.parts(r, ((name, next, reader) => visit(joined(path, name), next, reader)) satisfies Visit)
      return length(r.at, path)
    }
    const value: unknown = inner.read(r)
    const content = value instanceof Uint8Array || typeof value === 'string' ? value.length : r.at - done
    length(r.at - content, path)
    add(r.at, path, value)
  }
  try {
    const r = new Reader(bytes)
    visit('', codec, r)
    r.done(codec.name)
  } catch (error) {
    if (!(error instanceof TlsError)) throw error
    const rest = bytes.subarray(done)
    parts.push({ at: done, bytes: rest, name: here, value: rest, problem: error.message })
  }
  return parts
}

const joined = (path: string, name: string): string => (path === '' || name === '' ? path + name : `${path}.${name}`)
const outer = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('.')))

const number = (bytes: Uint8Array): number => bytes.reduce((value, byte) => value * 256 + byte, 0)
