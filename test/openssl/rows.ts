import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

/** What a row is run with. */
export interface Setting {
  /** 0x0304 or 0x0303. */
  readonly version: number
  /** Every answer of the crypto provider comes by promise. */
  readonly late: boolean
}

export interface Row {
  /** Of the observation in OpenSSL 1.1.1w; several that follow each other stand together. */
  readonly id: string
  /** What is done, and what came of it: one string for each thing to look at. */
  readonly run: (setting: Setting) => Promise<readonly string[]> | readonly string[]
  readonly says: readonly string[] | { readonly [version: number]: readonly string[] }
  /** Where ours differs from the observation, and why it should: all of it, or by the ids that do. */
  readonly differs?: string | { readonly [id: string]: string }
  /** One version only. */
  readonly version?: number
  /** Nothing here draws on cryptography that could come late, or timing would be looked at. */
  readonly quick?: boolean
}

/** What `npm run suite:contract` reads off a title: `(ours: why)`, or `(ours at B1 B2: why; ours at B3: why)`. */
const deviation = ({ differs }: Row): string => {
  if (differs === undefined) return ''
  if (typeof differs === 'string') return ` (ours: ${differs})`
  return ` (${Object.entries(differs)
    .map(([ids, why]) => `ours at ${ids}: ${why}`)
    .join('; ')})`
}

/** Runs every row in both versions, with quick and with late crypto. */
export const table = (title: string, rows: readonly Row[]): void => {
  describe(title, () => {
    for (const row of rows) {
      for (const version of row.version === undefined ? [0x0304, 0x0303] : [row.version]) {
        for (const late of row.quick ? [false] : [false, true]) {
          const name = `${row.id} TLS 1.${version - 0x0301}${late ? ', late crypto' : ''}${deviation(row)}`
          it(name, async () => {
            const said = await row.run({ version, late })
            const expected = Array.isArray(row.says)
              ? row.says
              : (row.says as { readonly [version: number]: readonly string[] })[version]
            assert.deepEqual([...said], expected)
          })
        }
      }
    }
  })
}
