/**
 * What an RSAES-PKCS1-v1_5 block holds (RFC 8017 section 7.2.2), when it holds exactly as many bytes as `substitute` has;
 * else `substitute`. Every byte is touched either way, and nothing branches on them (RFC 5246 section 7.4.7.1).
 */
export const unpadded = (block: Uint8Array, substitute: Uint8Array): Uint8Array => {
  const from = block.length - substitute.length
  let bad = (block[0] as number) | ((block[1] as number) ^ 2) | (block[from - 1] as number)
  for (let i = 2; i < from - 1; i++) bad |= (((block[i] as number) - 1) >> 8) & 0xff
  const good = (bad - 1) >> 8
  return substitute.map((byte, i) => ((block[from + i] as number) & good) | (byte & ~good))
}
