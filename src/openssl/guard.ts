import { Misuse } from '../errors.ts'
import { isPromise } from '../task.ts'
import { BIO } from './bio.ts'

/**
 * Calls that C would answer with a crash: a null pointer, a pointer to something else, a buffer that is none. Here they
 * throw `Misuse`, which names the function and the mistake. What OpenSSL allows to be null is allowed.
 */

type Due = 'SSL_CTX' | 'SSL_SESSION' | 'SSL_CONF_CTX' | 'SSL' | 'BIO' | 'X509_STORE'

/** Functions that take something else first than their names would say. */
const OTHERS =
  /^(?:SSL_CTX_(?:new|new_ex|get_ex_new_index|use_PrivateKey_ASN1)|SSL_SESSION_(?:new|get_ex_new_index|print|print_keylog)|SSL_CONF_CTX_new|SSL_(?:new|get_ex_new_index|alert_\w+|CIPHER_\w+|COMP_\w+|extension_supported|load_client_CA_file|select_next_proto|select|dup_CA_list|add_(?:file|dir)_cert_subjects_to_stack|library_init|load_error_strings|add_ssl_module|trace|use_PrivateKey_ASN1|bytes_to_cipher_list)|X509_STORE_(?:new|CTX_\w+)|BIO_(?:new|new_\w+|meth_\w+|s_\w+|f_\w+|get_new_index|make_bio_pair|debug_\w+|socket_\w+|sock_\w+))$/
const PREFIXES: readonly (readonly [prefix: RegExp, due: Due])[] = [
  [/^SSL_CTX_/, 'SSL_CTX'],
  [/^SSL_SESSION_/, 'SSL_SESSION'],
  [/^SSL_CONF_/, 'SSL_CONF_CTX'],
  [/^SSL_/, 'SSL'],
  [/^X509_STORE_/, 'X509_STORE'],
  [/^BIO_/, 'BIO'],
]
/** The first argument that a function must have; undefined: no rule. */
const dueFor = (name: string): Due | undefined =>
  OTHERS.test(name) ? undefined : PREFIXES.find(([prefix]) => prefix.test(name))?.[1]

/** Those that take bytes second, and may not begin before that is sure. */
const BYTES_SECOND = /^SSL_(?:read|peek|write)(?:_ex|_early_data)?$/

const kindOf = (value: unknown): string => {
  if (value === null) return 'null'
  if (value instanceof BIO) return 'a BIO'
  if (typeof value !== 'object') return value === undefined ? 'missing' : `a ${typeof value}`
  const { kind } = value as { kind?: unknown }
  return typeof kind === 'string' ? `an ${kind}` : 'some other object'
}

/** Those whose last arguments may be left out; for all others what is missing is a null pointer. */
const OPTIONAL = /(?:_ex|PEM_read_bio_PrivateKey)$/

type Call = (...args: readonly unknown[]) => unknown

const guard = (name: string, call: Call): Call => {
  const due = dueFor(name)
  const bytesSecond = BYTES_SECOND.test(name)
  const pointers = OPTIONAL.test(name) ? 0 : call.length
  const guarded = (...given: readonly unknown[]): unknown => {
    const args = given.length < pointers || given.includes(undefined) ? nulls(given, pointers) : given
    const first = args[0]
    if (due !== undefined && first !== null && first !== undefined && kindOf(first).replace(/^an? /, '') !== due)
      throw new Misuse(`${name}: the first argument is ${kindOf(first)}, and ${due} is due`)
    if (bytesSecond && !(args[1] instanceof Uint8Array))
      throw new Misuse(`${name}: the second argument is ${kindOf(args[1])}, and a Uint8Array is due`)
    try {
      const answer = call(...args)
      if (!isPromise(answer)) return answer
      return answer.catch((error: unknown) => {
        throw explained(name, due, args, error)
      })
    } catch (error) {
      throw explained(name, due, args, error)
    }
  }
  return Object.defineProperty(guarded, 'name', { value: name })
}

const nulls = (given: readonly unknown[], pointers: number): readonly unknown[] =>
  Array.from({ length: Math.max(given.length, pointers) }, (_, i) => (i < pointers ? (given[i] ?? null) : given[i]))

const explained = (name: string, due: Due | undefined, args: readonly unknown[], error: unknown): unknown => {
  if (error instanceof Misuse)
    return error.message.startsWith(`${name}: `) ? error : new Misuse(`${name}: ${error.message}`, { cause: error })
  if (!(error instanceof TypeError || error instanceof RangeError)) return error
  const first = args[0]
  if (due !== undefined && (first === null || first === undefined))
    return new Misuse(`${name}: the first argument is ${kindOf(first)}, and ${due} is due`, { cause: error })
  const at = args.findIndex((value) => value === null || value === undefined)
  const which = at === -1 ? 'an argument' : `argument ${at + 1}, which is ${kindOf(args[at])},`
  return new Misuse(`${name}: ${which} is not what it must be: ${error.message}`, { cause: error })
}

const isClass = (value: object): boolean => Object.getOwnPropertyDescriptor(value, 'prototype')?.writable === false

/** The same functions, each of which says what is wrong with its arguments. Classes and constants are left alone. */
export const guardedFunctions = <T extends object>(all: T): T =>
  Object.fromEntries(
    Object.entries(all).map(([name, value]) => [
      name,
      typeof value === 'function' && !isClass(value) ? guard(name, value as Call) : value,
    ]),
  ) as T
