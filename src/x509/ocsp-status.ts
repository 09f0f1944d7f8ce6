import { equal } from '../bytes/compare.ts'
import type { Task } from '../task.ts'
import type { Certificate } from './certificate.ts'
import type { Listed } from './crl-status.ts'
import { DerError } from './der.ts'
import { processed } from './extensions.ts'
import { type Fault, shown } from './fault.ts'
import { isAbout, isResponder, type OcspResponse, parseOcsp, type SingleAnswer } from './ocsp.ts'
import { knownOid } from './oids.ts'
import { signatureStrength } from './signature.ts'
import { keyStrength } from './spki.ts'
import { when } from './time.ts'
import type { Trial } from './trial.ts'

/** What OCSP says of a certificate. `unknown`: nothing that counts; the fault says why. */
export type Answered = { readonly kind: 'good' } | { readonly kind: 'revoked' | 'unknown'; readonly fault: Fault }

const failed = (detail: string): Answered => ({ kind: 'unknown', fault: { verdict: 'ocspFailed', detail } })

/**
 * What one response proves about a certificate: it must be about it, by a responder that its issuer has authorised, and
 * current (RFC 6960 section 3.2). `nonce`: what was sent along and must come back. `lists` says whether a responder's
 * own certificate is revoked.
 */
export function* judgeResponse(
  { raw, nonce }: { readonly raw: Uint8Array; readonly nonce: Uint8Array | undefined },
  certificate: Certificate,
  issuer: Certificate,
  trial: Trial,
  lists: (responder: Certificate) => Task<Listed>,
): Task<Answered> {
  let response: OcspResponse
  try {
    response = parseOcsp(raw)
  } catch (error) {
    if (error instanceof DerError) return failed(error.message)
    throw error
  }
  const answer = yield* find(response, certificate, issuer, trial)
  if (!answer) return failed(`the OCSP response is not about ${shown(certificate)}`)
  if (nonce && !(response.nonce && equal(nonce, response.nonce)))
    return failed('the OCSP response does not bring back the nonce of the request (RFC 9654)')
  const stale = timeProblem(response, answer, trial)
  if (stale) return failed(`the OCSP response about ${shown(certificate)} ${stale}`)
  const problem = yield* signerProblem(response, issuer, trial, lists)
  if (problem) return failed(`the OCSP response about ${shown(certificate)} ${problem}`)
  switch (answer.status) {
    case 'good':
      return { kind: 'good' }
    case 'revoked': {
      const detail = `${shown(certificate)} was revoked on ${when(answer.revokedAt ?? answer.thisUpdate)} (${answer.reason}), says OCSP`
      return { kind: 'revoked', fault: { verdict: 'revoked', rule: 'RFC 6960 section 2.2', detail } }
    }
    case 'unknown':
      return {
        kind: 'unknown',
        fault: { verdict: 'ocspUnknown', detail: `the OCSP responder does not know ${shown(certificate)}` },
      }
  }
}

function* find(
  { answers }: OcspResponse,
  certificate: Certificate,
  issuer: Certificate,
  trial: Trial,
): Task<SingleAnswer | undefined> {
  for (const answer of answers) {
    trial.spend('candidates')
    if (yield* isAbout(answer.id, certificate, issuer, trial.provider)) return answer
  }
  return undefined
}

const timeProblem = (response: OcspResponse, answer: SingleAnswer, { rules }: Trial): string | undefined => {
  const { time, revocation } = rules
  const { skew, maxAge } = revocation
  const { thisUpdate, nextUpdate } = answer
  const begin = Math.max(thisUpdate, response.producedAt)
  if (begin > time + skew) return `is from the future: it is of ${when(begin)}, and it is ${when(time)}`
  if (nextUpdate !== undefined && nextUpdate < thisUpdate) return 'ends before it begins'
  const end = nextUpdate ?? thisUpdate + maxAge
  return end < time - skew ? `was good until ${when(end)}, and it is ${when(time)}` : undefined
}

/** RFC 6960 section 4.2.2.2: the issuer itself, or whom the issuer itself has certified for just that. */
function* signerProblem(
  response: OcspResponse,
  issuer: Certificate,
  trial: Trial,
  lists: (responder: Certificate) => Task<Listed>,
): Task<string | undefined> {
  const { responder, signatureAlgorithm, tbs, signature, certificates } = response
  const { strength } = trial.rules
  if (signatureStrength(signatureAlgorithm) < strength)
    return `is signed with ${signatureAlgorithm.name}, which is too weak or not supported`
  let problem = 'is by a responder that the issuer of the certificate has not authorised'
  if (yield* isResponder(responder, issuer, trial.provider)) {
    if ((yield* trial.verify(issuer, signatureAlgorithm, tbs, signature)) === 'good') return undefined
    problem = 'has a signature that its responder, the issuer of the certificate, did not make'
  }
  for (const delegate of certificates) {
    trial.spend('candidates')
    if (!(yield* isResponder(responder, delegate, trial.provider)) || delegate.issuer.key !== issuer.subject.key)
      continue
    const unfit = unfitness(delegate, trial)
    if (unfit) {
      problem = `is by the responder "${delegate.subject}", which ${unfit}`
      continue
    }
    if ((yield* trial.signedBy(delegate, issuer)) !== 'good') continue
    if ((yield* trial.verify(delegate, signatureAlgorithm, tbs, signature)) !== 'good') {
      problem = 'has a signature that its responder did not make'
      continue
    }
    const { crl } = trial.rules.revocation
    if (crl === 'ignore' || delegate.extension(knownOid('ocspNoCheck'))) return undefined
    const { kind } = yield* lists(delegate)
    if (kind === 'good' || (kind === 'unknown' && crl === 'check')) return undefined
    problem = `is by a responder whose own certificate is ${kind === 'revoked' ? 'revoked' : 'perhaps revoked'}`
  }
  return problem
}

const OCSP_SIGNING = knownOid('ocspSigning')

/** Why a certificate that the issuer made is not one of a responder. */
const unfitness = (delegate: Certificate, { rules }: Trial): string | undefined => {
  const { extKeyUsage } = delegate.known
  if (!extKeyUsage?.includes(OCSP_SIGNING)) return 'is not for signing OCSP responses (extKeyUsage)'
  if (delegate.keyUsage && !delegate.keyUsage.has('digitalSignature') && !delegate.keyUsage.has('nonRepudiation'))
    return 'may not sign (keyUsage)'
  if (rules.time < delegate.notBefore || rules.time > delegate.notAfter + 999) return 'is not valid at this time'
  if (delegate.flaws.length > 0) return `has a malformed extension: ${delegate.flaws[0]}`
  const strange = delegate.extensions.find(({ oid, critical }) => critical && !processed.has(oid))
  if (strange) return `has the critical extension ${strange.oid}, which is not processed here`
  const { strength } = rules
  return keyStrength(delegate.key) < strength || signatureStrength(delegate.signatureAlgorithm) < strength
    ? 'has a key or a signature that is too weak'
    : undefined
}
