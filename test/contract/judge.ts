/** What became of one test that carries ids. */
export interface Outcome {
  readonly title: string
  readonly file: string
  /** Why it did not pass: what it gave, or that it was skipped. */
  readonly gave?: string
}

export type Verdict =
  | { readonly state: 'holds' }
  | { readonly state: 'differs'; readonly why: string }
  | { readonly state: 'fails'; readonly why: string; readonly file: string }
  | { readonly state: 'missing' }

const ID = /^([A-Z]\d+[a-z]?(?:\.1\.[23])?)[,:]?$/

/** The ids that a title begins with; none of most titles. One id may have a string in quotes, which belongs to it. */
export const idsOf = (title: string): string[] => {
  const asked = /^(H[45]) ('.*') TLS 1\.\d/.exec(title)
  if (asked) return [`${asked[1]} ${asked[2]}`]
  const ids: string[] = []
  for (const word of title.split(' ')) {
    const id = ID.exec(word)?.[1]
    if (id === undefined) break
    ids.push(id)
    if (word.endsWith(':')) break
  }
  return ids
}

/** The notes of a title where ours differs; without ids: all that the title carries. */
export const notesOf = (title: string): { ids: readonly string[]; why: string }[] => {
  const text = /\((ours(?: at [^:]+)?: .*)\)$/.exec(title)?.[1]
  if (text === undefined) return []
  return text.split(/; (?=ours at )/).map((note) => {
    const [, ids, why] = /^ours(?: at ([^:]+))?: (.*)$/.exec(note) as RegExpExecArray
    return { ids: ids?.split(' ') ?? idsOf(title), why: why as string }
  })
}

/** Whether a test that carries `carried` speaks about `id`: the same, or the same in that version. */
const about = (id: string, carried: string, title: string): boolean => {
  if (carried === id) return true
  const [, plain, version] = /^(.*?)(?:\.(1\.[23]))?$/.exec(id) as RegExpExecArray
  if (version === undefined) return carried === `${id}.1.3` || carried === `${id}.1.2`
  if (carried !== plain) return false
  const tested = / TLS (1\.[23])/.exec(title)?.[1]
  return tested === undefined || tested === version
}

/** What all tests together say about one id. */
export const verdict = (id: string, outcomes: readonly Outcome[]): Verdict => {
  const mine = outcomes.filter(({ title }) => idsOf(title).some((carried) => about(id, carried, title)))
  if (mine.length === 0) return { state: 'missing' }
  const failed = mine.find(({ gave }) => gave !== undefined)
  if (failed) return { state: 'fails', why: failed.gave as string, file: failed.file }
  for (const { title } of mine) {
    const note = notesOf(title).find(({ ids }) => ids.some((carried) => about(id, carried, title)))
    if (note) return { state: 'differs', why: note.why }
  }
  return { state: 'holds' }
}
