import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Materials, Peer, Settings, Transcript, Version } from '../contract.ts'
import { Child, lastWords, versionOf } from '../process.ts'
import { groupNamed, suiteNamed } from '../suites.ts'

/** The curl command, whichever TLS library it was built with. */
export const curl = (materials: Materials): Peer => ({
  name: 'curl',
  find: () => versionOf('curl', ['--version'], /^curl \S+ .*libcurl\S* \S+/),
  cannot(s) {
    if (s.keyUpdate === 'client') return 'cli'
    if (s.version === '1.2' && s.resume === 'ticket') return 'ids-only'
    return undefined
  },
  style: () => 'put',

  async connect(s, _style, port) {
    const payload = materials.payload(s.bytes)
    const out = join(materials.dir, 'curl.out')
    const request = [
      ...['--http1.1', '--cacert', materials.ca, '--resolve', `localhost:${port}:127.0.0.1`],
      ...['--upload-file', payload.file, '--output', out, ...options(s, materials)],
      // both sides end each connection after its one request
      ...(s.resume ? ['--header', 'Connection: close'] : []),
      `https://localhost:${port}/${s.bytes}`,
    ]
    const child = new Child('curl', [
      '--silent',
      '--show-error',
      '--verbose',
      ...request,
      ...(s.resume ? ['--next', ...request] : []),
    ])
    const code = await child.exited
    if (code !== 0) throw new Error(`curl ended with ${code}: ${lastWords(child.err)}`)
    if (!readFileSync(out).equals(payload.bytes)) throw new Error('the payload came back changed')
    return { ...facts(child.err), bytes: payload.bytes.length }
  },
})

const options = (s: Settings, materials: Materials): string[] => [
  ...[`--tlsv${s.version}`, '--tls-max', s.version],
  ...(s.suite ? [s.version === '1.3' ? '--tls13-ciphers' : '--ciphers', suiteNamed(s.suite).openssl] : []),
  ...(s.clientGroups ? ['--curves', s.clientGroups.map((g) => groupNamed(g).openssl).join(':')] : []),
  ...(s.clientCertificate
    ? ['--cert', materials.leaf(s.clientCertificate).certificate, '--key', materials.leaf(s.clientCertificate).key]
    : []),
]

/** What `--verbose` told about the last connection. */
const facts = (text: string): Transcript => {
  const last = text.slice(text.lastIndexOf('* Connected to'))
  const [, version, suite] = last.match(/^\* SSL connection using TLSv([\d.]+) \/ (\S+)/m) ?? []
  const alpn = last.match(/^\* ALPN: server accepted (\S+)/m)
  return {
    version: version as Version,
    suite: suiteNamed(suite!).name,
    ...(alpn ? { alpn: alpn[1]! } : {}),
    resumed: !/\(IN\), TLS handshake, Certificate/.test(last),
  }
}
