import type { Scheme } from '../crypto/schemes.ts'
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
export const SSL_get_peer_signature_type_nid = (ssl: SSL): number =>
  signatureNid(held(ssl).connection?.facts.peerScheme)
const signatureNid = (scheme: Scheme | undefined): number => {
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

/** The kind of signature that we have made: NIDs as of SSL_get_peer_signature_type_nid. */
export const SSL_get_signature_type_nid = (ssl: SSL): number => signatureNid(held(ssl).connection?.facts.ownScheme)
/** A server: the version that the ClientHello names in its old field; a client: the highest it offers there. */
export const SSL_client_version = (ssl: SSL): number => held(ssl).hello?.legacyVersion ?? 0x0303

/** The key of one key exchange: its NIDs, the group in OpenSSL's name, and its strength in bits. */
export interface EphemeralKey {
  /** EVP_PKEY_EC 408, X25519 1034, X448 1035, DH 28. */
  readonly id: number
  /** Of the curve; that of the kind for those that are a kind of their own. */
  readonly curve: number
  readonly name: string
  readonly bits: number
}
const temporary = (ssl: SSL): { ret: 0 | 1; key: EphemeralKey | null } => {
  const group = held(ssl).connection?.facts.group
  if (!group) return { ret: 0, key: null }
  const nid = groupNid(group)
  const id = group.openssl.startsWith('X') ? nid : group.openssl.startsWith('ffdhe') ? 28 : 408
  const bits = { X25519: 253, X448: 448, ffdhe2048: 2048, ffdhe3072: 3072 }[group.openssl]
  return {
    ret: 1,
    key: { id, curve: nid, name: group.openssl, bits: bits ?? (Number(/\d+/.exec(group.openssl)?.[0]) || 256) },
  }
}
/** What the peer's key of the key exchange was, as far as it is the same for both: not its value. `ret` 0: there is none. */
export const SSL_get_peer_tmp_key: (ssl: SSL) => { ret: 0 | 1; key: EphemeralKey | null } = temporary
export const SSL_get_server_tmp_key: (ssl: SSL) => { ret: 0 | 1; key: EphemeralKey | null } = temporary
/** What our own was. */
export const SSL_get_tmp_key: (ssl: SSL) => { ret: 0 | 1; key: EphemeralKey | null } = temporary

/** No waiting here has descriptors: SSL_wait and SSL_select wait for promises too. */
export const SSL_get_all_async_fds = (ssl: SSL): { ret: 1; fds: number[] } => (held(ssl), { ret: 1, fds: [] })
export const SSL_get_changed_async_fds = (ssl: SSL): { ret: 1; addfd: number[]; delfd: number[] } => (
  held(ssl), { ret: 1, addfd: [], delfd: [] }
)
