import { ciphers, type Suite, suites } from '../crypto/suites.ts'
import { type SuiteB, suiteStrength } from './lists.ts'

/** Lists of cipher suites (ciphers(1), SSL_CTX_set_cipher_list(3)) and what can be asked of one (SSL_CIPHER_get_name(3)). */

/** A cipher suite as a program meets it. There is one object for each, so they can be compared. */
export class SSL_CIPHER {
  readonly suite: Suite

  constructor(suite: Suite) {
    this.suite = suite
  }
}

const objects = new Map(suites.map((suite) => [suite.id, new SSL_CIPHER(suite)]))
export const cipherOf = (suite: Suite): SSL_CIPHER => objects.get(suite.id) as SSL_CIPHER

const named = (names: string): readonly Suite[] =>
  names.split(':').flatMap((name) => suites.find((suite) => suite.openssl === name) ?? [])

export const defaultCiphersuites: readonly Suite[] = named(
  'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256',
)

/** Every suite of TLS 1.2 in OpenSSL's own order of preference. */
const all12: readonly Suite[] = [
  0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc02b, 0xc02f, 0xc024, 0xc028, 0xc023, 0xc027, 0xc00a, 0xc014, 0xc009, 0xc013,
  0x009d, 0x009c, 0x003d, 0x003c, 0x0035, 0x002f, 0xd002, 0xccac, 0xd001, 0x00a9, 0xccab, 0x00a8, 0xc038, 0xc036,
  0xc037, 0xc035, 0x00af, 0x008d, 0x00ae, 0x008c,
].map((id) => suites.find((suite) => suite.id === id) as Suite)

/** What counts when a program says nothing. */
export const defaultCipherList: readonly Suite[] = all12.filter((suite) => suite.default)
/** And behind it, where the program has keys that were agreed elsewhere. */
export const defaultPskList: readonly Suite[] = all12.filter(
  ({ authentication, mac }) => authentication === 'psk' && mac === undefined,
)
/** What the word DEFAULT stands for. Who writes it asks for OpenSSL's list, CBC, static RSA and PSK at its end included. */
const namedDefault: readonly Suite[] = all12

/** The list of TLS 1.3 suites; undefined if one of the names is unknown. */
export const parseCiphersuites = (list: string): readonly Suite[] | undefined => {
  if (list === '') return []
  const wanted = list
    .split(':')
    .map((name) => suites.find((suite) => suite.openssl === name && suite.version === 0x0304))
  return wanted.every((suite) => suite !== undefined) ? (wanted as Suite[]) : undefined
}

type Trait = (suite: Suite) => boolean
const cipher =
  (start: string): Trait =>
  (suite) =>
    suite.cipher.startsWith(start)
const none: Trait = () => false
const aead: Trait = (suite) => ciphers[suite.cipher].mode === 'aead'

/** What each keyword stands for. Those for which we have no suite are known, and empty. */
const keywords: Readonly<Record<string, Trait>> = {
  ALL: () => true,
  COMPLEMENTOFALL: none,
  COMPLEMENTOFDEFAULT: (suite) => !namedDefault.includes(suite),
  HIGH: () => true,
  FIPS: (suite) => !suite.cipher.startsWith('chacha'),
  kRSA: (suite) => suite.agreement === 'rsa',
  RSA: (suite) => suite.agreement === 'rsa',
  kEECDH: (suite) => suite.agreement === 'ecdhe',
  kECDHE: (suite) => suite.agreement === 'ecdhe',
  ECDHE: (suite) => suite.agreement === 'ecdhe',
  EECDH: (suite) => suite.agreement === 'ecdhe',
  aRSA: (suite) => suite.authentication === 'rsa',
  aECDSA: (suite) => suite.authentication === 'ecdsa',
  ECDSA: (suite) => suite.authentication === 'ecdsa',
  PSK: (suite) => suite.authentication === 'psk',
  aPSK: (suite) => suite.authentication === 'psk',
  kPSK: (suite) => suite.agreement === 'psk',
  kECDHEPSK: (suite) => suite.agreement === 'ecdhe_psk',
  AES: cipher('aes'),
  AES128: cipher('aes-128'),
  AES256: cipher('aes-256'),
  AESGCM: (suite) => suite.cipher.endsWith('gcm'),
  AESCCM: (suite) => suite.cipher.includes('ccm'),
  AESCCM8: (suite) => suite.cipher.endsWith('ccm-8'),
  CHACHA20: cipher('chacha20'),
  SHA: (suite) => suite.mac === 'sha1',
  SHA1: (suite) => suite.mac === 'sha1',
  SHA256: (suite) => suite.mac === 'sha256',
  SHA384: (suite) => suite.mac === 'sha384',
  'TLSv1.2': (suite) => suite.mac !== 'sha1',
  'TLSv1.0': (suite) => suite.mac === 'sha1' && suite.agreement === 'ecdhe',
  TLSv1: (suite) => suite.mac === 'sha1',
  SSLv3: (suite) => suite.mac === 'sha1' && suite.agreement === 'rsa',
  ...Object.fromEntries(
    'MEDIUM LOW EXP EXPORT NULL eNULL aNULL kDHEPSK kRSAPSK SRP kSRP aSRP DHE kDHE EDH kEDH ADH AECDH DH kDHr kDHd aDSS DSS DES 3DES RC4 RC2 IDEA SEED CAMELLIA CAMELLIA128 CAMELLIA256 ARIA ARIA128 ARIA256 ARIAGCM MD5 GOST kGOST aGOST aGOST01 GOST94 GOST89MAC GOST12'
      .split(' ')
      .map((name) => [name, none]),
  ),
}

const SUITE_B: Readonly<Record<string, readonly [SuiteB, suites: string]>> = {
  SUITEB128: ['128', 'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384'],
  SUITEB128C2: ['128', 'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384'],
  SUITEB128ONLY: ['128only', 'ECDHE-ECDSA-AES128-GCM-SHA256'],
  SUITEB192: ['192', 'ECDHE-ECDSA-AES256-GCM-SHA384'],
}

export interface CipherRule {
  /** Undefined for a command that there is not: then nothing counts. */
  readonly suites: readonly Suite[] | undefined
  /** What `@SECLEVEL=` said. */
  readonly level?: number
  /** Groups and signatures are restricted with the suites. */
  readonly suiteB?: SuiteB
}

/** The suites that a cipher string stands for, best first; the string is read from left to right as ciphers(1) says. */
export const parseCipherList = (text: string): CipherRule => {
  const bee = Object.hasOwn(SUITE_B, text) ? SUITE_B[text] : undefined
  if (bee) return { suites: named(bee[1]), suiteB: bee[0] }
  let active: Suite[] = []
  let killed: readonly Suite[] = []
  let level: number | undefined
  let rest = text
  if (/^DEFAULT(?![A-Za-z0-9_.=+-])/.test(rest)) {
    active = [...namedDefault]
    rest = rest.slice('DEFAULT'.length)
  }
  // a command needs no separator before it: DEFAULT@SECLEVEL=2
  for (const item of rest.split(/[:, ;]+|(?=@)/)) {
    if (item === '') continue
    if (item.startsWith('@')) {
      const seclevel = /^@SECLEVEL=([0-5])$/.exec(item)
      if (seclevel) level = Number(seclevel[1])
      else if (item === '@STRENGTH') active.sort((a, b) => suiteStrength(b) - suiteStrength(a))
      else return { suites: undefined }
      continue
    }
    const sign = '!-+'.includes(item.charAt(0)) ? item.charAt(0) : ''
    const traits = item.slice(sign.length).split('+').map(traitOf)
    // an item with an unknown part is passed over, as a newer program's list must work with an older library
    if (!traits.every((trait) => trait !== undefined)) continue
    const matches: Trait = (suite) => traits.every((trait) => trait?.(suite))
    const chosen = active.filter(matches)
    if (sign === '')
      active.push(...all12.filter((suite) => matches(suite) && !active.includes(suite) && !killed.includes(suite)))
    else active = active.filter((suite) => !matches(suite))
    if (sign === '+') active.push(...chosen)
    if (sign === '!') killed = [...killed, ...all12.filter(matches)]
  }
  return { suites: active, ...(level !== undefined && { level }) }
}

const traitOf = (word: string): Trait | undefined => {
  const suite = all12.find(({ openssl }) => openssl === word)
  return suite ? (candidate) => candidate === suite : Object.hasOwn(keywords, word) ? keywords[word] : undefined
}

// ---- what can be asked of one

export const SSL_CIPHER_get_name = (c: SSL_CIPHER | null): string => c?.suite.openssl ?? '(NONE)'
/** The name of the IANA registry. */
export const SSL_CIPHER_standard_name = (c: SSL_CIPHER | null): string => c?.suite.name ?? '(NONE)'
/** The OpenSSL name of a standard name, `(NONE)` for an unknown one. */
export const OPENSSL_cipher_name = (stdname: string): string =>
  suites.find(({ name }) => name === stdname)?.openssl ?? '(NONE)'
/** The number with OpenSSL's 0x03000000 in front. */
export const SSL_CIPHER_get_id = (c: SSL_CIPHER): number => 0x03000000 | c.suite.id
/** The number on the wire. */
export const SSL_CIPHER_get_protocol_id = (c: SSL_CIPHER): number => c.suite.id
/** Bits of secrecy, and bits that the algorithm processes. */
export const SSL_CIPHER_get_bits = (c: SSL_CIPHER | null): { ret: number; alg_bits: number } => {
  const bits = c === null ? 0 : suiteStrength(c.suite)
  return { ret: bits, alg_bits: bits }
}
/** The lowest version that has it. */
export const SSL_CIPHER_get_version = (c: SSL_CIPHER | null): string => {
  if (c === null) return '(NONE)'
  const { suite } = c
  if (suite.version === 0x0304) return 'TLSv1.3'
  return suite.mac !== 'sha1' ? 'TLSv1.2' : suite.agreement === 'rsa' ? 'SSLv3' : 'TLSv1.0'
}
export const SSL_CIPHER_is_aead = (c: SSL_CIPHER): 0 | 1 => (aead(c.suite) ? 1 : 0)

const kxNids = { any: 1063, ecdhe: 1038, rsa: 1037, psk: 1042, ecdhe_psk: 1040 } as const
const authNids = { any: 1064, ecdsa: 1047, rsa: 1046, psk: 1048 } as const
const cipherNids = {
  'aes-128-gcm': 895,
  'aes-256-gcm': 901,
  'chacha20-poly1305': 1018,
  'aes-128-ccm': 896,
  'aes-128-ccm-8': 896,
  'aes-128-cbc': 419,
  'aes-256-cbc': 427,
} as const
const hashNids = { sha1: 64, sha256: 672, sha384: 673, sha512: 674 } as const
export const SSL_CIPHER_get_kx_nid = (c: SSL_CIPHER): number => kxNids[c.suite.agreement]
export const SSL_CIPHER_get_auth_nid = (c: SSL_CIPHER): number => authNids[c.suite.authentication]
export const SSL_CIPHER_get_cipher_nid = (c: SSL_CIPHER): number => cipherNids[c.suite.cipher]
/** Of the record MAC; 0 for AEAD suites. */
export const SSL_CIPHER_get_digest_nid = (c: SSL_CIPHER): number => (c.suite.mac ? hashNids[c.suite.mac] : 0)
/** The suite of two wire bytes, null if it is none of ours. The first argument is any SSL. */
export const SSL_CIPHER_find = (_ssl: unknown, bytes: Uint8Array): SSL_CIPHER | null =>
  objects.get(((bytes[0] as number) << 8) | (bytes[1] as number)) ?? null

const kxNames = { any: 'any', ecdhe: 'ECDH', rsa: 'RSA', psk: 'PSK', ecdhe_psk: 'ECDHEPSK' } as const
const authNames = { any: 'any', ecdsa: 'ECDSA', rsa: 'RSA', psk: 'PSK' } as const
const encNames: Readonly<Record<string, string>> = {
  'aes-128-gcm': 'AESGCM(128)',
  'aes-256-gcm': 'AESGCM(256)',
  'chacha20-poly1305': 'CHACHA20/POLY1305(256)',
  'aes-128-ccm': 'AESCCM(128)',
  'aes-128-ccm-8': 'AESCCM8(128)',
  'aes-128-cbc': 'AES(128)',
  'aes-256-cbc': 'AES(256)',
}
/** One line with a newline, as `openssl ciphers -v` prints it. */
export const SSL_CIPHER_description = (c: SSL_CIPHER): string => {
  const { suite } = c
  const mac = suite.mac ? suite.mac.toUpperCase() : 'AEAD'
  const columns = [
    suite.openssl.padEnd(23),
    SSL_CIPHER_get_version(c),
    `Kx=${kxNames[suite.agreement].padEnd(8)}`,
    `Au=${authNames[suite.authentication].padEnd(4)}`,
    `Enc=${(encNames[suite.cipher] ?? '').padEnd(9)}`,
    `Mac=${mac.padEnd(4)}`,
  ]
  return `${columns.join(' ')}\n`
}

/** The name of the hash of its key schedule; null for none. */
export const SSL_CIPHER_get_handshake_digest = (c: SSL_CIPHER | null): string | null =>
  c?.suite.hash.toUpperCase() ?? null
/** The suites in a list of two bytes each, those that are known here and the signals among them; null for half of one. */
export const SSL_bytes_to_cipher_list = (
  _ssl: unknown,
  bytes: Uint8Array,
): { sk: SSL_CIPHER[]; scsvs: number[] } | null => {
  if (bytes.length === 0 || bytes.length % 2 !== 0) return null
  const sk: SSL_CIPHER[] = []
  const scsvs: number[] = []
  for (let at = 0; at < bytes.length; at += 2) {
    const id = ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
    const known = objects.get(id)
    if (known) sk.push(known)
    else if (id === 0x00ff || id === 0x5600) scsvs.push(id)
  }
  return { sk, scsvs }
}
