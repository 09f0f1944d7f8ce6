import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Group, Kind, Materials, Part, Peer, Settings, Transcript, Version } from '../contract.ts'
import { connections, firstChunk, preShared } from '../contract.ts'
import { Child, freePort, lastWords, versionOf } from '../process.ts'
import { groupNamed, groups, suiteNamed } from '../suites.ts'

/** `gnutls-cli` and `gnutls-serv`. */
export const gnutls = (materials: Materials): Peer => ({
  name: 'gnutls',
  closesSilently: ['client'],
  find: () => versionOf('gnutls-cli', ['--version'], /^gnutls-cli \S+/),
  can: { psk: ['client', 'server'], earlyData: ['client'] },
  cannot: (s, part) =>
    (s.keyUpdate === 'server' && part === 'server') || (part === 'client' && s.suite?.includes('ECDHE_PSK'))
      ? 'cli'
      : undefined,
  // the echo server never closes first
  style: (s, part) => (part === 'server' && s.closes === 'server' ? 'get /' : 'echo'),

  async serve(s, style) {
    const port = await freePort()
    const { certificate, key } = materials.leaf(s.certificate)
    const child = new Child('gnutls-serv', [
      ...['-p', `${port}`, ...(s.psk ? [] : ['--x509certfile', certificate, '--x509keyfile', key])],
      ...(s.psk ? ['--pskpasswd', passwords(materials)] : []),
      ...(s.clientCertificate ? ['-r', '--verify-client-cert', '--x509cafile', materials.ca] : ['-a']),
      ...(style !== 'echo' ? ['--http', '--httpdata', materials.payload(s.bytes).file] : ['--echo']),
      ...common(s, 'server'),
    ])
    await child.waitFor(/listening on IPv4 .*done/)
    let ended = 0
    return {
      port,
      async next() {
        if (++ended < connections(s)) return {}
        child.kill('SIGTERM') // it prints the rest of what it has to say
        await child.exited
        const text = child.out.slice(child.out.lastIndexOf('* Accepted connection'))
        if (!text.includes('- Description:')) throw new Error(lastWords(child.err))
        return facts(text)
      },
      close: async () => child.kill(),
    }
  },

  async connect(s, _style, port) {
    const payload = materials.payload(s.bytes).bytes
    const log = join(materials.dir, 'gnutls.log')
    const child = new Child('gnutls-cli', [
      ...['-p', `${port}`, '--x509cafile', materials.ca, '--verify-hostname', 'localhost'],
      ...['--sni-hostname', 'localhost', '--logfile', log, '--inline-commands'],
      ...(s.clientCertificate ? keyPair(materials, s.clientCertificate) : []),
      ...(s.resume ? ['--resume', '--waitresumption'] : []),
      ...(s.psk ? ['--pskusername', preShared.identity, '--pskkey', preShared.key] : []),
      ...(s.earlyData ? ['--earlydata', materials.payload(s.bytes).file] : []),
      ...common(s, 'client'),
      '127.0.0.1',
    ])
    const exchange = async (from: number, to: number): Promise<void> => {
      // it says the contents of the file early, by itself
      if (!s.earlyData) child.write(payload.subarray(from, to))
      await child.until(() => child.out.length >= to)
    }
    await exchange(0, Math.min(firstChunk, payload.length))
    if (s.keyUpdate === 'client') child.write('^rekey1^\n')
    if (payload.length > firstChunk) await exchange(firstChunk, payload.length)
    if (s.closes === 'client') child.endInput()
    const code = await child.exited
    if (code !== 0) throw new Error(`gnutls-cli ended with ${code}: ${lastWords(child.err)}`)
    const back = child.out.slice(0, payload.length)
    if (back !== Buffer.from(payload).toString('latin1')) throw new Error('the payload came back changed')
    return { ...facts(readFileSync(log, 'latin1')), bytes: payload.length }
  },
})

const passwords = (materials: Materials): string => {
  const file = join(materials.dir, 'gnutls.psk')
  writeFileSync(file, `${preShared.identity}:${preShared.key}\n`)
  return file
}

const keyPair = (materials: Materials, kind: Kind): string[] => {
  const { certificate, key } = materials.leaf(kind)
  return ['--x509certfile', certificate, '--x509keyfile', key]
}

const common = (s: Settings, part: Part): string[] => [
  ...['--priority', priority(s, part)],
  ...(s.alpn ? ['--alpn', s.alpn] : []),
  ...(s.resume === 'id' ? ['--noticket'] : []),
]

const priority = (s: Settings, part: Part): string => {
  const [exchange, cipher, mac] = s.suite ? suiteNamed(s.suite).gnutls : []
  const chosen = part === 'server' ? s.serverGroups : s.clientGroups
  return [
    `NORMAL:-VERS-ALL:+VERS-TLS${s.version}`,
    ...(exchange ? [`-KX-ALL:+${exchange}`] : []),
    ...(s.psk && s.version === '1.3' ? ['-KX-ALL:+ECDHE-PSK:+DHE-PSK:+PSK'] : []),
    ...(cipher ? [`-CIPHER-ALL:+${cipher}:-MAC-ALL:+${mac}`] : []),
    ...(chosen ? ['-GROUP-ALL', ...chosen.map((g) => `+GROUP-${groupNamed(g).gnutls}`)] : []),
  ].join(':')
}

/** What is told of the last connection in this text. */
const facts = (text: string): Transcript => {
  const last = text.slice(text.lastIndexOf('- Description:'))
  const [, version, exchange] = last.match(/^- Description: \(TLS([\d.]+)[^)]*\)-\((\S+?)\)/) ?? []
  const group = groups.find((g) => exchange?.endsWith(`-${g.gnutls}`))?.name
  const alpn = last.match(/^- Application protocol: (\S+)/m)
  const subject = text.match(/ subject `CN=([^',]+)/)
  return {
    version: version as Version,
    ...(group ? { group: group as Group } : {}),
    ...(alpn ? { alpn: alpn[1]! } : {}),
    ...(subject ? { peerCertificate: subject[1] as Kind } : {}),
    ...(version === '1.2' ? { encryptThenMac: /^- Options:.*EtM/m.test(last) } : {}),
    resumed: text.includes('*** This is a resumed session'),
  }
}
