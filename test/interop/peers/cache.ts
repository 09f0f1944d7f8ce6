import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** A place for what is built from peers/programs, kept between runs. */
export const cacheFile = (name: string): string => {
  const dir = fileURLToPath(new URL('../../../node_modules/.cache/typetls-interop/', import.meta.url))
  mkdirSync(dir, { recursive: true })
  return dir + name
}

/** A source in peers/programs. */
export const program = (name: string): string => fileURLToPath(new URL(`programs/${name}`, import.meta.url))
