import { recordedHandshakes } from './handshakes.ts'
import { isObject, type Json, object, objects } from './json.ts'
import { providers } from './providers.ts'
import { traces8448 } from './rfc8448.ts'
import { prf12, schedules13 } from './schedules.ts'
import type { Tally } from './tally.ts'

/** Runs one file by what it looks like. */
export const runFile = async (content: unknown, tally: Tally): Promise<void> => {
  const file = object(content)
  const kind = kinds.find(({ is }) => isObject(content) && is(file))
  if (kind) await kind.run(file, tally)
  else tally.skip('a file of a shape that is not known')
}

const first = (value: unknown): Json => objects(value)[0] ?? {}

const kinds: readonly { is(file: Json): boolean; run(file: Json, tally: Tally): Promise<void> | void }[] = [
  { is: (file) => 'chains' in file || 'acvp' in file, run: (file, tally) => schedules13(file, tally, providers) },
  {
    is: (file) => 'prf' in file || 'extendedMasterSecret' in file,
    run: (file, tally) => prf12(file, tally, providers),
  },
  { is: (file) => 'keylog' in first(file.traces), run: (file, tally) => recordedHandshakes(file, tally, providers) },
  { is: (file) => 'ephemeral' in first(file.traces), run: (file, tally) => traces8448(file, tally, providers) },
  {
    is: (file) => 'kem_id' in first(file.vectors),
    run: (file, tally) => tally.skip('HPKE is not built yet', objects(file.vectors).length),
  },
]
