import { type Algorithm, hashLength, type KeyFacts } from './provider.ts'

/** Whether a key of that kind can make or check signatures of that algorithm at all; which are wanted is policy. */
export const fits = (algorithm: Algorithm, key: KeyFacts): boolean => {
  switch (algorithm.kind) {
    case 'rsa_pkcs1':
      return key.type === 'rsa'
    case 'rsa_pss': {
      if (key.type !== 'rsa' && key.type !== 'rsa-pss') return false
      // RFC 8017 section 9.1.1: the encoded message must have room for the digest, the salt and two bytes
      if (Math.ceil((key.bits - 1) / 8) < hashLength[algorithm.hash] + algorithm.saltLength + 2) return false
      if (key.type === 'rsa' || !key.pss) return true
      // RFC 4055 section 3.1: the hash is fixed, the salt length a minimum
      return key.pss.hash === algorithm.hash && algorithm.saltLength >= key.pss.saltLength
    }
    case 'ecdsa':
      return key.type === 'ec'
    case 'eddsa':
      return key.type === 'ed25519' || key.type === 'ed448'
  }
}
