import * as o from '../../src/openssl/index.ts'
import type { Case } from './cases.ts'
import { differences } from './judge.ts'
import { contextsOf } from './setup.ts'
import { type Outcome, talk } from './talk.ts'

/** Runs a case: what differs from its expectations, a sentence each. */
export const runCase = (test: Case): string[] => {
  try {
    const outcome = connect(test)
    const found = differences(test, outcome)
    return found.length > 0 && outcome.why !== '' ? [...found, `(${outcome.why})`] : found
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)]
  }
}

const connect = (test: Case): Outcome => {
  const { says, extra } = test
  const first = contextsOf(test, 'first')
  const second = says.HandshakeMode === 'Resume' ? contextsOf(test, 'resumption') : undefined
  const outcome = talk(test, first, extra, undefined)
  if (!second || outcome.result === 'InternalError') return outcome
  if (outcome.result !== 'Success') return { ...outcome, result: 'FirstHandshakeFailed' }
  const client = o.SSL_get1_session(outcome.client)
  if (client === null) throw new Error('the client has no session after its first connection')
  const kept = o.SSL_get_session(outcome.server)
  const sessions = { client, server: kept && o.SSL_SESSION_dup(kept) }
  o.SSL_free(outcome.client)
  o.SSL_free(outcome.server)
  return talk(test, second, { client: extra.resumeClient, server: extra.resumeServer }, sessions)
}
