import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Kind, Materials, Part, Peer, Settings, Transcript } from '../contract.ts'
import { connections } from '../contract.ts'
import { Child, freePort, lastWords, run, versionOf } from '../process.ts'
import { groupNamed, suiteNamed } from '../suites.ts'

const kinds: Kind[] = ['ecdsa', 'rsa', 'rsa-pss']

/** NSS's test programs `tstclnt` and `selfserv`. */
export const nss = (materials: Materials): Peer => {
  let made: Promise<string> | undefined
  const database = (): Promise<string> => (made ??= makeDatabase(materials))
  return {
    name: 'nss',
    find: async () =>
      (await versionOf('tstclnt', [], /parameters/)) &&
      (await versionOf('selfserv', [], /Usage/)) &&
      'version not told',
    // tstclnt ends when the server does, and selfserv after its one answer
    closer: 'server',
    cannot(s, part) {
      const groups = (part === 'server' ? s.serverGroups : s.clientGroups) ?? []
      if (s.encryptThenMac) return 'etm'
      if (groups.some((g) => !groupNamed(g).nss)) return 'group'
      if (![s.certificate, s.clientCertificate ?? s.certificate].every((kind) => kinds.includes(kind)))
        return 'certificate'
      if (s.keyUpdate === part || (s.alpn && part === 'client')) return 'cli'
      if (part === 'server' && s.bytes > 100000) return 'get-only'
      return undefined
    },
    style: (s, part) => (part === 'server' ? `get ${materials.payload(s.bytes).file}` : 'echo'),

    async serve(s) {
      const port = await freePort()
      const child = new Child('selfserv', [
        ...['-d', await database(), '-p', `${port}`, '-n', s.certificate, '-v'],
        ...(s.clientCertificate ? ['-r', '-r'] : []),
        ...(s.alpn ? ['-Q'] : []),
        ...(s.serverGroups?.some((g) => g.startsWith('ffdhe')) ? ['-H', '1'] : []),
        ...common(s, 'server'),
      ])
      await child.waitFor(/About to call accept/)
      return { port, next: async () => version(child.err), close: async () => child.kill() }
    },

    async connect(s, _style, port) {
      const payload = materials.payload(s.bytes)
      const child = new Child('tstclnt', [
        ...['-d', await database(), '-h', 'localhost', '-4', '-p', `${port}`, '-A', payload.file, '-v'],
        ...(s.clientCertificate ? ['-n', s.clientCertificate] : []),
        ...(s.resume ? ['-L', `${connections(s)}`] : []),
        ...common(s, 'client'),
      ])
      child.endInput()
      const code = await child.exited
      if (code !== 0) throw new Error(`tstclnt ended with ${code}: ${lastWords(child.err)}`)
      const due = Buffer.from(payload.bytes).toString('latin1').repeat(connections(s))
      if (child.out !== due) throw new Error('the payload came back changed')
      return { ...version(child.err), bytes: payload.bytes.length }
    },
  }
}

const common = (s: Settings, part: Part): string[] => {
  const groups = part === 'server' ? s.serverGroups : s.clientGroups
  return [
    ...['-V', `tls${s.version}:tls${s.version}`],
    ...(s.suite ? ['-c', `:${suiteNamed(s.suite).code.toString(16).toUpperCase().padStart(4, '0')}`] : []),
    ...(groups ? ['-I', groups.map((g) => groupNamed(g).nss).join(',')] : []),
    ...(s.resume === 'ticket' ? ['-u'] : []),
    // these keys are not among what it takes by itself
    ...([s.certificate, s.clientCertificate].includes('rsa-pss')
      ? ['-J', 'rsa_pss_pss_sha256,ecdsa_secp256r1_sha256']
      : []),
  ]
}

const version = (text: string): Transcript => {
  const found = text.match(/SSL version 3\.([34])/)
  return found ? { version: found[1] === '4' ? '1.3' : '1.2' } : {}
}

const makeDatabase = async (materials: Materials): Promise<string> => {
  const dir = join(materials.dir, 'nss')
  const database = `sql:${dir}`
  mkdirSync(dir)
  await run('certutil', ['-N', '-d', database, '--empty-password'], { keep: true })
  await run('certutil', ['-A', '-d', database, '-n', 'ca', '-t', 'CT,C,C', '-i', materials.ca], { keep: true })
  for (const kind of kinds) {
    const { certificate, key } = materials.leaf(kind)
    const bundle = join(dir, `${kind}.p12`)
    const to = ['-name', kind, '-passout', 'pass:interop', '-out', bundle]
    await run('openssl', ['pkcs12', '-export', '-in', certificate, '-inkey', key, ...to], { keep: true })
    await run('pk12util', ['-i', bundle, '-d', database, '-W', 'interop'], { keep: true })
  }
  return database
}
