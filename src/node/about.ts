import { Buffer } from 'node:buffer'
import { X509Certificate } from 'node:crypto'
import type { PeerCertificate } from 'node:tls'
import type { Facts } from '../facts.ts'
import { cipherOf, SSL_CIPHER_get_version } from '../openssl/ciphers.ts'
import type { Certificate } from '../x509/certificate.ts'
import { certificateCode, verdictCode } from './codes.ts'
import type { Tolerated } from './context.ts'

/** What a handshake has established, in the words of node:tls. */

export const protocolName = ({ version }: Facts): string | null =>
  version === undefined ? null : version === 0x0304 ? 'TLSv1.3' : 'TLSv1.2'

export interface CipherFacts {
  readonly name: string
  readonly standardName: string
  readonly version: string
}
export const cipherFacts = ({ suite }: Facts): CipherFacts | undefined =>
  suite && { name: suite.openssl, standardName: suite.name, version: SSL_CIPHER_get_version(cipherOf(suite)) }

export interface KeyExchangeFacts {
  readonly type?: 'ECDH' | 'DH'
  readonly name?: string
  readonly size?: number
}
/** node:tls calls P-256 `prime256v1`, as OpenSSL's curves are called. Empty where no group was agreed on (static RSA, PSK). */
export const keyExchangeFacts = ({ group }: Facts): KeyExchangeFacts => {
  if (!group) return {}
  const name = group.name === 'secp256r1' ? 'prime256v1' : group.name.startsWith('x') ? group.openssl : group.name
  return { type: group.name.startsWith('ffdhe') ? 'DH' : 'ECDH', name, size: group.bits }
}

const signatureKinds: Readonly<Record<string, string>> = { rsa: 'RSA', 'rsa-pss': 'RSA-PSS', ec: 'ECDSA' }
/** `ECDSA+SHA256` and so on, in the peer's order of preference. */
export const sharedSchemes = ({ peerSchemes = [] }: Facts): string[] =>
  peerSchemes.map(({ algorithm, key, name }) => {
    if (algorithm.kind === 'eddsa') return name === 'ed25519' ? 'Ed25519' : 'Ed448'
    const kind = algorithm.kind === 'rsa_pss' ? 'RSA-PSS' : signatureKinds[key]
    return `${kind}+${algorithm.hash.toUpperCase()}`
  })

/** Whether the peer is who it should be, and why not. */
export const authorization = (facts: Facts, asked: boolean): { authorized: boolean; error: string | null } => {
  const { verified, peerChain, psk } = facts
  // who knows a key that was agreed on elsewhere needs no certificate
  if (psk && !facts.resumed && !peerChain?.length) return { authorized: true, error: null }
  if (!peerChain?.length || !verified)
    return { authorized: false, error: asked || facts.role === 'client' ? 'UNABLE_TO_GET_ISSUER_CERT' : null }
  if (verified.code === 0) return { authorized: true, error: null }
  const { error } = verified as Tolerated
  return { authorized: false, error: error ? certificateCode(error) : verdictCode(verified.code) }
}

export const x509Of = (raw: Uint8Array): X509Certificate => new X509Certificate(raw)

/** A certificate as `getPeerCertificate` gives it, with all that issued it where `detailed`. */
export const legacyCertificate = (chain: readonly Certificate[], detailed: boolean): PeerCertificate => {
  const objects = chain.map(
    ({ raw }) => x509Of(raw).toLegacyObject() as PeerCertificate & { issuerCertificate?: unknown },
  )
  if (detailed) {
    for (const [at, object] of objects.entries()) {
      const issuer = objects[at + 1] ?? (chain[at]?.selfSigned ? object : undefined)
      if (issuer) object.issuerCertificate = issuer
    }
  }
  return (objects[0] ?? {}) as PeerCertificate
}

/** The longest chain that we know: the one that was proved, or else what was sent. */
export const knownChain = ({ verified, peerChain = [] }: Facts): readonly Certificate[] =>
  verified && verified.chain.length > peerChain.length ? verified.chain : peerChain

/** A line of a key log as NSS writes it, with its newline. */
export const keyLogLine = (label: string, clientRandom: Uint8Array, secret: Uint8Array): Buffer =>
  Buffer.from(`${label} ${hex(clientRandom)} ${hex(secret)}\n`, 'latin1')

const hex = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
