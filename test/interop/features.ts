import type { Group, Kind, Part, Settings, Version } from './contract.ts'
import { pskSuites, suites } from './suites.ts'

/** One column of the table. */
export interface Feature {
  section: string
  name: string
  /** The conversation that shows it, when we play this part. */
  settings(ours: Part): Settings
}

const mebibyte = 1 << 20
const plain = (version: Version): Settings => ({ version, certificate: 'ecdsa', bytes: 100, closes: 'client' })
const other = (part: Part): Part => (part === 'client' ? 'server' : 'client')

const feature = (section: string, name: string, version: Version, more: Partial<Settings> = {}): Feature => ({
  section,
  name,
  settings: () => ({ ...plain(version), ...more }),
})

const versions: Version[] = ['1.3', '1.2']
const kinds: Kind[] = ['ecdsa', 'rsa', 'ed25519', 'rsa-pss']
const groups: [Version, Group[]][] = [
  ['1.3', ['X25519', 'P-256', 'P-384', 'P-521', 'X448', 'ffdhe2048', 'ffdhe3072']],
  ['1.2', ['X25519', 'P-256', 'P-384', 'P-521', 'X448']],
]

const suiteFeatures = suites.flatMap(({ name, version, short, cbc }): Feature[] => {
  const certificate: Kind = name.includes('RSA') && !name.includes('ECDSA') ? 'rsa' : 'ecdsa'
  if (version === '1.3') return [feature('1.3 suites', short, version, { suite: name })]
  const exchange = name.slice('TLS_'.length, name.indexOf('_WITH')).replace('_', '-')
  const section = exchange === 'RSA' ? '1.2 static RSA' : `1.2 ${exchange}`
  if (!cbc) return [feature(section, short, version, { suite: name, certificate })]
  return [true, false].map((encryptThenMac) =>
    feature(section, `${short}${encryptThenMac ? '+EtM' : ''}`, version, { suite: name, certificate, encryptThenMac }),
  )
})

/** Every column, in the order of the table. */
export const features: Feature[] = [
  ...versions.map((v) => feature('version', v, v)),
  ...suiteFeatures,
  // an ECDSA certificate would need its own curve among the groups of TLS 1.2
  ...groups.flatMap(([version, names]) =>
    names.map((g) =>
      feature(`${version} groups`, g, version, { clientGroups: [g], serverGroups: [g], certificate: 'rsa' }),
    ),
  ),
  // P-384 is what no peer sends a share of without being asked
  feature('hello retry', 'HRR', '1.3', { clientGroups: ['X25519', 'P-256', 'P-384'], serverGroups: ['P-384'] }),
  ...versions.flatMap((v) => kinds.map((certificate) => feature(`${v} certificates`, certificate, v, { certificate }))),
  ...versions.flatMap((v) =>
    kinds.map((clientCertificate) => feature(`${v} client auth`, clientCertificate, v, { clientCertificate })),
  ),
  feature('resumption', '1.3 ticket', '1.3', { resume: 'ticket' }),
  feature('resumption', '1.2 ticket', '1.2', { resume: 'ticket' }),
  feature('resumption', '1.2 id', '1.2', { resume: 'id' }),
  feature('early data', '1.3', '1.3', { resume: 'ticket', earlyData: true }),
  feature('external PSK', '1.3', '1.3', { psk: true, suite: 'TLS_AES_128_GCM_SHA256' }),
  ...pskSuites.map(({ short, name }) => feature('external PSK', `1.2 ${short}`, '1.2', { psk: true, suite: name })),
  ...versions.map((v) => feature('ALPN', v, v, { alpn: 'http/1.1' })),
  {
    section: 'key update',
    name: 'by us',
    settings: (ours) => ({ ...plain('1.3'), keyUpdate: ours, bytes: 40000 }),
  },
  {
    section: 'key update',
    name: 'by the peer',
    settings: (ours) => ({ ...plain('1.3'), keyUpdate: other(ours), bytes: 40000 }),
  },
  ...versions.map((v) => feature('1 MiB', v, v, { bytes: mebibyte })),
  feature('1 MiB', '1.2 CBC', '1.2', { bytes: mebibyte, suite: 'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA' }),
  ...versions.flatMap((v): Feature[] => [
    { section: 'clean close', name: `${v} we first`, settings: (ours) => ({ ...plain(v), closes: ours }) },
    { section: 'clean close', name: `${v} peer first`, settings: (ours) => ({ ...plain(v), closes: other(ours) }) },
  ]),
]
