import type { Edit } from './edits.ts'
import type { Out, Piece, Surgeon } from './lane.ts'
import { type Fates, play, type Stage } from './play.ts'
import { asItIs, operate } from './proxy.ts'

/** Plays the scene untouched, and tells every piece that went by, in order. */
export const pieces = async ({ configs, session, ...stage }: Stage): Promise<Piece[]> => {
  const seen: Piece[] = []
  const theatre = operate(configs.client(session), configs.server, (piece) => {
    seen.push(piece)
    return asItIs(piece)
  })
  const fates = await play({ configs, session, ...stage }, theatre)
  if (fates.client.kind !== 'fine' || fates.server.kind !== 'fine')
    throw new Error(`${stage.scene.name} fails untouched`, { cause: fates })
  return seen
}

/** What the same end says directly after it, before the other has answered. */
export const following = (all: readonly Piece[], at: number): Piece | undefined => {
  const next = all[at + 1]
  return next && next.from === all[at]?.from ? next : undefined
}

/** Plays the scene with one edit on its piece number `at`. */
export const cut = (
  { configs, session, ...stage }: Stage,
  all: readonly Piece[],
  at: number,
  edit: Edit,
): Promise<Fates> => {
  const { from } = all[at] as Piece
  let due = all.slice(0, at).filter((piece) => piece.from === from).length
  let kept: Piece | undefined
  const surgeon: Surgeon = (piece): readonly Out[] => {
    if (piece.from !== from) return asItIs(piece)
    if (kept && edit.with) {
      const first = kept
      kept = undefined
      return edit.with(first, piece)
    }
    if (due-- !== 0) return asItIs(piece)
    if (edit.with) kept = piece
    return edit.cut(piece, following(all, at))
  }
  return play({ configs, session, ...stage }, operate(configs.client(session), configs.server, surgeon))
}
