import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Group, Kind, Materials, Peer, Settings, Transcript, Version } from '../contract.ts'
import { connections } from '../contract.ts'
import { Child, freePort, lastWords, versionOf } from '../process.ts'
import { groupNamed, groups, suiteNamed } from '../suites.ts'

/** nginx, as a server of files that also takes them. */
export const nginx = (materials: Materials): Peer => ({
  name: 'nginx',
  closesSilently: ['server'],
  find: () => versionOf('nginx', ['-v'], /nginx\/\S+/),
  can: { earlyData: ['server'] },
  cannot: (s) => (s.keyUpdate === 'server' ? 'config' : undefined),
  style: () => 'put',

  async serve(s) {
    const port = await freePort()
    const dir = mkdtempSync(join(materials.dir, 'nginx-'))
    writeFileSync(join(dir, 'nginx.conf'), configuration(s, materials, dir, port))
    const child = new Child('nginx', ['-p', dir, '-c', join(dir, 'nginx.conf'), '-e', 'stderr'])
    await child.waitFor(/getrlimit/) // it listens by then
    let ended = 0
    return {
      port,
      async next() {
        if (++ended < connections(s)) return {}
        child.kill('SIGQUIT') // once gone, it has written its log
        await child.exited
        const line = readFileSync(join(dir, 'seen'), 'latin1')
          .split('\n')
          .findLast((l) => l.startsWith('GET'))
        if (!line) throw new Error(lastWords(child.err))
        return facts(line, s.bytes)
      },
      close: async () => child.kill('SIGTERM'),
    }
  },
})

const configuration = (s: Settings, materials: Materials, dir: string, port: number): string => {
  const { certificate, key } = materials.leaf(s.certificate)
  const lines = [
    `ssl_certificate ${certificate}; ssl_certificate_key ${key}; ssl_protocols TLSv${s.version};`,
    s.suite && s.version === '1.2' && `ssl_ciphers ${suiteNamed(s.suite).openssl};`,
    s.suite && s.version === '1.3' && `ssl_conf_command Ciphersuites ${s.suite};`,
    s.serverGroups && `ssl_ecdh_curve ${s.serverGroups.map((g) => groupNamed(g).openssl).join(':')};`,
    s.clientCertificate && `ssl_verify_client on; ssl_client_certificate ${materials.ca};`,
    s.resume === 'id' && 'ssl_session_tickets off;',
    s.earlyData && 'ssl_early_data on;',
    s.resume && 'ssl_session_cache shared:sessions:1m;',
  ]
  return `daemon off; master_process off; pid ${dir}/pid; error_log stderr notice;
events {}
http {
  log_format seen '$request_method $ssl_protocol $ssl_cipher $ssl_session_reused $ssl_curve $ssl_alpn_protocol $ssl_client_s_dn';
  access_log ${dir}/seen seen;
  client_body_temp_path ${dir}/body; client_max_body_size 2m; root ${dir};
  server { listen 127.0.0.1:${port} ssl; dav_methods PUT; ${lines.filter(Boolean).join(' ')} }
}
`
}

/** A line of the access log. */
const facts = (line: string, bytes: number): Transcript => {
  const [, version, cipher, reused, curve, alpn, subject] = line.split(' ')
  const group = groups.find((g) => [g.openssl, g.java, g.name === 'P-256' && 'prime256v1'].includes(curve!))?.name
  return {
    version: version!.slice(4) as Version,
    suite: suiteNamed(cipher!).name,
    resumed: reused === 'r',
    ...(group ? { group: group as Group } : {}),
    ...(alpn === '-' ? {} : { alpn: alpn! }),
    ...(subject?.startsWith('CN=') ? { peerCertificate: subject.slice(3) as Kind } : {}),
    bytes,
  }
}
