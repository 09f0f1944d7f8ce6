import { createPublicKey, KeyObject } from 'node:crypto'
import { equal } from '../bytes/compare.ts'
import type { Identity } from '../config.ts'
import { writeEcdsa } from '../crypto/keys-der.ts'
import { node } from '../crypto/node/index.ts'
import type { Algorithm, HashName, PrivateKey } from '../crypto/provider.ts'
import { Misuse } from '../errors.ts'
import { type Maybe, runSync, wait } from '../task.ts'
import type { Certificate } from '../x509/certificate.ts'
import { loadPrivateKey } from '../x509/keys.ts'
import { loadCertificates } from '../x509/load.ts'
import { readPfx } from '../x509/pfx.ts'
import { misuse } from './codes.ts'

/** Certificates and keys in every form in which a program may have them. */

export type Pem = string | Uint8Array

/**
 * Signs where the key is: in a vault, a card, another process. `data` is what is to be signed, not yet hashed; ECDSA
 * signatures are the DER SEQUENCE of r and s. The answer may come late.
 */
export type Signer = (algorithm: Algorithm, data: Uint8Array) => Maybe<Uint8Array>

/** WebCrypto's key, which need not be extractable. */
type WebKey = Parameters<typeof crypto.subtle.sign>[1]

/** A private key: PEM or DER, perhaps with its own passphrase, node:crypto's, WebCrypto's, ours, or somebody who signs. */
export type KeyInput =
  | Pem
  | { readonly pem: Pem; readonly passphrase?: string }
  | KeyObject
  | WebKey
  | PrivateKey
  | Signer

export interface IdentityOptions {
  /** Our certificate chain, leaf first (PEM or DER); several chains, when there are several keys. */
  readonly cert?: Pem | readonly Pem[] | undefined
  readonly key?: KeyInput | readonly KeyInput[] | undefined
  /** Opens `key` and `pfx`. */
  readonly passphrase?: string | undefined
  /** Chain, key and further CAs in a PKCS#12 file. */
  readonly pfx?: PfxInput | readonly PfxInput[] | undefined
}
type PfxInput = Pem | { readonly buf: Pem; readonly passphrase?: string }

export const listOf = <T>(given: T | readonly T[] | null | undefined): readonly T[] =>
  given === undefined || given === null ? [] : Array.isArray(given) ? given : [given as T]

/** Every certificate of these PEMs or DERs. */
export const certificatesOf = (given: Pem | readonly Pem[] | undefined): readonly Certificate[] =>
  listOf(given).flatMap((pem) => loadCertificates(pem))

/** Chains with their keys. `more`: certificates of a PKCS#12 file that are in no chain. Throws `Misuse`, or as the loaders do. */
export const identitiesOf = (
  options: IdentityOptions,
): { identities: readonly Identity[]; more: readonly Certificate[] } => {
  const { cert, key, passphrase } = options
  const chains = listOf(cert).map((pem) => loadCertificates(pem))
  const keys = listOf(key)
  if (chains.length === 0 && keys.length > 0) throw new Misuse('a key needs its certificate; give `cert` beside `key`')
  if (keys.length === 0 && chains.length > 0) throw new Misuse('a certificate needs its key; give `key` beside `cert`')
  const near = keys.map((one) => (isSigner(one) ? undefined : privateKey(one, passphrase)))
  const identities = chains.map((chain, at): Identity => {
    const leaf = chain[0] as Certificate
    const mine = near.find((candidate) => candidate && equal(candidate.spki, leaf.spki))
    const far = keys[at] ?? keys[0]
    if (mine) return { chain: chain.map(({ raw }) => raw), key: mine }
    if (isSigner(far)) return { chain: chain.map(({ raw }) => raw), key: farKey(leaf, far) }
    throw misuse(
      'ERR_OSSL_X509_KEY_VALUES_MISMATCH',
      `none of the keys belongs to the certificate of ${leaf.subject}; give the key that it was made for`,
    )
  })
  const more: Certificate[] = []
  for (const one of listOf(options.pfx)) {
    const own = typeof one === 'object' && 'buf' in one ? one : { buf: one as Pem }
    const file = runSync(wait(readPfx(bytesOf(own.buf), node, own.passphrase ?? passphrase)))
    const holder = file.keys.find(({ certificate }) => certificate)
    const leaf = holder?.certificate
    if (!holder || !leaf) throw new Misuse('this PKCS#12 file holds no certificate with its key')
    const rest = file.certificates.filter((certificate) => certificate !== leaf)
    identities.push({
      chain: [leaf, ...rest.filter((certificate) => !certificate.selfSigned)].map(({ raw }) => raw),
      key: runSync(wait(node.privateKey(holder.pkcs8))),
    })
    more.push(...rest)
  }
  return { identities, more }
}

const isSigner = (key: KeyInput | undefined): key is Signer => typeof key === 'function'

const bytesOf = (pem: Pem): Uint8Array => (typeof pem === 'string' ? Uint8Array.from(pem, (c) => c.charCodeAt(0)) : pem)

const privateKey = (key: Exclude<KeyInput, Signer>, passphrase: string | undefined): PrivateKey => {
  if (typeof key === 'string' || key instanceof Uint8Array) return runSync(wait(loadPrivateKey(key, node, passphrase)))
  if ('pem' in key) return privateKey(key.pem, key.passphrase ?? passphrase)
  if ('sign' in key) return key
  if (key instanceof KeyObject) {
    if (key.type !== 'private') throw new Misuse(`\`key\` must be a private key; this one is ${key.type}`)
    return runSync(wait(node.privateKey(key.export({ format: 'der', type: 'pkcs8' }))))
  }
  if ('usages' in key) return webKey(key)
  throw new Misuse('`key` is no private key in any known form; give PEM, DER, a KeyObject, a CryptoKey or a function')
}

/** A key that only its owner sees: what it is shows in the certificate. */
const farKey = (leaf: Certificate, sign: Signer): PrivateKey => {
  const { facts } = runSync(wait(node.publicKey(leaf.spki)))
  return { facts, spki: leaf.spki, sign: (algorithm, message) => sign(algorithm, message) }
}

const webHash = (name: HashName): string => (name === 'sha1' ? 'SHA-1' : `SHA-${name.slice(3)}`)

/** WebCrypto binds RSA keys to one padding and one hash. */
const webKey = (key: WebKey): PrivateKey => {
  if (key.type !== 'private' || !key.usages.includes('sign'))
    throw new Misuse('`key` must be a private CryptoKey with the usage "sign"')
  const { name } = key.algorithm
  const { hash } = key.algorithm as { readonly hash?: { readonly name: string } }
  const spki = publicHalf(key)
  const { facts } = runSync(wait(node.publicKey(spki)))
  const kinds = {
    ECDSA: 'ecdsa',
    'RSA-PSS': 'rsa_pss',
    'RSASSA-PKCS1-v1_5': 'rsa_pkcs1',
    Ed25519: 'eddsa',
    Ed448: 'eddsa',
  }
  const kind = Object.hasOwn(kinds, name) ? kinds[name as keyof typeof kinds] : undefined
  if (!kind) throw new Misuse(`a CryptoKey for ${name} does not sign in TLS; take ECDSA, RSA or Ed25519`)
  return {
    facts,
    spki,
    signs: (algorithm) =>
      algorithm.kind === kind &&
      (hash === undefined || !('hash' in algorithm) || webHash(algorithm.hash) === hash.name),
    async sign(algorithm, message) {
      const how =
        algorithm.kind === 'ecdsa'
          ? { name, hash: webHash(algorithm.hash) }
          : algorithm.kind === 'rsa_pss'
            ? { name, saltLength: algorithm.saltLength }
            : { name }
      const signature = new Uint8Array(await crypto.subtle.sign(how, key, message as Uint8Array<ArrayBuffer>))
      return kind === 'ecdsa' ? writeEcdsa(signature) : signature
    },
  }
}

/** Every runtime with `node:crypto` knows it, whether or not the private half may be seen. */
const publicHalf = (key: WebKey): Uint8Array => {
  const der = createPublicKey(KeyObject.from(key as never)).export({ format: 'der', type: 'spki' })
  return new Uint8Array(der.buffer, der.byteOffset, der.length)
}
