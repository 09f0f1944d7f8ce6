import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { allSeeds, untar } from '../seeds.ts'

/** Seeds of TLS begin with settings: a tag of 16 bits, and with some a body; tag 0 begins what the end receives. */
const received = (seed: Uint8Array): Uint8Array => {
  const view = new DataView(seed.buffer, seed.byteOffset, seed.byteLength)
  let at = 0
  while (at + 2 <= seed.length) {
    const tag = view.getUint16(at)
    at += 2
    if (tag === 0) break
    if (tag === 1 || tag === 5) at += 3 + (at + 3 <= seed.length ? view.getUint16(at) * 256 + view.getUint8(at + 2) : 0)
  }
  return seed.slice(at)
}

/** What a client, or a server, is to receive. None when the data is not here. */
export const tlsSeeds = (end: 'client' | 'server'): Uint8Array[] => {
  const archive = new URL(`../../../../shared/data/fuzz-seeds/${end}.tar.gz`, import.meta.url)
  return existsSync(archive) ? untar(gunzipSync(readFileSync(archive))).map(({ data }) => received(data)) : []
}

/** X.509 seeds, whatever they were made for: what is no certificate is a good beginning of something odd. */
export const x509Seeds = (kind = /./): Uint8Array[] =>
  allSeeds()
    .filter((seed) => kind.test(seed.kind))
    .map(({ data }) => data)
