import type { Reason } from '../reasons.ts'
import type { Certificate } from '../x509/certificate.ts'
import { signatureStrength } from '../x509/signature.ts'
import { keyStrength } from '../x509/spki.ts'
import { levelBits } from './lists.ts'

/**
 * Why a security level forbids to show this chain, leaf first: a key that is too small, or a signature by a hash that is too
 * weak; roots are not held to theirs. Undefined when it is strong enough.
 */
export const weaknessOf = (chain: readonly Certificate[], level: number): Reason | undefined => {
  const bits = levelBits[level] ?? 256
  for (const [depth, certificate] of chain.entries()) {
    if (keyStrength(certificate.key) < bits) return depth === 0 ? 'EE_KEY_TOO_SMALL' : 'CA_KEY_TOO_SMALL'
    if (!certificate.selfSigned && signatureStrength(certificate.signatureAlgorithm) < bits) return 'CA_MD_TOO_WEAK'
  }
  return undefined
}
