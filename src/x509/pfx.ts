import { equal } from '../bytes/compare.ts'
import { hex } from '../bytes/text.ts'
import { hashLength, type Provider } from '../crypto/provider.ts'
import { type Maybe, run, type Task, wait } from '../task.ts'
import { derOfBer } from './ber.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import { constructed, DerError, DerReader, primitive, readDer, tags } from './der.ts'
import { decrypted } from './keys.ts'
import { oidName } from './oids.ts'
import {
  derivationOf,
  derived,
  KeyError,
  MAC,
  noPassword,
  opened,
  type Password,
  readDerivation,
  readPrf,
  readProtection,
  secretOf,
} from './pbes.ts'

/** What a PKCS#12 file holds. */
export interface Pfx {
  /** In the order of the file. */
  readonly keys: readonly PfxKey[]
  /** In the order of the file. */
  readonly certificates: readonly Certificate[]
}

export interface PfxKey {
  /** Unencrypted PKCS#8 (DER). */
  readonly pkcs8: Uint8Array
  /** Its friendlyName. */
  readonly name?: string
  /** The certificate of this file that belongs to it, if one does. */
  readonly certificate?: Certificate
}

const WHAT = 'this PKCS#12 file'

/**
 * Reads a PKCS#12 file (`.p12`, `.pfx`; RFC 7292): BER or DER, integrity by password (HMAC with SHA-1 or SHA-2 under
 * PKCS#12's own derivation, or PBMAC1 of RFC 9579) or by none, contents in the open or encrypted as `readProtection` says.
 * Throws `KeyError` when the password is wrong or something is not supported, `DerError` for what is malformed.
 */
export const readPfx = (bytes: Uint8Array, provider: Provider, password?: Password): Maybe<Pfx> =>
  run(pfxTask(bytes, provider, password))

function* pfxTask(bytes: Uint8Array, provider: Provider, password?: Password): Task<Pfx> {
  const { authSafe, mac } = readDer(derOfBer(bytes, WHAT), tags.sequence, WHAT, (inside) => {
    const version = inside.small()
    if (version !== 3) throw new KeyError(`${WHAT} has version ${version}; only version 3 is in use`)
    return { authSafe: dataOf(inside), mac: inside.openIf(tags.sequence) }
  })
  const secret = mac ? yield* proven(mac, authSafe, provider, password) : undefined
  // asked once, though every part may want it
  const ask = (): Uint8Array => secret ?? secretOf(password, WHAT)
  const found: Found = { keys: [], certificates: [] }
  const safes = new DerReader(derOfBer(authSafe, WHAT), WHAT).open(tags.sequence)
  while (safes.more) yield* readBags(yield* contentsOf(safes, provider, ask), provider, ask, found, 0)
  return yield* matched(found, provider)
}

/** The octets of a ContentInfo of type data (RFC 5652 section 4). */
const dataOf = (from: DerReader): Uint8Array => {
  const info = from.open(tags.sequence)
  const oid = info.oid()
  if (oid !== DATA)
    throw new KeyError(`${WHAT} is signed or sealed with a public key, which is not supported; one with a password is`)
  const octets = info.open(constructed(0)).octets()
  info.close()
  return octets
}

const DATA = '1.2.840.113549.1.7.1'
const ENCRYPTED_DATA = '1.2.840.113549.1.7.6'

/** Checks the MAC (RFC 7292 section 4) and returns the password that made it. */
function* proven(mac: DerReader, content: Uint8Array, provider: Provider, password?: Password): Task<Uint8Array> {
  const digestInfo = mac.open(tags.sequence)
  const algorithm = digestInfo.open(tags.sequence)
  const name = oidName(algorithm.oid())
  const claimed = digestInfo.octets()
  digestInfo.close()
  const salt = mac.octets()
  const iterations = mac.more ? mac.small() : 1
  mac.close()
  const secret = secretOf(password, WHAT)
  if (name === 'pbmac1') {
    const parameters = algorithm.open(tags.sequence)
    const { derivation, keyLength } = readDerivation(parameters.raw(tags.sequence), WHAT)
    const hash = readPrf(parameters.open(tags.sequence), WHAT)
    const key = yield* derived(derivation, secret, keyLength ?? hashLength[hash], MAC, provider, WHAT)
    if (equal(yield* wait(provider.hmac(hash, key).mac(content)), claimed)) return secret
  } else {
    if (name !== 'sha1' && name !== 'sha256' && name !== 'sha384' && name !== 'sha512')
      throw new KeyError(`${WHAT} is protected by a MAC with ${name}, which is not supported; SHA-1 and SHA-2 are`)
    const derivation = derivationOf('pkcs12', name, salt, iterations, WHAT)
    for (const candidate of secret.length === 0 ? [secret, noPassword] : [secret]) {
      const key = yield* derived(derivation, candidate, hashLength[name], MAC, provider, WHAT)
      if (equal(yield* wait(provider.hmac(name, key).mac(content)), claimed)) return candidate
    }
  }
  throw new KeyError(`${WHAT} did not open: the password is wrong, or the file was changed`)
}

/** The SafeContents of one ContentInfo (RFC 7292 section 4.1). */
function* contentsOf(safes: DerReader, provider: Provider, ask: () => Uint8Array): Task<Uint8Array> {
  const raw = safes.raw(tags.sequence)
  const info = new DerReader(raw, WHAT).open(tags.sequence)
  if (info.oid() !== ENCRYPTED_DATA) return dataOf(new DerReader(raw, WHAT))
  const inside = info.open(constructed(0)).open(tags.sequence)
  inside.small()
  const encrypted = inside.open(tags.sequence)
  encrypted.oid()
  const protection = readProtection(encrypted.raw(tags.sequence), WHAT)
  const plain = yield* opened(protection, sealedOf(encrypted), ask(), provider)
  if (!plain) throw new KeyError(`${WHAT} did not open: the password is wrong, or the file was changed`)
  return plain
}

/** `[0] IMPLICIT OCTET STRING`, which BER may cut into pieces. */
const sealedOf = (encrypted: DerReader): Uint8Array => {
  if (encrypted.tag === primitive(0)) return encrypted.value(primitive(0))
  const parts = encrypted.open(constructed(0))
  const bytes: number[] = []
  while (parts.more) bytes.push(...parts.octets())
  return Uint8Array.from(bytes)
}

interface Labels {
  readonly name?: string
  readonly localKeyId?: string
}

interface Found {
  readonly keys: { readonly pkcs8: Uint8Array; readonly labels: Labels }[]
  readonly certificates: { readonly certificate: Certificate; readonly labels: Labels }[]
}

/** A file has at most this many things. */
const MAX_BAGS = 1000
const BAG = '1.2.840.113549.1.12.10.1.'
const X509_CERTIFICATE = '1.2.840.113549.1.9.22.1'

/** SafeBags (RFC 7292 section 4.2). CRLs and secrets are passed over: nobody here has a use for them. */
function* readBags(
  raw: Uint8Array,
  provider: Provider,
  ask: () => Uint8Array,
  found: Found,
  depth: number,
): Task<void> {
  if (depth > 4) throw new KeyError(`${WHAT} holds bags in bags in bags; no honest one goes so deep`)
  const bags = new DerReader(derOfBer(raw, WHAT), WHAT).open(tags.sequence)
  while (bags.more) {
    const bag = bags.open(tags.sequence)
    const kind = bag.oid()
    const value = bag.open(constructed(0))
    const labels = bag.more ? readLabels(bag) : {}
    bag.close()
    if (found.keys.length + found.certificates.length >= MAX_BAGS)
      throw new KeyError(`${WHAT} holds more than ${MAX_BAGS} keys and certificates`)
    switch (kind) {
      case `${BAG}1`:
        found.keys.push({ pkcs8: value.raw(tags.sequence), labels })
        break
      case `${BAG}2`:
        found.keys.push({ pkcs8: yield* decrypted(value.raw(tags.sequence), provider, ask), labels })
        break
      case `${BAG}3`: {
        const inside = value.open(tags.sequence)
        if (inside.oid() !== X509_CERTIFICATE) break
        found.certificates.push({ certificate: parseCertificate(inside.open(constructed(0)).octets()), labels })
        break
      }
      case `${BAG}6`:
        yield* readBags(value.raw(tags.sequence), provider, ask, found, depth + 1)
    }
  }
}

/** friendlyName and localKeyID (RFC 2985 section 5.5). */
const readLabels = (bag: DerReader): Labels => {
  const attributes = bag.open(tags.set)
  const labels: { name?: string; localKeyId?: string } = {}
  while (attributes.more) {
    const attribute = attributes.open(tags.sequence)
    const oid = attribute.oid()
    const values = attribute.open(tags.set)
    if (oid === '1.2.840.113549.1.9.20' && values.tag === tags.bmpString) {
      const bytes = values.value(tags.bmpString)
      const units = Array.from(
        { length: bytes.length >>> 1 },
        (_, at) => ((bytes[2 * at] as number) << 8) | (bytes[2 * at + 1] as number),
      )
      labels.name = String.fromCharCode(...units)
    } else if (oid === '1.2.840.113549.1.9.21' && values.tag === tags.octetString) {
      labels.localKeyId = hex(values.octets())
    }
  }
  return labels
}

/** A key's certificate has the same localKeyID, or else the key's public half. */
function* matched({ keys, certificates }: Found, provider: Provider): Task<Pfx> {
  const out: PfxKey[] = []
  for (const { pkcs8, labels } of keys) {
    const { name, localKeyId } = labels
    const byId = certificates.find((one) => localKeyId !== undefined && one.labels.localKeyId === localKeyId)
    const { spki } = byId ? { spki: undefined } : yield* wait(provider.privateKey(pkcs8))
    const own = byId ?? certificates.find(({ certificate }) => spki && equal(certificate.spki, spki))
    out.push({ pkcs8, ...(name !== undefined && { name }), ...(own && { certificate: own.certificate }) })
  }
  if (out.length + certificates.length === 0) throw new DerError(`${WHAT} holds neither a key nor a certificate`)
  return { keys: out, certificates: certificates.map(({ certificate }) => certificate) }
}
