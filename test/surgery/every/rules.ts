import type { Edit } from './edits.ts'
import type { Piece } from './lane.ts'
import type { Fate, Fates, Scene } from './play.ts'

/**
 * What must hold of every verdict, whatever the table of verdicts says. Gives what is wrong, or undefined.
 *
 * Who cuts has every key, so that an open connection is his: he may say and leave out what he likes. The handshake is not:
 * what he changes there must show, however well it is sealed.
 */
export const complaint = (
  scene: Scene,
  all: readonly Piece[],
  at: number,
  edit: Edit,
  { client, server }: Fates,
): string | undefined => {
  const fates = [client, server]
  if (fates.some(({ kind }) => kind === 'broken')) return 'an end broke'
  if (fates.some((fate) => fate.kind === 'refuses' && fate.alert === 'internal_error'))
    return 'an end blames itself for what the other said'
  const [refused] = fates.filter((fate) => fate.kind === 'refuses')
  if (refused?.kind === 'refuses' && fates.some((fate) => fate.kind === 'told' && fate.alert !== refused.alert))
    return 'the other end was told something else'
  const well = fates.every(({ kind }) => kind === 'fine')
  if (edit.harmless) return well ? undefined : 'there is nothing wrong with that'
  const piece = all[at] as Piece
  if (deceived(client) || deceived(server))
    return opened(all, at) || hurried(scene, all, at) ? undefined : 'other data before the handshake was over'
  if (!well || opened(all, at)) return undefined
  return excuses.some(({ edits, when }) => edits.test(edit.name) && when(piece, scene)) ? undefined : 'nobody noticed'
}

const deceived = ({ kind }: Fate): boolean => kind === 'deceived'

/** Both Finished have gone by before: the connection is open. */
const opened = (all: readonly Piece[], at: number): boolean =>
  ['client', 'server'].every((end) => all.slice(0, at).some(({ from, name }) => from === end && name === 'finished'))

/** Early data is on its way. */
const hurried = (scene: Scene, all: readonly Piece[], at: number): boolean =>
  scene.early === true &&
  all[at]?.from === 'client' &&
  !all.slice(0, at).some(({ from, name }) => from === 'client' && name === 'endOfEarlyData')

interface Excuse {
  readonly edits: RegExp
  readonly when: (piece: Piece, scene: Scene) => boolean
  /** Where it is written that nobody need notice. */
  readonly why: string
}

const tls13 = ({ name }: Scene): boolean => name.startsWith('1.3')
const fromServer = ({ from }: Piece): boolean => from === 'server'

const excuses: readonly Excuse[] = [
  {
    why: 'RFC 9846 5: ChangeCipherSpec is dropped without processing, wherever it stands in the handshake',
    edits: /^after a ChangeCipherSpec/,
    when: (_, scene) => tls13(scene),
  },
  {
    why: 'RFC 9846 D.4: it is a disguise, and may be missing',
    edits: /^(left out|twice|after the next|in the clear)$/,
    when: ({ name }, scene) => tls13(scene) && name === 'changeCipherSpec',
  },
  { why: 'a warning may come at any time, a few in a row', edits: /^after a warning$/, when: () => true },
  {
    why: 'RFC 5246 7.4.1.1: a client that is negotiating ignores HelloRequest; it may yet be TLS 1.2',
    edits: /^after HelloRequest$/,
    when: (piece, scene) => fromServer(piece) && (!tls13(scene) || piece.name === 'serverHello'),
  },
  { why: 'it was in the clear', edits: /^in the clear$/, when: () => true },
  {
    why: 'messages may share records, where no keys change between',
    edits: /^in one record with (the next|the beginning of the next)$/,
    when: () => true,
  },
  {
    why: 'RFC 5246 6.2.1 says nothing of who receives an empty fragment; they are counted',
    edits: /^after a (handshake record without content|record without data)$|^in two, nothing between$/,
    when: (piece, scene) => !tls13(scene) && piece.name === 'finished',
  },
  {
    why: 'RFC 9846 4.2.10: what follows a hello that offers early data may be early data, and is skipped unread',
    edits: /^after (data|data in the clear|a record without data)$|^twice$|^left out$|^in two, data between$/,
    when: (_, scene) => scene.early === true,
  },
]
