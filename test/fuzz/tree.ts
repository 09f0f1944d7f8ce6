import { concat } from '../../src/bytes/compare.ts'
import { der, tags } from '../../src/x509/der.ts'
import type { Random } from './random.ts'

/** An element of DER that can be changed. */
export interface Node {
  tag: number
  content: Uint8Array
  /** What is inside, where that is elements; then `content` does not count. */
  parts: Node[] | undefined
  /** Stands before the parts: the count of unused bits of a bit string. */
  before: Uint8Array
  /** Instead of the right encoding. */
  spelling?: 'long' | 'open'
}

/** The one element that these bytes are, and everything inside; undefined when they are something else. */
export const readTree = (bytes: Uint8Array): Node | undefined => {
  const list = readList(bytes, 0)
  return list?.length === 1 ? list[0] : undefined
}

const readList = (bytes: Uint8Array, depth: number): Node[] | undefined => {
  const nodes: Node[] = []
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at++] as number
    let length = bytes[at++]
    if (length === undefined || (tag & 31) === 31 || depth > 20) return undefined
    if (length >= 0x80) {
      const count = length & 0x7f
      if (count < 1 || count > 3 || at + count > bytes.length) return undefined
      length = 0
      for (let i = 0; i < count; i++) length = length * 256 + (bytes[at++] as number)
    }
    if (at + length > bytes.length) return undefined
    nodes.push(nodeOf(tag, bytes.subarray(at, at + length), depth))
    at += length
  }
  return nodes
}

const nodeOf = (tag: number, content: Uint8Array, depth: number): Node => {
  const skip = tag === tags.bitString ? 1 : 0
  const before = content.subarray(0, skip)
  // octet and bit strings often hold DER themselves
  const nested = (tag & 0x20) !== 0 || tag === tags.octetString || (skip === 1 && content[0] === 0)
  const parts = nested && content.length > skip ? readList(content.subarray(skip), depth + 1) : undefined
  return parts ? { tag, content, parts, before } : { tag, content, parts: undefined, before: content.subarray(0, 0) }
}

export const writeTree = (node: Node): Uint8Array => {
  const content = node.parts ? concat(node.before, ...node.parts.map(writeTree)) : node.content
  if (node.spelling === 'long' && content.length < 0x80)
    return concat(Uint8Array.of(node.tag, 0x81, content.length), content)
  if (node.spelling === 'open') return concat(Uint8Array.of(node.tag, 0x80), content, Uint8Array.of(0, 0))
  return der(node.tag, content)
}

/** Every element, with the list that it stands in. */
const everywhere = (list: Node[], found: { list: Node[]; at: number }[] = []): { list: Node[]; at: number }[] => {
  list.forEach((node, at) => {
    found.push({ list, at })
    if (node.parts) everywhere(node.parts, found)
  })
  return found
}

const leafNode = (tag: number, content: Uint8Array): Node => ({
  tag,
  content,
  parts: undefined,
  before: new Uint8Array(0),
})

type Mutation = (list: Node[], at: number, random: Random, foreign: readonly Node[]) => void

const onContent =
  (change: (content: Uint8Array, random: Random) => Uint8Array): Mutation =>
  (list, at, random) => {
    const node = list[at] as Node
    const content = node.parts ? writeTree(node).subarray(2) : node.content
    list[at] = leafNode(node.tag, change(content, random))
  }

const mutations: readonly Mutation[] = [
  onContent((content, random) => {
    const changed = content.slice()
    if (changed.length > 0) {
      const at = random.below(changed.length)
      changed[at] = (changed[at] as number) ^ (1 << random.below(8))
    }
    return changed
  }),
  onContent((content, random) => {
    const changed = content.slice()
    if (changed.length > 0)
      changed[random.below(changed.length)] = random.pick([0, 1, 0x7f, 0x80, 0xff, 0x2a, 0x2e, 0x20])
    return changed
  }),
  onContent((content, random) => content.subarray(0, random.below(content.length + 1))),
  onContent((content, random) => concat(content, random.bytes(1 + random.below(4)))),
  onContent((content) => concat(Uint8Array.of(0), content)),
  (list, at) => void list.splice(at, 1),
  (list, at) => void list.splice(at, 0, structuredClone(list[at] as Node)),
  (list, at, random) => {
    const other = random.below(list.length)
    const [a, b] = [list[at] as Node, list[other] as Node]
    list[at] = b
    list[other] = a
  },
  (list, at, random) => {
    const node = list[at] as Node
    node.tag = random.pick([...Object.values(tags), 0x80, 0x81, 0x82, 0x86, 0x87, 0xa0, 0xa1, 0xa3, node.tag ^ 0x20])
  },
  (list, at, random, foreign) => void list.splice(at, random.below(2), structuredClone(random.pick(foreign))),
  (list, at, random) => {
    const node = list[at] as Node
    node.spelling = random.pick(['long', 'open'])
  },
  (list, at, random) =>
    void list.splice(
      at,
      0,
      random.pick([
        leafNode(tags.null, new Uint8Array(0)),
        leafNode(tags.boolean, Uint8Array.of(random.pick([0, 1, 0xff]))),
      ]),
    ),
]

/** Changes a few things somewhere inside; `foreign` are elements that may be put in. */
export const mutate = (tree: Node, random: Random, foreign: readonly Node[]): void => {
  for (let count = 1 + (random.once(3) ? random.below(3) : 0); count > 0; count--) {
    const places = everywhere(tree.parts ?? [])
    if (places.length === 0) return
    const { list, at } = random.pick(places)
    random.pick(mutations)(list, at, random, foreign)
  }
}

/** All elements with others inside, which may be put somewhere else. */
export const elementsOf = (tree: Node): Node[] =>
  everywhere([tree])
    .map(({ list, at }) => list[at] as Node)
    .filter(({ parts }) => parts !== undefined)
