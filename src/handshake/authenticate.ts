import { concat, equal, NONE } from '../bytes/compare.ts'
import { utf8 } from '../bytes/text.ts'
import { type Identity, TLS12, TLS13, type Version } from '../config.ts'
import type { PublicKey } from '../crypto/provider.ts'
import { type Scheme, schemeById, schemeFits } from '../crypto/schemes.ts'
import { type AlertName, CertificateError, illegal, TlsError } from '../errors.ts'
import type { Role } from '../facts.ts'
import type { Certificate as Certificate13, CertificateRequest } from '../messages/authentication.ts'
import type { Session } from '../session/session.ts'
import { asked, type Task, wait } from '../task.ts'
import { type Certificate, parseCertificate } from '../x509/certificate.ts'
import { knownCertificate } from '../x509/known-certificates.ts'
import { publicKeyOf } from '../x509/trial.ts'
import type { About } from '../x509/verifier.ts'
import { chooseOwn, knownSchemes } from './choose.ts'
import type { Peer } from './peer.ts'

const context = (who: Role): Uint8Array => utf8(`${' '.repeat(64)}TLS 1.3, ${who} CertificateVerify\0`)
const contexts: Readonly<Record<Role, Uint8Array>> = { client: context('client'), server: context('server') }

/** What a CertificateVerify of TLS 1.3 signs (RFC 9846 section 4.4.3). */
const content = (who: Role, transcript: Uint8Array): Uint8Array => concat(contexts[who], transcript)

/** The identities that may be shown: what the hook answers, or what the config has. */
export function* identities(
  { config, facts }: Peer,
  version: Version,
  schemes: readonly Scheme[],
  authorities: readonly Uint8Array[] = [],
): Task<readonly Identity[]> {
  const { certificate, identities: configured } = config
  if (!certificate) return configured
  const { role, serverName } = facts
  const question = { role, version, schemes, authorities, ...(serverName !== undefined && { serverName }) }
  const answer: Identity | readonly Identity[] | undefined = yield* asked(() => certificate(question), 'certificate')
  return answer === undefined ? [] : 'chain' in answer ? [answer] : answer
}

/** Shows who we are: Certificate and CertificateVerify of TLS 1.3. `extras`: what the peer asked to be told beside. */
export function* prove(
  peer: Peer,
  identity: Identity,
  scheme: Scheme,
  context: Uint8Array,
  extras: { readonly ocsp: boolean; readonly scts: boolean },
): Task<void> {
  const { role } = peer.facts
  peer.facts.identity = identity
  peer.facts.ownScheme = scheme
  const first: { statusRequest?: Uint8Array; signedCertificateTimestamp?: Uint8Array } = {}
  if (extras.ocsp && identity.ocsp) first.statusRequest = identity.ocsp
  if (extras.scts && identity.scts) first.signedCertificateTimestamp = identity.scts
  peer.send('certificate', {
    certificateRequestContext: context,
    certificateList: identity.chain.map((certData, i) => ({ certData, extensions: i === 0 ? first : {} })),
  })
  const signature = yield* wait(identity.key.sign(scheme.algorithm, content(role, yield* peer.digest())), 'privateKey')
  peer.send('certificateVerify', { algorithm: scheme.id, signature })
}

/** No certificate, where one was asked for. */
export const proveNothing = (peer: Peer, context: Uint8Array = NONE): void => {
  peer.send('certificate', { certificateRequestContext: context, certificateList: [] })
}

/**
 * Judges the chain that the peer sent, and gives the key of its leaf. `use`: what the key is to do, which its key usage
 * must allow.
 */
export function* judge(
  peer: Peer,
  chain: readonly Uint8Array[],
  use: 'digitalSignature' | 'keyEncipherment',
): Task<PublicKey> {
  const { config, facts } = peer
  const parse = config.rememberCertificates ? knownCertificate : parseCertificate
  const certificates = chain.map((der) => parsed(der, parse))
  const leaf = certificates[0]
  if (!leaf) throw new TlsError('decode_error', 'PEER_DID_NOT_RETURN_A_CERTIFICATE', 'the certificate list is empty')
  facts.peerChain = certificates
  yield* verify(peer, certificates, facts.ocsp, facts.scts)
  if (leaf.keyUsage && !leaf.keyUsage.has(use))
    throw new TlsError(
      'unsupported_certificate',
      'WRONG_CERTIFICATE_TYPE',
      `the key usage of the certificate does not allow ${use}`,
    )
  return yield* publicKey(peer, leaf)
}

/** Asks the verifier. */
function* verify(
  peer: Peer,
  certificates: readonly Certificate[],
  ocsp: Uint8Array | undefined,
  scts: Uint8Array | undefined,
): Task<void> {
  const { config, facts, provider } = peer
  const { peerName, verifier } = config
  const purpose = facts.role === 'client' ? 'server' : 'client'
  // anew each time that the verifier is asked: time goes on while it makes up its mind
  const about = (): About => {
    const told: { -readonly [F in keyof About]: About[F] } = {
      provider,
      purpose,
      time: config.now(),
      ocspAsked: purpose === 'server' && config.ocsp,
    }
    if (purpose === 'server' && peerName !== undefined) told.name = peerName
    if (ocsp) told.ocsp = ocsp
    if (scts) told.scts = scts
    return told
  }
  try {
    facts.verified = yield* asked(() => verifier.verify(certificates, about()), 'verify')
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error
    throw new TlsError(alertOf(error.code), 'CERTIFICATE_VERIFY_FAILED', error.message, { cause: error })
  }
}

/** Client: judges again the chain of a session that is resumed, if the config wants it. */
export function* reverify(peer: Peer, session: Session | undefined): Task<void> {
  if (!peer.config.reverify || !session?.chain.length) return
  const chain = session.chain.map((der) => parseCertificate(der))
  const told = (bytes: Uint8Array): Uint8Array | undefined => (bytes.length > 0 ? bytes : undefined)
  yield* verify(peer, chain, told(session.ocsp), told(session.scts))
}

function* publicKey(peer: Peer, leaf: Certificate): Task<PublicKey> {
  const key = yield* publicKeyOf(leaf, peer.provider)
  if (key) return key
  throw new TlsError(
    'unsupported_certificate',
    'UNABLE_TO_FIND_PUBLIC_KEY_PARAMETERS',
    'the key of the certificate is of no kind that is supported',
  )
}

const parsed = (der: Uint8Array, parse: (der: Uint8Array) => Certificate): Certificate => {
  try {
    return parse(der)
  } catch (cause) {
    throw new TlsError(
      'bad_certificate',
      'CERT_LENGTH_MISMATCH',
      cause instanceof Error ? cause.message : 'a certificate cannot be read',
      { cause },
    )
  }
}

/** The chain of a client; we ask for none of our extensions that may stand with a certificate. */
export const unadorned = (list: Certificate13['certificateList']): readonly Uint8Array[] =>
  list.map(({ certData, extensions }) => {
    if (Object.keys(extensions).some((name) => name !== 'unknown'))
      throw new TlsError(
        'unsupported_extension',
        'UNSOLICITED_EXTENSION',
        'an extension of the client certificate was not asked for',
      )
    return certData
  })

/** The scheme that the peer has signed with, which must be one that we offered and one for its key. */
export const signedWith = (peer: Peer, id: number, key: PublicKey): Scheme => {
  const scheme = schemeById(id)
  const { version = TLS13 } = peer.facts
  const { schemes, clientSchemes } = peer.config
  const offered = (peer.facts.role === 'server' && clientSchemes) || schemes
  if (!scheme || !offered.includes(scheme) || !schemeFits(scheme, key.facts, version)) {
    throw illegal(
      'WRONG_SIGNATURE_TYPE',
      `signature scheme 0x${id.toString(16)} was not offered or does not fit the key`,
    )
  }
  // RFC 8422 5.1.1: in TLS 1.2 a client's groups say also which curves the server's certificate may have
  const { facts } = key
  const asked = version === TLS12 && peer.facts.role === 'client' && facts.type === 'ec'
  if (asked && !peer.config.groups.some(({ curve }) => curve === facts.curve))
    throw illegal('WRONG_CURVE', `the curve ${facts.curve} of the certificate was not offered`)
  return scheme
}

/** Checks that the peer has the key it showed (TLS 1.3). `transcript`: the hash up to its Certificate. */
export function* checkProof(
  peer: Peer,
  key: PublicKey,
  proof: { readonly algorithm: number; readonly signature: Uint8Array },
): Task<void> {
  const scheme = signedWith(peer, proof.algorithm, key)
  const who = peer.facts.role === 'client' ? 'server' : 'client'
  const good = yield* wait(key.verify(scheme.algorithm, content(who, yield* peer.digest()), proof.signature))
  if (!good) throw new TlsError('decrypt_error', 'BAD_SIGNATURE', `the ${who}'s CertificateVerify`)
  peer.facts.peerScheme = scheme
}

/** The peer's Finished must be this and nothing else (RFC 9846 section 4.4.4, RFC 5246 section 7.4.9). */
export const checkFinished = ({ facts }: Peer, said: Uint8Array, expected: Uint8Array): void => {
  const who = facts.role === 'client' ? 'server' : 'client'
  if (said.length !== expected.length)
    throw new TlsError(
      'decode_error',
      'BAD_DIGEST_LENGTH',
      `the ${who}'s Finished has ${said.length} bytes, ${expected.length} are due`,
    )
  if (!equal(said, expected)) throw new TlsError('decrypt_error', 'DIGEST_CHECK_FAILED', `the ${who}'s Finished`)
  facts.peerFinished = expected
}

/** Shows a certificate that the server can check, or none. */
export function* answerRequest(
  peer: Peer,
  { certificateRequestContext: context, extensions }: CertificateRequest,
): Task<void> {
  const { config, facts } = peer
  const schemes = knownSchemes(extensions.signatureAlgorithms)
  facts.peerAuthorities = extensions.certificateAuthorities ?? []
  const offered = yield* identities(peer, TLS13, schemes, extensions.certificateAuthorities)
  const choice = chooseOwn(config, offered, offered, schemes, TLS13, extensions.certificateAuthorities)
  if (!choice) return proveNothing(peer, context)
  yield* prove(peer, choice.identity, choice.scheme, context, {
    ocsp: extensions.statusRequest !== undefined,
    scts: extensions.signedCertificateTimestamp !== undefined,
  })
}

/** What the peer is told of a failed verification, by X509_V_ERR number (SSL_alert_from_x509 of OpenSSL has the same table). */
const alertByCode: readonly (readonly [AlertName, readonly number[]])[] = [
  ['certificate_expired', [10, 12]],
  ['certificate_revoked', [23]],
  ['decrypt_error', [7, 8]],
  ['unsupported_certificate', [26]],
  ['handshake_failure', [50]],
  ['unknown_ca', [2, 3, 18, 19, 20, 21, 22, 24, 25, 33]],
  ['bad_certificate', [4, 5, 6, 9, 11, 13, 14, 15, 16, 27, 28, 62, 63, 64, 65, 66, 67, 68, 79]],
  ['internal_error', [1, 17, 69, 70]],
]
export const alertOf = (code: number): AlertName =>
  alertByCode.find(([, codes]) => codes.includes(code))?.[0] ?? 'certificate_unknown'
