import { constants } from 'node:os'
import {
  type BIO,
  BIO_CLOSE,
  BIO_do_connect,
  BIO_free_all,
  BIO_new,
  BIO_read,
  BIO_s_connect,
  BIO_set_close,
  BIO_set_conn_hostname,
  BIO_set_conn_port,
  BIO_set_nbio,
  BIO_should_retry,
  BIO_wait,
  BIO_wanted,
  BIO_write,
  ERR_clear_error,
  ERR_GET_LIB,
  ERR_GET_REASON,
  ERR_get_error_line_data,
  ERR_LIB_SYS,
  get_errno,
} from '../openssl/index.ts'
import type { Plain } from '../starttls/index.ts'
import { Failure } from './failure.ts'
import type { Place } from './options.ts'

/** A place as people write it. */
export const placeText = ({ host = 'localhost', port }: Place): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`

/** A connect BIO whose connection stands. Throws `Failure` when there is none to be had, or `signal` ends the waiting. */
export const connectTo = async (to: Place, signal?: AbortSignal): Promise<BIO> => {
  ERR_clear_error()
  const bio = BIO_new(BIO_s_connect()) as BIO
  BIO_set_conn_hostname(bio, bracketed(to.host ?? 'localhost'))
  BIO_set_conn_port(bio, to.port)
  BIO_set_nbio(bio, 1)
  BIO_set_close(bio, BIO_CLOSE)
  try {
    while (BIO_do_connect(bio) !== 1) {
      if (!BIO_should_retry(bio)) throw new Failure(whyNot(to))
      await BIO_wait(bio, 'connect', { signal })
    }
    return bio
  } catch (error) {
    BIO_free_all(bio)
    throw timedOut(error, `${placeText(to)} did not take the connection`)
  }
}

/** The connection in the clear, for what comes before TLS. */
export const plainOver = (bio: BIO, signal?: AbortSignal): Plain => {
  const buffer = new Uint8Array(4096)
  const wait = async (): Promise<void> => {
    const want = BIO_should_retry(bio) ? BIO_wanted(bio) : null
    if (want === null) throw new Failure(`the connection was lost before TLS could begin: ${errnoText(get_errno())}`)
    try {
      await BIO_wait(bio, want, { signal })
    } catch (error) {
      throw timedOut(error, 'the server did not finish its part of the dialogue before TLS')
    }
  }
  return {
    async read() {
      for (;;) {
        const n = BIO_read(bio, buffer)
        if (n > 0) return buffer.slice(0, n)
        if (n === 0 && !BIO_should_retry(bio)) return undefined
        await wait()
      }
    },
    async write(bytes) {
      for (let at = 0; at < bytes.length; ) {
        const n = BIO_write(bio, bytes.subarray(at))
        if (n > 0) at += n
        else await wait()
      }
    },
  }
}

/** A `Failure` instead of a signal's TimeoutError; anything else as it is. */
export const timedOut = (error: unknown, what: string): unknown =>
  error instanceof DOMException && error.name === 'TimeoutError'
    ? new Failure(`${what} within the time allowed`)
    : error

/** `connection refused`, from the platform's number. */
export const errnoText = (errno: number): string =>
  errno === 0 ? 'it ended without a word' : (texts[nameOf(errno)] ?? `the system says ${nameOf(errno)}`)

const nameOf = (errno: number): string =>
  Object.entries(constants.errno).find(([, number]) => number === errno)?.[0] ?? `error ${errno}`

const texts: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the peer reset the connection',
  EPIPE: 'the peer has closed its end',
  ETIMEDOUT: 'no answer within the time that the system allows',
  EHOSTUNREACH: 'no way to that host',
  ENETUNREACH: 'no way to that network',
  EADDRNOTAVAIL: 'no such address here',
  EADDRINUSE: 'somebody else listens there',
  EACCES: 'not permitted',
}

/** From the error queue that a connect BIO has filled. */
const whyNot = (to: Place): string => {
  const { code, data } = ERR_get_error_line_data()
  ERR_clear_error()
  if (ERR_GET_LIB(code) === ERR_LIB_SYS) {
    return `no connection to ${placeText(to)}: ${errnoText(ERR_GET_REASON(code))}`
  }
  if (/ENOTFOUND|EAI_/.test(data))
    return `no connection to ${placeText(to)}: no address is known for the name "${to.host}"`
  return `no connection to ${placeText(to)}${data === '' ? '' : `: ${data}`}`
}

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host)
