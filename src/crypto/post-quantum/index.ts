import { ml_kem768, ml_kem1024 } from '@noble/post-quantum/ml-kem.js'
import { after } from '../../task.ts'
import { BadShare, type Exchange, type Group, type GroupName, type Provider } from '../provider.ts'

/** How a key encapsulation mechanism (FIPS 203) is a group: the client's share is a key, the server's a ciphertext. */
interface Kem {
  readonly name: string
  /** Bytes of the encapsulation key and of the ciphertext. */
  readonly key: number
  readonly ciphertext: number
  readonly mechanism: typeof ml_kem768
}

const kem768: Kem = { name: 'ML-KEM-768', key: 1184, ciphertext: 1088, mechanism: ml_kem768 }
const kem1024: Kem = { name: 'ML-KEM-1024', key: 1568, ciphertext: 1568, mechanism: ml_kem1024 }

const encapsulated = ({ name, key, mechanism }: Kem, share: Uint8Array) => {
  if (share.length !== key) throw new BadShare(`the peer's ${name} key has ${share.length} bytes, not ${key}`)
  try {
    return mechanism.encapsulate(share)
  } catch (cause) {
    // FIPS 203 7.2: the modulus check
    throw new BadShare(`the peer's ${name} key is not reduced`, { cause })
  }
}

const decapsulated = ({ name, ciphertext, mechanism }: Kem, answer: Uint8Array, secret: Uint8Array): Uint8Array => {
  if (answer.length !== ciphertext)
    throw new BadShare(`the peer's ${name} ciphertext has ${answer.length} bytes, not ${ciphertext}`)
  return mechanism.decapsulate(answer, secret)
}

/** A KEM alone (draft-ietf-tls-mlkem). */
const alone = (kem: Kem): Group => ({
  start() {
    const { publicKey, secretKey } = kem.mechanism.keygen()
    return { share: publicKey, finish: (answer) => decapsulated(kem, answer, secretKey) }
  },
  answer(share) {
    const { cipherText, sharedSecret } = encapsulated(kem, share)
    return { share: cipherText, secret: sharedSecret }
  },
})

/** A KEM and then a curve, joined: safe as long as either of them is (draft-ietf-tls-ecdhe-mlkem). */
const joined = (kem: Kem, curve: Group): Group => ({
  start() {
    const { publicKey, secretKey } = kem.mechanism.keygen()
    return after(
      curve.start(),
      (exchange): Exchange => ({
        share: both(publicKey, exchange.share),
        finish(answer) {
          const first = decapsulated(kem, answer.subarray(0, kem.ciphertext), secretKey)
          return after(exchange.finish(answer.subarray(kem.ciphertext)), (second) => both(first, second))
        },
      }),
    )
  },
  answer(share) {
    const { cipherText, sharedSecret } = encapsulated(kem, share.subarray(0, kem.key))
    return after(curve.answer(share.subarray(kem.key)), ({ share: point, secret }) => ({
      share: both(cipherText, point),
      secret: both(sharedSecret, secret),
    }))
  },
})

const both = (one: Uint8Array, other: Uint8Array): Uint8Array => {
  const whole = new Uint8Array(one.length + other.length)
  whole.set(one)
  whole.set(other, one.length)
  return whole
}

/**
 * The provider, and beside its groups those that withstand quantum computers: `x25519mlkem768` and `mlkem1024`, in plain
 * JavaScript. They are offered when a config names them.
 */
export const postQuantum = (provider: Provider): Provider => {
  const curve = provider.group('x25519')
  const made: Partial<Record<GroupName, Group>> = {
    ...(curve && { x25519mlkem768: joined(kem768, curve) }),
    mlkem1024: alone(kem1024),
  }
  return {
    ...provider,
    name: `${provider.name}, post-quantum`,
    groups: [...provider.groups, ...(Object.keys(made) as GroupName[])],
    group: (name) => made[name] ?? provider.group(name),
  }
}
