import { node } from '../crypto/node/index.ts'
import { importKeys, KeyRing } from '../session/ring.ts'
import { ringTickets, type Tickets } from '../session/tickets.ts'
import { runSync, wait } from '../task.ts'
import { misuse } from './codes.ts'

/** Bytes of what node:tls calls ticket keys: 16 of a name, 32 of secrets. */
export const TICKET_KEYS = 48

/** Tickets under keys that servers share: what one has sealed, another opens. Only typetls opens them. */
export const ticketsOfKeys = (keys: Uint8Array): Tickets => {
  if (keys.length !== TICKET_KEYS)
    throw misuse('ERR_INVALID_ARG_VALUE', `ticket keys have ${TICKET_KEYS} bytes, not ${keys.length}`)
  return ringTickets(node, new KeyRing(node, runSync(wait(importKeys([keys], node)))))
}
