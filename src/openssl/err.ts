import { type Reason, reasons } from '../reasons.ts'
import {
  bioReasons,
  commonReasons,
  libraries,
  otherReasons,
  sslFunctions,
  systemFunctions,
  systemTexts,
} from './err-texts.ts'
import { errnos, threadNumber } from './platform.ts'

/**
 * The error queue of OpenSSL 1.1.1 (ERR_get_error(3), ERR_put_error(3), ERR_set_mark(3)): one per realm, at most 15
 * entries, the oldest given up first. A code is `library << 24 | function << 12 | reason`, an unsigned number.
 */

export const ERR_LIB_NONE = 1
export const ERR_LIB_SYS = 2
export const ERR_LIB_BN = 3
export const ERR_LIB_RSA = 4
export const ERR_LIB_EVP = 6
export const ERR_LIB_PEM = 9
export const ERR_LIB_X509 = 11
export const ERR_LIB_ASN1 = 13
export const ERR_LIB_EC = 16
export const ERR_LIB_SSL = 20
export const ERR_LIB_BIO = 32
export const ERR_LIB_X509V3 = 34
export const ERR_LIB_USER = 128

export const ERR_R_SYS_LIB = 2
export const ERR_R_PEM_LIB = 9
export const ERR_R_X509_LIB = 11
export const ERR_R_ASN1_LIB = 13
export const ERR_R_BIO_LIB = 32
export const ERR_R_MALLOC_FAILURE = 65
export const ERR_R_SHOULD_NOT_HAVE_BEEN_CALLED = 66
export const ERR_R_PASSED_NULL_PARAMETER = 67
export const ERR_R_INTERNAL_ERROR = 68
export const ERR_R_DISABLED = 69
export const ERR_R_INIT_FAIL = 70
export const ERR_R_PASSED_INVALID_ARGUMENT = 7

/** The flag of an entry that carries additional text. */
export const ERR_TXT_STRING = 2
const ERR_TXT_MALLOCED = 1

/** One entry as the `_line_data` functions hand it out. An empty queue gives code 0 and empty fields. */
export interface ErrorEntry {
  readonly code: number
  readonly file: string
  readonly line: number
  /** What `ERR_add_error_data` added, or an empty string. */
  readonly data: string
  readonly flags: number
}

interface Slot {
  code: number
  file: string
  line: number
  data: string
  flags: number
  marked: boolean
}

const ROOM = 15
const NOTHING: ErrorEntry = { code: 0, file: '', line: 0, data: '', flags: 0 }
const queue: Slot[] = []

/** Puts an entry at the end of the queue; the 16th pushes the oldest out. */
export const ERR_put_error = (lib: number, func: number, reason: number, file: string, line: number): void => {
  if (queue.length === ROOM) queue.shift()
  queue.push({ code: ERR_PACK(lib, func, reason), file, line, data: '', flags: 0, marked: false })
}

/** Replaces the additional text of the newest entry by the joined parts; a part that is null reads `<NULL>`. */
export const ERR_add_error_data = (...parts: (string | null)[]): void => {
  const newest = queue.at(-1)
  if (newest === undefined) return
  newest.data = parts.map((part) => part ?? '<NULL>').join('')
  newest.flags = ERR_TXT_STRING | ERR_TXT_MALLOCED
}

export const ERR_clear_error = (): void => {
  queue.length = 0
}

/** Takes the oldest entry out. 0 when there is none. */
export const ERR_get_error = (): number => queue.shift()?.code ?? 0
/** The oldest entry, left in place. 0 when there is none. */
export const ERR_peek_error = (): number => queue[0]?.code ?? 0
/** The newest entry, left in place. 0 when there is none. */
export const ERR_peek_last_error = (): number => queue.at(-1)?.code ?? 0

export const ERR_get_error_line_data = (): ErrorEntry => shown(queue.shift())
export const ERR_peek_error_line_data = (): ErrorEntry => shown(queue[0])
export const ERR_peek_last_error_line_data = (): ErrorEntry => shown(queue.at(-1))

export const ERR_get_error_all = ERR_get_error_line_data
export const ERR_peek_error_all = ERR_peek_error_line_data
export const ERR_peek_last_error_all = ERR_peek_last_error_line_data

/** Where in the sources an error was raised. */
export type ErrorLine = Pick<ErrorEntry, 'code' | 'file' | 'line'>
export const ERR_get_error_line = (): ErrorLine => placed(ERR_get_error_line_data())
export const ERR_peek_error_line = (): ErrorLine => placed(ERR_peek_error_line_data())
export const ERR_peek_last_error_line = (): ErrorLine => placed(ERR_peek_last_error_line_data())

const shown = (slot: Slot | undefined): ErrorEntry =>
  slot === undefined
    ? NOTHING
    : { code: slot.code, file: slot.file || 'NA', line: slot.file ? slot.line : 0, data: slot.data, flags: slot.flags }
const placed = ({ code, file, line }: ErrorEntry): ErrorLine => ({ code, file, line })

/** Marks the newest entry, so that later ones can be dropped together. 0 if the queue is empty. */
export const ERR_set_mark = (): 0 | 1 => {
  const newest = queue.at(-1)
  if (newest === undefined) return 0
  newest.marked = true
  return 1
}

/** Drops what came after the newest mark, and the mark; without one, everything. 1 if there was a mark. */
export const ERR_pop_to_mark = (): 0 | 1 => {
  while (queue.length > 0 && !queue.at(-1)?.marked) queue.pop()
  return unmark(queue.at(-1))
}

/** Takes the newest mark away and keeps all entries. 1 if there was a mark. */
export const ERR_clear_last_mark = (): 0 | 1 => unmark(queue.findLast((slot) => slot.marked))

const unmark = (slot: Slot | undefined): 0 | 1 => {
  if (slot === undefined) return 0
  slot.marked = false
  return 1
}

export const ERR_PACK = (lib: number, func: number, reason: number): number =>
  (((lib & 0xff) << 24) | ((func & 0xfff) << 12) | (reason & 0xfff)) >>> 0
export const ERR_GET_LIB = (code: number): number => (code >>> 24) & 0xff
export const ERR_GET_FUNC = (code: number): number => (code >>> 12) & 0xfff
export const ERR_GET_REASON = (code: number): number => code & 0xfff

/** `error:<code, 8 hex digits>:<library>:<function>:<reason>`, what is unknown as `lib(n)`, `func(n)`, `reason(n)`. */
export const ERR_error_string = (code: number): string => ERR_error_string_n(code, 256)

/** The same for a C buffer of `len` bytes: what does not fit is said in hex numbers, cut to `len` - 1. */
export const ERR_error_string_n = (code: number, len: number): string => {
  if (len <= 0) return ''
  const lib = ERR_GET_LIB(code)
  const func = ERR_GET_FUNC(code)
  const reason = ERR_GET_REASON(code)
  const said = [
    ERR_lib_error_string(code) ?? `lib(${lib})`,
    ERR_func_error_string(code) ?? `func(${func})`,
    ERR_reason_error_string(code) ?? `reason(${reason})`,
  ]
  const long = `error:${(code >>> 0).toString(16).toUpperCase().padStart(8, '0')}:${said.join(':')}`
  if (long.length < len - 1) return long
  return `err:${[code >>> 0, lib, func, reason].map((n) => n.toString(16)).join(':')}`.slice(0, len - 1)
}

/** The name of the code's library, null when unknown. */
export const ERR_lib_error_string = (code: number): string | null => libraries[ERR_GET_LIB(code)] ?? null

/** The name of the code's function, null when unknown. */
export const ERR_func_error_string = (code: number): string | null =>
  functionNames().get(ERR_GET_LIB(code))?.get(ERR_GET_FUNC(code)) ?? null

/** The text of the code's reason, null when unknown. */
export const ERR_reason_error_string = (code: number): string | null => {
  const reason = ERR_GET_REASON(code)
  return reasonTexts().get(ERR_GET_LIB(code))?.get(reason) ?? reasonTexts().get(COMMON)?.get(reason) ?? null
}

/**
 * Hands every entry to `cb` as one line, `<thread>:<error string>:<file>:<line>:<data>` and a newline, and empties the
 * queue. A callback that returns 0 or less ends it there.
 */
export const ERR_print_errors_cb = (cb: (line: string, len: number, u: unknown) => number, u: unknown = null): void => {
  for (;;) {
    const { code, file, line, data } = ERR_get_error_line_data()
    if (code === 0) return
    const text = `${threadNumber()}:${ERR_error_string(code)}:${file}:${line}:${data}\n`
    if (cb(text, text.length, u) <= 0) return
  }
}

export type sslFunctionName = keyof typeof sslFunctions
/** Raises a reason of the SSL library. `func` names the function if OpenSSL's numbers have it. */
export const SSLerr = (func: sslFunctionName | null, reason: Reason, file = '', line = 0): void =>
  ERR_put_error(ERR_LIB_SSL, func === null ? 0 : sslFunctions[func], reasons[reason][0], file, line)

/** Raises a reason of the BIO library, or by its number one that all libraries share. */
export const BIOerr = (reason: keyof typeof bioReasons | number, file = '', line = 0): void =>
  ERR_put_error(ERR_LIB_BIO, 0, typeof reason === 'number' ? reason : bioReasons[reason][0], file, line)

/** Raises a failed system call. */
export const SYSerr = (func: keyof typeof systemFunctions, errno: number, file = '', line = 0): void =>
  ERR_put_error(ERR_LIB_SYS, systemFunctions[func], errno, file, line)

let errno = 0
/** The platform's number of the last transport failure (ECONNRESET, EPIPE, ...), 0 when there was none. */
export const get_errno = (): number => errno
export const set_errno = (n: number): void => {
  errno = n
}

type Texts = Map<number, Map<number, string>>
const COMMON = 0
const lazily = <T>(make: () => T): (() => T) => {
  let made: T | undefined
  return () => (made ??= make())
}

const functionNames = lazily<Texts>(() => {
  const turned = (rows: Record<string, number>) => new Map(Object.entries(rows).map(([name, n]) => [n, name]))
  return new Map([
    [ERR_LIB_SYS, turned(systemFunctions)],
    [ERR_LIB_SSL, turned(sslFunctions)],
  ])
})

const reasonTexts = lazily<Texts>(() => {
  const numbered = (rows: Readonly<Record<number, string>>) =>
    new Map(Object.entries(rows).map(([n, text]) => [Number(n), text]))
  const named = Object.values(reasons) as readonly (readonly [number, string])[]
  const texts: Texts = new Map(Object.entries(otherReasons).map(([lib, rows]) => [Number(lib), numbered(rows)]))
  texts.set(COMMON, new Map([...numbered(commonReasons), ...named.filter(([n]) => n < 100)]))
  texts.set(ERR_LIB_SSL, new Map(named.filter(([n]) => n >= 100)))
  texts.set(ERR_LIB_BIO, new Map(Object.values(bioReasons)))
  const system = Object.entries(systemTexts).flatMap(([name, text]): [number, string][] => {
    const number = errnos[name]
    return number === undefined ? [] : [[number, text]]
  })
  texts.set(ERR_LIB_SYS, new Map(system))
  return texts
})
