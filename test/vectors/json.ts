import { fromHex } from '../../src/bytes/text.ts'

// The files come from outside, so nothing in them is taken for granted: every value is looked at when it is used.

export type Json = { readonly [key: string]: unknown }

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The value as an object; an empty one for anything else. */
export const object = (value: unknown): Json => (isObject(value) ? value : {})

/** The objects of a list; none for anything that is no list. */
export const objects = (value: unknown): readonly Json[] => (Array.isArray(value) ? value.filter(isObject) : [])

export const string = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

/** The bytes that a hexadecimal string stands for; undefined for null and whatever is no such string. */
export const bytes = (value: unknown): Uint8Array | undefined =>
  typeof value === 'string' ? fromHex(value) : undefined

/** As `bytes`, where there must be some. */
export const required = (value: unknown, what: string): Uint8Array => {
  const read = bytes(value)
  if (!read) throw new Error(`the file has no bytes for ${what}`)
  return read
}
