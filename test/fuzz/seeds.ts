import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

const ARCHIVE = new URL('../../../shared/data/fuzz-seeds/x509.tar.gz', import.meta.url)

export interface Seed {
  /** What kind of thing it was made for: `cert`, `crl_parse_crl_certificatelist_fuzzer` and so on. */
  readonly kind: string
  readonly data: Uint8Array
}

/** All of them; none when they are not here. */
export const allSeeds = (): Seed[] =>
  existsSync(ARCHIVE)
    ? untar(gunzipSync(readFileSync(ARCHIVE))).map(({ name, data }) => ({
        kind: name.replace(/^\.\//, '').replace(/\/.*$/, ''),
        data,
      }))
    : []

/** Whether a seed is meant to be a certificate, or text that holds some. */
export const isCertificate = ({ kind }: Seed): boolean => /^(?:cert|parse_certificate_fuzzer|read_pem)$/.test(kind)

/** Headers and contents in blocks of 512 bytes (POSIX.1-1988 ustar). */
export const untar = (archive: Uint8Array): { name: string; data: Uint8Array }[] => {
  const files: { name: string; data: Uint8Array }[] = []
  const field = (at: number, length: number): string =>
    Buffer.from(archive.subarray(at, at + length))
      .toString('latin1')
      .replace(/\0.*/s, '')
  for (let at = 0; at + 512 <= archive.length && archive[at] !== 0; ) {
    const size = Number.parseInt(field(at + 124, 12), 8)
    if (field(at + 156, 1) === '0' || field(at + 156, 1) === '')
      files.push({ name: field(at, 100), data: new Uint8Array(archive.subarray(at + 512, at + 512 + size)) })
    at += 512 + Math.ceil(size / 512) * 512
  }
  return files
}
