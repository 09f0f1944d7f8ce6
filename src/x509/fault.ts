import type { Certificate } from './certificate.ts'
import type { Verdict } from './verdicts.ts'

/** What is wrong with one certificate of a path. */
export interface Fault {
  readonly verdict: Verdict
  /** One sentence. */
  readonly detail: string
  /** Where the rule is written, when it is not where the verdict's usual one is. */
  readonly rule?: string
  /** What would mend it, when more is known than the verdict's usual advice. */
  readonly remedy?: string
}

/** What a peer made long is cut: it goes into messages and logs. */
export const shortened = (text: string, most = 1000): string =>
  text.length > most ? `${text.slice(0, most - 3)}...` : text

/** The subject of a certificate for people, never longer than is readable. */
export const subjectText = ({ subject }: Certificate): string =>
  subject.empty ? 'without a subject' : shortened(String(subject), 120)

/** For sentences: the subject in quotes. */
export const shown = (certificate: Certificate): string => `the certificate "${subjectText(certificate)}"`

interface Advice {
  readonly rule: string
  readonly remedy: string
}

const renew = 'the holder must get a new certificate from the CA'
const reissue = 'the CA must issue the certificate anew without the fault'

/** Where each verdict's rule is written, and what would mend it. */
const advice: Readonly<Partial<Record<Verdict, Advice>>> = {
  unspecified: { rule: 'the application itself', remedy: 'ask the application why it refuses this certificate' },
  noIssuer: {
    rule: 'RFC 5280 section 6.1',
    remedy: 'trust the root of this certificate as well, or allow partial chains',
  },
  undecodableIssuerKey: { rule: 'RFC 5280 section 4.1.2.7', remedy: 'use a CA whose key is of a supported kind' },
  badSignature: {
    rule: 'RFC 5280 section 6.1.3 (a)(1)',
    remedy:
      'send the issuer whose key made this signature; if it was sent, the certificate has been changed or damaged',
  },
  notYetValid: {
    rule: 'RFC 5280 section 6.1.3 (a)(2)',
    remedy: 'check the clock; otherwise wait until the certificate is valid',
  },
  expired: { rule: 'RFC 5280 section 6.1.3 (a)(2)', remedy: `check the clock; if it is right, ${renew}` },
  selfSignedLeaf: {
    rule: 'RFC 5280 section 6.1',
    remedy: 'add this very certificate to the trust anchors, if it is known to be the right one',
  },
  selfSignedInChain: {
    rule: 'RFC 5280 section 6.1',
    remedy: 'add this root to the trust anchors, if it is to be trusted',
  },
  noLocalIssuer: {
    rule: 'RFC 5280 section 6.1',
    remedy: 'the peer must send the missing intermediate, or the root must be among the trust anchors',
  },
  leafUnverified: {
    rule: 'RFC 5280 section 6.1',
    remedy: 'the peer must send the missing intermediate, or the root must be among the trust anchors',
  },
  chainTooLong: { rule: 'the setting "maxDepth"', remedy: 'allow more intermediates, or use a shorter chain' },
  invalidCa: {
    rule: 'RFC 5280 section 6.1.4 (k) and (n)',
    remedy: 'the certificate below it must be issued by a CA; this one is not allowed to issue any',
  },
  invalidNonCa: {
    rule: 'CA/Browser Forum Baseline Requirements 7.1.2.7.8',
    remedy: 'give the server a certificate of its own instead of that of a CA',
  },
  pathLengthExceeded: { rule: 'RFC 5280 section 6.1.4 (m)', remedy: 'issue from a CA that is closer to the root' },
  wrongPurpose: {
    rule: 'RFC 5280 sections 4.2.1.3 and 4.2.1.12',
    remedy: 'get a certificate that is for this purpose',
  },
  rejected: { rule: 'RFC 5280 section 4.1.2', remedy: reissue },
  unhandledCriticalExtension: { rule: 'RFC 5280 section 4.2', remedy: 'get a certificate without this extension' },
  invalidExtension: { rule: 'RFC 5280 section 4.2', remedy: reissue },
  invalidPolicyExtension: { rule: 'RFC 5280 section 6.1.4 (a)', remedy: reissue },
  noExplicitPolicy: {
    rule: 'RFC 5280 section 6.1.5 (g)',
    remedy: 'get a certificate under a policy that is wanted, or ask for no policy',
  },
  notPermitted: {
    rule: 'RFC 5280 section 6.1.3 (b)',
    remedy: 'get a certificate from a CA that may issue for this name',
  },
  excluded: { rule: 'RFC 5280 section 6.1.3 (c)', remedy: 'get a certificate from a CA that may issue for this name' },
  unsupportedConstraint: { rule: 'RFC 5280 section 4.2.1.10', remedy: 'get a certificate without names of this kind' },
  malformedConstraint: { rule: 'RFC 5280 section 4.2.1.10', remedy: reissue },
  malformedName: { rule: 'RFC 5280 section 4.2.1.6', remedy: reissue },
  hostMismatch: {
    rule: 'RFC 9525 section 6',
    remedy: 'connect by a name that the certificate has, or get one that has this name in subjectAltName',
  },
  emailMismatch: { rule: 'RFC 9525 section 6', remedy: 'get a certificate with this address in subjectAltName' },
  ipMismatch: {
    rule: 'RFC 9525 section 6',
    remedy: 'connect by a name that the certificate has, or get one that has this address in subjectAltName',
  },
  weakLeafKey: {
    rule: 'the security level',
    remedy: 'get a certificate for a stronger key, or lower the security level',
  },
  weakCaKey: { rule: 'the security level', remedy: 'use a CA with a stronger key, or lower the security level' },
  weakSignature: {
    rule: 'the security level',
    remedy: 'have it signed with SHA-256 or better, or lower the security level',
  },
  revoked: { rule: 'RFC 5280 section 6.3', remedy: `do not use this certificate any more: ${renew}` },
  noCrl: { rule: 'RFC 5280 section 6.3.3', remedy: 'give the current revocation list of its CA' },
  crlNotYetValid: {
    rule: 'RFC 5280 section 5.1.2.4',
    remedy: 'check the clock; otherwise give a list that is valid already',
  },
  crlExpired: { rule: 'RFC 5280 section 5.1.2.5', remedy: 'check the clock; if it is right, give the current list' },
  badCrlSignature: { rule: 'RFC 5280 section 6.3.3 (g)', remedy: 'give the list as its issuer signed it' },
  noCrlIssuer: { rule: 'RFC 5280 section 6.3.3 (f)', remedy: 'give the certificate of the one that signed the list' },
  noCrlSign: { rule: 'RFC 5280 section 6.3.3 (f)', remedy: 'the list must be signed with a key that may sign lists' },
  differentCrlScope: { rule: 'RFC 5280 section 6.3.3 (b)', remedy: 'give the list that is about this certificate' },
  crlPath: {
    rule: 'RFC 5280 section 6.3.3 (f)',
    remedy: 'the signer of the list must have a path to the same trust anchor',
  },
  ocspNeeded: {
    rule: 'RFC 6960 section 3.2',
    remedy: 'the server must staple a current OCSP response, or one must be given',
  },
  ocspFailed: { rule: 'RFC 6960 section 3.2', remedy: 'get a new response from the responder of the CA' },
  ocspUnknown: { rule: 'RFC 6960 section 2.2', remedy: 'ask the responder that its CA names for this certificate' },
  noValidScts: { rule: 'RFC 6962 section 5.2', remedy: 'get a certificate from a CA that has it logged' },
  nothingToCheck: { rule: 'RFC 9525 section 6', remedy: 'say what is to be checked' },
}

/** The rule that a fault breaks and what would mend it. */
export const adviceOn = ({ verdict, rule, remedy }: Fault): Advice => ({
  rule: rule ?? advice[verdict]?.rule ?? 'RFC 5280 section 6',
  remedy: shortened(remedy ?? advice[verdict]?.remedy ?? reissue),
})
