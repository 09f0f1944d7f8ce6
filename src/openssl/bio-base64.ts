import {
  type BIO,
  BIO_clear_retry_flags,
  BIO_copy_next_retry,
  BIO_ctrl,
  BIO_METHOD,
  BIO_read,
  BIO_should_retry,
  BIO_write,
} from './bio.ts'
import * as n from './bio-numbers.ts'
import { driveNext, nextReady, passOn } from './filter.ts'

/**
 * The base64 filter (BIO_f_base64(3)). Writing: lines of 64 characters, the last one at BIO_flush. Reading: lines that
 * are no base64 are skipped until one is; then everything up to a `-`, a padding or the end. With the flag
 * BIO_FLAGS_BASE64_NO_NL all is one line, both ways.
 */

interface Base64 {
  way: 'none' | 'write' | 'read'
  /** Writing: bytes that do not fill a line yet. Reading: characters of a line that may not be base64. */
  line: number[]
  /** What waits: characters for the next BIO when writing, decoded bytes for the reader when reading. */
  ready: Uint8Array
  /** Reading: sextets that make no byte triple yet. */
  sextets: number[]
  started: boolean
  ended: boolean
}

const LINE = 48
const NOTHING = new Uint8Array(0)
const alphabet = new TextEncoder().encode('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/')
const values = new Int8Array(256).fill(-1)
for (const [value, character] of alphabet.entries()) values[character] = value
const [NEWLINE, RETURN, TAB, BLANK, PAD] = [10, 13, 9, 32, 61] as const
const isBlank = (c: number): boolean => c === NEWLINE || c === RETURN || c === TAB || c === BLANK

const base64Method = new BIO_METHOD(n.BIO_TYPE_BASE64, 'base64 encoding', {
  create: (bio) => {
    bio.init = 1
    bio.ptr = fresh('none')
    return 1
  },
  read: (bio, into) => {
    if (bio.next === null) return 0
    BIO_clear_retry_flags(bio)
    const b = turned(bio, 'read')
    const piece = new Uint8Array(1024)
    let done = 0
    for (;;) {
      const length = Math.min(b.ready.length, into.length - done)
      into.set(b.ready.subarray(0, length), done)
      b.ready = b.ready.subarray(length)
      done += length
      if (done === into.length || (b.ended && b.ready.length === 0)) return done
      const got = BIO_read(bio.next, piece)
      if (got > 0) decode(bio, b, piece.subarray(0, got))
      else if (BIO_should_retry(bio.next) === 1) {
        BIO_copy_next_retry(bio)
        return done > 0 ? done : got
      } else {
        if (!b.started) begin(b, b.line)
        b.ended = true
        if (b.ready.length === 0) return done > 0 ? done : got
      }
    }
  },
  write: (bio, from) => {
    if (bio.next === null) return 0
    BIO_clear_retry_flags(bio)
    const b = turned(bio, 'write')
    const blocked = send(bio, b)
    if (blocked <= 0) return blocked
    for (let done = 0; done < from.length; ) {
      const piece = from.subarray(done, done + 16 * LINE)
      done += piece.length
      encode(bio, b, piece)
      if (send(bio, b) <= 0) return done
    }
    return from.length
  },
  puts: (bio, text) => base64Method.write!(bio, new TextEncoder().encode(text)),
  ready: (bio, want) => (want === 'read' && (bio.ptr as Base64).ended ? true : nextReady(bio, want)),
  ctrl: (bio, cmd, larg, parg) => {
    const b = bio.ptr as Base64
    switch (cmd) {
      case n.BIO_CTRL_RESET:
        bio.ptr = fresh('none')
        return passOn(bio, cmd, larg, parg)
      case n.BIO_CTRL_EOF:
        return b.ended && b.ready.length === 0 ? 1 : passOn(bio, cmd, larg, parg)
      case n.BIO_CTRL_WPENDING:
        if (b.way !== 'write') return passOn(bio, cmd, larg, parg)
        return b.ready.length || (b.line.length > 0 ? 1 : passOn(bio, cmd, larg, parg))
      case n.BIO_CTRL_PENDING:
        return b.way === 'read' && b.ready.length > 0 ? b.ready.length : passOn(bio, cmd, larg, parg)
      case n.BIO_CTRL_FLUSH:
        return flush(bio, b)
      case n.BIO_C_DO_STATE_MACHINE:
        return driveNext(bio, cmd, larg, parg)
      case n.BIO_CTRL_DUP:
        return 1
      default:
        return passOn(bio, cmd, larg, parg)
    }
  },
})

export const BIO_f_base64 = (): BIO_METHOD => base64Method

const fresh = (way: Base64['way']): Base64 => ({
  way,
  line: [],
  ready: NOTHING,
  sextets: [],
  started: false,
  ended: false,
})

const turned = (bio: BIO, way: 'read' | 'write'): Base64 => {
  if ((bio.ptr as Base64).way !== way) bio.ptr = fresh(way)
  return bio.ptr as Base64
}

const inOneLine = (bio: BIO): boolean => (bio.flags & n.BIO_FLAGS_BASE64_NO_NL) !== 0

/** Turns whole lines (or triples, if all is one line) into characters; the rest stays in `line`. */
const encode = (bio: BIO, b: Base64, bytes: Uint8Array): void => {
  const all = [...b.line, ...bytes]
  const unit = inOneLine(bio) ? 3 : LINE
  const whole = all.length - (all.length % unit)
  const out: number[] = []
  for (let at = 0; at < whole; at += unit) append(out, all.slice(at, at + unit), inOneLine(bio))
  b.line = all.slice(whole)
  b.ready = Uint8Array.from(out)
}

const append = (out: number[], bytes: readonly number[], oneLine: boolean): void => {
  for (let at = 0; at < bytes.length; at += 3) {
    const [a = 0, b, c] = bytes.slice(at, at + 3)
    const bits = (a << 16) | ((b ?? 0) << 8) | (c ?? 0)
    out.push(
      alphabet[bits >> 18] as number,
      alphabet[(bits >> 12) & 63] as number,
      b === undefined ? PAD : (alphabet[(bits >> 6) & 63] as number),
      c === undefined ? PAD : (alphabet[bits & 63] as number),
    )
  }
  if (!oneLine) out.push(NEWLINE)
}

/** 1 when all characters are gone, else what the next BIO said. */
const send = (bio: BIO, b: Base64): number => {
  while (b.ready.length > 0) {
    const sent = BIO_write(bio.next, b.ready)
    if (sent <= 0) {
      BIO_copy_next_retry(bio)
      return sent
    }
    b.ready = b.ready.subarray(sent)
  }
  return 1
}

const flush = (bio: BIO, b: Base64): number => {
  if (bio.next === null) return 0
  BIO_clear_retry_flags(bio)
  if (b.way === 'write') {
    let sent = send(bio, b)
    if (sent > 0 && b.line.length > 0) {
      const out: number[] = []
      append(out, b.line, inOneLine(bio))
      b.line = []
      b.ready = Uint8Array.from(out)
      sent = send(bio, b)
    }
    if (sent <= 0) return sent
  }
  return BIO_ctrl(bio.next, n.BIO_CTRL_FLUSH)
}

const decode = (bio: BIO, b: Base64, characters: Uint8Array): void => {
  if (inOneLine(bio)) b.started = true
  if (b.started) return accept(b, characters)
  for (const [at, c] of characters.entries()) {
    b.line.push(c)
    if (c !== NEWLINE) continue
    const { line } = b
    b.line = []
    begin(b, line)
    if (b.started) return accept(b, characters.subarray(at + 1))
  }
}

/** The data begins with the first line of nothing but base64. */
const begin = (b: Base64, line: readonly number[]): void => {
  if (!line.every((c) => (values[c] as number) >= 0 || c === PAD || isBlank(c))) return
  b.started = line.some((c) => !isBlank(c))
  accept(b, line)
}

const accept = (b: Base64, characters: Iterable<number>): void => {
  const out: number[] = [...b.ready]
  for (const c of characters) {
    if (b.ended) break
    if (isBlank(c)) continue
    const value = values[c] as number
    if (value >= 0) b.sextets.push(value)
    else b.ended = true
    if (b.sextets.length === 4 || (c === PAD && b.sextets.length >= 2)) {
      const [w = 0, x = 0, y, z] = b.sextets
      const bits = (w << 18) | (x << 12) | ((y ?? 0) << 6) | (z ?? 0)
      out.push(bits >> 16)
      if (y !== undefined) out.push((bits >> 8) & 255)
      if (z !== undefined) out.push(bits & 255)
      b.sextets = []
    }
  }
  b.ready = Uint8Array.from(out)
}
