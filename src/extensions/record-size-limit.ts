import { TLS13 } from '../config.ts'
import { illegal } from '../errors.ts'
import { u16 } from '../wire/codec.ts'
import { extension, type Negotiation } from './extension.ts'

/** In TLS 1.3 the limit counts the inner content type too (RFC 8449 section 4). */
const data = (n: Negotiation, limit: number): number => (n.version === TLS13 ? limit - 1 : limit)

const take = (n: Negotiation, limit: number): void => {
  if (limit < 64) throw illegal('BAD_EXTENSION', `record_size_limit ${limit} is below 64`)
  n.facts.peerRecordLimit = Math.min(data(n, limit), 16384)
  n.records.limitWrite(n.facts.peerRecordLimit)
}

/** record_size_limit (RFC 8449): each side says what it takes. */
export const recordSizeLimit = extension({
  type: 28,
  in: { clientHello: u16, encryptedExtensions: u16, serverHello12: u16 },

  offer: ({ config }) => config.recordSizeLimit,

  answer(n, limit) {
    if (n.config.recordSizeLimit === undefined) {
      if (limit < 64) throw illegal('BAD_EXTENSION', `record_size_limit ${limit} is below 64`)
      return undefined
    }
    take(n, limit)
    n.records.limitRead(data(n, n.config.recordSizeLimit))
    return n.config.recordSizeLimit
  },

  confirm(n, limit) {
    take(n, limit)
    if (n.config.recordSizeLimit !== undefined) n.records.limitRead(data(n, n.config.recordSizeLimit))
  },
})
