import { type BIO, type BIO_callback_fn, BIO_METHOD, type Operations } from './bio.ts'
import { BIO_TYPE_START } from './bio-numbers.ts'

/** Methods of the program's own (BIO_meth_new(3)), and what a program may hang on a BIO. */

let index = BIO_TYPE_START
/** A number for a new type; add BIO_TYPE_SOURCE_SINK, _FILTER or _DESCRIPTOR to it. */
export const BIO_get_new_index = (): number => ++index

export const BIO_meth_new = (type: number, name: string): BIO_METHOD => new BIO_METHOD(type, name)
export const BIO_meth_free = (_method: BIO_METHOD | null): void => {}

const setter =
  <K extends keyof Operations>(name: K) =>
  (method: BIO_METHOD, operation: Operations[K]): 0 | 1 => {
    Object.assign(method, { [name]: operation })
    return 1
  }
const getter =
  <K extends keyof Operations>(name: K) =>
  (method: BIO_METHOD): Operations[K] =>
    (method as Operations)[name]

/** `(bio, into) => bytes put into it, or <= 0 after BIO_set_retry_read`. */
export const BIO_meth_set_read = setter('read')
/** `(bio, from) => bytes taken from it, or <= 0 after BIO_set_retry_write`. */
export const BIO_meth_set_write = setter('write')
export const BIO_meth_set_puts = setter('puts')
export const BIO_meth_set_gets = setter('gets')
/** `(bio, cmd, larg, parg) => number`, with a BIO_CTRL_ or BIO_C_ command. A transport answers BIO_CTRL_FLUSH with 1. */
export const BIO_meth_set_ctrl = setter('ctrl')
/** `(bio) => 1`; it calls BIO_set_init(bio, 1) when the BIO can be used. */
export const BIO_meth_set_create = setter('create')
export const BIO_meth_set_destroy = setter('destroy')
/**
 * Ours: `(bio, want, signal) => Promise<void>`, which resolves when what the BIO had to wait for has come true. Needed
 * only by programs that wait with BIO_wait or SSL_wait. It gives up, and keeps no listener, when the signal aborts.
 */
export const BIO_meth_set_wait = setter('wait')

export const BIO_meth_get_read = getter('read')
export const BIO_meth_get_write = getter('write')
export const BIO_meth_get_puts = getter('puts')
export const BIO_meth_get_gets = getter('gets')
export const BIO_meth_get_ctrl = getter('ctrl')
export const BIO_meth_get_create = getter('create')
export const BIO_meth_get_destroy = getter('destroy')

export const BIO_set_data = (bio: BIO, data: unknown): void => {
  bio.ptr = data
}
export const BIO_get_data = (bio: BIO): unknown => bio.ptr
export const BIO_set_init = (bio: BIO, init: number): void => {
  bio.init = init
}
export const BIO_get_init = (bio: BIO): number => bio.init
export const BIO_set_shutdown = (bio: BIO, shutdown: number): void => {
  bio.shutdown = shutdown
}
export const BIO_get_shutdown = (bio: BIO): number => bio.shutdown

/** Has `callback` called before and after every operation (BIO_set_callback(3)); null ends it. */
export const BIO_set_callback = (bio: BIO, callback: BIO_callback_fn | null): void => {
  bio.callback = callback
}
export const BIO_get_callback = (bio: BIO): BIO_callback_fn | null => bio.callback
export const BIO_set_callback_arg = (bio: BIO, argument: unknown): void => {
  bio.callbackArgument = argument
}
export const BIO_get_callback_arg = (bio: BIO): unknown => bio.callbackArgument

let extraIndex = 1
/** A place for BIO_set_ex_data; 0 is that of BIO_set_app_data. */
export const BIO_get_ex_new_index = (): number => extraIndex++
export const BIO_set_ex_data = (bio: BIO, at: number, data: unknown): 0 | 1 => {
  bio.extra ??= []
  bio.extra[at] = data
  return 1
}
export const BIO_get_ex_data = (bio: BIO, at: number): unknown => bio.extra?.[at] ?? null
export const BIO_set_app_data = (bio: BIO, data: unknown): 0 | 1 => BIO_set_ex_data(bio, 0, data)
export const BIO_get_app_data = (bio: BIO): unknown => BIO_get_ex_data(bio, 0)
