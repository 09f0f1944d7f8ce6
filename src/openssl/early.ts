import { TLS13 } from '../config.ts'
import type { Connection } from '../connection.ts'
import { Misuse } from '../errors.ts'
import { isPromise, run } from '../task.ts'
import { held } from './counted.ts'
import type { SSL_CTX } from './ctx.ts'
import { SSLerr } from './err.ts'
import { SSL_accept, SSL_connect, SSL_do_handshake, SSL_in_before } from './handshake.ts'
import { fail, fetch, flush, turn, waits } from './pump.ts'
import { handOut, send } from './records.ts'
import type { AllowEarlyDataCallback, Holder } from './settings.ts'
import { type SSL, SSL_is_server } from './ssl.ts'
import {
  SSL_EARLY_DATA_ACCEPTED,
  SSL_EARLY_DATA_NOT_SENT,
  SSL_EARLY_DATA_REJECTED,
  SSL_READ_EARLY_DATA_ERROR,
  SSL_READ_EARLY_DATA_FINISH,
  SSL_READ_EARLY_DATA_SUCCESS,
  SSL_RECEIVED_SHUTDOWN,
} from './ssl-numbers.ts'

/**
 * Data before the handshake is over (SSL_read_early_data(3)). Whoever hears it can send it again, so a server takes none
 * unless SSL_CTX_set_max_early_data allows it and SSL_read_early_data asks for it, and then once for every ticket; under a
 * key agreed elsewhere (PSK) only where the program itself keeps replays away.
 */

type Owner = Holder & { readonly kind: string; references: number }
const MOST = 0xffffffff
const isCount = (n: number): boolean => Number.isInteger(n) && n >= 0 && n <= MOST
const setMax = (to: Owner, n: number): 0 | 1 => {
  if (!isCount(n)) return 0
  held(to).settings.maxEarlyData = n
  return 1
}
const getMax = (to: Owner): number => held(to).settings.maxEarlyData
const setReceived = (to: Owner, n: number): 0 | 1 => {
  if (!isCount(n)) return 0
  held(to).settings.recvMaxEarlyData = n
  return 1
}
const getReceived = (to: Owner): number => held(to).settings.recvMaxEarlyData
const setAllow = (to: Owner, cb: AllowEarlyDataCallback | null, arg: unknown): void => {
  held(to).settings.allowEarlyData = cb
  to.settings.allowEarlyDataArgument = arg
}

/** Bytes of early data that a server's tickets allow, 0 (none) at first. 0 for what is no number of 32 bits. */
export const SSL_CTX_set_max_early_data: (ctx: SSL_CTX, n: number) => 0 | 1 = setMax
export const SSL_set_max_early_data: (ssl: SSL, n: number) => 0 | 1 = setMax
export const SSL_CTX_get_max_early_data: (ctx: SSL_CTX) => number = getMax
export const SSL_get_max_early_data: (ssl: SSL) => number = getMax
/** Bytes of early data that a server reads or skips, whatever a ticket allows: 16384 at first. */
export const SSL_CTX_set_recv_max_early_data: (ctx: SSL_CTX, n: number) => 0 | 1 = setReceived
export const SSL_set_recv_max_early_data: (ssl: SSL, n: number) => 0 | 1 = setReceived
export const SSL_CTX_get_recv_max_early_data: (ctx: SSL_CTX) => number = getReceived
export const SSL_get_recv_max_early_data: (ssl: SSL) => number = getReceived
/**
 * `cb(ssl, arg)` is asked before a server takes early data; 0 rejects it. With SSL_OP_NO_ANTI_REPLAY it is the only guard
 * against replays. That option without this callback leaves ours in force: it only makes tickets stateless.
 */
export const SSL_CTX_set_allow_early_data_cb: (ctx: SSL_CTX, cb: AllowEarlyDataCallback | null, arg: unknown) => void =
  setAllow
export const SSL_set_allow_early_data_cb: (ssl: SSL, cb: AllowEarlyDataCallback | null, arg: unknown) => void = setAllow

/** SSL_EARLY_DATA_NOT_SENT 0, _REJECTED 1 (also while the client does not know yet), _ACCEPTED 2. */
export const SSL_get_early_data_status = (ssl: SSL): 0 | 1 | 2 => {
  const told = held(ssl).connection?.facts.earlyData
  if (told === 'accepted') return SSL_EARLY_DATA_ACCEPTED
  return told === 'rejected' || ssl.earlyOffered ? SSL_EARLY_DATA_REJECTED : SSL_EARLY_DATA_NOT_SENT
}

interface EarlyWrite {
  readonly ret: 0 | 1
  readonly written: number
}

/**
 * Client: sends data with its first flight, if the session (or the PSK) allows so many bytes. A call that stopped is
 * repeated with the same bytes. It ends with SSL_do_handshake, SSL_connect or SSL_write; here also with an SSL_read that
 * gets as far as the server's Finished. Server: answers before the client has finished. `ret` 0: SSL_get_error tells why.
 */
export const SSL_write_early_data = (ssl: SSL, buf: Uint8Array, num: number = buf.length): EarlyWrite => {
  checkLength(buf, num)
  switch (held(ssl).early) {
    case 'none':
      if (SSL_is_server(ssl) === 1 && ssl.role !== 'client') break
      if (SSL_in_before(ssl) === 0 || !mayWrite(ssl)) break
      return connect(ssl) ? writeEarly(ssl, buf, num) : NOTHING
    case 'connectRetry':
      return connect(ssl) ? writeEarly(ssl, buf, num) : NOTHING
    case 'writing':
      if (ssl.finished || ssl.lost !== null) break
      return writeEarly(ssl, buf, num)
    case 'reading':
    case 'read': {
      const connection = ssl.connection as Connection
      if (ssl.lost !== null || !connection.writable) break
      return outcome(
        num,
        send(ssl, buf, num, false, (part) => {
          connection.write(part)
          return true
        }),
      )
    }
  }
  refused()
  return NOTHING
}

const NOTHING: EarlyWrite = { ret: 0, written: 0 }

const outcome = (num: number, sent: number): EarlyWrite => (sent < 0 ? NOTHING : { ret: 1, written: num })

const mayWrite = ({ session, settings }: SSL): boolean => (session?.data.earlyData ?? 0) > 0 || settings.pskUse !== null

/** The hello goes out. False: not all of it has. */
const connect = (ssl: SSL): boolean => {
  let ret = 0
  ssl.early = 'connecting'
  try {
    ret = SSL_connect(ssl)
  } finally {
    ssl.early = ret > 0 ? 'writing' : 'connectRetry'
  }
  ssl.earlyOffered = ssl.connection?.earlyRoom !== undefined
  return ret > 0
}

const writeEarly = (ssl: SSL, buf: Uint8Array, num: number): EarlyWrite => {
  const connection = ssl.connection as Connection
  const room = connection.earlyRoom
  if (ssl.unwritten === null) {
    if (room === undefined) {
      // the session cannot be offered now; the handshake can go on without it
      SSLerr(null, ssl.earlyOffered ? 'SHOULD_NOT_HAVE_BEEN_CALLED' : 'TOO_MUCH_EARLY_DATA', FILE)
      return NOTHING
    }
    if (num > room) {
      fail(ssl, null, 'TOO_MUCH_EARLY_DATA')
      return NOTHING
    }
  }
  return outcome(
    num,
    send(ssl, buf, num, false, (part) => connection.writeEarly(part) || refused()),
  )
}

interface EarlyRead {
  readonly ret: 0 | 1 | 2
  readonly readbytes: number
}

/**
 * Server: accepts, and reads what the client sends before the handshake is over. `ret` SSL_READ_EARLY_DATA_SUCCESS 1:
 * `readbytes` are in `buf`; _FINISH 2: no more will come (also if none came), go on with SSL_accept, SSL_read or
 * SSL_write; _ERROR 0: SSL_get_error tells, call again after WANT_.
 */
export const SSL_read_early_data = (ssl: SSL, buf: Uint8Array, num: number = buf.length): EarlyRead => {
  checkLength(buf, num)
  const due = held(ssl).early
  const begins = due === 'acceptRetry' || (due === 'none' && ssl.role === 'server' && SSL_in_before(ssl) === 1)
  if (!begins && due !== 'reading') {
    refused()
    return ERROR
  }
  if (begins && !accept(ssl)) return ERROR
  if (ssl.connection?.facts.earlyData !== 'accepted') {
    ssl.early = 'read'
    return FINISH
  }
  if (ssl.plain === null) {
    const came = open(ssl)
    if (came !== 'data') return came === 'end' ? FINISH : ERROR
  }
  const readbytes = handOut(ssl, buf, num, true)
  return readbytes > 0 ? { ret: SSL_READ_EARLY_DATA_SUCCESS, readbytes } : ERROR
}

const ERROR: EarlyRead = { ret: SSL_READ_EARLY_DATA_ERROR, readbytes: 0 }
const FINISH: EarlyRead = { ret: SSL_READ_EARLY_DATA_FINISH, readbytes: 0 }

/** Up to where the server's flight is out, or the handshake over. */
const accept = (ssl: SSL): boolean => {
  let ret = 0
  ssl.early = 'accepting'
  try {
    ret = SSL_accept(ssl)
  } finally {
    ssl.early = ret > 0 ? 'reading' : 'acceptRetry'
  }
  return ret > 0
}

/** The next record of early data, or EndOfEarlyData. */
const open = (ssl: SSL): 'data' | 'end' | 'stopped' => {
  if (ssl.lost !== null) return 'stopped'
  const connection = ssl.connection as Connection
  for (;;) {
    const need = turn(ssl)
    if (need === null) return 'stopped'
    if (!connection.early) {
      ssl.early = 'read'
      // as far as it goes: the client's Finished often comes along
      SSL_do_handshake(ssl)
      return 'end'
    }
    if (!connection.output.empty && !flush(ssl)) return 'stopped'
    switch (need.kind) {
      case 'take':
        ssl.plain = connection.peek() ?? null
        ssl.at = 0
        return 'data'
      case 'closed':
        ssl.shutdown |= SSL_RECEIVED_SHUTDOWN
        return 'stopped'
      case 'wait':
        waits(ssl, need)
        return 'stopped'
      case 'read':
        if (fetch(ssl, need.atLeast) <= 0) return 'stopped'
    }
  }
}

/**
 * `olen` bytes for another protocol, from what early data is protected with (RFC 9846 section 7.5). `ret` 1; 0 where there
 * is no early data, or it is too early. Throws `Misuse` with a crypto provider that answers later.
 */
export const SSL_export_keying_material_early = (
  ssl: SSL,
  olen: number,
  label: string,
  context: Uint8Array | null,
): { ret: 0 | 1; out: Uint8Array } => {
  const facts = held(ssl).connection?.facts
  const version = facts?.version ?? TLS13
  if (!facts?.earlyExporter || version !== TLS13 || label.length > MAX_LABEL) return { ret: 0, out: new Uint8Array(0) }
  const out = run(facts.earlyExporter(label, context ?? undefined, olen))
  if (isPromise(out)) throw new Misuse('SSL_export_keying_material_early needs a crypto provider that answers at once')
  return { ret: 1, out }
}

/** What a HkdfLabel has room for, behind "tls13 ". */
const MAX_LABEL = 249

const checkLength = (buf: Uint8Array, num: number): void => {
  if (num < 0 || num > buf.length) throw new Misuse(`a length of ${num} was given with a buffer of ${buf.length} bytes`)
}

const refused = (): false => {
  SSLerr(null, 'SHOULD_NOT_HAVE_BEEN_CALLED', FILE)
  return false
}

const FILE = 'openssl/early.ts'
