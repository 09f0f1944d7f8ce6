import { base64, fromBase64, latin1, utf8 } from '../bytes/text.ts'

/** One armoured block (RFC 7468). */
export interface PemBlock {
  /** `CERTIFICATE`, `PRIVATE KEY` and so on. */
  readonly label: string
  readonly bytes: Uint8Array
  /** Fields before the base64 (RFC 1421), as OpenSSL's old encrypted keys have; names as written. */
  readonly headers: Readonly<Record<string, string>>
}

/** Text that has the armour of PEM but not what belongs within. */
export class PemError extends Error {
  override readonly name: string = 'PemError'
}

const BEGIN = /-----BEGIN ([A-Z0-9][A-Z0-9 ]*)-----[ \t]*$/

/**
 * Every PEM block in a text, in order; what stands around blocks is passed over. Lines may end in LF, CR LF or CR.
 * Throws `PemError` for a block without end, with a wrong end, or whose content is not base64.
 */
export const readPem = (text: string | Uint8Array): readonly PemBlock[] => {
  // what is around blocks may be in any encoding; the blocks themselves are ASCII
  const lines = (typeof text === 'string' ? text : latin1(text)).split(/\r\n|\n|\r/)
  const blocks: PemBlock[] = []
  for (let at = 0; at < lines.length; at++) {
    const label = BEGIN.exec(lines[at] as string)?.[1]
    if (label === undefined) continue
    const end = lines.findIndex((line, i) => i > at && line.startsWith('-----'))
    if (end === -1) throw new PemError(`the PEM block "${label}" that begins in line ${at + 1} has no end`)
    if ((lines[end] as string).trimEnd() !== `-----END ${label}-----`) {
      throw new PemError(`the PEM block "${label}" that begins in line ${at + 1} is not ended by its own END line`)
    }
    blocks.push(readBlock(label, lines.slice(at + 1, end), at + 1))
    at = end
  }
  return blocks
}

const readBlock = (label: string, lines: readonly string[], line: number): PemBlock => {
  const headers: Record<string, string> = {}
  let at = 0
  let last = ''
  for (; at < lines.length; at++) {
    const text = lines[at] as string
    const field = /^([A-Za-z0-9-]+):\s*(.*?)\s*$/.exec(text)
    if (field) {
      last = field[1] as string
      headers[last] = field[2] as string
    } else if (last && /^[ \t]/.test(text) && text.trim() !== '') headers[last] += text.trim()
    else break
  }
  const bytes = fromBase64(lines.slice(at).join(''))
  if (!bytes?.length) {
    throw new PemError(`the PEM block "${label}" that begins in line ${line} does not hold base64; is it damaged?`)
  }
  return { label, bytes, headers }
}

/** Armour: lines of 64 characters, each with its line feed. */
export const writePem = (label: string, bytes: Uint8Array): string =>
  `-----BEGIN ${label}-----\n${base64(bytes).replace(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`

/** Whether this begins like PEM rather than like DER. */
export const looksLikePem = (data: string | Uint8Array): boolean =>
  typeof data === 'string' ? data.includes('-----BEGIN ') : indexOf(data, utf8('-----BEGIN ')) !== -1

const indexOf = (data: Uint8Array, wanted: Uint8Array): number => {
  outer: for (let at = data.indexOf(wanted[0] as number); at !== -1; at = data.indexOf(wanted[0] as number, at + 1)) {
    for (let i = 1; i < wanted.length; i++) if (data[at + i] !== wanted[i]) continue outer
    return at
  }
  return -1
}
