import { equal, NONE } from '../bytes/compare.ts'
import type { ExternalPsk } from '../config.ts'
import { digest } from '../crypto/digest.ts'
import { type HashName, hashLength, type Provider } from '../crypto/provider.ts'
import { Misuse } from '../errors.ts'
import { type Maybe, run, type Task, wait } from '../task.ts'
import { decode, encode, opaque, struct, u16 } from '../wire/codec.ts'

// Keys agreed elsewhere, imported (RFC 9258): of one key and one name each hash gets its own, so that none is used in two
// ways, and a context (two device names, say) keeps a key from being turned against those who share it.

/** RFC 9258 section 5.1. */
const ImportedIdentity = struct('ImportedIdentity', {
  externalIdentity: opaque(1, 2 ** 16 - 1),
  context: opaque(0, 2 ** 16 - 1),
  targetProtocol: u16,
  targetKdf: u16,
})

const TLS13 = 0x0304
type TargetHash = 'sha256' | 'sha384'
/** The registry "TLS KDF Identifiers". */
const KDFS: Readonly<Record<TargetHash, number>> = { sha256: 1, sha384: 2 }

/** A key as it was agreed on. */
export interface ExternalKey {
  /** At least 1 byte. */
  readonly identity: Uint8Array
  readonly secret: Uint8Array
  /** What both know of each other and of their use of the key; empty where nothing was agreed. */
  readonly context?: Uint8Array
  /** The hash that goes with the key; SHA-256 where none was agreed. */
  readonly hash?: HashName
}

/** The key that stands for this one under that hash: what TLS 1.3 is made with (RFC 9258 section 5.1). */
export const importPsk = (provider: Provider, external: ExternalKey, target: TargetHash): Maybe<ExternalPsk> =>
  run(imported(provider, external, target))

function* imported(provider: Provider, external: ExternalKey, target: TargetHash): Task<ExternalPsk> {
  const { identity, secret, context = NONE, hash = 'sha256' } = external
  if (identity.length === 0) throw new Misuse('a key to import needs an identity of at least one byte')
  const name = encode(ImportedIdentity, {
    externalIdentity: identity,
    context,
    targetProtocol: TLS13,
    targetKdf: KDFS[target],
  })
  if (name.length > 2 ** 16 - 1) throw new Misuse(`an imported identity has 65535 bytes at most, not ${name.length}`)
  const extracted = yield* wait(provider.extract(hash, new Uint8Array(hashLength[hash]), secret))
  const named = yield* wait(digest(provider, hash, name))
  const derived = yield* wait(provider.expandLabel(hash, extracted, 'derived psk', named, hashLength[target]))
  return { identity: name, secret: derived.slice(), hash: target, imported: true }
}

/** Hooks for a config: a client offers the first of these keys under every hash, a server knows all of them. */
export const importedKeys = (
  provider: Provider,
  keys: readonly ExternalKey[],
): {
  readonly psk: () => Maybe<readonly ExternalPsk[]>
  readonly findPsk: (identity: Uint8Array) => Maybe<ExternalPsk | undefined>
} => {
  const [first] = keys
  return {
    psk: () =>
      run(
        (function* (): Task<readonly ExternalPsk[]> {
          if (!first) return []
          return [yield* imported(provider, first, 'sha256'), yield* imported(provider, first, 'sha384')]
        })(),
      ),
    findPsk(identity) {
      const name = read(identity)
      if (name?.targetProtocol !== TLS13) return undefined
      const target = (Object.keys(KDFS) as TargetHash[]).find((hash) => KDFS[hash] === name.targetKdf)
      const key = keys.find(
        (candidate) =>
          equal(candidate.identity, name.externalIdentity) && equal(candidate.context ?? NONE, name.context),
      )
      return target && key && importPsk(provider, key, target)
    },
  }
}

/** Undefined for an identity that was not imported. */
const read = (identity: Uint8Array) => {
  try {
    return decode(ImportedIdentity, identity)
  } catch {
    return undefined
  }
}
