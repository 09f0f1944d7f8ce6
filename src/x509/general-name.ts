import { hex } from '../bytes/text.ts'
import { constructed, type DerReader, primitive, tags } from './der.ts'
import { type Name, readName } from './name.ts'

/** GeneralName (RFC 5280 section 4.2.1.6). Text is ASCII as it stands, not yet judged. */
export type GeneralName =
  | { readonly type: 'dns' | 'email' | 'uri'; readonly value: string }
  /** 4 or 16 bytes; in name constraints twice that: address and mask. */
  | { readonly type: 'ip'; readonly value: Uint8Array }
  | { readonly type: 'directory'; readonly value: Name }
  | { readonly type: 'id'; readonly value: string }
  /** `oid` says what kind; `value` is the DER within. */
  | { readonly type: 'other'; readonly oid: string; readonly value: Uint8Array }
  | { readonly type: 'x400' | 'ediParty'; readonly value: Uint8Array }

export type GeneralNameType = GeneralName['type']

/** Reads one GeneralName; `ipWidth` is what an address counts for: 1, or 2 with its mask. */
export const readGeneralName = (from: DerReader, ipWidth: 1 | 2 = 1): GeneralName => {
  switch (from.tag) {
    case constructed(0): {
      const inside = from.open(constructed(0))
      const oid = inside.oid()
      const value = inside.open(constructed(0))
      const raw = value.raw()
      value.close()
      inside.close()
      return { type: 'other', oid, value: raw }
    }
    case primitive(1):
      return { type: 'email', value: from.ascii(primitive(1)) }
    case primitive(2):
      return { type: 'dns', value: from.ascii(primitive(2)) }
    case constructed(3):
      return { type: 'x400', value: from.value(constructed(3)) }
    case constructed(4): {
      const inside = from.open(constructed(4))
      const value = readName(inside, 'a directory name')
      inside.close()
      return { type: 'directory', value }
    }
    case constructed(5):
      return { type: 'ediParty', value: from.value(constructed(5)) }
    case primitive(6):
      return { type: 'uri', value: from.ascii(primitive(6)) }
    case primitive(7): {
      const value = from.value(primitive(7))
      if (value.length !== 4 * ipWidth && value.length !== 16 * ipWidth)
        from.fail(`has an IP address of ${value.length} bytes`)
      return { type: 'ip', value }
    }
    case primitive(8):
      return { type: 'id', value: from.oid(primitive(8)) }
    default:
      return from.fail('has a name of a kind that does not exist')
  }
}

/** Reads GeneralNames: at least one, under `tag`. */
export const readGeneralNames = (from: DerReader, tag: number = tags.sequence): readonly GeneralName[] => {
  const inside = from.open(tag)
  const names: GeneralName[] = []
  do names.push(readGeneralName(inside))
  while (inside.more)
  return names
}

/** For people: `DNS:example.com`, `IP:192.0.2.1`. */
export const generalNameText = (name: GeneralName): string => {
  switch (name.type) {
    case 'dns':
      return `DNS:${name.value}`
    case 'email':
      return `email:${name.value}`
    case 'uri':
      return `URI:${name.value}`
    case 'ip':
      return `IP:${ipText(name.value)}`
    case 'directory':
      return `DirName:${name.value}`
    case 'id':
      return `Registered ID:${name.value}`
    case 'other':
      return `othername:${name.oid}`
    case 'x400':
      return 'X400Name'
    case 'ediParty':
      return 'EdiPartyName'
  }
}

/** An address of 4 or 16 bytes as text, or address/mask of 8 or 32. */
export const ipText = (bytes: Uint8Array): string => {
  if (bytes.length === 8 || bytes.length === 32) {
    const half = bytes.length / 2
    return `${ipText(bytes.subarray(0, half))}/${ipText(bytes.subarray(half))}`
  }
  if (bytes.length === 4) return bytes.join('.')
  const groups: string[] = []
  for (let i = 0; i < bytes.length; i += 2) groups.push(hex(bytes.subarray(i, i + 2)).replace(/^0{1,3}/, ''))
  // the longest run of zero groups becomes "::" (RFC 5952 section 4.2)
  const runs = [...groups.join(':').matchAll(/(?:^|(?<=:))0(?::0)+(?=:|$)/g)]
  const longest = runs.reduce<RegExpMatchArray | undefined>(
    (best, run) => (best && best[0].length >= run[0].length ? best : run),
    undefined,
  )
  const text = groups.join(':')
  if (!longest) return text
  const before = text.slice(0, longest.index).replace(/:$/, '')
  const after = text.slice((longest.index ?? 0) + longest[0].length).replace(/^:/, '')
  return `${before}::${after}`
}
