import { Buffer } from 'node:buffer'
import * as crypto from 'node:crypto'
import { Misuse } from '../../errors.ts'
import { ffdhePrime, parseShare, writeSecret, writeShare } from '../ffdhe.ts'
import { leftPadded } from '../keys-der.ts'
import { BadShare, type CurveName, type Group, type GroupName } from '../provider.ts'
import { Ahead } from './ahead.ts'
import { plain } from './hashes.ts'
import { random } from './random.ts'
import { untraced } from './untraced.ts'

/** Undefined: this runtime cannot do it. */
export const group = (name: GroupName): Group | undefined => {
  let found = made.get(name)
  if (found === undefined) made.set(name, (found = working(name)))
  return found ?? undefined
}
const made = new Map<GroupName, Group | null>()

/** One side of an agreement: its share and what it makes of the peer's. */
interface Side {
  readonly share: Uint8Array
  agree(peer: Uint8Array): Uint8Array
}

const working = (name: GroupName): Group | null => {
  try {
    const side = sides[name]?.()
    if (!side) return null
    // once in full, so that a runtime that has only half of it shows now
    const trial = side()
    trial.agree(trial.share)
    const ahead = usual.has(name) ? new Ahead(() => side()) : undefined
    const fresh = (secret?: Uint8Array): Side => (secret || !ahead ? side(secret) : ahead.take())
    return {
      start(secret) {
        const own = fresh(secret)
        return { share: own.share, finish: own.agree }
      },
      answer(share, secret) {
        const own = fresh(secret)
        return { share: own.share, secret: own.agree(share) }
      },
    }
  } catch {
    return null
  }
}

/** Those whose shares are made ahead of time. */
const usual: ReadonlySet<GroupName> = new Set<GroupName>(['x25519', 'secp256r1'])

/** Made when first asked for: what nobody uses, or the runtime lacks, costs nothing until then. */
const sides: Readonly<Partial<Record<GroupName, () => (secret?: Uint8Array) => Side>>> = {
  x25519: () => montgomery('X25519', 0x6e, 32),
  x448: () => montgomery('X448', 0x6f, 56),
  secp256r1: () => nist('P-256', 'prime256v1', 65),
  secp384r1: () => nist('P-384', 'secp384r1', 97),
  secp521r1: () => nist('P-521', 'secp521r1', 133),
  brainpoolP256r1: () => nist('brainpoolP256r1', 'brainpoolP256r1', 65),
  brainpoolP384r1: () => nist('brainpoolP384r1', 'brainpoolP384r1', 97),
  brainpoolP512r1: () => nist('brainpoolP512r1', 'brainpoolP512r1', 129),
  secp256k1: () => nist('secp256k1', 'secp256k1', 65),
  ffdhe2048: () => finite(2048),
  ffdhe3072: () => finite(3072),
}

/** The groups that this runtime has. */
export const groups = (): readonly GroupName[] =>
  (Object.keys(sides) as GroupName[]).filter((name) => group(name) !== undefined)

const refused = (group: string, why: string, cause?: unknown): BadShare =>
  new BadShare(`the peer's ${group} key share ${why}`, cause === undefined ? undefined : { cause })

/** The RFC 7748 functions; the all-zero secret of a low-order point is refused (RFC 9846 section 7.4.2). */
const montgomery = (name: 'X25519' | 'X448', oid: number, length: number) => {
  const type = name.toLowerCase() as 'x25519'
  const start = fresh(type, name, length)
  return (secret?: Uint8Array): Side => {
    const { key, share } = secret ? given(secret) : start()
    return {
      share,
      agree(peer) {
        if (peer.length !== length) throw refused(name, `has ${peer.length} bytes, not ${length}`)
        let shared: Uint8Array
        try {
          shared = plain(crypto.diffieHellman({ privateKey: key, publicKey: imported(name, peer) }))
        } catch (error) {
          throw refused(name, 'is a point of low order', error)
        }
        if (shared.every((byte) => byte === 0)) throw refused(name, 'is a point of low order')
        return shared
      },
    }
  }

  function given(secret: Uint8Array): Started {
    if (secret.length !== length) throw new Misuse(`a secret for ${name} has ${length} bytes, not ${secret.length}`)
    // PrivateKeyInfo (RFC 8410 section 7), all of its lengths below 128
    const head = [0x30, length + 14, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, oid, 4, length + 2, 4, length]
    const key = crypto.createPrivateKey({ key: Buffer.from([...head, ...secret]), format: 'der', type: 'pkcs8' })
    const spki = crypto.createPublicKey(key).export({ format: 'der', type: 'spki' })
    return { key, share: plain(spki).slice(-length) }
  }
}

interface Started {
  readonly key: crypto.KeyObject
  readonly share: Uint8Array
}

/** Node 24.15 and later, Bun; not in the types yet. */
const RAW = 'raw-public' as 'jwk'
export const hasRaw = ((): boolean => {
  try {
    const share = crypto.generateKeyPairSync('x25519').publicKey.export({ format: RAW }) as unknown as Uint8Array
    return share.length === 32 && imported('X25519', share, true).type === 'public'
  } catch {
    return false
  }
})()

function imported(name: string, point: Uint8Array, raw = hasRaw): crypto.KeyObject {
  if (raw) {
    const key = { key: point, format: RAW, asymmetricKeyType: name.toLowerCase() }
    return untraced(() => crypto.createPublicKey(key as unknown as crypto.JsonWebKeyInput))
  }
  const x = Buffer.from(point).toString('base64url')
  return untraced(() => crypto.createPublicKey({ key: { kty: 'OKP', crv: name, x }, format: 'jwk' }))
}

/**
 * How a key pair comes about soonest on this runtime. Without raw export, a random scalar is imported: to export a pair
 * as JWK that was generated just before can hang Node 20 for ever, and as DER costs three times as much.
 */
const fresh = (type: 'x25519', name: string, length: number): (() => Started) => {
  if (hasRaw) {
    return () => {
      const { publicKey, privateKey } = crypto.generateKeyPairSync(type)
      return { key: privateKey, share: plain(publicKey.export({ format: RAW }) as unknown as Uint8Array) }
    }
  }
  const throughImport = (): Started => {
    const d = Buffer.from(random(length)).toString('base64url')
    // `x` must be there, but the true one is computed
    const key = untraced(() => crypto.createPrivateKey({ key: { kty: 'OKP', crv: name, d, x: d }, format: 'jwk' }))
    const { x } = key.export({ format: 'jwk' })
    if (x === d || x === undefined) throw new Misuse('this runtime does not compute the public half of a JWK')
    return { key, share: new Uint8Array(Buffer.from(x, 'base64url')) }
  }
  try {
    throughImport()
    return throughImport
  } catch {
    return () => {
      const { publicKey, privateKey } = crypto.generateKeyPairSync(type)
      return { key: privateKey, share: plain(publicKey.export({ format: 'der', type: 'spki' })).slice(-length) }
    }
  }
}

/** NIST curves: uncompressed points only (RFC 9846 section 4.2.8.2); the library checks that they are on the curve. */
const nist = (name: CurveName, ecdhName: string, length: number) => {
  const checked = (peer: Uint8Array): Uint8Array => {
    if (peer.length !== length) throw refused(name, `has ${peer.length} bytes, not ${length}`)
    if (peer[0] !== 4) throw refused(name, 'is not an uncompressed point')
    return peer
  }
  const ecdh = (secret?: Uint8Array): Side => {
    const own = crypto.createECDH(ecdhName)
    if (secret) own.setPrivateKey(secret)
    else own.generateKeys()
    return {
      share: plain(own.getPublicKey()),
      agree(peer) {
        try {
          return plain(own.computeSecret(checked(peer)))
        } catch (error) {
          throw error instanceof BadShare ? error : refused(name, 'is not a point of the curve', error)
        }
      },
    }
  }
  // without raw export, keys of one's own class are the sooner way (Node 20 and 22)
  if (!hasRaw || !name.startsWith('P-')) return ecdh
  const raw = { format: RAW, asymmetricKeyType: 'ec', namedCurve: name }
  return (secret?: Uint8Array): Side => {
    if (secret) return ecdh(secret)
    const { publicKey, privateKey } = crypto.generateKeyPairSync('ec', { namedCurve: name })
    return {
      share: plain(publicKey.export({ format: RAW }) as unknown as Uint8Array),
      agree(peer) {
        const key = { ...raw, key: checked(peer) }
        try {
          const point = untraced(() => crypto.createPublicKey(key as unknown as crypto.JsonWebKeyInput))
          return plain(crypto.diffieHellman({ privateKey, publicKey: point }))
        } catch (error) {
          throw refused(name, 'is not a point of the curve', error)
        }
      },
    }
  }
}

/**
 * Finite fields of RFC 7919: shares and secrets are as long as the prime (RFC 9846 sections 4.2.8.1 and 7.4.1). By key
 * objects, since the class for Diffie-Hellman may prove the prime anew for each exchange, which takes up to a second.
 */
const finite = (bits: 2048 | 3072) => {
  const name = `ffdhe${bits}`
  const prime = ffdhePrime(bits)
  const length = bits / 8
  const imported = (der: Uint8Array) => ({ key: Buffer.from(der), format: 'der' }) as const
  const generate = crypto.generateKeyPairSync as unknown as (
    type: string,
    options: object,
  ) => { privateKey: crypto.KeyObject }
  return (secret?: Uint8Array): Side => {
    const privateKey = secret
      ? crypto.createPrivateKey({ ...imported(writeSecret(prime, secret)), type: 'pkcs8' })
      : generate('dh', { prime, generator: 2 }).privateKey
    const spki = crypto.createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
    return {
      share: leftPadded(parseShare(plain(spki)), length, `${name} share`),
      agree(peer) {
        if (peer.length !== length) throw refused(name, `has ${peer.length} bytes, not ${length}`)
        if (!inRange(peer, prime)) throw refused(name, 'is not between 1 and p-1')
        try {
          const publicKey = crypto.createPublicKey({ ...imported(writeShare(prime, peer)), type: 'spki' })
          return leftPadded(crypto.diffieHellman({ privateKey, publicKey }), length, `${name} secret`)
        } catch (error) {
          throw refused(name, 'is not one', error)
        }
      },
    }
  }
}

/** 1 < y < p-1, both as long as each other; p is odd. */
const inRange = (y: Uint8Array, p: Uint8Array): boolean => {
  const last = y.length - 1
  if (y.subarray(0, last).every((byte) => byte === 0) && (y[last] as number) <= 1) return false
  const limit = p.slice()
  limit[last] = (limit[last] as number) - 1
  return Buffer.compare(y, limit) < 0
}
