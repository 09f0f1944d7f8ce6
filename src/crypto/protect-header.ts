import { Misuse } from '../errors.ts'

/** Bytes of type, version and length before every record's body. */
export const HEADER = 5

/** Writes a record's sequence number as eight bytes, big-endian, to the beginning of `out`. Throws beyond 2^48. */
export const putSequence = (out: Uint8Array, sequence: number): void => {
  out.fill(0, 0, 8)
  xorSequence(out, 0, sequence)
}

/** Adds the same eight bytes, bit by bit, to those that stand at `at`. */
export const xorSequence = (out: Uint8Array, at: number, sequence: number): void => {
  // the limits of every cipher lie far below (RFC 9846 section 5.5); a count that got here is a mistake
  if (!(sequence >= 0 && sequence < LIMIT)) {
    throw new Misuse(`${sequence} is no sequence number of a record; update the keys long before 2^48 records`)
  }
  const high = Math.floor(sequence / 0x1_0000_0000)
  xor(out, at + 2, high >>> 8)
  xor(out, at + 3, high)
  xor(out, at + 4, sequence >>> 24)
  xor(out, at + 5, sequence >>> 16)
  xor(out, at + 6, sequence >>> 8)
  xor(out, at + 7, sequence)
}

const xor = (out: Uint8Array, at: number, byte: number): void => {
  out[at] = (out[at] as number) ^ byte
}

/**
 * The 13 bytes that TLS 1.2 authenticates beside the content: sequence number, then type, version and length
 * (RFC 5246 sections 6.2.3.1 and 6.2.3.3). Type and version are those of the record's header.
 */
export const putPseudoHeader = (out: Uint8Array, sequence: number, record: Uint8Array, length: number): void => {
  putSequence(out, sequence)
  out[8] = record[0] as number
  out[9] = record[1] as number
  out[10] = record[2] as number
  out[11] = length >>> 8
  out[12] = length
}

/** Throws when a record has not the length that `sealedLength` said. */
export const checkPlace = (record: Uint8Array, body: number): void => {
  if (record.length !== HEADER + body) {
    throw new Misuse(`the record to be sealed needs a place of ${HEADER + body} bytes, not ${record.length}`)
  }
}

const LIMIT = 2 ** 48
