import { held } from './counted.ts'
import type { SSL_CTX } from './ctx.ts'
import type { Holder } from './settings.ts'
import type { SSL } from './ssl.ts'
import { SSL3_RT_MAX_PLAIN_LENGTH } from './ssl-numbers.ts'

/** Padding of TLS 1.3 records, which hides how long their content is (SSL_CTX_set_record_padding_callback(3)). */

/** `cb(ssl, type, len, arg)`: bytes to add to a record of that content type and so many bytes. */
export type PaddingCallback = (ssl: SSL, type: number, len: number, arg: unknown) => number

type Owner = Holder & { readonly kind: string; references: number }
const setBlock = (to: Owner, size: number): 0 | 1 => {
  if (!Number.isInteger(size) || size < 0 || size > SSL3_RT_MAX_PLAIN_LENGTH) return 0
  // blocks of one byte are filled already
  held(to).settings.blockPadding = size === 1 ? 0 : size
  return 1
}
/** Fills records up to a multiple of so many bytes, 0 to 16384; 0 and 1 add nothing. */
export const SSL_CTX_set_block_padding: (ctx: SSL_CTX, size: number) => 0 | 1 = setBlock
export const SSL_set_block_padding: (ssl: SSL, size: number) => 0 | 1 = setBlock

const setCallback = (to: Owner, cb: PaddingCallback | null): void => {
  held(to).settings.paddingCallback = cb
}
const setArgument = (to: Owner, arg: unknown): void => {
  held(to).settings.paddingArgument = arg
}
const getArgument = (to: Owner): unknown => held(to).settings.paddingArgument
/** It decides instead of the size of blocks. */
export const SSL_CTX_set_record_padding_callback: (ctx: SSL_CTX, cb: PaddingCallback | null) => void = setCallback
export const SSL_set_record_padding_callback: (ssl: SSL, cb: PaddingCallback | null) => void = setCallback
export const SSL_CTX_set_record_padding_callback_arg: (ctx: SSL_CTX, arg: unknown) => void = setArgument
export const SSL_set_record_padding_callback_arg: (ssl: SSL, arg: unknown) => void = setArgument
export const SSL_CTX_get_record_padding_callback_arg: (ctx: SSL_CTX) => unknown = getArgument
export const SSL_get_record_padding_callback_arg: (ssl: SSL) => unknown = getArgument

/** The engine's form of both; undefined when nothing is padded. The content type counts as a byte of the content. */
export const paddingOf = (ssl: SSL): ((type: number, length: number) => number) | undefined => {
  const { blockPadding, paddingCallback, paddingArgument } = ssl.settings
  if (paddingCallback) return (type, length) => paddingCallback(ssl, type, length + 1, paddingArgument)
  if (blockPadding === 0) return undefined
  return (_type, length) => blockPadding - 1 - (length % blockPadding)
}
