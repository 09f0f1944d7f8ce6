import { illegal } from '../errors.ts'
import { u8 } from '../wire/codec.ts'
import { extension } from './extension.ts'

/** Code points 1 to 4 stand for these lengths (RFC 6066 section 4). */
const lengths = [512, 1024, 2048, 4096] as const

/** max_fragment_length: the client asks, the server repeats it, and both keep to it. */
export const maxFragmentLength = extension({
  type: 1,
  in: { clientHello: u8, encryptedExtensions: u8, serverHello12: u8 },

  offer: ({ config }) => config.maxFragmentLength && lengths.indexOf(config.maxFragmentLength) + 1,

  answer({ records, config, facts }, code) {
    const length = lengths[code - 1]
    if (length === undefined)
      throw illegal('SSL3_EXT_INVALID_MAX_FRAGMENT_LENGTH', `max_fragment_length ${code} is none of 1 to 4`)
    // record_size_limit takes its place when both were sent (RFC 8449 section 5)
    if (config.recordSizeLimit !== undefined && facts.peerRecordLimit !== undefined) return undefined
    records.limitWrite(length)
    records.limitRead(length)
    facts.maxFragmentLength = length
    return code
  },

  confirm({ config, facts, records }, code) {
    // RFC 8449 5: a server answers one of the two
    if (facts.peerRecordLimit !== undefined)
      throw illegal('BAD_EXTENSION', 'both record_size_limit and max_fragment_length')
    const length = lengths[code - 1]
    if (length === undefined || length !== config.maxFragmentLength) {
      throw illegal('SSL3_EXT_INVALID_MAX_FRAGMENT_LENGTH', `max_fragment_length ${code} was not asked for`)
    }
    records.limitWrite(length)
    records.limitRead(length)
    facts.maxFragmentLength = length
  },
})
