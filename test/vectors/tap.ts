import type { Provider } from '../../src/crypto/provider.ts'
import { isPromise, type Maybe } from '../../src/task.ts'

/** A provider that remembers what passed through it: secrets that a stage of the key schedule does not show. */
export interface Tap {
  readonly provider: Provider
  /** What HKDF-Extract gave, in order: the secrets of the early, handshake and master stages. */
  readonly extracted: Uint8Array[]
  /** What HKDF-Expand-Label gave, label by label in order. */
  readonly expanded: Map<string, Uint8Array[]>
}

export const tapped = (provider: Provider): Tap => {
  const extracted: Uint8Array[] = []
  const expanded = new Map<string, Uint8Array[]>()
  const keep = <T extends Uint8Array>(list: Uint8Array[], answer: Maybe<T>): Maybe<T> => {
    if (isPromise(answer)) return answer.then((value) => (list.push(value.slice()), value))
    list.push(answer.slice())
    return answer
  }
  return {
    extracted,
    expanded,
    provider: {
      ...provider,
      extract: (name, salt, ikm) => keep(extracted, provider.extract(name, salt, ikm)),
      expandLabel(name, secret, label, context, length) {
        const list = expanded.get(label) ?? []
        expanded.set(label, list)
        return keep(list, provider.expandLabel(name, secret, label, context, length))
      },
    },
  }
}
