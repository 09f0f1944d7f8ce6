import {
  type Config,
  type CustomExtension,
  type CustomPlace,
  type Place,
  TLS12,
  TLS13,
  type Version,
} from '../config.ts'
import { TlsError } from '../errors.ts'
import type { Unknown } from '../extensions/registry.ts'
import type { Facts } from '../facts.ts'

/** Extensions that only the program knows (`config.custom`): written beside ours, judged where they come. */

interface Block {
  readonly unknown?: readonly Unknown[]
}
interface Entry {
  readonly certData: Uint8Array
  readonly extensions: Block
}

/** Answers must have been asked for; what is offered or asked may be passed over. */
const OPEN: ReadonlySet<Place> = new Set(['certificateRequest', 'newSessionTicket'])

/** Where the extensions of a message stand; undefined for messages that have none, or several blocks. */
const placeOf = (name: string, body: unknown): Place | undefined => {
  if (name === 'serverHello') return (body as { kind: 'serverHello' | 'helloRetryRequest' | 'serverHello12' }).kind
  if (name === 'encryptedExtensions' || name === 'certificateRequest' || name === 'newSessionTicket') return name
  return undefined
}

const at = (facts: Facts, place: Place, index = 0, certificate?: Uint8Array): CustomPlace => ({
  place,
  version: place === 'serverHello12' ? TLS12 : (facts.version ?? TLS13),
  resumed: facts.resumed || facts.psk !== undefined,
  index,
  ...(certificate && { certificate }),
})

/** What the program puts into a ClientHello that offers this version at most. */
export const offered = ({ custom }: Config, version: Version): readonly CustomExtension[] =>
  custom?.write({ place: 'clientHello', version, resumed: false, index: 0 }) ?? []

/** The body of a message that is to be sent, with what the program adds. */
export const dressed = (config: Config, facts: Facts, name: string, body: unknown): unknown => {
  const { custom } = config
  if (!custom) return body
  const place = placeOf(name, body)
  const extended = (extensions: Block, more: readonly Unknown[]): Block =>
    more.length > 0 ? { ...extensions, unknown: [...(extensions.unknown ?? []), ...more] } : extensions
  if (place) {
    const message = body as { readonly extensions: Block }
    return { ...message, extensions: extended(message.extensions, custom.write(at(facts, place))) }
  }
  if (name !== 'certificate') return body
  const message = body as { readonly certificateList: readonly Entry[] }
  const certificateList = message.certificateList.map((entry, index) => ({
    ...entry,
    extensions: extended(entry.extensions, custom.write(at(facts, 'certificate', index, entry.certData))),
  }))
  return { ...message, certificateList }
}

/** Gives the program what came of its extensions, and refuses answers that nobody asked for. */
export const heed = (config: Config, facts: Facts, name: string, body: unknown): void => {
  const place = placeOf(name, body)
  if (place) {
    const { unknown } = (body as { readonly extensions: Block }).extensions
    if (unknown) judge(config, at(facts, place), unknown)
  }
  if (name !== 'certificate') return
  let index = 0
  for (const { certData, extensions } of (body as { readonly certificateList: readonly Entry[] }).certificateList) {
    if (extensions.unknown) judge(config, at(facts, 'certificate', index, certData), extensions.unknown)
    index++
  }
}

/** The same for a ClientHello, as soon as it is known whether it resumes. */
export const heedHello = (config: Config, facts: Facts, extensions: Block): void => {
  for (const found of extensions.unknown ?? []) config.custom?.read(at(facts, 'clientHello'), found)
}

const judge = ({ custom }: Config, where: CustomPlace, unknown: readonly Unknown[]): void => {
  for (const found of unknown) {
    if (custom?.read(where, found) || OPEN.has(where.place)) continue
    throw new TlsError(
      'unsupported_extension',
      'UNSOLICITED_EXTENSION',
      `extension ${found.type} in ${where.place} was not asked for`,
    )
  }
}
