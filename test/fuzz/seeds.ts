import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

const ARCHIVE = new URL('../../../shared/data/fuzz-seeds/x509.tar.gz', import.meta.url)

/** The files of the seeds' folders of certificates; none when the seeds are not here. */
export const certificateSeeds = (): Uint8Array[] => {
  if (!existsSync(ARCHIVE)) return []
  const files = untar(gunzipSync(readFileSync(ARCHIVE)))
  return files
    .filter(({ name }) => /^(?:\.\/)?(?:cert|parse_certificate_fuzzer|read_pem)\//.test(name))
    .map(({ data }) => data)
}

/** Headers and contents in blocks of 512 bytes (POSIX.1-1988 ustar). */
const untar = (archive: Uint8Array): { name: string; data: Uint8Array }[] => {
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
