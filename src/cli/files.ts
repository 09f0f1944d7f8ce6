import { closeSync, fchmodSync, fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { Failure, sentence } from './failure.ts'

/** The whole of a file. Throws `Failure` when it cannot be read. */
export const readWhole = (path: string): Uint8Array => {
  try {
    return new Uint8Array(readFileSync(path))
  } catch (error) {
    throw new Failure(`cannot read ${path}: ${sentence(error)}`)
  }
}

/** Writes a file; a secret one is for its owner alone, whoever could read it before. Throws `Failure` when it cannot be. */
export const writeWhole = (path: string, contents: string | Uint8Array, secret = false): void => {
  try {
    const file = openSync(path, 'w', secret ? 0o600 : 0o666)
    try {
      if (secret && fstatSync(file).isFile()) fchmodSync(file, 0o600)
      writeFileSync(file, contents)
    } finally {
      closeSync(file)
    }
  } catch (error) {
    throw new Failure(`cannot write ${path}: ${sentence(error)}`)
  }
}

/** Everything that comes until the input ends. */
export const readAll = async (stream: Readable): Promise<Uint8Array> => {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk)
  return new Uint8Array(Buffer.concat(chunks))
}

/** What `parse` makes of the contents of a file. Throws `Failure`, with the name of the file, for what is malformed. */
export const parsedFrom = <T>(name: string, contents: Uint8Array, parse: (contents: Uint8Array) => T): T => {
  try {
    return parse(contents)
  } catch (error) {
    throw new Failure(`${name}: ${sentence(error)}`)
  }
}
