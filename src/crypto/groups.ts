import type { CurveName, GroupName, OldCurve } from './provider.ts'

export interface NamedGroup {
  readonly id: number
  readonly name: GroupName
  /** As OpenSSL prints and takes it. */
  readonly openssl: string
  /** For `-groups` and set1_groups_list: other names that people use. */
  readonly aliases: readonly string[]
  /** Bytes of a key share; of the client's, where the server's has another length. */
  readonly share: number
  readonly bits: number
  /** TLS 1.2 uses elliptic curves only; ffdhe is for TLS 1.3. */
  readonly tls12: boolean
  /** Brainpool's curves and secp256k1 are for TLS 1.2 only (RFC 9846 appendix B.3.1.4). */
  readonly tls13: boolean
  readonly default: boolean
  /** The NIST curve that it is, for ECDSA keys. */
  readonly curve?: CurveName
}

const old = (id: number, name: OldCurve, share: number, bits: number): NamedGroup => ({
  id,
  name,
  openssl: name,
  aliases: [],
  share,
  bits,
  tls12: true,
  tls13: false,
  default: false,
  curve: name,
})

/** Named groups in the order in which they are preferred (RFC 9846 section 4.2.7, RFC 7919). */
export const groups: readonly NamedGroup[] = [
  {
    id: 0x001d,
    name: 'x25519',
    openssl: 'X25519',
    aliases: [],
    share: 32,
    bits: 253,
    tls12: true,
    tls13: true,
    default: true,
  },
  {
    id: 0x0017,
    name: 'secp256r1',
    openssl: 'P-256',
    aliases: ['prime256v1'],
    share: 65,
    bits: 256,
    tls12: true,
    tls13: true,
    default: true,
    curve: 'P-256',
  },
  {
    id: 0x0018,
    name: 'secp384r1',
    openssl: 'P-384',
    aliases: [],
    share: 97,
    bits: 384,
    tls12: true,
    tls13: true,
    default: true,
    curve: 'P-384',
  },
  {
    id: 0x0019,
    name: 'secp521r1',
    openssl: 'P-521',
    aliases: [],
    share: 133,
    bits: 521,
    tls12: true,
    tls13: true,
    default: true,
    curve: 'P-521',
  },
  {
    id: 0x001e,
    name: 'x448',
    openssl: 'X448',
    aliases: [],
    share: 56,
    bits: 448,
    tls12: true,
    tls13: true,
    default: false,
  },
  old(0x001a, 'brainpoolP256r1', 65, 256),
  old(0x001b, 'brainpoolP384r1', 97, 384),
  old(0x001c, 'brainpoolP512r1', 129, 512),
  old(0x0016, 'secp256k1', 65, 256),
  {
    id: 0x0100,
    name: 'ffdhe2048',
    openssl: 'ffdhe2048',
    aliases: [],
    share: 256,
    bits: 2048,
    tls12: false,
    tls13: true,
    default: false,
  },
  {
    id: 0x0101,
    name: 'ffdhe3072',
    openssl: 'ffdhe3072',
    aliases: [],
    share: 384,
    bits: 3072,
    tls12: false,
    tls13: true,
    default: false,
  },
  {
    id: 0x11ec,
    name: 'x25519mlkem768',
    openssl: 'X25519MLKEM768',
    aliases: [],
    share: 1216,
    bits: 192,
    tls12: false,
    tls13: true,
    default: false,
  },
  {
    id: 0x0202,
    name: 'mlkem1024',
    openssl: 'MLKEM1024',
    aliases: [],
    share: 1568,
    bits: 256,
    tls12: false,
    tls13: true,
    default: false,
  },
]

const byId = new Map(groups.map((group) => [group.id, group]))
export const groupById = (id: number): NamedGroup | undefined => byId.get(id)

/** By any of its names, upper or lower case. */
export const groupByName = (name: string): NamedGroup | undefined => {
  const wanted = name.toLowerCase()
  return groups.find((g) => [g.name, g.openssl, ...g.aliases].some((known) => known.toLowerCase() === wanted))
}
