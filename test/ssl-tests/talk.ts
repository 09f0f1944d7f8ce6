import * as o from '../../src/openssl/index.ts'
import type { Case, ClientExtra, Result, ServerExtra } from './cases.ts'
import { type Contexts, nothingSeen, queue, type Seen, seenBy } from './setup.ts'

/** Two ends over two memory BIOs, which take turns: one step each, until both are through with every phase. */

export interface Talk {
  readonly result: Exclude<Result, 'FirstHandshakeFailed'>
  /** What went wrong, for the one who reads the report. */
  readonly why: string
  readonly client: o.SSL
  readonly server: o.SSL
  readonly clientSeen: Seen
  readonly serverSeen: Seen
}

/** The same of a whole case. */
export type Outcome = Omit<Talk, 'result'> & { readonly result: Result }

type Status = 'retry' | 'waiting' | 'success' | 'error' | 'broken'
type Phase = 'handshake' | 'data before' | 'set-up' | 'data' | 'shutdown'

interface Peer {
  readonly ssl: o.SSL
  readonly name: 'client' | 'server'
  status: Status
  toRead: number
  toWrite: number
  /** Said by the first step that failed. */
  why: string
}

const BUFFER = 65536
/** Turns of all phases; turns of the client alone while the server is through. */
const TURNS = 2000
const EXTRA = 2

/** Sessions that the second connection of a resumption begins with. */
export interface Sessions {
  readonly client: o.SSL_SESSION
  readonly server: o.SSL_SESSION | null
}

export const talk = (
  { says }: Case,
  contexts: Contexts,
  extra: { readonly client: ClientExtra; readonly server: ServerExtra },
  sessions: Sessions | undefined,
): Talk => {
  const client = peer('client', contexts.client, says.ApplicationData)
  const server = peer('server', contexts.server, says.ApplicationData)
  if (extra.client.ServerName !== 'None') o.SSL_set_tlsext_host_name(client.ssl, extra.client.ServerName)
  if (extra.client.EnablePHA) o.SSL_set_post_handshake_auth(client.ssl, 1)
  if (sessions) {
    const { server: kept } = sessions
    if (kept !== null && o.SSL_SESSION_get_id(kept).length > 0 && o.SSL_CTX_add_session(contexts.server, kept) !== 1)
      server.status = 'broken'
    o.SSL_set_session(client.ssl, sessions.client)
  }
  joined(client.ssl, server.ssl)
  const phases: Phase[] =
    says.HandshakeMode === 'Simple' || says.HandshakeMode === 'Resume'
      ? ['handshake', 'data', 'shutdown']
      : ['handshake', 'data before', 'set-up', 'data', 'shutdown']

  const end = (result: Talk['result'], why = ''): Talk => ({
    result,
    why: [why, client.why && `client: ${client.why}`, server.why && `server: ${server.why}`].filter(Boolean).join('; '),
    client: client.ssl,
    server: server.ssl,
    clientSeen: seenBy(client.ssl),
    serverSeen: seenBy(server.ssl),
  })
  if (server.status === 'broken') return end('InternalError', 'the session of the server cannot be added to its cache')
  server.status = 'waiting'
  for (const phase of phases) {
    if (phase === 'set-up' || phase === 'data')
      for (const one of [client, server]) one.toRead = one.toWrite = says.ApplicationData
    let mine = client
    let turns = 0
    let extraTurns = 0
    for (;;) {
      const theirs = mine === client ? server : client
      step(phase, mine, says, extra.server)
      const outcome = judge(mine, theirs)
      if (theirs.status === 'waiting') theirs.status = 'retry'
      if (outcome === 'done') break
      if (outcome !== 'go on') return end(outcome, `phase "${phase}"`)
      if (turns++ >= TURNS) return end('InternalError', `phase "${phase}" does not end`)
      if (mine === server || !through(server)) mine = theirs
      // the client may need turns of its own for tickets
      else if (extraTurns++ >= EXTRA)
        return end('InternalError', `phase "${phase}": the server is through, the client is not`)
    }
    client.status = server.status = 'retry'
  }
  return end('Success')
}

const through = ({ status }: Peer): boolean => status === 'success'

const peer = (name: Peer['name'], ctx: o.SSL_CTX, data: number): Peer => {
  const ssl = o.SSL_new(ctx) as o.SSL
  o.SSL_set_app_data(ssl, nothingSeen())
  o.SSL_set_info_callback(ssl, (_ssl, where, ret) => {
    if ((where & o.SSL_CB_WRITE_ALERT) !== o.SSL_CB_WRITE_ALERT) return
    const seen = seenBy(ssl)
    seen.alertSent = ret
    if (o.SSL_alert_type_string(ret) === 'F' || o.SSL_alert_desc_string(ret) === 'CN') seen.endings++
  })
  return { ssl, name, status: 'retry', toRead: data, toWrite: data, why: '' }
}

const joined = (client: o.SSL, server: o.SSL): void => {
  const toServer = o.BIO_new(o.BIO_s_mem()) as o.BIO
  const toClient = o.BIO_new(o.BIO_s_mem()) as o.BIO
  for (const bio of [toServer, toClient]) o.BIO_up_ref(bio)
  o.SSL_set_connect_state(client)
  o.SSL_set_bio(client, toClient, toServer)
  o.SSL_set_accept_state(server)
  o.SSL_set_bio(server, toServer, toClient)
}

/** What both come to after one of them has done a step. */
const judge = (mine: Peer, theirs: Peer): 'done' | 'go on' | Exclude<Talk['result'], 'Success'> => {
  const failed = (one: Peer): 'ClientFail' | 'ServerFail' => (one.name === 'client' ? 'ClientFail' : 'ServerFail')
  if (mine.status === 'broken' || theirs.status === 'broken') return 'InternalError'
  switch (mine.status) {
    case 'success':
      if (theirs.status === 'success') return 'done'
      // it cannot be through when the other had failed before
      return theirs.status === 'error' ? 'InternalError' : 'go on'
    case 'error':
      if (theirs.status === 'error') return failed(theirs)
      // with the other through, or not even begun, nobody else will fail
      return theirs.status === 'retry' ? 'go on' : failed(mine)
    default:
      return 'go on'
  }
}

const step = (phase: Phase, one: Peer, says: Case['says'], extra: ServerExtra): void => {
  if (one.status !== 'retry') {
    one.status = 'broken'
    return
  }
  o.ERR_clear_error()
  if (phase === 'handshake') shake(one)
  else if (phase === 'set-up') setUp(one, says, extra)
  else if (phase === 'shutdown') shutDown(one)
  else exchange(one)
}

const fail = (one: Peer, what: string): void => {
  one.status = 'error'
  one.why ||= `${what} ${queue()}`.trim()
}

const shake = (one: Peer): void => {
  const ret = o.SSL_do_handshake(one.ssl)
  if (ret === 1) one.status = 'success'
  else if (ret === 0) fail(one, 'SSL_do_handshake 0')
  else {
    const error = o.SSL_get_error(one.ssl, ret)
    if (error !== o.SSL_ERROR_WANT_READ) fail(one, `SSL_do_handshake ${ret}, error ${error}`)
  }
}

const buffer = new Uint8Array(BUFFER)
/** Reads all that there is, then writes at most one buffer at once. */
const exchange = (one: Peer): void => {
  while (one.toRead > 0) {
    const ret = o.SSL_read(one.ssl, buffer)
    if (ret > one.toRead) {
      one.status = 'broken'
      return
    }
    if (ret > 0) one.toRead -= ret
    else {
      const error = o.SSL_get_error(one.ssl, ret)
      if (ret === 0 || error !== o.SSL_ERROR_WANT_READ) return fail(one, `SSL_read ${ret}, error ${error}`)
      break
    }
  }
  const length = Math.min(one.toWrite, BUFFER)
  if (length > 0) {
    const ret = o.SSL_write(one.ssl, buffer.subarray(0, length))
    if (ret <= 0) return fail(one, `SSL_write ${ret}, error ${o.SSL_get_error(one.ssl, ret)}`)
    if (ret !== length) one.status = 'broken'
    one.toWrite -= ret
  }
  if (one.toWrite === 0 && one.toRead === 0 && one.status === 'retry') one.status = 'success'
}

const shutDown = (one: Peer): void => {
  const ret = o.SSL_shutdown(one.ssl)
  if (ret === 1) one.status = 'success'
  else if (ret < 0) {
    const error = o.SSL_get_error(one.ssl, ret)
    if (error !== o.SSL_ERROR_WANT_READ && error !== o.SSL_ERROR_WANT_WRITE)
      fail(one, `SSL_shutdown ${ret}, error ${error}`)
  }
}

/** What happens between two exchanges of data; each side is through with it in one step. */
const setUp = (one: Peer, { HandshakeMode: mode, KeyUpdateType }: Case['says'], extra: ServerExtra): void => {
  const server = one.name === 'server'
  if (mode === 'KeyUpdateServer' || mode === 'KeyUpdateClient') {
    if (server !== (mode === 'KeyUpdateServer')) {
      one.status = 'success'
      return
    }
    const type = KeyUpdateType === 'KeyUpdateRequested' ? o.SSL_KEY_UPDATE_REQUESTED : o.SSL_KEY_UPDATE_NOT_REQUESTED
    if (o.SSL_key_update(one.ssl, type) !== 1) return fail(one, 'SSL_key_update')
  } else if (server) {
    if (extra.ForcePHA) believe(one.ssl)
    if (o.SSL_verify_client_post_handshake(one.ssl) !== 1) return fail(one, 'SSL_verify_client_post_handshake')
  }
  shake(one)
  if (one.status === 'retry') fail(one, 'it takes more than one step')
}

/** Lets a server believe that its client offered to authenticate later: no function does that. */
const believe = (ssl: o.SSL): void => {
  const { connection } = ssl
  if (connection) connection.facts.postHandshakeAuth = true
}
