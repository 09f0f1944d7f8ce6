import { suiteById } from '../crypto/suites.ts'
import { cipherOf, type SSL_CIPHER, SSL_CIPHER_get_name } from './ciphers.ts'
import { held } from './counted.ts'
import { groupNid } from './lists.ts'
import type { SSL } from './ssl.ts'

/** What a connection has agreed on. */

/** null before there is one. */
export const SSL_get_current_cipher = (ssl: SSL): SSL_CIPHER | null => {
  const suite = held(ssl).connection?.facts.suite
  return suite ? cipherOf(suite) : null
}
export const SSL_get_pending_cipher = SSL_get_current_cipher
/** Its name, `(NONE)` before there is one. */
export const SSL_get_cipher = (ssl: SSL): string => SSL_CIPHER_get_name(SSL_get_current_cipher(ssl))
export const SSL_get_cipher_name = SSL_get_cipher

/** A server: what the client offers, of the suites that are known here; null elsewhere. */
export const SSL_get_client_ciphers = (ssl: SSL): SSL_CIPHER[] | null =>
  held(ssl).connection?.facts.peerSuites?.flatMap((id) => {
    const suite = suiteById(id)
    return suite ? [cipherOf(suite)] : []
  }) ?? null
/** A server: the names of the suites that both have, with colons; null elsewhere. */
export const SSL_get_shared_ciphers = (ssl: SSL): string | null => {
  const offered = SSL_get_client_ciphers(ssl)
  const { settings, ctx } = ssl
  const ours = [...settings.ciphersuites, ...(settings.cipherList ?? ctx.settings.cipherList ?? [])]
  return (
    offered
      ?.filter(({ suite }) => ours.includes(suite))
      .map(SSL_CIPHER_get_name)
      .join(':') ?? null
  )
}

/** The NID of the n-th group that both have; -1: how many there are. */
export const SSL_get_shared_group = (ssl: SSL, n: number): number => {
  const { peerGroups } = held(ssl).connection?.facts ?? {}
  const shared = ssl.settings.groups.filter(({ id }) => peerGroups?.includes(id))
  if (n === -1) return shared.length
  const group = shared[n]
  return group ? groupNid(group) : 0
}
/** Ours: the name of the group that the keys were agreed in; null without one. */
export const SSL_get_group_name = (ssl: SSL): string | null => held(ssl).connection?.facts.group?.openssl ?? null
/** The NID of the hash that the peer signed with; 0 where there is none. */
export const SSL_get_peer_signature_nid = (ssl: SSL): number => hashNid(held(ssl).connection?.facts.peerScheme)
export const SSL_get_signature_nid = (ssl: SSL): number => hashNid(held(ssl).connection?.facts.ownScheme)
/** Ours: the name of the scheme that the peer signed with (`ecdsa_secp256r1_sha256`); null where there is none. */
export const SSL_get_peer_signature_name = (ssl: SSL): string | null =>
  held(ssl).connection?.facts.peerScheme?.name ?? null

const hashNids: Readonly<Record<string, number>> = { sha1: 64, sha256: 672, sha384: 673, sha512: 674 }
const hashNid = (scheme: { readonly algorithm: { readonly hash?: string } | object } | undefined): number =>
  scheme && 'hash' in scheme.algorithm ? (hashNids[scheme.algorithm.hash as string] ?? 0) : 0
const keyNids: Readonly<Record<string, number>> = { ecdsa: 408, rsa_pkcs1: 6, rsa_pss: 912 }
/** The NID of the kind of signature of the peer: EVP_PKEY_EC 408, RSA 6, RSA_PSS 912, ED25519 1087, ED448 1088. */
export const SSL_get_peer_signature_type_nid = (ssl: SSL): number => {
  const scheme = held(ssl).connection?.facts.peerScheme
  if (!scheme) return 0
  if (scheme.algorithm.kind === 'eddsa') return scheme.key === 'ed448' ? 1088 : 1087
  return keyNids[scheme.algorithm.kind] ?? 0
}

export const SSL_get_client_random = (ssl: SSL): Uint8Array => held(ssl).connection?.facts.clientRandom ?? NOTHING
export const SSL_get_server_random = (ssl: SSL): Uint8Array => held(ssl).connection?.facts.serverRandom ?? NOTHING
/** Of TLS 1.2: 1 with extended_master_secret, 0 without; -1 before that is known. */
export const SSL_get_extms_support = (ssl: SSL): number => {
  const facts = held(ssl).connection?.facts
  if (!facts?.suite) return -1
  return facts.extendedMasterSecret ? 1 : 0
}
export const SSL_get_secure_renegotiation_support = (ssl: SSL): 0 | 1 =>
  held(ssl).connection?.facts.secureRenegotiation ? 1 : 0
/** The verify_data of our last Finished; empty before it. */
export const SSL_get_finished = (ssl: SSL): Uint8Array => held(ssl).connection?.facts.ourFinished ?? NOTHING
/** The verify_data of the peer's last Finished; empty before it. */
export const SSL_get_peer_finished = (ssl: SSL): Uint8Array => held(ssl).connection?.facts.peerFinished ?? NOTHING

/** A client asks for a stapled OCSP response: TLSEXT_STATUSTYPE_ocsp (1), or -1 not. */
export const SSL_set_tlsext_status_type = (ssl: SSL, type: number): 0 | 1 => {
  held(ssl).settings.statusType = type
  return 1
}
/** The stapled OCSP response (DER); null if there is none. */
export const SSL_get_tlsext_status_ocsp_resp = (ssl: SSL): Uint8Array | null => held(ssl).connection?.facts.ocsp ?? null

const NOTHING = new Uint8Array(0)
