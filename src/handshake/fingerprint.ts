import { Reader } from '../bytes/reader.ts'
import type { HelloFacts } from '../config.ts'

/** What a ClientHello looks like, apart from what is random in it: the texts that JA3 and JA4 are hashes of. */

/** Values that mean nothing and are there to be ignored (RFC 8701). */
export const isGrease = (value: number): boolean => (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff)

const meant = (values: readonly number[]): readonly number[] => values.filter((value) => !isGrease(value))

/** The numbers of an extension that holds a list of them, `width` bytes each, behind a length of `prefix` bytes. */
const numbers = (hello: HelloFacts, type: number, prefix: number, width: number): readonly number[] => {
  const found = hello.extensions.find((extension) => extension.type === type)
  if (!found) return []
  const r = new Reader(found.data)
  const list: number[] = []
  if (r.left < prefix) return list
  r.number(prefix, 'length')
  while (r.left >= width) list.push(r.number(width, 'item'))
  return list
}

const SERVER_NAME = 0
const GROUPS = 10
const FORMATS = 11
const SCHEMES = 13
const ALPN = 16
const VERSIONS = 43

/** What the client offers by extension, GREASE kept; empty where it says nothing. */
export const offeredGroups = (hello: HelloFacts): readonly number[] => numbers(hello, GROUPS, 2, 2)
export const offeredSchemes = (hello: HelloFacts): readonly number[] => numbers(hello, SCHEMES, 2, 2)
export const offeredVersions = (hello: HelloFacts): readonly number[] => numbers(hello, VERSIONS, 1, 2)

/** The text of JA3, which is its MD5: version, suites, extensions, groups and point formats in decimal. */
export const ja3Text = (hello: HelloFacts): string =>
  [
    [hello.legacyVersion],
    meant(hello.suites),
    meant(hello.extensions.map(({ type }) => type)),
    meant(offeredGroups(hello)),
    numbers(hello, FORMATS, 1, 1),
  ]
    .map((list) => list.join('-'))
    .join(',')

/** JA4 in parts: the readable one, and the texts whose SHA-256 gives 12 hexadecimal digits each (all zeros for an empty one). */
export const ja4Texts = (hello: HelloFacts): readonly [start: string, suites: string, extensions: string] => {
  const version = Math.max(0, ...meant(offeredVersions(hello))) || hello.legacyVersion
  const types = meant(hello.extensions.map(({ type }) => type))
  const suites = meant(hello.suites)
  const start = [
    't',
    ja4Versions[version] ?? '00',
    types.includes(SERVER_NAME) ? 'd' : 'i',
    twoDigits(suites.length),
    twoDigits(types.length),
    protocolEnds(hello.alpn?.[0]),
  ].join('')
  const rest = sortedHex(types.filter((type) => type !== SERVER_NAME && type !== ALPN))
  const schemes = meant(offeredSchemes(hello)).map(hex4).join(',')
  return [start, sortedHex(suites), types.length === 0 ? '' : schemes === '' ? rest : `${rest}_${schemes}`]
}

const ja4Versions: Readonly<Record<number, string>> = {
  772: '13',
  771: '12',
  770: '11',
  769: '10',
  768: 's3',
}

const hex4 = (value: number): string => value.toString(16).padStart(4, '0')
const sortedHex = (values: readonly number[]): string => values.map(hex4).sort().join(',')
const twoDigits = (count: number): string => String(Math.min(count, 99)).padStart(2, '0')

/** First and last character of the first protocol; of its hexadecimal form, where those are no letters or digits. */
const protocolEnds = (protocol: string | undefined): string => {
  if (!protocol) return '00'
  const ends = (text: string): string => `${text[0]}${text[text.length - 1]}`
  if (/^[a-z\d]$|^[a-z\d].*[a-z\d]$/is.test(protocol)) return ends(protocol)
  return ends([...protocol].map((c) => c.charCodeAt(0).toString(16).padStart(2, '0')).join(''))
}
