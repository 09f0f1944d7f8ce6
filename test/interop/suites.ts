import type { Group, Version } from './contract.ts'

/** A cipher suite under the names that the peers know it by. */
export interface SuiteRow {
  name: string
  version: Version
  /** The heading in the table. */
  short: string
  openssl: string
  /** Priority words: key exchange, cipher, MAC. */
  gnutls: [exchange: string, cipher: string, mac: string]
  code: number
  cbc: boolean
}

const row13 = (code: number, name: string, short: string, cipher: string): SuiteRow => ({
  name,
  version: '1.3',
  short,
  openssl: name,
  gnutls: ['', cipher, 'AEAD'],
  code,
  cbc: false,
})

// [AES-128-GCM …]: columns of the 1.2 suites, in the order of the codes below
const protections: [iana: string, openssl: string, cipher: string, mac: string][] = [
  ['AES_128_GCM_SHA256', 'AES128-GCM-SHA256', 'AES-128-GCM', 'AEAD'],
  ['AES_256_GCM_SHA384', 'AES256-GCM-SHA384', 'AES-256-GCM', 'AEAD'],
  ['CHACHA20_POLY1305_SHA256', 'CHACHA20-POLY1305', 'CHACHA20-POLY1305', 'AEAD'],
  ['AES_128_CBC_SHA', 'AES128-SHA', 'AES-128-CBC', 'SHA1'],
  ['AES_256_CBC_SHA', 'AES256-SHA', 'AES-256-CBC', 'SHA1'],
  ['AES_128_CBC_SHA256', 'AES128-SHA256', 'AES-128-CBC', 'SHA256'],
  ['AES_256_CBC_SHA384', 'AES256-SHA384', 'AES-256-CBC', 'SHA384'],
  ['AES_256_CBC_SHA256', 'AES256-SHA256', 'AES-256-CBC', 'SHA256'],
]

const exchanges: [iana: string, openssl: string, gnutls: string, codes: (number | undefined)[]][] = [
  ['ECDHE_ECDSA', 'ECDHE-ECDSA-', 'ECDHE-ECDSA', [0xc02b, 0xc02c, 0xcca9, 0xc009, 0xc00a, 0xc023, 0xc024, undefined]],
  ['ECDHE_RSA', 'ECDHE-RSA-', 'ECDHE-RSA', [0xc02f, 0xc030, 0xcca8, 0xc013, 0xc014, 0xc027, 0xc028, undefined]],
  ['RSA', '', 'RSA', [0x9c, 0x9d, undefined, 0x2f, 0x35, 0x3c, undefined, 0x3d]],
]

export const suites: SuiteRow[] = [
  row13(0x1301, 'TLS_AES_128_GCM_SHA256', 'AES128GCM', 'AES-128-GCM'),
  row13(0x1302, 'TLS_AES_256_GCM_SHA384', 'AES256GCM', 'AES-256-GCM'),
  row13(0x1303, 'TLS_CHACHA20_POLY1305_SHA256', 'CHACHA20', 'CHACHA20-POLY1305'),
  ...exchanges.flatMap(([iana, openssl, gnutls, codes]) =>
    protections.flatMap(([ianaTail, opensslTail, cipher, mac], i): SuiteRow[] => {
      const code = codes[i]
      if (code === undefined) return []
      return [
        {
          name: `TLS_${iana}_WITH_${ianaTail}`,
          version: '1.2',
          short: opensslTail.replace(/(GCM|POLY1305)-SHA\d+$|-POLY1305$/, '$1').replace(/-GCM$/, 'GCM'),
          openssl: openssl + opensslTail,
          gnutls: [gnutls, cipher, mac],
          code,
          cbc: ianaTail.includes('CBC'),
        },
      ]
    }),
  ),
]

/** Suites of TLS 1.2 for keys agreed elsewhere. */
export const pskSuites: SuiteRow[] = [
  {
    name: 'TLS_PSK_WITH_AES_128_GCM_SHA256',
    version: '1.2',
    short: 'PSK',
    openssl: 'PSK-AES128-GCM-SHA256',
    gnutls: ['PSK', 'AES-128-GCM', 'AEAD'],
    code: 0x00a8,
    cbc: false,
  },
  {
    name: 'TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256',
    version: '1.2',
    short: 'ECDHE-PSK',
    openssl: 'ECDHE-PSK-CHACHA20-POLY1305',
    gnutls: ['ECDHE-PSK', 'CHACHA20-POLY1305', 'AEAD'],
    code: 0xccac,
    cbc: false,
  },
]

export const suiteNamed = (name: string): SuiteRow => {
  const found = [...suites, ...pskSuites].find((s) => s.name === name || s.openssl === name)
  if (!found) throw new Error(`cipher suite ${name} is not in suites.ts: add its row`)
  return found
}

/** A named group under the names that the peers know it by. */
export interface GroupRow {
  name: Group
  code: number
  openssl: string
  gnutls: string
  nss?: string
  java: string
}

export const groups: GroupRow[] = [
  { name: 'X25519', code: 29, openssl: 'X25519', gnutls: 'X25519', nss: 'x25519', java: 'x25519' },
  { name: 'P-256', code: 23, openssl: 'P-256', gnutls: 'SECP256R1', nss: 'P256', java: 'secp256r1' },
  { name: 'P-384', code: 24, openssl: 'P-384', gnutls: 'SECP384R1', nss: 'P384', java: 'secp384r1' },
  { name: 'P-521', code: 25, openssl: 'P-521', gnutls: 'SECP521R1', nss: 'P521', java: 'secp521r1' },
  { name: 'X448', code: 30, openssl: 'X448', gnutls: 'X448', java: 'x448' },
  { name: 'ffdhe2048', code: 256, openssl: 'ffdhe2048', gnutls: 'FFDHE2048', nss: 'FF2048', java: 'ffdhe2048' },
  { name: 'ffdhe3072', code: 257, openssl: 'ffdhe3072', gnutls: 'FFDHE3072', nss: 'FF3072', java: 'ffdhe3072' },
]

export const groupNamed = (name: Group): GroupRow => groups.find((g) => g.name === name)!

/** The group with this code, or undefined for one that the table does not ask for. */
export const groupOf = (code: number): Group | undefined => groups.find((g) => g.code === code)?.name
