import type { HashName } from './provider.ts'

/** How records are protected: the key and nonce lengths of each in bytes (RFC 5116, RFC 6655, RFC 8439, RFC 5246). */
export const ciphers = {
  'aes-128-gcm': { key: 16, iv12: 4, tag: 16, mode: 'aead' },
  'aes-256-gcm': { key: 32, iv12: 4, tag: 16, mode: 'aead' },
  'chacha20-poly1305': { key: 32, iv12: 12, tag: 16, mode: 'aead' },
  'aes-128-ccm': { key: 16, iv12: 4, tag: 16, mode: 'aead' },
  'aes-128-ccm-8': { key: 16, iv12: 4, tag: 8, mode: 'aead' },
  'aes-128-cbc': { key: 16, iv12: 0, tag: 0, mode: 'cbc' },
  'aes-256-cbc': { key: 32, iv12: 0, tag: 0, mode: 'cbc' },
} as const
export type CipherName = keyof typeof ciphers

/** How the keys are agreed in TLS 1.2, and with what kind of certificate. `any`: TLS 1.3, where extensions decide. */
export type Agreement = 'any' | 'ecdhe' | 'rsa' | 'psk' | 'ecdhe_psk'
export type Authentication = 'any' | 'ecdsa' | 'rsa' | 'psk'

export interface Suite {
  readonly id: number
  /** The IANA name. */
  readonly name: string
  /** OpenSSL's name. */
  readonly openssl: string
  readonly version: 0x0303 | 0x0304
  readonly agreement: Agreement
  readonly authentication: Authentication
  readonly cipher: CipherName
  /** Of the key schedule, the PRF and Finished. */
  readonly hash: HashName
  /** Of the record MAC: CBC suites only. */
  readonly mac?: HashName
  /** Offered when nothing else is said. */
  readonly default: boolean
}

const row = (
  id: number,
  name: string,
  openssl: string,
  agreement: Agreement,
  authentication: Authentication,
  cipher: CipherName,
  hash: HashName,
  mac?: HashName,
): Suite => ({
  id,
  name,
  openssl,
  version: agreement === 'any' ? 0x0304 : 0x0303,
  agreement,
  authentication,
  cipher,
  hash,
  ...(mac && { mac }),
  default: (agreement === 'any' || agreement === 'ecdhe') && ciphers[cipher].mode === 'aead' && !cipher.includes('ccm'),
})

/** Every suite there is, in the order in which they are preferred (RFC 9846 appendix B.4, RFC 5289, RFC 7905, RFC 5246, RFC 5487, RFC 5489, RFC 8442). */
export const suites: readonly Suite[] = [
  row(0x1301, 'TLS_AES_128_GCM_SHA256', 'TLS_AES_128_GCM_SHA256', 'any', 'any', 'aes-128-gcm', 'sha256'),
  row(0x1302, 'TLS_AES_256_GCM_SHA384', 'TLS_AES_256_GCM_SHA384', 'any', 'any', 'aes-256-gcm', 'sha384'),
  row(
    0x1303,
    'TLS_CHACHA20_POLY1305_SHA256',
    'TLS_CHACHA20_POLY1305_SHA256',
    'any',
    'any',
    'chacha20-poly1305',
    'sha256',
  ),
  row(0x1304, 'TLS_AES_128_CCM_SHA256', 'TLS_AES_128_CCM_SHA256', 'any', 'any', 'aes-128-ccm', 'sha256'),
  row(0x1305, 'TLS_AES_128_CCM_8_SHA256', 'TLS_AES_128_CCM_8_SHA256', 'any', 'any', 'aes-128-ccm-8', 'sha256'),
  row(
    0xc02b,
    'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ecdhe',
    'ecdsa',
    'aes-128-gcm',
    'sha256',
  ),
  row(
    0xc02f,
    'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
    'ECDHE-RSA-AES128-GCM-SHA256',
    'ecdhe',
    'rsa',
    'aes-128-gcm',
    'sha256',
  ),
  row(
    0xc02c,
    'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ecdhe',
    'ecdsa',
    'aes-256-gcm',
    'sha384',
  ),
  row(
    0xc030,
    'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384',
    'ecdhe',
    'rsa',
    'aes-256-gcm',
    'sha384',
  ),
  row(
    0xcca9,
    'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
    'ecdhe',
    'ecdsa',
    'chacha20-poly1305',
    'sha256',
  ),
  row(
    0xcca8,
    'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256',
    'ECDHE-RSA-CHACHA20-POLY1305',
    'ecdhe',
    'rsa',
    'chacha20-poly1305',
    'sha256',
  ),
  row(
    0xc024,
    'TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384',
    'ECDHE-ECDSA-AES256-SHA384',
    'ecdhe',
    'ecdsa',
    'aes-256-cbc',
    'sha384',
    'sha384',
  ),
  row(
    0xc028,
    'TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384',
    'ECDHE-RSA-AES256-SHA384',
    'ecdhe',
    'rsa',
    'aes-256-cbc',
    'sha384',
    'sha384',
  ),
  row(
    0xc023,
    'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256',
    'ECDHE-ECDSA-AES128-SHA256',
    'ecdhe',
    'ecdsa',
    'aes-128-cbc',
    'sha256',
    'sha256',
  ),
  row(
    0xc027,
    'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256',
    'ECDHE-RSA-AES128-SHA256',
    'ecdhe',
    'rsa',
    'aes-128-cbc',
    'sha256',
    'sha256',
  ),
  row(
    0xc00a,
    'TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA',
    'ECDHE-ECDSA-AES256-SHA',
    'ecdhe',
    'ecdsa',
    'aes-256-cbc',
    'sha256',
    'sha1',
  ),
  row(
    0xc014,
    'TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA',
    'ECDHE-RSA-AES256-SHA',
    'ecdhe',
    'rsa',
    'aes-256-cbc',
    'sha256',
    'sha1',
  ),
  row(
    0xc009,
    'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA',
    'ECDHE-ECDSA-AES128-SHA',
    'ecdhe',
    'ecdsa',
    'aes-128-cbc',
    'sha256',
    'sha1',
  ),
  row(
    0xc013,
    'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA',
    'ECDHE-RSA-AES128-SHA',
    'ecdhe',
    'rsa',
    'aes-128-cbc',
    'sha256',
    'sha1',
  ),
  row(0x009d, 'TLS_RSA_WITH_AES_256_GCM_SHA384', 'AES256-GCM-SHA384', 'rsa', 'rsa', 'aes-256-gcm', 'sha384'),
  row(0x009c, 'TLS_RSA_WITH_AES_128_GCM_SHA256', 'AES128-GCM-SHA256', 'rsa', 'rsa', 'aes-128-gcm', 'sha256'),
  row(0x003d, 'TLS_RSA_WITH_AES_256_CBC_SHA256', 'AES256-SHA256', 'rsa', 'rsa', 'aes-256-cbc', 'sha256', 'sha256'),
  row(0x003c, 'TLS_RSA_WITH_AES_128_CBC_SHA256', 'AES128-SHA256', 'rsa', 'rsa', 'aes-128-cbc', 'sha256', 'sha256'),
  row(0x0035, 'TLS_RSA_WITH_AES_256_CBC_SHA', 'AES256-SHA', 'rsa', 'rsa', 'aes-256-cbc', 'sha256', 'sha1'),
  row(0x002f, 'TLS_RSA_WITH_AES_128_CBC_SHA', 'AES128-SHA', 'rsa', 'rsa', 'aes-128-cbc', 'sha256', 'sha1'),
  row(
    0xd001,
    'TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256',
    'ECDHE-PSK-AES128-GCM-SHA256',
    'ecdhe_psk',
    'psk',
    'aes-128-gcm',
    'sha256',
  ),
  row(
    0xd002,
    'TLS_ECDHE_PSK_WITH_AES_256_GCM_SHA384',
    'ECDHE-PSK-AES256-GCM-SHA384',
    'ecdhe_psk',
    'psk',
    'aes-256-gcm',
    'sha384',
  ),
  row(
    0xccac,
    'TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256',
    'ECDHE-PSK-CHACHA20-POLY1305',
    'ecdhe_psk',
    'psk',
    'chacha20-poly1305',
    'sha256',
  ),
  row(0x00a9, 'TLS_PSK_WITH_AES_256_GCM_SHA384', 'PSK-AES256-GCM-SHA384', 'psk', 'psk', 'aes-256-gcm', 'sha384'),
  row(
    0xccab,
    'TLS_PSK_WITH_CHACHA20_POLY1305_SHA256',
    'PSK-CHACHA20-POLY1305',
    'psk',
    'psk',
    'chacha20-poly1305',
    'sha256',
  ),
  row(0x00a8, 'TLS_PSK_WITH_AES_128_GCM_SHA256', 'PSK-AES128-GCM-SHA256', 'psk', 'psk', 'aes-128-gcm', 'sha256'),
  row(
    0xc038,
    'TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA384',
    'ECDHE-PSK-AES256-CBC-SHA384',
    'ecdhe_psk',
    'psk',
    'aes-256-cbc',
    'sha384',
    'sha384',
  ),
  row(
    0xc037,
    'TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256',
    'ECDHE-PSK-AES128-CBC-SHA256',
    'ecdhe_psk',
    'psk',
    'aes-128-cbc',
    'sha256',
    'sha256',
  ),
  row(
    0xc036,
    'TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA',
    'ECDHE-PSK-AES256-CBC-SHA',
    'ecdhe_psk',
    'psk',
    'aes-256-cbc',
    'sha256',
    'sha1',
  ),
  row(
    0xc035,
    'TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA',
    'ECDHE-PSK-AES128-CBC-SHA',
    'ecdhe_psk',
    'psk',
    'aes-128-cbc',
    'sha256',
    'sha1',
  ),
  row(
    0x00af,
    'TLS_PSK_WITH_AES_256_CBC_SHA384',
    'PSK-AES256-CBC-SHA384',
    'psk',
    'psk',
    'aes-256-cbc',
    'sha384',
    'sha384',
  ),
  row(
    0x00ae,
    'TLS_PSK_WITH_AES_128_CBC_SHA256',
    'PSK-AES128-CBC-SHA256',
    'psk',
    'psk',
    'aes-128-cbc',
    'sha256',
    'sha256',
  ),
  row(0x008d, 'TLS_PSK_WITH_AES_256_CBC_SHA', 'PSK-AES256-CBC-SHA', 'psk', 'psk', 'aes-256-cbc', 'sha256', 'sha1'),
  row(0x008c, 'TLS_PSK_WITH_AES_128_CBC_SHA', 'PSK-AES128-CBC-SHA', 'psk', 'psk', 'aes-128-cbc', 'sha256', 'sha1'),
]

const byId = new Map(suites.map((suite) => [suite.id, suite]))
/** Undefined for a suite that is not ours (and for GREASE and signalling values). */
export const suiteById = (id: number): Suite | undefined => byId.get(id)

/** TLS_EMPTY_RENEGOTIATION_INFO_SCSV (RFC 5746) and TLS_FALLBACK_SCSV (RFC 7507): signals, not suites. */
export const RENEGOTIATION_SCSV = 0x00ff
export const FALLBACK_SCSV = 0x5600
