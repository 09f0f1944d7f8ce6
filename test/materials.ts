import { createHash } from 'node:crypto'
import type { Identity } from '../src/config.ts'
import { node } from '../src/crypto/node/index.ts'
import type { KeyKind, PrivateKey } from '../src/crypto/provider.ts'
import type { Certificate } from '../src/x509/certificate.ts'
import { makeCertificate } from '../src/x509/make.ts'

/** The time at which everything in tests happens: 2026-11-23 12:00 UTC, in ms. */
export const NOW = Date.UTC(2026, 10, 23, 12)
const DAY = 86_400_000

export const keyKinds = [
  'P-256',
  'P-384',
  'P-521',
  'ed25519',
  'ed448',
  'rsa-2048',
  'rsa-pss-2048',
] as const satisfies readonly KeyKind[]
export type MadeKind = (typeof keyKinds)[number]

export interface Materials {
  readonly root: Certificate
  /** Server and client certificates for `localhost`, by kind of key. */
  readonly identities: Readonly<Record<MadeKind, Identity>>
}

const make = async (): Promise<Materials> => {
  const rootKey = await node.generate('P-256')
  const root = await makeCertificate(
    { subject: { CN: 'typetls test root' }, key: rootKey, signer: rootKey, notBefore: NOW - DAY, days: 30, ca: true },
    node,
  )
  const identity = async (kind: KeyKind): Promise<Identity> => {
    const key: PrivateKey = await node.generate(kind)
    const certificate = await makeCertificate(
      {
        subject: { CN: kind },
        key,
        issuer: root,
        signer: rootKey,
        notBefore: NOW - DAY,
        days: 20,
        san: ['localhost', '127.0.0.1'],
      },
      node,
    )
    return { chain: [certificate.raw], key }
  }
  const entries = await Promise.all(keyKinds.map(async (kind) => [kind, await identity(kind)] as const))
  return { root, identities: Object.fromEntries(entries) as Record<MadeKind, Identity> }
}

let made: Promise<Materials> | undefined
/** Made once a process. */
export const materials = (): Promise<Materials> => {
  made ??= make()
  return made
}

/** Bytes that look random and are the same in every run. */
export const seeded = (seed: string): ((length: number) => Uint8Array) => {
  let count = 0
  return (length) => {
    const out = new Uint8Array(length)
    for (let at = 0; at < length; at += 32) {
      out.set(
        createHash('sha256')
          .update(`${seed} ${count++}`)
          .digest()
          .subarray(0, Math.min(32, length - at)),
        at,
      )
    }
    return out
  }
}
