import { TLS13 } from '../config.ts'
import { tell } from './callbacks.ts'
import type { SSL } from './ssl.ts'
import {
  SSL_CB_EXIT,
  SSL_CB_HANDSHAKE_DONE,
  SSL_CB_HANDSHAKE_START,
  SSL_CB_LOOP,
  SSL_ST_ACCEPT,
  SSL_ST_CONNECT,
} from './ssl-numbers.ts'

/**
 * OpenSSL's handshake states (SSL_get_state(3), SSL_state_string(3)), told from what the engine says is going by. A state
 * is the message that was read or written last.
 */

export const TLS_ST_BEFORE = 0
export const TLS_ST_OK = 1
export const TLS_ST_EARLY_DATA = 46
const PENDING_END = 47
const READ_FINISHED = 11

/** Number, short and long text of every state (section `statem` of OpenSSL 1.1.1; its slips included). */
const states: readonly (readonly [short: string, long: string])[] = [
  ['PINIT ', 'before SSL initialization'],
  ['SSLOK ', 'SSL negotiation finished successfully'],
  ['TRHVR', 'DTLS1 read hello verify request'],
  ['TRSH', 'SSLv3/TLS read server hello'],
  ['TRSC', 'SSLv3/TLS read server certificate'],
  ['TRCS', 'SSLv3/TLS read certificate status'],
  ['TRSKE', 'SSLv3/TLS read server key exchange'],
  ['TRCR', 'SSLv3/TLS read server certificate request'],
  ['TRSD', 'SSLv3/TLS read server done'],
  ['TRST', 'SSLv3/TLS read server session ticket'],
  ['TRCCS', 'SSLv3/TLS read change cipher spec'],
  ['TRFIN', 'SSLv3/TLS read finished'],
  ['TWCH', 'SSLv3/TLS write client hello'],
  ['TWCC', 'SSLv3/TLS write client certificate'],
  ['TWCKE', 'SSLv3/TLS write client key exchange'],
  ['TWCV', 'SSLv3/TLS write certificate verify'],
  ['TWCCS', 'SSLv3/TLS write change cipher spec'],
  ['TWNP', 'SSLv3/TLS write next proto'],
  ['TWFIN', 'SSLv3/TLS write finished'],
  ['TWHR', 'SSLv3/TLS write hello request'],
  ['TRCH', 'SSLv3/TLS read client hello'],
  ['TWHVR', 'DTLS1 write hello verify request'],
  ['TWSH', 'SSLv3/TLS write server hello'],
  ['TWSC', 'SSLv3/TLS write certificate'],
  ['TWSKE', 'SSLv3/TLS write key exchange'],
  ['TWCR', 'SSLv3/TLS write certificate request'],
  ['TWSD', 'SSLv3/TLS write server done'],
  ['TRCC', 'SSLv3/TLS read client certificate'],
  ['TRCKE', 'SSLv3/TLS read client key exchange'],
  ['TRCV', 'SSLv3/TLS read certificate verify'],
  ['TRNP', 'SSLv3/TLS read next proto'],
  ['TRCCS', 'SSLv3/TLS read change cipher spec'],
  ['TRFIN', 'SSLv3/TLS read finished'],
  ['TWST', 'SSLv3/TLS write session ticket'],
  ['TWCS', 'SSLv3/TLS write certificate status'],
  ['TWCCS', 'SSLv3/TLS write change cipher spec'],
  ['TWFIN', 'SSLv3/TLS write finished'],
  ['TWEE', 'TLSv1.3 write encrypted extensions'],
  ['TREE', 'TLSv1.3 read encrypted extensions'],
  ['TRSCV', 'TLSv1.3 read server certificate verify'],
  ['TRSCV', 'TLSv1.3 write server certificate verify'],
  ['TRHR', 'SSLv3/TLS read hello request'],
  ['TWSKU', 'TLSv1.3 write server key update'],
  ['TWCKU', 'TLSv1.3 write client key update'],
  ['TRCKU', 'TLSv1.3 read client key update'],
  ['TRSKU', 'TLSv1.3 read server key update'],
  ['TED', 'TLSv1.3 early data'],
  ['TPEDE', 'TLSv1.3 pending early data end'],
  ['TWEOED', 'TLSv1.3 write end of early data'],
  ['TWEOED', 'TLSv1.3 read end of early data'],
]
export const stateShort = (state: number): string => states[state]?.[0] ?? 'UNKWN '
export const stateLong = (state: number): string => states[state]?.[1] ?? 'unknown state'

type Row = readonly [clientIn: number, clientOut: number, serverIn: number, serverOut: number]
const NEVER = 0
/** The state that each message leads to. */
const byMessage: Readonly<Record<string, Row>> = {
  helloRequest: [41, NEVER, NEVER, 19],
  clientHello: [NEVER, 12, 20, NEVER],
  serverHello: [3, NEVER, NEVER, 22],
  encryptedExtensions: [38, NEVER, NEVER, 37],
  certificate: [4, 13, 27, 23],
  certificate12: [4, 13, 27, 23],
  certificateStatus: [5, NEVER, NEVER, 34],
  serverKeyExchange: [6, NEVER, NEVER, 24],
  certificateRequest: [7, NEVER, NEVER, 25],
  certificateRequest12: [7, NEVER, NEVER, 25],
  serverHelloDone: [8, NEVER, NEVER, 26],
  clientKeyExchange: [NEVER, 14, 28, NEVER],
  certificateVerify: [39, 15, 29, 40],
  changeCipherSpec: [10, 16, 31, 35],
  finished: [11, 18, 32, 36],
  endOfEarlyData: [NEVER, 48, 49, NEVER],
  newSessionTicket: [9, NEVER, NEVER, 33],
  newSessionTicket12: [9, NEVER, NEVER, 33],
  keyUpdate: [45, 43, 44, 42],
}

/** Where a handshake stands, and who is told when it moves. */
export class States {
  state: number = TLS_ST_BEFORE
  started = false
  readonly #ssl: SSL
  /** We wrote last, and have not said that we turn to reading. */
  #wrote = false
  #done = false

  constructor(ssl: SSL) {
    this.#ssl = ssl
  }

  start(): void {
    this.started = this.#wrote = true
    tell(this.#ssl, SSL_CB_HANDSHAKE_START, 1)
    // a client writes at once, unless early data went before
    if (this.#ssl.role === 'client') this.#wrote = this.state === TLS_ST_EARLY_DATA
  }

  came(message: string): void {
    if (this.#ssl.finished) return this.#beside(message, 0)
    if (this.#ssl.held) this.resume()
    this.turnToReading()
    this.#move(stateAfter(this.#ssl, message, 0))
  }

  went(message: string): void {
    const { early, finished } = this.#ssl
    if (finished) return this.#beside(message, 1)
    if (this.state === READ_FINISHED && (early === 'writing' || early === 'written')) this.#move(PENDING_END)
    this.#move(stateAfter(this.#ssl, message, 1))
    this.#wrote = true
    // a server of TLS 1.3 is done when it begins to write tickets
    if (message === 'newSessionTicket') this.#tellDone()
  }

  /** Our flight is over. */
  turnToReading(): void {
    const { role, connection, finished, early } = this.#ssl
    if (!this.#wrote || finished || connection?.established || early === 'connecting') return
    this.#wrote = false
    const early13 = role === 'server' && connection?.facts.version === TLS13 && !this.#done
    if (early13 && this.state !== TLS_ST_EARLY_DATA) this.#move(TLS_ST_EARLY_DATA)
    if (early !== 'accepting' || this.state !== TLS_ST_EARLY_DATA) this.#loop()
  }

  /** It stands still, for early data: for the program as if it were over. */
  hold(): void {
    if (this.state !== TLS_ST_EARLY_DATA) this.#move(TLS_ST_EARLY_DATA)
    this.#ssl.held = true
    tell(this.#ssl, SSL_CB_HANDSHAKE_DONE, 1)
  }

  /** It goes on. */
  resume(): void {
    this.#ssl.held = false
    this.start()
  }

  /** The handshake is over. */
  finish(): void {
    this.#loop()
    this.#wrote = false
    this.state = TLS_ST_OK
    this.#tellDone()
  }

  /** A call that drove the handshake returns. */
  exit(ret: number): void {
    tell(this.#ssl, this.#role | SSL_CB_EXIT, ret)
  }

  get #role(): number {
    return this.#ssl.role === 'server' ? SSL_ST_ACCEPT : SSL_ST_CONNECT
  }

  #loop(): void {
    tell(this.#ssl, this.#role | SSL_CB_LOOP, 1)
  }

  #move(next: number): void {
    this.#loop()
    this.state = next
  }

  #tellDone(): void {
    if (this.#done) return
    this.#done = true
    const { finished } = this.#ssl
    this.#ssl.finished = true
    tell(this.#ssl, SSL_CB_HANDSHAKE_DONE, 1)
    this.#ssl.finished = finished
  }

  /** A message of the open connection: in and out of the handshake at once. */
  #beside(message: string, way: 0 | 1): void {
    const next = stateAfter(this.#ssl, message, way)
    if (next === NEVER) return
    if (way === 0) this.#loop()
    this.#move(next)
    this.#move(TLS_ST_OK)
    this.exit(1)
  }
}

/** Early data holds the handshake up; what the program calls next decides whether it goes on. */
export const goOn = (ssl: SSL, call: 'handshake' | 'read' | 'write'): void => {
  if (call !== 'read' && ssl.early === 'writing') ssl.early = 'written'
  if (ssl.held && (ssl.role === 'client' || call === 'handshake' || ssl.early === 'read')) ssl.states.resume()
}

const stateAfter = ({ role }: SSL, message: string, way: 0 | 1): number =>
  byMessage[message]?.[(role === 'server' ? 2 : 0) + way] ?? NEVER
