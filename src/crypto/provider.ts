import type { Maybe } from '../task.ts'
import type { CipherName } from './suites.ts'

/**
 * The contract between the protocol and a crypto library. Every answer may come now or later; the protocol is written
 * once for both. It is an object of functions, so providers compose by spreading: `{ ...noble, random: mine }`.
 * Signing and verifying is by `Algorithm`, sealing by whole record: a provider chooses its fastest call inside.
 */
export interface Provider {
  readonly name: string
  /** Record ciphers, groups and curves that work here; offers are the meeting of this with the configuration. */
  readonly ciphers: readonly CipherName[]
  readonly groups: readonly GroupName[]

  /** `length` bytes from a cryptographic generator. */
  random(length: number): Uint8Array
  /** A running hash. */
  hash(name: HashName): Hash
  /** A key for HMAC, prepared once and used as often as wanted. */
  hmac(name: HashName, key: Uint8Array): Hmac
  /** HKDF-Extract (RFC 5869 section 2.2). */
  extract(name: HashName, salt: Uint8Array, ikm: Uint8Array): Maybe<Uint8Array>
  /** HKDF-Expand (RFC 5869 section 2.3): `length` bytes. */
  expand(name: HashName, prk: Uint8Array, info: Uint8Array, length: number): Maybe<Uint8Array>
  /** HKDF-Expand-Label (RFC 9846 section 7.1); `label` without the "tls13 " in front. */
  expandLabel(name: HashName, secret: Uint8Array, label: string, context: Uint8Array, length: number): Maybe<Uint8Array>
  /** The TLS 1.2 PRF (RFC 5246 section 5). */
  prf(name: HashName, secret: Uint8Array, label: string, seed: Uint8Array, length: number): Maybe<Uint8Array>
  /** One direction of one epoch of records. */
  protection(keying: Keying): Protection
  /** AES-256-GCM for tickets and stored state: key of 32 bytes. */
  box(key: Uint8Array): Box
  /** Undefined: not here, so not offered either. */
  group(name: GroupName): Group | undefined
  /** A SubjectPublicKeyInfo (DER), parsed and checked once. Throws `Misuse` for kinds that are not supported. */
  publicKey(spki: Uint8Array): Maybe<PublicKey>
  /** An unencrypted PKCS#8 PrivateKeyInfo (DER). */
  privateKey(pkcs8: Uint8Array): Maybe<PrivateKey & { readonly pkcs8: Uint8Array }>
  /** PBKDF2 with HMAC (RFC 8018 section 5.2): `length` bytes, for encrypted private keys. Absent: none are opened here. */
  pbkdf2?(name: HashName, password: Uint8Array, salt: Uint8Array, iterations: number, length: number): Maybe<Uint8Array>
  /** scrypt (RFC 7914), as `pbkdf2`: N is `cost`, r `blockSize`, p `parallel`. Takes 128 * N * r bytes of memory. */
  scrypt?(password: Uint8Array, salt: Uint8Array, cost: ScryptCost, length: number): Maybe<Uint8Array>
  /** AES-CBC, whole blocks, padding left in place: key of 16, 24 or 32 bytes, iv of 16. */
  decryptCbc?(key: Uint8Array, iv: Uint8Array, data: Uint8Array): Maybe<Uint8Array>
  /**
   * The same by ciphers that only old files of keys have: iv of 8 bytes, key of 24 for triple DES, of 5 or 16 for RC2.
   * Throws `Misuse` where the runtime lacks the cipher.
   */
  decryptOldCbc?(cipher: 'des-ede3' | 'rc2', key: Uint8Array, iv: Uint8Array, data: Uint8Array): Maybe<Uint8Array>
  /** MD5, for the passwords of OpenSSL's old encrypted keys (EVP_BytesToKey(3)) and nothing else. */
  md5?(data: Uint8Array): Maybe<Uint8Array>
  /** A fresh key pair, for certificates made here. */
  generate(kind: KeyKind): Maybe<PrivateKey & { readonly pkcs8: Uint8Array }>
}

export interface ScryptCost {
  readonly cost: number
  readonly blockSize: number
  readonly parallel: number
}

export type HashName = 'sha1' | 'sha256' | 'sha384' | 'sha512'
export type GroupName =
  | 'x25519'
  | 'x448'
  | 'secp256r1'
  | 'secp384r1'
  | 'secp521r1'
  | 'ffdhe2048'
  | 'ffdhe3072'
  | 'x25519mlkem768'
  | 'mlkem1024'
  | OldCurve
export type CurveName = 'P-256' | 'P-384' | 'P-521' | OldCurve
/** Curves that TLS 1.3 has given up, of 256 bits and more: for TLS 1.2, when named. */
export type OldCurve = 'brainpoolP256r1' | 'brainpoolP384r1' | 'brainpoolP512r1' | 'secp256k1'
/** `rsa-2048` and so on make RSA keys of that size, `rsa-pss-2048` keys bound to PSS. */
export type KeyKind = CurveName | 'ed25519' | 'ed448' | `rsa-${number}` | `rsa-pss-${number}`

/** Bytes of a digest. */
export const hashLength: Readonly<Record<HashName, number>> = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 }

export interface Hash {
  /** `data` is lent until the call returns. */
  update(data: Uint8Array): void
  /** The digest of everything so far; may be asked again and again, and updated after. */
  digest(): Maybe<Uint8Array>
  /** The same hash as it stands now, to go on apart. */
  copy(): Hash
  /** Nothing more is asked of it; a digest may be under way. For those who have memory to give back. */
  end?(): void
}

export interface Hmac {
  /** The MAC over the parts, as if they were joined. */
  mac(...parts: readonly Uint8Array[]): Maybe<Uint8Array>
}

/** Diffie-Hellman and KEMs alike: one side starts, the other answers, the first finishes. */
export interface Group {
  /** `secret` (the scalar, tests only) instead of a random one. */
  start(secret?: Uint8Array): Maybe<Exchange>
  /** Throws `BadShare` for a point that is not on the curve, of low order, or of the wrong length. */
  answer(share: Uint8Array, secret?: Uint8Array): Maybe<{ share: Uint8Array; secret: Uint8Array }>
}
export interface Exchange {
  /** What the peer is sent (the `key_exchange` bytes of its group). */
  readonly share: Uint8Array
  /** The shared secret. Throws `BadShare` as `answer` does, also for an all-zero result. */
  finish(answer: Uint8Array): Maybe<Uint8Array>
}
/** The peer's key share is no valid one. */
export class BadShare extends Error {
  override readonly name: string = 'BadShare'
}

/** How to sign or verify, apart from the key. PSS always uses MGF1 with `hash`. */
export type Algorithm =
  | { readonly kind: 'rsa_pkcs1'; readonly hash: HashName }
  | { readonly kind: 'rsa_pss'; readonly hash: HashName; readonly saltLength: number }
  /** Signatures are the DER SEQUENCE of r and s. */
  | { readonly kind: 'ecdsa'; readonly hash: HashName }
  | { readonly kind: 'eddsa' }

/** What a key is; enough to choose and to judge it. */
export type KeyFacts =
  /** `rsa-pss`: the SPKI names id-RSASSA-PSS; `pss` its parameters, if it has any. */
  | { readonly type: 'rsa'; readonly bits: number }
  | { readonly type: 'rsa-pss'; readonly bits: number; readonly pss?: { hash: HashName; saltLength: number } }
  | { readonly type: 'ec'; readonly bits: number; readonly curve: CurveName }
  | { readonly type: 'ed25519' | 'ed448'; readonly bits: number }

export interface PublicKey {
  readonly facts: KeyFacts
  /** False for a bad signature and for an algorithm that does not fit the key; never throws for either. */
  verify(algorithm: Algorithm, message: Uint8Array, signature: Uint8Array): Maybe<boolean>
  /** RSAES-PKCS1-v1_5, for the static RSA key exchange of TLS 1.2. */
  encrypt?(message: Uint8Array): Maybe<Uint8Array>
}

/** A key near or far. */
export interface PrivateKey {
  readonly facts: KeyFacts
  /** Its public half as SubjectPublicKeyInfo (DER). */
  readonly spki: Uint8Array
  sign(algorithm: Algorithm, message: Uint8Array): Maybe<Uint8Array>
  /** Whether it signs so: keys far away are often bound to one algorithm. Absent: by all that fit its kind. */
  signs?(algorithm: Algorithm): boolean
  /**
   * RSAES-PKCS1-v1_5 for the static RSA key exchange: exactly `length` bytes come back, random ones when the padding
   * or the length is wrong (RFC 5246 section 7.4.7.1); the two must not be told apart, not by an error, not by time.
   */
  decrypt?(ciphertext: Uint8Array, length: number): Maybe<Uint8Array>
}

/** What records of one direction are protected with. */
export interface Keying {
  readonly version: 0x0303 | 0x0304
  readonly cipher: CipherName
  readonly key: Uint8Array
  /** 12 bytes; for the GCM and CCM suites of TLS 1.2 the 4 implicit ones; empty for CBC. */
  readonly iv: Uint8Array
  /** CBC suites only. */
  readonly mac?: { readonly hash: HashName; readonly key: Uint8Array; readonly encryptThenMac: boolean }
}

/** A record that could be opened. `data` is memory of its own: whoever reads it may keep it. */
export interface Opened {
  readonly type: number
  readonly data: Uint8Array
}

/** Seals or opens whole records: nonce, additional data, inner type and padding are made inside. */
export interface Protection {
  /** The length of the body that `seal` makes of that many bytes. */
  sealedLength(data: number, padding: number): number
  /**
   * Seals into `record`, of exactly 5 + `sealedLength` bytes, whose 5 header bytes stand already. `data` is lent until the call returns.
   * `type` and `padding` (zeros after the type) travel inside in TLS 1.3; in 1.2 the header has the type, and `padding` is 0.
   */
  seal(sequence: number, type: number, data: Uint8Array, padding: number, record: Uint8Array): Maybe<void>
  /** Opens a whole record (header and body). Undefined: it is not authentic, whatever was wrong with it. */
  open(sequence: number, record: Uint8Array): Maybe<Opened | undefined>
}

/** Sealed storage. */
export interface Box {
  /** 12 bytes of nonce, then ciphertext and tag (16 bytes). `plain` is lent until the call returns. */
  seal(plain: Uint8Array, aad: Uint8Array): Maybe<Uint8Array>
  /** Undefined: not ours, or not whole. */
  open(sealed: Uint8Array, aad: Uint8Array): Maybe<Uint8Array | undefined>
}
