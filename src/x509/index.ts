/** X.509 on its own: certificates, names, keys, verification and making. Needs a crypto provider, and nothing else. */
export { CertificateError, type Explanation } from '../errors.ts'
export { runAsync, runSync } from '../task.ts'
export { type AnchorParts, bareAnchor } from './anchor.ts'
export { Certificate, parseCertificate } from './certificate.ts'
export { loadCrls, parseCrl, type RevocationList, type RevocationReason, type RevokedEntry } from './crl.ts'
export { DerError } from './der.ts'
export type {
  AccessDescription,
  AuthorityKeyId,
  BasicConstraints,
  DistributionPoint,
  Extension,
  KeyUsage,
  KnownExtensions,
  NameConstraints,
  Policy,
  PolicyConstraints,
} from './extensions.ts'
export { type GeneralName, generalNameText, ipText } from './general-name.ts'
export { matchesDns, matchIdentity, parseIp, parseReference, type Reference } from './identity.ts'
export { certificateJson, type Json } from './json.ts'
export { KeyError, loadPrivateKey, type Password, readPrivateKey } from './keys.ts'
export { loadCertificates } from './load.ts'
export { type CertificateRecipe, makeCertificate, makeRequest, type RequestRecipe } from './make.ts'
export { type CrlRecipe, makeCrl, makeOcspResponse, type OcspRecipe } from './make-revocation.ts'
export { type Attribute, makeName, Name, type NameParts, oneLine, sameName, slashed } from './name.ts'
export { type OcspResponse, ocspRequest, parseOcsp, type SingleAnswer } from './ocsp.ts'
export { oidName, oidOf } from './oids.ts'
export { buildPath, type CertificateReport, trustAnyone, type VerifierOptions, verifier } from './path.ts'
export { looksLikePem, type PemBlock, PemError, readPem, writePem } from './pem.ts'
export { type Pfx, type PfxKey, readPfx } from './pfx.ts'
export type { PolicyInputs } from './policy.ts'
export { dateText, fingerprintText, serialText, summary, validityText } from './print.ts'
export { type CertificateRequest, checkRequest, loadRequest, parseRequest, requestText } from './request.ts'
export type { Fetch, RevocationOptions } from './revocation.ts'
export type { SignatureAlgorithm } from './signature.ts'
export { describeKey, type KeyDescription, keyText } from './spki.ts'
export { Store } from './store.ts'
export { certificateText, extensionsText } from './text.ts'
export { type CtLog, type Logged, parseTimestamp, type Timestamp, type TransparencyOptions } from './transparency.ts'
export { type Budget, type Profile, usualBudget } from './trial.ts'
export { type Verdict, verdicts, verdictText } from './verdicts.ts'
export type { About, CertificateVerifier, Verified } from './verifier.ts'
