import { Reader } from '../bytes/reader.ts'
import type { Writer } from '../bytes/writer.ts'
import { illegal, TlsError } from '../errors.ts'
import { type Codec, u16 } from '../wire/codec.ts'
import type { Extension, Negotiation, Place } from './extension.ts'
import { type ExtensionName, type Extensions, registry, type Unknown } from './registry.ts'

type Row = { readonly name: ExtensionName; readonly extension: Extension }
const rows: readonly Row[] = Object.entries(registry).map(([name, extension]) => ({
  name: name as ExtensionName,
  extension: extension as unknown as Extension,
}))
/** Those of a ClientHello, and those that servers answer. */
const offering = rows.filter(({ extension }) => extension.in.clientHello)
const answering = rows.filter(({ extension }) => extension.answer)
const byType = new Map(rows.map((row) => [row.extension.type, row]))
const codecAt = (row: Row, place: Place): Codec<unknown> | undefined => row.extension.in[place]

const REQUIRED: ReadonlySet<Place> = new Set([
  'encryptedExtensions',
  'certificate',
  'certificateRequest',
  'newSessionTicket',
])
/** TLS 1.3 says what may stand where; 1.2 has no such rule for what a client offers. */
const LAST: ReadonlySet<Place> = new Set(['clientHello'])

/**
 * The extension block of a message: duplicates, wrong places and leftovers are refused here and nowhere else.
 * Hellos may lack it altogether. What
 * is not known is kept: whether it may be there is judged by who knows what was asked for.
 */
export const extensions = <P extends Place>(place: P): Codec<Extensions<P>> => ({
  name: `Extension<${place}>`,
  read(r) {
    if (r.left === 0 && !REQUIRED.has(place)) return {} as Extensions<P>
    const inner = r.within(r.number(2, 'length of extensions'), 'extensions')
    const value: Record<string, unknown> = {}
    const unknown: Unknown[] = []
    let strange: Set<number> | undefined
    for (let at = 0; inner.left > 0; at++) {
      const type = inner.number(2, 'extension type')
      const body = inner.within(inner.number(2, 'length of extension'), 'extension')
      const row = byType.get(type)
      const codec = row && codecAt(row, place)
      if (row ? value[row.name] !== undefined : strange?.has(type))
        throw illegal('BAD_EXTENSION', `extension ${type} stands twice in ${place}`)
      if (!codec || !row) {
        if (row) throw illegal('BAD_EXTENSION', `${row.name} does not belong in ${place}`)
        strange ??= new Set()
        strange.add(type)
        unknown.push({ type, data: body.take(body.left, 'extension'), at })
        continue
      }
      value[row.name] = codec.read(body)
      body.done(row.name)
      // RFC 9846 4.2.11: the binders cover everything before them, so pre_shared_key must be last
      if (row.name === 'preSharedKey' && LAST.has(place) && inner.left > 0)
        throw illegal('BAD_EXTENSION', 'pre_shared_key is not the last extension')
    }
    if (unknown.length > 0) value.unknown = unknown
    return value as Extensions<P>
  },
  write(w, value) {
    const start = w.begin(2)
    const unknown = (value as { readonly unknown?: readonly Unknown[] }).unknown
    if (unknown) for (const { type, codec, content } of inOrder(place, value)) put(w, type, codec, content)
    else
      for (const name in value) {
        const { type, in: places } = registry[name as ExtensionName] as unknown as Extension
        put(w, type, places[place] as Codec<unknown>, value[name as keyof typeof value])
      }
    w.end(2, start)
  },
  parts(r, visit) {
    if (r.left === 0) return
    const inner: Reader = r.within(r.number(2, 'length of extensions'), 'extensions')
    while (inner.left > 0) {
      const row = byType.get(((inner.bytes[inner.at] as number) << 8) | (inner.bytes[inner.at + 1] ?? 0))
      visit(row?.name ?? 'unknown', extensionEntry((row && codecAt(row, place)) ?? RAW), inner)
    }
  },
})

const put = (w: Writer, type: number, codec: Codec<unknown>, content: unknown): void => {
  w.number(2, type)
  const start = w.begin(2)
  codec.write(w, content)
  w.end(2, start)
}

/** One extension of a block, for `annotate`: its type, its length and what is in it. */
const extensionEntry = (codec: Codec<unknown>): Codec<unknown> => ({
  ...codec,
  parts(r, visit) {
    visit('extensionType', u16, r)
    const length = new Reader(r.bytes, r.at, r.end).number(2, 'length of extension')
    visit('extensionData.length', u16, r)
    const body = r.within(length, 'extension')
    visit('', codec, body)
    body.done('extension')
  },
})

interface Written {
  readonly type: number
  readonly codec: Codec<unknown>
  readonly content: unknown
}

/** The extensions as they are to be written: in the order of the fields, those that came unknown at their old places. */
const inOrder = (place: Place, value: object): readonly Written[] => {
  const written: Written[] = []
  const placed: (Unknown & { readonly at: number })[] = []
  for (const [name, content] of Object.entries(value)) {
    if (name !== 'unknown') {
      const { type, in: places } = registry[name as ExtensionName] as unknown as Extension
      written.push({ type, codec: places[place] as Codec<unknown>, content })
      continue
    }
    for (const { type, data, at } of content as readonly Unknown[]) {
      if (at === undefined) written.push({ type, codec: RAW, content: data })
      else placed.push({ type, data, at })
    }
  }
  for (const { type, data, at } of placed) written.splice(at, 0, { type, codec: RAW, content: data })
  return written
}

const RAW: Codec<Uint8Array> = {
  name: 'opaque',
  read: (r) => r.take(r.left, 'opaque'),
  write: (w, value) => w.raw(value),
}

/** What the client offers by the extensions that stand alone, joined with what the handshake offers by name. */
export const offers = (n: Negotiation, named: Extensions<'clientHello'>): Extensions<'clientHello'> => {
  const value: Record<string, unknown> = {}
  for (const { name, extension } of offering) {
    const content = (named as Record<string, unknown>)[name] ?? extension.offer?.(n)
    if (content !== undefined) value[name] = content
  }
  return value as Extensions<'clientHello'>
}

/** What the server answers in that place to what was offered. */
export const answers = <P extends 'encryptedExtensions' | 'serverHello12'>(
  n: Negotiation,
  offered: Extensions<'clientHello'>,
  place: P,
): Extensions<P> => {
  const value: Record<string, unknown> = {}
  for (const { name, extension } of answering) {
    const asked = (offered as Record<string, unknown>)[name]
    if (asked === undefined || !extension.answer) continue
    const content = extension.answer(n, asked as never)
    if (content !== undefined && extension.in[place]) value[name] = content
  }
  return value as Extensions<P>
}

/** Refuses answers that nobody asked for. `beside`: what may come although no extension asks for it. */
export const solicited = (offered: object, answered: object, place: Place, beside?: ExtensionName): void => {
  for (const name of Object.keys(answered)) {
    if (!(name in offered) && name !== beside)
      throw new TlsError('unsupported_extension', 'UNSOLICITED_EXTENSION', `${name} in ${place} was not asked for`)
  }
}

/** What the server's answers mean for the client. */
export const confirm = <P extends 'encryptedExtensions' | 'serverHello12'>(
  n: Negotiation,
  offered: Extensions<'clientHello'>,
  answered: Extensions<P>,
  place: P,
  beside?: ExtensionName,
): void => {
  solicited(offered, answered, place, beside)
  for (const { name, extension } of rows) {
    const content = (answered as Record<string, unknown>)[name]
    if (content !== undefined) extension.confirm?.(n, content as never)
  }
}
