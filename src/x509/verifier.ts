import type { Provider } from '../crypto/provider.ts'
import type { Maybe, Retry } from '../task.ts'
import type { Certificate } from './certificate.ts'
import type { Logged } from './transparency.ts'

/** Judges the chain that a peer sent. Ours is made by `verifier()` in `x509/path.ts`; a program may bring its own. */
export interface CertificateVerifier {
  /** It may let errors pass (`Verified.code` tells). Sessions whose chain had errors are resumed under such a verifier only. */
  readonly tolerant?: boolean
  /**
   * A digest of whom it trusts and by which rules: a session is resumed only under the same. Absent: only under this very
   * object. Empty: the program keeps its sessions apart itself.
   */
  policy?(provider: Provider): Maybe<Uint8Array>
  /** Throws `CertificateError` (or rejects with it) when the chain is not good. */
  verify(chain: readonly Certificate[], about: About): Maybe<Verified> | Retry
}

/** What the chain is to be judged for. */
export interface About {
  readonly provider: Provider
  /** Whose certificate it is: `server` wants serverAuth and a name, `client` clientAuth. */
  readonly purpose: 'server' | 'client'
  /** The name or IP address that was asked for. */
  readonly name?: string
  /** Milliseconds since 1970. */
  readonly time: number
  /** A stapled OCSP response (DER), if one came. */
  readonly ocsp?: Uint8Array
  /** Whether the server was asked to staple one: only then may its certificate insist on it (RFC 7633). */
  readonly ocspAsked?: boolean
  /** The SignedCertificateTimestampList that the server sent in the handshake (RFC 6962 section 3.3), if any. */
  readonly scts?: Uint8Array
}

export interface Verified {
  /** Leaf first, anchor last; empty when nothing could be built (only verifiers that tolerate errors return that). */
  readonly chain: readonly Certificate[]
  /** X509_V_OK (0), or the error that the verifier chose to tolerate. */
  readonly code: number
  /** The name in the certificate that matched. */
  readonly name?: string
  /** The policies under which the leaf was issued, by the anchor's numbers (RFC 5280 section 6.1.6); `anyPolicy` alone: all. */
  readonly policies?: readonly string[]
  /** The logs of Certificate Transparency that have promised to publish the leaf; absent when nobody asked. */
  readonly logged?: readonly Logged[]
}
