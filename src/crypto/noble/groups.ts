import { x448 } from '@noble/curves/ed448.js'
import { x25519 } from '@noble/curves/ed25519.js'
import { brainpoolP256r1, brainpoolP384r1, brainpoolP512r1 } from '@noble/curves/misc.js'
import { p256, p384, p521 } from '@noble/curves/nist.js'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { Misuse } from '../../errors.ts'
import { BadShare, type Group, type GroupName } from '../provider.ts'

export const group = (name: GroupName): Group | undefined => made[name as keyof typeof made]

type Agree = (secret: Uint8Array, peer: Uint8Array) => Uint8Array

const over = (
  name: string,
  lengths: { readonly secret: number; readonly share: number },
  fresh: () => Uint8Array,
  publicOf: (secret: Uint8Array) => Uint8Array,
  agree: Agree,
): Group => {
  const finish = (secret: Uint8Array, peer: Uint8Array): Uint8Array => {
    if (peer.length !== lengths.share) {
      throw new BadShare(`the peer's ${name} key share has ${peer.length} bytes, not ${lengths.share}`)
    }
    try {
      return agree(secret, peer)
    } catch (cause) {
      throw new BadShare(`the peer's ${name} key share is no point of the curve, or of low order`, { cause })
    }
  }
  const secretOf = (given: Uint8Array | undefined): Uint8Array => {
    if (given && given.length !== lengths.secret) {
      throw new Misuse(`a secret for ${name} has ${lengths.secret} bytes, not ${given.length}`)
    }
    return given?.slice() ?? fresh()
  }
  return {
    start(given) {
      const secret = secretOf(given)
      return { share: publicOf(secret), finish: (peer) => finish(secret, peer) }
    },
    answer(peer, given) {
      const secret = secretOf(given)
      return { share: publicOf(secret), secret: finish(secret, peer) }
    },
  }
}

/** The all-zero secret of a low-order point is refused (RFC 9846 section 7.4.2). */
const montgomery = (name: string, length: number, curve: typeof x25519): Group =>
  over(
    name,
    { secret: length, share: length },
    () => curve.utils.randomSecretKey(),
    (secret) => curve.getPublicKey(secret),
    (secret, peer) => {
      const shared = curve.getSharedSecret(secret, peer)
      if (shared.every((byte) => byte === 0)) throw new Misuse('the point is of low order')
      return shared
    },
  )

/** Uncompressed points only (RFC 9846 section 4.2.8.2); the shared secret is the x coordinate (section 7.4.2). */
const nist = (name: string, length: number, curve: typeof p256): Group =>
  over(
    name,
    { secret: length, share: 1 + 2 * length },
    () => curve.utils.randomSecretKey(),
    (secret) => curve.getPublicKey(secret, false),
    (secret, peer) => {
      if (peer[0] !== 4) throw new Misuse('the point is not uncompressed')
      return curve.getSharedSecret(secret, peer, false).slice(1, 1 + length)
    },
  )

const made = {
  x25519: montgomery('X25519', 32, x25519),
  x448: montgomery('X448', 56, x448),
  secp256r1: nist('P-256', 32, p256),
  secp384r1: nist('P-384', 48, p384),
  secp521r1: nist('P-521', 66, p521),
  brainpoolP256r1: nist('brainpoolP256r1', 32, brainpoolP256r1),
  brainpoolP384r1: nist('brainpoolP384r1', 48, brainpoolP384r1),
  brainpoolP512r1: nist('brainpoolP512r1', 64, brainpoolP512r1),
  secp256k1: nist('secp256k1', 32, secp256k1),
}

export const groups: readonly GroupName[] = Object.keys(made) as (keyof typeof made)[]
