import type { MessageName } from '../../src/messages/table.ts'

type Fields = Readonly<Record<string, unknown>>

/** What a ClientHello lists is a matter of configuration, and of other libraries' taste. */
const lists = new Set([
  'supportedGroups',
  'signatureAlgorithms',
  'signatureAlgorithmsCert',
  'supportedVersions',
  'pskKeyExchangeModes',
  'ecPointFormats',
  'renegotiationInfo',
  'statusRequest',
  'certificateAuthorities',
  'unknown',
])
const taste = new Set(['ecPointFormats', 'unknown'])

const extensions = (ours: Fields, theirs: Fields, fixed: ReadonlySet<string>): Fields =>
  Object.fromEntries(
    Object.entries(theirs).map(([name, value]) => [name, fixed.has(name) || !(name in ours) ? value : ours[name]]),
  )

const block = (ours: unknown, theirs: unknown, fixed: ReadonlySet<string>): Fields =>
  extensions((ours ?? {}) as Fields, (theirs ?? {}) as Fields, fixed)

interface Entry {
  readonly group: number
}

/** Shares for groups that are not ours stay as they are; those of ours must be ours. */
const withShares = (ours: Fields, theirs: Fields): Fields => {
  const own = (ours.keyShare ?? []) as readonly Entry[]
  const model = theirs.keyShare as readonly Entry[] | undefined
  return model
    ? { ...ours, keyShare: model.map((entry) => own.find(({ group }) => group === entry.group) ?? entry) }
    : ours
}

/**
 * Our message with the lists of another library's: which values it offers, in which order, and what else it says that is
 * not the handshake's to decide. Whatever the handshake makes or decides (randoms, ids, shares, keys, suite) stays ours.
 */
export const dressed = (name: MessageName, ours: unknown, theirs: unknown): unknown => {
  const own = ours as Fields
  const model = theirs as Fields
  switch (name) {
    case 'clientHello':
      return {
        ...model,
        random: own.random,
        legacySessionId: own.legacySessionId,
        extensions: withShares(block(own.extensions, model.extensions, lists), model.extensions as Fields),
      }
    case 'serverHello':
      return { ...own, extensions: block(own.extensions, model.extensions, taste) }
    case 'encryptedExtensions':
      return { extensions: block(own.extensions, model.extensions, taste) }
    case 'certificateRequest':
      return { ...own, extensions: model.extensions }
    case 'certificateRequest12':
      return model
    case 'newSessionTicket':
      return { ...own, ticketNonce: model.ticketNonce, extensions: model.extensions }
    default:
      return ours
  }
}
